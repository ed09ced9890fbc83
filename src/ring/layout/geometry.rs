//! [`Geometry`]: where the parts of a ring are, and how a new one is planned.
use super::{Carries, Kind, Lane, RoleBlock};
use crate::error::LayoutError;
use crate::identity::Role;
use crate::layout::{Options, SeatTable};
use crate::memory::{ALIGN, Cells, Descriptors, Offset};

/// The largest capacity in cells. It keeps positions far from their limit, and sizes within 64
/// bits.
pub(super) const MAX_CELLS: u64 = 1 << 40;
/// The largest capacity of a byte ring in cells. The info word has 32 bits for the length of a
/// record.
pub(super) const MAX_BYTE_CELLS: u64 = 1 << 26;
/// Seat numbers have 16 bits.
pub(super) const MAX_PRODUCERS: u64 = u16::MAX as u64;
/// Producer seats of an `mpsc` or `lanes` ring whose options do not say.
const DEFAULT_PRODUCERS: u64 = 16;

/// What the caller's types say about a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    pub(crate) kind: Kind,
    pub(crate) carries: Carries,
    pub(crate) item_size: u64,
    pub(crate) item_align: u64,
}

impl Carries {
    /// The smallest and the largest capacity, in cells.
    pub(super) const fn capacity_limits(self) -> (u64, u64) {
        match self {
            Self::Bytes => (2, MAX_BYTE_CELLS),
            Self::Items => (1, MAX_CELLS),
        }
    }

    /// The cells of a new ring for a capacity that an option asks for; none if that exceeds the
    /// limit.
    const fn cells(self, capacity: u64) -> Option<u64> {
        let asked = match (capacity, self) {
            (0, Self::Bytes) => (1 << 20) / Cells::SIZE,
            (0, Self::Items) => 1024,
            (n, Self::Bytes) => n.div_ceil(Cells::SIZE),
            (n, Self::Items) => n,
        };
        let (least, most) = self.capacity_limits();
        let cells = if asked < least { least } else { asked };
        if cells <= most { Some(cells.next_power_of_two()) } else { None }
    }
}

/// Where the parts of a ring are in the segment. All numbers are checked against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub(crate) kind: Kind,
    pub(crate) carries: Carries,
    /// Cells of each lane; a power of two.
    pub(crate) capacity: u64,
    /// Bytes from one cell to the next.
    pub(crate) stride: u64,
    /// Producer seats.
    pub(crate) producers: u64,
    /// What the payload means, by a number that both sides agree on; 0 for none.
    pub(crate) schema: u64,
    /// The first role block.
    pub(crate) blocks: Offset,
    /// The ready bits of `lanes`: one for each producer.
    pub(crate) ready: Offset,
    pub(crate) descriptors: Offset,
    pub(crate) cells: Offset,
    /// Where the ring's part of the segment ends. `u64::MAX` if no segment can hold it.
    pub(crate) end: u64,
}

const fn align_up(offset: u64) -> u64 {
    offset.saturating_add(ALIGN as u64 - 1) & !(ALIGN as u64 - 1)
}

/// The bytes that a slot needs: stamp and item. In an `mpsc` ring at least a second word beside the
/// stamp, for the lost mark.
pub(super) const fn slot_need(kind: Kind, item_size: u64) -> u64 {
    let item = match kind {
        Kind::Mpsc if item_size < 8 => 8,
        _ => item_size,
    };
    item.saturating_add(8)
}

/// Bytes from one slot to the next. Up to one cache line a power of two, so that no small item
/// straddles two lines; above that the next multiple of 8.
const fn slot_stride(need: u64) -> u64 {
    if need <= 64 { need.next_power_of_two() } else { need.saturating_add(7) & !7 }
}

/// Index of the first producer's role block. The consumer's block comes before it, and, where there
/// can be several producers, their common block.
const fn first_producer(kind: Kind) -> u64 {
    match kind {
        Kind::Spsc => 1,
        Kind::Mpsc | Kind::Lanes => 2,
    }
}

