//! [`RingSeat`]: a seat of a ring, and whom its holder watches and wakes.
use core::cell::Cell;

use super::doorbell::Doorbell;
use crate::error::{Corruption, Departure, SeatError};
use crate::identity::{Identity, Label, Role};
use crate::layout::Header;
use crate::memory::{Memory, Offset, Region, WordRef};
use crate::ring::layout::{Geometry, Kind};
use crate::seat::{Attendance, Peers, Presence, Seat};
use crate::wait::{self, WaitWord};

/// A seat that this participant holds in a ring. Dropping it releases the seat and wakes the peers.
///
/// | kind and role | sleeps on the parked word of | after publishing checks | waits for |
/// |---|---|---|---|
/// | `spsc` producer | its own block | the consumer's parked word | the consumer |
/// | `mpsc` producer | the producers' common block | the consumer's parked word | the consumer |
/// | `lanes` producer | its own block | its own armed word (see [`Doorbell`]) | the consumer |
/// | `spsc` consumer | its own block | the producer's parked word | the producer |
/// | `mpsc` consumer | its own block | the common block's parked word | all producers |
/// | `lanes` consumer | its own block | the parked word of the lane's producer | all producers |
pub struct RingSeat<M: Memory> {
    seat: Seat<M>,
    geometry: Geometry,
    role: Role,
    /// Whether every participant fences for itself: see `wait`.
    fenced: bool,
    /// The parked word on which the holder sleeps.
    wait_word: WordRef,
    /// The word that the holder checks after publishing. If it is odd, the consumer wants a
    /// notification.
    notify_word: WordRef,
    /// How to notify the consumer if `notify_word` is odd. `None` if the consumer sleeps on
    /// `notify_word` itself.
    doorbell: Option<Doorbell>,
    peers: Peers,
    /// Whether the ring was found without its name while no peer had come.
    is_unlinked: Cell<bool>,
    /// Whether this process is registered for barriers, so that a waiting participant's barrier is
    /// a full fence here: see `wait`.
    barrier_registered: bool,
}

impl<M: Memory> RingSeat<M> {
    /// Takes the consumer's seat, or the first free one of the producers' seats. Skips a seat for
    /// which `is_reusable` returns `false`.
    pub(crate) fn take(
        memory: &M,
        header: &Header,
        geometry: &Geometry,
        role: Role,
        label: Option<Label>,
        is_reusable: impl Fn(u16) -> bool,
    ) -> Result<Self, SeatError> {
        if !memory.is_own_process() {
            return Err(SeatError::Inherited);
        }
        header.check(memory)?;
        // Before this participant publishes anything.
        let barrier_registered = !header.fenced && memory.register_barrier();
        let own = memory.identity();
        let who = Identity { label: label.unwrap_or(own.label), ..own };
        let seat = Seat::take(memory, header, (role, geometry.seats(role)), &who, is_reusable)?;
        let region = memory.region();
        let index = u64::from(seat.index());
        let (wait_word, notify_word) = match (role, geometry.kind) {
            (Role::Consumer, _) => (geometry.consumer().parked(), geometry.common().parked()),
            (Role::Producer, Kind::Lanes) => {
                let block = geometry.producer(index);
                (block.parked(), block.armed())
            }
            (Role::Producer, Kind::Spsc | Kind::Mpsc) => {
                (geometry.common().parked(), geometry.consumer().parked())
            }
        };
        let has_doorbell = role == Role::Producer && geometry.kind == Kind::Lanes;
        let seat = Self {
            seat,
            geometry: *geometry,
            role,
            fenced: header.fenced,
            wait_word: word(&region, wait_word)?,
            notify_word: word(&region, notify_word)?,
            doorbell: if has_doorbell { Some(Doorbell::new(&region, geometry, index)?) } else { None },
            peers: Peers::new(geometry.seats(role.other())),
            is_unlinked: Cell::new(false),
            barrier_registered,
        };
        // Peers may be waiting for a participant in this seat.
        match &seat.doorbell {
            // Even if the word is not armed: the last holder may have died after it cleared the
            // word and before it notified.
            Some(doorbell) => doorbell.notify(seat.memory(), &seat.notify_word),
            None => seat.notify_peers(),
        }
        Ok(seat)
    }

    pub(crate) fn memory(&self) -> &M {
        self.seat.memory()
    }

