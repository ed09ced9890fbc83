//! One task receives from two rings, as streams, and from a timer.
//!
//! ```text
//! cargo run -p ringway-examples-async --bin async_stream
//! ```
//! The program starts itself as a second process, which sends readings through a ring of items, and
//! notes through a ring of bytes. One task receives both as they come, and prints every 100 ms how
//! many readings it has. It blocks no thread and needs no `unsafe`. Any executor will do; this is
//! tokio's, with one thread.
use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

use futures_util::StreamExt;
use ringway::Options;
use ringway::spsc::Ring;
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
            eprintln!("async_stream: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sends in bursts, as sensors do.
fn send(name: &str) -> Result<(), Box<dyn Error>> {
    let patience = Duration::from_secs(10);
    let mut readings = Ring::<u64>::open_timeout(format!("{name}-readings"), patience)?.producer()?;
    let mut notes = Ring::<[u8]>::open_timeout(format!("{name}-notes"), patience)?.producer()?;
    for reading in 0..READINGS {
        if reading % 50 == 0 {
            std::thread::sleep(Duration::from_millis(40));
        }
        if reading % 200 == 0 {
            notes.push(format!("reading {reading} comes next").as_bytes())?;
        }
        readings.push(&reading)?;
    }
    notes.close()?;
    Ok(readings.close()?)
}

fn receive() -> Result<(), Box<dyn Error>> {
    let name = format!("task-{}", std::process::id());
    let (readings_name, notes_name) = (format!("{name}-readings"), format!("{name}-notes"));
    let readings = Ring::<u64>::create(&readings_name, &Options::new().capacity(256))?;
    let notes = Ring::<[u8]>::create(&notes_name, &Options::new().capacity(4096))?;
    let mut sender = Command::new(std::env::current_exe()?).arg(&name).spawn()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let sum = runtime.block_on(add_up(&readings, &notes));
    Ring::<u64>::unlink(&readings_name)?;
    Ring::<[u8]>::unlink(&notes_name)?;
    let status = sender.wait()?;
    if sum? != READINGS * (READINGS - 1) / 2 {
        return Err("the sum of the readings is wrong".into());
    }
    if status.success() { Ok(()) } else { Err("the sender failed".into()) }
}

async fn add_up(readings: &Ring<u64>, notes: &Ring<[u8]>) -> Result<u64, Box<dyn Error>> {
    let (mut readings, mut notes) = (readings.consumer()?.into_async()?, notes.consumer()?.into_async()?);
    let mut clock = interval(Duration::from_millis(100));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut sum, mut count) = (0, 0);
    let (mut has_readings, mut has_notes) = (true, true);
    while has_readings || has_notes {
        // A stream ends when its sender has left. If the sender died, it returns an error before
        // that. A `next` that is dropped here has taken nothing from the ring.
        tokio::select! {
            reading = readings.next(), if has_readings => match reading {
                Some(reading) => (sum, count) = (sum + reading?, count + 1),
                None => has_readings = false,
            },
            note = notes.next(), if has_notes => match note {
                Some(note) => println!("note: {}", String::from_utf8(note?)?),
                None => has_notes = false,
            },
            _ = clock.tick() => println!("{count} readings so far"),
        }
    }
    println!("{count} readings; the sender has left");
    Ok(sum)
}
