//! [`Record`]: a record of a byte ring, read in place.
use core::fmt;

use super::cells::bytes::PeekedRecord;
use super::{ConsumeBytes, Consumer, DefaultMemory, Kind, Payload};
use crate::memory::Memory;

/// A record of a byte ring, read in place.
///
/// While it exists, a producer that keeps the protocol does not touch its bytes. Dropping it, also
/// in a panic, releases it to the producer; [`keep`](Self::keep) leaves it in the ring.
///
/// # Examples
/// ```
/// # use ringway::{Options, spsc::Ring};
/// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.try_push(&[1, 0, 0, 0, 42])?;
///
/// let record = rx.try_read()?;
/// let version: u32 = record.payload().read_value_at(0)?;
/// let mut rest = [0; 1];
/// record.payload().read_at(&mut rest, 4)?;
/// assert_eq!((version.to_le(), rest), (1, [42]));
/// record.keep(); // not dealt with after all
///
/// assert_eq!(rx.try_read()?.len(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a record is released when it is dropped, read or not"]
pub struct Record<'a, K: Kind, M: Memory = DefaultMemory> {
    consumer: &'a mut Consumer<K, [u8], M>,
    peeked: PeekedRecord,
    keep: bool,
}

impl<'a, K: Kind, M: Memory> Record<'a, K, M> {
    #[inline(always)]
    pub(super) fn new(consumer: &'a mut Consumer<K, [u8], M>, peeked: PeekedRecord) -> Self {
        Self { consumer, peeked, keep: false }
    }

    /// Its bytes.
    #[inline(always)]
    pub fn payload(&self) -> Payload<'_> {
        Payload::new(self.peeked.payload.clone())
    }

    /// The number of its bytes.
    pub fn len(&self) -> usize {
        self.peeked.payload.len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The seat of the producer that sent it. Always 0 in an `spsc` ring. The producer writes it
    /// into the ring: a lying one can write any number.
    pub fn seat(&self) -> u16 {
        self.peeked.seat
    }

    /// Gives its cells back to the producer, like dropping it.
    #[doc(alias("ack", "commit"))]
    pub fn release(self) {}

    /// Leaves it in the ring: the next read returns it again, also if another process reads.
    #[doc(alias("nack", "reject"))]
    pub fn keep(mut self) {
        self.keep = true;
    }
}

/// Releases the record, unless it is kept.
impl<K: Kind, M: Memory> Drop for Record<'_, K, M> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.keep && self.consumer.check_owner().is_ok() {
            let Consumer { core, seat, .. } = &mut *self.consumer;
            core.pass_and_release(&self.peeked, seat);
        }
    }
}

impl<K: Kind, M: Memory> fmt::Debug for Record<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("len", &self.len()).field("seat", &self.seat()).finish()
    }
}
