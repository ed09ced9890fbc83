//! Our side: what it does in a corrupted ring, and what it checks.
use std::fmt;
use std::iter::Sum;
use std::time::{Duration, Instant};

use ringway::ring::{Consumer, Producer, Ring};
use ringway::{Corruption, PopError, PushError, Role};

use super::payloads::{RingKind, SOON, TestMessage, TimedMemory};
use support::process::{Dice, PATIENCE};

/// The parts of one of our threads.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    pub producers: usize,
    pub consumer: bool,
    /// Whether it reads seats, recovers, and attaches again.
    pub inspector: bool,
}

/// The results.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    operations: u64,
    pub successes: u64,
    pub poisoned: u64,
    seated: u64,
    /// Seats that could not be taken, and rings that could not be attached to.
    refused: u64,
    longest: Duration,
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            operations: a.operations + b.operations,
            successes: a.successes + b.successes,
            poisoned: a.poisoned + b.poisoned,
            seated: a.seated + b.seated,
            refused: a.refused + b.refused,
            longest: a.longest.max(b.longest),
        })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, successes, poisoned, seated, refused, longest } = self;
        write!(
            f,
            "{operations} operations, {successes} of them went well; {seated} handles, {poisoned} of them poisoned; "
        )?;
        write!(f, "{refused} refused; the longest took {longest:.1?}")
    }
}

/// A handle, and the corruption that it has reported.
struct End<E> {
    end: E,
    poison: Option<Corruption>,
}

impl<E> End<E> {
    /// Checks that a handle that has reported corruption reports the same one for ever.
    fn note(&mut self, found: Result<(), Option<Corruption>>, counts: &mut Counts) {
        match (self.poison, found) {
            (Some(before), found) => {
                assert_eq!(found, Err(Some(before)), "the handle reports another corruption")
            }
            (None, Err(Some(what))) => {
                assert!(!what.to_string().is_empty());
                self.poison = Some(what);
                counts.poisoned += 1;
            }
            (None, Err(None)) => {}
            (None, Ok(())) => counts.successes += 1,
        }
    }
}

pub struct Side<K: RingKind, T: TestMessage + ?Sized, M: TimedMemory> {
    ring: Ring<K, T, M>,
    parts: Parts,
    txs: Vec<End<Producer<K, T, M>>>,
    rx: Option<End<Consumer<K, T, M>>>,
    dice: Dice,
    counts: Counts,
}

impl<K: RingKind, T: TestMessage + ?Sized, M: TimedMemory> Side<K, T, M> {
    pub fn new(ring: Ring<K, T, M>, parts: Parts) -> Self {
        Self { ring, parts, txs: Vec::new(), rx: None, dice: Dice::new(), counts: Counts::default() }
    }

    /// Works until `end`. Each call returns in time.
    pub fn work(&mut self, end: Instant) -> Counts {
        while Instant::now() < end {
            let before = Instant::now();
            self.act();
            self.counts.operations += 1;
            self.counts.longest = self.counts.longest.max(before.elapsed());
            assert!(self.counts.longest < PATIENCE, "{}", self.counts);
        }
        // The drop of a handle may find anything, too.
        self.txs.clear();
        self.rx = None;
        self.counts
    }

    fn act(&mut self) {
        let Parts { producers, consumer, inspector } = self.parts;
        match self.dice.below(32) {
            0..2 if producers > 0 => self.seat_producers(),
            2 | 3 if consumer => self.seat_consumer(),
            4..7 if producers > 0 => self.ask_producer(),
            7..10 if consumer => self.ask_consumer(),
            10 if inspector => self.join(),
            11..14 if inspector => self.inspect(),
            14 if inspector => self.recover(),
            even if even % 2 == 0 && producers > 0 => self.send(),
            _ if consumer => self.receive(),
            _ if producers > 0 => self.send(),
            _ => self.inspect(),
        }
    }

    fn seated<E, Why: fmt::Display>(counts: &mut Counts, taken: Result<E, Why>) -> Option<End<E>> {
        match taken {
            Ok(end) => {
                counts.seated += 1;
                Some(End { end, poison: None })
            }
            Err(why) => {
                assert!(!why.to_string().is_empty());
                counts.refused += 1;
                None
            }
        }
    }

