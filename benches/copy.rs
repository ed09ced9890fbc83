//! The audited copy, into shared memory and out of it, against `memcpy`.
//!
//! `cargo bench --bench copy`. One reservation, or one record, is copied to or from again and again, so that nothing of what
//! a ring costs comes in: ours | a checked copy between slices | a bare `memcpy`. All have the same source, the same
//! destination and the same length, and take turns many times in a run: what is told is the middle of the ratios of
//! neighbours, which is what can be compared. (Criterion measures one after the other, between which a shared machine may
//! become another one.)
//!
//! A value that is copied *out* is moved by the compiler once or twice more, in private memory, than one that is not opaque
//! to it: see `src/memory/copy.rs`.
#![allow(missing_docs, reason = "a program")]

use std::error::Error;
use std::hint::black_box;
use std::ptr;
use std::time::{Duration, Instant};

use ringway::memory::Heap;
use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Options, Trust};

/// Turns of each.
const TURNS: usize = 301;
/// Payload starts at a line, and so does what it is compared with.
const LINE: usize = 64;
/// Bytes that are copied in one turn.
const PER_TURN: usize = 1 << 20;

type Ends = (Producer<[u8], Heap>, Consumer<[u8], Heap>);

fn ends(len: usize) -> Result<Ends, Box<dyn Error>> {
    let capacity = 4 * len.max(64);
    let memory = Heap::new(Ring::<[u8]>::required_len(capacity));
    let ring = Ring::format(memory, &Options::new().capacity(capacity))?;
    Ok((ring.producer()?, ring.consumer()?))
}

fn timed(times: usize, mut copy: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..times).for_each(|_| copy());
    start.elapsed()
}

/// Has all take turns; tells how long each takes, and the ratios.
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
        // Each comes first as often as the others.
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

/// Slices, whose length the compiler does not know.
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
            let fits = payload.write_at(0, black_box(&*private));
            debug_assert!(fits.is_ok());
            black_box(shared);
        },
        || {
            let source = black_box(&*private);
            // SAFETY: all that is reserved, and nobody else accesses it: both ends are on this thread.
            let into = unsafe { std::slice::from_raw_parts_mut(shared, black_box(room)) };
            if let Some(into) = into.get_mut(..source.len()) {
                into.copy_from_slice(source);
            }
            black_box(shared);
        },
        || {
            let source = black_box(&*private);
            // SAFETY: as many bytes are reserved, and nobody else accesses them: both ends are on this thread.
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
            // SAFETY: the whole of `private`, which nothing else refers to while this is called.
            let into = unsafe { std::slice::from_raw_parts_mut(black_box(target), black_box(len)) };
            let fits = payload.read_at(0, into);
            debug_assert!(fits.is_ok());
            black_box(target);
        },
        || {
            // SAFETY: as above.
            let into = unsafe { std::slice::from_raw_parts_mut(black_box(target), black_box(len)) };
            // SAFETY: all of the record, to which nobody writes.
            let from = unsafe { std::slice::from_raw_parts(shared, black_box(len)) };
            if let Some(from) = from.get(..into.len()) {
                into.copy_from_slice(from);
            }
            black_box(target);
        },
        || {
            // SAFETY: the record has as many bytes, `private` too, and nobody else accesses either.
            unsafe { ptr::copy_nonoverlapping(shared, black_box(target), black_box(len)) };
            black_box(target);
        },
    );
    Ok(())
}

/// Values, whose length the compiler knows: the way of an item.
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
            let fits = payload.write_value_at(0, black_box(&private));
            debug_assert!(fits.is_ok());
            black_box(shared);
        },
        || {
            if black_box(LEN) >= LEN {
                // SAFETY: as many bytes are reserved, and nobody else accesses them.
                unsafe { shared.cast::<[u8; LEN]>().write(*black_box(&private)) };
            }
            black_box(shared);
        },
        || {
            // SAFETY: as many bytes are reserved, and nobody else accesses them: both ends are on this thread.
            unsafe { ptr::copy_nonoverlapping(black_box(&private).as_ptr(), shared, LEN) };
            black_box(shared);
        },
    );
    reservation.commit();

    let record = rx.try_read()?;
    let shared = record.payload().as_slice(trust).as_ptr().cast::<[u8; LEN]>();
    let payload = record.payload();
    compare(
        "out: value_at",
        LEN,
        || {
            _ = black_box(&payload.value_at::<[u8; LEN]>(0));
        },
        || {
            // SAFETY: the record has as many bytes, and nobody else accesses them.
            _ = black_box(&(black_box(LEN) >= LEN).then(|| unsafe { ptr::read(black_box(shared)) }));
        },
        || {
            // SAFETY: the record has as many bytes, and nobody else accesses them.
            _ = black_box(&Some(unsafe { ptr::read(black_box(shared)) }));
        },
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    // SAFETY: both ends of each ring are on this thread, and keep the protocol.
    let trust = unsafe { Trust::in_peers() };
    for len in [64, 4096, 1 << 20] {
        slices(len, trust)?;
    }
    values::<64>(trust)
}
