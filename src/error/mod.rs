//! All errors. Those of the data path are small, `Copy`, and carry numbers; those of making and joining
//! say in words what was found, what was expected and what to do.
use core::fmt;

mod layout;
#[cfg(feature = "std")]
mod segment;

pub use layout::LayoutError;
#[cfg(feature = "std")]
pub use segment::SegmentError;

use crate::identity::{Identity, Role};

/// How the other side went away: by its end alone, whatever it had still to send. So who has to tell *complete* from *gave up* sends a
/// last record that says so.
///
/// # Examples
/// ```
/// # use ringway::{Options, memory::Heap, spsc::Ring};
/// use ringway::{Departure, PopError};
/// # let memory = Heap::new(Ring::<u32>::required_len(8));
/// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
/// # let mut rx = ring.consumer()?;
/// # drop(ring.producer()?);
///
/// match rx.pop() {
///     Ok(item) => println!("{item}"),
///     Err(PopError::Closed(Departure::Left)) => println!("the sender has left"),
///     Err(PopError::Closed(Departure::Died)) => println!("the sender died; it can be started again"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Departure {
    /// It closed.
    Finished,
    /// Its end was dropped: because it was done, or by an early return (`?`), or by a panic that unwound.
    Left,
    /// Its process ended without that, the kernel says: it was killed, or crashed; or it called `exit`, which drops nothing, or came to the
    /// end of `main` while another thread still had the end.
    Died,
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Left => "left",
            Self::Died => "died",
        })
    }
}

/// Shared bytes said something that no peer that keeps the protocol can have written.
///
/// The handle that noticed reports it from then on, whenever it is to send or receive something: nothing of that could
/// be relied on. The other side is not told. What to do: stop both sides, unlink the
/// segment and make a new one.
///
/// # Examples
/// ```
/// use ringway::Corruption;
///
/// let what = Corruption::Head { found: 9, low: 2, high: 5 };
/// assert_eq!(what.to_string(), "the ring is corrupt: HEAD is 9, not within 2..=5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corruption {
    /// HEAD, in cells, is not between what was seen last and what was published.
    Head {
        /// What it says.
        found: u64,
        /// The least it can be.
        low: u64,
        /// The most it can be.
        high: u64,
    },
    /// TAIL, in cells, is further from HEAD than the ring is large.
    Tail {
        /// What it says.
        found: u64,
        /// The least it can be.
        low: u64,
        /// The most it can be.
        high: u64,
    },
    /// The stamp at a position is that of a later one, or is gone after it was there.
    Stamp {
        /// Where, in cells.
        position: u64,
        /// What it says.
        found: u64,
    },
    /// The info word of a record's descriptor makes no sense.
    Descriptor {
        /// Where, in cells.
        position: u64,
        /// What it says.
        found: u64,
    },
    /// Producers have claimed beyond a position that none of them says it has claimed.
    Unclaimed {
        /// Where, in cells.
        position: u64,
    },
    /// A seat's state word does not stand still.
    Seat {
        /// What it said last.
        found: u64,
    },
    /// The file was truncated, and bytes of the ring are gone: see [`Ring`](crate::ring::Ring#truncation).
    Truncated {
        /// Bytes of the ring.
        need: u64,
        /// Bytes that are left.
        have: u64,
    },
    /// A part of the ring is not inside its memory. Only a `Memory` that breaks its contract leads here.
    Outside,
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Head { found, low, high } => {
                write!(f, "the ring is corrupt: HEAD is {found}, not within {low}..={high}")
            }
            Self::Tail { found, low, high } => {
                write!(f, "the ring is corrupt: TAIL is {found}, not within {low}..={high}")
            }
            Self::Stamp { position, found } => write!(
                f,
                "the ring is corrupt: the stamp at position {position} is {found}, which nobody puts there at this point"
            ),
            Self::Descriptor { position, found } => {
                write!(f, "the ring is corrupt: the descriptor at position {position} says {found:#x}")
            }
            Self::Unclaimed { position } => {
                write!(f, "the ring is corrupt: position {position} was claimed, and no producer says so")
            }
            Self::Seat { found } => {
                write!(
                    f,
                    "the ring is corrupt: a seat's state word does not stand still; it was {found:#x} last"
                )
            }
            Self::Truncated { need, have } => {
                write!(
                    f,
                    "the ring's file was truncated: of its {need} bytes {have} are left; unlink it and make it anew"
                )
            }
            Self::Outside => f.write_str("the ring is corrupt: a part of it is not inside its memory"),
        }
    }
}

impl core::error::Error for Corruption {}

