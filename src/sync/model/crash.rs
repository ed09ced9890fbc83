//! Loom's atomics, for threads that may stop for ever before any of their shared writes: see
//! `Model::crash_after`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use core::cell::Cell;
use core::panic::Location;

use super::mutate;
use crate::sync::Ordering;

/// A full fence. Its ordering is always sequentially consistent.
#[track_caller]
pub(in crate::sync) fn fence(_: Ordering) {
    if let Some(order) = mutate::fence(Location::caller()) {
        loom::sync::atomic::fence(order);
    }
}

loom::thread_local! {
    /// The number of shared writes that this thread still makes. `None` if it never stops.
    static WRITES_LEFT: Cell<Option<u32>> = Cell::new(None);
    /// Whether this thread has stopped, and only unwinds.
    static HAS_STOPPED: Cell<bool> = Cell::new(false);
}

/// The panic payload with which a stopped thread unwinds.
struct Stopped;

/// Runs `body` on `end` and stops it for ever before its shared write number `writes + 1`. Returns
/// `true` if `body` ended before that.
///
/// Drops `end` without any shared write.
pub(crate) fn run<E>(writes: u32, mut end: E, body: impl FnOnce(&mut E)) -> bool {
    WRITES_LEFT.with(|left| left.set(Some(writes)));
    let outcome = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| body(&mut end)));
    HAS_STOPPED.with(|stopped| stopped.set(true));
    drop(end);
    HAS_STOPPED.with(|stopped| stopped.set(false));
    WRITES_LEFT.with(|left| left.set(None));
    match outcome {
        Ok(()) => true,
        Err(payload) if payload.is::<Stopped>() => false,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Whether this thread has stopped, and only unwinds.
pub(crate) fn has_stopped() -> bool {
    HAS_STOPPED.with(Cell::get)
}

/// Call before a shared write. Stops the thread if it has no writes left. Returns `false` if it had
/// stopped before.
pub(crate) fn may_write() -> bool {
    if has_stopped() {
        return false;
    }
    if WRITES_LEFT.with(Cell::get) == Some(0) {
        HAS_STOPPED.with(|stopped| stopped.set(true));
        std::panic::resume_unwind(std::boxed::Box::new(Stopped));
    }
    true
}

/// Counts one shared write of this thread.
pub(crate) fn has_written() {
    WRITES_LEFT.with(|left| left.set(left.get().map(|left| left - 1)));
}

/// Calls `write` and counts one shared write, unless the thread has stopped or stops here.
pub(crate) fn write(write: impl FnOnce()) {
    if may_write() {
        write();
        has_written();
    }
}

pub(in crate::sync) enum AtomicU64 {
    Modelled(loom::sync::atomic::AtomicU64),
    /// Hidden from loom: for words by which no participant decides anything.
    Plain(core::sync::atomic::AtomicU64),
}

impl AtomicU64 {
    pub(in crate::sync) fn new(value: u64) -> Self {
        Self::Modelled(loom::sync::atomic::AtomicU64::new(value))
    }
    #[track_caller]
    pub(in crate::sync) fn load(&self, order: Ordering) -> u64 {
        match self {
            Self::Modelled(word) => word.load(mutate::access(Location::caller(), order)),
            Self::Plain(word) => word.load(order),
        }
    }
    #[track_caller]
    pub(in crate::sync) fn store(&self, value: u64, order: Ordering) {
        match self {
            Self::Modelled(word) => {
                let order = mutate::access(Location::caller(), order);
                write(|| word.store(value, order));
            }
            Self::Plain(word) => word.store(value, order),
        }
    }
    fn exchanged(&self) -> &loom::sync::atomic::AtomicU64 {
        let Self::Modelled(word) = self else {
            std::panic!("an exchange of a word that is hidden from loom")
        };
        word
    }
    /// Counts as a write if it succeeds.
    #[track_caller]
    pub(in crate::sync) fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        if !may_write() {
            return Err(current);
        }
        let success = mutate::access(Location::caller(), success);
        let failure = mutate::failure(Location::caller(), failure);
        let exchanged = self.exchanged().compare_exchange(current, new, success, failure);
        if exchanged.is_ok() {
            has_written();
        }
        exchanged
    }
    #[track_caller]
    pub(in crate::sync) fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
        let order = mutate::access(Location::caller(), order);
        let mut found = 0;
        write(|| found = self.exchanged().fetch_or(bits, order));
        found
    }
    #[track_caller]
    pub(in crate::sync) fn swap(&self, value: u64, order: Ordering) -> u64 {
        let order = mutate::access(Location::caller(), order);
        let mut found = 0;
        write(|| found = self.exchanged().swap(value, order));
        found
    }
}

pub(in crate::sync) struct AtomicU32(loom::sync::atomic::AtomicU32);

impl AtomicU32 {
    pub(in crate::sync) fn new(value: u32) -> Self {
        Self(loom::sync::atomic::AtomicU32::new(value))
    }
    #[track_caller]
    pub(in crate::sync) fn load(&self, order: Ordering) -> u32 {
        self.0.load(mutate::access(Location::caller(), order))
    }
    #[track_caller]
    pub(in crate::sync) fn store(&self, value: u32, order: Ordering) {
        let order = mutate::access(Location::caller(), order);
        write(|| self.0.store(value, order));
    }
    #[track_caller]
    pub(in crate::sync) fn fetch_or(&self, bits: u32, order: Ordering) -> u32 {
        let order = mutate::access(Location::caller(), order);
        let mut found = 0;
        write(|| found = self.0.fetch_or(bits, order));
        found
    }
    /// Counts as a write if it succeeds.
    #[track_caller]
    pub(in crate::sync) fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        if !may_write() {
            return Err(current);
        }
        let success = mutate::access(Location::caller(), success);
        let failure = mutate::failure(Location::caller(), failure);
        let exchanged = self.0.compare_exchange(current, new, success, failure);
        if exchanged.is_ok() {
            has_written();
        }
        exchanged
    }
}
