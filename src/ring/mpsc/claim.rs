//! [`ClaimProtocol`]: how a producer gets cells of its own. One shared write per function.
use crate::error::{Corruption, PushError};
use crate::memory::{Position, Region, Stamped, WordRef};
use crate::ring::cells::CachedHead;
use crate::ring::layout::{Geometry, RoleBlock};
use crate::sync::{Acquire, Relaxed, Release, compiler_fence};

/// What a role block says about the claims of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announcement {
    /// The producer has claimed nothing, or has left.
    None,
    /// The producer is about to claim this position, has just claimed it, or has failed to.
    Announced(Position),
    /// The producer has claimed this position.
    Owned(Position),
}

impl Announcement {
    /// Parses `word`; `None` if no producer would write it.
    pub(super) fn parse(word: u64) -> Option<Self> {
        if word == 0 {
            return Some(Self::None);
        }
        let at = Position::parse((word >> 1).checked_sub(1)?)?;
        Some(if word & 1 == 1 { Self::Owned(at) } else { Self::Announced(at) })
    }

    #[inline(always)]
    pub(super) fn word(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Announced(at) => at.stamp() << 1,
            Self::Owned(at) => at.stamp() << 1 | 1,
        }
    }

    pub(super) fn position(self) -> Option<Position> {
        match self {
            Self::None => None,
            Self::Announced(at) | Self::Owned(at) => Some(at),
        }
    }
}

/// Consecutive cells that a producer owns.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClaimedRange {
    pub(super) start: Position,
    pub(super) end: Position,
}

/// A producer's side of the claim protocol.
pub(super) struct ClaimProtocol {
    tail_word: WordRef,
    announcement: WordRef,
    claim_end: WordRef,
    head: CachedHead,
    /// TAIL as it was read last: a guess.
    tail: Position,
    region: Region,
    geometry: Geometry,
    poison: Option<Corruption>,
}

/// How often one claim reads HEAD. HEAD moves more often only in a ring that is not full, or if it
/// lies.
const MAX_REFRESHES: u32 = 1000;

impl ClaimProtocol {
    pub(super) fn resume(region: &Region, geometry: &Geometry, block: RoleBlock) -> Result<Self, Corruption> {
        let part = |at| WordRef::new(region, at).ok_or(Corruption::Outside);
        let head = CachedHead::new(part(geometry.consumer().position())?, geometry.capacity)?;
        let mut claims = Self {
            tail_word: part(geometry.common().position())?,
            announcement: part(block.announcement())?,
            claim_end: part(block.claim_end())?,
            tail: head.position(),
            head,
            region: region.clone(),
            geometry: *geometry,
            poison: None,
        };
        // What the last holder announced is resolved, or the seat could not have been taken.
        claims.clear_announcement();
        claims.refresh()?;
        Ok(claims)
    }

    /// How many cells are free, as far as is known.
    pub(super) fn known_room(&self) -> u64 {
        self.head.end().since(self.tail).unwrap_or(0)
    }

    /// TAIL as it was read last.
    pub(super) fn tail(&self) -> Position {
        self.tail
    }

    /// Claims the cells that `fit` asks for.
    ///
    /// `fit` gets the position where the claim would start and the position where free cells end.
    /// It returns where the claim is to end, or `None` if it does not fit.
    #[inline]
    pub(super) fn claim(
        &mut self,
        fit: impl Fn(Position, Position) -> Option<Position>,
    ) -> Result<ClaimedRange, PushError> {
        if let Some(corruption) = self.poison {
            return Err(corruption.into());
        }
        let start = self.tail;
        let found = match fit(start, self.head.end()) {
            Some(end) => {
                self.announce(start, end);
                match self.take(start, end) {
                    Ok(()) => return Ok(self.own(start, end)),
                    Err(found) => Some(found),
                }
            }
            None => None,
        };
        let claimed = self.claim_again(found, &fit);
        if claimed.is_err() {
            // A consumer that looks for the owner of what we announced and did not get must not
            // wait for us.
            self.clear_announcement();
        }
        claimed
    }

