//! ipc-channel: a channel over Unix sockets. As bytes, which spares it the serialisation of messages; both sides wait in
//! the kernel, and how much is under way is the kernel's buffer's matter.
use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender};

use super::memory::Plain;
use crate::cell::{self, Cell, Processes};
use crate::drive::{BytePeer, ByteRx, ByteTx, Ends, Idle, Peer, Result, Rx, Shape, Tx, Words, sum_of};

pub fn cells(list: &mut Vec<Cell>) {
    cell::stream::<Processes, IpcChannel, Words<1>>(list, "ipc-channel", 1024);
    cell::stream::<Processes, IpcChannel, Words<8>>(list, "ipc-channel", 1024);
    cell::trip::<Processes, IpcChannel, Words<1>>(list, "ipc-channel");
    cell::trip::<Processes, IpcChannel, Words<8>>(list, "ipc-channel");
    cell::copy::<Processes, IpcChannel>(list, "ipc-channel");
}

pub struct IpcChannel(Ends<IpcBytesSender, IpcBytesReceiver>);

impl IpcChannel {
    fn new(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(ipc::bytes_channel()?, shape.producers)))
    }
}

impl<M: Plain> Peer<M> for IpcChannel {
    type Tx = IpcBytesSender;
    type Rx = IpcBytesReceiver;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|sender| Some(sender.clone()))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx()
    }
}

impl BytePeer for IpcChannel {
    type Tx = IpcBytesSender;
    type Rx = IpcBytesReceiver;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|_| None)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx()
    }
}

fn send(sender: &IpcBytesSender, bytes: &[u8]) {
    sender.send(bytes).expect("the receiver's socket is open");
}

fn recv(receiver: &IpcBytesReceiver) -> Vec<u8> {
    receiver.recv().expect("the sender's socket is open")
}

impl<M: Plain> Tx<M> for IpcBytesSender {
    /// Waits, as its `send` does.
    fn try_send(&mut self, message: &M) -> bool {
        send(self, message.as_bytes());
        true
    }
}

impl<M: Plain> Rx<M> for IpcBytesReceiver {
    fn try_recv(&mut self) -> Option<M> {
        let bytes = IpcBytesReceiver::try_recv(self).ok()?;
        M::read_from_bytes(&bytes).ok()
    }
    fn recv(&mut self, _: &mut impl Idle) -> M {
        M::read_from_bytes(&recv(self)).expect("a packet is a message")
    }
}

impl ByteTx for IpcBytesSender {
    fn try_send(&mut self, record: &[u8]) -> bool {
        send(self, record);
        true
    }
}

impl ByteRx for IpcBytesReceiver {
    /// Waits, as its `recv` does.
    fn try_recv(&mut self) -> Option<u64> {
        Some(sum_of(&recv(self)))
    }
}
