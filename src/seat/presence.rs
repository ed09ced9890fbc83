//! [`Presence`]: whether a participant is alive, departed or dead; and how a death is proved and
//! recorded.
use crate::identity::Identity;
use crate::layout::{SeatBlock, SeatState, State};
use crate::memory::{Memory, Region, WordRef};
use crate::sync::{Acquire, Relaxed, Release};

/// Whether a participant holds a seat, or how the last holder departed: see
/// [`Ring::presence`](crate::ring::Ring::presence).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The seat has never been held. Also returned where that cannot be known: if the ring's file
    /// was truncated, and in a forked child, which must open the ring again.
    Never,
    /// This participant holds the seat. If the memory cannot prove deaths (a heap, a static), the
    /// participant may have died.
    Here(Identity),
    /// This participant held the seat last, and released it.
    Left(Identity),
    /// This participant held the seat last, and died.
    Died(Identity),
}

impl Presence {
    /// The identity of the present or last holder. `None` if the seat has never been held.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Role, spsc::Ring};
    /// # let ring = Ring::<u32>::on_heap(&Options::new().capacity(8))?;
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

/// The state of the seat at `block`. If the witness proves that its holder is dead, records *died*
/// in it (I2).
fn verified_state<M: Memory>(memory: &M, block: SeatBlock, state: &WordRef) -> SeatState {
    // Acquire: E3, pairs with the holder's `Seat::release` and with this function's own exchange in
    // another participant; all that the holder did in the seat is visible.
    let seen = SeatState::from_word(state.load(Acquire));
    if seen.state() != State::Taken
        || !memory.is_proved_dead(block.span())
        || memory.is_running(&block.identity(&memory.region()))
    {
        return seen;
    }
    let died = seen.now(State::Died);
    // Release: E3, pairs with `recorded_state`, `verified_state` and `acquire`; the proof ordered
    // all stores of the dead holder before this exchange, so they are visible to a participant that
    // reads *died*. If the exchange fails, the seat has changed hands since the proof, so the proof
    // is stale; the next check sees the new state.
    match state.compare_exchange(seen.word(), died.word(), Release, Relaxed) {
        Ok(_) => died,
        Err(_) => seen,
    }
}

/// The state of the seat at `block`, after a check by the witness: see [`verified_state`]. `None`
/// if there is no such block.
pub(crate) fn verified_state_at<M: Memory>(memory: &M, block: SeatBlock) -> Option<SeatState> {
    let state = WordRef::new(&memory.region(), block.state())?;
    Some(verified_state(memory, block, &state))
}

/// Whether a participant holds the seat at `block`, after a check by the witness.
pub(crate) fn presence<M: Memory>(memory: &M, block: SeatBlock) -> Presence {
    let Some(state) = verified_state_at(memory, block) else { return Presence::Never };
    let who = block.identity(&memory.region());
    match state.state() {
        State::Never => Presence::Never,
        State::Taken => Presence::Here(who),
        State::Left | State::Finished => Presence::Left(who),
        State::Died => Presence::Died(who),
    }
}

/// The last holder of the seat at `block`, if the low 16 bits of the seat's epoch equal `epoch`.
///
/// The answer may be wrong: a participant that is about to take the seat may have written its own
/// identity already.
pub(crate) fn identity_of(region: &Region, block: SeatBlock, epoch: u16) -> Option<Identity> {
    let identity = block.identity(region);
    // Relaxed: for display.
    let state = SeatState::from_word(WordRef::new(region, block.state())?.load(Relaxed));
    (state.epoch() as u16 == epoch).then_some(identity)
}
