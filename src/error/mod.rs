//! All errors. Errors of the data path are small, `Copy`, and carry numbers. Errors of creating and
//! joining say in words what was found, what was expected and what to do.
use core::fmt;

mod layout;
#[cfg(feature = "std")]
mod segment;
#[cfg(feature = "std")]
mod transfer;

pub use layout::LayoutError;
#[cfg(feature = "std")]
pub use segment::SegmentError;
#[cfg(feature = "std")]
pub use transfer::TransferError;

#[cfg(feature = "std")]
use crate::identity::process;
use crate::identity::{Identity, Role};

/// How the last peer went away, or why none can come.
///
/// A side that closes its end with `close` says that it has finished its work, and the peer sees
/// [`Finished`](Self::Finished). Every other departure leaves that open.
///
/// # Examples
/// ```
/// # use ringway::{Options, spsc::Ring};
/// use ringway::{Departure, PopError};
/// # let ring = Ring::<u32>::on_heap(&Options::new().capacity(8))?;
/// # let mut rx = ring.consumer()?;
/// # ring.producer()?.close()?;
///
/// match rx.pop() {
///     Ok(item) => println!("{item}"),
///     Err(PopError::Closed(Departure::Finished)) => println!("the sender has sent everything"),
///     Err(PopError::Closed(how)) => println!("the sender {how}; it can be started again"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Departure {
    /// It closed its end with `close`.
    Finished,
    /// It dropped its end without `close`: it was done, or it returned early (`?`), or a panic
    /// unwound.
    Left,
    /// Its process ended while it had its end, as the kernel says. It was killed, or it crashed; or
    /// it called `exit`, which drops nothing; or `main` returned while another thread still had the
    /// end.
    Died,
    /// No peer was ever attached, and none can be: the ring was unlinked.
    Unlinked,
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Left => "left",
            Self::Died => "died",
            Self::Unlinked => "cannot come any more: the ring was unlinked; open or create it again",
        })
    }
}

/// The shared bytes contain something that no peer that keeps the protocol writes.
///
/// The handle that finds this returns the same error for every later send or receive, because
/// nothing in the ring can be relied on. It does not notify the other side. To recover, stop both
/// sides, unlink the segment and create a new one.
///
/// # Examples
/// ```
/// use ringway::Corruption;
///
/// let what = Corruption::Head { found: 9, low: 2, high: 5 };
/// assert_eq!(what.to_string(), "ring is corrupt: HEAD is 9, not within 2..=5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corruption {
    /// HEAD is not between its previous value and what was published.
    Head {
        /// Its value, in cells.
        found: u64,
        /// Its smallest possible value.
        low: u64,
        /// Its largest possible value.
        high: u64,
    },
    /// TAIL is further from HEAD than the capacity.
    Tail {
        /// Its value, in cells.
        found: u64,
        /// Its smallest possible value.
        low: u64,
        /// Its largest possible value.
        high: u64,
    },
    /// The stamp of a position belongs to a later position, or has disappeared.
    Stamp {
        /// The position, in cells.
        position: u64,
        /// Value of the stamp.
        found: u64,
    },
    /// The info word of a record's descriptor has an impossible value.
    Descriptor {
        /// The position, in cells.
        position: u64,
        /// Value of the word.
        found: u64,
    },
    /// A position lies below TAIL, but no producer has announced a claim on it.
    Unclaimed {
        /// The position, in cells.
        position: u64,
    },
    /// The state word of a seat kept changing.
    Seat {
        /// Its last value.
        found: u64,
    },
    /// The file was truncated, and bytes of the ring are gone: see
    /// [`Ring`](crate::ring::Ring#truncation).
    Truncated {
        /// Bytes of the ring.
        need: u64,
        /// Bytes that are left.
        have: u64,
    },
    /// A part of the ring is outside its memory. Only a `Memory` that breaks its contract leads
    /// here.
    Outside,
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Truncated { need, have } = self {
            return write!(
                f,
                "ring is truncated: its file has {have} of its {need} bytes left; unlink it and create it again"
            );
        }
        f.write_str("ring is corrupt: ")?;
        match *self {
            Self::Head { found, low, high } => write!(f, "HEAD is {found}, not within {low}..={high}"),
            Self::Tail { found, low, high } => write!(f, "TAIL is {found}, not within {low}..={high}"),
            Self::Stamp { position, found } => {
                write!(f, "stamp at position {position} is {found}, ")?;
                let own = position.wrapping_add(1);
                if found > own {
                    write!(f, "expected at most {own}")
                } else {
                    write!(f, "expected {own}, which was there before")
                }
            }
            Self::Descriptor { position, found } => {
                write!(f, "descriptor at position {position} has the impossible info word {found:#x}")
            }
            Self::Unclaimed { position } => {
                write!(f, "position {position} lies below TAIL, but no producer has announced a claim on it")
            }
            Self::Seat { found } => write!(
                f,
                "a seat's state word kept changing while the seat was being taken (last value {found:#x})"
            ),
            Self::Truncated { .. } => Ok(()),
            Self::Outside => f.write_str("a part of it is outside its memory"),
        }
    }
}

