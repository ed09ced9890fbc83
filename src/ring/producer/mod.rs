//! [`Producer`]: puts records into a ring.
#[cfg(feature = "async")]
mod async_producer;
mod bytes;
mod items;
#[cfg(any(feature = "std", loom))]
mod poll;

#[cfg(feature = "async")]
pub use async_producer::AsyncProducer;

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use crossbeam_utils::CachePadded;

use super::stall::StallTimer;
use super::{DefaultMemory, Kind, Message, Produce, Ring, RingSeat, Stall, sealed};
use crate::error::{Departure, PushError, SeatError};
use crate::identity::Role;
use crate::memory::{Clock, Memory};
use crate::seat::{Presence, presence};
use crate::wait::{self, AdaptiveSpin, Deadline, WaitCondition, WaitOutcome, WaitStrategy};

/// The producer of a ring: puts records in.
///
/// [`Ring::producer`] attaches one. Dropping it gives its seat back, and the consumer then sees
/// [`Closed`](crate::PopError::Closed) once it has read everything that was published;
/// [`close`](Self::close) does so too, and says that the work was finished.
///
/// A `Producer` is `Send`, not `Sync`: it may move to another thread, but only one thread can use
/// it at a time. For another thread, attach another one with [`try_clone`](Self::try_clone).
///
/// | | `Producer<T>`, items | `Producer<[u8]>`, records of bytes |
/// |---|---|---|
/// | without waiting | [`try_push`](#method.try_push-1), [`try_push_slice`](Self::try_push_slice) | [`try_push`](#method.try_push), [`try_reserve`](Self::try_reserve), [`try_batch`](Self::try_batch) |
/// | waiting for room | [`push`](#method.push-1), [`push_slice`](Self::push_slice) | [`push`](#method.push), [`reserve`](Self::reserve), [`batch`](Self::batch) |
/// | waiting for so long at most | [`push_timeout`](#method.push_timeout-1), [`push_slice_timeout`](Self::push_slice_timeout) | [`push_timeout`](#method.push_timeout), [`reserve_timeout`](Self::reserve_timeout), [`batch_timeout`](Self::batch_timeout) |
/// | among other things | [`Select`](crate::Select), [`into_pollable`](Self::into_pollable), `into_async` | [`Select`](crate::Select), [`into_pollable`](Self::into_pollable), `into_async`; see [`set_room`](Self::set_room) |
///
/// # Examples
/// ```no_run
/// use ringway::{Options, spsc::Ring};
///
/// // One process ...
/// let ring = Ring::<u64>::open_or_create("ticks", &Options::new())?;
/// let mut tx = ring.producer()?;
/// tx.push(&42)?; // waits while the ring is full
/// tx.close()?;
///
/// // ... and another.
/// let mut rx = Ring::<u64>::open("ticks")?.consumer()?;
/// assert_eq!(rx.pop()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("sender", "writer", "publisher"))]
pub struct Producer<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    /// On cache lines of its own: producers and consumers often lie side by side in memory, and are
    /// used by different threads.
    pub(crate) core: CachePadded<<T as sealed::Message>::Producer<K>>,
    /// Before the seat: it touches the seat's words when it is dropped.
    #[cfg(feature = "std")]
    pub(super) waker: Option<crate::poll::Waker<M>>,
    pub(crate) seat: RingSeat<M>,
    pub(crate) ring: Ring<K, T, M>,
    /// The room that it waits for among other things.
    #[cfg_attr(not(any(feature = "std", loom)), allow(dead_code, reason = "only `poll` reads it"))]
    pub(super) room: <T as sealed::Message>::Room,
    pub(crate) stall_timer: StallTimer,
    pub(crate) spin: AdaptiveSpin,
    /// Not `Sync`.
    pub(crate) confined: PhantomData<Cell<()>>,
}

/// Every producer, whatever it sends.
impl<K: Kind, T: Message + ?Sized, M: Memory> Producer<K, T, M> {
    /// The position of the next record, in [cells](crate::spsc#positions) since the ring was
    /// created.
    ///
    /// In a `lanes` ring it is the position in this producer's lane. In an `mpsc` ring all
    /// producers move it: this is where it was when this producer last looked. In `spsc` and
    /// `lanes` it tells a restarted sender how far its predecessor came: see the `stream`
    /// example.
    pub fn position(&self) -> u64 {
        self.core.position().get()
    }

