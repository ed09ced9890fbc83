//! Segments with several objects: made, found, compared and refused.
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ringway::lanes::{self, Lanes};
use ringway::mpsc::{self, Mpsc};
use ringway::ring::{Kind, Message, Ring};
use ringway::spsc::{self, Spsc};
use ringway::{Builder, LayoutError, Options, PopError, Presence, Role, Segment, SegmentError, Unlinked};

use super::{Place, assert_tells};
use support::Name;
use support::dump::Image;
use support::process::{Child, hear, say};

// Offsets in the file, from the documentation of the segment format.
const OBJECTS: u64 = 48;
/// The word `at` bytes into the entry with number `index`.
const fn entry(index: u64, at: u64) -> u64 {
    256 + 256 * index + at
}
const KIND: u64 = 0;
const START: u64 = 8;
const LENGTH: u64 = 16;
const SEATS: u64 = 24;
const SEAT_BLOCKS: u64 = 32;
const NAME: u64 = 192;

fn small() -> Options<'static> {
    Options::new().capacity(256).max_producers(2)
}

fn three() -> Builder<'static> {
    Segment::builder()
        .ring::<Spsc, u64>("ticks", &small())
        .ring::<Mpsc, [u8]>("log", &small())
        .ring::<Lanes, u64>("orders", &small())
}

fn patch(path: &Path, at: u64, word: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(&word.to_ne_bytes(), at).unwrap();
}

fn word(path: &Path, at: u64) -> u64 {
    let mut bytes = [0; 8];
    File::open(path).unwrap().read_exact_at(&mut bytes, at).unwrap();
    u64::from_ne_bytes(bytes)
}

#[test]
fn three_rings_are_one_file_and_do_not_touch_each_other() {
    let place = Place::new();
    let segment = three().create(place.at("robot")).unwrap();
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 1);
    let there = Segment::open(place.at("robot")).unwrap();
    let names: Vec<_> = there.objects().map(|object| object.name.to_string()).collect();
    assert_eq!(names, ["ticks", "log", "orders"]);
    assert_eq!(there.objects().map(|object| object.kind).collect::<Vec<_>>(), [1, 2, 3]);

    let mut ticks = segment.ring::<Spsc, u64>("ticks").unwrap().producer().unwrap();
    let log = segment.ring::<Mpsc, [u8]>("log").unwrap();
    let mut logs = [log.producer().unwrap(), log.producer().unwrap()];
    let orders = segment.ring::<Lanes, u64>("orders").unwrap();
    let mut orders = [orders.producer().unwrap(), orders.producer().unwrap()];
    // All of them full.
    let mut sent = [0_u64; 3];
    while ticks.try_push(&sent[0]).is_ok() {
        sent[0] += 1;
    }
    while logs[sent[1] as usize % 2].try_push(&sent[1].to_ne_bytes()).is_ok() {
        sent[1] += 1;
    }
    while orders[0].try_push(&sent[2]).is_ok() && orders[1].try_push(&sent[2]).is_ok() {
        sent[2] += 1;
    }
    assert_eq!(sent, [256, 4, 256]);
    drop(segment);

    let mut ticks_rx = there.ring::<Spsc, u64>("ticks").unwrap().consumer().unwrap();
    assert!((0..256).all(|i| ticks_rx.try_pop() == Ok(i)));
    let mut rx = there.ring::<Mpsc, [u8]>("log").unwrap().consumer().unwrap();
    for i in 0..4_u64 {
        assert_eq!(rx.try_read().unwrap().payload().to_vec(), i.to_ne_bytes());
    }
    let mut rx = there.ring::<Lanes, u64>("orders").unwrap().consumer().unwrap();
    let mut taken: Vec<_> = std::iter::from_fn(|| rx.try_pop().ok()).collect();
    taken.sort_unstable();
    assert_eq!(taken, (0..256).flat_map(|i| [i, i]).collect::<Vec<_>>());
    // One ring is left, and the others are not.
    ticks.close().unwrap();
    assert!(matches!(ticks_rx.try_pop(), Err(PopError::Closed(_))));
    let log = there.ring::<Mpsc, [u8]>("log").unwrap();
    assert!(matches!(log.presence(Role::Producer), Presence::Here(_)));
}

