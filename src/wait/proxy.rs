//! [`WakeProxy`]: somebody sleeps in another's place, and signals when it is woken.
//!
//! Who may not sleep on a parked word, because it waits for other things too, has an *attendant* do so: a thread of its own process, that
//! is parked on the word all the time. Wakers notice nothing: they wake it only when the word is odd, which it is only while its employer
//! wants to know.
//!
//! ```text
//!   employer                                        attendant
//!   S1 to S3 of `wait`; there is something? done    A1  found = parked
//!   P1  armed = what S1 made of parked              A2  full fence
//!   P2  full fence                                  A3  armed, and it is not what was found? armed = 0; signal
//!   P3  parked is not that? look again              A4  else park while parked is what was found; from A1
//! ```
//!
//! A waker's W4 makes parked another number than P1's, and then unparks the attendant, or finds it between A1 and A4: either way it comes
//! by A1 again and finds that number. The fences have it that A3 sees what P1 stored, or P3 what A1 found (E7). The exchange to 0
//! comes before the signal; should the employer arm anew in between, its new number is gone or stays, and it is signalled all the same.
//! It has to be another number: so nobody ever sets the word back (S5 counts up, too).
//!
//! After a slice that nobody ended the attendant signals too, unless the employer has slices of its own: for it is to look, and ask whether
//! its peers live.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E7 | `WakeProxy::arm` fence P2; `WakeProxy::end` parked | `WakeProxy::attend` fence A2 | what is armed, and that it is over, to the attendant; or that it was woken, to the employer |
use super::{NAP, SLICE, notify};
use crate::memory::{Park, WordRef};
use crate::sync::{Half, Relaxed, Release, full_fence};

/// What employer and attendant share. Private to their process.
pub(crate) struct WakeProxy {
    /// The parked word as it was when the employer began to wait; 0 if it does not.
    armed: Half,
    /// 1 if a slice that nobody ended is to be signalled too.
    by_slices: Half,
    /// 1 if the attendant cannot rely on being woken.
    naps: Half,
    /// 1 once the attendant is to go.
    over: Half,
}

impl Default for WakeProxy {
    fn default() -> Self {
        Self { armed: Half::new(0), by_slices: Half::new(0), naps: Half::new(0), over: Half::new(0) }
    }
}

impl WakeProxy {
    /// P1 to P3, for a word that S1 made `expected`; whether there will be a signal, after a slice too if `by_slices`. `fence_reached_all`: whether
    /// S2 reached everybody.
    pub(crate) fn arm(
        &self,
        park: &impl Park,
        parked: &WordRef,
        expected: u32,
        by_slices: bool,
        fence_reached_all: bool,
    ) -> bool {
        // Relaxed: a slice more or less.
        self.by_slices.store(by_slices.into(), Relaxed);
        // Relaxed: comes with the fence below.
        self.naps.store((!fence_reached_all).into(), Relaxed);
        // Relaxed: E7's fences order it.
        self.armed.store(expected, Relaxed);
        // Full fence: E7, pairs with the one in `attend`; what is armed before it, the look at the word after it.
        full_fence();
        // Relaxed: as above.
        let is_armed = parked.half().load(Relaxed) == expected;
        if is_armed && !fence_reached_all {
            // Out of a slice that began before.
            park.unpark(parked.park_word(), u32::MAX);
        }
        is_armed
    }

    /// No signal is wanted any more; one may be under way.
    #[cfg(feature = "std")]
    pub(crate) fn disarm(&self) {
        // Relaxed: a signal in vain does no harm.
        self.armed.store(0, Relaxed);
    }

    /// Has the attendant go: changes the word, and wakes whoever sleeps on it. If that may not be touched, it goes after its slice.
    pub(crate) fn end(&self, park: &impl Park, parked: Option<&WordRef>) {
        // Relaxed: comes with the word.
        self.over.store(1, Relaxed);
        let Some(parked) = parked else { return };
        // Release: E7, pairs with the fence in `attend`; who finds the word changed, by us or by a waker after us, finds that it is over.
        parked.half().fetch_or(1, Release);
        notify(park, parked, u32::MAX);
    }

    /// A1 to A4, until the post is over, or `is_there` says that the bytes are gone.
    pub(crate) fn attend(
        &self,
        park: &impl Park,
        parked: &WordRef,
        is_there: impl Fn() -> bool,
        signal: impl Fn(),
    ) {
        let mut last = None;
        loop {
            // Before the first look, and after each sleep.
            if !is_there() {
                signal();
                return;
            }
            // Relaxed: E7's fences order it.
            let found = parked.half().load(Relaxed);
            // Full fence: E7, pairs with the one in `arm`, and with the word that `end` changed; the look at the word before it, that at what is armed after it.
            full_fence();
            // Relaxed: as above.
            if self.over.load(Relaxed) != 0 {
                return;
            }
            // Relaxed: as above.
            let armed = self.armed.load(Relaxed);
            // Relaxed: a slice more or less.
            let slept_through = last == Some(found) && self.by_slices.load(Relaxed) != 0;
            if armed != 0 && (armed != found || slept_through) {
                // Relaxed: whether it was armed anew meanwhile or not, the signal follows.
                let _ = self.armed.compare_exchange(armed, 0, Relaxed, Relaxed);
                signal();
            }
            // Relaxed: as above.
            let limit = if self.naps.load(Relaxed) == 0 { SLICE } else { NAP };
            park.park(parked.park_word(), found, limit);
            last = Some(found);
        }
    }
}
