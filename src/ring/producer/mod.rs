//! [`Producer`]: the end that puts records in.
mod bytes;
mod items;

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use crossbeam_utils::CachePadded;

use super::stall::Watch;
use super::{DefaultMemory, Kind, Message, Ring, Stall, sealed};
use crate::error::{Departure, PushError, SeatError};
use crate::identity::Role;
use crate::memory::{Clock, Memory};
use crate::ring::Produce;
use crate::seat::{Presence, Seat, presence};
use crate::wait::{self, AdaptiveSpin, WaitCondition, WaitOutcome, WaitStrategy};

/// The producer of a ring. Dropping it gives the seat back; what it published stays.
///
/// `Send`, not `Sync`: it may move to another thread, and its operations take `&mut self`.
///
/// # Examples
/// See [`Ring`](super::Ring), and each method.
pub struct Producer<K: Kind, T: Message + ?Sized, M: Memory = DefaultMemory> {
    /// On lines of its own: ends often lie side by side, and are moved on by several threads.
    pub(crate) core: CachePadded<<T as sealed::Message>::Producer<K>>,
    pub(crate) seat: Seat<M>,
    pub(crate) ring: Ring<K, T, M>,
    /// Since when the consumer is where it is.
    pub(crate) watch: Watch,
    pub(crate) patience: AdaptiveSpin,
    /// Not `Sync`.
    pub(crate) confined: PhantomData<Cell<()>>,
}

impl<K: Kind, T: Message + ?Sized, M: Memory> Producer<K, T, M> {
    /// Where the next record goes, in [cells](crate::spsc#positions) since the ring (of `lanes`: the lane) was made. It tells a
    /// restarted sender how far its predecessor came: see the `stream` example. In an `mpsc` ring, where this is for all
    /// producers to decide: where it was when this producer last looked.
    pub fn position(&self) -> u64 {
        self.core.at()
    }

