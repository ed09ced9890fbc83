//! Waiting for several things at once: `Select`, descriptors, tasks.
#![allow(clippy::disallowed_types)]

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ringway::Message;
use ringway::memory::{Heap, Memory, Region};
use ringway::memory::{Liveness, Park, ParkWord};
use ringway::ring::{self, Kind};
use ringway::spsc::Spsc;
use ringway::{Departure, Options, PopError, Select, Selectable, WaitStrategy, lanes, mpsc, spsc};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use support::SLICE;
use support::process::PATIENCE;

const MOMENT: Duration = Duration::from_millis(3);
const LONG: Duration = PATIENCE;

fn ring<K: Kind, T: Message + ?Sized>() -> ring::Ring<K, T, Heap> {
    let memory = Heap::new(
        lanes::Ring::<u64>::required_len(&Options::new().capacity(64).max_producers(4)).max(1 << 16),
    );
    ring::Ring::format(memory, &Options::new().capacity(64).max_producers(4)).unwrap()
}

type Tx = spsc::Producer<u64, Heap>;
type Rx = spsc::Consumer<u64, Heap>;

fn pairs(count: usize) -> (Vec<Tx>, Vec<Rx>) {
    let pair = |_| {
        let ring = ring::<Spsc, u64>();
        (ring.producer().unwrap(), ring.consumer().unwrap())
    };
    (0..count).map(pair).unzip()
}

fn all(ends: &mut [Rx]) -> Vec<&mut dyn Selectable> {
    ends.iter_mut().map(|end| end as &mut dyn Selectable).collect()
}

// ---- Select

#[test]
fn who_has_something_is_told_in_turn() {
    let (mut txs, mut rxs) = pairs(3);
    for tx in &mut txs {
        (0..4).for_each(|i| tx.try_push(&i).unwrap());
    }
    let mut select = Select::new();
    for turn in 0..12 {
        assert_eq!(select.wait(&mut all(&mut rxs)), Some(turn % 3));
        rxs[turn % 3].try_pop().unwrap();
    }
    assert_eq!(select.try_wait(&mut all(&mut rxs)), None);
    txs[2].try_push(&7).unwrap();
    assert_eq!(select.try_wait(&mut all(&mut rxs)), Some(2), "also when it is another's turn");
}

#[test]
fn among_none_there_is_none() {
    let mut select = Select::new();
    assert_eq!(select.wait(&mut []), None);
    assert_eq!(select.wait_timeout(&mut [], LONG), None);
}

/// So often is tried what a busy machine may spoil. What it is for spoils each: one lost wake-up in ten.
const ATTEMPTS: usize = 3;

/// Each is woken, but for a few that a busy machine may have held up so long.
fn is_woken_by_each(count: usize, how: WaitStrategy) {
    let rounds = 300;
    let late: Vec<_> =
        (0..ATTEMPTS).map(|_| late_of(rounds, count, how)).take_while(|late| *late > rounds / 30).collect();
    assert!(late.len() < ATTEMPTS, "{late:?} of {rounds} wake-ups were lost");
}

/// How many of so many were woken as late as the end of their slice would do it.
fn late_of(rounds: usize, count: usize, how: WaitStrategy) -> usize {
    let (mut txs, mut rxs) = pairs(count);
    let mut select = Select::new();
    select.set_wait_strategy(how);
    let (told, tell) = (Arc::new(AtomicUsize::new(0)), 7);
    // Pauses in between are nobody's fault: only from the push on it counts.
    let (push, pushed) = channel();
    let mut late = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..rounds {
                while told.load(Relaxed) < round {
                    thread::yield_now();
                }
                // So that it sleeps, mostly.
                thread::sleep(Duration::from_micros(200));
                push.send(Instant::now()).unwrap();
                txs[round * tell % count].try_push(&(round as u64)).unwrap();
            }
        });
        for round in 0..rounds {
            let found = select.wait_timeout(&mut all(&mut rxs), LONG);
            late += usize::from(pushed.recv().unwrap().elapsed() > SLICE / 2);
            assert_eq!(found, Some(round * tell % count));
            assert_eq!(rxs[found.unwrap()].try_pop(), Ok(round as u64));
            told.store(round + 1, Relaxed);
        }
    });
    late
}

