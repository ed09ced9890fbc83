//! Memory for the model checker: loom's atomics cannot be laid over raw bytes, so here a region is an
//! array of model cells, each with a loom atomic and a loom `UnsafeCell` for the same eight bytes.
//!
//! A word of the segment is used either as a control word or as payload, never as both, so the two never
//! have to agree. Payload stands in `UnsafeCell`s because loom reports unordered access to those;
//! as atomics, a weakened HEAD went unnoticed.
use std::sync::Arc;
use std::vec::Vec;

use core::mem::MaybeUninit;
use core::time::Duration;
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU32;

use super::{SeatLock, Clock, Liveness, Memory, Park, ParkWord, Span};
use crate::sync::{Acquire, Half, Relaxed, Release, Word, crash};

struct Cell {
    word: Word,
    half: Half,
    bytes: UnsafeCell<[u8; 8]>,
}

// SAFETY: loom itself checks that the `UnsafeCell` is never accessed without order.
unsafe impl Send for Cell {}
// SAFETY: as above.
unsafe impl Sync for Cell {}

/// The model's bytes (see the module docs).
#[derive(Clone)]
pub struct Region {
    /// Small, as loom's stacks are.
    cells: Arc<Vec<Cell>>,
    /// In bytes.
    start: u32,
    len: u32,
}

impl Region {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether it has no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_aligned(&self) -> bool {
        true
    }

    /// Where the byte `at` is.
    fn byte(&self, at: usize) -> usize {
        assert!(at < self.len(), "outside of the region");
        self.start as usize + at
    }

    /// # Safety
    /// None: the model checks its bounds.
    pub(super) unsafe fn part(&self, at: usize, len: usize) -> Self {
        assert!(at + len <= self.len(), "outside of the region");
        Self { cells: self.cells.clone(), start: self.start + at as u32, len: len as u32 }
    }

    /// # Safety
    /// None: the model checks its bounds.
    pub(super) unsafe fn word_at(&self, at: usize) -> &Word {
        &self.cells[self.byte(at) / 8].word
    }

    /// # Safety
    /// None: the model checks its bounds.
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
            // SAFETY: as above.
            let byte = unsafe { from.read() };
            let to = self.byte(at + i);
            self.cells[to / 8].bytes.with_mut(|cell| {
                // SAFETY: loom reports any access that is not ordered with this one.
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
                // SAFETY: loom reports any access that is not ordered with this one.
                let cell = unsafe { &*cell };
                cell[from % 8]
            });
            // SAFETY: `i < len`, writable by contract.
            let to = unsafe { dst.add(i) };
            // SAFETY: as above.
            unsafe { to.write(byte) }
        }
    }

    /// # Safety
    /// All bytes of `value` are initialised.
    pub(super) unsafe fn put<T>(&self, at: usize, value: &T) {
        // SAFETY: a value is readable for its size.
        unsafe { self.write(at, core::ptr::from_ref(value).cast(), size_of::<T>()) }
    }

    /// # Safety
    /// None: the model checks its bounds.
    pub(super) unsafe fn value<T>(&self, at: usize) -> MaybeUninit<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: `value` is writable for its size.
        unsafe { self.read(at, value.as_mut_ptr().cast(), size_of::<T>()) }
        value
    }
}

/// A [`Memory`] for models: `--cfg loom` only. It parks on a loom condition variable. Like a heap it has no proof of
/// death, unless it is made [`with_witness`](Self::with_witness).
#[derive(Clone)]
pub struct Model {
    region: Region,
    parking: Arc<Parking>,
    fences: bool,
    witness: Option<Arc<Witness>>,
}

struct Parking {
    lot: loom::sync::Mutex<Lot>,
    bell: loom::sync::Condvar,
}

#[derive(Default)]
struct Lot {
    /// Whether somebody was buried.
    has_dead: bool,
    /// Who sleeps, by number, and on which word; who has slept longest first.
    asleep: Vec<(u32, usize)>,
    /// The number of who parks next.
    next: u32,
}

/// What the kernel's locks are: for each role block a word, 1 while somebody alive holds it.
///
/// All accesses are exchanges, as a lock is never seen as it was before; the edges are the kernel's, from a release, also that by
/// a death, to whoever claims the lock or finds it free.
struct Witness {
    locks: Vec<AtomicU32>,
}

impl Witness {
    /// A role block's bytes, and so the distance of their starts.
    const BLOCK: u64 = 512;

    fn lock(&self, block: u64) -> Option<&AtomicU32> {
        self.locks.get((block / Self::BLOCK) as usize)
    }
}

impl Model {
    /// `len` bytes, all zero, for models in which nobody parks: publishing is without fences, as it is where sleepers'
    /// barriers reach everybody, so that nothing is ordered but by the edges themselves.
    pub fn new(len: usize) -> Self {
        Self { fences: false, ..Self::with_fences(len) }
    }

