//! Kills, or stops, the producer of an `spsc` ring. Its records arrive whole or not at all, and its
//! successor continues.
use std::mem;

use ringway::SeatError;
use ringway::spsc::{Consumer, Ring};

use crate::fixture::{FROM_SURVIVORS, Fixture, Item, SMALL, TestMessage, check_laps, receive_all};
use crate::kill_points::Sweep;
use crate::operations::{self, NEARLY_ROUND, ROOM, forget_a_batch, three_records};
use crate::victim::{Victim, dies_after, mark};

/// An operation of a producer.
struct Sending<'a, T: TestMessage + ?Sized> {
    name: &'a str,
    minimum: usize,
    fixture: Fixture<T>,
    /// Records 1 to this one are in the ring before.
    waiting: u64,
    /// How many records the operation sends. They have the next numbers.
    sends: u64,
    /// Whether the records are published together. Otherwise they are published one by one.
    at_once: bool,
    /// The victim's part, with a ring that it has opened itself.
    operation: &'a dyn Fn(&Ring<T>),
}

impl<T: TestMessage + ?Sized> Sending<'_, T> {
    fn kill_everywhere(self) {
        let sweep = Sweep {
            name: self.name,
            minimum: self.minimum,
            prepare: &|| self.fixture.reset(),
            file: &|()| self.fixture.path().to_owned(),
            operation: &|()| (self.operation)(&self.fixture.reopened()),
            is_only_writer: true,
            wake: None,
            single_steps_only: false,
        };
        let arrived = sweep.kill_everywhere(|(), _| self.check());
        let is_possible = |n: &u64| !self.at_once || *n == 0 || *n == self.sends;
        assert!(arrived.iter().all(is_possible), "a part arrived: {arrived:?}");
        assert!(arrived.is_sorted(), "a record that was sent is gone later: {arrived:?}");
        assert_eq!(arrived.first(), Some(&0), "the first victim died before its operation");
        assert_eq!(arrived.last(), Some(&self.sends), "the last victim died after its operation");
    }

    /// Stops the victim at each kill point instead. No other process may take its seat. Then it
    /// continues and completes its operation.
    fn stop_everywhere(self) {
        let sweep = Sweep {
            name: self.name,
            minimum: self.minimum,
            prepare: &|| {
                self.fixture.reset();
                (self.fixture.ring.consumer().unwrap(), Vec::new())
            },
            file: &|_| self.fixture.path().to_owned(),
            operation: &|_| (self.operation)(&self.fixture.reopened()),
            is_only_writer: true,
            wake: None,
            single_steps_only: false,
        };
        let meanwhile = |(rx, numbers): &mut (Consumer<T>, Vec<u64>), _| {
            let robbed = self.fixture.ring.producer();
            assert!(
                matches!(robbed, Err(SeatError::SeatTaken { .. })),
                "the producer is stopped, not dead: {robbed:?}"
            );
            numbers.extend(receive_all(rx));
            let arrived = self.arrived(numbers);
            assert!(!self.at_once || arrived == 0 || arrived == self.sends, "a part arrived: {numbers:?}");
        };
        sweep.stop_everywhere(meanwhile, |(mut rx, mut numbers)| {
            numbers.extend(receive_all(&mut rx));
            assert_eq!(self.arrived(&numbers), self.sends, "received {numbers:?}");
            check_laps(&mut self.fixture.ring.producer().unwrap(), &mut rx);
        });
    }

    /// The victim is dead. Returns how many of its records arrive.
    fn check(&self) -> u64 {
        let left_behind = self.fixture.now();
        let arrived = self.successor_comes_first();
        self.fixture.put(&left_behind);
        assert_eq!(
            self.reader_comes_first(),
            arrived,
            "the records that arrive depend on the order of events"
        );
        arrived
    }

    fn successor_comes_first(&self) -> u64 {
        let mut tx = self.fixture.ring.producer().expect("a dead producer's seat is free");
        T::send(&mut tx, FROM_SURVIVORS, SMALL).unwrap();
        let mut rx = self.fixture.ring.consumer().unwrap();
        let mut numbers = receive_all(&mut rx);
        assert_eq!(
            numbers.pop(),
            Some(FROM_SURVIVORS),
            "the successor's record is the last, after {numbers:?}"
        );
        check_laps(&mut tx, &mut rx);
        self.arrived(&numbers)
    }

    /// A consumer takes everything. Then a successor dies before it sends, and another one takes
    /// its seat.
    fn reader_comes_first(&self) -> u64 {
        let mut rx = self.fixture.ring.consumer().unwrap();
        let numbers = receive_all(&mut rx);
        dies_after(|| {
            let tx = self.fixture.reopened().producer().expect("a dead producer's seat is free");
            mem::forget(tx);
        });
        let mut tx = self.fixture.ring.producer().expect("the seat of its dead successor is free");
        T::send(&mut tx, FROM_SURVIVORS, SMALL).unwrap();
        assert_eq!(receive_all(&mut rx), [FROM_SURVIVORS]);
        check_laps(&mut tx, &mut rx);
        self.arrived(&numbers)
    }

    /// How many of the received records are the victim's. The records before it come first.
    fn arrived(&self, numbers: &[u64]) -> u64 {
        let expected: Vec<u64> = (1..=self.waiting + self.sends).collect();
        assert!(expected.starts_with(numbers), "received {numbers:?} of {expected:?}");
        (numbers.len() as u64).checked_sub(self.waiting).expect("no record from before is lost")
    }
}

/// The next position in a fixture that begins at `NEARLY_ROUND` and has two records.
const NEXT: u64 = NEARLY_ROUND + 2;

