//! Files that are complete before they have a name.
//!
//! # References
//! open(2) `O_TMPFILE`, linkat(2), fallocate(2), statfs(2), statvfs(3); tmpfs(5).
use std::format;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

/// A file in `directory` that has no name, and vanishes unless it gets one. Only its maker can reach it.
pub(crate) fn unnamed(directory: &Path) -> Result<File, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR)?.into())
}

/// Sets the permission bits, whatever the umask is.
pub(crate) fn set_mode(file: &File, mode: u32) -> Result<(), Errno> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode & 0o777))
}

/// Sets `len` bytes aside, zeroed, so that no later access can find the file system full.
///
/// By pieces: a signal takes back what a single call has done so far, and a timer would do so again and again.
pub(crate) fn reserve(file: &File, len: u64) -> Result<(), Errno> {
    const PIECE: u64 = 16 << 20;
    for start in (0..len).step_by(PIECE as usize) {
        let piece = PIECE.min(len - start);
        rustix::io::retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), start, piece))?;
    }
    Ok(())
}

/// Gives back what was set aside.
pub(crate) fn release(file: &File) -> Result<(), Errno> {
    rustix::fs::ftruncate(file, 0)
}

/// How many bytes are free in the file system of `file`, for this user; none if it has no limit.
pub(crate) fn free_space(file: &File) -> Result<Option<u64>, Errno> {
    let facts = rustix::fs::fstatvfs(file)?;
    Ok((facts.f_blocks > 0).then(|| facts.f_bavail.saturating_mul(facts.f_frsize)))
}

/// Gives `file` its name. `EXIST` if another has it: of two, one wins.
pub(crate) fn link(file: &File, path: &Path) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let by_number = format!("/proc/self/fd/{}", file.as_raw_fd());
    match rustix::fs::linkat(CWD, by_number, CWD, path, AtFlags::SYMLINK_FOLLOW) {
        // Without /proc: needs a newer kernel, or a privilege.
        Err(Errno::NOENT) => rustix::fs::linkat(file, "", CWD, path, AtFlags::EMPTY_PATH),
        other => other,
    }
}

/// Opens what is there for reading and writing: no symbolic link is followed, no device or pipe waited for.
pub(crate) fn open(path: &Path) -> Result<File, Errno> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?.into())
}

/// What is known of an open file.
pub(crate) struct Metadata {
    pub(crate) is_regular: bool,
    /// User id.
    pub(crate) owner: u32,
    /// In bytes.
    pub(crate) len: u64,
    /// Whether it still has a name.
    pub(crate) is_linked: bool,
    /// Which file it is: its device and its number there.
    pub(crate) which: (u64, u64),
}

pub(crate) fn facts(file: &File) -> Result<Metadata, Errno> {
    let stat = rustix::fs::fstat(file)?;
    Ok(Metadata {
        is_regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        owner: stat.st_uid,
        len: u64::try_from(stat.st_size).unwrap_or(0),
        is_linked: stat.st_nlink > 0,
        // The widths differ between systems.
        which: (stat.st_dev as u64, stat.st_ino as u64),
    })
}

/// Whether a mapping of `file` keeps its locks when its descriptor is closed. It does where it refers to the very file that was
/// opened, as on tmpfs; not so on overlayfs, which maps the file of a layer below. Other file systems are not relied on.
pub(crate) fn keeps_locks(file: &File) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    // The width of the field differs between systems.
    rustix::fs::fstatfs(file).is_ok_and(|facts| facts.f_type as u64 == TMPFS)
}

/// The first eight bytes as a word; zeros where there are fewer.
pub(crate) fn first_word(file: &File) -> Result<u64, io::Error> {
    use std::os::unix::fs::FileExt;
    let mut bytes = [0; 8];
    let mut at = 0;
    while let Some(rest @ [_, ..]) = bytes.get_mut(at..) {
        match file.read_at(rest, at as u64) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(u64::from_ne_bytes(bytes))
}

pub(crate) fn unlink(path: &Path) -> Result<(), Errno> {
    rustix::fs::unlink(path)
}
