//! Memory, and now and then a file, that somebody has damaged before we join: see `tests/hostile/tape.rs`.
#![no_main]
#![allow(dead_code)]

#[path = "../../hostile/ends.rs"]
mod ends;
#[path = "../../hostile/kinds.rs"]
mod kinds;
#[path = "../../hostile/script.rs"]
mod script;
#[path = "../../hostile/shared.rs"]
mod shared;
#[path = "../../hostile/tape.rs"]
mod tape;

use std::path::PathBuf;
use std::sync::LazyLock;

/// One for this process; `run` removes what a crash leaves there.
static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| format!("/dev/shm/ringway-fuzz-{}", std::process::id()).into());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tape::attach(bytes, &PATH));
