//! Instructions per operation, as `valgrind --tool=callgrind` counts them.
//!
//! `cargo bench --bench instructions [TEXT ...]`. The numbers of one build repeat exactly, on any
//! machine, busy or idle: compare them with the numbers before a change. They are not times. An
//! instruction that waits for a cache line of the other core counts as one, and so does an
//! instruction that copies 4 KiB. Without valgrind the program measures nothing, and says so.
//!
//! One thread pushes 256 items, pops 256 items, and so on for some laps of the ring; the first laps
//! are not counted. Pushes and pops are counted separately. Each count includes the loop and the
//! work on the item: the item is written completely and read completely, which takes two or three
//! instructions at 8 bytes. "In place" writes and reads one word of a record. "Records of 64" is
//! per item. "Refused" is a push to a full ring, and a pop from an empty ring. Rings lie on the heap
//! unless the row says that they lie in a segment: there each operation also asks whether this is a
//! forked child.
#![allow(missing_docs, reason = "a program")]

use std::error::Error;
use std::hint::black_box;
use std::process::{Command, Stdio};

use ringway::lanes::Lanes;
use ringway::memory::{Heap, Memory};
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Mapping, Message, Options, PopError, PushError};
use zerocopy::IntoBytes;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Items that each turn pushes, then pops.
const HELD: u64 = 256;
/// Turns that are counted. As many turns before them are not. Either makes several laps of the
/// ring.
const TURNS: u64 = 64;
/// Items in one slice, or in one record of many items.
const MANY: usize = 64;
/// Capacity of a byte ring in bytes: twice the size of 256 records of 4 KiB.
const BYTES: usize = 2 << 20;

