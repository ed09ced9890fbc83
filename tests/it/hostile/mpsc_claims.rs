//! Lies about who has claimed what, in a total order: those that can be noticed are, and what the dead claimed is passed over
//! only where that can be.
use ringway::Corruption::{self, Descriptor, Head, Tail, Unclaimed};
use ringway::mpsc::{Consumer, Mpsc, Producer, Ring};
use ringway::{PopError, PushError, SeatError};

use super::ends::{CAPACITY, Cargo, WAITS};
use super::layout::{ANNOUNCEMENT, CLAIM_END, COMMON, CONSUMER, KindLayout, STATE};
use super::memory::Shared;

const TAIL: usize = COMMON;
const LAP: u64 = CAPACITY as u64;
const DIED: u64 = 0x103;

fn announced(position: u64) -> u64 {
    (position + 1) << 1
}

fn owned(position: u64) -> u64 {
    announced(position) | 1
}

fn lost_mark(position: u64) -> u64 {
    (position + 1) | 1 << 63
}

/// Seat, epoch and cells, as they stand beside a lost mark.
fn lost(seat: u64, cells: u64) -> u64 {
    seat << 48 | 1 << 32 | cells
}

fn cell(position: u64) -> usize {
    Mpsc::cell(0, position as usize)
}

/// A ring, one end of each sort, and the memory behind its back.
struct Scene<T: Cargo + ?Sized> {
    shared: Shared,
    ring: Ring<T, Shared>,
    tx: Producer<T, Shared>,
    rx: Consumer<T, Shared>,
}

impl<T: Cargo + ?Sized> Scene<T> {
    /// After two records, of which one was taken.
    fn new() -> Self {
        let shared = Shared::new();
        let ring = shared.ring::<Mpsc, T>();
        let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut scene = Self { shared, ring, tx, rx };
        scene.send().unwrap();
        scene.send().unwrap();
        assert_eq!(scene.receive(0), Ok(1));
        scene
    }

    fn send(&mut self) -> Result<(), PushError> {
        T::send(&mut self.tx, 0)
    }

    fn receive(&mut self, how: usize) -> Result<usize, PopError> {
        T::receive(&mut self.rx, how)
    }

    /// Somebody in seat 1 claimed from `start` to `end`, and is dead.
    fn dies_with(&self, announcement: u64, end: u64, tail: u64) {
        self.shared.write(Mpsc::seat(1) + ANNOUNCEMENT, announcement);
        self.shared.write(Mpsc::seat(1) + CLAIM_END, end);
        self.shared.write(Mpsc::seat(1) + STATE, DIED);
        self.shared.write(TAIL, tail);
    }

    /// What the consumer says when it has taken what there is and waits for more; from then on always.
    fn consumer_says(&mut self) -> Option<Corruption> {
        assert_eq!(self.receive(0), Ok(1));
        let Err(PopError::Corrupt(what)) = self.receive(WAITS) else { return None };
        for how in 0..10 {
            assert_eq!(self.receive(how), Err(PopError::Corrupt(what)));
        }
        assert!(self.rx.stalled().is_none());
        Some(what)
    }

    /// What the producer says once it looks, from then on always.
    fn producer_says(&mut self) -> Option<Corruption> {
        for _ in 0..=CAPACITY {
            match self.send() {
                Ok(()) => {}
                Err(PushError::Corrupt(what)) => {
                    for how in 0..16 {
                        assert_eq!(T::send(&mut self.tx, how), Err(PushError::Corrupt(what)));
                    }
                    assert!(self.tx.stalled().is_none());
                    return Some(what);
                }
                Err(_) => return None,
            }
        }
        None
    }
}

/// Of items, and of records.
fn of_both(items: fn(), records: fn()) {
    items();
    records();
}

fn tail_is_checked<T: Cargo + ?Sized>() {
    // The consumer stands at 2.
    for found in [0, 1, 2 + LAP + 1, 1 << 62, u64::MAX] {
        let mut scene = Scene::<T>::new();
        scene.shared.write(TAIL, found);
        assert_eq!(scene.consumer_says(), Some(Tail { found, low: 2, high: 2 + LAP }), "{found}");
    }
    // The producer stands at 2, and the consumer has released 1.
    for found in [0, 1, 1 + LAP + 1, 1 << 62, u64::MAX] {
        let mut scene = Scene::<T>::new();
        scene.shared.write(TAIL, found);
        let what = scene.producer_says().unwrap();
        assert!(matches!(what, Tail { found: said, .. } if said == found), "{found}: {what:?}");
        // One that comes now notices it at once.
        let (low, high) = (1, 1 + LAP);
        let another = (found != 1).then_some(SeatError::Corrupt(Tail { found, low, high }));
        assert_eq!(scene.ring.producer().err(), another);
    }
}

