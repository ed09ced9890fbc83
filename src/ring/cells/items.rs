//! Rings of items of one type: a cell is a stamp and an item, so a small message is one cache line.
//!
//! Progress: every operation is wait-free. What a lying peer can do: make an operation report
//! `Corruption`, or hand over wrong items.
//!
//! # Cost
//! 8-byte item, ring neither full nor empty: push 1 line written (stamp and item) and TAIL, which is the
//! producer's own; pop 1 line read and HEAD, which is the consumer's own.
//! Instructions, with the caller's loop, the making and the reading of the item (`cargo bench --bench instructions`, x86-64, Rust 1.95):
//! push and pop of 8 bytes 22 and 28, 56 bytes 34 and 56, 64 bytes 34 and 37; in slices of 64, drained, 8 bytes 13 and 19, 56 bytes
//! 19 and 45; refused, 38 and 113.
//!
//! # What made it faster, and what did not
//! Measured in one run against the version without, on two cores that share a cache and on two that do not; M/s are millions of
//! items a second.
//!
//! | tried | kept | what it did |
//! |---|---|---|
//! | addresses that are computed once (`Slots::slot`, parts of a region) | yes | push of 8 B 1.8 to 1.0 ns, pop 1.7 to 1.3, in one thread |
//! | one look for an item and its taking (`try_take_item`) | yes | 8 B one by one 350 to 590 |
//! | values through registers (`memory::copy`) | yes | pop of 56 B 3.6 to 2.1 ns |
//! | stores of 16 bytes (`memory::copy`) | yes | 56 B 230 to 275; 64 B 182 to 190; distant cores level |
//! | a pause when the consumer has caught up (`hold_back`) | yes | see there |
//! | each end on lines of its own | yes | ends side by side, two threads: as fast as ends far apart; without, up to six times slower |
//! | HEAD stored for every 8th or 64th item only | no | 10 % more at 8 B, and what a dead consumer had taken would be taken again |
//! | prefetching the slots that are written next | no | 64 B 220 to 290, but round trips 10 to 20 % longer; 8 B level |
//! | the same for reading | no | 8 B 350 to 420; 56 and 64 B 20 to 60 % less |
//! | slots of two whole lines for 64 B, or of 80 bytes, instead of 72 | no | bare slots with stamps: 229 to 137 and 180; level on distant cores |
//! | a look in vain that is cheaper (the peer's state word found once, not at each look) | no | round trips of 8 B 98 to 141 ns, of 56 B level; distant cores 450 to 420: who looks more often takes the line from who writes it |
//! | a pause when the ring is full, or at every fruitless look | no | level, or round trips longer |
use super::{CachedHead, SharedHead, hold_back, resume_from};
use crate::error::{Corruption, PushError};
use crate::layout::Geometry;
use crate::memory::{Item, Memory, Position, Region, Slot, Slots, WordRef};
use crate::ring::{Consume, ConsumeItems, InOrder, Produce, ProduceItems};
use crate::sync::{Acquire, Relaxed, Release};

/// The producer's side.
pub struct ItemProducer<T> {
    slots: Slots<T>,
    tail_word: WordRef,
    tail: Position,
    /// Where writing must stop: `room.end()`; or `tail`, once poisoned.
    limit: Position,
    room: CachedHead,
    poison: Option<Corruption>,
}

