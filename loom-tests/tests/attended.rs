//! Attendants: E7, and E4 with somebody else asleep. A lost signal is a deadlock here.
use std::sync::Arc;

use loom::sync::Notify;
use loom::thread;
use ringway::WakerThread;
use ringway::ring::{Consumer, Kind};
use ringway::memory::Model;
use ringway::{Departure, PopError};
use ringway_loom::{check, lanes, mpsc, ring_with_fences as ring};

/// A consumer's attendant at work, and what it does when it is woken.
struct Attended {
    attendant: WakerThread<Model>,
    signal: Arc<Notify>,
    working: thread::JoinHandle<()>,
}

impl Attended {
    fn of<K: Kind>(rx: &Consumer<K, u64, Model>) -> Self {
        let (attendant, signal) = (rx.attendant(), Arc::new(Notify::new()));
        let working = thread::spawn({
            let (attendant, signal) = (attendant.clone(), signal.clone());
            move || attendant.attend(|| signal.notify())
        });
        Self { attendant, signal, working }
    }

    /// Takes the next, as who has a descriptor does.
    fn pop<K: Kind>(&self, rx: &mut Consumer<K, u64, Model>) -> Result<u64, PopError> {
        loop {
            match rx.try_pop() {
                Err(PopError::Empty) if rx.arm(&self.attendant) => self.signal.wait(),
                Err(PopError::Empty) => {}
                other => return other,
            }
        }
    }

    fn end(self) {
        self.attendant.end();
        self.working.join().unwrap();
    }
}

#[test]
fn who_is_attended_is_signalled() {
    check(2, || {
        let ring = ring::<u64>(2);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let attended = Attended::of(&rx);
        let sender = thread::spawn(move || {
            tx.try_push(&7).unwrap();
            tx
        });
        assert_eq!(attended.pop(&mut rx), Ok(7));
        attended.end();
        drop(sender.join().unwrap());
    });
}

#[test]
fn who_is_attended_is_signalled_again() {
    check(1, || {
        let ring = ring::<u64>(2);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let attended = Attended::of(&rx);
        let sender = thread::spawn(move || (7..9).for_each(|i| tx.try_push(&i).unwrap()));
        assert_eq!(attended.pop(&mut rx), Ok(7));
        assert_eq!(attended.pop(&mut rx), Ok(8));
        assert_eq!(attended.pop(&mut rx), Err(PopError::Closed(Departure::Left)));
        attended.end();
        sender.join().unwrap();
    });
}

#[test]
fn who_is_attended_among_several_producers_is_signalled() {
    check(1, || {
        let ring = mpsc::<u64>(2, Model::with_fences);
        let (mut a, b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let attended = Attended::of(&rx);
        let sender = thread::spawn(move || {
            a.try_push(&7).unwrap();
            a
        });
        assert_eq!(attended.pop(&mut rx), Ok(7));
        attended.end();
        drop((sender.join().unwrap(), b));
    });
}

/// A producer may make the word even before the end does, and wake who is to go.
#[test]
fn an_attendant_is_ended_while_somebody_publishes() {
    check(2, || {
        let ring = ring::<u64>(2);
        let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let attendant = rx.attendant();
        let attending = thread::spawn({
            let attendant = attendant.clone();
            move || attendant.attend(|| panic!("nobody is armed"))
        });
        let sender = thread::spawn(move || {
            tx.try_push(&7).unwrap();
            tx
        });
        attendant.end();
        attending.join().unwrap();
        drop(sender.join().unwrap());
    });
}

/// Nobody is armed: it goes all the same.
#[test]
fn an_attendant_that_sleeps_is_ended() {
    check(2, || {
        let rx = ring::<u64>(2).consumer().unwrap();
        let attendant = rx.attendant();
        let attending = thread::spawn({
            let attendant = attendant.clone();
            move || attendant.attend(|| panic!("nobody is armed"))
        });
        attendant.end();
        attending.join().unwrap();
    });
}

/// Its departure is all that there is to be told of.
#[test]
fn who_is_attended_is_signalled_that_the_producer_left() {
    check(2, || {
        let ring = ring::<u64>(2);
        let (tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let attended = Attended::of(&rx);
        let leaver = thread::spawn(move || drop(tx));
        assert_eq!(attended.pop(&mut rx), Err(PopError::Closed(Departure::Left)));
        attended.end();
        leaver.join().unwrap();
    });
}

/// By a lane that was put to rest before, or by the other.
#[test]
fn who_is_attended_is_signalled_by_either_lane() {
    for lane in 0..2 {
        check(1, move || {
            let ring = lanes::<u64>(1, Model::with_fences);
            let (a, b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            // So often that one is at rest.
            (0..4).for_each(|_| assert_eq!(rx.try_pop(), Err(PopError::Empty)));
            let [kept, mut awake] = if lane == 0 { [b, a] } else { [a, b] };
            let attended = Attended::of(&rx);
            let sender = thread::spawn(move || {
                awake.try_push(&7).unwrap();
                awake
            });
            assert_eq!(attended.pop(&mut rx), Ok(7));
            attended.end();
            drop((kept, sender.join().unwrap()));
        });
    }
}
