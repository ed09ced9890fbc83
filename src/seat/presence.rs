//! Who lives and who is dead: [`Presence`], and the proof of it.
use crate::identity::Identity;
use crate::layout::{RoleBlock, SeatState, State};
use crate::memory::{Memory, Region, WordRef};
use crate::sync::{Acquire, Relaxed, Release};

/// Who is in a seat: see [`Ring::presence`](crate::spsc::Ring::presence).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nobody ever was; or there is no telling any more, because the ring's file was truncated.
    Never,
    /// This participant is, as far as can be known; without a witness, it may have died.
    Here(Identity),
    /// This participant was, and gave it back.
    Left(Identity),
    /// This participant was, and died.
    Died(Identity),
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

/// The state of a seat; *died* is noted in it if that can be proved (I2).
fn proved<M: Memory>(memory: &M, block: RoleBlock, state: &WordRef) -> SeatState {
    // Acquire: E3, pairs with the holder's leave, as in `departed`.
    let seen = SeatState::from_word(state.load(Acquire));
    if seen.state() != State::Taken
        || !memory.is_proved_dead(block.span())
        || memory.is_running(&block.identity(&memory.region()))
    {
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

/// The state of the seat at `block`, proved as far as can be; none if there is no such block.
pub(crate) fn proved_at<M: Memory>(memory: &M, block: RoleBlock) -> Option<SeatState> {
    let state = WordRef::new(&memory.region(), block.state())?;
    Some(proved(memory, block, &state))
}

/// Who is in the seat at `block`.
pub(crate) fn presence<M: Memory>(memory: &M, block: RoleBlock) -> Presence {
    let Some(state) = proved_at(memory, block) else { return Presence::Never };
    let who = block.identity(&memory.region());
    match state.state() {
        State::Never => Presence::Never,
        State::Taken => Presence::Here(who),
        State::Left | State::Finished => Presence::Left(who),
        State::Died => Presence::Died(who),
    }
}

/// Who was the last holder of the seat at `block`, if its epoch ended on these bits, as far as can be known: somebody who is
/// about to sit down may have introduced itself already.
pub(crate) fn identity_of(region: &Region, block: RoleBlock, epoch: u16) -> Option<Identity> {
    let identity = block.identity(region);
    // Relaxed: for display.
    let state = SeatState::from_word(WordRef::new(region, block.state())?.load(Relaxed));
    (state.epoch() as u16 == epoch).then_some(identity)
}

/// Counts a record that a holder of the seat at `block` took to its grave; twice, if the consumer dies before it has passed.
pub(crate) fn count_loss(region: &Region, block: RoleBlock) {
    if let Some(lost) = WordRef::new(region, block.lost()) {
        // Relaxed: for display, and written only from the consumer's seat.
        let count = lost.load(Relaxed);
        // Relaxed: as above.
        lost.store(count.wrapping_add(1), Relaxed);
    }
}
