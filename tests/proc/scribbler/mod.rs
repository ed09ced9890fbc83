//! A peer that scribbles: while our side works, somebody rewrites words of the ring, any of them, all the time. Nothing panics,
//! nothing outside of the ring is touched, every call returns, and who has noticed goes on saying so.
//!
//! The liar is another thread, which knows the address, or another process, which writes into the segment's file. Our side is two
//! producers (or one), a consumer, and one who looks at seats, repairs, and joins anew; each on a thread of its own.
//!
//! ```text
//! RINGWAY_SCRIBBLE_SECONDS=30 [RINGWAY_SCRIBBLE_SEED=...] cargo test --release --test proc -- --nocapture scribbler::
//! ```
//! So long for each kind of ring; without that it lasts a moment. The seed repeats the liar's choices, not what comes of them.
//!
//! # Sanitizers
//! AddressSanitizer sees who leaves the memory: it is as long as the ring, and not a byte longer.
//!
//! ThreadSanitizer must not see most of this. Payload is copied by plain accesses: that peers keep their hands off it is what the
//! protocol is for, and one that does not races with them by definition (`memory::copy` says why that does no harm). It is
//! enough to lie about positions: our producer and our consumer are then in the same cell at once. So for it there are tests of
//! their own, `..._control_words_...`: one thread has both ends, and the liar changes no payload, and what it changes it
//! changes by atomics. What is left that could race is the library's access to control words, none of which may be plain.
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

use corruptor::Liar;
use payloads::{AnyKind, Cargo};
use ringway::lanes::Lanes;
use ringway::memory::{Clock, Memory};
use ringway::mpsc::Mpsc;
use ringway::ring::Ring;
use ringway::spsc::Spsc;
use support::Name;
use support::process::{self, Act, Child, Dice, PATIENCE, say};
use target::{Block, SegmentFile};
use workload::{Counts, Parts, Side};

/// How long each ring is scribbled on, if nobody says otherwise.
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

/// What child processes of these tests do.
pub const ROLES: &[(&str, Act)] = &[("scribble", scribble_from_outside)];

/// Given the segment's name and a seed: writes lies into its file until its parent hangs up; says how many.
fn scribble_from_outside(words: &[&str]) {
    let mut liar = Liar::new(SegmentFile::open(words[0]), Dice::from_seed(words[1].parse().unwrap()), true);
    say("begun");
    let stop = Arc::new(AtomicBool::new(false));
    let heard = stop.clone();
    thread::spawn(move || {
        while process::hear().is_some() {}
        heard.store(true, Relaxed);
    });
    say(liar.scribble(&stop));
}

/// What each of our threads does, until the time is up; all that they count. Fails if one of them does not come back.
fn work<K: AnyKind, T: Cargo + ?Sized + 'static, M: Memory + Clock + 'static>(
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
    // A panic closes the channel, a hang leaves it silent: both are errors here.
    let longest = duration() + PATIENCE;
    parts.iter().map(|_| all_done.recv_timeout(longest).expect("all of us come back")).sum()
}

/// The same; goes on until something has gone well, and something has not: else nothing is proved.
fn work_enough<K: AnyKind, T: Cargo + ?Sized + 'static, M: Memory + Clock + 'static>(
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

/// What the liar has left stays as it is: each of us alone, who finds that nothing moves any more, is back when its time is up.
fn work_alone<K: AnyKind, T: Cargo + ?Sized + 'static, M: Memory + Clock + 'static>(ring: &Ring<K, T, M>) {
    for part in K::OUR_SIDE {
        work(ring, &[part], Instant::now() + MOMENT / 8);
    }
}

fn report<K: AnyKind, T: Cargo + ?Sized>(who: &str, told: u64, counts: &Counts) {
    println!("{} of {}, {who}: {told} lies; {counts}", K::NAME, T::NAME);
    assert!(told > 100, "{told}");
}

/// Another thread lies, in a ring of which it knows the address.
fn a_thread_scribbles<K: AnyKind, T: Cargo + ?Sized + 'static>(parts: &[Parts], payload_too: bool) {
    let block = Block::new(Ring::<K, T>::required_len(&K::options::<T>()));
    let ring = Ring::<K, T, _>::format(block.clone(), &K::options::<T>()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut liar = Liar::new(block, dice(K::NAME), payload_too);
    let stopped = stop.clone();
    let told = thread::spawn(move || liar.scribble(&stopped));
    let counts = work_enough(&ring, parts);
    stop.store(true, Relaxed);
    let told = told.join().unwrap();
    work_alone(&ring);
    report::<K, T>("a thread", told, &counts);
}

/// Another process lies, in a named segment.
fn a_process_scribbles<K: AnyKind, T: Cargo + ?Sized + 'static>() {
    let name = Name::unique("ringway-scribbler");
    let ring = Ring::<K, T>::create(&name, &K::options::<T>()).unwrap();
    let mut liar = Child::start("scribble", &[name.as_str(), &dice(K::NAME).seed().to_string()]);
    liar.expect("begun");
    let counts = work_enough(&ring, &K::OUR_SIDE);
    liar.hang_up();
    let told = liar.line().parse().unwrap();
    liar.finish();
    work_alone(&ring);
    report::<K, T>("a process", told, &counts);
}

/// Both ends, and all else, on one thread.
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
