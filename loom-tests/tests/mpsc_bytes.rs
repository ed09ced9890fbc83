//! Records of any size in total order: claims of several cells, pads, batches, and what is given up.
use loom::thread;
use ringway::memory::Model;
use ringway::mpsc::{Consumer, Producer};
use ringway::{PopError, PushError};
use ringway_loom::{check, mpsc};

fn push(tx: &mut Producer<[u8], Model>, i: u8, len: usize) {
    while let Err(error) = tx.try_push(&vec![i; len]) {
        assert_eq!(error, PushError::Full);
        thread::yield_now();
    }
}

/// The record that is there now, as its number and length.
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

/// The next `n`.
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

/// Whether `got` is `first` and `second`, each in its order.
fn assert_merged(got: &[(u8, usize)], first: &[(u8, usize)], second: &[(u8, usize)]) {
    assert_eq!(got.len(), first.len() + second.len(), "{got:?}");
    let of =
        |these: &[(u8, usize)]| got.iter().copied().filter(|i| these.contains(i)).eq(these.iter().copied());
    assert!(of(first) && of(second), "{got:?}");
}

#[test]
fn records_of_two_arrive_whole_over_several_laps() {
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
        // Four cells; one record of two cells goes where three, or one, are left in the lap.
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
fn a_batch_appears_whole_and_in_one_piece() {
    check(3, || {
        let ring = mpsc::<[u8]>(256, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || {
            let mut batch = a.try_batch(128).unwrap();
            batch.try_push(&[0]).unwrap();
            batch.try_push(&[1, 1]).unwrap();
            assert_eq!(batch.try_push(&[2]), Err(PushError::Full), "its room is used up");
            batch.commit();
        });
        let second = thread::spawn(move || push(&mut b, 10, 1));
        let mut got = Vec::new();
        while got.len() < 3 {
            match read(&mut rx) {
                // Once the first is there, so is the second, and nothing is between them.
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
fn what_was_given_up_never_appears_and_what_comes_after_it_does() {
    check(3, || {
        let ring = mpsc::<[u8]>(512, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || {
            let mut reservation = a.try_reserve(65).unwrap();
            reservation.payload().write_at(0, &[6; 65]).unwrap();
            reservation.abort();
            let mut reservation = a.try_reserve(65).unwrap();
            reservation.payload().write_at(0, &[1, 1]).unwrap();
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
fn a_batch_that_is_given_up_is_passed_over_while_another_sends() {
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
fn what_was_skipped_is_room_again() {
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
