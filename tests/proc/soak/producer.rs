//! A producer: sends numbered records in every way there is, and notes what it begins and what it
//! has sent.
use std::thread;
use std::time::Duration;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{CELL, Options, PushError, SeatError};
use support::process::{Act, Dice};

use super::content::{Content, NumberedItem, SHORTEST, Words, bytes_of};
use super::journal::{Journal, Stamp};

/// The length of most slices, at most, and of some. In a long one, a producer is likely to be killed
/// while it sends.
const SLICE: u64 = 40;
const LONG_SLICE: u64 = 2000;
/// The most records of a batch.
const BATCH: u64 = 6;

/// A kind of ring, as the soak sees it.
pub trait SoakKind: Kind {
    const WORD: &'static str;
    const HAS_SEVERAL_PRODUCERS: bool = true;
    const HAS_LANES: bool = false;
    /// Whether a producer leaves a gap when it dies in a record.
    const HAS_LOSSES: bool = false;
}

impl SoakKind for Spsc {
    const WORD: &'static str = "spsc";
    const HAS_SEVERAL_PRODUCERS: bool = false;
}

impl SoakKind for Mpsc {
    const WORD: &'static str = "mpsc";
    const HAS_LOSSES: bool = true;
}

impl SoakKind for Lanes {
    const WORD: &'static str = "lanes";
    const HAS_LANES: bool = true;
}

/// What a producer can send.
pub trait Send: Content {
    /// Sends something, in a way that the dice choose.
    fn send<K: SoakKind>(tx: &mut Producer<K, Self>, life: &mut Life) -> Result<(), PushError>;
}

/// What a producer knows of itself.
pub struct Life {
    journal: Journal,
    id: u64,
    number: u64,
    dice: Dice,
}

impl Life {
    fn stamp(&self, after: u64) -> Stamp {
        Stamp { life: self.id, number: self.number + after }
    }

    /// Notes that the next `count` records are to be sent; in one piece, or one after the other.
    fn begin(&self, count: u64, is_all_or_nothing: bool) {
        self.journal.begin(self.id, self.number + count, is_all_or_nothing);
    }

    fn sent(&mut self, count: u64) {
        self.number += count;
        self.journal.end_sending(self.id, self.number);
    }

    fn is_dismissed(&self) -> bool {
        self.journal.is_dismissed(self.id)
    }
}

/// Whether there was room.
fn unless_full<R>(sent: Result<R, PushError>) -> Result<Option<R>, PushError> {
    match sent {
        Err(PushError::Full | PushError::Elapsed) => Ok(None),
        other => other.map(Some),
    }
}

impl<T: NumberedItem> Send for T {
    fn send<K: SoakKind>(tx: &mut Producer<K, T>, life: &mut Life) -> Result<(), PushError> {
        let way = life.dice.below(8);
        match way {
            // In quick succession.
            0..3 => {
                for _ in 0..200 {
                    life.begin(1, true);
                    match unless_full(tx.try_push(&T::numbered(life.stamp(0))))? {
                        Some(()) => life.sent(1),
                        None => break,
                    }
                }
            }
            3 => {
                life.begin(1, true);
                tx.push(&T::numbered(life.stamp(0)))?;
                life.sent(1);
            }
            4 => {
                life.begin(1, true);
                let sent = tx.push_timeout(&T::numbered(life.stamp(0)), Duration::from_millis(1));
                if unless_full(sent)?.is_some() {
                    life.sent(1);
                }
            }
            _ => {
                let most = if life.dice.below(4) == 0 { LONG_SLICE } else { SLICE };
                let count = 1 + life.dice.below(most);
                let items: Vec<T> = (0..count).map(|i| T::numbered(life.stamp(i))).collect();
                life.begin(count, false);
                let sent = match way {
                    5 => Some(tx.push_slice(&items)?),
                    _ => unless_full(tx.try_push_slice(&items))?,
                };
                life.sent(sent.unwrap_or(0) as u64);
            }
        }
        Ok(())
    }
}

