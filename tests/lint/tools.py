# SPDX-License-Identifier: Apache-2.0
"""Rules that need a program: clang-format, the compiler, git."""
import concurrent.futures
import os
import shutil
import subprocess

from source import LAYERS

SOFIA = ("sofia-sip/",)


def _run(args, cwd, text=None):
    return subprocess.run(args, cwd=cwd, input=text, capture_output=True, text=True, check=False)


def _parallel(fn, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(fn, items))


def style(tree):
    """C source is as clang-format leaves it."""
    if not shutil.which("clang-format"):
        yield "clang-format:1: not installed (make deps)"
        return
    files = tree.c_files()
    groups = [files[i::os.cpu_count() or 1] for i in range(os.cpu_count() or 1)]

    def check(group):
        if not group:
            return []
        done = _run(["clang-format", "--dry-run", "--Werror"] + group, tree.root)
        return [line for line in done.stderr.split("\n") if ": error:" in line]

    seen = set()
    for line in sum(_parallel(check, groups), []):
        name = line.split(":")[0]
        if name not in seen:
            seen.add(name)
            yield f"{name}:{line.split(':')[1]}: not formatted (make format)"


def headers(tree):
    """Every header of ours compiles alone."""
    packages = "libevent openssl libconfig jansson libxml-2.0 libsystemd sofia-sip-ua".split()
    flags = _run(["pkg-config", "--cflags"] + packages, tree.root).stdout.replace("-I", "-isystem ").split()
    base = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I.", "-x", "c"]

    def check(name):
        done = _run(base + flags + ["-"], tree.root, f'#include "{name}"\n')
        errors = [line for line in done.stderr.split("\n") if "error:" in line]
        if done.returncode:
            first = errors[0].split("error:")[1].strip() if errors else "does not compile"
            return f"{name}:1: does not compile alone: {first}"
        return None

    own = [h for h in tree.c_files((".h",), LAYERS) if not h.endswith(".def")]
    yield from (finding for finding in _parallel(check, own) if finding)


RULES = [style, headers]
