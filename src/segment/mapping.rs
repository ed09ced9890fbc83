//! [`Mapping`]: the bytes of a segment in this process, its file, and the seats that this process
//! holds in it.
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::io::Errno;

use super::users;
use crate::error::{LayoutError, SegmentError};
use crate::identity::{Identity, process};
use crate::layout::{self, DEFAULT_MODE, MAGIC, Options};
use crate::memory::{Liveness, Memory, Offset, Region, SeatLock, Span};
use crate::os::file::{Access, FileType, Metadata, OpenError};
use crate::os::{self, Descriptor, ForkMark, FutexMemory, file, lock, memfd};

/// A mapped segment: the [`Memory`] of its rings. Cheap to clone; unmapped with the last clone.
///
/// # Examples
/// [`Ring::create`](crate::spsc::Ring::create) and [`Ring::open`](crate::spsc::Ring::open) make
/// one.
#[derive(Clone)]
pub struct Mapping {
    /// The process that mapped it and holds its seats. Not in `inner`: the data path reads it.
    owner: ForkMark,
    inner: Arc<Inner>,
}

struct Inner {
    /// Not inherited by forked children: unmapped only where it was mapped.
    map: ManuallyDrop<MmapRaw>,
    /// The process that mapped it.
    owner: ForkMark,
    /// Open as long as the mapping lives: its locks prove that this process lives.
    descriptor: Descriptor,
    /// Of an anonymous segment: `memfd:` and its label.
    path: PathBuf,
    /// Whether it never has a name.
    is_anonymous: bool,
    /// Where the seats start that are locked through `descriptor`. The kernel does not show an open
    /// file its own locks. A process may hold all 65,535 seats.
    held: Mutex<BTreeSet<u64>>,
    /// See `file::locks_survive_close`.
    locks_survive_close: bool,
}

/// The pages of a file that is being mapped.
#[derive(Clone, Copy)]
pub(crate) enum Pages {
    /// The file has allocated space, but no pages yet.
    New,
    /// The file has all its pages.
    Present,
}

impl Mapping {
    /// A new segment of `len` zero bytes, which does not have its name yet.
    pub(crate) fn create(path: &Path, len: u64, options: &Options<'_>) -> Result<Self, SegmentError> {
        // Before any space is taken. `publish` decides whether the name is free.
        if file::metadata_at(path).is_ok() {
            return Err(name_is_taken(path));
        }
        let file = file::unnamed(directory_of(path)).map_err(|errno| match errno {
            Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL => SegmentError::Unsupported {
                path: path.into(),
                what: "create a file without a name (O_TMPFILE)",
            },
            Errno::NOENT | Errno::NOTDIR => SegmentError::NoDirectory { path: path.into() },
            errno => creation_error(path, "creating a file in its directory", errno),
        })?;
        if file::is_in_huge_pages(&file) {
            return Err(SegmentError::Unsupported {
                path: path.into(),
                what: "hold a ring, because it has huge pages only (on tmpfs, `Options::huge_pages` asks for them)",
            });
        }
        Self::fill(file, path, len, options, false)
    }

    /// A new anonymous segment of `len` zero bytes, which is not sealed yet.
    pub(crate) fn create_anonymous(
        label: &str,
        len: u64,
        options: &Options<'_>,
    ) -> Result<Self, SegmentError> {
        let path = &anonymous_path(label);
        let file = memfd::create(label).map_err(|errno| match errno {
            Errno::NOSYS | Errno::PERM => SegmentError::Unsupported {
                path: path.clone(),
                what: "be created: this process may not call memfd_create",
            },
            errno => io_error(path, "creating it in memory", errno),
        })?;
        Self::fill(file, path, len, options, true)
    }

    /// Allocates the space of a new file, and maps it.
    fn fill(
        file: File,
        path: &Path,
        len: u64,
        options: &Options<'_>,
        is_anonymous: bool,
    ) -> Result<Self, SegmentError> {
        if usize::try_from(len).is_err() || len == u64::MAX {
            return layout_error(path, LayoutError::TooSmall { need: u64::MAX, have: 0 });
        }
        let len = allocate(&file, path, len)?;
        file::set_mode(&file, options.mode.unwrap_or(DEFAULT_MODE))
            .map_err(|errno| io_error(path, "setting its mode", errno))?;
        let mapping = Self::map(file, path, len, is_anonymous)?;
        mapping.apply_options(options, Pages::New)?;
        Ok(mapping)
    }

