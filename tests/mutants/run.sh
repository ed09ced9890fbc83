#!/usr/bin/env bash
# Mutates a copy of the library, one mutant at a time, and demands that a test notices each:
#   bash tests/mutants/run.sh [PART-OF-A-NAME]
#   bash tests/mutants/run.sh --check             only checks that each mutant applies and that its test exists
#
# A test that never fails shows nothing. This shows that the tests can fail. A full run takes about
# an hour and a half. apply.py describes the format of a mutant.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TERM_COLOR=never

mutants=(tests/mutants/*.txt)
python3 tests/mutants/apply.py check . "${mutants[@]}"
# tests/README.md names the mutants, too. A prefix such as `p2-` names several.
while read -r name; do
    [ -f "tests/mutants/$name.txt" ] || { echo "tests/README.md names $name, which is no mutant"; exit 1; }
done < <(grep --only-matching --extended-regexp '`p[0-9]-[a-z0-9-]+`' tests/README.md | tr --delete '`')
# The tests that must notice exist.
for mutant in "${mutants[@]}"; do
    test=$(sed -nE 's/^says: test (.*::)?([a-z0-9_]+) \.\.\. FAILED$/\2/p' "$mutant")
    if [ -n "$test" ] && ! grep --quiet --no-messages --recursive --word-regexp --include='*.rs' "$test" src tests loom-tests/tests; then
        echo "$(basename "$mutant" .txt): there is no test $test"
        exit 1
    fi
done
if [ "${1:-}" = --check ]; then
    echo "mutants: ${#mutants[@]}, and each applies"
    exit
fi

wanted=${1:-}
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
tree=$work/tree original=$work/original said=$work/said
mkdir "$tree"
# The copy gets new modification times. With the old ones, cargo could take a build of a mutant from
# an earlier run for a build of these files.
git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
    tar --extract --touch --directory "$tree"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$tree/target}

# Prints the value of a key in the header of a mutant.
header() { sed -n "s/^$1: //p;/^file:/q" "$2"; }
# Runs a command in the copy. Its output goes to $said.
try() { (cd "$tree" && timeout 600 bash -c "$1") >"$said" 2>&1; }
does_not_compile() { grep --quiet --extended-regexp '^error: could not compile `ringway(-loom|-tests)?`' "$said"; }

seeded=0 unnoticed=0 passing=
for mutant in "${mutants[@]}"; do
    name=$(basename "$mutant" .txt)
    [[ $name == *"$wanted"* ]] || continue
    seeded=$((seeded + 1))
    run=$(header run "$mutant") says=$(header says "$mutant") builds=$(header builds "$mutant")
    # A command that fails without the mutant shows nothing.
    if [[ $passing != *"[$run]"* ]]; then
        try "$run" || { tail -n 20 "$said"; echo "$name: \`$run\` fails without the mutant"; exit 1; }
        passing+="[$run]"
    fi

    sed -n 's/^file: //p' "$mutant" | sort --unique >"$work/files"
    mkdir "$original"
    (cd "$tree" && xargs --delimiter '\n' cp --parents --target-directory "$original") <"$work/files"
    python3 tests/mutants/apply.py apply "$tree" "$mutant"
    begun=$SECONDS
    try "$run" && status=0 || status=$?
    took=$((SECONDS - begun))
    cp --recursive "$original/." "$tree"
    rm -r "$original"

    why=
    if [ "$status" -eq 0 ]; then
        why="the command succeeds"
    elif [ -z "$builds" ] && does_not_compile; then
        why="the mutant does not compile"
    elif [ -n "$builds" ] && ! does_not_compile; then
        why="the mutant compiles, against its header"
    elif ! grep --quiet --fixed-strings -e "$says" "$said"; then
        why="status $status, but the command does not print: $says"
    fi
    if [ -z "$why" ]; then
        echo "$name: noticed ($took s): $says"
    else
        unnoticed=$((unnoticed + 1))
        tail -n 20 "$said"
        echo "$name: NOT NOTICED ($took s): $why"
    fi
done
if [ "$seeded" -eq 0 ]; then
    echo "no mutant has \`$wanted\` in its name"
    exit 1
fi
echo "mutants: $seeded seeded, $((seeded - unnoticed)) noticed ($SECONDS s)"
[ "$unnoticed" -eq 0 ]
