//! [`Reservation`] and [`Batch`]: records that are written in place, or that become visible
//! together.
use core::fmt;

use super::{DefaultMemory, Kind, PayloadMut, ProduceBytes};
use crate::error::PushError;
use crate::memory::Memory;
use crate::ring::RingSeat;

/// Fails in a forked child, which must not touch its parent's ring.
#[inline(always)]
pub(super) fn check_owner<M: Memory>(seat: &RingSeat<M>) -> Result<(), PushError> {
    if seat.memory().is_own_process() { Ok(()) } else { Err(PushError::Inherited) }
}

/// Room for a record, to be written in place.
///
/// Nothing is sent until [`commit`](Self::commit). Dropping it, also in a panic, aborts it.
///
/// # Examples
/// ```
/// # use ringway::{Options, spsc::Ring};
/// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
///
/// let mut reservation = tx.try_reserve(100)?;
/// reservation.payload().write_at(b"head", 0)?;
/// reservation.payload().write_at(b"body", 4)?;
/// reservation.commit_len(8)?; // it turned out shorter
///
/// tx.try_reserve(100)?.abort(); // or not at all
///
/// assert_eq!(rx.try_read()?.payload().to_vec(), b"headbody");
/// assert!(rx.try_read().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a reservation that is not committed is aborted"]
pub struct Reservation<'a, K: Kind, M: Memory = DefaultMemory> {
    core: &'a mut K::ByteProducer,
    seat: &'a RingSeat<M>,
    claim: <K::ByteProducer as ProduceBytes>::Claim,
    /// Whether it is sent together with the rest of a batch.
    in_batch: bool,
    is_sent: bool,
}

impl<'a, K: Kind, M: Memory> Reservation<'a, K, M> {
    #[inline(always)]
    pub(super) fn new(
        core: &'a mut K::ByteProducer,
        seat: &'a RingSeat<M>,
        claim: <K::ByteProducer as ProduceBytes>::Claim,
        in_batch: bool,
    ) -> Self {
        Self { core, seat, claim, in_batch, is_sent: false }
    }

    /// The bytes to write. They hold whatever an earlier record left there.
    ///
    /// This does not check for a forked child. If a child writes here, its parent may send those
    /// bytes.
    #[inline(always)]
    pub fn payload(&mut self) -> PayloadMut<'_> {
        PayloadMut::new(self.claim.as_ref().clone())
    }

    /// How many bytes were reserved.
    pub fn len(&self) -> usize {
        self.claim.as_ref().len()
    }

    /// Whether no bytes were reserved.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends the record; in a batch, together with the others. Has no effect in a forked child of
    /// the process that reserved it.
    #[inline(always)]
    pub fn commit(mut self) {
        // Set first, so that `drop` aborts nothing, in a forked child either.
        self.is_sent = true;
        if self.seat.memory().is_own_process() {
            self.send(self.len());
        }
    }

    /// Sends the first `len` bytes as the record.
    ///
    /// # Errors
    /// [`PushError::TooLarge`] if fewer were reserved; then the reservation is aborted.
    /// [`PushError::Inherited`].
    #[inline(always)]
    pub fn commit_len(mut self, len: usize) -> Result<(), PushError> {
        let max = self.len();
        if len > max {
            return Err(PushError::TooLarge { len, max });
        }
        self.is_sent = true;
        check_owner(self.seat)?;
        self.send(len);
        Ok(())
    }

    /// Sends a copy of `record`, for whose length it was reserved.
    #[inline(always)]
    pub(super) fn commit_copy_of(mut self, record: &[u8]) {
        let fits = self.claim.as_ref().write(0, record);
        debug_assert!(fits, "reserved for this very record");
        self.is_sent = true;
        self.send(self.len());
    }

    #[inline(always)]
    fn send(&mut self, len: usize) {
        self.core.stage(&self.claim, len);
        if !self.in_batch && self.core.publish() {
            self.seat.notify_consumer();
        }
    }

    /// Sends nothing, like dropping it.
    pub fn abort(self) {}
}

/// Aborts what was not sent.
impl<K: Kind, M: Memory> Drop for Reservation<'_, K, M> {
    #[inline(always)]
    fn drop(&mut self) {
        // Not in a forked child: the claim is its parent's.
        if !self.is_sent && !self.in_batch && self.seat.memory().is_own_process() && self.core.abort() {
            self.seat.notify_consumer();
        }
    }
}

impl<K: Kind, M: Memory> fmt::Debug for Reservation<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Records that become visible all at once or not at all, also if this process dies.
///
/// Nothing is sent until [`commit`](Self::commit). Dropping it sends nothing. Records fit for
/// certain up to the room for which it was begun; a further one gets [`PushError::Full`] if there
/// is no room for it, and the batch can be committed without it.
///
/// # Examples
/// ```
/// # use ringway::{Options, PopError, spsc::Ring};
/// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
///
/// let mut batch = tx.try_batch(2 * 64)?; // two records of up to a cell of 64 bytes
/// batch.try_push(b"debit")?;
/// batch.try_push(b"credit")?;
/// assert_eq!(rx.try_read().unwrap_err(), PopError::Empty);
/// batch.commit();
/// assert_eq!(rx.drain(8, |_| ())?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a batch that is not committed is aborted"]
pub struct Batch<'a, K: Kind, M: Memory = DefaultMemory> {
    core: &'a mut K::ByteProducer,
    seat: &'a RingSeat<M>,
}

impl<'a, K: Kind, M: Memory> Batch<'a, K, M> {
    pub(super) fn new(core: &'a mut K::ByteProducer, seat: &'a RingSeat<M>) -> Self {
        Self { core, seat }
    }

    /// Adds a record with these bytes.
    ///
    /// # Errors
    /// [`PushError::Full`], [`PushError::TooLarge`], [`PushError::Inherited`],
    /// [`PushError::Corrupt`]; the batch stays as it
    /// was.
    #[inline(always)]
    pub fn try_push(&mut self, record: &[u8]) -> Result<(), PushError> {
        self.try_reserve(record.len())?.commit_copy_of(record);
        Ok(())
    }

    /// Reserves room for a further record of `len` bytes.
    ///
    /// # Errors
    /// Like [`try_push`](Self::try_push).
    #[inline(always)]
    pub fn try_reserve(&mut self, len: usize) -> Result<Reservation<'_, K, M>, PushError> {
        check_owner(self.seat)?;
        let claim = self.core.claim(len)?;
        Ok(Reservation::new(self.core, self.seat, claim, true))
    }

    /// Sends all its records.
    #[inline(always)]
    pub fn commit(self) {
        if self.seat.memory().is_own_process() && self.core.publish() {
            self.seat.notify_consumer();
        }
    }

    /// Sends nothing, like dropping it.
    pub fn abort(self) {}
}

/// Takes back what was not committed.
impl<K: Kind, M: Memory> Drop for Batch<'_, K, M> {
    fn drop(&mut self) {
        // Not in a forked child: what its parent staged may be published by now.
        if self.seat.memory().is_own_process() && self.core.rollback() {
            self.seat.notify_consumer();
        }
    }
}

impl<K: Kind, M: Memory> fmt::Debug for Batch<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").finish_non_exhaustive()
    }
}
