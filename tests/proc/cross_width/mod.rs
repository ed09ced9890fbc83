//! Two builds of this program share a segment: one of 32 bits and one of 64. They read and write
//! the same bytes, wake each other, and see each other attach and die.
//!
//! By default, both are the same build. If `RINGWAY_OTHER_BUILD` names another build of this test,
//! the children run that one. `tests/platforms.sh` runs each build as the parent of the other.

mod cargo;
mod deaths;
mod echo;

use std::env;

use cargo::Mixed;
use ringway::Message;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use support::Name;
use support::process::{self, Act, Child, say};

/// The roles of child processes.
pub const ROLES: &[(&str, Act)] = &[
    ("introduce", introduce),
    ("echo spsc records", echo::echo::<Spsc, [u8]>),
    ("echo mpsc records", echo::echo::<Mpsc, [u8]>),
    ("echo lanes records", echo::echo::<Lanes, [u8]>),
    ("echo spsc items", echo::echo::<Spsc, Mixed>),
    ("echo mpsc items", echo::echo::<Mpsc, Mixed>),
    ("echo lanes items", echo::echo::<Lanes, Mixed>),
    ("produce spsc across", deaths::produce::<Spsc>),
    ("produce mpsc across", deaths::produce::<Mpsc>),
    ("produce lanes across", deaths::produce::<Lanes>),
    ("consume spsc across", deaths::consume::<Spsc>),
    ("consume mpsc across", deaths::consume::<Mpsc>),
    ("consume lanes across", deaths::consume::<Lanes>),
];

/// The name of this build.
fn build() -> String {
    format!("{} ({} bits)", env::consts::ARCH, usize::BITS)
}

fn introduce(_: &[&str]) {
    say(build());
}

#[test]
fn the_other_build_is_the_one_asked_for() {
    let other = process::run("introduce", &[]).concat();
    println!("exchange: {} with {other}", build());
    assert!(env::var_os(process::OTHER).is_some() || other == build(), "{other} is not this build");
}

/// The public state of a ring, which both sides must see alike.
fn told<K: Kind, T: Message + ?Sized>(ring: &Ring<K, T>) -> String {
    let seats: Vec<_> = ring.seats().collect();
    format!("{} {} {seats:?}", ring.capacity(), ring.max_producers())
}

/// Starts a child that plays `act` for this kind of ring.
fn start<K: Kind>(act: [&str; 2], names: &[&Name]) -> Child {
    let [verb, object] = act;
    let kind = std::any::type_name::<K>().rsplit("::").next().unwrap_or_default().to_lowercase();
    let role = [verb, &kind, object].join(" ");
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    Child::start(&role, &names)
}
