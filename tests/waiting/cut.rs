//! The file is truncated under somebody who sleeps: that is told, whichever way it sleeps.
use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{Options, PopError};

use crate::children::{Child, PATIENCE, say};
use crate::common::Name;
use crate::ways::Way;

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

fn is_told_of(way: &str) {
    let name = Name::unique("ringway-waiting-cut");
    Ring::<u64>::create(&name, &Options::new().capacity(4096)).unwrap();
    let mut child = Child::start("be cut", &[name.as_str(), way]);
    child.expect("asleep");
    // Awake for some microseconds after each slice: who is cut just then is killed, and nothing can help it.
    sleep(Duration::from_millis(30));
    let file = File::options().write(true).open(Path::new("/dev/shm").join(&name)).unwrap();
    file.set_len(0).unwrap();
    for _ in 0..2 {
        let said = child.line();
        assert!(said.contains("truncated"), "{said}");
    }
    child.finish();
}

#[test]
fn who_pops_is_told_of_a_truncated_file() {
    is_told_of("pop");
}

#[test]
fn who_selects_is_told_of_a_truncated_file() {
    is_told_of("select");
}

#[test]
fn who_selects_of_many_is_told_of_a_truncated_file() {
    is_told_of("select of many");
}

#[test]
fn who_polls_is_told_of_a_truncated_file() {
    is_told_of("poll");
}

/// Its attendant has found the bytes gone, and has ended: nothing may be waited for any more, whatever the file looks like by now.
#[cfg(feature = "async")]
#[test]
fn who_awaits_is_told_though_the_file_is_whole_again() {
    let name = Name::unique("ringway-waiting-restored");
    let ring = Ring::<u64>::create(&name, &Options::new().capacity(4096)).unwrap();
    let mut rx = ring.consumer().unwrap().into_async().unwrap();
    let noop = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(rx.poll_ready(&noop).is_pending());
    let file = File::options().write(true).open(Path::new("/dev/shm").join(&name)).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(0).unwrap();
    sleep(Duration::from_millis(250));
    file.set_len(len).unwrap();
    let (told, tells) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        futures_executor::block_on(rx.ready());
        told.send(rx.try_pop()).unwrap();
    });
    let said = tells.recv_timeout(PATIENCE).expect("it still waits");
    assert!(matches!(said, Err(PopError::Corrupt(_))), "{said:?}");
}
