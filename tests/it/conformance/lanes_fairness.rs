//! Lanes: each producer in turn, none in another's way, and those that rest are heard again.
use ringway::PushError;

use super::{AnyKind, Place, bytes_of};

cases!(lanes: ringway::lanes::Lanes; {
    each_lane_has_its_turn_of_64_items,
    each_lane_has_its_turn_of_64_records,
    a_turn_ends_early_when_a_lane_is_empty,
    what_was_kept_comes_again_from_the_same_lane,
    a_full_lane_hinders_no_other,
    an_open_reservation_holds_up_only_its_own_lane,
    of_a_thousand_lanes_a_few_are_busy,
    a_lane_that_rested_is_heard_at_once,
    a_lane_that_rested_is_heard_while_another_stays_busy,
    the_next_consumer_goes_on_in_every_lane,
    the_next_producer_of_a_lane_goes_on_in_it
});

fn each_lane_has_its_turn_of_64_items<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(256, 3);
    let mut rx = ring.consumer().unwrap();
    let mut ends = ring.several::<3>();
    for (lane, items) in [200, 70, 64].into_iter().enumerate() {
        let items: Vec<_> = (0..items).map(|i| 1000 * lane as u64 + i).collect();
        assert_eq!(ends[lane].try_push_slice(&items), Ok(items.len()));
    }
    let mut seen = Vec::new();
    assert_eq!(rx.drain(usize::MAX, |item| seen.push(item)), Ok(334));
    let turns = [0..64, 1000..1064, 2000..2064, 64..128, 1064..1070, 128..192, 192..200];
    assert_eq!(seen, turns.into_iter().flatten().collect::<Vec<_>>());
}

fn each_lane_has_its_turn_of_64_records<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(256 * 64, 2);
    let mut rx = ring.consumer().unwrap();
    let mut ends = ring.several::<2>();
    for (i, tx) in (0..130).flat_map(|i| [(i, 0), (i, 1)]) {
        ends[tx].try_push(&[i]).unwrap();
    }
    for (turn, len) in [64, 64, 64, 64, 2, 2].into_iter().enumerate() {
        for i in 0..len {
            let record = rx.try_read().unwrap();
            assert_eq!(usize::from(record.seat()), turn % 2);
            assert_eq!(record.payload().to_vec(), [(turn / 2 * 64 + i) as u8]);
        }
    }
    assert!(rx.try_read().is_err());
}

fn a_turn_ends_early_when_a_lane_is_empty<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(64, 2);
    let mut rx = ring.consumer().unwrap();
    let [mut a, mut b] = ring.several();
    b.try_push_slice(&[10, 11, 12]).unwrap();
    a.try_push_slice(&[1, 2]).unwrap();
    assert_eq!([(); 3].map(|()| rx.try_pop().unwrap()), [1, 2, 10]);
    // It is the other's turn until that is over.
    a.try_push(&3).unwrap();
    assert_eq!([(); 3].map(|()| rx.try_pop().unwrap()), [11, 12, 3]);
    assert!(rx.try_pop().is_err());
}

fn what_was_kept_comes_again_from_the_same_lane<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(128 * 64, 2);
    let mut rx = ring.consumer().unwrap();
    let [mut a, mut b] = ring.several();
    for i in 0..70 {
        a.try_push(&[i]).unwrap();
        b.try_push(&[100 + i]).unwrap();
    }
    // Also at the end of a turn.
    for i in 0..140 {
        let record = rx.try_read().unwrap();
        let first = (record.seat(), record.payload().to_vec());
        record.keep();
        let again = rx.try_read().unwrap();
        assert_eq!((again.seat(), again.payload().to_vec()), first, "{i}");
    }
}

fn a_full_lane_hinders_no_other<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(4, 2);
    let mut rx = ring.consumer().unwrap();
    let [mut full, mut other] = ring.several();
    assert_eq!(full.try_push_slice(&[1, 2, 3, 4, 5]), Ok(4));
    for i in 10..14 {
        assert_eq!(full.try_push(&9), Err(PushError::Full));
        other.try_push(&i).unwrap();
    }
    let mut seen = Vec::new();
    assert_eq!(rx.drain(9, |item| seen.push(item)), Ok(8));
    assert_eq!(seen, [1, 2, 3, 4, 10, 11, 12, 13]);
}

fn an_open_reservation_holds_up_only_its_own_lane<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(512, 3);
    let mut rx = ring.consumer().unwrap();
    let [mut slow, mut batching, mut quick] = ring.several();
    let reserved = slow.try_reserve(100).unwrap();
    let mut batch = batching.try_batch(64).unwrap();
    batch.try_push(b"batch").unwrap();
    for i in 0..20 {
        quick.try_push(&bytes_of(i, i)).unwrap();
        assert_eq!(rx.try_read().unwrap().payload().to_vec(), bytes_of(i, i));
        assert!(rx.try_read().is_err());
    }
    reserved.commit_len(3).unwrap();
    assert_eq!(rx.try_read().unwrap().len(), 3);
    batch.commit();
    assert_eq!(rx.try_read().unwrap().payload().to_vec(), b"batch");
}

