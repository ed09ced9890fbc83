//! Eight producer processes, which this process kills, stops and restarts.
use std::env;
use std::fmt;
use std::time::{Duration, Instant};

use super::PRODUCERS;
use super::ledger::Notes;
use super::producer::MultiProducerKind;
use support::Name;
use support::process::{Child, Dice};

/// How long a test lasts by default.
const MOMENT: Duration = Duration::from_millis(1500);
/// The average pause between two actions is at most this long.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a producer is stopped, at most.
const STOP: Duration = Duration::from_millis(20);

/// What happened to the producers.
pub struct History {
    /// Whether each incarnation was killed.
    pub killed: Vec<bool>,
    stops: usize,
}

impl History {
    pub fn kills(&self) -> u64 {
        self.killed.iter().filter(|killed| **killed).count() as u64
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { killed, stops } = self;
        write!(f, "{} producers, {} of them killed, {stops} stopped for a while", killed.len(), self.kills())
    }
}

/// The producers that run.
pub struct Producers {
    role: String,
    ring: String,
    notes: String,
    there: Vec<(usize, Child)>,
    history: History,
    dice: Dice,
}

impl Producers {
    pub fn new<K: MultiProducerKind>(ring: &Name, notes: &Notes) -> Self {
        let seed = env::var("RINGWAY_SOAK_SEED").ok().map(|seed| seed.parse().unwrap());
        let dice = seed.map_or_else(Dice::new, Dice::from_seed);
        println!("{}: RINGWAY_SOAK_SEED={}", K::WORD, dice.seed());
        let mut producers = Self {
            role: format!("produce {}", K::WORD),
            ring: ring.as_str().into(),
            notes: notes.path().into(),
            there: Vec::new(),
            history: History { killed: Vec::new(), stops: 0 },
            dice,
        };
        (0..PRODUCERS).for_each(|_| producers.start());
        producers
    }

    fn start(&mut self) {
        let incarnation = self.history.killed.len();
        let child = Child::start(&self.role, &[&self.ring, &self.notes, &incarnation.to_string()]);
        self.history.killed.push(false);
        self.there.push((incarnation, child));
    }

    /// Kills, stops, ends and restarts producers until the time is up. Calls `more` each time.
    pub fn disturb(&mut self, mut more: impl FnMut(&mut Dice)) {
        let seconds = env::var("RINGWAY_SOAK_SECONDS").ok();
        let time = seconds.map_or(MOMENT, |seconds| Duration::from_secs_f64(seconds.parse().unwrap()));
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.dice.nap(2 * PAUSE);
            let index = self.dice.below(self.there.len() as u64) as usize;
            match self.dice.below(16) {
                0..8 => self.kill(index),
                8..12 => {
                    self.stop(index);
                    self.kill(index);
                }
                12..14 => {
                    self.stop(index);
                    self.there[index].1.go_on();
                    continue;
                }
                _ => self.there.swap_remove(index).1.finish(),
            }
            self.start();
            more(&mut self.dice);
        }
    }

    fn stop(&mut self, index: usize) {
        self.there[index].1.stop();
        self.history.stops += 1;
        self.dice.nap(STOP);
    }

    fn kill(&mut self, index: usize) {
        let (incarnation, mut child) = self.there.swap_remove(index);
        child.kill();
        self.history.killed[incarnation] = true;
    }

    /// Ends all producers.
    pub fn finish(self) -> History {
        self.there.into_iter().for_each(|(_, child)| child.finish());
        self.history
    }
}
