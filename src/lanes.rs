//! Many producers, one consumer, a lane for each producer: no producer waits for another, alive,
//! stopped or dead.
//!
//! ```text
//!   producer 0 ──▶ │ █ █ █ · · · │ ─┐
//!   producer 1 ──▶ │ · · · · · · │ ─┼─▶ consumer, in turn
//!   producer 2 ──▶ │ █ · · · · · │ ─┘
//! ```
//! Each producer has a ring of its own, all in one segment. The consumer takes from them in turn,
//! up to 64 records each. What one producer sends arrives in its order; between producers there is
//! none. The names are those of [`spsc`](crate::spsc), and so are the guarantees of each lane. When
//! to take this kind and when `mpsc`: see [there](crate::mpsc#mpsc-or-lanes).
//!
//! # Guarantees
//! | operation | progress | if a producer dies or is stopped | if the consumer dies |
//! |---|---|---|---|
//! | `try_push`, `try_push_slice`, `try_reserve`, `try_batch`, `commit` | wait-free | no difference | `Full` once the lane is used up |
//! | `push`, `reserve`, `batch` | wait while the lane is full | no difference | `Closed` when it is full |
//! | `try_pop`, `try_read`, `drain` | bounded by the number of lanes | no difference to the others; what a dead one had not committed was never there | |
//! | `pop`, `read` | wait while all lanes are empty | as above | |
//! | [`Ring::producer`] | bounded by the number of seats, and the lane's capacity | takes its seat, and its lane | |
//!
//! A lane that is found corrupt poisons the whole consumer: a process that can write one lane can
//! write all.
//!
//! So there are no losses to report: what a producer had committed arrives, and no other process
//! has ever seen anything of the rest.
//!
//! When a ring is `Closed`: as in [`mpsc`](crate::mpsc#closed).
//!
//! # Memory and cost
//! [`Options::capacity`](crate::Options::capacity) is that of each lane; [`Ring::required_len`]
//! says what all of them take. The consumer keeps some 200 bytes a lane on the heap, allocated when
//! the seat is taken. Lanes in which nothing happens cost it nothing: it does not poll them until
//! their producer notifies it. (To stop polling is one system call for several lanes, also in the
//! `try_` forms; of up to eight lanes all are polled.)
use crate::memory::Item;
use crate::ring::cells::bytes::{ByteConsumer, ByteProducer};
use crate::ring::cells::items::{ItemConsumer, ItemProducer};
use crate::ring::lanes::LanesConsumer;
use crate::ring::layout::Kind;
use crate::ring::{self, DefaultMemory, sealed};

/// Many producers with a lane each, one consumer: the kind of ring that this module is about.
#[derive(Clone, Copy, Debug)]
pub enum Lanes {}

/// A ring with a lane for each of many producers, and one consumer.
///
/// The type is [`ring::Ring`]; its page has all methods. Make one with
/// [`create`](ring::Ring::create), [`open`](ring::Ring::open),
/// [`open_or_create`](ring::Ring::open_or_create) or [`on_heap`](ring::Ring::on_heap); take part
/// with [`producer`](ring::Ring::producer) and [`consumer`](ring::Ring::consumer).
pub type Ring<T, M = DefaultMemory> = ring::Ring<Lanes, T, M>;

/// One of the producers of a [`lanes`](self) ring.
///
/// The type is [`ring::Producer`]; its page has all methods.
///
/// | | items, `Producer<T>` | records of bytes, `Producer<[u8]>` |
/// |---|---|---|
/// | without waiting | `try_push(&item)`, `try_push_slice(&items)` | `try_push(bytes)`, `try_reserve(len)`, `try_batch(room)` |
/// | waiting for room | `push(&item)`, `push_slice(&items)` | `push(bytes)`, `reserve(len)`, `batch(room)` |
/// | for so long at most | `push_timeout`, `push_slice_timeout` | `push_timeout`, `reserve_timeout`, `batch_timeout` |
///
/// All have `close`, `len`, `position`, `seat`, `stalled`, `consumer_presence`,
/// `wait_for_consumer`, `set_wait_strategy`, `try_clone`.
pub type Producer<T, M = DefaultMemory> = ring::Producer<Lanes, T, M>;

/// The consumer of a [`lanes`](self) ring.
///
/// The type is [`ring::Consumer`]; its page has all methods.
///
/// | | items, `Consumer<T>` | records of bytes, `Consumer<[u8]>` |
/// |---|---|---|
/// | without waiting | `try_pop()`, `try_peek()`, `try_pop_slice(&mut items)`, `drain(limit, each)`, `try_iter()` | `try_read()`, `drain(limit, each)` |
/// | waiting for the next | `pop()`, `peek()`, `iter()`, `wait()` | `read()`, `wait()` |
/// | for so long at most | `pop_timeout`, `wait_timeout` | `read_timeout`, `wait_timeout` |
///
/// All have `close`, `len`, `position`, `stalled`, `losses`, `producer_presence`,
/// `wait_for_producer`, `set_wait_strategy`, `into_pollable`, `into_async`.
pub type Consumer<T, M = DefaultMemory> = ring::Consumer<Lanes, T, M>;

/// Room for a record, to be written in place: see [`ring::Reservation`].
pub type Reservation<'a, M = DefaultMemory> = ring::Reservation<'a, Lanes, M>;

/// Records that become visible together: see [`ring::Batch`].
pub type Batch<'a, M = DefaultMemory> = ring::Batch<'a, Lanes, M>;

/// A record, read in place: see [`ring::Record`].
pub type Record<'a, M = DefaultMemory> = ring::Record<'a, Lanes, M>;

/// A consumer with a file descriptor: see [`Pollable`](crate::Pollable).
#[cfg(feature = "std")]
pub type Pollable<T, M = DefaultMemory> = crate::Pollable<Consumer<T, M>>;

/// A producer with a file descriptor: see [`Pollable`](crate::Pollable).
#[cfg(feature = "std")]
pub type PollableProducer<T, M = DefaultMemory> = crate::Pollable<Producer<T, M>>;

/// A producer that tasks wait for: see [`AsyncProducer`](crate::AsyncProducer).
#[cfg(feature = "async")]
pub type AsyncProducer<T, M = DefaultMemory> = crate::AsyncProducer<Lanes, T, M>;

/// A consumer that tasks wait for: see [`AsyncConsumer`](crate::AsyncConsumer).
#[cfg(feature = "async")]
pub type AsyncConsumer<T, M = DefaultMemory> = crate::AsyncConsumer<Lanes, T, M>;

impl sealed::Kind for Lanes {
    const KIND: Kind = Kind::Lanes;
    const NAMES: [&'static str; 3] = ["lanes::Ring", "lanes::Producer", "lanes::Consumer"];
    type ItemProducer<T: Item> = ItemProducer<T>;
    type ItemConsumer<T: Item> = LanesConsumer<ItemConsumer<T>>;
    type ByteProducer = ByteProducer;
    type ByteConsumer = LanesConsumer<ByteConsumer>;
}
