//! Weakens each ordering of the library, one at a time, and requires that a model fails.
//!
//! ```text
//! cd loom-tests && cargo run --release --bin orderings [-- PART-OF-A-NAME]
//! ```
//!
//! An environment variable weakens an ordering at run time: see `src/sync/model/mutate.rs`. First
//! every model runs unchanged and lists the orderings that it reaches. Then, for each ordering, the
//! models that reach it run with the ordering weakened, until one fails. Every ordering in the
//! source must be reached. Each must be caught, or be listed in [`exempt`] with an argument.
//!
//! Compiler fences are left out, because a model checker has no compiler to restrain. They are few.
//! The tests that kill a process at each instruction (`tests/crash`) check what they keep in order.

mod exempt;
mod models;
mod source;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use models::{Model, Outcome};
use source::Ordering;

/// The result for one weakened ordering.
enum Verdict {
    Caught {
        by: String,
        /// The panic message of the model.
        how: String,
    },
    Survived {
        /// The number of models that reached it.
        reached_by: usize,
    },
}

fn main() -> ExitCode {
    match run(&env::args().nth(1).unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(wanted: &str) -> Result<(), String> {
    let begun = Instant::now();
    let source = source::orderings()?;
    let exempt = exempt::resolve(&source)?;
    let models = each(models::all()?, |model| {
        let reached = model.reached()?;
        println!("{:>6.1} s  {model} reaches {}", reached.took.as_secs_f64(), reached.orderings.len());
        Ok((model, reached))
    })?;
    let mut reached_by: BTreeMap<&Ordering, Vec<(Duration, &Model)>> = BTreeMap::new();
    for (model, reached) in &models {
        for ordering in &reached.orderings {
            reached_by.entry(ordering).or_default().push((reached.took, model));
        }
    }
    println!("{} models reach {} orderings\n", models.len(), reached_by.len());

    let lines_reached: BTreeSet<_> = reached_by.keys().map(|ordering| ordering.place()).collect();
    let unreached: Vec<_> = source.iter().filter(|line| !lines_reached.contains(&line.place())).collect();

    let mut wanted: Vec<_> =
        reached_by.into_iter().filter(|(ordering, _)| ordering.name().contains(wanted)).collect();
    if wanted.is_empty() {
        return Err("no ordering has a name that contains this text".into());
    }
    wanted.iter_mut().for_each(|(_, models)| models.sort_by_key(|(took, _)| *took));
    let verdicts = each(wanted, |(ordering, models)| {
        let verdict = judge(ordering, &models)?;
        match &verdict {
            Verdict::Caught { by, how } => println!("{:<52} caught by {by}: {how}", ordering.name()),
            Verdict::Survived { reached_by } => {
                println!("{:<52} SURVIVED {reached_by} models", ordering.name());
            }
        }
        Ok((ordering, verdict))
    })?;
    sum_up(&verdicts, &source, &exempt, &unreached, begun)
}

/// Runs the models that reach the ordering, with the ordering weakened, fast models first, until
/// one fails.
fn judge(ordering: &Ordering, models: &[(Duration, &Model)]) -> Result<Verdict, String> {
    for (took, model) in models {
        // An endless run does not count as caught, because it may be due to chance.
        let limit = Duration::from_secs(60) + 20 * *took;
        match model.run_weakened(ordering, limit)? {
            Outcome::Passed => {}
            Outcome::Failed { how } => return Ok(Verdict::Caught { by: model.to_string(), how }),
            Outcome::Endless => {
                return Err(format!("{model} does not end when {} is weakened", ordering.name()));
            }
        }
    }
    Ok(Verdict::Survived { reached_by: models.len() })
}

fn sum_up(
    verdicts: &[(&Ordering, Verdict)],
    source: &[source::Line],
    exempt: &exempt::Resolved<'_>,
    unreached: &[&source::Line],
    begun: Instant,
) -> Result<(), String> {
    let (mut caught, mut exempted, mut wrong) = (0, 0, Vec::new());
    println!();
    for (ordering, verdict) in verdicts {
        let name = ordering.name();
        let line = source.iter().find(|line| line.place() == ordering.place());
        let code = line.map_or("not found in the source of the library", |line| &line.code);
        match (verdict, exempt.argument(ordering)) {
            (Verdict::Caught { .. }, None) => caught += 1,
            (Verdict::Survived { .. }, Some(why)) => {
                exempted += 1;
                println!("{name} is exempt: `{code}`\n    {why}");
            }
            (Verdict::Caught { by, .. }, Some(_)) => {
                wrong.push(format!("{name} is exempt, but {by} catches it: remove it from the list"));
            }
            (Verdict::Survived { .. }, None) => wrong.push(format!(
                "{name}: no model fails when it is weakened: `{code}`\n    add a model that fails, or make it Relaxed"
            )),
        }
    }
    let unreached =
        unreached.iter().map(|line| format!("{}:{}: no model reaches `{}`", line.file, line.line, line.code));
    wrong.extend(unreached);
    println!(
        "orderings: {}, caught: {caught}, exempt: {exempted}, wrong: {} ({:.0} s)",
        verdicts.len(),
        wrong.len(),
        begun.elapsed().as_secs_f64()
    );
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Calls `work` for each item, on as many threads as there are cores. Returns the results in the
/// order of the items.
fn each<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> Result<R, String> + Sync,
) -> Result<Vec<R>, String> {
    let queue: Mutex<VecDeque<(usize, T)>> = Mutex::new(items.into_iter().enumerate().collect());
    let results = Mutex::new(BTreeMap::new());
    let lock = PoisonError::into_inner;
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(lock).pop_front();
                    let Some((at, item)) = next else { return };
                    let result = work(item);
                    results.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(at, result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}
