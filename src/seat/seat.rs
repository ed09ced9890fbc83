//! [`Seat`]: a lock and a state word, held until the value is released.
use crate::error::{Corruption, SeatError};
use crate::identity::{Identity, Role};
use crate::layout::{Header, SeatBlock, SeatState, SeatTable, State};
use crate::memory::{Memory, SeatLock, WordRef};
use crate::sync::{Acquire, Relaxed, Release};

/// A seat that this participant holds, until it calls [`release`](Self::release) or drops it.
pub(crate) struct Seat<M: Memory> {
    memory: M,
    header: Header,
    block: SeatBlock,
    index: u16,
    state: WordRef,
    previous: PreviousHolder,
    /// The state that `release` stores.
    state_after: State,
    is_released: bool,
}

/// The most changes of a state word while a participant takes the seat. Peers that keep the
/// protocol change it once.
const MAX_STATE_CHANGES: u32 = 100;

impl<M: Memory> Seat<M> {
    /// Takes the first free seat of `table`, the seats of `role`, for the participant `who`. Skips
    /// a seat for which `is_reusable` returns `false`.
    ///
    /// The caller has checked that the segment has all its bytes.
    pub(crate) fn take(
        memory: &M,
        header: &Header,
        (role, table): (Role, SeatTable),
        who: &Identity,
        is_reusable: impl Fn(u16) -> bool,
    ) -> Result<Self, SeatError> {
        let seats = table.seats;
        let mut unresolved = 0;
        // First the seats that were never held or were given back, then all. So the record of a
        // death stays visible as long as there is another seat.
        for first_choice in [true, false] {
            unresolved = 0;
            for index in 0..seats {
                let block = table.block(index);
                // The index fits: there are at most 2^16 - 1 seats.
                let index = index as u16;
                let state = WordRef::new(&memory.region(), block.state()).ok_or(Corruption::Outside)?;
                // Relaxed: decides only in which of the two passes the seat is tried.
                let found = SeatState::from_word(state.load(Relaxed)).state();
                if first_choice && matches!(found, State::Taken | State::Died) {
                    continue;
                }
                match acquire(memory, block, &state, who, || is_reusable(index))? {
                    Ok(previous) => {
                        return Ok(Self {
                            memory: memory.clone(),
                            header: *header,
                            block,
                            index,
                            state,
                            previous,
                            state_after: State::Left,
                            is_released: false,
                        });
                    }
                    Err(Unavailable::Taken) if seats == 1 && !first_choice => {
                        return Err(SeatError::SeatTaken { role, by: block.identity(&memory.region()) });
                    }
                    Err(Unavailable::Taken) => {}
                    Err(Unavailable::Unresolved) => unresolved += 1,
                }
            }
        }
        Err(SeatError::AllTaken { role, seats, unresolved })
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Its index among the seats of its role.
    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    /// Checks that the segment still has all its bytes. Makes a system call.
    pub(crate) fn check_mapping(&self) -> Result<(), Corruption> {
        self.header.check(&self.memory)
    }

    /// Records, when the seat is given back, that its holder has finished.
    pub(crate) fn finish(&mut self) {
        self.state_after = State::Finished;
    }

    /// Restores, when the seat is given back, the state and identity that it had before.
    pub(crate) fn leave_unchanged(&mut self) {
        // A previous holder in state *taken* was dead, else `acquire` would have failed.
        self.state_after =
            if self.previous.state == State::Taken { State::Died } else { self.previous.state };
        self.block.write_identity(&self.memory.region(), &self.previous.identity);
    }

    /// Gives the seat back. Returns whether peers can be notified of it: not in a forked child,
    /// which has a copy of the handle but does not hold the seat, and not if the file was
    /// truncated.
    pub(crate) fn release(&mut self) -> bool {
        if core::mem::replace(&mut self.is_released, true) || !self.memory.is_own_process() {
            return false;
        }
        // A truncated file must not be written to.
        let is_complete = self.check_mapping().is_ok();
        if is_complete {
            // Release: E3, pairs with `acquire`, `recorded_state` and `verified_state`; all that
            // the holder did in the seat is visible with it.
            self.state.store(self.previous.taken.now(self.state_after).word(), Release);
        }
        self.memory.unlock_seat(self.block.span());
        is_complete
    }
}

impl<M: Memory> Drop for Seat<M> {
    fn drop(&mut self) {
        self.release();
    }
}

/// Locks the seat.
///
/// A holder that leaves stores *left* first and then unlocks. So a seat that is *left* and still
/// locked will be free in a moment, and this function retries. The retries are enough, unless the
/// holder was stopped between the two steps.
fn lock_seat<M: Memory>(memory: &M, block: SeatBlock, state: &WordRef) -> Result<SeatLock, SeatError> {
    let mut attempts = 1000;
    loop {
        let lock = memory.lock_seat(block.span()).map_err(|errno| SeatError::Lock { errno })?;
        // Relaxed: decides only whether to try again.
        let is_left = SeatState::from_word(state.load(Relaxed)).state().is_given_back();
        if lock != SeatLock::Held || !is_left || attempts == 0 {
            return Ok(lock);
        }
        attempts -= 1;
        crate::sync::pause();
    }
}

/// Why a seat cannot be taken now.
enum Unavailable {
    /// A living participant holds it.
    Taken,
    /// The consumer must first decide the claim that the last holder left open.
    Unresolved,
}

/// What `acquire` found in the seat, and what it stored there.
struct PreviousHolder {
    state: State,
    identity: Identity,
    /// The state word that `acquire` stored.
    taken: SeatState,
}

/// Locks the seat, moves its state word to *taken*, and writes the identity of the new holder
/// `who`.
fn acquire<M: Memory>(
    memory: &M,
    block: SeatBlock,
    state: &WordRef,
    who: &Identity,
    is_reusable: impl Fn() -> bool,
) -> Result<Result<PreviousHolder, Unavailable>, SeatError> {
    let region = memory.region();
    let witnessed = match lock_seat(memory, block, state)? {
        SeatLock::Acquired => true,
        SeatLock::Unsupported => false,
        SeatLock::Held => return Ok(Err(Unavailable::Taken)),
    };
    // After the lock: as long as a seat is locked, `unlink_if_unused` removes no name.
    if memory.is_unlinked() {
        if witnessed {
            memory.unlock_seat(block.span());
        }
        return Err(SeatError::Unlinked);
    }
    let refuse = |why| {
        if witnessed {
            memory.unlock_seat(block.span());
        }
        Ok(Err(why))
    };
    // Relaxed: with a witness, the lock has made visible all that the last holder did. Without one
    // no holder dies, and a holder that left has left no open claim to `is_reusable`. An old
    // value at worst refuses the seat once more than needed.
    let mut found = SeatState::from_word(state.load(Relaxed));
    // With a witness: *taken* and yet not locked, so the holder is dead, unless it has lost its
    // lock and still runs.
    if found.state() == State::Taken && (!witnessed || memory.is_running(&block.identity(&region))) {
        return refuse(Unavailable::Taken);
    }
    if !is_reusable() {
        return refuse(Unavailable::Unresolved);
    }
    let identity = block.identity(&region);
    if witnessed {
        // Before the state word: the lock excludes all others already, and a peer that reads
        // *taken* must find the right name.
        block.write_identity(&region, who);
    }
    for _ in 0..MAX_STATE_CHANGES {
        if found.state() == State::Taken && !witnessed {
            return refuse(Unavailable::Taken);
        }
        let taken = found.taken();
        // Acquire: E3, pairs with `Seat::release` and `verified_state`; all that the last holder
        // did in the seat is visible from here on.
        match state.compare_exchange(found.word(), taken.word(), Acquire, Relaxed) {
            Ok(_) => {
                if !witnessed {
                    block.write_identity(&region, who);
                }
                return Ok(Ok(PreviousHolder { state: found.state(), identity, taken }));
            }
            // A peer has just stored *died*; or, without a witness, another participant took the
            // seat first.
            Err(now) => found = SeatState::from_word(now),
        }
    }
    if witnessed {
        memory.unlock_seat(block.span());
    }
    Err(Corruption::Seat { found: found.word() }.into())
}
