//! Kills, or stops, a producer beside another one.
//!
//! The records of a victim arrive whole or not at all. A dead producer holds up no other. The
//! consumer reports the cells that a dead producer had claimed.
use std::cell::Cell;
use std::mem;
use std::time::Duration;

use ringway::ring::{Consumer, Producer};
use ringway::{PopError, SeatError};

use crate::fixture::{
    FROM_OTHERS, FROM_SURVIVORS, Fixture, Item, SMALL, TestMessage, check_laps, receive_all,
};
use crate::kill_points::Sweep;
use crate::kinds::RingKind;
use crate::operations::{self, NEARLY_ROUND, Operation};
use crate::victim::dies_after;

/// No call of a survivor takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An operation of a producer that has seat 1, while another has seat 0.
struct Sending<'a, T: TestMessage + ?Sized, K> {
    name: &'a str,
    minimum: usize,
    fixture: Fixture<T, K>,
    /// Records 1 to this one are in the ring before, sent from the same seat.
    waiting: u64,
    /// How many records the operation sends. They have the next numbers.
    sends: u64,
    /// Whether the records are published together. Otherwise they are published one by one.
    at_once: bool,
    operation: Operation<'a, K, T>,
}

/// What a victim has done, as the words of the segment show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many cells it claimed.
    pub claimed: u64,
    /// How many of its records it has published.
    pub published: u64,
    /// Whether it has claimed cells that have no stamp.
    pub is_open: bool,
}

/// Receives until each of `last` has arrived, then all that is left. Returns all numbers.
pub fn receive_until<T: TestMessage + ?Sized, K: RingKind>(
    rx: &mut Consumer<K, T>,
    last: &[u64],
) -> Vec<u64> {
    let mut numbers = Vec::new();
    while !last.iter().all(|number| numbers.contains(number)) {
        let received = T::receive_within(rx, PATIENCE);
        numbers.push(received.unwrap_or_else(|error| panic!("{error}, after {numbers:?}, not yet {last:?}")));
    }
    numbers.extend(receive_all(rx));
    numbers
}

/// Splits `numbers` into those from other seats and those from the victim's seat.
fn split_by_sender(numbers: &[u64]) -> (Vec<u64>, Vec<u64>) {
    numbers.iter().partition(|&&n| (FROM_OTHERS..FROM_SURVIVORS).contains(&n))
}

