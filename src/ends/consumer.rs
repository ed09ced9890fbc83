//! [`Consumer`]: the end that takes records out.
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::blame::Watch;
use super::{Blame, Carried, Home, Item, Kind, Payload, Record, Ring, sealed};
use crate::error::{Corruption, Departure, PopError};
use crate::identity::Role;
use crate::memory::{Clock, Memory};
use crate::recovery::{Presence, Seat, presence};
use crate::ring::bytes::Found;
use crate::ring::{Consume, ConsumeBytes, ConsumeItems};
use crate::wait::{self, Waiter, Woken};

/// The consumer of a ring. Dropping it gives the seat back; what it did not take stays for the next one.
///
/// `Send`, not `Sync`: it may move to another thread, and its operations take `&mut self`.
///
/// # Examples
/// See [`Ring`](super::Ring), and each method.
pub struct Consumer<K: Kind, T: Carried + ?Sized, M: Memory = Home> {
    pub(crate) core: <T as sealed::Carried>::Consumer<K, M>,
    pub(super) seat: Seat<M>,
    pub(super) ring: Ring<K, T, M>,
    /// Since when the next record is held up.
    pub(super) watch: Watch,
    /// Not `Sync`.
    pub(super) confined: PhantomData<Cell<()>>,
}

impl<K: Kind, T: Carried + ?Sized, M: Memory> Consumer<K, T, M> {
    /// Where the next record is, in [cells](super#positions) since the ring was made.
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
    pub fn stalled(&mut self) -> Option<Blame>
    where
        M: Clock,
    {
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
        Some(Blame::new(Role::Producer, seat, who, behind, since))
    }

    /// Who is the producer; of several, one who is here, if any is. Asks the system, if the memory has a witness.
    ///
    /// # Examples
    /// As for [`Producer::consumer`](super::Producer::consumer).
    pub fn producer(&self) -> Presence {
        self.seat.peer()
    }

    /// Waits until somebody sits in the producer's seat, for `timeout` at most; whether somebody did.
    /// Somebody who came and went meanwhile counts.
    ///
    /// # Examples
    /// As for [`Producer::wait_for_consumer`](super::Producer::wait_for_consumer).
    pub fn wait_for_producer(&self, timeout: Duration) -> bool
    where
        M: Clock,
    {
        super::wait_for_peer(&self.seat, timeout)
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
        let Some(how) = self.seat.departed() else { return Err(PopError::Empty) };
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
        Err(PopError::Closed(how))
    }

    /// Waits until there is a record. Without a deadline if `remaining` gives none.
    fn wait(&mut self, remaining: impl FnMut() -> Option<Duration>) -> Result<(), PopError> {
        let Self { core, seat, .. } = self;
        let mut waiter = ForRecord { core, seat };
        match wait::until(seat.memory(), &seat.bed(), remaining, &mut waiter) {
            Woken::Ready => Ok(()),
            Woken::Gone(how) => Err(PopError::Closed(how)),
            Woken::Elapsed => Err(PopError::Elapsed),
            Woken::Failed(what) => Err(what.into()),
        }
    }

    /// Whether this is the end that took the seat, and not its copy in a forked child, which must not touch the ring.
    #[inline(always)]
    pub(super) fn is_own(&self) -> bool {
        self.seat.memory().is_claimant()
    }

    /// Tells the producer that all that was passed may be written again.
    #[inline(always)]
    pub(super) fn release(&mut self) {
        let Self { core, seat, .. } = self;
        core.release(|parked| seat.wake(parked));
    }
}

/// A consumer that waits for a record.
struct ForRecord<'a, C, M: Memory> {
    core: &'a mut C,
    seat: &'a Seat<M>,
}

impl<C: Consume<M>, M: Memory> Waiter for ForRecord<'_, C, M> {
    type Departure = Departure;
    type Error = Corruption;

    fn ready(&mut self) -> Result<bool, Corruption> {
        let is_there = self.core.has_record()?;
        if !is_there && self.core.has_skipped() {
            self.core.release(|parked| self.seat.wake(parked));
        }
        Ok(is_there)
    }
    fn departed(&self) -> Option<Departure> {
        self.seat.departed()
    }
    fn inquire(&mut self) -> Result<Option<Departure>, Corruption> {
        // Before mending: what those who are gone left is all there then.
        let gone = self.seat.departed_by_proof();
        self.core.mend()?;
        Ok(gone)
    }
    fn lie_down(&mut self) {
        self.core.lie_down();
    }
}

