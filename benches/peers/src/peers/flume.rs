//! flume: its bounded channel, waiting by itself or tried; and with all that is there taken at once.
use super::channel::{Drain, Drained, GONE, Kind, Tried, Waiting};
use crate::cell::{self, Cell, Threads};
use crate::drive::{Message, Result, Shape, Words};
use flume::{Receiver, Sender, TryRecvError, TrySendError};

pub struct Bounded;

pub fn cells(list: &mut Vec<Cell>) {
    pair::<Words<1>>(list);
    pair::<Words<7>>(list);
    pair::<Words<8>>(list);
    fan::<Words<1>>(list);
    fan::<Words<8>>(list);
}

fn pair<M: Message>(list: &mut Vec<Cell>) {
    cell::channel::<Threads, Waiting<Bounded, M>, M>(list, "flume");
    cell::channel::<Threads, Tried<Bounded, M>, M>(list, "flume, tried");
    cell::stream::<Threads, Drained<Bounded, M>, M>(list, "flume, drained", 1024);
}

fn fan<M: Message>(list: &mut Vec<Cell>) {
    cell::fan::<Threads, Waiting<Bounded, M>, M>(list, "flume");
    cell::fan::<Threads, Tried<Bounded, M>, M>(list, "flume, tried");
    cell::fan::<Threads, Drained<Bounded, M>, M>(list, "flume, drained");
}

impl<M: Message> Kind<M> for Bounded {
    type Sender = Sender<M>;
    type Receiver = Receiver<M>;

    fn make(shape: &Shape) -> Result<(Self::Sender, Self::Receiver)> {
        Ok(flume::bounded(shape.capacity))
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

impl<M: Message> Drain<M> for Bounded {
    #[inline(always)]
    fn drain(rx: &mut Self::Receiver, into: &mut Vec<M>) {
        into.extend(rx.drain());
    }
}
