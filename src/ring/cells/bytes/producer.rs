//! [`ByteProducer`]: records put in by the only producer.
use super::{Skips, cells_for, cells_of, max_record, views};
use crate::error::{Corruption, PushError};
use crate::layout::Geometry;
use crate::memory::{Cells, Descriptors, PayloadRef, Position, Region, WordRef};
use crate::ring::cells::{CachedHead, Descriptor, ProducerCounters, resume_from};
use crate::ring::{Produce, ProduceBytes};
use crate::sync::{Relaxed, Release};

/// Cells set aside for a record, not yet visible to anybody.
pub struct Claim {
    /// Where the record starts: at `next`, or after a pad.
    pub(in crate::ring) at: Position,
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
    /// The first position not published.
    tail: Position,
    /// The first position not staged; `tail` unless a batch is under way.
    next: Position,
    room: CachedHead,
    capacity: u64,
    seat: u16,
    sent: ProducerCounters,
    poison: Option<Corruption>,
}

impl Produce for ByteProducer {
    /// Goes on where the last holder of the seat stopped. If it died, stamps that it staged and never published may stand
    /// beyond the tail (I4): they are removed first. How it went is not asked: that costs a look at each free cell, and
    /// nothing has to be believed.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let capacity = lane.capacity;
        let (descriptors, cells) = views(region, &lane)?;
        let head = lane.head(region).ok_or(Corruption::Outside)?;
        let tail_word = lane.tail(region).ok_or(Corruption::Outside)?;
        let room = CachedHead::new(head, capacity)?;
        let tail = roll_forward(&descriptors, &room, &tail_word, capacity)?;
        let sent = ProducerCounters::resume(region, geometry.producer(seat.into()))?;
        let producer = Self {
            descriptors,
            cells,
            tail_word,
            tail,
            next: tail,
            room,
            capacity,
            seat,
            sent,
            poison: None,
        };
        // Before anything else, so that what TAIL lags behind never adds up over several deaths.
        producer.store_tail();
        producer.remove_stamps(producer.room.end());
        Ok(producer)
    }

    fn settle(&mut self) {
        self.withdraw();
    }

    fn give_up(&mut self, what: Corruption) {
        self.poison = Some(what);
        self.next = self.tail;
    }

    fn at(&self) -> u64 {
        self.tail.get()
    }

    fn head(&self) -> u64 {
        self.room.head_seen().get()
    }

    fn behind(&mut self) -> Result<u64, Corruption> {
        match self.make_room(self.tail) {
            Err(PushError::Corrupt(what)) => Err(what),
            _ => Ok(self.tail.since(self.room.head_seen()).unwrap_or(0)),
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
        let at = if need > left { self.next.plus(left) } else { self.next };
        let end = at.plus(need);
        if end > self.room.end() || self.poison.is_some() {
            self.make_room(end)?;
        }
        match self.cells.payload(at.get(), len) {
            Some(payload) => Ok(Claim { at, payload }),
            // It fits: `need` cells are left in the lap of `at`, all inside.
            None => Err(PushError::TooLarge { len, max }),
        }
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
        self.describe(claim.at, Descriptor::Record { len: len as u32, producer: self.seat });
        if let Some(pad @ 1..) = claim.at.since(self.next) {
            // Fits: a pad has less cells than the largest record.
            self.describe(self.next, Descriptor::Skip { cells: pad as u32 });
        }
        self.next = claim.at.plus(cells_for(len as u64));
        self.sent.stage(len as u64);
    }

    #[inline(always)]
    fn publish(&mut self) -> bool {
        let is_any = self.next != self.tail;
        if is_any {
            // Release: E1, pairs with `ByteConsumer::is_stamped`; payload, infos and later stamps are visible before it.
            self.descriptors.stamp(self.tail.get()).store(self.tail.stamp(), Release);
            self.tail = self.next;
            self.store_tail();
            self.sent.publish();
        }
        is_any
    }

    #[inline(always)]
    fn withdraw(&mut self) -> bool {
        if self.next != self.tail {
            self.remove_stamps(self.next);
            self.next = self.tail;
            self.sent.abort();
        }
        false
    }

    fn abort(&mut self) -> bool {
        self.sent.abort();
        self.withdraw()
    }
}

impl ByteProducer {
    /// Looks how far the consumer is; all before `end` must be free.
    #[cold]
    fn make_room(&mut self, end: Position) -> Result<(), PushError> {
        if let Some(what) = self.poison {
            return Err(what.into());
        }
        if let Err(what) = self.room.refresh(self.tail) {
            self.poison = Some(what);
            return Err(what.into());
        }
        if end > self.room.end() { Err(PushError::Full) } else { Ok(()) }
    }

    #[inline(always)]
    fn describe(&self, at: Position, info: Descriptor) {
        // Relaxed: published by the first stamp (E1); nobody looks here before.
        self.descriptors.info(at.get()).store(info.word(), Relaxed);
        if at != self.tail {
            // Relaxed: not the first stamp; the consumer comes here only after it has seen that one (E1).
            self.descriptors.stamp(at.get()).store(at.stamp(), Relaxed);
        }
    }

    #[inline(always)]
    fn store_tail(&self) {
        // Relaxed: for observers and a successor, who treat it as a hint; nothing is read through it.
        self.tail_word.store(self.tail.get(), Relaxed);
    }

    /// Removes all stamps in `[tail, end)`: free cells, in which nothing is published.
    #[cold]
    fn remove_stamps(&self, end: Position) {
        for position in self.tail.get()..end.get() {
            // Relaxed: the consumer comes here only after a later publication (E1), which is ordered after this.
            self.descriptors.stamp(position).store(0, Relaxed);
        }
    }
}

/// Where a producer goes on: after the last published record.
fn roll_forward(
    descriptors: &Descriptors,
    room: &CachedHead,
    tail_word: &WordRef,
    capacity: u64,
) -> Result<Position, Corruption> {
    let mut tail = resume_from(room, tail_word)?;
    // Relaxed: taking the seat (E3) made all of the last holder's stores visible.
    while tail < room.end() && descriptors.stamp(tail.get()).load(Relaxed) == tail.stamp() {
        // Relaxed: as above.
        let word = descriptors.info(tail.get()).load(Relaxed);
        tail = tail.plus(cells_of(word, tail, capacity, Skips::Pads)?.1);
    }
    if tail > room.end() {
        let low = room.head_seen().get();
        return Err(Corruption::Tail { found: tail.get(), low, high: room.end().get() });
    }
    Ok(tail)
}
