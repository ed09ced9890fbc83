//! One producer, one consumer: the fastest ring there is, and the one to take unless several processes send.
//!
//! A [`Ring`] names the shared bytes; [`Ring::producer`] and [`Ring::consumer`] take the two seats. A ring
//! carries items of one type (`Ring<T>`) or records of any size (`Ring<[u8]>`). (The types here stand for those in
//! [`ends`], where their methods are.)
//!
//! # Which ring for what
//! | you send | take | because |
//! |---|---|---|
//! | items of up to 56 bytes, one at a time | `Ring<T>` | stamp and item share one cache line: 56 bytes are one line, 64 are two |
//! | larger items, records of varying size | `Ring<[u8]>` | payload is contiguous, and can be written and read in place |
//! | many small items at once | `Ring<[u8]>`, a record of many items | one stamp for all of them |
//!
//! # Guarantees
//! | operation | progress | if the peer dies | if the peer lies |
//! |---|---|---|---|
//! | `try_push`, `try_push_slice`, `try_reserve`, `commit`, `batch` | wait-free | `Full` once the room is used up; nothing is lost | `Corrupt`; wrong data at worst |
//! | `try_pop`, `try_pop_slice`, `try_read`, `drain` | wait-free | the rest; then `Empty`, and `Closed` once [somebody asked](#deaths) | `Corrupt`; wrong data at worst |
//! | `push`, `reserve` | waits while the ring is full | `Closed`, when the ring is full | `Corrupt`, or waits |
//! | `pop`, `read` | waits while the ring is empty | the rest, then `Closed` | `Corrupt`, or waits |
//! | `_timeout` forms | as above, for a limited time | as above | as above |
//! | [`Ring::producer`], [`Ring::consumer`] | bounded by the capacity | takes over the seat | `Corrupt` |
//!
//! What a dead producer had not published is gone; what it had published arrives. What a dead consumer had read
//! but not released is read again by the next one; nothing else is ever delivered twice. A stopped peer is not
//! a dead one: its seat stays its own, however long it takes.
//!
//! # Closed
//! A consumer that has taken everything is told [`Closed`](crate::PopError::Closed) while nobody sits in the producer's seat and somebody
//! has: `Left` or `Died`, as the last one went. Where a ring is used again, that may be a producer of long ago. So it is not final: it is
//! told as long as it is so, and who wants to stay calls [`wait_for_producer`](Consumer::wait_for_producer), or simply asks again. As long
//! as no producer ever came there is only `Empty`, and the waiting forms wait. A producer is told that the consumer is gone when it waits
//! for room; what it has sent stays for the next consumer.
//!
//! # Deaths
//! Who drops its end says so in the ring. Who dies says nothing: somebody has to ask the system, and notes it in the ring then, for all.
//! Asking takes a system call, so only these do it:
//! * whatever waits, once there is nothing (or no room) and it has looked for a while, and again after 100 ms at most: `pop`, `read`,
//!   `wait`, `push`, `reserve`, their `_timeout` forms, `Select::wait`; likewise `Pollable::arm`, `AsyncConsumer::ready` and its stream;
//! * whatever asks who is there: [`Consumer::producer`], [`Producer::consumer`], `wait_for_producer`, `wait_for_consumer`,
//!   [`Ring::presence`], [`Ring::seats`], and here also `stalled`, where somebody is waited for.
//!
//! So one that only tries (`try_…`, `drain`, `Select::try_wait`) finds a dead peer's ring `Empty`, or `Full`, for ever: let it wait, or ask
//! now and then.
//!
//! # Looking for the next
//! A consumer that took records and then finds nothing pauses before it says so: as many processor's pauses as it took records, up to
//! 8; after many, an eighth as many, up to 32, which is one microsecond, or two where pauses are long. That lets the producer get
//! ahead, and is most of the speed of a busy ring. A further look in vain pauses no more (in `mpsc`: once). Who polls many rings in
//! turn pays it once for each that had something.
//!
//! # Positions
//! `position()` of an end counts cells since the ring was made, and never wraps: of a typed ring, items; of a byte
//! ring, cells of [`CELL`] bytes, of which a record of `n` bytes takes `max(1, n.div_ceil(CELL))`, and a pad, where a
//! record would not fit the lap, what is left of it. It survives every death, so it can be the token from which a
//! restarted process goes on.
use crate::layout::{Kind, Options};
use crate::memory::Memory;
use crate::ring::cells::bytes::{ByteConsumer, ByteProducer};
use crate::ring::cells::items::{ItemConsumer, ItemProducer};
use crate::ring::{self, DefaultMemory, sealed};

pub use crate::ring::{CELL, Item, Message, Payload, PayloadMut, RangeError};

/// The kind of ring: one producer.
#[derive(Clone, Copy, Debug)]
pub enum Spsc {}

/// A ring of one producer that carries `T`.
pub type Ring<T, M = DefaultMemory> = ring::Ring<Spsc, T, M>;
/// Its producer.
pub type Producer<T, M = DefaultMemory> = ring::Producer<Spsc, T, M>;
/// Its consumer.
pub type Consumer<T, M = DefaultMemory> = ring::Consumer<Spsc, T, M>;
/// Room for a record of such a ring.
pub type Reservation<'a, M = DefaultMemory> = ring::Reservation<'a, Spsc, M>;
/// Records of such a ring that appear together.
pub type Batch<'a, M = DefaultMemory> = ring::Batch<'a, Spsc, M>;
/// A record of such a ring.
pub type Record<'a, M = DefaultMemory> = ring::Record<'a, Spsc, M>;

impl sealed::Kind for Spsc {
    const KIND: Kind = Kind::Spsc;
    const NAMES: [&'static str; 3] = ["spsc::Ring", "spsc::Producer", "spsc::Consumer"];
    type ItemProducer<T: Item> = ItemProducer<T>;
    type ItemConsumer<T: Item, M: Memory> = ItemConsumer<T>;
    type ByteProducer = ByteProducer;
    type ByteConsumer<M: Memory> = ByteConsumer;
}

impl<T: Message + ?Sized> Ring<T> {
    /// How many bytes of memory a ring of this capacity needs (see [`Options::capacity`] for its unit). At most
    /// `usize::MAX`, which no memory has.
    ///
    /// # Examples
    /// ```
    /// use ringway::{memory::StaticMemory, spsc::Ring};
    ///
    /// static BYTES: StaticMemory<{ Ring::<u64>::required_len(64) }> = StaticMemory::new();
    /// ```
    pub const fn required_len(capacity: usize) -> usize {
        Self::planned_len(&Options::new().capacity(capacity))
    }
}

impl<M: Memory> Producer<[u8], M> {
    /// Begins a batch: records that become visible all at once.
    ///
    /// # Examples
    /// See [`Batch`].
    pub fn batch(&mut self) -> Batch<'_, M> {
        self.stage_batch()
    }
}
