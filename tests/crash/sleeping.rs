//! Sleepers and those who wake them: whoever of them is killed, the other is not left behind.
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ringway::ring::{Consumer, Producer, Ring};
use ringway::{Departure, Options, PopError, PushError, Select, spsc};
use rustix::event::{PollFd, PollFlags, poll};

use crate::points::Plot;
use crate::scene::{Flow, Item, Scene, laps, receive_all};
use crate::sort::Sort;
use crate::victim::mark;

/// No sleeper may take longer to notice what happened; a slice is 100 ms.
const SLICES: Duration = Duration::from_secs(20);
/// How many sleepers there are at a time, each in a ring of its own.
const SLEEPERS: usize = 48;
/// The cell that comes next in a ring of sleepers.
const PASSED: u64 = 13;

/// Somebody who sleeps in a ring, in another thread.
struct Sleeper<R, K> {
    scene: Scene<Item, K>,
    thread: JoinHandle<(R, Instant)>,
}

/// Somebody who slept, whose waker is dead.
struct Left<R, K> {
    sleeper: Sleeper<R, K>,
    since: Instant,
    /// What it has to come back with.
    expected: R,
}

impl<R: Send + PartialEq + Debug + 'static, K: Sort> Sleeper<R, K> {
    /// In a ring with one seat for a producer.
    fn falls_asleep(waiting: u64, sleep: impl FnOnce(&Ring<K, Item>) -> R + Send + 'static) -> Self {
        let scene = Scene::with_seats(1, PASSED, waiting, |_| {});
        let ring = scene.ring.clone();
        let thread = thread::spawn(move || {
            let result = sleep(&ring);
            (result, Instant::now())
        });
        Self { scene, thread }
    }
}

impl<R: PartialEq + Debug, K: Sort> Left<R, K> {
    fn check(self) {
        while !self.sleeper.thread.is_finished() {
            assert!(self.since.elapsed() < 2 * SLICES, "it sleeps on, though {:?} is due", self.expected);
            thread::sleep(Duration::from_millis(1));
        }
        let (result, at) = self.sleeper.thread.join().unwrap();
        assert_eq!(result, self.expected);
        assert!(at.saturating_duration_since(self.since) < SLICES, "it slept on");
    }
}

/// Kills those who wake a sleeper, everywhere. What happens to the sleepers is seen later: meanwhile others die.
fn kill_wakers<R: Send + PartialEq + Debug + 'static, K: Sort>(
    name: &str,
    prepare: &dyn Fn() -> Sleeper<R, K>,
    act: &dyn Fn(&Scene<Item, K>),
    expected: &dyn Fn(&Scene<Item, K>) -> R,
) {
    let mut left = VecDeque::new();
    let plot = Plot {
        name: &format!("{}, {name}", K::NAME),
        minimum: 20,
        prepare,
        file: &|sleeper| sleeper.scene.path().to_owned(),
        act: &|sleeper| act(&sleeper.scene),
        alone: false,
        rouse: None,
        on_foot: false,
    };
    plot.kill_everywhere(|sleeper, _| {
        let expected = expected(&sleeper.scene);
        left.push_back(Left { sleeper, since: Instant::now(), expected });
        if left.len() > SLEEPERS {
            left.pop_front().into_iter().for_each(Left::check);
        }
    });
    left.into_iter().for_each(Left::check);
}

/// Waits until somebody `sleeps`, as far as can be told.
fn await_sleep(sleeps: impl Fn() -> bool) {
    let deadline = Instant::now() + SLICES;
    while !sleeps() {
        assert!(Instant::now() < deadline, "it does not fall asleep");
        thread::sleep(Duration::from_micros(50));
    }
    // From its flag to its sleep.
    thread::sleep(Duration::from_micros(300));
}

/// `sleep` is how the consumer waits for a record.
fn kill_wakers_of<K: Sort>(name: &str, sleep: fn(Consumer<K, Item>) -> Result<u64, PopError>) {
    kill_wakers::<_, K>(
        name,
        &|| {
            Sleeper::falls_asleep(0, move |ring| {
                let rx = ring.consumer().unwrap();
                assert!(rx.wait_for_producer(SLICES));
                sleep(rx)
            })
        },
        &|scene| {
            let mut tx = scene.joined().producer().unwrap();
            let item = Item::numbered(1);
            await_sleep(|| scene.consumer_sleeps(0));
            mark();
            let pushed = tx.try_push(&item);
            mark();
            pushed.unwrap();
        },
        &|scene| {
            let is_published = scene.is_stamped(0, PASSED);
            if is_published { Ok(1) } else { Err(PopError::Closed(Departure::Died)) }
        },
    );
}

pub fn kill_waking_producer<K: Sort>(_: &[&str]) {
    kill_wakers_of::<K>("typed push to a sleeper", |mut rx| rx.pop().map(Item::checked));
}