    /// How much of the ring is in use: sent, and not yet released by the consumer. In the unit of
    /// [`Ring::capacity`]: items, or bytes in whole cells.
    ///
    /// An estimate: the consumer may release records at any moment, and other producers of an
    /// `mpsc` ring may claim cells. In a `lanes` ring it is that of this producer's lane.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new().capacity(8))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push_slice(&[1, 2, 3])?;
    /// assert_eq!((tx.len(), rx.len(), ring.len()), (3, 3, 3));
    /// rx.try_pop()?;
    /// assert_eq!((tx.len(), tx.is_empty()), (2, false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("fill", "backlog"))]
    pub fn len(&self) -> usize {
        self.ring.len_of_lane(self.seat.index().into())
    }

    /// Whether the consumer has released everything that was sent. An estimate: see
    /// [`len`](Self::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the consumer is attached, has left, or has died. Asks the kernel, if the memory can
    /// prove life.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Presence, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let tx = ring.producer()?;
    /// assert_eq!(tx.consumer_presence(), Presence::Never);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn consumer_presence(&self) -> Presence {
        self.seat.peer_presence()
    }

    /// The number of this producer's seat, from 0. Always 0 in an `spsc` ring.
    ///
    /// The consumer of a byte ring reads it as [`Record::seat`](super::Record::seat).
    pub fn seat(&self) -> u16 {
        self.seat.index()
    }

    /// The ring of this producer.
    pub fn ring(&self) -> &Ring<K, T, M> {
        &self.ring
    }

    /// Attaches another producer to the same ring, for another thread of this process.
    ///
    /// # Errors
    /// Like [`Ring::producer`]: an `spsc` ring has one seat.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, mpsc::Ring};
    /// let ring = Ring::<u64>::on_heap(&Options::new().max_producers(2))?;
    /// let mut tx = ring.producer()?;
    /// let mut other = tx.try_clone()?;
    /// let thread = std::thread::spawn(move || other.push(&2));
    /// tx.push(&1)?;
    /// thread.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "clone")]
    pub fn try_clone(&self) -> Result<Self, SeatError> {
        self.ring.producer()
    }

    /// Leaves the ring in order: the consumer reads the rest, and then sees
    /// [`Closed(Finished)`](Departure::Finished).
    ///
    /// A producer that is merely dropped, which also happens in a panic, is seen as
    /// [`Closed(Left)`](Departure::Left). If several producers have left, the consumer sees
    /// `Finished` only if all of them closed. A reservation or batch that was forgotten is
    /// aborted.
    ///
    /// # Errors
    /// [`PushError::Corrupt`] if the ring's file was truncated: nothing can be recorded then.
    /// [`PushError::Inherited`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Departure, Options, PopError, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(&7)?;
    /// tx.close()?;
    /// assert_eq!(rx.pop(), Ok(7));
    /// assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Finished)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("shutdown", "flush", "finish"))]
    pub fn close(mut self) -> Result<(), PushError> {
        self.check_owner()?;
        self.seat.check_mapping()?;
        self.seat.finish();
        Ok(())
    }

    /// What is in the way of more room, after [`PushError::Full`] or [`PushError::Elapsed`].
    ///
    /// The consumer, if it has not released everything; in an `mpsc` ring the producer whose
    /// unpublished record holds the consumer up. `None` if everything is released, or if the
    /// ring is corrupt, which the next operation reports. Asks the kernel, if the memory can
    /// prove life.
    ///
    /// # Examples
    /// See [`Stall`].
    #[must_use = "`stalled` has no effect besides its return value"]
    #[doc(alias("blame", "diagnose"))]
    pub fn stalled(&mut self) -> Option<Stall>
    where
        M: Clock,
    {
        self.seat.check_mapping().inspect_err(|corruption| self.core.poison(*corruption)).ok()?;
        let cells = self.core.unreleased().ok().filter(|cells| *cells > 0)?;
        let stalled_for = self.stall_timer.unchanged_for(self.core.head().get(), self.seat.memory());
        Some(match self.core.blocked_by() {
            Some(seat) => {
                let presence = presence(self.seat.memory(), self.ring.geometry.producer(seat.into()).seat());
                Stall::new(Role::Producer, seat, presence, cells, stalled_for)
            }
            None => Stall::new(Role::Consumer, 0, self.seat.peer_presence(), cells, stalled_for),
        })
    }

    /// Waits until a consumer is attached, for at most `timeout`. Returns whether one is, or was in
    /// between.
    ///
    /// A consumer that came and went meanwhile counts; so does one that only ran
    /// [`recover`](super::Ring::recover). Returns `false` at once if the ring's file was truncated
    /// and in a forked child, and after 100 ms if the ring is unlinked.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// # use std::time::Duration;
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let tx = ring.producer()?;
    /// assert!(!tx.wait_for_consumer(Duration::from_millis(5)));
    /// let rx = ring.consumer()?;
    /// assert!(tx.wait_for_consumer(Duration::from_secs(60)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_consumer(&self, timeout: Duration) -> bool
    where
        M: Clock,
    {
        super::wait_for_peer(&self.seat, timeout)
    }

    /// Sets what this producer does while it waits for room. Initially [`WaitStrategy::Adaptive`].
    ///
    /// # Examples
    /// See [`WaitStrategy`].
    pub fn set_wait_strategy(&mut self, strategy: WaitStrategy) {
        self.spin = AdaptiveSpin::new(strategy);
    }

    /// Fails in a forked child, which must not touch its parent's ring.
    #[inline(always)]
    fn check_owner(&self) -> Result<(), PushError> {
        super::reservation::check_owner(&self.seat)
    }

    /// Repeats `attempt` while it returns `Full`, and waits in between until `has_room`.
    #[inline(always)]
    fn block_until_space<R>(
        &mut self,
        deadline: &mut Deadline<M>,
        mut attempt: impl FnMut(&mut Self) -> Result<R, PushError>,
        mut has_room: impl FnMut(&mut <T as sealed::Message>::Producer<K>) -> Result<bool, PushError>,
    ) -> Result<R, PushError> {
        loop {
            match attempt(self) {
                Err(PushError::Full) => self.wait_for_room(deadline, &mut has_room)?,
                other => return other,
            }
        }
    }

    /// Waits until `has_room`. A function of its own, so that a call that need not wait is as fast
    /// as one that never waits.
    #[cold]
    #[inline(never)]
    fn wait_for_room(
        &mut self,
        deadline: &mut Deadline<M>,
        has_room: impl FnMut(&mut <T as sealed::Message>::Producer<K>) -> Result<bool, PushError>,
    ) -> Result<(), PushError> {
        let Self { core, seat, spin, .. } = self;
        if !deadline.start(seat.memory()) {
            return Err(PushError::Elapsed);
        }
        let mut condition = Room { core: &mut **core, seat, has_room };
        match wait::wait_for(seat.memory(), &seat.wait_word(), spin, deadline, &mut condition) {
            WaitOutcome::Ready => Ok(()),
            WaitOutcome::Departed(how) => Err(PushError::Closed(how)),
            WaitOutcome::Elapsed => Err(PushError::Elapsed),
            WaitOutcome::Failed(error) => Err(error),
        }
    }
}

