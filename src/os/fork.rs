//! [`ForkMark`]: how a process finds out that it is a forked child.
//!
//! A forked child has a copy of every handle of its parent, and must not use one of them. The mark
//! is a word in a page that the kernel wipes in each child (`MADV_WIPEONFORK`, Linux 4.14). So the
//! child finds 0 however it was made: by `fork`, which runs handlers, or by `_Fork`, `clone` or the
//! bare system call, which do not. A child that opens a ring gets a page of its own.
//!
//! Older kernels refuse to wipe, and some emulators say that they do and do not. So a handler
//! stores the 0, too, in children of `fork`. Without the wiping, other children take themselves for
//! their parent, and so does a child that was forked at the moment when another thread opened a
//! ring. In any case, so does a child that shares its parent's memory (`vfork`, `CLONE_VM`) until
//! it runs another program.
//!
//! # References
//! madvise(2) `MADV_WIPEONFORK`; pthread_atfork(3); fork(2), "C library/kernel differences".
use core::ptr;
use std::sync::{Mutex, MutexGuard};
use std::thread::yield_now;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

use crate::sync::{Relaxed, Word};

/// 1 in the process that got it from [`ForkMark::of_this_process`], 0 in the forked children of
/// that process.
#[derive(Clone, Copy)]
pub(crate) struct ForkMark(&'static Word);

/// The mark of this process, or, in a forked child that has not asked for one, of its parent.
static CURRENT: Mutex<Option<ForkMark>> = Mutex::new(None);

impl ForkMark {
    /// The mark of this process.
    pub(crate) fn of_this_process() -> Result<Self, Errno> {
        let mut current = current();
        let own = current.as_deref().and_then(|mark| mark.filter(|mark| mark.is_own_process()));
        if let Some(mark) = own {
            return Ok(mark);
        }
        // It lives as long as the process: 4 KiB for each fork in the ancestry.
        let mark = Self::new()?;
        if let Some(current) = current.as_deref_mut() {
            if current.replace(mark).is_none() {
                wipe_by_handler();
            }
        }
        Ok(mark)
    }

    /// Whether this is the process that asked for the mark. A load.
    #[inline(always)]
    pub(crate) fn is_own_process(self) -> bool {
        // Relaxed: after the first store only the kernel changes it, or the single thread of a
        // child.
        self.0.load(Relaxed) != 0
    }

    /// A word in a page of its own, which is wiped in forked children.
    fn new() -> Result<Self, Errno> {
        // The kernel rounds it up to a page.
        const LEN: usize = size_of::<Word>();
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let page = unsafe { mmap_anonymous(ptr::null_mut(), LEN, protection, flags) }?;
        // SAFETY: the page was mapped above, and nothing points into it yet. If it fails, there is
        // the handler.
        let _ = unsafe { madvise(page, LEN, Advice::LinuxWipeOnFork) };
        // SAFETY: the page is page-aligned and never unmapped, zeros are a valid word, and it is
        // only accessed as an atomic.
        let word = unsafe { &*page.cast::<Word>() };
        // Relaxed: other threads get the mark from this one.
        word.store(1, Relaxed);
        Ok(Self(word))
    }
}

/// `CURRENT`, unless it stays locked: in a child that was forked while another thread had locked
/// it, it does so for ever. Such a child gets a page each time that it asks.
fn current() -> Option<MutexGuard<'static, Option<ForkMark>>> {
    (0..1000).find_map(|_| CURRENT.try_lock().inspect_err(|_| yield_now()).ok())
}

/// Makes each forked child store the 0 itself. Called once: children inherit the handler.
fn wipe_by_handler() {
    extern "C" fn in_child() {
        if let Some(ForkMark(mark)) = CURRENT.try_lock().ok().and_then(|mark| *mark) {
            // Relaxed: a child has a single thread at this point, a copy of the one that forked.
            mark.store(0, Relaxed);
        }
    }
    // SAFETY: the handler waits for no lock, and stores to a word, which is allowed in a forked
    // child. If there is no memory for the handler (the only error), only the kernel's wiping is
    // left.
    let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forks by the bare system call. Returns the child's exit status.
    fn child_says(is_true: impl FnOnce() -> bool) -> i32 {
        // SAFETY: the child only calls `is_true`, which takes no lock, and ends.
        match unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } {
            // SAFETY: ends the child; nothing of it is used afterwards.
            0 => unsafe { libc::_exit(is_true().into()) },
            child => {
                let mut status = 0;
                // SAFETY: waits for a child of this process; the status is a place for a number.
                let waited = unsafe { libc::waitpid(child as _, &raw mut status, 0) };
                assert_eq!(libc::c_long::from(waited), child);
                libc::WEXITSTATUS(status)
            }
        }
    }

    #[test]
    fn a_child_made_without_handlers_is_not_the_owner_of_its_parents_mark() {
        let mark = ForkMark::of_this_process().unwrap();
        assert!(mark.is_own_process());
        assert_eq!(child_says(|| !mark.is_own_process()), 1);
        assert!(mark.is_own_process());
    }

    #[test]
    fn a_child_and_its_child_get_marks_of_their_own() {
        let mark = ForkMark::of_this_process().unwrap();
        let in_child = || {
            let own = ForkMark::of_this_process().unwrap();
            let in_grandchild = || {
                let grandchild = ForkMark::of_this_process().unwrap();
                !mark.is_own_process() && !own.is_own_process() && grandchild.is_own_process()
            };
            own.is_own_process() && !mark.is_own_process() && child_says(in_grandchild) == 1
        };
        assert_eq!(child_says(in_child), 1);
    }

    #[test]
    fn threads_share_one_mark() {
        let of_this_process = || ForkMark::of_this_process().map(|mark| ptr::from_ref(mark.0) as usize);
        let own = of_this_process().unwrap();
        assert_eq!(std::thread::spawn(of_this_process).join().unwrap().unwrap(), own);
    }
}
