//! The ends of a ring that is lied to, and what they have noticed.
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use ringway::ends::{Carried, Consumer, Producer, Ring};
use ringway::{Corruption, PopError, PushError, Role, mpsc};

use crate::kinds::AnyKind;
use crate::shared::Shared;

/// Cells of the rings here, or of each lane.
pub const CAPACITY: usize = 8;
/// The way to receive that waits.
pub const WAITS: usize = 2;
const SOON: Duration = Duration::from_micros(50);

/// What a ring carries, and the ways to send and receive it.
pub trait Cargo: Carried {
    /// Of a ring of so many cells.
    const CAPACITY: usize;

    /// Sends something in the `how`th way; the 0th: one cell.
    fn send<K: AnyKind>(tx: &mut Producer<K, Self, Shared>, how: usize) -> Result<(), PushError>;
    /// Receives something in the `how`th way; how many. The 0th: one. The last: all.
    fn receive<K: AnyKind>(rx: &mut Consumer<K, Self, Shared>, how: usize) -> Result<usize, PopError>;
    /// All there is, with something to do for each.
    fn drain<K: AnyKind>(rx: &mut Consumer<K, Self, Shared>, each: impl FnMut()) -> Result<usize, PopError>;
    /// Seat, position and cells of each loss.
    fn losses(rx: &mut mpsc::Consumer<Self, Shared>) -> Vec<(u16, u64, u64)>;
}

impl Cargo for u64 {
    const CAPACITY: usize = CAPACITY;

    fn send<K: AnyKind>(tx: &mut Producer<K, Self, Shared>, how: usize) -> Result<(), PushError> {
        match how % 3 {
            0 => tx.try_push(&7),
            1 => tx.try_push_slice(&[1, 2, 3, 4, 5]).map(drop),
            _ => tx.push_timeout(&7, SOON),
        }
    }

    fn receive<K: AnyKind>(rx: &mut Consumer<K, Self, Shared>, how: usize) -> Result<usize, PopError> {
        match how {
            usize::MAX => Self::drain(rx, || ()),
            _ => match how % 4 {
                0 => rx.try_pop().map(|_| 1),
                1 => rx.try_pop_slice(&mut [0; 5]),
                2 => rx.pop_timeout(SOON).map(|_| 1),
                _ => Self::drain(rx, || ()),
            },
        }
    }

    fn drain<K: AnyKind>(
        rx: &mut Consumer<K, Self, Shared>,
        mut each: impl FnMut(),
    ) -> Result<usize, PopError> {
        rx.drain(usize::MAX, |_| each())
    }

    fn losses(rx: &mut mpsc::Consumer<Self, Shared>) -> Vec<(u16, u64, u64)> {
        rx.losses().map(|loss| (loss.seat, loss.position, loss.cells)).collect()
    }
}

impl Cargo for [u8] {
    const CAPACITY: usize = 64 * CAPACITY;

    fn send<K: AnyKind>(tx: &mut Producer<K, Self, Shared>, how: usize) -> Result<(), PushError> {
        let len = how / 8 % (tx.max_record() + 1);
        match how % 8 {
            0 => tx.try_push(&[1; 64]),
            1 => tx.try_push(&vec![2; len]),
            2 => tx.try_reserve(len)?.commit_len(len / 2),
            3 => tx.try_reserve(len).map(|reservation| reservation.abort()),
            4 => tx.push_timeout(&vec![3; len], SOON),
            5 => {
                let mut batch = K::batch(tx, 4 * 128)?;
                let pushed = (0..4).try_for_each(|_| batch.try_push(&[4; 65]));
                batch.commit();
                pushed
            }
            6 => {
                let mut batch = K::batch(tx, 4 * len)?;
                (0..4).try_for_each(|_| batch.try_push(&vec![5; len]))
            }
            _ => {
                let mut batch = K::batch(tx, 4 * len)?;
                let pushed = (0..4).try_for_each(|_| batch.try_push(&vec![6; len]));
                std::mem::forget(batch);
                pushed
            }
        }
    }

    fn receive<K: AnyKind>(rx: &mut Consumer<K, Self, Shared>, how: usize) -> Result<usize, PopError> {
        match how {
            usize::MAX => Self::drain(rx, || ()),
            _ => match how % 5 {
                0 => rx.try_read().map(|record| record.payload().to_vec().len().min(1)),
                1 => rx.try_read().map(|record| record.keep()).map(|()| 0),
                2 => rx.read_timeout(SOON).map(|record| record.payload().to_vec().len().min(1)),
                3 => rx.try_read().map(std::mem::forget).map(|()| 0),
                _ => Self::drain(rx, || ()),
            },
        }
    }

    fn drain<K: AnyKind>(
        rx: &mut Consumer<K, Self, Shared>,
        mut each: impl FnMut(),
    ) -> Result<usize, PopError> {
        rx.drain(usize::MAX, |payload| {
            std::hint::black_box(payload.to_vec());
            each();
        })
    }

