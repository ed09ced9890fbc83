//! What must not compile does not, for the right reason; and what the compiler says of it helps.
//!
//! Each program in `compile_fail/src/bin/` has the line that must be refused, marked `//~ here`,
//! and above it what the compiler must say about that line, piece by piece: only what is meant by
//! it, not how this version of the compiler puts the rest. With the feature `mended`, in which it
//! differs from itself by that line alone, it must compile.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What must be refused.
struct Case {
    name: String,
    /// The line that is at fault, from 1.
    line: usize,
    /// What must be said about it.
    said: Vec<String>,
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail")
}

fn cases() -> Vec<Case> {
    let case = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        let marked: Vec<_> =
            (1..).zip(text.lines()).filter(|(_, line)| line.ends_with(" //~ here")).collect();
        assert_eq!(marked.len(), 1, "{name}: lines marked as the one at fault");
        let said: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("//~ ").map(str::to_owned)).collect();
        assert!(said.iter().any(|said| said.starts_with("error[E")), "{name}: says no error");
        Case { name, line: marked[0].0, said }
    };
    let directory = fs::read_dir(package().join("src/bin")).unwrap();
    directory.map(|entry| case(&entry.unwrap().path())).collect()
}

/// What the compiler says of all programs, and whether it took all of them; none if there is no
/// cargo here.
fn check(features: &[&str]) -> Option<(bool, String)> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Dependencies are shared with this test's own build. Whatever flags that had are not for this.
    let output = Command::new(cargo)
        .args(["check", "--locked", "--bins", "--keep-going", "--color", "never", "--target-dir"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap())
        .args(features)
        .current_dir(package())
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no cargo here");
        return None;
    };
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// What is said about this line of this program: whole messages, each of which may have notes on
/// other lines.
fn about<'a>(said: &'a str, case: &Case) -> Vec<&'a str> {
    let place = format!("--> src/bin/{}.rs:{}:", case.name, case.line);
    let is_here = |message: &&str| {
        let first = message.lines().map(str::trim_start).find(|line| line.starts_with("--> "));
        first.is_some_and(|line| line.starts_with(&place))
    };
    said.split("\n\n").filter(is_here).collect()
}

#[test]
fn what_must_not_compile_is_refused_for_the_right_reason() {
    let cases = cases();
    assert!(cases.len() >= 25, "only {} programs", cases.len());
    let Some((_, said)) = check(&[]) else { return };
    let mut wrong = Vec::new();
    for case in &cases {
        let about = about(&said, case).join("\n\n");
        for piece in case.said.iter().filter(|piece| !about.contains(*piece)) {
            let name = &case.name;
            wrong.push(format!(
                "{name}: should be refused in line {} with `{piece}`; is told:\n{about}",
                case.line
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n--- all that was said:\n{said}", wrong.join("\n\n"));
}

#[test]
fn the_same_programs_compile_when_they_are_mended() {
    let Some((is_ok, said)) = check(&["--features", "mended"]) else { return };
    assert!(is_ok, "{said}");
}
