//! Memory for the model checker.
//!
//! Loom's atomics cannot be laid over raw bytes. So here a region is an array of model cells, each
//! with a loom atomic and a loom `UnsafeCell` for the same eight bytes.
//!
//! A word of the segment is used either as a control word or as payload, never as both, so the two
//! never have to agree. Payload is in `UnsafeCell`s because loom reports unordered access to those.
//! When payload was made of atomics, a weakened HEAD went unnoticed.
use std::sync::Arc;
use std::vec::Vec;

use core::mem::MaybeUninit;
use core::time::Duration;
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU32;

use system::FutexMemory as _;

use super::{Clock, Liveness, Memory, Park, ParkWord, SeatLock, Span};
use crate::sync::{Acquire, Half, Relaxed, Release, Word, crash};

struct Cell {
    word: Word,
    half: Half,
    bytes: UnsafeCell<[u8; 8]>,
}

// SAFETY: loom checks that no two threads access the `UnsafeCell` without order.
unsafe impl Send for Cell {}
// SAFETY: as above.
unsafe impl Sync for Cell {}

/// The bytes of the model (see the module's page).
#[derive(Clone)]
pub struct Region {
    /// Shared, and the numbers are narrow, because loom's stacks are small.
    cells: Arc<Vec<Cell>>,
    /// In bytes from the start of `cells`.
    start: u32,
    /// In bytes.
    len: u32,
}

impl Region {
    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the length is 0.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_aligned(&self) -> bool {
        true
    }

    /// The index in `cells`, in bytes, of the byte at `at`.
    fn byte(&self, at: usize) -> usize {
        assert!(at < self.len(), "access outside the region");
        self.start as usize + at
    }

    /// # Safety
    /// No conditions: the model checks its bounds.
    pub(super) unsafe fn part(&self, at: usize, len: usize) -> Self {
        assert!(at + len <= self.len(), "access outside the region");
        Self { cells: self.cells.clone(), start: self.start + at as u32, len: len as u32 }
    }

    /// # Safety
    /// No conditions: the model checks its bounds.
    pub(super) unsafe fn word_at(&self, at: usize) -> &Word {
        &self.cells[self.byte(at) / 8].word
    }

    /// # Safety
    /// No conditions: the model checks its bounds.
    pub(super) unsafe fn half_at(&self, at: usize) -> &Half {
        &self.cells[self.byte(at) / 8].half
    }

    /// # Safety
    /// `src` is readable for `len` bytes.
    pub(super) unsafe fn write(&self, at: usize, src: *const u8, len: usize) {
        if !crash::may_write() {
            return;
        }
        crash::has_written();
        for i in 0..len {
            // SAFETY: `i < len`, readable by contract.
            let from = unsafe { src.add(i) };
            // SAFETY: `from` is readable, by the line above.
            let byte = unsafe { from.read() };
            let to = self.byte(at + i);
            self.cells[to / 8].bytes.with_mut(|cell| {
                // SAFETY: loom fails the model at any access that is not ordered with this one.
                let cell = unsafe { &mut *cell };
                cell[to % 8] = byte;
            });
        }
    }

    /// # Safety
    /// `dst` is writable for `len` bytes.
    pub(super) unsafe fn read(&self, at: usize, dst: *mut u8, len: usize) {
        for i in 0..len {
            let from = self.byte(at + i);
            let byte = self.cells[from / 8].bytes.with(|cell| {
                // SAFETY: loom fails the model at any access that is not ordered with this one.
                let cell = unsafe { &*cell };
                cell[from % 8]
            });
            // SAFETY: `i < len`, writable by contract.
            let to = unsafe { dst.add(i) };
            // SAFETY: `to` is writable, by the line above.
            unsafe { to.write(byte) }
        }
    }

    /// # Safety
    /// All bytes of `value` are initialised.
    pub(super) unsafe fn put<T>(&self, at: usize, value: &T) {
        // SAFETY: a value is readable for its size, which is this call's length.
        unsafe { self.write(at, core::ptr::from_ref(value).cast(), size_of::<T>()) }
    }

    /// # Safety
    /// No conditions: the model checks its bounds.
    pub(super) unsafe fn value<T>(&self, at: usize) -> MaybeUninit<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: `value` is writable for its size, which is this call's length.
        unsafe { self.read(at, value.as_mut_ptr().cast(), size_of::<T>()) }
        value
    }
}

