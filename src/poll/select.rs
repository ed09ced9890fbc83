//! [`Select`]: one thread that waits for several consumers.
use core::fmt;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::vec::Vec;

use super::pollable::Signal;
use crate::memory::{Memory, ParkWord};
use crate::os::{self, FutexMemory, System};
use crate::ring::{Consumer, Kind, Message};
use crate::sync::{pause, yield_now};
use crate::wait::{AdaptiveSpin, NAP, SLICE, WaitCondition, WaitStrategy, heavy_fence, still_waiting};

/// Waits for several consumers at once, of whatever kinds of rings, and whatever they carry.
///
/// In turn: where several have something, the one is told whose last turn is the longest ago.
///
/// Asleep, the thread sleeps on all their words together (`futex_waitv`, Linux 5.16), up to 128 of them. Where that cannot be had, each
/// consumer gets a thread that sleeps in its place, from the first such wait on until it is dropped.
///
/// # Examples
/// ```
/// use ringway::{Options, PopError, Select, memory::Heap, spsc};
///
/// let ticks = Heap::new(spsc::Ring::<u64>::required_len(8));
/// let ticks = spsc::Ring::<u64, _>::format(ticks, &Options::new().capacity(8))?;
/// let orders = Heap::new(spsc::Ring::<[u8]>::required_len(1024));
/// let orders = spsc::Ring::<[u8], _>::format(orders, &Options::new().capacity(1024))?;
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
    patience: AdaptiveSpin,
    /// When it last asked who lives.
    asked: Duration,
    /// Waits so far.
    waits: u32,
    /// Whether the system can.
    can_park_on_many: bool,
    /// What attendants ring, where there are any.
    doorbell: Arc<Doorbell>,
    ring: Signal,
}

use sealed::{Steps, Token};

/// An end that [`Select`] can wait for: a consumer whose memory this process can sleep on. Sealed.
pub trait Selectable: sealed::Selectable {}
impl<S: sealed::Selectable + ?Sized> Selectable for S {}

/// So many waits may have found something at once, before one of them reads the clock.
const SELDOM: u32 = 64;

#[derive(Default)]
struct Doorbell {
    has_rung: Mutex<bool>,
    rings: Condvar,
}

impl Doorbell {
    fn ring(&self) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rings.notify_one();
    }

    /// Waits until it rings, or has rung since it was [`reset`](Self::reset), for `limit` at most.
    fn wait(&self, limit: Duration) {
        let rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.rings.wait_timeout_while(rung, limit, |rung| !*rung);
    }

    fn reset(&self) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

pub(crate) mod sealed {
    use super::*;

    /// Nobody else can make one.
    pub struct Token(pub(super) ());

    pub trait Selectable {
        #[doc(hidden)]
        fn steps(&mut self, _: Token) -> &mut dyn Steps;
    }

