//! Helpers that the models share: bounds for the model checker, small rings, and deaths.
//!
//! The models use the public API of the library as it ships. One file of the library replaces the
//! machine, `memory/model.rs`. There, payload is in loom's `UnsafeCell`, so loom reports any access
//! that no edge orders. Control words are loom's atomics, and a participant can be stopped before
//! any of its writes.

pub mod items;

use loom::model::Builder;
use ringway::Message;
use ringway::memory::Model;
use ringway::spsc::Ring;
use ringway::{Options, lanes, mpsc};

/// Runs `model` in every interleaving with at most `preemptions` preemptions.
pub fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    // No model comes near this bound, unless it spins.
    builder.max_branches = 5_000;
    builder.check(model);
}

/// A new `spsc` ring of `capacity` items, or bytes, for models in which no thread parks.
pub fn ring<T: Message + ?Sized>(capacity: usize) -> Ring<T, Model> {
    format(Model::new(Ring::<T>::required_len(&Options::new().capacity(capacity))).with_seats(2), capacity)
}

/// A new `spsc` ring of `capacity` items, or bytes, for models in which a thread parks.
pub fn ring_with_fences<T: Message + ?Sized>(capacity: usize) -> Ring<T, Model> {
    format(
        Model::with_fences(Ring::<T>::required_len(&Options::new().capacity(capacity))).with_seats(2),
        capacity,
    )
}

fn format<T: Message + ?Sized>(memory: Model, capacity: usize) -> Ring<T, Model> {
    match Ring::format(memory, &Options::new().capacity(capacity)) {
        Ok(ring) => ring,
        Err(error) => panic!("cannot format the model's memory: {error}"),
    }
}

/// A new `mpsc` ring with two producer seats. `make` creates its memory from a length in bytes.
pub fn mpsc<T: Message + ?Sized>(capacity: usize, make: impl Fn(usize) -> Model) -> mpsc::Ring<T, Model> {
    let memory = make(mpsc::Ring::<T>::required_len(&Options::new().capacity(capacity).max_producers(2)))
        .with_seats(4);
    match mpsc::Ring::format(memory, &Options::new().capacity(capacity).max_producers(2)) {
        Ok(ring) => ring,
        Err(error) => panic!("cannot format the model's memory: {error}"),
    }
}

/// A new `lanes` ring with two lanes. `make` creates its memory from a length in bytes.
pub fn lanes<T: Message + ?Sized>(capacity: usize, make: impl Fn(usize) -> Model) -> lanes::Ring<T, Model> {
    let memory = make(lanes::Ring::<T>::required_len(&Options::new().capacity(capacity).max_producers(2)))
        .with_seats(4);
    match lanes::Ring::format(memory, &Options::new().capacity(capacity).max_producers(2)) {
        Ok(ring) => ring,
        Err(error) => panic!("cannot format the model's memory: {error}"),
    }
}

/// Memory of `len` bytes in which deaths can be proved, for models in which no thread parks.
pub fn witnessed(len: usize) -> Model {
    Model::new(len).with_witness()
}

/// Declares the holder of the consumer's seat dead.
pub fn declare_consumer_dead(memory: &Model) {
    memory.declare_dead(512);
}

/// Declares the holder of a producer's seat dead, in a ring with several producers. The offset is
/// that of `docs::format`.
pub fn declare_producer_dead(memory: &Model, seat: u16) {
    memory.declare_dead(512 * (3 + u64::from(seat)));
}

/// Calls `attempt` at most `times` times, until it returns `Some`, and lets other threads run in
/// between.
///
/// One attempt is not enough, and the reason is a limit of loom 0.7.2. It remembers one last access
/// per word. So it does not try a thread's store before another thread's load if the storing thread
/// itself has loaded the word in between. The second attempt covers that order.
pub fn retry<R>(times: usize, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
    for _ in 0..times {
        if let Some(result) = attempt() {
            return Some(result);
        }
        loom::thread::yield_now();
    }
    None
}