    /// From now on no process can cut the file or make it longer.
    pub(crate) fn seal(&self) -> Result<(), SegmentError> {
        let sealed = self.inner.descriptor.get().map_or(Err(Errno::BADF), memfd::seal);
        sealed.map_err(|errno| io_error(&self.inner.path, "sealing it", errno))
    }

    /// The file opened anew, for another participant.
    pub(crate) fn reopen(&self) -> Result<File, Errno> {
        memfd::reopen(self.inner.descriptor.get().ok_or(Errno::BADF)?)
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.inner.is_anonymous
    }

    /// The anonymous segment in a file that another process handed over. Its content is not checked
    /// yet.
    pub(crate) fn handed_over(file: File, options: &Options<'_>) -> Result<Self, SegmentError> {
        let path = &memfd::name(&file);
        let metadata = metadata(path, &file)?;
        check_owner(path, metadata.owner, options)?;
        let len = stated_len(path, &file, &metadata)?;
        Self::map(file, path, len, true)
    }

    /// Gives the segment its name: from now on other processes can join.
    pub(crate) fn publish(&self) -> Result<(), SegmentError> {
        let path = &self.inner.path;
        file::link(&self.inner.descriptor, path).map_err(|errno| match errno {
            Errno::EXIST => name_is_taken(path),
            Errno::NOENT | Errno::PERM => SegmentError::Unsupported {
                path: path.clone(),
                what: "give a file its name later (is /proc mounted?)",
            },
            errno => creation_error(path, "giving it its name", errno),
        })
    }

    /// The segment of this name. Its content is not checked yet.
    pub(crate) fn open(path: &Path, options: &Options<'_>) -> Result<Self, SegmentError> {
        let file = open_ring(path, Access::ReadWrite)?;
        let metadata = metadata(path, &file)?;
        check_owner(path, metadata.owner, options)?;
        let len = stated_len(path, &file, &metadata)?;
        Self::map(file, path, len, false)
    }

    /// Never maps more than the file has: an access to bytes beyond its end would be a SIGBUS.
    fn map(file: File, path: &Path, len: u64, is_anonymous: bool) -> Result<Self, SegmentError> {
        let owner = ForkMark::of_this_process()
            .map_err(|errno| io_error(path, "mapping the page that detects forks", errno))?;
        let io = |error| SegmentError::Io { path: path.into(), doing: "mapping it", error };
        let too_large = |_| SegmentError::Layout {
            path: path.into(),
            error: LayoutError::TooSmall { need: u64::MAX, have: 0 },
        };
        let len = usize::try_from(len).map_err(too_large)?;
        let locks_survive_close = file::locks_survive_close(&file);
        let map = MmapOptions::new().len(len).map_raw(&file).map_err(io)?;
        // A forked child keeps the locks of its parent's seats alive as long as it runs. It must
        // not write there, too.
        map.advise(Advice::DontFork).map_err(io)?;
        let map = ManuallyDrop::new(map);
        // Another process may have truncated the file since its length was read.
        let metadata = metadata(path, &file)?;
        if metadata.len < len as u64 {
            return layout_error(path, LayoutError::Truncated { claims: len as u64, has: metadata.len });
        }
        let descriptor =
            Descriptor::new(file).map_err(|errno| io_error(path, "setting its file position", errno))?;
        let (path, held) = (path.into(), Mutex::new(BTreeSet::new()));
        let inner = Inner { map, owner, descriptor, path, is_anonymous, held, locks_survive_close };
        Ok(Self { owner, inner: Arc::new(inner) })
    }

