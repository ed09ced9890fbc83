//! Views of a region, each checked once when it is made (I2).
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Deref;

use zerocopy::FromBytes;

use super::{Item, Offset, ParkWord, Region, Span};
use crate::sync::{Half, Word};

/// One control word.
#[derive(Clone)]
pub struct WordRef {
    /// Invariant: the word's 8 bytes, aligned.
    word: Region,
}

impl WordRef {
    /// The word at `offset`, or none if it is not aligned or not inside.
    pub(crate) fn new(region: &Region, offset: Offset) -> Option<Self> {
        let at = Span::new(offset, 8).within(region.len(), 8)?;
        // SAFETY: inside, as was just checked.
        Some(Self { word: unsafe { region.part(at, 8) } })
    }

    /// The lower-addressed half of the word: what a sleeper parks on.
    #[inline(always)]
    pub(crate) fn half(&self) -> &Half {
        // SAFETY: 8 bytes, so 4, aligned (invariant of `word`).
        unsafe { self.word.half_at(0) }
    }

    /// The same, as those see it who put threads to sleep.
    pub(crate) fn park_word(&self) -> &ParkWord {
        ParkWord::of(self.half())
    }
}

impl Deref for WordRef {
    type Target = Word;

    #[inline(always)]
    fn deref(&self) -> &Word {
        // SAFETY: exactly the invariant of `word`.
        unsafe { self.word.word_at(0) }
    }
}

/// A power of two of equal blocks, side by side: what all rings are made of.
#[derive(Clone)]
struct Blocks {
    /// Invariant: exactly the blocks, `(mask + 1) * stride` bytes; begins at a multiple of 8.
    region: Region,
    /// Bytes from one block to the next; a multiple of 8, at least 8.
    stride: usize,
    /// The number of blocks, a power of two, less one.
    mask: u64,
}

impl Blocks {
    fn new(region: &Region, start: Offset, stride: u64, count: u64) -> Option<Self> {
        if !count.is_power_of_two() || stride < 8 || stride % 8 != 0 {
            return None;
        }
        let span = Span::new(start, stride.checked_mul(count)?);
        let at = span.within(region.len(), 8)?;
        // Both are at most the region's length, so they fit in usize.
        let (len, stride) = (span.len() as usize, stride as usize);
        // SAFETY: inside, as was just checked.
        Some(Self { region: unsafe { region.part(at, len) }, stride, mask: count - 1 })
    }

    /// Where the block of `position` starts. With the invariants of `region`, `stride` and `mask` it has
    /// `stride` bytes inside and starts at a multiple of 8, whatever `position` is.
    #[inline(always)]
    fn at(&self, position: u64) -> usize {
        // No wrap: below `mask + 1` blocks, whose total fits in usize (invariant of `region`).
        (position & self.mask) as usize * self.stride
    }

    #[inline(always)]
    fn first_word(&self, position: u64) -> &Word {
        // SAFETY: a block starts aligned, inside, and has at least 8 bytes (`at`, `stride`).
        unsafe { self.region.word_at(self.at(position)) }
    }

    /// The second word of the block of `position`, if blocks have one.
    fn second_word(&self, position: u64) -> Option<&Word> {
        // SAFETY: a block starts aligned, inside, and has at least 16 bytes, as was just asked (`at`, `stride`).
        (self.stride >= 16).then(|| unsafe { self.region.word_at(self.at(position) + 8) })
    }
}

/// Cells that are published by a stamp, and have a second word beside it.
pub trait Stamped {
    fn stamp(&self, position: u64) -> &Word;

    /// None if there is no room for one.
    fn second(&self, position: u64) -> Option<&Word>;
}

impl<T: Item> Stamped for Slots<T> {
    fn stamp(&self, position: u64) -> &Word {
        self.blocks.first_word(position)
    }

    fn second(&self, position: u64) -> Option<&Word> {
        self.blocks.second_word(position)
    }
}

impl Stamped for Descriptors {
    fn stamp(&self, position: u64) -> &Word {
        self.blocks.first_word(position)
    }

    fn second(&self, position: u64) -> Option<&Word> {
        self.blocks.second_word(position)
    }
}

/// The cells of a typed ring: each a stamp and an item, side by side, so that a small message is one line.
pub struct Slots<T> {
    /// Invariant: `stride >= 8 + size_of::<T>()`.
    blocks: Blocks,
    item: PhantomData<fn(&T) -> T>,
}

impl<T: Item> Slots<T> {
    /// `count` slots of `stride` bytes from `start`, or none if they do not fit the region or `T`.
    pub(crate) fn new(region: &Region, start: Offset, stride: u64, count: u64) -> Option<Self> {
        let need = (size_of::<T>() as u64).checked_add(8)?;
        let blocks = Blocks::new(region, start, stride, count)?;
        (stride >= need).then_some(Self { blocks, item: PhantomData })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.blocks.mask + 1
    }

    /// The slot of `position`.
    #[inline(always)]
    pub(crate) fn slot(&self, position: u64) -> Slot<T> {
        // Clones, so that the compiler does not take what is written to a slot for a change of where slots are.
        Slot { slots: self.blocks.region.clone(), at: self.blocks.at(position), item: PhantomData }
    }
}

/// Whatever `T` is.
impl<T> Clone for Slots<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        Self { blocks: self.blocks.clone(), item: PhantomData }
    }
}

