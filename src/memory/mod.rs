//! Bytes that several processes share. Almost all raw pointers of the crate are in this module.
//!
//! ```text
//!   Memory ──region()──▶ Region ──checked once──▶ WordRef            one control word
//!   (yours)              base, len               Slots<T>           stamp + item, side by side
//!                                                Descriptors        stamp + info, one per cell
//!                                                Cells              payload, 64-byte cells
//! ```
//!
//! A [`Region`] knows its length. Each view (`WordRef`, `Slots`, …) is checked against that length
//! once, when the view is made. From then on the view masks every position it is given with a
//! private mask. So no value read from shared memory can lead outside the region, and the data path
//! needs no bounds check. Code above this module names places by offset or position, never by
//! address. (The one exception are the slices that [`Trust`](crate::Trust) allows.)
//!
//! # Invariants
//! * I1: every owner of a `Region`, or of a view of one, also owns a clone of the [`Memory`] that
//!   the region came from. So the bytes stay mapped while they are in use. Producers and consumers
//!   hold both.
//! * I2: a view lies inside its region. Its constructor proves this, from private numbers.
//! * I3: no reference to payload bytes is ever formed, because a peer may write them at any moment.
//!   Payload is copied by `copy`; control words are atomics. (Again except for slices under
//!   [`Trust`](crate::Trust): its creator vouches that the peers keep the protocol.)
mod copy;
#[cfg(feature = "std")]
mod heap;
#[cfg(loom)]
mod model;
mod position;
#[cfg(not(loom))]
mod region;
#[cfg(not(loom))]
mod statics;
mod traits;
#[allow(missing_debug_implementations, reason = "private: public only in the signatures of sealed traits")]
mod views;

#[cfg(feature = "std")]
pub use heap::Heap;
#[cfg(loom)]
pub(crate) use model::system;
#[cfg(loom)]
pub use model::{Model, Region};
pub use position::Position;
#[cfg(not(loom))]
pub use region::Region;
#[cfg(not(loom))]
pub use statics::StaticMemory;
pub use traits::{Clock, Liveness, Park, ParkWord, SeatLock};
pub(crate) use views::{Cells, Descriptors, PayloadRef, Slot, Slots, Stamped, WordRef};

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The distance, in bytes, between blocks that different sides write; a region starts at a multiple
/// of it.
///
/// It is two 64-byte cache lines, because common processors fetch adjacent lines in pairs.
pub const ALIGN: usize = 128;

/// The bytes that hold a ring: a mapped segment, a heap allocation, a static array, a device
/// window.
///
/// A `Memory` is a *handle*. Cloning it is cheap, and every clone stands for the same bytes, which
/// live until the last clone is dropped. Two further traits state what the platform around the
/// bytes can do: [`Liveness`] (can it prove that a participant is dead?) and [`Park`] (can it put a
/// thread to sleep?). The default methods of both answer no.
///
/// # Safety
/// `region` must always return the same region, and its bytes must stay readable and writable as
/// long as any clone of this handle exists. If something outside this program can take bytes away,
/// then an access to a missing byte must stop the accessing thread (as SIGBUS does); the byte must
/// never become anything else. Apart from rings, nothing in this process may access the bytes
/// through ordinary references. Other processes may do anything to them.
///
/// Within this process, the [`Liveness`] implementation must be truthful: `lock_seat` grants a seat
/// to one participant at a time, and `is_proved_dead` never returns `true` for a living one. Two
/// producers or two consumers in one seat would race.
///
/// # Examples
/// ```
/// use ringway::memory::{Liveness, Memory, Park, Region, StaticMemory};
///
/// static BYTES: StaticMemory<8192> = StaticMemory::new();
///
/// /// Your own handle to memory that some platform code reserved.
/// #[derive(Clone, Copy)]
/// struct Window;
/// impl Liveness for Window {}
/// impl Park for Window {}
/// // SAFETY: a static lives for ever, and always in the same place.
/// unsafe impl Memory for Window {
///     fn region(&self) -> Region {
///         (&BYTES).region()
///     }
/// }
/// ```
pub unsafe trait Memory: Clone + Send + Liveness + Park {
    /// The bytes.
    fn region(&self) -> Region;

    /// How many of the bytes exist now, where something outside this program can take bytes away,
    /// for example by truncating a file. In bytes.
    ///
    /// Called when a seat is taken, released or listed, and after each sleep; not on the data path.
    /// If the answer is less than the ring's length, the caller touches none of the bytes any more.
    fn len_now(&self) -> u64 {
        self.region().len() as u64
    }

    /// Whether the bytes have lost the name by which other processes find them, so that no process
    /// can join any more.
    ///
    /// Called when a seat has been locked, and after each slice of a wait while no peer is there.
    fn is_unlinked(&self) -> bool {
        false
    }
}

/// A type whose values a ring can carry: any bytes make a valid value, and every byte of a value is
/// initialised.
///
/// Implemented for every type that has zerocopy's [`FromBytes`], [`IntoBytes`] and [`Immutable`];
/// derive these three. They exclude every type with which a peer's bytes could break this process:
/// references, `bool`, `char`, most enums, and types with padding.
///
/// # Examples
/// ```
/// use zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(FromBytes, IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Tick {
///     time: u64,
///     price: f64,
///     size: u32,
///     venue: [u8; 4],
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an item of a ring",
    label = "not an item",
    note = "an item has no references, no padding, no interior mutability; any bytes make a valid item",
    note = "for a type of yours, zerocopy checks that: `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`"
)]
pub trait Item: FromBytes + IntoBytes + Immutable + Sized {}
impl<T: FromBytes + IntoBytes + Immutable> Item for T {}

/// A place in the segment, in bytes from its start. Not a pointer, because every process maps the
/// segment at another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offset(u64);

impl Offset {
    pub(crate) const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// The offset `bytes` further on. Saturates; a saturated offset is outside every region.
    pub(crate) const fn plus(self, bytes: u64) -> Self {
        Self(self.0.saturating_add(bytes))
    }
}

/// A range of bytes of the segment: its start and its length. A [`Liveness`] identifies a seat by
/// the span of its role block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(crate) start: Offset,
    pub(crate) len: u64,
}

impl Span {
    pub(crate) const fn new(start: Offset, len: u64) -> Self {
        Self { start, len }
    }

    /// The start, in bytes from the start of the segment.
    pub const fn start(self) -> u64 {
        self.start.get()
    }

    /// The length in bytes.
    pub const fn len(self) -> u64 {
        self.len
    }

    /// Whether the length is 0.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The start as an index into a region of `region_len` bytes, in bytes. `None` unless the span
    /// lies inside the region and starts at a multiple of `align`.
    pub(crate) fn within(self, region_len: usize, align: u64) -> Option<usize> {
        let end = self.start.get().checked_add(self.len)?;
        let fits = end <= region_len as u64 && self.start.get() % align == 0;
        // The start fits in usize, because it is at most `region_len`.
        fits.then_some(self.start.get() as usize)
    }
}
