//! The header: written when a segment is created, parsed by every process that joins.
//!
//! It is parsed once, into private memory, and never read again, like the entries of the object
//! table: a later change of the bytes changes nothing in a [`Header`].
#[cfg(feature = "std")]
use super::SeatBlock;
use super::entry::check;
use super::{Entry, FENCED, FORMATTING, KNOWN_FEATURES, MAGIC, MAJOR, MAX_OBJECTS, MINOR, NewObject};
use crate::error::{Corruption, LayoutError};
use crate::identity::{Identity, Label};
use crate::memory::{ALIGN, Memory, Offset, Region, WordRef};
use crate::sync::{Acquire, Relaxed, Release};

/// The smallest possible segment, in bytes: header and an object table of one entry.
const SMALLEST: usize = Entry::table_end(1) as usize;

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

/// The numbers on the page `format`. Other numbers are another format, with another `MAJOR`.
const _: () = {
    use field::*;
    let words = [MAGIC, MAJOR, MINOR, INCOMPATIBLE, COMPATIBLE, LENGTH, OBJECTS, CREATED, CREATOR];
    assert!(matches!(words, [0, 8, 16, 24, 32, 40, 48, 56, 64]), "the header is not as documented");
    let words = [super::MAGIC, FORMATTING, super::MAJOR, FENCED];
    assert!(matches!(words, [0x3159_4157_474e_4952, 1, 1, 1]), "the header is not as documented");
    assert!(matches!([ALIGN, SMALLEST], [128, 512]), "a part has moved");
};

/// What the header says about the whole segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the whole segment.
    pub(crate) len: u64,
    /// Whether every participant executes the full fence itself: see `wait`.
    pub(crate) fenced: bool,
    /// Entries in the object table.
    pub(crate) objects: u64,
}

impl Header {
    /// Where the first object of a segment of so many objects begins.
    pub(crate) const fn first_part(objects: u64) -> u64 {
        Entry::table_end(objects)
    }

    /// The header of a new segment with these objects. Its length is `u64::MAX` if no segment can
    /// hold them.
    pub(crate) fn plan(objects: &[(Label, &dyn NewObject)], fenced: bool) -> Self {
        let count = objects.len() as u64;
        let end = placed(objects).last().map_or(Self::first_part(count), |entry| entry.end());
        let len = if end <= i64::MAX as u64 { end } else { u64::MAX };
        Self { len, fenced, objects: count }
    }

