//! Rings of several producers as files: the format, number by number, damaged ones, and many seats.
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ringway::lanes::{self, Lanes};
use ringway::mpsc::{self, Mpsc};
use ringway::ring::{Kind, Message, Ring};
use ringway::spsc::Spsc;
use ringway::{LayoutError, Options, Role, SeatError, SegmentError};

use super::{Place, assert_tells};
use support::Name;

// Offsets in the file, from the documentation of the segment format.
const LENGTH: u64 = 40;
const OBJECT: u64 = 256;
const KIND: u64 = OBJECT;
const SEATS: u64 = OBJECT + 24;
const SEAT_BLOCKS: u64 = OBJECT + 32;
const CARRIES: u64 = OBJECT + 40;
const PRODUCERS: u64 = OBJECT + 48;
const CAPACITY: u64 = OBJECT + 56;
const STRIDE: u64 = OBJECT + 64;
const READY: u64 = OBJECT + 72;
const DESCRIPTORS: u64 = OBJECT + 80;
const CELLS: u64 = OBJECT + 88;
/// In the order of `format_of`.
const FIELDS: [u64; 10] =
    [KIND, CARRIES, PRODUCERS, CAPACITY, STRIDE, SEATS, READY, DESCRIPTORS, CELLS, LENGTH];

fn word(path: &Path, at: u64) -> u64 {
    let mut bytes = [0; 8];
    File::open(path).unwrap().read_exact_at(&mut bytes, at).unwrap();
    u64::from_ne_bytes(bytes)
}

/// What stands in the fields of a new ring.
fn format_of<K: Kind, T: Message + ?Sized>(capacity: usize, producers: usize) -> [u64; 10] {
    let place = Place::new();
    let path = place.at("ring");
    Ring::<K, T>::create(&path, &Options::new().capacity(capacity).max_producers(producers)).unwrap();
    let fields = FIELDS.map(|at| word(&path, at));
    // Whole pages.
    let beyond = fs::metadata(&path).unwrap().len() - fields[9];
    assert!(beyond < 1 << 16, "{beyond}");
    fields
}

#[test]
fn a_new_ring_has_the_format_that_is_written_down() {
    // Header and object, then role blocks: the consumer's, that of all producers, and theirs.
    let cells = 512 + 512 * (2 + 5);
    let expected = [2, 1, 5, 1024, 16, 512, cells, cells, cells, cells + 1024 * 16];
    assert_eq!(format_of::<Mpsc, u64>(1000, 5), expected);
    let descriptors = cells;
    let cells = descriptors + 64 * 16;
    let expected = [2, 2, 5, 64, 64, 512, descriptors, descriptors, cells, cells + 4096];
    assert_eq!(format_of::<Mpsc, [u8]>(4096, 5), expected);
    // Lanes: a ready bit for each, and cells for each.
    let ready = 512 + 512 * (2 + 70);
    let cells = ready + 128;
    let expected = [3, 1, 70, 8, 16, 512, ready, cells, cells, cells + 70 * 128];
    assert_eq!(format_of::<Lanes, u64>(8, 70), expected);
    let descriptors = ready + 128;
    let cells = descriptors + 70 * 64 * 16;
    let expected = [3, 2, 70, 64, 64, 512, ready, descriptors, cells, cells + 70 * 4096];
    assert_eq!(format_of::<Lanes, [u8]>(4096, 70), expected);
    // Each lane starts on a line of its own.
    let cells = 512 + 512 * (2 + 3) + 128;
    assert_eq!(format_of::<Lanes, u64>(1, 3)[8..], [cells, cells + 3 * 128]);
    // One producer is what there is, whatever was asked for.
    assert_eq!(format_of::<Spsc, u64>(8, 5)[..4], [1, 1, 1, 8]);
    assert_eq!((format_of::<Mpsc, u64>(8, 0)[2], format_of::<Lanes, u64>(8, 0)[2]), (16, 16));
}

