//! [`Seat`]: a place in the ring, taken until it is dropped.
use super::peers::Peers;
use super::doorbell::Doorbell;
use super::presence::Presence;
use crate::error::{Corruption, Departure, SeatError};
use crate::identity::{Identity, Label, Role};
use crate::layout::{Geometry, Kind, RoleBlock, SeatState, State};
use crate::memory::{SeatLock, Memory, Offset, Region, WordRef};
use crate::sync::{Acquire, Relaxed, Release};
use crate::wait::{self, WaitWord};

/// A taken seat. Dropping it gives it back.
///
/// | kind, end | sleeps on the parked word of | after publishing looks at | waits for |
/// |---|---|---|---|
/// | `spsc` producer | its own block | the consumer's parked word | the consumer |
/// | `mpsc` producer | the producers' common block | the consumer's parked word | the consumer |
/// | `lanes` producer | its own block | its own armed word: see [`Doorbell`] | the consumer |
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
    found: Found,
    /// What is to stand in it afterwards.
    afterwards: State,
    /// What its holder sleeps on.
    bed: WordRef,
    /// What a producer looks at after it has published.
    alarm: WordRef,
    /// What it rings if the alarm is set: none if the alarm is itself the word that the consumer sleeps on.
    bell: Option<Doorbell>,
    peers: Peers,
    /// Whether sleepers' barriers reach this process: see `wait`.
    reached: bool,
}

/// How often a state word may change while somebody takes the seat: peers that keep the protocol change it once.
const MOST_CHANGES: u32 = 100;

impl<M: Memory> Seat<M> {
    /// Takes the consumer's seat, or the first free one of the producers. A seat that `may` refuses is passed over.
    pub(crate) fn take(
        memory: &M,
        geometry: &Geometry,
        role: Role,
        label: Option<Label>,
        may: impl Fn(&Region, RoleBlock) -> bool,
    ) -> Result<Self, SeatError> {
        geometry.check(memory)?;
        // Before anything is published from this seat.
        let reached = !geometry.fenced && memory.register_barrier();
        let own = memory.identity();
        let who = Identity { label: label.unwrap_or(own.label), ..own };
        let seats = if role == Role::Consumer { 1 } else { geometry.producers };
        let mut unresolved = 0;
        // First those that are free by their state, then all: holders may have died, or left meanwhile.
        for seem_free in [true, false] {
            unresolved = 0;
            for index in 0..seats {
                let block =
                    if role == Role::Consumer { geometry.consumer() } else { geometry.producer(index) };
                let state = word(&memory.region(), block.state())?;
                // Relaxed: only says in which turn the seat is tried.
                let is_taken = SeatState::from_word(state.load(Relaxed)).state() == State::Taken;
                if seem_free && is_taken {
                    continue;
                }
                match occupy(memory, block, &state, &who, &may)? {
                    // Fits: there are at most 2^16 - 1 seats.
                    Ok(found) => return Self::sit(memory, geometry, role, index as u16, found, reached),
                    Err(Unavailable::Taken) if seats == 1 && !seem_free => {
                        return Err(SeatError::SeatTaken { role, by: block.identity(&memory.region()) });
                    }
                    Err(Unavailable::Taken) => {}
                    Err(Unavailable::Unresolved) => unresolved += 1,
                }
            }
        }
        Err(SeatError::AllTaken { role, seats, unresolved })
    }

