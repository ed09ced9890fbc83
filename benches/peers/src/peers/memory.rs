//! What several peers need: shared memory without a name, of which nothing is left however its processes end; and words
//! for messages that go as bytes.
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::PathBuf;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::cell::{self, Bytes, Cell, Place};
use crate::drive::{BytePeer, Message, Result, Shape};
use crate::place::{Between, Processes};
use crate::work;

/// An empty file in memory. Both sides of a fork have it; whoever wants a path to open uses [`path`].
pub fn nameless(purpose: &str) -> Result<File> {
    let purpose = CString::new(purpose)?;
    // SAFETY: a string that ends with zero, and no other pointer.
    let file = unsafe { libc::memfd_create(purpose.as_ptr(), libc::MFD_CLOEXEC) };
    if file < 0 {
        return Err(format!("no shared memory to be had: {}", io::Error::last_os_error()).into());
    }
    // SAFETY: it was just made, and nobody else owns it.
    Ok(unsafe { File::from_raw_fd(file) })
}

/// A path to it, good in every process that has the file at this number.
pub fn path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// What is there for a record of which no more is read.
#[inline(always)]
pub fn first_word(record: &[u8]) -> u64 {
    record.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word))
}

/// A message that may be sent as it lies in memory, and be made of what has come.
pub trait Plain: Message + FromBytes + IntoBytes + Immutable {}
impl<M: Message + FromBytes + IntoBytes + Immutable> Plain for M {}

/// Where names of shared memory lie.
pub const NAMES: &str = "/dev/shm";

/// Removes whatever a peer, which cannot do without names, has left under this one.
pub fn sweep(name: &str) {
    for entry in fs::read_dir(NAMES).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(name) {
            // Nothing depends on it: names are unique to a run.
            let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
        }
    }
}

/// As `cell::in_place` between processes, for records of one length: these peers have to know it when they are made.
pub fn in_place_of<P: BytePeer>(list: &mut Vec<Cell>, peer: &str, len: usize)
where
    Processes: Between<Bytes<P>>,
{
    let capacity = (4 * len).max(1 << 20);
    let case = format!("{} through {}", cell::size(len), cell::size(capacity));
    cell::custom(list, "in place", case, Place::Processes, peer, move |plan| {
        let shape = Shape { name: plan.name.clone(), capacity, producers: 1 };
        Processes::run(
            &shape,
            P::HOLD,
            move |tx, side| work::bytes::send_in_place(tx, side, len),
            |rx, side| work::bytes::receive_in_place(rx, side, len, capacity, plan.timed),
        )
    });
}
