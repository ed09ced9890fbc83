//! What a name can stand for besides a file.
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use ringway::spsc::Ring;
use ringway::{Options, SegmentError};
use rustix::fs::{CWD, Mode, mkfifoat};

use super::{Place, assert_tells};

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