impl<T: TestMessage + ?Sized, K: RingKind> Sending<'_, T, K> {
    fn sweep<'a, S>(
        &'a self,
        name: &'a str,
        prepare: &'a dyn Fn() -> S,
        file: &'a dyn Fn(&S) -> std::path::PathBuf,
        operation: &'a dyn Fn(&S),
    ) -> Sweep<'a, S> {
        Sweep {
            name,
            minimum: self.minimum,
            prepare,
            file,
            operation,
            is_only_writer: true,
            wake: None,
            single_steps_only: false,
        }
    }

    /// Where the operation begins, in cells.
    fn start(&self) -> u64 {
        self.fixture.tail_as_set(K::LAST)
    }

    fn progress(&self) -> Progress {
        let (fixture, start) = (&self.fixture, self.start());
        let claimed = if K::CLAIMS { fixture.tail(K::LAST) - start } else { 0 };
        let is_stamped = fixture.is_stamped(K::LAST, start);
        let published = match (is_stamped, self.at_once) {
            (false, _) => 0,
            (true, true) => self.sends,
            (true, false) => {
                (0..self.sends).take_while(|n| fixture.is_stamped(K::LAST, start + n)).count() as u64
            }
        };
        Progress { claimed, published, is_open: claimed > 0 && !is_stamped }
    }

    fn kill_everywhere(self) {
        let turns = Cell::new(0);
        let name = format!("{}, {}", K::NAME, self.name);
        let prepare = || {
            self.fixture.reset();
            self.fixture.ring.producer().unwrap()
        };
        let (file, operation) =
            (|_: &_| self.fixture.path().to_owned(), |_: &_| (self.operation)(&self.fixture.reopened()));
        let sweep = self.sweep(&name, &prepare, &file, &operation);
        let progress_of_all = sweep.kill_everywhere(|other, pid| {
            turns.set(turns.get() + 1);
            self.check(other, pid, turns.get())
        });
        let arrived: Vec<u64> = progress_of_all.iter().map(|progress| progress.published).collect();
        let is_possible = |n: &u64| !self.at_once || *n == 0 || *n == self.sends;
        assert!(arrived.iter().all(is_possible), "a part arrived: {arrived:?}");
        assert!(arrived.is_sorted(), "a record that was sent is gone later: {arrived:?}");
        assert_eq!(arrived.first(), Some(&0), "the first victim died before its operation");
        assert_eq!(arrived.last(), Some(&self.sends), "the last victim died after its operation");
        let was_open = progress_of_all.iter().any(|progress| progress.is_open);
        assert_eq!(
            was_open,
            K::CLAIMS && progress_of_all.iter().any(|progress| progress.claimed > 0),
            "no victim left an open claim"
        );
    }

    /// The victim is dead. The survivors look in one of four orders of events, by `turn`.
    fn check(&self, mut other: Producer<K, T>, pid: u64, turn: u32) -> Progress {
        let progress = self.progress();
        let ring = &self.fixture.ring;
        let (repairs, hurries) = (turn % 4 >= 2, turn % 2 == 1);
        if repairs {
            let recovered = ring.recover().unwrap();
            assert_eq!((recovered.lost, recovered.blocked_by), (progress.is_open.into(), None));
        }
        let early = if hurries { self.successor(progress.is_open && !repairs) } else { None };
        T::send(&mut other, FROM_OTHERS + 1, SMALL).unwrap();
        let mut rx = ring.consumer().unwrap();
        let numbers = receive_until(&mut rx, &[FROM_OTHERS + 1]);
        let own: Vec<u64> = (1..=self.waiting + progress.published).collect();
        let (others, arrived) = split_by_sender(&numbers);
        assert_eq!(
            (others, arrived),
            (vec![FROM_OTHERS + 1], own),
            "received {numbers:?} after {progress:?}"
        );
        assert!(K::HAS_LANES || numbers.ends_with(&[FROM_OTHERS + 1]), "in order: {numbers:?}");

        // A successor in the seat has overwritten the victim's identity.
        let by = if early.is_some() { 0 } else { pid };
        let reported: Vec<_> =
            rx.losses().map(|loss| (loss.seat, loss.by.pid, loss.position, loss.cells)).collect();
        let expected = progress.is_open.then_some((K::LAST, by, self.start(), progress.claimed));
        assert_eq!(reported, Vec::from_iter(expected), "after {progress:?}");
        let counted = ring.seats().nth(1 + usize::from(K::LAST)).map(|seat| seat.counters.lost);
        assert_eq!(counted, Some(progress.is_open.into()), "counted");

        let mut tx = early.or_else(|| self.successor(false)).unwrap();
        T::send(&mut tx, FROM_SURVIVORS, SMALL).unwrap();
        T::send(&mut other, FROM_OTHERS + 2, SMALL).unwrap();
        let numbers = receive_until(&mut rx, &[FROM_SURVIVORS, FROM_OTHERS + 2]);
        assert!(
            numbers.len() == 2 && (K::HAS_LANES || numbers == [FROM_SURVIVORS, FROM_OTHERS + 2]),
            "{numbers:?}"
        );
        check_laps(&mut tx, &mut rx);
        check_laps(&mut other, &mut rx);
        assert_eq!(rx.losses().next(), None, "the loss is reported twice");
        progress
    }

    /// Takes the victim's seat. Returns `None` if its claim `is_open`: then the seat is not free
    /// yet.
    fn successor(&self, is_open: bool) -> Option<Producer<K, T>> {
        match self.fixture.ring.producer() {
            Err(SeatError::AllTaken { .. }) if is_open => None,
            taken => {
                let tx = taken.expect("a dead producer's seat is free");
                assert!(!is_open, "the seat was taken before its last claim was resolved");
                assert_eq!(tx.seat(), K::LAST);
                Some(tx)
            }
        }
    }

    /// Stops the victim at each kill point instead. No other process may take its seat or its
    /// record. It holds up only the records after a claim of its own. Then it continues and
    /// completes its operation.
    fn stop_everywhere(self) {
        let turns = Cell::new(0);
        let name = format!("{}, {}, stopped", K::NAME, self.name);
        let prepare = || {
            self.fixture.reset();
            turns.set(turns.get() + 1);
            Observers { other: self.fixture.ring.producer().unwrap(), rx: None, numbers: Vec::new() }
        };
        let file = |_: &Observers<T, K>| self.fixture.path().to_owned();
        let operation = |_: &Observers<T, K>| (self.operation)(&self.fixture.reopened());
        let sweep = self.sweep(&name, &prepare, &file, &operation);
        let held = Cell::new(0);
        let meanwhile = |observers: &mut Observers<T, K>, pid| {
            let progress = self.meanwhile(observers, pid, turns.get() % 2 == 0);
            held.set(held.get() + usize::from(progress.is_open));
        };
        sweep.stop_everywhere(meanwhile, |observers| {
            let Observers { mut other, rx, mut numbers } = observers;
            let mut rx = rx.unwrap();
            numbers.extend(receive_all(&mut rx));
            let (others, own) = split_by_sender(&numbers);
            assert_eq!(others, [FROM_OTHERS + 1, FROM_OTHERS + 2], "received {numbers:?}");
            assert_eq!(own, Vec::from_iter(1..=self.waiting + self.sends), "received {numbers:?}");
            assert_eq!(rx.losses().next(), None, "a stopped producer has lost nothing");
            check_laps(&mut self.fixture.ring.producer().unwrap(), &mut rx);
            check_laps(&mut other, &mut rx);
        });
        assert_eq!(held.get() > 0, K::CLAIMS, "held up {} times", held.get());
    }

    fn meanwhile(&self, observers: &mut Observers<T, K>, pid: u64, repairs: bool) -> Progress {
        let progress = self.progress();
        let ring = &self.fixture.ring;
        let robbed = ring.producer();
        assert!(
            matches!(robbed, Err(SeatError::AllTaken { .. })),
            "the producer is stopped, not dead: {robbed:?}"
        );
        if repairs {
            let recovered = ring.recover().unwrap();
            let blocked_by = recovered.blocked_by.map(|who| who.pid);
            assert_eq!((recovered.lost, blocked_by), (0, progress.is_open.then_some(pid)), "{progress:?}");
        }
        let mut rx = ring.consumer().unwrap();
        T::send(&mut observers.other, FROM_OTHERS + 1, SMALL).unwrap();
        T::send(&mut observers.other, FROM_OTHERS + 2, SMALL).unwrap();
        let own = 1..=self.waiting + progress.published;
        for look in 0..3 {
            observers.numbers.extend(receive_all(&mut rx));
            let (others, arrived) = split_by_sender(&observers.numbers);
            let free: &[u64] = if progress.is_open { &[] } else { &[FROM_OTHERS + 1, FROM_OTHERS + 2] };
            assert_eq!(
                (&others[..], arrived),
                (free, Vec::from_iter(own.clone())),
                "look {look}: {progress:?}"
            );
            let stall = rx.stalled().map(|stall| (stall.seat, stall.pid, stall.attached, stall.cells));
            let cells = progress.claimed + 2;
            assert_eq!(
                stall,
                progress.is_open.then_some((K::LAST, pid, true, cells)),
                "look {look}: {progress:?}"
            );
        }
        assert_eq!(T::receive(&mut rx), Err(PopError::Empty), "both producers are alive");
        assert_eq!(rx.losses().next(), None, "a stopped producer has lost nothing");
        observers.rx = Some(rx);
        progress
    }
}

