//! [`MpscConsumer`]: the consumer of one sequence of cells that also passes over lost claims.
use super::recover::{ClaimRecovery, ClaimState, LostClaim};
use crate::error::Corruption;
use crate::identity::Identity;
use crate::memory::{Item, Memory, Position, Region, Stamped, WordRef};
use crate::ring::cells::bytes::{ByteConsumer, PeekedRecord};
use crate::ring::cells::items::ItemConsumer;
use crate::ring::layout::{Geometry, RoleBlock};
use crate::ring::losses::LossLog;
use crate::ring::{
    AtHead, Blocker, Consume, ConsumeBytes, ConsumeItems, Loss, Losses, Recovery, RingSeat, Sequence,
};
use crate::seat;
use crate::sync::Relaxed;

/// After how many empty looks `try_*` calls, too, recover a claim at HEAD.
const LOOKS_BEFORE_RECOVERY: u32 = 1024;

/// The number of steps after which `recover` returns, so that its caller can check the time limit.
/// One survey of all announcements may take more.
const RECOVERY_BUDGET: u64 = 1 << 10;

/// The consumer of an `mpsc` ring.
pub struct MpscConsumer<C> {
    inner: C,
    claims: ClaimRecovery,
    losses: LossLog,
    /// The claim that this consumer marked last, and its owner.
    marked_lost: Option<(Position, Identity)>,
    /// HEAD as it was stored last.
    stored_head: Position,
    /// Looks that found nothing since the last release.
    empty_looks: u32,
    /// Whether the last recovery ended before it was done.
    has_more_to_recover: bool,
}

impl<C: Sequence> MpscConsumer<C> {
    /// Calls `peek`, and passes over lost claims until it finds a record or nothing.
    #[inline(always)]
    fn look<R, M: Memory>(
        &mut self,
        seat: &RingSeat<M>,
        mut peek: impl FnMut(&mut C) -> Result<Option<R>, Corruption>,
    ) -> Result<Option<R>, Corruption> {
        loop {
            // Bounded: a lost claim has a cell at least, and all of them are within a lap.
            match peek(&mut self.inner)? {
                None if self.after_empty_look(seat)? => {}
                found => return Ok(found),
            }
        }
    }

    /// After a look that found nothing: passes over the lost claim at HEAD. Returns `false` if
    /// there is none.
    ///
    /// Before it returns `false`, it releases the cells that it has passed: producers may wait for
    /// them.
    #[cold]
    fn after_empty_look<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<bool, Corruption> {
        if self.is_lost_at_head() && self.pass_and_log()? {
            return Ok(true);
        }
        self.empty_looks += 1;
        if self.empty_looks >= LOOKS_BEFORE_RECOVERY {
            self.empty_looks = 0;
            let state = self.recover_at_head(seat.memory())?;
            if matches!(state, ClaimState::Lost(_)) && self.pass_and_log()? {
                return Ok(true);
            }
        }
        self.release_passed(seat);
        Ok(false)
    }

    /// Releases the lost claims that it has passed over, if there are any.
    #[inline(always)]
    fn release_passed<M: Memory>(&mut self, seat: &RingSeat<M>) {
        if self.stored_head != self.inner.head() {
            self.release_passed_claims(seat);
        }
    }

    /// A function of its own, so that a look that finds nothing stays short.
    #[cold]
    #[inline(never)]
    fn release_passed_claims<M: Memory>(&mut self, seat: &RingSeat<M>) {
        self.release(seat);
    }

    /// Moves past the lost mark at HEAD and records the loss. Returns `false` if there is no mark.
    fn pass_and_log(&mut self) -> Result<bool, Corruption> {
        let at = self.inner.head();
        let lost = self.pass_lost()?;
        if let Some(lost) = lost {
            self.log_loss(at, lost);
        }
        Ok(lost.is_some())
    }

