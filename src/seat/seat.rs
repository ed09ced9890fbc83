//! [`Seat`]: a role in the ring, held until the value is dropped.
use core::cell::Cell;

use super::doorbell::Doorbell;
use super::peers::{Attendance, Peers};
use super::presence::Presence;
use crate::error::{Corruption, Departure, SeatError};
use crate::identity::{Identity, Label, Role};
use crate::layout::{Geometry, Kind, RoleBlock, SeatState, State};
use crate::memory::{Memory, Offset, Region, SeatLock, WordRef};
use crate::sync::{Acquire, Relaxed, Release};
use crate::wait::{self, WaitWord};

/// A seat that this participant holds. Dropping it releases the seat.
///
/// | kind and role | sleeps on the parked word of | after publishing checks | waits for |
/// |---|---|---|---|
/// | `spsc` producer | its own block | the consumer's parked word | the consumer |
/// | `mpsc` producer | the producers' common block | the consumer's parked word | the consumer |
/// | `lanes` producer | its own block | its own armed word (see [`Doorbell`]) | the consumer |
/// | `spsc` consumer | its own block | the producer's parked word | the producer |
/// | `mpsc` consumer | its own block | the common block's parked word | all producers |
/// | `lanes` consumer | its own block | the parked word of the lane's producer | all producers |
pub struct Seat<M: Memory> {
    memory: M,
    geometry: Geometry,
    role: Role,
    index: u16,
    block: RoleBlock,
    state: WordRef,
    previous: PreviousHolder,
    /// The state that `drop` stores.
    state_after: State,
    /// The parked word on which the holder sleeps.
    wait_word: WordRef,
    /// The word that the holder checks after publishing. If it is odd, the consumer wants a
    /// notification.
    notify_word: WordRef,
    /// How to notify the consumer if `notify_word` is odd. `None` if the consumer sleeps on
    /// `notify_word` itself.
    doorbell: Option<Doorbell>,
    peers: Peers,
    /// Whether the ring was found without its name while no peer had come.
    is_unlinked: Cell<bool>,
    /// Whether this process is registered for barriers, so that a waiting participant's barrier is
    /// a full fence here: see `wait`.
    barrier_registered: bool,
}

/// The most changes of a state word while a participant takes the seat. Peers that keep the
/// protocol change it once.
const MAX_STATE_CHANGES: u32 = 100;

