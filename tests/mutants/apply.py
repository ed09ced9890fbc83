#!/usr/bin/env python3
"""Applies a mutant to a source tree, or checks that all of them apply.

    apply.py apply TREE MUTANT      writes the mutant into the tree
    apply.py check TREE MUTANT...   writes nothing

A mutant is a text file. Each line is `key: value`, and blank lines only separate. First its header:

    promise: what the library becomes, in one sentence
    run: the command that must notice
    says: what that command must print
    builds: no                      only if the mutant must not compile

Then one block for each place. A block begins with its file:

    file: src/wait/mod.rs
    in: fn notify                    only if the line stands in other functions, too
    from: parked.half().fetch_or(1, Relaxed);
    to: let _ = parked.half();

`from` is one whole line of code. Indentation and comments do not count, on either side, so editing
a comment breaks no mutant. The line must match exactly once in the file, or in the functions that
`in` names. Each `to` is one line; an empty one deletes the line. Instead of `to`, `comment` replaces
the comment above the line and keeps the code.
"""

import re
import sys
from pathlib import Path

HEADER = ["promise", "run", "says", "builds"]
# Code up to a line comment: strings, characters, and whatever else is not two slashes.
CODE = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])'|(?!//).)*""")


class Refused(Exception):
    """The mutant does not apply. The text says why."""


def code_of(line):
    """The code in a line, without its indentation and its comment."""
    return CODE.match(line).group().strip()


def indent_of(line):
    return len(line) - len(line.lstrip())


def parse(path):
    """The header and the blocks of a mutant."""
    header, blocks = {}, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        key, colon, value = line.partition(":")
        value = value[1:].rstrip() if value.startswith(" ") else value.rstrip()
        if not colon:
            raise Refused(f"line {number} is not `key: value`: `{line}`")
        if key in HEADER and not blocks:
            if key in header:
                raise Refused(f"line {number} is a second `{key}`")
            header[key] = value
        elif key == "file":
            blocks.append({"file": value, "to": []})
        elif key == "to" and blocks:
            blocks[-1]["to"].append(value)
        elif key in ["in", "from", "comment"] and blocks:
            if key in blocks[-1]:
                raise Refused(f"line {number} is a second `{key}` in block {len(blocks)}")
            blocks[-1][key] = value
        else:
            raise Refused(f"line {number} does not belong here: `{line}`")
    for key in ["promise", "run", "says"]:
        if not header.get(key):
            raise Refused(f"it has no `{key}`")
    if header.get("builds", "no") != "no":
        raise Refused(f"`builds` can only be `no`, not `{header['builds']}`")
    if not blocks:
        raise Refused("it changes nothing: it has no block")
    for number, block in enumerate(blocks, 1):
        check_block(number, block)
    return header, blocks


def check_block(number, block):
    wanted = block.get("from", "")
    if not wanted:
        raise Refused(f"block {number} has no `from`")
    if code_of(wanted) != wanted.strip():
        raise Refused(f"block {number}: `from` holds a comment: `{wanted}`")
    if bool(block["to"]) == ("comment" in block):
        raise Refused(f"block {number} needs either `to` or `comment`")
    if [code_of(line) for line in block["to"]] == [wanted.strip()]:
        raise Refused(f"block {number}: `to` is the same code as `from`: `{wanted}`")
    if not block.get("comment", "//").startswith("//"):
        raise Refused(f"block {number}: `comment` does not begin with `//`: `{block['comment']}`")
    if not block.get("in", "fn ").startswith("fn "):
        raise Refused(f"block {number}: `in` is not `fn NAME`: `{block['in']}`")


def lines_of_function(lines, name):
    """The numbers of all lines in functions of this name. rustfmt's indentation shows where each ends."""
    begins = re.compile(rf"\bfn {re.escape(name)}\b")
    inside = set()
    for start, line in enumerate(lines):
        if not begins.search(code_of(line)):
            continue
        for at in range(start, len(lines)):
            inside.add(at)
            code = code_of(lines[at])
            is_last = code.endswith((";", "}")) if at == start else code.startswith("}") or code.endswith(";")
            if code and indent_of(lines[at]) == indent_of(line) and is_last:
                break
    return inside


def find(number, block, lines):
    """The one line that a block changes."""
    wanted = block["from"].strip()
    where = block["file"]
    within = set(range(len(lines)))
    if "in" in block:
        where += " in " + block["in"]
        within = lines_of_function(lines, block["in"].removeprefix("fn ").strip())
        if not within:
            raise Refused(f"block {number}: there is no `{block['in']}` in {block['file']}")
    found = [at for at in sorted(within) if code_of(lines[at]) == wanted]
    if len(found) == 1:
        return found[0]
    why = f"block {number}: `from` matches {len(found)} lines of {where}, not 1: `{wanted}`"
    if found:
        why += f" (lines {', '.join(str(at + 1) for at in found)})"
    elif any(wanted in lines[at][len(CODE.match(lines[at]).group()):] for at in within):
        why += " (it stands in a comment only)"
    raise Refused(why)


def comment_above(lines, at):
    """Where the comment right above a line begins."""
    while at > 0 and lines[at - 1].strip().startswith("//"):
        at -= 1
    return at


def mutate(tree, path):
    """Each changed file of the tree, with what it becomes."""
    _, blocks = parse(path)
    before = {}
    edits = {}
    for number, block in enumerate(blocks, 1):
        file = block["file"]
        if file not in before:
            if not (tree / file).is_file():
                raise Refused(f"block {number}: there is no file {file}")
            before[file] = (tree / file).read_text().split("\n")
        lines = before[file]
        at = find(number, block, lines)
        if (file, at) in edits:
            raise Refused(f"block {number} changes the same line as another block: `{block['from']}`")
        indent = " " * indent_of(lines[at])
        if "comment" in block:
            edits[file, at] = (comment_above(lines, at), [indent + block["comment"], lines[at]])
        else:
            edits[file, at] = (at, [indent + line for line in block["to"] if line])
    # From the last line to the first, so that the numbers of the lines stay true.
    for (file, at), (start, new) in sorted(edits.items(), reverse=True):
        before[file][start : at + 1] = new
    return {file: "\n".join(lines) for file, lines in before.items()}


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ["apply", "check"]:
        sys.exit(__doc__)
    tree, refused = Path(sys.argv[2]), 0
    for path in map(Path, sys.argv[3:]):
        try:
            changed = mutate(tree, path)
        except Refused as why:
            print(f"{path.stem}: {why}")
            refused += 1
            continue
        if sys.argv[1] == "apply":
            for file, text in changed.items():
                (tree / file).write_text(text)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
