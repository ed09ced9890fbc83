//! Where each kind of ring has its words: see `ringway::docs::format`.
use ringway::Options;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::Kind;
use ringway::spsc::Spsc;

use super::ends::{CAPACITY, Cargo};

/// Bytes of a role block.
pub const ROLE: usize = 512;
/// The consumer's role block; its first word is HEAD, but for lanes.
pub const CONSUMER: usize = 512;
/// The first producer's role block, or that of several in common.
pub const COMMON: usize = CONSUMER + ROLE;
/// Where a role block has what.
pub const ANNOUNCEMENT: usize = 8;
pub const CLAIM_END: usize = 16;
pub const COUNTERS: [usize; 4] = [24, 32, 40, 384];
pub const PARKED: usize = 128;
pub const ARMED: usize = 136;
pub const STATE: usize = 256;
pub const LANE_HEAD: usize = 448;
/// Bytes of the descriptors of a byte ring's lane, or of the cells of a lane of `u64`: each has a stamp, and an info or an item.
pub const LANE: usize = 16 * CAPACITY;

/// The layout of a kind of ring.
pub trait KindLayout: Kind {
    /// For producers.
    const SEATS: usize;
    /// Sequences of cells.
    const LANES: usize;
    /// The role block of the first producer.
    const FIRST: usize;
    /// The first descriptor, or the first cell.
    const CELLS: usize;
    const NAME: &'static str;
    /// Whether there is one order of all records, and a claim protocol.
    const IS_ORDERED: bool;

    /// Where the lane of this seat has its HEAD, and its TAIL.
    fn head(seat: usize) -> usize;
    fn tail(seat: usize) -> usize;

    /// Words of its own that a liar may think of.
    fn own_words() -> Vec<usize>;

    fn options<T: Cargo + ?Sized>() -> Options<'static> {
        Self::options_of::<T>(CAPACITY)
    }

    /// For a ring of so many cells, at most `CAPACITY`: its words are where those of a ring of `CAPACITY` are.
    fn options_of<T: Cargo + ?Sized>(cells: usize) -> Options<'static> {
        Options::new().capacity(T::UNIT * cells).max_producers(Self::SEATS)
    }

    /// The role block of this producer.
    fn seat(seat: usize) -> usize {
        Self::FIRST + ROLE * seat
    }

    /// The stamp of this cell in the lane of this seat; the second word stands after it.
    fn cell(seat: usize, cell: usize) -> usize {
        Self::CELLS + LANE * (seat % Self::LANES) + 16 * (cell % CAPACITY)
    }

    /// All words that mean something, those that mean more more often.
    fn words() -> Vec<usize> {
        let roles = [CONSUMER, COMMON].into_iter().chain((0..Self::SEATS).map(Self::seat));
        let of_roles = roles.flat_map(|role| [STATE, STATE, PARKED].map(|at| role + at));
        let counters = COUNTERS.map(|at| Self::FIRST + at);
        let positions = (0..Self::LANES).flat_map(|seat| [[Self::head(seat); 4], [Self::tail(seat); 4]]);
        of_roles.chain(counters).chain(positions.flatten()).chain(Self::own_words()).collect()
    }
}

impl KindLayout for Spsc {
    const SEATS: usize = 1;
    const LANES: usize = 1;
    const FIRST: usize = COMMON;
    const CELLS: usize = COMMON + ROLE;
    const NAME: &'static str = "spsc::Ring";
    const IS_ORDERED: bool = false;

    fn head(_: usize) -> usize {
        CONSUMER
    }
    fn tail(_: usize) -> usize {
        COMMON
    }
    fn own_words() -> Vec<usize> {
        Vec::new()
    }
}

impl KindLayout for Mpsc {
    const SEATS: usize = 3;
    const LANES: usize = 1;
    const FIRST: usize = COMMON + ROLE;
    const CELLS: usize = Self::FIRST + ROLE * Self::SEATS;
    const NAME: &'static str = "mpsc::Ring";
    const IS_ORDERED: bool = true;

    fn head(_: usize) -> usize {
        CONSUMER
    }
    fn tail(_: usize) -> usize {
        COMMON
    }
    fn own_words() -> Vec<usize> {
        let seats = (0..Self::SEATS).map(Self::seat);
        seats.flat_map(|seat| [[seat + ANNOUNCEMENT; 3], [seat + CLAIM_END; 3]]).flatten().collect()
    }
}

impl KindLayout for Lanes {
    const SEATS: usize = 3;
    const LANES: usize = Self::SEATS;
    const FIRST: usize = COMMON + ROLE;
    /// After the ready bits.
    const CELLS: usize = Self::FIRST + ROLE * Self::SEATS + 128;
    const NAME: &'static str = "lanes::Ring";
    const IS_ORDERED: bool = false;

    fn head(seat: usize) -> usize {
        Self::seat(seat) + LANE_HEAD
    }
    fn tail(seat: usize) -> usize {
        Self::seat(seat)
    }
    fn own_words() -> Vec<usize> {
        let armed = (0..Self::SEATS).map(|seat| Self::seat(seat) + ARMED);
        armed.chain([RUNG, READY]).collect()
    }
}

/// In lanes: the word that says that a ready bit was set, and the ready bits.
pub const RUNG: usize = COMMON + ANNOUNCEMENT;
const READY: usize = <Lanes as KindLayout>::CELLS - 128;