/// Releases what was taken, also when the taker panics.
struct ReleaseOnDrop<'a, K: Kind, T: Carried + ?Sized, M: Memory>(&'a mut Consumer<K, T, M>);

impl<K: Kind, T: Carried + ?Sized, M: Memory> Drop for ReleaseOnDrop<'_, K, T, M> {
    fn drop(&mut self) {
        if self.0.is_own() {
            self.0.release();
        }
    }
}

impl<K: Kind, T: Item, M: Memory> Consumer<K, T, M> {
    /// Takes the next item out, if there is one.
    ///
    /// Wait-free; no system call unless the producer sleeps. The item is released before it is returned: should
    /// this process die right after, it is gone with it. To be sure that an item was dealt with, use
    /// [`drain`](Self::drain), or a byte ring's [`Record`].
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Closed`] if there is nothing and the producer is known to be gone;
    /// [`PopError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Departure, Options, PopError, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(&7)?;
    /// assert_eq!(rx.try_pop(), Ok(7));
    /// assert_eq!(rx.try_pop(), Err(PopError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Left)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        self.look()?;
        Ok(self.take())
    }

    /// Takes the item that was found.
    #[inline(always)]
    fn take(&mut self) -> T {
        let item = self.core.take();
        self.release();
        item
    }

    /// Takes items out into `items`, from its front, as many as there are; how many that were.
    ///
    /// They are released together. Wait-free; no system call unless the producer sleeps.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop), if there is not even one.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// ring.producer()?.try_push_slice(&[1, 2, 3])?;
    /// let mut items = [0; 8];
    /// assert_eq!(ring.consumer()?.try_pop_slice(&mut items)?, 3);
    /// assert_eq!(items, [1, 2, 3, 0, 0, 0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_pop_slice(&mut self, items: &mut [T]) -> Result<usize, PopError> {
        let limit = items.len();
        let mut room = items.iter_mut();
        self.drain(limit, |item| {
            if let Some(place) = room.next() {
                *place = item;
            }
        })
    }

    /// Gives up to `limit` items to `each`, never more than the ring's capacity, and releases them all at once; how many
    /// that were.
    ///
    /// Should this process die meanwhile, the next consumer gets all of them again. If `each` panics, the items
    /// that it was given count as taken. Wait-free but for `each`; no system call unless the producer sleeps.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop), if there is not even one. A corruption after the first is told by the next
    /// call.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// ring.producer()?.try_push_slice(&[1, 2, 3])?;
    /// let mut sum = 0;
    /// assert_eq!(ring.consumer()?.drain(64, |item| sum += item)?, 3);
    /// assert_eq!(sum, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn drain(&mut self, limit: usize, mut each: impl FnMut(T)) -> Result<usize, PopError> {
        if limit == 0 {
            return Ok(0);
        }
        self.look()?;
        let limit = limit.min(self.core.most_records());
        let drain = ReleaseOnDrop(self);
        let mut drained = 0;
        loop {
            each(drain.0.core.take());
            drained += 1;
            if drained == limit || !matches!(drain.0.core.has_record(), Ok(true)) {
                return Ok(drained);
            }
        }
    }

    /// Takes the next item out; waits while there is none.
    ///
    /// # Errors
    /// [`PopError::Closed`] if there is nothing and the producer is gone; [`PopError::Corrupt`]. If no producer ever
    /// came, it waits for one.
    ///
    /// # Examples
    /// See [`Producer::push`](super::Producer::push).
    pub fn pop(&mut self) -> Result<T, PopError> {
        match self.look() {
            Err(PopError::Empty) => self.wait(|| None)?,
            other => other?,
        }
        Ok(self.take())
    }

    /// Takes the next item out; waits while there is none, for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop`](Self::pop), and [`PopError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, memory::Heap, spsc::Ring};
    /// # use std::time::Duration;
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// let popped = ring.consumer()?.pop_timeout(Duration::from_millis(5));
    /// assert_eq!(popped, Err(PopError::Elapsed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<T, PopError>
    where
        M: Clock,
    {
        match self.look() {
            Err(PopError::Empty) => self.wait(super::deadline(self.seat.memory().clone(), timeout))?,
            other => other?,
        }
        Ok(self.take())
    }
}

