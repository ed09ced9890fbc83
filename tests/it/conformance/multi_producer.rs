//! Several producers: their seats, their records, and who is told when they go.
use std::time::Duration;
use std::{array, thread};

use ringway::memory::Heap;
use ringway::memory::Memory;
use ringway::ring::{Consumer, Ring};
use ringway::{Departure, LayoutError, Message, Options, PopError, Presence, PushError, Role, SeatError};

use super::{AnyKind, Lanes, Mpsc, Place, bytes_of};
use support::process::PATIENCE;

on_rings_of_several!(
    each_producer_has_a_seat_of_its_own,
    when_all_seats_are_taken_that_is_told,
    a_seat_that_was_left_is_free_and_the_first_free_one_is_taken,
    records_say_who_sent_them,
    each_producers_records_come_in_its_order,
    a_thousand_producers_share_a_ring,
    a_ring_is_closed_when_the_last_producer_has_left,
    a_closed_ring_is_open_again_when_a_producer_comes,
    any_producer_that_comes_is_waited_for,
    a_producer_that_is_not_alone_is_told_that_the_consumer_left,
    eight_threads_stream_items_through_a_tiny_ring,
    eight_threads_stream_records_through_a_tiny_ring,
    eight_threads_stream_batches_and_what_they_give_up,
);

const CLOSED: PopError = PopError::Closed(Departure::Left);

fn each_producer_has_a_seat_of_its_own<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(8, 5);
    assert_eq!(ring.max_producers(), 5);
    let first = ring.producer().unwrap();
    let others = [(); 4].map(|()| first.try_clone().unwrap());
    assert_eq!((first.seat(), others.each_ref().map(|tx| tx.seat())), (0, [1, 2, 3, 4]));
    assert_eq!(others[3].ring().max_producers(), 5);
    // How many there are is told by the ring, not by the options of who joins it.
    let joined = Ring::<K, u64, _>::attach(ring.memory().clone()).unwrap();
    assert_eq!((joined.max_producers(), joined.capacity()), (5, 8));
}

fn when_all_seats_are_taken_that_is_told<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(512, 3);
    let ends = ring.several::<3>();
    let error = SeatError::AllTaken { role: Role::Producer, seats: 3, unresolved: 0 };
    assert_eq!((ring.producer().err(), ends[1].try_clone().err()), (Some(error), Some(error)));
    let text = error.to_string();
    assert!(text.starts_with("none of the 3 producer seats is free"), "{text}");
    assert!(text.contains("Options::max_producers"), "{text}");
    // Where there is one, who has it is told.
    let ring = place.ring_of::<K, [u8]>(512, 1);
    let tx = ring.producer().unwrap();
    assert!(matches!(tx.try_clone(), Err(SeatError::SeatTaken { role: Role::Producer, .. })));
}

fn a_seat_that_was_left_is_free_and_the_first_free_one_is_taken<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(8, 4);
    let mut ends = ring.several::<4>().map(Some);
    for free in [2, 0, 3, 1, 1] {
        ends[free] = None;
        let tx = ring.producer().unwrap();
        assert_eq!(usize::from(tx.seat()), free);
        ends[free] = Some(tx);
        assert!(ring.producer().is_err());
    }
    (ends[1], ends[3]) = (None, None);
    assert_eq!(ring.several::<2>().map(|tx| tx.seat()), [1, 3]);
}

fn records_say_who_sent_them<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(1024, 3);
    let mut rx = ring.consumer().unwrap();
    let mut ends = ring.several::<3>();
    for turn in 0..50 {
        let from = turn * turn % 3;
        match turn % 4 {
            0 => ends[from].try_push(&bytes_of(turn, 5)).unwrap(),
            1 => {
                let mut reserved = ends[from].try_reserve(300).unwrap();
                reserved.payload().write_at(&bytes_of(turn, 5), 0).unwrap();
                reserved.commit_len(5).unwrap();
            }
            _ => {
                let mut batch = ends[from].try_batch(64).unwrap();
                batch.try_push(&bytes_of(turn, 5)).unwrap();
                batch.commit();
            }
        }
        let record = rx.try_read().unwrap();
        assert_eq!((usize::from(record.seat()), record.payload().to_vec()), (from, bytes_of(turn, 5)));
    }
}

