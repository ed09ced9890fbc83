//! A ring's entry in the object table: written when the ring is created, parsed by every process
//! that joins.
use super::geometry::{MAX_PRODUCERS, slot_need};
use super::{Carries, Geometry, Kind, RoleBlock, Spec};
use crate::error::LayoutError;
use crate::identity::{ItemLayout, Label};
#[cfg(feature = "std")]
use crate::layout::Difference;
use crate::layout::{Entry, NewObject, Options, check, clear};
use crate::memory::{ALIGN, Cells, Descriptors, Offset, Region, Span};

/// How this machine aligns 64-bit integers: to 8 bytes, or to 4 on some machines with 32 bits.
const OWN_WORD_ALIGN: u64 = align_of::<u64>() as u64;

/// The words that a ring adds, in bytes from the start of the entry.
mod field {
    pub(super) const CARRIES: u64 = 40;
    pub(super) const PRODUCERS: u64 = 48;
    pub(super) const CAPACITY: u64 = 56;
    pub(super) const STRIDE: u64 = 64;
    pub(super) const READY: u64 = 72;
    pub(super) const DESCRIPTORS: u64 = 80;
    pub(super) const CELLS: u64 = 88;
    pub(super) const ITEM_SIZE: u64 = 96;
    pub(super) const ITEM_ALIGN: u64 = 104;
    pub(super) const WORD_ALIGN: u64 = 112;
    pub(super) const SCHEMA: u64 = 120;
    pub(super) const ITEM_LABEL: u64 = 128;
}

/// The numbers on the page `format`. Other numbers are another format, with another `MAJOR`.
const _: () = {
    use field::*;
    let words = [CARRIES, PRODUCERS, CAPACITY, STRIDE, READY, DESCRIPTORS, CELLS];
    assert!(matches!(words, [40, 48, 56, 64, 72, 80, 88]), "a ring's entry is not as documented");
    let words = [ITEM_SIZE, ITEM_ALIGN, WORD_ALIGN, SCHEMA, ITEM_LABEL];
    assert!(matches!(words, [96, 104, 112, 120, 128]), "a ring's entry is not as documented");
};
const _: () = {
    let kinds = [Kind::Spsc as u64, Kind::Mpsc as u64, Kind::Lanes as u64];
    assert!(matches!(kinds, [1, 2, 3]), "the kinds are not as documented");
    let payloads = [Carries::Items as u64, Carries::Bytes as u64];
    assert!(matches!(payloads, [1, 2]), "the payloads are not as documented");
    let sizes = [ALIGN as u64, Cells::SIZE, Descriptors::STRIDE];
    assert!(matches!(sizes, [128, 64, 16]), "the parts are not as documented");
};

/// The parts of a small ring of three lanes: two role blocks, three seats, ready bits; two
/// descriptors and two cells for each lane.
const _: () = {
    let spec = Spec { kind: Kind::Lanes, carries: Carries::Bytes, item_size: 1, item_align: 1 };
    let plan = Geometry::plan(&spec, &Options::new().capacity(128).max_producers(3), 512);
    let parts = [plan.blocks.get(), plan.ready.get(), plan.descriptors.get(), plan.cells.get(), plan.end];
    assert!(matches!(parts, [512, 3072, 3200, 3584, 3968]), "the parts are not as documented");
    let blocks = [
        plan.consumer().position().get(),
        plan.common().parked().get(),
        plan.producer(2).seat().state().get(),
    ];
    assert!(matches!(blocks, [512, 1152, 2816]), "the role blocks are not as documented");
    let lane = plan.lane(2);
    let words =
        [lane.head.get(), lane.tail.get(), lane.parked.get(), lane.descriptors.get(), lane.cells.get()];
    assert!(matches!(words, [3008, 2560, 2688, 3456, 3840]), "a lane is not as documented");
    assert!(
        matches!((plan.ready(2).0.get(), plan.ready(2).1), (3072, 4)),
        "the ready bits are not as documented"
    );
};

/// A ring that is to be made in a new segment.
pub(crate) struct NewRing {
    spec: Spec,
    item_label: Label,
    options: Options<'static>,
}

impl NewRing {
    /// An error if the options exceed a limit.
    pub(crate) fn new(spec: Spec, item_label: Label, options: &Options<'_>) -> Result<Self, LayoutError> {
        Geometry::check_limits(&spec, options)?;
        Ok(Self { spec, item_label, options: options.of_ring() })
    }

