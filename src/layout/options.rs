//! [`Options`]: what a new ring shall be like.

/// How to make a ring, or join one.
///
/// # Examples
/// ```
/// use ringway::Options;
///
/// let options = Options::new().capacity(64 * 1024).label("feed");
///
/// // For a segment: its group may join it, its pages are never swapped out.
/// let options = options.mode(0o660).lock_memory(true);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
#[cfg_attr(any(loom, not(feature = "std")), allow(dead_code, reason = "the rest is for segments"))]
pub struct Options<'a> {
    pub(crate) capacity: usize,
    pub(crate) producers: usize,
    pub(crate) label: Option<&'a str>,
    pub(crate) mode: u32,
    pub(crate) prefault: bool,
    pub(crate) huge_pages: bool,
    pub(crate) lock_memory: bool,
    pub(crate) owner: Option<u32>,
}

impl<'a> Options<'a> {
    /// A capacity of 1,024 items, or of 1 MiB for a byte ring; 16 producers, where there are several; the rest as each setter says.
    pub const fn new() -> Self {
        Self {
            capacity: 0,
            producers: 0,
            label: None,
            mode: 0o600,
            prefault: true,
            huge_pages: false,
            lock_memory: false,
            owner: None,
        }
    }

    /// How much a new ring holds (of `lanes`: each of them): items for a typed ring, payload bytes for a byte ring. Rounded up to a power
    /// of two (byte rings: to at least 128). Zero stands for the default. At most 2^40 items, or 4 GiB of bytes. An
    /// existing ring keeps what it has.
    ///
    /// # Sizes
    /// | | takes | the default holds |
    /// |---|---|---|
    /// | an item | its size and 8 bytes for its stamp, rounded up: to a power of two up to 64, else to a multiple of 8 | 1,024 |
    /// | a record of `n` bytes | `max(1, n.div_ceil(64))` cells of 64 bytes, and 16 bytes for each of these | 16,384 of up to 64 bytes, 8,192 of 65 |
    /// | a lane | all of it anew, for each seat | 16 times that, in 16 times the memory |
    ///
    /// The largest record has half the capacity (`max_record`). One that does not fit into the rest of the lap begins with the next, and
    /// that rest is lost for once: a ring for large records should hold several.
    ///
    /// ```
    /// use ringway::{lanes, mpsc, spsc};
    ///
    /// assert_eq!(spsc::Ring::<[u8]>::required_len(1 << 20), 16_384 * (64 + 16) + 1_536);
    /// assert_eq!(mpsc::Ring::<[u8]>::required_len(1 << 20, 16) >> 10, 1_289); // KiB
    /// assert_eq!(lanes::Ring::<[u8]>::required_len(1 << 20, 16) >> 10, 20_489);
    /// ```
    pub const fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    /// How many seats for producers a new ring of several has: at most 65,535, of 512 bytes each; in a ring of `lanes` each
    /// has cells of its own besides. Zero stands for the default, 16. A ring of one producer has one.
    pub const fn max_producers(self, producers: usize) -> Self {
        Self { producers, ..self }
    }

    /// What this participant calls itself when others ask who holds a seat. Default: its executable's name.
    pub const fn label(self, label: &'a str) -> Self {
        Self { label: Some(label), ..self }
    }
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// For segments.
#[cfg(feature = "std")]
impl Options<'_> {
    /// The new file's permission bits, exactly: the process's umask is not applied. Default: `0o600`, this user
    /// only. To share a ring with another user, its creator says here who may join (`0o660`: its group), and that user says by
    /// [`owner`](Self::owner) that it trusts the creator.
    ///
    /// Whoever may *write* the file may send wrong data, and may [truncate](crate::ring::Ring#truncation) it. Whoever may *read* it can
    /// lock a seat's bytes, for reading, and as long as that lasts the seat of somebody dead cannot be taken, nor the death be noticed.
    pub const fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// Whether to map every page at once, so that no first access pays for a page fault. Default: yes.
    pub const fn prefault(self, prefault: bool) -> Self {
        Self { prefault, ..self }
    }

    /// Whether to ask the kernel for huge pages (`MADV_HUGEPAGE`). A wish: the kernel grants it only where
    /// `/sys/kernel/mm/transparent_hugepage/shmem_enabled` says `advise` or more, and then in its own time: the pages are
    /// set aside at creation as small ones, which it may merge later. Default: no.
    pub const fn huge_pages(self, huge_pages: bool) -> Self {
        Self { huge_pages, ..self }
    }

    /// Whether to lock the segment into memory (`mlock`), so that it is never swapped out. An error if
    /// `RLIMIT_MEMLOCK` does not allow it. Default: no.
    pub const fn lock_memory(self, lock_memory: bool) -> Self {
        Self { lock_memory, ..self }
    }

    /// Also accept an existing segment that belongs to this user id. Without it, a segment must belong to
    /// the caller's effective user or to root: others might have put it there in the hope of being trusted. This is for who opens; its
    /// creator has to allow it, too, by [`mode`](Self::mode).
    pub const fn owner(self, uid: u32) -> Self {
        Self { owner: Some(uid), ..self }
    }
}
