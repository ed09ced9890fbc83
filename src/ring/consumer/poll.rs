//! Waiting for a consumer together with other things.
#[cfg(feature = "std")]
use std::io;

use super::RecordReady;
use crate::error::Corruption;
use crate::layout::Header;
use crate::memory::Memory;
use crate::poll::End;
#[cfg(loom)]
use crate::poll::WakerThread;
#[cfg(feature = "std")]
use crate::poll::{Pollable, Waker, pollable};
use crate::ring::{Consume, Consumer, Kind, Message};
use crate::wait::{WaitCondition, WaitWord};

/// It waits for a record.
impl<K: Kind, T: Message + ?Sized, M: Memory> End for Consumer<K, T, M> {
    type Memory = M;

    fn parts(&mut self) -> (impl WaitCondition, WaitWord<'_>, &M) {
        let Self { core, seat, .. } = self;
        (RecordReady { core: &mut **core, seat }, seat.wait_word(), seat.memory())
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
    pub fn into_pollable(self) -> io::Result<Pollable<Self>> {
        pollable(self)
    }
}

/// For models.
#[cfg(loom)]
impl<K: Kind, T: Message + ?Sized, M: Memory> Consumer<K, T, M> {
    /// A waker thread for this consumer, which the model has to run.
    pub fn waker_thread(&self) -> WakerThread<M> {
        WakerThread::of(self)
    }

    /// Like `Pollable::arm`.
    pub fn arm(&mut self, waker: &WakerThread<M>) -> bool {
        waker.arm(self)
    }
}
