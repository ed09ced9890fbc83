//! Those who wait for several things at once, killed anywhere: nobody who publishes is burdened, and nothing is lost.
use std::cell::{Cell, RefCell};
use std::time::Duration;
use std::{fs, thread};

use ringway::ring::{Consumer, Producer};
use ringway::{Options, Select, spsc};

use crate::children::{listing, say, soon};
use crate::common::can_sleep_on_several;
use crate::points::Plot;
use crate::scene::{Item, Scene, laps, receive_all};
use crate::sort::Sort;
use crate::victim::mark;

const PASSED: u64 = 13;

/// The producer of a ring whose consumer is the victim.
struct Sender<K: Sort> {
    tx: RefCell<Producer<K, Item>>,
    /// The last number sent.
    sent: Cell<u64>,
}

impl<K: Sort> Sender<K> {
    fn new(scene: &Scene<Item, K>) -> Self {
        scene.reset();
        Self { tx: RefCell::new(scene.ring.producer().unwrap()), sent: Cell::new(0) }
    }

    fn send(&self) {
        self.sent.set(self.sent.get() + 1);
        self.tx.borrow_mut().try_push(&Item::numbered(self.sent.get())).unwrap();
    }

    /// The victim has taken nothing, and nobody minds that it is dead.
    fn goes_on(self, scene: &Scene<Item, K>) {
        self.send();
        assert!(!scene.consumer_sleeps(0), "the dead sleeper is to be woken once, not for ever");
        self.send();
        let mut rx = scene.ring.consumer().expect("a dead sleeper's seat is free");
        assert!(receive_all(&mut rx).into_iter().eq(1..=self.sent.get()));
        laps(&mut self.tx.borrow_mut(), &mut rx);
    }
}

/// In a victim: its attendant has gone to sleep.
fn with_attendant<K: Sort>(scene: &Scene<Item, K>) -> ringway::Pollable<K, Item> {
    let rx: Consumer<K, Item> = scene.joined().consumer().unwrap();
    let rx = rx.into_pollable().unwrap();
    await_attendant();
    rx
}

/// In a victim: waits until its attendant sleeps, as far as can be told. On a busy machine that
/// takes a while, and a victim whose attendant is awake takes another way.
fn await_attendant() {
    let own = rustix::process::getpid().as_raw_pid().to_string();
    let sleeps = |thread: &String| {
        let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    };
    let all_sleep = || listing("/proc/self/task").iter().filter(|thread| **thread != own).all(sleeps);
    // It may sleep for a moment on its way there.
    let mut looks = 0;
    assert!(
        soon(|| {
            thread::sleep(Duration::from_micros(150));
            looks = if all_sleep() { looks + 1 } else { 0 };
            looks == 3
        }),
        "the attendant does not fall asleep"
    );
}

pub fn kill_sleeping_select<K: Sort>(_: &[&str]) {
    if !can_sleep_on_several() {
        // They would start in the middle of what is gone through instruction by instruction.
        return say("skipped: a select has attendants here");
    }
    let scene = Scene::<Item, K>::set(PASSED, 0, |_| {});
    let plot = Plot {
        name: &format!("{}, select that sleeps", K::NAME),
        minimum: 100,
        prepare: &|| Sender::new(&scene),
        file: &|_| scene.path().to_owned(),
        act: &|_| {
            let other = spsc::Ring::<u64>::on_heap(&Options::new().capacity(2)).unwrap();
            let (_tx, mut other) = (other.producer().unwrap(), other.consumer().unwrap());
            let (mut rx, mut select) = (scene.joined().consumer().unwrap(), Select::new());
            mark();
            let found = select.wait(&mut [&mut other, &mut rx]);
            mark();
            assert_eq!(found, Some(1));
        },
        alone: false,
        rouse: Some(&|sender: &Sender<K>| sender.send()),
        on_foot: false,
    };
    plot.kill_everywhere(|sender, _| sender.goes_on(&scene));
}

pub fn kill_arm<K: Sort>(_: &[&str]) {
    let scene = Scene::<Item, K>::set(PASSED, 0, |_| {});
    let plot = Plot {
        name: &format!("{}, arm", K::NAME),
        minimum: 100,
        prepare: &|| Sender::new(&scene),
        file: &|_| scene.path().to_owned(),
        act: &|_| {
            let mut rx = with_attendant(&scene);
            mark();
            let is_armed = rx.arm();
            mark();
            assert!(is_armed);
        },
        alone: false,
        rouse: None,
        on_foot: true,
    };
    plot.kill_everywhere(|sender, _| sender.goes_on(&scene));
}

pub fn kill_drop_of_a_pollable<K: Sort>(_: &[&str]) {
    let scene = Scene::<Item, K>::set(PASSED, 0, |_| {});
    let plot = Plot {
        name: &format!("{}, drop of an armed descriptor", K::NAME),
        minimum: 100,
        prepare: &|| Sender::new(&scene),
        file: &|_| scene.path().to_owned(),
        act: &|_| {
            let mut rx = with_attendant(&scene);
            assert!(rx.arm());
            await_attendant();
            mark();
            drop(rx);
            mark();
        },
        alone: false,
        rouse: None,
        on_foot: true,
    };
    plot.kill_everywhere(|sender, _| sender.goes_on(&scene));
}
