//! The one audited way to copy payload between private and shared memory.
//!
//! # What the memory model says, and does not say
//! Between peers that keep the protocol there is no race. A producer writes a cell only after the
//! consumer's HEAD (edge E2) has released it, and a consumer reads a cell only after its stamp
//! (edge E1). For such peers these are ordinary copies.
//!
//! A peer that breaks the protocol can write while this process reads, and can read or write while
//! this process writes. Inside one program that is undefined behaviour. Rust has not settled what
//! it is when the other side is not part of the program:
//! * [unsafe-code-guidelines 152] asked how to share memory with untrusted threads, and was closed
//!   without a rule. [607] asks again, and is open. Its advice so far: keep such memory out of the
//!   abstract machine (no references, only raw pointers), and access it by volatile operations, or
//!   by atomic ones where order is needed.
//! * [RFC 3301], open, is the operation that this module needs: a copy that is atomic byte by byte.
//!   Once it exists, it will replace the code below.
//! * [606] is about memory that is gone when it is accessed, like that of a truncated file. No copy
//!   helps against that.
//! * Today's compiler follows [LLVM's rules]: a racing load is not undefined behaviour, but its
//!   result is undetermined (`undef`), and can look different at each use.
//!
//! # What this module relies on
//! 1. No reference to shared bytes exists, so the compiler may not assume that they stay unchanged.
//! 2. After a copy out, an empty `asm!` block receives the address of the private copy, and is
//!    declared to access memory freely. For the compiler, the private bytes are from then on
//!    whatever the block left there. Two facts follow. First, the compiler cannot go back to the
//!    shared bytes for a second read, because it does not know that they are equal to the copy.
//!    (Such a double fetch could use bytes other than those that were checked.) Second, no
//!    undetermined value gets past the block: the bytes that the block leaves have one value.
//!    (Small values pass through such blocks in registers, and come out as what the block left
//!    there.)
//! 3. The result is used only as a type for which every bit pattern is valid
//!    (`zerocopy::FromBytes`), or as bytes. So a peer that races can cause a wrong value, but never
//!    an invalid one.
//!
//! A `memcpy` may load a byte twice, where its pieces overlap; the byte that it stores last is the
//! value. So the bytes of one record may come from different moments, which is no worse than other
//! wrong bytes.
//!
//! A copy *in* needs no such block, because nothing in this process depends on what is in shared
//! memory afterwards. A peer that writes there at the same time corrupts its own ring. A peer that
//! reads there sees the old bytes, the new bytes, or a mixture. If this process reads the bytes
//! back, it uses a copy out.
//!
//! Where there is no `asm!`, a copy out reads volatile bytes: the same facts hold, but it is
//! slower.
//!
//! # Speed
//! A copy costs about as much as a bare `memcpy`: see `benches/NOTES.md`, "copy: against memcpy".
//!
//! Copies *out* of up to 16 KiB go in pieces of 512 bytes, because for longer ones `memcpy` uses an
//! instruction (`rep movsb`) that is slow when the bytes come from another core. Copies *in* do
//! not, because there pieces are slower. See `benches/NOTES.md`, "copy: pieces".
//!
//! A value of up to 64 bytes passes through registers, so that the compiler builds it where it is
//! needed. The registers have 16 bytes where possible, because a 16-byte load that follows two
//! 8-byte stores to the same place has to wait for both. See `benches/NOTES.md`, "copy: values in
//! registers".
//!
//! # What the checkers see
//! To ThreadSanitizer these are plain accesses, so it sees the payload traffic and checks the edges
//! that order it. Miri does not support `asm!`. It gets the volatile bytes, which are not atomic to
//! it either. (It has not been run.) Under loom a region has cells of its own.
//!
//! [unsafe-code-guidelines 152]: https://github.com/rust-lang/unsafe-code-guidelines/issues/152
//! [606]: https://github.com/rust-lang/unsafe-code-guidelines/issues/606
//! [607]: https://github.com/rust-lang/unsafe-code-guidelines/issues/607
//! [RFC 3301]: https://github.com/rust-lang/rfcs/pull/3301
//! [LLVM's rules]: https://llvm.org/docs/Atomics.html#notatomic

