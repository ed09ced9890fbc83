//! Latency: a round trip between two threads, there through one ring and back through another.
//!
//! `cargo bench --bench latency`. The baseline, in the same run, is a bare ping-pong of one cache line each way:
//! what the machine can do at best. Compare the two, not either with another run.
#![allow(missing_docs, reason = "criterion's macros write functions without")]
#![allow(clippy::disallowed_types, reason = "the baseline is made of bare atomics")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ringway::Options;
use ringway::memory::Heap;
use ringway::spsc::{Consumer, Item, Producer, Ring};

fn ends<T: Item>() -> Option<(Producer<T, Heap>, Consumer<T, Heap>)> {
    let ring = Ring::format(Heap::new(Ring::<T>::required_len(64)), &Options::new().capacity(64)).ok()?;
    Some((ring.producer().ok()?, ring.consumer().ok()?))
}

/// `n` round trips, spinning on both sides.
fn round_trips<T: Item + Copy + Send + Sync>(n: u64, item: T) -> Duration {
    let (Some((mut there, mut arrived)), Some((mut back, mut returned))) = (ends::<T>(), ends::<T>()) else {
        return Duration::ZERO;
    };
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..n {
                let item = loop {
                    if let Ok(item) = arrived.try_pop() {
                        break item;
                    }
                };
                while back.try_push(&item).is_err() {}
            }
        });
        let start = Instant::now();
        for _ in 0..n {
            while there.try_push(&item).is_err() {}
            while returned.try_pop().is_err() {}
        }
        start.elapsed()
    })
}

#[repr(align(128))]
struct Line(AtomicU64);

/// `n` round trips of a bare cache line each way.
fn bare_round_trips(n: u64) -> Duration {
    let (there, back) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 1..=n {
                while there.0.load(Ordering::Acquire) != i {}
                back.0.store(i, Ordering::Release);
            }
        });
        let start = Instant::now();
        for i in 1..=n {
            there.0.store(i, Ordering::Release);
            while back.0.load(Ordering::Acquire) != i {}
        }
        start.elapsed()
    })
}

fn latency(c: &mut Criterion) {
    let mut group = c.benchmark_group("round trip");
    group.bench_function("bare cache line", |b| b.iter_custom(bare_round_trips));
    group.bench_function("8 B item", |b| b.iter_custom(|n| round_trips(n, 1u64)));
    group.bench_function("56 B item", |b| b.iter_custom(|n| round_trips(n, [1u64; 7])));
    group.bench_function("bare cache line, again", |b| b.iter_custom(bare_round_trips));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = latency
}
criterion_main!(benches);
