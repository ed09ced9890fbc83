//! A process truncates the file. A sleeping participant returns an error instead of being killed by
//! SIGBUS. So does a process that takes a seat, or gives one back.
//!
//! A process that touches the bytes before it checks again is killed by SIGBUS. The library cannot
//! prevent that. So these tests stop the sleepers in a system call while they truncate the file.
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use ringway::Message;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Batch, Consumer, Kind, Producer, Ring};
use ringway::spsc::{self, Spsc};
use ringway::{Corruption, Options, PopError, Presence, PushError, Role, SeatError, Select};

use support::Name;
use support::process::{self, Child, hear, say, soon};

const SOON: Duration = Duration::from_millis(1);
/// Bytes of a record. Some of them fill a ring of a page.
const RECORD: usize = 1000;

/// A message, sent and received by waiting methods.
trait Cargo: Message {
    fn send<K: Kind>(tx: &mut Producer<K, Self>, limit: Option<Duration>) -> Result<(), PushError>;
    fn receive<K: Kind>(rx: &mut Consumer<K, Self>, limit: Option<Duration>) -> Result<(), PopError>;
    fn try_receive<K: Kind>(rx: &mut Consumer<K, Self>) -> Result<(), PopError>;
}

impl Cargo for u64 {
    fn send<K: Kind>(tx: &mut Producer<K, Self>, limit: Option<Duration>) -> Result<(), PushError> {
        match limit {
            Some(limit) => tx.push_timeout(&1, limit),
            None => tx.push(&1),
        }
    }
    fn receive<K: Kind>(rx: &mut Consumer<K, Self>, limit: Option<Duration>) -> Result<(), PopError> {
        match limit {
            Some(limit) => rx.pop_timeout(limit).map(drop),
            None => rx.pop().map(drop),
        }
    }
    fn try_receive<K: Kind>(rx: &mut Consumer<K, Self>) -> Result<(), PopError> {
        rx.try_pop().map(drop)
    }
}

impl Cargo for [u8] {
    fn send<K: Kind>(tx: &mut Producer<K, Self>, limit: Option<Duration>) -> Result<(), PushError> {
        let record = [1; RECORD];
        match limit {
            Some(limit) => tx.push_timeout(&record, limit),
            None => tx.push(&record),
        }
    }
    fn receive<K: Kind>(rx: &mut Consumer<K, Self>, limit: Option<Duration>) -> Result<(), PopError> {
        match limit {
            Some(limit) => rx.read_timeout(limit).map(drop),
            None => rx.read().map(drop),
        }
    }
    fn try_receive<K: Kind>(rx: &mut Consumer<K, Self>) -> Result<(), PopError> {
        rx.drain(1, |payload| drop(payload.to_vec())).map(drop)
    }
}

fn options() -> Options<'static> {
    Options::new().capacity(4096).max_producers(2)
}

/// A participant that sleeps, then prints what its call returned.
pub fn be_cut_asleep(words: &[&str]) {
    let [name, kind, cargo, role] = *words else { panic!() };
    let role = if role == "producer" { Role::Producer } else { Role::Consumer };
    let act = match (kind, cargo) {
        ("spsc", "items") => sleep_in::<Spsc, u64>,
        ("mpsc", "items") => sleep_in::<Mpsc, u64>,
        ("lanes", "items") => sleep_in::<Lanes, u64>,
        ("spsc", _) => sleep_in::<Spsc, [u8]>,
        ("mpsc", _) => sleep_in::<Mpsc, [u8]>,
        _ => sleep_in::<Lanes, [u8]>,
    };
    act(role, name);
}

fn say_asleep() {
    say(rustix::thread::gettid().as_raw_nonzero());
}

fn sleep_in<K: Kind, T: Cargo + ?Sized>(role: Role, name: &str) {
    let ring = Ring::<K, T>::open(name).unwrap();
    let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let what = if role == Role::Producer { push_asleep(tx) } else { pop_asleep(rx) };
    // New participants, and calls that only read, return the error, too.
    assert_eq!(ring.producer().err(), Some(SeatError::Corrupt(what)));
    assert_eq!(ring.consumer().err(), Some(SeatError::Corrupt(what)));
    assert_eq!(ring.recover().err(), Some(SeatError::Corrupt(what)));
    assert_eq!((ring.seats().count(), ring.presence(Role::Producer)), (0, Presence::Never));
    say(what);
}

