//! Waiting in `mpsc` rings: E4 with two producers, which wait for space on one word. A park in the
//! model has no time limit until a participant is declared dead, so a lost wake-up is a deadlock.
use loom::thread;
use ringway::memory::Model;
use ringway::{Departure, PopError, PushError};
use ringway_loom::{check, declare_consumer_dead, declare_producer_dead, mpsc};

fn witnessed(len: usize) -> Model {
    Model::with_fences(len).with_witness()
}

#[test]
fn a_sleeping_consumer_is_woken_by_either_producer() {
    for seat in 0..2 {
        check(2, move || {
            let ring = mpsc::<u64>(2, Model::with_fences);
            let (a, b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            // Keeps the seats, because leaving wakes the consumer too, and here the push must wake
            // it.
            let [kept, mut pushing] = if seat == 0 { [b, a] } else { [a, b] };
            let sender = thread::spawn(move || {
                pushing.try_push(&7).unwrap();
                pushing
            });
            assert_eq!(rx.pop(), Ok(7));
            drop((kept, sender.join().unwrap()));
        });
    }
}

#[test]
fn a_sleeping_consumer_is_woken_by_both_producers() {
    check(1, || {
        let ring = mpsc::<u64>(2, Model::with_fences);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || {
            a.try_push(&0).unwrap();
            a
        });
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b
        });
        let mut got = [rx.pop().unwrap(), rx.pop().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [0, 10]);
        drop((first.join().unwrap(), second.join().unwrap()));
    });
}

/// Each release frees one cell and wakes one producer. The next release must wake the other.
#[test]
fn two_producers_that_sleep_on_one_word_are_both_woken() {
    check(1, || {
        let ring = mpsc::<u64>(1, Model::with_fences);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        a.try_push(&0).unwrap();
        let first = thread::spawn(move || {
            a.push(&1).unwrap();
            a
        });
        let receiver = thread::spawn(move || {
            assert_eq!(rx.pop(), Ok(0));
            let mut got = [rx.pop().unwrap(), rx.pop().unwrap()];
            got.sort_unstable();
            assert_eq!(got, [1, 10]);
            rx
        });
        // On this thread, so that both producers can be asleep before the first pop.
        b.push(&10).unwrap();
        drop((first.join().unwrap(), receiver.join().unwrap()));
    });
}

/// The consumer wakes no producer before half of the ring is free. Then it wakes one, and with the
/// next release the other.
#[test]
fn two_producers_that_sleep_until_half_is_free_are_both_woken() {
    check(1, || {
        let ring = mpsc::<u64>(4, Model::with_fences);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        (0..4).for_each(|i| a.try_push(&i).unwrap());
        let first = thread::spawn(move || {
            a.push(&10).unwrap();
            a
        });
        let receiver = thread::spawn(move || {
            (0..4).for_each(|i| assert_eq!(rx.try_pop(), Ok(i)));
            rx
        });
        b.push(&20).unwrap();
        drop((first.join().unwrap(), receiver.join().unwrap()));
    });
}

#[test]
fn a_sleeping_consumer_returns_closed_when_the_last_producer_leaves() {
    check(1, || {
        let ring = mpsc::<u64>(2, Model::with_fences);
        let (mut a, b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || a.try_push(&0).unwrap());
        let second = thread::spawn(move || drop(b));
        assert_eq!(rx.pop(), Ok(0));
        assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Left)));
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn two_sleeping_producers_return_closed_when_the_consumer_leaves() {
    check(2, || {
        let ring = mpsc::<u64>(1, Model::with_fences);
        let (mut a, mut b, rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        a.try_push(&0).unwrap();
        let first = thread::spawn(move || assert_eq!(a.push(&1), Err(PushError::Closed(Departure::Left))));
        let second = thread::spawn(move || assert_eq!(b.push(&10), Err(PushError::Closed(Departure::Left))));
        drop(rx);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn an_aborted_reservation_frees_space_for_a_sleeping_producer() {
    check(1, || {
        let ring = mpsc::<[u8]>(128, Model::with_fences);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || {
            let aborted = a.try_reserve(64).map(drop);
            assert!(matches!(aborted, Ok(()) | Err(PushError::Full)));
            a
        });
        let second = thread::spawn(move || {
            (10..13).for_each(|i| b.push(&[i]).unwrap());
            b
        });
        for i in 10..13 {
            assert_eq!(rx.read().unwrap().payload().to_vec(), [i]);
        }
        drop((first.join().unwrap(), second.join().unwrap()));
    });
}

#[test]
fn a_consumer_asleep_at_the_claim_of_a_dead_producer_continues() {
    for writes in 3..=6 {
        check(1, move || {
            let ring = mpsc::<u64>(2, witnessed);
            let (a, mut b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            let memory = ring.memory().clone();
            let victim = thread::spawn(move || {
                Model::crash_after(writes, a, |a| a.try_push(&0).unwrap());
                declare_producer_dead(&memory, 0);
            });
            let survivor = thread::spawn(move || {
                b.try_push(&10).unwrap();
                b
            });
            let mut got = rx.pop().unwrap();
            if got == 0 {
                got = rx.pop().unwrap();
            }
            assert_eq!(got, 10);
            victim.join().unwrap();
            drop(survivor.join().unwrap());
        });
    }
}

#[test]
fn sleeping_producers_return_closed_when_the_consumer_dies() {
    for writes in 0..=3 {
        check(1, move || {
            let ring = mpsc::<u64>(1, witnessed);
            let (mut a, mut b, rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            a.try_push(&0).unwrap();
            let memory = ring.memory().clone();
            let victim = thread::spawn(move || {
                Model::crash_after(writes, rx, |rx| assert_eq!(rx.try_pop(), Ok(0)));
                declare_consumer_dead(&memory);
            });
            let first = thread::spawn(move || a.push(&1));
            let second = b.push(&10);
            let first = first.join().unwrap();
            victim.join().unwrap();
            // There was space for at most one item.
            let died = Err(PushError::Closed(Departure::Died));
            assert!(first == died || second == died, "{first:?} {second:?}");
            assert!([first, second].into_iter().all(|end| end == Ok(()) || end == died));
        });
    }
}
