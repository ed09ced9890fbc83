#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
//!
//! # Layers
//! Arrows point down only: a module uses those below it.
//! ```text
//! trust       slices of payload, for those who trust their peers
//! segment     create, open, unlink: a file that is complete before it has a name            std
//! spsc, mpsc, lanes   the kinds of ring: what each promises
//! ends        the public face of all: Ring, Producer, Consumer
//! ring        the algorithms: stamps, room, records; the total order, and the merging of lanes
//! recovery    seats: who sits where, who is dead, how the next one takes over
//! os          the only system calls; a mapped segment                                       std
//! layout      what the bytes mean: the segment format, of which the page is `format`
//! wait        sleeping without losing a wake-up
//! error       all errors
//! memory      bytes that several processes see, and what the platform can do; all raw pointers
//! identity    what people read: who a participant is, what an item is
//! sync        the only atomics; loom's under `--cfg loom`
//! ```

#[cfg(any(feature = "alloc", loom))]
extern crate alloc;
#[cfg(any(feature = "std", test, loom))]
extern crate std;

#[cfg(all(feature = "std", not(target_os = "linux")))]
compile_error!(
    "ringway's feature `std` needs Linux; for rings over your own memory use `default-features = false`"
);

#[cfg(all(loom, feature = "std"))]
compile_error!("models are built without the feature `std`: see loom-tests/");

pub mod ends;
pub mod format;
#[cfg(any(feature = "alloc", loom))]
pub mod lanes;
pub mod memory;
pub mod mpsc;
pub mod spsc;

mod error;
mod identity;
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

#[cfg(feature = "async")]
pub use ends::AsyncConsumer;
pub use ends::{Blame, Counters, Recovered, SeatInfo};
#[cfg(feature = "std")]
pub use ends::{Pollable, Select, Selectable};
#[cfg(feature = "std")]
pub use error::SegmentError;
pub use error::{Corruption, Departure, LayoutError, PopError, PushError, SeatError};
pub use identity::{Identity, ItemLayout, Label, Role};
pub use layout::Options;
pub use memory::{Claim, Clock, Item, Liveness, Memory, Park, ParkWord};
#[cfg(feature = "std")]
pub use os::Mapping;
pub use recovery::Presence;
#[cfg(feature = "std")]
pub use segment::Unlinked;
#[cfg(not(loom))]
pub use trust::Trust;
pub use wait::Wait;
