//! Kills, or stops, a consumer. The next consumer receives the records that it had not released,
//! and no others.
use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringway::SeatError;
use ringway::ring::{Producer, Ring};

use crate::fixture::{
    FROM_OTHERS, FROM_SURVIVORS, Fixture, Item, SMALL, TestMessage, check_laps, number_of, receive_all,
};
use crate::kill_points::Sweep;
use crate::kinds::RingKind;
use crate::victim::{dies_after, mark};

/// No send waits longer while a consumer receives.
const PATIENCE: Duration = Duration::from_secs(5);

/// An operation of a consumer.
struct ReceiveSweep<'a, T: TestMessage + ?Sized, K> {
    name: &'a str,
    minimum: usize,
    fixture: Fixture<T, K>,
    /// The records in the ring, in the order in which the consumer takes them.
    inside: Vec<u64>,
    /// How many of them may be released at some kill point: none at first, then all at once, or one
    /// lane at a time.
    releases: &'a [u64],
    /// Whether the victim writes each record into the journal before it releases it.
    writes_journal: bool,
    /// The victim's part, with a ring that it has opened itself.
    operation: &'a dyn Fn(&Ring<K, T>, &Journal),
}

/// The survivors.
struct Others<T: TestMessage + ?Sized, K: RingKind> {
    beside: Vec<Producer<K, T>>,
    tx: Producer<K, T>,
    /// The last number in the ring.
    last: u64,
    journal: Journal,
}

impl<T: TestMessage + ?Sized, K: RingKind> ReceiveSweep<'_, T, K> {
    fn kill_everywhere(self) {
        let released = self.play(|sweep| sweep.kill_everywhere(|others, _| self.check(others)));
        assert!(released.iter().all(|n| self.releases.contains(n)), "a part was released: {released:?}");
        assert!(released.is_sorted(), "a record that was released is back later: {released:?}");
        assert_eq!(released.first(), Some(&0), "the first victim died before its operation");
        assert_eq!(released.last(), self.releases.last(), "the last victim died after its operation");
    }

    /// Stops the victim at each kill point instead, while a producer fills the ring. The victim
    /// still takes the records that were in the ring before.
    fn stop_everywhere(self) {
        let fill = |others: &mut Others<T, K>, _| {
            let robbed = self.fixture.ring.consumer();
            assert!(
                matches!(robbed, Err(SeatError::SeatTaken { .. })),
                "the consumer is stopped, not dead: {robbed:?}"
            );
            while T::send(&mut others.tx, others.last + 1, SMALL).is_ok() {
                others.last += 1;
            }
        };
        let check = |mut others: Others<T, K>| {
            let mut rx = self.fixture.ring.consumer().unwrap();
            let released = self.releases.last().map_or(0, |n| *n as usize);
            let mut rest = self.inside[released..].to_vec();
            rest.extend(FROM_SURVIVORS + 1..=others.last);
            assert_eq!(receive_all(&mut rx), rest);
            check_laps(&mut others.tx, &mut rx);
        };
        self.play(|sweep| sweep.stop_everywhere(fill, check));
    }

    fn play<R>(&self, run: impl FnOnce(Sweep<'_, Others<T, K>>) -> R) -> R {
        run(Sweep {
            name: &format!("{}, {}", K::NAME, self.name),
            minimum: self.minimum,
            prepare: &|| {
                self.fixture.reset();
                let (beside, tx) = self.fixture.producers();
                Others { beside, tx, last: FROM_SURVIVORS, journal: Journal::new() }
            },
            file: &|_| self.fixture.path().to_owned(),
            operation: &|others| (self.operation)(&self.fixture.reopened(), &others.journal),
            is_only_writer: true,
            wake: None,
            single_steps_only: false,
        })
    }

    /// The victim is dead. Returns how many records it had released.
    fn check(&self, mut others: Others<T, K>) -> u64 {
        let mut rx = self.fixture.ring.consumer().expect("a dead consumer's seat is free");
        let mut numbers: Vec<u64> = T::receive(&mut rx).into_iter().collect();
        T::send_within(&mut others.tx, FROM_SURVIVORS, PATIENCE).expect("there is room");
        numbers.extend(receive_all(&mut rx));
        assert_eq!(numbers.pop(), Some(FROM_SURVIVORS), "the next record is the last, after {numbers:?}");
        check_laps(&mut others.tx, &mut rx);
        others.beside.iter_mut().for_each(|tx| check_laps(tx, &mut rx));
        assert_eq!(rx.losses().next(), None, "a dead consumer loses no record");

        let released = self.inside.len().checked_sub(numbers.len()).expect("no record arrives twice");
        // The rest of each lane, or of the ring, in order.
        let lane = |number: &&u64| K::HAS_LANES && **number > FROM_OTHERS;
        let (beside, own): (Vec<u64>, Vec<u64>) = numbers.iter().partition(lane);
        let (all_beside, all_own): (Vec<u64>, Vec<u64>) = self.inside.iter().partition(lane);
        assert!(all_beside.ends_with(&beside) && all_own.ends_with(&own), "received {numbers:?}");
        let noted = others.journal.read();
        assert!(self.inside.starts_with(&noted), "the victim was given {noted:?}");
        assert!(
            !self.writes_journal || noted.len() >= released,
            "{released} released, the journal has {noted:?}"
        );
        released as u64
    }
}