    /// Whether there is a lost mark at HEAD.
    #[inline(always)]
    fn is_lost_at_head(&self) -> bool {
        let at = self.inner.head();
        // Relaxed: only holders of this seat store marks (E3).
        at.is_lost_mark(self.inner.cells().stamp(at).load(Relaxed))
    }

    /// Moves past the lost mark at HEAD, if there is one.
    fn pass_lost(&mut self) -> Result<Option<LostClaim>, Corruption> {
        if !self.is_lost_at_head() {
            return Ok(None);
        }
        let at = self.inner.head();
        let second = self.inner.cells().second(at).ok_or(Corruption::Outside)?;
        // Relaxed: only holders of this seat store marks (E3).
        let lost = LostClaim::parse(second.load(Relaxed));
        match self.claims.claimed_beyond(at) {
            Ok(Some(tail)) if lost.cells > 0 && at.plus(lost.cells.into()) <= tail => {
                self.inner.skip(lost.cells.into());
                self.check_within_a_lap()?;
                Ok(Some(lost))
            }
            found => {
                let corruption = Corruption::Descriptor { position: at.get(), found: lost.word() };
                let corruption = found.err().unwrap_or(corruption);
                self.inner.poison(corruption);
                Err(corruption)
            }
        }
    }

    /// Claims end at most one lap beyond the stored HEAD. Beyond that, the ring is corrupt.
    fn check_within_a_lap(&mut self) -> Result<(), Corruption> {
        let (found, low) = (self.inner.head().get(), self.stored_head.get());
        let high = self.stored_head.plus(self.inner.capacity()).get();
        if found <= high {
            return Ok(());
        }
        let corruption = Corruption::Tail { found, low, high };
        self.inner.poison(corruption);
        Err(corruption)
    }

    fn log_loss(&mut self, at: Position, lost: LostClaim) {
        let (region, geometry) = (self.claims.region(), self.claims.geometry());
        let mut by = self.marked_lost.filter(|(marked, _)| *marked == at).map(|(_, by)| by);
        if u64::from(lost.seat) < geometry.producers {
            let block = geometry.producer(lost.seat.into());
            count_loss(region, block);
            // An earlier consumer marked it: the seat may have been taken since.
            by = by.or_else(|| seat::identity_of(region, block.seat(), lost.epoch));
        }
        let by = by.unwrap_or_else(Identity::unknown);
        self.losses.push(Loss { seat: lost.seat, by, position: at.get(), cells: lost.cells.into() });
    }

    fn recover_at_head(&mut self, memory: &impl Memory) -> Result<ClaimState, Corruption> {
        let found = self.claims.recover(memory, self.inner.cells(), self.inner.head());
        match found {
            Ok(ClaimState::Lost(by)) => self.marked_lost = Some((self.inner.head(), by)),
            Err(corruption) => self.inner.poison(corruption),
            Ok(_) => {}
        }
        found
    }
}

/// Counts a record that was lost because a holder of the seat at `block` died. Counts it twice if
/// the consumer dies before HEAD has passed the record.
fn count_loss(region: &Region, block: RoleBlock) {
    if let Some(lost) = WordRef::new(region, block.lost()) {
        // Relaxed: for display, and only the holder of the consumer's seat writes it.
        let count = lost.load(Relaxed);
        // Relaxed: as above.
        lost.store(count.wrapping_add(1), Relaxed);
    }
}

