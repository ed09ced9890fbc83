//! Messages side by side and two counters, each of which the other side remembers: the simplest ring there is. One by one, in batches
//! and as records of bytes, which are read where they are or copied out first.
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::*;

use super::memory::{Counter, Slots};
use crate::drive::{BytePeer, ByteRx, ByteTx, Message, Peer, Result, Rx, Shape, Tx, sum_of};
use crate::place::Zeroed;

/// Transparent: side by side they are an array.
#[repr(transparent)]
pub struct Slot<M>(UnsafeCell<MaybeUninit<M>>);
// SAFETY: written while it is the sender's, read while it is the receiver's, as two counters say.
unsafe impl<M> Zeroed for Slot<M> {}
// SAFETY: as above.
unsafe impl<M: Send> Sync for Slot<M> {}

/// How records are read and copied.
pub trait How: Send + 'static {
    /// Copied out and given back before they are read; otherwise they are read where they are.
    const OUT: bool;
    /// # Safety
    /// As of `copy_from_nonoverlapping`.
    #[inline(always)]
    unsafe fn copy<const LEN: usize>(to: *mut [u8; LEN], from: *const [u8; LEN]) {
        // SAFETY: the caller's.
        unsafe { to.copy_from_nonoverlapping(from, 1) };
    }
}
/// Read where they are.
pub struct There;
/// Copied out by the C library, which knows the processor.
pub struct Out;
/// Copied in and out by registers of 16 bytes.
pub struct OutByRegisters;

impl How for There {
    const OUT: bool = false;
}
impl How for Out {
    const OUT: bool = true;
}
impl How for OutByRegisters {
    const OUT: bool = true;
    #[inline(always)]
    unsafe fn copy<const LEN: usize>(to: *mut [u8; LEN], from: *const [u8; LEN]) {
        const PIECE: usize = size_of::<[u128; 4]>();
        for at in (0..LEN).step_by(PIECE) {
            // SAFETY: a whole number of pieces, and the caller's.
            let piece = unsafe { from.byte_add(at).cast::<[u128; 4]>().read_unaligned() };
            // SAFETY: as above.
            unsafe { to.byte_add(at).cast::<[u128; 4]>().write_unaligned(piece) };
            // SAFETY: nothing; the compiler would otherwise see that this is what the C library does.
            unsafe { std::arch::asm!("", options(nostack, preserves_flags)) };
        }
    }
}

pub struct Counted<M, H> {
    slots: Slots<Slot<M>>,
    counters: Slots<Counter>,
    how: PhantomData<H>,
}
/// Either end: where it is, and where the other one was when it last looked.
pub struct End<M> {
    slots: Slots<Slot<M>>,
    counters: Slots<Counter>,
    at: u64,
    other: u64,
}
pub struct Sends<M, H>(End<M>, PhantomData<H>);
pub struct Takes<M, H>(End<M>, PhantomData<H>);

impl<M, H> Counted<M, H> {
    fn new(many: usize) -> Result<Self> {
        Ok(Self { slots: Slots::new(many)?, counters: Slots::new(2)?, how: PhantomData })
    }
    fn end(&self) -> End<M> {
        End { slots: self.slots.clone(), counters: self.counters.clone(), at: 0, other: 0 }
    }
}

impl<M> End<M> {
    #[inline(always)]
    fn tail(&self) -> &Counter {
        self.counters.at(0)
    }
    #[inline(always)]
    fn head(&self) -> &Counter {
        self.counters.at(1)
    }
    /// For how many messages there is room; asks the receiver only if it is not known to be enough.
    #[inline(always)]
    fn room(&mut self, wanted: u64) -> u64 {
        if self.other + self.slots.many() - self.at < wanted {
            // Acquire: the receiver is done with those.
            self.other = self.head().load(Acquire);
        }
        self.other + self.slots.many() - self.at
    }
    /// How many messages are there; asks the sender only if they are not known to be enough.
    #[inline(always)]
    fn there(&mut self, wanted: u64) -> u64 {
        if self.other - self.at < wanted {
            // Acquire: the messages come with it.
            self.other = self.tail().load(Acquire);
        }
        self.other - self.at
    }
    /// The sender: these are the receiver's now.
    #[inline(always)]
    fn sent(&mut self, many: u64) {
        self.at += many;
        // Release: the messages come first.
        self.tail().store(self.at, Release);
    }
    /// The receiver: these are the sender's again.
    #[inline(always)]
    fn read(&mut self, many: u64) {
        self.at += many;
        // Release: all of it was read.
        self.head().store(self.at, Release);
    }
}

