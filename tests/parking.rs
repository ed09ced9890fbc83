//! What a waiter asks of the platform: how long it parks, and how often it is woken.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringway::memory::{Heap, Memory, Region};
use ringway::spsc::Ring;
use ringway::{Clock, Liveness, Options, Park, ParkWord, PopError};

/// A heap whose parks are counted and return at once, with a clock that each park moves on.
#[derive(Clone)]
struct Observed {
    heap: Heap,
    calls: Arc<Mutex<Calls>>,
    /// What a barrier says: whether it reached everybody.
    barrier: bool,
}

#[derive(Default)]
struct Calls {
    parks: Vec<Duration>,
    unparks: usize,
    now: Duration,
    /// Whether the next park is its thread's end.
    dies_in_park: bool,
}

impl Observed {
    fn new(barrier: bool) -> Self {
        let heap = Heap::new(Ring::<u64>::required_len(4));
        Self { heap, calls: Arc::default(), barrier }
    }

    fn ring(&self) -> Ring<u64, Self> {
        Ring::format(self.clone(), &Options::new().capacity(4)).unwrap()
    }

    fn parks(&self) -> Vec<Duration> {
        self.calls.lock().unwrap().parks.clone()
    }

    fn unparks(&self) -> usize {
        self.calls.lock().unwrap().unparks
    }
}

impl Liveness for Observed {}

impl Park for Observed {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        assert_eq!((word.value(), expected), (1, 1), "the word says that its owner may be asleep");
        let mut calls = self.calls.lock().unwrap();
        calls.parks.push(limit);
        calls.now += limit;
        let dies = calls.dies_in_park;
        drop(calls);
        assert!(!dies, "as if killed");
    }
    fn unpark(&self, _word: &ParkWord) {
        self.calls.lock().unwrap().unparks += 1;
    }
    fn barrier(&self) -> bool {
        self.barrier
    }
}

impl Clock for Observed {
    fn now(&self) -> Duration {
        self.calls.lock().unwrap().now
    }
}

// SAFETY: it is the heap's region.
unsafe impl Memory for Observed {
    fn region(&self) -> Region {
        self.heap.region()
    }
}

#[test]
fn a_park_lasts_a_slice_at_most_and_ends_at_the_deadline() {
    let memory = Observed::new(true);
    let mut rx = memory.ring().consumer().unwrap();
    assert_eq!(rx.pop_timeout(Duration::from_millis(250)), Err(PopError::Elapsed));
    assert_eq!(memory.parks(), [100, 100, 50].map(Duration::from_millis));
}

#[test]
fn who_cannot_rely_on_being_woken_only_naps() {
    let memory = Observed::new(false);
    let mut rx = memory.ring().consumer().unwrap();
    assert_eq!(rx.pop_timeout(Duration::from_micros(2500)), Err(PopError::Elapsed));
    assert_eq!(memory.parks(), [1000, 1000, 500].map(Duration::from_micros));
}

#[test]
fn a_zero_timeout_never_parks() {
    let memory = Observed::new(true);
    let mut rx = memory.ring().consumer().unwrap();
    assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::Elapsed));
    assert!(memory.parks().is_empty());
}

#[test]
fn nobody_is_woken_while_nobody_sleeps() {
    let memory = Observed::new(true);
    let ring = memory.ring();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for i in 0..100 {
        tx.try_push(&i).unwrap();
        assert_eq!(rx.try_pop(), Ok(i));
    }
    assert_eq!(memory.unparks(), 0);
}

/// Asleep when its process is killed: a sleeper whose park never returns.
#[test]
fn a_killed_sleeper_costs_one_wake_up_and_then_none() {
    let memory = Observed::new(true);
    let ring = memory.ring();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        memory.calls.lock().unwrap().dies_in_park = true;
        rx.pop()
    }));
    assert!(died.is_err());
    std::mem::forget(rx);
    for i in 0..4 {
        tx.try_push(&i).unwrap();
    }
    assert_eq!(memory.unparks(), 1);
}
