//! Looking into a segment from outside: what it holds, who takes part, and what is wrong.
//!
//! [`look`] opens the file of a segment for reading only, of whichever types. It takes no seat and
//! no lock, writes nothing and maps nothing: no participant notices it, and a file that is cut
//! meanwhile is an error. It asks the kernel which seats are held, and unlike
//! [`Ring::seats`](crate::ring::Ring::seats) it does not record the deaths that it finds.
//!
//! Participants go on meanwhile, so the numbers are estimates, and each of them is of another
//! moment. Labels and process ids are what participants say of themselves.
//!
//! # Examples
//! ```
//! # let name = &format!("ringway-doc-inspect-{}", std::process::id());
//! use ringway::{Options, Segment, inspect, spsc::Spsc};
//!
//! let options = Options::new().capacity(4);
//! let segment = Segment::builder().ring::<Spsc, u64>("ticks", &options).create(name)?;
//! segment.ring::<Spsc, u64>("ticks")?.producer()?.try_push(&7)?;
//!
//! let report = inspect::look(name)?;
//! let ring = report.objects[0].ring.as_ref().unwrap();
//! assert_eq!((ring.used, ring.capacity), (1, 4));
//! assert_eq!(report.diagnose(), ["`ticks`: 1 of 4 items waits, and no consumer is attached; start one"]);
//! println!("{report}");
//! # Segment::unlink(name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use crate::error::{LayoutError, SegmentError};
use crate::identity::{ItemLayout, Role, process};
use crate::layout::{Entry, Header, SeatBlock, SeatState, State};
use crate::memory::Offset;
use crate::os::file::Access;
use crate::os::{file, lock};
use crate::ring::layout::{AnyRing, Carries, Kind, RoleBlock};
use crate::ring::{Counters, SeatInfo};
use crate::seat::Presence;
use crate::segment::{ObjectInfo, metadata, open_ring, path_of};

/// What a segment holds: see [`look`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SegmentReport {
    /// The path of its file.
    pub path: PathBuf,
    /// The length of the segment in bytes.
    pub bytes: u64,
    /// Its objects, in the order in which they were added.
    pub objects: Vec<ObjectReport>,
}

/// An object of a segment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectReport {
    /// Its name, kind and size.
    pub info: ObjectInfo,
    /// What there is to say if it is a ring. None for a kind that this version does not know, and
    /// for a ring whose entry is damaged.
    pub ring: Option<RingReport>,
    /// What is wrong with its entry.
    pub damage: Option<LayoutError>,
}

/// A ring.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RingReport {
    /// The type of its items; none for records of bytes.
    pub item: Option<ItemLayout>,
    /// Its schema number; 0 for none.
    pub schema: u64,
    /// How much it holds: items, or bytes. Of `lanes`: all lanes together.
    pub capacity: u64,
    /// How much of that was sent and not released.
    pub used: u64,
    /// Its seats: the consumer's, then the producers'.
    pub seats: Vec<SeatInfo>,
}

/// Looks into the segment of this name.
///
/// # Errors
/// Those of [`Segment::open`](crate::Segment::open), but for the owner, which does not matter here,
/// and for [`Sparse`](SegmentError::Sparse).
///
/// # Examples
/// See [the module](self).
///
/// # References
/// pread(2); fcntl(2) `F_OFD_GETLK`.
pub fn look(name: impl AsRef<Path>) -> Result<SegmentReport, SegmentError> {
    let path = path_of(name.as_ref())?;
    let file = open_ring(&path, Access::Read)?;
    let layout = |error| SegmentError::Layout { path: path.clone(), error };
    let view = View { file: &file, locks_survive_close: file::locks_survive_close(&file) };
    let has = metadata(&path, &file)?.len;
    let header = Header::read(|at| view.word(at), has).map_err(layout)?;
    let entries = header.entries_by(|at| view.word(at));
    let objects = entries.map(|entry| Ok(view.object(&entry?))).collect::<Result<_, _>>().map_err(layout)?;
    Ok(SegmentReport { path, bytes: header.len, objects })
}

/// The file of a segment, which is only read.
struct View<'a> {
    file: &'a File,
    locks_survive_close: bool,
}

