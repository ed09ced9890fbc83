//! [`Room`]: how much of the ring a producer may still write, by a private copy of HEAD.
use super::Position;
use crate::error::Corruption;
use crate::memory::WordRef;
use crate::sync::Acquire;

/// A producer's view of the free cells.
///
/// HEAD is the consumer's line; looking at it costs a transfer and slows the consumer down. So the producer
/// works from what it saw last, which can only be too low, and looks again only when that is not enough.
pub(super) struct Room {
    head: WordRef,
    head_seen: Position,
    capacity: u64,
}

impl Room {
    /// The room before `tail`; reads HEAD.
    pub(super) fn new(head: WordRef, capacity: u64) -> Result<Self, Corruption> {
        // Acquire: E2, pairs with the consumer's release; its reads below HEAD are over.
        let found = head.load(Acquire);
        let head_seen =
            Position::parse(found).ok_or(Corruption::Head { found, low: 0, high: u64::MAX >> 2 })?;
        Ok(Self { head, head_seen, capacity })
    }

    pub(super) fn head_seen(&self) -> Position {
        self.head_seen
    }

    /// The first position that may not be written: one lap after HEAD as seen last.
    #[inline(always)]
    pub(super) fn end(&self) -> Position {
        self.head_seen.plus(self.capacity)
    }

    /// Looks at HEAD again. It is never before what was seen, nor beyond `tail`.
    #[cold]
    pub(super) fn refresh(&mut self, tail: Position) -> Result<(), Corruption> {
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
    pub(super) fn advance(&mut self) -> Result<(), Corruption> {
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
