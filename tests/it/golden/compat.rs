//! What a reader finds in the rings that the story leaves behind, in any version's bytes; and that they go on from there.
use std::fmt::Debug;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use ringway::{Departure, Identity, LayoutError, Loss, Message, PopError, Presence};

use super::memory::{Scripted, identity};
use super::scenario::{BRIEF, LATE, READER, STEADY, SUCCESSOR, Tick, VICTIM, counting};

/// More looks than it takes until a consumer asks who is dead.
const MOST_LOOKS: u32 = 10_000;

type Reading = Result<(), LayoutError>;

fn who((pid, name): (u64, &str)) -> Identity {
    identity(pid, name)
}

fn attached<K: Kind, T: Message + ?Sized>(memory: &Scripted) -> Result<Ring<K, T, Scripted>, LayoutError> {
    Ring::attach(memory.seen_by(SUCCESSOR.0, SUCCESSOR.1))
}

/// Who is in the seats: the consumer, then the producers. Their counters: records, bytes, aborted, lost.
fn assert_seats<K: Kind, T: Message + ?Sized>(
    ring: &Ring<K, T, Scripted>,
    expected: &[(Presence, [u64; 4])],
) {
    let seats = ring.seats().map(|seat| {
        let counters = seat.counters;
        (seat.presence, [counters.records, counters.bytes, counters.aborted, counters.lost])
    });
    assert_eq!(seats.collect::<Vec<_>>(), expected);
}

/// All that can be taken, until there is nobody who could send more.
fn all<R: Debug>(mut take: impl FnMut() -> Result<R, PopError>) -> Vec<R> {
    let mut taken = Vec::new();
    for _ in 0..MOST_LOOKS {
        match take() {
            Ok(record) => taken.push(record),
            Err(PopError::Empty) => {}
            Err(error) => {
                assert_eq!(error, PopError::Closed(Departure::Died));
                return taken;
            }
        }
    }
    panic!("there seems to be somebody left who might send more; so far: {taken:?}");
}

/// Takes all records from a byte ring; then somebody new sends one more, which comes too.
fn assert_bytes<K: Kind>(
    ring: &Ring<K, [u8], Scripted>,
    rx: &mut ringway::ring::Consumer<K, [u8], Scripted>,
    expected: &[(u16, Vec<u8>)],
) {
    let read = all(|| rx.try_read().map(|record| (record.seat(), record.payload().to_vec())));
    assert_eq!(read, expected);
    let mut tx = ring.producer().unwrap();
    tx.try_push(&counting(7, 400)).unwrap();
    assert_eq!(rx.try_read().unwrap().payload().to_vec(), counting(7, 400));
}

/// As `assert_bytes`, for items.
fn assert_items<K: Kind>(
    ring: &Ring<K, Tick, Scripted>,
    rx: &mut ringway::ring::Consumer<K, Tick, Scripted>,
    times: &[u64],
) {
    assert_eq!(all(|| rx.try_pop()), times.iter().copied().map(Tick::new).collect::<Vec<_>>());
    let mut tx = ring.producer().unwrap();
    tx.try_push(&Tick::new(1000)).unwrap();
    assert_eq!(rx.try_pop(), Ok(Tick::new(1000)));
}

fn assert_losses(found: impl Iterator<Item = Loss>, expected: [(u16, (u64, &str), u64, u64); 2]) {
    let found = found.map(|loss| (loss.seat, loss.by, loss.position, loss.cells));
    let expected = expected.map(|(seat, by, position, cells)| (seat, who(by), position, cells));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

/// The consumer's seat, and those of producers of which there are several.
fn several(steady: [u64; 4], brief: [u64; 4], victim: [u64; 4]) -> [(Presence, [u64; 4]); 6] {
    [
        (Presence::Left(who(READER)), [0; 4]),
        (Presence::Died(who(STEADY)), steady),
        (Presence::Left(who(BRIEF)), brief),
        (Presence::Died(who(VICTIM)), victim),
        (Presence::Died(who(LATE)), [0; 4]),
        (Presence::Never, [0; 4]),
    ]
}

/// What `steady` has sent, and was not read.
fn unread() -> [(u16, Vec<u8>); 3] {
    [(0, b"cut to length".to_vec()), (0, Vec::new()), (0, counting(100, 340))]
}

/// Records, bytes, aborted, lost.
const STEADY_BYTES: [u64; 4] = [5, 70 + 500 + 13 + 340, 1, 0];
const TICK: u64 = size_of::<Tick>() as u64;

pub fn spsc_items(memory: Scripted) -> Reading {
    let ring = attached::<Spsc, Tick>(&memory)?;
    let (reader, steady) = (Presence::Left(who(READER)), Presence::Died(who(STEADY)));
    assert_seats(&ring, &[(reader, [0; 4]), (steady, [9, 9 * TICK, 0, 0])]);
    assert_items(&ring, &mut ring.consumer().unwrap(), &[5, 6, 7, 8]);
    Ok(())
}

pub fn spsc_bytes(memory: Scripted) -> Reading {
    let ring = attached::<Spsc, [u8]>(&memory)?;
    let (reader, steady) = (Presence::Left(who(READER)), Presence::Died(who(STEADY)));
    assert_seats(&ring, &[(reader, [0; 4]), (steady, STEADY_BYTES)]);
    assert_bytes(&ring, &mut ring.consumer().unwrap(), &unread());
    Ok(())
}

pub fn mpsc_items(memory: Scripted) -> Reading {
    let ring = attached::<Mpsc, Tick>(&memory)?;
    assert_seats(&ring, &several([9, 9 * TICK, 0, 0], [1, TICK, 0, 0], [0; 4]));
    let mut rx = ring.consumer().unwrap();
    assert_items(&ring, &mut rx, &[5, 6, 7, 8, 100]);
    assert_losses(rx.losses(), [(2, VICTIM, 10, 2), (3, LATE, 12, 1)]);
    Ok(())
}

pub fn mpsc_bytes(memory: Scripted) -> Reading {
    let ring = attached::<Mpsc, [u8]>(&memory)?;
    assert_seats(&ring, &several(STEADY_BYTES, [1, 8, 0, 0], [0; 4]));
    let mut rx = ring.consumer().unwrap();
    let farewell = [(1, b"farewell".to_vec())];
    assert_bytes(&ring, &mut rx, &[&unread()[..], &farewell].concat());
    assert_losses(rx.losses(), [(2, VICTIM, 23, 2), (3, LATE, 25, 1)]);
    Ok(())
}

pub fn lanes_items(memory: Scripted) -> Reading {
    let ring = attached::<Lanes, Tick>(&memory)?;
    assert_seats(&ring, &several([9, 9 * TICK, 0, 0], [1, TICK, 0, 0], [0; 4]));
    assert_items(&ring, &mut ring.consumer().unwrap(), &[5, 6, 7, 8, 100]);
    Ok(())
}

pub fn lanes_bytes(memory: Scripted) -> Reading {
    let ring = attached::<Lanes, [u8]>(&memory)?;
    assert_seats(&ring, &several(STEADY_BYTES, [1, 8, 0, 0], [0; 4]));
    let farewell = [(1, b"farewell".to_vec())];
    assert_bytes(&ring, &mut ring.consumer().unwrap(), &[&unread()[..], &farewell].concat());
    Ok(())
}
