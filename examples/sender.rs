//! Sends each line of its input to the receiver, which is another process.
//!
//! ```text
//! cargo run --example sender < README.md
//! cargo run --example receiver              in another terminal, before or after
//! ```
//! This is the sender of the README. If a receiver is killed with `kill -9`, the next one continues
//! where it stopped. If the sender is killed, the next one starts with the first line of its input
//! again. `examples/stream/copy.rs` shows how a sender continues where the killed one stopped.
use ringway::{Options, spsc::Ring};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut tx = Ring::<[u8]>::open_or_create("feed", &Options::new())?.producer()?;
    for line in std::io::stdin().lines() {
        tx.push(line?.as_bytes())?;
    }
    Ok(tx.close()?) // finished: a mere drop would say that the sender left early
}