fn each_producers_records_come_in_its_order<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u32; 2]>(32, 4);
    let mut rx = ring.consumer().unwrap();
    let mut ends = ring.several::<4>();
    let (mut sent, mut received) = ([0; 4], [0; 4]);
    for turn in 0..500_usize {
        let from = turn * 7 % 5 % 4;
        let items: Vec<_> = (0..turn as u32 % 4).map(|i| [from as u32, sent[from] + i]).collect();
        sent[from] += ends[from].try_push_slice(&items).unwrap_or(0) as u32;
        let taken = rx.drain(turn % 3, |[from, count]| {
            assert_eq!(count, received[from as usize]);
            received[from as usize] += 1;
        });
        assert!(matches!(taken, Ok(_) | Err(PopError::Empty)));
    }
    while let Ok([from, count]) = rx.try_pop() {
        assert_eq!(count, received[from as usize]);
        received[from as usize] += 1;
    }
    assert_eq!(received, sent);
    assert!(sent.iter().all(|n| *n > 30), "{sent:?}");
}

fn a_thousand_producers_share_a_ring<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(2048, 1000);
    let mut rx = ring.consumer().unwrap();
    let mut ends: Vec<_> = (0..1000).map(|_| ring.producer().unwrap()).collect();
    assert_eq!(
        ring.producer().err(),
        Some(SeatError::AllTaken { role: Role::Producer, seats: 1000, unresolved: 0 })
    );
    for turn in 0..2 {
        for (seat, tx) in ends.iter_mut().enumerate() {
            assert_eq!(usize::from(tx.seat()), seat);
            tx.try_push(&(10 * seat as u64 + turn)).unwrap();
        }
    }
    let mut seen = Vec::new();
    assert_eq!(rx.drain(usize::MAX, |item| seen.push(item)), Ok(2000));
    let place = |item| seen.iter().position(|seen| *seen == item).unwrap();
    assert!((0..1000).all(|seat| place(10 * seat) < place(10 * seat + 1)));
    // The last one is enough for it to be open.
    ends.drain(..999);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(ring.seats().filter(|seat| matches!(seat.presence, Presence::Left(_))).count(), 999);
    drop(ends);
    assert_eq!(rx.try_pop(), Err(CLOSED));
}

fn a_ring_is_closed_when_the_last_producer_has_left<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(8, 3);
    let mut rx = ring.consumer().unwrap();
    // Nobody has come yet: who will come may still send something.
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(rx.pop_timeout(Duration::from_millis(2)), Err(PopError::Elapsed));
    let [first, mut second, third] = ring.several();
    drop((first, third));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    second.try_push(&7).unwrap();
    drop(second);
    // Not before all was taken; and then as long as it is so.
    assert_eq!(rx.pop(), Ok(7));
    for _ in 0..3 {
        assert_eq!((rx.try_pop(), rx.pop()), (Err(CLOSED), Err(CLOSED)));
        assert_eq!(rx.pop_timeout(Duration::MAX), Err(CLOSED));
        assert_eq!(rx.drain(3, |_| ()), Err(CLOSED));
    }
    // Also for who comes later.
    drop(rx);
    assert_eq!(ring.consumer().unwrap().try_pop(), Err(CLOSED));
}

fn a_closed_ring_is_open_again_when_a_producer_comes<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(512, 2);
    let mut rx = ring.consumer().unwrap();
    for i in 0..10_usize {
        let mut ends = ring.several::<2>();
        assert_eq!(rx.try_read().map(drop), Err(PopError::Empty));
        ends[i % 2].try_push(&bytes_of(i, i)).unwrap();
        drop(ends);
        assert_eq!(rx.read().unwrap().payload().to_vec(), bytes_of(i, i));
        assert_eq!(rx.read().map(drop), Err(CLOSED));
    }
}

