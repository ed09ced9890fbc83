//! Rings of records of any size: descriptors in an array of their own, payload in cells of 64 bytes.
//!
//! ```text
//!   descriptors  │ stamp info │ stamp info │ stamp info │ stamp info │   one per cell, 16 bytes
//!   cells        │ record A …│… of A      │ record B   │ (pad)      │   64 bytes each, payload only
//! ```
//!
//! Payload cells hold nothing but payload, so no payload can pose as a descriptor, and a record is
//! contiguous: one that would run past the last cell is preceded by a pad to the end of the lap.
//!
//! # Staging
//! The producer stages one record, or the several of a batch, and then publishes them as one:
//! ```text
//!      tail                        next
//!       ▼                           ▼
//!   █ █ │ first │ later │ later     │ · ·        stage: infos, and the stamps of all but the first
//!                                                publish: the stamp of the first; tail = next
//!                                                withdraw: remove the later stamps; next = tail
//! ```
//! The first stamp decides: see the module above for death in between.
//!
//! Progress: every operation is wait-free; `withdraw` and `resume` are bounded by the capacity. What a lying
//! peer can do: make an operation report `Corruption`, or hand over wrong payload.
use super::ordered::InOrder;
use super::room::Room;
use super::sent::Sent;
use super::{Consume, ConsumeBytes, Info, Position, Produce, ProduceBytes, resume_from};
use crate::error::{Corruption, PushError};
use crate::layout::{Geometry, Kind, Lane};
use crate::memory::{Cells, Descriptors, Memory, PayloadRef, Region, WordRef};
use crate::sync::{Acquire, Relaxed, Release};

/// The cells that a record of `len` bytes takes.
#[inline(always)]
pub(super) fn cells_for(len: u64) -> u64 {
    len.div_ceil(Cells::SIZE).max(1)
}

/// The largest record of a ring of `capacity` cells, in bytes: half of it, so that record and pad
/// always fit an empty ring together.
pub(crate) const fn max_record(capacity: u64) -> usize {
    (capacity / 2 * Cells::SIZE) as usize
}

/// Cells set aside for a record, not yet visible to anybody.
pub struct Claim {
    /// Where the record starts: at `next`, or after a pad.
    pub(super) at: Position,
    pub(super) payload: PayloadRef,
}

impl AsRef<PayloadRef> for Claim {
    #[inline(always)]
    fn as_ref(&self) -> &PayloadRef {
        &self.payload
    }
}

/// The producer's side.
pub struct ByteProducer {
    descriptors: Descriptors,
    cells: Cells,
    tail_word: WordRef,
    /// The first position not published.
    tail: Position,
    /// The first position not staged; `tail` unless a batch is under way.
    next: Position,
    room: Room,
    capacity: u64,
    seat: u16,
    sent: Sent,
    poison: Option<Corruption>,
}

impl Produce for ByteProducer {
    /// Goes on where the last holder of the seat stopped. If it died, stamps that it staged and never published may stand
    /// beyond the tail (I4): they are removed first. How it went is not asked: that costs a look at each free cell, and
    /// nothing has to be believed.
    fn resume(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let capacity = lane.capacity;
        let (descriptors, cells) = views(region, &lane)?;
        let head = lane.head(region).ok_or(Corruption::Outside)?;
        let tail_word = lane.tail(region).ok_or(Corruption::Outside)?;
        let room = Room::new(head, capacity)?;
        let tail = roll_forward(&descriptors, &room, &tail_word, capacity)?;
        let sent = Sent::resume(region, geometry.producer(seat.into()))?;
        let producer = Self {
            descriptors,
            cells,
            tail_word,
            tail,
            next: tail,
            room,
            capacity,
            seat,
            sent,
            poison: None,
        };
        // Before anything else, so that what TAIL lags behind never adds up over several deaths.
        producer.store_tail();
        producer.remove_stamps(producer.room.end());
        Ok(producer)
    }

    fn settle(&mut self) {
        self.withdraw();
    }

    fn at(&self) -> u64 {
        self.tail.get()
    }

    fn behind(&mut self) -> Result<u64, Corruption> {
        match self.make_room(self.tail) {
            Err(PushError::Corrupt(what)) => Err(what),
            _ => Ok(self.tail.since(self.room.head_seen()).unwrap_or(0)),
        }
    }
}

