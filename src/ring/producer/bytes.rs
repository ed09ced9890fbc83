//! Sending records of any size.
use core::time::Duration;

use super::Producer;
use crate::error::PushError;
use crate::memory::{Clock, Memory};
use crate::ring::{Batch, Kind, ProduceBytes, Reservation};
use crate::wait::Deadline;

/// Producers of records of any size, `Producer<[u8]>`.
impl<K: Kind, M: Memory> Producer<K, [u8], M> {
    /// The largest record, in bytes: half the capacity.
    pub fn max_record(&self) -> usize {
        self.core.max_record()
    }

    /// Sends a record with these bytes if there is room.
    ///
    /// Progress: wait-free, in an `mpsc` ring lock-free. No system call unless the consumer sleeps.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::TooLarge`], [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, spsc::Ring};
    /// let ring = Ring::<[u8]>::on_heap(&Options::new().capacity(1024))?;
    /// let mut tx = ring.producer()?;
    /// tx.try_push(b"a record")?;
    /// assert_eq!(tx.try_push(&[0; 513]), Err(PushError::TooLarge { len: 513, max: 512 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("try_send", "offer"))]
    #[inline(always)]
    pub fn try_push(&mut self, record: &[u8]) -> Result<(), PushError> {
        self.try_reserve(record.len())?.commit_copy_of(record);
        Ok(())
    }

    /// Reserves room for a record of `len` bytes, to be written in place.
    ///
    /// No other participant sees its bytes until it is committed. In an `mpsc` ring it has its
    /// place in the order at once, and the consumer waits there: fill it without delay.
    ///
    /// Progress: wait-free, in an `mpsc` ring lock-free. No system call.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::TooLarge`], [`PushError::Corrupt`].
    ///
    /// # Examples
    /// See [`Reservation`].
    #[doc(alias("loan", "claim"))]
    #[inline(always)]
    pub fn try_reserve(&mut self, len: usize) -> Result<Reservation<'_, K, M>, PushError> {
        self.begin()?;
        let claim = self.core.claim(len)?;
        Ok(Reservation::new(&mut *self.core, &self.seat, claim, false))
    }

    /// Begins a batch if there is room for records of together `room` bytes.
    ///
    /// Those records then fit for certain; each counts in whole cells of [`CELL`](crate::CELL)
    /// bytes. In an `mpsc` ring the batch has its place in the order at once, and the consumer
    /// waits there.
    ///
    /// Progress: wait-free, in an `mpsc` ring lock-free. No system call.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::TooLarge`] if `room` is more than
    /// [`max_record`](Self::max_record), [`PushError::Corrupt`].
    ///
    /// # Examples
    /// See [`Batch`].
    #[inline]
    pub fn try_batch(&mut self, room: usize) -> Result<Batch<'_, K, M>, PushError> {
        self.begin()?;
        self.core.begin_batch(room)?;
        Ok(Batch::new(&mut *self.core, &self.seat))
    }

    /// Sends a record with these bytes. Waits while there is no room.
    ///
    /// A producer that sleeps is woken when half of the ring is free; it finds less room than that
    /// after at most 100 ms. If no consumer has ever been attached, it waits for one.
    ///
    /// # Errors
    /// [`PushError::TooLarge`]; [`PushError::Closed`] if there is no room and the consumer has left
    /// or died; [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
    /// ring.producer()?.push(b"a record")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "send")]
    #[inline(always)]
    pub fn push(&mut self, record: &[u8]) -> Result<(), PushError> {
        self.reserve(record.len())?.commit_copy_of(record);
        Ok(())
    }

    /// Sends a record with these bytes. Waits while there is no room, for at most `timeout`.
    ///
    /// # Errors
    /// Like [`push`](#method.push), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, spsc::Ring};
    /// # use std::time::Duration;
    /// let ring = Ring::<[u8]>::on_heap(&Options::new().capacity(128))?;
    /// let mut tx = ring.producer()?;
    /// tx.try_push(b"one cell")?;
    /// tx.try_push(b"the other")?;
    /// assert_eq!(tx.push_timeout(b"none", Duration::from_millis(5)), Err(PushError::Elapsed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "send_timeout")]
    #[inline(always)]
    pub fn push_timeout(&mut self, record: &[u8], timeout: Duration) -> Result<(), PushError>
    where
        M: Clock,
    {
        self.reserve_timeout(record.len(), timeout)?.commit_copy_of(record);
        Ok(())
    }

    /// Reserves room for a record of `len` bytes, to be written in place. Waits while there is
    /// none, like [`push`](#method.push).
    ///
    /// # Errors
    /// Like [`push`](#method.push).
    ///
    /// # Examples
    /// See [`Reservation`].
    #[inline(always)]
    pub fn reserve(&mut self, len: usize) -> Result<Reservation<'_, K, M>, PushError> {
        self.reserve_until(len, Deadline::never())
    }

    /// Reserves room for a record of `len` bytes, to be written in place. Waits while there is
    /// none, for at most `timeout`.
    ///
    /// # Errors
    /// Like [`push`](#method.push), and [`PushError::Elapsed`].
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
        self.reserve_until(len, Deadline::after(timeout))
    }

    #[inline(always)]
    fn reserve_until(
        &mut self,
        len: usize,
        mut deadline: Deadline<M>,
    ) -> Result<Reservation<'_, K, M>, PushError> {
        self.begin()?;
        let attempt = |end: &mut Self| end.core.claim(len);
        let claim = self.block_until_space(&mut deadline, attempt, |core| core.has_room(len))?;
        Ok(Reservation::new(&mut *self.core, &self.seat, claim, false))
    }

    /// Begins a batch with room for records of together `room` bytes: see
    /// [`try_batch`](Self::try_batch). Waits while there is no room, like
    /// [`push`](#method.push).
    ///
    /// There is no queue for room: in an `mpsc` ring a producer that wants much at once may wait
    /// long beside others that want little.
    ///
    /// # Errors
    /// Like [`push`](#method.push).
    ///
    /// # Examples
    /// See [`Batch`].
    pub fn batch(&mut self, room: usize) -> Result<Batch<'_, K, M>, PushError> {
        self.batch_until(room, Deadline::never())
    }

    /// Begins a batch with room for records of together `room` bytes: see
    /// [`try_batch`](Self::try_batch). Waits while there is no room, for at most `timeout`.
    ///
    /// # Errors
    /// Like [`push`](#method.push), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// See [`Batch`].
    pub fn batch_timeout(&mut self, room: usize, timeout: Duration) -> Result<Batch<'_, K, M>, PushError>
    where
        M: Clock,
    {
        self.batch_until(room, Deadline::after(timeout))
    }

    fn batch_until(&mut self, room: usize, mut deadline: Deadline<M>) -> Result<Batch<'_, K, M>, PushError> {
        self.begin()?;
        let attempt = |end: &mut Self| end.core.begin_batch(room);
        self.block_until_space(&mut deadline, attempt, |core| core.has_room(room))?;
        Ok(Batch::new(&mut *self.core, &self.seat))
    }

    /// Fails in a forked child. Otherwise takes back a reservation or batch that was forgotten
    /// (`mem::forget`).
    #[inline(always)]
    fn begin(&mut self) -> Result<(), PushError> {
        self.check_owner()?;
        if self.core.rollback() {
            self.seat.notify_consumer();
        }
        Ok(())
    }
}
