//! [`AsyncProducer`]: a producer that tasks wait for.
use core::fmt;
use core::future::poll_fn;
use core::mem::replace;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use futures_sink::Sink;

use crate::error::PushError;
use crate::memory::{Item, Memory};
use crate::poll::{self, TaskWaker};
use crate::ring::{DefaultMemory, Kind, Message, Producer};

/// A producer that a task can wait for, on any executor. See [`Producer::into_async`].
///
/// It is also a [`Sink`], of items or of records. Each item is sent at once: there is nothing to
/// flush. Closing the sink makes the producer leave in order when it is dropped, as
/// [`Producer::close`] does.
///
/// # Examples
/// ```
/// # use ringway::{Options, spsc::Ring};
/// let ring = Ring::<u32>::on_heap(&Options::new().capacity(1))?;
/// # futures_executor::block_on(async {
/// let (mut tx, mut rx) = (ring.producer()?.into_async()?, ring.consumer()?);
/// let receiver = std::thread::spawn(move || [rx.pop(), rx.pop(), rx.pop()]);
/// for item in [1, 2, 3] {
///     tx.push(&item).await?; // waits while the ring is full
/// }
/// assert_eq!(receiver.join().unwrap(), [Ok(1), Ok(2), Ok(3)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AsyncProducer<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    producer: Producer<K, T, M>,
    task: TaskWaker,
}

/// Waiting in a task.
impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Producer<K, T, M> {
    /// Makes it a producer that tasks can wait for. Starts a thread, like
    /// [`into_pollable`](Self::into_pollable).
    ///
    /// # Errors
    /// Like [`into_pollable`](Self::into_pollable).
    ///
    /// # Examples
    /// See [`AsyncProducer`].
    #[doc(alias("sink", "future"))]
    pub fn into_async(mut self) -> io::Result<AsyncProducer<K, T, M>> {
        let task = TaskWaker::spawn(&mut self)?;
        Ok(AsyncProducer { producer: self, task })
    }
}

/// Attempts of one poll. A second one is usual; a lying peer causes more.
const MAX_ATTEMPTS: u32 = 4;

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> AsyncProducer<K, T, M> {
    /// Waits until there may be room, or the consumer has departed. For records of bytes: as much
    /// room as [`set_room`](Producer::set_room) says.
    ///
    /// Cancel-safe: it sends nothing.
    pub async fn ready(&mut self) {
        poll_fn(|context| self.poll_ready(context)).await;
    }

    /// Like [`ready`](Self::ready), for futures written by hand: after a `Pending`, the task is
    /// woken.
    pub fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        self.task.poll_ready(&mut self.producer, context)
    }

    /// The producer alone, without thread.
    pub fn into_inner(self) -> Producer<K, T, M> {
        poll::without_waker(self.producer)
    }

    /// Makes `attempt`, which needs `room`, until it returns something else than `Full`, or the
    /// consumer has departed.
    fn poll_with(
        &mut self,
        context: &Context<'_>,
        room: T::Room,
        mut attempt: impl FnMut(&mut Producer<K, T, M>) -> Result<(), PushError>,
    ) -> Poll<Result<(), PushError>> {
        for _ in 0..MAX_ATTEMPTS {
            let producer = poll::checked(&mut self.producer);
            // Before the attempt: the consumer may release something, and then depart.
            let departure = producer.seat.departure();
            match attempt(producer) {
                Err(PushError::Full) => {}
                done => return Poll::Ready(done),
            }
            if let Some(how) = departure {
                return Poll::Ready(Err(PushError::Closed(how)));
            }
            let usual = replace(&mut self.producer.room, room);
            let ready = self.poll_ready(context);
            self.producer.room = usual;
            if ready.is_pending() {
                return Poll::Pending;
            }
        }
        // A peer shows room and takes it back.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn finish(&mut self) -> Result<(), PushError> {
        let producer = poll::checked(&mut self.producer);
        producer.check_owner()?;
        producer.seat.check_mapping()?;
        producer.seat.finish();
        Ok(())
    }
}

impl<K: Kind, T: Item, M: Memory + 'static> AsyncProducer<K, T, M> {
    /// Sends `item`; waits while the ring is full.
    ///
    /// Cancel-safe: if the future is dropped before it is ready, nothing was sent.
    ///
    /// # Errors
    /// Those of [`Producer::push`](Producer#method.push-1).
    ///
    /// # Examples
    /// See [`AsyncProducer`].
    pub async fn push(&mut self, item: &T) -> Result<(), PushError> {
        poll_fn(|context| self.poll_with(context, (), |producer| producer.try_push(item))).await
    }
}

impl<K: Kind, M: Memory + 'static> AsyncProducer<K, [u8], M> {
    /// Sends `record`; waits while it does not fit.
    ///
    /// Cancel-safe: if the future is dropped before it is ready, nothing was sent.
    ///
    /// # Errors
    /// Those of [`Producer::push`](Producer#method.push).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
    /// # futures_executor::block_on(async {
    /// let (mut tx, mut rx) = (ring.producer()?.into_async()?, ring.consumer()?);
    /// tx.push(b"a record").await?;
    /// assert_eq!(rx.try_read()?.payload().len(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn push(&mut self, record: &[u8]) -> Result<(), PushError> {
        let room = record.len();
        poll_fn(|context| self.poll_with(context, room, |producer| producer.try_push(record))).await
    }
}

/// Sends each item at once. An item for which there is no room when it is given, although
/// `poll_ready` was called, is an error: [`PushError::Full`]. With one producer that does not
/// happen.
impl<K: Kind, T: Item, M: Memory + 'static> Sink<T> for AsyncProducer<K, T, M>
where
    Self: Unpin,
{
    type Error = PushError;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        self.get_mut().poll_with(context, (), |producer| has_room(producer, ()))
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), PushError> {
        poll::checked(&mut self.get_mut().producer).try_push(&item)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        Poll::Ready(self.get_mut().finish())
    }
}

/// Sends each record at once. It waits for as much room as [`set_room`](Producer::set_room) says,
/// initially for the largest record.
impl<K: Kind, B: AsRef<[u8]>, M: Memory + 'static> Sink<B> for AsyncProducer<K, [u8], M>
where
    Self: Unpin,
{
    type Error = PushError;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        let room = self.producer.room;
        self.get_mut().poll_with(context, room, |producer| has_room(producer, room))
    }

    fn start_send(self: Pin<&mut Self>, record: B) -> Result<(), PushError> {
        poll::checked(&mut self.get_mut().producer).try_push(record.as_ref())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        Poll::Ready(self.get_mut().finish())
    }
}

/// `Full` if there is no room.
fn has_room<K: Kind, T: Message + ?Sized, M: Memory>(
    producer: &mut Producer<K, T, M>,
    room: T::Room,
) -> Result<(), PushError> {
    producer.check_owner()?;
    if T::has_room::<K>(&mut producer.core, room)? { Ok(()) } else { Err(PushError::Full) }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Deref for AsyncProducer<K, T, M> {
    type Target = Producer<K, T, M>;

    fn deref(&self) -> &Producer<K, T, M> {
        &self.producer
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> DerefMut for AsyncProducer<K, T, M> {
    fn deref_mut(&mut self) -> &mut Producer<K, T, M> {
        poll::checked(&mut self.producer)
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for AsyncProducer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncProducer").field("producer", &self.producer).finish_non_exhaustive()
    }
}
