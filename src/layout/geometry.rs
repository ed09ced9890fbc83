//! [`Geometry`]: where everything is in a segment, and how a new one is planned.
use super::{Carries, Kind, Lane, Options, RoleBlock};
use crate::error::Corruption;
use crate::memory::{ALIGN, Cells, Descriptors, Memory, Offset};

/// Where the parts of a segment may begin, in bytes.
pub(super) const ROLES: u64 = 512;
/// No ring has more cells: positions stay far from their limit, and sizes within 64 bits.
pub(super) const MAX_CELLS: u64 = 1 << 40;
/// Largest record that the info word can tell: 32 bits of length.
pub(super) const MAX_BYTE_CELLS: u64 = 1 << 26;
/// Seats are told in 16 bits.
pub(super) const MAX_PRODUCERS: u64 = u16::MAX as u64;
/// How many seats for producers a ring of several has unless it is told.
const DEFAULT_PRODUCERS: u64 = 16;

/// What a ring is to be: what the caller's types say.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub(crate) kind: Kind,
    pub(crate) carries: Carries,
    pub(crate) item_size: u64,
    pub(crate) item_align: u64,
}

/// Where everything is in a segment. All numbers have been checked against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub(crate) kind: Kind,
    pub(crate) carries: Carries,
    /// Cells, of each lane; a power of two.
    pub(crate) capacity: u64,
    /// Bytes from one cell to the next.
    pub(crate) stride: u64,
    /// Producer seats.
    pub(crate) producers: u64,
    pub(crate) roles: Offset,
    /// The ready bits of `lanes`: a bit for each producer.
    pub(crate) ready: Offset,
    pub(crate) descriptors: Offset,
    pub(crate) cells: Offset,
    /// Bytes of the whole segment.
    pub(crate) len: u64,
    /// Whether every participant fences for itself: see `wait`.
    pub(crate) fenced: bool,
}

const fn align_up(offset: u64) -> u64 {
    offset.saturating_add(ALIGN as u64 - 1) & !(ALIGN as u64 - 1)
}

/// The bytes that a slot needs: stamp and item; in an `mpsc` ring, room for a second word at least (see `ring::ordered`).
pub(super) const fn slot_need(kind: Kind, item_size: u64) -> u64 {
    let item = match kind {
        Kind::Mpsc if item_size < 8 => 8,
        _ => item_size,
    };
    item.saturating_add(8)
}

/// Bytes from one slot to the next. A power of two while it fits a line, so that no small message straddles two; beyond
/// that as tight as it can be.
const fn slot_stride(need: u64) -> u64 {
    if need <= 64 { need.next_power_of_two() } else { need.saturating_add(7) & !7 }
}

impl Geometry {
    /// The geometry of a new ring. Total: numbers that make no sense give a length that no memory has.
    pub(crate) const fn plan(spec: &Spec, options: &Options<'_>) -> Self {
        let bytes = matches!(spec.carries, Carries::Bytes);
        let asked = match (options.capacity as u64, bytes) {
            (0, true) => (1 << 20) / Cells::SIZE,
            (0, false) => 1024,
            (n, true) => n.div_ceil(Cells::SIZE),
            (n, false) => n,
        };
        let limit = if bytes { MAX_BYTE_CELLS } else { MAX_CELLS };
        let least = if bytes { 2 } else { 1 };
        let capacity = if asked < least { least } else { asked };
        let capacity = if asked <= limit { capacity.next_power_of_two() } else { limit };
        let producers = match (spec.kind, options.producers as u64) {
            (Kind::Spsc, _) => 1,
            (_, 0) => DEFAULT_PRODUCERS,
            (_, n) => n,
        };
        let fits = asked <= limit && producers <= MAX_PRODUCERS;
        let producers = if fits { producers } else { 1 };
        let stride = if bytes { Cells::SIZE } else { slot_stride(slot_need(spec.kind, spec.item_size)) };
        let mut plan = Self {
            kind: spec.kind,
            carries: spec.carries,
            capacity,
            stride,
            producers,
            roles: Offset::new(ROLES),
            ready: Offset::new(0),
            descriptors: Offset::new(0),
            cells: Offset::new(0),
            len: 0,
            fenced: false,
        };
        let ready = align_up(ROLES + plan.roles_bytes());
        plan.ready = Offset::new(ready);
        let descriptors = align_up(ready + plan.ready_bytes());
        plan.descriptors = Offset::new(descriptors);
        let cells = descriptors.saturating_add(plan.lane_descriptor_bytes().saturating_mul(plan.lanes()));
        plan.cells = Offset::new(cells);
        let end = cells.saturating_add(plan.lane_cell_bytes().saturating_mul(plan.lanes()));
        plan.len = if fits && end <= i64::MAX as u64 { end } else { u64::MAX };
        plan
    }

