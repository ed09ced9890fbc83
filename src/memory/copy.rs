//! The one audited way for payload to cross between private and shared memory.
//!
//! # What the memory model says, and does not say
//! Between peers that keep the protocol there is no race: a producer writes a cell only when the
//! consumer's HEAD (edge E2) has released it, a consumer reads it only after its stamp (edge E1).
//! A peer that breaks the protocol can write while we read. Rust's memory model does not settle what
//! memory shared with an untrusted process *is* (unsafe-code-guidelines issues 152, 606 and 607, RFC
//! 3301): strictly, a racing non-atomic access is undefined. So we make sure of what matters in practice:
//!
//! 1. No reference to shared bytes exists, so the compiler may assume nothing about their stability.
//! 2. Every byte is read from shared memory **once**. After a copy out, an empty `asm!` block is given the
//!    private copy's address and is declared to clobber memory: for the compiler, the private bytes are now
//!    whatever that block left there. It can neither go back to the shared bytes for a second look
//!    (the classic double fetch), nor know anything of the value that was read.
//! 3. The result is used only as a type for which every bit pattern is valid (`zerocopy::FromBytes`), or
//!    as bytes. A racing liar therefore yields a wrong value, never an invalid one.
//!
//! Where there is no `asm!`, the copy is made of volatile bytes, which gives the same three facts, slower.
//!
//! The copies are plain `memcpy`s to the machine, and to ThreadSanitizer, which therefore sees the
//! payload traffic and checks the edges that order it.

/// Copies private bytes into shared memory.
///
/// # Safety
/// `src` must be readable and `shared` writable for `len` bytes, and they must not overlap.
#[cfg(not(loom))]
#[inline(always)]
pub(super) unsafe fn copy_in(src: *const u8, shared: *mut u8, len: usize) {
    // SAFETY: both ranges are valid and apart, by this function's own contract.
    unsafe { core::ptr::copy_nonoverlapping(src, shared, len) }
}

/// Copies shared bytes out into private memory; each shared byte is read once (see the module docs).
///
/// # Safety
/// `shared` must be readable and `dst` writable for `len` bytes, and they must not overlap.
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
pub(super) unsafe fn copy_out(shared: *const u8, dst: *mut u8, len: usize) {
    // SAFETY: both ranges are valid and apart, by this function's own contract.
    unsafe { core::ptr::copy_nonoverlapping(shared, dst, len) }
    // SAFETY: the block is empty: it touches neither memory nor registers nor the stack. What it is
    // *declared* to do (it may write anything reachable from `dst`) is the point, see the module docs.
    unsafe { core::arch::asm!("/* {0} */", in(reg) dst, options(nostack, preserves_flags)) }
}

/// Copies shared bytes out into private memory; each shared byte is read once (see the module docs).
///
/// # Safety
/// `shared` must be readable and `dst` writable for `len` bytes, and they must not overlap.
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
pub(super) unsafe fn copy_out(shared: *const u8, dst: *mut u8, len: usize) {
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
