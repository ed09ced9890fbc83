//! Total order: what was claimed first comes first, and whole, whatever happens to the rest.
#![allow(clippy::forget_non_drop, reason = "that forgetting does no harm is what is tested")]

use std::time::Duration;
use std::{mem, thread};

use ringway::memory::Memory;
use ringway::mpsc::{Mpsc, Producer};
use ringway::ring::{self, Consumer};
use ringway::{Departure, PopError, PushError};

use super::{AnyKind, AnyMemory, Place, bytes_of};

cases!(mpsc: ringway::mpsc::Mpsc; {
    what_is_pushed_first_comes_first,
    a_reservation_made_first_comes_first,
    an_open_reservation_holds_up_what_comes_after_it,
    a_batch_is_together_and_appears_whole,
    what_is_given_up_leaves_no_trace,
    what_is_given_up_is_free_again_although_nothing_was_read,
    a_forgotten_reservation_is_taken_back_by_the_next_operation,
    a_forgotten_reservation_is_taken_back_with_its_producer,
    one_producer_may_use_up_all_the_room,
    a_slice_is_together_as_far_as_there_is_room
});

/// Something that a producer does.
type Operation<K, M> = fn(&mut ring::Producer<K, [u8], M>);

/// All records that are there, told apart by their first bytes.
fn all<K: AnyKind, M: Memory>(rx: &mut Consumer<K, [u8], M>) -> Vec<u8> {
    let mut seen = Vec::new();
    while let Ok(record) = rx.try_read() {
        seen.push(record.payload().read_value_at(0).unwrap());
    }
    seen
}

fn what_is_pushed_first_comes_first<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(16, 5);
    let mut rx = ring.consumer().unwrap();
    let mut ends = ring.several::<5>();
    let mut next = 0;
    for turn in 0..100 {
        let from = next;
        for step in 0..turn % 16 {
            ends[(3 * turn + step * step) % 5].try_push(&next).unwrap();
            next += 1;
        }
        assert_eq!(
            (from..next).map(|_| rx.try_pop().unwrap()).collect::<Vec<_>>(),
            (from..next).collect::<Vec<_>>()
        );
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
    }
}

fn a_reservation_made_first_comes_first<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(16 * 64, 3);
    let mut rx = ring.consumer().unwrap();
    let [mut a, mut b, mut c] = ring.several();
    for turn in 0..30 {
        let mut first = a.try_reserve(200).unwrap();
        let mut second = b.try_reserve(10).unwrap();
        let mut third = c.try_reserve(10).unwrap();
        for (i, reserved) in [&mut first, &mut second, &mut third].into_iter().enumerate() {
            reserved.payload().write_at(&[turn + i as u8], 0).unwrap();
        }
        // The last first.
        third.commit();
        assert_eq!(all(&mut rx), []);
        second.commit();
        assert_eq!(all(&mut rx), []);
        first.commit_len(70).unwrap();
        assert_eq!(all(&mut rx), [turn, turn + 1, turn + 2]);
    }
}

fn an_open_reservation_holds_up_what_comes_after_it<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(512, 3);
    let mut rx = ring.consumer().unwrap();
    let [mut before, mut slow, mut after] = ring.several();
    before.try_push(&[1]).unwrap();
    let mut reserved = slow.try_reserve(1).unwrap();
    after.try_push(&[3]).unwrap();
    before.try_push(&[4]).unwrap();
    // What is before it is not held up.
    assert_eq!(all(&mut rx), [1]);
    let elapsed = rx.read_timeout(Duration::from_millis(5)).map(drop);
    assert_eq!(elapsed, Err(PopError::Elapsed));
    reserved.payload().write_at(&[2], 0).unwrap();
    reserved.commit();
    assert_eq!(all(&mut rx), [2, 3, 4]);
}

fn a_batch_is_together_and_appears_whole<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(16 * 64, 2);
    let mut rx = ring.consumer().unwrap();
    let [mut batching, mut other] = ring.several();
    for turn in 0..40 {
        let mut batch = batching.try_batch(4 * 64).unwrap();
        batch.try_push(&[1]).unwrap();
        other.try_push(&[10]).unwrap();
        batch.try_push(&[2; 65]).unwrap();
        other.try_push(&[11]).unwrap();
        assert_eq!(all(&mut rx), []);
        // Once with a cell left over, once with none, once given up.
        let expected = match turn % 3 {
            0 => {
                batch.commit();
                vec![1, 2, 10, 11]
            }
            1 => {
                batch.try_push(&[3]).unwrap();
                assert_eq!(batch.try_push(&[4]), Err(PushError::Full));
                batch.commit();
                vec![1, 2, 3, 10, 11]
            }
            _ => {
                batch.abort();
                vec![10, 11]
            }
        };
        assert_eq!(all(&mut rx), expected, "turn {turn}");
    }
}

