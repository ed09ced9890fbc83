//! Kills, stops and restarts producers and consumers at random for a while: single ones, several at
//! once, and all at once. Afterwards every record is accounted for. Runs in each kind of ring, with
//! items and with records of bytes.
//!
//! ```text
//! RINGWAY_SOAK_SECONDS=60 [RINGWAY_SOAK_SEED=...] \
//!     cargo test --release --test proc -- --nocapture --test-threads=3 soak::
//! ```
//! Each of the three tests runs for this long; by default, for a moment. Each prints its seed and
//! its counts. The seed repeats the choices, but not their timing.
//!
//! # What is checked
//! Each producer notes in a [`Journal`](journal::Journal) what it begins to send, before it does,
//! and what it has sent, afterwards. The consumer notes each record before it releases it. So it is
//! known of each record how far it came. The consumers and the [`Ledger`](ledger::Ledger) check:
//! * No record is torn, changes while it is read, or was never begun.
//! * The records of a producer come in order, without gaps and once, and before those of the next
//!   producer in its seat. A batch comes in one piece.
//! * The records that a killed consumer had read and not released come again, all of them, in order
//!   and before any other. No other record comes again. If it was killed while it released them,
//!   all of them come again or none.
//! * All that a producer had sent has come. Of what a killed producer was sending, all or nothing
//!   has; of the items of a slice, the first ones.
//! * Only a consumer that was killed in a `pop` takes with it what it had popped, and no more.
//! * Positions, counters and losses agree with what has come.
//! * At the end, the consumer gets `Closed`, and the ring is empty.

mod consumer;
mod content;
mod journal;
mod ledger;
mod producer;
mod supervisor;

use std::env;
use std::time::{Duration, Instant};

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use support::process::{Act, Dice};

use content::{Content, Words};
use ledger::Tally;
use producer::SoakKind;
use supervisor::Round;

/// How long a test lasts by default.
const MOMENT: Duration = Duration::from_millis(1500);
/// A round lasts no longer.
const LONGEST_ROUND: Duration = Duration::from_secs(10);

/// The roles of child processes.
pub const ROLES: &[(&str, Act)] = &[
    ("soak producer spsc", producer::produce_any::<Spsc>),
    ("soak producer mpsc", producer::produce_any::<Mpsc>),
    ("soak producer lanes", producer::produce_any::<Lanes>),
    ("soak consumer spsc", consumer::consume_any::<Spsc>),
    ("soak consumer mpsc", consumer::consume_any::<Mpsc>),
    ("soak consumer lanes", consumer::consume_any::<Lanes>),
];

fn round<K: SoakKind, C: Content + ?Sized>(dice: &mut Dice, time: Duration) -> Tally {
    let mut round = Round::<K, C>::new(dice);
    round.disturb(time);
    round.end()
}

/// Rounds with all that a ring can carry, in turn, until the time is up.
fn survives_deaths_at_random<K: SoakKind>() {
    let seed = env::var("RINGWAY_SOAK_SEED").ok().map(|seed| seed.parse().unwrap());
    let mut dice = seed.map_or_else(Dice::new, Dice::from_seed);
    println!("{}: RINGWAY_SOAK_SEED={}", K::WORD, dice.seed());
    let seconds = env::var("RINGWAY_SOAK_SECONDS").ok();
    let time = seconds.map_or(MOMENT, |seconds| Duration::from_secs_f64(seconds.parse().unwrap()));
    let rounds = [
        round::<K, u64>,
        round::<K, [u8]>,
        round::<K, Words<7>>,
        round::<K, [u8]>,
        round::<K, Words<8>>,
        round::<K, [u8]>,
    ];
    let each = (time / rounds.len() as u32).min(LONGEST_ROUND);
    let end = Instant::now() + time;
    let mut sum = Tally::default();
    for round in rounds.iter().cycle() {
        sum += round(&mut dice, each);
        // The last round would be shorter than half of one.
        if Instant::now() + each / 2 > end {
            break;
        }
    }
    println!("{}: {sum}", K::WORD);
}

#[test]
fn spsc_survives_deaths_at_random() {
    survives_deaths_at_random::<Spsc>();
}

#[test]
fn mpsc_survives_deaths_at_random() {
    survives_deaths_at_random::<Mpsc>();
}

#[test]
fn lanes_survive_deaths_at_random() {
    survives_deaths_at_random::<Lanes>();
}
