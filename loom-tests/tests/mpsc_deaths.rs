//! `mpsc` producers that stop for ever after each of their writes, and are then dead, or alive
//! and stopped.
use std::sync::{Arc, Mutex};

use loom::thread;
use ringway::Loss;
use ringway::SeatError;
use ringway::memory::Model;
use ringway::mpsc::{Consumer, Producer, Ring};
use ringway_loom::items::{Item, item, pop, push};
use ringway_loom::{check, declare_producer_dead, mpsc, witnessed};

/// Pops all items, after the consumer has repaired what the dead left. Returns the items and the
/// losses.
fn recover(rx: &mut Consumer<Item, Model>) -> (Vec<u64>, Vec<Loss>) {
    let mut got = Vec::new();
    loop {
        got.extend(std::iter::from_fn(|| pop(rx)));
        let before = rx.position();
        // `stalled` repairs what stands in the way.
        assert_eq!(rx.stalled(), None);
        match pop(rx) {
            Some(i) => got.push(i),
            None if rx.position() == before => return (got, rx.losses().collect()),
            None => {}
        }
    }
}

/// The fate of the victim's item.
#[derive(Debug, PartialEq, Eq, Clone, Copy, PartialOrd, Ord)]
enum End {
    NeverClaimed,
    Lost,
    Whole,
}

/// Asserts that the survivor's items `10..10 + n` arrived once and in order, and that the victim's
/// item 0 arrived, or was reported lost, or was never claimed. Returns which.
fn judge(start: u64, rx: &Consumer<Item, Model>, got: &[u64], losses: &[Loss], n: u64) -> End {
    let survivors = got.iter().copied().filter(|i| *i >= 10);
    assert!(survivors.eq(10..10 + n), "{got:?}");
    let cells: u64 = losses.iter().map(|loss| loss.cells).sum();
    assert_eq!(rx.position(), start + got.len() as u64 + cells);
    match (got.len() as u64 - n, losses) {
        (0, []) => End::NeverClaimed,
        (1, []) => {
            assert!(got.contains(&0));
            End::Whole
        }
        (0, [loss]) => {
            assert_eq!((loss.seat, loss.cells), (0, 1));
            End::Lost
        }
        _ => panic!("{got:?} {losses:?}"),
    }
}

/// Runs `model` for a victim that stops after 0, 1, … `most` writes. Returns the set of results,
/// sorted.
fn at_each_write(
    preemptions: usize,
    most: u32,
    model: impl Fn(u32) -> End + Send + Sync + Copy + 'static,
) -> Vec<End> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    for writes in 0..=most {
        let seen = seen.clone();
        check(preemptions, move || seen.lock().unwrap().push(model(writes)));
    }
    let mut ends = seen.lock().unwrap().clone();
    ends.sort();
    ends.dedup();
    ends
}

type Producers = [Producer<Item, Model>; 2];

/// An empty ring, its two producers and its consumer.
fn ring(capacity: usize) -> (Ring<Item, Model>, Producers, Consumer<Item, Model>) {
    let ring = mpsc::<Item>(capacity, witnessed);
    let producers = [ring.producer().unwrap(), ring.producer().unwrap()];
    let rx = ring.consumer().unwrap();
    (ring, producers, rx)
}

/// The number of shared writes of an undisturbed push: E, A announced, TAIL, A owned, the item, the
/// stamp, two counters.
const PUSH: u32 = 8;