pub fn kill_who_wakes_an_attendant<K: Sort>(_: &[&str]) {
    kill_wakers_of::<K>("typed push to an attendant", |rx| {
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

pub fn kill_who_wakes_a_select<K: Sort>(_: &[&str]) {
    kill_wakers_of::<K>("typed push to a select", |mut rx| {
        let other = spsc::Ring::<u64>::on_heap(&Options::new().capacity(2)).unwrap();
        let (_tx, mut other) = (other.producer().unwrap(), other.consumer().unwrap());
        assert_eq!(Select::new().wait(&mut [&mut other, &mut rx]), Some(1));
        rx.try_pop().map(Item::checked)
    });
}

pub fn kill_waking_consumer<K: Sort>(_: &[&str]) {
    kill_wakers::<_, K>(
        "typed pop from a ring whose producer sleeps",
        &|| {
            Sleeper::falls_asleep(8, |ring| {
                let mut tx = ring.producer().unwrap();
                assert!(tx.wait_for_consumer(SLICES));
                tx.push(&Item::numbered(9))
            })
        },
        &|scene| {
            let mut rx = scene.joined().consumer().unwrap();
            await_sleep(|| scene.producer_sleeps(0));
            mark();
            let popped = rx.try_pop();
            mark();
            assert_eq!(popped.map(Item::checked), Ok(1));
        },
        &|scene| {
            let is_released = scene.head(0) > PASSED;
            if is_released { Ok(()) } else { Err(PushError::Closed(Departure::Died)) }
        },
    );
}

/// The producer of a ring whose consumer falls asleep.
struct Waker<K: Sort> {
    tx: RefCell<Producer<K, Item>>,
    /// The last number sent.
    sent: Cell<u64>,
}

impl<K: Sort> Waker<K> {
    fn send(&self) {
        self.sent.set(self.sent.get() + 1);
        self.tx.borrow_mut().try_push(&Item::numbered(self.sent.get())).unwrap();
    }
}

pub fn kill_sleeping_consumer<K: Sort>(_: &[&str]) {
    let scene = Scene::<Item, K>::set(PASSED, 0, |_| {});
    let plot = Plot {
        name: &format!("{}, typed pop that sleeps", K::NAME),
        minimum: 100,
        prepare: &|| {
            scene.reset();
            Waker { tx: RefCell::new(scene.ring.producer().unwrap()), sent: Cell::new(0) }
        },
        file: &|_| scene.path().to_owned(),
        act: &|_| {
            let mut rx = scene.joined().consumer().unwrap();
            mark();
            let popped = rx.pop();
            mark();
            assert_eq!(popped.map(Item::checked), Ok(1));
        },
        alone: false,
        rouse: Some(&|waker: &Waker<K>| waker.send()),
        on_foot: false,
    };
    let received = plot.kill_everywhere(|waker, _| {
        waker.send();
        assert!(!scene.consumer_sleeps(0), "the dead sleeper is to be woken once, not for ever");
        waker.send();
        let mut rx = scene.ring.consumer().expect("a dead sleeper's seat is free");
        let numbers = receive_all(&mut rx);
        let sent = waker.sent.get();
        let first = sent + 1 - numbers.len() as u64;
        assert!(numbers.iter().copied().eq(first..=sent), "received {numbers:?} of {sent}");
        laps(&mut waker.tx.borrow_mut(), &mut rx);
        first
    });
    assert!(received.iter().all(|first| (1..=2).contains(first)), "too many were taken: {received:?}");
    assert!(received.contains(&2), "the sleeper never woke");
}

/// The consumer of a ring that is full, and the producers beside the one who waits for room, if there are others.
struct Taker<K: Sort> {
    rx: RefCell<Consumer<K, Item>>,
    others: Vec<Producer<K, Item>>,
    /// The last number taken.
    taken: Cell<u64>,
}

impl<K: Sort> Taker<K> {
    /// So much that it is worth waking somebody.
    fn take_half(&self) {
        for _ in 0..FULL / 2 {
            self.taken.set(self.taken.get() + 1);
            assert_eq!(Item::receive(&mut self.rx.borrow_mut()), Ok(self.taken.get()));
        }
    }
}

/// Items that fill the ring.
const FULL: u64 = 8;

pub fn kill_sleeping_producer<K: Sort>(_: &[&str]) {
    let scene = Scene::<Item, K>::set(PASSED, FULL, |_| {});
    let plot = Plot {
        name: &format!("{}, typed push that sleeps", K::NAME),
        minimum: 100,
        prepare: &|| {
            scene.reset();
            let others = (0..K::LAST).map(|_| scene.ring.producer().unwrap()).collect();
            Taker { rx: RefCell::new(scene.ring.consumer().unwrap()), others, taken: Cell::new(0) }
        },
        file: &|_| scene.path().to_owned(),
        act: &|_| {
            let mut tx = scene.joined().producer().unwrap();
            mark();
            let pushed = tx.push(&Item::numbered(FULL + 1));
            mark();
            pushed.unwrap();
        },
        alone: false,
        rouse: Some(&|taker: &Taker<K>| taker.take_half()),
        on_foot: false,
    };
    let arrived = plot.kill_everywhere(|mut taker, pid| {
        let is_published = scene.is_stamped(K::LAST, PASSED + FULL);
        let is_lost = K::CLAIMS && !is_published && scene.tail(K::LAST) > PASSED + FULL;
        taker.take_half();
        assert!(!scene.producer_sleeps(K::LAST), "the dead sleeper is to be woken once, not for ever");
        let mut rx = taker.rx.into_inner();
        let mut numbers = receive_all(&mut rx);
        if is_lost {
            assert!(rx.stalled().is_none(), "the dead hold up nobody");
            numbers.extend(receive_all(&mut rx));
        }
        let losses: Vec<_> = rx.losses().map(|loss| (loss.position, loss.by.pid)).collect();
        assert_eq!(losses, if is_lost { vec![(PASSED + FULL, pid)] } else { vec![] });
        let rest: Vec<u64> = (taker.taken.get() + 1..=FULL + u64::from(is_published)).collect();
        assert_eq!(numbers, rest);
        let mut tx = scene.ring.producer().expect("a dead sleeper's seat is free");
        assert_eq!(tx.seat(), K::LAST);
        laps(&mut tx, &mut rx);
        taker.others.iter_mut().for_each(|tx| laps(tx, &mut rx));
        is_published
    });
    assert!(arrived.contains(&false) && arrived.contains(&true), "it died in one state only");
}