/// In a total order there is room for a second word beside each stamp.
#[test]
fn strides_are_what_is_written_down() {
    let stride = |format: [u64; 10]| format[4];
    assert_eq!(stride(format_of::<Mpsc, ()>(8, 2)), 16);
    assert_eq!(stride(format_of::<Lanes, ()>(8, 2)), 8);
    assert_eq!(stride(format_of::<Mpsc, u8>(8, 2)), 16);
    assert_eq!(stride(format_of::<Mpsc, [u64; 7]>(8, 2)), 64);
    assert_eq!(stride(format_of::<Lanes, [u64; 7]>(8, 2)), 64);
    assert_eq!(stride(format_of::<Mpsc, [u64; 8]>(8, 2)), 72);
}

/// What `open` says about a ring of five producers that was made well and then had this word written over another.
fn patched<K: Kind, T: Message + ?Sized>(at: u64, word: u64) -> Result<Ring<K, T>, SegmentError> {
    patched_in(&Place::new(), at, word)
}

fn patched_in<K: Kind, T: Message + ?Sized>(
    place: &Place,
    at: u64,
    word: u64,
) -> Result<Ring<K, T>, SegmentError> {
    let path = place.at("ring");
    let options = Options::new().capacity(1024).max_producers(5);
    Ring::<K, T>::create(&path, &options).unwrap();
    File::options().write(true).open(&path).unwrap().write_all_at(&word.to_ne_bytes(), at).unwrap();
    Ring::<K, T>::open(&path)
}

