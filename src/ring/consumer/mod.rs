//! [`Consumer`]: takes records out of a ring.
#[cfg(feature = "async")]
mod async_consumer;
mod bytes;
mod items;
#[cfg(any(feature = "std", loom))]
mod poll;

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use crossbeam_utils::CachePadded;

#[cfg(feature = "async")]
pub use async_consumer::AsyncConsumer;
pub use items::{Iter, TryIter};

use super::cells::EmptyBackoff;
use super::stall::StallTimer;
use super::{AtHead, Consume, DefaultMemory, Kind, Losses, Message, Ring, RingSeat, Stall, sealed};
use crate::error::{Corruption, Departure, PopError};
use crate::identity::Role;
use crate::memory::{Clock, Memory};
use crate::seat::{Presence, presence};
use crate::wait::{self, AdaptiveSpin, Deadline, WaitCondition, WaitOutcome, WaitStrategy};

/// The consumer of a ring: takes records out.
///
/// [`Ring::consumer`] attaches one. Dropping it gives its seat back; the next consumer continues at
/// the first record that was not released.
///
/// A `Consumer` is `Send`, not `Sync`: it may move to another thread, but only one thread can use
/// it at a time.
///
/// | | `Consumer<T>`, items | `Consumer<[u8]>`, records of bytes |
/// |---|---|---|
/// | without waiting | [`try_pop`](Self::try_pop), [`try_peek`](Self::try_peek), [`try_pop_slice`](Self::try_pop_slice), [`drain`](#method.drain-1), [`try_iter`](Self::try_iter) | [`try_read`](Self::try_read), [`drain`](#method.drain) |
/// | waiting for the next | [`pop`](Self::pop), [`peek`](Self::peek), [`iter`](Self::iter), [`wait`](Self::wait) | [`read`](Self::read), [`wait`](Self::wait) |
/// | waiting for so long at most | [`pop_timeout`](Self::pop_timeout), [`wait_timeout`](Self::wait_timeout) | [`read_timeout`](Self::read_timeout), [`wait_timeout`](Self::wait_timeout) |
/// | among other things | [`Select`](crate::Select), [`into_pollable`](Self::into_pollable), `into_async` | [`Select`](crate::Select), [`into_pollable`](Self::into_pollable), `into_async` |
///
/// # Examples
/// ```no_run
/// use ringway::{Departure, PopError, spsc::Ring};
///
/// let mut rx = Ring::<[u8]>::open("feed")?.consumer()?;
/// loop {
///     match rx.read() { // waits while the ring is empty
///         Ok(record) => println!("{} bytes", record.len()),
///         Err(PopError::Closed(Departure::Finished)) => break,
///         Err(error) => return Err(error.into()), // "the ring is empty and its producer died", say
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("receiver", "reader", "subscriber"))]
pub struct Consumer<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    /// On cache lines of its own: producers and consumers often lie side by side in memory, and are
    /// used by different threads.
    pub(crate) core: CachePadded<<T as sealed::Message>::Consumer<K>>,
    /// Before the seat: it touches the seat's words when it is dropped.
    #[cfg(feature = "std")]
    pub(super) waker: Option<crate::poll::Waker<M>>,
    pub(crate) seat: RingSeat<M>,
    pub(crate) ring: Ring<K, T, M>,
    pub(crate) backoff: EmptyBackoff,
    pub(crate) stall_timer: StallTimer,
    pub(crate) spin: AdaptiveSpin,
    /// Not `Sync`.
    pub(crate) confined: PhantomData<Cell<()>>,
}

/// Every consumer, whatever it receives.
impl<K: Kind, T: Message + ?Sized, M: Memory> Consumer<K, T, M> {
    /// The position of the next record, in [cells](crate::spsc#positions) since the ring was
    /// created; in a `lanes` ring, the sum of all lanes.
    pub fn position(&self) -> u64 {
        self.core.position().get()
    }

