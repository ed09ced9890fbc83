//! The header and the object table: written when a segment is created, parsed by every process that
//! joins.
//!
//! They are parsed once, into private memory, and never read again: a later change of the bytes
//! changes nothing in a [`Geometry`].
use super::geometry::{MAX_PRODUCERS, ROLES, slot_need};
use super::{
    Carries, FENCED, FORMATTING, Geometry, KNOWN_FEATURES, Kind, MAGIC, MAJOR, MINOR, Options, Spec,
};
#[cfg(feature = "std")]
use super::{RoleBlock, geometry::first_producer};
use crate::error::LayoutError;
use crate::identity::{Identity, ItemLayout, Label};
use crate::memory::{ALIGN, Cells, Descriptors, Offset, Region, WordRef};
use crate::sync::{Acquire, Relaxed, Release};

const HEADER: u64 = 0;
const OBJECT: u64 = 256;
/// The smallest possible segment, in bytes: header and object table entry, no seats.
const SMALLEST: usize = ROLES as usize;

/// How this machine aligns 64-bit integers: to 8 bytes, or to 4 on some machines with 32 bits.
const OWN_WORD_ALIGN: u64 = align_of::<u64>() as u64;

/// Header words, in bytes from the start of the segment.
mod field {
    pub(super) const MAGIC: u64 = 0;
    pub(super) const MAJOR: u64 = 8;
    pub(super) const MINOR: u64 = 16;
    pub(super) const INCOMPATIBLE: u64 = 24;
    pub(super) const COMPATIBLE: u64 = 32;
    pub(super) const LENGTH: u64 = 40;
    pub(super) const OBJECTS: u64 = 48;
    pub(super) const CREATED: u64 = 56;
    pub(super) const CREATOR: u64 = 64;
}

/// Object words, in bytes from the start of the entry.
mod object {
    pub(super) const KIND: u64 = 0;
    pub(super) const CARRIES: u64 = 8;
    pub(super) const PRODUCERS: u64 = 16;
    pub(super) const CAPACITY: u64 = 24;
    pub(super) const STRIDE: u64 = 32;
    pub(super) const ROLES: u64 = 40;
    pub(super) const DESCRIPTORS: u64 = 48;
    pub(super) const CELLS: u64 = 56;
    pub(super) const READY: u64 = 80;
    pub(super) const ITEM_SIZE: u64 = 64;
    pub(super) const ITEM_ALIGN: u64 = 72;
    pub(super) const WORD_ALIGN: u64 = 88;
    pub(super) const SCHEMA: u64 = 96;
    pub(super) const ITEM_LABEL: u64 = 128;
}

/// The numbers on the page `format`. Other numbers are another format, with another `MAJOR`.
const _: () = {
    use field::*;
    let words = [MAGIC, MAJOR, MINOR, INCOMPATIBLE, COMPATIBLE, LENGTH, OBJECTS, CREATED, CREATOR];
    assert!(matches!(words, [0, 8, 16, 24, 32, 40, 48, 56, 64]), "the header is not as documented");
    assert!(matches!([HEADER, OBJECT, ROLES], [0, 256, 512]), "a part has moved");
};
const _: () = {
    use object::*;
    let words = [KIND, CARRIES, PRODUCERS, CAPACITY, STRIDE, ROLES, DESCRIPTORS, CELLS];
    assert!(matches!(words, [0, 8, 16, 24, 32, 40, 48, 56]), "the object table is not as documented");
    let words = [ITEM_SIZE, ITEM_ALIGN, READY, WORD_ALIGN, SCHEMA];
    assert!(matches!(words, [64, 72, 80, 88, 96]), "the object table is not as documented");
    let label = [ITEM_LABEL, ITEM_LABEL + 8 * Label::WORDS as u64];
    assert!(matches!(label, [128, 192]), "the object table is not as documented");
};
const _: () = {
    let kinds = [Kind::Spsc as u64, Kind::Mpsc as u64, Kind::Lanes as u64];
    assert!(matches!(kinds, [1, 2, 3]), "the kinds are not as documented");
    let payloads = [Carries::Items as u64, Carries::Bytes as u64];
    assert!(matches!(payloads, [1, 2]), "the payloads are not as documented");
    let words = [MAGIC, FORMATTING, MAJOR, FENCED];
    assert!(matches!(words, [0x3159_4157_474e_4952, 1, 1, 1]), "the header is not as documented");
    let sizes = [ALIGN as u64, Cells::SIZE, Descriptors::STRIDE];
    assert!(matches!(sizes, [128, 64, 16]), "the parts are not as documented");
};

