//! [`Select`]: one thread that waits for several ends.
use core::fmt;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::vec::Vec;

use super::end::{self, End};
#[cfg(loom)]
use super::model::{self as waker_thread, Notify};
#[cfg(not(loom))]
use super::waker_thread::{self, Notify};
use crate::memory::ParkWord;
#[cfg(loom)]
use crate::memory::system;
#[cfg(not(loom))]
use crate::os as system;
use crate::wait::{
    AdaptiveSpin, Deadline, NAP, SLICE, WaitCondition, WaitSet, WaitStrategy, heavy_fence, still_waiting,
    until,
};
use system::{FutexMemory, SystemPark};

/// Waits for several ends at once: consumers that wait for a record, and producers that wait for
/// room, of rings of any kind and any message.
///
/// | an end | is ready if |
/// |---|---|
/// | a consumer | its next call would not return `Empty`: it has a record, or is `Closed`, or is `Corrupt` |
/// | a producer | its next call would not return `Full`, or its consumer has departed. (Of bytes: for a record of how many bytes, see [`set_room`](crate::spsc::Producer::set_room)) |
///
/// It is fair: if several ends are ready, it returns the one that it has not returned for the
/// longest time.
///
/// The thread sleeps on all their words together (`futex_waitv`, Linux 5.16), up to 128 of them.
/// Where that is not available, each end gets a thread that sleeps on its behalf, from the first
/// such wait on until the end is dropped.
///
/// # Examples
/// ```
/// use ringway::{Options, PopError, Select, lanes, spsc};
///
/// let ticks = spsc::Ring::<u64>::on_heap(&Options::new())?;
/// let orders = lanes::Ring::<[u8]>::on_heap(&Options::new().max_producers(2))?;
/// let mut order = orders.producer()?;
/// let sender = std::thread::spawn(move || order.push(b"buy"));
///
/// let (mut ticks, mut orders) = (ticks.consumer()?, orders.consumer()?);
/// let mut select = Select::new();
/// match select.wait(&mut [&mut ticks, &mut orders]) {
///     Some(0) => println!("tick {}", ticks.try_pop()?),
///     Some(_) => assert_eq!(orders.try_read()?.payload().to_vec(), b"buy"),
///     None => unreachable!("there are two"),
/// }
/// sender.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Select {
    /// Where the next look begins.
    turn: usize,
    spin: AdaptiveSpin,
    /// When it last asked which peers live.
    checked: Duration,
    /// Waits so far.
    waits: u32,
    /// Whether the kernel has `futex_waitv`, as far as is known.
    can_park_on_many: bool,
    /// What waker threads set, where there are any.
    wakeup: Arc<Wakeup>,
    notify: Notify,
}

use sealed::{Steps, Token};

/// What [`Select`] can wait for: a consumer or a producer, in memory that this process can sleep
/// on. Sealed.
pub trait Selectable: sealed::Selectable {}
impl<S: sealed::Selectable + ?Sized> Selectable for S {}

/// A `Select` that is always ready still checks for dead peers in every 64th call.
const CHECK_INTERVAL: u32 = 64;

