//! A forked child uses what it inherited, in every way there is. Each operation returns an error,
//! and the parent's ring stays as it was. The children are made by the bare system call, which runs
//! no handlers (as `_Fork` and `clone` do), and by `fork`.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Kind, Ring};
use ringway::spsc::Spsc;
use ringway::{Options, PopError, Presence, PushError, Role, SeatError, Select};
use rustix::process::{Pid, WaitOptions, waitpid};

use support::Name;
use support::process::{PATIENCE, run};

/// How a child is made.
const WAYS: [fn() -> libc::c_long; 2] = [
    // SAFETY: the child only runs `act` of `in_child`, and ends.
    || unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) },
    // SAFETY: as above.
    || unsafe { libc::fork() }.into(),
];

/// Runs `act` in a child, and panics if `act` did.
#[track_caller]
fn in_child(make: fn() -> libc::c_long, act: impl FnOnce()) {
    match make() {
        0 => {
            let went_well = catch_unwind(AssertUnwindSafe(act)).is_ok();
            // SAFETY: ends the process; nothing of it is used afterwards.
            unsafe { libc::_exit(if went_well { 0 } else { 101 }) }
        }
        child => {
            let child = Pid::from_raw(child.try_into().unwrap()).expect("a child");
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0), "see above for what the child says");
        }
    }
}

const WAIT: Duration = Duration::from_millis(250);

fn items<K: Kind>(make: fn() -> libc::c_long) {
    let name = Name::unique("ringway-inherited");
    let ring = Ring::<K, u64>::create(&name, &Options::new().capacity(8).label("parent")).unwrap();
    let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(&1).unwrap();
    tx.push(&2).unwrap();
    let mut ends = Some((tx, rx));
    in_child(make, || {
        let (mut tx, mut rx) = ends.take().unwrap();
        assert_eq!(tx.try_push(&9), Err(PushError::Inherited));
        assert_eq!(tx.push(&9), Err(PushError::Inherited));
        assert_eq!(tx.push_timeout(&9, WAIT), Err(PushError::Inherited));
        assert_eq!(tx.try_push_slice(&[9; 20]), Err(PushError::Inherited));
        assert_eq!(tx.push_slice(&[9; 20]), Err(PushError::Inherited));
        assert!(tx.stalled().is_none());
        assert!(!tx.wait_for_consumer(Duration::MAX));
        assert_eq!(tx.consumer_presence(), Presence::Never);
        assert_eq!((tx.len(), rx.len(), ring.len()), (0, 0, 0));
        assert_eq!(tx.try_clone().unwrap_err(), SeatError::Inherited);

        assert_eq!(rx.try_pop(), Err(PopError::Inherited));
        assert_eq!(rx.pop(), Err(PopError::Inherited));
        assert_eq!(rx.pop_timeout(WAIT), Err(PopError::Inherited));
        assert_eq!(rx.try_peek(), Err(PopError::Inherited));
        assert_eq!(rx.peek(), Err(PopError::Inherited));
        assert_eq!(rx.try_pop_slice(&mut [0; 4]), Err(PopError::Inherited));
        assert_eq!(rx.drain(4, |_| panic!("an item of the parent")), Err(PopError::Inherited));
        assert_eq!(rx.try_iter().next(), Some(Err(PopError::Inherited)));
        assert_eq!(rx.iter().next(), Some(Err(PopError::Inherited)));
        assert_eq!(rx.wait(), Err(PopError::Inherited));
        assert_eq!(rx.wait_timeout(WAIT), Err(PopError::Inherited));
        assert!(rx.stalled().is_none());
        assert!(!rx.wait_for_producer(Duration::MAX));
        assert_eq!(Select::new().wait(&mut [&mut rx]), Some(0));
        assert!(rx.losses().next().is_none());

        assert_eq!(ring.producer().unwrap_err(), SeatError::Inherited);
        assert_eq!(ring.consumer().unwrap_err(), SeatError::Inherited);
        assert_eq!(ring.recover().unwrap_err(), SeatError::Inherited);
        assert_eq!(ring.presence(Role::Producer), Presence::Never);
        assert_eq!(ring.seats().count(), 0);
        assert_eq!(tx.close(), Err(PushError::Inherited));
        assert_eq!(rx.close(), Err(PopError::Inherited));
        let text = PushError::Inherited.to_string();
        assert_eq!(
            text,
            "a forked child cannot use a handle of its parent; open the ring again in the child"
        );

        // What the text says helps.
        let own = Ring::<K, u64>::open(&name).unwrap();
        assert!(matches!(own.presence(Role::Producer), Presence::Here(_)));
        assert!(matches!(own.consumer().unwrap_err(), SeatError::SeatTaken { .. }));
        assert_eq!(own.len(), 2);
    });
    let (tx, mut rx) = ends.take().expect("the child had copies");
    let free =
        |role| ring.seats().any(|seat| seat.role == role && matches!(seat.presence, Presence::Left(_)));
    assert!(!free(Role::Producer) && !free(Role::Consumer), "the child gave its parent's seats away");
    assert!(matches!(ring.consumer().unwrap_err(), SeatError::SeatTaken { .. }));
    assert_eq!((rx.pop(), rx.pop(), rx.try_pop()), (Ok(1), Ok(2), Err(PopError::Empty)));

    // In an end with a waker thread, too.
    let mut rx = Some(rx.into_pollable().unwrap());
    in_child(make, || {
        let mut rx = rx.take().unwrap();
        assert!(!rx.arm());
        assert_eq!(rx.try_pop(), Err(PopError::Inherited));
    });
    let mut rx = rx.take().unwrap().into_inner();
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    drop(tx);
    assert!(matches!(rx.pop_timeout(PATIENCE), Err(PopError::Closed(_))));
}

