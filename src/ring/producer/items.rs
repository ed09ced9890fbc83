//! Sending items.
use core::time::Duration;

use super::Producer;
use crate::error::PushError;
use crate::memory::{Clock, Item, Memory};
use crate::ring::{Kind, ProduceItems};
use crate::wait::Deadline;

/// Producers of items, `Producer<T>`.
impl<K: Kind, T: Item, M: Memory> Producer<K, T, M> {
    /// Sends `item` if there is room. The consumer may make room at any moment; in an `mpsc` ring
    /// other producers may take it.
    ///
    /// Progress: wait-free, in an `mpsc` ring lock-free. No system call unless the consumer sleeps.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new().capacity(2))?;
    /// let mut tx = ring.producer()?;
    /// tx.try_push(&1)?;
    /// tx.try_push(&2)?;
    /// assert_eq!(tx.try_push(&3), Err(PushError::Full));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("try_send", "offer"))]
    #[inline(always)]
    pub fn try_push(&mut self, item: &T) -> Result<(), PushError> {
        self.check_owner()?;
        self.core.try_push(item)?;
        self.seat.notify_consumer();
        Ok(())
    }

    /// Sends as many of `items` as there is room for, from the first on. Returns how many.
    ///
    /// The consumer may see the first item before the last is sent: for all or nothing, send one
    /// record of a byte ring. In an `mpsc` ring the items that were sent become visible
    /// together.
    ///
    /// Progress: wait-free, in an `mpsc` ring lock-free. No system call unless the consumer sleeps.
    ///
    /// # Errors
    /// [`PushError::Full`] if there is no room for even one item, [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new().capacity(4))?;
    /// assert_eq!(ring.producer()?.try_push_slice(&[1, 2, 3, 4, 5])?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError> {
        if items.is_empty() {
            return Ok(0);
        }
        self.check_owner()?;
        let pushed = self.core.try_push_slice(items)?;
        self.seat.notify_consumer();
        Ok(pushed)
    }

    /// Sends `item`. Waits while the ring is full.
    ///
    /// A producer that sleeps is woken when half of the ring is free; it finds less room than that
    /// after at most 100 ms. If no consumer has ever been attached, it waits for one.
    ///
    /// # Errors
    /// [`PushError::Closed`] if the ring is full and the consumer has left or died;
    /// [`PushError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u64>::on_heap(&Options::new().capacity(2))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let sum = std::thread::spawn(move || (0..100).map(|_| rx.pop().unwrap()).sum::<u64>());
    /// for i in 0..100 {
    ///     tx.push(&i)?;
    /// }
    /// assert_eq!(sum.join().unwrap(), 4950);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "send")]
    #[inline(always)]
    pub fn push(&mut self, item: &T) -> Result<(), PushError> {
        self.push_until(item, Deadline::never())
    }

    /// Sends `item`. Waits while the ring is full, for at most `timeout`.
    ///
    /// # Errors
    /// Like [`push`](#method.push-1), and [`PushError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, spsc::Ring};
    /// # use std::time::Duration;
    /// let ring = Ring::<u32>::on_heap(&Options::new().capacity(1))?;
    /// let mut tx = ring.producer()?;
    /// tx.push_timeout(&1, Duration::from_millis(5))?;
    /// assert_eq!(tx.push_timeout(&2, Duration::from_millis(5)), Err(PushError::Elapsed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "send_timeout")]
    #[inline(always)]
    pub fn push_timeout(&mut self, item: &T, timeout: Duration) -> Result<(), PushError>
    where
        M: Clock,
    {
        self.push_until(item, Deadline::after(timeout))
    }

    #[inline(always)]
    fn push_until(&mut self, item: &T, mut deadline: Deadline<M>) -> Result<(), PushError> {
        self.block_until_space(&mut deadline, |end| end.try_push(item), |core| Ok(core.has_room()?))
    }

    /// Sends all of `items`, in pieces, as room becomes free. Returns how many were sent.
    ///
    /// That is all of them, unless the consumer has left or died, or the ring was found corrupt,
    /// after some were sent: then it is fewer, and the next call returns the error.
    ///
    /// # Errors
    /// Like [`push`](#method.push-1), if not even one item was sent.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u64>::on_heap(&Options::new().capacity(4))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let received = std::thread::spawn(move || rx.iter().map(|item| item.unwrap()).sum::<u64>());
    /// assert_eq!(tx.push_slice(&[7; 100])?, 100);
    /// tx.close()?;
    /// assert_eq!(received.join().unwrap(), 700);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("send_all", "write_all"))]
    #[must_use = "fewer items than given may have been sent"]
    pub fn push_slice(&mut self, items: &[T]) -> Result<usize, PushError> {
        self.push_slice_until(items, Deadline::never())
    }

    /// Sends all of `items`, in pieces, as room becomes free, for at most `timeout`. Returns how
    /// many were sent.
    ///
    /// # Errors
    /// Like [`push_slice`](Self::push_slice), and [`PushError::Elapsed`], if not even one item was
    /// sent.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PushError, spsc::Ring};
    /// # use std::time::Duration;
    /// let ring = Ring::<u32>::on_heap(&Options::new().capacity(4))?;
    /// let mut tx = ring.producer()?;
    /// assert_eq!(tx.push_slice_timeout(&[7; 9], Duration::from_millis(5)), Ok(4));
    /// assert_eq!(tx.push_slice_timeout(&[7; 5], Duration::from_millis(5)), Err(PushError::Elapsed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "fewer items than given may have been sent"]
    pub fn push_slice_timeout(&mut self, items: &[T], timeout: Duration) -> Result<usize, PushError>
    where
        M: Clock,
    {
        self.push_slice_until(items, Deadline::after(timeout))
    }

    fn push_slice_until(&mut self, items: &[T], mut deadline: Deadline<M>) -> Result<usize, PushError> {
        let mut pushed = 0;
        while let Some(rest @ [_, ..]) = items.get(pushed..) {
            let attempt = |end: &mut Self| end.try_push_slice(rest);
            match self.block_until_space(&mut deadline, attempt, |core| Ok(core.has_room()?)) {
                Ok(more) => pushed += more,
                Err(error) if pushed == 0 => return Err(error),
                // The next call returns it.
                Err(_) => break,
            }
        }
        Ok(pushed)
    }
}
