//! [`CachedHead`]: how much of the ring a producer may still write, by a private copy of HEAD. [`SharedHead`]: where a consumer gives it back.
use crate::error::Corruption;
use crate::layout::Lane;
use crate::memory::{Position, Region, WordRef};
use crate::sync::{Acquire, Relaxed, Release};

/// A producer's view of the free cells.
///
/// HEAD is the consumer's line; looking at it costs a transfer and slows the consumer down. So the producer
/// works from what it saw last, which can only be too low, and looks again only when that is not enough.
pub(crate) struct CachedHead {
    head: WordRef,
    head_seen: Position,
    capacity: u64,
}

impl CachedHead {
    /// The room before `tail`; reads HEAD.
    pub(crate) fn new(head: WordRef, capacity: u64) -> Result<Self, Corruption> {
        // Acquire: E2, pairs with the consumer's release; its reads below HEAD are over.
        let found = head.load(Acquire);
        let head_seen =
            Position::parse(found).ok_or(Corruption::Head { found, low: 0, high: u64::MAX >> 2 })?;
        Ok(Self { head, head_seen, capacity })
    }

    pub(crate) fn head_seen(&self) -> Position {
        self.head_seen
    }

    /// The first position that may not be written: one lap after HEAD as seen last.
    #[inline(always)]
    pub(crate) fn end(&self) -> Position {
        self.head_seen.plus(self.capacity)
    }

    /// Looks at HEAD again. It is never before what was seen, nor beyond `tail`.
    #[cold]
    pub(crate) fn refresh(&mut self, tail: Position) -> Result<(), Corruption> {
        // Acquire: E2, pairs with the consumer's release; its reads below HEAD are over.
        let found = self.head.load(Acquire);
        let (low, high) = (self.head_seen.get(), tail.get());
        match Position::parse(found) {
            Some(head) if (low..=high).contains(&found) => {
                self.head_seen = head;
                Ok(())
            }
            _ => Err(Corruption::Head { found, low, high }),
        }
    }

    /// Looks at HEAD again, when TAIL is not known: it is never before what was seen.
    pub(crate) fn advance(&mut self) -> Result<(), Corruption> {
        // Acquire: E2, pairs with the consumer's release; its reads below HEAD are over.
        let found = self.head.load(Acquire);
        match Position::parse(found) {
            Some(head) if head >= self.head_seen => {
                self.head_seen = head;
                Ok(())
            }
            _ => Err(Corruption::Head { found, low: self.head_seen.get(), high: u64::MAX >> 2 }),
        }
    }
}

/// A consumer's side of it: HEAD, and those who wait for it to move.
pub struct SharedHead {
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

    /// Where the last holder of the consumer's seat stopped.
    pub(crate) fn resume(&self) -> Result<Position, Corruption> {
        super::resume_head(&self.head)
    }

    /// Gives all cells before `head` back. Then ask whether somebody sleeps on [`parked`](Self::parked).
    #[inline(always)]
    pub(crate) fn release(&self, head: Position) {
        // Release: E2, pairs with `CachedHead::refresh`; our reads below HEAD are over.
        self.head.store(head.get(), Release);
    }

    /// What producers sleep on who wait for room.
    #[inline(always)]
    pub(crate) fn parked(&self) -> &WordRef {
        &self.parked
    }

    /// How many of those who sleep are to be woken now, each of whom needs a cell at least.
    ///
    /// None until half of the ring is free. A producer that is woken for each cell fills it in less time than the wake-up took, and sleeps
    /// again: so every record costs a wake-up, and the ring that was to keep the two apart is always full. With half of it there is
    /// something to do until the other half is empty; and most records fit, since the largest has half the ring. It may be that the
    /// consumer takes nothing more for a while: then who sleeps finds the room there is at the end of a slice.
    #[cold]
    pub(crate) fn worth_waking(&self) -> u32 {
        // Relaxed: both only say when to wake, and a wrong number costs a slice at most. HEAD is our own; TAIL rests while all who
        // could move it sleep.
        let (head, tail) = (self.head.load(Relaxed), self.tail.load(Relaxed));
        let free = self.capacity.saturating_sub(tail.saturating_sub(head));
        if 2 * free >= self.capacity { free.try_into().unwrap_or(u32::MAX) } else { 0 }
    }
}
