//! Waiting for room among other things: producers in `Select`, by descriptor, in tasks.
#![allow(clippy::disallowed_types)]

use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use ringway::lanes::Lanes;
use ringway::memory::Heap;
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Departure, Options, PushError, Select, spsc};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use support::SLICE;
use support::process::PATIENCE;

const MOMENT: Duration = Duration::from_millis(3);

type Items<K> = (Producer<K, u64, Heap>, Consumer<K, u64, Heap>);
type Bytes<K> = (Producer<K, [u8], Heap>, Consumer<K, [u8], Heap>);

/// Both ends of a ring of so many items.
fn items<K: Kind>(capacity: usize) -> Items<K> {
    let ring = Ring::<K, u64>::on_heap(&Options::new().capacity(capacity).max_producers(2)).unwrap();
    (ring.producer().unwrap(), ring.consumer().unwrap())
}

/// Both ends of a ring of eight cells.
fn bytes<K: Kind>() -> Bytes<K> {
    let ring = Ring::<K, [u8]>::on_heap(&Options::new().capacity(512).max_producers(2)).unwrap();
    (ring.producer().unwrap(), ring.consumer().unwrap())
}

fn for_each_kind(test: [fn(); 3]) {
    test.into_iter().for_each(|test| test());
}

fn is_readable(fd: &impl AsFd, timeout: Duration) -> bool {
    let limit = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&limit)).unwrap() > 0
}

#[test]
fn a_producer_is_ready_while_there_is_room() {
    fn of_kind<K: Kind>() {
        let (mut tx, mut rx) = items::<K>(2);
        let mut select = Select::new();
        for item in 0..2 {
            assert_eq!(select.try_wait(&mut [&mut tx]), Some(0));
            tx.try_push(&item).unwrap();
        }
        assert_eq!(select.try_wait(&mut [&mut tx]), None);
        assert_eq!(select.wait_timeout(&mut [&mut tx], MOMENT), None);
        assert_eq!(select.try_wait(&mut [&mut tx, &mut rx]), Some(1));
        rx.try_pop().unwrap();
        assert_eq!(select.wait(&mut [&mut tx]), Some(0));
    }
    for_each_kind([of_kind::<Spsc>, of_kind::<Mpsc>, of_kind::<Lanes>]);
}

#[test]
fn a_producer_of_bytes_is_ready_when_the_record_fits_that_it_waits_for() {
    fn of_kind<K: Kind>() {
        let (mut tx, mut rx) = bytes::<K>();
        let mut select = Select::new();
        // Eight cells, five of them used: the largest record, four cells, does not fit.
        tx.try_push(&[1; 200]).unwrap();
        tx.try_push(&[2; 10]).unwrap();
        assert_eq!(select.try_wait(&mut [&mut tx]), None);
        tx.set_room(65);
        assert_eq!(select.try_wait(&mut [&mut tx]), Some(0));
        tx.try_push(&[3; 65]).unwrap();
        assert_eq!(select.try_wait(&mut [&mut tx]), None);
        tx.set_room(64);
        assert_eq!(select.try_wait(&mut [&mut tx]), Some(0));
        tx.set_room(usize::MAX);
        assert_eq!(select.try_wait(&mut [&mut tx]), None, "as for the largest");
        (0..3).for_each(|_| rx.try_read().unwrap().release());
        assert_eq!(select.wait(&mut [&mut tx]), Some(0));
        tx.try_push(&vec![4; tx.ring().max_record()]).unwrap();
    }
    for_each_kind([of_kind::<Spsc>, of_kind::<Mpsc>, of_kind::<Lanes>]);
}

/// A relay waits for a record of one ring and for room in another, one item each, and passes on.
/// It is woken by either, far sooner than by the end of a slice.
#[test]
fn a_relay_is_woken_by_records_and_by_room() {
    fn of_kind<K: Kind>() {
        const ITEMS: u64 = 2000;
        let ((mut first, mut from), (mut to, mut last)) = (items::<Spsc>(1), items::<K>(1));
        let source = thread::spawn(move || {
            (0..ITEMS).for_each(|item| first.push(&item).unwrap());
            first
        });
        let sink = thread::spawn(move || {
            for item in 0..ITEMS {
                if item % 64 == 0 {
                    // So that the relay sleeps, mostly.
                    thread::sleep(Duration::from_micros(300));
                }
                assert_eq!(last.pop(), Ok(item));
            }
            last
        });
        let started = Instant::now();
        let (mut select, mut held) = (Select::new(), None);
        for _ in 0..2 * ITEMS {
            match held {
                None => {
                    assert_eq!(select.wait(&mut [&mut from]), Some(0));
                    held = Some(from.try_pop().unwrap());
                }
                Some(item) => {
                    // The first ring may have the next item: it is not asked.
                    assert_eq!(select.wait(&mut [&mut to]), Some(0));
                    to.try_push(&item).unwrap();
                    held = None;
                }
            }
        }
        drop((source.join().unwrap(), sink.join().unwrap()));
        // If a slice ended each sleep, it would take this long.
        let by_slices = SLICE * (ITEMS / 64) as u32;
        assert!(started.elapsed() < by_slices, "{:?}", started.elapsed());
    }
    for_each_kind([of_kind::<Spsc>, of_kind::<Mpsc>, of_kind::<Lanes>]);
}

