//! What the library wants to reach, each row computed from the samples of this run: reached, missed by how much, or not measured. Of what
//! was missed it is also computed how far bare memory comes when it takes our place: what it does not reach either is above the
//! machine's limit.
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::fmt::Write;

use serde::Serialize;

use crate::cell::Place::{Processes, Threads};
use crate::cell::{HELD_BACK, MORE_ROOM, PAUSING, RESTING, WAITING};
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
    verdict: Verdict,
    /// The same of what is bare, in our place; the best first.
    limits: Vec<Limit>,
}

#[derive(Serialize)]
struct Limit {
    bare: String,
    n: usize,
    value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Verdict {
    Reached,
    Missed,
    /// Missed, and bare memory does not reach it either.
    AboveLimit,
}

/// With so many samples each, two placements are both told.
const ENOUGH: usize = 5;
/// With less, a row is not taken for the best, if there is another.
const FEW: usize = 3;
/// What is bare, but so many times less than ours, shows no limit.
const NO_LIMIT: f64 = 1.1;

impl Part {
    fn is_reached(&self, value: f64) -> bool {
        if self.at_most { value <= self.wanted } else { value >= self.wanted }
    }

    /// How many times as good one value is as another.
    fn times(&self, one: f64, other: f64) -> f64 {
        if self.at_most { other / one } else { one / other }
    }

    /// `limits`: the best first. What is bare shows a limit only if neither we do more nor the peer with whom we are compared.
    fn verdict(&self, value: f64, against: Option<&str>, limits: &[Limit]) -> Verdict {
        let is_peer = against.is_some_and(|name| !name.starts_with("bare"));
        let is_limit = |limit: &Limit| {
            let of_ours = self.times(value, limit.value) <= NO_LIMIT;
            of_ours && (!is_peer || self.times(limit.value, 1.0) >= 1.0)
        };
        match limits.first() {
            _ if self.is_reached(value) => Verdict::Reached,
            Some(limit) if is_limit(limit) && !self.is_reached(limit.value) => Verdict::AboveLimit,
            _ => Verdict::Missed,
        }
    }

    fn show(&self, value: f64) -> String {
        format!("{}{}", number(value), self.unit)
    }

    fn wants(&self) -> String {
        format!("{} {}", if self.at_most { "at most" } else { "at least" }, self.show(self.wanted))
    }
}

/// The rows of one class of placement; remembers on how few samples an answer stands.
struct View<'a> {
    rows: &'a [Line],
    class: usize,
    /// What is bare, and takes our place.
    stand_in: Option<&'a str>,
    n: Cell<usize>,
    /// Whether the answer is of this placement alone.
    is_placed: Cell<bool>,
    ours: RefCell<Vec<String>>,
    against: RefCell<Option<String>>,
}

impl<'a> View<'a> {
    fn new(rows: &'a [Line], class: usize, stand_in: Option<&'a str>) -> Self {
        let (n, is_placed) = (Cell::new(usize::MAX), Cell::new(false));
        Self { rows, class, stand_in, n, is_placed, ours: RefCell::default(), against: RefCell::default() }
    }

