//! Two victims in a row, in a total order: one died or stopped somewhere in its claim, then another dies at every
//! instruction of its own.
use std::cell::Cell;

use ringway::Losses;
use ringway::mpsc::Mpsc;
use ringway::ring::Producer;
use ringway::{PopError, SeatError};

use crate::acts::{self, Act};
use crate::among::receive_until;
use crate::mending::{Until, comes_to};
use crate::points::Plot;
use crate::scene::{BESIDE, Flow, Item, LATER, SMALL, Scene, laps};
use crate::victim::Victim;

/// What is told of a loss: seat, process id, position, cells.
type Told = (u16, u64, u64, u64);

fn told(losses: Losses<'_>) -> Vec<Told> {
    losses.map(|loss| (loss.seat, loss.by.pid, loss.position, loss.cells)).collect()
}

/// A ring with three seats, empty: another producer is to have seat 0.
struct Pair<'a, T: Flow + ?Sized> {
    name: &'a str,
    scene: Scene<T, Mpsc>,
    /// How far the first victim comes.
    until: Until,
    /// Its seat, its process id, the position it was at, how much it claimed.
    first: Told,
    /// The address of the instruction that it did not come to.
    there: u64,
    /// The second victim's seat.
    second: u16,
    /// The numbers that either sends.
    sends: &'a [u64],
    act: Act<'a, Mpsc, T>,
}

/// What the second victim did.
#[derive(Clone, Copy, Debug)]
struct Deed {
    start: u64,
    claimed: u64,
    is_published: bool,
    is_owned: bool,
}

impl Deed {
    fn is_open(&self) -> bool {
        self.claimed > 0 && !self.is_published
    }
}

impl<'a, T: Flow + ?Sized> Pair<'a, T> {
    /// The next cell is `start`. The first victim takes seat `first`, 1 or 2, dies there, and leaves the other to the
    /// second.
    fn new(
        name: &'a str,
        start: u64,
        first: u16,
        until: Until,
        sends: &'a [u64],
        act: Act<'a, Mpsc, T>,
    ) -> Self {
        let (mut pid, mut there) = (0, 0);
        let scene = Scene::with_seats(3, start, 0, |scene: &Scene<T, Mpsc>| {
            let _before: Vec<_> = (0..first).map(|_| scene.ring.producer().unwrap()).collect();
            let victim = comes_to(scene, first, until, act);
            (pid, there) = (victim.id(), victim.address());
        });
        let claimed = scene.tail(0) - start;
        let (first, second) = ((first, pid, start, claimed), 3 - first);
        Self { name, scene, until, first, there, second, sends, act }
    }

    fn deed(&self) -> Deed {
        let (scene, start) = (&self.scene, self.scene.tail_as_set(0));
        Deed {
            start,
            claimed: scene.tail(0) - start,
            is_published: scene.is_stamped(self.second, start),
            is_owned: scene.announced(self.second) == Some((start, true)),
        }
    }

    fn kill_everywhere(self) {
        let turns = Cell::new(0);
        let plot = Plot {
            name: &format!("mpsc, {}, after one died {:?}", self.name, self.until),
            minimum: 50,
            prepare: &|| {
                self.scene.reset();
                self.scene.ring.producer().unwrap()
            },
            file: &|_| self.scene.path().to_owned(),
            act: &|_| (self.act)(&self.scene.joined()),
            alone: true,
            rouse: None,
            on_foot: false,
        };
        let deeds = plot.kill_everywhere(|other, pid| {
            turns.set(turns.get() + 1);
            self.check(other, pid, turns.get())
        });
        let unsaid = deeds.iter().any(|deed| deed.is_open() && !deed.is_owned);
        let said = deeds.iter().any(|deed| deed.is_open() && deed.is_owned);
        let arrived = deeds.last().is_some_and(|deed| deed.is_published);
        assert!(unsaid && said && arrived, "the second victim did not come by everything");
    }

    /// Both are dead.
    fn check(&self, mut other: Producer<Mpsc, T>, pid: u64, turn: u32) -> Deed {
        let deed = self.deed();
        let ring = &self.scene.ring;
        let (first, second) = (self.first, (self.second, pid, deed.start, deed.claimed));
        let mut lost = Vec::new();
        lost.extend((first.3 > 0).then_some(first));
        lost.extend(deed.is_open().then_some(second));
        let early = if turn % 3 == 1 { ring.producer().ok() } else { None };
        if let Some(tx) = &early {
            assert!(lost.iter().all(|(seat, ..)| *seat != tx.seat()), "{lost:?} was not resolved");
        }
        if turn % 3 == 2 {
            let recovered = ring.recover().unwrap();
            assert_eq!((recovered.lost, recovered.blocked_by), (lost.len() as u64, None));
        }
        T::send(&mut other, BESIDE + 1, SMALL).unwrap();
        let mut rx = ring.consumer().unwrap();
        let published = if deed.is_published { self.sends } else { &[] };
        let expected = [published, &[BESIDE + 1]].concat();
        assert_eq!(receive_until(&mut rx, &[BESIDE + 1]), expected, "after {deed:?}");

        let mut told = told(rx.losses());
        // Two dead announced the same position and neither came to say that it owns it: it is told of either.
        let is_ambiguous = self.until == Until::Announced && deed.is_open() && !deed.is_owned;
        if let (true, [(seat, by, ..)]) = (is_ambiguous, &mut told[..]) {
            if (*seat, *by) == (first.0, first.1) {
                (*seat, *by) = (second.0, second.1);
            }
        }
        assert_eq!(told, lost, "after {deed:?}");

        let mut txs: Vec<_> = early.into_iter().collect();
        while txs.len() < 2 {
            txs.push(ring.producer().expect("what was claimed is resolved"));
        }
        for tx in &mut txs {
            T::send(tx, LATER, SMALL).unwrap();
            assert_eq!(receive_until(&mut rx, &[LATER]), [LATER]);
            laps(tx, &mut rx);
        }
        laps(&mut other, &mut rx);
        assert!(matches!(ring.producer(), Err(SeatError::AllTaken { .. })));
        assert_eq!(rx.losses().next(), None, "once is enough");
        deed
    }

