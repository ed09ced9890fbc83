//! Lies that can be noticed are, with the numbers, and for ever.
use ringway::Corruption::{self, Descriptor, Head, Stamp, Tail};
use ringway::spsc::Ring;
use ringway::{LayoutError, PopError, PushError, SeatError};

use crate::ends::{CAPACITY, Kind};
use crate::shared::{CELLS, HEAD, Shared, TAIL};

/// What a consumer says of a ring with two records, after `lie`; in every way to ask, and ever after.
fn consumer_says<T: Kind + ?Sized>(lie: impl Fn(&Shared)) -> Option<Corruption> {
    let mut said = Vec::new();
    for first in 0..10 {
        let shared = Shared::new();
        let ring = shared.ring::<T>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        T::send(&mut tx, 0).unwrap();
        T::send(&mut tx, 0).unwrap();
        lie(&shared);
        for how in first..first + 10 {
            said.push(match T::receive(&mut rx, how) {
                Err(PopError::Corrupt(what)) => Some(what),
                _ => None,
            });
        }
    }
    assert!(said.iter().all(|what| *what == said[0]), "{said:?}");
    said[0]
}

/// What a producer says of a full ring of which three records were taken, after `lie`; in every way to ask, and
/// ever after.
fn producer_says<T: Kind + ?Sized>(lie: u64) -> Option<Corruption> {
    let mut said = Vec::new();
    for first in 0..8 {
        let shared = Shared::new();
        let ring = shared.ring::<T>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        while T::send(&mut tx, 0).is_ok() {}
        for _ in 0..3 {
            T::receive(&mut rx, 0).unwrap();
        }
        T::send(&mut tx, 0).unwrap();
        while T::send(&mut tx, 0).is_ok() {}
        shared.write(HEAD, lie);
        for how in first..first + 8 {
            said.push(match T::send(&mut tx, how) {
                Err(PushError::Corrupt(what)) => Some(what),
                _ => None,
            });
        }
    }
    assert!(said.iter().all(|what| *what == said[0]), "{said:?}");
    said[0]
}

fn stamps_are_checked<T: Kind + ?Sized>() {
    let says = |stamp| consumer_says::<T>(|shared| shared.write(CELLS, stamp));
    for found in [2, 9, u64::MAX] {
        assert_eq!(says(found), Some(Stamp { position: 0, found }));
    }
    // One that an earlier lap might have left tells nothing.
    assert_eq!(says(0), None);
}

#[test]
fn a_stamp_from_the_future_is_noticed() {
    stamps_are_checked::<u64>();
    stamps_are_checked::<[u8]>();
}

fn head_is_checked<T: Kind + ?Sized>() {
    let (low, high) = (3, CAPACITY as u64 + 3);
    for found in [0, low - 1, high + 1, 1 << 62, u64::MAX] {
        assert_eq!(producer_says::<T>(found), Some(Head { found, low, high }));
    }
    assert_eq!(producer_says::<T>(low), None);
}

#[test]
fn a_head_that_goes_back_or_too_far_is_noticed() {
    head_is_checked::<u64>();
    head_is_checked::<[u8]>();
}

#[test]
fn a_descriptor_that_makes_no_sense_is_noticed() {
    let max = 64 * CAPACITY as u64 / 2;
    let says = |info| consumer_says::<[u8]>(|shared| shared.write(CELLS + 8, info));
    let (record, pad) = (1 << 32, 2 << 32);
    let too_long = [record | (max + 1), record | (2 * max), record | u64::from(u32::MAX)];
    let no_kind = [0, 64, 3 << 32 | 1, 1 << 40 | record, u64::MAX];
    // At the start of a lap there can be no pad; nor is it as large as half the ring.
    let no_pad = [pad, pad | 1, pad | (CAPACITY as u64), pad | (CAPACITY as u64 / 2)];
    for found in too_long.into_iter().chain(no_kind).chain(no_pad) {
        assert_eq!(says(found), Some(Descriptor { position: 0, found }), "{found:#x}");
    }
}

fn seats_check_positions<T: Kind + ?Sized>() {
    let shared = Shared::new();
    let ring = shared.ring::<T>();
    let (low, high) = (0, CAPACITY as u64);
    for found in [high + 1, 1 << 62, u64::MAX] {
        shared.write(TAIL, found);
        let why = ring.producer().err();
        assert_eq!(why, Some(SeatError::Corrupt(Tail { found, low, high })));
    }
    shared.write(TAIL, 0);
    for found in [1 << 62, u64::MAX] {
        shared.write(HEAD, found);
        let why = SeatError::Corrupt(Head { found, low: 0, high: u64::MAX >> 2 });
        assert_eq!((ring.producer().err(), ring.consumer().err()), (Some(why), Some(why)));
    }
    // The seats were given back all the same.
    shared.write(HEAD, 0);
    assert!(ring.producer().is_ok() && ring.consumer().is_ok());
}

#[test]
fn positions_out_of_reach_are_noticed_when_a_seat_is_taken() {
    seats_check_positions::<u64>();
    seats_check_positions::<[u8]>();
}

/// Ends find cells by a mask: a capacity that fits the memory is not enough.
fn capacity_is_checked<T: Kind + ?Sized>() {
    const CAPACITY_FIELD: usize = 256 + 24;
    for found in [0, 3, 6, 7, CAPACITY as u64 + 1, 1 << 63, u64::MAX] {
        let shared = Shared::new();
        shared.ring::<T>();
        shared.write(CAPACITY_FIELD, found);
        let why = Ring::<T, _>::attach(shared.clone()).err();
        assert_eq!(why, Some(LayoutError::Field { field: "capacity", found }));
    }
}

#[test]
fn a_capacity_that_cannot_be_is_refused() {
    capacity_is_checked::<u64>();
    capacity_is_checked::<[u8]>();
}
