//! Sending records of any size.
use core::time::Duration;

use super::super::{Batch, Kind, Reservation};
use super::Producer;
use crate::error::PushError;
use crate::memory::{Clock, Memory};
use crate::ring::ProduceBytes;

impl<K: Kind, M: Memory> Producer<K, [u8], M> {
    /// The largest record, in bytes: half the capacity.
    pub fn max_record(&self) -> usize {
        self.core.max_record()
    }

    /// Puts a record with these bytes in, if there is room.
    ///
    /// Wait-free, in an `mpsc` ring lock-free; no system call unless the consumer sleeps.
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
    #[inline(always)]
    pub fn try_push(&mut self, record: &[u8]) -> Result<(), PushError> {
        let mut reservation = self.try_reserve(record.len())?;
        reservation.payload().fill_from(record);
        reservation.commit();
        Ok(())
    }

    /// Sets room for a record of `len` bytes aside, to be written in place.
    ///
    /// Wait-free, in an `mpsc` ring lock-free; no system call. Nobody sees its bytes until it is committed; in an `mpsc` ring it
    /// has its place in the order, and the consumer waits there.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::TooLarge`], [`PushError::Corrupt`].
    ///
    /// # Examples
    /// See [`Reservation`].
    #[inline(always)]
    pub fn try_reserve(&mut self, len: usize) -> Result<Reservation<'_, K, M>, PushError> {
        self.take_back();
        let claim = self.core.claim(len)?;
        Ok(Reservation::new(&mut *self.core, &self.seat, claim, false))
    }

    /// A batch whose records find room one by one.
    pub(crate) fn stage_batch(&mut self) -> Batch<'_, K, M> {
        self.take_back();
        Batch::new(&mut *self.core, &self.seat)
    }

    /// A batch for which room was set aside.
    pub(crate) fn opened_batch(&mut self) -> Batch<'_, K, M> {
        Batch::new(&mut *self.core, &self.seat)
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

    /// Puts a record with these bytes in; waits while there is no room. Who has gone to sleep is woken when half of the ring is free,
    /// and finds less than that after 100 ms.
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
    #[inline(always)]
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
    #[inline(always)]
    pub fn push_timeout(&mut self, record: &[u8], timeout: Duration) -> Result<(), PushError>
    where
        M: Clock,
    {
        let mut reservation = self.reserve_timeout(record.len(), timeout)?;
        reservation.payload().fill_from(record);
        reservation.commit();
        Ok(())
    }

    /// Sets room for a record of `len` bytes aside; waits while there is none, as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// # Examples
    /// See [`Reservation`].
    #[inline(always)]
    pub fn reserve(&mut self, len: usize) -> Result<Reservation<'_, K, M>, PushError> {
        let claim = self.claim(len, |_| || None)?;
        Ok(Reservation::new(&mut *self.core, &self.seat, claim, false))
    }

    /// Sets room for a record of `len` bytes aside; waits while there is none, for `timeout` at most.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// See [`Reservation`].
    #[inline(always)]
    pub fn reserve_timeout(
        &mut self,
        len: usize,
        timeout: Duration,
    ) -> Result<Reservation<'_, K, M>, PushError>
    where
        M: Clock,
    {
        let claim = self.claim(len, |memory| super::super::deadline(memory.clone(), timeout))?;
        Ok(Reservation::new(&mut *self.core, &self.seat, claim, false))
    }

    /// ClaimProtocol room for a record of `len` bytes; waits while there is none, for as long as what `begin` returns allows.
    #[inline(always)]
    fn claim<D: FnMut() -> Option<Duration>>(
        &mut self,
        len: usize,
        begin: impl FnOnce(&M) -> D,
    ) -> Result<<K::ByteProducer as ProduceBytes>::Claim, PushError> {
        self.take_back();
        self.insist(|end| end.core.claim(len), begin, |core| core.has_room(len))
    }
}
