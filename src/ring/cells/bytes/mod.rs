//! Rings of records of any size: descriptors in an array of their own, payload in cells of 64 bytes.
//!
//! ```text
//!   descriptors  │ stamp info │ stamp info │ stamp info │ stamp info │   one per cell, 16 bytes
//!   cells        │ record A …│… of A      │ record B   │ (pad)      │   64 bytes each, payload only
//! ```
//!
//! Payload cells hold nothing but payload, so no payload can pose as a descriptor, and a record is
//! contiguous: one that would run past the last cell is preceded by a pad to the end of the lap.
//!
//! # Staging
//! The producer stages one record, or the several of a batch, and then publishes them as one:
//! ```text
//!      tail                        next
//!       ▼                           ▼
//!   █ █ │ first │ later │ later     │ · ·        stage: infos, and the stamps of all but the first
//!                                                publish: the stamp of the first; tail = next
//!                                                withdraw: remove the later stamps; next = tail
//! ```
//! The first stamp decides: see the module above for death in between.
//!
//! # Cost
//! A line of descriptors for each four cells, and the payload's own lines. Instructions (`cargo bench --bench instructions`, x86-64,
//! Rust 1.95): a record of 64 bytes, copied, push 128 and read 109; in place 84 and 93; 64 items of 8 bytes as one record, 3 and 4 an item.
//!
//! Progress: every operation is wait-free; `withdraw` and `resume` are bounded by the capacity. What a lying
//! peer can do: make an operation report `Corruption`, or hand over wrong payload.
mod consumer;
mod producer;

pub use consumer::{ByteConsumer, Found};
pub use producer::{ByteProducer, Claim};

use super::Descriptor;
use crate::error::Corruption;
use crate::layout::Lane;
use crate::memory::{Cells, Descriptors, Position, Region};

/// The cells that a record of `len` bytes takes.
#[inline(always)]
pub(in crate::ring) fn cells_for(len: u64) -> u64 {
    len.div_ceil(Cells::SIZE).max(1)
}

/// The largest record of a ring of `capacity` cells, in bytes: half of it, so that record and pad
/// always fit an empty ring together.
pub(crate) const fn max_record(capacity: u64) -> usize {
    (capacity / 2 * Cells::SIZE) as usize
}

pub(in crate::ring) fn views(region: &Region, lane: &Lane) -> Result<(Descriptors, Cells), Corruption> {
    lane.descriptors(region).zip(lane.cells(region)).ok_or(Corruption::Outside)
}

/// What may stand between records.
#[derive(Clone, Copy)]
enum Skips {
    /// Pads only: a pad fills its lap, and is smaller than the record for which it made way.
    Pads,
    /// Also what producers in total order gave up.
    Any,
}

impl Skips {
    fn allow(self, cells: u64, left: u64, capacity: u64) -> bool {
        match self {
            Self::Pads => cells == left && left < capacity / 2,
            Self::Any => (1..=left).contains(&cells),
        }
    }
}

/// What the info word at `position` says, and how many cells that takes; refused unless it stays in its lap.
#[inline(always)]
fn cells_of(
    word: u64,
    position: Position,
    capacity: u64,
    skips: Skips,
) -> Result<(Descriptor, u64), Corruption> {
    let left = position.left_in_lap(capacity);
    match Descriptor::parse(word) {
        Some(info @ Descriptor::Record { len, .. })
            if len as usize <= max_record(capacity) && cells_for(len.into()) <= left =>
        {
            Ok((info, cells_for(len.into())))
        }
        Some(info @ Descriptor::Skip { cells }) if skips.allow(cells.into(), left, capacity) => {
            Ok((info, cells.into()))
        }
        _ => Err(Corruption::Descriptor { position: position.get(), found: word }),
    }
}
