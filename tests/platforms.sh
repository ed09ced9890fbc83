#!/usr/bin/env bash
# Shows ringway on other machines, as far as this one can play them, with the oldest Rust that it promises:
#   bash tests/platforms.sh            all of it
#   bash tests/platforms.sh --quick    what fits a CI run: oldest, without tests, and exchange
#   bash tests/platforms.sh bare       only what is named
#
#   oldest    Rust 1.85, with each set of features; and the tests
#   i686      the tests built for 32 bits, run by this processor itself
#   exchange  processes of 32 and of 64 bits in the same segments, each as the parent of the other
#   aarch64   the tests built for another instruction set, run by an emulator, and an exchange with this one. The emulator runs
#             them in this processor's order of memory, which is stronger than theirs, so this shows that the code is right and
#             not that its orderings are: that is the models' part (loom-tests/). It cannot start processes of its own kind, so
#             tests that need them are left out.
#   bare      built for machines without an operating system; one without 64-bit atomics refuses in words
#
# Compilers come from Debian 12 and are unpacked where the system does not see them; only the cross linkers and the emulator are
# installed, if they are missing. Downloads are kept in ${XDG_CACHE_HOME:-~/.cache}/ringway-platforms. What cannot be had is
# skipped, with the reason; what can be had and fails fails the whole. Status 77 says that nothing could be had.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ringway-platforms
rust=$cache/rust-1.85
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/platforms
tree=$work/tree
mkdir -p "$cache" "$tree"
# shellcheck source=tests/platforms/debian.sh
source tests/platforms/debian.sh

export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
# A build for another machine may have warnings of its own.
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-D warnings"
export CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_RUSTFLAGS="-D warnings -C target-feature=+crt-static"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-D warnings -C target-feature=+crt-static"
export CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_LINKER=i686-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc

host=x86_64-unknown-linux-gnu x86=i686-unknown-linux-gnu arm=aarch64-unknown-linux-gnu
used=(libc proptest rustix support zerocopy) units=(--lib)
# Suites that start no processes, and those that do.
alone=(conformance:: model:: hostile:: park_calls::)
together=(segments:: processes:: soak:: cross_width::)
wanted=()
for word; do
    case $word in
        --quick) alone=() used=(libc rustix support zerocopy) units=() wanted=(oldest exchange) ;;
        oldest | i686 | exchange | aarch64 | bare) wanted+=("$word") ;;
        *) echo "platforms: what is $word?" >&2; exit 2 ;;
    esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=(oldest i686 exchange aarch64 bare)

# --- Building and running ------------------------------------------------------------------------------------------------

