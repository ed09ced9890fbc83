//! One ordering made weaker while models run, so that a program can ask of each one whether any model notices: see
//! `loom-tests/src/bin/orderings.rs`.
//!
//! An ordering's name is where it stands and which part of it is meant: `src/ring/typed.rs:127:53 release`. An
//! [`AcqRel`](Ordering::AcqRel) has two, since each half must carry weight; so has a full fence, which may become one that only
//! acquires and releases (`full`), or none (`fence`). The environment says what to do:
//!
//! - `RINGWAY_WEAKEN`: the name of the one that is weakened;
//! - `RINGWAY_LIST`: a file, to which the name of each one that is met is added.
use core::panic::Location;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::string::String;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{env, format};

use crate::sync::Ordering;

/// What is left of the ordering of an access.
pub(in crate::sync) fn access(site: &'static Location<'static>, order: Ordering) -> Ordering {
    match order {
        Ordering::AcqRel if is_weakened(site, "acquire") => Ordering::Release,
        Ordering::AcqRel if is_weakened(site, "release") => Ordering::Acquire,
        Ordering::Acquire if is_weakened(site, "acquire") => Ordering::Relaxed,
        Ordering::Release if is_weakened(site, "release") => Ordering::Relaxed,
        order => order,
    }
}

/// What is left of the ordering of an exchange that fails.
pub(in crate::sync) fn failure(site: &'static Location<'static>, order: Ordering) -> Ordering {
    match order {
        Ordering::Acquire if is_weakened(site, "failure") => Ordering::Relaxed,
        order => order,
    }
}

/// What is left of a full fence.
pub(in crate::sync) fn fence(site: &'static Location<'static>) -> Option<Ordering> {
    if is_weakened(site, "fence") {
        None
    } else if is_weakened(site, "full") {
        Some(Ordering::AcqRel)
    } else {
        Some(Ordering::SeqCst)
    }
}

struct Asked {
    mutate: Option<String>,
    list: Option<Mutex<List>>,
}

struct List {
    file: File,
    met: BTreeSet<String>,
}

static ASKED: OnceLock<Asked> = OnceLock::new();

fn is_weakened(site: &Location<'_>, part: &str) -> bool {
    let asked = ASKED.get_or_init(|| Asked {
        mutate: env::var("RINGWAY_WEAKEN").ok(),
        list: env::var_os("RINGWAY_LIST").map(|path| {
            let file = File::options().append(true).create(true).open(&path);
            let file = file.unwrap_or_else(|error| std::panic!("{}: {error}", path.display()));
            Mutex::new(List { file, met: BTreeSet::new() })
        }),
    });
    if asked.mutate.is_none() && asked.list.is_none() {
        return false;
    }
    // Where the package lies is nobody's concern.
    let root = file!().len() - "src/sync/model/mutate.rs".len();
    let name = format!("{}:{}:{} {part}", &site.file()[root..], site.line(), site.column());
    if let Some(list) = &asked.list {
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.met.insert(name.clone()) {
            let written = std::writeln!(list.file, "{name}");
            written.unwrap_or_else(|error| std::panic!("the list of orderings: {error}"));
        }
    }
    asked.mutate == Some(name)
}
