//! A `Select` over two rings: E4 with one thread that sleeps on two words. A park in the model has no
//! time limit, so a lost wake-up is a deadlock.
use std::ops::Range;

use loom::thread;
use ringway::memory::Model;
use ringway::ring::{self, Kind};
use ringway::spsc::{Consumer, Producer};
use ringway::{Departure, Options, PopError, PushError, Select, lanes, mpsc, spsc};
use ringway_loom::check;

const BOTH: Range<usize> = 0..2;

/// The ends of a ring. On the heap, because loom's stacks are small.
type Ends = (Box<Producer<u64, Model>>, Box<Consumer<u64, Model>>);

/// A ring of one item. One thread can sleep in it and in `other` together.
#[inline(never)]
fn ends(other: Option<&Model>) -> Ends {
    let options = Options::new().capacity(1);
    let memory = Model::with_fences(spsc::Ring::<u64>::required_len(&options)).with_seats(2);
    let memory = match other {
        Some(other) => memory.beside(other),
        None => memory,
    };
    let ring = spsc::Ring::format(memory, &options).unwrap();
    (Box::new(ring.producer().unwrap()), Box::new(ring.consumer().unwrap()))
}

/// Two rings of one item each.
fn pairs() -> (Ends, Ends) {
    let first = ends(None);
    let second = ends(Some(first.1.ring().memory()));
    (first, second)
}

/// The ends of a ring of two lanes of one item each.
type LanesEnds = ([Box<lanes::Producer<u64, Model>>; 2], Box<lanes::Consumer<u64, Model>>);

/// A ring of two lanes, beside `other`.
#[inline(never)]
fn lanes_beside(other: &Model) -> LanesEnds {
    let options = Options::new().capacity(1).max_producers(2);
    let memory = Model::with_fences(lanes::Ring::<u64>::required_len(&options)).with_seats(4).beside(other);
    let ring = lanes::Ring::format(memory, &options).unwrap();
    let producers = [(); 2].map(|()| Box::new(ring.producer().unwrap()));
    (producers, Box::new(ring.consumer().unwrap()))
}

/// Waits for both consumers until two items have come. Returns the smaller one first.
fn receive_two<K: Kind>(a: &mut Consumer<u64, Model>, b: &mut ring::Consumer<K, u64, Model>) -> [u64; 2] {
    let mut select = Select::new();
    let mut got = [0, 0].map(|_| match select.wait(&mut [a, b]) {
        Some(0) => a.try_pop().unwrap(),
        _ => b.try_pop().unwrap(),
    });
    got.sort_unstable();
    got
}

#[test]
fn a_push_to_either_ring_wakes_a_select() {
    for which in BOTH {
        check(3, move || {
            let ((a, mut a_rx), (b, mut b_rx)) = pairs();
            // Keeps the seats, because leaving wakes the consumer too, and here the push must wake it.
            let [mut pushing, kept] = if which == 0 { [a, b] } else { [b, a] };
            let sender = thread::spawn(move || {
                pushing.try_push(&7).unwrap();
                pushing
            });
            assert_eq!(Select::new().wait(&mut [&mut *a_rx, &mut *b_rx]), Some(which));
            let rx = if which == 0 { &mut a_rx } else { &mut b_rx };
            assert_eq!(rx.try_pop(), Ok(7));
            drop((kept, sender.join().unwrap()));
        });
    }
}

#[test]
fn pushes_to_both_rings_wake_a_select() {
    check(2, || {
        let ((mut a, mut a_rx), (mut b, mut b_rx)) = pairs();
        let first = thread::spawn(move || {
            a.try_push(&0).unwrap();
            a
        });
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b
        });
        assert_eq!(receive_two(&mut a_rx, &mut b_rx), [0, 10]);
        drop((first.join().unwrap(), second.join().unwrap()));
    });
}

/// The word of the other ring was odd in the first wait, and no producer made it even.
#[test]
fn a_push_wakes_a_select_that_has_slept_before() {
    check(2, || {
        let ((mut a, mut a_rx), (mut b, mut b_rx)) = pairs();
        let sender = thread::spawn(move || {
            a.try_push(&0).unwrap();
            b.try_push(&10).unwrap();
            (a, b)
        });
        assert_eq!(receive_two(&mut a_rx, &mut b_rx), [0, 10]);
        drop(sender.join().unwrap());
    });
}

/// The departure is the only event.
#[test]
fn a_departing_producer_of_either_ring_wakes_a_select() {
    for which in BOTH {
        check(2, move || {
            let ((a, mut a_rx), (b, mut b_rx)) = pairs();
            let [leaving, kept] = if which == 0 { [a, b] } else { [b, a] };
            let leaver = thread::spawn(move || drop(leaving));
            assert_eq!(Select::new().wait(&mut [&mut *a_rx, &mut *b_rx]), Some(which));
            let rx = if which == 0 { &mut a_rx } else { &mut b_rx };
            assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Left)));
            leaver.join().unwrap();
            drop(kept);
        });
    }
}

