//! What the kernel has for processes: sockets of several kinds, and the POSIX message queue. Both sides wait there. The
//! capacity asked for is not theirs to give: sockets have the buffers that the system gives by default,
//! and in a second form larger ones.
use std::ffi::CString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use zerocopy::IntoBytes;

use super::memory::Plain;
use crate::cell::{self, Cell, Processes};
use crate::drive::{BytePeer, ByteRx, ByteTx, Ends, Peer, Result, Rx, Shape, Tx, Words, sum_of};

pub fn cells(list: &mut Vec<Cell>) {
    streams::<UnixStream>(list, "Unix stream");
    streams::<TcpStream>(list, "TCP loopback");
    packets::<SeqPacket>(list, "Unix seqpacket");
    roomy::<Streaming<Roomy<UnixStream>>>(list, "Unix stream");
    roomy::<Streaming<Roomy<TcpStream>>>(list, "TCP loopback");
    roomy::<Packet<Roomy<SeqPacket>>>(list, "Unix seqpacket");
    packets::<Queue>(list, "POSIX message queue");
}

fn streams<S: Stream>(list: &mut Vec<Cell>, name: &str) {
    cell::stream::<Processes, Streaming<S>, Words<1>>(list, name, 1024);
    cell::stream::<Processes, Streaming<S>, Words<8>>(list, name, 1024);
    cell::trip::<Processes, Streaming<S>, Words<1>>(list, name);
    cell::trip::<Processes, Streaming<S>, Words<8>>(list, name);
    cell::batch::<Processes, Streaming<S>, Words<8>>(list, name);
    cell::copy::<Processes, Streaming<S>>(list, name);
}

fn packets<P: Packets>(list: &mut Vec<Cell>, name: &str) {
    cell::stream::<Processes, Packet<P>, Words<1>>(list, name, 1024);
    cell::stream::<Processes, Packet<P>, Words<8>>(list, name, 1024);
    cell::trip::<Processes, Packet<P>, Words<1>>(list, name);
    cell::trip::<Processes, Packet<P>, Words<8>>(list, name);
    cell::copy::<Processes, Packet<P>>(list, name);
}

/// With more room than the system gives by default, which matters one way only.
fn roomy<P: Peer<Words<1>> + Peer<Words<8>> + BytePeer + 'static>(list: &mut Vec<Cell>, name: &str) {
    let name = format!("{name}, larger buffers");
    cell::stream::<Processes, P, Words<1>>(list, &name, 1024);
    cell::stream::<Processes, P, Words<8>>(list, &name, 1024);
    cell::copy::<Processes, P>(list, &name);
}

/// A socket with buffers of 1 MiB, or as much as the system permits.
pub struct Roomy<S>(S);

impl<S: AsRawFd> Roomy<S> {
    fn new(socket: S) -> io::Result<Self> {
        let room: libc::c_int = 1 << 20;
        let set = |what| {
            let (level, len) = (libc::SOL_SOCKET, size_of_val(&room) as libc::socklen_t);
            // SAFETY: a socket, and a number on the stack.
            unsafe { libc::setsockopt(socket.as_raw_fd(), level, what, (&raw const room).cast(), len) == 0 }
        };
        // Beyond the system's limit, if that is permitted; else up to it.
        let all = [(libc::SO_SNDBUFFORCE, libc::SO_SNDBUF), (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF)];
        let is_set = all.into_iter().all(|(force, ask)| set(force) || set(ask));
        if is_set { Ok(Self(socket)) } else { Err(io::Error::last_os_error()) }
    }
}

impl<S: Read> Read for Roomy<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl<S: Write> Write for Roomy<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Stream + AsRawFd> Stream for Roomy<S> {
    fn pair() -> io::Result<(Self, Self)> {
        let (near, far) = S::pair()?;
        Ok((Self::new(near)?, Self::new(far)?))
    }
}

impl Packets for Roomy<SeqPacket> {
    fn pair(name: &str, len: usize, capacity: usize) -> Result<(Self, Self)> {
        let (near, far) = SeqPacket::pair(name, len, capacity)?;
        let (near, far) = (Roomy::new(near.0)?, Roomy::new(far.0)?);
        Ok((Self(SeqPacket(near.0)), Self(SeqPacket(far.0))))
    }
    fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        self.0.send(packet)
    }
    fn recv(&mut self, packet: &mut [u8]) -> io::Result<usize> {
        self.0.recv(packet)
    }
}

/// The one length of records of bytes: what receives has to know it, as a stream has no limits between them.
const RECORD: usize = 4096;

const GONE: &str = "the other side of the socket is there";

// ---- Streams of bytes

pub trait Stream: Read + Write + Sized + 'static {
    fn pair() -> io::Result<(Self, Self)>;
}

