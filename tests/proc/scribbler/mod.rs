//! A corruptor overwrites words of the ring all the time, while our side works. No call panics,
//! none touches a byte outside of the ring, every call returns, and a handle that has reported
//! corruption keeps reporting it.
//!
//! The corruptor is another thread, which knows the address, or another process, which writes into
//! the segment's file. Our side is two producers (or one), a consumer, and an inspector, which
//! reads seats, recovers and attaches; each on a thread of its own.
//!
//! ```text
//! RINGWAY_SCRIBBLE_SECONDS=30 [RINGWAY_SCRIBBLE_SEED=...] cargo test --release --test proc -- --nocapture scribbler::
//! ```
//! runs so long for each kind of ring. The default is a moment. The seed repeats the corruptor's
//! choices, but not their timing.
//!
//! # Sanitizers
//! AddressSanitizer reports an access outside of the memory, which is exactly as long as the ring.
//!
//! Most of these tests race by design, so ThreadSanitizer must not run them. The library copies
//! payload by plain accesses, and a peer that breaks the protocol races with them (`memory::copy`
//! says why that does no harm). A wrong position is enough: it leads our producer and our consumer
//! to the same cell. The tests `..._control_words_...` are for ThreadSanitizer: one thread has both
//! ends, and the corruptor changes only control words, by atomics. Only the library's own accesses
//! to control words could race there, and none of them may be plain.
#![allow(clippy::disallowed_types)]

mod corruptor;
mod payloads;
mod target;
mod workload;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use corruptor::Corruptor;
use payloads::{RingKind, TestMessage};
use ringway::lanes::Lanes;
use ringway::memory::{Clock, Memory};
use ringway::mpsc::Mpsc;
use ringway::ring::Ring;
use ringway::spsc::Spsc;
use support::Name;
use support::process::{self, Act, Child, Dice, PATIENCE, say};
use target::{Block, SegmentFile};
use workload::{Counts, Parts, Side};

/// How long the corruptor works on each ring by default.
const MOMENT: Duration = Duration::from_millis(200);

fn duration() -> Duration {
    let seconds = env::var("RINGWAY_SCRIBBLE_SECONDS").ok();
    seconds.map_or(MOMENT, |seconds| Duration::from_secs_f64(seconds.parse().unwrap()))
}

fn dice(of: &str) -> Dice {
    let seed = env::var("RINGWAY_SCRIBBLE_SEED").ok().map(|seed| seed.parse().unwrap());
    let dice = seed.map_or_else(Dice::new, Dice::from_seed);
    println!("{of}: RINGWAY_SCRIBBLE_SEED={}", dice.seed());
    dice
}

/// The roles of child processes.
pub const ROLES: &[(&str, Act)] = &[("scribble", scribble_from_outside)];

/// Takes the segment's name and a seed. Writes into the segment's file until the parent hangs up,
/// then prints how often.
fn scribble_from_outside(words: &[&str]) {
    let mut corruptor =
        Corruptor::new(SegmentFile::open(words[0]), Dice::from_seed(words[1].parse().unwrap()), true);
    say("begun");
    let stop = Arc::new(AtomicBool::new(false));
    let heard = stop.clone();
    thread::spawn(move || {
        while process::hear().is_some() {}
        heard.store(true, Relaxed);
    });
    say(corruptor.scribble(&stop));
}

/// Runs our threads until `end`. Returns the sum of their counts. Fails if one of them does not
/// return.
fn work<K: RingKind, T: TestMessage + ?Sized + 'static, M: Memory + Clock + 'static>(
    ring: &Ring<K, T, M>,
    parts: &[Parts],
    end: Instant,
) -> Counts {
    let (done, all_done) = channel();
    for part in parts {
        let (mut side, done) = (Side::new(ring.clone(), *part), done.clone());
        thread::spawn(move || done.send(side.work(end)).unwrap());
    }
    drop(done);
    // A panic closes the channel. A hang leaves it silent. Both fail here.
    let longest = duration() + PATIENCE;
    parts.iter().map(|_| all_done.recv_timeout(longest).expect("a thread does not return")).sum()
}

/// Works until some calls have succeeded and some handles have reported corruption. Otherwise the
/// test would show nothing.
fn work_enough<K: RingKind, T: TestMessage + ?Sized + 'static, M: Memory + Clock + 'static>(
    ring: &Ring<K, T, M>,
    parts: &[Parts],
) -> Counts {
    let begun = Instant::now();
    let mut counts = work(ring, parts, begun + duration());
    while counts.successes < 20 || counts.poisoned == 0 {
        assert!(begun.elapsed() < duration() + PATIENCE, "{counts}");
        counts = [counts, work(ring, parts, Instant::now() + MOMENT)].into_iter().sum();
    }
    counts
}