impl core::error::Error for Corruption {}

const INHERITED: &str = "a forked child cannot use a handle of its parent; open the ring again in the child";

/// Why nothing was sent.
///
/// # Examples
/// ```
/// # use ringway::{Options, spsc::Ring};
/// use ringway::PushError;
/// # let ring = Ring::<u32>::on_heap(&Options::new().capacity(1))?;
/// # let mut tx = ring.producer()?;
///
/// let mut dropped = 0;
/// for item in 0..3 {
///     match tx.try_push(&item) {
///         Ok(()) => {}
///         Err(PushError::Full) => dropped += 1,
///         Err(error) => return Err(error.into()),
///     }
/// }
/// assert_eq!(dropped, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// The ring is full. Only the `try_` methods return this, and they return it also when the
    /// consumer has died: `Producer::stalled` tells which process is in the way,
    /// `Producer::consumer_presence` whether there is a consumer.
    Full,
    /// The record can never fit.
    TooLarge {
        /// Its length, in bytes.
        len: usize,
        /// The largest possible length, in bytes.
        max: usize,
    },
    /// The ring is full and the consumer has departed. The content of the ring stays for the next
    /// consumer. Only the waiting methods return this.
    Closed(Departure),
    /// The time is up and the ring is still full. Only the `_timeout` methods return this.
    /// `Producer::stalled` tells which process is in the way.
    Elapsed,
    /// This process was forked, and the handle belongs to its parent: nothing was touched. The
    /// child opens the ring again.
    Inherited,
    /// The ring cannot be trusted any more. The handle keeps returning this.
    Corrupt(Corruption),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str(
                "ring is full: retry later, use the blocking `push`, or create the ring with a larger capacity",
            ),
            Self::TooLarge { len, max } => {
                write!(f, "record of {len} bytes is too large: {max} is the most (half of the ring's capacity)")
            }
            Self::Closed(how @ Departure::Unlinked) => write!(f, "ring is full and its consumer {how}"),
            Self::Closed(how) => {
                write!(f, "ring is full and its consumer {how}; there is room again when another one attaches")
            }
            Self::Elapsed => f.write_str(
                "timed out with the ring full; `Producer::stalled` tells which process is not reading",
            ),
            Self::Inherited => f.write_str(INHERITED),
            Self::Corrupt(what) => what.fmt(f),
        }
    }
}

impl core::error::Error for PushError {}

impl From<Corruption> for PushError {
    fn from(what: Corruption) -> Self {
        Self::Corrupt(what)
    }
}

/// Why nothing was received.
///
/// # Examples
/// [`Departure`] has one for the waiting methods. For the `try_` methods:
/// ```
/// # use ringway::{Options, spsc::Ring};
/// use ringway::PopError;
/// # let ring = Ring::<u32>::on_heap(&Options::new().capacity(1))?;
///
/// assert_eq!(ring.consumer()?.try_pop(), Err(PopError::Empty));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PopError {
    /// The ring is empty. Only the `try_` methods return this, and they return it also when the
    /// producer has died and no process has [discovered](crate::spsc#deaths) that yet.
    Empty,
    /// The ring is empty and its producer has departed, or all of several have: `Died` if a death
    /// among them is [known](crate::spsc#deaths), else `Left` if one left, else `Finished`. This is
    /// a state, not an end: when another producer attaches, reading works again.
    Closed(Departure),
    /// The time is up and the ring is still empty. Only the `_timeout` methods return this.
    /// `Consumer::stalled` tells which process is not sending.
    Elapsed,
    /// This process was forked, and the handle belongs to its parent: nothing was touched. The
    /// child opens the ring again.
    Inherited,
    /// The ring cannot be trusted any more. The handle keeps returning this.
    Corrupt(Corruption),
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("ring is empty: retry later, or use the blocking `pop` or `read`"),
            Self::Closed(how) => write!(f, "ring is empty and its producer {how}"),
            Self::Elapsed => f.write_str(
                "timed out with the ring empty; `Consumer::stalled` tells which process is not sending",
            ),
            Self::Inherited => f.write_str(INHERITED),
            Self::Corrupt(what) => what.fmt(f),
        }
    }
}

impl core::error::Error for PopError {}

impl From<Corruption> for PopError {
    fn from(what: Corruption) -> Self {
        Self::Corrupt(what)
    }
}