/// There is room for what a producer wants to send.
struct Room<'a, C, M: Memory, F> {
    core: &'a mut C,
    seat: &'a RingSeat<M>,
    has_room: F,
}

impl<C: Produce, M: Memory, F: FnMut(&mut C) -> Result<bool, PushError>> WaitCondition for Room<'_, C, M, F> {
    type Departure = Departure;
    type Error = PushError;

    fn is_ready(&mut self) -> Result<bool, PushError> {
        (self.has_room)(self.core)
    }

    fn departure(&self) -> Option<Departure> {
        self.seat.departure()
    }

    fn check_peers(&mut self) -> Result<Option<Departure>, PushError> {
        Ok(self.seat.check_peers())
    }

    fn check_mapping(&mut self) -> Result<(), PushError> {
        let checked = self.seat.check_mapping();
        Ok(checked.inspect_err(|corruption| self.core.poison(*corruption))?)
    }
}

/// Aborts what is open. The seat is given back after it.
impl<K: Kind, T: Message + ?Sized, M: Memory> Drop for Producer<K, T, M> {
    fn drop(&mut self) {
        if self.seat.check_mapping().is_ok() {
            self.core.abort_open();
        }
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for Producer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAMES[1]).field("position", &self.position()).finish_non_exhaustive()
    }
}
