//! The driver: each round visits all cells of a work in turn, each in a process of its own, so that what hangs or crashes
//! costs only itself. Cells of which too few samples were taken with the cores placed alike are visited again.
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Measure, Place, Plan};
use crate::drive::Result;
use crate::report::Classes;
use crate::{Wish, place, work};

/// A cell that takes longer is ended.
pub const LIMIT: Duration = Duration::from_secs(20);
/// Who failed so often is not visited any more: a peer that hangs would cost the whole run.
const FAILURES: usize = 2;
/// So many times the rounds that were asked for are made at most, where the cores are moved too often.
const PATIENCE: usize = 3;

/// What one visit of a cell found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    pub work: String,
    pub case: String,
    pub place: Place,
    pub peer: String,
    pub round: usize,
    /// Or why there is nothing.
    pub found: Result<Found, String>,
}

impl Sample {
    fn id(&self) -> String {
        format!("{}/{}/{}/{}", self.work, self.case, self.place, self.peer)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    pub measure: Measure,
    /// The probe of the placement before and after, in ns.
    pub before: f64,
    pub after: f64,
}

/// All visits, and when they were.
pub struct Run {
    pub samples: Vec<Sample>,
    pub began: String,
    pub ended: String,
    pub took: Duration,
    /// The machine's load average of a minute, when it began and ended; the run itself is in the latter.
    pub load: [String; 2],
}

impl Run {
    /// Each cell that failed, with its last reason.
    pub fn failures(&self) -> Vec<String> {
        let mut failures: Vec<(String, usize, &str)> = Vec::new();
        for sample in &self.samples {
            let Err(why) = &sample.found else { continue };
            let id = sample.id();
            match failures.iter_mut().find(|(failed, ..)| *failed == id) {
                Some((_, times, last)) => (*times, *last) = (*times + 1, why),
                None => failures.push((id, 1, why)),
            }
        }
        let told = failures.into_iter().map(|(id, times, why)| match times {
            1 => format!("{id}: {why}"),
            _ => format!("{id}, {times} times: {why}"),
        });
        told.collect()
    }
}

pub fn now() -> String {
    let said = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M:%S UTC"]).output();
    said.map_or_else(|_| "unknown".into(), |out| String::from_utf8_lossy(&out.stdout).trim().to_string())
}

fn load() -> String {
    let all = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    all.split(' ').next().unwrap_or("unknown").to_string()
}

// ---- In the process of a cell

/// What the process of a cell calls things that need a name: its driver and itself.
pub fn own_name() -> String {
    name(std::os::unix::process::parent_id(), std::process::id())
}

fn name(driver: u32, cell: u32) -> String {
    format!("rp-{driver}-{cell}-0")
}

/// Runs the cell, and tells on stdout.
pub fn one(cell: &Cell, plan: &Plan) -> Result<()> {
    // A little more than the driver's patience.
    place::alone(LIMIT.as_secs() as u32 + 5);
    let probe = || if work::is_placed(cell.work) { place::probe() } else { Ok(0.0) };
    let before = probe()?;
    let measure = cell.run(plan)?;
    let after = probe()?;
    println!("{}", serde_json::to_string(&Found { measure, before, after })?);
    Ok(())
}

// ---- The driver

struct Driver<'a> {
    wish: &'a Wish,
    bar: ProgressBar,
    samples: Vec<Sample>,
    failed: HashMap<String, usize>,
    visits: HashMap<String, usize>,
}

