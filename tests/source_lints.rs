//! Reads the sources. The comment of each atomic operation begins with the ordering that stands in
//! the code. Each edge that a module names has both sides, in the functions that its table names.
//! Comments name the actor and fit the page.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files below `directory`, with their lines.
fn sources(directory: &Path) -> BTreeMap<PathBuf, Vec<String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let lines = fs::read_to_string(&path).unwrap().lines().map(String::from).collect();
            found.insert(path, lines);
        }
    }
    found
}

fn shipping() -> BTreeMap<PathBuf, Vec<String>> {
    let mut all = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    // The facade passes on whatever ordering it is given.
    all.retain(|path, _| {
        !path.parent().unwrap().ends_with("src/sync") && !path.parent().unwrap().ends_with("src/sync/model")
    });
    all
}

/// What an operation's comment must begin with: the ordering in its call, of an exchange that of
/// success.
fn ordering(line: &str) -> Option<&'static str> {
    let code = line.trim_start();
    if code.starts_with("//") || code.contains("fn ") {
        return None;
    }
    if code.starts_with("full_fence()") {
        return Some("Full fence");
    }
    if code.starts_with("compiler_fence()") {
        return Some("Compiler fence");
    }
    let call = [".load(", ".store(", ".compare_exchange(", ".swap(", ".fetch_or("]
        .iter()
        .find_map(|call| code.split_once(call))?
        .1;
    ["Acquire", "AcqRel", "Release", "Relaxed"]
        .into_iter()
        .filter_map(|word| Some((call.find(word)?, word)))
        .min()
        .map(|found| found.1)
}

/// The lines of the comment that ends right above line `at`, from its first.
fn comment_above(lines: &[String], at: usize) -> String {
    let above = lines[..at].iter().rev().map(|line| line.trim());
    let mut comment: Vec<&str> = above
        .take_while(|line| line.starts_with("//"))
        .map(|line| line.trim_start_matches('/').trim())
        .collect();
    comment.reverse();
    comment.join(" ")
}

