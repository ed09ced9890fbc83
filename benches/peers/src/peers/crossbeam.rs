//! crossbeam: its bounded queue of many producers and consumers, and its bounded channel, waiting by itself or tried.
use super::channel::{GONE, Kind, Tried, Waiting};
use crate::cell::{self, Cell, Threads};
use crate::drive::{Message, Peer, Result, Rx, Shape, Tx, Words};
use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;

pub struct Queue<M>(Arc<ArrayQueue<M>>);
pub struct End<M>(Arc<ArrayQueue<M>>);
pub struct Bounded;

pub fn cells(list: &mut Vec<Cell>) {
    pair::<Words<1>>(list);
    pair::<Words<7>>(list);
    pair::<Words<8>>(list);
    fan::<Words<1>>(list);
    fan::<Words<8>>(list);
}

fn pair<M: Message>(list: &mut Vec<Cell>) {
    cell::typed::<Threads, Queue<M>, M>(list, "crossbeam ArrayQueue");
    cell::channel::<Threads, Waiting<Bounded, M>, M>(list, "crossbeam channel");
    cell::channel::<Threads, Tried<Bounded, M>, M>(list, "crossbeam channel, tried");
}

fn fan<M: Message>(list: &mut Vec<Cell>) {
    cell::fan::<Threads, Queue<M>, M>(list, "crossbeam ArrayQueue");
    cell::fan::<Threads, Waiting<Bounded, M>, M>(list, "crossbeam channel");
    cell::fan::<Threads, Tried<Bounded, M>, M>(list, "crossbeam channel, tried");
}

impl<M: Message> Peer<M> for Queue<M> {
    type Tx = End<M>;
    type Rx = End<M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Arc::new(ArrayQueue::new(shape.capacity))))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(End(self.0.clone()))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(End(self.0.clone()))
    }
}

impl<M: Message> Tx<M> for End<M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.0.push(*message).is_ok()
    }
}

impl<M: Message> Rx<M> for End<M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        self.0.pop()
    }
}

impl<M: Message> Kind<M> for Bounded {
    type Sender = Sender<M>;
    type Receiver = Receiver<M>;

    fn make(shape: &Shape) -> Result<(Self::Sender, Self::Receiver)> {
        Ok(crossbeam_channel::bounded(shape.capacity))
    }
    fn copy(tx: &Self::Sender) -> Option<Self::Sender> {
        Some(tx.clone())
    }
    #[inline(always)]
    fn send(tx: &mut Self::Sender, message: M) {
        assert!(tx.send(message).is_ok(), "{GONE}");
    }
    #[inline(always)]
    fn try_send(tx: &mut Self::Sender, message: M) -> bool {
        match tx.try_send(message) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => panic!("{GONE}"),
        }
    }
    #[inline(always)]
    fn recv(rx: &mut Self::Receiver) -> M {
        rx.recv().expect(GONE)
    }
    #[inline(always)]
    fn try_recv(rx: &mut Self::Receiver) -> Option<M> {
        match rx.try_recv() {
            Ok(message) => Some(message),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => panic!("{GONE}"),
        }
    }
}
