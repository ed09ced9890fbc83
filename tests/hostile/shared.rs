//! Memory that the test writes behind the ring's back.
#![allow(clippy::disallowed_types)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ringway::ends::Ring;
use ringway::memory::Region;
use ringway::{Clock, Liveness, Memory, Park};

use crate::ends::Cargo;
use crate::kinds::AnyKind;

pub const MAGIC: u64 = 0x3159_4157_474e_4952;
/// Aligned as a region must be.
#[repr(align(128))]
struct Line([AtomicU64; 16]);

/// A block of the heap. The rings reach it through its address, the test through atomics.
#[derive(Clone)]
pub struct Shared(Arc<[Line]>);

impl Shared {
    /// Zeros, more than the rings of these tests need.
    pub fn new() -> Self {
        Self::of(6144)
    }

    /// At least so many bytes of zeros.
    pub fn of(len: usize) -> Self {
        let lines = len.div_ceil(size_of::<Line>());
        Self((0..lines).map(|_| Line([const { AtomicU64::new(0) }; 16])).collect())
    }

    /// A new ring in it.
    pub fn ring<K: AnyKind, T: Cargo + ?Sized>(&self) -> Ring<K, T, Self> {
        Ring::format(self.clone(), &K::options::<T>()).unwrap()
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.0.len() * size_of::<Line>()
    }

    fn at(&self, at: usize) -> &AtomicU64 {
        let word = at % self.len() / 8;
        &self.0[word / 16].0[word % 16]
    }

    /// The word at `at` bytes.
    pub fn word(&self, at: usize) -> u64 {
        self.at(at).load(Ordering::Relaxed)
    }

    pub fn write(&self, at: usize, word: u64) {
        self.at(at).store(word, Ordering::Relaxed);
    }

    pub fn fill(&self, random: &mut Random) {
        (0..self.len()).step_by(8).for_each(|at| self.write(at, random.next()));
    }
}

// SAFETY: the lines live, and stay where they are, until the last clone is dropped; nothing but atomics refers to
// them in this process.
unsafe impl Memory for Shared {
    fn region(&self) -> Region {
        // SAFETY: as many bytes as there are lines, initialised, aligned to 128, and all of them inside of atomics,
        // so they may be written through a shared reference's address.
        unsafe { Region::new(NonNull::from(&*self.0).cast(), self.len()) }
    }
}

impl Liveness for Shared {}

/// Spins: whoever is not woken by a liar still comes back.
impl Park for Shared {}

impl Clock for Shared {
    fn now(&self) -> Duration {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// Numbers that are all the same to a test (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }
}
