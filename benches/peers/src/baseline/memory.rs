//! Zeroed memory of both sides, found in the fewest instructions.
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::drive::Result;
use crate::place::{Shared, Zeroed, shared_many};

/// A counter with a line of its own, and the one beside it.
#[repr(C, align(128))]
pub struct Counter(AtomicU64);
// SAFETY: an atomic.
unsafe impl Zeroed for Counter {}
impl Deref for Counter {
    type Target = AtomicU64;
    #[inline(always)]
    fn deref(&self) -> &AtomicU64 {
        &self.0
    }
}

/// Slots, a power of two of them, counted round and round. Where they lie is kept at hand: asked anew for each message, it would
/// be a part of what is measured.
pub struct Slots<S> {
    base: *const S,
    mask: u64,
    /// For as long as this.
    _memory: Arc<Shared<S>>,
}
// SAFETY: gives shared references only, to what is changed as `Zeroed` says.
unsafe impl<S: Zeroed> Send for Slots<S> {}

impl<S> Clone for Slots<S> {
    fn clone(&self) -> Self {
        Self { base: self.base, mask: self.mask, _memory: self._memory.clone() }
    }
}

impl<S: Zeroed> Slots<S> {
    pub fn new(many: usize) -> Result<Self> {
        if !many.is_power_of_two() {
            return Err(format!("bare slots are a power of two, not {many}").into());
        }
        let memory = Arc::new(shared_many::<S>(many)?);
        Ok(Self { base: memory.all().as_ptr(), mask: many as u64 - 1, _memory: memory })
    }

    #[inline(always)]
    pub fn many(&self) -> u64 {
        self.mask + 1
    }

    /// The slot of the message with this number.
    #[inline(always)]
    pub fn at(&self, number: u64) -> &S {
        // SAFETY: below as many as are mapped, as long as `self` is.
        unsafe { &*self.base.add((number & self.mask) as usize) }
    }

    /// Those from `number` on, up to `most` or to the end of the lap.
    #[inline(always)]
    pub fn span(&self, number: u64, most: usize) -> &[S] {
        let at = (number & self.mask) as usize;
        let many = most.min(self.mask as usize + 1 - at);
        // SAFETY: as in `at`, for all of them.
        unsafe { std::slice::from_raw_parts(self.base.add(at), many) }
    }
}
