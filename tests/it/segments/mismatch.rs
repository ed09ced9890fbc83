//! Rings that are there, but are not the ring that was expected.
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ringway::spsc::Ring;
use ringway::{LayoutError, Message, Options, SegmentError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{Place, assert_tells};
use support::Name;

#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tick {
    words: [u64; 3],
}

#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Trade {
    words: [u64; 4],
}

/// As large as `Tick`, but another type.
#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tock {
    words: [u64; 3],
}

// Offsets in the file, from the documentation of the segment format.
const MAGIC: u64 = 0;
const MAJOR: u64 = 8;
const MINOR: u64 = 16;
const INCOMPATIBLE: u64 = 24;
const COMPATIBLE: u64 = 32;
const LENGTH: u64 = 40;
const OBJECTS: u64 = 48;
const OBJECT: u64 = 256;

fn options() -> Options<'static> {
    Options::new().capacity(1024)
}

/// What `open` says about a ring of `T` that was made well and then had these words written over others.
fn patched<T: Message + ?Sized>(patches: &[(u64, u64)]) -> Result<(), SegmentError> {
    let place = Place::new();
    let path = place.at("ring");
    Ring::<T>::create(&path, &options()).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    for (at, word) in patches {
        file.write_all_at(&word.to_ne_bytes(), *at).unwrap();
    }
    Ring::<T>::open(&path).map(drop)
}

