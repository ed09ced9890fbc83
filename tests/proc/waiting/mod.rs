//! Waiting, with real processes and real sleeps. No participant waits too long, and waiting costs
//! the peers nothing.
//!
//! ```text
//! RINGWAY_TRIPS=10000000 cargo test --release --test proc -- --nocapture waiting::round_trips::
//! ```
//! makes ten million round trips in each kind of ring, instead of some thousands.
#![allow(clippy::disallowed_types)]

mod contention;
mod deadlines;
mod forks;
mod idle;
mod instrumented_memory;
mod killed_waiter;
mod round_trips;
mod truncation;
mod wait_methods;

use support::process::Act;

/// The roles of child processes.
pub const ROLES: &[(&str, Act)] = &[
    ("be cut", truncation::be_cut),
    #[cfg(feature = "async")]
    ("be cut and restored", truncation::be_cut_and_restored),
    ("idle", idle::idle),
    ("wait for ever", killed_waiter::wait_for_ever),
    ("push for ever", killed_waiter::push_for_ever),
    ("weather a storm", deadlines::weather_a_storm),
    ("be stopped", deadlines::be_stopped),
    ("send back", round_trips::send_back),
    ("fork and drop a waiter", forks::fork_and_drop),
    ("fork and drop on the heap", forks::fork_and_drop_on_the_heap),
];
