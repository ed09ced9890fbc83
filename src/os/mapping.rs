//! [`Mapping`]: a segment's bytes in this process, its file, and the seats that this process holds in it.
use core::ptr::NonNull;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::io::Errno;

use super::file::Metadata;
use super::{file, lock, process};
use crate::error::{LayoutError, SegmentError};
use crate::identity::Identity;
use crate::layout::{MAGIC, Options};
use crate::memory::{SeatLock, Liveness, Memory, Offset, Region, Span};

/// A mapped segment: the [`Memory`] of named rings. Cheap to clone; unmapped with the last clone.
///
/// # Examples
/// Rings make it: see [`Ring::create`](crate::spsc::Ring::create).
#[derive(Clone)]
pub struct Mapping {
    inner: Arc<Inner>,
}

struct Inner {
    map: MmapRaw,
    /// Open as long as the mapping lives: its locks are the proof that we do.
    file: File,
    path: PathBuf,
    /// The seats that are locked through `file`. The kernel does not tell an open file of its own locks.
    held: Mutex<Vec<Span>>,
    /// The process that holds them: see `process::generation`.
    generation: u64,
    /// Whether the mapping alone keeps them, should the descriptor be closed behind our back: see `file::keeps_locks`.
    keeps_locks: bool,
    /// Which file it was when it was mapped: the descriptor may be closed behind our back, and another file take its number.
    which: (u64, u64),
}

/// What a mapping's file has when it is mapped.
#[derive(Clone, Copy)]
pub(crate) enum Pages {
    /// Space, and nothing in it yet.
    New,
    /// All its pages.
    There,
}