    /// How much of the ring is in use: sent, and not yet released. In the unit of
    /// [`Ring::capacity`]: items, or bytes in whole cells. In a `lanes` ring, the sum of all
    /// lanes.
    ///
    /// An estimate: producers may send at any moment, and in an `mpsc` ring it includes what they
    /// have claimed and not published.
    ///
    /// # Examples
    /// See [`Producer::len`](super::Producer::len).
    #[doc(alias("fill", "backlog"))]
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether everything that was sent is released. An estimate: see [`len`](Self::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ring of this consumer.
    pub fn ring(&self) -> &Ring<K, T, M> {
        &self.ring
    }

    /// Leaves the ring in order: a producer that waits for room then sees
    /// [`Closed(Finished)`](Departure::Finished).
    ///
    /// A consumer that is merely dropped, which also happens in a panic, is seen as
    /// [`Closed(Left)`](Departure::Left). What it did not release stays for the next consumer.
    ///
    /// # Errors
    /// [`PopError::Corrupt`] if the ring's file was truncated: nothing can be recorded then.
    /// [`PopError::Inherited`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Departure, Options, PushError, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new().capacity(1))?;
    /// let (mut tx, rx) = (ring.producer()?, ring.consumer()?);
    /// rx.close()?;
    /// tx.push(&1)?; // there is room
    /// assert_eq!(tx.push(&2), Err(PushError::Closed(Departure::Finished)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("shutdown", "finish"))]
    pub fn close(mut self) -> Result<(), PopError> {
        self.check_owner()?;
        self.seat.check_mapping()?;
        self.seat.finish();
        Ok(())
    }

    /// What the consumer waits for, after [`PopError::Empty`] or [`PopError::Elapsed`].
    ///
    /// In an `mpsc` ring: the producer that has claimed the next record and not published it. In a
    /// ring with one producer seat: its producer. `None` if there is a record, or if no
    /// producer in particular is awaited, or if the ring is corrupt, which the next operation
    /// reports. Asks the kernel, if the memory can prove life.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, mpsc::Ring};
    /// let ring = Ring::<[u8]>::on_heap(&Options::new().max_producers(2).label("slow"))?;
    /// let (mut slow, mut fast, mut rx) = (ring.producer()?, ring.producer()?, ring.consumer()?);
    /// let reserved = slow.try_reserve(100)?;
    /// fast.try_push(b"sent, but after it")?;
    /// assert!(rx.try_read().is_err());
    /// let stall = rx.stalled().unwrap();
    /// assert_eq!(stall.to_string(), "the producer in seat 0, `slow`, is alive and holds up 3 cells, for 0.0 s");
    /// reserved.commit();
    /// assert!(rx.stalled().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "`stalled` has no effect besides its return value"]
    #[doc(alias("blame", "diagnose"))]
    pub fn stalled(&mut self) -> Option<Stall>
    where
        M: Clock,
    {
        let Self { core, seat, ring, stall_timer, .. } = self;
        seat.check_mapping().inspect_err(|corruption| core.poison(*corruption)).ok()?;
        if core.has_record(seat).ok()? {
            return None;
        }
        let (index, who, cells) = match core.blocked_by(seat).ok()? {
            Some(blocker) => {
                let block = ring.geometry.producer(blocker.seat.into()).seat();
                (blocker.seat, presence(seat.memory(), block), blocker.cells)
            }
            None if ring.max_producers() == 1 => (0, seat.peer_presence(), 0),
            None => return None,
        };
        let stalled_for = stall_timer.unchanged_for(core.position().get(), seat.memory());
        Some(Stall::new(Role::Producer, index, who, cells, stalled_for))
    }

    /// Whether a producer is attached, has left, or has died. Of several producers: one that is
    /// attached, if there is one. Asks the kernel, if the memory can prove life.
    ///
    /// # Examples
    /// See [`Producer::consumer_presence`](super::Producer::consumer_presence).
    pub fn producer_presence(&self) -> Presence {
        self.seat.peer_presence()
    }

    /// Waits until a producer is attached, for at most `timeout`. Returns whether one is, or was in
    /// between.
    ///
    /// A producer that came and went meanwhile counts. Returns `false` at once if the ring's file
    /// was truncated and in a forked child, and after 100 ms if the ring is unlinked.
    ///
    /// # Examples
    /// See [`Producer::wait_for_consumer`](super::Producer::wait_for_consumer).
    pub fn wait_for_producer(&self, timeout: Duration) -> bool
    where
        M: Clock,
    {
        super::wait_for_peer(&self.seat, timeout)
    }

    /// Sets what this consumer does while it waits for a record. Initially
    /// [`WaitStrategy::Adaptive`].
    ///
    /// # Examples
    /// See [`WaitStrategy`].
    pub fn set_wait_strategy(&mut self, strategy: WaitStrategy) {
        self.spin = AdaptiveSpin::new(strategy);
    }

    /// Waits until there is a record, and takes none. For a loop over calls that do not wait, such
    /// as `drain`.
    ///
    /// If no producer has ever been attached, it waits for one.
    ///
    /// # Errors
    /// [`PopError::Closed`] if the ring is empty and the producer has left or died, or the ring was
    /// unlinked before one came; [`PopError::Inherited`]; [`PopError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let sender = std::thread::spawn(move || (1..=100).for_each(|i| tx.push(&i).unwrap()));
    /// let mut sum = 0;
    /// loop {
    ///     match rx.wait() {
    ///         Ok(()) => _ = rx.drain(64, |item| sum += item)?,
    ///         Err(PopError::Closed(_)) => break,
    ///         Err(error) => return Err(error.into()),
    ///     }
    /// }
    /// assert_eq!(sum, 5050);
    /// sender.join().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&mut self) -> Result<(), PopError> {
        match self.look() {
            Err(PopError::Empty) => self.wait_for_record(&mut Deadline::never()),
            other => other,
        }
    }

