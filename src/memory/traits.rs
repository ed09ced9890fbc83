//! What the platform around the bytes can do: prove a death, put a thread to sleep, measure time.
use core::time::Duration;

use super::Span;
use crate::identity::Identity;
use crate::sync::{Half, Relaxed};

/// The outcome of [`Liveness::lock_seat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatLock {
    /// The caller now holds the lock. This proves that no living participant held it before.
    Acquired,
    /// A living participant holds the lock.
    Held,
    /// This memory has no locks. The seat's state word alone decides.
    Unsupported,
}

/// A *witness*: the means to prove that the holder of a seat is dead.
///
/// The default methods prove nothing. A seat is then free only after its holder has released it,
/// which suits memory that does not outlive its participants (a heap, a static).
///
/// # Examples
/// ```
/// use ringway::memory::{Liveness, SeatLock, Span};
///
/// /// Memory with a lock table next to it: the table grants seats, and shows which of them are free.
/// #[derive(Clone)]
/// struct Guarded;
/// # impl Guarded {
/// #     fn try_lock(&self, _: u64) -> bool { true }
/// #     fn unlock(&self, _: u64) {}
/// #     fn is_locked(&self, _: u64) -> bool { true }
/// # }
/// impl Liveness for Guarded {
///     fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
///         Ok(if self.try_lock(seat.start()) { SeatLock::Acquired } else { SeatLock::Held })
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
    /// Tries to lock the seat whose role block is at `seat`. The lock lasts until
    /// [`unlock_seat`](Self::unlock_seat) or until this process ends.
    ///
    /// # Errors
    /// The system's error number, if the system call failed.
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        let _ = seat;
        Ok(SeatLock::Unsupported)
    }

    /// Releases the lock of a seat that [`lock_seat`](Self::lock_seat) acquired.
    fn unlock_seat(&self, seat: Span) {
        let _ = seat;
    }

    /// Whether it is proved that no living participant holds the seat. Never `true` on a mere
    /// suspicion.
    fn is_proved_dead(&self, seat: Span) -> bool {
        let _ = seat;
        false
    }

    /// Whether the process of `who`, the last known holder of a seat, is known to run. `false` if
    /// that is unknown.
    ///
    /// This is a second witness. It can keep a holder whose lock was lost (a process that closed
    /// all its files) from being declared dead. It never causes a holder to be declared dead.
    fn is_running(&self, who: &Identity) -> bool {
        let _ = who;
        false
    }

    /// Whether the caller is the process that opened the memory, and not a forked child with a copy
    /// of its handles.
    ///
    /// Such a child touches none of the bytes, and no other method of its copy is called there. Its
    /// operations return an error; when it drops an end, the seat stays as it is. Called by each
    /// operation, so it must be cheap.
    fn is_own_process(&self) -> bool {
        true
    }

    /// The identity that a participant of this process writes into its seat, for people and peers
    /// to read.
    fn identity(&self) -> Identity {
        Identity::unknown()
    }
}

/// The word that a waiting thread parks on: see [`Park`].
#[repr(transparent)]
pub struct ParkWord(Half);

impl ParkWord {
    /// The current value. It is odd while a thread that is parked on the word, or about to park,
    /// wants to be woken.
    pub fn value(&self) -> u32 {
        // Relaxed: the fences of E4 order this load.
        self.0.load(Relaxed)
    }

    #[cfg(feature = "std")]
    pub(crate) fn half(&self) -> &Half {
        &self.0
    }

    pub(super) fn of(half: &Half) -> &Self {
        // SAFETY: `ParkWord` is a transparent wrapper of `Half`, so a reference to one is a valid
        // reference to the other, for the same lifetime.
        unsafe { &*core::ptr::from_ref(half).cast::<Self>() }
    }
}

impl core::fmt::Debug for ParkWord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("ParkWord").field(&self.value()).finish()
    }
}

/// What the platform around a [`Memory`](crate::memory::Memory) can do for a thread that waits.
///
/// The default methods do nothing, so a waiting thread spins. With the feature `std`, mapped
/// segments, heaps and statics park on a futex.
///
/// # Examples
/// ```
/// use core::time::Duration;
/// use ringway::memory::{Park, ParkWord};
///
/// /// Memory of a small processor: a waiting thread sleeps until the next interrupt, which always comes.
/// #[derive(Clone)]
/// struct TightlyCoupled;
/// # fn wait_for_interrupt() {}
/// impl Park for TightlyCoupled {
///     fn park(&self, word: &ParkWord, expected: u32, _limit: Duration) {
///         if word.value() == expected {
///             wait_for_interrupt();
///         }
///     }
/// }
/// ```
pub trait Park {
    /// Sleeps while `word` holds `expected`, for at most `limit`. May return early, for any reason
    /// or none.
    ///
    /// The comparison and the start of the sleep must be one atomic step with respect to
    /// [`unpark`](Self::unpark), as they are with a futex.
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        let _ = (word, expected, limit);
        core::hint::spin_loop();
    }

    /// Wakes at most `most` threads that sleep on `word`, in any process. Returns how many it woke.
    ///
    /// If the platform can choose, it wakes first the thread that has slept longest.
    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        let _ = (word, most);
        0
    }

    /// Registers this process for [`barrier`](Self::barrier), and returns whether that succeeded.
    ///
    /// If `true`, a barrier issued by any participant acts as a full fence in this process too, and
    /// this process publishes without a fence of its own. Called when a ring is created (`false`
    /// marks the ring as *fenced*: every participant fences for itself, and no barrier is issued)
    /// and when a seat is taken.
    fn register_barrier(&self) -> bool {
        false
    }

    /// Issues a full fence in every participant's process, and returns whether that succeeded.
    ///
    /// If `false`, the calling participant does not rely on being woken. Called only if
    /// [`register_barrier`](Self::register_barrier) succeeded when the ring was created.
    fn barrier(&self) -> bool {
        false
    }
}

/// A clock, for the `_timeout` forms of blocking calls.
///
/// # Examples
/// ```
/// use ringway::memory::{Clock, Heap};
///
/// let heap = Heap::new(1);
/// let before = heap.now();
/// assert!(heap.now() >= before);
/// ```
pub trait Clock {
    /// The time since some fixed moment. It never goes back.
    fn now(&self) -> Duration;
}
