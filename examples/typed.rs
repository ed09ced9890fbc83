//! Items of one type: one by one, in slices, drained. And what a ring says to who expects another type.
//!
//! ```text
//! cargo run --example typed
//! ```
//! A producer sends ticks to a second process, which adds them up. Up to 56 bytes, an item travels in one cache line
//! together with its stamp; a `Tick` has 24.
use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{Options, PopError, PushError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What the derives ask for is what makes it sound: no padding, no references, any bytes are a valid value.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tick {
    nanos: u64,
    price: f64,
    size: u32,
    venue: [u8; 4],
}

/// As many bytes, but not the same thing.
#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Trade {
    buyer: u64,
    seller: u64,
    price: f64,
}

const TICKS: u32 = 100_000;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1) {
        None => produce(),
        Some(name) => consume(&name),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("typed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn produce() -> Result<(), Box<dyn Error>> {
    let name = format!("ticks-{}", std::process::id());
    let mut consumer = Command::new(std::env::current_exe()?).arg(&name).spawn()?;
    let ring = Ring::<Tick>::create(&name, &Options::new().capacity(4096))?;
    let sent = send(&ring, &name);
    let status = consumer.wait()?;
    Ring::<Tick>::unlink(&name)?;
    sent?;
    if status.success() { Ok(()) } else { Err("the consumer failed".into()) }
}

fn send(ring: &Ring<Tick>, name: &str) -> Result<(), Box<dyn Error>> {
    // Both sides must mean the same type: size, alignment and name are checked when a ring is opened.
    match Ring::<Trade>::open(name) {
        Ok(_) => return Err("a ring of ticks was opened as one of trades".into()),
        Err(error) => println!("opened as `Trade`: {error}"),
    }

    let tick = |n: u32| Tick { nanos: n.into(), price: 100.0, size: n, venue: *b"XETR" };
    let mut tx = ring.producer()?;

    // One at a time; waits while the ring is full.
    for n in 0..TICKS / 2 {
        tx.push(&tick(n))?;
    }

    // As many as there is room for.
    let ticks: Vec<Tick> = (TICKS / 2..TICKS).map(tick).collect();
    let mut rest = ticks.as_slice();
    while let [next, after @ ..] = rest {
        rest = match tx.try_push_slice(rest) {
            Ok(pushed) => rest.get(pushed..).unwrap_or_default(),
            // No room for even one: wait for it, and be told if nobody is left to make any.
            Err(PushError::Full) => tx.push(next).map(|()| after)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn consume(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<Tick>::open_timeout(name, Duration::from_secs(10))?;
    let mut rx = ring.consumer()?;

    // One at a time; waits while there is none.
    let first = rx.pop()?;
    println!("first tick: {} at {} on {}", first.size, first.price, String::from_utf8_lossy(&first.venue));
    let (mut count, mut total) = (1u32, u64::from(first.size));

    // Many at a time, released together: should this process die here, its successor gets them all again. `drain` takes what there is;
    // `wait` waits for the first, and is told if the producer is gone.
    loop {
        match rx.wait() {
            Ok(()) => count += rx.drain(256, |tick| total += u64::from(tick.size))? as u32,
            Err(PopError::Closed(how)) => {
                println!("{count} ticks of {total} shares; then the producer {how}");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let expected = u64::from(TICKS) * u64::from(TICKS - 1) / 2;
    if (count, total) == (TICKS, expected) { Ok(()) } else { Err("that is not what was sent".into()) }
}
