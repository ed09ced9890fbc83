//! The kinds of ring, and the differences between them that these tests have to know.
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::Kind;
use ringway::spsc::Spsc;

/// A kind of ring.
pub trait RingKind: Kind {
    const NAME: &'static str;
    /// The seat that a victim gets: the last one, after those of the survivors.
    const LAST: u16;
    /// Whether each producer has cells of its own.
    const HAS_LANES: bool;
    /// Whether a producer claims its cells before it writes, so that they can be lost.
    const CLAIMS: bool;
}

impl RingKind for Spsc {
    const NAME: &'static str = "spsc";
    const LAST: u16 = 0;
    const HAS_LANES: bool = false;
    const CLAIMS: bool = false;
}

impl RingKind for Mpsc {
    const NAME: &'static str = "mpsc";
    const LAST: u16 = 1;
    const HAS_LANES: bool = false;
    const CLAIMS: bool = true;
}

impl RingKind for Lanes {
    const NAME: &'static str = "lanes";
    const LAST: u16 = 1;
    const HAS_LANES: bool = true;
    const CLAIMS: bool = false;
}
