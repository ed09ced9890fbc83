//! Unlinking: in use, unused, and what is no ring.
use std::fs;

use ringway::spsc::Ring;
use ringway::{Options, SegmentError, Unlinked};

use super::{Place, assert_tells};
use support::Name;
use support::process::{Child, hear, say};

fn options() -> Options<'static> {
    Options::new().capacity(8)
}

/// Sits as the consumer, and goes on when the name is gone.
pub fn be_in_it(words: &[&str]) {
    let ring = Ring::<u64>::open(words[0]).unwrap();
    let mut rx = ring.consumer().unwrap();
    say(ring.is_unlinked());
    hear();
    say(ring.is_unlinked());
    say(rx.pop().unwrap());
    say(rx.pop().unwrap());
}

#[test]
fn those_in_an_unlinked_segment_go_on() {
    let name = Name::unique("ringway-removing");
    let ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut tx = ring.producer().unwrap();
    let mut child = Child::start("be in it", &[name.as_str()]);
    child.expect("false");
    tx.push(&1).unwrap();
    assert_eq!(Ring::<u64>::unlink(&name).unwrap(), Unlinked::InUse);
    assert!(ring.is_unlinked());
    assert!(matches!(Ring::<u64>::open(&name), Err(SegmentError::NotFound { .. })));

    // The name is free for another ring, which has nothing to do with this one.
    let other = Ring::<u64>::create(&name, &options()).unwrap();
    assert!(!other.is_unlinked());
    other.producer().unwrap().push(&9).unwrap();

    tx.push(&2).unwrap();
    child.tell("look");
    child.expect("true");
    child.expect("1");
    child.expect("2");
    child.finish();
    assert_eq!(other.consumer().unwrap().pop(), Ok(9));
}

#[test]
fn a_segment_is_in_use_as_long_as_somebody_alive_sits_in_it() {
    let name = Name::unique("ringway-removing");
    let _ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut child = Child::start("be in it", &[name.as_str()]);
    child.expect("false");
    assert_eq!(Ring::<u64>::unlink(&name).unwrap(), Unlinked::InUse);

    // A ring that is only mapped is not in use, nor is one that only the dead sit in.
    let _ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut child = Child::start("be in it", &[name.as_str()]);
    child.expect("false");
    child.kill();
    assert_eq!(Ring::<u64>::unlink(&name).unwrap(), Unlinked::Unused);
}

#[test]
fn what_is_no_ring_is_left_alone() {
    let place = Place::new();
    let (text, empty, link) = (place.at("text"), place.at("empty"), place.at("link"));
    fs::write(&text, "somebody's thesis").unwrap();
    fs::write(&empty, "").unwrap();
    Ring::<u64>::create(place.at("ring"), &options()).unwrap();
    std::os::unix::fs::symlink(place.at("ring"), &link).unwrap();
    for path in [&text, &empty] {
        let error = Ring::<u64>::unlink(path).unwrap_err();
        assert_tells(&error, matches!(error, SegmentError::Layout { .. }), &["not a ring"]);
    }
    for path in [&link, &place.0] {
        let error = Ring::<u64>::unlink(path).unwrap_err();
        assert_tells(&error, matches!(error, SegmentError::NotAFile { .. }), &["not a regular file"]);
    }
    assert_eq!(fs::read_to_string(&text).unwrap(), "somebody's thesis");
    assert!(empty.exists() && link.is_symlink() && Ring::<u64>::open(place.at("ring")).is_ok());
}

#[test]
fn a_ring_of_any_type_can_be_unlinked_also_when_it_is_damaged() {
    let place = Place::new();
    let path = place.at("ring");
    Ring::<u64>::create(&path, &options()).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
    assert!(Ring::<u64>::open(&path).is_err());
    assert_eq!(Ring::<[u8]>::unlink(&path).unwrap(), Unlinked::Unused);
    assert!(!path.exists());
}
