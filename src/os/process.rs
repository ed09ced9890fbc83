//! Who this process is, for others to read.
//!
//! # References
//! proc(5), `/proc/PID/stat`, fields 3, 9 and 22; pid_namespaces(7); pthread_atfork(3); signal(7).
use core::mem::MaybeUninit;
use std::format;
use std::os::unix::fs::MetadataExt;
use std::string::ToString;
use std::sync::{Once, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::identity::{Identity, Label};
use crate::sync::{Relaxed, Word};

/// How many forks lie between this process and the one that first asked: a number that is another one in a forked
/// child, and costs a load to know.
pub(crate) fn generation() -> u64 {
    // Relaxed: written only in a child's one thread, before `fork` returns there.
    GENERATION.load(Relaxed)
}

static GENERATION: Word = Word::zero();

/// Has forks counted from now on.
pub(crate) fn count_forks() {
    static ONCE: Once = Once::new();
    extern "C" fn in_the_child() {
        // Relaxed: the child has one thread as yet.
        GENERATION.store(generation() + 1, Relaxed);
    }
    ONCE.call_once(|| {
        // SAFETY: the handler only adds to a static word, which is allowed in a forked child. Should there be no memory
        // for it (the one error there is), forks are not counted.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
    });
}

/// Does `work` with signals blocked, as threads that are started meanwhile have them from the beginning: so they go to the program's own.
/// Not those that say what the thread itself has done.
pub(crate) fn without_signals<R>(work: impl FnOnce() -> R) -> R {
    let mut blocked = MaybeUninit::uninit();
    // SAFETY: it fills the set.
    let _ = unsafe { libc::sigfillset(blocked.as_mut_ptr()) };
    for own in [libc::SIGBUS, libc::SIGSEGV, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS] {
        // SAFETY: the set was filled; these are signals.
        let _ = unsafe { libc::sigdelset(blocked.as_mut_ptr(), own) };
    }
    let mut before = MaybeUninit::uninit();
    // SAFETY: a set that was filled, and room for one.
    let changed = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), before.as_mut_ptr()) };
    let done = work();
    if changed == 0 {
        // SAFETY: the set was written by the call before, which says so.
        let _ = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), core::ptr::null_mut()) };
    }
    done
}

/// This process's effective user id.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Who this process is, now.
pub(crate) fn identity() -> Identity {
    static LABEL: OnceLock<Label> = OnceLock::new();
    // The time when it was first asked for: after an exec, a later one.
    static RUN: OnceLock<u64> = OnceLock::new();
    let label = *LABEL.get_or_init(|| {
        let path = std::env::current_exe().unwrap_or_default();
        Label::new(&path.file_name().unwrap_or_default().to_string_lossy())
    });
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Identity {
        pid: std::process::id().into(),
        started: started().unwrap_or(0),
        attached: since_1970.as_nanos().try_into().unwrap_or(u64::MAX),
        namespace: namespace(),
        run: *RUN.get_or_init(|| since_1970.as_nanos() as u64 | 1),
        label,
    }
}

/// Whether the process of `who` is known to run. Not if that is another PID namespace's, or has ended and only waits for
/// its parent to notice.
pub(crate) fn is_running(who: &Identity) -> bool {
    if who.pid == u64::from(std::process::id()) && who.namespace == namespace() && who.run != identity().run {
        // This very process, when it was another program.
        return false;
    }
    let own_proc = || {
        let named = std::fs::read_link("/proc/self").ok()?;
        Some(named.to_str()? == std::process::id().to_string())
    };
    who.pid != 0
        && who.namespace != 0
        && who.namespace == namespace()
        // Else /proc is that of another namespace, and its numbers are others.
        && own_proc() == Some(true)
        && stat(&who.pid.to_string()).is_some_and(|stat| stat.started == who.started && !stat.has_ended)
}

/// The PID namespace of this process; 0 if the system does not tell.
fn namespace() -> u64 {
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |facts| facts.ino())
}

/// When this process started, in clock ticks since boot.
fn started() -> Option<u64> {
    Some(stat("self")?.started)
}

/// Among a process's flags: it is on its way out (`include/linux/sched.h`).
const PF_EXITING: u64 = 0x4;

/// What the system tells of a process.
struct Stat {
    /// In clock ticks since boot.
    started: u64,
    /// Whether it runs no more, and is still to be noticed by its parent.
    has_ended: bool,
}

fn stat(process: &str) -> Option<Stat> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the name in parentheses, and may contain anything; the third, the state, is next.
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = after_name.next()?;
    let flags: u64 = after_name.nth(9 - 4)?.parse().ok()?;
    let started = after_name.nth(22 - 10)?.parse().ok()?;
    // Its files are closed, and their locks gone, a moment before its state says so.
    let is_exiting = flags & PF_EXITING != 0;
    Some(Stat { started, has_ended: is_exiting || matches!(state, "Z" | "X" | "x") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_another_that_started_at_another_time_does_not() {
        let own = identity();
        assert!(is_running(&own));
        assert!(!is_running(&Identity { started: own.started + 1, ..own }), "a reused pid");
        assert!(!is_running(&Identity { namespace: own.namespace + 1, ..own }), "another namespace");
        assert!(!is_running(&Identity { pid: 0, ..own }));
    }

    #[test]
    fn this_process_has_started() {
        let own = identity();
        assert_eq!(own.pid, u64::from(std::process::id()));
        assert!(own.started > 0);
        assert!(own.label.to_string().starts_with("ringway"), "{own}");
    }
}
