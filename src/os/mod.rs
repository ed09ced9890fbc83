//! The only system calls: files, locks, futex, clock, process. Linux.
//!
//! `file`, `lock`, `park` and `process` are thin: each function is one call, or the few that belong together.
//! [`Mapping`] puts them together: a [`Memory`](crate::Memory) with a witness, that can park.
mod file;
mod lock;
mod mapping;
mod park;
mod process;

pub use mapping::Mapping;
pub(crate) use mapping::Pages;
pub use park::FutexMemory;
pub(crate) use park::{MOST_PARKED_ON, System, monotonic, park_on_any};
pub(crate) use process::without_signals;