/// The short form and the long one write the same bytes, apart from the name.
#[test]
fn a_segment_of_one_ring_is_that_of_the_short_form() {
    fn of_kind<K: Kind, T: Message + ?Sized>() {
        let place = Place::new();
        let options = small().schema(7);
        Ring::<K, T>::create(place.at("short"), &options).unwrap();
        Segment::builder().ring::<K, T>("ticks", &options).create(place.at("long")).unwrap();
        let [short, mut long] = ["short", "long"].map(|name| fs::read(place.at(name)).unwrap());
        long[56..64].copy_from_slice(&short[56..64]);
        assert_eq!(&long[256 + 192..256 + 197], b"ticks");
        long[256 + 192..256 + 197].fill(0);
        assert!(long == short, "short:\n{}\nlong:\n{}", Image(&short).dump(), Image(&long).dump());
        // And each opens what the other has made.
        assert!(Ring::<K, T>::open_with(place.at("long"), &options).is_ok());
        let short = Segment::open(place.at("short")).unwrap();
        assert!(short.ring_with::<K, T>("", &options).is_ok());
    }
    of_kind::<Spsc, u64>();
    of_kind::<Mpsc, [u8]>();
    of_kind::<Lanes, [u8]>();
}

#[test]
fn the_table_is_as_the_format_page_says() {
    let place = Place::new();
    let path = place.at("robot");
    three().create(&path).unwrap();
    assert_eq!(word(&path, OBJECTS), 3);
    let mut end = 256 * 4;
    for (index, blocks) in [(0, 2), (1, 4), (2, 4)] {
        let [kind, start, length, seats, seat_blocks] =
            [KIND, START, LENGTH, SEATS, SEAT_BLOCKS].map(|at| word(&path, entry(index, at)));
        assert_eq!([kind, start, seats, seat_blocks], [index + 1, end, end, blocks]);
        end = start + length;
    }
    assert_eq!(word(&path, 40), end, "length");
    assert_eq!(word(&path, entry(1, NAME)), u64::from_ne_bytes(*b"log\0\0\0\0\0"));
}

/// What `open` says about a segment of three rings with this word in it.
fn patched(at: u64, value: u64) -> Result<Segment, SegmentError> {
    patched_in(&Place::new(), at, value)
}

fn patched_in(place: &Place, at: u64, value: u64) -> Result<Segment, SegmentError> {
    let _another = fs::remove_file(place.at("robot"));
    three().create(place.at("robot")).unwrap();
    patch(&place.at("robot"), at, value);
    Segment::open(place.at("robot"))
}

#[test]
fn a_damaged_table_is_refused_and_the_field_is_named() {
    let place = Place::new();
    three().create(place.at("robot")).unwrap();
    let of = |index, at| word(&place.at("robot"), entry(index, at));
    let ends = |index| of(index, START) + of(index, LENGTH);
    for (at, value, field) in [
        (OBJECTS, 0, "objects"),
        (OBJECTS, 1025, "objects"),
        // Its place in the table is that of a ring.
        (OBJECTS, 4, "object start"),
        (entry(0, START), 256 * 3, "object start"),
        // Parts that overlap.
        (entry(1, START), of(1, START) - 128, "object start"),
        (entry(0, LENGTH), of(0, LENGTH) + 128, "object start"),
        (entry(2, START), of(0, START), "object start"),
        // Outside of the segment.
        (entry(2, START), u64::MAX - 127, "object start"),
        (entry(2, LENGTH), of(2, LENGTH) + 128, "object length"),
        (entry(2, LENGTH), u64::MAX - 127, "object length"),
        (entry(1, LENGTH), 1, "object length"),
        // Seats outside of the part: those of another object.
        (entry(1, SEATS), of(0, SEATS), "seats"),
        (entry(1, SEATS), ends(1) + 128, "seats"),
        (entry(1, SEATS), of(1, SEATS) + 64, "seats"),
        (entry(1, SEAT_BLOCKS), of(1, LENGTH) / 512 + 1, "seat blocks"),
        (entry(1, SEAT_BLOCKS), u64::MAX, "seat blocks"),
    ] {
        let error = patched(at, value).unwrap_err();
        let named = format!("its {field} cannot be");
        assert_tells(&error, true, &["is damaged", &named, "unlink it and create it again"]);
    }
    let error = patched(entry(2, NAME), u64::from_ne_bytes(*b"ticks\0\0\0")).unwrap_err();
    let meant = matches!(error, SegmentError::Layout { error: LayoutError::SameName { .. }, .. });
    assert_tells(&error, meant, &["is damaged", "two of its objects have the name `ticks`"]);
    // The number of seats of a ring is checked when the ring is asked for.
    let segment = patched(entry(1, SEAT_BLOCKS), 3).unwrap();
    let error = segment.ring::<Mpsc, [u8]>("log").unwrap_err();
    assert_tells(&error, true, &["object `log` is damaged", "its seat blocks cannot be 3"]);
}

