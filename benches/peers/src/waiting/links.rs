//! Who waits by itself: our rings by their waiting calls, and what the kernel has.
//!
//! Here a peer's `recv` sleeps when there is nothing, and `send` wakes it. For the peers that only try see `peers`.
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};
use std::time::Duration;

use ringway::Item;
use ringway::memory::{Clock, Liveness, Memory, Park, ParkWord, SeatLock};
use ringway::memory::{Region, Span};
use ringway::ring::{self, Kind};
use ringway::spsc::{self, Spsc};
use ringway::{Identity, Mapping, Options, Pollable, PopError, PushError, Select, Selectable, WaitStrategy};
use zerocopy::IntoBytes;

use crate::drive::*;
use crate::place::{self, Shared, Zeroed};

// ---- What is asked of the kernel

/// Of this process. Not trapped, as in `cost`: that delays who sleeps. Counted where they are made, or where our rings ask their
/// memory for what it has to ask the kernel for.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// System calls of this process so far, of peers that count: see [`Peer::COUNTS`]. Not among them: `sched_yield`.
pub fn calls() -> u64 {
    CALLS.load(Relaxed)
}

fn call() {
    // Not an atomic addition: one thread of a process calls.
    CALLS.store(CALLS.load(Relaxed) + 1, Relaxed);
}

/// A segment that counts what it asks the kernel for: to sleep and to wake, barriers, locks, and how long its file is.
#[derive(Clone)]
pub struct Counting(Mapping);

impl Liveness for Counting {
    fn lock_seat(&self, seat: Span) -> std::result::Result<SeatLock, i32> {
        self.0.lock_seat(seat)
    }
    fn unlock_seat(&self, seat: Span) {
        self.0.unlock_seat(seat)
    }
    fn is_proved_dead(&self, seat: Span) -> bool {
        call();
        self.0.is_proved_dead(seat)
    }
    fn is_running(&self, who: &Identity) -> bool {
        self.0.is_running(who)
    }
    #[inline(always)]
    fn is_own_process(&self) -> bool {
        self.0.is_own_process()
    }
    fn identity(&self) -> Identity {
        self.0.identity()
    }
}

impl Park for Counting {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        call();
        self.0.park(word, expected, limit)
    }
    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        call();
        self.0.unpark(word, most)
    }
    fn register_barrier(&self) -> bool {
        self.0.register_barrier()
    }
    fn barrier(&self) -> bool {
        call();
        self.0.barrier()
    }
}

impl Clock for Counting {
    fn now(&self) -> Duration {
        self.0.now()
    }
}

// SAFETY: that of the segment; what it does is what the segment does.
unsafe impl Memory for Counting {
    fn region(&self) -> Region {
        self.0.region()
    }
    fn len_now(&self) -> u64 {
        call();
        self.0.len_now()
    }

    fn is_unlinked(&self) -> bool {
        call();
        self.0.is_unlinked()
    }
}

/// A ring of this name, in memory that counts.
fn open<K: Kind, M: Item>(name: &str) -> Result<ring::Ring<K, M, Counting>> {
    let memory = ring::Ring::<K, M>::open(name)?.memory().clone();
    Ok(ring::Ring::attach(Counting(memory))?)
}

// ---- Our rings

/// A ring of items. `WAITS`: by its waiting calls, else by trying again.
pub struct Items<const WAITS: bool, M: Item = Words<8>, K: Kind = Spsc> {
    name: String,
    is: PhantomData<fn(M, K)>,
}

impl<const WAITS: bool, M: Message + Item, K: Kind> Peer<M> for Items<WAITS, M, K> {
    const COUNTS: bool = true;
    type Tx = ItemsTx<WAITS, M, K>;
    type Rx = ItemsRx<WAITS, M, K>;

