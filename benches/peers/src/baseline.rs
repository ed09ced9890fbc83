//! What the machine allows: the same work with nothing but bare memory. (Bare futexes are in `waiting`.) No ring: no peer that may die
//! or lie, nobody to be told anything. Driven by the same loops as the peers.
//!
//! | what | how | limit of |
//! |---|---|---|
//! | bare line each way, both ways | a line there, and a new one or the same one back | round trips |
//! | bare lines, bare slots | a stamp beside each message, in one line or side by side (`stamped`) | what gives away each message |
//! | bare items | messages side by side and two counters (`counted`) | the same |
//! | bare batches | a stamp beside 64 messages (`batched`), or two counters (`counted`) | what gives away 64 at once |
//! | bare copy | records side by side and two counters, read in place or copied out (`counted`) | records of bytes |
//! | bare claim, bare lanes | a claim of the next slot by all, or a ring for each (`many`) | many producers |
mod batched;
mod counted;
mod many;
mod memory;
mod stamped;

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::time::Instant;

use crate::cell::{self, Cell, HELD_BACK, Measure, Place, Plan, RESTING};
use crate::drive::{Aligned, BytePeer, Hold, HoldBack, Idling, Message, Peer, Rest, Result, Words};
use crate::place::{
    self, Processes, RECEIVER, SENDER, Shared, Threads, Zeroed, fork, hurry, on, percentiles, shared,
};
use batched::Batched;
use counted::{Block, Counted, Out, OutByRegisters, There};
use many::{Claim, Lanes};
use stamped::{Line, Stamped, Walk};

pub fn cells(list: &mut Vec<Cell>) {
    trips::<1>(list);
    trips::<7>(list);
    for place in [Place::Threads, Place::Processes] {
        for case in ["8 B", "56 B"] {
            cell::custom(list, "trip", case, place, "bare line both ways", move |plan| {
                bounce::<false>(place, plan)
            });
            cell::custom(list, "trip", case, place, "bare line both ways, pausing", move |plan| {
                bounce::<true>(place, plan)
            });
        }
    }
    slots::<Words<1>, Stamped<u64, 1>>(list, "bare slots");
    slots::<Words<7>, Stamped<Line, 7>>(list, "bare lines");
    // On two lines of its own each slot is slower: more lines to fetch.
    slots::<Words<8>, Stamped<u64, 8>>(list, "bare slots");
    slots::<Words<1>, Counted<_, There>>(list, "bare items");
    slots::<Aligned<7>, Counted<_, There>>(list, "bare items");
    slots::<Aligned<8>, Counted<_, There>>(list, "bare items");
    batches::<Words<1>>(list);
    batches::<Words<7>>(list);
    copies::<Counted<Block<4096>, There>>(list, "bare copy");
    copies::<Counted<Block<4096>, Out>>(list, "bare copy, copied out");
    type ByRegisters = Counted<Block<4096>, OutByRegisters>;
    cell::copy::<Processes, ByRegisters>(list, "bare copy, copied out by registers");
    cell::custom(list, "copy", "4 KiB through 1 MiB", Place::Threads, "bare memcpy, one thread", memcpy);
    in_place::<Stamped<Line, 1, { 4 << 10 }>>(list, 4 << 10, 1 << 20);
    in_place::<Stamped<Line, 1, { 1 << 20 }>>(list, 1 << 20, 4 << 20);
    fan::<Claim<8>>(list, "bare claim");
    fan::<Lanes<8, false>>(list, "bare lanes");
    fan::<Lanes<8, true>>(list, "bare lanes, 1,024 each");
}

/// There and back, by a new line each time.
fn trips<const N: usize>(list: &mut Vec<Cell>) {
    cell::trip::<Threads, Walk<N>, Words<N>>(list, "bare line each way");
    cell::pausing::<Threads, Walk<N>, Words<N>>(list, "bare line each way");
    cell::trip::<Processes, Walk<N>, Words<N>>(list, "bare line each way");
    cell::pausing::<Processes, Walk<N>, Words<N>>(list, "bare line each way");
}

/// One by one; between processes, where ours are compared with it, also with a receiver that holds back as ours does, and with one
/// that rests: how near it follows the sender makes a factor of two, and which of both happens is chance.
fn slots<M: Message, P: Peer<M, Tx: Send>>(list: &mut Vec<Cell>, name: &str) {
    let (held_back, resting) = (&format!("{name}{HELD_BACK}"), &format!("{name}{RESTING}"));
    for capacity in cell::capacities(M::LEN).iter().copied() {
        cell::stream::<Threads, P, M>(list, name, capacity);
        cell::stream::<Processes, P, M>(list, name, capacity);
        cell::stream::<Processes, Idling<P, HoldBack>, M>(list, held_back, capacity);
        cell::stream::<Processes, Idling<P, Rest>, M>(list, resting, capacity);
    }
}

