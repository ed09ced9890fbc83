//! ringfire: slots with a sequence number each, in its policy that waits for the slowest reader (by default it overwrites).
//! Records of bytes go through its arena for blobs; through slots of 4 KiB it has a ninth of that speed, as the reader is
//! handed a copy of a copy.
//!
//! The arena's producer never waits; here it asks first how far behind the reader is. That costs a system call each time,
//! as the package then looks whether its readers live: so it is asked only when what was left at the last time is used up.
use std::fs::File;

use ringfire::{
    BlobConsumer, BlobProducer, BlobProducerBuilder, CleanupMode, FlowControl, RingConsumer, RingProducer,
    RingProducerBuilder,
};

use super::memory::{self, first_word};
use crate::cell::{self, Cell, Processes, Threads};
use crate::drive::{BytePeer, ByteRx, ByteTx, Message, Peer, Result, Rx, Shape, Tx, Words, sum_of};

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Threads, Ringfire<_>, Words<1>>(list, "ringfire");
    cell::held_back::<Threads, Ringfire<_>, Words<1>>(list, "ringfire");
    cell::typed::<Threads, Ringfire<_>, Words<7>>(list, "ringfire");
    cell::held_back::<Threads, Ringfire<_>, Words<7>>(list, "ringfire");
    cell::typed::<Threads, Ringfire<_>, Words<8>>(list, "ringfire");
    cell::held_back::<Threads, Ringfire<_>, Words<8>>(list, "ringfire");
    cell::typed::<Processes, Ringfire<_>, Words<1>>(list, "ringfire");
    cell::held_back::<Processes, Ringfire<_>, Words<1>>(list, "ringfire");
    cell::typed::<Processes, Ringfire<_>, Words<7>>(list, "ringfire");
    cell::held_back::<Processes, Ringfire<_>, Words<7>>(list, "ringfire");
    cell::typed::<Processes, Ringfire<_>, Words<8>>(list, "ringfire");
    cell::held_back::<Processes, Ringfire<_>, Words<8>>(list, "ringfire");
    cell::batch::<Processes, Ringfire<_>, Words<1>>(list, "ringfire");
    cell::batch_held_back::<Processes, Ringfire<_>, Words<1>>(list, "ringfire");
    cell::batch::<Processes, Ringfire<_>, Words<7>>(list, "ringfire");
    cell::batch_held_back::<Processes, Ringfire<_>, Words<7>>(list, "ringfire");
    cell::batch::<Processes, Ringfire<_>, Words<8>>(list, "ringfire");
    cell::batch_held_back::<Processes, Ringfire<_>, Words<8>>(list, "ringfire");
    cell::copy::<Processes, Blobs>(list, "ringfire");
    cell::in_place::<Processes, Blobs>(list, "ringfire");
}

/// The file and who writes there: this package has no way to join as a producer. The reader joins where it works, and
/// that has to be before the first message.
pub struct Ringfire<M: Message>(File, Option<RingProducer<M>>);

impl<M: Message> Peer<M> for Ringfire<M> {
    type Tx = Sender<M>;
    type Rx = Receiver<M>;

    fn make(shape: &Shape) -> Result<Self> {
        if shape.producers != 1 {
            return Err(format!("its lossless ring has one producer, not {}", shape.producers).into());
        }
        let file = memory::nameless(&shape.name)?;
        let producer = RingProducerBuilder::new(shape.capacity as u64)
            .flow_control(FlowControl::LosslessBackpressure)
            .max_readers(1)
            .cleanup_mode(CleanupMode::Persistent)
            .build(memory::path(&file))?;
        Ok(Self(file, Some(producer)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(Sender { ring: self.1.take().ok_or("the sender is taken")?, room: 0 })
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(Receiver { ring: RingConsumer::attach(memory::path(&self.0))?, batch: [M::new(0); BATCH] })
    }
}

pub struct Sender<M: Message> {
    ring: RingProducer<M>,
    /// For so many there was room when the reader was last looked at.
    room: usize,
}

impl<M: Message> Tx<M> for Sender<M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.ring.try_push(message).is_ok()
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        if self.room < messages.len() {
            // Without a look at whether the reader lives, which would be a system call.
            let reader = self.ring.registry().and_then(|readers| readers.min_cursor());
            let unread = reader.map_or(0, |cursor| self.ring.next_sequence() - cursor);
            self.room = (self.ring.capacity() - unread) as usize;
        }
        let count = self.room.min(messages.len());
        self.ring.push_batch(&messages[..count]);
        self.room -= count;
        count
    }
}

const BATCH: usize = 64;

pub struct Receiver<M: Message> {
    ring: RingConsumer<M>,
    batch: [M; BATCH],
}

impl<M: Message> Rx<M> for Receiver<M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        self.ring.try_recv()
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, each: impl FnMut(&M)) -> usize {
        let count = self.ring.recv_batch(&mut self.batch[..limit.min(BATCH)]);
        self.batch[..count].iter().for_each(each);
        count
    }
}

/// Blobs of any length in an arena, with as many descriptors as there are blobs of 4 KiB in it.
pub struct Blobs(File, Option<BlobProducer<()>>);

impl BytePeer for Blobs {
    type Tx = BlobSender;
    type Rx = BlobConsumer<()>;

    fn make(shape: &Shape) -> Result<Self> {
        let file = memory::nameless(&shape.name)?;
        let producer = BlobProducerBuilder::new(shape.capacity as u64 / 4096, shape.capacity)
            .max_readers(1)
            .cleanup_mode(CleanupMode::Persistent)
            .build(memory::path(&file))?;
        Ok(Self(file, Some(producer)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        let ring = self.1.take().ok_or("the sender is taken")?;
        // With nobody there yet, or with nothing unread, all of it.
        let slots = ring.headroom() as usize;
        Ok(BlobSender { ring, slots, room: 0 })
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(BlobConsumer::attach(memory::path(&self.0))?)
    }
}

pub struct BlobSender {
    ring: BlobProducer<()>,
    slots: usize,
    room: usize,
}

impl BlobSender {
    /// Whether one more of this length overwrites nothing unread.
    #[inline(always)]
    fn has_room(&mut self, len: usize) -> bool {
        if self.room == 0 {
            let unread = self.slots - self.ring.headroom() as usize;
            let records = self.slots * 4096 / len;
            self.room = records.min(self.slots).saturating_sub(unread);
        }
        self.room > 0
    }
}

impl ByteTx for BlobSender {
    #[inline(always)]
    fn try_send(&mut self, record: &[u8]) -> bool {
        if !self.has_room(record.len()) {
            return false;
        }
        self.ring.push_payload(record).expect("a blob is no longer than the arena");
        self.room -= 1;
        true
    }
    #[inline(always)]
    fn try_send_in_place(&mut self, len: usize, first: u64) -> bool {
        if !self.has_room(len) {
            return false;
        }
        let write = |blob: &mut [u8]| blob[..8].copy_from_slice(&first.to_ne_bytes());
        self.ring.push_with(&(), len, write).expect("a blob is no longer than the arena");
        self.room -= 1;
        true
    }
}

impl ByteRx for BlobConsumer<()> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        self.view(|(), blob| sum_of(blob)).expect("a blob's descriptor is in order")
    }
    #[inline(always)]
    fn try_recv_in_place(&mut self) -> Option<u64> {
        self.view(|(), blob| first_word(blob)).expect("a blob's descriptor is in order")
    }
}
