//! What the library wants to reach, each row computed from the samples of this run: reached, missed by how much, or not measured.
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::fmt::Write;

use serde::Serialize;

use crate::cell::Place::{Processes, Threads};
use crate::cell::{HELD_BACK, MORE_ROOM};
use crate::report::{Results, Row as Line, median, number};

/// One goal, of several parts, all of which have to be reached.
#[derive(Serialize)]
pub struct Row {
    what: &'static str,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    what: String,
    /// At least this; or at most, if `at_most`.
    wanted: f64,
    at_most: bool,
    unit: &'static str,
    /// By the samples of the placement that has most of them; then those of another one, if each has enough.
    found: Vec<Answer>,
    /// Why there is none.
    lacks: &'static str,
}

#[derive(Serialize)]
struct Answer {
    /// How long a bare line takes there and back in this placement; none where it does not matter.
    cores: Option<String>,
    /// Of the samples that were compared, how many each side has at least.
    n: usize,
    value: f64,
    /// Which of our rows that is.
    ours: String,
    /// Whom we were compared with.
    against: Option<String>,
}

/// With so many samples each, two placements are both told.
const ENOUGH: usize = 5;
/// With less, a row is not taken for the best, if there is another.
const FEW: usize = 3;

impl Part {
    fn is_reached(&self, value: f64) -> bool {
        if self.at_most { value <= self.wanted } else { value >= self.wanted }
    }
}

/// The rows of one class of placement; remembers on how few samples an answer stands.
struct View<'a> {
    rows: &'a [Line],
    class: usize,
    n: Cell<usize>,
    /// Whether the answer is of this placement alone.
    is_placed: Cell<bool>,
    ours: RefCell<Vec<String>>,
    against: RefCell<Option<String>>,
}

impl<'a> View<'a> {
    fn all(&self, work: &str, case: &str) -> impl Iterator<Item = &'a Line> {
        let here = |row: &&Line| row.class.is_none_or(|class| class == self.class);
        self.rows.iter().filter(here).filter(move |row| row.work == work && row.case == case)
    }

    fn seen(&self, row: &'a Line) -> &'a Line {
        self.n.set(self.n.get().min(row.n));
        self.is_placed.set(self.is_placed.get() || row.class.is_some());
        if !row.is_ours() {
            self.against.replace(Some(row.peer.clone()));
        } else if !self.ours.borrow().contains(&row.peer) {
            self.ours.borrow_mut().push(row.peer.clone());
        }
        row
    }

    /// The best of those that `is` says; of those with some samples, if there are any.
    fn best(&self, work: &str, case: &str, is: impl Fn(&Line) -> bool) -> Option<&'a Line> {
        self.best_by(work, case, is, |a, b| a.against(b).total_cmp(&1.0))
    }

    fn best_by(
        &self,
        work: &str,
        case: &str,
        is: impl Fn(&Line) -> bool,
        order: impl Fn(&Line, &Line) -> Ordering,
    ) -> Option<&'a Line> {
        let rows = || self.all(work, case).filter(|row| is(row));
        let some = rows().any(|row| row.n >= FEW);
        rows().filter(|row| !some || row.n >= FEW).max_by(|a, b| order(a, b)).map(|row| self.seen(row))
    }

    /// Ours of exactly this name, between processes.
    fn ours(&self, work: &str, case: &str, name: &str) -> Option<&'a Line> {
        self.best(work, case, |row| row.place == Processes && row.is_ours() && row.peer == name)
    }

    /// That peer, in the place and in the form in which it is better.
    fn peer(&self, work: &str, case: &str, name: &str) -> Option<&'a Line> {
        self.best(work, case, |row| is_form_of(row, name))
    }

    /// The best of all peers, anywhere.
    fn best_peer(&self, work: &str, case: &str) -> Option<&'a Line> {
        self.best(work, case, |row| !row.is_ours() && !row.is_bare())
    }

    fn bare(&self, work: &str, case: &str) -> Option<&'a Line> {
        self.best(work, case, is_bare_between)
    }

    /// The least p99 of a bare trip, whichever form has it.
    fn bare_p99(&self, case: &str) -> Option<f64> {
        let p99 = |row: &Line| row.extra.get("p99").copied();
        let value = |row: &Line| p99(row).unwrap_or(f64::INFINITY);
        p99(self.best_by("trip", case, is_bare_between, |a, b| value(b).total_cmp(&value(a)))?)
    }

    /// One line per message, through the ring in which that is faster.
    fn lines(&self) -> Option<&'a Line> {
        let both = [SMALL, LARGE].iter().filter_map(|ring| self.bare(STREAM, &format!("56 B, {ring}")));
        both.max_by(|a, b| a.median.total_cmp(&b.median))
    }
}

