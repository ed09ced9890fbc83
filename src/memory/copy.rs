//! The one audited way for payload to cross between private and shared memory.
//!
//! # What the memory model says, and does not say
//! Between peers that keep the protocol there is no race: a producer writes a cell only when the consumer's HEAD
//! (edge E2) has released it, a consumer reads it only after its stamp (edge E1). For them these are ordinary
//! copies.
//!
//! A peer that breaks the protocol can write while we read, and read or write while we write. In one program that
//! is undefined behaviour; what it is when the other side is not part of the program, Rust has not settled:
//! * [unsafe-code-guidelines 152] asked how to share memory with untrusted threads, and was closed without a rule;
//!   [607] asks again, and is open. Its advice so far: keep such memory out of the abstract machine (no reference,
//!   nothing but raw pointers) and access it by volatile operations, or by atomic ones where there is order to be
//!   had.
//! * [RFC 3301], open, is the operation that we would want: a copy that is atomic byte by byte. Once it is there it
//!   takes the place of what is below.
//! * [606] is about memory that is gone when it is touched, as a truncated file's is: no copy helps against that.
//! * The compiler that there is goes by [LLVM's rules]: a load in a race is no undefined behaviour, but what it
//!   gives is undetermined (`undef`), which can look different at every use.
//!
//! # What we rely on
//! 1. No reference to shared bytes exists, so the compiler may not assume that they stay as they are.
//! 2. After a copy out, an empty `asm!` block is given the private copy's address, and is declared to touch memory
//!    as it likes. For the compiler the private bytes are from then on what that block has left there. So it cannot
//!    go back to the shared bytes for a second look (the double fetch, by which what was checked is not what is
//!    used): it does not know them to be the same. Nor does anything undetermined get past: the block leaves bytes
//!    that have one value. (Small values pass through such blocks in registers: what comes out is what the block left there.)
//! 3. The result is used only as a type for which every bit pattern is valid (`zerocopy::FromBytes`), or as bytes.
//!    A racing liar therefore yields a wrong value, never an invalid one.
//!
//! A `memcpy` may load a byte twice, where its pieces overlap; what it stores last is the value. So bytes of one
//! record may come from different moments, which is no worse than other wrong bytes.
//!
//! A copy *in* needs no such block: nothing of ours depends on what then stands in shared memory. A liar who writes
//! there meanwhile spoils its own ring; one who reads sees the old bytes, the new ones, or some of each. If we read
//! them back, it is by a copy out.
//!
//! Where there is no `asm!`, a copy out is made of volatile bytes: the same facts, slower.
//!
//! # What it costs, and what sees it
//! Within 10 % of a bare `memcpy` at 64 B and 1 MiB, and less than it at 4 KiB: `cargo bench --bench copy`.
//!
//! From some thousand bytes on a `memcpy` leaves them to an instruction of the processor (glibc 2.36: `rep movsb`), and that is slow where
//! they come from another core. So up to 16 KiB they are copied *out* by pieces which are too short for that. Records of 4 KiB: 5.9 and
//! 9.5 million a second on cores that share a cache, 2.9 and 3.6 on distant ones; at 16 KiB level; at 64 KiB it would be a tenth less.
//! Asking for the next piece's lines meanwhile (prefetch) changes nothing. *In* it is the other way round: by pieces, 4 KiB would be 20 %
//! less, and on distant cores half.
//!
//! A value of up to 64 bytes passes through registers instead of memory, by the same empty block, piece by piece: so it is built where it
//! is wanted. Pieces of 16 bytes rather than of 8, where there are registers for them: a compiler that reads 16 bytes back which were
//! stored as two times 8 is held up until both stores are done (measured: items of 56 bytes, 85 and 230 million a second). *In* it goes by
//! such pieces too (56 bytes, 230 and 275 million).
//!
//! To ThreadSanitizer these are plain accesses, so it sees the payload traffic and checks the edges that order it.
//! Miri knows no `asm!`: it gets the volatile bytes, which are not atomic to it either. (It has not been run.) For
//! loom a region has cells of its own.
//!
//! [unsafe-code-guidelines 152]: https://github.com/rust-lang/unsafe-code-guidelines/issues/152
//! [606]: https://github.com/rust-lang/unsafe-code-guidelines/issues/606
//! [607]: https://github.com/rust-lang/unsafe-code-guidelines/issues/607
//! [RFC 3301]: https://github.com/rust-lang/rfcs/pull/3301
//! [LLVM's rules]: https://llvm.org/docs/Atomics.html#notatomic

