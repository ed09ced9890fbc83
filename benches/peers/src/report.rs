//! What the samples say: classes of placement, medians, tables; RESULTS.md and results.json.
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde::Serialize;

use crate::cell::Place;
use crate::drive::Result;
use crate::round::{Found, Run, Sample};
use crate::{Wish, plot, targets, work};

/// Probes of one sample that differ by more: the cores were moved meanwhile.
const MOVED: f64 = 0.25;

// ---- Classes of placement

/// The probes, split where there is a gap between two clusters of them.
pub struct Classes {
    /// In ns; between two classes each.
    borders: Vec<f64>,
    /// The least and the greatest probe of each, and how many samples it has.
    pub ranges: Vec<(f64, f64, usize)>,
    pub moved: usize,
}

impl Classes {
    pub fn new(samples: &[Sample]) -> Self {
        let placed = || samples.iter().filter(|sample| work::is_placed(&sample.work));
        let found = || placed().filter_map(|sample| sample.found.as_ref().ok());
        let mut probes: Vec<f64> = found().flat_map(|found| [found.before, found.after]).collect();
        probes.sort_by(f64::total_cmp);
        let mut classes = Self { borders: borders(&probes), ranges: Vec::new(), moved: 0 };
        classes.moved = found().filter(|found| classes.of_probes(found).is_none()).count();
        classes.ranges = (0..=classes.borders.len())
            .map(|class| {
                let of = || found().filter(|found| classes.of_probes(found) == Some(class));
                let probes = || of().flat_map(|found| [found.before, found.after]);
                (probes().fold(f64::INFINITY, f64::min), probes().fold(0.0, f64::max), of().count())
            })
            .collect();
        classes
    }

    /// Which one; `Some(None)` if it does not matter where the cores are, `None` if there is nothing to be used.
    pub fn of(&self, sample: &Sample) -> Option<Option<usize>> {
        let found = sample.found.as_ref().ok()?;
        if work::is_placed(&sample.work) { self.of_probes(found).map(Some) } else { Some(None) }
    }

    /// What a class is called: about how long a bare line takes there and back.
    pub fn name(&self, class: usize) -> String {
        self.ranges.get(class).map_or_else(String::new, |(least, most, _)| {
            let round = |ns: f64| if ns < 100.0 { ns } else { (ns / 10.0).round() * 10.0 };
            format!("{:.0} to {:.0} ns", round(*least), round(*most))
        })
    }

    /// `None` if the cores were moved while it ran.
    fn of_probes(&self, found: &Found) -> Option<usize> {
        let (less, more) = (found.before.min(found.after), found.before.max(found.after));
        let middle = (less * more).sqrt();
        (more <= less * (1.0 + MOVED)).then(|| self.borders.iter().filter(|border| middle > **border).count())
    }
}

/// Where to split: wherever there is a wide gap, so that a stray is a class of its own and spoils no other; and between two
/// clusters that are far apart, though some lie between them.
fn borders(sorted: &[f64]) -> Vec<f64> {
    let parts = sorted.chunk_by(|one, next| next / one <= WIDE).collect::<Vec<_>>();
    let between = parts.windows(2).map(|pair| (pair[0][pair[0].len() - 1] * pair[1][0]).sqrt());
    let mut all: Vec<f64> = between.chain(parts.iter().filter_map(|part| valley(part))).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Between values that lie so many times apart there is a border in any case.
const WIDE: f64 = 1.5;

/// Where the fewest lie, if they are few beside the thickest places on both sides, whose middles are apart.
fn valley(sorted: &[f64]) -> Option<f64> {
    let lie_about = |at: f64| {
        let [from, to] = [at / 1.04, at * 1.04].map(|end| sorted.partition_point(|value| *value < end));
        to - from
    };
    // Fewer are single strays.
    let few = (sorted.len() / 20).max(2);
    let middles = sorted.windows(2).map(|pair| (pair[0] * pair[1]).sqrt()).enumerate();
    let inner = middles.skip(few).take(sorted.len().saturating_sub(2 * few));
    let (at, border) = inner.min_by_key(|(_, middle)| lie_about(*middle))?;
    let (low, high) = sorted.split_at(at + 1);
    let thickest = |side: &[f64]| side.iter().map(|value| lie_about(*value)).max().unwrap_or(0);
    let are_few = 4 * lie_about(border) <= thickest(low).min(thickest(high));
    (are_few && median(high) / median(low) > APART).then_some(border)
}

/// Placements differ by so much at least.
const APART: f64 = 1.25;

/// Of sorted values.
pub fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => (sorted[len / 2 - 1] + sorted[len / 2]) / 2.0,
    }
}

