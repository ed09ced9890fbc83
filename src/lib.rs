#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
//!
//! # Layers
//! Arrows point down only: a module uses those below it.
//! ```text
//! error       all errors
//! ─────────── feature "std" ────────────────────────────────────────────────────────────
//! segment     create, open, unlink: a file that is complete before it has a name
//! os          the only system calls
//! ─────────── no_std, no alloc, no OS ──────────────────────────────────────────────────
//! spsc        the public face: Ring, Producer, Consumer
//! recovery    seats: who sits where, who is dead, how the next one takes over
//! wait        sleeping without losing a wake-up
//! ring        the algorithms: stamps, room, records
//! layout      what the bytes mean: the segment format
//! memory      bytes that several processes see; all raw pointers
//! sync        the only atomics; loom's under `--cfg loom`
//! ```

#[cfg(any(feature = "std", test, loom))]
extern crate std;

#[cfg(all(feature = "std", not(target_os = "linux")))]
compile_error!(
    "ringway's feature `std` needs Linux; for rings over your own memory use `default-features = false`"
);

#[cfg(all(loom, feature = "std"))]
compile_error!("models are built without the feature `std`: see loom-tests/");

pub mod memory;
pub mod spsc;

mod error;
mod layout;
#[cfg(feature = "std")]
mod os;
mod recovery;
mod ring;
#[cfg(feature = "std")]
mod segment;
mod sync;
#[cfg(not(loom))]
mod trust;
mod wait;

#[cfg(feature = "std")]
pub use error::SegmentError;
pub use error::{Corruption, Departure, LayoutError, PopError, PushError, SeatError};
pub use layout::{Identity, ItemLayout, Label, Options, Role};
pub use memory::Memory;
pub use recovery::{Claim, Liveness, Presence};
#[cfg(feature = "std")]
pub use segment::{Mapping, Unlinked};
#[cfg(not(loom))]
pub use trust::Trust;
pub use wait::{Clock, Park, ParkWord};
