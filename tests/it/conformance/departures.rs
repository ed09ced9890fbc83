//! How a participant departs, and what its peer sees of it; losses; and how a ring is attached.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use ringway::ring::Ring;
use ringway::{Departure, LayoutError, Options, PopError, Presence, PushError, Role};

use super::{AnyKind, Lanes, Mpsc, Place, Spsc};
use crate::golden::memory::Scripted;

on_every_ring!(
    a_producer_that_closes_has_finished,
    a_consumer_that_closes_has_finished,
    a_producer_that_panics_has_left,
    a_seat_is_free_after_close,
    a_ring_without_deaths_has_no_losses,
);

mod with_several_producers {
    use super::*;

    on_rings_of_several!(the_ring_has_finished_if_all_its_producers_have);
}

fn a_producer_that_closes_has_finished<K: AnyKind>(place: Place) {
    let finished = PopError::Closed(Departure::Finished);
    let ring = place.ring::<K, [u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push(b"last").unwrap();
    tx.close().unwrap();
    assert!(matches!(rx.producer_presence(), Presence::Left(_)));
    assert_eq!(rx.try_read().unwrap().payload().to_vec(), b"last");
    assert_eq!([rx.try_read().map(drop), rx.read().map(drop), rx.wait()], [Err(finished); 3]);
    // What is not committed is taken back.
    let mut tx = ring.producer().unwrap();
    std::mem::forget(tx.try_batch(64).unwrap());
    tx.close().unwrap();
    assert_eq!(rx.read().map(drop), Err(finished));

    let tx = ring.producer().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || rx.read().map(drop));
        thread::sleep(Duration::from_millis(30));
        tx.close().unwrap();
        assert_eq!(waiting.join().unwrap(), Err(finished), "a sleeping consumer is woken");
    });
}

fn a_consumer_that_closes_has_finished<K: AnyKind>(place: Place) {
    let finished = Err(PushError::Closed(Departure::Finished));
    let ring = place.ring::<K, u64>(1);
    let (mut tx, rx) = ring.ends();
    tx.try_push(&1).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| tx.push(&2));
        thread::sleep(Duration::from_millis(30));
        rx.close().unwrap();
        assert_eq!(waiting.join().unwrap(), finished, "a sleeping producer is woken");
    });
    assert!(matches!(tx.consumer_presence(), Presence::Left(_)));
    assert_eq!(tx.push_timeout(&2, Duration::MAX), finished);
    // Not what it has not released.
    assert_eq!(ring.consumer().unwrap().try_pop(), Ok(1));
}

fn a_producer_that_panics_has_left<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let (tx, mut rx) = ring.ends();
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let _tx = tx;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Left)));
}

fn a_seat_is_free_after_close<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(4, 1);
    for i in 0..3 {
        let (mut tx, mut rx) = ring.ends();
        tx.try_push(&i).unwrap();
        assert_eq!(rx.try_pop(), Ok(i));
        rx.close().unwrap();
        tx.close().unwrap();
        assert!(
            [Role::Producer, Role::Consumer]
                .map(|role| ring.presence(role))
                .iter()
                .all(|presence| { matches!(presence, Presence::Left(_)) })
        );
    }
    // The last holder counts.
    let (tx, mut rx) = ring.ends();
    drop(tx);
    assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Left)));
}

fn a_ring_without_deaths_has_no_losses<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    for _ in 0..20 {
        tx.try_push(b"sent").unwrap();
        tx.try_reserve(65).unwrap().abort();
        drop(tx.try_batch(65).unwrap());
        assert_eq!(rx.drain(9, |_| ()), Ok(1));
    }
    drop(tx);
    assert_eq!(rx.read().map(drop), Err(PopError::Closed(Departure::Left)));
    assert_eq!((rx.losses().dropped(), rx.losses().count()), (0, 0));
}

