//! A ring in which somebody lies between our operations: see `tests/hostile/tape.rs`.
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

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tape::state(bytes));