impl ProduceBytes for ByteProducer {
    type Claim = Claim;

    fn max_record(&self) -> usize {
        max_record(self.capacity)
    }

    #[inline]
    fn claim(&mut self, len: usize) -> Result<Claim, PushError> {
        let max = self.max_record();
        if len > max {
            return Err(PushError::TooLarge { len, max });
        }
        let need = cells_for(len as u64);
        let left = self.next.left_in_lap(self.capacity);
        let at = if need > left { self.next.plus(left) } else { self.next };
        let end = at.plus(need);
        if end > self.room.end() || self.poison.is_some() {
            self.make_room(end)?;
        }
        match self.cells.payload(at.get(), len) {
            Some(payload) => Ok(Claim { at, payload }),
            // It fits: `need` cells are left in the lap of `at`, all inside.
            None => Err(PushError::TooLarge { len, max }),
        }
    }

    fn has_room(&mut self, len: usize) -> Result<bool, PushError> {
        match self.claim(len) {
            Ok(_) => Ok(true),
            Err(PushError::Full) => Ok(false),
            Err(error) => Err(error),
        }
    }

    #[inline]
    fn stage(&mut self, claim: &Claim, len: usize) {
        let len = claim.payload.len().min(len);
        // Fits: a claim has at most `max_record()` bytes, less than 2^32.
        self.describe(claim.at, Info::Record { len: len as u32, producer: self.seat });
        if let Some(pad @ 1..) = claim.at.since(self.next) {
            // Fits: a pad has less cells than the largest record.
            self.describe(self.next, Info::Skip { cells: pad as u32 });
        }
        self.next = claim.at.plus(cells_for(len as u64));
        self.sent.stage(len as u64);
    }

    #[inline]
    fn publish(&mut self) {
        if self.next != self.tail {
            // Release: E1, pairs with `ByteConsumer::look`; payload, infos and later stamps are visible before it.
            self.descriptors.stamp(self.tail.get()).store(self.tail.stamp(), Release);
            self.tail = self.next;
            self.store_tail();
            self.sent.publish();
        }
    }

    #[inline]
    fn withdraw(&mut self) -> bool {
        if self.next != self.tail {
            self.remove_stamps(self.next);
            self.next = self.tail;
            self.sent.abort();
        }
        false
    }

    fn abort(&mut self) -> bool {
        self.sent.abort();
        self.withdraw()
    }
}

impl ByteProducer {
    /// Looks how far the consumer is; all before `end` must be free.
    #[cold]
    fn make_room(&mut self, end: Position) -> Result<(), PushError> {
        if let Some(what) = self.poison {
            return Err(what.into());
        }
        if let Err(what) = self.room.refresh(self.tail) {
            self.poison = Some(what);
            return Err(what.into());
        }
        if end > self.room.end() { Err(PushError::Full) } else { Ok(()) }
    }

    #[inline(always)]
    fn describe(&self, at: Position, info: Info) {
        // Relaxed: published by the first stamp (E1); nobody looks here before.
        self.descriptors.info(at.get()).store(info.word(), Relaxed);
        if at != self.tail {
            // Relaxed: not the first stamp; the consumer comes here only after it has seen that one (E1).
            self.descriptors.stamp(at.get()).store(at.stamp(), Relaxed);
        }
    }

    #[inline(always)]
    fn store_tail(&self) {
        // Relaxed: for observers and a successor, who treat it as a hint; nothing is read through it.
        self.tail_word.store(self.tail.get(), Relaxed);
    }

    /// Removes all stamps in `[tail, end)`: free cells, in which nothing is published.
    #[cold]
    fn remove_stamps(&self, end: Position) {
        for position in self.tail.get()..end.get() {
            // Relaxed: the consumer comes here only after a later publication (E1), which is ordered after this.
            self.descriptors.stamp(position).store(0, Relaxed);
        }
    }
}

pub(super) fn views(region: &Region, lane: &Lane) -> Result<(Descriptors, Cells), Corruption> {
    lane.descriptors(region).zip(lane.cells(region)).ok_or(Corruption::Outside)
}