/// Why a seat could not be taken.
///
/// # Examples
/// ```
/// # use ringway::{Options, spsc::Ring};
/// # let name = &format!("ringway-doc-seat-{}", std::process::id());
/// let ring = Ring::<u64>::create(name, &Options::new().label("feed"))?;
/// let _seat = ring.producer()?;
/// let error = ring.producer().unwrap_err().to_string();
/// # Ring::<u64>::unlink(name)?;
/// let pid = std::process::id();
/// assert!(error.starts_with(&format!("the producer seat is held by process {pid} `feed`")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeatError {
    /// A living participant holds it.
    SeatTaken {
        /// The seat.
        role: Role,
        /// The holder, as it describes itself.
        by: Identity,
    },
    /// None of several seats is free. Each is held by a living participant, or waits until the
    /// consumer has resolved what its dead holder left behind.
    AllTaken {
        /// What the seats are for.
        role: Role,
        /// How many seats there are.
        seats: u64,
        /// How many of them wait for the consumer.
        unresolved: u64,
    },
    /// This process was forked, and the handle belongs to its parent: a seat that it took would
    /// count as the parent's. The child opens the ring again.
    Inherited,
    /// The system refused to lock the byte range of the seat.
    Lock {
        /// The error number of the system.
        errno: i32,
    },
    /// The segment was unlinked, or renamed: no other process finds it any more.
    Unlinked,
    /// What the last holder left behind cannot be trusted.
    Corrupt(Corruption),
}

/// Whether this process is the participant.
#[cfg(feature = "std")]
fn is_this_process(participant: &Identity) -> bool {
    process::kinship(participant) == process::Kinship::SameProcess
}

/// Always `false`: without the feature `std`, a process does not know its own id.
#[cfg(not(feature = "std"))]
fn is_this_process(_: &Identity) -> bool {
    false
}

impl fmt::Display for SeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeatTaken { role, by } if is_this_process(by) => write!(
                f,
                "the {role} seat is held by {by}, which is this process; it becomes free when that {role} is \
                 dropped"
            ),
            Self::SeatTaken { role, by } => write!(
                f,
                "the {role} seat is held by {by}; it becomes free when that process drops its {role} or exits"
            ),
            Self::AllTaken { role, seats, unresolved: 0 } => write!(
                f,
                "none of the {seats} {role} seats is free; wait for one, or create the ring with more \
                 (`Options::max_producers`)"
            ),
            Self::AllTaken { role, seats, unresolved } => write!(
                f,
                "none of the {seats} {role} seats is free; {unresolved} of them will be when the consumer, or \
                 `Ring::recover`, has resolved what a dead {role} left behind"
            ),
            Self::Inherited => f.write_str(INHERITED),
            Self::Lock { errno } => write!(
                f,
                "the system refused to lock the seat (error {errno}); its file system must support \
                 open-file-description locks, and if this process has closed its descriptors, it must open the \
                 ring again"
            ),
            Self::Unlinked => f.write_str(
                "the ring was unlinked or renamed after it was opened, and no other process finds it any more; open \
                 or create it again",
            ),
            Self::Corrupt(what) => what.fmt(f),
        }
    }
}

impl core::error::Error for SeatError {}

impl From<Corruption> for SeatError {
    fn from(what: Corruption) -> Self {
        Self::Corrupt(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_corrupt_stamp_is_compared_with_the_expected_one() {
        let text = |found| Corruption::Stamp { position: 7, found }.to_string();
        assert_eq!(text(99), "ring is corrupt: stamp at position 7 is 99, expected at most 8");
        assert_eq!(text(0), "ring is corrupt: stamp at position 7 is 0, expected 8, which was there before");
    }

    #[test]
    fn a_truncated_ring_says_what_is_left() {
        let text = PushError::from(Corruption::Truncated { need: 1920, have: 100 }).to_string();
        assert!(text.starts_with("ring is truncated: its file has 100 of its 1920 bytes left"), "{text}");
    }

    #[test]
    fn departures_continue_the_sentence() {
        let text = |how| PopError::Closed(how).to_string();
        assert_eq!(text(Departure::Finished), "ring is empty and its producer finished");
        assert_eq!(text(Departure::Died), "ring is empty and its producer died");
    }

    #[test]
    #[cfg(feature = "std")]
    fn a_seat_held_by_this_process_says_so() {
        let mut by = Identity { label: crate::Label::new("feed"), ..process::identity() };
        let text = |by| SeatError::SeatTaken { role: Role::Producer, by }.to_string();
        let own = text(by);
        assert!(own.contains("`feed`, which is this process"), "{own}");
        by.pid += 1;
        let other = text(by);
        assert!(other.contains(&std::format!("process {} `feed`; it becomes free", by.pid)), "{other}");
    }
}
