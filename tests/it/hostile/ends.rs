//! The ends of a ring that is lied to, and what they have noticed.
use std::time::Duration;

use ringway::Message;
use ringway::memory::ALIGN;
use ringway::memory::{Clock, Memory};
use ringway::ring::{Consumer, Producer, Ring};
use ringway::{Corruption, PopError, PushError, Role, mpsc};

use super::layout::{CONSUMER, KindLayout};
use super::memory::Shared;

/// Cells of the rings here, or of each lane.
pub const CAPACITY: usize = 8;
/// The way to receive that waits.
pub const WAITS: usize = 2;
const SOON: Duration = Duration::from_micros(50);

/// Memory that can be lied in, and in which one can wait for a limited time.
pub trait Peer: Memory + Clock {}
impl<M: Memory + Clock> Peer for M {}

/// What a ring carries, and the ways to send and receive it.
pub trait Cargo: Message {
    /// What capacities count, of each cell.
    const UNIT: usize;
    /// The fewest cells that a ring of it can have.
    const LEAST: usize;

    /// Bytes of descriptors and cells, in one sequence of so many.
    fn lane_len(cells: usize) -> usize;

    /// Sends something in the `how`th way; the 0th: one cell.
    fn send<K: KindLayout, M: Peer>(tx: &mut Producer<K, Self, M>, how: usize) -> Result<(), PushError>;
    /// Receives something in the `how`th way; how many. The 0th: one. The last: all.
    fn receive<K: KindLayout, M: Peer>(rx: &mut Consumer<K, Self, M>, how: usize) -> Result<usize, PopError>;
    /// All there is, with something to do for each.
    fn drain<K: KindLayout, M: Peer>(
        rx: &mut Consumer<K, Self, M>,
        each: impl FnMut(),
    ) -> Result<usize, PopError>;
    /// Seat, position and cells of each loss.
    fn losses<M: Memory>(rx: &mut mpsc::Consumer<Self, M>) -> Vec<(u16, u64, u64)>;
}

impl Cargo for u64 {
    const UNIT: usize = 1;
    const LEAST: usize = 1;

    fn lane_len(cells: usize) -> usize {
        (16 * cells).next_multiple_of(ALIGN)
    }

    fn send<K: KindLayout, M: Peer>(tx: &mut Producer<K, Self, M>, how: usize) -> Result<(), PushError> {
        match how % 4 {
            0 => tx.try_push(&7),
            1 => tx.try_push_slice(&[1, 2, 3, 4, 5]).map(drop),
            2 => tx.push_timeout(&7, SOON),
            _ => tx.try_push_slice(&[8; 99]).map(drop),
        }
    }

    fn receive<K: KindLayout, M: Peer>(rx: &mut Consumer<K, Self, M>, how: usize) -> Result<usize, PopError> {
        match how {
            usize::MAX => Self::drain(rx, || ()),
            _ => match how % 5 {
                0 => rx.try_pop().map(|_| 1),
                1 => rx.try_pop_slice(&mut [0; 5]),
                2 => rx.pop_timeout(SOON).map(|_| 1),
                3 => rx.try_pop_slice(&mut [0; 99]),
                _ => Self::drain(rx, || ()),
            },
        }
    }

    fn drain<K: KindLayout, M: Peer>(
        rx: &mut Consumer<K, Self, M>,
        mut each: impl FnMut(),
    ) -> Result<usize, PopError> {
        rx.drain(usize::MAX, |_| each())
    }

    fn losses<M: Memory>(rx: &mut mpsc::Consumer<Self, M>) -> Vec<(u16, u64, u64)> {
        rx.losses().map(|loss| (loss.seat, loss.position, loss.cells)).collect()
    }
}

impl Cargo for [u8] {
    const UNIT: usize = 64;
    const LEAST: usize = 2;

    fn lane_len(cells: usize) -> usize {
        (16 * cells).next_multiple_of(ALIGN) + 64 * cells
    }

