//! Reservations, batches and records: what happens to them when they are sent, dropped or forgotten.
#![allow(clippy::forget_non_drop, reason = "that forgetting does no harm is what is tested")]

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ringway::spsc::{Consumer, Producer};
use ringway::{Memory, PopError, PushError};

use crate::Place;

on_every_place!(
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
type Operation<M> = fn(&mut Producer<[u8], M>);

/// All records that are there, told apart by their first bytes.
fn all<M: Memory>(rx: &mut Consumer<[u8], M>) -> Vec<u8> {
    let mut seen = Vec::new();
    loop {
        match rx.try_read() {
            Ok(record) => seen.push(record.payload().value_at(0).unwrap()),
            Err(PopError::Empty | PopError::Closed(_)) => return seen,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Checks, over two laps, that nothing but what is sent now ever comes out: sent by ones, so that each
/// record is looked for where an earlier one may have left something behind.
fn is_clean<P: Place>(made: &crate::Made<[u8], P::Memory>) {
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

fn a_reservation_is_seen_when_it_is_committed<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    let mut reservation = tx.try_reserve(100).unwrap();
    reservation.payload().write_at(0, &[7; 100]).unwrap();
    assert_eq!(rx.try_read().unwrap_err(), PopError::Empty);
    reservation.commit();
    assert_eq!(rx.try_read().unwrap().payload().to_vec(), [7; 100]);
}

fn a_record_may_turn_out_shorter_than_reserved<P: Place>() {
    let ring = P::ring::<[u8]>(4096);
    let (mut tx, mut rx) = ring.ends();
    for (reserved, len, cells) in [(200, 100, 2), (200, 64, 1), (200, 0, 1), (200, 200, 4), (0, 0, 1)] {
        let before = tx.position();
        let mut reservation = tx.try_reserve(reserved).unwrap();
        reservation.payload().write_at(0, &vec![7; len]).unwrap();
        reservation.commit_len(len).unwrap();
        assert_eq!(tx.position() - before, cells, "{len} bytes of {reserved}");
        assert_eq!(rx.try_read().unwrap().payload().to_vec(), vec![7; len]);
    }
}

fn a_record_cannot_turn_out_longer_than_reserved<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        let reservation = tx.try_reserve(100).unwrap();
        assert_eq!(reservation.commit_len(101), Err(PushError::TooLarge { len: 101, max: 100 }));
        assert_eq!((tx.position(), all(&mut rx)), (0, vec![]));
    }
    is_clean::<P>(&ring);
}

fn an_aborted_reservation_leaves_nothing<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        for _ in 0..5 {
            tx.try_reserve(256).unwrap().abort();
            drop(tx.try_reserve(256).unwrap());
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let _reservation = tx.try_reserve(256).unwrap();
                panic!("on purpose");
            }));
            assert!(panicked.is_err());
            assert_eq!((tx.position() % 8, all(&mut rx)), (0, vec![]));
            // Also one that had a pad before it.
            for i in 0..6 {
                tx.try_push(&[i]).unwrap();
            }
            assert_eq!(all(&mut rx), [0, 1, 2, 3, 4, 5]);
            tx.try_reserve(256).unwrap().abort();
            assert_eq!((tx.position() % 8, all(&mut rx)), (6, vec![]));
            tx.try_push(&[6]).unwrap();
            tx.try_push(&[7]).unwrap();
            assert_eq!(all(&mut rx), [6, 7]);
        }
    }
    is_clean::<P>(&ring);
}

fn a_forgotten_reservation_does_no_harm<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        mem::forget(tx.try_reserve(256).unwrap());
        assert_eq!(all(&mut rx), []);
        tx.try_push(&[1]).unwrap();
        assert_eq!((tx.position(), all(&mut rx)), (1, vec![1]));
        mem::forget(tx.try_reserve(256).unwrap());
    }
    is_clean::<P>(&ring);
}

fn a_batch_appears_whole<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    for _ in 0..20 {
        let mut batch = tx.batch();
        for i in 0..5 {
            batch.try_push(&[i]).unwrap();
            assert_eq!(all(&mut rx), []);
        }
        batch.commit();
        assert_eq!(all(&mut rx), [0, 1, 2, 3, 4]);
    }
}

fn a_batch_over_the_end_of_the_lap_appears_whole<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    for _ in 0..6 {
        tx.try_push(&[9]).unwrap();
    }
    assert_eq!(all(&mut rx).len(), 6);
    let mut batch = tx.batch();
    batch.try_push(&[0; 1]).unwrap();
    // One cell is left in the lap: a pad takes it.
    batch.try_push(&[1; 130]).unwrap();
    batch.try_push(&[2; 64]).unwrap();
    assert_eq!(all(&mut rx), []);
    batch.commit();
    assert_eq!((tx.position(), all(&mut rx)), (12, vec![0, 1, 2]));

    // And one that begins with a pad.
    while tx.position() % 8 != 7 {
        tx.try_push(&[9]).unwrap();
    }
    all(&mut rx);
    let mut batch = tx.batch();
    batch.try_push(&[0; 65]).unwrap();
    batch.try_push(&[1; 65]).unwrap();
    assert_eq!(all(&mut rx), []);
    batch.commit();
    assert_eq!(all(&mut rx), [0, 1]);
}

