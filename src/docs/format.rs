//! The segment format, version 1.0: what the bytes mean, for who reads or writes them without this library. Only words; no code.
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
//!      │ roles            │  512 per seat: the consumer's; the producers' in common, where there are
//!      │                  │  several; each producer's
//!      ├──────────────────┤
//!      │ ready bits       │    1 per producer, in whole words; lanes only
//!      ├──────────────────┤
//!      │ descriptors      │   16 per cell; byte rings only; lanes: one lane after the other
//!      ├──────────────────┤
//!      │ cells            │  stride per cell: stamp + item, or 64 bytes of payload; lanes: likewise
//!      └──────────────────┘  each part, and each lane's, starts at a multiple of 128
//! ```
//!
//! # What may change
//! A segment of another major version, or with an incompatible feature that the library does not know, is refused
//! ([`Version`](crate::LayoutError::Version), [`Features`](crate::LayoutError::Features)) and not written to. Minor versions and compatible
//! features keep nobody out. So what older readers may ignore comes with one of these, what they must not overlook with an incompatible
//! feature, and all else with another major version. Which major versions a later library reads besides its own is left open.
//!
//! # Header (offset 0)
//! | at | field | meaning | written |
//! |---|---|---|---|
//! | 0 | magic | `0x3159_4157_474e_4952`, the bytes `RINGWAY1` where the low byte comes first; `0x01` while being formatted | by the formatter, last |
//! | 8 | major | 1; another major is another format, and is refused | once |
//! | 16 | minor | 0; a higher minor only adds what older readers may ignore | once |
//! | 24 | incompatible features | bits; a reader refuses the segment if it does not know one that is set. Bit 0, *fenced*: see below | once |
//! | 32 | compatible features | bits; a reader ignores those that it does not know | once |
//! | 40 | length | bytes of the whole segment; the file may be longer | once |
//! | 48 | objects | entries in the object table | once |
//! | 56 | created | nanoseconds since 1970; 0 if not told. For display | once |
//! | 64 | creator | process id; 0 if not told. For display | once |
//!
//! *Fenced* says how its participants see each other fall asleep. If it is set, each passes a full fence after it has
//! published, and before it looks whether somebody sleeps. If not, each is reached by the barriers of those who go to sleep, and
//! goes without; or passes that fence all the same, where it cannot be reached. The formatter sets it where it cannot be reached itself.
//!
//! # Object table entry (offset 256)
//! | at | field | meaning |
//! |---|---|---|
//! | 0 | kind | 1 `spsc`; 2 `mpsc`; 3 `lanes` |
//! | 8 | payload | 1 items of one type; 2 bytes |
//! | 16 | producers | producer seats; `spsc`: 1; else 1 to 65,535 |
//! | 24 | capacity | cells, of `lanes` in each; a power of two |
//! | 32 | stride | bytes from one cell to the next; items: a multiple of 8, at least item size + 8, in `mpsc` at least 16; bytes: 64 |
//! | 40 | roles | offset of the first role block |
//! | 48 | descriptors | offset of the first descriptor; items: where the cells start |
//! | 56 | cells | offset of the first cell |
//! | 64 | item size | bytes; 1 for bytes |
//! | 72 | item align | bytes, on the formatter's machine; 1 for bytes |
//! | 80 | ready | offset of the ready bits; `spsc` and `mpsc`: where the descriptors start |
//! | 88 | word align | to how many bytes that machine aligns a 64-bit integer: where it is another number, items that are aligned to 4 and to 8 bytes may be the same |
//! | 128 | item label | 64 bytes: the type's name without its path, `u8` for bytes |
//!
//! All of it is written once, by the formatter, before the magic.
//!
//! # Role block (512 bytes; fields that different participants write often are on lines of their own)
//! | at | field | meaning | written by |
//! |---|---|---|---|
//! | 0 | position | consumer: HEAD, the first cell not released (`lanes`: unused); producer of `spsc` or `lanes`: TAIL, the first cell not published (it may lag) | the holder, on the data path |
//! | 8 | announcement | `mpsc` producers: 2 (p + 1) when position p is about to be claimed, 2 (p + 1) + 1 when it is; 0 none | the holder |
//! | 16 | claim end | `mpsc` producers: where that claim ends | the holder |
//! | 24, 32, 40 | counters | producers: records, bytes, aborted; kept by byte rings and `mpsc`. For display | the holder |
//! | 128 | parked | 32 bits: odd while somebody wants to be woken; the other 32 are zero | who waits; made even, always a larger number, by whoever wakes, and by who waits no more |
//! | 136 | armed | `lanes` producers, 32 bits: 1 if the consumer does not look at the lane | the consumer; cleared by the holder |
//! | 256 | state | low 8 bits: 0 never held, 1 taken, 2 left, 3 died; above: the epoch, one more with each holder | the holder; *died* by a peer with proof |
//! | 264 | pid | of the holder, as it sees itself | the holder, when it sits down |
//! | 272 | started | the holder's start, in clock ticks since boot | likewise |
//! | 280 | attached | nanoseconds since 1970. For display | likewise |
//! | 288 | namespace | the inode of the holder's PID namespace; 0 if not told | likewise |
//! | 296 | run | which run of a program in that process: another number after an exec | likewise |
//! | 320 | label | 64 bytes. For display | likewise |
//! | 384 | lost | claims that died with a holder. For display | the consumer |
//! | 448 | head | `lanes` producers: the lane's HEAD | the consumer |
//!
//! The *common block* of several producers is no seat, but laid out like one: `mpsc` has its TAIL at 0, moved by
//! compare-exchange, and producers who wait for room sleep on the word at 128; `lanes` have at 8 the *rung* word, 1 if a ready bit
//! was set.
//!
//! Life is proved by an open-file-description write lock (`F_OFD_SETLK`) on the role block's byte range in
//! the segment's file: who can take it knows that nobody alive holds the seat, unless the process that pid, start and
//! namespace tell of is seen to run (it may have closed the file behind the library's back).
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
//! | bytes, descriptor | 8 | info | bits 0-31: length, in bytes (skip: in cells); 32-39: 1 record, 2 skip; 48-63: the producer's seat |
//! | bytes, cell | 0 | payload | of the record; it goes on in the following cells, never past the last |
//!
//! Both are written by the producer; the stamp last. A record of `n` bytes has `max(1, ceil(n / 64))` cells.
//! One that would not fit before the last cell is preceded by a pad: a skip that fills the rest of the lap. In `mpsc` a skip also
//! stands for what a producer gave up.
//!
//! In `mpsc` the *lost mark* of `p` is its stamp with bit 63 set. The word beside it then says, in bits 0-31: how many cells the
//! lost claim had; 32-47: the low bits of the epoch of who died; 48-63: the seat.
//!
//! # Looking on
//! Who takes no seat can map the file for reading only, load words in one piece, and see what is unread: from HEAD (of `lanes`,
//! each lane's) on, record after record, as long as each position's stamp, or lost mark, is there. What stands beyond the first
//! that is missing is not published.
//!
//! A stamp stays where it is when its record is released, and while a later one's payload is written over it. So what was
//! copied is what was sent only if HEAD, loaded *after* the copy, has not passed its position; a second look at the stamp
//! would not tell. Who lives can be asked without a claim (`F_OFD_GETLK`). `examples/peek.py` does all this.
