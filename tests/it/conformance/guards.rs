//! Reservations, batches and records: what happens to them when they are sent, dropped or forgotten.
#![allow(clippy::forget_non_drop, reason = "that forgetting does no harm is what is tested")]

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ringway::memory::Memory;
use ringway::ring::{Consumer, Producer};
use ringway::{PopError, PushError};

use super::{AnyKind, AnyMemory, Place};

on_every_ring!(
    a_reservation_is_seen_when_it_is_committed,
    a_record_may_turn_out_shorter_than_reserved,
    a_record_cannot_turn_out_longer_than_reserved,
    an_aborted_reservation_leaves_nothing,
    a_forgotten_reservation_does_no_harm,
    a_batch_appears_whole,
    a_batch_over_the_end_of_the_lap_appears_whole,
    an_empty_batch_sends_nothing,
    a_dropped_batch_leaves_nothing,
    a_forgotten_batch_is_withdrawn_by_the_next_operation,
    a_forgotten_batch_is_withdrawn_with_its_producer,
    a_batch_that_found_no_room_can_be_committed_without_it,
    a_reservation_in_a_batch_can_be_aborted,
    a_kept_record_is_read_again,
    a_forgotten_record_is_read_again,
    a_record_is_released_when_its_reader_panics,
);

/// Something that a producer does.
type Operation<K, M> = fn(&mut Producer<K, [u8], M>);

/// All records that are there, told apart by their first bytes.
fn all<K: AnyKind, M: Memory>(rx: &mut Consumer<K, [u8], M>) -> Vec<u8> {
    let mut seen = Vec::new();
    loop {
        match rx.try_read() {
            Ok(record) => seen.push(record.payload().read_value_at(0).unwrap()),
            Err(PopError::Empty | PopError::Closed(_)) => return seen,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Checks, over two laps, that nothing but what is sent now ever comes out: sent by ones, so that each
/// record is looked for where an earlier one may have left something behind.
fn is_clean<K: AnyKind>(made: &super::Made<K, [u8]>) {
    let mut rx = made.consumer().unwrap();
    assert_eq!(all(&mut rx), []);
    let mut tx = made.producer().unwrap();
    for i in 0..16 {
        tx.try_push(&[100 + i]).unwrap();
        assert_eq!(all(&mut rx), [100 + i]);
    }
    let cells = made.capacity() / 64;
    for i in 0..cells {
        tx.try_push(&[i as u8]).unwrap();
    }
    assert_eq!(tx.try_push(&[0]), Err(PushError::Full));
    assert_eq!(all(&mut rx), (0..cells as u8).collect::<Vec<_>>());
}

fn a_reservation_is_seen_when_it_is_committed<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    let mut reservation = tx.try_reserve(100).unwrap();
    reservation.payload().write_at(&[7; 100], 0).unwrap();
    assert_eq!(rx.try_read().unwrap_err(), PopError::Empty);
    reservation.commit();
    assert_eq!(rx.try_read().unwrap().payload().to_vec(), [7; 100]);
}

fn a_record_may_turn_out_shorter_than_reserved<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(4096);
    let (mut tx, mut rx) = ring.ends();
    for (reserved, len, cells) in [(200, 100, 2), (200, 64, 1), (200, 0, 1), (200, 200, 4), (0, 0, 1)] {
        let before = tx.position();
        let mut reservation = tx.try_reserve(reserved).unwrap();
        reservation.payload().write_at(&vec![7; len], 0).unwrap();
        reservation.commit_len(len).unwrap();
        let most = reserved.div_ceil(64).max(1) as u64;
        assert_eq!(tx.position() - before, K::moves(most, cells), "{len} bytes of {reserved}");
        assert_eq!(rx.try_read().unwrap().payload().to_vec(), vec![7; len]);
    }
}

fn a_record_cannot_turn_out_longer_than_reserved<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        let reservation = tx.try_reserve(100).unwrap();
        assert_eq!(reservation.commit_len(101), Err(PushError::TooLarge { len: 101, max: 100 }));
        assert_eq!((tx.position(), all(&mut rx)), (K::moves(2, 0), vec![]));
    }
    is_clean(&ring);
}

