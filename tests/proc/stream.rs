//! Runs the `stream` example as its users do: the race against the pipe, and the copy that survives
//! kill -9.
//!
//! Runs the example's executable, which `cargo test` builds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringway::spsc::Ring;
use ringway::{Presence, Role};
use support::Name;

/// A process that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/stream-<hash> and target/<profile>/examples/stream
    let path = test.parent().and_then(Path::parent).unwrap().join("examples/stream");
    assert!(path.exists(), "{} is missing; `cargo build --example stream` builds it", path.display());
    path
}

/// A ring and a directory of this test alone. Both are removed at the end.
struct Copy {
    ring: Name,
    directory: PathBuf,
}

impl Copy {
    fn new(test: &str) -> Self {
        let ring = Name::unique(&format!("ringway-stream-{test}"));
        let directory = std::env::temp_dir().join(&ring);
        fs::create_dir_all(&directory).unwrap();
        Self { ring, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("file")
    }

    fn out(&self) -> PathBuf {
        self.directory.join("out")
    }

    fn ring_exists(&self) -> bool {
        Path::new("/dev/shm").join(&self.ring).exists()
    }

    /// Whether a sender has taken its seat and written its identity.
    fn is_being_sent(&self) -> bool {
        let ring = Ring::<[u8]>::open(&self.ring);
        ring.is_ok_and(
            |ring| matches!(ring.presence(Role::Producer), Presence::Here(who) if !who.label.is_empty()),
        )
    }

    fn sender(&self) -> Side<'_> {
        Side::start(self, "send", self.file())
    }

    fn receiver(&self) -> Side<'_> {
        Side::start(self, "recv", self.out())
    }

    /// Checks that every byte has arrived, and no other.
    fn check(&self) {
        let (file, out) = (fs::read(self.file()).unwrap(), fs::read(self.out()).unwrap());
        assert_eq!(out.len(), file.len());
        let wrong = file.iter().zip(&out).position(|(a, b)| a != b);
        assert_eq!(wrong, None, "the first wrong byte");
        assert!(!self.ring_exists(), "the ring was left behind");
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A sender or a receiver. A test that fails kills it.
struct Side<'a> {
    copy: &'a Copy,
    verb: &'static str,
    file: PathBuf,
    /// `None` if it was killed and is not needed any more.
    child: Option<Child>,
}

impl<'a> Side<'a> {
    fn start(copy: &'a Copy, verb: &'static str, file: PathBuf) -> Self {
        let mut side = Self { copy, verb, file, child: None };
        side.restart();
        side
    }

    fn restart(&mut self) {
        let mut command = Command::new(example());
        command.args([self.verb, self.copy.ring.as_str()]).arg(&self.file);
        self.child = Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    }

    fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Kills the process if it runs, and waits for its end.
    fn kill(&mut self) -> Option<Output> {
        let mut child = self.child.take()?;
        child.kill().unwrap();
        Some(child.wait_with_output().unwrap())
    }

    /// Kills the process if it runs, and starts it again unless its work is done. Returns `true` if
    /// it was killed.
    fn kill_and_restart(&mut self) -> bool {
        if !self.runs() {
            return false;
        }
        let Some(last) = self.kill() else { return false };
        // After its last line, it is needed again only if the ring is still there.
        let may_be_done = !last.stdout.is_empty();
        let is_done = last.status.success()
            || may_be_done && within(Duration::from_secs(10), || !self.copy.ring_exists());
        if !is_done {
            self.restart();
        }
        !last.status.success()
    }

    /// Waits until the process ends without an error. Returns its stderr.
    fn succeeds(mut self) -> String {
        let in_time = within(PATIENCE, || !self.runs());
        let Some(output) = self.kill() else { return String::new() };
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(in_time && output.status.success(), "{}: {}: {told}", self.verb, output.status);
        told
    }

    /// Waits until the process ends with an error. Returns its stderr.
    fn fails(mut self) -> String {
        assert!(within(PATIENCE, || !self.runs()), "{} hangs", self.verb);
        let output = self.kill().unwrap();
        assert!(!output.status.success(), "{} should have failed", self.verb);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

impl Drop for Side<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

fn within(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !done() {
        if Instant::now() > end {
            return false;
        }
        sleep(Duration::from_millis(2));
    }
    true
}

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(len);
        bytes
    }
}

