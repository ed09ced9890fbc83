// In the documentation, the README's links lead to pages; of two definitions of a link the first
// one counts.
#![doc = include_str!("docs/links.md")]
#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_debug_implementations)]
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

// A module uses those below it:
//
//   docs               pages, and the format of a segment
//   inspect            (std) looking into a segment from outside
//   spsc, mpsc, lanes  the kinds of ring: what each promises; aliases of the types in `ring`
//   ring               Ring, Producer, Consumer; the algorithms in cells/, mpsc/ and lanes/
//   poll               (std) waiting for several things at once: Select, Pollable, tasks
//   segment            (std) Segment: a file that is complete before it has a name
//   seat               who holds which seat, who is dead, how the next holder takes over
//   layout             what all objects have in common: header, object table, seat block
//   wait               sleeping without losing a wake-up: an eventcount
//   error              all errors
//   os                 (std) thin system calls
//   memory             bytes that several processes see; all raw pointers
//   identity           labels and identities, for people to read
//   sync               the only atomics; those of loom under `--cfg loom`
pub mod docs;
#[cfg(feature = "std")]
pub mod inspect;
#[cfg(any(feature = "alloc", loom))]
pub mod lanes;
pub mod memory;
pub mod mpsc;
pub mod ring;
pub mod spsc;

mod error;
mod identity;
mod layout;
#[cfg(feature = "std")]
mod os;
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
mod poll;
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
mod seat;
#[cfg(feature = "std")]
mod segment;
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
mod sync;
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
mod wait;

pub use error::{Corruption, Departure, LayoutError, PopError, PushError, SeatError};
#[cfg(feature = "std")]
pub use error::{SegmentError, TransferError};
pub use identity::{Identity, ItemLayout, Label, Role};
pub use layout::Options;
pub use memory::Item;
#[cfg(feature = "std")]
pub use poll::Pollable;
#[cfg(loom)]
pub use poll::WakerThread;
#[cfg(any(feature = "std", loom))]
pub use poll::{Select, Selectable};
#[cfg(not(loom))]
pub use ring::Trust;
#[cfg(feature = "async")]
pub use ring::{AsyncConsumer, AsyncProducer};
pub use ring::{
    CELL, Counters, Loss, Losses, Message, Payload, PayloadMut, RangeError, Recovered, SeatInfo, Stall,
};
pub use seat::Presence;
#[cfg(feature = "std")]
pub use segment::{Builder, Door, Grant, Mapping, ObjectInfo, Peer, Segment, Unlinked};
pub use wait::WaitStrategy;
