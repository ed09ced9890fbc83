//! gil: its ring of one producer, waiting by itself or tried, and written and read in place; its ring of many producers in
//! one order, and the one with a shard for each.
use super::channel::{Kind, Tried, Waiting};
use crate::cell::{self, Cell, Threads};
use crate::drive::{Aligned, Ends, Message, Peer, Result, Rx, Shape, Tx, Words};
use gil::{mpsc, mpsc::sharded, spsc};
use std::num::NonZeroUsize;

/// One producer.
pub struct One;
/// Many producers, one order.
pub struct Many;
/// Many producers, each with a ring of its own: with the whole capacity in each, if `ROOMY`, otherwise in all together.
pub struct Sharded<const ROOMY: bool>;

pub fn cells(list: &mut Vec<Cell>) {
    pair::<Words<1>>(list, ["gil", "gil, tried"]);
    pair::<Words<7>>(list, ["gil", "gil, tried"]);
    pair::<Words<8>>(list, ["gil", "gil, tried"]);
    pair::<Words<32>>(list, ["gil", "gil, tried"]);
    pair::<Aligned<7>>(list, ["gil, aligned", "gil, tried, aligned"]);
    pair::<Aligned<8>>(list, ["gil, aligned", "gil, tried, aligned"]);
    pair::<Aligned<32>>(list, ["gil, aligned", "gil, tried, aligned"]);
    cell::batch::<Threads, InPlace<Words<1>>, _>(list, "gil, in place");
    cell::batch_held_back::<Threads, InPlace<Words<1>>, _>(list, "gil, in place");
    cell::batch::<Threads, InPlace<Words<7>>, _>(list, "gil, in place");
    cell::batch_held_back::<Threads, InPlace<Words<7>>, _>(list, "gil, in place");
    cell::batch::<Threads, InPlace<Words<8>>, _>(list, "gil, in place");
    cell::batch_held_back::<Threads, InPlace<Words<8>>, _>(list, "gil, in place");
    cell::batch::<Threads, InPlace<Aligned<7>>, _>(list, "gil, in place, aligned");
    cell::batch_held_back::<Threads, InPlace<Aligned<7>>, _>(list, "gil, in place, aligned");
    cell::batch::<Threads, InPlace<Aligned<8>>, _>(list, "gil, in place, aligned");
    cell::batch_held_back::<Threads, InPlace<Aligned<8>>, _>(list, "gil, in place, aligned");
    fan::<Words<1>>(list);
    fan::<Words<8>>(list);
}

