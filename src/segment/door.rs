//! [`Door`]: an address at which processes ask for a segment.
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::{fmt, fs};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen, socket_with,
    sockopt,
};

use super::Segment;
use super::transfer::{Grant, refuse};
use crate::error::TransferError;
use crate::layout::Options;

/// The process that knocks at a [`Door`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Its process id in the PID namespace of this process; 0 if it has none there.
    pub pid: u32,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
}

/// An address at which other processes ask for an anonymous segment, by
/// [`Segment::knock`].
///
/// An address that begins with `@` is an *abstract* one: it is not a file, and is free again when
/// the door is dropped, or its process is killed. Any other address is the path of a socket, which
/// the permissions of its directory protect; after a kill that file stays, and must be removed. The
/// kernel tells who knocks; the peer cannot forge that.
///
/// The processes that have the segment do not need the door. If the process with the door ends,
/// another one that has the segment can open a new door.
///
/// # Examples
/// ```
/// use ringway::spsc::Spsc;
/// use ringway::{Door, Grant, Options, Segment};
///
/// let address = &format!("@ringway-doc-door-{}", std::process::id());
/// let segment =
///     Segment::builder().ring::<Spsc, u64>("ticks", &Options::new()).create_anonymous("robot")?;
/// let door = Door::bind(address)?;
/// let own = segment.clone();
/// let other = std::thread::spawn({
///     let address = address.clone();
///     move || Segment::knock(&address) // in another process, as a rule
/// });
/// let uid = rustix::process::geteuid().as_raw();
/// door.accept_one(&own, |peer| (peer.uid == uid).then_some(Grant::Join))?;
/// assert_eq!(other.join().unwrap()?.objects().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// unix(7) `SO_PEERCRED`, "Abstract sockets".
pub struct Door {
    listener: OwnedFd,
    /// Of a socket that is a file: its path, and which file it is.
    file: Option<(PathBuf, u64)>,
}

fn io_error(doing: &'static str) -> impl Fn(Errno) -> TransferError {
    move |errno| TransferError::Io { doing, error: errno.into() }
}

fn parse(address: &str) -> Result<SocketAddrUnix, TransferError> {
    let parsed = match address.strip_prefix('@') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
        None => SocketAddrUnix::new(address),
    };
    parsed.map_err(io_error("reading the address; it has 107 bytes at most"))
}

fn socket() -> Result<OwnedFd, TransferError> {
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(io_error("making a socket"))
}

impl Door {
    /// Opens a door at an address.
    ///
    /// # Errors
    /// [`TransferError::Io`], for example if the address is in use.
    ///
    /// # Examples
    /// See [`Door`].
    pub fn bind(address: &str) -> Result<Self, TransferError> {
        let listener = socket()?;
        bind(&listener, &parse(address)?).map_err(io_error("binding the address"))?;
        let file = (!address.starts_with('@')).then(|| (PathBuf::from(address), inode(address)));
        let door = Self { listener, file };
        listen(&door.listener, 64).map_err(io_error("listening at the address"))?;
        Ok(door)
    }

    /// Waits for the next process that knocks. Hands the segment over if `decide` grants something,
    /// and otherwise refuses. Returns who knocked, and what it got.
    ///
    /// To wait for other things, too, poll the descriptor of the door: it is readable while a
    /// process knocks.
    ///
    /// # Errors
    /// Those of [`Segment::send_to`]. The door stays open.
    ///
    /// # Examples
    /// See [`Door`].
    pub fn accept_one(
        &self,
        segment: &Segment,
        decide: impl FnOnce(&Peer) -> Option<Grant>,
    ) -> Result<(Peer, Option<Grant>), TransferError> {
        let connection = retry_on_intr(|| accept_with(&self.listener, SocketFlags::CLOEXEC))
            .map_err(io_error("accepting a connection"))?;
        let found = sockopt::socket_peercred(&connection).map_err(io_error("asking who knocks"))?;
        let peer = Peer {
            pid: found.pid.as_raw_pid().try_into().unwrap_or(0),
            uid: found.uid.as_raw(),
            gid: found.gid.as_raw(),
        };
        let grant = decide(&peer);
        match grant {
            Some(grant) => segment.send_to(&connection, grant)?,
            None => refuse(connection.as_fd())?,
        }
        Ok((peer, grant))
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some((path, bound)) = &self.file {
            // Another process may have opened a door there since.
            if inode(path) == *bound {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn inode(path: impl AsRef<std::path::Path>) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.ino())
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("fd", &self.listener).finish_non_exhaustive()
    }
}

/// Asking for a segment.
impl Segment {
    /// Asks for the segment of the [`Door`] at this address, and waits until it comes.
    ///
    /// # Errors
    /// [`TransferError::Refused`]; [`TransferError::Io`] if there is no door; and others of
    /// [`receive_from`](Self::receive_from).
    ///
    /// # Examples
    /// See [`Door`].
    pub fn knock(address: &str) -> Result<Self, TransferError> {
        Self::knock_with(address, &Options::new())
    }

    /// Asks for the segment of the [`Door`] at this address, with the options of
    /// [`open_with`](Self::open_with).
    ///
    /// # Errors
    /// As [`knock`](Self::knock).
    ///
    /// # Examples
    /// See [`Door`].
    pub fn knock_with(address: &str, options: &Options<'_>) -> Result<Self, TransferError> {
        let socket = socket()?;
        connect(&socket, &parse(address)?).map_err(io_error("knocking at the door"))?;
        Self::receive_from_with(&socket, options)
    }
}