fn is_bare_between(row: &Line) -> bool {
    row.is_bare() && row.place == Processes && !row.peer.contains("one thread")
}

/// Whether it is that peer, or another form of the same.
fn is_form_of(row: &Line, name: &str) -> bool {
    row.peer.strip_prefix(name).is_some_and(|form| ["", HELD_BACK, MORE_ROOM].contains(&form))
}

/// Whether a row of ours counts: not what takes an unsafe promise, nor what has more room than others.
fn is_plain(row: &Line) -> bool {
    row.is_ours() && !row.peer.contains("trusted") && !row.peer.contains("1,024 each")
}

struct Goals<'a> {
    results: &'a Results<'a>,
    rows: Vec<Row>,
}

impl Goals<'_> {
    fn row(&mut self, what: &'static str) {
        self.rows.push(Row { what, parts: Vec::new() });
    }

    /// A part of the last row: `find` is asked of each class of placement, and of that one believed which has most samples.
    fn part(
        &mut self,
        what: impl Into<String>,
        (at_most, wanted, unit): (bool, f64, &'static str),
        find: impl Fn(&View<'_>) -> Option<f64>,
    ) {
        let classes = &self.results.classes;
        let answers = (0..classes.ranges.len()).filter_map(|class| {
            let (n, is_placed) = (Cell::new(usize::MAX), Cell::new(false));
            let (ours, against) = (RefCell::default(), RefCell::default());
            let view = View { rows: &self.results.rows, class, n, is_placed, ours, against };
            let value = find(&view).filter(|value| value.is_finite())?;
            let cores = view.is_placed.get().then(|| classes.name(class));
            let ours = match view.ours.take() {
                names if names.len() > 2 => format!("{} kinds", names.len()),
                names => names.join(" and "),
            };
            Some(Answer { cores, n: view.n.get(), value, ours, against: view.against.take() })
        });
        let mut found: Vec<Answer> = answers.collect();
        found.sort_by_key(|answer| std::cmp::Reverse(answer.n));
        let is_enough = |answer: &Answer| answer.n >= ENOUGH && answer.cores.is_some();
        let others = found.iter().skip(1).take_while(|answer| is_enough(answer)).count();
        found.truncate(1 + others.min(1));
        let what = what.into();
        let no_aeron = what.contains("aeron") && !cfg!(feature = "aeron");
        let lacks = if no_aeron { "built without the feature `aeron`" } else { "no samples to compare" };
        let part = Part { what, wanted, at_most, unit, found, lacks };
        if let Some(row) = self.rows.last_mut() {
            row.parts.push(part);
        }
    }

    /// How many times as good as the other one we are.
    fn ahead(&mut self, what: impl Into<String>, wanted: f64, pair: impl Fn(&View<'_>) -> Option<f64>) {
        self.part(what, (false, wanted, "x"), pair);
    }
}

fn against(ours: Option<&Line>, other: Option<&Line>) -> Option<f64> {
    Some(ours?.against(other?))
}

pub fn all(results: &Results<'_>) -> Vec<Row> {
    let mut goals = Goals { results, rows: Vec::new() };
    trips(&mut goals);
    places(&mut goals);
    streams(&mut goals);
    bulk(&mut goals);
    bytes(&mut goals);
    fans(&mut goals);
    others(&mut goals);
    goals.rows
}

fn trips(goals: &mut Goals<'_>) {
    goals.row("round trip, typed");
    for case in ["8 B", "56 B"] {
        goals.part(format!("{case}, p50 of a bare line's"), (true, 1.10, "x"), |view| {
            let ours = view.ours("trip", case, "ringway")?;
            Some(ours.median / view.bare("trip", case)?.median)
        });
        goals.part(format!("{case}, p99 of a bare line's"), (true, 1.30, "x"), |view| {
            let ours = view.ours("trip", case, "ringway")?;
            Some(ours.extra.get("p99")? / view.bare_p99(case)?)
        });
        goals.ahead(format!("{case}, against the best peer"), 1.0, |view| {
            against(view.ours("trip", case, "ringway"), view.best_peer("trip", case))
        });
    }
}

fn places(goals: &mut Goals<'_>) {
    goals.row("between processes as between threads");
    goals.ahead("median over all cells", 0.95, |view| {
        let ours = |place| {
            let here = move |row: &&Line| row.class == Some(view.class) && row.place == place;
            view.rows.iter().filter(here).filter(|row| is_plain(row))
        };
        let pairs = ours(Processes).filter_map(|row| {
            let same =
                |other: &&Line| (&other.work, &other.case, &other.peer) == (&row.work, &row.case, &row.peer);
            let compared = ["trip", "stream", "batch", "copy", "in place"].contains(&&*row.work);
            ours(Threads)
                .find(same)
                .filter(|_| compared)
                .map(|other| view.seen(row).against(view.seen(other)))
        });
        let mut ratios: Vec<f64> = pairs.collect();
        ratios.sort_by(f64::total_cmp);
        (!ratios.is_empty()).then(|| median(&ratios))
    });
}

const STREAM: &str = "stream";
const SMALL: &str = "ring of 1,024";
const LARGE: &str = "ring of 65,536";

fn streams(goals: &mut Goals<'_>) {
    goals.row("8 B, one by one");
    for ring in [SMALL, LARGE] {
        let case = format!("8 B, {ring}");
        goals.ahead(format!("{ring}, against the best peer"), 1.5, |view| {
            against(view.ours(STREAM, &case, "ringway"), view.best_peer(STREAM, &case))
        });
        goals.ahead(format!("{ring}, against rtrb"), 3.0, |view| {
            against(view.ours(STREAM, &case, "ringway"), view.peer(STREAM, &case, "rtrb"))
        });
    }
    goals.row("56 B, one by one");
    let case = format!("56 B, {SMALL}");
    goals.ahead("of bare lines", 0.6, |view| against(view.ours(STREAM, &case, "ringway"), view.lines()));
    goals.ahead("against rtrb with aligned elements", 1.5, |view| {
        against(view.ours(STREAM, &case, "ringway"), view.peer(STREAM, &case, "rtrb, aligned"))
    });
    goals.row("64 B, one by one");
    let case = format!("64 B, {SMALL}");
    goals.ahead("against the best peer", 1.0, |view| {
        against(view.ours(STREAM, &case, "ringway"), view.best_peer(STREAM, &case))
    });
}

fn bulk(goals: &mut Goals<'_>) {
    goals.row("in bulk, 64 at a time, as records");
    let (lines, items) = (format!("56 B, {SMALL}"), format!("8 B, {SMALL}"));
    goals.ahead("56 B, of bare lines", 0.8, |view| {
        against(view.ours("batch", &lines, "ringway, records of 64"), view.lines())
    });
    goals.ahead("8 B, against rtrb's chunks", 1.2, |view| {
        against(
            view.ours("batch", &items, "ringway, records of 64"),
            view.peer("batch", &items, "rtrb, chunks"),
        )
    });
}

fn bytes(goals: &mut Goals<'_>) {
    let case = "4 KiB through 1 MiB";
    goals.row("bytes, 4 KiB, copied in, all read");
    goals.ahead("of a bare copy", 0.95, |view| {
        against(view.ours("copy", case, "ringway, copied out"), view.bare("copy", case))
    });
    for (peer, wanted) in [("pipe", 3.3), ("iceoryx2", 2.5), ("aeron", 3.3)] {
        goals.ahead(format!("against {peer}"), wanted, |view| {
            against(view.ours("copy", case, "ringway, copied out"), view.peer("copy", case, peer))
        });
    }
    goals.row("bytes in place, one line touched");
    for case in [case, "1 MiB through 4 MiB"] {
        goals.ahead(format!("{case}, against iceoryx2"), 15.0, |view| {
            against(view.ours("in place", case, "ringway"), view.peer("in place", case, "iceoryx2"))
        });
        goals.part(case, (false, 10.0, " M/s"), |view| Some(view.ours("in place", case, "ringway")?.median));
    }
}

fn fans(goals: &mut Goals<'_>) {
    // Not those with a ring for each producer, nor those without a bound.
    let ordered = |row: &Line| {
        let named = |name: &&str| row.peer.starts_with(*name);
        let kinds = ["gil", "nexus-queue", "crossbeam", "kanal", "disruptor", "flume", "std"];
        kinds.iter().any(named) && !row.peer.contains("sharded") && !row.peer.contains("unbounded")
    };
    let case = |producers: usize| format!("64 B, {producers} to 1");
    let shrinks = |view: &View<'_>, name: &str| {
        against(view.ours("fan", &case(8), name), view.ours("fan", &case(1), name))
    };
    goals.row("many producers, one order, 64 B");
    for producers in [1, 2, 4, 8] {
        goals.ahead(format!("{producers}, against the best peer with one order"), 1.0, |view| {
            let case = case(producers);
            against(view.ours("fan", &case, "ringway mpsc"), view.best("fan", &case, ordered))
        });
    }
    goals.ahead("8 of what 1 does", 0.6, |view| shrinks(view, "ringway mpsc"));
    goals.row("many producers, lanes, 64 B");
    for (producers, wanted) in [(1, 1.4), (2, 1.4), (4, 1.4), (8, 1.0)] {
        goals.ahead(format!("{producers}, against the best peer"), wanted, |view| {
            let case = case(producers);
            against(view.ours("fan", &case, "ringway lanes"), view.best_peer("fan", &case))
        });
    }
    goals.ahead("8 of what 1 does", 0.5, |view| shrinks(view, "ringway lanes"));
}

fn others(goals: &mut Goals<'_>) {
    goals.row("64 B against other ways between processes");
    let case = format!("64 B, {SMALL}");
    for (peer, wanted) in [("aeron", 5.0), ("pipe", 40.0), ("iceoryx2", 50.0)] {
        goals.ahead(format!("against {peer}"), wanted, |view| {
            let theirs = view.best(STREAM, &case, |row| is_form_of(row, peer) && row.place == Processes);
            against(view.ours(STREAM, &case, "ringway"), theirs)
        });
    }
    goals.part("round trip, of iceoryx2's", (true, 0.5, "x"), |view| {
        Some(view.ours("trip", "64 B", "ringway")?.median / view.peer("trip", "64 B", "iceoryx2")?.median)
    });
    goals.row("CPU time of both sides, for a message of 64 B");
    // Of those who spin, which costs more than to sleep.
    for (what, case, wanted) in [
        ("one by one, spinning", "64 B, one by one", 30.0),
        ("64 at a time, spinning", "64 B, batches of 64", 15.0),
    ] {
        goals.part(what, (true, wanted, " ns"), |view| Some(view.ours("cpu", case, "ringway")?.median));
    }
    goals.row("waiting");
    goals.part("adaptive, of pure spinning", (true, 1.2, "x"), |view| {
        let one = |name| view.best("adaptive", "56 B", |row| row.peer == name && row.place == Processes);
        Some(one("ringway, adaptive")?.median / one("ringway, spinning")?.median)
    });
    goals.part("a sleeper's wake, of a bare futex's", (true, 1.1, "x"), |view| {
        let one = |name| view.best("wake", "sleeper", |row| row.peer == name && row.place == Processes);
        Some(one("ringway")?.median / one("bare futex")?.median)
    });
    goals.row("for each record, both ends awake");
    for case in ["system calls per record", "allocations per record"] {
        goals.part(case, (true, 0.0, ""), |view| {
            let all = view.all("cost", case).filter(|row| row.is_ours());
            all.map(|row| view.seen(row).median).reduce(f64::max)
        });
    }
}

/// As a table of Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | part | wanted | found | | ours | against | n | cores apart |\n\
         |---|---|---:|---:|---|---|---|---:|---|\n",
    );
    for row in rows {
        for (at, part) in row.parts.iter().enumerate() {
            let what = if at == 0 { row.what } else { "" };
            let bound = if part.at_most { "at most" } else { "at least" };
            let show = |value: f64| format!("{}{}", number(value), part.unit);
            let _ = write!(text, "| {what} | {} | {bound} {} |", part.what, show(part.wanted));
            if part.found.is_empty() {
                let _ = writeln!(text, " - | not measured: {} | | | | |", part.lacks);
            }
            for (at, answer) in part.found.iter().enumerate() {
                if at > 0 {
                    text.push_str("| | | |");
                }
                let verdict = if part.is_reached(answer.value) {
                    "reached".into()
                } else if part.wanted == 0.0 {
                    "**missed**".into()
                } else {
                    format!("**missed**: {:.2} of it", answer.value / part.wanted)
                };
                let cores = answer.cores.as_deref().unwrap_or("any");
                let (ours, against) = (&answer.ours, answer.against.as_deref().unwrap_or_default());
                let _ = writeln!(
                    text,
                    " {} | {verdict} | {ours} | {against} | {} | {cores} |",
                    show(answer.value),
                    answer.n
                );
            }
        }
    }
    text
}
