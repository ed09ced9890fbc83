//! The model of total order: claims follow each other without gaps, and each is a record, several, or nothing.
//!
//! Three producers, each on a thread of its own that does what it is told and answers: so what one has reserved can stay
//! open while the others go on. Only one of all threads runs at a time.
#![allow(clippy::forget_non_drop, reason = "that forgetting does no harm is what is tested")]

use std::collections::BTreeMap;
use std::mem;

use proptest::collection::vec;
use proptest::prelude::*;
use ringway::memory::Heap;
use ringway::mpsc::{Consumer, Ring};
use ringway::{Options, PopError, PushError};

use super::producer_thread::{Hand, Order};

/// Producers.
const HANDS: usize = 3;
/// Seats: one more, so that they change.
const SEATS: u16 = 4;

#[derive(Clone, Debug)]
enum Step {
    /// What a producer does, where it has nothing open.
    Begin(usize, Begin),
    /// What becomes of what it has open.
    Go(usize, Go),
    Read(End),
    Drain(usize),
    NextConsumer,
}

/// Lengths are of one percent of the largest record and more.
#[derive(Clone, Copy, Debug)]
enum Begin {
    Push(usize),
    Reserve(usize),
    Batch(usize),
    /// Another takes a seat in its place.
    Next,
}

#[derive(Clone, Copy, Debug)]
enum Go {
    /// Sends the reservation with so many percent of it; or adds a record to the batch.
    On(usize),
    Commit,
    Abort,
    Forget,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Done,
    Kept,
    Forgotten,
}

fn step() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![4 => 0..40_usize, 2 => 0..=100_usize, 1 => 101..103_usize];
    let begin = prop_oneof![
        5 => len().prop_map(Begin::Push),
        4 => len().prop_map(Begin::Reserve),
        3 => len().prop_map(Begin::Batch),
        1 => Just(Begin::Next),
    ];
    let go = prop_oneof![
        6 => (0..=100_usize).prop_map(Go::On),
        2 => Just(Go::Commit),
        1 => Just(Go::Abort),
        1 => Just(Go::Forget),
    ];
    let end = prop_oneof![6 => Just(End::Done), 1 => Just(End::Kept), 1 => Just(End::Forgotten)];
    prop_oneof![
        6 => (0..HANDS, begin).prop_map(|(hand, begin)| Step::Begin(hand, begin)),
        6 => (0..HANDS, go).prop_map(|(hand, go)| Step::Go(hand, go)),
        6 => end.prop_map(Step::Read),
        2 => (0..6_usize).prop_map(Step::Drain),
        1 => Just(Step::NextConsumer),
    ]
}

/// What was published: cells to pass over, or a record.
enum Published {
    Nothing,
    Record { bytes: Vec<u8>, seat: u16 },
}

/// A claim that is not published.
struct Open {
    start: u64,
    end: u64,
    /// Where the next record goes.
    next: u64,
    staged: Vec<(u64, Vec<u8>)>,
    is_batch: bool,
    is_forgotten: bool,
}

/// What is in the ring. All positions in cells.
struct Model {
    capacity: u64,
    max: usize,
    /// By where it begins, with where it ends.
    published: BTreeMap<u64, (u64, Published)>,
    tail: u64,
    /// Where the consumer is, and what it has released.
    head: u64,
    released: u64,
    count: usize,
}

fn cells(len: usize) -> u64 {
    len.div_ceil(64).max(1) as u64
}

impl Model {
    fn claim(&mut self, len: usize, is_batch: bool) -> Result<Open, PushError> {
        if len > self.max {
            return Err(PushError::TooLarge { len, max: self.max });
        }
        let left = self.capacity - self.tail % self.capacity;
        let next = if cells(len) > left { self.tail + left } else { self.tail };
        let end = next + cells(len);
        if end - self.released > self.capacity {
            return Err(PushError::Full);
        }
        let start = mem::replace(&mut self.tail, end);
        Ok(Open { start, end, next, staged: Vec::new(), is_batch, is_forgotten: false })
    }

    /// Adds a record to what is open.
    fn stage(&self, open: &mut Open, bytes: Vec<u8>) -> Result<(), PushError> {
        if bytes.len() > self.max {
            return Err(PushError::TooLarge { len: bytes.len(), max: self.max });
        }
        let end = open.next + cells(bytes.len());
        if end > open.end {
            return Err(PushError::Full);
        }
        open.staged.push((open.next, bytes));
        open.next = end;
        Ok(())
    }