#[test]
fn a_sleeper_is_woken_by_each() {
    for how in [WaitStrategy::Adaptive, WaitStrategy::Park] {
        is_woken_by_each(1, how);
        is_woken_by_each(5, how);
        is_woken_by_each(128, how);
    }
}

/// More than the system can sleep on at once: each has an attendant then.
#[test]
fn a_sleeper_is_woken_by_each_of_many() {
    is_woken_by_each(129, WaitStrategy::Park);
    is_woken_by_each(200, WaitStrategy::Adaptive);
}

#[test]
fn a_deadline_ends_it() {
    for count in [2, 129] {
        let (_txs, mut rxs) = pairs(count);
        let began = Instant::now();
        assert_eq!(Select::new().wait_timeout(&mut all(&mut rxs), 5 * MOMENT), None);
        assert!(began.elapsed() >= 5 * MOMENT);
        assert_eq!(Select::new().wait_timeout(&mut all(&mut rxs), Duration::ZERO), None);
    }
}

#[test]
fn kinds_and_payloads_may_differ() {
    let (a, b, c) = (ring::<Spsc, [u8]>(), ring::<mpsc::Mpsc, u32>(), ring::<lanes::Lanes, u64>());
    let (mut a_tx, mut a_rx) = (a.producer().unwrap(), a.consumer().unwrap());
    let (mut b_tx, mut b_rx) = (b.producer().unwrap(), b.consumer().unwrap());
    let (mut c_tx, mut c_rx) = (c.producer().unwrap(), c.consumer().unwrap());
    let mut select = Select::new();
    for turn in 0..3 {
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(MOMENT);
                match turn {
                    0 => a_tx.try_push(b"one").unwrap(),
                    1 => b_tx.try_push(&2).unwrap(),
                    _ => c_tx.try_push(&3).unwrap(),
                }
            });
            assert_eq!(select.wait_timeout(&mut [&mut a_rx, &mut b_rx, &mut c_rx], LONG), Some(turn));
        });
        match turn {
            0 => assert_eq!(a_rx.try_read().unwrap().payload().to_vec(), b"one"),
            1 => assert_eq!(b_rx.try_pop(), Ok(2)),
            _ => assert_eq!(c_rx.try_pop(), Ok(3)),
        }
    }
}

#[test]
fn that_producers_are_gone_is_news() {
    for count in [2, 129] {
        let (mut txs, mut rxs) = pairs(count);
        let leaver = thread::spawn(move || {
            thread::sleep(MOMENT);
            txs.remove(1);
            txs
        });
        let mut select = Select::new();
        assert_eq!(select.wait_timeout(&mut all(&mut rxs), LONG), Some(1));
        assert_eq!(rxs[1].try_pop(), Err(PopError::Closed(Departure::Left)));
        drop(leaver.join().unwrap());
    }
}

// ---- Descriptors

fn is_readable(fd: &impl AsFd, timeout: Duration) -> bool {
    let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout)).unwrap() == 1
}

#[test]
fn a_descriptor_is_readable_once_there_is_something() {
    let ring = ring::<Spsc, u64>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_pollable().unwrap());
    let rounds = 200;
    let mut late = || {
        let is_late = |i: &u64| {
            // Spurious signals are allowed, lost ones are not.
            while !rx.arm() {}
            tx.try_push(i).unwrap();
            let pushed = Instant::now();
            assert!(is_readable(&rx, LONG));
            let waited = pushed.elapsed();
            assert_eq!(rx.try_pop(), Ok(*i));
            waited > SLICE / 2
        };
        (0..rounds).filter(is_late).count() as u64
    };
    let late: Vec<_> = (0..ATTEMPTS).map(|_| late()).take_while(|late| *late > rounds / 30).collect();
    assert!(late.len() < ATTEMPTS, "slices ended {late:?} of {rounds} waits");
}

