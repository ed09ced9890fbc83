//! Who waits by itself: our rings by their waiting calls, and what the kernel has.
//!
//! Here a peer's `recv` sleeps when there is nothing, and `send` wakes it. For the peers that only try see `peers`.
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::marker::PhantomData;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

use ringway::ends::{self, Item, Kind};
use ringway::spsc::{self, Spsc};
use ringway::{Options, PopError, PushError};
use zerocopy::IntoBytes;

use crate::drive::*;
use crate::place::{self, Shared, Zeroed};

// ---- Our rings

/// A ring of items. `WAITS`: by its waiting calls, else by trying again.
pub struct Items<const WAITS: bool, M: Item = Words<8>, K: Kind = Spsc> {
    name: String,
    is: PhantomData<fn(M, K)>,
}

impl<const WAITS: bool, M: Message + Item, K: Kind> Peer<M> for Items<WAITS, M, K> {
    type Tx = ItemsTx<WAITS, M, K>;
    type Rx = ItemsRx<WAITS, M, K>;

    fn make(shape: &Shape) -> Result<Self> {
        let options = Options::new().capacity(shape.capacity).producers(shape.producers);
        ends::Ring::<K, M>::create(&shape.name, &options)?;
        Ok(Self { name: shape.name.clone(), is: PhantomData })
    }
    /// Opened anew: an end belongs to the process that opened its ring.
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(ItemsTx(ends::Ring::open(&self.name)?.producer()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(ItemsRx(ends::Ring::open(&self.name)?.consumer()?))
    }
}

impl<const WAITS: bool, M: Item, K: Kind> Drop for Items<WAITS, M, K> {
    fn drop(&mut self) {
        // Gone already: nothing to tidy up.
        let _ = ends::Ring::<K, M>::unlink(&self.name);
    }
}

pub struct ItemsTx<const WAITS: bool, M: Item, K: Kind>(ends::Producer<K, M>);
pub struct ItemsRx<const WAITS: bool, M: Item, K: Kind>(ends::Consumer<K, M>);

#[cold]
fn lost(error: impl std::fmt::Display) -> ! {
    panic!("a ring of ours failed: {error}")
}

impl<const WAITS: bool, M: Message + Item, K: Kind> Tx<M> for ItemsTx<WAITS, M, K> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        match self.0.try_push(message) {
            Ok(()) => true,
            Err(PushError::Full) => false,
            Err(error) => lost(error),
        }
    }
    #[inline(always)]
    fn send(&mut self, message: &M, _: &mut impl Idle) {
        if !WAITS {
            while !self.try_send(message) {}
        } else if let Err(error) = self.0.push(message) {
            lost(error)
        }
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        match (self.0.try_push_slice(messages), messages.first()) {
            (Ok(sent), _) => sent,
            (Err(PushError::Full), Some(first)) if WAITS => {
                self.send(first, &mut Again);
                1
            }
            (Err(PushError::Full), _) => 0,
            (Err(error), _) => lost(error),
        }
    }
}

impl<const WAITS: bool, M: Message + Item, K: Kind> Rx<M> for ItemsRx<WAITS, M, K> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        match self.0.try_pop() {
            Ok(item) => Some(item),
            Err(PopError::Empty) => None,
            Err(error) => lost(error),
        }
    }
    #[inline(always)]
    fn recv(&mut self, _: &mut impl Idle) -> M {
        if WAITS {
            return self.0.pop().unwrap_or_else(|error| lost(error));
        }
        loop {
            if let Some(item) = self.try_recv() {
                return item;
            }
        }
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&M)) -> usize {
        match self.0.drain(limit, |item| each(&item)) {
            Ok(taken) => taken,
            Err(PopError::Empty) if WAITS => {
                each(&self.recv(&mut Again));
                1
            }
            Err(PopError::Empty) => 0,
            Err(error) => lost(error),
        }
    }
}

/// A ring of records: one message each, or one batch.
pub struct Records<const WAITS: bool> {
    name: String,
}

/// In messages.
const MOST: usize = 64;

impl<const WAITS: bool, M: Message + Item> Peer<M> for Records<WAITS> {
    type Tx = RecordsTx<WAITS>;
    type Rx = RecordsRx<WAITS, M>;

