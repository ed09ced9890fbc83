//! [`MpscItemProducer`]: a producer of items in total order.
//!
//! Progress: lock-free. Cost beside an [`spsc`](crate::spsc) producer: one compare-exchange on a word that all producers
//! share, and two stores to a line of its own.
use super::claim::ClaimProtocol;
use crate::error::{Corruption, PushError};
use crate::layout::Geometry;
use crate::memory::{Item, Region, Slots};
use crate::ring::cells::ProducerCounters;
use crate::ring::{Produce, ProduceItems};
use crate::sync::{Relaxed, Release};

/// The producer's side.
pub struct MpscItemProducer<T> {
    claims: ClaimProtocol,
    slots: Slots<T>,
    sent: ProducerCounters,
}

/// What is told of a lost claim has 32 bits for its cells.
const MOST_AT_ONCE: u64 = 1 << 31;

impl<T: Item> Produce for MpscItemProducer<T> {
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let block = geometry.producer(seat.into());
        let slots = geometry.lane(seat.into()).slots(region).ok_or(Corruption::Outside)?;
        let sent = ProducerCounters::resume(region, block)?;
        Ok(Self { claims: ClaimProtocol::resume(region, geometry, block)?, slots, sent })
    }

    fn settle(&mut self) {
        self.claims.withdraw();
    }

    fn give_up(&mut self, what: Corruption) {
        self.claims.poisoned(what);
    }

    fn at(&self) -> u64 {
        self.claims.seen().get()
    }

    fn head(&self) -> u64 {
        self.claims.head()
    }

    fn behind(&mut self) -> Result<u64, Corruption> {
        self.claims.behind()
    }

    fn held_by(&mut self) -> Option<u16> {
        self.claims.held_by(&self.slots)
    }
}

impl<T: Item> ProduceItems<T> for MpscItemProducer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: &T) -> Result<(), PushError> {
        let claim = self.claims.claim(|start, limit| (start < limit).then(|| start.plus(1)))?;
        let slot = self.slots.slot(claim.start.get());
        slot.write(item);
        // Release: E1, pairs with `ItemConsumer::published`; the item is visible before its stamp.
        slot.stamp().store(claim.start.stamp(), Release);
        self.sent.publish_at_once(1, size_of::<T>() as u64);
        Ok(())
    }

    #[inline]
    fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError> {
        let most = (items.len() as u64).min(MOST_AT_ONCE);
        if self.claims.known_room() < most {
            self.claims.look()?;
        }
        let claim = self.claims.claim(|start, limit| {
            let room = limit.since(start).filter(|room| *room > 0)?;
            Some(start.plus(room.min(most)))
        })?;
        let positions = claim.start.get()..claim.end.get();
        for (position, item) in positions.zip(items) {
            self.slots.slot(position).write(item);
        }
        let pushed = claim.end.get() - claim.start.get();
        for later in (1..pushed).rev().map(|later| claim.start.plus(later)) {
            // Relaxed: not the first stamp; the consumer comes here only after it has seen that one (E1).
            self.slots.slot(later.get()).stamp().store(later.stamp(), Relaxed);
        }
        // Release: E1, pairs with `ItemConsumer::published`; items and later stamps are visible before it.
        self.slots.slot(claim.start.get()).stamp().store(claim.start.stamp(), Release);
        self.sent.publish_at_once(pushed, pushed.wrapping_mul(size_of::<T>() as u64));
        // Fits: at most `items.len()`.
        Ok(pushed as usize)
    }

    fn has_room(&mut self) -> Result<bool, Corruption> {
        Ok(self.claims.behind()? < self.slots.count())
    }
}
