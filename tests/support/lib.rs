//! What several test programs share: child processes, names of segments, and dumps of them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod dump;
pub mod process;
mod segment_name;

pub use segment_name::Name;

use rustix::io::Errno;
use rustix::thread::futex;
use rustix::time::ClockId;

/// Whether a thread can sleep on several words at once (Linux 5.16, unless a container refuses it).
/// If not, each word has an attendant.
pub fn can_sleep_on_several() -> bool {
    let none = futex::waitv(&[], futex::WaitvFlags::empty(), None, ClockId::Monotonic);
    !matches!(none, Err(Errno::NOSYS | Errno::PERM))
}
