//! [`LayoutError`]: the bytes are not the ring that was expected.
use core::fmt;

use crate::identity::{ItemLayout, Kind};

/// Why some bytes are not the ring that was expected, or cannot become one.
///
/// Its text continues a sentence that begins with the ring's name.
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
    /// There are too few bytes.
    TooSmall {
        /// Bytes needed; `u64::MAX` if a ring may not be so large.
        need: u64,
        /// Bytes there.
        have: u64,
    },
    /// A ring is there already.
    Exists,
    /// A ring is being made there and is not complete.
    Formatting,
    /// The first eight bytes are not those of a ring.
    NotARing {
        /// What they are.
        found: u64,
    },
    /// It was made by a machine of the other byte order.
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
        /// Their bits.
        unknown: u64,
    },
    /// It says that it is longer than it is.
    Truncated {
        /// What it says, in bytes.
        claims: u64,
        /// What it has, in bytes.
        has: u64,
    },
    /// It is another kind of ring.
    Kind {
        /// Its kind's number in the format.
        found: u64,
        /// The number of the kind that was expected.
        expected: u64,
    },
    /// It carries something else.
    Item {
        /// What it carries; none for records of bytes.
        found: Option<ItemLayout>,
        /// What was expected; none for records of bytes.
        expected: Option<ItemLayout>,
    },
    /// A field of the header or of the object table makes no sense.
    Field {
        /// Its name in the format.
        field: &'static str,
        /// What it says.
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

/// Continues a sentence that begins with the ring's name.
impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned => {
                write!(f, "does not start at a multiple of {} bytes; align its memory so", crate::memory::ALIGN)
            }
            Self::TooSmall { need: u64::MAX, .. } => {
                f.write_str("would be larger than a ring may be: 4 GiB of records, or 2^40 items, and 65,535 producers; ask for less")
            }
            Self::TooSmall { need, have } => {
                write!(f, "needs {need} bytes of memory and has {have}; give it more, or ask for a smaller capacity")
            }
            Self::Exists => f.write_str("is there already; attach to it, or use fresh memory"),
            Self::Formatting => {
                f.write_str("is being made at this moment, or its maker died; try again, or use fresh memory")
            }
            Self::NotARing { found } => write!(
                f,
                "is not a ring (it begins with {found:#018x}); use another name, or remove what stands there"
            ),
            Self::OtherByteOrder => {
                f.write_str("was made by a machine of the other byte order; unlink it and make it anew here")
            }
            Self::Version { major, minor, ours } => write!(
                f,
                "has format {major}.{minor}, and this library reads {ours}.x; use the same major version of the library on both sides"
            ),
            Self::Features { unknown } => write!(
                f,
                "needs features that this library does not know (bits {unknown:#x}); use the newer version of the library here too"
            ),
            Self::Truncated { claims, has } => {
                write!(f, "is truncated: it should have {claims} bytes and has {has}; unlink it and make it anew")
            }
            Self::Kind { found, expected } => write!(
                f,
                "is a ring of kind {}, not {}; use the module of that name",
                KindName(*found),
                KindName(*expected)
            ),
            Self::Item { found, expected } => {
                write!(f, "carries {}, not {}; both sides must name the same type", Message(found), Message(expected))
            }
            Self::Field { field, found } => {
                write!(f, "is damaged: its {field} cannot be {found}; unlink it and make it anew")
            }
        }
    }
}

impl core::error::Error for LayoutError {}
