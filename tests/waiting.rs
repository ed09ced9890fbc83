//! Waiting, with real processes and real sleeps: nobody waits longer than there is need for, and nobody pays for it.
//!
//! ```text
//! RINGWAY_TRIPS=10000000 cargo test --release --test waiting -- --nocapture trips
//! ```
//! makes ten million round trips in each kind of ring, instead of some thousands.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_types)]

mod children;
mod common;

#[path = "waiting/crowd.rs"]
mod crowd;
#[path = "waiting/cut.rs"]
mod cut;
#[path = "waiting/deadlines.rs"]
mod deadlines;
#[path = "waiting/forks.rs"]
mod forks;
#[path = "waiting/idle.rs"]
mod idle;
#[path = "waiting/killed.rs"]
mod killed;
#[path = "waiting/trips.rs"]
mod trips;
#[path = "waiting/watched.rs"]
mod watched;
#[path = "waiting/ways.rs"]
mod ways;

/// Not a test: what a child process of the tests does. Without a role it returns at once.
#[test]
fn child_entry() {
    children::play(&[
        ("be cut", cut::be_cut),
        #[cfg(feature = "async")]
        ("be cut and restored", cut::be_cut_and_restored),
        ("idle", idle::idle),
        ("wait for ever", killed::wait_for_ever),
        ("push for ever", killed::push_for_ever),
        ("weather a storm", deadlines::weather_a_storm),
        ("be stopped", deadlines::be_stopped),
        ("send back", trips::send_back),
        ("fork and drop", forks::fork_and_drop),
        ("fork and drop on the heap", forks::fork_and_drop_on_the_heap),
    ]);
}
