//! Open-file-description locks: the proof of life.
//!
//! The kernel drops such a lock when the last descriptor of the open file is closed: at the latest when its
//! process (and every forked child that inherited the descriptor) has ended, SIGKILL included. It does not drop
//! it while the process is stopped; it is not lost when another descriptor of the file is closed, unlike a
//! POSIX lock; and it is told across PID namespaces and users.
//!
//! # References
//! fcntl(2), "Open file description locks (non-POSIX)".
use std::fs::File;
use std::os::fd::AsRawFd;

use crate::memory::Span;

// On 32-bit glibc the plain structure has 32-bit offsets, and what `fcntl` takes for these commands differs between its
// versions (since 2.28, the plain one). The kernel's own call takes the one with 64-bit offsets.
#[cfg(not(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm"))))]
use libc::flock as Flock;
#[cfg(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm")))]
use libc::{SYS_fcntl64 as FCNTL, flock64 as Flock};

fn request(span: Span) -> Option<Flock> {
    Some(Flock {
        l_type: libc::F_WRLCK as _,
        l_whence: libc::SEEK_SET as _,
        l_start: span.start().try_into().ok()?,
        l_len: span.len().try_into().ok()?,
        // Zero, as these commands want it.
        l_pid: 0,
    })
}

/// One `fcntl` lock command; the system's error number if it fails.
fn lock_command(file: &File, command: libc::c_int, request: &mut Flock) -> Result<(), i32> {
    #[cfg(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm")))]
    // SAFETY: the descriptor is open, and `request` is what all three lock commands of this system call take.
    let result = unsafe { libc::syscall(FCNTL, file.as_raw_fd(), command, core::ptr::from_mut(request)) };
    #[cfg(not(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm"))))]
    // SAFETY: the descriptor is open, and `request` is what all three lock commands take.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, core::ptr::from_mut(request)) };
    if result == -1 { Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) } else { Ok(()) }
}

/// Locks `span` for this open file; false if another open file has it.
pub(crate) fn try_lock(file: &File, span: Span) -> Result<bool, i32> {
    let mut request = request(span).ok_or(libc::EOVERFLOW)?;
    match lock_command(file, libc::F_OFD_SETLK, &mut request) {
        Ok(()) => Ok(true),
        Err(libc::EAGAIN | libc::EACCES) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Unlocks `span` for this open file.
pub(crate) fn unlock(file: &File, span: Span) {
    if let Some(mut request) = request(span) {
        request.l_type = libc::F_UNLCK as _;
        // Cannot fail for a span that was locked; and if it did, closing the file unlocks it.
        let _ = lock_command(file, libc::F_OFD_SETLK, &mut request);
    }
}

/// Whether no *other* open file has a lock within `span` (of length zero: to the end). This open file's own
/// locks do not count.
pub(crate) fn is_free(file: &File, span: Span) -> Result<bool, i32> {
    let mut request = request(span).ok_or(libc::EOVERFLOW)?;
    lock_command(file, libc::F_OFD_GETLK, &mut request)?;
    Ok(i32::from(request.l_type) == i32::from(libc::F_UNLCK as i16))
}
