//! [`Record`]: a record of a byte ring, read in place.
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use zerocopy::FromBytes;

use super::{Consumer, Home, Kind};
use crate::memory::{Memory, PayloadRef};
use crate::ring::ConsumeBytes;
use crate::ring::bytes::Found;

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
pub struct Record<'a, K: Kind, M: Memory = Home> {
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

/// The bytes of a record, in shared memory. They are copied out, by pieces or whole: a slice of them would be a
/// promise that no other process writes there (see [`Trust`](crate::Trust) for those who can make it).
///
/// # Examples
/// See [`Record`].
pub struct Payload<'a> {
    pub(crate) bytes: PayloadRef,
    record: PhantomData<&'a ()>,
}

impl<'a> Payload<'a> {
    #[inline(always)]
    pub(super) fn new(bytes: PayloadRef) -> Self {
        Self { bytes, record: PhantomData }
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies the bytes from `from` on into all of `into`.
    ///
    /// # Errors
    /// [`RangeError`] if there are not as many; then nothing is copied.
    #[inline(always)]
    pub fn read_at(&self, from: usize, into: &mut [u8]) -> Result<(), RangeError> {
        let len = into.len();
        // SAFETY: `[MaybeUninit<u8>]` has the layout of `[u8]`, and `read` only ever stores initialised bytes.
        let into = unsafe { &mut *(core::ptr::from_mut(into) as *mut [MaybeUninit<u8>]) };
        self.range(from, len, self.bytes.read(from, into))
    }

    /// Copies a value out that starts at `from`. Any bytes make a valid `V`; alignment does not matter.
    ///
    /// To go through a long record, value after value of up to 64 bytes each (`[u64; 8]`) is the fastest way: each passes through
    /// registers, and nothing is read twice. 4 KiB so: as fast as from a bare slice; copied out and then read: three quarters of that.
    ///
    /// # Errors
    /// [`RangeError`] if there are too few bytes.
    #[inline(always)]
    pub fn value_at<V: FromBytes>(&self, from: usize) -> Result<V, RangeError> {
        let value = self.bytes.value::<V>(from);
        value.ok_or(RangeError { from, len: size_of::<V>(), payload: self.len() })
    }

    /// Copies the first bytes, as many as fit, to the front of `into`; how many that were.
    #[inline(always)]
    #[must_use = "it says how many bytes were copied"]
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        let len = self.len().min(into.len());
        let fits = into.get_mut(..len).is_some_and(|into| self.read_at(0, into).is_ok());
        if fits { len } else { 0 }
    }

    /// All bytes, in a vector of one's own.
    #[cfg(any(feature = "alloc", loom))]
    pub fn to_vec(&self) -> alloc::vec::Vec<u8> {
        let mut copy = alloc::vec::Vec::with_capacity(self.len());
        let filled =
            copy.spare_capacity_mut().get_mut(..self.len()).is_some_and(|room| self.bytes.read(0, room));
        if filled {
            // SAFETY: `read` has just initialised this many bytes.
            unsafe { copy.set_len(self.len()) };
        }
        copy
    }

    fn range(&self, from: usize, len: usize, fits: bool) -> Result<(), RangeError> {
        if fits { Ok(()) } else { Err(RangeError { from, len, payload: self.len() }) }
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("len", &self.len()).finish()
    }
}

/// Bytes were asked for, or given, that the payload has no place for.
///
/// # Examples
/// ```
/// # use ringway::{Options, memory::Heap, spsc::{RangeError, Ring}};
/// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
/// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.try_push(b"abc")?;
/// let error = rx.try_read()?.payload().value_at::<u32>(0).unwrap_err();
/// assert_eq!(error, RangeError { from: 0, len: 4, payload: 3 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeError {
    /// Where they would start, in bytes from the start of the payload.
    pub from: usize,
    /// How many they are.
    pub len: usize,
    /// How many the payload has.
    pub payload: usize,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, len, payload } = self;
        write!(f, "{len} bytes from {from} on are not within a payload of {payload} bytes")
    }
}

impl core::error::Error for RangeError {}
