//! Throughput: producer threads and one consumer thread, millions of messages per second through
//! each kind of ring.
//!
//! `cargo bench -p ringway-benches --bench throughput [TEXT]`; `-- "spsc"` for one kind, `-- "8 B"`
//! for one size.
//!
//! | group | messages | how |
//! |---|---|---|
//! | `KIND items` | items of 8 to 256 bytes | pushed and popped one by one; pushed and drained by 64; in slices of 64, drained |
//! | `KIND records` | 64 B, 4 KiB, 64 KiB | copied in and out one by one; in place, where one word is accessed; in batches of 64, drained |
//! | `KIND bulk` | 64 items of 8 or 56 bytes in one record | copied in and out; the result is per item |
//! | `producers` | items of 64 bytes from 2, 4, 8 threads | pushed one by one, drained by 64; for one producer, see `KIND items` |
//! | `one busy lane` | items of 8 bytes, on one thread | pushed and popped by 32, through one of 1 to 1,000 lanes |
//!
//! Compare lines of one run: kinds, sizes, and ways to send. Do not compare them with another run,
//! another machine, or another program; `benches/peers` compares other queues.
//!
//! Threads are not pinned: the system places them. Where two cores share a cache, or are hardware
//! threads of one core, the same line may be twice as fast as in a run where they do not. The
//! threads spin. If there are more threads than cores, they yield now and then, so the result
//! includes how they take turns. Otherwise they never yield: if another program runs and two of the
//! threads share a core, nanoseconds become microseconds, which shows that the run is void. (If
//! they yielded, the result would be the time of one core doing the work of two, which looks as
//! good as any other.)
//!
//! Every message has a number, and every run adds the numbers up. A lost, doubled or torn message
//! ends the run with a panic.
#![allow(missing_docs, reason = "criterion's macros write functions without")]
#![allow(clippy::disallowed_types, reason = "no part of a ring")]

use std::fmt::Display;
use std::hint::{black_box, spin_loop};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway::CELL;
use ringway::lanes::Lanes;
use ringway::memory::Heap;
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Message, Payload};
use ringway::{Options, PopError::Empty, PushError::Full};
use zerocopy::IntoBytes;

type Tx<K, T> = Producer<K, T, Heap>;
type Rx<K, T> = Consumer<K, T, Heap>;

/// Messages in a slice, a batch, a drain, or a record of many items.
const MANY: usize = 64;
/// Capacity of a ring of items, or of each of its lanes, in items.
const ITEMS: usize = 1024;
/// Capacity of a byte ring, in bytes.
const BYTES: usize = 1 << 20;

/// Whether there are more threads than cores.
static CROWDED: AtomicBool = AtomicBool::new(false);

