//! The segment format, version 1.0: what the bytes mean, for programs that read or write them
//! without this library. Sizes and offsets are in bytes.
//!
//! Every field is a 64-bit word in the byte order of the machine, unless a width is given. Widths
//! and offsets are the same for 32-bit and 64-bit processes. Labels are UTF-8 bytes, padded with
//! zeros. Bytes that this page does not name are zero and reserved.
//!
//! ```text
//!    0 ┌──────────────────┐
//!      │ header           │  256  magic, version, features, length
//!  256 ├──────────────────┤
//!      │ object table     │  256 per object; at most 1,024 objects
//!      ├──────────────────┤
//!      │ a ring:          │
//!      │ role blocks      │  512 each: the consumer's; the producers' common block, where there can be
//!      │                  │  several producers; each producer's
//!      ├──────────────────┤
//!      │ ready bits       │  1 bit per producer, in whole words; lanes only
//!      ├──────────────────┤
//!      │ descriptors      │   16 per cell; byte rings only; lanes: one lane after the other
//!      ├──────────────────┤
//!      │ cells            │  stride per cell: stamp + item, or 64 bytes of payload; lanes: one lane after
//!      │                  │  the other
//!      ├──────────────────┤
//!      │ further objects  │
//!      └──────────────────┘  each part, and each lane's share of it, starts at a multiple of 128
//! ```
//!
//! # What may change
//! A reader refuses a segment of another major version ([`Version`](crate::LayoutError::Version)),
//! or with an incompatible feature that it does not know
//! ([`Features`](crate::LayoutError::Features)), and does not write to it. A reader accepts every
//! minor version and every compatible feature. So a change that older readers may ignore comes with
//! a minor version or a compatible feature; a change that they must not overlook comes with an
//! incompatible feature; every other change comes with another major version. It is left open which
//! major versions a later library reads besides its own.
//!
//! # Header (offset 0)
//! | at | field | meaning | written |
//! |---|---|---|---|
//! | 0 | magic | `0x3159_4157_474e_4952`, the bytes `RINGWAY1` where the low byte comes first; `0x01` while the segment is being formatted | by the formatter, first and last |
//! | 8 | major | 1; another major version is another format, and a reader refuses it | once |
//! | 16 | minor | 0; a higher minor version only adds what older readers may ignore | once |
//! | 24 | incompatible features | bits; a reader refuses the segment if it does not know one that is set. Bit 0, *fenced*: see below | once |
//! | 32 | compatible features | bits; a reader ignores the bits that it does not know | once |
//! | 40 | length | bytes of the whole segment; the file may be longer | once |
//! | 48 | objects | entries in the object table, 1 to 1,024 | once |
//! | 56 | created | nanoseconds since 1970; 0 if unknown. For display | once |
//! | 64 | creator | process id; 0 if unknown. For display | once |
//!
//! *Fenced* says which fences go with publishing and sleeping. If the bit is set, every participant
//! executes a full fence after it has published and before it checks for sleeping peers. If it is
//! clear, a participant issues a barrier (membarrier(2)) before it sleeps. Participants that have
//! registered for such barriers publish without a fence; all others execute the full fence. The
//! formatter sets the bit if barriers do not reach its own process.
//!
//! # Object table entry (256 bytes each, from offset 256 on)
//! All objects have these words:
//!
//! | at | field | meaning |
//! |---|---|---|
//! | 0 | kind | 1 a ring `spsc`; 2 `mpsc`; 3 `lanes`. A reader skips an object of a kind that it does not know |
//! | 8 | start | offset of the object's part of the segment: behind the table, and behind the parts of the objects before it |
//! | 16 | length | bytes of that part |
//! | 24 | seats | offset of the first seat block, inside the part |
//! | 32 | seat blocks | how many there are, side by side. The locks of all participants are on them |
//! | 192 | name | 64 bytes; no two objects have the same. Empty if the only object was not named |
//!
//! A ring also has these:
//!
//! | at | field | meaning |
//! |---|---|---|
//! | 40 | payload | 1 items of one type; 2 bytes |
//! | 48 | producers | producer seats; `spsc`: 1; else 1 to 65,535. Its seat blocks are the role blocks: one more than producers in `spsc`, else two more |
//! | 56 | capacity | cells (`lanes`: per lane); a power of two |
//! | 64 | stride | bytes from one cell to the next; items: a multiple of 8, at least item size + 8, in `mpsc` at least 16; bytes: 64 |
//! | 72 | ready | offset of the ready bits; `spsc` and `mpsc`: where the descriptors start |
//! | 80 | descriptors | offset of the first descriptor; items: where the cells start |
//! | 88 | cells | offset of the first cell |
//! | 96 | item size | bytes; 1 for bytes |
//! | 104 | item align | bytes, on the formatter's machine; 1 for bytes |
//! | 112 | word align | alignment of a 64-bit integer on that machine, in bytes. If the reader's differs, item alignments of 4 and more count as equal |
//! | 120 | schema | a number for what the payload means, chosen by the program; 0 for none. A reader refuses the ring if it expects another number |
//! | 128 | item label | 64 bytes: the name of the type without its path, `u8` for bytes |
//!
//! Offsets count from the start of the segment. The formatter writes the whole table once, before
//! the magic.
//!
//! # Role block (512 bytes)
//! The block of a seat, with the words of a ring. State, holder and label (256 to 383) are the same
//! in the seats of all objects. Fields that different participants often write have separate cache
//! lines.
//!
//! | at | field | meaning | written by |
//! |---|---|---|---|
//! | 0 | position | consumer: HEAD, the first cell not released (`lanes`: unused); producer of `spsc` or `lanes`: TAIL, the first cell not published (it may lag) | the holder, on the data path |
//! | 8 | announcement | `mpsc` producers: 2 (p + 1) when position p is about to be claimed, 2 (p + 1) + 1 when it is claimed; 0 none | the holder |
//! | 16 | claim end | `mpsc` producers: where that claim ends | the holder |
//! | 24, 32, 40 | counters | producers: records, bytes, aborted; kept by byte rings and `mpsc`. For display | the holder |
//! | 128 | parked | 32 bits: odd while a waiter wants to be woken; the other 32 are zero | made odd by the waiter, and by a waker that may have left sleepers; made even (plus 1, modulo 2^32) by the waker, and by a sole waiter that stops |
//! | 136 | armed | `lanes` producers, 32 bits: 1 asks for a notification of the next record | the consumer; cleared by the holder |
//! | 256 | state | low 8 bits: 0 never held, 1 taken, 2 left, 3 died, 4 finished; above: the epoch, one more with each holder | the holder; *died* by a peer with proof |
//! | 264 | pid | process id of the holder, in its own PID namespace | the holder, when it takes the seat |
//! | 272 | started | start time of that process, in clock ticks since boot | the holder, when it takes the seat |
//! | 280 | attached | nanoseconds since 1970. For display | the holder, when it takes the seat |
//! | 288 | namespace | inode of the holder's PID namespace; 0 if unknown | the holder, when it takes the seat |
//! | 296 | run | number of the program that runs in that process: another number after an exec | the holder, when it takes the seat |
//! | 320 | label | 64 bytes. For display | the holder, when it takes the seat |
//! | 384 | lost | claims that died with a holder. For display | the consumer |
//! | 448 | head | `lanes` producers: HEAD of the lane | the consumer |
//!
//! *Finished* and *left* both mean that the holder gave the seat back. *Finished* says that it
//! closed its end on purpose, *left* that it merely dropped it. A reader that meets another number
//! treats the seat as *died*.
//!
//! The *common block* of several producers is not a seat, but is laid out like one. In `mpsc` it
//! has TAIL at 0, moved by compare-exchange, and at 128 the word on which producers wait for space.
//! In `lanes` it has at 8 the *notified* word, which is 1 if a ready bit was set since the consumer
//! last took them.
//!
//! An open-file-description write lock (`F_OFD_SETLK`) on the byte range of the role block, in the
//! segment's file, proves that the holder lives. A process that can take the lock knows that no
//! living process holds the seat. One exception: on a file system other than tmpfs, a process may
//! have closed the file by itself and lost the lock. So if the process of *pid*, *started* and
//! *namespace* still runs, it still holds the seat.
//!
//! # Cell and descriptor
//! Positions count cells since the ring was created and never wrap. Position `p` is in cell `p mod
//! capacity`. The *stamp* of `p` is `p + 1`: zero is no stamp, and each position has a different
//! one.
//!
//! | ring | at | field | meaning |
//! |---|---|---|---|
//! | items | 0 | stamp | of the position whose item this is |
//! | items | 8 | item | its bytes |
//! | bytes, descriptor | 0 | stamp | of the record that starts in this cell |
//! | bytes, descriptor | 8 | info | bits 0-31: length, in bytes (skip: in cells); 32-39: 1 record, 2 skip; 48-63: the producer's seat |
//! | bytes, cell | 0 | payload | of the record; it continues in the following cells, never past the last |
//!
//! The producer stores the first stamp of a publication last, with release ordering. A record of
//! `n` bytes has `max(1, ceil(n / 64))` cells, and at most half the cells of the ring. A record
//! that would run past the last cell is preceded by a pad: a skip over the cells from there to the
//! last one. In `spsc` and `lanes` pads are the only skips, and a pad is shorter than half the
//! ring. In `mpsc` a skip also covers claimed cells that were not used.
//!
//! In `mpsc` the *lost mark* of `p` is its stamp with bit 63 set. The word beside it then has in
//! bits 0-31 the number of cells of the lost claim, in bits 32-47 the low bits of the dead holder's
//! epoch, and in bits 48-63 its seat.
//!
//! # Reading without a seat
//! A process without a seat can map the file for reading only, load words atomically, and see what
//! is unread: from HEAD (`lanes`: from the HEAD of each lane), record after record, as long as each
//! position has its stamp or its lost mark. Records beyond the first missing stamp cannot be read
//! yet.
//!
//! A stamp stays in its cell when the record is released, and while a producer writes a later
//! payload over it. So a copy is valid only if HEAD, loaded *after* copying, is not past its
//! position. A second look at the stamp does not show that. `F_OFD_GETLK` shows which seats are
//! held, without taking a lock. `examples/inspect.py` does all of this.
