//! Who may: modes, owners, permission.
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use ringway::spsc::Ring;
use ringway::{Options, SeatError, SegmentError, mpsc};
use rustix::fs::Mode;
use rustix::process::{Uid, geteuid};
use rustix::thread::set_thread_res_uid;

use super::unused::read_lock;
use super::{Place, assert_tells};
use support::Name;
use support::process::{run, say};

/// A user who is not us, and whom nobody is.
const OTHER: u32 = 65_532;
/// Another one.
const THIRD: u32 = 65_533;

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Creates with each mode under each umask.
pub fn set_a_umask(words: &[&str]) {
    let path = Path::new(words[0]);
    for umask in [0o000, 0o022, 0o077, 0o777] {
        rustix::process::umask(Mode::from_raw_mode(umask));
        let ring = Ring::<u64>::create(path, &Options::new()).unwrap();
        assert_eq!(mode_of(path), 0o600, "by default, with umask {umask:o}");
        drop(ring);
        Ring::<u64>::unlink(path).unwrap();
        for mode in [0o600, 0o640, 0o660, 0o666] {
            let options = Options::new().mode(mode);
            Ring::<u64>::open_or_create(path, &options).unwrap();
            assert_eq!(mode_of(path), mode, "with umask {umask:o}");
            Ring::<u64>::unlink(path).unwrap();
        }
    }
    say("fine");
}

#[test]
fn modes_are_exactly_as_asked_for_whatever_the_umask_is() {
    let place = Place::new();
    assert_eq!(run("set a umask", &[place.at("ring").to_str().unwrap()]), ["fine"]);
}

#[test]
fn an_existing_segment_keeps_its_mode() {
    let place = Place::new();
    let path = place.at("ring");
    Ring::<u64>::create(&path, &Options::new().mode(0o640)).unwrap();
    Ring::<u64>::open_or_create(&path, &Options::new()).unwrap();
    Ring::<u64>::open_with(&path, &Options::new().mode(0o666)).unwrap();
    Ring::<u64>::open_or_create(&path, &Options::new().mode(0o666)).unwrap_err();
    assert_eq!(mode_of(&path), 0o640);
}

fn assert_denied<T>(result: Result<T, SegmentError>, place: &str) {
    let error = result.map(drop).unwrap_err();
    let meant = matches!(error, SegmentError::Denied { .. });
    assert_tells(&error, meant, &[place, "permission denied", "Options::mode", "directory must be writable"]);
}

/// As another user: given a place, looks at the rings that the test made there.
pub fn be_another_user(words: &[&str]) {
    let other = Uid::from_raw(OTHER);
    if let Err(error) = set_thread_res_uid(other, other, other) {
        return say(format!("skipped: cannot become another user: {error}"));
    }
    let at = |name: &str| format!("{}/{name}", words[0]);
    assert_denied(Ring::<u64>::open(at("private")), "private");
    assert_denied(Ring::<u64>::open_or_create(at("private"), &Options::new()), "private");
    assert_denied(Ring::<u64>::unlink(at("private")), "private");
    // The directory is not this user's.
    assert_denied(Ring::<u64>::create(at("new"), &Options::new()), "new");
    assert_denied(Ring::<u64>::unlink(at("public")), "public");
    // Root's is taken for genuine.
    let ring = Ring::<u64>::open(at("public")).unwrap();
    ring.producer().unwrap().push(&7).unwrap();

    let error = Ring::<u64>::open(at("foreign")).unwrap_err();
    let meant = matches!(error, SegmentError::Owner { owner: THIRD, user: OTHER, .. });
    let words = ["belongs to uid 65533", "runs as uid 65532", "Options::owner(65533)"];
    assert_tells(&error, meant, &words);
    assert!(Ring::<u64>::open_with(at("foreign"), &Options::new().owner(OTHER)).is_err());
    assert!(Ring::<u64>::open_with(at("foreign"), &Options::new().owner(THIRD)).is_ok());
    say("fine");
}

#[test]
fn another_user_may_what_the_mode_and_the_owner_allow() {
    if !geteuid().is_root() {
        return println!("skipped: only root can become another user");
    }
    let place = Place::new();
    let public = Options::new().mode(0o666);
    Ring::<u64>::create(place.at("private"), &Options::new()).unwrap();
    let ring = Ring::<u64>::create(place.at("public"), &public).unwrap();
    Ring::<u64>::create(place.at("foreign"), &public).unwrap();
    if let Err(error) = chown(place.at("foreign"), Some(THIRD), None) {
        return println!("skipped: cannot give a file away: {error}");
    }
    let said = run("be another user", &[place.0.to_str().unwrap()]);
    if said == ["fine"] {
        assert_eq!(ring.consumer().unwrap().try_pop(), Ok(7));
    } else {
        assert!(said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
    }
}

#[test]
fn what_this_user_may_not_read_is_denied() {
    if geteuid().is_root() {
        return println!("skipped: root may everything; see the test of another user");
    }
    let place = Place::new();
    let path = place.at("ring");
    Ring::<u64>::create(&path, &Options::new()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    assert_denied(Ring::<u64>::open(&path), "ring");
    assert_denied(Ring::<u64>::unlink(&path), "ring");
}

#[test]
fn a_segment_of_another_user_is_not_trusted_unless_told_so() {
    let place = Place::new();
    let path = place.at("ring");
    Ring::<u64>::create(&path, &Options::new().mode(0o666)).unwrap();
    if let Err(error) = chown(&path, Some(OTHER), None) {
        return println!("skipped: cannot give a file away: {error}");
    }
    let user = geteuid().as_raw();
    for result in [Ring::<u64>::open(&path), Ring::<u64>::open_or_create(&path, &Options::new())] {
        let error = result.unwrap_err();
        let meant = matches!(&error, SegmentError::Owner { owner: OTHER, user: us, .. } if *us == user);
        let words = ["belongs to uid 65532", &format!("runs as uid {user}"), "Options::owner(65532)"];
        assert_tells(&error, meant, &words);
    }
    let ring = Ring::<u64>::open_with(&path, &Options::new().owner(OTHER)).unwrap();
    ring.producer().unwrap().push(&1).unwrap();
    assert!(Ring::<u64>::open_with(&path, &Options::new().owner(THIRD)).is_err());
}

/// A process that may only read the file can lock it.
#[test]
fn a_reader_that_locks_the_file_blocks_every_free_seat() {
    let name = Name::unique("ringway-read-lock");
    let ring = mpsc::Ring::<u64>::create(&name, &Options::new().max_producers(3)).unwrap();
    let reader = File::open(ring.path()).unwrap();
    read_lock(&reader);
    assert!(matches!(ring.producer(), Err(SeatError::AllTaken { seats: 3, .. })));
    assert!(matches!(ring.consumer(), Err(SeatError::SeatTaken { .. })));
    drop(reader);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(&1).unwrap();
    assert_eq!(rx.pop(), Ok(1));
}
