//! Three rings in one segment, between two processes: a controller, and a drive that it starts.
//!
//! ```text
//! cargo run --example segment
//! ```
//! The controller sends set points, the drive answers each with a measurement, and both write into
//! one log. One file in `/dev/shm` holds all of it. The segment is chosen in one place, `robot`, so
//! both processes agree on it, and either can start first.
use std::error::Error;
use std::process::Command;

use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use ringway::{Builder, Departure, Options, PopError, Segment, inspect};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Measurement {
    position: f64,
    step: u64,
}

/// What the segment holds.
fn robot() -> Builder<'static> {
    Segment::builder()
        .ring::<Spsc, f64>("set points", &Options::new().capacity(64))
        .ring::<Spsc, Measurement>("measurements", &Options::new().capacity(64))
        .ring::<Mpsc, [u8]>("log", &Options::new().capacity(4096).max_producers(2))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    match words.next() {
        Some(name) => drive(&name),
        None => controller(&format!("robot-{}", std::process::id())),
    }
}

fn controller(name: &str) -> Result<(), Box<dyn Error>> {
    let segment = robot().open_or_create(name)?;
    let mut log = segment.ring::<Mpsc, [u8]>("log")?.consumer()?;
    let mut notes = segment.ring::<Mpsc, [u8]>("log")?.producer()?;
    let mut set_points = segment.ring::<Spsc, f64>("set points")?.producer()?;
    let mut measurements = segment.ring::<Spsc, Measurement>("measurements")?.consumer()?;

    let mut drive = Command::new(std::env::current_exe()?).arg(name).spawn()?;
    for target in [1.0, 3.0, 2.0] {
        notes.push(format!("controller: go to {target}").as_bytes())?;
        set_points.push(&target)?;
        let Measurement { position, step } = measurements.pop()?;
        println!("step {step}: the drive is at {position}");
    }
    // What a look from outside shows. It takes no seat, so any process can do so at any time.
    print!("{}", inspect::look(name)?);
    set_points.close()?;
    notes.close()?;
    let status = drive.wait()?;

    loop {
        match log.read() {
            Ok(line) => println!("{}", line.payload().to_vec().escape_ascii()),
            Err(PopError::Closed(Departure::Finished)) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Segment::unlink(name)?;
    if status.success() { Ok(()) } else { Err("the drive failed".into()) }
}

fn drive(name: &str) -> Result<(), Box<dyn Error>> {
    let segment = robot().open_or_create(name)?;
    let mut notes = segment.ring::<Mpsc, [u8]>("log")?.producer()?;
    let mut set_points = segment.ring::<Spsc, f64>("set points")?.consumer()?;
    let mut measurements = segment.ring::<Spsc, Measurement>("measurements")?.producer()?;
    for step in 1.. {
        match set_points.pop() {
            Ok(position) => measurements.push(&Measurement { position, step })?,
            Err(PopError::Closed(Departure::Finished)) => break,
            Err(error) => return Err(error.into()),
        }
        notes.push(format!("drive: step {step} is done").as_bytes())?;
    }
    measurements.close()?;
    Ok(notes.close()?)
}
