//! Consumers that are waited for together with other things: [`Pollable`] by descriptor; by a task: see `task`.
//!
//! Both have an *attendant*: a thread of this process that sleeps in the consumer's place (see `wait::post`), and is armed only while
//! somebody waits. Why a thread, and not a descriptor that producers write to: nothing has to be opened, handed over, or cleaned up after a
//! death; producers do for it what they do for every sleeper, and nothing at all while nobody waits; and it is the same for memory
//! without a name. It costs a second wake-up, from the attendant to whoever waits, and ten short looks a second.
use core::fmt;
use core::ops::{Deref, DerefMut};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;

use rustix::event::{EventfdFlags, eventfd};

use crate::error::Corruption;
use crate::layout::Geometry;
use crate::memory::{Memory, WordRef};
use crate::os;
use crate::ring::Consume;
use crate::ring::{Consumer, DefaultMemory, Kind, Message};
use crate::wait::{WaitWord, WakeProxy};

/// What an attendant does when it is woken.
pub type Signal = Arc<dyn Fn() + Send + Sync>;

/// A thread that sleeps in a consumer's place.
pub(crate) struct WakerThread<M: Memory> {
    memory: M,
    geometry: Geometry,
    parked: WordRef,
    post: Arc<WakeProxy>,
    /// Of who armed it last.
    signal: Arc<Mutex<Signal>>,
    /// That the bytes are gone, once the thread has found that. It has ended then.
    end: Arc<OnceLock<Corruption>>,
}

impl<M: Memory + 'static> WakerThread<M> {
    /// For who sleeps on `bed`.
    pub(crate) fn hire(
        memory: &M,
        geometry: &Geometry,
        bed: &WaitWord<'_>,
        signal: &Signal,
    ) -> io::Result<Self> {
        let hired = Self {
            memory: memory.clone(),
            geometry: *geometry,
            parked: bed.parked.clone(),
            post: Arc::default(),
            signal: Arc::new(Mutex::new(signal.clone())),
            end: Arc::default(),
        };
        let (memory, geometry, parked) = (memory.clone(), *geometry, bed.parked.clone());
        let (post, current, end) = (hired.post.clone(), hired.signal.clone(), hired.end.clone());
        let attend = move || {
            let is_there = || match geometry.check(&memory) {
                Ok(()) => true,
                Err(what) => {
                    // It is not set yet: this ends the thread.
                    let _ = end.set(what);
                    false
                }
            };
            let signal = || {
                let signal = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // A panic of somebody's waker is not to end this thread: there will be others.
                let _ = catch_unwind(AssertUnwindSafe(|| signal()));
            };
            post.attend(&memory, &parked, is_there, signal);
        };
        os::without_signals(|| Builder::new().name("ringway".into()).spawn(attend))?;
        Ok(hired)
    }
}

impl<M: Memory> WakerThread<M> {
    /// Whether there will be this signal, for who has made the parked word `expected`; it is told what [`WakeProxy::arm`] is.
    fn arm(&self, expected: u32, signal: &Signal, by_slices: bool, fence_reached_all: bool) -> bool {
        *self.signal.lock().unwrap_or_else(PoisonError::into_inner) = signal.clone();
        self.post.arm(&self.memory, &self.parked, expected, by_slices, fence_reached_all)
    }
}

/// Has the thread end. It is not waited for: it may be the one that drops this, or wait for a lock that is held here.
impl<M: Memory> Drop for WakerThread<M> {
    fn drop(&mut self) {
        // A forked child has no such thread, and does not touch the ring; nor does anybody if its bytes are gone.
        let may_touch = self.memory.is_own_process() && self.geometry.check(&self.memory).is_ok();
        self.post.end(&self.memory, may_touch.then_some(&self.parked));
    }
}