#[test]
fn no_word_of_the_table_makes_a_segment_panic() {
    let place = Place::new();
    for at in (0..256 * 4).step_by(8) {
        for value in [0, 1, 7, 128, 1 << 20, 1 << 63, u64::MAX - 127, u64::MAX] {
            let Ok(segment) = patched_in(&place, at, value) else { continue };
            assert!(segment.objects().all(|object| !object.to_string().is_empty()));
            let _told = segment.ring::<Spsc, u64>("ticks").map(|ring| ring.producer().unwrap().try_push(&1));
            let _told = segment.ring::<Mpsc, [u8]>("log").map(|ring| ring.seats().count());
            let _told = segment.ring::<Lanes, u64>("orders").map(|ring| ring.consumer().unwrap().try_pop());
        }
    }
}

#[test]
fn an_object_of_an_unknown_kind_is_skipped_unless_it_is_asked_for() {
    let place = Place::new();
    let segment = patched_in(&place, entry(1, KIND), 77).unwrap();
    let log = segment.objects().nth(1).unwrap();
    assert_eq!((log.kind, log.to_string().contains("`log`, of the unknown kind 77")), (77, true));
    assert!(segment.ring::<Spsc, u64>("ticks").unwrap().producer().unwrap().try_push(&1).is_ok());
    assert!(segment.ring::<Lanes, u64>("orders").is_ok());
    let error = segment.ring::<Mpsc, [u8]>("log").unwrap_err();
    assert_tells(&error, true, &["object `log` ", "kind 77 (of a newer version?)", "not `mpsc`"]);
}

#[test]
fn what_is_not_there_as_asked_is_told_in_words() {
    let name = Name::unique("ringway-objects");
    let segment = three().create(&name).unwrap();
    let error = segment.ring::<Spsc, u64>("tocks").unwrap_err();
    let meant = matches!(&error, SegmentError::NoObject { name, .. } if name == "tocks");
    assert_tells(&error, meant, &["has no object `tocks`", "it has `ticks`, `log`, `orders`"]);
    let error = segment.ring::<Mpsc, u64>("ticks").unwrap_err();
    let meant = matches!(&error, SegmentError::Object { object, .. } if object == "ticks");
    assert_tells(&error, meant, &["object `ticks` is a ring of kind `spsc`, not `mpsc`"]);
    let error = segment.ring::<Spsc, i32>("ticks").unwrap_err();
    assert_tells(&error, true, &["object `ticks` carries `u64`", "not `i32`"]);
    let error = segment.ring_with::<Spsc, u64>("ticks", &Options::new().schema(3)).unwrap_err();
    assert_tells(&error, true, &["object `ticks` has no schema", "expects schema 3"]);
    // The short form finds no ring of its own there.
    for error in [
        Ring::<Spsc, u64>::open(&name).unwrap_err(),
        Ring::<Spsc, u64>::open_or_create(&name, &small()).unwrap_err(),
    ] {
        let meant =
            matches!(error, SegmentError::Layout { error: LayoutError::SeveralObjects { found: 3 }, .. });
        assert_tells(&error, meant, &["has 3 objects", "open it as a `Segment`", "name the one"]);
    }
    let long = "x".repeat(65);
    assert!(matches!(segment.ring::<Spsc, u64>(&long), Err(SegmentError::NoObject { .. })));
}