fn typed_push<'a>(name: &'a str) -> Sending<'a, Item> {
    Sending {
        name,
        minimum: 20,
        fixture: Fixture::new(13, 2, |_| {}),
        waiting: 2,
        sends: 1,
        at_once: true,
        operation: &operations::push_item,
    }
}

fn batch<'a>(name: &'a str) -> Sending<'a, [u8]> {
    Sending {
        name,
        minimum: 100,
        fixture: Fixture::new(NEARLY_ROUND, 2, |_| {}),
        waiting: 2,
        sends: 3,
        at_once: true,
        operation: &operations::batch,
    }
}

/// Sends one record of `len` bytes.
fn byte_push(name: &str, len: usize) {
    Sending::<[u8]> {
        name,
        minimum: 50,
        fixture: Fixture::new(NEARLY_ROUND, 2, |_| {}),
        waiting: 2,
        sends: 1,
        at_once: true,
        operation: &|ring| operations::push_bytes(ring, len),
    }
    .kill_everywhere();
}

/// Takes the seat, whatever its last holder left in the ring.
fn attach<T: TestMessage + ?Sized>(name: &str, fixture: Fixture<T>, waiting: u64) {
    Sending { name, minimum: 100, fixture, waiting, sends: 0, at_once: true, operation: &operations::attach }
        .kill_everywhere();
}

/// Commits a batch, and dies between the first stamp and TAIL. Then a consumer takes everything, so
/// HEAD is beyond TAIL.
fn die_before_tail(fixture: &Fixture<[u8]>) {
    let mut victim = Victim::start(|| {
        let mut tx = fixture.reopened().producer().unwrap();
        let mut batch = tx.try_batch(ROOM).unwrap();
        three_records().iter().for_each(|record| batch.try_push(record).unwrap());
        mark();
        batch.commit();
        mark();
    });
    while !fixture.is_stamped(0, NEXT) {
        victim.step(None);
    }
    drop(victim);
    assert_eq!(fixture.tail(0), NEXT, "the victim did not die before it moved TAIL");
    let mut rx = fixture.ring.consumer().unwrap();
    assert_eq!(receive_all(&mut rx), [1, 2, 3, 4, 5]);
}

pub fn kill_typed_push(_: &[&str]) {
    typed_push("typed push").kill_everywhere();
}

pub fn stop_typed_push(_: &[&str]) {
    typed_push("typed push, stopped").stop_everywhere();
}

pub fn kill_push_slice(_: &[&str]) {
    Sending::<Item> {
        name: "typed push_slice, over the end of the lap",
        minimum: 100,
        fixture: Fixture::new(2 * 8 + 4, 2, |_| {}),
        waiting: 2,
        sends: 4,
        at_once: false,
        operation: &operations::push_slice,
    }
    .kill_everywhere();
}

pub fn kill_push_of_a_cell(_: &[&str]) {
    byte_push("byte push, one cell", 40);
}

pub fn kill_push_of_cells(_: &[&str]) {
    byte_push("byte push, three cells", 180);
}

pub fn kill_push_after_pad(_: &[&str]) {
    byte_push("byte push, a pad before it", 300);
}

pub fn kill_commit_len(_: &[&str]) {
    Sending::<[u8]> {
        name: "reserve, write, commit_len",
        minimum: 50,
        fixture: Fixture::new(NEARLY_ROUND, 2, |_| {}),
        waiting: 2,
        sends: 1,
        at_once: true,
        operation: &operations::commit_len,
    }
    .kill_everywhere();
}

pub fn kill_abort(_: &[&str]) {
    Sending::<[u8]> {
        name: "reserve, write, abort",
        minimum: 20,
        fixture: Fixture::new(NEARLY_ROUND, 2, |_| {}),
        waiting: 2,
        sends: 0,
        at_once: true,
        operation: &operations::abort,
    }
    .kill_everywhere();
}

pub fn kill_batch(_: &[&str]) {
    batch("batch of three, a pad inside").kill_everywhere();
}

pub fn stop_batch(_: &[&str]) {
    batch("batch of three, stopped").stop_everywhere();
}

pub fn kill_batch_abort(_: &[&str]) {
    Sending::<[u8]> {
        name: "batch of three, aborted",
        minimum: 100,
        fixture: Fixture::new(NEARLY_ROUND, 2, |_| {}),
        waiting: 2,
        sends: 0,
        at_once: true,
        operation: &operations::abort_batch,
    }
    .kill_everywhere();
}

pub fn kill_detach(_: &[&str]) {
    Sending::<[u8]> {
        name: "producer dropped, a batch forgotten",
        minimum: 100,
        fixture: Fixture::new(NEARLY_ROUND, 2, |_| {}),
        waiting: 2,
        sends: 0,
        at_once: true,
        operation: &operations::detach,
    }
    .kill_everywhere();
}

pub fn kill_typed_attach(_: &[&str]) {
    let fixture = Fixture::<Item>::new(13, 2, |fixture| {
        dies_after(|| mem::forget(fixture.reopened().producer().unwrap()))
    });
    attach("typed producer attaches", fixture, 2);
}

pub fn kill_attach_after_batch(_: &[&str]) {
    let fixture = Fixture::<[u8]>::new(NEARLY_ROUND, 2, |fixture| {
        dies_after(|| {
            let mut tx = fixture.reopened().producer().unwrap();
            forget_a_batch(&mut tx);
            mem::forget(tx);
        });
    });
    attach("producer attaches after one died in a batch", fixture, 2);
}

pub fn kill_attach_before_tail(_: &[&str]) {
    let fixture = Fixture::new(NEARLY_ROUND, 2, die_before_tail);
    attach("producer attaches after one died before TAIL", fixture, 0);
}
