//! `spsc` byte rings: pads, reservations, batches, aborts, kept records and drains.
use loom::thread;
use ringway::memory::Model;
use ringway::spsc::{Consumer, Producer};
use ringway::{PopError, PushError};
use ringway_loom::{check, ring};

/// The bytes of record `i`, of length `len`. Each byte is `i`.
fn bytes(i: u8, len: usize) -> Vec<u8> {
    vec![i; len]
}

/// Pushes record `i` of length `len`, and retries while the ring is full.
fn push(tx: &mut Producer<[u8], Model>, i: u8, len: usize) {
    while let Err(error) = tx.try_push(&bytes(i, len)) {
        assert_eq!(error, PushError::Full);
        thread::yield_now();
    }
}

/// Reads one record without waiting. Returns its number and length.
fn read(rx: &mut Consumer<[u8], Model>) -> Option<(u8, usize)> {
    match rx.try_read() {
        Ok(record) => {
            let got = record.payload().to_vec();
            assert!(got.iter().all(|byte| *byte == got[0]), "torn: {got:?}");
            Some((got.first().copied().unwrap_or(0), got.len()))
        }
        Err(PopError::Empty | PopError::Closed(_)) => {
            thread::yield_now();
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn records_arrive_whole_and_in_order_over_several_laps() {
    check(3, || {
        let ring = ring::<[u8]>(128);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let sender = thread::spawn(move || (0..4).for_each(|i| push(&mut tx, i, 3)));
        for i in 0..4 {
            while read(&mut rx).is_none_or(|got| {
                assert_eq!(got, (i, 3));
                false
            }) {}
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_record_that_does_not_fit_the_lap_follows_a_pad() {
    check(3, || {
        // The ring has four cells. A record of one cell and one of two leave one cell in the lap,
        // so the next of two does not fit.
        let ring = ring::<[u8]>(256);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        push(&mut tx, 0, 1);
        let sender = thread::spawn(move || (1..3).for_each(|i| push(&mut tx, i, 65)));
        for (i, len) in [(0, 1), (1, 65), (2, 65)] {
            loop {
                if let Some(got) = read(&mut rx) {
                    assert_eq!(got, (i, len));
                    break;
                }
            }
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_batch_becomes_visible_as_a_whole() {
    check(3, || {
        let ring = ring::<[u8]>(256);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        push(&mut tx, 0, 1);
        assert_eq!(read(&mut rx), Some((0, 1)));
        let sender = thread::spawn(move || {
            let mut batch = tx.try_batch(128).unwrap();
            // One cell, then two that do not fit the lap any more: a pad between them.
            batch.try_push(&bytes(1, 1)).unwrap();
            batch.try_push(&bytes(2, 64)).unwrap();
            batch.commit();
        });
        // If the first record is visible, so is the second.
        if read(&mut rx).is_some() {
            assert_eq!(read(&mut rx), Some((2, 64)));
        }
        sender.join().unwrap();
    });
}

#[test]
fn an_aborted_record_is_never_read() {
    check(3, || {
        let ring = ring::<[u8]>(256);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let sender = thread::spawn(move || {
            let mut batch = tx.try_batch(128).unwrap();
            (7..10).for_each(|i| batch.try_push(&bytes(i, 1)).unwrap());
            batch.abort();
            let mut reservation = tx.try_reserve(128).unwrap();
            reservation.payload().write_at(&bytes(6, 128), 0).unwrap();
            reservation.abort();
            let mut reservation = tx.try_reserve(100).unwrap();
            reservation.payload().write_at(&bytes(1, 2), 0).unwrap();
            reservation.commit_len(2).unwrap();
            push(&mut tx, 2, 1);
        });
        let mut expected = [(1, 2), (2, 1)].into_iter().peekable();
        for _ in 0..3 {
            if let Some(got) = read(&mut rx) {
                assert_eq!(Some(got), expected.next());
            }
        }
        sender.join().unwrap();
        for last in expected {
            assert_eq!(read(&mut rx), Some(last));
        }
        assert_eq!(read(&mut rx), None);
    });
}

#[test]
fn a_kept_record_is_read_again_and_not_overwritten() {
    check(3, || {
        let ring = ring::<[u8]>(128);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        push(&mut tx, 0, 1);
        let sender = thread::spawn(move || (1..4).for_each(|i| push(&mut tx, i, 1)));
        rx.try_read().unwrap().keep();
        assert_eq!(read(&mut rx), Some((0, 1)));
        for i in 1..4 {
            while read(&mut rx).is_none_or(|got| {
                assert_eq!(got, (i, 1));
                false
            }) {}
        }
        sender.join().unwrap();
    });
}

#[test]
fn drained_records_are_released_together_at_the_end() {
    check(3, || {
        let ring = ring::<[u8]>(128);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let sender = thread::spawn(move || (0..4).for_each(|i| push(&mut tx, i, 1)));
        let mut next = 0;
        while next < 4 {
            let drained = rx.drain(2, |record| {
                assert_eq!(record.to_vec(), [next]);
                next += 1;
            });
            if drained.is_err() {
                thread::yield_now();
            }
        }
        sender.join().unwrap();
    });
}
