//! Producers in total order that stop for ever after each of their writes, dead or alive.
use std::sync::{Arc, Mutex};

use loom::thread;
use ringway::SeatError;
use ringway::memory::Model;
use ringway::Loss;
use ringway::mpsc::{Consumer, Producer, Ring};
use ringway_loom::items::{Item, item, pop, push};
use ringway_loom::{bury_producer, check, mpsc, witnessed};

/// All that is there once what the dead left is mended, and what is lost.
fn recover(rx: &mut Consumer<Item, Model>) -> (Vec<u64>, Vec<Loss>) {
    let mut got = Vec::new();
    loop {
        got.extend(std::iter::from_fn(|| pop(rx)));
        let before = rx.position();
        // Mends what is in the way.
        assert_eq!(rx.stalled(), None);
        match pop(rx) {
            Some(i) => got.push(i),
            None if rx.position() == before => return (got, rx.losses().collect()),
            None => {}
        }
    }
}

/// What became of the victim's item.
#[derive(Debug, PartialEq, Eq, Clone, Copy, PartialOrd, Ord)]
enum End {
    NeverClaimed,
    Lost,
    Whole,
}

/// Whether the survivor's items `10..10 + n` are there once and in order, and the victim's item 0 or one loss of it, or neither.
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

/// Runs `model` for a victim that makes 0, 1, … `most` writes; all ends that it comes to, each once.
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

/// Ring and ends, with nothing in them.
fn ring(capacity: usize) -> (Ring<Item, Model>, Producers, Consumer<Item, Model>) {
    let ring = mpsc::<Item>(capacity, witnessed);
    let producers = [ring.producer().unwrap(), ring.producer().unwrap()];
    let rx = ring.consumer().unwrap();
    (ring, producers, rx)
}

/// The shared writes of a push that nothing disturbs: E, A announced, TAIL, A owned, the item, the stamp, two counters.
const PUSH: u32 = 8;

