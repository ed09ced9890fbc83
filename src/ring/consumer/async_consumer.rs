//! [`AsyncConsumer`]: a consumer that tasks can wait for.
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::vec::Vec;

use futures_core::Stream;

use crate::error::{Departure, PopError};
use crate::memory::{Item, Memory};
use crate::poll::{self, TaskWaker};
use crate::ring::{Consumer, DefaultMemory, Kind, Message};

/// A consumer that a task can wait for, on any executor. See [`Consumer::into_async`].
///
/// It is also a [`Stream`], of items or of whole records. The stream releases each record before it
/// yields it: a record is delivered at most once. The stream ends when the ring is empty and its
/// producers have [finished or left](Departure); if one has died instead, or if the ring is
/// corrupt, it ends after that error. Once it has ended it stays so. The `try_` calls continue with
/// the next producer.
///
/// # Examples
/// ```
/// # use ringway::{Options, spsc::Ring};
/// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
/// # futures_executor::block_on(async {
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?.into_async()?);
/// let sender = std::thread::spawn(move || tx.push(b"a record"));
/// rx.ready().await;
/// assert_eq!(rx.try_read()?.payload().len(), 8);
/// sender.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AsyncConsumer<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    consumer: Consumer<K, T, M>,
    task: TaskWaker,
    /// Whether the stream has ended.
    is_over: bool,
}

/// Waiting in a task.
impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Consumer<K, T, M> {
    /// Makes it a consumer that tasks can wait for. Starts a thread, like
    /// [`into_pollable`](Self::into_pollable).
    ///
    /// # Errors
    /// Like [`into_pollable`](Self::into_pollable).
    ///
    /// # Examples
    /// See [`AsyncConsumer`].
    #[doc(alias("stream", "future"))]
    pub fn into_async(mut self) -> io::Result<AsyncConsumer<K, T, M>> {
        let task = TaskWaker::spawn(&mut self)?;
        Ok(AsyncConsumer { consumer: self, task, is_over: false })
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> AsyncConsumer<K, T, M> {
    /// Waits until a `try_` call may return something else than [`PopError::Empty`]. It may still
    /// return that: then wait again.
    ///
    /// Cancel-safe: it takes nothing.
    ///
    /// # Examples
    /// See [`AsyncConsumer`].
    pub async fn ready(&mut self) {
        poll_fn(|context| self.poll_ready(context)).await;
    }

    /// Like [`ready`](Self::ready), for futures written by hand: after a `Pending`, the task is
    /// woken.
    pub fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        self.task.poll_ready(&mut self.consumer, context)
    }

    /// The consumer alone, without thread.
    pub fn into_inner(self) -> Consumer<K, T, M> {
        poll::without_waker(self.consumer)
    }

    fn poll_with<R>(
        &mut self,
        context: &Context<'_>,
        mut take: impl FnMut(&mut Consumer<K, T, M>) -> Result<R, PopError>,
    ) -> Poll<Option<Result<R, PopError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        for _ in 0..MAX_ATTEMPTS {
            match take(poll::checked(&mut self.consumer)) {
                Err(PopError::Empty) => {
                    if self.poll_ready(context).is_pending() {
                        return Poll::Pending;
                    }
                }
                Err(PopError::Closed(Departure::Finished | Departure::Left)) => {
                    self.is_over = true;
                    return Poll::Ready(None);
                }
                taken => {
                    self.is_over = taken.is_err();
                    return Poll::Ready(Some(taken));
                }
            }
        }
        // A peer shows records and takes them back.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Attempts of one poll. A second one is usual; a lying peer causes more.
const MAX_ATTEMPTS: u32 = 4;

impl<K: Kind, T: Item, M: Memory + 'static> Stream for AsyncConsumer<K, T, M>
where
    Self: Unpin,
{
    type Item = Result<T, PopError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_with(context, Consumer::try_pop)
    }
}

impl<K: Kind, M: Memory + 'static> Stream for AsyncConsumer<K, [u8], M>
where
    Self: Unpin,
{
    type Item = Result<Vec<u8>, PopError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_with(context, |consumer| Ok(consumer.try_read()?.payload().to_vec()))
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Deref for AsyncConsumer<K, T, M> {
    type Target = Consumer<K, T, M>;

    fn deref(&self) -> &Consumer<K, T, M> {
        &self.consumer
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> DerefMut for AsyncConsumer<K, T, M> {
    fn deref_mut(&mut self) -> &mut Consumer<K, T, M> {
        poll::checked(&mut self.consumer)
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for AsyncConsumer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncConsumer").field("consumer", &self.consumer).finish_non_exhaustive()
    }
}
