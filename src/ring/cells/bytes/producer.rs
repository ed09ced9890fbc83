//! [`ByteProducer`]: puts records in; the only producer of its cells.
use super::{Skips, cells_for, descriptors_and_cells, max_record, parse_at};
use crate::error::{Corruption, PushError};
use crate::memory::{Cells, Descriptors, PayloadRef, Position, Region, WordRef};
use crate::ring::cells::{CachedHead, Descriptor, ProducerCounters, resume_tail};
use crate::ring::layout::Geometry;
use crate::ring::{Produce, ProduceBytes};
use crate::sync::{Relaxed, Release};

/// Cells set aside for a record, which no other participant sees yet.
pub struct Claim {
    /// Where the record starts: at `next`, or after a pad.
    pub(in crate::ring) start: Position,
    pub(in crate::ring) payload: PayloadRef,
}

impl AsRef<PayloadRef> for Claim {
    #[inline(always)]
    fn as_ref(&self) -> &PayloadRef {
        &self.payload
    }
}

/// The producer's side.
pub struct ByteProducer {
    descriptors: Descriptors,
    cells: Cells,
    tail_word: WordRef,
    /// The first position that is not published.
    tail: Position,
    /// The first position that is not staged; `tail` unless a batch is open.
    next: Position,
    head: CachedHead,
    capacity: u64,
    seat: u16,
    counters: ProducerCounters,
    poison: Option<Corruption>,
}

impl Produce for ByteProducer {
    /// If the last holder died, stamps that it staged and never published may stand beyond the tail
    /// (I4). They are removed first. Whether it died is not asked: the removal costs one look
    /// at each free cell, and needs no trust in the state word.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let capacity = lane.capacity;
        let (descriptors, cells) = descriptors_and_cells(region, &lane)?;
        let head = lane.head(region).ok_or(Corruption::Outside)?;
        let tail_word = lane.tail(region).ok_or(Corruption::Outside)?;
        let head = CachedHead::new(head, capacity)?;
        let tail = roll_forward(&descriptors, &head, &tail_word)?;
        let counters = ProducerCounters::resume(region, geometry.producer(seat.into()))?;
        let producer = Self {
            descriptors,
            cells,
            tail_word,
            tail,
            next: tail,
            head,
            capacity,
            seat,
            counters,
            poison: None,
        };
        // Before anything else, so that the lag of TAIL never adds up over several deaths.
        producer.store_tail();
        producer.remove_stamps(producer.head.end());
        Ok(producer)
    }

    fn abort_open(&mut self) {
        self.rollback();
    }

    fn poison(&mut self, corruption: Corruption) {
        self.poison = Some(corruption);
        self.next = self.tail;
    }

    fn position(&self) -> Position {
        self.tail
    }

    fn head(&self) -> Position {
        self.head.position()
    }

    fn unreleased(&mut self) -> Result<u64, Corruption> {
        match self.make_room(self.tail) {
            Err(PushError::Corrupt(corruption)) => Err(corruption),
            _ => Ok(self.tail.since(self.head.position()).unwrap_or(0)),
        }
    }
}

impl ProduceBytes for ByteProducer {
    type Claim = Claim;

    fn max_record(&self) -> usize {
        max_record(self.capacity)
    }

    #[inline(always)]
    fn claim(&mut self, len: usize) -> Result<Claim, PushError> {
        let max = self.max_record();
        if len > max {
            return Err(PushError::TooLarge { len, max });
        }
        let need = cells_for(len as u64);
        let left = self.next.left_in_lap(self.capacity);
        let start = if need > left { self.next.plus(left) } else { self.next };
        let end = start.plus(need);
        if end > self.head.end() || self.poison.is_some() {
            self.make_room(end)?;
        }
        match self.cells.payload(start, len) {
            Some(payload) => Ok(Claim { start, payload }),
            // Never: `need` cells are left in the lap of `start`.
            None => Err(PushError::TooLarge { len, max }),
        }
    }

    /// A claim of `room` bytes in one piece is refused unless its cells are free, and those that a
    /// pad before it takes. Records of together `room` bytes take no more cells, with the one
    /// pad that they may need, wherever it falls.
    fn begin_batch(&mut self, room: usize) -> Result<(), PushError> {
        self.claim(room).map(drop)
    }

