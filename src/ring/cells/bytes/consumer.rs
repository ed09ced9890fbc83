//! [`ByteConsumer`]: records taken out.
use super::{Skips, cells_of, max_record, views};
use crate::error::Corruption;
use crate::layout::{Geometry, Kind};
use crate::memory::{Cells, Descriptors, Memory, PayloadRef, Position, Region};
use crate::ring::cells::{Descriptor, SharedHead, hold_back};
use crate::ring::{Consume, ConsumeBytes, InOrder};
use crate::sync::{Acquire, Relaxed};

/// A record that was found at HEAD.
pub struct Found {
    /// The position after it.
    end: Position,
    pub(crate) producer: u16,
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
    /// Records since it last held back.
    taken: u64,
    poison: Option<Corruption>,
}

impl ByteConsumer {
    #[inline(always)]
    fn is_stamped(&mut self) -> Result<bool, Corruption> {
        if let Some(what) = self.poison {
            return Err(what);
        }
        // Acquire: E1, pairs with `ByteProducer::publish`; with the stamp, all that it published is visible.
        let found = self.descriptors.stamp(self.head.get()).load(Acquire);
        if found != self.head.stamp() {
            return self.nothing_at_head(found);
        }
        Ok(true)
    }

    #[cold]
    fn nothing_at_head(&mut self, found: u64) -> Result<bool, Corruption> {
        if self.head.is_passed_by(found) {
            return Err(self.poisoned(Corruption::Stamp { position: self.head.get(), found }));
        }
        Ok(false)
    }

    #[inline(always)]
    fn describe(&mut self) -> Result<(Descriptor, u64), Corruption> {
        // Relaxed: visible since its stamp was (E1).
        let word = self.descriptors.info(self.head.get()).load(Relaxed);
        cells_of(word, self.head, self.capacity, self.skips).map_err(|what| self.poisoned(what))
    }

    #[inline(always)]
    fn found(&mut self, len: u32, producer: u16, cells: u64) -> Result<Found, Corruption> {
        let end = self.head.plus(cells);
        match self.cells.payload(self.head.get(), len as usize) {
            Some(payload) => Ok(Found { end, producer, payload }),
            // Never: `cells_of` saw to it that the record stays in its lap.
            None => {
                Err(self.poisoned(Corruption::Descriptor { position: self.head.get(), found: len.into() }))
            }
        }
    }

    /// The record at HEAD, if there is one. Skips what is none.
    #[inline(always)]
    pub(in crate::ring) fn look_here(&mut self) -> Result<Option<Found>, Corruption> {
        // Each skip has a cell at least: more than a lap of them in a row, nobody can have published.
        for _ in 0..=self.capacity {
            if !self.is_stamped()? {
                return Ok(None);
            }
            match self.describe()? {
                (Descriptor::Record { len, producer }, cells) => {
                    return self.found(len, producer, cells).map(Some);
                }
                (Descriptor::Skip { .. }, cells) => self.head = self.head.plus(cells),
            }
        }
        Err(self.poisoned(Corruption::Descriptor { position: self.head.get(), found: 0 }))
    }

    #[cold]
    fn poisoned(&mut self, what: Corruption) -> Corruption {
        self.poison = Some(what);
        what
    }

    /// The record at HEAD, which an earlier look has found: a stamp does not go away again.
    pub(in crate::ring) fn found_before_here(&mut self) -> Result<Found, Corruption> {
        match self.look_here()? {
            Some(found) => Ok(found),
            None => {
                // Relaxed: only to tell what it says.
                let found = self.descriptors.stamp(self.head.get()).load(Relaxed);
                Err(self.poisoned(Corruption::Stamp { position: self.head.get(), found }))
            }
        }
    }

    /// Moves past `found`, without telling the producer.
    #[inline(always)]
    pub(in crate::ring) fn pass_here(&mut self, found: &Found) {
        self.head = found.end;
    }

    /// Gives all that was passed back to the producer.
    #[inline(always)]
    pub(in crate::ring) fn release_all(&mut self, mut wake: impl FnMut(&SharedHead)) {
        self.shared_head.release(self.head);
        wake(&self.shared_head);
    }

    pub(in crate::ring) fn largest(&self) -> usize {
        max_record(self.capacity)
    }
}

impl<M: Memory> Consume<M> for ByteConsumer {
    fn resume(memory: &M, geometry: &Geometry) -> Result<Self, Corruption> {
        InOrder::resume(&memory.region(), geometry, 0)
    }

    fn at(&self) -> u64 {
        self.head.get()
    }

    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        Ok(self.look_here()?.is_some())
    }

    fn max_records(&self) -> usize {
        usize::try_from(self.capacity).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    fn release(&mut self, wake: impl FnMut(&SharedHead)) {
        self.release_all(wake);
    }

    fn hold_back(&mut self) -> bool {
        hold_back(core::mem::take(&mut self.taken), self.capacity)
    }

    fn give_up(&mut self, what: Corruption) {
        self.poison = Some(what);
    }
}

impl<M: Memory> ConsumeBytes<M> for ByteConsumer {
    fn max_record(&self) -> usize {
        self.largest()
    }

    #[inline(always)]
    fn look(&mut self) -> Result<Option<Found>, Corruption> {
        self.look_here()
    }

    fn found_before(&mut self) -> Result<Found, Corruption> {
        self.found_before_here()
    }

    #[inline(always)]
    fn pass(&mut self, found: &Found) {
        self.taken += 1;
        self.pass_here(found);
    }
}

impl InOrder for ByteConsumer {
    type Cells = Descriptors;

    /// At the first record that the last holder of the consumer's seat did not release.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let (descriptors, cells) = views(region, &lane)?;
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
    fn capacity(&self) -> u64 {
        self.capacity
    }
    fn skip(&mut self, cells: u64) {
        self.head = self.head.plus(cells);
    }
    fn poison(&mut self, what: Corruption) {
        self.poison = Some(what);
    }
    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        Ok(self.look_here()?.is_some())
    }
    fn pass(&mut self) -> Result<bool, Corruption> {
        let found = self.look_here()?;
        if let Some(found) = &found {
            self.pass_here(found);
        }
        Ok(found.is_some())
    }
    #[inline(always)]
    fn release(&mut self, wake: impl FnMut(&SharedHead)) {
        self.release_all(wake);
    }
}
