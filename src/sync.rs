//! The only door to atomics.
//!
//! Every shared word is a [`Word`] (64 bits) or a [`Half`] (32 bits, what a futex needs). They wrap
//! core's atomics, or loom's under `--cfg loom`, so that the code that is model-checked is the code
//! that ships. `clippy.toml` bars core's atomics everywhere else.
//!
//! Sequentially consistent *accesses* are not offered: no algorithm here needs them, and loom treats
//! them as acquire/release. The full [`fence`] is, and loom models it exactly.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

#[cfg(not(loom))]
use core::sync::atomic;
#[cfg(loom)]
use mortal as atomic;

pub(crate) use core::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::compiler_fence as fence_compiler;

#[cfg(all(not(loom), not(target_has_atomic = "64")))]
compile_error!(
    "ringway needs lock-free 64-bit atomics: its positions are 64 bits wide so that they never wrap"
);

/// A 64-bit word that several processes see.
#[repr(transparent)]
pub struct Word(atomic::AtomicU64);

impl Word {
    /// For a static.
    #[cfg(all(feature = "std", not(loom)))]
    pub(crate) const fn zero() -> Self {
        Self(atomic::AtomicU64::new(0))
    }

    #[cfg(loom)]
    pub(crate) fn new(value: u64) -> Self {
        Self(atomic::AtomicU64::new(value))
    }

    /// One of which loom knows nothing.
    #[cfg(loom)]
    pub(crate) fn plain(value: u64) -> Self {
        Self(atomic::AtomicU64::Plain(core::sync::atomic::AtomicU64::new(value)))
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    #[inline]
    pub(crate) fn store(&self, value: u64, order: Ordering) {
        self.0.store(value, order);
    }

    #[inline]
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
    pub(crate) fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
        self.0.fetch_or(bits, order)
    }

    #[cfg(any(feature = "alloc", loom))]
    pub(crate) fn swap(&self, value: u64, order: Ordering) -> u64 {
        self.0.swap(value, order)
    }
}

/// A 32-bit word that several processes see; a sleeper parks on it.
#[repr(transparent)]
pub(crate) struct Half(atomic::AtomicU32);

impl Half {
    #[cfg(loom)]
    pub(crate) fn new(value: u32) -> Self {
        Self(atomic::AtomicU32::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    #[inline]
    pub(crate) fn store(&self, value: u32, order: Ordering) {
        self.0.store(value, order);
    }

    #[inline]
    pub(crate) fn fetch_or(&self, bits: u32, order: Ordering) -> u32 {
        self.0.fetch_or(bits, order)
    }

    #[inline]
    pub(crate) fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.0.compare_exchange(current, new, success, failure)
    }

    /// The atomic itself, for the one system call that takes it.
    #[cfg(feature = "std")]
    pub(crate) fn as_atomic(&self) -> &atomic::AtomicU32 {
        &self.0
    }
}

/// A full fence. Under loom it is loom's, which is modelled exactly.
#[inline]
pub(crate) fn full_fence() {
    atomic::fence(Ordering::SeqCst);
}

/// Keeps the compiler, not the machine, from moving accesses across.
#[inline]
pub(crate) fn compiler_fence() {
    fence_compiler(Ordering::SeqCst);
}

/// The spin phase of a wait: crossbeam's, or under loom one that hands over at once, since the model
/// checker must be told when a thread cannot go on.
#[cfg(not(loom))]
pub(crate) use crossbeam_utils::Backoff;

#[cfg(loom)]
pub(crate) struct Backoff;

#[cfg(loom)]
impl Backoff {
    pub(crate) fn new() -> Self {
        Self
    }
    pub(crate) fn snooze(&self) {
        loom::thread::yield_now();
    }
    pub(crate) fn is_completed(&self) -> bool {
        true
    }
}

/// Loom's atomics, written by threads that may stop for ever between any two writes: see `Model::mortal`.
#[cfg(loom)]
pub(crate) mod mortal {
    use core::cell::Cell;

    pub(crate) use loom::sync::atomic::fence;

    use super::Ordering;

    loom::thread_local! {
        /// How many more shared writes this thread makes; none if it is immortal.
        static LEFT: Cell<Option<u32>> = Cell::new(None);
        static HAS_STOPPED: Cell<bool> = Cell::new(false);
    }

