//! The identity of this process, and whether another one runs.
//!
//! # References
//! proc(5), `/proc/PID/stat`, fields 3, 9 and 22; pid_namespaces(7).
use std::format;
use std::os::unix::fs::MetadataExt;
use std::string::ToString;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Identity, Label};

/// The identity of this process now.
pub(crate) fn identity() -> Identity {
    static LABEL: OnceLock<Label> = OnceLock::new();
    // The time of the first call in this program. After an exec it is a later one.
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

/// Whether the process of `who` is known to run. False if it belongs to another PID namespace, and
/// if it has ended and only waits for its parent to reap it.
pub(crate) fn is_running(who: &Identity) -> bool {
    if kinship(who) == Kinship::SameProcess && who.run != identity().run {
        // This very process, when it ran another program.
        return false;
    }
    let has_own_proc = || {
        let link = std::fs::read_link("/proc/self").ok()?;
        Some(link.to_str()? == std::process::id().to_string())
    };
    who.pid != 0
        && who.namespace != 0
        && who.namespace == namespace()
        // Otherwise /proc belongs to another namespace, with other process ids.
        && has_own_proc() == Some(true)
        && stat(&who.pid.to_string()).is_some_and(|stat| stat.started == who.started && !stat.has_ended)
}

/// How another participant relates to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinship {
    SameProcess,
    /// Its process id means something here.
    SameNamespace,
    /// Its process id means nothing here.
    OtherNamespace,
    Unknown,
}

pub(crate) fn kinship(who: &Identity) -> Kinship {
    let own = namespace();
    if who.pid == 0 || who.namespace == 0 || own == 0 {
        Kinship::Unknown
    } else if who.namespace != own {
        Kinship::OtherNamespace
    } else if who.pid == u64::from(std::process::id()) {
        Kinship::SameProcess
    } else {
        Kinship::SameNamespace
    }
}

/// The PID namespace of this process; 0 if the system does not say.
fn namespace() -> u64 {
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}

/// When this process started, in clock ticks since boot.
fn started() -> Option<u64> {
    Some(stat("self")?.started)
}

/// A flag of a process: it is exiting (`include/linux/sched.h`).
const PF_EXITING: u64 = 0x4;

/// What the system says about a process.
struct Stat {
    /// In clock ticks since boot.
    started: u64,
    /// Whether it has ended and waits for its parent to reap it.
    has_ended: bool,
}

fn stat(process: &str) -> Option<Stat> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the name in parentheses, which may contain anything. The state, the
    // third, is next.
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = after_name.next()?;
    let flags: u64 = after_name.nth(9 - 4)?.parse().ok()?;
    let started = after_name.nth(22 - 10)?.parse().ok()?;
    // An exiting process loses its files and locks a moment before its state shows that.
    let is_exiting = flags & PF_EXITING != 0;
    Some(Stat { started, has_ended: is_exiting || matches!(state, "Z" | "X" | "x") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_process_with_the_same_pid_start_and_namespace_is_running() {
        let own = identity();
        assert!(is_running(&own));
        assert!(!is_running(&Identity { started: own.started + 1, ..own }), "a reused pid");
        assert!(!is_running(&Identity { namespace: own.namespace + 1, ..own }), "another namespace");
        assert!(!is_running(&Identity { pid: 0, ..own }));
    }

    #[test]
    fn kinship_tells_namespaces_apart() {
        let own = identity();
        assert_eq!(kinship(&own), Kinship::SameProcess);
        assert_eq!(kinship(&Identity { pid: own.pid + 1, ..own }), Kinship::SameNamespace);
        assert_eq!(kinship(&Identity { namespace: own.namespace + 1, ..own }), Kinship::OtherNamespace);
        assert_eq!(kinship(&Identity { namespace: 0, ..own }), Kinship::Unknown);
        assert_eq!(kinship(&Identity { pid: 0, ..own }), Kinship::Unknown);
    }

    #[test]
    fn the_identity_of_this_process_is_complete() {
        let own = identity();
        assert_eq!(own.pid, u64::from(std::process::id()));
        assert!(own.started > 0);
        assert!(own.label.to_string().starts_with("ringway"), "{own}");
    }
}