/// 64 at a time: with a stamp for all of them, read where they are or copied out first; and with two counters.
fn batches<M: Message>(list: &mut Vec<Cell>) {
    batch::<M, Batched<M, false>>(list, "bare batches");
    batch::<M, Batched<M, true>>(list, "bare batches, copied out");
    batch::<M, Counted<M, There>>(list, "bare batches, counted");
}

fn batch<M: Message, P: Peer<M, Tx: Send>>(list: &mut Vec<Cell>, name: &str) {
    cell::batch::<Threads, P, M>(list, name);
    cell::batch::<Processes, P, M>(list, name);
    cell::batch_held_back::<Processes, P, M>(list, name);
}

fn copies<P: BytePeer<Tx: Send>>(list: &mut Vec<Cell>, name: &str) {
    let held_back = &format!("{name}{HELD_BACK}");
    cell::copy::<Threads, P>(list, name);
    cell::copy::<Processes, P>(list, name);
    cell::copy::<Processes, Idling<P, HoldBack>>(list, held_back);
}

/// As many exchanges under way as there are slots of this length.
fn in_place<P: BytePeer<Tx: Send>>(list: &mut Vec<Cell>, len: usize, capacity: usize) {
    let held_back = &format!("bare slots{HELD_BACK}");
    cell::in_place_of::<Threads, P>(list, "bare slots", len, capacity);
    cell::in_place_of::<Processes, P>(list, "bare slots", len, capacity);
    cell::in_place_of::<Processes, Idling<P, HoldBack>>(list, held_back, len, capacity);
}

/// As [`slots`], between threads only as it is.
fn fan<P: Peer<Words<8>, Tx: Send>>(list: &mut Vec<Cell>, name: &str) {
    cell::fan::<Threads, P, Words<8>>(list, name);
    cell::fan::<Processes, P, Words<8>>(list, name);
    cell::fan::<Processes, Idling<P, HoldBack>, Words<8>>(list, &format!("{name}{HELD_BACK}"));
    cell::fan::<Processes, Idling<P, Rest>, Words<8>>(list, &format!("{name}{RESTING}"));
}

/// Lines that go to and fro: what the probe of the placement does, for as long as a cell. `PAUSE`: between two looks.
fn bounce<const PAUSE: bool>(place: Place, plan: &Plan) -> Result<Measure> {
    let most = (plan.timed.as_micros() as usize * 4).clamp(10_000, 200_000);
    let lines = place::Lines::new()?;
    let meet: Shared<Meet> = shared()?;
    let mut taken = vec![1; most];
    let answer = || held(SENDER, &meet, || lines.answer::<PAUSE>(most));
    let ask = || held(RECEIVER, &meet, || lines.ask::<PAUSE>(&mut taken));
    beside(place, answer, ask)?;
    let [p50, p99, p999] = percentiles(&mut taken[most / 10..]);
    Ok(Measure::new(p50, "ns", false).with("p99", p99).with("p99.9", p999))
}

/// Copies within one thread, from one cached place to others: what the bytes cost without another core.
fn memcpy(plan: &Plan) -> Result<Measure> {
    let (from, mut ring) = (vec![1_u8; 4096], vec![0_u8; 1 << 20]);
    let mut copied = 0_u64;
    let took = on(RECEIVER, Hold::Firm, || {
        let start = Instant::now();
        while start.elapsed() < plan.timed {
            for slot in ring.chunks_exact_mut(4096) {
                slot.copy_from_slice(black_box(&from));
                copied += 1;
            }
            black_box(&mut ring);
        }
        start.elapsed()
    });
    Ok(Measure::new(copied as f64 / took.as_secs_f64() / 1e6, "M/s", true))
}

// ---- Both sides at once

struct Meet(AtomicU32);
// SAFETY: an atomic.
unsafe impl Zeroed for Meet {}

/// Runs it on its core, in a hurry, once both are there.
fn held<R>(core: usize, meet: &Meet, work: impl FnOnce() -> R) -> R {
    on(core, Hold::Pinned, || {
        meet.0.fetch_add(1, AcqRel);
        while meet.0.load(Acquire) < 2 {
            std::thread::yield_now();
        }
        hurry(true);
        let result = work();
        hurry(false);
        result
    })
}

/// `other` in another thread or process, `this` here.
fn beside(place: Place, other: impl FnOnce() + Send, this: impl FnOnce()) -> Result<()> {
    match place {
        Place::Threads => {
            std::thread::scope(|scope| {
                scope.spawn(other);
                this();
            });
            Ok(())
        }
        Place::Processes => {
            let child = fork(|| {
                other();
                Ok(())
            })?;
            this();
            child.wait()
        }
    }
}
