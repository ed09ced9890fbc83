//! Sleeping without losing a wake-up: an eventcount on one shared word.
//!
//! A thread that waits polls for a while ([`AdaptiveSpin`]) and then sleeps on a *parked word*,
//! usually that of its own role block. Its peer reads that word after each publication (in `lanes`,
//! the lane's armed word) and wakes the sleeper if the word is odd.
//!
//! ```text
//!   waiting thread (prepareWait, wait, cancelWait)    publishing thread (notify)
//!   S1  make parked odd, remember the number          W1  publish: stamp, HEAD or state
//!   S2  heavy fence                                   W2  light fence
//!   S3  look again: a record, a departure? to S5      W3  parked is even? done
//!   S4  sleep while parked is S1's number             W4  parked: odd -> the next even number; wake
//!   S5  parked: odd -> the next even number,          W5  make parked odd again, if sleepers may be
//!       unless several threads sleep on it                left
//! ```
//!
//! # Fences
//! A publisher executes W2 once per record, a sleeper executes S2 once per sleep. So the sleeper
//! pays for both where the platform allows it: its heavy fence is then a *barrier in every
//! participant's process* (Linux: `membarrier`), and the light fence of the publisher only keeps
//! the compiler from reordering. In a *fenced* ring both are ordinary full fences. Either way the
//! two are ordered: S2 comes before W2 or W2 before S2, and what precedes the first is visible
//! after the second. (A `membarrier` makes each participant's thread execute a full fence at some
//! moment during S2. W1 to W3 are in program order, so the fence is after W1 or before W3.)
//!
//! The header says which of the two a ring uses, so all participants agree. A ring is fenced if its
//! creator cannot be reached by barriers. In a ring that uses barriers, a sleeper whose barrier
//! fails sleeps for at most a millisecond ([`NAP`]) at a time. A publisher that barriers do not
//! reach uses the full fence, which is correct with either kind of sleeper.
//!
//! # No wake-up is lost
//! Take a publication (W1) and a sleeper whose S3 did not see it. If W2 came before S2, the
//! publication would be visible at S3. It was not, so S2 comes before W2, and W3 reads S1's number
//! or a later one.
//! * If that number is odd, this W4 or another publisher's makes it another number and wakes.
//! * If it is even, a publisher has already done so, or the sleeper has passed its own S5: it is
//!   awake and will look before it sleeps again.
//!
//! In each case the sleep at S4 returns at once, because the word is no longer S1's number, or ends
//! by the wake-up that follows. Then the sleeper looks once more.
//!
//! A publisher that loses the exchange at W4 to another publisher need not wake: the winner does.
//! If the sleeper slept again after that, its new S2 came after our W2, so its S3 saw our
//! publication.
//!
//! # Deaths
//! A publisher that is killed or stopped between W1 and W5 leaves sleepers asleep. So each sleep
//! ends after a slice ([`SLICE`]) at most; then the sleeper looks, and checks that its peer lives.
//! A sleeper that is killed after S1 leaves an odd number: the next publisher makes one needless
//! wake-up call.
//!
//! # Truncated files
//! The file that holds the ring can be truncated while a thread sleeps. So after a sleep the first
//! step is [`WaitCondition::check_mapping`], before any byte of the ring is touched.
//!
//! # Several sleepers on one word
//! The producers of an `mpsc` ring wait for room on one word, that of their common block. That is
//! why the word counts instead of being 0 or 1: another sleeper may make it odd again between a
//! publisher's W4 and a slow sleeper's S4. With a flag, the slow sleeper would then sleep through a
//! wake-up that was meant for it. S5 is left out on such a word: a sleeper whose time is up
//! leaves the word odd, which costs one needless wake-up call. (A consumer and its waker thread
//! share a word, too. But only the consumer makes it odd, so it executes S5. See [`proxy`].)
//!
//! # Waiting for room
//! A consumer does not wake a producer for each cell: half of the ring must be free
//! ([`SharedHead::producers_to_wake`](crate::ring::cells::SharedHead::producers_to_wake) says why).
//! It wakes at most as many producers as there are free cells, longest-waiting first. If others may
//! still sleep, the word stays odd (W5), and the consumer's next release checks again. Both rules
//! only delay a wake-up, and at most until the sleeper's slice ends.
//!
//! A producer that is already running may take the room before one that is being woken. Two
//! remedies were measured and dropped: `benches/NOTES.md`, "fairness".
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E4 | `has_waiters` fence W2, after the publication | `heavy_fence` fence S2, before the look | the publication to the look, or the odd number to W3 |
//!
//! The accesses to the parked word itself are Relaxed: the fences order them. The loom models use
//! full fences.
//!
//! # Source
//! The interface: the eventcount of folly (`EventCount.h`) and of Vyukov. The flag and two fences:
//! Dekker's algorithm. One side's fence taken over by the other: Dice, Huang and Yang, "Asymmetric
//! Dekker synchronization", 2001; membarrier(2).
mod deadline;
#[cfg(any(feature = "std", loom))]
mod proxy;
mod strategy;

