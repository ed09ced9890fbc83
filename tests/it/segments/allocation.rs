//! A file whose length or allocated space is not that of its ring: grown, sparse, with holes, cut.
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Message, Ring};
use ringway::spsc::{self, Spsc};
use ringway::{LayoutError, Options, SegmentError};
use rustix::fs::{FallocateFlags, fallocate};

use super::no_space::with_little_space;
use super::{Place, assert_tells};
use support::process::{run, say};

const PAGE: u64 = 4096;

fn options() -> Options<'static> {
    Options::new().capacity(4096).max_producers(3)
}

/// Bytes that the file system has allocated for a file.
fn allocated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

fn grow(path: &Path, len: u64) {
    File::options().write(true).open(path).unwrap().set_len(len).unwrap();
}

#[track_caller]
fn assert_sparse(path: &Path) {
    let need = spsc::Ring::<u64>::required_len(&options()) as u64;
    for result in [
        spsc::Ring::<u64>::open(path),
        spsc::Ring::<u64>::open_with(path, &Options::new().prefault(false)),
        spsc::Ring::<u64>::open_or_create(path, &options()),
    ] {
        let error = result.map(drop).unwrap_err();
        let SegmentError::Sparse { need: asked, allocated: has, .. } = error else { panic!("{error:?}") };
        assert_eq!((asked, has), (need, allocated(path)));
        let words = ["has holes", &format!("needs {need} bytes, and {has} are allocated"), "create it again"];
        assert_tells(&error, true, &words);
    }
    // That helps.
    spsc::Ring::<u64>::unlink(path).unwrap();
    spsc::Ring::<u64>::open_or_create(path, &options()).unwrap();
}

#[test]
fn what_a_file_has_beyond_its_ring_is_not_allocated() {
    let place = Place::new();
    let path = place.at("ring");
    spsc::Ring::<u64>::create(&path, &options()).unwrap();
    let before = allocated(&path);
    grow(&path, 64 << 20);
    let ring = spsc::Ring::<u64>::open(&path).unwrap();
    ring.producer().unwrap().push(&1).unwrap();
    assert_eq!(ring.consumer().unwrap().pop(), Ok(1));
    assert_eq!(allocated(&path), before);
}

pub fn open_a_grown_file(_: &[&str]) {
    if let Err(error) = with_little_space() {
        return say(format!("skipped: cannot mount a file system: {error}"));
    }
    spsc::Ring::<u64>::create("ring", &options()).unwrap();
    grow(Path::new("/dev/shm/ring"), 1 << 30);
    let ring = spsc::Ring::<u64>::open("ring").unwrap();
    ring.producer().unwrap().push(&1).unwrap();
    // There is as much room for other rings as before.
    spsc::Ring::<[u8]>::create("other", &Options::new().capacity(1 << 19)).unwrap();
    say("fine");
}

#[test]
fn a_file_that_was_grown_beyond_its_file_system_can_be_opened() {
    let said = run("open a grown file", &[]);
    assert!(said == ["fine"] || said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
}

#[test]
fn a_sparse_copy_is_refused() {
    let place = Place::new();
    let (path, copy) = (place.at("ring"), place.at("copy"));
    spsc::Ring::<u64>::create(&path, &options()).unwrap();
    let bytes = fs::read(&path).unwrap();
    // An empty ring has nothing but zeros behind its first page.
    fs::write(&copy, &bytes[..PAGE as usize]).unwrap();
    grow(&copy, bytes.len() as u64);
    assert_eq!(fs::read(&copy).unwrap(), bytes);
    assert_sparse(&copy);
}

#[test]
fn a_file_with_a_punched_hole_is_refused() {
    let place = Place::new();
    let path = place.at("ring");
    spsc::Ring::<u64>::create(&path, &options()).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&file, flags, 3 * PAGE, PAGE).unwrap();
    assert_sparse(&path);
}

fn a_cut_copy_is_refused<K: Kind, T: Message + ?Sized>() {
    let place = Place::new();
    let (path, copy) = (place.at("ring"), place.at("copy"));
    Ring::<K, T>::create(&path, &options()).unwrap();
    let (len, bytes) = (Ring::<K, T>::required_len(&options()) as u64, fs::read(&path).unwrap());
    fs::write(&copy, &bytes).unwrap();
    assert!(Ring::<K, T>::open(&copy).is_ok());
    for has in [len / 2, len - 1] {
        fs::write(&copy, &bytes[..has as usize]).unwrap();
        for result in [Ring::<K, T>::open(&copy), Ring::<K, T>::open_or_create(&copy, &options())] {
            let error = result.map(drop).unwrap_err();
            let meant = matches!(error, SegmentError::Layout { error: LayoutError::Truncated { claims, has: found }, .. }
                if (claims, found) == (len, has));
            assert_tells(&error, meant, &["is truncated", &format!("should have {len} bytes and has {has}")]);
        }
    }
}

#[test]
fn a_copy_that_was_cut_in_half_is_refused() {
    a_cut_copy_is_refused::<Spsc, u64>();
    a_cut_copy_is_refused::<Mpsc, u64>();
    a_cut_copy_is_refused::<Lanes, u64>();
    a_cut_copy_is_refused::<Spsc, [u8]>();
    a_cut_copy_is_refused::<Mpsc, [u8]>();
    a_cut_copy_is_refused::<Lanes, [u8]>();
}