/// Copies private bytes into shared memory.
///
/// A peer that reads or writes there at the same time breaks the protocol. The bytes that it reads
/// or leaves are unspecified.
///
/// # Safety
/// `src` must be readable and `shared` writable for `len` bytes, and they must not overlap.
#[cfg(not(loom))]
#[inline(always)]
pub(super) unsafe fn copy_in(src: *const u8, shared: *mut u8, len: usize) {
    // SAFETY: both ranges are valid and do not overlap, by this function's own contract.
    unsafe { core::ptr::copy_nonoverlapping(src, shared, len) }
}

/// Copies shared bytes into private memory.
///
/// Afterwards the compiler does not assume that the private bytes equal the shared ones (see the
/// module's page).
///
/// # Safety
/// `shared` must be readable and `dst` writable for `len` bytes, and they must not overlap.
#[cfg(not(loom))]
#[inline(always)]
pub(super) unsafe fn copy_out(shared: *const u8, dst: *mut u8, len: usize) {
    if len > PIECE {
        // SAFETY: `piece_out` and `long_out` have the same contract as this function.
        unsafe { long_out(shared, dst, len) }
    } else {
        // SAFETY: `piece_out` and `long_out` have the same contract as this function.
        unsafe { piece_out(shared, dst, len) }
    }
}

/// Copies more than `PIECE` shared bytes into private memory: in pieces up to `BY_PIECES` bytes,
/// and beyond that at once.
///
/// # Safety
/// As for [`copy_out`].
#[cfg(not(loom))]
#[inline(never)]
unsafe fn long_out(shared: *const u8, dst: *mut u8, len: usize) {
    let piece = if len > BY_PIECES { len } else { PIECE };
    for at in (0..len).step_by(piece) {
        // SAFETY: `at < len`, and `shared` is readable for `len` bytes by contract.
        let from = unsafe { shared.add(at) };
        // SAFETY: `at < len`, and `dst` is writable for `len` bytes by contract.
        let to = unsafe { dst.add(at) };
        // SAFETY: `len - at` bytes are left in both ranges, which do not overlap by contract.
        unsafe { piece_out(from, to, piece.min(len - at)) }
    }
}

/// A length up to which every `memcpy` moves bytes through registers. In bytes.
#[cfg(not(loom))]
const PIECE: usize = 512;
/// The length up to which a copy out goes in pieces. In bytes.
#[cfg(not(loom))]
const BY_PIECES: usize = 16 << 10;

/// Copies shared bytes into private memory with one `memcpy`.
///
/// # Safety
/// As for [`copy_out`].
#[cfg(all(
    not(loom),
    not(miri),
    any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "aarch64",
        target_arch = "arm",
        target_arch = "riscv64"
    )
))]
#[inline(always)]
unsafe fn piece_out(shared: *const u8, dst: *mut u8, len: usize) {
    // SAFETY: both ranges are valid and do not overlap, by this function's own contract.
    unsafe { core::ptr::copy_nonoverlapping(shared, dst, len) }
    // SAFETY: the block is empty, so it accesses neither memory nor registers nor the stack. It is
    // *declared* to write anything reachable from `dst`, and that declaration is its purpose: see
    // the module's page.
    unsafe { core::arch::asm!("/* {0} */", in(reg) dst, options(nostack, preserves_flags)) }
}

/// Copies shared bytes into private memory, by volatile reads of single bytes.
///
/// # Safety
/// As for [`copy_out`].
#[cfg(all(
    not(loom),
    any(
        miri,
        not(any(
            target_arch = "x86_64",
            target_arch = "x86",
            target_arch = "aarch64",
            target_arch = "arm",
            target_arch = "riscv64"
        ))
    )
))]
unsafe fn piece_out(shared: *const u8, dst: *mut u8, len: usize) {
    for at in 0..len {
        // SAFETY: `at < len`, and `shared` is readable for `len` bytes by contract.
        let from = unsafe { shared.add(at) };
        // SAFETY: `from` is readable, by the line above, and a byte needs no alignment.
        let byte = unsafe { from.read_volatile() };
        // SAFETY: `at < len`, and `dst` is writable for `len` bytes by contract.
        let to = unsafe { dst.add(at) };
        // SAFETY: `to` is writable, by the line above, and a byte needs no alignment.
        unsafe { to.write(byte) }
    }
}

