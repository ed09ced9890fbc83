//! Forked children have copies of their parent's handles. They keep its seats alive and free none
//! of them.
use std::thread::park;
use std::time::Duration;

use ringway::spsc::Ring;
use ringway::{Departure, Options, PopError, Presence, PushError, Role};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, waitpid};

use super::seats::assert_taken;
use support::Name;
use support::process::{Child, PATIENCE, hear, say, soon};

fn options() -> Options<'static> {
    Options::new().capacity(4).label("feed")
}

/// Forks a child that runs `act` and exits. Returns its process id.
pub fn fork(act: impl FnOnce()) -> Pid {
    // SAFETY: no other thread of this process holds a lock: the test harness's waits for this one.
    match unsafe { libc::fork() } {
        0 => {
            act();
            // SAFETY: ends the process; nothing of it is used afterwards.
            unsafe { libc::_exit(0) }
        }
        pid => Pid::from_raw(pid).expect("a child"),
    }
}

/// Takes the producer's seat, and forks a child that lives until the test hangs up.
pub fn fork_and_wait(words: &[&str]) {
    let ring = Ring::<u64>::open_with(words[0], &options()).unwrap();
    let _tx = ring.producer().unwrap();
    fork(|| while hear().is_some() {});
    say("forked");
    loop {
        park();
    }
}

/// Takes the producer's seat, and forks a child that drops its copy of the handle.
pub fn fork_and_drop(words: &[&str]) {
    let ring = Ring::<u64>::open_with(words[0], &options()).unwrap();
    let mut tx = Some(ring.producer().unwrap());
    let child = fork(|| drop((tx.take(), ring)));
    waitpid(Some(child), WaitOptions::empty()).unwrap();
    say("dropped");
    hear();
    tx.expect("still here").push(&7).unwrap();
}

/// Fills a batch, forks a child and commits the batch. Then the child drops its copy of the batch.
/// Does that again with a record that the parent reads.
pub fn fork_and_drop_guards(words: &[&str]) {
    let ring = Ring::<[u8]>::open_with(words[0], &Options::new()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    {
        let mut batch = Some(tx.try_batch(3 * 64).unwrap());
        for i in 0..3 {
            batch.as_mut().expect("just made").try_push(&[i]).unwrap();
        }
        let child = fork(|| {
            hear();
            drop(batch.take());
        });
        batch.take().expect("still here").commit();
        say("committed");
        waitpid(Some(child), WaitOptions::empty()).unwrap();
    }
    {
        let mut record = Some(rx.try_read().unwrap());
        let child = fork(|| drop(record.take()));
        waitpid(Some(child), WaitOptions::empty()).unwrap();
        // The three records take three of the eight cells.
        (3..8).for_each(|i| tx.try_push(&[i]).unwrap());
        say(format!("{:?}", tx.try_push(&[8])));
        record.take().expect("still here").keep();
    }
    let read: Vec<u8> = (0..8).map(|_| rx.try_read().unwrap().payload().read_value_at(0).unwrap()).collect();
    say(format!("{read:?}"));
}

/// Forks a child, then takes the producer's seat. The child reads the state of the seat, in the
/// mapping that it inherited.
pub fn fork_and_look(words: &[&str]) {
    let ring = Ring::<u64>::open_with(words[0], &options()).unwrap();
    let look = || {
        hear();
        say(format!("{:?}", ring.presence(Role::Producer)));
    };
    let child = fork(look);
    let mut tx = ring.producer().unwrap();
    say("sat");
    waitpid(Some(child), WaitOptions::empty()).unwrap();
    tx.push(&7).unwrap();
    hear();
}

/// Takes the producer's seat, and forks a child that tries to take the consumer's seat in the
/// mapping that it inherited.
pub fn fork_and_share(words: &[&str]) {
    let ring = Ring::<u64>::open_with(words[0], &options()).unwrap();
    let mut tx = ring.producer().unwrap();
    let child = fork(|| match ring.consumer() {
        Ok(_rx) => {
            // A forked child does not inherit the setting that it dies with its parent.
            set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
            say("sat");
            park();
        }
        Err(error) => say(format!("refused: {error}")),
    });
    hear();
    while tx.try_push(&1).is_ok() {}
    let told = tx.push_timeout(&1, Duration::from_millis(350)).unwrap_err();
    say(format!("{told:?}"));
    say(format!("{:?}", ring.consumer().map(drop)));
    // The child may have ended already.
    let _gone = kill_process(child, Signal::KILL);
    waitpid(Some(child), WaitOptions::empty()).unwrap();
}

#[test]
fn a_forked_child_keeps_the_seat_alive() {
    let name = Name::unique("ringway-forks");
    let ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut parent = Child::start("fork and wait", &[name.as_str()]);
    parent.expect("forked");
    let pid = parent.id();
    parent.kill();
    assert_taken(&ring, Role::Producer, pid);
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.pop_timeout(Duration::from_millis(250)), Err(PopError::Elapsed));
    parent.hang_up();
    assert_eq!(rx.pop_timeout(PATIENCE), Err(PopError::Closed(Departure::Died)));
    assert!(soon(|| ring.producer().is_ok()));
}

#[test]
fn a_forked_child_that_drops_its_handle_does_not_free_the_seat() {
    let name = Name::unique("ringway-forks");
    let ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut parent = Child::start("fork and drop", &[name.as_str()]);
    parent.expect("dropped");
    assert_taken(&ring, Role::Producer, parent.id());
    assert!(matches!(rx.producer_presence(), Presence::Here(_)), "{ring:?}");
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    parent.tell("go on");
    assert_eq!(rx.pop(), Ok(7));
    assert_eq!(rx.pop(), Err(PopError::Closed(Departure::Left)));
    parent.finish();
}

#[test]
fn a_forked_child_that_drops_guards_aborts_and_releases_nothing() {
    let name = Name::unique("ringway-forks");
    let _ring = Ring::<[u8]>::create(&name, &Options::new().capacity(512)).unwrap();
    let mut parent = Child::start("fork and drop guards", &[name.as_str()]);
    parent.expect("committed");
    parent.tell("drop it");
    parent.expect("Err(Full)");
    parent.expect("[0, 1, 2, 3, 4, 5, 6, 7]");
    parent.finish();
}

#[test]
fn a_forked_child_cannot_take_a_seat_unseen_in_an_inherited_mapping() {
    let name = Name::unique("ringway-forks");
    let _ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut parent = Child::start("fork and share", &[name.as_str()]);
    let sat = parent.line();
    parent.hang_up();
    let (told, seat) = (parent.line(), parent.line());
    if sat == "sat" {
        // The child holds the seat, and its parent must see that it lives.
        assert_eq!(told, format!("{:?}", PushError::Elapsed));
        assert!(seat.contains("Taken"), "two consumers: {seat}");
    } else {
        assert!(sat.starts_with("refused"), "{sat}");
    }
    parent.finish();
}

#[test]
fn a_forked_child_sees_that_its_parent_lives() {
    let name = Name::unique("ringway-forks");
    let ring = Ring::<u64>::create(&name, &options()).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut parent = Child::start("fork and look", &[name.as_str()]);
    parent.expect("sat");
    parent.tell("look");
    let seen = parent.line();
    assert!(!seen.contains("Died"), "{seen}");
    assert_eq!(rx.pop(), Ok(7));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_taken(&ring, Role::Producer, parent.id());
    parent.finish();
}
