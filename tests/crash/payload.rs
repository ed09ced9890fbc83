//! The payload that no stamp has published yet: its bytes are no part of a segment's state.
//!
//! A copy into a cell changes the segment several times, and the C library decides how. It chooses
//! a `memcpy` by the processor: pieces of 16, 32 or 64 bytes, or a string instruction. One of them
//! also chooses its direction by the addresses (glibc 2.36, with registers of 32 bytes, from 257
//! bytes on: backwards if the two places are less than 256 bytes apart in their pages). Two victims
//! of one operation may therefore leave different halves of a copy behind. No peer reads these
//! bytes before the stamp, so the comparison leaves them out. All other words stay in it.
use crate::fixture::{
    BLOCK, BYTES, CAPACITY, CARRIES, CELLS, CONSUMER, DESCRIPTORS, FIRST, KIND, LANE_HEAD, LANES, MPSC,
    PRODUCERS, STRIDE,
};

/// What all parts of a ring are aligned to.
const ALIGN: u64 = 128;
/// Bytes from one descriptor to the next: a stamp and the word that tells what starts in the cell.
const DESCRIPTOR: u64 = 16;
/// What the upper half of a descriptor's second word says of a record, less the seat.
const RECORD: u64 = 1;
/// The same of cells without a record.
const SKIP: u64 = 2;

/// Blanks the payload in all cells that hold no published record.
pub fn blank_unpublished(bytes: &mut [u8]) {
    let lanes = lanes(bytes).unwrap_or_default();
    for lane in lanes {
        let cells = lane.unpublished(bytes).unwrap_or_default();
        cells.into_iter().for_each(|cell| lane.blank(bytes, cell));
    }
}

/// The word at `offset`, if there is one.
pub fn word(bytes: &[u8], offset: u64) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(offset as usize..)?.first_chunk().copied()?))
}

/// A sequence of cells in a segment. Offsets and lengths in bytes.
struct Lane {
    /// Where HEAD is.
    head: u64,
    /// How many cells there are.
    capacity: u64,
    /// The first cell's stamp, and from there to the next cell's.
    stamps: (u64, u64),
    /// The first cell, and from there to the next.
    cells: (u64, u64),
    /// What of a cell is no payload.
    before_payload: u64,
    /// Whether a descriptor tells how long a record is; else each record takes one cell.
    has_descriptors: bool,
}

/// The sequences of cells of the ring in a segment; none if the segment is not complete.
fn lanes(bytes: &[u8]) -> Option<Vec<Lane>> {
    let at = |offset| word(bytes, offset);
    let (kind, capacity, stride) = (at(KIND)?, at(CAPACITY)?, at(STRIDE)?);
    let (descriptors, cells) = (at(DESCRIPTORS)?, at(CELLS)?);
    let has_descriptors = at(CARRIES)? == BYTES;
    let has_lanes = kind == LANES;
    // An item lies behind its stamp. In a ring of several producers the consumer may write its
    // first word (see `ring::mpsc`), which stays in the comparison.
    let in_front = if kind == MPSC { 16 } else { 8 };
    let count = if has_lanes { at(PRODUCERS)? } else { 1 };
    let lane = |seat: u64| Lane {
        head: if has_lanes { FIRST + BLOCK * (1 + seat) + LANE_HEAD } else { CONSUMER },
        capacity,
        stamps: if has_descriptors {
            (descriptors + seat * (DESCRIPTOR * capacity).next_multiple_of(ALIGN), DESCRIPTOR)
        } else {
            (cells + seat * (stride * capacity).next_multiple_of(ALIGN), stride)
        },
        cells: (cells + seat * (stride * capacity).next_multiple_of(ALIGN), stride),
        before_payload: if has_descriptors { 0 } else { in_front },
        has_descriptors,
    };
    Some((0..count).map(lane).collect())
}

impl Lane {
    /// The cells from HEAD on, as far as the ring goes, that hold no published record. All are less
    /// than a lap away.
    fn unpublished(&self, bytes: &[u8]) -> Option<Vec<u64>> {
        let head = word(bytes, self.head)?;
        let mut cells = Vec::new();
        let mut position = head;
        while position < head + self.capacity {
            let stamp_at = self.stamps.0 + position % self.capacity * self.stamps.1;
            let is_stamped = word(bytes, stamp_at)? == position + 1;
            let (taken, is_record) = match (is_stamped, self.has_descriptors) {
                (false, _) => (1, false),
                (true, false) => (1, true),
                (true, true) => described(word(bytes, stamp_at + 8)?, self.cells.1),
            };
            let end = (position + taken).min(head + self.capacity);
            cells.extend((position..end).filter(|_| !is_record).map(|position| position % self.capacity));
            position = end;
        }
        Some(cells)
    }

    fn blank(&self, bytes: &mut [u8], cell: u64) {
        let start = self.cells.0 + cell * self.cells.1;
        let payload = (start + self.before_payload) as usize..(start + self.cells.1) as usize;
        bytes.get_mut(payload).into_iter().for_each(|bytes| bytes.fill(0));
    }
}

/// How many cells a descriptor's second word is about, and whether they hold a record.
fn described(word: u64, cell: u64) -> (u64, bool) {
    let number = u64::from(word as u32);
    match word >> 32 & 0xffff {
        RECORD => (number.div_ceil(cell).max(1), true),
        SKIP => (number.max(1), false),
        _ => (1, false),
    }
}
