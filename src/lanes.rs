//! Many producers, one consumer, a lane for each: nobody waits for another producer, alive, stopped or dead.
//!
//! ```text
//!   producer 0 ──▶ │ █ █ █ · · · │ ─┐
//!   producer 1 ──▶ │ · · · · · · │ ─┼─▶ consumer, in turn
//!   producer 2 ──▶ │ █ · · · · · │ ─┘
//! ```
//! Each producer has a ring of its own, all in one segment; the consumer takes from them in turn, up to 64 records each. What
//! one producer sends arrives in its order; between producers there is none. The names are those of
//! [`spsc`](crate::spsc) (they stand for the types in [`ends`], where their methods are), as are the guarantees of each lane; when to take this and when `mpsc`, see
//! [there](crate::mpsc#mpsc-or-lanes).
//!
//! # Guarantees
//! | operation | progress | if a producer dies or stops | if the consumer dies |
//! |---|---|---|---|
//! | `try_push`, `try_push_slice`, `try_reserve`, `commit`, `batch` | wait-free | no difference | `Full` once the lane is used up |
//! | `push`, `reserve` | wait while the lane is full | no difference | `Closed` when it is full |
//! | `try_pop`, `try_read`, `drain` | bounded by the number of lanes | no difference to the others; what a dead one had not committed was never there | |
//! | `pop`, `read` | wait while all lanes are empty | as above | |
//! | [`Ring::producer`] | bounded by the number of seats, and the lane's capacity | takes its seat, and its lane | |
//!
//! A lane that is found to be corrupt poisons the whole consumer: who can write one lane can write all.
//!
//! So there are no losses to report: what a producer had committed arrives, and of the rest nobody has ever seen anything.
//!
//! `Closed` is told as in [`mpsc`](crate::mpsc#closed): of those who died, once somebody has [asked](crate::spsc#deaths).
//!
//! # Memory and cost
//! [`Options::capacity`] is that of each lane; [`Ring::required_len`] says what all of them take. The consumer keeps
//! some 200 bytes a lane on the heap, allocated when the seat is taken. Lanes in which nothing happens cost it nothing: it
//! leaves them out, until their producer rings. (To leave lanes out is one system call for several of them, also in the `try_`
//! forms; of up to eight lanes none is left out.)
use crate::layout::{Kind, Options};
use crate::memory::Memory;
use crate::ring::cells::bytes::{ByteConsumer, ByteProducer};
use crate::ring::cells::items::{ItemConsumer, ItemProducer};
use crate::ring::lanes::LanesConsumer;
use crate::ring::{self, DefaultMemory, sealed};

pub use crate::ring::{CELL, Item, Message, Payload, PayloadMut, RangeError};

/// The kind of ring: many producers, a lane for each.
#[derive(Clone, Copy, Debug)]
pub enum Lanes {}

/// A ring of many producers, a lane for each, that carries `T`.
pub type Ring<T, M = DefaultMemory> = ring::Ring<Lanes, T, M>;
/// One of its producers.
pub type Producer<T, M = DefaultMemory> = ring::Producer<Lanes, T, M>;
/// Its consumer.
pub type Consumer<T, M = DefaultMemory> = ring::Consumer<Lanes, T, M>;
/// Room for a record of such a ring.
pub type Reservation<'a, M = DefaultMemory> = ring::Reservation<'a, Lanes, M>;
/// Records of such a ring that appear together.
pub type Batch<'a, M = DefaultMemory> = ring::Batch<'a, Lanes, M>;
/// A record of such a ring.
pub type Record<'a, M = DefaultMemory> = ring::Record<'a, Lanes, M>;

impl sealed::Kind for Lanes {
    const KIND: Kind = Kind::Lanes;
    const NAMES: [&'static str; 3] = ["lanes::Ring", "lanes::Producer", "lanes::Consumer"];
    type ItemProducer<T: Item> = ItemProducer<T>;
    type ItemConsumer<T: Item, M: Memory> = LanesConsumer<ItemConsumer<T>, M>;
    type ByteProducer = ByteProducer;
    type ByteConsumer<M: Memory> = LanesConsumer<ByteConsumer, M>;
}

impl<T: Message + ?Sized> Ring<T> {
    /// How many bytes of memory a ring with so many lanes of this capacity (see [`Options::capacity`] for its unit) needs. At
    /// most `usize::MAX`, which no memory has.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, lanes::Ring, memory::Heap};
    ///
    /// let options = Options::new().capacity(64).producers(3);
    /// let ring = Ring::<u64, _>::format(Heap::new(Ring::<u64>::required_len(64, 3)), &options)?;
    /// let mut tx = ring.producer()?;
    /// let mut other = tx.try_clone()?;
    /// tx.try_push(&1)?;
    /// other.try_push(&10)?;
    /// tx.try_push(&2)?;
    /// let mut got = Vec::new();
    /// ring.consumer()?.drain(8, |item| got.push(item))?;
    /// assert_eq!(got, [1, 2, 10]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn required_len(capacity: usize, producers: usize) -> usize {
        Self::planned_len(&Options::new().capacity(capacity).producers(producers))
    }
}

impl<M: Memory> Producer<[u8], M> {
    /// Begins a batch: records that become visible all at once.
    ///
    /// # Examples
    /// As for [`spsc`](crate::spsc::Batch).
    pub fn batch(&mut self) -> Batch<'_, M> {
        self.stage_batch()
    }
}