pub(crate) use deadline::Deadline;
#[cfg(any(feature = "std", loom))]
pub(crate) use proxy::WakeProxy;
pub(crate) use strategy::AdaptiveSpin;
#[cfg(any(feature = "alloc", loom))]
pub(crate) use strategy::MAX_LOOKS;
pub use strategy::WaitStrategy;

use core::time::Duration;

use crate::memory::{Park, WordRef};
use crate::sync::{Relaxed, compiler_fence, full_fence, pause, yield_now};

/// The longest sleep.
#[cfg(not(ringway_long_slices))]
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// The longest sleep, in a build for `tests/long_slices/run`: longer than the tests wait, so that a
/// lost wake-up fails them. For a user it would only delay the discovery of a death.
#[cfg(ringway_long_slices)]
pub(crate) const SLICE: Duration = Duration::from_secs(20);

/// The longest sleep of a participant that cannot rely on being woken.
pub(crate) const NAP: Duration = Duration::from_millis(1);

/// Wakes all threads that sleep on this word (W2 to W5). Call it after publishing.
///
/// `barrier_registered`: whether the barriers of sleepers reach this process.
#[inline(always)]
pub(crate) fn notify_if_waiting(park: &impl Park, parked: &WordRef, barrier_registered: bool) {
    if has_waiters(parked, barrier_registered) {
        notify(park, parked, u32::MAX);
    }
}

/// Whether a thread has asked, by `word`, to be notified of what was published before (W2 and W3).
#[inline(always)]
pub(crate) fn has_waiters(word: &WordRef, barrier_registered: bool) -> bool {
    if barrier_registered {
        // Compiler fence: E4, pairs with the barrier of `heavy_fence`, which is a full fence in
        // this process during S2.
        compiler_fence();
    } else {
        // Full fence: E4, pairs with `heavy_fence`; orders the publication before the load of the
        // word.
        full_fence();
    }
    // Relaxed: E4's fences order it.
    word.half().load(Relaxed) & 1 == 1
}

/// Wakes at most `count` threads that sleep on this word (W4 and W5).
#[cold]
pub(crate) fn notify(park: &impl Park, parked: &WordRef, count: u32) {
    // A thread that found S1's number unchanged is in the kernel's queue, where `unpark` finds it.
    if bump_to_even(parked) && park.unpark(parked.park_word(), count) >= count {
        // Relaxed: it only makes our next `has_waiters` true. A thread that is about to sleep finds
        // another number than S1's, and looks again.
        parked.half().fetch_or(1, Relaxed);
    }
}

/// Makes an odd number the next even one. Returns whether this call changed it.
///
/// The number only grows (modulo 2^32): a thread that remembers an earlier one must see that it
/// changed.
fn bump_to_even(parked: &WordRef) -> bool {
    // Relaxed: E4's fences order it; the exchange decides.
    let found = parked.half().load(Relaxed);
    // Relaxed: E4's fences order it.
    found & 1 == 1 && parked.half().compare_exchange(found, found.wrapping_add(1), Relaxed, Relaxed).is_ok()
}

