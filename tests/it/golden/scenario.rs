//! What happens in each ring before its bytes are looked at. It never changes: what stands in the files was made by it.
//!
//! ```text
//!            reader   takes some, and leaves
//!   seat 0   steady   sends, and is killed at the end, so that its seat stays taken
//!   seat 1   brief    sends one, and leaves                         from here on
//!   seat 2   victim   is killed in a claim; `recover` notes it      only where there
//!   seat 3   late     is killed in a claim after that               are several
//!   seat 4            nobody
//! ```
use ringway::Message;
use ringway::Options;
use ringway::ring::{Kind, Producer, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::memory::Scripted;

#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(8))]
pub struct Tick {
    pub time: u64,
    pub size: u32,
    pub venue: [u8; 4],
}

impl Tick {
    pub const fn new(time: u64) -> Self {
        Self { time, size: 7, venue: *b"XETR" }
    }
}

/// Process ids, and names.
pub const MAKER: (u64, &str) = (100, "maker");
pub const READER: (u64, &str) = (200, "reader");
pub const STEADY: (u64, &str) = (300, "steady");
pub const BRIEF: (u64, &str) = (301, "brief");
pub const VICTIM: (u64, &str) = (302, "victim");
pub const LATE: (u64, &str) = (303, "late");
pub const OPERATOR: (u64, &str) = (400, "operator");
pub const SUCCESSOR: (u64, &str) = (500, "successor");

/// Seats of a ring of several.
pub const SEATS: usize = 5;
/// Bytes: 16 cells.
const BYTES: usize = 1024;
const ITEMS: usize = 8;

/// Where the format has the words that producers have in common, where they are several.
const COMMON: usize = 1024;

/// Bytes that can be told apart: the first is `first`, each other is one more.
pub fn counting(first: u8, len: usize) -> Vec<u8> {
    (0..len).map(|i| first.wrapping_add(i as u8)).collect()
}

/// A ring of this kind, as that process sees it.
pub fn ring<K: Kind, T: Message + ?Sized>(memory: &Scripted, who: (u64, &str)) -> Ring<K, T, Scripted> {
    Ring::attach(memory.seen_by(who.0, who.1)).unwrap()
}

fn producer<K: Kind, T: Message + ?Sized>(memory: &Scripted, who: (u64, &str)) -> Producer<K, T, Scripted> {
    ring::<K, T>(memory, who).producer().unwrap()
}

fn made<K: Kind, T: Message + ?Sized>(capacity: usize) -> Scripted {
    let options = Options::new().capacity(capacity).max_producers(SEATS);
    let memory = Scripted::new(Ring::<K, T>::required_len(&options));
    Ring::<K, T, _>::format(memory.seen_by(MAKER.0, MAKER.1), &options).unwrap();
    memory
}

/// Somebody mends the ring while there is no reader; then the reader comes back for a moment.
fn recover<K: Kind, T: Message + ?Sized>(memory: &Scripted) {
    ring::<K, T>(memory, OPERATOR).recover().unwrap();
    drop(ring::<K, T>(memory, READER).consumer().unwrap());
}

/// Records of bytes.
pub fn of_bytes<K: Kind>(several: bool) -> Scripted {
    let memory = made::<K, [u8]>(BYTES);
    let mut rx = ring::<K, [u8]>(&memory, READER).consumer().unwrap();
    let mut steady = producer::<K, [u8]>(&memory, STEADY);
    let others = several.then(|| [BRIEF, VICTIM, LATE].map(|who| producer::<K, [u8]>(&memory, who)));

    // Read, and released: cells 0 to 9.
    steady.try_push(&[b'r'; 70]).unwrap();
    steady.try_push(&counting(1, 500)).unwrap();
    assert_eq!(rx.drain(2, |_| ()).unwrap(), 2);
    // Aborted: in `mpsc` a skip of one cell.
    let mut reservation = steady.try_reserve(50).unwrap();
    reservation.payload().write_at(b"given up", 0).unwrap();
    reservation.abort();
    // Shorter than reserved: in `mpsc` a skip of one cell after it.
    let mut reservation = steady.try_reserve(70).unwrap();
    reservation.payload().write_at(b"cut to length, not this", 0).unwrap();
    reservation.commit_len(13).unwrap();
    steady.try_push(b"").unwrap();
    // Does not fit before the last cell: a pad.
    steady.try_push(&counting(100, 340)).unwrap();

    if let Some([mut brief, mut victim, mut late]) = others {
        brief.try_push(b"farewell").unwrap();
        drop(brief);
        let mut reservation = victim.try_reserve(100).unwrap();
        reservation.payload().write_at(b"half of it", 0).unwrap();
        memory.kill(VICTIM.0);
        drop(reservation);
        drop(rx);
        recover::<K, [u8]>(&memory);
        let reservation = late.try_reserve(20).unwrap();
        memory.kill(LATE.0);
        drop(reservation);
    }
    memory.kill(STEADY.0);
    memory
}

/// Items. None is half written between two calls, so what the dead leave in a ring with `claims` is written here, as the
/// claim protocol has it.
pub fn of_items<K: Kind>(several: bool, claims: bool) -> Scripted {
    let memory = made::<K, Tick>(ITEMS);
    let mut rx = ring::<K, Tick>(&memory, READER).consumer().unwrap();
    let mut steady = producer::<K, Tick>(&memory, STEADY);
    let others = several.then(|| [BRIEF, VICTIM, LATE].map(|who| producer::<K, Tick>(&memory, who)));

    assert_eq!(steady.try_push_slice(&[0, 1, 2, 3, 4, 5].map(Tick::new)), Ok(6));
    for time in 0..5 {
        assert_eq!(rx.try_pop(), Ok(Tick::new(time)));
    }
    // Into the next lap.
    assert_eq!(steady.try_push_slice(&[6, 7, 8].map(Tick::new)), Ok(3));
    if let Some([mut brief, _victim, _late]) = others {
        brief.try_push(&Tick::new(100)).unwrap();
        drop(brief);
        if claims {
            claim(&memory, 2, 10..12);
        }
        memory.kill(VICTIM.0);
        drop(rx);
        recover::<K, Tick>(&memory);
        if claims {
            claim(&memory, 3, 12..13);
        }
        memory.kill(LATE.0);
    }
    memory.kill(STEADY.0);
    memory
}

/// Claims positions in an `mpsc` ring, and no more: says where they end, announces them, moves TAIL, owns them.
fn claim(memory: &Scripted, seat: usize, positions: std::ops::Range<u64>) {
    let block = COMMON + 512 + 512 * seat;
    memory.write(block + 16, positions.end);
    memory.write(block + 8, 2 * (positions.start + 1));
    memory.write(COMMON, positions.end);
    memory.write(block + 8, 2 * (positions.start + 1) + 1);
}