/// The parts of a small ring of three lanes: two role blocks, three seats, ready bits; two
/// descriptors and two cells for each lane.
const _: () = {
    let spec = Spec { kind: Kind::Lanes, carries: Carries::Bytes, item_size: 1, item_align: 1 };
    let plan = Geometry::plan(&spec, &Options::new().capacity(128).max_producers(3));
    let parts = [plan.roles.get(), plan.ready.get(), plan.descriptors.get(), plan.cells.get(), plan.len];
    assert!(matches!(parts, [512, 3072, 3200, 3584, 3968]), "the parts are not as documented");
    let blocks =
        [plan.consumer().position().get(), plan.common().parked().get(), plan.producer(2).state().get()];
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

impl Geometry {
    /// Writes header, object table entry and empty cells into `region`, and publishes them by the
    /// magic.
    ///
    /// With `zeroed` the region is known to hold zeros only, and its cells are not touched.
    pub(crate) fn format(
        &self,
        region: &Region,
        spec: &Spec,
        label: &Label,
        creator: &Identity,
        zeroed: bool,
    ) -> Result<(), LayoutError> {
        if !region.is_aligned() {
            return Err(LayoutError::Misaligned);
        }
        if (region.len() as u64) < self.len {
            return Err(LayoutError::TooSmall { need: self.len, have: region.len() as u64 });
        }
        let fields = Fields { region, start: HEADER };
        let magic = fields.word(field::MAGIC)?;
        // Relaxed: only the exchange below decides.
        let found = magic.load(Relaxed);
        match found {
            MAGIC => return Err(LayoutError::Exists),
            FORMATTING => return Err(LayoutError::Formatting),
            _ => {}
        }
        // Relaxed: of two formatters one wins, and the other touches nothing. The store below
        // publishes what the winner writes.
        if magic.compare_exchange(found, FORMATTING, Relaxed, Relaxed).is_err() {
            return Err(LayoutError::Formatting);
        }
        if !zeroed {
            self.clear(region)?;
        }
        self.write(region, spec, label, creator)?;
        // Release: E0, pairs with `parse`; everything written above is visible with the magic.
        magic.store(MAGIC, Release);
        Ok(())
    }

    /// Zeros every word except the magic and the payload.
    fn clear(&self, region: &Region) -> Result<(), LayoutError> {
        let zero = |at: u64| -> Result<(), LayoutError> {
            let word = WordRef::new(region, Offset::new(at)).ok_or(LayoutError::Misaligned)?;
            // Relaxed: published with the magic (E0).
            word.store(0, Relaxed);
            Ok(())
        };
        (8..self.cells.get()).step_by(8).try_for_each(zero)?;
        if self.carries == Carries::Items {
            for seat in 0..self.lanes() {
                let first = self.lane(seat).cells.get();
                (0..self.capacity).map(|i| first + i * self.stride).try_for_each(zero)?;
            }
        }
        Ok(())
    }

    fn write(
        &self,
        region: &Region,
        spec: &Spec,
        label: &Label,
        creator: &Identity,
    ) -> Result<(), LayoutError> {
        let fields = Fields { region, start: HEADER };
        fields.set(field::MAJOR, MAJOR)?;
        fields.set(field::MINOR, MINOR)?;
        fields.set(field::INCOMPATIBLE, if self.fenced { FENCED } else { 0 })?;
        fields.set(field::COMPATIBLE, 0)?;
        fields.set(field::LENGTH, self.len)?;
        fields.set(field::OBJECTS, 1)?;
        fields.set(field::CREATED, creator.attached)?;
        fields.set(field::CREATOR, creator.pid)?;
        let fields = Fields { region, start: OBJECT };
        fields.set(object::KIND, spec.kind as u64)?;
        fields.set(object::CARRIES, spec.carries as u64)?;
        fields.set(object::PRODUCERS, self.producers)?;
        fields.set(object::CAPACITY, self.capacity)?;
        fields.set(object::STRIDE, self.stride)?;
        fields.set(object::ROLES, self.roles.get())?;
        fields.set(object::DESCRIPTORS, self.descriptors.get())?;
        fields.set(object::CELLS, self.cells.get())?;
        fields.set(object::READY, self.ready.get())?;
        fields.set(object::ITEM_SIZE, spec.item_size)?;
        fields.set(object::ITEM_ALIGN, spec.item_align)?;
        fields.set(object::WORD_ALIGN, OWN_WORD_ALIGN)?;
        fields.set(object::SCHEMA, self.schema)?;
        (0..).zip(label.words()).try_for_each(|(i, word)| fields.set(object::ITEM_LABEL + 8 * i, word))
    }

    /// Reads and checks header and object table entry, and that the ring is the one that the caller
    /// expects.
    pub(crate) fn parse(
        region: &Region,
        spec: &Spec,
        label: &Label,
        schema: u64,
    ) -> Result<Self, LayoutError> {
        if !region.is_aligned() {
            return Err(LayoutError::Misaligned);
        }
        if region.len() < SMALLEST {
            return Err(LayoutError::Truncated { claims: SMALLEST as u64, has: region.len() as u64 });
        }
        let fields = Fields { region, start: HEADER };
        // Acquire: E0, pairs with `format`; with the magic, everything behind it is visible.
        match fields.word(field::MAGIC)?.load(Acquire) {
            MAGIC => {}
            FORMATTING => return Err(LayoutError::Formatting),
            found if found == MAGIC.swap_bytes() => return Err(LayoutError::OtherByteOrder),
            found => return Err(LayoutError::NotARing { found }),
        }
        check_version(fields.get(field::MAJOR)?, fields.get(field::MINOR)?)?;
        check_features(fields.get(field::INCOMPATIBLE)?)?;
        let len = fields.get(field::LENGTH)?;
        if len > region.len() as u64 {
            return Err(LayoutError::Truncated { claims: len, has: region.len() as u64 });
        }
        check("objects", fields.get(field::OBJECTS)?, |n| n >= 1)?;

        let fields = Fields { region, start: OBJECT };
        let kind = fields.get(object::KIND)?;
        if kind != spec.kind as u64 {
            return Err(LayoutError::Kind { found: kind, expected: spec.kind as u64 });
        }
        let mut words = [0; Label::WORDS];
        for (i, word) in (0..).zip(&mut words) {
            *word = fields.get(object::ITEM_LABEL + 8 * i)?;
        }
        let found = ItemLayout {
            size: fields.get(object::ITEM_SIZE)?,
            align: fields.get(object::ITEM_ALIGN)?,
            label: Label::from_words(words),
        };
        let expected = ItemLayout { size: spec.item_size, align: spec.item_align, label: *label };
        let aligns_alike = fields.get(object::WORD_ALIGN)? == OWN_WORD_ALIGN;
        let carries = fields.get(object::CARRIES)?;
        let (found_bytes, expected_bytes) =
            (carries == Carries::Bytes as u64, spec.carries == Carries::Bytes);
        if found_bytes != expected_bytes || !are_same(&found, &expected, aligns_alike) {
            let found = (!found_bytes).then_some(found);
            return Err(LayoutError::Item { found, expected: (!expected_bytes).then_some(expected) });
        }
        check("payload kind", carries, |n| n == spec.carries as u64)?;
        let found = fields.get(object::SCHEMA)?;
        if found != schema {
            return Err(LayoutError::Schema { found, expected: schema });
        }
        Self::read(region, spec)?.checked(spec, len)
    }

    /// The numbers in the bytes, unchecked.
    fn read(region: &Region, spec: &Spec) -> Result<Self, LayoutError> {
        let header = Fields { region, start: HEADER };
        let fields = Fields { region, start: OBJECT };
        Ok(Self {
            kind: spec.kind,
            carries: spec.carries,
            capacity: fields.get(object::CAPACITY)?,
            stride: fields.get(object::STRIDE)?,
            producers: fields.get(object::PRODUCERS)?,
            schema: fields.get(object::SCHEMA)?,
            roles: Offset::new(fields.get(object::ROLES)?),
            descriptors: Offset::new(fields.get(object::DESCRIPTORS)?),
            cells: Offset::new(fields.get(object::CELLS)?),
            ready: Offset::new(fields.get(object::READY)?),
            len: header.get(field::LENGTH)?,
            fenced: header.get(field::INCOMPATIBLE)? & FENCED != 0,
        })
    }

    /// Checks that the parts are aligned, do not overlap, and lie inside the segment in their
    /// order.
    fn checked(self, spec: &Spec, len: u64) -> Result<Self, LayoutError> {
        let aligned = |n: u64| n % ALIGN as u64 == 0;
        let bytes = spec.carries == Carries::Bytes;
        let (least, most) = spec.carries.capacity_limits();
        check("length", self.len, |n| n == len)?;
        check("capacity", self.capacity, |n| n.is_power_of_two() && (least..=most).contains(&n))?;
        let most = if spec.kind == Kind::Spsc { 1 } else { MAX_PRODUCERS };
        check("producers", self.producers, |n| (1..=most).contains(&n))?;
        let need = slot_need(spec.kind, spec.item_size);
        check("stride", self.stride, |n| {
            if bytes { n == Cells::SIZE } else { n % 8 == 0 && n >= need && n <= len }
        })?;
        let after = |n: u64, end: u64| aligned(n) && n >= end && n <= len;
        check("roles", self.roles.get(), |n| after(n, ROLES))?;
        check("ready", self.ready.get(), |n| after(n, self.roles.get() + self.roles_bytes()))?;
        check("descriptors", self.descriptors.get(), |n| after(n, self.ready.get() + self.ready_bytes()))?;
        // No overflow: at most 2^30 bytes in each of 2^16 lanes.
        let descriptors_end = self.descriptors.get() + self.lane_descriptor_bytes() * self.lanes();
        check("cells", self.cells.get(), |n| after(n, descriptors_end))?;
        let cell_bytes =
            self.stride.checked_mul(self.capacity).and(self.lane_cell_bytes().checked_mul(self.lanes()));
        let fits = cell_bytes.is_some_and(|n| n <= len - self.cells.get());
        check("capacity", self.capacity, |_| fits)?;
        Ok(self)
    }
}

/// How many bytes of a file of `has` bytes to map: the length that its header states. `word` reads
/// a word of the file.
///
/// `parse` reads the header again, from the mapped bytes. The caller compares the two lengths.
#[cfg(feature = "std")]
pub(crate) fn stated_len(has: u64, word: impl Fn(Offset) -> u64) -> Result<u64, LayoutError> {
    let smallest = SMALLEST as u64;
    if has < smallest {
        return Err(LayoutError::Truncated { claims: smallest, has });
    }
    check_version(word(Offset::new(field::MAJOR)), word(Offset::new(field::MINOR)))?;
    check_features(word(Offset::new(field::INCOMPATIBLE)))?;
    let claims = word(Offset::new(field::LENGTH));
    if claims > has {
        return Err(LayoutError::Truncated { claims, has });
    }
    Ok(claims.max(smallest))
}

/// The role blocks of all seats of a segment that this process has not mapped; none if its object
/// table entry makes no sense. `word` reads a word of the segment.
#[cfg(feature = "std")]
pub(crate) fn seat_blocks(
    word: impl Fn(Offset) -> u64,
) -> Result<impl Iterator<Item = RoleBlock>, LayoutError> {
    check_version(word(Offset::new(field::MAJOR)), word(Offset::new(field::MINOR)))?;
    let field = |at| word(Offset::new(OBJECT).plus(at));
    let roles = Offset::new(field(object::ROLES));
    let (first, producers) = match Kind::from_code(field(object::KIND)) {
        Some(kind) => (first_producer(kind), field(object::PRODUCERS).min(MAX_PRODUCERS)),
        None => (0, 0),
    };
    let consumer = 0..first.min(1);
    let indices = consumer.chain(first..first + producers);
    Ok(indices.map(move |index| RoleBlock::new(roles.plus(RoleBlock::SIZE * index))))
}

fn check_version(major: u64, minor: u64) -> Result<(), LayoutError> {
    if major == MAJOR { Ok(()) } else { Err(LayoutError::Version { major, minor, ours: MAJOR }) }
}

fn check_features(incompatible: u64) -> Result<(), LayoutError> {
    let unknown = incompatible & !KNOWN_FEATURES;
    if unknown == 0 { Ok(()) } else { Err(LayoutError::Features { unknown }) }
}

/// Whether both are the same type. Items have no padding, so their bytes do not depend on how a
/// machine aligns them. Between machines that align words alike, another alignment is another type.
fn are_same(found: &ItemLayout, expected: &ItemLayout, aligns_alike: bool) -> bool {
    let least = |align: u64| if aligns_alike { align } else { align.min(4) };
    let are_alike = least(found.align) == least(expected.align);
    found.size == expected.size && found.label == expected.label && are_alike
}

fn check(field: &'static str, found: u64, valid: impl FnOnce(u64) -> bool) -> Result<(), LayoutError> {
    if valid(found) { Ok(()) } else { Err(LayoutError::Field { field, found }) }
}

/// Words at fixed distances from a start.
struct Fields<'a> {
    region: &'a Region,
    start: u64,
}

impl Fields<'_> {
    fn word(&self, at: u64) -> Result<WordRef, LayoutError> {
        let have = self.region.len() as u64;
        WordRef::new(self.region, Offset::new(self.start).plus(at))
            .ok_or(LayoutError::TooSmall { need: SMALLEST as u64, have })
    }

    fn set(&self, at: u64, value: u64) -> Result<(), LayoutError> {
        // Relaxed: published with the magic (E0).
        self.word(at)?.store(value, Relaxed);
        Ok(())
    }

    fn get(&self, at: u64) -> Result<u64, LayoutError> {
        // Relaxed: visible since the magic was (E0).
        Ok(self.word(at)?.load(Relaxed))
    }
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
