//! The memory that the corruptor writes to: a block of the heap of exact length, or the file of a
//! segment.
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ringway::memory::{ALIGN, Heap, Region};
use ringway::memory::{Clock, Liveness, Memory, Park, ParkWord};

/// Words that the corruptor can reach.
pub trait Words: Send + 'static {
    /// The length, in bytes.
    fn len(&self) -> usize;
    /// The word at `at` bytes.
    fn word(&self, at: usize) -> u64;
    fn write(&self, at: usize, word: u64);
}

/// A ring's memory at an address that the corruptor knows. It cannot prove life. Threads wait in it
/// as on any heap.
#[derive(Clone)]
pub struct Block(Arc<Inner>);

struct Inner {
    base: NonNull<u8>,
    len: usize,
    /// Parks our threads.
    heap: Heap,
}

// SAFETY: the bytes are reached through atomics, and through regions, which may be used on any
// thread.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(len, ALIGN).unwrap()
}

impl Block {
    /// So many bytes of zeros: at least one word.
    pub fn new(len: usize) -> Self {
        assert!(len >= 8);
        // SAFETY: the layout has some bytes.
        let base = NonNull::new(unsafe { alloc_zeroed(layout(len)) }).unwrap();
        Self(Arc::new(Inner { base, len, heap: Heap::new(1) }))
    }

    fn at(&self, at: usize) -> &AtomicU64 {
        assert!(at % 8 == 0 && at + 8 <= self.0.len);
        // SAFETY: inside, as the assertion shows.
        let word = unsafe { self.0.base.add(at) };
        // SAFETY: inside, aligned (a multiple of 8 after one of `ALIGN`), initialised; every other
        // reference to this word is to an atomic.
        unsafe { AtomicU64::from_ptr(word.cast().as_ptr()) }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and the last handle is gone.
        unsafe { dealloc(self.base.as_ptr(), layout(self.len)) }
    }
}

impl Words for Block {
    fn len(&self) -> usize {
        self.0.len
    }
    fn word(&self, at: usize) -> u64 {
        self.at(at).load(Relaxed)
    }
    fn write(&self, at: usize, word: u64) {
        self.at(at).store(word, Relaxed);
    }
}

// SAFETY: the block stays in place until its last clone is dropped, and all references into it are
// to atomics. Two handles in one seat are possible: without proof of life, the corrupted state word
// decides. Their accesses race, as those of the corruptor do: see `memory::copy`.
unsafe impl Memory for Block {
    fn region(&self) -> Region {
        // SAFETY: so many initialised bytes, aligned, and ours.
        unsafe { Region::new(self.0.base, self.0.len) }
    }
}

impl Liveness for Block {}

impl Park for Block {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        self.0.heap.park(word, expected, limit);
    }
    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        self.0.heap.unpark(word, most)
    }
    fn register_barrier(&self) -> bool {
        self.0.heap.register_barrier()
    }
    fn barrier(&self) -> bool {
        self.0.heap.barrier()
    }
}

impl Clock for Block {
    fn now(&self) -> Duration {
        self.0.heap.now()
    }
}

/// The file of a segment. A write to the file is visible in all mappings.
pub struct SegmentFile {
    file: File,
    len: usize,
}

impl SegmentFile {
    pub fn open(name: &str) -> Self {
        let path = Path::new("/dev/shm").join(name);
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let len = file.metadata().unwrap().len() as usize;
        Self { file, len }
    }
}

impl Words for SegmentFile {
    fn len(&self) -> usize {
        self.len
    }
    fn word(&self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, at as u64).unwrap();
        u64::from_ne_bytes(bytes)
    }
    fn write(&self, at: usize, word: u64) {
        assert!(at + 8 <= self.len);
        self.file.write_all_at(&word.to_ne_bytes(), at as u64).unwrap();
    }
}