    fn has_room(&mut self, len: usize) -> Result<bool, PushError> {
        match self.claim(len) {
            Ok(_) => Ok(true),
            Err(PushError::Full) => Ok(false),
            Err(error) => Err(error),
        }
    }

    #[inline(always)]
    fn stage(&mut self, claim: &Claim, len: usize) {
        let len = claim.payload.len().min(len);
        // Fits: a claim has at most `max_record()` bytes, less than 2^32.
        self.write_descriptor(claim.start, Descriptor::Record { len: len as u32, producer: self.seat });
        if let Some(pad @ 1..) = claim.start.since(self.next) {
            // Fits: a pad has fewer cells than the largest record.
            self.write_descriptor(self.next, Descriptor::Skip { cells: pad as u32 });
        }
        self.next = claim.start.plus(cells_for(len as u64));
        self.counters.stage(len as u64);
    }

    #[inline(always)]
    fn publish(&mut self) -> bool {
        let is_any = self.next != self.tail;
        if is_any {
            // Release: E1, pairs with `ByteConsumer::is_stamped`; payload, descriptors and later
            // stamps are visible before it.
            self.descriptors.stamp(self.tail).store(self.tail.stamp(), Release);
            self.tail = self.next;
            self.store_tail();
            self.counters.publish();
        }
        is_any
    }

    #[inline(always)]
    fn rollback(&mut self) -> bool {
        if self.next != self.tail {
            self.remove_stamps(self.next);
            self.next = self.tail;
            self.counters.abort();
        }
        false
    }

    fn abort(&mut self) -> bool {
        self.counters.abort();
        self.rollback()
    }
}

impl ByteProducer {
    /// Reads HEAD again. Fails unless all cells before `end` are free.
    #[cold]
    fn make_room(&mut self, end: Position) -> Result<(), PushError> {
        if let Some(corruption) = self.poison {
            return Err(corruption.into());
        }
        if let Err(corruption) = self.head.refresh(self.tail) {
            self.poison = Some(corruption);
            return Err(corruption.into());
        }
        if end > self.head.end() { Err(PushError::Full) } else { Ok(()) }
    }

    #[inline(always)]
    fn write_descriptor(&self, at: Position, descriptor: Descriptor) {
        // Relaxed: published by the first stamp (E1); no participant looks here before that.
        self.descriptors.info(at).store(descriptor.word(), Relaxed);
        if at != self.tail {
            // Relaxed: not the first stamp; the consumer comes here only after it has seen that one
            // (E1).
            self.descriptors.stamp(at).store(at.stamp(), Relaxed);
        }
    }

    #[inline(always)]
    fn store_tail(&self) {
        // Relaxed: a hint for observers and a successor; nothing is read through it.
        self.tail_word.store(self.tail.get(), Relaxed);
    }

    /// Removes all stamps in `[tail, end)`: free cells, in which nothing is published.
    #[cold]
    fn remove_stamps(&self, end: Position) {
        for position in (self.tail.get()..end.get()).filter_map(Position::parse) {
            // Relaxed: the consumer comes here only after a later publication (E1), which is
            // ordered after this.
            self.descriptors.stamp(position).store(0, Relaxed);
        }
    }
}

/// Where a producer continues: after the last published record.
fn roll_forward(
    descriptors: &Descriptors,
    head: &CachedHead,
    tail_word: &WordRef,
) -> Result<Position, Corruption> {
    let mut tail = resume_tail(head, tail_word)?;
    // Relaxed: taking the seat (E3) made all of the last holder's stores visible.
    while tail < head.end() && descriptors.stamp(tail).load(Relaxed) == tail.stamp() {
        // Relaxed: taking the seat (E3) made all of the last holder's stores visible.
        let word = descriptors.info(tail).load(Relaxed);
        tail = tail.plus(parse_at(word, tail, head.capacity(), Skips::Pads)?.1);
    }
    if tail > head.end() {
        let (low, high) = (head.position().get(), head.end().get());
        return Err(Corruption::Tail { found: tail.get(), low, high });
    }
    Ok(tail)
}
