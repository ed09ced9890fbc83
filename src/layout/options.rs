//! [`Options`]: how to create a ring, or join one.

/// How to create a ring, or join one.
///
/// Some options describe the ring itself: [`capacity`](Self::capacity),
/// [`max_producers`](Self::max_producers), [`schema`](Self::schema) and, for segments, the mode.
/// They take effect when a ring is created. The others concern this process only.
///
/// # Examples
/// ```
/// use ringway::Options;
///
/// let options = Options::new().capacity(64 * 1024).label("feed");
///
/// // For a segment: its group may join it, and its pages are never swapped out.
/// let options = options.mode(0o660).lock_memory(true);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
#[cfg_attr(any(loom, not(feature = "std")), allow(dead_code, reason = "the rest is for segments"))]
pub struct Options<'a> {
    /// Zero if unset.
    pub(crate) capacity: usize,
    /// Zero if unset.
    pub(crate) max_producers: usize,
    /// Zero if the ring has none.
    pub(crate) schema: u64,
    pub(crate) label: Option<&'a str>,
    /// None if unset: see `DEFAULT_MODE`.
    pub(crate) mode: Option<u32>,
    pub(crate) prefault: bool,
    pub(crate) huge_pages: bool,
    pub(crate) lock_memory: bool,
    pub(crate) owner: Option<u32>,
}

/// The permission bits of a new segment, unless the options say otherwise: this user only.
#[cfg(feature = "std")]
pub(crate) const DEFAULT_MODE: u32 = 0o600;

impl<'a> Options<'a> {
    /// Everything unset. A new ring then has a capacity of 1,024 items, or of 1 MiB for a byte
    /// ring, and 16 producer seats where there can be several. Each setter names its own default.
    pub const fn new() -> Self {
        Self {
            capacity: 0,
            max_producers: 0,
            schema: 0,
            label: None,
            mode: None,
            prefault: true,
            huge_pages: false,
            lock_memory: false,
            owner: None,
        }
    }

    /// How much a new ring holds: items for a typed ring, payload bytes for a byte ring; of
    /// `lanes`, each lane. Rounded up to a power of two (byte rings: to at least 128). Zero leaves
    /// it unset. At most 2^40 items, or 4 GiB of bytes.
    ///
    /// # Sizes
    /// | | takes | the default holds |
    /// |---|---|---|
    /// | an item | its size and 8 bytes for its stamp, rounded up: to a power of two up to 64, else to a multiple of 8 | 1,024 |
    /// | a record of `n` bytes | `max(1, n.div_ceil(64))` cells of 64 bytes, and 16 bytes for each of these | 16,384 of up to 64 bytes, 8,192 of 65 |
    /// | a lane | all of it again, for each seat | 16 times that, in 16 times the memory |
    ///
    /// The largest record has half the capacity (`max_record`). A record that does not fit into the
    /// rest of the lap starts at the next lap, and the rest stays unused that time. So a ring for
    /// large records should have room for several of them.
    ///
    /// ```
    /// use ringway::{Options, lanes, mpsc, spsc};
    ///
    /// let options = Options::new().capacity(1 << 20).max_producers(16);
    /// assert_eq!(spsc::Ring::<[u8]>::required_len(&options), 16_384 * (64 + 16) + 1_536);
    /// assert_eq!(mpsc::Ring::<[u8]>::required_len(&options) >> 10, 1_289); // KiB
    /// assert_eq!(lanes::Ring::<[u8]>::required_len(&options) >> 10, 20_489);
    /// ```
    pub const fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    /// How many producers a new `mpsc` or `lanes` ring can have at the same time: its producer
    /// seats, at most 65,535. Each seat takes 512 bytes; in a ring of `lanes` each has its own
    /// cells besides. Zero leaves it unset: 16.
    ///
    /// An `spsc` ring has one producer seat and ignores this option, so that the same options serve
    /// every kind of ring.
    pub const fn max_producers(self, max_producers: usize) -> Self {
        Self { max_producers, ..self }
    }

