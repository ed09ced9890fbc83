//! The standard library's channel: bounded, waiting by itself or tried; and without a bound.
use super::channel::{GONE, Kind, Tried, Waiting};
use crate::cell::{self, Cell, Threads};
use crate::drive::{Message, Result, Shape, Words};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel};

pub struct Bounded;
pub struct Unbounded;

pub fn cells(list: &mut Vec<Cell>) {
    pair::<Words<1>>(list);
    pair::<Words<7>>(list);
    pair::<Words<8>>(list);
    fan::<Words<1>>(list);
    fan::<Words<8>>(list);
}

fn pair<M: Message>(list: &mut Vec<Cell>) {
    cell::channel::<Threads, Waiting<Bounded, M>, M>(list, "std");
    cell::channel::<Threads, Tried<Bounded, M>, M>(list, "std, tried");
}

fn fan<M: Message>(list: &mut Vec<Cell>) {
    cell::fan::<Threads, Waiting<Bounded, M>, M>(list, "std");
    cell::fan::<Threads, Tried<Bounded, M>, M>(list, "std, tried");
    cell::fan::<Threads, Waiting<Unbounded, M>, M>(list, "std, unbounded");
}

impl<M: Message> Kind<M> for Bounded {
    type Sender = SyncSender<M>;
    type Receiver = Receiver<M>;

    fn make(shape: &Shape) -> Result<(Self::Sender, Self::Receiver)> {
        Ok(sync_channel(shape.capacity))
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
        received(rx.try_recv())
    }
}

impl<M: Message> Kind<M> for Unbounded {
    type Sender = Sender<M>;
    type Receiver = Receiver<M>;

    fn make(_: &Shape) -> Result<(Self::Sender, Self::Receiver)> {
        Ok(channel())
    }
    fn copy(tx: &Self::Sender) -> Option<Self::Sender> {
        Some(tx.clone())
    }
    #[inline(always)]
    fn send(tx: &mut Self::Sender, message: M) {
        assert!(tx.send(message).is_ok(), "{GONE}");
    }
    /// There is always room.
    #[inline(always)]
    fn try_send(tx: &mut Self::Sender, message: M) -> bool {
        <Self as Kind<M>>::send(tx, message);
        true
    }
    #[inline(always)]
    fn recv(rx: &mut Self::Receiver) -> M {
        rx.recv().expect(GONE)
    }
    #[inline(always)]
    fn try_recv(rx: &mut Self::Receiver) -> Option<M> {
        received(rx.try_recv())
    }
}

#[inline(always)]
fn received<M>(result: Result<M, TryRecvError>) -> Option<M> {
    match result {
        Ok(message) => Some(message),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Disconnected) => panic!("{GONE}"),
    }
}
