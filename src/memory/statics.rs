//! [`StaticMemory`]: memory for a ring in a static, for programs without a heap or an operating
//! system.
use core::cell::UnsafeCell;
use core::ptr::NonNull;

use super::{Liveness, Memory, Region};

/// `N` bytes, initially zero, for use in a `static`. `&'static StaticMemory<N>` is a [`Memory`].
///
/// # Examples
/// ```
/// use ringway::{Options, memory::StaticMemory, spsc::Ring};
///
/// const OPTIONS: Options = Options::new().capacity(8);
/// static BYTES: StaticMemory<{ Ring::<u64>::required_len(&OPTIONS) }> = StaticMemory::new();
///
/// let ring = Ring::<u64, _>::format(&BYTES, &OPTIONS).unwrap();
/// ring.producer().unwrap().try_push(&1).unwrap();
/// assert_eq!(ring.consumer().unwrap().try_pop(), Ok(1));
/// ```
#[repr(C, align(128))]
#[derive(Debug)]
pub struct StaticMemory<const N: usize> {
    bytes: UnsafeCell<[u8; N]>,
}

// SAFETY: the bytes are private, and only regions access them, through atomics and the audited
// copy, on any thread.
unsafe impl<const N: usize> Sync for StaticMemory<N> {}

impl<const N: usize> StaticMemory<N> {
    /// `N` zero bytes.
    pub const fn new() -> Self {
        Self { bytes: UnsafeCell::new([0; N]) }
    }
}

impl<const N: usize> Default for StaticMemory<N> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a `'static` borrow keeps the bytes at one address for ever, and `bytes` is private to
// this file.
unsafe impl<const N: usize> Memory for &'static StaticMemory<N> {
    fn region(&self) -> Region {
        let base: *mut [u8; N] = self.bytes.get();
        // SAFETY: the address of a field of a live static is not null.
        let base = unsafe { NonNull::new_unchecked(base.cast::<u8>()) };
        // SAFETY: these are `N` initialised bytes, writable through the `UnsafeCell`, for ever.
        // `repr` aligns them to 128.
        unsafe { Region::new(base, N) }
    }
}

impl<const N: usize> Liveness for &'static StaticMemory<N> {}

/// Without an operating system, a waiting thread spins.
#[cfg(not(feature = "std"))]
impl<const N: usize> super::Park for &'static StaticMemory<N> {}
