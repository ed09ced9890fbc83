//! shmem-ipc: a ring in a nameless file, and a count in it that both sides change. Only the ring: its two event
//! descriptors, which tell a sleeper, are left alone, as both sides are awake.
use shmem_ipc::sharedring::{Receiver, Sender};

use super::memory;
use crate::cell::{self, Cell, Processes};
use crate::drive::{BytePeer, ByteRx, ByteTx, Peer, Result, Rx, Shape, Tx, Words, sum_of};

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Processes, ShmemIpc<1>, Words<1>>(list, "shmem-ipc");
    cell::typed::<Processes, ShmemIpc<7>, Words<7>>(list, "shmem-ipc");
    cell::typed::<Processes, ShmemIpc<8>, Words<8>>(list, "shmem-ipc");
    cell::batch::<Processes, ShmemIpc<1>, Words<1>>(list, "shmem-ipc");
    cell::batch::<Processes, ShmemIpc<7>, Words<7>>(list, "shmem-ipc");
    cell::batch::<Processes, ShmemIpc<8>, Words<8>>(list, "shmem-ipc");
    cell::copy::<Processes, ShmemIpc<512>>(list, "shmem-ipc");
    memory::in_place_of::<ShmemIpc<512>>(list, "shmem-ipc", 4096);
    memory::in_place_of::<ShmemIpc<{ MIB / 8 }>>(list, "shmem-ipc", MIB);
}
const MIB: usize = 1 << 20;

/// A ring whose items have `N` words.
pub struct ShmemIpc<const N: usize> {
    sender: Option<Sender<[u64; N]>>,
    receiver: Option<Receiver<[u64; N]>>,
}

impl<const N: usize> ShmemIpc<N> {
    fn new(capacity: usize, producers: usize) -> Result<Self> {
        if producers != 1 {
            return Err(format!("this ring has one producer, not {producers}").into());
        }
        let sender = Sender::new(capacity)?;
        let memory = sender.memfd().as_file().try_clone()?;
        let (empty, full) = (sender.empty_signal().try_clone()?, sender.full_signal().try_clone()?);
        let receiver = Receiver::open(capacity, memory, empty, full)?;
        Ok(Self { sender: Some(sender), receiver: Some(receiver) })
    }
    fn take_tx(&mut self) -> Result<ShmemTx<N>> {
        Ok(ShmemTx(self.sender.take().ok_or("the sender is taken")?))
    }
    fn take_rx(&mut self) -> Result<ShmemRx<N>> {
        Ok(ShmemRx(self.receiver.take().ok_or("the receiver is taken")?))
    }
}

pub struct ShmemTx<const N: usize>(Sender<[u64; N]>);
pub struct ShmemRx<const N: usize>(Receiver<[u64; N]>);

impl<const N: usize> ShmemTx<N> {
    /// Offers the free span to `write`, which says how many items it wrote; how many.
    #[inline(always)]
    fn write(&mut self, write: impl FnOnce(*mut [u64; N], usize) -> usize) -> usize {
        let ring = self.0.sender_mut();
        // Looked at first: its `send` adds to the shared count even when there is no room, which takes the line from
        // the receiver each time.
        if ring.write_count().expect("the count of this ring is in order") == 0 {
            return 0;
        }
        let mut written = 0;
        ring.send(|at, room| {
            written = write(at, room);
            written
        })
        .expect("the ring was looked at, and no more was written than there is room for");
        written
    }
}

impl<const N: usize> ShmemRx<N> {
    /// Offers the filled span to `read`, which says how many items it read; how many.
    #[inline(always)]
    fn read(&mut self, read: impl FnOnce(*const [u64; N], usize) -> usize) -> usize {
        let ring = self.0.receiver_mut();
        // As in `write`.
        if ring.read_count().expect("the count of this ring is in order") == 0 {
            return 0;
        }
        let mut taken = 0;
        ring.recv(|at, there| {
            taken = read(at, there);
            taken
        })
        .expect("the ring was looked at, and no more was read than is there");
        taken
    }
}

impl<const N: usize> Peer<Words<N>> for ShmemIpc<N> {
    type Tx = ShmemTx<N>;
    type Rx = ShmemRx<N>;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape.capacity, shape.producers)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.take_tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.take_rx()
    }
}

impl<const N: usize> Tx<Words<N>> for ShmemTx<N> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        self.write(|at, _| {
            // SAFETY: a free item of the span, which the receiver does not read before `send` has counted it.
            unsafe { at.write(message.0) };
            1
        }) == 1
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[Words<N>]) -> usize {
        self.write(|at, room| {
            let count = room.min(messages.len());
            // SAFETY: `count` free items of the span, as above; the messages are words alone, so of the same layout.
            unsafe { at.copy_from_nonoverlapping(messages.as_ptr().cast(), count) };
            count
        })
    }
}

impl<const N: usize> Rx<Words<N>> for ShmemRx<N> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        let mut message = None;
        self.read(|at, _| {
            // SAFETY: a filled item of the span, which the sender does not write before `recv` has counted it off.
            message = Some(Words(unsafe { at.read() }));
            1
        });
        message
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&Words<N>)) -> usize {
        self.read(|at, there| {
            let count = there.min(limit);
            // SAFETY: `count` filled items of the span, as above; a message is words alone, so of the same layout.
            let messages = unsafe { std::slice::from_raw_parts(at.cast::<Words<N>>(), count) };
            messages.iter().for_each(&mut each);
            count
        })
    }
}

impl<const N: usize> BytePeer for ShmemIpc<N> {
    type Tx = ShmemTx<N>;
    type Rx = ShmemRx<N>;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape.capacity / (8 * N), shape.producers)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.take_tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.take_rx()
    }
}

impl<const N: usize> ByteTx for ShmemTx<N> {
    #[inline(always)]
    fn try_send(&mut self, record: &[u8]) -> bool {
        assert_eq!(record.len(), 8 * N, "this ring has records of one length");
        self.write(|at, _| {
            // SAFETY: a free item of the span, of the record's length, as in `Tx::try_send`.
            unsafe { at.cast::<u8>().copy_from_nonoverlapping(record.as_ptr(), 8 * N) };
            1
        }) == 1
    }
    #[inline(always)]
    fn try_send_in_place(&mut self, len: usize, first: u64) -> bool {
        assert_eq!(len, 8 * N, "this ring has records of one length");
        self.write(|at, _| {
            // SAFETY: the first word of a free item, as in `Tx::try_send`.
            unsafe { at.cast::<u64>().write(first) };
            1
        }) == 1
    }
}

impl<const N: usize> ByteRx for ShmemRx<N> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        let mut sum = None;
        self.read(|at, _| {
            // SAFETY: a filled item of the span, as in `Rx::try_recv`.
            let record = unsafe { std::slice::from_raw_parts(at.cast::<u8>(), 8 * N) };
            sum = Some(sum_of(record));
            1
        });
        sum
    }
    #[inline(always)]
    fn try_recv_in_place(&mut self) -> Option<u64> {
        let mut first = None;
        self.read(|at, _| {
            // SAFETY: the first word of a filled item, as in `Rx::try_recv`.
            first = Some(unsafe { at.cast::<u64>().read() });
            1
        });
        first
    }
}
