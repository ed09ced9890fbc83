//! Kills a process that waits for several rings, or for a descriptor. It costs the producers
//! nothing, and no record is lost.
use std::cell::{Cell, RefCell};
use std::time::Duration;
use std::{fs, thread};

use ringway::ring::{Consumer, Producer};
use ringway::{Options, Select, spsc};

use crate::fixture::{Fixture, Item, check_laps, receive_all};
use crate::kill_points::Sweep;
use crate::kinds::RingKind;
use crate::victim::mark;
use support::can_sleep_on_several;
use support::process::{listing, say, soon};

const PASSED: u64 = 13;

/// The producer of a ring whose consumer is the victim.
struct Sender<K: RingKind> {
    tx: RefCell<Producer<K, Item>>,
    /// The last number sent.
    sent: Cell<u64>,
}

impl<K: RingKind> Sender<K> {
    fn new(fixture: &Fixture<Item, K>) -> Self {
        fixture.reset();
        Self { tx: RefCell::new(fixture.ring.producer().unwrap()), sent: Cell::new(0) }
    }

    fn send(&self) {
        self.sent.set(self.sent.get() + 1);
        self.tx.borrow_mut().try_push(&Item::numbered(self.sent.get())).unwrap();
    }

    /// The victim has taken no item. The producer continues, and so does the next consumer.
    fn goes_on(self, fixture: &Fixture<Item, K>) {
        self.send();
        assert!(!fixture.consumer_sleeps(0), "a dead waiter must be woken once, not for ever");
        self.send();
        let mut rx = fixture.ring.consumer().expect("a dead waiter's seat is free");
        assert!(receive_all(&mut rx).into_iter().eq(1..=self.sent.get()));
        check_laps(&mut self.tx.borrow_mut(), &mut rx);
    }
}

/// Runs in a victim. Returns a pollable whose waker thread sleeps.
fn with_waker_thread<K: RingKind>(fixture: &Fixture<Item, K>) -> ringway::Pollable<Consumer<K, Item>> {
    let rx: Consumer<K, Item> = fixture.reopened().consumer().unwrap();
    let rx = rx.into_pollable().unwrap();
    await_waker_thread();
    rx
}

/// Runs in a victim. Waits until its waker thread sleeps. On a busy machine that takes a while, and
/// a victim whose waker thread is awake takes another path.
fn await_waker_thread() {
    let own = rustix::process::getpid().as_raw_pid().to_string();
    let sleeps = |thread: &String| {
        let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    };
    let all_sleep = || listing("/proc/self/task").iter().filter(|thread| **thread != own).all(sleeps);
    // The thread may sleep for a moment before it waits.
    let mut looks = 0;
    assert!(
        soon(|| {
            thread::sleep(Duration::from_micros(150));
            looks = if all_sleep() { looks + 1 } else { 0 };
            looks == 3
        }),
        "the waker thread does not fall asleep"
    );
}

pub fn kill_sleeping_select<K: RingKind>(_: &[&str]) {
    if !can_sleep_on_several() {
        // They would start in the middle of the traced operation.
        return say("skipped: a select uses waker threads here");
    }
    let fixture = Fixture::<Item, K>::new(PASSED, 0, |_| {});
    let sweep = Sweep {
        name: &format!("{}, select that sleeps", K::NAME),
        minimum: 100,
        prepare: &|| Sender::new(&fixture),
        file: &|_| fixture.path().to_owned(),
        operation: &|_| {
            let other = spsc::Ring::<u64>::on_heap(&Options::new().capacity(2)).unwrap();
            let (_tx, mut other) = (other.producer().unwrap(), other.consumer().unwrap());
            let (mut rx, mut select) = (fixture.reopened().consumer().unwrap(), Select::new());
            mark();
            let found = select.wait(&mut [&mut other, &mut rx]);
            mark();
            assert_eq!(found, Some(1));
        },
        is_only_writer: false,
        wake: Some(&|sender: &Sender<K>| sender.send()),
        single_steps_only: false,
    };
    sweep.kill_everywhere(|sender, _| sender.goes_on(&fixture));
}

pub fn kill_arm<K: RingKind>(_: &[&str]) {
    let fixture = Fixture::<Item, K>::new(PASSED, 0, |_| {});
    let sweep = Sweep {
        name: &format!("{}, arm", K::NAME),
        minimum: 100,
        prepare: &|| Sender::new(&fixture),
        file: &|_| fixture.path().to_owned(),
        operation: &|_| {
            let mut rx = with_waker_thread(&fixture);
            mark();
            let is_armed = rx.arm();
            mark();
            assert!(is_armed);
        },
        is_only_writer: false,
        wake: None,
        single_steps_only: true,
    };
    sweep.kill_everywhere(|sender, _| sender.goes_on(&fixture));
}

pub fn kill_drop_of_a_pollable<K: RingKind>(_: &[&str]) {
    let fixture = Fixture::<Item, K>::new(PASSED, 0, |_| {});
    let sweep = Sweep {
        name: &format!("{}, drop of an armed descriptor", K::NAME),
        minimum: 100,
        prepare: &|| Sender::new(&fixture),
        file: &|_| fixture.path().to_owned(),
        operation: &|_| {
            let mut rx = with_waker_thread(&fixture);
            assert!(rx.arm());
            await_waker_thread();
            mark();
            drop(rx);
            mark();
        },
        is_only_writer: false,
        wake: None,
        single_steps_only: true,
    };
    sweep.kill_everywhere(|sender, _| sender.goes_on(&fixture));
}