/// Where a producer goes on: after the last published record.
fn roll_forward(
    descriptors: &Descriptors,
    room: &Room,
    tail_word: &WordRef,
    capacity: u64,
) -> Result<Position, Corruption> {
    let mut tail = resume_from(room, tail_word)?;
    // Relaxed: taking the seat (E3) made all of the last holder's stores visible.
    while tail < room.end() && descriptors.stamp(tail.get()).load(Relaxed) == tail.stamp() {
        // Relaxed: as above.
        let word = descriptors.info(tail.get()).load(Relaxed);
        tail = tail.plus(cells_of(word, tail, capacity, Skips::Pads)?.1);
    }
    if tail > room.end() {
        let low = room.head_seen().get();
        return Err(Corruption::Tail { found: tail.get(), low, high: room.end().get() });
    }
    Ok(tail)
}

/// What may stand between records.
#[derive(Clone, Copy)]
enum Skips {
    /// Pads only: a pad fills its lap, and is smaller than the record for which it made way.
    Pads,
    /// Also what producers in total order gave up.
    Any,
}

impl Skips {
    fn allow(self, cells: u64, left: u64, capacity: u64) -> bool {
        match self {
            Self::Pads => cells == left && left < capacity / 2,
            Self::Any => (1..=left).contains(&cells),
        }
    }
}

/// What the info word at `position` says, and how many cells that takes; refused unless it stays in its lap.
#[inline(always)]
fn cells_of(word: u64, position: Position, capacity: u64, skips: Skips) -> Result<(Info, u64), Corruption> {
    let left = position.left_in_lap(capacity);
    match Info::parse(word) {
        Some(info @ Info::Record { len, .. })
            if len as usize <= max_record(capacity) && cells_for(len.into()) <= left =>
        {
            Ok((info, cells_for(len.into())))
        }
        Some(info @ Info::Skip { cells }) if skips.allow(cells.into(), left, capacity) => {
            Ok((info, cells.into()))
        }
        _ => Err(Corruption::Descriptor { position: position.get(), found: word }),
    }
}

/// A record that was found at HEAD.
pub struct Found {
    /// The position after it.
    end: Position,
    pub(crate) producer: u16,
    pub(crate) payload: PayloadRef,
}

/// The consumer's side.
pub struct ByteConsumer {
    descriptors: Descriptors,
    cells: Cells,
    head_word: WordRef,
    parked: WordRef,
    head: Position,
    capacity: u64,
    skips: Skips,
    poison: Option<Corruption>,
}

impl ByteConsumer {
    /// Goes on in the lane of `seat` at the first record that the last holder of the consumer's seat did not release.
    pub(crate) fn resume_in(region: &Region, geometry: &Geometry, seat: u16) -> Result<Self, Corruption> {
        let lane = geometry.lane(seat.into());
        let (descriptors, cells) = views(region, &lane)?;
        let head_word = lane.head(region).ok_or(Corruption::Outside)?;
        let parked = lane.parked(region).ok_or(Corruption::Outside)?;
        let head = super::resume_head(&head_word)?;
        let skips = if geometry.kind == Kind::Mpsc { Skips::Any } else { Skips::Pads };
        let capacity = lane.capacity;
        Ok(Self { descriptors, cells, head_word, parked, head, capacity, skips, poison: None })
    }

    #[inline(always)]
    fn is_stamped(&mut self) -> Result<bool, Corruption> {
        // Acquire: E1, pairs with `ByteProducer::publish`; with the stamp, all that it published is visible.
        let found = self.descriptors.stamp(self.head.get()).load(Acquire);
        if found != self.head.stamp() || self.poison.is_some() {
            return self.nothing_at_head(found);
        }
        Ok(true)
    }

    #[cold]
    fn nothing_at_head(&mut self, found: u64) -> Result<bool, Corruption> {
        match self.poison {
            Some(what) => Err(what),
            None if self.head.is_passed_by(found) => {
                Err(self.poisoned(Corruption::Stamp { position: self.head.get(), found }))
            }
            None => Ok(false),
        }
    }

    #[inline(always)]
    fn describe(&mut self) -> Result<(Info, u64), Corruption> {
        // Relaxed: visible since its stamp was (E1).
        let word = self.descriptors.info(self.head.get()).load(Relaxed);
        cells_of(word, self.head, self.capacity, self.skips).map_err(|what| self.poisoned(what))
    }

