//! [`ClaimRecovery`]: what the consumer does at a claimed position that has no stamp.
use super::claim::Announcement;
use crate::error::Corruption;
use crate::identity::Identity;
use crate::layout::{SeatState, State};
use crate::memory::{Memory, Position, Region, Stamped, WordRef};
use crate::ring::layout::{Geometry, RoleBlock};
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

/// The consumer's view of the claims.
pub(super) struct ClaimRecovery {
    region: Region,
    geometry: Geometry,
    tail_word: WordRef,
    survey: Survey,
    /// See `steps`.
    steps: u64,
}

/// Announcements, read once: see "One survey for many positions" in the module above.
struct Survey {
    /// Where the consumer stood. Distances count from here.
    start: Position,
    /// The survey covers the positions after `start` and before this one: TAIL, which was read
    /// before the announcements, or less if there were too many of them.
    end: Position,
    /// The announcements of the positions after `start` and before `end`, sorted. Each is a
    /// distance, which has 40 bits at most, and the seat in the 16 bits below.
    announced: [u64; Self::PLACES],
    len: usize,
}

impl Survey {
    /// Enough that a ring of many seats is not surveyed often, and 2 KiB.
    const PLACES: usize = if cfg!(loom) { 2 } else { 256 };

    const fn new(start: Position, end: Position) -> Self {
        Self { start, end, announced: [0; Self::PLACES], len: 0 }
    }

    fn covers(&self, at: Position) -> bool {
        at > self.start && at < self.end
    }

    /// Notes that `seat` announced `position`, which is after the start.
    fn note(&mut self, position: Position, seat: u16) {
        if self.len == Self::PLACES {
            self.cut();
        }
        let distance = position.since(self.start).filter(|_| position < self.end);
        if let (Some(distance), Some(place)) = (distance, self.announced.get_mut(self.len)) {
            *place = distance << 16 | u64::from(seat);
            self.len += 1;
        }
    }

    /// Keeps the lower half, and ends before the first position that it does not keep.
    #[cold]
    fn cut(&mut self) {
        self.announced.sort_unstable();
        let (lower, upper) = self.announced.split_at(Self::PLACES / 2);
        let end = upper.first().map_or(0, |first| first >> 16);
        self.len = lower.partition_point(|one| one >> 16 < end);
        self.end = self.start.plus(end);
    }

    fn sort(&mut self) {
        self.announced.get_mut(..self.len).unwrap_or_default().sort_unstable();
    }

    /// The announcements of `at` and of the positions after it.
    fn announced_from(&self, at: Position) -> &[u64] {
        let (announced, at) = (self.announced.get(..self.len).unwrap_or_default(), at.since(self.start));
        let before = announced.partition_point(|one| Some(one >> 16) < at);
        announced.get(before..).unwrap_or_default()
    }

    /// The seats that announced `at`, which is after the start.
    fn seats_at(&self, at: Position) -> impl Iterator<Item = u16> + '_ {
        let at_distance = at.since(self.start);
        self.announced_from(at)
            .iter()
            .take_while(move |one| Some(*one >> 16) == at_distance)
            .map(|one| *one as u16)
    }

    /// The first announced position after `at`, or the end.
    fn boundary_after(&self, at: Position) -> Position {
        let next = self.announced_from(at.plus(1)).first();
        next.map_or(self.end, |one| self.start.plus(one >> 16))
    }
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
}

impl ClaimRecovery {
    pub(super) fn new(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        let tail_word = geometry.lane(0).tail(region).ok_or(Corruption::Outside)?;
        let survey = Survey::new(Position::START, Position::START);
        Ok(Self { region: region.clone(), geometry: *geometry, tail_word, survey, steps: 0 })
    }

    /// How many steps it has taken so far. A step reads a word or a few.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Counts a step that the caller takes.
    pub(super) fn count_step(&mut self) {
        self.steps += 1;
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
        &mut self,
        memory: &impl Memory,
        cells: &impl Stamped,
        at: Position,
    ) -> Result<ClaimState, Corruption> {
        let Some(tail) = self.claimed_beyond(at)? else { return Ok(ClaimState::Unclaimed) };
        let owners = if self.survey.covers(at) {
            self.noted_owners(memory, at)
        } else {
            self.survey(memory, at, tail)
        };
        // Relaxed: the second look (see the module above); if it finds a stamp, the caller looks
        // again, with Acquire.
        let stamp = cells.stamp(at).load(Relaxed);
        if stamp == at.stamp() || at.is_lost_mark(stamp) {
            return Ok(ClaimState::Filled);
        }
        let (end, seat, state) = match owners {
            Owners { owner: Some((seat, state, end)), .. } if is_dead(state) => (end, seat, state),
            Owners { owner: Some((seat, ..)), .. } => return Ok(ClaimState::Held(seat)),
            Owners { living: Some(seat), .. } => return Ok(ClaimState::Held(seat)),
            Owners { dead: Some((seat, state)), .. } => {
                let end = next_stamp(cells, at, self.survey.boundary_after(at));
                // The next search begins where this one ended, so all together read each cell once.
                self.steps += end.since(at).unwrap_or(0);
                (end, seat, state)
            }
            // Producers that keep the protocol leave no such position.
            _ => return Err(Corruption::Unclaimed { position: at.get() }),
        };
        let lost = LostClaim { seat, epoch: state.epoch() as u16, cells: cells_between(at, end, tail)? };
        self.mark(cells, at, lost)
    }