    /// The rest of it, once the state word says *taken*.
    fn sit(
        memory: &M,
        geometry: &Geometry,
        role: Role,
        index: u16,
        found: Found,
        reached: bool,
    ) -> Result<Self, SeatError> {
        let region = memory.region();
        let seat = u64::from(index);
        let (block, bed, alarm) = match (role, geometry.kind) {
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
        let rings = role == Role::Producer && geometry.kind == Kind::Lanes;
        let seat = Self {
            memory: memory.clone(),
            geometry: *geometry,
            role,
            index,
            block,
            state: word(&region, block.state())?,
            found,
            afterwards: State::Left,
            bed: word(&region, bed)?,
            alarm: word(&region, alarm)?,
            bell: if rings { Some(Doorbell::new(&region, geometry, seat)?) } else { None },
            peers: Peers::new(geometry, role),
            reached,
        };
        // Those across may be waiting for somebody to come.
        match &seat.bell {
            // Whether it is armed or not: the last holder may have died between disarming it and ringing.
            Some(bell) => bell.notify(&seat.memory, &seat.alarm),
            None => seat.wake_all(),
        }
        Ok(seat)
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Makes sure that nobody has taken away bytes of the ring. Asks the system.
    pub(crate) fn check_mapping(&self) -> Result<(), Corruption> {
        self.geometry.check(&self.memory)
    }

    /// Which of the producers' seats it is; 0 for the consumer's.
    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    /// Records, when it is dropped, that its holder has finished.
    pub(crate) fn finish(&mut self) {
        self.afterwards = State::Finished;
    }

    /// Gives the seat back as if nobody had been in it.
    pub(crate) fn release_unchanged(mut self) {
        // A last holder that still had it was dead.
        self.afterwards = if self.found.state == State::Taken { State::Died } else { self.found.state };
        self.block.write_identity(&self.memory.region(), &self.found.holder);
    }

    /// Where its holder sleeps.
    pub(crate) fn wait_word(&self) -> WaitWord<'_> {
        let shared = self.role == Role::Producer && self.geometry.kind == Kind::Mpsc;
        WaitWord { parked: &self.bed, shared, fenced: self.geometry.fenced }
    }

    /// Wakes the consumer if it sleeps. Call it after publishing something that it may wait for.
    #[inline(always)]
    pub(crate) fn notify_consumer(&self) {
        if wait::has_waiters(&self.alarm, self.reached) {
            self.alert();
        }
    }

    #[cold]
    fn alert(&self) {
        match &self.bell {
            Some(bell) => bell.notify(&self.memory, &self.alarm),
            None => wait::notify(&self.memory, &self.alarm, u32::MAX),
        }
    }

    /// Wakes producers that sleep on `parked`, `most` of them, if some do. Call it after giving room back.
    #[inline(always)]
    pub(crate) fn notify_producers(&self, parked: &WordRef, most: impl FnOnce() -> u32) {
        if wait::has_waiters(parked, self.reached) {
            self.tell_of_room(parked, most());
        }
    }

    #[cold]
    fn tell_of_room(&self, parked: &WordRef, most: u32) {
        if most > 0 {
            wait::notify(&self.memory, parked, most);
        }
    }

    /// Wakes all those across who sleep.
    fn wake_all(&self) {
        self.notify_consumer();
        if self.role == Role::Consumer && self.geometry.kind == Kind::Lanes {
            let region = self.memory.region();
            for seat in 0..self.geometry.producers {
                if let Some(parked) = WordRef::new(&region, self.geometry.producer(seat).parked()) {
                    wait::notify_if_waiting(&self.memory, &parked, self.reached);
                }
            }
        }
    }

    /// Who is in the seats peers: of several, one who is here, if anybody is.
    pub(crate) fn peer_presence(&self) -> Presence {
        if self.check_mapping().is_err() {
            return Presence::Never;
        }
        self.peers.presence(&self.memory)
    }

    /// How many have sat in the seats across, those who do so now included.
    pub(crate) fn peer_holders(&self) -> u64 {
        self.peers.holders_so_far(&self.memory.region())
    }

    /// How those across went, as far as is noted, if all of them did. No system call.
    #[inline]
    pub(crate) fn departure(&self) -> Option<Departure> {
        self.peers.departed(&self.memory)
    }

    /// How those across went, if all of them did; asks the witness, and notes what it says.
    pub(crate) fn check_peers(&self) -> Option<Departure> {
        self.peers.check_peers(&self.memory)
    }
}

fn word(region: &Region, at: Offset) -> Result<WordRef, Corruption> {
    WordRef::new(region, at).ok_or(Corruption::Outside)
}

/// Gives the seat back, and tells those across.
impl<M: Memory> Drop for Seat<M> {
    fn drop(&mut self) {
        // A forked child has a copy of the handle, not the seat.
        if self.memory.is_own_process() {
            // A truncated file is not written to.
            let is_there = self.check_mapping().is_ok();
            if is_there {
                // Release: E3, pairs with `occupy` and `departed`; all that was done in the seat is visible with it.
                self.state.store(self.found.taken.now(self.afterwards).word(), Release);
            }
            self.memory.unlock_seat(self.block.span());
            if is_there {
                self.wake_all();
            }
        }
    }
}

/// ClaimProtocol the seat. Whoever leaves says so first and then gives its claim up, so a seat that was *left* and is still
/// held will be free in a moment: a few more attempts, which is enough unless it was stopped just there.
fn lock_seat<M: Memory>(memory: &M, block: RoleBlock, state: &WordRef) -> Result<SeatLock, SeatError> {
    let mut attempts = 1000;
    loop {
        let claim = memory.lock_seat(block.span()).map_err(|errno| SeatError::Lock { errno })?;
        // Relaxed: only says whether to try again.
        let is_left = SeatState::from_word(state.load(Relaxed)).state() == State::Left;
        if claim != SeatLock::Held || !is_left || attempts == 0 {
            return Ok(claim);
        }
        attempts -= 1;
        crate::sync::pause();
    }
}

/// Why a seat cannot be taken now.
enum Unavailable {
    /// Somebody has it.
    Taken,
    /// What its last holder left has to be dealt with first, by somebody else.
    Unresolved,
}

/// A seat as it was found.
struct Found {
    state: State,
    /// Who held it last.
    holder: Identity,
    /// What the state word holds from now on.
    taken: SeatState,
}

/// Moves the state word to *taken*, and says who took it.
fn occupy<M: Memory>(
    memory: &M,
    block: RoleBlock,
    state: &WordRef,
    who: &Identity,
    may: impl Fn(&Region, RoleBlock) -> bool,
) -> Result<Result<Found, Unavailable>, SeatError> {
    let region = memory.region();
    let witnessed = match lock_seat(memory, block, state)? {
        SeatLock::Acquired => true,
        SeatLock::Unsupported => false,
        SeatLock::Held => return Ok(Err(Unavailable::Taken)),
        SeatLock::Inherited => return Err(SeatError::Inherited),
    };
    let refuse = |why| {
        if witnessed {
            memory.unlock_seat(block.span());
        }
        Ok(Err(why))
    };
    // Relaxed: the claim has made visible whatever its last holder did. Without a witness nobody dies, and who left has
    // left nothing to `may`; an old value only refuses the seat once more than needed.
    let mut found = SeatState::from_word(state.load(Relaxed));
    // Taken, and yet to be claimed: by somebody dead, unless it lost its claim and goes on.
    if found.state() == State::Taken && (!witnessed || memory.is_running(&block.identity(&region))) {
        return refuse(Unavailable::Taken);
    }
    if !may(&region, block) {
        return refuse(Unavailable::Unresolved);
    }
    let holder = block.identity(&region);
    if witnessed {
        // The claim keeps all others out already, and who asks meanwhile is to be told the right name.
        block.write_identity(&region, who);
    }
    for _ in 0..MOST_CHANGES {
        if found.state() == State::Taken && !witnessed {
            return refuse(Unavailable::Taken);
        }
        let taken = found.taken();
        // Acquire: E3, pairs with the last holder's leave; what it did in the seat is seen from here on.
        match state.compare_exchange(found.word(), taken.word(), Acquire, Relaxed) {
            Ok(_) => {
                if !witnessed {
                    block.write_identity(&region, who);
                }
                return Ok(Ok(Found { state: found.state(), holder, taken }));
            }
            // A peer has just stored *died*; or, without a witness, another participant was faster.
            Err(now) => found = SeatState::from_word(now),
        }
    }
    if witnessed {
        memory.unlock_seat(block.span());
    }
    Err(Corruption::Seat { found: found.word() }.into())
}
