//! The models. Each runs in a process of its own.
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fmt, fs, process, thread};

use crate::source::Ordering;

/// One test of this package.
pub struct Model {
    program: PathBuf,
    file: String,
    name: String,
}

/// The orderings that a model reaches when it runs unchanged.
pub struct Reached {
    pub orderings: BTreeSet<Ordering>,
    pub took: Duration,
}

pub enum Outcome {
    Passed,
    Failed { how: String },
    Endless,
}

/// Builds the models and lists them.
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
    /// Runs the model unchanged.
    pub fn reached(&self) -> Result<Reached, String> {
        let list =
            env::temp_dir().join(format!("ringway-orderings-{}-{}-{}", process::id(), self.file, self.name));
        let begun = Instant::now();
        let outcome = self.run("RINGWAY_LIST".as_ref(), list.as_ref(), Duration::from_secs(600));
        let took = begun.elapsed();
        let orderings = parse(&list);
        // The file does not exist if the model reached no ordering.
        let _ = fs::remove_file(&list);
        match outcome? {
            Outcome::Passed => Ok(Reached { orderings: orderings?, took }),
            Outcome::Failed { how } => Err(format!("{self} fails unchanged: {how}")),
            Outcome::Endless => Err(format!("{self} does not end")),
        }
    }

    /// Runs the model with `ordering` weakened, for at most `limit`.
    pub fn run_weakened(&self, ordering: &Ordering, limit: Duration) -> Result<Outcome, String> {
        self.run("RINGWAY_WEAKEN".as_ref(), ordering.name().as_ref(), limit)
    }

    fn run(&self, variable: &Path, value: &Path, limit: Duration) -> Result<Outcome, String> {
        let io_error = |error| format!("{self}: {error}");
        let mut running = Command::new(&self.program)
            .args(["--exact", &self.name, "--nocapture", "--test-threads=1"])
            .env_remove("RUST_BACKTRACE")
            .env(variable, value)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io_error)?;
        let mut stderr = running.stderr.take().ok_or("no stderr")?;
        let output = thread::spawn(move || {
            let mut output = Vec::new();
            // A read error only shortens the message; the exit status decides.
            let _ = stderr.read_to_end(&mut output);
            String::from_utf8_lossy(&output).into_owned()
        });
        let end = Instant::now() + limit;
        let status = loop {
            match running.try_wait().map_err(io_error)? {
                Some(status) => break Some(status),
                None if Instant::now() > end => {
                    running.kill().map_err(io_error)?;
                    running.wait().map_err(io_error)?;
                    break None;
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        let output = output.join().unwrap_or_default();
        Ok(match status {
            None => Outcome::Endless,
            Some(status) if status.success() => Outcome::Passed,
            Some(status) => {
                // A model that ends without a panic, for example killed for lack of memory, proves
                // nothing.
                let how = symptom(&output)
                    .ok_or_else(|| format!("{self} ended with {status}, but did not panic"))?;
                Outcome::Failed { how }
            }
        })
    }
}

fn parse(list: &Path) -> Result<BTreeSet<Ordering>, String> {
    fs::read_to_string(list).unwrap_or_default().lines().map(Ordering::parse).collect()
}

/// The start of the first panic message.
fn symptom(output: &str) -> Option<String> {
    let mut lines = output.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    Some(lines.next()?.chars().take(70).collect())
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.file, self.name)
    }
}