    /// Marks the claim at `at` as lost. Only the holder of the consumer's seat reads the mark, as
    /// this is.
    fn mark(&self, cells: &impl Stamped, at: Position, lost: LostClaim) -> Result<ClaimState, Corruption> {
        let second = cells.second(at).ok_or(Corruption::Outside)?;
        // Before the mark: after it the seat can be taken again.
        let by = self.geometry.producer(lost.seat.into()).seat().identity(&self.region);
        // Relaxed: published by the mark.
        second.store(lost.word(), Relaxed);
        // Release: E5, pairs with `is_resolved`; a producer that finds the mark and takes the seat
        // does so after we have read the identity in it. And if this process is killed in between,
        // there is no mark without the word beside it.
        cells.stamp(at).store(at.lost_mark(), Release);
        Ok(ClaimState::Lost(by))
    }

    /// Reads the announcements of all seats. Returns the possible owners of `at`, and notes those
    /// of the positions after it. `tail` is TAIL, read before.
    #[cold]
    fn survey(&mut self, memory: &impl Memory, at: Position, tail: Position) -> Owners {
        let (mut owners, mut survey) = (Owners::default(), Survey::new(at, tail));
        for index in 0..self.geometry.producers {
            // Fits: there are at most 2^16 - 1 seats.
            let seat = index as u16;
            match self.announcement(self.geometry.producer(index)).and_then(Announcement::position) {
                Some(position) if position > at => survey.note(position, seat),
                Some(position) if position == at => self.add_owner(&mut owners, memory, seat, at),
                _ => {}
            }
        }
        survey.sort();
        self.survey = survey;
        self.steps += self.geometry.producers;
        owners
    }

    /// The possible owners of `at`, by the last survey.
    fn noted_owners(&mut self, memory: &impl Memory, at: Position) -> Owners {
        let mut owners = Owners::default();
        for seat in self.survey.seats_at(at) {
            self.add_owner(&mut owners, memory, seat, at);
        }
        self.steps += self.survey.seats_at(at).count() as u64;
        owners
    }

    /// Adds the holder of `seat`, which has announced `at`, if it may own `at`.
    fn add_owner(&self, owners: &mut Owners, memory: &impl Memory, seat: u16, at: Position) {
        let block = self.geometry.producer(seat.into());
        // Read again: the survey may be old, and the producer may have gone on since.
        let announced = self.announcement(block);
        if announced.and_then(Announcement::position) != Some(at) {
            return;
        }
        let Some(state) = seat::verified_state_at(memory, block.seat()) else { return };
        if !is_dead(state) {
            match announced {
                Some(Announcement::Owned(_)) => owners.owner = Some((seat, state, at)),
                _ => owners.living = Some(seat),
            }
            return;
        }
        // Read once more after the proof of death. If it has changed, the producer had stamped `at`
        // before it died, or did not own it.
        match self.announcement(block) {
            Some(Announcement::Owned(last)) if last == at => {
                owners.owner = Some((seat, state, self.claim_end(block)));
            }
            Some(Announcement::Announced(last)) if last == at => owners.dead = Some((seat, state)),
            _ => {}
        }
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
    use std::vec::Vec;

    proptest! {
        /// Whatever is announced, a survey knows all seats that announce a position which it
        /// covers, and the next announced position.
        #[test]
        fn a_survey_is_complete_as_far_as_it_goes(distances in prop::collection::vec(1..700_u64, 0..2000)) {
            let at = |distance| Position::START.plus(distance);
            let mut survey = Survey::new(at(0), at(600));
            for (seat, distance) in distances.iter().enumerate() {
                survey.note(at(*distance), seat as u16);
            }
            survey.sort();
            prop_assert!(distances.len() >= Survey::PLACES || survey.end == at(600));
            for distance in (1..600).filter(|distance| survey.covers(at(*distance))) {
                let seats = distances.iter().enumerate().filter(|(_, one)| **one == distance);
                let seats: Vec<u16> = seats.map(|(seat, _)| seat as u16).collect();
                prop_assert_eq!(survey.seats_at(at(distance)).collect::<Vec<_>>(), seats);
                let next = distances.iter().filter(|one| **one > distance).min();
                let next = next.map_or(survey.end, |next| at(*next).min(survey.end));
                prop_assert_eq!(survey.boundary_after(at(distance)), next);
            }
        }

        #[test]
        fn a_lost_claim_survives_its_word(seat in any::<u16>(), epoch in any::<u16>(), cells in any::<u32>()) {
            let lost = LostClaim { seat, epoch, cells };
            prop_assert_eq!(LostClaim::parse(lost.word()), lost);
        }
    }
}
