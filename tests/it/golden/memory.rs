//! Memory in which nothing is accidental: who its participants are is scripted, and so is who of them lives.
#![allow(clippy::disallowed_types)]

use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ringway::memory::{Liveness, Memory, Park, Region, SeatLock, Span};
use ringway::{Identity, Label};

/// Aligned as a region must be.
#[repr(align(128))]
struct Line([AtomicU64; 16]);

struct Block {
    lines: Box<[Line]>,
    /// Which seats, by where their blocks start, are claimed by which process.
    held: Mutex<BTreeMap<u64, u64>>,
    /// The processes that were killed.
    dead: Mutex<BTreeSet<u64>>,
}

/// A block of the heap, as one process has it.
#[derive(Clone)]
pub struct Scripted {
    block: Arc<Block>,
    who: Identity,
}

impl Scripted {
    /// So many bytes of zeros, rounded up to 128.
    pub fn new(len: usize) -> Self {
        let lines = (0..len.div_ceil(128)).map(|_| Line([const { AtomicU64::new(0) }; 16])).collect();
        let block = Block { lines, held: Mutex::default(), dead: Mutex::default() };
        Self { block: Arc::new(block), who: Identity::unknown() }
    }

    /// What stands in an image; nobody alive holds a seat in it.
    pub fn of(image: &[u8]) -> Self {
        let memory = Self::new(image.len());
        for (at, word) in (0..).step_by(8).zip(image.chunks_exact(8)) {
            memory.write(at, u64::from_ne_bytes(word.try_into().unwrap()));
        }
        memory
    }

    /// The same bytes, for the process with this number and name.
    pub fn seen_by(&self, pid: u64, name: &str) -> Self {
        Self { block: self.block.clone(), who: identity(pid, name) }
    }

    /// Ends a process: whoever asks is told that what it held is free, and its ends, when they are dropped here, leave
    /// everything as it is.
    pub fn kill(&self, pid: u64) {
        self.block.dead.lock().unwrap().insert(pid);
        self.block.held.lock().unwrap().retain(|_, holder| *holder != pid);
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        &self.block.lines[at / 128].0[at % 128 / 8]
    }

    pub fn write(&self, at: usize, word: u64) {
        self.word(at).store(word, Ordering::Relaxed);
    }

    /// All its bytes.
    pub fn image(&self) -> Vec<u8> {
        let words = (0..128 * self.block.lines.len()).step_by(8);
        words.flat_map(|at| self.word(at).load(Ordering::Relaxed).to_ne_bytes()).collect()
    }
}

/// Who the process with this number and name says it is.
pub fn identity(pid: u64, name: &str) -> Identity {
    let mut who = Identity::unknown();
    who.pid = pid;
    who.started = 1_000 + pid;
    who.attached = 2_000 + pid;
    who.namespace = 3_000 + pid;
    who.run = 4_000 + pid;
    who.label = Label::new(name);
    who
}

// SAFETY: the lines live, and stay where they are, until the last clone is dropped; nothing but atomics refers to
// them in this process. A seat is granted to one participant at a time, and proved free only when it is not held.
unsafe impl Memory for Scripted {
    fn region(&self) -> Region {
        let lines = &*self.block.lines;
        // SAFETY: as many bytes as there are lines, initialised, aligned to 128, and all of them inside of atomics,
        // so they may be written through a shared reference's address.
        unsafe { Region::new(NonNull::from(lines).cast(), size_of_val(lines)) }
    }
}

impl Liveness for Scripted {
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        let mut held = self.block.held.lock().unwrap();
        if held.contains_key(&seat.start()) {
            return Ok(SeatLock::Held);
        }
        held.insert(seat.start(), self.who.pid);
        Ok(SeatLock::Acquired)
    }

    fn unlock_seat(&self, seat: Span) {
        self.block.held.lock().unwrap().remove(&seat.start());
    }

    fn is_proved_dead(&self, seat: Span) -> bool {
        !self.block.held.lock().unwrap().contains_key(&seat.start())
    }

    fn is_own_process(&self) -> bool {
        !self.block.dead.lock().unwrap().contains(&self.who.pid)
    }

    fn identity(&self) -> Identity {
        self.who
    }
}

/// Nobody parks; but the ring is one with barriers, as most are.
impl Park for Scripted {
    fn register_barrier(&self) -> bool {
        true
    }
}
