//! [`Ring`]: shared bytes, known to be a ring of `T`.
use core::fmt;
use core::marker::PhantomData;

use super::stall::Watch;
use super::{Consumer, DefaultMemory, Kind, Message, Producer, spec};
use crate::error::{LayoutError, SeatError};
use crate::identity::{Label, Role};
use crate::layout::{Carries, Geometry, Options};
use crate::memory::Memory;
use crate::ring::cells::bytes::max_record;
use crate::ring::{Consume, Produce};
use crate::seat::{self, Presence, Seat};
use crate::wait::{AdaptiveSpin, WaitStrategy};

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
pub struct Ring<K, T: ?Sized, M = DefaultMemory> {
    pub(crate) memory: M,
    pub(crate) geometry: Geometry,
    label: Option<Label>,
    is: PhantomData<fn(K, &T)>,
}

impl<K: Kind, T: Message + ?Sized> Ring<K, T> {
    /// How many bytes of memory a ring needs that is made with these options. At most `usize::MAX`, which no memory has.
    pub(crate) const fn planned_len(options: &Options<'_>) -> usize {
        let len = Geometry::plan(&spec::<K, T>(), options).len;
        if len > usize::MAX as u64 { usize::MAX } else { len as usize }
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> Ring<K, T, M> {
    /// Makes a new, empty ring in `memory`, whatever stood there before, unless that is a ring.
    ///
    /// # Errors
    /// [`LayoutError::Exists`] if a ring is there already, used or not; [`LayoutError::Formatting`] if another is being
    /// made there at this moment; [`LayoutError::TooSmall`] if `memory` has less than
    /// `required_len` bytes (see the kind's page); [`LayoutError::Misaligned`].
    ///
    /// # Examples
    /// See [`Heap`](crate::memory::Heap) and [`StaticMemory`](crate::memory::StaticMemory).
    pub fn format(memory: M, options: &Options<'_>) -> Result<Self, LayoutError> {
        Self::make(memory, options, false)
    }

    /// `zeroed`: the memory is known to hold zeros only.
    pub(crate) fn make(memory: M, options: &Options<'_>, zeroed: bool) -> Result<Self, LayoutError> {
        let spec = spec::<K, T>();
        // Those who join later can be reached where this process can, or fence for themselves.
        let geometry = Geometry { fenced: !memory.register_barrier(), ..Geometry::plan(&spec, options) };
        let creator = memory.identity();
        geometry.format(&memory.region(), &spec, &T::label(), &creator, zeroed)?;
        Ok(Self { memory, geometry, label: options.label.map(Label::new), is: PhantomData })
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
        let geometry = Geometry::parse(&memory.region(), &spec::<K, T>(), &T::label())?;
        Ok(Self { memory, geometry, label: options.label.map(Label::new), is: PhantomData })
    }

    /// Takes a producer's seat: of several, the first that is free. Goes on after the last record that was published in it,
    /// whoever published that. A holder that died is replaced.
    ///
    /// # Errors
    /// [`SeatError::SeatTaken`] if there is one such seat, somebody alive holds it, and who that is;
    /// [`SeatError::AllTaken`] if there are several, and none is free.
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
    pub fn producer(&self) -> Result<Producer<K, T, M>, SeatError> {
        let may = |region: &_, block| K::is_seat_reusable(region, &self.geometry, block);
        let seat = Seat::take(&self.memory, &self.geometry, Role::Producer, self.label, may)?;
        Ok(Producer {
            core: T::Producer::resume(&self.memory.region(), &self.geometry, seat.index())?.into(),
            seat,
            ring: self.clone(),
            watch: Watch::new(),
            patience: AdaptiveSpin::new(WaitStrategy::Adaptive),
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
    pub fn consumer(&self) -> Result<Consumer<K, T, M>, SeatError> {
        let seat = Seat::take(&self.memory, &self.geometry, Role::Consumer, self.label, |_, _| true)?;
        Ok(Consumer {
            core: T::Consumer::resume(&self.memory, &self.geometry)?.into(),
            #[cfg(feature = "std")]
            attendant: None,
            seat,
            ring: self.clone(),
            watch: Watch::new(),
            patience: AdaptiveSpin::new(WaitStrategy::Adaptive),
            confined: PhantomData,
        })
    }

    /// Who is in a seat at this moment; of several producers, one who is here, if any is (for each of them, see
    /// [`seats`](Self::seats)); `Never` if the ring's file was truncated. Asks the system, if the memory has a witness.
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
        if self.geometry.check(&self.memory).is_err() {
            return Presence::Never;
        }
        seat::presence_of(&self.memory, &self.geometry, role)
    }

    /// How much it holds, of `lanes` each one: items for a typed ring, payload bytes for a byte ring. As made: not less than was asked
    /// for.
    pub fn capacity(&self) -> usize {
        let unit = if T::CARRIES == Carries::Bytes { self.geometry.stride } else { 1 };
        // Fits: the cells lie inside this process's memory.
        (self.geometry.capacity * unit) as usize
    }

    /// How many seats for producers it has.
    pub fn producers(&self) -> usize {
        // Fits: there are at most 2^16 - 1.
        self.geometry.producers as usize
    }

    /// The bytes that the ring is in.
    pub fn memory(&self) -> &M {
        &self.memory
    }
}

impl<K: Kind, M: Memory> Ring<K, [u8], M> {
    /// The largest record, in bytes: half the [capacity](crate::Options::capacity).
    pub fn max_record(&self) -> usize {
        max_record(self.geometry.capacity)
    }
}

impl<K, T: ?Sized, M: Clone> Clone for Ring<K, T, M> {
    fn clone(&self) -> Self {
        Self { memory: self.memory.clone(), geometry: self.geometry, label: self.label, is: PhantomData }
    }
}

/// Asks nobody: for who is in the seats, see [`Ring::presence`].
impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for Ring<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAMES[0])
            .field("carries", &T::label())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
