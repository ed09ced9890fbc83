//! The data path makes no system call while no participant sleeps. Both sides run under a filter:
//! the kernel kills a thread that makes a system call other than `read`, `write`, `exit` and
//! `sigreturn`.
//!
//! # References
//! seccomp(2) `SECCOMP_SET_MODE_FILTER`.
use std::hint::spin_loop;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Instant;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Options, PopError, PushError};

use support::Name;
use support::process::{Child, PATIENCE, soon};

const RECORDS: u64 = 30_000;
/// How many producers send to one consumer.
const SENDERS: usize = 2;
/// Bytes.
const LARGEST: usize = 300;

/// The system calls that the filter allows.
const ALLOWED: [libc::c_long; 5] =
    [libc::SYS_read, libc::SYS_write, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_rt_sigreturn];

/// Installs the filter: any other system call kills this thread. The strict mode of seccomp is
/// refused where a filter is in force, as in most containers.
fn fall_silent() {
    let step = |code, jf, k| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    // The data that the filter reads begins with the number of the call.
    let mut filter = vec![step(libc::BPF_LD | libc::BPF_ABS, 0, 0)];
    for call in ALLOWED {
        filter.push(step(libc::BPF_JMP | libc::BPF_JEQ, 1, call as u32));
        filter.push(step(libc::BPF_RET, 0, libc::SECCOMP_RET_ALLOW));
    }
    filter.push(step(libc::BPF_RET, 0, libc::SECCOMP_RET_KILL_THREAD));
    let filter = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // Without this, only root may install a filter.
    rustix::thread::set_no_new_privs(true).unwrap();
    // SAFETY: the program is as long as it says, and is copied before the call returns.
    let refused = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) };
    assert_eq!(refused, 0, "{}", std::io::Error::last_os_error());
}

/// As [`say`](support::process::say) does, but without allocating.
fn say_without_allocating(line: &[u8]) {
    rustix::io::write(rustix::stdio::stdout(), line).unwrap();
}

fn say_done() {
    say_without_allocating(b"\x1edone\n");
}

/// The length of record `number`, in bytes.
fn len(number: u64) -> usize {
    8 + number as usize % 250
}

/// Sends a record in a batch.
fn send_in_batch<K: Kind>(tx: &mut Producer<K, [u8]>, record: &[u8]) -> Result<(), PushError> {
    let mut batch = tx.try_batch(LARGEST)?;
    batch.try_push(record).map(|()| batch.commit())
}

pub fn send_in_silence(words: &[&str]) {
    match words[1] {
        "mpsc" => send::<Mpsc>(words),
        "lanes" => send::<Lanes>(words),
        _ => send::<Spsc>(words),
    }
}

/// Sends records of growing length, one by one, in place, and in batches.
fn send<K: Kind>(words: &[&str]) {
    let mut tx = Ring::<K, [u8]>::open(words[0]).unwrap().producer().unwrap();
    let record = [7; LARGEST];
    fall_silent();
    for i in 0..RECORDS {
        let len = len(i);
        loop {
            let sent = match i % 3 {
                0 => tx.try_push(&record[..len]),
                1 => tx.try_reserve(LARGEST).and_then(|mut reservation| {
                    reservation.payload().write_at(&record[..len], 0).unwrap();
                    reservation.commit_len(len)
                }),
                _ => send_in_batch(&mut tx, &record[..len]),
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
    let records = words[2].parse().unwrap();
    match words[1] {
        "mpsc" => receive(Ring::<Mpsc, _>::open(words[0]).unwrap(), records, true),
        "lanes" => receive(Ring::<Lanes, _>::open(words[0]).unwrap(), records, true),
        _ => receive(Ring::<Spsc, _>::open(words[0]).unwrap(), records, true),
    }
}

/// Receives so many records, those of each producer in order.
fn receive<K: Kind>(ring: Ring<K, [u8]>, records: u64, in_silence: bool) {
    let mut rx = ring.consumer().unwrap();
    let (mut own, mut of) = ([0; LARGEST], [0; SENDERS]);
    let start = Instant::now();
    if in_silence {
        fall_silent();
    }
    let mut received = 0;
    while received < records {
        match rx.try_read() {
            Ok(record) => {
                let of = &mut of[usize::from(record.seat())];
                assert_eq!(record.payload().copy_to(&mut own), len(*of));
                *of += 1;
                received += 1;
            }
            Err(PopError::Empty | PopError::Closed(_)) => {
                assert!(in_silence || start.elapsed() < PATIENCE, "a sender made a system call");
                spin_loop();
            }
            Err(error) => panic!("{error}"),
        }
    }
    // Giving the seat back takes a system call.
    if in_silence {
        say_done();
    }
}

/// Makes a system call, to show that the filter works. The kernel kills only the thread, and the
/// process continues.
pub fn break_the_silence(_: &[&str]) {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        sender.send(rustix::thread::gettid()).unwrap();
        fall_silent();
        say_without_allocating(b"\x1esilent\n");
        let _ = rustix::process::getppid();
        say_done();
    });
    // The thread ends: it is killed, or it prints that it was not.
    let thread = format!("/proc/self/task/{}", receiver.recv().unwrap());
    assert!(soon(|| !Path::new(&thread).exists()), "the thread does not end");
}

/// A ring into which so many producers send without system calls.
fn silent_senders<K: Kind>(kind: &str, senders: usize) -> (Name, Ring<K, [u8]>, Vec<Child>) {
    let name = Name::unique("ringway-silent");
    let ring = Ring::create(&name, &Options::new().capacity(1 << 20).max_producers(SENDERS)).unwrap();
    let senders = (0..senders).map(|_| Child::start("send in silence", &[name.as_str(), kind])).collect();
    (name, ring, senders)
}

fn a_busy_stream_makes_no_system_call<K: Kind>(kind: &str, senders: usize) {
    let (name, _ring, senders) = silent_senders::<K>(kind, senders);
    let records = senders.len() as u64 * RECORDS;
    let mut receiver = Child::start("receive in silence", &[name.as_str(), kind, &records.to_string()]);
    senders.into_iter().for_each(|mut sender| sender.expect("done"));
    receiver.expect("done");
}

#[test]
fn a_busy_stream_makes_no_system_call_in_spsc() {
    a_busy_stream_makes_no_system_call::<Spsc>("spsc", 1);
}

#[test]
fn a_busy_stream_makes_no_system_call_in_lanes() {
    a_busy_stream_makes_no_system_call::<Lanes>("lanes", SENDERS);
}

/// Only the senders run under the filter: a receiver that waits for a claim may test the lock of
/// its owner.
#[test]
fn a_busy_sender_makes_no_system_call_in_mpsc() {
    let (_name, ring, senders) = silent_senders::<Mpsc>("mpsc", SENDERS);
    receive(ring, senders.len() as u64 * RECORDS, false);
    senders.into_iter().for_each(|mut sender| sender.expect("done"));
}

#[test]
fn a_receiver_that_need_not_wait_makes_no_system_call_in_mpsc() {
    let (name, ring, _) = silent_senders::<Mpsc>("mpsc", 0);
    let mut producers = [ring.producer().unwrap(), ring.producer().unwrap()];
    for number in 0..100 {
        producers.iter_mut().for_each(|tx| tx.try_push(&[7; LARGEST][..len(number)]).unwrap());
    }
    Child::start("receive in silence", &[name.as_str(), "mpsc", "200"]).expect("done");
}

#[test]
fn a_system_call_would_be_noticed() {
    let mut child = Child::start("break the silence", &[]);
    assert_eq!(child.rest(), ["silent"]);
}
