//! A ring among the other things that a tokio task waits for.
//!
//! ```text
//! cargo run -p ringway-examples-async --bin tokio_fd
//! ```
//! A second process sends a reading every now and then. Here, one task takes them as they come, by the consumer's descriptor, and says
//! about each 100 ms how many there were: no thread is blocked, and nothing is asked in turn.
//!
//! This is for who has descriptors to wait for anyway: tokio's `AsyncFd` takes an `unsafe`, a promise that the descriptor stays the same.
//! A ring as a stream needs none: see `async_stream.rs`.
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

/// In bursts, as sensors do.
fn send(name: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = Ring::<u64>::open_timeout(name, Duration::from_secs(10))?.producer()?;
    for reading in 0..READINGS {
        if reading % 50 == 0 {
            std::thread::sleep(Duration::from_millis(40));
        }
        tx.push(&reading)?;
    }
    Ok(())
}

fn receive() -> Result<(), Box<dyn Error>> {
    let name = format!("readings-{}", std::process::id());
    let ring = Ring::<u64>::create(&name, &Options::new().capacity(256))?;
    let mut sender = Command::new(std::env::current_exe()?).arg(&name).spawn()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sum = runtime.block_on(add_up(&ring));
    Ring::<u64>::unlink(&name)?;
    let status = sender.wait()?;
    assert_eq!(sum?, READINGS * (READINGS - 1) / 2);
    if status.success() { Ok(()) } else { Err("the sender failed".into()) }
}

async fn add_up(ring: &Ring<u64>) -> Result<u64, Box<dyn Error>> {
    let rx = ring.consumer()?.into_pollable()?;
    // SAFETY: the descriptor is the consumer's as long as that lives, which is as long as `AsyncFd` has it.
    let mut rx = unsafe { AsyncFd::register_with_interest(rx, Interest::READABLE)? };
    let mut clock = interval(Duration::from_millis(100));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut sum, mut count) = (0, 0);
    loop {
        match rx.get_mut().drain(64, |reading| (sum, count) = (sum + reading, count + 1)) {
            // The others' turn: a sender that is fast enough would never have this task wait.
            Ok(_) => tokio::task::yield_now().await,
            // Nothing there. `arm` says whether it is worth waiting for the descriptor.
            Err(PopError::Empty) => {
                if rx.get_mut().arm() {
                    tokio::select! {
                        ready = rx.readable() => ready?.clear_ready(),
                        _ = clock.tick() => println!("{count} readings so far"),
                    }
                }
            }
            Err(PopError::Closed(how)) => {
                println!("{count} readings; the sender has gone ({how})");
                return Ok(sum);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