    /// Makes a new segment of these objects in `region`, with the header that was planned for them:
    /// writes header, object table and empty objects, and publishes them by the magic.
    ///
    /// With `zeroed` the region is known to hold zeros only, and is not cleared.
    pub(crate) fn format(
        &self,
        region: &Region,
        objects: &[(Label, &dyn NewObject)],
        creator: &Identity,
        zeroed: bool,
    ) -> Result<(), LayoutError> {
        if !region.is_aligned() {
            return Err(LayoutError::Misaligned);
        }
        if (region.len() as u64) < self.len {
            return Err(LayoutError::TooSmall { need: self.len, have: region.len() as u64 });
        }
        let magic = word(region, field::MAGIC)?;
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
            clear(region, 8..Self::first_part(self.objects))?;
        }
        self.write(region, creator)?;
        for ((index, entry), (_, object)) in (0..).zip(placed(objects)).zip(objects) {
            entry.write(region, index)?;
            if !zeroed {
                object.clear(region, &entry)?;
            }
        }
        // Release: E0, pairs with `parse`; everything written above is visible with the magic.
        magic.store(MAGIC, Release);
        Ok(())
    }

    fn write(&self, region: &Region, creator: &Identity) -> Result<(), LayoutError> {
        let set = |at, value| -> Result<(), LayoutError> {
            // Relaxed: published with the magic (E0).
            word(region, at)?.store(value, Relaxed);
            Ok(())
        };
        set(field::MAJOR, MAJOR)?;
        set(field::MINOR, MINOR)?;
        set(field::INCOMPATIBLE, if self.fenced { FENCED } else { 0 })?;
        set(field::COMPATIBLE, 0)?;
        set(field::LENGTH, self.len)?;
        set(field::OBJECTS, self.objects)?;
        set(field::CREATED, creator.attached)?;
        set(field::CREATOR, creator.pid)
    }

    /// Reads and checks the header.
    pub(crate) fn parse(region: &Region) -> Result<Self, LayoutError> {
        if !region.is_aligned() {
            return Err(LayoutError::Misaligned);
        }
        if region.len() < SMALLEST {
            return Err(LayoutError::Truncated { claims: SMALLEST as u64, has: region.len() as u64 });
        }
        // Acquire: E0, pairs with `format`; with the magic, everything behind it is visible.
        match word(region, field::MAGIC)?.load(Acquire) {
            MAGIC => {}
            FORMATTING => return Err(LayoutError::Formatting),
            found if found == MAGIC.swap_bytes() => return Err(LayoutError::OtherByteOrder),
            found => return Err(LayoutError::NotARing { found }),
        }
        Self::read(|at| load(region, at), region.len() as u64)
    }

    /// The header of a segment of `has` bytes, after the magic. `word` reads a word of the segment.
    pub(crate) fn read(word: impl Fn(Offset) -> u64, has: u64) -> Result<Self, LayoutError> {
        let field = |at| word(Offset::new(at));
        check_version(field(field::MAJOR), field(field::MINOR))?;
        let incompatible = field(field::INCOMPATIBLE);
        check_features(incompatible)?;
        let len = field(field::LENGTH);
        if len > has {
            return Err(LayoutError::Truncated { claims: len, has });
        }
        let objects = field(field::OBJECTS);
        check("objects", objects, |n| (1..=MAX_OBJECTS).contains(&n))?;
        check("length", len, |n| n >= Self::first_part(objects))?;
        Ok(Self { len, fenced: incompatible & FENCED != 0, objects })
    }

    /// The entries of the object table. Each is checked: its part lies in the segment, behind the
    /// table and the parts before it. Ends with the first error.
    pub(crate) fn entries(self, region: &Region) -> impl Iterator<Item = Result<Entry, LayoutError>> {
        self.entries_by(|at| load(region, at))
    }

    /// Like `entries`; `word` reads a word of the segment.
    pub(crate) fn entries_by(
        self,
        word: impl Fn(Offset) -> u64,
    ) -> impl Iterator<Item = Result<Entry, LayoutError>> {
        let mut after = Some(Self::first_part(self.objects));
        (0..self.objects).map_while(move |index| {
            let entry = Entry::read(index, &word).checked(after?, self.len);
            after = entry.as_ref().ok().map(Entry::end);
            Some(entry)
        })
    }

    /// The entry of the only object.
    pub(crate) fn only_entry(self, region: &Region) -> Result<Entry, LayoutError> {
        match self.entries(region).next() {
            Some(entry) if self.objects == 1 => entry,
            _ => Err(LayoutError::SeveralObjects { found: self.objects }),
        }
    }

    /// Checks that the memory still has all bytes of the segment. A system call, where that can
    /// change. In a forked child it fails, too, so that no path touches the parent's bytes.
    pub(crate) fn check<M: Memory>(&self, memory: &M) -> Result<(), Corruption> {
        let (need, have) = (self.len, if memory.is_own_process() { memory.len_now() } else { 0 });
        if have < need { Err(Corruption::Truncated { need, have }) } else { Ok(()) }
    }
}

/// The entries of new objects, one part behind the other.
fn placed<'a>(objects: &'a [(Label, &dyn NewObject)]) -> impl Iterator<Item = Entry> + 'a {
    objects.iter().scan(Header::first_part(objects.len() as u64), |start, (name, object)| {
        let entry = object.entry(*start).named(name);
        *start = entry.end();
        Some(entry)
    })
}

/// Zeros the words in a range of bytes.
pub(crate) fn clear(region: &Region, bytes: core::ops::Range<u64>) -> Result<(), LayoutError> {
    bytes.step_by(8).try_for_each(|at| {
        // Relaxed: published with the magic (E0).
        word(region, at)?.store(0, Relaxed);
        Ok(())
    })
}

fn word(region: &Region, at: u64) -> Result<WordRef, LayoutError> {
    let have = region.len() as u64;
    WordRef::new(region, Offset::new(at)).ok_or(LayoutError::TooSmall { need: SMALLEST as u64, have })
}

/// A word of a segment; 0 if it has no such word.
fn load(region: &Region, at: Offset) -> u64 {
    // Relaxed: visible since the magic was (E0).
    WordRef::new(region, at).map_or(0, |word| word.load(Relaxed))
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

/// The blocks of all seats of a segment of `len` bytes that this process has not mapped, up to the
/// first entry of its object table that makes no sense. `word` reads a word of the segment.
#[cfg(feature = "std")]
pub(crate) fn seat_blocks(
    len: u64,
    word: impl Fn(Offset) -> u64,
) -> Result<impl Iterator<Item = SeatBlock>, LayoutError> {
    let entries = Header::read(&word, len)?.entries_by(word).map_while(Result::ok);
    Ok(entries.flat_map(|entry| {
        let table = entry.seats();
        (0..table.seats).map(move |seat| table.block(seat))
    }))
}

fn check_version(major: u64, minor: u64) -> Result<(), LayoutError> {
    if major == MAJOR { Ok(()) } else { Err(LayoutError::Version { major, minor, ours: MAJOR }) }
}

fn check_features(incompatible: u64) -> Result<(), LayoutError> {
    let unknown = incompatible & !KNOWN_FEATURES;
    if unknown == 0 { Ok(()) } else { Err(LayoutError::Features { unknown }) }
}
