//! Sleeping without losing a wake-up.
//!
//! A waiter looks for a while ([`AdaptiveSpin`]), then parks on the *parked* word of its own role block. Its peer looks at that
//! word after everything that could end the wait, and wakes it if it says so.
//!
//! ```text
//!   sleeper                                      waker
//!   S1  make parked odd, remember it             W1  publish: stamp, HEAD or state
//!   S2  heavy fence                              W2  light fence
//!   S3  look again: ready, or left? no park      W3  parked is even? then done
//!   S4  park while parked is what S1 made it     W4  parked: odd -> the next even number; unpark
//!   S5  parked: odd -> the next even number,     W5  make parked odd again, if not all may have been woken
//!       unless several wait on it
//! ```
//!
//! # Fences
//! A waker passes W2 once per record, a sleeper S2 once per park. So the sleeper pays for both, where the platform
//! lets it: its heavy fence is then a *barrier in every participant's process* (Linux: `membarrier`), and the
//! waker's light one only keeps the compiler from reordering. In a *fenced* ring both are ordinary full fences. Either
//! way there is an order: S2 comes before W2, or W2 before S2, and what is before the first is visible after
//! the second. (A `membarrier` makes each participant's thread pass a full fence at some moment during S2; W1 to
//! W3 being in program order, that moment is after W1 or before W3.)
//!
//! Which of the two it is stands in the header, so that all agree: a ring is fenced if whoever made it cannot be reached by barriers.
//! A participant that is refused them in a ring that has them cannot know of what others do: as a sleeper it
//! does not rely on being woken, and naps for a millisecond ([`NAP`]) at a time. As a waker it uses the full fence, which is right
//! beside either kind of sleeper.
//!
//! # No wake-up is lost
//! Take a publication (W1) and a sleeper whose S3 did not see it. Were W2 before S2, what W1 stored would be
//! visible at S3; it was not, so S2 is before W2, and W3 sees what S1 made or something later. If it is odd, W4 or another
//! waker's W4 makes it another number and unparks; if it is even, a waker has done so, or the sleeper's own S5 (it is
//! awake, and looks before it parks again). In each case the park at S4 returns at once, because the word is no longer what
//! S1 made, or is woken by the unpark that follows; and the sleeper looks once more.
//!
//! A waker that loses the exchange at W4 to another need not unpark: had the sleeper gone to sleep anew since, its new S2 would be
//! after our W2, which is before our W3; and then it has seen our publication.
//!
//! # Deaths
//! A waker killed, or stopped, between W1 and W5 leaves sleepers asleep: so every park ends after a slice
//! ([`SLICE`]) at most, and the sleeper looks, and asks whether its peer lives. A sleeper killed after S1
//! leaves an odd number: the next waker makes one wake-up call for nobody, and it costs nothing after that.
//!
//! # What is slept on may be gone
//! A file that holds the ring can be truncated while somebody sleeps. So the first thing after a sleep is to ask whether the bytes
//! are still there (`WaitCondition::check`), before any of them is touched.
//!
//! # Several sleepers on one word
//! The producers of an `mpsc` ring wait for room on one word, that of their common block. The word
//! counts, instead of being 0 or 1, because of them: another sleeper may make it odd again between a waker's W4 and a
//! slow sleeper's S4, which would then sleep through a wake-up that was meant for it. S5 is left out: whose time is up leaves the
//! word odd, for one unpark for nobody. (A consumer and its attendant are two on one word as well, but only one of them ever makes it odd: so
//! the consumer gets up as S5 says. See [`post`].)
//!
//! # Waiting for room
//! It takes more than one cell to be woken: half of the ring must be free (`ring::SharedHead` says why). And no more are woken than
//! there are cells, those first who have slept longest, so that a crowd does not run for one cell. As long as
//! that may have left others asleep, the word stays odd (W5), and the consumer's next release looks again. Both only put a wake-up off:
//! when the consumer has taken all there is, the whole ring is free, but for what is claimed and not published yet; and should it take
//! nothing more before, a slice ends.
//!
//! Who is awake may take room before those do who are being woken. Tried against that, 8 producers, rings of 2 to 256, and dropped,
//! since the least share of one of them (0.1 to 0.8 of the mean) did not change beyond what it varies by: that who has to wait while others
//! sleep joins them without spinning; that who has sent many records while others slept gets in line behind them.
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
#[cfg(any(feature = "std", loom))]
mod proxy;
mod strategy;

