//! Random operations on a ring and on a model of it: what happens, and above all when the ring is full, is
//! exactly what the page on the format says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "model/bytes.rs"]
mod bytes;
#[path = "model/hands.rs"]
mod hands;
#[path = "model/lanes.rs"]
mod lanes;
#[path = "model/order.rs"]
mod order;
#[path = "model/typed.rs"]
mod typed;

use proptest::prelude::ProptestConfig;

/// `cases` of them; what failed is printed, and written nowhere.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
