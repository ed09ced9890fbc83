//! [`Segment`]: objects in a named file: create, open, unlink.
//!
//! ```text
//!   create:  unnamed file ── allocate space ── map ── format ── link to its name     all or nothing
//!   open:    open ── check type, owner, size ── map ── parse into private memory     never half a segment
//! ```
//!
//! A segment gets its name when it is complete, so no process ever sees half of one. A creator that
//! is killed leaves nothing behind, because a file without a name vanishes with its last
//! descriptor. Of two creators, the link lets one win. All space is allocated at creation: a full
//! `/dev/shm` is an error there, never a SIGBUS later. (Where a file system copies on write, as
//! btrfs does, allocated space is no promise; rings belong on a file system in memory.)
//!
//! A segment lives until it is unlinked, whichever process exits or dies. So a restarted process
//! finds its ring again.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E0 | `format` magic | `parse` magic | header, object table, empty cells |
mod builder;
mod door;
mod mapping;
mod name;
mod object;
mod transfer;
mod unlink;
mod users;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

pub use builder::Builder;
pub(crate) use builder::{PlannedObject, create};
pub use door::{Door, Peer};
pub use mapping::Mapping;
pub(crate) use mapping::{Pages, metadata, open_ring};
pub(crate) use name::path_of;
pub use object::ObjectInfo;
pub use transfer::Grant;

use crate::error::{LayoutError, SegmentError};
use crate::identity::Label;
use crate::layout::{Entry, Header, Options};
use crate::memory::Memory;
use crate::os;

/// Whether a segment was in use when it was unlinked: see [`Segment::unlink`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unlinked {
    /// No participant held a seat in it.
    Unused,
    /// A participant held a seat. All participants go on as before, no other process can join, and
    /// the segment is freed when the last process has unmapped it.
    InUse,
}

/// A segment: a file in memory that holds one object or several, such as rings.
///
/// | to | call |
/// |---|---|
/// | make a named segment | [`builder`](Self::builder), [`Builder::create`], [`Builder::open_or_create`] |
/// | join one | [`open`](Self::open), [`open_timeout`](Self::open_timeout) |
/// | make an anonymous one, which no process can cut | [`Builder::create_anonymous`] |
/// | hand it over | [`send_to`](Self::send_to), [`receive_from`](Self::receive_from), [`Door`], [`knock`](Self::knock) |
/// | use an object of it | [`ring`](Self::ring) |
/// | see what it holds | [`objects`](Self::objects) |
/// | remove it | [`unlink`](Self::unlink), [`unlink_if_unused`](Self::unlink_if_unused) |
///
/// Its objects are chosen when it is created. They appear together, are found under one name, and
/// are removed together. A program that needs one ring takes the short form:
/// [`Ring::create`](crate::ring::Ring::create) makes a segment with one ring.
///
/// Names, permissions, and what happens if the file is truncated: see
/// [`Ring`](crate::ring::Ring#truncation).
///
/// # Examples
/// ```
/// # let name = &format!("ringway-doc-segment-{}", std::process::id());
/// use ringway::mpsc::Mpsc;
/// use ringway::spsc::Spsc;
/// use ringway::{Options, Segment};
///
/// let segment = Segment::builder()
///     .ring::<Spsc, u64>("ticks", &Options::new().capacity(4096))
///     .ring::<Mpsc, [u8]>("log", &Options::new().max_producers(4))
///     .create(name)?;
/// segment.ring::<Spsc, u64>("ticks")?.producer()?.push(&7)?;
///
/// let segment = Segment::open(name)?; // usually in another process
/// assert_eq!(segment.ring::<Spsc, u64>("ticks")?.consumer()?.pop()?, 7);
/// Segment::unlink(name)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Segment {
    mapping: Mapping,
    header: Header,
    entries: Arc<[Entry]>,
    label: Option<Arc<str>>,
}

impl Segment {
    /// What a new segment is to hold.
    ///
    /// # Examples
    /// See [`Segment`].
    pub fn builder<'a>() -> Builder<'a> {
        Builder::new()
    }

