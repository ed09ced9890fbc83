//! Tests with real processes.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cross_width;
mod peek;
mod processes;
mod scribbler;
mod soak;
mod stream;
mod waiting;

/// Not a test: the entry point of the child processes. Returns at once if there is no role.
#[test]
fn child_entry() {
    let roles = [processes::ROLES, waiting::ROLES, cross_width::ROLES, scribbler::ROLES, soak::ROLES];
    support::process::play(&roles.concat());
}
