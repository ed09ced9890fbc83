//! [`Position`]: a place in the sequence of all cells, ever.

/// A place in the sequence of cells, counted in cells since the ring was made. Never wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl Position {
    /// No ring gets there: at a cell a nanosecond it takes 146 years. Beyond it a position can only be a lie.
    const LIMIT: u64 = 1 << 62;
    const LOST: u64 = 1 << 63;

    /// Where every ring begins.
    pub(crate) const START: Self = Self(0);

    /// A position as read from shared memory, if it can be one.
    #[inline(always)]
    pub(crate) const fn parse(word: u64) -> Option<Self> {
        if word < Self::LIMIT { Some(Self(word)) } else { None }
    }

    #[inline(always)]
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// The word that publishes this position's cell. Never zero, and no other position's.
    #[inline(always)]
    pub(crate) const fn stamp(self) -> u64 {
        self.0.wrapping_add(1)
    }

    /// The word that says that what was claimed at this position is lost. Nobody's stamp: positions are smaller.
    #[inline(always)]
    pub(crate) const fn lost_mark(self) -> u64 {
        self.stamp() | Self::LOST
    }

    /// Whether `word` says that what was claimed here is lost.
    pub(crate) const fn is_lost_mark(self, word: u64) -> bool {
        word == self.lost_mark()
    }

    /// Whether `word` is the stamp, or the lost mark, of a later position: one that cannot be here as yet.
    pub(crate) const fn is_passed_by(self, word: u64) -> bool {
        word & !Self::LOST > self.stamp()
    }

    /// `cells` further on.
    #[inline(always)]
    pub(crate) const fn plus(self, cells: u64) -> Self {
        Self(self.0.wrapping_add(cells))
    }

    /// How many cells this is after `earlier`; none if it is before.
    #[inline(always)]
    pub(crate) const fn since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }

    /// How many cells are left in this position's lap, its own included.
    #[inline(always)]
    pub(crate) const fn left_in_lap(self, capacity: u64) -> u64 {
        capacity - (self.0 & (capacity - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stamp_is_never_zero_nor_that_of_another_lap(
            p in 0..Position::LIMIT - (1 << 41), lap in 1u64..1000, bits in 0u32..31,
        ) {
            let p = Position::parse(p).unwrap();
            prop_assert_ne!(p.stamp(), 0);
            prop_assert_ne!(p.stamp(), p.plus(lap << bits).stamp());
        }

        #[test]
        fn what_is_left_of_a_lap_ends_it(p in 0..Position::LIMIT, bits in 0u32..40) {
            let (p, capacity) = (Position::parse(p).unwrap(), 1 << bits);
            let left = p.left_in_lap(capacity);
            prop_assert!((1..=capacity).contains(&left));
            prop_assert_eq!(p.plus(left).get() % capacity, 0);
        }

        #[test]
        fn since_undoes_plus(p in 0..Position::LIMIT / 2, n in 0..Position::LIMIT / 2) {
            let p = Position::parse(p).unwrap();
            prop_assert_eq!(p.plus(n).since(p), Some(n));
            prop_assert_eq!(p.since(p.plus(n + 1)), None);
        }
    }

    #[test]
    fn a_position_out_of_reach_is_refused() {
        assert_eq!(Position::parse(Position::LIMIT), None);
        assert_eq!(Position::parse(u64::MAX), None);
    }
}
