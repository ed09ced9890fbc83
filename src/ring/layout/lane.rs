//! [`Lane`]: one sequence of cells with its two counters. An `spsc` or `mpsc` ring has one, a
//! `lanes` ring one per producer.
use super::Carries;
use crate::memory::{Cells, Descriptors, Item, Offset, Position, Region, Slots, WordRef};

/// Where the parts of one sequence of cells are. All numbers are checked against each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    /// The word that is HEAD.
    pub(crate) head: Offset,
    /// The word that is TAIL.
    pub(crate) tail: Offset,
    /// The word on which producers sleep that wait for space.
    pub(crate) parked: Offset,
    pub(crate) descriptors: Offset,
    pub(crate) cells: Offset,
    /// Cells, a power of two.
    pub(crate) capacity: u64,
    /// Bytes from one cell to the next.
    pub(crate) stride: u64,
}

impl Lane {
    pub(crate) fn head(&self, region: &Region) -> Option<WordRef> {
        WordRef::new(region, self.head)
    }

    pub(crate) fn tail(&self, region: &Region) -> Option<WordRef> {
        WordRef::new(region, self.tail)
    }

    pub(crate) fn parked(&self, region: &Region) -> Option<WordRef> {
        WordRef::new(region, self.parked)
    }

    /// The stamp of the cell of `position`.
    pub(crate) fn stamp(&self, region: &Region, carries: Carries, position: Position) -> Option<WordRef> {
        let (first, stride) = match carries {
            Carries::Items => (self.cells, self.stride),
            Carries::Bytes => (self.descriptors, Descriptors::STRIDE),
        };
        WordRef::new(region, first.plus(stride * (position.get() & (self.capacity - 1))))
    }

    pub(crate) fn slots<T: Item>(&self, region: &Region) -> Option<Slots<T>> {
        Slots::new(region, self.cells, self.stride, self.capacity)
    }

    pub(crate) fn descriptors(&self, region: &Region) -> Option<Descriptors> {
        Descriptors::new(region, self.descriptors, self.capacity)
    }

    pub(crate) fn cells(&self, region: &Region) -> Option<Cells> {
        Cells::new(region, self.cells, self.capacity)
    }
}
