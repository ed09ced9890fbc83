//! [`Payload`] and [`PayloadMut`]: the bytes of a record in shared memory. [`Trust`]: what makes
//! slices of them.
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::memory::PayloadRef;

/// The bytes of a [`Record`](super::Record), in shared memory.
///
/// They are copied out, in pieces or whole. A slice of them would be a promise that no other
/// process writes there: see [`Trust`](crate::Trust) for programs that can make this promise.
///
/// # Examples
/// See [`Record`](super::Record).
pub struct Payload<'a> {
    bytes: PayloadRef,
    record: PhantomData<&'a ()>,
}

impl<'a> Payload<'a> {
    #[inline(always)]
    pub(super) fn new(bytes: PayloadRef) -> Self {
        Self { bytes, record: PhantomData }
    }

    /// The number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the record has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`RangeError`] if there are fewer; then nothing is copied.
    #[inline(always)]
    pub fn read_at(&self, buf: &mut [u8], offset: usize) -> Result<(), RangeError> {
        let len = buf.len();
        // SAFETY: `[MaybeUninit<u8>]` has the layout of `[u8]`, and `read` only ever stores
        // initialised bytes.
        let buf = unsafe { &mut *(core::ptr::from_mut(buf) as *mut [MaybeUninit<u8>]) };
        if self.bytes.read(offset, buf) { Ok(()) } else { Err(self.range_error(offset, len)) }
    }

    /// Copies out a value that starts at `offset`. Any bytes make a valid `V`; alignment does not
    /// matter.
    ///
    /// Reading value after value of up to 64 bytes each (`[u64; 8]`) is the fastest way through a
    /// long record: each passes through registers, and nothing is read twice.
    ///
    /// # Errors
    /// [`RangeError`] if there are too few bytes.
    #[inline(always)]
    pub fn read_value_at<V: FromBytes>(&self, offset: usize) -> Result<V, RangeError> {
        self.bytes.value::<V>(offset).ok_or(self.range_error(offset, size_of::<V>()))
    }

    /// Copies as many bytes as fit, from the first on, to the front of `buf`. Returns how many.
    #[inline(always)]
    #[must_use = "fewer bytes than the record has may have been copied"]
    pub fn copy_to(&self, buf: &mut [u8]) -> usize {
        let len = self.len().min(buf.len());
        let fits = buf.get_mut(..len).is_some_and(|buf| self.read_at(buf, 0).is_ok());
        if fits { len } else { 0 }
    }

    /// Copies all bytes into a new vector.
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

    fn range_error(&self, offset: usize, len: usize) -> RangeError {
        RangeError { offset, len, payload: self.len() }
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("len", &self.len()).finish()
    }
}

/// The range of a read or write does not lie within the payload.
///
/// # Examples
/// ```
/// # use ringway::{Options, RangeError, spsc::Ring};
/// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.try_push(b"abc")?;
/// let error = rx.try_read()?.payload().read_value_at::<u32>(0).unwrap_err();
/// assert_eq!(error, RangeError { offset: 0, len: 4, payload: 3 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeError {
    /// Where the range starts, in bytes from the start of the payload.
    pub offset: usize,
    /// How many bytes it has.
    pub len: usize,
    /// How many bytes the payload has.
    pub payload: usize,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, len, payload } = self;
        write!(f, "{len} bytes at offset {offset} do not lie within a payload of {payload} bytes")
    }
}

impl core::error::Error for RangeError {}

/// The bytes of a [`Reservation`](super::Reservation), in shared memory, to be written in pieces or
/// whole.
///
/// # Examples
/// See [`Reservation`](super::Reservation).
pub struct PayloadMut<'a> {
    bytes: PayloadRef,
    reservation: PhantomData<&'a mut ()>,
}

impl PayloadMut<'_> {
    #[inline(always)]
    pub(super) fn new(bytes: PayloadRef) -> Self {
        Self { bytes, reservation: PhantomData }
    }

    /// The number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no bytes were reserved.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Errors
    /// [`RangeError`] if they do not fit; then nothing is copied.
    #[inline]
    pub fn write_at(&mut self, bytes: &[u8], offset: usize) -> Result<(), RangeError> {
        if self.bytes.write(offset, bytes) {
            Ok(())
        } else {
            Err(RangeError { offset, len: bytes.len(), payload: self.len() })
        }
    }

    /// Copies a value to `offset`. Alignment does not matter.
    ///
    /// # Errors
    /// [`RangeError`] if it does not fit; then nothing is copied.
    #[inline]
    pub fn write_value_at<V: IntoBytes + Immutable>(
        &mut self,
        value: &V,
        offset: usize,
    ) -> Result<(), RangeError> {
        self.write_at(value.as_bytes(), offset)
    }
}

impl fmt::Debug for PayloadMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadMut").field("len", &self.len()).finish()
    }
}

/// The promise that all peers keep the protocol: they write a record's bytes only while they own
/// them.
///
/// With it, payloads are available as slices, without a copy. Everything else works without it.
///
/// # Examples
/// See [`Payload::as_slice`] and [`PayloadMut::as_mut_slice`].
#[cfg(not(loom))]
#[derive(Clone, Copy, Debug)]
pub struct Trust(());

#[cfg(not(loom))]
impl Trust {
    /// Makes the promise.
    ///
    /// # Safety
    /// Every process that can write the memory of the rings with which this value is used keeps the
    /// ring's protocol: it uses this library, or does what this library does. No process
    /// truncates the file. And no forked child uses a producer, consumer, record or reservation
    /// that it has inherited. A peer that writes to a record which this process holds as a
    /// slice causes undefined behaviour here.
    pub const unsafe fn in_peers() -> Self {
        Self(())
    }
}

#[cfg(not(loom))]
impl<'a> Payload<'a> {
    /// The bytes themselves, without a copy. They start at a multiple of 64.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// use ringway::Trust;
    /// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    ///
    /// // SAFETY: both sides are in this program, and keep the protocol.
    /// let trust = unsafe { Trust::in_peers() };
    /// tx.try_push(b"in place")?;
    /// assert_eq!(rx.try_read()?.payload().as_slice(trust), b"in place");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_slice(&self, _trust: Trust) -> &'a [u8] {
        // SAFETY: the bytes are inside the region (`PayloadRef`), initialised (all of a region is),
        // and mapped for `'a`, for which the record is borrowed, and with it the memory (I1). No
        // process writes them while the record lives: that is the promise of `Trust`.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr(), self.len()) }
    }
}

#[cfg(not(loom))]
impl PayloadMut<'_> {
    /// The bytes themselves, to be written in place. They start at a multiple of 64, and hold
    /// whatever an earlier record left there.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// use ringway::Trust;
    /// let ring = Ring::<[u8]>::on_heap(&Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    ///
    /// // SAFETY: both sides are in this program, and keep the protocol.
    /// let trust = unsafe { Trust::in_peers() };
    /// let mut reservation = tx.try_reserve(4)?;
    /// reservation.payload().as_mut_slice(trust).copy_from_slice(b"here");
    /// reservation.commit();
    /// assert_eq!(rx.try_read()?.payload().to_vec(), b"here");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_mut_slice(&mut self, _trust: Trust) -> &mut [u8] {
        // SAFETY: the bytes are inside the region (`PayloadRef`) and initialised (all of a region
        // is), and no other participant accesses them before the commit: that is the promise of
        // `Trust`.
        unsafe { core::slice::from_raw_parts_mut(self.bytes.as_ptr(), self.len()) }
    }
}
