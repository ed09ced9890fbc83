//! Seats: who may sit where, and how a stream goes on with the next holder.
use ringway::memory::Heap;
use ringway::ring::{Consumer, Producer, Ring};
use ringway::{Departure, LayoutError, Mapping, Options, PopError, Presence, PushError, Role, SeatError};

use super::{AnyKind, Lanes, Mpsc, Place, Spsc};

on_every_ring!(
    a_seat_has_one_holder,
    a_seat_that_was_left_is_free,
    the_next_producer_goes_on_with_the_stream,
    the_next_consumer_goes_on_with_the_stream,
    both_seats_of_a_byte_ring_are_handed_on_at_every_place,
    a_ring_is_closed_only_after_everything_was_taken,
    a_ring_is_not_closed_before_anybody_came,
    a_full_ring_whose_consumer_left_is_closed_to_those_who_wait,
    presence_tells_who_sits_where,
    ends_outlive_the_ring_they_came_from,
    attached_rings_are_the_same_ring,
    a_ring_is_never_formatted_over,
    a_ring_of_another_type_is_refused,
);

fn a_seat_has_one_holder<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(4, 1);
    let again = ring.clone();
    let (_tx, _rx) = ring.ends();
    for ring in [&*ring, &again] {
        assert!(matches!(ring.producer(), Err(SeatError::SeatTaken { role: Role::Producer, .. })));
        assert!(matches!(ring.consumer(), Err(SeatError::SeatTaken { role: Role::Consumer, .. })));
    }
}

fn a_seat_that_was_left_is_free<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(128, 1);
    for _ in 0..3 {
        let (tx, rx) = ring.ends();
        drop(rx);
        assert!(ring.consumer().is_ok());
        assert!(ring.producer().is_err());
        drop(tx);
        assert!(ring.producer().is_ok());
    }
}

fn the_next_producer_goes_on_with_the_stream<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(4, 1);
    let mut rx = ring.consumer().unwrap();
    for i in 0..30 {
        let mut tx = ring.producer().unwrap();
        assert_eq!(tx.position(), 2 * i);
        assert_eq!(tx.try_push_slice(&[2 * i, 2 * i + 1]), Ok(2));
        drop(tx);
        if i % 2 == 1 {
            assert_eq!(ring.producer().unwrap().try_push(&99), Err(PushError::Full));
            for item in 2 * i - 2..2 * i + 2 {
                assert_eq!(rx.try_pop(), Ok(item));
            }
        }
    }
}

fn the_next_consumer_goes_on_with_the_stream<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let mut tx = ring.producer().unwrap();
    for i in 0..30 {
        while tx.try_push(&tx.position()).is_ok() {}
        let mut rx = ring.consumer().unwrap();
        assert_eq!((rx.position(), rx.try_pop()), (i, Ok(i)));
    }
}

fn both_seats_of_a_byte_ring_are_handed_on_at_every_place<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(8 * 64);
    let mut rx = ring.consumer().unwrap();
    let (mut sent, mut received) = (0_u32, 0);
    for turn in 0..100_usize {
        // Each record by another producer; pads at the end of laps come by themselves.
        for len in [4, 4 + turn % 130, 4 + turn % 200] {
            let mut record = vec![0; len];
            record[..4].copy_from_slice(&sent.to_le_bytes());
            let pushed = ring.producer().unwrap().try_push(&record);
            sent += u32::from(pushed.is_ok());
        }
        // What was kept goes to the next consumer, what was released does not.
        rx.try_read().unwrap().keep();
        drop(rx);
        rx = ring.consumer().unwrap();
        while let Ok(record) = rx.try_read() {
            assert_eq!(record.payload().read_value_at::<[u8; 4]>(0), Ok(u32::to_le_bytes(received)));
            received += 1;
        }
        drop(rx);
        rx = ring.consumer().unwrap();
        assert_eq!(received, sent);
    }
    assert!(sent > 200);
}

fn a_ring_is_closed_only_after_everything_was_taken<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push_slice(&[1, 2, 3]).unwrap();
    drop(tx);
    assert_eq!((rx.try_pop(), rx.pop()), (Ok(1), Ok(2)));
    assert_eq!(rx.drain(9, |_| ()), Ok(1));
    let closed = PopError::Closed(Departure::Left);
    assert_eq!(rx.try_pop(), Err(closed));
    assert_eq!(rx.pop(), Err(closed));
    assert_eq!(rx.drain(9, |_| ()), Err(closed));
    // Another producer opens it again.
    let mut tx = ring.producer().unwrap();
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    tx.try_push(&4).unwrap();
    assert_eq!(rx.try_pop(), Ok(4));

    let ring = place.ring::<K, [u8]>(256);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push(b"last").unwrap();
    drop(tx);
    rx.try_read().unwrap().keep();
    assert_eq!(rx.read().map(|record| record.len()), Ok(4));
    assert_eq!(rx.try_read().map(drop), Err(closed));
    assert_eq!(rx.read().map(drop), Err(closed));
    assert_eq!(rx.drain(1, |_| ()), Err(closed));
}

fn a_ring_is_not_closed_before_anybody_came<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    assert_eq!(ring.consumer().unwrap().try_pop(), Err(PopError::Empty));
    let ring = place.ring::<K, [u8]>(256);
    assert_eq!(ring.consumer().unwrap().try_read().map(drop), Err(PopError::Empty));
}

