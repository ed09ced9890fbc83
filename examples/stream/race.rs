//! The same bytes from one process to another, once through a ring and once through a pipe.
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringway::spsc::{Consumer, Ring};
use ringway::{Departure, Options, PopError};
use xxhash_rust::xxh3::Xxh3;

use crate::{CHUNK, RING, Result};

/// How many bytes are streamed at least, unless told otherwise.
pub const DEFAULT: u64 = 1 << 30;

/// What is streamed, and what both ends should agree on afterwards.
struct Load {
    data: Vec<u8>,
    copies: u64,
}

/// What one end saw. The receiver prints it, and the sender compares the text with its own.
struct Seen {
    bytes: u64,
    hash: Xxh3,
}

impl Seen {
    fn nothing() -> Self {
        Self { bytes: 0, hash: Xxh3::new() }
    }

    fn add(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        self.hash.update(chunk);
    }
}

impl Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, xxh3 {:016x}", self.bytes, self.hash.digest())
    }
}

impl Load {
    fn read(file: &Path, at_least: u64) -> Result<Self> {
        let mut data = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        if data.is_empty() {
            return Err(format!("{} is empty: there is nothing to stream", file.display()).into());
        }
        // Of a tiny file, several copies make a chunk.
        while data.len() < CHUNK {
            data.extend_from_within(..);
        }
        let copies = at_least.div_ceil(data.len() as u64);
        Ok(Self { data, copies })
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.copies).flat_map(|_| self.data.chunks(CHUNK))
    }

    fn bytes(&self) -> u64 {
        self.data.len() as u64 * self.copies
    }
}

pub fn run(file: &Path, at_least: u64) -> Result<()> {
    let load = Load::read(file, at_least)?;
    let ring = gigabytes_per_second(&load, through_ring(&load)?);
    let pipe = gigabytes_per_second(&load, through_pipe(&load)?);
    let (bytes, records) = (load.bytes(), load.chunks().count());
    println!(
        "{bytes} bytes in {records} records: ring {ring:.2} GB/s, pipe {pipe:.2} GB/s, ring/pipe {:.1}, checksums match",
        ring / pipe
    );
    Ok(())
}

fn gigabytes_per_second(load: &Load, time: Duration) -> f64 {
    load.bytes() as f64 / 1e9 / time.as_secs_f64()
}

fn through_ring(load: &Load) -> Result<Duration> {
    let name = format!("ringway-stream-{}", std::process::id());
    let child = second_process(&["from-ring", &name], Stdio::null())?;
    let ring = Ring::<[u8]>::create(&name, &Options::new().capacity(RING).label("sender"))?;
    let mut tx = ring.producer()?;
    let joined = tx.wait_for_consumer(Duration::from_secs(10));
    // Both are in, or one never comes: from here on nobody needs the name, and nothing stays behind.
    Ring::<[u8]>::unlink(&name)?;
    if !joined {
        return Err("the second process did not join the ring".into());
    }

    let mut progress = Progress::start("ring", load);
    let mut sent = Seen::nothing();
    let start = Instant::now();
    for chunk in load.chunks() {
        sent.add(chunk);
        tx.push(chunk)?;
        progress.add(chunk.len() as u64);
    }
    drop(tx); // that was all
    finish(child, &sent, start)
}

fn through_pipe(load: &Load) -> Result<Duration> {
    let mut child = second_process(&["from-pipe"], Stdio::piped())?;
    let mut pipe = child.stdin.take().ok_or("the second process has no pipe")?;

    let mut progress = Progress::start("pipe", load);
    let mut sent = Seen::nothing();
    let start = Instant::now();
    for chunk in load.chunks() {
        sent.add(chunk);
        pipe.write_all(chunk)?;
        progress.add(chunk.len() as u64);
    }
    drop(pipe); // that was all
    finish(child, &sent, start)
}

pub fn receive_from_ring(name: &str) -> Result<()> {
    let ring = Ring::<[u8]>::open_timeout(name, Duration::from_secs(10))?;
    let seen = drain(&mut ring.consumer()?)?;
    println!("{seen}");
    Ok(())
}

fn drain(rx: &mut Consumer<[u8]>) -> Result<Seen> {
    let mut seen = Seen::nothing();
    let mut own = vec![0; CHUNK];
    loop {
        let record = match rx.read() {
            Ok(record) => record,
            Err(PopError::Closed(Departure::Left)) => return Ok(seen),
            Err(error) => return Err(error.into()),
        };
        let chunk = own.get_mut(..record.len()).ok_or("a record is larger than a chunk")?;
        record.payload().read_at(chunk, 0)?;
        record.release();
        seen.add(chunk);
    }
}

pub fn receive_from_pipe() -> Result<()> {
    // Not through `Stdin`, which would put a buffer in between.
    let mut pipe = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut seen = Seen::nothing();
    let mut own = vec![0; CHUNK];
    loop {
        let len = pipe.read(&mut own)?;
        if len == 0 {
            break;
        }
        seen.add(own.get(..len).unwrap_or_default());
    }
    println!("{seen}");
    Ok(())
}

/// This program once more, in another role.
fn second_process(args: &[&str], stdin: Stdio) -> Result<Child> {
    let program = std::env::current_exe()?;
    Ok(Command::new(program).args(args).stdin(stdin).stdout(Stdio::piped()).spawn()?)
}

/// How long it took until the receiver had seen it all; it must be what was sent.
fn finish(child: Child, sent: &Seen, start: Instant) -> Result<Duration> {
    let output = child.wait_with_output()?;
    let time = start.elapsed();
    let received = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("the second process failed: {}", output.status).into());
    }
    if received.trim_end() != sent.to_string() {
        return Err(format!("sent {sent}, but received {received}").into());
    }
    Ok(time)
}

/// One line on stderr that shows how much is sent; nothing if stderr is not a terminal.
struct Progress {
    what: &'static str,
    sent: u64,
    total: u64,
    /// The line is written again when this much is sent.
    next: u64,
    start: Instant,
}

impl Progress {
    fn start(what: &'static str, load: &Load) -> Self {
        let next = if io::stderr().is_terminal() { 0 } else { u64::MAX };
        Self { what, sent: 0, total: load.bytes(), next, start: Instant::now() }
    }

    fn add(&mut self, bytes: u64) {
        self.sent += bytes;
        if self.sent >= self.next {
            self.next = self.sent + self.total / 100;
            let percent = self.sent * 100 / self.total;
            let rate = self.sent as f64 / 1e9 / self.start.elapsed().as_secs_f64();
            eprint!("\r{} {percent:3} %, {rate:.2} GB/s", self.what);
        }
    }
}

/// Clears the line.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.next != u64::MAX {
            eprint!("\r{:40}\r", "");
        }
    }
}