    /// The geometry that the ring gets if its part begins at `start`.
    pub(crate) fn geometry(&self, start: u64) -> Geometry {
        Geometry::plan(&self.spec, &self.options, start)
    }
}

impl NewObject for NewRing {
    fn entry(&self, start: u64) -> Entry {
        let geometry = self.geometry(start);
        let part = Span::new(Offset::new(start), geometry.end.saturating_sub(start));
        let mut entry = Entry::new(self.spec.kind as u64, part, geometry.role_blocks());
        entry.set(field::CARRIES, self.spec.carries as u64);
        entry.set(field::PRODUCERS, geometry.producers);
        entry.set(field::CAPACITY, geometry.capacity);
        entry.set(field::STRIDE, geometry.stride);
        entry.set(field::READY, geometry.ready.get());
        entry.set(field::DESCRIPTORS, geometry.descriptors.get());
        entry.set(field::CELLS, geometry.cells.get());
        entry.set(field::ITEM_SIZE, self.spec.item_size);
        entry.set(field::ITEM_ALIGN, self.spec.item_align);
        entry.set(field::WORD_ALIGN, OWN_WORD_ALIGN);
        entry.set(field::SCHEMA, geometry.schema);
        entry.set_label(field::ITEM_LABEL, &self.item_label);
        entry
    }

    fn clear(&self, region: &Region, entry: &Entry) -> Result<(), LayoutError> {
        let ring = self.geometry(entry.part().start());
        clear(region, entry.part().start()..ring.cells.get())?;
        if ring.carries == Carries::Items {
            for seat in 0..ring.lanes() {
                let first = ring.lane(seat).cells.get();
                (0..ring.capacity)
                    .map(|i| first + i * ring.stride)
                    .try_for_each(|stamp| clear(region, stamp..stamp + 8))?;
            }
        }
        Ok(())
    }

    #[cfg(feature = "std")]
    fn difference(&self, found: &Entry) -> Option<Difference> {
        match Geometry::parse(found, &self.spec, &self.item_label, self.options.schema) {
            Err(error) => Some(Difference::Layout(error)),
            Ok(geometry) => {
                let (what, found, asked) = geometry.difference(&self.options)?;
                Some(Difference::Option { what, found, asked })
            }
        }
    }
}

/// What an entry says about a ring of any kind and type; none if it is not one of a ring.
#[cfg(feature = "std")]
pub(crate) struct AnyRing {
    pub(crate) geometry: Geometry,
    /// Its type; none for records of bytes.
    pub(crate) item: Option<ItemLayout>,
}

#[cfg(feature = "std")]
impl AnyRing {
    pub(crate) fn parse(entry: &Entry) -> Option<Result<Self, LayoutError>> {
        let kind = Kind::from_code(entry.kind())?;
        let is_bytes = entry.get(field::CARRIES) == Carries::Bytes as u64;
        let item = ItemLayout {
            size: entry.get(field::ITEM_SIZE),
            align: entry.get(field::ITEM_ALIGN),
            label: entry.label(field::ITEM_LABEL),
        };
        let spec = Spec {
            kind,
            carries: if is_bytes { Carries::Bytes } else { Carries::Items },
            item_size: item.size,
            item_align: item.align,
        };
        let geometry = Geometry::parse(entry, &spec, &item.label, entry.get(field::SCHEMA));
        Some(geometry.map(|geometry| Self { geometry, item: (!is_bytes).then_some(item) }))
    }
}

impl Geometry {
    /// Checks that an entry is that of the ring which the caller expects.
    pub(crate) fn parse(entry: &Entry, spec: &Spec, label: &Label, schema: u64) -> Result<Self, LayoutError> {
        let kind = entry.kind();
        if kind != spec.kind as u64 {
            return Err(LayoutError::Kind { found: kind, expected: spec.kind as u64 });
        }
        let found = ItemLayout {
            size: entry.get(field::ITEM_SIZE),
            align: entry.get(field::ITEM_ALIGN),
            label: entry.label(field::ITEM_LABEL),
        };
        let expected = ItemLayout { size: spec.item_size, align: spec.item_align, label: *label };
        let aligns_alike = entry.get(field::WORD_ALIGN) == OWN_WORD_ALIGN;
        let carries = entry.get(field::CARRIES);
        let (found_bytes, expected_bytes) =
            (carries == Carries::Bytes as u64, spec.carries == Carries::Bytes);
        if found_bytes != expected_bytes || !are_same(&found, &expected, aligns_alike) {
            let found = (!found_bytes).then_some(found);
            return Err(LayoutError::Item { found, expected: (!expected_bytes).then_some(expected) });
        }
        check("payload kind", carries, |n| n == spec.carries as u64)?;
        let found = entry.get(field::SCHEMA);
        if found != schema {
            return Err(LayoutError::Schema { found, expected: schema });
        }
        Self::read(entry, spec).checked(spec, entry)
    }

