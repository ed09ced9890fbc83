//! Files in memory without a name, and their seals.
//!
//! # References
//! memfd_create(2); fcntl(2), "File Sealing"; proc(5), `/proc/PID/fd`.
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::string::String;
use std::{format, fs};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;

/// With these, no process can cut the file, make it longer, or take a seal back.
const SEALS: [(SealFlags, &str); 3] = [
    (SealFlags::SHRINK, "F_SEAL_SHRINK"),
    (SealFlags::GROW, "F_SEAL_GROW"),
    (SealFlags::SEAL, "F_SEAL_SEAL"),
];

/// A file in memory that can be sealed. `label` is only for people who look into `/proc`.
pub(crate) fn create(label: &str) -> Result<File, Errno> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create(label, flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not know the last flag.
        Err(Errno::INVAL) => Ok(rustix::fs::memfd_create(label, flags)?.into()),
        other => Ok(other?.into()),
    }
}

/// Sets all seals.
pub(crate) fn seal(file: &File) -> Result<(), Errno> {
    let seals = SEALS.iter().fold(SealFlags::empty(), |all, (seal, _)| all | *seal);
    rustix::fs::fcntl_add_seals(file, seals)
}

/// The name of a seal that the file lacks.
pub(crate) fn missing_seal(file: &File) -> Option<&'static str> {
    // A file that cannot be sealed has none.
    let found = rustix::fs::fcntl_get_seals(file).unwrap_or(SealFlags::empty());
    SEALS.iter().find(|(seal, _)| !found.contains(*seal)).map(|(_, name)| *name)
}

/// Opens a file anew that this process has open. Locks belong to what an `open` has opened: two
/// descriptors of the same opening hold the same locks, and prove nothing to each other.
pub(crate) fn reopen(file: &File) -> Result<File, Errno> {
    let by_number = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::io::retry_on_intr(|| rustix::fs::open(&*by_number, flags, Mode::empty()))?.into())
}

/// What `/proc` calls the file, without what the kernel adds: `memfd:label`. The label may be a
/// hostile process's: everything that is not printable text is `·`.
pub(crate) fn name(file: &File) -> PathBuf {
    let link = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap_or_default();
    let link = link.to_string_lossy();
    let name = link.strip_prefix('/').unwrap_or(&link);
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    PathBuf::from(name.chars().map(|c| if c.is_control() { '·' } else { c }).collect::<String>())
}
