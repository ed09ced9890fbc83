//! Streams a file from one process to another through a ring, and checks every byte.
//!
//! # Ring against pipe
//! ```text
//! cargo run --release --example stream [-- FILE] [--bytes N[K|M|G]]
//! ```
//! Sends FILE (by default, this executable), repeated until it is 1 GiB or `--bytes`, to a second
//! process, through a ring and through a Unix pipe. The bytes come from memory, and the receiver
//! copies them to memory of its own. Each way is measured twice: with both sides hashing all bytes,
//! as a program does that uses its data, and without, which leaves the transport alone. The hashes
//! must agree; if not, the exit status is 1.
//!
//! # A copy that survives kill -9
//! In two terminals, in any order:
//! ```text
//! cargo run --release --example stream -- send my-copy FILE
//! cargo run --release --example stream -- recv my-copy OUT
//! ```
//! Kill either side with `kill -9`, at any moment and as often as you like, and start it again with
//! the same arguments: the copy continues where it was. `copy.rs` explains how.
mod copy;
mod race;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

// Measured: larger chunks and rings gain little. The pipe, too, is fastest with this chunk and with
// its default capacity of 64 KiB.
/// Bytes of a record; the last one of a file may be shorter.
const CHUNK: usize = 64 * 1024;
/// Bytes of the ring: a whole number of chunks, so that no chunk needs a skip before it.
const RING: usize = 1024 * 1024;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stream: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<()> {
    match args {
        ["send", name, file] => copy::send(name, Path::new(file)),
        ["recv", name, out] => copy::receive(name, Path::new(out)),
        // The second process of a race.
        ["from-ring", work, name] => race::receive_from_ring(name, work.parse()?),
        ["from-pipe", work] => race::receive_from_pipe(work.parse()?),
        [] => race::run(&std::env::current_exe()?, race::DEFAULT),
        ["--bytes", bytes] => race::run(&std::env::current_exe()?, parse_bytes(bytes)?),
        [file, "--bytes", bytes] | ["--bytes", bytes, file] => {
            race::run(Path::new(file), parse_bytes(bytes)?)
        }
        [file] if !file.starts_with('-') && !["send", "recv"].contains(file) => {
            race::run(Path::new(file), race::DEFAULT)
        }
        _ => {
            Err("usage: stream [FILE] [--bytes N[K|M|G]] | stream send NAME FILE | stream recv NAME OUT"
                .into())
        }
    }
}

/// Parses a number of bytes such as `64M`. K, M and G are 2^10, 2^20 and 2^30.
fn parse_bytes(text: &str) -> Result<u64> {
    let (digits, shift) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(digits) if text.ends_with('K') => (digits, 10),
        Some(digits) if text.ends_with('M') => (digits, 20),
        Some(digits) => (digits, 30),
        None => (text, 0),
    };
    let number: Option<u64> = digits.parse().ok();
    let bytes = number.and_then(|n| n.checked_mul(1 << shift)).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| format!("`{text}` is not a number of bytes: try 500M or 2G").into())
}
