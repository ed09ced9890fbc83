//! Waiting in a total order: E4 with two producers, who wait for room on one word. A lost wake-up is a deadlock here, since
//! the model's parks have no slices but when somebody is buried.
use loom::thread;
use ringway::memory::Model;
use ringway::{Departure, PopError, PushError};
use ringway_loom::{bury_consumer, bury_producer, check, mpsc};

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
            // Leaving wakes too: so that this push has to do it, the seats are kept.
            let [kept, mut awake] = if seat == 0 { [b, a] } else { [a, b] };
            let sender = thread::spawn(move || {
                awake.try_push(&7).unwrap();
                awake
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

/// Each release makes room for one, and wakes one; the other must not be forgotten.
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
        // Here, so that both can be asleep before anything is taken.
        b.push(&10).unwrap();
        drop((first.join().unwrap(), receiver.join().unwrap()));
    });
}

/// Neither before half of the ring is free; then one, and by the next release the other.
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
fn a_sleeping_consumer_learns_that_the_last_producer_left() {
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
fn two_sleeping_producers_learn_that_the_consumer_left() {
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
fn what_is_given_up_makes_room_for_a_sleeper() {
    check(1, || {
        let ring = mpsc::<[u8]>(128, Model::with_fences);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || {
            let given_up = a.try_reserve(64).map(drop);
            assert!(matches!(given_up, Ok(()) | Err(PushError::Full)));
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
fn a_consumer_that_sleeps_before_a_dead_ones_claim_goes_on() {
    for writes in 3..=6 {
        check(1, move || {
            let ring = mpsc::<u64>(2, witnessed);
            let (a, mut b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            let memory = ring.memory().clone();
            let victim = thread::spawn(move || {
                Model::crash_after(writes, a, |a| a.try_push(&0).unwrap());
                bury_producer(&memory, 0);
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
fn producers_that_sleep_learn_that_the_consumer_died() {
    for writes in 0..=3 {
        check(1, move || {
            let ring = mpsc::<u64>(1, witnessed);
            let (mut a, mut b, rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            a.try_push(&0).unwrap();
            let memory = ring.memory().clone();
            let victim = thread::spawn(move || {
                Model::crash_after(writes, rx, |rx| assert_eq!(rx.try_pop(), Ok(0)));
                bury_consumer(&memory);
            });
            let first = thread::spawn(move || a.push(&1));
            let second = b.push(&10);
            let first = first.join().unwrap();
            victim.join().unwrap();
            // There was room for one at most.
            let died = Err(PushError::Closed(Departure::Died));
            assert!(first == died || second == died, "{first:?} {second:?}");
            assert!([first, second].into_iter().all(|end| end == Ok(()) || end == died));
        });
    }
}
