//! Waiting for lanes, and lanes at rest: E4 and E6. A lost wake-up is a deadlock here, since the model's parks have no slices
//! but when somebody is buried.
use loom::thread;
use ringway::lanes::Consumer;
use ringway::memory::Model;
use ringway::{Departure, PopError, PushError};
use ringway_loom::{bury_producer, check, lanes};

/// Looks so often in vain that one of two lanes is put to rest.
fn let_one_rest(rx: &mut Consumer<u64, Model>) {
    (0..4).for_each(|_| assert_eq!(rx.try_pop(), Err(PopError::Empty)));
}

#[test]
fn a_sleeping_consumer_is_woken_by_either_lane() {
    for lane in 0..2 {
        check(2, move || {
            let ring = lanes::<u64>(1, Model::with_fences);
            let (a, b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            // Leaving wakes too: so that this push has to do it, the seats are kept.
            let [kept, mut awake] = if lane == 0 { [b, a] } else { [a, b] };
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
fn a_lane_at_rest_is_heard() {
    check(2, || {
        let ring = lanes::<u64>(1, Model::with_fences);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let_one_rest(&mut rx);
        let first = thread::spawn(move || {
            a.try_push(&0).unwrap();
            a
        });
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b
        });
        // Without waiting, in which it would look at all lanes.
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
fn a_lane_that_is_put_to_rest_while_it_rings_is_heard_again() {
    check(2, || {
        let ring = lanes::<u64>(2, Model::with_fences);
        let (_a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let_one_rest(&mut rx);
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b.try_push(&11).unwrap();
            b
        });
        let mut next = 10;
        while next < 12 {
            // So often without a break that the lane is at rest again.
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
fn a_lane_whose_bit_was_taken_for_anothers_ring_is_heard_again() {
    check(2, || {
        let ring = lanes::<u64>(8, Model::with_fences);
        let (a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let_one_rest(&mut rx);
        drop(a);
        // It rings as it sits down, and so the consumer looks for bits before `b` has rung.
        let mut a = ring.producer().unwrap();
        assert_eq!(a.try_push_slice(&[0, 1, 2, 3, 4, 5, 6, 7]), Ok(8));
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b.try_push(&11).unwrap();
            b
        });
        // In one go, for each release has a fence: while there is still something of `a`, the lane of `b` is watched, and put to
        // rest again.
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
fn a_consumer_that_rests_lanes_and_sleeps_misses_nothing() {
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
fn producers_that_sleep_in_their_lanes_are_woken() {
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
fn a_sleeping_consumer_learns_that_the_last_lane_was_left() {
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
fn producers_that_sleep_in_their_lanes_learn_that_the_consumer_left() {
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
fn what_a_producer_published_before_it_could_ring_is_found() {
    // The item, the stamp, TAIL, and the ring's five.
    for writes in 0..=8 {
        check(1, move || {
            let ring = lanes::<u64>(1, |len| Model::with_fences(len).with_witness());
            let (a, b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            let_one_rest(&mut rx);
            let memory = ring.memory().clone();
            let victim = thread::spawn(move || {
                Model::crash_after(writes, b, |b| b.try_push(&10).unwrap());
                bury_producer(&memory, 1);
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
fn a_newcomer_to_a_lane_at_rest_is_heard_by_who_lies_down() {
    check(2, || {
        let ring = lanes::<u64>(1, Model::with_fences);
        let (_a, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let_one_rest(&mut rx);
        let newcomer = thread::spawn(move || {
            // It rings as it sits down, and not when it sends, if nobody armed its lane since.
            let mut b = ring.producer().unwrap();
            b.try_push(&10).unwrap();
            b
        });
        assert_eq!(rx.pop(), Ok(10));
        drop(newcomer.join().unwrap());
    });
}