/// One lane is idle, the other active. The ring of lanes is the first or the second one.
#[test]
fn a_push_to_either_lane_wakes_a_select() {
    for (lane, is_first) in [(0, true), (0, false), (1, true), (1, false)] {
        check(2, move || {
            let (other, mut other_rx) = ends(None);
            let ([a, b], mut rx) = lanes_beside(other_rx.ring().memory());
            // Enough empty polls to make one lane idle.
            (0..4).for_each(|_| assert_eq!(rx.try_pop(), Err(PopError::Empty)));
            let [kept, mut pushing] = if lane == 0 { [b, a] } else { [a, b] };
            let sender = thread::spawn(move || {
                pushing.try_push(&7).unwrap();
                pushing
            });
            if is_first {
                assert_eq!(Select::new().wait(&mut [&mut *rx, &mut *other_rx]), Some(0));
            } else {
                assert_eq!(Select::new().wait(&mut [&mut *other_rx, &mut *rx]), Some(1));
            }
            assert_eq!(rx.try_pop(), Ok(7));
            drop((kept, other, sender.join().unwrap()));
        });
    }
}

/// The first ring of a select gets its item while the other one is looked at.
#[test]
fn a_push_to_a_ring_and_a_lane_wake_a_select() {
    check(2, || {
        let (mut a, mut a_rx) = ends(None);
        let ([mut b, kept], mut b_rx) = lanes_beside(a_rx.ring().memory());
        let first = thread::spawn(move || {
            a.try_push(&0).unwrap();
            a
        });
        let second = thread::spawn(move || {
            b.try_push(&10).unwrap();
            b
        });
        assert_eq!(receive_two(&mut a_rx, &mut b_rx), [0, 10]);
        drop((kept, first.join().unwrap(), second.join().unwrap()));
    });
}

/// A producer that waits for room, beside a consumer of another ring that waits for an item.
#[test]
fn a_release_wakes_a_select_that_waits_for_room() {
    check(3, || {
        let ((mut a, mut a_rx), (b, mut b_rx)) = pairs();
        a.try_push(&1).unwrap();
        let taker = thread::spawn(move || {
            assert_eq!(a_rx.try_pop(), Ok(1));
            a_rx
        });
        assert_eq!(Select::new().wait(&mut [&mut *b_rx, &mut *a]), Some(1));
        a.try_push(&2).unwrap();
        drop((b, taker.join().unwrap()));
    });
}

/// The departure is the only event.
#[test]
fn a_departing_consumer_wakes_a_select_that_waits_for_room() {
    check(3, || {
        let ((mut a, a_rx), (b, mut b_rx)) = pairs();
        a.try_push(&1).unwrap();
        let leaver = thread::spawn(move || drop(a_rx));
        assert_eq!(Select::new().wait(&mut [&mut *b_rx, &mut *a]), Some(1));
        assert_eq!(a.try_push(&2), Err(PushError::Full));
        leaver.join().unwrap();
        drop(b);
    });
}

/// Two producers of one order sleep on one word: one in a push, one in a select. There is room for
/// one item, and then for another one.
#[test]
fn releases_wake_a_select_and_another_producer() {
    check(1, || {
        let (first, mut first_rx) = ends(None);
        let options = Options::new().capacity(1).max_producers(2);
        let len = mpsc::Ring::<u64>::required_len(&options);
        let memory = Model::with_fences(len).with_seats(4).beside(first_rx.ring().memory());
        let ring = mpsc::Ring::<u64, _>::format(memory, &options).unwrap();
        let (mut one, mut two) = (Box::new(ring.producer().unwrap()), Box::new(ring.producer().unwrap()));
        let mut rx = Box::new(ring.consumer().unwrap());
        one.try_push(&1).unwrap();
        let pusher = thread::spawn(move || {
            two.push(&2).unwrap();
            two
        });
        let taker = thread::spawn(move || {
            let got = [(); 2].map(|()| rx.pop().unwrap());
            (rx, got)
        });
        let mut select = Select::new();
        while one.try_push(&3).is_err() {
            assert_eq!(select.wait(&mut [&mut *first_rx, &mut *one]), Some(1));
        }
        let (mut rx, [first_item, second]) = taker.join().unwrap();
        let two = pusher.join().unwrap();
        assert_eq!((first_item, second + rx.try_pop().unwrap()), (1, 5));
        drop((first, one, two));
    });
}
