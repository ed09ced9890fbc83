//! Records that are written and read in place, in shared memory.
//!
//! ```text
//! cargo run --example zero_copy
//! ```
//! The program starts itself as a second process and sends it frames. For each frame it reserves
//! room for the largest one, writes body and header to their final place, and commits the bytes
//! that it used. The second process reads the header in the ring and copies out only what it needs.
//!
//! All of it is safe code: bytes that another process can write are copied in and out, and never
//! borrowed as a slice. A process that trusts its peer can have slices: see `ringway::Trust`.
use std::error::Error;
use std::io::Write;
use std::process::{Command, ExitCode};
use std::time::Duration;

use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Departure, Options, PopError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Header {
    sensor: u32,
    lines: u32,
}

const HEADER: usize = size_of::<Header>();
const LARGEST: usize = 4096;
const FRAMES: u32 = 1000;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1) {
        None => produce(),
        Some(name) => consume(&name),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zero_copy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn produce() -> Result<(), Box<dyn Error>> {
    let name = format!("frames-{}", std::process::id());
    let mut consumer = Command::new(std::env::current_exe()?).arg(&name).spawn()?;
    let ring = Ring::<[u8]>::create(&name, &Options::new().capacity(64 * 1024))?;
    let sent = send(ring.producer()?);
    let status = consumer.wait()?;
    Ring::<[u8]>::unlink(&name)?;
    sent?;
    if status.success() { Ok(()) } else { Err("the consumer failed".into()) }
}

fn send(mut tx: Producer<[u8]>) -> Result<(), Box<dyn Error>> {
    let mut line = Vec::new();
    for frame in 0..FRAMES {
        let mut reservation = tx.reserve(LARGEST)?; // waits while there is no room
        let mut payload = reservation.payload();

        // The body comes first, because its length is not known yet.
        let mut end = HEADER;
        let lines = frame % 7;
        for number in 0..lines {
            line.clear();
            writeln!(line, "line {number} of frame {frame}")?;
            payload.write_at(&line, end)?;
            end += line.len();
        }
        payload.write_value_at(&Header { sensor: frame % 3, lines }, 0)?;

        // The consumer never sees a reservation that is not committed.
        if lines == 0 {
            reservation.abort();
        } else {
            reservation.commit_len(end)?;
        }
    }
    Ok(tx.close()?)
}

fn consume(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<[u8]>::open_timeout(name, Duration::from_secs(10))?;
    let (frames, lines) = receive(ring.consumer()?)?;
    println!("{frames} frames of {lines} lines, read where they were written");
    let expected = (0..FRAMES).filter(|frame| frame % 7 != 0).count();
    if frames == expected { Ok(()) } else { Err(format!("expected {expected} frames").into()) }
}

fn receive(mut rx: Consumer<[u8]>) -> Result<(usize, u32), Box<dyn Error>> {
    let (mut frames, mut lines) = (0, 0);
    let mut start = [0; 6];
    loop {
        let record = match rx.read() {
            Ok(record) => record,
            Err(PopError::Closed(Departure::Finished)) => return Ok((frames, lines)),
            Err(error) => return Err(error.into()),
        };
        let header: Header = record.payload().read_value_at(0)?;
        record.payload().read_at(&mut start, HEADER)?;
        if &start != b"line 0" {
            return Err(format!("a frame of sensor {} does not start with a line", header.sensor).into());
        }
        frames += 1;
        lines += header.lines;
    } // drops the record, which gives its room back to the producer
}
