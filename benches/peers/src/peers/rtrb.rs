//! rtrb: one by one, and slices copied in with chunks read in place, as its documentation advises for many items.
use crate::cell::{self, Cell, Threads};
use crate::drive::{Aligned, Ends, Message, Peer, Result, Rx, Shape, Tx, Words};
use rtrb::{Consumer, Producer, RingBuffer, chunks::ChunkError};

pub struct Rtrb<M>(Ends<Producer<M>, Consumer<M>>);

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Threads, Rtrb<Words<1>>, _>(list, "rtrb");
    cell::held_back::<Threads, Rtrb<Words<1>>, _>(list, "rtrb");
    cell::typed::<Threads, Rtrb<Words<7>>, _>(list, "rtrb");
    cell::held_back::<Threads, Rtrb<Words<7>>, _>(list, "rtrb");
    cell::typed::<Threads, Rtrb<Words<8>>, _>(list, "rtrb");
    cell::held_back::<Threads, Rtrb<Words<8>>, _>(list, "rtrb");
    cell::typed::<Threads, Rtrb<Words<32>>, _>(list, "rtrb");
    cell::typed::<Threads, Rtrb<Aligned<7>>, _>(list, "rtrb, aligned");
    cell::held_back::<Threads, Rtrb<Aligned<7>>, _>(list, "rtrb, aligned");
    cell::typed::<Threads, Rtrb<Aligned<8>>, _>(list, "rtrb, aligned");
    cell::held_back::<Threads, Rtrb<Aligned<8>>, _>(list, "rtrb, aligned");
    cell::typed::<Threads, Rtrb<Aligned<32>>, _>(list, "rtrb, aligned");
    cell::batch::<Threads, Rtrb<Words<1>>, _>(list, "rtrb, chunks");
    cell::batch_held_back::<Threads, Rtrb<Words<1>>, _>(list, "rtrb, chunks");
    cell::batch::<Threads, Rtrb<Words<7>>, _>(list, "rtrb, chunks");
    cell::batch_held_back::<Threads, Rtrb<Words<7>>, _>(list, "rtrb, chunks");
    cell::batch::<Threads, Rtrb<Words<8>>, _>(list, "rtrb, chunks");
    cell::batch_held_back::<Threads, Rtrb<Words<8>>, _>(list, "rtrb, chunks");
    cell::batch::<Threads, Rtrb<Aligned<7>>, _>(list, "rtrb, chunks, aligned");
    cell::batch_held_back::<Threads, Rtrb<Aligned<7>>, _>(list, "rtrb, chunks, aligned");
    cell::batch::<Threads, Rtrb<Aligned<8>>, _>(list, "rtrb, chunks, aligned");
    cell::batch_held_back::<Threads, Rtrb<Aligned<8>>, _>(list, "rtrb, chunks, aligned");
}

impl<M: Message> Peer<M> for Rtrb<M> {
    type Tx = Producer<M>;
    type Rx = Consumer<M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(RingBuffer::new(shape.capacity), shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|_| None)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx()
    }
}

impl<M: Message> Tx<M> for Producer<M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.push(*message).is_ok()
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        self.push_partial_slice(messages).0.len()
    }
}

impl<M: Message> Rx<M> for Consumer<M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        self.pop().ok()
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&M)) -> usize {
        // Asked for all first, so that the producer's index is only looked at when these are not known to be there.
        let limit = match self.read_chunk(limit) {
            Ok(_) => limit,
            Err(ChunkError::TooFewSlots(0)) => return 0,
            Err(ChunkError::TooFewSlots(there)) => there,
        };
        let Ok(chunk) = self.read_chunk(limit) else { return 0 };
        let (first, second) = chunk.as_slices();
        first.iter().for_each(&mut each);
        second.iter().for_each(&mut each);
        chunk.commit_all();
        limit
    }
}
