//! Running rings: how large they are, where they lie, how they are removed and watched.
//!
//! Other pages: [guarantees](super::guarantees), [recovery](super::recovery),
//! [waiting](super::waiting), [security](super::security), [platforms](super::platforms),
//! [format](super::format).
//!
//! # How much memory a ring takes
//! `required_len(&options)` says it, as a `const fn`. A segment takes that, rounded up to whole
//! pages. All of it is reserved at creation: a full file system is an error there
//! ([`SegmentError::NoSpace`](crate::SegmentError::NoSpace)), never a SIGBUS later. (On file
//! systems that copy on write, such as btrfs, reserved space is no promise.)
//!
//! | limit | creating a ring beyond it |
//! |---|---|
//! | free space of the file system | [`SegmentError::NoSpace`](crate::SegmentError::NoSpace) |
//! | inodes of the file system | [`SegmentError::NoInodes`](crate::SegmentError::NoInodes) |
//! | `RLIMIT_FSIZE` (`ulimit -f`), the largest file of the file system | [`SegmentError::FileTooLarge`](crate::SegmentError::FileTooLarge), instead of a SIGXFSZ |
//! | the memory of the container (its cgroup), or of the machine | **none: the kernel's OOM killer ends a process.** All of the ring counts as memory of the creator's container |
//!
//! A container's `/dev/shm` can be larger than the memory that the container may use, so keep the
//! sum of its rings well below that limit.
//!
//! | part | bytes |
//! |---|---|
//! | header | 512 |
//! | seats | 512 for the consumer and for each producer; 512 more where there can be several producers |
//! | an item | its size and 8 for the stamp, rounded up: to a power of two up to 64, else to a multiple of 8; at least 16 in `mpsc` |
//! | a record of `n` bytes | `max(1, n.div_ceil(64))` cells of 64 bytes, and 16 for each of these |
//! | a lane of `lanes` | all its cells anew, for each producer's seat |
//!
//! Capacities are rounded up to a power of two. The defaults, with 16 producers where there can be
//! several:
//!
//! | | `spsc` | `mpsc` | `lanes` |
//! |---|---|---|---|
//! | `Ring<[u8]>`, 1 MiB | 1,282 KiB | 1,290 KiB | 20,490 KiB |
//! | `Ring<u64>`, 1,024 items | 18 KiB | 26 KiB | 266 KiB |
//!
//! ```
//! use ringway::{Options, lanes, mpsc, spsc};
//!
//! let (default, kib) = (&Options::new(), |bytes: usize| bytes.div_ceil(1024));
//! assert_eq!(kib(spsc::Ring::<[u8]>::required_len(default)), 1_282);
//! assert_eq!(kib(mpsc::Ring::<[u8]>::required_len(default)), 1_290);
//! assert_eq!(kib(lanes::Ring::<[u8]>::required_len(default)), 20_490);
//! assert_eq!(kib(spsc::Ring::<u64>::required_len(default)), 18);
//! assert_eq!(kib(mpsc::Ring::<u64>::required_len(default)), 26);
//! assert_eq!(kib(lanes::Ring::<u64>::required_len(default)), 266);
//! ```
//! So `lanes` with its defaults takes a third of the 64 MiB that a container's `/dev/shm` often
//! has. Set [`max_producers`](crate::Options::max_producers) and
//! [`capacity`](crate::Options::capacity).
//!
//! The largest record has half the capacity. A record that does not fit into the rest of the lap
//! begins with the next lap, and that rest is lost for once. So a ring for large records should
//! hold several of them.
//!
//! The consumer of `lanes` also keeps some 200 bytes for each lane on its heap.
//!
//! # Where segments lie
//! | name | file |
//! |---|---|
//! | `feed`: 1 to 200 bytes, no `/`, no leading dot | `/dev/shm/feed` |
//! | beginning with `/` or `./` | that path; `./` starts at the working directory of each process, so prefer `/` |
//!
//! `ls -l /dev/shm` lists segments; a ring's file begins with the bytes `RINGWAY1` (on machines
//! where the low byte comes first). A segment can lie on a disk file system, but should not: the
//! kernel would write its pages back. A ring is not storage. After a crash of the machine or a loss
//! of power, a segment on a disk may hold pages of different ages, and no check can tell: records
//! may be torn, repeated or missing. Unlink it before the first process opens it. On tmpfs it is
//! gone.
//!
//! hugetlbfs and read-only file systems are refused
//! ([`SegmentError::Unsupported`](crate::SegmentError::Unsupported),
//! [`SegmentError::ReadOnly`](crate::SegmentError::ReadOnly)). A segment can be copied while no
//! process uses it. The copy must have all its space: `cp --sparse=never`. A sparse copy is
//! [`SegmentError::Sparse`](crate::SegmentError::Sparse), and one that was cut is
//! [`LayoutError::Truncated`](crate::LayoutError::Truncated).
//!
//! # Several objects in one segment
//! `Ring::create` makes a segment with one ring. Programs that share several rings put them into
//! one [`Segment`](crate::Segment). It has one name and one set of permissions, it appears with all
//! its rings, and they are removed together.
//!
//! ```
//! use ringway::mpsc::Mpsc;
//! use ringway::spsc::Spsc;
//! use ringway::{Options, Segment, SegmentError};
//!
//! # let name = &format!("docs-operations-objects-{}", std::process::id());
//! let robot = Segment::builder()
//!     .options(&Options::new().mode(0o660))
//!     .ring::<Spsc, u64>("ticks", &Options::new().capacity(4096))
//!     .ring::<Mpsc, [u8]>("log", &Options::new());
//! let segment = robot.open_or_create(name)?; // in each process: whichever comes first creates it
//! let mut tx = segment.ring::<Spsc, u64>("ticks")?.producer()?;
//! tx.push(&7)?;
//!
//! let error = segment.ring::<Spsc, u64>("tocks").unwrap_err();
//! assert!(error.to_string().ends_with("has no object `tocks`; it has `ticks`, `log`"));
//! # drop(tx);
//! Segment::unlink_if_unused(name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! The objects are chosen when the segment is created: at most 1,024, with names of at most 64
//! bytes. A program that opens the segment may leave objects alone that it does not know, also
//! those of a later version of this library. Each object has seats of its own: a participant of one
//! is not a peer in another.
//!
//! # Segments without a name
//! An anonymous segment is handed to another process over a Unix socket. It needs no name, no
//! `/dev/shm` and no clean-up, and no peer can cut it:
//! [which to choose](super::security#which-segment-to-choose).
//!
//! ```
//! use std::os::unix::net::UnixStream;
//!
//! use ringway::spsc::Spsc;
//! use ringway::{Grant, Options, Segment};
//!
//! let (here, there) = UnixStream::pair()?; // give one end to a child process
//! let segment =
//!     Segment::builder().ring::<Spsc, u64>("ticks", &Options::new()).create_anonymous("robot")?;
//! segment.send_to(&here, Grant::Join)?;
//!
//! let segment = Segment::receive_from(&there)?; // in that process
//! # let _ = segment;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! A [`Door`](crate::Door) does so at an address, for processes that come later, and decides by who
//! knocks. `examples/sandbox.rs` gives a ring to a child process that sees no file system.
//!
//! **Through a restart.** The segment ends with the last process that has it. To keep it while a
//! service restarts, give a descriptor of it to the service manager: with systemd,
//! `FileDescriptorStoreMax=1` in the unit, and the descriptor from
//! [`Segment::to_fd`](crate::Segment::to_fd) in an `sd_notify` message with `FDSTORE=1`. The next
//! run finds it among the descriptors that it is started with, and calls
//! [`Segment::from_fd`](crate::Segment::from_fd). Do not store a descriptor that has taken part: it
//! would keep the locks of a dead process.
//!
//! # Permissions
//! A new segment can be opened by its creator's user only: mode `0o600`. See
//! [users and modes](super::security#users-and-modes).
//!
//! # Cleaning up
//! A segment stays until it is unlinked, also when no process uses it: so that a restarted process
//! can go on. Some process has to remove it:
//!
//! ```
//! use ringway::{Options, SegmentError, Unlinked, spsc::Ring};
//!
//! # let name = &format!("docs-operations-unlink-{}", std::process::id());
//! let ring = Ring::<u64>::create(name, &Options::new())?;
//! let tx = ring.producer()?;
//!
//! // For scripts and supervisors: never takes a ring away from a participant.
//! let error = Ring::<u64>::unlink_if_unused(name).unwrap_err();
//! assert!(matches!(error, SegmentError::InUse { .. }));
//!
//! // For the process that knows that all is over.
//! assert_eq!(Ring::<u64>::unlink(name)?, Unlinked::InUse);
//! assert!(tx.ring().is_unlinked());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! Unlinking removes the name. Participants go on as before; no other process can join; the memory
//! is freed when the last one unmaps it. Neither call touches a file that is not a ring.
//!
//! Both calls also remove what was not read: if a restarted consumer is to read the rest, ask
//! [`Ring::is_empty`](crate::spsc::Ring::is_empty) before.
//!
//! To end a ring while producers send, the consumer unlinks it and reads on until `Closed`. The
//! producers look at [`is_unlinked`](crate::spsc::Ring::is_unlinked) now and then, a system call,
//! and `close` when it is `true`.
//!
//! ## Races
//! * A process that opened the ring just before it was unlinked, renamed or replaced gets no seat
//!   in it: [`SeatError::Unlinked`](crate::SeatError::Unlinked). It opens or creates the ring
//!   again.
//! * A participant that had its seat before, and waits for a first peer, gets
//!   [`Departure::Unlinked`](crate::Departure::Unlinked). If a peer is there, neither is
//!   disturbed.
//! * Any number of processes may call `open_or_create` at once: all end up in the same ring. It
//!   waits a little if there is not enough space because several processes reserve it at the same
//!   time.
//! * Let one side own the name: the side that creates the ring at its start, and unlinks it when
//!   all is over.
//!
//! # When the login manager cleans up
//! systemd's login manager has the setting `RemoveIPC=` (logind.conf), which is `yes` by default.
//! It then unlinks all files of a user in `/dev/shm` when the last session of that user ends, also
//! the rings of a service that runs on. System users, such as root, are exempt. Participants go on
//! in a ring without a name ([`Ring::is_unlinked`](crate::spsc::Ring::is_unlinked)), and a
//! restarted process creates another one. So run services as a system user, let the user linger
//! (`loginctl enable-linger`), set `RemoveIPC=no`, or name the rings by a path on another tmpfs,
//! such as `/run/feed/ring`.
//!
//! # Changing options
//! An existing ring keeps the capacity, the number of producers and the mode that it has.
//! `open_or_create` fails with [`SegmentError::Differs`](crate::SegmentError::Differs) if the
//! options explicitly ask for others. To change them, stop both sides, let the consumer read the
//! rest, unlink, and start again.
//!
//! # Upgrading
//! The [format](super::format#what-may-change) has a version of its own. A segment of another major
//! version, or with an incompatible feature that the library does not know, is refused and not
//! written to. Minor versions and compatible features keep no process out. The changelog names
//! changes of the format in bold.
//!
//! The layout of *your* items is not compared: see
//! [what is not compared](super::security#what-is-not-compared). Raise
//! [`Options::schema`](crate::Options::schema) when it changes.
//!
//! # Watching
//! | question | call | note |
//! |---|---|---|
//! | which processes are attached, and what have they sent? | [`Ring::seats`](crate::spsc::Ring::seats) | needs no seat; records deaths that it finds; one or two system calls for each seat that is marked as taken |
//! | how full is it? | [`Ring::len`](crate::spsc::Ring::len), of ends too | an estimate of what was sent and not released, in the unit of `capacity()`; a producer of `lanes` counts its own lane |
//! | why is there no room, or no record? | `Producer::stalled`, `Consumer::stalled` | names the process, how many cells, and for how long. A consumer of `lanes` waits for no producer in particular: `None` |
//! | what was lost? | `Consumer::losses`; the counters of `seats` | `mpsc` only; always empty for the others |
//! | is its name still there? | [`Ring::is_unlinked`](crate::spsc::Ring::is_unlinked) | one system call |
//!
//! The counters are kept by the participants themselves, for people to read; those of the
//! consumer's seat are zero.
//!
//! ```
//! use ringway::{Options, Presence, mpsc::Ring};
//!
//! # let name = &format!("docs-operations-watch-{}", std::process::id());
//! # let ring = Ring::<u64>::create(name, &Options::new().max_producers(4).label("feed"))?;
//! # let mut tx = ring.producer()?;
//! # tx.push(&1)?;
//! let ring = Ring::<u64>::open(name)?; // takes no seat, disturbs no participant
//! for seat in ring.seats() {
//!     match seat.presence {
//!         Presence::Here(who) => {
//!             println!("{} {}: {who}, sent {}", seat.role, seat.seat, seat.counters.records);
//!         }
//!         Presence::Died(who) => println!("{} {}: {who} died", seat.role, seat.seat),
//!         _ => {}
//!     }
//! }
//! println!("{} of {} items wait to be read", ring.len(), ring.capacity());
//! # assert_eq!(ring.len(), 1);
//! # Ring::<u64>::unlink(name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! [`inspect::look`](crate::inspect::look) shows all objects of any segment from outside, and says
//! what is wrong. It takes no seat, needs no right to write, and changes nothing: not even a death
//! that it finds is recorded. `python3 examples/inspect.py NAME` shows the objects of a segment and
//! the unread records of its byte rings from outside, knowing only the [format](super::format).
//! [`Options::label`](crate::Options::label) sets the name by which a participant appears; by
//! default it is the name of its executable.
//!
//! # Pages: prefault, huge pages, locked memory
//! | option | does | default |
//! |---|---|---|
//! | [`prefault`](crate::Options::prefault) | maps all pages at once, so that no first access pays for a page fault (Linux 5.14) | yes |
//! | [`huge_pages`](crate::Options::huge_pages) | asks for huge pages. The kernel grants that only if `/sys/kernel/mm/transparent_hugepage/shmem_enabled` says `advise` or more, and in its own time | no |
//! | [`lock_memory`](crate::Options::lock_memory) | locks the segment into memory (`mlock`), so that it is never swapped out. An error if `RLIMIT_MEMLOCK` (`ulimit -l`) is too low | no |
//!
//! They are chosen by each process for itself.
//!
//! # Limits
//! At most 4 GiB of bytes or 2^40 items, and 65,535 producers. Rings connect processes of one
//! machine; they are not for networks. There is no broadcast ring, no latest-value cell and no
//! request/response.