    #[inline(always)]
    fn found(&mut self, len: u32, producer: u16, cells: u64) -> Result<Found, Corruption> {
        let end = self.head.plus(cells);
        match self.cells.payload(self.head.get(), len as usize) {
            Some(payload) => Ok(Found { end, producer, payload }),
            // Never: `cells_of` saw to it that the record stays in its lap.
            None => {
                Err(self.poisoned(Corruption::Descriptor { position: self.head.get(), found: len.into() }))
            }
        }
    }

    /// The record at HEAD, if there is one. Skips what is none.
    #[inline]
    pub(super) fn look_here(&mut self) -> Result<Option<Found>, Corruption> {
        // Each skip has a cell at least: more than a lap of them in a row, nobody can have published.
        for _ in 0..=self.capacity {
            if !self.is_stamped()? {
                return Ok(None);
            }
            match self.describe()? {
                (Info::Record { len, producer }, cells) => return self.found(len, producer, cells).map(Some),
                (Info::Skip { .. }, cells) => self.head = self.head.plus(cells),
            }
        }
        Err(self.poisoned(Corruption::Descriptor { position: self.head.get(), found: 0 }))
    }

    #[cold]
    fn poisoned(&mut self, what: Corruption) -> Corruption {
        self.poison = Some(what);
        what
    }

    /// The record at HEAD, which an earlier look has found: a stamp does not go away again.
    pub(super) fn found_before_here(&mut self) -> Result<Found, Corruption> {
        match self.look_here()? {
            Some(found) => Ok(found),
            None => {
                // Relaxed: only to tell what it says.
                let found = self.descriptors.stamp(self.head.get()).load(Relaxed);
                Err(self.poisoned(Corruption::Stamp { position: self.head.get(), found }))
            }
        }
    }

    /// Moves past `found`, without telling the producer.
    #[inline(always)]
    pub(super) fn pass_here(&mut self, found: &Found) {
        self.head = found.end;
    }

    /// Gives all that was passed back to the producer.
    #[inline(always)]
    pub(super) fn release_all(&mut self, mut wake: impl FnMut(&WordRef)) {
        // Release: E2, pairs with `Room::refresh`; our reads below HEAD are over.
        self.head_word.store(self.head.get(), Release);
        wake(&self.parked);
    }

    pub(super) fn largest(&self) -> usize {
        max_record(self.capacity)
    }
}

impl<M: Memory> Consume<M> for ByteConsumer {
    fn resume(memory: &M, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::resume_in(&memory.region(), geometry, 0)
    }

    fn at(&self) -> u64 {
        self.head.get()
    }

    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        Ok(self.look_here()?.is_some())
    }

    fn most_records(&self) -> usize {
        usize::try_from(self.capacity).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    fn release(&mut self, wake: impl FnMut(&WordRef)) {
        self.release_all(wake);
    }
}

impl<M: Memory> ConsumeBytes<M> for ByteConsumer {
    fn max_record(&self) -> usize {
        self.largest()
    }

    #[inline(always)]
    fn look(&mut self) -> Result<Option<Found>, Corruption> {
        self.look_here()
    }

    fn found_before(&mut self) -> Result<Found, Corruption> {
        self.found_before_here()
    }

    #[inline(always)]
    fn pass(&mut self, found: &Found) {
        self.pass_here(found);
    }
}

impl InOrder for ByteConsumer {
    type Cells = Descriptors;

    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::resume_in(region, geometry, 0)
    }
    fn cells(&self) -> &Descriptors {
        &self.descriptors
    }
    fn head(&self) -> Position {
        self.head
    }
    fn capacity(&self) -> u64 {
        self.capacity
    }
    fn skip(&mut self, cells: u64) {
        self.head = self.head.plus(cells);
    }
    fn poison(&mut self, what: Corruption) {
        self.poison = Some(what);
    }
    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        Ok(self.look_here()?.is_some())
    }
    fn pass(&mut self) -> Result<bool, Corruption> {
        let found = self.look_here()?;
        if let Some(found) = &found {
            self.pass_here(found);
        }
        Ok(found.is_some())
    }
    #[inline(always)]
    fn release(&mut self, wake: impl FnMut(&WordRef)) {
        self.release_all(wake);
    }
}
