//! Receiving items.
use core::fmt;
use core::time::Duration;

use super::{Consumer, ReleaseOnDrop};
use crate::error::{Departure, PopError};
use crate::memory::{Clock, Item, Memory};
use crate::ring::{Consume, ConsumeItems, DefaultMemory, Kind};
use crate::wait::Deadline;

/// Consumers of items, `Consumer<T>`.
impl<K: Kind, T: Item, M: Memory> Consumer<K, T, M> {
    /// Takes the next item, if there is one.
    ///
    /// The item is released before it is returned: if this process dies right after that, the item
    /// is gone with it. To be sure that an item was dealt with, use [`drain`](#method.drain-1),
    /// or [`try_peek`](Self::try_peek) before, or the [`Record`](crate::ring::Record) of a byte
    /// ring.
    ///
    /// Progress: wait-free, no system call unless the producer sleeps. With several producers:
    /// bounded, and now and then a system call (see [`mpsc`](crate::mpsc#cost) and
    /// [`lanes`](crate::lanes#memory-and-cost)). The first look that finds nothing
    /// [pauses](crate::spsc#pauses).
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Closed`] if the ring is empty and the producer is
    /// [known](crate::spsc#detecting-that-a-peer-died) to have departed; [`PopError::Corrupt`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Departure, Options, PopError, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(&7)?;
    /// assert_eq!(rx.try_pop(), Ok(7));
    /// assert_eq!(rx.try_pop(), Err(PopError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Left)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("try_recv", "poll"))]
    #[inline(always)]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        let item = self.take_unreleased()?;
        self.release();
        Ok(item)
    }

    /// Takes the next item without releasing it.
    #[inline(always)]
    fn take_unreleased(&mut self) -> Result<T, PopError> {
        self.check_owner()?;
        match self.core.try_take() {
            Some(item) => Ok(item),
            None => {
                self.look()?;
                Ok(self.core.take())
            }
        }
    }

    /// Copies the next item, if there is one, and leaves it in the ring: the next
    /// [`try_pop`](Self::try_pop) takes the same one.
    ///
    /// # Errors
    /// Like [`try_pop`](Self::try_pop).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(&7)?;
    /// assert_eq!(rx.try_peek(), Ok(7));
    /// assert_eq!(rx.try_pop(), Ok(7));
    /// assert!(rx.try_peek().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("front", "first"))]
    pub fn try_peek(&mut self) -> Result<T, PopError> {
        self.look()?;
        Ok(self.core.peek())
    }

    /// Copies the next item and leaves it in the ring. Waits while there is none, like
    /// [`pop`](Self::pop).
    ///
    /// # Errors
    /// Like [`pop`](Self::pop).
    ///
    /// # Examples
    /// See [`try_peek`](Self::try_peek).
    pub fn peek(&mut self) -> Result<T, PopError> {
        self.block_until_record(Deadline::never(), Self::try_peek)
    }

    /// Takes as many items as there are, up to `items.len()`, and stores them from the front of
    /// `items` on. Returns how many. They are released together. To wait for the first, call
    /// [`wait`](Self::wait) before.
    ///
    /// # Errors
    /// Like [`try_pop`](Self::try_pop), if there is not even one item.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// ring.producer()?.try_push_slice(&[1, 2, 3])?;
    /// let mut items = [0; 8];
    /// assert_eq!(ring.consumer()?.try_pop_slice(&mut items)?, 3);
    /// assert_eq!(items, [1, 2, 3, 0, 0, 0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "try_recv_many")]
    #[inline]
    pub fn try_pop_slice(&mut self, items: &mut [T]) -> Result<usize, PopError> {
        let limit = items.len();
        let mut places = items.iter_mut();
        self.drain(limit, |item| {
            if let Some(place) = places.next() {
                *place = item;
            }
        })
    }

    /// Calls `each` with up to `limit` items, never more than the ring's capacity, and then
    /// releases them all at once. Returns how many. Does not wait: to wait for the first, call
    /// [`wait`](Self::wait) before.
    ///
    /// If this process dies meanwhile, the next consumer gets all of them again. If `each` panics,
    /// the items that it was called with count as taken.
    ///
    /// # Errors
    /// Like [`try_pop`](Self::try_pop), if there is not even one item. The next call reports a
    /// corruption that was found after the first.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
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
        let mut next = self.take_unreleased()?;
        let limit = limit.min(usize::try_from(self.core.max_records()).unwrap_or(usize::MAX));
        let drain = ReleaseOnDrop(self);
        let mut drained = 0;
        loop {
            each(next);
            drained += 1;
            if drained == limit {
                return Ok(drained);
            }
            let Consumer { core, seat, .. } = &mut *drain.0;
            next = match core.try_take() {
                Some(item) => item,
                None if matches!(core.has_record(seat), Ok(true)) => core.take(),
                None => return Ok(drained),
            };
        }
    }

    /// Takes the next item. Waits while there is none.
    ///
    /// If no producer has ever been attached, it waits for one.
    ///
    /// # Errors
    /// [`PopError::Closed`] if the ring is empty and the producer has left or died;
    /// [`PopError::Corrupt`].
    ///
    /// # Examples
    /// See [`Producer::push`](crate::ring::Producer#method.push-1).
    #[doc(alias("recv", "receive"))]
    #[inline(always)]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.block_until_record(Deadline::never(), Self::try_pop)
    }

    /// Takes the next item. Waits while there is none, for at most `timeout`.
    ///
    /// # Errors
    /// Like [`pop`](Self::pop), and [`PopError::Elapsed`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, PopError, spsc::Ring};
    /// # use std::time::Duration;
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let popped = ring.consumer()?.pop_timeout(Duration::from_millis(5));
    /// assert_eq!(popped, Err(PopError::Elapsed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "recv_timeout")]
    #[inline(always)]
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<T, PopError>
    where
        M: Clock,
    {
        self.block_until_record(Deadline::after(timeout), Self::try_pop)
    }

    /// An iterator that takes the items that are there, and ends when the ring is empty.
    ///
    /// It also ends when the producer has [finished or left](Departure). A death or a corruption is
    /// an `Err`, once, and the end.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push_slice(&[1, 2, 3])?;
    /// let items: Vec<u32> = rx.try_iter().collect::<Result<_, _>>()?;
    /// assert_eq!(items, [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_iter(&mut self) -> TryIter<'_, K, T, M> {
        TryIter { consumer: self, is_over: false }
    }

    /// An iterator that takes items, waits while there is none, and ends when the producer has
    /// [finished or left](Departure).
    ///
    /// A death or a corruption is an `Err`, once, and the end.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let sender = std::thread::spawn(move || {
    ///     tx.push_slice(&[1, 2, 3])?;
    ///     Ok::<_, ringway::PushError>(tx.close())
    /// });
    /// let mut sum = 0;
    /// for item in rx.iter() {
    ///     sum += item?;
    /// }
    /// assert_eq!(sum, 6);
    /// sender.join().unwrap()??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&mut self) -> Iter<'_, K, T, M> {
        Iter { consumer: self, is_over: false }
    }
}

/// See [`Consumer::try_iter`].
pub struct TryIter<'a, K: Kind, T: Item, M: Memory = DefaultMemory> {
    consumer: &'a mut Consumer<K, T, M>,
    is_over: bool,
}

/// See [`Consumer::iter`].
pub struct Iter<'a, K: Kind, T: Item, M: Memory = DefaultMemory> {
    consumer: &'a mut Consumer<K, T, M>,
    is_over: bool,
}

impl<K: Kind, T: Item, M: Memory> Iterator for TryIter<'_, K, T, M> {
    type Item = Result<T, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        match self.consumer.try_pop() {
            Err(PopError::Empty) => None,
            popped => next(popped, &mut self.is_over),
        }
    }
}

impl<K: Kind, T: Item, M: Memory> Iterator for Iter<'_, K, T, M> {
    type Item = Result<T, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        next(self.consumer.pop(), &mut self.is_over)
    }
}

/// What an iterator makes of `popped`.
fn next<T>(popped: Result<T, PopError>, is_over: &mut bool) -> Option<Result<T, PopError>> {
    *is_over = popped.is_err();
    match popped {
        Err(PopError::Closed(Departure::Finished | Departure::Left)) => None,
        other => Some(other),
    }
}

impl<K: Kind, T: Item, M: Memory> fmt::Debug for TryIter<'_, K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryIter").field(&self.consumer).finish()
    }
}

impl<K: Kind, T: Item, M: Memory> fmt::Debug for Iter<'_, K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(&self.consumer).finish()
    }
}
