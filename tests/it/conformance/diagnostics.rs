//! What people are told: who is in the way, who sits where and what was sent, and what an operator finds.
use std::thread;
use std::time::Duration;

use ringway::Message;
use ringway::memory::Heap;
use ringway::ring::Ring;
use ringway::{
    Counters, Departure, Options, PopError, Presence, PushError, Role, SeatError, SeatInfo, Stall,
};

use super::{AnyKind, AnyMemory, Lanes, Mpsc, Place, Spsc};

on_every_ring!(
    a_consumer_is_blamed_for_what_it_has_not_released,
    nobody_is_blamed_while_there_is_something,
    what_was_sent_is_counted,
    what_was_given_up_is_counted,
    a_successor_counts_on,
    every_seat_is_listed,
    there_is_nothing_to_recover_where_nobody_died,
    who_repairs_takes_the_consumers_seat,
);

fn text(blame: Option<Stall>) -> String {
    blame.map_or("nobody".into(), |blame| blame.to_string())
}

fn a_consumer_is_blamed_for_what_it_has_not_released<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let mut tx = ring.producer().unwrap();
    assert!(tx.stalled().is_none());
    tx.try_push_slice(&[1, 2, 3]).unwrap();
    let blame = tx.stalled().unwrap();
    assert_eq!((blame.role, blame.seat, blame.cells, blame.attached), (Role::Consumer, 0, 3, false));
    assert_eq!(blame.to_string(), "no consumer has attached yet; 3 cells are unread");
    let mut rx = ring.consumer().unwrap();
    let blame = tx.stalled().unwrap();
    assert_eq!((blame.role, blame.cells, blame.attached), (Role::Consumer, 3, true));
    // Since the first time that was asked.
    assert!(blame.to_string().contains("is alive and 3 cells behind, for "), "{blame}");
    // As long as nothing moves, the time goes on.
    thread::sleep(Duration::from_millis(5));
    assert!(tx.stalled().unwrap().stalled_for >= Duration::from_millis(5));
    rx.try_pop().unwrap();
    assert!(
        tx.stalled().is_some_and(|blame| blame.cells == 2 && blame.stalled_for < Duration::from_millis(5))
    );
    rx.drain(9, |_| ()).unwrap();
    assert!(tx.stalled().is_none());
}

fn nobody_is_blamed_while_there_is_something<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push(b"something").unwrap();
    assert!(rx.stalled().is_none());
    // It was not taken out by the question.
    assert_eq!(rx.try_read().unwrap().payload().to_vec(), b"something");
}

/// What the producers of a ring have counted.
fn counters<K: AnyKind, T: Message + ?Sized>(ring: &Ring<K, T, AnyMemory>) -> Vec<[u64; 4]> {
    let producers = ring.seats().filter(|seat| seat.role == Role::Producer);
    let numbers = |Counters { records, bytes, aborted, lost, .. }| [records, bytes, aborted, lost];
    producers.map(|SeatInfo { counters, .. }| numbers(counters)).collect()
}

fn what_was_sent_is_counted<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u32; 3]>(8, 2);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!(counters(&ring)[0], [0; 4]);
    tx.try_push(&[1; 3]).unwrap();
    tx.try_push_slice(&[[2; 3]; 4]).unwrap();
    tx.try_push_slice(&[]).unwrap();
    assert_eq!(counters(&ring)[0], [5, 60, 0, 0]);
    rx.drain(9, |_| ()).unwrap();
    assert_eq!(tx.try_push_slice(&[[3; 3]; 9]), Ok(8));
    assert_eq!(tx.try_push(&[4; 3]), Err(PushError::Full));
    assert_eq!(counters(&ring)[0], [13, 156, 0, 0]);

    let ring = place.ring_of::<K, [u8]>(1024, 2);
    let mut tx = ring.producer().unwrap();
    tx.try_push(&[1; 100]).unwrap();
    tx.try_push(b"").unwrap();
    tx.try_reserve(200).unwrap().commit_len(10).unwrap();
    let mut batch = tx.try_batch(2 * 64).unwrap();
    batch.try_push(&[2; 5]).unwrap();
    batch.try_push(&[2; 6]).unwrap();
    assert_eq!(counters(&ring)[0], [3, 110, 0, 0], "not before it is published");
    batch.commit();
    assert_eq!(counters(&ring)[0], [5, 121, 0, 0]);
}

