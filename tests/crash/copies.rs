//! How payload is copied makes no difference to what these tests compare.
//!
//! A processor stops a string instruction where it likes, and the C library copies by other
//! instructions on another processor. Both are reproduced here on one machine: victims copy by
//! string instructions of different widths, in either direction, and whole sweeps run with the
//! copies of other processors.
use std::arch::asm;
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::{process, ptr};

use ringway::spsc::Spsc;
use rustix::mm::{MapFlags, ProtFlags, mmap};
use rustix::process::getppid;

use crate::fixture::{CELLS, FROM_SURVIVORS, Fixture, SMALL, TestMessage, check_laps, receive_all, record};
use crate::kill_points::Sweep;
use crate::victim::mark;
use crate::{sweep, sweep_with};
use support::process::{Act, role_command, say};

/// The sweeps.
pub const ROLES: &[(&str, Act)] = &[("string copies", kill_string_copies), (OTHER_CPU, run_on_other_cpu)];

/// In a ring of 16 cells, with two records in it, three cells are left in the lap.
const PASSED: u64 = 2 * 16 + 11;
/// Bytes of the record that victims send. It takes five cells: a pad comes before it, and it begins
/// in the first cell.
const LEN: usize = 304;

/// A copy by string instructions, in units of some bytes.
struct CopyMethod {
    width: usize,
    goes_back: bool,
    /// Copies so many units from the first address to the second, where it begins. All ways have as
    /// many instructions.
    copy: unsafe fn(*const u8, *mut u8, usize),
}

const COPY_METHODS: [CopyMethod; 4] = [
    CopyMethod { width: 1, goes_back: false, copy: bytes_forwards },
    CopyMethod { width: 1, goes_back: true, copy: bytes_backwards },
    CopyMethod { width: 8, goes_back: false, copy: words_forwards },
    CopyMethod { width: 8, goes_back: true, copy: words_backwards },
];

/// # Safety
/// `from` must be readable, and `to` writable, for `units` bytes from there on.
#[inline(never)]
unsafe fn bytes_forwards(from: *const u8, to: *mut u8, units: usize) {
    // SAFETY: the instruction touches the bytes of this function's contract; the direction flag
    // ends as it began.
    unsafe {
        asm!("cld", "rep movsb", "cld", inout("rsi") from => _, inout("rdi") to => _, inout("rcx") units => _, options(nostack));
    }
}

/// # Safety
/// `from` must be readable, and `to` writable, for `units` bytes from there back.
#[inline(never)]
unsafe fn bytes_backwards(from: *const u8, to: *mut u8, units: usize) {
    // SAFETY: as above.
    unsafe {
        asm!("std", "rep movsb", "cld", inout("rsi") from => _, inout("rdi") to => _, inout("rcx") units => _, options(nostack));
    }
}

/// # Safety
/// `from` must be readable, and `to` writable, for `units` words from there on.
#[inline(never)]
unsafe fn words_forwards(from: *const u8, to: *mut u8, units: usize) {
    // SAFETY: as above.
    unsafe {
        asm!("cld", "rep movsq", "cld", inout("rsi") from => _, inout("rdi") to => _, inout("rcx") units => _, options(nostack));
    }
}

/// # Safety
/// `from` must be readable, and `to` writable, for `units` words from there back.
#[inline(never)]
unsafe fn words_backwards(from: *const u8, to: *mut u8, units: usize) {
    // SAFETY: as above.
    unsafe {
        asm!("std", "rep movsq", "cld", inout("rsi") from => _, inout("rdi") to => _, inout("rcx") units => _, options(nostack));
    }
}

/// Sends record 3, whose payload goes into its cells this `way`: in two halves, of which the first
/// is first if it goes forwards.
fn send(fixture: &Fixture<[u8]>, way: &CopyMethod) {
    let mut tx = fixture.reopened().producer().unwrap();
    let record = record(3, LEN);
    let payload = mapped(fixture);
    let half = LEN / 2;
    let (order, first) = if way.goes_back { ([half, 0], half - way.width) } else { ([0, half], 0) };
    let [one, other] = order.map(|at| {
        (record.as_ptr().wrapping_add(at + first), payload.wrapping_add(at + first), half / way.width)
    });
    let copy = way.copy;
    mark();
    let reservation = tx.try_reserve(LEN).unwrap();
    // SAFETY: each half is inside `record` and the ring's first cells, which no other process uses.
    unsafe { copy(one.0, one.1, one.2) };
    // SAFETY: as above.
    unsafe { copy(other.0, other.1, other.2) };
    reservation.commit();
    mark();
}

/// The ring's first cell, in a mapping that stays.
fn mapped(fixture: &Fixture<[u8]>) -> *mut u8 {
    let file = File::options().read(true).write(true).open(fixture.path()).unwrap();
    let (len, access) = (file.metadata().unwrap().len() as usize, ProtFlags::READ | ProtFlags::WRITE);
    // SAFETY: a new mapping, wherever there is room.
    let start = unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, &file, 0) }.unwrap();
    start.cast::<u8>().wrapping_add(fixture.word(CELLS) as usize)
}

