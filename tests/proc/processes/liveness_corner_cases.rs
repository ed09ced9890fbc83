//! Who is dead and who is not, where that is not plain: a daemon without descriptors, a zombie, a process id that was given
//! out again, a forked copy, a process that became another program. Each in the middle of a record, where it matters most.
use std::fs;

use ringway::lanes::Lanes;
use ringway::mpsc::{Mpsc, Ring};
use ringway::{Options, PopError, Presence, SegmentError};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::scripted_process::{BRIEFLY, Crew, Many, PID, STARTED, next, order};
use support::process::{Child, run, say, soon};

/// That `holder`, in the middle of a record in seat 0 of two, is not taken for dead by anybody. The other seat is taken by
/// somebody who has sent 2 since.
pub fn assert_it_is_left_alone<K: Many>(crew: &mut Crew<K>, holder: u64, seat: u16) {
    let mut rx = crew.ring.consumer().unwrap();
    if !K::IS_ORDERED {
        assert_eq!(next(&mut rx), Ok((2, 1 - seat)));
    }
    assert_eq!(rx.read_timeout(BRIEFLY).map(drop).unwrap_err(), PopError::Elapsed);
    let blame = rx.stalled();
    let blamed = blame.map(|blame| (blame.seat, blame.pid, blame.attached));
    assert_eq!(blamed, K::IS_ORDERED.then_some((seat, holder, true)), "{blame:?}");
    assert_eq!(rx.losses().next(), None);
    drop(rx);
    let recovered = crew.ring.recover().unwrap();
    assert_eq!(recovered.blocked_by.map(|by| by.pid), K::IS_ORDERED.then_some(holder), "{recovered:?}");
    assert_eq!(recovered.lost, 0);
    crew.assert_no_seat_is_free();
    assert!(crew.applicant().line().contains("none of the 2"), "it was robbed by another process");
    let presence = crew.ring.seats().nth(1 + usize::from(seat)).unwrap().presence;
    assert!(matches!(presence, Presence::Here(who) if who.pid == holder), "{presence:?}");
}

/// That what `seat` had begun is passed over, now that its holder is dead, and that the seat can be taken again.
pub fn assert_it_is_dealt_with<K: Many>(crew: &mut Crew<K>, seat: u16) {
    let mut rx = crew.ring.consumer().unwrap();
    if K::IS_ORDERED {
        assert_eq!(next(&mut rx), Ok((2, 1 - seat)));
    }
    let losses: Vec<_> = rx.losses().collect();
    assert_eq!(losses.iter().map(|loss| loss.seat).collect::<Vec<_>>(), vec![seat; K::IS_ORDERED.into()]);
    let is_dead = || crew.ring.seats().nth(1 + usize::from(seat)).unwrap().presence;
    assert!(soon(|| matches!(is_dead(), Presence::Died(_))), "{:?}", is_dead());
    let mut successor = crew.producer(seat);
    order(&mut successor, "push 9", "sent");
    assert_eq!(next(&mut rx), Ok((9, seat)));
}

/// One in the middle of a record, and another who has sent 2 since.
fn two_of_them<K: Many>() -> (Crew<K>, Child, Child) {
    let mut crew = Crew::<K>::new(2);
    let (mut one, mut other) = (crew.producer(0), crew.producer(1));
    order(&mut one, "reserve 1", "reserved");
    order(&mut other, "push 2", "sent");
    (crew, one, other)
}