impl<M: Message> Peer<M> for Counted<M, There> {
    type Tx = Sends<M, There>;
    type Rx = Takes<M, There>;
    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape.capacity)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(Sends(self.end(), PhantomData))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(Takes(self.end(), PhantomData))
    }
}

impl<M: Message> Tx<M> for Sends<M, There> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        let end = &mut self.0;
        if end.room(1) == 0 {
            return false;
        }
        // SAFETY: the receiver is done with this slot, and does not look at it before it is sent.
        unsafe { *end.slots.at(end.at).0.get() = MaybeUninit::new(*message) };
        end.sent(1);
        true
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        let end = &mut self.0;
        let room = end.room(messages.len() as u64).min(messages.len() as u64) as usize;
        let mut done = 0;
        while done < room {
            let span = end.slots.span(end.at + done as u64, room - done);
            let to = span.as_ptr().cast::<M>().cast_mut();
            let from = messages[done..][..span.len()].as_ptr();
            // SAFETY: as many messages are in the span, which is the sender's, as in `try_send`.
            unsafe { to.copy_from_nonoverlapping(from, span.len()) };
            done += span.len();
        }
        if done > 0 {
            end.sent(done as u64);
        }
        done
    }
}

impl<M: Message> Rx<M> for Takes<M, There> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        let end = &mut self.0;
        if end.there(1) == 0 {
            return None;
        }
        // SAFETY: below TAIL: it was written, and the sender leaves it alone until HEAD passes it.
        let message = unsafe { (*end.slots.at(end.at).0.get()).assume_init() };
        end.read(1);
        Some(message)
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&M)) -> usize {
        let end = &mut self.0;
        let many = end.there(limit as u64).min(limit as u64) as usize;
        if many == 0 {
            return 0;
        }
        let mut done = 0;
        while done < many {
            let span = end.slots.span(end.at + done as u64, many - done);
            // SAFETY: as in `try_recv`, for all of them.
            let messages = unsafe { std::slice::from_raw_parts(span.as_ptr().cast::<M>(), span.len()) };
            messages.iter().for_each(&mut each);
            done += span.len();
        }
        end.read(many as u64);
        many
    }
}

// ---- Bytes

/// A record, which begins on a line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Block<const LEN: usize>([u8; LEN]);

/// And what it is copied out to.
pub struct TakesBlocks<const LEN: usize, H>(End<Block<LEN>>, Box<Block<LEN>>, PhantomData<H>);

impl<const LEN: usize, H: How> BytePeer for Counted<Block<LEN>, H> {
    type Tx = Sends<Block<LEN>, H>;
    type Rx = TakesBlocks<LEN, H>;
    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape.capacity / LEN)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(Sends(self.end(), PhantomData))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        // Its pages are there before the first record is.
        Ok(TakesBlocks(self.end(), Box::new(Block([1; LEN])), PhantomData))
    }
}

impl<const LEN: usize, H: How> ByteTx for Sends<Block<LEN>, H> {
    #[inline(always)]
    fn try_send(&mut self, record: &[u8]) -> bool {
        let end = &mut self.0;
        let Some(record) = record.as_array::<LEN>() else { unreachable!("records of {LEN} bytes") };
        if end.room(1) == 0 {
            return false;
        }
        // SAFETY: the receiver is done with this slot, and does not look at it before it is sent; it is all bytes.
        unsafe { H::copy(end.slots.at(end.at).0.get().cast::<[u8; LEN]>(), record) };
        end.sent(1);
        true
    }
}

impl<const LEN: usize, H: How> ByteRx for TakesBlocks<LEN, H> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        let Self(end, own, _) = self;
        if end.there(1) == 0 {
            return None;
        }
        let from = end.slots.at(end.at).0.get().cast::<[u8; LEN]>();
        if !H::OUT {
            // SAFETY: below TAIL, so that the sender leaves it alone until HEAD passes it; it is all bytes.
            let sum = sum_of(unsafe { &*from });
            end.read(1);
            return Some(sum);
        }
        // SAFETY: as above; and the copy is our own.
        unsafe { H::copy(&mut own.0, from) };
        // It is the other side's again before the copy is read.
        end.read(1);
        Some(sum_of(&own.0))
    }
}