/// A flag that a thread can wait for.
#[derive(Default)]
struct Wakeup {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Wakeup {
    fn set(&self) {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    fn wait(&self, limit: Duration) {
        let is_set = self.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.changed.wait_timeout_while(is_set, limit, |is_set| !*is_set);
    }

    fn reset(&self) {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

pub(crate) mod sealed {
    use super::*;

    /// Only `Select` has one: so only it can call the steps.
    #[derive(Debug)]
    pub struct Token(pub(super) ());

    pub trait Selectable {
        #[doc(hidden)]
        fn steps(&mut self, _: Token) -> &mut dyn Steps;
    }

    /// The steps of a wait, for one end: see `wait`.
    pub trait Steps {
        /// See [`Select`].
        fn is_ready(&mut self) -> bool;
        /// Asks the kernel which peers live, and deals with what the dead left.
        fn check_peers(&mut self);
        /// S1.
        fn prepare_wait(&mut self) -> u32;
        fn is_fenced(&self) -> bool;
        /// S3.
        fn still_waiting(&mut self) -> bool;
        /// S5.
        fn cancel_wait(&self);
        fn word(&self) -> &ParkWord;
        /// S4, for several ends. Returns `false` if the system cannot do that.
        fn park_on_any(&self, words: &[(&ParkWord, u32)], limit: Duration) -> bool;
        /// Whether the ring still has all its bytes.
        fn is_mapped(&mut self) -> bool;
        fn spawn_waker(&mut self, notify: &Notify) -> io::Result<()>;
        fn arm_waker(&self, expected: u32, notify: &Notify) -> bool;
        fn disarm_waker(&self);
    }
}

impl<E: End<Memory: FutexMemory + 'static>> sealed::Selectable for E {
    fn steps(&mut self, _: Token) -> &mut dyn Steps {
        self
    }
}

impl<E: End<Memory: FutexMemory + 'static>> Steps for E {
    fn is_ready(&mut self) -> bool {
        end::is_ready(self)
    }

    fn check_peers(&mut self) {
        let (mut condition, ..) = self.parts();
        // Truncated bytes are not touched. A corruption poisons the end: the next look reports it.
        if condition.check_mapping().is_ok() {
            let _ = condition.check_peers();
        }
    }

    fn prepare_wait(&mut self) -> u32 {
        let (mut condition, word, _) = self.parts();
        let expected = word.prepare_wait();
        condition.arm();
        expected
    }

    fn is_fenced(&self) -> bool {
        self.wait_word().fenced
    }

    fn still_waiting(&mut self) -> bool {
        still_waiting(&mut self.parts().0)
    }

    fn cancel_wait(&self) {
        self.wait_word().cancel_wait();
    }

    fn word(&self) -> &ParkWord {
        self.wait_word().parked.park_word()
    }

    fn park_on_any(&self, words: &[(&ParkWord, u32)], limit: Duration) -> bool {
        self.memory().park_on_any(words, limit)
    }

    fn is_mapped(&mut self) -> bool {
        self.parts().0.check_mapping().is_ok()
    }

    fn spawn_waker(&mut self, notify: &Notify) -> io::Result<()> {
        waker_thread::spawn(self, notify)
    }

    fn arm_waker(&self, expected: u32, notify: &Notify) -> bool {
        waker_thread::arm_only(self, expected, notify)
    }

    fn disarm_waker(&self) {
        waker_thread::disarm(self);
    }
}

impl Select {
    /// A `Select` that has not waited yet.
    #[must_use]
    pub fn new() -> Self {
        let wakeup = Arc::<Wakeup>::default();
        let notify = {
            let wakeup = wakeup.clone();
            Arc::new(move || wakeup.set())
        };
        Self {
            turn: 0,
            spin: AdaptiveSpin::new(WaitStrategy::Adaptive),
            checked: Duration::ZERO,
            waits: 0,
            can_park_on_many: true,
            wakeup,
            notify,
        }
    }

    /// Sets what it does while it waits. Initially [`WaitStrategy::Adaptive`].
    pub fn set_wait_strategy(&mut self, strategy: WaitStrategy) {
        self.spin = AdaptiveSpin::new(strategy);
    }

    /// Returns the index of an end that is ready, without waiting.
    ///
    /// Its next call may still return `Empty` or `Full`, if another peer attached in between, or
    /// another producer took the room. An end whose peers have departed stays ready: remove it from
    /// the slice, or `wait` will return it again and again.
    #[must_use = "it returns the end that is ready"]
    pub fn try_wait(&mut self, ends: &mut [&mut dyn Selectable]) -> Option<usize> {
        let first = self.turn % ends.len().max(1);
        let (before, after) = ends.split_at_mut(first);
        let mut in_turn = (first..).zip(after).chain((0..).zip(before));
        let ready = in_turn.find_map(|(index, one)| one.steps(Token(())).is_ready().then_some(index))?;
        self.turn = ready + 1;
        Some(ready)
    }

    /// Waits until an end is ready, and returns its index. `None` only if `ends` is empty.
    ///
    /// While it waits, and in about every 64th call, but at most ten times a second, it asks the
    /// kernel which peers live.
    ///
    /// # Examples
    /// See [`Select`].
    #[must_use = "it returns the end that is ready"]
    pub fn wait(&mut self, ends: &mut [&mut dyn Selectable]) -> Option<usize> {
        self.wait_until(ends, &Deadline::never())
    }

