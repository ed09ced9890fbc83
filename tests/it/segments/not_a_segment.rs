//! What a name can stand for besides a file.
use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{Options, SegmentError};
use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};
use rustix::mount::{MountFlags, mount};
use rustix::thread::gettid;

use super::no_space::{assert_fine_or_skipped, with_little_space};
use super::{Place, assert_tells};
use support::process::{say, soon};

/// That none of it is opened, made into a ring, waited for, or removed.
fn is_left_alone(path: &Path, what: &str) {
    for result in [
        Ring::<u64>::open(path).map(drop),
        Ring::<u64>::open_or_create(path, &Options::new()).map(drop),
        Ring::<u64>::unlink(path).map(drop),
        Ring::<u64>::unlink_if_unused(path),
    ] {
        let error = result.unwrap_err();
        let meant = matches!(&error, SegmentError::NotAFile { path: told, .. } if told == path);
        assert_tells(&error, meant, &[&format!("is {what}, not a regular file"), "use another name"]);
    }
    is_not_replaced(path);
    assert!(fs::symlink_metadata(path).is_ok());
}

/// That it is not advised to unlink what is not a ring.
fn is_not_replaced(path: &Path) {
    let error = Ring::<u64>::create(path, &Options::new()).unwrap_err();
    let meant = matches!(error, SegmentError::Exists { is_ring: false, .. });
    assert_tells(&error, meant, &["already exists and is not a ring", "use another name"]);
    assert!(!error.to_string().contains("unlink"), "{error}");
}

fn somewhere() -> (Place, PathBuf) {
    let place = Place::new();
    let path = place.at("stranger");
    (place, path)
}

#[test]
fn a_directory_is_no_ring() {
    let (_place, path) = somewhere();
    fs::create_dir(&path).unwrap();
    is_left_alone(&path, "a directory");
    is_not_replaced(Path::new("/tmp"));
}

#[test]
fn a_symbolic_link_is_not_followed_not_even_to_a_ring() {
    let (place, path) = somewhere();
    Ring::<u64>::create(place.at("ring"), &Options::new()).unwrap();
    symlink(place.at("ring"), &path).unwrap();
    is_left_alone(&path, "a symbolic link (links are not followed)");
    assert!(Ring::<u64>::open(place.at("ring")).is_ok());
}

#[test]
fn a_symbolic_link_to_nowhere_is_not_followed() {
    let (place, path) = somewhere();
    symlink(place.at("nothing"), &path).unwrap();
    is_left_alone(&path, "a symbolic link (links are not followed)");
    assert!(!place.at("nothing").exists());
}

#[test]
fn a_fifo_is_not_waited_for() {
    let (_place, path) = somewhere();
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    is_left_alone(&path, "a named pipe");
}

/// Opening a pipe releases a writer that waits for a reader, and closing it again kills the writer.
#[test]
fn a_writer_that_waits_at_a_fifo_goes_on_waiting() {
    let (_place, path) = somewhere();
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    let writer = Writer::at(&path);
    is_left_alone(&path, "a named pipe");
    writer.assert_waits();
}

/// Hides /proc, by which a file that was found is opened. The name is then looked up twice.
pub fn do_without_proc(_: &[&str]) {
    let hide = || {
        with_little_space()?;
        mount("tmpfs", "/proc", "tmpfs", MountFlags::empty(), c"")
    };
    if let Err(error) = hide() {
        return say(format!("skipped: cannot mount a file system: {error}"));
    }
    let ring = match Ring::<u64>::create("ring", &Options::new()) {
        Err(SegmentError::Unsupported { what, .. }) => return say(format!("skipped: cannot {what}")),
        ring => ring.unwrap(),
    };
    Ring::<u64>::open("ring").unwrap().producer().unwrap().push(&1).unwrap();
    assert_eq!(ring.consumer().unwrap().pop(), Ok(1));
    for (name, what) in [("pipe", "a named pipe"), ("link", "a symbolic link (links are not followed)")] {
        let path = Path::new("/dev/shm").join(name);
        match name {
            "pipe" => mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap(),
            _ => symlink("/dev/shm/ring", &path).unwrap(),
        }
        is_left_alone(&path, what);
    }
    Ring::<u64>::unlink_if_unused("ring").unwrap();
    say("fine");
}

#[test]
fn files_are_told_apart_without_proc() {
    assert_fine_or_skipped("do without proc");
}

/// A thread that waits for a reader of a pipe.
struct Writer {
    thread: JoinHandle<()>,
    /// The pipe, whatever its name is by now. It is not open for reading or writing.
    pipe: OwnedFd,
}

impl Writer {
    fn at(path: &Path) -> Self {
        let pipe = open(path, OFlags::PATH, Mode::empty()).unwrap();
        let (send, receive) = channel();
        let path = path.to_owned();
        let thread = thread::spawn(move || {
            send.send(gettid()).unwrap();
            drop(File::options().write(true).open(path).unwrap());
        });
        let id = receive.recv().unwrap();
        let stat = format!("/proc/self/task/{}/stat", id.as_raw_nonzero());
        assert!(soon(|| fs::read_to_string(&stat).unwrap().contains(") S ")), "the writer does not wait");
        Self { thread, pipe }
    }

    #[track_caller]
    fn assert_waits(self) {
        thread::sleep(Duration::from_millis(20));
        assert!(!self.thread.is_finished(), "a reader opened the pipe");
        // Lets it go.
        drop(File::open(format!("/proc/self/fd/{}", self.pipe.as_raw_fd())).unwrap());
        self.thread.join().unwrap();
    }
}

#[test]
fn a_socket_is_no_ring() {
    let (_place, path) = somewhere();
    let _listener = UnixListener::bind(&path).unwrap();
    is_left_alone(&path, "a socket");
}

#[test]
fn a_device_is_no_ring() {
    for result in [Ring::<u64>::open("/dev/null").map(drop), Ring::<u64>::unlink("/dev/null").map(drop)] {
        let error = result.unwrap_err();
        assert_tells(
            &error,
            matches!(error, SegmentError::NotAFile { .. }),
            &["/dev/null", "is a device, not a regular file"],
        );
    }
    is_not_replaced(Path::new("/dev/null"));
}
