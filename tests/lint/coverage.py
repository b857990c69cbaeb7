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


def markdown(tree):
    """One table an area: row, tests. Rows that name the same tests share a line."""
    rows = coverage(tree)
    out = [f"{len(rows)} rows are named by tests.", ""]
    for area in sorted({row.split("-")[0] for row in rows}):
        out += [f"### {area}", "", "| rows | tests |", "|---|---|"]
        groups = {}
        for row in rows:
            if row.split("-")[0] == area:
                groups.setdefault(tuple(rows[row]), []).append(row.split("-")[1])
        for tests, numbers in sorted(groups.items(), key=lambda g: g[1]):
            out.append(f"| {', '.join(numbers)} | {', '.join(tests)} |")
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    rows = coverage(Tree(os.path.realpath(root)))
    for row, tests in rows.items():
        if not sys.argv[1:] or row.split("-")[0] in sys.argv[1:]:
            print(f"{row}\t{' '.join(tests)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