/// Unwraps, because a benchmark that cannot run must not look fast.
#[allow(clippy::panic, reason = "a program")]
fn must<R, E: Display>(result: Result<R, E>) -> R {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Repeats `attempt` while it returns the error `busy`.
fn until<R, E: Display + PartialEq>(busy: E, mut attempt: impl FnMut() -> Result<R, E>) -> R {
    let mut attempts = 0_u32;
    loop {
        let result = attempt();
        if !matches!(&result, Err(error) if *error == busy) {
            return must(result);
        }
        attempts += 1;
        if attempts % 64 == 0 && CROWDED.load(Relaxed) {
            thread::yield_now();
        } else {
            spin_loop();
        }
    }
}

/// The time in which `producers` threads `send` the numbers below `n`, one range each, and one
/// thread `receive`s them all and adds them up.
fn timed<K: Kind, T: Message + ?Sized>(
    (n, producers, capacity): (u64, usize, usize),
    send: impl Fn(Tx<K, T>, Range<u64>) + Sync,
    receive: impl FnOnce(Rx<K, T>, u64) -> u64 + Send,
) -> Duration {
    let options = Options::new().capacity(capacity).max_producers(producers);
    let ring = must(Ring::<K, T>::on_heap(&options));
    let rx = must(ring.consumer());
    let senders: Vec<_> = (0..producers).map(|_| must(ring.producer())).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    CROWDED.store(producers + 1 > cores, Relaxed);
    // Each producer sends whole slices.
    let sent = n.next_multiple_of((MANY * producers) as u64);
    let each = sent / producers as u64;
    let start = Instant::now();
    let total = thread::scope(|scope| {
        // Each producer moves into its thread, because two that are adjacent in memory would share
        // a cache line.
        for (tx, first) in senders.into_iter().zip((0..sent).step_by(each as usize)) {
            let send = &send;
            scope.spawn(move || send(tx, first..first + each));
        }
        scope.spawn(move || receive(rx, sent)).join()
    });
    let took = start.elapsed();
    assert_eq!(total.ok(), Some(sent * (sent - 1) / 2), "not what was sent");
    took.mul_f64(n as f64 / sent as f64)
}

// ---- Items of `8 * N` bytes. Each word is the number.

fn number<const N: usize>(item: [u64; N]) -> u64 {
    item.iter().fold(0, |number, word| number | word)
}

fn push<K: Kind, const N: usize>(mut tx: Tx<K, [u64; N]>, numbers: Range<u64>) {
    numbers.for_each(|number| until(Full, || tx.try_push(&[number; N])));
}

fn push_slices<K: Kind, const N: usize>(mut tx: Tx<K, [u64; N]>, mut numbers: Range<u64>) {
    let mut slice = [[0; N]; MANY];
    while !numbers.is_empty() {
        slice.iter_mut().zip(&mut numbers).for_each(|(item, number)| *item = [number; N]);
        let mut left = slice.as_slice();
        while !left.is_empty() {
            let pushed = until(Full, || tx.try_push_slice(left));
            left = left.get(pushed..).unwrap_or_default();
        }
    }
}

fn pop<K: Kind, const N: usize>(mut rx: Rx<K, [u64; N]>, n: u64) -> u64 {
    (0..n).map(|_| number(until(Empty, || rx.try_pop()))).sum()
}

fn drain<K: Kind, const N: usize>(mut rx: Rx<K, [u64; N]>, n: u64) -> u64 {
    let (mut left, mut total) = (n, 0);
    while left > 0 {
        left -= until(Empty, || rx.drain(MANY, |item| total += number(item))) as u64;
    }
    total
}

fn items<K: Kind, const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>, size: &str) {
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("push, pop", size), |b| {
        b.iter_custom(|n| timed((n, 1, ITEMS), push::<K, N>, pop))
    });
    group.bench_function(BenchmarkId::new("push, drain", size), |b| {
        b.iter_custom(|n| timed((n, 1, ITEMS), push::<K, N>, drain))
    });
    group.bench_function(BenchmarkId::new("slices, drain", size), |b| {
        b.iter_custom(|n| timed((n, 1, ITEMS), push_slices::<K, N>, drain))
    });
}

// ---- Records. The first word is the number.

fn records<K: Kind>(group: &mut BenchmarkGroup<'_, WallTime>, len: usize, size: &str) {
    group.throughput(Throughput::Bytes(len as u64));
    let copy_in = |mut tx: Tx<K, [u8]>, numbers: Range<u64>| {
        let mut record = vec![0; len / 8];
        for number in numbers {
            record.first_mut().into_iter().for_each(|word| *word = number);
            until(Full, || tx.try_push(record.as_bytes()));
        }
    };
    let copy_out = |mut rx: Rx<K, [u8]>, n| {
        let (mut copy, mut total) = (vec![0; len / 8], 0);
        for _ in 0..n {
            until(Empty, || rx.try_read().map(|record| record.payload().copy_to(copy.as_mut_bytes())));
            total += black_box(&copy).first().copied().unwrap_or_default();
        }
        total
    };
    group.bench_function(BenchmarkId::new("copied", size), |b| {
        b.iter_custom(|n| timed((n, 1, BYTES), copy_in, copy_out))
    });
    // Not bytes per second, because hardly any of the bytes are accessed.
    group.throughput(Throughput::Elements(1));
    let write = |mut tx: Tx<K, [u8]>, numbers: Range<u64>| {
        for number in numbers {
            until(Full, || {
                let mut reservation = tx.try_reserve(len)?;
                must(reservation.payload().write_value_at(&number, 0));
                reservation.commit();
                Ok(())
            });
        }
    };
    let read = |mut rx: Rx<K, [u8]>, n| {
        (0..n)
            .map(|_| {
                until(Empty, || rx.try_read().map(|record| must(record.payload().read_value_at::<u64>(0))))
            })
            .sum()
    };
    group.bench_function(BenchmarkId::new("in place", size), |b| {
        b.iter_custom(|n| timed((n, 1, BYTES), write, read))
    });
}

