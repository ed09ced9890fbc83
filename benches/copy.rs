//! The audited copy, into shared memory and out of it, compared with `memcpy`.
//!
//! `cargo bench --bench copy`. One reservation, or one record, is copied to or from again and
//! again, so that the cost of the ring itself plays no part. Three copies are compared: ours | a
//! checked copy between slices | a bare `memcpy`. All have the same source, destination and length,
//! and take turns many times in a run. The result is the median of the ratios of neighbouring
//! turns, which can be compared. (Criterion measures one copy after the other, and a shared machine
//! may change its speed in between.)
//!
//! For a value that is copied *out*, the compiler makes one or two more moves in private memory
//! than for a value that is not opaque to it: see `src/memory/copy.rs`.
#![allow(missing_docs, reason = "a program")]

use std::error::Error;
use std::hint::black_box;
use std::ptr;
use std::time::{Duration, Instant};

use ringway::memory::Heap;
use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Options, Trust};

/// Turns of each copy.
const TURNS: usize = 301;
/// Bytes of a cache line. Payload starts at a line, and so do the buffers that it is compared with.
const LINE: usize = 64;
/// Bytes that each turn copies.
const PER_TURN: usize = 1 << 20;

type Ends = (Producer<[u8], Heap>, Consumer<[u8], Heap>);

fn ends(len: usize) -> Result<Ends, Box<dyn Error>> {
    let capacity = 4 * len.max(64);
    let ring = Ring::<[u8]>::on_heap(&Options::new().capacity(capacity))?;
    Ok((ring.producer()?, ring.consumer()?))
}

fn timed(times: usize, mut copy: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..times).for_each(|_| copy());
    start.elapsed()
}

/// Runs the three copies in turn. Prints how long each takes, and the ratios.
fn compare(
    what: &str,
    len: usize,
    mut ours: impl FnMut(),
    mut checked: impl FnMut(),
    mut memcpy: impl FnMut(),
) {
    let times = (PER_TURN / len).max(4);
    let mut turns = Vec::new();
    for turn in 0..TURNS {
        let mut took = [0.0; 3];
        // Each copy comes first equally often.
        for copy in (0..3).map(|i| (i + turn) % 3) {
            let time = match copy {
                0 => timed(times, &mut ours),
                1 => timed(times, &mut checked),
                _ => timed(times, &mut memcpy),
            };
            if let Some(took) = took.get_mut(copy) {
                *took = 1e9 * time.as_secs_f64() / times as f64;
            }
        }
        turns.push(took);
    }
    let middle = |of: fn(&[f64; 3]) -> f64| {
        let mut all: Vec<_> = turns.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(TURNS / 2).copied().unwrap_or_default()
    };
    println!(
        "{what:20} {len:>8} B {:>10.2} ns | {:>10.2} ns, ratio {:.3} | {:>10.2} ns, ratio {:.3}",
        middle(|[ours, ..]| *ours),
        middle(|[_, checked, _]| *checked),
        middle(|[ours, checked, _]| ours / checked),
        middle(|[.., memcpy]| *memcpy),
        middle(|[ours, _, memcpy]| ours / memcpy),
    );
}