fn an_aborted_reservation_leaves_nothing<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        let give_up: [Operation<K, AnyMemory>; 3] = [
            |tx| tx.try_reserve(256).unwrap().abort(),
            |tx| drop(tx.try_reserve(256).unwrap()),
            |tx| {
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    let _reservation = tx.try_reserve(256).unwrap();
                    panic!("on purpose");
                }));
                assert!(panicked.is_err());
            },
        ];
        // At every place: also where a pad comes before it.
        for place in 0..8 {
            for give_up in give_up {
                while tx.position() % 8 != place {
                    tx.try_push(&[1]).unwrap();
                    assert_eq!(all(&mut rx), [1]);
                }
                give_up(&mut tx);
                let pad = if place > 4 { 8 - place } else { 0 };
                assert_eq!(tx.position() % 8, (place + K::moves(pad + 4, 0)) % 8);
                assert_eq!(all(&mut rx), []);
                tx.try_push(&[6]).unwrap();
                tx.try_push(&[7]).unwrap();
                assert_eq!(all(&mut rx), [6, 7]);
            }
        }
    }
    is_clean(&ring);
}

fn a_forgotten_reservation_does_no_harm<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        mem::forget(tx.try_reserve(256).unwrap());
        assert_eq!(all(&mut rx), []);
        tx.try_push(&[1]).unwrap();
        assert_eq!((tx.position(), all(&mut rx)), (K::moves(4, 0) + 1, vec![1]));
        mem::forget(tx.try_reserve(256).unwrap());
    }
    is_clean(&ring);
}

fn a_batch_appears_whole<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    let (mut tx, mut rx) = ring.ends();
    for _ in 0..20 {
        let mut batch = tx.try_batch(5 * 64).unwrap();
        for i in 0..5 {
            batch.try_push(&[i]).unwrap();
            assert_eq!(all(&mut rx), []);
        }
        batch.commit();
        assert_eq!(all(&mut rx), [0, 1, 2, 3, 4]);
    }
}

fn a_batch_over_the_end_of_the_lap_appears_whole<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    let (mut tx, mut rx) = ring.ends();
    for _ in 0..14 {
        tx.try_push(&[9]).unwrap();
    }
    assert_eq!(all(&mut rx).len(), 14);
    let mut batch = tx.try_batch(5 * 64).unwrap();
    batch.try_push(&[0; 1]).unwrap();
    // One cell is left in the lap: a pad takes it, or the whole batch has gone to the next lap.
    batch.try_push(&[1; 130]).unwrap();
    batch.try_push(&[2; 64]).unwrap();
    assert_eq!(all(&mut rx), []);
    batch.commit();
    assert_eq!((tx.position(), all(&mut rx)), (16 + K::moves(5, 4), vec![0, 1, 2]));

    // And one that begins with a pad.
    while tx.position() % 16 != 15 {
        tx.try_push(&[9]).unwrap();
    }
    all(&mut rx);
    let mut batch = tx.try_batch(4 * 64).unwrap();
    batch.try_push(&[0; 65]).unwrap();
    batch.try_push(&[1; 65]).unwrap();
    assert_eq!(all(&mut rx), []);
    batch.commit();
    assert_eq!(all(&mut rx), [0, 1]);
}

fn an_empty_batch_sends_nothing<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        tx.try_batch(64).unwrap().commit();
        tx.try_batch(65).unwrap().abort();
        assert_eq!((tx.position(), all(&mut rx)), (K::moves(3, 0), vec![]));
    }
    is_clean(&ring);
}

fn a_dropped_batch_leaves_nothing<K: AnyKind>(place: Place) {
    for sent_before in 0..8 {
        let ring = place.ring::<K, [u8]>(512);
        {
            let (mut tx, mut rx) = ring.ends();
            for _ in 0..sent_before {
                tx.try_push(&[9]).unwrap();
            }
            all(&mut rx);
            let mut batch = tx.try_batch(4 * 64).unwrap();
            for len in [1, 65, 1, 130] {
                batch.try_push(&vec![1; len]).unwrap_or_default();
            }
            drop(batch);
            let pad = if sent_before > 4 { 8 - sent_before } else { 0 };
            assert_eq!((tx.position(), all(&mut rx)), (sent_before + K::moves(pad + 4, 0), vec![]));
            // The stamps of the dropped ones must not be taken for records behind this one.
            tx.try_push(&[2]).unwrap();
            assert_eq!(all(&mut rx), [2]);
            let mut batch = tx.try_batch(2 * 64).unwrap();
            batch.try_push(&[1]).unwrap();
            batch.try_push(&[1]).unwrap();
            batch.abort();
        }
        is_clean(&ring);
    }
}

