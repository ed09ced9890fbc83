//! [`WakeProxy`]: a thread that sleeps on a parked word on behalf of a consumer, and signals.
//!
//! A consumer that also waits for other things cannot sleep on its parked word. Its *waker thread*,
//! a thread of the same process, sleeps there instead, all the time. Producers do not know about
//! it: they wake the word only when it is odd, and it is odd only while the consumer wants a
//! notification.
//!
//! ```text
//!   consumer                                       waker thread
//!   S1 to S3 of `wait`; a record? done             A1  found = parked
//!   P1  armed = S1's number                        A2  full fence
//!   P2  full fence                                 A3  armed, and not with `found`? armed = 0; signal
//!   P3  parked is not S1's number? look again      A4  sleep while parked is `found`; back to A1
//! ```
//!
//! A publisher's W4 makes parked another number than P1's, and then wakes the waker thread, or
//! finds it between A1 and A4. Either way the thread passes A1 again and finds that number. By the
//! fences, A3 sees what P1 stored, or P3 sees what A1 found (E7). The exchange to 0 comes before
//! the signal. If the consumer arms anew in between, its new number is cleared or stays, and the
//! signal follows in both cases. It has to be another number: so nothing ever sets the word back
//! (S5 counts up, too).
//!
//! After a slice that no wake-up ended, the thread signals too, unless the consumer bounds its own
//! sleeps: the consumer is to look, and to check that its peers live.
//!
//! A producer that also waits for other things has such a thread, too. Where it shares its word
//! with other producers, a wake-up that finds nothing armed was meant for another sleeper: the
//! thread passes it on. It passes on one wake-up for each change of the word, so this ends.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E7 | `arm` fence P2; `stop` parked | `run` fence A2 | to the thread, what is armed and that it is to stop; to the consumer, that it was woken |
use super::{NAP, SLICE, notify};
use crate::memory::{Park, WordRef};
use crate::sync::{Half, Relaxed, Release, full_fence};

/// What a consumer and its waker thread share. Private to their process.
pub(crate) struct WakeProxy {
    /// S1's number when the consumer began to wait; 0 while it does not wait.
    armed: Half,
    /// 1 if the thread also signals after a slice that no wake-up ended.
    signals_slices: Half,
    /// 1 if the thread cannot rely on being woken.
    naps: Half,
    /// 1 once the thread is to stop.
    stopped: Half,
}

impl Default for WakeProxy {
    fn default() -> Self {
        Self { armed: Half::new(0), signals_slices: Half::new(0), naps: Half::new(0), stopped: Half::new(0) }
    }
}

impl WakeProxy {
    /// P1 to P3. Returns whether a signal will follow.
    ///
    /// * `expected`: S1's number.
    /// * `signals_slices`: whether a signal is to follow after a slice too.
    /// * `can_rely_on_wake_up`: whether S2 reached every participant.
    pub(crate) fn arm(
        &self,
        park: &impl Park,
        parked: &WordRef,
        expected: u32,
        signals_slices: bool,
        can_rely_on_wake_up: bool,
    ) -> bool {
        // Relaxed: it decides about one slice more or less.
        self.signals_slices.store(signals_slices.into(), Relaxed);
        // Relaxed: published by the fence below.
        self.naps.store((!can_rely_on_wake_up).into(), Relaxed);
        // Relaxed: E7's fences order it.
        self.armed.store(expected, Relaxed);
        // Full fence: E7, pairs with the one in `run`; what is armed before it, the look at the
        // word after it.
        full_fence();
        // Relaxed: E7's fences order it.
        let is_armed = parked.half().load(Relaxed) == expected;
        if is_armed && !can_rely_on_wake_up {
            // Ends a slice that began before.
            park.unpark(parked.park_word(), u32::MAX);
        }
        is_armed
    }

    /// Asks for no signal any more. One may be under way.
    #[cfg(feature = "std")]
    pub(crate) fn disarm(&self) {
        // Relaxed: a superfluous signal does no harm.
        self.armed.store(0, Relaxed);
    }

    /// Ends the thread: changes the word and wakes it. Without the word, the thread ends after its
    /// slice.
    pub(crate) fn stop(&self, park: &impl Park, parked: Option<&WordRef>) {
        // Relaxed: published by the change of the word.
        self.stopped.store(1, Relaxed);
        let Some(parked) = parked else { return };
        // Release: E7, pairs with the fence in `run`; the thread that finds the word changed, by
        // this call or by a publisher after it, finds that it is to stop.
        parked.half().fetch_or(1, Release);
        notify(park, parked, u32::MAX);
    }

    /// A1 to A4, until [`stop`](Self::stop), or until `is_mapped` says that bytes of the ring are
    /// gone. With `has_several_sleepers`, others may sleep on the word, too.
    pub(crate) fn run(
        &self,
        park: &impl Park,
        parked: &WordRef,
        has_several_sleepers: bool,
        is_mapped: impl Fn() -> bool,
        signal: impl Fn(),
    ) {
        let mut last = None;
        loop {
            // Before the first look, and after each sleep.
            if !is_mapped() {
                signal();
                return;
            }
            // Relaxed: E7's fences order it.
            let found = parked.half().load(Relaxed);
            // Full fence: E7, pairs with the one in `arm`, and with the word that `stop` changed;
            // the look at the word before it, the look at what is armed after it.
            full_fence();
            // Relaxed: E7's fences order it.
            if self.stopped.load(Relaxed) != 0 {
                return;
            }
            // Relaxed: E7's fences order it.
            let armed = self.armed.load(Relaxed);
            // Relaxed: it decides about one slice more or less.
            let slept_through = last == Some(found) && self.signals_slices.load(Relaxed) != 0;
            if armed != 0 && (armed != found || slept_through) {
                // Relaxed: whether the consumer armed anew meanwhile or not, the signal follows.
                let _ = self.armed.compare_exchange(armed, 0, Relaxed, Relaxed);
                signal();
            } else if armed == 0 && has_several_sleepers && last.is_some_and(|last| last != found) {
                park.unpark(parked.park_word(), 1);
            }
            // Relaxed: E7's fences order it.
            let limit = if self.naps.load(Relaxed) == 0 { SLICE } else { NAP };
            park.park(parked.park_word(), found, limit);
            last = Some(found);
        }
    }
}
