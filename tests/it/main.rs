//! Tests of what happens in one process, which may start others to help.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(feature = "std")]
mod conformance;
#[cfg(feature = "alloc")]
mod golden;
#[cfg(feature = "std")]
mod handover;
#[cfg(feature = "std")]
mod hostile;
#[cfg(feature = "std")]
mod inspect;
#[cfg(feature = "std")]
mod interrupted;
#[cfg(feature = "std")]
mod memory;
#[cfg(feature = "alloc")]
mod model;
#[cfg(feature = "std")]
mod park_calls;
#[cfg(feature = "std")]
mod poll;
#[cfg(feature = "std")]
mod poll_room;
#[cfg(feature = "std")]
mod segments;
#[cfg(feature = "std")]
mod tsan;

/// Not a test: what a child process of the tests does. Without a role it returns at once.
#[cfg(feature = "std")]
#[test]
fn child_entry() {
    const ROLES: &[(&str, support::process::Act)] = &[("attach a consumer", poll_room::attach_a_consumer)];
    support::process::play(&[segments::ROLES, handover::ROLES, inspect::ROLES, ROLES].concat());
}
