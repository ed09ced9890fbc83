//! [`Peers`]: the seats of the peers, one or many.
use core::cell::Cell;

use super::presence::{Presence, presence, verified_state_at};
use crate::error::Departure;
use crate::layout::{SeatBlock, SeatState, SeatTable, State};
use crate::memory::{Memory, Region, WordRef};
use crate::sync::{Acquire, Relaxed};

/// Whether a peer is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attendance {
    /// One at least is.
    Present,
    /// None has come so far.
    NoneYet,
    /// All have departed: `Died` if any died, else `Left` if any left, else `Finished`.
    Departed(Departure),
}

/// The seats of the peers.
///
/// As long as one of them is taken, the state of the others does not matter. So this type remembers
/// a seat that was taken, and reads that seat first.
pub(crate) struct Peers {
    table: SeatTable,
    /// The index of the seat that was taken when last read.
    last_taken: Cell<u64>,
}

impl Peers {
    /// The peers in the seats of `table`.
    pub(crate) fn new(table: SeatTable) -> Self {
        Self { table, last_taken: Cell::new(0) }
    }

    /// Whether a peer is here, as far as shared memory shows.
    #[inline]
    pub(crate) fn recorded<M: Memory>(&self, memory: &M) -> Attendance {
        let region = memory.region();
        self.attendance(|block| recorded_state(&region, block))
    }

    /// Whether a peer is here. Asks the witness, and records the deaths that it proves.
    pub(crate) fn verified<M: Memory>(&self, memory: &M) -> Attendance {
        self.attendance(|block| verified_state_at(memory, block))
    }

    #[inline]
    fn attendance(&self, state: impl Fn(SeatBlock) -> Option<SeatState>) -> Attendance {
        let is_taken =
            |seat| state(self.table.block(seat)).is_some_and(|state| state.state() == State::Taken);
        if is_taken(self.last_taken.get()) {
            return Attendance::Present;
        }
        self.scan(state)
    }

    #[cold]
    fn scan(&self, state: impl Fn(SeatBlock) -> Option<SeatState>) -> Attendance {
        let first = self.scan_once(&state);
        // Several seats cannot be read at one moment. A participant may have taken a seat that was
        // read already, before the last of the other holders left. If a second scan finds the same
        // number of holders, then at some moment between the scans all had departed.
        let is_one = self.table.seats == 1;
        if is_one || first.1 == Attendance::Present || self.scan_once(&state) == first {
            first.1
        } else {
            Attendance::Present
        }
    }

    /// The number of holders so far, and how the last ones departed.
    fn scan_once(&self, state: impl Fn(SeatBlock) -> Option<SeatState>) -> (u64, Attendance) {
        use Attendance::{Departed, NoneYet, Present};
        let (mut holders, mut found) = (0_u64, NoneYet);
        for seat in 0..self.table.seats {
            let Some(state) = state(self.table.block(seat)) else { continue };
            holders = holders.wrapping_add(state.epoch());
            found = match (state.state(), found) {
                (State::Taken, _) => {
                    self.last_taken.set(seat);
                    return (holders, Present);
                }
                (State::Died, _) | (_, Departed(Departure::Died)) => Departed(Departure::Died),
                (State::Left, _) | (_, Departed(Departure::Left)) => Departed(Departure::Left),
                (State::Finished, _) => Departed(Departure::Finished),
                (State::Never, found) => found,
            };
        }
        (holders, found)
    }

    /// A peer that is present. If none is, one that was; of several, preferably one that died.
    pub(crate) fn presence<M: Memory>(&self, memory: &M) -> Presence {
        let mut last = Presence::Never;
        for seat in 0..self.table.seats {
            match (presence(memory, self.table.block(seat)), last) {
                (here @ Presence::Here(_), _) => return here,
                (died @ Presence::Died(_), _) | (died @ Presence::Left(_), Presence::Never) => last = died,
                _ => {}
            }
        }
        last
    }

    /// The number of holders so far.
    pub(crate) fn holders_so_far(&self, region: &Region) -> u64 {
        let epochs = (0..self.table.seats).filter_map(|seat| {
            let state = WordRef::new(region, self.table.block(seat).state())?;
            // Relaxed: the caller only compares this number with a later one, and reads nothing
            // through it.
            Some(SeatState::from_word(state.load(Relaxed)).epoch())
        });
        epochs.fold(0, u64::wrapping_add)
    }
}

/// A participant in the seats of `table`: one that is present, if any is.
pub(crate) fn presence_of<M: Memory>(memory: &M, table: SeatTable) -> Presence {
    Peers::new(table).presence(memory)
}

/// The state of the seat at `block`, as shared memory shows it. `None` if there is no such block.
#[inline]
fn recorded_state(region: &Region, block: SeatBlock) -> Option<SeatState> {
    let state = WordRef::new(region, block.state())?;
    // Acquire: E3, pairs with the peer's `Seat::release` and with `verified_state`; one more look
    // at the ring finds all that the peer published before.
    Some(SeatState::from_word(state.load(Acquire)))
}
