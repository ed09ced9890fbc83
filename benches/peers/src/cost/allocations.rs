//! How often memory is allocated, counted by this program's allocator: per thread, so that nobody else's are among them.
//!
//! It costs each allocation of each peer one addition to a thread's own word.
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::thread;

use crate::cell::Measure;
use crate::drive::*;

struct Counting;

thread_local! {
    /// Of this thread: how many, and how many bytes.
    static ALLOCATIONS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is this one's.
        unsafe { System.alloc(layout) }
    }
    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above, with the contract of `dealloc`; what is here was allocated by `System`.
        unsafe { System.dealloc(at, layout) }
    }
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above, with the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }
    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above, with the contract of `realloc`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[inline]
fn count(size: usize) {
    ALLOCATIONS.with(|so_far| {
        let (many, bytes) = so_far.get();
        so_far.set((many + 1, bytes + size as u64));
    });
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many bytes this thread allocates in `work`, freed again or not.
pub fn bytes<R>(work: impl FnOnce() -> R) -> (u64, R) {
    let before = ALLOCATIONS.get().1;
    let result = work();
    (ALLOCATIONS.get().1 - before, result)
}

/// How often this thread allocates in `work`.
fn many(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get().0;
    work();
    ALLOCATIONS.get().0 - before
}

/// Both ends, each in its thread.
pub fn per_record<P: Peer<Words<8>, Tx: Send, Rx: Send>>(shape: &Shape, records: u64) -> Result<Measure> {
    let noticed = count_both::<P>(shape, records, 1)?;
    let counted = count_both::<P>(shape, records, 0)?;
    if noticed < 2 || counted == 0 && noticed != 2 {
        return Err(format!("of 2 allocations put in, {noticed} were counted").into());
    }
    let measure =
        Measure::new(counted as f64 / records as f64, "calls", false).with("in all", counted as f64);
    Ok(measure.with("in all, with 2 put in", noticed as f64).with("records", records as f64))
}

/// `seeds`: so many allocations by each side in the middle of it all, on purpose.
fn count_both<P: Peer<Words<8>, Tx: Send, Rx: Send>>(shape: &Shape, records: u64, seeds: u64) -> Result<u64> {
    let mut peer = P::make(shape)?;
    let (mut tx, mut rx) = (peer.tx()?, peer.rx()?);
    let seed = |number| {
        if number == records / 2 {
            (0..seeds).for_each(|seed| drop(black_box(Box::new(seed))));
        }
    };
    let mut sum = 0_u64;
    let (sent, received) = thread::scope(|scope| {
        // Lent, so that it stays until all was received.
        let tx = &mut tx;
        let sender = scope.spawn(move || {
            many(|| {
                for number in 0..records {
                    seed(number);
                    tx.send(&Message::new(number), &mut PauseThenYield::default());
                }
            })
        });
        let received = many(|| {
            for number in 0..records {
                seed(number);
                sum = sum.wrapping_add(rx.recv(&mut PauseThenYield::default()).sum());
            }
        });
        (sender.join(), received)
    });
    super::check(sum, records)?;
    Ok(sent.map_err(|_| "the sender panicked")? + received)
}