    fn publish(&mut self, open: Open, seat: u16) {
        let mut at = open.start;
        for (start, bytes) in open.staged {
            if at < start {
                self.published.insert(at, (start, Published::Nothing));
            }
            at = start + cells(bytes.len());
            self.published.insert(start, (at, Published::Record { bytes, seat }));
        }
        if at < open.end {
            self.published.insert(at, (open.end, Published::Nothing));
        }
    }

    fn abort(&mut self, open: Open, seat: u16) {
        self.publish(Open { staged: Vec::new(), ..open }, seat);
    }

    /// The next record, and where it ends. Passes over what is nothing.
    fn look(&mut self) -> Option<(u64, Vec<u8>, u16)> {
        while let Some((end, what)) = self.published.get(&self.head) {
            match what {
                Published::Nothing => self.head = *end,
                Published::Record { bytes, seat } => return Some((*end, bytes.clone(), *seat)),
            }
        }
        None
    }

    fn pass(&mut self, end: u64) {
        self.head = end;
    }

    fn release(&mut self) {
        self.released = self.head;
    }

    fn some_bytes(&mut self, len: usize) -> Vec<u8> {
        self.count += 1;
        (0..len).map(|i| (self.count * 31 + i * 7 + (i >> 8)) as u8).collect()
    }
}

struct Scene {
    ring: Ring<[u8], Heap>,
    hands: Vec<Hand>,
    seats: Vec<u16>,
    open: [Option<Open>; HANDS],
    rx: Option<Consumer<[u8], Heap>>,
    model: Model,
}

impl Scene {
    fn new(capacity: u64) -> Self {
        let bytes = capacity as usize * 64;
        let options = Options::new().capacity(bytes).max_producers(SEATS.into());
        let memory = Heap::new(Ring::<[u8]>::required_len(&options));
        let ring = Ring::<[u8], _>::format(memory, &options).unwrap();
        let hands: Vec<_> = (0..HANDS).map(|_| Hand::new(&ring)).collect();
        let (rx, max) = (ring.consumer().ok(), ring.max_record());
        let published = BTreeMap::new();
        let model = Model { capacity, max, published, tail: 0, head: 0, released: 0, count: 0 };
        Self { ring, hands, seats: (0..HANDS as u16).collect(), open: [None, None, None], rx, model }
    }

    fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Begin(hand, begin) => self.begin(hand, begin),
            Step::Go(hand, go) => self.go(hand, go),
            Step::Read(end) => self.read(end),
            Step::Drain(limit) => self.drain(limit),
            Step::NextConsumer => {
                self.rx = None;
                self.rx = self.ring.consumer().ok();
                self.model.head = self.model.released;
                prop_assert_eq!(self.rx.as_ref().map(Consumer::position), Some(self.model.head));
                Ok(())
            }
        }
    }

    fn begin(&mut self, hand: usize, begin: Begin) -> Result<(), TestCaseError> {
        let model = &mut self.model;
        match self.open[hand].take() {
            Some(open) if !open.is_forgotten => {
                self.open[hand] = Some(open);
                return Ok(());
            }
            Some(open) => model.abort(open, self.seats[hand]),
            None => {}
        }
        let of = |percent: usize| model.max * percent / 100 + usize::from(percent > 100);
        let told = match begin {
            Begin::Push(percent) => {
                let len = of(percent);
                let bytes = model.some_bytes(len);
                let claim = model.claim(len, false).map(|mut open| {
                    model.stage(&mut open, bytes.clone()).unwrap();
                    model.publish(open, self.seats[hand]);
                });
                (Order::Push(bytes), claim)
            }
            Begin::Reserve(percent) => {
                let len = of(percent);
                let claim = model.claim(len, false);
                (Order::Reserve(len), claim.map(|open| self.open[hand] = Some(open)))
            }
            Begin::Batch(percent) => {
                let room = of(percent);
                let claim = model.claim(room, true);
                (Order::Batch(room), claim.map(|open| self.open[hand] = Some(open)))
            }
            Begin::Next => {
                self.seats[hand] = SEATS;
                self.seats[hand] = (0..SEATS).find(|seat| !self.seats.contains(seat)).unwrap();
                (Order::Next(self.seats[hand]), Ok(()))
            }
        };
        prop_assert_eq!(self.hands[hand].does(told.0), told.1);
        Ok(())
    }

    fn go(&mut self, hand: usize, go: Go) -> Result<(), TestCaseError> {
        let (model, seat) = (&mut self.model, self.seats[hand]);
        let Some(mut open) = self.open[hand].take_if(|open| !open.is_forgotten) else { return Ok(()) };
        let (order, expected) = match (go, open.is_batch) {
            (Go::On(percent), true) => {
                let bytes = model.some_bytes(model.max * percent / 200);
                let staged = model.stage(&mut open, bytes.clone());
                self.open[hand] = Some(open);
                (Order::Stage(bytes), staged)
            }
            (Go::Commit, true) => {
                model.publish(open, seat);
                (Order::Commit, Ok(()))
            }
            (Go::Commit | Go::On(_), false) => {
                let percent = if let Go::On(percent) = go { percent } else { 100 };
                let room = ((open.end - open.next) * 64) as usize;
                let bytes = model.some_bytes((room * percent / 100).saturating_sub(64));
                model.stage(&mut open, bytes.clone()).unwrap();
                model.publish(open, seat);
                (Order::Send(bytes), Ok(()))
            }
            (Go::Abort, _) => {
                model.abort(open, seat);
                (Order::Abort, Ok(()))
            }
            (Go::Forget, _) => {
                self.open[hand] = Some(Open { is_forgotten: true, ..open });
                (Order::Forget, Ok(()))
            }
        };
        prop_assert_eq!(self.hands[hand].does(order), expected);
        Ok(())
    }

    fn read(&mut self, end: End) -> Result<(), TestCaseError> {
        let (model, rx) = (&mut self.model, self.rx.as_mut().unwrap());
        match (rx.try_read(), model.look()) {
            (Ok(read), Some((record_end, bytes, seat))) => {
                prop_assert_eq!((read.payload().to_vec(), read.seat()), (bytes, seat));
                match end {
                    End::Done => {
                        read.release();
                        model.pass(record_end);
                        model.release();
                    }
                    End::Kept => read.keep(),
                    End::Forgotten => mem::forget(read),
                }
            }
            (Err(error), None) => {
                prop_assert_eq!(error, PopError::Empty);
                model.release();
            }
            (read, record) => prop_assert!(false, "{:?}, and {:?} expected", read, record),
        }
        Ok(())
    }

    fn drain(&mut self, limit: usize) -> Result<(), TestCaseError> {
        let (model, rx) = (&mut self.model, self.rx.as_mut().unwrap());
        let mut seen = Vec::new();
        let drained = rx.drain(limit, |payload| seen.push(payload.to_vec()));
        let mut expected = Vec::new();
        while expected.len() < limit {
            let Some((end, bytes, _)) = model.look() else { break };
            model.pass(end);
            expected.push(bytes);
        }
        if limit > 0 {
            model.release();
        }
        let is_empty = expected.is_empty() && limit > 0;
        prop_assert_eq!(drained, if is_empty { Err(PopError::Empty) } else { Ok(expected.len()) });
        prop_assert_eq!(seen, expected);
        Ok(())
    }
}

proptest! {
    #![proptest_config(super::config(300))]

    #[test]
    fn records_of_several_producers_come_in_the_order_of_their_claims(
        bits in 1..6_u32,
        start in 0..40_usize,
        steps in vec(step(), 1..100),
    ) {
        let mut scene = Scene::new(1 << bits);
        for turn in 0..start {
            scene.apply(&Step::Begin(turn % HANDS, Begin::Push(1)))?;
            scene.apply(&Step::Read(End::Done))?;
        }
        for step in &steps {
            scene.apply(step)?;
        }
        // What is open is given up; then nothing is left behind, and nothing is missing.
        for hand in 0..HANDS {
            scene.apply(&Step::Go(hand, Go::Abort))?;
            scene.apply(&Step::Begin(hand, Begin::Next))?;
        }
        scene.apply(&Step::Drain(usize::MAX))?;
        scene.apply(&Step::Read(End::Done))?;
        prop_assert_eq!(scene.model.released, scene.model.tail);
    }
}
