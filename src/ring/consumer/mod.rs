//! [`Consumer`]: the end that takes records out.
mod bytes;
mod items;

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use crossbeam_utils::CachePadded;

use super::stall::Watch;
use super::{DefaultMemory, Kind, Message, Ring, Stall, sealed};
use crate::error::{Corruption, Departure, PopError};
use crate::identity::Role;
use crate::memory::{Clock, Memory};
use crate::ring::Consume;
use crate::seat::{Presence, Seat, presence};
use crate::wait::{self, AdaptiveSpin, WaitCondition, WaitOutcome, WaitStrategy};

/// The consumer of a ring. Dropping it gives the seat back; what it did not take stays for the next one.
///
/// `Send`, not `Sync`: it may move to another thread, and its operations take `&mut self`.
///
/// # Examples
/// See [`Ring`](super::Ring), and each method.
pub struct Consumer<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    /// On lines of its own: ends often lie side by side, and are moved on by several threads.
    pub(crate) core: CachePadded<<T as sealed::Message>::Consumer<K, M>>,
    /// Before the seat: it touches the seat's words.
    #[cfg(feature = "std")]
    pub(crate) attendant: Option<crate::poll::PollWakerThread<M>>,
    pub(crate) seat: Seat<M>,
    pub(crate) ring: Ring<K, T, M>,
    /// Since when the next record is held up.
    pub(crate) watch: Watch,
    pub(crate) patience: AdaptiveSpin,
    /// Not `Sync`.
    pub(crate) confined: PhantomData<Cell<()>>,
}

impl<K: Kind, T: Message + ?Sized, M: Memory> Consumer<K, T, M> {
    /// Where the next record is, in [cells](crate::spsc#positions) since the ring was made; of `lanes`, the sum of all.
    pub fn position(&self) -> u64 {
        self.core.at()
    }

    /// The ring that this is an end of.
    pub fn ring(&self) -> &Ring<K, T, M> {
        &self.ring
    }

