//! The forms that wait, across threads.
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ringway::{Departure, PopError, PushError};

use super::{AnyKind, Place, bytes_of};
use support::process::PATIENCE;

on_every_ring!(
    items_stream_through_a_tiny_ring,
    records_stream_through_a_tiny_ring,
    reservations_stream_through_a_small_ring,
    slices_stream_through_a_small_ring,
    batches_stream_whole,
    time_is_up_when_it_is_up,
    no_time_is_needed_when_nothing_is_waited_for,
    what_is_only_waited_for_is_not_taken,
    a_waiting_end_is_woken_by_its_peer,
    a_waiting_end_is_told_when_its_peer_leaves,
    peers_are_waited_for,
);

/// Long enough that a test that needs it has failed.
const LONG: Duration = PATIENCE;
const SHORT: Duration = Duration::from_millis(20);
/// So late that the other side has fallen asleep.
const ASLEEP: Duration = Duration::from_millis(30);

fn items_stream_through_a_tiny_ring<K: AnyKind>(place: Place) {
    const ITEMS: u64 = 40_000;
    let ring = place.ring::<K, u64>(2);
    let (mut tx, mut rx) = ring.ends();
    thread::scope(|scope| {
        scope.spawn(move || (0..ITEMS).for_each(|i| tx.push(&i).unwrap()));
        for i in 0..ITEMS {
            assert_eq!(rx.pop(), Ok(i));
        }
        assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Left)));
    });
}

fn records_stream_through_a_tiny_ring<K: AnyKind>(place: Place) {
    const RECORDS: usize = 30_000;
    let ring = place.ring::<K, [u8]>(4 * 64);
    let (mut tx, mut rx) = ring.ends();
    let record = |i: usize| bytes_of(i, i % 129);
    thread::scope(|scope| {
        scope.spawn(move || (0..RECORDS).for_each(|i| tx.push(&record(i)).unwrap()));
        for i in 0..RECORDS {
            assert_eq!(rx.read().unwrap().payload().to_vec(), record(i));
        }
        assert_eq!(rx.read().map(drop), Err(PopError::Closed(Departure::Left)));
    });
}

fn reservations_stream_through_a_small_ring<K: AnyKind>(place: Place) {
    const RECORDS: usize = 10_000;
    let ring = place.ring::<K, [u8]>(8 * 64);
    let (mut tx, mut rx) = ring.ends();
    let record = |i: usize| bytes_of(i, i % 257);
    thread::scope(|scope| {
        scope.spawn(move || {
            for i in 0..RECORDS {
                let record = record(i);
                if i % 3 == 0 {
                    tx.reserve(256).unwrap().abort();
                }
                let mut reservation = tx.reserve_timeout(256, LONG).unwrap();
                reservation.payload().write_at(&record, 0).unwrap();
                reservation.commit_len(record.len()).unwrap();
            }
        });
        let mut i = 0;
        while i < RECORDS {
            assert_eq!(rx.read_timeout(LONG).unwrap().payload().to_vec(), record(i));
            i += 1;
            let more = rx.drain(3, |payload| {
                assert_eq!(payload.to_vec(), record(i));
                i += 1;
            });
            assert!(matches!(more, Ok(1..=3) | Err(PopError::Empty | PopError::Closed(_))));
        }
    });
}

fn slices_stream_through_a_small_ring<K: AnyKind>(place: Place) {
    const ITEMS: u64 = 40_000;
    let ring = place.ring::<K, u64>(8);
    let (mut tx, mut rx) = ring.ends();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut sent = 0;
            while sent < ITEMS {
                let items: Vec<_> = (sent..ITEMS.min(sent + 5)).collect();
                tx.push_timeout(&sent, LONG).unwrap();
                sent += 1 + tx.try_push_slice(&items[1..]).unwrap_or(0) as u64;
            }
        });
        let mut received = 0;
        while received < ITEMS {
            assert_eq!(rx.pop_timeout(LONG), Ok(received));
            received += 1;
            let mut items = [0; 3];
            let popped = rx.try_pop_slice(&mut items).unwrap_or(0);
            for item in &items[..popped] {
                assert_eq!(*item, received);
                received += 1;
            }
        }
    });
}

fn batches_stream_whole<K: AnyKind>(place: Place) {
    const BATCHES: u32 = 5_000;
    let ring = place.ring::<K, [u8]>(16 * 64);
    let (mut tx, mut rx) = ring.ends();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut stage = |i: u32, commit: bool| {
                let mut batch = tx.try_batch(3 * 64)?;
                for part in 0..3 {
                    batch.try_push(&[i.to_le_bytes(), [part; 4]].concat())?;
                }
                if commit {
                    batch.commit();
                }
                Ok::<_, PushError>(())
            };
            for i in 0..BATCHES {
                // Every other one is dropped first, and then sent.
                for commit in [i % 2 == 0, true] {
                    while let Err(error) = stage(i, commit) {
                        assert_eq!(error, PushError::Full);
                        thread::yield_now();
                    }
                    if commit {
                        break;
                    }
                }
            }
        });
        for i in 0..BATCHES {
            let first = rx.read_timeout(LONG).unwrap().payload().to_vec();
            assert_eq!(first, [i.to_le_bytes(), [0; 4]].concat());
            // With the first, the others are there.
            for part in 1..3 {
                let next = rx.try_read().unwrap().payload().to_vec();
                assert_eq!(next, [i.to_le_bytes(), [part; 4]].concat());
            }
        }
    });
}

