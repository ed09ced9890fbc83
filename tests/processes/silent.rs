//! The data path makes no system call while nobody sleeps: both sides run where the kernel kills whoever makes any but
//! `read`, `write`, `exit` and `sigreturn`.
use std::hint::spin_loop;
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{Options, PopError, PushError};
use rustix::thread::{SecureComputingMode, set_secure_computing_mode};

use crate::children::Child;
use crate::common::Name;

const RECORDS: u64 = 200_000;

/// From here on, any other system call is this thread's end.
fn fall_silent() {
    set_secure_computing_mode(SecureComputingMode::Strict).unwrap();
}

/// As [`say`](crate::children::say) does, but without allocating.
fn say_done() {
    rustix::io::write(rustix::stdio::stdout(), b"\x1edone\n").unwrap();
}

/// Sends records of growing length, one by one, in place, and in batches.
pub fn send_in_silence(words: &[&str]) {
    let mut tx = Ring::<[u8]>::open(words[0]).unwrap().producer().unwrap();
    let record = [7; 300];
    fall_silent();
    for i in 0..RECORDS {
        let len = 8 + i as usize % 250;
        loop {
            let sent = match i % 3 {
                0 => tx.try_push(&record[..len]),
                1 => tx.try_reserve(300).and_then(|mut reservation| {
                    reservation.payload().write_at(0, &record[..len]).unwrap();
                    reservation.commit_len(len)
                }),
                _ => {
                    let mut batch = tx.batch();
                    batch.try_push(&record[..len]).map(|()| batch.commit())
                }
            };
            match sent {
                Ok(()) => break,
                Err(PushError::Full) => spin_loop(),
                Err(error) => panic!("{error}"),
            }
        }
    }
    say_done();
}

pub fn receive_in_silence(words: &[&str]) {
    let mut rx = Ring::<[u8]>::open(words[0]).unwrap().consumer().unwrap();
    let mut own = [0; 300];
    fall_silent();
    let mut received = 0;
    while received < RECORDS {
        match rx.try_read() {
            Ok(record) => {
                assert_eq!(record.payload().copy_to(&mut own), 8 + received as usize % 250);
                received += 1;
            }
            Err(PopError::Empty) => spin_loop(),
            Err(error) => panic!("{error}"),
        }
    }
    say_done();
}

/// A system call, to show that it would be noticed: only the thread that makes it is killed, so the process lasts.
pub fn break_the_silence(_: &[&str]) {
    std::thread::spawn(|| {
        fall_silent();
        let _ = rustix::process::getppid();
        say_done();
    });
    std::thread::sleep(Duration::from_millis(300));
}

#[test]
fn a_busy_stream_makes_no_system_call() {
    let name = Name::unique("ringway-silent");
    let _ring = Ring::<[u8]>::create(&name, &Options::new().capacity(1 << 16)).unwrap();
    let mut receiver = Child::start("receive in silence", &[name.as_str()]);
    let mut sender = Child::start("send in silence", &[name.as_str()]);
    sender.expect("done");
    receiver.expect("done");
}

#[test]
fn a_system_call_would_be_noticed() {
    let mut child = Child::start("break the silence", &[]);
    assert!(!child.rest().contains(&"done".into()));
}
