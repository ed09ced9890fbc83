//! [`MpscConsumer`]: the consumer of a total order: any other's, that also passes over what is lost.
use core::fmt;

use super::recover::{ClaimRecovery, ClaimState, Lost};
use crate::error::Corruption;
use crate::identity::Identity;
use crate::layout::{Geometry, RoleBlock};
use crate::memory::{Item, Memory, Position, Stamped};
use crate::ring::cells::bytes::{ByteConsumer, Found};
use crate::ring::cells::items::ItemConsumer;
use crate::ring::cells::{SharedHead, hold_back};
use crate::ring::{Consume, ConsumeBytes, ConsumeItems, InOrder};
use crate::seat;
use crate::sync::Relaxed;

/// A record that was claimed by a producer, and lost with it: see `Consumer::losses`.
///
/// # Examples
/// See [`mpsc::Consumer`](crate::mpsc::Consumer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The seat of the producer that died. If several died at the same position before any could say that it had it, one of
    /// them.
    pub seat: u16,
    /// Who that was; nobody known, if the seat has been taken again since.
    pub by: Identity,
    /// Where the claim began, in cells.
    pub position: u64,
    /// How many cells it had. For items: how many items; for bytes, one record or one batch.
    pub cells: u64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seat, by, position, cells } = self;
        let of = if *cells == 1 { "cell" } else { "cells" };
        write!(f, "{by}, in seat {seat}, died with {cells} {of} claimed, from position {position} on")
    }
}

/// The losses that nobody has asked for yet: the last ones, and how many there were before them.
#[derive(Debug)]
pub(crate) struct Losses {
    recent: [Option<Loss>; Self::MOST],
    /// Where the oldest stands.
    first: usize,
    len: usize,
    pub(crate) forgotten: u64,
}

impl Losses {
    const MOST: usize = 16;

    const fn new() -> Self {
        Self { recent: [None; Self::MOST], first: 0, len: 0, forgotten: 0 }
    }

