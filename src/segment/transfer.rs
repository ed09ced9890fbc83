//! Handing an anonymous segment over to another process.
//!
//! ```text
//!   sender                                     receiver
//!   T1  open the file anew (/proc/self/fd)     R1  receive 32 bytes and one descriptor
//!   T2  send 32 bytes and that descriptor      R2  open the file anew, and close what came
//!   T3  close it                               R3  check seals, length, owner; map; parse
//! ```
//! Locks belong to what an `open` has opened (the open file description), not to a process. A
//! descriptor that is passed on, or duplicated, stands for the same opening: its holder could
//! unlock the sender's seats, and would find each of them free for itself. So each participant
//! opens the file anew. A receiver that is handed over an opening of its own opens it once more,
//! because it cannot know whether the sender has kept a copy.
//!
//! Killed between T1 and T3, or before R3: descriptors end with their process, and the kernel frees
//! a descriptor that is still in a socket with that socket.
//!
//! # The message
//! Four words in the byte order of the machine: `RINGWAYH`, the version 1, what is granted (0
//! nothing, 1 to take part), the length of the file in bytes.
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::{Mapping, Pages, Segment};
use crate::error::{SegmentError, TransferError};
use crate::layout::Options;
use crate::os::{file, memfd, socket};

const MAGIC: u64 = u64::from_le_bytes(*b"RINGWAYH");
const VERSION: u64 = 1;
const REFUSED: u64 = 0;
/// In bytes.
const LEN: usize = 32;

/// What the receiver of a segment may do with it: see [`Segment::send_to`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// Take seats, read and write.
    Join = 1,
}

fn io_error(doing: &'static str) -> impl Fn(Errno) -> TransferError {
    move |errno| TransferError::Io { doing, error: errno.into() }
}

fn check_socket(socket: BorrowedFd<'_>) -> Result<(), TransferError> {
    match socket::is_unix(socket) {
        Ok(true) => Ok(()),
        Ok(false) => Err(TransferError::Socket { found: "a socket of another family" }),
        Err(Errno::NOTSOCK) => Err(TransferError::Socket { found: "not a socket" }),
        Err(errno) => Err(io_error("examining the socket")(errno)),
    }
}

fn message(granted: u64, len: u64) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    for (place, word) in bytes.chunks_exact_mut(8).zip([MAGIC, VERSION, granted, len]) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// Tells the peer that it gets nothing.
pub(super) fn refuse(socket: BorrowedFd<'_>) -> Result<(), TransferError> {
    socket::send(socket, &message(REFUSED, 0), None).map_err(io_error("refusing"))
}

/// Handing a segment over.
impl Segment {
    /// Hands this anonymous segment over to the process at the other end of a Unix socket, a stream
    /// or a seqpacket one. That process calls [`receive_from`](Self::receive_from).
    ///
    /// It can take every free seat, read and write; it cannot cut the memory. It keeps the segment
    /// when this process ends.
    ///
    /// # Errors
    /// [`TransferError::Named`] if the segment has a name; [`TransferError::Socket`];
    /// [`TransferError::NoProc`]; [`TransferError::Io`], for example if the peer has closed its
    /// end.
    ///
    /// # Examples
    /// ```
    /// use std::os::unix::net::UnixStream;
    ///
    /// use ringway::spsc::Spsc;
    /// use ringway::{Grant, Options, Segment};
    ///
    /// let (here, there) = UnixStream::pair()?; // one end is for another process, as a rule
    /// let segment =
    ///     Segment::builder().ring::<Spsc, u64>("ticks", &Options::new()).create_anonymous("robot")?;
    /// segment.send_to(&here, Grant::Join)?;
    /// segment.ring::<Spsc, u64>("ticks")?.producer()?.push(&7)?;
    ///
    /// let segment = Segment::receive_from(&there)?;
    /// assert_eq!(segment.ring::<Spsc, u64>("ticks")?.consumer()?.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    /// unix(7) `SCM_RIGHTS`; proc(5) `/proc/self/fd`.
    pub fn send_to(&self, socket: impl AsFd, grant: Grant) -> Result<(), TransferError> {
        let socket = socket.as_fd();
        check_socket(socket)?;
        let fresh = self.opened_anew()?;
        let len = file::metadata(&fresh).map_err(io_error("examining the segment"))?.len;
        let message = message(grant as u64, len);
        socket::send(socket, &message, Some(fresh.as_fd())).map_err(io_error("sending the segment"))
    }

    /// Receives an anonymous segment from the process at the other end of a Unix socket. Waits
    /// until it comes, or as long as the socket's own time limit.
    ///
    /// # Errors
    /// Every [`TransferError`] says what came instead.
    ///
    /// # Examples
    /// See [`send_to`](Self::send_to).
    ///
    /// # References
    /// unix(7) `SCM_RIGHTS`; fcntl(2) `F_GET_SEALS`; proc(5) `/proc/self/fd`.
    pub fn receive_from(socket: impl AsFd) -> Result<Self, TransferError> {
        Self::receive_from_with(socket, &Options::new())
    }