/// A full ring, or two lanes with records that would fill one. Returns the records in the order in
/// which the consumer takes them.
fn full<T: TestMessage + ?Sized, K: RingKind>() -> (Fixture<T, K>, Vec<u64>) {
    let beside = 3 * u64::from(K::LAST);
    let own = T::CELLS - beside;
    let fixture = Fixture::new(5 * T::CELLS / 2 + 1, own, |fixture: &Fixture<T, K>| {
        let (mut others, _tx) = fixture.producers();
        for tx in &mut others {
            (1..=beside).for_each(|n| T::send(tx, FROM_OTHERS + n, SMALL).unwrap());
        }
    });
    let (own, others) = (1..=own, FROM_OTHERS + 1..=FROM_OTHERS + beside);
    // The consumer takes the lanes in turn, beginning with the first.
    let inside = if K::HAS_LANES { others.chain(own).collect() } else { own.chain(others).collect() };
    (fixture, inside)
}

/// How many records of a `full` ring may be released while a consumer takes five: all at once, or
/// one lane at a time.
fn five<K: RingKind>() -> &'static [u64] {
    if K::HAS_LANES { &[0, 2, 3, 5] } else { &[0, 5] }
}

/// The records that a victim received before it died.
struct Journal {
    writer: UnixStream,
    reader: RefCell<UnixStream>,
}

impl Journal {
    fn new() -> Self {
        let (writer, reader) = UnixStream::pair().unwrap();
        reader.set_nonblocking(true).unwrap();
        Self { writer, reader: RefCell::new(reader) }
    }

    fn write(&self, number: u64) {
        (&self.writer).write_all(&number.to_ne_bytes()).unwrap();
    }

    fn read(&self) -> Vec<u64> {
        let mut bytes = Vec::new();
        let end = self.reader.borrow_mut().read_to_end(&mut bytes).unwrap_err();
        assert_eq!(end.kind(), ErrorKind::WouldBlock);
        bytes.chunks_exact(8).map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap())).collect()
    }
}

fn typed_pop<K: RingKind>(end: impl FnOnce(ReceiveSweep<'_, Item, K>)) {
    let (fixture, inside) = full();
    let first = inside[0];
    end(ReceiveSweep {
        name: "typed pop",
        minimum: 20,
        fixture,
        inside,
        releases: &[0, 1],
        writes_journal: false,
        operation: &|ring, _| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let popped = rx.try_pop();
            mark();
            assert_eq!(popped.map(Item::checked), Ok(first));
        },
    });
}

fn byte_read<K: RingKind>(end: impl FnOnce(ReceiveSweep<'_, [u8], K>)) {
    let (fixture, inside) = full();
    let first = inside[0];
    end(ReceiveSweep {
        name: "byte read, release",
        minimum: 100,
        fixture,
        inside,
        releases: &[0, 1],
        writes_journal: true,
        operation: &|ring, journal| {
            let mut rx = ring.consumer().unwrap();
            let mut bytes = [0; SMALL];
            mark();
            let record = rx.try_read().unwrap();
            let copied = record.payload().copy_to(&mut bytes);
            journal.write(record.payload().read_value_at(0).unwrap());
            record.release();
            mark();
            assert_eq!((copied, number_of(&bytes)), (SMALL, first));
        },
    });
}

pub fn kill_typed_pop<K: RingKind>(_: &[&str]) {
    typed_pop::<K>(|taking| taking.kill_everywhere());
}

pub fn stop_typed_pop<K: RingKind>(_: &[&str]) {
    typed_pop::<K>(|taking| taking.stop_everywhere());
}

pub fn kill_peek<K: RingKind>(_: &[&str]) {
    let (fixture, inside) = full::<Item, K>();
    let first = inside[0];
    ReceiveSweep {
        name: "typed peek",
        minimum: 20,
        fixture,
        inside,
        releases: &[0],
        writes_journal: true,
        operation: &|ring, journal| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let peeked = rx.try_peek().map(Item::checked);
            journal.write(peeked.unwrap_or_default());
            mark();
            assert_eq!(peeked, Ok(first));
        },
    }
    .kill_everywhere();
}

