//! A waiting thread without work costs next to nothing. These tests count how often it wakes up.
use std::env;
use std::time::{Duration, Instant};

use ringway::spsc::Ring;
use ringway::{Options, PopError, PushError};

use super::wait_methods::Way;
use support::process::{Child, say};
use support::{Name, can_sleep_on_several};

/// How often this process has gone to sleep so far, and its processor time.
fn so_far() -> (u64, Duration) {
    // SAFETY: a structure of numbers only: zeros are values of it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is as large as the call wants it.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) }, 0);
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, 1000 * time.tv_usec as u32);
    (usage.ru_nvcsw as u64, time(usage.ru_utime) + time(usage.ru_stime))
}

fn seconds() -> u64 {
    env::var("RINGWAY_IDLE_SECONDS").map_or(3, |seconds| seconds.parse().unwrap())
}

pub fn idle(words: &[&str]) {
    let ring = Ring::<u64>::open(words[0]).unwrap();
    let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (limit, short) = (Duration::from_secs(seconds()), Duration::from_millis(150));
    let wait: Box<dyn FnOnce()> = if words[1] == "push" {
        while tx.try_push(&1).is_ok() {}
        assert_eq!(tx.push_timeout(&1, short), Err(PushError::Elapsed));
        Box::new(move || assert_eq!(tx.push_timeout(&1, limit), Err(PushError::Elapsed)))
    } else {
        let mut way = Way::new(words[1], rx);
        assert_eq!(way.next(short), Err(PopError::Elapsed));
        Box::new(move || assert_eq!(way.next(limit), Err(PopError::Elapsed)))
    };
    let (before, began) = (so_far(), Instant::now());
    wait();
    let (after, took) = (so_far(), began.elapsed());
    say(after.0 - before.0);
    say(format!("{:?} of processor time in {took:?}", after.1 - before.1));
}

/// Checks that the wait wakes up at most so many times a second.
fn sleeps_at_most(most: u64, way: &str) {
    let name = Name::unique("ringway-idle");
    Ring::<u64>::create(&name, &Options::new().capacity(64)).unwrap();
    let mut child = Child::start("idle", &[name.as_str(), way]);
    let times: u64 = child.line().parse().unwrap();
    println!("{way}: slept {times} times, {}", child.line());
    // A few more for a thread that starts, or a lock that is held.
    assert!(times <= most * seconds() + 8, "{way}: slept {times} times in {} s", seconds());
    child.finish();
}

#[test]
fn an_idle_pop_sleeps() {
    sleeps_at_most(10, "pop");
}

#[test]
fn an_idle_push_sleeps() {
    sleeps_at_most(10, "push");
}

/// A select of four rings, with waker threads if it needs them.
#[test]
fn an_idle_select_sleeps() {
    sleeps_at_most(if can_sleep_on_several() { 10 } else { 10 * 5 }, "select");
}

/// The consumer and its waker thread.
#[test]
fn an_idle_poll_sleeps() {
    sleeps_at_most(20, "poll");
}

/// Each of 130 waker threads, and the thread that they wake.
#[test]
fn an_idle_select_of_many_sleeps() {
    sleeps_at_most(10 * 131 + 200, "select of many");
}