#[test]
fn a_tail_that_goes_back_or_too_far_is_noticed() {
    of_both(tail_is_checked::<u64>, tail_is_checked::<[u8]>);
}

fn claims_are_somebodys<T: Cargo + ?Sized>() {
    // Nobody says it was they who claimed 2: nothing, nonsense, something earlier, something later.
    for said in [0, 1, u64::MAX, owned(0), announced(1), owned(3), announced(1 << 61)] {
        let mut scene = Scene::<T>::new();
        scene.dies_with(said, 4, 4);
        assert_eq!(scene.consumer_says(), Some(Unclaimed { position: 2 }), "{said:#x}");
        // An operator is told too.
        drop(scene.rx);
        assert_eq!(scene.ring.recover(), Err(SeatError::Corrupt(Unclaimed { position: 2 })));
    }
    // Who says so and is there is waited for, for as long as was said.
    for said in [owned(2), announced(2)] {
        let mut scene = Scene::<T>::new();
        let _holder = scene.ring.producer().unwrap();
        scene.shared.write(Mpsc::seat(1) + ANNOUNCEMENT, said);
        scene.shared.write(TAIL, 4);
        assert_eq!(scene.consumer_says(), None);
        assert_eq!(scene.receive(WAITS), Err(PopError::Elapsed));
        assert_eq!(scene.rx.stalled().map(|blame| (blame.seat, blame.cells)), Some((1, 2)));
    }
}

#[test]
fn a_claim_that_nobody_made_is_noticed() {
    of_both(claims_are_somebodys::<u64>, claims_are_somebodys::<[u8]>);
}

fn claim_ends_are_checked<T: Cargo + ?Sized>() {
    for found in [0, 2, 5, 1 << 61] {
        let mut scene = Scene::<T>::new();
        scene.dies_with(owned(2), found, 4);
        assert_eq!(scene.consumer_says(), Some(Tail { found, low: 3, high: 4 }), "{found}");
    }
    // What is no position at all counts as none.
    let mut scene = Scene::<T>::new();
    scene.dies_with(owned(2), u64::MAX, 4);
    assert_eq!(scene.consumer_says(), Some(Tail { found: 0, low: 3, high: 4 }));
}

#[test]
fn a_dead_claim_that_ends_where_it_cannot_is_noticed() {
    of_both(claim_ends_are_checked::<u64>, claim_ends_are_checked::<[u8]>);
}

/// What is right is believed: the same words, as a dead producer would leave them.
fn dead_claims_are_passed_over<T: Cargo + ?Sized>() {
    // By its own word; and before it had said so: to the next announcement, to the next stamp, to TAIL.
    for (said, end, other, stamped, cells) in [
        (owned(2), 5, 0, 5, 3),
        (announced(2), 0, 0, 5, 3),
        (announced(2), 0, announced(4), 5, 2),
        (announced(2), 0, owned(3), 9, 1),
        (announced(2), 0, 0, 9, 4),
    ] {
        let mut scene = Scene::<T>::new();
        scene.dies_with(said, end, 6);
        scene.shared.write(Mpsc::seat(2) + ANNOUNCEMENT, other);
        if stamped < 6 {
            scene.shared.write(cell(stamped) + 8, 1 << 32 | 1);
            scene.shared.write(cell(stamped), stamped + 1);
        }
        assert_eq!(scene.receive(0), Ok(1));
        let _what_comes_then = scene.receive(WAITS);
        let losses = T::losses(&mut scene.rx);
        assert_eq!(losses[0], (1, 2, cells), "{said:#x} {other:#x} {stamped}");
    }
}

#[test]
fn what_a_dead_producer_claimed_is_passed_over_to_the_next_boundary() {
    of_both(dead_claims_are_passed_over::<u64>, dead_claims_are_passed_over::<[u8]>);
}

