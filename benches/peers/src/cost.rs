//! What a ring costs apart from its messages: time to make, join and leave it, memory, system calls, allocations.
//!
//! | work | case | how |
//! |---|---|---|
//! | `cost` | `create`, `open`, `take both seats`, `leave and unlink` | medians of many, beside a bare mapping of a file of the same size |
//! | `memory` | a capacity of 1,024, or of 1 MiB | the segment's length; what is fixed, what each message adds, and what an end takes of its process |
//! | `cost` | `system calls per record` | both ends in processes that get a signal at each call, whose handler counts (`calls`) |
//! | `cost` | `allocations per record` | counted by the allocator of this program (`allocations`) |
//!
//! In both counts there is a call, or an allocation, put in on purpose: a count that misses it fails the cell.
mod allocations;
mod calls;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::ptr;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Mapping, Options};

use crate::cell::{self, Cell, Measure, Place, Plan};
use crate::drive::*;
use crate::place::{self, ticks};
use crate::waiting::links::{Items, Pipe, Records};

const WORK: &str = "cost";
const CAPACITY: usize = 1024;
/// For kinds of several producers.
const PRODUCERS: usize = 4;

pub fn cells(list: &mut Vec<Cell>) {
    times::<Spsc, Words<7>>(list, "ringway spsc typed", CAPACITY, 1);
    times::<Spsc, [u8]>(list, "ringway spsc bytes", 1 << 20, 1);
    times::<Mpsc, Words<7>>(list, "ringway mpsc", CAPACITY, PRODUCERS);
    times::<Lanes, Words<7>>(list, "ringway lanes", CAPACITY, PRODUCERS);
    bare_times(list, "bare mapping, 76 KiB", 76 << 10);
    bare_times(list, "bare mapping, 1.1 MiB", 1_126 << 10);

    memory::<Spsc, Words<1>>(list, "ringway spsc, 8 B", 1, 1);
    memory::<Spsc, Words<7>>(list, "ringway spsc, 56 B", 1, 1);
    memory::<Spsc, Words<8>>(list, "ringway spsc, 64 B", 1, 1);
    memory::<Spsc, [u8]>(list, "ringway spsc bytes, records of 64 B", 64, 1);
    memory::<Mpsc, Words<8>>(list, "ringway mpsc, 64 B, 4 seats", 1, PRODUCERS);
    memory::<Lanes, Words<8>>(list, "ringway lanes, 64 B, 4 lanes", 1, PRODUCERS);

    counts::<Items<false, Words<8>, Spsc>>(list, "ringway spsc typed", MANY);
    counts::<Records<false>>(list, "ringway spsc bytes", MANY);
    counts::<Items<false, Words<8>, Mpsc>>(list, "ringway mpsc", MANY);
    counts::<Items<false, Words<8>, Lanes>>(list, "ringway lanes", MANY);
    // What a count looks like where there is something to count. Each call costs it a signal.
    counts::<Pipe>(list, "pipe", MANY / 100);
}

/// Records that are sent while counting.
const MANY: u64 = 1_000_000;

fn shape(plan: &Plan) -> Shape {
    Shape { name: plan.name.clone(), capacity: CAPACITY, producers: 1 }
}

// ---- Time

const CASES: [&str; 4] = ["create", "open", "take both seats", "leave and unlink"];
const SEATS: usize = 2;

fn median(ticks: &mut [u64]) -> f64 {
    place::percentiles(ticks)[0] / 1e3
}

/// The cells of `peer`: a cell measures all four in ticks (of which a bare mapping has no third), and tells one.
pub fn each_case(
    list: &mut Vec<Cell>,
    peer: &str,
    has_seats: bool,
    once: impl Fn(&Plan) -> Result<[u64; CASES.len()]> + Clone + 'static,
) {
    for (at, case) in CASES.into_iter().enumerate().filter(|(at, _)| has_seats || *at != SEATS) {
        let once = once.clone();
        cell::custom(list, WORK, case, Place::Processes, peer, move |plan| {
            let mut taken = Vec::new();
            // The first few are not measured.
            let many = (plan.timed.as_millis() as usize).clamp(20, 200);
            for number in 0..many + 5 {
                let times = once(plan)?;
                if number >= 5 {
                    taken.push(times[at]);
                }
            }
            let mut slowest = taken.clone();
            Ok(Measure::new(median(&mut taken), "us", false)
                .with("p99", place::percentiles(&mut slowest)[1] / 1e3)
                .with("taken in each", many as f64))
        });
    }
}

