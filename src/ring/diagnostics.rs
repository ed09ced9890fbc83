//! Who sits where and what they sent; and repair by an operator.
use super::{Kind, Message, Ring, sealed};
use crate::error::SeatError;
use crate::identity::{Identity, Role};
use crate::layout::{Carries, Kind as KindCode};
use crate::memory::{Memory, WordRef};
use crate::ring::Consume;
use crate::ring::cells::counts;
use crate::seat::{self, Presence};
use crate::sync::Relaxed;

/// A seat, who is in it, and what its holders have sent: see [`Ring::seats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeatInfo {
    /// What it is for.
    pub role: Role,
    /// Its number among those of its role.
    pub seat: u16,
    /// Who is in it.
    pub presence: Presence,
    /// What all its holders together have sent; zeros for the consumer's.
    pub counters: Counters,
}

/// What the holders of a producer's seat have sent. Told by themselves, for people to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Records published.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records reserved and not sent.
    pub aborted: u64,
    /// ClaimProtocol that died with a holder: see `Consumer::losses`.
    pub lost: u64,
}

/// What [`Ring::recover`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Records that were claimed by producers now dead, and are lost.
    pub lost: u64,
    /// Who has claimed a record, not published it, and may yet do so: beyond that nothing could be decided.
    pub held_by: Option<Identity>,
}

impl<K: Kind, T: Message + ?Sized, M: Memory> Ring<K, T, M> {
    /// All seats: the consumer's, then the producers'; no more once it is seen that the ring's file was truncated. Asks the
    /// system about each, if the memory has a witness.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, Presence, memory::Heap, mpsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8, 4));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8).producers(4))?;
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
            presence: seat::presence(&self.memory, self.geometry.consumer()),
            counters: Counters::default(),
        };
        // Fits: there are at most 2^16 - 1 seats.
        let producers = (0..self.geometry.producers).map(Some);
        core::iter::once(None).chain(producers).map_while(move |producer| {
            self.geometry.check(&self.memory).ok()?;
            Some(producer.map_or_else(consumer, |seat| self.seat_info(seat as u16)))
        })
    }

    fn seat_info(&self, seat: u16) -> SeatInfo {
        let block = self.geometry.producer(seat.into());
        let region = self.memory.region();
        let [mut records, mut bytes, aborted, lost] = counts(&region, block);
        if T::CARRIES == Carries::Items && K::KIND != KindCode::Mpsc {
            let tail = self.geometry.lane(seat.into()).tail;
            // Relaxed: for display. Each cell is one item: TAIL is the counter.
            records = WordRef::new(&region, tail).map_or(0, |tail| tail.load(Relaxed));
            bytes = records.wrapping_mul(T::SIZE);
        }
        let presence = seat::presence(&self.memory, block);
        SeatInfo {
            role: Role::Producer,
            seat,
            presence,
            counters: Counters { records, bytes, aborted, lost },
        }
    }

    /// Mends what dead participants have left, without taking anything out: notes who died, and marks what is lost. For an
    /// operator, when no consumer runs; a consumer does it by itself where it meets the hole. Afterwards the seats
    /// of the dead can be taken again.
    ///
    /// # Errors
    /// [`SeatError::SeatTaken`] if there is a consumer: only one may repair; and others of [`SeatError`].
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Options, memory::Heap, mpsc::Ring};
    /// # let memory = Heap::new(Ring::<u32>::required_len(8, 4));
    /// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8).producers(4))?;
    /// assert_eq!(ring.recover()?.lost, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recover(&self) -> Result<Recovered, SeatError> {
        // Asking is noting.
        self.seats().for_each(drop);
        let seat = seat::Seat::take(&self.memory, &self.geometry, Role::Consumer, None, |_, _| true)?;
        let core: <T as sealed::Message>::Consumer<K, M> = Consume::resume(&self.memory, &self.geometry)?;
        let mended = core.mend_all();
        seat.release_unchanged();
        let (lost, held_by) = mended?;
        let identity = |seat: u16| self.geometry.producer(seat.into()).identity(&self.memory.region());
        Ok(Recovered { lost, held_by: held_by.map(identity) })
    }
}
