//! Participants in another PID namespace, or of another user. Both sides tell the living from the
//! dead.
use std::fs;
use std::io::{Error, Result};
use std::os::unix::process::CommandExt;
use std::process;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, wait};

use super::liveness_corner_cases::{assert_it_is_dealt_with, assert_it_is_left_alone};
use super::scripted_process::{self, MultiProducerKind, PID, Processes, STARTED, command, next};
use support::process::{Child, role_command, say};

/// Runs between fork and exec. Continues as process 1 of a new PID namespace.
fn leave() -> Result<()> {
    let told = |result: i32| if result < 0 { Err(Error::last_os_error()) } else { Ok(result) };
    // SAFETY: a system call that changes where later children are put.
    let unshare = |flags| told(unsafe { libc::unshare(flags) });
    // A process that is not root needs a user namespace of its own.
    unshare(libc::CLONE_NEWPID).or_else(|_| unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWPID))?;
    // SAFETY: this process has one thread, and makes only system calls until it execs or exits.
    if told(unsafe { libc::fork() })? == 0 {
        return Ok(());
    }
    // This process waits for the child. Its parent must not wait for it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // SAFETY: nothing here uses a descriptor any more.
    told(unsafe { libc::close_range(3, u32::MAX, 0) })?;
    wait(WaitOptions::empty())?;
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) }
}

/// Starts a process that plays a role, as process 1 of a PID namespace. Prints a line when it has
/// ended.
pub fn elsewhere(words: &[&str]) {
    // In the new namespace, this process has no process id.
    let mut command = role_command("arrive", words, 0);
    // SAFETY: what `leave` does is allowed there.
    unsafe { command.pre_exec(leave) };
    match command.spawn() {
        Ok(mut child) => say(child.wait().map(|_| "ended").unwrap()),
        Err(error) => say(format!("skipped: no PID namespace: {error}")),
    }
}

/// Prints its process id outside of the namespace, and plays the role that the first word names.
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

/// A process in another namespace, or of another user.
struct Emigrant {
    child: Child,
    /// Its process id in this namespace.
    pid: Pid,
}

impl Emigrant {
    /// Starts the process, which plays a role and prints `first` when it is ready. Prints why and
    /// returns `None` if the system does not allow it.
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

    fn producer<K: MultiProducerKind>(processes: &mut Processes<K>, seat: u16) -> Option<Self> {
        let words = processes.words();
        Self::start("produce", &words.each_ref().map(String::as_str), &format!("seat {seat}"))
    }

    fn kill(&mut self) {
        kill_process(self.pid, Signal::KILL).unwrap();
        self.child.expect("ended");
    }
}

/// When the process with this id started, in clock ticks since boot.
fn started(pid: u64) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(22 - 3).unwrap().parse().unwrap()
}

/// The producer calls itself process 1. In this namespace that is another process, which never
/// ends.
fn a_producer_in_another_namespace_lives_and_dies<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(2);
    let mut here = processes.producer(0);
    let Some(mut there) = Emigrant::producer(&mut processes, 1) else { return };
    there.child.tell("another");
    assert!(
        there.child.line().contains("none of the 2"),
        "it took a seat that a process in another namespace holds"
    );
    command(&mut there.child, "push 1", "sent");
    assert_eq!(next(&mut processes.ring.consumer().unwrap()), Ok((1, 1)));
    command(&mut there.child, "reserve 1", "reserved");
    command(&mut here, "push 2", "sent");
    kill_process(there.pid, Signal::STOP).unwrap();
    assert_it_is_left_alone(&mut processes, 1, 1);
    // Now only the namespace differs from that of process 1 here.
    processes.patch(1, STARTED, started(1));
    there.kill();
    assert_it_is_dealt_with(&mut processes, 1);
}

#[test]
fn mpsc_a_producer_in_another_namespace_lives_and_dies() {
    a_producer_in_another_namespace_lives_and_dies::<Mpsc>();
}

#[test]
fn lanes_a_producer_in_another_namespace_lives_and_dies() {
    a_producer_in_another_namespace_lives_and_dies::<Lanes>();
}

