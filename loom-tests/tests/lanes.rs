//! `lanes` rings: order within each lane, changes of holder, and dead producers. No lane is idle in
//! these models.
use loom::thread;
use ringway::memory::Model;
use ringway::{Departure, PopError, lanes::Consumer};
use ringway_loom::items::{Item, assert_each_in_order, item, pop, push};
use ringway_loom::{check, declare_producer_dead, lanes, retry, witnessed};

#[test]
fn the_items_of_each_lane_arrive_whole_and_in_order_over_several_laps() {
    check(2, || {
        let ring = lanes::<Item>(1, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || (0..2).for_each(|i| push(&mut a, i)));
        let second = thread::spawn(move || push(&mut b, 10));
        let mut got = Vec::new();
        while got.len() < 3 {
            match pop(&mut rx) {
                Some(i) => got.push(i),
                None => thread::yield_now(),
            }
        }
        assert_each_in_order(&got, 2, 1);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn records_of_any_size_arrive_whole_and_are_released_per_lane() {
    check(2, || {
        let ring = lanes::<[u8]>(128, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        a.try_push(&[0]).unwrap();
        a.try_push(&[1]).unwrap();
        let first = thread::spawn(move || a.try_push(&[2, 2]).is_ok());
        let second = thread::spawn(move || {
            let mut batch = b.try_batch(64).unwrap();
            batch.try_push(&[10, 10]).unwrap();
            batch.try_push(&[11]).unwrap();
            batch.commit();
        });
        let mut got = Vec::new();
        let mut collect = |rx: &mut Consumer<[u8], Model>| {
            let _ = rx.drain(4, |record| {
                let record = record.to_vec();
                assert!(record.iter().all(|byte| *byte == record[0]), "torn: {record:?}");
                got.push(record[0].into());
            });
        };
        collect(&mut rx);
        let third = first.join().unwrap();
        second.join().unwrap();
        (0..2).for_each(|_| collect(&mut rx));
        assert_each_in_order(&got, 2 + u64::from(third), 2);
    });
}

#[test]
fn pop_returns_closed_only_after_the_last_item_of_all_lanes() {
    check(2, || {
        let ring = lanes::<Item>(1, Model::new);
        let (mut a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || push(&mut a, 0));
        let second = thread::spawn(move || push(&mut b, 10));
        let mut got = Vec::new();
        loop {
            match rx.try_pop() {
                Ok([i, _]) => got.push(i),
                Err(PopError::Closed(how)) => break assert_eq!(how, Departure::Left),
                Err(_) => thread::yield_now(),
            }
        }
        assert_each_in_order(&got, 1, 1);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_successor_continues_at_the_position_of_its_lane() {
    check(2, || {
        let ring = lanes::<Item>(2, Model::new);
        let (mut a, _b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let theirs = thread::spawn(move || push(&mut a, 0));
        let mut got = Vec::from_iter(pop(&mut rx));
        let successor = retry(2, || ring.producer().ok());
        theirs.join().unwrap();
        let has_successor = successor.is_some();
        if let Some(mut successor) = successor {
            assert_eq!((successor.seat(), successor.position()), (0, 1));
            push(&mut successor, 1);
        }
        got.extend(std::iter::from_fn(|| pop(&mut rx)));
        assert_each_in_order(&got, 1 + u64::from(has_successor), 0);
    });
}

#[test]
fn a_dead_producer_delays_no_other_producer_and_its_successor_continues() {
    // The writes of the victim: the item, the stamp, TAIL.
    for writes in 0..=3 {
        check(2, move || {
            let ring = lanes::<Item>(1, witnessed);
            let (a, mut b, mut rx) =
                (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
            let successor = thread::spawn(move || {
                Model::crash_after(writes, a, |a| push(a, 0));
                declare_producer_dead(ring.memory(), 0);
                let mut successor = ring.producer().unwrap();
                assert_eq!((successor.seat(), successor.position()), (0, u64::from(writes >= 2)));
                successor.try_push(&item(successor.position())).is_ok()
            });
            let second = thread::spawn(move || {
                push(&mut b, 10);
                b
            });
            let mut got = Vec::from_iter(pop(&mut rx));
            let pushed = successor.join().unwrap();
            let _b = second.join().unwrap();
            got.extend(std::iter::from_fn(|| pop(&mut rx)));
            assert_each_in_order(&got, u64::from(writes >= 2) + u64::from(pushed), 1);
        });
    }
}
