//! An end's waker thread for models, which run it on a thread of their own.
use alloc::sync::Arc;
use std::io;

use super::end::{End, arm_with};
use crate::memory::{Memory, WordRef};
use crate::wait::WakeProxy;

/// What a model needs to run a waker thread.
pub struct WakerThread<M> {
    memory: M,
    parked: WordRef,
    has_several_sleepers: bool,
    proxy: Arc<WakeProxy>,
}

/// What a waker thread calls when it is woken.
pub(super) type Notify = Arc<dyn Fn() + Send + Sync>;

// In a model, `Select` sleeps on all words at once. No end gets a thread.
pub(super) fn spawn<E: End>(_: &mut E, _: &Notify) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn arm_only<E: End>(_: &E, _: u32, _: &Notify) -> bool {
    false
}

pub(super) fn disarm<E: End>(_: &E) {}

impl<M: Memory> WakerThread<M> {
    /// A waker thread for this end, which the model has to run.
    pub(crate) fn of<E: End<Memory = M>>(end: &E) -> Self {
        let word = end.wait_word();
        Self {
            memory: end.memory().clone(),
            parked: word.parked.clone(),
            has_several_sleepers: word.has_several_sleepers,
            proxy: Arc::default(),
        }
    }

    /// Like `Pollable::arm`.
    pub(crate) fn arm<E: End<Memory = M>>(&self, end: &mut E) -> bool {
        let Self { memory, parked, proxy, .. } = self;
        arm_with(end, |expected, can_rely_on_wake_up| {
            proxy.arm(memory, parked, expected, true, can_rely_on_wake_up)
        })
    }

    /// What the thread does.
    pub fn run(&self, signal: impl Fn()) {
        self.proxy.run(&self.memory, &self.parked, self.has_several_sleepers, || true, signal);
    }

    /// Stops it.
    pub fn stop(&self) {
        self.proxy.stop(&self.memory, Some(&self.parked));
    }
}

impl<M: Clone> Clone for WakerThread<M> {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.clone(),
            parked: self.parked.clone(),
            has_several_sleepers: self.has_several_sleepers,
            proxy: self.proxy.clone(),
        }
    }
}
