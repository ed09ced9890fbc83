//! A consumer's waker thread for models, which run it on a thread of their own.
use alloc::sync::Arc;
use std::io;

use crate::memory::{Memory, WordRef};
use crate::ring::{Consumer, Kind, Message};
use crate::wait::WakeProxy;

/// What a model needs to run a waker thread.
pub struct WakerThread<M> {
    memory: M,
    parked: WordRef,
    proxy: Arc<WakeProxy>,
}

impl<K: Kind, T: Message + ?Sized, M: Memory> Consumer<K, T, M> {
    /// A waker thread for this consumer, which the model has to run.
    pub fn waker_thread(&self) -> WakerThread<M> {
        let memory = self.seat.memory().clone();
        WakerThread { memory, parked: self.seat.wait_word().parked.clone(), proxy: Arc::default() }
    }

    /// Like `Pollable::arm`.
    pub fn arm(&mut self, waker: &WakerThread<M>) -> bool {
        let WakerThread { memory, parked, proxy } = waker;
        self.arm_with(|expected, can_rely_on_wake_up| {
            proxy.arm(memory, parked, expected, true, can_rely_on_wake_up)
        })
    }
}

/// What a waker thread calls when it is woken.
pub(super) type Notify = Arc<dyn Fn() + Send + Sync>;

/// In a model, [`Select`](super::Select) sleeps on all words at once. No consumer gets a thread.
impl<K: Kind, T: Message + ?Sized, M: Memory> Consumer<K, T, M> {
    pub(super) fn spawn_waker(&mut self, _: &Notify) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn arm_waker_only(&self, _: u32, _: &Notify) -> bool {
        false
    }

    pub(super) fn disarm_waker(&self) {}
}

impl<M: Memory> WakerThread<M> {
    /// What the thread does.
    pub fn run(&self, signal: impl Fn()) {
        self.proxy.run(&self.memory, &self.parked, || true, signal);
    }

    /// Stops it.
    pub fn stop(&self) {
        self.proxy.stop(&self.memory, Some(&self.parked));
    }
}

impl<M: Clone> Clone for WakerThread<M> {
    fn clone(&self) -> Self {
        Self { memory: self.memory.clone(), parked: self.parked.clone(), proxy: self.proxy.clone() }
    }
}
