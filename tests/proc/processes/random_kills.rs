//! Kills participants at random moments. No record that was sent is lost, none is torn, and only
//! the records that a dead consumer had read and not released arrive again.
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;
use std::{process, thread};

use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Departure, Options, PopError, PushError};
use ringway::{Message, Payload};

use super::{Item, is_empty};
use support::Name;
use support::process::{Child, Dice, PATIENCE, hear, say};

/// How often each victim is killed.
const KILLS: usize = 20;
/// A victim lives for less than that: half of them from the moment when they took their seat, half
/// from their start, so that some die while they attach.
const LIFE: Duration = Duration::from_millis(20);
const SAT: &str = "sat";
/// Bytes of a record: three cells, so that a lap of 64 cells ends with a pad.
const LEN: usize = 150;
const CAPACITY: usize = 64 * 64;
/// How many items `drain items` reads before it releases.
const AT_ONCE: usize = 8;

/// Returns a channel that closes when the parent hangs up.
fn stop_signal() -> Receiver<()> {
    let (sender, signal) = channel();
    thread::spawn(move || {
        while hear().is_some() {}
        drop(sender);
    });
    signal
}

fn is_stopped(signal: &Receiver<()>) -> bool {
    signal.try_recv() == Err(TryRecvError::Disconnected)
}

/// The number of the record at a producer's position: 21 records a lap.
fn number_at(position: u64) -> u64 {
    position / 64 * 21 + position % 64 / 3
}

/// Bytes that count up. They are constant, so that a victim sends more records in its life.
const COUNTING: [u8; LEN + 256] = {
    let mut bytes = [0; LEN + 256];
    let mut i = 0;
    while i < bytes.len() {
        bytes[i] = i as u8;
        i += 1;
    }
    bytes
};

/// Record `number` of process `sender`. Both determine all of its bytes.
fn record(number: u64, sender: u64) -> [u8; LEN] {
    let from = usize::from(number as u8);
    let mut record: [u8; LEN] = COUNTING[from..from + LEN].try_into().unwrap();
    record[..8].copy_from_slice(&number.to_ne_bytes());
    record[8..16].copy_from_slice(&sender.to_ne_bytes());
    record
}

fn own_record(number: u64) -> [u8; LEN] {
    record(number, process::id().into())
}

/// The number of a record. Fails if the record is torn, or if its sender has a successor among
/// `senders`.
fn number_of(payload: &Payload<'_>, senders: &mut Vec<u64>) -> u64 {
    let (number, sender) = (payload.read_value_at(0).unwrap(), payload.read_value_at(8).unwrap());
    let mut bytes = [0; LEN];
    payload.read_at(&mut bytes, 0).unwrap();
    assert!(payload.len() == LEN && bytes == record(number, sender), "record {number} is torn");
    if senders.last() != Some(&sender) {
        assert!(!senders.contains(&sender), "record {number} was sent by a dead producer");
        senders.push(sender);
    }
    number
}

/// Sends numbered records from where its predecessor stopped until the parent hangs up. Of 16
/// numbers, the last eight are one batch. If its predecessor may have died in a batch, it sends the
/// first of them by itself and the rest later.
pub fn feed_records(words: &[&str]) {
    let ring = Ring::<[u8]>::open(words[0]).unwrap();
    let mut tx = ring.producer().unwrap();
    say(SAT);
    let mut number = number_at(tx.position());
    assert!(number % 16 <= 9, "number {number}: a part of a batch was sent");
    let signal = stop_signal();
    if number % 16 == 8 && tx.try_push(&own_record(number)).is_ok() {
        number += 1;
        // A batch that was published in part would become visible now.
        thread::sleep(Duration::from_micros(500));
    }
    while number % 16 != 0 || !is_stopped(&signal) {
        let sent = match number % 16 {
            8 | 9 => send_batch(&mut tx, number),
            odd if odd % 2 == 1 => send_by_pieces(&mut tx, number),
            _ => tx.push(&own_record(number)).map(|()| 1),
        };
        number += unless_the_consumer_died(sent, || tx.wait_for_consumer(PATIENCE));
    }
    drop(tx);
    say(number);
}

