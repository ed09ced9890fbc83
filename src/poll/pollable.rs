//! [`Pollable`]: an end with a file descriptor that becomes readable.
use core::fmt;
use core::ops::{Deref, DerefMut};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use rustix::pipe::{PipeFlags, pipe_with};

use super::end::End;
use super::waker_thread::{self, Notify};
use crate::memory::Liveness;
use crate::os::Descriptor;

/// A consumer or producer with a file descriptor that becomes readable when it may be ready: for
/// `poll`, `epoll`, and whatever builds on them. See
/// [`Consumer::into_pollable`](crate::ring::Consumer::into_pollable) and
/// [`Producer::into_pollable`](crate::ring::Producer::into_pollable); when an end is ready, see
/// [`Select`](crate::Select).
///
/// It is woken by the peer that publishes or makes room, not by a timer. No peer pays for it while
/// it is not [armed](Self::arm).
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
pub struct Pollable<E> {
    end: E,
    /// The readable end of a pipe: unlike an eventfd, it can be recognised. See [`Descriptor`].
    fd: Descriptor,
    notify: Notify,
}

/// Gives an end a descriptor, and a thread that makes it readable.
pub(crate) fn pollable<E: End<Memory: 'static>>(mut end: E) -> io::Result<Pollable<E>> {
    let (readable, writable) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let (fd, writable) = (Descriptor::new(readable)?, Descriptor::new(writable)?);
    let notify: Notify = Arc::new(move || {
        if let Some(writable) = writable.get() {
            // It fails only if the pipe is full: then it is readable already.
            let _ = rustix::io::write(writable, &[1]);
        }
    });
    waker_thread::spawn(&mut end, &notify)?;
    Ok(Pollable { end, fd, notify })
}

impl<E: End<Memory: 'static>> Pollable<E> {
    /// Asks for the descriptor to become readable when the end may be ready. Returns `false` if it
    /// will not, because the end may be ready already: then look again. Call it after each `Empty`
    /// or `Full`.
    ///
    /// If the program has closed the descriptor, it always returns `false`: call
    /// [`into_inner`](Self::into_inner).
    ///
    /// Whatever else waits for the end in between, `pop` or a `Select`, takes the request
    /// back: arm again after that.
    ///
    /// The descriptor may become readable although there is nothing: look, and arm again. While
    /// nothing comes that happens up to ten times a second, because the death of a peer is found
    /// by looking; up to a thousand
    /// times a second if the kernel refuses this process the barriers that the ring relies on.
    ///
    /// Takes about six system calls. The peers take none until one of them publishes or makes room.
    ///
    /// # Examples
    /// See [`Pollable`].
    #[must_use = "if this returns `false`, the descriptor will not become readable: try to read again"]
    pub fn arm(&mut self) -> bool {
        // A forked child has the descriptor too, and must not read it. (Memory that cannot prove
        // life cannot tell.)
        if !self.end.memory().is_own_process() {
            return false;
        }
        // The program has closed it: nothing could become readable.
        let Some(fd) = self.fd.get() else { return false };
        // Before all else: a signal for a newer record must stay. It fails only if there is nothing
        // to read. If bytes remain, the next wait returns at once, in vain.
        let _ = rustix::io::read(fd, &mut [0; 64]);
        waker_thread::arm(&mut self.end, &self.notify)
    }

    /// The end alone, without descriptor and thread.
    pub fn into_inner(self) -> E {
        waker_thread::without_waker(self.end)
    }
}

impl<E> Deref for Pollable<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.end
    }
}

impl<E: End> DerefMut for Pollable<E> {
    fn deref_mut(&mut self) -> &mut E {
        waker_thread::checked(&mut self.end)
    }
}

impl<E> AsFd for Pollable<E> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<E> AsRawFd for Pollable<E> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_fd().as_raw_fd()
    }
}

impl<E: fmt::Debug> fmt::Debug for Pollable<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pollable").field("fd", &self.fd.as_fd()).field("end", &self.end).finish()
    }
}
