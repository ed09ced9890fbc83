//! [`Payload`] and [`PayloadMut`]: the bytes of a record in shared memory; [`Trust`]: what makes slices of them.
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::memory::PayloadRef;

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

/// The bytes of a reservation, in shared memory, to be written by pieces or whole.
///
/// # Examples
/// See [`Reservation`].
pub struct PayloadMut<'a> {
    bytes: PayloadRef,
    reservation: PhantomData<&'a mut ()>,
}

impl PayloadMut<'_> {
    #[inline(always)]
    pub(super) fn new(bytes: PayloadRef) -> Self {
        Self { bytes, reservation: PhantomData }
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

    /// Copies `bytes` to `from` and on.
    ///
    /// # Errors
    /// [`RangeError`] if they do not fit; then nothing is copied.
    #[inline]
    pub fn write_at(&mut self, from: usize, bytes: &[u8]) -> Result<(), RangeError> {
        if self.bytes.write(from, bytes) {
            Ok(())
        } else {
            Err(RangeError { from, len: bytes.len(), payload: self.len() })
        }
    }

    /// Copies a value to `from` and on. Alignment does not matter.
    ///
    /// # Errors
    /// [`RangeError`] if it does not fit; then nothing is copied.
    #[inline]
    pub fn write_value_at<V: IntoBytes + Immutable>(
        &mut self,
        from: usize,
        value: &V,
    ) -> Result<(), RangeError> {
        self.write_at(from, value.as_bytes())
    }

    /// Copies `record`, of which the reservation has the length.
    #[inline(always)]
    pub(super) fn fill_from(&mut self, record: &[u8]) {
        let fits = self.bytes.write(0, record);
        debug_assert!(fits, "reserved for this very record");
    }
}

impl fmt::Debug for PayloadMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadMut").field("len", &self.len()).finish()
    }
}

/// The promise that the peers keep the protocol: they write a record's bytes only while it is theirs.
///
/// With it, payloads can be had as slices, without a copy. Without it everything else works.
///
/// # Examples
/// See [`Payload::as_slice`] and [`PayloadMut::as_mut_slice`].
#[cfg(not(loom))]
#[derive(Clone, Copy, Debug)]
pub struct Trust(());

#[cfg(not(loom))]
impl Trust {
    /// Promises it.
    ///
    /// # Safety
    /// Every process that can write the memory of the rings with which this value is used keeps to the ring's
    /// protocol: it uses this library, or does what this library does; nobody truncates the file; and no forked child uses an
    /// end, a record or a reservation that it has inherited. A peer that writes to a record which this
    /// process holds as a slice causes undefined behaviour here.
    pub const unsafe fn in_peers() -> Self {
        Self(())
    }
}

#[cfg(not(loom))]
impl<'a> Payload<'a> {
    /// The bytes themselves, without a copy, for those who trust the other side. They start at a multiple of 64.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// use ringway::Trust;
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    ///
    /// // SAFETY: both ends are in this program, and keep the protocol.
    /// let trust = unsafe { Trust::in_peers() };
    /// tx.try_push(b"in place")?;
    /// assert_eq!(rx.try_read()?.payload().as_slice(trust), b"in place");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_slice(&self, _trust: Trust) -> &'a [u8] {
        // SAFETY: the bytes are inside the region (`PayloadRef`), initialised (all of a region is), and mapped for `'a`, for which
        // the record is borrowed, and with it the memory (I1); nobody writes them while the record lives: so says whoever made
        // the `Trust`.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr(), self.len()) }
    }
}

#[cfg(not(loom))]
impl PayloadMut<'_> {
    /// The bytes themselves, for those who trust the other side. They start at a multiple of 64, and hold
    /// whatever an earlier record left there.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// use ringway::Trust;
    /// # let memory = Heap::new(Ring::<[u8]>::required_len(1024));
    /// # let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    ///
    /// // SAFETY: both ends are in this program, and keep the protocol.
    /// let trust = unsafe { Trust::in_peers() };
    /// let mut reservation = tx.try_reserve(3)?;
    /// reservation.payload().as_mut_slice(trust).fill(7);
    /// reservation.commit();
    /// assert_eq!(rx.try_read()?.payload().to_vec(), [7, 7, 7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_mut_slice(&mut self, _trust: Trust) -> &mut [u8] {
        // SAFETY: the bytes are inside the region (`PayloadRef`), initialised (all of a region is), and nobody
        // else accesses them before the commit: so says whoever made the `Trust`.
        unsafe { core::slice::from_raw_parts_mut(self.bytes.as_ptr(), self.len()) }
    }
}
