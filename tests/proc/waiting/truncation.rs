//! A process truncates the file while a participant sleeps. Each way to wait reports that.
use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{Options, PopError};
use rustix::process::Signal;

use super::wait_methods::Way;
use support::Name;
#[cfg(feature = "async")]
use support::process::{self, soon};
use support::process::{Child, PATIENCE, say};

pub fn be_cut(words: &[&str]) {
    let ring = Ring::<u64>::open(words[0]).unwrap();
    let _tx = ring.producer().unwrap();
    let mut way = Way::new(words[1], ring.consumer().unwrap());
    assert_eq!(way.next(Duration::from_millis(250)), Err(PopError::Elapsed));
    say("asleep");
    for _ in 0..2 {
        match way.next(PATIENCE) {
            Err(PopError::Corrupt(what)) => say(what),
            other => panic!("{other:?}"),
        }
    }
    drop(way);
}

/// A waiter is awake for some microseconds after each slice. If the file is truncated just after it
/// checked the bytes, SIGBUS kills it, which the library cannot prevent. Then the test tries again.
const ATTEMPTS: usize = 3;

fn is_told_of(role: &str, way: &str) {
    for _ in 0..ATTEMPTS {
        let name = Name::unique("ringway-waiting-cut");
        Ring::<u64>::create(&name, &Options::new().capacity(4096)).unwrap();
        let mut child = Child::start(role, &[name.as_str(), way]);
        child.expect("asleep");
        sleep(Duration::from_millis(30));
        file_of(name.as_str()).set_len(0).unwrap();
        let said = child.rest();
        if !child.ends_by(Signal::BUS) {
            assert!(said.len() == 2 && said.iter().all(|said| said.contains("truncated")), "{said:?}");
            return child.finish();
        }
    }
    panic!("{way}: killed each time");
}

fn file_of(name: &str) -> File {
    File::options().write(true).open(Path::new("/dev/shm").join(name)).unwrap()
}

#[test]
fn a_pop_reports_a_truncated_file() {
    is_told_of("be cut", "pop");
}

#[test]
fn a_select_reports_a_truncated_file() {
    is_told_of("be cut", "select");
}

#[test]
fn a_select_of_many_reports_a_truncated_file() {
    is_told_of("be cut", "select of many");
}

#[test]
fn a_poll_reports_a_truncated_file() {
    is_told_of("be cut", "poll");
}

/// The waker thread finds that bytes are gone, and ends. From then on the wait reports truncation,
/// even if the file is whole again.
#[cfg(feature = "async")]
pub fn be_cut_and_restored(words: &[&str]) {
    let threads = || process::listing("/proc/self/task").len();
    let ring = Ring::<u64>::open(words[0]).unwrap();
    let (_tx, rx, before) = (ring.producer().unwrap(), ring.consumer().unwrap(), threads());
    let mut rx = rx.into_async().unwrap();
    let noop = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(rx.poll_ready(&noop).is_pending());
    let len = file_of(words[0]).metadata().unwrap().len();
    say("asleep");
    assert!(soon(|| threads() == before), "the waker thread does not end");
    file_of(words[0]).set_len(len).unwrap();
    for _ in 0..2 {
        futures_executor::block_on(rx.ready());
        say(rx.try_pop().unwrap_err());
    }
}

#[cfg(feature = "async")]
#[test]
fn an_await_reports_truncation_though_the_file_is_whole_again() {
    is_told_of("be cut and restored", "await");
}
