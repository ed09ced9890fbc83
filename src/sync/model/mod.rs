//! What the model checker adds to the atomics: a participant that stops after a number of writes, and an ordering that is weakened.
pub(crate) mod crash;
mod mutate;
