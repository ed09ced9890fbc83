//! Kills a waiting process, or the process that wakes it. The survivor continues.
use std::array;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ringway::ring::{Consumer, Producer, Ring};
use ringway::{Departure, Options, PopError, PushError, Select, spsc};
use rustix::event::{PollFd, PollFlags, poll};

use crate::close::departure_in;
use crate::fixture::{Fixture, Item, TestMessage, check_laps, receive_all};
use crate::kill_points::Sweep;
use crate::kinds::RingKind;
use crate::victim::mark;

/// No waiter takes longer to notice what happened. A slice of a wait is 100 ms.
const SLICES: Duration = Duration::from_secs(20);
/// How many waiters there are at a time, each in a ring of its own.
const SLEEPERS: usize = 48;
/// The position of the next cell.
const PASSED: u64 = 13;

/// A thread that waits in a ring.
struct Waiter<R, K> {
    fixture: Fixture<Item, K>,
    thread: JoinHandle<(R, Instant)>,
}

/// A waiter whose waker is dead.
struct OrphanedWaiter<R, K> {
    waiter: Waiter<R, K>,
    since: Instant,
    /// What its call has to return.
    expected: R,
}

impl<R: Send + PartialEq + Debug + 'static, K: RingKind> Waiter<R, K> {
    /// Starts a waiter in a ring with one producer seat.
    fn falls_asleep(waiting: u64, sleep: impl FnOnce(&Ring<K, Item>) -> R + Send + 'static) -> Self {
        let fixture = Fixture::with_seats(1, PASSED, waiting, |_| {});
        let ring = fixture.ring.clone();
        let thread = thread::spawn(move || {
            let result = sleep(&ring);
            (result, Instant::now())
        });
        Self { fixture, thread }
    }
}

impl<R: PartialEq + Debug, K: RingKind> OrphanedWaiter<R, K> {
    fn check(self) {
        while !self.waiter.thread.is_finished() {
            assert!(self.since.elapsed() < 2 * SLICES, "the waiter does not return {:?}", self.expected);
            thread::sleep(Duration::from_millis(1));
        }
        let (result, at) = self.waiter.thread.join().unwrap();
        assert_eq!(result, self.expected);
        assert!(at.saturating_duration_since(self.since) < SLICES, "the waiter slept too long");
    }
}

/// Kills the process that wakes a waiter, at each kill point. Checks the waiters later, while the
/// sweep continues.
fn kill_wakers<R: Send + PartialEq + Debug + 'static, K: RingKind>(
    name: &str,
    prepare: &dyn Fn() -> Waiter<R, K>,
    operation: &dyn Fn(&Fixture<Item, K>),
    expected: &dyn Fn(&Fixture<Item, K>) -> R,
) {
    let mut left = VecDeque::new();
    let sweep = Sweep {
        name: &format!("{}, {name}", K::NAME),
        minimum: 20,
        prepare,
        file: &|waiter| waiter.fixture.path().to_owned(),
        operation: &|waiter| operation(&waiter.fixture),
        is_only_writer: false,
        wake: None,
        single_steps_only: false,
    };
    sweep.kill_everywhere(|waiter, _| {
        let expected = expected(&waiter.fixture);
        left.push_back(OrphanedWaiter { waiter, since: Instant::now(), expected });
        if left.len() > SLEEPERS {
            left.pop_front().into_iter().for_each(OrphanedWaiter::check);
        }
    });
    left.into_iter().for_each(OrphanedWaiter::check);
}

/// Waits until `sleeps` returns `true`, and a moment longer.
fn await_sleep(sleeps: impl Fn() -> bool) {
    let deadline = Instant::now() + SLICES;
    while !sleeps() {
        assert!(Instant::now() < deadline, "the waiter does not fall asleep");
        thread::sleep(Duration::from_micros(50));
    }
    // The waiter sets its flag a moment before it sleeps.
    thread::sleep(Duration::from_micros(300));
}

