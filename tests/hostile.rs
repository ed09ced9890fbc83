//! A lying peer can only disappoint: whatever stands in the shared bytes, nothing panics, every call returns, and an
//! end that has noticed keeps saying so.
//!
//! The peer is played by the test, which writes into the ring's memory behind its back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "hostile/bells.rs"]
mod bells;
#[path = "hostile/claims.rs"]
mod claims;
#[path = "hostile/ends.rs"]
mod ends;
#[path = "hostile/kinds.rs"]
mod kinds;
#[path = "hostile/noticed.rs"]
mod noticed;
#[path = "hostile/racing.rs"]
mod racing;
#[path = "hostile/shared.rs"]
mod shared;
#[path = "hostile/tireless.rs"]
mod tireless;

use ends::{CAPACITY, Cargo, Ends};
use kinds::AnyKind;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use ringway::ends::Ring;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use ringway::{Corruption, LayoutError, PopError, PushError, Role, SeatError};
use shared::{MAGIC, Random, Shared};

/// A word to overwrite, in bytes from the start of the segment.
fn spot<K: AnyKind>() -> impl Strategy<Value = usize> {
    let cell = || (0..K::LANES, 0..CAPACITY).prop_map(|(lane, cell)| K::cell(lane, cell));
    prop_oneof![
        10 => select(K::words()),
        6 => cell(),
        6 => cell().prop_map(|at| at + 8),
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
    /// An announcement of something close to where the ring is.
    Announced(i64),
    Owned(i64),
    /// A lost mark for it.
    Lost(i64),
}

impl Lie {
    /// What is to be written instead of `word`, in a ring that is at `position`.
    fn word(&self, position: u64, word: u64) -> u64 {
        let stamp = |more: i64| position.wrapping_add_signed(more).wrapping_add(1);
        match *self {
            Self::Word(word) => word,
            Self::Near(more) => position.wrapping_add_signed(more),
            Self::Off(more) => word.wrapping_add_signed(more),
            Self::Announced(more) => stamp(more) << 1,
            Self::Owned(more) => stamp(more) << 1 | 1,
            Self::Lost(more) => stamp(more) | 1 << 63,
        }
    }
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
        1 => (-12..12_i64).prop_map(Lie::Announced),
        2 => (-12..12_i64).prop_map(Lie::Owned),
        2 => (-12..12_i64).prop_map(Lie::Lost),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Lie(usize, Lie),
    Send(usize, usize),
    Receive(usize),
    NextProducer(usize),
    NextConsumer,
    Inspect,
    Recover,
}

fn step<K: AnyKind>() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (spot::<K>(), lie()).prop_map(|(at, lie)| Step::Lie(at, lie)),
        6 => (0..K::SEATS, any::<usize>()).prop_map(|(which, how)| Step::Send(which, how)),
        6 => any::<usize>().prop_map(Step::Receive),
        1 => (0..K::SEATS).prop_map(Step::NextProducer),
        1 => Just(Step::NextConsumer),
        1 => Just(Step::Inspect),
        1 => Just(Step::Recover),
    ]
}

fn run<K: AnyKind, T: Cargo + ?Sized>(steps: &[Step]) -> Result<(), TestCaseError> {
    let shared = Shared::new();
    let mut ends = Ends::new(shared.ring::<K, T>());
    for step in steps {
        match step {
            Step::Lie(at, lie) => shared.write(*at, lie.word(ends.position(), shared.word(*at))),
            Step::Send(which, how) => ends.send(*which, *how)?,
            Step::Receive(how) => ends.receive(*how)?,
            Step::NextProducer(which) => ends.next_producer(*which),
            Step::NextConsumer => ends.next_consumer(),
            Step::Inspect => ends.inspect(),
            Step::Recover => ends.recover(),
        }
    }
    Ok(())
}

/// Joins what stands there, if that is such a ring, and works with it.
fn attach<K: AnyKind, T: Cargo + ?Sized>(shared: &Shared) -> Result<(), TestCaseError> {
    if let Ok(ring) = Ring::<K, T, _>::attach(shared.clone()) {
        prop_assert!(ring.capacity().is_power_of_two());
        // What does not lie inside of the memory was to be found by `attach`.
        let outside = Some(SeatError::Corrupt(Corruption::Outside));
        prop_assert_ne!(ring.producer().err(), outside);
        prop_assert_ne!(ring.consumer().err(), outside);
        prop_assert_ne!(ring.recover().err(), outside);
        let mut ends = Ends::new(ring);
        for how in 0..40 {
            ends.send(how, how)?;
            ends.receive(how / 2)?;
            ends.inspect();
        }
    }
    Ok(())
}

/// As whatever it can be.
fn attach_as_any(shared: &Shared) -> Result<(), TestCaseError> {
    attach::<Spsc, [u8]>(shared)?;
    attach::<Spsc, u64>(shared)?;
    attach::<Mpsc, [u8]>(shared)?;
    attach::<Mpsc, u64>(shared)?;
    attach::<Lanes, [u8]>(shared)?;
    attach::<Lanes, u64>(shared)
}

