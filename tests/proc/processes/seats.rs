//! A living process holds its seat, also while it is stopped. A dead process holds none.
use std::sync::mpsc::channel;
use std::thread::{self, sleep, spawn};
use std::time::{Duration, Instant};

use ringway::spsc::Ring;
use ringway::{Departure, Identity, Options, PopError, Presence, PushError, Role, SeatError};

use support::Name;
use support::process::{Child, PATIENCE, hear, say, soon};

const LABEL: &str = "feed";
/// Longer than a slice of a wait. A library that judged life by time would judge wrongly after so
/// long.
const LONG: Duration = Duration::from_millis(350);

fn options() -> Options<'static> {
    Options::new().capacity(4).label(LABEL)
}

/// Takes the producer's seat, and pushes a number for every line. On `exit`, it ends without
/// dropping its handle.
pub fn sit_as_producer(words: &[&str]) {
    let ring = Ring::<u64>::open_with(words[0], &options()).unwrap();
    let mut tx = ring.producer().unwrap();
    say("sat");
    let mut number = 0;
    while let Some(line) = hear() {
        if line == "exit" {
            std::process::exit(0);
        }
        tx.push(&number).unwrap();
        number += 1;
        say("pushed");
    }
}

/// Takes the consumer's seat, and prints a number that it pops for every line.
pub fn sit_as_consumer(words: &[&str]) {
    let ring = Ring::<u64>::open_with(words[0], &options()).unwrap();
    let mut rx = ring.consumer().unwrap();
    say("sat");
    while hear().is_some() {
        say(rx.pop().unwrap());
    }
}

/// Takes both seats, and aborts.
pub fn vanish(words: &[&str]) {
    let ring = Ring::<u64>::open_with(words[0], &options()).unwrap();
    let (mut tx, _rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(&7).unwrap();
    say("sat");
    std::process::abort();
}

/// A ring, and a process that holds one of its seats.
fn seated(role: Role) -> (Name, Ring<u64>, Child) {
    let name = Name::unique("ringway-seats");
    let ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut child = Child::start(&format!("sit as {role}"), &[name.as_str()]);
    child.expect("sat");
    (name, ring, child)
}

fn take(ring: &Ring<u64>, role: Role) -> Result<(), SeatError> {
    match role {
        Role::Producer => ring.producer().map(drop),
        Role::Consumer => ring.consumer().map(drop),
        _ => panic!("unknown role: {role}"),
    }
}

/// Checks that the seat cannot be taken, and that the error names its holder.
pub fn assert_taken(ring: &Ring<u64>, role: Role, pid: u64) {
    let error = take(ring, role).unwrap_err();
    let SeatError::SeatTaken { role: told, by } = error else { panic!("{error:?}") };
    assert_eq!((told, by.pid), (role, pid));
    assert!(by.started > 0 && by.attached > 0, "{by:?}");
    let text = error.to_string();
    assert!(text.contains(&format!("the {role} seat is held by process {pid} `{LABEL}`")), "{text}");
    assert!(text.contains(&format!("becomes free when that process drops its {role} or exits")), "{text}");
    let here = |who: Identity| who.pid == pid && who.label.to_string() == LABEL;
    assert!(matches!(ring.presence(role), Presence::Here(who) if here(who)), "{ring:?}");
}

#[test]
fn the_error_names_the_living_holder_of_the_seat() {
    for role in [Role::Producer, Role::Consumer] {
        let (name, ring, child) = seated(role);
        assert_taken(&ring, role, child.id());
        assert_taken(&Ring::<u64>::open(&name).unwrap(), role, child.id());
        assert!(take(&ring, role.other()).is_ok());
        child.finish();
        assert!(matches!(ring.presence(role), Presence::Left(_)), "{ring:?}");
        assert!(take(&ring, role).is_ok());
    }
}

#[test]
fn a_stopped_producer_keeps_its_seat_and_continues() {
    let (_name, ring, mut child) = seated(Role::Producer);
    let mut rx = ring.consumer().unwrap();
    child.tell("push");
    child.expect("pushed");
    child.stop();
    assert_eq!(rx.pop(), Ok(0));
    assert_eq!(rx.pop_timeout(LONG), Err(PopError::Elapsed));
    assert_taken(&ring, Role::Producer, child.id());
    assert!(matches!(rx.producer_presence(), Presence::Here(who) if who.pid == child.id()));
    child.tell("push");
    child.go_on();
    assert_eq!(rx.pop(), Ok(1));
    child.finish();
}

#[test]
fn a_stopped_consumer_keeps_its_seat_and_continues() {
    let (_name, ring, mut child) = seated(Role::Consumer);
    let mut tx = ring.producer().unwrap();
    child.stop();
    (0..4).for_each(|number| tx.push(&number).unwrap());
    assert_eq!(tx.push_timeout(&4, LONG), Err(PushError::Elapsed));
    assert_taken(&ring, Role::Consumer, child.id());
    child.tell("pop");
    child.go_on();
    child.expect("0");
    assert_eq!(tx.push_timeout(&4, PATIENCE), Ok(()));
    (1..5).for_each(|number: u64| {
        child.tell("pop");
        child.expect(&number.to_string());
    });
    child.finish();
}

#[test]
fn a_participant_that_was_stopped_asleep_continues() {
    let (_name, ring, mut child) = seated(Role::Consumer);
    let mut tx = ring.producer().unwrap();
    for number in 0..5_u64 {
        child.tell("pop");
        sleep(Duration::from_millis(5));
        child.stop();
        tx.push(&number).unwrap();
        sleep(LONG / 5);
        child.go_on();
        child.expect(&number.to_string());
    }
    child.finish();
}

#[test]
fn a_zombie_does_not_hold_its_seat() {
    for role in [Role::Producer, Role::Consumer] {
        let (_name, ring, mut child) = seated(role);
        child.kill_unreaped();
        assert!(matches!(ring.presence(role), Presence::Died(who) if who.pid == child.id()), "{ring:?}");
        assert!(take(&ring, role).is_ok());
    }
}

#[test]
fn a_dead_participant_is_still_named_after_a_recovery() {
    let (_name, ring, mut child) = seated(Role::Consumer);
    child.kill_unreaped();
    ring.recover().unwrap();
    assert!(
        matches!(ring.presence(Role::Consumer), Presence::Died(who) if who.pid == child.id()),
        "{ring:?}"
    );
}

#[test]
fn both_seats_of_a_process_that_aborted_are_free() {
    let name = Name::unique("ringway-seats");
    let ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut child = Child::start("vanish", &[name.as_str()]);
    child.expect("sat");
    assert!(child.rest().is_empty());
    assert_eq!(ring.consumer().unwrap().pop(), Ok(7));
    assert_eq!(ring.producer().unwrap().position(), 1);
}

/// Ends the producer in some way while its consumer waits. Returns what the consumer's call
/// returned, and how long after.
fn producer_ends(end: impl FnOnce(&mut Child)) -> (PopError, Duration) {
    let (_name, ring, mut child) = seated(Role::Producer);
    let mut rx = ring.consumer().unwrap();
    let (sender, receiver) = channel();
    spawn(move || {
        let told = rx.pop().unwrap_err();
        let now = Instant::now();
        sender.send((told, now, rx.try_pop())).unwrap();
    });
    sleep(Duration::from_millis(30));
    end(&mut child);
    let ended = Instant::now();
    let (told, now, again) = receiver.recv_timeout(PATIENCE).expect("the consumer's call returns");
    assert_eq!(again, Err(told));
    (told, now.saturating_duration_since(ended))
}

/// A slice is 100 ms. A busy machine may pause for seconds. A waiter that no process wakes sleeps
/// longer.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_waiting_consumer_sees_that_its_producer_was_killed() {
    let (told, after) = producer_ends(Child::kill);
    assert_eq!(told, PopError::Closed(Departure::Died));
    assert!(after < SOON, "{after:?}");
}