#[test]
fn who_arms_too_late_looks_again() {
    let ring = ring::<Spsc, u64>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_pollable().unwrap());
    tx.try_push(&7).unwrap();
    assert!(!rx.arm(), "there is something already");
    assert_eq!(rx.try_pop(), Ok(7));
    drop(tx);
    assert!(!rx.arm(), "the producer is gone");
    assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Left)));
}

#[test]
#[cfg_attr(ringway_long_slices, ignore = "waits for two slices")]
fn nothing_is_signalled_that_was_not_armed() {
    let ring = ring::<Spsc, u64>();
    let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_pollable().unwrap());
    tx.try_push(&7).unwrap();
    assert!(!is_readable(&rx, 2 * SLICE));
}

/// Its attendant goes by slices, so that deaths are found; nobody has to come by.
#[test]
#[cfg_attr(ringway_long_slices, ignore = "waits for slices to end")]
fn a_descriptor_is_readable_after_a_slice() {
    let ring = ring::<Spsc, u64>();
    let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_pollable().unwrap());
    for _ in 0..3 {
        assert!(rx.arm());
        assert!(is_readable(&rx, LONG));
    }
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

#[test]
fn a_stream_of_records_by_descriptor() {
    for lanes in [false, true] {
        let (mpsc, lane) = (ring::<mpsc::Mpsc, [u8]>(), ring::<lanes::Lanes, [u8]>());
        if lanes { by_descriptor(&lane) } else { by_descriptor(&mpsc) }
    }
}

fn by_descriptor<K: Kind>(ring: &ring::Ring<K, [u8], Heap>) {
    const EACH: u32 = 2_000;
    let mut rx = ring.consumer().unwrap().into_pollable().unwrap();
    let mut senders: Vec<_> = (0..4).map(|_| ring.producer().unwrap()).collect();
    thread::scope(|scope| {
        for tx in &mut senders {
            scope.spawn(move || {
                for i in 0..EACH {
                    if i % 97 == 0 {
                        thread::sleep(Duration::from_micros(300));
                    }
                    tx.push(&i.to_ne_bytes()).unwrap();
                }
            });
        }
        let (mut sum, mut count) = (0_u64, 0);
        while count < 4 * EACH {
            let drained = rx.drain(64, |payload| {
                let mut bytes = [0; 4];
                payload.read_at(&mut bytes, 0).unwrap();
                sum += u64::from(u32::from_ne_bytes(bytes));
                count += 1;
            });
            match drained {
                Ok(_) => {}
                Err(PopError::Empty) => {
                    if rx.arm() {
                        assert!(is_readable(&rx, LONG));
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(sum, 4 * u64::from(EACH) * u64::from(EACH - 1) / 2);
    });
}

#[test]
fn a_consumer_is_itself_again() {
    let ring = ring::<Spsc, u64>();
    let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut rx = rx.into_pollable().unwrap().into_inner().into_pollable().unwrap().into_inner();
    let sender = thread::spawn(move || {
        thread::sleep(MOMENT);
        tx.push(&7)
    });
    assert_eq!(rx.pop_timeout(LONG), Ok(7));
    sender.join().unwrap().unwrap();
}

/// Armed before another wait that found nothing: should be armed again, but is late by a slice at most if it is not. Unless that was a
/// select with attendants, whose signal it takes.
#[test]
#[cfg_attr(ringway_long_slices, ignore = "waits for slices to end")]
fn what_was_armed_is_not_lost_to_another_wait() {
    let (mut txs, rxs) = pairs(1);
    let mut rx = rxs.into_iter().next().unwrap().into_pollable().unwrap();
    for (i, selects) in [(0, support::can_sleep_on_several()), (1, false)] {
        assert!(rx.arm());
        if selects {
            assert_eq!(Select::new().wait_timeout(&mut [&mut *rx], MOMENT), None);
        } else {
            assert_eq!(rx.pop_timeout(MOMENT), Err(PopError::Elapsed));
        }
        txs[0].try_push(&i).unwrap();
        assert!(is_readable(&rx, LONG));
        assert_eq!(rx.try_pop(), Ok(i));
    }
}

/// Also by the calls that wait, whose word the attendant sleeps on too.
#[test]
fn a_consumer_with_a_descriptor_can_wait_otherwise_too() {
    let (mut txs, rxs) = pairs(2);
    let mut rxs: Vec<_> = rxs.into_iter().map(|rx| rx.into_pollable().unwrap()).collect();
    let mut select = Select::new();
    for i in 0..100 {
        let _ = rxs[0].arm();
        let tx = &mut txs[0];
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_micros(200));
                tx.try_push(&i).unwrap();
            });
            if i % 2 == 0 {
                assert_eq!(rxs[0].pop_timeout(LONG), Ok(i));
            } else {
                let [first, second] = &mut rxs[..] else { panic!("there are two") };
                assert_eq!(select.wait_timeout(&mut [&mut **second, &mut **first], LONG), Some(1));
                assert_eq!(rxs[0].try_pop(), Ok(i));
            }
        });
    }
}

