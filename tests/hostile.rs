//! A lying peer can only disappoint: whatever stands in the shared bytes, nothing panics, every call returns, and an
//! end that has noticed keeps saying so.
//!
//! The peer is played by the test, which writes into the ring's memory behind its back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "hostile/ends.rs"]
mod ends;
#[path = "hostile/noticed.rs"]
mod noticed;
#[path = "hostile/shared.rs"]
mod shared;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ends::{CAPACITY, Ends, Kind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use ringway::spsc::Ring;
use ringway::{Corruption, LayoutError, PopError, PushError, Role, SeatError};
use shared::{CELLS, HEAD, MAGIC, PARKED, ROLE, Random, STATE, Shared, TAIL};

/// A word to overwrite, in bytes from the start of the segment.
fn spot() -> impl Strategy<Value = usize> {
    let cell = 0..CAPACITY;
    prop_oneof![
        4 => Just(HEAD),
        2 => Just(TAIL),
        2 => prop_oneof![Just(HEAD), Just(TAIL)].prop_map(|role| role + STATE),
        1 => prop_oneof![Just(HEAD), Just(TAIL)].prop_map(|role| role + PARKED),
        6 => cell.clone().prop_map(|i| CELLS + 16 * i),
        6 => cell.prop_map(|i| CELLS + 16 * i + 8),
        2 => (0..4096_usize).prop_map(|word| 8 * word),
    ]
}

/// What to write there.
#[derive(Clone, Debug)]
enum Lie {
    Word(u64),
    /// Something close to where the ring is.
    Near(i64),
    /// More or less than what stands there.
    Off(i64),
}

fn lie() -> impl Strategy<Value = Lie> {
    let info = (0..600_u64, 0..4_u64, 0..2_u64).prop_map(|(low, kind, seat)| low | kind << 32 | seat << 48);
    prop_oneof![
        1 => any::<u64>().prop_map(Lie::Word),
        2 => (0..20_u64).prop_map(Lie::Word),
        1 => prop_oneof![Just(1 << 62), Just((1 << 62) - 1), Just(u64::MAX), Just(u64::MAX >> 1)].prop_map(Lie::Word),
        4 => info.prop_map(Lie::Word),
        6 => (-12..12_i64).prop_map(Lie::Near),
        3 => (-12..12_i64).prop_map(Lie::Off),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Lie(usize, Lie),
    Send(usize),
    Receive(usize),
    NextProducer,
    NextConsumer,
    Inspect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (spot(), lie()).prop_map(|(at, lie)| Step::Lie(at, lie)),
        6 => any::<usize>().prop_map(Step::Send),
        6 => any::<usize>().prop_map(Step::Receive),
        1 => Just(Step::NextProducer),
        1 => Just(Step::NextConsumer),
        1 => Just(Step::Inspect),
    ]
}

fn run<T: Kind + ?Sized>(steps: &[Step]) -> Result<(), TestCaseError> {
    let shared = Shared::new();
    let mut ends = Ends::new(shared.ring::<T>());
    for step in steps {
        match step {
            Step::Lie(at, lie) => {
                let word = match lie {
                    Lie::Word(word) => *word,
                    Lie::Near(more) => ends.position().wrapping_add_signed(*more),
                    Lie::Off(more) => shared.word(*at).wrapping_add_signed(*more),
                };
                shared.write(*at, word);
            }
            Step::Send(how) => ends.send(*how)?,
            Step::Receive(how) => ends.receive(*how)?,
            Step::NextProducer => ends.next_producer(),
            Step::NextConsumer => ends.next_consumer(),
            Step::Inspect => ends.inspect(),
        }
    }
    Ok(())
}

/// Joins what stands there, if that is a ring, and works with it.
fn attach<T: Kind + ?Sized>(shared: &Shared) -> Result<(), TestCaseError> {
    if let Ok(ring) = Ring::<T, _>::attach(shared.clone()) {
        prop_assert!(ring.capacity().is_power_of_two());
        // What does not lie inside of the memory was to be found by `attach`.
        let outside = Some(SeatError::Corrupt(Corruption::Outside));
        prop_assert_ne!(ring.producer().err(), outside);
        prop_assert_ne!(ring.consumer().err(), outside);
        let mut ends = Ends::new(ring);
        for how in 0..40 {
            ends.send(how)?;
            ends.receive(how / 2)?;
            ends.inspect();
        }
    }
    Ok(())
}

/// Where header, object table and role blocks have their words.
fn field() -> impl Strategy<Value = usize> {
    prop_oneof![
        3 => (0..9_usize).prop_map(|word| 8 * word),
        6 => (0..10_usize).prop_map(|word| 256 + 8 * word),
        1 => (16..24_usize).prop_map(|word| 256 + 8 * word),
        2 => spot(),
    ]
}

/// What a field may be changed to: often a number that is right for some other ring.
fn field_lie() -> impl Strategy<Value = Lie> {
    prop_oneof![
        2 => lie(),
        2 => (0..64_u32).prop_map(|bit| Lie::Word(1 << bit)),
        2 => (0..64_u64).prop_map(|n| Lie::Word(128 * n)),
        1 => (-64..64_i64).prop_map(|n| Lie::Off(8 * n)),
        1 => Just(Lie::Word(MAGIC)),
        1 => Just(Lie::Word(MAGIC.swap_bytes())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lies_between_operations_on_items_only_disappoint(steps in vec(step(), 1..80)) {
        run::<u64>(&steps)?;
    }

    #[test]
    fn lies_between_operations_on_records_only_disappoint(steps in vec(step(), 1..80)) {
        run::<[u8]>(&steps)?;
    }

    #[test]
    fn a_damaged_ring_is_refused_or_can_be_worked_with(
        is_bytes: bool,
        lies in vec((field(), field_lie()), 1..4),
    ) {
        let shared = Shared::new();
        if is_bytes {
            shared.ring::<[u8]>();
        } else {
            shared.ring::<u64>();
        }
        for (at, lie) in lies {
            let word = match lie {
                Lie::Word(word) => word,
                Lie::Near(more) => (CAPACITY as u64).wrapping_add_signed(more),
                Lie::Off(more) => shared.word(at).wrapping_add_signed(more),
            };
            shared.write(at, word);
        }
        attach::<[u8]>(&shared)?;
        attach::<u64>(&shared)?;
    }

    #[test]
    fn any_bytes_can_be_attached_to_and_formatted(seed: u64, magic in prop_oneof![Just(MAGIC), any::<u64>()]) {
        let shared = Shared::new();
        shared.fill(&mut Random::new(seed));
        shared.write(0, magic);
        attach::<[u8]>(&shared)?;
        attach::<u64>(&shared)?;
        let made = Ring::<u64, _>::format(shared.clone(), &ends::options::<u64>());
        prop_assert_eq!(made.is_ok(), magic > 1 && magic != MAGIC || magic == 0);
        if magic != MAGIC {
            fresh::<u64>(&shared)?;
        }
    }
}

/// Checks that an empty ring of `T` can be made there, whatever stood there before.
fn fresh<T: Kind + ?Sized>(shared: &Shared) -> Result<(), TestCaseError> {
    shared.write(0, 0);
    let ring = shared.ring::<T>();
    prop_assert_eq!(ring.presence(Role::Producer), ringway::Presence::Never);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    prop_assert_eq!((tx.position(), rx.position()), (0, 0));
    for _ in 0..3 {
        for _ in 0..CAPACITY {
            prop_assert_eq!(T::receive(&mut rx, 0), Err(PopError::Empty));
            prop_assert_eq!(T::send(&mut tx, 0), Ok(()));
            prop_assert_eq!(T::receive(&mut rx, 0), Ok(1));
        }
        for _ in 0..CAPACITY {
            prop_assert_eq!(T::send(&mut tx, 0), Ok(()));
        }
        prop_assert_eq!(T::send(&mut tx, 0), Err(PushError::Full));
        prop_assert_eq!(T::receive(&mut rx, usize::MAX), Ok(CAPACITY));
    }
    Ok(())
}

#[test]
fn memory_that_held_a_ring_can_be_used_for_another() {
    let shared = Shared::new();
    for _ in 0..3 {
        fresh::<u64>(&shared).unwrap();
        // What is to become the descriptors is full of stamps and infos that would do.
        for cell in 0..CAPACITY {
            shared.write(CELLS + 16 * cell, cell as u64 + 1);
            shared.write(CELLS + 16 * cell + 8, 1 << 32);
        }
        fresh::<[u8]>(&shared).unwrap();
    }
    let again = Ring::<u64, _>::format(shared.clone(), &ends::options::<u64>());
    assert_eq!(again.map(drop), Err(LayoutError::Exists));
    shared.write(0, 1);
    let again = Ring::<u64, _>::format(shared.clone(), &ends::options::<u64>());
    assert_eq!(again.map(drop), Err(LayoutError::Formatting));
}

/// While items are drained, the peer goes on stamping, without minding HEAD.
fn a_drain_ends<T: Kind + ?Sized>() {
    let shared = Shared::new();
    let ring = shared.ring::<T>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    T::send(&mut tx, 0).unwrap();
    let mut drained = 0;
    let result = T::drain(&mut rx, || {
        drained += 1;
        assert!(drained <= CAPACITY, "more than the ring holds");
        let cell = CELLS + 16 * (drained % CAPACITY);
        // For a byte ring the info of a record of no bytes, else an item.
        shared.write(cell + 8, 1 << 32);
        shared.write(cell, drained as u64 + 1);
    });
    assert!(result.is_ok() || matches!(result, Err(PopError::Corrupt(_))));
}

#[test]

fn a_drain_of_items_ends_although_the_producer_stamps_on() {
    a_drain_ends::<u64>();
}

#[test]

fn a_drain_of_records_ends_although_the_producer_stamps_on() {
    a_drain_ends::<[u8]>();
}

/// Writes anything anywhere for a second, while both ends work.
fn race<T: Kind + ?Sized + 'static>() {
    const LONG: Duration = Duration::from_secs(60);
    let shared = Shared::new();
    let ring = shared.ring::<T>();
    let end = Instant::now() + Duration::from_secs(1);
    let (done, all_done) = mpsc::channel();
    let work = |act: fn(&mut Ends<T>, usize) -> Result<(), TestCaseError>, role| {
        let (ring, done) = (ring.clone(), done.clone());
        thread::spawn(move || {
            let (mut ends, mut how) = (Ends::for_one(ring, role), 0);
            while Instant::now() < end {
                act(&mut ends, how).unwrap();
                how += 1;
                if how % 16 == 0 {
                    ends.next(role);
                }
            }
            done.send(ends.successes()).unwrap();
        });
    };
    work(Ends::send, Role::Producer);
    work(Ends::receive, Role::Consumer);
    let (liar, mut random) = (shared.clone(), Random::new(7));
    let told = thread::spawn(move || {
        let mut told = 0_u64;
        while Instant::now() < end {
            // Mostly where it matters: positions, states, stamps, infos.
            let word = random.below(4 * (ROLE + 16 * CAPACITY) / 8);
            let at = HEAD + 8 * (word % ((liar.len() - HEAD) / 8));
            let lie = match random.below(4) {
                0 => random.next(),
                1 => random.below(4) as u64,
                2 => (random.below(600) as u64) | 1 << 32,
                _ => liar.word(TAIL).wrapping_add(random.below(9) as u64).wrapping_sub(4),
            };
            liar.write(at, lie);
            told += 1;
            // Now and then all is as new, and quiet: lest nothing but corruption be left.
            if told % 64 == 0 {
                (HEAD..liar.len()).step_by(8).for_each(|at| liar.write(at, 0));
                thread::sleep(Duration::from_millis(1));
            }
            for _ in 0..random.below(2000) {
                std::hint::spin_loop();
            }
        }
        told
    });
    // A panic closes the channel, a hang leaves it silent: both are errors here.
    let successes = [(); 2].map(|()| all_done.recv_timeout(LONG).expect("both ends come back"));
    assert!(told.join().unwrap() > 100 && successes.iter().all(|n| *n > 10), "{successes:?}");
}

#[test]
fn a_peer_that_scribbles_on_items_meanwhile_only_disappoints() {
    race::<u64>();
}

#[test]
fn a_peer_that_scribbles_on_records_meanwhile_only_disappoints() {
    race::<[u8]>();
}

/// TAIL is stored after the stamp. A producer that is killed in between leaves it behind by a record, and so may the
/// next one, and the next.
fn deaths_in_a_row<T: Kind + ?Sized>() {
    let shared = Shared::new();
    let ring = shared.ring::<T>();
    let mut rx = ring.consumer().unwrap();
    for _ in 0..4 * CAPACITY {
        let mut tx = ring.producer().unwrap();
        let tail = shared.word(TAIL);
        T::send(&mut tx, 0).unwrap();
        shared.write(TAIL, tail);
        drop(tx);
        assert_eq!(T::receive(&mut rx, 0), Ok(1));
    }
}

#[test]
fn what_the_dead_left_undone_does_not_add_up() {
    deaths_in_a_row::<u64>();
    deaths_in_a_row::<[u8]>();
}
