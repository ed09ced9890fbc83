//! Kills two producers of an `mpsc` ring, one after the other. The first dies, or stops, somewhere
//! in its claim. The second dies at each instruction of its own operation.
use std::cell::Cell;

use ringway::Losses;
use ringway::mpsc::Mpsc;
use ringway::ring::Producer;
use ringway::{PopError, SeatError};

use crate::fixture::{FROM_OTHERS, FROM_SURVIVORS, Fixture, Item, SMALL, TestMessage, check_laps};
use crate::kill_points::Sweep;
use crate::operations::{self, Operation};
use crate::recover::{StopAt, stopped_at};
use crate::victim::Victim;
use crate::with_other_producers::receive_until;

/// What the consumer reports of a loss: seat, process id, position, cells.
type LossRecord = (u16, u64, u64, u64);

fn summarize(losses: Losses<'_>) -> Vec<LossRecord> {
    losses.map(|loss| (loss.seat, loss.by.pid, loss.position, loss.cells)).collect()
}

/// An empty ring with three producer seats. A surviving producer has seat 0.
struct DoubleCrash<'a, T: TestMessage + ?Sized> {
    name: &'a str,
    fixture: Fixture<T, Mpsc>,
    /// How far the first victim comes.
    stop_at: StopAt,
    /// Its seat, its process id, its position, and how many cells it claimed.
    first: LossRecord,
    /// The address of the first instruction that it did not execute.
    there: u64,
    /// The second victim's seat.
    second: u16,
    /// The numbers that each of the two sends.
    sends: &'a [u64],
    operation: Operation<'a, Mpsc, T>,
}

/// What the second victim did.
#[derive(Clone, Copy, Debug)]
struct Progress {
    start: u64,
    claimed: u64,
    is_published: bool,
    is_owned: bool,
}

impl Progress {
    fn is_open(&self) -> bool {
        self.claimed > 0 && !self.is_published
    }
}

impl<'a, T: TestMessage + ?Sized> DoubleCrash<'a, T> {
    /// The next cell is `start`. The first victim takes seat `first`, 1 or 2, and dies there. The
    /// second takes the other seat.
    fn new(
        name: &'a str,
        start: u64,
        first: u16,
        stop_at: StopAt,
        sends: &'a [u64],
        operation: Operation<'a, Mpsc, T>,
    ) -> Self {
        let (mut pid, mut there) = (0, 0);
        let fixture = Fixture::with_seats(3, start, 0, |fixture: &Fixture<T, Mpsc>| {
            let _before: Vec<_> = (0..first).map(|_| fixture.ring.producer().unwrap()).collect();
            let victim = stopped_at(fixture, first, stop_at, operation);
            (pid, there) = (victim.id(), victim.address());
        });
        let claimed = fixture.tail(0) - start;
        let (first, second) = ((first, pid, start, claimed), 3 - first);
        Self { name, fixture, stop_at, first, there, second, sends, operation }
    }

    fn progress(&self) -> Progress {
        let (fixture, start) = (&self.fixture, self.fixture.tail_as_set(0));
        Progress {
            start,
            claimed: fixture.tail(0) - start,
            is_published: fixture.is_stamped(self.second, start),
            is_owned: fixture.announced(self.second) == Some((start, true)),
        }
    }

    fn kill_everywhere(self) {
        let turns = Cell::new(0);
        let sweep = Sweep {
            name: &format!("mpsc, {}, after one died {:?}", self.name, self.stop_at),
            minimum: 50,
            prepare: &|| {
                self.fixture.reset();
                self.fixture.ring.producer().unwrap()
            },
            file: &|_| self.fixture.path().to_owned(),
            operation: &|_| (self.operation)(&self.fixture.reopened()),
            is_only_writer: true,
            wake: None,
            single_steps_only: false,
        };
        let progress_of_all = sweep.kill_everywhere(|other, pid| {
            turns.set(turns.get() + 1);
            self.check(other, pid, turns.get())
        });
        let not_owned = progress_of_all.iter().any(|progress| progress.is_open() && !progress.is_owned);
        let said = progress_of_all.iter().any(|progress| progress.is_open() && progress.is_owned);
        let arrived = progress_of_all.last().is_some_and(|progress| progress.is_published);
        assert!(not_owned && said && arrived, "the second victim did not die in all states of its claim");
    }

    /// Both victims are dead.
    fn check(&self, mut other: Producer<Mpsc, T>, pid: u64, turn: u32) -> Progress {
        let progress = self.progress();
        let ring = &self.fixture.ring;
        let (first, second) = (self.first, (self.second, pid, progress.start, progress.claimed));
        let mut lost = Vec::new();
        lost.extend((first.3 > 0).then_some(first));
        lost.extend(progress.is_open().then_some(second));
        let early = if turn % 3 == 1 { ring.producer().ok() } else { None };
        if let Some(tx) = &early {
            assert!(lost.iter().all(|(seat, ..)| *seat != tx.seat()), "{lost:?} was not resolved");
        }
        if turn % 3 == 2 {
            let recovered = ring.recover().unwrap();
            assert_eq!((recovered.lost, recovered.blocked_by), (lost.len() as u64, None));
        }
        T::send(&mut other, FROM_OTHERS + 1, SMALL).unwrap();
        let mut rx = ring.consumer().unwrap();
        let published = if progress.is_published { self.sends } else { &[] };
        let expected = [published, &[FROM_OTHERS + 1]].concat();
        assert_eq!(receive_until(&mut rx, &[FROM_OTHERS + 1]), expected, "after {progress:?}");

        let mut reported = summarize(rx.losses());
        // Both victims announced the same position, and neither recorded that it owns it. The
        // consumer may report either.
        let is_ambiguous = self.stop_at == StopAt::Announced && progress.is_open() && !progress.is_owned;
        if let (true, [(seat, by, ..)]) = (is_ambiguous, &mut reported[..]) {
            if (*seat, *by) == (first.0, first.1) {
                (*seat, *by) = (second.0, second.1);
            }
        }
        assert_eq!(reported, lost, "after {progress:?}");

        let mut txs: Vec<_> = early.into_iter().collect();
        while txs.len() < 2 {
            txs.push(ring.producer().expect("what was claimed is resolved"));
        }
        for tx in &mut txs {
            T::send(tx, FROM_SURVIVORS, SMALL).unwrap();
            assert_eq!(receive_until(&mut rx, &[FROM_SURVIVORS]), [FROM_SURVIVORS]);
            check_laps(tx, &mut rx);
        }
        check_laps(&mut other, &mut rx);
        assert!(matches!(ring.producer(), Err(SeatError::AllTaken { .. })));
        assert_eq!(rx.losses().next(), None, "a loss is reported twice");
        progress
    }

