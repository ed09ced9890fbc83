//! Sending items.
use core::time::Duration;

use super::super::{Item, Kind};
use super::Producer;
use crate::error::PushError;
use crate::memory::{Clock, Memory};
use crate::ring::ProduceItems;

impl<K: Kind, T: Item, M: Memory> Producer<K, T, M> {
    /// Puts `item` in, if there is room. The consumer may make room at any moment; in an `mpsc` ring other producers may take
    /// it.
    ///
    /// Wait-free, in an `mpsc` ring lock-free; no system call unless the consumer sleeps.
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
    #[inline(always)]
    pub fn try_push(&mut self, item: &T) -> Result<(), PushError> {
        self.core.try_push(item)?;
        self.seat.wake_consumer();
        Ok(())
    }

    /// Puts in as many of `items`, from the first on, as there is room for; how many that were.
    ///
    /// The consumer may see the first before the last is in: for all or nothing, send a record of a byte ring. In an `mpsc` ring,
    /// those that were put in appear together. Wait-free, in an `mpsc` ring lock-free; no system call unless the consumer sleeps.
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
        if items.is_empty() {
            return Ok(0);
        }
        let pushed = self.core.try_push_slice(items)?;
        self.seat.wake_consumer();
        Ok(pushed)
    }

    /// Puts `item` in; waits while the ring is full. Who has gone to sleep is woken when half of the ring is free, and finds less than
    /// that after 100 ms.
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
    #[inline(always)]
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
    #[inline(always)]
    pub fn push_timeout(&mut self, item: &T, timeout: Duration) -> Result<(), PushError>
    where
        M: Clock,
    {
        let begin = |memory: &M| super::super::deadline(memory.clone(), timeout);
        self.insist(|end| end.try_push(item), begin, |core| Ok(core.has_room()?))
    }
}
