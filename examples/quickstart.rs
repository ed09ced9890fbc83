//! One process sends records of any size to another.
//!
//! ```text
//! cargo run --example quickstart
//! ```
use std::error::Error;
use std::process::Command;

use ringway::spsc::Ring;
use ringway::{Departure, Options, PopError};

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        None => send(),
        Some(name) => receive(&name),
    }
}

fn send() -> Result<(), Box<dyn Error>> {
    let name = format!("quickstart-{}", std::process::id());
    let ring = Ring::<[u8]>::create(&name, &Options::new())?;
    let mut receiver = Command::new(std::env::current_exe()?).arg(&name).spawn()?;

    let mut tx = ring.producer()?;
    for text in ["records", "of", "any", "size"] {
        tx.push(text.as_bytes())?; // waits while the ring is full
    }
    drop(tx); // the receiver gets the rest, and is then told that we left

    let status = receiver.wait()?;
    Ring::<[u8]>::unlink(&name)?; // until then the ring stays, whoever lives or dies
    if status.success() { Ok(()) } else { Err("the receiver failed".into()) }
}

fn receive(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = Ring::<[u8]>::open(name)?.consumer()?;
    loop {
        match rx.read() {
            Ok(record) => println!("received: {}", String::from_utf8(record.payload().to_vec())?),
            Err(PopError::Closed(Departure::Left)) => return Ok(()),
            Err(error) => return Err(error.into()), // it died, say: the kernel knows
        }
    }
}
