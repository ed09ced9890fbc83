//! `inspect::look`: sees everything, changes nothing, and no bytes hurt it.
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::thread;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use ringway::{Options, Presence, Role, Segment, SegmentError, inspect};
use support::Name;
use support::process::{Act, Child, Dice, hear, run, say};

/// What child processes of these tests do.
pub const ROLES: &[(&str, Act)] =
    &[("hold seats", hold_seats), ("look as another user", look_as_another_user)];

fn robot(name: &Name) -> Segment {
    let small = Options::new().capacity(128).max_producers(2);
    Segment::builder()
        .ring::<Spsc, u64>("ticks", &small)
        .ring::<Mpsc, [u8]>("log", &small)
        .ring::<Lanes, u64>("orders", &small.schema(5))
        .create(name)
        .unwrap()
}

fn path(name: &Name) -> PathBuf {
    PathBuf::from("/dev/shm").join(name)
}

/// Sends into all three rings, and consumes one. Then waits for its parent.
fn hold_seats(words: &[&str]) {
    let segment = Segment::open_with(words[0], &Options::new().label("holder")).unwrap();
    let mut ticks = segment.ring::<Spsc, u64>("ticks").unwrap().producer().unwrap();
    let mut log = segment.ring::<Mpsc, [u8]>("log").unwrap().producer().unwrap();
    let orders = segment.ring_with::<Lanes, u64>("orders", &Options::new().schema(5)).unwrap();
    let (mut order, rx) = (orders.producer().unwrap(), orders.consumer().unwrap());
    ticks.try_push_slice(&[1, 2, 3]).unwrap();
    log.try_push(b"a line").unwrap();
    order.try_push(&7).unwrap();
    say("seated");
    hear();
    drop(rx);
}

fn presence(report: &inspect::SegmentReport, object: usize, role: Role) -> Presence {
    let ring = report.objects[object].ring.as_ref().unwrap();
    ring.seats.iter().find(|seat| seat.role == role).unwrap().presence
}

