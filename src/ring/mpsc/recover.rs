//! [`ClaimRecovery`]: what the consumer does at a claimed position that has no stamp.
use super::claim::Announcement;
use crate::error::Corruption;
use crate::identity::Identity;
use crate::layout::{Geometry, RoleBlock, SeatState, State};
use crate::memory::{Memory, Position, Region, Stamped, WordRef};
use crate::seat;
use crate::sync::{Acquire, Relaxed, Release};

/// What the consumer found at a position without a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimState {
    /// No producer has claimed it.
    Unclaimed,
    /// It was stamped or marked meanwhile.
    Filled,
    /// The producer in this seat owns it, or may own it, and is not proved dead.
    Held(u16),
    /// Its owner died. It is marked as lost.
    Lost(Identity),
}

/// The word beside a lost mark: whose claim it was, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LostClaim {
    pub(super) seat: u16,
    /// The low bits of the seat's epoch when its holder died.
    pub(super) epoch: u16,
    pub(super) cells: u32,
}

impl LostClaim {
    pub(super) fn word(self) -> u64 {
        u64::from(self.cells) | u64::from(self.epoch) << 32 | u64::from(self.seat) << 48
    }

    pub(super) fn parse(word: u64) -> Self {
        Self { seat: (word >> 48) as u16, epoch: (word >> 32) as u16, cells: word as u32 }
    }
}

/// How often the announcements are read before the consumer gives up for now. Each further round
/// means that a producer has moved on in between.
const MAX_ROUNDS: u32 = 16;

/// The consumer's view of the claims.
pub(super) struct ClaimRecovery {
    region: Region,
    geometry: Geometry,
    tail_word: WordRef,
}

/// The possible owners of a position, by the announcements.
#[derive(Default)]
struct Owners {
    /// The proved owner: its seat and state, and where its claim ends.
    owner: Option<(u16, SeatState, Position)>,
    /// A living producer that announces the position.
    living: Option<u16>,
    /// A dead producer that announces the position.
    dead: Option<(u16, SeatState)>,
    /// The smallest announced position after it.
    boundary: Option<Position>,
}

impl ClaimRecovery {
    pub(super) fn new(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        let tail_word = geometry.lane(0).tail(region).ok_or(Corruption::Outside)?;
        Ok(Self { region: region.clone(), geometry: *geometry, tail_word })
    }

    pub(super) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    /// TAIL, checked, if it is beyond `at`: then `at` is claimed.
    pub(super) fn claimed_beyond(&self, at: Position) -> Result<Option<Position>, Corruption> {
        // Acquire: E5, pairs with `ClaimProtocol::take`; the announcement of each claim before TAIL
        // is visible.
        let found = self.tail_word.load(Acquire);
        let (low, high) = (at.get(), at.plus(self.geometry.capacity).get());
        match Position::parse(found) {
            Some(tail) if (low..=high).contains(&found) => Ok((tail > at).then_some(tail)),
            _ => Err(Corruption::Tail { found, low, high }),
        }
    }

    /// Finds out what is at `at`, where the consumer stands and has seen no stamp. Marks it if it
    /// is lost. Asks the kernel who lives.
    pub(super) fn recover(
        &self,
        memory: &impl Memory,
        cells: &impl Stamped,
        at: Position,
    ) -> Result<ClaimState, Corruption> {
        for _ in 0..MAX_ROUNDS {
            let Some(tail) = self.claimed_beyond(at)? else { return Ok(ClaimState::Unclaimed) };
            let owners = self.owners(memory, at);
            // Relaxed: the second look (see the module above); if it finds a stamp, the caller
            // looks again, with Acquire.
            let stamp = cells.stamp(at).load(Relaxed);
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
            let lost = LostClaim { seat, epoch: state.epoch() as u16, cells: cells_between(at, end, tail)? };
            return self.mark(cells, at, lost);
        }
        Err(Corruption::Unclaimed { position: at.get() })
    }

