//! Killed anywhere in a ring of `lanes`: many producers, each with cells of its own.
use ringway::lanes::Lanes;

use crate::{close, consuming, select, sweep, wait, with_other_producers};
use support::process::Act;

/// The sweeps.
pub const ROLES: &[(&str, Act)] = &[
    ("lanes, typed push", with_other_producers::kill_typed_push::<Lanes>),
    ("lanes, typed push, stopped", with_other_producers::stop_typed_push::<Lanes>),
    ("lanes, typed push_slice", with_other_producers::kill_push_slice::<Lanes>),
    ("lanes, typed push_slice, stopped", with_other_producers::stop_push_slice::<Lanes>),
    ("lanes, byte push, cells", with_other_producers::kill_push_of_cells::<Lanes>),
    ("lanes, byte push, pad", with_other_producers::kill_push_after_pad::<Lanes>),
    ("lanes, commit_len", with_other_producers::kill_commit_len::<Lanes>),
    ("lanes, abort", with_other_producers::kill_abort::<Lanes>),
    ("lanes, batch", with_other_producers::kill_batch::<Lanes>),
    ("lanes, batch, stopped", with_other_producers::stop_batch::<Lanes>),
    ("lanes, batch abort", with_other_producers::kill_batch_abort::<Lanes>),
    ("lanes, producer detach", with_other_producers::kill_detach::<Lanes>),
    ("lanes, typed attach", with_other_producers::kill_attach::<Lanes>),
    ("lanes, attach after batch", with_other_producers::kill_attach_after_batch::<Lanes>),
    ("lanes, typed pop", consuming::kill_typed_pop::<Lanes>),
    ("lanes, typed drain", consuming::kill_drain::<Lanes>),
    ("lanes, byte drain", consuming::kill_byte_drain::<Lanes>),
    ("lanes, read", consuming::kill_read::<Lanes>),
    ("lanes, read, stopped", consuming::stop_read::<Lanes>),
    ("lanes, consumer attach", consuming::kill_attach::<Lanes>),
    ("lanes, consumer detach", consuming::kill_detach::<Lanes>),
    ("lanes, typed peek", consuming::kill_peek::<Lanes>),
    ("lanes, producer close", close::kill_producer::<Lanes>),
    ("lanes, consumer close", close::kill_consumer::<Lanes>),
    ("lanes, waking close of a producer", wait::kill_closing_producer::<Lanes>),
    ("lanes, waking close of a consumer", wait::kill_closing_consumer::<Lanes>),
    ("lanes, sleeping push_slice", wait::kill_waiting_push_slice::<Lanes>),
    ("lanes, waking push", wait::kill_waking_producer::<Lanes>),
    ("lanes, waking pop", wait::kill_waking_consumer::<Lanes>),
    ("lanes, sleeping push", wait::kill_sleeping_producer::<Lanes>),
    ("lanes, sleeping pop", wait::kill_sleeping_consumer::<Lanes>),
    ("lanes, sleeping select", select::kill_sleeping_select::<Lanes>),
    ("lanes, arm", select::kill_arm::<Lanes>),
];

#[test]
fn killed_in_a_typed_push() {
    sweep("lanes, typed push");
}

#[test]
fn stopped_in_a_typed_push() {
    sweep("lanes, typed push, stopped");
}

#[test]
fn killed_in_a_typed_push_slice() {
    sweep("lanes, typed push_slice");
}

#[test]
fn stopped_in_a_typed_push_slice() {
    sweep("lanes, typed push_slice, stopped");
}

#[test]
fn killed_in_a_byte_push_of_three_cells() {
    sweep("lanes, byte push, cells");
}

#[test]
fn killed_in_a_byte_push_with_a_pad() {
    sweep("lanes, byte push, pad");
}

#[test]
fn killed_in_a_commit_len() {
    sweep("lanes, commit_len");
}

#[test]
fn killed_in_an_abort() {
    sweep("lanes, abort");
}

#[test]
fn killed_in_a_batch() {
    sweep("lanes, batch");
}

#[test]
fn stopped_in_a_batch() {
    sweep("lanes, batch, stopped");
}

#[test]
fn killed_in_the_abort_of_a_batch() {
    sweep("lanes, batch abort");
}

#[test]
fn killed_while_a_producer_detaches() {
    sweep("lanes, producer detach");
}

#[test]
fn killed_while_a_producer_attaches() {
    sweep("lanes, typed attach");
}

#[test]
fn killed_while_a_producer_attaches_after_half_a_batch() {
    sweep("lanes, attach after batch");
}

#[test]
fn killed_in_a_typed_pop() {
    sweep("lanes, typed pop");
}

#[test]
fn killed_in_a_typed_drain() {
    sweep("lanes, typed drain");
}

#[test]
fn killed_in_a_byte_drain() {
    sweep("lanes, byte drain");
}

#[test]
fn killed_in_a_read() {
    sweep("lanes, read");
}

#[test]
fn stopped_in_a_read() {
    sweep("lanes, read, stopped");
}

#[test]
fn killed_while_a_consumer_attaches() {
    sweep("lanes, consumer attach");
}

#[test]
fn killed_while_the_consumer_detaches() {
    sweep("lanes, consumer detach");
}

#[test]
fn killed_between_a_push_and_the_wake_up() {
    sweep("lanes, waking push");
}

#[test]
fn killed_between_a_pop_and_the_wake_up() {
    sweep("lanes, waking pop");
}

#[test]
fn killed_asleep_in_a_push() {
    sweep("lanes, sleeping push");
}

#[test]
fn killed_asleep_in_a_pop() {
    sweep("lanes, sleeping pop");
}

#[test]
fn killed_asleep_in_a_select() {
    sweep("lanes, sleeping select");
}

#[test]
fn killed_while_it_arms_a_descriptor() {
    sweep("lanes, arm");
}

#[test]
fn killed_in_a_typed_peek() {
    sweep("lanes, typed peek");
}

#[test]
fn killed_while_a_producer_closes_its_end() {
    sweep("lanes, producer close");
}

#[test]
fn killed_while_a_consumer_closes_its_end() {
    sweep("lanes, consumer close");
}

#[test]
fn killed_asleep_in_a_push_slice() {
    sweep("lanes, sleeping push_slice");
}

#[test]
fn killed_between_the_close_of_a_producer_and_the_wake_up() {
    sweep("lanes, waking close of a producer");
}

#[test]
fn killed_between_the_close_of_a_consumer_and_the_wake_up() {
    sweep("lanes, waking close of a consumer");
}
