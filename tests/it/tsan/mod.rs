//! Rings between threads, for ThreadSanitizer: each two accesses to the same payload by two threads are ordered by the ring, or
//! they are reported. `tests/sanitizers.sh` runs this so; without it these are tests as others are.
//!
//! The standard library comes compiled, and the sanitizer sees nothing of what its locks and channels order: it would report
//! what they protect. It sees threads begin, and end where they are joined; and the words of the ring. So these threads are
//! joined, and else speak through rings only. (Other test files are not like that: of them `tests/sanitizers/std.supp` says
//! what is not to be reported.)
//!
//! Nor does it know fences. The library orders no payload by them: all edges that payload needs are Release stores and Acquire
//! loads (E1, E2, E3). What fences order (E4: sleeping and waking) are atomics, about which there is nothing to report.
//!
//! Both ends are in one mapping, also of a named segment: to the sanitizer, two mappings of one file are different bytes.
//!
//! ```text
//! RINGWAY_RACES=2000000 cargo test --release --test it -- tsan::   so many records in each stream
//! ```
#![allow(clippy::disallowed_types)]

mod place;
mod seeded;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use place::{Named, OnHeap, Place};
use ringway::lanes::Lanes;
use ringway::memory::Clock;
use ringway::memory::{Heap, Memory};
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Departure, PopError, Trust};

const LONG: Duration = Duration::from_secs(60);
const CLOSED: PopError = PopError::Closed(Departure::Left);

/// Records of each stream.
fn records() -> u64 {
    std::env::var("RINGWAY_RACES").map_or(4_000, |count| count.parse().unwrap())
}

fn trust() -> Trust {
    // SAFETY: both ends are in this file, and use the library.
    unsafe { Trust::in_peers() }
}

/// Whose it is, its number, and what follows from both.
type Item = [u64; 4];

fn item(seat: u16, number: u64) -> Item {
    [seat.into(), number, !number, number.wrapping_mul(0x9e37_79b9) ^ u64::from(seat)]
}

fn send_items<K: Kind, M: Memory + Clock>(mut tx: Producer<K, Item, M>, count: u64) {
    let (seat, mut sent) = (tx.seat(), 0);
    while sent < count {
        let next = [0, 1, 2].map(|more| item(seat, sent + more));
        let fits = next.len().min((count - sent) as usize);
        sent += match sent % 3 {
            0 => tx.push(&next[0]).map(|()| 1).unwrap(),
            1 => tx.push_timeout(&next[0], LONG).map(|()| 1).unwrap(),
            _ => tx.try_push_slice(&next[..fits]).map_or(0, |pushed| pushed as u64),
        };
    }
}

/// Takes all there is until the producers have left; how many came from each, each one's in order.
fn receive_items<K: Kind, M: Memory + Clock>(mut rx: Consumer<K, Item, M>) -> Vec<u64> {
    let mut received = vec![0; rx.ring().max_producers()];
    let mut check = |[seat, number, rest @ ..]: Item| {
        let expected = &mut received[seat as usize];
        assert_eq!([seat, number, rest[0], rest[1]], item(seat as u16, *expected));
        *expected += 1;
    };
    for way in 0.. {
        let mut several = [[0; 4]; 3];
        let result = match way % 4 {
            0 => rx.pop().map(&mut check),
            1 => rx.pop_timeout(LONG).map(&mut check),
            2 => rx
                .try_pop_slice(&mut several)
                .map(|taken| several[..taken].iter().copied().for_each(&mut check)),
            _ => rx.drain(5, &mut check).map(drop),
        };
        match result {
            Ok(()) | Err(PopError::Empty) => {}
            Err(error) => {
                assert_eq!(error, CLOSED);
                break;
            }
        }
    }
    received
}

fn items_stream<K: Kind, P: Place>() {
    // First so few cells that each side waits for the other most of the time.
    for (capacity, count) in [(2, records() / 16), (128, records())] {
        let made = P::ring::<K, Item>(capacity);
        let producers = made.max_producers();
        let each = count / producers as u64;
        thread::scope(|scope| {
            let rx = made.consumer().unwrap();
            let ends = [(); 3].map(|()| made.producer().ok());
            let senders = ends.map(|tx| tx.map(|tx| scope.spawn(move || send_items(tx, each))));
            let received = scope.spawn(move || receive_items(rx)).join().unwrap();
            senders.into_iter().flatten().for_each(|sender| sender.join().unwrap());
            assert_eq!(received, vec![each; producers]);
        });
    }
}