/// That of a ring so patched, this field is named.
#[track_caller]
fn assert_damaged<K: Kind, T: Message + ?Sized>(at: u64, word: u64, field: &str) {
    let error = patched::<K, T>(at, word).map(drop).unwrap_err();
    let SegmentError::Layout { error: LayoutError::Field { field: named, found }, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(named, field, "{word}");
    assert_tells(&error, true, &["is damaged", &format!("its {field} cannot be {found}"), "create it again"]);
}

fn damage_is_named<K: Kind, T: Message + ?Sized>() {
    let len = Ring::<K, T>::required_len(&Options::new().capacity(1024).max_producers(5)) as u64;
    for producers in [0, 65_536, 1 << 32, u64::MAX] {
        assert_damaged::<K, T>(PRODUCERS, producers, "producers");
    }
    // Others than there are blocks for.
    for producers in [4, 6, 1000, 65_535] {
        let error = patched::<K, T>(PRODUCERS, producers).map(drop).unwrap_err();
        assert_tells(&error, true, &["is damaged", "its seat blocks cannot be 7"]);
    }
    for blocks in [0, 6, 8, 1 << 32, u64::MAX] {
        assert_damaged::<K, T>(SEAT_BLOCKS, blocks, "seat blocks");
    }
    let ready = 512 + 512 * 7;
    for offset in [0, 512, ready - 128, ready + 1, ready + 64, len + 128, u64::MAX - 127, u64::MAX] {
        assert_damaged::<K, T>(READY, offset, "ready");
    }
    // Inside of what comes after it.
    assert_damaged::<K, T>(READY, len - 128, "descriptors");
    for offset in [0, 511, 640, 1 << 62] {
        assert_damaged::<K, T>(SEATS, offset, if offset == 640 { "ready" } else { "seats" });
    }
    assert_damaged::<K, T>(DESCRIPTORS, ready - 128, "descriptors");
    assert_damaged::<K, T>(CELLS, len + 128, "cells");
    assert_damaged::<K, T>(CELLS, len - 128, "capacity");
    assert_damaged::<K, T>(CAPACITY, 3, "capacity");
}

#[test]
fn a_damaged_field_of_a_ring_of_several_is_named() {
    damage_is_named::<Mpsc, u64>();
    damage_is_named::<Mpsc, [u8]>();
    damage_is_named::<Lanes, u64>();
    damage_is_named::<Lanes, [u8]>();
}

/// Opens a ring with any word of header and object replaced; where that goes unnoticed, uses it.
fn no_word_makes_it_panic<K: Kind>() {
    for at in (0..OBJECT + 256).step_by(8) {
        for word in [0, 1, 7, 64, 512, 1 << 20, 1 << 32, 1 << 63, u64::MAX - 127, u64::MAX] {
            let place = Place::new();
            if let Ok(ring) = patched_in::<K, [u8]>(&place, at, word) {
                let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
                tx.try_push(&[1; 100]).unwrap();
                assert_eq!(rx.try_read().unwrap().len(), 100);
            }
        }
    }
}

#[test]
fn no_word_of_header_or_object_makes_a_ring_of_several_panic() {
    no_word_makes_it_panic::<Mpsc>();
    no_word_makes_it_panic::<Lanes>();
}

#[test]
fn another_kind_of_ring_is_told_by_its_name() {
    let name = Name::unique("ringway-kinds");
    lanes::Ring::<u64>::create(&name, &Options::new().capacity(8).max_producers(2)).unwrap();
    let error = mpsc::Ring::<u64>::open(&name).map(drop).unwrap_err();
    let meant =
        matches!(error, SegmentError::Layout { error: LayoutError::Kind { found: 3, expected: 2 }, .. });
    let ring = format!("ring `{}`", name.as_str());
    assert_tells(&error, meant, &[&ring, "is a ring of kind `lanes`, not `mpsc`", "module of that name"]);
    let error = Ring::<Spsc, u64>::open_or_create(&name, &Options::new()).map(drop).unwrap_err();
    assert_tells(&error, true, &["is a ring of kind `lanes`, not `spsc`"]);
    let error = patched::<Mpsc, u64>(KIND, 7).map(drop).unwrap_err();
    assert_tells(&error, true, &["kind 7", "newer version", "not `mpsc`"]);
}

/// Seats belong to the segment, not to the handle through which they were taken.
#[test]
fn a_thousand_seats_are_shared_by_all_who_open_the_segment() {
    fn of_kind<K: Kind>() {
        let name = Name::unique("ringway-thousand");
        let options = Options::new().capacity(4).max_producers(1000);
        let made = Ring::<K, u64>::create(&name, &options).unwrap();
        let joined = Ring::<K, u64>::open(&name).unwrap();
        assert_eq!((made.max_producers(), joined.max_producers()), (1000, 1000));
        let mut of_one: Vec<_> = (0..600).map(|_| made.producer().unwrap()).collect();
        let of_other: Vec<_> = (0..400).map(|_| joined.producer().unwrap()).collect();
        assert_eq!((of_one[599].seat(), of_other[399].seat()), (599, 999));
        let all = SeatError::AllTaken { role: Role::Producer, seats: 1000, unresolved: 0 };
        let third = Ring::<K, u64>::open(&name).unwrap();
        assert_eq!([&made, &joined, &third].map(|ring| ring.producer().err()), [Some(all); 3]);
        of_one.remove(123);
        let mut tx = third.producer().unwrap();
        assert_eq!((tx.seat(), joined.producer().err()), (123, Some(all)));
        tx.try_push(&7).unwrap();
        assert_eq!(made.consumer().unwrap().try_pop(), Ok(7));
    }
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}

#[test]
fn more_producers_than_can_be_are_refused_in_words() {
    let place = Place::new();
    for producers in [65_536, usize::MAX] {
        let options = Options::new().capacity(4).max_producers(producers);
        let error = mpsc::Ring::<u64>::create(place.at("ring"), &options).map(drop).unwrap_err();
        assert_tells(&error, true, &[&format!("cannot have {producers} producers; 65535 is the most")]);
        assert!(lanes::Ring::<[u8]>::create(place.at("ring"), &options).is_err());
    }
    assert!(!place.at("ring").exists());
}