    /// Waits until an end is ready, for at most `timeout`, and returns its index. `None` if the
    /// time is up before.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Select, spsc::Ring};
    /// # use std::time::Duration;
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let mut rx = ring.consumer()?;
    /// assert_eq!(Select::new().wait_timeout(&mut [&mut rx], Duration::from_millis(5)), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "it returns the end that is ready"]
    pub fn wait_timeout(&mut self, ends: &mut [&mut dyn Selectable], timeout: Duration) -> Option<usize> {
        let mut deadline = Deadline::after(timeout);
        deadline.start(&SystemPark);
        self.wait_until(ends, &deadline)
    }

    fn wait_until(
        &mut self,
        ends: &mut [&mut dyn Selectable],
        deadline: &Deadline<SystemPark>,
    ) -> Option<usize> {
        if ends.is_empty() {
            return None;
        }
        let mut spin = self.spin;
        let mut set = Ends { select: self, ends };
        // Also while some end is ready each time, the death of another one's peers must be found.
        set.select.waits = set.select.waits.wrapping_add(1);
        let found = match set.select.waits % CHECK_INTERVAL {
            0 => set.check_peers().err(),
            _ => None,
        };
        let found = found.or_else(|| until(&SystemPark, &mut spin, deadline, &mut set));
        self.spin = spin;
        found
    }
}

/// Several ends to wait for.
struct Ends<'a, 'b, 'c> {
    select: &'a mut Select,
    ends: &'b mut [&'c mut dyn Selectable],
}

impl WaitSet for Ends<'_, '_, '_> {
    type Outcome = usize;

    fn look(&mut self) -> Option<usize> {
        self.select.try_wait(self.ends)
    }

    fn len(&self) -> u32 {
        self.ends.len().try_into().unwrap_or(u32::MAX)
    }

    /// Asks once a slice: it takes a system call for each end.
    fn check_peers(&mut self) -> Result<Duration, usize> {
        let now = system::monotonic();
        let since = now.saturating_sub(self.select.checked);
        if since < SLICE {
            return Ok(SLICE - since);
        }
        self.select.checked = now;
        self.ends.iter_mut().for_each(|one| one.steps(Token(())).check_peers());
        self.look().map_or(Ok(SLICE), Err)
    }

    /// Sleeps on all words at once, or has waker threads do so.
    fn sleep(&mut self, limit: impl FnOnce() -> Duration) -> Option<usize> {
        let Self { select, ends } = self;
        let mut steps: Vec<_> = ends.iter_mut().map(|one| one.steps(Token(()))).collect();
        let by_threads = !select.can_park_on_many || steps.len() > system::MOST_PARKED_ON;
        let have_threads = !by_threads || steps.iter_mut().all(|one| one.spawn_waker(&select.notify).is_ok());
        select.wakeup.reset();
        let expected: Vec<u32> = steps.iter_mut().map(|one| one.prepare_wait()).collect();
        // One fence for all: a barrier is a fence in this process too. If the kernel refuses it, or
        // if there are no more threads, the sleep must not rely on being woken.
        let can_rely_on_wake_up = heavy_fence(&SystemPark, steps.iter().all(|one| one.is_fenced()));
        let limit = if can_rely_on_wake_up && have_threads { limit() } else { limit().min(NAP) };
        let mut has_slept = false;
        if steps.iter_mut().all(|one| one.still_waiting()) {
            let mut expected = steps.iter().zip(expected);
            if !by_threads {
                let words: Vec<_> = expected.map(|(one, expected)| (one.word(), expected)).collect();
                select.can_park_on_many = steps.first().is_none_or(|one| one.park_on_any(&words, limit));
                has_slept = true;
            } else if expected.all(|(one, expected)| one.arm_waker(expected, &select.notify)) || !have_threads
            {
                select.wakeup.wait(limit);
                has_slept = true;
            }
        }
        for one in steps {
            if by_threads {
                one.disarm_waker();
            }
            if !has_slept || one.is_mapped() {
                one.cancel_wait();
            }
        }
        None
    }
}

impl fmt::Debug for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("turn", &self.turn).field("spin", &self.spin).finish_non_exhaustive()
    }
}

impl Default for Select {
    fn default() -> Self {
        Self::new()
    }
}
