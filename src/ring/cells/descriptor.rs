//! [`Descriptor`]: the word that describes the record which starts in a cell.

const RECORD: u64 = 1;
const SKIP: u64 = 2;

/// What starts in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descriptor {
    /// A record of `len` bytes, by the producer in seat `producer`.
    Record {
        /// In bytes.
        len: u32,
        /// Seat.
        producer: u16,
    },
    /// No record: the rest of a lap, or cells that a producer gave up.
    Skip {
        /// In cells.
        cells: u32,
    },
}

impl Descriptor {
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        match self {
            Self::Record { len, producer } => len as u64 | RECORD << 32 | (producer as u64) << 48,
            Self::Skip { cells } => cells as u64 | SKIP << 32,
        }
    }

    /// Parses `word`; `None` if it is no descriptor.
    #[inline(always)]
    pub(crate) const fn parse(word: u64) -> Option<Self> {
        let (low, producer) = (word as u32, (word >> 48) as u16);
        match (word >> 32) & 0xffff {
            RECORD => Some(Self::Record { len: low, producer }),
            SKIP if producer == 0 => Some(Self::Skip { cells: low }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_word_is_parsed_or_refused_and_never_changed(word in any::<u64>(), kind in 0u64..4) {
            for word in [word, word & !(0xffff << 32) | kind << 32] {
                if let Some(descriptor) = Descriptor::parse(word) {
                    prop_assert_eq!(descriptor.word(), word);
                }
            }
        }

        #[test]
        fn records_and_skips_survive(len in any::<u32>(), producer in any::<u16>()) {
            for descriptor in [Descriptor::Record { len, producer }, Descriptor::Skip { cells: len }] {
                prop_assert_eq!(Descriptor::parse(descriptor.word()), Some(descriptor));
            }
        }
    }
}