#[test]
fn the_race_prints_rates_with_and_without_hashing() {
    let output = Command::new(example()).args(["--bytes", "64M"]).output().unwrap();
    let (text, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    let lines: Vec<&str> = text.lines().collect();
    let [hashed, bare] = lines[..] else { panic!("not two lines: {text}") };
    assert!(hashed.contains("checksums match") && hashed.contains("GB/s"), "{hashed}");
    assert!(bare.starts_with("without hashing: ring") && bare.contains("GB/s"), "{bare}");
    assert_eq!(told, "", "no progress bar where there is no terminal");
}

#[test]
fn a_copy_survives_kills_of_both_sides() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut random = Random(now.as_nanos() as u64 | 1);
    let survived = (0..ATTEMPTS).any(|_| a_copy_survives_some_kills(&mut random));
    assert!(survived, "each copy was over before a process was killed");
}

/// A pause of the machine may last longer than a copy. Then no process is killed in it.
const ATTEMPTS: usize = 5;

/// Copies while both sides are killed at random times. Returns `true` if one of them was.
fn a_copy_survives_some_kills(random: &mut Random) -> bool {
    let copy = Copy::new("kills");
    let len = if cfg!(debug_assertions) { 32 << 20 } else { 128 << 20 };
    fs::write(copy.file(), random.bytes(len + 4711)).unwrap();

    let (mut sender, mut receiver) = (copy.sender(), copy.receiver());
    let mut kills = [0, 0];
    while kills != [5, 5] {
        sleep(Duration::from_micros(random.next() % 10_000));
        let victim = if kills[1] == 5 || kills[0] < 5 && random.next() % 2 == 0 { 0 } else { 1 };
        let side = if victim == 0 { &mut sender } else { &mut receiver };
        if !side.kill_and_restart() {
            break; // done already
        }
        kills[victim] += 1;
    }
    println!("kills of the sender and the receiver: {kills:?}");
    receiver.succeeds();
    sender.succeeds();
    copy.check();
    kills != [0, 0]
}

#[test]
fn a_file_of_any_length_arrives_in_either_start_order() {
    const CHUNK: usize = 64 << 10;
    for len in [0, 1, 64, CHUNK - 1, CHUNK, CHUNK + 1, 16 * CHUNK, 16 * CHUNK + 64, 40 * CHUNK] {
        let copy = Copy::new("lengths");
        fs::write(copy.file(), Random(len as u64 + 1).bytes(len)).unwrap();
        fs::write(copy.out(), "what was there before").unwrap();

        let (sender, receiver) = (copy.sender(), copy.receiver());
        sender.succeeds();
        receiver.succeeds();
        copy.check();

        let receiver = copy.receiver();
        assert!(within(PATIENCE, || copy.ring_exists()));
        copy.sender().succeeds();
        receiver.succeeds();
        copy.check();
    }
}

#[test]
fn a_sender_that_was_done_may_be_started_again() {
    let copy = Copy::new("again");
    fs::write(copy.file(), Random(1).bytes(300_000)).unwrap();
    copy.sender().succeeds();
    let told = copy.sender().succeeds();
    assert_eq!(told, "300000 bytes were sent before; going on from there\n");
    copy.receiver().succeeds();
    copy.check();
}

#[test]
fn a_sender_waits_for_a_receiver_to_come() {
    let copy = Copy::new("back");
    fs::write(copy.file(), Random(1).bytes(3 << 20)).unwrap();
    // There is no receiver: the sender fills the ring, and waits.
    let sender = copy.sender();
    assert!(within(PATIENCE, || copy.ring_exists()));
    let receiver = copy.receiver();
    receiver.succeeds();
    sender.succeeds();
    copy.check();
}

#[test]
fn a_copy_is_not_mixed_with_another() {
    let copy = Copy::new("mixed");
    fs::write(copy.file(), Random(1).bytes(3 << 20)).unwrap();
    let mut sender = copy.sender();
    assert!(within(PATIENCE, || copy.is_being_sent()));
    sender.kill();

    let other = copy.directory.join("other");
    fs::write(&other, "something else").unwrap();
    let told = Side::start(&copy, "send", other).fails();
    assert!(told.contains("3145728 bytes, \"file\""), "{told}");

    let (sender, receiver) = (copy.sender(), copy.receiver());
    sender.succeeds();
    receiver.succeeds();
    copy.check();
}
