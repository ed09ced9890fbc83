//! Waiting for room together with other things.
#[cfg(feature = "std")]
use std::io;

use super::Room;
use crate::error::Corruption;
use crate::layout::Header;
use crate::memory::Memory;
use crate::poll::End;
#[cfg(loom)]
use crate::poll::WakerThread;
#[cfg(feature = "std")]
use crate::poll::{Pollable, Waker, pollable};
use crate::ring::{Kind, Message, Produce, Producer, sealed};
use crate::wait::{WaitCondition, WaitWord};

/// It waits for room.
impl<K: Kind, T: Message + ?Sized, M: Memory> End for Producer<K, T, M> {
    type Memory = M;

    fn parts(&mut self) -> (impl WaitCondition, WaitWord<'_>, &M) {
        let Self { core, seat, room, .. } = self;
        let room = *room;
        let has_room = move |core: &mut <T as sealed::Message>::Producer<K>| T::has_room::<K>(core, room);
        (Room { core: &mut **core, seat, has_room }, seat.wait_word(), seat.memory())
    }

    fn memory(&self) -> &M {
        self.seat.memory()
    }

    fn wait_word(&self) -> WaitWord<'_> {
        self.seat.wait_word()
    }

    fn header(&self) -> &Header {
        &self.ring.header
    }

    fn poison(&mut self, corruption: Corruption) {
        self.core.poison(corruption);
    }

    #[cfg(feature = "std")]
    fn waker(&self) -> &Option<Waker<M>> {
        &self.waker
    }

    #[cfg(feature = "std")]
    fn waker_mut(&mut self) -> &mut Option<Waker<M>> {
        &mut self.waker
    }
}

/// Waiting together with other things.
#[cfg(feature = "std")]
impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Producer<K, T, M> {
    /// Gives the producer a file descriptor that becomes readable when there may be room.
    ///
    /// This starts a thread, which takes no signals and sleeps. For memory of your own, its
    /// [`park`](crate::memory::Park::park) must really sleep.
    ///
    /// If the consumer has departed and the ring is full, [`arm`](Pollable::arm) returns `false`:
    /// then [`push_timeout`](#method.push_timeout) returns [`Closed`](crate::PushError::Closed).
    ///
    /// # Errors
    /// The system's error if there are no more descriptors (it needs two) or threads. The producer
    /// is dropped then; its seat can be taken again.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use ringway::{Options, PushError, spsc::Ring};
    /// use rustix::event::{PollFd, PollFlags, poll};
    ///
    /// let ring = Ring::<u32>::on_heap(&Options::new().capacity(1))?;
    /// let (mut tx, mut rx) = (ring.producer()?.into_pollable()?, ring.consumer()?);
    /// let receiver = std::thread::spawn(move || (0..3).map(|_| rx.pop().unwrap()).sum::<u32>());
    /// for item in [1, 2, 3] {
    ///     while tx.try_push(&item) == Err(PushError::Full) {
    ///         if tx.arm() {
    ///             poll(&mut [PollFd::new(&tx, PollFlags::IN)], None)?;
    ///         }
    ///     }
    /// }
    /// assert_eq!(receiver.join().unwrap(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("epoll", "as_fd", "mio"))]
    pub fn into_pollable(self) -> io::Result<Pollable<Self>> {
        pollable(self)
    }
}

/// Waiting together with other things.
impl<K: Kind, M: Memory> Producer<K, [u8], M> {
    /// Sets for how much room this producer waits among other things: in [`Select`](crate::Select),
    /// by its descriptor, and in a task. For records of `len` bytes. Initially the
    /// [largest record](crate::ring::Ring::max_record), for which half the ring must be free.
    ///
    /// A longer `len` than that counts as that.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// use ringway::Select;
    ///
    /// let ring = Ring::<[u8]>::on_heap(&Options::new().capacity(1024))?;
    /// let (mut tx, rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(&[0; 500])?;
    /// tx.try_push(&[0; 300])?;
    /// assert_eq!(Select::new().try_wait(&mut [&mut tx]), None);
    /// tx.set_room(100);
    /// assert_eq!(Select::new().try_wait(&mut [&mut tx]), Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_room(&mut self, len: usize) {
        self.room = len.min(self.ring.max_record());
    }
}

/// For models.
#[cfg(loom)]
impl<K: Kind, T: Message + ?Sized, M: Memory> Producer<K, T, M> {
    /// A waker thread for this producer, which the model has to run.
    pub fn waker_thread(&self) -> WakerThread<M> {
        WakerThread::of(self)
    }

    /// Like `Pollable::arm`.
    pub fn arm(&mut self, waker: &WakerThread<M>) -> bool {
        waker.arm(self)
    }
}
