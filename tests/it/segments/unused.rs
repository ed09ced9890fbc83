//! `unlink_if_unused`: removes a ring that no participant uses, and no other.
#![allow(clippy::disallowed_types)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use ringway::{Identity, Options, SeatError, Segment, SegmentError, Unlinked, lanes, mpsc, spsc};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::{Place, assert_tells};
use support::Name;
use support::process::{Child, hear, run, say};

fn options() -> Options<'static> {
    Options::new().capacity(8).label("holder")
}

/// Takes the first free seat of a role in an `mpsc` ring, and holds it until its parent hangs up.
/// Closes all files if told so.
pub fn hold_a_seat(words: &[&str]) {
    let ring = match words.get(3) {
        Some(object) => Segment::open(words[0]).unwrap().ring_with(object, &options()),
        None => mpsc::Ring::<u64>::open_with(words[0], &options()),
    };
    let ring = ring.unwrap();
    let hold = |_seat| {
        if words.get(2) == Some(&"close") {
            // SAFETY: a later use of a closed descriptor is an error, which is tested here.
            assert_eq!(unsafe { libc::close_range(3, u32::MAX, 0) }, 0);
        }
        say("seated");
        hear();
    };
    match words[1] {
        "producer" => hold(Seat::Producer(Box::new(ring.producer().unwrap()))),
        _ => hold(Seat::Consumer(Box::new(ring.consumer().unwrap()))),
    }
}

#[allow(dead_code, reason = "held, not used")]
enum Seat {
    Producer(Box<mpsc::Producer<u64>>),
    Consumer(Box<mpsc::Consumer<u64>>),
}

/// The holder that the error names. The ring keeps its name.
#[track_caller]
fn refused(name: impl AsRef<Path>) -> Option<Identity> {
    let error = mpsc::Ring::<u64>::unlink_if_unused(&name).unwrap_err();
    let meant = matches!(&error, SegmentError::InUse { path, .. } if path.ends_with(name.as_ref()));
    assert_tells(&error, meant, &["is in use by", "try again later", "`unlink`"]);
    let SegmentError::InUse { by, .. } = error else { return None };
    assert!(mpsc::Ring::<u64>::open(&name).is_ok(), "it has lost its name");
    by
}

#[test]
fn an_unused_ring_of_any_kind_and_type_loses_its_name() {
    let name = Name::unique("ringway-unused");
    let ring = lanes::Ring::<u64>::create(&name, &options()).unwrap();
    drop((ring.producer().unwrap(), ring.consumer().unwrap()));
    // Another kind, another type; and a ring that is mapped, but without a seat, is unused.
    spsc::Ring::<[u8]>::unlink_if_unused(&name).unwrap();
    assert!(ring.is_unlinked());
    let error = spsc::Ring::<[u8]>::unlink_if_unused(&name).unwrap_err();
    assert!(matches!(error, SegmentError::NotFound { .. }), "{error:?}");
}

#[test]
fn a_used_ring_keeps_its_name_and_the_error_names_the_holder() {
    for role in ["producer", "consumer"] {
        let name = Name::unique("ringway-unused");
        mpsc::Ring::<u64>::create(&name, &options()).unwrap();
        let mut child = Child::start("hold a seat", &[name.as_str(), role]);
        child.expect("seated");
        let by = refused(&name).unwrap();
        assert_eq!((by.pid, by.label.to_string()), (child.id(), "holder".into()));
        child.finish();
        mpsc::Ring::<u64>::unlink_if_unused(&name).unwrap();
    }
}

#[test]
fn a_ring_used_by_this_process_keeps_its_name() {
    let name = Name::unique("ringway-unused");
    let ring = mpsc::Ring::<u64>::create(&name, &options()).unwrap();
    let seat = ring.consumer().unwrap();
    assert_eq!(refused(&name).unwrap().pid, u64::from(std::process::id()));
    drop(seat);
    mpsc::Ring::<u64>::unlink_if_unused(&name).unwrap();
}

/// Whether a seat of the ring is held, as both ways to unlink it find. They are asked by a second
/// name, so that the ring keeps its own.
fn is_in_use<K: Kind>(ring: &Ring<K, u64>) -> bool {
    let other = Name::unique("ringway-unused");
    let link = || fs::hard_link(ring.path(), Path::new("/dev/shm").join(&other)).unwrap();
    link();
    let refused = match Ring::<K, u64>::unlink_if_unused(&other) {
        Err(SegmentError::InUse { .. }) => true,
        other => {
            other.unwrap();
            link();
            false
        }
    };
    let told = Ring::<K, u64>::unlink(&other).unwrap();
    assert_eq!(told, if refused { Unlinked::InUse } else { Unlinked::Unused });
    refused
}