fn any_producer_that_comes_is_waited_for<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(1, 3);
    let rx = ring.consumer().unwrap();
    assert!(!rx.wait_for_producer(Duration::from_millis(2)));
    thread::scope(|scope| {
        let waiting = scope.spawn(move || (rx.wait_for_producer(PATIENCE), rx));
        thread::sleep(Duration::from_millis(10));
        let tx = ring.producer().unwrap();
        let (came, rx) = waiting.join().unwrap();
        assert!(came && matches!(rx.producer_presence(), Presence::Here(_)));
        // One who is here is enough, in whatever seat.
        let other = ring.producer().unwrap();
        drop(tx);
        assert!(rx.wait_for_producer(Duration::ZERO) && matches!(rx.producer_presence(), Presence::Here(_)));
        drop(other);
        assert!(!rx.wait_for_producer(Duration::from_millis(2)));
    });
}

fn a_producer_that_is_not_alone_is_told_that_the_consumer_left<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(2, 3);
    let rx = ring.consumer().unwrap();
    thread::scope(|scope| {
        let waiting =
            ring.several::<3>().map(|mut tx| scope.spawn(move || (0..).find_map(|i| tx.push(&i).err())));
        thread::sleep(Duration::from_millis(10));
        drop(rx);
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap(), Some(PushError::Closed(Departure::Left)));
        }
    });
}

const THREADS: usize = 8;

fn eight_threads_stream_items_through_a_tiny_ring<K: AnyKind>(place: Place) {
    const ITEMS: u32 = 2_500;
    let ring = place.ring_of::<K, [u32; 2]>(4, THREADS);
    let mut rx = ring.consumer().unwrap();
    let ends = ring.several::<THREADS>();
    thread::scope(|scope| {
        for mut tx in ends {
            scope.spawn(move || {
                let seat = tx.seat().into();
                let mut sent = 0;
                while sent < ITEMS {
                    tx.push(&[seat, sent]).unwrap();
                    let more: [_; 3] = array::from_fn(|i| [seat, sent + 1 + i as u32]);
                    let fits = more.len().min((ITEMS - sent - 1) as usize);
                    sent += 1 + tx.try_push_slice(&more[..fits]).unwrap_or(0) as u32;
                }
            });
        }
        let mut received = [0; THREADS];
        while let Ok([seat, count]) = rx.pop() {
            assert_eq!(count, received[seat as usize], "of producer {seat}");
            received[seat as usize] += 1;
        }
        assert_eq!((received, rx.pop()), ([ITEMS; THREADS], Err(CLOSED)));
    });
}

/// The `count`th record of a producer: its first bytes say which it is.
fn record(seat: u16, count: usize) -> Vec<u8> {
    let mut record = bytes_of(usize::from(seat) + count, 8 + count % 120);
    record[..8].copy_from_slice(&(u64::from(seat) << 32 | count as u64).to_le_bytes());
    record
}

/// Reads until all producers have left; how many records came from each. Each producer's come in order, from 0 on.
fn receive_all<K: AnyKind, M: Memory>(rx: &mut Consumer<K, [u8], M>) -> [usize; THREADS] {
    let mut received = [0; THREADS];
    loop {
        match rx.read() {
            Ok(read) => {
                let seat = read.seat();
                let count = &mut received[usize::from(seat)];
                assert_eq!(read.payload().to_vec(), record(seat, *count), "of producer {seat}");
                *count += 1;
            }
            Err(error) => {
                assert_eq!(error, CLOSED);
                return received;
            }
        }
    }
}

fn eight_threads_stream_records_through_a_tiny_ring<K: AnyKind>(place: Place) {
    const RECORDS: usize = 1_500;
    let ring = place.ring_of::<K, [u8]>(4 * 64, THREADS);
    let mut rx = ring.consumer().unwrap();
    let ends = ring.several::<THREADS>();
    thread::scope(|scope| {
        for mut tx in ends {
            let seat = tx.seat();
            scope.spawn(move || (0..RECORDS).for_each(|count| tx.push(&record(seat, count)).unwrap()));
        }
        assert_eq!(receive_all(&mut rx), [RECORDS; THREADS]);
    });
}