    /// The first victim only stops, everywhere at the same place: after it announced what the second then claims.
    fn kill_beside_a_rival(self) {
        let there = self.there;
        let plot = Plot {
            name: &format!("mpsc, {}, beside one that stopped {:?}", self.name, self.until),
            minimum: 50,
            prepare: &|| {
                self.scene.reset();
                let (other, free) =
                    (self.scene.ring.producer().unwrap(), self.scene.ring.producer().unwrap());
                let mut rival = Victim::start(|| (self.act)(&self.scene.joined()));
                drop(free);
                rival.run_to(there, 1, None);
                assert_eq!(self.scene.announced(1), Some((self.first.2, false)));
                (other, rival)
            },
            file: &|_| self.scene.path().to_owned(),
            act: &|_| (self.act)(&self.scene.joined()),
            alone: true,
            rouse: None,
            on_foot: false,
        };
        let deeds = plot.kill_everywhere(|(other, rival), pid| self.check_rival(other, rival, pid));
        assert!(deeds.iter().any(|deed| deed.is_open() && !deed.is_owned), "the corner was never met");
    }

    /// The second victim is dead, its rival stopped.
    fn check_rival(&self, mut other: Producer<Mpsc, T>, rival: Victim, pid: u64) -> Deed {
        let deed = self.deed();
        let ring = &self.scene.ring;
        let is_held = deed.is_open() && !deed.is_owned;
        T::send(&mut other, BESIDE + 1, SMALL).unwrap();
        let mut rx = ring.consumer().unwrap();
        let published = if deed.is_published { self.sends } else { &[] };
        let expected = [published, &[BESIDE + 1]].concat();
        if is_held {
            for _ in 0..3 {
                let blame = rx.stalled().map(|blame| (blame.seat, blame.pid, blame.alive));
                assert_eq!(blame, Some((1, rival.id(), true)), "after {deed:?}");
                assert_eq!(T::receive(&mut rx), Err(PopError::Empty));
            }
        } else {
            assert_eq!(receive_until(&mut rx, &[BESIDE + 1]), expected, "after {deed:?}");
        }
        rival.finish();
        let last = self.sends.last().copied().unwrap();
        let rest = [if is_held { &expected[..] } else { &[] }, self.sends].concat();
        assert_eq!(receive_until(&mut rx, &[last]), rest, "after {deed:?}");
        let lost = deed.is_open().then_some((2, pid, deed.start, deed.claimed));
        assert_eq!(told(rx.losses()), Vec::from_iter(lost), "after {deed:?}");
        laps(&mut ring.producer().unwrap(), &mut rx);
        laps(&mut other, &mut rx);
        deed
    }
}

fn items(until: Until, first: u16) -> Pair<'static, Item> {
    Pair::new("typed push", 13, first, until, &[3], &acts::push_item)
}

/// Three cells before the end of the lap: whoever is first leaves a pad.
fn bytes(until: Until, first: u16) -> Pair<'static, [u8]> {
    Pair::new("batch of three", 2 * 16 + 13, first, until, &[3, 4, 5], &acts::batch)
}

pub fn kill_after_seated(_: &[&str]) {
    items(Until::Seated, 1).kill_everywhere();
}

pub fn kill_after_announced(_: &[&str]) {
    items(Until::Announced, 1).kill_everywhere();
}

pub fn kill_before_announced(_: &[&str]) {
    items(Until::Announced, 2).kill_everywhere();
}

pub fn kill_after_claimed(_: &[&str]) {
    items(Until::Claimed, 1).kill_everywhere();
}

pub fn kill_batch_after_announced(_: &[&str]) {
    bytes(Until::Announced, 1).kill_everywhere();
}

pub fn kill_batch_after_claimed(_: &[&str]) {
    bytes(Until::Claimed, 2).kill_everywhere();
}

pub fn kill_batch_after_owned(_: &[&str]) {
    bytes(Until::Owned, 1).kill_everywhere();
}

pub fn kill_batch_after_later_stamp(_: &[&str]) {
    bytes(Until::LaterStamp, 2).kill_everywhere();
}

pub fn kill_beside_a_rival(_: &[&str]) {
    items(Until::Announced, 1).kill_beside_a_rival();
}