/// The heavy fence of a sleeper (S2). Returns whether the sleeper can rely on being woken.
///
/// `fenced`: whether every participant of the ring fences for itself (the format page, "Header").
pub(crate) fn heavy_fence(park: &impl Park, fenced: bool) -> bool {
    if fenced {
        // Full fence: E4, pairs with the full fence in `has_waiters`.
        full_fence();
    }
    // A barrier in every process: E4, pairs with the light fence in `has_waiters` of each process
    // it reaches, and with the full fence of the others.
    fenced || park.barrier()
}

/// The word that a thread sleeps on.
pub struct WaitWord<'a> {
    pub(crate) parked: &'a WordRef,
    /// Whether other threads sleep on it too.
    pub(crate) has_several_sleepers: bool,
    /// Whether every participant fences for itself.
    pub(crate) fenced: bool,
}

impl WaitWord<'_> {
    /// S1. Returns the number to sleep on.
    pub(crate) fn prepare_wait(&self) -> u32 {
        // Relaxed: E4's fences order it.
        self.parked.half().fetch_or(1, Relaxed) | 1
    }

    /// S5.
    pub(crate) fn cancel_wait(&self) {
        if !self.has_several_sleepers {
            bump_to_even(self.parked);
        }
    }
}

/// A condition to wait for, and the peers whose departure ends the wait.
pub trait WaitCondition {
    /// How the peers departed.
    type Departure;
    /// Why looking failed.
    type Error;

    /// Whether the condition holds. Polled, so usually without a system call.
    fn is_ready(&mut self) -> Result<bool, Self::Error>;

    /// How the peers departed, if all of them have. Reads shared memory only.
    fn departure(&self) -> Option<Self::Departure>;

    /// Like `departure`, after asking the kernel which peers live, recording deaths, and repairing
    /// what the dead left in the way.
    fn check_peers(&mut self) -> Result<Option<Self::Departure>, Self::Error>;

    /// Checks that the segment still has all its bytes. Called after every sleep, before any of
    /// them is touched.
    fn check_mapping(&mut self) -> Result<(), Self::Error>;

    /// Requests a notification from everything that can end the wait. Only lanes need this.
    fn arm(&mut self) {}

    /// Whether the thread must look again before it sleeps, although the last look found nothing.
    fn must_look_again(&self) -> bool {
        false
    }
}

/// S1 to S3. Returns S1's number and the answer of `heavy_fence`; or `None`, after S5, if there is
/// no reason to sleep.
pub(crate) fn prepare_sleep<W: WaitCondition>(
    park: &impl Park,
    word: &WaitWord<'_>,
    condition: &mut W,
) -> Option<(u32, bool)> {
    let expected = word.prepare_wait();
    condition.arm();
    // Orders S1 before S3.
    let can_rely_on_wake_up = heavy_fence(park, word.fenced);
    if still_waiting(condition) {
        return Some((expected, can_rely_on_wake_up));
    }
    word.cancel_wait();
    None
}

/// S3: whether there is nothing yet and the thread may sleep.
///
/// The look is for both: a record, and a departure, which is published like a record.
pub(crate) fn still_waiting<W: WaitCondition>(condition: &mut W) -> bool {
    condition.departure().is_none()
        && matches!(condition.is_ready(), Ok(false))
        && !condition.must_look_again()
}

/// Why a wait for one condition ended.
pub(crate) enum WaitOutcome<D, E> {
    /// The condition holds.
    Ready,
    /// All peers have departed.
    Departed(D),
    /// The time is up.
    Elapsed,
    /// Looking failed.
    Failed(E),
}

