//! [`LayoutError`]: the bytes are not the ring that was expected.
use core::fmt;

use crate::identity::{ItemLayout, Kind, Label};

/// Why some bytes are not the expected ring, or cannot become one.
///
/// Its text continues a sentence that begins with the name of the ring.
///
/// # Examples
/// ```
/// use ringway::{LayoutError, Options, memory::Heap, spsc::Ring};
///
/// let error = Ring::<u64, _>::format(Heap::new(100), &Options::new().capacity(8)).unwrap_err();
/// assert!(matches!(error, LayoutError::TooSmall { have: 100, .. }));
/// println!("the ring {error}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// The memory does not start at a multiple of [`ALIGN`](crate::memory::ALIGN).
    Misaligned,
    /// The memory has too few bytes.
    TooSmall {
        /// Bytes needed; `u64::MAX` if no memory is large enough.
        need: u64,
        /// Bytes there.
        have: u64,
    },
    /// An option exceeds the largest value that a ring can have.
    Limit {
        /// What there would be too many of: `items`, `bytes` or `producers`.
        what: &'static str,
        /// How many the options ask for.
        asked: u64,
        /// How many a ring can have.
        most: u64,
    },
    /// The memory contains a ring already.
    Exists,
    /// A ring is being formatted there and is not complete.
    Formatting,
    /// The file is empty.
    Empty,
    /// The first eight bytes are not those of a ring.
    NotARing {
        /// The first eight bytes.
        found: u64,
    },
    /// A machine of the other byte order created it.
    OtherByteOrder,
    /// Its format has another major version.
    Version {
        /// Its major version.
        major: u64,
        /// Its minor version.
        minor: u64,
        /// The major version that this library reads.
        ours: u64,
    },
    /// It needs features that this version does not know.
    Features {
        /// The bits of these features.
        unknown: u64,
    },
    /// It has fewer bytes than its header says.
    Truncated {
        /// Bytes that it should have.
        claims: u64,
        /// Bytes that it has.
        has: u64,
    },
    /// It has several objects, and the caller did not name one.
    SeveralObjects {
        /// How many.
        found: u64,
    },
    /// Two of its objects have the same name.
    SameName {
        /// The name.
        name: Label,
    },
    /// It is another kind of ring.
    Kind {
        /// Number of its kind in the format.
        found: u64,
        /// Number of the expected kind.
        expected: u64,
    },
    /// It carries another type.
    Item {
        /// What it carries; none for records of bytes.
        found: Option<ItemLayout>,
        /// What was expected; none for records of bytes.
        expected: Option<ItemLayout>,
    },
    /// It has another schema number: see [`Options::schema`](crate::Options::schema).
    Schema {
        /// Its schema number; 0 if it has none.
        found: u64,
        /// The number in this process's options; 0 if they have none.
        expected: u64,
    },
    /// A field of the header or of the object table has an impossible value.
    Field {
        /// Name of the field in the format.
        field: &'static str,
        /// Its value.
        found: u64,
    },
}

/// An item, or records of bytes.
struct Message<'a>(&'a Option<ItemLayout>);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(item) => item.fmt(f),
            None => f.write_str("records of bytes"),
        }
    }
}

/// A kind of ring by its number.
struct KindName(u64);

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Kind::from_code(self.0) {
            Some(kind) => write!(f, "`{}`", kind.name()),
            None => write!(f, "{} (of a newer version?)", self.0),
        }
    }
}

/// Continues a sentence that begins with the name of the ring.
impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Misaligned => write!(
                f,
                "does not start at a multiple of {} bytes; align its memory to that",
                crate::memory::ALIGN
            ),
            Self::TooSmall { need: u64::MAX, .. } => {
                f.write_str("would be larger than any memory; ask for a smaller capacity or fewer producers")
            }
            Self::TooSmall { need, have } => write!(
                f,
                "needs {need} bytes of memory and has {have}; provide more, or ask for a smaller capacity"
            ),
            Self::Limit { what, asked, most } => {
                write!(f, "cannot have {asked} {what}; {most} is the most")
            }
            Self::Exists => f.write_str("already exists in this memory; use `attach`, or pass zeroed memory"),
            Self::Formatting => f.write_str(
                "is being created right now, or its creator died; try again, or pass zeroed memory",
            ),
            Self::Empty => f.write_str("is an empty file, not a ring; use another name, or remove the file"),
            Self::NotARing { found } => write!(
                f,
                "is not a ring (it begins with {found:#018x}); use another name, or remove the file"
            ),
            Self::OtherByteOrder => f.write_str(
                "was created by a machine of the other byte order; unlink it and create it again here",
            ),
            Self::Version { major, minor, ours } => write!(
                f,
                "has format {major}.{minor}, but this library reads {ours}.x; use the same major version of \
                 the library on both sides"
            ),
            Self::Features { unknown } => write!(
                f,
                "needs features that this library does not know (bits {unknown:#x}); use the newer version \
                 of the library here too"
            ),
            Self::Truncated { claims, has } => write!(
                f,
                "is truncated: it should have {claims} bytes and has {has}; unlink it and create it again"
            ),
            Self::SeveralObjects { found } => {
                write!(f, "has {found} objects; open it as a `Segment`, and name the one that you want")
            }
            Self::SameName { name } => write!(
                f,
                "is damaged: two of its objects have the name `{name}`; unlink it and create it again"
            ),
            Self::Kind { found, expected } => write!(
                f,
                "is a ring of kind {}, not {}; use the module of that name",
                KindName(found),
                KindName(expected)
            ),
            Self::Item { found, expected } => write!(
                f,
                "carries {}, not {}; both sides must name the same type",
                Message(&found),
                Message(&expected)
            ),
            Self::Schema { found, expected: 0 } => write!(
                f,
                "has schema {found}, but this process expects none; if it was built for that schema, pass \
                 `Options::schema({found})`"
            ),
            Self::Schema { found: 0, expected } => write!(
                f,
                "has no schema, but this process expects schema {expected}; pass `Options::schema({expected})` \
                 on the side that creates it"
            ),
            Self::Schema { found, expected } => write!(
                f,
                "has schema {found}, but this process expects schema {expected}; run the same version of the \
                 program on both sides, or unlink the ring if it is left over"
            ),
            Self::Field { field, found } => {
                write!(f, "is damaged: its {field} cannot be {found}; unlink it and create it again")
            }
        }
    }
}

impl core::error::Error for LayoutError {}
