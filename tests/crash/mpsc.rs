//! Killed anywhere in an `mpsc` ring: many producers in one order.
use ringway::mpsc::Mpsc;

use crate::children::Act;
use crate::{among, consuming, mending, pairs, sleeping, stage};

/// What stages do.
pub const ROLES: &[(&str, Act)] = &[
    ("mpsc, typed push", among::kill_typed_push::<Mpsc>),
    ("mpsc, typed push, stopped", among::stop_typed_push::<Mpsc>),
    ("mpsc, typed push_slice", among::kill_push_slice::<Mpsc>),
    ("mpsc, typed push_slice, stopped", among::stop_push_slice::<Mpsc>),
    ("mpsc, byte push, cells", among::kill_push_of_cells::<Mpsc>),
    ("mpsc, byte push, pad", among::kill_push_after_pad::<Mpsc>),
    ("mpsc, commit_len", among::kill_commit_len::<Mpsc>),
    ("mpsc, abort", among::kill_abort::<Mpsc>),
    ("mpsc, batch", among::kill_batch::<Mpsc>),
    ("mpsc, batch, stopped", among::stop_batch::<Mpsc>),
    ("mpsc, batch abort", among::kill_batch_abort::<Mpsc>),
    ("mpsc, producer detach", among::kill_detach::<Mpsc>),
    ("mpsc, typed attach", among::kill_attach::<Mpsc>),
    ("mpsc, typed pop", consuming::kill_typed_pop::<Mpsc>),
    ("mpsc, typed drain", consuming::kill_drain::<Mpsc>),
    ("mpsc, byte drain", consuming::kill_byte_drain::<Mpsc>),
    ("mpsc, read", consuming::kill_read::<Mpsc>),
    ("mpsc, read, stopped", consuming::stop_read::<Mpsc>),
    ("mpsc, consumer attach", consuming::kill_attach::<Mpsc>),
    ("mpsc, consumer detach", consuming::kill_detach::<Mpsc>),
    ("mpsc, waking push", sleeping::kill_waking_producer::<Mpsc>),
    ("mpsc, waking pop", sleeping::kill_waking_consumer::<Mpsc>),
    ("mpsc, sleeping push", sleeping::kill_sleeping_producer::<Mpsc>),
    ("mpsc, sleeping pop", sleeping::kill_sleeping_consumer::<Mpsc>),
    ("mpsc, passing items", mending::kill_passing_items),
    ("mpsc, passing bytes", mending::kill_passing_bytes),
    ("mpsc, recover, items", mending::kill_recovering_items),
    ("mpsc, recover, bytes", mending::kill_recovering_bytes),
    ("pairs, after seated", pairs::kill_after_seated),
    ("pairs, after announced", pairs::kill_after_announced),
    ("pairs, before announced", pairs::kill_before_announced),
    ("pairs, after claimed", pairs::kill_after_claimed),
    ("pairs, batch after announced", pairs::kill_batch_after_announced),
    ("pairs, batch after claimed", pairs::kill_batch_after_claimed),
    ("pairs, batch after owned", pairs::kill_batch_after_owned),
    ("pairs, batch after later stamp", pairs::kill_batch_after_later_stamp),
    ("pairs, beside a rival", pairs::kill_beside_a_rival),
];

#[test]
fn killed_in_a_typed_push() {
    stage("mpsc, typed push");
}

#[test]
fn stopped_in_a_typed_push() {
    stage("mpsc, typed push, stopped");
}

#[test]
fn killed_in_a_typed_push_slice() {
    stage("mpsc, typed push_slice");
}

#[test]
fn stopped_in_a_typed_push_slice() {
    stage("mpsc, typed push_slice, stopped");
}

#[test]
fn killed_in_a_byte_push_of_three_cells() {
    stage("mpsc, byte push, cells");
}

#[test]
fn killed_in_a_byte_push_with_a_pad() {
    stage("mpsc, byte push, pad");
}

#[test]
fn killed_in_a_commit_len() {
    stage("mpsc, commit_len");
}

#[test]
fn killed_in_an_abort() {
    stage("mpsc, abort");
}

#[test]
fn killed_in_a_batch() {
    stage("mpsc, batch");
}

#[test]
fn stopped_in_a_batch() {
    stage("mpsc, batch, stopped");
}

#[test]
fn killed_in_the_abort_of_a_batch() {
    stage("mpsc, batch abort");
}

#[test]
fn killed_as_a_producer_leaves() {
    stage("mpsc, producer detach");
}

#[test]
fn killed_as_a_producer_comes() {
    stage("mpsc, typed attach");
}

#[test]
fn killed_in_a_typed_pop() {
    stage("mpsc, typed pop");
}

#[test]
fn killed_in_a_typed_drain() {
    stage("mpsc, typed drain");
}

#[test]
fn killed_in_a_byte_drain() {
    stage("mpsc, byte drain");
}

#[test]
fn killed_in_a_read() {
    stage("mpsc, read");
}

#[test]
fn stopped_in_a_read() {
    stage("mpsc, read, stopped");
}

#[test]
fn killed_as_a_consumer_comes() {
    stage("mpsc, consumer attach");
}

#[test]
fn killed_as_the_consumer_leaves() {
    stage("mpsc, consumer detach");
}

#[test]
fn killed_between_a_push_and_the_wake_up() {
    stage("mpsc, waking push");
}

#[test]
fn killed_between_a_pop_and_the_wake_up() {
    stage("mpsc, waking pop");
}

#[test]
fn killed_asleep_in_a_push() {
    stage("mpsc, sleeping push");
}

#[test]
fn killed_asleep_in_a_pop() {
    stage("mpsc, sleeping pop");
}

#[test]
fn killed_as_it_passes_over_a_lost_item() {
    stage("mpsc, passing items");
}

#[test]
fn killed_as_it_passes_over_half_a_batch() {
    stage("mpsc, passing bytes");
}

#[test]
fn killed_in_a_recover_of_items() {
    stage("mpsc, recover, items");
}

#[test]
fn killed_in_a_recover_of_a_batch() {
    stage("mpsc, recover, bytes");
}

#[test]
fn died_after_one_in_its_seat() {
    stage("pairs, after seated");
}

#[test]
fn died_after_one_that_announced() {
    stage("pairs, after announced");
}

#[test]
fn died_in_the_seat_before_one_that_announced() {
    stage("pairs, before announced");
}

#[test]
fn died_after_one_that_claimed() {
    stage("pairs, after claimed");
}

#[test]
fn died_in_a_batch_after_one_that_announced() {
    stage("pairs, batch after announced");
}

#[test]
fn died_in_a_batch_after_one_that_claimed() {
    stage("pairs, batch after claimed");
}

#[test]
fn died_in_a_batch_after_one_that_owned() {
    stage("pairs, batch after owned");
}

#[test]
fn died_in_a_batch_after_one_that_stamped() {
    stage("pairs, batch after later stamp");
}

#[test]
fn died_beside_one_that_stopped() {
    stage("pairs, beside a rival");
}
