//! Bytes that several processes see, and the only raw pointers of the crate.
//!
//! ```text
//!   Memory ──region()──▶ Region ──checked once──▶ WordRef            one control word
//!   (yours)              base, len               Slots<T>           stamp + item, side by side
//!                                                Descriptors        stamp + info, one per cell
//!                                                Cells              payload, 64-byte cells
//! ```
//!
//! Nothing above this module computes an address. A [`Region`] knows its length; each view
//! (`WordRef`, `Slots`, …) is checked against it *once*, when it is made, and from then on reduces
//! whatever position it is given by a private mask. So no value read from shared memory can lead
//! outside the region, and the data path pays for no bounds check.
//!
//! # Invariants
//! * I1: whoever keeps a `Region` or a view of one also keeps (a clone of) the [`Memory`] it came from,
//!   so the bytes stay mapped. The ends hold both.
//! * I2: a view lies inside its region: proved by its constructor, from private numbers.
//! * I3: no reference to payload bytes is ever formed (a peer may write them at any moment); payload is
//!   copied by `copy`, control words are atomics.
mod copy;
#[cfg(not(loom))]
mod statics;
#[cfg(feature = "std")]
mod heap;
#[cfg(loom)]
mod model;
mod position;
mod traits;
#[cfg(not(loom))]
mod region;
mod views;

#[cfg(not(loom))]
pub use statics::StaticMemory;
#[cfg(feature = "std")]
pub use heap::Heap;
#[cfg(loom)]
pub use model::{Model, Region};
pub use traits::{SeatLock, Clock, Liveness, Park, ParkWord};
#[cfg(not(loom))]
pub use region::Region;
pub use position::Position;
pub(crate) use views::{Cells, Descriptors, PayloadRef, Slot, Slots, Stamped, WordRef};

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Blocks that one side writes are kept this far apart: two 64-byte lines, because adjacent lines are
/// fetched in pairs on common processors. A region starts at a multiple of it. In bytes.
pub const ALIGN: usize = 128;

/// Some bytes that hold a ring: a mapped segment, a heap allocation, a static array, a device window.
///
/// A `Memory` is a *handle*: cloning it is cheap, and every clone stands for the same bytes, which live
/// until the last clone is dropped. Two further traits say what the platform around the bytes can do:
/// [`Liveness`] (can it prove that a participant is dead?) and [`Park`] (can it put a thread to sleep?).
/// Both have defaults that say no.
///
/// # Safety
/// `region` must always return the same region, and its bytes must stay readable and writable for as
/// long as any clone of this handle exists; those that somebody outside of this program can take away must then stop whoever
/// touches them (as SIGBUS does), and never become anything else. Apart from rings, nothing in this process may access them
/// through ordinary references. Other processes may do to them whatever they like.
///
/// Within this process, its [`Liveness`] must keep its word: `claim` grants a seat to one participant at a time, and
/// `is_proved_dead` is never true of a living one. Two ends in one seat would race.
///
/// # Examples
/// ```
/// use ringway::memory::{Memory, Region, StaticMemory};
/// # use ringway::{Liveness, Park};
///
/// static BYTES: StaticMemory<8192> = StaticMemory::new();
///
/// /// A handle of one's own to memory that some platform code set aside.
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

    /// How many of them are there now, where somebody outside of this program can take bytes away: by truncating a file, say.
    /// Asked when seats are taken, given back or listed, and after each sleep; not on the data path. An end that is told of
    /// fewer than its ring has touches none of them any more.
    fn len_now(&self) -> u64 {
        self.region().len() as u64
    }
}

/// A type whose values a ring can carry: any bytes make a valid value, and every byte of a value is defined.
///
/// Implemented for every type with zerocopy's [`FromBytes`], [`IntoBytes`] and [`Immutable`]; derive those. It
/// leaves out what would let a peer's bytes break this process: references, `bool`, `char`, enums, and padding.
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
    note = "an item has no references, no padding and nothing like `Cell`, and any bytes make a valid one",
    note = "for a type of your own zerocopy checks that: `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`"
)]
pub trait Item: FromBytes + IntoBytes + Immutable + Sized {}
impl<T: FromBytes + IntoBytes + Immutable> Item for T {}

/// A place in the segment, in bytes from its start. Never a pointer: every process maps the segment
/// elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offset(u64);

impl Offset {
    pub(crate) const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// `bytes` further on. Saturates: a saturated offset is outside of every region.
    pub(crate) const fn plus(self, bytes: u64) -> Self {
        Self(self.0.saturating_add(bytes))
    }
}

/// A stretch of the segment: where it starts and how many bytes it has. Locks are told by it: see
/// [`Liveness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(crate) start: Offset,
    pub(crate) len: u64,
}

impl Span {
    pub(crate) const fn new(start: Offset, len: u64) -> Self {
        Self { start, len }
    }

    /// Where it starts, in bytes from the start of the segment.
    pub const fn start(self) -> u64 {
        self.start.get()
    }

    /// How many bytes it has.
    pub const fn len(self) -> u64 {
        self.len
    }

    /// Whether it has no bytes at all.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// As a byte range of this process, if it lies inside `region_len` bytes and starts at a multiple of
    /// `align`.
    pub(crate) fn within(self, region_len: usize, align: u64) -> Option<usize> {
        let end = self.start.get().checked_add(self.len)?;
        let fits = end <= region_len as u64 && self.start.get() % align == 0;
        // Fits in usize: it is at most `region_len`.
        fits.then_some(self.start.get() as usize)
    }
}
