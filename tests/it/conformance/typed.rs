//! Rings of items.
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ringway::{Item, Message};
use ringway::{PopError, PushError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{AnyKind, Place};

on_every_ring!(
    items_come_out_in_order_and_unchanged,
    items_of_any_size_are_carried,
    a_full_ring_refuses_until_there_is_room,
    an_empty_ring_has_nothing,
    one_cell_is_enough,
    laps_go_on_for_ever,
    capacity_is_rounded_up_to_a_power_of_two,
    a_slice_goes_in_as_far_as_there_is_room,
    a_slice_comes_out_as_far_as_there_are_items,
    an_empty_slice_is_nothing_to_do,
    a_drain_stops_at_its_limit,
    a_drain_releases_what_it_gave,
    a_panic_in_a_drain_releases_what_was_given,
    positions_count_items_since_the_ring_was_made,
);

#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tick {
    time: u64,
    price: f64,
    size: u32,
    venue: [u8; 4],
}

fn items_come_out_in_order_and_unchanged<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, Tick>(8);
    let (mut tx, mut rx) = ring.ends();
    let tick = |i: u32| Tick { time: i.into(), price: f64::from(i) / 4.0, size: !i, venue: i.to_le_bytes() };
    for i in 0..8 {
        tx.try_push(&tick(i)).unwrap();
    }
    for i in 0..8 {
        assert_eq!(rx.try_pop(), Ok(tick(i)));
    }
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

fn items_of_any_size_are_carried<K: AnyKind>(place: Place) {
    fn carries<K: AnyKind, T: Item + Message + Copy + PartialEq + Debug>(
        place: Place,
        item: impl Fn(u8) -> T,
    ) {
        let ring = place.ring::<K, T>(4);
        let (mut tx, mut rx) = ring.ends();
        for lap in 0..20 {
            // Neighbours in the ring must not touch each other.
            tx.try_push_slice(&[item(lap), item(lap + 1), item(lap + 2)]).unwrap();
            assert_eq!([(); 3].map(|()| rx.try_pop().unwrap()), [item(lap), item(lap + 1), item(lap + 2)]);
        }
    }
    carries::<K, ()>(place, |_| ());
    carries::<K, u8>(place, |i| i);
    carries::<K, [u8; 3]>(place, |i| [i, !i, 3]);
    carries::<K, u64>(place, |i| u64::MAX - u64::from(i));
    carries::<K, u128>(place, |i| u128::MAX - u128::from(i));
    carries::<K, [u8; 55]>(place, |i| [i; 55]);
    carries::<K, [u8; 56]>(place, |i| [i; 56]);
    carries::<K, [u8; 57]>(place, |i| [i; 57]);
    carries::<K, [u64; 8]>(place, |i| [i.into(); 8]);
    carries::<K, [u32; 101]>(place, |i| [i.into(); 101]);
}

fn a_full_ring_refuses_until_there_is_room<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let (mut tx, mut rx) = ring.ends();
    for i in 0..4 {
        tx.try_push(&i).unwrap();
    }
    assert_eq!(tx.try_push(&99), Err(PushError::Full));
    assert_eq!(tx.try_push(&99), Err(PushError::Full));
    assert_eq!(rx.try_pop(), Ok(0));
    tx.try_push(&4).unwrap();
    assert_eq!(tx.try_push(&99), Err(PushError::Full));
    assert_eq!((1..5).map(|_| rx.try_pop().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

fn an_empty_ring_has_nothing<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let (_tx, mut rx) = ring.ends();
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(rx.try_pop_slice(&mut [0; 2]), Err(PopError::Empty));
    assert_eq!(rx.drain(2, |_| panic!("there is nothing")), Err(PopError::Empty));
}

fn one_cell_is_enough<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(1);
    assert_eq!(ring.capacity(), 1);
    let (mut tx, mut rx) = ring.ends();
    for i in 0..1000 {
        tx.try_push(&i).unwrap();
        assert_eq!(tx.try_push(&99), Err(PushError::Full));
        assert_eq!(rx.try_pop(), Ok(i));
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
    }
}

fn laps_go_on_for_ever<K: AnyKind>(place: Place) {
    for capacity in [1, 2, 4, 8, 64] {
        let ring = place.ring::<K, u64>(capacity);
        let (mut tx, mut rx) = ring.ends();
        let (mut sent, mut received) = (0, 0);
        // Fill by 1, 2, 3, … and take all out: the wrap comes at every offset.
        for turn in 0..300 {
            for _ in 0..turn % capacity + 1 {
                tx.try_push(&sent).unwrap();
                sent += 1;
            }
            while let Ok(item) = rx.try_pop() {
                assert_eq!(item, received);
                received += 1;
            }
            assert_eq!(received, sent);
        }
    }
}