#[test]
fn a_waiting_consumer_sees_that_its_producer_ended_without_leaving() {
    let (told, after) = producer_ends(|child| {
        child.tell("exit");
        assert!(child.rest().is_empty());
    });
    assert_eq!(told, PopError::Closed(Departure::Died));
    assert!(after < SOON, "{after:?}");
}

#[test]
fn a_waiting_consumer_sees_that_its_producer_left() {
    let (told, after) = producer_ends(|child| {
        child.hang_up();
        assert!(child.rest().is_empty());
    });
    assert_eq!(told, PopError::Closed(Departure::Left));
    assert!(after < SOON, "{after:?}");
}

/// Ends the consumer in some way while its producer waits for room. Returns what the producer's
/// call returned.
fn consumer_ends(end: impl FnOnce(&mut Child) + Send) -> PushError {
    let (_name, ring, mut child) = seated(Role::Consumer);
    let mut tx = ring.producer().unwrap();
    (0..4).for_each(|number| tx.push(&number).unwrap());
    thread::scope(|scope| {
        let ender = scope.spawn(move || {
            sleep(Duration::from_millis(30));
            end(&mut child);
            child
        });
        let told = tx.push_timeout(&4, PATIENCE).unwrap_err();
        let _child = ender.join().unwrap();
        // A consumer that leaves records that just before it unlocks its seat.
        let mut rx = None;
        assert!(soon(|| ring.consumer().map(|taken| rx = Some(taken)).is_ok()));
        assert_eq!((rx.unwrap().pop(), tx.push(&4)), (Ok(0), Ok(())), "the next consumer continues");
        told
    })
}

#[test]
fn a_waiting_producer_sees_how_its_consumer_ended() {
    assert_eq!(consumer_ends(Child::kill), PushError::Closed(Departure::Died));
    assert_eq!(consumer_ends(Child::hang_up), PushError::Closed(Departure::Left));
}
