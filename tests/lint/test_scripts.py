# SPDX-License-Identifier: Apache-2.0
"""The scripts that decide whether a build is good, run with stand-ins for make, id, sudo and apt-get."""
import os
import shutil
import subprocess

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def run(command, folder, **env):
    return subprocess.run(command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def check(tmp_path, stages):
    """run_check with a make that gives each stage an output and an exit code."""
    cases = "".join(f"{name}) printf '{out}\\n'; exit {code};;\n" for name, (out, code) in stages.items())
    program(tmp_path / "make", f"for a; do t=$a; done\ncase $t in all) exit 0;;\n{cases}esac\n")
    done = run([f"{ROOT}/tests/run_check", *stages], tmp_path, MAKE=str(tmp_path / "make"))
    return done.stdout.strip().split("\n")[-1], done.returncode


def test_counts_of_all_stages_are_added(tmp_path):
    stages = {"unit": ("unit: 12 passed, 0 failed", 0), "e2e": ("3 passed, 1 skipped in 2.00s", 0)}
    assert check(tmp_path, stages) == ("15 passed, 0 failed", 0)


def test_failures_and_errors_are_failures_and_later_stages_still_run(tmp_path):
    stages = {"e2e": ("1 failed, 3 passed, 2 errors in 2.00s", 1), "unit": ("unit: 5 passed, 0 failed", 0)}
    assert check(tmp_path, stages) == ("8 passed, 3 failed", 1)


@pytest.mark.parametrize("out,code", [("unit: 5 passed, 0 failed", 2), ("nothing ran", 0), ("0 passed, 0 failed", 0)])
def test_a_stage_that_breaks_or_counts_nothing_has_failed(tmp_path, out, code):
    closing, rc = check(tmp_path, {"unit": (out, code)})
    assert closing.endswith(" passed, 1 failed") and rc == 1


def test_a_build_that_fails_is_a_failure(tmp_path):
    program(tmp_path / "make", "exit 2\n")
    done = run([f"{ROOT}/tests/run_check", "unit"], tmp_path, MAKE=str(tmp_path / "make"))
    assert done.stdout.strip().split("\n")[-1] == "0 passed, 1 failed" and done.returncode == 1


@pytest.mark.parametrize("first,second,closing,code", [
    ("10 passed, 0 failed", "5 passed, 0 failed", "15 passed, 0 failed", 0),
    ("10 passed, 1 failed", "5 passed, 0 failed", "15 passed, 1 failed", 1),
    ("it broke", "5 passed, 0 failed", "5 passed, 1 failed", 1)])
def test_ci_adds_both_runs(tmp_path, first, second, closing, code):
    (tmp_path / ".ci").mkdir()
    shutil.copy(f"{ROOT}/.ci/run", tmp_path / ".ci/run")
    fails = "grep -q ' 0 failed' || exit 1"
    program(tmp_path / "bin/make", f"case $1 in check) t='{first}';; *) t='{second}';; esac\necho $t; echo $t | {fails}\n")
    done = run(["bash", ".ci/run"], tmp_path, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    assert done.stdout.strip().split("\n")[-1] == closing and done.returncode == code


def deps(tmp_path, build_depends, uid, sudo):
    """install-deps on a machine that has gcc and debhelper; returns exit code, output, what apt-get was told."""
    (tmp_path / "debian").mkdir()
    shutil.copy(f"{ROOT}/debian/install-deps", tmp_path / "debian/install-deps")
    (tmp_path / "debian/control").write_text(f"Source: x\nBuild-Depends: {build_depends}\nPackage: y\nDepends: no-such\n")
    program(tmp_path / "bin/dpkg-query", "echo 'have installed gcc '\necho 'have installed debhelper debhelper-compat (= 13)'\n"
                                         "echo 'have config-files old '\n")
    program(tmp_path / "bin/id", f"echo {uid}\n")
    program(tmp_path / "bin/sudo", f"[ {sudo} = yes ] || exit 1\nshift\nwhile case $1 in *=*) :;; *) false;; esac; do shift; done\n\"$@\"\n")
    program(tmp_path / "bin/apt-get", f"echo \"$@\" >> {tmp_path}/told\n")
    done = run([str(tmp_path / "debian/install-deps")], tmp_path, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    told = tmp_path / "told"
    return done.returncode, done.stdout, told.read_text().split("\n")[:-1] if told.exists() else []


def test_nothing_missing_does_nothing_and_needs_no_rights(tmp_path):
    assert deps(tmp_path, "debhelper-compat (= 13),\n gcc,\n clang | gcc <!nocheck>", 1000, "no") == (0, "", [])


@pytest.mark.parametrize("uid,sudo", [(0, "no"), (1000, "yes")])
def test_what_is_missing_is_installed_tests_tools_included(tmp_path, uid, sudo):
    code, _, told = deps(tmp_path, "gcc,\n libx-dev (>= 2) [amd64],\n python3:any, old,\n clang <!nocheck>", uid, sudo)
    assert code == 0
    assert told == ["update", "install -y --no-install-recommends libx-dev python3 old clang"]


def test_without_rights_the_line_to_run_is_printed(tmp_path):
    code, out, told = deps(tmp_path, "gcc, libx-dev", 1000, "no")
    assert code == 1 and told == []
    assert "apt-get update && apt-get install -y --no-install-recommends libx-dev" in out


def shards(tmp_path, files, *arguments, shards="3"):
    """run_e2e over files of tests of its own; returns exit code, all lines."""
    for name in ("run_e2e", "e2e/sharding.py"):
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(f"{ROOT}/tests/{name}", tmp_path / "tests" / name)
    (tmp_path / "tests/lint").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone\n patience\n slow\n")
    for name, text in files.items():
        (tmp_path / "tests" / name).write_text("import os, pathlib, time, pytest\nLOG = pathlib.Path('log')\n" + text)
    done = run([f"{tmp_path}/tests/run_e2e", *arguments], tmp_path, MRF_SHARDS=shards)
    return done.returncode, (done.stdout + done.stderr).strip().split("\n")


MANY = {f"e2e/test_{n}.py": f"@pytest.mark.parametrize('n', range({n}))\ndef test_it(n):\n pass\n" for n in range(1, 8)}


@pytest.mark.parametrize("count", ["2", "4"])
def test_shards_run_each_test_once(tmp_path, count):
    files = {**MANY, "lint/test_l.py": "def test_it():\n with LOG.open('a') as out:\n  out.write('x')\n"}
    code, lines = shards(tmp_path, files, shards=count)
    assert code == 0 and lines[-1].startswith("29 passed, 0 failed in ")
    assert sorted(line.split()[-1] for line in lines[:-1]) == sorted(f"tests/{name}" for name in files)
    assert (tmp_path / "log").read_text() == "x"


def test_shards_count_all_outcomes(tmp_path):
    code, lines = shards(tmp_path, {**MANY, "e2e/test_bad.py": """
@pytest.fixture
def broken():
 yield
 assert 0
def test_bad(): assert "a reason" == 1
def test_skip(): pytest.skip("no")
def test_after(broken): pass
@pytest.mark.xfail
def test_expected(): assert 0
"""})
    assert code == 1 and lines[-1].startswith("29 passed, 1 failed, 1 errors, 1 skipped, 1 xfailed in ")
    assert any("a reason" in line for line in lines)
    assert [line for line in lines if line.startswith("  failed in")] == [
        "  failed in call: tests/e2e/test_bad.py::test_bad", "  failed in teardown: tests/e2e/test_bad.py::test_after"]


def test_what_a_dead_shard_did_not_do_has_failed(tmp_path):
    code, lines = shards(tmp_path, {"e2e/test_dies.py": "def test_a(): pass\ndef test_b(): os._exit(0)\ndef test_c(): pass\n"})
    assert code == 1 and lines[-1].startswith("1 passed, 2 failed in ")
    assert [line.split("::")[-1] for line in lines if "not brought to its end" in line] == ["test_b", "test_c"]


def test_a_file_that_cannot_be_read_is_a_failure(tmp_path):
    code, lines = shards(tmp_path, {**MANY, "e2e/test_syntax.py": "def\n"})
    assert code == 1 and lines[-1].startswith("0 passed, 28 failed") and any("SyntaxError" in line for line in lines)


def test_solitary_tests_run_when_the_others_are_over(tmp_path):
    files = {f"e2e/test_{n}.py": "def test_it():\n time.sleep(0.5)\n LOG.open('a').write('x')\n" for n in range(4)}
    files["e2e/test_0alone.py"] = """
@pytest.mark.alone
@pytest.mark.parametrize("n", range(2))
def test_alone(n): assert LOG.read_text() == "xxxx"
@pytest.mark.patience
def test_patient(): pass
"""
    code, lines = shards(tmp_path, files)
    assert code == 0 and lines[-1].startswith("7 passed, 0 failed in ")


def test_shards_take_arguments_of_pytest(tmp_path):
    assert shards(tmp_path, MANY, "-k", "test_3")[1][-1].startswith("3 passed, 0 failed in ")
    code, lines = run_again(tmp_path, "-k", "nothing")
    assert code == 1 and lines[-1].startswith("0 passed, 0 failed in ")
    assert run_again(tmp_path, "tests/e2e/test_5.py")[1][-1].startswith("5 passed, 0 failed in ")
    assert run_again(tmp_path, "tests/e2e/test_5.py::test_it", shards="1")[1][-1].startswith("5 passed in ")


def run_again(tmp_path, *arguments, shards="3"):
    done = run([f"{tmp_path}/tests/run_e2e", *arguments], tmp_path, MRF_SHARDS=shards)
    return done.returncode, done.stdout.strip().split("\n")
