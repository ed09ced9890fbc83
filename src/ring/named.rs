//! Rings in named segments: the short forms for a segment with one ring, and [`Segment::ring`].
use std::boxed::Box;
use std::path::Path;
use std::time::Duration;

use super::layout::{Geometry, NewRing};
use super::{Kind, Message, Ring, spec};
use crate::error::{LayoutError, SegmentError};
use crate::layout::{Entry, NewObject, Options};
use crate::memory::Memory;
use crate::segment::{self, Builder, Mapping, Pages, PlannedObject, Segment, Unlinked};

/// Rings in named segments: the short form for a segment with one ring. A [`Segment`] can hold
/// several.
///
/// A *name* has 1 to 200 bytes, no `/` and no leading dot, and stands for a file in `/dev/shm`. A
/// name that begins with `/`, `./` or `../` is a path, for example to a volume that containers
/// share. Its file system should be one in memory.
///
/// # Truncation
/// A process that can write the file can truncate it, and a process that touches a missing page is
/// killed by SIGBUS. No check can exclude that, because the file can be truncated right after the
/// check. (A process that punches holes into the file, or truncates it and extends it again, gives
/// the allocated space away. A full file system is then a SIGBUS, too. Only opening the ring
/// notices that.) The library promises this:
/// * It maps the length that the header states, and never more than the file has. A file that is
///   too short, or is truncated while it is being mapped, is a
///   [`LayoutError::Truncated`](crate::LayoutError::Truncated).
/// * It does not open a file with fewer bytes allocated than the ring needs, such as a sparse copy:
///   [`SegmentError::Sparse`].
/// * Taking a seat, giving it back and listing the seats first check that the bytes are still
///   there. A thread that was asleep checks before it touches them, and wakes for that every 100 ms
///   at least, so nearly all the time spent waiting is safe. The error is
///   [`Corruption::Truncated`](crate::Corruption::Truncated).
/// * A handle that has returned this error touches the bytes no more. It keeps returning the error,
///   and can be dropped.
///
/// Nothing is checked on the data path. A file that grows does no harm: its surplus is neither
/// mapped nor allocated.
///
/// # References
/// mmap(2) on SIGBUS; fstat(2).
impl<K: Kind, T: Message + ?Sized> Ring<K, T, Mapping> {
    /// Creates a ring in a new segment, which stays until it is [unlinked](Self::unlink).
    ///
    /// A program that may find its ring of an earlier run uses
    /// [`open_or_create`](Self::open_or_create).
    ///
    /// # Errors
    /// [`SegmentError::Exists`] if the name is taken; [`SegmentError::NoSpace`],
    /// [`SegmentError::Name`], [`SegmentError::Denied`], and other variants of [`SegmentError`].
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, spsc::Ring};
    ///
    /// # let name = &format!("ringway-doc-create-{}", std::process::id());
    /// let ring = Ring::<[u8]>::create(name, &Options::new().capacity(1 << 16))?;
    /// ring.producer()?.push(b"hello")?;
    /// drop(ring);
    ///
    /// let ring = Ring::<[u8]>::open(name)?; // usually in another process
    /// assert_eq!(ring.consumer()?.read()?.payload().to_vec(), b"hello");
    /// Ring::<[u8]>::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    /// open(2) `O_TMPFILE`, fallocate(2), mmap(2), linkat(2).
    pub fn create(name: impl AsRef<Path>, options: &Options<'_>) -> Result<Self, SegmentError> {
        let ring = NewRing::new(spec::<K, T>(), T::label(), options);
        let segment = segment::create(name.as_ref(), &[new_object("", ring)], options)?;
        Self::only_of(segment, options)
    }

    /// Opens the ring of this name.
    ///
    /// # Errors
    /// [`SegmentError::NotFound`]; [`SegmentError::Layout`] if it is not a ring of `T`, and why;
    /// [`SegmentError::Owner`] or [`SegmentError::UnknownOwner`] if it belongs, or may belong, to
    /// another user; [`SegmentError::Sparse`] if its space is not allocated; and other variants of
    /// [`SegmentError`].
    ///
    /// # Examples
    /// See [`create`](Self::create).
    ///
    /// # References
    /// open(2), fstat(2), mmap(2).
    pub fn open(name: impl AsRef<Path>) -> Result<Self, SegmentError> {
        Self::open_with(name, &Options::new())
    }

    /// Opens the ring of this name, with options.
    ///
    /// The ring keeps its capacity, its producer seats and its mode: these options have no effect
    /// here. The [schema](Options::schema) must match.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Examples
    /// ```no_run
    /// use ringway::{Options, spsc::Ring};
    ///
    /// let ring = Ring::<u64>::open_with("ticks", &Options::new().label("plotter").owner(1000))?;
    /// # Ok::<(), ringway::SegmentError>(())
    /// ```
    pub fn open_with(name: impl AsRef<Path>, options: &Options<'_>) -> Result<Self, SegmentError> {
        Self::open_checked(name.as_ref(), options, |_| Ok(()))
    }

    /// Opens the ring of this name if `check` accepts it, before any option is applied.
    fn open_checked(
        name: &Path,
        options: &Options<'_>,
        check: impl FnOnce(&Self) -> Result<(), SegmentError>,
    ) -> Result<Self, SegmentError> {
        let ring = Self::only_of(Segment::open_unprepared(name, options)?, options)?;
        check(&ring)?;
        ring.memory().apply_options(options, Pages::Present)?;
        Ok(ring)
    }

    /// The ring of a segment that has no other object.
    fn only_of(segment: Segment, options: &Options<'_>) -> Result<Self, SegmentError> {
        let ring = segment.only_entry().and_then(|entry| Self::of_entry(&segment, entry, options));
        ring.map_err(|error| SegmentError::Layout { path: segment.path().into(), error })
    }

    /// The ring that `entry` describes.
    fn of_entry(segment: &Segment, entry: &Entry, options: &Options<'_>) -> Result<Self, LayoutError> {
        let geometry = Geometry::parse(entry, &spec::<K, T>(), &T::label(), options.schema)?;
        Ok(Self::new(segment.memory().clone(), *segment.header(), geometry, options))
    }

    /// Opens the ring of this name; waits at most `timeout` for another process to create it.
    ///
    /// # Errors
    /// As [`open`](Self::open), with [`SegmentError::Elapsed`] in place of `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// use ringway::{SegmentError, spsc::Ring};
    ///
    /// let ring = Ring::<u64>::open_timeout("never-created", Duration::from_millis(5));
    /// assert!(matches!(ring, Err(SegmentError::Elapsed { .. })));
    /// ```
    pub fn open_timeout(name: impl AsRef<Path>, timeout: Duration) -> Result<Self, SegmentError> {
        Self::open_timeout_with(name, timeout, &Options::new())
    }

    /// Opens the ring of this name, with options; waits at most `timeout` for another process to
    /// create it.
    ///
    /// # Errors
    /// As [`open_timeout`](Self::open_timeout).
    ///
    /// # Examples
    /// See [`open_timeout`](Self::open_timeout) and [`open_with`](Self::open_with).
    pub fn open_timeout_with(
        name: impl AsRef<Path>,
        timeout: Duration,
        options: &Options<'_>,
    ) -> Result<Self, SegmentError> {
        segment::wait_to_open(timeout, || Self::open_with(&name, options))
    }

    /// Opens the ring of this name, or creates it if there is none. Any number of processes may do
    /// so at the same time: all get the same ring.
    ///
    /// An existing ring must have the capacity (rounded up), the
    /// [`max_producers`](Options::max_producers) and the [mode](Options::mode) that the options
    /// set. Options that are not set accept what is there. The [schema](Options::schema) must match
    /// in any case.
    ///
    /// # Errors
    /// [`SegmentError::Differs`] if an existing ring differs from what the options set. Otherwise
    /// as [`open`](Self::open) and [`create`](Self::create), except `NotFound` and `Exists`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, SegmentError, spsc::Ring};
    ///
    /// # let name = &format!("ringway-doc-open-or-create-{}", std::process::id());
    /// let options = Options::new().capacity(64);
    /// let ring = Ring::<u64>::open_or_create(name, &options)?;
    /// ring.producer()?.push(&1)?;
    /// let again = Ring::<u64>::open_or_create(name, &options)?;
    /// assert_eq!(again.consumer()?.pop()?, 1);
    ///
    /// let larger = Ring::<u64>::open_or_create(name, &options.capacity(128));
    /// assert!(matches!(larger, Err(SegmentError::Differs { found: 64, asked: 128, .. })));
    /// # Ring::<u64>::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_or_create(name: impl AsRef<Path>, options: &Options<'_>) -> Result<Self, SegmentError> {
        let name = name.as_ref();
        segment::open_or_create(
            || Self::open_checked(name, options, |ring| ring.check_difference(options)),
            || Self::create(name, options),
        )
    }

    /// An error if this ring is not as the options say.
    fn check_difference(&self, options: &Options<'_>) -> Result<(), SegmentError> {
        let differs =
            |what, found, asked| Err(SegmentError::Differs { path: self.path().into(), what, found, asked });
        match self.geometry.difference(options).or_else(|| segment::mode_difference(self.memory(), options)) {
            None => Ok(()),
            Some((what, found, asked)) => differs(what, found, asked),
        }
    }

    /// Removes the name. Participants go on as before, and can find out with
    /// [`is_unlinked`](Self::is_unlinked). No other process can join, and no further seat can be
    /// taken. A participant that waits for a first peer gets
    /// [`Departure::Unlinked`](crate::Departure::Unlinked). The memory is freed when the
    /// last process has unmapped it.
    ///
    /// To remove only what no process uses, call [`unlink_if_unused`](Self::unlink_if_unused).
    ///
    /// # Errors
    /// [`SegmentError::NotFound`]; [`SegmentError::Layout`] or [`SegmentError::NotAFile`] if it is
    /// not a ring, and stays as it is; [`SegmentError::Denied`]; and other variants of
    /// [`SegmentError`].
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, Unlinked, spsc::Ring};
    ///
    /// # let name = &format!("ringway-doc-unlink-{}", std::process::id());
    /// let ring = Ring::<u64>::create(name, &Options::new())?;
    /// let tx = ring.producer()?;
    /// assert_eq!(Ring::<u64>::unlink(name)?, Unlinked::InUse);
    /// assert!(ring.is_unlinked());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    /// unlink(2), fcntl(2) `F_OFD_GETLK`.
    pub fn unlink(name: impl AsRef<Path>) -> Result<Unlinked, SegmentError> {
        Segment::unlink(name)
    }

    /// Removes the name if no living participant holds a seat in the ring. The type and the kind of
    /// the ring do not matter. A stopped process is a living one.
    ///
    /// # Races
    /// The call locks all bytes of the file, which includes all seats, then removes the name, then
    /// unlocks.
    /// * The lock is granted only if no seat is locked, so no participant holds a seat at that
    ///   moment.
    /// * As long as it is held, an attempt to take a seat fails:
    ///   [`SeatTaken`](crate::SeatError::SeatTaken) or [`AllTaken`](crate::SeatError::AllTaken). An
    ///   attempt to open the ring fails once the name is gone
    ///   ([`NotFound`](SegmentError::NotFound)).
    /// * A process that opened the ring before this call, and asks for a seat after it, gets none:
    ///   [`SeatError::Unlinked`](crate::SeatError::Unlinked). So a participant that has a seat also
    ///   has a ring with a name, and no such call removes that name as long as the seat is held.
    ///
    /// Two things remain open:
    /// * The call compares the name with the locked file and then removes the name, in two steps.
    ///   If another process replaces the file in between by a plain [`unlink`](Self::unlink), or by
    ///   `rm`, and a new ring of the same name, the new ring loses its name.
    /// * Where locks do not survive when a program closes all its descriptors (any file system but
    ///   tmpfs), the call also respects the identities in taken seats. It recognises such a
    ///   participant only in its own PID namespace.
    ///
    /// # Errors
    /// [`SegmentError::InUse`] if a participant holds a seat, and which one; otherwise as
    /// [`unlink`](Self::unlink).
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, SegmentError, spsc::Ring};
    ///
    /// # let name = &format!("ringway-doc-unused-{}", std::process::id());
    /// let ring = Ring::<u64>::create(name, &Options::new().label("feed"))?;
    /// let tx = ring.producer()?;
    /// let error = Ring::<u64>::unlink_if_unused(name).unwrap_err();
    /// let SegmentError::InUse { by: Some(holder), .. } = error else { panic!("{error}") };
    /// assert_eq!(holder.pid, u64::from(std::process::id()));
    ///
    /// drop(tx);
    /// Ring::<u64>::unlink_if_unused(name)?;
    /// assert!(ring.is_unlinked());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    /// fcntl(2) `F_OFD_SETLK`, `F_OFD_GETLK`; unlink(2).
    pub fn unlink_if_unused(name: impl AsRef<Path>) -> Result<(), SegmentError> {
        Segment::unlink_if_unused(name)
    }

    /// The path of the segment when it was opened.
    pub fn path(&self) -> &Path {
        self.memory().path()
    }

    /// Whether the segment has lost its name, so that no other process can join: it was unlinked or
    /// renamed, or another file has its name by now. A system call.
    ///
    /// # Examples
    /// See [`unlink`](Self::unlink).
    pub fn is_unlinked(&self) -> bool {
        self.memory().is_unlinked()
    }
}

