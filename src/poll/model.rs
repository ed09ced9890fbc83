//! What models need of an attendant, whose thread they run themselves.
use alloc::sync::Arc;

use crate::memory::{Memory, WordRef};
use crate::ring::{Consumer, Kind, Message};
use crate::wait::WakeProxy;

/// A consumer's attendant, without a thread.
pub struct WakerThread<M> {
    memory: M,
    parked: WordRef,
    post: Arc<WakeProxy>,
}

impl<K: Kind, T: Message + ?Sized, M: Memory> Consumer<K, T, M> {
    /// One for this consumer.
    pub fn attendant(&self) -> WakerThread<M> {
        let memory = self.seat.memory().clone();
        WakerThread { memory, parked: self.seat.bed().parked.clone(), post: Arc::new(WakeProxy::default()) }
    }

    /// Whether there is nothing, and the attendant will signal when there may be something.
    pub fn arm(&mut self, attendant: &WakerThread<M>) -> bool {
        let WakerThread { memory, parked, post } = attendant;
        self.arm_by(|expected, fence_reached_all| post.arm(memory, parked, expected, true, fence_reached_all))
    }
}

impl<M: Memory> WakerThread<M> {
    /// What its thread does.
    pub fn attend(&self, signal: impl Fn()) {
        self.post.attend(&self.memory, &self.parked, || true, signal);
    }

    /// Ends that.
    pub fn end(&self) {
        self.post.end(&self.memory, Some(&self.parked));
    }
}

impl<M: Clone> Clone for WakerThread<M> {
    fn clone(&self) -> Self {
        Self { memory: self.memory.clone(), parked: self.parked.clone(), post: self.post.clone() }
    }
}