impl Geometry {
    /// The geometry of a new ring whose part begins at `start`. Total: options beyond a limit give
    /// an end that no memory has.
    pub(crate) const fn plan(spec: &Spec, options: &Options<'_>, start: u64) -> Self {
        let bytes = matches!(spec.carries, Carries::Bytes);
        let cells = spec.carries.cells(options.capacity as u64);
        let producers = match (spec.kind, options.max_producers as u64) {
            (Kind::Spsc, _) => 1,
            (_, 0) => DEFAULT_PRODUCERS,
            (_, n) => n,
        };
        let (capacity, producers, fits) = match cells {
            Some(cells) if producers <= MAX_PRODUCERS => (cells, producers, true),
            _ => (1, 1, false),
        };
        let stride = if bytes { Cells::SIZE } else { slot_stride(slot_need(spec.kind, spec.item_size)) };
        let mut plan = Self {
            kind: spec.kind,
            carries: spec.carries,
            capacity,
            stride,
            producers,
            schema: options.schema,
            blocks: Offset::new(start),
            ready: Offset::new(0),
            descriptors: Offset::new(0),
            cells: Offset::new(0),
            end: 0,
        };
        let ready = align_up(start.saturating_add(plan.blocks_bytes()));
        plan.ready = Offset::new(ready);
        let descriptors = align_up(ready.saturating_add(plan.ready_bytes()));
        plan.descriptors = Offset::new(descriptors);
        let cells = descriptors.saturating_add(plan.lane_descriptor_bytes().saturating_mul(plan.lanes()));
        plan.cells = Offset::new(cells);
        let end = cells.saturating_add(plan.lane_cell_bytes().saturating_mul(plan.lanes()));
        plan.end = if fits && end <= i64::MAX as u64 { end } else { u64::MAX };
        plan
    }

    /// Which option of a new ring exceeds its limit, if one does.
    pub(crate) fn check_limits(spec: &Spec, options: &Options<'_>) -> Result<(), LayoutError> {
        let bytes = spec.carries == Carries::Bytes;
        let (_, cells) = spec.carries.capacity_limits();
        let (what, most) = if bytes { ("bytes", cells * Cells::SIZE) } else { ("items", cells) };
        let capacity = options.capacity as u64;
        let producers = if spec.kind == Kind::Spsc { 1 } else { options.max_producers as u64 };
        if capacity > most {
            return Err(LayoutError::Limit { what, asked: capacity, most });
        }
        if producers > MAX_PRODUCERS {
            return Err(LayoutError::Limit { what: "producers", asked: producers, most: MAX_PRODUCERS });
        }
        Ok(())
    }

    /// The first option that asks for another ring than this one: its name, the value of this ring,
    /// and the value asked for. An unset option accepts every ring.
    #[cfg(feature = "std")]
    pub(crate) fn difference(&self, options: &Options<'_>) -> Option<(&'static str, u64, u64)> {
        let (capacity, producers) = (options.capacity as u64, options.max_producers as u64);
        if capacity != 0 && self.carries.cells(capacity) != Some(self.capacity) {
            let unit = if self.carries == Carries::Bytes { Cells::SIZE } else { 1 };
            return Some(("capacity", self.capacity * unit, capacity));
        }
        if producers != 0 && self.kind != Kind::Spsc && producers != self.producers {
            return Some(("max_producers", self.producers, producers));
        }
        None
    }

    /// How many sequences of cells there are.
    pub(crate) const fn lanes(&self) -> u64 {
        match self.kind {
            Kind::Lanes => self.producers,
            Kind::Spsc | Kind::Mpsc => 1,
        }
    }

    const fn first_producer(&self) -> u64 {
        first_producer(self.kind)
    }

    /// No overflow: the number of producers is limited.
    const fn blocks_bytes(&self) -> u64 {
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

    /// All role blocks.
    pub(super) const fn role_blocks(&self) -> SeatTable {
        SeatTable { first: self.blocks, seats: self.first_producer() + self.producers }
    }

    /// The seats of a role.
    pub(crate) const fn seats(&self, role: Role) -> SeatTable {
        let (index, seats) = match role {
            Role::Consumer => (0, 1),
            Role::Producer => (self.first_producer(), self.producers),
        };
        SeatTable { first: self.blocks.plus(RoleBlock::SIZE * index), seats }
    }

    const fn block(&self, index: u64) -> RoleBlock {
        RoleBlock::new(self.blocks.plus(RoleBlock::SIZE.saturating_mul(index)))
    }

    pub(crate) const fn consumer(&self) -> RoleBlock {
        self.block(0)
    }

    /// The common block of the producers: not a seat, but laid out like one. In an `spsc` ring it
    /// is the producer's own block.
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