// ---- Rows

/// What is known of one cell, from samples of one class.
#[derive(Clone, Serialize)]
pub struct Row {
    pub work: String,
    pub case: String,
    pub place: Place,
    pub peer: String,
    pub unit: String,
    pub bigger: bool,
    /// Of placement; none where that does not matter.
    pub class: Option<usize>,
    pub n: usize,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    /// Medians.
    pub extra: BTreeMap<String, f64>,
}

impl Row {
    pub fn is_ours(&self) -> bool {
        self.peer.starts_with("ringway")
    }

    pub fn is_bare(&self) -> bool {
        self.peer.starts_with("bare")
    }

    /// How many times as good as `other`.
    pub fn against(&self, other: &Self) -> f64 {
        if self.median == other.median {
            1.0
        } else if self.bigger {
            self.median / other.median
        } else {
            other.median / self.median
        }
    }
}

/// All rows, of all classes.
pub struct Results<'a> {
    samples: &'a [Sample],
    pub classes: Classes,
    pub rows: Vec<Row>,
}

type Key<'a> = (&'a str, &'a str, Place, &'a str);

fn key(sample: &Sample) -> Key<'_> {
    (&sample.work, &sample.case, sample.place, &sample.peer)
}

impl<'a> Results<'a> {
    pub fn new(samples: &'a [Sample]) -> Self {
        let classes = Classes::new(samples);
        let mut keys: Vec<Key<'_>> = Vec::new();
        for sample in samples {
            if !keys.contains(&key(sample)) {
                keys.push(key(sample));
            }
        }
        let rows = keys.iter().flat_map(|wanted| {
            let classes = &classes;
            let all = (0..=classes.borders.len()).map(Some).chain([None]);
            all.filter_map(move |class| {
                let own = samples.iter().filter(|sample| key(sample) == *wanted);
                let alike = own.filter(|sample| classes.of(sample) == Some(class));
                row(*wanted, class, alike.filter_map(|sample| sample.found.as_ref().ok()).collect())
            })
        });
        let rows = rows.collect();
        Self { samples, classes, rows }
    }

    /// The rows of one case in one place, of the class of which the case has most samples; best first.
    pub fn table(&self, work: &str, case: &str, place: Place) -> Vec<&Row> {
        // One class for both places, so that these can be compared too.
        let all = || self.rows.iter().filter(|row| (&*row.work, &*row.case) == (work, case));
        let samples = |class| all().filter(|row| row.class == class).map(|row| row.n).sum::<usize>();
        let classes = (0..self.classes.ranges.len()).map(Some).chain([None]);
        let class = classes.rev().max_by_key(|class| samples(*class)).flatten();
        let mut rows: Vec<_> = all().filter(|row| row.class == class && row.place == place).collect();
        rows.sort_by(
            |a, b| if a.bigger { b.median.total_cmp(&a.median) } else { a.median.total_cmp(&b.median) },
        );
        rows
    }

    /// The cases of a work, in the order in which they were registered.
    pub fn cases(&self, work: &str) -> Vec<&'a str> {
        let mut cases: Vec<&str> = Vec::new();
        for sample in self.samples.iter().filter(|sample| sample.work == work) {
            if !cases.contains(&&*sample.case) {
                cases.push(&sample.case);
            }
        }
        cases
    }

    pub fn works(&self) -> Vec<&'a str> {
        let mut works: Vec<&str> = self.samples.iter().map(|sample| &*sample.work).collect();
        works.dedup();
        works
    }
}