/// Rings of a segment.
impl Segment {
    /// The ring of this name, if it carries `T` and expects no schema.
    ///
    /// # Errors
    /// [`SegmentError::NoObject`] if the segment has no object of this name;
    /// [`SegmentError::Object`] if the object is not a ring of this kind and type.
    ///
    /// # Examples
    /// See [`Segment`].
    pub fn ring<K: Kind, T: Message + ?Sized>(&self, name: &str) -> Result<Ring<K, T>, SegmentError> {
        self.ring_with(name, &Options::new())
    }

    /// The ring of this name, with the [`schema`](Options::schema) and [`label`](Options::label) of
    /// `options`; without a label, with that of the segment. Its other options are for new rings.
    ///
    /// # Errors
    /// As [`ring`](Self::ring).
    ///
    /// # Examples
    /// ```
    /// # let name = &format!("ringway-doc-ring-with-{}", std::process::id());
    /// use ringway::spsc::Spsc;
    /// use ringway::{Options, Segment};
    ///
    /// let options = Options::new().schema(3);
    /// let segment = Segment::builder().ring::<Spsc, u64>("ticks", &options).create(name)?;
    /// let rx = segment.ring_with::<Spsc, u64>("ticks", &options.label("plotter"))?.consumer()?;
    /// # Segment::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ring_with<K: Kind, T: Message + ?Sized>(
        &self,
        name: &str,
        options: &Options<'_>,
    ) -> Result<Ring<K, T>, SegmentError> {
        let entry = self.entry(name)?;
        let options = &Options { label: options.label.or(self.label()), ..*options };
        Ring::of_entry(self, entry, options).map_err(|error| self.object_error(name, error))
    }
}

/// Rings of a new segment.
impl Builder<'_> {
    /// Adds a ring. `options` says its capacity, its producer seats and its schema.
    ///
    /// # Examples
    /// See [`Segment`].
    pub fn ring<K: Kind, T: Message + ?Sized>(self, name: &str, options: &Options<'_>) -> Self {
        let ring = NewRing::new(spec::<K, T>(), T::label(), options);
        self.object(PlannedObject { misplaced: options.misplaced_in_object(), ..new_object(name, ring) })
    }
}

fn new_object(name: &str, ring: Result<NewRing, LayoutError>) -> PlannedObject {
    let object = ring.map(|ring| Box::new(ring) as Box<dyn NewObject>);
    PlannedObject { name: name.into(), object, misplaced: None }
}