/// Waits for one condition.
pub(crate) fn wait_for<P: Park, W: WaitCondition>(
    park: &P,
    word: &WaitWord<'_>,
    spin: &mut AdaptiveSpin,
    deadline: &Deadline<P>,
    condition: &mut W,
) -> WaitOutcome<W::Departure, W::Error> {
    until(park, spin, deadline, &mut Single { park, word, condition }).unwrap_or(WaitOutcome::Elapsed)
}

/// What a thread waits for: one condition, or several.
pub(crate) trait WaitSet {
    /// How a wait ends before its deadline.
    type Outcome;

    /// Looks at each condition once. Polled, so usually without a system call.
    fn look(&mut self) -> Option<Self::Outcome>;

    /// How many conditions one look covers.
    fn len(&self) -> u32;

    /// Asks the kernel which peers live. Returns how long the thread may sleep until it asks again.
    /// `Err` ends the wait.
    fn check_peers(&mut self) -> Result<Duration, Self::Outcome>;

    /// Calls `limit` and sleeps for at most that long, unless S3 finds a reason not to (S1 to S5).
    fn sleep(&mut self, limit: impl FnOnce() -> Duration) -> Option<Self::Outcome>;
}

/// Waits until a look at `set` finds something. Returns `None` if the time is up before.
pub(crate) fn until<C, S: WaitSet>(
    clock: &C,
    spin: &mut AdaptiveSpin,
    deadline: &Deadline<C>,
    set: &mut S,
) -> Option<S::Outcome> {
    let (max_looks, yields) = spin.begin();
    let mut looks: u32 = 0;
    loop {
        if let Some(outcome) = set.look() {
            spin.end((looks <= max_looks).then_some(looks));
            return Some(outcome);
        }
        if looks < max_looks + yields {
            if looks < max_looks {
                pause();
            } else {
                yield_now();
            }
            looks = looks.saturating_add(set.len());
            continue;
        }
        let slice = match set.check_peers() {
            Ok(slice) => slice,
            Err(outcome) => {
                spin.end(None);
                return Some(outcome);
            }
        };
        let limit = || deadline.left(clock).map_or(slice, |left| left.min(slice));
        if limit().is_zero() {
            spin.end(None);
            return None;
        }
        if spin.strategy() == WaitStrategy::Spin {
            looks = 0;
            continue;
        }
        // No polling after a sleep; and `end` learns that there was one.
        looks = u32::MAX;
        if let Some(outcome) = set.sleep(limit) {
            return Some(outcome);
        }
    }
}

/// One condition, and the word that the thread sleeps on meanwhile.
struct Single<'a, P, W> {
    park: &'a P,
    word: &'a WaitWord<'a>,
    condition: &'a mut W,
}

impl<P: Park, W: WaitCondition> WaitSet for Single<'_, P, W> {
    type Outcome = WaitOutcome<W::Departure, W::Error>;

    fn look(&mut self) -> Option<Self::Outcome> {
        match self.condition.is_ready() {
            Ok(true) => Some(WaitOutcome::Ready),
            Ok(false) => None,
            Err(error) => Some(WaitOutcome::Failed(error)),
        }
    }

    fn len(&self) -> u32 {
        1
    }

    fn check_peers(&mut self) -> Result<Duration, Self::Outcome> {
        match self.condition.check_peers() {
            Ok(None) => Ok(SLICE),
            // What they published before they departed is visible now: one more look.
            Ok(Some(departure)) => Err(self.look().unwrap_or(WaitOutcome::Departed(departure))),
            Err(error) => Err(WaitOutcome::Failed(error)),
        }
    }

    fn sleep(&mut self, limit: impl FnOnce() -> Duration) -> Option<Self::Outcome> {
        let limit = limit();
        let (expected, can_rely_on_wake_up) = prepare_sleep(self.park, self.word, self.condition)?;
        let limit = if can_rely_on_wake_up { limit } else { limit.min(NAP) };
        self.park.park(self.word.parked.park_word(), expected, limit);
        if let Err(error) = self.condition.check_mapping() {
            return Some(WaitOutcome::Failed(error));
        }
        self.word.cancel_wait();
        None
    }
}
