//! [`Ring`]: bytes in shared memory that are known to be a ring of `T`.
use core::fmt;
use core::marker::PhantomData;

use crossbeam_utils::CachePadded;

use super::cells::EmptyBackoff;
use super::cells::bytes::max_record;
use super::stall::StallTimer;
use super::{Consume, Consumer, DefaultMemory, Kind, Message, Produce, Producer, RingSeat, spec};
use crate::error::{LayoutError, SeatError};
use crate::identity::{Label, Role};
use crate::layout::{Header, NewObject, Options};
use crate::memory::{Memory, WordRef};
use crate::ring::layout::{Carries, Geometry, NewRing};
use crate::seat::{self, Presence};
use crate::sync::Relaxed;
use crate::wait::{AdaptiveSpin, WaitStrategy};

/// A ring of messages `T`: items of one type, or records of bytes if `T` is `[u8]`. By default it
/// lies in a named segment.
///
/// A `Ring` is a way in, not a participant: it holds no seat, and may be dropped once its producers
/// and consumer are attached. The bytes stay mapped as long as a `Ring`, producer or consumer of
/// them exists. The segment itself stays until it is unlinked.
///
/// | to | call |
/// |---|---|
/// | make a ring in a named segment, or join it | [`create`](Self::create), [`open`](Self::open), [`open_or_create`](Self::open_or_create), [`open_timeout`](Self::open_timeout) |
/// | make a ring between threads | [`on_heap`](Self::on_heap) |
/// | make or join one in memory of your own | [`format`](Self::format), [`attach`](Self::attach) |
/// | take part | [`producer`](Self::producer), [`consumer`](Self::consumer) |
/// | see who takes part | [`seats`](Self::seats), [`presence`](Self::presence) |
/// | remove it | [`unlink`](Self::unlink), [`unlink_if_unused`](Self::unlink_if_unused) |
///
/// # Examples
/// ```
/// use ringway::{Options, spsc::Ring};
///
/// let name = format!("ring-{}", std::process::id());
/// let ring = Ring::<[u8]>::create(&name, &Options::new())?;
/// ring.producer()?.push(b"hello")?;
///
/// let mut rx = Ring::<[u8]>::open(&name)?.consumer()?; // as a rule, in another process
/// assert_eq!(rx.read()?.payload().to_vec(), b"hello");
/// Ring::<[u8]>::unlink(&name)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("channel", "queue"))]
pub struct Ring<K, T: ?Sized, M = DefaultMemory> {
    pub(crate) memory: M,
    pub(crate) header: Header,
    pub(crate) geometry: Geometry,
    label: Option<Label>,
    is: PhantomData<fn(K, &T)>,
}

/// Making a ring between threads, and how much memory a ring needs.
impl<K: Kind, T: Message + ?Sized> Ring<K, T> {
    /// How many bytes of memory a ring needs that is created with these options. `usize::MAX` if no
    /// ring can be so large.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, lanes, mpsc, spsc};
    ///
    /// let options = Options::new().capacity(1024).max_producers(4);
    /// let one = spsc::Ring::<u64>::required_len(&options);
    /// assert!(mpsc::Ring::<u64>::required_len(&options) - one < 4096);
    /// assert!(lanes::Ring::<u64>::required_len(&options) > 3 * one); // cells for each producer
    /// ```
    pub const fn required_len(options: &Options<'_>) -> usize {
        let len = Self::planned_len(options);
        if len > usize::MAX as u64 { usize::MAX } else { len as usize }
    }

    /// Makes a ring on the heap, for threads of this process.
    ///
    /// Memory on the heap cannot prove that a participant is dead: a producer or consumer that is
    /// leaked keeps its seat.
    ///
    /// # Errors
    /// [`LayoutError::Limit`] if no ring can be as large as the options ask for.
    ///
    /// # Panics
    /// If the memory cannot be allocated, like `Vec`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, spsc::Ring};
    ///
    /// let ring = Ring::<u64>::on_heap(&Options::new().capacity(64))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let thread = std::thread::spawn(move || rx.pop());
    /// tx.push(&42)?;
    /// assert_eq!(thread.join().unwrap()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn on_heap(options: &Options<'_>) -> Result<Ring<K, T, crate::memory::Heap>, LayoutError> {
        Geometry::check_limits(&spec::<K, T>(), options)?;
        Ring::make(crate::memory::Heap::new(Self::required_len(options)), options, true)
    }
}

impl<K: Kind, T: Message + ?Sized, M> Ring<K, T, M> {
    /// The length of a segment that holds only this ring; `u64::MAX` if none can.
    pub(crate) const fn planned_len(options: &Options<'_>) -> u64 {
        Geometry::plan(&spec::<K, T>(), options, Header::first_part(1)).end
    }
}

