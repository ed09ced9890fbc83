//! One producer, one consumer: the fastest kind, and the one to take unless several processes send.
//!
//! A [`Ring`] names the shared bytes; [`Ring::producer`] and [`Ring::consumer`] take the two seats.
//! A ring carries items of one type (`Ring<T>`) or records of any size (`Ring<[u8]>`).
//!
//! # Which message for what
//! | you send | take | because |
//! |---|---|---|
//! | items of up to 56 bytes, one at a time | `Ring<T>` | stamp and item share one cache line: 56 bytes are one line, 64 are two |
//! | larger items, records of varying size | `Ring<[u8]>` | payload is contiguous, and can be written and read in place |
//! | many small items at once | `Ring<[u8]>`, a record of many items | one stamp for all of them |
//!
//! # Guarantees
//! | operation | progress | if the peer dies | if the peer lies |
//! |---|---|---|---|
//! | `try_push`, `try_push_slice`, `try_reserve`, `try_batch`, `commit` | wait-free | `Full` once the room is used up; nothing is lost | `Corrupt`; wrong data at worst |
//! | `try_pop`, `try_pop_slice`, `try_read`, `drain` | wait-free | the rest; then `Empty`, and `Closed` once the death is [detected](#detecting-that-a-peer-died) | `Corrupt`; wrong data at worst |
//! | `push`, `reserve`, `batch` | waits while the ring is full | `Closed`, when the ring is full | `Corrupt`, or waits |
//! | `pop`, `read` | waits while the ring is empty | the rest, then `Closed` | `Corrupt`, or waits |
//! | `_timeout` forms | as above, for a limited time | as above | as above |
//! | [`Ring::producer`], [`Ring::consumer`] | bounded by the capacity | takes over the seat | `Corrupt` |
//!
//! What a dead producer had not published is gone; what it had published arrives. What a dead
//! consumer had read but not released is read again by the next one; nothing else is delivered
//! twice. A stopped process is not dead: its seat stays its own, however long it takes.
//!
//! # When a ring is closed
//! [`PopError::Closed`](crate::PopError::Closed) means that the ring is empty and its last producer
//! has finished, left or died. It is a state, not an end: when another producer attaches, reading
//! works again. If a ring is used again, the last producer may be one of long ago. A consumer that
//! stays can simply retry, or block in [`wait_for_producer`](ring::Consumer::wait_for_producer). A
//! ring that has never had a producer is not closed but `Empty`, and blocking reads wait. A
//! producer gets `Closed` when it waits for room; what it has sent stays for the next consumer.
//!
//! # Detecting that a peer died
//! Dropping or closing a producer or consumer records its departure in the ring, and the peer sees
//! it immediately. A process that is killed records nothing. Its death is discovered by testing its
//! file lock, which takes a system call; the first process to discover it records it in the ring
//! for all.
//!
//! These operations test for a dead peer:
//! * every blocking call (`push`, `reserve`, `pop`, `read`, `wait`, their `_timeout` forms,
//!   `Select::wait`), after polling for a while and then at least every 100 ms; likewise
//!   `Pollable::arm`, `AsyncConsumer::ready` and its stream;
//! * every query: [`producer_presence`](ring::Consumer::producer_presence),
//!   [`consumer_presence`](ring::Producer::consumer_presence), `wait_for_producer`,
//!   `wait_for_consumer`, [`Ring::presence`], [`Ring::seats`], `stalled`.
//!
//! The non-blocking calls (`try_*`, `drain`, `Select::try_wait`) do not. A loop that uses only
//! those keeps seeing `Empty` or `Full` from a dead peer's ring: query now and then, or block.
//!
//! # Pauses
//! A consumer that took records and then finds the ring empty pauses before it returns `Empty`: one
//! pause of the processor for each record it took, up to 8; after many records, one for each eight,
//! up to 32, which is one or two microseconds. That lets the producer get ahead, and is most of the
//! speed of a busy ring. A further look that finds nothing does not pause (in `mpsc`: once). A
//! thread that polls many rings in turn pays it once for each ring that had records.
//!
//! # Positions
//! `position()` counts cells since the ring was created, and never wraps. A ring of items has one
//! cell per item. A byte ring has cells of [`CELL`](crate::CELL) bytes: a record of `n` bytes takes
//! `max(1, n.div_ceil(CELL))`, and if it would not fit the lap, a pad takes the rest of the lap
//! before it. The position survives every death, so a restarted process can use it as the token
//! from which it continues.
use crate::memory::Item;
use crate::ring::cells::bytes::{ByteConsumer, ByteProducer};
use crate::ring::cells::items::{ItemConsumer, ItemProducer};
use crate::ring::layout::Kind;
use crate::ring::{self, DefaultMemory, sealed};

/// One producer, one consumer: the kind of ring that this module is about.
#[derive(Clone, Copy, Debug)]
pub enum Spsc {}

/// A ring with one producer and one consumer.
///
/// The type is [`ring::Ring`]; its page has all methods. Make one with
/// [`create`](ring::Ring::create), [`open`](ring::Ring::open),
/// [`open_or_create`](ring::Ring::open_or_create) or [`on_heap`](ring::Ring::on_heap); take part
/// with [`producer`](ring::Ring::producer) and [`consumer`](ring::Ring::consumer).
pub type Ring<T, M = DefaultMemory> = ring::Ring<Spsc, T, M>;

/// The producer of an [`spsc`](self) ring.
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
pub type Producer<T, M = DefaultMemory> = ring::Producer<Spsc, T, M>;

/// The consumer of an [`spsc`](self) ring.
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
pub type Consumer<T, M = DefaultMemory> = ring::Consumer<Spsc, T, M>;

/// Room for a record, to be written in place: see [`ring::Reservation`].
pub type Reservation<'a, M = DefaultMemory> = ring::Reservation<'a, Spsc, M>;

/// Records that become visible together: see [`ring::Batch`].
pub type Batch<'a, M = DefaultMemory> = ring::Batch<'a, Spsc, M>;

/// A record, read in place: see [`ring::Record`].
pub type Record<'a, M = DefaultMemory> = ring::Record<'a, Spsc, M>;

/// A consumer with a file descriptor: see [`Pollable`](crate::Pollable).
#[cfg(feature = "std")]
pub type Pollable<T, M = DefaultMemory> = crate::Pollable<Consumer<T, M>>;

/// A producer with a file descriptor: see [`Pollable`](crate::Pollable).
#[cfg(feature = "std")]
pub type PollableProducer<T, M = DefaultMemory> = crate::Pollable<Producer<T, M>>;

/// A producer that tasks wait for: see [`AsyncProducer`](crate::AsyncProducer).
#[cfg(feature = "async")]
pub type AsyncProducer<T, M = DefaultMemory> = crate::AsyncProducer<Spsc, T, M>;

/// A consumer that tasks wait for: see [`AsyncConsumer`](crate::AsyncConsumer).
#[cfg(feature = "async")]
pub type AsyncConsumer<T, M = DefaultMemory> = crate::AsyncConsumer<Spsc, T, M>;

impl sealed::Kind for Spsc {
    const KIND: Kind = Kind::Spsc;
    const NAMES: [&'static str; 3] = ["spsc::Ring", "spsc::Producer", "spsc::Consumer"];
    type ItemProducer<T: Item> = ItemProducer<T>;
    type ItemConsumer<T: Item> = ItemConsumer<T>;
    type ByteProducer = ByteProducer;
    type ByteConsumer = ByteConsumer;
}
