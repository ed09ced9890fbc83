//! Peers that come as a sender and a receiver, which wait by themselves or can be tried: channels, and rings with the
//! face of one.
use crate::drive::{Ends, Idle, Message, Peer, Result, Rx, Shape, Tx};

/// A kind of channel.
pub trait Kind<M: Message>: 'static {
    type Sender;
    type Receiver;
    fn make(shape: &Shape) -> Result<(Self::Sender, Self::Receiver)>;
    /// For one more producer, if there may be several.
    fn copy(tx: &Self::Sender) -> Option<Self::Sender>;
    /// Waits while there is no room.
    fn send(tx: &mut Self::Sender, message: M);
    fn try_send(tx: &mut Self::Sender, message: M) -> bool;
    /// Waits while there is nothing.
    fn recv(rx: &mut Self::Receiver) -> M;
    fn try_recv(rx: &mut Self::Receiver) -> Option<M>;
}

/// A channel of which all that is there can be taken at once.
pub trait Drain<M: Message>: Kind<M> {
    fn drain(rx: &mut Self::Receiver, into: &mut Vec<M>);
}

/// What is said if the other end is gone, which never happens in the middle of a run.
pub const GONE: &str = "the other end of the channel is gone";

/// Its ends wait as the channel does.
pub struct Waiting<K: Kind<M>, M: Message>(Ends<K::Sender, K::Receiver>);
/// Its ends spin on what only tries.
pub struct Tried<K: Kind<M>, M: Message>(Ends<K::Sender, K::Receiver>);
/// As `Waiting`, but the receiver takes all that is there into a buffer, which it then reads.
pub struct Drained<K: Kind<M>, M: Message>(Ends<K::Sender, K::Receiver>, usize);

pub struct WaitingTx<K: Kind<M>, M: Message>(K::Sender);
pub struct WaitingRx<K: Kind<M>, M: Message>(K::Receiver);
pub struct TriedTx<K: Kind<M>, M: Message>(K::Sender);
pub struct TriedRx<K: Kind<M>, M: Message>(K::Receiver);
pub struct DrainedRx<K: Kind<M>, M: Message> {
    rx: K::Receiver,
    taken: Vec<M>,
    /// How many of `taken` have been read.
    read: usize,
}

impl<K: Kind<M>, M: Message> Peer<M> for Waiting<K, M> {
    type Tx = WaitingTx<K, M>;
    type Rx = WaitingRx<K, M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(K::make(shape)?, shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(K::copy).map(WaitingTx)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx().map(WaitingRx)
    }
}

impl<K: Kind<M>, M: Message> Peer<M> for Tried<K, M> {
    type Tx = TriedTx<K, M>;
    type Rx = TriedRx<K, M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(K::make(shape)?, shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(K::copy).map(TriedTx)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx().map(TriedRx)
    }
}

impl<K: Drain<M>, M: Message> Peer<M> for Drained<K, M> {
    type Tx = WaitingTx<K, M>;
    type Rx = DrainedRx<K, M>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(K::make(shape)?, shape.producers), shape.capacity + shape.producers))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(K::copy).map(WaitingTx)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        // Room for what the channel holds, and for what those hold who wait, so that it never grows.
        Ok(DrainedRx { rx: self.0.rx()?, taken: Vec::with_capacity(self.1), read: 0 })
    }
}

impl<K: Kind<M>, M: Message> Tx<M> for WaitingTx<K, M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        K::try_send(&mut self.0, *message)
    }
    #[inline(always)]
    fn send(&mut self, message: &M, _: &mut impl Idle) {
        K::send(&mut self.0, *message);
    }
}

impl<K: Kind<M>, M: Message> Rx<M> for WaitingRx<K, M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        K::try_recv(&mut self.0)
    }
    #[inline(always)]
    fn recv(&mut self, _: &mut impl Idle) -> M {
        K::recv(&mut self.0)
    }
}

impl<K: Kind<M>, M: Message> Tx<M> for TriedTx<K, M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        K::try_send(&mut self.0, *message)
    }
}

impl<K: Kind<M>, M: Message> Rx<M> for TriedRx<K, M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        K::try_recv(&mut self.0)
    }
}

impl<K: Drain<M>, M: Message> Rx<M> for DrainedRx<K, M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        if self.read == self.taken.len() {
            self.read = 0;
            self.taken.clear();
            K::drain(&mut self.rx, &mut self.taken);
        }
        let message = self.taken.get(self.read).copied()?;
        self.read += 1;
        Some(message)
    }
    /// Takes what is there, and waits for one only if there is nothing.
    #[inline(always)]
    fn recv(&mut self, _: &mut impl Idle) -> M {
        self.try_recv().unwrap_or_else(|| K::recv(&mut self.rx))
    }
}