fn records<K: Kind>(make: fn() -> libc::c_long) {
    let name = Name::unique("ringway-inherited");
    let ring = Ring::<K, [u8]>::create(&name, &Options::new().capacity(4096).label("parent")).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"first").unwrap();
    {
        let (mut reserved, mut record) = (Some(tx.reserve(6).unwrap()), Some(rx.read().unwrap()));
        reserved.as_mut().unwrap().payload().write_at(b"second", 0).unwrap();
        in_child(make, || {
            reserved.take().unwrap().commit();
            drop(record.take());
        });
        in_child(make, || {
            let reserved = reserved.take().unwrap();
            assert_eq!(reserved.commit_len(3), Err(PushError::Inherited));
        });
        assert_eq!(record.take().unwrap().payload().to_vec(), b"first");
        reserved.take().unwrap().commit();
    }
    {
        let mut batch = Some(tx.batch(256).unwrap());
        batch.as_mut().unwrap().try_push(b"third").unwrap();
        in_child(make, || {
            let mut batch = batch.take().unwrap();
            assert_eq!(batch.try_push(b"wrong"), Err(PushError::Inherited));
            assert!(matches!(batch.try_reserve(5), Err(PushError::Inherited)));
            batch.commit();
        });
        batch.as_mut().unwrap().try_push(b"fourth").unwrap();
        batch.take().unwrap().commit();
    }
    let mut ends = Some((tx, rx));
    in_child(make, || {
        let (mut tx, mut rx) = ends.take().unwrap();
        assert_eq!(tx.try_push(b"wrong"), Err(PushError::Inherited));
        assert_eq!(tx.push(b"wrong"), Err(PushError::Inherited));
        assert_eq!(tx.push_timeout(b"wrong", WAIT), Err(PushError::Inherited));
        assert!(matches!(tx.try_reserve(5), Err(PushError::Inherited)));
        assert!(matches!(tx.reserve_timeout(5, WAIT), Err(PushError::Inherited)));
        assert!(matches!(tx.try_batch(5), Err(PushError::Inherited)));
        assert!(matches!(tx.batch(5), Err(PushError::Inherited)));
        assert!(matches!(rx.try_read(), Err(PopError::Inherited)));
        assert!(matches!(rx.read(), Err(PopError::Inherited)));
        assert!(matches!(rx.read_timeout(WAIT), Err(PopError::Inherited)));
        assert_eq!(rx.drain(4, |_| panic!("a record of the parent")), Err(PopError::Inherited));
    });
    let (_tx, mut rx) = ends.take().expect("the child had copies");
    let mut read = Vec::new();
    rx.drain(9, |payload| read.push(String::from_utf8(payload.to_vec()).unwrap())).unwrap();
    assert_eq!(read, ["second", "third", "fourth"]);
}