fn send_by_pieces(tx: &mut Producer<[u8]>, number: u64) -> Result<u64, PushError> {
    // As many cells as the record has: a larger reservation would need a pad where the record needs
    // none.
    let mut reservation = tx.reserve(3 * 64)?;
    for (i, piece) in own_record(number).chunks(16).enumerate() {
        reservation.payload().write_at(piece, 16 * i).unwrap();
    }
    reservation.commit_len(LEN).unwrap();
    Ok(1)
}

/// Sends all records to the next multiple of 16 in one batch, and waits for room.
fn send_batch(tx: &mut Producer<[u8]>, number: u64) -> Result<u64, PushError> {
    let end = number.next_multiple_of(16);
    let mut batch = tx.batch((end - number) as usize * 3 * 64)?;
    (number..end).try_for_each(|number| batch.try_push(&own_record(number)))?;
    batch.commit();
    Ok(end - number)
}

/// How many records were sent. None if the ring is full and its consumer died. Then a new consumer
/// attaches.
fn unless_the_consumer_died(sent: Result<u64, PushError>, is_another_here: impl Fn() -> bool) -> u64 {
    match sent {
        Err(PushError::Closed(Departure::Died)) => {
            assert!(is_another_here());
            0
        }
        sent => sent.unwrap(),
    }
}

/// Sends numbered items from where its predecessor stopped until the parent hangs up.
pub fn feed_items(words: &[&str]) {
    let ring = Ring::<Item>::open(words[0]).unwrap();
    let mut tx = ring.producer().unwrap();
    say(SAT);
    let mut number = tx.position();
    let signal = stop_signal();
    while !is_stopped(&signal) {
        let sent = if number % 3 == 0 {
            let items: [Item; 5] = std::array::from_fn(|i| Item::numbered(number + i as u64));
            match tx.try_push_slice(&items) {
                Err(PushError::Full) => tx.push(&items[0]).map(|()| 1),
                pushed => pushed.map(|n| n as u64),
            }
        } else {
            tx.push(&Item::numbered(number)).map(|()| 1)
        };
        number += unless_the_consumer_died(sent, || tx.wait_for_consumer(PATIENCE));
    }
    drop(tx);
    say(number);
}

/// The records that a consumer received. The test reads them after its death.
enum Notes {
    /// The consumer prints each number at once.
    Aloud,
    /// The consumer checks the numbers and prints the last one at its end. For a consumer that is
    /// not killed and must be fast.
    AtTheEnd { next: u64 },
}

impl Notes {
    fn new(how: &str) -> Self {
        if how == "aloud" { Self::Aloud } else { Self::AtTheEnd { next: 0 } }
    }

    fn note(&mut self, number: u64) {
        match self {
            Self::Aloud => say(number),
            Self::AtTheEnd { next } => {
                assert_eq!(number, *next);
                *next += 1;
            }
        }
    }

    fn end(self) {
        if let Self::AtTheEnd { next } = self {
            (0..next).for_each(say);
        }
    }
}

/// Prints each record before it releases it.
pub fn drain_records(words: &[&str]) {
    let ring = Ring::<[u8]>::open(words[0]).unwrap();
    let mut rx = ring.consumer().unwrap();
    say(SAT);
    let (mut notes, mut senders) = (Notes::new(words[1]), Vec::new());
    loop {
        let seen = rx.read_timeout(PATIENCE);
        let seen = seen.map(|record| notes.note(number_of(&record.payload(), &mut senders)));
        if !goes_on(seen, &rx) {
            return notes.end();
        }
    }
}

/// Prints some items before it releases them.
pub fn drain_items(words: &[&str]) {
    let ring = Ring::<Item>::open(words[0]).unwrap();
    let mut rx = ring.consumer().unwrap();
    say(SAT);
    let mut notes = Notes::new(words[1]);
    loop {
        let seen = rx.drain(AT_ONCE, |item| notes.note(item.checked()));
        if is_empty(&seen) {
            thread::yield_now();
        } else if !goes_on(seen, &rx) {
            return notes.end();
        }
    }
}