/// What `wait` gives, which must not be before `SHORT` is over.
fn not_early<R>(wait: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = wait();
    assert!(start.elapsed() >= SHORT, "after {:?}", start.elapsed());
    result
}

fn time_is_up_when_it_is_up<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(1);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!(not_early(|| rx.pop_timeout(SHORT)), Err(PopError::Elapsed));
    assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::Elapsed));
    tx.try_push(&1).unwrap();
    assert_eq!(not_early(|| tx.push_timeout(&2, SHORT)), Err(PushError::Elapsed));
    assert_eq!(tx.push_timeout(&2, Duration::ZERO), Err(PushError::Elapsed));
    assert_eq!((rx.try_pop(), rx.try_pop()), (Ok(1), Err(PopError::Empty)));

    let ring = place.ring::<K, [u8]>(128);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!(not_early(|| rx.read_timeout(SHORT).map(drop)), Err(PopError::Elapsed));
    tx.try_push(&[1]).unwrap();
    tx.try_push(&[2]).unwrap();
    assert_eq!(not_early(|| tx.push_timeout(&[3], SHORT)), Err(PushError::Elapsed));
    assert_eq!(not_early(|| tx.reserve_timeout(1, SHORT).map(drop)), Err(PushError::Elapsed));
    assert_eq!(rx.drain(9, |_| ()), Ok(2));
}

fn no_time_is_needed_when_nothing_is_waited_for<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(1);
    let (mut tx, mut rx) = ring.ends();
    tx.push_timeout(&1, Duration::ZERO).unwrap();
    assert_eq!(rx.pop_timeout(Duration::ZERO), Ok(1));
    tx.push_timeout(&2, Duration::MAX).unwrap();
    assert_eq!(rx.pop_timeout(Duration::MAX), Ok(2));

    let ring = place.ring::<K, [u8]>(128);
    let (mut tx, mut rx) = ring.ends();
    tx.push_timeout(&[1], Duration::ZERO).unwrap();
    tx.reserve_timeout(1, Duration::ZERO).unwrap().commit();
    assert_eq!(rx.read_timeout(Duration::ZERO).map(|record| record.len()), Ok(1));
    assert_eq!(rx.read_timeout(Duration::MAX).map(|record| record.len()), Ok(1));
}

fn what_is_only_waited_for_is_not_taken<K: AnyKind>(place: Place) {
    const RECORDS: usize = 2_000;
    let ring = place.ring::<K, [u8]>(4 * 64);
    let (mut tx, mut rx) = ring.ends();
    assert_eq!(not_early(|| rx.wait_timeout(SHORT)), Err(PopError::Elapsed));
    assert_eq!(rx.wait_timeout(Duration::ZERO), Err(PopError::Elapsed));
    thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(ASLEEP);
            (0..RECORDS).for_each(|i| tx.push(&bytes_of(i, 9)).unwrap());
        });
        assert_eq!(rx.wait_timeout(LONG), Ok(()));
        let mut i = 0;
        while i < RECORDS {
            assert_eq!((rx.wait(), rx.wait_timeout(Duration::ZERO)), (Ok(()), Ok(())));
            let drained = rx.drain(3, |payload| {
                assert_eq!(payload.to_vec(), bytes_of(i, 9));
                i += 1;
            });
            assert!(matches!(drained, Ok(1..=3)), "{drained:?}");
        }
        assert_eq!(rx.wait(), Err(PopError::Closed(Departure::Left)));
        assert_eq!(rx.wait_timeout(LONG), Err(PopError::Closed(Departure::Left)));
    });
}

fn a_waiting_end_is_woken_by_its_peer<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, u64>(1);
    let (mut tx, mut rx) = ring.ends();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || (rx.pop_timeout(Duration::MAX), rx));
        thread::sleep(ASLEEP);
        tx.try_push(&1).unwrap();
        let (popped, mut rx) = waiting.join().unwrap();
        assert_eq!(popped, Ok(1));

        tx.try_push(&2).unwrap();
        let waiting = scope.spawn(move || tx.push_timeout(&3, Duration::MAX));
        thread::sleep(ASLEEP);
        assert_eq!(rx.try_pop(), Ok(2));
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert_eq!(rx.try_pop(), Ok(3));
    });
}

fn a_waiting_end_is_told_when_its_peer_leaves<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(128);
    let (tx, mut rx) = ring.ends();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || rx.read().map(drop));
        thread::sleep(ASLEEP);
        drop(tx);
        assert_eq!(waiting.join().unwrap(), Err(PopError::Closed(Departure::Left)));
    });
    let (mut tx, rx) = ring.ends();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || (0..).find_map(|_| tx.push(&[1]).err()));
        thread::sleep(ASLEEP);
        drop(rx);
        assert_eq!(waiting.join().unwrap(), Some(PushError::Closed(Departure::Left)));
    });
}

fn peers_are_waited_for<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(1, 1);
    let tx = ring.producer().unwrap();
    assert!(!not_early(|| tx.wait_for_consumer(SHORT)));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ring.producer().is_err() && ring.consumer().is_ok());
        assert!(waiting.join().unwrap());
        let (seen, is_seen) = channel::<()>();
        let late = scope.spawn(|| {
            thread::sleep(ASLEEP);
            let rx = ring.consumer().unwrap();
            assert!(rx.wait_for_producer(LONG));
            let _it_is = is_seen.into_iter().next();
        });
        assert!(tx.wait_for_consumer(LONG));
        drop(seen);
        late.join().unwrap();
    });
    drop(tx);
    let rx = ring.consumer().unwrap();
    assert!(!not_early(|| rx.wait_for_producer(SHORT)));
}
