//! shaq: a queue in a file that both sides map. One by one, in batches, and in place through its batches' slots.
//!
//! Version 4, as 5 needs a later Rust than this package does; what is measured here is the same in both.
use std::fs::File;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;

use shaq::spsc::{Consumer, Producer, minimum_file_size};

use super::memory::{self, first_word};
use crate::cell::{self, Cell, Processes, Threads};
use crate::drive::{BytePeer, ByteRx, ByteTx, Message, Peer, Result, Rx, Shape, Tx, Words, sum_of};

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Threads, Shaq, Words<1>>(list, "shaq");
    cell::held_back::<Threads, Shaq, Words<1>>(list, "shaq");
    cell::typed::<Threads, Shaq, Words<7>>(list, "shaq");
    cell::held_back::<Threads, Shaq, Words<7>>(list, "shaq");
    cell::typed::<Threads, Shaq, Words<8>>(list, "shaq");
    cell::held_back::<Threads, Shaq, Words<8>>(list, "shaq");
    cell::typed::<Processes, Shaq, Words<1>>(list, "shaq");
    cell::held_back::<Processes, Shaq, Words<1>>(list, "shaq");
    cell::typed::<Processes, Shaq, Words<7>>(list, "shaq");
    cell::held_back::<Processes, Shaq, Words<7>>(list, "shaq");
    cell::typed::<Processes, Shaq, Words<8>>(list, "shaq");
    cell::held_back::<Processes, Shaq, Words<8>>(list, "shaq");
    cell::batch::<Processes, Shaq, Words<1>>(list, "shaq");
    cell::batch_held_back::<Processes, Shaq, Words<1>>(list, "shaq");
    cell::batch::<Processes, Shaq, Words<7>>(list, "shaq");
    cell::batch_held_back::<Processes, Shaq, Words<7>>(list, "shaq");
    cell::batch::<Processes, Shaq, Words<8>>(list, "shaq");
    cell::batch_held_back::<Processes, Shaq, Words<8>>(list, "shaq");
    cell::copy::<Processes, ShaqRecords<4096>>(list, "shaq");
    memory::in_place_of::<ShaqRecords<4096>>(list, "shaq", 4096);
    memory::in_place_of::<ShaqRecords<MIB>>(list, "shaq", MIB);
}
const MIB: usize = 1 << 20;

/// The file of a queue. Each side joins it where it works, and so has a mapping of its own.
pub struct Shaq(File);

/// A queue whose items are records.
pub struct ShaqRecords<const LEN: usize>(File);
type Record<const LEN: usize> = [u8; LEN];

fn create<T>(shape: &Shape, capacity: usize) -> Result<File> {
    let file = memory::nameless(&shape.name)?;
    let len = minimum_file_size::<T>(capacity);
    // SAFETY: a file that nobody else has yet; this producer goes before another one joins.
    drop(unsafe { Producer::<T>::create(&file, len) }?);
    Ok(file)
}

impl<M: Message> Peer<M> for Shaq {
    type Tx = Producer<M>;
    type Rx = Consumer<M>;

    fn make(shape: &Shape) -> Result<Self> {
        match shape.producers {
            1 => Ok(Self(create::<M>(shape, shape.capacity)?)),
            many => Err(format!("this queue has one producer, not {many}").into()),
        }
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        // SAFETY: the file was made for this type, of plain words; whoever drives takes one sender.
        Ok(unsafe { Producer::join(&self.0) }?)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        // SAFETY: the file was made for this type, of plain words; whoever drives takes one receiver.
        Ok(unsafe { Consumer::join(&self.0) }?)
    }
}

impl<M: Message> Tx<M> for Producer<M> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.try_write(*message).is_ok()
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        let mut batch = self.write_batch();
        messages.iter().take_while(|message| batch.try_write(**message).is_ok()).count()
    }
}

impl<M: Message> Rx<M> for Consumer<M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        // As a batch of one: its `try_read` also writes its index when it finds nothing, which takes the line from the
        // sender each time.
        Some(self.try_reserve_read_batch(NonZeroUsize::MIN)?[0])
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&M)) -> usize {
        let Some(batch) = NonZeroUsize::new(limit).and_then(|limit| self.try_reserve_read_batch(limit))
        else {
            return 0;
        };
        let (first, second) = batch.as_slices();
        first.iter().for_each(&mut each);
        second.iter().for_each(&mut each);
        first.len() + second.len()
    }
}

impl<const LEN: usize> BytePeer for ShaqRecords<LEN> {
    type Tx = Producer<Record<LEN>>;
    type Rx = Consumer<Record<LEN>>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(create::<Record<LEN>>(shape, shape.capacity / LEN)?))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        // SAFETY: the file was made for this type, of plain bytes; whoever drives takes one sender.
        Ok(unsafe { Producer::join(&self.0) }?)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        // SAFETY: the file was made for this type, of plain bytes; whoever drives takes one receiver.
        Ok(unsafe { Consumer::join(&self.0) }?)
    }
}

/// A slot's bytes, yet to be written.
fn bytes<const LEN: usize>(slot: &mut MaybeUninit<Record<LEN>>) -> &mut [MaybeUninit<u8>] {
    slot.as_mut()
}

impl<const LEN: usize> ByteTx for Producer<Record<LEN>> {
    #[inline(always)]
    fn try_send(&mut self, record: &[u8]) -> bool {
        let mut batch = self.write_batch();
        // SAFETY: the slot is written whole below, before the batch goes.
        let Some(slot) = (unsafe { batch.try_as_mut() }) else { return false };
        bytes(slot).write_copy_of_slice(record);
        true
    }
    #[inline(always)]
    fn try_send_in_place(&mut self, len: usize, first: u64) -> bool {
        assert_eq!(len, LEN, "this queue has records of {LEN} bytes");
        let mut batch = self.write_batch();
        // SAFETY: the memory of the queue is a file's, all of whose bytes have a value; and any is one of the record.
        let Some(slot) = (unsafe { batch.try_as_mut() }) else { return false };
        bytes(slot)[..8].write_copy_of_slice(&first.to_ne_bytes());
        true
    }
}

impl<const LEN: usize> ByteRx for Consumer<Record<LEN>> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        Some(sum_of(&self.try_reserve_read_batch(NonZeroUsize::MIN)?[0]))
    }
    #[inline(always)]
    fn try_recv_in_place(&mut self) -> Option<u64> {
        Some(first_word(&self.try_reserve_read_batch(NonZeroUsize::MIN)?[0]))
    }
}