# A copy of the package, without what only benchmarks and examples need: that wants a newer Rust. Its lock file is this one's,
# from which cargo strikes what is not needed.
copy_package() {
    rm -rf "$tree/src" "$tree/tests"
    mkdir "$tree/tests"
    cp -a src README.md "$tree"
    cp -a tests/*.rs "$tree/tests"
    local folder manifest
    for folder in tests/*/; do
        [ -e "$folder/Cargo.toml" ] || cp -a "$folder" "$tree/tests"
    done
    # Of the dev-dependencies, those that the chosen suites use.
    for manifest in Cargo.toml tests/Cargo.toml; do
        sed -e 's|^members = .*|members = ["tests"]|' -e '/^\[\[bench\]\]/,/^$/d' -e '/^\[\[example\]\]/,/^$/d' $manifest |
            awk -v used=" ringway ${used[*]} " '
            /^\[/ { dev = $0 == "[dev-dependencies]" }
            !dev || !/^[a-z]/ || index(used, " " $1 " ")' >"$tree/$manifest"
    done
    cp Cargo.lock "$tree"
}

build() { (cd "$tree" && RUSTC=$rust/rustc CARGO_TARGET_DIR=$work/build timeout 1800 cargo "$@"); }

# The library for $1, with each set of features.
check() {
    local features
    for features in --features=std --no-default-features --no-default-features\ --features=alloc; do
        # shellcheck disable=SC2086 # several words
        build check -p ringway --target "$1" $features || return 1
    done
}

# Builds tests for $1; prints the programs' paths.
programs() {
    local target=$1
    shift
    build test --target "$target" --no-run --message-format json-render-diagnostics "${units[@]}" "${@/#/--test=}" |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
}

# Runs these suites in those of the programs $2 that have them, by $1 if that is not empty; prints how many tests passed.
passed() {
    local by=$1 programs=$2 program said count=0
    shift 2
    for program in $programs; do
        local suites=("$@")
        # The unit tests are all run.
        [[ ${program##*/} == ringway-* ]] && suites=()
        said=$(cd "$tree" && timeout 600 $by "$program" --nocapture "${suites[@]}" 2>&1) || { echo "$said" >&2; return 1; }
        echo "$said" >&2
        count=$((count + $(sed -n 's/.*test result: ok\. \([0-9]*\) passed.*/\1/p' <<<"$said")))
    done
    [ "$count" -gt 0 ] || { echo "there were no tests" >&2; return 1; }
    echo "$count"
}

# --- What is shown. Each says so in its last line; 77: it cannot be had, and the last line says why ----------------------

oldest() {
    rust_for amd64 || return 77
    check "$host" || return 1
    local built count=no
    if [ ${#alone[@]} -gt 0 ]; then
        built=$(programs "$host" it proc) || return 1
        count=$(passed "" "$built" "${alone[@]}" "${together[@]}") || return 1
    fi
    echo "$("$rust/rustc" -V | cut -d' ' -f1,2) builds each set of features, $count tests passed"
}

for_i686() {
    rust_for amd64 i386 || return 1
    tool i686-linux-gnu-gcc gcc-i686-linux-gnu libc6-dev-i386-cross || return 1
    printf 'int main(void) { return 0; }' | i686-linux-gnu-gcc -static -x c - -o "$work/nothing" && "$work/nothing" ||
        { echo "this kernel runs no programs of 32 bits"; return 1; }
}

i686() {
    for_i686 || return 77
    check "$x86" || return 1
    local built count
    built=$(programs "$x86" it proc) || return 1
    count=$(passed "" "$built" "${alone[@]}" "${together[@]}") || return 1
    echo "each set of features builds, $count tests passed"
}

exchange() {
    for_i686 || return 77
    local ours theirs count counts=0
    ours=$(programs "$host" proc | grep /proc-) || return 1
    theirs=$(programs "$x86" proc | grep /proc-) || return 1
    count=$(RINGWAY_OTHER_BUILD=$theirs passed "" "$ours" cross_width::) || return 1
    counts=$(RINGWAY_OTHER_BUILD=$ours passed "" "$theirs" cross_width::) || return 1
    for words in "x86_64 (64 bits) with x86 (32 bits)" "x86 (32 bits) with x86_64 (64 bits)"; do
        grep -q "exchange: $words" "$work/exchange.log" || { echo "it was not $words"; return 1; }
    done
    echo "a 64-bit parent with 32-bit children: $count tests passed; the other way round: $counts"
}

aarch64() {
    rust_for amd64 arm64 || return 77
    tool aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross || return 77
    tool qemu-aarch64-static qemu-user-static || return 77
    check "$arm" || return 1
    local built count ours theirs exchanged
    built=$(programs "$arm" it) || return 1
    count=$(passed qemu-aarch64-static "$built" "${alone[@]}") || return 1
    ours=$(programs "$host" proc | grep /proc-) || return 1
    theirs=$(programs "$arm" proc | grep /proc-) || return 1
    printf '#!/bin/sh\nexec qemu-aarch64-static %s "$@"\n' "$theirs" >"$work/emulated"
    chmod +x "$work/emulated"
    exchanged=$(RINGWAY_OTHER_BUILD=$work/emulated passed "" "$ours" cross_width::) || return 1
    grep -q "exchange: x86_64 (64 bits) with aarch64 (64 bits)" "$work/aarch64.log" || return 1
    echo "each set of features builds, $count tests passed under qemu, $exchanged between it and x86-64"
}

bare() {
    rust_for amd64 && unpack rust-web-src:all=1.85* || return 77
    export RUSTC_BOOTSTRAP=1
    local target targets=(x86_64-unknown-none aarch64-unknown-none riscv64gc-unknown-none-elf)
    for target in "${targets[@]}"; do
        build build -p ringway -Zbuild-std=core --target "$target" --no-default-features || return 1
        build build -p ringway -Zbuild-std=core,alloc --target "$target" --no-default-features --features alloc || return 1
    done
    local refused
    refused=$(build build -p ringway -Zbuild-std=core --target thumbv7em-none-eabi --no-default-features 2>&1) &&
        { echo "a machine without 64-bit atomics is not refused"; return 1; }
    grep "^error: ringway needs lock-free 64-bit atomics" <<<"$refused" || { echo "$refused"; return 1; }
    echo "core and alloc build for ${targets[*]}; thumbv7em refuses in words"
}

# --- All of it -----------------------------------------------------------------------------------------------------------

copy_package
shown=0 skipped=0 failed=0
for name in "${wanted[@]}"; do
    log=$work/$name.log status=0 start=$SECONDS
    ("$name") >"$log" 2>&1 || status=$?
    last=$(tail -n1 "$log")
    case $status in
        0) shown=$((shown + 1)) && echo "$name: $last ($((SECONDS - start)) s)" ;;
        77) skipped=$((skipped + 1)) && echo "$name: skipped: $last" ;;
        *) failed=$((failed + 1)) && tail -n60 "$log" && echo "$name: FAILED, all of it in $log" ;;
    esac
done
echo "platforms: $shown shown, $skipped skipped, $failed failed"
[ "$failed" = 0 ] || exit 1
[ "$shown" -gt 0 ] || exit 77
