# SPDX-License-Identifier: Apache-2.0
"""The same room over each way to the kernel: one system call for a turn (io_uring), or one each."""

import os
import sys

import pytest

from peer.loop import wait
from peer.ue import fence
from test_slow_receiver import lines_until, stopped

NO_URING = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer", "no_uring.py")]
LINE = 30000


def ring_works(own_mrf):
    return own_mrf().mrfp.metrics().sum("mrfp_io_uring") == 1


@pytest.fixture(params=["uring", "uring, no wait", "writev"])
def net(own_mrf, request):
    io, _, no_wait = request.param.partition(",")
    if io == "uring" and not ring_works(own_mrf):
        pytest.skip("no io_uring on this machine")
    options = {"msrp.io": io, "context.grace": "500ms", "msrp.send_buffer": "16KiB"}
    pair = own_mrf(mrfp={**options, **({"msrp.gather": 0} if no_wait else {})})
    assert pair.mrfp.metrics().sum("mrfp_io_uring") == (io == "uring")
    return pair


def test_a_room_of_twelve_chats_in_public_and_in_private(net, ue, room):
    # covers: SW-023, SW-041
    members = [ue("user%d" % n, net=net).join(room) for n in range(12)]
    for n, sender in enumerate(members):
        for k in range(5):
            sender.send_text("%d of %d" % (k, n))
        sender.private(members[n - 1].aor, "for you, from %d" % n)
    for n, member in enumerate(members):
        for o in range(12):
            if o != n:
                member.wait_text("4 of %d" % o)
        member.wait_text("for you, from %d" % ((n + 1) % 12))
        mine = [t for t in member.texts if t.endswith(" of %d" % ((n + 3) % 12))]
        assert mine == ["%d of %d" % (k, (n + 3) % 12) for k in range(5)]
        assert len(member.texts) == 11 * 5 + 1
    fence(members[0], *members[1:])
    m = net.mrfp.metrics()
    if m.sum("mrfp_io_uring"):
        assert m.sum("mrfp_io_batches_total") > 0
    else:
        assert m.sum("mrfp_io_batches_total") == 0


def test_long_lines_a_leaver_and_a_reader_that_stops(net, ue, room):
    # covers: SW-080, SW-082
    alice, bob, carol, dave = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol", "dave")]
    for n in range(20):
        alice.send_text("%02d " % n + "y" * LINE)
    dave.conn.close()
    slow = stopped(ue, net, room)
    sent = lines_until(alice, (bob, carol), lambda: slow.call.ended, 2000)
    slow.call.wait_bye()
    assert [t for t in bob.texts if "y" not in t] == sent == [t for t in carol.texts if "y" not in t]
    assert len(bob.texts) == len(sent) + 20
    fence(bob, alice, carol)
    slow.conn.resume_reading()
    net.mrfp.wait_metric(lambda m: m.sum("mrfp_terminations_bound") == 3, what="three legs")


def test_a_sandbox_that_refuses_io_uring_costs_nothing_but_system_calls(own_mrf, ue, room):
    pair = own_mrf(start_mrfp=False)
    pair.start_mrfp(wrap=NO_URING)
    pair.mrfp.wait_log("msrp.io: writev")
    assert pair.mrfp.metrics().sum("mrfp_io_uring") == 0
    alice, bob = ue("alice", net=pair).join(room), ue("bob", net=pair).join(room)
    alice.send_text("hello")
    bob.wait_text("hello")


def test_io_uring_demanded_and_refused_ends_the_start(own_mrf):
    pair = own_mrf(start_mrfp=False)
    with pytest.raises(AssertionError):
        pair.start_mrfp(wrap=NO_URING, **{"msrp.io": "uring"})
    wait(lambda: pair.mrfp.gone, what="the end of the mrfp")
    pair.mrfp.wait_log("msrp.io: no io_uring")
    assert pair.mrfp.proc.wait() == 1
    pair.all.remove(pair.mrfp)
