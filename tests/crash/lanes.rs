//! Killed anywhere in a ring of `lanes`: many producers, each with cells of its own.
use ringway::lanes::Lanes;

use crate::children::Act;
use crate::{among, consuming, several, sleeping, stage};

/// What stages do.
pub const ROLES: &[(&str, Act)] = &[
    ("lanes, typed push", among::kill_typed_push::<Lanes>),
    ("lanes, typed push, stopped", among::stop_typed_push::<Lanes>),
    ("lanes, typed push_slice", among::kill_push_slice::<Lanes>),
    ("lanes, typed push_slice, stopped", among::stop_push_slice::<Lanes>),
    ("lanes, byte push, cells", among::kill_push_of_cells::<Lanes>),
    ("lanes, byte push, pad", among::kill_push_after_pad::<Lanes>),
    ("lanes, commit_len", among::kill_commit_len::<Lanes>),
    ("lanes, abort", among::kill_abort::<Lanes>),
    ("lanes, batch", among::kill_batch::<Lanes>),
    ("lanes, batch, stopped", among::stop_batch::<Lanes>),
    ("lanes, batch abort", among::kill_batch_abort::<Lanes>),
    ("lanes, producer detach", among::kill_detach::<Lanes>),
    ("lanes, typed attach", among::kill_attach::<Lanes>),
    ("lanes, attach after batch", among::kill_attach_after_batch::<Lanes>),
    ("lanes, typed pop", consuming::kill_typed_pop::<Lanes>),
    ("lanes, typed drain", consuming::kill_drain::<Lanes>),
    ("lanes, byte drain", consuming::kill_byte_drain::<Lanes>),
    ("lanes, read", consuming::kill_read::<Lanes>),
    ("lanes, read, stopped", consuming::stop_read::<Lanes>),
    ("lanes, consumer attach", consuming::kill_attach::<Lanes>),
    ("lanes, consumer detach", consuming::kill_detach::<Lanes>),
    ("lanes, waking push", sleeping::kill_waking_producer::<Lanes>),
    ("lanes, waking pop", sleeping::kill_waking_consumer::<Lanes>),
    ("lanes, sleeping push", sleeping::kill_sleeping_producer::<Lanes>),
    ("lanes, sleeping pop", sleeping::kill_sleeping_consumer::<Lanes>),
    ("lanes, sleeping select", several::kill_sleeping_select::<Lanes>),
    ("lanes, arm", several::kill_arm::<Lanes>),
];

#[test]
fn killed_in_a_typed_push() {
    stage("lanes, typed push");
}

#[test]
fn stopped_in_a_typed_push() {
    stage("lanes, typed push, stopped");
}

#[test]
fn killed_in_a_typed_push_slice() {
    stage("lanes, typed push_slice");
}

#[test]
fn stopped_in_a_typed_push_slice() {
    stage("lanes, typed push_slice, stopped");
}

#[test]
fn killed_in_a_byte_push_of_three_cells() {
    stage("lanes, byte push, cells");
}

#[test]
fn killed_in_a_byte_push_with_a_pad() {
    stage("lanes, byte push, pad");
}

#[test]
fn killed_in_a_commit_len() {
    stage("lanes, commit_len");
}

#[test]
fn killed_in_an_abort() {
    stage("lanes, abort");
}

#[test]
fn killed_in_a_batch() {
    stage("lanes, batch");
}

#[test]
fn stopped_in_a_batch() {
    stage("lanes, batch, stopped");
}

#[test]
fn killed_in_the_abort_of_a_batch() {
    stage("lanes, batch abort");
}

#[test]
fn killed_as_a_producer_leaves() {
    stage("lanes, producer detach");
}

#[test]
fn killed_as_a_producer_comes() {
    stage("lanes, typed attach");
}

#[test]
fn killed_as_a_producer_comes_after_half_a_batch() {
    stage("lanes, attach after batch");
}

#[test]
fn killed_in_a_typed_pop() {
    stage("lanes, typed pop");
}

#[test]
fn killed_in_a_typed_drain() {
    stage("lanes, typed drain");
}

#[test]
fn killed_in_a_byte_drain() {
    stage("lanes, byte drain");
}

#[test]
fn killed_in_a_read() {
    stage("lanes, read");
}

#[test]
fn stopped_in_a_read() {
    stage("lanes, read, stopped");
}

#[test]
fn killed_as_a_consumer_comes() {
    stage("lanes, consumer attach");
}

#[test]
fn killed_as_the_consumer_leaves() {
    stage("lanes, consumer detach");
}

#[test]
fn killed_between_a_push_and_the_wake_up() {
    stage("lanes, waking push");
}

#[test]
fn killed_between_a_pop_and_the_wake_up() {
    stage("lanes, waking pop");
}

#[test]
fn killed_asleep_in_a_push() {
    stage("lanes, sleeping push");
}

#[test]
fn killed_asleep_in_a_pop() {
    stage("lanes, sleeping pop");
}

#[test]
fn killed_asleep_in_a_select() {
    stage("lanes, sleeping select");
}

#[test]
fn killed_as_it_arms_a_descriptor() {
    stage("lanes, arm");
}