#[test]
fn wrong_names_options_and_numbers_are_refused_before_anything_is_made() {
    let place = Place::new();
    let refused = |builder: Builder<'_>, words: &[&str]| {
        let path = place.at("robot");
        for result in [builder.create(&path), builder.open_or_create(&path)] {
            assert_tells(&result.unwrap_err(), true, words);
        }
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 0);
    };
    let with = |name: &str| three().ring::<Spsc, u64>(name, &small());
    refused(with("ticks"), &["the name `ticks`", "another object of the segment has it"]);
    refused(with(""), &["the name ``", "it is empty"]);
    refused(with(&"x".repeat(65)), &["it is longer than 64 bytes"]);
    refused(with("a\0b"), &["the name `a\\0b`", "a control character"]);
    refused(Segment::builder(), &["has no object; add at least one"]);
    let many = (0..1025).fold(Segment::builder(), |builder, i| {
        builder.ring::<Spsc, u64>(&format!("ring {i}"), &Options::new().capacity(1))
    });
    refused(many, &["cannot have 1025 objects; 1024 is the most"]);
    for (options, option) in [
        (small().mode(0o660), "mode"),
        (small().prefault(false), "prefault"),
        (small().huge_pages(true), "huge_pages"),
        (small().lock_memory(true), "lock_memory"),
        (small().owner(1), "owner"),
        (small().label("feed"), "label"),
    ] {
        let words = [option, "was set for the object `more`", "Builder::options"];
        refused(three().ring::<Spsc, u64>("more", &options), &words);
    }
    for (options, option) in [
        (Options::new().capacity(1), "capacity"),
        (Options::new().max_producers(1), "max_producers"),
        (Options::new().schema(1), "schema"),
    ] {
        refused(three().options(&options), &[option, "for the whole segment", "where the object is added"]);
    }
    let error = ["object `log`", "cannot have 65536 producers; 65535 is the most"];
    refused(
        Segment::builder()
            .ring::<Spsc, u64>("ticks", &small())
            .ring::<Mpsc, u64>("log", &small().max_producers(65_536)),
        &error,
    );
    // Together they are too large, though each is not.
    let huge = Options::new().capacity(1 << 40);
    let huge = (0..20).fold(Segment::builder(), |builder, i| {
        builder.ring::<Spsc, [u64; 1 << 16]>(&format!("ring {i}"), &huge)
    });
    refused(huge, &["would be larger than any memory"]);
}

#[test]
fn there_are_1024_objects_at_most_with_names_of_64_bytes() {
    let name = Name::unique("ringway-objects");
    let label = |i: usize| format!("{i:064}");
    let builder = (0..1024).fold(Segment::builder(), |builder, i| {
        builder.ring::<Spsc, u64>(&label(i), &Options::new().capacity(1))
    });
    builder.create(&name).unwrap();
    let segment = Segment::open(&name).unwrap();
    for i in [0, 1, 511, 1023] {
        let mut tx = segment.ring::<Spsc, u64>(&label(i)).unwrap().producer().unwrap();
        tx.try_push(&(i as u64)).unwrap();
    }
    for (i, object) in segment.objects().enumerate() {
        assert_eq!(object.name.to_string(), label(i));
        let found = segment.ring::<Spsc, u64>(&label(i)).unwrap().consumer().unwrap().try_pop().ok();
        assert_eq!(found, [0, 1, 511, 1023].contains(&i).then_some(i as u64));
    }
}

