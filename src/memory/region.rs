//! [`Region`]: a base address and a length, as this process sees them.
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::{ALIGN, copy};
use crate::sync::{Half, Word};

/// The bytes of a [`Memory`](super::Memory), as this process sees them: an address and a length.
///
/// Opaque on purpose: only rings look inside.
#[derive(Clone, Debug)]
pub struct Region {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a region is an address and a length. What lies there is only ever touched through atomics and
// the audited copy, which do not care on which thread they run.
unsafe impl Send for Region {}
// SAFETY: as above; no method of `Region` gives unsynchronised access to anything but atomics.
unsafe impl Sync for Region {}

impl Region {
    /// The region of `len` bytes at `base`, which must be a multiple of [`ALIGN`]: else no ring is made of it.
    ///
    /// # Safety
    /// The bytes must be initialised, readable and writable, for as long as the `Memory` that hands out
    /// this region has clones.
    pub const unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        Self { base, len }
    }

    /// How many bytes it has.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes at all.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_aligned(&self) -> bool {
        self.base.as_ptr() as usize % ALIGN == 0
    }

    /// The `len` bytes from `at` on, as a region of their own: who asks for one thing again and again asks once where it is.
    ///
    /// # Safety
    /// `at + len <= self.len`.
    pub(super) unsafe fn part(&self, at: usize, len: usize) -> Self {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: within one region, so not null.
        let base = unsafe { NonNull::new_unchecked(address) };
        Self { base, len }
    }

    /// The address `at` bytes into the region.
    ///
    /// # Safety
    /// `at <= self.len`.
    #[inline(always)]
    pub(super) unsafe fn address(&self, at: usize) -> *mut u8 {
        // SAFETY: within the region or one past its end, by this function's own contract.
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
        // SAFETY: aligned (`at` is a multiple of 8, and so is the base: `Geometry::format` and `parse`, the first to look at a
        // region, refuse others, and parts with words begin at such), inside, and mapped while `self` is in use (I1). A `Word` is an
        // atomic: others may write it at any moment.
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
        // SAFETY: as for `word_at`, with 4 for 8.
        unsafe { &*address.cast::<Half>() }
    }

    /// Copies `len` private bytes to `at`.
    ///
    /// # Safety
    /// `at + len <= self.len`; `src` is readable for `len` bytes and outside of the region.
    #[inline(always)]
    pub(super) unsafe fn write(&self, at: usize, src: *const u8, len: usize) {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: both ranges are valid and apart, by contract.
        unsafe { copy::copy_in(src, address, len) }
    }

    /// Copies `value` to `at`.
    ///
    /// # Safety
    /// `at + size_of::<T>() <= self.len`; all bytes of `value` are initialised, and outside of the region.
    #[inline(always)]
    pub(super) unsafe fn put<T>(&self, at: usize, value: &T) {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: there is room for a `T` there; `value` is initialised, and apart: by contract.
        unsafe { copy::value_in(value, address) }
    }

    /// Copies `len` bytes at `at` to private memory.
    ///
    /// # Safety
    /// `at + len <= self.len`; `dst` is writable for `len` bytes and outside of the region.
    #[inline(always)]
    pub(super) unsafe fn read(&self, at: usize, dst: *mut u8, len: usize) {
        // SAFETY: `at` is inside, by contract.
        let address = unsafe { self.address(at) };
        // SAFETY: both ranges are valid and apart, by contract.
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
        // SAFETY: so many bytes are readable there, by contract.
        unsafe { copy::value_out(address) }
    }
}