/// All bytes follow from whose it is and its number; the first eight are the number.
fn record(seat: u16, number: u64) -> Vec<u8> {
    let len = 8 + (number * 7 + u64::from(seat)) % 150;
    let mut record: Vec<u8> = (0..len).map(|at| (at ^ number ^ u64::from(seat)) as u8).collect();
    record[..8].copy_from_slice(&number.to_le_bytes());
    record
}

fn send_records<K: Kind, M: Memory + Clock>(mut tx: Producer<K, [u8], M>, count: u64) {
    let (seat, mut sent) = (tx.seat(), 0);
    while sent < count {
        let next = record(seat, sent);
        match sent % 7 {
            0 => {
                // Given up: what is written into it comes to nothing.
                tx.reserve(90).unwrap().payload().as_mut_slice(trust()).fill(0xee);
                std::mem::forget(tx.reserve(70).unwrap());
                tx.push(&next).unwrap();
            }
            1 => {
                let mut reserved = tx.reserve(next.len()).unwrap();
                reserved.payload().as_mut_slice(trust()).copy_from_slice(&next);
                reserved.commit();
            }
            2 => {
                let mut reserved = tx.reserve_timeout(160, LONG).unwrap();
                reserved.payload().write_at(&next, 0).unwrap();
                reserved.commit_len(next.len()).unwrap();
            }
            3 => {
                let Ok(mut batch) = tx.try_batch(6 * 64) else { continue };
                let fits =
                    (sent..count.min(sent + 3)).take_while(|n| batch.try_push(&record(seat, *n)).is_ok());
                let staged = fits.count() as u64;
                batch.commit();
                sent += staged;
                // Else there is no room, perhaps for a while.
                if staged > 0 {
                    continue;
                }
                tx.push(&next).unwrap();
            }
            _ => tx.push_timeout(&next, LONG).unwrap(),
        }
        sent += 1;
    }
}

fn receive_records<K: Kind, M: Memory + Clock>(mut rx: Consumer<K, [u8], M>) -> Vec<u64> {
    let mut received = vec![0; rx.ring().max_producers()];
    for way in 0.. {
        let result = match way % 5 {
            0 => rx.drain(4, |payload| drop(payload.to_vec())).map(drop).and(Ok(None)),
            1 => rx.try_read().map(|record| record.keep()).and(Ok(None)),
            2 => rx.read_timeout(LONG).map(|record| Some((record.seat(), record.payload().to_vec()))),
            _ => rx.read().map(|record| Some((record.seat(), record.payload().as_slice(trust()).to_vec()))),
        };
        match result {
            Ok(Some((seat, bytes))) => {
                let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
                assert_eq!(bytes, record(seat, number));
                // Some were drained in between, and looked at no closer.
                assert!(number >= received[usize::from(seat)]);
                received[usize::from(seat)] = number + 1;
            }
            Ok(None) | Err(PopError::Empty) => {}
            Err(error) => {
                assert_eq!(error, CLOSED);
                break;
            }
        }
    }
    received
}

fn records_stream<K: Kind, P: Place>() {
    let made = P::ring::<K, [u8]>(64 * 64);
    let each = records() / made.max_producers() as u64;
    thread::scope(|scope| {
        let rx = made.consumer().unwrap();
        let ends = [(); 3].map(|()| made.producer().ok());
        let senders = ends.map(|tx| tx.map(|tx| scope.spawn(move || send_records(tx, each))));
        let received = scope.spawn(move || receive_records(rx)).join().unwrap();
        senders.into_iter().flatten().for_each(|sender| sender.join().unwrap());
        assert!(received.iter().all(|last| *last <= each));
    });
}

