//! `mpsc` byte rings whose producer or consumer dies after each of its writes.
use loom::thread;
use ringway::memory::Model;
use ringway::mpsc::{Consumer, Producer};
use ringway::{PopError, PushError};
use ringway_loom::{check, declare_consumer_dead, declare_producer_dead, mpsc, witnessed};

/// Pushes record `i` of one byte, and retries while the ring is full.
fn push(tx: &mut Producer<[u8], Model>, i: u8) {
    while let Err(error) = tx.try_push(&[i]) {
        assert_eq!(error, PushError::Full);
        thread::yield_now();
    }
}

/// Reads one record without waiting. Returns its number.
fn read(rx: &mut Consumer<[u8], Model>) -> Option<u8> {
    match rx.try_read() {
        Ok(record) => {
            let got = record.payload().to_vec();
            assert!(got.iter().all(|byte| *byte == got[0]), "torn: {got:?}");
            got.first().copied()
        }
        Err(PopError::Empty | PopError::Closed(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Reads all records, after the consumer has repaired what the dead left. Returns them, and how
/// many cells were lost in how many claims.
fn recover(rx: &mut Consumer<[u8], Model>) -> (Vec<u8>, u64, usize) {
    let mut got = Vec::new();
    loop {
        got.extend(std::iter::from_fn(|| read(rx)));
        let before = rx.position();
        // `stalled` repairs what stands in the way.
        assert_eq!(rx.stalled(), None);
        match read(rx) {
            Some(i) => got.push(i),
            None if rx.position() == before => break,
            None => {}
        }
    }
    let losses: Vec<_> = rx.losses().collect();
    (got, losses.iter().map(|loss| loss.cells).sum(), losses.len())
}

#[test]
fn the_batch_of_a_dead_producer_arrives_as_a_whole_or_is_lost_as_a_whole() {
    // The writes of the victim: E, A, TAIL, A; two payloads, two infos, a stamp; the skip for the
    // rest of the claim, its stamp; the first stamp; two counters.
    for writes in 0..=14 {
        check(2, move || {
            let ring = mpsc::<[u8]>(512, witnessed);
            let (a, mut b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            let victim = thread::spawn(move || {
                let is_done = Model::crash_after(writes, a, |a| {
                    let mut batch = a.try_batch(3 * 64).unwrap();
                    batch.try_push(&[0]).unwrap();
                    batch.try_push(&[1, 1]).unwrap();
                    batch.commit();
                });
                declare_producer_dead(ring.memory(), 0);
                is_done
            });
            let survivor = thread::spawn(move || {
                push(&mut b, 10);
                b
            });
            let _ = rx.stalled();
            let mut got = Vec::from_iter(read(&mut rx));
            let is_done = victim.join().unwrap();
            let _b = survivor.join().unwrap();
            let (rest, cells, claims) = recover(&mut rx);
            got.extend(rest);
            match (got.as_slice(), cells, claims) {
                ([10], 0, 0) => assert!(writes <= 5 && rx.position() == 1),
                ([10], 3, 1) => assert!(writes >= 3 && !is_done && rx.position() == 4),
                ([0, 1, 10] | [10, 0, 1], 0, 0) => assert!(writes >= 12 && rx.position() == 4),
                _ => panic!("{writes}: {got:?} {cells} {claims}"),
            }
        });
    }
}

#[test]
fn a_dead_producer_that_aborted_does_not_block_the_consumer() {
    for writes in 0..=8 {
        check(2, move || {
            let ring = mpsc::<[u8]>(256, witnessed);
            let (a, mut b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            let victim = thread::spawn(move || {
                Model::crash_after(writes, a, |a| a.try_reserve(100).unwrap().abort());
                declare_producer_dead(ring.memory(), 0);
            });
            let survivor = thread::spawn(move || {
                push(&mut b, 10);
                b
            });
            let mut got = Vec::from_iter(read(&mut rx));
            victim.join().unwrap();
            let _b = survivor.join().unwrap();
            let (rest, cells, claims) = recover(&mut rx);
            got.extend(rest);
            assert_eq!(got, [10]);
            assert!(matches!((cells, claims), (0, 0) | (2, 1)), "{cells} {claims}");
        });
    }
}

#[test]
fn a_lost_claim_of_unknown_length_ends_where_the_next_claim_begins() {
    // The victim dies between the writes of TAIL and A, so no word tells the length of its claim.
    check(2, || {
        let ring = mpsc::<[u8]>(512, witnessed);
        let (a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        assert!(!Model::crash_after(3, a, |a| a.try_push(&[0; 100]).unwrap()));
        declare_producer_dead(ring.memory(), 0);
        let survivor = thread::spawn(move || {
            (10..12).for_each(|i| push(&mut b, i));
            b
        });
        let _ = rx.stalled();
        let mut got = Vec::from_iter(read(&mut rx));
        let _b = survivor.join().unwrap();
        let (rest, cells, claims) = recover(&mut rx);
        got.extend(rest);
        assert_eq!((got.as_slice(), cells, claims), (&[10, 11][..], 2, 1));
    });
}

#[test]
fn a_consumer_that_dies_during_a_repair_leaves_all_records_to_its_successor() {
    for lost_at in [3, 4] {
        // The writes of the victim: the death of the producer, two for the mark; HEAD and the
        // count, twice.
        for writes in 0..=8 {
            check(2, move || {
                let ring = mpsc::<[u8]>(256, witnessed);
                let (a, mut b, rx) =
                    (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
                assert!(!Model::crash_after(lost_at, a, |a| push(a, 0)));
                declare_producer_dead(ring.memory(), 0);
                push(&mut b, 10);
                let theirs = ring.clone();
                let first = thread::spawn(move || {
                    let mut got = Vec::new();
                    let mut lost = 0;
                    Model::crash_after(writes, rx, |rx| {
                        let _ = rx.stalled();
                        got.extend(read(rx));
                        lost = rx.losses().count();
                        got.extend(read(rx));
                    });
                    declare_consumer_dead(theirs.memory());
                    (got, lost)
                });
                let second = thread::spawn(move || {
                    push(&mut b, 11);
                    b
                });
                let (mut got, lost_before) = first.join().unwrap();
                let _b = second.join().unwrap();
                let mut rx = ring.consumer().unwrap();
                let (rest, cells, claims) = recover(&mut rx);
                assert!(lost_before + claims >= 1 && claims <= 1 && cells <= 1);
                // Records that the first consumer read and did not release arrive again; all others
                // arrive once.
                assert!(rest.is_empty() || rest == [11] || rest == [10, 11], "{rest:?}");
                got.extend(rest);
                got.dedup();
                assert_eq!(got, [10, 11]);
                assert_eq!(rx.position(), 3);
            });
        }
    }
}
