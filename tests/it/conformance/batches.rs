//! The room of a batch: what `try_batch`, `batch` and `batch_timeout` promise.
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use ringway::{CELL, Departure, PopError, PushError};

use super::{AnyKind, Place, bytes_of};

on_every_ring!(
    records_of_the_asked_room_fit_at_each_position,
    the_room_of_a_batch_is_at_most_the_largest_record,
    a_batch_waits_for_its_room,
    a_batch_without_room_returns_when_the_consumer_leaves,
);

/// So late that the other side sleeps.
const ASLEEP: Duration = Duration::from_millis(30);

/// Moves the ring on by `start` cells, leaves `held` records in it, and then sends records in one batch.
fn send_batch<K: AnyKind>(
    place: Place,
    (bits, start, held): (u32, usize, usize),
    lens: &[usize],
    waits: bool,
) -> Result<(), TestCaseError> {
    let ring = place.ring::<K, [u8]>(CELL << bits);
    let (mut tx, mut rx) = ring.ends();
    for _ in 0..start {
        tx.try_push(b"").unwrap();
        rx.try_read().unwrap().release();
    }
    let held = held % (1 << bits);
    for _ in 0..held {
        tx.try_push(b"").unwrap();
    }
    // As many of the records as one batch can have.
    let (mut room, mut records) = (0, Vec::new());
    for (seed, len) in lens.iter().map(|len| len % (tx.max_record() + 1)).enumerate() {
        let cells = len.div_ceil(CELL).max(1);
        if room + cells * CELL > tx.max_record() {
            break;
        }
        room += cells * CELL;
        records.push(bytes_of(seed, len));
    }
    if let [only] = &records[..] {
        // One record needs no more room than it has bytes.
        room = only.len();
    }
    let begun = if waits { tx.batch_timeout(room, Duration::ZERO) } else { tx.try_batch(room) };
    let expected = if waits { PushError::Elapsed } else { PushError::Full };
    let mut batch = match begun {
        Ok(batch) => batch,
        Err(error) => {
            prop_assert_eq!(error, expected);
            prop_assert!(held > 0, "an empty ring has room for {}", room);
            return Ok(());
        }
    };
    for record in &records {
        prop_assert_eq!(batch.try_push(record), Ok(()), "{} bytes of {}", record.len(), room);
    }
    batch.commit();
    for _ in 0..held {
        rx.try_read().unwrap().release();
    }
    for record in &records {
        prop_assert_eq!(&rx.try_read().unwrap().payload().to_vec(), record);
    }
    prop_assert_eq!(rx.try_read().map(drop), Err(PopError::Empty));
    Ok(())
}

fn records_of_the_asked_room_fit_at_each_position<K: AnyKind>(place: Place) {
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let position = (1..6_u32, 0..64_usize, prop_oneof![Just(0), 0..32_usize]);
    // Small records, too: in a large batch there are then many.
    let lens = vec(prop_oneof![0..130_usize, 0..1025_usize], 1..20);
    let tested = TestRunner::new(config).run(&(position, lens, any::<bool>()), |(position, lens, waits)| {
        send_batch::<K>(place, position, &lens, waits)
    });
    if let Err(error @ (TestError::Fail(..) | TestError::Abort(_))) = tested {
        panic!("{error}");
    }
}

fn the_room_of_a_batch_is_at_most_the_largest_record<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    let mut tx = ring.producer().unwrap();
    for len in [257, usize::MAX] {
        let too_large = Err(PushError::TooLarge { len, max: 256 });
        assert_eq!(tx.try_batch(len).map(drop), too_large);
        assert_eq!(tx.batch(len).map(drop), too_large);
        assert_eq!(tx.batch_timeout(len, Duration::MAX).map(drop), too_large);
    }
    assert_eq!(tx.position(), 0);
    let mut whole = tx.try_batch(256).unwrap();
    whole.try_push(&[1; 256]).unwrap();
    whole.commit();
    // Without room there is still room for one record.
    let mut least = tx.batch(0).unwrap();
    least.try_push(&[2; 64]).unwrap();
    least.commit();
    assert_eq!(tx.position(), 5);
}

fn a_batch_waits_for_its_room<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    let (mut tx, mut rx) = ring.ends();
    for i in 0..8 {
        tx.try_push(&[i]).unwrap();
    }
    assert_eq!(tx.try_batch(1).map(drop), Err(PushError::Full));
    assert_eq!(tx.batch_timeout(1, Duration::from_millis(5)).map(drop), Err(PushError::Elapsed));
    rx.try_read().unwrap().release();
    assert_eq!(tx.try_batch(65).map(drop), Err(PushError::Full), "one cell is free");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut batch = tx.batch(256)?;
            for i in 8..12 {
                batch.try_push(&[i])?;
            }
            batch.commit();
            Ok::<_, PushError>(())
        });
        thread::sleep(ASLEEP);
        for i in 1..12 {
            assert_eq!(rx.read().unwrap().payload().to_vec(), [i]);
        }
        assert_eq!(waiting.join().unwrap(), Ok(()));
    });
}

fn a_batch_without_room_returns_when_the_consumer_leaves<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(512);
    let (mut tx, rx) = ring.ends();
    while tx.try_push(b"").is_ok() {}
    thread::scope(|scope| {
        let waiting = scope.spawn(|| tx.batch(200).map(drop));
        thread::sleep(ASLEEP);
        drop(rx);
        assert_eq!(waiting.join().unwrap(), Err(PushError::Closed(Departure::Left)));
    });
}
