//! [`Trust`]: a promise about the other processes, made once, and the slices that it buys.
use crate::ends::{Payload, PayloadMut};

/// The promise that the peers keep the protocol: they write a record's bytes only while it is theirs.
///
/// With it, payloads can be had as slices, without a copy. Without it everything else works.
///
/// # Examples
/// See [`Payload::as_slice`] and [`PayloadMut::as_mut_slice`].
#[derive(Clone, Copy, Debug)]
pub struct Trust(());

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
