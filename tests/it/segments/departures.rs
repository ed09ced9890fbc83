//! State words as the format page has them, and the departures that a consumer derives from them.
use std::fs::File;
use std::os::unix::fs::FileExt;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use ringway::{Departure, Options, PopError, Presence, Role};

use support::Name;

// Offsets in the file, from the documentation of the segment format.
const ROLES: u64 = 512;
const ROLE: u64 = 512;
const STATE: u64 = 256;
/// Without the common block, in a ring of one producer.
const FIRST_OF_ONE: u64 = 1;
const FIRST_OF_SEVERAL: u64 = 2;

// Of the first holder of a seat.
const LEFT: u64 = 0x102;
const DIED: u64 = 0x103;
const FINISHED: u64 = 0x104;
const UNKNOWN: u64 = 0x105;

fn state_at(first: u64, seat: usize) -> u64 {
    ROLES + ROLE * (first + seat as u64) + STATE
}

/// A ring in whose producer seats these state words stand, and its file.
fn ring_with<K: Kind>(name: &Name, first: u64, states: &[u64]) -> (Ring<K, u64>, File) {
    let options = Options::new().capacity(8).max_producers(states.len());
    let ring = Ring::<K, u64>::create(name, &options).unwrap();
    let file = File::options().read(true).write(true).open(ring.path()).unwrap();
    for (seat, word) in states.iter().enumerate() {
        file.write_all_at(&word.to_ne_bytes(), state_at(first, seat)).unwrap();
    }
    (ring, file)
}

fn departure<K: Kind>(first: u64, states: &[u64]) -> Departure {
    let name = Name::unique("ringway-departure");
    let (ring, _) = ring_with::<K>(&name, first, states);
    match ring.consumer().unwrap().pop() {
        Err(PopError::Closed(how)) => how,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_producer_departs_as_its_state_word_says() {
    for (state, expected) in [
        (LEFT, Departure::Left),
        (DIED, Departure::Died),
        (FINISHED, Departure::Finished),
        (UNKNOWN, Departure::Died),
    ] {
        assert_eq!(departure::<Spsc>(FIRST_OF_ONE, &[state]), expected, "{state:#x}");
    }
}

fn several_depart<K: Kind>() {
    for (states, expected) in [
        ([FINISHED, 0, 0], Departure::Finished),
        ([FINISHED, FINISHED, FINISHED], Departure::Finished),
        ([FINISHED, LEFT, 0], Departure::Left),
        ([LEFT, FINISHED, FINISHED], Departure::Left),
        ([FINISHED, LEFT, DIED], Departure::Died),
        ([DIED, LEFT, FINISHED], Departure::Died),
        ([DIED, FINISHED, 0], Departure::Died),
    ] {
        assert_eq!(departure::<K>(FIRST_OF_SEVERAL, &states), expected, "{states:x?}");
    }
}

#[test]
fn of_several_producers_a_death_counts_first_and_finishing_last() {
    several_depart::<Mpsc>();
    several_depart::<Lanes>();
}

#[test]
fn a_finished_holder_shows_as_left_and_its_seat_is_free() {
    let name = Name::unique("ringway-departure");
    let (ring, file) = ring_with::<Spsc>(&name, FIRST_OF_ONE, &[FINISHED]);
    assert!(matches!(ring.presence(Role::Producer), Presence::Left(_)));
    let tx = ring.producer().unwrap();
    let mut word = [0; 8];
    file.read_exact_at(&mut word, state_at(FIRST_OF_ONE, 0)).unwrap();
    assert_eq!(u64::from_ne_bytes(word), 0x201, "taken by the second holder");
    drop(tx);
}
