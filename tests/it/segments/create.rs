//! Creating and joining: races, late creators, killed creators.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process;
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant, SystemTime};

use ringway::spsc::Ring;
use ringway::{Options, SeatError, SegmentError};

use super::{Place, assert_tells};
use support::Name;
use support::process::{Child, Dice, PATIENCE, hear, listing, run, say};

const RACERS: usize = 8;
const ROUNDS: usize = 12;

fn options() -> Options<'static> {
    Options::new().capacity(RACERS)
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

/// For each line, `what` with `name` at a moment in nanoseconds: makes or joins the ring when it has come.
pub fn race(_: &[&str]) {
    while let Some(line) = hear() {
        let [what, name, moment] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let moment = Duration::from_nanos(moment.parse().unwrap());
        while since_1970() < moment {
            yield_now();
        }
        match what {
            "create" => match Ring::<u64>::create(name, &options()) {
                Ok(_) => say("won"),
                Err(SegmentError::Exists { .. }) => say("exists"),
                Err(error) => panic!("{error}"),
            },
            _ => {
                sign(&Ring::<u64>::open_or_create(name, &options()).unwrap());
                say("signed");
            }
        }
    }
}

/// Leaves this process's id in the ring, as soon as its seat is free.
fn sign(ring: &Ring<u64>) {
    loop {
        match ring.producer() {
            Ok(mut tx) => return tx.try_push(&process::id().into()).unwrap(),
            Err(SeatError::SeatTaken { .. }) => yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Lets all racers do the same at the same moment, in several rounds; what they say, given to `judge`.
fn many_at_once(what: &str, judge: impl Fn(&Name, &mut [Child], Vec<String>)) {
    let mut racers: Vec<Child> = (0..RACERS).map(|_| Child::start("race", &[])).collect();
    for _ in 0..ROUNDS {
        let name = Name::unique("ringway-race");
        let moment = since_1970() + Duration::from_millis(2);
        let line = format!("{what} {} {}", name.as_str(), moment.as_nanos());
        racers.iter_mut().for_each(|racer| racer.tell(&line));
        let said = racers.iter_mut().map(Child::line).collect();
        judge(&name, &mut racers, said);
    }
    racers.into_iter().for_each(Child::finish);
}

#[test]
fn eight_who_open_or_create_at_once_end_in_the_same_segment() {
    many_at_once("open_or_create", |name, racers, _| {
        let mut rx = Ring::<u64>::open(name).unwrap().consumer().unwrap();
        let signed: BTreeSet<u64> = (0..RACERS).map_while(|_| rx.try_pop().ok()).collect();
        let all: BTreeSet<u64> = racers.iter().map(Child::id).collect();
        assert_eq!(signed, all);
    });
}

#[test]
fn of_eight_who_create_at_once_one_wins_and_the_others_are_told() {
    many_at_once("create", |name, _, said| {
        assert_eq!(said.iter().filter(|line| *line == "won").count(), 1, "{said:?}");
        let error = Ring::<u64>::create(name, &options()).unwrap_err();
        let meant = matches!(&error, SegmentError::Exists { path, is_ring: true } if path.ends_with(name));
        assert_tells(&error, meant, &[name.as_str(), "already exists", "open_or_create", "unlink it first"]);
    });
}

pub fn create_for_ever(words: &[&str]) {
    loop {
        Ring::<u64>::create(words[0], &Options::new().capacity(1 << 17)).unwrap();
        Ring::<u64>::unlink(words[0]).unwrap();
    }
}

#[test]
fn a_creator_killed_at_any_moment_leaves_a_whole_segment_or_nothing() {
    let place = Place::new();
    let path = place.at("ring");
    let mut dice = Dice::new();
    let mut whole = 0;
    for _ in 0..30 {
        let mut creator = Child::start("create for ever", &[path.to_str().unwrap()]);
        dice.nap(Duration::from_millis(25));
        creator.kill();
        match Ring::<u64>::open(&path) {
            Ok(ring) => {
                whole += 1;
                assert_eq!(ring.capacity(), 1 << 17);
                let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
                tx.try_push(&7).unwrap();
                assert_eq!(rx.try_pop(), Ok(7));
                Ring::<u64>::unlink(&path).unwrap();
            }
            Err(SegmentError::NotFound { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(listing(&place.0).is_empty(), "{:?}", listing(&place.0));
    }
    println!("{whole} of 30 had a name");
}

pub fn create_and_die(words: &[&str]) {
    let ring = Ring::<u64>::create(words[0], &options()).unwrap();
    ring.producer().unwrap().push(&42).unwrap();
}

#[test]
fn a_segment_outlives_its_processes() {
    let name = Name::unique("ringway-making");
    run("create and die", &[name.as_str()]);
    let ring = Ring::<u64>::open(&name).unwrap();
    assert_eq!(ring.consumer().unwrap().pop(), Ok(42));
    assert_eq!(ring.producer().unwrap().position(), 1);
}

pub fn create_late(words: &[&str]) {
    sleep(Duration::from_millis(200));
    create_and_die(words);
}

#[test]
fn open_timeout_waits_for_a_late_creator() {
    let name = Name::unique("ringway-making");
    let creator = Child::start("create late", &[name.as_str()]);
    let ring = Ring::<u64>::open_timeout(&name, PATIENCE).unwrap();
    assert_eq!(ring.consumer().unwrap().pop(), Ok(42));
    creator.finish();
}

#[test]
fn open_timeout_waits_for_nothing_else() {
    let name = Name::unique("ringway-making");
    let start = Instant::now();
    let error = Ring::<u64>::open_timeout(&name, Duration::from_millis(60)).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(60));
    let meant = matches!(&error, SegmentError::Elapsed { .. });
    assert_tells(&error, meant, &[name.as_str(), "did not appear in time", "running?"]);

    let _ring = Ring::<u64>::create(&name, &options()).unwrap();
    let error = Ring::<[u8]>::open_timeout(&name, PATIENCE).unwrap_err();
    assert!(matches!(error, SegmentError::Layout { .. }), "{error:?}");
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn what_is_not_there_is_not_found() {
    let name = Name::unique("ringway-making");
    let advice = |error: SegmentError, words: &[&str]| {
        let meant = matches!(&error, SegmentError::NotFound { path, .. } if path.ends_with(&name));
        let common = [name.as_str(), "does not exist in /dev/shm", "a container has its own"];
        assert_tells(&error, meant, &[&common[..], words].concat());
    };
    advice(Ring::<u64>::open(&name).unwrap_err(), &["create it first", "open_timeout"]);
    advice(Ring::<u64>::unlink(&name).unwrap_err(), &["there is nothing to unlink"]);
    advice(Ring::<u64>::unlink_if_unused(&name).unwrap_err(), &["there is nothing to unlink"]);
    let error = Ring::<u64>::open("./nothing-of-this-name").unwrap_err().to_string();
    assert!(error.contains("/nothing-of-this-name` does not exist; create"), "{error}");
}

#[test]
fn a_path_works_as_well_as_a_name() {
    let place = Place::new();
    let absolute = place.at("ring");
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(absolute.strip_prefix("/").unwrap());
    let ring = Ring::<u64>::create(&relative, &options()).unwrap();
    ring.producer().unwrap().push(&7).unwrap();
    assert_eq!(Ring::<u64>::open(&absolute).unwrap().consumer().unwrap().pop(), Ok(7));
    assert_eq!(ring.path(), here.join(relative));
    assert!(matches!(Ring::<u64>::create(&absolute, &options()), Err(SegmentError::Exists { .. })));
    Ring::<u64>::unlink(&absolute).unwrap();
    assert!(ring.is_unlinked());
}

#[test]
fn a_name_stands_for_a_file_in_shared_memory() {
    let name = Name::unique("ringway-making");
    let ring = Ring::<u64>::create(&name, &options()).unwrap();
    let path = Path::new("/dev/shm").join(&name);
    assert_eq!(ring.path(), path);
    assert!(path.is_file());
    assert!(Ring::<u64>::open(&path).is_ok());
}

#[test]
fn what_cannot_be_a_name_is_told_so() {
    let long = "x".repeat(201);
    for (name, why) in [
        ("", "empty"),
        (".hidden", "begins with a dot"),
        ("..", "begins with a dot"),
        ("a/b", "a name has no `/`; begin a path with `/` or `./`"),
        ("dir/", "ends in `/`"),
        ("dir/..", "without a file name"),
        ("a\0b", "zero byte"),
        (&long, "longer than 200 bytes"),
    ] {
        for result in [
            Ring::<u64>::create(name, &options()).map(drop),
            Ring::<u64>::open(name).map(drop),
            Ring::<u64>::open_or_create(name, &options()).map(drop),
            Ring::<u64>::unlink(name).map(drop),
            Ring::<u64>::unlink_if_unused(name),
        ] {
            let error = result.unwrap_err();
            let meant = matches!(&error, SegmentError::Name { .. });
            assert_tells(&error, meant, &[name, "cannot name a ring", why]);
        }
    }
    let longest = Name::unique(&"x".repeat(170));
    assert!(Ring::<u64>::create(&longest, &options()).is_ok());
}

#[test]
fn a_directory_that_is_not_there_holds_no_ring() {
    let place = Place::new();
    let path = place.at("nowhere").join("ring");
    let error = Ring::<u64>::open(&path).unwrap_err();
    assert!(matches!(error, SegmentError::NotFound { .. }), "{error:?}");
    for result in [Ring::<u64>::create(&path, &options()), Ring::<u64>::open_or_create(&path, &options())] {
        let error = result.unwrap_err();
        let meant = matches!(error, SegmentError::NoDirectory { .. });
        assert_tells(
            &error,
            meant,
            &["nowhere/ring", "directory `", "nowhere` does not exist", "create that first"],
        );
    }
    assert!(listing(&place.0).is_empty());
}
