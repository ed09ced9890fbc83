//! Files that are complete before they have a name.
//!
//! # References
//! open(2) `O_TMPFILE`, `O_PATH`; linkat(2), fallocate(2), statfs(2), statvfs(3); tmpfs(5).
use std::format;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(crate) use rustix::fs::FileType;
use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

/// A file in `directory` without a name. It vanishes unless it gets one, and no other process can
/// open it.
pub(crate) fn unnamed(directory: &Path) -> Result<File, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR)?.into())
}

/// Sets the permission bits. The umask does not apply.
pub(crate) fn set_mode(file: &File, mode: u32) -> Result<(), Errno> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode & PERMISSIONS))
}

/// The permission bits of a file's mode.
pub(crate) const PERMISSIONS: u32 = 0o777;

/// Allocates `len` bytes of zeros, so that no later access finds the file system full.
///
/// In pieces: a signal undoes what a single call has done so far, and a timer would undo it again
/// and again.
pub(crate) fn reserve(file: &File, len: u64) -> Result<(), Errno> {
    const PIECE: u64 = 16 << 20;
    for start in (0..len).step_by(PIECE as usize) {
        let piece = PIECE.min(len - start);
        rustix::io::retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), start, piece))?;
    }
    Ok(())
}

/// Frees all space of the file.
pub(crate) fn release(file: &File) -> Result<(), Errno> {
    rustix::fs::ftruncate(file, 0)
}

/// Free bytes in the file system of `file`, for this user; none if it has no limit.
pub(crate) fn free_space(file: &File) -> Result<Option<u64>, Errno> {
    let stat = rustix::fs::fstatvfs(file)?;
    Ok((stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize)))
}

/// Gives `file` its name. `EXIST` if the name is taken: of two processes, one wins.
pub(crate) fn link(file: impl AsFd, path: &Path) -> Result<(), Errno> {
    let by_number = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    match rustix::fs::linkat(CWD, by_number, CWD, path, AtFlags::SYMLINK_FOLLOW) {
        // Without /proc: needs a newer kernel, or a privilege.
        Err(Errno::NOENT) => rustix::fs::linkat(file, "", CWD, path, AtFlags::EMPTY_PATH),
        other => other,
    }
}

/// Why a file was not opened.
pub(crate) enum OpenError {
    /// It is no regular file.
    Type(FileType),
    /// The system refused.
    System { doing: &'static str, errno: Errno },
}

/// What a file is opened for.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    Read,
    ReadWrite,
}

impl Access {
    const fn flags(self) -> OFlags {
        match self {
            Self::Read => OFlags::RDONLY,
            Self::ReadWrite => OFlags::RDWR,
        }
    }
}

/// Opens a regular file. Follows no symbolic link.
///
/// The type is checked before the file is opened, because opening a pipe or a device has effects: a
/// writer that waits for a reader would continue, and be killed by SIGPIPE. The name
/// may get another file at any time. So it is looked up only once, by an open with `O_PATH`, which
/// has no effect on the file.
pub(crate) fn open(path: &Path, access: Access) -> Result<File, OpenError> {
    let found = find(path).map_err(|errno| OpenError::System { doing: "examining it", errno })?;
    open_found(&found, path, access)
}

/// Opens what `find` found at `path`.
fn open_found(found: &File, path: &Path, access: Access) -> Result<File, OpenError> {
    let failed = |doing| move |errno| OpenError::System { doing, errno };
    let file_id = check_regular(found)?.file_id;
    let file = match reopen(found, access) {
        // Without /proc: needs the name once more.
        Err(Errno::NOENT | Errno::NOTDIR) => open_by_name(path, access),
        other => other,
    };
    let file = file.map_err(failed("opening it"))?;
    if check_regular(&file)?.file_id == file_id {
        Ok(file)
    } else {
        Err(failed("opening it: its name was given to another file")(Errno::AGAIN))
    }
}

/// Looks up a name without an effect on its file, which can only be examined through the result.
fn find(path: &Path) -> Result<File, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?.into())
}

fn check_regular(file: &File) -> Result<Metadata, OpenError> {
    let metadata = metadata(file).map_err(|errno| OpenError::System { doing: "examining it", errno })?;
    match metadata.file_type {
        FileType::RegularFile => Ok(metadata),
        other => Err(OpenError::Type(other)),
    }
}

/// Opens the file that was found.
fn reopen(found: &File, access: Access) -> Result<File, Errno> {
    let flags = access.flags() | OFlags::CLOEXEC | OFlags::NOCTTY;
    let by_number = format!("/proc/self/fd/{}", found.as_raw_fd());
    Ok(rustix::io::retry_on_intr(|| rustix::fs::open(&*by_number, flags, Mode::empty()))?.into())
}

