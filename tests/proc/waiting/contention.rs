//! Many producers wait for room. All make progress, and the consumer makes far fewer wake-up calls
//! than records are sent.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ringway::mpsc::Ring;
use ringway::{Options, WaitStrategy};

use super::instrumented_memory::watched;
use support::Name;
use support::process::PATIENCE;

const PRODUCERS: usize = 8;
const TIME: Duration = Duration::from_millis(1000);
/// How many records each producer sends at least. On a busy machine the scheduler alone may ignore
/// one for seconds.
const EACH: u64 = 100;

/// The number of records that each producer sent, and of wake-up calls of the consumer.
fn crowd(capacity: usize, how: WaitStrategy) -> ([u64; PRODUCERS], u64) {
    let name = Name::unique("ringway-crowd");
    let ring =
        Ring::<u64>::create(&name, &Options::new().capacity(capacity).max_producers(PRODUCERS)).unwrap();
    let ring = watched(&ring);
    // The senders use another mapping, so that only the consumer's calls count.
    let sending = watched(&Ring::<u64>::open(&name).unwrap());
    let mut rx = ring.consumer().unwrap();
    rx.set_wait_strategy(how);
    let (is_over, sent) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; PRODUCERS]);
    // All producers attach before the first leaves. Otherwise the ring would be closed.
    let senders = [(); PRODUCERS].map(|()| sending.producer().unwrap());
    std::thread::scope(|scope| {
        for (mut tx, sent) in senders.into_iter().zip(&sent) {
            let is_over = &is_over;
            scope.spawn(move || {
                tx.set_wait_strategy(how);
                while !is_over.load(Relaxed) {
                    tx.push(&1).unwrap();
                    sent.fetch_add(1, Relaxed);
                }
            });
        }
        scope.spawn(|| {
            let began = Instant::now();
            let is_enough = || sent.iter().all(|sent| sent.load(Relaxed) >= EACH);
            while began.elapsed() < TIME || !is_enough() && began.elapsed() < PATIENCE {
                std::thread::sleep(TIME / 10);
            }
            is_over.store(true, Relaxed);
        });
        while rx.pop().is_ok() {}
    });
    (sent.map(AtomicU64::into_inner), ring.memory().notes.calls.load(Relaxed))
}

fn all_get_on(capacity: usize, how: WaitStrategy) {
    let (sent, calls) = crowd(capacity, how);
    let all: u64 = sent.iter().sum();
    let least = *sent.iter().min().unwrap() as f64 / (all as f64 / PRODUCERS as f64);
    println!(
        "{capacity} cells, {how:?}: {all} records, least share {least:.2} of the mean, {calls} wake-up calls"
    );
    // On an idle machine there is one call for 14 to 2,500 records.
    assert!(sent.iter().all(|sent| *sent >= EACH), "{sent:?}");
    assert!(4 * calls < all, "{calls} calls for {all} records");
}

#[test]
fn many_producers_make_progress() {
    for capacity in [16, 256] {
        for how in [WaitStrategy::Adaptive, WaitStrategy::Park] {
            all_get_on(capacity, how);
        }
    }
}
