//! [`SegmentError`]: a segment could not be created, joined or removed.
use std::error::Error;
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;
use std::{fmt, io};

use super::LayoutError;
use crate::identity::Identity;

/// Why a segment could not be created, joined or removed. Nothing half-done is left behind.
///
/// # Examples
/// ```
/// use ringway::{SegmentError, spsc::Ring};
///
/// let error = Ring::<u64>::open("no-such-ring").unwrap_err();
/// assert!(matches!(error, SegmentError::NotFound { .. }));
/// assert_eq!(
///     error.to_string(),
///     "ring `no-such-ring` does not exist in /dev/shm (a container has its own); \
///      create it first, or wait for it with `open_timeout`",
/// );
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SegmentError {
    /// The name is not valid.
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The name is taken.
    Exists {
        /// Its path.
        path: PathBuf,
        /// Whether a ring has it, as far as this user can see.
        is_ring: bool,
    },
    /// Nothing has this name.
    NotFound {
        /// The path that was tried.
        path: PathBuf,
        /// What to do about it.
        advice: &'static str,
    },
    /// The directory of the path does not exist.
    NoDirectory {
        /// The path of the segment.
        path: PathBuf,
    },
    /// This user is not permitted to do that.
    Denied {
        /// The path of the segment.
        path: PathBuf,
    },
    /// The file system is read-only.
    ReadOnly {
        /// The path of the segment.
        path: PathBuf,
    },
    /// The file system has too little free space.
    NoSpace {
        /// The path of the segment.
        path: PathBuf,
        /// Bytes needed.
        need: u64,
        /// Bytes free in its file system.
        free: u64,
    },
    /// The file system has no inode for another file.
    NoInodes {
        /// The path of the segment.
        path: PathBuf,
    },
    /// It would be a larger file than this process may write, or than its file system can hold.
    FileTooLarge {
        /// The path of the segment.
        path: PathBuf,
        /// Bytes needed.
        need: u64,
        /// The limit of this process (`RLIMIT_FSIZE`) in bytes; none if it is that of the file
        /// system.
        limit: Option<u64>,
    },
    /// Parts of its file have no space allocated: holes were punched into it, or it is a sparse
    /// copy. Using it could be a SIGBUS.
    Sparse {
        /// The path of the segment.
        path: PathBuf,
        /// Bytes needed.
        need: u64,
        /// Bytes allocated.
        allocated: u64,
    },
    /// The name belongs to something other than a regular file.
    NotAFile {
        /// Its path.
        path: PathBuf,
        /// What it is: `a directory`, `a device` and so on.
        found: &'static str,
    },
    /// It belongs to another user.
    Owner {
        /// Its path.
        path: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// Effective user id of this process.
        user: u32,
    },
    /// It belongs to a user that the user namespace of this process does not map. All such users
    /// have one id there, which can also be that of this process.
    UnknownOwner {
        /// Its path.
        path: PathBuf,
        /// The overflow uid, which stands for them.
        owner: u32,
    },
    /// The file system cannot create a file without a name, or allocate its space.
    Unsupported {
        /// The path of the segment.
        path: PathBuf,
        /// What it cannot do.
        what: &'static str,
    },
    /// It is not the ring that was expected.
    Layout {
        /// Its path.
        path: PathBuf,
        /// What was found and expected.
        error: LayoutError,
    },
    /// One of its objects is not what was expected.
    Object {
        /// The path of the segment.
        path: PathBuf,
        /// The name of the object.
        object: String,
        /// What was found and expected.
        error: LayoutError,
    },
    /// It has no object of this name.
    NoObject {
        /// The path of the segment.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The names of the objects that it has.
        found: Vec<String>,
    },
    /// A new object cannot have this name.
    ObjectName {
        /// The path of the segment.
        path: PathBuf,
        /// The name.
        name: String,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// A segment cannot have so many objects, or none.
    ObjectCount {
        /// The path of the segment.
        path: PathBuf,
        /// How many were asked for.
        asked: u64,
        /// How many it can have.
        most: u64,
    },
    /// An option was set for one object that belongs to the whole segment, or the other way round.
    Misplaced {
        /// The path of the segment.
        path: PathBuf,
        /// The object for which it was set; none if it was set for the segment.
        object: Option<String>,
        /// The option.
        option: &'static str,
    },
    /// An existing segment differs from what is asked for: see
    /// [`Builder::open_or_create`](crate::Builder::open_or_create).
    DiffersInObjects {
        /// Its path.
        path: PathBuf,
        /// Each difference in words.
        differences: Vec<String>,
    },
    /// An existing ring differs from what the options ask for: see
    /// [`open_or_create`](crate::spsc::Ring::open_or_create).
    Differs {
        /// Its path.
        path: PathBuf,
        /// What differs: `capacity`, `max_producers` or `mode`.
        what: &'static str,
        /// What the ring has.
        found: u64,
        /// What the options ask for, before rounding.
        asked: u64,
    },
    /// A participant holds a seat in the ring: see
    /// [`unlink_if_unused`](crate::spsc::Ring::unlink_if_unused).
    InUse {
        /// Its path.
        path: PathBuf,
        /// The participant, or one of several, as it describes itself. None if it could not be
        /// found: a participant that is just coming or going, or a foreign lock on the file.
        by: Option<Identity>,
    },
    /// It did not appear in time.
    Elapsed {
        /// The path that was tried.
        path: PathBuf,
    },
    /// The system refused for another reason.
    Io {
        /// The path of the segment.
        path: PathBuf,
        /// What the library was doing.
        doing: &'static str,
        /// The error of the system.
        error: io::Error,
    },
}

const SHARED: &str = "/dev/shm";

/// A path as the user knows it: the name alone if it lies in `/dev/shm`.
struct Ring<'a>(&'a Path);

