//! What the bytes mean: the code that writes and parses them. The page
//! [`format`](crate::docs::format) describes them.
mod geometry;
mod header;
mod lane;
mod options;
mod role;

pub(crate) use crate::identity::Kind;
pub(crate) use geometry::{Geometry, Spec};
#[cfg(feature = "std")]
pub(crate) use header::{seat_blocks, stated_len};
pub(crate) use lane::Lane;
#[cfg(feature = "std")]
pub(crate) use options::DEFAULT_MODE;
pub use options::Options;
pub(crate) use role::{RoleBlock, SeatState, State};

/// What the cells of a ring carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    Items = 1,
    Bytes = 2,
}

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
