//! The types behind the aliases of [`spsc`](crate::spsc), [`mpsc`](crate::mpsc) and
//! [`lanes`](crate::lanes), generic over the kind of ring.
//!
//! Each kind has a page of its own with its guarantees, and short names for these types. Use those,
//! unless your code is to work with rings of any kind:
//!
//! ```
//! use ringway::memory::Memory;
//! use ringway::ring::{Kind, Producer};
//! use ringway::{Options, PushError, lanes, spsc};
//!
//! fn send_all<K: Kind, M: Memory>(tx: &mut Producer<K, u64, M>) -> Result<(), PushError> {
//!     (0..10).try_for_each(|i| tx.push(&i))
//! }
//!
//! let (one, many) = (spsc::Ring::<u64>::on_heap(&Options::new())?, lanes::Ring::<u64>::on_heap(&Options::new())?);
//! send_all(&mut one.producer()?)?;
//! send_all(&mut many.producer()?)?;
//! assert_eq!(one.len() + many.len(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
pub(crate) mod cells;
mod consumer;
pub(crate) mod diagnostics;
mod doorbell;
#[cfg(any(feature = "alloc", loom))]
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
pub(crate) mod lanes;
pub(crate) mod layout;
mod losses;
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
pub(crate) mod mpsc;
#[cfg(feature = "std")]
mod named;
mod payload;
mod producer;
mod record;
mod reservation;
#[allow(clippy::module_inception, reason = "`Ring` is found where a reader looks for it")]
mod ring;
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
mod ring_seat;
mod stall;
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
mod traits;

#[cfg(feature = "async")]
pub use consumer::AsyncConsumer;
pub use consumer::{Consumer, Iter, TryIter};
pub use diagnostics::{Counters, Recovered, SeatInfo};
pub use losses::{Loss, Losses};
#[cfg(not(loom))]
pub use payload::Trust;
pub use payload::{Payload, PayloadMut, RangeError};
#[cfg(feature = "async")]
pub use producer::AsyncProducer;
pub use producer::Producer;
pub use record::Record;
pub use reservation::{Batch, Reservation};
pub use ring::Ring;
pub(crate) use ring_seat::RingSeat;
pub use stall::Stall;
use traits::Recovery;
pub(crate) use traits::{
    AtHead, Blocker, Consume, ConsumeBytes, ConsumeItems, Produce, ProduceBytes, ProduceItems, Sequence,
};

use core::time::Duration;

use self::cells::bytes::max_record;
use crate::error::{Corruption, PushError};
use crate::identity::Label;
use crate::memory::{Cells, Clock, Item, Memory, Region};
use crate::ring::layout::{Carries, Geometry, Kind as KindCode, Spec};
use crate::seat::Presence;
use crate::wait::{self, AdaptiveSpin, Deadline, WaitCondition, WaitOutcome, WaitStrategy};

/// The size of a byte ring's cell, in bytes.
pub const CELL: usize = Cells::SIZE as usize;

/// What a ring can carry: every [`Item`], and `[u8]`. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be carried by a ring",
    label = "neither an item nor `[u8]`",
    note = "an item has no references, no padding, no interior mutability; any bytes make a valid item",
    note = "for a type of yours, zerocopy checks that: `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`"
)]
pub trait Message: sealed::Message {}
// Without this the compiler names the first of zerocopy's traits that is missing, and not what for.
#[diagnostic::do_not_recommend]
impl<T: sealed::Message + ?Sized> Message for T {}

/// A kind of ring: [`Spsc`](crate::spsc::Spsc), [`Mpsc`](crate::mpsc::Mpsc) or
/// [`Lanes`](crate::lanes::Lanes). Sealed.
pub trait Kind: sealed::Kind {}
impl<K: sealed::Kind> Kind for K {}

pub(crate) mod sealed {
    use super::*;

    /// How the two sides of a kind of ring work.
    pub trait Kind: Sized + 'static {
        #[doc(hidden)]
        const KIND: KindCode;
        /// The names of its ring, producer and consumer.
        #[doc(hidden)]
        const NAMES: [&'static str; 3];
        /// Whether TAIL counts the items that a producer has sent.
        #[doc(hidden)]
        const TAIL_COUNTS_ITEMS: bool = true;
        #[doc(hidden)]
        type ItemProducer<T: Item>: ProduceItems<T>;
        #[doc(hidden)]
        type ItemConsumer<T: Item>: ConsumeItems<T>;
        #[doc(hidden)]
        type ByteProducer: ProduceBytes;
        #[doc(hidden)]
        type ByteConsumer: ConsumeBytes;

        /// Whether a producer's seat can be taken: it cannot while it is undecided
        /// what becomes of the last holder's claim.
        #[doc(hidden)]
        fn is_seat_reusable(region: &Region, geometry: &Geometry, seat: u16) -> bool {
            let _ = (region, geometry, seat);
            true
        }
    }

