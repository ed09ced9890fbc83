//! Waiting for several things at once: [`Select`], [`Pollable`], `AsyncConsumer`.
#[cfg(feature = "async")]
mod async_consumer;
#[cfg(loom)]
mod model;
#[cfg(feature = "std")]
mod pollable;
#[cfg(any(feature = "std", loom))]
mod select;
#[cfg(feature = "std")]
mod waker_thread;

#[cfg(feature = "async")]
pub use async_consumer::AsyncConsumer;
#[cfg(loom)]
pub use model::WakerThread;
#[cfg(feature = "std")]
pub use pollable::Pollable;
#[cfg(any(feature = "std", loom))]
pub use select::{Select, Selectable};
#[cfg(feature = "std")]
pub(crate) use waker_thread::ConsumerWaker;