    /// What a thread that stops unwinds with.
    struct Stopped;

    /// Runs `body` on `end` until it has made `writes` shared writes and is about to make another, where it stops for ever;
    /// whether it came to its end before. Then `end` goes without a trace.
    pub(crate) fn run<E>(writes: u32, mut end: E, body: impl FnOnce(&mut E)) -> bool {
        LEFT.with(|left| left.set(Some(writes)));
        let outcome = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| body(&mut end)));
        HAS_STOPPED.with(|stopped| stopped.set(true));
        drop(end);
        HAS_STOPPED.with(|stopped| stopped.set(false));
        LEFT.with(|left| left.set(None));
        match outcome {
            Ok(()) => true,
            Err(payload) if payload.is::<Stopped>() => false,
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }

    /// Whether the thread has stopped, and is only unwinding.
    pub(crate) fn has_stopped() -> bool {
        HAS_STOPPED.with(Cell::get)
    }

    /// The thread is about to write: it stops here if it has no more writes. False if it had stopped before.
    pub(crate) fn may_write() -> bool {
        if has_stopped() {
            return false;
        }
        if LEFT.with(Cell::get) == Some(0) {
            HAS_STOPPED.with(|stopped| stopped.set(true));
            std::panic::resume_unwind(std::boxed::Box::new(Stopped));
        }
        true
    }

    /// The thread has written.
    pub(crate) fn has_written() {
        LEFT.with(|left| left.set(left.get().map(|left| left - 1)));
    }

    /// Writes, if the thread goes on.
    pub(crate) fn write(write: impl FnOnce()) {
        if may_write() {
            write();
            has_written();
        }
    }

    pub(super) enum AtomicU64 {
        Modelled(loom::sync::atomic::AtomicU64),
        /// Of which loom knows nothing: for words by which nothing is decided.
        Plain(core::sync::atomic::AtomicU64),
    }

    impl AtomicU64 {
        pub(super) fn new(value: u64) -> Self {
            Self::Modelled(loom::sync::atomic::AtomicU64::new(value))
        }
        pub(super) fn load(&self, order: Ordering) -> u64 {
            match self {
                Self::Modelled(word) => word.load(order),
                Self::Plain(word) => word.load(order),
            }
        }
        pub(super) fn store(&self, value: u64, order: Ordering) {
            match self {
                Self::Modelled(word) => write(|| word.store(value, order)),
                Self::Plain(word) => word.store(value, order),
            }
        }
        fn exchanged(&self) -> &loom::sync::atomic::AtomicU64 {
            let Self::Modelled(word) = self else { std::panic!("a plain word decides nothing") };
            word
        }
        /// Counts as a write if it exchanges.
        pub(super) fn compare_exchange(
            &self,
            current: u64,
            new: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            if !may_write() {
                return Err(current);
            }
            let exchanged = self.exchanged().compare_exchange(current, new, success, failure);
            if exchanged.is_ok() {
                has_written();
            }
            exchanged
        }
        pub(super) fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
            let mut found = 0;
            write(|| found = self.exchanged().fetch_or(bits, order));
            found
        }
        pub(super) fn swap(&self, value: u64, order: Ordering) -> u64 {
            let mut found = 0;
            write(|| found = self.exchanged().swap(value, order));
            found
        }
    }

    pub(super) struct AtomicU32(loom::sync::atomic::AtomicU32);

    impl AtomicU32 {
        pub(super) fn new(value: u32) -> Self {
            Self(loom::sync::atomic::AtomicU32::new(value))
        }
        pub(super) fn load(&self, order: Ordering) -> u32 {
            self.0.load(order)
        }
        pub(super) fn store(&self, value: u32, order: Ordering) {
            write(|| self.0.store(value, order));
        }
        pub(super) fn fetch_or(&self, bits: u32, order: Ordering) -> u32 {
            let mut found = 0;
            write(|| found = self.0.fetch_or(bits, order));
            found
        }
        /// Counts as a write if it exchanges.
        pub(super) fn compare_exchange(
            &self,
            current: u32,
            new: u32,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u32, u32> {
            if !may_write() {
                return Err(current);
            }
            let exchanged = self.0.compare_exchange(current, new, success, failure);
            if exchanged.is_ok() {
                has_written();
            }
            exchanged
        }
    }
}
