//! A pipe: two system calls for each message, and the kernel between the two sides. The one that all others are held against.
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;

use zerocopy::{FromZeros, IntoBytes};

use crate::cell::{self, Cell, MORE_ROOM, Processes};
use crate::drive::{BytePeer, ByteRx, ByteTx, Peer, Result, Rx, Shape, Tx, Words, sum_of};

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Processes, Pipe, Words<1>>(list, "pipe");
    cell::typed::<Processes, Pipe, Words<7>>(list, "pipe");
    cell::typed::<Processes, Pipe, Words<8>>(list, "pipe");
    cell::typed::<Processes, Pipe, Words<32>>(list, "pipe");
    cell::batch::<Processes, Pipe, Words<1>>(list, "pipe");
    cell::batch::<Processes, Pipe, Words<7>>(list, "pipe");
    cell::batch::<Processes, Pipe, Words<8>>(list, "pipe");
    cell::copy::<Processes, Pipe>(list, "pipe");
    let roomy = format!("pipe{MORE_ROOM}");
    roomy_of::<1>(list, &roomy);
    roomy_of::<7>(list, &roomy);
    roomy_of::<8>(list, &roomy);
    cell::copy::<Processes, Pipe<MOST>>(list, &roomy);
}

fn roomy_of<const N: usize>(list: &mut Vec<Cell>, name: &str) {
    cell::stream::<Processes, Pipe<MOST>, Words<N>>(list, name, 1024);
    cell::batch::<Processes, Pipe<MOST>, Words<N>>(list, name);
}

/// With the room that a pipe has by default, 64 KiB.
const DEFAULT: libc::c_int = 0;
/// With as much as anybody may ask for, unless the system was set up otherwise.
const MOST: libc::c_int = 1 << 20;

struct Pipe<const ROOM: libc::c_int = DEFAULT>(Option<PipeReader>, Option<PipeWriter>);
struct Writes(PipeWriter);
struct Reads {
    from: PipeReader,
    record: Vec<u8>,
}

impl<const ROOM: libc::c_int> Pipe<ROOM> {
    fn new() -> Result<Self> {
        let (reader, writer) = pipe()?;
        // SAFETY: a pipe of this function's, and a number.
        if ROOM != DEFAULT && unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, ROOM) } < ROOM {
            return Err(format!("no pipe of {ROOM} bytes: {}", io::Error::last_os_error()).into());
        }
        Ok(Self(Some(reader), Some(writer)))
    }
    fn writes(&mut self) -> Result<Writes> {
        Ok(Writes(self.1.take().ok_or("a pipe has one writer here")?))
    }
    fn reads(&mut self) -> Result<Reads> {
        Ok(Reads { from: self.0.take().ok_or("a pipe has one reader here")?, record: vec![1; 4096] })
    }
}

impl<const N: usize, const ROOM: libc::c_int> Peer<Words<N>> for Pipe<ROOM> {
    type Tx = Writes;
    type Rx = Reads;
    fn make(_: &Shape) -> Result<Self> {
        Self::new()
    }
    fn tx(&mut self) -> Result<Writes> {
        self.writes()
    }
    fn rx(&mut self) -> Result<Reads> {
        self.reads()
    }
}

impl Writes {
    #[inline(always)]
    fn all(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap_or_else(|error| panic!("pipe: {error}"));
    }
}

impl<const N: usize> Tx<Words<N>> for Writes {
    fn try_send(&mut self, message: &Words<N>) -> bool {
        self.all(message.as_bytes());
        true
    }
    fn try_send_batch(&mut self, messages: &[Words<N>]) -> usize {
        self.all(messages.as_bytes());
        messages.len()
    }
}

impl<const N: usize> Rx<Words<N>> for Reads {
    fn try_recv(&mut self) -> Option<Words<N>> {
        let mut message = Words::new_zeroed();
        self.from.read_exact(message.as_mut_bytes()).unwrap_or_else(|error| panic!("pipe: {error}"));
        Some(message)
    }
    fn try_recv_batch(&mut self, limit: usize, each: impl FnMut(&Words<N>)) -> usize {
        let mut messages = [Words::<N>::new_zeroed(); 64];
        let some = &mut messages[..limit.min(64)];
        self.from.read_exact(some.as_mut_bytes()).unwrap_or_else(|error| panic!("pipe: {error}"));
        some.iter().for_each(each);
        some.len()
    }
}

impl<const ROOM: libc::c_int> BytePeer for Pipe<ROOM> {
    type Tx = Writes;
    type Rx = Reads;
    fn make(_: &Shape) -> Result<Self> {
        Self::new()
    }
    fn tx(&mut self) -> Result<Writes> {
        self.writes()
    }
    fn rx(&mut self) -> Result<Reads> {
        self.reads()
    }
}

impl ByteTx for Writes {
    fn try_send(&mut self, record: &[u8]) -> bool {
        self.all(record);
        true
    }
}

impl ByteRx for Reads {
    fn try_recv(&mut self) -> Option<u64> {
        // Records of one length: both sides know it, as with any pipe.
        self.from.read_exact(&mut self.record).unwrap_or_else(|error| panic!("pipe: {error}"));
        Some(sum_of(&self.record))
    }
}
