//! A ring in a static: no heap, no file, no operating system.
//!
//! ```text
//! cargo run --example no_std_memory
//! ```
//! What a program without `std` would do between its main loop and an interrupt, or between two cores. Only the threads
//! and the printing of this example need `std`: the ring is made, filled and drained by the part of the crate that
//! is there with `default-features = false`. Other memory, a device window for instance, can carry a ring as well:
//! see the trait `Memory`.
use std::error::Error;
use std::thread;

use ringway::memory::StaticMemory;
use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Options, PopError, PushError};

const CAPACITY: usize = 64;
const SAMPLES: u64 = 100_000;

/// Its size is known when the program is compiled.
static BYTES: StaticMemory<{ Ring::<u64>::required_len(CAPACITY) }> = StaticMemory::new();
type Bytes = &'static StaticMemory<{ Ring::<u64>::required_len(CAPACITY) }>;

fn main() -> Result<(), Box<dyn Error>> {
    let ring = Ring::<u64, Bytes>::format(&BYTES, &Options::new().capacity(CAPACITY))?;
    println!("a ring of {} items in {} bytes", ring.capacity(), size_of_val(&BYTES));

    let (tx, rx) = (ring.producer()?, ring.consumer()?);
    let sampler = thread::spawn(move || sample(tx));
    let sum = sum(rx)?;
    sampler.join().map_err(|_| "the sampler panicked")??;

    println!("the sum of {SAMPLES} samples is {sum}");
    if sum == SAMPLES * (SAMPLES - 1) / 2 { Ok(()) } else { Err("that is not what was sent".into()) }
}

/// Never waits: a real sampler would count what it could not put in, and go on.
fn sample(mut tx: Producer<u64, Bytes>) -> Result<(), PushError> {
    for sample in 0..SAMPLES {
        loop {
            match tx.try_push(&sample) {
                Err(PushError::Full) => thread::yield_now(),
                other => break other?,
            }
        }
    }
    Ok(())
}

fn sum(mut rx: Consumer<u64, Bytes>) -> Result<u64, PopError> {
    let mut sum = 0;
    loop {
        match rx.try_pop() {
            Ok(sample) => sum += sample,
            Err(PopError::Empty) => thread::yield_now(),
            Err(PopError::Closed(_)) => return Ok(sum),
            Err(error) => return Err(error),
        }
    }
}
