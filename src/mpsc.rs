//! Many producers, one consumer, one order: what one producer sent before another began comes
//! first.
//!
//! Producers may be threads or processes, up to 65,535 of them, and each of them may be killed or
//! stopped at any instruction. The names are those of [`spsc`](crate::spsc); this page says what
//! differs.
//!
//! # `mpsc` or `lanes`
//! | | `mpsc` | [`lanes`](crate::lanes) |
//! |---|---|---|
//! | order | one, of all records | of each producer's records |
//! | sending | lock-free: producers compete for the next cell | wait-free: each producer has cells of its own |
//! | a producer that is stopped in the middle of a record | holds up everything sent after it, until it continues or dies | holds up only its own lane |
//! | a producer that died there | its record is lost, and reported by [`losses`](ring::Consumer::losses) | its record was never there |
//! | room | shared: one producer may fill the ring for all | each producer has its own |
//! | memory | 512 bytes a seat, and the cells once | 512 bytes a seat, and the cells for each seat |
//!
//! Take `lanes`, unless the order between producers matters.
//!
//! # Guarantees
//! | operation | progress | if a producer dies | if a producer is stopped | if the consumer dies |
//! |---|---|---|---|---|
//! | `try_push`, `try_push_slice`, `try_reserve`, `try_batch` | lock-free | no difference | no difference | `Full` once the room is used up |
//! | `commit`, `abort` | wait-free | | | |
//! | `push`, `reserve`, `batch` | wait while the ring is full | no difference | no difference | `Closed` when it is full |
//! | `try_pop`, `try_read`, `drain` | bounded by the capacity | what it had not published is passed over | `Empty`, from its record on, until it continues | |
//! | `pop`, `read` | wait while there is nothing to read | passed over within 100 ms | wait, and [`stalled`](ring::Consumer::stalled) names it | |
//! | [`Ring::producer`] | bounded by the number of seats | takes its seat, once it is decided what becomes of its claim | its seat stays its own | no difference, unless a dead producer's claim is to be decided |
//!
//! A lying peer can make an operation return `Corrupt`, or hand over wrong data; nothing worse. See
//! [`spsc`](crate::spsc#guarantees).
//!
//! # Reservations hold up what comes after them
//! A reservation has its place in the order from the moment it is made. Until it is committed or
//! aborted, the consumer cannot go past it: prepare what takes long before you reserve. A batch,
//! too, has its place from the start. There is no queue for room: a producer that wants much at
//! once may wait long beside others that want little. A slice of items becomes visible as a whole.
//!
//! # Closed
//! A consumer gets [`Closed`](crate::PopError::Closed) while the ring is empty, no producer is
//! attached, and there was one: `Died` if one of them died, else `Left` if one was dropped, else
//! `Finished`. It is a state, not an end: see [`spsc`](crate::spsc#when-a-ring-is-closed). A death
//! has to be [detected](crate::spsc#detecting-that-a-peer-died) first; until then a consumer that
//! does not block gets `Empty`.
//!
//! # Cost
//! Beside `spsc`: one compare-exchange for each record, slice or batch. While the consumer is not
//! stuck it looks at nothing but the next stamp. After a thousand looks at a claim that is not
//! published it asks the kernel, also in the `try_` forms, whether the producers live that may have
//! claimed it. Instruction counts: `cargo bench --bench instructions`.
use crate::memory::{Item, Region};
use crate::ring::cells::bytes::ByteConsumer;
use crate::ring::cells::items::ItemConsumer;
use crate::ring::layout::{Geometry, Kind};
use crate::ring::mpsc::{MpscByteProducer, MpscConsumer, MpscItemProducer, is_resolved};
use crate::ring::{self, DefaultMemory, sealed};

/// Many producers, one consumer, one order: the kind of ring that this module is about.
#[derive(Clone, Copy, Debug)]
pub enum Mpsc {}

/// A ring with many producers in one order, and one consumer.
///
/// The type is [`ring::Ring`]; its page has all methods. Make one with
/// [`create`](ring::Ring::create), [`open`](ring::Ring::open),
/// [`open_or_create`](ring::Ring::open_or_create) or [`on_heap`](ring::Ring::on_heap); take part
/// with [`producer`](ring::Ring::producer) and [`consumer`](ring::Ring::consumer).
pub type Ring<T, M = DefaultMemory> = ring::Ring<Mpsc, T, M>;

/// One of the producers of an [`mpsc`](self) ring.
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
pub type Producer<T, M = DefaultMemory> = ring::Producer<Mpsc, T, M>;

/// The consumer of an [`mpsc`](self) ring.
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
pub type Consumer<T, M = DefaultMemory> = ring::Consumer<Mpsc, T, M>;

/// Room for a record, to be written in place: see [`ring::Reservation`].
pub type Reservation<'a, M = DefaultMemory> = ring::Reservation<'a, Mpsc, M>;

/// Records that become visible together: see [`ring::Batch`].
pub type Batch<'a, M = DefaultMemory> = ring::Batch<'a, Mpsc, M>;

/// A record, read in place: see [`ring::Record`].
pub type Record<'a, M = DefaultMemory> = ring::Record<'a, Mpsc, M>;

/// A consumer with a file descriptor: see [`Pollable`](crate::Pollable).
#[cfg(feature = "std")]
pub type Pollable<T, M = DefaultMemory> = crate::Pollable<Consumer<T, M>>;

/// A producer with a file descriptor: see [`Pollable`](crate::Pollable).
#[cfg(feature = "std")]
pub type PollableProducer<T, M = DefaultMemory> = crate::Pollable<Producer<T, M>>;

/// A producer that tasks wait for: see [`AsyncProducer`](crate::AsyncProducer).
#[cfg(feature = "async")]
pub type AsyncProducer<T, M = DefaultMemory> = crate::AsyncProducer<Mpsc, T, M>;

/// A consumer that tasks wait for: see [`AsyncConsumer`](crate::AsyncConsumer).
#[cfg(feature = "async")]
pub type AsyncConsumer<T, M = DefaultMemory> = crate::AsyncConsumer<Mpsc, T, M>;

impl sealed::Kind for Mpsc {
    const KIND: Kind = Kind::Mpsc;
    const NAMES: [&'static str; 3] = ["mpsc::Ring", "mpsc::Producer", "mpsc::Consumer"];
    const TAIL_COUNTS_ITEMS: bool = false;
    type ItemProducer<T: Item> = MpscItemProducer<T>;
    type ItemConsumer<T: Item> = MpscConsumer<ItemConsumer<T>>;
    type ByteProducer = MpscByteProducer;
    type ByteConsumer = MpscConsumer<ByteConsumer>;

    fn is_seat_reusable(region: &Region, geometry: &Geometry, seat: u16) -> bool {
        is_resolved(region, geometry, geometry.producer(seat.into()))
    }
}