fn an_empty_batch_sends_nothing<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        tx.batch().commit();
        tx.batch().abort();
        assert_eq!((tx.position(), all(&mut rx)), (0, vec![]));
    }
    is_clean::<P>(&ring);
}

fn a_dropped_batch_leaves_nothing<P: Place>() {
    for sent_before in 0..8 {
        let ring = P::ring::<[u8]>(512);
        {
            let (mut tx, mut rx) = ring.ends();
            for _ in 0..sent_before {
                tx.try_push(&[9]).unwrap();
            }
            all(&mut rx);
            let mut batch = tx.batch();
            for len in [1, 65, 1, 130] {
                batch.try_push(&vec![1; len]).unwrap_or_default();
            }
            drop(batch);
            assert_eq!((tx.position(), all(&mut rx)), (sent_before, vec![]));
            // The stamps of the dropped ones must not be taken for records behind this one.
            tx.try_push(&[2]).unwrap();
            assert_eq!(all(&mut rx), [2]);
            let mut batch = tx.batch();
            batch.try_push(&[1]).unwrap();
            batch.try_push(&[1]).unwrap();
            batch.abort();
        }
        is_clean::<P>(&ring);
    }
}

fn a_forgotten_batch_is_withdrawn_by_the_next_operation<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    {
        let (mut tx, mut rx) = ring.ends();
        let next: [Operation<P::Memory>; 4] = [
            |tx| tx.try_push(&[1]).unwrap(),
            |tx| tx.try_reserve(1).unwrap().abort(),
            |tx| tx.batch().commit(),
            |tx| drop(tx.reserve(256).unwrap()),
        ];
        for (next, expected) in next.into_iter().zip([vec![1], vec![], vec![], vec![]]) {
            let mut batch = tx.batch();
            for _ in 0..8 {
                batch.try_push(&[66]).unwrap();
            }
            mem::forget(batch);
            assert_eq!(all(&mut rx), []);
            next(&mut tx);
            assert_eq!(all(&mut rx), expected);
            // Its cells are free, and its stamps gone.
            tx.try_push(&[2]).unwrap();
            assert_eq!(all(&mut rx), [2]);
        }
    }
    is_clean::<P>(&ring);
}

fn a_forgotten_batch_is_withdrawn_with_its_producer<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    {
        let mut tx = ring.producer().unwrap();
        let mut batch = tx.batch();
        for _ in 0..8 {
            batch.try_push(&[66]).unwrap();
        }
        mem::forget(batch);
    }
    is_clean::<P>(&ring);
}

fn a_batch_that_found_no_room_can_be_committed_without_it<P: Place>() {
    let ring = P::ring::<[u8]>(256);
    let (mut tx, mut rx) = ring.ends();
    let mut batch = tx.batch();
    for i in 0..3 {
        batch.try_push(&[i]).unwrap();
    }
    assert_eq!(batch.try_push(&[9; 128]), Err(PushError::Full));
    batch.try_push(&[3]).unwrap();
    assert_eq!(batch.try_push(&[9]), Err(PushError::Full));
    assert!(matches!(batch.try_push(&[9; 129]), Err(PushError::TooLarge { len: 129, max: 128 })));
    assert_eq!(all(&mut rx), []);
    batch.commit();
    assert_eq!(all(&mut rx), [0, 1, 2, 3]);
}

fn a_reservation_in_a_batch_can_be_aborted<P: Place>() {
    let ring = P::ring::<[u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    let mut batch = tx.batch();
    batch.try_push(&[0]).unwrap();
    batch.try_reserve(100).unwrap().abort();
    mem::forget(batch.try_reserve(100).unwrap());
    let mut shorter = batch.try_reserve(256).unwrap();
    shorter.payload().write_at(0, &[1, 1]).unwrap();
    shorter.commit_len(2).unwrap();
    batch.try_push(&[2]).unwrap();
    assert_eq!(all(&mut rx), []);
    batch.commit();
    assert_eq!((tx.position(), all(&mut rx)), (3, vec![0, 1, 2]));
}

fn a_kept_record_is_read_again<P: Place>() {
    let ring = P::ring::<[u8]>(128);
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

fn a_forgotten_record_is_read_again<P: Place>() {
    let ring = P::ring::<[u8]>(128);
    let (mut tx, mut rx) = ring.ends();
    tx.try_push(&[1]).unwrap();
    tx.try_push(&[2]).unwrap();
    mem::forget(rx.try_read().unwrap());
    assert_eq!((rx.position(), tx.try_push(&[3])), (0, Err(PushError::Full)));
    assert_eq!(all(&mut rx), [1, 2]);
}

fn a_record_is_released_when_its_reader_panics<P: Place>() {
    let ring = P::ring::<[u8]>(128);
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
