//! A message and its number side by side: what it costs at best to give each message away by itself. The receiver tells four times a
//! lap what it has read.
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering::*};

use super::memory::{Counter, Slots};
use crate::drive::{BytePeer, ByteRx, ByteTx, Peer, Result, Rx, Shape, Tx, Words};
use crate::place::Zeroed;

/// What begins on a cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Line;

/// `A`: aligned as this, which is all that is taken of it. `REST`: bytes that belong to it and are not touched.
#[repr(C)]
pub struct Slot<A, const N: usize, const REST: usize> {
    align: [A; 0],
    pub stamp: AtomicU64,
    words: UnsafeCell<[u64; N]>,
    rest: UnsafeCell<[u8; REST]>,
}
// SAFETY: the words are written before the stamp that gives them away, and read after it; the rest is never touched.
unsafe impl<A, const N: usize, const REST: usize> Zeroed for Slot<A, N, REST> {}
// SAFETY: as above; of `A` there is nothing in it.
unsafe impl<A, const N: usize, const REST: usize> Sync for Slot<A, N, REST> {}

impl<A, const N: usize, const REST: usize> Slot<A, N, REST> {
    /// Writes the words, then gives them away as message number `at`.
    ///
    /// # Safety
    /// The slot is this sender's: nobody reads it before it is stamped.
    #[inline(always)]
    pub unsafe fn give(&self, at: u64, words: [u64; N]) {
        // SAFETY: the caller's.
        unsafe { *self.words.get() = words };
        // Release: the words come first.
        self.stamp.store(at + 1, Release);
    }

    /// The words of message number `at`, if it is there.
    ///
    /// # Safety
    /// It is not written again before this receiver says that it may be.
    #[inline(always)]
    pub unsafe fn take(&self, at: u64) -> Option<[u64; N]> {
        // Acquire: the words come with it.
        // SAFETY: the caller's; and it is stamped.
        (self.stamp.load(Acquire) == at + 1).then(|| unsafe { *self.words.get() })
    }
}

/// A ring of them.
pub struct Stamped<A, const N: usize, const REST: usize = 0> {
    slots: Slots<Slot<A, N, REST>>,
    head: Slots<Counter>,
}

/// Either end: where it is, and up to where there is room as far as it knows.
pub struct End<A, const N: usize, const REST: usize> {
    slots: Slots<Slot<A, N, REST>>,
    head: Slots<Counter>,
    at: u64,
    limit: u64,
}
pub struct Sends<A, const N: usize, const REST: usize>(End<A, N, REST>);
pub struct Takes<A, const N: usize, const REST: usize>(End<A, N, REST>);

impl<A, const N: usize, const REST: usize> Stamped<A, N, REST> {
    pub fn new(many: usize) -> Result<Self> {
        Ok(Self { slots: Slots::new(many)?, head: Slots::new(1)? })
    }
    fn end(&self) -> End<A, N, REST> {
        End { slots: self.slots.clone(), head: self.head.clone(), at: 0, limit: self.slots.many() }
    }
    pub fn sends(&self) -> Sends<A, N, REST> {
        Sends(self.end())
    }
    pub fn takes(&self) -> Takes<A, N, REST> {
        Takes(self.end())
    }
}

impl<A, const N: usize, const REST: usize> Sends<A, N, REST> {
    #[inline(always)]
    fn send(&mut self, words: [u64; N]) -> bool {
        let end = &mut self.0;
        if end.at == end.limit {
            // Acquire: the receiver has read what it says it has.
            end.limit = end.head.at(0).load(Acquire) + end.slots.many();
            if end.at == end.limit {
                return false;
            }
        }
        // SAFETY: below `limit`, so that the receiver is done with what stood there.
        unsafe { end.slots.at(end.at).give(end.at, words) };
        end.at += 1;
        true
    }
}

impl<A, const N: usize, const REST: usize> Takes<A, N, REST> {
    #[inline(always)]
    pub fn take(&mut self) -> Option<[u64; N]> {
        let end = &mut self.0;
        // SAFETY: the sender comes back only when HEAD says so.
        let words = unsafe { end.slots.at(end.at).take(end.at) }?;
        end.at += 1;
        // Seldom, so that it costs nothing.
        if end.at & (end.slots.many() / 4 - 1) == 0 {
            // Release: all words up to here were read.
            end.head.at(0).store(end.at, Release);
        }
        Some(words)
    }
}

impl<A, const N: usize> Peer<Words<N>> for Stamped<A, N> {
    type Tx = Sends<A, N, 0>;
    type Rx = Takes<A, N, 0>;
    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape.capacity)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(self.sends())
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(self.takes())
    }
}

impl<A, const N: usize> Tx<Words<N>> for Sends<A, N, 0> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        self.send(message.0)
    }
}

impl<A, const N: usize> Rx<Words<N>> for Takes<A, N, 0> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        self.take().map(Words)
    }
}

/// Records of `LEN` bytes made in place, of which the stamp's line is touched alone.
impl<const LEN: usize> BytePeer for Stamped<Line, 1, LEN> {
    type Tx = Sends<Line, 1, LEN>;
    type Rx = Takes<Line, 1, LEN>;
    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape.capacity / LEN)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(self.sends())
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(self.takes())
    }
}

impl<const LEN: usize> ByteTx for Sends<Line, 1, LEN> {
    fn try_send(&mut self, _: &[u8]) -> bool {
        unreachable!("not registered for this work")
    }
    #[inline(always)]
    fn try_send_in_place(&mut self, _: usize, first: u64) -> bool {
        self.send([first])
    }
}

impl<const LEN: usize> ByteRx for Takes<Line, 1, LEN> {
    fn try_recv(&mut self) -> Option<u64> {
        unreachable!("not registered for this work")
    }
    #[inline(always)]
    fn try_recv_in_place(&mut self) -> Option<u64> {
        self.take().map(|[first]| first)
    }
}

/// Slots one after the other, without a look at who has read them: enough where the other side answers before there is more.
pub struct Walk<const N: usize>(Slots<Slot<Line, N, 0>>);
pub struct WalkEnd<const N: usize>(Slots<Slot<Line, N, 0>>, u64);

impl<const N: usize> Peer<Words<N>> for Walk<N> {
    type Tx = WalkEnd<N>;
    type Rx = WalkEnd<N>;
    fn make(shape: &Shape) -> Result<Self> {
        Slots::new(shape.capacity).map(Self)
    }
    fn tx(&mut self) -> Result<WalkEnd<N>> {
        Ok(WalkEnd(self.0.clone(), 0))
    }
    fn rx(&mut self) -> Result<WalkEnd<N>> {
        Ok(WalkEnd(self.0.clone(), 0))
    }
}

impl<const N: usize> Tx<Words<N>> for WalkEnd<N> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        // SAFETY: what stood here was answered, and so read.
        unsafe { self.0.at(self.1).give(self.1, message.0) };
        self.1 += 1;
        true
    }
}

impl<const N: usize> Rx<Words<N>> for WalkEnd<N> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        // SAFETY: not written again before it is answered.
        let words = unsafe { self.0.at(self.1).take(self.1) }?;
        self.1 += 1;
        Some(Words(words))
    }
}
