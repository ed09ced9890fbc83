//! HEAD, seen from both sides: [`CachedHead`] of a producer, [`SharedHead`] of a consumer.
use crate::error::Corruption;
use crate::memory::{Memory, Position, Region, WordRef};
use crate::ring::RingSeat;
use crate::ring::layout::Lane;
use crate::sync::{Acquire, Relaxed, Release};

/// A producer's private copy of HEAD, which limits what it may write.
///
/// HEAD is on the consumer's cache line; reading it costs a transfer and slows the consumer down.
/// So the producer works from the value it read last, which can only be too low, and reads HEAD
/// again only when that is not enough.
pub(crate) struct CachedHead {
    head: WordRef,
    position: Position,
    capacity: u64,
}

impl CachedHead {
    /// Reads HEAD.
    pub(crate) fn new(head: WordRef, capacity: u64) -> Result<Self, Corruption> {
        // Acquire: E2, pairs with `SharedHead::release`; the consumer is done reading below HEAD.
        let found = head.load(Acquire);
        let position = Position::parse(found).ok_or(invalid_head(found, 0))?;
        Ok(Self { head, position, capacity })
    }

    /// HEAD as it was read last.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The first position that must not be written: one lap after HEAD as it was read last.
    #[inline(always)]
    pub(crate) fn end(&self) -> Position {
        self.position.plus(self.capacity)
    }

    /// Reads HEAD again. Fails if it is below the last value or beyond `tail`.
    #[cold]
    pub(crate) fn refresh(&mut self, tail: Position) -> Result<(), Corruption> {
        // Acquire: E2, pairs with `SharedHead::release`; the consumer is done reading below HEAD.
        let found = self.head.load(Acquire);
        let (low, high) = (self.position.get(), tail.get());
        match Position::parse(found) {
            Some(head) if (low..=high).contains(&found) => {
                self.position = head;
                Ok(())
            }
            _ => Err(Corruption::Head { found, low, high }),
        }
    }

    /// Reads HEAD again while TAIL is not known. Fails if it is below the last value.
    pub(crate) fn refresh_without_tail(&mut self) -> Result<(), Corruption> {
        // Acquire: E2, pairs with `SharedHead::release`; the consumer is done reading below HEAD.
        let found = self.head.load(Acquire);
        match Position::parse(found) {
            Some(head) if head >= self.position => {
                self.position = head;
                Ok(())
            }
            _ => Err(invalid_head(found, self.position.get())),
        }
    }
}

fn invalid_head(found: u64, low: u64) -> Corruption {
    Corruption::Head { found, low, high: u64::MAX >> 2 }
}

/// HEAD on the consumer's side, and the word on which producers sleep while they wait for room.
pub(crate) struct SharedHead {
    head: WordRef,
    tail: WordRef,
    parked: WordRef,
    capacity: u64,
}

impl SharedHead {
    pub(crate) fn new(region: &Region, lane: &Lane) -> Result<Self, Corruption> {
        let part = |word: Option<WordRef>| word.ok_or(Corruption::Outside);
        Ok(Self {
            head: part(lane.head(region))?,
            tail: part(lane.tail(region))?,
            parked: part(lane.parked(region))?,
            capacity: lane.capacity,
        })
    }

    /// The first position that the last holder of the consumer's seat did not release.
    pub(crate) fn resume(&self) -> Result<Position, Corruption> {
        // Relaxed: only holders of this seat write it, and taking the seat (E3) made their stores
        // visible.
        let found = self.head.load(Relaxed);
        Position::parse(found).ok_or(invalid_head(found, 0))
    }

    /// Gives all cells before `head` back, and may wake producers that wait for room.
    #[inline(always)]
    pub(crate) fn release<M: Memory>(&self, head: Position, seat: &RingSeat<M>) {
        // Release: E2, pairs with all loads in `CachedHead`; our reads below HEAD are over.
        self.head.store(head.get(), Release);
        seat.notify_producers(&self.parked, || self.producers_to_wake());
    }

    /// How many sleeping producers to wake now, each of which needs a cell at least.
    ///
    /// 0 until half of the ring is free. A producer that is woken for each cell fills it in less
    /// time than the wake-up took, and sleeps again: every record then costs a wake-up, and the
    /// ring is always full. With half a ring free it has work while the consumer empties the other
    /// half, and every record fits, unless it also needs a pad. If the consumer takes nothing more
    /// for a while, a sleeping producer finds the free cells at the end of its slice.
    #[cold]
    fn producers_to_wake(&self) -> u32 {
        // Relaxed: it only says when to wake, and a wrong number costs a slice at most. HEAD is our
        // own.
        let head = self.head.load(Relaxed);
        // Relaxed: it only says when to wake; TAIL does not change while all producers that could
        // move it sleep.
        let tail = self.tail.load(Relaxed);
        let free = self.capacity.saturating_sub(tail.saturating_sub(head));
        if 2 * free >= self.capacity { free.try_into().unwrap_or(u32::MAX) } else { 0 }
    }
}
