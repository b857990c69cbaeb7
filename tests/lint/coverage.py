#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which rows of the conformance catalogue are named by which tests (their lines "covers: ...").

usage: coverage.py [AREA ...]      AREA: MSRP, SW, FOC, ...; without: all
"""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from source import Tree  # noqa: E402

ENDINGS = (".c", ".h", ".py", ".xml", ".sh")


def rows_of(line):
    """The rows that one line names: "covers: SW-001..003, MSRP-061a" gives four."""
    m = re.search(r"covers:(.*)", line)
    if not m:
        return []
    found = []
    for area, first, suffix, last in re.findall(r"([A-Z]+)-(\d{3})([a-z]?)(?:\.\.(?:[A-Z]+-)?(\d{3}))?", m.group(1)):
        if last:
            found += [f"{area}-{n:03}" for n in range(int(first), int(last) + 1)]
        else:
            found.append(f"{area}-{first}{suffix}")
    return found


def coverage(tree):
    """{row: sorted list of test files}"""
    found = {}
    for name in tree.files:
        if name.startswith("tests/") and not name.startswith("tests/lint/") and name.endswith(ENDINGS):
            for line in tree.text(name).split("\n"):
                for row in rows_of(line):
                    found.setdefault(row, set()).add(name[len("tests/"):])
    return {row: sorted(found[row]) for row in sorted(found)}


def titles(tree):
    """{row: (title, why it does not apply or "")} of docs/conformance.tsv"""
    found = {}
    for line in tree.text("docs/conformance.tsv").splitlines():
        row, title, *reason = line.split("\t")
        found[row] = (title, reason[0] if reason else "")
    return found


def markdown(tree):
    """One table an area: row, title, tests or the reason why there is none; then the rows that wait for a test."""
    tests, rows = coverage(tree), titles(tree)
    out = [f"{sum(row in rows for row in tests)} rows are named by tests, "
           f"{sum(bool(reason) for _, reason in rows.values())} do not apply, "
           f"{sum(row not in tests and not reason for row, (_, reason) in rows.items())} are not proven.", ""]
    for area in dict.fromkeys(row.split("-")[0] for row in rows):
        lines = [f"| {row} | {title} | {', '.join(tests[row]) if row in tests else 'does not apply: ' + reason} |"
                 for row, (title, reason) in rows.items()
                 if row.split("-")[0] == area and (row in tests or reason)]
        if lines:
            out += [f"### {area}", "", "| row | rule | tests |", "|---|---|---|", *lines, ""]
    unproven = [f"| {row} | {title} |" for row, (title, reason) in rows.items() if row not in tests and not reason]
    if unproven:
        out += ["### Rows that no test names", "", "| row | rule |", "|---|---|", *unproven, ""]
    return "\n".join(out).rstrip() + "\n"


def untitled(tree):
    """Each row that a test names has a title, and none is also said not to apply."""
    rows = titles(tree)
    for row, names in coverage(tree).items():
        if row not in rows:
            yield f"tests/{names[0]}:1: row {row} has no title in docs/conformance.tsv"
        elif rows[row][1]:
            yield f"docs/conformance.tsv:1: {row} does not apply, but {names[0]} proves it"


RULES = [untitled]


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    rows = coverage(Tree(os.path.realpath(root)))
    for row, tests in rows.items():
        if not sys.argv[1:] or row.split("-")[0] in sys.argv[1:]:
            print(f"{row}\t{' '.join(tests)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
