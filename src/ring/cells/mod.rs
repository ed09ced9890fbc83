//! One producer, one consumer: how records get into cells and out again.
//!
//! ```text
//!            HEAD                      TAIL
//!   consumer  │                         │  producer
//!             ▼                         ▼
//!   … ░ ░ ░ ░ █ █ █ █ █ █ █ █ █ █ █ █ █ · · · · ░ ░ …      █ stamped   · claimed, not yet stamped
//!   ◀──── capacity ────────────────────────────▶           ░ of another lap
//! ```
//!
//! A ring is a sequence of cells. Positions count them from the ring's creation and never wrap. A
//! record takes one or more consecutive cells, and is published by storing the *stamp* of its
//! position with Release. The consumer at position `p` waits for exactly the stamp of `p`.
//!
//! | module | what | used by |
//! |---|---|---|
//! | [`items`], [`bytes`] | one producer, one consumer: this page | `spsc`, and each of `lanes` |
//! | [`mpsc`](super::mpsc) | how several producers claim cells of one ring, and what becomes of a dead one's | `mpsc` |
//! | [`lanes`](super::lanes) | how one consumer takes from many rings of one producer | `lanes` |
//!
//! # Who writes what
//! | word | written by | read by |
//! |---|---|---|
//! | stamp, descriptor, payload of a free cell | the producer | |
//! | stamp, descriptor, payload of a published cell | no participant | the consumer |
//! | HEAD | the consumer | the producer, only when the ring seems full |
//! | TAIL | the producer | its successor, observers |
//!
//! # Invariants
//! * I1: `HEAD <= TAIL' <= HEAD + capacity`, where TAIL' is the producer's private tail.
//! * I2: the producer writes only cells of positions in `[TAIL', HEAD + capacity)`.
//! * I3: the consumer reads only cells of positions below TAIL', from HEAD on.
//! * I4: every stamp in the ring is at most the stamp of the cell's latest position below TAIL',
//!   with one exception: while a publication of several stamps is under way, or was cut off by
//!   death, later stamps may stand beyond TAIL', but never the one *at* TAIL'. The next holder of
//!   the seat removes them before it writes anything.
//!
//! From I2 and I3: no cell is written and read at once. A stamp of an earlier lap differs from the
//! awaited one (it is smaller by a multiple of the capacity), so cells need no clearing, and there
//! is no ABA: a position occurs once in the life of a ring, and 2^62 is never reached.
//!
//! Initially every stamp is zero, which is no position's stamp, and HEAD = TAIL = 0: the empty
//! ring.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E1 | `publish`, `try_push`, `try_push_slice` stamp | `published`, `is_stamped` stamp | the record's bytes and descriptor, and all earlier ones |
//! | E2 | `release` HEAD | `new`, `refresh`, `refresh_without_tail` HEAD | that the consumer is done reading below HEAD |
//!
//! # Several stamps at once
//! A publication with more than one stamp (a pad and a record, a batch) stores its *first* stamp
//! last. The consumer's position is at or before the first, so it sees all or nothing. If the
//! producer dies in between, the later stamps are in cells that its successor will use: see I4, and
//! `resume` of [`bytes::ByteProducer`]. A slice of items is no such unit: its stamps are stored
//! front to back.
//!
//! # Source
//! Stamps in the slot: FastForward (Giacomoni, Moseley, Vachharajani, PPoPP 2008), with the
//! sequence numbers of Vyukov's bounded queue. The cached HEAD: MCRingBuffer (Lee, Bu,
//! Chandranmenon, 2010). The first stamp stored last: Aeron's term buffers.
mod backoff;
pub(crate) mod bytes;
mod counters;
mod descriptor;
mod head;
pub(crate) mod items;

pub(crate) use backoff::EmptyBackoff;
pub(crate) use counters::{ProducerCounters, read_counters};
pub(crate) use descriptor::Descriptor;
pub(crate) use head::{CachedHead, SharedHead};

use crate::error::Corruption;
use crate::memory::{Position, WordRef};
use crate::sync::Relaxed;

/// Where a producer starts to look for the end of what was published: TAIL or HEAD, whichever is
/// later.
///
/// TAIL lags behind the true tail by at most one publication, which has at most `capacity` cells:
/// it is stored after the stamps, and by each successor before it does anything else. HEAD may be
/// ahead of it: the consumer may have been faster than the store of TAIL.
fn resume_tail(head: &CachedHead, tail_word: &WordRef) -> Result<Position, Corruption> {
    // Relaxed: taking the seat (E3) made the last holder's stores visible.
    let found = tail_word.load(Relaxed);
    let (low, high) = (head.position().get().saturating_sub(head.capacity()), head.end().get());
    match Position::parse(found) {
        Some(tail) if (low..=high).contains(&found) => Ok(tail.max(head.position())),
        _ => Err(Corruption::Tail { found, low, high }),
    }
}
