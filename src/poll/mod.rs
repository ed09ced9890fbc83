//! Waiting for several things at once: [`Select`], [`Pollable`], tasks. It works for every [`End`].
#[cfg(any(feature = "std", loom))]
mod end;
#[cfg(loom)]
mod model;
#[cfg(feature = "std")]
mod pollable;
#[cfg(any(feature = "std", loom))]
mod select;
#[cfg(feature = "async")]
mod task;
#[cfg(feature = "std")]
mod waker_thread;

#[cfg(any(feature = "std", loom))]
pub(crate) use end::End;
#[cfg(loom)]
pub use model::WakerThread;
#[cfg(feature = "std")]
pub use pollable::Pollable;
#[cfg(feature = "std")]
pub(crate) use pollable::pollable;
#[cfg(any(feature = "std", loom))]
pub use select::{Select, Selectable};
#[cfg(feature = "async")]
pub(crate) use task::TaskWaker;
#[cfg(feature = "std")]
pub(crate) use waker_thread::Waker;
#[cfg(feature = "async")]
pub(crate) use waker_thread::{checked, without_waker};
