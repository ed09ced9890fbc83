//! Many producers in processes of their own: some are killed, some are stopped in the middle of a record, and the consumer
//! may die; both with one order for all and with a lane for each.
use std::time::Duration;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::{Departure, PopError, Presence, Role, SeatError};

use super::scripted_process::{CELLS, Crew, LABEL, Many, next, order};

/// Longer than any slice of a wait: time enough for whoever judges by time to judge wrongly.
const LONG: Duration = Duration::from_millis(250);
const DIED: PopError = PopError::Closed(Departure::Died);

/// Three producers, of whom one is killed, one is killed in the middle of a record, and one goes on.
fn the_others_continue_without_the_dead<K: Many>() {
    let mut crew = Crew::<K>::new(3);
    let mut rx = crew.ring.consumer().unwrap();
    let (mut a, mut b, mut c) = (crew.producer(0), crew.producer(1), crew.producer(2));
    order(&mut a, "push 10", "sent");
    order(&mut a, "push 11", "sent");
    order(&mut b, "push 20", "sent");
    order(&mut b, "reserve 21", "reserved");
    order(&mut c, "push 30", "sent");
    let b_was = b.id();
    a.kill();
    b.kill();
    let mut seen: Vec<_> = (0..4).map(|_| next(&mut rx).unwrap()).collect();
    if !K::IS_ORDERED {
        // Between lanes, the order is the consumer's.
        seen.sort_unstable();
    }
    assert_eq!(seen, [(10, 0), (11, 0), (20, 1), (30, 2)]);
    let losses: Vec<_> = rx.losses().collect();
    if K::IS_ORDERED {
        let [loss] = losses[..] else { panic!("{losses:?}") };
        assert_eq!((loss.seat, loss.by.pid, loss.position, loss.cells), (1, b_was, 3, 2));
        assert_eq!(loss.by.label.to_string(), format!("{LABEL} 2"));
    } else {
        assert!(losses.is_empty());
    }
    let lost = |seat: usize| crew.ring.seats().nth(1 + seat).unwrap().counters.lost;
    assert_eq!([lost(0), lost(1), lost(2)], [0, K::IS_ORDERED.into(), 0]);

    // As long as one is here, nothing is closed.
    assert_eq!(rx.read_timeout(LONG).map(drop).unwrap_err(), PopError::Elapsed);
    order(&mut c, "push 31", "sent");
    assert_eq!(next(&mut rx), Ok((31, 2)));
    c.kill();
    assert_eq!(next(&mut rx), Err(DIED));
    assert_eq!(rx.losses().next(), None, "reported twice");

    // The seats of all three can be taken again; what comes from them begins where their last holders stopped.
    let successors = [crew.producer(0), crew.producer(1), crew.producer(2)];
    for (mut successor, number) in successors.into_iter().zip(40..) {
        order(&mut successor, &format!("push {number}"), "sent");
        assert_eq!(next(&mut rx), Ok((number, number as u16 - 40)));
        successor.finish();
    }
    assert_eq!(next(&mut rx), Err(PopError::Closed(Departure::Left)));
}

#[test]
fn mpsc_the_others_continue_without_the_dead() {
    the_others_continue_without_the_dead::<Mpsc>();
}

#[test]
fn lanes_the_others_continue_without_the_dead() {
    the_others_continue_without_the_dead::<Lanes>();
}

/// A seat that was left in the middle of a record by a dead one can be taken again: in one order, after the consumer, or an
/// operator, has dealt with that.
fn the_seat_of_a_dead_producer_is_taken_again<K: Many>() {
    let mut crew = Crew::<K>::new(2);
    let (mut victim, mut other) = (crew.producer(0), crew.producer(1));
    order(&mut victim, "reserve 1", "reserved");
    order(&mut other, "push 2", "sent");
    victim.kill();
    if K::IS_ORDERED {
        let refused = crew.ring.producer().map(drop).unwrap_err();
        assert!(matches!(refused, SeatError::AllTaken { role: Role::Producer, seats: 2, .. }), "{refused:?}");
        let recovered = crew.ring.recover().unwrap();
        assert_eq!((recovered.lost, recovered.blocked_by), (1, None));
    }
    let mut successor = crew.producer(0);
    order(&mut successor, "push 3", "sent");
    let mut rx = crew.ring.consumer().unwrap();
    let mut seen = [next(&mut rx).unwrap(), next(&mut rx).unwrap()];
    if !K::IS_ORDERED {
        seen.sort_unstable();
    }
    assert_eq!(seen, [(2, 1), (3, 0)]);
    assert_eq!(rx.losses().count(), K::IS_ORDERED.into());
}

