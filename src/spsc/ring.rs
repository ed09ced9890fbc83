//! [`Ring`]: shared bytes, known to be a ring of `T`.
use core::fmt;
use core::marker::PhantomData;

use super::sealed::Resume;
use super::{Carried, Consumer, Home, Producer};
use crate::error::{LayoutError, SeatError};
use crate::identity::{Label, Role};
use crate::layout::{Carries, Geometry, Options};
use crate::memory::Memory;
use crate::recovery::{self, Presence, Seat};
use crate::ring::bytes::max_record;

/// A ring that carries `T`, in the memory `M`: by default a mapped segment.
///
/// A `Ring` is a way in, not a participant: it holds no seat, and may be dropped once the ends are taken. The
/// bytes stay mapped as long as the ring or an end of it exists.
///
/// # Examples
/// ```
/// use ringway::{Options, memory::Heap, spsc::Ring};
///
/// let memory = Heap::new(Ring::<[u8]>::required_len(1024));
/// let ring = Ring::<[u8], _>::format(memory, &Options::new().capacity(1024))?;
/// ring.producer()?.try_push(b"hello")?;
/// let mut rx = ring.consumer()?;
/// assert_eq!(rx.try_read()?.payload().to_vec(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ring<T: ?Sized, M = Home> {
    memory: M,
    geometry: Geometry,
    label: Option<Label>,
    carries: PhantomData<fn(&T)>,
}

impl<T: Carried + ?Sized> Ring<T> {
    /// How many bytes of memory a ring of this capacity needs (see [`Options::capacity`] for its unit). At most
    /// `usize::MAX`, which no memory has.
    ///
    /// # Examples
    /// ```
    /// use ringway::{memory::StaticMemory, spsc::Ring};
    ///
    /// static BYTES: StaticMemory<{ Ring::<u64>::required_len(64) }> = StaticMemory::new();
    /// ```
    pub const fn required_len(capacity: usize) -> usize {
        let len = Geometry::plan(&T::SPEC, capacity).len;
        if len > usize::MAX as u64 { usize::MAX } else { len as usize }
    }
}

impl<T: Carried + ?Sized, M: Memory> Ring<T, M> {
    /// Makes a new, empty ring in `memory`, whatever stood there before, unless that is a ring.
    ///
    /// # Errors
    /// [`LayoutError::Exists`] if a ring is there already, used or not; [`LayoutError::Formatting`] if another is being
    /// made there at this moment; [`LayoutError::TooSmall`] if `memory` has less than
    /// [`required_len`](Self::required_len) bytes; [`LayoutError::Misaligned`].
    ///
    /// # Examples
    /// See [`Heap`](crate::memory::Heap) and [`StaticMemory`](crate::memory::StaticMemory).
    pub fn format(memory: M, options: &Options<'_>) -> Result<Self, LayoutError> {
        Self::make(memory, options, false)
    }

    /// `zeroed`: the memory is known to hold zeros only.
    pub(crate) fn make(memory: M, options: &Options<'_>, zeroed: bool) -> Result<Self, LayoutError> {
        let geometry = Geometry::plan(&T::SPEC, options.capacity);
        let creator = memory.identity();
        geometry.format(&memory.region(), &T::SPEC, &T::label(), &creator, zeroed)?;
        Ok(Self { memory, geometry, label: options.label.map(Label::new), carries: PhantomData })
    }

    /// Joins the ring that stands in `memory`.
    ///
    /// # Errors
    /// Any [`LayoutError`] but `Exists`: there is no ring of `T`, or none that this version can read.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, memory::Heap, spsc::Ring};
    ///
    /// let memory = Heap::new(Ring::<u32>::required_len(8));
    /// Ring::<u32, _>::format(memory.clone(), &Options::new().capacity(8))?;
    /// assert_eq!(Ring::<u32, _>::attach(memory.clone())?.capacity(), 8);
    /// let error = Ring::<i64, _>::attach(memory).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "carries `u32` (4 bytes, align 4), not `i64` (8 bytes, align 8); both sides must name the same type",
    /// );
    /// # Ok::<(), ringway::LayoutError>(())
    /// ```
    pub fn attach(memory: M) -> Result<Self, LayoutError> {
        Self::join(memory, &Options::new())
    }

