//! Making, joining and removing segments: races, deaths, lack of space, and whatever else a name can stand for.

mod allocation;
mod create;
mod departures;
mod difference;
mod mismatch;
mod multi_producer_layout;
mod no_space;
mod not_a_segment;
mod objects;
mod permissions;
mod unlink;
mod unused;
mod user_namespace;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ringway::SegmentError;
use support::Name;
use support::process::Act;

/// What child processes of these tests do.
pub const ROLES: &[(&str, Act)] = &[
    ("open a grown file", allocation::open_a_grown_file),
    ("use up the inodes", no_space::use_up_the_inodes),
    ("use huge pages only", no_space::use_huge_pages_only),
    ("have a limit on files", no_space::have_a_limit_on_files),
    ("do without proc", not_a_segment::do_without_proc),
    ("race", create::race),
    ("create for ever", create::create_for_ever),
    ("create late", create::create_late),
    ("create and die", create::create_and_die),
    ("set a umask", permissions::set_a_umask),
    ("be another user", permissions::be_another_user),
    ("fill a file system", no_space::fill_a_file_system),
    ("be in it", unlink::be_in_it),
    ("hold a seat", unused::hold_a_seat),
    ("hold a seat in the log", objects::hold_a_seat_in_the_log),
    ("enter a user namespace", user_namespace::enter_a_user_namespace),
    ("open as an unmapped user", user_namespace::open_as_an_unmapped_user),
    ("open as a mapped user", user_namespace::open_as_a_mapped_user),
    ("use layers", unused::use_layers),
    ("use a read-only file system", no_space::use_a_read_only_file_system),
];

/// A directory of one's own, in memory; removed with all that is in it.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let path = Path::new("/dev/shm").join(Name::unique("ringway-place"));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone_already = fs::remove_dir_all(&self.0);
    }
}

/// That an error is one that is meant, and that it tells people all of this.
#[track_caller]
pub fn assert_tells(error: &SegmentError, is_meant: bool, words: &[&str]) {
    assert!(is_meant, "{error:?}");
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{text}` does not say `{word}`");
    }
}
