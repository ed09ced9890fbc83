//! The orderings that stand in the library's source.
use std::fs;
use std::path::{Path, PathBuf};

/// One that a model meets, by the name that `src/sync/model/mutate.rs` gives it: `FILE:LINE:COLUMN PART`.
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
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub file: String,
    pub line: usize,
    /// The innermost function around it.
    pub function: String,
    pub operations: Vec<Operation>,
    pub code: String,
}

/// An atomic operation or a fence.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    pub name: String,
    /// The parts of its orderings that can be weakened, by the names that `src/sync/weaken.rs` gives them.
    pub parts: Vec<&'static str>,
}

impl Operation {
    pub fn has(&self, part: &str) -> bool {
        self.parts.contains(&part)
    }
}

impl Line {
    pub fn place(&self) -> (&str, usize) {
        (&self.file, self.line)
    }
}

/// What is not the library's: the facade, which passes on what it is given, and the machine of the models.
const NOT_THE_LIBRARYS: [&str; 4] =
    ["src/sync/mod.rs", "src/sync/model/crash.rs", "src/sync/model/mutate.rs", "src/memory/model.rs"];

/// All lines with an ordering that is not Relaxed. They hold the call too: `tests/source_lints.rs` sees to it.
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
        found.extend(lines(&name, &text));
    }
    Ok(found)
}

/// The lines of one file with an ordering that is not Relaxed.
pub fn lines(file: &str, text: &str) -> Vec<Line> {
    let all: Vec<_> = text.lines().map(code).collect();
    let with_ordering = all.iter().enumerate().filter(|(_, code)| holds_ordering(code));
    let found = with_ordering.map(|(at, code)| Line {
        file: file.into(),
        line: at + 1,
        function: enclosing_function(&all[..=at]).unwrap_or_default().into(),
        operations: operations(code),
        code: code.trim().into(),
    });
    found.collect()
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default().trim_end()
}

fn holds_ordering(code: &str) -> bool {
    let has = |word: &str| words(code).any(|(_, found)| found == word);
    !has("use") && ["Acquire", "Release", "AcqRel", "SeqCst", "full_fence"].into_iter().any(has)
}

/// The words of a line, with their places.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.map(|word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

/// The function around the last of these lines. In formatted code, what encloses a line is less
/// indented.
fn enclosing_function<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (last, above) = lines.split_last()?;
    let mut innermost = indent(last);
    for line in above.iter().rev().filter(|line| !line.trim().is_empty()) {
        // The rest of a signature is indented as its beginning, which is above it.
        let is_rest = [")", "where", "{"].iter().any(|start| line.trim_start().starts_with(start));
        if indent(line) >= innermost || is_rest {
            continue;
        }
        innermost = indent(line);
        let mut words = words(line).map(|(_, word)| word);
        if words.any(|word| word == "fn") {
            return words.next();
        }
    }
    None
}

/// The operations of a line that have an ordering which is not Relaxed. An operation stands in one
/// line with its orderings: a test of the library's sources checks that.
fn operations(code: &str) -> Vec<Operation> {
    // The call around each ordering, by the place of its parenthesis.
    let mut calls: Vec<(usize, Vec<&str>)> = Vec::new();
    for (at, word) in words(code) {
        let opening = match word {
            "Acquire" | "Release" | "AcqRel" | "Relaxed" => opening(&code[..at]),
            "full_fence" => Some(at + word.len()),
            _ => None,
        };
        let Some(opening) = opening else { continue };
        match calls.iter_mut().find(|(other, _)| *other == opening) {
            Some((_, orderings)) => orderings.push(word),
            None => calls.push((opening, vec![word])),
        }
    }
    let operation = |(opening, orderings): (usize, Vec<&str>)| {
        let name = words(&code[..opening]).last().map(|(_, name)| name.into())?;
        let parts = parts(&orderings);
        (!parts.is_empty()).then_some(Operation { name, parts })
    };
    calls.into_iter().filter_map(operation).collect()
}

/// The place of the last parenthesis that is still open at the end.
fn opening(code: &str) -> Option<usize> {
    let mut closed = 0;
    for (at, c) in code.char_indices().rev() {
        match c {
            ')' => closed += 1,
            '(' if closed == 0 => return Some(at),
            '(' => closed -= 1,
            _ => {}
        }
    }
    None
}

/// The parts of the orderings of one operation, of which the second is that of a failed exchange.
fn parts(orderings: &[&str]) -> Vec<&'static str> {
    let mut parts = match orderings[0] {
        "Acquire" => vec!["acquire"],
        "Release" => vec!["release"],
        "AcqRel" => vec!["acquire", "release"],
        "full_fence" => vec!["fence", "full"],
        _ => vec![],
    };
    if orderings.get(1) == Some(&"Acquire") {
        parts.push("failure");
    }
    parts
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

#[cfg(test)]
mod tests {
    use super::*;

    fn operations_of(code: &str) -> Vec<(String, Vec<&'static str>)> {
        operations(code).into_iter().map(|operation| (operation.name, operation.parts)).collect()
    }

    #[test]
    fn an_operation_has_the_parts_of_its_orderings() {
        for (code, name, parts) in [
            ("let a = self.word(at.get()).load(Acquire);", "load", &["acquire"][..]),
            ("stamp.map_or(0, |stamp| stamp.load(Acquire))", "load", &["acquire"]),
            ("self.word.store(a.plus(1), Release);", "store", &["release"]),
            ("self.word.swap(1, AcqRel)", "swap", &["acquire", "release"]),
            ("a.compare_exchange(b.get(), c, Release, Relaxed).is_ok()", "compare_exchange", &["release"]),
            (
                "a.compare_exchange(b, c, AcqRel, Acquire)",
                "compare_exchange",
                &["acquire", "release", "failure"],
            ),
            ("a.compare_exchange(b, c, Relaxed, Acquire)", "compare_exchange", &["failure"]),
            ("full_fence();", "full_fence", &["fence", "full"]),
        ] {
            assert_eq!(operations_of(code), [(name.into(), parts.to_vec())], "{code}");
        }
    }

    #[test]
    fn each_operation_of_a_line_counts() {
        let (load, store) = (("load".into(), vec!["acquire"]), ("store".into(), vec!["release"]));
        assert_eq!(operations_of("a.store(b.load(Acquire), Release)"), [load.clone(), store.clone()]);
        assert_eq!(operations_of("(a.store(1, Release), b.load(Acquire), c.load(Relaxed))"), [store, load]);
    }

    #[test]
    fn an_operation_belongs_to_the_innermost_function_around_it() {
        let text = "\
impl A {
    fn outer(
        &self,
    ) -> u64 {
        fn inner() {
            a.load(Acquire);
        }
        if true {
            b.load(Acquire);

            let c = || {
                c.load(Acquire);
            };
        }
        d.load(Relaxed) // Acquire
    }
}

const fn last<T>() -> u64
where
    T: A,
{
    e.load(Acquire);
}
use sync::Acquire;
";
        let found: Vec<_> = lines("a.rs", text).into_iter().map(|l| (l.line, l.function)).collect();
        let expected = [(6, "inner"), (9, "outer"), (12, "outer"), (23, "last")];
        assert_eq!(found, expected.map(|(line, function)| (line, function.into())));
    }
}
