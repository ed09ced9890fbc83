//! Whole slices, iterators, a look at the next item, and how much is in a ring.
use std::thread;
use std::time::{Duration, Instant};

use ringway::{CELL, Departure, PopError, PushError};

use super::{AnyKind, Place};
use support::process::PATIENCE;

on_every_ring!(
    a_slice_is_sent_as_a_whole,
    a_slice_is_cut_where_the_consumer_leaves,
    a_slice_is_cut_when_the_time_is_up,
    an_empty_slice_needs_no_room,
    a_peeked_item_stays_in_the_ring,
    a_peek_waits_for_an_item,
    try_iter_ends_where_the_ring_is_empty,
    iter_waits_and_ends_where_the_producer_left,
    iter_ends_where_the_producer_has_finished,
    len_counts_items_until_they_are_released,
    len_counts_bytes_in_whole_cells,
);

mod with_several_producers {
    use super::*;

    on_rings_of_several!(
        a_peek_and_the_next_pop_return_the_same_item,
        len_of_a_ring_is_that_of_all_its_producers,
    );
}

const LONG: Duration = PATIENCE;
const SHORT: Duration = Duration::from_millis(20);
/// So late that the other side sleeps.
const ASLEEP: Duration = Duration::from_millis(30);

fn a_slice_is_sent_as_a_whole<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let (mut tx, mut rx) = ring.ends();
    let items: Vec<u64> = (0..1000).collect();
    thread::scope(|scope| {
        let received = scope.spawn(move || rx.iter().collect::<Result<Vec<_>, _>>());
        assert_eq!(tx.push_slice(&items), Ok(1000));
        assert_eq!(tx.push_slice_timeout(&items, LONG), Ok(1000));
        drop(tx);
        assert_eq!(received.join().unwrap(), Ok([&items[..], &items].concat()));
    });
}

fn a_slice_is_cut_where_the_consumer_leaves<K: AnyKind>(place: Place) {
    for is_finished in [false, true] {
        let ring = place.ring::<K, u64>(4);
        let (mut tx, mut rx) = ring.ends();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| tx.push_slice(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
            assert_eq!([rx.pop(), rx.pop()], [Ok(0), Ok(1)]);
            thread::sleep(ASLEEP);
            if is_finished {
                rx.close().unwrap()
            } else {
                drop(rx)
            }
            assert_eq!(waiting.join().unwrap(), Ok(6));
        });
        let how = if is_finished { Departure::Finished } else { Departure::Left };
        assert_eq!(tx.push_slice(&[6, 7]), Err(PushError::Closed(how)));
        assert_eq!(tx.push_slice_timeout(&[6, 7], LONG), Err(PushError::Closed(how)));
        // The next consumer gets what was sent, and no more.
        let mut rx = ring.consumer().unwrap();
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [2, 3, 4, 5].map(Ok));
    }
}

fn a_slice_is_cut_when_the_time_is_up<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(4);
    let (mut tx, mut rx) = ring.ends();
    let start = Instant::now();
    assert_eq!(tx.push_slice_timeout(&[0, 1, 2, 3, 4, 5], SHORT), Ok(4));
    assert!(start.elapsed() >= SHORT, "after {:?}", start.elapsed());
    assert_eq!(tx.push_slice_timeout(&[4, 5], SHORT), Err(PushError::Elapsed));
    assert_eq!(rx.try_pop(), Ok(0));
    assert_eq!(tx.push_slice_timeout(&[4, 5], Duration::ZERO), Ok(1));
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1, 2, 3, 4].map(Ok));
}

fn an_empty_slice_needs_no_room<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(1);
    let (mut tx, rx) = ring.ends();
    tx.try_push(&1).unwrap();
    assert_eq!((tx.push_slice(&[]), tx.push_slice_timeout(&[], Duration::ZERO)), (Ok(0), Ok(0)));
    drop(rx);
    assert_eq!(tx.push_slice(&[]), Ok(0));
}

fn a_peeked_item_stays_in_the_ring<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(2);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!(rx.try_peek(), Err(PopError::Empty));
    for lap in 0..10 {
        assert_eq!(tx.try_push_slice(&[2 * lap, 2 * lap + 1]), Ok(2));
        for item in 2 * lap..2 * lap + 2 {
            let before = (rx.position(), rx.len());
            assert_eq!([rx.try_peek(), rx.peek(), rx.try_peek()], [Ok(item); 3]);
            assert_eq!((rx.position(), rx.len()), before);
            if item % 2 == 0 {
                assert_eq!(tx.try_push(&99), Err(PushError::Full), "a look releases nothing");
            }
            assert_eq!(rx.try_pop(), Ok(item));
        }
    }
    tx.try_push(&7).unwrap();
    drop(tx);
    assert_eq!([rx.peek(), rx.pop()], [Ok(7); 2]);
    assert_eq!([rx.peek(), rx.try_peek()], [Err(PopError::Closed(Departure::Left)); 2]);
}

fn a_peek_waits_for_an_item<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(2);
    let (mut tx, mut rx) = ring.ends();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || (rx.peek(), rx.try_pop()));
        thread::sleep(ASLEEP);
        tx.try_push(&5).unwrap();
        assert_eq!(waiting.join().unwrap(), (Ok(5), Ok(5)));
    });
}

