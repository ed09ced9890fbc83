//! Who this process is, for others to read.
//!
//! # References
//! proc(5), `/proc/self/stat`, field 22; pthread_atfork(3).
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

/// This process's effective user id.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Who this process is, now.
pub(crate) fn identity() -> Identity {
    static LABEL: OnceLock<Label> = OnceLock::new();
    let label = *LABEL.get_or_init(|| {
        let path = std::env::current_exe().unwrap_or_default();
        Label::new(&path.file_name().unwrap_or_default().to_string_lossy())
    });
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Identity {
        pid: std::process::id().into(),
        started: started().unwrap_or(0),
        attached: since_1970.as_nanos().try_into().unwrap_or(u64::MAX),
        label,
    }
}

/// When this process started, in clock ticks since boot.
fn started() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name in parentheses, and may contain anything; the third is next.
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    #[test]
    fn this_process_has_started() {
        let own = super::identity();
        assert_eq!(own.pid, u64::from(std::process::id()));
        assert!(own.started > 0);
        assert!(own.label.to_string().starts_with("ringway"), "{own}");
    }
}
