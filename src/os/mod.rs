//! The only system calls: files, locks, futex, clock, process. Linux.
//!
//! Thin: each function is one call, or the few that belong together, with its errors told apart. What they
//! are *for* is decided in `segment`.
pub(crate) mod file;
pub(crate) mod lock;
mod park;
pub(crate) mod process;

pub(crate) use park::{barrier, join_barriers, monotonic, park, unpark};
