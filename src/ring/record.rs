//! [`Record`]: a record of a byte ring, read in place.
use core::fmt;

use super::{Consumer, DefaultMemory, Kind, Payload};
use crate::memory::Memory;
use crate::ring::ConsumeBytes;
use crate::ring::cells::bytes::Found;

/// A record that the consumer reads in place. Dropping it, also in a panic, releases it to the producer.
///
/// While it exists, a producer that keeps the protocol does not touch its bytes.
///
/// # Examples
/// ```
/// # use ringway::{Options, memory::Heap, spsc::Ring};
/// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
/// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.try_push(&[1, 0, 0, 0, 42])?;
/// let record = rx.try_read()?;
/// let version: u32 = record.payload().value_at(0)?;
/// let mut rest = [0; 1];
/// record.payload().read_at(4, &mut rest)?;
/// assert_eq!((version.to_le(), rest), (1, [42]));
/// record.keep(); // not dealt with after all
/// assert_eq!(rx.try_read()?.len(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a record is released when it is dropped, read or not"]
pub struct Record<'a, K: Kind, M: Memory = DefaultMemory> {
    consumer: &'a mut Consumer<K, [u8], M>,
    found: Found,
    keep: bool,
}

impl<'a, K: Kind, M: Memory> Record<'a, K, M> {
    #[inline(always)]
    pub(super) fn new(consumer: &'a mut Consumer<K, [u8], M>, found: Found) -> Self {
        Self { consumer, found, keep: false }
    }

    /// Its bytes.
    #[inline(always)]
    pub fn payload(&self) -> Payload<'_> {
        Payload::new(self.found.payload.clone())
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.found.payload.len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The seat of the producer that sent it, as that one says: a lying peer can say any number. 0 where there is only one.
    pub fn producer(&self) -> u16 {
        self.found.producer
    }

    /// Gives its cells back to the producer: the same as dropping it.
    pub fn release(self) {}

    /// Leaves it in the ring: the next read gives it again, also if that is by another process.
    pub fn keep(mut self) {
        self.keep = true;
    }
}

impl<K: Kind, M: Memory> Drop for Record<'_, K, M> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.keep && self.consumer.is_own() {
            self.consumer.core.pass(&self.found);
            self.consumer.release();
        }
    }
}

impl<K: Kind, M: Memory> fmt::Debug for Record<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("len", &self.len()).field("producer", &self.producer()).finish()
    }
}
