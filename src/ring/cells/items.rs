//! Rings of items of one type: a cell is a stamp and an item, so a small message is one cache line.
//!
//! Progress: every operation is wait-free. A lying peer can make an operation report `Corruption`,
//! or hand over wrong items.
//!
//! # Cost
//! An item of 8 bytes, in a ring that is neither full nor empty: a push writes one shared line
//! (stamp and item) and TAIL, which is on a line of the producer's own; a pop reads that line and
//! writes HEAD, which is on a line of the consumer's own. Instruction counts: `cargo bench --bench
//! instructions`. What was tried to make it faster, what was kept, and the numbers:
//! `benches/NOTES.md`, "items".
use super::{CachedHead, SharedHead, resume_tail};
use crate::error::{Corruption, PushError};
use crate::memory::{Item, Memory, Position, Region, Slot, Slots, WordRef};
use crate::ring::RingSeat;
use crate::ring::layout::Geometry;
use crate::ring::{Consume, ConsumeItems, Produce, ProduceItems, Sequence};
use crate::sync::{Acquire, Relaxed, Release};

/// The producer's side.
pub struct ItemProducer<T> {
    slots: Slots<T>,
    tail_word: WordRef,
    tail: Position,
    /// Where writing must stop: one lap after HEAD; or `tail`, once poisoned.
    limit: Position,
    head: CachedHead,
    poison: Option<Corruption>,
}

impl<T: Item> Produce for ItemProducer<T> {
    /// Stamps of items are stored front to back. So the first missing stamp is where the last
    /// holder stopped, and nothing stands beyond it.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let slots = lane.slots(region).ok_or(Corruption::Outside)?;
        let head = lane.head(region).ok_or(Corruption::Outside)?;
        let tail_word = lane.tail(region).ok_or(Corruption::Outside)?;
        let head = CachedHead::new(head, lane.capacity)?;
        let mut tail = resume_tail(&head, &tail_word)?;
        let limit = head.end();
        // Relaxed: taking the seat (E3) made all of the last holder's stores visible.
        while tail != limit && slots.slot(tail).stamp().load(Relaxed) == tail.stamp() {
            tail = tail.plus(1);
        }
        let producer = Self { slots, tail_word, tail, limit, head, poison: None };
        // So that the lag of TAIL never adds up over several deaths.
        producer.store_tail();
        Ok(producer)
    }

    fn poison(&mut self, corruption: Corruption) {
        self.poison = Some(corruption);
        self.limit = self.tail;
    }

    fn position(&self) -> Position {
        self.tail
    }

    fn head(&self) -> Position {
        self.head.position()
    }

    fn unreleased(&mut self) -> Result<u64, Corruption> {
        match self.make_room() {
            Err(PushError::Corrupt(corruption)) => Err(corruption),
            _ => Ok(self.tail.since(self.head.position()).unwrap_or(0)),
        }
    }
}

impl<T: Item> ProduceItems<T> for ItemProducer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: &T) -> Result<(), PushError> {
        if self.tail == self.limit {
            self.make_room()?;
        }
        self.tail = Self::publish(&self.slots, self.tail, item);
        self.store_tail();
        Ok(())
    }

    #[inline]
    fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError> {
        let mut room = self.limit.get() - self.tail.get();
        if room < items.len() as u64 {
            self.make_room()?;
            room = self.limit.get() - self.tail.get();
        }
        let fitting = items.iter().take(usize::try_from(room).unwrap_or(usize::MAX));
        let pushed = fitting.len();
        // Copies, so that the compiler does not reload them after each item.
        let (slots, mut tail) = (self.slots.clone(), self.tail);
        for item in fitting {
            tail = Self::publish(&slots, tail, item);
        }
        self.tail = tail;
        self.store_tail();
        Ok(pushed)
    }

    fn has_room(&mut self) -> Result<bool, Corruption> {
        if self.tail != self.limit {
            return Ok(true);
        }
        match self.make_room() {
            Ok(()) => Ok(true),
            Err(PushError::Corrupt(corruption)) => Err(corruption),
            Err(_) => Ok(false),
        }
    }
}

