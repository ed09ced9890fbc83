//! What the sanitizers must report, or they are of no use: mistakes that a wrong ring would make. `tests/sanitizers.sh` runs
//! these first, and fails if nothing is reported. Nobody else does: without a sanitizer they are undefined, and do nothing
//! unless asked for by name and by environment.
use std::env;
use std::ptr::NonNull;
use std::thread;
use std::time::Duration;

use ringway::Options;
use ringway::memory::{Liveness, Park};
use ringway::memory::{Memory, Region};
use ringway::spsc::Ring;

use super::trust;

fn is_wanted() -> bool {
    env::var("RINGWAY_SEEDED").is_ok()
}

/// A producer goes on writing into a record after it has committed it, while the consumer reads.
#[test]
#[ignore = "a data race: for a sanitizer to find"]
fn a_producer_that_writes_after_its_commit_races() {
    if !is_wanted() {
        return;
    }
    struct Late(*mut u8);
    // SAFETY: none. That the address goes to another thread, and is used there, is the mistake.
    unsafe impl Send for Late {}

    let ring = Ring::<[u8]>::on_heap(&Options::new().capacity(1024)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let producer = thread::spawn(move || {
        let mut reserved = tx.reserve(16).unwrap();
        let bytes = Late(reserved.payload().as_mut_slice(trust()).as_mut_ptr());
        reserved.commit();
        // SAFETY: none, as above; the bytes are there as long as `tx`.
        unsafe { bytes.0.write(1) };
        tx
    });
    let record = rx.read().unwrap();
    assert!(record.payload().to_vec()[0] <= 1);
    drop(record);
    thread::sleep(Duration::from_millis(10));
    drop(producer.join().unwrap());
}

/// Memory that says it has more bytes than it has.
#[derive(Clone)]
struct Short;

/// Bytes of the ring: what it is told that there are, and what there are.
const CAPACITY: usize = 1024;
const SAYS: usize = Ring::<[u8]>::required_len(&Options::new().capacity(CAPACITY));
const IS: usize = SAYS - 128;

// SAFETY: none. The length is the mistake.
unsafe impl Memory for Short {
    fn region(&self) -> Region {
        static BASE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
        let allocate = || {
            let layout = std::alloc::Layout::from_size_align(IS, ringway::memory::ALIGN).unwrap();
            // SAFETY: a layout of some bytes. They are never given back.
            unsafe { std::alloc::alloc_zeroed(layout) as usize }
        };
        let base = NonNull::new(*BASE.get_or_init(allocate) as *mut u8).unwrap();
        // SAFETY: none, as above.
        unsafe { Region::new(base, SAYS) }
    }
}

impl Liveness for Short {}
impl Park for Short {}

/// A ring reaches beyond its memory.
#[test]
#[ignore = "an overflow: for a sanitizer to find"]
fn a_ring_that_is_longer_than_its_memory_overflows() {
    if !is_wanted() {
        return;
    }
    let ring = Ring::<[u8], _>::format(Short, &Options::new().capacity(CAPACITY)).unwrap();
    let mut tx = ring.producer().unwrap();
    while tx.try_push(&[7; 64]).is_ok() {}
}
