//! [`Producer`]: the end that puts records in.
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::blame::Watch;
use super::{Batch, Blame, Carried, Home, Item, Kind, Reservation, Ring, sealed};
use crate::error::{Departure, PushError, SeatError};
use crate::identity::Role;
use crate::memory::{Clock, Memory};
use crate::recovery::{Presence, Seat};
use crate::ring::{Produce, ProduceBytes, ProduceItems};
use crate::wait::{self, Waiter, Woken};

/// The producer of a ring. Dropping it gives the seat back; what it published stays.
///
/// `Send`, not `Sync`: it may move to another thread, and its operations take `&mut self`.
///
/// # Examples
/// See [`Ring`](super::Ring), and each method.
pub struct Producer<K: Kind, T: Carried + ?Sized, M: Memory = Home> {
    pub(super) core: <T as sealed::Carried>::Producer<K>,
    pub(super) seat: Seat<M>,
    pub(super) ring: Ring<K, T, M>,
    /// Since when the consumer is where it is.
    pub(super) watch: Watch,
    /// Not `Sync`.
    pub(super) confined: PhantomData<Cell<()>>,
}

impl<K: Kind, T: Carried + ?Sized, M: Memory> Producer<K, T, M> {
    /// Where the next record goes, in [cells](super#positions) since the ring was made. It tells a restarted sender how
    /// far its predecessor came: see the `stream` example.
    pub fn position(&self) -> u64 {
        self.core.at()
    }

    /// Who is the consumer. Asks the system, if the memory has a witness.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Presence, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// let tx = ring.producer()?;
    /// assert_eq!(tx.consumer(), Presence::Never);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn consumer(&self) -> Presence {
        self.seat.peer()
    }

    /// Which of the producers' seats this is; always 0 where there is only one. A byte ring's consumer finds it as
    /// `Record::producer`.
    pub fn seat(&self) -> u16 {
        self.seat.index()
    }

    /// The ring that this is an end of.
    pub fn ring(&self) -> &Ring<K, T, M> {
        &self.ring
    }

    /// Takes another seat for a producer of the same ring: for another thread of this process, say.
    ///
    /// # Errors
    /// As [`Ring::producer`].
    ///
    /// # Examples
    /// See [`mpsc::Ring::required_len`](crate::mpsc::Ring#method.required_len).
    pub fn another(&self) -> Result<Self, SeatError> {
        self.ring.producer()
    }

    /// Whether the consumer is behind, and who that is: what a [`PushError::Full`] or `Elapsed` leads to. None if it has
    /// released everything, or if the ring is corrupt, which the next operation tells.
    ///
    /// # Examples
    /// See [`Blame`].
    pub fn stalled(&mut self) -> Option<Blame>
    where
        M: Clock,
    {
        let behind = self.core.behind().ok().filter(|behind| *behind > 0)?;
        let since = self.watch.since(behind, self.seat.memory());
        Some(Blame::new(Role::Consumer, 0, self.seat.peer(), behind, since))
    }

    /// Waits until somebody sits in the consumer's seat, for `timeout` at most; whether somebody did.
    /// Somebody who came and went meanwhile counts.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # use std::time::Duration;
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
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

    /// Waits until `ready`. Without a deadline if `remaining` gives none.
    fn wait(
        &mut self,
        remaining: impl FnMut() -> Option<Duration>,
        ready: impl FnMut(&mut <T as sealed::Carried>::Producer<K>) -> Result<bool, PushError>,
    ) -> Result<(), PushError> {
        let Self { core, seat, .. } = self;
        let mut waiter = ForRoom { core, seat, ready };
        match wait::until(seat.memory(), &seat.bed(), remaining, &mut waiter) {
            Woken::Ready => Ok(()),
            Woken::Gone(how) => Err(PushError::Closed(how)),
            Woken::Elapsed => Err(PushError::Elapsed),
            Woken::Failed(error) => Err(error),
        }
    }

    /// Calls `attempt` until it finds room; waits in between, until what `begin` returns says that the time is up.
    fn insist<R, D: FnMut() -> Option<Duration>>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<R, PushError>,
        begin: impl FnOnce(&M) -> D,
        mut ready: impl FnMut(&mut <T as sealed::Carried>::Producer<K>) -> Result<bool, PushError>,
    ) -> Result<R, PushError> {
        match attempt(self) {
            Err(PushError::Full) => {}
            other => return other,
        }
        let mut remaining = begin(self.seat.memory());
        loop {
            self.wait(&mut remaining, &mut ready)?;
            match attempt(self) {
                // Another producer was faster.
                Err(PushError::Full) => {}
                other => return other,
            }
        }
    }
}