    /// Claims after the first attempt failed: another producer moved TAIL to `found`, or the known
    /// room was too small.
    #[cold]
    fn claim_again(
        &mut self,
        found: Option<u64>,
        fit: &impl Fn(Position, Position) -> Option<Position>,
    ) -> Result<ClaimedRange, PushError> {
        if let Some(found) = found {
            self.lost_to(found)?;
            if let Some(claimed) = self.contend(fit)? {
                return Ok(claimed);
            }
        }
        for _ in 0..MAX_REFRESHES {
            self.refresh()?;
            if fit(self.tail, self.head.end()).is_none() {
                break;
            }
            if let Some(claimed) = self.contend(fit)? {
                return Ok(claimed);
            }
        }
        Err(PushError::Full)
    }

    /// Tries to claim until it succeeds. Returns `None` if other producers have used up the known
    /// room.
    fn contend(
        &mut self,
        fit: &impl Fn(Position, Position) -> Option<Position>,
    ) -> Result<Option<ClaimedRange>, Corruption> {
        while let Some(end) = fit(self.tail, self.head.end()) {
            let start = self.tail;
            self.announce(start, end);
            match self.take(start, end) {
                Ok(()) => return Ok(Some(self.own(start, end))),
                Err(found) => self.lost_to(found)?,
            }
        }
        Ok(None)
    }

    /// C2 and C3.
    #[inline(always)]
    fn announce(&self, start: Position, end: Position) {
        // Relaxed: read only after a proof of death, which makes all stores of the dead visible.
        self.claim_end.store(end.get(), Relaxed);
        // Release: E5, pairs with `ClaimRecovery::announcement`; the stamps of our last claim are
        // visible with it.
        self.announcement.store(Announcement::Announced(start).word(), Release);
    }

    /// C4. Fails with the value of TAIL if it is not `start`.
    #[inline(always)]
    fn take(&self, start: Position, end: Position) -> Result<(), u64> {
        // Release: E5, pairs with `ClaimRecovery::claimed_beyond`; the announcement is visible with
        // TAIL.
        self.tail_word.compare_exchange(start.get(), end.get(), Release, Relaxed).map(|_| ())
    }

    /// C5.
    #[inline(always)]
    fn own(&mut self, start: Position, end: Position) -> ClaimedRange {
        // Release: E5, pairs with `ClaimRecovery::announcement`; like the announcement that it
        // replaces.
        self.announcement.store(Announcement::Owned(start).word(), Release);
        // Compiler fence: no stamp before C5, if this process is killed in between.
        compiler_fence();
        self.tail = end;
        ClaimedRange { start, end }
    }

    /// Another producer was faster: TAIL is `found`.
    fn lost_to(&mut self, found: u64) -> Result<(), Corruption> {
        match Position::parse(found) {
            Some(tail) if tail > self.tail => {
                self.tail = tail;
                Ok(())
            }
            _ => {
                let corruption =
                    Corruption::Tail { found, low: self.tail.get() + 1, high: self.head.end().get() };
                self.poison(corruption);
                Err(corruption)
            }
        }
    }

    /// Reads HEAD and TAIL again.
    #[cold]
    pub(super) fn refresh(&mut self) -> Result<(), Corruption> {
        if let Some(corruption) = self.poison {
            return Err(corruption);
        }
        self.read_head_and_tail().or_else(|corruption| self.fail(corruption))
    }

    #[cold]
    fn fail(&mut self, corruption: Corruption) -> Result<(), Corruption> {
        self.poison(corruption);
        Err(corruption)
    }

    fn read_head_and_tail(&mut self) -> Result<(), Corruption> {
        self.head.refresh_without_tail()?;
        let low = self.tail.max(self.head.position());
        // Acquire: E5, pairs with `take`; the HEAD from which its claimant had room is visible with
        // it.
        let found = self.tail_word.load(Acquire);
        let tail = Position::parse(found).filter(|tail| *tail >= low);
        if tail.is_some_and(|tail| tail > self.head.end()) {
            self.head.refresh_without_tail()?;
        }
        match tail {
            Some(tail) if tail <= self.head.end() => {
                self.tail = tail;
                Ok(())
            }
            _ => Err(Corruption::Tail { found, low: low.get(), high: self.head.end().get() }),
        }
    }

