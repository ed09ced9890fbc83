//! Views of a region. Each is checked once, when it is made (I2).
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Deref;

use zerocopy::FromBytes;

use super::{Item, Offset, ParkWord, Position, Region, Span};
use crate::sync::{Half, Word};

/// One control word.
#[derive(Clone)]
pub(crate) struct WordRef {
    /// Invariant: the word's 8 bytes, aligned.
    word: Region,
}

impl WordRef {
    /// The word at `offset`. `None` if it is not aligned or not inside the region.
    pub(crate) fn new(region: &Region, offset: Offset) -> Option<Self> {
        let at = Span::new(offset, 8).within(region.len(), 8)?;
        // SAFETY: `within` has just checked that `at + 8` is at most the region's length.
        Some(Self { word: unsafe { region.part(at, 8) } })
    }

    /// The lower-addressed half of the word, on which a waiting thread parks.
    #[inline(always)]
    pub(crate) fn half(&self) -> &Half {
        // SAFETY: `word` has 8 aligned bytes (its invariant), so 4 bytes at 0 are inside and
        // aligned.
        unsafe { self.word.half_at(0) }
    }

    /// The same half, as the type that [`Park`](super::Park) takes.
    pub(crate) fn park_word(&self) -> &ParkWord {
        ParkWord::of(self.half())
    }
}

impl Deref for WordRef {
    type Target = Word;

    #[inline(always)]
    fn deref(&self) -> &Word {
        // SAFETY: `word` has 8 aligned bytes (its invariant), and 0 is a multiple of 8.
        unsafe { self.word.word_at(0) }
    }
}

/// A number of equal blocks, side by side. The number is a power of two. All rings are made of such
/// blocks.
#[derive(Clone)]
struct Blocks {
    /// Invariant: exactly the blocks, `(mask + 1) * stride` bytes; starts at a multiple of 8.
    region: Region,
    /// Bytes from one block to the next. Invariant: a multiple of 8, at least 8.
    stride: usize,
    /// The number of blocks minus one. Invariant: the number is a power of two.
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
        // SAFETY: `within` has just checked that `at + len` is at most the region's length.
        Some(Self { region: unsafe { region.part(at, len) }, stride, mask: count - 1 })
    }

    /// The start of the block of `position`, in bytes from the start of `region`.
    ///
    /// By the invariants of `region`, `stride` and `mask`, it is a multiple of 8, and `stride`
    /// bytes from there on are inside, for every value of `position`.
    #[inline(always)]
    fn at(&self, position: Position) -> usize {
        // Does not wrap: the index is below `mask + 1`, and the size of all blocks fits in usize
        // (invariant of `region`).
        (position.get() & self.mask) as usize * self.stride
    }

    #[inline(always)]
    fn first_word(&self, position: Position) -> &Word {
        // SAFETY: a block starts at a multiple of 8 and lies inside (`at`); it has at least 8 bytes
        // (`stride`).
        unsafe { self.region.word_at(self.at(position)) }
    }

    /// The second word of the block of `position`. `None` if blocks are shorter than 16 bytes.
    fn second_word(&self, position: Position) -> Option<&Word> {
        // SAFETY: a block starts at a multiple of 8 and lies inside (`at`); it has at least 16
        // bytes, as was just checked.
        (self.stride >= 16).then(|| unsafe { self.region.word_at(self.at(position) + 8) })
    }
}

/// Cells that a stamp publishes. Most have a second word beside the stamp.
pub trait Stamped {
    /// The stamp of the cell of `position`.
    fn stamp(&self, position: Position) -> &Word;

    /// The word after the stamp. `None` if cells have no room for it.
    fn second(&self, position: Position) -> Option<&Word>;
}

impl<T: Item> Stamped for Slots<T> {
    fn stamp(&self, position: Position) -> &Word {
        self.blocks.first_word(position)
    }

    fn second(&self, position: Position) -> Option<&Word> {
        self.blocks.second_word(position)
    }
}

impl Stamped for Descriptors {
    fn stamp(&self, position: Position) -> &Word {
        self.blocks.first_word(position)
    }

    fn second(&self, position: Position) -> Option<&Word> {
        self.blocks.second_word(position)
    }
}

/// The cells of a ring of items. Each holds a stamp and an item, side by side, so that a small item
/// fits one cache line together with its stamp.
pub struct Slots<T> {
    /// Invariant: `stride >= 8 + size_of::<T>()`.
    blocks: Blocks,
    item: PhantomData<fn(&T) -> T>,
}

impl<T: Item> Slots<T> {
    /// `count` slots of `stride` bytes from `start` on. `None` if they do not fit the region, or if
    /// `T` does not fit a slot.
    pub(crate) fn new(region: &Region, start: Offset, stride: u64, count: u64) -> Option<Self> {
        let need = (size_of::<T>() as u64).checked_add(8)?;
        let blocks = Blocks::new(region, start, stride, count)?;
        (stride >= need).then_some(Self { blocks, item: PhantomData })
    }

    /// The number of slots.
    pub(crate) fn count(&self) -> u64 {
        self.blocks.mask + 1
    }

    /// The slot of `position`.
    #[inline(always)]
    pub(crate) fn slot(&self, position: Position) -> Slot<T> {
        // Clones the region, so that the compiler knows that a write to a slot does not change
        // where slots are.
        Slot { slots: self.blocks.region.clone(), at: self.blocks.at(position), item: PhantomData }
    }
}

