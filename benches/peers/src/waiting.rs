//! Waiting: how late a message comes to who sleeps, what waiting costs in CPU time, and what a message does.
//!
//! Processes, all of them. Latency is one way, by the processor's clock, which both cores share: from just before the send until
//! just after the receipt.
//!
//! | work | what |
//! |---|---|
//! | `idle` | a message at a time, so many a second, to one who waits as its kind does; what that costs both |
//! | `rest` | nothing, for ten seconds: what it costs to wait for it |
//! | `wake` | to one who surely sleeps: the kernel said so before the send |
//! | `adaptive` | round trips by calls that wait, beside the same by calls that only try |
//! | `cpu` | a busy stream: CPU time per message, both sides together |
pub mod links;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::thread;
use std::time::{Duration, Instant};

use crate::cell::{self, Cell, Measure, Place, Plan};
use crate::drive::*;
use crate::place::{self, RECEIVER, SENDER, Zeroed, cpu, fork, on, ticks, ticks_after};
use links::{Bare, By, EventFd, Four, Futex, Items, PARK, Pipe, Polled, Records, SPIN, Seqpacket};

const CAPACITY: usize = 1024;

pub fn cells(list: &mut Vec<Cell>) {
    idle::<Items<true, Words<1>>>(list, "ringway");
    idle::<By<PARK, Words<1>>>(list, "ringway, Park");
    // Not once a second: who spins in real time for that long is stopped by the system, for a twentieth of it.
    idle_at::<By<SPIN, Words<1>>>(list, "ringway, Spin", |case| case != "1 Hz");
    idle_at::<Four<Words<1>>>(list, "ringway, Select over 4", |case| case == "1 kHz");
    idle_at::<Polled<Words<1>>>(list, "ringway, Pollable and epoll", |case| case == "1 kHz");
    idle::<Pipe>(list, "pipe");
    idle::<Seqpacket>(list, "seqpacket");
    idle::<Bare<Futex>>(list, "bare futex");
    idle::<Bare<EventFd>>(list, "eventfd");

    rest(list);

    wake::<Items<true, Words<2>>>(list, "ringway");
    wake::<Bare<Futex>>(list, "bare futex");
    wake::<Pipe>(list, "pipe");
    wake::<Seqpacket>(list, "seqpacket");
    wake::<Bare<EventFd>>(list, "eventfd");

    adaptive::<Words<1>>(list, "8 B");
    adaptive::<Words<7>>(list, "56 B");

    cpu_per_message::<Items<false>>(list, "ringway");
    cpu_per_message::<Items<true>>(list, "ringway, waiting");
    cpu_per_message::<Records<false>>(list, "ringway bytes");
    cpu_per_message::<Records<true>>(list, "ringway bytes, waiting");
    cpu_per_message::<Pipe>(list, "pipe");
    cpu_per_message::<Seqpacket>(list, "seqpacket");
}

fn shape(name: String) -> Shape {
    Shape { name, capacity: CAPACITY, producers: 1 }
}

/// In the memory of both sides.
#[derive(Default)]
struct Control {
    /// Whether the other side may begin, or goes on.
    ready: AtomicU64,
    /// How many messages there will be, once that is known; or the last chunk.
    total: AtomicU64,
    /// In ns.
    cpu: AtomicU64,
    /// The sender's system calls.
    calls: AtomicU64,
}
// SAFETY: atomics.
unsafe impl Zeroed for Control {}

/// From the send to the receipt, by both sides' clock.
fn elapsed(sent: u64, received: u64) -> Result<u64> {
    received.checked_sub(sent).ok_or_else(|| {
        format!(
            "received {} ticks before it was sent: the cores' clocks differ, so nothing is measured",
            sent - received
        )
        .into()
    })
}

// ---- Idle, then woken

/// Rates in messages a second, each with how many are sent for a plan of 100 ms.
const RATES: [(u64, u64, &str); 7] = [
    (1, 2, "1 Hz"),
    (10, 10, "10 Hz"),
    (100, 50, "100 Hz"),
    (1_000, 200, "1 kHz"),
    (10_000, 1_000, "10 kHz"),
    (100_000, 10_000, "100 kHz"),
    (1_000_000, 50_000, "1 MHz"),
];

/// How late a message comes to a peer that waits by itself (in `recv`), at all rates.
pub fn idle<P: Peer<Words<1>> + 'static>(list: &mut Vec<Cell>, peer: &str) {
    idle_at::<P>(list, peer, |_| true);
}