/// `sleep` is how the consumer waits for a record.
fn kill_wakers_of<K: RingKind>(name: &str, sleep: fn(Consumer<K, Item>) -> Result<u64, PopError>) {
    kill_wakers::<_, K>(
        name,
        &|| {
            Waiter::falls_asleep(0, move |ring| {
                let rx = ring.consumer().unwrap();
                assert!(rx.wait_for_producer(SLICES));
                sleep(rx)
            })
        },
        &|fixture| {
            let mut tx = fixture.reopened().producer().unwrap();
            let item = Item::numbered(1);
            await_sleep(|| fixture.consumer_sleeps(0));
            mark();
            let pushed = tx.try_push(&item);
            mark();
            pushed.unwrap();
        },
        &|fixture| {
            let is_published = fixture.is_stamped(0, PASSED);
            if is_published { Ok(1) } else { Err(PopError::Closed(Departure::Died)) }
        },
    );
}

pub fn kill_waking_producer<K: RingKind>(_: &[&str]) {
    kill_wakers_of::<K>("typed push to a waiter", |mut rx| rx.pop().map(Item::checked));
}

pub fn kill_closing_producer<K: RingKind>(_: &[&str]) {
    kill_wakers::<_, K>(
        "close of a producer whose consumer sleeps",
        &|| {
            Waiter::falls_asleep(0, |ring| {
                let mut rx = ring.consumer().unwrap();
                assert!(rx.wait_for_producer(SLICES));
                rx.pop().map(Item::checked)
            })
        },
        &|fixture| {
            let tx = fixture.reopened().producer().unwrap();
            await_sleep(|| fixture.consumer_sleeps(0));
            mark();
            let closed = tx.close();
            mark();
            closed.unwrap();
        },
        &|fixture| Err(PopError::Closed(departure_in(fixture.producer_state(0)))),
    );
}

pub fn kill_closing_consumer<K: RingKind>(_: &[&str]) {
    kill_wakers::<_, K>(
        "close of a consumer whose producer sleeps",
        &|| {
            Waiter::falls_asleep(FULL, |ring| {
                let mut tx = ring.producer().unwrap();
                assert!(tx.wait_for_consumer(SLICES));
                tx.push(&Item::numbered(FULL + 1))
            })
        },
        &|fixture| {
            let rx = fixture.reopened().consumer().unwrap();
            await_sleep(|| fixture.producer_sleeps(0));
            mark();
            let closed = rx.close();
            mark();
            closed.unwrap();
        },
        &|fixture| Err(PushError::Closed(departure_in(fixture.consumer_state()))),
    );
}

pub fn kill_before_waking_a_waker_thread<K: RingKind>(_: &[&str]) {
    kill_wakers_of::<K>("typed push to a waker thread", |rx| {
        let mut rx = rx.into_pollable().unwrap();
        loop {
            match rx.try_pop() {
                Err(PopError::Empty) if rx.arm() => {
                    poll(&mut [PollFd::new(&rx, PollFlags::IN)], None).unwrap();
                }
                Err(PopError::Empty) => {}
                other => return other.map(Item::checked),
            }
        }
    });
}

pub fn kill_before_waking_a_select<K: RingKind>(_: &[&str]) {
    kill_wakers_of::<K>("typed push to a select", |mut rx| {
        let other = spsc::Ring::<u64>::on_heap(&Options::new().capacity(2)).unwrap();
        let (_tx, mut other) = (other.producer().unwrap(), other.consumer().unwrap());
        assert_eq!(Select::new().wait(&mut [&mut other, &mut rx]), Some(1));
        rx.try_pop().map(Item::checked)
    });
}

pub fn kill_waking_consumer<K: RingKind>(_: &[&str]) {
    kill_wakers::<_, K>(
        "typed pop from a ring whose producer sleeps",
        &|| {
            Waiter::falls_asleep(8, |ring| {
                let mut tx = ring.producer().unwrap();
                assert!(tx.wait_for_consumer(SLICES));
                tx.push(&Item::numbered(9))
            })
        },
        &|fixture| {
            let mut rx = fixture.reopened().consumer().unwrap();
            await_sleep(|| fixture.producer_sleeps(0));
            mark();
            let popped = rx.try_pop();
            mark();
            assert_eq!(popped.map(Item::checked), Ok(1));
        },
        &|fixture| {
            let is_released = fixture.head(0) > PASSED;
            if is_released { Ok(()) } else { Err(PushError::Closed(Departure::Died)) }
        },
    );
}