/// The corruptor has stopped. Each of our threads alone returns in time, though no peer moves the
/// ring.
fn work_alone<K: RingKind, T: TestMessage + ?Sized + 'static, M: Memory + Clock + 'static>(
    ring: &Ring<K, T, M>,
) {
    for part in K::OUR_SIDE {
        work(ring, &[part], Instant::now() + MOMENT / 8);
    }
}

fn report<K: RingKind, T: TestMessage + ?Sized>(who: &str, corruptions: u64, counts: &Counts) {
    println!("{} of {}, {who}: {corruptions} corruptions; {counts}", K::NAME, T::NAME);
    assert!(corruptions > 100, "{corruptions}");
}

/// Corrupts a ring by another thread, which knows its address.
fn a_thread_scribbles<K: RingKind, T: TestMessage + ?Sized + 'static>(parts: &[Parts], payload_too: bool) {
    let block = Block::new(Ring::<K, T>::required_len(&K::options::<T>()));
    let ring = Ring::<K, T, _>::format(block.clone(), &K::options::<T>()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut corruptor = Corruptor::new(block, dice(K::NAME), payload_too);
    let stopped = stop.clone();
    let corruptions = thread::spawn(move || corruptor.scribble(&stopped));
    let counts = work_enough(&ring, parts);
    stop.store(true, Relaxed);
    let corruptions = corruptions.join().unwrap();
    work_alone(&ring);
    report::<K, T>("a thread", corruptions, &counts);
}

/// Corrupts a named segment by another process.
fn a_process_scribbles<K: RingKind, T: TestMessage + ?Sized + 'static>() {
    let name = Name::unique("ringway-scribbler");
    let ring = Ring::<K, T>::create(&name, &K::options::<T>()).unwrap();
    let mut corruptor = Child::start("scribble", &[name.as_str(), &dice(K::NAME).seed().to_string()]);
    corruptor.expect("begun");
    let counts = work_enough(&ring, &K::OUR_SIDE);
    corruptor.hang_up();
    let corruptions = corruptor.line().parse().unwrap();
    corruptor.finish();
    work_alone(&ring);
    report::<K, T>("a process", corruptions, &counts);
}

/// Both ends and the inspector on one thread.
const ALONE: [Parts; 1] = [Parts { producers: 2, consumer: true, inspector: true }];

#[test]
fn items_survive_a_thread_that_corrupts_the_ring() {
    a_thread_scribbles::<Spsc, u64>(&Spsc::OUR_SIDE, true);
    a_thread_scribbles::<Mpsc, u64>(&Mpsc::OUR_SIDE, true);
    a_thread_scribbles::<Lanes, u64>(&Lanes::OUR_SIDE, true);
}

#[test]
fn records_survive_a_thread_that_corrupts_the_ring() {
    a_thread_scribbles::<Spsc, [u8]>(&Spsc::OUR_SIDE, true);
    a_thread_scribbles::<Mpsc, [u8]>(&Mpsc::OUR_SIDE, true);
    a_thread_scribbles::<Lanes, [u8]>(&Lanes::OUR_SIDE, true);
}

#[test]
fn items_survive_a_process_that_corrupts_the_ring() {
    a_process_scribbles::<Spsc, u64>();
    a_process_scribbles::<Mpsc, u64>();
    a_process_scribbles::<Lanes, u64>();
}

#[test]
fn records_survive_a_process_that_corrupts_the_ring() {
    a_process_scribbles::<Spsc, [u8]>();
    a_process_scribbles::<Mpsc, [u8]>();
    a_process_scribbles::<Lanes, [u8]>();
}

#[test]
fn corrupted_control_words_of_items_cause_no_data_race() {
    a_thread_scribbles::<Spsc, u64>(&ALONE, false);
    a_thread_scribbles::<Mpsc, u64>(&ALONE, false);
    a_thread_scribbles::<Lanes, u64>(&ALONE, false);
}

#[test]
fn corrupted_control_words_of_records_cause_no_data_race() {
    a_thread_scribbles::<Spsc, [u8]>(&ALONE, false);
    a_thread_scribbles::<Mpsc, [u8]>(&ALONE, false);
    a_thread_scribbles::<Lanes, [u8]>(&ALONE, false);
}
