//! A stamp for up to 64 messages, which are one span behind it: what it costs at best to give many away at once.
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering::*};

use super::memory::{Counter, Slots};
use crate::drive::{Message, Peer, Result, Rx, Shape, Tx};
use crate::place::Zeroed;

const MANY: usize = 64;

#[repr(C, align(64))]
pub struct Batch<M> {
    stamp: AtomicU64,
    many: UnsafeCell<usize>,
    messages: UnsafeCell<[MaybeUninit<M>; MANY]>,
}
// SAFETY: all else is written before the stamp that gives it away, and read after it.
unsafe impl<M> Zeroed for Batch<M> {}
// SAFETY: as above.
unsafe impl<M: Send> Sync for Batch<M> {}

/// `OUT`: copied out and given back before they are read; otherwise they are read where they are.
pub struct Batched<M, const OUT: bool> {
    batches: Slots<Batch<M>>,
    head: Slots<Counter>,
}
pub struct Sends<M> {
    batches: Slots<Batch<M>>,
    head: Slots<Counter>,
    at: u64,
    limit: u64,
}
pub struct Takes<M, const OUT: bool> {
    batches: Slots<Batch<M>>,
    head: Slots<Counter>,
    at: u64,
    own: [MaybeUninit<M>; MANY],
}

impl<M: Message, const OUT: bool> Peer<M> for Batched<M, OUT> {
    type Tx = Sends<M>;
    type Rx = Takes<M, OUT>;
    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self { batches: Slots::new(shape.capacity / MANY)?, head: Slots::new(1)? })
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        let (batches, head) = (self.batches.clone(), self.head.clone());
        Ok(Sends { limit: batches.many(), batches, head, at: 0 })
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        let (batches, head) = (self.batches.clone(), self.head.clone());
        Ok(Takes { batches, head, at: 0, own: [MaybeUninit::uninit(); MANY] })
    }
}

impl<M: Message> Tx<M> for Sends<M> {
    fn try_send(&mut self, message: &M) -> bool {
        self.try_send_batch(std::slice::from_ref(message)) == 1
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        let messages = &messages[..messages.len().min(MANY)];
        if self.at == self.limit {
            // Acquire: the receiver has read what it says it has.
            self.limit = self.head.at(0).load(Acquire) + self.batches.many();
            if self.at == self.limit {
                return 0;
            }
        }
        let batch = self.batches.at(self.at);
        // SAFETY: below `limit`, so that the receiver is done with what stood there, and not stamped yet.
        unsafe { *batch.many.get() = messages.len() };
        // SAFETY: as above.
        let room = unsafe { &mut *batch.messages.get() };
        room[..messages.len()].write_copy_of_slice(messages);
        self.at += 1;
        // Release: all of it comes first.
        batch.stamp.store(self.at, Release);
        messages.len()
    }
}

impl<M: Message, const OUT: bool> Rx<M> for Takes<M, OUT> {
    fn try_recv(&mut self) -> Option<M> {
        unreachable!("not registered for this work")
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, _limit: usize, each: impl FnMut(&M)) -> usize {
        let batch = self.batches.at(self.at);
        // Acquire: all of it comes with it.
        if batch.stamp.load(Acquire) != self.at + 1 {
            return 0;
        }
        // SAFETY: stamped for this lap; the sender comes back only when HEAD says so.
        let (many, there) = unsafe { (*batch.many.get(), &*batch.messages.get()) };
        self.at += 1;
        // Seldom, so that it costs nothing.
        let tells = self.at & (self.batches.many() / 4 - 1) == 0;
        if OUT {
            self.own[..many].copy_from_slice(&there[..many]);
            if tells {
                // Release: all up to here was read.
                self.head.at(0).store(self.at, Release);
            }
            // SAFETY: as many were written.
            unsafe { self.own[..many].assume_init_ref() }.iter().for_each(each);
        } else {
            // SAFETY: as many were written.
            unsafe { there[..many].assume_init_ref() }.iter().for_each(each);
            if tells {
                // Release: all up to here was read.
                self.head.at(0).store(self.at, Release);
            }
        }
        many
    }
}
