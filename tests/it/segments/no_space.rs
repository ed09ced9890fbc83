//! Too little space is an error when a ring is made, and never later.
use std::fs::{self, File};
use std::io::Write;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{LayoutError, Options, SegmentError};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use rustix::time::{ClockId, clock_gettime};

use super::assert_tells;
use support::Name;
use support::process::{listing, run, say};

const SHARED: &str = "/dev/shm";
const MIB: u64 = 1 << 20;

/// Puts a file system of one MiB where rings are made, for this process only.
pub fn with_little_space() -> rustix::io::Result<()> {
    // SAFETY: the table of open files stays shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    mount("tmpfs", SHARED, "tmpfs", MountFlags::empty(), c"size=1m")
}

fn assert_no_space<T>(result: Result<T, SegmentError>, least: u64, most: u64) {
    let error = result.map(drop).unwrap_err();
    let SegmentError::NoSpace { need, free, .. } = error else { panic!("{error:?}") };
    assert!(need >= least && free <= most, "{error:?}");
    let words = [
        &*format!("needs {need} bytes"),
        &format!("has {free} free"),
        "make room",
        "smaller capacity",
        "/dev/shm",
        "--shm-size",
    ];
    assert_tells(&error, true, &words);
}

fn assert_may_not_be<T>(result: Result<T, SegmentError>, limit: LayoutError, words: &str) {
    let error = result.map(drop).unwrap_err();
    let meant = matches!(error, SegmentError::Layout { error, .. } if error == limit);
    assert_tells(&error, meant, &[words]);
}

pub fn fill_a_file_system(_: &[&str]) {
    if let Err(error) = with_little_space() {
        return say(format!("skipped: cannot mount a file system: {error}"));
    }
    let large = Options::new().capacity(2 << 20);
    assert_no_space(Ring::<[u8]>::create("large", &large), 2 * MIB, MIB);
    assert_no_space(Ring::<[u8]>::open_or_create("large", &large), 2 * MIB, MIB);
    assert_no_space(Ring::<u64>::create("large", &large), 32 * MIB, MIB);
    assert!(listing(SHARED).is_empty(), "{:?}", listing(SHARED));

    // Made without touching a page, so that only what was set aside can keep it from a SIGBUS.
    let small = Options::new().capacity(1 << 19).prefault(false);
    let ring = Ring::<[u8]>::create("small", &small).unwrap();
    assert_no_space(Ring::<[u8]>::create("other", &large.capacity(1 << 19).prefault(false)), MIB / 2, MIB);
    let mut filler = File::create("/dev/shm/filler").unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for i in 0..1000 {
        tx.push(&vec![i as u8; 5000]).unwrap();
        assert_eq!(rx.read().unwrap().payload().to_vec(), vec![i as u8; 5000]);
    }
    assert_no_space(Ring::<u64>::create("other", &Options::new().capacity(1)), 4096, 0);
    let mut names = listing(SHARED);
    names.sort();
    assert_eq!(names, ["filler", "small"]);

    // What did not fit took nothing with it: with the filler gone there is as much room as before.
    drop(filler);
    fs::remove_file("/dev/shm/filler").unwrap();
    Ring::<[u8]>::create("other", &Options::new().capacity(1 << 18)).unwrap();
    fs::remove_file("/dev/shm/other").unwrap();
    fs::remove_file("/dev/shm/small").unwrap();
    drop((tx, rx, ring));
    race_for_space();
    say("fine");
}

/// Makes the file system read-only: nothing can be created, joined or unlinked there.
pub fn use_a_read_only_file_system(_: &[&str]) {
    if let Err(error) = with_little_space() {
        return say(format!("skipped: cannot mount a file system: {error}"));
    }
    Ring::<u64>::create("ring", &Options::new()).unwrap();
    mount_remount(SHARED, MountFlags::RDONLY, c"").unwrap();
    for result in [
        Ring::<u64>::open("ring").map(drop),
        Ring::<u64>::open_or_create("ring", &Options::new()).map(drop),
        Ring::<u64>::create("other", &Options::new()).map(drop),
        Ring::<u64>::unlink("ring").map(drop),
        Ring::<u64>::unlink_if_unused("ring"),
    ] {
        let error = result.unwrap_err();
        let meant = matches!(error, SegmentError::ReadOnly { .. });
        assert_tells(&error, meant, &["its file system is read-only", "a writable one"]);
    }
    say("fine");
}

#[test]
fn a_read_only_file_system_is_told() {
    let said = run("use a read-only file system", &[]);
    assert!(said == ["fine"] || said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
}

/// There is room for one ring, and each of those who race to create it holds room for one until it has won or lost.
fn race_for_space() {
    for round in 0..10 {
        let name = format!("race-{round}");
        let options = Options::new().capacity(1 << 19);
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    Ring::<[u8]>::open_or_create(&name, &options).unwrap();
                });
            }
        });
        assert_eq!(listing(SHARED), [name.as_str()]);
        Ring::<[u8]>::unlink(&name).unwrap();
    }
}

#[test]
fn a_full_file_system_is_told_when_a_ring_is_made_and_never_later() {
    let said = run("fill a file system", &[]);
    assert!(said == ["fine"] || said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
}

/// The processor's time that this thread has taken.
fn time_of_this_thread() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

#[test]
fn a_ring_larger_than_any_memory_is_refused_at_once() {
    // A machine of 32 bits cannot even ask for it.
    let Ok(cells) = usize::try_from(1_u64 << 40) else { return };
    let name = Name::unique("ringway-space");
    let start = time_of_this_thread();
    // Of 32 bytes each.
    let options = Options::new().capacity(cells);
    assert_no_space(Ring::<[u64; 3]>::create(&name, &options), 1 << 45, 1 << 44);
    let limit = LayoutError::Limit { what: "bytes", asked: 1 << 40, most: 1 << 32 };
    let words = "cannot have 1099511627776 bytes; 4294967296 is the most";
    assert_may_not_be(Ring::<[u8]>::create(&name, &options), limit, words);
    let limit = LayoutError::Limit { what: "items", asked: u64::MAX, most: 1 << 40 };
    let ring = Ring::<u64>::open_or_create(&name, &options.capacity(usize::MAX));
    assert_may_not_be(ring, limit, "items; 1099511627776 is the most");
    let limit = LayoutError::TooSmall { need: u64::MAX, have: 0 };
    let ring = Ring::<[u64; 1 << 20]>::create(&name, &options);
    assert_may_not_be(ring, limit, "larger than any memory; ask for a smaller capacity");
    assert!(time_of_this_thread() - start < Duration::from_secs(5), "it was tried");
    assert!(matches!(Ring::<u64>::open(&name), Err(SegmentError::NotFound { .. })));
}