    fn send<K: KindLayout, M: Peer>(tx: &mut Producer<K, Self, M>, how: usize) -> Result<(), PushError> {
        let max = tx.max_record();
        let len = how / 10 % (max + 1);
        match how % 10 {
            0 => tx.try_push(&[1; 64]),
            1 => tx.try_push(&vec![2; len]),
            2 => tx.try_reserve(len)?.commit_len(len / 2),
            3 => tx.try_reserve(len).map(|reservation| reservation.abort()),
            4 => tx.push_timeout(&vec![3; len], SOON),
            5 => {
                let mut batch = tx.try_batch((4 * 128).min(max))?;
                let pushed = (0..4).try_for_each(|_| batch.try_push(&[4; 65][..max.min(65)]));
                batch.commit();
                pushed
            }
            6 => {
                let mut batch = tx.try_batch((4 * len).min(max))?;
                (0..4).try_for_each(|_| batch.try_push(&vec![5; len]))
            }
            7 => {
                let mut batch = tx.try_batch((4 * len).min(max))?;
                let pushed = (0..4).try_for_each(|_| batch.try_push(&vec![6; len]));
                std::mem::forget(batch);
                pushed
            }
            8 => {
                let mut reservation = tx.try_reserve(len)?;
                assert!(reservation.payload().write_at(&vec![7; len - len / 2], len / 2).is_ok());
                assert!(reservation.payload().write_at(&vec![7; len - len / 2], len / 2 + 1).is_err());
                std::mem::forget(reservation);
                Ok(())
            }
            _ => tx.reserve_timeout(len, SOON).map(|reservation| reservation.commit()),
        }
    }

    fn receive<K: KindLayout, M: Peer>(rx: &mut Consumer<K, Self, M>, how: usize) -> Result<usize, PopError> {
        match how {
            usize::MAX => Self::drain(rx, || ()),
            _ => match how % 6 {
                0 => rx.try_read().map(|record| record.payload().to_vec().len().min(1)),
                1 => rx.try_read().map(|record| record.keep()).map(|()| 0),
                2 => rx.read_timeout(SOON).map(|record| record.payload().to_vec().len().min(1)),
                3 => rx.try_read().map(std::mem::forget).map(|()| 0),
                4 => rx.try_read().map(|record| {
                    let (payload, mut part) = (record.payload(), [0; 9]);
                    for from in [0, 1, 56, record.len(), usize::MAX] {
                        let is_inside = from.checked_add(part.len()).is_some_and(|end| end <= record.len());
                        assert_eq!(payload.read_at(&mut part, from).is_ok(), is_inside);
                    }
                    1
                }),
                _ => Self::drain(rx, || ()),
            },
        }
    }

    fn drain<K: KindLayout, M: Peer>(
        rx: &mut Consumer<K, Self, M>,
        mut each: impl FnMut(),
    ) -> Result<usize, PopError> {
        rx.drain(usize::MAX, |payload| {
            std::hint::black_box(payload.to_vec());
            each();
        })
    }

    fn losses<M: Memory>(rx: &mut mpsc::Consumer<Self, M>) -> Vec<(u16, u64, u64)> {
        rx.losses().map(|loss| (loss.seat, loss.position, loss.cells)).collect()
    }
}

/// An end, and the corruption that it has reported.
struct End<E> {
    end: Option<E>,
    poison: Option<Corruption>,
}

impl<E> End<E> {
    fn new(end: Option<E>) -> Self {
        Self { end, poison: None }
    }

    /// Another holder takes the seat, if it is given to it.
    fn next<Why>(&mut self, take: impl FnOnce() -> Result<E, Why>) {
        self.end = None;
        self.end = take().ok();
        self.poison = None;
    }

    /// What has been reported once is reported for ever.
    fn note(&mut self, found: Result<(), Option<Corruption>>) {
        match (self.poison, found) {
            (Some(before), found) => assert_eq!(found, Err(Some(before)), "it was said before"),
            (None, Err(found)) => self.poison = found,
            (None, Ok(())) => {}
        }
    }
}