/// Taking part in a ring.
impl<K: Kind, T: Message + ?Sized, M: Memory> Ring<K, T, M> {
    /// Makes a new, empty ring in `memory`, whatever was there before, unless that is a ring.
    ///
    /// # Errors
    /// [`LayoutError::Exists`] if there is a ring already, used or not; [`LayoutError::Formatting`]
    /// if another participant makes one there at this moment; [`LayoutError::Limit`] if no ring
    /// can be as large as the options ask for; [`LayoutError::TooSmall`] if `memory` has fewer
    /// than [`required_len`](Ring::required_len) bytes; [`LayoutError::Misaligned`].
    ///
    /// # Examples
    /// See [`StaticMemory`](crate::memory::StaticMemory) and [`Heap`](crate::memory::Heap).
    pub fn format(memory: M, options: &Options<'_>) -> Result<Self, LayoutError> {
        Self::make(memory, options, false)
    }

    /// `zeroed`: the memory is known to hold zeros only.
    pub(crate) fn make(memory: M, options: &Options<'_>, zeroed: bool) -> Result<Self, LayoutError> {
        let ring = NewRing::new(spec::<K, T>(), T::label(), options)?;
        let objects: [(_, &dyn NewObject); 1] = [(Label::new(""), &ring)];
        // Participants that join later can be reached by barriers where this process can, or fence
        // for themselves.
        let header = Header::plan(&objects, !memory.register_barrier());
        header.format(&memory.region(), &objects, &memory.identity(), zeroed)?;
        let geometry = ring.geometry(Header::first_part(1));
        Ok(Self::new(memory, header, geometry, options))
    }

    /// Joins the ring in `memory`.
    ///
    /// # Errors
    /// Any [`LayoutError`] but `Exists`: there is no ring of `T`, or none that this version can
    /// read.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, memory::Heap, spsc::Ring};
    ///
    /// let options = Options::new().capacity(8);
    /// let memory = Heap::new(Ring::<u32>::required_len(&options));
    /// Ring::<u32, _>::format(memory.clone(), &options)?;
    /// assert_eq!(Ring::<u32, _>::attach(memory.clone())?.capacity(), 8);
    /// let error = Ring::<i64, _>::attach(memory).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "carries `u32` (4 bytes, align 4), not `i64` (8 bytes, align 8); both sides must name the same type",
    /// );
    /// # Ok::<(), ringway::LayoutError>(())
    /// ```
    pub fn attach(memory: M) -> Result<Self, LayoutError> {
        Self::attach_with(memory, &Options::new())
    }

    /// Joins the ring in `memory`, with the [`schema`](Options::schema) and
    /// [`label`](Options::label) of `options`. Its other options are for new rings.
    ///
    /// # Errors
    /// Like [`attach`](Self::attach).
    ///
    /// # Examples
    /// ```
    /// use ringway::{LayoutError, Options, memory::Heap, spsc::Ring};
    ///
    /// let options = Options::new().capacity(8).schema(2);
    /// let memory = Heap::new(Ring::<u32>::required_len(&options));
    /// Ring::<u32, _>::format(memory.clone(), &options)?;
    /// assert!(Ring::<u32, _>::attach_with(memory.clone(), &options).is_ok());
    /// let error = Ring::<u32, _>::attach(memory).unwrap_err();
    /// assert_eq!(error, LayoutError::Schema { found: 2, expected: 0 });
    /// # Ok::<(), LayoutError>(())
    /// ```
    pub fn attach_with(memory: M, options: &Options<'_>) -> Result<Self, LayoutError> {
        let region = memory.region();
        let header = Header::parse(&region)?;
        let entry = header.only_entry(&region)?;
        let geometry = Geometry::parse(&entry, &spec::<K, T>(), &T::label(), options.schema)?;
        Ok(Self::new(memory, header, geometry, options))
    }

    pub(super) fn new(memory: M, header: Header, geometry: Geometry, options: &Options<'_>) -> Self {
        Self { memory, header, geometry, label: options.label.map(Label::new), is: PhantomData }
    }