    /// Who is to be waited for: what a [`PopError::Empty`] or `Elapsed` leads to. In an `mpsc` ring, whoever has claimed the
    /// next record and not published it; where there is one producer, that one. None if there is a record, or nobody in
    /// particular to wait for, or if the ring is corrupt, which the next operation tells. Asks the system, if the memory has a
    /// witness.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, mpsc::Ring};
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024, 2));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024).producers(2).label("slow"))?;
    /// let (mut slow, mut fast, mut rx) = (ring.producer()?, ring.producer()?, ring.consumer()?);
    /// let reserved = slow.try_reserve(100)?;
    /// fast.try_push(b"sent, but after it")?;
    /// assert!(rx.try_read().is_err());
    /// let blame = rx.stalled().unwrap();
    /// assert_eq!(blame.to_string(), "the producer in seat 0, `slow`, is alive and holds up 3 cells, for 0.0 s");
    /// reserved.commit();
    /// assert!(rx.stalled().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "it only tells"]
    pub fn stalled(&mut self) -> Option<Stall>
    where
        M: Clock,
    {
        self.seat.check().inspect_err(|what| self.core.give_up(*what)).ok()?;
        if self.core.has_record().ok()? {
            return None;
        }
        let memory = self.seat.memory();
        let (seat, who, behind) = match self.core.held_up().ok()? {
            Some((seat, block, behind)) => (seat, presence(memory, block), behind),
            None if self.ring.producers() == 1 => (0, self.seat.peer(), 0),
            None => return None,
        };
        let since = self.watch.since(self.core.at(), memory);
        Some(Stall::new(Role::Producer, seat, who, behind, since))
    }

    /// Who is the producer; of several, one who is here, if any is. Asks the system, if the memory has a witness.
    ///
    /// # Examples
    /// As for [`Producer::consumer`](super::Producer::consumer).
    pub fn producer(&self) -> Presence {
        self.seat.peer()
    }

    /// Waits until somebody sits in the producer's seat, for `timeout` at most; whether somebody did.
    /// Somebody who came and went meanwhile counts. If the ring's file was truncated, nobody comes any more: false at once.
    ///
    /// # Examples
    /// As for [`Producer::wait_for_consumer`](super::Producer::wait_for_consumer).
    pub fn wait_for_producer(&self, timeout: Duration) -> bool
    where
        M: Clock,
    {
        super::wait_for_peer(&self.seat, timeout)
    }

    /// What this end does while there is no record and it has to wait, from now on. At first: [`WaitStrategy::Adaptive`].
    ///
    /// # Examples
    /// See [`WaitStrategy`].
    pub fn set_wait_strategy(&mut self, how: WaitStrategy) {
        self.patience = AdaptiveSpin::new(how);
    }

    /// Waits until there is a record, and takes none: for who goes on with what only tries, as `drain` does.
    ///
    /// # Errors
    /// [`PopError::Closed`] if there is nothing and the producer is gone; [`PopError::Corrupt`]. If no producer ever
    /// came, it waits for one.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// # let sender = std::thread::spawn(move || (1..=100).for_each(|i| tx.push(&i).unwrap()));
    /// let mut sum = 0;
    /// loop {
    ///     match rx.wait() {
    ///         Ok(()) => _ = rx.drain(64, |item| sum += item)?,
    ///         Err(PopError::Closed(_)) => break,
    ///         Err(error) => return Err(error.into()),
    ///     }
    /// }
    /// assert_eq!(sum, 5050);
    /// # sender.join().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&mut self) -> Result<(), PopError> {
        match self.look() {
            Err(PopError::Empty) => self.sleep(|| None),
            other => other,
        }
    }

    /// Waits until there is a record, for `timeout` at most, and takes none.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), and [`PopError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, memory::Heap, spsc::Ring};
    /// # use std::time::Duration;
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
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
            Err(PopError::Empty) => self.sleep_for(timeout, &mut None),
            other => other,
        }
    }

    /// Whether there is a record; if not, whether that is final.
    #[inline(always)]
    fn look(&mut self) -> Result<(), PopError> {
        if self.core.has_record()? { Ok(()) } else { self.nothing() }
    }

    /// There was nothing. If the producers are gone, what they published before is visible now: one more look.
    #[cold]
    fn nothing(&mut self) -> Result<(), PopError> {
        if self.core.has_skipped() {
            self.release();
        }
        let Some(how) = self.seat.departed() else {
            if self.core.hold_back() && self.core.has_record()? {
                return Ok(());
            }
            if self.core.has_skipped() {
                self.release();
            }
            return Err(PopError::Empty);
        };
        if self.core.has_record()? {
            return Ok(());
        }
        self.core.mend()?;
        if self.core.has_record()? {
            return Ok(());
        }
        if self.core.has_skipped() {
            self.release();
        }
        Err(if self.core.is_mending() { PopError::Empty } else { PopError::Closed(how) })
    }

    #[cfg(feature = "std")]
    pub(crate) fn as_waiter(&mut self) -> impl WaitCondition<Departure = Departure, Error = Corruption> {
        let Self { core, seat, .. } = self;
        ForRecord { core: &mut **core, seat }
    }

    /// Waits until there is a record, after a look in vain. Without a deadline if `remaining` gives none. Apart: so who finds one at once is as
    /// fast as who only tries, and what is taken can stay in registers.
    #[cold]
    #[inline(never)]
    fn sleep(&mut self, remaining: impl FnMut() -> Option<Duration>) -> Result<(), PopError> {
        let Self { core, seat, patience, .. } = self;
        let mut waiter = ForRecord { core: &mut **core, seat };
        match wait::until(seat.memory(), &seat.bed(), patience, remaining, &mut waiter) {
            WaitOutcome::Ready => Ok(()),
            WaitOutcome::Gone(how) => Err(PopError::Closed(how)),
            WaitOutcome::Elapsed => Err(PopError::Elapsed),
            WaitOutcome::Failed(what) => Err(what.into()),
        }
    }

    /// The same, for `timeout` at most, counted from the first call: `end` is when that is over. A liar that takes back what was waited for, before
    /// it is taken out, has the caller come again, but not for longer.
    fn sleep_for(&mut self, timeout: Duration, end: &mut Option<Duration>) -> Result<(), PopError>
    where
        M: Clock,
    {
        let memory = self.seat.memory().clone();
        let end = match *end {
            Some(end) if memory.now() >= end => return Err(PopError::Elapsed),
            Some(end) => end,
            None => *end.insert(memory.now().saturating_add(timeout)),
        };
        self.sleep(move || Some(end.saturating_sub(memory.now())))
    }

    /// S1 to S3 of `wait`, and `arm`, which is told what the parked word was made, and whether S2 reached everybody: whether there is nothing,
    /// and there will be a signal.
    #[cfg(any(feature = "std", loom))]
    pub(crate) fn arm_by(&mut self, arm: impl FnOnce(u32, bool) -> bool) -> bool {
        let Self { core, seat, .. } = self;
        let mut waiter = ForRecord { core: &mut **core, seat };
        // Those who died are found here, or by the next look after a slice.
        if !seat.memory().is_own_process()
            || waiter.check().is_err()
            || !matches!(waiter.check_peers(), Ok(None))
        {
            return false;
        }
        let bed = seat.bed();
        let expected = bed.prepare_wait();
        waiter.arm();
        // The word before it, the look after it. Where it does not reach everybody, the attendant naps.
        let fence_reached_all = wait::heavy_fence(seat.memory(), bed.fenced);
        let is_armed = wait::still_waiting(&mut waiter) && arm(expected, fence_reached_all);
        if !is_armed {
            bed.cancel_wait();
        }
        is_armed
    }

    /// Whether this is the end that took the seat, and not its copy in a forked child, which must not touch the ring.
    #[inline(always)]
    pub(crate) fn is_own(&self) -> bool {
        self.seat.memory().is_own_process()
    }

    /// Tells the producer that all that was passed may be written again.
    #[inline(always)]
    pub(crate) fn release(&mut self) {
        let Self { core, seat, .. } = self;
        core.release(|shared_head| seat.wake_producers(shared_head.parked(), || shared_head.worth_waking()));
    }
}

