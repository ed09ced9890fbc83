//! Unlinking: in use, unused, and what is no ring.
use std::fs;
use std::thread;
use std::time::Duration;

use ringway::ring::Kind;
use ringway::spsc::Ring;
use ringway::{
    Departure, Options, PopError, Presence, PushError, Role, SeatError, SegmentError, Select, Unlinked,
    lanes, mpsc, ring, spsc,
};

use super::{Place, assert_tells};
use support::Name;
use support::process::{Child, PATIENCE, hear, say};

fn options() -> Options<'static> {
    Options::new().capacity(8)
}

/// Sits as the consumer, and goes on when the name is gone.
pub fn be_in_it(words: &[&str]) {
    let ring = Ring::<u64>::open(words[0]).unwrap();
    let mut rx = ring.consumer().unwrap();
    say(ring.is_unlinked());
    hear();
    say(ring.is_unlinked());
    say(rx.pop().unwrap());
    say(rx.pop().unwrap());
}

#[test]
fn those_in_an_unlinked_segment_go_on() {
    let name = Name::unique("ringway-removing");
    let ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut tx = ring.producer().unwrap();
    let mut child = Child::start("be in it", &[name.as_str()]);
    child.expect("false");
    tx.push(&1).unwrap();
    assert_eq!(Ring::<u64>::unlink(&name).unwrap(), Unlinked::InUse);
    assert!(ring.is_unlinked());
    assert!(matches!(Ring::<u64>::open(&name), Err(SegmentError::NotFound { .. })));

    // The name is free for another ring, which has nothing to do with this one.
    let other = Ring::<u64>::create(&name, &options()).unwrap();
    assert!(!other.is_unlinked());
    other.producer().unwrap().push(&9).unwrap();

    tx.push(&2).unwrap();
    child.tell("look");
    child.expect("true");
    child.expect("1");
    child.expect("2");
    child.finish();
    assert_eq!(other.consumer().unwrap().pop(), Ok(9));
}

#[test]
fn a_segment_is_in_use_as_long_as_somebody_alive_sits_in_it() {
    let name = Name::unique("ringway-removing");
    let _ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut child = Child::start("be in it", &[name.as_str()]);
    child.expect("false");
    assert_eq!(Ring::<u64>::unlink(&name).unwrap(), Unlinked::InUse);

    // A ring that is only mapped is not in use, nor is one that only the dead sit in.
    let _ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut child = Child::start("be in it", &[name.as_str()]);
    child.expect("false");
    child.kill();
    assert_eq!(Ring::<u64>::unlink(&name).unwrap(), Unlinked::Unused);
}

#[test]
fn what_is_no_ring_is_left_alone() {
    let place = Place::new();
    let (text, empty, link) = (place.at("text"), place.at("empty"), place.at("link"));
    fs::write(&text, "somebody's thesis").unwrap();
    fs::write(&empty, "").unwrap();
    Ring::<u64>::create(place.at("ring"), &options()).unwrap();
    std::os::unix::fs::symlink(place.at("ring"), &link).unwrap();
    for path in [&text, &empty] {
        let error = Ring::<u64>::unlink(path).unwrap_err();
        assert_tells(&error, matches!(error, SegmentError::Layout { .. }), &["not a ring"]);
    }
    for path in [&link, &place.0] {
        let error = Ring::<u64>::unlink(path).unwrap_err();
        assert_tells(&error, matches!(error, SegmentError::NotAFile { .. }), &["not a regular file"]);
    }
    assert_eq!(fs::read_to_string(&text).unwrap(), "somebody's thesis");
    assert!(empty.exists() && link.is_symlink() && Ring::<u64>::open(place.at("ring")).is_ok());
}

#[test]
fn a_ring_of_any_type_can_be_unlinked_also_when_it_is_damaged() {
    let place = Place::new();
    let path = place.at("ring");
    Ring::<u64>::create(&path, &options()).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
    assert!(Ring::<u64>::open(&path).is_err());
    assert_eq!(Ring::<[u8]>::unlink(&path).unwrap(), Unlinked::Unused);
    assert!(!path.exists());
}

/// Checks that neither seat of `ring` can be taken, and that its file has no name of its own.
#[track_caller]
fn assert_without_name<K: Kind>(ring: &ring::Ring<K, u64>) {
    assert!(ring.is_unlinked());
    assert_eq!(ring.producer().unwrap_err(), SeatError::Unlinked);
    assert_eq!(ring.consumer().unwrap_err(), SeatError::Unlinked);
}

