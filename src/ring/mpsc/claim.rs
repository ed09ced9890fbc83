//! [`ClaimProtocol`]: how a producer gets cells of its own. One shared write per function.
use crate::error::{Corruption, PushError};
use crate::layout::{Geometry, RoleBlock};
use crate::memory::{Position, Region, Stamped, WordRef};
use crate::ring::cells::CachedHead;
use crate::sync::{Acquire, Relaxed, Release, compiler_fence};

/// What a role block says of its holder's claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announcement {
    /// It never claimed anything, or has left.
    None,
    /// It is about to claim this position, or has just done so, or has failed to.
    Announced(Position),
    /// It has claimed it.
    Owned(Position),
}

impl Announcement {
    /// None if `word` says nothing that a producer would write.
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

/// Consecutive cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClaimedRange {
    pub(super) start: Position,
    pub(super) end: Position,
}

/// A producer's side of the claim protocol.
pub(super) struct ClaimProtocol {
    tail: WordRef,
    announcement: WordRef,
    claim_end: WordRef,
    room: CachedHead,
    /// TAIL as seen last: a guess.
    seen: Position,
    region: Region,
    geometry: Geometry,
    poison: Option<Corruption>,
}

/// How often one claim looks at HEAD: more often it moves only for a liar, or for a ring that is not full.
const MOST_LOOKS: u32 = 1000;

impl ClaimProtocol {
    pub(super) fn resume(region: &Region, geometry: &Geometry, block: RoleBlock) -> Result<Self, Corruption> {
        let part = |at| WordRef::new(region, at).ok_or(Corruption::Outside);
        let room = CachedHead::new(part(geometry.consumer().position())?, geometry.capacity)?;
        let mut claims = Self {
            tail: part(geometry.common().position())?,
            announcement: part(block.announcement())?,
            claim_end: part(block.claim_end())?,
            seen: room.head_seen(),
            room,
            region: region.clone(),
            geometry: *geometry,
            poison: None,
        };
        // What the last holder announced is resolved, or nobody could have taken the seat.
        claims.withdraw();
        claims.look()?;
        Ok(claims)
    }

    /// How many cells are free, as far as is known.
    pub(super) fn known_room(&self) -> u64 {
        self.room.end().since(self.seen).unwrap_or(0)
    }

    /// TAIL as seen last.
    pub(super) fn seen(&self) -> Position {
        self.seen
    }

    /// ClaimProtocol the cells that `fit` asks for: given where they would start and where free cells end, it says where they
    /// are to end, or that they do not fit.
    #[inline]
    pub(super) fn claim(
        &mut self,
        fit: impl Fn(Position, Position) -> Option<Position>,
    ) -> Result<ClaimedRange, PushError> {
        if let Some(what) = self.poison {
            return Err(what.into());
        }
        let start = self.seen;
        let found = match fit(start, self.room.end()) {
            Some(end) => {
                self.announce(start, end);
                match self.take(start, end) {
                    Ok(()) => return Ok(self.own(start, end)),
                    Err(found) => Some(found),
                }
            }
            None => None,
        };
        let claimed = self.claim_on(found, &fit);
        if claimed.is_err() {
            // Whoever looks for the owner of what we announced and did not get must not wait for us.
            self.withdraw();
        }
        claimed
    }

    /// What was known of TAIL, which is `found`, or of HEAD was not enough.
    #[cold]
    fn claim_on(
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
        for _ in 0..MOST_LOOKS {
            self.look()?;
            if fit(self.seen, self.room.end()).is_none() {
                break;
            }
            if let Some(claimed) = self.contend(fit)? {
                return Ok(claimed);
            }
        }
        Err(PushError::Full)
    }