    /// Attaches a producer. It continues after the last record that was published from its seat,
    /// whichever process published that.
    ///
    /// With several producer seats it takes the first free one. Seats that were never taken, or
    /// that were given back, come before those whose holder died.
    ///
    /// # Errors
    /// [`SeatError::SeatTaken`] if the only producer seat has a living holder;
    /// [`SeatError::AllTaken`] if there are several, and none is free; [`SeatError::Unlinked`],
    /// [`SeatError::Inherited`], and others of [`SeatError`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, SeatError, spsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// let tx = ring.producer()?;
    /// assert!(matches!(ring.producer(), Err(SeatError::SeatTaken { .. })));
    /// drop(tx);
    /// assert!(ring.producer().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn producer(&self) -> Result<Producer<K, T, M>, SeatError> {
        let region = self.memory.region();
        let is_reusable = |seat| K::is_seat_reusable(&region, &self.geometry, seat);
        let seat = self.take_seat(Role::Producer, self.label, is_reusable)?;
        Ok(Producer {
            core: CachePadded::new(T::Producer::resume(&region, &self.geometry, seat.index())?),
            #[cfg(feature = "std")]
            waker: None,
            seat,
            ring: self.clone(),
            room: T::largest_room(&self.geometry),
            stall_timer: StallTimer::new(),
            spin: AdaptiveSpin::new(WaitStrategy::Adaptive),
            confined: PhantomData,
        })
    }

    /// Attaches the consumer. It continues at the first record that was not released.
    ///
    /// # Errors
    /// [`SeatError::SeatTaken`] if the consumer's seat has a living holder;
    /// [`SeatError::Unlinked`], [`SeatError::Inherited`], and others of [`SeatError`].
    ///
    /// # Examples
    /// See [`producer`](Self::producer).
    pub fn consumer(&self) -> Result<Consumer<K, T, M>, SeatError> {
        let seat = self.take_seat(Role::Consumer, self.label, |_| true)?;
        Ok(Consumer {
            core: CachePadded::new(T::Consumer::resume(&self.memory.region(), &self.geometry)?),
            #[cfg(feature = "std")]
            waker: None,
            seat,
            ring: self.clone(),
            backoff: EmptyBackoff::default(),
            stall_timer: StallTimer::new(),
            spin: AdaptiveSpin::new(WaitStrategy::Adaptive),
            confined: PhantomData,
        })
    }

    pub(super) fn take_seat(
        &self,
        role: Role,
        label: Option<Label>,
        is_reusable: impl Fn(u16) -> bool,
    ) -> Result<RingSeat<M>, SeatError> {
        RingSeat::take(&self.memory, &self.header, &self.geometry, role, label, is_reusable)
    }

    /// Whether a participant of this role is attached, and which one. Of several producers: any one
    /// that is attached ([`seats`](Self::seats) shows them all). `Never` if the ring's file was
    /// truncated. Asks the kernel, if the memory can prove life, and records deaths.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, spsc::Ring};
    /// use ringway::{Presence, Role};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    ///
    /// assert_eq!(ring.presence(Role::Consumer), Presence::Never);
    /// let rx = ring.consumer()?;
    /// assert!(matches!(ring.presence(Role::Consumer), Presence::Here(_)));
    /// drop(rx);
    /// assert!(matches!(ring.presence(Role::Consumer), Presence::Left(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn presence(&self, role: Role) -> Presence {
        if self.header.check(&self.memory).is_err() {
            return Presence::Never;
        }
        seat::presence_of(&self.memory, self.geometry.seats(role))
    }

    /// How much it holds: items, or bytes of payload. In a `lanes` ring: how much each lane holds.
    /// At least what was asked for.
    pub fn capacity(&self) -> usize {
        // Fits: the cells lie inside this process's memory.
        (self.geometry.capacity * self.unit()) as usize
    }

    /// How much of it is in use: sent, and not yet released. In the unit of
    /// [`capacity`](Self::capacity): items, or bytes in whole cells. In a `lanes` ring, the sum
    /// of all lanes.
    ///
    /// An estimate: producers and consumer move on at any moment.
    ///
    /// # Examples
    /// See [`Producer::len`].
    #[doc(alias("fill", "backlog"))]
    pub fn len(&self) -> usize {
        (0..self.geometry.lanes()).map(|lane| self.len_of_lane(lane)).fold(0, usize::saturating_add)
    }

    /// Whether everything that was sent is released. An estimate: see [`len`](Self::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much of the lane of the producer in `seat` is in use.
    pub(crate) fn len_of_lane(&self, seat: u64) -> usize {
        if !self.memory.is_own_process() {
            return 0;
        }
        let (lane, region) = (self.geometry.lane(seat), self.memory.region());
        // Relaxed: an estimate; nothing is read through it.
        let [head, tail] =
            [lane.head, lane.tail].map(|at| WordRef::new(&region, at).map_or(0, |word| word.load(Relaxed)));
        // Fits: the cells lie inside this process's memory.
        (tail.saturating_sub(head).min(lane.capacity) * self.unit()) as usize
    }

    /// What a cell counts in the numbers that users see.
    fn unit(&self) -> u64 {
        if T::CARRIES == Carries::Bytes { self.geometry.stride } else { 1 }
    }

    /// How many producers can be attached at a time.
    pub fn max_producers(&self) -> usize {
        // Fits: there are at most 2^16 - 1.
        self.geometry.producers as usize
    }

    /// The memory that it lies in.
    pub fn memory(&self) -> &M {
        &self.memory
    }
}

/// Rings of bytes.
impl<K: Kind, M: Memory> Ring<K, [u8], M> {
    /// The largest record, in bytes: half the [capacity](crate::Options::capacity).
    pub fn max_record(&self) -> usize {
        max_record(self.geometry.capacity)
    }
}

impl<K, T: ?Sized, M: Clone> Clone for Ring<K, T, M> {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.clone(),
            header: self.header,
            geometry: self.geometry,
            label: self.label,
            is: PhantomData,
        }
    }
}

/// Does not ask who holds the seats: for that, see [`Ring::presence`].
impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for Ring<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAMES[0])
            .field("carries", &T::label())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