    fn push(&mut self, loss: Loss) {
        if self.len == Self::MOST {
            self.pop();
            self.forgotten += 1;
        }
        if let Some(place) = self.recent.get_mut((self.first + self.len) % Self::MOST) {
            *place = Some(loss);
            self.len += 1;
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Loss> {
        self.len = self.len.checked_sub(1)?;
        let loss = self.recent.get_mut(self.first).and_then(Option::take);
        self.first = (self.first + 1) % Self::MOST;
        loss
    }
}

/// How many fruitless looks at the same hole it takes until the consumer asks the witness on its own account.
const PATIENCE: u32 = 1024;

/// How many seats are looked at, about, until the caller has a chance to say that its time is up. Seats of the dead have a claim each at most;
/// so up to 512 of them are dealt with at once.
const WORK: u64 = 1 << 18;

/// A consumer of a total order.
pub struct MpscConsumer<C, M> {
    inner: C,
    holes: ClaimRecovery<M>,
    losses: Losses,
    /// The claim that we marked last, and whose it was.
    buried: Option<(Position, Identity)>,
    /// HEAD as it was released last.
    released: Position,
    /// Fruitless looks.
    looks: u32,
    /// Whether the last attempt to mend ended before its end.
    is_mending: bool,
    /// Records since it last held back.
    taken: u64,
}

impl<C: InOrder, M: Memory> MpscConsumer<C, M> {
    pub(crate) fn losses(&mut self) -> &mut Losses {
        &mut self.losses
    }

    /// There is no record at HEAD: passes over what is lost; whether it did.
    #[cold]
    fn pass_lost(&mut self) -> Result<bool, Corruption> {
        if self.jump_and_note()? {
            return Ok(true);
        }
        self.looks += 1;
        if self.looks < PATIENCE {
            return Ok(false);
        }
        self.looks = 0;
        Ok(matches!(self.mend_here()?, ClaimState::Lost(_)) && self.jump_and_note()?)
    }

    fn jump_and_note(&mut self) -> Result<bool, Corruption> {
        let at = self.inner.head();
        let lost = self.jump()?;
        if let Some(lost) = lost {
            self.note(at, lost);
        }
        Ok(lost.is_some())
    }

    /// Moves past the lost mark at HEAD, if there is one; what is lost.
    fn jump(&mut self) -> Result<Option<Lost>, Corruption> {
        let at = self.inner.head();
        // Relaxed: marks are stored in this very seat (E3).
        if !at.is_lost_mark(self.inner.cells().stamp(at.get()).load(Relaxed)) {
            return Ok(None);
        }
        let second = self.inner.cells().second(at.get()).ok_or(Corruption::Outside)?;
        // Relaxed: as above.
        let lost = Lost::parse(second.load(Relaxed));
        match self.holes.claimed_beyond(at) {
            Ok(Some(tail)) if lost.cells > 0 && at.plus(lost.cells.into()) <= tail => {
                self.inner.skip(lost.cells.into());
                self.stay_within_a_lap()?;
                Ok(Some(lost))
            }
            found => {
                let what = Corruption::Descriptor { position: at.get(), found: lost.word() };
                let what = found.err().unwrap_or(what);
                self.inner.poison(what);
                Err(what)
            }
        }
    }

    /// Nobody can have claimed more than a lap beyond HEAD as released: who goes on beyond that follows a liar.
    fn stay_within_a_lap(&mut self) -> Result<(), Corruption> {
        let (found, low) = (self.inner.head().get(), self.released.get());
        let high = self.released.plus(self.inner.capacity()).get();
        if found <= high {
            return Ok(());
        }
        let what = Corruption::Tail { found, low, high };
        self.inner.poison(what);
        Err(what)
    }

    fn note(&mut self, at: Position, lost: Lost) {
        let (region, geometry) = (self.holes.region(), self.holes.geometry());
        let mut known = self.buried.filter(|(buried, _)| *buried == at).map(|(_, by)| by);
        if u64::from(lost.seat) < geometry.producers {
            let block = geometry.producer(lost.seat.into());
            seat::count_loss(region, block);
            // Marked by somebody before us: the seat may have been taken since.
            known = known.or_else(|| seat::identity_of(region, block, lost.epoch));
        }
        let by = known.unwrap_or_else(Identity::unknown);
        self.losses.push(Loss { seat: lost.seat, by, position: at.get(), cells: lost.cells.into() });
    }

    fn mend_here(&mut self) -> Result<ClaimState, Corruption> {
        let mended = self.holes.mend(self.inner.cells(), self.inner.head());
        match mended {
            Ok(ClaimState::Lost(by)) => self.buried = Some((self.inner.head(), by)),
            Err(what) => self.inner.poison(what),
            Ok(_) => {}
        }
        mended
    }

    /// `found`, or what is behind the lost.
    #[inline(always)]
    fn look_again<R>(
        &mut self,
        mut look: impl FnMut(&mut C) -> Result<Option<R>, Corruption>,
    ) -> Result<Option<R>, Corruption> {
        loop {
            // Bounded: each that is lost has a cell at least, and they lie within a lap.
            match look(&mut self.inner)? {
                None if self.pass_lost()? => {}
                found => return Ok(found),
            }
        }
    }
}

impl<C: InOrder, M: Memory> Consume<M> for MpscConsumer<C, M> {
    fn resume(memory: &M, geometry: &Geometry) -> Result<Self, Corruption> {
        let inner = C::resume(&memory.region(), geometry, 0)?;
        let released = inner.head();
        Ok(Self {
            inner,
            holes: ClaimRecovery::new(memory, geometry)?,
            losses: Losses::new(),
            buried: None,
            released,
            looks: 0,
            is_mending: false,
            taken: 0,
        })
    }

    fn at(&self) -> u64 {
        self.inner.head().get()
    }

    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        Ok(self.look_again(|inner| Ok(inner.has_record()?.then_some(())))?.is_some())
    }

    fn max_records(&self) -> usize {
        usize::try_from(self.inner.capacity()).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    fn release(&mut self, wake: impl FnMut(&SharedHead)) {
        self.released = self.inner.head();
        self.looks = 0;
        self.inner.release(wake);
    }

    /// Once always: a producer cannot claim again before its last stamp is out, for which it needs the line that we look at.
    fn hold_back(&mut self) -> bool {
        let taken = core::mem::take(&mut self.taken);
        hold_back(taken.max(1), self.inner.capacity());
        taken > 0
    }

    fn give_up(&mut self, what: Corruption) {
        self.inner.poison(what);
    }

    fn has_skipped(&self) -> bool {
        self.released != self.inner.head()
    }

    fn mend(&mut self) -> Result<(), Corruption> {
        self.is_mending = false;
        for _ in 0..(WORK / self.holes.geometry().producers.max(1)).max(1) {
            let is_lost = matches!(self.mend_here()?, ClaimState::Lost(_));
            if !is_lost || !self.jump_and_note()? || self.inner.has_record()? {
                return Ok(());
            }
        }
        self.is_mending = true;
        Ok(())
    }

    fn is_mending(&self) -> bool {
        self.is_mending
    }

    /// HEAD stays: what is found is only marked.
    fn mend_all(mut self) -> Result<(u64, Option<u16>), Corruption> {
        let mut lost = 0;
        // What is found filled is passed in the next round, and each that is passed has a cell at least.
        for _ in 0..=self.inner.capacity().saturating_mul(2) {
            self.stay_within_a_lap()?;
            if self.inner.pass()? {
                continue;
            }
            match self.mend_here()? {
                ClaimState::Lost(_) => lost += 1,
                ClaimState::Filled => {}
                ClaimState::Unclaimed => return Ok((lost, None)),
                ClaimState::Held(seat) => return Ok((lost, Some(seat))),
            }
            self.jump()?;
        }
        Ok((lost, None))
    }

    fn held_up(&mut self) -> Result<Option<(u16, RoleBlock, u64)>, Corruption> {
        let ClaimState::Held(seat) = self.mend_here()? else { return Ok(None) };
        let at = self.inner.head();
        let behind = self.holes.claimed_beyond(at)?.and_then(|tail| tail.since(at)).unwrap_or(0);
        Ok(Some((seat, self.holes.geometry().producer(seat.into()), behind)))
    }
}

impl<T: Item, M: Memory> ConsumeItems<T, M> for MpscConsumer<ItemConsumer<T>, M> {
    #[inline(always)]
    fn take(&mut self) -> T {
        self.taken = self.taken.wrapping_add(1);
        self.inner.take_item()
    }

    #[inline(always)]
    fn try_take(&mut self) -> Option<T> {
        let item = self.inner.try_take_item()?;
        self.taken = self.taken.wrapping_add(1);
        Some(item)
    }
}

impl<M: Memory> ConsumeBytes<M> for MpscConsumer<ByteConsumer, M> {
    fn max_record(&self) -> usize {
        self.inner.largest()
    }

    #[inline(always)]
    fn look(&mut self) -> Result<Option<Found>, Corruption> {
        self.look_again(ByteConsumer::look_here)
    }

    fn found_before(&mut self) -> Result<Found, Corruption> {
        self.inner.found_before_here()
    }

    #[inline(always)]
    fn pass(&mut self, found: &Found) {
        self.taken = self.taken.wrapping_add(1);
        self.inner.pass_here(found);
    }
}
