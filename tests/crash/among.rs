//! Producers that are killed or stopped among others: what they sent arrives whole or not at all, nobody else is held up
//! by the dead, and what a dead one had claimed is reported.
use std::cell::Cell;
use std::mem;
use std::time::Duration;

use ringway::ring::{Consumer, Producer};
use ringway::{PopError, SeatError};

use crate::acts::{self, Act};
use crate::points::Plot;
use crate::scene::{BESIDE, Flow, Item, LATER, SMALL, Scene, laps, receive_all};
use crate::sort::Sort;
use crate::victim::dies_after;

/// Nothing that is due may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An operation of a producer that has seat 1, while another has seat 0.
struct Sending<'a, T: Flow + ?Sized, K> {
    name: &'a str,
    minimum: usize,
    scene: Scene<T, K>,
    /// Records 1 to this one are in the ring before, sent from the same seat.
    waiting: u64,
    /// How many the operation sends: the next numbers.
    sends: u64,
    /// Whether they come all or none; else the first come first.
    at_once: bool,
    act: Act<'a, K, T>,
}

/// What the segment's words say that a victim has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    /// How many cells it claimed.
    pub claimed: u64,
    /// How many of its records are published.
    pub published: u64,
    /// Whether what it claimed has no stamp.
    pub is_open: bool,
}

/// Receives until each of `last` came, and what else is there; all that came.
pub fn receive_until<T: Flow + ?Sized, K: Sort>(rx: &mut Consumer<K, T>, last: &[u64]) -> Vec<u64> {
    let mut numbers = Vec::new();
    while !last.iter().all(|number| numbers.contains(number)) {
        let received = T::receive_within(rx, PATIENCE);
        numbers.push(received.unwrap_or_else(|error| panic!("{error}, after {numbers:?}, not yet {last:?}")));
    }
    numbers.extend(receive_all(rx));
    numbers
}

/// Those of `numbers` that producers in other seats than the victim's sent, and those from its seat.
fn sorted_out(numbers: &[u64]) -> (Vec<u64>, Vec<u64>) {
    numbers.iter().partition(|&&n| (BESIDE..LATER).contains(&n))
}

