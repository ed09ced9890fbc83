//! Receiving items.
use core::time::Duration;

use super::super::{Item, Kind};
use super::{Consumer, ReleaseOnDrop};
use crate::error::PopError;
use crate::memory::{Clock, Memory};
use crate::ring::{Consume, ConsumeItems};

impl<K: Kind, T: Item, M: Memory> Consumer<K, T, M> {
    /// Takes the next item out, if there is one.
    ///
    /// Wait-free, and no system call unless the producer sleeps; where there are several producers, bounded, and now and then a system
    /// call: see [`mpsc`](crate::mpsc#cost) and [`lanes`](crate::lanes#memory-and-cost). The item is released before it is returned: should
    /// this process die right after, it is gone with it. To be sure that an item was dealt with, use
    /// [`drain`](Self::drain), or a byte ring's [`Record`](crate::ring::Record). What the first look in vain costs:
    /// [`spsc`](crate::spsc#looking-for-the-next).
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Closed`] if there is nothing and the producer is [known](crate::spsc#deaths) to be gone;
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
    #[inline(always)]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        let item = self.take_unreleased()?;
        self.release();
        Ok(item)
    }

    /// Takes the next item, without telling the producer.
    #[inline(always)]
    fn take_unreleased(&mut self) -> Result<T, PopError> {
        match self.core.try_take() {
            Some(item) => Ok(item),
            None => {
                self.look()?;
                Ok(self.core.take())
            }
        }
    }

    /// Takes items out into `items`, from its front, as many as there are; how many that were.
    ///
    /// They are released together. What [`try_pop`](Self::try_pop) promises. To wait for the first: [`wait`](Self::wait).
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
    /// that it was given count as taken. Apart from `each`, what [`try_pop`](Self::try_pop) promises. To wait for the first:
    /// [`wait`](Self::wait).
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
        let mut next = self.take_unreleased()?;
        let limit = limit.min(self.core.max_records());
        let drain = ReleaseOnDrop(self);
        let mut drained = 0;
        loop {
            each(next);
            drained += 1;
            if drained == limit {
                return Ok(drained);
            }
            next = match drain.0.core.try_take() {
                Some(item) => item,
                None if matches!(drain.0.core.has_record(), Ok(true)) => drain.0.core.take(),
                None => return Ok(drained),
            };
        }
    }

    /// Takes the next item out; waits while there is none.
    ///
    /// # Errors
    /// [`PopError::Closed`] if there is nothing and the producer is gone; [`PopError::Corrupt`]. If no producer ever
    /// came, it waits for one.
    ///
    /// # Examples
    /// See [`Producer::push`](crate::ring::Producer::push).
    #[inline(always)]
    pub fn pop(&mut self) -> Result<T, PopError> {
        loop {
            match self.try_pop() {
                Err(PopError::Empty) => self.sleep(|| None)?,
                other => return other,
            }
        }
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
    #[inline(always)]
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<T, PopError>
    where
        M: Clock,
    {
        let mut end = None;
        loop {
            match self.try_pop() {
                Err(PopError::Empty) => self.sleep_for(timeout, &mut end)?,
                other => return other,
            }
        }
    }
}