fn what_was_given_up_is_counted<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(1024, 1);
    let mut tx = ring.producer().unwrap();
    tx.try_reserve(10).unwrap().abort();
    drop(tx.try_reserve(10).unwrap());
    assert!(tx.try_reserve(10).unwrap().commit_len(11).is_err());
    assert_eq!(counters(&ring), [[0, 0, 3, 0]]);
    let mut batch = tx.try_batch(2 * 64).unwrap();
    batch.try_push(&[2; 5]).unwrap();
    batch.try_push(&[2; 6]).unwrap();
    batch.abort();
    assert_eq!(counters(&ring), [[0, 0, 5, 0]]);
    // What did not even find room is none of it.
    assert!(tx.try_reserve(513).is_err());
    tx.try_push(&[1; 7]).unwrap();
    assert_eq!(counters(&ring), [[1, 7, 5, 0]]);
}

fn a_successor_counts_on<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(1024, 1);
    for i in 1..5 {
        let mut tx = ring.producer().unwrap();
        tx.try_push(&[1; 3]).unwrap();
        tx.try_reserve(1).unwrap().abort();
        assert_eq!(counters(&ring), [[i, 3 * i, i, 0]]);
    }
}

fn every_seat_is_listed<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(8, 3);
    let seats = ring.max_producers();
    let listed = || ring.seats().map(|seat| (seat.role, seat.seat)).collect::<Vec<_>>();
    let expected = (0..seats as u16).map(|seat| (Role::Producer, seat));
    assert_eq!(listed(), [(Role::Consumer, 0)].into_iter().chain(expected).collect::<Vec<_>>());
    assert!(
        ring.seats().all(|seat| seat.presence == Presence::Never && seat.counters == Counters::default())
    );
    let (tx, rx) = ring.ends();
    let here = |ring: &Ring<K, u64, _>| {
        ring.seats().map(|seat| matches!(seat.presence, Presence::Here(_))).collect::<Vec<_>>()
    };
    let only = |first: usize| (0..=seats).map(|seat| seat < first).collect::<Vec<_>>();
    assert_eq!(here(&ring), only(2));
    drop(tx);
    assert_eq!(here(&ring), only(1));
    drop(rx);
    assert_eq!(here(&ring), only(0));
    assert!(ring.seats().take(2).all(|seat| matches!(seat.presence, Presence::Left(_))));
}

fn there_is_nothing_to_recover_where_nobody_died<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(1024, 2);
    for i in 0..3 {
        let mut tx = ring.producer().unwrap();
        tx.try_push(&[i]).unwrap();
        tx.try_reserve(100).unwrap().abort();
        let found = ring.recover().unwrap();
        assert_eq!((found.lost, found.blocked_by), (0, None));
    }
    // Nothing was taken out by it.
    let mut rx = ring.consumer().unwrap();
    assert_eq!([(); 3].map(|()| rx.try_read().unwrap().payload().to_vec()), [[0], [1], [2]]);
    assert_eq!(rx.try_read().map(drop), Err(PopError::Closed(Departure::Left)));
}

fn who_repairs_takes_the_consumers_seat<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(8);
    let rx = ring.consumer().unwrap();
    assert!(matches!(ring.recover(), Err(SeatError::SeatTaken { role: Role::Consumer, .. })));
    drop(rx);
    assert!(ring.recover().is_ok());
    assert!(ring.consumer().is_ok());
}

/// A ring on the heap whose participants have a name.
fn named<K: AnyKind, T: Message + ?Sized>(capacity: usize, producers: usize) -> Ring<K, T, Heap> {
    Ring::<K, T>::on_heap(&Options::new().capacity(capacity).max_producers(producers).label("feed")).unwrap()
}

#[test]
fn a_consumer_is_blamed_by_name() {
    fn of_kind<K: AnyKind>() {
        let ring = named::<K, u64>(4, 2);
        let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.try_push_slice(&[1, 2]).unwrap();
        assert_eq!(text(tx.stalled()), "the consumer, `feed`, is alive and 2 cells behind, for 0.0 s");
        drop(rx);
        assert!(text(tx.stalled()).starts_with("the consumer, `feed`, is gone and 2 cells behind"));
    }
    of_kind::<Spsc>();
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}

/// To have no name is not the same as not to be.
#[test]
fn a_consumer_without_a_name_that_left_was_there_all_the_same() {
    let ring = Place::Heap.ring_of::<Lanes, u64>(4, 2);
    let (mut tx, rx) = ring.ends();
    drop(rx);
    tx.try_push(&1).unwrap();
    let words =
        "the consumer, a participant that did not identify itself, is gone and 1 cell behind, for 0.0 s";
    assert_eq!(text(tx.stalled()), words);
}

