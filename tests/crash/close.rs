//! Kills a producer, or a consumer, at every instruction of `close`.
//!
//! The peer sees `Died` as long as the state word says *taken*, and `Finished` from then on. It
//! never sees `Left`. No record is lost, and the seat can be taken again.
use std::mem;
use std::time::Duration;

use ringway::ring::{Consumer, Producer};
use ringway::{Departure, PopError, Presence, PushError};

use crate::fixture::{FROM_SURVIVORS, Fixture, SMALL, TestMessage, check_laps, receive_all};
use crate::kill_points::Sweep;
use crate::kinds::RingKind;
use crate::operations::{NEARLY_ROUND, forget_a_batch};
use crate::victim::mark;

/// No call of a survivor takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The values of a state word that `close` may leave behind, and what the peer sees then.
pub fn departure_in(state: u64) -> Departure {
    match state {
        1 => Departure::Died,
        4 => Departure::Finished,
        _ => panic!("close left the state {state} behind"),
    }
}

/// Checks that the victims died, then finished: each at some kill point.
fn check_order(seen: &[Departure]) {
    let died = seen.iter().take_while(|how| **how == Departure::Died).count();
    let (died, finished) = seen.split_at(died);
    assert!(!died.is_empty() && !finished.is_empty(), "all victims left the same state behind: {seen:?}");
    assert!(finished.iter().all(|how| *how == Departure::Finished), "a finished producer died: {finished:?}");
}

fn check_presence(presence: Presence, expected: Departure, pid: u64) {
    match (presence, expected) {
        (Presence::Died(by), Departure::Died) | (Presence::Left(by), Departure::Finished) => {
            assert_eq!(by.pid, pid);
        }
        _ => panic!("{presence:?}, expected {expected:?}"),
    }
}

/// A producer closes its end, after it forgot a batch. Two records are in the ring.
pub fn kill_producer<K: RingKind>(_: &[&str]) {
    let fixture = Fixture::<[u8], K>::with_seats(1, NEARLY_ROUND, 2, |_| {});
    let sweep = Sweep {
        name: &format!("{}, producer closed, a batch forgotten", K::NAME),
        minimum: 100,
        prepare: &|| {
            fixture.reset();
            fixture.ring.consumer().unwrap()
        },
        file: &|_| fixture.path().to_owned(),
        operation: &|_| {
            let mut tx = fixture.reopened().producer().unwrap();
            forget_a_batch(&mut tx);
            mark();
            let closed = tx.close();
            mark();
            closed.unwrap();
        },
        is_only_writer: true,
        wake: None,
        single_steps_only: false,
    };
    let seen = sweep.kill_everywhere(|mut rx: Consumer<K, [u8]>, pid| {
        let expected = departure_in(fixture.producer_state(0));
        let start = NEARLY_ROUND + 2;
        let claimed = if K::CLAIMS { fixture.tail(0) - start } else { 0 };
        let is_open = claimed > 0 && !fixture.is_stamped(0, start);
        assert!(!is_open || expected == Departure::Died, "it finished before it gave its claim up");

        let receive = |rx: &mut Consumer<K, [u8]>| TestMessage::receive_within(rx, PATIENCE);
        assert_eq!((receive(&mut rx), receive(&mut rx)), (Ok(1), Ok(2)));
        assert_eq!(receive(&mut rx), Err(PopError::Closed(expected)));
        check_presence(rx.producer_presence(), expected, pid);
        let losses: Vec<_> = rx.losses().map(|loss| (loss.by.pid, loss.position, loss.cells)).collect();
        assert_eq!(losses, Vec::from_iter(is_open.then_some((pid, start, claimed))));

        let mut tx = fixture.ring.producer().expect("the seat of a producer that closed its end is free");
        TestMessage::send(&mut tx, FROM_SURVIVORS, SMALL).unwrap();
        assert_eq!(receive_all(&mut rx), [FROM_SURVIVORS]);
        check_laps(&mut tx, &mut rx);
        expected
    });
    check_order(&seen);
}

/// A consumer closes its end, after it forgot a record. The ring is full.
pub fn kill_consumer<K: RingKind>(_: &[&str]) {
    let cells = <[u8] as TestMessage>::CELLS;
    let fixture = Fixture::<[u8], K>::with_seats(1, NEARLY_ROUND, cells, |_| {});
    let sweep = Sweep {
        name: &format!("{}, consumer closed, a record forgotten", K::NAME),
        minimum: 100,
        prepare: &|| {
            fixture.reset();
            fixture.ring.producer().unwrap()
        },
        file: &|_| fixture.path().to_owned(),
        operation: &|_| {
            let mut rx = fixture.reopened().consumer().unwrap();
            mem::forget(rx.try_read().unwrap());
            mark();
            let closed = rx.close();
            mark();
            closed.unwrap();
        },
        is_only_writer: true,
        wake: None,
        single_steps_only: false,
    };
    let seen = sweep.kill_everywhere(|mut tx: Producer<K, [u8]>, pid| {
        let expected = departure_in(fixture.consumer_state());
        let refused = TestMessage::send_within(&mut tx, FROM_SURVIVORS, PATIENCE);
        assert_eq!(refused, Err(PushError::Closed(expected)));
        check_presence(tx.consumer_presence(), expected, pid);

        let mut rx = fixture.ring.consumer().expect("the seat of a consumer that closed its end is free");
        assert_eq!(receive_all(&mut rx), Vec::from_iter(1..=cells));
        check_laps(&mut tx, &mut rx);
        expected
    });
    check_order(&seen);
}