fn idle_at<P: Peer<Words<1>> + 'static>(list: &mut Vec<Cell>, peer: &str, wanted: impl Fn(&str) -> bool) {
    for (rate, usual, case) in RATES.into_iter().filter(|(.., case)| wanted(case)) {
        cell::custom(list, "idle", case, Place::Processes, peer, move |plan| {
            let part = plan.timed.as_secs_f64() / 0.1;
            one_at_a_time::<P>(plan, rate, ((usual as f64 * part) as u64).max(2))
        });
    }
}

fn one_at_a_time<P: Peer<Words<1>>>(plan: &Plan, rate: u64, count: u64) -> Result<Measure> {
    // The first is not measured.
    let count = count + 1;
    let control = place::shared::<Control>()?;
    let mut peer = P::make(&shape(plan.name.clone()))?;
    let child = fork(|| {
        let mut tx = peer.tx()?;
        on(SENDER, P::HOLD, || {
            until(|| control.ready.load(Acquire) == 1);
            let (mut sending, mut before) = (0, 0);
            let start = Instant::now();
            for number in 0..count {
                wait_for(start, Duration::from_nanos(1_000_000_000 / rate * number));
                if number == 1 {
                    (sending, before) = (0, links::calls());
                }
                let from = ticks();
                tx.send(&Words([from]), &mut Again);
                sending += ticks() - from;
            }
            // It is in real time, and never sleeps but for room: what it takes is its CPU time.
            control.cpu.store(place::ns(sending) as u64, Relaxed);
            control.calls.store(links::calls() - before, Release);
        });
        // It may be that a message is lost with its sender's end.
        until(|| control.ready.load(Acquire) == 2);
        Ok(())
    })?;
    let mut rx = peer.rx()?;
    let mut late = Vec::with_capacity(count as usize);
    control.calls.store(u64::MAX, Release);
    let (cpu, calls, sleeps, wall) = on(RECEIVER, P::HOLD, || -> Result<_> {
        control.ready.store(1, Release);
        rx.recv(&mut Again);
        let (before, calls, sleeps, start) = (cpu(), links::calls(), place::sleeps(), Instant::now());
        for _ in 1..count {
            let Words([sent]) = rx.recv(&mut Again);
            late.push(elapsed(sent, ticks_after())?);
        }
        Ok((cpu() - before, links::calls() - calls, place::sleeps() - sleeps, start.elapsed()))
    })?;
    until(|| control.calls.load(Acquire) != u64::MAX);
    control.ready.store(2, Release);
    child.wait()?;
    drop(rx);
    let [p50, p99, _] = place::percentiles(&mut late);
    let many = late.len() as f64;
    let measure = Measure::new(p50, "ns", false)
        .with("p99", p99)
        .with("taken in each", many)
        .with("receiver's cpu us per message", cpu / 1e3 / many)
        .with("receiver's cpu ms per second", cpu / 1e6 / wall.as_secs_f64())
        .with("sender's us in each send", control.cpu.load(Relaxed) as f64 / 1e3 / many)
        .with("receiver's sleeps per message", sleeps as f64 / many);
    if !P::COUNTS {
        return Ok(measure);
    }
    let sender = control.calls.load(Relaxed) as f64;
    Ok(measure
        .with("sender's calls per message", sender / many)
        .with("receiver's calls per message", calls as f64 / many))
}

// ---- Nothing, for long

/// Nothing comes, for a hundred times what is usual: ten seconds.
fn rest(list: &mut Vec<Cell>) {
    cell::custom(list, "rest", "nothing for 10 s", Place::Processes, "ringway", |plan| {
        let long = plan.timed * 100;
        let control = place::shared::<Control>()?;
        let mut peer = <Items<true, Words<1>> as Peer<Words<1>>>::make(&shape(plan.name.clone()))?;
        let child = fork(|| {
            let mut tx: links::ItemsTx<true, Words<1>, _> = peer.tx()?;
            until(|| control.ready.load(Acquire) == 1);
            tx.send(&Words([0]), &mut Again);
            thread::sleep(long);
            tx.send(&Words([1]), &mut Again);
            until(|| control.ready.load(Acquire) == 2);
            Ok(())
        })?;
        let mut rx = peer.rx()?;
        control.ready.store(1, Release);
        rx.recv(&mut Again);
        let (before, calls, sleeps, start) = (cpu(), links::calls(), place::sleeps(), Instant::now());
        rx.recv(&mut Again);
        let (used, wall) = (cpu() - before, start.elapsed().as_secs_f64());
        let (calls, sleeps) = (links::calls() - calls, place::sleeps() - sleeps);
        control.ready.store(2, Release);
        child.wait()?;
        Ok(Measure::new(used / 1e3 / wall, "us of cpu per second", false)
            .with("sleeps per second", sleeps as f64 / wall)
            .with("calls per second", calls as f64 / wall)
            .with("seconds", wall))
    });
}

