//! Seats: which participant holds which role, which participants are dead, and how a successor
//! takes over.
//!
//! A seat is a [role block](crate::layout) in the segment. Its *state word* holds a state (never
//! held, taken, left, died) and an *epoch*, the number of holders so far. It changes by
//! compare-exchange. Some memories have a *witness* that can prove deaths
//! ([`Liveness`](crate::memory::Liveness)); for segments it is the kernel, by a file lock on the
//! block's byte range. Where there is a witness, it decides which participants live: a state word
//! that says *taken* while the witness proves that no living participant holds the lock means that
//! the holder died. A second witness, which knows processes, can save a holder that has lost its
//! lock but still runs. It never causes a holder to be declared dead.
//!
//! ```text
//!              take                     drop
//!   never ───────────▶ taken(epoch) ───────────▶ left ──┐
//!                       ▲   │ ▲                         │ take: epoch + 1
//!                       │   │ └─────────────────────────┘
//!                  take │   ▼ a peer has proof
//!                       └─ died
//! ```
//!
//! # Invariants
//! * I1: at most one living participant holds a seat. With a witness, the holder has the lock.
//!   Without one, the holder has moved the state word to *taken*, and only the holder moves it on.
//! * I2: *died* is stored only on proof, and only over the same *taken* that was proved dead. The
//!   epoch in the word prevents a slow peer from declaring the next holder dead.
//! * I3: time plays no part. A holder that is stopped for an hour still has its lock.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E3 | `Seat::drop` and `verified_state` state | `acquire`, `recorded_state` and `verified_state` state | all that the last holder did in its seat |
//!
//! A holder that *died* stored nothing at its end. Then the edge is the kernel's: the kernel
//! released the lock after the process's last instruction, and the participant with the proof
//! acquired the lock, or tested it, after that.
//!
//! # What a dead participant leaves behind
//! | it died | it leaves | repaired by |
//! |---|---|---|
//! | taking the seat, before the state word changed | nothing: the lock is released | |
//! | a producer, before its (first) stamp | payload, infos, later stamps, all in free cells | its successor: `resume` removes the stamps |
//! | a producer of `mpsc`, in a claim | claimed cells that will never be stamped | the consumer: see [`mpsc`](crate::ring::mpsc) |
//! | a producer of `lanes`, before it notified | a record in an idle lane | the consumer: it scans idle lanes; or a successor: it notifies |
//! | a producer, after the stamp | TAIL too low; a consumer asleep | its successor: it moves TAIL forward; the consumer: its slice ends |
//! | a consumer, before it moved HEAD | HEAD too low: records read but not released | its successor: it reads them again |
//! | parked | an odd parked word | the next waker: it makes one needless wake-up call |
//!
//! Each repair is idempotent, and is made from the repairing participant's own seat. That
//! participant may be killed, too.
//!
//! # Several producers
//! [`Seat`] defines on which word each participant sleeps, and which participant wakes it.
//! [`Peers`](peers::Peers) finds out with few reads whether any peer is present.
//! [`Doorbell`](doorbell::Doorbell) is how a producer notifies a consumer that does not poll its
//! lane.
mod doorbell;
mod peers;
mod presence;
#[allow(clippy::module_inception, reason = "`Seat` is found where a reader looks for it")]
mod seat;

pub(crate) use peers::presence_of;
pub use presence::Presence;
pub(crate) use presence::{count_loss, identity_of, presence, proved_at};
pub(crate) use seat::Seat;
