#!/usr/bin/env bash
# Runs what takes too long for CI: a few hours.
#   bash tests/nightly.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0

step() { printf '\n=== %s\n' "$*"; }

step "Does a test notice each mutant?"
bash tests/mutants/run.sh

step "Does the end of a slice hide a lost wake-up? slices of 20 s"
bash tests/long_slices/run

step "Is each record accounted for when producers and consumers die for ten minutes, alone and all at once?"
RINGWAY_SOAK_SECONDS=600 cargo test --release --locked --test proc -- --nocapture --test-threads=3 soak::

step "Does a scribbler hurt?"
RINGWAY_SCRIBBLE_SECONDS=60 cargo test --release --locked --test proc -- --nocapture scribbler::

step "Does any lie hurt? fuzzing"
bash tests/fuzz/run 1800

step "Do sanitizers find anything?"
bash tests/sanitizers.sh

step "Does memcheck find anything?"
bash tests/memcheck.sh || [ $? -eq 77 ]

step "Does it run elsewhere?"
bash tests/platforms.sh

step "Do the benchmarks run, and what do they say?"
cargo bench --workspace --locked

step "And beside the peers?"
(
    cd benches/peers
    cargo clippy --all-targets --locked -- -D warnings
    cargo test --locked
    cargo run --release --locked -- --quick
)