fn eight_threads_stream_batches_and_what_they_give_up<K: AnyKind>(place: Place) {
    const RECORDS: usize = 1_500;
    let ring = place.ring_of::<K, [u8]>(16 * 64, THREADS);
    let mut rx = ring.consumer().unwrap();
    let ends = ring.several::<THREADS>();
    thread::scope(|scope| {
        for mut tx in ends {
            let seat = tx.seat();
            scope.spawn(move || {
                let mut sent = 0;
                while sent < RECORDS {
                    match sent % 5 {
                        0 => tx.reserve(200).unwrap().abort(),
                        1 => std::mem::forget(tx.reserve(70).unwrap()),
                        _ => {}
                    }
                    let mut reserved = tx.reserve(130).unwrap();
                    let whole = record(seat, sent);
                    reserved.payload().write_at(&whole, 0).unwrap();
                    reserved.commit_len(whole.len()).unwrap();
                    sent += 1;
                    let Ok(mut batch) = tx.try_batch(4 * 64) else { continue };
                    let fits = (sent..RECORDS).take_while(|n| batch.try_push(&record(seat, *n)).is_ok());
                    let staged = fits.take(3).count();
                    // Every other one is dropped.
                    if sent % 2 == 0 {
                        batch.commit();
                        sent += staged;
                    }
                }
            });
        }
        assert_eq!(receive_all(&mut rx), [RECORDS; THREADS]);
    });
}

#[test]
fn a_seat_costs_512_bytes_and_a_lane_its_cells() {
    /// How many bytes a ring of this capacity and so many producers needs.
    fn len<K: AnyKind, T: Message + ?Sized>(capacity: usize, producers: usize) -> usize {
        Ring::<K, T>::required_len(&Options::new().capacity(capacity).max_producers(producers))
    }
    fn seat<K: AnyKind, T: Message + ?Sized>(capacity: usize, producers: usize) -> usize {
        len::<K, T>(capacity, producers + 1) - len::<K, T>(capacity, producers)
    }
    for producers in [1, 2, 15, 16, 500, 999] {
        assert_eq!(seat::<Mpsc, u64>(64, producers), 512);
        assert_eq!(seat::<Mpsc, [u8]>(4096, producers), 512);
        assert_eq!(seat::<Lanes, u64>(64, producers), 512 + 64 * 16);
        assert_eq!(seat::<Lanes, [u64; 7]>(8, producers), 512 + 8 * 64);
        // Payload, and 16 bytes for the descriptor of each cell.
        assert_eq!(seat::<Lanes, [u8]>(4096, producers), 512 + 4096 + 64 * 16);
    }
    assert_eq!(len::<Mpsc, u64>(64, 0), len::<Mpsc, u64>(64, 16));
}

#[test]
fn there_are_65535_seats_at_most() {
    fn of_kind<K: AnyKind>() {
        let ring = Place::Heap.ring_of::<K, u64>(1, 65_535);
        let mut rx = ring.consumer().unwrap();
        let mut tx = ring.producer().unwrap();
        assert_eq!((ring.max_producers(), tx.try_clone().unwrap().seat()), (65_535, 1));
        tx.try_push(&7).unwrap();
        assert_eq!(rx.try_pop(), Ok(7));
        drop(tx);
        assert_eq!(rx.try_pop(), Err(CLOSED));

        assert_eq!(
            Ring::<K, u64>::required_len(&Options::new().capacity(1).max_producers(65_536)),
            usize::MAX
        );
        let options = Options::new().capacity(1).max_producers(65_536);
        let error = Ring::<K, u64, _>::format(Heap::new(4096), &options).err();
        assert_eq!(error, Some(LayoutError::Limit { what: "producers", asked: 65_536, most: 65_535 }));
    }
    of_kind::<Mpsc>();
    of_kind::<Lanes>();
}