/// Copies of slices, whose length the compiler does not know.
fn slices(len: usize, trust: Trust) -> Result<(), Box<dyn Error>> {
    let (mut tx, mut rx) = ends(len)?;
    let mut memory = vec![1; len + LINE];
    let at = memory.as_ptr().align_offset(LINE);
    let private = memory.get_mut(at..at + len).unwrap_or_default();
    let mut reservation = tx.try_reserve(len)?;
    let shared = reservation.payload().as_mut_slice(trust).as_mut_ptr();
    let room = reservation.len();
    let mut payload = reservation.payload();
    compare(
        "in: write_at",
        len,
        || {
            let fits = payload.write_at(black_box(&*private), 0);
            debug_assert!(fits.is_ok());
            black_box(shared);
        },
        || {
            let source = black_box(&*private);
            // SAFETY: this is the whole reservation, and no other access exists: producer and
            // consumer are on this thread.
            let into = unsafe { std::slice::from_raw_parts_mut(shared, black_box(room)) };
            if let Some(into) = into.get_mut(..source.len()) {
                into.copy_from_slice(source);
            }
            black_box(shared);
        },
        || {
            let source = black_box(&*private);
            // SAFETY: `len` bytes are reserved, and no other access exists: producer and consumer
            // are on this thread.
            unsafe { ptr::copy_nonoverlapping(source.as_ptr(), shared, source.len()) };
            black_box(shared);
        },
    );
    reservation.commit();

    let record = rx.try_read()?;
    let shared = record.payload().as_slice(trust).as_ptr();
    let payload = record.payload();
    let target = private.as_mut_ptr();
    compare(
        "out: read_at",
        len,
        || {
            // SAFETY: this is the whole of `private`, and no other reference to it is used during
            // the call.
            let into = unsafe { std::slice::from_raw_parts_mut(black_box(target), black_box(len)) };
            let fits = payload.read_at(into, 0);
            debug_assert!(fits.is_ok());
            black_box(target);
        },
        || {
            // SAFETY: as above.
            let into = unsafe { std::slice::from_raw_parts_mut(black_box(target), black_box(len)) };
            // SAFETY: this is the whole record, and nothing writes to it.
            let from = unsafe { std::slice::from_raw_parts(shared, black_box(len)) };
            if let Some(from) = from.get(..into.len()) {
                into.copy_from_slice(from);
            }
            black_box(target);
        },
        || {
            // SAFETY: the record and `private` have `len` bytes each, and no other access to either
            // exists.
            unsafe { ptr::copy_nonoverlapping(shared, black_box(target), black_box(len)) };
            black_box(target);
        },
    );
    Ok(())
}

/// Copies of values, whose length the compiler knows, as it knows that of an item.
fn values<const LEN: usize>(trust: Trust) -> Result<(), Box<dyn Error>> {
    let (mut tx, mut rx) = ends(LEN)?;
    let private = [1; LEN];
    let mut reservation = tx.try_reserve(LEN)?;
    let shared = reservation.payload().as_mut_slice(trust).as_mut_ptr();
    let mut payload = reservation.payload();
    compare(
        "in: write_value_at",
        LEN,
        || {
            let fits = payload.write_value_at(black_box(&private), 0);
            debug_assert!(fits.is_ok());
            black_box(shared);
        },
        || {
            if black_box(LEN) >= LEN {
                // SAFETY: `LEN` bytes are reserved, and no other access to them exists.
                unsafe { shared.cast::<[u8; LEN]>().write(*black_box(&private)) };
            }
            black_box(shared);
        },
        || {
            // SAFETY: `len` bytes are reserved, and no other access exists: producer and consumer
            // are on this thread.
            unsafe { ptr::copy_nonoverlapping(black_box(&private).as_ptr(), shared, LEN) };
            black_box(shared);
        },
    );
    reservation.commit();

    let record = rx.try_read()?;
    let shared = record.payload().as_slice(trust).as_ptr().cast::<[u8; LEN]>();
    let payload = record.payload();
    compare(
        "out: read_value_at",
        LEN,
        || {
            _ = black_box(&payload.read_value_at::<[u8; LEN]>(0));
        },
        || {
            // SAFETY: the record has `LEN` bytes, and no other access to them exists.
            _ = black_box(&(black_box(LEN) >= LEN).then(|| unsafe { ptr::read(black_box(shared)) }));
        },
        || {
            // SAFETY: the record has `LEN` bytes, and no other access to them exists.
            _ = black_box(&Some(unsafe { ptr::read(black_box(shared)) }));
        },
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    // SAFETY: producer and consumer of each ring are on this thread, and keep the protocol.
    let trust = unsafe { Trust::in_peers() };
    for len in [64, 4096, 1 << 20] {
        slices(len, trust)?;
    }
    values::<64>(trust)
}
