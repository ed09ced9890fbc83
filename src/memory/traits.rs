//! What the platform around the bytes can do: prove a death, put a thread to sleep, tell the time.
use core::time::Duration;

use super::Span;
use crate::identity::Identity;
use crate::sync::{Half, Relaxed};

/// What a witness says when a seat is claimed: see [`Liveness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatLock {
    /// It is yours, and nobody alive had it: this is proof.
    Acquired,
    /// Somebody alive has it.
    Held,
    /// There is no witness: the state word alone decides.
    Unsupported,
    /// This process has its handle from the parent that forked it: a claim by it would prove nothing.
    Inherited,
}

/// A witness of life and death: whether it can be proved that the holder of a seat is dead.
///
/// The defaults say that there is none: seats are then free only when their holders give them back, which suits
/// memory that does not outlive its participants (a heap, a static).
///
/// # Examples
/// ```
/// use ringway::{SeatLock, Liveness, memory::Span};
///
/// /// Memory that somebody else guards: a seat is granted, and proved free, by a table of theirs.
/// #[derive(Clone)]
/// struct Guarded;
/// # impl Guarded {
/// #     fn ask_to_lock(&self, _: u64) -> bool { true }
/// #     fn unlock(&self, _: u64) {}
/// #     fn is_locked(&self, _: u64) -> bool { true }
/// # }
/// impl Liveness for Guarded {
///     fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
///         Ok(if self.ask_to_lock(seat.start()) { SeatLock::Acquired } else { SeatLock::Held })
///     }
///     fn unlock_seat(&self, seat: Span) {
///         self.unlock(seat.start());
///     }
///     fn is_proved_dead(&self, seat: Span) -> bool {
///         !self.is_locked(seat.start())
///     }
/// }
/// ```
pub trait Liveness {
    /// ClaimProtocol the seat whose role block is at `seat`, for as long as this process lives.
    ///
    /// # Errors
    /// The system's error number, if it would not answer.
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        let _ = seat;
        Ok(SeatLock::Unsupported)
    }

    /// Gives a claimed seat back.
    fn unlock_seat(&self, seat: Span) {
        let _ = seat;
    }

    /// Whether it is proved that nobody alive holds the seat. Never true on suspicion.
    fn is_proved_dead(&self, seat: Span) -> bool {
        let _ = seat;
        false
    }

    /// Whether the process of `who`, the last holder of a seat, is known to run: a second witness, which can
    /// save a holder whose claim was dropped behind its back, and never buries one. False if that cannot be told.
    fn is_running(&self, who: &Identity) -> bool {
        let _ = who;
        false
    }

    /// Whether the caller is the process that claimed, and not a forked child with a copy of its handles: a child's
    /// copies, when they are dropped, leave everything as it is. Asked on the data path: it must be cheap.
    fn is_own_process(&self) -> bool {
        true
    }

    /// Who a participant in this process is, for others to read.
    fn identity(&self) -> Identity {
        Identity::unknown()
    }
}

/// The word that a waiter parks on: see [`Park`].
#[repr(transparent)]
pub struct ParkWord(Half);

impl ParkWord {
    /// What it holds: an odd number while somebody who is parked on it, or about to be, wants to be woken.
    pub fn value(&self) -> u32 {
        // Relaxed: E4's fences order it.
        self.0.load(Relaxed)
    }

    #[cfg(feature = "std")]
    pub(crate) fn half(&self) -> &Half {
        &self.0
    }

    pub(super) fn of(half: &Half) -> &Self {
        // SAFETY: `ParkWord` is a transparent wrapper of `Half`.
        unsafe { &*core::ptr::from_ref(half).cast::<Self>() }
    }
}

impl core::fmt::Debug for ParkWord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("ParkWord").field(&self.value()).finish()
    }
}

/// What the platform around a [`Memory`](crate::Memory) can do for those who wait.
///
/// The defaults do nothing: whoever waits then spins. With the feature `std`, mapped segments, heaps and
/// statics park on a futex.
///
/// # Examples
/// ```
/// use core::time::Duration;
/// use ringway::{Park, ParkWord};
///
/// /// Memory of a small processor: who waits sleeps until the next interrupt, which always comes.
/// #[derive(Clone)]
/// struct Tightly;
/// # fn wait_for_interrupt() {}
/// impl Park for Tightly {
///     fn park(&self, word: &ParkWord, expected: u32, _limit: Duration) {
///         if word.value() == expected {
///             wait_for_interrupt();
///         }
///     }
/// }
/// ```
pub trait Park {
    /// Sleeps while `word` holds `expected`, for `limit` at most. May return early, for any reason or none.
    ///
    /// The comparison and the falling asleep must be one step with respect to [`unpark`](Self::unpark), as they
    /// are with a futex.
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        let _ = (word, expected, limit);
        core::hint::spin_loop();
    }

    /// Wakes those who sleep on `word`, in any process, but no more than `most`: who has slept longest first, if it can choose.
    /// How many it woke.
    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        let _ = (word, most);
        0
    }

    /// Whether from now on [`barrier`](Self::barrier), called by any participant, is a full fence in this process
    /// too. Asked when a ring is made, and when a seat is taken. If so, this participant publishes without a fence of its own. Of a
    /// ring whose maker said no, every participant fences for itself, and no barrier is asked for.
    fn register_barrier(&self) -> bool {
        false
    }

    /// A full fence in every participant's process; whether it was. If not, this participant does not rely on being woken.
    /// Asked for only where the ring's maker was [reached by barriers](Self::register_barrier).
    fn barrier(&self) -> bool {
        false
    }
}

/// A clock, for the `_timeout` forms.
///
/// # Examples
/// ```
/// use ringway::{Clock, memory::Heap};
///
/// let heap = Heap::new(1);
/// let before = heap.now();
/// assert!(heap.now() >= before);
/// ```
pub trait Clock {
    /// The time since some fixed moment; never goes back.
    fn now(&self) -> Duration;
}
