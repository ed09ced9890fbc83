//! Thin system calls: files, locks, sockets, futex, clock, signals. Linux.
//!
//! Each function is one call, or a few that belong together. `fork` and `descriptor` notice what
//! the program does behind the library's back: it forks, or closes descriptors.
mod descriptor;
pub(crate) mod file;
mod fork;
pub(crate) mod lock;
pub(crate) mod memfd;
mod park;
mod process;
pub(crate) mod socket;

pub(crate) use descriptor::Descriptor;
pub(crate) use fork::ForkMark;
pub(crate) use park::FutexMemory;
pub(crate) use park::{MOST_PARKED_ON, SystemPark, monotonic};
pub(crate) use process::{user, without_signals};
