//! Parking on a futex, the barrier before it, and the clock for its time limit.
//!
//! # References
//! futex(2) `FUTEX_WAIT`, `FUTEX_WAKE` (not private: processes share the word), `futex_waitv`;
//! membarrier(2) `MEMBARRIER_CMD_GLOBAL_EXPEDITED`; clock_gettime(2).
use core::time::Duration;

use rustix::io::Errno;
use rustix::thread::{MembarrierCommand, futex, membarrier};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::memory::{Clock, Heap, Liveness, Park, ParkWord, StaticMemory};

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: time.subsec_nanos().into() }
}

/// Sleeps while the word holds `expected`, for `limit` at most.
fn park(word: &ParkWord, expected: u32, limit: Duration) {
    // The caller looks again after every outcome: another value, a wake-up, a signal, the time.
    let _ = futex::wait(word.half().as_atomic(), futex::Flags::empty(), expected, Some(&timespec(limit)));
}

/// The largest number of words on which a thread can sleep at once.
pub(crate) const MOST_PARKED_ON: usize = 128;

/// See [`FutexMemory::park_on_any`].
fn park_on_any(words: &[(&ParkWord, u32)], limit: Duration) -> bool {
    let mut waits = [futex::Wait::new(); MOST_PARKED_ON];
    for (wait, (word, expected)) in waits.iter_mut().zip(words) {
        wait.val = (*expected).into();
        wait.uaddr = futex::WaitPtr::new(word.half().as_atomic().as_ptr().cast());
        wait.flags = futex::WaitFlags::SIZE_U32;
    }
    let Some(waits) = waits.get(..words.len()) else { return false };
    let until = timespec(monotonic().saturating_add(limit));
    let woken = futex::waitv(waits, futex::WaitvFlags::empty(), Some(&until), ClockId::Monotonic);
    // The caller looks again after every other outcome: another value, a wake-up, a signal, the
    // time.
    !matches!(woken, Err(Errno::NOSYS | Errno::PERM | Errno::INVAL))
}

/// Memory whose waiters park on futexes, on several at once if needed: [`Mapping`](crate::Mapping),
/// heaps and statics.
pub trait FutexMemory {
    /// Sleeps while each word holds its expected value, for `limit` at most. Returns `false` if the
    /// system cannot do that. The words may lie in different memories.
    fn park_on_any(&self, words: &[(&ParkWord, u32)], limit: Duration) -> bool {
        park_on_any(words, limit)
    }
}

/// Parks without a memory: the calls are the same for every [`FutexMemory`].
pub(crate) struct SystemPark;

impl FutexMemory for SystemPark {}
impl FutexMemory for Heap {}
impl<const N: usize> FutexMemory for &'static StaticMemory<N> {}

/// Wakes at most `most` threads that sleep on the word, the longest-waiting first. Returns how many
/// it woke.
fn unpark(word: &ParkWord, most: u32) -> u32 {
    // Cannot fail for a mapped, aligned word.
    let woken = futex::wake(word.half().as_atomic(), futex::Flags::empty(), most.min(u32::MAX >> 1));
    woken.map_or(0, |woken| woken as u32)
}

/// Registers this process for barriers. Returns whether the system does so. Every call asks the
/// system: that is cheap, and a forked child need not be registered like its parent.
fn register_barrier() -> bool {
    membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok()
}

/// A full fence in every registered process, and in this thread. Returns whether the system does
/// so.
fn barrier() -> bool {
    membarrier(MembarrierCommand::GlobalExpedited).is_ok()
}

/// Time since boot, without the time that the machine was suspended.
pub(crate) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

impl<M: FutexMemory> Park for M {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        park(word, expected, limit);
    }
    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        unpark(word, most)
    }
    fn register_barrier(&self) -> bool {
        register_barrier()
    }
    fn barrier(&self) -> bool {
        barrier()
    }
}

impl<M: FutexMemory> Clock for M {
    fn now(&self) -> Duration {
        monotonic()
    }
}

impl Liveness for Heap {}