/// The producer of a ring whose consumer falls asleep.
struct Waker<K: RingKind> {
    tx: RefCell<Producer<K, Item>>,
    /// The last number sent.
    sent: Cell<u64>,
}

impl<K: RingKind> Waker<K> {
    fn send(&self) {
        self.sent.set(self.sent.get() + 1);
        self.tx.borrow_mut().try_push(&Item::numbered(self.sent.get())).unwrap();
    }
}

pub fn kill_sleeping_consumer<K: RingKind>(_: &[&str]) {
    let fixture = Fixture::<Item, K>::new(PASSED, 0, |_| {});
    let sweep = Sweep {
        name: &format!("{}, typed pop that sleeps", K::NAME),
        minimum: 100,
        prepare: &|| {
            fixture.reset();
            Waker { tx: RefCell::new(fixture.ring.producer().unwrap()), sent: Cell::new(0) }
        },
        file: &|_| fixture.path().to_owned(),
        operation: &|_| {
            let mut rx = fixture.reopened().consumer().unwrap();
            mark();
            let popped = rx.pop();
            mark();
            assert_eq!(popped.map(Item::checked), Ok(1));
        },
        is_only_writer: false,
        wake: Some(&|waker: &Waker<K>| waker.send()),
        single_steps_only: false,
    };
    let received = sweep.kill_everywhere(|waker, _| {
        waker.send();
        assert!(!fixture.consumer_sleeps(0), "a dead waiter must be woken once, not for ever");
        waker.send();
        let mut rx = fixture.ring.consumer().expect("a dead waiter's seat is free");
        let numbers = receive_all(&mut rx);
        let sent = waker.sent.get();
        let first = sent + 1 - numbers.len() as u64;
        assert!(numbers.iter().copied().eq(first..=sent), "received {numbers:?} of {sent}");
        check_laps(&mut waker.tx.borrow_mut(), &mut rx);
        first
    });
    assert!(received.iter().all(|first| (1..=2).contains(first)), "the victim took too many: {received:?}");
    assert!(received.contains(&2), "the waiter never woke");
}

/// The consumer of a full ring, and the producers beside the victim, if there are any.
struct Taker<K: RingKind> {
    rx: RefCell<Consumer<K, Item>>,
    others: Vec<Producer<K, Item>>,
    /// The last number taken.
    taken: Cell<u64>,
}

impl<K: RingKind> Taker<K> {
    /// Takes so many items that the consumer wakes a producer.
    fn take_half(&self) {
        for _ in 0..FULL / 2 {
            self.taken.set(self.taken.get() + 1);
            assert_eq!(Item::receive(&mut self.rx.borrow_mut()), Ok(self.taken.get()));
        }
    }
}

/// Items that fill the ring.
const FULL: u64 = 8;

pub fn kill_sleeping_producer<K: RingKind>(_: &[&str]) {
    let fixture = Fixture::<Item, K>::new(PASSED, FULL, |_| {});
    let sweep = Sweep {
        name: &format!("{}, typed push that sleeps", K::NAME),
        minimum: 100,
        prepare: &|| {
            fixture.reset();
            let others = (0..K::LAST).map(|_| fixture.ring.producer().unwrap()).collect();
            Taker { rx: RefCell::new(fixture.ring.consumer().unwrap()), others, taken: Cell::new(0) }
        },
        file: &|_| fixture.path().to_owned(),
        operation: &|_| {
            let mut tx = fixture.reopened().producer().unwrap();
            mark();
            let pushed = tx.push(&Item::numbered(FULL + 1));
            mark();
            pushed.unwrap();
        },
        is_only_writer: false,
        wake: Some(&|taker: &Taker<K>| taker.take_half()),
        single_steps_only: false,
    };
    let arrived = sweep.kill_everywhere(|mut taker, pid| {
        let is_published = fixture.is_stamped(K::LAST, PASSED + FULL);
        let is_lost = K::CLAIMS && !is_published && fixture.tail(K::LAST) > PASSED + FULL;
        taker.take_half();
        assert!(!fixture.producer_sleeps(K::LAST), "a dead waiter must be woken once, not for ever");
        let mut rx = taker.rx.into_inner();
        let mut numbers = receive_all(&mut rx);
        if is_lost {
            assert!(rx.stalled().is_none(), "a dead producer holds up the consumer");
            numbers.extend(receive_all(&mut rx));
        }
        let losses: Vec<_> = rx.losses().map(|loss| (loss.position, loss.by.pid)).collect();
        assert_eq!(losses, if is_lost { vec![(PASSED + FULL, pid)] } else { vec![] });
        let rest: Vec<u64> = (taker.taken.get() + 1..=FULL + u64::from(is_published)).collect();
        assert_eq!(numbers, rest);
        let mut tx = fixture.ring.producer().expect("a dead waiter's seat is free");
        assert_eq!(tx.seat(), K::LAST);
        check_laps(&mut tx, &mut rx);
        taker.others.iter_mut().for_each(|tx| check_laps(tx, &mut rx));
        is_published
    });
    assert!(arrived.contains(&false) && arrived.contains(&true), "all victims left the same state behind");
}

