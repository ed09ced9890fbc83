//! Parking on a futex, and the clock for it.
//!
//! # References
//! futex(2) `FUTEX_WAIT`, `FUTEX_WAKE` (not private: the word is shared between processes); clock_gettime(2).
use core::time::Duration;

use rustix::thread::futex;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::memory::{Heap, StaticMemory};
use crate::wait::{Clock, Park, ParkWord};

/// Sleeps while the word holds `expected`, for `limit` at most.
pub(crate) fn park(word: &ParkWord, expected: u32, limit: Duration) {
    let limit = Timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // Any outcome means: look again. Another value, a wake-up, a signal, the time.
    let _ = futex::wait(word.half().as_atomic(), futex::Flags::empty(), expected, Some(&limit));
}

/// Wakes whoever sleeps on the word.
pub(crate) fn unpark(word: &ParkWord) {
    // Cannot fail for a mapped, aligned word.
    let _ = futex::wake(word.half().as_atomic(), futex::Flags::empty(), u32::MAX >> 1);
}

/// Time since boot, the time asleep left out.
pub(crate) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

impl Park for Heap {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        park(word, expected, limit);
    }
    fn unpark(&self, word: &ParkWord) {
        unpark(word);
    }
}

impl Clock for Heap {
    fn now(&self) -> Duration {
        monotonic()
    }
}

impl crate::recovery::Liveness for Heap {}

impl<const N: usize> Park for &'static StaticMemory<N> {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        park(word, expected, limit);
    }
    fn unpark(&self, word: &ParkWord) {
        unpark(word);
    }
}

impl<const N: usize> Clock for &'static StaticMemory<N> {
    fn now(&self) -> Duration {
        monotonic()
    }
}
