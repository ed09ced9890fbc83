//! Sends records through one ring to the other build, and receives them through a second one.
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread::{scope, yield_now};
use std::time::{Duration, Instant};

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use ringway::{Departure, Options, PopError};

use super::cargo::{Cargo, Mixed};
use super::{start, told};
use support::Name;
use support::process::{Child, hear, say};

/// So many records travel one by one, each to a sleeping process. A lost wake-up costs a slice of
/// 100 ms.
const ROUNDS: u64 = 200;
const BOUND: Duration = Duration::from_secs(15);
/// So many records stream through both rings, which become full many times.
const STREAM: u64 = 3000;

/// Waits for a while until the consumer of the ring in this file sleeps, which means that its
/// `parked` word is odd.
fn wait_for_sleeper(file: &File) {
    let deadline = Instant::now() + Duration::from_millis(20);
    let mut word = [0; 4];
    while u32::from_ne_bytes(word) % 2 == 0 && Instant::now() < deadline {
        yield_now();
        file.read_exact_at(&mut word, 512 + 128).unwrap();
    }
}

/// Prints the state of both rings for each line, and sends all records back: the first ones only to
/// a sleeping process.
pub fn echo<K: Kind, T: Cargo + ?Sized>(names: &[&str]) {
    let (there, back) = (Ring::<K, T>::open(names[0]).unwrap(), Ring::<K, T>::open(names[1]).unwrap());
    let (mut rx, mut tx) = (there.consumer().unwrap(), back.producer().unwrap());
    let file = File::open(back.path()).unwrap();
    say("sat");
    hear();
    say(told(&there));
    say(told(&back));
    let mut come = 0;
    let end = loop {
        match T::receive(&mut rx) {
            Ok(number) => {
                if come < ROUNDS {
                    wait_for_sleeper(&file);
                }
                come += 1;
                T::send(&mut tx, number).unwrap();
            }
            Err(end) => break end,
        }
    };
    assert_eq!((end, come), (PopError::Closed(Departure::Left), ROUNDS + STREAM));
    hear();
    say(told(&there));
    say(told(&back));
    // Keeps its seats until the parent has compared the states.
    hear();
}

/// Checks that both builds see the same state of both rings.
fn assert_alike<K: Kind, T: Cargo + ?Sized>(other: &mut Child, there: &Ring<K, T>, back: &Ring<K, T>) {
    other.tell("what do you see?");
    // The other process has answered, so nothing changes any more.
    let seen = [other.line(), other.line()];
    assert_eq!(seen, [told(there), told(back)]);
}

fn all_comes_back<K: Kind, T: Cargo + ?Sized>() {
    let names = [Name::unique("ringway-there"), Name::unique("ringway-back")];
    let options = Options::new().capacity(T::CAPACITY).max_producers(3).label("the first");
    let there = Ring::<K, T>::create(&names[0], &options).unwrap();
    let back = Ring::<K, T>::create(&names[1], &options).unwrap();
    let (mut tx, mut rx) = (there.producer().unwrap(), back.consumer().unwrap());
    let mut other = start::<K>(["echo", T::WORD], &[&names[0], &names[1]]);
    other.expect("sat");
    assert_alike(&mut other, &there, &back);

    let file = File::open(there.path()).unwrap();
    let start = Instant::now();
    for number in 0..ROUNDS {
        wait_for_sleeper(&file);
        T::send(&mut tx, number).unwrap();
        assert_eq!(T::receive(&mut rx), Ok(number));
        assert!(start.elapsed() < BOUND, "only {number} rounds");
    }
    scope(|threads| {
        threads.spawn(move || (0..STREAM).for_each(|number| T::send(&mut tx, number).unwrap()));
        (0..STREAM).for_each(|number| assert_eq!(T::receive(&mut rx), Ok(number)));
    });

    // Our producer has left. The handles of the other process have not.
    assert_alike(&mut other, &there, &back);
    other.finish();
    assert_eq!(T::receive(&mut rx), Err(PopError::Closed(Departure::Left)));
}

#[test]
fn records_come_back_through_spsc() {
    all_comes_back::<Spsc, [u8]>();
}

#[test]
fn records_come_back_through_mpsc() {
    all_comes_back::<Mpsc, [u8]>();
}

#[test]
fn records_come_back_through_lanes() {
    all_comes_back::<Lanes, [u8]>();
}

#[test]
fn items_come_back_through_spsc() {
    all_comes_back::<Spsc, Mixed>();
}

#[test]
fn items_come_back_through_mpsc() {
    all_comes_back::<Mpsc, Mixed>();
}

#[test]
fn items_come_back_through_lanes() {
    all_comes_back::<Lanes, Mixed>();
}
