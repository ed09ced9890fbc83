//! Prints each line that the sender sends, until the sender finishes: see `examples/sender.rs`.
//!
//! ```text
//! cargo run --example receiver
//! ```
//! This is the receiver of the README. It fails if the sender leaves early or dies. A receiver that
//! waits for the next sender instead is shown in `ringway::docs::recovery`.
use ringway::{Departure, Options, PopError, spsc::Ring};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rx = Ring::<[u8]>::open_or_create("feed", &Options::new())?.consumer()?;
    loop {
        match rx.read() {
            Ok(record) => println!("{}", record.payload().to_vec().escape_ascii()),
            Err(PopError::Closed(Departure::Finished)) => break,
            Err(error) => return Err(error.into()), // or: its producer left early, or died
        }
    }
    Ring::<[u8]>::unlink("feed")?; // a ring stays until it is unlinked, even if no process uses it
    Ok(())
}
