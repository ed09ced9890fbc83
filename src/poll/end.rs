//! [`End`]: an end of an object, as far as a wait needs to know it.
use crate::error::Corruption;
use crate::layout::Header;
use crate::memory::{Liveness, Memory};
use crate::wait::{self, WaitCondition, WaitWord};

#[cfg(feature = "std")]
use super::waker_thread::Waker;

/// An end of an object, such as a consumer, for which a thread, a descriptor or a task can wait.
///
/// It is *ready* when its next call would not say that there is nothing to do.
pub trait End {
    type Memory: Memory;

    /// What it waits for, on which word, and in which memory.
    fn parts(&mut self) -> (impl WaitCondition, WaitWord<'_>, &Self::Memory);

    fn memory(&self) -> &Self::Memory;

    /// The word that it sleeps on.
    fn wait_word(&self) -> WaitWord<'_>;

    /// That of its segment.
    fn header(&self) -> &Header;

    /// Does nothing any more, and reports `corruption` from now on.
    fn poison(&mut self, corruption: Corruption);

    /// The thread that sleeps on its behalf, if it has one.
    #[cfg(feature = "std")]
    fn waker(&self) -> &Option<Waker<Self::Memory>>;

    #[cfg(feature = "std")]
    fn waker_mut(&mut self) -> &mut Option<Waker<Self::Memory>>;
}

/// Whether the next call would not say that there is nothing to do.
pub(super) fn is_ready<E: End>(end: &mut E) -> bool {
    // A forked child is ready: the next call returns the error.
    if !end.memory().is_own_process() {
        return true;
    }
    let (mut condition, ..) = end.parts();
    !matches!(condition.is_ready(), Ok(false)) || condition.departure().is_some()
}

/// Steps S1 to S3 of a wait, then `arm` in place of S4.
///
/// `arm` receives S1's number, and whether the heavy fence (S2) reached every participant. Returns
/// `true` if the end is not ready and a notification will follow, `false` if the caller must look
/// again.
pub(super) fn arm_with<E: End>(end: &mut E, arm: impl FnOnce(u32, bool) -> bool) -> bool {
    let (mut condition, word, memory) = end.parts();
    // Deaths are found here, or by the next look after a slice.
    if condition.check_mapping().is_err() || !matches!(condition.check_peers(), Ok(None)) {
        return false;
    }
    // Where the fence does not reach every participant, the waker thread naps.
    let prepared = wait::prepare_sleep(memory, &word, &mut condition);
    let Some((expected, can_rely_on_wake_up)) = prepared else { return false };
    let is_armed = arm(expected, can_rely_on_wake_up);
    if !is_armed {
        word.cancel_wait();
    }
    is_armed
}
