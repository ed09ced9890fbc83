//! The algorithms: how records get into cells and out again, over words and spans only.
//!
//! No operating system, no waiting, no public types: `ends` puts those around. Of seats it is only asked who is dead.
//!
//! ```text
//!            HEAD                      TAIL
//!   consumer  │                         │  producer
//!             ▼                         ▼
//!   … ░ ░ ░ ░ █ █ █ █ █ █ █ █ █ █ █ █ █ · · · · ░ ░ …      █ stamped   · claimed, not yet stamped
//!   ◀──── capacity ────────────────────────────▶           ░ of another lap
//! ```
//!
//! A ring is a sequence of cells; positions count them from the ring's making and never wrap. A record takes
//! one or more consecutive cells and is published by storing the *stamp* of its position with Release.
//! The consumer at position `p` waits for exactly the stamp of `p`.
//!
//! | module | what | rings |
//! |---|---|---|
//! | [`typed`], [`bytes`] | one producer, one consumer: this page | `spsc`, and each of `lanes` |
//! | [`ordered`] | how several producers claim cells of one ring, and what becomes of a dead one's | `mpsc` |
//! | [`merge`] | how one consumer takes from many rings of one producer | `lanes` |
//!
//! # Who writes what
//! | word | written by | read by |
//! |---|---|---|
//! | stamp, info, payload of a free cell | the producer | |
//! | stamp, info, payload of a published cell | nobody | the consumer |
//! | HEAD | the consumer | the producer, only when the ring seems full |
//! | TAIL | the producer | its successor, observers |
//!
//! # Invariants
//! * I1: `HEAD <= TAIL' <= HEAD + capacity`, with TAIL' the producer's private tail.
//! * I2: the producer writes only cells of positions in `[TAIL', HEAD + capacity)`.
//! * I3: the consumer reads only cells of positions below TAIL', from HEAD on.
//! * I4: every stamp in the ring is at most that of the cell's latest position below TAIL', except while one
//!   publication of several stamps is under way, or was cut off by death: then later stamps may stand beyond
//!   TAIL', never the one *at* TAIL'. Whoever takes over the seat removes them before it writes anything.
//!
//! From I2 and I3: no cell is written and read at once. A stamp of an earlier lap differs from the awaited one
//! (it is smaller by a multiple of the capacity), so cells need no clearing, and there is no ABA: a position
//! comes once in the life of a ring, and 2^62 is never reached.
//!
//! At first every stamp is zero, which is no position's stamp, and HEAD = TAIL = 0: the empty ring.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E1 | `publish` stamp | `published`, `is_stamped` stamp | the record's bytes and info, and all earlier ones |
//! | E2 | `SharedHead::release` HEAD | `CachedHead::refresh`, `advance` HEAD | that the consumer is done reading there |
//!
//! # Several stamps at once
//! A publication that has more than one stamp (pad + record, batch) stores its *first* stamp last. The consumer
//! stands at or before the first, so it sees all or nothing. If the producer dies in between, the later stamps
//! stand in cells that its successor will use: see I4 and [`bytes::ByteProducer::resume`].
//! Slices of a typed ring are no such unit: their stamps are stored front to back.
//!
//! # Source
//! Stamps in the slot: FastForward (Giacomoni, Moseley, Vachharajani, PPoPP 2008) with the sequence numbers of
//! Vyukov's bounded queue. The cached HEAD: as in MCRingBuffer (Lee, Bu, Chandranmenon, 2010). The first
//! stamp stored last: as in Aeron's term buffers.
pub(crate) mod bytes;
mod counters;
mod descriptor;
mod head;
pub(crate) mod items;

pub(crate) use counters::{ProducerCounters, counts};
pub(crate) use descriptor::Descriptor;
pub(crate) use head::{CachedHead, SharedHead};

use crate::error::Corruption;
use crate::memory::{Position, WordRef};
use crate::sync::{Relaxed, pause};

/// Where a producer starts to look for the end of what was published: TAIL or HEAD, whichever is later.
///
/// TAIL lags behind the true tail by at most one publication, and that has at most `capacity` cells: it is stored
/// after the stamps, and by each successor before it does anything else. HEAD may be ahead of it: the consumer may have
/// been faster than the store of TAIL.
pub(in crate::ring) fn resume_from(room: &CachedHead, tail_word: &WordRef) -> Result<Position, Corruption> {
    // Relaxed: taking the seat (E3) made the last holder's stores visible.
    let found = tail_word.load(Relaxed);
    let (head, lap_after) = (room.head_seen(), room.end().get());
    let low = (2 * head.get()).saturating_sub(lap_after);
    match Position::parse(found) {
        Some(tail) if (low..=lap_after).contains(&found) => Ok(tail.max(head)),
        _ => Err(Corruption::Tail { found, low, high: lap_after }),
    }
}

/// Where a consumer goes on.
pub(in crate::ring) fn resume_head(head_word: &WordRef) -> Result<Position, Corruption> {
    // Relaxed: only holders of this seat write it, and taking the seat (E3) made their stores visible.
    let found = head_word.load(Relaxed);
    Position::parse(found).ok_or(Corruption::Head { found, low: 0, high: u64::MAX >> 2 })
}

/// What [`Consume::hold_back`] does, `taken` records after it did so last: pauses, the longer the more they are; whether it did.
///
/// Who looks again at once looks at a line that is being written, and reads ahead into those that will be next: it takes them
/// from the producer, which is what holds *it* up. Many records mean that there will be more. Who takes one at a time, and
/// answers it, has nothing to look for until a round trip later; and who finds nothing again and again pauses no more.
///
/// One pause for each of the first few; of many, one for eight: a record takes 3 to 5 ns and a pause some 30, so that a sender of
/// bursts loses no more than a burst takes, nor than it takes to fill the ring, of `capacity`.
///
/// Measured, cores that share a cache, millions of records a second with no pause, with eight at most, and with this: items of 64
/// bytes 70, 179 and 238, drained -, 144 and 213; records in place -, 112 and 154; 8 and 56 bytes, `mpsc` and small rings as with
/// eight. Round trips of one record, and of bursts of up to 64 that are answered, as with eight; of 256, 1.40 and 1.57 us (halves of
/// one core: 1.0 and 1.7). With 32 pauses after any 32 records, bursts of 64 took twice as long, and a ring of 64 was a third slower.
pub(in crate::ring) fn hold_back(taken: u64, capacity: u64) -> bool {
    let many = taken.min(capacity) / 8;
    let pauses = taken.min(FEW_PAUSES).max(many.min(MOST_PAUSES));
    (0..pauses).for_each(|_| pause());
    taken > 0
}

const FEW_PAUSES: u64 = 8;
/// A microsecond, or two on processors where a pause is long.
const MOST_PAUSES: u64 = 32;