    /// ClaimProtocol, or finds that others have used up the room there was when HEAD was last looked at.
    fn contend(
        &mut self,
        fit: &impl Fn(Position, Position) -> Option<Position>,
    ) -> Result<Option<ClaimedRange>, Corruption> {
        while let Some(end) = fit(self.seen, self.room.end()) {
            let start = self.seen;
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
        // Relaxed: read only of the dead, all of whose stores are visible.
        self.claim_end.store(end.get(), Relaxed);
        // Release: E5, pairs with `ClaimRecovery::mend`; the stamps of our last claim are visible with it.
        self.announcement.store(Announcement::Announced(start).word(), Release);
    }

    /// C4; what TAIL is, if not `start`.
    #[inline(always)]
    fn take(&self, start: Position, end: Position) -> Result<(), u64> {
        // Release: E5, pairs with `ClaimRecovery::mend`; the announcement is visible with TAIL.
        self.tail.compare_exchange(start.get(), end.get(), Release, Relaxed).map(|_| ())
    }

    /// C5.
    #[inline(always)]
    fn own(&mut self, start: Position, end: Position) -> ClaimedRange {
        // Release: E5, pairs with `ClaimRecovery::mend`; as the announcement that it takes the place of.
        self.announcement.store(Announcement::Owned(start).word(), Release);
        // Compiler fence: no stamp before C5, if we are killed in between.
        compiler_fence();
        self.seen = end;
        ClaimedRange { start, end }
    }

    /// Another producer was faster: TAIL is `found`.
    fn lost_to(&mut self, found: u64) -> Result<(), Corruption> {
        match Position::parse(found) {
            Some(tail) if tail > self.seen => {
                self.seen = tail;
                Ok(())
            }
            _ => {
                let low = self.seen.get() + 1;
                Err(self.poisoned(Corruption::Tail { found, low, high: self.room.end().get() }))
            }
        }
    }

    /// Looks where HEAD and TAIL are.
    #[cold]
    pub(super) fn look(&mut self) -> Result<(), Corruption> {
        if let Some(what) = self.poison {
            return Err(what);
        }
        self.look_now().map_err(|what| self.poisoned(what))
    }

    fn look_now(&mut self) -> Result<(), Corruption> {
        self.room.advance()?;
        let low = self.seen.max(self.room.head_seen());
        // Acquire: E5, pairs with `take`; the HEAD from which its claimant had room is visible with it.
        let found = self.tail.load(Acquire);
        let tail = Position::parse(found).filter(|tail| *tail >= low);
        if tail.is_some_and(|tail| tail > self.room.end()) {
            self.room.advance()?;
        }
        match tail {
            Some(tail) if tail <= self.room.end() => {
                self.seen = tail;
                Ok(())
            }
            _ => Err(Corruption::Tail { found, low: low.get(), high: self.room.end().get() }),
        }
    }

    /// Whose claim the consumer waits at, if it cannot have gone past HEAD for that: by what is announced, without proof.
    pub(super) fn held_by(&mut self, cells: &impl Stamped) -> Option<u16> {
        self.look().ok()?;
        let head = self.room.head_seen();
        // Relaxed: only whether it is there.
        let is_filled = cells.stamp(head.get()).load(Relaxed) == head.stamp();
        if is_filled || head >= self.seen {
            return None;
        }
        let mut suspect = None;
        for seat in 0..self.geometry.producers {
            let word = WordRef::new(&self.region, self.geometry.producer(seat).announcement())?;
            // Relaxed: to be told; the look at TAIL has made its claimant's announcement visible (E5).
            match Announcement::parse(word.load(Relaxed)) {
                // Fits: there are at most 2^16 - 1 seats.
                Some(Announcement::Owned(at)) if at == head => return Some(seat as u16),
                Some(Announcement::Announced(at)) if at == head => suspect = Some(seat as u16),
                _ => {}
            }
        }
        suspect
    }

    /// HEAD as seen last.
    pub(super) fn head(&self) -> u64 {
        self.room.head_seen().get()
    }

    /// How many cells the consumer has not released.
    pub(super) fn behind(&mut self) -> Result<u64, Corruption> {
        self.look()?;
        Ok(self.seen.since(self.room.head_seen()).unwrap_or(0))
    }

    /// Announces nothing any more. Only when all that was claimed is stamped.
    pub(super) fn withdraw(&self) {
        // Release: E5, pairs with `ClaimRecovery::mend`; the stamps of our last claim are visible with it.
        self.announcement.store(Announcement::None.word(), Release);
    }

    pub(super) fn poisoned(&mut self, what: Corruption) -> Corruption {
        self.poison = Some(what);
        what
    }

    pub(super) fn capacity(&self) -> u64 {
        self.geometry.capacity
    }
}

/// Whether what the last holder of the producer's seat at `block` announced has been decided, so that the seat can be taken
/// again. To be asked by who has proof that nobody alive holds it.
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
    // Relaxed: if the dead one moved it, that is visible by the proof; if another did, the position is that one's.
    let is_claimed = tail.load(Relaxed) > at.get();
    // Relaxed: never too far; an old value refuses the seat once more than needed.
    let is_passed = head.load(Relaxed) > at.get();
    if !is_claimed || is_passed {
        return true;
    }
    let stamp = match geometry.carries {
        crate::layout::Carries::Items => {
            word(lane.cells.plus(lane.stride * (at.get() & (lane.capacity - 1))))
        }
        crate::layout::Carries::Bytes => {
            word(lane.descriptors.plus(crate::memory::Descriptors::STRIDE * (at.get() & (lane.capacity - 1))))
        }
    };
    // Acquire: E5, pairs with `ClaimRecovery::mark`: who marked it has read who sat here, and is done with that. An old value refuses the
    // seat once more than needed.
    let stamp = stamp.map_or(0, |stamp| stamp.load(Acquire));
    // Of a later lap: passed, since HEAD was looked at.
    stamp == at.stamp() || at.is_lost_mark(stamp) || at.is_passed_by(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_says_what_it_said() {
        let at = Position::parse(77).unwrap_or_else(|| unreachable!());
        for said in [Announcement::None, Announcement::Announced(at), Announcement::Owned(at)] {
            assert_eq!(Announcement::parse(said.word()), Some(said));
        }
        assert_eq!(Announcement::parse(1), None);
        assert_eq!(Announcement::parse(u64::MAX), None);
    }
}
