//! Fan-in: 1, 2, 4 and 8 producer threads, one consumer thread, items of 64 bytes per second; one producer through
//! each kind of ring.
//!
//! `cargo bench --bench fan_in`. All sides spin, and hand over their core now and then when there are more of them than
//! cores. Compare within one run only.
#![allow(missing_docs, reason = "criterion's macros write functions without")]

use std::hint::{black_box, spin_loop};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway::ends::{Kind, Ring};
use ringway::lanes::Lanes;
use ringway::memory::Heap;
use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use ringway::{Item, Options};

/// Repeats `attempt` until it succeeds.
fn until<R>(mut attempt: impl FnMut() -> Option<R>) -> R {
    let mut attempts = 0_u32;
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        attempts += 1;
        if attempts % 64 == 0 {
            std::thread::yield_now();
        } else {
            spin_loop();
        }
    }
}

/// The time it takes `producers` threads to send `n` items in all, and one to take them out.
fn fan_in<K: Kind, T: Item + Copy + Send + Sync>(n: u64, producers: usize, item: T) -> Duration {
    let options = Options::new().capacity(1024).producers(producers);
    // More than any of them needs.
    let Ok(ring) = Ring::<K, T, _>::format(Heap::new(4 << 20), &options) else { return Duration::ZERO };
    let Ok(mut rx) = ring.consumer() else { return Duration::ZERO };
    let each = n.div_ceil(producers as u64);
    let mut senders: Vec<_> = (0..producers).filter_map(|_| ring.producer().ok()).collect();
    std::thread::scope(|scope| {
        let start = Instant::now();
        for tx in &mut senders {
            scope.spawn(move || (0..each).for_each(|_| until(|| tx.try_push(&item).ok())));
        }
        let mut left = each * producers as u64;
        while left > 0 {
            left -= until(|| rx.drain(64, |item| _ = black_box(item)).ok()) as u64;
        }
        start.elapsed()
    })
}

/// The time it takes to send `n` items through one of `lanes` lanes and take them out, all by one thread, while nothing happens
/// in the others; in batches of 32.
fn one_of(n: u64, lanes: usize) -> Duration {
    let options = Options::new().capacity(64).producers(lanes);
    let len = ringway::lanes::Ring::<u64>::required_len(64, lanes);
    let Ok(ring) = ringway::lanes::Ring::<u64, _>::format(Heap::new(len), &options) else {
        return Duration::ZERO;
    };
    let (Ok(mut tx), Ok(mut rx)) = (ring.producer(), ring.consumer()) else { return Duration::ZERO };
    // They are looked at until they have been found empty a few times.
    (0..1000).for_each(|_| _ = rx.try_pop());
    let start = Instant::now();
    for _ in 0..n.div_ceil(32) {
        (0..32).for_each(|item| _ = tx.try_push(&item));
        (0..32).for_each(|_| _ = black_box(rx.try_pop()));
    }
    start.elapsed()
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("one producer");
    group.throughput(Throughput::Elements(1));
    for (name, round) in [
        ("spsc", fan_in::<Spsc, u64> as fn(u64, usize, u64) -> Duration),
        ("mpsc", fan_in::<Mpsc, u64>),
        ("lanes", fan_in::<Lanes, u64>),
    ] {
        group.bench_function(BenchmarkId::new(name, "8 B"), |b| b.iter_custom(|n| round(n, 1, 1)));
    }
    for (name, round) in [
        ("spsc", fan_in::<Spsc, [u64; 8]> as fn(u64, usize, [u64; 8]) -> Duration),
        ("mpsc", fan_in::<Mpsc, [u64; 8]>),
        ("lanes", fan_in::<Lanes, [u64; 8]>),
    ] {
        group.bench_function(BenchmarkId::new(name, "64 B"), |b| b.iter_custom(|n| round(n, 1, [1; 8])));
    }
    group.finish();

    for producers in [2, 4, 8] {
        let mut group = c.benchmark_group(format!("{producers} producers"));
        group.throughput(Throughput::Elements(1));
        for (name, round) in [
            ("mpsc", fan_in::<Mpsc, [u64; 8]> as fn(u64, usize, [u64; 8]) -> Duration),
            ("lanes", fan_in::<Lanes, [u64; 8]>),
        ] {
            group.bench_function(BenchmarkId::new(name, "64 B"), |b| {
                b.iter_custom(|n| round(n, producers, [1; 8]))
            });
        }
        group.finish();
    }

    let mut group = c.benchmark_group("one busy lane");
    group.throughput(Throughput::Elements(1));
    for lanes in [1, 8, 64, 1000] {
        group.bench_function(BenchmarkId::new("of", lanes), |b| b.iter_custom(|n| one_of(n, lanes)));
    }
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = benches
}
criterion_main!(all);
