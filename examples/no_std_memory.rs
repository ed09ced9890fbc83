//! A ring in a static: no heap, no file, no operating system.
//!
//! ```text
//! cargo run --example no_std_memory
//! ```
//! A program without `std` uses such a ring between its main loop and an interrupt, or between two
//! cores. The threads and the printing of this example need `std`. The ring does not: everything
//! that makes, fills and drains it is there with `default-features = false`. The trait `Memory`
//! puts a ring into other memory, such as a device window.
use std::error::Error;
use std::thread;

use ringway::memory::StaticMemory;
use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Options, PopError, PushError};

const OPTIONS: Options<'static> = Options::new().capacity(64);
const SAMPLES: u64 = 100_000;

/// The compiler computes its size.
static MEMORY: StaticMemory<{ Ring::<u64>::required_len(&OPTIONS) }> = StaticMemory::new();
type Memory = &'static StaticMemory<{ Ring::<u64>::required_len(&OPTIONS) }>;

fn main() -> Result<(), Box<dyn Error>> {
    let ring = Ring::<u64, Memory>::format(&MEMORY, &OPTIONS)?;
    println!("a ring of {} items in {} bytes", ring.capacity(), size_of_val(&MEMORY));

    let (tx, rx) = (ring.producer()?, ring.consumer()?);
    let sampler = thread::spawn(move || sample(tx));
    let sum = sum(rx)?;
    sampler.join().map_err(|_| "the sampler panicked")??;

    println!("the sum of {SAMPLES} samples is {sum}");
    if sum == SAMPLES * (SAMPLES - 1) / 2 { Ok(()) } else { Err("the sum is wrong".into()) }
}

/// Sends all samples. An interrupt would not try again: it would count the sample as lost.
fn sample(mut tx: Producer<u64, Memory>) -> Result<(), PushError> {
    for sample in 0..SAMPLES {
        while let Err(error) = tx.try_push(&sample) {
            match error {
                PushError::Full => thread::yield_now(),
                error => return Err(error),
            }
        }
    }
    tx.close()
}

/// Adds the samples up until the producer closes the ring.
fn sum(mut rx: Consumer<u64, Memory>) -> Result<u64, PopError> {
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
