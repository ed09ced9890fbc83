//! Several producers in processes of their own, in `mpsc` and in `lanes`. Some are killed, some are
//! stopped in the middle of a record, and the consumer may die.
use std::time::Duration;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::{Departure, PopError, Presence, Role, SeatError};

use super::scripted_process::{CELLS, LABEL, MultiProducerKind, Processes, command, next};

/// Longer than a slice of a wait. A library that judged life by time would judge wrongly after so
/// long.
const LONG: Duration = Duration::from_millis(250);
const DIED: PopError = PopError::Closed(Departure::Died);

/// Three producers: one is killed, one is killed in the middle of a record, and one continues.
fn the_others_continue_without_the_dead<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(3);
    let mut rx = processes.ring.consumer().unwrap();
    let (mut a, mut b, mut c) = (processes.producer(0), processes.producer(1), processes.producer(2));
    command(&mut a, "push 10", "sent");
    command(&mut a, "push 11", "sent");
    command(&mut b, "push 20", "sent");
    command(&mut b, "reserve 21", "reserved");
    command(&mut c, "push 30", "sent");
    let b_was = b.id();
    a.kill();
    b.kill();
    let mut seen: Vec<_> = (0..4).map(|_| next(&mut rx).unwrap()).collect();
    if !K::IS_ORDERED {
        // The consumer chooses the order between lanes.
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
    let lost = |seat: usize| processes.ring.seats().nth(1 + seat).unwrap().counters.lost;
    assert_eq!([lost(0), lost(1), lost(2)], [0, K::IS_ORDERED.into(), 0]);

    // The ring is not closed as long as one producer is attached.
    assert_eq!(rx.read_timeout(LONG).map(drop).unwrap_err(), PopError::Elapsed);
    command(&mut c, "push 31", "sent");
    assert_eq!(next(&mut rx), Ok((31, 2)));
    c.kill();
    assert_eq!(next(&mut rx), Err(DIED));
    assert_eq!(rx.losses().next(), None, "the loss is reported twice");

    // The seats of all three can be taken again. Their new holders begin where the old ones
    // stopped.
    let successors = [processes.producer(0), processes.producer(1), processes.producer(2)];
    for (mut successor, number) in successors.into_iter().zip(40..) {
        command(&mut successor, &format!("push {number}"), "sent");
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

/// The seat of a producer that died in the middle of a record can be taken again. In `mpsc` the
/// consumer, or `recover`, has to resolve the record before.
fn the_seat_of_a_dead_producer_is_taken_again<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(2);
    let (mut victim, mut other) = (processes.producer(0), processes.producer(1));
    command(&mut victim, "reserve 1", "reserved");
    command(&mut other, "push 2", "sent");
    victim.kill();
    if K::IS_ORDERED {
        let refused = processes.ring.producer().map(drop).unwrap_err();
        assert!(matches!(refused, SeatError::AllTaken { role: Role::Producer, seats: 2, .. }), "{refused:?}");
        let recovered = processes.ring.recover().unwrap();
        assert_eq!((recovered.lost, recovered.blocked_by), (1, None));
    }
    let mut successor = processes.producer(0);
    command(&mut successor, "push 3", "sent");
    let mut rx = processes.ring.consumer().unwrap();
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
fn a_dead_producers_seat_is_taken_last<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(3);
    let (mut victim, other) = (processes.producer(0), processes.producer(1));
    command(&mut victim, "push 1", "sent");
    let pid = victim.id();
    victim.kill();
    let ring = processes.ring.clone();
    let has_died = || matches!(ring.seats().nth(1).unwrap().presence, Presence::Died(who) if who.pid == pid);
    assert!(has_died(), "`seats` records the death");
    let _newcomer = processes.producer(2);
    other.finish();
    assert!(has_died());
    let _second_newcomer = processes.producer(1);
    assert!(has_died());
    let _successor = processes.producer(0);
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
    let mut processes = Processes::<Mpsc>::new(2);
    let mut rx = processes.ring.consumer().unwrap();
    let (mut sleeper, mut other) = (processes.producer(0), processes.producer(1));
    command(&mut sleeper, "reserve 1", "reserved");
    command(&mut other, "push 2", "sent");
    sleeper.stop();
    assert_eq!(rx.read_timeout(LONG).map(drop).unwrap_err(), PopError::Elapsed);
    let blame = rx.stalled().unwrap();
    assert_eq!((blame.role, blame.seat, blame.pid), (Role::Producer, 0, sleeper.id()));
    assert_eq!((blame.label.to_string(), blame.cells, blame.attached), (format!("{LABEL} 1"), 3, true));
    let recovery = processes.ring.recover().unwrap_err();
    assert!(matches!(recovery, SeatError::SeatTaken { role: Role::Consumer, .. }), "{recovery:?}");

    // The other producers also see that it holds up the consumer.
    command(&mut other, "fill 3", "full");
    command(&mut other, "try 4", "Full");
    other.tell("stalled");
    let told = other.line();
    let expected = format!(
        "the producer in seat 0, process {} `{LABEL} 1`, is alive and holds up {CELLS} cells",
        sleeper.id()
    );
    assert!(told.starts_with(&expected), "{told}");
    assert_eq!(rx.stalled().unwrap().cells, CELLS as u64);

    // The stopped producer keeps its seat and its record.
    processes.assert_no_seat_is_free();
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
    let mut processes = Processes::<Lanes>::new(2);
    let mut rx = processes.ring.consumer().unwrap();
    let (mut sleeper, mut other) = (processes.producer(0), processes.producer(1));
    command(&mut sleeper, "reserve 1", "reserved");
    sleeper.stop();
    // More records than the other lane holds.
    for number in 0..3 * CELLS as u64 {
        command(&mut other, &format!("push {number}"), "sent");
        assert_eq!(next(&mut rx), Ok((number, 1)));
    }
    assert_eq!(rx.read_timeout(LONG).map(drop).unwrap_err(), PopError::Elapsed);
    assert_eq!(rx.stalled(), None);
    processes.assert_no_seat_is_free();
    sleeper.tell("commit");
    sleeper.go_on();
    assert_eq!(next(&mut rx), Ok((1, 0)));
}

/// The producer is stopped, and killed while it is stopped.
fn a_producer_that_dies_while_stopped_is_passed_over<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(2);
    let mut rx = processes.ring.consumer().unwrap();
    let (mut sleeper, mut other) = (processes.producer(0), processes.producer(1));
    command(&mut sleeper, "reserve 1", "reserved");
    command(&mut other, "push 2", "sent");
    sleeper.stop();
    sleeper.kill();
    assert_eq!(next(&mut rx), Ok((2, 1)));
    assert_eq!(rx.losses().count(), K::IS_ORDERED.into());
    other.finish();
    assert_eq!(next(&mut rx), Err(DIED), "one of two producers has died");
}

