//! The orderings that stand in the library's source.
use std::fs;
use std::path::{Path, PathBuf};

/// One that a model meets, by the name that `src/sync/weaken.rs` gives it: `FILE:LINE:COLUMN PART`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ordering {
    file: String,
    line: usize,
    column: usize,
    part: String,
}

impl Ordering {
    pub fn parse(name: &str) -> Result<Self, String> {
        let parsed = || {
            let (place, part) = name.split_once(' ')?;
            let mut of_place = place.rsplitn(3, ':');
            let column = of_place.next()?.parse().ok()?;
            let line = of_place.next()?.parse().ok()?;
            Some(Self { file: of_place.next()?.into(), line, column, part: part.into() })
        };
        parsed().ok_or_else(|| format!("`{name}` is no ordering: expected `FILE:LINE:COLUMN PART`"))
    }

    pub fn name(&self) -> String {
        format!("{}:{}:{} {}", self.file, self.line, self.column, self.part)
    }

    pub fn place(&self) -> (&str, usize) {
        (&self.file, self.line)
    }

    pub fn part(&self) -> &str {
        &self.part
    }
}

/// A line of the source with an ordering that is not Relaxed.
pub struct Line {
    pub file: String,
    pub line: usize,
    pub code: String,
}

impl Line {
    pub fn place(&self) -> (&str, usize) {
        (&self.file, self.line)
    }
}

/// What is not the library's: the facade, which passes on what it is given, and the machine of the models.
const NOT_THE_LIBRARYS: [&str; 4] =
    ["src/sync.rs", "src/sync/mortal.rs", "src/sync/weaken.rs", "src/memory/model.rs"];

/// All lines with an ordering that is not Relaxed. They hold the call too: `tests/sources.rs` sees to it.
pub fn orderings() -> Result<Vec<Line>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    find(&root.join("src"), &mut files)?;
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        if NOT_THE_LIBRARYS.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = text.lines().enumerate().filter(|(_, line)| holds_ordering(line));
        found.extend(lines.map(|(at, line)| Line {
            file: name.clone(),
            line: at + 1,
            code: line.trim().into(),
        }));
    }
    Ok(found)
}

fn holds_ordering(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let words = |word: &str| code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word);
    !code.contains("use ") && ["Acquire", "Release", "AcqRel", "SeqCst", "full_fence"].into_iter().any(words)
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let told = |error| format!("{}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