fn times<K: Kind, T: ringway::Message + ?Sized + 'static>(
    list: &mut Vec<Cell>,
    peer: &str,
    capacity: usize,
    producers: usize,
) {
    each_case(list, peer, true, move |plan| {
        let options = Options::new().capacity(capacity).max_producers(producers);
        let start = ticks();
        let made = Ring::<K, T>::create(&plan.name, &options)?;
        let created = ticks();
        let ring = Ring::<K, T>::open(&plan.name)?;
        let opened = ticks();
        let ends = (ring.producer()?, ring.consumer()?);
        let seated = ticks();
        drop((ends, ring, made));
        Ring::<K, T>::unlink(&plan.name)?;
        Ok([created - start, opened - created, seated - opened, ticks() - seated])
    });
}

/// A file in memory, mapped: what none who shares memory by name can do without.
struct Bare {
    base: *mut libc::c_void,
    len: usize,
}

impl Bare {
    fn map(file: &File, len: usize) -> Result<Self> {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
        // SAFETY: a new mapping, wherever the kernel likes.
        let base = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, file.as_raw_fd(), 0) };
        if base == libc::MAP_FAILED {
            return Err(format!("cannot map {len} bytes: {}", io::Error::last_os_error()).into());
        }
        Ok(Self { base, len })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and never lent.
        unsafe { libc::munmap(self.base, self.len) };
    }
}

/// All pages mapped at once, as a ring's are by default; it has no seats.
fn bare_times(list: &mut Vec<Cell>, peer: &str, len: usize) {
    each_case(list, peer, false, move |plan| {
        let path = PathBuf::from(format!("/dev/shm/{}", plan.name));
        let start = ticks();
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        file.set_len(len as u64)?;
        let made = Bare::map(&file, len)?;
        let created = ticks();
        let again = File::options().read(true).write(true).open(&path)?;
        let opened = Bare::map(&again, again.metadata()?.len() as usize)?;
        let seated = ticks();
        drop((made, opened, file, again));
        fs::remove_file(&path)?;
        Ok([created - start, seated - created, 0, ticks() - seated])
    });
}

// ---- Memory

/// The memory of a ring for `CAPACITY` messages, each of which takes `each` of its capacity.
fn memory<K: Kind, T: ringway::Message + ?Sized + 'static>(
    list: &mut Vec<Cell>,
    peer: &str,
    each: usize,
    producers: usize,
) {
    cell::custom(list, "memory", "1,024 messages", Place::Processes, peer, move |plan| {
        let options = Options::new().capacity(CAPACITY * each).max_producers(producers);
        let larger = options.capacity(2 * CAPACITY * each);
        let [once, twice] = [&options, &larger].map(Ring::<K, T>::required_len);
        let added = (twice - once) as f64 / CAPACITY as f64;
        let ring = Ring::<K, T>::create(&plan.name, &options)?;
        let found = fs::metadata(ring.path())?.len();
        let (heap, ends) =
            allocations::bytes(|| Ok::<_, ringway::SeatError>((ring.producer()?, ring.consumer()?)));
        drop(ends?);
        drop(ring);
        Ring::<K, T>::unlink(&plan.name)?;
        Ok(Measure::new(found as f64 / 1024.0, "KiB", false)
            .with("required bytes", once as f64)
            .with("bytes a message adds", added)
            .with("bytes that are fixed", once as f64 - added * CAPACITY as f64)
            .with("a producer's own bytes", size_of::<Producer<K, T, Mapping>>() as f64)
            .with("a consumer's own bytes", size_of::<Consumer<K, T, Mapping>>() as f64)
            .with("heap bytes to take both ends", heap as f64))
    });
}

// ---- System calls and allocations

/// Per record, both ends together, while both are awake.
fn counts<P: Peer<Words<8>, Tx: Send, Rx: Send> + 'static>(list: &mut Vec<Cell>, peer: &str, records: u64) {
    cell::custom(list, WORK, "system calls per record", Place::Processes, peer, move |plan| {
        calls::per_record::<P>(&shape(plan), records)
    });
    cell::custom(list, WORK, "allocations per record", Place::Threads, peer, move |plan| {
        allocations::per_record::<P>(&shape(plan), records)
    });
}

/// Whether that is the sum of so many records.
fn check(sum: u64, records: u64) -> Result<()> {
    let expected = (0..records).fold(0_u64, |sum, number| sum.wrapping_add(Words::<8>::new(number).sum()));
    if sum == expected {
        Ok(())
    } else {
        Err(format!("the sum of what came is {sum:#x}, of what was sent {expected:#x}").into())
    }
}
