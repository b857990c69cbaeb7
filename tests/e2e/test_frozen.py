# SPDX-License-Identifier: Apache-2.0
"""Servers that stand still (SIGSTOP) and go on."""

import signal
import time

from peer.loop import LOOP, wait
from peer.several import Traffic, all_moved, another, mover, mrfps, place, state
from peer.servers import poll
from peer.ue import fence


def pause(seconds):
    """Let time pass; the peers' loop goes on."""
    done = {}
    LOOP.call_later(seconds, lambda: done.update(over=True))
    wait(lambda: done, seconds + 10, "the end of a pause")


def test_a_frozen_mrfp_is_left_and_what_it_has_is_stale_when_it_wakes(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf()
    members = [mover(ue("m%d" % n, net=net).join(room)) for n in range(3)]
    fence(members[0], *members[1:])
    another(net, "mrfp-2")
    net.mrfp.signal(signal.SIGSTOP)
    start = time.monotonic()
    try:
        all_moved(members)
        assert time.monotonic() - start < 6
        fence(members[0], *members[1:])
        assert place(net, room) == "mrfp-2"
    finally:
        net.mrfp.signal(signal.SIGCONT)
    poll(lambda: state(net, "mrfp") == "up", 10, "the woken one")
    net.mrfp.wait_metric(lambda m: m.sum("mrfp_terminations") == 0, what="nothing left of before")
    assert net.mrfp.metrics().sum("mrfp_contexts") == mrfps(net)["mrfp"]["terminations"] == 0
    traffic = Traffic(members)
    traffic.round()
    traffic.check()
    assert not any(m.call.ended for m in members)
    assert all(m.followed == 1 for m in members)


def test_a_short_freeze_changes_nothing(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf()
    members = [mover(ue("m%d" % n, net=net).join(room)) for n in range(3)]
    another(net, "mrfp-2")
    traffic = Traffic(members)
    traffic.round()
    net.mrfp.signal(signal.SIGSTOP)
    traffic.round()
    pause(1)
    net.mrfp.signal(signal.SIGCONT)
    traffic.round()
    traffic.check()
    assert state(net, "mrfp") == "up" and place(net, room) == "mrfp"
    assert not any(m.offers for m in members)
    assert net.mrfc.metrics().sum("mrfc_mp_links_total", event="lost") == 0


def test_a_frozen_mrfc_has_lost_nothing_when_it_wakes(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf()
    members = [mover(ue("m%d" % n, net=net).join(room)) for n in range(3)]
    fence(members[0], *members[1:])
    traffic = Traffic(members)
    net.mrfc.signal(signal.SIGSTOP)
    for _ in range(9):
        traffic.round()
        pause(0.5)
    traffic.check()
    net.mrfc.signal(signal.SIGCONT)
    poll(lambda: state(net, "mrfp") == "up", 10)
    traffic.round()
    traffic.check()
    assert place(net, room) == "mrfp"
    late = ue("late", net=net).join(room)
    fence(late, *members)
    assert not any(m.offers or m.call.ended for m in members)
    assert net.mrfc.metrics().sum("mrfc_mp_links_total", event="gone") == 0
