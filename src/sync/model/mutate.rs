//! Weakens one ordering while models run, so that a program can check for each ordering that some
//! model fails without it: see `loom-tests/src/bin/orderings/main.rs`.
//!
//! The name of an ordering is its place and its part: `src/ring/cells/items.rs:127:53 release`. An
//! [`AcqRel`](Ordering::AcqRel) has two parts, because each half must be needed. So has a full
//! fence: it can be weakened to one that only acquires and releases (`full`), or left out
//! (`fence`). Two environment variables control this module:
//!
//! - `RINGWAY_WEAKEN`: the name of the ordering to weaken;
//! - `RINGWAY_LIST`: a file, to which this module appends the name of each ordering that the run
//!   reaches.
use core::panic::Location;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::string::String;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{env, format};

use crate::sync::Ordering;

/// The ordering of an access, weakened if it is the one to weaken.
pub(in crate::sync) fn access(site: &'static Location<'static>, order: Ordering) -> Ordering {
    match order {
        Ordering::AcqRel if is_weakened(site, "acquire") => Ordering::Release,
        Ordering::AcqRel if is_weakened(site, "release") => Ordering::Acquire,
        Ordering::Acquire if is_weakened(site, "acquire") => Ordering::Relaxed,
        Ordering::Release if is_weakened(site, "release") => Ordering::Relaxed,
        order => order,
    }
}

/// The failure ordering of an exchange, weakened if it is the one to weaken.
pub(in crate::sync) fn failure(site: &'static Location<'static>, order: Ordering) -> Ordering {
    match order {
        Ordering::Acquire if is_weakened(site, "failure") => Ordering::Relaxed,
        order => order,
    }
}

/// The ordering of a full fence, weakened if it is the one to weaken. `None` if the fence is left
/// out.
pub(in crate::sync) fn fence(site: &'static Location<'static>) -> Option<Ordering> {
    if is_weakened(site, "fence") {
        None
    } else if is_weakened(site, "full") {
        Some(Ordering::AcqRel)
    } else {
        Some(Ordering::SeqCst)
    }
}

/// The two environment variables.
struct Config {
    weaken: Option<String>,
    list: Option<Mutex<List>>,
}

struct List {
    file: File,
    /// The names already in the file.
    seen: BTreeSet<String>,
}

static CONFIG: OnceLock<Config> = OnceLock::new();

fn is_weakened(site: &Location<'_>, part: &str) -> bool {
    let config = CONFIG.get_or_init(|| Config {
        weaken: env::var("RINGWAY_WEAKEN").ok(),
        list: env::var_os("RINGWAY_LIST").map(|path| {
            let file = File::options().append(true).create(true).open(&path);
            let file = file.unwrap_or_else(|error| std::panic!("cannot open {}: {error}", path.display()));
            Mutex::new(List { file, seen: BTreeSet::new() })
        }),
    });
    if config.weaken.is_none() && config.list.is_none() {
        return false;
    }
    // The name starts at the root of the package, wherever the package is.
    let root = file!().len() - "src/sync/model/mutate.rs".len();
    let name = format!("{}:{}:{} {part}", &site.file()[root..], site.line(), site.column());
    if let Some(list) = &config.list {
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.seen.insert(name.clone()) {
            let written = std::writeln!(list.file, "{name}");
            written.unwrap_or_else(|error| std::panic!("cannot write the list of orderings: {error}"));
        }
    }
    config.weaken == Some(name)
}