#[test]
fn mpsc_the_seat_of_a_dead_producer_is_taken_again() {
    the_seat_of_a_dead_producer_is_taken_again::<Mpsc>();
}

#[test]
fn lanes_the_seat_of_a_dead_producer_is_taken_again() {
    the_seat_of_a_dead_producer_is_taken_again::<Lanes>();
}

/// A death that was recorded stays visible as long as another seat is free.
fn a_dead_producers_seat_is_taken_last<K: Many>() {
    let mut crew = Crew::<K>::new(3);
    let (mut victim, other) = (crew.producer(0), crew.producer(1));
    order(&mut victim, "push 1", "sent");
    let pid = victim.id();
    victim.kill();
    let ring = crew.ring.clone();
    let has_died = || matches!(ring.seats().nth(1).unwrap().presence, Presence::Died(who) if who.pid == pid);
    assert!(has_died(), "`seats` records the death");
    let _newcomer = crew.producer(2);
    other.finish();
    assert!(has_died());
    let _second_newcomer = crew.producer(1);
    assert!(has_died());
    let _successor = crew.producer(0);
    assert!(!has_died());
}

#[test]
fn mpsc_a_dead_producers_seat_is_taken_last() {
    a_dead_producers_seat_is_taken_last::<Mpsc>();
}

#[test]
fn lanes_a_dead_producers_seat_is_taken_last() {
    a_dead_producers_seat_is_taken_last::<Lanes>();
}

#[test]
fn mpsc_waits_for_a_stopped_producer_and_names_it() {
    let mut crew = Crew::<Mpsc>::new(2);
    let mut rx = crew.ring.consumer().unwrap();
    let (mut sleeper, mut other) = (crew.producer(0), crew.producer(1));
    order(&mut sleeper, "reserve 1", "reserved");
    order(&mut other, "push 2", "sent");
    sleeper.stop();
    assert_eq!(rx.read_timeout(LONG).map(drop).unwrap_err(), PopError::Elapsed);
    let blame = rx.stalled().unwrap();
    assert_eq!((blame.role, blame.seat, blame.pid), (Role::Producer, 0, sleeper.id()));
    assert_eq!((blame.label.to_string(), blame.cells, blame.attached), (format!("{LABEL} 1"), 3, true));
    let recovery = crew.ring.recover().unwrap_err();
    assert!(matches!(recovery, SeatError::SeatTaken { role: Role::Consumer, .. }), "{recovery:?}");

    // To the other producers, too, it is the one who holds up the consumer.
    order(&mut other, "fill 3", "full");
    order(&mut other, "try 4", "Full");
    other.tell("blame");
    let told = other.line();
    let expected = format!(
        "the producer in seat 0, process {} `{LABEL} 1`, is alive and holds up {CELLS} cells",
        sleeper.id()
    );
    assert!(told.starts_with(&expected), "{told}");
    assert_eq!(rx.stalled().unwrap().cells, CELLS as u64);

    // Nothing is taken from the stopped one: neither its seat nor its record.
    crew.assert_no_seat_is_free();
    assert_eq!(rx.try_read().map(drop).unwrap_err(), PopError::Empty);
    sleeper.tell("commit");
    sleeper.go_on();
    assert_eq!(next(&mut rx), Ok((1, 0)));
    assert_eq!(next(&mut rx), Ok((2, 1)));
    (3..CELLS).for_each(|_| assert_eq!(next(&mut rx), Ok((3, 1))));
    assert_eq!(rx.stalled(), None);
    assert!(rx.losses().next().is_none());
}

#[test]
fn lanes_do_not_wait_for_a_stopped_producer() {
    let mut crew = Crew::<Lanes>::new(2);
    let mut rx = crew.ring.consumer().unwrap();
    let (mut sleeper, mut other) = (crew.producer(0), crew.producer(1));
    order(&mut sleeper, "reserve 1", "reserved");
    sleeper.stop();
    // More than the other's lane holds.
    for number in 0..3 * CELLS as u64 {
        order(&mut other, &format!("push {number}"), "sent");
        assert_eq!(next(&mut rx), Ok((number, 1)));
    }
    assert_eq!(rx.read_timeout(LONG).map(drop).unwrap_err(), PopError::Elapsed);
    assert_eq!(rx.stalled(), None);
    crew.assert_no_seat_is_free();
    sleeper.tell("commit");
    sleeper.go_on();
    assert_eq!(next(&mut rx), Ok((1, 0)));
}