/// The survivors beside a stopped producer: another one, and the consumer with the records that it
/// received.
struct Observers<T: TestMessage + ?Sized, K: RingKind> {
    other: Producer<K, T>,
    rx: Option<Consumer<K, T>>,
    numbers: Vec<u64>,
}

fn typed_push<'a, K: RingKind>() -> Sending<'a, Item, K> {
    let fixture = Fixture::new(13, 2, |_| {});
    Sending {
        name: "typed push",
        minimum: 20,
        fixture,
        waiting: 2,
        sends: 1,
        at_once: true,
        operation: &operations::push_item,
    }
}

fn typed_slice<'a, K: RingKind>() -> Sending<'a, Item, K> {
    Sending {
        name: "typed push_slice, over the end of the lap",
        minimum: 100,
        fixture: Fixture::new(2 * 8 + 4, 2, |_| {}),
        waiting: 2,
        sends: 4,
        at_once: !K::HAS_LANES,
        operation: &operations::push_slice,
    }
}

/// An operation in a byte ring near the end of its lap that publishes all of its records together.
fn in_bytes<'a, K: RingKind>(
    name: &'a str,
    sends: u64,
    operation: Operation<'a, K, [u8]>,
) -> Sending<'a, [u8], K> {
    let fixture = Fixture::new(NEARLY_ROUND, 2, |_| {});
    Sending { name, minimum: 50, fixture, waiting: 2, sends, at_once: true, operation }
}

