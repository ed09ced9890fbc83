//! `mpsc` byte rings: claims of several cells, skips, batches and aborts.
use loom::thread;
use ringway::memory::Model;
use ringway::mpsc::{Consumer, Producer};
use ringway::{PopError, PushError};
use ringway_loom::{check, mpsc};

/// Pushes record `i` of length `len`, and retries while the ring is full.
fn push(tx: &mut Producer<[u8], Model>, i: u8, len: usize) {
    while let Err(error) = tx.try_push(&vec![i; len]) {
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
        Err(PopError::Empty | PopError::Closed(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Reads the next `n` records.
fn read_all(rx: &mut Consumer<[u8], Model>, n: usize) -> Vec<(u8, usize)> {
    let mut got = Vec::new();
    while got.len() < n {
        match read(rx) {
            Some(record) => got.push(record),
            None => thread::yield_now(),
        }
    }
    got
}

/// Asserts that `got` consists of `first` and `second`, each in its order.
fn assert_merged(got: &[(u8, usize)], first: &[(u8, usize)], second: &[(u8, usize)]) {
    assert_eq!(got.len(), first.len() + second.len(), "{got:?}");
    let of =
        |these: &[(u8, usize)]| got.iter().copied().filter(|i| these.contains(i)).eq(these.iter().copied());
    assert!(of(first) && of(second), "{got:?}");
}

#[test]
fn records_of_two_producers_arrive_whole_over_several_laps() {
    check(2, || {
        let ring = mpsc::<[u8]>(128, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || (0..2).for_each(|i| push(&mut a, i, 3)));
        let second = thread::spawn(move || push(&mut b, 10, 2));
        assert_merged(&read_all(&mut rx, 3), &[(0, 3), (1, 3)], &[(10, 2)]);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_claim_that_does_not_fit_the_lap_begins_with_a_skip() {
    check(2, || {
        // The ring has four cells. A record of two cells starts where two cells, or one, are left
        // in the lap.
        let ring = mpsc::<[u8]>(256, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        push(&mut a, 7, 65);
        assert_eq!(read(&mut rx), Some((7, 65)));
        let first = thread::spawn(move || push(&mut a, 0, 65));
        let second = thread::spawn(move || push(&mut b, 10, 1));
        assert_merged(&read_all(&mut rx, 2), &[(0, 65)], &[(10, 1)]);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_batch_becomes_visible_as_a_whole_and_contiguous() {
    check(3, || {
        let ring = mpsc::<[u8]>(256, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || {
            let mut batch = a.try_batch(128).unwrap();
            batch.try_push(&[0]).unwrap();
            batch.try_push(&[1, 1]).unwrap();
            assert_eq!(batch.try_push(&[2]), Err(PushError::Full), "the batch has no room left");
            batch.commit();
        });
        let second = thread::spawn(move || push(&mut b, 10, 1));
        let mut got = Vec::new();
        while got.len() < 3 {
            match read(&mut rx) {
                // If the first record is visible, so is the second, and nothing is between them.
                Some((0, 1)) => {
                    assert_eq!(read(&mut rx), Some((1, 2)));
                    got.extend([(0, 1), (1, 2)]);
                }
                Some(other) => got.push(other),
                None => thread::yield_now(),
            }
        }
        assert_merged(&got, &[(0, 1), (1, 2)], &[(10, 1)]);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn an_aborted_reservation_is_skipped_and_the_next_record_is_read() {
    check(3, || {
        let ring = mpsc::<[u8]>(512, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || {
            let mut reservation = a.try_reserve(65).unwrap();
            reservation.payload().write_at(&[6; 65], 0).unwrap();
            reservation.abort();
            let mut reservation = a.try_reserve(65).unwrap();
            reservation.payload().write_at(&[1, 1], 0).unwrap();
            reservation.commit_len(2).unwrap();
        });
        let second = thread::spawn(move || push(&mut b, 10, 1));
        first.join().unwrap();
        second.join().unwrap();
        let got: Vec<_> = std::iter::from_fn(|| read(&mut rx)).collect();
        assert_merged(&got, &[(1, 2)], &[(10, 1)]);
    });
}

#[test]
fn an_aborted_batch_is_skipped_while_another_producer_sends() {
    check(3, || {
        let ring = mpsc::<[u8]>(256, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || {
            let mut batch = a.try_batch(128).unwrap();
            batch.try_push(&[6]).unwrap();
            batch.abort();
            drop(a);
        });
        let second = thread::spawn(move || push(&mut b, 10, 1));
        assert_eq!(read_all(&mut rx, 1), [(10, 1)]);
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!(read(&mut rx), None);
    });
}

#[test]
fn skipped_cells_are_free_again() {
    check(1, || {
        let ring = mpsc::<[u8]>(128, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || a.try_batch(64).map(|batch| batch.abort()).is_ok());
        let second = thread::spawn(move || (10..13).for_each(|i| push(&mut b, i, 1)));
        assert_eq!(read_all(&mut rx, 3), [(10, 1), (11, 1), (12, 1)]);
        first.join().unwrap();
        second.join().unwrap();
    });
}
