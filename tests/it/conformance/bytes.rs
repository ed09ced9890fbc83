//! Rings of records: sizes, room, pads, views.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ringway::RangeError;
use ringway::memory::Heap;
use ringway::memory::Memory;
use ringway::ring::Consumer;
use ringway::spsc::Ring;
use ringway::{Options, PopError, PushError};

use super::{AnyKind, Place, bytes_of};

on_every_ring!(
    records_come_out_in_order_and_unchanged,
    records_of_every_size_fit_at_every_place,
    the_largest_record_is_half_the_ring,
    a_larger_record_is_refused_with_numbers,
    a_full_ring_refuses_until_there_is_room,
    a_record_that_would_wrap_is_preceded_by_a_pad,
    a_pad_is_released_with_the_record_after_it,
    no_pad_is_left_when_there_is_no_room_for_the_record,
    a_drain_stops_at_its_limit_and_releases_what_it_gave,
    a_panic_in_a_drain_releases_what_was_given,
    positions_count_cells_since_the_ring_was_made,
    a_payload_is_read_by_pieces,
    a_payload_is_written_by_pieces,
);

/// Takes the next record out, as a vector.
fn take<K: AnyKind, M: Memory>(rx: &mut Consumer<K, [u8], M>) -> Result<Vec<u8>, PopError> {
    Ok(rx.try_read()?.payload().to_vec())
}

fn records_come_out_in_order_and_unchanged<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    let (mut tx, mut rx) = ring.ends();
    let records: Vec<_> = [0, 1, 63, 64, 65, 100, 128].map(|len| bytes_of(len, len)).into();
    for record in &records {
        tx.try_push(record).unwrap();
    }
    for record in &records {
        assert_eq!(take(&mut rx).as_ref(), Ok(record));
    }
    assert_eq!(take(&mut rx), Err(PopError::Empty));
}

fn records_of_every_size_fit_at_every_place<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(8 * 64);
    let (mut tx, mut rx) = ring.ends();
    for len in [0, 1, 63, 64, 65, 127, 128, 129, ring.max_record() - 1, ring.max_record()] {
        for place in 0..8 {
            while tx.position() % 8 != place {
                tx.try_push(b"step").unwrap();
                take(&mut rx).unwrap();
            }
            let record = bytes_of(len, len);
            tx.try_push(&record).unwrap();
            assert_eq!(take(&mut rx), Ok(record), "{len} bytes at cell {place}");
            assert_eq!(take(&mut rx), Err(PopError::Empty));
        }
    }
}

fn the_largest_record_is_half_the_ring<K: AnyKind>(place: Place) {
    for (asked, capacity) in [(1, 128), (128, 128), (129, 256), (1000, 1024), (1024, 1024), (4097, 8192)] {
        let ring = place.ring::<K, [u8]>(asked);
        let (tx, rx) = ring.ends();
        assert_eq!(ring.capacity(), capacity);
        assert_eq!([ring.max_record(), tx.max_record(), rx.max_record()], [capacity / 2; 3]);
    }
}

fn a_larger_record_is_refused_with_numbers<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    let (mut tx, mut rx) = ring.ends();
    let record = vec![1; 513];
    let too_large = Err(PushError::TooLarge { len: 513, max: 512 });
    assert_eq!(tx.try_push(&record), too_large);
    assert_eq!(tx.push(&record), too_large);
    assert_eq!(tx.push_timeout(&record, Duration::from_secs(60)), too_large);
    assert_eq!(tx.try_reserve(513).map(drop), too_large);
    assert_eq!(tx.reserve(513).map(drop), too_large);
    assert_eq!(tx.try_batch(64).unwrap().try_push(&record), too_large);
    let huge = Err(PushError::TooLarge { len: usize::MAX, max: 512 });
    assert_eq!(tx.try_reserve(usize::MAX).map(drop), huge);
    assert_eq!(take(&mut rx), Err(PopError::Empty));
    tx.try_push(&record[1..]).unwrap();
    assert_eq!(take(&mut rx).unwrap().len(), 512);
}

fn a_full_ring_refuses_until_there_is_room<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(4 * 64);
    let (mut tx, mut rx) = ring.ends();
    // Records of no bytes take a cell too.
    for i in 0..4 {
        tx.try_push(&bytes_of(i, 20 * i)).unwrap();
    }
    assert_eq!(tx.try_push(b""), Err(PushError::Full));
    assert_eq!(take(&mut rx), Ok(vec![]));
    assert_eq!(tx.try_push(&[0; 65]), Err(PushError::Full));
    tx.try_push(&[0; 64]).unwrap();
    assert_eq!(tx.try_push(b""), Err(PushError::Full));
    assert_eq!(take(&mut rx), Ok(bytes_of(1, 20)));
}