#[cfg(any(feature = "std", loom))]
pub(crate) use proxy::WakeProxy;
pub(crate) use strategy::AdaptiveSpin;
#[cfg(any(feature = "alloc", loom))]
pub(crate) use strategy::MOST_LOOKS;
pub use strategy::WaitStrategy;

use core::time::Duration;

use crate::memory::{Park, WordRef};
use crate::sync::{Relaxed, compiler_fence, full_fence, pause, yield_now};

/// No park lasts longer.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// No park lasts longer for those who cannot rely on being woken.
pub(crate) const NAP: Duration = Duration::from_millis(1);

/// Why a wait ended.
pub(crate) enum WaitOutcome<G, E> {
    /// What was waited for is there.
    Ready,
    /// The peer is gone.
    Gone(G),
    /// The time is up.
    Elapsed,
    /// Looking failed.
    Failed(E),
}

/// Wakes those who sleep on this word, if somebody may (W2 to W5). Call it after publishing.
///
/// `reached`: whether sleepers' barriers reach this process.
#[inline(always)]
pub(crate) fn wake(park: &impl Park, parked: &WordRef, reached: bool) {
    if has_waiters(parked, reached) {
        notify(park, parked, u32::MAX);
    }
}

/// Whether somebody has asked, by `word`, to be told of what was published before (W2 and W3).
#[inline(always)]
pub(crate) fn has_waiters(word: &WordRef, reached: bool) -> bool {
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

/// W4 and W5: `most` of them.
#[cold]
pub(crate) fn notify(park: &impl Park, parked: &WordRef, most: u32) {
    // A sleeper that still reads what it made is in its park, and is woken next.
    if even(parked) && park.unpark(parked.park_word(), most) >= most {
        // Relaxed: for our own next look. Who is about to park finds another number than it made, and looks again.
        parked.half().fetch_or(1, Relaxed);
    }
}

/// Makes an odd number the next even one, never an earlier one: who still has that would not notice. Whether it was we who did.
fn even(parked: &WordRef) -> bool {
    // Relaxed: E4's fences order it; the exchange is what counts.
    let found = parked.half().load(Relaxed);
    // Relaxed: as above.
    found & 1 == 1 && parked.half().compare_exchange(found, found.wrapping_add(1), Relaxed, Relaxed).is_ok()
}

/// The heavy fence of a sleeper (S2), in a ring that is `fenced` or not: see the header's page in `layout`. Whether every participant
/// passes a full fence between its last publication and its next look.
pub(crate) fn heavy_fence(park: &impl Park, fenced: bool) -> bool {
    if fenced {
        // Full fence: E4, pairs with the full fence of every waker.
        full_fence();
    }
    // A barrier in every process: E4, pairs with the light fence of every waker it reaches, and the full one of those it does not.
    fenced || park.barrier()
}

/// The word that somebody sleeps on.
pub(crate) struct WaitWord<'a> {
    pub(crate) parked: &'a WordRef,
    /// Whether others sleep on it too.
    pub(crate) shared: bool,
    /// Whether every participant fences for itself.
    pub(crate) fenced: bool,
}

impl WaitWord<'_> {
    /// S1; what it made of the word.
    pub(crate) fn prepare_wait(&self) -> u32 {
        // Relaxed: E4's fences order it.
        self.parked.half().fetch_or(1, Relaxed) | 1
    }

    /// S5.
    pub(crate) fn cancel_wait(&self) {
        if !self.shared {
            even(self.parked);
        }
    }
}

