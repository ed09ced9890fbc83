//! Many producers, one consumer, one order: what one producer has sent before another begins comes first.
//!
//! Producers may be threads or processes, up to 65,535 of them, and any of them may be killed or stopped at any instruction.
//! The names are those of [`spsc`](crate::spsc); what differs is told here. (The types stand for those in [`ends`],
//! where their methods are.)
//!
//! # `mpsc` or `lanes`
//! | | `mpsc` | [`lanes`](crate::lanes) |
//! |---|---|---|
//! | order | one, of all records | of each producer's records |
//! | sending | lock-free: producers compete for the next cell | wait-free: each has cells of its own |
//! | a producer that stopped in the middle of a record | holds up all that were sent after it, until it goes on or dies | holds up nothing but its own lane |
//! | a producer that died there | its record is lost, and reported by [`losses`](Consumer::losses) | its record was never there |
//! | room | shared: one may fill the ring for all | each has its own |
//! | memory | 512 bytes a seat, and the cells once | 512 bytes a seat, and the cells for each |
//!
//! Take `lanes`, unless the order between producers means something.
//!
//! # Guarantees
//! | operation | progress | if a producer dies | if a producer stops | if the consumer dies |
//! |---|---|---|---|---|
//! | `try_push`, `try_push_slice`, `try_reserve`, `try_batch` | lock-free | no difference | no difference | `Full` once the room is used up |
//! | `commit`, `abort` | wait-free | | | |
//! | `push`, `reserve`, `batch` | wait while the ring is full | no difference | no difference | `Closed` when it is full |
//! | `try_pop`, `try_read`, `drain` | bounded by the capacity | what it had not published is passed over | `Empty`, from its record on, until it goes on | |
//! | `pop`, `read` | wait while there is nothing to read | passed over within 100 ms | wait, and [`stalled`](Consumer::stalled) says for whom | |
//! | [`Ring::producer`] | bounded by the number of seats | takes its seat, once what it claimed is decided | its seat stays its own | no difference, unless a dead producer's claim is to be decided |
//!
//! A peer that lies can have an operation report `Corrupt`, or hand over wrong data; nothing worse. See
//! [`spsc`](crate::spsc#guarantees).
//!
//! # Reservations hold up what comes after them
//! A reservation has its place in the order from the moment it is made. Until it is committed or aborted, the consumer cannot
//! go past it: fill it at once. What takes long should be prepared before. And there is no queue for room: one who wants much of it
//! at once may wait long behind others who want little.
//!
//! # Batches
//! A batch, too, has its place from the start, so its room must be asked for: see [`Producer::batch`]. A slice of items
//! appears whole.
//!
//! # Closed
//! A consumer that has taken everything is told [`Closed`](crate::PopError::Closed) while no producer is here and there was one:
//! `Left`, or `Died` if one of them did. That is not final: it is told as long as it is so, and a daemon that wants to stay
//! calls [`wait_for_producer`](Consumer::wait_for_producer), or simply asks again. A producer is told that the consumer is
//! gone when it waits for room; what it has sent stays for the next consumer. That producers died is known once somebody has
//! [asked](crate::spsc#deaths): who only tries is told `Empty` until then.
//!
//! # Cost
//! Beside `spsc`: one compare-exchange a record, or a slice, or a batch. As long as the consumer is not stuck it looks at
//! nothing but the next stamp; if it has looked a thousand times in vain where something was claimed, it asks the system, also
//! in the `try_` forms, whether those live who may have claimed it. Instructions (`cargo bench --bench instructions`, x86-64, Rust
//! 1.95): push and pop of 8 bytes 51 and 31, of 64 bytes 63 and 40; slices of 64 items of 8 bytes, drained, 17 and 21 an item; a record
//! of 64 bytes, copied, 236 and 136. Tried and dropped: to prefetch the cells of the next claims (level).
use crate::error::PushError;
use crate::layout::{Geometry, Kind, Options, RoleBlock};
use crate::memory::{Clock, Memory, Region};
use crate::ring::cells::bytes::ByteConsumer;
use crate::ring::cells::items::ItemConsumer;
use crate::ring::mpsc::{Losses as Log, MpscByteProducer, MpscConsumer, MpscItemProducer, is_resolved};
use crate::ring::{self, DefaultMemory, sealed};
use core::time::Duration;

pub use crate::ring::mpsc::Loss;
pub use crate::ring::{CELL, Item, Message, Payload, PayloadMut, RangeError};

/// The kind of ring: many producers, one order.
#[derive(Clone, Copy, Debug)]
pub enum Mpsc {}

/// A ring of many producers, in one order, that carries `T`.
pub type Ring<T, M = DefaultMemory> = ring::Ring<Mpsc, T, M>;
/// One of its producers.
pub type Producer<T, M = DefaultMemory> = ring::Producer<Mpsc, T, M>;
/// Its consumer.
pub type Consumer<T, M = DefaultMemory> = ring::Consumer<Mpsc, T, M>;
/// Room for a record of such a ring.
pub type Reservation<'a, M = DefaultMemory> = ring::Reservation<'a, Mpsc, M>;
/// Records of such a ring that appear together.
pub type Batch<'a, M = DefaultMemory> = ring::Batch<'a, Mpsc, M>;
/// A record of such a ring.
pub type Record<'a, M = DefaultMemory> = ring::Record<'a, Mpsc, M>;

