//! A segment that counts parks and wake-up calls.
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ringway::Message;
use ringway::memory::{Clock, Liveness, Park, ParkWord, SeatLock};
use ringway::memory::{Memory, Region, Span};
use ringway::ring::{self, Kind};
use ringway::{Identity, Mapping};

/// A segment that notes the parks and wake-up calls of this process.
#[derive(Clone)]
pub struct Watched {
    mapping: Mapping,
    pub notes: Arc<Notes>,
}

/// The parks and wake-up calls of this process in a segment so far.
#[derive(Default)]
pub struct Notes {
    /// Wake-up calls.
    pub calls: AtomicU64,
    /// How many threads they woke.
    pub woken: AtomicU64,
    /// Parks.
    pub parks: AtomicU64,
    /// When the last slice ended that a thread slept through, in nanoseconds, by [`now`]. 0 if
    /// there is none.
    slept_until: AtomicU64,
    /// One more than the descriptor of the consumer. 0 if it has none.
    pub descriptor: AtomicI32,
}

thread_local! {
    /// When the last slice ended that this thread slept through.
    static SLEPT_UNTIL: Cell<Option<u64>> = const { Cell::new(None) };
}

/// When a park of this thread ended because its slice was over, since the last call of this
/// function.
pub fn slept_through_here() -> Option<u64> {
    SLEPT_UNTIL.take()
}

impl Notes {
    /// Whether the descriptor is readable.
    fn is_signalled(&self) -> bool {
        let mut fd = libc::pollfd { fd: self.descriptor.load(Relaxed) - 1, events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure of this function. A number that is no open descriptor does no harm.
        unsafe { libc::poll(&raw mut fd, 1, 0) == 1 && fd.revents == libc::POLLIN }
    }

    /// Like [`slept_through_here`], for any thread.
    pub fn slept_through(&self) -> Option<u64> {
        if self.slept_until.load(Relaxed) == 0 {
            return None;
        }
        Some(self.slept_until.swap(0, Relaxed))
    }
}

/// The time in nanoseconds, on a clock that all processes share.
pub fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The ring in that segment, through another mapping.
pub fn watched<K: Kind, T: Message + ?Sized>(ring: &ring::Ring<K, T>) -> ring::Ring<K, T, Watched> {
    let memory = Watched { mapping: ring.memory().clone(), notes: Arc::default() };
    ring::Ring::attach(memory).unwrap()
}

impl Park for Watched {
    /// Parks like the library, which does not report how a park ended.
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        self.notes.parks.fetch_add(1, Relaxed);
        let until = now() + limit.as_nanos() as u64;
        let rest = libc::timespec {
            tv_sec: limit.as_secs() as libc::time_t,
            // Fits in 32 bits, too: it is less than 10^9.
            tv_nsec: limit.subsec_nanos() as libc::c_long,
        };
        // SAFETY: the word lives as long as the segment is mapped; the kernel only reads it and the
        // time.
        let ended = unsafe {
            libc::syscall(
                libc::SYS_futex,
                std::ptr::from_ref(word),
                libc::FUTEX_WAIT,
                expected,
                &raw const rest,
            )
        };
        let is_over = ended == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ETIMEDOUT);
        // A nap does not rely on a wake-up, and a waker thread that has given its signal has
        // nothing to wait for.
        if is_over && limit >= Duration::from_millis(50) && !self.notes.is_signalled() {
            self.notes.slept_until.store(until, Relaxed);
            SLEPT_UNTIL.set(Some(until));
        }
    }
    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        let woken = self.mapping.unpark(word, most);
        self.notes.calls.fetch_add(1, Relaxed);
        self.notes.woken.fetch_add(woken.into(), Relaxed);
        woken
    }
    fn register_barrier(&self) -> bool {
        self.mapping.register_barrier()
    }
    fn barrier(&self) -> bool {
        self.mapping.barrier()
    }
}

impl Liveness for Watched {
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        self.mapping.lock_seat(seat)
    }
    fn unlock_seat(&self, seat: Span) {
        self.mapping.unlock_seat(seat);
    }
    fn is_proved_dead(&self, seat: Span) -> bool {
        self.mapping.is_proved_dead(seat)
    }
    fn is_running(&self, who: &Identity) -> bool {
        self.mapping.is_running(who)
    }
    fn is_own_process(&self) -> bool {
        self.mapping.is_own_process()
    }
    fn identity(&self) -> Identity {
        self.mapping.identity()
    }
}

impl Clock for Watched {
    fn now(&self) -> Duration {
        self.mapping.now()
    }
}

// SAFETY: this is the region of the mapping, which lives as long as this value.
unsafe impl Memory for Watched {
    fn region(&self) -> Region {
        self.mapping.region()
    }
    fn len_now(&self) -> u64 {
        self.mapping.len_now()
    }

    fn is_unlinked(&self) -> bool {
        self.mapping.is_unlinked()
    }
}
