#!/usr/bin/env bash
# Runs examples under valgrind's memcheck, in one process and between two.
#   bash tests/memcheck.sh
# Status 77 says that there is no valgrind.
#
# Not the tests: optimised code of rustix trips memcheck over a descriptor that the kernel returned.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0

if ! version=$(valgrind --version 2>/dev/null); then
    echo "memcheck: skipped, there is no valgrind (apt-get install valgrind)"
    exit 77
fi
cargo build --quiet --locked --examples
examples=${CARGO_TARGET_DIR:-target}/debug/examples
log=$(mktemp) received=$(mktemp)
trap 'rm -f "$log" "$received"' EXIT

# Errors have status 9, and so do leaks.
memcheck() {
    timeout 300 valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "$@"
}

for example in typed zero_copy select; do
    memcheck "$examples/$example" >"$log" 2>&1 || { cat "$log" && echo "memcheck: $example failed" && exit 1; }
    echo "$version: $example: no errors"
done

memcheck "$examples/sender" <README.md 2>"$log" &
memcheck "$examples/receiver" >"$received" || { echo "memcheck: receiver failed" && exit 1; }
wait $! || { cat "$log" && echo "memcheck: sender failed" && exit 1; }
[ "$(wc -l <"$received")" -eq "$(wc -l <README.md)" ]
echo "$version: sender and receiver: no errors"