/// The consumer is process 1 in its namespace. The dead producers of this namespace say that they
/// were process 1, too.
fn a_consumer_in_another_namespace_tells_the_living_from_the_dead<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(2);
    let words = [processes.name.as_str(), K::WORD];
    let Some(mut consumer) = Emigrant::start("consume", &words, "sat") else { return };
    let (mut a, mut b) = (processes.producer(0), processes.producer(1));
    command(&mut a, "push 1", "sent");
    command(&mut consumer.child, "read", "1 from 0");
    command(&mut a, "reserve 2", "reserved");
    command(&mut b, "push 3", "sent");
    a.stop();
    // In `mpsc` it waits for the stopped producer. In lanes it does not notice it.
    consumer.child.tell("read");
    if !K::IS_ORDERED {
        consumer.child.expect("3 from 1");
        consumer.child.tell("read");
    }
    a.tell("commit");
    a.go_on();
    consumer.child.expect("2 from 0");
    if K::IS_ORDERED {
        command(&mut consumer.child, "read", "3 from 1");
    }
    a.expect("sent");

    command(&mut a, "reserve 4", "reserved");
    command(&mut b, "push 5", "sent");
    processes.patch(0, PID, 1);
    processes.patch(0, STARTED, started(consumer.pid.as_raw_pid() as u64));
    a.kill();
    command(&mut consumer.child, "read", "5 from 1");
    assert_eq!(processes.ring.seats().nth(1).unwrap().counters.lost, K::IS_ORDERED.into());
    b.kill();
    command(&mut consumer.child, "read", "Closed(Died)");

    // The producers here see that it has ended.
    let mut c = processes.producer(0);
    command(&mut c, "fill 6", "full");
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

/// A user without files.
const NOBODY: u32 = 65534;

/// Plays the role that the first word names as that user. Prints why if the system does not allow
/// it: root may lack the right, or the user may not exist in its user namespace.
pub fn as_nobody(words: &[&str]) {
    let groups = rustix::thread::set_thread_groups(&[]);
    // SAFETY: gives up rights of the whole process.
    let user = if unsafe { libc::setuid(NOBODY) } == 0 { Ok(()) } else { Err(Error::last_os_error()) };
    if let Err(error) = groups.map_err(Error::from).and(user) {
        return say(format!("skipped: cannot become another user: {error}"));
    }
    // The kernel resets this setting when the user changes.
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

impl<K: MultiProducerKind> Processes<K> {
    /// Starts a process of another user. Prints why and returns `None` if it cannot.
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

fn a_producer_of_another_user_lives_and_dies<K: MultiProducerKind>() {
    if !is_root() {
        return;
    }
    let mut processes = Processes::<K>::open_to(2, 0o666);
    let Some(mut nobody) = processes.nobody("produce", "seat 0") else { return };
    let mut own = processes.producer(1);
    command(&mut nobody, "push 1", "sent");
    assert_eq!(next(&mut processes.ring.consumer().unwrap()), Ok((1, 0)));
    command(&mut nobody, "reserve 1", "reserved");
    command(&mut nobody, "close", "closed");
    command(&mut own, "push 2", "sent");
    assert_it_is_left_alone(&mut processes, nobody.id(), 0);
    nobody.kill();
    assert_it_is_dealt_with(&mut processes, 0);
}

#[test]
fn mpsc_a_producer_of_another_user_lives_and_dies() {
    a_producer_of_another_user_lives_and_dies::<Mpsc>();
}

#[test]
fn lanes_a_producer_of_another_user_lives_and_dies() {
    a_producer_of_another_user_lives_and_dies::<Lanes>();
}

fn a_consumer_of_another_user_tells_the_living_from_the_dead<K: MultiProducerKind>() {
    if !is_root() {
        return;
    }
    let mut processes = Processes::<K>::open_to(2, 0o666);
    let Some(mut nobody) = processes.nobody("consume", "sat") else { return };
    let (mut a, mut b) = (processes.producer(0), processes.producer(1));
    command(&mut a, "reserve 1", "reserved");
    command(&mut a, "close", "closed");
    command(&mut b, "push 2", "sent");
    nobody.tell("read");
    if !K::IS_ORDERED {
        nobody.expect("2 from 1");
        nobody.tell("read");
    }
    std::thread::sleep(std::time::Duration::from_millis(250));
    command(&mut a, "commit", "sent");
    nobody.expect("1 from 0");
    if K::IS_ORDERED {
        command(&mut nobody, "read", "2 from 1");
    }
    command(&mut a, "reserve 3", "reserved");
    command(&mut b, "push 4", "sent");
    a.kill();
    command(&mut nobody, "read", "4 from 1");
    b.kill();
    command(&mut nobody, "read", "Closed(Died)");
}

#[test]
fn mpsc_a_consumer_of_another_user_tells_the_living_from_the_dead() {
    a_consumer_of_another_user_tells_the_living_from_the_dead::<Mpsc>();
}

#[test]
fn lanes_a_consumer_of_another_user_tells_the_living_from_the_dead() {
    a_consumer_of_another_user_tells_the_living_from_the_dead::<Lanes>();
}