    /// Closes or drops all our producers, and attaches others: the first by the ring, the rest by
    /// `try_clone`.
    fn seat_producers(&mut self) {
        for tx in self.txs.drain(..).filter(|_| self.dice.below(2) == 0) {
            tx.end.close().expect("the memory is complete");
        }
        for _ in 0..self.parts.producers {
            let taken = match self.txs.first() {
                Some(first) => first.end.try_clone(),
                None => self.ring.producer(),
            };
            self.txs.extend(Self::seated(&mut self.counts, taken));
        }
    }

    fn seat_consumer(&mut self) {
        if let Some(rx) = self.rx.take().filter(|_| self.dice.below(2) == 0) {
            rx.end.close().expect("the memory is complete");
        }
        self.rx = Self::seated(&mut self.counts, self.ring.consumer());
    }

    fn send(&mut self) {
        let which = self.dice.below(self.parts.producers as u64) as usize;
        let Some(tx) = self.txs.get_mut(which) else { return self.seat_producers() };
        let sent = T::send(&mut tx.end, &mut self.dice).map_err(|error| match error {
            PushError::Corrupt(what) => Some(what),
            _ => None,
        });
        tx.note(sent, &mut self.counts);
    }

    fn receive(&mut self) {
        let Some(rx) = &mut self.rx else { return self.seat_consumer() };
        let most = self.ring.capacity() * self.ring.max_producers();
        let received = T::receive(&mut rx.end, &mut self.dice);
        assert!(received.is_ok_and(|n| n <= most) || received.is_err(), "{received:?}");
        let received = received.map(drop).map_err(|error| match error {
            PopError::Corrupt(what) => Some(what),
            _ => None,
        });
        rx.note(received, &mut self.counts);
    }

    /// Calls all read-only methods of a producer.
    fn ask_producer(&mut self) {
        for tx in &mut self.txs {
            let shown = format!("{:?} {:?} {}", tx.end, tx.end.consumer_presence(), tx.end.position());
            let blame = tx.end.stalled().map(|blame| blame.to_string());
            assert!(!shown.is_empty() && blame.is_none_or(|blame| !blame.is_empty()));
            assert!(usize::from(tx.end.seat()) < self.ring.max_producers());
        }
        // Seldom, because it takes long.
        if let Some(tx) = self.txs.first().filter(|_| self.dice.below(8) == 0) {
            let _whether_one_came = tx.end.wait_for_consumer(SOON);
        }
    }

    /// Calls all read-only methods of a consumer.
    fn ask_consumer(&mut self) {
        let Some(rx) = &mut self.rx else { return };
        let shown = format!("{:?} {:?} {}", rx.end, rx.end.producer_presence(), rx.end.position());
        let blame = rx.end.stalled().map(|blame| blame.to_string());
        assert!(!shown.is_empty() && blame.is_none_or(|blame| !blame.is_empty()));
        if self.dice.below(8) == 0 {
            let _whether_one_came = rx.end.wait_for_producer(SOON);
        }
        let _some = rx.end.losses().filter(|loss| !loss.to_string().is_empty()).count();
    }

    fn inspect(&mut self) {
        let presence = [Role::Producer, Role::Consumer].map(|role| self.ring.presence(role));
        let shown = format!("{:?} {presence:?}", self.ring);
        assert!(!shown.is_empty());
        let seats = self.ring.seats().map(|seat| format!("{seat:?}")).count();
        assert_eq!(seats, 1 + self.ring.max_producers());
        self.counts.successes += 1;
    }

    /// Recovers the ring, if the consumer's seat is free.
    fn recover(&mut self) {
        self.rx = None;
        match self.ring.recover() {
            Ok(_found) => self.counts.successes += 1,
            Err(why) => {
                assert!(!why.to_string().is_empty());
                self.counts.refused += 1;
            }
        }
    }

    /// Attaches to the ring as its header is now, and works with it for a moment.
    fn join(&mut self) {
        match Ring::<K, T, M>::attach(self.ring.memory().clone()) {
            Ok(ring) => {
                let parts = Parts { producers: 1, consumer: true, inspector: false };
                let mut side = Self::new(ring, parts);
                (0..8).for_each(|_| side.act());
                self.counts = [self.counts, side.counts].into_iter().sum();
            }
            Err(why) => {
                assert!(!why.to_string().is_empty());
                self.counts.refused += 1;
            }
        }
    }
}
