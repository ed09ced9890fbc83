//! [`Seat`]: a place in the ring, taken until it is dropped.
use crate::error::{Corruption, Departure, SeatError};
use crate::identity::{Identity, Label, Role};
use crate::layout::{RoleBlock, SeatState, State};
use crate::memory::{Claim, Memory, Region, WordRef};
use crate::sync::{Acquire, Relaxed, Release};
use crate::wait::{self, Awaited};

/// A taken seat. Dropping it gives it back.
pub(crate) struct Seat<M: Memory> {
    memory: M,
    block: RoleBlock,
    state: WordRef,
    /// What the state word holds while the seat is ours.
    taken: SeatState,
    parked: WordRef,
    peer: Peer,
    /// Whether sleepers' barriers reach this process: see `wait`.
    reached: bool,
}

/// The seat across the ring.
struct Peer {
    block: RoleBlock,
    state: WordRef,
    parked: WordRef,
}

/// Who is in a seat: see [`Ring::presence`](crate::spsc::Ring::presence).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nobody ever was.
    Never,
    /// This participant is, as far as can be known; without a witness, it may have died.
    Here(Identity),
    /// This participant was, and gave it back.
    Left(Identity),
    /// This participant was, and died.
    Died(Identity),
}

/// How often a state word may change while somebody takes the seat: peers that keep the protocol change it once.
const MOST_CHANGES: u32 = 100;

impl<M: Memory> Seat<M> {
    /// Takes the seat at `block`, which faces the one at `peer`.
    pub(crate) fn take(
        memory: &M,
        role: Role,
        block: RoleBlock,
        peer: RoleBlock,
        label: Option<Label>,
    ) -> Result<Self, SeatError> {
        let region = memory.region();
        let part = |word: Option<WordRef>| word.ok_or(Corruption::Outside);
        let state = part(block.state(&region))?;
        let parked = part(block.parked(&region))?;
        let peer =
            Peer { block: peer, state: part(peer.state(&region))?, parked: part(peer.parked(&region))? };

        // Before anything is published from this seat.
        let reached = memory.is_reached_by_barriers();
        let own = memory.identity();
        let who = Identity { label: label.unwrap_or(own.label), ..own };
        let Some(taken) = occupy(memory, block, &state, &who)? else {
            return Err(SeatError::SeatTaken { role, by: block.identity(&region) });
        };
        let seat = Self { memory: memory.clone(), block, state, taken, parked, peer, reached };
        // The peer may be waiting for somebody to come.
        seat.wake_peer();
        Ok(seat)
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// The word that this seat's holder parks on.
    pub(crate) fn parked(&self) -> &WordRef {
        &self.parked
    }

    /// Wakes the peer if it sleeps. Call it after publishing something that it may wait for.
    #[inline(always)]
    pub(crate) fn wake_peer(&self) {
        wait::wake(&self.memory, &self.peer.parked, self.reached);
    }

    /// Who is in the seat across.
    pub(crate) fn peer(&self) -> Presence {
        presence(&self.memory, self.peer.block)
    }

    /// How many have sat in the seat across, the one who does so now included.
    pub(crate) fn peers_so_far(&self) -> u64 {
        // Relaxed: a number to compare with a later one; nothing is read through it.
        SeatState::from_word(self.peer.state.load(Relaxed)).epoch()
    }
}

/// Whoever sits in a seat waits for the peer.
impl<M: Memory> Awaited for Seat<M> {
    type Departure = Departure;

    #[inline]
    fn departed(&self) -> Option<Departure> {
        // Acquire: E3, pairs with the peer's leave; what it published before is found by one more look.
        departure(SeatState::from_word(self.peer.state.load(Acquire)).state())
    }

    fn departed_by_proof(&self) -> Option<Departure> {
        departure(proved(&self.memory, self.peer.block, &self.peer.state).state())
    }
}

impl Presence {
    /// Who it is, or was: none if nobody ever was.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Role, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// assert!(ring.presence(Role::Producer).identity().is_none());
    /// let _seat = ring.producer()?;
    /// assert!(ring.presence(Role::Producer).identity().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn identity(&self) -> Option<Identity> {
        match self {
            Self::Never => None,
            Self::Here(who) | Self::Left(who) | Self::Died(who) => Some(*who),
        }
    }
}

