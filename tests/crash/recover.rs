//! Kills a process while it resolves the claim that a dead producer left. The next process finds
//! the claim open, or resolved.
use std::cell::Cell;

use ringway::SeatError;
use ringway::mpsc::Mpsc;
use ringway::ring::{Producer, Ring};

use crate::fixture::{FROM_OTHERS, FROM_SURVIVORS, Fixture, Item, SMALL, TestMessage, check_laps};
use crate::kill_points::Sweep;
use crate::kinds::RingKind;
use crate::operations::{self, NEARLY_ROUND, Operation};
use crate::victim::{Victim, mark};
use crate::with_other_producers::receive_until;

/// How far a producer comes before it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopAt {
    /// It has taken its seat.
    Seated,
    /// It has announced what it is about to claim.
    Announced,
    /// It has claimed it.
    Claimed,
    /// It has recorded that it owns the claim.
    Owned,
    /// It has stamped a cell, but not the first.
    LaterStamp,
}

/// Leads a producer in `seat` so far in its operation, and stops it there. The operation begins and
/// ends with a mark.
pub fn stopped_at<T: TestMessage + ?Sized>(
    fixture: &Fixture<T, Mpsc>,
    seat: u16,
    stop_at: StopAt,
    operation: Operation<'_, Mpsc, T>,
) -> Victim {
    let start = fixture.tail(seat);
    let mut victim = Victim::start(|| operation(&fixture.reopened()));
    let is_there = || match stop_at {
        StopAt::Seated => true,
        StopAt::Announced => fixture.announced(seat) == Some((start, false)),
        StopAt::Claimed => fixture.tail(seat) > start,
        StopAt::Owned => fixture.announced(seat) == Some((start, true)),
        StopAt::LaterStamp => {
            (start + 1..fixture.tail(seat)).any(|position| fixture.is_stamped(seat, position))
        }
    };
    while !is_there() {
        assert!(!victim.is_at_mark(), "the producer never reached {stop_at:?}");
        victim.step(None);
    }
    assert!(!fixture.is_stamped(seat, start), "the producer has gone too far");
    victim
}

/// A ring with a lost claim.
struct LostClaim<T: TestMessage + ?Sized> {
    fixture: Fixture<T, Mpsc>,
    /// The position of the claim.
    position: u64,
    cells: u64,
    /// The process that left it, from seat 1.
    pid: u64,
}

impl<T: TestMessage + ?Sized> LostClaim<T> {
    /// Records 1 and 2, then the claim of a producer that died at `stop_at`, then two records of
    /// another producer.
    fn left(passed: u64, stop_at: StopAt, operation: Operation<'_, Mpsc, T>) -> Self {
        let mut pid = 0;
        let mut cells = 0;
        let fixture = Fixture::new(passed, 2, |fixture: &Fixture<T, Mpsc>| {
            let mut other = fixture.ring.producer().unwrap();
            let position = fixture.tail(0);
            let victim = stopped_at(fixture, Mpsc::LAST, stop_at, operation);
            pid = victim.id();
            cells = fixture.tail(0) - position;
            drop(victim);
            (1..=2).for_each(|n| T::send(&mut other, FROM_OTHERS + n, SMALL).unwrap());
        });
        Self { fixture, position: passed + 2, cells, pid }
    }

    /// The operation moves HEAD by at most `releases` cells beyond the lost claim.
    fn kill_everywhere(&self, name: &str, releases: u64, operation: Operation<'_, Mpsc, T>) {
        let sweep = Sweep {
            name: &format!("mpsc, {name}"),
            minimum: 100,
            prepare: &|| {
                self.fixture.reset();
                self.fixture.ring.producer().unwrap()
            },
            file: &|_| self.fixture.path().to_owned(),
            operation: &|_| operation(&self.fixture.reopened()),
            is_only_writer: true,
            wake: None,
            single_steps_only: false,
        };
        let is_odd = Cell::new(false);
        let marked = sweep.kill_everywhere(|other, _| {
            is_odd.set(!is_odd.get());
            let released = self.fixture.head(1).saturating_sub(self.position + self.cells);
            assert!(released <= releases, "{released} cells behind the lost claim are released");
            self.check(other, is_odd.get())
        });
        assert!(
            marked.contains(&false) && marked.contains(&true),
            "all victims left the claim in the same state"
        );
    }

