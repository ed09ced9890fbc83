//! [`AsyncConsumer`]: a consumer that tasks wait for, by its attendant.
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

use futures_core::Stream;

use super::pollable::Signal;
use crate::error::{Departure, PopError};
use crate::memory::Memory;
use crate::ring::{Consumer, DefaultMemory, Item, Kind, Message};

/// A consumer that a task can wait for, whatever runs it: see [`Consumer::into_async`]. Also a [`Stream`], of items or of whole
/// records. It ends once everything is taken and the producers have left; if one has died instead, or if the ring is corrupt, after that
/// error. Once it has ended it stays so; `try_` calls go on with whoever comes next.
///
/// # Examples
/// ```
/// # use ringway::{Options, memory::Heap, spsc::Ring};
/// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
/// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
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
///
/// As a stream, with tokio: see `examples/task.rs`.
pub struct AsyncConsumer<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    end: Consumer<K, T, M>,
    /// The task that waits.
    task: Arc<Mutex<Option<Waker>>>,
    signal: Signal,
    /// Whether the stream has ended.
    is_over: bool,
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Consumer<K, T, M> {
    /// Makes it one that tasks can wait for. Starts a thread, which sleeps, on the same terms as [`into_pollable`](Self::into_pollable).
    ///
    /// # Errors
    /// As [`into_pollable`](Self::into_pollable).
    ///
    /// # Examples
    /// See [`AsyncConsumer`].
    pub fn into_async(mut self) -> io::Result<AsyncConsumer<K, T, M>> {
        let task = Arc::new(Mutex::new(None::<Waker>));
        let signal: Signal = {
            let task = task.clone();
            Arc::new(move || {
                // Taken first: who is woken may be back before this returns.
                let waker = task.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            })
        };
        self.hire_for(&signal)?;
        Ok(AsyncConsumer { end: self, task, signal, is_over: false })
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> AsyncConsumer<K, T, M> {
    /// Waits until a `try_` call may say something else than [`PopError::Empty`]. It may still say that: then wait again.
    ///
    /// Cancel-safe: nothing is taken.
    ///
    /// # Examples
    /// See [`AsyncConsumer`].
    pub async fn ready(&mut self) {
        poll_fn(|context| self.poll_ready(context)).await;
    }

    /// As [`ready`](Self::ready), for who writes futures by hand: after a `Pending`, the task is woken.
    pub fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        if self.end.arm(&self.signal) { Poll::Pending } else { Poll::Ready(()) }
    }

    /// The consumer alone, without thread.
    pub fn into_inner(mut self) -> Consumer<K, T, M> {
        self.end.awake().attendant = None;
        self.end
    }

    fn poll_with<R>(
        &mut self,
        context: &Context<'_>,
        mut take: impl FnMut(&mut Consumer<K, T, M>) -> Result<R, PopError>,
    ) -> Poll<Option<Result<R, PopError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        for _ in 0..MOST_ATTEMPTS {
            match take(self.end.awake()) {
                Err(PopError::Empty) => {
                    if self.poll_ready(context).is_pending() {
                        return Poll::Pending;
                    }
                }
                Err(PopError::Closed(Departure::Left)) => {
                    self.is_over = true;
                    return Poll::Ready(None);
                }
                taken => {
                    self.is_over = taken.is_err();
                    return Poll::Ready(Some(taken));
                }
            }
        }
        // Somebody keeps saying that there is something, and there is not.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Of one poll: a second one is usual, more are a liar's.
const MOST_ATTEMPTS: u32 = 4;

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
        self.get_mut().poll_with(context, |end| Ok(end.try_read()?.payload().to_vec()))
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Deref for AsyncConsumer<K, T, M> {
    type Target = Consumer<K, T, M>;

    fn deref(&self) -> &Consumer<K, T, M> {
        &self.end
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> DerefMut for AsyncConsumer<K, T, M> {
    fn deref_mut(&mut self) -> &mut Consumer<K, T, M> {
        self.end.awake()
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for AsyncConsumer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncConsumer").field("end", &self.end).finish_non_exhaustive()
    }
}
