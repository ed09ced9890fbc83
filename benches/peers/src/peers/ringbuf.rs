//! ringbuf: one by one through its caching ends, and slices, as its documentation advises for many items.
use crate::cell::{self, Cell, Threads};
use crate::drive::{Aligned, Ends, Message, Peer, Result, Rx, Shape, Tx, Words};
use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Producer, Split},
};

pub struct Ringbuf<M>(Ends<HeapProd<M>, HeapCons<M>>);

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Threads, Ringbuf<Words<1>>, _>(list, "ringbuf");
    cell::held_back::<Threads, Ringbuf<Words<1>>, _>(list, "ringbuf");
    cell::typed::<Threads, Ringbuf<Words<7>>, _>(list, "ringbuf");
    cell::held_back::<Threads, Ringbuf<Words<7>>, _>(list, "ringbuf");
    cell::typed::<Threads, Ringbuf<Words<8>>, _>(list, "ringbuf");
    cell::held_back::<Threads, Ringbuf<Words<8>>, _>(list, "ringbuf");
    cell::typed::<Threads, Ringbuf<Words<32>>, _>(list, "ringbuf");
    cell::typed::<Threads, Ringbuf<Aligned<7>>, _>(list, "ringbuf, aligned");
    cell::held_back::<Threads, Ringbuf<Aligned<7>>, _>(list, "ringbuf, aligned");
    cell::typed::<Threads, Ringbuf<Aligned<8>>, _>(list, "ringbuf, aligned");
    cell::held_back::<Threads, Ringbuf<Aligned<8>>, _>(list, "ringbuf, aligned");
    cell::typed::<Threads, Ringbuf<Aligned<32>>, _>(list, "ringbuf, aligned");
    cell::batch::<Threads, Ringbuf<Words<1>>, _>(list, "ringbuf, slices");
    cell::batch_held_back::<Threads, Ringbuf<Words<1>>, _>(list, "ringbuf, slices");
    cell::batch::<Threads, Ringbuf<Words<7>>, _>(list, "ringbuf, slices");
    cell::batch_held_back::<Threads, Ringbuf<Words<7>>, _>(list, "ringbuf, slices");
    cell::batch::<Threads, Ringbuf<Words<8>>, _>(list, "ringbuf, slices");
    cell::batch_held_back::<Threads, Ringbuf<Words<8>>, _>(list, "ringbuf, slices");
    cell::batch::<Threads, Ringbuf<Aligned<7>>, _>(list, "ringbuf, slices, aligned");
    cell::batch_held_back::<Threads, Ringbuf<Aligned<7>>, _>(list, "ringbuf, slices, aligned");
    cell::batch::<Threads, Ringbuf<Aligned<8>>, _>(list, "ringbuf, slices, aligned");
    cell::batch_held_back::<Threads, Ringbuf<Aligned<8>>, _>(list, "ringbuf, slices, aligned");
}

impl<M: Message> Peer<M> for Ringbuf<M> {
    type Tx = HeapProd<M>;
    type Rx = HeapCons<M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(HeapRb::new(shape.capacity).split(), shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|_| None)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx()
    }
}

impl<M: Message> Tx<M> for HeapProd<M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.try_push(*message).is_ok()
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        self.push_slice(messages)
    }
}

impl<M: Message> Rx<M> for HeapCons<M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        self.try_pop()
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&M)) -> usize {
        // Read in place, then released at once.
        let (first, second) = self.as_slices();
        let taken = limit.min(first.len() + second.len());
        first.iter().chain(second).take(taken).for_each(&mut each);
        if taken == 0 { 0 } else { self.skip(taken) }
    }
}