/// All it had open is closed; it goes on with what is mapped. In most file systems that keeps its lock, too.
fn a_daemon_without_descriptors_keeps_its_seat_until_it_ends<K: Many>() {
    let (mut crew, mut daemon, mut other) = two_of_them::<K>();
    order(&mut daemon, "close", "closed");
    assert_it_is_left_alone(&mut crew, daemon.id(), 0);
    order(&mut daemon, "commit", "sent");
    let mut rx = crew.ring.consumer().unwrap();
    assert_eq!(next(&mut rx), Ok((1, 0)));
    if K::IS_ORDERED {
        assert_eq!(next(&mut rx), Ok((2, 1)));
    }
    drop(rx);
    // Once more, to be killed in it.
    order(&mut daemon, "reserve 3", "reserved");
    order(&mut other, "push 2", "sent");
    daemon.stop();
    assert_it_is_left_alone(&mut crew, daemon.id(), 0);
    daemon.kill();
    assert_it_is_dealt_with(&mut crew, 0);
}

#[test]
fn mpsc_a_daemon_without_descriptors_keeps_its_seat_until_it_ends() {
    a_daemon_without_descriptors_keeps_its_seat_until_it_ends::<Mpsc>();
}

#[test]
fn lanes_a_daemon_without_descriptors_keeps_its_seat_until_it_ends() {
    a_daemon_without_descriptors_keeps_its_seat_until_it_ends::<Lanes>();
}