    /// Opens the segment of this name.
    ///
    /// # Errors
    /// [`SegmentError::NotFound`]; [`SegmentError::Layout`] if it is not a segment that this
    /// version can read, and why; [`SegmentError::Owner`] or [`SegmentError::UnknownOwner`] if it
    /// belongs, or may belong, to another user; [`SegmentError::Sparse`] if its space is not
    /// allocated; and other variants of [`SegmentError`].
    ///
    /// # Examples
    /// See [`Segment`].
    ///
    /// # References
    /// open(2), fstat(2), mmap(2).
    pub fn open(name: impl AsRef<Path>) -> Result<Self, SegmentError> {
        Self::open_with(name, &Options::new())
    }

    /// Opens the segment of this name, with the [`owner`](Options::owner),
    /// [`prefault`](Options::prefault), [`huge_pages`](Options::huge_pages) and
    /// [`lock_memory`](Options::lock_memory) of `options`, and with its [`label`](Options::label)
    /// for the participants in all objects.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Examples
    /// ```no_run
    /// use ringway::{Options, Segment};
    ///
    /// let segment = Segment::open_with("robot", &Options::new().label("plotter").owner(1000))?;
    /// # Ok::<(), ringway::SegmentError>(())
    /// ```
    pub fn open_with(name: impl AsRef<Path>, options: &Options<'_>) -> Result<Self, SegmentError> {
        let segment = Self::open_unprepared(name.as_ref(), options)?;
        segment.mapping.apply_options(options, Pages::Present)?;
        Ok(segment)
    }

    /// Opens the segment of this name; waits at most `timeout` for another process to create it.
    ///
    /// # Errors
    /// As [`open`](Self::open), with [`SegmentError::Elapsed`] in place of `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// use ringway::{Segment, SegmentError};
    ///
    /// let segment = Segment::open_timeout("never-created", Duration::from_millis(5));
    /// assert!(matches!(segment, Err(SegmentError::Elapsed { .. })));
    /// ```
    pub fn open_timeout(name: impl AsRef<Path>, timeout: Duration) -> Result<Self, SegmentError> {
        Self::open_timeout_with(name, timeout, &Options::new())
    }