impl<K: Kind, M: Memory> Consumer<K, [u8], M> {
    /// The largest record, in bytes: half the capacity.
    pub fn max_record(&self) -> usize {
        self.core.max_record()
    }

    /// The next record, if there is one, to be read in place. It is released when the [`Record`] is dropped.
    ///
    /// Wait-free; no system call.
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Closed`] if there is nothing and the producer is known to be gone;
    /// [`PopError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(b"a record")?;
    /// assert_eq!(rx.try_read()?.payload().to_vec(), b"a record");
    /// assert_eq!(rx.try_read().unwrap_err(), PopError::Empty);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_read(&mut self) -> Result<Record<'_, K, M>, PopError> {
        let found = self.find()?;
        Ok(Record::new(self, found))
    }

    /// The record at HEAD; if there is none, whether that is final.
    #[inline(always)]
    fn find(&mut self) -> Result<Found, PopError> {
        match self.core.look()? {
            Some(found) => Ok(found),
            None => {
                self.nothing()?;
                // There is something after all.
                Ok(self.core.found_before()?)
            }
        }
    }

    /// The next record, to be read in place; waits while there is none.
    ///
    /// # Errors
    /// [`PopError::Closed`] if there is nothing and the producer is gone; [`PopError::Corrupt`]. If no producer ever
    /// came, it waits for one.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let reader = std::thread::spawn(move || rx.read().unwrap().payload().len());
    /// tx.push(b"a record")?;
    /// assert_eq!(reader.join().unwrap(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(&mut self) -> Result<Record<'_, K, M>, PopError> {
        let found = match self.find() {
            Err(PopError::Empty) => {
                self.wait(|| None)?;
                self.core.found_before()?
            }
            other => other?,
        };
        Ok(Record::new(self, found))
    }

    /// The next record, to be read in place; waits while there is none, for `timeout` at most.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`PopError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, memory::Heap, spsc::Ring};
    /// # use std::time::Duration;
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
    /// let mut rx = ring.consumer()?;
    /// assert_eq!(rx.read_timeout(Duration::from_millis(5)).unwrap_err(), PopError::Elapsed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<Record<'_, K, M>, PopError>
    where
        M: Clock,
    {
        let found = match self.find() {
            Err(PopError::Empty) => {
                self.wait(super::deadline(self.seat.memory().clone(), timeout))?;
                self.core.found_before()?
            }
            other => other?,
        };
        Ok(Record::new(self, found))
    }

    /// Gives up to `limit` records to `each`, never more than the ring holds at once, and releases them all together; how
    /// many that were.
    ///
    /// Should this process die meanwhile, the next consumer gets all of them again. If `each` panics, the records
    /// that it was given count as read. Wait-free but for `each`; no system call unless the producer sleeps.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read), if there is not even one. A corruption after the first is told by the next
    /// call.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(b"one")?;
    /// tx.try_push(b"three")?;
    /// let mut bytes = 0;
    /// assert_eq!(rx.drain(64, |record| bytes += record.len())?, 2);
    /// assert_eq!(bytes, 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn drain(&mut self, limit: usize, mut each: impl FnMut(Payload<'_>)) -> Result<usize, PopError> {
        if limit == 0 {
            return Ok(0);
        }
        let mut found = self.find()?;
        let limit = limit.min(self.core.most_records());
        let drain = ReleaseOnDrop(self);
        let mut drained = 0;
        loop {
            drain.0.core.pass(&found);
            each(Payload::new(found.payload));
            drained += 1;
            if drained == limit {
                return Ok(drained);
            }
            match drain.0.core.look() {
                Ok(Some(next)) => found = next,
                _ => return Ok(drained),
            }
        }
    }
}

impl<K: Kind, T: Carried + ?Sized, M: Memory> fmt::Debug for Consumer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAMES[2]).field("position", &self.position()).finish_non_exhaustive()
    }
}