/// Sends eight items with `push_slice` into a ring that has room for four: it sends a piece,
/// sleeps, and sends the rest.
pub fn kill_waiting_push_slice<K: RingKind>(_: &[&str]) {
    const BEFORE: u64 = FULL / 2;
    const ALL: u64 = BEFORE + FULL;
    let fixture = Fixture::<Item, K>::new(PASSED, BEFORE, |_| {});
    let sweep = Sweep {
        name: &format!("{}, typed push_slice that sleeps", K::NAME),
        minimum: 100,
        prepare: &|| {
            fixture.reset();
            let others = (0..K::LAST).map(|_| fixture.ring.producer().unwrap()).collect();
            Taker { rx: RefCell::new(fixture.ring.consumer().unwrap()), others, taken: Cell::new(0) }
        },
        file: &|_| fixture.path().to_owned(),
        operation: &|_| {
            let mut tx = fixture.reopened().producer().unwrap();
            let items: [Item; FULL as usize] = array::from_fn(|i| Item::numbered(BEFORE + 1 + i as u64));
            mark();
            let pushed = tx.push_slice(&items);
            mark();
            assert_eq!(pushed, Ok(items.len()));
        },
        is_only_writer: false,
        wake: Some(&|taker: &Taker<K>| taker.take_half()),
        single_steps_only: false,
    };
    let arrived = sweep.kill_everywhere(|mut taker, pid| {
        let is_stamped = |n: &u64| fixture.is_stamped(K::LAST, PASSED + n);
        let published = BEFORE + (BEFORE..ALL).take_while(is_stamped).count() as u64;
        let end = PASSED + published;
        let claimed = if K::CLAIMS { fixture.tail(K::LAST) - end } else { 0 };
        let mut rx = taker.rx.into_inner();
        let mut numbers = receive_all(&mut rx);
        if claimed > 0 {
            assert!(rx.stalled().is_none(), "a dead producer holds up the consumer");
            numbers.extend(receive_all(&mut rx));
        }
        assert_eq!(numbers, Vec::from_iter(taker.taken.get() + 1..=published));
        let losses: Vec<_> = rx.losses().map(|loss| (loss.position, loss.cells, loss.by.pid)).collect();
        assert_eq!(losses, Vec::from_iter((claimed > 0).then_some((end, claimed, pid))));
        assert!(!fixture.producer_sleeps(K::LAST), "a dead waiter must be woken once, not for ever");
        let mut tx = fixture.ring.producer().expect("the seat of a dead waiter is free");
        assert_eq!(tx.seat(), K::LAST);
        check_laps(&mut tx, &mut rx);
        taker.others.iter_mut().for_each(|tx| check_laps(tx, &mut rx));
        published
    });
    let [first_piece, second_piece] = [BEFORE, FULL];
    for published in [first_piece, second_piece, ALL] {
        assert!(arrived.contains(&published), "no victim died after {published} items: {arrived:?}");
    }
    let is_whole_piece = |n: &u64| n % BEFORE == 0;
    assert!(!K::CLAIMS || arrived.iter().all(is_whole_piece), "a part of a piece arrived: {arrived:?}");
    assert!(arrived.iter().all(|n| (BEFORE..=ALL).contains(n)), "{arrived:?}");
}
