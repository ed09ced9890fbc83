//! What these tests have to know of a kind of ring.
use ringway::Loss;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Batch, Consumer, Kind, Producer};
use ringway::spsc::Spsc;

use crate::scene::Flow;

/// A kind of ring, with as many producers as it takes to see what it promises.
pub trait Sort: Kind {
    const NAME: &'static str;
    /// The seat that a victim gets: the last one, after those of survivors.
    const LAST: u16;
    /// Whether each producer has cells of its own.
    const HAS_LANES: bool;
    /// Whether a producer claims its cells before it writes, so that they can be lost.
    const CLAIMS: bool;

    /// A batch, for which so many bytes are set aside if that is how it is done.
    fn batch(tx: &mut Producer<Self, [u8]>, room: usize) -> Batch<'_, Self>;

    /// What the consumer says was lost.
    fn losses<T: Flow + ?Sized>(rx: &mut Consumer<Self, T>) -> Vec<Loss>;
}

impl Sort for Spsc {
    const NAME: &'static str = "spsc";
    const LAST: u16 = 0;
    const HAS_LANES: bool = false;
    const CLAIMS: bool = false;

    fn batch(tx: &mut Producer<Self, [u8]>, _room: usize) -> Batch<'_, Self> {
        tx.batch()
    }

    fn losses<T: Flow + ?Sized>(_rx: &mut Consumer<Self, T>) -> Vec<Loss> {
        Vec::new()
    }
}

impl Sort for Mpsc {
    const NAME: &'static str = "mpsc";
    const LAST: u16 = 1;
    const HAS_LANES: bool = false;
    const CLAIMS: bool = true;

    fn batch(tx: &mut Producer<Self, [u8]>, room: usize) -> Batch<'_, Self> {
        tx.try_batch(room).unwrap()
    }

    fn losses<T: Flow + ?Sized>(rx: &mut Consumer<Self, T>) -> Vec<Loss> {
        T::losses(rx)
    }
}

impl Sort for Lanes {
    const NAME: &'static str = "lanes";
    const LAST: u16 = 1;
    const HAS_LANES: bool = true;
    const CLAIMS: bool = false;

    fn batch(tx: &mut Producer<Self, [u8]>, _room: usize) -> Batch<'_, Self> {
        tx.batch()
    }

    fn losses<T: Flow + ?Sized>(_rx: &mut Consumer<Self, T>) -> Vec<Loss> {
        Vec::new()
    }
}