    /// Who is the consumer. Asks the system, if the memory has a witness.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Presence, memory::Heap, spsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// let tx = ring.producer()?;
    /// assert_eq!(tx.consumer(), Presence::Never);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn consumer(&self) -> Presence {
        self.seat.peer()
    }

    /// Which of the producers' seats this is; always 0 where there is only one. A byte ring's consumer finds it as
    /// `Record::producer`.
    pub fn seat(&self) -> u16 {
        self.seat.index()
    }

    /// The ring that this is an end of.
    pub fn ring(&self) -> &Ring<K, T, M> {
        &self.ring
    }

    /// Takes another seat for a producer of the same ring: for another thread of this process, say.
    ///
    /// # Errors
    /// As [`Ring::producer`].
    ///
    /// # Examples
    /// See [`mpsc::Ring::required_len`](crate::mpsc::Ring#method.required_len).
    pub fn try_clone(&self) -> Result<Self, SeatError> {
        self.ring.producer()
    }

    /// Who is in the way of more room: what a [`PushError::Full`] or `Elapsed` leads to. The consumer, if it is behind; in an
    /// `mpsc` ring the producer whose unpublished record the consumer is stuck at. None if everything is released, or if the
    /// ring is corrupt, which the next operation tells.
    ///
    /// # Examples
    /// See [`Stall`].
    #[must_use = "it only tells"]
    pub fn stalled(&mut self) -> Option<Stall>
    where
        M: Clock,
    {
        self.seat.check().inspect_err(|what| self.core.give_up(*what)).ok()?;
        let behind = self.core.behind().ok().filter(|behind| *behind > 0)?;
        let since = self.watch.since(self.core.head(), self.seat.memory());
        Some(match self.core.held_by() {
            Some(seat) => {
                let who = presence(self.seat.memory(), self.ring.geometry.producer(seat.into()));
                Stall::new(Role::Producer, seat, who, behind, since)
            }
            None => Stall::new(Role::Consumer, 0, self.seat.peer(), behind, since),
        })
    }

    /// Waits until somebody sits in the consumer's seat, for `timeout` at most; whether somebody did.
    /// Somebody who came and went meanwhile counts, also if it was for a [`recover`](super::Ring::recover). If the ring's file was truncated,
    /// nobody comes any more: false at once.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, spsc::Ring};
    /// # use std::time::Duration;
    /// # let memory = Heap::new(Ring::<u32>::required_len(8));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
    /// let tx = ring.producer()?;
    /// assert!(!tx.wait_for_consumer(Duration::from_millis(5)));
    /// let rx = ring.consumer()?;
    /// assert!(tx.wait_for_consumer(Duration::from_secs(60)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_consumer(&self, timeout: Duration) -> bool
    where
        M: Clock,
    {
        super::wait_for_peer(&self.seat, timeout)
    }

    /// What this end does while there is no room and it has to wait, from now on. At first: [`WaitStrategy::Adaptive`].
    ///
    /// # Examples
    /// See [`WaitStrategy`].
    pub fn set_wait_strategy(&mut self, how: WaitStrategy) {
        self.patience = AdaptiveSpin::new(how);
    }

    /// Waits until `ready`. Without a deadline if `remaining` gives none.
    fn wait(
        &mut self,
        remaining: impl FnMut() -> Option<Duration>,
        ready: impl FnMut(&mut <T as sealed::Message>::Producer<K>) -> Result<bool, PushError>,
    ) -> Result<(), PushError> {
        let Self { core, seat, patience, .. } = self;
        let mut waiter = ForRoom { core: &mut **core, seat, ready };
        match wait::until(seat.memory(), &seat.bed(), patience, remaining, &mut waiter) {
            WaitOutcome::Ready => Ok(()),
            WaitOutcome::Gone(how) => Err(PushError::Closed(how)),
            WaitOutcome::Elapsed => Err(PushError::Elapsed),
            WaitOutcome::Failed(error) => Err(error),
        }
    }

    /// Calls `attempt` until it finds room; waits in between, until what `begin` returns says that the time is up.
    ///
    /// The waiting is apart: so who finds room is as fast as who only tries, and what is pushed can stay in registers.
    #[inline(always)]
    fn insist<R, D: FnMut() -> Option<Duration>>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<R, PushError>,
        begin: impl FnOnce(&M) -> D,
        mut ready: impl FnMut(&mut <T as sealed::Message>::Producer<K>) -> Result<bool, PushError>,
    ) -> Result<R, PushError> {
        let (mut begin, mut remaining) = (Some(begin), None);
        loop {
            match attempt(self) {
                Err(PushError::Full) => self.wait_for_room(&mut begin, &mut remaining, &mut ready)?,
                other => return other,
            }
        }
    }

    /// There was no room, once, or again because another producer was faster.
    #[cold]
    #[inline(never)]
    fn wait_for_room<D: FnMut() -> Option<Duration>>(
        &mut self,
        begin: &mut Option<impl FnOnce(&M) -> D>,
        remaining: &mut Option<D>,
        ready: impl FnMut(&mut <T as sealed::Message>::Producer<K>) -> Result<bool, PushError>,
    ) -> Result<(), PushError> {
        if let Some(begin) = begin.take() {
            *remaining = Some(begin(self.seat.memory()));
        } else if remaining.as_mut().and_then(|remaining| remaining()).is_some_and(|left| left.is_zero()) {
            return Err(PushError::Elapsed);
        }
        self.wait(|| remaining.as_mut().and_then(|remaining| remaining()), ready)
    }
}

/// A producer that waits for room.
struct ForRoom<'a, C, M: Memory, F> {
    core: &'a mut C,
    seat: &'a Seat<M>,
    ready: F,
}

impl<C: Produce, M: Memory, F: FnMut(&mut C) -> Result<bool, PushError>> WaitCondition
    for ForRoom<'_, C, M, F>
{
    type Departure = Departure;
    type Error = PushError;

    fn ready(&mut self) -> Result<bool, PushError> {
        (self.ready)(self.core)
    }
    fn departed(&self) -> Option<Departure> {
        self.seat.departed()
    }
    fn check_peers(&mut self) -> Result<Option<Departure>, PushError> {
        Ok(self.seat.departed_by_proof())
    }
    fn check(&mut self) -> Result<(), PushError> {
        let checked = self.seat.check();
        Ok(checked.inspect_err(|what| self.core.give_up(*what))?)
    }
}

/// Takes back what a forgotten batch left, before the seat is given back.
impl<K: Kind, T: Message + ?Sized, M: Memory> Drop for Producer<K, T, M> {
    fn drop(&mut self) {
        if self.seat.memory().is_own_process() && self.seat.check().is_ok() {
            self.core.settle();
        }
    }
}

impl<K: Kind, T: Message + ?Sized, M: Memory> fmt::Debug for Producer<K, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAMES[1]).field("position", &self.position()).finish_non_exhaustive()
    }
}