/// Copies private bytes into shared memory. Who reads or writes there meanwhile breaks the protocol, and gets what it gets.
///
/// # Safety
/// `src` must be readable and `shared` writable for `len` bytes, and they must not overlap.
#[cfg(not(loom))]
#[inline(always)]
pub(super) unsafe fn copy_in(src: *const u8, shared: *mut u8, len: usize) {
    // SAFETY: both ranges are valid and apart, by this function's own contract.
    unsafe { core::ptr::copy_nonoverlapping(src, shared, len) }
}

/// Copies shared bytes out into private memory. Afterwards they are only what was read, not what is there (see above).
///
/// # Safety
/// `shared` must be readable and `dst` writable for `len` bytes, and they must not overlap.
#[cfg(not(loom))]
#[inline(always)]
pub(super) unsafe fn copy_out(shared: *const u8, dst: *mut u8, len: usize) {
    if len > PIECE {
        // SAFETY: the same contract.
        unsafe { long_out(shared, dst, len) }
    } else {
        // SAFETY: the same contract.
        unsafe { piece_out(shared, dst, len) }
    }
}

/// Copies many shared bytes out: by pieces, up to a point (see above).
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
        // SAFETY: `len - at` bytes are left of either, which are apart by contract.
        unsafe { piece_out(from, to, piece.min(len - at)) }
    }
}

/// What a `memcpy` moves through registers everywhere, in bytes.
#[cfg(not(loom))]
const PIECE: usize = 512;
/// More bytes than that are copied out at once.
#[cfg(not(loom))]
const BY_PIECES: usize = 16 << 10;

/// Copies shared bytes out in one go.
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
    // SAFETY: both ranges are valid and apart, by this function's own contract.
    unsafe { core::ptr::copy_nonoverlapping(shared, dst, len) }
    // SAFETY: the block is empty: it touches neither memory nor registers nor the stack. What it is
    // *declared* to do (it may write anything reachable from `dst`) is the point, see the module docs.
    unsafe { core::arch::asm!("/* {0} */", in(reg) dst, options(nostack, preserves_flags)) }
}

/// Copies shared bytes out in one go.
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
        // SAFETY: `from` is readable, see above; a byte has no alignment.
        let byte = unsafe { from.read_volatile() };
        // SAFETY: `at < len`, and `dst` is writable for `len` bytes by contract.
        let to = unsafe { dst.add(at) };
        // SAFETY: `to` is writable, see above.
        unsafe { to.write(byte) }
    }
}

