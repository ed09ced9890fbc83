//! Waiting in `spsc` rings: E4. A park in the model has no time limit, so a lost wake-up is a
//! deadlock.
use loom::thread;
use ringway::{Departure, PopError};
use ringway_loom::{check, ring_with_fences as ring};

#[test]
fn a_sleeping_consumer_is_woken() {
    check(2, || {
        let ring = ring::<u64>(2);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let sender = thread::spawn(move || {
            tx.try_push(&1).unwrap();
            // Keeps the seat, because leaving wakes the consumer too, and here the push must wake
            // it.
            tx
        });
        assert_eq!(rx.pop(), Ok(1));
        drop(sender.join().unwrap());
    });
}

#[test]
fn a_sleeping_producer_is_woken() {
    check(2, || {
        let ring = ring::<u64>(1);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.try_push(&1).unwrap();
        let receiver = thread::spawn(move || {
            assert_eq!(rx.try_pop(), Ok(1));
            rx
        });
        tx.push(&2).unwrap();
        assert_eq!(receiver.join().unwrap().try_pop(), Ok(2));
    });
}

/// The consumer wakes the producer once half of the ring is free, not before.
#[test]
fn a_sleeping_producer_is_woken_by_the_last_of_several_releases() {
    check(2, || {
        let ring = ring::<u64>(4);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        (0..4).for_each(|i| tx.try_push(&i).unwrap());
        let receiver = thread::spawn(move || {
            (0..2).for_each(|i| assert_eq!(rx.try_pop(), Ok(i)));
            rx
        });
        tx.push(&4).unwrap();
        assert_eq!(receiver.join().unwrap().try_pop(), Ok(2));
    });
}

#[test]
fn producer_and_consumer_sleep_in_turn() {
    check(2, || {
        let ring = ring::<[u8]>(128);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let sender = thread::spawn(move || {
            for i in 0..3 {
                tx.push(&[i]).unwrap();
            }
        });
        for i in 0..3 {
            assert_eq!(rx.read().unwrap().payload().to_vec(), [i]);
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_sleeping_consumer_returns_closed_when_the_producer_leaves() {
    check(2, || {
        let ring = ring::<u64>(1);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let sender = thread::spawn(move || tx.try_push(&1).unwrap());
        assert_eq!(rx.pop(), Ok(1));
        assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Left)));
        sender.join().unwrap();
    });
}

#[test]
fn a_sleeping_producer_returns_closed_when_the_consumer_leaves() {
    check(2, || {
        let ring = ring::<u64>(1);
        let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.try_push(&1).unwrap();
        let receiver = thread::spawn(move || drop(rx));
        assert_eq!(tx.push(&2), Err(ringway::PushError::Closed(Departure::Left)));
        receiver.join().unwrap();
    });
}
