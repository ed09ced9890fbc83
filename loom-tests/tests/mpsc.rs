//! `mpsc` rings of items with two producers: E1 (stamp), E2 (HEAD), E5 (TAIL and announcements).
use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;
use ringway::memory::Model;
use ringway::mpsc::Consumer;
use ringway::{Departure, PopError, PushError};
use ringway_loom::items::{Item, assert_each_in_order, item, pop, push};
use ringway_loom::{check, mpsc, retry};

/// Pops the next `n` items.
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
fn each_item_arrives_once_whole_and_in_the_order_of_its_producer() {
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
fn two_producers_that_compete_for_the_last_cell_both_get_it_in_turn() {
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
fn an_item_pushed_before_another_push_began_comes_first() {
    check(2, || {
        let ring = mpsc::<Item>(2, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let is_sent = Arc::new(AtomicBool::new(false));
        let seen = is_sent.clone();
        let first = thread::spawn(move || {
            push(&mut a, 0);
            // Relaxed: the second producer relies only on time, not on this edge.
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
fn a_slice_becomes_visible_as_a_whole_and_contiguous() {
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
            // If the first item is visible, so is the second, and nothing is between them.
            got.extend([i, pop(&mut rx).unwrap()]);
        }
        assert!(got == [0, 1, 10, 11] || got == [10, 11, 0, 1], "{got:?}");
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_slice_is_pushed_as_far_as_there_is_space() {
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
        assert!(of_first > 0 || of_second, "both pushes found the ring full, with one item of two in it");
    });
}

#[test]
fn a_full_ring_is_full_for_both_producers_until_the_consumer_releases() {
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
        assert!(!(first && second), "two items in a ring of one cell");
        let expected = if first { Some(1) } else { second.then_some(10) };
        assert_eq!(pop(&mut rx), expected);
    });
}

#[test]
fn pop_returns_closed_only_after_the_last_item_of_all_producers() {
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
fn a_seat_changes_hands_while_another_producer_sends() {
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