    /// Receives an anonymous segment, with the options of [`open_with`](Self::open_with).
    ///
    /// # Errors
    /// As [`receive_from`](Self::receive_from).
    ///
    /// # Examples
    /// See [`send_to`](Self::send_to).
    pub fn receive_from_with(socket: impl AsFd, options: &Options<'_>) -> Result<Self, TransferError> {
        let socket = socket.as_fd();
        check_socket(socket)?;
        let mut bytes = [0; LEN];
        let received = socket::receive(socket, &mut bytes).map_err(io_error("receiving the segment"))?;
        if received.lost_fds {
            return Err(TransferError::DescriptorsLost);
        }
        let mut words = [0; LEN / 8];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = chunk.try_into().map_or(0, u64::from_ne_bytes);
        }
        let [magic, version, granted, len] = words;
        if received.len >= 8 && magic != MAGIC {
            return Err(TransferError::Message { found: magic });
        }
        if received.len < LEN {
            return Err(TransferError::Closed { received: received.len, expected: LEN });
        }
        if version != VERSION {
            return Err(TransferError::Version { found: version, ours: VERSION });
        }
        if granted == REFUSED {
            return Err(TransferError::Refused);
        }
        let found = received.fds.len();
        let Ok([fd]) = <[_; 1]>::try_from(received.fds) else {
            return Err(TransferError::Descriptors { found });
        };
        accept(File::from(fd), Some(len), options)
    }

    /// A new descriptor of this anonymous segment, to keep the segment or to pass it on in another
    /// way than by [`send_to`](Self::send_to). [`from_fd`](Self::from_fd) makes a segment of it.
    ///
    /// It holds no lock. So a service manager can keep it while this process restarts, and the
    /// death of this process is noticed all the same.
    ///
    /// # Errors
    /// [`TransferError::Named`]; [`TransferError::NoProc`]; [`TransferError::Io`].
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, Segment, spsc::Spsc};
    ///
    /// let segment =
    ///     Segment::builder().ring::<Spsc, u64>("ticks", &Options::new()).create_anonymous("robot")?;
    /// let kept = segment.to_fd()?;
    /// segment.ring::<Spsc, u64>("ticks")?.producer()?.push(&7)?;
    /// drop(segment);
    ///
    /// let segment = Segment::from_fd(kept)?; // in the next run of the program
    /// assert_eq!(segment.ring::<Spsc, u64>("ticks")?.consumer()?.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_fd(&self) -> Result<OwnedFd, TransferError> {
        Ok(self.opened_anew()?.into())
    }

    /// The anonymous segment of a descriptor, which is checked like one that came by
    /// [`receive_from`](Self::receive_from).
    ///
    /// # Errors
    /// [`TransferError::Seal`], and others of [`receive_from`](Self::receive_from).
    ///
    /// # Examples
    /// See [`to_fd`](Self::to_fd).
    pub fn from_fd(fd: OwnedFd) -> Result<Self, TransferError> {
        Self::from_fd_with(fd, &Options::new())
    }

    /// The anonymous segment of a descriptor, with the options of [`open_with`](Self::open_with).
    ///
    /// # Errors
    /// As [`from_fd`](Self::from_fd).
    ///
    /// # Examples
    /// See [`to_fd`](Self::to_fd).
    pub fn from_fd_with(fd: OwnedFd, options: &Options<'_>) -> Result<Self, TransferError> {
        accept(File::from(fd), None, options)
    }

    /// The segment's file, opened anew.
    fn opened_anew(&self) -> Result<File, TransferError> {
        if !self.memory().is_anonymous() {
            return Err(TransferError::Named);
        }
        self.memory().reopen().map_err(|errno| match errno {
            Errno::NOENT | Errno::NOTDIR => TransferError::NoProc,
            errno => io_error("opening the segment anew")(errno),
        })
    }
}

/// R2 and R3.
///
/// `claims`: the length, as the peer says.
fn accept(came: File, claims: Option<u64>, options: &Options<'_>) -> Result<Segment, TransferError> {
    // Before it is opened: to open another kind of file has effects. Only a file in memory has
    // seals.
    if let Some(missing) = memfd::missing_seal(&came) {
        return Err(TransferError::Seal { missing });
    }
    let fresh = memfd::reopen(&came).map_err(|errno| match errno {
        Errno::NOENT | Errno::NOTDIR => TransferError::NoProc,
        Errno::ACCESS | Errno::PERM => TransferError::Denied,
        errno => io_error("opening the segment anew")(errno),
    })?;
    let examining = io_error("examining the segment");
    let [came, has] = [&came, &fresh].map(file::metadata);
    let (came, has) = (came.map_err(&examining)?, has.map_err(&examining)?);
    // What /proc shows is another process's doing, at the worst.
    if came.file_id != has.file_id {
        return Err(TransferError::NoProc);
    }
    if let Some(claims) = claims.filter(|claims| *claims != has.len) {
        return Err(TransferError::Length { claims, has: has.len });
    }
    let mapping = Mapping::handed_over(fresh, options)?;
    let path = mapping.path().to_path_buf();
    let segment =
        Segment::attach_mapped(mapping, options).map_err(|error| SegmentError::Layout { path, error })?;
    segment.memory().apply_options(options, Pages::Present)?;
    Ok(segment)
}
