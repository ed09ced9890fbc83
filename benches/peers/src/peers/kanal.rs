//! kanal: its bounded channel, waiting by itself or tried; and with all that is there taken at once into a buffer that
//! is reused, as its documentation shows.
use super::channel::{Drain, Drained, GONE, Kind, Tried, Waiting};
use crate::cell::{self, Cell, Threads};
use crate::drive::{Message, Result, Shape, Words};
use kanal::{Receiver, Sender};

pub struct Bounded;

pub fn cells(list: &mut Vec<Cell>) {
    pair::<Words<1>>(list);
    pair::<Words<7>>(list);
    pair::<Words<8>>(list);
    fan::<Words<1>>(list);
    fan::<Words<8>>(list);
}

fn pair<M: Message>(list: &mut Vec<Cell>) {
    cell::channel::<Threads, Waiting<Bounded, M>, M>(list, "kanal");
    cell::channel::<Threads, Tried<Bounded, M>, M>(list, "kanal, tried");
    cell::stream::<Threads, Drained<Bounded, M>, M>(list, "kanal, drained", 1024);
}

fn fan<M: Message>(list: &mut Vec<Cell>) {
    cell::fan::<Threads, Waiting<Bounded, M>, M>(list, "kanal");
    cell::fan::<Threads, Tried<Bounded, M>, M>(list, "kanal, tried");
    cell::fan::<Threads, Drained<Bounded, M>, M>(list, "kanal, drained");
}

impl<M: Message> Kind<M> for Bounded {
    type Sender = Sender<M>;
    type Receiver = Receiver<M>;

    fn make(shape: &Shape) -> Result<(Self::Sender, Self::Receiver)> {
        Ok(kanal::bounded(shape.capacity))
    }
    fn copy(tx: &Self::Sender) -> Option<Self::Sender> {
        Some(tx.clone())
    }
    #[inline(always)]
    fn send(tx: &mut Self::Sender, message: M) {
        tx.send(message).expect(GONE);
    }
    #[inline(always)]
    fn try_send(tx: &mut Self::Sender, message: M) -> bool {
        tx.try_send(message).expect(GONE)
    }
    #[inline(always)]
    fn recv(rx: &mut Self::Receiver) -> M {
        rx.recv().expect(GONE)
    }
    #[inline(always)]
    fn try_recv(rx: &mut Self::Receiver) -> Option<M> {
        rx.try_recv().expect(GONE)
    }
}

impl<M: Message> Drain<M> for Bounded {
    #[inline(always)]
    fn drain(rx: &mut Self::Receiver, into: &mut Vec<M>) {
        rx.drain_into(into).expect(GONE);
    }
}
