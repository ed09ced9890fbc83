//! A participant registers its process for the barriers of its sleeping peers. The kernel is asked
//! whether it did: a participant that believes it is registered, and is not, loses wake-ups.
use std::io;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use ringway::{Options, Role};

use support::Name;
use support::process::{Child, say};

/// The bit of `MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED` in the answer of the kernel.
const GLOBAL_EXPEDITED: libc::c_long = 1 << 2;

/// The barriers for which this process is registered (Linux 6.3).
fn registrations() -> io::Result<libc::c_long> {
    const MEMBARRIER_CMD_GET_REGISTRATIONS: libc::c_int = 1 << 9;
    // SAFETY: the call takes numbers only, and changes nothing.
    let answer = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// In a new process, in which no other code has registered: takes a seat, and says what the kernel
/// says before and after.
pub fn take_a_seat(words: &[&str]) {
    match words[1] {
        "spsc" => seat::<Spsc>(words),
        "mpsc" => seat::<Mpsc>(words),
        _ => seat::<Lanes>(words),
    }
}

fn seat<K: Kind>(words: &[&str]) {
    let is_registered = || Ok::<_, io::Error>(registrations()? & GLOBAL_EXPEDITED != 0);
    let ring = Ring::<K, u64>::open(words[0]).unwrap();
    let before = match is_registered() {
        Ok(before) => before,
        Err(why) => return say(format!("skipped: the kernel does not say who is registered: {why}")),
    };
    assert!(!before, "registered without a seat");
    if words[2] == Role::Producer.to_string() {
        let _seat = ring.producer().unwrap();
        say(is_registered().unwrap());
    } else {
        let _seat = ring.consumer().unwrap();
        say(is_registered().unwrap());
    }
}

fn a_participant_is_registered<K: Kind>(kind: &str) {
    for role in [Role::Producer, Role::Consumer] {
        let name = Name::unique("ringway-barriers");
        Ring::<K, u64>::create(&name, &Options::new().capacity(4)).unwrap();
        let mut child = Child::start("take a seat", &[name.as_str(), kind, &role.to_string()]);
        match child.line().as_str() {
            // Where the kernel cannot say it, it cannot be checked.
            skipped if skipped.starts_with("skipped") => println!("{kind}: {skipped}"),
            registered => assert_eq!(registered, "true", "{kind}: the {role}'s process is registered"),
        }
        child.finish();
    }
}

#[test]
fn the_process_of_a_participant_is_registered_for_barriers() {
    a_participant_is_registered::<Spsc>("spsc");
    a_participant_is_registered::<Mpsc>("mpsc");
    a_participant_is_registered::<Lanes>("lanes");
}