/// Where header, object table and role blocks have their words.
fn field<K: AnyKind>() -> impl Strategy<Value = usize> {
    prop_oneof![
        3 => (0..9_usize).prop_map(|word| 8 * word),
        6 => (0..11_usize).prop_map(|word| 256 + 8 * word),
        1 => (16..24_usize).prop_map(|word| 256 + 8 * word),
        2 => spot::<K>(),
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

/// A ring that was made well, and then damaged.
fn damaged<K: AnyKind>(is_bytes: bool, lies: Vec<(usize, Lie)>) -> Result<(), TestCaseError> {
    let shared = Shared::new();
    if is_bytes {
        shared.ring::<K, [u8]>();
    } else {
        shared.ring::<K, u64>();
    }
    for (at, lie) in lies {
        shared.write(at, lie.word(CAPACITY as u64, shared.word(at)));
    }
    attach_as_any(&shared)
}

/// `cases` of them; what failed is printed, and written nowhere.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(700))]

    #[test]
    fn lies_between_operations_on_items_only_disappoint(steps in vec(step::<Spsc>(), 1..80)) {
        run::<Spsc, u64>(&steps)?;
    }

    #[test]
    fn lies_between_operations_on_records_only_disappoint(steps in vec(step::<Spsc>(), 1..80)) {
        run::<Spsc, [u8]>(&steps)?;
    }

    #[test]
    fn lies_between_operations_on_ordered_items_only_disappoint(steps in vec(step::<Mpsc>(), 1..80)) {
        run::<Mpsc, u64>(&steps)?;
    }

    #[test]
    fn lies_between_operations_on_ordered_records_only_disappoint(steps in vec(step::<Mpsc>(), 1..80)) {
        run::<Mpsc, [u8]>(&steps)?;
    }

    #[test]
    fn lies_between_operations_on_lanes_of_items_only_disappoint(steps in vec(step::<Lanes>(), 1..80)) {
        run::<Lanes, u64>(&steps)?;
    }

    #[test]
    fn lies_between_operations_on_lanes_of_records_only_disappoint(steps in vec(step::<Lanes>(), 1..80)) {
        run::<Lanes, [u8]>(&steps)?;
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_damaged_ring_is_refused_or_can_be_worked_with(
        is_bytes: bool,
        of_one in vec((field::<Spsc>(), field_lie()), 1..4),
        ordered in vec((field::<Mpsc>(), field_lie()), 1..4),
        lanes in vec((field::<Lanes>(), field_lie()), 1..4),
    ) {
        damaged::<Spsc>(is_bytes, of_one)?;
        damaged::<Mpsc>(is_bytes, ordered)?;
        damaged::<Lanes>(is_bytes, lanes)?;
    }

    #[test]
    fn any_bytes_can_be_attached_to_and_formatted(seed: u64, magic in prop_oneof![Just(MAGIC), any::<u64>()]) {
        let shared = Shared::new();
        shared.fill(&mut Random::new(seed));
        shared.write(0, magic);
        attach_as_any(&shared)?;
        let made = Ring::<Lanes, u64, _>::format(shared.clone(), &Lanes::options::<u64>());
        prop_assert_eq!(made.is_ok(), magic > 1 && magic != MAGIC || magic == 0);
        if magic != MAGIC {
            fresh::<Spsc, u64>(&shared)?;
            fresh::<Mpsc, u64>(&shared)?;
            fresh::<Lanes, u64>(&shared)?;
        }
    }
}

/// Checks that an empty ring of `T` can be made there, whatever stood there before.
fn fresh<K: AnyKind, T: Cargo + ?Sized>(shared: &Shared) -> Result<(), TestCaseError> {
    shared.write(0, 0);
    let ring = shared.ring::<K, T>();
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

fn memory_is_used_again<K: AnyKind>() {
    let shared = Shared::new();
    for _ in 0..3 {
        fresh::<K, u64>(&shared).unwrap();
        // What is to become the descriptors is full of stamps and infos that would do.
        for cell in 0..CAPACITY {
            shared.write(K::cell(0, cell), cell as u64 + 1);
            shared.write(K::cell(0, cell) + 8, 1 << 32);
        }
        fresh::<K, [u8]>(&shared).unwrap();
    }
    let again = Ring::<K, u64, _>::format(shared.clone(), &K::options::<u64>());
    assert_eq!(again.map(drop), Err(LayoutError::Exists));
    shared.write(0, 1);
    let again = Ring::<K, u64, _>::format(shared.clone(), &K::options::<u64>());
    assert_eq!(again.map(drop), Err(LayoutError::Formatting));
}

#[test]
fn memory_that_held_a_ring_can_be_used_for_another() {
    memory_is_used_again::<Spsc>();
    memory_is_used_again::<Mpsc>();
    memory_is_used_again::<Lanes>();
}
