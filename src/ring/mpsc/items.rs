//! [`MpscItemProducer`]: one of several producers of items in one order.
//!
//! Progress: lock-free. Cost beside an [`spsc`](crate::spsc) producer: one compare-exchange on a
//! word that all producers share, and two stores to a line of its own.
use super::claim::ClaimProtocol;
use crate::error::{Corruption, PushError};
use crate::memory::{Item, Position, Region, Slots};
use crate::ring::cells::ProducerCounters;
use crate::ring::layout::Geometry;
use crate::ring::{Produce, ProduceItems};
use crate::sync::{Relaxed, Release};

/// The producer's side.
pub struct MpscItemProducer<T> {
    claims: ClaimProtocol,
    slots: Slots<T>,
    counters: ProducerCounters,
}

/// A claim has at most so many items: its length must fit 32 bits.
const MAX_CLAIM: u64 = 1 << 31;

impl<T: Item> Produce for MpscItemProducer<T> {
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let block = geometry.producer(seat.into());
        let slots = geometry.lane(seat.into()).slots(region).ok_or(Corruption::Outside)?;
        let counters = ProducerCounters::resume(region, block)?;
        Ok(Self { claims: ClaimProtocol::resume(region, geometry, block)?, slots, counters })
    }

    fn abort_open(&mut self) {
        self.claims.clear_announcement();
    }

    fn poison(&mut self, corruption: Corruption) {
        self.claims.poison(corruption);
    }

    fn position(&self) -> Position {
        self.claims.tail()
    }

    fn head(&self) -> Position {
        self.claims.head()
    }

    fn unreleased(&mut self) -> Result<u64, Corruption> {
        self.claims.unreleased()
    }

    fn blocked_by(&mut self) -> Option<u16> {
        self.claims.blocked_by(&self.slots)
    }
}

impl<T: Item> ProduceItems<T> for MpscItemProducer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: &T) -> Result<(), PushError> {
        let claim = self.claims.claim(|start, limit| (start < limit).then(|| start.plus(1)))?;
        let slot = self.slots.slot(claim.start);
        slot.write(item);
        // Release: E1, pairs with `ItemConsumer::published`; the item is visible before its stamp.
        slot.stamp().store(claim.start.stamp(), Release);
        self.counters.publish_at_once(1, size_of::<T>() as u64);
        Ok(())
    }

    #[inline]
    fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError> {
        let wanted = (items.len() as u64).min(MAX_CLAIM);
        if self.claims.known_room() < wanted {
            self.claims.refresh()?;
        }
        let claim = self.claims.claim(|start, limit| {
            let room = limit.since(start).filter(|room| *room > 0)?;
            Some(start.plus(room.min(wanted)))
        })?;
        let pushed = claim.end.get() - claim.start.get();
        for (position, item) in (0..pushed).map(|i| claim.start.plus(i)).zip(items) {
            self.slots.slot(position).write(item);
        }
        for later in (1..pushed).rev().map(|later| claim.start.plus(later)) {
            // Relaxed: not the first stamp; the consumer comes here only after it has seen that one
            // (E1).
            self.slots.slot(later).stamp().store(later.stamp(), Relaxed);
        }
        // Release: E1, pairs with `ItemConsumer::published`; items and later stamps are visible
        // before it.
        self.slots.slot(claim.start).stamp().store(claim.start.stamp(), Release);
        self.counters.publish_at_once(pushed, pushed.wrapping_mul(size_of::<T>() as u64));
        // Fits: at most `items.len()`.
        Ok(pushed as usize)
    }

    fn has_room(&mut self) -> Result<bool, Corruption> {
        Ok(self.claims.unreleased()? < self.slots.count())
    }
}