    fn all(&self, work: &str, case: &str) -> impl Iterator<Item = &'a Line> {
        let here = |row: &&Line| row.class.is_none_or(|class| class == self.class);
        self.rows.iter().filter(here).filter(move |row| row.work == work && row.case == case)
    }

    fn seen(&self, row: &'a Line) -> &'a Line {
        self.n.set(self.n.get().min(row.n));
        self.is_placed.set(self.is_placed.get() || row.class.is_some());
        if !(row.is_ours() || self.stand_in.is_some_and(|name| is_form_of(row, name))) {
            self.against.replace(Some(match row.place {
                Processes => row.peer.clone(),
                Threads => format!("{}, threads", row.peer),
            }));
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

    /// Ours of this name, in its better form, between processes; or what takes its place.
    fn ours(&self, work: &str, case: &str, name: &str) -> Option<&'a Line> {
        self.bare(work, case, self.stand_in.unwrap_or(name))
    }

    /// That peer, in the place and in the form in which it is better.
    fn peer(&self, work: &str, case: &str, name: &str) -> Option<&'a Line> {
        self.best(work, case, |row| is_form_of(row, name))
    }

    /// The best of all peers, anywhere.
    fn best_peer(&self, work: &str, case: &str) -> Option<&'a Line> {
        self.best(work, case, |row| !row.is_ours() && !row.is_bare())
    }

    /// Of this name, in its better form, between processes.
    fn bare(&self, work: &str, case: &str, name: &str) -> Option<&'a Line> {
        self.best(work, case, |row| row.place == Processes && is_form_of(row, name))
    }

    /// The least p99 of a bare trip, whichever form has it.
    fn bare_p99(&self, case: &str) -> Option<f64> {
        let p99 = |row: &Line| row.extra.get("p99").copied();
        let value = |row: &Line| p99(row).unwrap_or(f64::INFINITY);
        p99(self.best_by("trip", case, is_bare_between, |a, b| value(b).total_cmp(&value(a)))?)
    }

    /// One line per message, through the ring in which that is faster.
    fn lines(&self) -> Option<&'a Line> {
        let of = |ring: &&str| self.bare(STREAM, &format!("56 B, {ring}"), "bare lines");
        let both = [SMALL, LARGE].iter().filter_map(of);
        both.max_by(|a, b| a.median.total_cmp(&b.median))
    }
}

fn is_bare_between(row: &Line) -> bool {
    row.is_bare() && row.place == Processes && !row.peer.contains("one thread")
}