/// A producer that waits for room.
struct ForRoom<'a, C, M: Memory, F> {
    core: &'a mut C,
    seat: &'a Seat<M>,
    ready: F,
}

impl<C, M: Memory, F: FnMut(&mut C) -> Result<bool, PushError>> Waiter for ForRoom<'_, C, M, F> {
    type Departure = Departure;
    type Error = PushError;

    fn ready(&mut self) -> Result<bool, PushError> {
        (self.ready)(self.core)
    }
    fn departed(&self) -> Option<Departure> {
        self.seat.departed()
    }
    fn inquire(&mut self) -> Result<Option<Departure>, PushError> {
        Ok(self.seat.departed_by_proof())
    }
}

impl<K: Kind, T: Item, M: Memory> Producer<K, T, M> {
    /// Puts `item` in, if there is room. The consumer may make room at any moment, and nobody else can take it.
    ///
    /// Wait-free; no system call unless the consumer sleeps.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(2));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(2))?;
    /// let mut tx = ring.producer()?;
    /// tx.try_push(&1)?;
    /// tx.try_push(&2)?;
    /// assert_eq!(tx.try_push(&3), Err(PushError::Full));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push(&mut self, item: &T) -> Result<(), PushError> {
        self.core.try_push(item)?;
        self.seat.wake_consumer();
        Ok(())
    }

    /// Puts in as many of `items`, from the first on, as there is room for; how many that were.
    ///
    /// The consumer may see the first before the last is in: for all or nothing, send a record of a byte ring.
    /// Wait-free; no system call unless the consumer sleeps.
    ///
    /// # Errors
    /// [`PushError::Full`] if there is no room for even one, [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(4));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(4))?;
    /// assert_eq!(ring.producer()?.try_push_slice(&[1, 2, 3, 4, 5])?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError> {
        let pushed = self.core.try_push_slice(items)?;
        self.seat.wake_consumer();
        Ok(pushed)
    }

    /// Puts `item` in; waits while the ring is full.
    ///
    /// # Errors
    /// [`PushError::Closed`] if the ring is full and the consumer is gone; [`PushError::Corrupt`]. If no consumer
    /// ever came, it waits for one.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u64>::required_len(2));
    /// # let ring = Ring::<u64, _>::format(memory, &Options::new().capacity(2))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let sum = std::thread::spawn(move || (0..100).map(|_| rx.pop().unwrap()).sum::<u64>());
    /// for i in 0..100 {
    ///     tx.push(&i)?;
    /// }
    /// assert_eq!(sum.join().unwrap(), 4950);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push(&mut self, item: &T) -> Result<(), PushError> {
        self.insist(|end| end.try_push(item), |_| || None, |core| Ok(core.has_room()?))
    }

    /// Puts `item` in; waits while the ring is full, for `timeout` at most.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, memory::Heap, spsc::Ring};
    /// # use std::time::Duration;
    /// # let memory = Heap::new(Ring::<u32>::required_len(1));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(1))?;
    /// let mut tx = ring.producer()?;
    /// tx.push_timeout(&1, Duration::from_millis(5))?;
    /// assert_eq!(tx.push_timeout(&2, Duration::from_millis(5)), Err(PushError::Elapsed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_timeout(&mut self, item: &T, timeout: Duration) -> Result<(), PushError>
    where
        M: Clock,
    {
        let begin = |memory: &M| super::deadline(memory.clone(), timeout);
        self.insist(|end| end.try_push(item), begin, |core| Ok(core.has_room()?))
    }
}

impl<K: Kind, M: Memory> Producer<K, [u8], M> {
    /// The largest record, in bytes: half the capacity.
    pub fn max_record(&self) -> usize {
        self.core.max_record()
    }

