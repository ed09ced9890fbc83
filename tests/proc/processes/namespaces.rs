//! Participants in another PID namespace, or of another user: who is alive, who is dead, seen from both sides.
use std::fs;
use std::io::{Error, Result};
use std::os::unix::process::CommandExt;
use std::process;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, wait};

use super::liveness_corner_cases::{assert_it_is_dealt_with, assert_it_is_left_alone};
use super::scripted_process::{self, Crew, Many, PID, STARTED, next, order};
use support::process::{Child, role_command, say};

/// Between fork and exec: goes on as process 1 of a new PID namespace.
fn leave() -> Result<()> {
    let told = |result: i32| if result < 0 { Err(Error::last_os_error()) } else { Ok(result) };
    // SAFETY: a system call that changes where later children are put.
    let unshare = |flags| told(unsafe { libc::unshare(flags) });
    // Who is not root may still in a user namespace of its own.
    unshare(libc::CLONE_NEWPID).or_else(|_| unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWPID))?;
    // SAFETY: this process has one thread, and makes only system calls until it execs or exits.
    if told(unsafe { libc::fork() })? == 0 {
        return Ok(());
    }
    // What is left here waits. The one that spawned it is not to wait for it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // SAFETY: nothing here uses a descriptor any more.
    told(unsafe { libc::close_range(3, u32::MAX, 0) })?;
    wait(WaitOptions::empty())?;
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) }
}

/// Has another process play a role, as process 1 of a PID namespace; says when it has ended.
pub fn elsewhere(words: &[&str]) {
    // From there, this process has no number.
    let mut command = role_command("arrive", words, 0);
    // SAFETY: what `leave` does is allowed there.
    unsafe { command.pre_exec(leave) };
    match command.spawn() {
        Ok(mut child) => say(child.wait().map(|_| "ended").unwrap()),
        Err(error) => say(format!("skipped: no PID namespace: {error}")),
    }
}

/// Says its number where it came from, and plays the role that the first word says.
pub fn arrive(words: &[&str]) {
    assert_eq!(process::id(), 1);
    say(fs::read_link("/proc/self").unwrap().display());
    play(words);
}

fn play(words: &[&str]) {
    match words[0] {
        "produce" => scripted_process::produce(&words[1..]),
        _ => scripted_process::consume(&words[1..]),
    }
}

/// A process elsewhere.
struct Emigrant {
    child: Child,
    /// Its number here.
    pid: Pid,
}

impl Emigrant {
    /// It plays a role, and says `first` when it is ready. None, and why, if the system does not allow it.
    fn start(role: &str, words: &[&str], first: &str) -> Option<Self> {
        let words: Vec<&str> = [role].iter().chain(words).copied().collect();
        let mut child = Child::start("elsewhere", &words);
        let line = child.line();
        if line.starts_with("skipped") {
            println!("{line}");
            return None;
        }
        child.expect(first);
        let pid = line.parse().unwrap();
        Some(Self { child, pid: Pid::from_raw(pid).unwrap() })
    }

    fn producer<K: Many>(crew: &mut Crew<K>, seat: u16) -> Option<Self> {
        let words = crew.words();
        Self::start("produce", &words.each_ref().map(String::as_str), &format!("seat {seat}"))
    }

    fn kill(&mut self) {
        kill_process(self.pid, Signal::KILL).unwrap();
        self.child.expect("ended");
    }
}

/// When the process of this number started, in clock ticks since boot.
fn started(pid: u64) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(22 - 3).unwrap().parse().unwrap()
}

/// It calls itself process 1, which another is here that never ends.
fn a_producer_in_another_namespace_lives_and_dies<K: Many>() {
    let mut crew = Crew::<K>::new(2);
    let mut here = crew.producer(0);
    let Some(mut there) = Emigrant::producer(&mut crew, 1) else { return };
    there.child.tell("another");
    assert!(there.child.line().contains("none of the 2"), "it has robbed one who is not of its namespace");
    order(&mut there.child, "push 1", "sent");
    assert_eq!(next(&mut crew.ring.consumer().unwrap()), Ok((1, 1)));
    order(&mut there.child, "reserve 1", "reserved");
    order(&mut here, "push 2", "sent");
    kill_process(there.pid, Signal::STOP).unwrap();
    assert_it_is_left_alone(&mut crew, 1, 1);
    // Now nothing but the namespace tells it from the one who is process 1 here.
    crew.patch(1, STARTED, started(1));
    there.kill();
    assert_it_is_dealt_with(&mut crew, 1);
}

#[test]
fn mpsc_a_producer_in_another_namespace_lives_and_dies() {
    a_producer_in_another_namespace_lives_and_dies::<Mpsc>();
}

#[test]
fn lanes_a_producer_in_another_namespace_lives_and_dies() {
    a_producer_in_another_namespace_lives_and_dies::<Lanes>();
}