    /// The cells of a ring that carries this.
    pub trait Message {
        #[doc(hidden)]
        const CARRIES: Carries;
        #[doc(hidden)]
        const SIZE: u64;
        #[doc(hidden)]
        const ALIGN: u64;
        #[doc(hidden)]
        type Producer<K: super::Kind>: Produce;
        #[doc(hidden)]
        type Consumer<K: super::Kind>: Consume;
        /// The room that a producer waits for among other things: the size of a record, where
        /// records differ in size.
        #[doc(hidden)]
        type Room: Copy + Send;
        #[doc(hidden)]
        fn label() -> Label;
        /// The room for any record.
        #[doc(hidden)]
        fn largest_room(geometry: &Geometry) -> Self::Room;
        #[doc(hidden)]
        fn has_room<K: super::Kind>(
            producer: &mut Self::Producer<K>,
            room: Self::Room,
        ) -> Result<bool, PushError>;
    }
}

impl<T: Item> sealed::Message for T {
    const CARRIES: Carries = Carries::Items;
    const SIZE: u64 = size_of::<T>() as u64;
    const ALIGN: u64 = align_of::<T>() as u64;
    type Producer<K: Kind> = K::ItemProducer<T>;
    type Consumer<K: Kind> = K::ItemConsumer<T>;
    type Room = ();

    fn label() -> Label {
        Label::of_type::<T>()
    }

    fn largest_room(_: &Geometry) {}

    fn has_room<K: Kind>(producer: &mut K::ItemProducer<T>, (): ()) -> Result<bool, PushError> {
        Ok(producer.has_room()?)
    }
}

impl sealed::Message for [u8] {
    const CARRIES: Carries = Carries::Bytes;
    const SIZE: u64 = 1;
    const ALIGN: u64 = 1;
    type Producer<K: Kind> = K::ByteProducer;
    type Consumer<K: Kind> = K::ByteConsumer;
    type Room = usize;

    fn label() -> Label {
        Label::of_type::<u8>()
    }

    fn largest_room(geometry: &Geometry) -> usize {
        max_record(geometry.capacity)
    }

    fn has_room<K: Kind>(producer: &mut K::ByteProducer, room: usize) -> Result<bool, PushError> {
        producer.has_room(room)
    }
}

/// The specification of a ring of kind `K` that carries `T`.
pub(crate) const fn spec<K: Kind, T: Message + ?Sized>() -> Spec {
    Spec { kind: K::KIND, carries: T::CARRIES, item_size: T::SIZE, item_align: T::ALIGN }
}

/// The memory of a ring unless another is named: a mapped segment.
#[cfg(feature = "std")]
pub type DefaultMemory = crate::segment::Mapping;
/// The memory of a ring unless another is named: none, without an operating system.
#[cfg(all(not(feature = "std"), not(loom)))]
pub type DefaultMemory = &'static crate::memory::StaticMemory<0>;
/// The memory of a ring unless another is named: the model's.
#[cfg(loom)]
pub type DefaultMemory = crate::memory::Model;

/// Waits until a peer is attached, for at most `timeout`. Returns whether one is, or was in
/// between.
fn wait_for_peer<M: Memory + Clock>(seat: &RingSeat<M>, timeout: Duration) -> bool {
    /// A peer has come. The wait ends without one only if none can come.
    struct PeerCame<'a, M: Memory> {
        seat: &'a RingSeat<M>,
        holders_before: u64,
        has_slept: bool,
    }

    impl<M: Memory> WaitCondition for PeerCame<'_, M> {
        /// No peer can come.
        type Departure = ();
        type Error = Corruption;

        fn is_ready(&mut self) -> Result<bool, Corruption> {
            let came = self.seat.peer_holders() != self.holders_before;
            Ok(came || matches!(self.seat.peer_presence(), Presence::Here(_)))
        }

        fn departure(&self) -> Option<()> {
            None
        }

        fn check_peers(&mut self) -> Result<Option<()>, Corruption> {
            // Not before the first sleep: a loop over this wait must not become a busy one.
            let has_slept = core::mem::replace(&mut self.has_slept, true);
            Ok((has_slept && self.seat.memory().is_unlinked()).then_some(()))
        }

        fn check_mapping(&mut self) -> Result<(), Corruption> {
            self.seat.check_mapping()
        }
    }

    if seat.check_mapping().is_err() {
        return false;
    }
    let mut condition = PeerCame { seat, holders_before: seat.peer_holders(), has_slept: false };
    // Each look asks the kernel: so it does not poll.
    let mut spin = AdaptiveSpin::new(WaitStrategy::Park);
    let mut deadline = Deadline::after(timeout);
    deadline.start(seat.memory());
    let outcome = wait::wait_for(seat.memory(), &seat.wait_word(), &mut spin, &deadline, &mut condition);
    matches!(outcome, WaitOutcome::Ready)
}