/// A heap whose wake-up calls are counted.
#[derive(Clone)]
struct Counted(Heap, Arc<AtomicUsize>);

impl Liveness for Counted {}
impl Park for Counted {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        self.0.park(word, expected, limit);
    }
    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        self.1.fetch_add(1, Relaxed);
        self.0.unpark(word, most)
    }
    fn register_barrier(&self) -> bool {
        self.0.register_barrier()
    }
    fn barrier(&self) -> bool {
        self.0.barrier()
    }
}
// SAFETY: it is the heap's region.
unsafe impl Memory for Counted {
    fn region(&self) -> Region {
        self.0.region()
    }
}

#[test]
fn producers_pay_only_while_somebody_waits() {
    let memory =
        Counted(Heap::new(spsc::Ring::<u64>::required_len(&Options::new().capacity(64))), Arc::default());
    let ring = spsc::Ring::<u64, _>::format(memory.clone(), &Options::new().capacity(64)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_pollable().unwrap());
    let calls = || memory.1.load(Relaxed);
    let before = calls();
    for i in 0..50 {
        tx.try_push(&i).unwrap();
        assert!(!rx.arm());
        assert_eq!(rx.try_pop(), Ok(i));
    }
    assert_eq!(calls(), before);
    assert!(rx.arm());
    (0..50).for_each(|i| tx.try_push(&i).unwrap());
    assert_eq!(calls(), before + 1);
}

/// A heap for which barriers are refused from some time on, and which notes how long it is slept on at most.
#[derive(Clone)]
struct Fickle(Heap, Arc<AtomicBool>, Arc<AtomicUsize>);

impl Liveness for Fickle {}
impl Park for Fickle {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        self.2.store(limit.as_millis() as usize, Relaxed);
        self.0.park(word, expected, limit);
    }
    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        self.0.unpark(word, most)
    }
    fn register_barrier(&self) -> bool {
        true
    }
    fn barrier(&self) -> bool {
        !self.1.load(Relaxed)
    }
}
// SAFETY: it is the heap's region.
unsafe impl Memory for Fickle {
    fn region(&self) -> Region {
        self.0.region()
    }
}

/// As a filter of system calls does that is installed late.
#[test]
fn an_attendant_naps_from_when_barriers_are_refused() {
    let heap = Heap::new(spsc::Ring::<u64>::required_len(&Options::new().capacity(64)));
    let memory = Fickle(heap, Arc::default(), Arc::default());
    let ring = spsc::Ring::<u64, _>::format(memory.clone(), &Options::new().capacity(64)).unwrap();
    let mut rx = ring.consumer().unwrap().into_pollable().unwrap();
    let slice = SLICE.as_millis() as usize;
    for (refuses, limit) in [(false, slice), (true, 1), (false, slice)] {
        memory.1.store(refuses, Relaxed);
        assert!(rx.arm());
        let began = Instant::now();
        while memory.2.load(Relaxed) != limit {
            assert!(began.elapsed() < LONG, "{refuses}");
            thread::yield_now();
        }
    }
}