/// Whether more records can follow. None can if the producer left. If it died, a new one attaches.
fn goes_on<S, T: Message + ?Sized>(seen: Result<S, PopError>, rx: &Consumer<T>) -> bool {
    match seen {
        Err(PopError::Closed(Departure::Left)) => return false,
        Err(PopError::Closed(Departure::Died)) => {
            assert!(rx.wait_for_producer(PATIENCE), "no producer attached")
        }
        other => drop(other.unwrap()),
    }
    true
}

#[derive(Clone, Copy, PartialEq)]
enum Victims {
    Producers,
    Consumers,
    Both,
}

/// Kills and restarts participants while they stream `what`, then compares the records sent with
/// those received. A killed consumer has read at most `ahead` records without releasing them.
fn survives(what: &str, name: &Name, victims: Victims, ahead: u64) {
    let notes = if victims == Victims::Producers { "at the end" } else { "aloud" };
    let start = |verb: &str| Child::start(&format!("{verb} {what}"), &[name.as_str(), notes]);
    let (mut feed, mut drain) = (start("feed"), start("drain"));
    let mut lives = Vec::new();
    let mut dice = Dice::new();
    for kill in 0..KILLS * if victims == Victims::Both { 2 } else { 1 } {
        let is_producer = victims == Victims::Producers || victims == Victims::Both && kill % 2 == 0;
        let victim = if is_producer { &mut feed } else { &mut drain };
        let mut said = Vec::new();
        if kill % 4 < 2 {
            said.push(victim.line());
        }
        dice.nap(LIFE);
        victim.kill();
        said.extend(victim.rest());
        *victim = start(if is_producer { "feed" } else { "drain" });
        if !is_producer {
            lives.push(said);
        }
    }
    feed.hang_up();
    let sent: u64 = feed.rest().pop().unwrap().parse().unwrap();
    feed.finish();
    lives.push(drain.rest());
    drain.finish();

    // All records before it were received.
    let mut next = 0;
    for (life, seen) in lives.iter().enumerate() {
        let seen = seen.iter().filter(|line| *line != SAT);
        let mut seen = seen.map(|line| line.parse::<u64>().unwrap());
        let Some(first) = seen.next() else { continue };
        assert!(first <= next, "{next} is lost: consumer {life} begins with {first}");
        assert!(next - first <= ahead, "consumer {life} is given {first} again; {next} was next");
        next = first + 1;
        for number in seen {
            assert_eq!(number, next, "consumer {life}");
            next += 1;
        }
    }
    assert_eq!(next, sent, "received and sent");
    println!("{sent} were sent, {} consumers saw them", lives.len());
}

fn records_survive(victims: Victims) {
    let name = Name::unique("ringway-deaths");
    let _ring = Ring::<[u8]>::create(&name, &Options::new().capacity(CAPACITY)).unwrap();
    survives("records", &name, victims, 1);
}

fn items_survive(victims: Victims) {
    let name = Name::unique("ringway-deaths");
    let _ring = Ring::<Item>::create(&name, &Options::new().capacity(32)).unwrap();
    survives("items", &name, victims, AT_ONCE as u64);
}

#[test]
fn a_stream_of_records_survives_killed_producers() {
    records_survive(Victims::Producers);
}

#[test]
fn a_stream_of_records_survives_killed_consumers() {
    records_survive(Victims::Consumers);
}

#[test]
fn a_stream_of_records_survives_the_death_of_both() {
    records_survive(Victims::Both);
}

#[test]
fn a_stream_of_items_survives_killed_producers() {
    items_survive(Victims::Producers);
}

#[test]
fn a_stream_of_items_survives_killed_consumers() {
    items_survive(Victims::Consumers);
}

#[test]
fn a_stream_of_items_survives_the_death_of_both() {
    items_survive(Victims::Both);
}
