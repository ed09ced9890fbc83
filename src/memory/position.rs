//! [`Position`]: a place in the endless sequence of cells.

/// A place in the endless sequence of cells, counted in cells since the ring was created. Never
/// wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl Position {
    /// No ring reaches this position: at one cell per nanosecond it takes 146 years. A word from
    /// here on is not a position, but the mark of a corrupt ring.
    const LIMIT: u64 = 1 << 62;
    const LOST: u64 = 1 << 63;

    /// The position at which every ring begins.
    pub(crate) const START: Self = Self(0);

    /// The position that a word from shared memory holds. `None` if no position has this value.
    #[inline(always)]
    pub(crate) const fn parse(word: u64) -> Option<Self> {
        if word < Self::LIMIT { Some(Self(word)) } else { None }
    }

    #[inline(always)]
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// The word that publishes the cell of this position. Never 0, and different for each position.
    #[inline(always)]
    pub(crate) const fn stamp(self) -> u64 {
        self.0.wrapping_add(1)
    }

    /// The word that marks the claim at this position as lost. It is no position's stamp, because
    /// bit 63 is set in it and positions are smaller.
    #[inline(always)]
    pub(crate) const fn lost_mark(self) -> u64 {
        self.stamp() | Self::LOST
    }

    /// Whether `word` marks the claim at this position as lost.
    pub(crate) const fn is_lost_mark(self, word: u64) -> bool {
        word == self.lost_mark()
    }

    /// Whether `word` is the stamp, or the lost mark, of a later position, which cannot be in this
    /// cell yet.
    pub(crate) const fn is_passed_by(self, word: u64) -> bool {
        word & !Self::LOST > self.stamp()
    }

    /// The position `cells` further on.
    #[inline(always)]
    pub(crate) const fn plus(self, cells: u64) -> Self {
        Self(self.0.wrapping_add(cells))
    }

    /// The number of cells from `earlier` to this position. `None` if this position comes before
    /// `earlier`.
    #[inline(always)]
    pub(crate) const fn since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }

    /// The number of cells left in this position's lap, its own cell included.
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
        fn a_stamp_is_never_zero_and_differs_between_laps(
            p in 0..Position::LIMIT - (1 << 41), lap in 1u64..1000, bits in 0u32..31,
        ) {
            let p = Position::parse(p).unwrap();
            prop_assert_ne!(p.stamp(), 0);
            prop_assert_ne!(p.stamp(), p.plus(lap << bits).stamp());
        }

        #[test]
        fn left_in_lap_ends_at_a_lap_boundary(p in 0..Position::LIMIT, bits in 0u32..40) {
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
    fn parse_refuses_a_position_beyond_the_limit() {
        assert_eq!(Position::parse(Position::LIMIT), None);
        assert_eq!(Position::parse(u64::MAX), None);
    }
}
