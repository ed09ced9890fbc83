//! A program closes descriptors that it does not know, as daemons do, and opens files of its own,
//! which get their numbers. The library then leaves those files alone.
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;

use ringway::spsc::Ring;
use ringway::{Options, Presence, Role};

use support::Name;
use support::process::run;

/// The descriptors of this process, with the files that they refer to.
fn descriptors() -> Vec<(RawFd, String)> {
    let listing = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = listing.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap());
    let target = |number: RawFd| std::fs::read_link(format!("/proc/self/fd/{number}"));
    numbers
        .filter_map(|number| Some((number, target(number).ok()?.to_str()?.to_owned())))
        .filter(|(_, target)| !target.ends_with("/fd"))
        .collect()
}

/// Runs `open`, and returns the numbers of the descriptors that it opened.
fn opened_by<R>(open: impl FnOnce() -> R) -> (R, Vec<RawFd>) {
    let before = descriptors();
    let opened = open();
    let new = descriptors().into_iter().filter(|one| !before.contains(one)).map(|(number, _)| number);
    (opened, new.collect())
}

/// Closes the descriptor `number`, whichever file it is of, and gives the number to `file`.
fn replace(number: RawFd, file: &File) -> File {
    // SAFETY: the test replaces a descriptor of the library, which is what it is about.
    let mut target = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::io::dup2(file, &mut target).unwrap();
    target.into()
}

/// A file of the program that has no name.
fn file() -> File {
    let file = rustix::fs::memfd_create("stranger", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    File::from(file)
}

fn content(file: &File) -> u64 {
    file.metadata().unwrap().len()
}

/// The producer's seat in a `spsc` ring: where it starts, and how long it is (the format page).
const PRODUCER: (libc::off_t, libc::off_t) = (1024, 512);

/// Puts a write lock on the bytes of the file that a producer locks in a ring.
fn lock_seat(file: &File) {
    assert_eq!(request(file, libc::F_OFD_SETLK, libc::F_WRLCK).0, 0);
}

/// One lock command for these bytes. Returns its result, and the kind of lock that it found.
fn request(file: &File, command: libc::c_int, kind: libc::c_int) -> (libc::c_int, libc::c_int) {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as _;
    lock.l_whence = libc::SEEK_SET as _;
    (lock.l_start, lock.l_len) = PRODUCER;
    // SAFETY: the descriptor is open, and the structure is what the command takes.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) };
    (result, libc::c_int::from(lock.l_type))
}

/// Whether another open file of the same file sees a lock.
fn is_locked(file: &File) -> bool {
    let other = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    request(&other, libc::F_OFD_GETLK, libc::F_RDLCK).1 != libc::F_UNLCK
}

/// A ring is dropped after its descriptor was replaced by a stranger's.
pub fn lose_the_descriptor_of_a_ring(words: &[&str]) {
    let name = Name::unique("ringway-descriptors");
    let (ring, numbers) = opened_by(|| Ring::<u64>::create(&name, &Options::new()).unwrap());
    let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let &[number] = &numbers[..] else { panic!("a ring has one descriptor: {numbers:?}") };
    // The stranger may be the same file, opened once more.
    let stranger = match words[0] {
        "another file" => file(),
        _ => File::options().read(true).write(true).open(ring.path()).unwrap(),
    };
    if words[0] == "another file" {
        lock_seat(&stranger);
    }
    let stranger = replace(number, &stranger);
    let other = Ring::<u64>::open(&name).unwrap();

    // Giving a seat back unlocks nothing of the stranger's.
    drop(tx);
    if words[0] == "another file" {
        assert!(is_locked(&stranger), "the stranger lost its lock");
    }
    assert!(matches!(other.presence(Role::Producer), Presence::Left(_)));
    assert!(matches!(other.presence(Role::Consumer), Presence::Here(_)), "{other:?}");
    drop((rx, ring));
    assert_eq!(stranger.as_raw_fd(), number);
    assert!(stranger.metadata().is_ok(), "the stranger's descriptor was closed");
}

/// A pollable consumer goes on after both of its descriptors were replaced by a stranger's.
pub fn lose_the_descriptors_of_a_pollable(_: &[&str]) {
    let ring = Ring::<u64>::on_heap(&Options::new()).unwrap();
    let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (mut rx, numbers) = opened_by(|| rx.into_pollable().unwrap());
    assert!(rx.arm());
    let mine = file();
    mine.write_all_at(b"do not read this", 0).unwrap();
    let strangers: Vec<_> = numbers.iter().map(|&number| replace(number, &mine)).collect();
    tx.push(&7).unwrap();
    // The waker thread has signalled, or tried to, when it can be armed no more.
    std::thread::sleep(std::time::Duration::from_millis(250));
    assert!(!rx.arm());
    assert_eq!(rx.try_pop(), Ok(7));
    assert!(!rx.arm());
    let read: u64 = rustix::fs::tell(&mine).unwrap();
    assert_eq!((read, content(&mine)), (0, 16), "read from, or written to");
    drop(rx);
    std::thread::sleep(std::time::Duration::from_millis(250));
    assert!(strangers.iter().all(|stranger| stranger.metadata().is_ok()), "closed");
}

/// What was not replaced is closed.
pub fn keep_all_descriptors(_: &[&str]) {
    let name = Name::unique("ringway-descriptors");
    let before = descriptors();
    let ring = Ring::<u64>::create(&name, &Options::new()).unwrap();
    let rx = ring.consumer().unwrap().into_pollable().unwrap();
    assert!(descriptors().len() >= before.len() + 3);
    drop((rx, ring));
    // The waker thread has the last copies of some, and ends soon.
    assert!(support::process::soon(|| descriptors() == before), "{:?}", descriptors());
}

#[test]
fn a_strangers_descriptor_is_neither_unlocked_nor_closed() {
    run("lose the descriptor of a ring", &["another file"]);
}

#[test]
fn a_strangers_descriptor_of_the_same_file_is_not_closed() {
    run("lose the descriptor of a ring", &["the same file"]);
}

#[test]
fn a_strangers_descriptors_are_neither_read_nor_written_nor_closed() {
    run("lose the descriptors of a pollable", &[]);
}

#[test]
fn own_descriptors_are_closed() {
    run("keep all descriptors", &[]);
}
