//! [`ClaimRecovery`]: what the consumer does where a claim has no stamp.
use super::claim::Announcement;
use crate::error::Corruption;
use crate::identity::Identity;
use crate::layout::{Geometry, RoleBlock, SeatState, State};
use crate::memory::{Memory, Position, Region, Stamped, WordRef};
use crate::seat;
use crate::sync::{Acquire, Relaxed, Release};

/// What is at a position that has no stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimState {
    /// Nobody has claimed it.
    Unclaimed,
    /// It was filled meanwhile.
    Filled,
    /// The producer in this seat is at it, or may be, and is not proved dead.
    Held(u16),
    /// It is lost, and marked so; with whom.
    Lost(Identity),
}

/// Whom a lost claim belonged to, and how many cells it had: what stands beside a lost mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) seat: u16,
    /// The low bits of the seat's epoch at its holder's death.
    pub(super) epoch: u16,
    pub(super) cells: u32,
}

impl Lost {
    pub(super) fn word(self) -> u64 {
        u64::from(self.cells) | u64::from(self.epoch) << 32 | u64::from(self.seat) << 48
    }

    pub(super) fn parse(word: u64) -> Self {
        Self { seat: (word >> 48) as u16, epoch: (word >> 32) as u16, cells: word as u32 }
    }
}

/// How often the announcements are gone through before the consumer gives up for now: each further time, a producer
/// has done something in between.
const MOST_ROUNDS: u32 = 16;

/// The consumer's view of who may own what.
pub(super) struct ClaimRecovery<M> {
    memory: M,
    region: Region,
    geometry: Geometry,
    tail: WordRef,
}

/// Who may own a position, by the announcements.
struct Owners {
    /// Who owns it, and where the claim ends.
    owner: Option<(u16, SeatState, Position)>,
    /// Somebody who announces it and lives.
    living: Option<u16>,
    /// Somebody who announces it and is dead.
    dead: Option<(u16, SeatState)>,
    /// The smallest position after it that anybody announces.
    boundary: Option<Position>,
}

impl<M: Memory> ClaimRecovery<M> {
    pub(super) fn new(memory: &M, geometry: &Geometry) -> Result<Self, Corruption> {
        let region = memory.region();
        let tail = geometry.lane(0).tail(&region).ok_or(Corruption::Outside)?;
        Ok(Self { memory: memory.clone(), region, geometry: *geometry, tail })
    }

    pub(super) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    /// TAIL, if more is claimed than what is before `at`; checked.
    pub(super) fn claimed_beyond(&self, at: Position) -> Result<Option<Position>, Corruption> {
        // Acquire: E5, pairs with `ClaimProtocol::take`; who claimed what is before TAIL has announced it visibly.
        let found = self.tail.load(Acquire);
        let (low, high) = (at.get(), at.plus(self.geometry.capacity).get());
        match Position::parse(found) {
            Some(tail) if (low..=high).contains(&found) => Ok((tail > at).then_some(tail)),
            _ => Err(Corruption::Tail { found, low, high }),
        }
    }

    /// Finds out what is at `at`, where the consumer is and has seen no stamp; marks it if it is lost. Asks the witness.
    pub(super) fn mend(&self, cells: &impl Stamped, at: Position) -> Result<ClaimState, Corruption> {
        for _ in 0..MOST_ROUNDS {
            let Some(tail) = self.claimed_beyond(at)? else { return Ok(ClaimState::Unclaimed) };
            let owners = self.owners(at);
            // Relaxed: the second look (see the module above); who finds it filled looks again, with Acquire.
            let stamp = cells.stamp(at.get()).load(Relaxed);
            if stamp == at.stamp() || at.is_lost_mark(stamp) {
                return Ok(ClaimState::Filled);
            }
            let (end, seat, state) = match owners {
                Owners { owner: Some((seat, state, end)), .. } if is_dead(state) => (end, seat, state),
                Owners { owner: Some((seat, ..)), .. } => return Ok(ClaimState::Held(seat)),
                Owners { living: Some(seat), .. } => return Ok(ClaimState::Held(seat)),
                Owners { dead: Some((seat, state)), boundary, .. } => {
                    let announced = boundary.map_or(tail, |boundary| boundary.min(tail));
                    (next_stamp(cells, at, announced), seat, state)
                }
                // Announcements moved while they were read.
                _ => continue,
            };
            let lost = Lost { seat, epoch: state.epoch() as u16, cells: cells_between(at, end, tail)? };
            return self.mark(cells, at, lost);
        }
        Err(Corruption::Unclaimed { position: at.get() })
    }

