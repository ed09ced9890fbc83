//! Random operations on a ring and on a model of it: what happens, and above all when the ring is full, is
//! exactly what the page on the format says.

mod bytes;
mod lanes;
mod order;
mod producer_thread;
mod typed;

use proptest::prelude::ProptestConfig;

/// `cases` of them; what failed is printed, and written nowhere.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