/// What was lent before the fork cannot be asked whose it is: a child that uses it dies of that.
fn lent(make: fn() -> libc::c_long) {
    let name = Name::unique("ringway-inherited");
    let ring = Ring::<Spsc, [u8]>::create(&name, &Options::new().capacity(4096)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"first").unwrap();
    let mut reserved = tx.reserve(6).unwrap();
    reserved.payload().write_at(b"second", 0).unwrap();
    let record = rx.read().unwrap();
    let acts: [&mut dyn FnMut(); 2] =
        [&mut || reserved.payload().write_at(b"stolen", 0).unwrap(), &mut || {
            assert!(record.payload().to_vec().is_empty())
        }];
    for act in acts {
        let child = match make() {
            0 => {
                // No core dump of it.
                let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
                rustix::process::setrlimit(rustix::process::Resource::Core, none).unwrap();
                act();
                // SAFETY: ends the process; nothing of it is used afterwards.
                unsafe { libc::_exit(0) }
            }
            child => Pid::from_raw(child.try_into().unwrap()).expect("a child"),
        };
        let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.terminating_signal(), Some(libc::SIGSEGV));
    }
    assert_eq!(record.payload().to_vec(), b"first");
    record.release();
    reserved.commit();
    assert_eq!(rx.read().unwrap().payload().to_vec(), b"second");
}

/// A child has no mapping of its parent's segment. It may have something else at that address, which
/// must stay when it drops what it inherited.
fn dropped(make: fn() -> libc::c_long) {
    let name = Name::unique("ringway-inherited");
    drop(Ring::<Spsc, u64>::create(&name, &Options::new().capacity(1024)).unwrap());
    let ring = Ring::<Spsc, u64>::open(&name).unwrap();
    let ends = (ring.producer().unwrap(), ring.consumer().unwrap());
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.ends_with(name.as_str())).unwrap();
    let address = |part: &str| usize::from_str_radix(part, 16).unwrap();
    let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
    let (start, end) = (address(start), address(end));
    let mut all = Some((ring, ends));
    in_child(make, || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains(name.as_str()), "the child has the mapping");
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: nothing is mapped there; with this flag the call fails otherwise.
        let own = unsafe { libc::mmap(start as *mut _, end - start, protection, flags, -1, 0) };
        assert_eq!(own as usize, start);
        drop(all.take());
        let first = own.cast::<u8>();
        // SAFETY: mapped above, and not unmapped by what was dropped: this is what is tested.
        unsafe { first.write_volatile(7) };
    });
    let (_ring, (mut tx, mut rx)) = all.take().unwrap();
    tx.push(&1).unwrap();
    assert_eq!(rx.pop(), Ok(1));
}

/// Runs one case in a process of its own, which forks.
pub fn use_inherited_ends(words: &[&str]) {
    let make = WAYS[words[1].parse::<usize>().unwrap()];
    match words[0] {
        "items of spsc" => items::<Spsc>(make),
        "items of mpsc" => items::<Mpsc>(make),
        "items of lanes" => items::<Lanes>(make),
        "records of spsc" => records::<Spsc>(make),
        "records of mpsc" => records::<Mpsc>(make),
        "records of lanes" => records::<Lanes>(make),
        "what was lent" => lent(make),
        "what is dropped" => dropped(make),
        case => panic!("{case}?"),
    }
}

fn each_kind(payload: &str, way: &str) {
    for kind in ["spsc", "mpsc", "lanes"] {
        run("use inherited ends", &[&format!("{payload} of {kind}"), way]);
    }
}

#[test]
fn a_child_cannot_touch_what_was_lent_before_the_fork() {
    for way in ["0", "1"] {
        run("use inherited ends", &["what was lent", way]);
    }
}

#[test]
fn a_child_unmaps_nothing_of_its_own_when_it_drops_what_it_inherited() {
    for way in ["0", "1"] {
        run("use inherited ends", &["what is dropped", way]);
    }
}

#[test]
fn a_child_made_without_handlers_cannot_use_inherited_ends_of_items() {
    each_kind("items", "0");
}

#[test]
fn a_child_made_without_handlers_cannot_use_inherited_ends_of_records() {
    each_kind("records", "0");
}

#[test]
fn a_forked_child_cannot_use_inherited_ends() {
    each_kind("items", "1");
    each_kind("records", "1");
}
