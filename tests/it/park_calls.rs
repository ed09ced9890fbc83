//! What a waiter asks of the platform: how long it parks, and how often it is woken.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringway::Message;
use ringway::memory::{Clock, Liveness, Park, ParkWord};
use ringway::memory::{Heap, Memory, Region};
use ringway::ring::Kind;
use ringway::spsc::{Ring, Spsc};
use ringway::{Options, PopError, PushError, WaitStrategy, lanes, mpsc, ring};
use support::SLICE;

/// More lanes than are watched in any case.
const MANY: usize = 20;
/// So many looks put lanes to rest.
const TIRING: usize = 650;

/// A heap whose parks are counted and return at once, with a clock that each park moves on.
#[derive(Clone)]
struct Observed {
    heap: Heap,
    calls: Arc<Mutex<Calls>>,
    /// What a barrier says: whether it reached everybody. None if this process is not reached either.
    barrier: Option<bool>,
}

#[derive(Default)]
struct Calls {
    parks: Vec<Duration>,
    unparks: usize,
    /// How many were to be woken at most, the last time.
    most: u32,
    barriers: usize,
    now: Duration,
    /// How many others sleep.
    asleep: u32,
    /// Whether the next park is its thread's end.
    dies_in_park: bool,
    /// What happens in the next park, if anything.
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

impl Observed {
    /// Where a barrier is to be had, and says this.
    fn new(barrier: bool) -> Self {
        Self::with(Some(barrier))
    }

    fn with(barrier: Option<bool>) -> Self {
        let heap =
            Heap::new(lanes::Ring::<u64>::required_len(&Options::new().capacity(4).max_producers(MANY)));
        Self { heap, calls: Arc::default(), barrier }
    }

    fn ring(&self) -> Ring<u64, Self> {
        self.ring_of::<Spsc, u64>(1)
    }

    fn ring_of<K: Kind, T: Message + ?Sized>(&self, producers: usize) -> ring::Ring<K, T, Self> {
        ring::Ring::format(self.clone(), &Options::new().capacity(4).max_producers(producers)).unwrap()
    }

    /// What is to happen while somebody sleeps, the next time.
    fn meanwhile(&self, what: impl FnOnce() + Send + 'static) {
        self.calls.lock().unwrap().meanwhile = Some(Box::new(what));
    }

    fn barriers(&self) -> usize {
        self.calls.lock().unwrap().barriers
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
        assert_eq!((word.value(), expected % 2), (expected, 1), "the word says that somebody may be asleep");
        let mut calls = self.calls.lock().unwrap();
        calls.parks.push(limit);
        calls.now += limit;
        let (dies, meanwhile) = (calls.dies_in_park, calls.meanwhile.take());
        drop(calls);
        assert!(!dies, "as if killed");
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
    }
    fn unpark(&self, _word: &ParkWord, most: u32) -> u32 {
        let mut calls = self.calls.lock().unwrap();
        calls.unparks += 1;
        calls.most = most;
        // As many as are asleep.
        calls.asleep.min(most)
    }
    fn register_barrier(&self) -> bool {
        self.barrier.is_some()
    }
    fn barrier(&self) -> bool {
        self.calls.lock().unwrap().barriers += 1;
        self.barrier.unwrap()
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
    assert_eq!(rx.pop_timeout(2 * SLICE + SLICE / 2), Err(PopError::Elapsed));
    assert_eq!(memory.parks(), [SLICE, SLICE, SLICE / 2]);
}

#[test]
fn who_cannot_rely_on_being_woken_only_naps() {
    let memory = Observed::new(false);
    let mut rx = memory.ring().consumer().unwrap();
    assert_eq!(rx.pop_timeout(Duration::from_micros(2500)), Err(PopError::Elapsed));
    assert_eq!(memory.parks(), [1000, 1000, 500].map(Duration::from_micros));
}

/// Where its maker could not be reached by barriers, each participant fences for itself.
#[test]
fn in_a_fenced_ring_nobody_asks_for_a_barrier_and_nobody_naps() {
    let memory = Observed::with(None);
    let ring = memory.ring();
    // Who joins could be reached, and goes by what the header says.
    let joined = Ring::<u64, _>::attach(Observed { barrier: Some(true), ..memory.clone() }).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), joined.consumer().unwrap());
    assert_eq!(rx.pop_timeout(SLICE + SLICE / 2), Err(PopError::Elapsed));
    while tx.try_push(&7).is_ok() {}
    assert_eq!(tx.push_timeout(&7, SLICE / 2), Err(PushError::Elapsed));
    assert_eq!(memory.parks(), [SLICE, SLICE / 2, SLICE / 2]);
    assert_eq!(memory.barriers(), 0);
}