#[test]
fn each_atomic_operation_says_its_ordering_first() {
    let mut operations = 0;
    let mut wrong = Vec::new();
    for (path, lines) in shipping() {
        for (at, line) in lines.iter().enumerate() {
            let Some(expected) = ordering(line) else { continue };
            operations += 1;
            // An operation may stand in the middle of an expression: its comment is then above that.
            let start = (0..=at).rev().take(3).find(|start| !comment_above(&lines, *start).is_empty());
            let comment = start.map(|start| comment_above(&lines, start)).unwrap_or_default();
            if !comment.starts_with(expected) {
                wrong.push(format!("{}:{}: {expected}, but: {comment}", path.display(), at + 1));
            }
        }
    }
    assert!(
        operations >= 30,
        "only {operations} atomic operations found: does this test still read the sources?"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The program that weakens orderings finds them by the line of the call, and so does the test
/// above.
#[test]
fn each_ordering_stands_in_the_line_of_its_call() {
    let mut astray = Vec::new();
    for (path, lines) in shipping() {
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap();
            let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            let has_ordering = ["Acquire", "AcqRel", "Release", "Relaxed"].iter().any(|o| words.contains(o));
            let has_fence = ["full_fence", "compiler_fence"].iter().any(|fence| words.contains(fence));
            let is_astray = (has_ordering || has_fence) && ordering(line).is_none();
            // Accesses have no such ordering here: see `sync`.
            if is_astray && !words.contains(&"use") || words.contains(&"SeqCst") {
                astray.push(format!("{}:{}: {line}", path.display(), at + 1));
            }
        }
    }
    assert!(astray.is_empty(), "{}", astray.join("\n"));
}

#[test]
fn each_edge_has_both_sides() {
    let sources = shipping();
    let comments = |prefixes: &[&str], edge: &str| {
        sources.values().any(|lines| {
            (1..lines.len()).any(|at| {
                let comment = comment_above(lines, at);
                prefixes.iter().any(|prefix| comment.starts_with(prefix)) && names(&comment, edge)
            })
        })
    };
    let mut edges = Vec::new();
    for lines in sources.values() {
        for row in lines.iter().filter_map(|line| line.trim().strip_prefix("//! | E")) {
            edges.push(format!("E{}", row.split(' ').next().unwrap()));
        }
    }
    edges.sort();
    assert_eq!(
        edges,
        ["E0", "E1", "E2", "E3", "E4", "E5", "E6", "E7"],
        "each edge is named once, in the table of its module"
    );
    for edge in edges {
        let fences = ["E4", "E7"].contains(&edge.as_str());
        let release = if fences { &["Compiler fence", "Full fence"][..] } else { &["Release"] };
        let acquire = if fences { &["Full fence"][..] } else { &["Acquire"] };
        assert!(comments(release, &edge), "{edge} has no release side");
        assert!(comments(acquire, &edge), "{edge} has no acquire side");
    }
}

/// Whether an operation of this edge stands in a function of this name, with a comment that begins
/// with one of `kinds`.
fn holds_operation(lines: &[String], name: &str, kinds: &[&str], edge: &str) -> bool {
    let declares = |line: &String| {
        let after = line.split("fn ").nth(1).and_then(|rest| rest.strip_prefix(name));
        !line.trim_start().starts_with("//") && after.is_some_and(|rest| rest.starts_with(['(', '<']))
    };
    let starts = (0..lines.len()).filter(|at| declares(&lines[*at]));
    starts.into_iter().any(|start| {
        let indent = lines[start].len() - lines[start].trim_start().len();
        let is_end = |line: &String| line.trim_end() == format!("{}}}", " ".repeat(indent));
        let end = (start..lines.len()).find(|at| is_end(&lines[*at])).unwrap_or(lines.len());
        (start + 1..end).any(|at| {
            let comment = comment_above(lines, at);
            kinds.iter().any(|kind| comment.starts_with(kind)) && names(&comment, edge)
        })
    })
}

/// Whether `edge` is one of the words of `comment`.
fn names(comment: &str, edge: &str) -> bool {
    comment.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == edge)
}

