//! [`SegmentError`]: a segment could not be made, joined or removed.
use std::error::Error;
use std::path::{Path, PathBuf};
use std::string::String;
use std::{fmt, io};

use super::LayoutError;

/// Why a segment could not be made, joined or removed. Nothing half-made is left behind.
///
/// # Examples
/// ```
/// use ringway::{SegmentError, spsc::Ring};
///
/// let error = Ring::<u64>::open("no-such-ring").unwrap_err();
/// assert!(matches!(error, SegmentError::NotFound { .. }));
/// assert_eq!(
///     error.to_string(),
///     "ring `no-such-ring` does not exist; create it first, or wait for it with `open_timeout`",
/// );
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SegmentError {
    /// The name cannot be one.
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is something of this name already.
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// There is nothing of this name.
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The directory in which it would be does not exist.
    NoDirectory {
        /// Where.
        path: PathBuf,
    },
    /// This user may not.
    Denied {
        /// Where.
        path: PathBuf,
    },
    /// There is not enough space.
    NoSpace {
        /// Where.
        path: PathBuf,
        /// Bytes needed.
        need: u64,
        /// Bytes free there.
        free: u64,
    },
    /// It is not a regular file.
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// It belongs to another user.
    Owner {
        /// Where.
        path: PathBuf,
        /// That user's id.
        owner: u32,
        /// This process's effective user id.
        user: u32,
    },
    /// The file system cannot make a file without a name, or set its space aside.
    Unsupported {
        /// Where.
        path: PathBuf,
        /// What it cannot do.
        what: &'static str,
    },
    /// It is there, but it is not the ring that was expected.
    Layout {
        /// Where.
        path: PathBuf,
        /// In what way.
        error: LayoutError,
    },
    /// It did not appear in time.
    Elapsed {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The system said no, for another reason.
    Io {
        /// Where.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// A path as people know it: a name in `/dev/shm` by itself.
struct Ring<'a>(&'a PathBuf);

impl fmt::Display for Ring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reopen_by_name = self.0.parent() == Some(Path::new("/dev/shm"));
        let name = if reopen_by_name { self.0.file_name() } else { None };
        write!(f, "ring `{}`", Path::new(name.unwrap_or(self.0.as_os_str())).display())
    }
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, why } => write!(f, "`{name}` cannot name a ring: {why}"),
            Self::Exists { path } => {
                write!(f, "{} exists already; open it, use `open_or_create`, or unlink it first", Ring(path))
            }
            Self::NotFound { path } => write!(
                f,
                "{} does not exist; create it first, or wait for it with `open_timeout`",
                Ring(path)
            ),
            Self::NoDirectory { path } => {
                write!(f, "{} cannot be created: its directory does not exist; make that first", Ring(path))
            }
            Self::Denied { path } => write!(
                f,
                "{}: permission denied; to join it, its creator must allow that with `Options::mode`; to create or unlink it, its directory must be writable",
                Ring(path)
            ),
            Self::NoSpace { path, need, free } => write!(
                f,
                "{} needs {need} bytes and its file system has {free} free; make room there, or ask for a smaller capacity",
                Ring(path)
            ),
            Self::NotAFile { path } => write!(
                f,
                "{} is not a regular file; use another name, or remove what stands there",
                Ring(path)
            ),
            Self::Owner { path, owner, user } => write!(
                f,
                "{} belongs to user {owner}, and this is user {user}; if that is as it should be, say so with `Options::owner({owner})`",
                Ring(path)
            ),
            Self::Unsupported { path, what } => {
                write!(
                    f,
                    "{}: its file system cannot {what}; use one that can, such as tmpfs, ext4 or xfs",
                    Ring(path)
                )
            }
            Self::Layout { path, error } => write!(f, "{} {error}", Ring(path)),
            Self::Elapsed { path } => {
                write!(f, "{} did not appear in time; is the process that creates it running?", Ring(path))
            }
            Self::Io { path, doing, error } => write!(f, "{}: {doing}: {error}", Ring(path)),
        }
    }
}

/// Without a source: its text tells all of it already, the error inside included.
impl Error for SegmentError {}
