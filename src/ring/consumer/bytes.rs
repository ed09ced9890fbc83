//! Receiving records of any size.
use core::time::Duration;

use super::super::{Kind, Payload, Record};
use super::{Consumer, ReleaseOnDrop};
use crate::error::PopError;
use crate::memory::{Clock, Memory};
use crate::ring::cells::bytes::Found;
use crate::ring::{Consume, ConsumeBytes};

impl<K: Kind, M: Memory> Consumer<K, [u8], M> {
    /// The largest record, in bytes: half the [capacity](crate::Options::capacity).
    pub fn max_record(&self) -> usize {
        self.core.max_record()
    }

    /// The next record, if there is one, to be read in place. It is released when the [`Record`] is dropped, which takes a system call if
    /// the producer sleeps.
    ///
    /// Wait-free, and no system call; where there are several producers, bounded, and now and then a system call: see
    /// [`mpsc`](crate::mpsc#cost) and [`lanes`](crate::lanes#memory-and-cost). What the first look in vain costs:
    /// [`spsc`](crate::spsc#looking-for-the-next).
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Closed`] if there is nothing and the producer is [known](crate::spsc#deaths) to be gone;
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
    #[inline(always)]
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
    #[inline(always)]
    pub fn read(&mut self) -> Result<Record<'_, K, M>, PopError> {
        let found = loop {
            match self.find() {
                Err(PopError::Empty) => self.sleep(|| None)?,
                other => break other?,
            }
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
    #[inline(always)]
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<Record<'_, K, M>, PopError>
    where
        M: Clock,
    {
        let mut end = None;
        let found = loop {
            match self.find() {
                Err(PopError::Empty) => self.sleep_for(timeout, &mut end)?,
                other => break other?,
            }
        };
        Ok(Record::new(self, found))
    }

    /// Gives up to `limit` records to `each`, never more than the ring holds at once, and releases them all together; how
    /// many that were.
    ///
    /// Should this process die meanwhile, the next consumer gets all of them again. If `each` panics, the records
    /// that it was given count as read. Apart from `each`, what [`try_read`](Self::try_read) promises; and a system call if the producer
    /// sleeps. To wait for the first: [`wait`](Self::wait).
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
        let limit = limit.min(self.core.max_records());
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
