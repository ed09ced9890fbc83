//! What the bytes of a segment mean, whatever objects are in it: the header, the object table, the
//! blocks of seats. The page [`format`](crate::docs::format) describes them. Each kind of object
//! writes and reads the rest of its entry, and its own part of the segment.
mod entry;
mod header;
mod options;
mod seat_block;

#[cfg(feature = "std")]
pub(crate) use entry::Difference;
pub(crate) use entry::{Entry, NewObject, check};
pub(crate) use header::{Header, clear};
#[cfg(feature = "std")]
pub(crate) use header::{seat_blocks, stated_len};
#[cfg(feature = "std")]
pub(crate) use options::DEFAULT_MODE;
pub use options::Options;
pub(crate) use seat_block::{SeatBlock, SeatState, SeatTable, State};

/// `RINGWAY1`, where the low byte comes first.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"RINGWAY1");
/// The magic while the segment is being formatted.
pub(crate) const FORMATTING: u64 = 1;
pub(crate) const MAJOR: u64 = 1;
pub(crate) const MINOR: u64 = 0;
/// An incompatible feature: every participant executes a full fence between publishing and checking
/// for sleeping peers.
pub(crate) const FENCED: u64 = 1;
/// The incompatible features that this version knows.
pub(crate) const KNOWN_FEATURES: u64 = FENCED;
/// The most objects of a segment.
pub(crate) const MAX_OBJECTS: u64 = 1024;
