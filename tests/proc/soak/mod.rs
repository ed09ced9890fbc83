//! Kills and restarts eight producer processes, and a consumer, at random for a while. Afterwards
//! every record is accounted for. Runs in both kinds of ring with several producers.
//!
//! ```text
//! RINGWAY_SOAK_SECONDS=60 [RINGWAY_SOAK_SEED=...] cargo test --release --test proc -- --nocapture soak::
//! ```
//! The default is a moment. Each test prints its seed. The seed repeats the choices, but not their
//! timing.

mod consumer;
mod ledger;
mod producer;
mod producers;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::Ring;
use ringway::{Options, PopError};

use ledger::{Ledger, Notes};
use producer::MultiProducerKind;
use producers::Producers;
use support::Name;
use support::process::{Act, Child};

const PRODUCERS: usize = 8;
/// Bytes of a ring, or of a lane: so few that producers often wait for room, and that a lap is
/// short.
const CAPACITY: usize = 64 * 64;

/// The roles of child processes.
pub const ROLES: &[(&str, Act)] = &[
    ("produce mpsc", producer::produce::<Mpsc>),
    ("produce lanes", producer::produce::<Lanes>),
    ("consume mpsc", consumer::consume::<Mpsc>),
    ("consume lanes", consumer::consume::<Lanes>),
];

/// Only producers are killed: no record arrives twice, and the ring reports every loss.
fn survives_killed_producers<K: MultiProducerKind>() {
    let (name, notes) = (Name::unique("ringway-soak"), Notes::new());
    let options = Options::new().capacity(CAPACITY).max_producers(PRODUCERS);
    let ring = Ring::<K, [u8]>::create(&name, &options).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut producers = Producers::new::<K>(&name, &notes);
    let disturber = std::thread::spawn(move || {
        producers.disturb(|_| ());
        producers.finish()
    });
    let (mut ledger, mut losses) = (Ledger::default(), Vec::new());
    while consumer::take(&mut rx, |seen| ledger.note(seen)) || !disturber.is_finished() {
        assert_eq!(rx.losses().dropped(), 0);
        losses.extend(rx.losses());
    }
    let history = disturber.join().unwrap();
    // The records that the last producers left.
    while consumer::take(&mut rx, |seen| ledger.note(seen)) {}
    losses.extend(rx.losses());

    ledger.assert_complete(&history, &notes, &losses);
    let producers = ring.seats().skip(1);
    let counted =
        producers.fold((0, 0), |sum, seat| (sum.0 + seat.counters.records, sum.1 + seat.counters.lost));
    assert_eq!(counted.1, losses.len() as u64, "lost, by the ring's own count");
    // A producer that was killed before it counted has sent one record more, or one batch.
    let uncounted = ledger.received() - counted.0;
    assert!(
        uncounted <= history.kills() * producer::BATCH,
        "sent {}, counted {}",
        ledger.received(),
        counted.0
    );
    println!("{}: {} records, {} lost, {history}", K::WORD, ledger.received(), losses.len());
}

#[test]
fn mpsc_survives_killed_producers() {
    survives_killed_producers::<Mpsc>();
}

#[test]
fn lanes_survive_killed_producers() {
    survives_killed_producers::<Lanes>();
}

/// The consumer is killed, too: the record that it had read and not released arrives again, and no
/// other.
fn survives_killed_producers_and_consumers<K: MultiProducerKind>() {
    let (name, notes) = (Name::unique("ringway-soak"), Notes::new());
    let options = Options::new().capacity(CAPACITY).max_producers(PRODUCERS);
    let ring = Ring::<K, [u8]>::create(&name, &options).unwrap();
    // Starts a consumer with notes of its own.
    let start = || {
        let seen = Notes::new();
        (Child::start(&format!("consume {}", K::WORD), &[name.as_str(), seen.path()]), seen)
    };
    let mut ledger = Ledger::default();
    let (mut consumer, mut seen) = start();
    let mut producers = Producers::new::<K>(&name, &notes);
    producers.disturb(|dice| {
        if dice.below(4) == 0 {
            consumer.kill();
            ledger.note_life(&seen);
            (consumer, seen) = start();
        }
    });
    let history = producers.finish();
    consumer.finish();
    ledger.note_life(&seen);

    ledger.assert_complete(&history, &notes, &[]);
    let left = ring.consumer().unwrap().try_read().map(drop);
    assert!(matches!(left, Err(PopError::Closed(_))), "{left:?}");
    println!("{}: {} records, {} consumers, {history}", K::WORD, ledger.received(), ledger.consumers());
}

#[test]
fn mpsc_survives_killed_producers_and_consumers() {
    survives_killed_producers_and_consumers::<Mpsc>();
}

#[test]
fn lanes_survive_killed_producers_and_consumers() {
    survives_killed_producers_and_consumers::<Lanes>();
}
