//! Kills a process after each single instruction of each operation, and checks that its peers find
//! what the ring promises.
//!
//! Each test runs a *sweep*, in a process of its own in which nothing else happens. The sweep forks
//! a victim, leads it to one instruction of its operation and kills it there. Then it does what the
//! survivors do, and checks what they find. It repeats that for every instruction.
#![cfg(all(feature = "std", target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod close;
mod consuming;
mod copies;
mod create;
mod double_crash;
mod fixture;
mod kill_points;
mod kinds;
mod lanes;
mod mpsc;
mod operations;
mod payload;
mod producing;
mod recover;
mod select;
mod victim;
mod wait;
mod with_other_producers;

use std::env;
use std::fs::{self, File};
use std::io::{Error, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ringway::spsc::Spsc;
use support::process::{self, Act, Child};

/// Not a test: the entry point of the processes that run sweeps. Returns at once if there is no
/// role.
#[test]
fn child_entry() {
    process::play(&[ROLES, mpsc::ROLES, lanes::ROLES, copies::ROLES].concat());
}

/// The sweeps of `spsc` rings.
const ROLES: &[(&str, Act)] = &[
    ("typed push", producing::kill_typed_push),
    ("typed push, stopped", producing::stop_typed_push),
    ("typed push_slice", producing::kill_push_slice),
    ("byte push", producing::kill_push_of_a_cell),
    ("byte push, cells", producing::kill_push_of_cells),
    ("byte push, pad", producing::kill_push_after_pad),
    ("commit_len", producing::kill_commit_len),
    ("abort", producing::kill_abort),
    ("batch", producing::kill_batch),
    ("batch, stopped", producing::stop_batch),
    ("batch abort", producing::kill_batch_abort),
    ("producer detach", producing::kill_detach),
    ("typed attach", producing::kill_typed_attach),
    ("attach after batch", producing::kill_attach_after_batch),
    ("attach before tail", producing::kill_attach_before_tail),
    ("typed pop", consuming::kill_typed_pop::<Spsc>),
    ("typed pop, stopped", consuming::stop_typed_pop::<Spsc>),
    ("typed pop_slice", consuming::kill_pop_slice::<Spsc>),
    ("typed drain", consuming::kill_drain::<Spsc>),
    ("byte drain", consuming::kill_byte_drain::<Spsc>),
    ("read", consuming::kill_read::<Spsc>),
    ("read, stopped", consuming::stop_read::<Spsc>),
    ("keep", consuming::kill_keep::<Spsc>),
    ("consumer detach", consuming::kill_detach::<Spsc>),
    ("consumer attach", consuming::kill_attach::<Spsc>),
    ("typed peek", consuming::kill_peek::<Spsc>),
    ("producer close", close::kill_producer::<Spsc>),
    ("consumer close", close::kill_consumer::<Spsc>),
    ("create", create::kill_create),
    ("open_or_create, absent", create::kill_open_or_create_absent),
    ("open_or_create, present", create::kill_open_or_create_present),
    ("open", create::kill_open),
    ("unlink", create::kill_unlink),
    ("waking push", wait::kill_waking_producer::<Spsc>),
    ("waking push, waker thread", wait::kill_before_waking_a_waker_thread::<Spsc>),
    ("waking push, select", wait::kill_before_waking_a_select::<Spsc>),
    ("waking pop", wait::kill_waking_consumer::<Spsc>),
    ("sleeping pop", wait::kill_sleeping_consumer::<Spsc>),
    ("sleeping push", wait::kill_sleeping_producer::<Spsc>),
    ("waking close of a producer", wait::kill_closing_producer::<Spsc>),
    ("waking close of a consumer", wait::kill_closing_consumer::<Spsc>),
    ("sleeping push_slice", wait::kill_waiting_push_slice::<Spsc>),
    ("sleeping select", select::kill_sleeping_select::<Spsc>),
    ("arm", select::kill_arm::<Spsc>),
    ("drop of a pollable", select::kill_drop_of_a_pollable::<Spsc>),
];

/// Names a file to which each sweep appends its result.
const COUNTS: &str = "RINGWAY_KILLED_POINTS";

/// Appends `line` to the file that [`COUNTS`] names, if it names one.
fn count(line: &str) {
    if let Some(file) = env::var_os(COUNTS) {
        let mut counts = File::options().append(true).create(true).open(file).unwrap();
        counts.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// Runs the sweep `role` in a process of its own, and prints how many victims it killed.
fn sweep(role: &str) {
    sweep_with(role, &[]);
}

/// Runs the sweep `role` with arguments.
fn sweep_with(role: &str, words: &[&str]) {
    static REFUSAL: LazyLock<Option<Error>> = LazyLock::new(victim::refusal);
    if let Some(error) = &*REFUSAL {
        let skipped = format!("skipped: this process may not trace another: {error}");
        println!("{skipped}");
        return count(&skipped);
    }
    let mut cleanup = SegmentCleanup { prefix: None };
    let mut supervisor = Child::start(role, words);
    cleanup.prefix = Some(format!("{SEGMENTS}-{}-", supervisor.id()));
    supervisor.hang_up();
    let said = supervisor.rest();
    supervisor.finish();
    let results: Vec<&String> = said.iter().filter(|line| !line.starts_with('(')).collect();
    results.iter().for_each(|line| println!("{line}"));
    assert!(!results.is_empty(), "{role}: the sweep killed no victim");
    results.iter().for_each(|line| count(line));
    assert_eq!(cleanup.left(), Vec::<PathBuf>::new(), "{role}: the sweep left segments behind");
}

/// The prefix of the names of all segments. The process id of the sweep follows.
const SEGMENTS: &str = "ringway-crash";

/// Removes the segments that a sweep left behind when it failed.
struct SegmentCleanup {
    prefix: Option<String>,
}

impl SegmentCleanup {
    fn left(&self) -> Vec<PathBuf> {
        let names = process::listing("/dev/shm");
        let is_own = |name: &&String| self.prefix.as_ref().is_some_and(|prefix| name.starts_with(prefix));
        let own = names.iter().filter(is_own);
        own.map(|name| Path::new("/dev/shm").join(name)).collect()
    }
}

impl Drop for SegmentCleanup {
    fn drop(&mut self) {
        self.left().iter().for_each(|path| drop(fs::remove_file(path)));
    }
}

#[test]
fn killed_in_a_typed_push() {
    sweep("typed push");
}

#[test]
fn stopped_in_a_typed_push() {
    sweep("typed push, stopped");
}

#[test]
fn killed_in_a_typed_push_slice() {
    sweep("typed push_slice");
}

#[test]
fn killed_in_a_byte_push_of_one_cell() {
    sweep("byte push");
}

#[test]
fn killed_in_a_byte_push_of_three_cells() {
    sweep("byte push, cells");
}

#[test]
fn killed_in_a_byte_push_with_a_pad() {
    sweep("byte push, pad");
}

#[test]
fn killed_in_a_commit_len() {
    sweep("commit_len");
}

#[test]
fn killed_in_an_abort() {
    sweep("abort");
}

#[test]
fn killed_in_a_batch() {
    sweep("batch");
}

#[test]
fn stopped_in_a_batch() {
    sweep("batch, stopped");
}

#[test]
fn killed_in_the_abort_of_a_batch() {
    sweep("batch abort");
}

#[test]
fn killed_while_the_producer_detaches() {
    sweep("producer detach");
}

#[test]
fn killed_while_a_producer_attaches() {
    sweep("typed attach");
}

#[test]
fn killed_while_a_producer_attaches_after_half_a_batch() {
    sweep("attach after batch");
}

#[test]
fn killed_while_a_producer_attaches_and_tail_lags() {
    sweep("attach before tail");
}

#[test]
fn killed_in_a_typed_pop() {
    sweep("typed pop");
}

#[test]
fn stopped_in_a_typed_pop() {
    sweep("typed pop, stopped");
}

#[test]
fn killed_in_a_typed_pop_slice() {
    sweep("typed pop_slice");
}

#[test]
fn killed_in_a_typed_drain() {
    sweep("typed drain");
}

#[test]
fn killed_in_a_byte_drain() {
    sweep("byte drain");
}

#[test]
fn killed_in_a_read() {
    sweep("read");
}

#[test]
fn stopped_in_a_read() {
    sweep("read, stopped");
}

#[test]
fn killed_while_a_record_is_kept() {
    sweep("keep");
}

#[test]
fn killed_while_the_consumer_detaches() {
    sweep("consumer detach");
}

#[test]
fn killed_while_a_consumer_attaches() {
    sweep("consumer attach");
}

#[test]
fn killed_in_a_create() {
    sweep("create");
}

#[test]
fn killed_in_an_open_or_create_that_creates() {
    sweep("open_or_create, absent");
}

#[test]
fn killed_in_an_open_or_create_that_opens() {
    sweep("open_or_create, present");
}

#[test]
fn killed_in_an_open() {
    sweep("open");
}

#[test]
fn killed_in_an_unlink() {
    sweep("unlink");
}

#[test]
fn killed_between_a_push_and_the_wake_up() {
    sweep("waking push");
}

#[test]
fn killed_between_a_push_and_the_wake_up_of_a_waker_thread() {
    sweep("waking push, waker thread");
}

#[test]
fn killed_between_a_push_and_the_wake_up_of_a_select() {
    sweep("waking push, select");
}

#[test]
fn killed_between_a_pop_and_the_wake_up() {
    sweep("waking pop");
}

#[test]
fn killed_asleep_in_a_pop() {
    sweep("sleeping pop");
}

#[test]
fn killed_asleep_in_a_push() {
    sweep("sleeping push");
}

#[test]
fn killed_asleep_in_a_select() {
    sweep("sleeping select");
}

#[test]
fn killed_while_it_arms_a_descriptor() {
    sweep("arm");
}

#[test]
fn killed_while_it_drops_a_descriptor() {
    sweep("drop of a pollable");
}

#[test]
fn killed_in_a_typed_peek() {
    sweep("typed peek");
}

#[test]
fn killed_while_a_producer_closes_its_end() {
    sweep("producer close");
}

#[test]
fn killed_while_a_consumer_closes_its_end() {
    sweep("consumer close");
}

#[test]
fn killed_asleep_in_a_push_slice() {
    sweep("sleeping push_slice");
}

#[test]
fn killed_between_the_close_of_a_producer_and_the_wake_up() {
    sweep("waking close of a producer");
}

#[test]
fn killed_between_the_close_of_a_consumer_and_the_wake_up() {
    sweep("waking close of a consumer");
}
