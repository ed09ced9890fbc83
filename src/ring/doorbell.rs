//! [`Doorbell`]: how the producer of a lane notifies a consumer that does not poll this lane.
//!
//! ```text
//!   producer of lane i                         consumer
//!   B1  publish: a stamp in lane i             R1  armed i = 1; from now on lane i is idle: not polled
//!   B2  light fence                            R2  heavy fence
//!   B3  armed i == 0? then done                R3  poll lane i once more
//!   B4  armed i = 0                            R4  notified != 0? notified = 0; take all ready bits
//!   B5  ready |= bit i                         R5  poll the lanes of these bits again from now on
//!   B6  notified |= 1
//!   B7  full fence; wake the consumer if parked
//! ```
//! # No notification is lost
//! B1 to B3 against R1 to R3 are the fences of `wait`: either R3 sees the publication, or B3 sees
//! the 1 (E4).
//!
//! R1 may leave an old 1 where it is. After each 0 of B4 the producer sets its bit and *notified*.
//! A consumer that finds the bit (E6) also finds the 0, and stores its next 1 after it. So if a 0
//! follows the 1 that R1 found, then a bit and a notification follow, too, which R4 has not taken
//! yet.
//!
//! A consumer that is about to park arms all lanes first. If its last check finds *notified* set,
//! it does not park, because the lane of the producer that notified is not armed any more.
//!
//! R4 takes *notified* by an exchange, and B6 sets it by an exchange. All these exchanges form one
//! release sequence, so R4 finds the bits of all producers that notified before it, not only of the
//! last one. It finds a producer that notifies after it the next time.
//!
//! # Deaths
//! A producer that is killed between B1 and B6 leaves a record in a lane that the consumer does not
//! poll. So the consumer also scans all lanes after each slice of a wait, and now and then in
//! between. The next holder of the seat notifies before it does anything else.
use crate::error::Corruption;
use crate::memory::{Memory, Region, WordRef};
use crate::ring::layout::Geometry;
use crate::sync::{Relaxed, Release};
use crate::wait;

/// The producer's side of the doorbell.
pub(crate) struct Doorbell {
    /// The word of ready bits that holds this lane's bit.
    ready: WordRef,
    bit: u64,
    notified: WordRef,
    /// The word on which the consumer sleeps.
    parked: WordRef,
}

impl Doorbell {
    pub(crate) fn new(region: &Region, geometry: &Geometry, seat: u64) -> Result<Self, Corruption> {
        let part = |at| WordRef::new(region, at).ok_or(Corruption::Outside);
        let (ready, bit) = geometry.ready(seat);
        Ok(Self {
            ready: part(ready)?,
            bit,
            notified: part(geometry.common().notified())?,
            parked: part(geometry.consumer().parked())?,
        })
    }

    /// Notifies the consumer: steps B4 to B7.
    pub(crate) fn notify<M: Memory>(&self, memory: &M, armed: &WordRef) {
        // Relaxed: the bit that is set next carries it (E6): a consumer that finds the bit has this
        // 0 before any later 1 of its own.
        armed.half().store(0, Relaxed);
        // Release: E6, pairs with `LanesConsumer::drain_notifications`; the 0 is visible with the
        // bit.
        self.ready.fetch_or(self.bit, Release);
        // Release: E6, pairs with `LanesConsumer::drain_notifications`; this bit, and the bits of
        // all producers that notified before, are visible with it.
        self.notified.fetch_or(1, Release);
        // With a full fence (E4): it orders the bit before the load of the parked word.
        wait::notify_if_waiting(memory, &self.parked, false);
    }
}
