//! Items of one type: sent one by one and in slices, received one by one and drained.
//!
//! ```text
//! cargo run --example typed
//! ```
//! The program starts itself as a second process, sends it ticks, and the second process adds them
//! up. It also shows what happens if a process opens the ring with another item type. An item of up
//! to 56 bytes shares one cache line with its stamp; a `Tick` has 24 bytes.
use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{Departure, Options, PopError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The derives check at compile time that the type has no padding and no references, and that any
/// bytes are a valid value of it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tick {
    nanos: u64,
    price: f64,
    size: u32,
    venue: [u8; 4],
}

/// It has as many bytes as a `Tick`, but they mean something else.
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
    // Opening a ring compares size, alignment and name of the item type.
    match Ring::<Trade>::open(name) {
        Ok(_) => return Err("a ring of ticks was opened as a ring of trades".into()),
        Err(error) => println!("opened as `Trade`: {error}"),
    }

    let tick = |n: u32| Tick { nanos: n.into(), price: 100.0, size: n, venue: *b"XETR" };
    let mut tx = ring.producer()?;

    // One by one. `push` waits while the ring is full.
    for n in 0..TICKS / 2 {
        tx.push(&tick(n))?;
    }

    // In slices. `push_slice` waits until all are sent. It returns fewer only if the consumer
    // departs.
    let ticks: Vec<Tick> = (TICKS / 2..TICKS).map(tick).collect();
    let sent = tx.push_slice(&ticks)?;
    if sent < ticks.len() {
        return Err(format!("the consumer left after {sent} of the last {} ticks", ticks.len()).into());
    }
    Ok(tx.close()?)
}

fn consume(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = Ring::<Tick>::open_timeout(name, Duration::from_secs(10))?.consumer()?;

    // A copy of the first tick, which stays in the ring.
    println!("the first is {:?}", rx.peek()?);

    // One by one. The iterator waits while the ring is empty. Each tick is released when it is
    // taken.
    let (mut count, mut total) = (0, 0);
    for tick in rx.iter().take(TICKS as usize / 2) {
        (count, total) = (count + 1, total + u64::from(tick?.size));
    }

    // Drained: all ticks of one call are released together. If this process died during the call,
    // the next consumer would get them again. `drain` does not wait; `wait` does.
    let departure = loop {
        match rx.wait() {
            Ok(()) => count += rx.drain(256, |tick| total += u64::from(tick.size))?,
            Err(PopError::Closed(departure)) => break departure,
            Err(error) => return Err(error.into()),
        }
    };
    println!("{count} ticks of {total} shares; then the producer {departure}");
    let expected = u64::from(TICKS) * u64::from(TICKS - 1) / 2;
    if (count, total, departure) == (TICKS as usize, expected, Departure::Finished) {
        Ok(())
    } else {
        Err(format!("expected {TICKS} ticks of {expected} shares").into())
    }
}