/// Sleeps while there is time, and is awake when the time comes.
fn wait_for(start: Instant, due: Duration) {
    const EARLY: Duration = Duration::from_micros(400);
    if let Some(left) = due.checked_sub(start.elapsed() + EARLY) {
        thread::sleep(left);
    }
    while start.elapsed() < due {
        std::hint::spin_loop();
    }
}

fn until(done: impl Fn() -> bool) {
    while !done() {
        thread::sleep(Duration::from_micros(50));
    }
}

// ---- A sleeper

/// How late a message comes to who sleeps, there and back, for a peer that waits by itself.
pub fn wake<P: Peer<Words<2>> + 'static>(list: &mut Vec<Cell>, peer: &str) {
    cell::custom(list, "wake", "sleeper", Place::Processes, peer, |plan| to_a_sleeper::<P>(plan));
}

/// Says whether a process sleeps.
struct Sleeper(File);

impl Sleeper {
    fn new(process: u32) -> Result<Self> {
        let path = format!("/proc/{process}/stat");
        Ok(Self(File::open(&path).map_err(|error| format!("{path}: {error}"))?))
    }

    /// Waits until it sleeps, and a little more: it is off its core then, and the core idle.
    fn wait(&self) -> Result<()> {
        loop {
            let mut stat = [0; 512];
            let len = self.0.read_at(&mut stat, 0)?;
            // After the name, which is in parentheses.
            let name_end = stat[..len].iter().rposition(|byte| *byte == b')');
            match name_end.and_then(|at| stat.get(at + 2)) {
                Some(b'S') => break,
                Some(b'R' | b'D') => {}
                other => {
                    return Err(format!(
                        "the other process is in state {:?}",
                        other.map(|byte| char::from(*byte))
                    )
                    .into());
                }
            }
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(50) {
            std::hint::spin_loop();
        }
        Ok(())
    }
}

/// Both sides send to each other by turns, each once the other sleeps. The second word says that there will be more, or how
/// late the first came.
fn to_a_sleeper<P: Peer<Words<2>>>(plan: &Plan) -> Result<Measure> {
    const MORE: u64 = 1;
    let control = place::shared::<Control>()?;
    let mut there = P::make(&shape(format!("{}-there", plan.name)))?;
    let mut back = P::make(&shape(format!("{}-back", plan.name)))?;
    let parent = process::id();
    let child = fork(|| {
        let (mut rx, mut tx) = (there.rx()?, back.tx()?);
        let parent = Sleeper::new(parent)?;
        on(SENDER, P::HOLD, || -> Result<()> {
            control.ready.store(process::id().into(), Release);
            loop {
                let Words([sent, more]) = rx.recv(&mut Again);
                let late = elapsed(sent, ticks_after())?;
                parent.wait()?;
                tx.send(&Words([ticks(), late]), &mut Again);
                if more != MORE {
                    break;
                }
            }
            Ok(())
        })?;
        until(|| control.ready.load(Acquire) == 0);
        Ok(())
    })?;
    let (mut tx, mut rx) = (there.tx()?, back.rx()?);
    until(|| control.ready.load(Acquire) != 0);
    let child_sleeps = Sleeper::new(control.ready.load(Relaxed) as u32)?;
    let (mut late, mut trips, mut sends) = (Vec::new(), Vec::new(), Vec::new());
    on(RECEIVER, P::HOLD, || -> Result<()> {
        let start = Instant::now();
        loop {
            let more = start.elapsed() < plan.timed;
            child_sleeps.wait()?;
            let from = ticks();
            tx.send(&Words([from, u64::from(more)]), &mut Again);
            let sent = ticks();
            let Words([back, there_late]) = rx.recv(&mut Again);
            let back_late = elapsed(back, ticks_after())?;
            late.extend([there_late, back_late]);
            trips.push(there_late + back_late);
            sends.push(sent - from);
            if !more {
                return Ok(());
            }
        }
    })?;
    control.ready.store(0, Release);
    child.wait()?;
    let [p50, p99, _] = place::percentiles(&mut late);
    let [trip, ..] = place::percentiles(&mut trips);
    let [send, ..] = place::percentiles(&mut sends);
    Ok(Measure::new(p50, "ns", false)
        .with("p99", p99)
        .with("taken in each", late.len() as f64)
        .with("round trip", trip)
        .with("the sender's own", send))
}

// ---- Calls that wait, where there is nothing to wait for

/// Two cells that do the same, both ways by turns, and say one of the two.
fn adaptive<M: Message + ringway::Item>(list: &mut Vec<Cell>, case: &'static str) {
    for (peer, waits) in [("ringway, spinning", false), ("ringway, adaptive", true)] {
        cell::custom(list, "adaptive", case, Place::Processes, peer, move |plan| {
            let [mut spinning, mut adaptive] = by_turns::<Items<false, M>, Items<true, M>, M>(plan)?;
            let tails = [&mut spinning, &mut adaptive].map(|trips| place::percentiles(trips)[1]);
            let middles = [middle(&spinning), middle(&adaptive)];
            let (own, other) = (usize::from(waits), usize::from(!waits));
            Ok(Measure::new(middles[own], "ns", false)
                .with("p99", tails[own])
                .with("the other, in turns with it", middles[other])
                .with("adaptive / spinning", middles[1] / middles[0]))
        });
    }
}

/// The mean of the middle half, in ns: a median, but finer than a clock that counts in steps of 10 ns.
fn middle(sorted: &[u64]) -> f64 {
    let half = &sorted[sorted.len() / 4..sorted.len() * 3 / 4];
    place::ns(half.iter().sum()) / half.len() as f64
}

/// Round trips through `A` and through `B`, a chunk of either by turns: both have the same minute, and the same cores.
fn by_turns<A: Peer<M>, B: Peer<M>, M: Message>(plan: &Plan) -> Result<[Vec<u64>; 2]> {
    const CHUNK: u64 = 1_000;
    /// Not measured.
    const WARM: u64 = 4;
    let control = place::shared::<Control>()?;
    let name = |which| shape(format!("{}-{which}", plan.name));
    let (mut a_there, mut a_back) = (A::make(&name("a-there"))?, A::make(&name("a-back"))?);
    let (mut b_there, mut b_back) = (B::make(&name("b-there"))?, B::make(&name("b-back"))?);
    let child = fork(|| {
        let (mut a_rx, mut a_tx) = (a_there.rx()?, a_back.tx()?);
        let (mut b_rx, mut b_tx) = (b_there.rx()?, b_back.tx()?);
        on(SENDER, Hold::Firm, || {
            for chunk in 1.. {
                for _ in 0..CHUNK {
                    a_tx.send(&M::new(a_rx.recv(&mut Again).sum()), &mut Again);
                }
                for _ in 0..CHUNK {
                    b_tx.send(&M::new(b_rx.recv(&mut Again).sum()), &mut Again);
                }
                if control.total.load(Acquire) == chunk {
                    break;
                }
            }
        });
        until(|| control.ready.load(Acquire) == 1);
        Ok(())
    })?;
    let mut a = (a_there.tx()?, a_back.rx()?);
    let mut b = (b_there.tx()?, b_back.rx()?);
    let mut trips = [Vec::new(), Vec::new()];
    let expected = on(RECEIVER, Hold::Firm, || {
        let start = Instant::now();
        for chunk in 1.. {
            let is_last = chunk > WARM && start.elapsed() > 2 * plan.timed;
            if is_last {
                control.total.store(chunk, Release);
            }
            let warm = chunk <= WARM;
            if !bounce(&mut a.0, &mut a.1, CHUNK, warm, &mut trips[0])
                || !bounce(&mut b.0, &mut b.1, CHUNK, warm, &mut trips[1])
            {
                return false;
            }
            if is_last {
                break;
            }
        }
        true
    });
    if !expected {
        place::give_up("a message came back that was not sent");
    }
    control.ready.store(1, Release);
    child.wait()?;
    Ok(trips)
}

/// So many round trips; whether what came back was right.
fn bounce<M: Message>(
    tx: &mut impl Tx<M>,
    rx: &mut impl Rx<M>,
    count: u64,
    warm: bool,
    trips: &mut Vec<u64>,
) -> bool {
    let mut is_right = true;
    trips.reserve(count as usize);
    for number in 0..count {
        let message = M::new(number);
        let from = ticks();
        tx.send(&message, &mut Again);
        let back = rx.recv(&mut Again);
        let trip = ticks() - from;
        if !warm {
            trips.push(trip);
        }
        is_right &= back.sum() == M::new(message.sum()).sum();
    }
    is_right
}

// ---- CPU time

/// The CPU time of a message of 64 bytes, one by one and in batches of 64.
pub fn cpu_per_message<P: Peer<Words<8>> + 'static>(list: &mut Vec<Cell>, peer: &str) {
    cell::custom(list, "cpu", "64 B, one by one", Place::Processes, peer, |plan| busy::<P, 1>(plan));
    cell::custom(list, "cpu", "64 B, batches of 64", Place::Processes, peer, |plan| busy::<P, 64>(plan));
}