/// A consumer with a descriptor that becomes readable when there may be something to take: for `poll`, `epoll`, and whatever builds on
/// them. See [`Consumer::into_pollable`].
///
/// A real wake-up, by the producer that publishes. Nobody pays for it while it is not [armed](Self::arm).
///
/// # Examples
/// ```
/// use ringway::{Options, PopError, memory::Heap, spsc::Ring};
/// use rustix::event::{PollFd, PollFlags, poll};
///
/// let memory = Heap::new(Ring::<u32>::required_len(8));
/// let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?.into_pollable()?);
/// let sender = std::thread::spawn(move || (1..=3).for_each(|i| tx.push(&i).unwrap()));
/// let mut sum = 0;
/// loop {
///     match rx.try_pop() {
///         Ok(item) => sum += item,
///         // Only if there is nothing, and once for each time that it is waited for.
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
///
/// With tokio: see `examples/tokio.rs`.
pub struct Pollable<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    end: Consumer<K, T, M>,
    fd: Arc<OwnedFd>,
    signal: Signal,
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Consumer<K, T, M> {
    /// Makes a descriptor for it. Starts a thread, which takes no signals, and sleeps: so if the memory is of your own, its
    /// [`park`](crate::memory::Park::park) has to sleep, and not only to return.
    ///
    /// # Errors
    /// What the system says if there are no more descriptors or threads to be had. The consumer is dropped then; its seat can be
    /// taken again.
    ///
    /// # Examples
    /// See [`Pollable`].
    pub fn into_pollable(mut self) -> io::Result<Pollable<K, T, M>> {
        let fd = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let signal: Signal = {
            let fd = fd.clone();
            Arc::new(move || {
                // Cannot fail but where it is readable already.
                let _ = rustix::io::write(&*fd, &1_u64.to_ne_bytes());
            })
        };
        self.hire_for(&signal)?;
        Ok(Pollable { end: self, fd, signal })
    }

    /// Sees to it that it has an attendant. One that has found the bytes gone has ended, and is the last.
    pub(crate) fn hire_for(&mut self, signal: &Signal) -> io::Result<()> {
        if self.awake().attendant.is_none() {
            let attendant =
                WakerThread::hire(self.seat.memory(), &self.ring.geometry, &self.seat.bed(), signal)?;
            self.attendant = Some(attendant);
        }
        Ok(())
    }

    /// Whether there is nothing, and the attendant will give this signal when there may be something.
    pub(crate) fn arm(&mut self, signal: &Signal) -> bool {
        // Another consumer may have been put in the place of the one that had it.
        if self.hire_for(signal).is_err() {
            return false;
        }
        let Some(attendant) = self.attendant.take() else { return false };
        let is_armed = self
            .arm_by(|expected, fence_reached_all| attendant.arm(expected, signal, true, fence_reached_all));
        if !is_armed {
            attendant.post.disarm();
        }
        self.attendant = Some(attendant);
        is_armed
    }

    /// The attendant's part alone, for who has slices of its own, and naps, and has made the parked word `expected`.
    pub(crate) fn arm_attendant(&self, expected: u32, signal: &Signal) -> bool {
        self.attendant.as_ref().is_some_and(|attendant| attendant.arm(expected, signal, false, true))
    }

    pub(crate) fn disarm_attendant(&self) {
        if let Some(attendant) = &self.attendant {
            attendant.post.disarm();
        }
    }

    /// The consumer, for whatever it is to do; if the attendant has found that the bytes are gone, one that touches none of them.
    pub(crate) fn awake(&mut self) -> &mut Self {
        if let Some(what) = self.attendant.as_ref().and_then(|attendant| attendant.end.get().copied()) {
            self.core.give_up(what);
        }
        self
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Pollable<K, T, M> {
    /// Has the descriptor become readable when there may be something to take; whether it is worth waiting for that. If not, there may
    /// be something already: look again. So it is called after each `Empty`, and what it says decides.
    ///
    /// Whatever else waits for the consumer in between, `pop` or a `Select`, takes it back: arm it again then.
    ///
    /// It may become readable for nothing: look, and arm it again. While nothing comes that happens up to ten times a second, because the
    /// death of a producer is found by looking (by [`PopError::Closed`](crate::PopError::Closed)); a thousand times, if the system refuses this
    /// process the barriers that the ring relies on.
    ///
    /// Some four system calls; none of the producers' until one of them publishes.
    ///
    /// # Examples
    /// See [`Pollable`].
    #[must_use = "unless it says so, there will be no signal"]
    pub fn arm(&mut self) -> bool {
        // A forked child has the descriptor too, and is not to read it. (Of memory without a witness nobody can tell.)
        if !self.end.is_own() {
            return false;
        }
        // Before all else: a signal for something newer must stay. Nothing to be read is as good.
        let _ = rustix::io::read(&*self.fd, &mut [0; 8]);
        self.end.arm(&self.signal)
    }

    /// The consumer alone, without descriptor and thread.
    pub fn into_inner(mut self) -> Consumer<K, T, M> {
        self.end.awake().attendant = None;
        self.end
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> Deref for Pollable<K, T, M> {
    type Target = Consumer<K, T, M>;

    fn deref(&self) -> &Consumer<K, T, M> {
        &self.end
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + 'static> DerefMut for Pollable<K, T, M> {
    fn deref_mut(&mut self) -> &mut Consumer<K, T, M> {
        self.end.awake()
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> AsFd for Pollable<K, T, M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> AsRawFd for Pollable<K, T, M> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for Pollable<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pollable").field("fd", &self.fd.as_raw_fd()).field("end", &self.end).finish()
    }
}