    /// The first victim only stops, after it announced the position that the second then claims.
    fn kill_beside_a_rival(self) {
        let there = self.there;
        let sweep = Sweep {
            name: &format!("mpsc, {}, beside one that stopped {:?}", self.name, self.stop_at),
            minimum: 50,
            prepare: &|| {
                self.fixture.reset();
                let (other, free) =
                    (self.fixture.ring.producer().unwrap(), self.fixture.ring.producer().unwrap());
                let mut rival = Victim::start(|| (self.operation)(&self.fixture.reopened()));
                drop(free);
                rival.run_to(there, 1, None);
                assert_eq!(self.fixture.announced(1), Some((self.first.2, false)));
                (other, rival)
            },
            file: &|_| self.fixture.path().to_owned(),
            operation: &|_| (self.operation)(&self.fixture.reopened()),
            is_only_writer: true,
            wake: None,
            single_steps_only: false,
        };
        let progress_of_all =
            sweep.kill_everywhere(|(other, rival), pid| self.check_rival(other, rival, pid));
        assert!(
            progress_of_all.iter().any(|progress| progress.is_open() && !progress.is_owned),
            "no victim died between its claim and the record that it owns it"
        );
    }

    /// The second victim is dead. The first is stopped.
    fn check_rival(&self, mut other: Producer<Mpsc, T>, rival: Victim, pid: u64) -> Progress {
        let progress = self.progress();
        let ring = &self.fixture.ring;
        let is_held = progress.is_open() && !progress.is_owned;
        T::send(&mut other, FROM_OTHERS + 1, SMALL).unwrap();
        let mut rx = ring.consumer().unwrap();
        let published = if progress.is_published { self.sends } else { &[] };
        let expected = [published, &[FROM_OTHERS + 1]].concat();
        if is_held {
            for _ in 0..3 {
                let stall = rx.stalled().map(|stall| (stall.seat, stall.pid, stall.attached));
                assert_eq!(stall, Some((1, rival.id(), true)), "after {progress:?}");
                assert_eq!(T::receive(&mut rx), Err(PopError::Empty));
            }
        } else {
            assert_eq!(receive_until(&mut rx, &[FROM_OTHERS + 1]), expected, "after {progress:?}");
        }
        rival.finish();
        let last = self.sends.last().copied().unwrap();
        let rest = [if is_held { &expected[..] } else { &[] }, self.sends].concat();
        assert_eq!(receive_until(&mut rx, &[last]), rest, "after {progress:?}");
        let lost = progress.is_open().then_some((2, pid, progress.start, progress.claimed));
        assert_eq!(summarize(rx.losses()), Vec::from_iter(lost), "after {progress:?}");
        check_laps(&mut ring.producer().unwrap(), &mut rx);
        check_laps(&mut other, &mut rx);
        progress
    }
}

fn items(stop_at: StopAt, first: u16) -> DoubleCrash<'static, Item> {
    DoubleCrash::new("typed push", 13, first, stop_at, &[3], &operations::push_item)
}

/// Begins three cells before the end of the lap, so that a pad precedes the second record of a
/// batch.
fn bytes(stop_at: StopAt, first: u16) -> DoubleCrash<'static, [u8]> {
    DoubleCrash::new("batch of three", 2 * 16 + 13, first, stop_at, &[3, 4, 5], &operations::batch)
}

pub fn kill_after_seated(_: &[&str]) {
    items(StopAt::Seated, 1).kill_everywhere();
}

pub fn kill_after_announced(_: &[&str]) {
    items(StopAt::Announced, 1).kill_everywhere();
}

pub fn kill_before_announced(_: &[&str]) {
    items(StopAt::Announced, 2).kill_everywhere();
}

pub fn kill_after_claimed(_: &[&str]) {
    items(StopAt::Claimed, 1).kill_everywhere();
}

pub fn kill_batch_after_announced(_: &[&str]) {
    bytes(StopAt::Announced, 1).kill_everywhere();
}

pub fn kill_batch_after_claimed(_: &[&str]) {
    bytes(StopAt::Claimed, 2).kill_everywhere();
}

pub fn kill_batch_after_owned(_: &[&str]) {
    bytes(StopAt::Owned, 1).kill_everywhere();
}

pub fn kill_batch_after_later_stamp(_: &[&str]) {
    bytes(StopAt::LaterStamp, 2).kill_everywhere();
}

pub fn kill_beside_a_rival(_: &[&str]) {
    items(StopAt::Announced, 1).kill_beside_a_rival();
}
