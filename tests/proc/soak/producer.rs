//! The producer, which sends numbered records by several methods, and notes what it begins and what
//! it has sent.
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use ringway::CELL;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Producer, Ring};
use ringway::{Options, PushError, SeatError};

use super::ledger::Notes;
use support::process::{Dice, PATIENCE, hear};

/// Records of a batch.
pub const BATCH: u64 = 3;
/// The longest record.
const LONGEST: usize = 16 + 299;

/// A kind of ring that has many producers.
pub trait MultiProducerKind: Kind {
    const WORD: &'static str;
}

impl MultiProducerKind for Mpsc {
    const WORD: &'static str = "mpsc";
}

impl MultiProducerKind for Lanes {
    const WORD: &'static str = "lanes";
}

/// Sends these records in a batch, and waits for room.
fn send_batch<K: Kind>(tx: &mut Producer<K, [u8]>, records: &[Vec<u8>]) -> Result<(), PushError> {
    let cells: usize = records.iter().map(|record| record.len().div_ceil(CELL)).sum();
    // One cell more than is needed is given back.
    let mut batch = tx.batch((cells + 1) * CELL)?;
    records.iter().try_for_each(|record| batch.try_push(record))?;
    batch.commit();
    Ok(())
}

/// Record `number` of a producer. Both determine all of its bytes.
pub fn record(incarnation: u64, number: u64) -> Vec<u8> {
    let len = 16 + (number * 37 + incarnation * 11) % 300;
    let mut record: Vec<u8> = (0..len).map(|i| (i ^ number ^ incarnation) as u8).collect();
    record[..8].copy_from_slice(&incarnation.to_ne_bytes());
    record[8..16].copy_from_slice(&number.to_ne_bytes());
    record
}

/// Returns a channel that closes when the parent hangs up.
pub fn stop_signal() -> Receiver<()> {
    let (sender, signal) = channel();
    thread::spawn(move || {
        while hear().is_some() {}
        drop(sender);
    });
    signal
}

pub fn is_stopped(signal: &Receiver<()>) -> bool {
    signal.try_recv() == Err(TryRecvError::Disconnected)
}

/// Takes the ring's name, the path of the notes, and its number among all incarnations.
pub fn produce<K: MultiProducerKind>(words: &[&str]) {
    let ring = Ring::<K, [u8]>::open_with(words[0], &Options::new().label(words[2])).unwrap();
    let (notes, incarnation) = (Notes::at(words[1]), words[2].parse().unwrap());
    let signal = stop_signal();
    let mut tx = loop {
        match ring.producer() {
            Ok(tx) => break tx,
            // The claim of its predecessor is not resolved yet.
            Err(SeatError::AllTaken { .. }) if !is_stopped(&signal) => {
                thread::sleep(Duration::from_millis(1))
            }
            Err(SeatError::AllTaken { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    };
    let (mut dice, mut number) = (Dice::new(), 0);
    while !is_stopped(&signal) {
        let way = dice.below(16);
        let count = if way == 0 { BATCH } else { 1 };
        let records: Vec<_> = (number..number + count).map(|number| record(incarnation, number)).collect();
        notes.begin(incarnation, number + count);
        let sent = match way {
            0 => send_batch(&mut tx, &records),
            1 => {
                tx.reserve(LONGEST).map(|reservation| reservation.abort()).and_then(|()| tx.push(&records[0]))
            }
            2..6 => send_by_pieces(&mut tx, &records[0]),
            _ => tx.push(&records[0]),
        };
        match sent {
            Ok(()) => {
                number += count;
                notes.end(incarnation, number);
            }
            // The ring is full and the consumer is dead. Another will attach.
            Err(PushError::Closed(_)) => assert!(tx.wait_for_consumer(PATIENCE), "no consumer attached"),
            Err(error) => panic!("{error}"),
        }
    }
}

fn send_by_pieces<K: MultiProducerKind>(tx: &mut Producer<K, [u8]>, record: &[u8]) -> Result<(), PushError> {
    // A larger reservation: the rest is given back.
    let mut reservation = tx.reserve(record.len() + 100)?;
    for (at, piece) in (0..).step_by(50).zip(record.chunks(50)) {
        reservation.payload().write_at(piece, at).unwrap();
        // A good moment to be killed.
        thread::yield_now();
    }
    reservation.commit_len(record.len())
}