    /// How many sequences of cells there are.
    pub(crate) const fn lanes(&self) -> u64 {
        match self.kind {
            Kind::Lanes => self.producers,
            Kind::Spsc | Kind::Mpsc => 1,
        }
    }

    /// The role block of the first producer: after the consumer's, and that of all producers where there are several.
    const fn first_producer(&self) -> u64 {
        match self.kind {
            Kind::Spsc => 1,
            Kind::Mpsc | Kind::Lanes => 2,
        }
    }

    /// No overflow: producers are few.
    pub(super) const fn roles_bytes(&self) -> u64 {
        RoleBlock::SIZE * (self.first_producer() + self.producers)
    }

    pub(crate) const fn ready_words(&self) -> u64 {
        match self.kind {
            Kind::Lanes => self.producers.div_ceil(64),
            Kind::Spsc | Kind::Mpsc => 0,
        }
    }

    pub(super) const fn ready_bytes(&self) -> u64 {
        8 * self.ready_words()
    }

    /// No overflow: capacity is limited.
    pub(super) const fn lane_descriptor_bytes(&self) -> u64 {
        match self.carries {
            Carries::Bytes => align_up(Descriptors::STRIDE * self.capacity),
            Carries::Items => 0,
        }
    }

    pub(super) const fn lane_cell_bytes(&self) -> u64 {
        align_up(self.stride.saturating_mul(self.capacity))
    }

    /// Makes sure that nobody has taken away bytes of the ring. Asks the system.
    pub(crate) fn check<M: Memory>(&self, memory: &M) -> Result<(), Corruption> {
        let (need, have) = (self.len, memory.len_now());
        if have < need { Err(Corruption::Truncated { need, have }) } else { Ok(()) }
    }

    const fn block(&self, index: u64) -> RoleBlock {
        RoleBlock::new(self.roles.plus(RoleBlock::SIZE.saturating_mul(index)))
    }

    pub(crate) const fn consumer(&self) -> RoleBlock {
        self.block(0)
    }

    /// The block of the producers in common: not a seat, but laid out like one. The producer's own if there is only one.
    pub(crate) const fn common(&self) -> RoleBlock {
        self.block(1)
    }

    /// The seat of producer `seat`, counted from 0.
    pub(crate) const fn producer(&self, seat: u64) -> RoleBlock {
        self.block(self.first_producer().saturating_add(seat))
    }

    /// The word with the ready bit of producer `seat`, and the bit.
    pub(crate) const fn ready(&self, seat: u64) -> (Offset, u64) {
        (self.ready.plus(8 * (seat / 64)), 1 << (seat % 64))
    }

    /// The sequence of cells that producer `seat` writes.
    pub(crate) const fn lane(&self, seat: u64) -> Lane {
        let lane = match self.kind {
            Kind::Lanes => seat,
            Kind::Spsc | Kind::Mpsc => 0,
        };
        let (head, writer) = match self.kind {
            Kind::Lanes => (self.producer(seat).head(), self.producer(seat)),
            Kind::Spsc | Kind::Mpsc => (self.consumer().position(), self.common()),
        };
        Lane {
            head,
            tail: writer.position(),
            parked: writer.parked(),
            descriptors: self.descriptors.plus(self.lane_descriptor_bytes().saturating_mul(lane)),
            cells: self.cells.plus(self.lane_cell_bytes().saturating_mul(lane)),
            capacity: self.capacity,
            stride: self.stride,
        }
    }
}
