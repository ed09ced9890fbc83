//! Windows of a few instructions: a peer acts in the middle of an operation, or dies or gives up at one certain instruction.
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringway::memory::{Clock, Liveness, Memory, Park, Region, SeatLock, Span};
use ringway::mpsc::{Mpsc, Ring};
use ringway::spsc::Spsc;
use ringway::{Options, PopError, PushError, SeatError};

use crate::hostile::ends::CAPACITY;
use crate::hostile::layout::{ANNOUNCEMENT, COMMON, KindLayout, STATE};
use crate::hostile::memory::Shared;

const DIED: u64 = 0x103;

/// What happens in the middle of an operation.
#[derive(Default)]
struct Interruption {
    /// What a peer does when the kernel is asked whether the holder of the seat at this offset is dead.
    at_proof: Option<(u64, Box<dyn FnOnce() + Send>)>,
    /// How many attempts to lock a seat come before the holder that leaves has unlocked it.
    attempts_before_unlock: u32,
    /// The seat that such a holder has not unlocked yet.
    leaving: Option<Span>,
    /// Attempts to lock a seat so far.
    attempts: usize,
}

/// Memory with a witness, and with an interruption.
#[derive(Clone)]
struct Interrupted {
    shared: Shared,
    interruption: Arc<Mutex<Interruption>>,
}

impl Interrupted {
    fn new(len: usize) -> Self {
        Self { shared: Shared::witnessed(len), interruption: Arc::default() }
    }

    fn attempts(&self) -> usize {
        self.interruption.lock().unwrap().attempts
    }
}

impl Liveness for Interrupted {
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        let mut interruption = self.interruption.lock().unwrap();
        interruption.attempts += 1;
        if interruption.leaving.is_some() {
            if interruption.attempts_before_unlock > 0 {
                interruption.attempts_before_unlock -= 1;
                return Ok(SeatLock::Held);
            }
            interruption.leaving.take().into_iter().for_each(|seat| self.shared.unlock_seat(seat));
        }
        self.shared.lock_seat(seat)
    }

    fn unlock_seat(&self, seat: Span) {
        let mut interruption = self.interruption.lock().unwrap();
        if interruption.attempts_before_unlock > 0 {
            interruption.leaving = Some(seat);
        } else {
            self.shared.unlock_seat(seat);
        }
    }

    fn is_proved_dead(&self, seat: Span) -> bool {
        let at_proof = self.interruption.lock().unwrap().at_proof.take_if(|(at, _)| *at == seat.start());
        if let Some((_, act)) = at_proof {
            act();
        }
        self.shared.is_proved_dead(seat)
    }

    fn is_own_process(&self) -> bool {
        self.shared.is_own_process()
    }
}

impl Park for Interrupted {}

impl Clock for Interrupted {
    fn now(&self) -> Duration {
        self.shared.now()
    }
}

// SAFETY: it is the region of the shared memory.
unsafe impl Memory for Interrupted {
    fn region(&self) -> Region {
        self.shared.region()
    }
}

/// The consumer has found seats 0 and 1 empty. Then a producer takes seat 0, and only then the last of the others leaves. At no
/// moment were all producers gone.
#[test]
fn a_newcomer_in_a_seat_that_was_asked_before_is_noticed() {
    let options = Options::new().capacity(CAPACITY).max_producers(4);
    let memory = Interrupted::new(Ring::<u64>::required_len(&options));
    let ring = Ring::<u64, _>::format(memory.clone(), &options).unwrap();
    let mut rx = ring.consumer().unwrap();
    let [first, second, third, last] = [(); 4].map(|()| ring.producer().unwrap());
    drop(first);
    memory.shared.kill(second, Mpsc::seat(1));
    memory.shared.kill(third, Mpsc::seat(2));
    let newcomer = Arc::new(Mutex::new(None));
    let (theirs, seat) = (ring.clone(), newcomer.clone());
    let act = Box::new(move || {
        *seat.lock().unwrap() = Some(theirs.producer().unwrap());
        drop(last);
    });
    memory.interruption.lock().unwrap().at_proof = Some((Mpsc::seat(2) as u64, act));
    assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::Elapsed));
    let mut newcomer = newcomer.lock().unwrap().take().expect("nothing happened in the middle");
    assert_eq!(newcomer.seat(), 0);
    newcomer.try_push(&7).unwrap();
    assert_eq!(rx.try_pop(), Ok(7));
}

