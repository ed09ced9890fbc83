//! A forked child has copies of handles with waker threads, but not the threads. It drops its
//! copies without a hang or a panic.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ringway::memory::Heap;
use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Options, PopError};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, waitpid};

use super::wait_methods::{WAYS, Way};
use support::Name;
use support::process::{self, PATIENCE, soon};

/// Forks a child that runs `act` and ends. Returns `true` if it ended without an error.
fn ends_well_in_a_child(act: impl FnOnce()) -> bool {
    // SAFETY: the other threads of this process are the harness's, which waits, and waker threads,
    // which hold no locks while they sleep.
    let child = match unsafe { libc::fork() } {
        0 => {
            set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
            let went_well = catch_unwind(AssertUnwindSafe(act)).is_ok();
            // SAFETY: ends the process; nothing of it is used afterwards.
            unsafe { libc::_exit(if went_well { 0 } else { 101 }) }
        }
        pid => Pid::from_raw(pid).expect("a child"),
    };
    let mut status = None;
    let has_ended = soon(|| {
        status = waitpid(Some(child), WaitOptions::NOHANG).unwrap();
        status.is_some()
    });
    if !has_ended {
        kill_process(child, Signal::KILL).unwrap();
    }
    status.is_some_and(|(_, status)| status.exit_status() == Some(0))
}

fn is_woken(tx: &mut Producer<u64>, way: &mut Way, number: u64) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(2));
            tx.try_push(&number).unwrap();
        });
        assert_eq!(way.next(PATIENCE), Ok(number));
    });
}

/// Takes a way to wait that has waited before.
pub fn fork_and_drop(words: &[&str]) {
    let ring = Ring::<u64>::create(words[0], &Options::new().capacity(4)).unwrap();
    let mut tx = ring.producer().unwrap();
    let mut way = Some(Way::new(words[1], ring.consumer().unwrap()));
    for number in 0..3 {
        is_woken(&mut tx, way.as_mut().unwrap(), number);
        assert_eq!(way.as_mut().unwrap().next(Duration::from_millis(5)), Err(PopError::Elapsed));
        assert!(ends_well_in_a_child(|| drop(way.take())), "the child hangs, or panics");
        is_woken(&mut tx, way.as_mut().unwrap(), number + 10);
    }
}

#[test]
fn a_forked_child_drops_handles_with_waker_threads() {
    for way in WAYS {
        let name = Name::unique("ringway-waiting-fork");
        process::run("fork and drop a waiter", &[name.as_str(), way]);
    }
}

/// Does the same on the heap, where no segment tells the child from its parent.
pub fn fork_and_drop_on_the_heap(_: &[&str]) {
    let ring = Ring::<u64>::on_heap(&Options::new().capacity(4));
    let ring = ring.unwrap();
    let (_tx, rx): (_, Consumer<u64, Heap>) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut rx = Some(rx.into_pollable().unwrap());
    assert!(rx.as_mut().unwrap().arm());
    assert!(ends_well_in_a_child(|| drop(rx.take())), "the child hangs, or panics");
}

#[test]
fn a_forked_child_drops_handles_with_waker_threads_on_the_heap() {
    process::run("fork and drop on the heap", &[]);
}