#[test]
fn what_a_dead_producer_claimed_is_passed_over_once() {
    let ends = at_each_write(1, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(4);
        let victim = thread::spawn(move || {
            Model::crash_after(writes, a, |a| push(a, 0));
            bury_producer(ring.memory(), 0);
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
fn a_stopped_producer_is_waited_for_and_blamed_until_it_is_proved_dead() {
    let ends = at_each_write(2, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(2);
        let victim = thread::spawn(move || Model::crash_after(writes, a, |a| push(a, 0)));
        let survivor = thread::spawn(move || {
            push(&mut b, 10);
            b
        });
        let mut got = Vec::from_iter(pop(&mut rx));
        if let Some(blame) = rx.stalled() {
            assert!(blame.alive);
        }
        victim.join().unwrap();
        let _b = survivor.join().unwrap();
        got.extend(std::iter::from_fn(|| pop(&mut rx)));
        let blame = rx.stalled();
        let before = rx.position();
        assert_eq!((pop(&mut rx), rx.position()), (None, before), "it was robbed");
        assert_eq!(rx.losses().count(), 0);
        if let Some(blame) = blame {
            assert_eq!((blame.seat, blame.alive), (0, true));
            let seen = got.len() as u64;
            assert_eq!(blame.behind, 2 - seen);
        }
        bury_producer(ring.memory(), 0);
        let (rest, losses) = recover(&mut rx);
        got.extend(rest);
        let end = judge(0, &rx, &got, &losses, 1);
        assert_eq!(blame.is_some(), end == End::Lost);
        end
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}

#[test]
fn of_two_that_die_each_loses_its_own() {
    for others in 2..=5 {
        at_each_write(2, 6, move |writes| {
            let (ring, [a, b], mut rx) = ring(4);
            let memory = ring.memory().clone();
            let first = thread::spawn(move || {
                Model::crash_after(writes, a, |a| push(a, 0));
                bury_producer(&memory, 0);
            });
            let memory = ring.memory().clone();
            let second = thread::spawn(move || {
                Model::crash_after(others, b, |b| push(b, 10));
                bury_producer(&memory, 1);
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
            assert_eq!(rx.position(), (got.len() + losses.len()) as u64, "twice");
            // Both seats can be taken again, and go on where they are.
            let (mut c, mut d) = (ring.producer().unwrap(), ring.producer().unwrap());
            push(&mut c, 20);
            push(&mut d, 21);
            assert_eq!((pop(&mut rx), pop(&mut rx), pop(&mut rx)), (Some(20), Some(21), None));
            End::Lost
        });
    }
}

#[test]
fn a_dead_producers_seat_is_taken_again_only_once_its_claim_is_decided() {
    let ends = at_each_write(1, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(4);
        let heir = thread::spawn(move || {
            Model::crash_after(writes, a, |a| push(a, 0));
            bury_producer(ring.memory(), 0);
            match ring.producer() {
                Ok(mut heir) => {
                    assert_eq!(heir.seat(), 0);
                    push(&mut heir, 20);
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
        let has_heir = heir.join().unwrap();
        let b = survivor.join().unwrap();
        let (rest, losses) = recover(&mut rx);
        got.extend(rest);
        assert_eq!(got.contains(&20), has_heir, "{got:?}");
        if !has_heir {
            // Now it is decided.
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
fn an_undecided_seat_is_refused() {
    let ends = at_each_write(2, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(2);
        Model::crash_after(writes, a, |a| push(a, 0));
        bury_producer(ring.memory(), 0);
        push(&mut b, 10);
        let heir = b.try_clone();
        let is_refused = matches!(heir, Err(SeatError::AllTaken { .. }));
        drop(heir);
        let (got, losses) = recover(&mut rx);
        assert!(b.try_clone().is_ok());
        let end = judge(0, &rx, &got, &losses, 1);
        assert_eq!(is_refused, end == End::Lost);
        end
    });
    assert_eq!(ends, [End::NeverClaimed, End::Lost, End::Whole]);
}

#[test]
fn a_lost_slice_is_lost_whole() {
    // Two more than a push: another item, another stamp.
    let ends = at_each_write(2, PUSH + 2, |writes| {
        let (ring, [a, mut b], mut rx) = ring(4);
        let victim = thread::spawn(move || {
            Model::crash_after(writes, a, |a| assert_eq!(a.try_push_slice(&[0, 1].map(item)), Ok(2)));
            bury_producer(ring.memory(), 0);
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
fn an_operator_marks_what_is_lost_and_the_next_consumer_reports_it() {
    let ends = at_each_write(1, PUSH, |writes| {
        let (ring, [a, mut b], rx) = ring(4);
        drop(rx);
        let theirs = ring.clone();
        let victim = thread::spawn(move || {
            Model::crash_after(writes, a, |a| push(a, 0));
            bury_producer(theirs.memory(), 0);
        });
        let survivor = thread::spawn(move || {
            push(&mut b, 10);
            b
        });
        let early = ring.recover().unwrap().lost;
        victim.join().unwrap();
        let b = survivor.join().unwrap();
        let late = ring.recover().unwrap();
        assert_eq!(late.held_by, None);
        // Decided, so free.
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
fn a_lap_after_a_loss_its_mark_means_nothing() {
    check(2, || {
        let ring = mpsc::<Item>(1, witnessed);
        let (a, mut b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        assert!(!Model::crash_after(3, a, |a| push(a, 0)));
        bury_producer(ring.memory(), 0);
        let (got, losses) = recover(&mut rx);
        assert_eq!((got.len(), losses.len()), (0, 1));
        assert_eq!(pop(&mut rx), None);
        push(&mut b, 10);
        assert_eq!(pop(&mut rx), Some(10));
    });
}

/// It announced the position that the dead one owns, found the ring full after that, and has given up.
#[test]
fn who_found_the_ring_full_is_not_waited_for() {
    let ends = at_each_write(2, PUSH, |writes| {
        let (ring, [a, mut b], mut rx) = ring(1);
        let victim = thread::spawn(move || {
            Model::crash_after(writes, a, |a| push(a, 0));
            bury_producer(ring.memory(), 0);
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
