//! nexus-queue: its ring of one producer, and its ring of many.
use crate::cell::{self, Cell, Threads};
use crate::drive::{Aligned, Ends, Message, Peer, Result, Rx, Shape, Tx, Words};
use nexus_queue::{mpsc, spsc};

pub struct Spsc<M>(Ends<spsc::Producer<M>, spsc::Consumer<M>>);
pub struct Mpsc<M>(Ends<mpsc::Producer<M>, mpsc::Consumer<M>>);

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Threads, Spsc<Words<1>>, _>(list, "nexus-queue");
    cell::held_back::<Threads, Spsc<Words<1>>, _>(list, "nexus-queue");
    cell::typed::<Threads, Spsc<Words<7>>, _>(list, "nexus-queue");
    cell::held_back::<Threads, Spsc<Words<7>>, _>(list, "nexus-queue");
    cell::typed::<Threads, Spsc<Words<8>>, _>(list, "nexus-queue");
    cell::held_back::<Threads, Spsc<Words<8>>, _>(list, "nexus-queue");
    cell::typed::<Threads, Spsc<Words<32>>, _>(list, "nexus-queue");
    cell::typed::<Threads, Spsc<Aligned<7>>, _>(list, "nexus-queue, aligned");
    cell::held_back::<Threads, Spsc<Aligned<7>>, _>(list, "nexus-queue, aligned");
    cell::typed::<Threads, Spsc<Aligned<8>>, _>(list, "nexus-queue, aligned");
    cell::held_back::<Threads, Spsc<Aligned<8>>, _>(list, "nexus-queue, aligned");
    cell::typed::<Threads, Spsc<Aligned<32>>, _>(list, "nexus-queue, aligned");
    cell::fan::<Threads, Mpsc<Words<1>>, _>(list, "nexus-queue");
    cell::fan::<Threads, Mpsc<Words<8>>, _>(list, "nexus-queue");
}

impl<M: Message> Peer<M> for Spsc<M> {
    type Tx = spsc::Producer<M>;
    type Rx = spsc::Consumer<M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(spsc::ring_buffer(shape.capacity), shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|_| None)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx()
    }
}

impl<M: Message> Peer<M> for Mpsc<M> {
    type Tx = mpsc::Producer<M>;
    type Rx = mpsc::Consumer<M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(mpsc::ring_buffer(shape.capacity), shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|tx| Some(tx.clone()))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx()
    }
}

impl<M: Message> Tx<M> for spsc::Producer<M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.push(*message).is_ok()
    }
}

impl<M: Message> Rx<M> for spsc::Consumer<M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        self.pop()
    }
}

impl<M: Message> Tx<M> for mpsc::Producer<M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.push(*message).is_ok()
    }
}

impl<M: Message> Rx<M> for mpsc::Consumer<M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        self.pop()
    }
}
