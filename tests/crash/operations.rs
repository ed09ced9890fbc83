//! The operations of victims, in any kind of ring. Each is between two marks.
use std::mem;

use ringway::ring::{Producer, Ring};

use crate::fixture::{Item, TestMessage, record};
use crate::kinds::RingKind;
use crate::victim::mark;

/// A victim's part. The victim has opened the ring itself.
pub type Operation<'a, K, T> = &'a dyn Fn(&Ring<K, T>);

/// The position at which a fixture of byte records begins. With two records of one cell in a ring
/// of 16 cells, three cells are left in the lap.
pub const NEARLY_ROUND: u64 = 2 * 16 + 11;

/// Records of one cell, three cells and one cell. The second does not fit before the end of the lap
/// of a fixture that begins at [`NEARLY_ROUND`].
pub fn three_records() -> [Vec<u8>; 3] {
    [record(3, 40), record(4, 150), record(5, 64)]
}

/// The room of a batch for them, in bytes: one cell more than they take.
pub const ROOM: usize = 6 * 64;

/// Sends record 3.
pub fn push_item<K: RingKind>(ring: &Ring<K, Item>) {
    let mut tx = ring.producer().unwrap();
    let item = Item::numbered(3);
    mark();
    let pushed = tx.try_push(&item);
    mark();
    pushed.unwrap();
}

/// Sends records 3 to 6.
pub fn push_slice<K: RingKind>(ring: &Ring<K, Item>) {
    let mut tx = ring.producer().unwrap();
    let items = [3, 4, 5, 6].map(Item::numbered);
    mark();
    let pushed = tx.try_push_slice(&items);
    mark();
    assert_eq!(pushed, Ok(4));
}

/// Sends record 3, of `len` bytes.
pub fn push_bytes<K: RingKind>(ring: &Ring<K, [u8]>, len: usize) {
    let mut tx = ring.producer().unwrap();
    let record = record(3, len);
    mark();
    let pushed = tx.try_push(&record);
    mark();
    pushed.unwrap();
}

/// Sends record 3, smaller than what was reserved.
pub fn commit_len<K: RingKind>(ring: &Ring<K, [u8]>) {
    let mut tx = ring.producer().unwrap();
    let record = record(3, 100);
    mark();
    let mut reservation = tx.try_reserve(300).unwrap();
    let written = reservation.payload().write_at(&record, 0);
    let committed = reservation.commit_len(record.len());
    mark();
    written.unwrap();
    committed.unwrap();
}

pub fn abort<K: RingKind>(ring: &Ring<K, [u8]>) {
    let mut tx = ring.producer().unwrap();
    let record = record(3, 300);
    mark();
    let mut reservation = tx.try_reserve(300).unwrap();
    let written = reservation.payload().write_at(&record, 0);
    reservation.abort();
    mark();
    written.unwrap();
}

/// Sends records 3 to 5.
pub fn batch<K: RingKind>(ring: &Ring<K, [u8]>) {
    let mut tx = ring.producer().unwrap();
    let records = three_records();
    mark();
    let mut batch = tx.try_batch(ROOM).unwrap();
    let pushed = [0, 1, 2].map(|i| batch.try_push(&records[i]));
    batch.commit();
    mark();
    assert_eq!(pushed, [Ok(()); 3]);
}

pub fn abort_batch<K: RingKind>(ring: &Ring<K, [u8]>) {
    let mut tx = ring.producer().unwrap();
    let records = three_records();
    mark();
    let mut batch = tx.try_batch(ROOM).unwrap();
    let pushed = [0, 1, 2].map(|i| batch.try_push(&records[i]));
    batch.abort();
    mark();
    assert_eq!(pushed, [Ok(()); 3]);
}

/// Begins a batch and forgets it.
pub fn forget_a_batch<K: RingKind>(tx: &mut Producer<K, [u8]>) {
    let mut batch = tx.try_batch(ROOM).unwrap();
    three_records().iter().for_each(|record| batch.try_push(record).unwrap());
    mem::forget(batch);
}

/// Drops the producer after it forgot a batch.
pub fn detach<K: RingKind>(ring: &Ring<K, [u8]>) {
    let mut tx = ring.producer().unwrap();
    forget_a_batch(&mut tx);
    mark();
    drop(tx);
    mark();
}

/// Takes a seat.
pub fn attach<T: TestMessage + ?Sized, K: RingKind>(ring: &Ring<K, T>) {
    mark();
    let tx = ring.producer();
    mark();
    tx.unwrap();
}
