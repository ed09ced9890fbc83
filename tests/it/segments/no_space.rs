//! Too little space is an error when a ring is made, and never later.
use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Write;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{LayoutError, Options, SegmentError};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use rustix::time::{ClockId, clock_gettime};

use super::assert_tells;
use support::Name;
use support::process::{listing, run, say};

const SHARED: &str = "/dev/shm";
const MIB: u64 = 1 << 20;

/// Puts a file system of one MiB where rings are made, for this process only.
pub fn with_little_space() -> rustix::io::Result<()> {
    with_file_system("tmpfs", c"size=1m")
}

/// Puts another file system where rings are made, for this process only.
fn with_file_system(kind: &str, options: &CStr) -> rustix::io::Result<()> {
    // SAFETY: the table of open files stays shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    mount(kind, SHARED, kind, MountFlags::empty(), options)
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
    assert_fine_or_skipped("use a read-only file system");
}

/// Makes a file system with two files, which may have no more.
pub fn use_up_the_inodes(_: &[&str]) {
    // The third is that of the directory.
    if let Err(error) = with_file_system("tmpfs", c"size=1m,nr_inodes=3") {
        return say(format!("skipped: cannot mount a file system: {error}"));
    }
    for name in ["one", "another"] {
        File::create(format!("{SHARED}/{name}")).unwrap();
    }
    for result in
        [Ring::<u64>::create("ring", &Options::new()), Ring::<u64>::open_or_create("ring", &Options::new())]
    {
        let error = result.map(drop).unwrap_err();
        let meant = matches!(error, SegmentError::NoInodes { .. });
        assert_tells(&error, meant, &["`/dev/shm` has no inode", "remove files there", "nr_inodes"]);
    }
    fs::remove_file(format!("{SHARED}/one")).unwrap();
    Ring::<u64>::create("ring", &Options::new()).unwrap();
    say("fine");
}

#[test]
fn a_lack_of_inodes_is_told() {
    assert_fine_or_skipped("use up the inodes");
}

/// Makes a file system of huge pages.
pub fn use_huge_pages_only(_: &[&str]) {
    if let Err(error) = with_file_system("hugetlbfs", c"") {
        return say(format!("skipped: cannot mount hugetlbfs: {error}"));
    }
    let error = Ring::<u64>::create("ring", &Options::new()).map(drop).unwrap_err();
    let meant = matches!(error, SegmentError::Unsupported { .. });
    // Older kernels cannot make a file without a name there.
    if !error.to_string().contains("O_TMPFILE") {
        assert_tells(&error, meant, &["has huge pages only", "Options::huge_pages", "such as tmpfs"]);
    }
    assert!(listing(SHARED).is_empty());
    say("fine");
}

#[test]
fn a_file_system_of_huge_pages_is_refused() {
    assert_fine_or_skipped("use huge pages only");
}

/// May write files of one MiB, and asks for more.
pub fn have_a_limit_on_files(words: &[&str]) {
    setrlimit(Resource::Fsize, Rlimit { current: Some(MIB), maximum: Some(MIB) }).unwrap();
    let large = Options::new().capacity(2 << 20);
    for result in [Ring::<[u8]>::create(words[0], &large), Ring::<[u8]>::open_or_create(words[0], &large)] {
        let error = result.map(drop).unwrap_err();
        let meant =
            matches!(error, SegmentError::FileTooLarge { need, limit: Some(MIB), .. } if need > 2 * MIB);
        assert_tells(&error, meant, &["files of 1048576 bytes at most", "RLIMIT_FSIZE", "smaller capacity"]);
    }
    Ring::<[u8]>::create(words[0], &large.capacity(1 << 19)).unwrap();
    say("fine");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_not_a_signal() {
    let name = Name::unique("ringway-file-limit");
    assert_eq!(run("have a limit on files", &[name.as_str()]), ["fine"]);
}

#[track_caller]
pub fn assert_fine_or_skipped(role: &str) {
    let said = run(role, &[]);
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
    assert_fine_or_skipped("fill a file system");
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
