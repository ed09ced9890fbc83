//! Waker threads: E7, and E4 with a waker thread asleep in place of the consumer. A lost signal is
//! a deadlock.
use std::sync::Arc;

use loom::sync::Notify;
use loom::thread;
use ringway::WakerThread;
use ringway::memory::Model;
use ringway::ring::{Consumer, Kind, Producer};
use ringway::{Departure, PopError, PushError};
use ringway_loom::{check, lanes, mpsc, ring_with_fences as ring};

/// The waker thread of an end, running, and the signal that it sets.
struct Running {
    waker: WakerThread<Model>,
    signal: Arc<Notify>,
    thread: thread::JoinHandle<()>,
}

impl Running {
    fn start<K: Kind>(rx: &Consumer<K, u64, Model>) -> Self {
        Self::run(rx.waker_thread())
    }

    fn run(waker: WakerThread<Model>) -> Self {
        let signal = Arc::new(Notify::new());
        let thread = thread::spawn({
            let (waker, signal) = (waker.clone(), signal.clone());
            move || waker.run(|| signal.notify())
        });
        Self { waker, signal, thread }
    }

    /// Pops the next item, in the same way as a user of a descriptor: tries, arms, then waits for
    /// the signal.
    fn pop<K: Kind>(&self, rx: &mut Consumer<K, u64, Model>) -> Result<u64, PopError> {
        loop {
            match rx.try_pop() {
                Err(PopError::Empty) if rx.arm(&self.waker) => self.signal.wait(),
                Err(PopError::Empty) => {}
                other => return other,
            }
        }
    }

    /// Pushes an item, in the same way.
    fn push<K: Kind>(&self, tx: &mut Producer<K, u64, Model>, item: u64) {
        loop {
            match tx.try_push(&item) {
                Err(PushError::Full) if tx.arm(&self.waker) => self.signal.wait(),
                Err(PushError::Full) => {}
                other => return other.unwrap(),
            }
        }
    }

    fn end(self) {
        self.waker.stop();
        self.thread.join().unwrap();
    }
}

#[test]
fn a_push_sets_the_signal() {
    check(2, || {
        let ring = ring::<u64>(2);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let waker = Running::start(&rx);
        let sender = thread::spawn(move || {
            tx.try_push(&7).unwrap();
            tx
        });
        assert_eq!(waker.pop(&mut rx), Ok(7));
        waker.end();
        drop(sender.join().unwrap());
    });
}

#[test]
fn each_further_push_sets_the_signal_again() {
    check(1, || {
        let ring = ring::<u64>(2);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let waker = Running::start(&rx);
        let sender = thread::spawn(move || (7..9).for_each(|i| tx.try_push(&i).unwrap()));
        assert_eq!(waker.pop(&mut rx), Ok(7));
        assert_eq!(waker.pop(&mut rx), Ok(8));
        assert_eq!(waker.pop(&mut rx), Err(PopError::Closed(Departure::Left)));
        waker.end();
        sender.join().unwrap();
    });
}

#[test]
fn a_push_by_one_of_two_producers_sets_the_signal() {
    check(1, || {
        let ring = mpsc::<u64>(2, Model::with_fences);
        let (mut a, b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let waker = Running::start(&rx);
        let sender = thread::spawn(move || {
            a.try_push(&7).unwrap();
            a
        });
        assert_eq!(waker.pop(&mut rx), Ok(7));
        waker.end();
        drop((sender.join().unwrap(), b));
    });
}

/// A producer may make the word even before `end` does, and wake the waker thread that is about to
/// end.
#[test]
fn a_waker_thread_ends_during_a_push() {
    check(2, || {
        let ring = ring::<u64>(2);
        let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let waker = rx.waker_thread();
        let running = thread::spawn({
            let waker = waker.clone();
            move || waker.run(|| panic!("a signal without an armed consumer"))
        });
        let sender = thread::spawn(move || {
            tx.try_push(&7).unwrap();
            tx
        });
        waker.stop();
        running.join().unwrap();
        drop(sender.join().unwrap());
    });
}

/// A waker thread that is not armed ends as well.
#[test]
fn a_sleeping_waker_thread_ends() {
    check(2, || {
        let rx = ring::<u64>(2).consumer().unwrap();
        let waker = rx.waker_thread();
        let running = thread::spawn({
            let waker = waker.clone();
            move || waker.run(|| panic!("a signal without an armed consumer"))
        });
        waker.stop();
        running.join().unwrap();
    });
}

/// The departure is the only event.
#[test]
fn a_departing_producer_sets_the_signal() {
    check(2, || {
        let ring = ring::<u64>(2);
        let (tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let waker = Running::start(&rx);
        let leaver = thread::spawn(move || drop(tx));
        assert_eq!(waker.pop(&mut rx), Err(PopError::Closed(Departure::Left)));
        waker.end();
        leaver.join().unwrap();
    });
}

/// One lane is idle, the other active.
#[test]
fn a_push_to_either_lane_sets_the_signal() {
    for lane in 0..2 {
        check(1, move || {
            let ring = lanes::<u64>(1, Model::with_fences);
            let (a, b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            // Enough empty polls to make one lane idle.
            (0..4).for_each(|_| assert_eq!(rx.try_pop(), Err(PopError::Empty)));
            let [kept, mut pushing] = if lane == 0 { [b, a] } else { [a, b] };
            let waker = Running::start(&rx);
            let sender = thread::spawn(move || {
                pushing.try_push(&7).unwrap();
                pushing
            });
            assert_eq!(waker.pop(&mut rx), Ok(7));
            waker.end();
            drop((kept, sender.join().unwrap()));
        });
    }
}

/// A producer waits for room by its descriptor.
#[test]
fn a_release_sets_the_signal() {
    check(2, || {
        let ring = ring::<u64>(1);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.try_push(&1).unwrap();
        let waker = Running::run(tx.waker_thread());
        let taker = thread::spawn(move || {
            assert_eq!(rx.try_pop(), Ok(1));
            rx
        });
        waker.push(&mut tx, 2);
        waker.end();
        drop(taker.join().unwrap());
    });
}

/// The departure is the only event.
#[test]
fn a_departing_consumer_sets_the_signal_of_a_producer() {
    check(2, || {
        let ring = ring::<u64>(1);
        let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.try_push(&1).unwrap();
        let waker = Running::run(tx.waker_thread());
        let leaver = thread::spawn(move || drop(rx));
        while tx.arm(&waker.waker) {
            waker.signal.wait();
        }
        assert_eq!(tx.push(&2), Err(PushError::Closed(Departure::Left)));
        waker.end();
        leaver.join().unwrap();
    });
}

/// The waker thread of a producer that does not wait shares its word with one that does. The
/// wake-up of a release is for that one.
#[test]
fn a_waker_thread_that_is_not_armed_passes_a_wake_up_on() {
    check(2, || {
        let ring = mpsc::<u64>(1, Model::with_fences);
        let (mut tx, idle, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        tx.try_push(&1).unwrap();
        let waker = Running::run(idle.waker_thread());
        let pusher = thread::spawn(move || {
            tx.push(&2).unwrap();
            tx
        });
        assert_eq!(rx.try_pop(), Ok(1));
        drop(pusher.join().unwrap());
        waker.end();
        drop((rx, idle));
    });
}