/// S3: whether there is nothing to be had, and nobody has rung.
pub(crate) fn still_waiting<W: WaitCondition>(waiter: &mut W) -> bool {
    waiter.departed().is_none() && matches!(waiter.ready(), Ok(false)) && !waiter.is_up()
}

/// Sleeps until woken, `limit` at most, unless what is waited for is there (S1 to S5).
fn sleep<W: WaitCondition>(
    park: &impl Park,
    bed: &WaitWord<'_>,
    limit: Duration,
    waiter: &mut W,
) -> Result<(), W::Error> {
    let expected = bed.prepare_wait();
    waiter.arm();
    // The word before it, the look after it.
    let limit = if heavy_fence(park, bed.fenced) { limit } else { limit.min(NAP) };
    if still_waiting(waiter) {
        park.park(bed.parked.park_word(), expected, limit);
        waiter.check()?;
    }
    bed.cancel_wait();
    Ok(())
}

/// Somebody who waits for something to be there, or for those who could bring it to be gone.
pub(crate) trait WaitCondition {
    /// How they went.
    type Departure;
    /// Why looking failed.
    type Error;

    /// Whether it is there.
    fn ready(&mut self) -> Result<bool, Self::Error>;

    /// How those awaited went, as far as is noted. No system call.
    fn departed(&self) -> Option<Self::Departure>;

    /// The same; asks the witness, notes what it says, and mends what the dead have left in the way.
    fn check_peers(&mut self) -> Result<Option<Self::Departure>, Self::Error>;

    /// Makes sure that the bytes are still there. Asks the system, and is asked after each sleep.
    fn check(&mut self) -> Result<(), Self::Error>;

    /// Has whatever could be published from now on look at the parked word.
    fn arm(&mut self) {}

    /// Whether something happened since then after which not all of that does.
    fn is_up(&self) -> bool {
        false
    }
}

/// Waits until it is there, or those awaited are gone, or no time is left.
///
/// The look before parking (S3) is for both: what was published, and a departure, which is published like a
/// record. What was published before a departure is found by one more look.
pub(crate) fn until<W: WaitCondition>(
    park: &impl Park,
    bed: &WaitWord<'_>,
    patience: &mut AdaptiveSpin,
    mut remaining: impl FnMut() -> Option<Duration>,
    waiter: &mut W,
) -> WaitOutcome<W::Departure, W::Error> {
    let (most, handovers) = patience.begin();
    let mut looks = 0;
    loop {
        match waiter.ready() {
            Ok(true) => {
                patience.end((looks <= most).then_some(looks));
                return WaitOutcome::Ready;
            }
            Err(error) => return WaitOutcome::Failed(error),
            Ok(false) if looks < most + handovers => {
                if looks < most {
                    pause()
                } else {
                    yield_now()
                }
                looks += 1;
                continue;
            }
            Ok(false) => {}
        }
        match waiter.check_peers() {
            Ok(None) => {}
            Err(error) => return WaitOutcome::Failed(error),
            Ok(Some(how)) => {
                patience.end(None);
                return match waiter.ready() {
                    Ok(true) => WaitOutcome::Ready,
                    Ok(false) => WaitOutcome::Gone(how),
                    Err(error) => WaitOutcome::Failed(error),
                };
            }
        }
        let limit = remaining().unwrap_or(SLICE).min(SLICE);
        if limit.is_zero() {
            patience.end(None);
            return WaitOutcome::Elapsed;
        }
        if patience.how() == WaitStrategy::Spin {
            looks = 0;
            continue;
        }
        looks = u32::MAX;
        if let Err(error) = sleep(park, bed, limit, waiter) {
            return WaitOutcome::Failed(error);
        }
    }
}
