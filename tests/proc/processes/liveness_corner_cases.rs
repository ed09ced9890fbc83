//! Whether a process is dead in the cases that are hard to decide: a daemon without descriptors, a
//! zombie, a reused process id, a forked copy, a process after exec. Each is in the middle of a
//! record, where a wrong answer does most harm.
use std::fs;

use ringway::lanes::Lanes;
use ringway::mpsc::{Mpsc, Ring};
use ringway::{Options, PopError, Presence, SegmentError};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::scripted_process::{BRIEFLY, MultiProducerKind, PID, Processes, STARTED, command, next};
use support::process::{Child, run, say, soon};

/// Checks that no process takes `holder` for dead. It is in the middle of a record in seat 0 of
/// two. The producer in the other seat has sent 2 since.
pub fn assert_it_is_left_alone<K: MultiProducerKind>(processes: &mut Processes<K>, holder: u64, seat: u16) {
    let mut rx = processes.ring.consumer().unwrap();
    if !K::IS_ORDERED {
        assert_eq!(next(&mut rx), Ok((2, 1 - seat)));
    }
    assert_eq!(rx.read_timeout(BRIEFLY).map(drop).unwrap_err(), PopError::Elapsed);
    let blame = rx.stalled();
    let blamed = blame.map(|blame| (blame.seat, blame.pid, blame.attached));
    assert_eq!(blamed, K::IS_ORDERED.then_some((seat, holder, true)), "{blame:?}");
    assert_eq!(rx.losses().next(), None);
    drop(rx);
    let recovered = processes.ring.recover().unwrap();
    assert_eq!(recovered.blocked_by.map(|by| by.pid), K::IS_ORDERED.then_some(holder), "{recovered:?}");
    assert_eq!(recovered.lost, 0);
    processes.assert_no_seat_is_free();
    assert!(processes.start_producer().line().contains("none of the 2"), "another process took its seat");
    let presence = processes.ring.seats().nth(1 + usize::from(seat)).unwrap().presence;
    assert!(matches!(presence, Presence::Here(who) if who.pid == holder), "{presence:?}");
}

/// Checks that the consumer passes over the open record of `seat`, whose holder is dead, and that
/// the seat can be taken again.
pub fn assert_it_is_dealt_with<K: MultiProducerKind>(processes: &mut Processes<K>, seat: u16) {
    let mut rx = processes.ring.consumer().unwrap();
    if K::IS_ORDERED {
        assert_eq!(next(&mut rx), Ok((2, 1 - seat)));
    }
    let losses: Vec<_> = rx.losses().collect();
    assert_eq!(losses.iter().map(|loss| loss.seat).collect::<Vec<_>>(), vec![seat; K::IS_ORDERED.into()]);
    let is_dead = || processes.ring.seats().nth(1 + usize::from(seat)).unwrap().presence;
    assert!(soon(|| matches!(is_dead(), Presence::Died(_))), "{:?}", is_dead());
    let mut successor = processes.producer(seat);
    command(&mut successor, "push 9", "sent");
    assert_eq!(next(&mut rx), Ok((9, seat)));
}

/// A producer in the middle of a record, and another that has sent 2 since.
fn two_of_them<K: MultiProducerKind>() -> (Processes<K>, Child, Child) {
    let mut processes = Processes::<K>::new(2);
    let (mut one, mut other) = (processes.producer(0), processes.producer(1));
    command(&mut one, "reserve 1", "reserved");
    command(&mut other, "push 2", "sent");
    (processes, one, other)
}