fn a_peek_and_the_next_pop_return_the_same_item<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(8, 3);
    let mut rx = ring.consumer().unwrap();
    let mut producers = ring.several::<3>();
    let (mut received, mut next) = (Vec::new(), 0);
    for turn in 0..200 {
        // In turns of uneven length, so that each lane is empty at times.
        if producers[turn % 3].try_push(&next).is_ok() {
            next += 1;
        }
        if turn % 5 > 1 {
            for _ in 0..turn % 4 {
                let Ok(peeked) = rx.try_peek() else { break };
                // A record that arrives in between does not change what comes next.
                if producers[turn % 2].try_push(&next).is_ok() {
                    next += 1;
                }
                assert_eq!((rx.try_peek(), rx.try_pop()), (Ok(peeked), Ok(peeked)));
                received.push(peeked);
            }
        }
    }
    received.extend(rx.try_iter().map(Result::unwrap));
    received.sort();
    assert_eq!(received, (0..next).collect::<Vec<_>>());
}

fn try_iter_ends_where_the_ring_is_empty<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(8);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!(rx.try_iter().next(), None);
    tx.try_push_slice(&[0, 1, 2, 3]).unwrap();
    assert_eq!(rx.try_iter().take(2).collect::<Vec<_>>(), [Ok(0), Ok(1)]);
    let mut iter = rx.try_iter();
    assert_eq!([iter.next(), iter.next(), iter.next()], [Some(Ok(2)), Some(Ok(3)), None]);
    // It goes on when there are items again.
    tx.try_push(&4).unwrap();
    assert_eq!([iter.next(), iter.next()], [Some(Ok(4)), None]);
    tx.try_push(&5).unwrap();
    drop(tx);
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [Ok(5)]);
    ring.producer().unwrap().close().unwrap();
    assert_eq!(rx.try_iter().next(), None);
}

fn iter_waits_and_ends_where_the_producer_left<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(2);
    let (mut tx, mut rx) = ring.ends();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let mut iter = rx.iter();
            (iter.by_ref().collect::<Vec<_>>(), iter.next())
        });
        for i in 0..3 {
            thread::sleep(ASLEEP);
            tx.try_push(&i).unwrap();
        }
        drop(tx);
        assert_eq!(waiting.join().unwrap(), (vec![Ok(0), Ok(1), Ok(2)], None));
    });
}

fn iter_ends_where_the_producer_has_finished<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(2);
    let (mut tx, mut rx) = ring.ends();
    tx.push(&1).unwrap();
    tx.close().unwrap();
    assert_eq!(rx.iter().collect::<Vec<_>>(), [Ok(1)]);
    // A new iterator finds what the next producer sends.
    ring.producer().unwrap().push(&2).unwrap();
    assert_eq!(rx.iter().collect::<Vec<_>>(), [Ok(2)]);
}

fn len_counts_items_until_they_are_released<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u64; 9]>(8);
    let (mut tx, mut rx) = ring.ends();
    let all =
        |expected: usize, tx: &ringway::ring::Producer<K, _, _>, rx: &ringway::ring::Consumer<K, _, _>| {
            assert_eq!([ring.len(), tx.len(), rx.len()], [expected; 3]);
            assert_eq!([ring.is_empty(), tx.is_empty(), rx.is_empty()], [expected == 0; 3]);
        };
    all(0, &tx, &rx);
    for _ in 0..5 {
        assert_eq!(tx.try_push_slice(&[[1; 9]; 3]), Ok(3));
        all(3, &tx, &rx);
        rx.try_pop().unwrap();
        all(2, &tx, &rx);
        rx.drain(9, |_| ()).unwrap();
        all(0, &tx, &rx);
    }
    while tx.try_push(&[2; 9]).is_ok() {}
    all(ring.capacity(), &tx, &rx);
}

fn len_counts_bytes_in_whole_cells<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    let (mut tx, mut rx) = ring.ends();
    let mut expected = 0;
    for (len, cells) in [(0, 1), (1, 1), (64, 1), (65, 2), (200, 4)] {
        tx.try_push(&vec![1; len]).unwrap();
        expected += cells * CELL;
        assert_eq!([ring.len(), tx.len(), rx.len()], [expected; 3]);
    }
    rx.try_read().unwrap().keep();
    assert_eq!(ring.len(), expected);
    rx.try_read().unwrap().release();
    assert_eq!([ring.len(), tx.len(), rx.len()], [expected - CELL; 3]);
    rx.drain(9, |_| ()).unwrap();
    assert!(ring.is_empty() && tx.is_empty() && rx.is_empty());
    // Up to the end of the lap.
    while tx.try_push(b"").is_ok() {}
    assert_eq!([ring.len(), rx.len()], [ring.capacity(); 2]);
}

fn len_of_a_ring_is_that_of_all_its_producers<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(8, 3);
    let mut rx = ring.consumer().unwrap();
    let [mut one, mut other, idle] = ring.several::<3>();
    one.try_push_slice(&[1, 2]).unwrap();
    other.try_push_slice(&[3, 4, 5]).unwrap();
    assert_eq!([ring.len(), rx.len()], [5; 2]);
    // In lanes, a producer counts its own.
    let own = if K::HOLDS_PLACES { [5, 5, 5] } else { [2, 3, 0] };
    assert_eq!([one.len(), other.len(), idle.len()], own);
    assert_eq!(rx.drain(9, |_| ()), Ok(5));
    assert!(ring.is_empty() && one.is_empty() && other.is_empty());
}