    fn losses(rx: &mut mpsc::Consumer<Self, Shared>) -> Vec<(u16, u64, u64)> {
        rx.losses().map(|loss| (loss.seat, loss.position, loss.cells)).collect()
    }
}

/// An end, and the corruption that it has reported.
struct End<E> {
    end: Option<E>,
    poison: Option<Corruption>,
    successes: usize,
}

impl<E> End<E> {
    fn new(end: Option<E>) -> Self {
        Self { end, poison: None, successes: 0 }
    }

    /// Another holder takes the seat, if it is given to it.
    fn next<Why>(&mut self, take: impl FnOnce() -> Result<E, Why>) {
        self.end = None;
        self.end = take().ok();
        self.poison = None;
    }

    /// What has been reported once is reported for ever.
    fn note(&mut self, found: Result<(), Option<Corruption>>) -> Result<(), TestCaseError> {
        match (self.poison, found) {
            (Some(before), found) => prop_assert_eq!(found, Err(Some(before))),
            (None, Err(found)) => self.poison = found,
            (None, Ok(())) => self.successes += 1,
        }
        Ok(())
    }
}

pub struct Ends<K: AnyKind, T: Cargo + ?Sized> {
    ring: Ring<K, T, Shared>,
    txs: Vec<End<Producer<K, T, Shared>>>,
    rx: End<Consumer<K, T, Shared>>,
}

impl<K: AnyKind, T: Cargo + ?Sized> Ends<K, T> {
    /// All that there can be.
    pub fn new(ring: Ring<K, T, Shared>) -> Self {
        let txs = (0..K::SEATS).map(|_| End::new(ring.producer().ok())).collect();
        let rx = End::new(ring.consumer().ok());
        Self { ring, txs, rx }
    }

    /// Only one of them.
    pub fn for_one(ring: Ring<K, T, Shared>, role: Role) -> Self {
        let mut ends = Self { ring, txs: vec![End::new(None)], rx: End::new(None) };
        ends.next(role);
        ends
    }

    pub fn next(&mut self, role: Role) {
        match role {
            Role::Producer => self.next_producer(0),
            Role::Consumer => self.next_consumer(),
        }
    }

    pub fn next_producer(&mut self, which: usize) {
        let which = which % self.txs.len();
        self.txs[which].next(|| self.ring.producer());
    }

    pub fn next_consumer(&mut self) {
        self.rx.next(|| self.ring.consumer());
    }

    pub fn send(&mut self, which: usize, how: usize) -> Result<(), TestCaseError> {
        let which = which % self.txs.len();
        let Some(tx) = &mut self.txs[which].end else { return Ok(()) };
        let sent = T::send(tx, how).map_err(|error| match error {
            PushError::Corrupt(what) => Some(what),
            _ => None,
        });
        self.txs[which].note(sent)
    }

    pub fn receive(&mut self, how: usize) -> Result<(), TestCaseError> {
        let Some(rx) = &mut self.rx.end else { return Ok(()) };
        let received = T::receive(rx, how);
        // Of a ring that was damaged before it was joined, the geometry is what it says.
        let most = self.ring.capacity() * self.ring.producers();
        prop_assert!(received.is_ok_and(|n| n <= most) || received.is_err(), "{:?}", received);
        self.rx.note(received.map(drop).map_err(|error| match error {
            PopError::Corrupt(what) => Some(what),
            _ => None,
        }))
    }

    /// Where the ring is, as far as its ends know.
    pub fn position(&self) -> u64 {
        let tx = self.txs.iter().find_map(|tx| tx.end.as_ref()).map(Producer::position);
        tx.or(self.rx.end.as_ref().map(Consumer::position)).unwrap_or(0)
    }

    /// Asks all that can be asked.
    pub fn inspect(&mut self) {
        let presence = [Role::Producer, Role::Consumer].map(|role| self.ring.presence(role));
        let tx = self.txs.first().map(|tx| &tx.end);
        let shown = format!("{:?} {tx:?} {:?} {presence:?}", self.ring, self.rx.end);
        assert!(shown.contains(K::NAME));
        let seats = self.ring.seats().map(|seat| format!("{seat:?}")).count();
        assert_eq!(seats, 1 + self.ring.producers());
        let of_producers = self.txs.iter_mut().filter_map(|tx| tx.end.as_mut()?.stalled());
        let blamed: Vec<_> = of_producers.chain(self.rx.end.as_mut().and_then(Consumer::stalled)).collect();
        assert!(blamed.iter().all(|blame| !blame.to_string().is_empty()));
    }

    /// Has the ring repaired, if that is allowed: where a state word lies, also beside a consumer.
    pub fn recover(&self) {
        let _found = self.ring.recover();
    }

    pub fn successes(&self) -> usize {
        self.txs.iter().map(|tx| tx.successes).sum::<usize>() + self.rx.successes
    }
}