/// A sweep in which each victim copies the way that `choose` names.
fn with_sweep<R>(
    name: &str,
    fixture: &Fixture<[u8]>,
    choose: &dyn Fn() -> usize,
    run: impl FnOnce(Sweep<'_, ()>) -> R,
) -> R {
    run(Sweep {
        name,
        minimum: 100,
        prepare: &|| fixture.reset(),
        file: &|()| fixture.path().to_owned(),
        operation: &|()| send(fixture, &COPY_METHODS[choose()]),
        is_only_writer: true,
        wake: None,
        single_steps_only: false,
    })
}

fn kill_string_copies(_: &[&str]) {
    let fixture = Fixture::<[u8], Spsc>::new(PASSED, 2, |_| {});
    // What is done only once in a process is done now.
    with_sweep("", &fixture, &|| 0, |sweep| sweep.trace());
    let paths = [0, 1, 2, 3].map(|way| with_sweep("", &fixture, &|| way, |sweep| sweep.trace()));
    let (instructions, states) = (paths[0].len(), paths[0].states());
    for path in &paths {
        assert_eq!(path.len(), instructions, "a string instruction is one instruction");
        assert_eq!(path.states(), states, "a half-copied payload is no state");
    }
    let payload = record(3, LEN);
    let shows_payload = |state: &&Vec<u8>| state.windows(LEN).any(|bytes| bytes == payload);
    let shown = states.iter().filter(shows_payload).count();
    assert!(shown > 0 && shown < states.len(), "the payload is in {shown} states: in those with its stamp");

    // There is something to tell apart: the ways stop at different places, and leave other bytes
    // behind there.
    let left = paths.each_ref().map(|path| path.within().iter().collect::<HashSet<_>>());
    let stops = left.each_ref().map(HashSet::len);
    if stops == [0; 4] {
        return say("skipped: this processor does not stop within a string instruction");
    }
    let all: HashSet<_> = left.iter().flatten().collect();
    assert!(stops.iter().all(|n| *n < all.len()), "all methods leave the same bytes behind: {stops:?}");

    // No two victims in a row copy the same way.
    let name = "record copied by string instructions, each victim its way";
    let by_turns = || process::id() as usize % COPY_METHODS.len();
    let arrived =
        with_sweep(name, &fixture, &by_turns, |sweep| sweep.kill_everywhere(|(), _| check(&fixture)));
    assert!(arrived.is_sorted() && arrived.contains(&true) && arrived.contains(&false), "{arrived:?}");
    let fewest = paths.iter().map(|path| path.within().len()).min().unwrap();
    assert!(arrived.len() > instructions + fewest, "victims die within the string instruction, too");
}

/// The victim is dead. Returns `true` if its record arrived.
fn check(fixture: &Fixture<[u8]>) -> bool {
    let mut tx = fixture.ring.producer().expect("a dead producer's seat is free");
    <[u8]>::send(&mut tx, FROM_SURVIVORS, SMALL).unwrap();
    let mut rx = fixture.ring.consumer().unwrap();
    let numbers = receive_all(&mut rx);
    check_laps(&mut tx, &mut rx);
    assert!(
        numbers == [1, 2, FROM_SURVIVORS] || numbers == [1, 2, 3, FROM_SURVIVORS],
        "received {numbers:?}"
    );
    numbers.len() == 4
}

/// The role of a sweep that plays another role with the copies of another processor.
const OTHER_CPU: &str = "elsewhere";

/// What the C library (glibc) is to do without, so that it copies as it would on another processor.
/// Other C libraries ignore this.
const TUNABLES: &str = "GLIBC_TUNABLES";
const BY_32_BYTES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL";
const BY_16_BYTES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-AVX_Fast_Unaligned_Load";
const BY_STRING_INSTRUCTION: &str = "glibc.cpu.hwcaps=Prefer_ERMS";

/// Operations with more payload than any of these copies does in one piece.
const LONG: [&str; 3] = ["abort", "mpsc, abort", "lanes, byte push, pad"];

fn run_on_other_cpu(words: &[&str]) {
    let parent = getppid().map_or(0, |pid| pid.as_raw_pid());
    let error = role_command(words[0], &[], parent as u32).env(TUNABLES, words[1]).exec();
    panic!("the sweep does not start again: {error}");
}

#[test]
fn string_instructions_leave_the_same_states_behind_wherever_they_stop() {
    sweep("string copies");
}

#[test]
fn killed_where_copies_go_by_32_bytes() {
    LONG.iter().for_each(|role| sweep_with(OTHER_CPU, &[role, BY_32_BYTES]));
}

#[test]
fn killed_where_copies_go_by_16_bytes() {
    LONG.iter().for_each(|role| sweep_with(OTHER_CPU, &[role, BY_16_BYTES]));
}

#[test]
fn killed_where_copies_are_string_instructions() {
    LONG.iter().for_each(|role| sweep_with(OTHER_CPU, &[role, BY_STRING_INSTRUCTION]));
}