#[test]
fn mpsc_a_producer_that_dies_while_stopped_is_passed_over() {
    a_producer_that_dies_while_stopped_is_passed_over::<Mpsc>();
}

#[test]
fn lanes_a_producer_that_dies_while_stopped_is_passed_over() {
    a_producer_that_dies_while_stopped_is_passed_over::<Lanes>();
}

/// The consumer is killed while it holds a record, and two producers wait for room.
fn a_successor_reads_what_a_dead_consumer_had_not_released<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(2);
    let mut consumer = processes.consumer();
    let (mut a, mut b) = (processes.producer(0), processes.producer(1));
    command(&mut a, "push 1", "sent");
    command(&mut consumer, "read", "1 from 0");
    command(&mut a, "push 2", "sent");
    command(&mut consumer, "hold", "2 from 0");
    command(&mut a, "fill 3", "full");
    command(&mut b, "fill 4", "full");
    a.tell("push 5");
    b.tell("push 6");
    consumer.kill();
    a.expect("Closed(Died)");
    b.expect("Closed(Died)");

    let mut successor = processes.consumer();
    command(&mut successor, "read", "2 from 0");
    command(&mut successor, "read", "3 from 0");
    command(&mut a, "push 7", "sent");
    successor.finish();
    let mut rx = processes.ring.consumer().unwrap();
    // Each lane holds as much as an `mpsc` ring.
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

/// All seats of a process become free when it dies.
fn all_seats_of_a_process_die_with_it<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(3);
    let mut rx = processes.ring.consumer().unwrap();
    let mut child = processes.producer(0);
    command(&mut child, "push 1", "sent");
    command(&mut child, "another", "seat 1");
    command(&mut child, "push 2", "sent");
    command(&mut child, "another", "seat 2");
    command(&mut child, "reserve 3", "reserved");
    processes.assert_no_seat_is_free();
    child.kill();
    let seen = [next(&mut rx).unwrap(), next(&mut rx).unwrap()];
    assert_eq!(seen, [(1, 0), (2, 1)]);
    assert_eq!(next(&mut rx), Err(DIED));
    let producers = processes.ring.seats().skip(1);
    assert_eq!(producers.filter(|seat| matches!(seat.presence, Presence::Died(_))).count(), 3);
    let _successors = [0, 1, 2].map(|seat| processes.producer(seat));
}

#[test]
fn mpsc_all_seats_of_a_process_die_with_it() {
    all_seats_of_a_process_die_with_it::<Mpsc>();
}

#[test]
fn lanes_all_seats_of_a_process_die_with_it() {
    all_seats_of_a_process_die_with_it::<Lanes>();
}