fn what_is_given_up_leaves_no_trace<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(32 * 64, 3);
    let mut rx = ring.consumer().unwrap();
    let [mut a, mut b, mut c] = ring.several();
    for turn in 0..100_usize {
        a.try_push(&[1]).unwrap();
        let given_up = b.try_reserve(turn * 7 % 300).unwrap();
        c.try_push(&[2]).unwrap();
        let mut shorter = a.try_reserve(200).unwrap();
        shorter.payload().write_at(&[3], 0).unwrap();
        c.try_push(&bytes_of(4, turn)).unwrap();
        shorter.commit_len(1 + turn).unwrap();
        given_up.abort();
        let read = [(); 4].map(|()| rx.try_read().unwrap().payload().to_vec());
        assert_eq!((&read[0][..], &read[1][..], &read[3]), (&[1][..], &[2][..], &bytes_of(4, turn)));
        assert_eq!((read[2].len(), read[2][0]), (1 + turn, 3));
        assert_eq!(rx.try_read().map(drop), Err(PopError::Empty));
    }
}

fn what_is_given_up_is_free_again_although_nothing_was_read<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(512, 2);
    let (mut tx, mut rx) = ring.ends();
    for _ in 0..30 {
        for _ in 0..2 {
            tx.try_reserve(256).unwrap().abort();
        }
        assert_eq!(tx.try_reserve(1).map(drop), Err(PushError::Full));
        assert_eq!(rx.try_read().map(drop), Err(PopError::Empty));
    }
    // Also for one who waits.
    thread::scope(|scope| {
        let reading = scope.spawn(move || rx.read().map(drop));
        for _ in 0..1000 {
            tx.reserve(256).unwrap().abort();
        }
        drop(tx);
        assert_eq!(reading.join().unwrap(), Err(PopError::Closed(Departure::Left)));
    });
}

fn a_forgotten_reservation_is_taken_back_by_the_next_operation<K: AnyKind>(place: Place) {
    let next: [Operation<K, AnyMemory>; 4] = [
        |tx| tx.try_push(&[2]).unwrap(),
        |tx| tx.try_reserve(1).unwrap().abort(),
        |tx| tx.try_batch(1).unwrap().commit(),
        |tx| assert!(tx.try_push(&[0; 9999]).is_err()),
    ];
    let ring = place.ring_of::<K, [u8]>(1024, 2);
    let mut rx = ring.consumer().unwrap();
    let [mut forgetful, mut other] = ring.several();
    for _ in 0..20 {
        for (next, expected) in next.into_iter().zip([&[1, 2][..], &[1], &[1], &[1]]) {
            mem::forget(forgetful.try_reserve(100).unwrap());
            other.try_push(&[1]).unwrap();
            assert_eq!(all(&mut rx), []);
            next(&mut forgetful);
            assert_eq!(all(&mut rx), expected);
        }
    }
}

fn a_forgotten_reservation_is_taken_back_with_its_producer<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(512, 2);
    let mut rx = ring.consumer().unwrap();
    for _ in 0..20 {
        let [mut forgetful, mut other] = ring.several();
        mem::forget(forgetful.try_reserve(100).unwrap());
        other.try_push(&[1]).unwrap();
        assert_eq!(all(&mut rx), []);
        drop(forgetful);
        assert_eq!(all(&mut rx), [1]);
        // Its seat is free at once.
        let mut next = ring.producer().unwrap();
        let mut batch = next.try_batch(128).unwrap();
        batch.try_push(&[9]).unwrap();
        mem::forget(batch);
        other.try_push(&[2]).unwrap();
        assert_eq!((next.seat(), all(&mut rx)), (0, vec![]));
        drop(next);
        assert_eq!(all(&mut rx), [2]);
    }
}

fn one_producer_may_use_up_all_the_room<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(4, 2);
    let mut rx = ring.consumer().unwrap();
    let [mut greedy, mut other] = ring.several();
    assert_eq!(greedy.try_push_slice(&[1, 2, 3, 4, 5]), Ok(4));
    assert_eq!(other.try_push(&6), Err(PushError::Full));
    assert_eq!(other.push_timeout(&6, Duration::from_millis(2)), Err(PushError::Elapsed));
    assert_eq!(rx.try_pop(), Ok(1));
    other.try_push(&5).unwrap();
    assert_eq!(greedy.try_push(&7), Err(PushError::Full));
    assert_eq!([(); 4].map(|()| rx.try_pop().unwrap()), [2, 3, 4, 5]);
}

