//! The public face, the same for every kind of ring: [`Ring`], [`Producer`], [`Consumer`] and their guards.
//!
//! Each kind of ring has a page of its own with its guarantees, and names for these types: [`spsc`](crate::spsc),
//! [`mpsc`](crate::mpsc), [`lanes`](crate::lanes). Use those; this page is where the methods are.
#[cfg(feature = "std")]
mod attended;
mod blame;
mod consumer;
#[cfg(loom)]
mod modelled;
mod producer;
mod record;
mod reservation;
mod ring;
mod seats;
#[cfg(feature = "std")]
mod select;
#[cfg(feature = "async")]
mod task;

#[cfg(feature = "std")]
pub use attended::Pollable;
pub use blame::Blame;
pub use consumer::Consumer;
#[cfg(loom)]
pub use modelled::Attendant;
pub use producer::Producer;
pub use record::{Payload, RangeError, Record};
pub use reservation::{Batch, PayloadMut, Reservation};
pub use ring::Ring;
pub use seats::{Counters, Recovered, SeatInfo};
#[cfg(feature = "std")]
pub use select::{Select, Selectable};
#[cfg(feature = "async")]
pub use task::AsyncConsumer;

pub use crate::memory::Item;

use core::convert::Infallible;
use core::time::Duration;

use crate::error::Corruption;
use crate::identity::Label;
use crate::layout::{Carries, Geometry, Kind as KindCode, RoleBlock, Spec};
use crate::memory::{Cells, Clock, Memory, Region};
use crate::recovery::{Presence, Seat};
use crate::ring::{Consume, ConsumeBytes, ConsumeItems, Produce, ProduceBytes, ProduceItems};
use crate::wait::{self, Patience, Wait, Waiter, Woken};

/// The bytes of a byte ring's cell.
pub const CELL: usize = Cells::SIZE as usize;

/// What a ring can carry: every [`Item`], and `[u8]`. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be carried by a ring",
    label = "neither an item nor `[u8]`",
    note = "an item has no references, no padding and nothing like `Cell`, and any bytes make a valid one",
    note = "for a type of your own zerocopy checks that: `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`"
)]
pub trait Carried: sealed::Carried {}
// Else the compiler tells of the first of zerocopy's traits that is missing, and not what for.
#[diagnostic::do_not_recommend]
impl<T: sealed::Carried + ?Sized> Carried for T {}

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
        fn may_sit(region: &Region, geometry: &Geometry, block: RoleBlock) -> bool {
            let _ = (region, geometry, block);
            true
        }
    }

    /// What its cells are.
    pub trait Carried {
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

impl<T: Item> sealed::Carried for T {
    const CARRIES: Carries = Carries::Items;
    const SIZE: u64 = size_of::<T>() as u64;
    const ALIGN: u64 = align_of::<T>() as u64;
    type Producer<K: Kind> = K::ItemProducer<T>;
    type Consumer<K: Kind, M: Memory> = K::ItemConsumer<T, M>;

    fn label() -> Label {
        Label::of_type::<T>()
    }
}

impl sealed::Carried for [u8] {
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
const fn spec<K: Kind, T: Carried + ?Sized>() -> Spec {
    Spec { kind: K::KIND, carries: T::CARRIES, item_size: T::SIZE, item_align: T::ALIGN }
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
    impl<M: Memory> Waiter for ForNewcomer<'_, M> {
        type Departure = Infallible;
        type Error = Corruption;
        fn ready(&mut self) -> Result<bool, Corruption> {
            Ok(self.seat.peers_so_far() != self.before || matches!(self.seat.peer(), Presence::Here(_)))
        }
        fn departed(&self) -> Option<Infallible> {
            None
        }
        fn inquire(&mut self) -> Result<Option<Infallible>, Corruption> {
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
    let mut patience = Patience::new(Wait::Park);
    let woken = wait::until(seat.memory(), &seat.bed(), &mut patience, remaining, &mut waiter);
    matches!(woken, Woken::Ready)
}
