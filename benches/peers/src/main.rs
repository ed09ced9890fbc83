//! `ringway` beside its peers: the same work, in one run, one cell after the other.
//!
//! `cargo run --release -- [--quick] [--only TEXT]... [--rounds N] [--out DIR] [--list]`
mod baseline;
mod cell;
mod cost;
mod drive;
mod fault;
mod peers;
mod place;
mod plot;
mod report;
mod round;
mod targets;
mod waiting;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use cell::{Cell, Plan};
use drive::Result;

const USAGE: &str = "\
ringway beside its peers

  --only TEXT   only cells whose name (see --list) contains TEXT; may be given several times
  --quick       3 short rounds instead of 5
  --rounds N    so many rounds, and up to three times as many of what the cores' placement has spoilt
  --out DIR     where RESULTS.md, results.json and plots/ go (default: here; of a run with --only or --quick, target/partial)
  --list        says which cells there are, and does nothing";

/// What the command line says.
pub struct Wish {
    pub quick: bool,
    pub only: Vec<String>,
    pub rounds: Option<usize>,
    pub out: Option<PathBuf>,
    /// How long a cell may take, before it is ended.
    pub limit: Duration,
    /// Instead of everything: cells that do what a cell must not, to see that the driver stands it.
    pub faults: bool,
    list: bool,
    one: Option<String>,
}

impl Wish {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut wish = Self {
            quick: false,
            only: Vec::new(),
            rounds: None,
            out: None,
            limit: round::LIMIT,
            faults: false,
            list: false,
            one: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value; see --help"));
            match word.as_str() {
                "--quick" => wish.quick = true,
                "--list" => wish.list = true,
                "--only" => wish.only.push(value()?),
                "--rounds" => wish.rounds = Some(value()?.parse()?),
                "--out" => wish.out = Some(value()?.into()),
                // Not for users: what the driver passes to a cell's process, and what tests of the driver pass to it.
                "--one" => wish.one = Some(value()?),
                "--limit" => wish.limit = Duration::from_secs_f64(value()?.parse()?),
                "--faults" => wish.faults = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown: {word}; see --help").into()),
            }
        }
        Ok(Some(wish))
    }

    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 5 })
    }

    /// How long each timed part shall be.
    pub fn timed(&self) -> Duration {
        Duration::from_millis(if self.quick { 40 } else { 100 })
    }

    fn wants(&self, cell: &Cell) -> bool {
        let id = cell.id();
        self.only.is_empty() || self.only.iter().any(|text| id.contains(text))
    }
}

/// Whether all cells were measured.
fn run() -> Result<bool> {
    let Some(wish) = Wish::read(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(true);
    };
    let mut cells = if wish.faults { fault::all() } else { cell::all() };
    if let Some(id) = &wish.one {
        let cell = cells.iter().find(|cell| cell.id() == *id).ok_or("no such cell; see --list")?;
        let plan = Plan { name: round::own_name(), timed: wish.timed() };
        return round::one(cell, &plan).map(|()| true);
    }
    cells.retain(|cell| wish.wants(cell));
    if wish.list {
        cells.iter().for_each(|cell| println!("{}", cell.id()));
        return Ok(true);
    }
    if cells.is_empty() {
        return Err("no cell has such a name; see --list".into());
    }
    let run = round::all(&cells, &wish)?;
    report::write(&run, &wish)?;
    let failures = run.failures();
    failures.iter().for_each(|failure| eprintln!("failed: {failure}"));
    Ok(failures.is_empty())
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        // All else is measured and written.
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