impl<C: Sequence> Consume for MpscConsumer<C> {
    /// Before a producer claims again, it must write its last stamp to the line that the consumer
    /// polls. So the consumer always pauses between polls.
    const MIN_PAUSES: u64 = 1;

    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        let inner = C::resume(region, geometry)?;
        let stored_head = inner.head();
        Ok(Self {
            inner,
            claims: ClaimRecovery::new(region, geometry)?,
            losses: LossLog::new(),
            marked_lost: None,
            stored_head,
            empty_looks: 0,
            has_more_to_recover: false,
        })
    }

    fn position(&self) -> Position {
        self.inner.head()
    }

    #[inline(always)]
    fn taken(&self) -> u64 {
        self.inner.taken()
    }

    fn capacity(&self) -> u64 {
        self.inner.capacity()
    }

    #[inline(always)]
    fn has_record<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<bool, Corruption> {
        Ok(self.look(seat, |inner| Ok(inner.is_published()?.then_some(())))?.is_some())
    }

    #[inline(always)]
    fn release<M: Memory>(&mut self, seat: &RingSeat<M>) {
        self.stored_head = self.inner.head();
        self.empty_looks = 0;
        self.inner.release(seat);
    }

    fn poison(&mut self, corruption: Corruption) {
        self.inner.poison(corruption);
    }

    fn recover<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<AtHead, Corruption> {
        self.has_more_to_recover = false;
        let last_step = self.claims.steps() + RECOVERY_BUDGET;
        while self.claims.steps() < last_step {
            self.claims.count_step();
            // No release in between: `check_within_a_lap` counts from the last one, and so ends a
            // chain of invented claims.
            if self.inner.is_published()? {
                return Ok(AtHead::Record);
            }
            if self.pass_and_log()? {
                continue;
            }
            match self.recover_at_head(seat.memory())? {
                ClaimState::Lost(_) | ClaimState::Filled => {}
                ClaimState::Unclaimed | ClaimState::Held(_) => {
                    self.release_passed(seat);
                    return Ok(AtHead::Nothing);
                }
            }
        }
        self.has_more_to_recover = true;
        Ok(AtHead::Recovering)
    }

    /// Does not store HEAD: lost claims are only marked.
    fn recover_all<M: Memory>(mut self, seat: &RingSeat<M>) -> Result<Recovery, Corruption> {
        let mut recovery = Recovery::default();
        // Bounded: a claim has a cell at least, and takes at most two rounds (found filled,
        // passed).
        for _ in 0..=self.inner.capacity().saturating_mul(2) {
            self.check_within_a_lap()?;
            if self.inner.pass_next()? {
                continue;
            }
            match self.recover_at_head(seat.memory())? {
                ClaimState::Lost(_) => recovery.lost += 1,
                ClaimState::Filled => {}
                ClaimState::Unclaimed => break,
                ClaimState::Held(seat) => {
                    recovery.blocked_by = Some(seat);
                    break;
                }
            }
            self.pass_lost()?;
        }
        Ok(recovery)
    }

    fn blocked_by<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<Option<Blocker>, Corruption> {
        let ClaimState::Held(seat) = self.recover_at_head(seat.memory())? else { return Ok(None) };
        let at = self.inner.head();
        let cells = self.claims.claimed_beyond(at)?.and_then(|tail| tail.since(at)).unwrap_or(0);
        Ok(Some(Blocker { seat, cells }))
    }

    fn must_look_again(&self) -> bool {
        self.has_more_to_recover
    }

    fn losses(&mut self) -> Losses<'_> {
        Losses::of(&mut self.losses)
    }
}

impl<T: Item> ConsumeItems<T> for MpscConsumer<ItemConsumer<T>> {
    #[inline(always)]
    fn take(&mut self) -> T {
        self.inner.take()
    }

    #[inline(always)]
    fn try_take(&mut self) -> Option<T> {
        self.inner.try_take()
    }

    fn peek(&self) -> T {
        self.inner.peek()
    }
}

impl ConsumeBytes for MpscConsumer<ByteConsumer> {
    fn max_record(&self) -> usize {
        self.inner.max_record()
    }

    #[inline(always)]
    fn peek<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<Option<PeekedRecord>, Corruption> {
        self.look(seat, ByteConsumer::peek_at_head)
    }

    fn peek_again<M: Memory>(&mut self, _: &RingSeat<M>) -> Result<PeekedRecord, Corruption> {
        self.inner.peek_again_at_head()
    }

    #[inline(always)]
    fn pass(&mut self, record: &PeekedRecord) {
        self.inner.pass(record);
    }
}