/// Small values through registers, where `asm!` has registers of 64 bits.
#[cfg(all(
    not(loom),
    not(miri),
    any(
        all(target_arch = "x86_64", target_feature = "sse2"),
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
mod registers {
    use core::mem::MaybeUninit;

    use super::copy_out;

    /// Copies a value out of shared memory, as [`copy_out`] copies bytes.
    ///
    /// A small value goes through registers, so that the compiler builds it where it is needed. The
    /// register that comes out of an empty `asm!` block has one value. The compiler knows nothing
    /// about that value, and does not know that the shared memory still holds it.
    ///
    /// # Safety
    /// `shared` must be readable for the size of a `T`.
    #[inline(always)]
    pub(in crate::memory) unsafe fn value_out<T>(shared: *const u8) -> MaybeUninit<T> {
        let mut value = MaybeUninit::<T>::uninit();
        let private: *mut u8 = value.as_mut_ptr().cast();
        let len = size_of::<T>();
        if len > IN_REGISTERS || len % 8 != 0 {
            // SAFETY: `shared` is readable by contract; `value` is a local variable with room for a
            // `T`.
            unsafe { copy_out(shared, private, len) };
            return value;
        }
        // Two words at a time, where registers have room for two.
        let wide = if cfg!(target_arch = "x86_64") { len / 16 * 16 } else { 0 };
        let place = |at: usize| {
            // SAFETY: `at < len`, and `shared` is readable for `len` bytes by contract.
            let from = unsafe { shared.add(at) };
            // SAFETY: `at < len`, and `value` has `len` bytes.
            (from, unsafe { private.add(at) })
        };
        #[cfg(target_arch = "x86_64")]
        for (from, to) in (0..wide / 16).map(|i| place(16 * i)) {
            // SAFETY: 16 bytes are left, because `16 * i + 16 <= wide <= len`.
            unsafe { two_words(from, to) }
        }
        for (from, to) in (wide / 8..len / 8).map(|i| place(8 * i)) {
            // SAFETY: 8 bytes are left, because `8 * i + 8 <= len`: `len` is a multiple of 8.
            unsafe { word_out(from, to) }
        }
        value
    }

    /// Copies a value into shared memory, as [`copy_in`](super::copy_in) copies bytes.
    ///
    /// A small value is stored in units of 16 bytes. The compiler alone, after it has built the
    /// value word by word, would store single words; and each store waits until its cache line has
    /// come from the other core.
    ///
    /// # Safety
    /// `shared` must be writable for the size of a `T` and must not overlap `value`, all of whose
    /// bytes must be initialised.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(in crate::memory) unsafe fn value_in<T>(value: &T, shared: *mut u8) {
        let private: *const u8 = core::ptr::from_ref(value).cast();
        let len = size_of::<T>();
        let wide = if len > IN_REGISTERS { 0 } else { len / 16 * 16 };
        let place = |at: usize| {
            // SAFETY: `at <= len`, and `value` has `len` bytes.
            let from = unsafe { private.add(at) };
            // SAFETY: `at <= len`, and `shared` is writable for `len` bytes by contract.
            (from, unsafe { shared.add(at) })
        };
        for (from, to) in (0..wide / 16).map(|i| place(16 * i)) {
            // SAFETY: 16 bytes are left, because `16 * i + 16 <= wide <= len`.
            unsafe { two_words(from, to) }
        }
        let (from, to) = place(wide);
        // SAFETY: `len - wide` bytes are left in both ranges, which do not overlap by contract.
        unsafe { super::copy_in(from, to, len - wide) }
    }

    /// Copies 16 bytes, in or out. For a copy out, compilers read the value back in units of 16
    /// bytes, and such a load need not wait for narrower stores just made.
    ///
    /// # Safety
    /// `from` must be readable and `to` writable for 16 bytes.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn two_words(from: *const u8, to: *mut u8) {
        // SAFETY: readable by contract. Before the block, the bits may be undetermined (see the
        // module's page), which `MaybeUninit` allows.
        let mut part = unsafe { from.cast::<MaybeUninit<core::arch::x86_64::__m128i>>().read_unaligned() };
        // SAFETY: the block is empty. It is *declared* to change the register, and that declaration
        // is its purpose.
        unsafe {
            core::arch::asm!("/* {0} */", inout(xmm_reg) part, options(nomem, nostack, preserves_flags))
        }
        // SAFETY: writable by contract.
        unsafe { to.cast::<MaybeUninit<core::arch::x86_64::__m128i>>().write_unaligned(part) }
    }

    /// Copies 8 bytes out.
    ///
    /// # Safety
    /// `shared` must be readable and `private` writable for 8 bytes.
    #[inline(always)]
    unsafe fn word_out(shared: *const u8, private: *mut u8) {
        // SAFETY: readable by contract. Before the block, the bits may be undetermined (see the
        // module's page), which `MaybeUninit` allows.
        let mut part = unsafe { shared.cast::<MaybeUninit<u64>>().read_unaligned() };
        // SAFETY: the block is empty. It is *declared* to change the register, and that declaration
        // is its purpose.
        unsafe { core::arch::asm!("/* {0} */", inout(reg) part, options(nomem, nostack, preserves_flags)) }
        // SAFETY: writable by contract.
        unsafe { private.cast::<MaybeUninit<u64>>().write_unaligned(part) }
    }

    /// Values of up to this size, in bytes, go through registers.
    const IN_REGISTERS: usize = 64;
}