/// Seats go from thread to thread, and nothing but the seat tells the next holder what the last one did (E3).
fn seats_change_hands<K: Kind, P: Place>() {
    let made = P::ring::<K, [u8]>(8 * 64);
    let each = records() / 16;
    let threads = made.max_producers() as u64 + 1;
    let left = AtomicU64::new(threads * each);
    thread::scope(|scope| {
        let left = &left;
        let (sending, receiving) = (&*made, &*made);
        let senders: Vec<_> =
            (0..threads).map(|me| scope.spawn(move || send_by_turns(sending, me as u16, each))).collect();
        let receivers = [(); 2].map(|()| scope.spawn(|| receive_by_turns(receiving, left)));
        senders.into_iter().chain(receivers).for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(left.load(Relaxed), 0);
}

fn send_by_turns<K: Kind, M: Memory>(ring: &Ring<K, [u8], M>, me: u16, count: u64) {
    let mut sent = 0;
    while sent < count {
        let Ok(mut tx) = ring.producer() else {
            thread::yield_now();
            continue;
        };
        for _ in 0..5 {
            // Also what is given up is written into cells that the next holder will write.
            if let Ok(mut reserved) = tx.try_reserve(100) {
                reserved.payload().as_mut_slice(trust()).fill(me as u8);
            }
            if sent < count && tx.try_push(&record(me, sent)).is_ok() {
                sent += 1;
            }
        }
        if let Ok(mut reserved) = tx.try_reserve(100) {
            reserved.payload().write_at(&[me as u8; 100], 0).unwrap();
        }
    }
}

fn receive_by_turns<K: Kind, M: Memory>(ring: &Ring<K, [u8], M>, left: &AtomicU64) {
    let is_right = |bytes: &[u8]| {
        let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        (0..8).any(|seat| bytes == record(seat, number))
    };
    // Relaxed: it is the ring that is to order things.
    while left.load(Relaxed) > 0 {
        let Ok(mut rx) = ring.consumer() else {
            thread::yield_now();
            continue;
        };
        for _ in 0..4 {
            if let Ok(record) = rx.try_read() {
                assert!(is_right(record.payload().as_slice(trust())));
                left.fetch_sub(1, Relaxed);
            }
        }
        // What is kept, the next holder releases.
        if let Ok(record) = rx.try_read() {
            assert!(is_right(&record.payload().to_vec()));
            record.keep();
        }
    }
}

/// One thread makes the ring; others join it as soon as it is there (E0).
fn a_ring_is_joined_while_it_is_made<K: Kind>() {
    fn joined<K: Kind>(memory: &Heap) -> Ring<K, Item, Heap> {
        loop {
            match Ring::attach(memory.clone()) {
                Ok(ring) => return ring,
                Err(_) => thread::yield_now(),
            }
        }
    }
    for turn in 0..(records() / 50).min(1000) {
        let options = place::options(4);
        let memory = Heap::new(Ring::<K, Item>::required_len(&options));
        let memory = &memory;
        thread::scope(|scope| {
            let made =
                scope.spawn(move || drop(Ring::<K, Item, _>::format(memory.clone(), &options).unwrap()));
            let sent = scope
                .spawn(move || joined::<K>(memory).producer().unwrap().try_push(&item(0, turn)).unwrap());
            let received = scope.spawn(move || {
                let mut rx = joined::<K>(memory).consumer().unwrap();
                while rx.try_pop() != Ok(item(0, turn)) {
                    thread::yield_now();
                }
            });
            [made, sent, received].into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}

/// On the heap, and in a named segment.
fn in_both<K: Kind>() {
    items_stream::<K, OnHeap>();
    records_stream::<K, OnHeap>();
    seats_change_hands::<K, OnHeap>();
    items_stream::<K, Named>();
    records_stream::<K, Named>();
    seats_change_hands::<K, Named>();
    a_ring_is_joined_while_it_is_made::<K>();
}

#[test]
fn between_one_and_one_all_payload_is_ordered() {
    in_both::<Spsc>();
}

#[test]
fn in_a_total_order_all_payload_is_ordered() {
    in_both::<Mpsc>();
}

#[test]
fn in_lanes_all_payload_is_ordered() {
    in_both::<Lanes>();
}