pub fn all(cells: &[Cell], wish: &Wish) -> Result<Run> {
    let rounds = wish.rounds();
    let bar = ProgressBar::new((cells.len() * rounds) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {eta:>4} {wide_msg}")?);
    let (began, start, before) = (now(), Instant::now(), load());
    let mut driver =
        Driver { wish, bar, samples: Vec::new(), failed: HashMap::new(), visits: HashMap::new() };
    for cells in cells.chunk_by(|a, b| a.work == b.work) {
        let of_work = Instant::now();
        let cells: Vec<&Cell> = cells.iter().collect();
        for round in 1..=rounds {
            driver.round(&cells, &format!("round {round} of {rounds}"));
        }
        driver.again(&cells);
        let work = cells.first().map_or("", |cell| cell.work);
        let (title, took) = (work::title(work), of_work.elapsed().as_secs());
        driver.bar.suspend(|| eprintln!("done: {title}, {} cells, {took} s", cells.len()));
    }
    // Only now is it known where all probes of the run lie, and so which of them are alike.
    driver.again(&cells.iter().collect::<Vec<_>>());
    driver.bar.finish_and_clear();
    let (ended, took) = (now(), start.elapsed());
    Ok(Run { samples: driver.samples, began, ended, took, load: [before, load()] })
}

impl Driver<'_> {
    fn round(&mut self, cells: &[&Cell], what: &str) {
        for cell in cells {
            self.bar.inc(1);
            let id = cell.id();
            let has_been = work::is_once(cell.work) && self.visits.contains_key(&id);
            if has_been || self.failed.get(&id).is_some_and(|times| *times >= FAILURES) {
                continue;
            }
            self.bar.set_message(format!("{what}: {id}"));
            let found = visit(cell, self.wish);
            if let Err(why) = &found {
                self.bar.suspend(|| eprintln!("{id}: {why}"));
                *self.failed.entry(id.clone()).or_default() += 1;
            }
            let visits = self.visits.entry(id).or_default();
            *visits += 1;
            self.samples.push(Sample {
                work: cell.work.into(),
                case: cell.case.clone(),
                place: cell.place,
                peer: cell.peer.clone(),
                round: *visits,
                found,
            });
        }
    }

    /// Further rounds of those cells that have too few samples in the placement in which their work has most.
    fn again(&mut self, cells: &[&Cell]) {
        let rounds = self.wish.rounds();
        let most = PATIENCE * rounds;
        loop {
            let short = self.short(cells);
            if short.is_empty() {
                return;
            }
            self.bar.inc_length(short.len() as u64);
            let many = short.len();
            self.round(
                &short,
                &format!("again, for {many} cells whose cores were moved (at most {most} rounds)"),
            );
        }
    }

    fn short<'a>(&self, cells: &[&'a Cell]) -> Vec<&'a Cell> {
        let rounds = self.wish.rounds();
        let classes = Classes::new(&self.samples);
        let mut counts: HashMap<String, Vec<usize>> = HashMap::new();
        let mut of_work: HashMap<&str, Vec<usize>> = HashMap::new();
        for sample in &self.samples {
            let Some(class) = classes.of(sample) else { continue };
            let class = class.unwrap_or(0);
            counts.entry(sample.id()).or_insert_with(|| vec![0; classes.ranges.len()])[class] += 1;
            of_work.entry(&sample.work).or_insert_with(|| vec![0; classes.ranges.len()])[class] += 1;
        }
        let is_short = |cell: &&&Cell| {
            let id = cell.id();
            let main = of_work.get(cell.work).and_then(|all| (0..all.len()).max_by_key(|class| all[*class]));
            let has = main.and_then(|class| Some(counts.get(&id)?[class])).unwrap_or(0);
            let visits = self.visits.get(&id).copied().unwrap_or(0);
            let gave_up = self.failed.get(&id).is_some_and(|times| *times >= FAILURES);
            has < rounds && visits < PATIENCE * rounds && !gave_up && !work::is_once(cell.work)
        };
        cells.iter().filter(is_short).copied().collect()
    }
}

/// Runs the cell in a process of its own.
fn visit(cell: &Cell, wish: &Wish) -> Result<Found, String> {
    let started = std::env::current_exe().and_then(|exe| {
        let mut command = Command::new(exe);
        command.args(["--one", &cell.id()]).stdin(Stdio::null());
        if wish.quick {
            command.arg("--quick");
        }
        if wish.faults {
            command.arg("--faults");
        }
        // A group of its own, which is ended as a whole.
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    });
    let mut child = started.map_err(|error| format!("not started: {error}"))?;
    let (said, why) = (listen(child.stdout.take()), listen(child.stderr.take()));
    let ended = wait(&mut child, wish.limit);
    // Also if it ended by itself: what it has started must not outlive it.
    // SAFETY: numbers; the group is that of our child.
    unsafe { libc::kill(-(child.id() as i32), libc::SIGKILL) };
    let status = child.wait().ok();
    sweep(&name(std::process::id(), child.id()));
    // All writers are gone.
    let (said, why) = (said.join().unwrap_or_default(), why.join().unwrap_or_default());
    if !ended {
        let last = last(&why).map_or_else(String::new, |last| format!("; its last words: {last}"));
        return Err(format!("hung: ended after {} s{last}", wish.limit.as_secs_f64()));
    }
    if let Some(found) = last(&said).and_then(|said| serde_json::from_str(said).ok()) {
        return Ok(found);
    }
    Err(last(&why).map_or_else(|| fate(status), String::from))
}

fn last(text: &str) -> Option<&str> {
    text.lines().rfind(|line| !line.trim().is_empty())
}

/// Of who said nothing.
fn fate(status: Option<ExitStatus>) -> String {
    match status.and_then(|status| status.signal()) {
        Some(signal) => format!("crashed: ended by signal {signal}, without a word"),
        None => "ended without a result, and without a word".into(),
    }
}

/// Reads all, while the other side writes: who says much must not be held up.
fn listen(from: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is as good as all.
        let _ = from.map(|mut from| from.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// False if it took too long.
fn wait(child: &mut Child, limit: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Where names of files and segments lie.
const NAMES: [&str; 2] = ["/dev/shm", "/tmp"];

/// Removes what a cell that was ended has left under its name, files and directories.
fn sweep(name: &str) {
    for entry in NAMES.into_iter().filter_map(|names| fs::read_dir(names).ok()).flatten().flatten() {
        if entry.file_name().to_string_lossy().contains(name) {
            // Nothing depends on it: names are unique to a run. A link is removed, not followed.
            let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
        }
    }
}