    pub(crate) fn join(memory: M, options: &Options<'_>) -> Result<Self, LayoutError> {
        let geometry = Geometry::parse(&memory.region(), &T::SPEC, &T::label())?;
        Ok(Self { memory, geometry, label: options.label.map(Label::new), carries: PhantomData })
    }

    /// Takes the producer's seat. Goes on after the last record that was published, whoever published it.
    ///
    /// # Errors
    /// [`SeatError::SeatTaken`] if somebody alive holds it, and who that is. A holder that died is replaced.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, SeatError, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// let tx = ring.producer()?;
    /// assert!(matches!(ring.producer(), Err(SeatError::SeatTaken { .. })));
    /// drop(tx);
    /// assert!(ring.producer().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn producer(&self) -> Result<Producer<T, M>, SeatError> {
        let seat = self.seat(Role::Producer)?;
        Ok(Producer {
            core: T::Producer::resume(&self.memory.region(), &self.geometry)?,
            seat,
            confined: PhantomData,
        })
    }

    /// Takes the consumer's seat. Goes on at the first record that was not released.
    ///
    /// # Errors
    /// [`SeatError::SeatTaken`] if somebody alive holds it, and who that is. A holder that died is replaced.
    ///
    /// # Examples
    /// As for [`producer`](Self::producer).
    pub fn consumer(&self) -> Result<Consumer<T, M>, SeatError> {
        let seat = self.seat(Role::Consumer)?;
        Ok(Consumer {
            core: T::Consumer::resume(&self.memory.region(), &self.geometry)?,
            seat,
            confined: PhantomData,
        })
    }

    fn seat(&self, role: Role) -> Result<Seat<M>, SeatError> {
        let (own, peer) = match role {
            Role::Consumer => (self.geometry.consumer(), self.geometry.producer()),
            Role::Producer => (self.geometry.producer(), self.geometry.consumer()),
        };
        Seat::take(&self.memory, role, own, peer, self.label)
    }

    /// Who is in a seat at this moment. Asks the system, if the memory has a witness.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// use ringway::{Presence, Role};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    ///
    /// assert_eq!(ring.presence(Role::Consumer), Presence::Never);
    /// let rx = ring.consumer()?;
    /// assert!(matches!(ring.presence(Role::Consumer), Presence::Here(_)));
    /// drop(rx);
    /// assert!(matches!(ring.presence(Role::Consumer), Presence::Left(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn presence(&self, role: Role) -> Presence {
        let block = match role {
            Role::Consumer => self.geometry.consumer(),
            Role::Producer => self.geometry.producer(),
        };
        recovery::presence(&self.memory, block)
    }

    /// How much it holds: items for a typed ring, payload bytes for a byte ring. As made: not less than was asked
    /// for.
    pub fn capacity(&self) -> usize {
        let unit = if T::SPEC.carries == Carries::Bytes { self.geometry.stride } else { 1 };
        // Fits: the cells lie inside this process's memory.
        (self.geometry.capacity * unit) as usize
    }

    /// The bytes that the ring is in.
    pub fn memory(&self) -> &M {
        &self.memory
    }
}

impl<M: Memory> Ring<[u8], M> {
    /// The largest record, in bytes: half the capacity.
    pub fn max_record(&self) -> usize {
        max_record(self.geometry.capacity)
    }
}

impl<T: ?Sized, M: Clone> Clone for Ring<T, M> {
    fn clone(&self) -> Self {
        Self { memory: self.memory.clone(), geometry: self.geometry, label: self.label, carries: PhantomData }
    }
}

/// Asks nobody: for who is in the seats, see [`Ring::presence`].
impl<T: Carried + ?Sized, M: Memory> fmt::Debug for Ring<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("spsc::Ring")
            .field("carries", &T::label())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
