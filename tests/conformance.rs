//! One suite for every memory: what a ring promises does not depend on where its bytes are.
//!
//! The cases are generic over a [`Place`], and run on the heap and in a named segment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

/// Makes each case a test on every place.
macro_rules! on_every_place {
    ($($case:ident),* $(,)?) => {
        mod on_the_heap {
            $(#[test] fn $case() { crate::in_time(super::$case::<crate::OnHeap>); })*
        }
        mod in_a_segment {
            $(#[test] fn $case() { crate::in_time(super::$case::<crate::InSegment>); })*
        }
    };
}

#[path = "conformance/bytes.rs"]
mod bytes;
#[path = "conformance/guards.rs"]
mod guards;
#[path = "conformance/seats.rs"]
mod seats;
#[path = "conformance/typed.rs"]
mod typed;
#[path = "conformance/waiting.rs"]
mod waiting;

use std::ops::Deref;
use std::time::Duration;
use std::{panic, sync::mpsc, thread};

use common::Name;
use ringway::memory::Heap;
use ringway::spsc::{Carried, Consumer, Producer, Ring};
use ringway::{Clock, Mapping, Memory, Options};

/// Runs a case, and fails if it hangs.
fn in_time(case: fn()) {
    const LONG: Duration = Duration::from_secs(60);
    let (done, is_done) = mpsc::channel::<()>();
    let running = thread::spawn(move || {
        // Dropped at its end, also in a panic.
        let _done = done;
        case();
    });
    assert_eq!(is_done.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected), "it hangs");
    running.join().unwrap_or_else(|why| panic::resume_unwind(why));
}

/// Somewhere to put rings.
trait Place {
    type Memory: Memory + Clock + Send + Sync + 'static;

    /// A new, empty ring of this capacity: items, or bytes.
    fn ring<T: Carried + ?Sized>(capacity: usize) -> Made<T, Self::Memory>;
}

/// A ring, and the name that is removed with it.
struct Made<T: ?Sized, M> {
    ring: Ring<T, M>,
    _name: Option<Name>,
}

impl<T: ?Sized, M> Deref for Made<T, M> {
    type Target = Ring<T, M>;
    fn deref(&self) -> &Ring<T, M> {
        &self.ring
    }
}

impl<T: Carried + ?Sized, M: Memory> Made<T, M> {
    fn ends(&self) -> (Producer<T, M>, Consumer<T, M>) {
        (self.ring.producer().unwrap(), self.ring.consumer().unwrap())
    }
}

struct OnHeap;

impl Place for OnHeap {
    type Memory = Heap;

    fn ring<T: Carried + ?Sized>(capacity: usize) -> Made<T, Heap> {
        let memory = Heap::new(Ring::<T>::required_len(capacity));
        let ring = Ring::format(memory, &Options::new().capacity(capacity)).unwrap();
        Made { ring, _name: None }
    }
}

struct InSegment;

impl Place for InSegment {
    type Memory = Mapping;

    fn ring<T: Carried + ?Sized>(capacity: usize) -> Made<T, Mapping> {
        let name = Name::unique("ringway-conformance");
        let ring = Ring::create(&name, &Options::new().capacity(capacity)).unwrap();
        Made { ring, _name: Some(name) }
    }
}

/// `len` bytes that tell record `seed` from others, and its bytes from each other.
fn bytes_of(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (seed.wrapping_mul(151) ^ at.wrapping_mul(7) ^ (at >> 8)) as u8).collect()
}