fn each_seat_counts_in<K: Kind>(producers: usize) {
    let name = Name::unique("ringway-unused");
    let ring = Ring::<K, u64>::create(&name, &options().max_producers(producers)).unwrap();
    let consumer = ring.consumer().unwrap();
    assert!(is_in_use(&ring));
    drop(consumer);
    let mut seats: Vec<_> = (0..producers).map(|_| ring.producer().unwrap()).collect();
    let last = seats.pop().unwrap();
    assert_eq!(usize::from(last.seat()), producers - 1);
    drop(seats);
    assert!(is_in_use(&ring));
    drop(last);
    assert!(!is_in_use(&ring));
}

#[test]
fn the_last_of_many_seats_counts() {
    each_seat_counts_in::<Spsc>(1);
    each_seat_counts_in::<Mpsc>(10);
    each_seat_counts_in::<Lanes>(10);
}

/// The first lock that another open file finds in the bytes from `start` on: its start and length.
fn lock_from(path: &Path, start: i64) -> Option<(i64, i64)> {
    use std::os::fd::AsRawFd;
    let file = fs::File::open(path).unwrap();
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut lock: libc::flock64 = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_RDLCK as _;
    lock.l_whence = libc::SEEK_SET as _;
    lock.l_start = start;
    // SAFETY: the descriptor is open, and the structure is what the command takes.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    (i32::from(lock.l_type) != i32::from(libc::F_UNLCK as i16)).then_some((lock.l_start, lock.l_len))
}

/// The format page: the lock of a seat covers the 512 bytes of its role block, the consumer's at
/// 512, and the first producer's `first` blocks after that.
fn locks_are_where_they_are_written_down<K: Kind>(first: i64) {
    let name = Name::unique("ringway-unused");
    let ring = Ring::<K, u64>::create(&name, &options().max_producers(3)).unwrap();
    assert_eq!(lock_from(ring.path(), 0), None);
    let consumer = ring.consumer().unwrap();
    assert_eq!(lock_from(ring.path(), 0), Some((512, 512)));
    let producer = ring.producer().unwrap();
    drop(consumer);
    assert_eq!(lock_from(ring.path(), 0), Some((512 + 512 * first, 512)));
    drop(producer);
    assert_eq!(lock_from(ring.path(), 0), None);
}

#[test]
#[cfg(target_pointer_width = "64")]
fn the_lock_of_a_seat_covers_its_block() {
    locks_are_where_they_are_written_down::<Spsc>(1);
    locks_are_where_they_are_written_down::<Mpsc>(2);
    locks_are_where_they_are_written_down::<Lanes>(2);
}

#[test]
fn a_stopped_process_keeps_its_ring_and_a_killed_one_does_not() {
    let name = Name::unique("ringway-unused");
    mpsc::Ring::<u64>::create(&name, &options()).unwrap();
    let mut child = Child::start("hold a seat", &[name.as_str(), "producer"]);
    child.expect("seated");
    child.stop();
    assert_eq!(refused(&name).unwrap().pid, child.id());
    child.kill();
    mpsc::Ring::<u64>::unlink_if_unused(&name).unwrap();
}

fn a_daemon_keeps_its_ring() {
    let name = Name::unique("ringway-unused");
    mpsc::Ring::<u64>::create(&name, &options()).unwrap();
    for role in ["producer", "consumer"] {
        let mut child = Child::start("hold a seat", &[name.as_str(), role, "close"]);
        child.expect("seated");
        assert_eq!(refused(&name).unwrap().pid, child.id());
        child.kill();
    }
    mpsc::Ring::<u64>::unlink_if_unused(&name).unwrap();
    // The same in the last object of several.
    let several =
        Segment::builder().ring::<Spsc, [u8]>("first", &small()).ring::<Mpsc, u64>("last", &small());
    several.create(&name).unwrap();
    let mut child = Child::start("hold a seat", &[name.as_str(), "producer", "close", "last"]);
    child.expect("seated");
    let error = Segment::unlink_if_unused(&name).unwrap_err();
    let SegmentError::InUse { by: Some(by), .. } = error else { panic!("{error}") };
    assert_eq!(by.pid, child.id());
    child.kill();
    Segment::unlink_if_unused(&name).unwrap();
}

fn small() -> Options<'static> {
    Options::new().capacity(8)
}

#[test]
fn a_daemon_that_closed_its_files_keeps_its_ring() {
    a_daemon_keeps_its_ring();
}

/// Mounts an overlay where rings are created, for this process and its children. Containers have
/// such a file system.
fn mount_layers() -> rustix::io::Result<()> {
    // SAFETY: the table of open files stays shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    mount("tmpfs", "/dev/shm", "tmpfs", MountFlags::empty(), c"size=9m")?;
    for layer in ["lower", "upper", "work"] {
        fs::create_dir(format!("/dev/shm/{layer}")).unwrap();
    }
    let layers = c"lowerdir=/dev/shm/lower,upperdir=/dev/shm/upper,workdir=/dev/shm/work";
    mount("overlay", "/dev/shm", "overlay", MountFlags::empty(), layers)
}

