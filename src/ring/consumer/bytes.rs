//! Receiving records of any size.
use core::time::Duration;

use super::{Consumer, ReleaseOnDrop};
use crate::error::PopError;
use crate::memory::{Clock, Memory};
use crate::ring::cells::bytes::PeekedRecord;
use crate::ring::{Consume, ConsumeBytes, Kind, Payload, Record};
use crate::wait::Deadline;

/// Consumers of records of any size, `Consumer<[u8]>`.
impl<K: Kind, M: Memory> Consumer<K, [u8], M> {
    /// The largest record, in bytes: half the [capacity](crate::Options::capacity).
    pub fn max_record(&self) -> usize {
        self.core.max_record()
    }

    /// Reads the next record in place, if there is one. It is released when the [`Record`] is
    /// dropped, which takes a system call if the producer sleeps.
    ///
    /// Progress: wait-free, no system call. With several producers: bounded, and now and then a
    /// system call (see [`mpsc`](crate::mpsc#cost) and
    /// [`lanes`](crate::lanes#memory-and-cost)). The first look that finds
    /// nothing [pauses](crate::spsc#pauses).
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Closed`] if the ring is empty and the producer is
    /// [known](crate::spsc#detecting-that-a-peer-died) to have departed; [`PopError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, spsc::Ring};
    /// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(b"a record")?;
    /// assert_eq!(rx.try_read()?.payload().to_vec(), b"a record");
    /// assert_eq!(rx.try_read().unwrap_err(), PopError::Empty);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("try_recv", "poll"))]
    #[inline(always)]
    pub fn try_read(&mut self) -> Result<Record<'_, K, M>, PopError> {
        let peeked = self.peek_record()?;
        Ok(Record::new(self, peeked))
    }

    /// The record at HEAD; otherwise `Empty` or `Closed`.
    #[inline(always)]
    fn peek_record(&mut self) -> Result<PeekedRecord, PopError> {
        self.check_owner()?;
        match self.core.peek(&self.seat)? {
            Some(peeked) => Ok(peeked),
            None => {
                self.look_again()?;
                Ok(self.core.peek_again(&self.seat)?)
            }
        }
    }

    /// Reads the next record in place. Waits while there is none.
    ///
    /// If no producer has ever been attached, it waits for one.
    ///
    /// # Errors
    /// [`PopError::Closed`] if the ring is empty and the producer has left or died;
    /// [`PopError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let reader = std::thread::spawn(move || rx.read().unwrap().payload().len());
    /// tx.push(b"a record")?;
    /// assert_eq!(reader.join().unwrap(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("recv", "receive"))]
    #[inline(always)]
    pub fn read(&mut self) -> Result<Record<'_, K, M>, PopError> {
        let peeked = self.block_until_record(Deadline::never(), Self::peek_record)?;
        Ok(Record::new(self, peeked))
    }

    /// Reads the next record in place. Waits while there is none, for at most `timeout`.
    ///
    /// # Errors
    /// Like [`read`](Self::read), and [`PopError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, spsc::Ring};
    /// # use std::time::Duration;
    /// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
    /// let mut rx = ring.consumer()?;
    /// assert_eq!(rx.read_timeout(Duration::from_millis(5)).unwrap_err(), PopError::Elapsed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "recv_timeout")]
    #[inline(always)]
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<Record<'_, K, M>, PopError>
    where
        M: Clock,
    {
        let peeked = self.block_until_record(Deadline::after(timeout), Self::peek_record)?;
        Ok(Record::new(self, peeked))
    }

    /// Calls `each` with up to `limit` records, never more than the ring's capacity in cells, and
    /// then releases them all at once. Returns how many. Does not wait: to wait for the first,
    /// call [`wait`](Self::wait) before.
    ///
    /// If this process dies meanwhile, the next consumer gets all of them again. If `each` panics,
    /// the records that it was called with count as taken.
    ///
    /// # Errors
    /// Like [`try_read`](Self::try_read), if there is not even one record. The next call reports a
    /// corruption that was found after the first.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"one")?;
    /// tx.push(b"three")?;
    /// let mut bytes = 0;
    /// assert_eq!(rx.drain(64, |payload| bytes += payload.len())?, 2);
    /// assert_eq!(bytes, 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn drain(&mut self, limit: usize, mut each: impl FnMut(Payload<'_>)) -> Result<usize, PopError> {
        if limit == 0 {
            return Ok(0);
        }
        let mut peeked = self.peek_record()?;
        let limit = limit.min(usize::try_from(self.core.max_records()).unwrap_or(usize::MAX));
        let drain = ReleaseOnDrop(self);
        let mut drained = 0;
        loop {
            drain.0.core.pass(&peeked);
            each(Payload::new(peeked.payload));
            drained += 1;
            if drained == limit {
                return Ok(drained);
            }
            let Consumer { core, seat, .. } = &mut *drain.0;
            match core.peek(seat) {
                Ok(Some(next)) => peeked = next,
                _ => return Ok(drained),
            }
        }
    }
}