impl Send for [u8] {
    fn send<K: SoakKind>(tx: &mut Producer<K, [u8]>, life: &mut Life) -> Result<(), PushError> {
        let max = tx.max_record();
        let record = bytes_of(life.stamp(0), 0, max);
        match life.dice.below(12) {
            0..4 => {
                life.begin(1, true);
                tx.push(&record)?;
                life.sent(1);
            }
            4 | 5 => {
                life.begin(1, true);
                if unless_full(tx.try_push(&record))?.is_some() {
                    life.sent(1);
                }
            }
            6 => {
                life.begin(1, true);
                if unless_full(tx.push_timeout(&record, Duration::from_millis(1)))?.is_some() {
                    life.sent(1);
                }
            }
            7 => {
                life.begin(1, true);
                let reservation = tx.reserve(1 + life.dice.below(max as u64) as usize)?;
                if life.dice.below(2) == 0 {
                    reservation.abort();
                }
            }
            8 | 9 => {
                life.begin(1, true);
                send_by_pieces(tx, &record, &mut life.dice)?;
                life.sent(1);
            }
            way => {
                let count = 2 + life.dice.below(BATCH - 1);
                let records: Vec<_> =
                    (0..count).map(|i| bytes_of(life.stamp(i), (count - i - 1) as u16, max)).collect();
                let cells: usize = records.iter().map(|record| record.len().div_ceil(CELL)).sum();
                if cells * CELL > max {
                    return Ok(());
                }
                life.begin(count, true);
                // One cell more than is needed, if there is one, is given back.
                let mut batch = tx.batch(((cells + 1) * CELL).min(max))?;
                for record in &records {
                    if life.dice.below(2) == 0 {
                        batch.try_push(record)?;
                    } else {
                        let mut reservation = batch.try_reserve(record.len())?;
                        reservation.payload().write_at(record, 0).unwrap();
                        reservation.commit();
                    }
                    pause(&mut life.dice);
                }
                if way == 10 && life.dice.below(4) == 0 {
                    batch.abort();
                } else {
                    batch.commit();
                    life.sent(count);
                }
            }
        }
        Ok(())
    }
}

/// A good moment to be killed, now and then.
fn pause(dice: &mut Dice) {
    match dice.below(128) {
        0 => dice.nap(Duration::from_millis(1)),
        1..4 => thread::yield_now(),
        _ => {}
    }
}

/// Writes the record in place.
fn send_by_pieces<K: SoakKind>(
    tx: &mut Producer<K, [u8]>,
    record: &[u8],
    dice: &mut Dice,
) -> Result<(), PushError> {
    // A larger reservation, if possible: the rest is given back.
    let room = (record.len() + dice.below(200) as usize).min(tx.max_record());
    let mut reservation = tx.reserve(room)?;
    for (at, piece) in (0..).step_by(48).zip(record.chunks(48)) {
        reservation.payload().write_at(piece, at).unwrap();
        pause(dice);
    }
    reservation.commit_len(record.len())
}

/// Takes the ring's name, the journal's path, its number among all producers, and a seed.
fn produce<K: SoakKind, C: Send + ?Sized>(words: &[&str]) {
    let ring = Ring::<K, C>::open_with(words[0], &Options::new().label(words[2])).unwrap();
    let (id, dice) = (words[2].parse().unwrap(), Dice::from_seed(words[3].parse().unwrap()));
    let mut life = Life { journal: Journal::at(words[1]), id, number: 0, dice };
    let mut tx = loop {
        match ring.producer() {
            Ok(tx) => break tx,
            // The consumer must first resolve the claims of dead producers.
            Err(SeatError::AllTaken { .. }) if life.is_dismissed() => return,
            Err(SeatError::AllTaken { .. }) => thread::sleep(Duration::from_micros(300)),
            Err(error) => panic!("{error}"),
        }
    };
    life.journal.attach(id, tx.seat().into(), tx.position());
    while !life.is_dismissed() {
        match C::send(&mut tx, &mut life) {
            Ok(()) => {}
            // The ring is full and the consumer is dead. Another will attach.
            Err(PushError::Closed(_)) => {
                let _has_come = tx.wait_for_consumer(Duration::from_millis(50));
            }
            Err(error) => panic!("producer {id}: {error}"),
        }
        // A producer that pauses lets the ring run empty, and its lane come to rest.
        match life.dice.below(2000) {
            0 => life.dice.nap(Duration::from_millis(5)),
            1..4 => life.dice.nap(Duration::from_micros(200)),
            _ => {}
        }
    }
    if life.dice.below(2) == 0 {
        tx.close().unwrap();
    }
}

/// Plays the role in a ring of what `words[0]` says.
pub fn produce_any<K: SoakKind>(words: &[&str]) {
    let roles: [(&str, Act); 4] = [
        (<u64 as Content>::WORD, produce::<K, u64>),
        (<Words<7> as Content>::WORD, produce::<K, Words<7>>),
        (<Words<8> as Content>::WORD, produce::<K, Words<8>>),
        (<[u8] as Content>::WORD, produce::<K, [u8]>),
    ];
    let found = roles.iter().find(|(word, _)| *word == words[0]);
    found.unwrap().1(&words[1..]);
}

const _: () = assert!(SHORTEST <= CELL);