fn capacity_is_rounded_up_to_a_power_of_two<K: AnyKind>(place: Place) {
    for (asked, given) in [(1, 1), (2, 2), (3, 4), (5, 8), (64, 64), (65, 128)] {
        let ring = place.ring::<K, u16>(asked);
        assert_eq!(ring.capacity(), given);
        let mut tx = ring.producer().unwrap();
        assert_eq!(tx.try_push_slice(&vec![0; given + 1]), Ok(given));
    }
}

fn a_slice_goes_in_as_far_as_there_is_room<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u32>(4);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!(tx.try_push_slice(&[0, 1, 2]), Ok(3));
    assert_eq!(tx.try_push_slice(&[3, 4, 5]), Ok(1));
    assert_eq!(tx.try_push_slice(&[4, 5]), Err(PushError::Full));
    assert_eq!((rx.try_pop(), rx.try_pop()), (Ok(0), Ok(1)));
    assert_eq!(tx.try_push_slice(&[4, 5, 6]), Ok(2));
    assert_eq!((2..6).map(|_| rx.try_pop().unwrap()).collect::<Vec<_>>(), [2, 3, 4, 5]);
}

fn a_slice_comes_out_as_far_as_there_are_items<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u32>(4);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push_slice(&[0, 1, 2, 3]).unwrap();
    let mut items = [99; 3];
    assert_eq!(rx.try_pop_slice(&mut items), Ok(3));
    assert_eq!(items, [0, 1, 2]);
    let mut items = [99; 3];
    assert_eq!(rx.try_pop_slice(&mut items), Ok(1));
    assert_eq!(items, [3, 99, 99]);
    assert_eq!(rx.try_pop_slice(&mut items), Err(PopError::Empty));
    // What was taken out is released.
    assert_eq!(tx.try_push_slice(&[4, 5, 6, 7, 8]), Ok(4));
}

fn an_empty_slice_is_nothing_to_do<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u32>(2);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!(rx.try_pop_slice(&mut []), Ok(0));
    assert_eq!(tx.try_push_slice(&[]), Ok(0));
    tx.try_push_slice(&[1, 2]).unwrap();
    assert_eq!(tx.try_push_slice(&[]), Ok(0));
    assert_eq!(rx.try_pop_slice(&mut []), Ok(0));
    assert_eq!((rx.try_pop(), rx.try_pop()), (Ok(1), Ok(2)));
}

fn a_drain_stops_at_its_limit<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u32>(8);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push_slice(&[0, 1, 2, 3, 4]).unwrap();
    let mut seen = Vec::new();
    assert_eq!(rx.drain(0, |item| seen.push(item)), Ok(0));
    assert_eq!(seen, []);
    assert_eq!(rx.drain(2, |item| seen.push(item)), Ok(2));
    assert_eq!(seen, [0, 1]);
    assert_eq!(rx.drain(usize::MAX, |item| seen.push(item)), Ok(3));
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    assert_eq!(rx.drain(0, |_| ()), Ok(0));
}

fn a_drain_releases_what_it_gave<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u32>(4);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push_slice(&[0, 1, 2, 3]).unwrap();
    assert_eq!(rx.drain(3, |_| assert_eq!(tx.try_push(&99), Err(PushError::Full))), Ok(3));
    assert_eq!(tx.try_push_slice(&[4, 5, 6, 7]), Ok(3));
}

fn a_panic_in_a_drain_releases_what_was_given<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u32>(4);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push_slice(&[0, 1, 2, 3]).unwrap();
    let drained = catch_unwind(AssertUnwindSafe(|| rx.drain(9, |item| assert_ne!(item, 1, "on purpose"))));
    assert!(drained.is_err());
    assert_eq!(tx.try_push_slice(&[4, 5, 6, 7]), Ok(2));
    assert_eq!((2..6).map(|_| rx.try_pop().unwrap()).collect::<Vec<_>>(), [2, 3, 4, 5]);
}

fn positions_count_items_since_the_ring_was_made<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u32>(4);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!((tx.position(), rx.position()), (0, 0));
    for i in 1..=10 {
        tx.try_push(&0).unwrap();
        assert_eq!((tx.position(), rx.position()), (i, i - 1));
        rx.try_pop().unwrap();
        assert_eq!((tx.position(), rx.position()), (i, i));
    }
    tx.try_push_slice(&[0; 9]).unwrap();
    rx.drain(3, |_| ()).unwrap();
    assert_eq!((tx.position(), rx.position()), (14, 13));
}