fn a_record_that_would_wrap_is_preceded_by_a_pad<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(8 * 64);
    let (mut tx, mut rx) = ring.ends();
    for i in 0..6 {
        tx.try_push(&[i]).unwrap();
        take(&mut rx).unwrap();
    }
    // Two cells are left in the lap, three are needed: the record starts in the next.
    let record = bytes_of(7, 129);
    tx.try_push(&record).unwrap();
    assert_eq!(tx.position(), 8 + 3);
    // Pad and record take five cells of eight.
    for i in 0..3 {
        tx.try_push(&[i]).unwrap();
    }
    assert_eq!(tx.try_push(b""), Err(PushError::Full));
    assert_eq!(take(&mut rx), Ok(record));
    assert_eq!(rx.position(), 8 + 3);
    assert_eq!([(); 3].map(|()| take(&mut rx).unwrap()), [[0], [1], [2]]);
    assert_eq!(take(&mut rx), Err(PopError::Empty));
}

fn a_pad_is_released_with_the_record_after_it<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(4 * 64);
    let (mut tx, mut rx) = ring.ends();
    for _ in 0..3 {
        tx.try_push(b"step").unwrap();
        take(&mut rx).unwrap();
    }
    // One cell of pad, two of record, one free.
    tx.try_push(&[7; 128]).unwrap();
    rx.try_read().unwrap().keep();
    tx.try_push(b"fits").unwrap();
    assert_eq!(tx.try_push(b""), Err(PushError::Full));
    drop(rx);
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.position(), 3);
    assert_eq!(take(&mut rx), Ok(vec![7; 128]));
    assert_eq!(tx.try_reserve(65).map(|r| r.commit()), Ok(()));
    assert_eq!(take(&mut rx), Ok(b"fits".into()));
}

fn no_pad_is_left_when_there_is_no_room_for_the_record<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(4 * 64);
    let (mut tx, mut rx) = ring.ends();
    for record in [b"a", b"b", b"c"] {
        tx.try_push(record).unwrap();
    }
    take(&mut rx).unwrap();
    assert_eq!(tx.try_push(&[7; 128]), Err(PushError::Full));
    assert_eq!(tx.position(), 3);
    // What fits before the end of the lap goes there.
    tx.try_push(b"d").unwrap();
    assert_eq!(tx.position(), 4);
    assert_eq!([(); 3].map(|()| take(&mut rx).unwrap()), [b"b", b"c", b"d"]);
}

fn a_drain_stops_at_its_limit_and_releases_what_it_gave<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(4 * 64);
    let (mut tx, mut rx) = ring.ends();
    for i in 0..4 {
        tx.try_push(&[i; 3]).unwrap();
    }
    let mut seen = Vec::new();
    assert_eq!(rx.drain(0, |record| seen.push(record.to_vec())), Ok(0));
    assert_eq!(rx.drain(3, |record| seen.push(record.to_vec())), Ok(3));
    assert_eq!(seen, [[0; 3], [1; 3], [2; 3]]);
    assert_eq!([(); 4].map(|()| tx.try_push(&[9])), [Ok(()), Ok(()), Ok(()), Err(PushError::Full)]);
    assert_eq!(rx.drain(usize::MAX, |record| seen.push(record.to_vec())), Ok(4));
    assert_eq!(rx.drain(1, |_| panic!("there is nothing")), Err(PopError::Empty));
    assert_eq!(rx.drain(0, |_| panic!("there is nothing")), Ok(0));
}

fn a_panic_in_a_drain_releases_what_was_given<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(4 * 64);
    let (mut tx, mut rx) = ring.ends();
    for len in 0..4 {
        tx.try_push(&vec![0; len]).unwrap();
    }
    let drained = catch_unwind(AssertUnwindSafe(|| rx.drain(9, |record| assert_ne!(record.len(), 1))));
    assert!(drained.is_err());
    assert_eq!([(); 3].map(|()| tx.try_push(b"")), [Ok(()), Ok(()), Err(PushError::Full)]);
    assert_eq!([(); 4].map(|()| take(&mut rx).unwrap().len()), [2, 3, 0, 0]);
}

fn positions_count_cells_since_the_ring_was_made<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(4 * 64);
    let (mut tx, mut rx) = ring.ends();
    for i in 0..20 {
        assert_eq!((tx.position(), rx.position()), (2 * i, 2 * i));
        tx.try_push(&[0; 65]).unwrap();
        assert_eq!((tx.position(), rx.position()), (2 * i + 2, 2 * i));
        take(&mut rx).unwrap();
    }
}