/// A consumer that waits for a record.
struct ForRecord<'a, C, M: Memory> {
    core: &'a mut C,
    seat: &'a Seat<M>,
}

impl<C: Consume<M>, M: Memory> WaitCondition for ForRecord<'_, C, M> {
    type Departure = Departure;
    type Error = Corruption;

    fn ready(&mut self) -> Result<bool, Corruption> {
        let is_there = self.core.has_record()?;
        if !is_there && self.core.has_skipped() {
            let seat = self.seat;
            self.core.release(|shared_head| {
                seat.wake_producers(shared_head.parked(), || shared_head.worth_waking())
            });
        }
        Ok(is_there)
    }
    fn departed(&self) -> Option<Departure> {
        self.seat.departed()
    }
    fn check_peers(&mut self) -> Result<Option<Departure>, Corruption> {
        // Before mending: what those who are gone left is all there then.
        let gone = self.seat.departed_by_proof();
        self.core.mend()?;
        Ok(gone.filter(|_| !self.core.is_mending()))
    }
    fn check(&mut self) -> Result<(), Corruption> {
        self.seat.check().inspect_err(|what| self.core.give_up(*what))
    }
    fn arm(&mut self) {
        self.core.arm();
    }
    fn is_up(&self) -> bool {
        self.core.is_up() || self.core.is_mending()
    }
}

/// Releases what was taken, also when the taker panics.
struct ReleaseOnDrop<'a, K: Kind, T: Message + ?Sized, M: Memory>(&'a mut Consumer<K, T, M>);

impl<K: Kind, T: Message + ?Sized, M: Memory> Drop for ReleaseOnDrop<'_, K, T, M> {
    fn drop(&mut self) {
        if self.0.is_own() {
            self.0.release();
        }
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for Consumer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAMES[2]).field("position", &self.position()).finish_non_exhaustive()
    }
}
