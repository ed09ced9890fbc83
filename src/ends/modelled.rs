//! What models need of an attendant, whose thread they run themselves.
use alloc::sync::Arc;

use super::{Carried, Consumer, Kind};
use crate::memory::{Memory, WordRef};
use crate::wait::Post;

/// A consumer's attendant, without a thread.
pub struct Attendant<M> {
    memory: M,
    parked: WordRef,
    post: Arc<Post>,
}

impl<K: Kind, T: Carried + ?Sized, M: Memory> Consumer<K, T, M> {
    /// One for this consumer.
    pub fn attendant(&self) -> Attendant<M> {
        let memory = self.seat.memory().clone();
        Attendant { memory, parked: self.seat.bed().parked.clone(), post: Arc::new(Post::default()) }
    }

    /// Whether there is nothing, and the attendant will signal when there may be something.
    pub fn arm(&mut self, attendant: &Attendant<M>) -> bool {
        let Attendant { memory, parked, post } = attendant;
        self.arm_by(|expected, is_heard| post.arm(memory, parked, expected, true, is_heard))
    }
}

impl<M: Memory> Attendant<M> {
    /// What its thread does.
    pub fn attend(&self, signal: impl Fn()) {
        self.post.attend(&self.memory, &self.parked, || true, signal);
    }

    /// Ends that.
    pub fn end(&self) {
        self.post.end(&self.memory, Some(&self.parked));
    }
}

impl<M: Clone> Clone for Attendant<M> {
    fn clone(&self) -> Self {
        Self { memory: self.memory.clone(), parked: self.parked.clone(), post: self.post.clone() }
    }
}
