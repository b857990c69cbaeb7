#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Check the tree against the rules of the house.

usage: lint.py [--root DIR] [RULE ...]      without RULE: all of them

Prints findings as file:line: [rule] sentence, then "lint: N passed, N failed" (rules); exit 1 on a finding.
"""
import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import coverage  # noqa: E402
import docs  # noqa: E402
import rules  # noqa: E402
import tools  # noqa: E402
from source import Tree  # noqa: E402


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Check the tree against the rules of the house.")
    parser.add_argument("--root", default=os.path.join(here, "..", ".."))
    parser.add_argument("rule", nargs="*")
    args = parser.parse_args()
    every = {rule.__name__: rule for rule in rules.RULES + tools.RULES + docs.RULES + coverage.RULES}
    unknown = [name for name in args.rule if name not in every]
    if unknown:
        parser.error(f"no rule {unknown[0]}; there are: {' '.join(every)}")
    tree = Tree(os.path.realpath(args.root))
    failed = 0
    for name in args.rule or every:
        findings = list(every[name](tree))
        failed += bool(findings)
        for finding in findings:
            where, _, what = finding.partition(": ")
            print(f"{where}: [{name}] {what}")
    print(f"lint: {len(args.rule or every) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
