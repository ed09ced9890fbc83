//! The seat block: the words of a seat in the segment.
use crate::identity::{Identity, Label};
use crate::memory::{Offset, Region, Span, WordRef};
use crate::sync::Relaxed;

/// The state of a seat: the low byte of its state word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Never = 0,
    Taken = 1,
    Left = 2,
    Died = 3,
    Finished = 4,
}

impl State {
    /// Whether the last holder gave the seat back itself.
    pub(crate) const fn is_given_back(self) -> bool {
        matches!(self, Self::Left | Self::Finished)
    }
}

/// A state word: the state of a seat, and an epoch that counts its holders. The epoch keeps a peer
/// that is slow to record the death of one holder from recording it for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeatState(u64);

impl SeatState {
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    pub(crate) const fn state(self) -> State {
        match self.0 & 0xff {
            0 => State::Never,
            1 => State::Taken,
            2 => State::Left,
            4 => State::Finished,
            // Only a peer that breaks the protocol writes anything else: its seat is free.
            _ => State::Died,
        }
    }

    /// How many holders there have been.
    pub(crate) const fn epoch(self) -> u64 {
        self.0 >> 8
    }

    /// The state word of the next holder.
    pub(crate) const fn taken(self) -> Self {
        Self((self.0 & !0xff).wrapping_add(0x100) | State::Taken as u64)
    }

    /// The state word of the same holder in another state.
    pub(crate) const fn now(self, state: State) -> Self {
        Self(self.0 & !0xff | state as u64)
    }
}

/// Where the words of a seat are. An object may have words of its own in the rest of the block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeatBlock {
    start: Offset,
}

impl SeatBlock {
    /// In bytes.
    pub(crate) const SIZE: u64 = 512;

    const STATE: u64 = 256;
    const PID: u64 = 264;
    const STARTED: u64 = 272;
    const ATTACHED: u64 = 280;
    const NAMESPACE: u64 = 288;
    const RUN: u64 = 296;
    const LABEL: u64 = 320;
    // Before the state, and from the end of the label on, the words belong to the object.

    pub(crate) const fn new(start: Offset) -> Self {
        Self { start }
    }

    /// The byte range that the lock of its holder covers.
    pub(crate) const fn span(self) -> Span {
        Span::new(self.start, Self::SIZE)
    }

    /// Where in the segment a field is.
    const fn field(self, at: u64) -> Offset {
        self.start.plus(at)
    }

    pub(crate) const fn state(self) -> Offset {
        self.field(Self::STATE)
    }

    /// Writes the identity of the new holder.
    pub(crate) fn write_identity(self, region: &Region, who: &Identity) {
        let numbers = [
            (Self::PID, who.pid),
            (Self::STARTED, who.started),
            (Self::ATTACHED, who.attached),
            (Self::NAMESPACE, who.namespace),
            (Self::RUN, who.run),
        ];
        let label = (0..).map(|i| Self::LABEL + 8 * i).zip(who.label.words());
        for (at, value) in numbers.into_iter().chain(label) {
            if let Some(word) = WordRef::new(region, self.field(at)) {
                // Relaxed: for display. A process that decides by it has tested the lock first,
                // which orders the two.
                word.store(value, Relaxed);
            }
        }
    }

    /// Reads the identity that the holder has written.
    pub(crate) fn identity(self, region: &Region) -> Identity {
        self.identity_by(|at| {
            // Relaxed: for display, where a mix of two holders does no harm. A process that decides
            // by it has tested the lock first.
            WordRef::new(region, at).map_or(0, |word| word.load(Relaxed))
        })
    }

    /// Reads the identity that the holder has written, word by word through `word`.
    pub(crate) fn identity_by(self, word: impl Fn(Offset) -> u64) -> Identity {
        let read = |at| word(self.field(at));
        let mut label = [0; Label::WORDS];
        for (at, word) in (0..).map(|i| Self::LABEL + 8 * i).zip(&mut label) {
            *word = read(at);
        }
        Identity {
            pid: read(Self::PID),
            started: read(Self::STARTED),
            attached: read(Self::ATTACHED),
            namespace: read(Self::NAMESPACE),
            run: read(Self::RUN),
            label: Label::from_words(label),
        }
    }
}

/// Seat blocks side by side: the seats of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeatTable {
    pub(crate) first: Offset,
    pub(crate) seats: u64,
}

impl SeatTable {
    /// The block of a seat, counted from 0.
    pub(crate) const fn block(&self, seat: u64) -> SeatBlock {
        SeatBlock::new(self.first.plus(SeatBlock::SIZE.saturating_mul(seat)))
    }
}

/// The numbers on the page `format`. Other numbers are another format, with another `MAJOR`.
const _: () = {
    type B = SeatBlock;
    let holder = [B::STATE, B::PID, B::STARTED, B::ATTACHED, B::NAMESPACE, B::RUN, B::LABEL];
    assert!(matches!(holder, [256, 264, 272, 280, 288, 296, 320]), "the seat block is not as documented");
    assert!(
        matches!([B::LABEL + Label::MAX as u64, B::SIZE], [384, 512]),
        "the seat block is not as documented"
    );
    type S = State;
    let states = [S::Never as u64, S::Taken as u64, S::Left as u64, S::Died as u64, S::Finished as u64];
    assert!(matches!(states, [0, 1, 2, 3, 4]), "the states are not as documented");
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_its_own_epoch() {
        let first = SeatState::from_word(0).taken();
        assert_eq!((first.state(), first.word()), (State::Taken, 0x101));
        let left = first.now(State::Left);
        assert_eq!((left.state(), left.word()), (State::Left, 0x102));
        assert_eq!(left.taken().word(), 0x201);
        let finished = first.now(State::Finished);
        assert_eq!((finished.state(), finished.word()), (State::Finished, 0x104));
        assert!(left.state().is_given_back() && finished.state().is_given_back());
        assert_eq!(SeatState::from_word(0x105).state(), State::Died, "no valid state");
        assert_eq!(SeatState::from_word(u64::MAX).taken().word(), 1);
    }
}