impl View<'_> {
    /// A word of the segment; 0 if it cannot be read.
    fn word(&self, at: Offset) -> u64 {
        file::read_word(self.file, at.get()).unwrap_or(0)
    }

    fn object(&self, entry: &Entry) -> ObjectReport {
        let info = ObjectInfo::of(entry);
        match AnyRing::parse(entry) {
            Some(Ok(ring)) => ObjectReport { info, ring: Some(self.ring(&ring)), damage: None },
            Some(Err(error)) => ObjectReport { info, ring: None, damage: Some(error) },
            None => ObjectReport { info, ring: None, damage: None },
        }
    }

    fn ring(&self, ring: &AnyRing) -> RingReport {
        let AnyRing { geometry, item } = ring;
        let unit = if geometry.carries == Carries::Bytes { geometry.stride } else { 1 };
        let used = (0..geometry.lanes()).map(|lane| {
            let lane = geometry.lane(lane);
            self.word(lane.tail).saturating_sub(self.word(lane.head)).min(geometry.capacity)
        });
        let used = used.fold(0, u64::saturating_add).saturating_mul(unit);
        let consumer = SeatInfo {
            role: Role::Consumer,
            seat: 0,
            presence: self.presence(geometry.consumer().seat()),
            counters: Counters::default(),
        };
        // Fits: there are at most 2^16 - 1 seats.
        let producers = (0..geometry.producers).map(|seat| SeatInfo {
            role: Role::Producer,
            seat: seat as u16,
            presence: self.presence(geometry.producer(seat).seat()),
            counters: self.counters(ring, seat),
        });
        RingReport {
            item: *item,
            schema: geometry.schema,
            capacity: geometry.capacity.saturating_mul(geometry.lanes()).saturating_mul(unit),
            used,
            seats: core::iter::once(consumer).chain(producers).collect(),
        }
    }

    fn counters(&self, ring: &AnyRing, seat: u64) -> Counters {
        let block: RoleBlock = ring.geometry.producer(seat);
        let [records, bytes, aborted] = block.sent().map(|at| self.word(at));
        let (records, bytes) = match ring.item {
            // Each cell is one item: TAIL is the counter.
            Some(item) if ring.geometry.kind != Kind::Mpsc => {
                let tail = self.word(ring.geometry.lane(seat).tail);
                (tail, tail.wrapping_mul(item.size))
            }
            _ => (records, bytes),
        };
        Counters { records, bytes, aborted, lost: self.word(block.lost()) }
    }

    /// Whether a participant holds the seat. Records nothing.
    fn presence(&self, block: SeatBlock) -> Presence {
        let state = SeatState::from_word(self.word(block.state())).state();
        if state == State::Never {
            return Presence::Never;
        }
        let who = block.identity_by(|at| self.word(at));
        match state {
            State::Taken if !lock::is_free_of_others(self.file, block.span()) => Presence::Here(who),
            State::Taken if !self.locks_survive_close && process::is_running(&who) => Presence::Here(who),
            State::Taken | State::Died => Presence::Died(who),
            _ => Presence::Left(who),
        }
    }
}

impl SegmentReport {
    /// What is wrong, and what to do: a sentence for each finding. Empty if nothing is.
    ///
    /// # Examples
    /// See [the module](self).
    pub fn diagnose(&self) -> Vec<String> {
        self.objects.iter().flat_map(ObjectReport::diagnose).collect()
    }
}

impl ObjectReport {
    fn diagnose(&self) -> Vec<String> {
        let name = &self.info.name;
        let mut findings = Vec::new();
        if let Some(error) = &self.damage {
            findings.push(std::format!("`{name}` {error}"));
        }
        let Some(ring) = &self.ring else { return findings };
        for seat in &ring.seats {
            if let (Presence::Died(who), Role::Producer) = (seat.presence, seat.role) {
                findings.push(std::format!(
                    "`{name}`: the producer in seat {}, {who}, died; another one can take its seat",
                    seat.seat
                ));
            }
        }
        findings.extend(ring.consumer_finding().map(|finding| std::format!("`{name}`: {finding}")));
        findings
    }
}

impl RingReport {
    fn consumer_finding(&self) -> Option<String> {
        let Self { used, capacity, .. } = self;
        let unit = if self.item.is_some() { "items" } else { "bytes" };
        let verb = if *used == 1 { "waits" } else { "wait" };
        let consumer = self.seats.first()?.presence;
        match consumer {
            Presence::Died(who) => Some(std::format!(
                "the consumer, {who}, died, and {used} of {capacity} {unit} {verb}; start another one, which \
                 goes on where that one stopped"
            )),
            Presence::Never | Presence::Left(_) if *used > 0 => Some(std::format!(
                "{used} of {capacity} {unit} {verb}, and no consumer is attached; start one"
            )),
            Presence::Here(who) if used == capacity => Some(std::format!(
                "it is full, and the consumer, {who}, has not released anything; see whether that process is \
                 stopped or busy"
            )),
            _ => None,
        }
    }
}

/// Several lines, for people.
impl fmt::Display for SegmentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} bytes", self.path.display(), self.bytes)?;
        for object in &self.objects {
            writeln!(f, "  {}", object.info)?;
            let Some(ring) = &object.ring else { continue };
            let unit = if ring.item.is_some() { "items" } else { "bytes" };
            match &ring.item {
                Some(item) => writeln!(f, "    {} of {} items of {item}", ring.used, ring.capacity)?,
                None => writeln!(f, "    {} of {} {unit}", ring.used, ring.capacity)?,
            }
            for seat in &ring.seats {
                let (role, Counters { records, .. }) = (seat.role, seat.counters);
                let (who, how) = match seat.presence {
                    Presence::Never => continue,
                    Presence::Here(who) => (who, "attached"),
                    Presence::Left(who) => (who, "left"),
                    Presence::Died(who) => (who, "died"),
                };
                match role {
                    Role::Consumer => writeln!(f, "    consumer: {who}, {how}")?,
                    Role::Producer => {
                        writeln!(f, "    producer {}: {who}, {how}, sent {records}", seat.seat)?;
                    }
                }
            }
        }
        let findings = self.diagnose();
        findings.iter().try_for_each(|finding| writeln!(f, "  ! {finding}"))
    }
}
