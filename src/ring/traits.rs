//! What [`Producer`](super::Producer) and [`Consumer`](super::Consumer) need of the two sides of a
//! ring, whatever its kind.
//!
//! Both sides see words and spans only. What they need of the platform (is a peer dead? wake a
//! sleeper) they ask of the [`Seat`], which the caller lends them.
use super::Losses;
use super::cells::bytes::PeekedRecord;
use crate::error::{Corruption, PushError};
use crate::memory::{Item, Memory, PayloadRef, Position, Region, Stamped};
use crate::ring::RingSeat;
use crate::ring::layout::Geometry;

/// A producer's side.
pub trait Produce: Sized + Send {
    /// Continues where the last holder of the seat stopped.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption>;

    /// Takes back what was begun and not committed.
    fn abort_open(&mut self) {}

    /// Forgets what is staged, sends nothing any more, and reports `corruption` from now on.
    fn poison(&mut self, corruption: Corruption);

    /// The position of the next record.
    fn position(&self) -> Position;

    /// How many cells the consumer has not released.
    fn unreleased(&mut self) -> Result<u64, Corruption>;

    /// HEAD as this side saw it last.
    fn head(&self) -> Position;

    /// The seat of the producer whose unpublished claim holds up the consumer, if there is one.
    fn blocked_by(&mut self) -> Option<u16> {
        None
    }
}

/// A producer of items.
pub trait ProduceItems<T>: Produce {
    fn try_push(&mut self, item: &T) -> Result<(), PushError>;

    /// Pushes as many of `items` as there is room for. Returns how many; at least one.
    ///
    /// `items` is not empty.
    fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError>;

    /// Whether there is room for one item.
    fn has_room(&mut self) -> Result<bool, Corruption>;
}

/// A producer of records of any size.
pub trait ProduceBytes: Produce {
    /// Cells set aside for one record, which no other participant sees yet.
    type Claim: AsRef<PayloadRef>;

    /// The largest record, in bytes.
    fn max_record(&self) -> usize;

    /// Sets cells aside for a record of `len` bytes, after those that are staged.
    fn claim(&mut self, len: usize) -> Result<Self::Claim, PushError>;

    /// Begins a batch: makes sure that records of together `room` bytes fit.
    fn begin_batch(&mut self, room: usize) -> Result<(), PushError>;

    /// Whether a record of `len` bytes could be claimed.
    fn has_room(&mut self, len: usize) -> Result<bool, PushError>;

    /// Writes the descriptor of a record of the first `len` bytes of the claim, and of the pad
    /// before it if there is one.
    fn stage(&mut self, claim: &Self::Claim, len: usize);

    /// Makes everything staged visible at once. Returns whether anything was staged.
    fn publish(&mut self) -> bool;

    /// Takes back everything staged, and claims that were forgotten. Returns whether other
    /// participants see a difference.
    fn rollback(&mut self) -> bool;

    /// Like [`rollback`](Self::rollback), for one claim that is given up.
    fn abort(&mut self) -> bool {
        self.rollback()
    }
}

/// What stands at HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtHead {
    Record,
    Nothing,
    /// What dead producers left is not passed over yet: there may be a record behind it.
    Recovering,
}

/// A producer's unpublished claim that holds up the consumer.
pub struct Blocker {
    pub(crate) seat: u16,
    /// How many claimed cells the consumer cannot reach.
    pub(crate) cells: u64,
}

/// What [`Ring::recover`](super::Ring::recover) did.
#[derive(Default)]
pub struct Recovery {
    /// Claims that died with their producers.
    pub(crate) lost: u64,
    /// The living producer whose claim ended the recovery.
    pub(crate) blocked_by: Option<u16>,
}

/// A consumer's side.
pub trait Consume: Sized + Send {
    /// The fewest pauses after a look that found nothing: see
    /// [`EmptyBackoff`](super::cells::EmptyBackoff).
    const MIN_PAUSES: u64 = 0;

