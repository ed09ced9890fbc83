//! Eight producer processes, and a consumer, that are killed and started again at random for a while: afterwards every record
//! is accounted for. For both kinds of ring with many producers.
//!
//! ```text
//! RINGWAY_SOAK_SECONDS=60 [RINGWAY_SOAK_SEED=...] cargo test --release --test proc -- --nocapture soak::
//! ```
//! Without that it lasts a moment. The seed, which each test prints, repeats what is done to whom, not what comes of it.

mod consumer;
mod ledger;
mod producer;
mod producers;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::Ring;
use ringway::{Options, PopError};

use ledger::{Account, Notes};
use producer::Many;
use producers::Crowd;
use support::Name;
use support::process::{Act, Child};

const PRODUCERS: usize = 8;
/// Bytes of a ring, or a lane: so few that producers wait for room most of the time, and that a lap takes a moment.
const CAPACITY: usize = 64 * 64;

/// What child processes of these tests do.
pub const ROLES: &[(&str, Act)] = &[
    ("produce mpsc", producer::produce::<Mpsc>),
    ("produce lanes", producer::produce::<Lanes>),
    ("consume mpsc", consumer::consume::<Mpsc>),
    ("consume lanes", consumer::consume::<Lanes>),
];

/// Only producers are killed: nothing comes twice, and what is lost is what the ring says is lost.
fn survives_killed_producers<K: Many>() {
    let (name, notes) = (Name::unique("ringway-soak"), Notes::new());
    let options = Options::new().capacity(CAPACITY).max_producers(PRODUCERS);
    let ring = Ring::<K, [u8]>::create(&name, &options).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut crowd = Crowd::new::<K>(&name, &notes);
    let harasser = std::thread::spawn(move || {
        crowd.harass(|_| ());
        crowd.finish()
    });
    let (mut account, mut losses) = (Account::default(), Vec::new());
    while consumer::take(&mut rx, |seen| account.note(seen)) || !harasser.is_finished() {
        assert_eq!(rx.losses().dropped(), 0);
        losses.extend(rx.losses());
    }
    let story = harasser.join().unwrap();
    // What the last ones left, after their end.
    while consumer::take(&mut rx, |seen| account.note(seen)) {}
    losses.extend(rx.losses());

    account.assert_complete(&story, &notes, &losses);
    let producers = ring.seats().skip(1);
    let counted =
        producers.fold((0, 0), |sum, seat| (sum.0 + seat.counters.records, sum.1 + seat.counters.lost));
    assert_eq!(counted.1, losses.len() as u64, "lost, by the ring's own count");
    // Killed between sending something and counting it, a producer has sent one record more, or a batch.
    let uncounted = account.received() - counted.0;
    assert!(
        uncounted <= story.kills() * producer::BATCH,
        "sent {}, counted {}",
        account.received(),
        counted.0
    );
    println!("{}: {} records, {} lost, {story}", K::WORD, account.received(), losses.len());
}

#[test]
fn mpsc_survives_killed_producers() {
    survives_killed_producers::<Mpsc>();
}

#[test]
fn lanes_survive_killed_producers() {
    survives_killed_producers::<Lanes>();
}

/// The consumer is killed, too: what it had read and not released comes again, and nothing else.
fn survives_killed_producers_and_consumers<K: Many>() {
    let (name, notes) = (Name::unique("ringway-soak"), Notes::new());
    let options = Options::new().capacity(CAPACITY).max_producers(PRODUCERS);
    let ring = Ring::<K, [u8]>::create(&name, &options).unwrap();
    // Each consumer, and where it notes what it sees.
    let start = || {
        let seen = Notes::new();
        (Child::start(&format!("consume {}", K::WORD), &[name.as_str(), seen.path()]), seen)
    };
    let mut account = Account::default();
    let (mut consumer, mut seen) = start();
    let mut crowd = Crowd::new::<K>(&name, &notes);
    crowd.harass(|dice| {
        if dice.below(4) == 0 {
            consumer.kill();
            account.note_life(&seen);
            (consumer, seen) = start();
        }
    });
    let story = crowd.finish();
    consumer.finish();
    account.note_life(&seen);

    account.assert_complete(&story, &notes, &[]);
    let left = ring.consumer().unwrap().try_read().map(drop);
    assert!(matches!(left, Err(PopError::Closed(_))), "{left:?}");
    println!("{}: {} records, {} consumers, {story}", K::WORD, account.received(), account.consumers());
}

#[test]
fn mpsc_survives_killed_producers_and_consumers() {
    survives_killed_producers_and_consumers::<Mpsc>();
}

#[test]
fn lanes_survive_killed_producers_and_consumers() {
    survives_killed_producers_and_consumers::<Lanes>();
}