/// Pushes `HELD` items.
type Push = Box<dyn FnMut() -> Result<()>>;
/// Pops `HELD` items and returns their sum, which is equal in each turn.
type Pop = Box<dyn FnMut() -> Result<u64>>;
type Case = (&'static str, fn() -> Result<(Push, Pop)>);

const CASES: &[Case] = &[
    ("spsc 8 B", || items::<Spsc, Heap, 1>(1)),
    ("spsc 56 B", || items::<Spsc, Heap, 7>(1)),
    ("spsc 64 B", || items::<Spsc, Heap, 8>(1)),
    ("spsc 8 B, refused", || refused::<Spsc, Heap>()),
    ("spsc 8 B, slices of 64, drained", || slices::<Spsc, Heap, 1>()),
    ("spsc 56 B, slices of 64, drained", || slices::<Spsc, Heap, 7>()),
    ("spsc 8 B, records of 64", || bulk::<Spsc, Heap, 1>()),
    ("spsc 56 B, records of 64", || bulk::<Spsc, Heap, 7>()),
    ("spsc record of 64 B, copied", || copied::<Spsc, Heap>(64)),
    ("spsc record of 4 KiB, copied", || copied::<Spsc, Heap>(4096)),
    ("spsc record, in place", || in_place::<Spsc, Heap>()),
    ("mpsc 8 B", || items::<Mpsc, Heap, 1>(1)),
    ("mpsc 64 B", || items::<Mpsc, Heap, 8>(1)),
    ("mpsc 8 B, refused", || refused::<Mpsc, Heap>()),
    ("mpsc 8 B, slices of 64, drained", || slices::<Mpsc, Heap, 1>()),
    ("mpsc 8 B, records of 64", || bulk::<Mpsc, Heap, 1>()),
    ("mpsc record of 64 B, copied", || copied::<Mpsc, Heap>(64)),
    ("mpsc record, in place", || in_place::<Mpsc, Heap>()),
    ("lanes 8 B, 1 lane", || items::<Lanes, Heap, 1>(1)),
    ("lanes 8 B, 8 lanes", || items::<Lanes, Heap, 1>(8)),
    ("lanes 64 B, 1 lane", || items::<Lanes, Heap, 8>(1)),
    ("lanes 64 B, 8 lanes", || items::<Lanes, Heap, 8>(8)),
    ("lanes 8 B, refused, 1 lane", || refused::<Lanes, Heap>()),
    ("lanes 8 B, slices of 64, drained", || slices::<Lanes, Heap, 1>()),
    ("lanes record of 64 B, copied", || copied::<Lanes, Heap>(64)),
    ("lanes record, in place", || in_place::<Lanes, Heap>()),
    ("segment: spsc 8 B", || items::<Spsc, Mapping, 1>(1)),
    ("segment: spsc 56 B", || items::<Spsc, Mapping, 7>(1)),
    ("segment: spsc 8 B, refused", || refused::<Spsc, Mapping>()),
    ("segment: spsc 8 B, slices of 64, drained", || slices::<Spsc, Mapping, 1>()),
    ("segment: spsc record of 64 B, copied", || copied::<Spsc, Mapping>(64)),
    ("segment: spsc record, in place", || in_place::<Spsc, Mapping>()),
    ("segment: mpsc 8 B", || items::<Mpsc, Mapping, 1>(1)),
    ("segment: mpsc record of 64 B, copied", || copied::<Mpsc, Mapping>(64)),
    ("segment: lanes 8 B, 8 lanes", || items::<Lanes, Mapping, 1>(8)),
];

fn item<const N: usize>(number: u64) -> [u64; N] {
    std::array::from_fn(|at| number + at as u64)
}

fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

/// Memory in which a ring can lie.
trait Place: Memory + 'static {
    fn ring<K: Kind, T: Message + ?Sized>(options: &Options<'_>) -> Result<Ring<K, T, Self>>;

    /// So that the memory vanishes with its last user.
    fn forget_name<K: Kind, T: Message + ?Sized>(ring: &Ring<K, T, Self>) -> Result<()> {
        let _ = ring;
        Ok(())
    }
}

impl Place for Heap {
    fn ring<K: Kind, T: Message + ?Sized>(options: &Options<'_>) -> Result<Ring<K, T, Self>> {
        Ok(Ring::<K, T>::on_heap(options)?)
    }
}

impl Place for Mapping {
    fn ring<K: Kind, T: Message + ?Sized>(options: &Options<'_>) -> Result<Ring<K, T, Self>> {
        Ok(Ring::create(format!("ringway-instructions-{}", std::process::id()), options)?)
    }

    fn forget_name<K: Kind, T: Message + ?Sized>(ring: &Ring<K, T, Self>) -> Result<()> {
        Ring::<K, T>::unlink(ring.path())?;
        Ok(())
    }
}

/// The producers and the consumer of a ring.
type Ends<K, T, M> = (Vec<Producer<K, T, M>>, Consumer<K, T, M>);

fn ends<K: Kind, T: Message + ?Sized, M: Place>(capacity: usize, producers: usize) -> Result<Ends<K, T, M>> {
    let ring = M::ring::<K, T>(&Options::new().capacity(capacity).max_producers(producers))?;
    let ends = ((0..producers).map(|_| ring.producer()).collect::<Result<_, _>>()?, ring.consumer()?);
    M::forget_name(&ring)?;
    Ok(ends)
}

type Pair<K, T, M> = (Producer<K, T, M>, Consumer<K, T, M>);

/// The producer and the consumer of a ring with one producer.
fn pair<K: Kind, T: Message + ?Sized, M: Place>(capacity: usize) -> Result<Pair<K, T, M>> {
    let (mut senders, rx) = ends(capacity, 1)?;
    Ok((senders.pop().ok_or("no producer")?, rx))
}

/// Single items from `producers` producers in turn.
fn items<K: Kind, M: Place, const N: usize>(producers: usize) -> Result<(Push, Pop)> {
    let (mut senders, mut rx) = ends::<K, [u64; N], M>(1024, producers)?;
    let each = HELD / producers as u64;
    let push = move || {
        for tx in &mut senders {
            for number in 0..each {
                tx.try_push(&item(number))?;
            }
        }
        Ok(())
    };
    let pop = move || {
        let mut total = 0_u64;
        for _ in 0..HELD {
            total = total.wrapping_add(sum(&rx.try_pop()?));
        }
        Ok(total)
    };
    Ok((Box::new(push), Box::new(pop)))
}

/// Pushes to a full ring, and pops from an empty one.
fn refused<K: Kind, M: Place>() -> Result<(Push, Pop)> {
    let (mut full, full_rx) = pair::<K, u64, M>(64)?;
    while full.try_push(&1).is_ok() {}
    let (empty_tx, mut empty) = pair::<K, u64, M>(64)?;
    let push = move || {
        let _kept = &full_rx;
        for number in 0..HELD {
            if full.try_push(&number) != Err(PushError::Full) {
                return Err("the ring is not full".into());
            }
        }
        Ok(())
    };
    let pop = move || {
        let _kept = &empty_tx;
        for _ in 0..HELD {
            if empty.try_pop() != Err(PopError::Empty) {
                return Err("the ring is not empty".into());
            }
        }
        Ok(HELD)
    };
    Ok((Box::new(push), Box::new(pop)))
}

/// Slices of `MANY` items, drained.
fn slices<K: Kind, M: Place, const N: usize>() -> Result<(Push, Pop)> {
    let (mut tx, mut rx) = pair::<K, [u64; N], M>(1024)?;
    let slice: Vec<[u64; N]> = (0..MANY as u64).map(item).collect();
    let push = move || {
        for _ in 0..HELD / MANY as u64 {
            tx.try_push_slice(black_box(&slice))?;
        }
        Ok(())
    };
    let pop = move || {
        let mut total = 0_u64;
        for _ in 0..HELD / MANY as u64 {
            rx.drain(MANY, |item| total = total.wrapping_add(sum(&item)))?;
        }
        Ok(total)
    };
    Ok((Box::new(push), Box::new(pop)))
}

/// Records of `MANY` items each. The sender has the items ready; the receiver adds them up.
fn bulk<K: Kind, M: Place, const N: usize>() -> Result<(Push, Pop)> {
    let (mut tx, mut rx) = pair::<K, [u8], M>(BYTES)?;
    let items: [[u64; N]; MANY] = std::array::from_fn(|at| item(at as u64));
    let push = move || {
        for _ in 0..HELD / MANY as u64 {
            tx.try_push(black_box(&items).as_bytes())?;
        }
        Ok(())
    };
    let pop = move || {
        let (mut items, mut total) = ([[0; N]; MANY], 0_u64);
        for _ in 0..HELD / MANY as u64 {
            rx.try_read()?.payload().read_at(items.as_mut_bytes(), 0)?;
            total = items.iter().fold(total, |total, item| total.wrapping_add(sum(item)));
        }
        Ok(total)
    };
    Ok((Box::new(push), Box::new(pop)))
}

/// Records of `len` bytes, copied in and out.
fn copied<K: Kind, M: Place>(len: usize) -> Result<(Push, Pop)> {
    let (mut tx, mut rx) = pair::<K, [u8], M>(BYTES)?;
    let (record, mut copy) = (vec![1; len], vec![0; len]);
    let push = move || {
        for _ in 0..HELD {
            tx.try_push(black_box(&record))?;
        }
        Ok(())
    };
    let pop = move || {
        for _ in 0..HELD {
            _ = rx.try_read()?.payload().copy_to(&mut copy);
            black_box(&copy);
        }
        Ok(copy.last().copied().map_or(0, u64::from))
    };
    Ok((Box::new(push), Box::new(pop)))
}

/// Records of 64 bytes, of which one word is written and read in place.
fn in_place<K: Kind, M: Place>() -> Result<(Push, Pop)> {
    let (mut tx, mut rx) = pair::<K, [u8], M>(BYTES)?;
    let push = move || {
        for number in 0..HELD {
            let mut reservation = tx.try_reserve(64)?;
            reservation.payload().write_value_at(&number, 0)?;
            reservation.commit();
        }
        Ok(())
    };
    let pop = move || {
        let mut total = 0_u64;
        for _ in 0..HELD {
            total = total.wrapping_add(rx.try_read()?.payload().read_value_at::<u64>(0)?);
        }
        Ok(total)
    };
    Ok((Box::new(push), Box::new(pop)))
}

// ---- The functions that are counted.
//
// Callgrind finds them by these two names. Neither may end in a jump, nor share the code of the
// other, so each uses its result after the call.

#[inline(never)]
fn only_push(push: &mut Push) -> Result<()> {
    let done = push();
    black_box(&done);
    done
}

#[inline(never)]
fn only_pop(pop: &mut Pop) -> Result<u64> {
    let done = pop();
    black_box(&done);
    done
}

/// Runs one case. This is the part that runs under valgrind.
fn run(name: &str) -> Result<()> {
    let (_, make) = CASES.iter().find(|(case, _)| *case == name).ok_or("unknown case")?;
    let (mut push, mut pop) = make()?;
    let mut first = 0;
    for _ in 0..TURNS {
        push()?;
        first = pop()?;
    }
    for _ in 0..TURNS {
        only_push(&mut push)?;
        if only_pop(&mut pop)? != first || first == 0 {
            return Err("the items popped are not the items pushed".into());
        }
    }
    Ok(())
}

/// Instructions per item in the function `counted` and the functions that it calls.
fn count(name: &str, counted: &str) -> Result<f64> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg(format!("--toggle-collect=*{counted}*"))
        .arg(std::env::current_exe()?)
        .args(["--run", name])
        .output()?;
    let output = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() {
        return Err(format!("`{name}` failed under valgrind:\n{output}").into());
    }
    let collected = output.lines().find_map(|line| line.split_once("Collected :"));
    let (_, number) = collected.ok_or_else(|| format!("valgrind reported no count:\n{output}"))?;
    Ok(number.trim().parse::<u64>()? as f64 / (TURNS * HELD) as f64)
}

fn is_installed() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = words.as_slice() {
        if flag == "--run" {
            return run(name);
        }
    }
    if !is_installed() {
        println!("skipped: valgrind is not installed");
        return Ok(());
    }
    // Cargo passes `--bench` to every benchmark; other options are meant for those that use
    // criterion.
    let words: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    println!("instructions per item");
    for (name, _) in CASES {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            println!(
                "{name:42} push {:7.1}   pop {:7.1}",
                count(name, "only_push")?,
                count(name, "only_pop")?
            );
        }
    }
    Ok(())
}
