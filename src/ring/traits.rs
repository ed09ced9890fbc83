//! What the public face asks of a ring's two sides, whatever the kind of ring.
use super::cells::SharedHead;
use super::cells::bytes::Found;
use crate::error::{Corruption, PushError};
use crate::layout::{Geometry, RoleBlock};
use crate::memory::{Item, Memory, PayloadRef, Position, Region, Stamped};

/// A producer's side.
pub trait Produce: Sized + Send {
    /// Goes on where the last holder of the seat stopped.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption>;

    /// Takes back what was begun and not finished, before the end goes.
    fn settle(&mut self) {}

    /// Sends nothing any more, forgets what is staged, and reports `what` from now on.
    fn give_up(&mut self, what: Corruption);

    /// The position it is at, in cells.
    fn at(&self) -> u64;

    /// How many cells the consumer has not released: what TAIL is ahead of HEAD.
    fn behind(&mut self) -> Result<u64, Corruption>;

    /// HEAD as seen last, in cells.
    fn head(&self) -> u64;

    /// The producer in whose unpublished claim the consumer is stuck, if it is.
    fn held_by(&mut self) -> Option<u16> {
        None
    }
}

/// A producer of items.
pub trait ProduceItems<T>: Produce {
    fn try_push(&mut self, item: &T) -> Result<(), PushError>;

    /// Pushes as many of `items`, of which there is one at least, as there is room for; how many that were, at least one.
    fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError>;

    /// Whether there is room for one item.
    fn has_room(&mut self) -> Result<bool, Corruption>;
}

/// A producer of records of any size.
pub trait ProduceBytes: Produce {
    /// Cells set aside for a record, not yet visible to anybody.
    type Claim: AsRef<PayloadRef>;

    /// The largest record, in bytes.
    fn max_record(&self) -> usize;

    /// Sets cells aside for a record of `len` bytes after what is staged.
    fn claim(&mut self, len: usize) -> Result<Self::Claim, PushError>;

    /// Whether a record of `len` bytes could be claimed.
    fn has_room(&mut self, len: usize) -> Result<bool, PushError>;

    /// Describes the first `len` bytes of the claim as a record, and the pad before it, if there is one.
    fn stage(&mut self, claim: &Self::Claim, len: usize);

    /// Makes all that is staged visible, at once; whether anything was.
    fn publish(&mut self) -> bool;

    /// Takes back all that is staged, or was claimed and forgotten; whether others see a difference.
    fn withdraw(&mut self) -> bool;

    /// The same for a claim that was given up.
    fn abort(&mut self) -> bool {
        self.withdraw()
    }
}

/// A consumer's side.
pub trait Consume<M: Memory>: Sized + Send {
    /// Goes on at the first record that the last holder of the seat did not release.
    fn resume(memory: &M, geometry: &Geometry) -> Result<Self, Corruption>;

    /// The position it is at, in cells.
    fn at(&self) -> u64;

    /// Whether there is a record.
    fn has_record(&mut self) -> Result<bool, Corruption>;

    /// In cells: more records than that, producers that keep the protocol cannot have published.
    fn max_records(&self) -> usize;

    /// Gives all that was passed back to the producers: `wake` is told where those may sleep who wait for it.
    fn release(&mut self, wake: impl FnMut(&SharedHead));

    /// There is nothing, and the caller will look again, perhaps at once: lets the producers get ahead; whether
    /// another look is worth it.
    fn hold_back(&mut self) -> bool;

    /// Takes nothing any more, and reports `what` from now on.
    fn give_up(&mut self, what: Corruption);

    /// Whether looking has moved HEAD, though there was no record.
    fn has_skipped(&self) -> bool {
        false
    }

    /// Looks for what a dead producer may have left in the way, and mends it, or some of it; asks the witness.
    fn mend(&mut self) -> Result<(), Corruption> {
        Ok(())
    }

    /// Whether it has left some of it for the next time: there may be a record behind.
    fn is_mending(&self) -> bool {
        false
    }

    /// Has all that may be published from now on wake whoever sleeps on the consumer's parked word.
    fn arm(&mut self) {}

    /// Whether something happened since then after which not everybody may.
    fn is_up(&self) -> bool {
        false
    }

    /// Mends all that the dead have left, and goes; how many records are lost, and who holds up the next, if that is why it
    /// could not go on.
    fn mend_all(self) -> Result<(u64, Option<u16>), Corruption> {
        Ok((0, None))
    }

    /// Who holds up the next record, if it was claimed and not published; and how many cells are held up.
    fn held_up(&mut self) -> Result<Option<(u16, RoleBlock, u64)>, Corruption> {
        Ok(None)
    }
}

/// A consumer of items.
pub trait ConsumeItems<T: Item, M: Memory>: Consume<M> {
    /// Takes the next item, which `has_record` has found, without telling the producer.
    fn take(&mut self) -> T;

    /// Takes the next item, if it is plainly there; if not, ask `has_record`.
    fn try_take(&mut self) -> Option<T>;
}

/// A consumer of records of any size.
pub trait ConsumeBytes<M: Memory>: Consume<M> {
    /// The largest record, in bytes.
    fn max_record(&self) -> usize;

    /// The next record, if there is one.
    fn look(&mut self) -> Result<Option<Found>, Corruption>;

    /// The next record, which an earlier look has found: a stamp does not go away again.
    fn found_before(&mut self) -> Result<Found, Corruption>;

    /// Moves past `found`, which the last look found, without telling the producer.
    fn pass(&mut self, found: &Found);
}

/// The consumer of one sequence of cells, on which those of `mpsc` and `lanes` are built.
pub trait InOrder: Sized + Send {
    type Cells: Stamped;

    /// Goes on in the cells that producer `seat` writes.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption>;
    fn cells(&self) -> &Self::Cells;
    fn head(&self) -> Position;
    fn capacity(&self) -> u64;
    /// Moves on, whatever stands there.
    fn skip(&mut self, cells: u64);
    /// Reports `what` from now on.
    fn poison(&mut self, what: Corruption);
    fn has_record(&mut self) -> Result<bool, Corruption>;
    /// Moves past the next record; whether there was one.
    fn pass(&mut self) -> Result<bool, Corruption>;
    fn release(&mut self, wake: impl FnMut(&SharedHead));
}