/// Where there is `asm!` with registers of 64 bits.
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

    /// Copies a value out of shared memory, as [`copy_out`] does bytes. A small one goes through registers, so that the compiler builds it
    /// where it is wanted: what comes out of an empty `asm!` block has one value, of which nothing is known, and the place in shared
    /// memory is not known to hold the same.
    ///
    /// # Safety
    /// `shared` must be readable for the size of a `T`.
    #[inline(always)]
    pub(in crate::memory) unsafe fn value_out<T>(shared: *const u8) -> MaybeUninit<T> {
        let mut value = MaybeUninit::<T>::uninit();
        let private: *mut u8 = value.as_mut_ptr().cast();
        let len = size_of::<T>();
        if len > IN_REGISTERS || len % 8 != 0 {
            // SAFETY: `shared` is readable by contract; `value` is private and has room for a `T`.
            unsafe { copy_out(shared, private, len) };
            return value;
        }
        // Two words at a time where there is a register for them.
        let wide = if cfg!(target_arch = "x86_64") { len / 16 * 16 } else { 0 };
        let place = |at: usize| {
            // SAFETY: `at < len`, and `shared` is readable for `len` bytes by contract.
            let from = unsafe { shared.add(at) };
            // SAFETY: `at < len`, which `value` has.
            (from, unsafe { private.add(at) })
        };
        #[cfg(target_arch = "x86_64")]
        for (from, to) in (0..wide / 16).map(|i| place(16 * i)) {
            // SAFETY: 16 bytes are left, see `wide`.
            unsafe { two_words(from, to) }
        }
        for (from, to) in (wide / 8..len / 8).map(|i| place(8 * i)) {
            // SAFETY: 8 bytes are left: `len` is a multiple.
            unsafe { word_out(from, to) }
        }
        value
    }

    /// Copies a value into shared memory, as [`copy_in`](super::copy_in) does bytes: a small one by stores as wide as they can be. A compiler
    /// that has just made it, word by word, would store the words; and each store waits its turn until its line has come from the other core.
    ///
    /// # Safety
    /// `shared` must be writable for the size of a `T`, and outside of `value`, all of whose bytes must be initialised.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(in crate::memory) unsafe fn value_in<T>(value: &T, shared: *mut u8) {
        let private: *const u8 = core::ptr::from_ref(value).cast();
        let len = size_of::<T>();
        let wide = if len > IN_REGISTERS { 0 } else { len / 16 * 16 };
        let place = |at: usize| {
            // SAFETY: `at <= len`, which `value` has.
            let from = unsafe { private.add(at) };
            // SAFETY: `at <= len`, for which `shared` is writable by contract.
            (from, unsafe { shared.add(at) })
        };
        for (from, to) in (0..wide / 16).map(|i| place(16 * i)) {
            // SAFETY: 16 bytes are left, see `wide`.
            unsafe { two_words(from, to) }
        }
        let (from, to) = place(wide);
        // SAFETY: as many bytes are left; they are apart by contract.
        unsafe { super::copy_in(from, to, len - wide) }
    }

    /// Sixteen bytes, either way. Out: whoever reads a value back in wide pieces, as compilers do, is not held up by narrow ones just stored.
    ///
    /// # Safety
    /// `from` must be readable and `to` writable for 16 bytes.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn two_words(from: *const u8, to: *mut u8) {
        // SAFETY: readable by contract. Before the block its bits may be undetermined (see above), which only `MaybeUninit` may be.
        let mut part = unsafe { from.cast::<MaybeUninit<core::arch::x86_64::__m128i>>().read_unaligned() };
        // SAFETY: the block is empty. What it is *declared* to do (give the register another value) is the point.
        unsafe {
            core::arch::asm!("/* {0} */", inout(xmm_reg) part, options(nomem, nostack, preserves_flags))
        }
        // SAFETY: writable by contract.
        unsafe { to.cast::<MaybeUninit<core::arch::x86_64::__m128i>>().write_unaligned(part) }
    }

    /// Eight bytes.
    ///
    /// # Safety
    /// `shared` must be readable and `private` writable for 8 bytes.
    #[inline(always)]
    unsafe fn word_out(shared: *const u8, private: *mut u8) {
        // SAFETY: readable by contract. Before the block its bits may be undetermined (see above), which only `MaybeUninit` may be.
        let mut part = unsafe { shared.cast::<MaybeUninit<u64>>().read_unaligned() };
        // SAFETY: the block is empty. What it is *declared* to do (give the register another value) is the point.
        unsafe { core::arch::asm!("/* {0} */", inout(reg) part, options(nomem, nostack, preserves_flags)) }
        // SAFETY: writable by contract.
        unsafe { private.cast::<MaybeUninit<u64>>().write_unaligned(part) }
    }

    /// Values of no more bytes go through registers.
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

/// Copies a value into shared memory, as [`copy_in`] does bytes.
///
/// # Safety
/// `shared` must be writable for the size of a `T`, and outside of `value`, all of whose bytes must be initialised.
#[cfg(all(not(loom), not(all(not(miri), target_arch = "x86_64", target_feature = "sse2"))))]
#[inline(always)]
pub(super) unsafe fn value_in<T>(value: &T, shared: *mut u8) {
    // SAFETY: a value is readable for its size; the rest is this function's own contract.
    unsafe { copy_in(core::ptr::from_ref(value).cast(), shared, size_of::<T>()) }
}

/// Copies a value out of shared memory, as [`copy_out`] does bytes.
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
    // SAFETY: `shared` is readable by contract; `value` is private and has room for a `T`.
    unsafe { copy_out(shared, value.as_mut_ptr().cast(), size_of::<T>()) };
    value
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{BY_PIECES, PIECE, copy_out};

    #[test]
    fn every_length_is_copied_out_whole_and_no_further() {
        let shared: [u8; 3 * BY_PIECES] = core::array::from_fn(|at| (at % 251) as u8);
        let around = |len: usize| len - 1..=len + 1;
        for len in (0..=1)
            .chain(around(PIECE))
            .chain(around(5 * PIECE))
            .chain(around(BY_PIECES))
            .chain([2 * BY_PIECES])
        {
            let mut copy = [255; 3 * BY_PIECES];
            // SAFETY: both have more than `len` bytes, and are two.
            unsafe { copy_out(shared.as_ptr(), copy.as_mut_ptr(), len) }
            assert!(copy[..len] == shared[..len], "{len}");
            assert!(copy[len..].iter().all(|byte| *byte == 255), "{len}");
        }
    }
}