#[test]
fn it_shows_all_objects_and_who_is_there_and_writes_nothing() {
    let name = Name::unique("ringway-inspect");
    drop(robot(&name));
    let mut child = Child::start("hold seats", &[name.as_str()]);
    child.expect("seated");
    let before = fs::read(path(&name)).unwrap();
    let report = inspect::look(&name).unwrap();
    let names: Vec<_> = report.objects.iter().map(|object| object.info.name.to_string()).collect();
    assert_eq!(names, ["ticks", "log", "orders"]);
    let rings: Vec<_> = report.objects.iter().map(|object| object.ring.as_ref().unwrap()).collect();
    assert_eq!(
        rings.iter().map(|ring| (ring.used, ring.capacity)).collect::<Vec<_>>(),
        [(3, 128), (64, 128), (1, 256)]
    );
    assert_eq!(rings[0].item.unwrap().label.to_string(), "u64");
    assert_eq!((rings[1].item, rings[2].schema), (None, 5));
    let sent = rings.iter().map(|ring| ring.seats[1].counters.records).collect::<Vec<_>>();
    assert_eq!(sent, [3, 1, 1]);
    assert_eq!(rings.iter().map(|ring| ring.seats.len()).collect::<Vec<_>>(), [2, 3, 3]);
    for (object, role) in [(0, Role::Producer), (1, Role::Producer), (2, Role::Producer), (2, Role::Consumer)]
    {
        let Presence::Here(who) = presence(&report, object, role) else { panic!("{report}") };
        assert_eq!((who.pid, who.label.to_string()), (child.id(), "holder".into()));
    }
    assert_eq!(presence(&report, 0, Role::Consumer), Presence::Never);
    child.stop();
    assert!(matches!(presence(&inspect::look(&name).unwrap(), 0, Role::Producer), Presence::Here(_)));

    // A death is seen, and not recorded.
    child.kill();
    let report = inspect::look(&name).unwrap();
    for (object, role) in [(0, Role::Producer), (1, Role::Producer), (2, Role::Producer), (2, Role::Consumer)]
    {
        assert!(matches!(presence(&report, object, role), Presence::Died(_)), "{report}");
    }
    assert!(fs::read(path(&name)).unwrap() == before, "it wrote something");
    // Once recorded, it is the same. And who leaves has left.
    let segment = Segment::open(&name).unwrap();
    let ticks = segment.ring::<Spsc, u64>("ticks").unwrap();
    assert!(matches!(ticks.presence(Role::Producer), Presence::Died(_)));
    assert!(matches!(presence(&inspect::look(&name).unwrap(), 0, Role::Producer), Presence::Died(_)));
    drop(ticks.producer().unwrap());
    assert!(matches!(presence(&inspect::look(&name).unwrap(), 0, Role::Producer), Presence::Left(_)));
    let text = report.to_string();
    for line in
        ["`log`, a ring of kind `mpsc`", "3 of 128 items of `u64`", "producer 0: process", "died, sent 3"]
    {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let name = Name::unique("ringway-inspect");
    let segment = robot(&name);
    assert_eq!(inspect::look(&name).unwrap().diagnose(), [""; 0]);
    let ticks = segment.ring::<Spsc, u64>("ticks").unwrap();
    let mut tx = ticks.producer().unwrap();
    tx.try_push(&1).unwrap();
    let found = inspect::look(&name).unwrap().diagnose();
    assert_eq!(found, ["`ticks`: 1 of 128 items waits, and no consumer is attached; start one"]);
    let rx = ticks.consumer().unwrap();
    assert_eq!(inspect::look(&name).unwrap().diagnose(), [""; 0]);
    tx.try_push_slice(&[0; 127]).unwrap();
    let found = inspect::look(&name).unwrap().diagnose();
    assert!(found.len() == 1 && found[0].contains("it is full, and the consumer, process"), "{found:?}");
    let mut rx = rx;
    rx.drain(128, drop).unwrap();
    drop((tx, rx));
    let mut child = Child::start("hold seats", &[name.as_str()]);
    child.expect("seated");
    child.kill();
    let found = inspect::look(&name).unwrap().diagnose().join("\n");
    for words in [
        "`log`: the producer in seat 0, process",
        "`holder`, died; another one can take its seat",
        "`log`: 64 of 128 bytes wait, and no consumer is attached",
        "`orders`: the consumer, process",
        "died, and 1 of 256 items waits; start another one",
    ] {
        assert!(found.contains(words), "{found}");
    }
    // A damaged entry, and one of a later version.
    let file = File::options().write(true).open(path(&name)).unwrap();
    file.write_all_at(&3_u64.to_ne_bytes(), 256 + 56).unwrap();
    file.write_all_at(&77_u64.to_ne_bytes(), 256 * 2).unwrap();
    let report = inspect::look(&name).unwrap();
    assert!(report.diagnose()[0].starts_with("`ticks` is damaged: its capacity cannot be 3"));
    assert!(report.objects[1].ring.is_none() && report.objects[1].damage.is_none());
    assert!(report.to_string().contains("`log`, of the unknown kind 77"));
}

#[test]
fn what_cannot_be_looked_into_is_told() {
    let name = Name::unique("ringway-inspect");
    assert!(matches!(inspect::look(&name), Err(SegmentError::NotFound { .. })));
    fs::write(path(&name), "somebody's thesis").unwrap();
    let error = inspect::look(&name).unwrap_err().to_string();
    assert!(error.contains("is not a ring"), "{error}");
    fs::remove_file(path(&name)).unwrap();
    let segment = robot(&name);
    File::options().write(true).open(segment.path()).unwrap().set_len(600).unwrap();
    let error = inspect::look(&name).unwrap_err().to_string();
    assert!(error.contains("is truncated"), "{error}");
}

fn look_as_another_user(words: &[&str]) {
    if rustix::process::geteuid().as_raw() != 0 {
        return say("skipped: only root can become another user");
    }
    // SAFETY: this process has one thread that matters.
    assert_eq!(unsafe { libc::setresuid(65533, 65533, 65533) }, 0);
    assert!(matches!(Segment::open(words[0]), Err(SegmentError::Denied { .. })));
    assert!(matches!(presence(&inspect::look(words[0]).unwrap(), 0, Role::Producer), Presence::Here(_)));
    say("fine");
}

/// Who may only read the file can look.
#[test]
fn a_user_that_may_only_read_can_look() {
    let name = Name::unique("ringway-inspect");
    let small = Options::new().capacity(8);
    let segment = Segment::builder()
        .options(&Options::new().mode(0o644))
        .ring::<Spsc, u64>("ticks", &small)
        .create(&name)
        .unwrap();
    let _tx = segment.ring::<Spsc, u64>("ticks").unwrap().producer().unwrap();
    let said = run("look as another user", &[name.as_str()]);
    assert!(said == ["fine"] || said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
}

/// A seat that is taken again and again is never refused because of it.
#[test]
fn it_is_in_nobodys_way() {
    let name = Name::unique("ringway-inspect");
    let segment = robot(&name);
    let ticks = segment.ring::<Spsc, u64>("ticks").unwrap();
    thread::scope(|scope| {
        let taking = scope.spawn(|| {
            for item in 0..2000 {
                let mut tx = ticks.producer().unwrap();
                tx.try_push(&item).unwrap();
                assert_eq!(ticks.consumer().unwrap().try_pop(), Ok(item));
            }
        });
        while !taking.is_finished() {
            inspect::look(&name).unwrap();
        }
    });
}

/// Any bytes at all: no panic, and an end.
#[test]
fn no_bytes_hurt_it() {
    let name = Name::unique("ringway-inspect");
    let segment = robot(&name);
    let file = File::options().write(true).open(segment.path()).unwrap();
    let fresh = fs::read(segment.path()).unwrap();
    let mut dice = Dice::new();
    for _ in 0..3000 {
        for _ in 0..=dice.below(4) {
            // Header, table, and the seats of all.
            let at = 8 * (1 + dice.below(fresh.len() as u64 / 8 - 1));
            let at = if dice.below(2) == 0 { at % 1024 / 8 * 8 + 8 } else { at };
            let word = match dice.below(5) {
                0 => dice.below(8),
                1 => 128 * dice.below(64),
                2 => u64::MAX - dice.below(256),
                3 => 1 << dice.below(64),
                _ => dice.below(u64::MAX),
            };
            file.write_all_at(&word.to_ne_bytes(), at).unwrap();
        }
        if let Ok(report) = inspect::look(&name) {
            assert!(!report.to_string().is_empty());
        }
        if dice.below(3) == 0 {
            file.write_all_at(&fresh, 0).unwrap();
        }
    }
}
