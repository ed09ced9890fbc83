//! Rings of records of any size: descriptors in an array of their own, payload in cells of 64
//! bytes.
//!
//! ```text
//!   descriptors  │ stamp info │ stamp info │ stamp info │ stamp info │   one per cell, 16 bytes
//!   cells        │ record A …│… of A      │ record B   │ (pad)      │   64 bytes each, payload only
//! ```
//!
//! Payload cells hold nothing but payload, so no payload can pose as a descriptor. A record is
//! contiguous: one that would run past the last cell is preceded by a pad to the end of the lap.
//!
//! # Staging
//! The producer stages one record, or the records of a batch, and then publishes them together:
//! ```text
//!      tail                        next
//!       ▼                           ▼
//!   █ █ │ first │ later │ later     │ · ·        stage: descriptors, and the stamps of all but the first
//!                                                publish: the stamp of the first; tail = next
//!                                                rollback: remove the later stamps; next = tail
//! ```
//! The first stamp publishes all: see "Several stamps at once" in [`cells`](super).
//!
//! # Cost
//! Cache lines: one of descriptors for each four cells, and the payload's. Instruction counts:
//! `cargo bench --bench instructions`.
//!
//! Progress: every operation is wait-free; `rollback` and `resume` are bounded by the capacity. A
//! lying peer can make an operation return `Corruption` or wrong payload.
mod consumer;
mod producer;

pub(crate) use consumer::{ByteConsumer, PeekedRecord};
pub(crate) use producer::{ByteProducer, Claim};

use super::Descriptor;
use crate::error::Corruption;
use crate::memory::{Cells, Descriptors, Position, Region};
use crate::ring::layout::Lane;

/// How many cells a record of `len` bytes takes.
#[inline(always)]
pub(in crate::ring) fn cells_for(len: u64) -> u64 {
    len.div_ceil(Cells::SIZE).max(1)
}

/// The largest record of a ring of `capacity` cells, in bytes: half of the ring, so that a record
/// and its pad always fit an empty ring together.
pub(crate) const fn max_record(capacity: u64) -> usize {
    (capacity / 2 * Cells::SIZE) as usize
}

pub(in crate::ring) fn descriptors_and_cells(
    region: &Region,
    lane: &Lane,
) -> Result<(Descriptors, Cells), Corruption> {
    lane.descriptors(region).zip(lane.cells(region)).ok_or(Corruption::Outside)
}

/// Which skips are valid.
#[derive(Clone, Copy)]
enum Skips {
    /// Only pads, which end a lap and are shorter than half the ring.
    Pads,
    /// Also skips within a lap: cells that a producer of an `mpsc` ring claimed and did not use.
    Any,
}

impl Skips {
    fn allow(self, cells: u64, left_in_lap: u64, capacity: u64) -> bool {
        match self {
            Self::Pads => cells == left_in_lap && left_in_lap < capacity / 2,
            Self::Any => (1..=left_in_lap).contains(&cells),
        }
    }
}

/// Parses the descriptor `word` at `position`. Returns it with its length in cells; refuses one
/// that does not stay in its lap.
#[inline(always)]
fn parse_at(
    word: u64,
    position: Position,
    capacity: u64,
    skips: Skips,
) -> Result<(Descriptor, u64), Corruption> {
    let left_in_lap = position.left_in_lap(capacity);
    match Descriptor::parse(word) {
        Some(record @ Descriptor::Record { len, .. })
            if len as usize <= max_record(capacity) && cells_for(len.into()) <= left_in_lap =>
        {
            Ok((record, cells_for(len.into())))
        }
        Some(skip @ Descriptor::Skip { cells }) if skips.allow(cells.into(), left_in_lap, capacity) => {
            Ok((skip, cells.into()))
        }
        _ => Err(Corruption::Descriptor { position: position.get(), found: word }),
    }
}
