//! [`Doorbell`]: how the producer of a lane is heard by a consumer that does not look at each lane.
//!
//! ```text
//!   producer of lane i                         consumer
//!   B1  publish: a stamp in lane i             R1  armed i = 1; from now on lane i is not looked at
//!   B2  light fence                            R2  heavy fence
//!   B3  armed i == 0? then done                R3  look at lane i once more
//!   B4  armed i = 0                            R4  rung != 0? rung = 0; take all ready bits
//!   B5  ready |= bit i                         R5  look at those lanes again from now on
//!   B6  rung |= 1
//!   B7  full fence; wake the consumer if parked
//! ```
//! B1 to B3 against R1 to R3 are the fences of `wait`: either R3 sees the publication, or B3 sees the 1 (E4). Each 0 of B4 is
//! followed by a bit and a ring; a consumer that has found the bit (E6) finds that 0 too, and sets its next 1 after it. So R1
//! can leave a 1 that it finds where it is: if a 0 follows it, so do a bit and a ring that R4 has not taken yet.
//! A consumer that is about to park arms all lanes first; if it then finds, at its last look, that somebody rang, it does not
//! park, because the lane of who rang is not armed any more.
//! R4 takes *rung* by an exchange, and B6 sets it by one: so R4 finds the bits of all who rang before, not only of the last
//! (their exchanges are one release sequence); and who rings after it is found the next time.
//!
//! A producer killed between B1 and B6 leaves a record in a lane that nobody looks at. So the consumer also looks at all
//! lanes after each slice of a wait, and now and then in between; and whoever takes the seat next rings first of all.
use crate::error::Corruption;
use crate::layout::Geometry;
use crate::memory::{Memory, Region, WordRef};
use crate::sync::{Relaxed, Release};
use crate::wait;

/// The producer's side of it.
pub(crate) struct Doorbell {
    ready: WordRef,
    bit: u64,
    rung: WordRef,
    parked: WordRef,
}

impl Doorbell {
    pub(super) fn new(region: &Region, geometry: &Geometry, seat: u64) -> Result<Self, Corruption> {
        let part = |at| WordRef::new(region, at).ok_or(Corruption::Outside);
        let (ready, bit) = geometry.ready(seat);
        Ok(Self {
            ready: part(ready)?,
            bit,
            rung: part(geometry.common().announcement())?,
            parked: part(geometry.consumer().parked())?,
        })
    }

    /// B4 to B7.
    pub(super) fn notify<M: Memory>(&self, memory: &M, armed: &WordRef) {
        // Relaxed: who finds the bit, set next, has it before any 1 of its own (E6).
        armed.half().store(0, Relaxed);
        // Release: E6, pairs with `LanesConsumer::answer`; the zero is visible with it.
        self.ready.fetch_or(self.bit, Release);
        // Release: E6, pairs with `LanesConsumer::answer`; the bit is visible with it, and those of who rang before.
        self.rung.fetch_or(1, Release);
        // With a full fence (E4): the bit before it, the look at the parked word after it.
        wait::notify_if_waiting(memory, &self.parked, false);
    }
}
