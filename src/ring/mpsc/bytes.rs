//! [`MpscByteProducer`]: a producer of records of any size in total order.
//!
//! A claim has all the cells of a record, or of a batch, side by side in one lap; where they would not fit the lap, it begins
//! with a skip to its end. What is left of it when it is published, and all of it when it is given up, becomes a skip:
//! ```text
//!   start                          end          start             end
//!     ▼                             ▼             ▼                ▼
//!     │ skip ⋮ record │ record │ skip │           │ skip ⋮  skip   │         ⋮ end of the lap
//! ```
//! Infos and later stamps are written as records are staged, the stamp of `start` when the claim is published.
//!
//! Progress: claims are lock-free, all else is wait-free.
use super::claim::{ClaimProtocol, ClaimedRange};
use crate::error::{Corruption, PushError};
use crate::layout::Geometry;
use crate::memory::{Cells, Descriptors, Position, Region};
use crate::ring::cells::bytes::{Claim, cells_for, max_record, views};
use crate::ring::cells::{Descriptor, ProducerCounters};
use crate::ring::{Produce, ProduceBytes};
use crate::sync::{Relaxed, Release};

/// The producer's side.
pub struct MpscByteProducer {
    claims: ClaimProtocol,
    descriptors: Descriptors,
    cells: Cells,
    seat: u16,
    sent: ProducerCounters,
    /// What is claimed and not published.
    open: Option<Open>,
}

struct Open {
    claimed: ClaimedRange,
    /// The first cell in which nothing is staged; a skip to the end of the lap is staged at once.
    next: Position,
}

impl Produce for MpscByteProducer {
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let block = geometry.producer(seat.into());
        let (descriptors, cells) = views(region, &geometry.lane(seat.into()))?;
        let sent = ProducerCounters::resume(region, block)?;
        let claims = ClaimProtocol::resume(region, geometry, block)?;
        Ok(Self { claims, descriptors, cells, seat, sent, open: None })
    }

    fn settle(&mut self) {
        self.withdraw();
        self.claims.withdraw();
    }

    fn give_up(&mut self, what: Corruption) {
        self.claims.poisoned(what);
        self.open = None;
    }

    fn at(&self) -> u64 {
        self.claims.seen().get()
    }

    fn head(&self) -> u64 {
        self.claims.head()
    }

    fn behind(&mut self) -> Result<u64, Corruption> {
        self.claims.behind()
    }

    fn held_by(&mut self) -> Option<u16> {
        self.claims.held_by(&self.descriptors)
    }
}

/// Where `cells` cells side by side, claimed at `start`, would begin.
fn beginning(start: Position, cells: u64, capacity: u64) -> Position {
    let left = start.left_in_lap(capacity);
    if cells > left { start.plus(left) } else { start }
}

impl MpscByteProducer {
    /// ClaimProtocol `cells` cells side by side.
    #[inline]
    fn open(&mut self, cells: u64) -> Result<(), PushError> {
        let capacity = self.claims.capacity();
        let claimed = self.claims.claim(|start, limit| {
            let end = beginning(start, cells, capacity).plus(cells);
            (end <= limit).then_some(end)
        })?;
        let next = beginning(claimed.start, cells, capacity);
        self.open = Some(Open { claimed, next });
        if let Some(skip @ 1..) = next.since(claimed.start) {
            self.describe(claimed.start, Descriptor::Skip { cells: skip as u32 });
        }
        Ok(())
    }

    /// ClaimProtocol room for records of `room` bytes in all, each rounded up to whole cells.
    pub(crate) fn begin(&mut self, room: usize) -> Result<(), PushError> {
        let max = self.max_record();
        if room > max {
            return Err(PushError::TooLarge { len: room, max });
        }
        self.open(cells_for(room as u64))
    }

    /// The claim for a record of `len` bytes in what is open.
    fn carve(&self, len: usize) -> Option<Claim> {
        let open = self.open.as_ref()?;
        let end = open.next.plus(cells_for(len as u64));
        let payload = self.cells.payload(open.next.get(), len)?;
        (end <= open.claimed.end).then_some(Claim { at: open.next, payload })
    }

    #[inline(always)]
    fn describe(&self, at: Position, info: Descriptor) {
        // Relaxed: published by the first stamp (E1); nobody looks here before.
        self.descriptors.info(at.get()).store(info.word(), Relaxed);
        if self.open.as_ref().is_some_and(|open| open.claimed.start != at) {
            // Relaxed: not the first stamp; the consumer comes here only after it has seen that one (E1).
            self.descriptors.stamp(at.get()).store(at.stamp(), Relaxed);
        }
    }

    /// Fills `from..to` with skips, last first.
    fn skip(&self, from: Position, to: Position) {
        let in_this_lap = from.left_in_lap(self.claims.capacity());
        let cells = to.since(from).unwrap_or(0);
        if cells > in_this_lap {
            self.describe(from.plus(in_this_lap), Descriptor::Skip { cells: (cells - in_this_lap) as u32 });
        }
        if cells > 0 {
            self.describe(from, Descriptor::Skip { cells: cells.min(in_this_lap) as u32 });
        }
    }
}

impl ProduceBytes for MpscByteProducer {
    type Claim = Claim;

    fn max_record(&self) -> usize {
        max_record(self.claims.capacity())
    }

    /// In what is open, if something is; else in a claim of its own.
    #[inline]
    fn claim(&mut self, len: usize) -> Result<Claim, PushError> {
        let max = self.max_record();
        if len > max {
            return Err(PushError::TooLarge { len, max });
        }
        if self.open.is_none() {
            self.open(cells_for(len as u64))?;
        }
        self.carve(len).ok_or(PushError::Full)
    }

    fn has_room(&mut self, len: usize) -> Result<bool, PushError> {
        let behind = self.claims.behind()?;
        let end = beginning(self.claims.seen(), cells_for(len as u64), self.claims.capacity())
            .plus(cells_for(len as u64));
        let needed = end.since(self.claims.seen()).unwrap_or(u64::MAX);
        Ok(needed <= self.claims.capacity() - behind.min(self.claims.capacity()))
    }

    #[inline]
    fn stage(&mut self, claim: &Claim, len: usize) {
        let len = claim.payload.len().min(len);
        // Fits: a claim has at most `max_record()` bytes, less than 2^32.
        self.describe(claim.at, Descriptor::Record { len: len as u32, producer: self.seat });
        if let Some(open) = &mut self.open {
            open.next = claim.at.plus(cells_for(len as u64));
        }
        self.sent.stage(len as u64);
    }

    #[inline]
    fn publish(&mut self) -> bool {
        let Some(Open { claimed, next }) = &self.open else { return false };
        let (start, next, end) = (claimed.start, *next, claimed.end);
        self.skip(next, end);
        // Release: E1, pairs with `ByteConsumer::is_stamped`; payload, infos and later stamps are visible before it.
        self.descriptors.stamp(start.get()).store(start.stamp(), Release);
        self.open = None;
        self.sent.publish();
        true
    }

    fn withdraw(&mut self) -> bool {
        let Some(Open { claimed, .. }) = &self.open else { return false };
        let (start, end) = (claimed.start, claimed.end);
        self.skip(start, end);
        self.sent.abort();
        // Nothing is left to skip but what was just described.
        if let Some(open) = &mut self.open {
            open.next = end;
        }
        self.publish()
    }
}
