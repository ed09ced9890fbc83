//! [`Region`]: the address and the length of shared bytes, as this process sees them.
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::{ALIGN, copy};
use crate::sync::{Half, Word};

/// The bytes of a [`Memory`](super::Memory), as this process sees them: an address and a length.
///
/// Opaque on purpose: only rings access the bytes.
#[derive(Clone, Debug)]
pub struct Region {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a region is an address and a length. The bytes there are only ever accessed through
// atomics and the audited copy, which work on any thread.
unsafe impl Send for Region {}
// SAFETY: as above; the safe methods of `Region` access nothing, and its `unsafe` ones give shared
// access only to atomics.
unsafe impl Sync for Region {}

impl Region {
    /// The region of `len` bytes at `base`. No ring can be created in it unless `base` is a
    /// multiple of [`ALIGN`].
    ///
    /// # Safety
    /// The bytes must be initialised, readable and writable, as long as clones exist of the
    /// `Memory` that returns this region.
    pub const unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        Self { base, len }
    }

    /// The length in bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the length is 0.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_aligned(&self) -> bool {
        self.base.as_ptr() as usize % ALIGN == 0
    }

    /// The `len` bytes from `at` on, as a region of their own. A view keeps such a part, so that it
    /// computes its address once.
    ///
    /// # Safety
    /// `at + len <= self.len`.
    pub(super) unsafe fn part(&self, at: usize, len: usize) -> Self {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: `address` is within the region, whose base is not null, so it is not null.
        let base = unsafe { NonNull::new_unchecked(address) };
        Self { base, len }
    }

    /// The address `at` bytes into the region.
    ///
    /// # Safety
    /// `at <= self.len`.
    #[inline(always)]
    pub(super) unsafe fn address(&self, at: usize) -> *mut u8 {
        // SAFETY: the result is within the region or one past its end, by this function's own
        // contract.
        unsafe { self.base.as_ptr().add(at) }
    }

    /// The word `at` bytes into the region.
    ///
    /// # Safety
    /// `at` is a multiple of 8 and `at + 8 <= self.len`.
    #[inline(always)]
    pub(super) unsafe fn word_at(&self, at: usize) -> &Word {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: the address is aligned: `at` is a multiple of 8 by contract, and so is the base.
        // (`Geometry::format` and `Geometry::parse` are the first to access a region and refuse any
        // other base; a part that holds words begins at a multiple of 8.) The word is inside by
        // contract, and mapped while `self` is in use (I1). A `Word` is an atomic, so other threads
        // and processes may write it at any moment.
        unsafe { &*address.cast::<Word>() }
    }

    /// The half word `at` bytes into the region.
    ///
    /// # Safety
    /// `at` is a multiple of 4 and `at + 4 <= self.len`.
    #[inline(always)]
    pub(super) unsafe fn half_at(&self, at: usize) -> &Half {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: as for `word_at`, with 4 in place of 8.
        unsafe { &*address.cast::<Half>() }
    }

    /// Copies `len` private bytes to `at`.
    ///
    /// # Safety
    /// `at + len <= self.len`; `src` is readable for `len` bytes, which do not overlap those at
    /// `at`.
    #[inline(always)]
    pub(super) unsafe fn write(&self, at: usize, src: *const u8, len: usize) {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: both ranges are valid and do not overlap, by contract.
        unsafe { copy::copy_in(src, address, len) }
    }

    /// Copies `value` to `at`.
    ///
    /// # Safety
    /// `at + size_of::<T>() <= self.len`; all bytes of `value` are initialised, and do not overlap
    /// those at `at`.
    #[inline(always)]
    pub(super) unsafe fn put<T>(&self, at: usize, value: &T) {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: by contract, there is room for a `T` at `address`, and `value` is initialised and
        // does not overlap it.
        unsafe { copy::value_in(value, address) }
    }

    /// Copies `len` bytes at `at` to private memory.
    ///
    /// # Safety
    /// `at + len <= self.len`; `dst` is writable for `len` bytes, which do not overlap those at
    /// `at`.
    #[inline(always)]
    pub(super) unsafe fn read(&self, at: usize, dst: *mut u8, len: usize) {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: both ranges are valid and do not overlap, by contract.
        unsafe { copy::copy_out(address, dst, len) }
    }

    /// Copies the value at `at` to private memory.
    ///
    /// # Safety
    /// `at + size_of::<T>() <= self.len`.
    #[inline(always)]
    pub(super) unsafe fn value<T>(&self, at: usize) -> MaybeUninit<T> {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: `size_of::<T>()` bytes are readable at `address`, by contract.
        unsafe { copy::value_out(address) }
    }
}
