//! Once both ends sit, nothing is allocated: counted by an allocator that counts.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use ringway::Message;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer};
use ringway::spsc::Spsc;
use ringway::{Mapping, Options, ring};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is this one's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above, with the contract of `dealloc`; what is here was allocated by `System`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates in `work`.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

/// So many that lanes are put to rest.
const MANY: usize = 20;
const SHORT: Duration = Duration::from_millis(1);
const CAPACITY: usize = 1024;
const LAPS: u64 = 3 * CAPACITY as u64;

fn items<K: Kind>(tx: &mut Producer<K, u64, Mapping>, rx: &mut Consumer<K, u64, Mapping>) {
    for i in 0..LAPS {
        tx.try_push(&i).unwrap();
        tx.push(&i).unwrap();
        assert_eq!(tx.try_push_slice(&[i; 5]), Ok(5));
        assert_eq!((rx.try_pop(), rx.pop()), (Ok(i), Ok(i)));
        assert_eq!(rx.try_pop_slice(&mut [0; 3]), Ok(3));
        assert_eq!(rx.drain(10, |item| assert_eq!(item, i)), Ok(2));
    }
    // Waiting, in vain.
    rx.pop_timeout(SHORT).unwrap_err();
    while tx.try_push(&0).is_ok() {}
    tx.push_timeout(&0, SHORT).unwrap_err();
    assert!(rx.stalled().is_none());
    rx.drain(usize::MAX, |_| ()).unwrap();
}

fn records<K: Kind>(tx: &mut Producer<K, [u8], Mapping>, rx: &mut Consumer<K, [u8], Mapping>) {
    let mut bytes = [0; 200];
    for _ in 0..LAPS {
        tx.try_push(&[7; 100]).unwrap();
        tx.push(&[9; 10]).unwrap();
        let mut reservation = tx.try_reserve(200).unwrap();
        reservation.payload().write_at(&[8; 150], 0).unwrap();
        reservation.commit_len(150).unwrap();
        tx.try_reserve(70).unwrap().abort();
        assert_eq!(rx.try_read().unwrap().payload().len(), 100);
        rx.try_read().unwrap().keep();
        assert_eq!(rx.drain(1, |record| assert_eq!(record.len(), 10)), Ok(1));
        let record = rx.read().unwrap();
        assert_eq!(record.payload().copy_to(&mut bytes), 150);
        record.release();
    }
    assert!(rx.read_timeout(SHORT).is_err());
    while tx.try_push(&[0; 64]).is_ok() {}
    tx.push_timeout(&[0; 64], SHORT).unwrap_err();
    rx.drain(usize::MAX, |_| ()).unwrap();
}

/// A ring of this kind, in a named segment; its ends at `work`.
fn count<K: Kind, T: Message + ?Sized>(
    producers: usize,
    work: impl FnOnce(&mut Producer<K, T, Mapping>, &mut Consumer<K, T, Mapping>),
) {
    let name = support::Name::unique("ringway-allocations");
    let options = Options::new().capacity(CAPACITY * size_of::<u64>()).max_producers(producers);
    let ring = ring::Ring::<K, T>::create(&name, &options).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    // The second witness reads `/proc`, where the file system keeps no locks: not in /dev/shm.
    assert_eq!(allocations(|| work(&mut tx, &mut rx)), 0);
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1, "does it count?");
}

#[test]
fn items_are_sent_and_received_without_an_allocation() {
    count::<Spsc, u64>(1, items);
    count::<Mpsc, u64>(MANY, items);
    count::<Lanes, u64>(MANY, items);
}

#[test]
fn records_are_sent_and_received_without_an_allocation() {
    count::<Spsc, [u8]>(1, records);
    count::<Mpsc, [u8]>(MANY, records);
    count::<Lanes, [u8]>(MANY, records);
}
