//! The models, each run in a process of its own.
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fmt, fs, process, thread};

use crate::source::Ordering;

/// One test of the package's.
pub struct Model {
    program: PathBuf,
    file: String,
    name: String,
}

/// What a model met as it is.
pub struct Met {
    pub orderings: BTreeSet<Ordering>,
    pub took: Duration,
}

pub enum Outcome {
    Passed,
    Failed { how: String },
    Endless,
}

/// Builds the models, and lists them.
pub fn all() -> Result<Vec<Model>, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["test", "--release", "--locked", "--no-run", "--message-format=json"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !built.status.success() {
        return Err("the models do not build".into());
    }
    let mut models = Vec::new();
    for message in String::from_utf8_lossy(&built.stdout).lines() {
        let after = |key: &str| message.split_once(key).and_then(|(_, rest)| rest.split('"').next());
        let (Some(program), true) = (after(r#""executable":""#), message.contains(r#""kind":["test"]"#))
        else {
            continue;
        };
        let program = PathBuf::from(program);
        let file = after(r#""name":""#).unwrap_or_default();
        let listed = Command::new(&program)
            .args(["--list", "--format", "terse"])
            .output()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        for name in String::from_utf8_lossy(&listed.stdout).lines() {
            let Some(name) = name.strip_suffix(": test") else { continue };
            models.push(Model { program: program.clone(), file: file.into(), name: name.into() });
        }
    }
    if models.is_empty() { Err("there are no models".into()) } else { Ok(models) }
}

impl Model {
    /// Runs it as it is.
    pub fn meets(&self) -> Result<Met, String> {
        let list =
            env::temp_dir().join(format!("ringway-orderings-{}-{}-{}", process::id(), self.file, self.name));
        let begun = Instant::now();
        let outcome = self.run("RINGWAY_LIST".as_ref(), list.as_ref(), Duration::from_secs(600));
        let took = begun.elapsed();
        let orderings = parse(&list);
        // Not there, if the model met none.
        let _ = fs::remove_file(&list);
        match outcome? {
            Outcome::Passed => Ok(Met { orderings: orderings?, took }),
            Outcome::Failed { how } => Err(format!("{self} fails as it is: {how}")),
            Outcome::Endless => Err(format!("{self} does not end")),
        }
    }

    pub fn run_weakened(&self, ordering: &Ordering, limit: Duration) -> Result<Outcome, String> {
        self.run("RINGWAY_WEAKEN".as_ref(), ordering.name().as_ref(), limit)
    }

    fn run(&self, variable: &Path, value: &Path, limit: Duration) -> Result<Outcome, String> {
        let told = |error| format!("{self}: {error}");
        let mut running = Command::new(&self.program)
            .args(["--exact", &self.name, "--nocapture", "--test-threads=1"])
            .env_remove("RUST_BACKTRACE")
            .env(variable, value)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(told)?;
        let mut stderr = running.stderr.take().ok_or("no stderr")?;
        let said = thread::spawn(move || {
            let mut said = Vec::new();
            // What cannot be read is not told: only the status counts.
            let _ = stderr.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        let end = Instant::now() + limit;
        let status = loop {
            match running.try_wait().map_err(told)? {
                Some(status) => break Some(status),
                None if Instant::now() > end => {
                    running.kill().map_err(told)?;
                    running.wait().map_err(told)?;
                    break None;
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        let said = said.join().unwrap_or_default();
        Ok(match status {
            None => Outcome::Endless,
            Some(status) if status.success() => Outcome::Passed,
            Some(status) => {
                // Killed for lack of memory, say: that is no finding.
                let how = symptom(&said)
                    .ok_or_else(|| format!("{self} ended with {status}, and did not say why"))?;
                Outcome::Failed { how }
            }
        })
    }
}

fn parse(list: &Path) -> Result<BTreeSet<Ordering>, String> {
    fs::read_to_string(list).unwrap_or_default().lines().map(Ordering::parse).collect()
}

/// What the first panic said, in short.
fn symptom(said: &str) -> Option<String> {
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    Some(lines.next()?.chars().take(70).collect())
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.file, self.name)
    }
}
