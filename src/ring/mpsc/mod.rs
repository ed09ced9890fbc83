//! Total order: many producers in one sequence of cells.
//!
//! ```text
//!   HEAD            p                     TAIL
//!    ▼              ▼                      ▼
//!    █ █ █ █ █ █ █ │· · ·│ █ █ │ · │ █ █ █ │ ░ ░ ░        █ stamped   · claimed, not stamped   ░ free
//!                   └──┬─┘       └ another producer's claim
//!                      └ a claim: the consumer waits here, or finds that it is lost
//! ```
//!
//! # The claim protocol
//! A producer that wants `n` cells uses two words of its own role block, A (announcement) and E
//! (claim end), and a word that all producers share, TAIL:
//! ```text
//!   C1  t = TAIL                       with HEAD + capacity >= t + n
//!   C2  E = t + n
//!   C3  A = announced(t)
//!   C4  TAIL: t -> t + n               compare-exchange; if it fails, from C1
//!   C5  A = owned(t)
//!   C6  payload; then stamps, back to front; the stamp of t is the last
//! ```
//! A stays as it is until the next claim. A producer that gives up an attempt clears it (A = none),
//! so that the consumer does not wait for a producer that wants nothing any more. Claims follow
//! each other without gaps, each begins where TAIL was at its C4, and that is the ring's one order:
//! what A pushed before B began comes first.
//!
//! # Who can own a position without a stamp
//! Let the consumer stand at `p`, with TAIL > p (read with Acquire) and no stamp at `p`. Some
//! producer moved TAIL from `p` (C4). Its C3 came before, and is visible to the consumer: TAIL
//! carries it, because each later C4 continues the release sequence. So its A, read with Acquire,
//! says `p` or something later; and if later, the stamp of `p` came before (C6) and is visible at a
//! second look. **If the stamp is still missing at that look, the owner is among the seats whose A
//! says `p`.**
//! * A seat that says *owned* is the owner: no other producer moved TAIL from `p`. If it is proved
//!   dead, its last E is the end of its claim, and the record is lost. If not, the consumer waits
//!   for it, and names it.
//! * If no seat says *owned*, each of them *announces* `p`, and one of them moved TAIL. If one of
//!   them is not proved dead, the consumer waits for it. If all are, the owner died between C4 and
//!   C5. So it has stamped nothing, and its claim ends at the **next boundary: the smallest of
//!   TAIL, all announced positions after `p`, and all stamped positions after `p`**. All of these
//!   are where claims begin or TAIL was, and the end of the owner's claim is among them: it is
//!   TAIL, or the next claimant announces it, or has gone on and left its stamp.
//!
//! A proof of death holds for the last instruction: whatever the dead producer stored is visible
//! after it. One corner is left: a *stopped* producer that announced `p` and lost the race for it,
//! while the winner died between C4 and C5, one instruction apart. The consumer then waits for the
//! stopped one, and names it.
//!
//! # One survey for many positions
//! Where the consumer finds no stamp it reads TAIL, and then the announcements of all seats. This
//! *survey* serves each position `p` before that TAIL, at any later time:
//! * `p` was claimed before TAIL was read. So the argument above holds for the A of its owner in
//!   the survey: it says `p`, or the stamp of `p` is visible at a second look. The candidates for
//!   `p` are the seats that announce `p` in the survey. Only their A and their deaths are checked
//!   again, at the time of the repair. If the A of a candidate has changed since, then it has
//!   stamped `p`, or did not own it. No producer that announces `p` after the survey is the owner.
//! * The survey's TAIL and its announcements are boundaries for ever. The end of the claim of `p`
//!   is among them, or stamped: it is this TAIL, or was claimed before this TAIL was read, too.
//!
//! A survey has places for 256 announcements. If there are more, it keeps the nearest ones and ends
//! before the first that it does not keep. So a recovery reads all announcements at most once
//! for 128 of them, and each cell once. Only a producer that has moved TAIL meanwhile causes
//! another survey.
//!
//! # Repair
//! Only the holder of the consumer's seat repairs. It writes whose claim it was and how far it goes
//! beside the stamp, and then the *lost mark* into the stamp word. A consumer that comes there
//! passes over it and counts the loss. Killed before the mark, it has changed nothing; killed after
//! it, its successor finds the mark. HEAD moves as for any record.
//!
//! # Seats
//! A seat whose A says `p` is not taken again until `p` is *resolved*: HEAD has passed it, or it is
//! stamped or marked, or TAIL has not come beyond it. Otherwise the announcements of the new holder
//! would hide whose `p` is. (See [`is_resolved`].)
//!
//! # Who writes what
//! | word | written by | read by |
//! |---|---|---|
//! | TAIL | all producers, by compare-exchange | producers, the consumer when it is stuck |
//! | A, E of a role block | its holder | the consumer when it is stuck; a producer that wants the seat |
//! | cells of a claim | its owner | |
//! | stamp and second word of a lost claim | the consumer | the consumer; the stamp also a producer that wants the seat |
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E5 | `announce`, `own`, `clear_announcement` A; `take` TAIL; `mark` stamp | `announcement` A; `claimed_beyond`, `read_head_and_tail` TAIL; `is_resolved` stamp | who may own a position; everything it stamped before it claimed again; that a lost claim is dealt with |
//!
//! # Progress
//! Claims are lock-free: one fails only because another succeeded. Each exchange that fails finds a
//! later TAIL, and HEAD is read a bounded number of times, so a lying peer cannot keep a producer
//! busy.
//!
//! # Source
//! The announcement before the claim, and the repair of what the proved dead left: LTTng's ring
//! buffer, where the owner's word is set before the reservation. Stamps: as in
//! [`cells`](super::cells).
mod bytes;
mod claim;
mod consumer;
mod items;
mod recover;

pub(crate) use bytes::MpscByteProducer;
pub(crate) use claim::is_resolved;
pub(crate) use consumer::MpscConsumer;
pub(crate) use items::MpscItemProducer;
