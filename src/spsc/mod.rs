//! One producer, one consumer: the fastest ring there is, and the one to take unless several processes send.
//!
//! A [`Ring`] names the shared bytes; [`Ring::producer`] and [`Ring::consumer`] take the two seats. A ring
//! carries items of one type (`Ring<T>`) or records of any size (`Ring<[u8]>`).
//!
//! # Which ring for what
//! | you send | take | because |
//! |---|---|---|
//! | items of up to 56 bytes, one at a time | `Ring<T>` | stamp and item share one cache line: 56 bytes are one line, 64 are two |
//! | larger items, records of varying size | `Ring<[u8]>` | payload is contiguous, and can be written and read in place |
//! | many small items at once | `Ring<[u8]>`, a record of many items | one stamp for all of them |
//!
//! # Guarantees
//! | operation | progress | if the peer dies | if the peer lies |
//! |---|---|---|---|
//! | `try_push`, `try_push_slice`, `try_reserve`, `commit`, `batch` | wait-free | `Full` once the room is used up; nothing is lost | `Corrupt`; wrong data at worst |
//! | `try_pop`, `try_pop_slice`, `try_read`, `drain` | wait-free | the rest, then `Closed` | `Corrupt`; wrong data at worst |
//! | `push`, `reserve` | waits while the ring is full | `Closed`, when the ring is full | `Corrupt`, or waits |
//! | `pop`, `read` | waits while the ring is empty | the rest, then `Closed` | `Corrupt`, or waits |
//! | `_timeout` forms | as above, for a limited time | as above | as above |
//! | [`Ring::producer`], [`Ring::consumer`] | bounded by the capacity | takes over the seat | `Corrupt` |
//!
//! What a dead producer had not published is gone; what it had published arrives. What a dead consumer had read
//! but not released is read again by the next one; nothing else is ever delivered twice. A stopped peer is not
//! a dead one: its seat stays its own, however long it takes.
//!
//! # Positions
//! `position()` of an end counts cells since the ring was made, and never wraps: of a typed ring, items; of a byte
//! ring, cells of [`CELL`] bytes, of which a record of `n` bytes takes `max(1, n.div_ceil(CELL))`, and a pad, where a
//! record would not fit the lap, what is left of it. It survives every death, so it can be the token from which a
//! restarted process goes on.
mod consumer;
mod producer;
mod record;
mod reservation;
mod ring;

pub use crate::memory::Item;
pub use consumer::Consumer;
pub use producer::Producer;
pub use record::{Payload, RangeError, Record};
pub use reservation::{Batch, PayloadMut, Reservation};
pub use ring::Ring;

use core::convert::Infallible;
use core::time::Duration;

use crate::error::Corruption;
use crate::identity::Label;
use crate::layout::{Carries, Geometry, Kind, Spec};
use crate::memory::{Cells, Clock, Memory, Region};
use crate::recovery::{Presence, Seat};
use crate::ring::bytes::{ByteConsumer, ByteProducer};
use crate::ring::typed::{TypedConsumer, TypedProducer};
use crate::wait::{self, Awaited, Woken};

/// The bytes of a byte ring's cell.
pub const CELL: usize = Cells::SIZE as usize;

/// What a ring can carry: every [`Item`], and `[u8]`. Sealed.
pub trait Carried: sealed::Carried {}
impl<T: sealed::Carried + ?Sized> Carried for T {}

mod sealed {
    use super::*;

    pub trait Carried {
        #[doc(hidden)]
        const SPEC: Spec;
        #[doc(hidden)]
        type Producer: Resume + Send;
        #[doc(hidden)]
        type Consumer: Consume + Send;
        #[doc(hidden)]
        fn label() -> Label;
    }

    /// An end that goes on where the last holder of its seat stopped.
    pub trait Resume: Sized {
        #[doc(hidden)]
        fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption>;
        /// Takes back what was begun and not finished, before the end goes.
        #[doc(hidden)]
        fn settle(&mut self) {}
        /// The position it is at, in cells.
        #[doc(hidden)]
        fn at(&self) -> u64;
    }