    /// The recovering process is dead. Returns whether it had marked the claim as lost. If `wants`,
    /// a producer first tries to take the seat.
    fn check(&self, mut other: Producer<Mpsc, T>, wants: bool) -> bool {
        let ring = &self.fixture.ring;
        let is_marked = self.fixture.stamp(1, self.position) > self.position;
        let is_passed = self.fixture.head(1) > self.position;
        if wants {
            match ring.producer() {
                Ok(tx) => assert!(is_marked, "{tx:?} took the seat before its last claim was resolved"),
                Err(SeatError::AllTaken { .. }) => assert!(!is_marked, "what is decided keeps no seat"),
                Err(error) => panic!("{error}"),
            }
        }
        T::send(&mut other, FROM_OTHERS + 3, SMALL).unwrap();
        let before = self.fixture.head(1);
        let mut rx = ring.consumer().expect("a dead consumer's seat is free");
        let numbers = receive_until(&mut rx, &[FROM_OTHERS + 3]);
        let cells = [(0, 1), (1, 2), (2 + self.cells, FROM_OTHERS + 1), (3 + self.cells, FROM_OTHERS + 2)];
        let set = self.position - 2;
        let rest = cells.iter().filter(|(cell, _)| set + cell >= before).map(|(_, number)| *number);
        assert_eq!(numbers, rest.chain([FROM_OTHERS + 3]).collect::<Vec<u64>>(), "from {before} on");

        let by = if wants && is_marked { 0 } else { self.pid };
        let reported: Vec<_> =
            rx.losses().map(|loss| (loss.seat, loss.by.pid, loss.position, loss.cells)).collect();
        // A consumer that passed over the claim has taken the report with it.
        let expected = (!is_passed).then_some((1, by, self.position, self.cells));
        assert_eq!(reported, Vec::from_iter(expected));

        let mut tx = ring.producer().expect("what the dead one claimed is resolved");
        assert_eq!(tx.seat(), 1);
        T::send(&mut tx, FROM_SURVIVORS, SMALL).unwrap();
        assert_eq!(receive_until(&mut rx, &[FROM_SURVIVORS]), [FROM_SURVIVORS]);
        check_laps(&mut tx, &mut rx);
        check_laps(&mut other, &mut rx);
        assert_eq!(rx.losses().next(), None, "the loss is reported twice");
        is_marked
    }
}

/// Takes record 1 and 2, then what is behind the hole.
fn pass<T: TestMessage + ?Sized>(ring: &Ring<Mpsc, T>) {
    let mut rx = ring.consumer().unwrap();
    assert_eq!((T::receive(&mut rx), T::receive(&mut rx)), (Ok(1), Ok(2)));
    mark();
    let stall = rx.stalled();
    let popped = T::receive(&mut rx);
    mark();
    assert_eq!((stall, popped), (None, Ok(FROM_OTHERS + 1)));
}

/// Takes records 1 and 2, then looks at the record behind the lost claim.
fn peek(ring: &Ring<Mpsc, Item>) {
    let mut rx = ring.consumer().unwrap();
    assert_eq!((Item::receive(&mut rx), Item::receive(&mut rx)), (Ok(1), Ok(2)));
    mark();
    let stall = rx.stalled();
    let peeked = rx.try_peek();
    mark();
    assert_eq!((stall, peeked.map(Item::checked)), (None, Ok(FROM_OTHERS + 1)));
}

/// Repairs what the dead left.
fn recover<T: TestMessage + ?Sized>(ring: &Ring<Mpsc, T>) {
    mark();
    let recovered = ring.recover();
    mark();
    let recovered = recovered.unwrap();
    assert_eq!((recovered.lost, recovered.blocked_by), (1, None));
}

fn items(stop_at: StopAt) -> LostClaim<Item> {
    LostClaim::left(13, stop_at, &operations::push_item)
}

fn bytes(stop_at: StopAt) -> LostClaim<[u8]> {
    LostClaim::left(NEARLY_ROUND, stop_at, &operations::batch)
}

pub fn kill_passing_items(_: &[&str]) {
    items(StopAt::Claimed).kill_everywhere("typed pop over a claim that is not owned", 1, &pass);
}

pub fn kill_peeking(_: &[&str]) {
    items(StopAt::Claimed).kill_everywhere("typed peek over a claim that is not owned", 0, &peek);
}

pub fn kill_passing_bytes(_: &[&str]) {
    bytes(StopAt::LaterStamp).kill_everywhere("byte read over half a batch", 1, &pass);
}

pub fn kill_recovering_items(_: &[&str]) {
    items(StopAt::Owned).kill_everywhere("recover, items", 0, &recover);
}

pub fn kill_recovering_bytes(_: &[&str]) {
    bytes(StopAt::Claimed).kill_everywhere("recover, a batch that is not owned", 0, &recover);
}