    /// Puts a record with these bytes in, if there is room.
    ///
    /// Wait-free; no system call unless the consumer sleeps.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::TooLarge`], [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
    /// let mut tx = ring.producer()?;
    /// tx.try_push(b"a record")?;
    /// assert_eq!(tx.try_push(&[0; 513]), Err(PushError::TooLarge { len: 513, max: 512 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push(&mut self, record: &[u8]) -> Result<(), PushError> {
        let mut reservation = self.try_reserve(record.len())?;
        reservation.payload().fill_from(record);
        reservation.commit();
        Ok(())
    }

    /// Sets room for a record of `len` bytes aside, to be written in place.
    ///
    /// Wait-free; no system call. Nobody else sees anything until it is committed.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::TooLarge`], [`PushError::Corrupt`].
    ///
    /// # Examples
    /// See [`Reservation`].
    #[inline]
    pub fn try_reserve(&mut self, len: usize) -> Result<Reservation<'_, K, M>, PushError> {
        self.take_back();
        let claim = self.core.claim(len)?;
        Ok(Reservation::new(&mut self.core, &self.seat, claim, false))
    }

    /// A batch whose records find room one by one.
    pub(crate) fn stage_batch(&mut self) -> Batch<'_, K, M> {
        self.take_back();
        Batch::new(&mut self.core, &self.seat)
    }

    /// A batch for which room was set aside.
    pub(crate) fn opened_batch(&mut self) -> Batch<'_, K, M> {
        Batch::new(&mut self.core, &self.seat)
    }

    /// Sets room for a batch aside, as `open` does it.
    pub(crate) fn begin(
        &mut self,
        open: impl FnOnce(&mut K::ByteProducer) -> Result<(), PushError>,
    ) -> Result<(), PushError> {
        self.take_back();
        open(&mut self.core)
    }

    /// The same; waits while there is none, until what `deadline` returns says that the time is up.
    pub(crate) fn begin_waiting<D: FnMut() -> Option<Duration>>(
        &mut self,
        room: usize,
        mut open: impl FnMut(&mut K::ByteProducer) -> Result<(), PushError>,
        deadline: impl FnOnce(&M) -> D,
    ) -> Result<(), PushError> {
        self.take_back();
        self.insist(|end| open(&mut end.core), deadline, |core| core.has_room(room))
    }

    /// Takes back what was forgotten (`mem::forget`).
    #[inline(always)]
    pub(super) fn take_back(&mut self) {
        if self.core.withdraw() {
            self.seat.wake_consumer();
        }
    }

    /// Puts a record with these bytes in; waits while there is no room.
    ///
    /// # Errors
    /// [`PushError::TooLarge`]; [`PushError::Closed`] if there is no room and the consumer is gone;
    /// [`PushError::Corrupt`]. If no consumer ever came, it waits for one.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
    /// ring.producer()?.push(b"a record")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push(&mut self, record: &[u8]) -> Result<(), PushError> {
        let mut reservation = self.reserve(record.len())?;
        reservation.payload().fill_from(record);
        reservation.commit();
        Ok(())
    }

    /// Puts a record with these bytes in; waits while there is no room, for `timeout` at most.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, memory::Heap, spsc::Ring};
    /// # use std::time::Duration;
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(128));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(128))?;
    /// let mut tx = ring.producer()?;
    /// tx.try_push(b"one cell")?;
    /// tx.try_push(b"the other")?;
    /// assert_eq!(tx.push_timeout(b"none", Duration::from_millis(5)), Err(PushError::Elapsed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_timeout(&mut self, record: &[u8], timeout: Duration) -> Result<(), PushError>
    where
        M: Clock,
    {
        let mut reservation = self.reserve_timeout(record.len(), timeout)?;
        reservation.payload().fill_from(record);
        reservation.commit();
        Ok(())
    }

    /// Sets room for a record of `len` bytes aside; waits while there is none.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// # Examples
    /// See [`Reservation`].
    pub fn reserve(&mut self, len: usize) -> Result<Reservation<'_, K, M>, PushError> {
        let claim = self.claim(len, |_| || None)?;
        Ok(Reservation::new(&mut self.core, &self.seat, claim, false))
    }

    /// Sets room for a record of `len` bytes aside; waits while there is none, for `timeout` at most.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// See [`Reservation`].
    pub fn reserve_timeout(
        &mut self,
        len: usize,
        timeout: Duration,
    ) -> Result<Reservation<'_, K, M>, PushError>
    where
        M: Clock,
    {
        let claim = self.claim(len, |memory| super::deadline(memory.clone(), timeout))?;
        Ok(Reservation::new(&mut self.core, &self.seat, claim, false))
    }

    /// Claims room for a record of `len` bytes; waits while there is none, for as long as what `begin` returns allows.
    fn claim<D: FnMut() -> Option<Duration>>(
        &mut self,
        len: usize,
        begin: impl FnOnce(&M) -> D,
    ) -> Result<<K::ByteProducer as ProduceBytes>::Claim, PushError> {
        self.take_back();
        self.insist(|end| end.core.claim(len), begin, |core| core.has_room(len))
    }
}

/// Takes back what a forgotten batch left, before the seat is given back.
impl<K: Kind, T: Carried + ?Sized, M: Memory> Drop for Producer<K, T, M> {
    fn drop(&mut self) {
        if self.seat.memory().is_claimant() {
            self.core.settle();
        }
    }
}

impl<K: Kind, T: Carried + ?Sized, M: Memory> fmt::Debug for Producer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAMES[1]).field("position", &self.position()).finish_non_exhaustive()
    }
}
