//! A lying peer can only disappoint: whatever stands in the shared bytes, nothing panics, every call returns, and an
//! end that has noticed keeps saying so.
//!
//! The peer is played by the test, which writes into the ring's memory behind its back.

mod detected;
pub mod ends;
mod lanes;
pub mod layout;
pub mod memory;
mod mid_operation;
mod mpsc_claims;
mod script;
mod script_bytes;
mod unbounded_work;

use std::fs;
use std::path::Path;

use ends::{CAPACITY, Cargo};
use layout::KindLayout;
use memory::{MAGIC, Random, Shared};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::Ring;
use ringway::spsc::Spsc;
use ringway::{LayoutError, PopError, PushError, Role};
use script::{Lie, Scene, Step, attach_as_any};
use support::Name;

/// A word to overwrite, in bytes from the start of the segment.
fn spot<K: KindLayout>() -> impl Strategy<Value = usize> {
    let cell = || (0..K::LANES, 0..CAPACITY).prop_map(|(lane, cell)| K::cell(lane, cell));
    prop_oneof![
        10 => select(K::words()),
        6 => cell(),
        6 => cell().prop_map(|at| at + 8),
        2 => (0..4096_usize).prop_map(|word| 8 * word),
    ]
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

/// A ring of one of the sizes there can be, with a witness or without, and what happens to it.
fn life<K: KindLayout>() -> impl Strategy<Value = (Scene, Vec<Step>)> {
    let scene = (0..=CAPACITY.ilog2(), any::<bool>(), 0..20_usize);
    let scene = scene.prop_map(|(size, has_witness, before)| Scene { cells: 1 << size, has_witness, before });
    (scene, vec(step::<K>(), 1..80))
}

fn step<K: KindLayout>() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (spot::<K>(), lie()).prop_map(|(at, lie)| Step::Lie(at, lie)),
        6 => (0..K::SEATS, any::<usize>()).prop_map(|(which, how)| Step::Send(which, how)),
        6 => any::<usize>().prop_map(Step::Receive),
        1 => (0..K::SEATS).prop_map(Step::NextProducer),
        1 => (0..K::SEATS).prop_map(Step::AnotherProducer),
        1 => (0..K::SEATS).prop_map(Step::KillProducer),
        1 => prop_oneof![Just(Step::NextConsumer), Just(Step::KillConsumer), Just(Step::Greet)],
        1 => Just(Step::Inspect),
        1 => Just(Step::Recover),
    ]
}

fn live<K: KindLayout, T: Cargo + ?Sized>((scene, steps): &(Scene, Vec<Step>)) {
    script::run::<K, T>(scene, steps);
}

/// Where header, object table and role blocks have their words.
fn field<K: KindLayout>() -> impl Strategy<Value = usize> {
    prop_oneof![
        3 => (0..9_usize).prop_map(|word| 8 * word),
        6 => (0..16_usize).prop_map(|word| 256 + 8 * word),
        1 => (16..32_usize).prop_map(|word| 256 + 8 * word),
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
fn damaged<K: KindLayout>(is_bytes: bool, lies: Vec<(usize, Lie)>) {
    let shared = Shared::new();
    if is_bytes {
        shared.ring::<K, [u8]>();
    } else {
        shared.ring::<K, u64>();
    }
    for (at, lie) in lies {
        shared.write(at, lie.word(CAPACITY as u64, shared.word(at)));
    }
    attach_as_any(&shared);
}

/// `cases` of them; what failed is printed, and written nowhere.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(700))]

    #[test]
    fn lies_between_operations_on_items_only_disappoint(life in life::<Spsc>()) {
        live::<Spsc, u64>(&life);
    }

    #[test]
    fn lies_between_operations_on_records_only_disappoint(life in life::<Spsc>()) {
        live::<Spsc, [u8]>(&life);
    }

    #[test]
    fn lies_between_operations_on_ordered_items_only_disappoint(life in life::<Mpsc>()) {
        live::<Mpsc, u64>(&life);
    }

    #[test]
    fn lies_between_operations_on_ordered_records_only_disappoint(life in life::<Mpsc>()) {
        live::<Mpsc, [u8]>(&life);
    }

    #[test]
    fn lies_between_operations_on_lanes_of_items_only_disappoint(life in life::<Lanes>()) {
        live::<Lanes, u64>(&life);
    }

    #[test]
    fn lies_between_operations_on_lanes_of_records_only_disappoint(life in life::<Lanes>()) {
        live::<Lanes, [u8]>(&life);
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
        damaged::<Spsc>(is_bytes, of_one);
        damaged::<Mpsc>(is_bytes, ordered);
        damaged::<Lanes>(is_bytes, lanes);
    }

    #[test]
    fn a_damaged_ring_of_any_length_can_be_joined_or_not(
        mut tape in vec(any::<u8>(), 2..60),
        is_file in prop::bool::weighted(0.2),
    ) {
        // The lower numbers are damaged least.
        tape[0] = tape[0] % 42 + if is_file { 42 } else { 0 };
        script_bytes::attach(&tape, &Path::new("/dev/shm").join(Name::unique("ringway-damaged")));
    }

    #[test]
    fn any_bytes_can_be_attached_to_and_formatted(seed: u64, magic in prop_oneof![Just(MAGIC), any::<u64>()]) {
        let shared = Shared::new();
        shared.fill(&mut Random::new(seed));
        shared.write(0, magic);
        attach_as_any(&shared);
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
fn fresh<K: KindLayout, T: Cargo + ?Sized>(shared: &Shared) -> Result<(), TestCaseError> {
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

fn memory_is_used_again<K: KindLayout>() {
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

/// What the fuzzer starts from, and what it has found: see `tests/fuzz`.
#[test]
fn what_was_found_once_stays_mended() {
    // The package may be one that stands deeper.
    let mut places =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|at| at.join("tests/it/hostile/seeds"));
    let seeds = places.find(|at| at.is_dir()).unwrap();
    let name = Name::unique("ringway-seeds");
    let path = Path::new("/dev/shm").join(&name);
    let bytes = |line: &str| -> Vec<u8> {
        let digits = |at| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
        (0..line.len()).step_by(2).map(digits).collect()
    };
    let play = |target: &str, play: &dyn Fn(&[u8])| {
        let text = fs::read_to_string(seeds.join(target)).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(|line| play(&bytes(line))).count()
    };
    assert!(play("state", &script_bytes::state) > 0);
    assert!(play("attach", &|tape| script_bytes::attach(tape, &path)) > 0);
}