    /// A consumer's side, whatever it consumes.
    pub trait Consume: Resume {
        #[doc(hidden)]
        fn has_record(&mut self) -> Result<bool, Corruption>;
        /// In cells: more records than that, a producer that keeps the protocol cannot have published.
        #[doc(hidden)]
        fn most_records(&self) -> usize;
        #[doc(hidden)]
        fn release(&self);
    }
}

impl<T: Item> sealed::Carried for T {
    const SPEC: Spec = Spec {
        kind: Kind::Spsc,
        carries: Carries::Items,
        item_size: size_of::<T>() as u64,
        item_align: align_of::<T>() as u64,
    };
    type Producer = TypedProducer<T>;
    type Consumer = TypedConsumer<T>;

    fn label() -> Label {
        Label::of_type::<T>()
    }
}

impl sealed::Carried for [u8] {
    const SPEC: Spec = Spec { kind: Kind::Spsc, carries: Carries::Bytes, item_size: 1, item_align: 1 };
    type Producer = ByteProducer;
    type Consumer = ByteConsumer;

    fn label() -> Label {
        Label::of_type::<u8>()
    }
}

impl<T: Item> sealed::Resume for TypedProducer<T> {
    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::resume(region, geometry)
    }
    fn at(&self) -> u64 {
        self.position().get()
    }
}

impl<T: Item> sealed::Resume for TypedConsumer<T> {
    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::resume(region, geometry)
    }
    fn at(&self) -> u64 {
        self.position().get()
    }
}

impl sealed::Resume for ByteProducer {
    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::resume(region, geometry)
    }
    fn settle(&mut self) {
        self.withdraw();
    }
    fn at(&self) -> u64 {
        self.position().get()
    }
}

impl sealed::Resume for ByteConsumer {
    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::resume(region, geometry)
    }
    fn at(&self) -> u64 {
        self.position().get()
    }
}

impl<T: Item> sealed::Consume for TypedConsumer<T> {
    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        self.look()
    }
    fn most_records(&self) -> usize {
        usize::try_from(self.capacity()).unwrap_or(usize::MAX)
    }
    #[inline(always)]
    fn release(&self) {
        self.release();
    }
}

impl sealed::Consume for ByteConsumer {
    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        Ok(self.look()?.is_some())
    }
    fn most_records(&self) -> usize {
        usize::try_from(self.capacity()).unwrap_or(usize::MAX)
    }
    #[inline(always)]
    fn release(&self) {
        self.release();
    }
}

/// The memory that is meant when none is named: a mapped segment.
#[cfg(feature = "std")]
pub(crate) type Home = crate::os::Mapping;
/// The memory that is meant when none is named: none, without an operating system.
#[cfg(all(not(feature = "std"), not(loom)))]
pub(crate) type Home = &'static crate::memory::StaticMemory<0>;
/// The memory that is meant when none is named: the model's.
#[cfg(loom)]
pub(crate) type Home = crate::memory::Model;

/// What is left of `timeout` from now on, whenever it is asked.
fn deadline<M: Clock>(memory: M, timeout: Duration) -> impl FnMut() -> Option<Duration> {
    let end = memory.now().saturating_add(timeout);
    move || Some(end.saturating_sub(memory.now()))
}

/// Waits until somebody sits in the seat across, for `timeout` at most; whether somebody did, if only for a moment.
fn wait_for_peer<M: Memory + Clock>(seat: &Seat<M>, timeout: Duration) -> bool {
    /// Nobody of whom a departure would end this wait.
    struct Newcomer;
    impl Awaited for Newcomer {
        type Departure = Infallible;
        fn departed(&self) -> Option<Infallible> {
            None
        }
        fn departed_by_proof(&self) -> Option<Infallible> {
            None
        }
    }
    let before = seat.peers_so_far();
    let here = || {
        let came = seat.peers_so_far() != before || matches!(seat.peer(), Presence::Here(_));
        Ok::<_, Infallible>(came)
    };
    let remaining = deadline(seat.memory().clone(), timeout);
    matches!(wait::until(seat.memory(), seat.parked(), &Newcomer, remaining, here), Woken::Ready)
}
