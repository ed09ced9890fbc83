//! Who sits where, who is dead, and how the next one takes over.
//!
//! A seat is a [role block](crate::layout) in the segment. Its *state word* says who has it (never held,
//! taken, left, died, and the how-manieth holder), and moves by compare-exchange. Where the memory has a
//! witness ([`Liveness`]: for segments the kernel, by a lock on the block's byte range) the witness decides
//! who lives; a state word that says *taken* without a living holder means that the holder died. A second witness, which knows
//! processes, may save a holder whose lock is gone though it runs; it never buries one.
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
//! | E3 | `leave` and `proved` state | `occupy` and `departed` state | all that the last holder did in its seat |
//!
//! A holder that *died* stored nothing at its end. Then the edge is the kernel's: the lock was released after the
//! process's last instruction, and taken by us.
//!
//! # What a dead holder leaves, and who mends it
//! | it died | left behind | mended by |
//! |---|---|---|
//! | taking the seat, before the state word moved | nothing: the lock is gone | |
//! | a producer, before its (first) stamp | payload, infos, later stamps in free cells | its successor: `resume` removes the stamps |
//! | a producer of `mpsc`, in a claim | claimed cells that nobody will stamp | the consumer: see [`ordered`](crate::ring::ordered) |
//! | a producer of `lanes`, before it rang | a record in a lane at rest | the consumer: it sweeps; or a successor: it rings |
//! | a producer, after the stamp | TAIL too low; a sleeping consumer | its successor rolls forward; the sleeper's slice ends |
//! | a consumer, before HEAD moved | HEAD too low: records read but not released | its successor, who reads them again |
//! | parked | parked = 1 | the next waker, once |
//!
//! The mending is idempotent, and done in the mender's own seat: it may be killed too.
//!
//! # Several producers
//! [`Seat`] says who sleeps where and is woken by whom; [`Peers`](across::Peers) asks as few seats as it can who is there;
//! [`Bell`](bell::Bell) is how a producer is heard whose lane the consumer does not look at.
mod doorbell;
mod peers;
mod presence;
mod seat;

pub(crate) use peers::presence_of;
pub use presence::Presence;
pub(crate) use presence::{count_loss, identity_of, presence, proved_at};
pub use seat::Seat;