/// A [`Memory`] for models: `--cfg loom` only.
///
/// It parks on a loom condition variable. Like a heap it cannot prove deaths, unless it is made
/// [`with_witness`](Self::with_witness).
#[derive(Clone)]
pub struct Model {
    region: Region,
    parking: Arc<Parking>,
    fences: bool,
    witness: Option<Arc<Witness>>,
}

struct Parking {
    lot: loom::sync::Mutex<Lot>,
    /// Notified after each change of `lot`.
    changed: loom::sync::Condvar,
}

#[derive(Default)]
struct Lot {
    /// Whether a participant was declared dead.
    has_dead: bool,
    /// The parked threads, longest asleep first: each one's number, and the addresses of its words.
    asleep: Vec<(u32, Vec<usize>)>,
    /// The number of the next thread that parks.
    next: u32,
}

/// A model of the kernel's file locks: one word per role block, 1 while a living participant holds
/// the lock.
///
/// All accesses are exchanges, because a lock never shows an old value. The edges are the kernel's:
/// from a release, also from the release by a death, to the participant that next acquires the lock
/// or finds it free.
struct Witness {
    locks: Vec<AtomicU32>,
}

impl Witness {
    /// The size of a role block, and the distance between two of them. In bytes.
    const BLOCK: u64 = 512;

    fn lock(&self, block: u64) -> Option<&AtomicU32> {
        self.locks.get((block / Self::BLOCK) as usize)
    }
}

impl Model {
    /// `len` bytes, all zero, for models in which no thread parks.
    ///
    /// Participants publish without fences, as in a ring where barriers reach every participant. So
    /// only the edges themselves order anything.
    pub fn new(len: usize) -> Self {
        Self { fences: false, ..Self::with_fences(len) }
    }

    /// `len` bytes, all zero, for models in which a thread parks. Participants publish with full
    /// fences.
    pub fn with_fences(len: usize) -> Self {
        let cell = || Cell { word: Word::new(0), half: Half::new(0), bytes: UnsafeCell::new([0; 8]) };
        let parking =
            Parking { lot: loom::sync::Mutex::new(Lot::default()), changed: loom::sync::Condvar::new() };
        Self {
            region: Region {
                cells: Arc::new((0..len.div_ceil(8)).map(|_| cell()).collect()),
                start: 0,
                len: len.next_multiple_of(8) as u32,
            },
            parking: Arc::new(parking),
            fences: true,
            witness: None,
        }
    }

    /// The same memory. A thread can park on a word of it and on one of `other` at the same time.
    #[must_use]
    pub fn beside(self, other: &Self) -> Self {
        Self { parking: other.parking.clone(), ..self }
    }

    /// The same memory, in which the first `seats` role blocks hide their display words (see
    /// `docs::format`) from loom.
    ///
    /// No participant decides anything by these words, and each read of a word that loom knows
    /// doubles the model.
    #[must_use]
    pub fn with_seats(mut self, seats: usize) -> Self {
        let blocks = (1..=seats).map(|block| block * Witness::BLOCK as usize);
        let display = blocks.flat_map(|block| (block + 264..block + 384).step_by(8));
        if let Some(cells) = Arc::get_mut(&mut self.region.cells) {
            display.for_each(|at| cells[at / 8].word = Word::plain(0));
        }
        self
    }

    /// The same memory with a witness: a participant that has locked a seat is alive until
    /// [`declare_dead`](Self::declare_dead) is called for its seat.
    #[must_use]
    pub fn with_witness(self) -> Self {
        let blocks = (self.region.len() as u64).div_ceil(Witness::BLOCK);
        let locks = (0..blocks).map(|_| AtomicU32::new(0)).collect();
        Self { witness: Some(Arc::new(Witness { locks })), ..self }
    }

    /// Runs `body` on `end` and stops it for ever before its shared write number `writes + 1`.
    /// Returns `true` if `body` ended before that.
    ///
    /// In both cases `end` disappears without a trace: it does not release its seat, and no peer is
    /// notified.
    pub fn crash_after<E>(writes: u32, end: E, body: impl FnOnce(&mut E)) -> bool {
        crash::run(writes, end, body)
    }

    /// Declares the holder of the seat whose role block starts at `block` dead: the witness can
    /// prove it from now on. `block` is in bytes from the start of the region.
    ///
    /// From then on time passes, so each park ends after a slice.
    pub fn declare_dead(&self, block: u64) {
        if let Some(lock) = self.witness.as_ref().and_then(|witness| witness.lock(block)) {
            // Release: like the kernel's lock at the end of its holder, pairs with `lock_seat` and
            // `is_proved_dead`; all that the holder did is visible to the participant that proves
            // the death.
            lock.swap(0, Release);
        }
        if let Ok(mut lot) = self.parking.lot.lock() {
            lot.has_dead = true;
            lot.asleep.clear();
        }
        self.parking.changed.notify_all();
    }
}

