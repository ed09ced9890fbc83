//! What the machine allows: the same work with nothing but cache lines and copies. (Bare futexes are in `waiting`.) No ring: no peer that may die or
//! lie, nobody to be told anything. Driven by the same loops as the peers.
use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};
use std::time::Instant;

use crate::cell::{self, Cell, Measure, Place, Plan};
use crate::drive::{
    BytePeer, ByteRx, ByteTx, Hold, Idling, Pause, Peer, Result, Rx, Shape, Tx, Words, sum_of,
};
use crate::place::{
    self, Processes, RECEIVER, SENDER, Shared, Threads, Zeroed, fork, hurry, on, percentiles, shared,
    shared_many,
};

pub fn cells(list: &mut Vec<Cell>) {
    cell::trip::<Threads, Walk<1>, Words<1>>(list, "bare line each way");
    cell::trip::<Threads, Idling<Walk<1>, Pause>, Words<1>>(list, "bare line each way, pausing");
    cell::trip::<Processes, Walk<1>, Words<1>>(list, "bare line each way");
    cell::trip::<Processes, Idling<Walk<1>, Pause>, Words<1>>(list, "bare line each way, pausing");
    cell::trip::<Threads, Walk<7>, Words<7>>(list, "bare line each way");
    cell::trip::<Threads, Idling<Walk<7>, Pause>, Words<7>>(list, "bare line each way, pausing");
    cell::trip::<Processes, Walk<7>, Words<7>>(list, "bare line each way");
    cell::trip::<Processes, Idling<Walk<7>, Pause>, Words<7>>(list, "bare line each way, pausing");
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
    for capacity in [1024, 65_536] {
        cell::stream::<Threads, Lines<7>, Words<7>>(list, "bare lines", capacity);
        cell::stream::<Processes, Lines<7>, Words<7>>(list, "bare lines", capacity);
    }
    cell::copy::<Threads, Slots<4096>>(list, "bare copy");
    cell::copy::<Processes, Slots<4096>>(list, "bare copy");
    cell::custom(list, "copy", "4 KiB through 1 MiB", Place::Threads, "bare memcpy, one thread", memcpy);
}

// ---- Lines with a stamp

/// A message and its number share a line, as close as two cores come.
#[repr(C, align(64))]
struct Stamped<const N: usize> {
    stamp: AtomicU64,
    words: UnsafeCell<[u64; N]>,
}
// SAFETY: the words are written before the stamp that gives them away, and read after it.
unsafe impl<const N: usize> Zeroed for Stamped<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Sync for Stamped<N> {}

#[repr(C, align(128))]
struct Head(AtomicU64);
// SAFETY: an atomic.
unsafe impl Zeroed for Head {}

struct Lines<const N: usize> {
    lines: Arc<Shared<Stamped<N>>>,
    head: Arc<Shared<Head>>,
}

/// Both ends: where it is, and how far the other one was last seen.
struct End<const N: usize> {
    lines: Arc<Shared<Stamped<N>>>,
    head: Arc<Shared<Head>>,
    at: u64,
    limit: u64,
}
struct LineTx<const N: usize>(End<N>);
struct LineRx<const N: usize>(End<N>);

impl<const N: usize> Lines<N> {
    fn end(&self) -> End<N> {
        let (lines, head) = (self.lines.clone(), self.head.clone());
        End { limit: lines.all().len() as u64, lines, head, at: 0 }
    }
}

impl<const N: usize> Peer<Words<N>> for Lines<N> {
    type Tx = LineTx<N>;
    type Rx = LineRx<N>;
    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self { lines: Arc::new(shared_many(shape.capacity)?), head: Arc::new(shared()?) })
    }
    fn tx(&mut self) -> Result<LineTx<N>> {
        Ok(LineTx(self.end()))
    }
    fn rx(&mut self) -> Result<LineRx<N>> {
        Ok(LineRx(self.end()))
    }
}

impl<const N: usize> End<N> {
    #[inline(always)]
    fn line(&self) -> &Stamped<N> {
        let lines = self.lines.all();
        // A power of two.
        &lines[self.at as usize & (lines.len() - 1)]
    }
}

impl<const N: usize> Tx<Words<N>> for LineTx<N> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        let end = &mut self.0;
        if end.at == end.limit {
            // Acquire: the receiver has read what it says it has.
            end.limit = end.head.0.load(Acquire) + end.lines.all().len() as u64;
            if end.at == end.limit {
                return false;
            }
        }
        let line = end.line();
        // SAFETY: below `limit`, so that the receiver is done with what stood there, and not stamped yet.
        unsafe { *line.words.get() = message.0 };
        // Release: the words come first.
        line.stamp.store(end.at + 1, Release);
        end.at += 1;
        true
    }
}

impl<const N: usize> Rx<Words<N>> for LineRx<N> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        let end = &mut self.0;
        let line = end.line();
        // Acquire: the words come with it.
        if line.stamp.load(Acquire) != end.at + 1 {
            return None;
        }
        // SAFETY: stamped for this lap; the sender comes back only when HEAD says so.
        let words = unsafe { *line.words.get() };
        end.at += 1;
        // Seldom, so that it costs nothing: four times a lap.
        if end.at.is_multiple_of(end.lines.all().len() as u64 / 4) {
            // Release: all words up to here were read.
            end.head.0.store(end.at, Release);
        }
        Some(Words(words))
    }
}

