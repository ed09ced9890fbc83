//! Consumers that are killed: what they had not released is received again, and nothing else.
use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringway::SeatError;
use ringway::spsc::{Producer, Ring};

use crate::points::Plot;
use crate::scene::{Flow, Item, LATER, SMALL, Scene, laps, number_of, receive_all};
use crate::victim::{dies_after, mark};

/// No send may wait longer while somebody receives.
const PATIENCE: Duration = Duration::from_secs(5);

/// An operation of a consumer.
struct Taking<'a, T: Flow + ?Sized> {
    name: &'a str,
    minimum: usize,
    scene: Scene<T>,
    /// Records 1 to this one are in the ring.
    inside: u64,
    /// How many the operation releases, all at once: the first ones.
    releases: u64,
    /// Whether the victim tells of each before it is released.
    tells: bool,
    /// The victim's part, with a ring that it has opened itself.
    act: &'a dyn Fn(&Ring<T>, &Diary),
}

/// Those who are there with the victim.
struct Others<T: Flow + ?Sized> {
    tx: Producer<T>,
    /// The last number in the ring.
    last: u64,
    diary: Diary,
}

impl<T: Flow + ?Sized> Taking<'_, T> {
    fn kill_everywhere(self) {
        let released = self.play(|plot| plot.kill_everywhere(|others| self.check(others)));
        assert!(released.iter().all(|&n| n == 0 || n == self.releases), "a part was released: {released:?}");
        assert!(released.is_sorted(), "what was released did not stay released: {released:?}");
        assert_eq!(released.first(), Some(&0), "nothing was done");
        assert_eq!(released.last(), Some(&self.releases), "all was done");
    }

    /// Stops it everywhere instead, while the producer fills the ring: what it takes out is what was in.
    fn stop_everywhere(self) {
        let fill = |others: &mut Others<T>| {
            let robbed = self.scene.ring.consumer();
            assert!(matches!(robbed, Err(SeatError::SeatTaken { .. })), "it only stopped: {robbed:?}");
            while T::send(&mut others.tx, others.last + 1, SMALL).is_ok() {
                others.last += 1;
            }
        };
        let check = |mut others: Others<T>| {
            let mut rx = self.scene.ring.consumer().unwrap();
            let rest: Vec<u64> = (self.releases + 1..=others.last).collect();
            assert_eq!(receive_all(&mut rx), rest);
            laps(&mut others.tx, &mut rx);
        };
        self.play(|plot| plot.stop_everywhere(fill, check));
    }

    fn play<R>(&self, run: impl FnOnce(Plot<'_, Others<T>>) -> R) -> R {
        run(Plot {
            name: self.name,
            minimum: self.minimum,
            prepare: &|| {
                self.scene.reset();
                Others { tx: self.scene.ring.producer().unwrap(), last: self.inside, diary: Diary::new() }
            },
            file: &|_| self.scene.path().to_owned(),
            act: &|others| (self.act)(&self.scene.joined(), &others.diary),
            alone: true,
            rouse: None,
        })
    }

    /// The victim is dead; how many of the records it had released.
    fn check(&self, mut others: Others<T>) -> u64 {
        let mut rx = self.scene.ring.consumer().expect("a dead consumer's seat is free");
        let mut numbers: Vec<u64> = T::receive(&mut rx).into_iter().collect();
        T::send_within(&mut others.tx, LATER, PATIENCE).expect("there is room");
        numbers.extend(receive_all(&mut rx));
        assert_eq!(numbers.pop(), Some(LATER), "the next record is the last, after {numbers:?}");
        laps(&mut others.tx, &mut rx);

        let released = self.inside.checked_sub(numbers.len() as u64).expect("nothing twice");
        assert!(numbers.iter().copied().eq(released + 1..=self.inside), "received {numbers:?}");
        let told = others.diary.read();
        assert!((1..).zip(&told).all(|(number, &told)| number == told), "the victim was given {told:?}");
        assert!(!self.tells || told.len() as u64 >= released, "{released} released, told of {told:?}");
        released
    }
}

/// What a victim wrote down before it died.
struct Diary {
    writer: UnixStream,
    reader: RefCell<UnixStream>,
}

impl Diary {
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

fn typed_pop(name: &str) -> Taking<'_, Item> {
    Taking {
        name,
        minimum: 20,
        scene: Scene::set(13, 8, |_| {}),
        inside: 8,
        releases: 1,
        tells: false,
        act: &|ring, _| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let popped = rx.try_pop();
            mark();
            assert_eq!(popped.map(Item::checked), Ok(1));
        },
    }
}

