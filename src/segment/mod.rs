//! Rings in named segments: create, open, unlink.
//!
//! ```text
//!   create:  unnamed file ── reserve space ── map ── format ── link to its name      all or nothing
//!   open:    open ── check type, owner, size ── map ── parse into private memory     never half a segment
//! ```
//!
//! A segment gets its name when it is complete, so nobody ever sees half of one; a creator that is killed leaves
//! nothing, since a file without a name vanishes with its last descriptor. Of two creators the link lets
//! one win. All space is set aside at creation: a full `/dev/shm` is an error there, never a SIGBUS later. (Where a file system copies on write,
//! as btrfs does, space set aside is no promise; rings belong on one in memory.)
//!
//! A segment lives until it is unlinked, whoever lives or dies; so a restarted process finds what was under way.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E0 | `format` magic | `parse` magic | header, object table, empty cells |
mod name;

use std::path::Path;
use std::time::Duration;

use crate::ring::{Message, Kind, Ring};
use crate::error::SegmentError;
use crate::layout::Options;
use crate::os::{self, Mapping, Pages};

/// Whether a segment that was unlinked was in use: see [`Ring::unlink`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// Nobody had a seat in it at that moment.
    Unused,
    /// Somebody had: those who are in it go on as before, nobody new can join, and it is gone when the last has
    /// left.
    InUse,
}

