//! Sleeping without losing a wake-up.
//!
//! A waiter spins, then yields, then parks on the *parked* word of its own role block. Its peer looks at that
//! word after everything that could end the wait, and wakes it if it says so.
//!
//! ```text
//!   sleeper (owns `parked`)                   waker
//!   S1  parked = 1                            W1  publish: stamp, HEAD or state
//!   S2  heavy fence                           W2  light fence
//!   S3  look again: ready, or left? no park   W3  parked == 0? then done
//!   S4  park while parked == 1                W4  parked = 0, unpark
//!   S5  parked = 0
//! ```
//!
//! # Fences
//! A waker passes W2 once per record, a sleeper S2 once per park. So the sleeper pays for both, where the platform
//! lets it: its heavy fence is then a *barrier in every participant's process* (Linux: `membarrier`), and the
//! waker's light one only keeps the compiler from reordering. Elsewhere both are ordinary full fences. Either
//! way there is an order: S2 comes before W2, or W2 before S2, and what is before the first is visible after
//! the second. (A `membarrier` makes each participant's thread pass a full fence at some moment during S2; W1 to
//! W3 being in program order, that moment is after W1 or before W3.)
//!
//! A participant whose system refuses it `membarrier` cannot know of what others do, so it does not rely on being
//! woken: it naps for a millisecond ([`NAP`]) at a time. As a waker it uses the full fence, which is right beside
//! either kind of sleeper.
//!
//! # No wake-up is lost
//! Take a publication (W1) and a sleeper whose S3 did not see it. Were W2 before S2, what W1 stored would be
//! visible at S3; it was not, so S2 is before W2, and W3 sees the 1 of S1 or something later. If later, then
//! either the sleeper's own S5 (it is awake, and looks before it parks again) or the 0 of an earlier W4, for
//! which the park at S4 returns at once because the word is no longer 1, or is woken by the unpark that
//! follows. If W3 sees the 1, W4 wakes it. In each case the sleeper looks once more.
//!
//! # Deaths
//! A waker killed between W1 and W4 leaves the sleeper asleep: so every park ends after a slice
//! ([`SLICE`]) at most, and the sleeper looks, and asks whether its peer lives. A sleeper killed after S1
//! leaves a 1: the next waker makes one wake-up call for nobody and stores 0, so it costs nothing after that.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E4 | `wake` fence W2, after the publication | `sleep` fence S2, before the look | the publication to the look, or the 1 to W3 |
//!
//! # Several sleepers on one word
//! The producers of an `mpsc` ring wait for room on one word, that of their common block. Then S5 is left out: only wakers
//! store 0, and each wakes all. A sleeper that set the word before a waker's 0 is woken by the unpark after it; one
//! that set it after is seen by the next waker. One whose time was up leaves its 1: one unpark for nobody, once.
//!
//! The accesses to `parked` itself are Relaxed: the fences order them. The models run the full fences.
//!
//! # Source
//! The flag and two fences: Dekker's algorithm. One side's fence taken over by the other: Dice, Huang and Yang,
//! "Asymmetric Dekker synchronization", 2001; membarrier(2).
use core::time::Duration;

use crate::memory::{Park, WordRef};
use crate::sync::{Backoff, Relaxed, compiler_fence, full_fence};

/// No park lasts longer.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// No park lasts longer for those who cannot rely on being woken.
const NAP: Duration = Duration::from_millis(1);

/// Why a wait ended.
pub(crate) enum Woken<G, E> {
    /// What was waited for is there.
    Ready,
    /// The peer is gone.
    Gone(G),
    /// The time is up.
    Elapsed,
    /// Looking failed.
    Failed(E),
}

/// Wakes those who sleep on this word, if somebody may (W2 to W4). Call it after publishing.
///
/// `reached`: whether sleepers' barriers reach this process.
#[inline(always)]
pub(crate) fn wake(park: &impl Park, parked: &WordRef, reached: bool) {
    if is_wanted(parked, reached) {
        rouse(park, parked);
    }
}

