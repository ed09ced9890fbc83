//! A ring in which somebody lies between our operations: see `tests/it/hostile/script_bytes.rs`.
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

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| script_bytes::state(bytes));