impl Mapping {
    /// A new segment of `len` zero bytes, without a name as yet.
    pub(crate) fn create(path: &Path, len: usize, options: &Options<'_>) -> Result<Self, SegmentError> {
        let directory = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => Path::new("/"),
        };
        let file = file::unnamed(directory).map_err(|errno| match errno {
            Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL => SegmentError::Unsupported {
                path: path.into(),
                what: "make a file without a name (O_TMPFILE)",
            },
            Errno::NOENT | Errno::NOTDIR => SegmentError::NoDirectory { path: path.into() },
            errno => told(path, "making a file in its directory", errno),
        })?;
        if len == usize::MAX {
            return layout_error(path, LayoutError::TooSmall { need: u64::MAX, have: 0 });
        }
        let len = allocate(&file, path, len as u64)?;
        file::set_mode(&file, options.mode).map_err(|errno| told(path, "setting its mode", errno))?;
        let mapping = Self::map(file, path, len)?;
        mapping.settle(options, Pages::New)?;
        Ok(mapping)
    }

    /// Gives the segment its name: from now on others can join.
    pub(crate) fn publish(&self) -> Result<(), SegmentError> {
        let path = &self.inner.path;
        file::link(&self.inner.file, path).map_err(|errno| match errno {
            Errno::NOENT | Errno::PERM => SegmentError::Unsupported {
                path: path.clone(),
                what: "give it a name later (is /proc mounted?)",
            },
            errno => told(path, "giving it its name", errno),
        })
    }

    /// The segment of this name. What it holds is not known yet.
    pub(crate) fn open(path: &Path, options: &Options<'_>) -> Result<Self, SegmentError> {
        let file = open_regular(path)?;
        let facts = file::facts(&file).map_err(|errno| told(path, "examining it", errno))?;
        if !is_acceptable(facts.owner, options) {
            return Err(SegmentError::Owner { path: path.into(), owner: facts.owner, user: process::user() });
        }
        // Before it is mapped: a file that is no ring is told so, however short it is.
        let file = check_magic(file, path)?;
        Self::map(file, path, facts.len)
    }

    /// Removes the name of the segment at `path`; whether nobody held a seat in it.
    pub(crate) fn unlink(path: &Path) -> Result<bool, SegmentError> {
        let file = check_magic(open_regular(path)?, path)?;
        // The locks of all seats; this open file has none.
        let everything = Span::new(Offset::new(0), 0);
        let is_free = lock::is_free(&file, everything).unwrap_or(false);
        file::unlink(path).map_err(|errno| told(path, "removing the name", errno))?;
        Ok(is_free)
    }

    /// Never maps more than the file has: bytes beyond its end would be a SIGBUS.
    fn map(file: File, path: &Path, len: u64) -> Result<Self, SegmentError> {
        process::count_forks();
        let io = |error| SegmentError::Io { path: path.into(), doing: "mapping it", error };
        let too_large = |_| SegmentError::Layout {
            path: path.into(),
            error: LayoutError::TooSmall { need: u64::MAX, have: 0 },
        };
        let len = usize::try_from(len).map_err(too_large)?;
        let keeps_locks = file::keeps_locks(&file);
        let map = MmapOptions::new().len(len).map_raw(&file).map_err(io)?;
        // Somebody may have truncated it since its length was asked.
        let facts = file::facts(&file).map_err(|errno| told(path, "examining it", errno))?;
        if facts.len < len as u64 {
            return layout_error(path, LayoutError::Truncated { claims: len as u64, has: facts.len });
        }
        let inner = Inner {
            map,
            file,
            path: path.into(),
            held: Mutex::new(Vec::new()),
            generation: process::generation(),
            keeps_locks,
            which: facts.which,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Huge pages, prefault, lock: as asked for.
    pub(crate) fn settle(&self, options: &Options<'_>, pages: Pages) -> Result<(), SegmentError> {
        let map = &self.inner.map;
        let len = map.len() as u64;
        let io = |doing| {
            move |error| {
                let path = self.inner.path.clone();
                match self.file_len() {
                    Some(has) if has < len => {
                        SegmentError::Layout { path, error: LayoutError::Truncated { claims: len, has } }
                    }
                    _ => SegmentError::Io { path, doing, error },
                }
            }
        };
        if options.huge_pages {
            match map.advise(Advice::HugePage) {
                // A kernel without them: it was a wish.
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {}
                other => other.map_err(io("asking for huge pages"))?,
            }
        }
        if options.prefault {
            let how: &[_] = match pages {
                Pages::New => &[Advice::PopulateWrite],
                // Pages that are there are mapped several at a time for reading: 1 MiB in half the time. Writing then faults
                // no more on tmpfs; on other file systems it would.
                Pages::There => &[Advice::PopulateRead, Advice::PopulateWrite],
            };
            for populate in how {
                match map.advise(*populate) {
                    // Before Linux 5.14: then pages are mapped as they are first used.
                    Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {}
                    other => other.map_err(io("mapping its pages"))?,
                }
            }
        }
        if options.lock_memory {
            map.lock().map_err(io("locking it into memory; `ulimit -l` must allow its size"))?;
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.inner.path
    }

    pub(crate) fn is_unlinked(&self) -> bool {
        match self.facts_of(&self.inner.file) {
            Some(facts) => !facts.is_linked,
            None => self.reopen_by_name().is_none(),
        }
    }

    /// What is known of `file`, if it is the one that is mapped.
    fn facts_of(&self, file: &File) -> Option<Metadata> {
        file::facts(file).ok().filter(|facts| facts.which == self.inner.which)
    }

    /// How long the file is, if that can be told: not if its descriptor is not our file's any more.
    fn file_len(&self) -> Option<u64> {
        Some(self.facts_of(&self.inner.file)?.len)
    }

    /// Whether the descriptor is still that by which `held` was locked. Who closes it behind our back may open another file, or this one
    /// once more, which then has its number; that one is told of our locks.
    fn owns_descriptor(&self, held: &[Span]) -> bool {
        let file = &self.inner.file;
        self.facts_of(file).is_some()
            && held.first().is_none_or(|seat| lock::is_free(file, *seat) == Ok(true))
    }

    /// The mapped file, opened anew by its name, as long as that is its own.
    fn reopen_by_name(&self) -> Option<File> {
        file::open(&self.inner.path).ok().filter(|file| self.facts_of(file).is_some())
    }

    fn held(&self) -> MutexGuard<'_, Vec<Span>> {
        // A list of numbers is as good after a panic as before.
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets `len` bytes aside for `file`, in whole pages; how many that were.
fn allocate(file: &File, path: &Path, len: u64) -> Result<u64, SegmentError> {
    let free = || {
        let free = file::free_space(file).map_err(|errno| told(path, "asking for free space", errno))?;
        Ok(free.unwrap_or(u64::MAX))
    };
    let no_space = |need, free| SegmentError::NoSpace { path: path.into(), need, free };
    let page = rustix::param::page_size() as u64;
    let need = len.checked_next_multiple_of(page).unwrap_or(u64::MAX);
    // Asked first: an attempt would take all memory there is before it fails.
    let before = free()?;
    if need > before {
        return Err(no_space(need, before));
    }
    match file::reserve(file, need) {
        Ok(()) => Ok(need),
        Err(Errno::NOSPC | Errno::FBIG | Errno::NOMEM) => {
            file::release(file).map_err(|errno| told(path, "giving space back", errno))?;
            Err(no_space(need, free()?))
        }
        Err(Errno::OPNOTSUPP) => {
            Err(SegmentError::Unsupported { path: path.into(), what: "set space aside (fallocate)" })
        }
        Err(errno) => Err(told(path, "setting space aside", errno)),
    }
}

/// Hands `file` on if it begins as a ring does.
fn check_magic(file: File, path: &Path) -> Result<File, SegmentError> {
    let io = |error| SegmentError::Io { path: path.into(), doing: "reading its first bytes", error };
    match file::first_word(&file).map_err(io)? {
        MAGIC => Ok(file),
        found if found == MAGIC.swap_bytes() => layout_error(path, LayoutError::OtherByteOrder),
        found => layout_error(path, LayoutError::NotARing { found }),
    }
}

fn layout_error<T>(path: &Path, error: LayoutError) -> Result<T, SegmentError> {
    Err(SegmentError::Layout { path: path.into(), error })
}

fn open_regular(path: &Path) -> Result<File, SegmentError> {
    let file = file::open(path).map_err(|errno| match errno {
        Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::NODEV => {
            SegmentError::NotAFile { path: path.into() }
        }
        errno => told(path, "opening it", errno),
    })?;
    let facts = file::facts(&file).map_err(|errno| told(path, "examining it", errno))?;
    if facts.is_regular { Ok(file) } else { Err(SegmentError::NotAFile { path: path.into() }) }
}

/// The error for what the system said while `doing` something to `path`.
fn told(path: &Path, doing: &'static str, errno: Errno) -> SegmentError {
    let path: PathBuf = path.into();
    match errno {
        Errno::EXIST => SegmentError::Exists { path },
        Errno::NOENT => SegmentError::NotFound { path },
        Errno::ACCESS | Errno::PERM | Errno::ROFS => SegmentError::Denied { path },
        errno => SegmentError::Io { path, doing, error: errno.into() },
    }
}

/// Whether this process takes a segment that `owner` made for genuine.
fn is_acceptable(owner: u32, options: &Options<'_>) -> bool {
    owner == process::user() || owner == 0 || options.owner == Some(owner)
}

// SAFETY: the map lives until the last clone is dropped, always at the same address; `MmapRaw` hands out no
// references, and nothing else in this process knows the address.
unsafe impl Memory for Mapping {
    fn region(&self) -> Region {
        let base = NonNull::new(self.inner.map.as_mut_ptr()).unwrap_or(NonNull::dangling());
        // SAFETY: a shared, writable mapping of this length, page-aligned; the bytes of a file are initialised.
        unsafe { Region::new(base, self.inner.map.len()) }
    }

    fn len_now(&self) -> u64 {
        self.file_len().unwrap_or(self.inner.map.len() as u64)
    }
}

/// Proof by lock: the kernel keeps a seat's byte range locked for as long as its holder lives.
impl Liveness for Mapping {
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        // The open file is shared with the parent, and so are its locks: they would prove nothing.
        if !self.is_own_process() {
            return Ok(SeatLock::Inherited);
        }
        let mut held = self.held();
        if held.contains(&seat) {
            return Ok(SeatLock::Held);
        }
        // Else the lock would be on another file, or go with another's descriptor.
        if !self.owns_descriptor(&held) {
            return Err(Errno::BADF.raw_os_error());
        }
        if !lock::try_lock(&self.inner.file, seat)? {
            return Ok(SeatLock::Held);
        }
        held.push(seat);
        Ok(SeatLock::Acquired)
    }

    /// If the descriptor was closed behind our back, the seat stays locked until the file is unmapped: nothing else reaches that lock.
    fn unlock_seat(&self, seat: Span) {
        let mut held = self.held();
        let owns_descriptor = self.owns_descriptor(&held);
        held.retain(|one| *one != seat);
        if owns_descriptor {
            lock::unlock(&self.inner.file, seat);
        }
    }

    fn is_proved_dead(&self, seat: Span) -> bool {
        // To a forked child, its parent's locks look like its own, which do not count.
        if !self.is_own_process() {
            return false;
        }
        let held = self.held();
        if held.contains(&seat) {
            return false;
        }
        if self.owns_descriptor(&held) {
            return lock::is_free(&self.inner.file, seat) == Ok(true);
        }
        self.reopen_by_name().is_some_and(|file| lock::is_free(&file, seat) == Ok(true))
    }

    /// Where a mapping does not keep its file's locks, a process that closed all its descriptors, as daemons do, has lost them
    /// and sits there still.
    fn is_running(&self, who: &Identity) -> bool {
        !self.inner.keeps_locks && process::is_running(who)
    }

    fn is_own_process(&self) -> bool {
        self.inner.generation == process::generation()
    }

    fn identity(&self) -> Identity {
        process::identity()
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("path", &self.inner.path).field("len", &self.inner.map.len()).finish()
    }
}