    /// The numbers in the entry, unchecked.
    fn read(entry: &Entry, spec: &Spec) -> Self {
        let offset = |at| Offset::new(entry.get(at));
        Self {
            kind: spec.kind,
            carries: spec.carries,
            capacity: entry.get(field::CAPACITY),
            stride: entry.get(field::STRIDE),
            producers: entry.get(field::PRODUCERS),
            schema: entry.get(field::SCHEMA),
            blocks: entry.seats().first,
            ready: offset(field::READY),
            descriptors: offset(field::DESCRIPTORS),
            cells: offset(field::CELLS),
            end: entry.end(),
        }
    }

    /// Checks that the parts are aligned, do not overlap, and lie inside the ring's part of the
    /// segment in their order. The entry is checked already, as far as it is that of any object.
    fn checked(self, spec: &Spec, entry: &Entry) -> Result<Self, LayoutError> {
        let aligned = |n: u64| n % ALIGN as u64 == 0;
        let end = self.end;
        let bytes = spec.carries == Carries::Bytes;
        let (least, most) = spec.carries.capacity_limits();
        check("capacity", self.capacity, |n| n.is_power_of_two() && (least..=most).contains(&n))?;
        let most = if spec.kind == Kind::Spsc { 1 } else { MAX_PRODUCERS };
        check("producers", self.producers, |n| (1..=most).contains(&n))?;
        check("seat blocks", entry.seats().seats, |n| n == self.role_blocks().seats)?;
        let need = slot_need(spec.kind, spec.item_size);
        check("stride", self.stride, |n| {
            if bytes { n == Cells::SIZE } else { n % 8 == 0 && n >= need && n <= end }
        })?;
        let after = |n: u64, before: u64| aligned(n) && n >= before && n <= end;
        let blocks_end = self.blocks.get() + RoleBlock::SIZE * self.role_blocks().seats;
        check("ready", self.ready.get(), |n| after(n, blocks_end))?;
        check("descriptors", self.descriptors.get(), |n| after(n, self.ready.get() + self.ready_bytes()))?;
        // No overflow: at most 2^30 bytes in each of 2^16 lanes.
        let descriptors_end = self.descriptors.get() + self.lane_descriptor_bytes() * self.lanes();
        check("cells", self.cells.get(), |n| after(n, descriptors_end))?;
        let cell_bytes =
            self.stride.checked_mul(self.capacity).and(self.lane_cell_bytes().checked_mul(self.lanes()));
        let fits = cell_bytes.is_some_and(|n| n <= end - self.cells.get());
        check("capacity", self.capacity, |_| fits)?;
        Ok(self)
    }
}

/// Whether both are the same type. Items have no padding, so their bytes do not depend on how a
/// machine aligns them. Between machines that align words alike, another alignment is another type.
fn are_same(found: &ItemLayout, expected: &ItemLayout, aligns_alike: bool) -> bool {
    let least = |align: u64| if aligns_alike { align } else { align.min(4) };
    let are_alike = least(found.align) == least(expected.align);
    found.size == expected.size && found.label == expected.label && are_alike
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_the_same_on_a_machine_that_aligns_words_otherwise() {
        let item = |align| ItemLayout { size: 24, align, label: Label::new("Tick") };
        assert!(are_same(&item(8), &item(8), true));
        assert!(!are_same(&item(4), &item(8), true), "six halves, or three words");
        assert!(are_same(&item(4), &item(8), false));
        assert!(!are_same(&item(2), &item(8), false));
        assert!(!are_same(&ItemLayout { size: 32, ..item(4) }, &item(8), false));
        assert!(!are_same(&ItemLayout { label: Label::new("Tock"), ..item(4) }, &item(8), false));
    }
}
