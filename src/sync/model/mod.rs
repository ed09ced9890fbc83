//! Additions to the atomics for the model checker: a participant that stops after a number of
//! writes, and one ordering that is weakened.
pub(crate) mod crash;
mod mutate;