// SAFETY: the handle keeps the cells alive, and nothing else refers to them.
unsafe impl Memory for Model {
    fn region(&self) -> Region {
        self.region.clone()
    }
}

impl Liveness for Model {
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        let Some(witness) = &self.witness else { return Ok(SeatLock::Unsupported) };
        let Some(lock) = witness.lock(seat.start()) else { return Err(0) };
        if !crash::may_write() {
            return Ok(SeatLock::Held);
        }
        // Acquire: like the kernel's lock, pairs with `unlock_seat` and `declare_dead`; all that
        // the last holder did is visible.
        Ok(match lock.compare_exchange(0, 1, Acquire, Relaxed) {
            Ok(_) => SeatLock::Acquired,
            Err(_) => SeatLock::Held,
        })
    }

    fn unlock_seat(&self, seat: Span) {
        if let Some(lock) = self.witness.as_ref().and_then(|witness| witness.lock(seat.start())) {
            crash::write(|| {
                // Release: like the kernel's lock, pairs with `lock_seat`; the next holder sees all
                // that this one did.
                lock.swap(0, Release);
            });
        }
    }

    fn is_proved_dead(&self, seat: Span) -> bool {
        let lock = self.witness.as_ref().and_then(|witness| witness.lock(seat.start()));
        // Acquire: like the kernel's lock, pairs with `unlock_seat` and `declare_dead`; an
        // exchange, so that it never returns an old value.
        lock.is_some_and(|lock| lock.fetch_or(0, Acquire) == 0)
    }

    /// A participant that has stopped releases nothing.
    fn is_own_process(&self) -> bool {
        !crash::has_stopped()
    }
}

impl system::FutexMemory for Model {
    /// Parks like a futex: it compares the values under the lock that the waker takes, so no
    /// wake-up is lost between the comparison and the sleep.
    ///
    /// A park in the model has no time limit until a participant is declared dead. So a lost
    /// wake-up is a deadlock, which loom reports.
    fn park_on_any(&self, words: &[(&ParkWord, u32)], _limit: Duration) -> bool {
        let Ok(mut lot) = self.parking.lot.lock() else { return true };
        if lot.has_dead {
            drop(lot);
            loom::thread::yield_now();
            return true;
        }
        if words.iter().any(|(word, expected)| word.value() != *expected) {
            return true;
        }
        let number = lot.next;
        lot.next += 1;
        lot.asleep.push((number, words.iter().map(|(word, _)| core::ptr::from_ref(*word).addr()).collect()));
        while lot.asleep.iter().any(|(asleep, _)| *asleep == number) {
            let Ok(again) = self.parking.changed.wait(lot) else { return true };
            lot = again;
        }
        true
    }
}

impl Park for Model {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        self.park_on_any(&[(word, expected)], limit);
    }

    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        let mut woken = 0;
        crash::write(|| {
            if let Ok(mut lot) = self.parking.lot.lock() {
                lot.asleep.retain(|(_, words)| {
                    let stays = !words.contains(&core::ptr::from_ref(word).addr()) || woken == most;
                    woken += u32::from(!stays);
                    stays
                });
            }
            self.parking.changed.notify_all();
        });
        woken
    }

    /// The model has no barriers. It pretends to have them where no fences are needed: in models in
    /// which no thread parks and no lane is idle.
    fn register_barrier(&self) -> bool {
        !self.fences
    }
}

/// What `os` offers to a `Select`, for models.
pub(crate) mod system {
    use super::*;

    /// See `FutexMemory` in `os`.
    pub trait FutexMemory {
        fn park_on_any(&self, words: &[(&ParkWord, u32)], limit: Duration) -> bool;
    }

    /// A number that no model comes near.
    pub(crate) const MOST_PARKED_ON: usize = 128;

    /// Always 0: time stands still.
    pub(crate) fn monotonic() -> Duration {
        Duration::ZERO
    }

    /// Parks nothing, and has no barriers.
    pub(crate) struct SystemPark;

    impl Park for SystemPark {}

    impl Clock for SystemPark {
        fn now(&self) -> Duration {
            monotonic()
        }
    }
}

impl Clock for Model {
    /// Always 0: time stands still.
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}
