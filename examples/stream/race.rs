//! Sends the same bytes to another process through a ring and through a pipe, with and without
//! hashing.
use std::error::Error;
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use ringway::spsc::{Consumer, Ring};
use ringway::{Departure, Options, PopError};
use xxhash_rust::xxh3::Xxh3;

use crate::{CHUNK, RING, Result};

/// How many bytes are streamed at least, unless told otherwise.
pub const DEFAULT: u64 = 1 << 30;

/// What is streamed.
struct Load {
    data: Vec<u8>,
    copies: u64,
}

/// What both sides do with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Hash them.
    Hash,
    /// Count them.
    Count,
}

impl Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Hash { "hash" } else { "count" })
    }
}

impl FromStr for Work {
    type Err = Box<dyn Error>;

    fn from_str(text: &str) -> Result<Self> {
        let work = [Self::Hash, Self::Count].into_iter().find(|work| work.to_string() == text);
        work.ok_or_else(|| format!("`{text}` is neither `hash` nor `count`").into())
    }
}

/// What one side has seen. The receiver prints it, and the sender compares the text with its own.
struct Seen {
    bytes: u64,
    hash: Option<Xxh3>,
}

impl Seen {
    fn nothing(work: Work) -> Self {
        Self { bytes: 0, hash: (work == Work::Hash).then(Xxh3::new) }
    }

    fn add(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(chunk);
        }
    }
}

impl Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes)?;
        match &self.hash {
            Some(hash) => write!(f, ", xxh3 {:016x}", hash.digest()),
            None => Ok(()),
        }
    }
}

impl Load {
    fn read(file: &Path, at_least: u64) -> Result<Self> {
        let mut data = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        if data.is_empty() {
            return Err(format!("{} is empty: there is nothing to stream", file.display()).into());
        }
        // A chunk of a tiny file consists of several copies.
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
    let rates = |work| -> Result<String> {
        let ring = gigabytes_per_second(&load, through_ring(&load, work)?);
        let pipe = gigabytes_per_second(&load, through_pipe(&load, work)?);
        Ok(format!("ring {ring:.2} GB/s, pipe {pipe:.2} GB/s, ring/pipe {:.1}", ring / pipe))
    };
    let (bytes, records) = (load.bytes(), load.chunks().count());
    println!("{bytes} bytes in {records} records: {}, checksums match", rates(Work::Hash)?);
    println!("without hashing: {}", rates(Work::Count)?);
    Ok(())
}

fn gigabytes_per_second(load: &Load, time: Duration) -> f64 {
    load.bytes() as f64 / 1e9 / time.as_secs_f64()
}

fn through_ring(load: &Load, work: Work) -> Result<Duration> {
    let name = format!("ringway-stream-{}", std::process::id());
    let child = second_process(&["from-ring", &work.to_string(), &name], Stdio::null())?;
    let ring = Ring::<[u8]>::create(&name, &Options::new().capacity(RING).label("sender"))?;
    let mut tx = ring.producer()?;
    let joined = tx.wait_for_consumer(Duration::from_secs(10));
    // Neither side needs the name any more, and without it nothing is left behind.
    Ring::<[u8]>::unlink(&name)?;
    if !joined {
        return Err("the second process did not join the ring".into());
    }

    let mut progress = Progress::start("ring", load);
    let mut sent = Seen::nothing(work);
    let start = Instant::now();
    for chunk in load.chunks() {
        sent.add(chunk);
        tx.push(chunk)?;
        progress.add(chunk.len() as u64);
    }
    tx.close()?; // the receiver gets the rest
    finish(child, &sent, start)
}

fn through_pipe(load: &Load, work: Work) -> Result<Duration> {
    let mut child = second_process(&["from-pipe", &work.to_string()], Stdio::piped())?;
    let mut pipe = child.stdin.take().ok_or("the second process has no pipe")?;

    let mut progress = Progress::start("pipe", load);
    let mut sent = Seen::nothing(work);
    let start = Instant::now();
    for chunk in load.chunks() {
        sent.add(chunk);
        pipe.write_all(chunk)?;
        progress.add(chunk.len() as u64);
    }
    drop(pipe); // the receiver gets the rest
    finish(child, &sent, start)
}

pub fn receive_from_ring(name: &str, work: Work) -> Result<()> {
    let ring = Ring::<[u8]>::open_timeout(name, Duration::from_secs(10))?;
    let seen = drain(&mut ring.consumer()?, work)?;
    println!("{seen}");
    Ok(())
}

fn drain(rx: &mut Consumer<[u8]>, work: Work) -> Result<Seen> {
    let mut seen = Seen::nothing(work);
    let mut own = vec![0; CHUNK];
    loop {
        let record = match rx.read() {
            Ok(record) => record,
            Err(PopError::Closed(Departure::Finished)) => return Ok(seen),
            Err(error) => return Err(error.into()),
        };
        let chunk = own.get_mut(..record.len()).ok_or("a record is larger than a chunk")?;
        record.payload().read_at(chunk, 0)?;
        record.release();
        seen.add(chunk);
    }
}

pub fn receive_from_pipe(work: Work) -> Result<()> {
    // `Stdin` would put a buffer in between.
    let mut pipe = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut seen = Seen::nothing(work);
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

/// Starts this program a second time, as the receiver.
fn second_process(args: &[&str], stdin: Stdio) -> Result<Child> {
    let program = std::env::current_exe()?;
    Ok(Command::new(program).args(args).stdin(stdin).stdout(Stdio::piped()).spawn()?)
}

/// The time until the receiver has seen everything. Fails if that is not what was sent.
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

/// A line on stderr that shows how much is sent. Without a terminal it shows nothing.
struct Progress {
    what: &'static str,
    sent: u64,
    total: u64,
    /// How much is sent when the line is written again.
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