/// Whether it is that peer, or another form of the same.
fn is_form_of(row: &Line, name: &str) -> bool {
    row.peer
        .strip_prefix(name)
        .is_some_and(|form| ["", HELD_BACK, PAUSING, RESTING, WAITING, MORE_ROOM].contains(&form))
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

    /// A part of the last row: `find` is asked of each class of placement, and of that one believed which has most samples. Of what is
    /// missed, it is asked again with each of `limits` in our place.
    fn part(
        &mut self,
        what: impl Into<String>,
        (at_most, wanted, unit): (bool, f64, &'static str),
        limits: &[&str],
        find: impl Fn(&View<'_>) -> Option<f64>,
    ) {
        let (rows, classes) = (&self.results.rows, &self.results.classes);
        let what = what.into();
        let no_aeron = what.contains("aeron") && !cfg!(feature = "aeron");
        let lacks = if no_aeron { "built without the feature `aeron`" } else { "no samples to compare" };
        let mut part = Part { what, wanted, at_most, unit, found: Vec::new(), lacks };
        let found = |view: &View<'_>| find(view).filter(|value| value.is_finite());
        let limit = |class: usize, name: &str| {
            let view = View::new(rows, class, Some(name));
            let value = found(&view)?;
            let bare = view.ours.take();
            (!bare.is_empty()).then(|| Limit { bare: names(bare), n: view.n.get(), value })
        };
        let answers = (0..classes.ranges.len()).filter_map(|class| {
            let view = View::new(rows, class, None);
            let value = found(&view)?;
            let missed = !part.is_reached(value);
            let limits = limits.iter().filter(|_| missed).filter_map(|name| limit(class, name));
            let mut limits: Vec<Limit> = limits.collect();
            limits.sort_by(|a, b| part.times(b.value, a.value).total_cmp(&1.0));
            let cores = view.is_placed.get().then(|| classes.name(class));
            let (ours, against) = (names(view.ours.take()), view.against.take());
            let (n, verdict) = (view.n.get(), part.verdict(value, against.as_deref(), &limits));
            Some(Answer { cores, n, value, ours, against, verdict, limits })
        });
        let mut answers: Vec<Answer> = answers.collect();
        answers.sort_by_key(|answer| std::cmp::Reverse(answer.n));
        let is_enough = |answer: &Answer| answer.n >= ENOUGH && answer.cores.is_some();
        let others = answers.iter().skip(1).take_while(|answer| is_enough(answer)).count();
        answers.truncate(1 + others.min(1));
        part.found = answers;
        if let Some(row) = self.rows.last_mut() {
            row.parts.push(part);
        }
    }

    /// How many times as good as the other one we are.
    fn ahead(
        &mut self,
        what: impl Into<String>,
        wanted: f64,
        limits: &[&str],
        pair: impl Fn(&View<'_>) -> Option<f64>,
    ) {
        self.part(what, (false, wanted, "x"), limits, pair);
    }
}

fn names(all: Vec<String>) -> String {
    if all.len() > 2 { format!("{} kinds", all.len()) } else { all.join(" and ") }
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

const FAIR: &str = "p50 of a bare line each way (a new one for each message, as a ring takes)";
const STRICT: &str = "p50 of a bare line both ways (strict: the same one comes back)";

fn trips(goals: &mut Goals<'_>) {
    goals.row("round trip, typed");
    for case in ["8 B", "56 B"] {
        // The fair one is that which takes a new line for each message, as a ring must. Who sends the same line to and fro has one
        // less to fetch.
        for (way, what, limits) in [
            ("bare line each way", FAIR, &[] as &[&str]),
            ("bare line both ways", STRICT, &["bare line each way"]),
        ] {
            goals.part(format!("{case}, {what}"), (true, 1.10, "x"), limits, |view| {
                let ours = view.ours("trip", case, "ringway")?;
                Some(ours.median / view.bare("trip", case, way)?.median)
            });
        }
        goals.part(format!("{case}, p99 of a bare line's"), (true, 1.30, "x"), &[], |view| {
            let ours = view.ours("trip", case, "ringway")?;
            Some(ours.extra.get("p99")? / view.bare_p99(case)?)
        });
        goals.ahead(format!("{case}, against the best peer"), 1.0, &["bare line each way"], |view| {
            against(view.ours("trip", case, "ringway"), view.best_peer("trip", case))
        });
    }
}

fn places(goals: &mut Goals<'_>) {
    goals.row("between processes as between threads");
    goals.ahead("median over all cells", 0.95, &[], |view| {
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
    let limits = ["bare slots", "bare items"];
    for ring in [SMALL, LARGE] {
        let case = format!("8 B, {ring}");
        goals.ahead(format!("{ring}, against the best peer"), 1.5, &limits, |view| {
            against(view.ours(STREAM, &case, "ringway"), view.best_peer(STREAM, &case))
        });
        goals.ahead(format!("{ring}, against rtrb"), 3.0, &limits, |view| {
            against(view.ours(STREAM, &case, "ringway"), view.peer(STREAM, &case, "rtrb"))
        });
    }
    goals.row("56 B, one by one");
    let case = format!("56 B, {SMALL}");
    goals.ahead("of bare lines", 0.6, &[], |view| against(view.ours(STREAM, &case, "ringway"), view.lines()));
    let limits = ["bare lines", "bare items"];
    goals.ahead("against rtrb with aligned elements", 1.5, &limits, |view| {
        against(view.ours(STREAM, &case, "ringway"), view.peer(STREAM, &case, "rtrb, aligned"))
    });
    goals.row("64 B, one by one");
    let case = format!("64 B, {SMALL}");
    goals.ahead("against the best peer", 1.0, &["bare slots", "bare items"], |view| {
        against(view.ours(STREAM, &case, "ringway"), view.best_peer(STREAM, &case))
    });
}

fn bulk(goals: &mut Goals<'_>) {
    goals.row("in bulk, 64 at a time, as records");
    let (lines, items) = (format!("56 B, {SMALL}"), format!("8 B, {SMALL}"));
    let limits = ["bare batches", "bare batches, copied out", "bare batches, counted"];
    goals.ahead("56 B, of bare lines", 0.8, &limits, |view| {
        against(view.ours("batch", &lines, "ringway, records of 64"), view.lines())
    });
    goals.ahead("8 B, against rtrb's chunks", 1.2, &limits, |view| {
        against(
            view.ours("batch", &items, "ringway, records of 64"),
            view.peer("batch", &items, "rtrb, chunks"),
        )
    });
}

fn bytes(goals: &mut Goals<'_>) {
    let case = "4 KiB through 1 MiB";
    goals.row("bytes, 4 KiB, copied in, all read");
    let limits = ["bare copy, copied out", "bare copy, copied out by registers"];
    goals.ahead("of a bare copy", 0.95, &limits, |view| {
        against(view.ours("copy", case, "ringway, read by lines"), view.bare("copy", case, "bare copy"))
    });
    for (peer, wanted) in [("pipe", 3.3), ("iceoryx2", 2.5), ("aeron", 3.3)] {
        goals.ahead(format!("against {peer}"), wanted, &limits, |view| {
            against(view.ours("copy", case, "ringway, read by lines"), view.peer("copy", case, peer))
        });
    }
    goals.row("bytes in place, one line touched");
    for case in [case, "1 MiB through 4 MiB"] {
        goals.ahead(format!("{case}, against iceoryx2"), 15.0, &["bare slots"], |view| {
            against(view.ours("in place", case, "ringway"), view.peer("in place", case, "iceoryx2"))
        });
        goals.part(case, (false, 10.0, " M/s"), &["bare slots"], |view| {
            Some(view.ours("in place", case, "ringway")?.median)
        });
    }
}

/// Those with one order that the goal names, and the others that have one: not those with a ring for each producer, nor those
/// without a bound.
const ORDERED: [&str; 4] = ["gil", "crossbeam ArrayQueue", "disruptor", "kanal"];
const ALSO_ORDERED: [&str; 4] = ["nexus-queue", "crossbeam channel", "flume", "std"];

fn fans(goals: &mut Goals<'_>) {
    let is_unbounded = |row: &Line| row.peer.contains("unbounded");
    let is_roomy = |row: &Line| row.peer.contains("1,024 each") || is_unbounded(row);
    let is_peer = |row: &Line| !row.is_ours() && !row.is_bare();
    let is_one = |row: &Line, kinds: &[&str]| {
        let named = kinds.iter().any(|name| row.peer.starts_with(*name));
        named && !row.peer.contains("sharded") && !is_unbounded(row)
    };
    let case = |producers: usize| format!("64 B, {producers} to 1");
    let shrinks = |view: &View<'_>, name: &str| {
        against(view.ours("fan", &case(8), name), view.ours("fan", &case(1), name))
    };
    goals.row("many producers, one order, 64 B");
    for (kinds, whom) in [(&ORDERED, ""), (&ALSO_ORDERED, " of those the goal does not name")] {
        for producers in [1, 2, 4, 8] {
            let what = format!("{producers}, against the best peer with one order{whom}");
            goals.ahead(what, 1.0, &["bare claim"], |view| {
                let case = case(producers);
                against(
                    view.ours("fan", &case, "ringway mpsc"),
                    view.best("fan", &case, |row| is_one(row, kinds)),
                )
            });
        }
    }
    goals.ahead("8 of what 1 does", 0.6, &["bare claim"], |view| shrinks(view, "ringway mpsc"));
    // Room like room: a small ring of ours is never compared with a large one of theirs.
    let rooms = [
        ("many producers, lanes, 64 B, room for 1,024 in all", "ringway lanes", "bare lanes", false),
        (
            "many producers, lanes, 64 B, room for 1,024 each",
            "ringway lanes, 1,024 each",
            "bare lanes, 1,024 each",
            true,
        ),
    ];
    for (row, name, bare, roomy) in rooms {
        goals.row(row);
        for (producers, wanted) in [(1, 1.4), (2, 1.4), (4, 1.4), (8, 1.0)] {
            goals.ahead(format!("{producers}, against the best peer"), wanted, &[bare], |view| {
                let case = case(producers);
                let theirs = view.best("fan", &case, |row| is_peer(row) && is_roomy(row) == roomy);
                against(view.ours("fan", &case, name), theirs)
            });
        }
        goals.ahead("8 of what 1 does", 0.5, &[bare], |view| shrinks(view, name));
    }
}

fn others(goals: &mut Goals<'_>) {
    goals.row("64 B against other ways between processes");
    // Aeron has room for so many, whatever is asked for.
    for (peer, ring, wanted) in [("aeron", LARGE, 5.0), ("pipe", SMALL, 40.0), ("iceoryx2", SMALL, 50.0)] {
        let case = format!("64 B, {ring}");
        goals.ahead(format!("against {peer}"), wanted, &["bare slots", "bare items"], |view| {
            let theirs = view.best(STREAM, &case, |row| is_form_of(row, peer) && row.place == Processes);
            against(view.ours(STREAM, &case, "ringway"), theirs)
        });
    }
    goals.part("round trip, of iceoryx2's", (true, 0.5, "x"), &[], |view| {
        Some(view.ours("trip", "64 B", "ringway")?.median / view.peer("trip", "64 B", "iceoryx2")?.median)
    });
    goals.row("CPU time of both sides, for a message of 64 B");
    // Of those who spin, which costs more than to sleep.
    for (what, case, wanted) in [
        ("one by one, spinning", "64 B, one by one", 30.0),
        ("64 at a time, spinning", "64 B, batches of 64", 15.0),
    ] {
        goals.part(what, (true, wanted, " ns"), &[], |view| Some(view.ours("cpu", case, "ringway")?.median));
    }
    goals.row("waiting");
    goals.part("adaptive, of pure spinning", (true, 1.2, "x"), &[], |view| {
        let one = |name| view.best("adaptive", "56 B", |row| row.peer == name && row.place == Processes);
        Some(one("ringway, adaptive")?.median / one("ringway, spinning")?.median)
    });
    goals.part("a sleeper's wake, of a bare futex's", (true, 1.1, "x"), &[], |view| {
        let one = |name| view.best("wake", "sleeper", |row| row.peer == name && row.place == Processes);
        Some(one("ringway")?.median / one("bare futex")?.median)
    });
    goals.row("for each record, both ends awake");
    for case in ["system calls per record", "allocations per record"] {
        goals.part(case, (true, 0.0, ""), &[], |view| {
            let all = view.all("cost", case).filter(|row| row.is_ours());
            all.map(|row| view.seen(row).median).reduce(f64::max)
        });
    }
}

/// As a table of Markdown, and a list of what stands in the way of what was missed.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | part | wanted | found | | ours | against | n | cores apart |\n\
         |---|---|---:|---:|---|---|---|---:|---|\n",
    );
    let mut limits = String::new();
    for row in rows {
        for (at, part) in row.parts.iter().enumerate() {
            let what = if at == 0 { row.what } else { "" };
            let _ = write!(text, "| {what} | {} | {} |", part.what, part.wants());
            if part.found.is_empty() {
                let _ = writeln!(text, " - | not measured: {} | | | | |", part.lacks);
            }
            for (at, answer) in part.found.iter().enumerate() {
                if at > 0 {
                    text.push_str("| | | |");
                }
                let verdict = match answer.verdict {
                    Verdict::Reached => "reached".into(),
                    Verdict::AboveLimit => "**missed**: above the machine's limit".into(),
                    Verdict::Missed if part.wanted == 0.0 => "**missed**".into(),
                    Verdict::Missed => format!("**missed**: {:.2} of it", answer.value / part.wanted),
                };
                let cores = answer.cores.as_deref().unwrap_or("any");
                let (ours, against) = (&answer.ours, answer.against.as_deref().unwrap_or_default());
                let _ = writeln!(
                    text,
                    " {} | {verdict} | {ours} | {against} | {} | {cores} |",
                    part.show(answer.value),
                    answer.n
                );
                if !answer.limits.is_empty() {
                    let _ = writeln!(
                        limits,
                        "* {}, {} ({cores}): {}.",
                        row.what,
                        part.what,
                        stands(part, answer)
                    );
                }
            }
        }
    }
    if !limits.is_empty() {
        let _ = write!(
            text,
            "\n### What stands in the way\n\n\
             Of what was missed: how far bare memory comes in our place, in the same run (the machine), and how far we come of that. \
             What it does not reach either is above the machine's limit, unless we or the peer do more than it.\n\n{limits}"
        );
    }
    text
}

/// "wanted at least 3.00x; the machine: bare slots is 1.35x of rtrb; ours is 0.74 of bare slots".
fn stands(part: &Part, answer: &Answer) -> String {
    let of = answer.against.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    let limits = answer.limits.iter().map(|limit| {
        let ours = number(part.times(answer.value, limit.value));
        format!("{0} is {1}{of}; ours is {ours} of {0}", limit.bare, part.show(limit.value))
    });
    let limits: Vec<String> = limits.collect();
    format!("wanted {}; the machine: {}", part.wants(), limits.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Measure, Place};
    use crate::report::Results;
    use crate::round::{Found, Sample};

    /// Five samples each.
    fn samples(rows: &[(&str, &str, Place, &str, f64)]) -> Vec<Sample> {
        let of = |(work, case, place, peer, value): (&str, &str, Place, &str, f64)| {
            let unit = if work == "trip" { "ns" } else { "M/s" };
            let measure = Measure::new(value, unit, work != "trip").with("p99", 2.0 * value);
            let found = Ok(Found { measure, before: 100.0, after: 101.0 });
            let (work, case, peer) = (work.to_string(), case.to_string(), peer.to_string());
            (1..=5).map(move |round| Sample {
                work: work.clone(),
                case: case.clone(),
                place,
                peer: peer.clone(),
                round,
                found: found.clone(),
            })
        };
        rows.iter().copied().flat_map(of).collect()
    }

    /// What is found of the part of a row.
    fn answer(samples: &[Sample], row: &str, part: &str) -> Option<Answer> {
        let rows = all(&Results::new(samples));
        let row = rows.into_iter().find(|found| found.what == row)?;
        row.parts.into_iter().find(|found| found.what == part)?.found.pop()
    }

    fn of_rtrb(slots: f64, items: f64) -> (Answer, String) {
        let case = "8 B, ring of 1,024";
        let samples = samples(&[
            (STREAM, case, Processes, "ringway", 100.0),
            (STREAM, case, Threads, "rtrb", 50.0),
            (STREAM, case, Threads, "rtrb, held back", 80.0),
            (STREAM, case, Processes, "bare slots", slots / 2.0),
            (STREAM, case, Processes, "bare slots, held back", slots),
            (STREAM, case, Processes, "bare items", items),
            // Not where ours are.
            (STREAM, case, Threads, "bare items", 1000.0),
        ]);
        let found = answer(&samples, "8 B, one by one", "ring of 1,024, against rtrb").expect("measured");
        (found, table(&all(&Results::new(&samples))))
    }

    #[test]
    fn what_bare_memory_does_not_reach_is_above_the_limit() {
        let (found, text) = of_rtrb(120.0, 88.0);
        assert_eq!((found.value, found.verdict), (1.25, Verdict::AboveLimit));
        let limits: Vec<_> = found.limits.iter().map(|limit| (&*limit.bare, limit.value)).collect();
        assert_eq!(limits, [("bare slots, held back", 1.5), ("bare items", 1.1)]);
        assert!(
            text.contains(
                "| 1.25x | **missed**: above the machine's limit | ringway | rtrb, held back, threads | 5 |"
            ),
            "{text}"
        );
        let line = "* 8 B, one by one, ring of 1,024, against rtrb (100 to 100 ns): wanted at least 3.00x; the machine: \
                    bare slots, held back is 1.50x of rtrb, held back, threads; ours is 0.83 of bare slots, held back; \
                    bare items is 1.10x of rtrb, held back, threads; ours is 1.14 of bare items.";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn what_bare_memory_reaches_is_missed() {
        // The better of the two tells.
        let (found, text) = of_rtrb(240.0, 90.0);
        assert_eq!((found.limits[0].value, found.verdict), (3.0, Verdict::Missed));
        assert!(text.contains("| 1.25x | **missed**: 0.42 of it |"), "{text}");
        assert!(text.contains("ours is 0.42 of bare slots, held back"), "{text}");
    }

    #[test]
    fn what_does_less_than_ours_is_no_limit() {
        let (found, _) = of_rtrb(50.0, 90.0);
        assert_eq!((found.limits.len(), found.verdict), (2, Verdict::Missed));
        // A little less may be chance.
        assert_eq!(of_rtrb(50.0, 95.0).0.verdict, Verdict::AboveLimit);
    }

    #[test]
    fn what_does_less_than_the_peer_is_no_limit() {
        let case = "8 B, ring of 1,024";
        let verdict = |bare| {
            let samples = samples(&[
                (STREAM, case, Processes, "ringway", 50.0),
                (STREAM, case, Threads, "kanal", 100.0),
                (STREAM, case, Processes, "bare slots", bare),
            ]);
            answer(&samples, "8 B, one by one", "ring of 1,024, against the best peer")
                .map(|found| found.verdict)
        };
        assert_eq!(verdict(90.0), Some(Verdict::Missed));
        assert_eq!(verdict(110.0), Some(Verdict::AboveLimit));
    }

    /// Who is compared with bare memory itself is not held to do as much.
    #[test]
    fn a_copy_out_is_a_limit_though_the_bare_copy_does_more() {
        let case = "4 KiB through 1 MiB";
        let samples = samples(&[
            ("copy", case, Processes, "ringway, read by lines", 65.0),
            ("copy", case, Processes, "bare copy", 100.0),
            ("copy", case, Processes, "bare copy, copied out", 75.0),
        ]);
        let found =
            answer(&samples, "bytes, 4 KiB, copied in, all read", "of a bare copy").expect("measured");
        assert_eq!((found.value, found.limits[0].value), (0.65, 0.75));
        assert_eq!((found.verdict, found.against.as_deref()), (Verdict::AboveLimit, Some("bare copy")));
    }

    #[test]
    fn what_was_reached_has_no_limits() {
        let (case, row) = ("64 B, ring of 1,024", "64 B, one by one");
        let samples = samples(&[
            (STREAM, case, Processes, "ringway", 100.0),
            (STREAM, case, Threads, "rtrb", 100.0),
            (STREAM, case, Processes, "bare slots", 50.0),
        ]);
        let found = answer(&samples, row, "against the best peer").expect("measured");
        assert!(found.verdict == Verdict::Reached && found.limits.is_empty());
    }

    /// Less is better there, and the same line to and fro is not what a ring can do.
    #[test]
    fn trips_are_compared_in_their_better_form_with_both_bare_lines() {
        let trips = |each_way| {
            samples(&[
                ("trip", "8 B", Processes, "ringway", 150.0),
                ("trip", "8 B", Processes, "ringway, pausing", 125.0),
                ("trip", "8 B", Processes, "bare line each way, pausing", each_way),
                ("trip", "8 B", Processes, "bare line both ways, pausing", 100.0),
            ])
        };
        let find = |samples: &[Sample], what| {
            answer(samples, "round trip, typed", &format!("8 B, {what}")).expect("measured")
        };
        let slow = trips(120.0);
        let found = find(&slow, STRICT);
        assert_eq!(
            (found.value, found.verdict, &*found.ours),
            (1.25, Verdict::AboveLimit, "ringway, pausing")
        );
        assert_eq!(found.limits[0].value, 1.2);
        assert_eq!(find(&slow, FAIR).verdict, Verdict::Reached);
        let fast = trips(105.0);
        assert_eq!(find(&fast, STRICT).verdict, Verdict::Missed);
        assert_eq!(find(&fast, FAIR).verdict, Verdict::Missed);
    }

    #[test]
    fn lanes_are_compared_room_like_room() {
        let case = "64 B, 4 to 1";
        let samples = samples(&[
            ("fan", case, Processes, "ringway lanes", 30.0),
            ("fan", case, Processes, "ringway lanes, 1,024 each", 90.0),
            ("fan", case, Threads, "gil, sharded, tried", 20.0),
            ("fan", case, Threads, "gil, sharded, 1,024 each", 60.0),
            ("fan", case, Threads, "nexus-queue", 25.0),
            ("fan", case, Threads, "gil, tried", 10.0),
            ("fan", case, Processes, "ringway mpsc", 15.0),
            ("fan", case, Processes, "bare lanes", 40.0),
        ]);
        let of = |row, part| answer(&samples, row, part).map(|found| (found.value, found.against));
        let is = |value, against: &str| Some((value, Some(against.to_string())));
        let part = "4, against the best peer";
        assert_eq!(
            of("many producers, lanes, 64 B, room for 1,024 in all", part),
            is(1.2, "nexus-queue, threads")
        );
        let each = "many producers, lanes, 64 B, room for 1,024 each";
        assert_eq!(of(each, part), is(1.5, "gil, sharded, 1,024 each, threads"));
        let (row, part) = ("many producers, one order, 64 B", "4, against the best peer with one order");
        assert_eq!(of(row, part), is(1.5, "gil, tried, threads"));
        let others = format!("{part} of those the goal does not name");
        assert_eq!(of(row, &others), is(0.6, "nexus-queue, threads"));
    }
}