pub fn kill_pop_slice<K: RingKind>(_: &[&str]) {
    let (fixture, inside) = full::<Item, K>();
    let first: Vec<u64> = inside[..5].to_vec();
    ReceiveSweep {
        name: "typed pop_slice",
        minimum: 100,
        fixture,
        inside,
        releases: five::<K>(),
        writes_journal: false,
        operation: &|ring, _| {
            let mut rx = ring.consumer().unwrap();
            let mut items = [Item::default(); 5];
            mark();
            let popped = rx.try_pop_slice(&mut items);
            mark();
            assert_eq!(popped, Ok(5));
            assert_eq!(items.map(Item::checked), first[..]);
        },
    }
    .kill_everywhere();
}

pub fn kill_drain<K: RingKind>(_: &[&str]) {
    let (fixture, inside) = full::<Item, K>();
    ReceiveSweep {
        name: "typed drain",
        minimum: 100,
        fixture,
        inside,
        releases: five::<K>(),
        writes_journal: true,
        operation: &|ring, journal| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let drained = rx.drain(5, |item| journal.write(item.checked()));
            mark();
            assert_eq!(drained, Ok(5));
        },
    }
    .kill_everywhere();
}

pub fn kill_byte_drain<K: RingKind>(_: &[&str]) {
    ReceiveSweep::<[u8], K> {
        name: "byte drain, over a pad",
        minimum: 100,
        fixture: Fixture::new(2 * 16 + 11, 2, |fixture| {
            let (_others, mut tx) = fixture.producers();
            // The second record does not fit before the end of the lap.
            [40, 150, 64]
                .iter()
                .zip(3..)
                .for_each(|(len, number)| TestMessage::send(&mut tx, number, *len).unwrap());
        }),
        inside: (1..=5).collect(),
        releases: &[0, 5],
        writes_journal: true,
        operation: &|ring, journal| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let drained = rx.drain(9, |record| journal.write(record.read_value_at(0).unwrap()));
            mark();
            assert_eq!(drained, Ok(5));
        },
    }
    .kill_everywhere();
}

pub fn kill_read<K: RingKind>(_: &[&str]) {
    byte_read::<K>(|taking| taking.kill_everywhere());
}

pub fn stop_read<K: RingKind>(_: &[&str]) {
    byte_read::<K>(|taking| taking.stop_everywhere());
}

pub fn kill_keep<K: RingKind>(_: &[&str]) {
    let (fixture, inside) = full::<[u8], K>();
    ReceiveSweep {
        name: "byte read, keep",
        minimum: 100,
        fixture,
        inside,
        releases: &[0],
        writes_journal: true,
        operation: &|ring, journal| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let record = rx.try_read().unwrap();
            journal.write(record.payload().read_value_at(0).unwrap());
            record.keep();
            mark();
        },
    }
    .kill_everywhere();
}

/// Takes the seat of a dead consumer, or leaves it.
fn sweep_seat_change<K: RingKind>(name: &str, operation: &dyn Fn(&Ring<K, Item>, &Journal)) {
    let (mut fixture, inside) = full::<Item, K>();
    fixture.change(|fixture| dies_after(|| mem::forget(fixture.reopened().consumer().unwrap())));
    ReceiveSweep { name, minimum: 100, fixture, inside, releases: &[0], writes_journal: true, operation }
        .kill_everywhere();
}

pub fn kill_detach<K: RingKind>(_: &[&str]) {
    sweep_seat_change::<K>("typed consumer dropped", &|ring, _| {
        let rx = ring.consumer().unwrap();
        mark();
        drop(rx);
        mark();
    });
}

pub fn kill_attach<K: RingKind>(_: &[&str]) {
    sweep_seat_change::<K>("typed consumer attaches after one died", &|ring, _| {
        mark();
        let rx = ring.consumer();
        mark();
        rx.unwrap();
    });
}