/// Gives the seat back, and tells a sleeping peer.
impl<M: Memory> Drop for Seat<M> {
    fn drop(&mut self) {
        // A forked child has a copy of the handle, not the seat.
        if self.memory.is_claimant() {
            // Release: E3, pairs with `occupy` and `departed`; all that was done in the seat is visible with it.
            self.state.store(self.taken.now(State::Left).word(), Release);
            self.memory.disclaim(self.block.span());
            self.wake_peer();
        }
    }
}

/// Claims the seat. Whoever leaves says so first and then gives its claim up, so a seat that was *left* and is still
/// held will be free in a moment: a few more attempts, which is enough unless it was stopped just there.
fn claim<M: Memory>(memory: &M, block: RoleBlock, state: &WordRef) -> Result<Claim, SeatError> {
    let mut attempts = 1000;
    loop {
        let claim = memory.claim(block.span()).map_err(|errno| SeatError::Lock { errno })?;
        // Relaxed: only says whether to try again.
        let is_left = SeatState::from_word(state.load(Relaxed)).state() == State::Left;
        if claim != Claim::Held || !is_left || attempts == 0 {
            return Ok(claim);
        }
        attempts -= 1;
        core::hint::spin_loop();
    }
}

/// Moves the state word to *taken*, and says who took it; what the word holds now, or none if somebody has the seat.
fn occupy<M: Memory>(
    memory: &M,
    block: RoleBlock,
    state: &WordRef,
    who: &Identity,
) -> Result<Option<SeatState>, SeatError> {
    let witnessed = match claim(memory, block, state)? {
        Claim::Granted => true,
        Claim::NoWitness => false,
        Claim::Held => return Ok(None),
        Claim::Inherited => return Err(SeatError::Inherited),
    };
    if witnessed {
        // The claim keeps all others out already, and who asks meanwhile is to be told the right name.
        block.introduce(&memory.region(), who);
    }
    // Relaxed: the exchange below is what counts.
    let mut found = SeatState::from_word(state.load(Relaxed));
    for _ in 0..MOST_CHANGES {
        if found.state() == State::Taken && !witnessed {
            return Ok(None);
        }
        let taken = found.taken();
        // Acquire: E3, pairs with the last holder's leave; what it did in the seat is seen from here on.
        match state.compare_exchange(found.word(), taken.word(), Acquire, Relaxed) {
            Ok(_) if witnessed => return Ok(Some(taken)),
            Ok(_) => {
                block.introduce(&memory.region(), who);
                return Ok(Some(taken));
            }
            // A peer has just stored *died*; or, without a witness, another participant was faster.
            Err(now) => found = SeatState::from_word(now),
        }
    }
    if witnessed {
        memory.disclaim(block.span());
    }
    Err(Corruption::Seat { found: found.word() }.into())
}

fn departure(state: State) -> Option<Departure> {
    match state {
        State::Never | State::Taken => None,
        State::Left => Some(Departure::Left),
        State::Died => Some(Departure::Died),
    }
}

/// The state of a seat; *died* is noted in it if that can be proved (I2).
fn proved<M: Memory>(memory: &M, block: RoleBlock, state: &WordRef) -> SeatState {
    // Acquire: E3, pairs with the holder's leave, as in `departed`.
    let seen = SeatState::from_word(state.load(Acquire));
    if seen.state() != State::Taken || !memory.is_proved_dead(block.span()) {
        return seen;
    }
    let died = seen.now(State::Died);
    // Release: E3, pairs with `departed`; the proof has ordered the holder's stores before this, also for others who
    // find the word. If it moved meanwhile, the proof was not of who is there now: whoever asks again finds out.
    match state.compare_exchange(seen.word(), died.word(), Release, Relaxed) {
        Ok(_) => died,
        Err(_) => seen,
    }
}

/// Who is in the seat at `block`.
pub(crate) fn presence<M: Memory>(memory: &M, block: RoleBlock) -> Presence {
    let region: Region = memory.region();
    let Some(state) = block.state(&region) else { return Presence::Never };
    let who = block.identity(&region);
    match proved(memory, block, &state).state() {
        State::Never => Presence::Never,
        State::Taken => Presence::Here(who),
        State::Left => Presence::Left(who),
        State::Died => Presence::Died(who),
    }
}