/// The same, seen from there: the consumer is process 1, and so were, as they say, those of here who have died.
fn a_consumer_in_another_namespace_tells_the_living_from_the_dead<K: Many>() {
    let mut crew = Crew::<K>::new(2);
    let words = [crew.name.as_str(), K::WORD];
    let Some(mut consumer) = Emigrant::start("consume", &words, "sat") else { return };
    let (mut a, mut b) = (crew.producer(0), crew.producer(1));
    order(&mut a, "push 1", "sent");
    order(&mut consumer.child, "read", "1 from 0");
    order(&mut a, "reserve 2", "reserved");
    order(&mut b, "push 3", "sent");
    a.stop();
    // From one order it waits for who is stopped; in lanes it does not see anything of it.
    consumer.child.tell("read");
    if !K::IS_ORDERED {
        consumer.child.expect("3 from 1");
        consumer.child.tell("read");
    }
    a.tell("commit");
    a.go_on();
    consumer.child.expect("2 from 0");
    if K::IS_ORDERED {
        order(&mut consumer.child, "read", "3 from 1");
    }
    a.expect("sent");

    order(&mut a, "reserve 4", "reserved");
    order(&mut b, "push 5", "sent");
    crew.patch(0, PID, 1);
    crew.patch(0, STARTED, started(consumer.pid.as_raw_pid() as u64));
    a.kill();
    order(&mut consumer.child, "read", "5 from 1");
    assert_eq!(crew.ring.seats().nth(1).unwrap().counters.lost, K::IS_ORDERED.into());
    b.kill();
    order(&mut consumer.child, "read", "Closed(Died)");

    // And its own end is seen here.
    let mut c = crew.producer(0);
    order(&mut c, "fill 6", "full");
    c.tell("push 7");
    consumer.kill();
    c.expect("Closed(Died)");
}

#[test]
fn mpsc_a_consumer_in_another_namespace_tells_the_living_from_the_dead() {
    a_consumer_in_another_namespace_tells_the_living_from_the_dead::<Mpsc>();
}

#[test]
fn lanes_a_consumer_in_another_namespace_tells_the_living_from_the_dead() {
    a_consumer_in_another_namespace_tells_the_living_from_the_dead::<Lanes>();
}

/// A user who owns nothing.
const NOBODY: u32 = 65534;

/// As that user, plays the role that the first word says. Says why, if the system does not allow it: root may have been denied it, or
/// that user not exist where it is root.
pub fn as_nobody(words: &[&str]) {
    let groups = rustix::thread::set_thread_groups(&[]);
    // SAFETY: gives up rights of the whole process.
    let user = if unsafe { libc::setuid(NOBODY) } == 0 { Ok(()) } else { Err(Error::last_os_error()) };
    if let Err(error) = groups.map_err(Error::from).and(user) {
        return say(format!("skipped: cannot become another user: {error}"));
    }
    // That is forgotten where the user changes.
    set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    play(words);
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: only root can become another user");
    }
    is_root
}

impl<K: Many> Crew<K> {
    /// A process of another user. None, and why, if there cannot be one.
    fn nobody(&mut self, role: &str, first: &str) -> Option<Child> {
        let words = self.words();
        let [name, kind, label] = words.each_ref().map(String::as_str);
        let mut child = Child::start("as nobody", &[role, name, kind, label]);
        let line = child.line();
        if line.starts_with("skipped") {
            println!("{line}");
            return None;
        }
        assert_eq!(line, first);
        Some(child)
    }
}

fn a_producer_of_another_user_lives_and_dies<K: Many>() {
    if !is_root() {
        return;
    }
    let mut crew = Crew::<K>::open_to(2, 0o666);
    let Some(mut nobody) = crew.nobody("produce", "seat 0") else { return };
    let mut own = crew.producer(1);
    order(&mut nobody, "push 1", "sent");
    assert_eq!(next(&mut crew.ring.consumer().unwrap()), Ok((1, 0)));
    order(&mut nobody, "reserve 1", "reserved");
    order(&mut nobody, "close", "closed");
    order(&mut own, "push 2", "sent");
    assert_it_is_left_alone(&mut crew, nobody.id(), 0);
    nobody.kill();
    assert_it_is_dealt_with(&mut crew, 0);
}

#[test]
fn mpsc_a_producer_of_another_user_lives_and_dies() {
    a_producer_of_another_user_lives_and_dies::<Mpsc>();
}

#[test]
fn lanes_a_producer_of_another_user_lives_and_dies() {
    a_producer_of_another_user_lives_and_dies::<Lanes>();
}

fn a_consumer_of_another_user_tells_the_living_from_the_dead<K: Many>() {
    if !is_root() {
        return;
    }
    let mut crew = Crew::<K>::open_to(2, 0o666);
    let Some(mut nobody) = crew.nobody("consume", "sat") else { return };
    let (mut a, mut b) = (crew.producer(0), crew.producer(1));
    order(&mut a, "reserve 1", "reserved");
    order(&mut a, "close", "closed");
    order(&mut b, "push 2", "sent");
    nobody.tell("read");
    if !K::IS_ORDERED {
        nobody.expect("2 from 1");
        nobody.tell("read");
    }
    std::thread::sleep(std::time::Duration::from_millis(250));
    order(&mut a, "commit", "sent");
    nobody.expect("1 from 0");
    if K::IS_ORDERED {
        order(&mut nobody, "read", "2 from 1");
    }
    order(&mut a, "reserve 3", "reserved");
    order(&mut b, "push 4", "sent");
    a.kill();
    order(&mut nobody, "read", "4 from 1");
    b.kill();
    order(&mut nobody, "read", "Closed(Died)");
}

#[test]
fn mpsc_a_consumer_of_another_user_tells_the_living_from_the_dead() {
    a_consumer_of_another_user_tells_the_living_from_the_dead::<Mpsc>();
}

#[test]
fn lanes_a_consumer_of_another_user_tells_the_living_from_the_dead() {
    a_consumer_of_another_user_tells_the_living_from_the_dead::<Lanes>();
}
