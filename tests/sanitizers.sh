#!/usr/bin/env bash
# The tests under ThreadSanitizer and AddressSanitizer; before, the proof that these find what a wrong ring would do.
#   bash tests/sanitizers.sh              all that makes sense; a few minutes
#   bash tests/sanitizers.sh --quick      what CI has time for: threads (what is fuzzed there is under AddressSanitizer, too)
# Needs a nightly toolchain, and a kernel that ThreadSanitizer gets on with; status 77 says that one of them is not to be had.
#
# The standard library comes compiled, without sanitizers. So ThreadSanitizer sees neither the orderings of its locks nor of its
# channels (see tests/sanitizers/std.supp), and neither sanitizer what happens inside of it. All of the rings, and all generic
# code, is instrumented.
#
# Under ThreadSanitizer: what runs in one process, and in which everybody keeps the protocol. Who does not races by definition
# (`hostile`; see also the head of `tests/proc/scribbler/mod.rs`). Under AddressSanitizer: all but the crash suite, whose tracer steps through
# every instruction, and what reads sources or runs the examples. Leaks are errors too, but not where tests leave ends and
# processes behind on purpose.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
# `tests/sanitizers/std.supp` names functions that are inlined. Sanitizers find these by their lines, which the manifest asks for.
unset CARGO_PROFILE_TEST_DEBUG
quick=no
[ "${1:-}" = --quick ] && quick=yes

if ! version=$(rustc +nightly --version 2>/dev/null); then
    echo "sanitizers: skipped, there is no nightly toolchain (rustup toolchain install nightly)"
    exit 77
fi
target=$(rustc +nightly -vV | sed -n 's/^host: //p')
case $target in
x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu) ;;
*)
    echo "sanitizers: skipped, Rust's sanitizers do not support $target"
    exit 77
    ;;
esac
echo "$version, $target"

targets=${CARGO_TARGET_DIR:-$PWD/target}/sanitizers
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The program that a suite is in.
program() {
    case $1 in
    scribbler | processes) echo proc ;;
    *) echo it ;;
    esac
}

# Builds the programs of these suites for this sanitizer.
build() {
    sanitizer=$1
    shift
    export CARGO_TARGET_DIR=$targets/$sanitizer
    export RUSTFLAGS="-Zsanitizer=$sanitizer -Cunsafe-allow-abi-mismatch=sanitizer"
    local programs suite begun=$SECONDS
    programs=$(for suite in "$@"; do program "$suite"; done | sort -u | sed 's/^/--test=/')
    # shellcheck disable=SC2086 # several words
    cargo +nightly test --quiet --locked --target "$target" --no-run $programs
    echo "$sanitizer: built in $((SECONDS - begun)) s"
}

run() { cargo +nightly test --quiet --locked --target "$target" --test "$@"; }

# Runs a mistake of which this must be reported.
seeded() {
    local what=$1 report=$2 mistake=$3
    if RINGWAY_SEEDED=1 run it -- --ignored --exact "tsan::seeded::$mistake" >"$log" 2>&1 || ! grep -q "$report" "$log"; then
        cat "$log"
        echo "the $what is reported: no"
        exit 1
    fi
    grep -m1 "$report" "$log"
    echo "the $what is reported: yes"
}

# Runs a suite, or of it the tests whose names contain the second word.
passed=0
check() {
    local suite=$1 filter=${2:-$1::} begun=$SECONDS count
    if ! run "$(program "$suite")" -- "$filter" >"$log" 2>&1; then
        cat "$log"
        echo "$sanitizer: $suite failed"
        exit 1
    fi
    grep '^test result: ' "$log" | sed "s/^/$sanitizer $suite: /"
    count=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$log")
    if [ "$count" -eq 0 ]; then
        echo "$sanitizer: $suite has no such tests: $filter"
        exit 1
    fi
    passed=$((passed + count))
    echo "$sanitizer $suite: $((SECONDS - begun)) s"
}

# How long tests go on under a sanitizer.
if [ $quick = yes ]; then
    export RINGWAY_SCRIBBLE_SECONDS=${RINGWAY_SCRIBBLE_SECONDS:-1}
    of_threads=(tsan scribbler park_calls)
else
    export RINGWAY_RACES=${RINGWAY_RACES:-300000} RINGWAY_SCRIBBLE_SECONDS=${RINGWAY_SCRIBBLE_SECONDS:-5}
    of_threads=(tsan scribbler park_calls conformance model)
    of_addresses=(tsan scribbler hostile park_calls segments conformance model processes)
fi

build thread "${of_threads[@]}"
export TSAN_OPTIONS="exitcode=66 halt_on_error=1 suppressions=$PWD/tests/sanitizers/std.supp"
# It wants an address space in an order of its own, and may not find it: then it ends before it has run anything.
if ! run it -- --list >"$log" 2>&1 && grep -E 'FATAL: ThreadSanitizer|ThreadSanitizer: CHECK failed' "$log"; then
    echo "sanitizers: skipped, ThreadSanitizer does not start here"
    exit 77
fi
seeded race 'WARNING: ThreadSanitizer: data race' a_producer_that_writes_after_its_commit_races
for suite in "${of_threads[@]}"; do
    case $suite in
    scribbler) check scribbler control_words ;;
    *) check "$suite" ;;
    esac
done
thread=$passed passed=0
if [ $quick = yes ]; then
    echo "sanitizers: thread $thread tests, seeded race reported"
    exit 0
fi

build address "${of_addresses[@]}"
export ASAN_OPTIONS="detect_leaks=1"
seeded overflow 'ERROR: AddressSanitizer: heap-buffer-overflow' a_ring_that_is_longer_than_its_memory_overflows
for suite in "${of_addresses[@]}"; do
    case $suite in
    park_calls | segments | processes) ASAN_OPTIONS="detect_leaks=0" check "$suite" ;;
    *) check "$suite" ;;
    esac
done

echo "sanitizers: thread $thread tests, address $passed tests, seeded race reported, seeded overflow reported"
