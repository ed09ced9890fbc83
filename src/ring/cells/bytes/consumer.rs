//! [`ByteConsumer`]: takes records out.
use super::{Skips, descriptors_and_cells, max_record, parse_at};
use crate::error::Corruption;
use crate::memory::{Cells, Descriptors, Memory, PayloadRef, Position, Region};
use crate::ring::RingSeat;
use crate::ring::cells::{Descriptor, SharedHead};
use crate::ring::layout::{Geometry, Kind};
use crate::ring::{Consume, ConsumeBytes, Sequence};
use crate::sync::{Acquire, Relaxed};

/// A record that a look has found at HEAD.
pub struct PeekedRecord {
    /// The position after it.
    end: Position,
    /// The producer's seat.
    pub(crate) seat: u16,
    pub(crate) payload: PayloadRef,
}

/// The consumer's side.
pub struct ByteConsumer {
    descriptors: Descriptors,
    cells: Cells,
    shared_head: SharedHead,
    head: Position,
    capacity: u64,
    skips: Skips,
    /// Records taken so far.
    taken: u64,
    poison: Option<Corruption>,
}

impl ByteConsumer {
    #[inline(always)]
    fn is_stamped(&mut self) -> Result<bool, Corruption> {
        if let Some(corruption) = self.poison {
            return Err(corruption);
        }
        // Acquire: E1, pairs with `ByteProducer::publish`; with the stamp, everything it published
        // is visible.
        let found = self.descriptors.stamp(self.head).load(Acquire);
        if found != self.head.stamp() {
            return self.nothing_at_head(found);
        }
        Ok(true)
    }

    #[cold]
    fn nothing_at_head(&mut self, found: u64) -> Result<bool, Corruption> {
        if self.head.is_passed_by(found) {
            return self.fail(Corruption::Stamp { position: self.head.get(), found });
        }
        Ok(false)
    }

    #[inline(always)]
    fn read_descriptor(&mut self) -> Result<(Descriptor, u64), Corruption> {
        // Relaxed: visible since its stamp was (E1).
        let word = self.descriptors.info(self.head).load(Relaxed);
        parse_at(word, self.head, self.capacity, self.skips).or_else(|corruption| self.fail(corruption))
    }

    #[inline(always)]
    fn record(&mut self, len: u32, seat: u16, cells: u64) -> Result<PeekedRecord, Corruption> {
        let end = self.head.plus(cells);
        match self.cells.payload(self.head, len as usize) {
            Some(payload) => Ok(PeekedRecord { end, seat, payload }),
            // Never: `parse_at` has checked that the record stays in its lap.
            None => self.fail(Corruption::Descriptor { position: self.head.get(), found: len.into() }),
        }
    }

    /// The record at HEAD, if there is one. Passes over skips.
    #[inline(always)]
    pub(in crate::ring) fn peek_at_head(&mut self) -> Result<Option<PeekedRecord>, Corruption> {
        // A skip has a cell at least: more than a lap of them in a row cannot have been published.
        for _ in 0..=self.capacity {
            if !self.is_stamped()? {
                return Ok(None);
            }
            match self.read_descriptor()? {
                (Descriptor::Record { len, producer }, cells) => {
                    return self.record(len, producer, cells).map(Some);
                }
                (Descriptor::Skip { .. }, cells) => self.skip(cells),
            }
        }
        self.fail(Corruption::Descriptor { position: self.head.get(), found: 0 })
    }

    /// The record at HEAD, which an earlier look has found.
    pub(in crate::ring) fn peek_again_at_head(&mut self) -> Result<PeekedRecord, Corruption> {
        match self.peek_at_head()? {
            Some(record) => Ok(record),
            None => {
                // Relaxed: only for the error.
                let found = self.descriptors.stamp(self.head).load(Relaxed);
                self.fail(Corruption::Stamp { position: self.head.get(), found })
            }
        }
    }

    /// Moves past `record`.
    #[inline(always)]
    pub(in crate::ring) fn pass_at_head(&mut self, record: &PeekedRecord) {
        self.head = record.end;
    }

    #[cold]
    fn fail<R>(&mut self, corruption: Corruption) -> Result<R, Corruption> {
        self.poison(corruption);
        Err(corruption)
    }
}

impl Consume for ByteConsumer {
    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::resume_lane(region, geometry, 0)
    }

    fn position(&self) -> Position {
        self.head
    }

    fn taken(&self) -> u64 {
        self.taken
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    #[inline(always)]
    fn has_record<M: Memory>(&mut self, _: &RingSeat<M>) -> Result<bool, Corruption> {
        self.is_published()
    }

    #[inline(always)]
    fn release<M: Memory>(&mut self, seat: &RingSeat<M>) {
        self.shared_head.release(self.head, seat);
    }

    fn poison(&mut self, corruption: Corruption) {
        self.poison = Some(corruption);
    }
}

impl ConsumeBytes for ByteConsumer {
    fn max_record(&self) -> usize {
        max_record(self.capacity)
    }

    #[inline(always)]
    fn peek<M: Memory>(&mut self, _: &RingSeat<M>) -> Result<Option<PeekedRecord>, Corruption> {
        self.peek_at_head()
    }

    fn peek_again<M: Memory>(&mut self, _: &RingSeat<M>) -> Result<PeekedRecord, Corruption> {
        self.peek_again_at_head()
    }

    #[inline(always)]
    fn pass(&mut self, record: &PeekedRecord) {
        self.taken = self.taken.wrapping_add(1);
        self.pass_at_head(record);
    }
}

impl Sequence for ByteConsumer {
    type Cells = Descriptors;

    fn resume_lane(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let (descriptors, cells) = descriptors_and_cells(region, &lane)?;
        let shared_head = SharedHead::new(region, &lane)?;
        let head = shared_head.resume()?;
        let skips = if geometry.kind == Kind::Mpsc { Skips::Any } else { Skips::Pads };
        let capacity = lane.capacity;
        Ok(Self { descriptors, cells, shared_head, head, capacity, skips, taken: 0, poison: None })
    }

    fn cells(&self) -> &Descriptors {
        &self.descriptors
    }

    fn head(&self) -> Position {
        self.head
    }

    #[inline(always)]
    fn is_published(&mut self) -> Result<bool, Corruption> {
        Ok(self.peek_at_head()?.is_some())
    }

    fn skip(&mut self, cells: u64) {
        self.head = self.head.plus(cells);
    }

    fn pass_next(&mut self) -> Result<bool, Corruption> {
        let record = self.peek_at_head()?;
        if let Some(record) = &record {
            self.pass(record);
        }
        Ok(record.is_some())
    }
}
