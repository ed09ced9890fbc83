//! Sleeping without losing a wake-up.
//!
//! A waiter spins, then yields, then parks on the *parked* word of its own role block. Its peer looks at that
//! word after everything that could end the wait, and wakes it if it says so.
//!
//! ```text
//!   sleeper                                      waker
//!   S1  make parked odd, remember it             W1  publish: stamp, HEAD or state
//!   S2  heavy fence                              W2  light fence
//!   S3  look again: ready, or left? no park      W3  parked is even? then done
//!   S4  park while parked is what S1 made it     W4  parked: odd -> the next even number; unpark all
//!   S5  parked = 0, if nobody else sleeps there
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
//! visible at S3; it was not, so S2 is before W2, and W3 sees what S1 made or something later. If it is odd, W4 or another
//! waker's W4 makes it another number and unparks all; if it is even, a waker has done so, or the sleeper's own S5 (it is
//! awake, and looks before it parks again). In each case the park at S4 returns at once, because the word is no longer what
//! S1 made, or is woken by the unpark that follows; and the sleeper looks once more.
//!
//! A waker that loses the exchange at W4 to another need not unpark: had the sleeper gone to sleep anew since, its new S2 would be
//! after our W2, which is before our W3; and then it has seen our publication.
//!
//! # Deaths
//! A waker killed, or stopped, between W1 and W4's unpark leaves the sleeper asleep: so every park ends after a slice
//! ([`SLICE`]) at most, and the sleeper looks, and asks whether its peer lives. A sleeper killed after S1
//! leaves an odd number: the next waker makes one wake-up call for nobody, and it costs nothing after that.
//!
//! # What is slept on may be gone
//! A file that holds the ring can be truncated while somebody sleeps. So the first thing after a sleep is to ask whether the bytes
//! are still there (`Waiter::check`), before any of them is touched.
//!
//! # Several sleepers on one word
//! The producers of an `mpsc` ring wait for room on one word, that of their common block. Each waker wakes all of them. The word
//! counts, instead of being 0 or 1, because of them: another sleeper may make it odd again between a waker's W4 and a
//! slow sleeper's S4, which would then sleep through a wake-up that was meant for it. S5 is left out: whose time is up
//! leaves the word odd, for one unpark for nobody.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E4 | `wake` fence W2, after the publication | `sleep` fence S2, before the look | the publication to the look, or the odd number to W3 |
//!
//! The accesses to `parked` itself are Relaxed: the fences order them. The models run the full fences.
//!
//! # Source
//! The flag and two fences: Dekker's algorithm. One side's fence taken over by the other: Dice, Huang and Yang,
//! "Asymmetric Dekker synchronization", 2001; membarrier(2).
use core::time::Duration;

use crate::memory::{Park, WordRef};
use crate::sync::{Relaxed, compiler_fence, full_fence, hand_over, pause};

/// No park lasts longer.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// No park lasts longer for those who cannot rely on being woken.
const NAP: Duration = Duration::from_millis(1);

/// How often a waiter looks, with a pause after each, before it hands its core over. A pause that doubles, as is usual, overshoots: there
/// are processors on which one takes 50 ns, and a whole round trip 100. Measured, round trips by waiting calls against trying ones:
/// 1.5 to 2.1 times as long with a doubling pause, 0.9 to 1.1 with this.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 128 };

/// How often it hands its core over before it parks.
const HANDOVERS: u32 = if cfg!(loom) { 0 } else { 4 };

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
    word.half().load(Relaxed) & 1 == 1
}

/// W4.
#[cold]
pub(crate) fn rouse(park: &impl Park, parked: &WordRef) {
    let half = parked.half();
    // Relaxed: E4's fences order it; the exchange below is what counts.
    let found = half.load(Relaxed);
    // Relaxed: a sleeper that still reads what it made is in its park, and is woken next.
    if found & 1 == 1 && half.compare_exchange(found, found.wrapping_add(1), Relaxed, Relaxed).is_ok() {
        park.unpark(parked.park_word());
    }
}

/// The word that somebody sleeps on.
pub(crate) struct Bed<'a> {
    pub(crate) parked: &'a WordRef,
    /// Whether others sleep on it too.
    pub(crate) shared: bool,
}

/// Sleeps until woken, `limit` at most, unless what is waited for is there (S1 to S5).
fn sleep<W: Waiter>(
    park: &impl Park,
    bed: &Bed<'_>,
    limit: Duration,
    waiter: &mut W,
) -> Result<(), W::Error> {
    // Relaxed: E4's fences order it.
    let expected = bed.parked.half().fetch_or(1, Relaxed) | 1;
    waiter.lie_down();
    // Full fence, or a barrier in every process: E4, pairs with the fence in `wake`; the word before it, the look
    // after it.
    let limit = if park.barrier() { limit } else { limit.min(NAP) };
    if waiter.departed().is_none() && matches!(waiter.ready(), Ok(false)) && !waiter.is_up() {
        park.park(bed.parked.park_word(), expected, limit);
        waiter.check()?;
    }
    if !bed.shared {
        // Relaxed: only saves the waker a call.
        bed.parked.half().store(0, Relaxed);
    }
    Ok(())
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

    /// Makes sure that the bytes are still there. Asks the system, and is asked after each sleep.
    fn check(&mut self) -> Result<(), Self::Error>;

    /// Has whatever could be published from now on look at the parked word.
    fn lie_down(&mut self) {}

    /// Whether something happened since then after which not all of that does.
    fn is_up(&self) -> bool {
        false
    }
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
    let mut looks = 0;
    loop {
        match waiter.ready() {
            Ok(true) => return Woken::Ready,
            Err(error) => return Woken::Failed(error),
            Ok(false) if looks < LOOKS + HANDOVERS => {
                if looks < LOOKS {
                    pause()
                } else {
                    hand_over()
                }
                looks += 1;
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
        if let Err(error) = sleep(park, bed, limit, waiter) {
            return Woken::Failed(error);
        }
    }
}