fn row((work, case, place, peer): Key<'_>, class: Option<usize>, found: Vec<&Found>) -> Option<Row> {
    let first = &found.first()?.measure;
    let sorted = |of: &dyn Fn(&Found) -> Option<f64>| {
        let mut values: Vec<f64> = found.iter().filter_map(|found| of(found)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let values = sorted(&|found| Some(found.measure.value));
    let extra =
        |name: &String| (name.clone(), median(&sorted(&|found| found.measure.extra.get(name).copied())));
    Some(Row {
        work: work.into(),
        case: case.into(),
        place,
        peer: peer.into(),
        unit: first.unit.clone(),
        bigger: first.bigger,
        class,
        n: values.len(),
        median: median(&values),
        min: *values.first()?,
        max: *values.last()?,
        extra: first.extra.keys().map(extra).collect(),
    })
}

// ---- Text

/// Three digits that mean something.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "?".into()
    } else if size == 0.0 {
        "0".into()
    } else if size >= 99.95 {
        // With commas, for those that are long.
        let digits = format!("{:.0}", value);
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) && digits.as_bytes()[at - 1].is_ascii_digit() {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    } else if size >= 9.995 {
        format!("{value:.1}")
    } else if size >= 0.0995 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

/// One table, for a case in a place, and what is not in it.
fn table(results: &Results<'_>, work: &str, case: &str, place: Place) -> String {
    let rows = results.table(work, case, place);
    let mut text = String::new();
    let of_case = |sample: &&Sample| (&*sample.work, &*sample.case, sample.place) == (work, case, place);
    if results.samples.iter().filter(of_case).count() == 0 {
        return text;
    }
    let _ = writeln!(text, "\n**{case}, between {place}**\n");
    if let Some(first) = rows.first() {
        let mut names: Vec<&String> = rows.iter().flat_map(|row| row.extra.keys()).collect();
        names.sort();
        names.dedup();
        let _ = write!(text, "| | {} | min to max | n | to the best |", first.unit);
        names.iter().for_each(|name| _ = write!(text, " {name} |"));
        let _ = write!(text, "\n|---|---:|---:|---:|---:|");
        names.iter().for_each(|_| text.push_str("---:|"));
        text.push('\n');
        let best = rows.iter().find(|row| !row.is_bare());
        for row in &rows {
            let name = if row.is_ours() { format!("**{}**", row.peer) } else { row.peer.clone() };
            let range = format!("{} to {}", number(row.min), number(row.max));
            let ratio = best.map(|best| row.against(best)).filter(|ratio| ratio.is_finite());
            let ratio = ratio.map_or_else(|| "-".into(), number);
            let _ = write!(text, "| {name} | {} | {range} | {} | {ratio} |", number(row.median), row.n);
            for name in &names {
                let value = row.extra.get(*name).map_or_else(String::new, |value| number(*value));
                let _ = write!(text, " {value} |");
            }
            text.push('\n');
        }
    }
    text.push_str(&absent(results, work, case, place, &rows));
    text
}

/// What is not in the table, and why.
fn absent(results: &Results<'_>, work: &str, case: &str, place: Place, rows: &[&Row]) -> String {
    let mut text = String::new();
    let of_case = |sample: &&Sample| (&*sample.work, &*sample.case, sample.place) == (work, case, place);
    let mut failed: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for sample in results.samples.iter().filter(of_case) {
        if let Err(why) = &sample.found {
            let entry = failed.entry(&sample.peer).or_insert((0, why));
            entry.0 += 1;
        } else if !rows.iter().any(|row| row.peer == sample.peer) {
            failed.entry(&sample.peer).or_insert((0, "no sample with the cores placed as for the others"));
        }
    }
    for (peer, (times, why)) in failed {
        let times = if times > 0 { format!(", failed {times} times") } else { String::new() };
        let _ = writeln!(text, "\n{peer}{times}: {why}");
    }
    text
}

// ---- The machine

#[derive(Serialize)]
struct About {
    machine: String,
    kernel: String,
    rustc: String,
    ringway: String,
    command: String,
    real_time: bool,
    peers: Vec<String>,
    began: String,
    ended: String,
    seconds: u64,
    load_before: String,
    load_after: String,
    /// Samples during which the cores were moved.
    dropped: usize,
    failures: Vec<String>,
}

fn says(program: &str, words: &[&str]) -> String {
    let said = Command::new(program).args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    said.map_or_else(|_| "unknown".into(), |out| String::from_utf8_lossy(&out.stdout).trim().to_string())
}

impl About {
    fn of(run: &Run, classes: &Classes) -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let model = model.map_or("unknown processor", |(_, model)| model);
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let guest = if info.contains(" hypervisor") { ", a virtual machine" } else { "" };
        let changed =
            if says("git", &["status", "--porcelain", "../../src"]).is_empty() { "" } else { ", changed" };
        let command =
            env::args().skip(1).map(|word| if word.contains(' ') { format!("'{word}'") } else { word });
        let command = command.collect::<Vec<_>>().join(" ");
        let aeron = cfg!(feature = "aeron");
        let built = if aeron { "cargo run --release --features aeron" } else { "cargo run --release" };
        let permitted = crate::place::hurry(true);
        crate::place::hurry(false);
        Self {
            machine: format!("{model}, {cores} cores{guest}"),
            kernel: says("uname", &["-sr"]),
            rustc: says("rustc", &["--version"]),
            ringway: format!("{}{changed}", says("git", &["log", "-1", "--format=%h of %cs"])),
            command: if command.is_empty() { built.into() } else { format!("{built} -- {command}") },
            real_time: permitted,
            peers: versions(),
            began: run.began.clone(),
            ended: run.ended.clone(),
            seconds: run.took.as_secs(),
            load_before: run.load[0].clone(),
            load_after: run.load[1].clone(),
            dropped: classes.moved,
            failures: run.failures(),
        }
    }

    fn text(&self, wish: &Wish, classes: &Classes) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "```text\n{}\n```\n", self.command);
        let _ = writeln!(text, "* {}; {}; {}.", self.machine, self.kernel, self.rustc);
        let _ = writeln!(
            text,
            "* Began {}, ended {}. Load average {} before, {} after (of which this run is a part).",
            self.began, self.ended, self.load_before, self.load_after
        );
        let _ = writeln!(text, "* ringway at {}. {}.", self.ringway, self.peers.join(", "));
        let _ = writeln!(
            text,
            "* {} rounds, each of which visits all cells of a work in turn; about {} ms timed in each. Medians of the rounds. Cells \
             with fewer samples of the placement that their work has most of were visited again, {} times at most.",
            wish.rounds(),
            wish.timed().as_millis(),
            3 * wish.rounds()
        );
        text.push_str(if self.real_time {
            "* Sender and receiver have a core each, in real time (`SCHED_FIFO`) while they are measured, but for many producers.\n"
        } else {
            "* Sender and receiver have a core each. Real time was **not permitted**: what else ran here is in these numbers.\n"
        });
        let ranges: Vec<_> = classes.ranges.iter().filter(|(.., n)| *n > 0).collect();
        let named: Vec<_> =
            ranges.iter().map(|(min, max, n)| format!("{min:.0} to {max:.0} ns in {n} samples")).collect();
        let _ = writeln!(
            text,
            "* Placement of the cores, by the round trip of a bare cache line before and after each sample: {}. {} samples, \
             during which it changed by more than a quarter, were dropped. Only samples of one placement are compared, and each \
             table shows the one of which it has most.",
            if named.is_empty() { "unknown".to_string() } else { named.join("; ") },
            classes.moved
        );
        if !cfg!(feature = "aeron") {
            text.push_str("* Aeron was not measured: built without the feature `aeron`.\n");
        }
        for failure in &self.failures {
            let _ = writeln!(text, "* **Failed**: {failure}");
        }
        text
    }
}

