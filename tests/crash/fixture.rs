//! A ring in the state before an operation, and records that carry numbers.
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringway::Message;
use ringway::ring::{Consumer, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Options, PopError, PushError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::SEGMENTS;
use crate::kinds::RingKind;
use crate::payload::word;
use support::Name;

// The part of the segment format that these tests read. Offsets in bytes.
/// The consumer's role block; HEAD is its first word, except in `lanes`.
pub const CONSUMER: u64 = 512;
/// The role block after it: the producer's, or the common block of several producers.
pub const FIRST: u64 = 1024;
/// From one role block to the next.
pub const BLOCK: u64 = 512;
// In a role block.
const ANNOUNCEMENT: u64 = 8;
const PARKED: u64 = 128;
const ARMED: u64 = 136;
const STATE: u64 = 256;
pub const LANE_HEAD: u64 = 448;
/// Process id and times.
const DISPLAYED: Range<usize> = 264..288;
/// The creator's, in the header.
const CREATED: Range<usize> = 56..72;
// The object table.
pub const KIND: u64 = 256;
pub const CARRIES: u64 = 256 + 40;
pub const PRODUCERS: u64 = 256 + 48;
pub const CAPACITY: u64 = 256 + 56;
pub const STRIDE: u64 = 256 + 64;
pub const DESCRIPTORS: u64 = 256 + 80;
pub const CELLS: u64 = 256 + 88;
/// The values of the word at `KIND`.
pub const SPSC: u64 = 1;
pub const MPSC: u64 = 2;
pub const LANES: u64 = 3;
/// The value of the word at `CARRIES` in a byte ring.
pub const BYTES: u64 = 2;

/// Blanks the bytes of a segment that differ from victim to victim.
pub fn blank_displayed(bytes: &mut [u8]) {
    let (Some(kind), Some(producers)) = (word(bytes, KIND), word(bytes, PRODUCERS)) else { return };
    let blocks = 1 + u64::from(kind != SPSC) + producers;
    let shown = (0..blocks as usize).map(|i| {
        let start = CONSUMER as usize + i * BLOCK as usize;
        start + DISPLAYED.start..start + DISPLAYED.end
    });
    for range in shown.chain([CREATED]) {
        bytes.get_mut(range).into_iter().for_each(|bytes| bytes.fill(0));
    }
}

/// Other producers send the numbers after this one, beside the victim.
pub const FROM_OTHERS: u64 = 500;

/// The first number that survivors send.
pub const FROM_SURVIVORS: u64 = 1000;

/// A message of these tests: the number of a record determines all of its bytes.
pub trait TestMessage: Message + 'static {
    /// For [`Options::capacity`].
    const CAPACITY: usize;
    /// The capacity, in cells.
    const CELLS: u64;

    /// Sends record `number`, which takes about `len` bytes if it can have any length.
    fn send<K: RingKind>(tx: &mut Producer<K, Self>, number: u64, len: usize) -> Result<(), PushError>;

    /// Sends a small record `number`. Waits for room, for at most `timeout`.
    fn send_within<K: RingKind>(
        tx: &mut Producer<K, Self>,
        number: u64,
        timeout: Duration,
    ) -> Result<(), PushError>;

    /// Receives a record, checks that nothing in it is torn, and returns its number.
    fn receive<K: RingKind>(rx: &mut Consumer<K, Self>) -> Result<u64, PopError>;

    /// Receives a record like `receive`. Waits for it, for at most `timeout`.
    fn receive_within<K: RingKind>(rx: &mut Consumer<K, Self>, timeout: Duration) -> Result<u64, PopError>;
}

/// An item that shows whether it is torn.
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

    /// The number of the item. Fails if the item is torn.
    pub fn checked(self) -> u64 {
        assert_eq!(self, Self::numbered(self.number), "torn");
        self.number
    }
}

impl TestMessage for Item {
    const CAPACITY: usize = 8;
    const CELLS: u64 = 8;

    fn send<K: RingKind>(tx: &mut Producer<K, Self>, number: u64, _len: usize) -> Result<(), PushError> {
        tx.try_push(&Self::numbered(number))
    }

