//! [`Builder`]: what a new segment is to hold.
use std::boxed::Box;
use std::fmt;
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;

use super::mapping::anonymous_path;
use super::{Mapping, Pages, Segment, mode_difference, name, open_or_create};
use crate::error::{LayoutError, SegmentError};
use crate::identity::Label;
use crate::layout::{Header, MAX_OBJECTS, NewObject, Options};
use crate::memory::{Liveness, Memory, Park};

/// What a new segment is to hold: see [`Segment::builder`].
///
/// A wrong name or option is an error of [`create`](Self::create) and
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "nothing is created before `create` or `open_or_create` is called"]
pub struct Builder<'a> {
    objects: Vec<PlannedObject>,
    options: Options<'a>,
}

/// An object that a new segment is to hold, or why it cannot.
pub(crate) struct PlannedObject {
    pub(crate) name: String,
    pub(crate) object: Result<Box<dyn NewObject>, LayoutError>,
    /// An option that was set for the object, but belongs to the segment.
    pub(crate) misplaced: Option<&'static str>,
}

impl fmt::Debug for PlannedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new() -> Self {
        Self { objects: Vec::new(), options: Options::new() }
    }

    pub(crate) fn object(mut self, object: PlannedObject) -> Self {
        self.objects.push(object);
        self
    }

    /// Sets the options of the whole segment: its [`mode`](Options::mode),
    /// [`owner`](Options::owner), [`prefault`](Options::prefault),
    /// [`huge_pages`](Options::huge_pages) and [`lock_memory`](Options::lock_memory), and the
    /// [`label`](Options::label) of participants in its objects.
    ///
    /// # Examples
    /// ```
    /// # let name = &format!("ringway-doc-options-{}", std::process::id());
    /// use ringway::{Options, Segment, spsc::Spsc};
    ///
    /// let segment = Segment::builder()
    ///     .options(&Options::new().mode(0o660).label("robot"))
    ///     .ring::<Spsc, u64>("ticks", &Options::new().capacity(64))
    ///     .create(name)?;
    /// # Segment::unlink(name)?;
    /// # Ok::<(), ringway::SegmentError>(())
    /// ```
    pub fn options(self, options: &Options<'a>) -> Self {
        Self { options: *options, ..self }
    }

    /// Creates the segment with all its objects. It stays until it is
    /// [unlinked](Segment::unlink).
    ///
    /// # Errors
    /// [`SegmentError::Exists`] if the name is taken; [`SegmentError::ObjectName`],
    /// [`SegmentError::ObjectCount`], [`SegmentError::Object`] and [`SegmentError::Misplaced`] if
    /// the objects are not as they must be; and others of
    /// [`Ring::create`](crate::ring::Ring::create).
    ///
    /// # Examples
    /// See [`Segment`].
    pub fn create(&self, name: impl AsRef<Path>) -> Result<Segment, SegmentError> {
        let name = name.as_ref();
        self.check(&name::path_of(name)?)?;
        create(name, &self.objects, &self.options)
    }

    /// Opens the segment of this name, or creates it if there is none. Any number of processes may
    /// do so at the same time: all get the same segment.
    ///
    /// An existing segment must have all these objects, as
    /// [`Ring::open_or_create`](crate::ring::Ring::open_or_create) would ask for each. It may have
    /// others, too.
    ///
    /// # Errors
    /// [`SegmentError::DiffersInObjects`] if an existing segment is not as asked, with each
    /// difference in words. Otherwise as [`create`](Self::create) and [`Segment::open`], except
    /// `Exists` and `NotFound`.
    ///
    /// # Examples
    /// ```
    /// # let name = &format!("ringway-doc-segment-open-or-create-{}", std::process::id());
    /// use ringway::spsc::Spsc;
    /// use ringway::{Options, Segment};
    ///
    /// let capacity = |items| Options::new().capacity(items);
    /// let wanted = Segment::builder().ring::<Spsc, u64>("ticks", &capacity(64));
    /// let segment = wanted.open_or_create(name)?;
    /// assert!(wanted.open_or_create(name).is_ok());
    ///
    /// let more = Segment::builder()
    ///     .ring::<Spsc, u64>("ticks", &capacity(128))
    ///     .ring::<Spsc, u64>("orders", &capacity(64));
    /// let error = more.open_or_create(name).unwrap_err().to_string();
    /// assert!(error.contains("`ticks` has capacity 64, not 128"));
    /// assert!(error.contains("`orders` is missing"));
    /// # Segment::unlink(name)?;
    /// # Ok::<(), ringway::SegmentError>(())
    /// ```
    pub fn open_or_create(&self, name: impl AsRef<Path>) -> Result<Segment, SegmentError> {
        let name = name.as_ref();
        self.check(&name::path_of(name)?)?;
        let open = || {
            let segment = Segment::open_unprepared(name, &self.options)?;
            self.check_differences(&segment)?;
            segment.memory().apply_options(&self.options, Pages::Present)?;
            Ok(segment)
        };
        open_or_create(open, || create(name, &self.objects, &self.options))
    }

    /// Creates an anonymous segment with all its objects: it has no name, and no process can cut
    /// its memory or make it longer. Another process gets it by [`Segment::send_to`], or from a
    /// [`Door`](crate::Door). It lives as long as a process has it.
    ///
    /// `label` is for people: it appears in `/proc/PID/fd` and in error messages. A
    /// [`mode`](Options::mode) lets other users use the segment, if they get it.
    ///
    /// # Errors
    /// Those of [`create`](Self::create), except `Exists`.
    ///
    /// # Examples
    /// See [`Segment::send_to`].
    ///
    /// # References
    /// memfd_create(2); fcntl(2), "File Sealing".
    pub fn create_anonymous(&self, label: &str) -> Result<Segment, SegmentError> {
        name::check_label(label)?;
        self.check(&anonymous_path(label))?;
        let planned = planned(&anonymous_path(label), &self.objects)?;
        let mapping = Mapping::create_anonymous(label, Header::plan(&planned, false).len, &self.options)?;
        let segment = format(mapping, &planned, &self.options)?;
        segment.memory().seal()?;
        Ok(segment)
    }

    /// Checks names and options, before anything is made.
    fn check(&self, path: &Path) -> Result<(), SegmentError> {
        let misplaced = |object, option| Err(SegmentError::Misplaced { path: path.into(), object, option });
        if let Some(option) = self.options.misplaced_in_segment() {
            return misplaced(None, option);
        }
        let count = self.objects.len() as u64;
        if !(1..=MAX_OBJECTS).contains(&count) {
            return Err(SegmentError::ObjectCount { path: path.into(), asked: count, most: MAX_OBJECTS });
        }
        let mut names = std::collections::BTreeSet::new();
        for PlannedObject { name, misplaced: option, .. } in &self.objects {
            let refuse = |why| Err(SegmentError::ObjectName { path: path.into(), name: name.clone(), why });
            if name.is_empty() {
                return refuse("it is empty; use 1 to 64 bytes");
            }
            if name.len() > Label::MAX {
                return refuse("it is longer than 64 bytes; use a shorter one");
            }
            if name.chars().any(char::is_control) {
                return refuse("it contains a control character; leave that out");
            }
            if !names.insert(name) {
                return refuse("another object of the segment has it; use another one");
            }
            if let Some(option) = *option {
                return misplaced(Some(name.clone()), option);
            }
        }
        Ok(())
    }

    fn check_differences(&self, segment: &Segment) -> Result<(), SegmentError> {
        let mut differences: Vec<String> = Vec::new();
        for PlannedObject { name, object, .. } in &self.objects {
            let Ok(object) = object else { continue };
            let difference = match segment.find(name) {
                None => Some("is missing".to_string()),
                Some(entry) => object.difference(entry).map(|difference| difference.to_string()),
            };
            differences.extend(difference.map(|difference| std::format!("object `{name}` {difference}")));
        }
        if let Some((_, found, asked)) = mode_difference(segment.memory(), &self.options) {
            differences.push(std::format!("its mode is {found:#o}, not {asked:#o}"));
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(SegmentError::DiffersInObjects { path: segment.path().into(), differences })
    }
}

