//! What the bytes of a ring mean: its entry in the object table, its parts, and the words of its
//! seats. The page [`format`](crate::docs::format) describes them.
mod entry;
mod geometry;
mod lane;
mod role;

pub(crate) use crate::identity::Kind;
#[cfg(feature = "std")]
pub(crate) use entry::AnyRing;
pub(crate) use entry::NewRing;
pub(crate) use geometry::{Geometry, Spec};
pub(crate) use lane::Lane;
pub(crate) use role::RoleBlock;

/// What the cells of a ring carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    Items = 1,
    Bytes = 2,
}
