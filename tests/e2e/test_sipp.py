# SPDX-License-Identifier: Apache-2.0
"""SIPp, a user agent nobody here wrote, makes many calls and subscriptions at once."""

import os
import shutil
import subprocess

import pytest

from peer import ports
from peer.servers import SANITIZED, poll
from peer.ue import fence

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sipp")

# Its scenarios take a late answer, or one that comes again, for a wrong one.
pytestmark = [pytest.mark.alone, pytest.mark.skipif(not shutil.which("sipp"), reason="sipp is not installed")]


def sipp(net, tmp_path, scenario, service, calls=200, rate=100, transport="u1", stay_s=0, meanwhile=None):
    """Run a scenario; every call must succeed, and what `meanwhile` does while it runs."""
    errors = tmp_path / "errors"
    running = subprocess.Popen([
        "sipp", "%s:%d" % net.sip, "-sf", os.path.join(SCENARIOS, scenario + ".xml"),
        "-s", service, "-i", "127.0.0.1", "-p", str(ports.take()), "-mp", str(ports.take()),
        "-t", transport, "-m", str(calls), "-r", str(rate), "-d", str(stay_s * 1000), "-nostdin", "-timeout", "100",
        "-timeout_error", "-trace_err", "-error_file", str(errors)], cwd=str(tmp_path),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        if meanwhile:
            meanwhile()
        stderr = running.communicate(timeout=120)[1]
    finally:
        running.kill()
        running.wait()
    said = errors.read_text()[:3000] if errors.exists() else ""
    assert running.returncode == 0, "sipp ended with %d\n%s\n%s" % (
        running.returncode, stderr[-2000:], said)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_many_join_one_conference(ue, mrf, room, tmp_path, transport):
    # covers: FOC-003, FOC-007, FOC-017, SW-003, TIM-003, CMD-004
    alice, bob = ue("alice").join(room), ue("bob").join(room)
    sipp(mrf, tmp_path, "join", room, transport=transport)
    poll(lambda: set(mrf.participants(room)) == {alice.aor, bob.aor}, what="only the two of us")
    fence(alice, bob)


def test_many_make_a_conference_each(mrf, tmp_path):
    # covers: FOC-001, FOC-002, FOC-003, FOC-019
    before = {c["name"] for c in mrf.api("GET", "/v1/conferences")[1]["conferences"]}
    made = mrf.mrfc.metrics().sum("mrfc_conferences_created_total", how="factory")
    sipp(mrf, tmp_path, "join", "conference-factory")
    assert mrf.mrfc.metrics().sum("mrfc_conferences_created_total", how="factory") == made + 200
    poll(lambda: {c["name"] for c in mrf.api("GET", "/v1/conferences")[1]["conferences"]}
         <= before, what="the end of all 200")


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_many_watch_one_conference(ue, own_mrf, room, tmp_path, transport):
    # covers: CONF-002, CONF-004, CONF-005, CONF-008
    pair = own_mrf(mrfc={"event.watchers": "trusted"})
    ue("alice", net=pair).join(room)
    sipp(pair, tmp_path, "subscribe", room, transport=transport)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_many_reserve_first(ue, mrf, room, tmp_path, transport):
    # covers: IMS-016, OA-006
    alice, bob = ue("alice").join(room), ue("bob").join(room)
    sipp(mrf, tmp_path, "precondition", room, calls=100, rate=50, transport=transport)
    poll(lambda: {p for p, v in mrf.participants(room).items() if v["state"] != "disconnected"}
         == {alice.aor, bob.aor}, what="only the two of us")
    fence(alice, bob)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_thousand_in_one_conference(ue, own_mrf, room, tmp_path, transport):
    # covers: FOC-003, FOC-007, FOC-017, FOC-021
    net = own_mrf(mrfp={"msrp.max_unbound": 2000, "msrp.bind_timeout": "60s"},
                  mrfc={"log.level": "warn"})
    alice, bob = ue("alice", net=net).join(room), ue("bob", net=net).join(room)
    most = []

    def watch():
        poll(lambda: most.append(net.mrfc.metrics().get("mrfc_sessions")) or most[-1] == 1002, 60,
             "a thousand who are in at once, not %s" % most[-1:])
        alice.send_text("hello all")
        bob.wait_text("hello all")

    sipp(net, tmp_path, "hold", room, calls=1000, rate=200, transport=transport,
         stay_s=12 if SANITIZED else 6, meanwhile=watch)
    poll(lambda: net.mrfc.metrics().get("mrfc_sessions") == 2, what="only the two of us")
    assert not net.mrfc.metrics().sum("mrfc_shed_total")
    fence(alice, bob)
