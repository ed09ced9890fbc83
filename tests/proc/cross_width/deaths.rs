//! A process of one build sees that a process of the other died, and continues where that one
//! stopped.
use std::mem;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use ringway::{Departure, Options, PopError, Presence, Role};

use super::cargo::Cargo;
use super::{start, told};
use support::Name;
use support::process::{hear, say};

const SENT: u64 = 3;

/// Sends some records, and is killed in the middle of another.
pub fn produce<K: Kind>(names: &[&str]) {
    let ring = Ring::<K, [u8]>::open(names[0]).unwrap();
    let mut tx = ring.producer().unwrap();
    (0..SENT).for_each(|number| <[u8]>::send(&mut tx, number).unwrap());
    let reservation = tx.reserve(100).unwrap();
    say("reserved");
    hear();
    mem::forget(reservation);
}

/// Receives some records, and is killed while it holds another.
pub fn consume<K: Kind>(names: &[&str]) {
    let ring = Ring::<K, [u8]>::open(names[0]).unwrap();
    let mut rx = ring.consumer().unwrap();
    (0..SENT).for_each(|number| assert_eq!(<[u8]>::receive(&mut rx), Ok(number)));
    let record = rx.read().unwrap();
    say("read");
    hear();
    mem::forget(record);
}

/// Whether the last holder of the first seat of `role` was process `id` and has died.
fn has_died<K: Kind>(ring: &Ring<K, [u8]>, role: Role, id: u64) -> bool {
    let seat = ring.seats().find(|seat| seat.role == role).expect("a seat");
    matches!(seat.presence, Presence::Died(who) if who.pid == id)
}

fn a_producers_death_is_seen<K: Kind>() {
    let name = Name::unique("ringway-exchange-producer");
    let options = Options::new().capacity(4096).max_producers(2);
    let ring = Ring::<K, [u8]>::create(&name, &options).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut other = start::<K>(["produce", "across"], &[&name]);
    other.expect("reserved");
    let id = other.id();
    (0..SENT).for_each(|number| assert_eq!(<[u8]>::receive(&mut rx), Ok(number)));
    other.kill();
    assert_eq!(<[u8]>::receive(&mut rx), Err(PopError::Closed(Departure::Died)), "{}", told(&ring));
    assert!(has_died(&ring, Role::Producer, id), "{}", told(&ring));

    // The dead producer's seat is taken last.
    let _newcomers: Vec<_> = (1..ring.max_producers()).map(|_| ring.producer().unwrap()).collect();
    let mut tx = ring.producer().unwrap();
    assert_eq!(tx.seat(), 0);
    <[u8]>::send(&mut tx, SENT).unwrap();
    assert_eq!(<[u8]>::receive(&mut rx), Ok(SENT));
}

fn a_consumers_death_is_seen<K: Kind>() {
    let name = Name::unique("ringway-exchange-consumer");
    let ring = Ring::<K, [u8]>::create(&name, &Options::new().capacity(4096).max_producers(2)).unwrap();
    let mut tx = ring.producer().unwrap();
    (0..=SENT).for_each(|number| <[u8]>::send(&mut tx, number).unwrap());
    let mut other = start::<K>(["consume", "across"], &[&name]);
    other.expect("read");
    let id = other.id();
    other.kill();
    assert!(has_died(&ring, Role::Consumer, id), "{}", told(&ring));

    // The record that it had not released arrives again.
    let mut rx = ring.consumer().unwrap();
    assert_eq!(<[u8]>::receive(&mut rx), Ok(SENT));
}

#[test]
fn a_producers_death_is_seen_in_spsc() {
    a_producers_death_is_seen::<Spsc>();
}

#[test]
fn a_producers_death_is_seen_in_mpsc() {
    a_producers_death_is_seen::<Mpsc>();
}

#[test]
fn a_producers_death_is_seen_in_lanes() {
    a_producers_death_is_seen::<Lanes>();
}

#[test]
fn a_consumers_death_is_seen_in_spsc() {
    a_consumers_death_is_seen::<Spsc>();
}

#[test]
fn a_consumers_death_is_seen_in_mpsc() {
    a_consumers_death_is_seen::<Mpsc>();
}

#[test]
fn a_consumers_death_is_seen_in_lanes() {
    a_consumers_death_is_seen::<Lanes>();
}