#[test]
fn an_existing_segment_must_have_what_is_asked_for_and_may_have_more() {
    let place = Place::new();
    let path = place.at("robot");
    three().create(&path).unwrap();
    let few = Segment::builder().ring::<Lanes, u64>("orders", &small());
    assert!(few.open_or_create(&path).is_ok());
    assert!(three().open_or_create(&path).is_ok());
    let other = Segment::builder()
        .options(&Options::new().mode(0o640))
        .ring::<Spsc, u64>("ticks", &small().capacity(512))
        .ring::<Mpsc, u64>("log", &small())
        .ring::<Lanes, u64>("orders", &small().max_producers(3))
        .ring::<Spsc, u64>("more", &small());
    let error = other.open_or_create(&path).unwrap_err();
    let SegmentError::DiffersInObjects { differences, .. } = &error else { panic!("{error:?}") };
    assert_eq!(differences.len(), 5, "{differences:?}");
    let words = [
        "object `ticks` has capacity 256, not 512",
        "object `log` carries records of bytes, not `u64`",
        "object `orders` has max_producers 2, not 3",
        "object `more` is missing",
        "its mode is 0o600, not 0o640",
        "unlink it, or ask for what it has",
    ];
    assert_tells(&error, true, &words);
    assert!(three().open_or_create(&path).is_ok(), "it is as it was");
}

/// Takes a seat in the ring `log` and holds it until its parent hangs up.
pub fn hold_a_seat_in_the_log(words: &[&str]) {
    let options = Options::new().label("holder");
    let segment = Segment::open_with(PathBuf::from(words[0]), &options).unwrap();
    let mut tx = segment.ring::<Mpsc, [u8]>("log").unwrap().producer().unwrap();
    tx.try_push(b"hello").unwrap();
    say("seated");
    hear();
}

#[test]
fn a_seat_in_any_object_keeps_the_name_and_its_death_is_seen_there_alone() {
    let place = Place::new();
    let path = place.at("robot");
    let segment = three().create(&path).unwrap();
    let mut child = Child::start("hold a seat in the log", &[path.to_str().unwrap()]);
    child.expect("seated");
    let error = Segment::unlink_if_unused(&path).unwrap_err();
    let meant = matches!(&error, SegmentError::InUse { by: Some(by), .. } if by.pid == child.id());
    assert_tells(&error, meant, &["is in use by", "`holder`"]);

    let (ticks, log) = (segment.ring::<Spsc, u64>("ticks"), segment.ring::<Mpsc, [u8]>("log"));
    let (ticks, log) = (ticks.unwrap(), log.unwrap());
    let tx = ticks.producer().unwrap();
    assert!(matches!(log.presence(Role::Producer), Presence::Here(who) if who.label.to_string() == "holder"));
    child.kill();
    assert!(matches!(log.presence(Role::Producer), Presence::Died(_)));
    assert!(matches!(ticks.presence(Role::Producer), Presence::Here(_)));
    assert_eq!(log.consumer().unwrap().try_read().unwrap().payload().to_vec(), b"hello");
    drop(tx);
    Segment::unlink_if_unused(&path).unwrap();
    assert!(segment.is_unlinked());
    let error = segment.ring::<Spsc, u64>("ticks").unwrap().producer().unwrap_err();
    assert_eq!(error, ringway::SeatError::Unlinked);
}

#[test]
fn a_segment_can_be_unlinked_while_it_is_used() {
    let name = Name::unique("ringway-objects");
    let segment = three().create(&name).unwrap();
    let mut tx = segment.ring::<Spsc, u64>("ticks").unwrap().producer().unwrap();
    let mut rx = segment.ring::<Spsc, u64>("ticks").unwrap().consumer().unwrap();
    assert_eq!(Segment::unlink(&name).unwrap(), Unlinked::InUse);
    tx.try_push(&1).unwrap();
    assert_eq!(rx.try_pop(), Ok(1));
    assert!(matches!(Segment::open(&name), Err(SegmentError::NotFound { .. })));
}

/// The kinds of rings have aliases; a segment gives the same types.
#[test]
fn the_rings_of_a_segment_are_those_of_the_modules() {
    let name = Name::unique("ringway-objects");
    let segment = three().create(&name).unwrap();
    let _: spsc::Ring<u64> = segment.ring("ticks").unwrap();
    let _: mpsc::Ring<[u8]> = segment.ring("log").unwrap();
    let _: lanes::Ring<u64> = segment.ring("orders").unwrap();
}