/// Sleeps in a full ring. Returns the error of this call, which all later calls repeat.
fn push_asleep<K: Kind, T: Cargo + ?Sized>(mut tx: Producer<K, T>) -> Corruption {
    while T::send(&mut tx, Some(SOON)).is_ok() {}
    say_asleep();
    let Err(PushError::Corrupt(what)) = T::send(&mut tx, None) else {
        panic!("there is no room, and no consumer")
    };
    for _ in 0..3 {
        assert_eq!(T::send(&mut tx, Some(SOON)), Err(PushError::Corrupt(what)));
    }
    assert_eq!(
        (tx.stalled(), tx.consumer_presence(), tx.wait_for_consumer(SOON)),
        (None, Presence::Never, false)
    );
    what
}

/// Sleeps in an empty ring. Returns the error of this call, which all later calls repeat.
fn pop_asleep<K: Kind, T: Cargo + ?Sized>(mut rx: Consumer<K, T>) -> Corruption {
    say_asleep();
    let Err(PopError::Corrupt(what)) = T::receive(&mut rx, None) else { panic!("no producer sends") };
    for _ in 0..3 {
        assert_eq!(T::try_receive(&mut rx), Err(PopError::Corrupt(what)));
        assert_eq!(T::receive(&mut rx, Some(SOON)), Err(PopError::Corrupt(what)));
    }
    assert_eq!(
        (rx.stalled(), rx.producer_presence(), rx.wait_for_producer(SOON)),
        (None, Presence::Never, false)
    );
    what
}

/// Stops the child while it sleeps. It sleeps on when it continues.
fn stop_asleep(child: &mut Child) {
    let thread = child.line();
    let place = format!("/proc/{}/task/{thread}/syscall", child.id());
    let is_asleep = || {
        child.stop();
        let call = fs::read_to_string(&place).unwrap();
        let number = call.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(-1);
        // A call that continues after a stop may have another number.
        if [libc::SYS_futex, libc::SYS_restart_syscall].contains(&number) {
            return true;
        }
        child.go_on();
        sleep(Duration::from_millis(1));
        false
    };
    assert!(soon(is_asleep), "the child does not fall asleep");
}

fn file_of(name: &Name) -> File {
    File::options().write(true).open(Path::new("/dev/shm").join(name)).unwrap()
}

fn cut_asleep<K: Kind, T: Cargo + ?Sized>(kind: &str, cargo: &str) {
    for (role, left) in [("producer", 0), ("consumer", 0), ("consumer", 4096), ("producer", 600)] {
        let name = Name::unique("ringway-cut");
        Ring::<K, T>::create(&name, &options()).unwrap();
        let mut child = Child::start("be cut asleep", &[name.as_str(), kind, cargo, role]);
        stop_asleep(&mut child);
        file_of(&name).set_len(left).unwrap();
        child.go_on();
        let said = child.line();
        assert!(said.contains("truncated") && said.contains(&format!(" {left} of its ")), "{said}");
        child.finish();
    }
}

#[test]
fn a_sleeping_participant_reports_a_truncated_file() {
    cut_asleep::<Spsc, u64>("spsc", "items");
    cut_asleep::<Mpsc, u64>("mpsc", "items");
    cut_asleep::<Lanes, u64>("lanes", "items");
    cut_asleep::<Spsc, [u8]>("spsc", "bytes");
    cut_asleep::<Mpsc, [u8]>("mpsc", "bytes");
    cut_asleep::<Lanes, [u8]>("lanes", "bytes");
}