/// Takes the seat, whatever its last holder left behind.
fn attach<T: TestMessage + ?Sized, K: RingKind>(name: &str, fixture: Fixture<T, K>) {
    Sending {
        name,
        minimum: 100,
        fixture,
        waiting: 2,
        sends: 0,
        at_once: true,
        operation: &operations::attach,
    }
    .kill_everywhere();
}

pub fn kill_typed_push<K: RingKind>(_: &[&str]) {
    typed_push::<K>().kill_everywhere();
}

pub fn stop_typed_push<K: RingKind>(_: &[&str]) {
    typed_push::<K>().stop_everywhere();
}

pub fn kill_push_slice<K: RingKind>(_: &[&str]) {
    typed_slice::<K>().kill_everywhere();
}

pub fn stop_push_slice<K: RingKind>(_: &[&str]) {
    typed_slice::<K>().stop_everywhere();
}

pub fn kill_push_of_cells<K: RingKind>(_: &[&str]) {
    in_bytes::<K>("byte push, three cells", 1, &|ring| operations::push_bytes(ring, 180)).kill_everywhere();
}

pub fn kill_push_after_pad<K: RingKind>(_: &[&str]) {
    in_bytes::<K>("byte push, a pad before it", 1, &|ring| operations::push_bytes(ring, 300))
        .kill_everywhere();
}

pub fn kill_commit_len<K: RingKind>(_: &[&str]) {
    in_bytes::<K>("reserve, write, commit_len", 1, &operations::commit_len).kill_everywhere();
}

pub fn kill_abort<K: RingKind>(_: &[&str]) {
    in_bytes::<K>("reserve, write, abort", 0, &operations::abort).kill_everywhere();
}

pub fn kill_batch<K: RingKind>(_: &[&str]) {
    in_bytes::<K>("batch of three, a pad inside", 3, &operations::batch).kill_everywhere();
}

pub fn stop_batch<K: RingKind>(_: &[&str]) {
    in_bytes::<K>("batch of three", 3, &operations::batch).stop_everywhere();
}

pub fn kill_batch_abort<K: RingKind>(_: &[&str]) {
    in_bytes::<K>("batch of three, aborted", 0, &operations::abort_batch).kill_everywhere();
}

pub fn kill_detach<K: RingKind>(_: &[&str]) {
    in_bytes::<K>("producer dropped, a batch forgotten", 0, &operations::detach).kill_everywhere();
}

pub fn kill_attach<K: RingKind>(_: &[&str]) {
    let fixture = Fixture::<Item, K>::new(13, 2, |fixture| {
        let (_others, tx) = fixture.producers();
        drop(tx);
        dies_after(|| mem::forget(fixture.reopened().producer().unwrap()));
    });
    attach("typed producer attaches", fixture);
}

pub fn kill_attach_after_batch<K: RingKind>(_: &[&str]) {
    let fixture = Fixture::<[u8], K>::new(NEARLY_ROUND, 2, |fixture| {
        let (_others, tx) = fixture.producers();
        drop(tx);
        dies_after(|| {
            let mut tx = fixture.reopened().producer().unwrap();
            operations::forget_a_batch(&mut tx);
            mem::forget(tx);
        });
    });
    attach("producer attaches after one died in a batch", fixture);
}