    /// Continues at the first record that the last holder of the seat did not release.
    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption>;

    /// The position of the next record; of lanes, the sum of all.
    fn position(&self) -> Position;

    /// How many records it has taken so far, roughly: a number to compare with an earlier one.
    fn taken(&self) -> u64;

    /// The capacity of the ring, or of one lane, in cells.
    fn capacity(&self) -> u64;

    /// More records than this cannot be published at once.
    fn max_records(&self) -> u64 {
        self.capacity()
    }

    /// Whether there is a record. Passes over what dead producers left, as far as that is known.
    fn has_record<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<bool, Corruption>;

    /// Gives everything that was taken or passed over back to the producers, and wakes those that
    /// wait for room.
    fn release<M: Memory>(&mut self, seat: &RingSeat<M>);

    /// Takes nothing any more, and reports `corruption` from now on.
    fn poison(&mut self, corruption: Corruption);

    /// Looks for a record, and deals with what a dead producer may have left in the way. Asks the
    /// kernel. Does a bounded amount of work: the rest waits for the next call.
    fn recover<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<AtHead, Corruption> {
        Ok(if self.has_record(seat)? { AtHead::Record } else { AtHead::Nothing })
    }

    /// Deals with everything that dead producers left, and ends.
    fn recover_all<M: Memory>(self, seat: &RingSeat<M>) -> Result<Recovery, Corruption> {
        let _ = seat;
        Ok(Recovery::default())
    }

    /// The producer that claimed the next record and has not published it, if that is known.
    fn blocked_by<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<Option<Blocker>, Corruption> {
        let _ = seat;
        Ok(None)
    }

    /// Asks every lane to notify the consumer's parked word at its next publication.
    fn arm(&mut self) {}

    /// Whether the consumer must look again before it sleeps: a lane has notified since `arm`, or
    /// recovery has more to do.
    fn must_look_again(&self) -> bool {
        false
    }

    /// The records that died with their producers.
    fn losses(&mut self) -> Losses<'_> {
        Losses::none()
    }
}

/// A consumer of items.
pub trait ConsumeItems<T: Item>: Consume {
    /// Takes the next item, which `has_record` has found, without releasing it.
    fn take(&mut self) -> T;

    /// Takes the next item if a single look finds it. If not, ask `has_record`.
    fn try_take(&mut self) -> Option<T>;

    /// Copies the next item, which `has_record` has found, and leaves it where it is.
    fn peek(&self) -> T;
}

/// A consumer of records of any size.
pub trait ConsumeBytes: Consume {
    /// The largest record, in bytes.
    fn max_record(&self) -> usize;

    /// The next record, if there is one.
    fn peek<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<Option<PeekedRecord>, Corruption>;

    /// The next record, which an earlier look has found: a stamp does not go away again.
    fn peek_again<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<PeekedRecord, Corruption>;

    /// Moves past `record`, which the last look found, without releasing it.
    fn pass(&mut self, record: &PeekedRecord);

    /// Takes `record` and gives everything that was taken back to the producers.
    #[inline(always)]
    fn pass_and_release<M: Memory>(&mut self, record: &PeekedRecord, seat: &RingSeat<M>) {
        self.pass(record);
        self.release(seat);
    }
}

/// The consumer of one sequence of cells, on which the consumers of `mpsc` and `lanes` are built.
pub trait Sequence: Consume {
    type Cells: Stamped;

    /// Continues in the cells that producer `seat` writes.
    fn resume_lane(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption>;

    fn cells(&self) -> &Self::Cells;

    fn head(&self) -> Position;

    /// Whether a record stands at HEAD.
    fn is_published(&mut self) -> Result<bool, Corruption>;

    /// Moves HEAD on by `cells`, whatever stands there.
    fn skip(&mut self, cells: u64);

    /// Moves past the next record. Returns whether there was one.
    fn pass_next(&mut self) -> Result<bool, Corruption>;
}