impl<T: Flow + ?Sized, K: Sort> Sending<'_, T, K> {
    fn plot<'a, S>(
        &'a self,
        name: &'a str,
        prepare: &'a dyn Fn() -> S,
        file: &'a dyn Fn(&S) -> std::path::PathBuf,
        act: &'a dyn Fn(&S),
    ) -> Plot<'a, S> {
        Plot { name, minimum: self.minimum, prepare, file, act, alone: true, rouse: None, on_foot: false }
    }

    /// Where the operation begins, in cells.
    fn start(&self) -> u64 {
        self.scene.tail_as_set(K::LAST)
    }

    fn deed(&self) -> Deed {
        let (scene, start) = (&self.scene, self.start());
        let claimed = if K::CLAIMS { scene.tail(K::LAST) - start } else { 0 };
        let is_stamped = scene.is_stamped(K::LAST, start);
        let published = match (is_stamped, self.at_once) {
            (false, _) => 0,
            (true, true) => self.sends,
            (true, false) => {
                (0..self.sends).take_while(|n| scene.is_stamped(K::LAST, start + n)).count() as u64
            }
        };
        Deed { claimed, published, is_open: claimed > 0 && !is_stamped }
    }

    fn kill_everywhere(self) {
        let turns = Cell::new(0);
        let name = format!("{}, {}", K::NAME, self.name);
        let prepare = || {
            self.scene.reset();
            self.scene.ring.producer().unwrap()
        };
        let (file, act) = (|_: &_| self.scene.path().to_owned(), |_: &_| (self.act)(&self.scene.joined()));
        let plot = self.plot(&name, &prepare, &file, &act);
        let deeds = plot.kill_everywhere(|other, pid| {
            turns.set(turns.get() + 1);
            self.check(other, pid, turns.get())
        });
        let arrived: Vec<u64> = deeds.iter().map(|deed| deed.published).collect();
        let is_possible = |n: &u64| !self.at_once || *n == 0 || *n == self.sends;
        assert!(arrived.iter().all(is_possible), "a part arrived: {arrived:?}");
        assert!(arrived.is_sorted(), "what was sent did not stay sent: {arrived:?}");
        assert_eq!(arrived.first(), Some(&0), "nothing was done");
        assert_eq!(arrived.last(), Some(&self.sends), "all was done");
        let was_open = deeds.iter().any(|deed| deed.is_open);
        assert_eq!(was_open, K::CLAIMS && deeds.iter().any(|deed| deed.claimed > 0), "nothing was ever lost");
    }

    /// The victim is dead, and what it did is found in one of four orders of events.
    fn check(&self, mut other: Producer<K, T>, pid: u64, turn: u32) -> Deed {
        let deed = self.deed();
        let ring = &self.scene.ring;
        let (repairs, hurries) = (turn % 4 >= 2, turn % 2 == 1);
        if repairs {
            let recovered = ring.recover().unwrap();
            assert_eq!((recovered.lost, recovered.blocked_by), (deed.is_open.into(), None));
        }
        let early = if hurries { self.successor(deed.is_open && !repairs) } else { None };
        T::send(&mut other, BESIDE + 1, SMALL).unwrap();
        let mut rx = ring.consumer().unwrap();
        let numbers = receive_until(&mut rx, &[BESIDE + 1]);
        let own: Vec<u64> = (1..=self.waiting + deed.published).collect();
        let (others, arrived) = sorted_out(&numbers);
        assert_eq!((others, arrived), (vec![BESIDE + 1], own), "received {numbers:?} after {deed:?}");
        assert!(K::HAS_LANES || numbers.ends_with(&[BESIDE + 1]), "in order: {numbers:?}");

        // Who it was is not known any more once somebody has taken the seat.
        let by = if early.is_some() { 0 } else { pid };
                let told: Vec<_> =
            rx.losses().map(|loss| (loss.seat, loss.by.pid, loss.position, loss.cells)).collect();
        let expected = deed.is_open.then_some((K::LAST, by, self.start(), deed.claimed));
        assert_eq!(told, Vec::from_iter(expected), "after {deed:?}");
        let counted = ring.seats().nth(1 + usize::from(K::LAST)).map(|seat| seat.counters.lost);
        assert_eq!(counted, Some(deed.is_open.into()), "counted");

        let mut tx = early.or_else(|| self.successor(false)).unwrap();
        T::send(&mut tx, LATER, SMALL).unwrap();
        T::send(&mut other, BESIDE + 2, SMALL).unwrap();
        let numbers = receive_until(&mut rx, &[LATER, BESIDE + 2]);
        assert!(numbers.len() == 2 && (K::HAS_LANES || numbers == [LATER, BESIDE + 2]), "{numbers:?}");
        laps(&mut tx, &mut rx);
        laps(&mut other, &mut rx);
        assert_eq!(rx.losses().next(), None, "once is enough");
        deed
    }

    /// Another in the victim's seat; none if what it claimed `is_open`.
    fn successor(&self, is_open: bool) -> Option<Producer<K, T>> {
        match self.scene.ring.producer() {
            Err(SeatError::AllTaken { .. }) if is_open => None,
            taken => {
                let tx = taken.expect("a dead producer's seat is free");
                assert!(!is_open, "the seat was taken before its last claim was resolved");
                assert_eq!(tx.seat(), K::LAST);
                Some(tx)
            }
        }
    }

    /// Stops it everywhere instead: nobody may take its seat or its record, it holds up only what comes after a claim of
    /// its own, and it goes on as if nothing had been.
    fn stop_everywhere(self) {
        let turns = Cell::new(0);
        let name = format!("{}, {}, stopped", K::NAME, self.name);
        let prepare = || {
            self.scene.reset();
            turns.set(turns.get() + 1);
            Witnesses { other: self.scene.ring.producer().unwrap(), rx: None, numbers: Vec::new() }
        };
        let file = |_: &Witnesses<T, K>| self.scene.path().to_owned();
        let act = |_: &Witnesses<T, K>| (self.act)(&self.scene.joined());
        let plot = self.plot(&name, &prepare, &file, &act);
        let held = Cell::new(0);
        let meanwhile = |witnesses: &mut Witnesses<T, K>, pid| {
            let deed = self.meanwhile(witnesses, pid, turns.get() % 2 == 0);
            held.set(held.get() + usize::from(deed.is_open));
        };
        plot.stop_everywhere(meanwhile, |witnesses| {
            let Witnesses { mut other, rx, mut numbers } = witnesses;
            let mut rx = rx.unwrap();
            numbers.extend(receive_all(&mut rx));
            let (others, own) = sorted_out(&numbers);
            assert_eq!(others, [BESIDE + 1, BESIDE + 2], "received {numbers:?}");
            assert_eq!(own, Vec::from_iter(1..=self.waiting + self.sends), "received {numbers:?}");
            assert_eq!(rx.losses().next(), None, "it only stopped");
            laps(&mut self.scene.ring.producer().unwrap(), &mut rx);
            laps(&mut other, &mut rx);
        });
        assert_eq!(held.get() > 0, K::CLAIMS, "held up {} times", held.get());
    }

    fn meanwhile(&self, witnesses: &mut Witnesses<T, K>, pid: u64, repairs: bool) -> Deed {
        let deed = self.deed();
        let ring = &self.scene.ring;
        let robbed = ring.producer();
        assert!(matches!(robbed, Err(SeatError::AllTaken { .. })), "it only stopped: {robbed:?}");
        if repairs {
            let recovered = ring.recover().unwrap();
            let blocked_by = recovered.blocked_by.map(|who| who.pid);
            assert_eq!((recovered.lost, blocked_by), (0, deed.is_open.then_some(pid)), "{deed:?}");
        }
        let mut rx = ring.consumer().unwrap();
        T::send(&mut witnesses.other, BESIDE + 1, SMALL).unwrap();
        T::send(&mut witnesses.other, BESIDE + 2, SMALL).unwrap();
        let own = 1..=self.waiting + deed.published;
        for look in 0..3 {
            witnesses.numbers.extend(receive_all(&mut rx));
            let (others, arrived) = sorted_out(&witnesses.numbers);
            let free: &[u64] = if deed.is_open { &[] } else { &[BESIDE + 1, BESIDE + 2] };
            assert_eq!((&others[..], arrived), (free, Vec::from_iter(own.clone())), "look {look}: {deed:?}");
            let blame = rx.stalled().map(|blame| (blame.seat, blame.pid, blame.alive, blame.cells));
            let cells = deed.claimed + 2;
            assert_eq!(blame, deed.is_open.then_some((K::LAST, pid, true, cells)), "look {look}: {deed:?}");
        }
        assert_eq!(T::receive(&mut rx), Err(PopError::Empty), "nobody is gone");
        assert_eq!(rx.losses().next(), None, "it only stopped");
        witnesses.rx = Some(rx);
        deed
    }
}