fn layout_of(error: &SegmentError) -> LayoutError {
    match error {
        SegmentError::Layout { error, .. } => *error,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_layout<T>(result: Result<T, SegmentError>, is_meant: fn(LayoutError) -> bool, words: &[&str]) {
    let error = result.map(drop).unwrap_err();
    assert_tells(&error, is_meant(layout_of(&error)), words);
}

const fn is_item(error: LayoutError) -> bool {
    matches!(error, LayoutError::Item { .. })
}

#[test]
fn a_type_of_the_same_name_and_size_that_is_aligned_otherwise_is_another() {
    mod other {
        #[derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable)]
        #[repr(C)]
        pub struct Tick {
            halves: [u32; 6],
        }
    }
    // Where words are aligned to 4 bytes, nothing tells them apart.
    if align_of::<u64>() == 8 {
        let name = Name::unique("ringway-aligned");
        Ring::<Tick>::create(&name, &options()).unwrap();
        let both = "carries `Tick` (24 bytes, align 8), not `Tick` (24 bytes, align 4)";
        assert_layout(Ring::<other::Tick>::open(&name), is_item, &[both]);
    }
}

#[test]
fn another_type_is_told_in_words() {
    let name = Name::unique("ringway-ticks");
    Ring::<Tick>::create(&name, &options()).unwrap();
    let ring = format!("ring `{}`", name.as_str());
    // 4 on some machines.
    let align = align_of::<u64>();
    let tick = format!("carries `Tick` (24 bytes, align {align})");
    let both = &*format!("{tick}, not `Trade` (32 bytes, align {align})");
    assert_layout(Ring::<Trade>::open(&name), is_item, &[&ring, both, "name the same type"]);
    assert_layout(Ring::<Trade>::open_or_create(&name, &options()), is_item, &[&ring, both]);
    let both = &*format!("{tick}, not `Tock` (24 bytes, align {align})");
    assert_layout(Ring::<Tock>::open(&name), is_item, &[&ring, both]);
    let both = &*format!("{tick}, not `[u8; 24]` (24 bytes, align 1)");
    assert_layout(Ring::<[u8; 24]>::open(&name), is_item, &[both]);
    let both = &*format!("{tick}, not records of bytes");
    assert_layout(Ring::<[u8]>::open(&name), is_item, &[both]);
    assert!(Ring::<Tick>::open(&name).is_ok());
}

#[test]
fn a_byte_ring_is_not_a_typed_one() {
    let name = Name::unique("ringway-bytes");
    Ring::<[u8]>::create(&name, &options()).unwrap();
    let both = &*format!("carries records of bytes, not `Tick` (24 bytes, align {})", align_of::<u64>());
    assert_layout(Ring::<Tick>::open(&name), is_item, &[both, "name the same type"]);
    let both = "carries records of bytes, not `u8` (1 bytes, align 1)";
    assert_layout(Ring::<u8>::open(&name), is_item, &[both]);
    assert!(Ring::<[u8]>::open(&name).is_ok());
}

#[test]
fn another_major_version_is_refused() {
    let meant = |error| matches!(error, LayoutError::Version { major: 2, minor: 5, ours: 1 });
    let words = ["has format 2.5", "this library reads 1.x", "same major version", "both sides"];
    assert_layout(patched::<u64>(&[(MAJOR, 2), (MINOR, 5)]), meant, &words);
    assert!(patched::<u64>(&[(MAJOR, 0)]).is_err());
    assert!(patched::<u64>(&[(MINOR, 5)]).is_ok(), "a higher minor version can be read");
}

#[test]
fn an_unknown_feature_is_refused_unless_it_can_be_ignored() {
    let meant = |error| matches!(error, LayoutError::Features { unknown: 0x20 });
    let words = ["features that this library does not know", "0x20", "newer version of the library"];
    assert_layout(patched::<[u8]>(&[(INCOMPATIBLE, 0x20)]), meant, &words);
    assert!(patched::<[u8]>(&[(COMPATIBLE, u64::MAX)]).is_ok());
}

#[test]
fn another_byte_order_is_told() {
    let magic = u64::from_ne_bytes(*b"RINGWAY1");
    let meant = |error| matches!(error, LayoutError::OtherByteOrder);
    let words = ["other byte order", "unlink it", "create it again"];
    assert_layout(patched::<u64>(&[(MAGIC, magic.swap_bytes())]), meant, &words);
}

#[test]
fn another_kind_of_ring_is_told() {
    let meant = |error| matches!(error, LayoutError::Kind { found: 2, expected: 1 });
    let words = ["is a ring of kind `mpsc`, not `spsc`", "use the module of that name"];
    assert_layout(patched::<u64>(&[(OBJECT, 2)]), meant, &words);
}

#[test]
fn a_damaged_field_is_named() {
    for (at, word, field) in [
        (OBJECTS, 0, "objects"),
        (OBJECTS, 1025, "objects"),
        (OBJECT + 8, 384, "object start"),
        (OBJECT + 8, 513, "object start"),
        (OBJECT + 8, 1 << 62, "object start"),
        (OBJECT + 16, 129, "object length"),
        (OBJECT + 16, 1 << 62, "object length"),
        (OBJECT + 24, 384, "seats"),
        (OBJECT + 24, 513, "seats"),
        (OBJECT + 32, 3, "seat blocks"),
        (OBJECT + 32, 1 << 62, "seat blocks"),
        (OBJECT + 48, 3, "producers"),
        (OBJECT + 56, 3, "capacity"),
        (OBJECT + 56, 1 << 30, "capacity"),
        (OBJECT + 64, 8, "stride"),
        (OBJECT + 80, 512, "descriptors"),
        (OBJECT + 88, 1 << 62, "cells"),
    ] {
        let error = patched::<u64>(&[(at, word)]).unwrap_err();
        let LayoutError::Field { field: named, found } = layout_of(&error) else { panic!("{error:?}") };
        assert_eq!((named, found), (field, word));
        assert_tells(
            &error,
            true,
            &["is damaged", &format!("its {field} cannot be {word}"), "create it again"],
        );
    }
}

#[test]
fn no_word_of_header_or_object_makes_open_panic() {
    for at in (0..OBJECT + 256).step_by(8) {
        for word in [0, 1, 7, 64, 512, 1 << 20, 1 << 32, 1 << 63, u64::MAX - 127, u64::MAX] {
            // It may go unnoticed where nothing depends on it; then the ring can be used.
            let _told = patched::<[u8]>(&[(at, word)]);
            let _told = patched::<u64>(&[(at, word)]);
        }
    }
}

/// What `open` says about a ring of which only the first bytes are left.
fn cut_to(len: u64) -> Result<(), SegmentError> {
    let place = Place::new();
    let path = place.at("ring");
    Ring::<u64>::create(&path, &options()).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(len).unwrap();
    Ring::<u64>::open(&path).map(drop)
}

#[test]
fn a_truncated_segment_is_told() {
    let len = Ring::<u64>::required_len(&Options::new().capacity(1024)) as u64;
    for has in [512, 4096, len - 1] {
        let error = cut_to(has).unwrap_err();
        let expected = LayoutError::Truncated { claims: len, has };
        assert_eq!(layout_of(&error), expected);
        let words = [&*format!("should have {len} bytes and has {has}"), "truncated", "create it again"];
        assert_tells(&error, true, &words);
    }
    for has in [8, 100, 511] {
        let meant = |error| matches!(error, LayoutError::Truncated { claims: 512, .. });
        assert_layout(cut_to(has), meant, &["should have 512 bytes", "truncated", "create it again"]);
    }
    assert_layout(cut_to(7), |error| matches!(error, LayoutError::NotARing { .. }), &["not a ring"]);
    assert!(cut_to(len + 5000).is_ok(), "a file may be longer");
    let meant = |error| matches!(error, LayoutError::Truncated { claims: u64::MAX, .. });
    assert_layout(patched::<u64>(&[(LENGTH, u64::MAX)]), meant, &["truncated"]);
}

#[test]
fn a_file_of_something_else_is_no_ring() {
    let place = Place::new();
    for (what, content) in [("text", "somebody's thesis"), ("short", "RINGWAY")] {
        let path = place.at(what);
        fs::write(&path, content).unwrap();
        assert_no_ring(&path);
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    let path = place.at("zeros");
    File::create(&path).unwrap().set_len(1 << 20).unwrap();
    assert_no_ring(&path);
}

#[test]
fn an_empty_file_is_called_empty() {
    let place = Place::new();
    let path = place.at("empty");
    fs::write(&path, "").unwrap();
    let words = ["is an empty file, not a ring", "use another name", "remove the file"];
    for result in [
        Ring::<u64>::open(&path).map(drop),
        Ring::<u64>::open_or_create(&path, &options()).map(drop),
        Ring::<u64>::unlink(&path).map(drop),
        Ring::<u64>::unlink_if_unused(&path),
    ] {
        assert_layout(result, |error| error == LayoutError::Empty, &words);
    }
    assert!(path.exists());
}

/// What `open` says with options of schema `expected` about a ring of schema `found`.
fn with_schemas<T: Message + ?Sized>(found: u64, expected: u64) -> Result<(), SegmentError> {
    let name = Name::unique("ringway-schema");
    Ring::<T>::create(&name, &options().schema(found)).unwrap();
    let opened = Ring::<T>::open_with(&name, &Options::new().schema(expected)).map(drop);
    let joined = Ring::<T>::open_or_create(&name, &options().schema(expected)).map(drop);
    assert_eq!(opened.is_ok(), joined.is_ok());
    opened
}

#[test]
fn both_sides_must_agree_on_the_schema() {
    for schema in [0, 1, 7, u64::MAX] {
        with_schemas::<u64>(schema, schema).unwrap();
        with_schemas::<[u8]>(schema, schema).unwrap();
    }
    let meant = |error| error == LayoutError::Schema { found: 3, expected: 4 };
    let words = ["has schema 3", "expects schema 4", "same version of the program on both sides"];
    assert_layout(with_schemas::<[u8]>(3, 4), meant, &words);
    let meant = |error| error == LayoutError::Schema { found: 3, expected: 0 };
    assert_layout(with_schemas::<u64>(3, 0), meant, &["has schema 3", "expects none", "Options::schema(3)"]);
    let meant = |error| error == LayoutError::Schema { found: 0, expected: 4 };
    assert_layout(
        with_schemas::<u64>(0, 4),
        meant,
        &["has no schema", "expects schema 4", "that creates it"],
    );
}

#[test]
fn another_type_is_told_before_another_schema() {
    let name = Name::unique("ringway-schema");
    Ring::<Tick>::create(&name, &options().schema(3)).unwrap();
    assert_layout(Ring::<Trade>::open(&name), is_item, &["carries `Tick`"]);
}

#[test]
fn the_schema_lies_where_the_format_says() {
    let meant = |error| error == LayoutError::Schema { found: 5, expected: 0 };
    assert_layout(patched::<u64>(&[(OBJECT + 120, 5)]), meant, &["has schema 5"]);
}

fn assert_no_ring(path: &Path) {
    for result in [
        Ring::<u64>::open(path).map(drop),
        Ring::<[u8]>::open_or_create(path, &options()).map(drop),
        Ring::<u64>::unlink(path).map(drop),
    ] {
        let meant = |error| matches!(error, LayoutError::NotARing { .. });
        assert_layout(result, meant, &["is not a ring (it begins with 0x", "use another name", "remove"]);
    }
    let error = Ring::<u64>::create(path, &options()).unwrap_err();
    let meant = matches!(error, SegmentError::Exists { is_ring: false, .. });
    assert_tells(&error, meant, &["already exists and is not a ring", "use another name"]);
}