/// And who cannot be reached, in a ring that has barriers, fences for itself and naps.
#[test]
fn who_joins_unreached_naps() {
    let memory = Observed::new(true);
    let ring = memory.ring();
    let joined = Ring::<u64, _>::attach(Observed { barrier: Some(false), ..memory.clone() }).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), joined.consumer().unwrap());
    assert_eq!(rx.pop_timeout(Duration::from_millis(2)), Err(PopError::Elapsed));
    while tx.try_push(&7).is_ok() {}
    assert_eq!(tx.push_timeout(&7, Duration::from_millis(50)), Err(PushError::Elapsed));
    assert_eq!(memory.parks(), [1, 1, 50].map(Duration::from_millis));
    assert_eq!(memory.barriers(), 3);
}

#[test]
fn who_spins_never_parks_and_who_parks_never_spins() {
    let memory = Observed::new(true);
    let mut rx = memory.ring().consumer().unwrap();
    rx.set_wait_strategy(WaitStrategy::Spin);
    let ticking = memory.clone();
    let clock = std::thread::spawn(move || {
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(2));
            ticking.calls.lock().unwrap().now += Duration::from_millis(50);
        }
    });
    assert_eq!(rx.pop_timeout(Duration::from_millis(250)), Err(PopError::Elapsed));
    clock.join().unwrap();
    assert!(memory.parks().is_empty());
    rx.set_wait_strategy(WaitStrategy::Park);
    assert_eq!(rx.pop_timeout(SLICE + SLICE / 2), Err(PopError::Elapsed));
    assert_eq!(memory.parks(), [SLICE, SLICE / 2]);
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

fn nobody_is_woken_in_vain<K: Kind>() {
    let memory = Observed::new(true);
    let ring = memory.ring_of::<K, u64>(3);
    let mut rx = ring.consumer().unwrap();
    let mut ends = [(); 3].map(|()| ring.producer().unwrap());
    for i in 0..100 {
        ends[i % 3].try_push(&7).unwrap();
        assert_eq!(rx.try_pop(), Ok(7));
    }
    assert_eq!(memory.unparks(), 0);
}

#[test]
fn nobody_is_woken_while_nobody_of_several_sleeps() {
    nobody_is_woken_in_vain::<mpsc::Mpsc>();
    nobody_is_woken_in_vain::<lanes::Lanes>();
}

/// A sleeping consumer is woken by each producer, once; also after it has looked in vain for long.
fn the_consumer_is_woken_by_anybody<K: Kind>(looks: usize) {
    let memory = Observed::new(true);
    let ring = memory.ring_of::<K, u64>(MANY);
    let mut rx = ring.consumer().unwrap();
    let ends: Vec<_> = (0..MANY).map(|_| Arc::new(Mutex::new(ring.producer().unwrap()))).collect();
    for turn in 0..3 {
        for (seat, tx) in (0..).zip(&ends) {
            (0..looks).for_each(|_| assert_eq!(rx.try_pop(), Err(PopError::Empty)));
            let (before, within, tx) = (memory.unparks(), memory.clone(), tx.clone());
            memory.meanwhile(move || {
                tx.lock().unwrap().try_push(&seat).unwrap();
                assert_eq!(within.unparks(), before + 1, "of producer {seat}, in turn {turn}");
            });
            let parks = memory.parks().len();
            assert_eq!(rx.pop(), Ok(seat));
            assert_eq!(memory.parks().len(), parks + 1);
        }
    }
}

#[test]
fn a_consumer_of_several_is_woken_by_each() {
    the_consumer_is_woken_by_anybody::<mpsc::Mpsc>(0);
    the_consumer_is_woken_by_anybody::<lanes::Lanes>(0);
}

#[test]
fn a_consumer_is_woken_by_lanes_that_rest() {
    the_consumer_is_woken_by_anybody::<lanes::Lanes>(TIRING);
}

/// Who waits for room is woken when half of the ring is free, once.
fn a_producer_is_woken<K: Kind>() {
    let memory = Observed::new(true);
    let ring = memory.ring_of::<K, u64>(3);
    let rx = Arc::new(Mutex::new(ring.consumer().unwrap()));
    for mut tx in [(); 3].map(|()| ring.producer().unwrap()) {
        while tx.try_push(&7).is_ok() {}
        let (before, within, taking) = (memory.unparks(), memory.clone(), rx.clone());
        memory.meanwhile(move || {
            for woken in [0, 1, 1] {
                assert_eq!(taking.lock().unwrap().try_pop(), Ok(7));
                assert_eq!(within.unparks(), before + woken);
            }
        });
        assert_eq!(tx.push(&7), Ok(()));
        while rx.lock().unwrap().try_pop().is_ok() {}
    }
}