/// The daemon closes all descriptors and continues with the mapping. In most file systems the
/// mapping keeps its lock, too.
fn a_daemon_without_descriptors_keeps_its_seat_until_it_ends<K: MultiProducerKind>() {
    let (mut processes, mut daemon, mut other) = two_of_them::<K>();
    command(&mut daemon, "close", "closed");
    assert_it_is_left_alone(&mut processes, daemon.id(), 0);
    command(&mut daemon, "commit", "sent");
    let mut rx = processes.ring.consumer().unwrap();
    assert_eq!(next(&mut rx), Ok((1, 0)));
    if K::IS_ORDERED {
        assert_eq!(next(&mut rx), Ok((2, 1)));
    }
    drop(rx);
    // A second record, to be killed in.
    command(&mut daemon, "reserve 3", "reserved");
    command(&mut other, "push 2", "sent");
    daemon.stop();
    assert_it_is_left_alone(&mut processes, daemon.id(), 0);
    daemon.kill();
    assert_it_is_dealt_with(&mut processes, 0);
}

#[test]
fn mpsc_a_daemon_without_descriptors_keeps_its_seat_until_it_ends() {
    a_daemon_without_descriptors_keeps_its_seat_until_it_ends::<Mpsc>();
}

#[test]
fn lanes_a_daemon_without_descriptors_keeps_its_seat_until_it_ends() {
    a_daemon_without_descriptors_keeps_its_seat_until_it_ends::<Lanes>();
}

/// The daemon opens the ring again. The new handle does not know what the old one holds.
fn a_daemon_without_descriptors_cannot_take_its_own_seat<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(1);
    let mut daemon = processes.producer(0);
    command(&mut daemon, "push 1", "sent");
    command(&mut daemon, "close", "closed");
    daemon.tell("anew");
    let told = daemon.line();
    assert!(told.contains("seat is held by"), "{told}");
}

#[test]
fn mpsc_a_daemon_without_descriptors_cannot_take_its_own_seat() {
    a_daemon_without_descriptors_cannot_take_its_own_seat::<Mpsc>();
}

#[test]
fn lanes_a_daemon_without_descriptors_cannot_take_its_own_seat() {
    a_daemon_without_descriptors_cannot_take_its_own_seat::<Lanes>();
}

/// The daemon cannot test locks by its descriptor any more: the number may belong to another file.
/// So it opens the file by its name.
fn a_daemon_without_descriptors_tells_the_living_from_the_dead<K: MultiProducerKind>(how: &str, done: &str) {
    let mut processes = Processes::<K>::new(2);
    let (mut producer, mut daemon) = (processes.producer(0), processes.consumer());
    command(&mut daemon, how, done);
    command(&mut daemon, "glance", "Elapsed");
    command(&mut producer, "push 1", "sent");
    command(&mut daemon, "read", "1 from 0");
    // A lock on that descriptor would not protect a seat.
    daemon.tell("sit");
    let told = daemon.line();
    assert!(told.contains("must open the ring again"), "{told}");
    command(&mut daemon, "glance", "Elapsed");
    producer.kill();
    command(&mut daemon, "read", "Closed(Died)");
}

#[test]
fn mpsc_a_daemon_without_descriptors_tells_the_living_from_the_dead() {
    a_daemon_without_descriptors_tells_the_living_from_the_dead::<Mpsc>("close", "closed");
}

#[test]
fn lanes_a_daemon_without_descriptors_tells_the_living_from_the_dead() {
    a_daemon_without_descriptors_tells_the_living_from_the_dead::<Lanes>("close", "closed");
}

#[test]
fn mpsc_a_daemon_that_reused_its_descriptors_tells_the_living_from_the_dead() {
    a_daemon_without_descriptors_tells_the_living_from_the_dead::<Mpsc>("replace", "replaced");
}

#[test]
fn lanes_a_daemon_that_reused_its_descriptors_tells_the_living_from_the_dead() {
    a_daemon_without_descriptors_tells_the_living_from_the_dead::<Lanes>("replace", "replaced");
}

/// The daemon opens the ring again, and the file gets the old descriptor number. To the kernel, the
/// holder of the lock is then the process that tests it.
fn a_daemon_does_not_record_its_own_death<K: MultiProducerKind>() {
    let processes = Processes::<K>::new(1);
    let mut daemon = processes.consumer();
    command(&mut daemon, "close", "closed");
    command(&mut daemon, "sit anew", "seat 0");
    command(&mut daemon, "glance", "Elapsed");
    processes.assert_no_seat_is_free();
}