    /// Huge pages, prefault, memory lock, as the options say.
    pub(crate) fn apply_options(&self, options: &Options<'_>, pages: Pages) -> Result<(), SegmentError> {
        let map = &self.inner.map;
        let len = map.len() as u64;
        let io = |doing| {
            move |error| {
                let path = self.inner.path.clone();
                match self.inner.descriptor.metadata().map(|metadata| metadata.len) {
                    Some(has) if has < len => {
                        SegmentError::Layout { path, error: LayoutError::Truncated { claims: len, has } }
                    }
                    _ => SegmentError::Io { path, doing, error },
                }
            }
        };
        // A kernel that does not know the advice: the option is a wish.
        let is_unknown = |error: &std::io::Error| error.raw_os_error() == Some(Errno::INVAL.raw_os_error());
        let advise = |advice, doing| match map.advise(advice) {
            Err(error) if is_unknown(&error) => Ok(()),
            other => other.map_err(io(doing)),
        };
        if options.huge_pages {
            advise(Advice::HugePage, "asking for huge pages")?;
        }
        if options.prefault {
            // Pages that are present are mapped several at a time for reading: 1 MiB in half the
            // time. On tmpfs a later write then does not fault; on other file systems it would.
            if matches!(pages, Pages::Present) {
                advise(Advice::PopulateRead, "mapping its pages")?;
            }
            // Linux before 5.14 does not know this: each page is then mapped at its first use.
            advise(Advice::PopulateWrite, "mapping its pages")?;
        }
        if options.lock_memory {
            map.lock().map_err(io("locking it into memory; `ulimit -l` must allow its size"))?;
        }
        Ok(())
    }

    /// In bytes.
    pub(crate) fn mapped_len(&self) -> u64 {
        self.inner.map.len() as u64
    }

    pub(crate) fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The permission bits of the file.
    pub(crate) fn mode(&self) -> Option<u32> {
        Some(self.inner.descriptor.metadata()?.mode)
    }