#[test]
fn a_producer_among_several_is_woken_when_there_is_room() {
    a_producer_is_woken::<mpsc::Mpsc>();
    a_producer_is_woken::<lanes::Lanes>();
}

/// No more are woken than there are free cells, and as long as others may be asleep the next release looks again.
#[test]
fn no_crowd_runs_for_one_cell() {
    let memory = Observed::new(true);
    let ring = memory.ring_of::<mpsc::Mpsc, u64>(8);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    while tx.try_push(&7).is_ok() {}
    assert_eq!(tx.push_timeout(&7, Duration::from_millis(50)), Err(PushError::Elapsed));
    memory.calls.lock().unwrap().asleep = 7;
    let mut calls = Vec::new();
    for _ in 0..4 {
        assert_eq!(rx.try_pop(), Ok(7));
        let mut seen = memory.calls.lock().unwrap();
        let most = seen.most;
        seen.asleep = seen.asleep.saturating_sub(most);
        calls.push((seen.unparks, most));
    }
    assert_eq!(calls, [(0, 0), (1, 2), (2, 3), (3, 4)], "the wake-ups so far, and of how many");
    // Of the last four, two were there: nobody is left, and nobody is woken.
    for _ in 0..4 {
        tx.try_push(&7).unwrap();
        assert_eq!(rx.try_pop(), Ok(7));
    }
    assert_eq!(memory.unparks(), 3);
}

/// The producers of a total order sleep on one word: who gives up leaves it as it is, for the others.
#[test]
fn a_producer_that_gave_up_costs_one_wake_up_and_then_none() {
    let memory = Observed::new(true);
    let ring = memory.ring_of::<mpsc::Mpsc, u64>(2);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    while tx.try_push(&7).is_ok() {}
    assert_eq!(tx.push_timeout(&7, SLICE + SLICE / 2), Err(PushError::Elapsed));
    assert_eq!(memory.parks(), [SLICE, SLICE / 2]);
    for _ in 0..4 {
        assert_eq!(rx.try_pop(), Ok(7));
    }
    assert_eq!(memory.unparks(), 1);
}

/// To put lanes to rest takes a barrier, which would cost more than a few lanes do.
#[test]
fn a_few_lanes_never_rest() {
    for (lanes, rest) in [(1, false), (8, false), (9, true), (MANY, true)] {
        let memory = Observed::new(true);
        let mut rx = memory.ring_of::<lanes::Lanes, u64>(lanes).consumer().unwrap();
        (0..5000).for_each(|_| assert_eq!(rx.try_pop(), Err(PopError::Empty)));
        assert_eq!(memory.barriers() > 0, rest, "{lanes} lanes");
        // Nor is that done over and over.
        assert!(memory.barriers() <= 3, "{}", memory.barriers());
    }
}

/// Takes a seat with `take` while a peer is parked in `wait`. The newcomer must wake the peer.
fn newcomer_wakes<T: Send + 'static>(
    memory: &Observed,
    take: impl FnOnce() -> T + Send + 'static,
    wait: impl FnOnce(Duration) -> bool,
) {
    let (unparks, parks) = (memory.unparks(), memory.parks().len());
    let (newcomer, within) = (Arc::new(Mutex::new(None)), memory.clone());
    let seat = newcomer.clone();
    memory.meanwhile(move || {
        *seat.lock().unwrap() = Some(take());
        assert_eq!(within.unparks(), unparks + 1, "the newcomer wakes the peer that waits for it");
    });
    assert!(wait(2 * SLICE));
    assert_eq!(memory.parks().len(), parks + 1);
}

fn a_newcomer_wakes_its_peers<K: Kind>(seats: usize) {
    let memory = Observed::new(true);
    let ring = memory.ring_of::<K, u64>(seats);
    let rx = ring.consumer().unwrap();
    let joined = ring.clone();
    newcomer_wakes(&memory, move || joined.producer().unwrap(), |limit| rx.wait_for_producer(limit));
    drop(rx);
    // The producer of any seat may be the one that waits.
    let producers: Vec<_> = (0..seats).map(|_| ring.producer().unwrap()).collect();
    for tx in &producers {
        let joined = ring.clone();
        newcomer_wakes(&memory, move || joined.consumer().unwrap(), |limit| tx.wait_for_consumer(limit));
    }
}

#[test]
fn a_newcomer_wakes_the_peer_that_waits_for_it() {
    a_newcomer_wakes_its_peers::<Spsc>(1);
    a_newcomer_wakes_its_peers::<mpsc::Mpsc>(3);
    a_newcomer_wakes_its_peers::<lanes::Lanes>(3);
}