    /// Checks that the ring still has all its bytes. Makes a system call.
    pub(crate) fn check_mapping(&self) -> Result<(), Corruption> {
        self.seat.check_mapping()
    }

    /// The index of a producer's seat; 0 for the consumer's.
    pub(crate) fn index(&self) -> u16 {
        self.seat.index()
    }

    /// Whether every participant fences for itself: see `wait`.
    #[cfg(any(feature = "alloc", loom))]
    pub(crate) fn is_fenced(&self) -> bool {
        self.fenced
    }

    /// Records, when the seat is given back, that its holder has finished.
    pub(crate) fn finish(&mut self) {
        self.seat.finish();
    }

    /// Releases the seat and restores the state and identity that it had before.
    pub(crate) fn release_unchanged(mut self) {
        self.seat.leave_unchanged();
    }

    /// The word on which the holder sleeps.
    pub(crate) fn wait_word(&self) -> WaitWord<'_> {
        let has_several_sleepers = self.role == Role::Producer && self.geometry.kind == Kind::Mpsc;
        WaitWord { parked: &self.wait_word, has_several_sleepers, fenced: self.fenced }
    }

    /// Wakes the consumer if it sleeps. Call after publishing anything that the consumer may wait
    /// for.
    #[inline(always)]
    pub(crate) fn notify_consumer(&self) {
        if wait::has_waiters(&self.notify_word, self.barrier_registered) {
            self.notify_waiting_consumer();
        }
    }

    #[cold]
    fn notify_waiting_consumer(&self) {
        match &self.doorbell {
            Some(doorbell) => doorbell.notify(self.memory(), &self.notify_word),
            None => wait::notify(self.memory(), &self.notify_word, u32::MAX),
        }
    }

    /// Wakes at most `most()` of the producers that sleep on `parked`. Call after releasing cells.
    #[inline(always)]
    pub(crate) fn notify_producers(&self, parked: &WordRef, most: impl FnOnce() -> u32) {
        if wait::has_waiters(parked, self.barrier_registered) {
            self.notify_waiting_producers(parked, most());
        }
    }

    #[cold]
    fn notify_waiting_producers(&self, parked: &WordRef, most: u32) {
        if most > 0 {
            wait::notify(self.memory(), parked, most);
        }
    }

    /// Wakes all peers that sleep.
    fn notify_peers(&self) {
        self.notify_consumer();
        if self.role == Role::Consumer && self.geometry.kind == Kind::Lanes {
            let region = self.memory().region();
            for seat in 0..self.geometry.producers {
                if let Some(parked) = WordRef::new(&region, self.geometry.producer(seat).parked()) {
                    wait::notify_if_waiting(self.memory(), &parked, self.barrier_registered);
                }
            }
        }
    }

    /// The peer. Of several peers, one that is present if there is one.
    pub(crate) fn peer_presence(&self) -> Presence {
        if self.check_mapping().is_err() {
            return Presence::Never;
        }
        self.peers.presence(self.memory())
    }

    /// The number of holders that the peers' seats have had, present ones included.
    pub(crate) fn peer_holders(&self) -> u64 {
        self.peers.holders_so_far(&self.memory().region())
    }

    /// How the peers departed, if all have, as far as shared memory shows; or that none can come,
    /// if `check_peers` has found that. Makes no system call.
    #[inline]
    pub(crate) fn departure(&self) -> Option<Departure> {
        self.departure_of(self.peers.recorded(self.memory()))
    }

    /// How the peers departed, if all have, or that none can come. Asks the witness, and records
    /// the deaths that it proves.
    pub(crate) fn check_peers(&self) -> Option<Departure> {
        let attendance = self.peers.verified(self.memory());
        if attendance == Attendance::NoneYet {
            self.is_unlinked.set(self.memory().is_unlinked());
        }
        self.departure_of(attendance)
    }

    fn departure_of(&self, peers: Attendance) -> Option<Departure> {
        match peers {
            Attendance::Present => None,
            Attendance::NoneYet => self.is_unlinked.get().then_some(Departure::Unlinked),
            Attendance::Departed(how) => Some(how),
        }
    }
}

fn word(region: &Region, at: Offset) -> Result<WordRef, Corruption> {
    WordRef::new(region, at).ok_or(Corruption::Outside)
}

/// Releases the seat, and wakes the peers.
impl<M: Memory> Drop for RingSeat<M> {
    fn drop(&mut self) {
        if self.seat.release() {
            self.notify_peers();
        }
    }
}