fn pair<M: Message>(list: &mut Vec<Cell>, [waiting, tried]: [&'static str; 2]) {
    cell::typed::<Threads, Waiting<One, M>, M>(list, waiting);
    cell::typed::<Threads, Tried<One, M>, M>(list, tried);
    if M::LEN <= 64 {
        cell::held_back::<Threads, Tried<One, M>, M>(list, tried);
    }
}

fn fan<M: Message>(list: &mut Vec<Cell>) {
    cell::fan::<Threads, Waiting<Many, M>, M>(list, "gil");
    cell::fan::<Threads, Tried<Many, M>, M>(list, "gil, tried");
    cell::fan::<Threads, Waiting<Sharded<false>, M>, M>(list, "gil, sharded");
    cell::fan::<Threads, Tried<Sharded<false>, M>, M>(list, "gil, sharded, tried");
    cell::fan::<Threads, Waiting<Sharded<true>, M>, M>(list, "gil, sharded, 1,024 each");
    cell::fan::<Threads, Tried<Sharded<true>, M>, M>(list, "gil, sharded, tried, 1,024 each");
}

fn not_zero(number: usize) -> Result<NonZeroUsize> {
    Ok(NonZeroUsize::new(number).ok_or("a ring for no message at all")?)
}

impl<M: Message> Kind<M> for One {
    type Sender = spsc::Sender<M>;
    type Receiver = spsc::Receiver<M>;

    fn make(shape: &Shape) -> Result<(Self::Sender, Self::Receiver)> {
        Ok(spsc::channel(not_zero(shape.capacity)?))
    }
    fn copy(_: &Self::Sender) -> Option<Self::Sender> {
        None
    }
    #[inline(always)]
    fn send(tx: &mut Self::Sender, message: M) {
        tx.send(message);
    }
    #[inline(always)]
    fn try_send(tx: &mut Self::Sender, message: M) -> bool {
        tx.try_send(message).is_ok()
    }
    #[inline(always)]
    fn recv(rx: &mut Self::Receiver) -> M {
        rx.recv()
    }
    #[inline(always)]
    fn try_recv(rx: &mut Self::Receiver) -> Option<M> {
        rx.try_recv()
    }
}

impl<M: Message> Kind<M> for Many {
    type Sender = mpsc::Sender<M>;
    type Receiver = mpsc::Receiver<M>;

    fn make(shape: &Shape) -> Result<(Self::Sender, Self::Receiver)> {
        Ok(mpsc::channel(not_zero(shape.capacity)?))
    }
    fn copy(tx: &Self::Sender) -> Option<Self::Sender> {
        Some(tx.clone())
    }
    #[inline(always)]
    fn send(tx: &mut Self::Sender, message: M) {
        tx.send(message);
    }
    #[inline(always)]
    fn try_send(tx: &mut Self::Sender, message: M) -> bool {
        tx.try_send(message).is_ok()
    }
    #[inline(always)]
    fn recv(rx: &mut Self::Receiver) -> M {
        rx.recv()
    }
    #[inline(always)]
    fn try_recv(rx: &mut Self::Receiver) -> Option<M> {
        rx.try_recv()
    }
}

impl<M: Message, const ROOMY: bool> Kind<M> for Sharded<ROOMY> {
    type Sender = sharded::Sender<M>;
    type Receiver = sharded::Receiver<M>;

    fn make(shape: &Shape) -> Result<(Self::Sender, Self::Receiver)> {
        let shards = not_zero(shape.producers.next_power_of_two())?;
        let each = if ROOMY { shape.capacity } else { shape.capacity / shards };
        Ok(sharded::channel(shards, not_zero(each)?))
    }
    fn copy(tx: &Self::Sender) -> Option<Self::Sender> {
        tx.clone()
    }
    #[inline(always)]
    fn send(tx: &mut Self::Sender, message: M) {
        tx.send(message);
    }
    #[inline(always)]
    fn try_send(tx: &mut Self::Sender, message: M) -> bool {
        tx.try_send(message).is_ok()
    }
    #[inline(always)]
    fn recv(rx: &mut Self::Receiver) -> M {
        rx.recv()
    }
    #[inline(always)]
    fn try_recv(rx: &mut Self::Receiver) -> Option<M> {
        rx.try_recv()
    }
}

/// The ring of one producer through its buffers: many written, then committed at once; many read, then given back at once.
pub struct InPlace<M>(Ends<spsc::Sender<M>, spsc::Receiver<M>>);
pub struct InPlaceTx<M>(spsc::Sender<M>);
pub struct InPlaceRx<M>(spsc::Receiver<M>);

impl<M: Message> Peer<M> for InPlace<M> {
    type Tx = InPlaceTx<M>;
    type Rx = InPlaceRx<M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(One::make(shape)?, shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|_| None).map(InPlaceTx)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx().map(InPlaceRx)
    }
}

impl<M: Message> Tx<M> for InPlaceTx<M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.0.try_send(*message).is_ok()
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        let room = self.0.write_buffer();
        let taken = room.len().min(messages.len());
        room[..taken].write_copy_of_slice(&messages[..taken]);
        // SAFETY: the first `taken` slots of what `write_buffer` gave have just been written.
        unsafe { self.0.commit(taken) };
        taken
    }
}

impl<M: Message> Rx<M> for InPlaceRx<M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        self.0.try_recv()
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, each: impl FnMut(&M)) -> usize {
        let mut guard = self.0.read_guard();
        let there = guard.as_slice();
        let taken = limit.min(there.len());
        there[..taken].iter().for_each(each);
        guard.advance(taken);
        taken
    }
}
