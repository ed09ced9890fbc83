//! Seats: which participant holds which role, which participants are dead, and how a successor
//! takes over.
//!
//! A seat is a [block](crate::layout::SeatBlock) in the segment. Its *state word* holds a state
//! (never held, taken, left, finished, died) and an *epoch*, the number of holders so far. Only the
//! holder changes the word without compare-exchange. Some memories have a *witness* that can prove
//! deaths ([`Liveness`](crate::memory::Liveness)); for segments it is the kernel, by a file lock on
//! the block's byte range. A witness decides which participants live: if the word says *taken* and
//! the witness proves that no living participant has the lock, the holder died. A second witness
//! (for segments, `/proc`) can show that a holder without a lock still runs. It never proves a
//! death.
//!
//! ```text
//!              take                     drop
//!   never ───────────▶ taken(epoch) ───────────▶ left or finished ─┐
//!                       ▲   │ ▲                                    │ take: epoch + 1
//!                       │   │ └────────────────────────────────────┘
//!                  take │   ▼ a peer has proof
//!                       └─ died
//! ```
//!
//! # Invariants
//! * I1: at most one living participant holds a seat. With a witness, the holder locked the seat
//!   when it took it. Without one, the holder has changed the state word to *taken*, and only the
//!   holder changes it again.
//! * I2: *died* is stored only over the *taken* of a holder that was proved dead. The epoch in the
//!   word prevents a slow peer from declaring the next holder dead.
//! * I3: no decision depends on time. A holder that is stopped for an hour still has its lock.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E3 | `Seat::release` and `verified_state` state | `acquire`, `recorded_state` and `verified_state` state | all that the last holder did in its seat |
//!
//! A holder that *died* stored nothing at its end. Then the kernel provides the edge: it released
//! the lock after the process's last instruction, and the participant with the proof acquired the
//! lock, or tested it, after that.
//!
//! # What a dead participant leaves behind
//! | death of | it leaves | repaired by |
//! |---|---|---|
//! | a participant that takes a seat, before the state word changed | its identity, in a seat that it did not take; no lock | the next holder writes its own |
//! | a producer, before its (first) stamp | payload, descriptors and later stamps, all in free cells | its successor: `resume` removes the stamps |
//! | a producer of `mpsc`, in a claim | claimed cells that will never be stamped | the consumer: see [`mpsc`](crate::ring::mpsc) |
//! | a producer of `lanes`, before it notified | a record in an idle lane | the consumer: it scans idle lanes; or a successor: it notifies |
//! | a producer, after the stamp | TAIL too low; a sleeping consumer that was not woken | its successor: it moves TAIL forward; the consumer: it wakes when its slice ends |
//! | a consumer, before it moved HEAD | HEAD too low: records read but not released | its successor: it reads them again |
//! | a sleeper | an odd parked word | the next waker: it makes one needless wake-up call |
//!
//! Each repair can be repeated (only the count of losses may then be too high), and is made by the
//! holder of the seat that the table names. That holder may be killed, too.
//!
//! # Parts
//! [`Seat`] is the lock and the state word of one seat. [`Peers`] finds out with few reads whether
//! any peer is present. Which participant sleeps where, and which one wakes it, is the business of
//! the object that has the seats: for rings, see [`RingSeat`](crate::ring::RingSeat).
mod peers;
mod presence;
#[allow(clippy::module_inception, reason = "each type has a file of its own")]
mod seat;

pub(crate) use peers::{Attendance, Peers, presence_of};
pub use presence::Presence;
pub(crate) use presence::{identity_of, presence, verified_state_at};
pub(crate) use seat::Seat;
