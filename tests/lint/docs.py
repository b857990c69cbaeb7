#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Parts of docs/*.md that are made from the code.

usage: docs.py --write [BUILD]      write them anew; BUILD has the programs (default build/release)

A part stands between "<!-- generated: NAME -->" and "<!-- end of NAME -->".
"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import coverage  # noqa: E402
from source import Tree  # noqa: E402

PART = re.compile(r"<!-- generated: ([\w-]+) -->\n(.*?)<!-- end of \1 -->", re.S)


def build_folder(tree):
    return os.environ.get("MRF_BUILD") or os.path.join(tree.root, "build/release")


def options(program):
    """The option table, printed by a program over the same table that the server reads."""
    def make(tree):
        printer = os.path.join(build_folder(tree), "tests/lint/print_options_" + program)
        return subprocess.run([printer], check=True, capture_output=True, text=True).stdout
    return make


STATS = re.compile(r'^STATS_(ONE|CLASS|CLASS_BY|BY)\(\s*(COUNTER|GAUGE),\s*\w+,((?:\s*\w+,)?)\s*"([^"]*)",\s*((?:"[^"]*"\s*)+)\)', re.M)
ADDED = re.compile(r'metrics_add\(\s*[^,]+,\s*METRICS_(\w+),\s*"([^"]*)",\s*"([^"]*)",\s*((?:"[^"]*"\s*)+)\)')
CELL = re.compile(r'\bcell\(\s*\w+,\s*METRICS_(\w+),\s*"([^"]*)",\s*((?:"[^"]*"\s*)+)\)')  # one without labels
NAMES = re.compile(r'static const char \*const (\w+)_names\[\] = \{([^}]*)\}')
SUM = re.compile(r'^STATS_SUM\("([^"]*)"\)', re.M)


def metrics(folder):
    """Every metric of one program: those of its stats.def and of its metrics_add() calls, and the sum rules."""
    def literal(text):
        return "".join(re.findall(r'"([^"]*)"', text))

    def make(tree):
        rows, sums, values = [], [], {}
        if f"{folder}/stats.c" in tree.files:
            values = {label: re.findall(r'"([^"]*)"', names) for label, names in NAMES.findall(tree.text(f"{folder}/stats.c"))}
        if f"{folder}/stats.def" in tree.files:
            declared = tree.text(f"{folder}/stats.def")
            sums = SUM.findall(declared)
            for shape, kind, dimension, name, text in STATS.findall(declared):
                labels = ["class"] if shape.startswith("CLASS") else []
                dimension = dimension.strip(" ,\n")
                labels += [f"{dimension}: {', '.join(values[dimension])}" if dimension in values else dimension] if dimension else []
                rows.append((name, kind, "; ".join(labels), literal(text)))
        for source in tree.c_files((".c",), {folder}):
            for kind, name, labels, text in ADDED.findall(tree.text(source)):
                rows.append((name, kind, labels.replace(",", " "), literal(text)))
            for kind, name, text in CELL.findall(tree.text(source)):
                rows.append((name, kind, "", literal(text)))
        out = ["| metric | kind | labels | what |", "|---|---|---|---|"]
        out += [f"| `{name}` | {kind.lower()} | {labels} | {text} |" for name, kind, labels, text in sorted(rows)]
        out += [""] + [f"Always holds: `{rule}`" for rule in sums] if sums else []
        return "\n".join(out) + "\n"
    return make


PARTS = {
    "mrfc-options": options("mrfc"),
    "mrfp-options": options("mrfp"),
    "mrfks-options": options("mrfks"),
    "mrfc-metrics": metrics("mrfc"),
    "mrfp-metrics": metrics("mrfp"),
    "conformance": coverage.markdown,
}


def renew(tree, name):
    """A document's text with its generated parts as they should be."""
    def one(m):
        return f"<!-- generated: {m.group(1)} -->\n{PARTS[m.group(1)](tree)}<!-- end of {m.group(1)} -->"
    return PART.sub(one, tree.text(name))


def documents(tree):
    return [f for f in tree.files if f.startswith("docs/") and f.endswith(".md")]


def stale(tree):
    """Generated parts of the documents are those that the code gives."""
    for name in documents(tree):
        if not PART.search(tree.text(name)):
            continue
        try:
            fresh = renew(tree, name)
        except (OSError, subprocess.CalledProcessError, KeyError) as error:
            yield f"{name}:1: cannot make its generated part: {error}"
            continue
        if fresh != tree.text(name):
            yield f"{name}:1: stale (make docs)"


def control_protocol(tree):
    """The control protocol's page and dissector are those of its declaration."""
    script = os.path.join(tree.root, "proto/ctl_docs.py")
    if os.path.exists(script):
        done = subprocess.run([sys.executable, "-B", script, "--check"], capture_output=True, text=True, check=False)
        if done.returncode:
            yield from done.stdout.splitlines() or [f"proto/ctl_docs.py:1: {done.stderr.strip()}"]


RULES = [stale, control_protocol]


def main():
    root = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    if len(sys.argv) < 2 or sys.argv[1] != "--write":
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if len(sys.argv) > 2:
        os.environ["MRF_BUILD"] = os.path.abspath(sys.argv[2])
    tree = Tree(root)
    for name in documents(tree):
        fresh = renew(tree, name)
        if fresh != tree.text(name):
            with open(os.path.join(root, name), "w", encoding="utf-8") as f:
                f.write(fresh)
            print(f"  DOCS   {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
