//! Signals of a thread, and the user of this process.
//!
//! # References
//! signal(7); geteuid(2).
use core::mem::MaybeUninit;

/// Runs `work` with all asynchronous signals blocked. A thread that `work` starts inherits the
/// mask, so the program's own threads keep receiving its signals. Synchronous signals (SIGSEGV,
/// SIGBUS, ...) stay unblocked.
pub(crate) fn without_signals<R>(work: impl FnOnce() -> R) -> R {
    let mut blocked = MaybeUninit::uninit();
    // SAFETY: the call fills the set.
    let _ = unsafe { libc::sigfillset(blocked.as_mut_ptr()) };
    for synchronous in [libc::SIGBUS, libc::SIGSEGV, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS]
    {
        // SAFETY: the set was filled above; these are signals.
        let _ = unsafe { libc::sigdelset(blocked.as_mut_ptr(), synchronous) };
    }
    let mut before = MaybeUninit::uninit();
    // SAFETY: the first set was filled above; the second is space for one.
    let changed = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), before.as_mut_ptr()) };
    let done = work();
    if changed == 0 {
        // SAFETY: the first call wrote the set: it returned zero.
        let _ = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), core::ptr::null_mut()) };
    }
    done
}

/// This process's effective user id.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}