    fn send_within<K: RingKind>(
        tx: &mut Producer<K, Self>,
        number: u64,
        timeout: Duration,
    ) -> Result<(), PushError> {
        tx.push_timeout(&Self::numbered(number), timeout)
    }

    fn receive<K: RingKind>(rx: &mut Consumer<K, Self>) -> Result<u64, PopError> {
        rx.try_pop().map(Self::checked)
    }

    fn receive_within<K: RingKind>(rx: &mut Consumer<K, Self>, timeout: Duration) -> Result<u64, PopError> {
        rx.pop_timeout(timeout).map(Self::checked)
    }
}

impl TestMessage for [u8] {
    const CAPACITY: usize = 1024;
    const CELLS: u64 = 16;

    fn send<K: RingKind>(tx: &mut Producer<K, Self>, number: u64, len: usize) -> Result<(), PushError> {
        tx.try_push(&record(number, len))
    }

    fn send_within<K: RingKind>(
        tx: &mut Producer<K, Self>,
        number: u64,
        timeout: Duration,
    ) -> Result<(), PushError> {
        tx.push_timeout(&record(number, SMALL), timeout)
    }

    fn receive<K: RingKind>(rx: &mut Consumer<K, Self>) -> Result<u64, PopError> {
        rx.try_read().map(|record| number_of(&record.payload().to_vec()))
    }

