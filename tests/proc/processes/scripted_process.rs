//! Producers and consumers in processes that run commands, one a line. For the tests of rings with
//! several producers.
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::exit;
use std::time::Duration;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::{Options, PopError, PushError};

use super::forks::fork;
use support::Name;
use support::process::{Child, PATIENCE, become_another, hear, say};

/// A kind of ring that has many producers.
pub trait MultiProducerKind: Kind {
    const WORD: &'static str;
    /// Whether all records have one order, in which a claim can be lost and can hold up other
    /// producers.
    const IS_ORDERED: bool;
}

impl MultiProducerKind for Mpsc {
    const WORD: &'static str = "mpsc";
    const IS_ORDERED: bool = true;
}

impl MultiProducerKind for Lanes {
    const WORD: &'static str = "lanes";
    const IS_ORDERED: bool = false;
}

/// Longer than any slice of a wait.
pub const BRIEFLY: Duration = Duration::from_millis(250);
/// Bytes of a reservation: two cells.
pub const RESERVED: usize = 100;
/// The begin of a producer's label. A number that the test chose follows.
pub const LABEL: &str = "hand";

/// Takes a producer's seat, prints which, and runs commands.
pub fn produce(words: &[&str]) {
    if words[1] == Mpsc::WORD { produce_in::<Mpsc>(words) } else { produce_in::<Lanes>(words) }
}

fn produce_in<K: MultiProducerKind>(words: &[&str]) {
    let ring = Ring::<K, [u8]>::open_with(words[0], &Options::new().label(words[2])).unwrap();
    match ring.producer() {
        Ok(mut tx) => {
            say(format!("seat {}", tx.seat()));
            run_commands(&mut tx, words);
        }
        Err(error) => say(error),
    }
}

fn told<R>(result: Result<R, PushError>) -> String {
    result.map_or_else(|error| format!("{error:?}"), |_| "sent".into())
}

fn run_commands<K: MultiProducerKind>(tx: &mut Producer<K, [u8]>, words: &[&str]) {
    while let Some(line) = hear() {
        let (verb, number) = line.split_once(' ').unwrap_or((&line, "0"));
        let record = number.parse::<u64>().unwrap_or_default().to_ne_bytes();
        match verb {
            "push" => say(told(tx.push(&record))),
            "try" => say(told(tx.try_push(&record))),
            // Sends until the ring is full.
            "fill" => {
                while tx.try_push(&record).is_ok() {}
                say("full");
            }
            "reserve" => {
                let mut reservation = tx.try_reserve(RESERVED).unwrap();
                reservation.payload().write_at(&record, 0).unwrap();
                say("reserved");
                run_commands_while_reserved(words);
                reservation.commit_len(record.len()).unwrap();
                say("sent");
            }
            "stalled" => say(tx.stalled().map_or_else(|| "none".into(), |stall| stall.to_string())),
            // Takes another seat in the same mapping.
            "another" => match tx.try_clone() {
                Ok(mut another) => {
                    say(format!("seat {}", another.seat()));
                    run_commands(&mut another, words);
                    exit(0);
                }
                Err(error) => say(error),
            },
            // Takes another seat in a mapping of its own.
            "anew" => {
                produce(words);
                exit(0);
            }
            "close" | "fork" | "exec" => run_command(verb, words),
            verb => panic!("to {verb}?"),
        }
    }
}

/// Runs commands in the middle of a reservation, until the command `commit`.
fn run_commands_while_reserved(words: &[&str]) {
    loop {
        match hear().as_deref() {
            Some("commit") => return,
            Some(verb) => run_command(verb, words),
            None => exit(0),
        }
    }
}

fn run_command(verb: &str, words: &[&str]) {
    match verb {
        "close" => {
            close_all();
            say("closed");
        }
        // The child lives until the test hangs up.
        "fork" => {
            fork(|| while hear().is_some() {});
            say("forked");
            loop {
                std::thread::park();
            }
        }
        "exec" => become_another("produce", words),
        verb => panic!("to {verb}?"),
    }
}

/// Closes all descriptors, as daemons do.
fn close_all() {
    // SAFETY: a later use of a closed descriptor returns an error, which is what the tests are
    // about.
    assert_eq!(unsafe { libc::close_range(3, u32::MAX, 0) }, 0);
}

/// Opens files until all descriptor numbers up to 32 are in use.
fn take_their_numbers() {
    loop {
        // SAFETY: a name, and no flags.
        let fd = unsafe { libc::memfd_create(c"another file".as_ptr(), 0) };
        assert!(fd >= 3);
        if fd >= 32 {
            return;
        }
    }
}

