//! Sleepers and those who wake them: whoever of them is killed, the other is not left behind.
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ringway::spsc::{Producer, Ring};
use ringway::{Departure, PopError, PushError};

use crate::points::Plot;
use crate::scene::{CONSUMER, Item, PRODUCER, Scene, laps, receive_all};
use crate::victim::mark;

/// No sleeper may take longer to notice what happened; a slice is 100 ms.
const SLICES: Duration = Duration::from_secs(5);
/// How many sleepers there are at a time, each in a ring of its own.
const SLEEPERS: usize = 48;
/// The cell that comes next in a ring of sleepers.
const PASSED: u64 = 13;

/// Somebody who sleeps in a ring, in another thread.
struct Sleeper<R> {
    scene: Scene<Item>,
    thread: JoinHandle<(R, Instant)>,
}

/// Somebody who slept, whose waker is dead.
struct Left<R> {
    sleeper: Sleeper<R>,
    since: Instant,
    /// What it has to come back with.
    expected: R,
}

impl<R: Send + PartialEq + std::fmt::Debug + 'static> Sleeper<R> {
    fn falls_asleep(waiting: u64, sleep: impl FnOnce(&Ring<Item>) -> R + Send + 'static) -> Self {
        let scene = Scene::set(PASSED, waiting, |_| {});
        let ring = scene.ring.clone();
        let thread = thread::spawn(move || {
            let result = sleep(&ring);
            (result, Instant::now())
        });
        Self { scene, thread }
    }
}

impl<R: PartialEq + std::fmt::Debug> Left<R> {
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
fn kill_wakers<R: Send + PartialEq + std::fmt::Debug + 'static>(
    name: &str,
    prepare: &dyn Fn() -> Sleeper<R>,
    act: &dyn Fn(&Scene<Item>),
    expected: &dyn Fn(&Scene<Item>) -> R,
) {
    let mut left = VecDeque::new();
    let plot = Plot {
        name,
        minimum: 20,
        prepare,
        file: &|sleeper| sleeper.scene.path().to_owned(),
        act: &|sleeper| act(&sleeper.scene),
        alone: false,
        rouse: None,
    };
    plot.kill_everywhere(|sleeper| {
        let expected = expected(&sleeper.scene);
        left.push_back(Left { sleeper, since: Instant::now(), expected });
        if left.len() > SLEEPERS {
            left.pop_front().into_iter().for_each(Left::check);
        }
    });
    left.into_iter().for_each(Left::check);
}

/// Waits until the holder of the seat at `block` sleeps, as far as can be told.
fn await_sleep(scene: &Scene<Item>, block: u64) {
    let deadline = Instant::now() + SLICES;
    while !scene.is_parked(block) {
        assert!(Instant::now() < deadline, "it does not fall asleep");
        thread::sleep(Duration::from_micros(50));
    }
    // From its flag to its sleep.
    thread::sleep(Duration::from_micros(300));
}

pub fn kill_waking_producer(_: &[&str]) {
    kill_wakers(
        "typed push to a sleeper",
        &|| {
            Sleeper::falls_asleep(0, |ring| {
                let mut rx = ring.consumer().unwrap();
                assert!(rx.wait_for_producer(SLICES));
                rx.pop().map(Item::checked)
            })
        },
        &|scene| {
            let mut tx = scene.joined().producer().unwrap();
            let item = Item::numbered(1);
            await_sleep(scene, CONSUMER);
            mark();
            let pushed = tx.try_push(&item);
            mark();
            pushed.unwrap();
        },
        &|scene| {
            let is_published = scene.stamp(PASSED) == PASSED + 1;
            if is_published { Ok(1) } else { Err(PopError::Closed(Departure::Died)) }
        },
    );
}

pub fn kill_waking_consumer(_: &[&str]) {
    kill_wakers(
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
            await_sleep(scene, PRODUCER);
            mark();
            let popped = rx.try_pop();
            mark();
            assert_eq!(popped.map(Item::checked), Ok(1));
        },
        &|scene| {
            let is_released = scene.head() > PASSED;
            if is_released { Ok(()) } else { Err(PushError::Closed(Departure::Died)) }
        },
    );
}

/// The producer of a ring whose consumer falls asleep.
struct Waker {
    tx: RefCell<Producer<Item>>,
    /// The last number sent.
    sent: Cell<u64>,
}

impl Waker {
    fn send(&self) {
        self.sent.set(self.sent.get() + 1);
        self.tx.borrow_mut().try_push(&Item::numbered(self.sent.get())).unwrap();
    }
}

pub fn kill_sleeping_consumer(_: &[&str]) {
    let scene = Scene::<Item>::set(PASSED, 0, |_| {});
    let plot = Plot {
        name: "typed pop that sleeps",
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
        rouse: Some(&|waker: &Waker| waker.send()),
    };
    let received = plot.kill_everywhere(|waker| {
        waker.send();
        assert!(!scene.is_parked(CONSUMER), "the dead sleeper is to be woken once, not for ever");
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
