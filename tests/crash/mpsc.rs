//! Killed anywhere in an `mpsc` ring: many producers in one order.
use ringway::mpsc::Mpsc;

use crate::{close, consuming, double_crash, recover, sweep, wait, with_other_producers};
use support::process::Act;

/// The sweeps.
pub const ROLES: &[(&str, Act)] = &[
    ("mpsc, typed push", with_other_producers::kill_typed_push::<Mpsc>),
    ("mpsc, typed push, stopped", with_other_producers::stop_typed_push::<Mpsc>),
    ("mpsc, typed push_slice", with_other_producers::kill_push_slice::<Mpsc>),
    ("mpsc, typed push_slice, stopped", with_other_producers::stop_push_slice::<Mpsc>),
    ("mpsc, byte push, cells", with_other_producers::kill_push_of_cells::<Mpsc>),
    ("mpsc, byte push, pad", with_other_producers::kill_push_after_pad::<Mpsc>),
    ("mpsc, commit_len", with_other_producers::kill_commit_len::<Mpsc>),
    ("mpsc, abort", with_other_producers::kill_abort::<Mpsc>),
    ("mpsc, batch", with_other_producers::kill_batch::<Mpsc>),
    ("mpsc, batch, stopped", with_other_producers::stop_batch::<Mpsc>),
    ("mpsc, batch abort", with_other_producers::kill_batch_abort::<Mpsc>),
    ("mpsc, producer detach", with_other_producers::kill_detach::<Mpsc>),
    ("mpsc, typed attach", with_other_producers::kill_attach::<Mpsc>),
    ("mpsc, typed pop", consuming::kill_typed_pop::<Mpsc>),
    ("mpsc, typed drain", consuming::kill_drain::<Mpsc>),
    ("mpsc, byte drain", consuming::kill_byte_drain::<Mpsc>),
    ("mpsc, read", consuming::kill_read::<Mpsc>),
    ("mpsc, read, stopped", consuming::stop_read::<Mpsc>),
    ("mpsc, consumer attach", consuming::kill_attach::<Mpsc>),
    ("mpsc, consumer detach", consuming::kill_detach::<Mpsc>),
    ("mpsc, typed peek", consuming::kill_peek::<Mpsc>),
    ("mpsc, producer close", close::kill_producer::<Mpsc>),
    ("mpsc, consumer close", close::kill_consumer::<Mpsc>),
    ("mpsc, waking close of a producer", wait::kill_closing_producer::<Mpsc>),
    ("mpsc, waking close of a consumer", wait::kill_closing_consumer::<Mpsc>),
    ("mpsc, sleeping push_slice", wait::kill_waiting_push_slice::<Mpsc>),
    ("mpsc, waking push", wait::kill_waking_producer::<Mpsc>),
    ("mpsc, waking pop", wait::kill_waking_consumer::<Mpsc>),
    ("mpsc, sleeping push", wait::kill_sleeping_producer::<Mpsc>),
    ("mpsc, sleeping pop", wait::kill_sleeping_consumer::<Mpsc>),
    ("mpsc, passing items", recover::kill_passing_items),
    ("mpsc, peeking", recover::kill_peeking),
    ("mpsc, passing bytes", recover::kill_passing_bytes),
    ("mpsc, recover, items", recover::kill_recovering_items),
    ("mpsc, recover, bytes", recover::kill_recovering_bytes),
    ("pairs, after seated", double_crash::kill_after_seated),
    ("pairs, after announced", double_crash::kill_after_announced),
    ("pairs, before announced", double_crash::kill_before_announced),
    ("pairs, after claimed", double_crash::kill_after_claimed),
    ("pairs, batch after announced", double_crash::kill_batch_after_announced),
    ("pairs, batch after claimed", double_crash::kill_batch_after_claimed),
    ("pairs, batch after owned", double_crash::kill_batch_after_owned),
    ("pairs, batch after later stamp", double_crash::kill_batch_after_later_stamp),
    ("pairs, beside a rival", double_crash::kill_beside_a_rival),
];

#[test]
fn killed_in_a_typed_push() {
    sweep("mpsc, typed push");
}

#[test]
fn stopped_in_a_typed_push() {
    sweep("mpsc, typed push, stopped");
}

#[test]
fn killed_in_a_typed_push_slice() {
    sweep("mpsc, typed push_slice");
}

#[test]
fn stopped_in_a_typed_push_slice() {
    sweep("mpsc, typed push_slice, stopped");
}