#[test]
fn the_claim_of_a_dead_producer_is_skipped_once() {
    let ends = at_each_write(1, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(4);
        let victim = thread::spawn(move || {
            Model::crash_after(writes, a, |a| push(a, 0));
            declare_producer_dead(ring.memory(), 0);
        });
        let survivor = thread::spawn(move || {
            (10..12).for_each(|i| push(&mut b, i));
            b
        });
        let mut got = Vec::from_iter(pop(&mut rx));
        let _ = rx.stalled();
        got.extend(pop(&mut rx));
        victim.join().unwrap();
        let _b = survivor.join().unwrap();
        let (rest, losses) = recover(&mut rx);
        got.extend(rest);
        judge(0, &rx, &got, &losses, 2)
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}

#[test]
fn the_consumer_waits_for_a_stopped_producer_and_names_it_until_it_is_proved_dead() {
    let ends = at_each_write(2, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(2);
        let victim = thread::spawn(move || Model::crash_after(writes, a, |a| push(a, 0)));
        let survivor = thread::spawn(move || {
            push(&mut b, 10);
            b
        });
        let mut got = Vec::from_iter(pop(&mut rx));
        if let Some(stall) = rx.stalled() {
            assert!(stall.attached);
        }
        victim.join().unwrap();
        let _b = survivor.join().unwrap();
        got.extend(std::iter::from_fn(|| pop(&mut rx)));
        let stall = rx.stalled();
        let before = rx.position();
        assert_eq!(
            (pop(&mut rx), rx.position()),
            (None, before),
            "the consumer skipped the claim of a living producer"
        );
        assert_eq!(rx.losses().count(), 0);
        if let Some(stall) = stall {
            assert_eq!((stall.seat, stall.attached), (0, true));
            let seen = got.len() as u64;
            assert_eq!(stall.cells, 2 - seen);
        }
        declare_producer_dead(ring.memory(), 0);
        let (rest, losses) = recover(&mut rx);
        got.extend(rest);
        let end = judge(0, &rx, &got, &losses, 1);
        assert_eq!(stall.is_some(), end == End::Lost);
        end
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}

#[test]
fn two_dead_producers_lose_one_item_each() {
    for others in 2..=5 {
        at_each_write(2, 6, move |writes| {
            let (ring, [a, b], mut rx) = ring(4);
            let memory = ring.memory().clone();
            let first = thread::spawn(move || {
                Model::crash_after(writes, a, |a| push(a, 0));
                declare_producer_dead(&memory, 0);
            });
            let memory = ring.memory().clone();
            let second = thread::spawn(move || {
                Model::crash_after(others, b, |b| push(b, 10));
                declare_producer_dead(&memory, 1);
            });
            let mut got = Vec::from_iter(pop(&mut rx));
            let _ = rx.stalled();
            first.join().unwrap();
            second.join().unwrap();
            let (rest, losses) = recover(&mut rx);
            got.extend(rest);
            assert_eq!(rx.position(), (got.len() + losses.len()) as u64);
            got.sort_unstable();
            got.dedup();
            assert_eq!(rx.position(), (got.len() + losses.len()) as u64, "an item arrived twice");
            // Both seats can be taken again, and their new holders continue.
            let (mut c, mut d) = (ring.producer().unwrap(), ring.producer().unwrap());
            push(&mut c, 20);
            push(&mut d, 21);
            assert_eq!((pop(&mut rx), pop(&mut rx), pop(&mut rx)), (Some(20), Some(21), None));
            End::Lost
        });
    }
}

#[test]
fn the_seat_of_a_dead_producer_is_reusable_once_its_claim_is_decided() {
    let ends = at_each_write(1, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(4);
        let successor = thread::spawn(move || {
            Model::crash_after(writes, a, |a| push(a, 0));
            declare_producer_dead(ring.memory(), 0);
            match ring.producer() {
                Ok(mut successor) => {
                    assert_eq!(successor.seat(), 0);
                    push(&mut successor, 20);
                    true
                }
                Err(SeatError::AllTaken { .. }) => false,
                Err(error) => panic!("{error}"),
            }
        });
        let survivor = thread::spawn(move || {
            push(&mut b, 10);
            b
        });
        let _ = rx.stalled();
        let mut got = Vec::from_iter(pop(&mut rx));
        let has_successor = successor.join().unwrap();
        let b = survivor.join().unwrap();
        let (rest, losses) = recover(&mut rx);
        got.extend(rest);
        assert_eq!(got.contains(&20), has_successor, "{got:?}");
        if !has_successor {
            // The claim is decided now.
            push(&mut b.try_clone().unwrap(), 20);
            assert_eq!(pop(&mut rx), Some(20));
            got.push(20);
        }
        assert_eq!(rx.position(), (got.len() + losses.len()) as u64);
        got.retain(|i| *i != 20);
        judge(1, &rx, &got, &losses, 1)
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}

#[test]
fn a_seat_with_an_undecided_claim_is_refused() {
    let ends = at_each_write(2, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(2);
        Model::crash_after(writes, a, |a| push(a, 0));
        declare_producer_dead(ring.memory(), 0);
        push(&mut b, 10);
        let successor = b.try_clone();
        let is_refused = matches!(successor, Err(SeatError::AllTaken { .. }));
        drop(successor);
        let (got, losses) = recover(&mut rx);
        assert!(b.try_clone().is_ok());
        let end = judge(0, &rx, &got, &losses, 1);
        assert_eq!(is_refused, end == End::Lost);
        end
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}

#[test]
fn a_lost_slice_is_lost_as_a_whole() {
    // Two writes more than a push: one more item, one more stamp.
    let ends = at_each_write(2, PUSH + 2, |writes| {
        let (ring, [a, mut b], mut rx) = ring(4);
        let victim = thread::spawn(move || {
            Model::crash_after(writes, a, |a| assert_eq!(a.try_push_slice(&[0, 1].map(item)), Ok(2)));
            declare_producer_dead(ring.memory(), 0);
        });
        let survivor = thread::spawn(move || {
            push(&mut b, 10);
            b
        });
        let _ = rx.stalled();
        let mut got = Vec::from_iter(pop(&mut rx));
        victim.join().unwrap();
        let _b = survivor.join().unwrap();
        let (rest, losses) = recover(&mut rx);
        got.extend(rest);
        let cells: u64 = losses.iter().map(|loss| loss.cells).sum();
        assert_eq!(rx.position(), got.len() as u64 + cells);
        match (got.as_slice(), cells) {
            ([10], 0) => End::NeverClaimed,
            ([10], 2) => End::Lost,
            ([0, 1, 10] | [10, 0, 1], 0) => End::Whole,
            _ => panic!("{got:?} {losses:?}"),
        }
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}

#[test]
fn recover_marks_lost_records_and_the_next_consumer_reports_them() {
    let ends = at_each_write(1, PUSH, |writes| {
        let (ring, [a, mut b], rx) = ring(4);
        drop(rx);
        let theirs = ring.clone();
        let victim = thread::spawn(move || {
            Model::crash_after(writes, a, |a| push(a, 0));
            declare_producer_dead(theirs.memory(), 0);
        });
        let survivor = thread::spawn(move || {
            push(&mut b, 10);
            b
        });
        let early = ring.recover().unwrap().lost;
        victim.join().unwrap();
        let b = survivor.join().unwrap();
        let late = ring.recover().unwrap();
        assert_eq!(late.blocked_by, None);
        // The claim is decided, so the seat is free.
        push(&mut b.try_clone().unwrap(), 11);
        let mut rx = ring.consumer().unwrap();
        let got: Vec<u64> = std::iter::from_fn(|| pop(&mut rx)).collect();
        let losses: Vec<Loss> = rx.losses().collect();
        assert_eq!(losses.len() as u64, early + late.lost);
        judge(0, &rx, &got, &losses, 2)
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}

#[test]
fn a_lost_mark_means_nothing_one_lap_later() {
    check(2, || {
        let ring = mpsc::<Item>(1, witnessed);
        let (a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        assert!(!Model::crash_after(3, a, |a| push(a, 0)));
        declare_producer_dead(ring.memory(), 0);
        let (got, losses) = recover(&mut rx);
        assert_eq!((got.len(), losses.len()), (0, 1));
        assert_eq!(pop(&mut rx), None);
        push(&mut b, 10);
        assert_eq!(pop(&mut rx), Some(10));
    });
}

/// The survivor announced the position that the dead producer owns, then found the ring full and
/// withdrew.
#[test]
fn the_consumer_does_not_wait_for_a_producer_that_found_the_ring_full() {
    let ends = at_each_write(2, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(1);
        let victim = thread::spawn(move || {
            Model::crash_after(writes, a, |a| push(a, 0));
            declare_producer_dead(ring.memory(), 0);
        });
        let survivor = thread::spawn(move || {
            let pushed = b.try_push(&item(10)).is_ok();
            (pushed, b)
        });
        victim.join().unwrap();
        let (pushed, _b) = survivor.join().unwrap();
        let (got, losses) = recover(&mut rx);
        judge(0, &rx, &got, &losses, pushed.into())
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}