/// A holder that leaves says so first, and unlocks its seat a moment later.
#[test]
fn a_seat_that_is_being_left_is_not_refused() {
    let options = Options::new().capacity(CAPACITY);
    let memory = Interrupted::new(ringway::spsc::Ring::<u64>::required_len(&options));
    let ring = ringway::spsc::Ring::<u64, _>::format(memory.clone(), &options).unwrap();
    let tx = ring.producer().unwrap();
    assert!(matches!(ring.producer(), Err(SeatError::SeatTaken { .. })));
    memory.interruption.lock().unwrap().attempts_before_unlock = 5;
    drop(tx);
    assert_eq!(ring.producer().map(|tx| tx.seat()), Ok(0));
}

/// Each attempt to lock a seat is a system call. While a seat is free, none is made for those that are taken.
#[test]
fn the_last_free_seat_is_found_with_one_attempt_to_lock() {
    const SEATS: usize = 100;
    let options = Options::new().capacity(CAPACITY).max_producers(SEATS);
    let memory = Interrupted::new(Ring::<u64>::required_len(&options));
    let ring = Ring::<u64, _>::format(memory.clone(), &options).unwrap();
    let _producers: Vec<_> = (0..SEATS).map(|_| ring.producer().unwrap()).collect();
    assert_eq!(memory.attempts(), SEATS);
    assert!(matches!(ring.producer(), Err(SeatError::AllTaken { .. })));
    assert_eq!(memory.attempts(), 2 * SEATS);
}

/// A batch that filled the ring has stamped the last free cell. Its producer died before it published the batch.
#[test]
fn the_last_stamp_of_a_dead_batch_is_removed() {
    let shared = Shared::witnessed(8192);
    let ring = shared.ring::<Spsc, [u8]>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for _ in 3..CAPACITY {
        tx.try_push(b"sent").unwrap();
    }
    let mut batch = tx.try_batch(3 * 64).unwrap();
    (0..3).for_each(|_| batch.try_push(b"lost").unwrap());
    mem::forget(batch);
    shared.kill(tx, Spsc::seat(0));
    let stamp = shared.word(Spsc::cell(0, CAPACITY - 1));
    assert_eq!(stamp, CAPACITY as u64, "the batch did not reach the last cell");

    let mut tx = ring.producer().unwrap();
    for _ in 3..CAPACITY {
        assert_eq!(rx.try_read().unwrap().payload().to_vec(), b"sent");
    }
    tx.try_push(b"next").unwrap();
    tx.try_push(b"next").unwrap();
    assert_eq!(rx.try_read().unwrap().payload().to_vec(), b"next");
    assert_eq!(rx.try_read().unwrap().payload().to_vec(), b"next");
    assert_eq!(rx.try_read().map(|record| record.payload().to_vec()), Err(PopError::Empty));
}

/// A producer died after it had claimed the whole ring, and before it said that it owns it. Another announced the same cells, found
/// the ring full and gave up. The consumer does not wait for that one.
#[test]
fn a_claim_that_was_given_up_holds_up_no_consumer() {
    let shared = Shared::new();
    let ring = shared.ring::<Mpsc, u64>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    shared.write(Mpsc::seat(1) + ANNOUNCEMENT, 1 << 1);
    shared.write(Mpsc::seat(1) + STATE, DIED);
    shared.write(COMMON, CAPACITY as u64);
    assert_eq!(tx.try_push(&1), Err(PushError::Full));
    assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::Elapsed));
    let losses: Vec<_> = rx.losses().map(|loss| (loss.seat, loss.position, loss.cells)).collect();
    assert_eq!(losses, [(1, 0, CAPACITY as u64)]);
    tx.try_push(&2).unwrap();
    assert_eq!(rx.try_pop(), Ok(2));
}
