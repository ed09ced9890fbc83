//! A file copy between two processes, either of which may be killed and started again at any
//! moment.
//!
//! ```text
//!            chunk 0   chunk 1   chunk 2   chunk 3   chunk 4
//!   OUT      █████████ █████████ ░░░░░░░░░
//!   ring                         █████████ █████████
//!   FILE     █████████ █████████ █████████ █████████ █████████
//!                                ▲                   ▲
//!              consumer's position                   producer's position
//! ```
//! Both positions are in the ring. They count cells of 64 bytes since the ring was made, and
//! outlive the processes. A chunk is a whole number of cells, and the ring a whole number of
//! chunks, so no cell is ever skipped, and a position times 64 is an offset in the file. A new
//! sender reads FILE from there on. A new receiver finds the records that the killed one had not
//! released, and writes them to where they belong. A record is released only *after* it was
//! written, so at worst the same bytes are written to the same place twice.
//!
//! The sender closes the ring when everything is in it (`Departure::Finished`). After any other
//! departure the receiver waits for the next sender. So a sender may be done before a receiver
//! comes. The receiver removes the ring when it is done.
//!
//! What it asks of you: start a killed side again with the same arguments, and leave FILE
//! unchanged. A side that has printed its last line is done. It need not be started again unless
//! the other side still waits for it.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use ringway::spsc::{Producer, Ring};
use ringway::{Departure, Options, PopError, PushError, Role};
use xxhash_rust::xxh3::Xxh3;

use crate::{CHUNK, RING, Result};

/// Positions count cells.
const CELL: u64 = ringway::CELL as u64;
/// How long a side waits for the other one before it tries again.
const WHILE: Duration = Duration::from_secs(1);

pub fn send(name: &str, path: &Path) -> Result<()> {
    let mut file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let len = file.metadata()?.len();
    let job = format!("{len} bytes, {:?}", path.file_name().unwrap_or_default());
    let ring = join(name, &job)?;
    check_same_job(&ring, &job)?;

    let mut tx = ring.producer()?;
    let sent = tx.position() * CELL;
    if sent > 0 {
        eprintln!("{} bytes were sent before; going on from there", sent.min(len));
    }
    file.seek(SeekFrom::Start(sent))?;
    let mut chunk = Vec::with_capacity(CHUNK);
    while read_chunk(&mut file, &mut chunk)? {
        push(&mut tx, &chunk)?;
    }
    println!("sent {}", summary(path)?);
    Ok(tx.close()?) // finished: after a mere drop, or a death, the receiver waits for the next sender
}

pub fn receive(name: &str, path: &Path) -> Result<()> {
    let mut rx = join(name, &path.display().to_string())?.consumer()?;
    let out = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let out = out.map_err(|error| format!("{}: {error}", path.display()))?;
    resume(&out, rx.position() * CELL)?;

    let mut own = vec![0; CHUNK];
    let mut reported = None;
    loop {
        let offset = rx.position() * CELL;
        let error = match rx.read() {
            Ok(record) => {
                let chunk = own.get_mut(..record.len()).ok_or("a record is larger than a chunk")?;
                record.payload().read_at(chunk, 0)?;
                out.write_all_at(chunk, offset)?;
                record.release(); // not before it is written
                continue;
            }
            Err(error) => error,
        };
        match error {
            PopError::Closed(Departure::Finished) => break,
            PopError::Closed(departure) => {
                if reported.replace(offset) != Some(offset) {
                    eprintln!("the sender {departure} at {offset} bytes; waiting for it to be started again");
                }
                rx.wait_for_producer(WHILE);
            }
            error => return Err(error.into()),
        }
    }
    println!("received {}", summary(path)?);
    Ring::<[u8]>::unlink(name)?;
    Ok(())
}

/// Opens the ring, or makes it: either side may come first. A ring of another capacity is refused.
fn join(name: &str, label: &str) -> Result<Ring<[u8]>> {
    Ok(Ring::open_or_create(name, &Options::new().capacity(RING).label(label))?)
}

/// Fails if the ring is in the middle of a copy of another file.
fn check_same_job(ring: &Ring<[u8]>, job: &str) -> Result<()> {
    let Some(before) = ring.presence(Role::Producer).identity() else { return Ok(()) };
    let before = before.label.to_string();
    // A label is cut to 64 bytes. It is even shorter if its writer was killed while writing it.
    if job.starts_with(&before) {
        return Ok(());
    }
    let path = ring.path().display();
    Err(format!(
        "another file is being copied ({before}); use another name, or remove {path} to give that up"
    )
    .into())
}

/// Checks that OUT has the bytes that earlier receivers have written. Without any, empties it.
fn resume(out: &File, received: u64) -> Result<()> {
    if received == 0 {
        return Ok(out.set_len(0)?);
    }
    // The last chunk may leave a part of its last cell unused.
    let len = out.metadata()?.len();
    if len + CELL <= received {
        return Err(format!(
            "the copy is at byte {received}, and OUT has {len}: not the file that it began with"
        )
        .into());
    }
    eprintln!("{} bytes were received before; going on from there", received.min(len));
    Ok(())
}

/// Sends a chunk. Waits for a receiver if there is none.
fn push(tx: &mut Producer<[u8]>, chunk: &[u8]) -> Result<()> {
    let mut reported = false;
    loop {
        match tx.push(chunk) {
            Err(PushError::Closed(departure)) => {
                if !reported {
                    let sent = tx.position() * CELL;
                    eprintln!(
                        "the receiver {departure} and {sent} bytes are sent; waiting for it to be started again"
                    );
                    reported = true;
                }
                tx.wait_for_consumer(WHILE);
            }
            other => return Ok(other?),
        }
    }
}

/// Reads the next chunk of `file`, which is shorter at its end. Returns `false` if nothing is left.
fn read_chunk(file: &mut File, chunk: &mut Vec<u8>) -> Result<bool> {
    chunk.clear();
    Ok(file.take(CHUNK as u64).read_to_end(chunk)? > 0)
}

/// Length and checksum of a whole file. It reads the file again, because a process that was
/// restarted has not seen all of it.
fn summary(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let (mut bytes, mut hash) = (0, Xxh3::new());
    let mut chunk = Vec::with_capacity(CHUNK);
    while read_chunk(&mut file, &mut chunk)? {
        bytes += chunk.len();
        hash.update(&chunk);
    }
    Ok(format!("{bytes} bytes, xxh3 {:016x}", hash.digest()))
}