impl Stream for UnixStream {
    fn pair() -> io::Result<(Self, Self)> {
        UnixStream::pair()
    }
}

impl Stream for TcpStream {
    fn pair() -> io::Result<(Self, Self)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        let (far, _) = listener.accept()?;
        // Else small messages would be held back for a while.
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        Ok((near, far))
    }
}

pub struct Streaming<S>(Ends<S, S>);
pub struct StreamTx<S>(S);
pub struct StreamRx<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: Stream> Streaming<S> {
    fn new(shape: &Shape) -> Result<Self> {
        Ok(Self(Ends::new(S::pair()?, shape.producers)))
    }
    fn take_tx(&mut self) -> Result<StreamTx<S>> {
        // One only: of several the bytes would mix.
        Ok(StreamTx(self.0.tx(|_| None)?))
    }
    fn take_rx(&mut self, buffer: usize) -> Result<StreamRx<S>> {
        Ok(StreamRx { stream: self.0.rx()?, buffer: vec![0; buffer] })
    }
}

impl<M: Plain, S: Stream> Peer<M> for Streaming<S> {
    type Tx = StreamTx<S>;
    type Rx = StreamRx<S>;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.take_tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.take_rx(64 * M::LEN)
    }
}

impl<S: Stream> BytePeer for Streaming<S> {
    type Tx = StreamTx<S>;
    type Rx = StreamRx<S>;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.take_tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.take_rx(RECORD)
    }
}

impl<M: Plain, S: Stream> Tx<M> for StreamTx<S> {
    /// Waits for room.
    fn try_send(&mut self, message: &M) -> bool {
        self.0.write_all(message.as_bytes()).expect(GONE);
        true
    }
    /// In one call, as long as there is room for all.
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        self.0.write_all(messages.as_bytes()).expect(GONE);
        messages.len()
    }
}

impl<M: Plain, S: Stream> Rx<M> for StreamRx<S> {
    /// Waits for it.
    fn try_recv(&mut self) -> Option<M> {
        let mut message = M::new_zeroed();
        self.stream.read_exact(message.as_mut_bytes()).expect(GONE);
        Some(message)
    }
    /// As much as there is in one call, and what may be missing of the last message in a second one.
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&M)) -> usize {
        let limit = (limit * M::LEN).min(self.buffer.len());
        let got = self.stream.read(&mut self.buffer[..limit]).expect(GONE);
        assert_ne!(got, 0, "{GONE}");
        let whole = got.next_multiple_of(M::LEN);
        self.stream.read_exact(&mut self.buffer[got..whole]).expect(GONE);
        for message in self.buffer[..whole].chunks_exact(M::LEN) {
            each(&M::read_from_bytes(message).expect("so many bytes are a message"));
        }
        whole / M::LEN
    }
}

impl<S: Stream> ByteTx for StreamTx<S> {
    fn try_send(&mut self, record: &[u8]) -> bool {
        assert_eq!(record.len(), RECORD, "the receiver expects records of this length");
        self.0.write_all(record).expect(GONE);
        true
    }
}

impl<S: Stream> ByteRx for StreamRx<S> {
    fn try_recv(&mut self) -> Option<u64> {
        self.stream.read_exact(&mut self.buffer).expect(GONE);
        Some(sum_of(&self.buffer))
    }
}

// ---- Packets

/// Sends and receives whole packets; waits for room, and for them.
pub trait Packets: Sized + 'static {
    /// For packets up to `len`, of which `capacity` are under way if that can be had.
    fn pair(name: &str, len: usize, capacity: usize) -> Result<(Self, Self)>;
    fn send(&mut self, packet: &[u8]) -> io::Result<()>;
    fn recv(&mut self, packet: &mut [u8]) -> io::Result<usize>;
}

pub struct SeqPacket(File);

impl Packets for SeqPacket {
    fn pair(_: &str, _: usize, _: usize) -> Result<(Self, Self)> {
        let mut ends = [0; 2];
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        // SAFETY: room for two descriptors.
        if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
            return Err(format!("no sockets to be had: {}", io::Error::last_os_error()).into());
        }
        // SAFETY: both were just made, and nobody else owns them.
        let [near, far] = ends.map(|end| unsafe { File::from_raw_fd(end) });
        Ok((Self(near), Self(far)))
    }
    fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        // A packet goes whole or not at all.
        self.0.write(packet).map(drop)
    }
    fn recv(&mut self, packet: &mut [u8]) -> io::Result<usize> {
        self.0.read(packet)
    }
}

/// The queue's descriptor; its name is gone as soon as it is made.
pub struct Queue(OwnedFd);