/// A signal for the program is not to end it because one of our threads was the only one to take it.
#[test]
fn attendants_take_no_signals() {
    let (_tx, rx) = pairs(1);
    let _rxs: Vec<_> = rx.into_iter().map(|rx| rx.into_pollable().unwrap()).collect();
    // Its name, and whether it has blocked what ends a program, and what says that it has itself done wrong.
    let facts = |task: &Path| {
        // Those of other tests may be gone.
        let status = std::fs::read_to_string(task.join("status")).ok()?;
        let of = |what| Some(status.lines().find_map(|line| line.strip_prefix(what))?.trim().to_owned());
        let mask = u64::from_str_radix(&of("SigBlk:")?, 16).ok()?;
        let is_blocked = |signal: i32| mask & 1 << (signal - 1) != 0;
        Some((of("Name:")?, is_blocked(libc::SIGTERM), is_blocked(libc::SIGBUS)))
    };
    let began = Instant::now();
    loop {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let all = tasks.filter_map(|task| facts(&task.path()));
        let ours: Vec<_> = all.filter(|(name, ..)| name == "ringway").collect();
        assert!(ours.iter().all(|(_, ends, faults)| *ends && !faults), "{ours:?}");
        // A thread gives itself its name.
        if !ours.is_empty() {
            break;
        }
        assert!(began.elapsed() < LONG);
    }
    let here = facts(Path::new("/proc/thread-self")).unwrap();
    assert!(!here.1 && !here.2, "{here:?}");
}

#[test]
fn no_thread_stays_behind() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    // Other tests come and go meanwhile: many more than those.
    let (_txs, rxs) = pairs(300);
    let rxs: Vec<_> = rxs.into_iter().map(|rx| rx.into_pollable().unwrap()).collect();
    assert!(threads() >= 300);
    let began = Instant::now();
    drop(rxs);
    while threads() > 299 {
        assert!(began.elapsed() < LONG);
        thread::yield_now();
    }
}

// ---- Tasks

