//! Open-file-description locks: a free lock proves that its holder has ended.
//!
//! The kernel drops such a lock with the last descriptor and the last mapping of the open file: at
//! the latest when its process (SIGKILL included) and all forked children that inherited it have
//! ended. It keeps the lock while the process is stopped. Unlike a POSIX lock, it survives when the
//! process closes another descriptor of the same file. Processes of other PID namespaces and other
//! users can test it.
//!
//! # References
//! fcntl(2), "Open file description locks (non-POSIX)".
use std::fs::File;
use std::os::fd::AsRawFd;

use crate::memory::{Offset, Span};

// On 32-bit glibc the plain structure has 32-bit offsets, and the structure that `fcntl` takes for
// these commands depends on glibc's version (since 2.28, the plain one). The system call itself
// takes 64-bit offsets.
#[cfg(not(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm"))))]
use libc::flock as Flock;
#[cfg(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm")))]
use libc::{SYS_fcntl64 as FCNTL, flock64 as Flock};

/// All bytes of a file: to the kernel, length zero means no end.
pub(crate) const WHOLE_FILE: Span = Span::new(Offset::new(0), 0);

fn lock_request(span: Span) -> Option<Flock> {
    Some(Flock {
        l_type: libc::F_WRLCK as _,
        l_whence: libc::SEEK_SET as _,
        l_start: span.start().try_into().ok()?,
        l_len: span.len().try_into().ok()?,
        // These commands require zero.
        l_pid: 0,
    })
}

/// One `fcntl` lock command. Returns the error number of the system if it fails.
fn lock_command(file: &File, command: libc::c_int, request: &mut Flock) -> Result<(), i32> {
    #[cfg(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm")))]
    // SAFETY: the descriptor is open, and `request` is what all three lock commands of this system
    // call take.
    let result = unsafe { libc::syscall(FCNTL, file.as_raw_fd(), command, core::ptr::from_mut(request)) };
    #[cfg(not(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm"))))]
    // SAFETY: the descriptor is open, and `request` is what all three lock commands take.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, core::ptr::from_mut(request)) };
    if result == -1 { Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) } else { Ok(()) }
}

/// Locks `span` for this open file. Returns `false` if another open file has a lock in it.
pub(crate) fn try_lock(file: &File, span: Span) -> Result<bool, i32> {
    let mut request = lock_request(span).ok_or(libc::EOVERFLOW)?;
    match lock_command(file, libc::F_OFD_SETLK, &mut request) {
        Ok(()) => Ok(true),
        Err(libc::EAGAIN | libc::EACCES) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Unlocks `span` for this open file.
pub(crate) fn unlock(file: &File, span: Span) {
    if let Some(mut request) = lock_request(span) {
        request.l_type = libc::F_UNLCK as _;
        // Cannot fail for a span that was locked. If it did, closing the file would unlock it.
        let _ = lock_command(file, libc::F_OFD_SETLK, &mut request);
    }
}

/// Returns a lock of *another* open file that overlaps `span`, any one of several. This open file's
/// own locks do not count.
pub(crate) fn conflicting_lock(file: &File, span: Span) -> Result<Option<Span>, i32> {
    let mut request = lock_request(span).ok_or(libc::EOVERFLOW)?;
    lock_command(file, libc::F_OFD_GETLK, &mut request)?;
    if i32::from(request.l_type) == i32::from(libc::F_UNLCK as i16) {
        return Ok(None);
    }
    // The kernel returns no negative numbers.
    let (start, len) = (request.l_start.try_into().unwrap_or(0), request.l_len.try_into().unwrap_or(0));
    Ok(Some(Span::new(Offset::new(start), len)))
}

/// Whether no *other* open file has a lock in `span`. `false` also if the system cannot say.
pub(crate) fn is_free_of_others(file: &File, span: Span) -> bool {
    conflicting_lock(file, span) == Ok(None)
}