/// Those who see a producer stop: another, and the consumer with what it was given.
struct Witnesses<T: Flow + ?Sized, K: Sort> {
    other: Producer<K, T>,
    rx: Option<Consumer<K, T>>,
    numbers: Vec<u64>,
}

/// A ring of 16 cells: with two more in it, three are left in the lap.
pub const NEARLY_ROUND: u64 = 2 * 16 + 11;

fn typed_push<'a, K: Sort>() -> Sending<'a, Item, K> {
    let scene = Scene::set(13, 2, |_| {});
    Sending {
        name: "typed push",
        minimum: 20,
        scene,
        waiting: 2,
        sends: 1,
        at_once: true,
        act: &acts::push_item,
    }
}

fn typed_slice<'a, K: Sort>() -> Sending<'a, Item, K> {
    Sending {
        name: "typed push_slice, over the end of the lap",
        minimum: 100,
        scene: Scene::set(2 * 8 + 4, 2, |_| {}),
        waiting: 2,
        sends: 4,
        at_once: !K::HAS_LANES,
        act: &acts::push_slice,
    }
}

/// An operation in a byte ring that is nearly round, which sends all of its records at once.
fn in_bytes<'a, K: Sort>(name: &'a str, sends: u64, act: Act<'a, K, [u8]>) -> Sending<'a, [u8], K> {
    let scene = Scene::set(NEARLY_ROUND, 2, |_| {});
    Sending { name, minimum: 50, scene, waiting: 2, sends, at_once: true, act }
}