fn a_payload_is_read_by_pieces<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    let (mut tx, mut rx) = ring.ends();
    let bytes = bytes_of(3, 100);
    tx.try_push(&bytes).unwrap();
    let record = rx.try_read().unwrap();
    assert_eq!((record.len(), record.is_empty(), record.seat()), (100, false, 0));
    let payload = record.payload();
    assert_eq!((payload.len(), payload.is_empty()), (100, false));

    let mut piece = [0; 10];
    payload.read_at(&mut piece, 90).unwrap();
    assert_eq!(piece, bytes[90..]);
    payload.read_at(&mut [], 100).unwrap();
    assert_eq!(payload.read_at(&mut piece, 91), Err(RangeError { offset: 91, len: 10, payload: 100 }));
    assert_eq!(piece, bytes[90..], "nothing was copied");
    let beyond = Err(RangeError { offset: usize::MAX, len: 10, payload: 100 });
    assert_eq!(payload.read_at(&mut piece, usize::MAX), beyond);
    assert!(payload.read_at(&mut [], 101).is_err());

    // At an odd address too.
    assert_eq!(payload.read_value_at::<u32>(33).unwrap().to_ne_bytes(), bytes[33..37]);
    assert_eq!(payload.read_value_at::<[u8; 100]>(0).unwrap()[..], bytes);
    assert_eq!(payload.read_value_at::<u32>(97), Err(RangeError { offset: 97, len: 4, payload: 100 }));

    let (mut short, mut long) = ([0; 7], [9; 200]);
    assert_eq!((payload.copy_to(&mut short), payload.copy_to(&mut long)), (7, 100));
    assert_eq!((&short[..], &long[..100], long[100]), (&bytes[..7], &bytes[..], 9));
    drop(record);

    tx.try_push(b"").unwrap();
    let record = rx.try_read().unwrap();
    assert!(record.is_empty() && record.payload().is_empty() && record.payload().to_vec().is_empty());
    assert!(record.payload().read_value_at::<u8>(0).is_err());
}

fn a_payload_is_written_by_pieces<K: AnyKind>(place: Place) {
    let ring = place.ring::<K, [u8]>(1024);
    let (mut tx, mut rx) = ring.ends();
    let mut reservation = tx.try_reserve(16).unwrap();
    assert_eq!((reservation.len(), reservation.is_empty()), (16, false));
    let mut payload = reservation.payload();
    assert_eq!((payload.len(), payload.is_empty()), (16, false));
    payload.write_at(&[1; 16], 0).unwrap();
    payload.write_value_at(&0xaabb_ccdd_u32.to_be(), 5).unwrap();
    payload.write_at(&[], 16).unwrap();
    assert_eq!(payload.write_at(&[2; 8], 9), Err(RangeError { offset: 9, len: 8, payload: 16 }));
    assert_eq!(payload.write_value_at(&7_u32, 13), Err(RangeError { offset: 13, len: 4, payload: 16 }));
    assert!(payload.write_at(&[2; 8], usize::MAX).is_err());
    reservation.commit();
    let expected = [1, 1, 1, 1, 1, 0xaa, 0xbb, 0xcc, 0xdd, 1, 1, 1, 1, 1, 1, 1];
    assert_eq!(take(&mut rx).unwrap(), expected);
}

#[test]
fn a_ring_too_large_for_its_memory_is_refused() {
    let memory = Heap::new(Ring::<[u8]>::required_len(&Options::new().capacity(1024)));
    let have = Ring::<[u8]>::required_len(&Options::new().capacity(1024)) as u64;
    let need = Ring::<[u8]>::required_len(&Options::new().capacity(1025)) as u64;
    let error = Ring::<[u8], _>::format(memory, &Options::new().capacity(1025)).unwrap_err();
    assert_eq!(error, ringway::LayoutError::TooSmall { need, have });
    let error = Ring::<[u8], _>::format(Heap::new(4096), &Options::new().capacity(usize::MAX)).unwrap_err();
    // With 32 bits, the limit cannot be exceeded, but the memory is too small all the same.
    let is_refused = match error {
        ringway::LayoutError::Limit { what: "bytes", asked, most } => asked == u64::MAX && most == 1 << 32,
        ringway::LayoutError::TooSmall { need, have: 4096 } => usize::BITS == 32 && need > u32::MAX.into(),
        _ => false,
    };
    assert!(is_refused, "{error:?}");
}