    fn make(shape: &Shape) -> Result<Self> {
        let options = Options::new().capacity(shape.capacity * M::LEN.next_multiple_of(spsc::CELL));
        spsc::Ring::<[u8]>::create(&shape.name, &options)?;
        Ok(Self { name: shape.name.clone() })
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(RecordsTx(spsc::Ring::open(&self.name)?.producer()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(RecordsRx { end: spsc::Ring::open(&self.name)?.consumer()?, own: vec![M::new(0); MOST] })
    }
}

impl<const WAITS: bool> Drop for Records<WAITS> {
    fn drop(&mut self) {
        // Gone already: nothing to tidy up.
        let _ = spsc::Ring::<[u8]>::unlink(&self.name);
    }
}

pub struct RecordsTx<const WAITS: bool>(spsc::Producer<[u8]>);
pub struct RecordsRx<const WAITS: bool, M> {
    end: spsc::Consumer<[u8]>,
    /// What is taken out is copied into it first.
    own: Vec<M>,
}

impl<const WAITS: bool> RecordsTx<WAITS> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) -> bool {
        match if WAITS { self.0.push(bytes) } else { self.0.try_push(bytes) } {
            Ok(()) => true,
            Err(PushError::Full) => false,
            Err(error) => lost(error),
        }
    }
}

impl<const WAITS: bool, M: Message + Item> Tx<M> for RecordsTx<WAITS> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.put(message.as_bytes())
    }
    /// One record of all of them.
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        if self.put(messages.as_bytes()) { messages.len() } else { 0 }
    }
}

impl<const WAITS: bool, M: Message + Item> Rx<M> for RecordsRx<WAITS, M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        let mut got = None;
        self.try_recv_batch(1, |message| got = Some(*message));
        got
    }
    /// One record, of whatever many messages it is.
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, each: impl FnMut(&M)) -> usize {
        let record = match if WAITS { self.end.read() } else { self.end.try_read() } {
            Ok(record) => record,
            Err(PopError::Empty) => return 0,
            Err(error) => lost(error),
        };
        let many = record.len() / M::LEN;
        assert!(many <= limit.min(MOST), "a record of {many} messages, where {limit} may be taken");
        record.payload().copy_to(self.own.as_mut_slice().as_mut_bytes());
        drop(record);
        self.own[..many].iter().for_each(each);
        many
    }
}

// ---- Through the kernel

/// A file at either end, which blocks.
pub struct Files<R, W> {
    rx: Option<R>,
    tx: Option<W>,
}

pub type Pipe = Files<PipeReader, PipeWriter>;
/// A pair of connected sockets that keep messages apart.
pub type Seqpacket = Files<File, File>;

/// What makes the two files.
pub trait Pair: Sized {
    fn pair() -> Result<Self>;
}

impl Pair for Pipe {
    fn pair() -> Result<Self> {
        let (rx, tx) = io::pipe()?;
        Ok(Self { rx: Some(rx), tx: Some(tx) })
    }
}

impl Pair for Seqpacket {
    fn pair() -> Result<Self> {
        let mut both = [0; 2];
        // SAFETY: room for two numbers.
        let made = unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0, both.as_mut_ptr()) };
        if made != 0 {
            return Err(format!("no pair of sockets: {}", io::Error::last_os_error()).into());
        }
        let [rx, tx] = both.map(|fd| {
            // SAFETY: just made, and nobody else's.
            let owned = unsafe { OwnedFd::from_raw_fd(fd) };
            Some(File::from(owned))
        });
        Ok(Self { rx, tx })
    }
}

