//! The model of a byte ring: records in cells of 64 bytes, pads at the end of laps.
#![allow(clippy::forget_non_drop, reason = "that forgetting does no harm is what is tested")]

use std::collections::VecDeque;
use std::mem;

use proptest::collection::vec;
use proptest::prelude::*;
use ringway::memory::Heap;
use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Departure, Options, PopError, PushError};

/// A length, of which the ring's largest record decides what it means.
#[derive(Clone, Debug)]
enum Len {
    Bytes(usize),
    /// So many cells, and so many bytes more or less.
    Cells(usize, isize),
    Largest,
    TooLarge,
}

impl Len {
    fn resolve(&self, max: usize) -> usize {
        match *self {
            Self::Bytes(n) => n % (max + 1),
            Self::Cells(n, more) => (64 * n).saturating_add_signed(more) % (max + 1),
            Self::Largest => max,
            Self::TooLarge => max + 1,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(Len),
    /// Reserves, and then sends so many percent of it.
    Reserve(Len, usize),
    Abort(Len),
    /// Forgets the reservation.
    Forget(Len),
    /// Begins a batch with this room, and stages these records.
    Batch(Len, Vec<Len>, End),
    Read(End),
    Drain(usize),
    /// Another producer takes the seat. In between, the ring is closed once it is empty.
    NextProducer,
    NextConsumer,
}

/// What becomes of a batch, or of a record that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Done,
    Undone,
    Forgotten,
}

fn len() -> impl Strategy<Value = Len> {
    prop_oneof![
        8 => (0..4096_usize).prop_map(Len::Bytes),
        8 => (0..20_usize, -1..=1_isize).prop_map(|(n, more)| Len::Cells(n, more)),
        4 => (0..64_usize).prop_map(Len::Bytes),
        2 => Just(Len::Largest),
        1 => Just(Len::TooLarge),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![4 => Just(End::Done), 1 => Just(End::Undone), 1 => Just(End::Forgotten)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => len().prop_map(Step::Push),
        4 => (len(), 0..=100_usize).prop_map(|(len, percent)| Step::Reserve(len, percent)),
        1 => len().prop_map(Step::Abort),
        1 => len().prop_map(Step::Forget),
        4 => (len(), vec(len(), 0..6), end()).prop_map(|(room, lens, end)| Step::Batch(room, lens, end)),
        8 => end().prop_map(Step::Read),
        2 => (0..6_usize).prop_map(Step::Drain),
        1 => Just(Step::NextProducer),
        1 => Just(Step::NextConsumer),
    ]
}

struct Record {
    at: u64,
    /// The position after it.
    end: u64,
    bytes: Vec<u8>,
}

/// What is in the ring. All positions in cells.
struct Model {
    capacity: u64,
    max: usize,
    records: VecDeque<Record>,
    /// The first position not released: that of a pad, if the next record has one before it.
    head: u64,
    tail: u64,
    count: usize,
}

impl Model {
    /// Where a record of `len` bytes would start after `next`, or why it cannot.
    fn claim(&self, next: u64, len: usize) -> Result<u64, PushError> {
        if len > self.max {
            return Err(PushError::TooLarge { len, max: self.max });
        }
        let left = self.capacity - next % self.capacity;
        let at = if cells(len) > left { next + left } else { next };
        if at + cells(len) - self.head > self.capacity { Err(PushError::Full) } else { Ok(at) }
    }

    fn record(&mut self, at: u64, len: usize) -> Record {
        self.count += 1;
        let bytes = (0..len).map(|i| (self.count * 31 + i * 7 + (i >> 8)) as u8).collect();
        Record { at, end: at + cells(len), bytes }
    }

    fn send(&mut self, record: Record) {
        self.tail = record.end;
        self.records.push_back(record);
    }
}

fn cells(len: usize) -> u64 {
    len.div_ceil(64).max(1) as u64
}

struct Pair {
    ring: Ring<[u8], Heap>,
    tx: Option<Producer<[u8], Heap>>,
    rx: Option<Consumer<[u8], Heap>>,
    model: Model,
}

impl Pair {
    fn new(capacity: u64) -> Self {
        let bytes = capacity as usize * 64;
        let options = Options::new().capacity(bytes);
        let memory = Heap::new(Ring::<[u8]>::required_len(&options));
        let ring = Ring::<[u8], _>::format(memory, &options).unwrap();
        let (tx, rx) = (ring.producer().ok(), ring.consumer().ok());
        let (max, records) = (ring.max_record(), VecDeque::new());
        Self { ring, tx, rx, model: Model { capacity, max, records, head: 0, tail: 0, count: 0 } }
    }

    fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let (model, tx, rx) = (&mut self.model, self.tx.as_mut().unwrap(), self.rx.as_mut().unwrap());
        match step {
            Step::Push(len) => {
                let len = len.resolve(model.max);
                let claim = model.claim(model.tail, len);
                let record = model.record(*claim.as_ref().unwrap_or(&0), len);
                prop_assert_eq!(tx.try_push(&record.bytes), claim.map(|_| ()));
                if claim.is_ok() {
                    model.send(record);
                }
            }
            Step::Reserve(len, percent) => {
                let len = len.resolve(model.max);
                let claim = model.claim(model.tail, len);
                let reservation = tx.try_reserve(len);
                prop_assert_eq!(reservation.as_ref().map(|r| r.len()), claim.as_ref().map(|_| len));
                if let (Ok(mut reservation), Ok(at)) = (reservation, claim) {
                    // The place was chosen for what was reserved; the cells are those of what is sent.
                    let record = model.record(at, len * percent / 100);
                    reservation.payload().write_at(&record.bytes, 0).unwrap();
                    prop_assert_eq!(reservation.commit_len(record.bytes.len()), Ok(()));
                    model.send(record);
                }
            }
            Step::Abort(len) | Step::Forget(len) => {
                let len = len.resolve(model.max);
                let expected = model.claim(model.tail, len).map(|_| len);
                let reservation = tx.try_reserve(len);
                prop_assert_eq!(reservation.as_ref().map(|r| r.len()), expected.as_ref().copied());
                match (reservation, step) {
                    (Ok(mut reservation), Step::Abort(_)) => {
                        reservation.payload().write_at(&vec![0xee; len], 0).unwrap();
                        reservation.abort();
                    }
                    (reservation, _) => mem::forget(reservation),
                }
            }
            Step::Batch(room, lens, end) => self.batch(room, lens, *end)?,
            Step::Read(end) => match (rx.try_read(), model.records.front()) {
                (Ok(read), Some(record)) => {
                    prop_assert_eq!(&read.payload().to_vec(), &record.bytes);
                    match end {
                        End::Done => {
                            read.release();
                            model.head = record.end;
                            model.records.pop_front();
                        }
                        // It stays, and with it the pad before it.
                        End::Undone => read.keep(),
                        End::Forgotten => mem::forget(read),
                    }
                }
                (Err(error), None) => prop_assert_eq!(error, PopError::Empty),
                (read, record) => prop_assert!(false, "{:?}, and {} expected", read, record.is_some()),
            },
            Step::Drain(limit) => {
                let mut seen = Vec::new();
                let drained = rx.drain(*limit, |payload| seen.push(payload.to_vec()));
                let there = model.records.len().min(*limit);
                let expected = if there == 0 && *limit > 0 { Err(PopError::Empty) } else { Ok(there) };
                prop_assert_eq!(drained, expected);
                prop_assert_eq!(seen.len(), there);
                for (record, bytes) in model.records.drain(..there).zip(seen) {
                    prop_assert_eq!(record.bytes, bytes);
                    model.head = record.end;
                }
            }
            Step::NextProducer => {
                self.tx = None;
                let closed = rx.try_read().map(|record| record.keep());
                let is_empty = model.records.is_empty();
                let expected = if is_empty { Err(PopError::Closed(Departure::Left)) } else { Ok(()) };
                prop_assert_eq!(closed, expected);
                self.tx = self.ring.producer().ok();
            }
            Step::NextConsumer => {
                self.rx = None;
                self.rx = self.ring.consumer().ok();
                prop_assert_eq!(self.rx.as_ref().map(Consumer::position), Some(model.head));
            }
        }
        self.check_positions()
    }

    fn batch(&mut self, room: &Len, lens: &[Len], end: End) -> Result<(), TestCaseError> {
        let (model, tx) = (&mut self.model, self.tx.as_mut().unwrap());
        let room = room.resolve(model.max);
        let begun = tx.try_batch(room);
        prop_assert_eq!(
            begun.as_ref().map(drop).map_err(|error| *error),
            model.claim(model.tail, room).map(drop)
        );
        let Ok(mut batch) = begun else { return Ok(()) };
        let (mut staged, mut next) = (Vec::new(), model.tail);
        for len in lens {
            let len = len.resolve(model.max);
            let claim = model.claim(next, len);
            let record = model.record(*claim.as_ref().unwrap_or(&0), len);
            prop_assert_eq!(batch.try_push(&record.bytes), claim.map(|_| ()));
            if claim.is_ok() {
                next = record.end;
                staged.push(record);
            }
        }
        match end {
            End::Done => {
                batch.commit();
                staged.into_iter().for_each(|record| model.send(record));
            }
            End::Undone => batch.abort(),
            End::Forgotten => mem::forget(batch),
        }
        Ok(())
    }

    fn check_positions(&self) -> Result<(), TestCaseError> {
        let (tx, rx) = (self.tx.as_ref().unwrap(), self.rx.as_ref().unwrap());
        prop_assert_eq!(tx.position(), self.model.tail);
        // A consumer that has looked stands behind the pad.
        let next = self.model.records.front().map_or(self.model.head, |record| record.at);
        prop_assert!([self.model.head, next].contains(&rx.position()));
        Ok(())
    }
}

proptest! {
    #![proptest_config(super::config(600))]

    #[test]
    fn a_ring_of_bytes_does_what_the_model_does(
        bits in 1..6_u32,
        start in 0..64_usize,
        steps in vec(step(), 1..80),
    ) {
        let mut pair = Pair::new(1 << bits);
        for _ in 0..start {
            pair.apply(&Step::Push(Len::Bytes(1)))?;
            pair.apply(&Step::Read(End::Done))?;
        }
        for step in &steps {
            pair.apply(step)?;
        }
        // Nothing is left behind, and nothing is missing.
        while !pair.model.records.is_empty() {
            pair.apply(&Step::Read(End::Done))?;
        }
        pair.apply(&Step::Read(End::Done))?;
    }
}
