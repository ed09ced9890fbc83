#!/usr/bin/env python3
"""Tests the driver of the mutants, run.sh with apply.py, on a tree of one small file:

    python3 tests/mutants/test_driver.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

# No compiled apply.py beside the mutants.
sys.dont_write_bytecode = True
import apply

HERE = Path(__file__).resolve().parent
SOURCE = """\
// one_call();
fn first() {
    one_call(); // Explained.
    same_call("//"); // same_call("//");
}

impl Other {
    fn second(
        &self,
    ) {
        same_call("//");
        // Relaxed: as it is.
        last_call();
    }
}
"""
HEADER = """\
promise: It breaks.
run: ! grep -q broken lib.rs || { echo the test fails; exit 1; }
says: the test fails
"""


def block(wanted, *to, file="lib.rs"):
    """A block of a mutant; without `to`, it deletes the line."""
    return f"file: {file}\nfrom: {wanted}\n" + "".join(f"to: {line}\n" for line in to or [""])


class Driver(unittest.TestCase):
    def setUp(self):
        self.tree = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.tree)
        self.mutants = self.tree / "tests/mutants"
        self.mutants.mkdir(parents=True)
        (self.tree / "loom-tests/tests").mkdir(parents=True)
        for name in ["run.sh", "apply.py"]:
            shutil.copy(HERE / name, self.mutants)
        (self.tree / "tests/README.md").write_text("`m-` mutants\n")
        (self.tree / "lib.rs").write_text(SOURCE)
        subprocess.run(["git", "init", "--quiet", self.tree], check=True)

    def write(self, name, text):
        """Writes a mutant: the text after the usual header, or all of it."""
        path = self.mutants / f"{name}.txt"
        path.write_text(text if text.startswith("promise") else HEADER + text)
        return path

    def drive(self, mutants, *arguments):
        """Runs the driver on these mutants and those that were there before."""
        for name, text in mutants.items():
            self.write(name, text)
        # The driver must find the repository of this test, not one that the caller is in.
        env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        command = ["bash", self.mutants / "run.sh", *arguments]
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
        self.assertEqual((self.tree / "lib.rs").read_text(), SOURCE, "the driver changes the tree itself")
        return ran.returncode, ran.stdout

    def applied(self, text):
        """What the tree's file becomes."""
        changed = apply.mutate(self.tree, self.write("m-one", text))
        self.assertEqual(list(changed), ["lib.rs"])
        return changed["lib.rs"]

    def refused(self, text, why):
        with self.assertRaises(apply.Refused) as refused:
            apply.mutate(self.tree, self.write("m-one", text))
        self.assertEqual(str(refused.exception), why)

    def test_a_line_is_replaced_whatever_its_indentation_and_comment(self):
        changed = self.applied(block("one_call();", "broken();", "    twice();"))
        old, new = "    one_call(); // Explained.\n", "    broken();\n        twice();\n"
        self.assertEqual(changed, SOURCE.replace(old, new))

    def test_an_empty_to_deletes_the_line(self):
        changed = self.applied(block("last_call();"))
        self.assertEqual(changed, SOURCE.replace("        last_call();\n", ""))

    def test_in_names_the_function_of_the_line(self):
        lines = [at for at, line in enumerate(SOURCE.splitlines()) if line.strip().startswith("same_call")]
        for at, function in zip(lines, ["first", "second"], strict=True):
            with self.subTest(function):
                mutant = block('same_call("//");', "broken();").replace("from", f"in: fn {function}\nfrom")
                expected = SOURCE.splitlines()
                indent = expected[at].index("same_call")
                expected[at] = " " * indent + "broken();"
                self.assertEqual(self.applied(mutant).splitlines(), expected)

    def test_a_comment_is_replaced_alone(self):
        changed = self.applied("file: lib.rs\nfrom: last_call();\ncomment: // Release: a lie.\n")
        self.assertEqual(changed, SOURCE.replace("// Relaxed: as it is.", "// Release: a lie."))

    def test_blocks_match_the_file_as_it_was(self):
        changed = self.applied(block("one_call();", "last_call();") + block("last_call();", "one_call();"))
        expected = SOURCE.replace("last_call();", "one_call();")
        expected = expected.replace("one_call(); // Explained.", "last_call();")
        self.assertEqual(changed, expected)

    def test_a_line_that_stands_twice_is_refused(self):
        why = 'block 1: `from` matches 2 lines of lib.rs, not 1: `same_call("//");` (lines 4, 11)'
        self.refused(block('same_call("//");', "broken();"), why)

    def test_a_line_that_does_not_stand_there_is_refused(self):
        why = "block 2: `from` matches 0 lines of lib.rs, not 1: `no_call();`"
        self.refused(block("one_call();", "broken();") + block("no_call();", "broken();"), why)

    def test_part_of_a_line_is_refused(self):
        self.refused(block("last_call()"), "block 1: `from` matches 0 lines of lib.rs, not 1: `last_call()`")

    def test_a_line_in_a_comment_only_is_refused(self):
        why = "block 1: `from` matches 0 lines of lib.rs, not 1: `Explained.` (it stands in a comment only)"
        self.refused(block("Explained.", "broken();"), why)

    def test_a_line_of_another_function_is_refused(self):
        why = "block 1: `from` matches 0 lines of lib.rs in fn first, not 1: `last_call();`"
        self.refused(block("last_call();", "broken();").replace("from", "in: fn first\nfrom"), why)

    def test_what_is_not_a_mutant_is_refused(self):
        one = block("one_call();", "broken();")
        is_same = "block 1: `to` is the same code as `from`: `one_call();`"
        has_comment = "block 1: `from` holds a comment: `one_call(); // Explained.`"
        for text, why in [
            ("promise: a\nrun: b\n" + one, "it has no `says`"),
            ("", "it changes nothing: it has no block"),
            ("builds: yes\n" + one, "`builds` can only be `no`, not `yes`"),
            ("run: again\n" + one, "line 4 is a second `run`"),
            (one + "run: late\n", "line 7 does not belong here: `run: late`"),
            (one + "nonsense\n", "line 7 is not `key: value`: `nonsense`"),
            (one + one, "block 2 changes the same line as another block: `one_call();`"),
            (block("one_call();", file="gone.rs"), "block 1: there is no file gone.rs"),
            (block("one_call();", "one_call();"), is_same),
            (block("one_call();", "one_call(); // New."), is_same),
            (block("one_call(); // Explained.", "broken();"), has_comment),
            (one.replace("from", "in: fn third\nfrom"), "block 1: there is no `fn third` in lib.rs"),
            (one.replace("to: broken();\n", ""), "block 1 needs either `to` or `comment`"),
            (one + "comment: // New.\n", "block 1 needs either `to` or `comment`"),
        ]:
            with self.subTest(why):
                self.refused(text, why)

    def test_the_driver_names_each_refused_mutant_and_runs_none(self):
        gone, absent = block("one_call();", file="gone.rs"), block("no_call();")
        mutants = {"m-one": gone, "m-two": block("one_call();", "broken();"), "m-three": absent}
        said = [
            "m-one: block 1: there is no file gone.rs",
            "m-three: block 1: `from` matches 0 lines of lib.rs, not 1: `no_call();`",
        ]
        for arguments in [["--check"], []]:
            status, printed = self.drive(mutants, *arguments)
            self.assertEqual((status, sorted(printed.splitlines())), (1, said))

    def test_a_check_counts_the_mutants(self):
        one = block("one_call();", "broken();")
        status, said = self.drive({"m-one": one, "m-two": one}, "--check")
        self.assertEqual((status, said), (0, "mutants: 2, and each applies\n"))

    def test_the_readme_names_only_mutants(self):
        (self.tree / "tests/README.md").write_text("`p2-gone`\n")
        status, said = self.drive({"m-one": block("one_call();")}, "--check")
        self.assertEqual((status, said), (1, "tests/README.md names p2-gone, which is no mutant\n"))

    def test_the_test_that_must_notice_exists(self):
        header = HEADER.replace("says: the test fails", "says: test a::b::it_works ... FAILED")
        mutant = {"m-one": header + block("one_call();")}
        self.assertEqual(self.drive(mutant, "--check"), (1, "m-one: there is no test it_works\n"))
        (self.tree / "tests/works.rs").write_text("fn it_works() {\n")
        self.assertEqual(self.drive(mutant, "--check"), (0, "mutants: 1, and each applies\n"))

    def test_mutants_are_noticed_one_at_a_time(self):
        status, said = self.drive({"m-one": block("one_call();", "broken();")})
        self.assertEqual(status, 0, said)
        noticed = r"m-one: noticed \(\d+ s\): the test fails\n"
        self.assertRegex(said, rf"^{noticed}mutants: 1 seeded, 1 noticed \(\d+ s\)\n$")
        # The test notices this one only if the first one is still in the tree.
        status, said = self.drive({"m-two": block("last_call();")})
        self.assertEqual(status, 1, said)
        unnoticed = r"m-two: NOT NOTICED \(\d+ s\): the command succeeds\n"
        self.assertRegex(said, rf"^{noticed}{unnoticed}mutants: 2 seeded, 1 noticed \(\d+ s\)\n$")
        self.assertEqual(self.drive({}, "-one")[0], 0, "only the first one is driven")
        self.assertEqual(self.drive({}, "none"), (1, "no mutant has `none` in its name\n"))

    def test_a_failure_of_another_kind_is_not_noticed(self):
        one = block("one_call();", "broken();")
        uncompiled = "the test fails; echo 'error: could not compile `ringway` (lib)';"
        uncompiled = HEADER.replace("the test fails;", uncompiled)
        another = "status 1, but the command does not print: another test fails"
        for header, why in [
            (HEADER.replace("says: the", "says: another"), another),
            (uncompiled, "the mutant does not compile"),
            (HEADER + "builds: no\n", "the mutant compiles, against its header"),
        ]:
            with self.subTest(why):
                status, said = self.drive({"m-one": header + one})
                self.assertEqual(status, 1)
                self.assertRegex(said, rf"m-one: NOT NOTICED \(\d+ s\): {why}\n")
        status, said = self.drive({"m-one": uncompiled + "builds: no\n" + one})
        self.assertEqual(status, 0, said)

    def test_a_command_that_fails_without_the_mutant_is_refused(self):
        header = HEADER.replace("! grep -q broken lib.rs ||", "")
        status, said = self.drive({"m-one": header + block("one_call();", "broken();")})
        self.assertEqual(status, 1)
        self.assertRegex(said, "^the test fails\nm-one: `.*` fails without the mutant\n$")


if __name__ == "__main__":
    unittest.main()
