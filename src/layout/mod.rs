//! What the bytes mean: who writes and who parses them. The page on them is [`format`](crate::format).
mod geometry;
mod header;
mod lane;
mod options;
mod role;

pub use crate::identity::Kind;
pub use geometry::{Geometry, Spec};
pub(crate) use lane::Lane;
pub use options::Options;
pub(crate) use role::{RoleBlock, SeatState, State};

/// What its cells carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    Items = 1,
    Bytes = 2,
}

/// `RINGWAY1`, where the low byte comes first.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"RINGWAY1");
/// The magic while a formatter is at work.
pub(crate) const FORMATTING: u64 = 1;
pub(crate) const MAJOR: u64 = 1;
pub(crate) const MINOR: u64 = 0;
/// An incompatible feature: every participant passes a full fence between publishing and its look at who sleeps.
pub(crate) const FENCED: u64 = 1;
/// The incompatible features that this version knows.
pub(crate) const KNOWN_FEATURES: u64 = FENCED;
