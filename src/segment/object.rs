//! [`ObjectInfo`]: what a segment says about one of its objects.
use std::fmt;

use crate::identity::{Kind, Label};
use crate::layout::Entry;

/// An object of a segment: see [`Segment::objects`](crate::Segment::objects).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// Its name. Empty if it is the only object and was not named.
    pub name: Label,
    /// The number of its kind in the format: see [`docs::format`](crate::docs::format).
    pub kind: u64,
    /// How many bytes of the segment it takes.
    pub bytes: u64,
}

impl ObjectInfo {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self { name: entry.name(), kind: entry.kind(), bytes: entry.part().len() }
    }
}

/// `` `ticks`, a ring of kind `spsc`, 66048 bytes ``
impl fmt::Display for ObjectInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, bytes } = self;
        match Kind::from_code(*kind) {
            Some(kind) => write!(f, "`{name}`, a ring of kind `{}`, {bytes} bytes", kind.name()),
            None => write!(f, "`{name}`, of the unknown kind {kind}, {bytes} bytes"),
        }
    }
}