    fn make(shape: &Shape) -> Result<Self> {
        let options = Options::new().capacity(shape.capacity).max_producers(shape.producers);
        ring::Ring::<K, M>::create(&shape.name, &options)?;
        Ok(Self { name: shape.name.clone(), is: PhantomData })
    }
    /// Opened anew: an end belongs to the process that opened its ring.
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(ItemsTx(open(&self.name)?.producer()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(ItemsRx(open(&self.name)?.consumer()?))
    }
}

impl<const WAITS: bool, M: Item, K: Kind> Drop for Items<WAITS, M, K> {
    fn drop(&mut self) {
        // Gone already: nothing to tidy up.
        let _ = ring::Ring::<K, M>::unlink(&self.name);
    }
}

pub struct ItemsTx<const WAITS: bool, M: Item, K: Kind>(ring::Producer<K, M, Counting>);
pub struct ItemsRx<const WAITS: bool, M: Item, K: Kind>(ring::Consumer<K, M, Counting>);

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

/// A ring of items whose receiver waits in this way: see [`SPIN`] and [`PARK`].
pub struct By<const HOW: u8, M: Item>(Items<true, M>);
pub const SPIN: u8 = 0;
pub const PARK: u8 = 1;

impl<const HOW: u8, M: Message + Item> Peer<M> for By<HOW, M> {
    const COUNTS: bool = true;
    type Tx = ItemsTx<true, M, Spsc>;
    type Rx = ItemsRx<true, M, Spsc>;
    fn make(shape: &Shape) -> Result<Self> {
        Items::make(shape).map(Self)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        let mut rx = self.0.rx()?;
        rx.0.set_wait_strategy(if HOW == SPIN { WaitStrategy::Spin } else { WaitStrategy::Park });
        Ok(rx)
    }
}

/// Four rings, to which messages go by turns, and one who waits for all.
pub struct Four<M: Item>([Items<true, M>; 4]);
pub struct FourTx<M: Item>([ItemsTx<true, M, Spsc>; 4], usize);
pub struct FourRx<M: Item>([spsc::Consumer<M>; 4], Select);

impl<M: Message + Item> Peer<M> for Four<M> {
    type Tx = FourTx<M>;
    type Rx = FourRx<M>;
    fn make(shape: &Shape) -> Result<Self> {
        let one = |at| Items::make(&Shape { name: format!("{}-{at}", shape.name), ..shape.clone() });
        Ok(Self([one(0)?, one(1)?, one(2)?, one(3)?]))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        let [a, b, c, d] = &mut self.0;
        Ok(FourTx([a.tx()?, b.tx()?, c.tx()?, d.tx()?], 0))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        // Not those that count: a `Select` sleeps on words of memory that it knows.
        let one = |at: usize| -> Result<_> { Ok(spsc::Ring::<M>::open(&self.0[at].name)?.consumer()?) };
        Ok(FourRx([one(0)?, one(1)?, one(2)?, one(3)?], Select::new()))
    }
}

impl<M: Message + Item> Tx<M> for FourTx<M> {
    fn try_send(&mut self, message: &M) -> bool {
        let sent = self.0[self.1].try_send(message);
        self.1 = (self.1 + usize::from(sent)) % 4;
        sent
    }
}

impl<M: Message + Item> Rx<M> for FourRx<M> {
    fn try_recv(&mut self) -> Option<M> {
        let Self(ends, select) = self;
        let mut all = ends.each_mut().map(|end| end as &mut dyn Selectable);
        let found = select.try_wait(&mut all)?;
        ends[found].try_pop().ok()
    }
    fn recv(&mut self, _: &mut impl Idle) -> M {
        let Self(ends, select) = self;
        let mut all = ends.each_mut().map(|end| end as &mut dyn Selectable);
        let found = select.wait(&mut all).expect("there are four");
        ends[found].try_pop().unwrap_or_else(|error| lost(error))
    }
}

/// A ring whose receiver waits by its descriptor, in an `epoll`. Its attendant is on the receiver's core, in its hurry.
pub struct Polled<M: Item>(Items<true, M>);
pub struct PolledRx<M: Item> {
    /// Until the first message is awaited.
    end: Option<spsc::Consumer<M>>,
    polled: Option<(Pollable<Spsc, M>, OwnedFd)>,
}

impl<M: Message + Item> Peer<M> for Polled<M> {
    type Tx = ItemsTx<true, M, Spsc>;
    type Rx = PolledRx<M>;
    fn make(shape: &Shape) -> Result<Self> {
        Items::make(shape).map(Self)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(PolledRx { end: Some(spsc::Ring::open(&self.0.name)?.consumer()?), polled: None })
    }
}

impl<M: Message + Item> PolledRx<M> {
    /// Made by who is on its core already: a thread inherits that.
    fn polled(&mut self) -> &mut (Pollable<Spsc, M>, OwnedFd) {
        let end = &mut self.end;
        self.polled.get_or_insert_with(|| {
            let end =
                end.take().expect("it is made once").into_pollable().expect("a thread and a descriptor");
            let mut wanted = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
            // SAFETY: a number.
            let epoll = unsafe { libc::epoll_create1(0) };
            // SAFETY: descriptors, and an event on the stack.
            let added = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, end.as_raw_fd(), &mut wanted) };
            assert!(epoll >= 0 && added == 0, "no epoll: {}", io::Error::last_os_error());
            // SAFETY: just made, and nobody else's.
            (end, unsafe { OwnedFd::from_raw_fd(epoll) })
        })
    }
}

impl<M: Message + Item> Rx<M> for PolledRx<M> {
    fn try_recv(&mut self) -> Option<M> {
        self.polled().0.try_pop().ok()
    }
    fn recv(&mut self, _: &mut impl Idle) -> M {
        let (end, epoll) = self.polled();
        loop {
            match end.try_pop() {
                Ok(item) => return item,
                Err(PopError::Empty) => {}
                Err(error) => lost(error),
            }
            if end.arm() {
                let mut found = libc::epoll_event { events: 0, u64: 0 };
                // SAFETY: room for one event. Any outcome means: look again.
                unsafe { libc::epoll_wait(epoll.as_raw_fd(), &mut found, 1, -1) };
            }
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
        let options = Options::new().capacity(shape.capacity * M::LEN.next_multiple_of(ringway::CELL));
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
        _ = record.payload().copy_to(self.own.as_mut_slice().as_mut_bytes());
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
    const COUNTS: bool = true;
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
        call();
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
        call();
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
    const COUNTS: bool = true;
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
        call();
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
            call();
            self.0.1.sleep(&self.0.0.sent.0, self.1);
        }
    }
}
