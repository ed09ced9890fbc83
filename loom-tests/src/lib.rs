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

/// A ring of its own for each run of the model: `capacity` items, or bytes.
pub fn ring<T: Carried + ?Sized>(capacity: usize) -> Ring<T, Model> {
    let memory = Model::new(Ring::<T>::required_len(capacity));
    match Ring::format(memory, &Options::new().capacity(capacity)) {
        Ok(ring) => ring,
        Err(error) => panic!("the model's memory {error}"),
    }
}
