//! A ring as it stands before an operation, and records that carry numbers.
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringway::spsc::{Carried, Consumer, Producer, Ring};
use ringway::{Options, PopError, PushError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::SEGMENTS;
use crate::common::Name;

// The segment format, as far as these tests look into it. Offsets in bytes.
/// The consumer's role block; HEAD is its first word.
pub const CONSUMER: u64 = 512;
/// The producer's role block; TAIL is its first word.
pub const PRODUCER: u64 = 1024;
const PARKED: u64 = 128;
/// Process ids and times, of the header and of both roles.
pub const DISPLAYED: [Range<usize>; 3] = [56..72, 512 + 264..512 + 288, 1024 + 264..1024 + 288];
const CARRIES: u64 = 256 + 8;
const STRIDE: u64 = 256 + 32;
const DESCRIPTORS: u64 = 256 + 48;
const CELLS: u64 = 256 + 56;
/// What the word at `CARRIES` says in a byte ring.
const BYTES: u64 = 2;

/// The first number that survivors send.
pub const LATER: u64 = 1000;

/// What a ring of these tests carries: records all of whose bytes follow from their numbers.
pub trait Flow: Carried {
    /// For [`Options::capacity`].
    const CAPACITY: usize;
    /// The same in cells.
    const CELLS: u64;

    /// Sends record `number`, which takes about `len` bytes if it can have any length.
    fn send(tx: &mut Producer<Self>, number: u64, len: usize) -> Result<(), PushError>;

    /// Sends a small record `number`, and waits for room, for `timeout` at most.
    fn send_within(tx: &mut Producer<Self>, number: u64, timeout: Duration) -> Result<(), PushError>;

    /// Receives a record, checks that nothing in it is torn, and tells its number.
    fn receive(rx: &mut Consumer<Self>) -> Result<u64, PopError>;
}

/// An item that shows when it was torn.
#[derive(FromBytes, IntoBytes, Immutable, Clone, Copy, Debug, PartialEq, Default)]
#[repr(C)]
pub struct Item {
    number: u64,
    rest: [u64; 3],
}

impl Item {
    pub fn numbered(number: u64) -> Self {
        Self { number, rest: std::array::from_fn(|i| number.wrapping_mul(0x9e37_79b9_7f4a_7c15 + i as u64)) }
    }

    /// Its number; it must be whole.
    pub fn checked(self) -> u64 {
        assert_eq!(self, Self::numbered(self.number), "torn");
        self.number
    }
}

impl Flow for Item {
    const CAPACITY: usize = 8;
    const CELLS: u64 = 8;

    fn send(tx: &mut Producer<Self>, number: u64, _len: usize) -> Result<(), PushError> {
        tx.try_push(&Self::numbered(number))
    }

    fn send_within(tx: &mut Producer<Self>, number: u64, timeout: Duration) -> Result<(), PushError> {
        tx.push_timeout(&Self::numbered(number), timeout)
    }

    fn receive(rx: &mut Consumer<Self>) -> Result<u64, PopError> {
        rx.try_pop().map(Self::checked)
    }
}

impl Flow for [u8] {
    const CAPACITY: usize = 1024;
    const CELLS: u64 = 16;

    fn send(tx: &mut Producer<Self>, number: u64, len: usize) -> Result<(), PushError> {
        tx.try_push(&record(number, len))
    }

    fn send_within(tx: &mut Producer<Self>, number: u64, timeout: Duration) -> Result<(), PushError> {
        tx.push_timeout(&record(number, SMALL), timeout)
    }

    fn receive(rx: &mut Consumer<Self>) -> Result<u64, PopError> {
        rx.try_read().map(|record| number_of(&record.payload().to_vec()))
    }
}

/// The smallest record: number and length.
pub const SMALL: usize = 16;

/// Record `number` of a byte ring: `len` bytes, at least [`SMALL`].
pub fn record(number: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::from(number.to_le_bytes());
    bytes.extend((len as u64).to_le_bytes());
    bytes.extend((SMALL..len).map(|i| (number as usize * 31 + i * 7) as u8));
    bytes
}

/// The number of a record, which must be whole.
pub fn number_of(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert!(bytes == record(number, bytes.len()), "torn: {bytes:?}");
    number
}

/// A ring whose bytes can be put back to what they were, as often as there are victims.
pub struct Scene<T: ?Sized> {
    pub name: Name,
    pub ring: Ring<T>,
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
}

impl<T: Flow + ?Sized> Scene<T> {
    /// A ring that has seen some laps: its next cell is `passed`. Records 1 to `waiting` are in it, of a cell each;
    /// then `more` happens.
    pub fn set(passed: u64, waiting: u64, more: impl FnOnce(&Self)) -> Self {
        let name = Name::unique(SEGMENTS);
        let ring = Ring::create(&name, &Options::new().capacity(T::CAPACITY)).unwrap();
        let mut tx = ring.producer().unwrap();
        let mut rx = ring.consumer().unwrap();
        for number in 0..passed {
            T::send(&mut tx, number, SMALL).unwrap();
            T::receive(&mut rx).unwrap();
        }
        for number in 1..=waiting {
            T::send(&mut tx, number, SMALL).unwrap();
        }
        drop((tx, rx));
        let path = ring.path().to_owned();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let mut scene = Self { name, ring, path, file, bytes: Vec::new() };
        more(&scene);
        scene.bytes = scene.now();
        scene
    }

    /// The segment's bytes at this moment.
    pub fn now(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// Puts all back to how it was set.
    pub fn reset(&self) {
        self.put(&self.bytes);
    }

    /// Puts these bytes in. Nobody is in the ring, or may mind.
    pub fn put(&self, bytes: &[u8]) {
        self.file.write_all_at(bytes, 0).unwrap();
    }

    /// The segment's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The word at `offset`.
    pub fn word(&self, offset: u64) -> u64 {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, offset).unwrap();
        u64::from_ne_bytes(bytes)
    }

    /// HEAD.
    pub fn head(&self) -> u64 {
        self.word(CONSUMER)
    }

    /// TAIL.
    pub fn tail(&self) -> u64 {
        self.word(PRODUCER)
    }

    /// Whether the holder of the seat at `block` may be asleep.
    pub fn is_parked(&self, block: u64) -> bool {
        self.word(block + PARKED) != 0
    }

    /// The stamp of the cell that `position` is in.
    pub fn stamp(&self, position: u64) -> u64 {
        let (start, stride) = match self.word(CARRIES) {
            BYTES => (self.word(DESCRIPTORS), 16),
            _ => (self.word(CELLS), self.word(STRIDE)),
        };
        self.word(start + position % T::CELLS * stride)
    }

    /// In a process of its own: the ring, opened anew, so that its seats are that process's own.
    pub fn joined(&self) -> Ring<T> {
        Ring::open(&self.name).unwrap()
    }
}

/// All that there is.
pub fn receive_all<T: Flow + ?Sized>(rx: &mut Consumer<T>) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        match T::receive(rx) {
            Ok(number) => numbers.push(number),
            Err(PopError::Empty | PopError::Closed(_)) => return numbers,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Some laps through an empty ring, record by record: small ones first, which come by every cell. Nothing else may
/// turn up.
pub fn laps<T: Flow + ?Sized>(tx: &mut Producer<T>, rx: &mut Consumer<T>) {
    let sizes =
        (0..T::CELLS + 2).map(|_| SMALL).chain((0..2 * T::CELLS).map(|i| SMALL + i as usize * 37 % 300));
    for (number, len) in (2 * LATER..).zip(sizes) {
        assert_eq!(T::receive(rx), Err(PopError::Empty), "before record {number}");
        T::send(tx, number, len).unwrap();
        assert_eq!(T::receive(rx), Ok(number));
    }
    assert_eq!(T::receive(rx), Err(PopError::Empty));
}