impl sealed::Kind for Mpsc {
    const KIND: Kind = Kind::Mpsc;
    const NAMES: [&'static str; 3] = ["mpsc::Ring", "mpsc::Producer", "mpsc::Consumer"];
    type ItemProducer<T: Item> = MpscItemProducer<T>;
    type ItemConsumer<T: Item, M: Memory> = MpscConsumer<ItemConsumer<T>, M>;
    type ByteProducer = MpscByteProducer;
    type ByteConsumer<M: Memory> = MpscConsumer<ByteConsumer, M>;

    fn is_seat_reusable(region: &Region, geometry: &Geometry, block: RoleBlock) -> bool {
        is_resolved(region, geometry, block)
    }
}

impl<T: Message + ?Sized> Ring<T> {
    /// How many bytes of memory a ring of this capacity (see [`Options::capacity`] for its unit) with so many seats for
    /// producers needs. At most `usize::MAX`, which no memory has.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, memory::Heap, mpsc::Ring};
    ///
    /// let options = Options::new().capacity(64).producers(3);
    /// let ring = Ring::<u64, _>::format(Heap::new(Ring::<u64>::required_len(64, 3)), &options)?;
    /// let mut tx = ring.producer()?;
    /// let mut other = tx.try_clone()?;
    /// tx.try_push(&1)?;
    /// other.try_push(&2)?;
    /// let mut rx = ring.consumer()?;
    /// assert_eq!((rx.try_pop()?, rx.try_pop()?), (1, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn required_len(capacity: usize, producers: usize) -> usize {
        Self::planned_len(&Options::new().capacity(capacity).producers(producers))
    }
}

impl<M: Memory> Producer<[u8], M> {
    /// Begins a batch, for which `room` bytes are set aside if they are free: records that become visible all at once. Each of
    /// its records takes a multiple of [`CELL`] bytes of the room, at least one; what is not used is given back.
    ///
    /// # Errors
    /// [`PushError::Full`]; [`PushError::TooLarge`] if `room` is more than [`max_record`](Self::max_record);
    /// [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, memory::Heap};
    /// use ringway::mpsc::{CELL, Ring};
    ///
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024, 2));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024).producers(2))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut batch = tx.try_batch(2 * CELL)?;
    /// batch.try_push(b"debit")?;
    /// batch.try_push(b"credit")?;
    /// assert_eq!(rx.try_read().unwrap_err(), PopError::Empty);
    /// batch.commit();
    /// assert_eq!(rx.drain(8, |_| ())?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_batch(&mut self, room: usize) -> Result<Batch<'_, M>, PushError> {
        self.begin(|core| core.begin(room))?;
        Ok(self.opened_batch())
    }

    /// Begins a batch; waits while there is no room for it. See [`try_batch`](Self::try_batch).
    ///
    /// # Errors
    /// As [`try_batch`](Self::try_batch), with [`PushError::Closed`] for `Full`.
    ///
    /// # Examples
    /// See [`try_batch`](Self::try_batch).
    pub fn batch(&mut self, room: usize) -> Result<Batch<'_, M>, PushError> {
        self.begin_waiting(room, |core| core.begin(room), |_| || None)?;
        Ok(self.opened_batch())
    }

    /// Begins a batch; waits while there is no room for it, for `timeout` at most. See [`try_batch`](Self::try_batch).
    ///
    /// # Errors
    /// As [`batch`](Self::batch), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// See [`try_batch`](Self::try_batch).
    pub fn batch_timeout(&mut self, room: usize, timeout: Duration) -> Result<Batch<'_, M>, PushError>
    where
        M: Clock,
    {
        self.begin_waiting(room, |core| core.begin(room), |memory| ring::deadline(memory.clone(), timeout))?;
        Ok(self.opened_batch())
    }
}

impl<T: Item, M: Memory> Consumer<T, M> {
    /// The items that dead producers had claimed and not published, each once: of those that this consumer has passed
    /// over and not yet reported, at most the last 16. See [`Losses::forgotten`] for whether there were more.
    ///
    /// # Examples
    /// ```no_run
    /// use ringway::mpsc::Ring;
    ///
    /// let mut rx = Ring::<u64>::open("ticks")?.consumer()?;
    /// while let Ok(_tick) = rx.pop() {
    ///     for loss in rx.losses() {
    ///         eprintln!("{loss}");
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn losses(&mut self) -> Losses<'_> {
        Losses { log: self.core.losses() }
    }
}

impl<M: Memory> Consumer<[u8], M> {
    /// The records, or batches, that dead producers had claimed and not published, each once: of those that this consumer has
    /// passed over and not yet reported, at most the last 16. See [`Losses::forgotten`] for whether there were more.
    ///
    /// # Examples
    /// As for items.
    pub fn losses(&mut self) -> Losses<'_> {
        Losses { log: self.core.losses() }
    }
}

/// What was lost: see [`Consumer::losses`]. An iterator that removes what it gives.
#[derive(Debug)]
#[must_use = "what is not asked for stays where it is"]
pub struct Losses<'a> {
    log: &'a mut Log,
}

impl Losses<'_> {
    /// How many losses were not kept, because more came than were asked for.
    pub fn forgotten(&self) -> u64 {
        self.log.forgotten
    }
}

impl Iterator for Losses<'_> {
    type Item = Loss;

    fn next(&mut self) -> Option<Loss> {
        self.log.pop()
    }
}