/// Opens the ring. On a line it takes seats, or gives them back.
pub fn be_cut_awake(words: &[&str]) {
    let ring = Ring::<Mpsc, [u8]>::open(words[0]).unwrap();
    let mut ends = (words[1] == "within").then(|| (ring.producer().unwrap(), ring.consumer().unwrap()));
    if let Some((tx, _)) = &mut ends {
        // Giving the seat back aborts this reservation.
        std::mem::forget(tx.try_reserve(100).unwrap());
    }
    say("there");
    hear();
    drop(ends);
    let what = ring.producer().err().unwrap();
    assert_eq!((ring.consumer().err(), ring.recover().err()), (Some(what), Some(what)));
    assert_eq!((ring.seats().count(), ring.presence(Role::Consumer)), (0, Presence::Never));
    say(what);
}

#[test]
fn taking_a_seat_in_a_truncated_file_is_an_error() {
    for place in ["outside", "within"] {
        let name = Name::unique("ringway-cut");
        Ring::<Mpsc, [u8]>::create(&name, &options()).unwrap();
        let mut child = Child::start("be cut awake", &[name.as_str(), place]);
        child.expect("there");
        file_of(&name).set_len(0).unwrap();
        child.tell("cut");
        let said = child.line();
        assert!(said.contains(" 0 of its "), "{said}");
        child.finish();
    }
}

/// More items than a consumer of lanes takes in one turn.
const MANY: u64 = 100;

/// Calls all methods of handles that have reported the truncation.
pub fn go_on_when_told(words: &[&str]) {
    match words[1] {
        "spsc" => go_on_with::<Spsc>(words[0]),
        "mpsc" => go_on_with::<Mpsc>(words[0]),
        _ => go_on_with::<Lanes>(words[0]),
    }
}

fn go_on_with<K: Kind>(name: &str) {
    go_on_with_items::<K>(name);
    go_on_with_records::<K>(name);
}