impl<T: Item> Produce for ItemProducer<T> {
    /// Goes on where the last holder of the seat stopped.
    ///
    /// Stamps of a typed ring are stored front to back, so the first that is missing is where that is, and
    /// nothing stands beyond it.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let slots = lane.slots(region).ok_or(Corruption::Outside)?;
        let head = lane.head(region).ok_or(Corruption::Outside)?;
        let tail_word = lane.tail(region).ok_or(Corruption::Outside)?;
        let room = CachedHead::new(head, lane.capacity)?;
        let mut tail = resume_from(&room, &tail_word)?;
        let limit = room.end();
        // Relaxed: taking the seat (E3) made all of the last holder's stores visible.
        while tail != limit && slots.slot(tail.get()).stamp().load(Relaxed) == tail.stamp() {
            tail = tail.plus(1);
        }
        let producer = Self { slots, tail_word, tail, limit, room, poison: None };
        // So that what TAIL lags behind never adds up over several deaths.
        producer.store_tail();
        Ok(producer)
    }

    fn give_up(&mut self, what: Corruption) {
        self.poison = Some(what);
        self.limit = self.tail;
    }

    fn at(&self) -> u64 {
        self.tail.get()
    }

    fn head(&self) -> u64 {
        self.room.head_seen().get()
    }

    fn behind(&mut self) -> Result<u64, Corruption> {
        match self.make_room() {
            Err(PushError::Corrupt(what)) => Err(what),
            _ => Ok(self.tail.since(self.room.head_seen()).unwrap_or(0)),
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

    /// Pushes as many of `items` as there is room for; how many that were, at least one unless there are none.
    #[inline]
    fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError> {
        let mut room = self.limit.get() - self.tail.get();
        if room < items.len() as u64 {
            self.make_room()?;
            room = self.limit.get() - self.tail.get();
        }
        let fitting = items.iter().take(usize::try_from(room).unwrap_or(usize::MAX));
        let pushed = fitting.len();
        // Copies, so that the compiler does not look for them after each item.
        let (slots, mut tail) = (self.slots.clone(), self.tail);
        for item in fitting {
            tail = Self::publish(&slots, tail, item);
        }
        self.tail = tail;
        self.store_tail();
        Ok(pushed)
    }

    /// Whether there is room for one item.
    fn has_room(&mut self) -> Result<bool, Corruption> {
        if self.tail != self.limit {
            return Ok(true);
        }
        match self.make_room() {
            Ok(()) => Ok(true),
            Err(PushError::Corrupt(what)) => Err(what),
            Err(_) => Ok(false),
        }
    }
}

impl<T: Item> ItemProducer<T> {
    /// Looks how far the consumer is, and moves `limit`.
    #[cold]
    fn make_room(&mut self) -> Result<(), PushError> {
        if let Some(what) = self.poison {
            return Err(what.into());
        }
        if let Err(what) = self.room.refresh(self.tail) {
            self.give_up(what);
            return Err(what.into());
        }
        self.limit = self.room.end();
        if self.tail == self.limit { Err(PushError::Full) } else { Ok(()) }
    }

    /// Puts `item` in at `tail`; where the next goes.
    #[inline(always)]
    fn publish(slots: &Slots<T>, tail: Position, item: &T) -> Position {
        let slot = slots.slot(tail.get());
        slot.write(item);
        // Release: E1, pairs with `ItemConsumer::published`; the item is visible before its stamp.
        slot.stamp().store(tail.stamp(), Release);
        tail.plus(1)
    }

    #[inline(always)]
    fn store_tail(&self) {
        // Relaxed: for observers and a successor, who treat it as a hint; nothing is read through it.
        self.tail_word.store(self.tail.get(), Relaxed);
    }
}

/// The consumer's side.
pub struct ItemConsumer<T> {
    slots: Slots<T>,
    shared_head: SharedHead,
    head: Position,
    /// HEAD when it last held back.
    caught_up: Position,
    poison: Option<Corruption>,
}

impl<T: Item> ItemConsumer<T> {
    /// The slot at HEAD if there is an item in it, else its stamp.
    #[inline(always)]
    fn published(&self) -> Result<Slot<T>, u64> {
        let slot = self.slots.slot(self.head.get());
        // Acquire: E1, pairs with `ItemProducer::publish`; with the stamp, the item is visible.
        let found = slot.stamp().load(Acquire);
        if found == self.head.stamp() { Ok(slot) } else { Err(found) }
    }

    /// Whether there is an item.
    #[inline(always)]
    pub(crate) fn has_item(&mut self) -> Result<bool, Corruption> {
        if let Some(what) = self.poison {
            return Err(what);
        }
        match self.published() {
            Ok(_) => Ok(true),
            Err(found) => self.nothing_at_head(found),
        }
    }

    #[cold]
    fn nothing_at_head(&mut self, found: u64) -> Result<bool, Corruption> {
        if self.head.is_passed_by(found) {
            self.poison = Some(Corruption::Stamp { position: self.head.get(), found });
        }
        self.poison.map_or(Ok(false), Err)
    }

    /// Takes the item at HEAD, which `has_item` has found, without telling the producer.
    #[inline(always)]
    pub(crate) fn take_item(&mut self) -> T {
        let item = self.slots.slot(self.head.get()).read();
        self.head = self.head.plus(1);
        item
    }

    /// Takes the item at HEAD, without telling the producer; none if there is none, or another reason to look closer.
    #[inline(always)]
    pub(crate) fn try_take_item(&mut self) -> Option<T> {
        if self.poison.is_some() {
            return None;
        }
        let item = self.published().ok()?.read();
        self.head = self.head.plus(1);
        Some(item)
    }

    /// Gives all that was taken back to the producer.
    #[inline(always)]
    pub(crate) fn release_all(&mut self, mut wake: impl FnMut(&SharedHead)) {
        self.shared_head.release(self.head);
        wake(&self.shared_head);
    }
}

impl<T: Item, M: Memory> Consume<M> for ItemConsumer<T> {
    fn resume(memory: &M, geometry: &Geometry) -> Result<Self, Corruption> {
        InOrder::resume(&memory.region(), geometry, 0)
    }

    fn at(&self) -> u64 {
        self.head.get()
    }

    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        self.has_item()
    }

    fn max_records(&self) -> usize {
        usize::try_from(self.slots.count()).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    fn release(&mut self, wake: impl FnMut(&SharedHead)) {
        self.release_all(wake);
    }

    fn hold_back(&mut self) -> bool {
        let taken = self.head.get() - self.caught_up.get();
        self.caught_up = self.head;
        hold_back(taken, self.slots.count())
    }

    fn give_up(&mut self, what: Corruption) {
        self.poison = Some(what);
    }
}

impl<T: Item, M: Memory> ConsumeItems<T, M> for ItemConsumer<T> {
    #[inline(always)]
    fn take(&mut self) -> T {
        self.take_item()
    }

    #[inline(always)]
    fn try_take(&mut self) -> Option<T> {
        self.try_take_item()
    }
}

impl<T: Item> InOrder for ItemConsumer<T> {
    type Cells = Slots<T>;

    /// At the first item that the last holder of the consumer's seat did not release.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let slots = lane.slots(region).ok_or(Corruption::Outside)?;
        let shared_head = SharedHead::new(region, &lane)?;
        let head = shared_head.resume()?;
        Ok(Self { slots, shared_head, head, caught_up: head, poison: None })
    }
    fn cells(&self) -> &Slots<T> {
        &self.slots
    }
    fn head(&self) -> Position {
        self.head
    }
    fn capacity(&self) -> u64 {
        self.slots.count()
    }
    fn skip(&mut self, cells: u64) {
        self.head = self.head.plus(cells);
    }
    fn poison(&mut self, what: Corruption) {
        self.poison = Some(what);
    }
    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        self.has_item()
    }
    fn pass(&mut self) -> Result<bool, Corruption> {
        let found = self.has_item()?;
        self.skip(found.into());
        Ok(found)
    }
    #[inline(always)]
    fn release(&mut self, wake: impl FnMut(&SharedHead)) {
        self.release_all(wake);
    }
}
