//! One task waits for a ring, by its file descriptor, and for a timer.
//!
//! ```text
//! cargo run -p ringway-examples-async --bin tokio_fd
//! ```
//! The program starts itself as a second process, which sends readings. One task receives them as
//! they come, and prints every 100 ms how many it has. It blocks no thread and does not poll.
//!
//! Take this if your program waits for descriptors anyway. tokio's `AsyncFd` needs an `unsafe`: the
//! promise that the descriptor does not change. A ring as a stream needs none: see
//! `async_stream.rs`.
use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{Options, PopError};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{MissedTickBehavior, interval};

const READINGS: u64 = 500;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1) {
        None => receive(),
        Some(name) => send(&name),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tokio_fd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sends in bursts, as sensors do.
fn send(name: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = Ring::<u64>::open_timeout(name, Duration::from_secs(10))?.producer()?;
    for reading in 0..READINGS {
        if reading % 50 == 0 {
            std::thread::sleep(Duration::from_millis(40));
        }
        tx.push(&reading)?;
    }
    Ok(tx.close()?)
}

fn receive() -> Result<(), Box<dyn Error>> {
    let name = format!("readings-{}", std::process::id());
    let ring = Ring::<u64>::create(&name, &Options::new().capacity(256))?;
    let mut sender = Command::new(std::env::current_exe()?).arg(&name).spawn()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sum = runtime.block_on(add_up(&ring));
    Ring::<u64>::unlink(&name)?;
    let status = sender.wait()?;
    if sum? != READINGS * (READINGS - 1) / 2 {
        return Err("the sum of the readings is wrong".into());
    }
    if status.success() { Ok(()) } else { Err("the sender failed".into()) }
}

async fn add_up(ring: &Ring<u64>) -> Result<u64, Box<dyn Error>> {
    let rx = ring.consumer()?.into_pollable()?;
    // SAFETY: the consumer owns the descriptor and keeps it until it is dropped, and `AsyncFd` owns
    // the consumer.
    let mut rx = unsafe { AsyncFd::register_with_interest(rx, Interest::READABLE)? };
    let mut clock = interval(Duration::from_millis(100));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut sum, mut count) = (0, 0);
    loop {
        match rx.get_mut().drain(64, |reading| (sum, count) = (sum + reading, count + 1)) {
            // Lets other tasks run: with a fast sender, the ring may never be empty.
            Ok(_) => tokio::task::yield_now().await,
            // The ring is empty. `arm` returns `true` if the descriptor will become readable.
            Err(PopError::Empty) => {
                if rx.get_mut().arm() {
                    tokio::select! {
                        ready = rx.readable() => ready?.clear_ready(),
                        _ = clock.tick() => println!("{count} readings so far"),
                    }
                }
            }
            Err(PopError::Closed(departure)) => {
                println!("{count} readings; then the sender {departure}");
                return Ok(sum);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
