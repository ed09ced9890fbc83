//! Most system calls of the crate: files, locks, futex, clock, process. Linux.
//!
//! `file`, `lock`, `park` and `process` are thin: each function is one call, or a few that belong
//! together. `fork` and `descriptor` notice what the program does behind the library's back: it
//! forks, or closes descriptors. [`Mapping`] combines all of them into a
//! [`Memory`](crate::memory::Memory) that can prove deaths and park, and `unlink` removes the name
//! of a segment.
mod descriptor;
mod file;
mod fork;
mod lock;
mod mapping;
mod park;
mod process;
mod unlink;
mod users;

pub(crate) use descriptor::Descriptor;
pub(crate) use file::PERMISSIONS;
pub use mapping::Mapping;
pub(crate) use mapping::Pages;
pub(crate) use park::FutexMemory;
pub(crate) use park::{MOST_PARKED_ON, SystemPark, monotonic};
#[cfg(test)]
pub(crate) use process::identity;
pub(crate) use process::{Kinship, kinship, without_signals};
pub(crate) use unlink::{unlink, unlink_if_unused};
