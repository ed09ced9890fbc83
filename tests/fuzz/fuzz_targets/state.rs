//! A ring in which somebody lies between our operations: see `tests/it/hostile/tape.rs`.
#![no_main]
#![allow(dead_code)]

#[path = "../../it/hostile/ends.rs"]
mod ends;
#[path = "../../it/hostile/kinds.rs"]
mod kinds;
#[path = "../../it/hostile/script.rs"]
mod script;
#[path = "../../it/hostile/shared.rs"]
mod shared;
#[path = "../../it/hostile/tape.rs"]
mod tape;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tape::state(bytes));
