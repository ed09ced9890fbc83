//! Kills a sleeping participant. The next peer that publishes, or makes room, makes one wake-up
//! call in vain, and then none.
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{self, Kind};
use ringway::spsc::{Ring, Spsc};
use ringway::{Departure, Options, PopError, Select};

use super::instrumented_memory::watched;
use super::wait_methods::Way;
use support::Name;
use support::process::{Child, Dice, PATIENCE, say, soon};

const CELLS: usize = 8;
const ROUNDS: usize = 6;
/// The offset of the consumer's parked word. The word of the common block is one block behind it,
/// that of a lane's producer two.
const PARKED: u64 = 512 + 128;
const BLOCK: u64 = 512;

fn word(file: &File, at: u64) -> u32 {
    let mut word = [0; 4];
    file.read_exact_at(&mut word, at).unwrap();
    u32::from_ne_bytes(word)
}

pub fn wait_for_ever(words: &[&str]) {
    let mut way = Way::new(words[1], Ring::<u64>::open(words[0]).unwrap().consumer().unwrap());
    say("sat");
    panic!("{:?}", way.next(100 * PATIENCE));
}

fn a_killed_consumer_costs_one_call(way: &str) {
    let mut dice = Dice::new();
    for _ in 0..ROUNDS {
        let name = Name::unique("ringway-killed");
        let ring = Ring::<u64>::create(&name, &Options::new().capacity(CELLS)).unwrap();
        let file = File::open(ring.path()).unwrap();
        let ring = watched(&ring);
        let (mut tx, notes) = (ring.producer().unwrap(), ring.memory().notes.clone());
        let mut child = Child::start("wait for ever", &[name.as_str(), way]);
        child.expect("sat");
        assert!(soon(|| word(&file, PARKED) % 2 == 1), "the child waits without sleeping");
        dice.nap(Duration::from_millis(120));
        child.kill();
        // The child may have been between two slices.
        let is_asleep = word(&file, PARKED) % 2 == 1;
        let before = notes.calls.load(Relaxed);
        (0..CELLS as u64).for_each(|i| tx.try_push(&i).unwrap());
        assert_eq!(notes.calls.load(Relaxed) - before, u64::from(is_asleep), "{way}");
        assert_eq!(notes.woken.load(Relaxed), 0);
        let mut rx = ring.consumer().unwrap();
        (0..CELLS as u64).for_each(|i| assert_eq!(rx.try_pop(), Ok(i)));
    }
}

#[test]
fn killed_in_a_pop() {
    a_killed_consumer_costs_one_call("pop");
}

#[test]
fn killed_in_a_select() {
    a_killed_consumer_costs_one_call("select");
}

#[test]
fn killed_in_a_select_with_waker_threads() {
    a_killed_consumer_costs_one_call("select of many");
}

#[test]
fn killed_in_a_poll_with_a_waker_thread() {
    a_killed_consumer_costs_one_call("poll");
}

pub fn push_for_ever(words: &[&str]) {
    match words[1] {
        "spsc" => push::<Spsc>(words[0]),
        "mpsc" => push::<Mpsc>(words[0]),
        _ => push::<Lanes>(words[0]),
    }
}

fn push<K: Kind>(name: &str) {
    let mut tx = ring::Ring::<K, u64>::open(name).unwrap().producer().unwrap();
    say("sat");
    while tx.push(&1).is_ok() {}
}

/// Kills so many sleeping producers, which share a word or have one each.
fn killed_producers_cost_one_call<K: Kind>(kind: &str, producers: usize, words: &[u64]) {
    for _ in 0..ROUNDS {
        let name = Name::unique("ringway-killed");
        let options = Options::new().capacity(CELLS).max_producers(producers);
        let ring = ring::Ring::<K, u64>::create(&name, &options).unwrap();
        let file = File::open(ring.path()).unwrap();
        let ring = watched(&ring);
        let (mut rx, notes) = (ring.consumer().unwrap(), ring.memory().notes.clone());
        let mut children: Vec<_> =
            (0..producers).map(|_| Child::start("push for ever", &[name.as_str(), kind])).collect();
        children.iter_mut().for_each(|child| child.expect("sat"));
        let asleep = || words.iter().filter(|at| word(&file, **at) % 2 == 1).count() as u64;
        assert!(soon(|| asleep() == words.len() as u64), "the children wait without sleeping");
        std::thread::sleep(Duration::from_millis(30));
        children.iter_mut().for_each(Child::kill);
        let (asleep, before) = (asleep(), notes.calls.load(Relaxed));
        let mut taken = 0;
        while rx.try_pop().is_ok() {
            taken += 1;
        }
        assert!(taken >= CELLS);
        assert!(!matches!(rx.try_pop(), Err(PopError::Corrupt(_))));
        assert_eq!(notes.calls.load(Relaxed) - before, asleep, "{kind}");
        assert_eq!(notes.woken.load(Relaxed), 0);
        // Later producers do not find the word odd either.
        let mut tx = ring.producer().unwrap();
        for i in 0..2 * CELLS as u64 {
            tx.try_push(&i).unwrap();
            assert_eq!(rx.try_pop(), Ok(i));
        }
        assert_eq!(notes.calls.load(Relaxed) - before, asleep, "{kind}");
    }
}

#[test]
fn a_producer_killed_in_a_push() {
    killed_producers_cost_one_call::<Spsc>("spsc", 1, &[PARKED + BLOCK]);
}

#[test]
fn mpsc_two_producers_killed_in_a_push() {
    killed_producers_cost_one_call::<Mpsc>("mpsc", 2, &[PARKED + BLOCK]);
}

#[test]
fn lanes_two_producers_killed_in_a_push() {
    killed_producers_cost_one_call::<Lanes>("lanes", 2, &[PARKED + 2 * BLOCK, PARKED + 3 * BLOCK]);
}

/// A select that never waits, because another ring always has a record, also reports the death.
#[test]
#[cfg_attr(ringway_long_slices, ignore = "looks for deaths once a slice")]
fn a_busy_select_reports_the_death_of_a_producer() {
    let names = [(); 3].map(|()| Name::unique("ringway-killed"));
    let [a, b, c] =
        names.each_ref().map(|name| Ring::<u64>::create(name, &Options::new().capacity(CELLS)).unwrap());
    let (mut a_tx, mut b_tx) = (a.producer().unwrap(), b.producer().unwrap());
    let [mut a, mut b, mut c] = [a, b, c].map(|ring| ring.consumer().unwrap());
    let mut child = Child::start("push for ever", &[names[2].as_str(), "spsc"]);
    child.expect("sat");
    let (mut select, began, mut is_alive) = (Select::new(), Instant::now(), true);
    loop {
        assert!(began.elapsed() < PATIENCE, "the select does not report the death");
        // The ring is full after the first rounds.
        let _ = (a_tx.try_push(&1), b_tx.try_push(&1));
        let told = match select.wait(&mut [&mut a, &mut b, &mut c]) {
            Some(0) => a.try_pop(),
            Some(1) => b.try_pop(),
            _ => c.try_pop(),
        };
        match told {
            Ok(_) if is_alive && began.elapsed() > Duration::from_millis(20) => {
                child.kill();
                is_alive = false;
            }
            Ok(_) => {}
            Err(why) => return assert_eq!((why, is_alive), (PopError::Closed(Departure::Died), false)),
        }
    }
}
