//! Real processes for tests: the test binary itself, started again to play a role.
//!
//! A test program that uses this has one more test, which does nothing unless it runs in such a process:
//! ```ignore
//! #[test]
//! fn child_entry() {
//!     process::play(&[("feed", feed)]);
//! }
//! ```
//! A child is told its lines by its standard input, and says its own on its standard output. It dies with the
//! test that started it.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, process, thread};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// No single thing that a test waits for may take longer; it takes milliseconds on an idle machine. Where slices are long it
/// is less than a slice.
pub const PATIENCE: Duration = Duration::from_secs(if cfg!(ringway_long_slices) { 15 } else { 60 });

const ROLE: &str = "RINGWAY_TEST_ROLE";
const WORDS: &str = "RINGWAY_TEST_WORDS";
const PARENT: &str = "RINGWAY_TEST_PARENT";
/// Names another build of the same test, such as one for 32 bits: children become that (see tests/platforms.sh).
pub const OTHER: &str = "RINGWAY_OTHER_BUILD";
/// What separates the words that a child is given.
const BETWEEN: &str = "\u{1f}";
/// What a child's line starts with, to tell it from what the test harness prints.
const MARK: &str = "\u{1e}";

/// What a child does, given the words that its parent chose.
pub type Act = fn(&[&str]);

/// In a child: plays its role and exits. In the test run itself: returns at once.
pub fn play(roles: &[(&str, Act)]) {
    let Ok(role) = env::var(ROLE) else { return };
    if let Some(other) = env::var_os(OTHER) {
        // The same process, so that all that its parent knows of it stays true.
        let why = Command::new(other).args(env::args_os().skip(1)).env_remove(OTHER).exec();
        panic!("the other build does not start: {why}");
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    // The parent may have died before the line above.
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_pid());
    assert_eq!(env::var(PARENT).unwrap(), parent.to_string(), "the parent is gone");
    let words = env::var(WORDS).unwrap();
    let words: Vec<&str> = words.split(BETWEEN).collect();
    let named: Vec<_> = roles.iter().filter(|(name, _)| *name == role).collect();
    let [(_, act)] = named[..] else { panic!("{} roles of this program are called `{role}`", named.len()) };
    act(&words);
    process::exit(0);
}

/// In a child: says `line` to the parent. It has arrived when this returns, whatever happens to the child then.
pub fn say(line: impl ToString) {
    let line = format!("{MARK}{}\n", line.to_string());
    io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// In a child: the parent's next line; none once the parent has hung up.
pub fn hear() -> Option<String> {
    let mut line = String::new();
    (io::stdin().lock().read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
}

/// In a child: becomes another program, which plays `role` as the same process.
pub fn become_another(role: &str, words: &[&str]) -> ! {
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_pid());
    panic!("{}", role_command(role, words, parent as u32).exec())
}

/// What starts a process that plays `role`, given `words`. It takes process `parent` for its parent. Unless told otherwise, it
/// hears and says what the one who starts it would.
pub fn role_command(role: &str, words: &[&str], parent: u32) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["child_entry", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(WORDS, words.join(BETWEEN))
        .env(PARENT, parent.to_string());
    command
}

/// A process that plays a role; killed when dropped.
pub struct Child {
    process: process::Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    role: String,
}

impl Child {
    /// Starts a process that plays `role`, given `words`.
    pub fn start(role: &str, words: &[&str]) -> Self {
        let mut process = role_command(role, words, process::id())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|n| n > 0) {
                // A line without an end is what a killed child was about to say.
                if let Some((_, said)) = line.split_once(MARK).filter(|_| line.ends_with('\n')) {
                    let _nobody_listens = sender.send(said.trim_end().to_owned());
                }
                line.clear();
            }
        });
        let stdin = process.stdin.take();
        Self { process, stdin, lines, role: role.to_owned() }
    }

    /// Its process id, as errors of the library tell it.
    pub fn id(&self) -> u64 {
        self.process.id().into()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// The next line that it says.
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("`{}` said nothing for {PATIENCE:?}", self.role),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("`{}` ended ({}) and said nothing more", self.role, self.process.wait().unwrap())
            }
        }
    }

    /// Waits until it says exactly this.
    pub fn expect(&mut self, expected: &str) {
        assert_eq!(self.line(), expected, "`{}` says", self.role);
    }

    /// All that it says from now until it and its own children have ended, or else until it is silent for long.
    pub fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return lines,
                Err(RecvTimeoutError::Timeout) => panic!("`{}` said nothing for {PATIENCE:?}", self.role),
            }
        }
    }

    /// Tells it a line.
    pub fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("not hung up");
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Closes its standard input, which all that [`hear`] is told by.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// SIGKILL; the process is gone when this returns.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        let status = self.process.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "`{}` ended by itself: {status}", self.role);
    }

    /// SIGKILL, but nobody takes note: it stays a zombie.
    pub fn kill_unreaped(&mut self) {
        self.process.kill().unwrap();
        waitid(WaitId::Pid(self.pid()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        assert!(rustix::process::test_kill_process(self.pid()).is_ok(), "a zombie has a process id");
    }

    /// SIGSTOP; the process has stopped when this returns.
    pub fn stop(&mut self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        waitid(WaitId::Pid(self.pid()), WaitIdOptions::STOPPED).unwrap();
    }

    /// SIGCONT.
    pub fn go_on(&mut self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// Waits for its end; whether this signal was that.
    pub fn ends_by(&mut self, signal: Signal) -> bool {
        self.process.wait().unwrap().signal() == Some(signal.as_raw())
    }

    /// Waits for its end, which must be a good one.
    pub fn finish(mut self) {
        self.hang_up();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                assert!(status.success(), "`{}` failed: {status}", self.role);
                return;
            }
            assert!(Instant::now() < deadline, "`{}` does not end", self.role);
            sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _status = self.process.wait();
    }
}

/// Runs `role` in a process of its own, to its good end; what it said. Prints it if it was `skipped`.
pub fn run(role: &str, words: &[&str]) -> Vec<String> {
    let mut child = Child::start(role, words);
    child.hang_up();
    let said = child.rest();
    child.finish();
    said.iter().filter(|line| line.starts_with("skipped")).for_each(|line| println!("{role}: {line}"));
    said
}

/// Whether `condition` comes true soon enough.
pub fn soon(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_micros(100));
    }
    true
}

/// Numbers that differ from run to run.
pub struct Dice(u64);

impl Dice {
    /// Dice that nobody has thrown yet.
    #[allow(clippy::new_without_default, reason = "new ones differ each time")]
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(now.as_nanos() as u64 ^ u64::from(process::id()) << 40 | 1)
    }

    /// Dice that fall as others did of which this was the seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// What [`from_seed`](Self::from_seed) takes, if they are to fall from here on as these do.
    pub fn seed(&self) -> u64 {
        self.0
    }

    /// A number less than `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Sleeps for less than `limit`.
    pub fn nap(&mut self, limit: Duration) {
        sleep(Duration::from_micros(self.below(limit.as_micros() as u64)));
    }
}

/// What is in a directory: the names.
pub fn listing(directory: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
