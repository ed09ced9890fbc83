//! Many lanes, one consumer: each lane is a ring of one producer, and the consumer takes from them
//! in turn.
//!
//! ```text
//!   lane 0  █ █ █ · ·   active ┐
//!   lane 1  · · · · ·   idle   │    in turn, up to BUDGET records each,
//!   lane 2  █ · · · ·   active ┼──▶ among the active ones
//!   lane 3  · · · · ·   idle   │
//!   …                          ┘
//! ```
//!
//! # Active and idle lanes
//! A lane that was empty for many polls becomes idle, together with others: the consumer *arms* it,
//! and does not poll it any more. Its producer finds the armed word set when it publishes, and
//! notifies the consumer (see [`Doorbell`](crate::seat::Doorbell)), which makes the lane active
//! again. So a lane in which nothing happens costs nothing, and a lane in which much happens never
//! notifies.
//!
//! A few lanes always stay active: polling them costs less than the barrier that makes lanes idle.
//! Where the kernel refuses this process the barrier that notifications rely on (see `wait`), no
//! lane becomes idle.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E6 | `notify` ready bits and notified word | `drain_notifications` notified word and ready bits | which lanes have notified |
//!
//! Progress: a look is bounded by the number of lanes; taking is wait-free. A lane whose producer
//! is stopped, dead or lying delays no other lane, with one exception: a corrupt lane poisons the
//! whole consumer.
//!
//! Positions are those of each lane. The position of the consumer is the sum of all.
//!
//! Instruction counts: `cargo bench --bench instructions`. Two changes that were measured and
//! dropped: `benches/NOTES.md`, "lanes".
mod consumer;

pub(crate) use consumer::LanesConsumer;
