//! [`MpscByteProducer`]: one of several producers of records of any size in one order.
//!
//! A claim has all cells of a record, or of a batch, side by side in one lap. If they would not fit
//! the lap, it begins with a skip to its end. What is left of it when it is published becomes a
//! skip, and so does all of it when it is given up:
//! ```text
//!   start                          end          start             end
//!     ▼                             ▼             ▼                ▼
//!     │ skip ⋮ record │ record │ skip │           │ skip ⋮  skip   │         ⋮ end of the lap
//! ```
//! Descriptors and later stamps are written as records are staged, the stamp of `start` when the
//! claim is published.
//!
//! Progress: claims are lock-free, everything else is wait-free.
use super::claim::{ClaimProtocol, ClaimedRange};
use crate::error::{Corruption, PushError};
use crate::memory::{Cells, Descriptors, Position, Region};
use crate::ring::cells::bytes::{Claim, cells_for, descriptors_and_cells, max_record};
use crate::ring::cells::{Descriptor, ProducerCounters};
use crate::ring::layout::Geometry;
use crate::ring::{Produce, ProduceBytes};
use crate::sync::{Relaxed, Release};

/// The producer's side.
pub struct MpscByteProducer {
    claims: ClaimProtocol,
    descriptors: Descriptors,
    cells: Cells,
    seat: u16,
    counters: ProducerCounters,
    open: Option<OpenClaim>,
}

/// A claim that is not published yet.
struct OpenClaim {
    range: ClaimedRange,
    /// The first cell of it that is not staged.
    next: Position,
}

impl Produce for MpscByteProducer {
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let block = geometry.producer(seat.into());
        let (descriptors, cells) = descriptors_and_cells(region, &geometry.lane(seat.into()))?;
        let counters = ProducerCounters::resume(region, block)?;
        let claims = ClaimProtocol::resume(region, geometry, block)?;
        Ok(Self { claims, descriptors, cells, seat, counters, open: None })
    }

    fn abort_open(&mut self) {
        self.rollback();
        self.claims.clear_announcement();
    }

    fn poison(&mut self, corruption: Corruption) {
        self.claims.poison(corruption);
        self.open = None;
    }

    fn position(&self) -> Position {
        self.claims.tail()
    }

    fn head(&self) -> Position {
        self.claims.head()
    }

    fn unreleased(&mut self) -> Result<u64, Corruption> {
        self.claims.unreleased()
    }

    fn blocked_by(&mut self) -> Option<u16> {
        self.claims.blocked_by(&self.descriptors)
    }
}

/// Where a record of `cells` cells starts in a claim at `start`: there, or in the next lap if it
/// would not fit this one.
fn start_for(start: Position, cells: u64, capacity: u64) -> Position {
    let left = start.left_in_lap(capacity);
    if cells > left { start.plus(left) } else { start }
}

impl MpscByteProducer {
    /// Claims `cells` cells in one lap.
    #[inline]
    fn open(&mut self, cells: u64) -> Result<(), PushError> {
        let capacity = self.claims.capacity();
        let range = self.claims.claim(|start, limit| {
            let end = start_for(start, cells, capacity).plus(cells);
            (end <= limit).then_some(end)
        })?;
        let next = start_for(range.start, cells, capacity);
        self.open = Some(OpenClaim { range, next });
        if let Some(skip @ 1..) = next.since(range.start) {
            self.write_descriptor(range.start, Descriptor::Skip { cells: skip as u32 });
        }
        Ok(())
    }

    /// Takes cells for a record of `len` bytes from the open claim.
    fn suballocate(&self, len: usize) -> Option<Claim> {
        let open = self.open.as_ref()?;
        let end = open.next.plus(cells_for(len as u64));
        let payload = self.cells.payload(open.next, len)?;
        (end <= open.range.end).then_some(Claim { start: open.next, payload })
    }

    #[inline(always)]
    fn write_descriptor(&self, at: Position, descriptor: Descriptor) {
        // Relaxed: published by the first stamp (E1); no participant looks here before that.
        self.descriptors.info(at).store(descriptor.word(), Relaxed);
        if self.open.as_ref().is_some_and(|open| open.range.start != at) {
            // Relaxed: not the first stamp; the consumer comes here only after it has seen that one
            // (E1).
            self.descriptors.stamp(at).store(at.stamp(), Relaxed);
        }
    }

    /// Covers the cells in `[from, to)` by skips, one for each lap.
    #[cold]
    fn skip(&self, from: Position, to: Position) {
        let in_this_lap = from.left_in_lap(self.claims.capacity());
        let cells = to.since(from).unwrap_or(0);
        if cells > in_this_lap {
            let rest = Descriptor::Skip { cells: (cells - in_this_lap) as u32 };
            self.write_descriptor(from.plus(in_this_lap), rest);
        }
        if cells > 0 {
            self.write_descriptor(from, Descriptor::Skip { cells: cells.min(in_this_lap) as u32 });
        }
    }
}

impl ProduceBytes for MpscByteProducer {
    type Claim = Claim;

    fn max_record(&self) -> usize {
        max_record(self.claims.capacity())
    }

    #[inline]
    fn claim(&mut self, len: usize) -> Result<Claim, PushError> {
        let max = self.max_record();
        if len > max {
            return Err(PushError::TooLarge { len, max });
        }
        if self.open.is_none() {
            self.open(cells_for(len as u64))?;
        }
        self.suballocate(len).ok_or(PushError::Full)
    }

    fn begin_batch(&mut self, room: usize) -> Result<(), PushError> {
        let max = self.max_record();
        if room > max {
            return Err(PushError::TooLarge { len: room, max });
        }
        self.open(cells_for(room as u64))
    }

    fn has_room(&mut self, len: usize) -> Result<bool, PushError> {
        let (capacity, unreleased) = (self.claims.capacity(), self.claims.unreleased()?);
        let (tail, cells) = (self.claims.tail(), cells_for(len as u64));
        let needed = start_for(tail, cells, capacity).plus(cells).since(tail).unwrap_or(u64::MAX);
        Ok(needed <= capacity.saturating_sub(unreleased))
    }

    #[inline]
    fn stage(&mut self, claim: &Claim, len: usize) {
        let len = claim.payload.len().min(len);
        // Fits: a claim has at most `max_record()` bytes, less than 2^32.
        self.write_descriptor(claim.start, Descriptor::Record { len: len as u32, producer: self.seat });
        if let Some(open) = &mut self.open {
            open.next = claim.start.plus(cells_for(len as u64));
        }
        self.counters.stage(len as u64);
    }

    #[inline]
    fn publish(&mut self) -> bool {
        let Some(OpenClaim { range, next }) = &self.open else { return false };
        let (start, next, end) = (range.start, *next, range.end);
        if next != end {
            self.skip(next, end);
        }
        // Release: E1, pairs with `ByteConsumer::is_stamped`; payload, descriptors and later stamps
        // are visible before it.
        self.descriptors.stamp(start).store(start.stamp(), Release);
        self.open = None;
        self.counters.publish();
        true
    }

    fn rollback(&mut self) -> bool {
        let Some(OpenClaim { range, .. }) = &self.open else { return false };
        let (start, end) = (range.start, range.end);
        self.skip(start, end);
        self.counters.abort();
        // Nothing is left to skip but what was just described.
        if let Some(open) = &mut self.open {
            open.next = end;
        }
        self.publish()
    }
}