#[test]
fn mpsc_a_daemon_does_not_record_its_own_death() {
    a_daemon_does_not_record_its_own_death::<Mpsc>();
}

#[test]
fn lanes_a_daemon_does_not_record_its_own_death() {
    a_daemon_does_not_record_its_own_death::<Lanes>();
}

/// Mounts an overlay file system where rings are created, for this process and its children.
/// Containers have such file systems.
fn with_layers() -> rustix::io::Result<()> {
    // SAFETY: the table of open files stays shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    mount("tmpfs", SHARED, "tmpfs", MountFlags::empty(), c"size=9m")?;
    for layer in ["lower", "upper", "work"] {
        fs::create_dir(format!("{SHARED}/{layer}")).unwrap();
    }
    let layers = c"lowerdir=/dev/shm/lower,upperdir=/dev/shm/upper,workdir=/dev/shm/work";
    mount("overlay", SHARED, "overlay", MountFlags::empty(), layers)
}

const SHARED: &str = "/dev/shm";

/// In an overlay a mapping does not keep the file open, so the lock is gone. Runs the case that the
/// word names.
pub fn stand_on_layers(words: &[&str]) {
    if let Err(error) = with_layers() {
        return say(format!("skipped: cannot mount layers: {error}"));
    }
    if let Err(error @ SegmentError::Unsupported { .. }) = Ring::<[u8]>::create("try", &Options::new()) {
        return say(format!("skipped: no rings there: {error}"));
    }
    if words[0] == "others" {
        a_daemon_without_descriptors_keeps_its_seat_until_it_ends::<Mpsc>();
        a_daemon_without_descriptors_keeps_its_seat_until_it_ends::<Lanes>();
        a_daemon_without_descriptors_tells_the_living_from_the_dead::<Mpsc>("close", "closed");
        a_daemon_without_descriptors_tells_the_living_from_the_dead::<Lanes>("replace", "replaced");
        a_daemon_does_not_record_its_own_death::<Mpsc>();
    } else if words[0] == "itself" {
        a_daemon_without_descriptors_cannot_take_its_own_seat::<Mpsc>();
        a_daemon_without_descriptors_cannot_take_its_own_seat::<Lanes>();
    } else {
        a_process_that_runs_is_left_alone::<Mpsc>();
        a_process_that_runs_is_left_alone::<Lanes>();
        a_reused_process_id_keeps_no_seat::<Mpsc>();
        a_reused_process_id_keeps_no_seat::<Lanes>();
    }
}

#[test]
fn a_daemon_whose_lock_is_gone_keeps_its_seat_until_it_ends() {
    run("stand on layers", &["others"]);
}

#[test]
fn a_daemon_whose_lock_is_gone_cannot_take_its_own_seat() {
    run("stand on layers", &["itself"]);
}

fn a_zombie_is_dead<K: MultiProducerKind>() {
    let (mut processes, mut zombie, _other) = two_of_them::<K>();
    zombie.kill_unreaped();
    if !K::IS_ORDERED {
        assert_eq!(next(&mut processes.ring.consumer().unwrap()), Ok((2, 1)));
    }
    assert_it_is_dealt_with(&mut processes, 0);
}

#[test]
fn mpsc_a_zombie_is_dead() {
    a_zombie_is_dead::<Mpsc>();
}

#[test]
fn lanes_a_zombie_is_dead() {
    a_zombie_is_dead::<Lanes>();
}

/// The kernel gives the process id of a dead holder to another process.
fn a_reused_process_id_keeps_no_seat<K: MultiProducerKind>() {
    let (mut processes, mut dead, other) = two_of_them::<K>();
    let started =
        |seat: usize| processes.ring.seats().nth(1 + seat).unwrap().presence.identity().unwrap().started;
    let (of_dead, of_other) = (started(0), started(1));
    dead.kill();
    processes.patch(0, PID, other.id());
    // Both processes may have started in the same tick.
    processes.patch(0, STARTED, if of_dead == of_other { of_dead - 1 } else { of_dead });
    assert_it_is_dealt_with(&mut processes, 0);
}

