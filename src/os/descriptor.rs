//! [`Descriptor`]: a file descriptor that the program may close behind the library's back.
//!
//! Daemons close every descriptor that they do not know, and the next file that is opened gets the
//! free number. So a [`Descriptor`] sets the position of its open file to a number that no other
//! open file has, and compares it before each use, and before it closes.
//!
//! # References
//! close_range(2); lseek(2): the position belongs to the open file, not to the descriptor.
use core::mem::ManuallyDrop;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{SeekFrom, seek, tell};
use rustix::io::Errno;

use super::file::{self, Metadata};
use super::park::monotonic;

/// A file descriptor, and how to recognise the file that it was opened for. Closed when dropped, if
/// it is still that file's.
pub(crate) struct Descriptor {
    file: ManuallyDrop<File>,
    /// Identifies the file.
    file_id: (u64, u64),
    /// Identifies the open file, among several of the same file: its position, which nothing else
    /// uses. 0 for a pipe, which has none.
    position: u64,
}

/// Far beyond the end of every file, and below the limit of file systems that hold rings.
const POSITIONS: u64 = 1 << 40;

impl Descriptor {
    pub(crate) fn new(file: impl Into<OwnedFd>) -> Result<Self, Errno> {
        let file = File::from(file.into());
        let file_id = file::metadata(&file)?.file_id;
        // Another one at each moment: so it differs from that of a file that is opened later under
        // the same number.
        let position = POSITIONS + monotonic().as_nanos() as u64 % POSITIONS;
        let position = match seek(&file, SeekFrom::Start(position)) {
            Err(Errno::SPIPE) => 0,
            other => other?,
        };
        Ok(Self { file: ManuallyDrop::new(file), file_id, position })
    }

    /// The descriptor, if it is still that of the file for which it was opened.
    pub(crate) fn get(&self) -> Option<&File> {
        self.metadata()?;
        (tell(&*self.file).unwrap_or(0) == self.position).then_some(&*self.file)
    }

    /// The metadata of the file, if the descriptor is still one of that file, though perhaps not of
    /// the same open file.
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        file::metadata(&self.file).ok().filter(|metadata| self.is_of(metadata))
    }

    /// Whether this is the metadata of the file.
    pub(crate) fn is_of(&self, metadata: &Metadata) -> bool {
        metadata.file_id == self.file_id
    }
}

impl AsFd for Descriptor {
    /// The number as it is, whichever file has it now.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // Otherwise another file has the number by now, or none has.
        if self.get().is_some() {
            // SAFETY: dropped once, and not used after that.
            unsafe { ManuallyDrop::drop(&mut self.file) }
        }
    }
}
