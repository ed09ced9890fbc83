//! The only access to atomics.
//!
//! Every shared word is a [`Word`] (64 bits) or a [`Half`] (32 bits, the size that a futex needs).
//! They wrap core's atomics, or loom's under `--cfg loom`, so the code that is model-checked is the
//! code that ships. `clippy.toml` forbids core's atomics everywhere else.
//!
//! No code here uses sequentially consistent *accesses*: no algorithm needs them, and loom treats
//! them as acquire/release. It offers the [full fence](full_fence), which loom models exactly.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

#[cfg(loom)]
mod model;

#[cfg(not(loom))]
use core::sync::atomic;
#[cfg(loom)]
pub(crate) use model::crash;
#[cfg(loom)]
use model::crash as atomic;

pub(crate) use core::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};
use core::sync::atomic::compiler_fence as fence_compiler;

#[cfg(all(not(loom), not(target_has_atomic = "64")))]
compile_error!(
    "ringway needs lock-free 64-bit atomics: its positions are 64 bits wide, so that they never wrap"
);

/// A 64-bit word that several processes access.
#[repr(transparent)]
pub struct Word(atomic::AtomicU64);

impl Word {
    #[cfg(loom)]
    pub(crate) fn new(value: u64) -> Self {
        Self(atomic::AtomicU64::new(value))
    }

    /// A word that loom does not model.
    #[cfg(loom)]
    pub(crate) fn plain(value: u64) -> Self {
        Self(atomic::AtomicU64::Plain(core::sync::atomic::AtomicU64::new(value)))
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn store(&self, value: u64, order: Ordering) {
        self.0.store(value, order);
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange(current, new, success, failure)
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
        self.0.fetch_or(bits, order)
    }

    #[cfg(any(feature = "alloc", loom))]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn swap(&self, value: u64, order: Ordering) -> u64 {
        self.0.swap(value, order)
    }
}

/// A 32-bit word that several threads or processes access. A futex, if one parks on it.
#[repr(transparent)]
pub(crate) struct Half(atomic::AtomicU32);

impl Half {
    #[cfg(any(feature = "std", loom))]
    pub(crate) fn new(value: u32) -> Self {
        Self(atomic::AtomicU32::new(value))
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn store(&self, value: u32, order: Ordering) {
        self.0.store(value, order);
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn fetch_or(&self, bits: u32, order: Ordering) -> u32 {
        self.0.fetch_or(bits, order)
    }

    #[inline]
    #[cfg_attr(loom, track_caller)]
    pub(crate) fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.0.compare_exchange(current, new, success, failure)
    }

    /// The atomic itself, for the futex calls.
    #[cfg(feature = "std")]
    pub(crate) fn as_atomic(&self) -> &atomic::AtomicU32 {
        &self.0
    }
}

/// A full fence (sequentially consistent).
#[inline]
#[cfg_attr(loom, track_caller)]
pub(crate) fn full_fence() {
    atomic::fence(Ordering::SeqCst);
}

/// Keeps the compiler, but not the processor, from moving accesses across it.
#[inline]
pub(crate) fn compiler_fence() {
    fence_compiler(Ordering::SeqCst);
}

/// Pauses for a moment, so that a spinning thread takes fewer cycles from the core's other hardware
/// thread, and reads the contended cache line less often.
#[inline]
pub(crate) fn pause() {
    core::hint::spin_loop();
}

/// Lets the operating system run another thread. Without `std`, only pauses.
pub(crate) fn yield_now() {
    #[cfg(feature = "std")]
    std::thread::yield_now();
    #[cfg(not(feature = "std"))]
    pause();
}