/// The versions of what this package depends on, as built.
fn versions() -> Vec<String> {
    let lock = include_str!("../Cargo.lock");
    let block = |name: &str| {
        lock.split("[[package]]")
            .find(|block| block.trim_start().starts_with(&format!("name = \"{name}\"\n")))
    };
    let own = block(env!("CARGO_PKG_NAME")).unwrap_or_default();
    let (_, own) = own.split_once("dependencies = [").unwrap_or_default();
    let names = own.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let tools = ["indicatif", "libc", "plotters", "ringway", "serde", "serde_json", "zerocopy"];
    names
        .filter_map(|name| name.split(' ').next())
        .filter(|name| !tools.contains(name) && (cfg!(feature = "aeron") || !name.starts_with("rusteron")))
        .filter_map(|name| {
            let version = block(name)?.lines().find_map(|line| line.strip_prefix("version = "))?;
            Some(format!("{name} {}", version.trim_matches('"')))
        })
        .collect()
}

// ---- All of it

#[derive(Serialize)]
struct Json<'a> {
    about: &'a About,
    targets: &'a [targets::Row],
    rows: &'a [Row],
    samples: &'a [Sample],
}

/// Where it goes: a run of everything beside Cargo.toml, any other one where it overwrites nothing.
fn folder(wish: &Wish) -> PathBuf {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let whole = wish.only.is_empty() && !wish.quick;
    wish.out.clone().unwrap_or_else(|| if whole { home.into() } else { home.join("target/partial") })
}