/// Records of 64 bytes in batches.
fn batches<K: Kind>(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.throughput(Throughput::Bytes(64));
    let send = |mut tx: Tx<K, [u8]>, mut left: Range<u64>| {
        while !left.is_empty() {
            until(Full, || {
                let mut batch = tx.try_batch(MANY * CELL)?;
                for number in left.by_ref().take(MANY) {
                    must(batch.try_push([number; 8].as_bytes()));
                }
                batch.commit();
                Ok(())
            });
        }
    };
    let receive = |mut rx: Rx<K, [u8]>, n| {
        let (mut left, mut total) = (n, 0);
        while left > 0 {
            let mut each = |record: Payload<'_>| total += number::<8>(must(record.read_value_at(0)));
            left -= until(Empty, || rx.drain(MANY, &mut each)) as u64;
        }
        total
    };
    group.bench_function(BenchmarkId::new("batch, drain", "64 B"), |b| {
        b.iter_custom(|n| timed((n, 1, BYTES), send, receive))
    });
}

/// Records of `MANY` items each.
fn bulk<K: Kind, const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>, size: &str) {
    group.throughput(Throughput::Elements(1));
    let send = |mut tx: Tx<K, [u8]>, mut numbers: Range<u64>| {
        let mut items = [[0; N]; MANY];
        while !numbers.is_empty() {
            items.iter_mut().zip(&mut numbers).for_each(|(item, number)| *item = [number; N]);
            until(Full, || tx.try_push(items.as_bytes()));
        }
    };
    let receive = |mut rx: Rx<K, [u8]>, n| {
        let (mut items, mut total) = ([[0; N]; MANY], 0);
        for _ in 0..n / MANY as u64 {
            until(Empty, || {
                rx.try_read().map(|record| must(record.payload().read_at(items.as_mut_bytes(), 0)))
            });
            total += items.iter().map(|item| number(*item)).sum::<u64>();
        }
        total
    };
    group.bench_function(BenchmarkId::new("records of 64", size), |b| {
        b.iter_custom(|n| timed((n, 1, BYTES), send, receive))
    });
}

fn kind<K: Kind>(c: &mut Criterion, name: &str) {
    let mut group = c.benchmark_group(format!("{name} items"));
    items::<K, 1>(&mut group, "8 B");
    if name == "spsc" {
        // An item of 56 bytes fits one cache line with its stamp; one of 64 bytes does not.
        items::<K, 7>(&mut group, "56 B");
    }
    items::<K, 8>(&mut group, "64 B");
    items::<K, 32>(&mut group, "256 B");
    group.finish();

    let mut group = c.benchmark_group(format!("{name} records"));
    records::<K>(&mut group, 64, "64 B");
    batches::<K>(&mut group);
    records::<K>(&mut group, 4 << 10, "4 KiB");
    records::<K>(&mut group, 64 << 10, "64 KiB");
    group.finish();

    let mut group = c.benchmark_group(format!("{name} bulk"));
    bulk::<K, 1>(&mut group, "8 B");
    bulk::<K, 7>(&mut group, "56 B");
    group.finish();
}

fn kinds(c: &mut Criterion) {
    kind::<Spsc>(c, "spsc");
    kind::<Mpsc>(c, "mpsc");
    kind::<Lanes>(c, "lanes");
}

fn producers(c: &mut Criterion) {
    let mut group = c.benchmark_group("producers");
    group.throughput(Throughput::Elements(1));
    for producers in [2, 4, 8] {
        group.bench_function(BenchmarkId::new("mpsc", producers), |b| {
            b.iter_custom(|n| timed((n, producers, ITEMS), push::<Mpsc, 8>, drain))
        });
        group.bench_function(BenchmarkId::new("lanes", producers), |b| {
            b.iter_custom(|n| timed((n, producers, ITEMS), push::<Lanes, 8>, drain))
        });
    }
    group.finish();
}

/// The cost of lanes in which nothing happens.
fn one_busy_lane(c: &mut Criterion) {
    let mut group = c.benchmark_group("one busy lane");
    group.throughput(Throughput::Elements(32));
    for lanes in [1, 8, 64, 1000] {
        let options = Options::new().capacity(64).max_producers(lanes);
        let ring = must(Ring::<Lanes, u64>::on_heap(&options));
        let (mut tx, mut rx) = (must(ring.producer()), must(ring.consumer()));
        // The consumer polls each lane until it has found it empty many times.
        (0..1000).for_each(|_| assert_eq!(rx.try_pop(), Err(Empty)));
        group.bench_function(BenchmarkId::new("of", lanes), |b| {
            b.iter(|| {
                (0..32).for_each(|number| must(tx.try_push(&number)));
                (0..32).for_each(|number| assert_eq!(rx.try_pop(), Ok(number)));
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = kinds, producers, one_busy_lane
}
criterion_main!(all);
