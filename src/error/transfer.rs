//! [`TransferError`]: a segment could not be handed over.
use std::error::Error;
use std::{fmt, io};

use super::SegmentError;

/// Why a segment was not handed over, or not accepted. No descriptor stays open, and nothing is
/// mapped.
///
/// # Examples
/// ```
/// use std::os::unix::net::UnixStream;
///
/// use ringway::{Segment, TransferError};
///
/// let (here, there) = UnixStream::pair()?;
/// drop(there);
/// let error = Segment::receive_from(&here).unwrap_err();
/// assert!(matches!(error, TransferError::Closed { received: 0, .. }));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TransferError {
    /// The descriptor is not a Unix socket.
    Socket {
        /// What it is.
        found: &'static str,
    },
    /// The peer closed the connection before it had sent everything.
    Closed {
        /// Bytes that came.
        received: usize,
        /// Bytes that were expected.
        expected: usize,
    },
    /// What came is not a segment.
    Message {
        /// Its first eight bytes, as a word.
        found: u64,
    },
    /// The peer's library hands over in another way.
    Version {
        /// Its version.
        found: u64,
        /// The version of this library.
        ours: u64,
    },
    /// The peer refused: see [`Door`](crate::Door).
    Refused,
    /// Not exactly one descriptor came.
    Descriptors {
        /// How many came.
        found: usize,
    },
    /// The kernel dropped descriptors, because this process may have no more, or because too many
    /// came.
    DescriptorsLost,
    /// The descriptor is not one of a sealed file in memory.
    Seal {
        /// The first seal that is missing.
        missing: &'static str,
    },
    /// The file has another length than the peer says.
    Length {
        /// Bytes, as the peer says.
        claims: u64,
        /// Bytes that the file has.
        has: u64,
    },
    /// Only anonymous segments are handed over.
    Named,
    /// `/proc` is not there, and without it a descriptor of its own cannot be made for each
    /// participant.
    NoProc,
    /// This user may not open the file that was handed over.
    Denied,
    /// The segment that came cannot be used.
    Segment(SegmentError),
    /// The system refused for another reason.
    Io {
        /// What the library was doing.
        doing: &'static str,
        /// The error of the system.
        error: io::Error,
    },
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { found } => {
                write!(f, "a segment is handed over a Unix socket, and this is {found}; use `UnixStream`")
            }
            Self::Closed { received: 0, .. } => {
                f.write_str("the peer closed the connection and sent nothing; is it still running?")
            }
            Self::Closed { received, expected } => write!(
                f,
                "the peer closed the connection after {received} of {expected} bytes; is it still running?"
            ),
            Self::Message { found } => write!(
                f,
                "what came is not a segment (it begins with {found:#018x}); does the peer call `send_to` on \
                 this socket?"
            ),
            Self::Version { found, ours } => write!(
                f,
                "the peer hands over by version {found}, but this library knows {ours}; use the same version \
                 of the library on both sides"
            ),
            Self::Refused => f.write_str("the peer refused to hand the segment over to this process"),
            Self::Descriptors { found: 0 } => f.write_str(
                "no descriptor came; does something between the two processes pass on the bytes alone?",
            ),
            Self::Descriptors { found } => {
                write!(f, "{found} descriptors came with a segment, which has one; the peer is not ringway")
            }
            Self::DescriptorsLost => f.write_str(
                "descriptors were lost on the way: this process may have no more open files; raise \
                 RLIMIT_NOFILE (`ulimit -n`)",
            ),
            Self::Seal { missing } => write!(
                f,
                "the file that came is not sealed ({missing} is missing), so the peer could cut it while it is \
                 used; it must be made by `create_anonymous`"
            ),
            Self::Length { claims, has } => {
                write!(f, "the file that came has {has} bytes, but the peer says {claims}; do not trust it")
            }
            Self::Named => f.write_str(
                "a segment with a name cannot be handed over; the other process opens it by its name, or \
                 create it by `create_anonymous`",
            ),
            Self::NoProc => f.write_str(
                "/proc is not mounted here; a process needs it to get a descriptor of its own, whose locks \
                 prove that it lives",
            ),
            Self::Denied => f.write_str(
                "this user may not open the segment that came; its creator must allow that with `Options::mode`",
            ),
            Self::Segment(error) => error.fmt(f),
            Self::Io { doing, error } => write!(f, "{doing}: {error}"),
        }
    }
}

impl Error for TransferError {}

impl From<SegmentError> for TransferError {
    fn from(error: SegmentError) -> Self {
        Self::Segment(error)
    }
}