/// Stopped, and killed before it could go on.
fn a_producer_that_dies_while_stopped_is_passed_over<K: Many>() {
    let mut crew = Crew::<K>::new(2);
    let mut rx = crew.ring.consumer().unwrap();
    let (mut sleeper, mut other) = (crew.producer(0), crew.producer(1));
    order(&mut sleeper, "reserve 1", "reserved");
    order(&mut other, "push 2", "sent");
    sleeper.stop();
    sleeper.kill();
    assert_eq!(next(&mut rx), Ok((2, 1)));
    assert_eq!(rx.losses().count(), K::IS_ORDERED.into());
    other.finish();
    assert_eq!(next(&mut rx), Err(DIED), "of two, one has died");
}

#[test]
fn mpsc_a_producer_that_dies_while_stopped_is_passed_over() {
    a_producer_that_dies_while_stopped_is_passed_over::<Mpsc>();
}

#[test]
fn lanes_a_producer_that_dies_while_stopped_is_passed_over() {
    a_producer_that_dies_while_stopped_is_passed_over::<Lanes>();
}

/// The consumer is killed with a record in its hands, while two producers wait for room.
fn a_successor_reads_what_a_dead_consumer_had_not_released<K: Many>() {
    let mut crew = Crew::<K>::new(2);
    let mut consumer = crew.consumer();
    let (mut a, mut b) = (crew.producer(0), crew.producer(1));
    order(&mut a, "push 1", "sent");
    order(&mut consumer, "read", "1 from 0");
    order(&mut a, "push 2", "sent");
    order(&mut consumer, "hold", "2 from 0");
    order(&mut a, "fill 3", "full");
    order(&mut b, "fill 4", "full");
    a.tell("push 5");
    b.tell("push 6");
    consumer.kill();
    a.expect("Closed(Died)");
    b.expect("Closed(Died)");

    let mut successor = crew.consumer();
    order(&mut successor, "read", "2 from 0");
    order(&mut successor, "read", "3 from 0");
    order(&mut a, "push 7", "sent");
    successor.finish();
    let mut rx = crew.ring.consumer().unwrap();
    // Of lanes each holds as much as the ring of one order.
    let left = if K::IS_ORDERED { CELLS - 1 } else { 2 * CELLS - 1 };
    let seen: Vec<_> = (0..left).map(|_| next(&mut rx).unwrap()).collect();
    assert_eq!(seen.iter().filter(|record| **record == (7, 0)).count(), 1, "{seen:?}");
    assert_eq!(seen.iter().filter(|record| [(3, 0), (4, 1)].contains(record)).count(), left - 1);
}

#[test]
fn mpsc_a_successor_reads_what_a_dead_consumer_had_not_released() {
    a_successor_reads_what_a_dead_consumer_had_not_released::<Mpsc>();
}

#[test]
fn lanes_a_successor_reads_what_a_dead_consumer_had_not_released() {
    a_successor_reads_what_a_dead_consumer_had_not_released::<Lanes>();
}

/// One process may have several seats: all of them die with it.
fn all_seats_of_a_process_die_with_it<K: Many>() {
    let mut crew = Crew::<K>::new(3);
    let mut rx = crew.ring.consumer().unwrap();
    let mut child = crew.producer(0);
    order(&mut child, "push 1", "sent");
    order(&mut child, "another", "seat 1");
    order(&mut child, "push 2", "sent");
    order(&mut child, "another", "seat 2");
    order(&mut child, "reserve 3", "reserved");
    crew.assert_no_seat_is_free();
    child.kill();
    let seen = [next(&mut rx).unwrap(), next(&mut rx).unwrap()];
    assert_eq!(seen, [(1, 0), (2, 1)]);
    assert_eq!(next(&mut rx), Err(DIED));
    let producers = crew.ring.seats().skip(1);
    assert_eq!(producers.filter(|seat| matches!(seat.presence, Presence::Died(_))).count(), 3);
    let _successors = [0, 1, 2].map(|seat| crew.producer(seat));
}

#[test]
fn mpsc_all_seats_of_a_process_die_with_it() {
    all_seats_of_a_process_die_with_it::<Mpsc>();
}

#[test]
fn lanes_all_seats_of_a_process_die_with_it() {
    all_seats_of_a_process_die_with_it::<Lanes>();
}
