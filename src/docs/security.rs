//! What a hostile peer can do, and which processes can join a ring.
//!
//! Other pages: [guarantees](super::guarantees), [recovery](super::recovery),
//! [waiting](super::waiting), [platforms](super::platforms), [operations](super::operations),
//! [format](super::format).
//!
//! # A peer that lies
//! A *lying* peer is one that can write the segment and does not keep the protocol: it was written
//! with other code, has a bug, or is an attacker. It may write any bytes at any moment, also while
//! this process reads them. The library assumes nothing about it:
//! * Positions and lengths are checked against private copies before they are used. A shared word
//!   is loaded once, the copy is checked, and the copy is used.
//! * The geometry of the ring is parsed once, when it is opened. Addresses are made from private
//!   numbers and masks, so no value in shared memory leads outside of the mapping.
//! * Payload is copied out, never lent as a slice. Items are of types for which any bytes are a
//!   valid value (zerocopy's `FromBytes`).
//! * Every loop is bounded, and no panic can be reached from shared bytes.
//! * Labels and process ids in the ring are what participants say of themselves. Labels are printed
//!   without control characters. No decision rests on them, but for the [second
//!   witness](super::recovery#how-a-death-is-noticed), which can only save a process from being
//!   taken for dead.
//!
//! | the peer writes | this process sees |
//! |---|---|
//! | other payload | wrong data |
//! | a position, stamp or length that makes no sense | [`Corrupt`](crate::Corruption), from then on for each call on that handle |
//! | a position that does make sense | records too many, too few or twice; or it waits |
//! | nothing, for ever | it waits; `_timeout` forms return |
//! | another header, after this process opened the ring | nothing: it has its own copy |
//!
//! After `Corrupt`, stop both sides, unlink the segment, and create a new one. The other side is
//! not told.
//!
//! A process that can write one lane of a [`lanes`](crate::lanes) ring can write all of them.
//! Processes that do not trust each other need a ring each.
//!
//! # Slices need trust
//! [`Payload::as_slice`](crate::Payload::as_slice) and
//! [`PayloadMut::as_mut_slice`](crate::PayloadMut::as_mut_slice) give the bytes themselves, without
//! a copy. A peer that writes to them meanwhile causes undefined behaviour. They therefore take a
//! [`Trust`](crate::Trust), which only `unsafe` code can make. What it promises: every process that
//! can write the memory keeps the protocol, no process truncates the file, and no forked child uses
//! a slice, record or reservation of its parent. Without it everything else works: `read_at`,
//! `read_value_at`, `copy_to` and `to_vec` copy.
//!
//! # Truncation and SIGBUS
//! A process that can *write* the file can truncate it. A process that then touches a missing page
//! is killed by SIGBUS. For a file that has a name no check excludes that, because the file may be
//! cut right after the check. What is promised:
//! * The length that the header states is mapped, and never more than the file has. A file that is
//!   too short, or became so while it was being mapped, is
//!   [`LayoutError::Truncated`](crate::LayoutError::Truncated).
//! * A file with fewer bytes allocated than the ring needs is not opened
//!   ([`SegmentError::Sparse`](crate::SegmentError::Sparse)): a sparse copy, or a file with holes.
//!   (Holes in a file that is longer than its ring may go unnoticed.)
//! * Taking a seat, giving it back and listing seats check first whether the bytes are still there,
//!   and so does each sleeper when it wakes, before it touches them. They report
//!   [`Corruption::Truncated`](crate::Corruption::Truncated). A sleeper checks at least every 100
//!   ms, so a process that waits most of the time is safe most of the time.
//! * An end that has reported it touches the bytes no more. It can still be used and dropped.
//! * The data path does not check.
//!
//! A process that can write the file can also punch holes into it. That gives away the space that
//! was reserved at creation, and a full file system is then a SIGBUS too. Only opening the ring
//! reports that; sending and receiving do not ask. A file that grows is as good as before. What it
//! has beyond the ring is neither mapped nor allocated.
//!
//! So grant write access only to processes that you would let kill yours, or give them an anonymous
//! segment.
//!
//! # Which segment to choose
//! | | named | anonymous |
//! |---|---|---|
//! | made by | [`Builder::create`](crate::Builder::create), `Ring::create` | [`Builder::create_anonymous`](crate::Builder::create_anonymous) |
//! | another process gets it | by its name, at any time | from a process that has it: [`send_to`](crate::Segment::send_to), a [`Door`](crate::Door) |
//! | which process may have it | its owner and mode say so, and the directory | the process that hands it over decides, by user, group and process id |
//! | a peer can cut it, or make it longer | yes: SIGBUS | no: it is sealed |
//! | a peer can punch holes | yes | yes: the bytes there become zeros, which is wrong data or `Corrupt` |
//! | it ends | when it is unlinked | with the last process that has it |
//! | needs | tmpfs, usually `/dev/shm` | `/proc`, in both processes |
//!
//! A punched hole is filled again when it is touched. If the memory limit of the container, or the
//! machine's memory, is used up by then, the kernel ends a process. That is the same as for all
//! other memory.
//!
//! A process that has an anonymous segment can hand it on. Each participant opens the file anew, so
//! each has locks of its own, which prove that it lives.
//! [`Options::mode`](crate::Options::mode) says which users can do that: processes of another user
//! need `0o666`, which lets no stranger in, because a process that was not given the file cannot
//! find it.
//!
//! # A process that can read the file can lock it
//! A read lock on a seat's bytes has three effects for as long as it is held: the seat cannot be
//! taken, whether it is free or its holder is dead; the death of its holder is not noticed; and
//! [`unlink_if_unused`](crate::spsc::Ring::unlink_if_unused) finds the ring in use. Locks on the
//! bytes of every free seat keep all newcomers out ([`AllTaken`](crate::SeatError::AllTaken)).
//! Participants that have their seats go on. New segments can therefore be opened by their
//! creator's user only, unless [`Options::mode`](crate::Options::mode) says otherwise.
//!
//! # Users and modes
//! | option | on the side that | does | default |
//! |---|---|---|---|
//! | [`mode`](crate::Options::mode) | creates | sets the permission bits, exactly; the umask is not applied | `0o600` |
//! | [`owner`](crate::Options::owner) | opens | also accepts a segment that belongs to this user id | own user and root only |
//!
//! Opening a segment of another user fails with [`SegmentError::Owner`](crate::SegmentError::Owner)
//! unless it is named by `owner`: otherwise another user could put a segment of that name into
//! `/dev/shm` first and be trusted. Both sides have to agree:
//!
//! ```
//! use ringway::{Options, spsc::Ring};
//!
//! # let name = &format!("docs-security-mode-{}", std::process::id());
//! // The creator: its group may join, too.
//! let ring = Ring::<u64>::create(name, &Options::new().mode(0o660))?;
//!
//! // The other user trusts uid 1000.
//! let joined = Ring::<u64>::open_with(name, &Options::new().owner(1000))?;
//! # assert_eq!(joined.path(), ring.path());
//! # Ring::<u64>::unlink(name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! In a user namespace, such as a container without privileges, all users that it does not map
//! appear as one, the overflow uid (usually 65534), and the process itself may be one of them. A
//! segment of that owner is [`SegmentError::UnknownOwner`](crate::SegmentError::UnknownOwner).
//! `owner(65534)` accepts it there, and with it the segments of *every* unmapped user.
//!
//! A participant needs read *and* write access, a consumer too. Symbolic links are not followed. A
//! directory, device or pipe is refused
//! ([`SegmentError::NotAFile`](crate::SegmentError::NotAFile)). Unlinking takes write access to the
//! directory; in `/dev/shm`, which is sticky, only the file's owner and root can do it.
//!
//! # What is not compared
//! Item types are compared by name (without path), size and alignment. Two types that differ only
//! in the order or meaning of their fields are not told apart.
//! [`Options::schema`](crate::Options::schema) adds a number of your own that both sides must agree
//! on:
//!
//! ```
//! use ringway::{Options, SegmentError, spsc::Ring};
//!
//! # let name = &format!("docs-security-schema-{}", std::process::id());
//! let ring = Ring::<[u64; 2]>::create(name, &Options::new().schema(3))?;
//! let error = Ring::<[u64; 2]>::open_with(name, &Options::new().schema(4)).unwrap_err();
//! assert!(matches!(error, SegmentError::Layout { .. }));
//! println!("{error}"); // names both numbers
//! # Ring::<[u64; 2]>::unlink(name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
