//! Memory for the model checker: loom's atomics cannot be laid over raw bytes, so here a region is an
//! array of model cells, each with a loom atomic and a loom `UnsafeCell` for the same eight bytes.
//!
//! A word of the segment is used either as a control word or as payload, never as both, so the two never
//! have to agree. Payload stands in `UnsafeCell`s because loom reports unordered access to those;
//! as atomics, a weakened HEAD went unnoticed.
use std::sync::Arc;

use loom::cell::UnsafeCell;

use super::{Liveness, Memory, Park, ParkWord};
use crate::sync::{Half, Word};

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
    cells: Arc<[Cell]>,
}

impl Region {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.cells.len() * 8
    }

    /// Whether it has no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub(crate) fn is_aligned(&self) -> bool {
        true
    }

    /// # Safety
    /// None: the model checks its bounds.
    pub(super) unsafe fn word_at(&self, at: usize) -> &Word {
        &self.cells[at / 8].word
    }

    /// # Safety
    /// None: the model checks its bounds.
    pub(super) unsafe fn half_at(&self, at: usize) -> &Half {
        &self.cells[at / 8].half
    }

    /// # Safety
    /// `src` is readable for `len` bytes.
    pub(super) unsafe fn write(&self, at: usize, src: *const u8, len: usize) {
        for i in 0..len {
            // SAFETY: `i < len`, readable by contract.
            let from = unsafe { src.add(i) };
            // SAFETY: as above.
            let byte = unsafe { from.read() };
            let to = at + i;
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
            let from = at + i;
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
}

/// A [`Memory`] for models: `--cfg loom` only. It parks on a loom condition variable and has no proof of
/// death, like a heap.
#[derive(Clone)]
pub struct Model {
    region: Region,
    parking: Arc<Parking>,
    fences: bool,
}

struct Parking {
    lot: loom::sync::Mutex<()>,
    bell: loom::sync::Condvar,
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
        let parking = Parking { lot: loom::sync::Mutex::new(()), bell: loom::sync::Condvar::new() };
        Self {
            region: Region { cells: (0..len.div_ceil(8)).map(|_| cell()).collect() },
            parking: Arc::new(parking),
            fences: true,
        }
    }
}

// SAFETY: the cells are kept alive by the handle, and nothing else refers to them.
unsafe impl Memory for Model {
    fn region(&self) -> Region {
        self.region.clone()
    }
}

impl Liveness for Model {}

impl Park for Model {
    /// As a futex does it: the value is compared under the lock that the waker takes, so no wake-up falls
    /// between the comparison and the sleep. There are no slices in the model: a lost wake-up is a deadlock,
    /// which loom reports.
    fn park(&self, word: &ParkWord, expected: u32, _limit: core::time::Duration) {
        let Ok(guard) = self.parking.lot.lock() else { return };
        if word.value() == expected {
            drop(self.parking.bell.wait(guard));
        }
    }

    fn unpark(&self, _word: &ParkWord) {
        drop(self.parking.lot.lock());
        self.parking.bell.notify_all();
    }

    fn is_reached_by_barriers(&self) -> bool {
        !self.fences
    }
}
