//! What several test programs share: child processes, names of segments, and dumps of them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod dump;
pub mod process;
mod segment_name;

pub use segment_name::Name;

use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex;
use rustix::time::ClockId;

/// The longest sleep of a waiting participant, in the library that is tested. In a build with long slices
/// (see `tests/long_slices/run`) a wait that misses its wake-up outlasts [`PATIENCE`](process::PATIENCE).
pub const SLICE: Duration =
    if cfg!(ringway_long_slices) { Duration::from_secs(20) } else { Duration::from_millis(100) };

/// Whether a thread can sleep on several words at once (Linux 5.16, unless a container refuses it).
/// If not, each word has an attendant.
pub fn can_sleep_on_several() -> bool {
    let none = futex::waitv(&[], futex::WaitvFlags::empty(), None, ClockId::Monotonic);
    !matches!(none, Err(Errno::NOSYS | Errno::PERM))
}