    /// A number for what the payload means, which both sides must agree on. A new ring stores it;
    /// joining a ring with another number is a [`LayoutError::Schema`](crate::LayoutError::Schema).
    /// Default: 0, which stands for a ring without a schema and has to match like any other number.
    ///
    /// A ring compares the size, alignment and name of its item type. It cannot compare the fields
    /// of a struct, nor what a record of bytes contains. Change this number when either changes.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Options, SegmentError, spsc::Ring};
    ///
    /// # let name = &format!("ringway-doc-schema-{}", std::process::id());
    /// Ring::<[u8]>::create(name, &Options::new().schema(3))?;
    /// let error = Ring::<[u8]>::open_with(name, &Options::new().schema(4)).unwrap_err();
    /// assert!(error.to_string().contains("has schema 3, but this process expects schema 4"));
    /// # Ring::<[u8]>::unlink(name)?;
    /// # Ok::<(), SegmentError>(())
    /// ```
    pub const fn schema(self, schema: u64) -> Self {
        Self { schema, ..self }
    }

    /// The name of this participant, shown to other processes that ask who holds a seat. Default:
    /// the name of its executable.
    pub const fn label(self, label: &'a str) -> Self {
        Self { label: Some(label), ..self }
    }
}

impl Options<'_> {
    /// Those options that describe a ring: they are kept with it.
    pub(crate) const fn of_ring(&self) -> Options<'static> {
        Options::new().capacity(self.capacity).max_producers(self.max_producers).schema(self.schema)
    }

    /// An option that was set and concerns the whole segment, not one of its objects.
    #[cfg(feature = "std")]
    pub(crate) fn misplaced_in_object(&self) -> Option<&'static str> {
        let set = [
            (self.mode.is_some(), "mode"),
            (!self.prefault, "prefault"),
            (self.huge_pages, "huge_pages"),
            (self.lock_memory, "lock_memory"),
            (self.owner.is_some(), "owner"),
            (self.label.is_some(), "label"),
        ];
        set.into_iter().find(|(is_set, _)| *is_set).map(|(_, option)| option)
    }

    /// An option that was set and concerns an object, not the whole segment.
    #[cfg(feature = "std")]
    pub(crate) fn misplaced_in_segment(&self) -> Option<&'static str> {
        let set = [
            (self.capacity != 0, "capacity"),
            (self.max_producers != 0, "max_producers"),
            (self.schema != 0, "schema"),
        ];
        set.into_iter().find(|(is_set, _)| *is_set).map(|(_, option)| option)
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
    /// The permission bits of a new segment's file, exactly: the umask of the process does not
    /// apply. Default: `0o600`, this user only.
    ///
    /// To share a ring between users, its creator sets a mode that lets the other user in (`0o660`:
    /// its group), and that user passes [`owner`](Self::owner) to say that it trusts the creator.
    ///
    /// A process that may *write* the file can send wrong data, and can
    /// [truncate](crate::ring::Ring#truncation) it. A process that may *read* the file can place a
    /// read lock on the bytes of a seat, or of every free seat. While it does, no process can take
    /// such a seat, and the death of its holder goes unnoticed.
    pub const fn mode(self, mode: u32) -> Self {
        Self { mode: Some(mode), ..self }
    }

    /// Whether to map every page at once, so that no first access pays for a page fault. Default:
    /// yes.
    pub const fn prefault(self, prefault: bool) -> Self {
        Self { prefault, ..self }
    }

    /// Whether to ask the kernel for huge pages (`MADV_HUGEPAGE`). The kernel grants them only
    /// where `/sys/kernel/mm/transparent_hugepage/shmem_enabled` says `advise` or more, and in its
    /// own time: the segment is allocated in small pages, which the kernel may merge later.
    /// Default: no.
    pub const fn huge_pages(self, huge_pages: bool) -> Self {
        Self { huge_pages, ..self }
    }

    /// Whether to lock the segment into memory (`mlock`), so that it is never swapped out. An error
    /// if `RLIMIT_MEMLOCK` does not allow it. Default: no.
    pub const fn lock_memory(self, lock_memory: bool) -> Self {
        Self { lock_memory, ..self }
    }

    /// Also accepts an existing segment that belongs to this user id.
    ///
    /// Without it, a segment must belong to the caller's effective user or to root: another user
    /// could have put it there to be trusted by mistake. This option is for the process that joins;
    /// the creator of the segment has to let it in by [`mode`](Self::mode).
    ///
    /// A user namespace that does not map every user of the system shows all others as one, the
    /// overflow uid (usually 65534). A segment of that owner is a
    /// [`SegmentError::UnknownOwner`](crate::SegmentError::UnknownOwner) there, also if the process
    /// itself has that id. Passing that id trusts *all* unmapped users.
    pub const fn owner(self, uid: u32) -> Self {
        Self { owner: Some(uid), ..self }
    }
}
