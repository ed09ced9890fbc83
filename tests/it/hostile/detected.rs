//! Lies that can be noticed are, with the numbers, and for ever.
use ringway::Corruption::{self, Descriptor, Head, Stamp, Tail};
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::Ring;
use ringway::spsc::Spsc;
use ringway::{Departure, LayoutError, PopError, PushError, SeatError};

use super::ends::{CAPACITY, Cargo, WAITS};
use super::layout::{KindLayout, STATE};
use super::memory::Shared;

/// What is to be noticed, in every ring.
fn everywhere(of_one: [fn(); 2], ordered: [fn(); 2], lanes: [fn(); 2]) {
    of_one.into_iter().chain(ordered).chain(lanes).for_each(|check| check());
}

/// What a consumer says of a ring with two records, after `lie`; in every way to ask, and ever after.
pub fn consumer_says<K: KindLayout, T: Cargo + ?Sized>(lie: impl Fn(&Shared)) -> Option<Corruption> {
    let mut said = Vec::new();
    for first in 0..10 {
        let shared = Shared::new();
        let ring = shared.ring::<K, T>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        T::send(&mut tx, 0).unwrap();
        T::send(&mut tx, 0).unwrap();
        lie(&shared);
        // What nobody has stamped is asked about only when it is waited for.
        let _looked = T::receive(&mut rx, WAITS);
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
pub fn producer_says<K: KindLayout, T: Cargo + ?Sized>(lie: u64) -> Option<Corruption> {
    let mut said = Vec::new();
    for first in 0..8 {
        let shared = Shared::new();
        let ring = shared.ring::<K, T>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        while T::send(&mut tx, 0).is_ok() {}
        for _ in 0..3 {
            T::receive(&mut rx, 0).unwrap();
        }
        T::send(&mut tx, 0).unwrap();
        while T::send(&mut tx, 0).is_ok() {}
        shared.write(K::head(0), lie);
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

fn stamps_are_checked<K: KindLayout, T: Cargo + ?Sized>() {
    let says = |stamp| consumer_says::<K, T>(|shared| shared.write(K::cell(0, 0), stamp));
    for found in [2, 9, u64::MAX] {
        assert_eq!(says(found), Some(Stamp { position: 0, found }));
    }
    // One that an earlier lap might have left tells nothing; unless TAIL says that there is more.
    let missing = K::IS_ORDERED.then_some(Corruption::Unclaimed { position: 0 });
    assert_eq!(says(0), missing);
}

fn iterators_end<K: KindLayout>() {
    let shared = Shared::new();
    let ring = shared.ring::<K, u64>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.try_push_slice(&[1, 2]).unwrap();
    let second = K::cell(0, 1);
    shared.write(second, 99);
    let corrupt = Some(Err(PopError::Corrupt(Stamp { position: 1, found: 99 })));
    let mut iter = rx.iter();
    assert_eq!([(); 4].map(|()| iter.next()), [Some(Ok(1)), corrupt, None, None]);
    let mut iter = rx.try_iter();
    assert_eq!([(); 3].map(|()| iter.next()), [corrupt, None, None]);
}

#[test]
fn an_iterator_returns_corruption_once() {
    iterators_end::<Spsc>();
    iterators_end::<Mpsc>();
    iterators_end::<Lanes>();
}

#[test]
fn a_stamp_from_the_future_is_noticed() {
    everywhere(
        [stamps_are_checked::<Spsc, u64>, stamps_are_checked::<Spsc, [u8]>],
        [stamps_are_checked::<Mpsc, u64>, stamps_are_checked::<Mpsc, [u8]>],
        [stamps_are_checked::<Lanes, u64>, stamps_are_checked::<Lanes, [u8]>],
    );
}

fn head_is_checked<K: KindLayout, T: Cargo + ?Sized>() {
    let (low, high) = (3, CAPACITY as u64 + 3);
    for found in [0, low - 1, high + 1, 1 << 62, u64::MAX] {
        let told = match found {
            // Where TAIL is anybody's, it may be TAIL that lies.
            _ if K::IS_ORDERED && found == high + 1 => {
                Tail { found: high, low: found, high: found + low + 5 }
            }
            _ if K::IS_ORDERED => Head { found, low, high: u64::MAX >> 2 },
            _ => Head { found, low, high },
        };
        assert_eq!(producer_says::<K, T>(found), Some(told));
    }
    assert_eq!(producer_says::<K, T>(low), None);
}

#[test]
fn a_head_that_goes_back_or_too_far_is_noticed() {
    everywhere(
        [head_is_checked::<Spsc, u64>, head_is_checked::<Spsc, [u8]>],
        [head_is_checked::<Mpsc, u64>, head_is_checked::<Mpsc, [u8]>],
        [head_is_checked::<Lanes, u64>, head_is_checked::<Lanes, [u8]>],
    );
}

fn descriptors_are_checked<K: KindLayout>() {
    let max = 64 * CAPACITY as u64 / 2;
    let says = |info| consumer_says::<K, [u8]>(|shared| shared.write(K::cell(0, 0) + 8, info));
    let (record, pad) = (1 << 32, 2 << 32);
    let too_long = [record | (max + 1), record | (2 * max), record | u64::from(u32::MAX)];
    let no_kind = [0, 64, 3 << 32 | 1, 1 << 40 | record, u64::MAX];
    // At the start of a lap there can be no pad; nor is it as large as half the ring.
    let no_pad = [pad, pad | 1, pad | (CAPACITY as u64), pad | (CAPACITY as u64 / 2)];
    for found in too_long.into_iter().chain(no_kind).chain(no_pad) {
        // In a total order, any number of cells up to the end of the lap may have been given up.
        if !K::IS_ORDERED || !(1..=CAPACITY as u64).contains(&(found ^ pad)) {
            assert_eq!(says(found), Some(Descriptor { position: 0, found }), "{found:#x}");
        }
    }
    let beyond_the_lap = pad | (CAPACITY as u64 + 1);
    assert_eq!(says(beyond_the_lap), Some(Descriptor { position: 0, found: beyond_the_lap }));
}

#[test]
fn a_descriptor_that_makes_no_sense_is_noticed() {
    descriptors_are_checked::<Spsc>();
    descriptors_are_checked::<Mpsc>();
    descriptors_are_checked::<Lanes>();
}

fn seats_check_positions<K: KindLayout, T: Cargo + ?Sized>() {
    let shared = Shared::new();
    let ring = shared.ring::<K, T>();
    let (low, high) = (0, CAPACITY as u64);
    for found in [high + 1, 1 << 62, u64::MAX] {
        shared.write(K::tail(0), found);
        let why = ring.producer().err();
        assert_eq!(why, Some(SeatError::Corrupt(Tail { found, low, high })));
    }
    shared.write(K::tail(0), 0);
    for found in [1 << 62, u64::MAX] {
        shared.write(K::head(0), found);
        let why = SeatError::Corrupt(Head { found, low: 0, high: u64::MAX >> 2 });
        assert_eq!((ring.producer().err(), ring.consumer().err()), (Some(why), Some(why)));
    }
    // The seats were given back all the same.
    shared.write(K::head(0), 0);
    assert!(ring.producer().is_ok() && ring.consumer().is_ok());
}

#[test]
fn positions_out_of_reach_are_noticed_when_a_seat_is_taken() {
    everywhere(
        [seats_check_positions::<Spsc, u64>, seats_check_positions::<Spsc, [u8]>],
        [seats_check_positions::<Mpsc, u64>, seats_check_positions::<Mpsc, [u8]>],
        [seats_check_positions::<Lanes, u64>, seats_check_positions::<Lanes, [u8]>],
    );
}

/// Ends find cells by a mask: a capacity that fits the memory is not enough.
fn capacity_is_checked<K: KindLayout, T: Cargo + ?Sized>() {
    const CAPACITY_FIELD: usize = 256 + 56;
    for found in [0, 3, 6, 7, CAPACITY as u64 + 1, 1 << 63, u64::MAX] {
        let shared = Shared::new();
        shared.ring::<K, T>();
        shared.write(CAPACITY_FIELD, found);
        let why = Ring::<K, T, _>::attach(shared.clone()).err();
        assert_eq!(why, Some(LayoutError::Field { field: "capacity", found }));
    }
}

#[test]
fn a_capacity_that_cannot_be_is_refused() {
    everywhere(
        [capacity_is_checked::<Spsc, u64>, capacity_is_checked::<Spsc, [u8]>],
        [capacity_is_checked::<Mpsc, u64>, capacity_is_checked::<Mpsc, [u8]>],
        [capacity_is_checked::<Lanes, u64>, capacity_is_checked::<Lanes, [u8]>],
    );
}

/// TAIL is stored after the stamp. A producer that is killed in between leaves it behind by a record, and so may the
/// next one, and the next.
fn deaths_in_a_row<K: KindLayout, T: Cargo + ?Sized>() {
    let shared = Shared::new();
    let ring = shared.ring::<K, T>();
    let mut rx = ring.consumer().unwrap();
    for _ in 0..4 * CAPACITY {
        let mut tx = ring.producer().unwrap();
        let tail = shared.word(K::tail(0));
        T::send(&mut tx, 0).unwrap();
        shared.write(K::tail(0), tail);
        drop(tx);
        assert_eq!(T::receive(&mut rx, 0), Ok(1));
    }
}

#[test]
fn what_the_dead_left_undone_does_not_add_up() {
    deaths_in_a_row::<Spsc, u64>();
    deaths_in_a_row::<Spsc, [u8]>();
    deaths_in_a_row::<Lanes, u64>();
    deaths_in_a_row::<Lanes, [u8]>();
}

/// Of several producers, one that died is told of, in whatever seat and in whatever order they went.
fn a_death_is_told<K: KindLayout>() {
    for dead in 0..K::SEATS {
        let shared = Shared::new();
        let ring = shared.ring::<K, u64>();
        let mut rx = ring.consumer().unwrap();
        let ends: Vec<_> = (0..K::SEATS).map(|_| ring.producer().unwrap()).collect();
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
        drop(ends);
        assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Left)));
        shared.write(K::seat(dead) + STATE, shared.word(K::seat(dead) + STATE) | 3);
        assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Died)));
        // Until another takes the seat, and goes in order.
        let others: Vec<_> = (0..K::SEATS).map(|_| ring.producer().unwrap()).collect();
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
        drop(others);
        assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Left)));
    }
}

#[test]
fn one_of_several_that_died_is_told_of() {
    a_death_is_told::<Spsc>();
    a_death_is_told::<Mpsc>();
    a_death_is_told::<Lanes>();
}