impl<T: Item> ItemProducer<T> {
    /// Reads HEAD again and moves `limit`.
    #[cold]
    fn make_room(&mut self) -> Result<(), PushError> {
        if let Some(corruption) = self.poison {
            return Err(corruption.into());
        }
        if let Err(corruption) = self.head.refresh(self.tail) {
            self.poison(corruption);
            return Err(corruption.into());
        }
        self.limit = self.head.end();
        if self.tail == self.limit { Err(PushError::Full) } else { Ok(()) }
    }

    /// Writes and publishes `item` at `tail`. Returns the position of the next one.
    #[inline(always)]
    fn publish(slots: &Slots<T>, tail: Position, item: &T) -> Position {
        let slot = slots.slot(tail);
        slot.write(item);
        // Release: E1, pairs with `ItemConsumer::published`; the item is visible before its stamp.
        slot.stamp().store(tail.stamp(), Release);
        tail.plus(1)
    }

    #[inline(always)]
    fn store_tail(&self) {
        // Relaxed: a hint for observers and a successor; nothing is read through it.
        self.tail_word.store(self.tail.get(), Relaxed);
    }
}

/// The consumer's side.
pub struct ItemConsumer<T> {
    slots: Slots<T>,
    shared_head: SharedHead,
    head: Position,
    poison: Option<Corruption>,
}

impl<T: Item> ItemConsumer<T> {
    /// The slot at HEAD if an item is published there, else the stamp that was found.
    #[inline(always)]
    fn published(&self) -> Result<Slot<T>, u64> {
        let slot = self.slots.slot(self.head);
        // Acquire: E1, pairs with `ItemProducer::publish`; with the stamp, the item is visible.
        let found = slot.stamp().load(Acquire);
        if found == self.head.stamp() { Ok(slot) } else { Err(found) }
    }

    #[cold]
    fn nothing_at_head(&mut self, found: u64) -> Result<bool, Corruption> {
        if self.head.is_passed_by(found) {
            self.poison(Corruption::Stamp { position: self.head.get(), found });
        }
        self.poison.map_or(Ok(false), Err)
    }
}

impl<T: Item> Consume for ItemConsumer<T> {
    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::resume_lane(region, geometry, 0)
    }

    fn position(&self) -> Position {
        self.head
    }

    #[inline(always)]
    fn taken(&self) -> u64 {
        self.head.get()
    }

    fn capacity(&self) -> u64 {
        self.slots.count()
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

impl<T: Item> ConsumeItems<T> for ItemConsumer<T> {
    #[inline(always)]
    fn take(&mut self) -> T {
        let item = self.peek();
        self.head = self.head.plus(1);
        item
    }

    #[inline(always)]
    fn try_take(&mut self) -> Option<T> {
        if self.poison.is_some() {
            return None;
        }
        let item = self.published().ok()?.read();
        self.head = self.head.plus(1);
        Some(item)
    }

    #[inline(always)]
    fn peek(&self) -> T {
        self.slots.slot(self.head).read()
    }
}

impl<T: Item> Sequence for ItemConsumer<T> {
    type Cells = Slots<T>;

    fn resume_lane(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let slots = lane.slots(region).ok_or(Corruption::Outside)?;
        let shared_head = SharedHead::new(region, &lane)?;
        let head = shared_head.resume()?;
        Ok(Self { slots, shared_head, head, poison: None })
    }

    fn cells(&self) -> &Slots<T> {
        &self.slots
    }

    fn head(&self) -> Position {
        self.head
    }

    #[inline(always)]
    fn is_published(&mut self) -> Result<bool, Corruption> {
        if let Some(corruption) = self.poison {
            return Err(corruption);
        }
        match self.published() {
            Ok(_) => Ok(true),
            Err(found) => self.nothing_at_head(found),
        }
    }

    fn skip(&mut self, cells: u64) {
        self.head = self.head.plus(cells);
    }

    fn pass_next(&mut self) -> Result<bool, Corruption> {
        let found = self.is_published()?;
        self.skip(found.into());
        Ok(found)
    }
}
