//! Waits with a timeout end when the time is up: no earlier and not much later, whatever signals
//! arrive, and however long the process was stopped meanwhile.
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use ringway::spsc::Ring;
use ringway::{Options, PopError, PushError};

use super::instrumented_memory::now;
use super::wait_methods::{WAYS, Way};
use support::Name;
use support::process::{Child, hear, say};

/// The timeout of a wait in a storm of signals.
const LIMIT: Duration = Duration::from_millis(60);
/// The timeout of a wait in which the process is stopped.
const LONGER: Duration = Duration::from_millis(200);
const STOPPED: Duration = Duration::from_millis(300);
/// The largest delay that counts as in time, less than a slice. The machine may be busy, so only
/// one of some waits has to keep to it.
const LATE: Duration = Duration::from_millis(80);
const ATTEMPTS: usize = 10;

/// A call that waits until its timeout.
type InVain = Box<dyn FnMut(Duration)>;

fn in_vain(name: &str, way: &str) -> InVain {
    let items = Ring::<u64>::open(name).unwrap();
    let bytes = || Ring::<[u8]>::open(format!("{name}-bytes")).unwrap();
    match way {
        "push" => {
            let mut tx = items.producer().unwrap();
            while tx.try_push(&1).is_ok() {}
            Box::new(move |limit| assert_eq!(tx.push_timeout(&1, limit), Err(PushError::Elapsed)))
        }
        "push bytes" => {
            let mut tx = bytes().producer().unwrap();
            while tx.try_push(&[1; 40]).is_ok() {}
            Box::new(move |limit| assert_eq!(tx.push_timeout(&[1; 40], limit), Err(PushError::Elapsed)))
        }
        "reserve" => {
            let mut tx = bytes().producer().unwrap();
            while tx.try_push(&[1; 40]).is_ok() {}
            Box::new(move |limit| assert!(matches!(tx.reserve_timeout(40, limit), Err(PushError::Elapsed))))
        }
        "read" => {
            let mut rx = bytes().consumer().unwrap();
            Box::new(move |limit| assert!(matches!(rx.read_timeout(limit), Err(PopError::Elapsed))))
        }
        "wait for a producer" => {
            let rx = items.consumer().unwrap();
            Box::new(move |limit| assert!(!rx.wait_for_producer(limit)))
        }
        "wait for a consumer" => {
            let tx = items.producer().unwrap();
            Box::new(move |limit| assert!(!tx.wait_for_consumer(limit)))
        }
        way => {
            let mut way = Way::new(way, items.consumer().unwrap());
            Box::new(move |limit| assert_eq!(way.next(limit), Err(PopError::Elapsed)))
        }
    }
}

const OTHERS: [&str; 6] =
    ["push", "push bytes", "reserve", "read", "wait for a producer", "wait for a consumer"];

fn with_rings(role: &str, way: &str) -> (Name, Name, Child) {
    let name = Name::unique("ringway-deadlines");
    // Removed like the other segment.
    let bytes = Name::named(format!("{}-bytes", name.as_str()));
    Ring::<u64>::create(&name, &Options::new().capacity(8)).unwrap();
    Ring::<[u8]>::create(&bytes, &Options::new().capacity(512)).unwrap();
    let child = Child::start(role, &[name.as_str(), way]);
    (name, bytes, child)
}

extern "C" fn nothing(_: libc::c_int) {}

/// Waits while signals interrupt it all the time, and checks when the waits ended.
pub fn weather_a_storm(words: &[&str]) {
    // SAFETY: zeros are a `sigaction`: no flags, so that system calls are not started again.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler does nothing.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) }, 0);
    let mut wait = in_vain(words[0], words[1]);
    let process = rustix::process::getpid().as_raw_pid();
    let (thread, is_over) = (rustix::thread::gettid().as_raw_nonzero().get(), AtomicBool::new(false));
    let is_late = |took: &Duration| *took > LIMIT + LATE;
    let took = scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                // SAFETY: a thread of this process, which lives longer than this one.
                unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1) };
                sleep(Duration::from_micros(300));
            }
        });
        let mut took = Vec::new();
        // Several waits, since each may be too early.
        while took.len() < ATTEMPTS / 2 || took.len() < ATTEMPTS && took.iter().all(is_late) {
            let began = Instant::now();
            wait(LIMIT);
            took.push(began.elapsed());
        }
        is_over.store(true, Relaxed);
        took
    });
    assert!(took.iter().all(|took| *took >= LIMIT), "too early: {took:?}");
    assert!(!took.iter().all(is_late), "too late: {took:?}");
    say("weathered");
}

fn is_weathered(ways: &[&str]) {
    for way in ways {
        let (_name, _bytes, mut child) = with_rings("weather a storm", way);
        child.expect("weathered");
        child.finish();
    }
}

#[test]
fn consumers_keep_their_deadlines_in_a_storm_of_signals() {
    is_weathered(&WAYS);
}

#[test]
fn all_others_keep_their_deadlines_in_a_storm_of_signals() {
    is_weathered(&OTHERS);
}

/// Waits once for each line, and prints when the wait ended.
pub fn be_stopped(words: &[&str]) {
    let mut wait = in_vain(words[0], words[1]);
    while hear().is_some() {
        say("waits");
        wait(LONGER);
        say(now());
    }
}

/// A process that was stopped for longer than its timeout ends the wait when it continues.
fn ends_when_it_goes_on(ways: &[&str]) {
    for way in ways {
        let (_name, _bytes, mut child) = with_rings("be stopped", way);
        // The delay. `None` if the wait ended before the process was stopped, because this test was
        // late itself.
        let late = |child: &mut Child| {
            child.tell("wait");
            child.expect("waits");
            sleep(LONGER / 4);
            child.stop();
            let stopped = now();
            sleep(STOPPED);
            let went_on = now();
            child.go_on();
            let ended: u64 = child.line().parse().unwrap();
            assert!(ended < stopped || ended >= went_on, "{way}: it ended while it was stopped");
            Some(Duration::from_nanos(ended.checked_sub(went_on)?))
        };
        let late: Vec<_> = (0..ATTEMPTS)
            .map(|_| late(&mut child))
            .take_while(|late| late.is_none_or(|late| late > LATE))
            .collect();
        assert!(late.len() < ATTEMPTS, "{way}: waits on for {late:?}");
    }
}

#[test]
fn a_consumer_that_was_stopped_for_longer_than_it_waits_ends() {
    ends_when_it_goes_on(&WAYS);
}

#[test]
fn all_others_that_were_stopped_for_longer_than_they_wait_end() {
    ends_when_it_goes_on(&OTHERS);
}
