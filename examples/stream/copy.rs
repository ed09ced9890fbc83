//! A file copy between two processes, either of which may be killed and started again at any moment.
//!
//! ```text
//!            chunk 0   chunk 1   chunk 2   chunk 3   chunk 4
//!   OUT      █████████ █████████ ░░░░░░░░░
//!   ring                         █████████ █████████
//!   FILE     █████████ █████████ █████████ █████████ █████████
//!                                ▲                   ▲
//!              consumer's position                   producer's position
//! ```
//! Both positions are in the ring, count cells of 64 bytes since it was made, and outlive whoever holds the seat.
//! A chunk is a whole number of cells and the ring a whole number of chunks, so there are no pads, and position times 64
//! is a place in the file. A new sender reads FILE from there on. A new receiver finds the records that the old one
//! had not released, and writes them to where they belong; a record is released only *after* it was written, so at
//! worst the same bytes are written to the same place twice.
//!
//! The sender leaves its seat when all is in the ring, and in no other case: the receiver tells that from a death, after
//! which it waits. So a sender may be done before any receiver comes. The receiver removes the ring when it is done.
//!
//! What it asks of you: a side that was killed is started again with the same words, and FILE stays as it is. A side that
//! has printed its last line is done, and need not be started again unless the other still waits for it.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::mem::ManuallyDrop;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use ringway::spsc::{Producer, Ring};
use ringway::{Departure, Options, PopError, PushError, Role};
use xxhash_rust::xxh3::Xxh3;

use crate::{CHUNK, RING, Result};

/// Positions count cells.
const CELL: u64 = ringway::ringway::CELL as u64;
/// How long a side waits for another to come before it looks around.
const WHILE: Duration = Duration::from_secs(1);

pub fn send(name: &str, path: &Path) -> Result<()> {
    let mut file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let len = file.metadata()?.len();
    let job = format!("{len} bytes, {:?}", path.file_name().unwrap_or_default());
    let ring = join(name, &job)?;
    check_same_job(&ring, &job)?;

    // Only who has sent it all may leave. However else this process ends, it must look like the death that it is.
    let mut tx = ManuallyDrop::new(ring.producer()?);
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
    drop(ManuallyDrop::into_inner(tx));
    Ok(())
}

pub fn receive(name: &str, path: &Path) -> Result<()> {
    let mut rx = join(name, &path.display().to_string())?.consumer()?;
    let out = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let out = out.map_err(|error| format!("{}: {error}", path.display()))?;
    resume(&out, rx.position() * CELL)?;

    let mut own = vec![0; CHUNK];
    let mut told = None;
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
            PopError::Closed(Departure::Left) => break,
            PopError::Closed(Departure::Died) => {
                if told.replace(offset) != Some(offset) {
                    eprintln!("the sender died at {offset} bytes; waiting for it to be started again");
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

/// Either side may come first.
fn join(name: &str, label: &str) -> Result<Ring<[u8]>> {
    let ring = Ring::<[u8]>::open_or_create(name, &Options::new().capacity(RING).label(label))?;
    if ring.capacity() % CHUNK != 0 {
        return Err(format!("ring `{name}` was not made by this example; use another name").into());
    }
    Ok(ring)
}

/// Refuses to go on in the middle of another file's copy.
fn check_same_job(ring: &Ring<[u8]>, job: &str) -> Result<()> {
    let Some(before) = ring.presence(Role::Producer).identity() else { return Ok(()) };
    let before = before.label.to_string();
    // A label is cut to 64 bytes, and may be shorter still if its writer was killed while it wrote.
    if job.starts_with(&before) {
        return Ok(());
    }
    let path = ring.path().display();
    Err(format!(
        "another file is being copied ({before}); use another name, or remove {path} to give that up"
    )
    .into())
}

/// Makes OUT what it was when the last receiver stopped, or empty if there was none.
fn resume(out: &File, received: u64) -> Result<()> {
    if received == 0 {
        return Ok(out.set_len(0)?);
    }
    // The last chunk need not fill its last cell.
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

/// Sends a chunk; waits for a receiver if there is none.
fn push(tx: &mut Producer<[u8]>, chunk: &[u8]) -> Result<()> {
    let mut told = false;
    loop {
        match tx.push(chunk) {
            Err(PushError::Closed(how)) => {
                if !told {
                    let sent = tx.position() * CELL;
                    eprintln!(
                        "the receiver {how} and {sent} bytes are sent; waiting for it to be started again"
                    );
                    told = true;
                }
                tx.wait_for_consumer(WHILE);
            }
            other => return Ok(other?),
        }
    }
}

/// The next bytes of `file`, as many as a chunk has unless it ends before; false if there are none.
fn read_chunk(file: &mut File, chunk: &mut Vec<u8>) -> Result<bool> {
    chunk.clear();
    Ok(file.take(CHUNK as u64).read_to_end(chunk)? > 0)
}

/// What a whole file holds. Read again from the start: whoever was killed knows no checksum of what came before.
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