/// Taking the seat, whatever the last one who had it left.
fn attach<T: Flow + ?Sized, K: Sort>(name: &str, scene: Scene<T, K>) {
    Sending { name, minimum: 100, scene, waiting: 2, sends: 0, at_once: true, act: &acts::attach }
        .kill_everywhere();
}

pub fn kill_typed_push<K: Sort>(_: &[&str]) {
    typed_push::<K>().kill_everywhere();
}

pub fn stop_typed_push<K: Sort>(_: &[&str]) {
    typed_push::<K>().stop_everywhere();
}

pub fn kill_push_slice<K: Sort>(_: &[&str]) {
    typed_slice::<K>().kill_everywhere();
}

pub fn stop_push_slice<K: Sort>(_: &[&str]) {
    typed_slice::<K>().stop_everywhere();
}

pub fn kill_push_of_cells<K: Sort>(_: &[&str]) {
    in_bytes::<K>("byte push, three cells", 1, &|ring| acts::push_bytes(ring, 180)).kill_everywhere();
}

pub fn kill_push_after_pad<K: Sort>(_: &[&str]) {
    in_bytes::<K>("byte push, a pad before it", 1, &|ring| acts::push_bytes(ring, 300)).kill_everywhere();
}

pub fn kill_commit_len<K: Sort>(_: &[&str]) {
    in_bytes::<K>("reserve, write, commit_len", 1, &acts::commit_len).kill_everywhere();
}

pub fn kill_abort<K: Sort>(_: &[&str]) {
    in_bytes::<K>("reserve, write, abort", 0, &acts::abort).kill_everywhere();
}

pub fn kill_batch<K: Sort>(_: &[&str]) {
    in_bytes::<K>("batch of three, a pad inside", 3, &acts::batch).kill_everywhere();
}

pub fn stop_batch<K: Sort>(_: &[&str]) {
    in_bytes::<K>("batch of three", 3, &acts::batch).stop_everywhere();
}

pub fn kill_batch_abort<K: Sort>(_: &[&str]) {
    in_bytes::<K>("batch of three, aborted", 0, &acts::abort_batch).kill_everywhere();
}

pub fn kill_detach<K: Sort>(_: &[&str]) {
    in_bytes::<K>("producer dropped, a batch forgotten", 0, &acts::leave).kill_everywhere();
}

pub fn kill_attach<K: Sort>(_: &[&str]) {
    let scene = Scene::<Item, K>::set(13, 2, |scene| {
        let (_others, tx) = scene.producers();
        drop(tx);
        dies_after(|| mem::forget(scene.joined().producer().unwrap()));
    });
    attach("typed producer attaches", scene);
}

pub fn kill_attach_after_batch<K: Sort>(_: &[&str]) {
    let scene = Scene::<[u8], K>::set(NEARLY_ROUND, 2, |scene| {
        let (_others, tx) = scene.producers();
        drop(tx);
        dies_after(|| {
            let mut tx = scene.joined().producer().unwrap();
            acts::forget_a_batch(&mut tx);
            mem::forget(tx);
        });
    });
    attach("producer attaches after one died in a batch", scene);
}
