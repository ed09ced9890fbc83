//! A liar who is asked, and goes on: each time a death is to be proved, there is another claim whose owner is dead.
use std::time::Duration;

use ringway::memory::{Clock, Liveness, Memory, Park};
use ringway::memory::{Region, Span};
use ringway::mpsc::{Mpsc, Ring};
use ringway::{Corruption, Departure, Options, PopError, SeatError};

use super::ends::{CAPACITY, Cargo};
use super::layout::{ANNOUNCEMENT, CLAIM_END, COMMON, KindLayout, ROLE, STATE};
use super::memory::Shared;

const TAKEN: u64 = 0x101;
const DIED: u64 = 0x103;

#[derive(Clone)]
struct Tireless(Shared);

impl Tireless {
    /// The position that the producer in this seat owns.
    fn owned(&self, seat: usize) -> Option<u64> {
        (self.0.word(Mpsc::seat(seat) + ANNOUNCEMENT) >> 1).checked_sub(1)
    }

    /// Claims one cell for this seat, whose holder is there.
    fn claim(&self, seat: usize, position: u64) {
        assert!(position < 1000, "it goes on for ever");
        self.0.write(Mpsc::seat(seat) + CLAIM_END, position + 1);
        self.0.write(Mpsc::seat(seat) + ANNOUNCEMENT, (position + 1) << 1 | 1);
        self.0.write(Mpsc::seat(seat) + STATE, TAKEN);
        self.0.write(COMMON, position + 1);
    }

    fn is_marked(&self, position: u64) -> bool {
        self.0.word(Mpsc::cell(0, position as usize)) == (position + 1) | 1 << 63
    }
}

impl Liveness for Tireless {
    /// Yes, and then the other one has claimed the next cell; but no as long as the other one's death is not dealt with.
    fn is_proved_dead(&self, seat: Span) -> bool {
        let seat = (seat.start() as usize - Mpsc::seat(0)) / ROLE;
        let (Some(position), other) = (self.owned(seat), 3 - seat) else { return false };
        let is_next = self.owned(other).is_none_or(|before| before < position && self.is_marked(before));
        if is_next {
            self.claim(other, position + 1);
        }
        is_next
    }
}

impl Park for Tireless {}

impl Clock for Tireless {
    fn now(&self) -> Duration {
        self.0.now()
    }
}

// SAFETY: it is the other one's region.
unsafe impl Memory for Tireless {
    fn region(&self) -> Region {
        self.0.region()
    }
}

/// A ring in which seats 1 and 2 die by turns.
fn ring<T: Cargo + ?Sized>() -> Ring<T, Tireless> {
    let memory = Tireless(Shared::new());
    let ring = Ring::<T, _>::format(memory.clone(), &Mpsc::options::<T>()).unwrap();
    memory.claim(1, 0);
    ring
}

/// One lap further than HEAD, nobody can have claimed anything.
fn is_a_lap(what: Corruption) -> bool {
    matches!(what, Corruption::Tail { found, low: 0, high } if found > high && high == CAPACITY as u64)
}

/// Thousands of producers died, each in a record of its own. A consumer with a time limit looks at the clock in between. All calls
/// together read the announcements of all seats a few times, and not for each record: else each call would pass over one record.
#[test]
fn a_time_limit_holds_among_thousands_of_the_dead() {
    const SEATS: usize = 4096;
    let shared = Shared::of(Ring::<u64>::required_len(&Options::new().capacity(SEATS).max_producers(SEATS)));
    let options = Options::new().capacity(SEATS).max_producers(SEATS);
    let ring = Ring::<u64, _>::format(shared.clone(), &options).unwrap();
    let mut rx = ring.consumer().unwrap();
    for seat in 0..SEATS {
        shared.write(Mpsc::seat(seat) + CLAIM_END, seat as u64 + 1);
        shared.write(Mpsc::seat(seat) + ANNOUNCEMENT, (seat as u64 + 1) << 1 | 1);
        shared.write(Mpsc::seat(seat) + STATE, DIED);
    }
    shared.write(COMMON, SEATS as u64);
    let mut calls = 0;
    loop {
        let before = rx.position();
        let popped = rx.pop_timeout(Duration::ZERO);
        let passed = rx.position() - before;
        calls += 1;
        assert!(passed <= 3000, "{passed}");
        assert!(calls <= 128, "{calls} calls, and only {} records passed", rx.position());
        if rx.position() == SEATS as u64 && popped == Err(PopError::Closed(Departure::Died)) {
            break;
        }
        assert_eq!(popped, Err(PopError::Elapsed));
    }
    assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Died)));
    let losses = rx.losses();
    assert_eq!(losses.dropped() + losses.count() as u64, SEATS as u64);
}

#[test]
fn a_consumer_does_not_follow_the_dead_for_ever() {
    let mut rx = ring::<u64>().consumer().unwrap();
    let Err(PopError::Corrupt(what)) = rx.pop_timeout(Duration::from_secs(60)) else { panic!() };
    assert!(is_a_lap(what), "{what}");
    assert_eq!((rx.try_pop(), rx.losses().count()), (Err(what.into()), CAPACITY));

    let mut rx = ring::<[u8]>().consumer().unwrap();
    let Err(PopError::Corrupt(what)) = rx.read_timeout(Duration::from_secs(60)).map(drop) else { panic!() };
    assert!(is_a_lap(what), "{what}");
    assert_eq!(rx.try_read().map(drop), Err(what.into()));
}

#[test]
fn a_repair_does_not_follow_the_dead_for_ever() {
    for what in [ring::<u64>().recover(), ring::<[u8]>().recover()] {
        let Err(SeatError::Corrupt(what)) = what else { panic!("{what:?}") };
        assert!(is_a_lap(what), "{what}");
    }
}
