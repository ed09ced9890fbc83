//! Lies that are told while an operation is under way.
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use proptest::test_runner::TestCaseError;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use ringway::{PopError, Role};

use crate::ends::{CAPACITY, Cargo, Ends};
use crate::kinds::{AnyKind, CONSUMER};
use crate::shared::{Random, Shared};

/// While items are drained, the peers go on stamping, without minding HEAD.
fn a_drain_ends<K: AnyKind, T: Cargo + ?Sized>() {
    let shared = Shared::new();
    let ring = shared.ring::<K, T>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    T::send(&mut tx, 0).unwrap();
    let mut drained = 0;
    let result = T::drain(&mut rx, || {
        drained += 1;
        assert!(drained <= K::LANES * CAPACITY, "more than the ring holds");
        for lane in 0..K::LANES {
            for ahead in 0..CAPACITY {
                let position = shared.word(K::head(lane)) as usize + drained + ahead;
                let cell = K::cell(lane, position);
                // For a byte ring the info of a record of no bytes, else an item.
                shared.write(cell + 8, 1 << 32);
                if shared.word(cell) <= position as u64 {
                    shared.write(cell, position as u64 + 1);
                }
            }
        }
    });
    assert!(result.is_ok() || matches!(result, Err(PopError::Corrupt(_))));
}

#[test]
fn a_drain_of_items_ends_although_the_producers_stamp_on() {
    a_drain_ends::<Spsc, u64>();
    a_drain_ends::<Mpsc, u64>();
    a_drain_ends::<Lanes, u64>();
}

#[test]
fn a_drain_of_records_ends_although_the_producers_stamp_on() {
    a_drain_ends::<Spsc, [u8]>();
    a_drain_ends::<Mpsc, [u8]>();
    a_drain_ends::<Lanes, [u8]>();
}

/// Writes anything anywhere for a while.
fn scribble<K: AnyKind>(liar: &Shared, end: Instant) -> u64 {
    let (mut random, mut told) = (Random::new(7), 0_u64);
    let words = K::words();
    while Instant::now() < end {
        // Mostly where it matters: positions, states, announcements; stamps, infos.
        let at = match random.below(4) {
            0 => words[random.below(words.len())],
            1 | 2 => K::cell(random.below(K::LANES), random.below(CAPACITY)) + 8 * random.below(2),
            _ => CONSUMER + 8 * random.below((liar.len() - CONSUMER) / 8),
        };
        let near = liar.word(K::tail(0)).wrapping_add(random.below(9) as u64).wrapping_sub(4);
        let lie = match random.below(7) {
            0 => random.next(),
            1 => random.below(4) as u64,
            2 => (random.below(600) as u64) | 1 << 32,
            3 => near.wrapping_add(1) | 1 << 63,
            4 => near << 1 | 1,
            5 => near << 1,
            _ => near,
        };
        liar.write(at, lie);
        told += 1;
        // Now and then all is as new, and quiet: lest nothing but corruption be left.
        if told % 64 == 0 {
            (CONSUMER..liar.len()).step_by(8).for_each(|at| liar.write(at, 0));
            thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..random.below(2000) {
            std::hint::spin_loop();
        }
    }
    told
}

/// Two producers, or one, and the consumer work, while somebody scribbles.
fn race<K: AnyKind, T: Cargo + ?Sized + 'static>() {
    const LONG: Duration = Duration::from_secs(60);
    let shared = Shared::new();
    let ring = shared.ring::<K, T>();
    let end = Instant::now() + Duration::from_millis(700);
    let (done, all_done) = mpsc::channel();
    let work = |act: fn(&mut Ends<K, T>, usize) -> Result<(), TestCaseError>, role| {
        let (ring, done) = (ring.clone(), done.clone());
        thread::spawn(move || {
            let (mut ends, mut how) = (Ends::for_one(ring, role), 0);
            while Instant::now() < end {
                act(&mut ends, how).unwrap();
                how += 1;
                if how % 16 == 0 {
                    ends.inspect();
                    ends.next(role);
                }
            }
            done.send(ends.successes()).unwrap();
        });
    };
    let producers = K::SEATS.min(2);
    for _ in 0..producers {
        work(|ends, how| ends.send(0, how), Role::Producer);
    }
    work(Ends::receive, Role::Consumer);
    let liar = shared.clone();
    let told = thread::spawn(move || scribble::<K>(&liar, end));
    // A panic closes the channel, a hang leaves it silent: both are errors here.
    let successes: Vec<_> =
        (0..=producers).map(|_| all_done.recv_timeout(LONG).expect("all ends come back")).collect();
    assert!(told.join().unwrap() > 100 && successes.iter().all(|n| *n > 10), "{successes:?}");
}

#[test]
fn a_peer_that_scribbles_on_items_meanwhile_only_disappoints() {
    race::<Spsc, u64>();
    race::<Mpsc, u64>();
    race::<Lanes, u64>();
}

#[test]
fn a_peer_that_scribbles_on_records_meanwhile_only_disappoints() {
    race::<Spsc, [u8]>();
    race::<Mpsc, [u8]>();
    race::<Lanes, [u8]>();
}