/// Whether somebody has asked, by `word`, to be told of what was published before (W2 and W3).
#[inline(always)]
pub(crate) fn is_wanted(word: &WordRef, reached: bool) -> bool {
    if reached {
        // Compiler fence: E4, pairs with the barrier in `sleep`, which is a full fence here at the right moment.
        compiler_fence();
    } else {
        // Full fence: E4, pairs with the fence in `sleep`; the publication before it, the look at the word after it.
        full_fence();
    }
    // Relaxed: E4's fences order it.
    word.half().load(Relaxed) != 0
}

#[cold]
pub(crate) fn rouse(park: &impl Park, parked: &WordRef) {
    // Relaxed: a sleeper that still reads 1 is in its park, and is woken next.
    parked.half().store(0, Relaxed);
    park.unpark(parked.park_word());
}

/// The word that somebody sleeps on.
pub(crate) struct Bed<'a> {
    pub(crate) parked: &'a WordRef,
    /// Whether others sleep on it too.
    pub(crate) shared: bool,
}

/// Sleeps until woken, `limit` at most, unless `is_over` (S1 to S5).
fn sleep<W: Waiter>(park: &impl Park, bed: &Bed<'_>, limit: Duration, waiter: &mut W) {
    // Relaxed: E4's fences order it.
    bed.parked.half().store(1, Relaxed);
    waiter.lie_down();
    // Full fence, or a barrier in every process: E4, pairs with the fence in `wake`; the word before it, the look
    // after it.
    let limit = if park.barrier() { limit } else { limit.min(NAP) };
    if waiter.departed().is_none() && matches!(waiter.ready(), Ok(false)) {
        park.park(bed.parked.park_word(), 1, limit);
    }
    if !bed.shared {
        // Relaxed: only saves the waker a call.
        bed.parked.half().store(0, Relaxed);
    }
}

/// Somebody who waits for something to be there, or for those who could bring it to be gone.
pub(crate) trait Waiter {
    /// How they went.
    type Departure;
    /// Why looking failed.
    type Error;

    /// Whether it is there.
    fn ready(&mut self) -> Result<bool, Self::Error>;

    /// How those awaited went, as far as is noted. No system call.
    fn departed(&self) -> Option<Self::Departure>;

    /// The same; asks the witness, notes what it says, and mends what the dead have left in the way.
    fn inquire(&mut self) -> Result<Option<Self::Departure>, Self::Error>;

    /// Has whatever could be published from now on look at the parked word.
    fn lie_down(&mut self) {}
}

/// Waits until it is there, or those awaited are gone, or no time is left.
///
/// The look before parking (S3) is for both: what was published, and a departure, which is published like a
/// record. What was published before a departure is found by one more look.
pub(crate) fn until<W: Waiter>(
    park: &impl Park,
    bed: &Bed<'_>,
    mut remaining: impl FnMut() -> Option<Duration>,
    waiter: &mut W,
) -> Woken<W::Departure, W::Error> {
    let backoff = Backoff::new();
    loop {
        match waiter.ready() {
            Ok(true) => return Woken::Ready,
            Err(error) => return Woken::Failed(error),
            Ok(false) if !backoff.is_completed() => {
                backoff.snooze();
                continue;
            }
            Ok(false) => {}
        }
        match waiter.inquire() {
            Ok(None) => {}
            Err(error) => return Woken::Failed(error),
            Ok(Some(how)) => {
                return match waiter.ready() {
                    Ok(true) => Woken::Ready,
                    Ok(false) => Woken::Gone(how),
                    Err(error) => Woken::Failed(error),
                };
            }
        }
        let limit = remaining().unwrap_or(SLICE).min(SLICE);
        if limit.is_zero() {
            return Woken::Elapsed;
        }
        sleep(park, bed, limit, waiter);
    }
}