/// Slices of several producers, across threads: each is together, and none is ever seen in part.
fn a_slice_is_together_as_far_as_there_is_room<K: AnyKind>(place: Place) {
    const ITEMS: u64 = 10_000;
    let ring = place.ring_of::<K, [u64; 2]>(32, 3);
    let mut rx = ring.consumer().unwrap();
    let (mut seen, mut breaks) = (Vec::new(), Vec::new());
    let slices = thread::scope(|scope| {
        let ends = ring.several::<3>().map(|mut tx| {
            scope.spawn(move || {
                let (mut sent, mut slices) = (0, Vec::new());
                while sent < ITEMS {
                    let items: Vec<_> = (sent..ITEMS.min(sent + 5)).map(|i| [tx.seat().into(), i]).collect();
                    match tx.try_push_slice(&items) {
                        Ok(n) => slices.push(sent..sent + n as u64),
                        Err(error) => {
                            assert_eq!(error, PushError::Full);
                            thread::yield_now();
                        }
                    }
                    sent = slices.last().map_or(0, |slice| slice.end);
                }
                slices
            })
        });
        loop {
            match rx.try_pop() {
                Ok(item) => seen.push(item),
                Err(PopError::Empty) => breaks.push(seen.len()),
                Err(error) => {
                    assert_eq!(error, PopError::Closed(Departure::Left));
                    break;
                }
            }
        }
        ends.map(|end| end.join().unwrap())
    });
    assert_eq!(seen.len(), 3 * ITEMS as usize);
    let mut slices = slices.map(|slices| slices.into_iter());
    let mut at = 0;
    while at < seen.len() {
        let [seat, first] = seen[at];
        let slice = slices[seat as usize].next().unwrap();
        assert_eq!(slice.start, first);
        let end = at + (slice.end - slice.start) as usize;
        assert!(seen[at..end].iter().zip(slice).all(|(item, i)| *item == [seat, i]), "{:?}", &seen[at..end]);
        let inside = breaks.partition_point(|n| *n <= at)..breaks.partition_point(|n| *n < end);
        assert!(inside.is_empty(), "there was nothing, in the middle of a slice");
        at = end;
    }
}

/// The forms of `batch`, which take the room that is wanted.
#[test]
fn the_room_of_a_batch_is_waited_for() {
    let ring = Place::Heap.ring_of::<Mpsc, [u8]>(512, 2);
    let (mut tx, mut rx): (Producer<[u8], _>, _) = ring.ends();
    assert_eq!(tx.try_batch(257).map(drop), Err(PushError::TooLarge { len: 257, max: 256 }));
    assert_eq!(tx.batch(usize::MAX).map(drop), Err(PushError::TooLarge { len: usize::MAX, max: 256 }));
    let too_large = PushError::TooLarge { len: 300, max: 256 };
    assert_eq!(tx.batch_timeout(300, Duration::MAX).map(drop), Err(too_large));
    assert_eq!(tx.position(), 0);

    let mut whole = tx.try_batch(256).unwrap();
    whole.try_push(&[1; 256]).unwrap();
    whole.commit();
    // A batch has room for one record at least.
    for _ in 0..4 {
        let mut least = tx.batch(0).unwrap();
        least.try_push(&[2; 64]).unwrap();
        assert_eq!(least.try_push(b""), Err(PushError::Full));
        least.commit();
    }
    assert_eq!(tx.try_batch(1).map(drop), Err(PushError::Full));
    assert_eq!(tx.batch_timeout(1, Duration::from_millis(5)).map(drop), Err(PushError::Elapsed));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut batch = tx.batch(256)?;
            batch.try_push(&[3])?;
            batch.commit();
            Ok::<_, PushError>(())
        });
        thread::sleep(Duration::from_millis(10));
        assert_eq!(all(&mut rx)[..5], [1, 2, 2, 2, 2]);
        assert_eq!(waiting.join().unwrap(), Ok(()));
    });
    assert_eq!(all(&mut rx).pop().unwrap_or(3), 3);
    drop(rx);
    while tx.try_push(&[4; 64]).is_ok() {}
    assert_eq!(tx.batch(1).map(drop), Err(PushError::Closed(Departure::Left)));
}
