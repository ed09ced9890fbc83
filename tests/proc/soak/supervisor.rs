//! Starts, stops, kills and restarts the processes of a round.
use std::time::{Duration, Instant};

use ringway::ring::Ring;
use ringway::{Message, Options};
use rustix::process::{Pid, Signal, kill_process};
use support::Name;
use support::process::{Child, Dice};

use super::content::Content;
use super::journal::{Journal, LIVES, SEATS};
use super::ledger::{Ledger, Tally};
use super::producer::SoakKind;

/// A pause between two actions is at most this long, if there are eight producers.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a process is stopped, or no process runs, at most.
const STOP: Duration = Duration::from_millis(20);

/// One of the processes of a round.
#[derive(Clone, Copy, PartialEq)]
enum Participant {
    Consumer,
    Producer(u64),
}

/// A round: one ring, and the processes that use it.
pub struct Round<'a, K, C: ?Sized> {
    ring: Ring<K, C>,
    name: Name,
    journal: Journal,
    consumer: Option<Child>,
    producers: Vec<(u64, Child)>,
    /// Whether each producer was killed.
    killed: Vec<bool>,
    /// How many producers run.
    count: usize,
    stopped: Option<Participant>,
    kills_consumers: bool,
    may_pop: bool,
    dice: &'a mut Dice,
    tally: Tally,
}

impl<'a, K: SoakKind, C: Content + Message + ?Sized> Round<'a, K, C> {
    pub fn new(dice: &'a mut Dice) -> Self {
        let name = Name::unique("ringway-soak");
        let is_bytes = C::WORD == <[u8] as Content>::WORD;
        // So small that producers wait for room and that a lap is short, or so large that they do
        // not.
        let cells = [16, 64, 64, 256, 4096][dice.below(5) as usize];
        let capacity = if is_bytes { cells.max(64) * ringway::CELL } else { cells };
        let count = if K::HAS_SEVERAL_PRODUCERS { 2 + dice.below(7) as usize } else { 1 };
        let spare = if K::HAS_LANES { dice.below(SEATS - count as u64 + 1) } else { 0 };
        let options = Options::new().capacity(capacity);
        let options = if K::HAS_SEVERAL_PRODUCERS {
            // With spare lanes, some of them come to rest.
            options.max_producers(count + spare as usize)
        } else {
            options
        };
        let mut round = Self {
            ring: Ring::create(&name, &options).unwrap(),
            name,
            journal: Journal::new(),
            consumer: None,
            producers: Vec::new(),
            killed: Vec::new(),
            count,
            stopped: None,
            // Without such deaths the accounts are stricter: each loss is reported, once.
            kills_consumers: dice.below(4) > 0,
            may_pop: dice.below(2) == 0,
            dice,
            tally: Tally { rounds: 1, ..Tally::default() },
        };
        round.restart();
        round
    }

    /// Starts those that do not run.
    fn restart(&mut self) {
        if self.dice.below(2) == 0 {
            self.start_consumer();
        }
        self.start_producers();
        self.start_consumer();
    }

    fn start_producers(&mut self) {
        while self.producers.len() < self.count && !self.is_full() {
            let id = self.killed.len() as u64;
            let child = self.start("producer", &id.to_string());
            self.producers.push((id, child));
            self.killed.push(false);
            self.tally.producers += 1;
        }
    }

    fn start_consumer(&mut self) {
        if self.consumer.is_none() {
            self.consumer = Some(self.start("consumer", &self.may_pop.to_string()));
            self.tally.consumers += 1;
        }
    }

    fn start(&mut self, role: &str, word: &str) -> Child {
        let seed = self.dice.below(u64::MAX).to_string();
        let words = [C::WORD, self.name.as_str(), self.journal.path(), word, &seed];
        Child::start(&format!("soak {role} {}", K::WORD), &words)
    }

    /// Whether the journal has no room for more producers.
    fn is_full(&self) -> bool {
        self.killed.len() as u64 == LIVES
    }

    /// Disturbs the processes for this long.
    pub fn disturb(&mut self, time: Duration) {
        let end = Instant::now() + time;
        // The fewer there are, the longer is the life of each without that.
        let pause = if self.count < 4 { 2 * PAUSE } else { PAUSE };
        while Instant::now() < end && !self.is_full() {
            self.dice.nap(pause);
            self.act();
            self.restart();
        }
        self.go_on();
    }