/// For every `T`, `Clone` or not.
impl<T> Clone for Slots<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        Self { blocks: self.blocks.clone(), item: PhantomData }
    }
}

/// One cell of a ring of items.
pub(crate) struct Slot<T> {
    slots: Region,
    /// Bytes from the start of `slots`. Invariant: a multiple of 8, and `8 + size_of::<T>()` bytes
    /// from there on are inside.
    at: usize,
    item: PhantomData<fn(&T) -> T>,
}

impl<T: Item> Slot<T> {
    #[inline(always)]
    pub(crate) fn stamp(&self) -> &Word {
        // SAFETY: `at` is a multiple of 8, and 8 bytes from there on are inside (invariant of
        // `at`).
        unsafe { self.slots.word_at(self.at) }
    }

    /// Copies `item` into the slot.
    #[inline(always)]
    pub(crate) fn write(&self, item: &T) {
        // SAFETY: after the first 8 bytes of the slot, `size_of::<T>()` bytes are inside (invariant
        // of `at`). `item` does not overlap them: a `&T` lies outside the region (I3), since items
        // cannot be borrowed in place. It has no padding (`IntoBytes`), so all its bytes are
        // initialised.
        unsafe { self.slots.put(self.at + 8, item) }
    }

    /// Copies the item out of the slot. Any bytes make a valid `T`.
    #[inline(always)]
    pub(crate) fn read(&self) -> T {
        // SAFETY: `at + 8 + size_of::<T>()` is at most the region's length (invariant of `at`).
        let item = unsafe { self.slots.value::<T>(self.at + 8) };
        // SAFETY: the copy has just written all bytes of `item`, and every bit pattern is a `T`
        // (`FromBytes`).
        unsafe { item.assume_init() }
    }
}

/// The descriptors of a byte ring: one per cell, each a stamp and an info word.
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
    pub(crate) fn stamp(&self, position: Position) -> &Word {
        self.blocks.first_word(position)
    }

    #[inline(always)]
    pub(crate) fn info(&self, position: Position) -> &Word {
        let at = self.blocks.at(position) + 8;
        // SAFETY: a descriptor starts at a multiple of 8, and its 16 bytes are inside
        // (`Blocks::at`, invariant of `blocks`).
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
    /// Bytes per cell: one cache line on common processors.
    pub(crate) const SIZE: u64 = 64;

    pub(crate) fn new(region: &Region, start: Offset, count: u64) -> Option<Self> {
        Some(Self { blocks: Blocks::new(region, start, Self::SIZE, count)? })
    }

    /// The `len` payload bytes that start at the cell of `position`. `None` if they would run past
    /// the end of the ring.
    #[inline(always)]
    pub(crate) fn payload(&self, position: Position, len: usize) -> Option<PayloadRef> {
        let at = self.blocks.at(position);
        (len <= self.blocks.region.len() - at).then(|| PayloadRef {
            region: self.blocks.region.clone(),
            at,
            len,
        })
    }
}

/// The payload bytes of one record: a part of the region that is accessed only by copying.
#[derive(Clone)]
pub struct PayloadRef {
    region: Region,
    /// The start, in bytes from the start of `region`. Invariant: `at + len <= region.len()`.
    at: usize,
    len: usize,
}

impl PayloadRef {
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Copies `bytes` to the offset `from`, in bytes from the start of the payload. Returns
    /// `false`, and copies nothing, if they do not fit.
    #[inline(always)]
    #[must_use]
    pub(crate) fn write(&self, from: usize, bytes: &[u8]) -> bool {
        let fits = from <= self.len && bytes.len() <= self.len - from;
        if fits {
            // SAFETY: `from + bytes.len() <= len`, so the target is inside (invariant of `at`).
            // `bytes` does not overlap it: it lies outside the region (I3), or is the payload of
            // another record, borrowed under `Trust`.
            unsafe { self.region.write(self.at + from, bytes.as_ptr(), bytes.len()) }
        }
        fits
    }

    /// Fills `into` with the bytes from the offset `from` on. Returns `false`, and copies nothing,
    /// if there are too few.
    #[inline(always)]
    #[must_use]
    pub(crate) fn read(&self, from: usize, into: &mut [MaybeUninit<u8>]) -> bool {
        let fits = from <= self.len && into.len() <= self.len - from;
        if fits {
            // SAFETY: `from + into.len() <= len`, so the source is inside (invariant of `at`).
            // `into` does not overlap it: it lies outside the region (I3), or is the payload of
            // another record, borrowed under `Trust`.
            unsafe { self.region.read(self.at + from, into.as_mut_ptr().cast(), into.len()) }
        }
        fits
    }

    /// The value at the offset `from`. `None` if there are too few bytes. Any bytes make a valid
    /// `V`.
    #[inline(always)]
    #[must_use]
    pub(crate) fn value<V: FromBytes>(&self, from: usize) -> Option<V> {
        let fits = from <= self.len && size_of::<V>() <= self.len - from;
        // SAFETY: `from + size_of::<V>() <= len`, as was just checked, so the value is inside
        // (invariant of `at`).
        let value = fits.then(|| unsafe { self.region.value::<V>(self.at + from) })?;
        // SAFETY: the copy has just written all bytes of `value`, and every bit pattern is a `V`
        // (`FromBytes`).
        Some(unsafe { value.assume_init() })
    }

    /// The address of the first byte.
    #[cfg(not(loom))]
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        // SAFETY: `at` is at most the region's length (invariant of `at`).
        unsafe { self.region.address(self.at) }
    }
}
