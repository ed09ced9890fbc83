//! Removing the name of a segment: in any case, or only if no participant holds a seat.
//!
//! # References
//! unlink(2); fcntl(2) `F_OFD_SETLK`, `F_OFD_GETLK`.
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::mapping::{io_error, metadata, open_ring};
use crate::error::SegmentError;
use crate::identity::{Identity, process};
use crate::layout::{self, SeatBlock, SeatState, State};
use crate::memory::Offset;
use crate::os::file::Access;
use crate::os::lock::WHOLE_FILE;
use crate::os::{file, lock};

/// How often the name may get another file while it is being removed.
const MAX_ATTEMPTS: u32 = 100;

/// Removes the name of the segment at `path`. Returns whether no participant held a seat.
pub(crate) fn unlink(path: &Path) -> Result<bool, SegmentError> {
    let file = open_ring(path, Access::ReadWrite).map_err(nothing_to_unlink)?;
    // This open file has no locks of its own.
    let is_unused = lock::is_free_of_others(&file, WHOLE_FILE);
    remove(path)?;
    Ok(is_unused)
}

/// Removes the name of the segment at `path`, unless a participant holds a seat.
///
/// The write lock on the whole file is granted only if no seat is locked, and as long as it is
/// held, no participant can lock one. It also keeps other callers of this function away from the
/// same file. So the file that is compared with the name is still the one that loses it.
pub(crate) fn unlink_if_unused(path: &Path) -> Result<(), SegmentError> {
    for _ in 0..MAX_ATTEMPTS {
        let file = open_ring(path, Access::ReadWrite).map_err(nothing_to_unlink)?;
        let in_use = |by| Err(SegmentError::InUse { path: path.into(), by });
        let is_locked = lock::try_lock(&file, WHOLE_FILE).map_err(|errno| SegmentError::Io {
            path: path.into(),
            doing: "locking it",
            error: io::Error::from_raw_os_error(errno),
        })?;
        if !is_locked {
            return in_use(lock_holder(&file));
        }
        if let Some(holder) = holder_without_lock(path, &file)? {
            return in_use(Some(holder));
        }
        if is_name_of(path, &file)? {
            return remove(path);
        }
        // The name has another file by now.
    }
    Err(io_error(path, "finding the file that has its name", Errno::AGAIN))
}

fn remove(path: &Path) -> Result<(), SegmentError> {
    file::unlink(path).map_err(|errno| nothing_to_unlink(io_error(path, "removing the name", errno)))
}

fn nothing_to_unlink(error: SegmentError) -> SegmentError {
    match error {
        SegmentError::NotFound { path, .. } => {
            SegmentError::NotFound { path, advice: "there is nothing to unlink" }
        }
        other => other,
    }
}

fn is_name_of(path: &Path, file: &File) -> Result<bool, SegmentError> {
    let examining = |errno| io_error(path, "examining it", errno);
    let named = file::metadata_at(path).map_err(examining).map_err(nothing_to_unlink)?;
    Ok(named.file_id == file::metadata(file).map_err(examining)?.file_id)
}

/// The participant whose lock keeps others from locking the whole file; of several, any one.
fn lock_holder(file: &File) -> Option<Identity> {
    let span = lock::conflicting_lock(file, WHOLE_FILE).ok()??;
    let is_seat = span.len() == SeatBlock::SIZE;
    if is_seat { holder(file, SeatBlock::new(Offset::new(span.start()))) } else { None }
}

/// A participant that is known to run and to hold a seat although its lock is gone. That happens
/// only where locks do not survive when a program closes descriptors behind the library's back.
fn holder_without_lock(path: &Path, file: &File) -> Result<Option<Identity>, SegmentError> {
    if file::locks_survive_close(file) {
        return Ok(None);
    }
    let len = metadata(path, file)?.len;
    let blocks = layout::seat_blocks(len, |at| word(file, at))
        .map_err(|error| SegmentError::Layout { path: path.into(), error })?;
    let mut holders = blocks.filter_map(|block| holder(file, block));
    Ok(holders.find(process::is_running))
}

/// The identity in a seat that is taken according to its state word.
fn holder(file: &File, block: SeatBlock) -> Option<Identity> {
    let word = |at| word(file, at);
    let state = SeatState::from_word(word(block.state())).state();
    (state == State::Taken).then(|| block.identity_by(word))
}

/// A word of the segment; 0 if it cannot be read.
fn word(file: &File, at: Offset) -> u64 {
    file::read_word(file, at.get()).unwrap_or(0)
}