/// On an overlay a mapping does not keep the file open, so the lock of a daemon is gone.
pub fn use_layers(_: &[&str]) {
    if let Err(error) = mount_layers() {
        return say(format!("skipped: cannot mount layers: {error}"));
    }
    if let Err(error @ SegmentError::Unsupported { .. }) = mpsc::Ring::<u64>::create("try", &options()) {
        return say(format!("skipped: no rings there: {error}"));
    }
    mpsc::Ring::<u64>::unlink_if_unused("try").unwrap();
    a_daemon_keeps_its_ring();
    say("fine");
}

#[test]
fn a_daemon_whose_lock_is_gone_keeps_its_ring() {
    let said = run("use layers", &[]);
    assert!(said == ["fine"] || said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
}

#[test]
fn a_lock_that_is_no_seat_is_respected_but_not_named() {
    let name = Name::unique("ringway-unused");
    let ring = spsc::Ring::<u64>::create(&name, &options()).unwrap();
    let file = fs::File::open(ring.path()).unwrap();
    read_lock(&file);
    let error = spsc::Ring::<u64>::unlink_if_unused(&name).unwrap_err();
    let meant = matches!(error, SegmentError::InUse { by: None, .. });
    assert_tells(&error, meant, &["in use by a process that could not be identified"]);
    drop(file);
    spsc::Ring::<u64>::unlink_if_unused(&name).unwrap();
}

/// An open-file-description read lock on all bytes.
pub(super) fn read_lock(file: &fs::File) {
    use std::os::fd::AsRawFd;
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_RDLCK as _;
    lock.l_whence = libc::SEEK_SET as _;
    // SAFETY: the descriptor is open, and the structure is what the command takes.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn another_file_of_the_same_name_stays() {
    let place = Place::new();
    let path = place.at("ring");
    let old = mpsc::Ring::<u64>::create(&path, &options()).unwrap();
    // The old ring stays in use, which is nothing to the new one.
    let _seat = old.producer().unwrap();
    mpsc::Ring::<u64>::unlink(&path).unwrap();
    let new = mpsc::Ring::<u64>::create(&path, &options()).unwrap();
    let seat = new.producer().unwrap();
    assert!(refused(&path).is_some());
    drop(seat);
    mpsc::Ring::<u64>::unlink_if_unused(&path).unwrap();
    assert!(new.is_unlinked());

    fs::write(&path, "a file of another program").unwrap();
    let error = mpsc::Ring::<u64>::unlink_if_unused(&path).unwrap_err();
    assert!(matches!(error, SegmentError::Layout { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file of another program");
}

#[test]
fn a_damaged_ring_can_be_removed() {
    let place = Place::new();
    let path = place.at("ring");
    mpsc::Ring::<u64>::create(&path, &options()).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
    mpsc::Ring::<u64>::unlink_if_unused(&path).unwrap();
    assert!(!path.exists());
}

/// Several threads attach again and again while others remove the ring. Each gets a seat in a ring
/// that keeps its name as long as the seat is held, or learns that the ring has lost its name.
#[test]
fn a_ring_with_a_seat_never_loses_its_name() {
    let name = Name::unique("ringway-unused");
    let stop = AtomicBool::new(false);
    let [removed, seated, nameless, taken] = [const { AtomicU64::new(0) }; 4];
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    let deadline = Instant::now() + Duration::from_secs(60);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    match mpsc::Ring::<u64>::unlink_if_unused(&name) {
                        Ok(()) => _ = count(&removed),
                        Err(SegmentError::InUse { .. } | SegmentError::NotFound { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let ring = mpsc::Ring::<u64>::open_or_create(&name, &options().max_producers(1)).unwrap();
                    match ring.producer() {
                        Err(SeatError::Unlinked) => _ = count(&nameless),
                        Ok(_seat) => {
                            count(&seated);
                            for _ in 0..20 {
                                if ring.is_unlinked() {
                                    stop.store(true, Ordering::Relaxed);
                                    panic!("it lost its name while a seat was held");
                                }
                                thread::yield_now();
                            }
                        }
                        Err(SeatError::SeatTaken { .. } | SeatError::AllTaken { .. }) => _ = count(&taken),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        // On a busy machine the ring has a seat nearly always.
        let enough = || removed.load(Ordering::Relaxed) >= 10 && seated.load(Ordering::Relaxed) >= 50;
        while !enough() && !stop.load(Ordering::Relaxed) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        stop.store(true, Ordering::Relaxed);
        assert!(enough(), "removed {removed:?}, seated {seated:?}");
    });
    println!("removed {removed:?}, seated {seated:?}, without a name {nameless:?}, taken {taken:?}");
}
