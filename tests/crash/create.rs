//! Kills a process that creates, opens or unlinks a segment. Afterwards the name belongs to a
//! complete ring, or to none.
use std::collections::HashSet;
use std::path::Path;

use ringway::spsc::Ring;
use ringway::{Options, SegmentError};

use crate::SEGMENTS;
use crate::kill_points::Sweep;
use crate::victim::mark;
use support::Name;
use support::process::listing;

const DIRECTORY: &str = "/dev/shm";
const OPTIONS: Options<'static> = Options::new().capacity(8);
/// The item in a ring that was there before.
const BEFORE: u64 = 7;

/// An operation on a name.
struct NameSweep<'a> {
    name: &'a str,
    /// Whether there is a ring of that name before and after.
    before: bool,
    after: bool,
    operation: &'a dyn Fn(&Name),
}

impl NameSweep<'_> {
    fn kill_everywhere(self) {
        let open_files = files();
        // All victims use the same name, so that they take the same path.
        let name = Name::unique(SEGMENTS);
        let sweep = Sweep {
            name: self.name,
            minimum: 200,
            prepare: &|| self.prepare(&name),
            file: &|()| Path::new(DIRECTORY).join(&name),
            operation: &|()| (self.operation)(&name),
            is_only_writer: true,
            wake: None,
            single_steps_only: false,
        };
        let there = sweep.kill_everywhere(|(), _| self.check(&name));
        assert_eq!(there.first(), Some(&self.before), "the first victim died before its operation");
        assert_eq!(there.last(), Some(&self.after), "the last victim died after its operation");
        assert_eq!(files(), open_files, "files stayed open");
    }

    fn prepare(&self, name: &Name) {
        let _there_is_none = Ring::<u64>::unlink(name);
        if self.before {
            Ring::<u64>::create(name, &OPTIONS).unwrap().producer().unwrap().try_push(&BEFORE).unwrap();
        }
    }

    /// The victim is dead. Returns whether there is a ring of that name.
    fn check(&self, name: &Name) -> bool {
        let there = match Ring::<u64>::open(name) {
            Ok(ring) => {
                assert_eq!(ring.capacity(), 8);
                true
            }
            Err(SegmentError::NotFound { .. }) => false,
            Err(error) => panic!("the segment is incomplete: {error}"),
        };
        assert_eq!(traces_of(name), usize::from(there), "other files are left behind");
        let ring = Ring::<u64>::open_or_create(name, &OPTIONS).unwrap();
        if self.before && there {
            assert_eq!(ring.consumer().unwrap().try_pop(), Ok(BEFORE));
        }
        carries_records(&ring);
        Ring::<u64>::unlink(name).unwrap();
        carries_records(&Ring::create(name, &OPTIONS).unwrap());
        Ring::<u64>::unlink(name).unwrap();
        assert_eq!(traces_of(name), 0, "a file of that name is left");
        there
    }
}

/// Sends and receives some items in an empty ring.
fn carries_records(ring: &Ring<u64>) {
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for number in 0..20 {
        tx.try_push(&number).unwrap();
        assert_eq!(rx.try_pop(), Ok(number));
    }
    assert!(rx.try_pop().is_err());
}

/// How many files have this name, or a name that contains it.
fn traces_of(name: &Name) -> usize {
    listing(DIRECTORY).iter().filter(|file| file.contains(name.as_str())).count()
}

/// The files that this process has open.
fn files() -> HashSet<String> {
    listing("/proc/self/fd").into_iter().collect()
}

pub fn kill_create(_: &[&str]) {
    let operation = |name: &Name| {
        mark();
        let ring = Ring::<u64>::create(name, &OPTIONS);
        mark();
        ring.unwrap();
    };
    NameSweep { name: "create", before: false, after: true, operation: &operation }.kill_everywhere();
}

fn open_or_create(name: &Name) {
    mark();
    let ring = Ring::<u64>::open_or_create(name, &OPTIONS);
    mark();
    ring.unwrap();
}

pub fn kill_open_or_create_absent(_: &[&str]) {
    NameSweep { name: "open_or_create, absent", before: false, after: true, operation: &open_or_create }
        .kill_everywhere();
}

pub fn kill_open_or_create_present(_: &[&str]) {
    NameSweep { name: "open_or_create, present", before: true, after: true, operation: &open_or_create }
        .kill_everywhere();
}

pub fn kill_open(_: &[&str]) {
    let operation = |name: &Name| {
        mark();
        let ring = Ring::<u64>::open(name);
        mark();
        ring.unwrap();
    };
    NameSweep { name: "open", before: true, after: true, operation: &operation }.kill_everywhere();
}

pub fn kill_unlink(_: &[&str]) {
    let operation = |name: &Name| {
        mark();
        let unlinked = Ring::<u64>::unlink(name);
        mark();
        unlinked.unwrap();
    };
    NameSweep { name: "unlink", before: true, after: false, operation: &operation }.kill_everywhere();
}