    /// Marks what is at `at` as lost. Who reads the mark holds the consumer's seat, as we do.
    fn mark(&self, cells: &impl Stamped, at: Position, lost: Lost) -> Result<ClaimState, Corruption> {
        let second = cells.second(at.get()).ok_or(Corruption::Outside)?;
        // Before the mark: with it the seat can be taken again.
        let by = self.geometry.producer(lost.seat.into()).identity(&self.region);
        // Relaxed: published by the mark.
        second.store(lost.word(), Relaxed);
        // Release: E5, pairs with `is_resolved`; who finds the mark and sits down does so after we have read who sat there. And
        // if we are killed in between, there is no mark without the word beside it.
        cells.stamp(at.get()).store(at.lost_mark(), Release);
        Ok(ClaimState::Lost(by))
    }

    /// Goes through the announcements.
    fn owners(&self, at: Position) -> Owners {
        let mut owners = Owners { owner: None, living: None, dead: None, boundary: None };
        for index in 0..self.geometry.producers {
            let block = self.geometry.producer(index);
            // Fits: there are at most 2^16 - 1 seats.
            let seat = index as u16;
            let said = self.announcement(block);
            match said {
                Some(Announcement::Announced(said) | Announcement::Owned(said)) if said > at => {
                    owners.boundary = Some(owners.boundary.map_or(said, |boundary| boundary.min(said)));
                    continue;
                }
                Some(Announcement::Announced(said) | Announcement::Owned(said)) if said == at => {}
                _ => continue,
            }
            let Some(state) = seat::proved_at(&self.memory, block) else { continue };
            if !is_dead(state) {
                match said {
                    Some(Announcement::Owned(_)) => owners.owner = Some((seat, state, at)),
                    _ => owners.living = Some(seat),
                }
                continue;
            }
            // Once more, now that nothing can change any more: it may have gone on before it died.
            match self.announcement(block) {
                Some(Announcement::Owned(said)) if said == at => {
                    owners.owner = Some((seat, state, self.claim_end(block)));
                }
                Some(Announcement::Announced(said)) if said == at => owners.dead = Some((seat, state)),
                Some(other) => {
                    // It left a stamp at `at`, or was not its owner; what it announces now is a boundary.
                    let said = other.position().filter(|said| *said > at);
                    owners.boundary = owners.boundary.into_iter().chain(said).min();
                }
                None => {}
            }
        }
        owners
    }

    fn announcement(&self, block: RoleBlock) -> Option<Announcement> {
        let word = WordRef::new(&self.region, block.announcement())?;
        // Acquire: E5, pairs with `ClaimProtocol::announce`; what its holder stamped before is visible.
        Announcement::parse(word.load(Acquire))
    }

    /// Where the dead holder's last claim ends.
    fn claim_end(&self, block: RoleBlock) -> Position {
        // Relaxed: the proof of death made all its stores visible.
        let found = WordRef::new(&self.region, block.claim_end()).map_or(0, |word| word.load(Relaxed));
        Position::parse(found).unwrap_or(Position::START)
    }
}

/// Whether nobody sits there who could go on.
fn is_dead(state: SeatState) -> bool {
    state.state() != State::Taken
}

/// The first position after `at` that is stamped, or marked as lost; or `end`.
fn next_stamp(cells: &impl Stamped, at: Position, end: Position) -> Position {
    // At most the capacity: `end` is at most TAIL, and that was checked.
    let between = (at.get() + 1..end.get()).filter_map(Position::parse);
    let mut stamped = between.filter(|position| {
        // Relaxed: announcements, read before with Acquire (E5), made the stamps that matter visible.
        let stamp = cells.stamp(position.get()).load(Relaxed);
        stamp == position.stamp() || position.is_lost_mark(stamp)
    });
    stamped.next().unwrap_or(end)
}

/// How many cells a lost claim has, if that can be.
fn cells_between(at: Position, end: Position, tail: Position) -> Result<u32, Corruption> {
    let cells = end.since(at).filter(|cells| *cells > 0 && end <= tail);
    let cells = cells.and_then(|cells| u32::try_from(cells).ok());
    cells.ok_or(Corruption::Tail { found: end.get(), low: at.get() + 1, high: tail.get() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_stands_beside_a_mark_survives(seat in any::<u16>(), epoch in any::<u16>(), cells in any::<u32>()) {
            let lost = Lost { seat, epoch, cells };
            prop_assert_eq!(Lost::parse(lost.word()), lost);
        }
    }
}
