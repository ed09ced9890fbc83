//! What every peer is driven through, so that all do the same work: whole messages written, whole messages read.
use std::hint::spin_loop;
use std::marker::PhantomData;

pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// What is sent: words, all of which are written by who sends and read by who receives.
pub trait Message: Copy + Send + Sync + 'static {
    /// In bytes.
    const LEN: usize;
    /// A message whose every word depends on `number`.
    fn new(number: u64) -> Self;
    /// The sum of all words.
    fn sum(&self) -> u64;
}

/// `N` words, aligned as words are.
#[derive(Clone, Copy, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable)]
#[repr(transparent)]
pub struct Words<const N: usize>(pub [u64; N]);

/// `N` words that begin on a cache line: what a user who knows of false sharing gives to a ring that does not align.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Aligned<const N: usize>(pub [u64; N]);

macro_rules! message {
    ($name:ident) => {
        impl<const N: usize> Message for $name<N> {
            const LEN: usize = 8 * N;
            #[inline(always)]
            fn new(number: u64) -> Self {
                Self(std::array::from_fn(|at| number.wrapping_add(at as u64)))
            }
            #[inline(always)]
            fn sum(&self) -> u64 {
                self.0.iter().fold(0, |sum, word| sum.wrapping_add(*word))
            }
        }
    };
}
message!(Words);
message!(Aligned);

/// What is to be made.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Unique to this run; for whatever has to have a name.
    pub name: String,
    /// In messages.
    pub capacity: usize,
    pub producers: usize,
}

/// How the two sides are held on their cores while they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// One core each, and nobody else on them (`SCHED_FIFO`, if that is permitted).
    Firm,
    /// One core each, beside whatever else runs there.
    Pinned,
    /// Anywhere.
    Free,
}

impl Hold {
    /// In the same place, but in no hurry.
    pub fn calm(self) -> Self {
        if self == Self::Firm { Self::Pinned } else { self }
    }
}

/// A way from some senders to one receiver.
///
/// Between threads: made, all ends taken, each moved to its thread. Between processes: made, then the process forks,
/// and each end is taken in the process that uses it. So what cannot pass a fork is made in `tx` and `rx`.
pub trait Peer<M>: Sized {
    /// [`Hold::Free`] for peers that have threads or processes of their own, which need a core too.
    const HOLD: Hold = Hold::Firm;
    /// Whether its system calls are counted where they are made: see `waiting::links`.
    const COUNTS: bool = false;
    type Tx: Tx<M>;
    type Rx: Rx<M>;
    fn make(shape: &Shape) -> Result<Self>;
    /// Once for each producer.
    fn tx(&mut self) -> Result<Self::Tx>;
    fn rx(&mut self) -> Result<Self::Rx>;
}

pub trait Tx<M> {
    /// Whether it was taken: false if there is no room now.
    fn try_send(&mut self, message: &M) -> bool;

    /// As many of the first as there is room for, in one operation where the peer has one; how many.
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        messages.iter().take_while(|message| self.try_send(message)).count()
    }

    /// Waits for room: as the peer itself waits if it does, else by trying again at once.
    #[inline(always)]
    fn send(&mut self, message: &M, idle: &mut impl Idle) {
        while !self.try_send(message) {
            idle.idle();
        }
        idle.busy(1);
    }
}

pub trait Rx<M> {
    fn try_recv(&mut self) -> Option<M>;

    /// Up to `limit`, in one operation where the peer has one; how many.
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&M)) -> usize {
        let mut taken = 0;
        while taken < limit
            && let Some(message) = self.try_recv()
        {
            each(&message);
            taken += 1;
        }
        taken
    }

    #[inline(always)]
    fn recv(&mut self, idle: &mut impl Idle) -> M {
        loop {
            if let Some(message) = self.try_recv() {
                idle.busy(1);
                return message;
            }
            idle.idle();
        }
    }
}

/// A way for records of bytes from one sender to one receiver; made and taken as a [`Peer`]. `capacity` is in bytes.
pub trait BytePeer: Sized {
    /// As [`Peer::HOLD`].
    const HOLD: Hold = Hold::Firm;
    type Tx: ByteTx;
    type Rx: ByteRx;
    fn make(shape: &Shape) -> Result<Self>;
    fn tx(&mut self) -> Result<Self::Tx>;
    fn rx(&mut self) -> Result<Self::Rx>;
}

pub trait ByteTx {
    /// Sends a copy of it; false if there is no room now.
    fn try_send(&mut self, record: &[u8]) -> bool;
    /// Sends `len` bytes made in place, of which only the first word is written. Peers that only copy have none.
    fn try_send_in_place(&mut self, len: usize, first: u64) -> bool {
        let _ = (len, first);
        unreachable!("not registered for this work")
    }
}

pub trait ByteRx {
    /// Takes one record, all of whose words are read: their sum.
    fn try_recv(&mut self) -> Option<u64>;
    /// Takes one record, of which only the first word is read.
    fn try_recv_in_place(&mut self) -> Option<u64> {
        unreachable!("not registered for this work")
    }
}

/// The sum of all words of `bytes`; a rest shorter than a word is left out.
#[inline(always)]
pub fn sum_of(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(0, |sum, word| sum.wrapping_add(u64::from_ne_bytes(*word)))
}