    /// The mapped file, opened again by its name; none if it does not have that name any more.
    fn reopen_by_name(&self) -> Option<File> {
        if self.inner.is_anonymous {
            return None;
        }
        let file = file::open(&self.inner.path, Access::ReadWrite).ok()?;
        let metadata = file::metadata(&file).ok()?;
        self.inner.descriptor.is_of(&metadata).then_some(file)
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        // A panic does not damage a set of numbers.
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Allocates `len` bytes for `file`, rounded up to whole pages. Returns the rounded number.
fn allocate(file: &File, path: &Path, len: u64) -> Result<u64, SegmentError> {
    let free = || {
        let free = file::free_space(file).map_err(|errno| io_error(path, "asking for free space", errno))?;
        Ok(free.unwrap_or(u64::MAX))
    };
    let no_space = |need, free| SegmentError::NoSpace { path: path.into(), need, free };
    let page = rustix::param::page_size() as u64;
    let need = len.checked_next_multiple_of(page).unwrap_or(u64::MAX);
    let limit = file::size_limit();
    if limit.is_some_and(|limit| need > limit) {
        return Err(SegmentError::FileTooLarge { path: path.into(), need, limit });
    }
    // Checked first, because a failing attempt takes all memory there is for a moment.
    let before = free()?;
    if need > before {
        return Err(no_space(need, before));
    }
    match file::reserve(file, need) {
        Ok(()) => Ok(need),
        Err(Errno::FBIG) => Err(SegmentError::FileTooLarge { path: path.into(), need, limit: None }),
        Err(Errno::NOSPC | Errno::NOMEM) => {
            file::release(file).map_err(|errno| io_error(path, "giving space back", errno))?;
            Err(no_space(need, free()?))
        }
        Err(Errno::OPNOTSUPP) => {
            Err(SegmentError::Unsupported { path: path.into(), what: "allocate space (fallocate)" })
        }
        Err(errno) => Err(io_error(path, "allocating space", errno)),
    }
}

/// The length to map, as the header states it. A longer file does no harm: its surplus is neither
/// mapped nor allocated.
fn stated_len(path: &Path, file: &File, metadata: &Metadata) -> Result<u64, SegmentError> {
    // Beyond the end of the file every word is zero.
    let word = |at: Offset| file::read_word(file, at.get()).unwrap_or(0);
    let need = layout::stated_len(metadata.len, word)
        .map_err(|error| SegmentError::Layout { path: path.into(), error })?;
    // Each access to a hole allocates a page, and is a SIGBUS once the file system is full.
    if metadata.allocated < need {
        return Err(SegmentError::Sparse { path: path.into(), need, allocated: metadata.allocated });
    }
    Ok(need)
}

/// An error if this process does not trust a segment that belongs to `owner`.
fn check_owner(path: &Path, owner: u32, options: &Options<'_>) -> Result<(), SegmentError> {
    if users::is_trusted(owner, options) {
        Ok(())
    } else if users::is_unknown(owner) {
        Err(SegmentError::UnknownOwner { path: path.into(), owner })
    } else {
        Err(SegmentError::Owner { path: path.into(), owner, user: os::user() })
    }
}

/// What stands for the name of an anonymous segment.
pub(super) fn anonymous_path(label: &str) -> PathBuf {
    PathBuf::from(std::format!("memfd:{label}"))
}

/// Opens a file that begins like a ring. Checked before it is mapped, so that any other file gets
/// the right error, however short it is.
pub(crate) fn open_ring(path: &Path, access: Access) -> Result<File, SegmentError> {
    let file = open_regular(path, access)?;
    let io = |error| SegmentError::Io { path: path.into(), doing: "reading its first bytes", error };
    match file::read_word(&file, 0).map_err(io)? {
        MAGIC => Ok(file),
        found if found == MAGIC.swap_bytes() => layout_error(path, LayoutError::OtherByteOrder),
        _ if metadata(path, &file)?.len == 0 => layout_error(path, LayoutError::Empty),
        found => layout_error(path, LayoutError::NotARing { found }),
    }
}

fn open_regular(path: &Path, access: Access) -> Result<File, SegmentError> {
    file::open(path, access).map_err(|error| match error {
        OpenError::Type(found) => not_a_file(path, found),
        OpenError::System { doing, errno } => io_error(path, doing, errno),
    })
}

fn not_a_file(path: &Path, found: FileType) -> SegmentError {
    let found = match found {
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link (links are not followed)",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "something else",
    };
    SegmentError::NotAFile { path: path.into(), found }
}

pub(crate) fn metadata(path: &Path, file: &File) -> Result<Metadata, SegmentError> {
    file::metadata(file).map_err(|errno| io_error(path, "examining it", errno))
}

fn name_is_taken(path: &Path) -> SegmentError {
    use LayoutError::{Empty, NotARing};
    // A file that this user may not open counts as a ring.
    let is_ring = !matches!(
        open_ring(path, Access::ReadWrite),
        Err(SegmentError::NotAFile { .. } | SegmentError::Layout { error: Empty | NotARing { .. }, .. })
    );
    SegmentError::Exists { path: path.into(), is_ring }
}

fn layout_error<T>(path: &Path, error: LayoutError) -> Result<T, SegmentError> {
    Err(SegmentError::Layout { path: path.into(), error })
}

/// The directory of an absolute path.
fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// Like `io_error`, for a file that is being added to the directory of `path`.
fn creation_error(path: &Path, doing: &'static str, errno: Errno) -> SegmentError {
    if errno == Errno::NOSPC && file::lacks_inodes(directory_of(path)) {
        return SegmentError::NoInodes { path: path.into() };
    }
    io_error(path, doing, errno)
}

/// The error for an error number of the system, which it returned while `doing` something to
/// `path`.
pub(super) fn io_error(path: &Path, doing: &'static str, errno: Errno) -> SegmentError {
    let path: PathBuf = path.into();
    match errno {
        Errno::EXIST => SegmentError::Exists { path, is_ring: true },
        Errno::NOENT => {
            SegmentError::NotFound { path, advice: "create it first, or wait for it with `open_timeout`" }
        }
        Errno::ACCESS | Errno::PERM => SegmentError::Denied { path },
        Errno::ROFS => SegmentError::ReadOnly { path },
        errno => SegmentError::Io { path, doing, error: errno.into() },
    }
}

/// A forked child does not have the mapping. Something else may have its address there.
impl Drop for Inner {
    fn drop(&mut self) {
        if self.owner.is_own_process() {
            // SAFETY: dropped once, and not used after that.
            unsafe { ManuallyDrop::drop(&mut self.map) }
        }
    }
}

// SAFETY: the map lives until the last clone is dropped, always at the same address. `MmapRaw`
// hands out no references, and nothing else in this process knows the address.
unsafe impl Memory for Mapping {
    fn region(&self) -> Region {
        let base = NonNull::new(self.inner.map.as_mut_ptr()).unwrap_or(NonNull::dangling());
        // SAFETY: a shared, writable mapping of this length, page-aligned; the bytes of a file are
        // initialised.
        unsafe { Region::new(base, self.inner.map.len()) }
    }

    fn len_now(&self) -> u64 {
        let metadata = self.inner.descriptor.metadata();
        metadata.map_or(self.inner.map.len() as u64, |metadata| metadata.len)
    }

    /// The file may have got another name instead, and another file may have this one by now.
    fn is_unlinked(&self) -> bool {
        if self.inner.is_anonymous {
            return false;
        }
        match file::metadata_at(&self.inner.path) {
            Ok(named) => !self.inner.descriptor.is_of(&named),
            Err(errno) => matches!(errno, Errno::NOENT | Errno::NOTDIR),
        }
    }
}

impl FutexMemory for Mapping {}

/// Proof by lock: the kernel keeps the byte range of a seat locked for as long as its holder lives.
///
/// No method is called in a forked child: it shares the open file and its locks with its parent, so
/// they prove nothing there.
impl Liveness for Mapping {
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        let mut held = self.held();
        if held.contains(&seat.start()) {
            return Ok(SeatLock::Held);
        }
        // A lock through a reused number would be on another file, or would end when the program
        // closes that one.
        let Some(file) = self.inner.descriptor.get() else { return Err(Errno::BADF.raw_os_error()) };
        if !lock::try_lock(file, seat)? {
            return Ok(SeatLock::Held);
        }
        held.insert(seat.start());
        Ok(SeatLock::Acquired)
    }

    /// If the program closed the descriptor behind the library's back, the seat stays locked until
    /// the file is unmapped: no descriptor reaches that lock any more.
    fn unlock_seat(&self, seat: Span) {
        let mut held = self.held();
        held.remove(&seat.start());
        if let Some(file) = self.inner.descriptor.get() {
            lock::unlock(file, seat);
        }
    }

    fn is_proved_dead(&self, seat: Span) -> bool {
        // Locked until this function returns: no thread of this process takes the seat meanwhile.
        let held = self.held();
        if held.contains(&seat.start()) {
            return false;
        }
        match self.inner.descriptor.get() {
            Some(file) => lock::is_free_of_others(file, seat),
            None => self.reopen_by_name().is_some_and(|file| lock::is_free_of_others(&file, seat)),
        }
    }

    /// Where locks do not survive a closed descriptor, a process that closes all its descriptors,
    /// as daemons do, loses them but still holds its seats.
    fn is_running(&self, who: &Identity) -> bool {
        !self.inner.locks_survive_close && process::is_running(who)
    }

    #[inline(always)]
    fn is_own_process(&self) -> bool {
        self.owner.is_own_process()
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

#[cfg(test)]
mod tests {
    use std::format;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_file_that_is_cut_after_its_length_was_read_is_refused() {
        let path = format!("/dev/shm/ringway-cut-while-mapped-{}", std::process::id());
        let path = Path::new(&path);
        let file = file::unnamed(Path::new("/dev/shm")).unwrap();
        file::reserve(&file, 16384).unwrap();
        let len_read = file::metadata(&file).unwrap().len;
        file.set_len(4096).unwrap();
        let Err(SegmentError::Layout { error, .. }) = Mapping::map(file, path, len_read, false) else {
            panic!("it mapped pages that the file does not have")
        };
        assert_eq!(error, LayoutError::Truncated { claims: 16384, has: 4096 });
    }
}
