//! Those who mend what a dead producer left are killed, too: the next one finds all as it was, or mended.
use std::cell::Cell;

use ringway::SeatError;
use ringway::mpsc::Mpsc;
use ringway::ring::{Producer, Ring};

use crate::acts::{self, Act};
use crate::among::{NEARLY_ROUND, receive_until};
use crate::points::Plot;
use crate::scene::{BESIDE, Flow, Item, LATER, SMALL, Scene, laps};
use crate::sort::Sort;
use crate::victim::{Victim, mark};

/// How far a producer comes before it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It has taken its seat.
    Seated,
    /// It has announced what it is about to claim.
    Announced,
    /// It has claimed it.
    Claimed,
    /// It has said so.
    Owned,
    /// It has stamped something, but not the first cell.
    LaterStamp,
}

/// A producer in `seat` comes so far in its operation and stops there. `act` ends like it began, with a mark.
pub fn comes_to<T: Flow + ?Sized>(
    scene: &Scene<T, Mpsc>,
    seat: u16,
    until: Until,
    act: Act<'_, Mpsc, T>,
) -> Victim {
    let start = scene.tail(seat);
    let mut victim = Victim::start(|| act(&scene.joined()));
    let is_there = || match until {
        Until::Seated => true,
        Until::Announced => scene.announced(seat) == Some((start, false)),
        Until::Claimed => scene.tail(seat) > start,
        Until::Owned => scene.announced(seat) == Some((start, true)),
        Until::LaterStamp => (start + 1..scene.tail(seat)).any(|position| scene.is_stamped(seat, position)),
    };
    while !is_there() {
        assert!(!victim.is_at_mark(), "it did not come by {until:?}");
        victim.step(None);
    }
    assert!(!scene.is_stamped(seat, start), "it went too far");
    victim
}

/// A ring with a hole.
struct Hole<T: Flow + ?Sized> {
    scene: Scene<T, Mpsc>,
    /// Where it is.
    position: u64,
    cells: u64,
    /// Who left it, from seat 1.
    pid: u64,
}

impl<T: Flow + ?Sized> Hole<T> {
    /// Records 1 and 2; then what a producer left that died `until`; then another's two.
    fn left(passed: u64, until: Until, act: Act<'_, Mpsc, T>) -> Self {
        let mut pid = 0;
        let mut cells = 0;
        let scene = Scene::set(passed, 2, |scene: &Scene<T, Mpsc>| {
            let mut other = scene.ring.producer().unwrap();
            let position = scene.tail(0);
            let victim = comes_to(scene, Mpsc::LAST, until, act);
            pid = victim.id();
            cells = scene.tail(0) - position;
            drop(victim);
            (1..=2).for_each(|n| T::send(&mut other, BESIDE + n, SMALL).unwrap());
        });
        Self { scene, position: passed + 2, cells, pid }
    }

    fn kill_everywhere(&self, name: &str, act: Act<'_, Mpsc, T>) {
        let plot = Plot {
            name: &format!("mpsc, {name}"),
            minimum: 100,
            prepare: &|| {
                self.scene.reset();
                self.scene.ring.producer().unwrap()
            },
            file: &|_| self.scene.path().to_owned(),
            act: &|_| act(&self.scene.joined()),
            alone: true,
            rouse: None,
            on_foot: false,
        };
        let is_odd = Cell::new(false);
        let marked = plot.kill_everywhere(|other, _| {
            is_odd.set(!is_odd.get());
            self.check(other, is_odd.get())
        });
        assert!(marked.contains(&false) && marked.contains(&true), "the hole was in one state only");
    }

    /// The mender is dead; whether it had marked the hole. Before anybody asks who left it, somebody may want that seat.
    fn check(&self, mut other: Producer<Mpsc, T>, wants: bool) -> bool {
        let ring = &self.scene.ring;
        let is_marked = self.scene.stamp(1, self.position) > self.position;
        let is_passed = self.scene.head(1) > self.position;
        if wants {
            match ring.producer() {
                Ok(tx) => assert!(is_marked, "{tx:?} took the seat before its last claim was resolved"),
                Err(SeatError::AllTaken { .. }) => assert!(!is_marked, "what is decided keeps no seat"),
                Err(error) => panic!("{error}"),
            }
        }
        T::send(&mut other, BESIDE + 3, SMALL).unwrap();
        let before = self.scene.head(1);
        let mut rx = ring.consumer().expect("a dead consumer's seat is free");
        let numbers = receive_until(&mut rx, &[BESIDE + 3]);
        let cells = [(0, 1), (1, 2), (2 + self.cells, BESIDE + 1), (3 + self.cells, BESIDE + 2)];
        let set = self.position - 2;
        let rest = cells.iter().filter(|(cell, _)| set + cell >= before).map(|(_, number)| *number);
        assert_eq!(numbers, rest.chain([BESIDE + 3]).collect::<Vec<u64>>(), "from {before} on");

        let by = if wants && is_marked { 0 } else { self.pid };
                let told: Vec<_> =
            rx.losses().map(|loss| (loss.seat, loss.by.pid, loss.position, loss.cells)).collect();
        // Who passed over it was told, and took that with it.
        let expected = (!is_passed).then_some((1, by, self.position, self.cells));
        assert_eq!(told, Vec::from_iter(expected));

        let mut tx = ring.producer().expect("what the dead one claimed is resolved");
        assert_eq!(tx.seat(), 1);
        T::send(&mut tx, LATER, SMALL).unwrap();
        assert_eq!(receive_until(&mut rx, &[LATER]), [LATER]);
        laps(&mut tx, &mut rx);
        laps(&mut other, &mut rx);
        assert_eq!(rx.losses().next(), None, "once is enough");
        is_marked
    }
}

/// Takes record 1 and 2, then what is behind the hole.
fn pass<T: Flow + ?Sized>(ring: &Ring<Mpsc, T>) {
    let mut rx = ring.consumer().unwrap();
    assert_eq!((T::receive(&mut rx), T::receive(&mut rx)), (Ok(1), Ok(2)));
    mark();
    let blame = rx.stalled();
    let popped = T::receive(&mut rx);
    mark();
    assert_eq!((blame, popped), (None, Ok(BESIDE + 1)));
}

/// Repairs what the dead left.
fn recover<T: Flow + ?Sized>(ring: &Ring<Mpsc, T>) {
    mark();
    let recovered = ring.recover();
    mark();
    let recovered = recovered.unwrap();
    assert_eq!((recovered.lost, recovered.blocked_by), (1, None));
}

fn items(until: Until) -> Hole<Item> {
    Hole::left(13, until, &acts::push_item)
}

fn bytes(until: Until) -> Hole<[u8]> {
    Hole::left(NEARLY_ROUND, until, &acts::batch)
}

pub fn kill_passing_items(_: &[&str]) {
    items(Until::Claimed).kill_everywhere("typed pop over a claim that is not owned", &pass);
}

pub fn kill_passing_bytes(_: &[&str]) {
    bytes(Until::LaterStamp).kill_everywhere("byte read over half a batch", &pass);
}

pub fn kill_recovering_items(_: &[&str]) {
    items(Until::Owned).kill_everywhere("recover, items", &recover);
}

pub fn kill_recovering_bytes(_: &[&str]) {
    bytes(Until::Claimed).kill_everywhere("recover, a batch that is not owned", &recover);
}
