//! Sends each line of its input to the receiver: a process of its own, started before or after.
//!
//! ```text
//! cargo run --example sender < README.md
//! cargo run --example receiver              in another terminal
//! ```
//! The code is that of the README. Kill either with `kill -9` and start it again: a new receiver goes on where the old one
//! stopped. A new sender goes on after the last line that was sent, but its input begins anew; how a sender finds its place in
//! its own input is shown in `examples/stream/copy.rs`.
use ringway::{Options, spsc::Ring};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut tx = Ring::<[u8]>::open_or_create("feed", &Options::new())?.producer()?;
    for line in std::io::stdin().lines() {
        tx.push(line?.as_bytes())?;
    }
    Ok(tx.close()?) // finished: a mere drop would say that the sender left early
}