/// Rings in named segments.
///
/// A *name* has 1 to 200 bytes, no `/` and no leading dot, and stands for a file in `/dev/shm`. With a `/` in
/// it, it is a path, relative or absolute (containers share volumes): the file system should be one in memory.
///
/// # Truncation
/// Whoever may write the file may truncate it, and a process that touches a page that is gone is killed by SIGBUS. No check can
/// exclude that, for the file may be cut right after it. (Who punches holes into the file, or cuts it and makes it as long again,
/// gives away the space that was set aside: then a full file system is a SIGBUS too, and nothing tells.) What is promised:
/// * Never more is mapped than the file has; a file that is too short, or has become so while it was mapped, is a
///   [`LayoutError::Truncated`](crate::LayoutError::Truncated).
/// * Whoever takes a seat, gives it back, or lists them asks first whether the bytes are still there, and so does whoever was asleep,
///   before it touches them: this is [`Corruption::Truncated`](crate::Corruption::Truncated), for good. A sleeper asks after 100 ms at
///   most, so nearly all the time that is spent waiting is safe.
/// * An end that has been told touches nothing any more: it can be used, and dropped, and says what it said.
///
/// On the data path nobody asks. A file that grows is as good as before.
///
/// # References
/// mmap(2) on SIGBUS; fstat(2).
impl<K: Kind, T: Message + ?Sized> Ring<K, T, Mapping> {
    /// Makes a new ring in a new segment. It stays until [`unlink`](Self::unlink); a program that is started again finds it there, and takes
    /// [`open_or_create`](Self::open_or_create) instead.
    ///
    /// # Errors
    /// [`SegmentError::Exists`] if there is something of this name; [`SegmentError::NoSpace`],
    /// [`SegmentError::Name`], [`SegmentError::Denied`], and others of [`SegmentError`].
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, spsc::Ring};
    ///
    /// # let name = &format!("ringway-doc-create-{}", std::process::id());
    /// let ring = Ring::<[u8]>::create(name, &Options::new().capacity(1 << 16))?;
    /// ring.producer()?.push(b"for whoever comes")?;
    /// drop(ring);
    ///
    /// let ring = Ring::<[u8]>::open(name)?; // as a rule: in another process
    /// assert_eq!(ring.consumer()?.read()?.payload().to_vec(), b"for whoever comes");
    /// Ring::<[u8]>::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    /// open(2) `O_TMPFILE`, fallocate(2), mmap(2), linkat(2).
    pub fn create(name: impl AsRef<Path>, options: &Options<'_>) -> Result<Self, SegmentError> {
        let path = name::path_of(name.as_ref())?;
        let need = Self::required_len(options);
        let mapping = Mapping::create(&path, need, options)?;
        let layout = |error| SegmentError::Layout { path: path.clone(), error };
        let ring = Self::make(mapping, options, true).map_err(layout)?;
        ring.memory().publish()?;
        Ok(ring)
    }

    /// Joins the ring of this name.
    ///
    /// # Errors
    /// [`SegmentError::NotFound`]; [`SegmentError::Layout`] if it is not a ring of `T`, in words;
    /// [`SegmentError::Owner`] if it belongs to somebody else; and others of [`SegmentError`].
    ///
    /// # Examples
    /// See [`create`](Self::create).
    ///
    /// # References
    /// open(2), fstat(2), mmap(2).
    pub fn open(name: impl AsRef<Path>) -> Result<Self, SegmentError> {
        Self::open_with(name, &Options::new())
    }

    /// Joins the ring of this name, with options: all but capacity, producers and mode, which it has already.
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
        let path = name::path_of(name.as_ref())?;
        let mapping = Mapping::open(&path, options)?;
        let ring = Self::join(mapping, options).map_err(|error| SegmentError::Layout { path, error })?;
        ring.memory().settle(options, Pages::There)?;
        Ok(ring)
    }

    /// Joins the ring of this name; waits for it to be created, for `timeout` at most.
    ///
    /// # Errors
    /// As [`open`](Self::open), with [`SegmentError::Elapsed`] for `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// use ringway::{SegmentError, spsc::Ring};
    ///
    /// let ring = Ring::<u64>::open_timeout("nobody-creates-this", Duration::from_millis(5));
    /// assert!(matches!(ring, Err(SegmentError::Elapsed { .. })));
    /// ```
    pub fn open_timeout(name: impl AsRef<Path>, timeout: Duration) -> Result<Self, SegmentError> {
        Self::open_timeout_with(name, timeout, &Options::new())
    }

    /// Joins the ring of this name, with options; waits for it to be created, for `timeout` at most.
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
        let deadline = os::monotonic().saturating_add(timeout);
        let mut pause = Duration::from_millis(1);
        loop {
            match Self::open_with(&name, options) {
                Err(SegmentError::NotFound { path }) => {
                    let left = deadline.saturating_sub(os::monotonic());
                    if left.is_zero() {
                        return Err(SegmentError::Elapsed { path });
                    }
                    std::thread::sleep(pause.min(left));
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                other => return other,
            }
        }
    }

    /// Joins the ring of this name, or makes it if there is none. Any number of processes may do so at once: all
    /// end up in the same ring. An existing one keeps the capacity, the producers and the mode it has.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`create`](Self::create), but for `NotFound` and `Exists`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, spsc::Ring};
    ///
    /// # let name = &format!("ringway-doc-open-or-create-{}", std::process::id());
    /// let options = Options::new().capacity(64);
    /// let ring = Ring::<u64>::open_or_create(name, &options)?;
    /// ring.producer()?.push(&1)?;
    /// let again = Ring::<u64>::open_or_create(name, &options)?;
    /// assert_eq!(again.consumer()?.pop()?, 1);
    /// # Ring::<u64>::unlink(name)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_or_create(name: impl AsRef<Path>, options: &Options<'_>) -> Result<Self, SegmentError> {
        // `Exists`: somebody else was faster; so it is there, unless somebody unlinks it just then. `NoSpace`: perhaps
        // only because others are creating it, each of whom holds all its space until one has won.
        let (mut races, mut shortages) = (1000, 12);
        loop {
            match Self::open_with(&name, options) {
                Err(SegmentError::NotFound { .. }) => {}
                other => return other,
            }
            match Self::create(&name, options) {
                Err(SegmentError::Exists { .. }) if races > 0 => races -= 1,
                Err(SegmentError::NoSpace { .. }) if shortages > 0 => {
                    // Each at another pace, so that one gets all the space that it needs.
                    let pace = u64::from(os::monotonic().subsec_nanos() / 64 % 7) + 1;
                    std::thread::sleep(Duration::from_millis(pace * (13 - shortages)));
                    shortages -= 1;
                }
                other => return other,
            }
        }
    }

    /// Removes the name. Whoever is in the segment goes on as before, and is told by
    /// [`is_unlinked`](Self::is_unlinked) if it asks; nobody else can join. The memory is freed when the last one
    /// has left.
    ///
    /// To clean up what nobody uses: [`open`](Self::open) it, and unlink it if nobody is [`Here`](crate::Presence::Here) in its
    /// [`seats`](Self::seats).
    ///
    /// # Errors
    /// [`SegmentError::NotFound`]; [`SegmentError::Layout`] if it is not a ring: it is left alone;
    /// [`SegmentError::Denied`], and others of [`SegmentError`].
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
        let unused = Mapping::unlink(&name::path_of(name.as_ref())?)?;
        Ok(if unused { Unlinked::Unused } else { Unlinked::InUse })
    }

    /// Where the segment is, or was when it was opened.
    pub fn path(&self) -> &Path {
        self.memory().path()
    }

    /// Whether the segment's name is gone: nobody new can join. Asks the system.
    ///
    /// # Examples
    /// See [`unlink`](Self::unlink).
    pub fn is_unlinked(&self) -> bool {
        self.memory().is_unlinked()
    }
}
