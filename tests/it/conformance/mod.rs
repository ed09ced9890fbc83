//! One suite for every kind of ring and every memory: what a ring promises to a producer and a consumer depends neither on
//! how many other producers there may be, nor on where its bytes are.
//!
//! The cases are generic over the kind ([`AnyKind`]), and run at each [`Place`]: on the heap and in a named segment. What only
//! rings of several producers promise stands in files of its own: `multi_producer`, `mpsc_order`, `lanes_fairness`.

/// Makes each case a test of these kinds of ring, on every place.
macro_rules! cases {
    (@ $kind:ty, { $($case:ident),* }) => {
        mod on_the_heap {
            use crate::conformance::{Place, in_time};
            $(#[test] fn $case() { in_time(super::super::$case::<$kind>, Place::Heap); })*
        }
        mod in_a_segment {
            use crate::conformance::{Place, in_time};
            $(#[test] fn $case() { in_time(super::super::$case::<$kind>, Place::Segment); })*
        }
    };
    ($($module:ident: $kind:ty),+; $cases:tt) => {
        $(mod $module { cases!(@ $kind, $cases); })+
    };
}

macro_rules! on_every_ring {
    ($($case:ident),* $(,)?) => {
        cases!(spsc: ringway::spsc::Spsc, mpsc: ringway::mpsc::Mpsc, lanes: ringway::lanes::Lanes; { $($case),* });
    };
}

macro_rules! on_rings_of_several {
    ($($case:ident),* $(,)?) => {
        cases!(mpsc: ringway::mpsc::Mpsc, lanes: ringway::lanes::Lanes; { $($case),* });
    };
}

mod batches;
mod bytes;
mod departures;
mod diagnostics;
mod guards;
mod lanes_fairness;
mod mpsc_order;
mod multi_producer;
mod seats;
mod streams;
mod typed;
mod waiting;

use std::ops::Deref;
use std::{panic, sync, thread};

use ringway::lanes::Lanes;
use ringway::memory::Heap;
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Message, Options};
use support::Name;
use support::process::PATIENCE;

use crate::memory::AnyMemory;

/// Runs a case, and fails if it hangs.
fn in_time(case: fn(Place), place: Place) {
    let (done, is_done) = sync::mpsc::channel::<()>();
    let running = thread::spawn(move || {
        // Dropped at its end, also in a panic.
        let _done = done;
        case(place);
    });
    assert_eq!(is_done.recv_timeout(PATIENCE), Err(sync::mpsc::RecvTimeoutError::Disconnected), "it hangs");
    running.join().unwrap_or_else(|why| panic::resume_unwind(why));
}

/// A kind of ring, with what the cases need to know of its positions.
trait AnyKind: Kind {
    /// Whether a reservation takes its cells at once. If it is aborted, the consumer passes over them.
    const HOLDS_PLACES: bool;

    /// By how many cells a reservation moves the producer's position, if it reserved so many cells and used so many.
    fn moves(reserved: u64, used: u64) -> u64 {
        if Self::HOLDS_PLACES { reserved } else { used }
    }
}

impl AnyKind for Spsc {
    const HOLDS_PLACES: bool = false;
}

impl AnyKind for Mpsc {
    const HOLDS_PLACES: bool = true;
}

impl AnyKind for Lanes {
    const HOLDS_PLACES: bool = false;
}

/// Where rings are put.
#[derive(Clone, Copy)]
enum Place {
    Heap,
    Segment,
}

impl Place {
    /// A new, empty ring of this capacity, in items or bytes, with so many seats for producers.
    fn ring_of<K: AnyKind, T: Message + ?Sized>(self, capacity: usize, producers: usize) -> Made<K, T> {
        let options = Options::new().capacity(capacity).max_producers(producers);
        match self {
            Self::Heap => {
                let memory = AnyMemory::Heap(Heap::new(Ring::<K, T>::required_len(&options)));
                Made { ring: Ring::format(memory, &options).unwrap(), _name: None }
            }
            Self::Segment => {
                let name = Name::unique("ringway-conformance");
                let created = Ring::<K, T>::create(&name, &options).unwrap();
                let memory = AnyMemory::Mapping(created.memory().clone());
                Made { ring: Ring::attach(memory).unwrap(), _name: Some(name) }
            }
        }
    }

    /// One with more seats than the case takes, where there are several.
    fn ring<K: AnyKind, T: Message + ?Sized>(self, capacity: usize) -> Made<K, T> {
        self.ring_of(capacity, 3)
    }
}

/// A ring, and the name that is removed with it.
struct Made<K, T: ?Sized> {
    ring: Ring<K, T, AnyMemory>,
    _name: Option<Name>,
}

impl<K, T: ?Sized> Deref for Made<K, T> {
    type Target = Ring<K, T, AnyMemory>;
    fn deref(&self) -> &Self::Target {
        &self.ring
    }
}

impl<K: Kind, T: Message + ?Sized> Made<K, T> {
    fn ends(&self) -> (Producer<K, T, AnyMemory>, Consumer<K, T, AnyMemory>) {
        (self.ring.producer().unwrap(), self.ring.consumer().unwrap())
    }

    /// So many producers.
    fn several<const N: usize>(&self) -> [Producer<K, T, AnyMemory>; N] {
        [(); N].map(|()| self.ring.producer().unwrap())
    }
}

/// `len` bytes that tell record `seed` from others, and its bytes from each other.
fn bytes_of(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (seed.wrapping_mul(151) ^ at.wrapping_mul(7) ^ (at >> 8)) as u8).collect()
}
