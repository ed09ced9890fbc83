//! Streams a file from one process to another through a ring, and checks every byte.
//!
//! # Ring against pipe
//! ```text
//! cargo run --release --example stream [-- FILE] [--bytes N[K|M|G]]
//! ```
//! Sends FILE (without one, this very executable), repeated until it is 1 GiB or `--bytes`, to a second process,
//! first through a ring and then through a Unix pipe. Both times the bytes come from memory, the receiver copies them
//! to memory of its own, both sides hash them all, and the hashes must agree: if not, the exit status is 1.
//!
//! # A copy that survives kill -9
//! In one terminal, and then, or before, in another:
//! ```text
//! cargo run --release --example stream -- send my-copy FILE
//! cargo run --release --example stream -- recv my-copy OUT
//! ```
//! Kill either side, at any moment and as often as you like, with `kill -9`, and start it again with the same words: the
//! copy goes on where it was. The other side says whom it waits for. How it works, and what it asks of you, is told
//! in `copy.rs`.
mod copy;
mod race;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

// Measured: larger chunks and rings gain little. The pipe is at its best with this chunk too, and with the 64 KiB that
// the kernel gives it; a larger one is no faster.
/// The bytes of a record; only a file's last may be shorter.
const CHUNK: usize = 64 * 1024;
/// The bytes that the ring holds: a whole number of chunks, so that no chunk ever needs a pad before it.
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
        ["from-ring", name] => race::receive_from_ring(name),
        ["from-pipe"] => race::receive_from_pipe(),
        [] => race::run(&std::env::current_exe()?, race::DEFAULT),
        ["--bytes", bytes] => race::run(&std::env::current_exe()?, parse_bytes(bytes)?),
        [file, "--bytes", bytes] | ["--bytes", bytes, file] => {
            race::run(Path::new(file), parse_bytes(bytes)?)
        }
        [file] if !file.starts_with('-') => race::run(Path::new(file), race::DEFAULT),
        _ => {
            Err("usage: stream [FILE] [--bytes N[K|M|G]] | stream send NAME FILE | stream recv NAME OUT"
                .into())
        }
    }
}

/// `64M`: a number of bytes, of which K, M and G are 2^10, 2^20 and 2^30.
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