fn no_seat_is_given_away_without_a_name<K: Kind>() {
    let place = Place::new();
    let (path, other) = (place.at("ring"), place.at("other"));
    let make = || ring::Ring::<K, u64>::create(&path, &options().label("first")).unwrap();

    let ring = make();
    drop(ring.producer().unwrap());
    fs::remove_file(&path).unwrap();
    assert_without_name(&ring);
    assert!(ring.producer().unwrap_err().to_string().contains("was unlinked or renamed"));
    let last = ring.presence(Role::Producer);
    assert!(matches!(last, Presence::Left(who) if who.label.to_string() == "first"), "{last:?}");
    assert_eq!(ring.presence(Role::Consumer), Presence::Never);

    // Another ring of this name is another ring.
    let new = make();
    assert_without_name(&ring);
    new.producer().unwrap();

    fs::rename(&path, &other).unwrap();
    assert_without_name(&new);
    fs::rename(&other, &path).unwrap();
    new.producer().unwrap();

    fs::hard_link(&path, &other).unwrap();
    new.producer().unwrap();
    fs::remove_file(&path).unwrap();
    assert_without_name(&new);
}

#[test]
fn no_seat_is_given_away_in_a_ring_without_its_name() {
    no_seat_is_given_away_without_a_name::<spsc::Spsc>();
    no_seat_is_given_away_without_a_name::<mpsc::Mpsc>();
    no_seat_is_given_away_without_a_name::<lanes::Lanes>();
}

fn waits_end_when_no_peer_can_come<K: Kind>() {
    const UNLINKED: Departure = Departure::Unlinked;
    let name = Name::unique("ringway-removing");
    let make = || ring::Ring::<K, u64>::create(&name, &options().max_producers(2)).unwrap();

    let ring = make();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    ring::Ring::<K, u64>::unlink(&name).unwrap();
    assert_eq!(rx.pop_timeout(Duration::from_millis(250)), Err(PopError::Elapsed), "there is a peer");
    while tx.try_push(&1).is_ok() {}
    assert_eq!(tx.push_timeout(&1, Duration::from_millis(250)), Err(PushError::Elapsed), "there is a peer");
    drop(tx);
    while rx.pop().is_ok() {}
    assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Left)), "there was a peer");

    // A consumer that waits already, in each way.
    let ring = make();
    let mut rx = ring.consumer().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let popped = rx.pop();
            (popped, rx)
        });
        thread::sleep(Duration::from_millis(20));
        ring::Ring::<K, u64>::unlink(&name).unwrap();
        let (popped, mut rx) = waiting.join().unwrap();
        assert_eq!(popped, Err(PopError::Closed(UNLINKED)));
        assert_eq!(rx.try_pop(), Err(PopError::Closed(UNLINKED)));
        assert_eq!(rx.pop_timeout(PATIENCE), Err(PopError::Closed(UNLINKED)));
        assert!(!rx.wait_for_producer(Duration::MAX));
    });

    let ring = make();
    let mut rx = ring.consumer().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            ring::Ring::<K, u64>::unlink(&name).unwrap();
        });
        assert!(!rx.wait_for_producer(Duration::MAX));
    });
    assert_eq!(Select::new().wait(&mut [&mut rx]), Some(0));
    assert_eq!(rx.try_pop(), Err(PopError::Closed(UNLINKED)));

    let ring = make();
    let mut rx = ring.consumer().unwrap().into_pollable().unwrap();
    ring::Ring::<K, u64>::unlink(&name).unwrap();
    assert!(!rx.arm());
    assert_eq!(rx.try_pop(), Err(PopError::Closed(UNLINKED)));

    // And a producer, when the ring is full.
    let ring = make();
    let mut tx = ring.producer().unwrap();
    ring::Ring::<K, u64>::unlink(&name).unwrap();
    while tx.try_push(&1).is_ok() {}
    assert_eq!(tx.push(&1), Err(PushError::Closed(UNLINKED)));
    assert!(!tx.wait_for_consumer(Duration::MAX));
    let text = PushError::Closed(UNLINKED).to_string();
    assert_eq!(
        text,
        "ring is full and its consumer cannot come any more: the ring was unlinked; open or create it again"
    );
}

#[test]
fn waits_end_when_the_ring_is_unlinked_before_a_peer_has_come() {
    waits_end_when_no_peer_can_come::<spsc::Spsc>();
    waits_end_when_no_peer_can_come::<mpsc::Mpsc>();
    waits_end_when_no_peer_can_come::<lanes::Lanes>();
}
