//! [`Peers`]: those in the seats across the ring, one or many.
use core::cell::Cell;

use super::presence::{Presence, presence, proved_at};
use crate::error::Departure;
use crate::identity::Role;
use crate::layout::{Geometry, RoleBlock, SeatState, State};
use crate::memory::{Memory, Region, WordRef};
use crate::sync::{Acquire, Relaxed};

/// The seats across the ring. As long as one of them is taken nobody has to look at the others: so one that is taken is
/// remembered, and asked first.
pub(super) struct Peers {
    geometry: Geometry,
    role: Role,
    remembered: Cell<u64>,
}

impl Peers {
    /// Peers from a holder of `role`.
    pub(super) fn new(geometry: &Geometry, role: Role) -> Self {
        Self { geometry: *geometry, role: role.other(), remembered: Cell::new(0) }
    }

    fn seats(&self) -> u64 {
        if self.role == Role::Consumer { 1 } else { self.geometry.producers }
    }

    fn block(&self, seat: u64) -> RoleBlock {
        if self.role == Role::Consumer { self.geometry.consumer() } else { self.geometry.producer(seat) }
    }

    /// How they went, as far as is noted, if all did.
    #[inline]
    pub(super) fn departed<M: Memory>(&self, memory: &M) -> Option<Departure> {
        let region = memory.region();
        self.all_departed(|block| noted(&region, block))
    }

    /// How they went, if all did; asks the witness, and notes what it says.
    pub(super) fn check_peers<M: Memory>(&self, memory: &M) -> Option<Departure> {
        self.all_departed(|block| proved_at(memory, block))
    }

    #[inline]
    fn all_departed(&self, state: impl Fn(RoleBlock) -> Option<SeatState>) -> Option<Departure> {
        let is_taken = |seat| state(self.block(seat)).is_some_and(|state| state.state() == State::Taken);
        if is_taken(self.remembered.get()) {
            return None;
        }
        self.look_at_all(state)
    }

    #[cold]
    fn look_at_all(&self, state: impl Fn(RoleBlock) -> Option<SeatState>) -> Option<Departure> {
        let first = self.look_at_each(&state)?;
        // Several seats are not read in one moment: somebody may have come to one that was read before the last of the others
        // left. If the holders are the same at a second look, all were gone in between.
        let is_one = self.seats() == 1;
        if is_one || self.look_at_each(&state)? == first { first.1 } else { None }
    }

    /// The number of holders there have been, and how the last ones went; none if somebody is here.
    fn look_at_each(
        &self,
        state: impl Fn(RoleBlock) -> Option<SeatState>,
    ) -> Option<(u64, Option<Departure>)> {
        let (mut holders, mut departed) = (0_u64, None);
        for seat in 0..self.seats() {
            let Some(state) = state(self.block(seat)) else { continue };
            holders = holders.wrapping_add(state.epoch());
            match state.state() {
                State::Taken => {
                    self.remembered.set(seat);
                    return None;
                }
                State::Died => departed = Some(Departure::Died),
                State::Left if departed != Some(Departure::Died) => departed = Some(Departure::Left),
                State::Finished => departed = departed.or(Some(Departure::Finished)),
                State::Left => {}
                State::Never => {}
            }
        }
        Some((holders, departed))
    }

    /// Who is here; if nobody, who was: of several any one, rather one who died.
    pub(super) fn presence<M: Memory>(&self, memory: &M) -> Presence {
        let mut last = Presence::Never;
        for seat in 0..self.seats() {
            match (presence(memory, self.block(seat)), last) {
                (here @ Presence::Here(_), _) => return here,
                (died @ Presence::Died(_), _) | (died @ Presence::Left(_), Presence::Never) => last = died,
                _ => {}
            }
        }
        last
    }

    /// How many there have been.
    pub(super) fn holders_so_far(&self, region: &Region) -> u64 {
        let epochs = (0..self.seats()).filter_map(|seat| {
            let state = WordRef::new(region, self.block(seat).state())?;
            // Relaxed: a number to compare with a later one; nothing is read through it.
            Some(SeatState::from_word(state.load(Relaxed)).epoch())
        });
        epochs.fold(0, u64::wrapping_add)
    }
}

/// Who is in the seats of `role`: of several, one who is here, if anybody is.
pub(crate) fn presence_of<M: Memory>(memory: &M, geometry: &Geometry, role: Role) -> Presence {
    Peers::new(geometry, role.other()).presence(memory)
}

#[inline]
fn noted(region: &Region, block: RoleBlock) -> Option<SeatState> {
    let state = WordRef::new(region, block.state())?;
    // Acquire: E3, pairs with the peer's leave; what it published before is found by one more look.
    Some(SeatState::from_word(state.load(Acquire)))
}
