//! Two builds of this program, one segment: a machine of 32 bits and one of 64 read and write the same bytes, wake each
//! other, and see each other sit and die.
//!
//! By itself, both are the same build. With `RINGWAY_OTHER_BUILD` naming another one of this test, the children become that:
//! `tests/platforms.sh` does so with each as the parent of the other.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod children;
mod common;

#[path = "exchange/cargo.rs"]
mod cargo;
#[path = "exchange/deaths.rs"]
mod deaths;
#[path = "exchange/echo.rs"]
mod echo;

use std::env;

use cargo::Mixed;
use children::{Child, say};
use common::Name;
use ringway::ends::{Carried, Kind, Ring};
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;

/// Not a test: what a child process of the tests does. Without a role it returns at once.
#[test]
fn child_entry() {
    children::play(&[
        ("introduce", introduce),
        ("echo spsc records", echo::echo::<Spsc, [u8]>),
        ("echo mpsc records", echo::echo::<Mpsc, [u8]>),
        ("echo lanes records", echo::echo::<Lanes, [u8]>),
        ("echo spsc items", echo::echo::<Spsc, Mixed>),
        ("echo mpsc items", echo::echo::<Mpsc, Mixed>),
        ("echo lanes items", echo::echo::<Lanes, Mixed>),
        ("produce spsc", deaths::produce::<Spsc>),
        ("produce mpsc", deaths::produce::<Mpsc>),
        ("produce lanes", deaths::produce::<Lanes>),
        ("consume spsc", deaths::consume::<Spsc>),
        ("consume mpsc", deaths::consume::<Mpsc>),
        ("consume lanes", deaths::consume::<Lanes>),
    ]);
}

/// What this build is.
fn build() -> String {
    format!("{} ({} bits)", env::consts::ARCH, usize::BITS)
}

fn introduce(_: &[&str]) {
    say(build());
}

#[test]
fn the_other_is_what_was_asked_for() {
    let other = children::run("introduce", &[]).concat();
    println!("exchange: {} with {other}", build());
    assert!(env::var_os(children::OTHER).is_some() || other == build(), "{other} is not this build");
}

/// All that a ring tells of itself: what both sides must see alike.
fn told<K: Kind, T: Carried + ?Sized>(ring: &Ring<K, T>) -> String {
    let seats: Vec<_> = ring.seats().collect();
    format!("{} {} {seats:?}", ring.capacity(), ring.producers())
}

/// Starts a child that plays `act` for this kind of ring.
fn start<K: Kind>(act: [&str; 2], names: &[&Name]) -> Child {
    let [verb, object] = act;
    let kind = std::any::type_name::<K>().rsplit("::").next().unwrap_or_default().to_lowercase();
    let role = [verb, &kind, object].join(" ");
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    Child::start(role.trim_end(), &names)
}
