//! Who sits where, who is dead, and how the next one takes over.
//!
//! A seat is a [role block](crate::layout) in the segment. Its *state word* says who has it (never held,
//! taken, left, died, and the how-manieth holder), and moves by compare-exchange. Where the memory has a
//! witness ([`Liveness`]: for segments the kernel, by a lock on the block's byte range) the witness decides
//! who lives; a state word that says *taken* without a living holder means that the holder died.
//!
//! ```text
//!              take                     leave
//!   never ───────────▶ taken(epoch) ───────────▶ left ──┐
//!                       ▲   │ ▲                         │ take: epoch + 1
//!                       │   │ └─────────────────────────┘
//!                  take │   ▼ a peer has proof
//!                       └─ died
//! ```
//!
//! # Invariants
//! * I1: at most one living participant holds a seat. With a witness: it has the lock. Without: it moved the
//!   state word to *taken*, and only itself moves it on.
//! * I2: *died* is stored only on proof, and only over the very *taken* that was proved dead: the epoch in the
//!   word keeps a slow reporter from burying the next holder.
//! * I3: time plays no part. A holder that is stopped for an hour still has its lock.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E3 | `leave` state | `take` state, `departed` state | all that the last holder did in its seat |
//!
//! A holder that *died* stored nothing at its end. Then the edge is the kernel's: the lock was released after the
//! process's last instruction, and taken by us.
//!
//! # What a dead holder leaves, and who mends it
//! | it died | left behind | mended by |
//! |---|---|---|
//! | taking the seat, before the state word moved | nothing: the lock is gone | |
//! | a producer, before its (first) stamp | payload, infos, later stamps in free cells | its successor: `resume` removes the stamps |
//! | a producer, after the stamp | TAIL too low; a sleeping consumer | its successor rolls forward; the sleeper's slice ends |
//! | a consumer, before HEAD moved | HEAD too low: records read but not released | its successor, who reads them again |
//! | parked | parked = 1 | the next waker, once |
//!
//! The mending is idempotent, and done in the mender's own seat: it may be killed too.
mod seat;

pub use seat::Presence;
pub(crate) use seat::{Before, Seat, presence};

use crate::layout::Identity;
use crate::memory::Span;

/// What a witness says when a seat is claimed: see [`Liveness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is yours, and nobody alive had it: this is proof.
    Granted,
    /// Somebody alive has it.
    Held,
    /// There is no witness: the state word alone decides.
    NoWitness,
}

/// A witness of life and death: whether it can be proved that the holder of a seat is dead.
///
/// The defaults say that there is none: seats are then free only when their holders give them back, which suits
/// memory that does not outlive its participants (a heap, a static).
///
/// # Examples
/// ```
/// use ringway::{Claim, Liveness, memory::Span};
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
///     fn claim(&self, seat: Span) -> Result<Claim, i32> {
///         Ok(if self.ask_to_lock(seat.start()) { Claim::Granted } else { Claim::Held })
///     }
///     fn disclaim(&self, seat: Span) {
///         self.unlock(seat.start());
///     }
///     fn is_proved_dead(&self, seat: Span) -> bool {
///         !self.is_locked(seat.start())
///     }
/// }
/// ```
pub trait Liveness {
    /// Claims the seat whose role block is at `seat`, for as long as this process lives.
    ///
    /// # Errors
    /// The system's error number, if it would not answer.
    fn claim(&self, seat: Span) -> Result<Claim, i32> {
        let _ = seat;
        Ok(Claim::NoWitness)
    }

    /// Gives a claimed seat back.
    fn disclaim(&self, seat: Span) {
        let _ = seat;
    }

    /// Whether it is proved that nobody alive holds the seat. Never true on suspicion.
    fn is_proved_dead(&self, seat: Span) -> bool {
        let _ = seat;
        false
    }

    /// Whether the caller is the process that claimed, and not a forked child with a copy of its handles: a
    /// child gives nothing back.
    fn is_claimant(&self) -> bool {
        true
    }

    /// Who a participant in this process is, for others to read.
    fn identity(&self) -> Identity {
        Identity::unknown()
    }
}