/// Creates a ring, calls `ready`, and truncates the file.
fn cut<K: Kind, T: Message + ?Sized, R>(
    name: &str,
    ready: impl FnOnce(&mut Producer<K, T>, &mut Consumer<K, T>) -> R,
) -> (Producer<K, T>, Consumer<K, T>, R) {
    let ring = Ring::<K, T>::create(name, &options()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let done = ready(&mut tx, &mut rx);
    File::options().write(true).open(ring.path()).unwrap().set_len(0).unwrap();
    Ring::<K, T>::unlink(name).unwrap_err();
    fs::remove_file(ring.path()).unwrap();
    (tx, rx, done)
}

fn is_corrupt<R>(result: Result<R, PushError>) -> bool {
    matches!(result, Err(PushError::Corrupt(Corruption::Truncated { .. })))
}

fn go_on_with_items<K: Kind>(name: &str) {
    let (mut tx, mut rx, _) = cut::<K, u64, _>(name, |tx, rx| {
        assert_eq!(tx.try_push_slice(&[1; MANY as usize]), Ok(MANY as usize));
        assert_eq!(rx.drain(64, drop), Ok(64));
    });
    // `stalled` notices the truncation.
    assert_eq!((tx.stalled(), rx.stalled()), (None, None));
    for _ in 0..2 {
        assert!(matches!(rx.try_pop(), Err(PopError::Corrupt(_))));
        assert!(matches!(rx.drain(9, drop), Err(PopError::Corrupt(_))));
        assert!(matches!(rx.pop_timeout(SOON), Err(PopError::Corrupt(_))));
        assert!(is_corrupt(tx.try_push(&1)) && is_corrupt(tx.try_push_slice(&[1, 2])));
        assert_eq!(tx.try_push_slice(&[]), Ok(0));
    }
    say("gone on with items");
}

/// Begins a batch, pushes a record into it, and ends it with `end`.
fn push_in_batch<K: Kind>(tx: &mut Producer<K, [u8]>, end: fn(Batch<'_, K>)) -> Result<(), PushError> {
    let mut batch = tx.try_batch(64)?;
    let pushed = batch.try_push(&[1]);
    end(batch);
    pushed
}

fn go_on_with_records<K: Kind>(name: &str) {
    let (mut tx, mut rx, _) = cut::<K, [u8], _>(name, |tx, _| {
        tx.try_push(&[1]).unwrap();
        // The next operation aborts a forgotten batch.
        push_in_batch(tx, |batch| std::mem::forget(batch)).unwrap();
    });
    assert_eq!((tx.stalled(), rx.stalled()), (None, None));
    for _ in 0..2 {
        assert!(is_corrupt(tx.try_push(&[1])) && is_corrupt(tx.try_reserve(1).map(drop)));
        assert!(is_corrupt(push_in_batch(&mut tx, |batch| batch.commit())));
        assert!(matches!(rx.try_read().map(drop), Err(PopError::Corrupt(_))));
    }
    say("gone on with records");
}

/// Selects between a truncated ring and another one, which always has a record.
pub fn go_on_selecting(words: &[&str]) {
    let (_tx, mut rx, mut other) = cut::<Spsc, u64, _>(words[0], |_, _| {
        let ring = spsc::Ring::<u64>::on_heap(&Options::new().capacity(8)).unwrap();
        (ring.producer().unwrap(), ring.consumer().unwrap())
    });
    let (mut select, mut told) = (Select::new(), 0);
    assert_eq!(rx.stalled(), None);
    for _ in 0..300 {
        other.0.try_push(&1).unwrap();
        match select.wait_timeout(&mut [&mut rx, &mut other.1], SOON) {
            Some(0) => told += 1,
            _ => _ = other.1.try_pop(),
        }
        if other.1.drain(9, drop).is_ok() {
            sleep(SOON);
        }
    }
    assert!(told > 0);
    say("gone on");
}

#[test]
fn a_handle_that_reported_truncation_touches_nothing() {
    for kind in ["spsc", "mpsc", "lanes"] {
        let name = Name::unique("ringway-told");
        let mut child = Child::start("go on when told", &[name.as_str(), kind]);
        child.expect("gone on with items");
        child.expect("gone on with records");
        child.finish();
    }
}

#[test]
fn a_select_that_reported_truncation_touches_nothing() {
    let name = Name::unique("ringway-told");
    let mut child = Child::start("go on selecting", &[name.as_str()]);
    child.expect("gone on");
    child.finish();
}

/// A file may be longer than the ring, and may be cut to the length of the ring.
#[test]
fn bytes_behind_the_ring_may_come_and_go() {
    let name = Name::unique("ringway-grown");
    let ring = Ring::<Spsc, u64>::create(&name, &options()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let file = file_of(&name);
    let len = file.metadata().unwrap().len();
    file.set_len(4 * len).unwrap();
    let larger = Ring::<Spsc, u64>::open(&name).unwrap();
    for len in [2 * len, len] {
        assert_eq!(rx.pop_timeout(SOON), Err(PopError::Elapsed));
        file.set_len(len).unwrap();
        assert_eq!(rx.pop_timeout(SOON), Err(PopError::Elapsed));
        tx.push(&len).unwrap();
        assert_eq!(rx.pop(), Ok(len));
        assert_eq!(larger.seats().count(), 2);
    }
}

/// The descriptor of the segment's file in this process.
fn descriptor_of(name: &str) -> i32 {
    let is_it = |path: &PathBuf| fs::read_link(path).is_ok_and(|to| to.ends_with(name));
    let mut open = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    open.find(is_it).and_then(|path| path.file_name()?.to_str()?.parse().ok()).unwrap()
}

/// A process closes the library's descriptor, and the number now belongs to another file, which is
/// empty.
pub fn have_it_mistaken(words: &[&str]) {
    let ring = Ring::<Spsc, u64>::open(words[0]).unwrap();
    let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let nothing = File::open("/dev/null").unwrap();
    // SAFETY: both descriptors are open. The file of the second is not used any more.
    assert!(unsafe { libc::dup2(nothing.as_raw_fd(), descriptor_of(words[0])) } >= 0);
    assert_eq!(rx.pop_timeout(SOON), Err(PopError::Elapsed));
}

#[test]
fn another_file_under_the_descriptor_is_not_taken_for_a_truncated_one() {
    let name = Name::unique("ringway-mistaken");
    Ring::<Spsc, u64>::create(&name, &options()).unwrap();
    process::run("have it mistaken", &[name.as_str()]);
}
