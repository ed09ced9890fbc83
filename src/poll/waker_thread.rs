//! [`Waker`]: the thread that sleeps on behalf of an end.
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;

use super::end::{End, arm_with};
use crate::error::Corruption;
use crate::layout::Header;
use crate::memory::{Memory, WordRef};
use crate::os;
use crate::wait::{WaitWord, WakeProxy};

/// What a waker thread calls when it is woken.
pub(super) type Notify = Arc<dyn Fn() + Send + Sync>;

/// A thread that sleeps on an end's parked word on behalf of the end: see [`WakeProxy`].
///
/// Why a thread, and not a descriptor that peers write to: nothing has to be opened, handed over,
/// or cleaned up after a death; peers do for it what they do for every sleeper, and nothing while
/// no end waits; and memory without a name needs no other way. It costs a second
/// wake-up, from the thread to the waiting program, and ten short looks a second.
pub struct Waker<M: Memory> {
    memory: M,
    header: Header,
    parked: WordRef,
    proxy: Arc<WakeProxy>,
    /// What to call: set by each `arm`.
    notify: Arc<Mutex<Notify>>,
    /// Set once the thread has found that bytes of the ring are gone. The thread has ended then.
    truncated: Arc<OnceLock<Corruption>>,
}

impl<M: Memory + 'static> Waker<M> {
    /// Starts the thread, for the end that sleeps on `word`.
    fn spawn(memory: &M, header: &Header, word: &WaitWord<'_>, notify: &Notify) -> io::Result<Self> {
        let waker = Self {
            memory: memory.clone(),
            header: *header,
            parked: word.parked.clone(),
            proxy: Arc::default(),
            notify: Arc::new(Mutex::new(notify.clone())),
            truncated: Arc::default(),
        };
        let (memory, header, parked) = (memory.clone(), *header, word.parked.clone());
        let has_several_sleepers = word.has_several_sleepers;
        let (proxy, notify, truncated) = (waker.proxy.clone(), waker.notify.clone(), waker.truncated.clone());
        let run = move || {
            let is_mapped = || match header.check(&memory) {
                Ok(()) => true,
                Err(corruption) => {
                    // It is not set yet: this ends the thread.
                    let _ = truncated.set(corruption);
                    false
                }
            };
            let signal = || {
                let notify = notify.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // A panic of a user's waker must not end this thread: other wakers follow.
                let _ = catch_unwind(AssertUnwindSafe(|| notify()));
            };
            proxy.run(&memory, &parked, has_several_sleepers, is_mapped, signal);
        };
        os::without_signals(|| Builder::new().name("ringway".into()).spawn(run))?;
        Ok(waker)
    }
}

impl<M: Memory> Waker<M> {
    /// See [`WakeProxy::arm`].
    fn arm(&self, expected: u32, notify: &Notify, signals_slices: bool, can_rely_on_wake_up: bool) -> bool {
        *self.notify.lock().unwrap_or_else(PoisonError::into_inner) = notify.clone();
        self.proxy.arm(&self.memory, &self.parked, expected, signals_slices, can_rely_on_wake_up)
    }
}

/// Stops the thread without waiting for its end: it may be the thread that drops this, or wait for
/// a lock that is held here.
impl<M: Memory> Drop for Waker<M> {
    fn drop(&mut self) {
        // A forked child has no such thread, and does not touch the ring. Truncated bytes are not
        // touched.
        let may_touch = self.header.check(&self.memory).is_ok();
        self.proxy.stop(&self.memory, may_touch.then_some(&self.parked));
    }
}

/// Starts the waker thread of an end, unless it has one. A thread that has found bytes gone is not
/// replaced.
pub(super) fn spawn<E: End<Memory: 'static>>(end: &mut E, notify: &Notify) -> io::Result<()> {
    if checked(end).waker().is_none() {
        let waker = Waker::spawn(end.memory(), end.header(), &end.wait_word(), notify)?;
        *end.waker_mut() = Some(waker);
    }
    Ok(())
}

/// Returns `true` if the end is not ready, and the waker thread will call `notify` when it may be.
pub(super) fn arm<E: End<Memory: 'static>>(end: &mut E, notify: &Notify) -> bool {
    // The user may have replaced the end that had a thread by another one.
    if spawn(end, notify).is_err() {
        return false;
    }
    let Some(waker) = end.waker_mut().take() else { return false };
    let is_armed =
        arm_with(end, |expected, can_rely_on_wake_up| waker.arm(expected, notify, true, can_rely_on_wake_up));
    if !is_armed {
        waker.proxy.disarm();
    }
    *end.waker_mut() = Some(waker);
    is_armed
}

/// Arms the waker thread only: for a caller that bounds its own sleeps and has already passed S1 to
/// S3, with the number `expected`.
pub(super) fn arm_only<E: End>(end: &E, expected: u32, notify: &Notify) -> bool {
    end.waker().as_ref().is_some_and(|waker| waker.arm(expected, notify, false, true))
}

pub(super) fn disarm<E: End>(end: &E) {
    if let Some(waker) = end.waker() {
        waker.proxy.disarm();
    }
}

/// The end, poisoned if its waker thread has found that bytes of the segment are gone.
pub(crate) fn checked<E: End>(end: &mut E) -> &mut E {
    let truncated = end.waker().as_ref().and_then(|waker| waker.truncated.get().copied());
    if let Some(corruption) = truncated {
        end.poison(corruption);
    }
    end
}

/// Stops the waker thread.
pub(crate) fn without_waker<E: End>(mut end: E) -> E {
    *checked(&mut end).waker_mut() = None;
    end
}