/// Why nothing was put in.
///
/// # Examples
/// ```
/// # use ringway::{Options, memory::Heap, spsc::Ring};
/// use ringway::PushError;
/// # let memory = Heap::new(Ring::<u32>::required_len(1));
/// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(1))?;
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
pub enum PushError {
    /// There is no room now. From the `try_` forms only, which never say that the consumer is gone: `Producer::stalled` says who is in
    /// the way, and `Producer::consumer` who is there.
    Full,
    /// The record could never fit.
    TooLarge {
        /// Its length, in bytes.
        len: usize,
        /// The largest there may be, in bytes.
        max: usize,
    },
    /// There is no room, and the consumer that would make some is gone. What is in the ring stays there for the
    /// next one. From the waiting forms only.
    Closed(Departure),
    /// The time is up and there is still no room. From the `_timeout` forms only. `Producer::stalled` says who is in the way.
    Elapsed,
    /// The ring cannot be trusted any more; the handle stays in this state.
    Corrupt(Corruption),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => {
                f.write_str("the ring is full; wait for the consumer to release some, or make it larger")
            }
            Self::TooLarge { len, max } => {
                write!(f, "a record of {len} bytes does not fit; it may have {max} at most")
            }
            Self::Closed(how) => {
                write!(
                    f,
                    "the ring is full and its consumer {how}; there will be room when another takes its seat"
                )
            }
            Self::Elapsed => {
                f.write_str("there was still no room when the time was up; `stalled` says who is in the way")
            }
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

/// Why nothing was taken out.
///
/// # Examples
/// See [`Departure`] for one, and for the `try_` forms:
/// ```
/// # use ringway::{Options, memory::Heap, spsc::Ring};
/// use ringway::PopError;
/// # let memory = Heap::new(Ring::<u32>::required_len(1));
/// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(1))?;
///
/// assert_eq!(ring.consumer()?.try_pop(), Err(PopError::Empty));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopError {
    /// There is nothing now. From the `try_` forms only, which say so of a producer that died, too, until somebody has
    /// [asked](crate::spsc#deaths).
    Empty,
    /// Everything was taken out, and the producer, or all of several, is gone; if one of them died, so it is told, once that is
    /// [known](crate::spsc#deaths). Another may come: asking again finds what it sends.
    Closed(Departure),
    /// The time is up and there is still nothing. From the `_timeout` forms only. `Consumer::stalled` says who is to be waited for.
    Elapsed,
    /// The ring cannot be trusted any more; the handle stays in this state.
    Corrupt(Corruption),
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is nothing to read now"),
            Self::Closed(how) => write!(f, "the ring is empty and its producer {how}"),
            Self::Elapsed => f.write_str(
                "there was still nothing to read when the time was up; `stalled` says whom to wait for",
            ),
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

/// Why a seat was not given.
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
/// assert!(error.starts_with(&format!("the producer's seat is taken by process {pid} `feed`")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeatError {
    /// Somebody alive holds it.
    SeatTaken {
        /// The seat.
        role: Role,
        /// Who holds it, as it said itself.
        by: Identity,
    },
    /// There are several such seats, and none is free: each is held by somebody alive, or waits for the consumer to deal with
    /// what its dead holder left.
    AllTaken {
        /// What the seats are for.
        role: Role,
        /// How many there are.
        seats: u64,
        /// How many of them wait for the consumer.
        unresolved: u64,
    },
    /// This process was forked, and the handle is its parent's: what it would hold would count as the parent's.
    Inherited,
    /// The system refused to lock the seat's byte range.
    Lock {
        /// The system's error number.
        errno: i32,
    },
    /// What the last holder left cannot be trusted.
    Corrupt(Corruption),
}

impl fmt::Display for SeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeatTaken { role, by } => {
                write!(
                    f,
                    "the {role}'s seat is taken by {by}; it is free again when that one detaches or ends"
                )
            }
            Self::AllTaken { role, seats, unresolved: 0 } => {
                write!(
                    f,
                    "none of the {seats} {role} seats is free; wait for one, or make the ring with more (`Options::producers`)"
                )
            }
            Self::AllTaken { role, seats, unresolved } => {
                write!(
                    f,
                    "none of the {seats} {role} seats is free; {unresolved} of them will be when the consumer, or `Ring::recover`, has dealt with what a dead producer left"
                )
            }
            Self::Inherited => {
                f.write_str("a forked child cannot take a seat with its parent's handle; open the segment anew in the child")
            }
            Self::Lock { errno } => write!(
                f,
                "the system would not lock the seat (error {errno}); its file system must support open-file-description locks, \
                 and if this process has closed its descriptors, it must open the segment anew"
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