/// Lines one after the other, without a look at who has read them: enough where the other side answers before there is more.
struct Walk<const N: usize>(Arc<Shared<Stamped<N>>>);
struct WalkEnd<const N: usize>(Arc<Shared<Stamped<N>>>, u64);

impl<const N: usize> WalkEnd<N> {
    #[inline(always)]
    fn line(&self) -> &Stamped<N> {
        let lines = self.0.all();
        &lines[self.1 as usize & (lines.len() - 1)]
    }
}

impl<const N: usize> Peer<Words<N>> for Walk<N> {
    type Tx = WalkEnd<N>;
    type Rx = WalkEnd<N>;
    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Arc::new(shared_many(shape.capacity)?)))
    }
    fn tx(&mut self) -> Result<WalkEnd<N>> {
        Ok(WalkEnd(self.0.clone(), 0))
    }
    fn rx(&mut self) -> Result<WalkEnd<N>> {
        Ok(WalkEnd(self.0.clone(), 0))
    }
}

impl<const N: usize> Tx<Words<N>> for WalkEnd<N> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        let line = self.line();
        // SAFETY: what stood here was answered, and so read; and it is not stamped yet.
        unsafe { *line.words.get() = message.0 };
        // Release: the words come first.
        line.stamp.store(self.1 + 1, Release);
        self.1 += 1;
        true
    }
}

impl<const N: usize> Rx<Words<N>> for WalkEnd<N> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        let line = self.line();
        // Acquire: the words come with it.
        if line.stamp.load(Acquire) != self.1 + 1 {
            return None;
        }
        // SAFETY: stamped for this lap, and not written again before it is answered.
        let words = unsafe { *line.words.get() };
        self.1 += 1;
        Some(Words(words))
    }
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

// ---- Copies

#[repr(C, align(64))]
struct Slot<const LEN: usize>(UnsafeCell<[u8; LEN]>);
// SAFETY: written while it is the sender's, read while it is the receiver's, as two counters say.
unsafe impl<const LEN: usize> Zeroed for Slot<LEN> {}
// SAFETY: as above.
unsafe impl<const LEN: usize> Sync for Slot<LEN> {}

/// The simplest ring there is: slots of one length, and two counters, each of which the other side remembers.
struct Slots<const LEN: usize> {
    slots: Arc<Shared<Slot<LEN>>>,
    counters: Arc<Shared<Head>>,
}
struct SlotEnd<const LEN: usize> {
    slots: Arc<Shared<Slot<LEN>>>,
    counters: Arc<Shared<Head>>,
    at: u64,
    other: u64,
}
struct SlotTx<const LEN: usize>(SlotEnd<LEN>);
struct SlotRx<const LEN: usize>(SlotEnd<LEN>);

impl<const LEN: usize> Slots<LEN> {
    fn end(&self) -> SlotEnd<LEN> {
        SlotEnd { slots: self.slots.clone(), counters: self.counters.clone(), at: 0, other: 0 }
    }
}

impl<const LEN: usize> SlotEnd<LEN> {
    #[inline(always)]
    fn slot(&self) -> *mut [u8; LEN] {
        let slots = self.slots.all();
        slots[self.at as usize & (slots.len() - 1)].0.get()
    }
    #[inline(always)]
    fn tail(&self) -> &AtomicU64 {
        &self.counters.all()[0].0
    }
    #[inline(always)]
    fn head(&self) -> &AtomicU64 {
        &self.counters.all()[1].0
    }
}

impl<const LEN: usize> BytePeer for Slots<LEN> {
    type Tx = SlotTx<LEN>;
    type Rx = SlotRx<LEN>;
    fn make(shape: &Shape) -> Result<Self> {
        let slots = Arc::new(shared_many(shape.capacity / LEN)?);
        Ok(Self { slots, counters: Arc::new(shared_many(2)?) })
    }
    fn tx(&mut self) -> Result<SlotTx<LEN>> {
        Ok(SlotTx(self.end()))
    }
    fn rx(&mut self) -> Result<SlotRx<LEN>> {
        Ok(SlotRx(self.end()))
    }
}

impl<const LEN: usize> ByteTx for SlotTx<LEN> {
    #[inline(always)]
    fn try_send(&mut self, record: &[u8]) -> bool {
        let end = &mut self.0;
        if end.at == end.other + end.slots.all().len() as u64 {
            // Acquire: the receiver is done with those.
            end.other = end.head().load(Acquire);
            if end.at == end.other + end.slots.all().len() as u64 {
                return false;
            }
        }
        // SAFETY: the receiver is done with this slot, and does not look at it before the store below.
        let slot = unsafe { &mut *end.slot() };
        slot[..record.len()].copy_from_slice(record);
        end.at += 1;
        // Release: the bytes come first.
        end.tail().store(end.at, Release);
        true
    }
}

impl<const LEN: usize> ByteRx for SlotRx<LEN> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        let end = &mut self.0;
        if end.at == end.other {
            // Acquire: the bytes come with it.
            end.other = end.tail().load(Acquire);
            if end.at == end.other {
                return None;
            }
        }
        // SAFETY: below TAIL, so that the sender leaves it alone until HEAD passes it.
        let slot = unsafe { &*end.slot() };
        let sum = sum_of(slot);
        end.at += 1;
        // Release: all of it was read.
        end.head().store(end.at, Release);
        Some(sum)
    }
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
