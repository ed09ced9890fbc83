//! Eight processes send to one, which kills one of them, stops another, and accounts for every
//! record.
//!
//! ```text
//! cargo run --release --example fan_in [-- --kind mpsc|lanes] [--times N] [FILE]
//! ```
//! ```text
//!   producer 0 ─┐
//!   producer 1 ─┤
//!   producer 2 ─┤ ✗ SIGKILL            ┌──────────┐
//!   …           ├─────────────────────▶│ consumer │  starts them all, and reads FILE too
//!   producer 5 ─┤ ‖ SIGSTOP … SIGCONT  └──────────┘
//!   …           │
//!   producer 7 ─┘
//! ```
//! Each producer sends all lines of FILE (by default, the README), N times. A record is a number
//! and a line. The consumer knows which line belongs to which number, so it notices a record that
//! is missing, duplicated, out of order or torn. Each producer also counts its records in the ring,
//! where the count survives a kill. If count and receipt disagree, the exit status is 1.
//!
//! `--kind mpsc` (the default) is one ring in one order. What the killed producer had begun is
//! lost, and the ring reports it. If a producer is stopped in the middle of a record, the others
//! wait for it, and the ring tells which one it is. `--kind lanes` gives each producer a lane of
//! its own: no producer waits for another. The code is the same for both kinds.
mod consumer;
mod producer;
mod tally;

use std::error::Error;
use std::process::ExitCode;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;

/// Bytes of the ring; with `lanes`, of each lane.
const RING: usize = 256 * 1024;
const PRODUCERS: usize = 8;
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What each producer sends.
struct Load {
    lines: Vec<Vec<u8>>,
    times: u64,
}

impl Load {
    fn read(file: &str, times: &str) -> Result<Self> {
        let text = match std::fs::read(file) {
            Ok(text) => text,
            // The program runs on another machine than it was built on.
            Err(_) if file == README => include_bytes!("main.rs").to_vec(),
            Err(error) => return Err(format!("{file}: {error}").into()),
        };
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let times = times.parse().ok().filter(|times| *times > 0);
        Ok(Self { lines, times: times.ok_or("--times takes a number of at least 1")? })
    }

    fn records(&self) -> u64 {
        self.lines.len() as u64 * self.times
    }

    /// The line that is sent with this number.
    fn line(&self, number: u64) -> &[u8] {
        let at = (number % self.lines.len() as u64) as usize;
        self.lines.get(at).map_or(&[], Vec::as_slice)
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fan_in: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<()> {
    // One of the eight producers: see `Producers::start`.
    if let ["produce", kind, file, times, ring, label] = args {
        let load = Load::read(file, times)?;
        return match *kind {
            "lanes" => producer::send::<Lanes>(ring, &load, label),
            _ => producer::send::<Mpsc>(ring, &load, label),
        };
    }
    let (mut kind, mut file, mut times) = ("mpsc", README, "12000");
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match *arg {
            "--kind" => kind = rest.next().filter(|kind| ["mpsc", "lanes"].contains(kind)).ok_or(USAGE)?,
            "--times" => times = rest.next().ok_or(USAGE)?,
            path if !path.starts_with('-') => file = path,
            _ => return Err(USAGE.into()),
        }
    }
    let load = Load::read(file, times)?;
    let name = file.rsplit('/').next().unwrap_or(file);
    let (lines, records) = (load.lines.len(), load.records());
    println!(
        "{PRODUCERS} processes send {name}, {lines} lines, {times} times: {records} records each ({kind})"
    );
    let words = ["produce", kind, file, times];
    match kind {
        "lanes" => consumer::run::<Lanes>(&load, words),
        _ => consumer::run::<Mpsc>(&load, words),
    }
}

const USAGE: &str = "usage: fan_in [--kind mpsc|lanes] [--times N] [FILE]";
