//! The messages: records of bytes, and items whose fields are aligned to four bytes on one machine
//! and to eight on the other.
use ringway::Message;
use ringway::ring::{Consumer, Kind, Producer};
use ringway::{PopError, PushError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// An item whose number determines all of its fields.
#[derive(FromBytes, IntoBytes, Immutable, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Mixed {
    number: u64,
    ratio: f64,
    halves: [u32; 2],
    quarters: [u16; 4],
    bytes: [u8; 8],
    signed: i64,
}

impl Mixed {
    fn numbered(number: u64) -> Self {
        Self {
            number,
            ratio: number as f64 / 7.0,
            halves: [number as u32, !number as u32],
            quarters: [number as u16, 2, 3, !number as u16],
            bytes: [number as u8; 8],
            signed: -(number as i64),
        }
    }
}

/// A message that carries a number.
pub trait Cargo: Message {
    const WORD: &'static str;
    /// The capacity of a small ring, which takes several laps.
    const CAPACITY: usize;
    fn send<K: Kind>(tx: &mut Producer<K, Self>, number: u64) -> Result<(), PushError>;
    /// Receives a message, checks all of it, and returns its number.
    fn receive<K: Kind>(rx: &mut Consumer<K, Self>) -> Result<u64, PopError>;
}

impl Cargo for Mixed {
    const WORD: &'static str = "items";
    const CAPACITY: usize = 16;

    fn send<K: Kind>(tx: &mut Producer<K, Self>, number: u64) -> Result<(), PushError> {
        tx.push(&Self::numbered(number))
    }

    fn receive<K: Kind>(rx: &mut Consumer<K, Self>) -> Result<u64, PopError> {
        let item = rx.pop()?;
        assert_eq!(item, Self::numbered(item.number));
        Ok(item.number)
    }
}

/// Record `number`, which determines its length and all of its bytes.
fn record(number: u64) -> Vec<u8> {
    let len = 8 + number * 37 % 701;
    number.to_ne_bytes().into_iter().chain((8..len).map(|i| (number ^ i) as u8)).collect()
}

impl Cargo for [u8] {
    const WORD: &'static str = "records";
    const CAPACITY: usize = 4096;

    fn send<K: Kind>(tx: &mut Producer<K, Self>, number: u64) -> Result<(), PushError> {
        tx.push(&record(number))
    }

    fn receive<K: Kind>(rx: &mut Consumer<K, Self>) -> Result<u64, PopError> {
        let found = rx.read()?.payload().to_vec();
        let number = u64::from_ne_bytes(found[..8].try_into().unwrap());
        assert_eq!(found, record(number));
        Ok(number)
    }
}