    fn receive_within<K: RingKind>(rx: &mut Consumer<K, Self>, timeout: Duration) -> Result<u64, PopError> {
        rx.read_timeout(timeout).map(|record| number_of(&record.payload().to_vec()))
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

/// The number of a record. Fails if the record is torn.
pub fn number_of(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert!(bytes == record(number, bytes.len()), "torn: {bytes:?}");
    number
}

/// A ring whose bytes can be restored for each victim.
pub struct Fixture<T: ?Sized, K = Spsc> {
    pub name: Name,
    pub ring: Ring<K, T>,
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
}

impl<T: TestMessage + ?Sized, K: RingKind> Fixture<T, K> {
    /// A ring whose next cell, in each lane, is `passed`. The producer in the last seat has sent
    /// records 1 to `waiting`, of one cell each. Then `more` happens.
    pub fn new(passed: u64, waiting: u64, more: impl FnOnce(&Self)) -> Self {
        Self::with_seats(1 + usize::from(K::LAST), passed, waiting, more)
    }

    /// A ring like that of [`new`](Self::new), with so many producer seats.
    pub fn with_seats(seats: usize, passed: u64, waiting: u64, more: impl FnOnce(&Self)) -> Self {
        let name = Name::unique(SEGMENTS);
        let ring = Ring::create(&name, &Options::new().capacity(T::CAPACITY).max_producers(seats)).unwrap();
        let mut txs: Vec<_> = (0..seats).map(|_| ring.producer().unwrap()).collect();
        let mut rx = ring.consumer().unwrap();
        // One producer moves TAIL for all that share their cells.
        let movers = if K::HAS_LANES { seats } else { 1 };
        for tx in &mut txs[..movers] {
            for number in 0..passed {
                T::send(tx, number, SMALL).unwrap();
                T::receive(&mut rx).unwrap();
            }
        }
        for number in 1..=waiting {
            txs.last_mut().map(|tx| T::send(tx, number, SMALL)).unwrap().unwrap();
        }
        drop((txs, rx));
        let path = ring.path().to_owned();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let mut fixture = Self { name, ring, path, file, bytes: Vec::new() };
        fixture.change(more);
        fixture
    }

    /// Changes the state that every victim finds.
    pub fn change(&mut self, more: impl FnOnce(&Self)) {
        more(self);
        self.bytes = self.now();
    }

    /// The segment's bytes at this moment.
    pub fn now(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// Restores the state that every victim finds.
    pub fn reset(&self) {
        self.put(&self.bytes);
    }

    /// Writes these bytes into the segment. No handle may rely on the old ones.
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

    /// The role block of the producer in `seat`.
    fn block(&self, seat: u16) -> u64 {
        if K::LAST == 0 { FIRST } else { FIRST + BLOCK * (1 + u64::from(seat)) }
    }

    /// HEAD of the cells that the producer in `seat` writes.
    pub fn head(&self, seat: u16) -> u64 {
        self.word(if K::HAS_LANES { self.block(seat) + LANE_HEAD } else { CONSUMER })
    }

    /// TAIL of those cells.
    pub fn tail(&self, seat: u16) -> u64 {
        self.word(if K::HAS_LANES { self.block(seat) } else { FIRST })
    }

    /// TAIL of those cells in the state that every victim finds.
    pub fn tail_as_set(&self, seat: u16) -> u64 {
        let at = if K::HAS_LANES { self.block(seat) } else { FIRST } as usize;
        u64::from_ne_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    /// The announcement of the producer in `seat` of an `mpsc` ring: a position, and whether it
    /// owns it.
    pub fn announced(&self, seat: u16) -> Option<(u64, bool)> {
        let word = self.word(self.block(seat) + ANNOUNCEMENT);
        (word != 0).then(|| ((word >> 1) - 1, word & 1 == 1))
    }

    /// Whether the consumer may sleep, as the producer in `seat` sees it.
    pub fn consumer_sleeps(&self, seat: u16) -> bool {
        let is_armed = !K::HAS_LANES || self.word(self.block(seat) + ARMED) != 0;
        self.word(CONSUMER + PARKED) % 2 == 1 && is_armed
    }

    /// Whether the producer in `seat`, or one with the same park word, may sleep.
    pub fn producer_sleeps(&self, seat: u16) -> bool {
        self.word(PARKED + if K::HAS_LANES { self.block(seat) } else { FIRST }) % 2 == 1
    }

    /// The state of the seat of the producer in `seat`, without the epoch.
    pub fn producer_state(&self, seat: u16) -> u64 {
        self.word(self.block(seat) + STATE) & 0xff
    }

    /// The state of the consumer's seat, without the epoch.
    pub fn consumer_state(&self) -> u64 {
        self.word(CONSUMER + STATE) & 0xff
    }

    /// The stamp of the cell of `position` that the producer in `seat` writes.
    pub fn stamp(&self, seat: u16, position: u64) -> u64 {
        let (start, stride) = match self.word(CARRIES) {
            BYTES => (self.word(DESCRIPTORS), 16),
            _ => (self.word(CELLS), self.word(STRIDE)),
        };
        let lane = if K::HAS_LANES { u64::from(seat) * (T::CELLS * stride).next_multiple_of(128) } else { 0 };
        self.word(start + lane + position % T::CELLS * stride)
    }

    /// Whether that cell has the stamp of `position`.
    pub fn is_stamped(&self, seat: u16, position: u64) -> bool {
        self.stamp(seat, position) == position + 1
    }

    /// Producers in the seats before the victim's, and one in the victim's seat.
    pub fn producers(&self) -> (Vec<Producer<K, T>>, Producer<K, T>) {
        let others = (0..K::LAST).map(|_| self.ring.producer().unwrap()).collect();
        (others, self.ring.producer().unwrap())
    }

    /// The ring, opened again: the victim takes its seats as a process of its own.
    pub fn reopened(&self) -> Ring<K, T> {
        Ring::open(&self.name).unwrap()
    }
}

/// Receives all records that are there, and returns their numbers.
pub fn receive_all<T: TestMessage + ?Sized, K: RingKind>(rx: &mut Consumer<K, T>) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        match T::receive(rx) {
            Ok(number) => numbers.push(number),
            Err(PopError::Empty | PopError::Closed(_)) => return numbers,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends records through an empty ring for some laps, one at a time: small ones first, which use
/// every cell. Fails if any other record arrives.
pub fn check_laps<T: TestMessage + ?Sized, K: RingKind>(tx: &mut Producer<K, T>, rx: &mut Consumer<K, T>) {
    let sizes =
        (0..T::CELLS + 2).map(|_| SMALL).chain((0..2 * T::CELLS).map(|i| SMALL + i as usize * 37 % 300));
    for (number, len) in (2 * FROM_SURVIVORS..).zip(sizes) {
        assert_eq!(T::receive(rx), Err(PopError::Empty), "before record {number}");
        T::send(tx, number, len).unwrap();
        assert_eq!(T::receive(rx), Ok(number));
    }
    assert_eq!(T::receive(rx), Err(PopError::Empty));
}
