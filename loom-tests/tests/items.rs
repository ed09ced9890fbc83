//! `spsc` rings of items: E0 (magic), E1 (stamp), E2 (HEAD), E3 (seat).
use loom::thread;
use ringway::{Departure, PopError, PushError};
use ringway_loom::{check, retry, ring};

/// Pops `n` items and asserts their order from `first` on. Yields to the model's scheduler while
/// the ring is empty.
macro_rules! expect_in_order {
    ($rx:expr, $first:expr, $n:expr) => {{
        let mut next: u64 = $first;
        while next < $first + $n {
            match $rx.try_pop() {
                Ok(item) => {
                    assert_eq!(item, [next, !next], "lost, torn or out of order");
                    next += 1;
                }
                Err(PopError::Empty) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }};
}

/// Pushes item `i`, and retries while the ring is full.
fn push(tx: &mut ringway::spsc::Producer<[u64; 2], ringway::memory::Model>, i: u64) {
    while let Err(error) = tx.try_push(&[i, !i]) {
        assert_eq!(error, PushError::Full);
        thread::yield_now();
    }
}

#[test]
fn items_arrive_whole_and_in_order_over_several_laps() {
    for capacity in [1, 2] {
        check(3, move || {
            let ring = ring::<[u64; 2]>(capacity);
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            let sender = thread::spawn(move || (0..4).for_each(|i| push(&mut tx, i)));
            expect_in_order!(rx, 0, 4);
            sender.join().unwrap();
        });
    }
}

#[test]
fn slices_arrive_whole_and_in_order() {
    check(3, || {
        let ring = ring::<u64>(2);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let sender = thread::spawn(move || {
            let items = [0, 1, 2, 3];
            let mut sent = 0;
            while sent < items.len() {
                match tx.try_push_slice(&items[sent..]) {
                    Ok(n) => sent += n,
                    Err(_) => thread::yield_now(),
                }
            }
        });
        let (mut got, mut items) = (0, [0; 3]);
        while got < 4 {
            match rx.try_pop_slice(&mut items) {
                Ok(n) => {
                    let expected: Vec<u64> = (got..got + n as u64).collect();
                    assert_eq!(items[..n], expected);
                    got += n as u64;
                }
                Err(_) => thread::yield_now(),
            }
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_successor_continues_at_the_position_of_the_last_producer() {
    check(3, || {
        let ring = ring::<[u64; 2]>(2);
        let mut first = ring.producer().unwrap();
        let theirs = thread::spawn(move || push(&mut first, 0));
        // Once the first producer has left, the second continues after the last cell that the first
        // filled.
        if let Some(mut second) = retry(2, || ring.producer().ok()) {
            assert_eq!(second.position(), 1);
            push(&mut second, 1);
        }
        theirs.join().unwrap();
    });
}

#[test]
fn a_successor_continues_at_the_position_of_the_last_consumer() {
    check(3, || {
        let ring = ring::<[u64; 2]>(2);
        let mut tx = ring.producer().unwrap();
        (0..2).for_each(|i| push(&mut tx, i));
        let mut first = ring.consumer().unwrap();
        let theirs = thread::spawn(move || assert_eq!(first.try_pop().unwrap(), [0, !0]));
        if let Some(mut second) = retry(2, || ring.consumer().ok()) {
            assert_eq!(second.try_pop().unwrap(), [1, !1]);
        }
        theirs.join().unwrap();
    });
}

#[test]
fn a_successor_writes_only_released_cells() {
    check(3, || {
        let ring = ring::<[u64; 2]>(1);
        let (mut first, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        push(&mut first, 0);
        drop(first);
        let reader = thread::spawn(move || assert_eq!(rx.try_pop(), Ok([0, !0])));
        // The successor reads HEAD when it takes the seat. If HEAD has moved, the cell is free.
        let mut second = ring.producer().unwrap();
        let _ = second.try_push(&[1, !1]);
        reader.join().unwrap();
    });
}

#[test]
fn pop_returns_closed_only_after_the_last_item() {
    check(3, || {
        let ring = ring::<[u64; 2]>(2);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let sender = thread::spawn(move || (0..2).for_each(|i| push(&mut tx, i)));
        let mut got = 0;
        loop {
            match rx.try_pop() {
                Ok(item) => {
                    assert_eq!(item, [got, !got]);
                    got += 1;
                }
                Err(PopError::Closed(how)) => {
                    assert_eq!((how, got), (Departure::Left, 2));
                    break;
                }
                Err(_) => thread::yield_now(),
            }
        }
        sender.join().unwrap();
    });
}

#[test]
fn attach_finds_a_complete_ring_once_it_finds_the_magic() {
    use ringway::memory::Model;
    use ringway::spsc::Ring;
    use ringway::{LayoutError, Options};

    check(3, || {
        let memory = Model::new(Ring::<u64>::required_len(&Options::new().capacity(1)));
        let theirs = memory.clone();
        let creator = thread::spawn(move || {
            let ring = Ring::<u64, _>::format(theirs, &Options::new().capacity(1)).unwrap();
            ring.producer().unwrap().try_push(&7).unwrap();
        });
        let attached = retry(2, || match Ring::<u64, _>::attach(memory.clone()) {
            Ok(ring) => Some(ring),
            Err(LayoutError::NotARing { found: 0 } | LayoutError::Formatting) => None,
            Err(error) => panic!("{error}"),
        });
        if let Some(ring) = attached {
            assert_eq!(ring.capacity(), 1);
            match ring.consumer().unwrap().try_pop() {
                Ok(item) => assert_eq!(item, 7),
                Err(error) => assert!(matches!(error, PopError::Empty | PopError::Closed(_)), "{error}"),
            }
        }
        creator.join().unwrap();
    });
}

#[test]
fn exactly_one_of_two_attaching_producers_gets_the_seat() {
    check(3, || {
        let ring = ring::<u64>(1);
        let theirs = ring.clone();
        let other = thread::spawn(move || theirs.producer().ok());
        let own = ring.producer().ok();
        let other = other.join().unwrap();
        assert!(own.is_some() != other.is_some());
    });
}

#[test]
fn exactly_one_of_two_formats_of_the_same_memory_succeeds() {
    use ringway::memory::Model;
    use ringway::spsc::Ring;
    use ringway::{LayoutError, Options};

    check(2, || {
        let memory = Model::new(Ring::<u64>::required_len(&Options::new().capacity(1)));
        let format = |memory| Ring::<u64, _>::format(memory, &Options::new().capacity(1));
        let theirs = memory.clone();
        let other = thread::spawn(move || format(theirs));
        let own = format(memory);
        let other = other.join().unwrap();
        match (own, other) {
            (Ok(_), Err(error)) | (Err(error), Ok(_)) => {
                assert!(matches!(error, LayoutError::Exists | LayoutError::Formatting), "{error}");
            }
            (own, other) => panic!("{} and {}", own.is_ok(), other.is_ok()),
        }
    });
}