    /// The steps of `wait`, one by one.
    pub trait Steps {
        /// Whether a `try_` call would say something else than `Empty`.
        fn has_news(&mut self) -> bool;
        /// Asks the witness who lives, and notes what it says: news from now on.
        fn check_peers(&mut self);
        /// S1.
        fn prepare_wait(&mut self) -> u32;
        /// Whether S2 is an ordinary fence.
        fn is_fenced(&self) -> bool;
        /// S3.
        fn still_waiting(&mut self) -> bool;
        /// S5.
        fn cancel_wait(&self);
        fn word(&self) -> &ParkWord;
        /// After a sleep: whether the bytes are still there.
        fn is_there(&mut self) -> bool;
        /// Has an attendant.
        fn hire(&mut self, signal: &Signal) -> io::Result<()>;
        /// S4, by the attendant: whether there will be a signal.
        fn arm(&self, expected: u32, signal: &Signal) -> bool;
        fn disarm(&self);
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + FutexMemory + 'static> sealed::Selectable
    for Consumer<K, T, M>
{
    fn steps(&mut self, _: Token) -> &mut dyn Steps {
        self
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory + FutexMemory + 'static> Steps for Consumer<K, T, M> {
    fn has_news(&mut self) -> bool {
        let mut waiter = self.as_waiter();
        !matches!(waiter.ready(), Ok(false)) || waiter.departed().is_some()
    }
    fn check_peers(&mut self) {
        let mut waiter = self.as_waiter();
        // Corruption stays, and the next look tells it. Of a truncated file nothing may be touched.
        if waiter.check().is_ok() {
            let _ = waiter.check_peers();
        }
    }
    fn prepare_wait(&mut self) -> u32 {
        let expected = self.seat.bed().prepare_wait();
        self.as_waiter().arm();
        expected
    }
    fn is_fenced(&self) -> bool {
        self.seat.bed().fenced
    }
    fn still_waiting(&mut self) -> bool {
        still_waiting(&mut self.as_waiter())
    }
    fn cancel_wait(&self) {
        self.seat.bed().cancel_wait();
    }
    fn word(&self) -> &ParkWord {
        self.seat.bed().parked.park_word()
    }
    fn is_there(&mut self) -> bool {
        self.as_waiter().check().is_ok()
    }
    fn hire(&mut self, signal: &Signal) -> io::Result<()> {
        self.hire_for(signal)
    }
    fn arm(&self, expected: u32, signal: &Signal) -> bool {
        self.arm_attendant(expected, signal)
    }
    fn disarm(&self) {
        self.disarm_attendant();
    }
}

impl Select {
    /// One that has not waited yet.
    #[must_use]
    pub fn new() -> Self {
        let doorbell = Arc::<Doorbell>::default();
        let ring = {
            let doorbell = doorbell.clone();
            Arc::new(move || doorbell.ring())
        };
        let patience = AdaptiveSpin::new(WaitStrategy::Adaptive);
        Self { turn: 0, patience, asked: Duration::ZERO, waits: 0, can_park_on_many: true, doorbell, ring }
    }

    /// What it does while none has anything, from now on. At first: [`WaitStrategy::Adaptive`].
    pub fn set_wait_strategy(&mut self, how: WaitStrategy) {
        self.patience = AdaptiveSpin::new(how);
    }

    /// Which of `ends` has something, if one does: something to take, or that its producers are gone, or that it is corrupt. The next
    /// call to it says which; or [`PopError::Empty`](crate::PopError::Empty), if producers were gone and others have come since. Waits for
    /// nobody.
    ///
    /// An end whose producers are gone, and from which everything was taken, always has something: leave it out then.
    #[must_use = "it says which of them has something"]
    pub fn try_wait(&mut self, ends: &mut [&mut dyn Selectable]) -> Option<usize> {
        let first = self.turn % ends.len().max(1);
        let (before, after) = ends.split_at_mut(first);
        let mut in_turn = (first..).zip(after).chain((0..).zip(before));
        let found = in_turn.find_map(|(index, end)| end.steps(Token(())).has_news().then_some(index))?;
        self.turn = found + 1;
        Some(found)
    }

    /// The same; waits while none has. None only if there are no `ends`. While it waits, and in about every 64th call,
    /// but ten times a second at most, it asks the system who lives.
    ///
    /// # Examples
    /// See [`Select`].
    #[must_use = "it says which of them has something"]
    pub fn wait(&mut self, ends: &mut [&mut dyn Selectable]) -> Option<usize> {
        self.until(ends, || None)
    }

    /// The same; waits for `timeout` at most: none then.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Select, memory::Heap, spsc::Ring};
    /// # use std::time::Duration;
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// let mut rx = ring.consumer()?;
    /// assert_eq!(Select::new().wait_timeout(&mut [&mut rx], Duration::from_millis(5)), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "it says which of them has something"]
    pub fn wait_timeout(&mut self, ends: &mut [&mut dyn Selectable], timeout: Duration) -> Option<usize> {
        let end = os::monotonic().saturating_add(timeout);
        self.until(ends, || Some(end.saturating_sub(os::monotonic())))
    }

    fn until(
        &mut self,
        ends: &mut [&mut dyn Selectable],
        mut remaining: impl FnMut() -> Option<Duration>,
    ) -> Option<usize> {
        if ends.is_empty() {
            return None;
        }
        // Also while some have something each time, the death of another one's producers is to be told.
        self.waits = self.waits.wrapping_add(1);
        if self.waits % SELDOM == 0 {
            self.check_peers(ends);
        }
        let (most, handovers) = self.patience.begin();
        let mut looks = 0;
        loop {
            if let Some(found) = self.try_wait(ends) {
                self.patience.end((looks <= most).then_some(looks));
                return Some(found);
            }
            if looks < most + handovers {
                if looks < most {
                    pause()
                } else {
                    yield_now()
                }
                looks = looks.saturating_add(ends.len().try_into().unwrap_or(u32::MAX));
                continue;
            }
            let slice = self.check_peers(ends);
            if slice == SLICE {
                if let Some(found) = self.try_wait(ends) {
                    self.patience.end(None);
                    return Some(found);
                }
            }
            let mut limit = || remaining().map_or(slice, |left| left.min(slice));
            if limit().is_zero() {
                self.patience.end(None);
                return None;
            }
            if self.patience.how() == WaitStrategy::Spin {
                looks = 0;
                continue;
            }
            looks = u32::MAX;
            self.sleep(ends, limit);
        }
    }

    /// Asks who lives, once a slice: it takes a system call for each of them. How much of the slice is left.
    fn check_peers(&mut self, ends: &mut [&mut dyn Selectable]) -> Duration {
        let now = os::monotonic();
        let since = now.saturating_sub(self.asked);
        if since < SLICE {
            return SLICE - since;
        }
        self.asked = now;
        ends.iter_mut().for_each(|end| end.steps(Token(())).check_peers());
        SLICE
    }

    /// Sleeps on all words at once, or has attendants do so; for the limit there is when that begins.
    fn sleep(&mut self, ends: &mut [&mut dyn Selectable], limit: impl FnOnce() -> Duration) {
        let mut ends: Vec<_> = ends.iter_mut().map(|end| end.steps(Token(()))).collect();
        let by_doorbell = !self.can_park_on_many || ends.len() > os::MOST_PARKED_ON;
        let has_all = !by_doorbell || ends.iter_mut().all(|end| end.hire(&self.ring).is_ok());
        self.doorbell.reset();
        let expected: Vec<u32> = ends.iter_mut().map(|end| end.prepare_wait()).collect();
        // One for all: a barrier is a fence here too. If it is refused, or if there are no threads to be had, nobody is relied upon.
        let fence_reached_all = heavy_fence(&System, ends.iter().all(|end| end.is_fenced()));
        let limit = if fence_reached_all && has_all { limit() } else { limit().min(NAP) };
        let mut has_slept = false;
        if ends.iter_mut().all(|end| end.still_waiting()) {
            let mut ends = ends.iter().zip(expected);
            if !by_doorbell {
                let words: Vec<_> = ends.map(|(end, expected)| (end.word(), expected)).collect();
                self.can_park_on_many = os::park_on_any(&words, limit);
                has_slept = true;
            } else if ends.all(|(end, expected)| end.arm(expected, &self.ring)) || !has_all {
                self.doorbell.wait(limit);
                has_slept = true;
            }
        }
        for end in ends {
            if by_doorbell {
                end.disarm();
            }
            if !has_slept || end.is_there() {
                end.cancel_wait();
            }
        }
    }
}

impl fmt::Debug for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("turn", &self.turn)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Default for Select {
    fn default() -> Self {
        Self::new()
    }
}