    /// `len` bytes, all zero, for models in which somebody parks: publishing is with full fences.
    pub fn with_fences(len: usize) -> Self {
        let cell = || Cell { word: Word::new(0), half: Half::new(0), bytes: UnsafeCell::new([0; 8]) };
        let parking =
            Parking { lot: loom::sync::Mutex::new(Lot::default()), bell: loom::sync::Condvar::new() };
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

    /// The same memory, in which the first `seats` role blocks are known: of their words that are for display (see `layout`)
    /// loom knows nothing. Nothing is decided by them, and each doubles the model whenever it is read.
    #[must_use]
    pub fn with_seats(mut self, seats: usize) -> Self {
        let blocks = (1..=seats).map(|block| block * Witness::BLOCK as usize);
        let display = blocks.flat_map(|block| (block + 264..block + 384).step_by(8));
        if let Some(cells) = Arc::get_mut(&mut self.region.cells) {
            display.for_each(|at| cells[at / 8].word = Word::plain(0));
        }
        self
    }

    /// The same memory with a witness, who believes all that have claimed a seat to be alive until they are
    /// [buried](Self::declare_dead).
    #[must_use]
    pub fn with_witness(self) -> Self {
        let blocks = (self.region.len() as u64).div_ceil(Witness::BLOCK);
        let locks = (0..blocks).map(|_| AtomicU32::new(0)).collect();
        Self { witness: Some(Arc::new(Witness { locks })), ..self }
    }

    /// Runs `body` on `end`, as somebody who makes `writes` shared writes and, about to make another, stops for ever; whether
    /// it came to its end before. Either way `end` goes without a trace: it is not left, and nobody knows.
    pub fn crash<E>(writes: u32, end: E, body: impl FnOnce(&mut E)) -> bool {
        crash::run(writes, end, body)
    }

    /// The witness knows from now on that whoever held the seat whose role block starts at `block` is dead. From then on time
    /// passes: each park ends after a slice.
    pub fn declare_dead(&self, block: u64) {
        if let Some(lock) = self.witness.as_ref().and_then(|witness| witness.lock(block)) {
            // Release: as the kernel's lock, when its holder has ended: all that it did is visible to who proves it.
            lock.swap(0, Release);
        }
        if let Ok(mut lot) = self.parking.lot.lock() {
            lot.has_dead = true;
            lot.asleep.clear();
        }
        self.parking.bell.notify_all();
    }
}

// SAFETY: the cells are kept alive by the handle, and nothing else refers to them.
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
        // Acquire: as the kernel's lock: what the last holder did is visible.
        Ok(match lock.compare_exchange(0, 1, Acquire, Relaxed) {
            Ok(_) => SeatLock::Acquired,
            Err(_) => SeatLock::Held,
        })
    }

    fn unlock_seat(&self, seat: Span) {
        if let Some(lock) = self.witness.as_ref().and_then(|witness| witness.lock(seat.start())) {
            crash::write(|| {
                // Release: as the kernel's lock; who claims it next sees what was done.
                lock.swap(0, Release);
            });
        }
    }

    fn is_proved_dead(&self, seat: Span) -> bool {
        let lock = self.witness.as_ref().and_then(|witness| witness.lock(seat.start()));
        // Acquire: as the kernel's lock; an exchange, so that it is never an old value.
        lock.is_some_and(|lock| lock.fetch_or(0, Acquire) == 0)
    }

    /// Whoever has stopped drops nothing.
    fn is_own_process(&self) -> bool {
        !crash::has_stopped()
    }
}

impl Park for Model {
    /// As a futex does it: the value is compared under the lock that the waker takes, so no wake-up falls
    /// between the comparison and the sleep. There are no slices in the model until somebody is buried: a lost wake-up is a
    /// deadlock, which loom reports.
    fn park(&self, word: &ParkWord, expected: u32, _limit: Duration) {
        let Ok(mut lot) = self.parking.lot.lock() else { return };
        if lot.has_dead {
            drop(lot);
            loom::thread::yield_now();
            return;
        }
        if word.value() != expected {
            return;
        }
        let number = lot.next;
        lot.next += 1;
        lot.asleep.push((number, core::ptr::from_ref(word).addr()));
        while lot.asleep.iter().any(|(asleep, _)| *asleep == number) {
            let Ok(again) = self.parking.bell.wait(lot) else { return };
            lot = again;
        }
    }

    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        let mut woken = 0;
        crash::write(|| {
            if let Ok(mut lot) = self.parking.lot.lock() {
                lot.asleep.retain(|(_, at)| {
                    let stays = *at != core::ptr::from_ref(word).addr() || woken == most;
                    woken += u32::from(!stays);
                    stays
                });
            }
            self.parking.bell.notify_all();
        });
        woken
    }

    /// There are none in the model: without fences nobody parks, and no lane rests.
    fn register_barrier(&self) -> bool {
        !self.fences
    }
}

impl Clock for Model {
    /// Time stands still.
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}