pub fn write(run: &Run, wish: &Wish) -> Result<()> {
    let samples = &*run.samples;
    let results = Results::new(samples);
    let about = About::of(run, &results.classes);
    let targets = targets::all(&results);
    let folder = folder(wish);
    let plots = folder.join("plots");
    fs::create_dir_all(&plots).map_err(|error| format!("cannot make {}: {error}", plots.display()))?;

    let mut text = String::from("# ringway beside its peers\n\n");
    text.push_str("Made by this command, in this directory; do not edit.\n\n");
    text.push_str(&about.text(wish, &results.classes));
    text.push_str(
        "\nA bar is a median, its whisker the least and the greatest. `bare` are no rings: memory, copies and futexes alone, the \
         machine's limit. Ratios are within one table, 1 is the best ring; above 1 is better.\n",
    );
    let reached = targets::table(&targets);
    let _ = write!(
        text,
        "\n## Goals\n\nOurs are between processes, and so are those against whom they stand, unless it says `threads`.\n\n{reached}"
    );
    let mut tables = String::new();
    for work in results.works() {
        let plot = format!("{}.svg", work.replace(' ', "-"));
        plot::draw(&results, work, &plots.join(&plot))?;
        let _ =
            writeln!(tables, "\n## {}\n\n{}\n\n![{work}](plots/{plot})", work::title(work), work::note(work));
        for case in results.cases(work) {
            for place in [Place::Threads, Place::Processes] {
                tables.push_str(&table(&results, work, case, place));
            }
        }
    }
    text.push_str(&tables);
    println!("{text}");
    let json = Json { about: &about, targets: &targets, rows: &results.rows, samples };
    for (name, text) in [("RESULTS.md", text), ("results.json", serde_json::to_string_pretty(&json)? + "\n")]
    {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    eprintln!("written: {0}/RESULTS.md, {0}/results.json, {0}/plots/", folder.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clusters_are_two_classes_and_one_is_one() {
        let near = [54.0, 55.0, 56.0, 57.0, 55.5];
        let far = [230.0, 238.0, 241.0, 239.0, 300.0];
        let mut both: Vec<f64> = near.into_iter().chain(far).collect();
        both.sort_by(f64::total_cmp);
        assert!(matches!(*borders(&both), [border] if (57.0..230.0).contains(&border)));
        let one: Vec<f64> = (0..100).map(|i| 110.0 + f64::from(i) / 5.0).collect();
        assert!(borders(&one).is_empty());
    }

    #[test]
    fn few_that_are_far_are_not_taken_for_near() {
        let mut probes: Vec<f64> = (0..1000).map(|i| 70.0 + f64::from(i) / 100.0).collect();
        probes.extend([360.0, 370.0, 9000.0]);
        assert!(matches!(*borders(&probes), [one, two] if (80.0..360.0).contains(&one) && two > 370.0));
        let mut near: Vec<f64> = (0..50).map(|i| 50.0 + f64::from(i) / 10.0).collect();
        near.extend((0..50).map(|i| 80.0 + f64::from(i) / 10.0));
        near.push(67.0);
        assert_eq!(borders(&near).len(), 1);
        // And so they are if there are others, farther away.
        near.extend((0..50).map(|i| 300.0 + f64::from(i)));
        near.sort_by(f64::total_cmp);
        assert_eq!(borders(&near).len(), 2);
        let broad: Vec<f64> = (0..200).map(|i| 50.0 + f64::from(i) / 2.0).collect();
        assert!(borders(&broad).is_empty());
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.0, 0.0123, 0.5, 12.34, 123.4, 1234567.0].map(number);
        assert_eq!(shown, ["0", "0.0123", "0.50", "12.3", "123", "1,234,567"]);
    }
}