#[test]
fn that_the_consumer_has_left_is_told_and_a_push_says_so() {
    fn of_kind<K: Kind>() {
        let (mut tx, rx) = items::<K>(1);
        tx.try_push(&1).unwrap();
        let leaver = thread::spawn(move || {
            thread::sleep(MOMENT);
            rx.close().unwrap();
        });
        assert_eq!(Select::new().wait(&mut [&mut tx]), Some(0));
        assert_eq!(tx.try_push(&2), Err(PushError::Full));
        assert_eq!(tx.push(&2), Err(PushError::Closed(Departure::Finished)));
        leaver.join().unwrap();
    }
    for_each_kind([of_kind::<Spsc>, of_kind::<Mpsc>, of_kind::<Lanes>]);
}

#[test]
fn the_descriptor_of_a_producer_is_readable_once_there_is_room() {
    fn of_kind<K: Kind>() {
        let (tx, mut rx) = items::<K>(1);
        let mut tx = tx.into_pollable().unwrap();
        for item in 0..20 {
            tx.try_push(&item).unwrap();
            assert_eq!(tx.try_push(&99), Err(PushError::Full));
            assert!(tx.arm(), "there is no room");
            let taker = thread::spawn(move || {
                thread::sleep(MOMENT);
                assert_eq!(rx.try_pop(), Ok(item));
                rx
            });
            let started = Instant::now();
            while tx.try_push(&99) == Err(PushError::Full) {
                if tx.arm() {
                    assert!(is_readable(&tx, PATIENCE));
                }
            }
            assert!(started.elapsed() < PATIENCE);
            rx = taker.join().unwrap();
            assert_eq!(rx.try_pop(), Ok(99));
            assert!(!tx.arm(), "there is room: look again");
        }
        // Without its thread it is as it was.
        let mut tx = tx.into_inner();
        tx.push(&1).unwrap();
    }
    for_each_kind([of_kind::<Spsc>, of_kind::<Mpsc>, of_kind::<Lanes>]);
}

#[test]
fn a_descriptor_that_is_not_armed_stays_silent() {
    let (tx, mut rx) = items::<Spsc>(1);
    let mut tx = tx.into_pollable().unwrap();
    tx.try_push(&1).unwrap();
    rx.try_pop().unwrap();
    assert!(!is_readable(&tx, MOMENT));
}

/// One producer waits by its descriptor, another one in a push. Both get their room.
#[test]
fn producers_that_wait_in_different_ways_share_the_room() {
    let (tx, mut rx) = items::<Mpsc>(1);
    let mut other = tx.try_clone().unwrap();
    let mut tx = tx.into_pollable().unwrap();
    const ITEMS: u64 = 500;
    let pusher = thread::spawn(move || {
        (0..ITEMS).for_each(|item| other.push(&item).unwrap());
        other
    });
    let poller = thread::spawn(move || {
        for item in 0..ITEMS {
            while tx.try_push(&item) == Err(PushError::Full) {
                if tx.arm() {
                    assert!(is_readable(&tx, PATIENCE));
                }
            }
        }
        tx
    });
    let mut sum = 0;
    for _ in 0..2 * ITEMS {
        sum += rx.pop().unwrap();
    }
    assert_eq!(sum, ITEMS * (ITEMS - 1));
    drop((pusher.join().unwrap(), poller.join().unwrap()));
}

#[cfg(feature = "async")]
mod tasks {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::{Context, Wake, Waker};

    use futures_executor::block_on;
    use futures_util::SinkExt;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_task_sends_more_than_the_ring_holds() {
        fn of_kind<K: Kind>() {
            let (tx, mut rx) = items::<K>(2);
            let mut tx = tx.into_async().unwrap();
            let taker = thread::spawn(move || {
                (0..1000).for_each(|item| assert_eq!(rx.pop(), Ok(item)));
                rx
            });
            block_on(async {
                for item in 0..1000 {
                    tx.push(&item).await.unwrap();
                }
            });
            drop(taker.join().unwrap());

            let (tx, mut rx) = bytes::<K>();
            let mut tx = tx.into_async().unwrap();
            let taker = thread::spawn(move || {
                for len in (1..256).step_by(5) {
                    assert_eq!(rx.read().unwrap().payload().to_vec(), vec![len as u8; len]);
                }
                rx
            });
            block_on(async {
                for len in (1..256).step_by(5) {
                    tx.push(&vec![len as u8; len]).await.unwrap();
                }
            });
            drop(taker.join().unwrap());
        }
        for_each_kind([of_kind::<Spsc>, of_kind::<Mpsc>, of_kind::<Lanes>]);
    }