    /// Opens the segment of this name, with options; waits at most `timeout` for another process to
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
        wait_to_open(timeout, || Self::open_with(&name, options))
    }

    /// Maps the segment of this name and parses its object table. Its pages are not prepared yet:
    /// see `Mapping::apply_options`.
    pub(crate) fn open_unprepared(name: &Path, options: &Options<'_>) -> Result<Self, SegmentError> {
        let path = path_of(name)?;
        Self::attach_mapped(Mapping::open(&path, options)?, options)
            .map_err(|error| SegmentError::Layout { path, error })
    }

    /// The segment in a file that was mapped as far as its header stated. Another process may have
    /// changed the header since.
    fn attach_mapped(mapping: Mapping, options: &Options<'_>) -> Result<Self, LayoutError> {
        let segment = Self::attach(mapping, options)?;
        let found = segment.header.len;
        if found != segment.mapping.mapped_len() {
            return Err(LayoutError::Field { field: "length", found });
        }
        Ok(segment)
    }

    fn attach(mapping: Mapping, options: &Options<'_>) -> Result<Self, LayoutError> {
        let region = mapping.region();
        let header = Header::parse(&region)?;
        let entries = header.entries(&region).collect::<Result<Arc<[_]>, _>>()?;
        check_names(&entries)?;
        Ok(Self { mapping, header, entries, label: options.label.map(Arc::from) })
    }

    /// The objects of the segment, in the order in which they were added when it was created.
    ///
    /// # Examples
    /// ```
    /// # let name = &format!("ringway-doc-objects-{}", std::process::id());
    /// use ringway::{Options, Segment, spsc::Spsc};
    ///
    /// let options = Options::new().capacity(64);
    /// let segment = Segment::builder().ring::<Spsc, u64>("ticks", &options).create(name)?;
    /// let objects: Vec<_> = segment.objects().map(|object| object.to_string()).collect();
    /// assert_eq!(objects, ["`ticks`, a ring of kind `spsc`, 2048 bytes"]);
    /// # Segment::unlink(name)?;
    /// # Ok::<(), ringway::SegmentError>(())
    /// ```
    pub fn objects(&self) -> impl Iterator<Item = ObjectInfo> + '_ {
        self.entries.iter().map(ObjectInfo::of)
    }

    /// The entry of the object of this name.
    pub(crate) fn entry(&self, name: &str) -> Result<&Entry, SegmentError> {
        self.find(name).ok_or_else(|| SegmentError::NoObject {
            path: self.path().into(),
            name: name.into(),
            found: self.entries.iter().map(|entry| std::format!("{}", entry.name())).collect(),
        })
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        let is_name = |entry: &&Entry| name.len() <= Label::MAX && entry.name() == Label::new(name);
        self.entries.iter().find(is_name)
    }

    /// The entry of the only object.
    pub(crate) fn only_entry(&self) -> Result<&Entry, LayoutError> {
        match &*self.entries {
            [entry] => Ok(entry),
            entries => Err(LayoutError::SeveralObjects { found: entries.len() as u64 }),
        }
    }

    pub(crate) fn object_error(&self, name: &str, error: LayoutError) -> SegmentError {
        SegmentError::Object { path: self.path().into(), object: name.into(), error }
    }

    /// The memory that it lies in.
    pub fn memory(&self) -> &Mapping {
        &self.mapping
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Removes the name. Participants go on as before, and can find out with
    /// [`is_unlinked`](Self::is_unlinked). No other process can join, and no further seat can be
    /// taken. The memory is freed when the last process has unmapped it.
    ///
    /// To remove only what no process uses, call [`unlink_if_unused`](Self::unlink_if_unused).
    ///
    /// # Errors
    /// [`SegmentError::NotFound`]; [`SegmentError::Layout`] or [`SegmentError::NotAFile`] if it is
    /// not a segment, and stays as it is; [`SegmentError::Denied`]; and other variants of
    /// [`SegmentError`].
    ///
    /// # Examples
    /// See [`Ring::unlink`](crate::ring::Ring::unlink).
    ///
    /// # References
    /// unlink(2), fcntl(2) `F_OFD_GETLK`.
    pub fn unlink(name: impl AsRef<Path>) -> Result<Unlinked, SegmentError> {
        let is_unused = unlink::unlink(&path_of(name.as_ref())?)?;
        Ok(if is_unused { Unlinked::Unused } else { Unlinked::InUse })
    }

    /// Removes the name if no living participant holds a seat in any object. A stopped process is
    /// a living one.
    ///
    /// # Races
    /// See [`Ring::unlink_if_unused`](crate::ring::Ring::unlink_if_unused).
    ///
    /// # Errors
    /// [`SegmentError::InUse`] if a participant holds a seat, and which one; otherwise as
    /// [`unlink`](Self::unlink).
    ///
    /// # Examples
    /// ```
    /// # let name = &format!("ringway-doc-unused-segment-{}", std::process::id());
    /// use ringway::{Options, Segment, SegmentError, spsc::Spsc};
    ///
    /// let segment = Segment::builder().ring::<Spsc, u64>("ticks", &Options::new()).create(name)?;
    /// let tx = segment.ring::<Spsc, u64>("ticks")?.producer()?;
    /// assert!(matches!(Segment::unlink_if_unused(name), Err(SegmentError::InUse { .. })));
    /// drop(tx);
    /// Segment::unlink_if_unused(name)?;
    /// assert!(segment.is_unlinked());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    /// fcntl(2) `F_OFD_SETLK`, `F_OFD_GETLK`; unlink(2).
    pub fn unlink_if_unused(name: impl AsRef<Path>) -> Result<(), SegmentError> {
        unlink::unlink_if_unused(&path_of(name.as_ref())?)
    }

    /// The path of the segment when it was opened. Of an anonymous segment: `memfd:` and its label.
    pub fn path(&self) -> &Path {
        self.mapping.path()
    }

    /// Whether the segment has lost its name, so that no other process can join: it was unlinked or
    /// renamed, or another file has its name by now. A system call.
    ///
    /// # Examples
    /// See [`unlink_if_unused`](Self::unlink_if_unused).
    pub fn is_unlinked(&self) -> bool {
        self.mapping.is_unlinked()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("path", &self.path())
            .field("objects", &self.objects().map(|object| object.name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// An error if two objects have one name.
fn check_names(entries: &[Entry]) -> Result<(), LayoutError> {
    let mut names: Vec<_> = entries.iter().map(|entry| entry.name().words()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => {
            Err(LayoutError::SameName { name: Label::from_words(pair.first().copied().unwrap_or_default()) })
        }
        None => Ok(()),
    }
}

/// Calls `open` until it finds something, for at most `timeout`.
pub(crate) fn wait_to_open<S>(
    timeout: Duration,
    mut open: impl FnMut() -> Result<S, SegmentError>,
) -> Result<S, SegmentError> {
    let deadline = os::monotonic().saturating_add(timeout);
    let mut pause = Duration::from_millis(1);
    loop {
        match open() {
            Err(SegmentError::NotFound { path, .. }) => {
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

/// Opens what is there, or creates it. Any number of processes may do so at the same time.
pub(crate) fn open_or_create<S>(
    open: impl Fn() -> Result<S, SegmentError>,
    create: impl Fn() -> Result<S, SegmentError>,
) -> Result<S, SegmentError> {
    // `Exists`: another creator was faster. The next attempt opens its segment, unless a process
    // unlinks it just then. `NoSpace`: other creators may each hold all the space they need until
    // one of them has won.
    let (mut races, mut shortages) = (1000, 12);
    loop {
        match open() {
            Err(SegmentError::NotFound { .. }) => {}
            other => return other,
        }
        match create() {
            Err(SegmentError::Exists { .. }) if races > 0 => races -= 1,
            Err(SegmentError::NoSpace { .. }) if shortages > 0 => {
                // Each at another pace, so that one of them gets all its space.
                let pace = u64::from(os::monotonic().subsec_nanos() / 64 % 7) + 1;
                std::thread::sleep(Duration::from_millis(pace * (13 - shortages)));
                shortages -= 1;
            }
            other => return other,
        }
    }
}

/// The mode of the segment and the mode that is asked for, if they differ.
pub(crate) fn mode_difference(mapping: &Mapping, options: &Options<'_>) -> Option<(&'static str, u64, u64)> {
    let (found, asked) = (mapping.mode()?, options.mode? & os::file::PERMISSIONS);
    (found != asked).then_some(("mode", u64::from(found), u64::from(asked)))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::path::PathBuf;

    use super::*;
    use crate::mpsc::Mpsc;
    use crate::ring::Ring;

    /// Position of the length in the header.
    const LENGTH: u64 = 40;

    #[test]
    fn a_length_that_changes_while_the_ring_is_opened_is_refused() {
        let path = PathBuf::from(std::format!("/dev/shm/ringway-changed-length-{}", std::process::id()));
        type Ticks = Ring<Mpsc, u64, Mapping>;
        let options = Options::new().capacity(1024);
        let len = Ticks::create(&path, &options).unwrap().header.len;
        let file = File::options().write(true).open(&path).unwrap();
        let state = |len: u64| file.write_all_at(&len.to_ne_bytes(), LENGTH).unwrap();
        // With the lengths that the header states when it is read for the first and second time.
        let open = |first, second| {
            state(first);
            let mapping = Mapping::open(&path, &options).unwrap();
            state(second);
            Segment::attach_mapped(mapping, &options).map(drop)
        };
        let results = [open(len, len), open(len + 128, len), open(len, len + 128)];
        Ticks::unlink(&path).unwrap();
        let shorter = LayoutError::Field { field: "length", found: len };
        let longer = LayoutError::Truncated { claims: len + 128, has: len };
        assert_eq!(results, [Ok(()), Err(shorter), Err(longer)]);
    }
}
