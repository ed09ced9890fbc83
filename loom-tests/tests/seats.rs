//! Seats and deaths: E3, when a participant leaves, dies while it takes or leaves a seat, or is
//! proved dead by another participant.
use loom::thread;
use ringway::memory::Model;
use ringway::mpsc::{Consumer, Producer};
use ringway::{Departure, Options, PopError, Presence, Role, spsc};
use ringway_loom::{check, declare_producer_dead, mpsc, retry, witnessed};

type Item = [u64; 2];

fn push(tx: &mut Producer<Item, Model>, i: u64) {
    tx.try_push(&[i, !i]).unwrap();
}

/// Pops one item without waiting. `None` if the ring is empty or closed.
fn pop(rx: &mut Consumer<Item, Model>) -> Option<u64> {
    match rx.try_pop() {
        Ok([i, not_i]) => {
            assert_eq!(i, !not_i, "torn");
            Some(i)
        }
        Err(PopError::Empty | PopError::Closed(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_producer_that_leaves_loses_no_item() {
    check(3, || {
        let ring = mpsc::<Item>(2, witnessed);
        let (mut a, _b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let leaver = thread::spawn(move || push(&mut a, 0));
        let _ = rx.stalled();
        let got = pop(&mut rx);
        leaver.join().unwrap();
        assert_eq!(got.or_else(|| pop(&mut rx)), Some(0));
        assert_eq!(rx.losses().count(), 0);
    });
}

#[test]
fn a_successor_sees_all_that_the_last_holder_did() {
    check(2, || {
        let ring = mpsc::<Item>(1, witnessed);
        let (mut a, _b, mut rx) =
            (ring.producer().unwrap(), ring.producer().unwrap(), ring.consumer().unwrap());
        let first = thread::spawn(move || push(&mut a, 0));
        let got = pop(&mut rx);
        first.join().unwrap();
        let successor = thread::spawn(move || {
            let mut successor = ring.producer().unwrap();
            assert_eq!((successor.seat(), successor.position()), (0, 1));
            successor.try_push(&[1, !1]).is_ok()
        });
        let got = got.or_else(|| pop(&mut rx));
        assert_eq!(got, Some(0));
        let has_pushed = successor.join().unwrap();
        assert_eq!(pop(&mut rx), has_pushed.then_some(1));
    });
}

#[test]
fn a_seat_taken_and_left_by_two_in_parallel_keeps_every_item() {
    check(3, || {
        let memory = Model::new(spsc::Ring::<u64>::required_len(&Options::new().capacity(4))).with_seats(2);
        let ring = spsc::Ring::<u64, _>::format(memory, &Options::new().capacity(4)).unwrap();
        ring.producer().unwrap().try_push(&0).unwrap();
        let shared = ring.clone();
        let other = thread::spawn(move || shared.producer().map(|mut tx| tx.try_push(&1).unwrap()).is_ok());
        let own = ring.producer().map(|mut tx| tx.try_push(&2).unwrap()).is_ok();
        let other = other.join().unwrap();
        let mut rx = ring.consumer().unwrap();
        let mut got: Vec<u64> = std::iter::from_fn(|| rx.try_pop().ok()).collect();
        got.sort_unstable();
        let sent = [(0, true), (1, other), (2, own)].into_iter();
        assert!(sent.filter_map(|(i, is_sent)| is_sent.then_some(i)).eq(got));
    });
}

#[test]
fn a_death_recorded_by_another_participant_comes_after_the_last_item() {
    check(3, || {
        let memory = witnessed(spsc::Ring::<u64>::required_len(&Options::new().capacity(1))).with_seats(2);
        let ring = spsc::Ring::<u64, _>::format(memory, &Options::new().capacity(1)).unwrap();
        let (tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let memory = ring.memory().clone();
        let victim = thread::spawn(move || {
            Model::crash_after(100, tx, |tx| tx.try_push(&7).unwrap());
            memory.declare_dead(1024);
        });
        let witness = thread::spawn(move || {
            retry(2, || matches!(ring.presence(Role::Producer), Presence::Died(_)).then_some(()))
        });
        let mut got = None;
        for _ in 0..3 {
            match rx.try_pop() {
                Ok(item) => got = Some(item),
                Err(PopError::Empty) => thread::yield_now(),
                Err(error) => {
                    assert_eq!(error, PopError::Closed(Departure::Died));
                    assert_eq!(got, Some(7), "closed before the last item");
                }
            }
        }
        victim.join().unwrap();
        witness.join().unwrap();
    });
}

#[test]
fn a_producer_that_dies_while_it_takes_or_leaves_a_seat_leaves_it_reusable() {
    // The writes of the victim: the lock, the state, A reset; a push; A reset, the state, the lock.
    for writes in 0..=16 {
        check(1, move || {
            let ring = mpsc::<Item>(4, witnessed);
            let (mut b, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            let theirs = ring.clone();
            let victim = thread::spawn(move || {
                let is_done = Model::crash_after(writes, None, |a| {
                    push(a.insert(theirs.producer().unwrap()), 0);
                    drop(a.take());
                });
                declare_producer_dead(theirs.memory(), 1);
                is_done
            });
            let survivor = thread::spawn(move || {
                push(&mut b, 10);
                b
            });
            let mut got = Vec::from_iter(pop(&mut rx));
            let _ = rx.stalled();
            let is_done = victim.join().unwrap();
            let b = survivor.join().unwrap();
            // `stalled` repairs what stands in the way of the survivor's item, and then what comes
            // after it.
            for _ in 0..2 {
                got.extend(std::iter::from_fn(|| pop(&mut rx)));
                assert_eq!(rx.stalled(), None);
            }
            got.extend(std::iter::from_fn(|| pop(&mut rx)));
            let lost = rx.losses().count();
            assert!(writes < 16 || is_done);
            assert!(!is_done || got.contains(&0));
            assert!(got.contains(&10) && got.iter().filter(|i| **i == 0).count() + lost <= 1);
            assert_eq!(rx.position(), (got.len() + lost) as u64);
            let mut successor = b.try_clone().unwrap();
            assert_eq!(successor.seat(), 1);
            push(&mut successor, 20);
            assert_eq!((pop(&mut rx), pop(&mut rx)), (Some(20), None));
        });
    }
}