/// Creates a segment with these objects. An object without a name must be the only one.
pub(crate) fn create(
    name: &Path,
    objects: &[PlannedObject],
    options: &Options<'_>,
) -> Result<Segment, SegmentError> {
    let path = name::path_of(name)?;
    let planned = planned(&path, objects)?;
    let mapping = Mapping::create(&path, Header::plan(&planned, false).len, options)?;
    let segment = format(mapping, &planned, options)?;
    segment.memory().publish()?;
    Ok(segment)
}

type Planned<'a> = Vec<(Label, &'a dyn NewObject)>;

fn planned<'a>(path: &Path, objects: &'a [PlannedObject]) -> Result<Planned<'a>, SegmentError> {
    let mut planned = Vec::new();
    for PlannedObject { name, object, .. } in objects {
        let object = object.as_ref().map_err(|error| match name.is_empty() {
            true => SegmentError::Layout { path: path.into(), error: *error },
            false => SegmentError::Object { path: path.into(), object: name.clone(), error: *error },
        })?;
        planned.push((Label::new(name), &**object));
    }
    Ok(planned)
}

/// Writes the objects into new, mapped bytes.
fn format(mapping: Mapping, planned: &Planned<'_>, options: &Options<'_>) -> Result<Segment, SegmentError> {
    let layout = |error| SegmentError::Layout { path: mapping.path().into(), error };
    // Participants that join later can be reached by barriers where this process can, or fence for
    // themselves.
    let header = Header::plan(planned, !mapping.register_barrier());
    header.format(&mapping.region(), planned, &mapping.identity(), true).map_err(layout)?;
    Segment::attach(mapping.clone(), options).map_err(layout)
}
