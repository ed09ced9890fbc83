//! What the rings carry. Sender and number of a record determine all of its bytes, so that a record
//! shows whether it is torn or mixed with another.
use ringway::{Message, Payload};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::journal::Stamp;

/// What a ring of the soak carries.
pub trait Content: Message {
    const WORD: &'static str;
}

/// An item that carries its sender and its number.
pub trait NumberedItem: ringway::Item + Copy + PartialEq {
    const WORD: &'static str;

    fn numbered(stamp: Stamp) -> Self;

    /// The number that the item claims to have.
    fn claimed(&self) -> Stamp;

    /// The number of the item. Fails if it is torn.
    fn checked(self) -> Stamp {
        let stamp = self.claimed();
        assert!(self == Self::numbered(stamp), "item {stamp:?} is torn");
        stamp
    }
}

impl<T: NumberedItem> Content for T {
    const WORD: &'static str = T::WORD;
}

impl Content for [u8] {
    const WORD: &'static str = "records";
}

/// Spreads a number over all bits.
fn spread(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

/// A word that only this record has.
fn seal(Stamp { life, number }: Stamp) -> u64 {
    spread(spread(life + 1) ^ number)
}

/// Items of 8 bytes: 16 bits of a check, the sender, the number.
impl NumberedItem for u64 {
    const WORD: &'static str = "items of 8 bytes";

    fn numbered(stamp: Stamp) -> Self {
        seal(stamp) << 48 | stamp.life << 36 | stamp.number
    }

    fn claimed(&self) -> Stamp {
        Stamp { life: self >> 36 & 0xfff, number: self & 0xf_ffff_ffff }
    }
}

/// Items of `WORDS` words: with their stamp, 7 words are a cache line, and 8 are more than one.
#[derive(FromBytes, IntoBytes, Immutable, Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
pub struct Words<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> NumberedItem for Words<WORDS> {
    const WORD: &'static str = if WORDS == 7 { "items of 56 bytes" } else { "items of 64 bytes" };

    fn numbered(stamp: Stamp) -> Self {
        let seal = seal(stamp);
        let mut words = std::array::from_fn(|i| seal.wrapping_mul(2 * i as u64 + 1));
        (words[0], words[1]) = (stamp.life, stamp.number);
        Self(words)
    }

    fn claimed(&self) -> Stamp {
        Stamp { life: self.0[0], number: self.0[1] }
    }
}

/// The shortest record: its sender, and its number.
pub const SHORTEST: usize = 16;

/// How long a record is. Most are short, a few are as long as the ring allows.
fn length_of(stamp: Stamp, max: usize) -> usize {
    let seal = seal(stamp);
    let limit = match seal % 32 {
        0 => max.min(4000),
        1..8 => max.min(600),
        _ => max.min(100),
    };
    // In 64 bits, so that a process of 32 bits finds the same length.
    SHORTEST + ((seal >> 8) % (limit - SHORTEST + 1) as u64) as usize
}

/// The bytes of a record, in a ring whose longest record has `max`. `left` is how many records of
/// the same batch follow.
pub fn bytes_of(stamp: Stamp, left: u16, max: usize) -> Vec<u8> {
    let len = length_of(stamp, max);
    let seal = seal(stamp);
    let words = (1..).map(|i: u64| seal.wrapping_mul(2 * i + 1));
    let mut bytes: Vec<u8> = words.take(len.div_ceil(8)).flat_map(u64::to_ne_bytes).collect();
    bytes.truncate(len);
    bytes[..2].copy_from_slice(&left.to_ne_bytes());
    bytes[2..8].copy_from_slice(&stamp.life.to_le_bytes()[..6]);
    bytes[8..16].copy_from_slice(&stamp.number.to_ne_bytes());
    bytes
}

/// The number of a record, and how many of its batch follow. Fails if it is torn.
pub fn check(payload: &Payload<'_>, max: usize) -> (Stamp, u16) {
    let head: [u8; 8] = payload.read_value_at(0).unwrap();
    let mut life = [0; 8];
    life[..6].copy_from_slice(&head[2..]);
    let left = u16::from_ne_bytes([head[0], head[1]]);
    let stamp = Stamp { life: u64::from_le_bytes(life), number: payload.read_value_at(8).unwrap() };
    assert!(payload.to_vec() == bytes_of(stamp, left, max), "record {stamp:?} is torn");
    (stamp, left)
}
