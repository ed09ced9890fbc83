//! The public face, the same for every kind of ring: [`Ring`], [`Producer`], [`Consumer`] and their guards.
//!
//! Each kind of ring has a page of its own with its guarantees, and names for these types: [`spsc`](crate::spsc),
//! [`mpsc`](crate::mpsc), [`lanes`](crate::lanes). Use those; this page is where the methods are.
pub(crate) mod cells;
mod consumer;
mod diagnostics;
#[cfg(any(feature = "alloc", loom))]
pub(crate) mod lanes;
pub(crate) mod mpsc;
mod payload;
mod producer;
mod record;
mod reservation;
#[allow(clippy::module_inception, reason = "`Ring` is found where a reader looks for it")]
mod ring;
mod stall;
mod traits;

pub use consumer::Consumer;
pub use diagnostics::{Counters, Recovered, SeatInfo};
#[cfg(not(loom))]
pub use payload::Trust;
pub use payload::{Payload, PayloadMut, RangeError};
pub use producer::Producer;
pub use record::Record;
pub use reservation::{Batch, Reservation};
pub use ring::Ring;
pub use stall::Stall;
pub(crate) use traits::{Consume, ConsumeBytes, ConsumeItems, InOrder, Produce, ProduceBytes, ProduceItems};

pub use crate::memory::Item;

use core::convert::Infallible;
use core::time::Duration;

use crate::error::Corruption;
use crate::identity::Label;
use crate::layout::{Carries, Geometry, Kind as KindCode, RoleBlock, Spec};
use crate::memory::{Cells, Clock, Memory, Region};
use crate::seat::{Presence, Seat};
use crate::wait::{self, AdaptiveSpin, WaitCondition, WaitOutcome, WaitStrategy};

/// The bytes of a byte ring's cell.
pub const CELL: usize = Cells::SIZE as usize;

/// What a ring can carry: every [`Item`], and `[u8]`. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be carried by a ring",
    label = "neither an item nor `[u8]`",
    note = "an item has no references, no padding and nothing like `Cell`, and any bytes make a valid one",
    note = "for a type of your own zerocopy checks that: `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`"
)]
pub trait Message: sealed::Message {}
// Else the compiler tells of the first of zerocopy's traits that is missing, and not what for.
#[diagnostic::do_not_recommend]
impl<T: sealed::Message + ?Sized> Message for T {}

/// A kind of ring: [`Spsc`](crate::spsc::Spsc), [`Mpsc`](crate::mpsc::Mpsc) or [`Lanes`](crate::lanes::Lanes). Sealed.
pub trait Kind: sealed::Kind {}
impl<K: sealed::Kind> Kind for K {}

pub(crate) mod sealed {
    use super::*;

    /// How its two sides work, for what it may carry.
    pub trait Kind: Sized + 'static {
        #[doc(hidden)]
        const KIND: KindCode;
        /// Of a ring, a producer, a consumer.
        #[doc(hidden)]
        const NAMES: [&'static str; 3];
        #[doc(hidden)]
        type ItemProducer<T: Item>: ProduceItems<T>;
        #[doc(hidden)]
        type ItemConsumer<T: Item, M: Memory>: ConsumeItems<T, M>;
        #[doc(hidden)]
        type ByteProducer: ProduceBytes;
        #[doc(hidden)]
        type ByteConsumer<M: Memory>: ConsumeBytes<M>;

        /// Whether what the last holder of a producer's seat left behind allows another to take it.
        #[doc(hidden)]
        fn is_seat_reusable(region: &Region, geometry: &Geometry, block: RoleBlock) -> bool {
            let _ = (region, geometry, block);
            true
        }
    }

    /// What its cells are.
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
        type Consumer<K: super::Kind, M: Memory>: Consume<M>;
        #[doc(hidden)]
        fn label() -> Label;
    }
}

impl<T: Item> sealed::Message for T {
    const CARRIES: Carries = Carries::Items;
    const SIZE: u64 = size_of::<T>() as u64;
    const ALIGN: u64 = align_of::<T>() as u64;
    type Producer<K: Kind> = K::ItemProducer<T>;
    type Consumer<K: Kind, M: Memory> = K::ItemConsumer<T, M>;

    fn label() -> Label {
        Label::of_type::<T>()
    }
}

impl sealed::Message for [u8] {
    const CARRIES: Carries = Carries::Bytes;
    const SIZE: u64 = 1;
    const ALIGN: u64 = 1;
    type Producer<K: Kind> = K::ByteProducer;
    type Consumer<K: Kind, M: Memory> = K::ByteConsumer<M>;

    fn label() -> Label {
        Label::of_type::<u8>()
    }
}

/// What a ring of kind `K` that carries `T` is to be.
const fn spec<K: Kind, T: Message + ?Sized>() -> Spec {
    Spec { kind: K::KIND, carries: T::CARRIES, item_size: T::SIZE, item_align: T::ALIGN }
}

/// The memory that is meant when none is named: a mapped segment.
#[cfg(feature = "std")]
pub type DefaultMemory = crate::os::Mapping;
/// The memory that is meant when none is named: none, without an operating system.
#[cfg(all(not(feature = "std"), not(loom)))]
pub type DefaultMemory = &'static crate::memory::StaticMemory<0>;
/// The memory that is meant when none is named: the model's.
#[cfg(loom)]
pub type DefaultMemory = crate::memory::Model;

/// What is left of `timeout` from now on, whenever it is asked.
pub(crate) fn deadline<M: Clock>(memory: M, timeout: Duration) -> impl FnMut() -> Option<Duration> {
    let end = memory.now().saturating_add(timeout);
    move || Some(end.saturating_sub(memory.now()))
}

/// Waits until somebody sits in a seat across, for `timeout` at most; whether somebody did, if only for a moment.
fn wait_for_peer<M: Memory + Clock>(seat: &Seat<M>, timeout: Duration) -> bool {
    /// One who waits for newcomers: nobody's departure ends this.
    struct ForNewcomer<'a, M: Memory> {
        seat: &'a Seat<M>,
        before: u64,
    }
    impl<M: Memory> WaitCondition for ForNewcomer<'_, M> {
        type Departure = Infallible;
        type Error = Corruption;
        fn ready(&mut self) -> Result<bool, Corruption> {
            Ok(self.seat.peers_so_far() != self.before || matches!(self.seat.peer(), Presence::Here(_)))
        }
        fn departed(&self) -> Option<Infallible> {
            None
        }
        fn check_peers(&mut self) -> Result<Option<Infallible>, Corruption> {
            Ok(None)
        }
        fn check(&mut self) -> Result<(), Corruption> {
            self.seat.check()
        }
    }
    if seat.check().is_err() {
        return false;
    }
    let mut waiter = ForNewcomer { seat, before: seat.peers_so_far() };
    let remaining = deadline(seat.memory().clone(), timeout);
    // Each look asks the system: none is made in between.
    let mut patience = AdaptiveSpin::new(WaitStrategy::Park);
    let woken = wait::until(seat.memory(), &seat.bed(), &mut patience, remaining, &mut waiter);
    matches!(woken, WaitOutcome::Ready)
}