    /// The seat whose claim the consumer waits for at HEAD, by the announcements, without proof.
    pub(super) fn blocked_by(&mut self, cells: &impl Stamped) -> Option<u16> {
        self.refresh().ok()?;
        let head = self.head.position();
        // Relaxed: only whether it is there.
        let is_filled = cells.stamp(head).load(Relaxed) == head.stamp();
        if is_filled || head >= self.tail {
            return None;
        }
        let mut suspect = None;
        for seat in 0..self.geometry.producers {
            let word = WordRef::new(&self.region, self.geometry.producer(seat).announcement())?;
            // Relaxed: for display; reading TAIL has made its claimant's announcement visible (E5).
            match Announcement::parse(word.load(Relaxed)) {
                // Fits: there are at most 2^16 - 1 seats.
                Some(Announcement::Owned(at)) if at == head => return Some(seat as u16),
                Some(Announcement::Announced(at)) if at == head => suspect = Some(seat as u16),
                _ => {}
            }
        }
        suspect
    }

    /// HEAD as it was read last.
    pub(super) fn head(&self) -> Position {
        self.head.position()
    }

    /// How many cells the consumer has not released.
    pub(super) fn unreleased(&mut self) -> Result<u64, Corruption> {
        self.refresh()?;
        Ok(self.tail.since(self.head.position()).unwrap_or(0))
    }

    /// Announces nothing any more. Call it only when everything that was claimed is stamped.
    pub(super) fn clear_announcement(&self) {
        // Release: E5, pairs with `ClaimRecovery::announcement`; the stamps of our last claim are
        // visible with it.
        self.announcement.store(Announcement::None.word(), Release);
    }

    pub(super) fn poison(&mut self, corruption: Corruption) {
        self.poison = Some(corruption);
    }

    pub(super) fn capacity(&self) -> u64 {
        self.geometry.capacity
    }
}

/// Whether it is decided what becomes of the last announcement in the producer's seat at `block`,
/// so that the seat can be taken again. The caller has proof that no living participant holds the
/// seat.
pub(crate) fn is_resolved(region: &Region, geometry: &Geometry, block: RoleBlock) -> bool {
    let word = |at| WordRef::new(region, at);
    let lane = geometry.lane(0);
    let (Some(announcement), Some(tail), Some(head)) =
        (word(block.announcement()), lane.tail(region), lane.head(region))
    else {
        return false;
    };
    // Relaxed: the proof that its holder is dead, or has left (E3), made all its stores visible.
    let Some(found) = Announcement::parse(announcement.load(Relaxed)) else { return true };
    let Some(at) = found.position() else { return true };
    // Relaxed: if the dead producer moved it, that is visible by the proof; if another did, the
    // position is that one's.
    let is_claimed = tail.load(Relaxed) > at.get();
    // Relaxed: an old value is too small, and refuses the seat once more than needed.
    let is_passed = head.load(Relaxed) > at.get();
    if !is_claimed || is_passed {
        return true;
    }
    let stamp = lane.stamp(region, geometry.carries, at);
    // Acquire: E5, pairs with `ClaimRecovery::mark`: the consumer that marked it has finished
    // reading the identity in this seat. An old value refuses the seat once more than needed.
    let stamp = stamp.map_or(0, |stamp| stamp.load(Acquire));
    // A stamp of a later lap: HEAD has passed since it was read.
    stamp == at.stamp() || at.is_lost_mark(stamp) || at.is_passed_by(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_survives_its_word() {
        let at = Position::parse(77).unwrap_or_else(|| unreachable!());
        for announcement in [Announcement::None, Announcement::Announced(at), Announcement::Owned(at)] {
            assert_eq!(Announcement::parse(announcement.word()), Some(announcement));
        }
        assert_eq!(Announcement::parse(1), None);
        assert_eq!(Announcement::parse(u64::MAX), None);
    }
}
