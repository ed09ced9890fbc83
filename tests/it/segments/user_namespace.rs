//! Owners in a user namespace, where all users that it does not map have one id.
use std::fs;
use std::io::{Error, Result};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;

use ringway::spsc::Ring;
use ringway::{Options, SegmentError};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::geteuid;

use super::{Place, assert_tells};
use support::process::{role_command, run, say};

/// A user that no namespace here maps.
const STRANGER: u32 = 65_533;

fn overflow_user() -> u32 {
    fs::read_to_string("/proc/sys/kernel/overflowuid").unwrap().trim().parse().unwrap()
}

/// Runs between fork and exec. `map` is the content of the namespace's map of users.
fn leave(map: &str) -> Result<()> {
    // SAFETY: a system call of a process with one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER) } < 0 {
        return Err(Error::last_os_error());
    }
    if !map.is_empty() {
        let file = open(c"/proc/self/uid_map", OFlags::WRONLY, Mode::empty())?;
        rustix::io::write(&file, map.as_bytes())?;
    }
    Ok(())
}

/// Starts a process in a user namespace with no users, and one in a namespace with its own user.
pub fn enter_a_user_namespace(words: &[&str]) {
    let user = geteuid().as_raw();
    for (role, map) in
        [("open as an unmapped user", String::new()), ("open as a mapped user", format!("{user} {user} 1"))]
    {
        let mut command = role_command(role, words, std::process::id());
        // SAFETY: what `leave` does is allowed there.
        unsafe { command.pre_exec(move || leave(&map)) };
        match command.spawn() {
            Ok(mut child) => assert!(child.wait().unwrap().success(), "{role}"),
            Err(error) => return say(format!("skipped: no user namespace: {error}")),
        }
    }
    say("fine");
}

#[track_caller]
fn assert_unknown(path: &str) {
    let unknown = overflow_user();
    let trusting = Options::new().owner(unknown);
    let error = Ring::<u64>::open(path).map(drop).unwrap_err();
    let meant = matches!(error, SegmentError::UnknownOwner { owner, .. } if owner == unknown);
    let option = format!("Options::owner({unknown})");
    assert_tells(&error, meant, &["unknown in this user namespace", &format!("uid {unknown}"), &option]);
    let ring = Ring::<u64>::open_with(path, &trusting).unwrap();
    ring.producer().unwrap().push(&7).unwrap();
    assert_eq!(ring.consumer().unwrap().pop(), Ok(7));
}

/// Here all users look like this one.
pub fn open_as_an_unmapped_user(words: &[&str]) {
    assert_eq!(geteuid().as_raw(), overflow_user());
    assert_unknown(&format!("{}/own", words[0]));
    assert_unknown(&format!("{}/foreign", words[0]));
}

pub fn open_as_a_mapped_user(words: &[&str]) {
    Ring::<u64>::open(format!("{}/own", words[0])).unwrap();
    if words[1] == "foreign" {
        assert_unknown(&format!("{}/foreign", words[0]));
    }
}

#[test]
fn an_owner_that_the_user_namespace_does_not_map_is_unknown() {
    let place = Place::new();
    for name in ["own", "foreign"] {
        Ring::<u64>::create(place.at(name), &Options::new().mode(0o666)).unwrap();
    }
    // Only root can give a file away.
    let is_foreign = chown(place.at("foreign"), Some(STRANGER), None).is_ok();
    let words = [place.0.to_str().unwrap(), if is_foreign { "foreign" } else { "own" }];
    let said = run("enter a user namespace", &words);
    assert!(said == ["fine"] || said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
}