    /// Waits until there is a record, for at most `timeout`, and takes none.
    ///
    /// # Errors
    /// Like [`wait`](Self::wait), and [`PopError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, spsc::Ring};
    /// # use std::time::Duration;
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let mut rx = ring.consumer()?;
    /// assert_eq!(rx.wait_timeout(Duration::from_millis(5)), Err(PopError::Elapsed));
    /// ring.producer()?.push(&7)?;
    /// assert_eq!(rx.wait_timeout(Duration::from_millis(5)), Ok(()));
    /// assert_eq!(rx.try_pop(), Ok(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<(), PopError>
    where
        M: Clock,
    {
        match self.look() {
            Err(PopError::Empty) => self.wait_for_record(&mut Deadline::after(timeout)),
            other => other,
        }
    }

    /// The records that died with their producers, since this consumer was attached.
    ///
    /// Only an `mpsc` ring has losses: a producer that is killed after it claimed cells and before
    /// it published them leaves a claim, and the consumer passes over it. Each loss is returned
    /// once; at most the last 16 are kept ([`Losses::dropped`] says how many were not).
    ///
    /// # Examples
    /// See [`Loss`](super::Loss).
    pub fn losses(&mut self) -> Losses<'_> {
        self.core.losses()
    }

    /// `Ok` if there is a record; otherwise `Empty` or `Closed`.
    #[inline(always)]
    fn look(&mut self) -> Result<(), PopError> {
        self.check_owner()?;
        if self.core.has_record(&self.seat)? { Ok(()) } else { self.look_again() }
    }

    /// Looks once more, after a look has found nothing: after a pause, or, if all producers have
    /// departed, for what they published before that.
    #[cold]
    fn look_again(&mut self) -> Result<(), PopError> {
        let Self { core, seat, backoff, .. } = self;
        let Some(how) = seat.departure() else {
            let is_worth_it = backoff.pause(core.taken(), core.capacity(), least_pauses(&**core));
            return if is_worth_it && core.has_record(seat)? { Ok(()) } else { Err(PopError::Empty) };
        };
        match core.recover(seat)? {
            AtHead::Record => Ok(()),
            AtHead::Nothing => Err(PopError::Closed(how)),
            AtHead::Recovering => Err(PopError::Empty),
        }
    }

    /// Repeats `attempt` while it returns `Empty`, and waits in between until there is a record.
    #[inline(always)]
    fn block_until_record<R>(
        &mut self,
        mut deadline: Deadline<M>,
        mut attempt: impl FnMut(&mut Self) -> Result<R, PopError>,
    ) -> Result<R, PopError> {
        loop {
            match attempt(self) {
                Err(PopError::Empty) => self.wait_for_record(&mut deadline)?,
                other => return other,
            }
        }
    }

    /// Waits until there is a record. A function of its own, so that a call that need not wait is
    /// as fast as one that never waits.
    #[cold]
    #[inline(never)]
    fn wait_for_record(&mut self, deadline: &mut Deadline<M>) -> Result<(), PopError> {
        let Self { core, seat, spin, .. } = self;
        if !deadline.start(seat.memory()) {
            return Err(PopError::Elapsed);
        }
        let mut condition = RecordReady { core: &mut **core, seat };
        match wait::wait_for(seat.memory(), &seat.wait_word(), spin, deadline, &mut condition) {
            WaitOutcome::Ready => Ok(()),
            WaitOutcome::Departed(how) => Err(PopError::Closed(how)),
            WaitOutcome::Elapsed => Err(PopError::Elapsed),
            WaitOutcome::Failed(corruption) => Err(corruption.into()),
        }
    }

    /// Fails in a forked child, which must not touch its parent's ring.
    #[inline(always)]
    pub(crate) fn check_owner(&self) -> Result<(), PopError> {
        if self.seat.memory().is_own_process() { Ok(()) } else { Err(PopError::Inherited) }
    }

    /// Gives everything that was taken back to the producers.
    #[inline(always)]
    pub(crate) fn release(&mut self) {
        self.core.release(&self.seat);
    }
}

