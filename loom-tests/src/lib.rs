//! What the models share: how far they look, and rings small enough to look at all of.
//!
//! The models run the public face of the source that ships. What stands in for the machine is one file of
//! ringway's, `memory/model.rs`: payload is loom's `UnsafeCell`, so that loom reports any access that no
//! edge orders; control words are loom's atomics.

use loom::model::Builder;
use ringway::Options;
use ringway::memory::Model;
use ringway::spsc::{Carried, Ring};

/// Runs `model` in every interleaving with up to `preemptions` preemptions.
pub fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// A ring of its own for each run of the model: `capacity` items, or bytes. For models in which nobody parks.
pub fn ring<T: Carried + ?Sized>(capacity: usize) -> Ring<T, Model> {
    format(Model::new(Ring::<T>::required_len(capacity)), capacity)
}

/// The same for models in which somebody parks.
pub fn ring_with_fences<T: Carried + ?Sized>(capacity: usize) -> Ring<T, Model> {
    format(Model::with_fences(Ring::<T>::required_len(capacity)), capacity)
}

fn format<T: Carried + ?Sized>(memory: Model, capacity: usize) -> Ring<T, Model> {
    match Ring::format(memory, &Options::new().capacity(capacity)) {
        Ok(ring) => ring,
        Err(error) => panic!("the model's memory {error}"),
    }
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