    #[test]
    fn a_push_that_is_cancelled_has_sent_nothing() {
        let (tx, mut rx) = items::<Spsc>(1);
        let mut tx = tx.into_async().unwrap();
        tx.try_push(&1).unwrap();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        {
            let mut push = pin!(tx.push(&2));
            assert!(push.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(rx.try_pop(), Ok(1));
        assert!(support::process::soon(|| count.0.load(Relaxed) > 0), "the task was woken");
        block_on(tx.push(&3)).unwrap();
        assert_eq!(rx.try_pop(), Ok(3));
        // So is the room that a cancelled push of bytes waited for.
        let (tx, mut rx) = bytes::<Spsc>();
        let mut tx = tx.into_async().unwrap();
        tx.try_push(&[1; 250]).unwrap();
        tx.try_push(&[1; 200]).unwrap();
        {
            let mut push = pin!(tx.push(&[2; 250]));
            assert!(push.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        rx.try_read().unwrap().release();
        block_on(tx.push(&[3; 10])).unwrap();
        assert_eq!(Select::new().try_wait(&mut [&mut *tx]), None, "it is the largest record again");
        rx.try_read().unwrap().release();
        assert_eq!(Select::new().try_wait(&mut [&mut *tx]), Some(0));
    }

    #[test]
    fn a_push_to_a_full_ring_without_consumer_is_closed() {
        fn of_kind<K: Kind>() {
            let (tx, rx) = items::<K>(1);
            let mut tx = tx.into_async().unwrap();
            block_on(tx.push(&1)).unwrap();
            let leaver = thread::spawn(move || {
                thread::sleep(MOMENT);
                drop(rx);
            });
            assert_eq!(block_on(tx.push(&2)), Err(PushError::Closed(Departure::Left)));
            leaver.join().unwrap();
        }
        for_each_kind([of_kind::<Spsc>, of_kind::<Mpsc>, of_kind::<Lanes>]);
    }

    #[test]
    fn a_sink_waits_for_room_and_says_at_its_end_that_it_has_finished() {
        let (tx, mut rx) = items::<Spsc>(2);
        let mut tx = tx.into_async().unwrap();
        let taker = thread::spawn(move || {
            (0..100).for_each(|item| assert_eq!(rx.pop(), Ok(item)));
            rx.pop()
        });
        block_on(async {
            for item in 0..100 {
                tx.send(item).await.unwrap();
            }
            SinkExt::<u64>::close(&mut tx).await.unwrap();
        });
        drop(tx);
        assert_eq!(taker.join().unwrap(), Err(ringway::PopError::Closed(Departure::Finished)));

        let (tx, mut rx) = bytes::<Lanes>();
        let mut tx = tx.into_async().unwrap();
        let taker = thread::spawn(move || {
            (0..50).for_each(|i| assert_eq!(rx.read().unwrap().payload().to_vec(), [i; 100]));
            rx
        });
        block_on(async {
            for i in 0..50 {
                tx.send(vec![i; 100]).await.unwrap();
            }
        });
        drop(taker.join().unwrap());
    }
}

/// In a named segment, and the consumer is killed: the wait ends.
#[test]
#[cfg_attr(ringway_long_slices, ignore = "deaths are found when a slice ends")]
fn the_death_of_a_consumer_ends_a_wait_for_room() {
    let name = support::Name::unique("ringway-room");
    let ring = spsc::Ring::<u64>::create(&name, &Options::new().capacity(1)).unwrap();
    let mut child = support::process::Child::start("attach a consumer", &[name.as_str()]);
    child.expect("attached");
    let mut tx = ring.producer().unwrap();
    tx.try_push(&1).unwrap();
    assert_eq!(Select::new().wait_timeout(&mut [&mut tx], MOMENT), None);
    let killer = thread::spawn(move || {
        thread::sleep(MOMENT);
        child.kill();
    });
    assert_eq!(Select::new().wait_timeout(&mut [&mut tx], PATIENCE), Some(0));
    assert_eq!(tx.push(&2), Err(PushError::Closed(Departure::Died)));
    killer.join().unwrap();
}

/// Holds the consumer's seat until it is killed.
pub fn attach_a_consumer(words: &[&str]) {
    let _rx = spsc::Ring::<u64>::open(words[0]).unwrap().consumer().unwrap();
    support::process::say("attached");
    support::process::hear();
}
