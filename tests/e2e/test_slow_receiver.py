# SPDX-License-Identifier: Apache-2.0
"""A receiver that stops reading costs itself its session, and nobody else anything."""

import os

import pytest

from peer.loop import wait
from peer.sipcall import bye_reason
from peer.ue import fence
from wire import usable

LINE = 50000


def stopped(ue, net, room):
    """A member that binds with a tiny receive buffer and then reads no more."""
    one = ue("slow", net=net)
    one.rcvbuf = 4096
    one.join(room)
    one.conn.pause_reading()
    return one


def lines_until(sender, receivers, finished, limit):
    """Chat lines, each delivered to the receivers, until finished() or the limit; the lines."""
    sent = []
    while not finished() and len(sent) < limit:
        text = "%06d " % len(sent) + "x" * LINE
        sender.send_text(text)
        sent.append(text)
        for r in receivers:
            wait(lambda r=r: text in r.texts[-2:], what="line %d at %s" % (len(sent), r.name))
    return sent


CASES = {
    "grace time": {"context.grace": "500ms", "context.log_bytes": "64MiB",
                   "msrp.send_buffer": "16KiB"},
    "limit of the log": {"context.grace": "10min", "context.log_bytes": "1MiB",
                         "context.high_water": "256KiB", "msrp.send_buffer": "16KiB"},
}


@pytest.mark.parametrize("case", CASES)
def test_who_stops_reading_is_cut_and_the_others_have_everything(own_mrf, ue, room, case):
    # covers: SW-080, SW-082, SW-083, FOC-020
    net = own_mrf(mrfp=CASES[case])
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    slow = stopped(ue, net, room)
    sent = lines_until(alice, (bob, carol), lambda: slow.call.ended, 2000)
    bye = slow.call.wait_bye()
    assert bye_reason(bye)[:2] == ("SIP", 408)
    assert bob.texts == carol.texts == sent
    m = net.mrfp.metrics()
    assert m.sum("mrfp_legs_cut_total") == 1
    assert m.sum("mrfp_copies_settled_total", outcome="lost") > 0
    fence(bob, alice, carol)
    assert alice.session.reports == []
    slow.conn.resume_reading()
    slow.conn.wait_closed()
    net.wait_participants(room, lambda p: slow.aor not in p or
                          p[slow.aor]["state"] == "disconnected")
    assert set(net.participants(room)) >= {alice.aor, bob.aor, carol.aor}


def test_a_bulk_sender_is_paused_while_the_slowest_still_moves(own_mrf, ue, room):
    # covers: SW-081, SW-083
    net = own_mrf(mrfp={"context.high_water": "256KiB", "context.log_bytes": "2MiB",
                        "context.grace": "60s", "msrp.send_buffer": "16KiB"})
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    slow = ue("slow", net=net)
    slow.rcvbuf = 4096
    slow.join(room)
    slow.conn.pause_reading()
    data = alice.cpim(os.urandom(8 << 20), content_type="application/octet-stream")
    tx = alice.session.send(data)
    for _ in range(5):
        fence(bob, carol)
    assert not tx.answered, "8 MiB went where 2 MiB have room"
    slow.conn.resume_reading()
    assert tx.status(60) == 200
    for member in (bob, carol, slow):
        member.session.wait_message(lambda m: m.complete and m.data == data, 60)
    assert net.mrfp.metrics().sum("mrfp_legs_cut_total") == 0
    usable(slow.session)


def test_a_receiver_that_comes_back_in_time_keeps_its_session(own_mrf, ue, room):
    # covers: SW-080, SW-082
    net = own_mrf(mrfp={"context.grace": "60s"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    slow = stopped(ue, net, room)
    sent = lines_until(alice, (bob,), lambda: False, 40)
    slow.conn.resume_reading()
    wait(lambda: len(slow.texts) == len(sent), 30, "all lines after the pause")
    assert slow.texts == sent and not slow.call.ended


def test_a_silent_connection_is_closed_after_the_bind_time(own_mrf, ue, room):
    # covers: MSRP-042
    net = own_mrf(mrfp={"msrp.bind_timeout": "300ms"})
    bob = ue("bob", net=net).join(room)
    carol = ue("carol", net=net).join(room)
    from peer.msrp import Connection
    idle = Connection.connect(net.msrp)
    idle.wait_closed()
    assert idle.octets_in == 0
    unbound = ue("dave", net=net).join(room, connect=False)
    assert bye_reason(unbound.call.wait_bye())[:2] == ("SIP", 408)
    fence(bob, carol)
    usable(bob.session)


@pytest.mark.parametrize("why", ["leaves", "moves"])
def test_copies_that_a_leg_leaves_behind_have_a_line_in_the_log(own_mrf, ue, room, why):
    net = own_mrf()
    alice, bob = [ue(name, net=net).join(room) for name in ("alice", "bob")]
    bob.conn.auto_answer = False
    for text in ("one", "two", "three"):
        alice.send_text(text)
        bob.wait_text(text)
    if why == "leaves":
        bob.leave()
    else:
        bob.call.reinvite(bob.offer()).expect(200)
    wait(lambda: any("3 copies lost" in line for _, line in net.mrfp.lines), what="the line")
