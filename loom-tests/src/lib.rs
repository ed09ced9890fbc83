//! What the models share: how far they look, rings small enough to look at all of, and death.
//!
//! The models run the public face of the source that ships. What stands in for the machine is one file of
//! ringway's, `memory/model.rs`: payload is loom's `UnsafeCell`, so that loom reports any access that no
//! edge orders; control words are loom's atomics, whose writers can be made to stop between any two writes.

pub mod items;

use loom::model::Builder;
use ringway::memory::Model;
use ringway::Message;
use ringway::spsc::Ring;
use ringway::{Options, lanes, mpsc};

/// Runs `model` in every interleaving with up to `preemptions` preemptions.
pub fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    // No model comes near it unless something spins.
    builder.max_branches = 5_000;
    builder.check(model);
}

/// A ring of its own for each run of the model: `capacity` items, or bytes. For models in which nobody parks.
pub fn ring<T: Message + ?Sized>(capacity: usize) -> Ring<T, Model> {
    format(Model::new(Ring::<T>::required_len(capacity)).with_seats(2), capacity)
}

/// The same for models in which somebody parks.
pub fn ring_with_fences<T: Message + ?Sized>(capacity: usize) -> Ring<T, Model> {
    format(Model::with_fences(Ring::<T>::required_len(capacity)).with_seats(2), capacity)
}

fn format<T: Message + ?Sized>(memory: Model, capacity: usize) -> Ring<T, Model> {
    match Ring::format(memory, &Options::new().capacity(capacity)) {
        Ok(ring) => ring,
        Err(error) => panic!("the model's memory {error}"),
    }
}

/// A ring with two seats for producers, in total order, in memory that `make` makes of a length.
pub fn mpsc<T: Message + ?Sized>(capacity: usize, make: impl Fn(usize) -> Model) -> mpsc::Ring<T, Model> {
    let memory = make(mpsc::Ring::<T>::required_len(capacity, 2)).with_seats(4);
    match mpsc::Ring::format(memory, &Options::new().capacity(capacity).producers(2)) {
        Ok(ring) => ring,
        Err(error) => panic!("the model's memory {error}"),
    }
}

/// A ring with a lane for each of two producers, in memory that `make` makes of a length.
pub fn lanes<T: Message + ?Sized>(capacity: usize, make: impl Fn(usize) -> Model) -> lanes::Ring<T, Model> {
    let memory = make(lanes::Ring::<T>::required_len(capacity, 2)).with_seats(4);
    match lanes::Ring::format(memory, &Options::new().capacity(capacity).producers(2)) {
        Ok(ring) => ring,
        Err(error) => panic!("the model's memory {error}"),
    }
}

/// Memory in which deaths can be proved.
pub fn witnessed(len: usize) -> Model {
    Model::new(len).with_witness()
}

/// Whoever held the consumer's seat is dead from now on.
pub fn bury_consumer(memory: &Model) {
    memory.declare_dead(512);
}

/// Whoever held this one of several producers' seats is dead from now on: see the page `format`.
pub fn bury_producer(memory: &Model, seat: u16) {
    memory.declare_dead(512 * (3 + u64::from(seat)));
}

/// Tries up to `times` times, and lets the others go on in between.
///
/// Not for the model's length alone: loom 0.7.2 remembers one last access per word, so a thread's store is not
/// tried before another thread's load if the storing thread has itself loaded the word in between. A second
/// attempt gets there.
pub fn retry<R>(times: usize, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
    for _ in 0..times {
        if let Some(result) = attempt() {
            return Some(result);
        }
        loom::thread::yield_now();
    }
    None
}
