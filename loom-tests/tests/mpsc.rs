//! Items in total order: E1 (stamp), E2 (HEAD), E5 (TAIL and announcements), with two producers.
use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;
use ringway::memory::Model;
use ringway::mpsc::Consumer;
use ringway::{Departure, PopError, PushError};
use ringway_loom::items::{Item, assert_each_in_order, item, pop, push};
use ringway_loom::{check, mpsc, retry};

/// The next `n`.
fn pop_all(rx: &mut Consumer<Item, Model>, n: usize) -> Vec<u64> {
    let mut got = Vec::new();
    while got.len() < n {
        match pop(rx) {
            Some(i) => got.push(i),
            None => thread::yield_now(),
        }
    }
    got
}

#[test]
fn each_item_arrives_once_and_whole_and_in_its_producers_order() {
    check(2, || {
        let ring = mpsc::<Item>(2, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || (0..2).for_each(|i| push(&mut a, i)));
        let second = thread::spawn(move || push(&mut b, 10));
        assert_each_in_order(&pop_all(&mut rx, 3), 2, 1);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn two_that_compete_for_the_last_cell_are_served_in_turn() {
    check(2, || {
        let ring = mpsc::<Item>(1, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || push(&mut a, 0));
        let second = thread::spawn(move || push(&mut b, 10));
        assert_each_in_order(&pop_all(&mut rx, 2), 1, 1);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn what_was_sent_before_another_began_comes_first() {
    check(2, || {
        let ring = mpsc::<Item>(2, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let is_sent = Arc::new(AtomicBool::new(false));
        let seen = is_sent.clone();
        let first = thread::spawn(move || {
            push(&mut a, 0);
            // Relaxed: time is the only order that the second needs.
            is_sent.store(true, Relaxed);
        });
        let second = thread::spawn(move || {
            let waited = retry(2, || seen.load(Relaxed).then_some(())).is_some();
            push(&mut b, 10);
            waited
        });
        let got = pop_all(&mut rx, 2);
        first.join().unwrap();
        if second.join().unwrap() {
            assert_eq!(got, [0, 10]);
        }
    });
}

#[test]
fn a_slice_appears_whole_and_in_one_piece() {
    check(3, || {
        let ring = mpsc::<Item>(4, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || assert_eq!(a.try_push_slice(&[0, 1].map(item)), Ok(2)));
        let second = thread::spawn(move || assert_eq!(b.try_push_slice(&[10, 11].map(item)), Ok(2)));
        let mut got = Vec::new();
        while got.len() < 4 {
            let Some(i) = pop(&mut rx) else {
                thread::yield_now();
                continue;
            };
            // Once the first is there, so is the second, and nothing is between them.
            got.extend([i, pop(&mut rx).unwrap()]);
        }
        assert!(got == [0, 1, 10, 11] || got == [10, 11, 0, 1], "{got:?}");
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_slice_takes_what_room_there_is() {
    check(2, || {
        let ring = mpsc::<Item>(2, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        push(&mut a, 0);
        let first = thread::spawn(move || match a.try_push_slice(&[1, 2].map(item)) {
            Ok(n) => n,
            Err(error) => {
                assert_eq!(error, PushError::Full);
                0
            }
        });
        let second = thread::spawn(move || b.try_push(&item(10)).is_ok());
        let mut got = vec![pop(&mut rx).unwrap()];
        let (of_first, of_second) = (first.join().unwrap(), second.join().unwrap());
        got.extend(std::iter::from_fn(|| pop(&mut rx)));
        assert_each_in_order(&got, 1 + of_first as u64, of_second.into());
        assert!(of_first > 0 || of_second, "both found a ring of two full with one");
    });
}

#[test]
fn a_full_ring_is_full_for_both_until_the_consumer_is_done() {
    check(3, || {
        let ring = mpsc::<Item>(1, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        push(&mut a, 0);
        assert_eq!(b.try_push(&item(10)), Err(PushError::Full));
        let first = thread::spawn(move || a.try_push(&item(1)).is_ok());
        let second = thread::spawn(move || b.try_push(&item(10)).is_ok());
        assert_eq!(pop(&mut rx), Some(0));
        let (first, second) = (first.join().unwrap(), second.join().unwrap());
        assert!(!(first && second), "two in a ring of one");
        let expected = if first { Some(1) } else { second.then_some(10) };
        assert_eq!(pop(&mut rx), expected);
    });
}

#[test]
fn closed_is_told_after_the_last_item_of_all() {
    check(2, || {
        let ring = mpsc::<Item>(2, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || push(&mut a, 0));
        let second = thread::spawn(move || push(&mut b, 10));
        let mut got = Vec::new();
        loop {
            match rx.try_pop() {
                Ok([i, _]) => got.push(i),
                Err(PopError::Closed(how)) => break assert_eq!(how, Departure::Left),
                Err(_) => thread::yield_now(),
            }
        }
        assert_each_in_order(&got, 1, 1);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_seat_is_handed_on_while_another_sends() {
    check(3, || {
        let ring = mpsc::<Item>(4, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let theirs = ring.clone();
        let first = thread::spawn(move || {
            push(&mut a, 0);
            drop(a);
            push(&mut theirs.producer().unwrap(), 1);
        });
        let second = thread::spawn(move || push(&mut b, 10));
        first.join().unwrap();
        second.join().unwrap();
        let got: Vec<u64> = std::iter::from_fn(|| pop(&mut rx)).collect();
        assert_each_in_order(&got, 2, 1);
    });
}