fn the_ring_has_finished_if_all_its_producers_have<K: AnyKind>(place: Place) {
    for dropped in [None, Some(0), Some(1), Some(2)] {
        let ring = place.ring_of::<K, u64>(8, 4);
        let mut rx = ring.consumer().unwrap();
        for (number, tx) in ring.several::<3>().into_iter().enumerate() {
            assert_eq!(rx.try_pop(), Err(PopError::Empty), "a producer is there");
            if dropped == Some(number) { drop(tx) } else { tx.close().unwrap() }
        }
        let how = if dropped.is_none() { Departure::Finished } else { Departure::Left };
        assert_eq!([rx.try_pop(), rx.pop()], [Err(PopError::Closed(how)); 2], "{dropped:?}");
    }
}

/// A ring in memory in which a test kills participants by number.
fn scripted<K: AnyKind>() -> (Scripted, Ring<K, u64, Scripted>) {
    let options = Options::new().capacity(8).max_producers(3);
    let memory = Scripted::new(Ring::<K, u64>::required_len(&options));
    let ring = Ring::format(memory.seen_by(1, "consumer"), &options).unwrap();
    (memory, ring)
}

#[test]
fn an_iterator_returns_a_death_once() {
    fn of_kind<K: AnyKind>() {
        let died = Some(Err(PopError::Closed(Departure::Died)));
        let (memory, ring) = scripted::<K>();
        let mut rx = ring.consumer().unwrap();
        let victim = Ring::<K, u64, _>::attach(memory.seen_by(2, "victim")).unwrap();
        let mut tx = victim.producer().unwrap();
        tx.try_push_slice(&[1, 2]).unwrap();
        memory.kill(2);
        drop(tx);
        let mut iter = rx.iter();
        let seen = [(); 5].map(|()| iter.next());
        assert_eq!(seen, [Some(Ok(1)), Some(Ok(2)), died, None, None]);
        let mut iter = rx.try_iter();
        assert_eq!([(); 3].map(|()| iter.next()), [died, None, None]);
    }
    of_kind::<Spsc>();
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}

#[test]
fn a_death_outweighs_producers_that_left_or_finished() {
    fn of_kind<K: AnyKind>() {
        for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (memory, ring) = scripted::<K>();
            let mut rx = ring.consumer().unwrap();
            let mut producers = [2, 3, 4].map(|pid| {
                let ring = Ring::<K, u64, _>::attach(memory.seen_by(pid, "producer")).unwrap();
                Some(ring.producer().unwrap())
            });
            for number in order {
                let tx = producers[number].take().unwrap();
                match number {
                    0 => tx.close().unwrap(),
                    1 => drop(tx),
                    _ => {
                        memory.kill(4);
                        drop(tx);
                    }
                }
            }
            assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Died)), "{order:?}");
        }
    }
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}

#[test]
fn a_ring_is_attached_with_its_schema_and_a_label() {
    fn of_kind<K: AnyKind>() {
        let ring = Ring::<K, u64>::on_heap(&Options::new().capacity(8).schema(7)).unwrap();
        let attach = |schema| {
            let options = Options::new().schema(schema).label("joined").capacity(99);
            Ring::<K, u64, _>::attach_with(ring.memory().clone(), &options)
        };
        for schema in [0, 6, 8, u64::MAX] {
            let error = LayoutError::Schema { found: 7, expected: schema };
            assert_eq!(attach(schema).err(), Some(error));
        }
        let plain = Ring::<K, u64, _>::attach(ring.memory().clone()).err();
        assert_eq!(plain, Some(LayoutError::Schema { found: 7, expected: 0 }));
        let joined = attach(7).unwrap();
        assert_eq!(joined.capacity(), 8);
        let _rx = joined.consumer().unwrap();
        let Presence::Here(who) = ring.presence(Role::Consumer) else { panic!("it is attached") };
        assert_eq!(who.label.to_string(), "joined");
    }
    of_kind::<Spsc>();
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}
