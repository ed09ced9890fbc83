//! Each sleeping participant is woken. A killed one costs one wake-up call at most.
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

use ringway::spsc::Ring;
use ringway::{Options, Role};

use support::Name;
use support::process::{Child, Dice, PATIENCE, say, soon};

/// A thousand lost wake-ups would take a slice of 100 ms each. The pauses in which peers fall
/// asleep take 40 s at most. Where slices are long, one lost wake-up is too many.
const BOUND: Duration = if cfg!(ringway_long_slices) { PATIENCE } else { Duration::from_secs(70) };
const ROUNDS: u64 = 1000;

/// The `parked` words, which show whether a participant sleeps, read from the file.
struct ParkedWords(File);

impl ParkedWords {
    fn of(ring: &Ring<u64>) -> Self {
        Self(File::open(ring.path()).unwrap())
    }

    fn is_parked(&self, role: Role) -> bool {
        // The consumer's role block is at 512, the producer's behind it. `parked` is at 128 in
        // each.
        let at = if role == Role::Consumer { 512 } else { 1024 } + 128;
        let mut word = [0; 4];
        self.0.read_exact_at(&mut word, at).unwrap();
        u32::from_ne_bytes(word) % 2 == 1
    }

    /// Waits until the peer sleeps. It may be between two slices at any moment.
    fn wait_for(&self, role: Role) {
        let deadline = Instant::now() + Duration::from_millis(20);
        while !self.is_parked(role) && Instant::now() < deadline {
            yield_now();
        }
    }
}

fn ring(name: &Name, capacity: usize) -> Ring<u64> {
    Ring::create(name, &Options::new().capacity(capacity)).unwrap()
}

pub fn pop_for_ever(words: &[&str]) {
    let mut rx = Ring::<u64>::open(words[0]).unwrap().consumer().unwrap();
    say("sat");
    loop {
        say(rx.pop().unwrap());
    }
}

/// Sends each record back as soon as the other side sleeps.
pub fn echo(words: &[&str]) {
    let (there, back) = (Ring::<u64>::open(words[0]).unwrap(), Ring::<u64>::open(words[1]).unwrap());
    let (mut rx, mut tx) = (there.consumer().unwrap(), back.producer().unwrap());
    let sleepers = ParkedWords::of(&back);
    while let Ok(number) = rx.pop() {
        sleepers.wait_for(Role::Consumer);
        tx.push(&number).unwrap();
    }
}

/// Pops each number as soon as the ring is full and its producer sleeps.
pub fn pass_on(words: &[&str]) {
    let ring = Ring::<u64>::open(words[0]).unwrap();
    let mut rx = ring.consumer().unwrap();
    let sleepers = ParkedWords::of(&ring);
    for number in 0..ROUNDS {
        if number + 1 < ROUNDS {
            sleepers.wait_for(Role::Producer);
        }
        assert_eq!(rx.pop(), Ok(number));
    }
}

#[test]
fn a_thousand_sleeping_consumers_are_woken() {
    let (one, other) = (Name::unique("ringway-waking"), Name::unique("ringway-waking"));
    let (there, back) = (ring(&one, 2), ring(&other, 2));
    let (mut tx, mut rx) = (there.producer().unwrap(), back.consumer().unwrap());
    let echo = Child::start("echo", &[one.as_str(), other.as_str()]);
    let sleepers = ParkedWords::of(&there);
    let start = Instant::now();
    for number in 0..ROUNDS {
        sleepers.wait_for(Role::Consumer);
        tx.push(&number).unwrap();
        assert_eq!(rx.pop(), Ok(number));
        assert!(start.elapsed() < BOUND, "only {number} rounds");
    }
    drop(tx);
    echo.finish();
}

#[test]
fn a_thousand_sleeping_producers_are_woken() {
    let name = Name::unique("ringway-waking");
    let ring = ring(&name, 1);
    let mut tx = ring.producer().unwrap();
    let start = Instant::now();
    tx.push(&0).unwrap();
    let child = Child::start("pass on", &[name.as_str()]);
    for number in 1..ROUNDS {
        tx.push(&number).unwrap();
        assert!(start.elapsed() < BOUND, "only {number} rounds");
    }
    child.finish();
}

#[test]
fn a_killed_waiter_is_woken_once_at_most() {
    let name = Name::unique("ringway-waking");
    let ring = ring(&name, 8);
    let mut tx = ring.producer().unwrap();
    let sleepers = ParkedWords::of(&ring);
    let mut dice = Dice::new();
    for number in 0..10 {
        let mut consumer = Child::start("pop for ever", &[name.as_str()]);
        consumer.expect("sat");
        assert!(soon(|| sleepers.is_parked(Role::Consumer)), "the consumer waits without sleeping");
        dice.nap(Duration::from_millis(5));
        consumer.kill();
        // One push finds that no thread sleeps on the word. The next one makes no call.
        tx.try_push(&number).unwrap();
        assert!(!sleepers.is_parked(Role::Consumer), "the park word of the dead consumer is still odd");
        let mut next = Child::start("pop for ever", &[name.as_str()]);
        next.expect("sat");
        next.expect(&number.to_string());
        sleepers.wait_for(Role::Consumer);
        tx.try_push(&(number + 100)).unwrap();
        next.expect(&(number + 100).to_string());
        // It is killed after it has released everything.
        sleep(Duration::from_millis(1));
    }
}