/// Each function in a table of edges exists, and holds an operation on its side of the edge.
#[test]
fn each_function_in_an_edge_table_holds_an_operation_of_that_edge() {
    let sources = shipping();
    let (mut named, mut wrong) = (0, Vec::new());
    for (path, lines) in &sources {
        for row in lines.iter().filter(|line| line.starts_with("//! | E")) {
            let columns: Vec<_> = row.split('|').map(str::trim).collect();
            let edge = columns[1];
            let is_fence = ["E4", "E7"].contains(&edge);
            let kinds = [
                if is_fence { &["Compiler fence", "Full fence", "Release"][..] } else { &["Release"] },
                if is_fence { &["Full fence"][..] } else { &["Acquire"] },
            ];
            for (side, kinds) in columns[2..4].iter().zip(kinds) {
                // Every second piece stands between backticks.
                for name in side.split('`').skip(1).step_by(2) {
                    let function = name.rsplit("::").next().unwrap();
                    named += 1;
                    if !sources.values().any(|lines| holds_operation(lines, function, kinds, edge)) {
                        wrong.push(format!(
                            "{}: {edge}: no `fn {function}` has a comment that begins with {} and names {edge}",
                            path.display(),
                            kinds.join(" or ")
                        ));
                    }
                }
            }
        }
    }
    assert!(named >= 20, "only {named} functions found: does this test still read the tables?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The comments of the library, and all text that users read, with file and line.
fn prose() -> Vec<(PathBuf, usize, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    let mut directories = vec![root.join("src"), root.join("examples")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut prose = Vec::new();
    for path in files {
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (line, text) in (1..).zip(text.lines()) {
            let text = if is_rust { text.split_once("//").map_or("", |parts| parts.1) } else { text };
            prose.push((path.clone(), line, text.trim_start_matches(['/', '!']).trim().to_owned()));
        }
    }
    prose
}

#[test]
fn comments_name_the_actor() {
    let wrong: Vec<_> = prose()
        .into_iter()
        .filter(|(_, _, text)| {
            let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
            let pronouns = ["whoever", "somebody", "nobody", "anybody", "everybody"];
            let is_vague = words.into_iter().any(|word| pronouns.contains(&word.as_str()));
            let begins_with_who = text.starts_with("Who ")
                || [". Who ", ": Who ", "; Who ", "! Who "].iter().any(|start| text.contains(start));
            is_vague || begins_with_who
        })
        .map(|(path, line, text)| format!("{}:{line}: {text}", path.display()))
        .collect();
    assert!(wrong.is_empty(), "name the producer, the consumer, the caller, ..:\n{}", wrong.join("\n"));
}

#[test]
fn comments_fit_100_columns() {
    let mut wrong = Vec::new();
    for (path, lines) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let mut is_code = false;
        for (number, line) in (1..).zip(&lines) {
            let text = line.trim_start();
            if !text.starts_with("//") {
                is_code = false;
                continue;
            }
            let text = text.trim_start_matches(['/', '!']).trim_start();
            if text.starts_with("```") {
                is_code = !is_code;
            }
            let is_picture = line.contains(|c: char| ('\u{2190}'..='\u{25ff}').contains(&c));
            let is_exempt = is_code || is_picture || text.starts_with('|') || text.contains("://");
            if !is_exempt && line.chars().count() > 100 {
                wrong.push(format!("{}:{number}: {}", path.display(), line.chars().count()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} lines are wider:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a reviewer of `unsafe` has to read.
#[test]
fn unsafe_stands_only_where_raw_memory_and_the_system_are_touched() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed = ["memory", "os", "segment/mapping.rs", "ring/payload.rs"].map(|part| root.join(part));
    let is_unsafe = |line: &String| {
        let code = line.split("//").next().unwrap();
        code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    };
    let with_unsafe: Vec<_> = shipping()
        .into_iter()
        .filter(|(_, lines)| lines.iter().any(is_unsafe))
        .map(|(path, _)| path)
        .collect();
    assert!(with_unsafe.len() > 5, "does this test still read the sources?");
    let astray: Vec<_> =
        with_unsafe.iter().filter(|path| !allowed.iter().any(|part| path.starts_with(part))).collect();
    assert!(astray.is_empty(), "{astray:?}");
}

/// From the top to the bottom; those of one line stand side by side. The map in `src/lib.rs` says
/// what each is.
const LAYERS: [&[&str]; 14] = [
    &["docs"],
    &["inspect"],
    &["spsc", "mpsc", "lanes"],
    &["ring"],
    &["poll"],
    &["segment"],
    &["seat"],
    &["layout"],
    &["wait"],
    &["error"],
    &["os"],
    &["memory"],
    &["identity"],
    &["sync"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules of the crate that a line of code names.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap();
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap())
}

/// A module imports only modules below it, and objects do not import each other.
#[test]
fn imports_point_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut imported = 0;
    for (path, lines) in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = layer(module).unwrap_or_else(|| panic!("`{module}` has no layer: see LAYERS"));
        // The tests of a module may use what is above it.
        let shipping = lines.iter().take_while(|line| line.trim() != "#[cfg(test)]" || own == 0);
        for (at, line) in shipping.enumerate() {
            for import in imports(line).filter(|import| *import != module) {
                let Some(below) = layer(import) else { continue };
                imported += 1;
                if below <= own {
                    wrong.push(format!("{}:{}: `{module}` imports `{import}`", path.display(), at + 1));
                }
            }
        }
    }
    assert!(imported >= 100, "only {imported} imports found: does this test still read the sources?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The map shows the same order.
    let map = fs::read_to_string(root.join("lib.rs")).unwrap();
    let names = map.lines().filter_map(|line| line.strip_prefix("//   ")?.split("  ").next());
    let names: Vec<_> = names.flat_map(|names| names.split(", ")).collect();
    assert_eq!(names, LAYERS.concat(), "the map in lib.rs");
}
