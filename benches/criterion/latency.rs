//! Latency: a round trip between two threads, there through one ring and back through another.
//!
//! `cargo bench -p ringway-benches --bench latency [TEXT]`. Compare each line with the baseline of
//! the same run: a bare ping-pong of one cache line in each direction, the best that the machine
//! can do. The baseline runs first and last. If the two results differ by more than a tenth, the
//! system has moved the threads (they are not pinned), and the lines in between cannot be compared.
//! If they exceed a microsecond, both threads share a core, because another program runs. Do not
//! compare with another run.
//!
//! An item of 8 or 56 bytes shares one cache line with its stamp; a record takes two lines or more.
//! The run panics if a message does not come back as it was sent.
#![allow(missing_docs, reason = "criterion's macros write functions without")]
#![allow(clippy::disallowed_types, reason = "the baseline is made of bare atomics")]

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use ringway::Message;
use ringway::lanes::Lanes;
use ringway::memory::Heap;
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Options, PopError::Empty, PushError::Full};
use zerocopy::IntoBytes;

type Tx<K, T> = Producer<K, T, Heap>;
type Rx<K, T> = Consumer<K, T, Heap>;

/// Unwraps, because a benchmark that cannot run must not look fast.
#[allow(clippy::panic, reason = "a program")]
fn must<R, E: Display>(result: Result<R, E>) -> R {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Repeats `attempt` while it returns the error `busy`. Like the baseline, it does not pause.
fn until<R, E: Display + PartialEq>(busy: E, mut attempt: impl FnMut() -> Result<R, E>) -> R {
    loop {
        let result = attempt();
        if !matches!(&result, Err(error) if *error == busy) {
            return must(result);
        }
    }
}

fn ends<K: Kind, T: Message + ?Sized>(capacity: usize) -> (Tx<K, T>, Rx<K, T>) {
    let options = Options::new().capacity(capacity).max_producers(1);
    let ring = must(Ring::<K, T>::on_heap(&options));
    (must(ring.producer()), must(ring.consumer()))
}

/// Runs `ping` and `pong` on two threads. Returns the time that `ping` takes.
fn timed(ping: impl FnOnce() + Send, pong: impl FnOnce() + Send) -> Duration {
    thread::scope(|scope| {
        scope.spawn(pong);
        let pinging = scope.spawn(|| {
            let start = Instant::now();
            ping();
            start.elapsed()
        });
        pinging.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// `n` round trips, spinning on both sides.
fn round_trips<K: Kind, T: Message + ?Sized>(
    (n, capacity): (u64, usize),
    send: impl Fn(&mut Tx<K, T>, u64) + Sync,
    receive: impl Fn(&mut Rx<K, T>) -> u64 + Sync,
) -> Duration {
    let ((mut there, mut arrived), (mut back, mut returned)) = (ends(capacity), ends(capacity));
    let (send, receive) = (&send, &receive);
    // Producer and consumer move into their threads, because two that are adjacent in memory would
    // share a cache line.
    timed(
        move || {
            for number in 0..n {
                send(&mut there, number);
                assert_eq!(receive(&mut returned), number);
            }
        },
        move || (0..n).for_each(|_| send(&mut back, receive(&mut arrived))),
    )
}

/// Round trips of items of `8 * N` bytes. Each word is the number.
fn items<K: Kind, const N: usize>(n: u64) -> Duration {
    round_trips::<K, [u64; N]>(
        (n, 64),
        |tx, number| until(Full, || tx.try_push(&[number; N])),
        |rx| until(Empty, || rx.try_pop()).iter().fold(0, |number, word| number | word),
    )
}

/// Round trips of records of `8 * N` bytes, copied in and out.
fn records<K: Kind, const N: usize>(n: u64) -> Duration {
    round_trips::<K, [u8]>(
        (n, 64 << 10),
        |tx, number| until(Full, || tx.try_push([number; N].as_bytes())),
        |rx| {
            let record: [u64; N] =
                until(Empty, || rx.try_read().map(|record| must(record.payload().read_value_at(0))));
            record.iter().fold(0, |number, word| number | word)
        },
    )
}

#[repr(align(128))]
struct Line(AtomicU64);

/// `n` round trips over one bare cache line in each direction.
fn bare(n: u64) -> Duration {
    let (there, back) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
    timed(
        || {
            for i in 1..=n {
                there.0.store(i, Ordering::Release);
                while back.0.load(Ordering::Acquire) != i {}
            }
        },
        || {
            for i in 1..=n {
                while there.0.load(Ordering::Acquire) != i {}
                back.0.store(i, Ordering::Release);
            }
        },
    )
}

fn kind<K: Kind>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    group.bench_function(BenchmarkId::new(name, "8 B item"), |b| b.iter_custom(items::<K, 1>));
    group.bench_function(BenchmarkId::new(name, "56 B item"), |b| b.iter_custom(items::<K, 7>));
    group.bench_function(BenchmarkId::new(name, "64 B record"), |b| b.iter_custom(records::<K, 8>));
}

fn latency(c: &mut Criterion) {
    let mut group = c.benchmark_group("round trip");
    group.bench_function("bare cache line", |b| b.iter_custom(bare));
    kind::<Spsc>(&mut group, "spsc");
    kind::<Mpsc>(&mut group, "mpsc");
    kind::<Lanes>(&mut group, "lanes");
    group.bench_function("bare cache line, again", |b| b.iter_custom(bare));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = latency
}
criterion_main!(benches);