#[test]
fn a_producer_that_is_alone_is_blamed_when_there_is_nothing() {
    fn of_kind<K: AnyKind>() {
        let ring = named::<K, u64>(4, 1);
        let mut rx = ring.consumer().unwrap();
        assert_eq!(text(rx.stalled()), "no producer has attached yet");
        let tx = ring.producer().unwrap();
        assert!(rx.try_pop().is_err());
        // Since the first time that was asked.
        let words = "the producer in seat 0, `feed`, is alive and has sent nothing more, for ";
        assert!(text(rx.stalled()).starts_with(words));
        drop(tx);
        assert!(
            text(rx.stalled()).starts_with("the producer in seat 0, `feed`, is gone and has sent nothing")
        );
    }
    of_kind::<Spsc>();
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}

#[test]
fn of_several_producers_none_is_blamed_for_having_nothing_to_send() {
    fn of_kind<K: AnyKind>() {
        let ring = named::<K, [u8]>(1024, 2);
        let mut rx = ring.consumer().unwrap();
        let _ends = [ring.producer().unwrap(), ring.producer().unwrap()];
        assert_eq!(text(rx.stalled()), "nobody");
    }
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}

#[test]
fn in_a_total_order_the_next_records_owner_is_blamed() {
    let ring = named::<Mpsc, [u8]>(1024, 3);
    let mut rx = ring.consumer().unwrap();
    let mut ends = [(); 3].map(|()| ring.producer().unwrap());
    let [first, slow, slower] = &mut ends;
    first.try_push(&[1]).unwrap();
    let reserved = slow.try_reserve(100).unwrap();
    let batch = slower.try_batch(300).unwrap();
    assert_eq!(text(rx.stalled()), "nobody", "there is a record before it");
    rx.try_read().unwrap().release();
    let words = "the producer in seat 1, `feed`, is alive and holds up 7 cells, for 0.0 s";
    assert_eq!(text(rx.stalled()), words);
    // It is not the consumer's fault, for other producers either.
    assert_eq!(text(first.stalled()), words);
    // An operator is told too, if there is no consumer.
    drop(rx);
    let found = ring.recover().unwrap();
    assert_eq!((found.lost, found.blocked_by.map(|who| who.to_string())), (0, Some("`feed`".into())));
    let mut rx = ring.consumer().unwrap();
    reserved.abort();
    let words = "the producer in seat 2, `feed`, is alive and holds up 5 cells, for 0.0 s";
    assert_eq!(text(rx.stalled()), words);
    batch.commit();
    assert_eq!(text(rx.stalled()), "nobody");
    assert_eq!(rx.losses().count(), 0);
}

#[test]
fn a_participant_of_a_segment_says_which_process_it_is() {
    let ring = Place::Segment.ring_of::<Mpsc, [u8]>(1024, 2);
    let (mut tx, mut rx) = ring.ends();
    let reserved = tx.try_reserve(1).unwrap();
    let blame = rx.stalled().unwrap();
    assert_eq!((blame.pid, blame.seat, blame.cells, blame.attached), (std::process::id().into(), 0, 1, true));
    assert!(blame.to_string().contains(&format!("process {} `", std::process::id())), "{blame}");
    reserved.abort();
}

#[test]
fn ends_say_of_what_kind_they_are() {
    fn of_kind<K: AnyKind>(kind: &str) {
        let ring = Place::Heap.ring_of::<K, u64>(4, 2);
        let (tx, rx) = ring.ends();
        for (shown, what) in [
            (format!("{:?}", *ring), "Ring"),
            (format!("{tx:?}"), "Producer"),
            (format!("{rx:?}"), "Consumer"),
        ] {
            assert!(shown.starts_with(&format!("{kind}::{what}")), "{shown}");
        }
    }
    of_kind::<Spsc>("spsc");
    of_kind::<Mpsc>("mpsc");
    of_kind::<Lanes>("lanes");
}

/// What `K` says of a ring of kind `Other`.
fn says<K: AnyKind, Other: AnyKind>() -> String {
    let ring = Place::Heap.ring_of::<Other, u64>(4, 2);
    Ring::<K, u64, _>::attach(ring.memory().clone()).unwrap_err().to_string()
}

#[test]
fn a_ring_of_another_kind_is_told_by_name() {
    let told = [
        (says::<Mpsc, Spsc>(), "`spsc`, not `mpsc`"),
        (says::<Lanes, Spsc>(), "`spsc`, not `lanes`"),
        (says::<Spsc, Mpsc>(), "`mpsc`, not `spsc`"),
        (says::<Lanes, Mpsc>(), "`mpsc`, not `lanes`"),
        (says::<Spsc, Lanes>(), "`lanes`, not `spsc`"),
        (says::<Mpsc, Lanes>(), "`lanes`, not `mpsc`"),
    ];
    for (text, words) in told {
        assert_eq!(text, format!("is a ring of kind {words}; use the module of that name"));
    }
}