pub struct Ends<K: KindLayout, T: Cargo + ?Sized, M: Peer = Shared> {
    ring: Ring<K, T, M>,
    txs: Vec<End<Producer<K, T, M>>>,
    rx: End<Consumer<K, T, M>>,
}

impl<K: KindLayout, T: Cargo + ?Sized, M: Peer> Ends<K, T, M> {
    /// All that there can be.
    pub fn new(ring: Ring<K, T, M>) -> Self {
        let txs = (0..K::SEATS).map(|_| End::new(ring.producer().ok())).collect();
        let rx = End::new(ring.consumer().ok());
        Self { ring, txs, rx }
    }

    pub fn next_producer(&mut self, which: usize) {
        let which = which % self.txs.len();
        self.txs[which].next(|| self.ring.producer());
    }

    /// Another holder for this seat, found through one of another seat.
    pub fn another_producer(&mut self, which: usize) {
        let (which, through) = (which % self.txs.len(), (which + 1) % self.txs.len());
        let Some(tx) = &self.txs[through].end else { return };
        let another = tx.try_clone();
        self.txs[which].next(|| another);
    }

    pub fn next_consumer(&mut self) {
        self.rx.next(|| self.ring.consumer());
    }

    pub fn send(&mut self, which: usize, how: usize) {
        let which = which % self.txs.len();
        let Some(tx) = &mut self.txs[which].end else { return };
        let sent = T::send(tx, how).map_err(|error| match error {
            PushError::Corrupt(what) => Some(what),
            _ => None,
        });
        self.txs[which].note(sent);
    }

    pub fn receive(&mut self, how: usize) {
        let Some(rx) = &mut self.rx.end else { return };
        let before = rx.position();
        let received = T::receive(rx, how);
        assert!(rx.position() >= before, "it went back");
        // Of a ring that was damaged before it was joined, the geometry is what it says.
        let lanes = if K::LANES == 1 { 1 } else { self.ring.max_producers() };
        let most = self.ring.capacity() / T::UNIT * lanes;
        assert!(received.is_ok_and(|n| n <= most) || received.is_err(), "{received:?} of {most}");
        self.rx.note(received.map(drop).map_err(|error| match error {
            PopError::Corrupt(what) => Some(what),
            _ => None,
        }));
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
        assert_eq!(seats, 1 + self.ring.max_producers());
        let of_producers = self.txs.iter_mut().filter_map(|tx| tx.end.as_mut()?.stalled());
        let blamed: Vec<_> = of_producers.chain(self.rx.end.as_mut().and_then(Consumer::stalled)).collect();
        assert!(blamed.iter().all(|blame| !blame.to_string().is_empty()));
        // It keeps the last 16.
        assert!(self.rx.end.as_mut().map_or(0, |rx| rx.losses().count()) <= 16);
    }

    /// Waits for whoever may come.
    pub fn greet(&self) {
        let rx = self.rx.end.as_ref().map(|rx| rx.wait_for_producer(SOON));
        let tx = self.txs.iter().filter_map(|tx| tx.end.as_ref()).map(|tx| tx.wait_for_consumer(SOON));
        let _whoever_came = (rx, tx.count());
    }

    /// Has the ring repaired, if that is allowed: where a state word lies, also beside a consumer.
    pub fn recover(&self) {
        let _found = self.ring.recover();
    }
}

impl<K: KindLayout, T: Cargo + ?Sized> Ends<K, T> {
    /// A producer dies.
    pub fn kill_producer(&mut self, which: usize) {
        let which = which % self.txs.len();
        if let Some(tx) = self.txs[which].end.take() {
            let seat = tx.seat();
            self.ring.memory().kill(tx, K::seat(seat.into()));
        }
    }

    pub fn kill_consumer(&mut self) {
        if let Some(rx) = self.rx.end.take() {
            self.ring.memory().kill(rx, CONSUMER);
        }
    }
}
