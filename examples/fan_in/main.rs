//! Eight processes send to one, which kills one of them and stops another meanwhile, and accounts for every record.
//!
//! ```text
//! cargo run --release --example fan_in [-- --kind mpsc|lanes] [--times N] [FILE]
//! ```
//! ```text
//!   producer 0 ─┐
//!   producer 1 ─┤
//!   producer 2 ─┤ ✗ SIGKILL            ┌──────────┐
//!   …           ├─────────────────────▶│ consumer │  which started them all, and has FILE, too
//!   producer 5 ─┤ ‖ SIGSTOP … SIGCONT  └──────────┘
//!   …           │
//!   producer 7 ─┘
//! ```
//! Each producer sends all lines of FILE (without one, the README), N times; a record is a number and a line. The consumer
//! knows which line belongs to which number: it would notice a record that is missing, comes twice, is out of turn or torn.
//! What each producer has sent is also counted in the ring, by itself, in a place that survives a kill. If the two
//! do not agree, the exit status is 1.
//!
//! `--kind mpsc` (the default) is one ring in total order: what the killed one had begun is lost and reported, and should
//! the other be stopped in the middle of a record, all wait for it, and the ring says for whom. `--kind lanes`
//! is a lane for each: nobody waits for anybody. The code is the same for both, but for `mpsc`'s report of losses.
mod consumer;
mod producer;
mod tally;

use std::error::Error;
use std::process::ExitCode;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;

/// Bytes that the ring holds; of `lanes`, each lane.
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
            // Built here, run elsewhere.
            Err(_) if file == README => include_bytes!("main.rs").to_vec(),
            Err(error) => return Err(format!("{file}: {error}").into()),
        };
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let times = times.parse().ok().filter(|times| *times > 0);
        Ok(Self { lines, times: times.ok_or("--times wants a number, one at least")? })
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
    // One of the eight: see `consumer::start`.
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
        "lanes" => consumer::run::<Lanes>(&load, words, |_| Vec::new()),
        _ => consumer::run::<Mpsc>(&load, words, |rx| rx.losses().collect()),
    }
}

const USAGE: &str = "usage: fan_in [--kind mpsc|lanes] [--times N] [FILE]";