    /// Marks the claim at `at` as lost. Only the holder of the consumer's seat reads the mark, as
    /// this is.
    fn mark(&self, cells: &impl Stamped, at: Position, lost: LostClaim) -> Result<ClaimState, Corruption> {
        let second = cells.second(at).ok_or(Corruption::Outside)?;
        // Before the mark: after it the seat can be taken again.
        let by = self.geometry.producer(lost.seat.into()).identity(&self.region);
        // Relaxed: published by the mark.
        second.store(lost.word(), Relaxed);
        // Release: E5, pairs with `is_resolved`; a producer that finds the mark and takes the seat
        // does so after we have read the identity in it. And if this process is killed in between,
        // there is no mark without the word beside it.
        cells.stamp(at).store(at.lost_mark(), Release);
        Ok(ClaimState::Lost(by))
    }

    /// Reads the announcements of all seats.
    fn owners(&self, memory: &impl Memory, at: Position) -> Owners {
        let mut owners = Owners::default();
        for index in 0..self.geometry.producers {
            let block = self.geometry.producer(index);
            // Fits: there are at most 2^16 - 1 seats.
            let seat = index as u16;
            let announced = self.announcement(block);
            match announced {
                Some(Announcement::Announced(other) | Announcement::Owned(other)) if other > at => {
                    owners.boundary = owners.boundary.into_iter().chain([other]).min();
                    continue;
                }
                Some(Announcement::Announced(other) | Announcement::Owned(other)) if other == at => {}
                _ => continue,
            }
            let Some(state) = seat::verified_state_at(memory, block) else { continue };
            if !is_dead(state) {
                match announced {
                    Some(Announcement::Owned(_)) => owners.owner = Some((seat, state, at)),
                    _ => owners.living = Some(seat),
                }
                continue;
            }
            // Once more, now that nothing can change any more: it may have gone on before it died.
            match self.announcement(block) {
                Some(Announcement::Owned(last)) if last == at => {
                    owners.owner = Some((seat, state, self.claim_end(block)));
                }
                Some(Announcement::Announced(last)) if last == at => owners.dead = Some((seat, state)),
                Some(other) => {
                    // It left a stamp at `at`, or was not its owner. What it announces now is a
                    // boundary.
                    let last = other.position().filter(|last| *last > at);
                    owners.boundary = owners.boundary.into_iter().chain(last).min();
                }
                None => {}
            }
        }
        owners
    }

    fn announcement(&self, block: RoleBlock) -> Option<Announcement> {
        let word = WordRef::new(&self.region, block.announcement())?;
        // Acquire: E5, pairs with `ClaimProtocol::announce`; what its holder stamped before is
        // visible.
        Announcement::parse(word.load(Acquire))
    }

    /// Where the last claim of a dead holder ends.
    fn claim_end(&self, block: RoleBlock) -> Position {
        // Relaxed: the proof of death made all its stores visible.
        let found = WordRef::new(&self.region, block.claim_end()).map_or(0, |word| word.load(Relaxed));
        Position::parse(found).unwrap_or(Position::START)
    }
}

/// Whether no living participant holds the seat.
fn is_dead(state: SeatState) -> bool {
    state.state() != State::Taken
}

/// The first position after `at` that is stamped or marked as lost, or `end`.
fn next_stamp(cells: &impl Stamped, at: Position, end: Position) -> Position {
    // At most the capacity: `end` is at most TAIL, which was checked.
    let between = (at.get() + 1..end.get()).filter_map(Position::parse);
    let mut stamped = between.filter(|position| {
        // Relaxed: the announcements, read before with Acquire (E5), made the stamps that matter
        // visible.
        let stamp = cells.stamp(*position).load(Relaxed);
        stamp == position.stamp() || position.is_lost_mark(stamp)
    });
    stamped.next().unwrap_or(end)
}

/// How many cells a lost claim has, if that is possible.
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
        fn a_lost_claim_survives_its_word(seat in any::<u16>(), epoch in any::<u16>(), cells in any::<u32>()) {
            let lost = LostClaim { seat, epoch, cells };
            prop_assert_eq!(LostClaim::parse(lost.word()), lost);
        }
    }
}