fn lost_marks_are_checked<T: Cargo + ?Sized>() {
    // The consumer stands at 2, TAIL at 4: no cells, too many, and far too many.
    for cells in [0, 3, LAP + 1, u32::MAX.into()] {
        let mut scene = Scene::<T>::new();
        scene.shared.write(TAIL, 4);
        scene.shared.write(cell(2) + 8, lost(1, cells));
        scene.shared.write(cell(2), lost_mark(2));
        let found = lost(1, cells);
        assert_eq!(scene.consumer_says(), Some(Descriptor { position: 2, found }), "{cells}");
    }
    // One where nothing is claimed.
    let mut scene = Scene::<T>::new();
    scene.shared.write(cell(2) + 8, lost(1, 1));
    scene.shared.write(cell(2), lost_mark(2));
    assert_eq!(scene.consumer_says(), Some(Descriptor { position: 2, found: lost(1, 1) }));
    // That of a later position is as wrong as its stamp.
    let mut scene = Scene::<T>::new();
    scene.shared.write(cell(2), lost_mark(2 + LAP));
    let found = lost_mark(2 + LAP);
    assert_eq!(scene.consumer_says(), Some(Corruption::Stamp { position: 2, found }));
    // That of an earlier lap is nothing.
    let mut scene = Scene::<T>::new();
    while scene.send().is_ok() {}
    assert_eq!(scene.receive(usize::MAX), Ok(CAPACITY));
    scene.shared.write(cell(9), lost_mark(1));
    assert_eq!(scene.receive(WAITS), Err(PopError::Elapsed));
}

#[test]
fn a_lost_mark_that_cannot_be_is_noticed() {
    of_both(lost_marks_are_checked::<u64>, lost_marks_are_checked::<[u8]>);
}

/// A mark can name anybody, or nobody.
fn a_loss_is_reported_as_it_stands<T: Cargo + ?Sized>() {
    for seat in [0, 1, 3, 77, u16::MAX.into()] {
        let mut scene = Scene::<T>::new();
        scene.shared.write(TAIL, 4);
        scene.shared.write(cell(2) + 8, lost(seat, 2));
        scene.shared.write(cell(2), lost_mark(2));
        assert_eq!(scene.receive(0), Ok(1));
        assert_eq!(scene.receive(WAITS), Err(PopError::Elapsed));
        assert_eq!(T::losses(&mut scene.rx), [(seat as u16, 2, 2)]);
        assert_eq!(scene.shared.word(CONSUMER), 4);
    }
}

#[test]
fn a_loss_can_name_a_seat_that_there_is_not() {
    of_both(a_loss_is_reported_as_it_stands::<u64>, a_loss_is_reported_as_it_stands::<[u8]>);
}

/// An announcement that makes no sense keeps nobody from the seat.
#[test]
fn a_seat_with_a_strange_announcement_can_be_taken() {
    for said in [1, u64::MAX, 1 << 63, owned(1 << 60)] {
        let scene = Scene::<u64>::new();
        scene.shared.write(Mpsc::seat(1) + ANNOUNCEMENT, said);
        scene.shared.write(Mpsc::seat(1) + STATE, DIED);
        let other = scene.ring.producer().unwrap();
        assert_eq!(other.seat(), 2, "a dead producer's seat is taken last");
        assert_eq!(scene.ring.producer().map(|tx| tx.seat()), Ok(1), "{said:#x}");
    }
    // One that is open is not given away, until the consumer has dealt with it.
    let mut scene = Scene::<u64>::new();
    scene.dies_with(owned(2), 4, 4);
    let other = scene.ring.producer().unwrap();
    assert_eq!(other.seat(), 2);
    assert!(matches!(scene.ring.producer(), Err(SeatError::AllTaken { .. })));
    assert_eq!(scene.consumer_says(), None);
    assert_eq!(scene.ring.producer().map(|tx| tx.seat()), Ok(1));
}

/// A HEAD beyond all that was claimed.
#[test]
fn a_head_beyond_the_tail_is_noticed_by_who_comes() {
    let scene = Scene::<[u8]>::new();
    scene.shared.write(CONSUMER, 3);
    let why = Tail { found: 2, low: 3, high: 3 + LAP };
    assert_eq!(scene.ring.producer().err(), Some(SeatError::Corrupt(why)));
    scene.shared.write(CONSUMER, u64::MAX);
    let why = Head { found: u64::MAX, low: 0, high: u64::MAX >> 2 };
    assert_eq!(scene.ring.producer().err(), Some(SeatError::Corrupt(why)));
}