/// It opens the ring once more, and knows nothing there of what it holds already.
fn a_daemon_without_descriptors_cannot_take_its_own_seat<K: Many>() {
    let mut crew = Crew::<K>::new(1);
    let mut daemon = crew.producer(0);
    order(&mut daemon, "push 1", "sent");
    order(&mut daemon, "close", "closed");
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

/// It cannot ask by the descriptor any more who lives; what has its number now knows nothing of seats. So it asks by the name.
fn a_daemon_without_descriptors_tells_the_living_from_the_dead<K: Many>(how: &str, done: &str) {
    let mut crew = Crew::<K>::new(2);
    let (mut producer, mut daemon) = (crew.producer(0), crew.consumer());
    order(&mut daemon, how, done);
    order(&mut daemon, "glance", "Elapsed");
    order(&mut producer, "push 1", "sent");
    order(&mut daemon, "read", "1 from 0");
    // A seat that it took by such a descriptor would be nobody's.
    daemon.tell("sit");
    let told = daemon.line();
    assert!(told.contains("must open the ring again"), "{told}");
    order(&mut daemon, "glance", "Elapsed");
    producer.kill();
    order(&mut daemon, "read", "Closed(Died)");
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

/// It opens the ring once more, and the file gets the number that it had: to the kernel, what sits there is who asks.
fn a_daemon_does_not_record_its_own_death<K: Many>() {
    let crew = Crew::<K>::new(1);
    let mut daemon = crew.consumer();
    order(&mut daemon, "close", "closed");
    order(&mut daemon, "sit anew", "seat 0");
    order(&mut daemon, "glance", "Elapsed");
    crew.assert_no_seat_is_free();
}

#[test]
fn mpsc_a_daemon_does_not_record_its_own_death() {
    a_daemon_does_not_record_its_own_death::<Mpsc>();
}

#[test]
fn lanes_a_daemon_does_not_record_its_own_death() {
    a_daemon_does_not_record_its_own_death::<Lanes>();
}

/// Puts a file system of layers where rings are made, for this process and its children: containers have such.
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

/// There a mapping does not keep the file open, and so the lock is indeed gone. Does what the word says.
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

fn a_zombie_is_dead<K: Many>() {
    let (mut crew, mut zombie, _other) = two_of_them::<K>();
    zombie.kill_unreaped();
    if !K::IS_ORDERED {
        assert_eq!(next(&mut crew.ring.consumer().unwrap()), Ok((2, 1)));
    }
    assert_it_is_dealt_with(&mut crew, 0);
}

#[test]
fn mpsc_a_zombie_is_dead() {
    a_zombie_is_dead::<Mpsc>();
}

#[test]
fn lanes_a_zombie_is_dead() {
    a_zombie_is_dead::<Lanes>();
}

/// The kernel gives a dead one's process id to another process.
fn a_reused_process_id_keeps_no_seat<K: Many>() {
    let (mut crew, mut dead, other) = two_of_them::<K>();
    let started = |seat: usize| crew.ring.seats().nth(1 + seat).unwrap().presence.identity().unwrap().started;
    let (of_dead, of_other) = (started(0), started(1));
    dead.kill();
    crew.patch(0, PID, other.id());
    // The two may have started in the same tick.
    crew.patch(0, STARTED, if of_dead == of_other { of_dead - 1 } else { of_dead });
    assert_it_is_dealt_with(&mut crew, 0);
}

#[test]
fn mpsc_a_reused_process_id_keeps_no_seat() {
    a_reused_process_id_keeps_no_seat::<Mpsc>();
}

#[test]
fn lanes_a_reused_process_id_keeps_no_seat() {
    a_reused_process_id_keeps_no_seat::<Lanes>();
}

/// Where a lock may vanish behind a process's back, one that runs is left alone, lock or no lock.
fn a_process_that_runs_is_left_alone<K: Many>() {
    let (mut crew, mut dead, other) = two_of_them::<K>();
    let started = crew.ring.seats().nth(2).unwrap().presence.identity().unwrap().started;
    dead.kill();
    crew.patch(0, PID, other.id());
    crew.patch(0, STARTED, started);
    assert_it_is_left_alone(&mut crew, other.id(), 0);
}

#[test]
fn a_running_process_keeps_its_seat_where_locks_may_vanish() {
    run("stand on layers", &["numbers"]);
}

fn a_forked_child_keeps_its_dead_parents_seat<K: Many>() {
    let (mut crew, mut parent, _other) = two_of_them::<K>();
    order(&mut parent, "fork", "forked");
    let pid = parent.id();
    parent.kill();
    assert_it_is_left_alone(&mut crew, pid, 0);
    parent.hang_up();
    assert_eq!(parent.rest(), [""; 0]);
    assert_it_is_dealt_with(&mut crew, 0);
}

#[test]
fn mpsc_a_forked_child_keeps_its_dead_parents_seat() {
    a_forked_child_keeps_its_dead_parents_seat::<Mpsc>();
}

#[test]
fn lanes_a_forked_child_keeps_its_dead_parents_seat() {
    a_forked_child_keeps_its_dead_parents_seat::<Lanes>();
}

/// Its seat is lost with its descriptors, and nobody but itself can know: the process is the same.
fn a_process_takes_a_seat_again_after_exec<K: Many>() {
    let mut crew = Crew::<K>::new(1);
    let mut rx = crew.ring.consumer().unwrap();
    let mut child = crew.producer(0);
    order(&mut child, "push 1", "sent");
    crew.assert_no_seat_is_free();
    order(&mut child, "exec", "seat 0");
    order(&mut child, "push 2", "sent");
    crew.assert_no_seat_is_free();
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

/// What it had begun in its former life is dealt with when it ends, at the latest.
fn an_exec_in_the_middle_of_a_record_is_resolved_later<K: Many>() {
    let mut crew = Crew::<K>::new(2);
    let mut rx = crew.ring.consumer().unwrap();
    let mut child = crew.producer(0);
    order(&mut child, "reserve 1", "reserved");
    order(&mut child, "exec", "seat 1");
    order(&mut child, "push 2", "sent");
    child.kill();
    assert_eq!(next(&mut rx), Ok((2, 1)));
    let losses: Vec<_> = rx.losses().collect();
    assert_eq!(losses.iter().map(|loss| loss.seat).collect::<Vec<_>>(), vec![0; K::IS_ORDERED.into()]);
    let _successors = [crew.producer(0), crew.producer(1)];
}

#[test]
fn mpsc_an_exec_in_the_middle_of_a_record_is_resolved_later() {
    an_exec_in_the_middle_of_a_record_is_resolved_later::<Mpsc>();
}

#[test]
fn lanes_an_exec_in_the_middle_of_a_record_is_resolved_later() {
    an_exec_in_the_middle_of_a_record_is_resolved_later::<Lanes>();
}