/// Takes the consumer's seat, and prints a record for each command. On `hold` it releases the
/// record only after the next line.
pub fn consume(words: &[&str]) {
    if words[1] == Mpsc::WORD { consume_in::<Mpsc>(words) } else { consume_in::<Lanes>(words) }
}

fn consume_in<K: MultiProducerKind>(words: &[&str]) {
    let ring = Ring::<K, [u8]>::open(words[0]).unwrap();
    let mut rx = ring.consumer().unwrap();
    say("sat");
    let mut others = Vec::new();
    while let Some(line) = hear() {
        match line.as_str() {
            "close" => {
                close_all();
                say("closed");
                continue;
            }
            "replace" => {
                close_all();
                take_their_numbers();
                say("replaced");
                continue;
            }
            // Takes a producer's seat, in this mapping or in another.
            "sit" | "sit anew" => {
                let its = if line == "sit" { ring.clone() } else { Ring::open(words[0]).unwrap() };
                match its.producer() {
                    Ok(other) => {
                        say(format!("seat {}", other.seat()));
                        others.push(other);
                    }
                    Err(error) => say(error),
                }
                continue;
            }
            _ => {}
        }
        let patience = if line == "glance" { BRIEFLY } else { PATIENCE };
        match rx.read_timeout(patience) {
            Ok(record) => {
                say(format!("{} from {}", record.payload().read_value_at::<u64>(0).unwrap(), record.seat()));
                if line == "hold" {
                    hear();
                }
            }
            Err(error) => say(format!("{error:?}")),
        }
    }
}

/// A ring, and the processes that the test has started.
pub struct Processes<K: MultiProducerKind> {
    pub name: Name,
    pub ring: Ring<K, [u8]>,
    started: usize,
}

/// Offsets in a role block: the process id of the holder, and its start time.
pub const PID: u64 = 264;
pub const STARTED: u64 = 272;
/// Cells of a ring, or of a lane.
pub const CELLS: usize = 16;

impl<K: MultiProducerKind> Processes<K> {
    /// A ring with so many seats for producers.
    pub fn new(seats: usize) -> Self {
        Self::open_to(seats, 0o600)
    }

    pub fn open_to(seats: usize, mode: u32) -> Self {
        let name = Name::unique("ringway-processes");
        let options = Options::new().capacity(64 * CELLS).max_producers(seats).label("test").mode(mode);
        Self { ring: Ring::create(&name, &options).unwrap(), name, started: 0 }
    }

    /// The arguments of the next producer.
    pub fn words(&mut self) -> [String; 3] {
        self.started += 1;
        [self.name.as_str().into(), K::WORD.into(), format!("{LABEL} {}", self.started)]
    }

    /// Starts a producer that takes a seat, or prints why it cannot.
    pub fn start_producer(&mut self) -> Child {
        let words = self.words();
        Child::start("produce", &words.each_ref().map(String::as_str))
    }

    /// Starts a producer, and waits until it has taken `seat`.
    pub fn producer(&mut self, seat: u16) -> Child {
        let mut child = self.start_producer();
        child.expect(&format!("seat {seat}"));
        child
    }

    pub fn consumer(&self) -> Child {
        let mut child = Child::start("consume", &[self.name.as_str(), K::WORD]);
        child.expect("sat");
        child
    }

    /// Checks that no producer seat is free.
    pub fn assert_no_seat_is_free(&self) {
        let error = self.ring.producer().map(drop).unwrap_err().to_string();
        assert!(error.contains("seat is held by") || error.contains("none of the"), "{error}");
    }

    /// Writes the word at offset `at` of the role block of producer `seat`, through the file.
    pub fn patch(&self, seat: u16, at: u64, value: u64) {
        // The consumer's block is at 512. The common block of the producers follows.
        let block = 512 * (3 + u64::from(seat));
        let file = File::options().write(true).open(self.ring.path()).unwrap();
        file.write_all_at(&value.to_ne_bytes(), block + at).unwrap();
    }
}

/// Sends a command, and waits for the answer.
pub fn command(child: &mut Child, line: &str, answer: &str) {
    child.tell(line);
    child.expect(answer);
}

/// The next record, and the seat that sent it.
pub fn next<K: MultiProducerKind>(rx: &mut Consumer<K, [u8]>) -> Result<(u64, u16), PopError> {
    let record = rx.read_timeout(PATIENCE)?;
    Ok((record.payload().read_value_at(0).unwrap(), record.seat()))
}