fn a_full_ring_whose_consumer_left_is_closed_to_those_who_wait<K: AnyKind>(place: Place) {
    let closed = Err(PushError::Closed(Departure::Left));
    let ring = place.ring::<K, u64>(1);
    let (mut tx, rx) = ring.ends();
    drop(rx);
    // There is room: it waits for the next consumer.
    tx.push(&1).unwrap();
    assert_eq!((tx.try_push(&2), tx.push(&2)), (Err(PushError::Full), closed));
    assert_eq!(ring.consumer().unwrap().try_pop(), Ok(1));

    let ring = place.ring::<K, [u8]>(128);
    let (mut tx, rx) = ring.ends();
    drop(rx);
    tx.push(&[1; 64]).unwrap();
    tx.push(&[2; 64]).unwrap();
    assert_eq!((tx.try_push(&[3]), tx.push(&[3])), (Err(PushError::Full), closed));
    assert_eq!(tx.reserve(1).map(drop), closed);
    assert_eq!(ring.consumer().unwrap().try_read().unwrap().payload().to_vec(), [1; 64]);
}

fn presence_tells_who_sits_where<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let here = |presence| matches!(presence, Presence::Here(_));
    let left = |presence| matches!(presence, Presence::Left(_));
    assert_eq!([Role::Producer, Role::Consumer].map(|role| ring.presence(role)), [Presence::Never; 2]);
    let tx = ring.producer().unwrap();
    assert_eq!((ring.presence(Role::Consumer), tx.consumer_presence()), (Presence::Never, Presence::Never));
    assert!(here(ring.presence(Role::Producer)));
    let rx = ring.consumer().unwrap();
    assert!(
        here(ring.presence(Role::Consumer)) && here(tx.consumer_presence()) && here(rx.producer_presence())
    );
    drop(tx);
    assert!(
        left(ring.presence(Role::Producer))
            && left(rx.producer_presence())
            && here(ring.presence(Role::Consumer))
    );
    let _tx = ring.producer().unwrap();
    assert!(here(ring.presence(Role::Producer)) && here(rx.producer_presence()));
}

fn ends_outlive_the_ring_they_came_from<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let (mut tx, mut rx) = ring.ends();
    drop(ring);
    tx.try_push(&7).unwrap();
    drop(tx);
    assert_eq!(rx.try_pop(), Ok(7));
}

fn attached_rings_are_the_same_ring<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(4, 1);
    let other = Ring::<K, u64, _>::attach(ring.memory().clone()).unwrap();
    assert_eq!(other.capacity(), 4);
    let mut tx = other.producer().unwrap();
    assert!(ring.producer().is_err());
    tx.try_push(&7).unwrap();
    assert_eq!(ring.consumer().unwrap().try_pop(), Ok(7));
}

fn a_ring_is_never_formatted_over<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let options = Options::new().capacity(4).max_producers(3);
    let items = || Ring::<K, u64, _>::format(ring.memory().clone(), &options).map(drop);
    let others = || Ring::<K, u8, _>::format(ring.memory().clone(), &options).map(drop);
    // Whoever sits in it: it may be joined at any moment.
    assert_eq!(items(), Err(LayoutError::Exists));
    let (mut tx, rx) = ring.ends();
    tx.try_push(&7).unwrap();
    assert_eq!((items(), others()), (Err(LayoutError::Exists), Err(LayoutError::Exists)));
    drop(tx);
    assert_eq!(items(), Err(LayoutError::Exists));
    drop(rx);
    assert_eq!((items(), others()), (Err(LayoutError::Exists), Err(LayoutError::Exists)));
    // It was left alone all the while.
    assert_eq!(ring.consumer().unwrap().try_pop(), Ok(7));
}

fn a_ring_of_another_type_is_refused<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let memory = ring.memory();
    assert!(matches!(Ring::<K, i64, _>::attach(memory.clone()), Err(LayoutError::Item { .. })));
    assert!(matches!(Ring::<K, [u32; 2], _>::attach(memory.clone()), Err(LayoutError::Item { .. })));
    assert!(matches!(Ring::<K, [u8], _>::attach(memory.clone()), Err(LayoutError::Item { .. })));
    let ring = place.ring::<K, [u8]>(256);
    assert!(matches!(Ring::<K, u8, _>::attach(ring.memory().clone()), Err(LayoutError::Item { .. })));
}

#[test]
fn rings_are_shared_and_ends_move_between_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    fn is_send<T: Send>() {}
    fn of_kind<K: AnyKind>() {
        is_send_and_sync::<Ring<K, u64, Heap>>();
        is_send_and_sync::<Ring<K, [u8], Mapping>>();
        is_send::<Producer<K, u64, Heap>>();
        is_send::<Consumer<K, u64, Mapping>>();
        is_send::<Producer<K, [u8], Mapping>>();
        is_send::<Consumer<K, [u8], Heap>>();
    }
    of_kind::<Spsc>();
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}

/// Does not compile if an end is `Sync`: then two implementations fit.
#[test]
fn ends_are_not_shared_between_threads() {
    trait NotSync<Why> {
        fn is_so() {}
    }
    struct IsSync;
    impl<T: ?Sized> NotSync<()> for T {}
    impl<T: ?Sized + Sync> NotSync<IsSync> for T {}
    <Producer<Spsc, u64, Heap> as NotSync<_>>::is_so();
    <Consumer<Spsc, [u8], Mapping> as NotSync<_>>::is_so();
    <Producer<Mpsc, [u8], Heap> as NotSync<_>>::is_so();
    <Consumer<Mpsc, u64, Mapping> as NotSync<_>>::is_so();
    <Producer<Lanes, u64, Heap> as NotSync<_>>::is_so();
    <Consumer<Lanes, [u8], Mapping> as NotSync<_>>::is_so();
}