/// How many messages go before the sender looks at the time, and the receiver at whether that was all.
const BLOCK: u64 = 4_096;

fn busy<P: Peer<Words<8>>, const BATCH: usize>(plan: &Plan) -> Result<Measure> {
    let control = place::shared::<Control>()?;
    let mut peer = P::make(&shape(plan.name.clone()))?;
    let child = fork(|| {
        let mut tx = peer.tx()?;
        on(SENDER, P::HOLD, || {
            until(|| control.ready.load(Acquire) == 1);
            // Warm-up, of more than two laps.
            send_block::<_, BATCH>(&mut tx, 0);
            let (before, calls, start) = (cpu(), links::calls(), Instant::now());
            for block in 1.. {
                let is_last = start.elapsed() > plan.timed;
                if is_last {
                    control.total.store((block + 1) * BLOCK, Release);
                }
                send_block::<_, BATCH>(&mut tx, block * BLOCK);
                if is_last {
                    break;
                }
            }
            control.cpu.store((cpu() - before) as u64, Relaxed);
            control.calls.store(links::calls() - calls, Relaxed);
        });
        until(|| control.ready.load(Acquire) == 2);
        Ok(())
    })?;
    let mut rx = peer.rx()?;
    let (sum, received, own, calls, wall) = on(RECEIVER, P::HOLD, || {
        control.ready.store(1, Release);
        let (mut sum, mut received) = (receive_block::<_, BATCH>(&mut rx), BLOCK);
        let (before, calls, start) = (cpu(), links::calls(), Instant::now());
        while control.total.load(Acquire) != received {
            sum = sum.wrapping_add(receive_block::<_, BATCH>(&mut rx));
            received += BLOCK;
        }
        (sum, received, cpu() - before, links::calls() - calls, start.elapsed())
    });
    control.ready.store(2, Release);
    child.wait()?;
    let expected = (0..received).fold(0_u64, |sum, number| sum.wrapping_add(Words::<8>::new(number).sum()));
    if sum != expected {
        return Err(format!("the sum of what came is {sum:#x}, of what was sent {expected:#x}").into());
    }
    let (timed, sender) = ((received - BLOCK) as f64, control.cpu.load(Relaxed) as f64);
    let measure = Measure::new((own + sender) / timed, "ns", false)
        .with("sender's", sender / timed)
        .with("receiver's", own / timed)
        .with("M/s", timed / wall.as_secs_f64() / 1e6);
    if !P::COUNTS {
        return Ok(measure);
    }
    Ok(measure
        .with("sender's calls per message", control.calls.load(Relaxed) as f64 / timed)
        .with("receiver's calls per message", calls as f64 / timed))
}

#[inline(always)]
fn send_block<T: Tx<Words<8>>, const BATCH: usize>(tx: &mut T, first: u64) {
    if BATCH == 1 {
        return (first..first + BLOCK).for_each(|number| tx.send(&Message::new(number), &mut Again));
    }
    let mut batch = [Words::<8>::new(0); BATCH];
    for start in (first..first + BLOCK).step_by(BATCH) {
        batch.iter_mut().zip(start..).for_each(|(message, number)| *message = Message::new(number));
        let mut sent = 0;
        while sent < BATCH {
            sent += tx.try_send_batch(&batch[sent..]);
        }
    }
}

/// The sum of all.
#[inline(always)]
fn receive_block<R: Rx<Words<8>>, const BATCH: usize>(rx: &mut R) -> u64 {
    let mut sum = 0_u64;
    if BATCH == 1 {
        (0..BLOCK).for_each(|_| sum = sum.wrapping_add(rx.recv(&mut Again).sum()));
        return sum;
    }
    let mut left = BLOCK as usize;
    while left > 0 {
        left -= rx.try_recv_batch(left.min(BATCH), |message| sum = sum.wrapping_add(message.sum()));
    }
    sum
}
