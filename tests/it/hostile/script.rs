//! Lies and operations in a row, and what is to hold meanwhile: that nothing panics and everything returns, and what
//! [`Ends`] checks.
use std::path::Path;
use std::time::Duration;

use ringway::lanes::Lanes;
use ringway::memory::Clock;
use ringway::mpsc::Mpsc;
use ringway::ring::Ring;
use ringway::spsc::Spsc;
use ringway::{Corruption, SeatError};

use super::ends::{Cargo, Ends, Peer};
use super::layout::KindLayout;
use super::memory::Shared;

/// What to write into a word.
#[derive(Clone, Debug)]
pub enum Lie {
    Word(u64),
    /// Something close to where the ring is.
    Near(i64),
    /// More or less than what stands there.
    Off(i64),
    /// An announcement of something close to where the ring is.
    Announced(i64),
    Owned(i64),
    /// A lost mark for it.
    Lost(i64),
}

impl Lie {
    /// What is to be written instead of `word`, in a ring that is at `position`.
    pub fn word(&self, position: u64, word: u64) -> u64 {
        let stamp = |more: i64| position.wrapping_add_signed(more).wrapping_add(1);
        match *self {
            Self::Word(word) => word,
            Self::Near(more) => position.wrapping_add_signed(more),
            Self::Off(more) => word.wrapping_add_signed(more),
            Self::Announced(more) => stamp(more) << 1,
            Self::Owned(more) => stamp(more) << 1 | 1,
            Self::Lost(more) => stamp(more) | 1 << 63,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Step {
    /// Overwrites the word at so many bytes.
    Lie(usize, Lie),
    Send(usize, usize),
    Receive(usize),
    NextProducer(usize),
    AnotherProducer(usize),
    NextConsumer,
    /// Not without a witness.
    KillProducer(usize),
    KillConsumer,
    Inspect,
    Greet,
    Recover,
}

/// No step takes longer, on the clock of [`Shared`]: those that wait do so for microseconds.
const LONG: Duration = Duration::from_millis(2);

/// The ring in which a script is played.
#[derive(Clone, Debug)]
pub struct Scene {
    pub cells: usize,
    pub has_witness: bool,
    /// So much was sent and received before.
    pub before: usize,
}

/// Two runs are the same.
pub fn run<K: KindLayout, T: Cargo + ?Sized>(scene: &Scene, steps: &[Step]) {
    let Scene { cells, has_witness, before } = *scene;
    let cells = cells.max(T::LEAST);
    let len = K::CELLS + K::LANES * T::lane_len(cells);
    let shared = if has_witness { Shared::witnessed(len) } else { Shared::of(len) };
    let ring = Ring::format(shared.clone(), &K::options_of::<T>(cells)).expect("exactly as much as it needs");
    let mut ends = Ends::<K, T>::new(ring);
    for which in 0..before {
        ends.send(which, 0);
        ends.receive(0);
    }
    for step in steps {
        let began = shared.now();
        match *step {
            Step::Lie(at, ref lie) => shared.write(at, lie.word(ends.position(), shared.word(at))),
            Step::Send(which, how) => ends.send(which, how),
            Step::Receive(how) => ends.receive(how),
            Step::NextProducer(which) => ends.next_producer(which),
            Step::AnotherProducer(which) => ends.another_producer(which),
            Step::NextConsumer => ends.next_consumer(),
            Step::KillProducer(which) => ends.kill_producer(which),
            Step::KillConsumer => ends.kill_consumer(),
            Step::Inspect => ends.inspect(),
            Step::Greet => ends.greet(),
            Step::Recover => ends.recover(),
        }
        assert!(shared.now() - began < LONG, "{step:?} took too long");
    }
}

/// Works with a ring that somebody may have damaged before it was joined.
pub fn work<K: KindLayout, T: Cargo + ?Sized, M: Peer>(ring: Ring<K, T, M>) {
    assert!(ring.capacity().is_power_of_two());
    // What does not lie inside of the memory was to be found when it was joined.
    let outside = Some(SeatError::Corrupt(Corruption::Outside));
    assert_ne!(ring.producer().err(), outside);
    assert_ne!(ring.consumer().err(), outside);
    assert_ne!(ring.recover().err(), outside);
    let mut ends = Ends::new(ring);
    for how in 0..40 {
        ends.send(how, how);
        ends.receive(how / 2);
        if how % 8 == 0 {
            ends.inspect();
        }
    }
}

/// Joins what stands there, if that is such a ring, and works with it.
fn attach<K: KindLayout, T: Cargo + ?Sized>(shared: &Shared) {
    if let Ok(ring) = Ring::<K, T, _>::attach(shared.clone()) {
        work(ring);
    }
}

/// Opens the file at `path`, if that is such a ring, and works with it.
fn open<K: KindLayout, T: Cargo + ?Sized>(path: &Path) {
    if let Ok(ring) = Ring::<K, T>::open(path) {
        work(ring);
    }
}

/// As whatever it can be.
pub fn attach_as_any(shared: &Shared) {
    attach::<Spsc, [u8]>(shared);
    attach::<Spsc, u64>(shared);
    attach::<Mpsc, [u8]>(shared);
    attach::<Mpsc, u64>(shared);
    attach::<Lanes, [u8]>(shared);
    attach::<Lanes, u64>(shared);
}

/// As whatever it can be.
pub fn open_as_any(path: &Path) {
    open::<Spsc, [u8]>(path);
    open::<Spsc, u64>(path);
    open::<Mpsc, [u8]>(path);
    open::<Mpsc, u64>(path);
    open::<Lanes, [u8]>(path);
    open::<Lanes, u64>(path);
}