#[cfg(feature = "async")]
mod tasks {
    use core::future::Future;
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};
    use std::sync::Mutex;
    use std::task::Wake;

    use futures_util::StreamExt;

    use super::*;

    /// Waits for a future, which must be woken in time.
    fn block_on<F: Future>(future: F) -> F::Output {
        let began = Instant::now();
        let output = futures_executor::block_on(future);
        assert!(began.elapsed() < LONG, "no peer was woken");
        output
    }

    #[test]
    fn a_stream_ends_when_the_producer_has_left() {
        let ring = ring::<Spsc, u64>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_async().unwrap());
        let sender = thread::spawn(move || {
            for i in 0..1000 {
                if i % 100 == 0 {
                    thread::sleep(Duration::from_micros(300));
                }
                tx.push(&i).unwrap();
            }
        });
        let items: Vec<_> = block_on(rx.by_ref().map(Result::unwrap).collect());
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
        assert_eq!(block_on(rx.next()), None);
        sender.join().unwrap();
    }

    #[test]
    fn a_stream_of_bytes() {
        let ring = ring::<mpsc::Mpsc, [u8]>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_async().unwrap());
        let sender = thread::spawn(move || {
            thread::sleep(MOMENT);
            tx.push(b"one").unwrap();
            tx.push(b"two").unwrap();
        });
        assert_eq!(block_on(rx.next()).unwrap().unwrap(), b"one");
        assert_eq!(block_on(rx.next()).unwrap().unwrap(), b"two");
        assert!(block_on(rx.next()).is_none());
        sender.join().unwrap();
    }

    #[test]
    fn a_wait_that_is_given_up_loses_nothing() {
        let ring = ring::<Spsc, u64>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_async().unwrap());
        for i in 0..100 {
            {
                let mut waiting = pin!(rx.ready());
                let polled = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert_eq!(polled, Poll::Pending);
            }
            tx.try_push(&i).unwrap();
            block_on(rx.ready());
            assert_eq!(rx.try_pop(), Ok(i));
        }
    }

    type Task = Mutex<Option<ringway::AsyncConsumer<Spsc, u64, Heap>>>;

    /// Ends its own task when it is woken, as an executor does that shuts down.
    struct Ends(Arc<Task>);

    impl Wake for Ends {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
        }
    }

    #[test]
    fn a_wake_up_may_drop_the_consumer() {
        let ring = ring::<Spsc, u64>();
        let mut tx = ring.producer().unwrap();
        let task: Arc<Task> = Arc::new(Mutex::new(Some(ring.consumer().unwrap().into_async().unwrap())));
        let waker = Waker::from(Arc::new(Ends(task.clone())));
        let polled = task.lock().unwrap().as_mut().unwrap().poll_ready(&Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
        tx.try_push(&7).unwrap();
        let began = Instant::now();
        while task.lock().unwrap().is_some() {
            assert!(began.elapsed() < LONG, "no peer was woken");
            thread::yield_now();
        }
        assert_eq!(ring.consumer().unwrap().try_pop(), Ok(7));
    }

    /// Held while the consumer is dropped, and by who wakes it.
    #[test]
    fn a_consumer_may_be_dropped_under_a_lock_that_wakers_take() {
        for _ in 0..100 {
            let ring = ring::<Spsc, u64>();
            let mut tx = ring.producer().unwrap();
            let task: Arc<Task> = Arc::new(Mutex::new(Some(ring.consumer().unwrap().into_async().unwrap())));
            let waker = Waker::from(Arc::new(Ends(task.clone())));
            let mut held = task.lock().unwrap();
            let polled = held.as_mut().unwrap().poll_ready(&Context::from_waker(&waker));
            assert_eq!(polled, Poll::Pending);
            tx.try_push(&7).unwrap();
            *held = None;
        }
    }

    #[derive(Default)]
    struct Counts(AtomicUsize);

    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// A future may move from one task to another between two polls.
    #[test]
    fn the_waker_of_the_last_poll_is_woken() {
        let ring = ring::<Spsc, u64>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_async().unwrap());
        for i in 0..20 {
            let [first, last] = [(); 2].map(|()| Arc::new(Counts::default()));
            for counts in [&first, &last] {
                let waker = Waker::from(counts.clone());
                // It may be ready although there is nothing.
                while rx.poll_ready(&Context::from_waker(&waker)).is_ready() {}
            }
            tx.try_push(&i).unwrap();
            let began = Instant::now();
            while last.0.load(Relaxed) == 0 {
                assert!(began.elapsed() < LONG, "the task that polled last was not woken");
                thread::yield_now();
            }
            assert_eq!(rx.try_pop(), Ok(i));
        }
    }

    #[derive(Default)]
    struct Panics(AtomicUsize);

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
            panic!("not the attendant's affair");
        }
    }

    #[test]
    fn a_waker_that_panics_is_the_last_only_of_itself() {
        let ring = ring::<Spsc, u64>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap().into_async().unwrap());
        let panics = Arc::new(Panics::default());
        assert_eq!(rx.poll_ready(&Context::from_waker(&Waker::from(panics.clone()))), Poll::Pending);
        tx.try_push(&7).unwrap();
        let began = Instant::now();
        while panics.0.load(Relaxed) == 0 {
            assert!(began.elapsed() < LONG, "no peer was woken");
            thread::yield_now();
        }
        assert_eq!(rx.try_pop(), Ok(7));
        let sender = thread::spawn(move || {
            thread::sleep(MOMENT);
            tx.push(&8).unwrap();
        });
        assert_eq!(block_on(rx.next()), Some(Ok(8)));
        sender.join().unwrap();
    }

    #[test]
    fn another_consumer_in_its_place_is_attended_too() {
        let (one, two) = (ring::<Spsc, u64>(), ring::<Spsc, u64>());
        let mut rx = one.consumer().unwrap().into_async().unwrap();
        *rx = two.consumer().unwrap();
        let mut tx = two.producer().unwrap();
        let sender = thread::spawn(move || {
            thread::sleep(MOMENT);
            tx.push(&7).unwrap();
        });
        assert_eq!(block_on(rx.next()), Some(Ok(7)));
        sender.join().unwrap();
    }
}
