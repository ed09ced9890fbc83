//! Reports which process holds which seat and what it sent; and recovery by an operator.
use super::cells::read_counters;
use super::{Consume, Kind, Message, Ring, sealed};
use crate::error::SeatError;
use crate::identity::{Identity, Role};
use crate::memory::{Memory, WordRef};
use crate::ring::layout::Carries;
use crate::seat::{self, Presence};
use crate::sync::Relaxed;

/// A seat: its holder, and what all its holders have sent. See [`Ring::seats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeatInfo {
    /// The role of its holder.
    pub role: Role,
    /// Its number among the seats of that role.
    pub seat: u16,
    /// Its holder.
    pub presence: Presence,
    /// What all its holders together have sent; zeros for the consumer's seat.
    pub counters: Counters,
}

/// What the holders of a producer's seat have sent. The producers count themselves: for display
/// only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Records published.
    pub records: u64,
    /// Payload bytes published.
    pub bytes: u64,
    /// Records reserved and not sent.
    pub aborted: u64,
    /// How many claims (records, slices or batches; not items) were lost with a holder: see
    /// [`Consumer::losses`](super::Consumer::losses).
    pub lost: u64,
}

/// What [`Ring::recover`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Records that dead producers had claimed, and that are lost.
    pub lost: u64,
    /// The living producer that has claimed a record and not published it. Recovery ended there.
    pub blocked_by: Option<Identity>,
}

/// Diagnosis and recovery.
impl<K: Kind, T: Message + ?Sized, M: Memory> Ring<K, T, M> {
    /// All seats: the consumer's, then the producers'. Ends early if the ring's file was truncated.
    /// Asks the kernel about each seat, if the memory can prove life, and records deaths.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Presence, mpsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new().max_producers(4))?;
    /// let mut tx = ring.producer()?;
    /// tx.try_push_slice(&[1, 2, 3])?;
    /// let here: Vec<_> = ring.seats().filter(|seat| matches!(seat.presence, Presence::Here(_))).collect();
    /// assert_eq!((here.len(), here[0].seat, here[0].counters.records), (1, 0, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seats(&self) -> impl Iterator<Item = SeatInfo> + '_ {
        let consumer = || SeatInfo {
            role: Role::Consumer,
            seat: 0,
            presence: seat::presence(&self.memory, self.geometry.consumer().seat()),
            counters: Counters::default(),
        };
        // Fits: there are at most 2^16 - 1 seats.
        let producers = (0..self.geometry.producers).map(Some);
        core::iter::once(None).chain(producers).map_while(move |producer| {
            self.header.check(&self.memory).ok()?;
            Some(producer.map_or_else(consumer, |seat| self.producer_info(seat as u16)))
        })
    }

    fn producer_info(&self, seat: u16) -> SeatInfo {
        let block = self.geometry.producer(seat.into());
        let region = self.memory.region();
        let [mut records, mut bytes, aborted, lost] = read_counters(&region, block);
        if T::CARRIES == Carries::Items && K::TAIL_COUNTS_ITEMS {
            let tail = self.geometry.lane(seat.into()).tail;
            // Relaxed: for display. Each cell is one item: TAIL is the counter.
            records = WordRef::new(&region, tail).map_or(0, |tail| tail.load(Relaxed));
            bytes = records.wrapping_mul(T::SIZE);
        }
        let presence = seat::presence(&self.memory, block.seat());
        SeatInfo {
            role: Role::Producer,
            seat,
            presence,
            counters: Counters { records, bytes, aborted, lost },
        }
    }

    /// Deals with what dead participants have left, without taking any record: records who died,
    /// and marks what is lost. Afterwards the seats of the dead can be taken again.
    ///
    /// For an operator, while no consumer runs. A consumer does this by itself where it meets a
    /// claim of a dead producer.
    ///
    /// # Errors
    /// [`SeatError::SeatTaken`] if there is a consumer: only one process may repair at a time.
    /// Others of [`SeatError`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, mpsc::Ring};
    /// let ring = Ring::<u32>::on_heap(&Options::new())?;
    /// assert_eq!(ring.recover()?.lost, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recover(&self) -> Result<Recovered, SeatError> {
        // Asking for presence records deaths.
        self.seats().for_each(drop);
        let seat = self.take_seat(Role::Consumer, None, |_| true)?;
        let region = self.memory.region();
        let core = <<T as sealed::Message>::Consumer<K> as Consume>::resume(&region, &self.geometry)?;
        let recovery = core.recover_all(&seat);
        seat.release_unchanged();
        let recovery = recovery?;
        let identity = |seat: u16| self.geometry.producer(seat.into()).seat().identity(&region);
        Ok(Recovered { lost: recovery.lost, blocked_by: recovery.blocked_by.map(identity) })
    }
}
