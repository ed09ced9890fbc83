//! What the bytes mean: the segment format, version 1.0.
//!
//! Every field is a 64-bit word in the machine's own byte order, unless a width is given; widths and offsets
//! are the same for 32- and 64-bit processes. Labels are UTF-8 bytes, padded with zeros. Bytes not named here
//! are zero, and reserved.
//!
//! ```text
//!    0 ┌──────────────────┐
//!      │ header           │  256  who we are: magic, version, features, length
//!  256 ├──────────────────┤
//!      │ object table     │  256 per object; this version writes one
//!  512 ├──────────────────┤
//!      │ roles            │  512 per seat: the consumer's first, then the producers'
//!      ├──────────────────┤
//!      │ descriptors      │   16 per cell; byte rings only
//!      ├──────────────────┤
//!      │ cells            │  stride per cell: stamp + item, or 64 bytes of payload
//!      └──────────────────┘  each part starts at a multiple of 128
//! ```
//!
//! # Header (offset 0)
//! | at | field | meaning | written |
//! |---|---|---|---|
//! | 0 | magic | `0x3159_4157_474e_4952`, the bytes `RINGWAY1` where the low byte comes first; `0x01` while being formatted | by the formatter, last |
//! | 8 | major | 1; another major is another format, and is refused | once |
//! | 16 | minor | 0; a higher minor only adds what older readers may ignore | once |
//! | 24 | incompatible features | bits; a reader refuses the segment if it does not know one that is set | once |
//! | 32 | compatible features | bits; a reader ignores those that it does not know | once |
//! | 40 | length | bytes of the whole segment; the file may be longer | once |
//! | 48 | objects | entries in the object table | once |
//! | 56 | created | nanoseconds since 1970; 0 if not told. For display | once |
//! | 64 | creator | process id; 0 if not told. For display | once |
//!
//! # Object table entry (offset 256)
//! | at | field | meaning |
//! |---|---|---|
//! | 0 | kind | 1 `spsc`; 2 and 3 are reserved for `mpsc` and `lanes` |
//! | 8 | payload | 1 items of one type; 2 bytes |
//! | 16 | producers | producer seats |
//! | 24 | capacity | cells; a power of two |
//! | 32 | stride | bytes from one cell to the next; items: a multiple of 8, at least item size + 8; bytes: 64 |
//! | 40 | roles | offset of the first role block |
//! | 48 | descriptors | offset of the first descriptor; items: where the cells start |
//! | 56 | cells | offset of the first cell |
//! | 64 | item size | bytes; 1 for bytes |
//! | 72 | item align | bytes; 1 for bytes |
//! | 128 | item label | 64 bytes: the type's name without its path, `u8` for bytes |
//!
//! All of it is written once, by the formatter, before the magic.
//!
//! # Role block (512 bytes; each third on lines of its own)
//! | at | field | meaning | written by |
//! |---|---|---|---|
//! | 0 | position | consumer: HEAD, the first cell not released; producer: TAIL, the first cell not published (it may lag) | the holder, on the data path |
//! | 8 | announcement | reserved for `mpsc` | |
//! | 128 | parked | 32 bits: 1 while the holder may be asleep on it; the other 32 are zero | the holder; cleared by whoever wakes it |
//! | 256 | state | low 8 bits: 0 never held, 1 taken, 2 left, 3 died; above: the epoch, one more with each holder | the holder; *died* by a peer with proof |
//! | 264 | pid | of the holder, as it sees itself. For display | the holder, when it sits down |
//! | 272 | started | the holder's start, in clock ticks since boot. For display | likewise |
//! | 280 | attached | nanoseconds since 1970. For display | likewise |
//! | 320 | label | 64 bytes. For display | likewise |
//! | 384 | counters | 4 words, reserved: records, bytes, aborted, lost | |
//!
//! Life is proved by an open-file-description write lock (`F_OFD_SETLK`) on the role block's byte range in
//! the segment's file: who can take it knows that nobody alive holds the seat.
//!
//! # Cell and descriptor
//! Positions count cells since the ring was made and never wrap; position `p` lies in cell
//! `p mod capacity`. The *stamp* of `p` is `p + 1`: zero is no stamp, and no two positions share one.
//!
//! | ring | at | field | meaning |
//! |---|---|---|---|
//! | items | 0 | stamp | of the position whose item this is |
//! | items | 8 | item | its bytes |
//! | bytes, descriptor | 0 | stamp | of the record that starts in this cell |
//! | bytes, descriptor | 8 | info | bits 0-31: length, in bytes (pad: in cells); 32-39: 1 record, 2 pad; 48-63: the producer's seat |
//! | bytes, cell | 0 | payload | of the record; it goes on in the following cells, never past the last |
//!
//! Both are written by the producer; the stamp last. A record of `n` bytes has `max(1, ceil(n / 64))` cells.
//! One that would not fit before the last cell is preceded by a pad that fills the rest of the lap.
mod geometry;
mod lane;
mod options;
mod role;

pub use geometry::{Geometry, Spec};
pub(crate) use lane::Lane;
pub use options::Options;
pub(crate) use role::{RoleBlock, SeatState, State};

/// Kinds of ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Spsc = 1,
    Mpsc = 2,
    Lanes = 3,
}

/// What its cells carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    Items = 1,
    Bytes = 2,
}

/// `RINGWAY1`, where the low byte comes first.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"RINGWAY1");
/// The magic while a formatter is at work.
pub(crate) const FORMATTING: u64 = 1;
pub(crate) const MAJOR: u64 = 1;
pub(crate) const MINOR: u64 = 0;
/// The incompatible features that this version knows: none yet.
pub(crate) const KNOWN_FEATURES: u64 = 0;