#[test]
fn mpsc_a_reused_process_id_keeps_no_seat() {
    a_reused_process_id_keeps_no_seat::<Mpsc>();
}

#[test]
fn lanes_a_reused_process_id_keeps_no_seat() {
    a_reused_process_id_keeps_no_seat::<Lanes>();
}

/// Where locks may vanish, a process that runs keeps its seat with or without its lock.
fn a_process_that_runs_is_left_alone<K: MultiProducerKind>() {
    let (mut processes, mut dead, other) = two_of_them::<K>();
    let started = processes.ring.seats().nth(2).unwrap().presence.identity().unwrap().started;
    dead.kill();
    processes.patch(0, PID, other.id());
    processes.patch(0, STARTED, started);
    assert_it_is_left_alone(&mut processes, other.id(), 0);
}

#[test]
fn a_running_process_keeps_its_seat_where_locks_may_vanish() {
    run("stand on layers", &["numbers"]);
}

fn a_forked_child_keeps_its_dead_parents_seat<K: MultiProducerKind>() {
    let (mut processes, mut parent, _other) = two_of_them::<K>();
    command(&mut parent, "fork", "forked");
    let pid = parent.id();
    parent.kill();
    assert_it_is_left_alone(&mut processes, pid, 0);
    parent.hang_up();
    assert_eq!(parent.rest(), [""; 0]);
    assert_it_is_dealt_with(&mut processes, 0);
}

#[test]
fn mpsc_a_forked_child_keeps_its_dead_parents_seat() {
    a_forked_child_keeps_its_dead_parents_seat::<Mpsc>();
}

#[test]
fn lanes_a_forked_child_keeps_its_dead_parents_seat() {
    a_forked_child_keeps_its_dead_parents_seat::<Lanes>();
}

/// The exec closes its descriptors. Only the process itself can know that: its process id is the
/// same.
fn a_process_takes_a_seat_again_after_exec<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(1);
    let mut rx = processes.ring.consumer().unwrap();
    let mut child = processes.producer(0);
    command(&mut child, "push 1", "sent");
    processes.assert_no_seat_is_free();
    command(&mut child, "exec", "seat 0");
    command(&mut child, "push 2", "sent");
    processes.assert_no_seat_is_free();
    assert_eq!([next(&mut rx), next(&mut rx)], [Ok((1, 0)), Ok((2, 0))]);
    child.kill();
    assert!(next(&mut rx).is_err());
}

#[test]
fn mpsc_a_process_takes_a_seat_again_after_exec() {
    a_process_takes_a_seat_again_after_exec::<Mpsc>();
}

#[test]
fn lanes_a_process_takes_a_seat_again_after_exec() {
    a_process_takes_a_seat_again_after_exec::<Lanes>();
}

/// The record that it began before the exec is resolved when the process ends, at the latest.
fn an_exec_in_the_middle_of_a_record_is_resolved_later<K: MultiProducerKind>() {
    let mut processes = Processes::<K>::new(2);
    let mut rx = processes.ring.consumer().unwrap();
    let mut child = processes.producer(0);
    command(&mut child, "reserve 1", "reserved");
    command(&mut child, "exec", "seat 1");
    command(&mut child, "push 2", "sent");
    child.kill();
    assert_eq!(next(&mut rx), Ok((2, 1)));
    let losses: Vec<_> = rx.losses().collect();
    assert_eq!(losses.iter().map(|loss| loss.seat).collect::<Vec<_>>(), vec![0; K::IS_ORDERED.into()]);
    let _successors = [processes.producer(0), processes.producer(1)];
}

#[test]
fn mpsc_an_exec_in_the_middle_of_a_record_is_resolved_later() {
    an_exec_in_the_middle_of_a_record_is_resolved_later::<Mpsc>();
}

#[test]
fn lanes_an_exec_in_the_middle_of_a_record_is_resolved_later() {
    an_exec_in_the_middle_of_a_record_is_resolved_later::<Lanes>();
}