#[test]
fn killed_in_a_byte_push_of_three_cells() {
    sweep("mpsc, byte push, cells");
}

#[test]
fn killed_in_a_byte_push_with_a_pad() {
    sweep("mpsc, byte push, pad");
}

#[test]
fn killed_in_a_commit_len() {
    sweep("mpsc, commit_len");
}

#[test]
fn killed_in_an_abort() {
    sweep("mpsc, abort");
}

#[test]
fn killed_in_a_batch() {
    sweep("mpsc, batch");
}

#[test]
fn stopped_in_a_batch() {
    sweep("mpsc, batch, stopped");
}

#[test]
fn killed_in_the_abort_of_a_batch() {
    sweep("mpsc, batch abort");
}

#[test]
fn killed_while_a_producer_detaches() {
    sweep("mpsc, producer detach");
}

#[test]
fn killed_while_a_producer_attaches() {
    sweep("mpsc, typed attach");
}

#[test]
fn killed_in_a_typed_pop() {
    sweep("mpsc, typed pop");
}

#[test]
fn killed_in_a_typed_drain() {
    sweep("mpsc, typed drain");
}

#[test]
fn killed_in_a_byte_drain() {
    sweep("mpsc, byte drain");
}

#[test]
fn killed_in_a_read() {
    sweep("mpsc, read");
}

#[test]
fn stopped_in_a_read() {
    sweep("mpsc, read, stopped");
}

#[test]
fn killed_while_a_consumer_attaches() {
    sweep("mpsc, consumer attach");
}

#[test]
fn killed_while_the_consumer_detaches() {
    sweep("mpsc, consumer detach");
}

#[test]
fn killed_between_a_push_and_the_wake_up() {
    sweep("mpsc, waking push");
}

#[test]
fn killed_between_a_pop_and_the_wake_up() {
    sweep("mpsc, waking pop");
}

#[test]
fn killed_asleep_in_a_push() {
    sweep("mpsc, sleeping push");
}

#[test]
fn killed_asleep_in_a_pop() {
    sweep("mpsc, sleeping pop");
}

#[test]
fn killed_while_it_passes_over_a_lost_item() {
    sweep("mpsc, passing items");
}

#[test]
fn killed_while_it_passes_over_half_a_batch() {
    sweep("mpsc, passing bytes");
}

#[test]
fn killed_in_a_recover_of_items() {
    sweep("mpsc, recover, items");
}

#[test]
fn killed_in_a_recover_of_a_batch() {
    sweep("mpsc, recover, bytes");
}

#[test]
fn killed_after_another_died_in_its_seat() {
    sweep("pairs, after seated");
}

#[test]
fn killed_after_another_died_having_announced() {
    sweep("pairs, after announced");
}

#[test]
fn killed_in_a_lower_seat_after_another_died_having_announced() {
    sweep("pairs, before announced");
}

#[test]
fn killed_after_another_died_having_claimed() {
    sweep("pairs, after claimed");
}

#[test]
fn killed_in_a_batch_after_another_died_having_announced() {
    sweep("pairs, batch after announced");
}

#[test]
fn killed_in_a_batch_after_another_died_having_claimed() {
    sweep("pairs, batch after claimed");
}

#[test]
fn killed_in_a_batch_after_another_died_having_owned() {
    sweep("pairs, batch after owned");
}

#[test]
fn killed_in_a_batch_after_another_died_having_stamped() {
    sweep("pairs, batch after later stamp");
}

#[test]
fn killed_beside_another_that_stopped() {
    sweep("pairs, beside a rival");
}

#[test]
fn killed_in_a_typed_peek() {
    sweep("mpsc, typed peek");
}

#[test]
fn killed_while_a_producer_closes_its_end() {
    sweep("mpsc, producer close");
}

#[test]
fn killed_while_a_consumer_closes_its_end() {
    sweep("mpsc, consumer close");
}

#[test]
fn killed_asleep_in_a_push_slice() {
    sweep("mpsc, sleeping push_slice");
}

#[test]
fn killed_while_it_peeks_over_a_lost_item() {
    sweep("mpsc, peeking");
}

#[test]
fn killed_between_the_close_of_a_producer_and_the_wake_up() {
    sweep("mpsc, waking close of a producer");
}

#[test]
fn killed_between_the_close_of_a_consumer_and_the_wake_up() {
    sweep("mpsc, waking close of a consumer");
}