    fn act(&mut self) {
        let victim =
            Participant::Producer(self.producers[self.dice.below(self.producers.len() as u64) as usize].0);
        let either =
            if self.kills_consumers && self.dice.below(3) == 0 { Participant::Consumer } else { victim };
        match self.dice.below(32) {
            0..12 => self.kill(&[either]),
            12..16 => {
                self.stop(either);
                self.dice.nap(STOP);
                self.kill(&[either]);
            }
            // It stays stopped while something else happens.
            16..20 => {
                let is_consumer = self.dice.below(3) == 0;
                self.stop(if is_consumer { Participant::Consumer } else { victim });
                self.dice.nap(STOP);
                return;
            }
            20..22 => self.finish(victim),
            22..29 => self.kill_several(),
            _ => self.kill_all(),
        }
        self.go_on();
    }

    fn child(&mut self, participant: Participant) -> Option<&mut Child> {
        match participant {
            Participant::Consumer => self.consumer.as_mut(),
            Participant::Producer(life) => {
                self.producers.iter_mut().find(|(id, _)| *id == life).map(|(_, child)| child)
            }
        }
    }

    fn stop(&mut self, participant: Participant) {
        self.go_on();
        if let Some(child) = self.child(participant) {
            child.stop();
            self.stopped = Some(participant);
            self.tally.stops += 1;
        }
    }

    fn go_on(&mut self) {
        if let Some(child) = self.stopped.take().and_then(|participant| self.child(participant)) {
            child.go_on();
        }
    }

    /// Kills them, all before the first is waited for.
    fn kill(&mut self, victims: &[Participant]) {
        for participant in victims {
            let child = self.child(*participant).unwrap();
            kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::KILL).unwrap();
        }
        for participant in victims {
            self.child(*participant).unwrap().kill();
            match *participant {
                Participant::Consumer => {
                    self.consumer = None;
                    self.journal.note_dead_consumer();
                    self.tally.killed_consumers += 1;
                }
                Participant::Producer(life) => {
                    self.producers.retain(|(id, _)| *id != life);
                    self.killed[life as usize] = true;
                    self.tally.killed_producers += 1;
                }
            }
        }
    }

    fn kill_several(&mut self) {
        let mut victims: Vec<_> = self.producers.iter().map(|(id, _)| Participant::Producer(*id)).collect();
        victims.retain(|_| self.dice.below(2) == 0);
        if self.kills_consumers {
            // Not always the last one.
            let at = self.dice.below(victims.len() as u64 + 1) as usize;
            victims.insert(at, Participant::Consumer);
        }
        self.kill(&victims);
        self.tally.several_at_once += u64::from(victims.len() > 1);
    }

    fn kill_all(&mut self) {
        let mut victims: Vec<_> = self.producers.iter().map(|(id, _)| Participant::Producer(*id)).collect();
        if self.kills_consumers {
            let at = self.dice.below(victims.len() as u64 + 1) as usize;
            victims.insert(at, Participant::Consumer);
            self.tally.all_at_once += 1;
        }
        self.kill(&victims);
        if self.dice.below(2) == 0 {
            self.dice.nap(STOP);
        }
        if self.kills_consumers && self.dice.below(2) == 0 {
            // An operator may do that while no consumer runs.
            assert_eq!(self.ring.recover().unwrap().blocked_by, None);
            self.tally.recoveries += 1;
        }
        if self.dice.below(2) == 0 {
            // They continue where the dead stopped, before a consumer reads what those left.
            self.start_producers();
            self.dice.nap(4 * STOP);
        }
    }

    /// Lets a producer end by itself.
    fn finish(&mut self, participant: Participant) {
        // The ring may be full, and its consumer stopped.
        self.go_on();
        let Participant::Producer(life) = participant else { return };
        self.journal.dismiss(life);
        let at = self.producers.iter().position(|(id, _)| *id == life).unwrap();
        self.producers.swap_remove(at).1.finish();
    }

    /// Ends the round: all producers leave, and the consumer empties the ring. Returns the counts.
    /// Fails unless they agree.
    pub fn end(mut self) -> Tally {
        self.producers.iter().for_each(|(id, _)| self.journal.dismiss(*id));
        self.producers.drain(..).for_each(|(_, child)| child.finish());
        self.journal.end();
        self.consumer.take().unwrap().finish();
        let Self { journal, killed, tally, ring, .. } = self;
        Ledger { journal: &journal, killed: &killed, tally }.balance(&ring)
    }
}