/// What to do between two attempts of a peer that only tries.
pub trait Idle {
    fn idle(&mut self);
    /// So many messages came.
    fn busy(&mut self, _messages: u32) {}
}

/// Tries again at once: each side has a core.
#[derive(Default)]
pub struct Again;
impl Idle for Again {
    #[inline(always)]
    fn idle(&mut self) {}
}

/// Pauses, and gives the core away after 64 pauses: there may be more threads than cores.
#[derive(Default)]
pub struct PauseThenYield(u32);
impl Idle for PauseThenYield {
    #[inline(always)]
    fn idle(&mut self) {
        self.0 += 1;
        if self.0.is_multiple_of(64) { std::thread::yield_now() } else { spin_loop() }
    }
    #[inline(always)]
    fn busy(&mut self, _messages: u32) {
        self.0 = 0;
    }
}

/// Pauses at each look that finds nothing.
#[derive(Default)]
pub struct Pause;
impl Idle for Pause {
    #[inline(always)]
    fn idle(&mut self) {
        spin_loop();
    }
}

/// Who has caught up holds back once, before it looks again: a pause for each of the first eight messages that came since it last did, and
/// for each eight of many, up to 32. So does our receiver of its own accord, and the sender has its lines to itself for a while.
#[derive(Default)]
pub struct HoldBack(u32);
impl Idle for HoldBack {
    #[inline(always)]
    fn idle(&mut self) {
        let taken = std::mem::take(&mut self.0);
        (0..taken.min(8).max((taken / 8).min(32))).for_each(|_| spin_loop());
    }
    #[inline(always)]
    fn busy(&mut self, messages: u32) {
        self.0 = self.0.wrapping_add(messages);
    }
}

/// Who has caught up stays away for so many pauses, about a microsecond or more: the sender is alone with its lines most of the time.
/// No ring that is asked for a message would do so; it is the most that a stream can do.
#[derive(Default)]
pub struct Rest(bool);
impl Rest {
    const PAUSES: u32 = 100;
}
impl Idle for Rest {
    #[inline(always)]
    fn idle(&mut self) {
        if std::mem::take(&mut self.0) {
            (0..Self::PAUSES).for_each(|_| spin_loop());
        }
    }
    #[inline(always)]
    fn busy(&mut self, _messages: u32) {
        self.0 = true;
    }
}

/// A peer that only tries, whose receiver idles in this way after each look that finds nothing. Its sender is what it was.
pub struct Idling<P, I>(P, PhantomData<fn() -> I>);
pub struct IdlingRx<R, I> {
    rx: R,
    idle: I,
}

impl<M, P: Peer<M>, I: Idle + Default + Send + 'static> Peer<M> for Idling<P, I> {
    const HOLD: Hold = P::HOLD;
    type Tx = P::Tx;
    type Rx = IdlingRx<P::Rx, I>;
    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(P::make(shape)?, PhantomData))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(IdlingRx { rx: self.0.rx()?, idle: I::default() })
    }
}

impl<M, R: Rx<M>, I: Idle> Rx<M> for IdlingRx<R, I> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        let message = self.rx.try_recv();
        if message.is_some() {
            self.idle.busy(1)
        } else {
            self.idle.idle()
        }
        message
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, each: impl FnMut(&M)) -> usize {
        let taken = self.rx.try_recv_batch(limit, each);
        match taken {
            0 => self.idle.idle(),
            _ => self.idle.busy(taken as u32),
        }
        taken
    }
}

impl<P: BytePeer, I: Idle + Default + Send + 'static> BytePeer for Idling<P, I> {
    const HOLD: Hold = P::HOLD;
    type Tx = P::Tx;
    type Rx = IdlingRx<P::Rx, I>;
    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(P::make(shape)?, PhantomData))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(IdlingRx { rx: self.0.rx()?, idle: I::default() })
    }
}

impl<R: ByteRx, I: Idle> ByteRx for IdlingRx<R, I> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        let sum = self.rx.try_recv();
        if sum.is_some() {
            self.idle.busy(1)
        } else {
            self.idle.idle()
        }
        sum
    }
    #[inline(always)]
    fn try_recv_in_place(&mut self) -> Option<u64> {
        let first = self.rx.try_recv_in_place();
        if first.is_some() {
            self.idle.busy(1)
        } else {
            self.idle.idle()
        }
        first
    }
}

/// The ends of a peer that makes both at once, until they are taken.
pub struct Ends<T, R> {
    tx: Option<T>,
    rx: Option<R>,
    /// Senders still to be taken.
    senders: usize,
}

impl<T, R> Ends<T, R> {
    pub fn new((tx, rx): (T, R), senders: usize) -> Self {
        Self { tx: Some(tx), rx: Some(rx), senders }
    }

    /// The last sender is the first one itself; those before it are copies.
    pub fn tx(&mut self, copy: impl FnOnce(&T) -> Option<T>) -> Result<T> {
        self.senders = self.senders.checked_sub(1).ok_or("all senders are taken")?;
        let tx = if self.senders == 0 { self.tx.take() } else { self.tx.as_ref().and_then(copy) };
        Ok(tx.ok_or("this peer has no further sender")?)
    }

    pub fn rx(&mut self) -> Result<R> {
        Ok(self.rx.take().ok_or("the receiver is taken")?)
    }
}
