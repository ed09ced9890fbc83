//! `open_or_create` refuses a ring that differs from what the options set.
use std::fs;
use std::os::unix::fs::PermissionsExt;

use ringway::Message;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use ringway::{Options, SegmentError};

use super::{Place, assert_tells};

/// The result of `open_or_create` for a ring that was created with `first`.
fn again<K: Kind, T: Message + ?Sized>(first: &Options<'_>, then: &Options<'_>) -> Result<(), SegmentError> {
    let place = Place::new();
    let path = place.at("ring");
    let ring = Ring::<K, T>::create(&path, first).unwrap();
    let result = Ring::<K, T>::open_or_create(&path, then).map(drop);
    // `open_with` accepts every existing ring, and nothing changes it.
    let joined = Ring::<K, T>::open_with(&path, then).unwrap();
    assert_eq!((joined.capacity(), ring.is_unlinked()), (ring.capacity(), false));
    result
}

#[track_caller]
fn assert_differs(result: Result<(), SegmentError>, expected: (&str, u64, u64), words: &[&str]) {
    let error = result.unwrap_err();
    let meant = matches!(
        &error,
        SegmentError::Differs { path, what, found, asked }
            if path.ends_with("ring") && (*what, *found, *asked) == expected
    );
    assert_tells(&error, meant, &[&[expected.0, "ring", "unlink it", "unset"], words].concat());
}

fn capacity_differs<K: Kind>() {
    let options = |capacity| Options::new().capacity(capacity).max_producers(2);
    for other in [4, 9, 16, 1 << 20, usize::MAX] {
        let expected = ("capacity", 8, other as u64);
        assert_differs(again::<K, u64>(&options(8), &options(other)), expected, &["8, not"]);
    }
    for other in [64, 128, 257, 1 << 20, usize::MAX] {
        let expected = ("capacity", 256, other as u64);
        assert_differs(again::<K, [u8]>(&options(256), &options(other)), expected, &["256, not"]);
    }
}

#[test]
fn another_capacity_is_refused_for_every_kind() {
    capacity_differs::<Spsc>();
    capacity_differs::<Mpsc>();
    capacity_differs::<Lanes>();
}

fn rounding_is_no_difference<K: Kind>() {
    let options = |capacity| Options::new().capacity(capacity).max_producers(2);
    for (first, then) in [(5, 8), (8, 5), (5, 7), (8, 8)] {
        again::<K, u64>(&options(first), &options(then)).unwrap();
    }
    for (first, then) in [(129, 256), (256, 129), (1, 128), (128, 1)] {
        again::<K, [u8]>(&options(first), &options(then)).unwrap();
    }
}

#[test]
fn rounding_the_capacity_up_is_no_difference() {
    rounding_is_no_difference::<Spsc>();
    rounding_is_no_difference::<Mpsc>();
    rounding_is_no_difference::<Lanes>();
}

fn producers_differ<K: Kind>() {
    let options = |producers| Options::new().capacity(8).max_producers(producers);
    for (first, then, found) in [(2, 3, 2), (3, 2, 3), (0, 2, 16), (2, 65_536, 2)] {
        let expected = ("max_producers", found, then as u64);
        assert_differs(
            again::<K, u64>(&options(first), &options(then)),
            expected,
            &[&format!("{found}, not")],
        );
    }
    again::<K, u64>(&options(0), &options(16)).unwrap();
}

#[test]
fn another_number_of_producers_is_refused_except_for_spsc() {
    producers_differ::<Mpsc>();
    producers_differ::<Lanes>();
    let options = |producers| Options::new().capacity(8).max_producers(producers);
    again::<Spsc, u64>(&options(2), &options(3)).unwrap();
}

fn mode_differs<K: Kind>() {
    let options = Options::new().capacity(8).max_producers(2);
    let expected = ("mode", 0o600, 0o660);
    assert_differs(again::<K, u64>(&options, &options.mode(0o660)), expected, &["0o600", "0o660"]);
    let expected = ("mode", 0o640, 0o600);
    assert_differs(again::<K, [u8]>(&options.mode(0o640), &options.mode(0o600)), expected, &["0o640"]);
    again::<K, u64>(&options, &options.mode(0o600)).unwrap();
    // The permission bits are all that a mode can set.
    again::<K, u64>(&options, &options.mode(0o100_600)).unwrap();
}

#[test]
fn another_mode_is_refused_for_every_kind() {
    mode_differs::<Spsc>();
    mode_differs::<Mpsc>();
    mode_differs::<Lanes>();
}

fn unset_options_accept_everything<K: Kind>() {
    let unusual = Options::new().capacity(32).max_producers(3).mode(0o640);
    again::<K, u64>(&unusual, &Options::new()).unwrap();
    again::<K, [u8]>(&unusual, &Options::new().label("other").prefault(false)).unwrap();
}

#[test]
fn unset_options_accept_what_is_there() {
    unset_options_accept_everything::<Spsc>();
    unset_options_accept_everything::<Mpsc>();
    unset_options_accept_everything::<Lanes>();
}

/// `chmod` after creation counts: the mode is compared, not remembered.
#[test]
fn the_present_mode_of_the_file_is_compared() {
    let place = Place::new();
    let path = place.at("ring");
    Ring::<Spsc, u64>::create(&path, &Options::new()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    Ring::<Spsc, u64>::open_or_create(&path, &Options::new().mode(0o644)).unwrap();
    let result = Ring::<Spsc, u64>::open_or_create(&path, &Options::new().mode(0o600)).map(drop);
    assert_differs(result, ("mode", 0o644, 0o600), &[]);
}
