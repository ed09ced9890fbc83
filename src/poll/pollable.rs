//! [`Pollable`]: a consumer with a file descriptor that becomes readable.
use core::fmt;
use core::ops::{Deref, DerefMut};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use rustix::pipe::{PipeFlags, pipe_with};

use super::waker_thread::Notify;
use crate::memory::Memory;
use crate::os::Descriptor;
use crate::ring::{Consumer, DefaultMemory, Kind, Message};

/// A consumer with a file descriptor that becomes readable when there may be a record: for `poll`,
/// `epoll`, and whatever builds on them. See [`Consumer::into_pollable`].
///
/// It is woken by the producer that publishes, not by a timer. No producer pays for it while it is
/// not [armed](Self::arm).
///
/// # Examples
/// ```
/// use ringway::{Options, PopError, spsc::Ring};
/// use rustix::event::{PollFd, PollFlags, poll};
///
/// let ring = Ring::<u32>::on_heap(&Options::new())?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?.into_pollable()?);
/// let sender = std::thread::spawn(move || (1..=3).for_each(|i| tx.push(&i).unwrap()));
/// let mut sum = 0;
/// loop {
///     match rx.try_pop() {
///         Ok(item) => sum += item,
///         // Only when the ring is empty, and once for each wait.
///         Err(PopError::Empty) if rx.arm() => {
///             poll(&mut [PollFd::new(&rx, PollFlags::IN)], None)?;
///         }
///         Err(PopError::Empty) => {}
///         Err(_) => break,
///     }
/// }
/// assert_eq!(sum, 6);
/// sender.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pollable<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    consumer: Consumer<K, T, M>,
    /// The readable end of a pipe: unlike an eventfd, it can be recognised. See [`Descriptor`].
    fd: Descriptor,
    notify: Notify,
}

/// Waiting together with other things.
impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Consumer<K, T, M> {
    /// Gives the consumer a file descriptor that becomes readable when there may be a record.
    ///
    /// This starts a thread, which takes no signals and sleeps. For memory of your own, its
    /// [`park`](crate::memory::Park::park) must really sleep.
    ///
    /// # Errors
    /// The system's error if there are no more descriptors (it needs two) or threads. The consumer
    /// is dropped then; its seat can be taken again.
    ///
    /// # Examples
    /// See [`Pollable`].
    #[doc(alias("epoll", "as_fd", "mio"))]
    pub fn into_pollable(mut self) -> io::Result<Pollable<K, T, M>> {
        let (readable, writable) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (fd, writable) = (Descriptor::new(readable)?, Descriptor::new(writable)?);
        let notify: Notify = Arc::new(move || {
            if let Some(writable) = writable.get() {
                // It fails only if the pipe is full: then it is readable already.
                let _ = rustix::io::write(writable, &[1]);
            }
        });
        self.spawn_waker(&notify)?;
        Ok(Pollable { consumer: self, fd, notify })
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Pollable<K, T, M> {
    /// Asks for the descriptor to become readable when there may be a record. Returns `false` if it
    /// will not, because there may be a record already: then look again. Call it after each
    /// `Empty`.
    ///
    /// If the program has closed the descriptor, it always returns `false`: call
    /// [`into_inner`](Self::into_inner).
    ///
    /// Whatever else waits for the consumer in between, `pop` or a `Select`, takes the request
    /// back: arm again after that.
    ///
    /// The descriptor may become readable although there is nothing: look, and arm again. While
    /// nothing comes that happens up to ten times a second, because the death of a producer is
    /// found by looking (by [`PopError::Closed`](crate::PopError::Closed)); up to a thousand
    /// times a second if the kernel refuses this process the barriers that the ring relies on.
    ///
    /// Takes about six system calls. The producers take none until one of them publishes.
    ///
    /// # Examples
    /// See [`Pollable`].
    #[must_use = "if this returns `false`, the descriptor will not become readable: try to read again"]
    pub fn arm(&mut self) -> bool {
        // A forked child has the descriptor too, and must not read it. (Memory that cannot prove
        // life cannot tell.)
        if self.consumer.check_owner().is_err() {
            return false;
        }
        // The program has closed it: nothing could become readable.
        let Some(fd) = self.fd.get() else { return false };
        // Before all else: a signal for a newer record must stay. It fails only if there is nothing
        // to read. If bytes remain, the next wait returns at once, in vain.
        let _ = rustix::io::read(fd, &mut [0; 64]);
        self.consumer.arm_waker(&self.notify)
    }

    /// The consumer alone, without descriptor and thread.
    pub fn into_inner(self) -> Consumer<K, T, M> {
        self.consumer.without_waker()
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Deref for Pollable<K, T, M> {
    type Target = Consumer<K, T, M>;

    fn deref(&self) -> &Consumer<K, T, M> {
        &self.consumer
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> DerefMut for Pollable<K, T, M> {
    fn deref_mut(&mut self) -> &mut Consumer<K, T, M> {
        self.consumer.checked()
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> AsFd for Pollable<K, T, M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> AsRawFd for Pollable<K, T, M> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_fd().as_raw_fd()
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for Pollable<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pollable").field("fd", &self.fd.as_fd()).field("consumer", &self.consumer).finish()
    }
}
