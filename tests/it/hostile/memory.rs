//! Memory that the test writes behind the ring's back.
#![allow(clippy::disallowed_types)]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringway::memory::{ALIGN, Region, Span};
use ringway::memory::{Clock, Liveness, Memory, Park, SeatLock};
use ringway::ring::Ring;

use super::ends::Cargo;
use super::layout::KindLayout;

pub const MAGIC: u64 = 0x3159_4157_474e_4952;
/// More than the rings of these tests need, in bytes.
const PLENTY: usize = 6144;

/// A block of the heap, exactly as large as it says, so that a sanitizer sees who reaches beyond. The rings reach it through its
/// address, the test through atomics.
#[derive(Clone)]
pub struct Shared(Arc<Block>);

struct Block {
    base: NonNull<u8>,
    /// Bytes.
    len: usize,
    /// The seats that are held, where there is a witness.
    held: Option<Mutex<Vec<u64>>>,
    /// Whether what happens now happens to somebody who was killed: nothing.
    is_killing: AtomicBool,
    /// Microseconds: each time somebody asks, a few have passed. So every run of a script is the same.
    now: AtomicU64,
}

// SAFETY: the block is reached through atomics, and through regions, which allow for that.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(len.max(1), ALIGN).unwrap()
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and nobody has it any more.
        unsafe { dealloc(self.base.as_ptr(), layout(self.len)) }
    }
}

impl Shared {
    /// Zeros, more than the rings of these tests need.
    pub fn new() -> Self {
        Self::of(PLENTY)
    }

    /// So many bytes of zeros. Nobody can prove a death.
    pub fn of(len: usize) -> Self {
        Self::made(len, None)
    }

    /// So many bytes of zeros, with a witness.
    pub fn witnessed(len: usize) -> Self {
        Self::made(len, Some(Mutex::default()))
    }

    fn made(len: usize, held: Option<Mutex<Vec<u64>>>) -> Self {
        // SAFETY: the layout has at least one byte.
        let base = NonNull::new(unsafe { alloc_zeroed(layout(len)) }).unwrap();
        Self(Arc::new(Block {
            base,
            len,
            held,
            is_killing: AtomicBool::default(),
            now: AtomicU64::default(),
        }))
    }

    /// A new ring in it.
    pub fn ring<K: KindLayout, T: Cargo + ?Sized>(&self) -> Ring<K, T, Self> {
        Ring::format(self.clone(), &K::options::<T>()).unwrap()
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.0.len
    }

    fn at(&self, at: usize) -> &AtomicU64 {
        let at = at / 8 % (self.len() / 8) * 8;
        // SAFETY: less than the length, less what is no whole word.
        let word = unsafe { self.0.base.add(at) }.cast();
        // SAFETY: inside, aligned (a multiple of 8 behind one of `ALIGN`), initialised, and nobody refers to it but as an atomic.
        unsafe { AtomicU64::from_ptr(word.as_ptr()) }
    }

    /// The word at `at` bytes.
    pub fn word(&self, at: usize) -> u64 {
        self.at(at).load(Ordering::Relaxed)
    }

    pub fn write(&self, at: usize, word: u64) {
        self.at(at).store(word, Ordering::Relaxed);
    }

    pub fn fill(&self, random: &mut Random) {
        (0..self.len() & !7).step_by(8).for_each(|at| self.write(at, random.next()));
    }

    /// What stands there, as the first of `len` bytes; zeros where there was less.
    pub fn copied(&self, len: usize) -> Self {
        let copy = Self::of(len);
        (0..len.min(self.len()) & !7).step_by(8).for_each(|at| copy.write(at, self.word(at)));
        copy
    }

    /// All bytes in whole words.
    pub fn to_vec(&self) -> Vec<u8> {
        (0..self.len() & !7).step_by(8).flat_map(|at| self.word(at).to_ne_bytes()).collect()
    }

    /// Drops the end that has the seat at `start` as a kill would: what it has begun stays begun. Without a witness it leaves in
    /// order, since nobody could ever sit there again.
    pub fn kill<E>(&self, end: E, start: usize) {
        self.0.is_killing.store(self.0.held.is_some(), Ordering::Relaxed);
        drop(end);
        self.0.is_killing.store(false, Ordering::Relaxed);
        if let Some(held) = &self.0.held {
            held.lock().unwrap().retain(|seat| *seat != start as u64);
        }
    }
}

// SAFETY: the block lives, and stays where it is, until the last clone is dropped; nothing but atomics refers to it in this
// process.
unsafe impl Memory for Shared {
    fn region(&self) -> Region {
        // SAFETY: so many bytes, initialised, aligned, and ours.
        unsafe { Region::new(self.0.base, self.len()) }
    }
}

impl Liveness for Shared {
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        let Some(held) = &self.0.held else { return Ok(SeatLock::Unsupported) };
        let mut held = held.lock().unwrap();
        if held.contains(&seat.start()) {
            return Ok(SeatLock::Held);
        }
        held.push(seat.start());
        Ok(SeatLock::Acquired)
    }

    fn unlock_seat(&self, seat: Span) {
        if let Some(held) = &self.0.held {
            held.lock().unwrap().retain(|start| *start != seat.start());
        }
    }

    fn is_proved_dead(&self, seat: Span) -> bool {
        self.0.held.as_ref().is_some_and(|held| !held.lock().unwrap().contains(&seat.start()))
    }

    fn is_own_process(&self) -> bool {
        !self.0.is_killing.load(Ordering::Relaxed)
    }
}

/// Spins: whoever is not woken by a liar still comes back.
impl Park for Shared {}

impl Clock for Shared {
    fn now(&self) -> Duration {
        Duration::from_micros(self.0.now.fetch_add(10, Ordering::Relaxed))
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
}
