//! Memory, and now and then a file, that somebody has damaged before we join: see `tests/it/hostile/script_bytes.rs`.
#![no_main]
#![allow(dead_code)]

#[path = "../../it/hostile/ends.rs"]
mod ends;
#[path = "../../it/hostile/layout.rs"]
mod layout;
#[path = "../../it/hostile/memory.rs"]
mod memory;
#[path = "../../it/hostile/script.rs"]
mod script;
#[path = "../../it/hostile/script_bytes.rs"]
mod script_bytes;

use std::path::PathBuf;
use std::sync::LazyLock;

/// One for this process; `run` removes what a crash leaves there.
static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| format!("/dev/shm/ringway-fuzz-{}", std::process::id()).into());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| script_bytes::attach(bytes, &PATH));
