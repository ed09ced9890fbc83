//! [`Entry`]: what the object table says about an object.
use super::{MAX_OBJECTS, SeatBlock, SeatTable};
use crate::error::LayoutError;
use crate::identity::Label;
use crate::memory::{ALIGN, Offset, Region, Span, WordRef};
use crate::sync::Relaxed;

/// An entry of the object table, in private memory: a later change of the bytes changes nothing
/// here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    words: [u64; Self::WORDS],
}

/// What a segment needs of an object that is made with it.
pub(crate) trait NewObject: Send + Sync {
    /// Its entry, if its part of the segment begins at `start`. A length of `u64::MAX` says that
    /// no segment can hold it.
    fn entry(&self, start: u64) -> Entry;

    /// Zeros every word of its part that is not payload.
    fn clear(&self, region: &Region, entry: &Entry) -> Result<(), LayoutError>;

    /// How an existing object differs from this one, if it cannot take its place.
    #[cfg(feature = "std")]
    fn difference(&self, found: &Entry) -> Option<Difference>;
}

/// How an object differs from what is asked for. Its text continues a sentence that begins with the
/// name of the object.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// It is another object altogether.
    Layout(LayoutError),
    /// It was created with another option.
    Option { what: &'static str, found: u64, asked: u64 },
}

#[cfg(feature = "std")]
impl core::fmt::Display for Difference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Layout(error) => error.fmt(f),
            Self::Option { what, found, asked } => write!(f, "has {what} {found}, not {asked}"),
        }
    }
}

impl Entry {
    /// In bytes.
    pub(crate) const SIZE: u64 = 256;
    const WORDS: usize = Self::SIZE as usize / 8;
    /// Where the object table begins.
    const TABLE: u64 = 256;

    const KIND: u64 = 0;
    const START: u64 = 8;
    const LENGTH: u64 = 16;
    const SEATS: u64 = 24;
    const SEAT_BLOCKS: u64 = 32;
    // The words from here to the name belong to the kind of object.
    const NAME: u64 = 192;

    /// The entry of an object of a kind. Its part is `part`, and the blocks of its seats are
    /// `seats`.
    pub(crate) fn new(kind: u64, part: Span, seats: SeatTable) -> Self {
        let mut entry = Self { words: [0; Self::WORDS] };
        entry.set(Self::KIND, kind);
        entry.set(Self::START, part.start());
        entry.set(Self::LENGTH, part.len());
        entry.set(Self::SEATS, seats.first.get());
        entry.set(Self::SEAT_BLOCKS, seats.seats);
        entry
    }

    /// Where the table with this many entries ends, and the first part of an object can begin.
    pub(super) const fn table_end(entries: u64) -> u64 {
        Self::TABLE + Self::SIZE * entries
    }

    const fn offset(index: u64) -> Offset {
        Offset::new(Self::TABLE + Self::SIZE * index)
    }

    /// Reads the entry with number `index`. `word` reads a word of the segment.
    pub(super) fn read(index: u64, word: impl Fn(Offset) -> u64) -> Self {
        let mut entry = Self { words: [0; Self::WORDS] };
        for (at, place) in (0..).step_by(8).zip(&mut entry.words) {
            *place = word(Self::offset(index).plus(at));
        }
        entry
    }

    /// Writes it as the entry with number `index`.
    pub(super) fn write(&self, region: &Region, index: u64) -> Result<(), LayoutError> {
        (0..).step_by(8).zip(self.words).try_for_each(|(at, value)| {
            let word = WordRef::new(region, Self::offset(index).plus(at)).ok_or(LayoutError::Misaligned)?;
            // Relaxed: published with the magic (E0).
            word.store(value, Relaxed);
            Ok(())
        })
    }

    /// Checks the words that every kind of object has: that the part lies between `after` and
    /// `len`, and the seats in the part.
    pub(super) fn checked(self, after: u64, len: u64) -> Result<Self, LayoutError> {
        let is_aligned = |n: u64| n % ALIGN as u64 == 0;
        let (part, seats) = (self.part(), self.seats());
        let start = part.start();
        check("object start", start, |n| is_aligned(n) && n >= after && n <= len)?;
        check("object length", part.len(), |n| is_aligned(n) && n <= len - start)?;
        let end = start + part.len();
        check("seats", seats.first.get(), |n| is_aligned(n) && n >= start && n <= end)?;
        check("seat blocks", seats.seats, |n| n <= (end - seats.first.get()) / SeatBlock::SIZE)?;
        Ok(self)
    }

    /// The word `at` bytes into the entry; 0 if it has no such word.
    pub(crate) fn get(&self, at: u64) -> u64 {
        self.words.get(at as usize / 8).copied().unwrap_or(0)
    }

    pub(crate) fn set(&mut self, at: u64, value: u64) {
        if let Some(word) = self.words.get_mut(at as usize / 8) {
            *word = value;
        }
    }

    /// The label `at` bytes into the entry.
    pub(crate) fn label(&self, at: u64) -> Label {
        let mut words = [0; Label::WORDS];
        for (at, word) in (at..).step_by(8).zip(&mut words) {
            *word = self.get(at);
        }
        Label::from_words(words)
    }

    pub(crate) fn set_label(&mut self, at: u64, label: &Label) {
        for (at, word) in (at..).step_by(8).zip(label.words()) {
            self.set(at, word);
        }
    }

    /// The number of its kind.
    pub(crate) fn kind(&self) -> u64 {
        self.get(Self::KIND)
    }

    /// Empty for the only object of a segment, if it was not named.
    #[cfg(feature = "std")]
    pub(crate) fn name(&self) -> Label {
        self.label(Self::NAME)
    }

    pub(crate) fn named(mut self, name: &Label) -> Self {
        self.set_label(Self::NAME, name);
        self
    }

    /// The bytes of the object.
    pub(crate) fn part(&self) -> Span {
        Span::new(Offset::new(self.get(Self::START)), self.get(Self::LENGTH))
    }

    /// Where its part ends. `u64::MAX` if no segment can hold it.
    pub(crate) fn end(&self) -> u64 {
        self.get(Self::START).saturating_add(self.get(Self::LENGTH))
    }

    /// The blocks in which seats are, of all roles.
    pub(crate) fn seats(&self) -> SeatTable {
        SeatTable { first: Offset::new(self.get(Self::SEATS)), seats: self.get(Self::SEAT_BLOCKS) }
    }
}

/// Checks a number of the header or of an entry.
pub(crate) fn check(
    field: &'static str,
    found: u64,
    valid: impl FnOnce(u64) -> bool,
) -> Result<(), LayoutError> {
    if valid(found) { Ok(()) } else { Err(LayoutError::Field { field, found }) }
}

/// The numbers on the page `format`. Other numbers are another format, with another `MAJOR`.
const _: () = {
    type E = Entry;
    let words = [E::KIND, E::START, E::LENGTH, E::SEATS, E::SEAT_BLOCKS, E::NAME];
    assert!(matches!(words, [0, 8, 16, 24, 32, 192]), "the object table is not as documented");
    let sizes = [E::TABLE, E::SIZE, E::NAME + Label::MAX as u64, MAX_OBJECTS];
    assert!(matches!(sizes, [256, 256, 256, 1024]), "the object table is not as documented");
};