/// Opens the file that has this name now. Waits for no device or pipe.
fn open_by_name(path: &Path, access: Access) -> Result<File, Errno> {
    let flags = access.flags() | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?.into())
}

/// What the system knows of a file.
pub(crate) struct Metadata {
    pub(crate) file_type: FileType,
    /// The permission bits.
    pub(crate) mode: u32,
    /// User id.
    pub(crate) owner: u32,
    /// In bytes.
    pub(crate) len: u64,
    /// Bytes that its file system has allocated for it. Fewer than `len` if it has holes.
    pub(crate) allocated: u64,
    /// Its device, and its inode there. No two files share both.
    pub(crate) file_id: (u64, u64),
}

impl Metadata {
    #[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
    fn new(stat: &Stat) -> Self {
        Self {
            file_type: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode & PERMISSIONS,
            owner: stat.st_uid,
            len: u64::try_from(stat.st_size).unwrap_or(0),
            // In units of 512 bytes on every file system.
            allocated: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
            file_id: (stat.st_dev as u64, stat.st_ino as u64),
        }
    }
}

/// The metadata of an open file.
pub(crate) fn metadata(file: &File) -> Result<Metadata, Errno> {
    Ok(Metadata::new(&rustix::fs::fstat(file)?))
}

/// The metadata of the file that has this name now. Opens nothing and follows no symbolic link.
pub(crate) fn metadata_at(path: &Path) -> Result<Metadata, Errno> {
    Ok(Metadata::new(&rustix::fs::lstat(path)?))
}

/// The largest file that this process may write, in bytes; none if it has no such limit. Going
/// beyond it is a SIGXFSZ.
pub(crate) fn size_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current
}

/// Whether the file system of `directory` has no inode for another file.
pub(crate) fn lacks_inodes(directory: &Path) -> bool {
    // Zero files in all: it has no such limit.
    rustix::fs::statvfs(directory).is_ok_and(|stat| stat.f_files > 0 && stat.f_favail == 0)
}

/// Whether all pages of `file` are huge ones, so that neither its length nor a part of it can be
/// that of a ring.
pub(crate) fn is_in_huge_pages(file: &File) -> bool {
    const HUGETLBFS: u64 = 0x9584_58f6;
    is_in_file_system(file, HUGETLBFS)
}

/// Whether the locks of `file` survive when its descriptor is closed while a mapping of it exists.
///
/// They do where the mapping refers to the very file that was opened, as on tmpfs. They do not on
/// overlayfs, which maps the file of a layer below. Other file systems are not relied on.
pub(crate) fn locks_survive_close(file: &File) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    is_in_file_system(file, TMPFS)
}

/// `magic` has 32 bits.
fn is_in_file_system(file: &File, magic: u64) -> bool {
    // The width of the field differs between systems, and 32 bits can be negative.
    rustix::fs::fstatfs(file).is_ok_and(|stat| stat.f_type as u64 & u64::from(u32::MAX) == magic)
}

/// Eight bytes at `at` as a word. Bytes beyond the end of the file are zero.
pub(crate) fn read_word(file: &File, at: u64) -> Result<u64, io::Error> {
    let mut bytes = [0; 8];
    let mut done = 0;
    while let Some(rest @ [_, ..]) = bytes.get_mut(done..) {
        match file.read_at(rest, at.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(u64::from_ne_bytes(bytes))
}

pub(crate) fn unlink(path: &Path) -> Result<(), Errno> {
    rustix::fs::unlink(path)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rustix::fs::mkfifoat;

    use super::*;

    /// Opening the pipe would release, and then kill, a writer that waits for a reader.
    #[test]
    fn a_pipe_that_takes_the_name_of_a_file_is_not_opened() {
        let directory = PathBuf::from(format!("/dev/shm/ringway-pipe-takes-name-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let (path, pipe) = (directory.join("file"), directory.join("pipe"));
        std::fs::write(&path, "file").unwrap();
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let found = find(&path).unwrap();
        std::fs::rename(&pipe, &path).unwrap();
        let opened = open_found(&found, &path, Access::ReadWrite);
        let by_name = open(&path, Access::ReadWrite);
        std::fs::remove_dir_all(&directory).unwrap();
        let Ok(opened) = opened else { panic!("it looked for the name again") };
        assert_eq!(read_word(&opened, 0).unwrap().to_ne_bytes(), *b"file\0\0\0\0");
        assert!(matches!(by_name, Err(OpenError::Type(FileType::Fifo))));
    }
}
