//! Many senders: a claim of the next slot by all of them, or a ring for each. No word of who has claimed what, and so nothing that can
//! be done about one who dies.
use std::sync::atomic::Ordering::*;

use super::memory::{Counter, Slots};
use super::stamped::{Sends, Slot, Stamped, Takes};
use crate::drive::{Peer, Result, Rx, Shape, Tx, Words};

/// TAIL, which is claimed by compare-and-swap, and HEAD.
pub struct Claim<const N: usize> {
    slots: Slots<Slot<u64, N, 0>>,
    counters: Slots<Counter>,
}
pub struct ClaimTx<const N: usize> {
    slots: Slots<Slot<u64, N, 0>>,
    counters: Slots<Counter>,
    limit: u64,
}
pub struct ClaimRx<const N: usize> {
    slots: Slots<Slot<u64, N, 0>>,
    counters: Slots<Counter>,
    at: u64,
}

impl<const N: usize> Peer<Words<N>> for Claim<N> {
    type Tx = ClaimTx<N>;
    type Rx = ClaimRx<N>;
    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self { slots: Slots::new(shape.capacity)?, counters: Slots::new(2)? })
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        let (slots, counters) = (self.slots.clone(), self.counters.clone());
        Ok(ClaimTx { limit: slots.many(), slots, counters })
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(ClaimRx { slots: self.slots.clone(), counters: self.counters.clone(), at: 0 })
    }
}

impl<const N: usize> Tx<Words<N>> for ClaimTx<N> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        let (tail, head) = (self.counters.at(0), self.counters.at(1));
        // Relaxed: a number to be claimed, with which nothing else comes.
        let mut at = tail.load(Relaxed);
        loop {
            if at >= self.limit {
                // Acquire: the receiver has read what it says it has.
                self.limit = head.load(Acquire) + self.slots.many();
                if at >= self.limit {
                    return false;
                }
            }
            // Relaxed: as above.
            match tail.compare_exchange_weak(at, at + 1, Relaxed, Relaxed) {
                Ok(_) => break,
                Err(now) => at = now,
            }
        }
        // SAFETY: claimed by nobody else, and below `limit`, so that the receiver is done with what stood there.
        unsafe { self.slots.at(at).give(at, message.0) };
        true
    }
}

impl<const N: usize> Rx<Words<N>> for ClaimRx<N> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        // SAFETY: the senders come back only when HEAD says so.
        let words = unsafe { self.slots.at(self.at).take(self.at) }?;
        self.at += 1;
        if self.at & (self.slots.many() / 4 - 1) == 0 {
            // Release: all words up to here were read.
            self.counters.at(1).store(self.at, Release);
        }
        Some(Words(words))
    }
}

/// A ring of stamped slots for each sender: with the whole capacity in each, if `ROOMY`, otherwise in all together.
pub struct Lanes<const N: usize, const ROOMY: bool> {
    lanes: Vec<Stamped<u64, N>>,
    /// How many of them are taken: by threads or processes.
    taken: Slots<Counter>,
}
pub struct LanesRx<const N: usize> {
    lanes: Vec<Takes<u64, N, 0>>,
    at: usize,
    /// How many it may still take before it goes on to the next lane.
    left: u64,
}

/// At most so many from one lane while others wait.
const TURN: u64 = 64;

impl<const N: usize, const ROOMY: bool> Peer<Words<N>> for Lanes<N, ROOMY> {
    type Tx = Sends<u64, N, 0>;
    type Rx = LanesRx<N>;
    fn make(shape: &Shape) -> Result<Self> {
        let each = if ROOMY { shape.capacity } else { shape.capacity / shape.producers };
        let lanes: Result<Vec<_>> = (0..shape.producers).map(|_| Stamped::new(each)).collect();
        Ok(Self { lanes: lanes?, taken: Slots::new(1)? })
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        // Relaxed: who takes which lane is all that matters.
        let lane = self.taken.at(0).fetch_add(1, Relaxed) as usize;
        Ok(self.lanes.get(lane).ok_or("all lanes are taken")?.sends())
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(LanesRx { lanes: self.lanes.iter().map(Stamped::takes).collect(), at: 0, left: TURN })
    }
}

impl<const N: usize> Rx<Words<N>> for LanesRx<N> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        for _ in 0..=self.lanes.len() {
            if self.left > 0
                && let Some(words) = self.lanes.get_mut(self.at)?.take()
            {
                self.left -= 1;
                return Some(Words(words));
            }
            self.at = if self.at + 1 < self.lanes.len() { self.at + 1 } else { 0 };
            self.left = TURN;
        }
        None
    }
}
