//! [`ConsumerWaker`]: the waker thread of a consumer.
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;

use crate::error::Corruption;
use crate::layout::Header;
use crate::memory::{Memory, WordRef};
use crate::os;
use crate::ring::{Consume, Consumer, Kind, Message};
use crate::wait::{WaitWord, WakeProxy};

/// What a waker thread calls when it is woken.
pub(super) type Notify = Arc<dyn Fn() + Send + Sync>;

/// A thread that sleeps on a consumer's parked word on behalf of the consumer: see [`WakeProxy`].
///
/// Why a thread, and not a descriptor that producers write to: nothing has to be opened, handed
/// over, or cleaned up after a death; producers do for it what they do for every sleeper, and
/// nothing while no consumer waits; and memory without a name needs no other way. It costs a second
/// wake-up, from the thread to the waiting program, and ten short looks a second.
pub(crate) struct ConsumerWaker<M: Memory> {
    memory: M,
    header: Header,
    parked: WordRef,
    proxy: Arc<WakeProxy>,
    /// What to call: set by each `arm`.
    notify: Arc<Mutex<Notify>>,
    /// Set once the thread has found that bytes of the ring are gone. The thread has ended then.
    truncated: Arc<OnceLock<Corruption>>,
}

impl<M: Memory + 'static> ConsumerWaker<M> {
    /// Starts the thread, for the consumer that sleeps on `word`.
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
            proxy.run(&memory, &parked, is_mapped, signal);
        };
        os::without_signals(|| Builder::new().name("ringway".into()).spawn(run))?;
        Ok(waker)
    }
}

impl<M: Memory> ConsumerWaker<M> {
    /// See [`WakeProxy::arm`].
    fn arm(&self, expected: u32, notify: &Notify, signals_slices: bool, can_rely_on_wake_up: bool) -> bool {
        *self.notify.lock().unwrap_or_else(PoisonError::into_inner) = notify.clone();
        self.proxy.arm(&self.memory, &self.parked, expected, signals_slices, can_rely_on_wake_up)
    }
}

/// Stops the thread without waiting for its end: it may be the thread that drops this, or wait for
/// a lock that is held here.
impl<M: Memory> Drop for ConsumerWaker<M> {
    fn drop(&mut self) {
        // A forked child has no such thread, and does not touch the ring. Truncated bytes are not
        // touched.
        let may_touch = self.header.check(&self.memory).is_ok();
        self.proxy.stop(&self.memory, may_touch.then_some(&self.parked));
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Consumer<K, T, M> {
    /// Starts the waker thread, unless there is one. A thread that has found bytes gone is not
    /// replaced.
    pub(super) fn spawn_waker(&mut self, notify: &Notify) -> io::Result<()> {
        if self.checked().waker_thread.is_none() {
            let waker =
                ConsumerWaker::spawn(self.seat.memory(), &self.ring.header, &self.seat.wait_word(), notify)?;
            self.waker_thread = Some(waker);
        }
        Ok(())
    }

    /// Returns `true` if the ring is empty, and the waker thread will call `notify` when there may
    /// be a record.
    pub(super) fn arm_waker(&mut self, notify: &Notify) -> bool {
        // The user may have replaced the consumer that had a thread by another one.
        if self.spawn_waker(notify).is_err() {
            return false;
        }
        let Some(waker) = self.waker_thread.take() else { return false };
        let is_armed = self
            .arm_with(|expected, can_rely_on_wake_up| waker.arm(expected, notify, true, can_rely_on_wake_up));
        if !is_armed {
            waker.proxy.disarm();
        }
        self.waker_thread = Some(waker);
        is_armed
    }

    /// Arms the waker thread only: for a caller that bounds its own sleeps and has already passed
    /// S1 to S3, with the number `expected`.
    pub(super) fn arm_waker_only(&self, expected: u32, notify: &Notify) -> bool {
        self.waker_thread.as_ref().is_some_and(|waker| waker.arm(expected, notify, false, true))
    }

    pub(super) fn disarm_waker(&self) {
        if let Some(waker) = &self.waker_thread {
            waker.proxy.disarm();
        }
    }

    /// The consumer, poisoned if the waker thread has found that bytes of the ring are gone.
    pub(super) fn checked(&mut self) -> &mut Self {
        let truncated = self.waker_thread.as_ref().and_then(|waker| waker.truncated.get().copied());
        if let Some(corruption) = truncated {
            self.core.poison(corruption);
        }
        self
    }

    /// Stops the waker thread.
    pub(super) fn without_waker(mut self) -> Self {
        self.checked().waker_thread = None;
        self
    }
}
