//! Throughput: one producer thread, one consumer thread, items or records per second.
//!
//! `cargo bench --bench throughput`. Both sides spin, so give them two cores, and compare within one run only.
#![allow(missing_docs, reason = "criterion's macros write functions without")]

use std::hint::{black_box, spin_loop};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway::memory::Heap;
use ringway::spsc::{Carried, Consumer, Item, Producer, Ring};
use ringway::{Options, PopError, PushError};

type Ends<T> = (Producer<T, Heap>, Consumer<T, Heap>);

fn ends<T: Carried + ?Sized>(capacity: usize) -> Option<Ends<T>> {
    let memory = Heap::new(Ring::<T>::required_len(capacity));
    let ring = Ring::format(memory, &Options::new().capacity(capacity)).ok()?;
    Some((ring.producer().ok()?, ring.consumer().ok()?))
}

/// The time that `send` and `receive`, each on a thread of its own, take together.
fn timed(send: impl FnOnce() + Send, receive: impl FnOnce() + Send) -> Duration {
    std::thread::scope(|scope| {
        let start = Instant::now();
        scope.spawn(send);
        receive();
        start.elapsed()
    })
}

fn until<R>(mut attempt: impl FnMut() -> Option<R>) -> R {
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        spin_loop();
    }
}

/// Items one by one.
fn single<T: Item + Copy + Send + Sync>(n: u64, capacity: usize, item: T) -> Duration {
    let Some((mut tx, mut rx)) = ends::<T>(capacity) else { return Duration::ZERO };
    timed(
        || (0..n).for_each(|_| until(|| tx.try_push(&item).ok())),
        || (0..n).for_each(|_| _ = black_box(until(|| rx.try_pop().ok()))),
    )
}

/// Items in slices of up to 64.
fn slices<T: Item + Copy + Send + Sync>(n: u64, capacity: usize, item: T) -> Duration {
    let Some((mut tx, mut rx)) = ends::<T>(capacity) else { return Duration::ZERO };
    let rounded = n.next_multiple_of(64);
    timed(
        || {
            let items = [item; 64];
            let mut left = rounded;
            while left > 0 {
                let some = items.get(..64.min(left as usize)).unwrap_or_default();
                left -= until(|| tx.try_push_slice(some).ok()) as u64;
            }
        },
        || {
            let mut left = rounded;
            while left > 0 {
                left -= until(|| rx.drain(64, |item| _ = black_box(item)).ok()) as u64;
            }
        },
    )
}

/// Records, copied in and copied out.
fn records(n: u64, capacity: usize, len: usize) -> Duration {
    let Some((mut tx, mut rx)) = ends::<[u8]>(capacity) else { return Duration::ZERO };
    let record = vec![1; len];
    let mut copy = vec![0; len];
    timed(
        || (0..n).for_each(|_| until(|| tx.try_push(&record).ok())),
        || {
            for _ in 0..n {
                until(|| rx.try_read().ok().map(|record| record.payload().copy_to(&mut copy)));
                black_box(&copy);
            }
        },
    )
}

/// Records, reserved in place, one line written, one line read.
fn in_place(n: u64, capacity: usize, len: usize) -> Duration {
    let Some((mut tx, mut rx)) = ends::<[u8]>(capacity) else { return Duration::ZERO };
    timed(
        || {
            for i in 0..n {
                loop {
                    match tx.try_reserve(len) {
                        Ok(mut reservation) => {
                            let _ = reservation.payload().write_value_at(0, &i);
                            break reservation.commit();
                        }
                        Err(PushError::Full) => spin_loop(),
                        Err(_) => return,
                    }
                }
            }
        },
        || {
            for _ in 0..n {
                loop {
                    match rx.try_read() {
                        Ok(record) => {
                            _ = black_box(record.payload().value_at::<u64>(0));
                            break;
                        }
                        Err(PopError::Empty) => spin_loop(),
                        Err(_) => return,
                    }
                }
            }
        },
    )
}

fn throughput(c: &mut Criterion) {
    let mut group = c.benchmark_group("spsc items");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("single", "8 B"), |b| b.iter_custom(|n| single(n, 1024, 1u64)));
    group.bench_function(BenchmarkId::new("single", "56 B"), |b| {
        b.iter_custom(|n| single(n, 1024, [1u64; 7]))
    });
    group.bench_function(BenchmarkId::new("single", "64 B"), |b| {
        b.iter_custom(|n| single(n, 1024, [1u64; 8]))
    });
    group.bench_function(BenchmarkId::new("single", "256 B"), |b| {
        b.iter_custom(|n| single(n, 1024, [1u64; 32]))
    });
    group.bench_function(BenchmarkId::new("slices", "8 B"), |b| b.iter_custom(|n| slices(n, 4096, 1u64)));
    group.bench_function(BenchmarkId::new("slices", "56 B"), |b| {
        b.iter_custom(|n| slices(n, 4096, [1u64; 7]))
    });
    group.finish();

    let mut group = c.benchmark_group("spsc records");
    for (len, name) in [(64, "64 B"), (4 << 10, "4 KiB"), (64 << 10, "64 KiB")] {
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("copied", name), |b| {
            b.iter_custom(|n| records(n, 1 << 20, len))
        });
        group.bench_function(BenchmarkId::new("in place", name), |b| {
            b.iter_custom(|n| in_place(n, 1 << 20, len))
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = throughput
}
criterion_main!(benches);