impl Ring<'_> {
    fn has_plain_name(&self) -> bool {
        self.0.parent() == Some(Path::new(SHARED))
    }
}

impl fmt::Display for Ring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.file_name().filter(|_| self.has_plain_name());
        write!(f, "ring `{}`", Path::new(name.unwrap_or(self.0.as_os_str())).display())
    }
}

/// The directory of a path, as the user knows it.
fn directory(path: &Path) -> impl fmt::Display {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new(".").display(),
        Some(parent) => parent.display(),
        None => Path::new("/").display(),
    }
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, why } => write!(f, "`{name}` cannot name a ring: {why}"),
            Self::Exists { path, is_ring: true } => {
                write!(f, "{} already exists; open it, use `open_or_create`, or unlink it first", Ring(path))
            }
            Self::Exists { path, is_ring: false } => {
                write!(f, "`{}` already exists and is not a ring; use another name", path.display())
            }
            Self::NotFound { path, advice } => {
                let ring = Ring(path);
                let place = if ring.has_plain_name() { " in /dev/shm (a container has its own)" } else { "" };
                write!(f, "{ring} does not exist{place}; {advice}")
            }
            Self::NoDirectory { path } => write!(
                f,
                "{} cannot be created: directory `{}` does not exist; create that first",
                Ring(path),
                directory(path)
            ),
            Self::Denied { path } => write!(
                f,
                "{}: permission denied; to join it, its creator must allow that with `Options::mode`; to create \
                 or unlink it, its directory must be writable",
                Ring(path)
            ),
            Self::ReadOnly { path } => {
                write!(f, "{}: its file system is read-only; use a path on a writable one", Ring(path))
            }
            Self::NoSpace { path, need, free } => {
                write!(
                    f,
                    "{} needs {need} bytes, but the file system of `{}` has {free} free; make room there, or ask \
                     for a smaller capacity",
                    Ring(path),
                    directory(path)
                )?;
                let may_be_small = Ring(path).has_plain_name();
                if may_be_small {
                    f.write_str(", or start the container with a larger `--shm-size`")
                } else {
                    Ok(())
                }
            }
            Self::NoInodes { path } => write!(
                f,
                "{} cannot be created: the file system of `{}` has no inode for another file; remove files \
                 there, or mount it with more of them (`nr_inodes` of tmpfs)",
                Ring(path),
                directory(path)
            ),
            Self::FileTooLarge { path, need, limit: Some(limit) } => write!(
                f,
                "{} needs {need} bytes, but this process may write files of {limit} bytes at most; raise \
                 RLIMIT_FSIZE (`ulimit -f`), or ask for a smaller capacity",
                Ring(path)
            ),
            Self::FileTooLarge { path, need, limit: None } => write!(
                f,
                "{} needs {need} bytes, but the file system of `{}` holds no file that large; use another \
                 one, or ask for a smaller capacity",
                Ring(path),
                directory(path)
            ),
            Self::Sparse { path, need, allocated } => write!(
                f,
                "{} has holes: it needs {need} bytes, and {allocated} are allocated; unlink it and create it \
                 again, or copy it with all its space (`cp --sparse=never`)",
                Ring(path)
            ),
            Self::NotAFile { path, found } => {
                write!(f, "{} is {found}, not a regular file; use another name", Ring(path))
            }
            Self::Owner { path, owner, user } => write!(
                f,
                "{} belongs to uid {owner}, but this process runs as uid {user}; to trust that user, pass \
                 `Options::owner({owner})`",
                Ring(path)
            ),
            Self::UnknownOwner { path, owner } => write!(
                f,
                "{} belongs to a user that is unknown in this user namespace (uid {owner} stands for all of \
                 them there); map that user into the namespace, or, to trust them all, pass \
                 `Options::owner({owner})`",
                Ring(path)
            ),
            Self::Unsupported { path, what } => write!(
                f,
                "{}: its file system cannot {what}; use one that can, such as tmpfs, ext4 or xfs",
                Ring(path)
            ),
            Self::Layout { path, error } => write!(f, "{} {error}", Ring(path)),
            Self::Object { path, object, error } => write!(f, "{}: object `{object}` {error}", Ring(path)),
            Self::NoObject { path, name, found } => {
                let known: Vec<_> = found.iter().map(|name| std::format!("`{name}`")).collect();
                write!(f, "{} has no object `{name}`; it has {}", Ring(path), known.join(", "))
            }
            Self::ObjectName { path, name, why } => {
                write!(f, "{}: an object cannot have the name `{}`: {why}", Ring(path), name.escape_debug())
            }
            Self::ObjectCount { path, asked: 0, .. } => {
                write!(f, "{} has no object; add at least one", Ring(path))
            }
            Self::ObjectCount { path, asked, most } => write!(
                f,
                "{} cannot have {asked} objects; {most} is the most; use several segments",
                Ring(path)
            ),
            Self::Misplaced { path, object: Some(object), option } => write!(
                f,
                "{}: `{option}` was set for the object `{object}`, but belongs to the whole segment; pass it to \
                 `Builder::options`",
                Ring(path)
            ),
            Self::Misplaced { path, object: None, option } => write!(
                f,
                "{}: `{option}` was set for the whole segment, but belongs to an object; pass it where the \
                 object is added",
                Ring(path)
            ),
            Self::DiffersInObjects { path, differences } => write!(
                f,
                "{} exists, but differs from what is asked for: {}; unlink it, or ask for what it has",
                Ring(path),
                differences.join("; ")
            ),
            Self::Differs { path, what: "mode", found, asked } => write!(
                f,
                "{} exists with mode {found:#o}, not {asked:#o} as asked; unlink it, or leave the mode unset to \
                 accept it",
                Ring(path)
            ),
            Self::Differs { path, what, found, asked } => write!(
                f,
                "{} exists with {what} {found}, not {asked} as asked; unlink it, or leave {what} unset to accept \
                 it",
                Ring(path)
            ),
            Self::InUse { path, by } => {
                write!(f, "{} is in use by ", Ring(path))?;
                match by {
                    Some(by) => write!(f, "{by}")?,
                    None => f.write_str("a process that could not be identified")?,
                }
                f.write_str(
                    "; try again later, or use `unlink`, which lets participants go on without the name",
                )
            }
            Self::Elapsed { path } => {
                write!(f, "{} did not appear in time; is the process that creates it running?", Ring(path))
            }
            Self::Io { path, doing, error } => write!(f, "{}: {doing}: {error}", Ring(path)),
        }
    }
}

/// Without a source: the text contains the inner error.
impl Error for SegmentError {}