/// One cell of a typed ring.
pub(crate) struct Slot<T> {
    slots: Region,
    /// Invariant: a multiple of 8, and the `8 + size_of::<T>()` bytes from there on are inside.
    at: usize,
    item: PhantomData<fn(&T) -> T>,
}

impl<T: Item> Slot<T> {
    #[inline(always)]
    pub(crate) fn stamp(&self) -> &Word {
        // SAFETY: aligned and inside (invariant of `at`).
        unsafe { self.slots.word_at(self.at) }
    }

    /// Copies `item` in.
    #[inline(always)]
    pub(crate) fn write(&self, item: &T) {
        // SAFETY: `size_of::<T>()` bytes are inside after the first 8 (invariant of `at`); `item` is a
        // private value with no padding (`IntoBytes`), so all its bytes are initialised.
        unsafe { self.slots.put(self.at + 8, item) }
    }

    /// Copies the item out. Any bytes make a valid `T`.
    #[inline(always)]
    pub(crate) fn read(&self) -> T {
        // SAFETY: inside as in `write`.
        let item = unsafe { self.slots.value::<T>(self.at + 8) };
        // SAFETY: all its bytes were just written, and every bit pattern is a `T` (`FromBytes`).
        unsafe { item.assume_init() }
    }
}

/// The descriptors of a byte ring: one per cell, a stamp and an info word.
#[derive(Clone)]
pub struct Descriptors {
    /// Invariant: `stride == Self::STRIDE`.
    blocks: Blocks,
}

impl Descriptors {
    /// Bytes per descriptor.
    pub(crate) const STRIDE: u64 = 16;

    pub(crate) fn new(region: &Region, start: Offset, count: u64) -> Option<Self> {
        Some(Self { blocks: Blocks::new(region, start, Self::STRIDE, count)? })
    }

    #[inline(always)]
    pub(crate) fn stamp(&self, position: u64) -> &Word {
        self.blocks.first_word(position)
    }

    #[inline(always)]
    pub(crate) fn info(&self, position: u64) -> &Word {
        let at = self.blocks.at(position) + 8;
        // SAFETY: a descriptor has 16 bytes inside and starts at a multiple of 8 (invariant of `blocks`).
        unsafe { self.blocks.region.word_at(at) }
    }
}

/// The payload cells of a byte ring.
#[derive(Clone)]
pub(crate) struct Cells {
    /// Invariant: `stride == Self::SIZE`.
    blocks: Blocks,
}

impl Cells {
    /// Bytes per cell: one cache line of common processors.
    pub(crate) const SIZE: u64 = 64;

    pub(crate) fn new(region: &Region, start: Offset, count: u64) -> Option<Self> {
        Some(Self { blocks: Blocks::new(region, start, Self::SIZE, count)? })
    }

    /// The `len` payload bytes that start at the cell of `position`; none if they would run past the end of
    /// the ring.
    #[inline(always)]
    pub(crate) fn payload(&self, position: u64, len: usize) -> Option<PayloadRef> {
        let at = self.blocks.at(position);
        (len <= self.blocks.region.len() - at).then(|| PayloadRef {
            region: self.blocks.region.clone(),
            at,
            len,
        })
    }
}

/// The payload bytes of one record: a stretch of the region that only copies reach.
#[derive(Clone)]
pub struct PayloadRef {
    region: Region,
    /// Invariant: `at + len <= region.len()`.
    at: usize,
    len: usize,
}

impl PayloadRef {
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Copies `bytes` to `from` (in bytes from the start of the payload); false, and nothing copied, if they
    /// do not fit.
    #[inline(always)]
    #[must_use]
    pub(crate) fn write(&self, from: usize, bytes: &[u8]) -> bool {
        let fits = from <= self.len && bytes.len() <= self.len - from;
        if fits {
            // SAFETY: `from + bytes.len() <= len`, which is inside (invariant of `at`); a `&[u8]` is private.
            unsafe { self.region.write(self.at + from, bytes.as_ptr(), bytes.len()) }
        }
        fits
    }

    /// Copies the bytes from `from` on into all of `into`; false, and nothing copied, if there are too few.
    #[inline(always)]
    #[must_use]
    pub(crate) fn read(&self, from: usize, into: &mut [MaybeUninit<u8>]) -> bool {
        let fits = from <= self.len && into.len() <= self.len - from;
        if fits {
            // SAFETY: `from + into.len() <= len`, which is inside (invariant of `at`); `into` is private.
            unsafe { self.region.read(self.at + from, into.as_mut_ptr().cast(), into.len()) }
        }
        fits
    }

    /// The value that begins at `from`; none if there are too few bytes. Any bytes make a valid `V`.
    #[inline(always)]
    #[must_use]
    pub(crate) fn value<V: FromBytes>(&self, from: usize) -> Option<V> {
        let fits = from <= self.len && size_of::<V>() <= self.len - from;
        // SAFETY: `from + size_of::<V>() <= len`, as was just asked, which is inside (invariant of `at`).
        let value = fits.then(|| unsafe { self.region.value::<V>(self.at + from) })?;
        // SAFETY: all its bytes were just written, and every bit pattern is a `V` (`FromBytes`).
        Some(unsafe { value.assume_init() })
    }

    /// The address of the first byte.
    #[cfg(not(loom))]
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        // SAFETY: `at` is inside (invariant of `at`).
        unsafe { self.region.address(self.at) }
    }
}