fn byte_read(name: &str) -> Taking<'_, [u8]> {
    Taking {
        name,
        minimum: 100,
        scene: Scene::set(37, 16, |_| {}),
        inside: 16,
        releases: 1,
        tells: true,
        act: &|ring, diary| {
            let mut rx = ring.consumer().unwrap();
            let mut bytes = [0; SMALL];
            mark();
            let record = rx.try_read().unwrap();
            let copied = record.payload().copy_to(&mut bytes);
            diary.write(bytes[0].into());
            record.release();
            mark();
            assert_eq!((copied, number_of(&bytes)), (SMALL, 1));
        },
    }
}

pub fn kill_typed_pop(_: &[&str]) {
    typed_pop("typed pop").kill_everywhere();
}

pub fn stop_typed_pop(_: &[&str]) {
    typed_pop("typed pop, stopped").stop_everywhere();
}

pub fn kill_pop_slice(_: &[&str]) {
    Taking::<Item> {
        name: "typed pop_slice",
        minimum: 100,
        scene: Scene::set(13, 8, |_| {}),
        inside: 8,
        releases: 5,
        tells: false,
        act: &|ring, _| {
            let mut rx = ring.consumer().unwrap();
            let mut items = [Item::default(); 5];
            mark();
            let popped = rx.try_pop_slice(&mut items);
            mark();
            assert_eq!((popped, items.map(Item::checked)), (Ok(5), [1, 2, 3, 4, 5]));
        },
    }
    .kill_everywhere();
}

pub fn kill_drain(_: &[&str]) {
    Taking::<Item> {
        name: "typed drain",
        minimum: 100,
        scene: Scene::set(13, 8, |_| {}),
        inside: 8,
        releases: 5,
        tells: true,
        act: &|ring, diary| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let drained = rx.drain(5, |item| diary.write(item.checked()));
            mark();
            assert_eq!(drained, Ok(5));
        },
    }
    .kill_everywhere();
}

pub fn kill_byte_drain(_: &[&str]) {
    Taking::<[u8]> {
        name: "byte drain, over a pad",
        minimum: 100,
        scene: Scene::set(2 * 16 + 11, 2, |scene| {
            let mut tx = scene.ring.producer().unwrap();
            // The second does not fit before the end of the lap.
            [40, 150, 64]
                .iter()
                .zip(3..)
                .for_each(|(len, number)| Flow::send(&mut tx, number, *len).unwrap());
        }),
        inside: 5,
        releases: 5,
        tells: true,
        act: &|ring, diary| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let drained = rx.drain(9, |record| diary.write(record.value_at(0).unwrap()));
            mark();
            assert_eq!(drained, Ok(5));
        },
    }
    .kill_everywhere();
}

pub fn kill_read(_: &[&str]) {
    byte_read("byte read, release").kill_everywhere();
}

pub fn stop_read(_: &[&str]) {
    byte_read("byte read, stopped").stop_everywhere();
}

pub fn kill_keep(_: &[&str]) {
    Taking::<[u8]> {
        name: "byte read, keep",
        minimum: 100,
        scene: Scene::set(37, 16, |_| {}),
        inside: 16,
        releases: 0,
        tells: true,
        act: &|ring, diary| {
            let mut rx = ring.consumer().unwrap();
            mark();
            let record = rx.try_read().unwrap();
            diary.write(record.payload().value_at(0).unwrap());
            record.keep();
            mark();
        },
    }
    .kill_everywhere();
}

/// Taking the seat, or leaving it.
fn come_and_go(name: &str, act: &dyn Fn(&Ring<Item>, &Diary)) {
    let scene = Scene::set(13, 8, |scene| dies_after(|| mem::forget(scene.joined().consumer().unwrap())));
    Taking::<Item> { name, minimum: 100, scene, inside: 8, releases: 0, tells: true, act }.kill_everywhere();
}

pub fn kill_detach(_: &[&str]) {
    come_and_go("typed consumer dropped", &|ring, _| {
        let rx = ring.consumer().unwrap();
        mark();
        drop(rx);
        mark();
    });
}

pub fn kill_attach(_: &[&str]) {
    come_and_go("typed consumer attaches after one died", &|ring, _| {
        mark();
        let rx = ring.consumer();
        mark();
        rx.unwrap();
    });
}