#[cfg(all(
    not(loom),
    not(miri),
    any(
        all(target_arch = "x86_64", target_feature = "sse2"),
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
pub(super) use registers::value_out;

#[cfg(all(not(loom), not(miri), target_arch = "x86_64", target_feature = "sse2"))]
pub(super) use registers::value_in;

/// Copies a value into shared memory, as [`copy_in`] copies bytes.
///
/// # Safety
/// `shared` must be writable for the size of a `T` and must not overlap `value`, all of whose bytes
/// must be initialised.
#[cfg(all(not(loom), not(all(not(miri), target_arch = "x86_64", target_feature = "sse2"))))]
#[inline(always)]
pub(super) unsafe fn value_in<T>(value: &T, shared: *mut u8) {
    // SAFETY: a value is readable for its size. `shared` is writable and does not overlap it, by
    // this function's own contract.
    unsafe { copy_in(core::ptr::from_ref(value).cast(), shared, size_of::<T>()) }
}

/// Copies a value out of shared memory, as [`copy_out`] copies bytes.
///
/// # Safety
/// `shared` must be readable for the size of a `T`.
#[cfg(all(
    not(loom),
    any(
        miri,
        not(any(
            all(target_arch = "x86_64", target_feature = "sse2"),
            target_arch = "aarch64",
            target_arch = "riscv64"
        ))
    )
))]
#[inline(always)]
pub(super) unsafe fn value_out<T>(shared: *const u8) -> core::mem::MaybeUninit<T> {
    let mut value = core::mem::MaybeUninit::<T>::uninit();
    // SAFETY: `shared` is readable by contract; `value` is a local variable with room for a `T`.
    unsafe { copy_out(shared, value.as_mut_ptr().cast(), size_of::<T>()) };
    value
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{BY_PIECES, PIECE, copy_out};

    #[test]
    fn copy_out_copies_exactly_len_bytes() {
        let shared: [u8; 3 * BY_PIECES] = core::array::from_fn(|at| (at % 251) as u8);
        let around = |len: usize| len - 1..=len + 1;
        for len in (0..=1)
            .chain(around(PIECE))
            .chain(around(5 * PIECE))
            .chain(around(BY_PIECES))
            .chain([2 * BY_PIECES])
        {
            let mut copy = [255; 3 * BY_PIECES];
            // SAFETY: both arrays have at least `len` bytes, and are distinct.
            unsafe { copy_out(shared.as_ptr(), copy.as_mut_ptr(), len) }
            assert!(copy[..len] == shared[..len], "{len}");
            assert!(copy[len..].iter().all(|byte| *byte == 255), "{len}");
        }
    }
}