fn least_pauses<C: Consume>(_: &C) -> u64 {
    C::MIN_PAUSES
}

/// There is a record.
struct RecordReady<'a, C, M: Memory> {
    core: &'a mut C,
    seat: &'a RingSeat<M>,
}

impl<C: Consume, M: Memory> WaitCondition for RecordReady<'_, C, M> {
    type Departure = Departure;
    type Error = Corruption;

    fn is_ready(&mut self) -> Result<bool, Corruption> {
        self.core.has_record(self.seat)
    }

    fn departure(&self) -> Option<Departure> {
        self.seat.departure()
    }

    fn check_peers(&mut self) -> Result<Option<Departure>, Corruption> {
        // Before recovery: everything that departed producers left is there by then.
        let departure = self.seat.check_peers();
        let at_head = self.core.recover(self.seat)?;
        Ok(departure.filter(|_| at_head != AtHead::Recovering))
    }

    fn check_mapping(&mut self) -> Result<(), Corruption> {
        self.seat.check_mapping().inspect_err(|corruption| self.core.poison(*corruption))
    }

    fn arm(&mut self) {
        self.core.arm();
    }

    fn must_look_again(&self) -> bool {
        self.core.must_look_again()
    }
}

/// Releases what was taken, also when the code that takes panics.
struct ReleaseOnDrop<'a, K: Kind, T: Message + ?Sized, M: Memory>(&'a mut Consumer<K, T, M>);

impl<K: Kind, T: Message + ?Sized, M: Memory> Drop for ReleaseOnDrop<'_, K, T, M> {
    fn drop(&mut self) {
        if self.0.check_owner().is_ok() {
            self.0.release();
        }
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for Consumer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAMES[2]).field("position", &self.position()).finish_non_exhaustive()
    }
}
