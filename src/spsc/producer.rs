//! [`Producer`]: the end that puts records in.
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::sealed::Resume;
use super::{Batch, Carried, Home, Item, Reservation, sealed};
use crate::error::PushError;
use crate::memory::{Clock, Memory};
use crate::recovery::{Presence, Seat};
use crate::ring::bytes::Claim;
use crate::wait::{self, Woken};

/// The producer of a ring. Dropping it gives the seat back; what it published stays.
///
/// `Send`, not `Sync`: it may move to another thread, and its operations take `&mut self`.
///
/// # Examples
/// See [`Ring`](super::Ring), and each method.
pub struct Producer<T: Carried + ?Sized, M: Memory = Home> {
    pub(super) core: <T as sealed::Carried>::Producer,
    pub(super) seat: Seat<M>,
    /// Not `Sync`.
    pub(super) confined: PhantomData<Cell<()>>,
}

impl<T: Carried + ?Sized, M: Memory> Producer<T, M> {
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
        mut ready: impl FnMut(&mut <T as sealed::Carried>::Producer) -> Result<bool, PushError>,
    ) -> Result<(), PushError> {
        let Self { core, seat, .. } = self;
        match wait::until(seat.memory(), seat.parked(), &*seat, remaining, || ready(core)) {
            Woken::Ready => Ok(()),
            Woken::Gone(how) => Err(PushError::Closed(how)),
            Woken::Elapsed => Err(PushError::Elapsed),
            Woken::Failed(error) => Err(error),
        }
    }
}

impl<T: Item, M: Memory> Producer<T, M> {
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
        self.seat.wake_peer();
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
        self.seat.wake_peer();
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
        loop {
            match self.try_push(item) {
                Err(PushError::Full) => self.wait(|| None, |core| Ok(core.has_room()?))?,
                other => return other,
            }
        }
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
        match self.try_push(item) {
            Err(PushError::Full) => {}
            other => return other,
        }
        let remaining = super::deadline(self.seat.memory().clone(), timeout);
        self.wait(remaining, |core| Ok(core.has_room()?))?;
        self.try_push(item)
    }
}

impl<M: Memory> Producer<[u8], M> {
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
    pub fn try_reserve(&mut self, len: usize) -> Result<Reservation<'_, M>, PushError> {
        self.core.withdraw();
        let claim = self.core.claim(len)?;
        Ok(Reservation::new(&mut self.core, Some(&self.seat), claim))
    }

    /// Begins a batch: records that become visible all at once.
    ///
    /// # Examples
    /// See [`Batch`].
    pub fn batch(&mut self) -> Batch<'_, M> {
        self.core.withdraw();
        Batch::new(&mut self.core, &self.seat)
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
    pub fn reserve(&mut self, len: usize) -> Result<Reservation<'_, M>, PushError> {
        let claim = self.claim(len, |_| || None)?;
        Ok(Reservation::new(&mut self.core, Some(&self.seat), claim))
    }

    /// Sets room for a record of `len` bytes aside; waits while there is none, for `timeout` at most.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// See [`Reservation`].
    pub fn reserve_timeout(&mut self, len: usize, timeout: Duration) -> Result<Reservation<'_, M>, PushError>
    where
        M: Clock,
    {
        let claim = self.claim(len, |memory| super::deadline(memory.clone(), timeout))?;
        Ok(Reservation::new(&mut self.core, Some(&self.seat), claim))
    }

    /// Claims room for a record of `len` bytes; waits while there is none, for as long as what `begin` returns allows.
    fn claim<R: FnMut() -> Option<Duration>>(
        &mut self,
        len: usize,
        begin: impl FnOnce(&M) -> R,
    ) -> Result<Claim, PushError> {
        self.core.withdraw();
        match self.core.claim(len) {
            Err(PushError::Full) => {
                let remaining = begin(self.seat.memory());
                self.wait(remaining, |core| core.has_room(len))?;
                // There is room: only the consumer moves HEAD, and only forward.
                self.core.claim(len)
            }
            other => other,
        }
    }
}

/// Takes back what a forgotten batch left, before the seat is given back.
impl<T: Carried + ?Sized, M: Memory> Drop for Producer<T, M> {
    fn drop(&mut self) {
        if self.seat.memory().is_claimant() {
            self.core.settle();
        }
    }
}

impl<T: Carried + ?Sized, M: Memory> fmt::Debug for Producer<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("spsc::Producer").field("position", &self.position()).finish_non_exhaustive()
    }
}
