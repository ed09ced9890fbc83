//! Weakens each ordering of the library, one at a time, and asks the models whether any of them notices.
//!
//! ```text
//! cd loom-tests && cargo run --release --bin orderings [-- PART-OF-A-NAME]
//! ```
//!
//! An ordering is weakened at run time, by an environment variable: see `src/sync/model/mutate.rs`. First every model runs as it is
//! and tells which orderings it meets; then, for each ordering, those that met it run until one fails. All that stand in the
//! source have to be met, and each has to be caught, or to stand in [`exempt`] with its argument.
//!
//! Left out are compiler fences: to a model checker the compiler does not exist. They are few, and what they keep apart is
//! checked by kills at each instruction (`tests/crash`).

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

/// What became of a weakened ordering.
enum Verdict {
    Caught {
        by: String,
        /// What the model said.
        how: String,
    },
    Survived {
        /// How many models met it.
        met_by: usize,
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
        let met = model.meets()?;
        println!("{:>6.1} s  {model} meets {}", met.took.as_secs_f64(), met.orderings.len());
        Ok((model, met))
    })?;
    let mut met_by: BTreeMap<&Ordering, Vec<(Duration, &Model)>> = BTreeMap::new();
    for (model, met) in &models {
        for ordering in &met.orderings {
            met_by.entry(ordering).or_default().push((met.took, model));
        }
    }
    println!("{} models meet {} orderings\n", models.len(), met_by.len());

    let lines_met: BTreeSet<_> = met_by.keys().map(|ordering| ordering.place()).collect();
    let unmet: Vec<_> = source.iter().filter(|line| !lines_met.contains(&line.place())).collect();

    let mut wanted: Vec<_> =
        met_by.into_iter().filter(|(ordering, _)| ordering.name().contains(wanted)).collect();
    if wanted.is_empty() {
        return Err("there is no ordering with such a name".into());
    }
    wanted.iter_mut().for_each(|(_, models)| models.sort_by_key(|(took, _)| *took));
    let verdicts = each(wanted, |(ordering, models)| {
        let verdict = judge(ordering, &models)?;
        match &verdict {
            Verdict::Caught { by, how } => println!("{:<52} caught by {by}: {how}", ordering.name()),
            Verdict::Survived { met_by } => {
                println!("{:<52} SURVIVED {met_by} models", ordering.name());
            }
        }
        Ok((ordering, verdict))
    })?;
    sum_up(&verdicts, &source, &exempt, &unmet, begun)
}

/// Runs the models that meet it, the quick ones first, until one fails.
fn judge(ordering: &Ordering, models: &[(Duration, &Model)]) -> Result<Verdict, String> {
    for (took, model) in models {
        // One that catches by never coming to an end would catch by chance.
        let limit = Duration::from_secs(60) + 20 * *took;
        match model.run_weakened(ordering, limit)? {
            Outcome::Passed => {}
            Outcome::Failed { how } => return Ok(Verdict::Caught { by: model.to_string(), how }),
            Outcome::Endless => return Err(format!("{model} does not end without {}", ordering.name())),
        }
    }
    Ok(Verdict::Survived { met_by: models.len() })
}

fn sum_up(
    verdicts: &[(&Ordering, Verdict)],
    source: &[source::Line],
    exempt: &exempt::Resolved<'_>,
    unmet: &[&source::Line],
    begun: Instant,
) -> Result<(), String> {
    let (mut caught, mut exempted, mut wrong) = (0, 0, Vec::new());
    println!();
    for (ordering, verdict) in verdicts {
        let name = ordering.name();
        let line = source.iter().find(|line| line.place() == ordering.place());
        let code = line.map_or("not in the library's source", |line| &line.code);
        match (verdict, exempt.argument(ordering)) {
            (Verdict::Caught { .. }, None) => caught += 1,
            (Verdict::Survived { .. }, Some(why)) => {
                exempted += 1;
                println!("{name} is exempt: `{code}`\n    {why}");
            }
            (Verdict::Caught { by, .. }, Some(_)) => {
                wrong.push(format!("{name} is exempt, but {by} catches it: take it off the list"));
            }
            (Verdict::Survived { .. }, None) => wrong.push(format!(
                "{name}: no model notices when it is weakened: `{code}`\n    add a model that does, or make it Relaxed"
            )),
        }
    }
    let unmet =
        unmet.iter().map(|line| format!("{}:{}: no model comes by `{}`", line.file, line.line, line.code));
    wrong.extend(unmet);
    println!(
        "orderings: {}, caught: {caught}, exempt: {exempted}, wrong: {} ({:.0} s)",
        verdicts.len(),
        wrong.len(),
        begun.elapsed().as_secs_f64()
    );
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Does `work` on each item, as many at a time as there are cores; the results are in order of the items.
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