impl Packets for Queue {
    fn pair(name: &str, len: usize, capacity: usize) -> Result<(Self, Self)> {
        let name = CString::new(format!("/{name}"))?;
        // Queues count against a limit of this process's user: it is raised as far as it may be.
        let all = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: a limit to read from. If it is refused, a smaller queue is made below.
        unsafe { libc::setrlimit(libc::RLIMIT_MSGQUEUE, &raw const all) };
        let queue = halves(capacity).find_map(|capacity| match open(&name, len, capacity) {
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EMFILE | libc::ENOMEM)) =>
            {
                None
            }
            done => Some(done),
        });
        let queue = queue.ok_or("no message queue to be had, of whatever capacity")??;
        Ok((Self(queue.try_clone()?), Self(queue)))
    }
    fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        // SAFETY: a queue, and bytes to read.
        let sent = unsafe { libc::mq_send(self.0.as_raw_fd(), packet.as_ptr().cast(), packet.len(), 0) };
        if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
    fn recv(&mut self, packet: &mut [u8]) -> io::Result<usize> {
        let into = packet.as_mut_ptr().cast();
        // SAFETY: a queue, and room for so many bytes.
        let got = unsafe { libc::mq_receive(self.0.as_raw_fd(), into, packet.len(), std::ptr::null_mut()) };
        usize::try_from(got).map_err(|_| io::Error::last_os_error())
    }
}

/// It, its half, and so on down to one.
fn halves(number: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(number), |number| Some(number / 2)).take_while(|number| *number > 0)
}

/// Makes a queue without a name.
fn open(name: &CString, len: usize, capacity: usize) -> io::Result<OwnedFd> {
    // SAFETY: numbers, of which zero is a value.
    let mut shape: libc::mq_attr = unsafe { std::mem::zeroed() };
    shape.mq_maxmsg = capacity as libc::c_long;
    shape.mq_msgsize = len as libc::c_long;
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC;
    // SAFETY: a string that ends with zero, and a shape, for a queue that is to be made.
    let queue = unsafe { libc::mq_open(name.as_ptr(), flags, 0o600 as libc::mode_t, &raw mut shape) };
    if queue < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a string that ends with zero. It has to be there, as it was just made.
    unsafe { libc::mq_unlink(name.as_ptr()) };
    // SAFETY: here a queue is a descriptor, just made, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(queue) })
}

pub struct Packet<P>(Ends<P, P>);
pub struct PacketTx<P>(P);
pub struct PacketRx<P> {
    packets: P,
    buffer: Vec<u8>,
}

impl<P: Packets> Packet<P> {
    fn new(shape: &Shape, len: usize, capacity: usize) -> Result<Self> {
        Ok(Self(Ends::new(P::pair(&shape.name, len, capacity)?, shape.producers)))
    }
    fn take_tx(&mut self) -> Result<PacketTx<P>> {
        Ok(PacketTx(self.0.tx(|_| None)?))
    }
    fn take_rx(&mut self, len: usize) -> Result<PacketRx<P>> {
        Ok(PacketRx { packets: self.0.rx()?, buffer: vec![0; len] })
    }
}

impl<M: Plain, P: Packets> Peer<M> for Packet<P> {
    type Tx = PacketTx<P>;
    type Rx = PacketRx<P>;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape, M::LEN, shape.capacity)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.take_tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.take_rx(M::LEN)
    }
}

impl<P: Packets> BytePeer for Packet<P> {
    type Tx = PacketTx<P>;
    type Rx = PacketRx<P>;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape, RECORD, shape.capacity / RECORD)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.take_tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.take_rx(RECORD)
    }
}

impl<P: Packets> PacketTx<P> {
    fn send(&mut self, packet: &[u8]) {
        again(|| self.0.send(packet)).expect(GONE);
    }
}

impl<P: Packets> PacketRx<P> {
    fn recv(&mut self) -> &[u8] {
        let got = again(|| self.packets.recv(&mut self.buffer)).expect(GONE);
        assert_eq!(got, self.buffer.len(), "a packet arrives whole");
        &self.buffer
    }
}

/// Once more if a signal came in between.
fn again<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

impl<M: Plain, P: Packets> Tx<M> for PacketTx<P> {
    /// Waits for room.
    fn try_send(&mut self, message: &M) -> bool {
        self.send(message.as_bytes());
        true
    }
}

impl<M: Plain, P: Packets> Rx<M> for PacketRx<P> {
    /// Waits for it.
    fn try_recv(&mut self) -> Option<M> {
        M::read_from_bytes(self.recv()).ok()
    }
}

impl<P: Packets> ByteTx for PacketTx<P> {
    fn try_send(&mut self, record: &[u8]) -> bool {
        self.send(record);
        true
    }
}

impl<P: Packets> ByteRx for PacketRx<P> {
    fn try_recv(&mut self) -> Option<u64> {
        Some(sum_of(self.recv()))
    }
}
