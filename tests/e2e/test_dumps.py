# SPDX-License-Identifier: Apache-2.0
"""The switch does not show its memory, unless it is told to."""

import os
import shutil

import pytest

from peer.servers import Server, program

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


@pytest.fixture
def started(tmp_path):
    """started(option=value): an mrfp of a user who is not root."""
    made = []

    def start(**options):
        wrap = NOBODY if os.geteuid() == 0 else ()
        if wrap and not shutil.which("setpriv"):
            pytest.skip("no setpriv(1)")
        if wrap and os.system(" ".join(NOBODY + ["test", "-x", program("mrfp")])):
            pytest.skip("this folder is root's alone")
        made.append(Server("mrfp", {"msrp.port": 0, "mp.socket": str(tmp_path / "mp.sock"), **options}, wrap=wrap))
        return made[-1].wait_ready()
    yield start
    assert not [wrong for server in made for wrong in server.stop()]


@pytest.mark.parametrize("dumps", [False, True])
def test_who_may_look_into_it(started, dumps):
    server = started(**{"process.dumps": str(dumps).lower()})
    with open("/proc/%d/limits" % server.pid) as f:
        core = next(line for line in f if line.startswith("Max core file size"))
    assert dumps or core.split()[4:6] == ["0", "0"]
    # The kernel gives root what belongs to a process that shows itself to nobody (proc(5)).
    owner = os.stat("/proc/%d/mem" % server.pid).st_uid
    assert (owner == 0) is (not dumps)