fn of_a_thousand_lanes_a_few_are_busy<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(4, 1000);
    let mut rx = ring.consumer().unwrap();
    let mut ends: Vec<_> = (0..1000).map(|_| ring.producer().unwrap()).collect();
    // Three at a time are busy, and the others long enough idle to be left out; then three others.
    for turn in 0..30 {
        let busy = [turn, 500 + turn, 999 - turn];
        for i in 0..100 {
            for lane in busy {
                ends[lane].try_push(&(1000 * lane as u64 + i)).unwrap();
            }
            let mut seen = Vec::new();
            assert_eq!(rx.drain(9, |item| seen.push(item)), Ok(3), "turn {turn}, {i}");
            seen.sort_unstable();
            assert_eq!(seen, busy.map(|lane| 1000 * lane as u64 + i));
            assert!(rx.try_pop().is_err());
        }
    }
}

fn a_lane_that_rested_is_heard_at_once<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, [u8]>(128, 200);
    let mut rx = ring.consumer().unwrap();
    let mut ends: Vec<_> = (0..200).map(|_| ring.producer().unwrap()).collect();
    for turn in 0..3 {
        // Enough for all to rest.
        (0..500).for_each(|_| assert!(rx.try_read().is_err()));
        for (lane, tx) in ends.iter_mut().enumerate() {
            for i in 0..2 {
                tx.try_push(&bytes_of(lane, i)).unwrap();
            }
            for i in 0..2 {
                let record = rx.try_read().unwrap();
                assert_eq!(usize::from(record.seat()), lane, "turn {turn}");
                assert_eq!(record.payload().to_vec(), bytes_of(lane, i));
            }
        }
    }
}

fn a_lane_that_rested_is_heard_while_another_stays_busy<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(256, 32);
    let mut rx = ring.consumer().unwrap();
    let mut ends: Vec<_> = (0..32).map(|_| ring.producer().unwrap()).collect();
    let mut received = [0; 32];
    for i in 0..40_000 {
        // Lane 0 is never empty.
        while ends[0].try_push(&0).is_ok() {}
        if i == 20_000 {
            ends[20].try_push(&20).unwrap();
        }
        received[rx.try_pop().unwrap() as usize] += 1;
    }
    assert_eq!(received[20], 1, "of lane 20, while {} came from lane 0", received[0]);
}

fn the_next_consumer_goes_on_in_every_lane<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(8, 40);
    let mut ends: Vec<_> = (0..40).map(|_| ring.producer().unwrap()).collect();
    for turn in 0..20 {
        for (lane, tx) in ends.iter_mut().enumerate() {
            tx.try_push_slice(&[100 * turn + lane as u64, 100 * turn + lane as u64]).unwrap();
        }
        // The first leaves in the middle of it, and with lanes at rest.
        let mut seen = Vec::new();
        let mut rx = ring.consumer().unwrap();
        (0..500).for_each(|_| seen.extend(rx.try_pop()));
        drop(rx);
        assert_eq!(ends[7].try_push(&(100 * turn + 7)), Ok(()));
        let mut rx = ring.consumer().unwrap();
        while let Ok(item) = rx.try_pop() {
            seen.push(item);
        }
        let count = |lane: u64| seen.iter().filter(|item| **item == 100 * turn + lane).count();
        assert_eq!((0..40).map(count).sum::<usize>(), seen.len());
        assert_eq!((count(6), count(7), seen.len()), (2, 3, 81));
    }
}

fn the_next_producer_of_a_lane_goes_on_in_it<K: AnyKind>(place: Place) {
    let ring = place.ring_of::<K, u64>(4, 3);
    let mut rx = ring.consumer().unwrap();
    let [_first, second, _third] = ring.several();
    let mut second = Some(second);
    for i in 0..20 {
        let mut tx = second.take().unwrap();
        assert_eq!((tx.seat(), tx.position()), (1, 2 * i));
        assert_eq!(tx.try_push_slice(&[2 * i, 2 * i + 1]), Ok(2));
        drop(tx);
        second = ring.producer().ok();
        if i % 2 == 1 {
            assert_eq!(second.as_mut().unwrap().try_push(&99), Err(PushError::Full));
            let mut seen = Vec::new();
            assert_eq!(rx.drain(9, |item| seen.push(item)), Ok(4));
            assert_eq!(seen, (2 * i - 2..2 * i + 2).collect::<Vec<_>>());
        }
    }
}
