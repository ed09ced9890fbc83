//! Parking on a futex, with the barrier before it and the clock for it.
//!
//! # References
//! futex(2) `FUTEX_WAIT`, `FUTEX_WAKE` (not private: the word is shared between processes), `futex_waitv`; membarrier(2)
//! `MEMBARRIER_CMD_GLOBAL_EXPEDITED`; clock_gettime(2).
use core::time::Duration;

use rustix::io::Errno;
use rustix::thread::{MembarrierCommand, futex, membarrier};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::memory::{Clock, Heap, Liveness, Park, ParkWord, StaticMemory};

/// Sleeps while the word holds `expected`, for `limit` at most.
fn park(word: &ParkWord, expected: u32, limit: Duration) {
    let limit = Timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // Any outcome means: look again. Another value, a wake-up, a signal, the time.
    let _ = futex::wait(word.half().as_atomic(), futex::Flags::empty(), expected, Some(&limit));
}

/// On no more words than this can a thread sleep at once.
pub(crate) const MOST_PARKED_ON: usize = 128;

/// Sleeps while each word holds what is expected of it, for `limit` at most; whether the system can do that.
pub(crate) fn park_on_any(words: &[(&ParkWord, u32)], limit: Duration) -> bool {
    let mut waits = [futex::Wait::new(); MOST_PARKED_ON];
    for (wait, (word, expected)) in waits.iter_mut().zip(words) {
        wait.val = (*expected).into();
        wait.uaddr = futex::WaitPtr::new(word.half().as_atomic().as_ptr().cast());
        wait.flags = futex::WaitFlags::SIZE_U32;
    }
    let Some(waits) = waits.get(..words.len()) else { return false };
    let until = monotonic() + limit;
    let until = Timespec {
        tv_sec: until.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: until.subsec_nanos().into(),
    };
    let woken = futex::waitv(waits, futex::WaitvFlags::empty(), Some(&until), ClockId::Monotonic);
    // Any other outcome means: look again. Another value, a wake-up, a signal, the time.
    !matches!(woken, Err(Errno::NOSYS | Errno::PERM | Errno::INVAL))
}

/// What parks on futexes, on several at once if need be: [`Mapping`](crate::Mapping), heaps and statics.
pub trait FutexMemory {}

/// What is the same for all of them.
pub(crate) struct System;

impl FutexMemory for super::Mapping {}
impl FutexMemory for System {}
impl FutexMemory for Heap {}
impl<const N: usize> FutexMemory for &'static StaticMemory<N> {}

/// Wakes those who sleep on the word, who has slept longest first; how many it woke.
fn unpark(word: &ParkWord, most: u32) -> u32 {
    // Cannot fail for a mapped, aligned word.
    let woken = futex::wake(word.half().as_atomic(), futex::Flags::empty(), most.min(u32::MAX >> 1));
    woken.map_or(0, |woken| woken as u32)
}

/// Has this process reached by barriers from now on; whether the system does so. Asked anew each time: it is
/// cheap, and a forked child need not have what its parent had.
fn register_barrier() -> bool {
    membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok()
}

/// A full fence in every process that joined, and in this thread; whether the system does so.
fn barrier() -> bool {
    membarrier(MembarrierCommand::GlobalExpedited).is_ok()
}

/// Time since boot, the time asleep left out.
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
