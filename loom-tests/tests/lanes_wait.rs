//! Waiting in `lanes` rings, and idle lanes: E4 and E6. A park in the model has no time limit until
//! a participant is declared dead, so a lost wake-up is a deadlock.
use loom::thread;
use ringway::lanes::Consumer;
use ringway::memory::Model;
use ringway::{Departure, PopError, PushError};
use ringway_loom::{check, declare_producer_dead, lanes};

/// Polls the empty ring often enough that one of two lanes becomes idle.
fn make_one_lane_idle(rx: &mut Consumer<u64, Model>) {
    (0..4).for_each(|_| assert_eq!(rx.try_pop(), Err(PopError::Empty)));
}

#[test]
fn a_sleeping_consumer_is_woken_by_either_lane() {
    for lane in 0..2 {
        check(2, move || {
            let ring = lanes::<u64>(1, Model::with_fences);
            let (a, b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            // Keeps the seats, because leaving wakes the consumer too, and here the push must wake
            // it.
            let [kept, mut pushing] = if lane == 0 { [b, a] } else { [a, b] };
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
fn a_sleeping_consumer_is_woken_by_both_lanes() {
    check(1, || {
        let ring = lanes::<u64>(1, Model::with_fences);
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

#[test]
fn an_idle_lane_notifies_the_consumer() {
    check(2, || {
        let ring = lanes::<u64>(1, Model::with_fences);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        make_one_lane_idle(&mut rx);
        let first = thread::spawn(move || {
            a.try_push(&0).unwrap();
            a
        });
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b
        });
        // Without blocking calls, because those scan all lanes.
        let mut got = Vec::new();
        while got.len() < 2 {
            match rx.try_pop() {
                Ok(i) => got.push(i),
                Err(_) => thread::yield_now(),
            }
        }
        got.sort_unstable();
        assert_eq!(got, [0, 10]);
        drop((first.join().unwrap(), second.join().unwrap()));
    });
}

#[test]
fn a_lane_that_becomes_idle_while_it_notifies_notifies_again() {
    check(2, || {
        let ring = lanes::<u64>(2, Model::with_fences);
        let (_a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        make_one_lane_idle(&mut rx);
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b.try_push(&11).unwrap();
            b
        });
        let mut next = 10;
        while next < 12 {
            // Enough polls in a row to make the lane idle again.
            for _ in 0..4 {
                if let Ok(got) = rx.try_pop() {
                    assert_eq!(got, next);
                    next += 1;
                }
            }
            thread::yield_now();
        }
        drop(second.join().unwrap());
    });
}

#[test]
fn a_lane_whose_bit_was_taken_early_notifies_again() {
    check(2, || {
        let ring = lanes::<u64>(8, Model::with_fences);
        let (a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        make_one_lane_idle(&mut rx);
        drop(a);
        // The new producer notifies when it takes its seat. So the consumer reads the bits before
        // `b` has notified.
        let mut a = ring.producer().unwrap();
        assert_eq!(a.try_push_slice(&[0, 1, 2, 3, 4, 5, 6, 7]), Ok(8));
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b.try_push(&11).unwrap();
            b
        });
        // One drain, because each release has a fence. While lane `a` still has items, lane `b`
        // becomes active, and idle again.
        let mut got = Vec::new();
        rx.drain(usize::MAX, |i| got.push(i)).unwrap();
        while got.len() < 10 {
            match rx.try_pop() {
                Ok(i) => got.push(i),
                Err(_) => thread::yield_now(),
            }
        }
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 3, 4, 5, 6, 7, 10, 11]);
        drop(second.join().unwrap());
    });
}

#[test]
fn a_consumer_that_makes_lanes_idle_and_sleeps_misses_no_item() {
    check(2, || {
        let ring = lanes::<u64>(2, Model::with_fences);
        let (_a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b.try_push(&11).unwrap();
            b
        });
        let mut next = 10;
        for _ in 0..4 {
            if let Ok(got) = rx.try_pop() {
                assert_eq!(got, next);
                next += 1;
            }
        }
        for i in next..12 {
            assert_eq!(rx.pop(), Ok(i));
        }
        drop(second.join().unwrap());
    });
}

#[test]
fn producers_asleep_on_their_lanes_are_woken() {
    check(1, || {
        let ring = lanes::<u64>(1, Model::with_fences);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        a.try_push(&0).unwrap();
        b.try_push(&10).unwrap();
        let first = thread::spawn(move || {
            a.push(&1).unwrap();
            a
        });
        let second = thread::spawn(move || {
            b.push(&11).unwrap();
            b
        });
        let mut got: Vec<u64> = (0..4).map(|_| rx.pop().unwrap()).collect();
        assert!(got.iter().filter(|i| **i >= 10).eq([10, 11].iter()), "{got:?}");
        got.sort_unstable();
        assert_eq!(got, [0, 1, 10, 11]);
        drop((first.join().unwrap(), second.join().unwrap()));
    });
}

#[test]
fn a_sleeping_consumer_returns_closed_when_the_last_producer_leaves() {
    check(1, || {
        let ring = lanes::<u64>(1, Model::with_fences);
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
fn producers_asleep_on_their_lanes_return_closed_when_the_consumer_leaves() {
    check(2, || {
        let ring = lanes::<u64>(1, Model::with_fences);
        let (mut a, mut b, rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        a.try_push(&0).unwrap();
        b.try_push(&10).unwrap();
        let left = Err(PushError::Closed(Departure::Left));
        let first = thread::spawn(move || assert_eq!(a.push(&1), left));
        let second = thread::spawn(move || assert_eq!(b.push(&11), left));
        drop(rx);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn an_item_is_found_whose_producer_died_before_it_notified() {
    // The writes of the victim: the item, the stamp, TAIL, and five of the doorbell.
    for writes in 0..=8 {
        check(1, move || {
            let ring = lanes::<u64>(1, |len| Model::with_fences(len).with_witness());
            let (a, b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            make_one_lane_idle(&mut rx);
            let memory = ring.memory().clone();
            let victim = thread::spawn(move || {
                Model::crash_after(writes, b, |b| b.try_push(&10).unwrap());
                declare_producer_dead(&memory, 1);
            });
            let other = thread::spawn(move || drop(a));
            if writes >= 2 {
                assert_eq!(rx.pop(), Ok(10));
            }
            assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Died)));
            victim.join().unwrap();
            other.join().unwrap();
        });
    }
}

#[test]
fn a_new_producer_on_an_idle_lane_wakes_a_consumer_about_to_sleep() {
    check(2, || {
        let ring = lanes::<u64>(1, Model::with_fences);
        let (_a, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        make_one_lane_idle(&mut rx);
        let new_producer = thread::spawn(move || {
            // It notifies when it takes its seat, and not when it pushes, unless the consumer has
            // armed its lane since.
            let mut b = ring.producer().unwrap();
            b.try_push(&10).unwrap();
            b
        });
        assert_eq!(rx.pop(), Ok(10));
        drop(new_producer.join().unwrap());
    });
}