impl<M: Memory> Seat<M> {
    /// Takes the consumer's seat, or the first free one of the producers' seats. Skips a seat for
    /// which `is_seat_reusable` returns `false`.
    pub(crate) fn take(
        memory: &M,
        geometry: &Geometry,
        role: Role,
        label: Option<Label>,
        is_seat_reusable: impl Fn(&Region, RoleBlock) -> bool,
    ) -> Result<Self, SeatError> {
        if !memory.is_own_process() {
            return Err(SeatError::Inherited);
        }
        geometry.check(memory)?;
        // Before this participant publishes anything.
        let barrier_registered = !geometry.fenced && memory.register_barrier();
        let own = memory.identity();
        let who = Identity { label: label.unwrap_or(own.label), ..own };
        let seats = if role == Role::Consumer { 1 } else { geometry.producers };
        let mut unresolved = 0;
        // First the seats that were never held or were given back, then all. So the record of a
        // death stays visible as long as there is another seat.
        for first_choice in [true, false] {
            unresolved = 0;
            for index in 0..seats {
                let block =
                    if role == Role::Consumer { geometry.consumer() } else { geometry.producer(index) };
                let state = word(&memory.region(), block.state())?;
                // Relaxed: decides only in which of the two passes the seat is tried.
                let found = SeatState::from_word(state.load(Relaxed)).state();
                if first_choice && matches!(found, State::Taken | State::Died) {
                    continue;
                }
                match acquire(memory, block, &state, &who, &is_seat_reusable)? {
                    Ok(previous) => {
                        // The index fits: there are at most 2^16 - 1 seats.
                        let index = index as u16;
                        return Self::finish_acquire(
                            memory,
                            geometry,
                            role,
                            index,
                            previous,
                            barrier_registered,
                        );
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

    /// Builds the seat once its state word says *taken*, and notifies the peers.
    fn finish_acquire(
        memory: &M,
        geometry: &Geometry,
        role: Role,
        index: u16,
        previous: PreviousHolder,
        barrier_registered: bool,
    ) -> Result<Self, SeatError> {
        let region = memory.region();
        let seat = u64::from(index);
        let (block, wait_word, notify_word) = match (role, geometry.kind) {
            (Role::Consumer, _) => {
                (geometry.consumer(), geometry.consumer().parked(), geometry.common().parked())
            }
            (Role::Producer, Kind::Lanes) => {
                let block = geometry.producer(seat);
                (block, block.parked(), block.armed())
            }
            (Role::Producer, Kind::Spsc | Kind::Mpsc) => {
                (geometry.producer(seat), geometry.common().parked(), geometry.consumer().parked())
            }
        };
        let has_doorbell = role == Role::Producer && geometry.kind == Kind::Lanes;
        let seat = Self {
            memory: memory.clone(),
            geometry: *geometry,
            role,
            index,
            block,
            state: word(&region, block.state())?,
            previous,
            state_after: State::Left,
            wait_word: word(&region, wait_word)?,
            notify_word: word(&region, notify_word)?,
            doorbell: if has_doorbell { Some(Doorbell::new(&region, geometry, seat)?) } else { None },
            peers: Peers::new(geometry, role),
            is_unlinked: Cell::new(false),
            barrier_registered,
        };
        // Peers may be waiting for a participant in this seat.
        match &seat.doorbell {
            // Even if the word is not armed: the last holder may have died after it cleared the
            // word and before it notified.
            Some(doorbell) => doorbell.notify(&seat.memory, &seat.notify_word),
            None => seat.notify_peers(),
        }
        Ok(seat)
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Checks that the ring still has all its bytes. Makes a system call.
    pub(crate) fn check_mapping(&self) -> Result<(), Corruption> {
        self.geometry.check(&self.memory)
    }

    /// The index of a producer's seat; 0 for the consumer's.
    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    /// Records, when the seat is given back, that its holder has finished.
    pub(crate) fn finish(&mut self) {
        self.state_after = State::Finished;
    }

    /// Releases the seat and restores the state and identity that it had before.
    pub(crate) fn release_unchanged(mut self) {
        // A previous holder in state *taken* was dead, else `acquire` would have failed.
        self.state_after =
            if self.previous.state == State::Taken { State::Died } else { self.previous.state };
        self.block.write_identity(&self.memory.region(), &self.previous.identity);
    }

    /// The word on which the holder sleeps.
    pub(crate) fn wait_word(&self) -> WaitWord<'_> {
        let has_several_sleepers = self.role == Role::Producer && self.geometry.kind == Kind::Mpsc;
        WaitWord { parked: &self.wait_word, has_several_sleepers, fenced: self.geometry.fenced }
    }

    /// Wakes the consumer if it sleeps. Call after publishing anything that the consumer may wait
    /// for.
    #[inline(always)]
    pub(crate) fn notify_consumer(&self) {
        if wait::has_waiters(&self.notify_word, self.barrier_registered) {
            self.notify_waiting_consumer();
        }
    }

    #[cold]
    fn notify_waiting_consumer(&self) {
        match &self.doorbell {
            Some(doorbell) => doorbell.notify(&self.memory, &self.notify_word),
            None => wait::notify(&self.memory, &self.notify_word, u32::MAX),
        }
    }

    /// Wakes at most `most()` of the producers that sleep on `parked`. Call after releasing cells.
    #[inline(always)]
    pub(crate) fn notify_producers(&self, parked: &WordRef, most: impl FnOnce() -> u32) {
        if wait::has_waiters(parked, self.barrier_registered) {
            self.notify_waiting_producers(parked, most());
        }
    }

    #[cold]
    fn notify_waiting_producers(&self, parked: &WordRef, most: u32) {
        if most > 0 {
            wait::notify(&self.memory, parked, most);
        }
    }

    /// Wakes all peers that sleep.
    fn notify_peers(&self) {
        self.notify_consumer();
        if self.role == Role::Consumer && self.geometry.kind == Kind::Lanes {
            let region = self.memory.region();
            for seat in 0..self.geometry.producers {
                if let Some(parked) = WordRef::new(&region, self.geometry.producer(seat).parked()) {
                    wait::notify_if_waiting(&self.memory, &parked, self.barrier_registered);
                }
            }
        }
    }

    /// The peer. Of several peers, one that is present if there is one.
    pub(crate) fn peer_presence(&self) -> Presence {
        if self.check_mapping().is_err() {
            return Presence::Never;
        }
        self.peers.presence(&self.memory)
    }

    /// The number of holders that the peers' seats have had, present ones included.
    pub(crate) fn peer_holders(&self) -> u64 {
        self.peers.holders_so_far(&self.memory.region())
    }

    /// How the peers departed, if all have, as far as shared memory shows; or that none can come,
    /// if `check_peers` has found that. Makes no system call.
    #[inline]
    pub(crate) fn departure(&self) -> Option<Departure> {
        self.departure_of(self.peers.recorded(&self.memory))
    }

    /// How the peers departed, if all have, or that none can come. Asks the witness, and records
    /// the deaths that it proves.
    pub(crate) fn check_peers(&self) -> Option<Departure> {
        let attendance = self.peers.verified(&self.memory);
        if attendance == Attendance::NoneYet {
            self.is_unlinked.set(self.memory.is_unlinked());
        }
        self.departure_of(attendance)
    }

    fn departure_of(&self, peers: Attendance) -> Option<Departure> {
        match peers {
            Attendance::Present => None,
            Attendance::NoneYet => self.is_unlinked.get().then_some(Departure::Unlinked),
            Attendance::Departed(how) => Some(how),
        }
    }
}

fn word(region: &Region, at: Offset) -> Result<WordRef, Corruption> {
    WordRef::new(region, at).ok_or(Corruption::Outside)
}

/// Releases the seat, and wakes the peers.
impl<M: Memory> Drop for Seat<M> {
    fn drop(&mut self) {
        // A forked child has a copy of the handle, but does not hold the seat.
        if self.memory.is_own_process() {
            // A truncated file must not be written to.
            let is_complete = self.check_mapping().is_ok();
            if is_complete {
                // Release: E3, pairs with `acquire`, `recorded_state` and `verified_state`; all
                // that the holder did in the seat is visible with it.
                self.state.store(self.previous.taken.now(self.state_after).word(), Release);
            }
            self.memory.unlock_seat(self.block.span());
            if is_complete {
                self.notify_peers();
            }
        }
    }
}

/// Locks the seat.
///
/// A holder that leaves stores *left* first and then unlocks. So a seat that is *left* and still
/// locked will be free in a moment, and this function retries. The retries are enough, unless the
/// holder was stopped between the two steps.
fn lock_seat<M: Memory>(memory: &M, block: RoleBlock, state: &WordRef) -> Result<SeatLock, SeatError> {
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
    block: RoleBlock,
    state: &WordRef,
    who: &Identity,
    is_seat_reusable: impl Fn(&Region, RoleBlock) -> bool,
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
    // no holder dies, and a holder that left has left no open claim to `is_seat_reusable`. An old
    // value at worst refuses the seat once more than needed.
    let mut found = SeatState::from_word(state.load(Relaxed));
    // With a witness: *taken* and yet not locked, so the holder is dead, unless it has lost its
    // lock and still runs.
    if found.state() == State::Taken && (!witnessed || memory.is_running(&block.identity(&region))) {
        return refuse(Unavailable::Taken);
    }
    if !is_seat_reusable(&region, block) {
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
        // Acquire: E3, pairs with `Seat::drop` and `verified_state`; all that the last holder did
        // in the seat is visible from here on.
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