fn a_forgotten_batch_is_withdrawn_by_the_next_operation<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    {
        let (mut tx, mut rx) = ring.ends();
        let next: [Operation<K, AnyMemory>; 4] = [
            |tx| tx.try_push(&[1]).unwrap(),
            |tx| tx.try_reserve(1).unwrap().abort(),
            |tx| tx.try_batch(64).unwrap().commit(),
            |tx| drop(tx.reserve(256).unwrap()),
        ];
        for (next, expected) in next.into_iter().zip([vec![1], vec![], vec![], vec![]]) {
            let mut batch = tx.try_batch(4 * 64).unwrap();
            let staged = (0..99).take_while(|_| batch.try_push(&[66]).is_ok()).count();
            assert_eq!(staged, K::moves(4, 16) as usize);
            mem::forget(batch);
            assert_eq!(all(&mut rx), []);
            next(&mut tx);
            assert_eq!(all(&mut rx), expected);
            // Its cells are free, and its stamps gone.
            tx.try_push(&[2]).unwrap();
            assert_eq!(all(&mut rx), [2]);
        }
    }
    is_clean(&ring);
}

fn a_forgotten_batch_is_withdrawn_with_its_producer<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    {
        let mut tx = ring.producer().unwrap();
        let mut batch = tx.try_batch(4 * 64).unwrap();
        while batch.try_push(&[66]).is_ok() {}
        mem::forget(batch);
    }
    is_clean(&ring);
}

fn a_batch_that_found_no_room_can_be_committed_without_it<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    let mut batch = tx.try_batch(4 * 64).unwrap();
    let cells = K::moves(4, 8) as u8;
    for i in 1..cells {
        batch.try_push(&[i]).unwrap();
    }
    assert_eq!(batch.try_push(&[9; 128]), Err(PushError::Full));
    batch.try_push(&[cells]).unwrap();
    assert_eq!(batch.try_push(&[9]), Err(PushError::Full));
    assert!(matches!(batch.try_push(&[9; 257]), Err(PushError::TooLarge { len: 257, max: 256 })));
    assert_eq!(all(&mut rx), []);
    batch.commit();
    assert_eq!(all(&mut rx), (1..=cells).collect::<Vec<_>>());
}

fn a_reservation_in_a_batch_can_be_aborted<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    let (mut tx, mut rx) = ring.ends();
    let mut batch = tx.try_batch(6 * 64).unwrap();
    batch.try_push(&[0]).unwrap();
    batch.try_reserve(100).unwrap().abort();
    mem::forget(batch.try_reserve(100).unwrap());
    let mut shorter = batch.try_reserve(256).unwrap();
    shorter.payload().write_at(&[1, 1], 0).unwrap();
    shorter.commit_len(2).unwrap();
    batch.try_push(&[2]).unwrap();
    assert_eq!(all(&mut rx), []);
    batch.commit();
    assert_eq!((tx.position(), all(&mut rx)), (K::moves(6, 3), vec![0, 1, 2]));
}

fn a_kept_record_is_read_again<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(128);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push(&[1]).unwrap();
    tx.try_push(&[2]).unwrap();
    for _ in 0..3 {
        let record = rx.try_read().unwrap();
        assert_eq!(record.payload().to_vec(), [1]);
        record.keep();
        assert_eq!((rx.position(), tx.try_push(&[3])), (0, Err(PushError::Full)));
    }
    rx.try_read().unwrap().release();
    assert_eq!((rx.position(), tx.try_push(&[3])), (1, Ok(())));
    assert_eq!(all(&mut rx), [2, 3]);
}

fn a_forgotten_record_is_read_again<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(128);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push(&[1]).unwrap();
    tx.try_push(&[2]).unwrap();
    mem::forget(rx.try_read().unwrap());
    assert_eq!((rx.position(), tx.try_push(&[3])), (0, Err(PushError::Full)));
    assert_eq!(all(&mut rx), [1, 2]);
}

fn a_record_is_released_when_its_reader_panics<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(128);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push(&[1]).unwrap();
    tx.try_push(&[2]).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _record = rx.try_read().unwrap();
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    tx.try_push(&[3]).unwrap();
    assert_eq!(all(&mut rx), [2, 3]);
}