impl<R: Read, W: Write, M: Message + Item> Peer<M> for Files<R, W>
where
    Self: Pair,
{
    type Tx = FileTx<W>;
    type Rx = FileRx<R, M>;

    fn make(_: &Shape) -> Result<Self> {
        Self::pair()
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(FileTx(self.tx.take().ok_or("there is one sender's end")?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        let file = self.rx.take().ok_or("there is one receiver's end")?;
        Ok(FileRx { file, own: vec![M::new(0); MOST] })
    }
}

pub struct FileTx<W>(W);
pub struct FileRx<R, M> {
    file: R,
    own: Vec<M>,
}

impl<W: Write, M: Message + Item> Tx<M> for FileTx<W> {
    fn try_send(&mut self, message: &M) -> bool {
        self.try_send_batch(std::slice::from_ref(message)) == 1
    }
    /// One `write`; as a pipe takes up to 4 KiB whole, and a socket any, this is all of them.
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        match self.0.write(messages.as_bytes()) {
            Ok(len) if len == size_of_val(messages) => messages.len(),
            Ok(len) => panic!("of {} bytes only {len} were written", size_of_val(messages)),
            Err(error) => panic!("cannot write: {error}"),
        }
    }
}

impl<R: Read, M: Message + Item> Rx<M> for FileRx<R, M> {
    fn try_recv(&mut self) -> Option<M> {
        let mut got = None;
        self.try_recv_batch(1, |message| got = Some(*message));
        got
    }
    fn try_recv_batch(&mut self, limit: usize, each: impl FnMut(&M)) -> usize {
        let limit = limit.min(MOST);
        match self.file.read(self.own[..limit].as_mut_bytes()) {
            Ok(0) => panic!("the sender is gone"),
            Ok(len) => {
                assert_eq!(len % M::LEN, 0, "half a message was read");
                self.own[..len / M::LEN].iter().for_each(each);
                len / M::LEN
            }
            Err(error) => panic!("cannot read: {error}"),
        }
    }
}

// ---- Shared memory without a library, and a bell

/// How who sleeps is told.
pub trait Bell: Sized + Send + Sync {
    fn make() -> Result<Self>;
    /// Something was sent: `sent` says so already.
    fn ring(&self, sent: &AtomicU32);
    /// Until something may have been sent since `sent` was `seen`.
    fn sleep(&self, sent: &AtomicU32, seen: u32);
}

/// A bare futex: woken each time, whether somebody sleeps or not.
pub struct Futex;

impl Bell for Futex {
    fn make() -> Result<Self> {
        Ok(Self)
    }
    fn ring(&self, sent: &AtomicU32) {
        // SAFETY: a word that lives as long as the reference; nothing else is passed.
        unsafe { libc::syscall(libc::SYS_futex, sent.as_ptr(), libc::FUTEX_WAKE, 1) };
    }
    fn sleep(&self, sent: &AtomicU32, seen: u32) {
        let forever = ptr::null::<libc::timespec>();
        // SAFETY: as above; no time is passed. Any outcome means: look again.
        unsafe { libc::syscall(libc::SYS_futex, sent.as_ptr(), libc::FUTEX_WAIT, seen, forever) };
    }
}

pub struct EventFd(File);

impl Bell for EventFd {
    fn make() -> Result<Self> {
        // SAFETY: numbers.
        let fd = unsafe { libc::eventfd(0, 0) };
        if fd < 0 {
            return Err(format!("no eventfd: {}", io::Error::last_os_error()).into());
        }
        // SAFETY: just made, and nobody else's.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self(File::from(owned)))
    }
    fn ring(&self, _: &AtomicU32) {
        assert_eq!((&self.0).write(&1_u64.to_ne_bytes()).ok(), Some(8), "an eventfd takes 8 bytes");
    }
    fn sleep(&self, _: &AtomicU32, _: u32) {
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

const SLOTS: u32 = 1024;
const WORDS: usize = 2;

/// Messages in shared memory, and how many were sent and taken.
#[repr(C)]
pub struct Slots {
    sent: Line<AtomicU32>,
    taken: Line<AtomicU32>,
    messages: [[AtomicU64; WORDS]; SLOTS as usize],
}
#[repr(align(128))]
struct Line<T>(T);
// SAFETY: atomics.
unsafe impl Zeroed for Slots {}

/// The least that can be made of shared memory and a bell: no crash, no lie, no full ring is thought of.
pub struct Bare<B>(Arc<(Shared<Slots>, B)>);
/// Either end: the number of the next message besides.
pub struct BareEnd<B>(Arc<(Shared<Slots>, B)>, u32);

impl<B: Bell, const N: usize> Peer<Words<N>> for Bare<B> {
    type Tx = BareEnd<B>;
    type Rx = BareEnd<B>;
    fn make(_: &Shape) -> Result<Self> {
        const { assert!(N <= WORDS) };
        Ok(Self(Arc::new((place::shared()?, B::make()?))))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(BareEnd(self.0.clone(), 0))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(BareEnd(self.0.clone(), 0))
    }
}

impl<B: Bell, const N: usize> Tx<Words<N>> for BareEnd<B> {
    fn try_send(&mut self, message: &Words<N>) -> bool {
        let (slots, bell) = &*self.0;
        // Acquire: the slot was read before it was counted.
        if self.1.wrapping_sub(slots.taken.0.load(Acquire)) == SLOTS {
            return false;
        }
        let slot = &slots.messages[(self.1 % SLOTS) as usize];
        slot.iter().zip(message.0).for_each(|(slot, word)| slot.store(word, Relaxed));
        self.1 = self.1.wrapping_add(1);
        // Release: the message is visible before its number.
        slots.sent.0.store(self.1, Release);
        bell.ring(&slots.sent.0);
        true
    }
}

impl<B: Bell, const N: usize> Rx<Words<N>> for BareEnd<B> {
    fn try_recv(&mut self) -> Option<Words<N>> {
        let slots = &self.0.0;
        // Acquire: the message is there.
        if slots.sent.0.load(Acquire) == self.1 {
            return None;
        }
        let slot = &slots.messages[(self.1 % SLOTS) as usize];
        let message = Words(std::array::from_fn(|at| slot[at].load(Relaxed)));
        self.1 = self.1.wrapping_add(1);
        // Release: read before it is counted.
        slots.taken.0.store(self.1, Release);
        Some(message)
    }
    fn recv(&mut self, _: &mut impl Idle) -> Words<N> {
        loop {
            if let Some(message) = self.try_recv() {
                return message;
            }
            self.0.1.sleep(&self.0.0.sent.0, self.1);
        }
    }
}
