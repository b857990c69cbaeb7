# SPDX-License-Identifier: Apache-2.0
"""Accounting of single messages, and messages that wait for the MRFC's verdict."""

import os
import time

import pytest

from peer import cpim
from peer.loop import LOOP, wait
from peer.msrp import Connection, Session
from peer.msrpmsg import new_id
from peer.servers import poll
from relaying import (ACCOUNT, ACCOUNTING, ALARM, AUTHORISE, DELIVERED, LOST, REFUSED, End, make,
                      relay)  # noqa: F401
from wire import usable

ROOM = "sip:room@conf.example.com"


def test_each_message_is_accounted_for_once(relay):
    a, b = relay.pair()
    before = int(time.time() * 1000) - 1
    assert a.session.send(b"x" * 3000, "image/png", message_id="pic01").status() == 200
    done = relay.account("pic01")
    assert done["termination"] == 1 and done["payload_type"] == "image/png"
    assert (done["size"], done["outcome"], done["outcome_status"]) == (3000, DELIVERED, 200)
    assert before <= done["started"] <= done["ended"] <= int(time.time() * 1000) + 1
    wrapped = cpim.build(a.aor, b.aor, "hello", "text/plain")
    assert b.session.send(wrapped, message_id="txt01").status() == 200
    done = relay.account("txt01")
    assert done["termination"] == 2 and done["payload_type"] == "text/plain"
    a.session.keepalive().status()
    relay.settled()
    assert len(relay.events(ACCOUNTING)) == 2


def test_accounting_waits_while_the_link_is_away_and_overflow_is_told(make):
    relay = make({"mp.events": 20}, ACCOUNT)
    a, b = relay.pair()
    wait(lambda: len(relay.events(1)) == 2, what="both bound")
    relay.mrfp.wait_metric(lambda m: m.sum("mrfp_control_events_queued") == 0)
    relay.control.answers = False
    relay.control.sock.close()
    relay.mrfp.wait_metric(lambda m: m.sum("mrfp_control_up") == 0, what="the link down")
    relay.control.events.clear()
    for n in range(30):
        assert a.text("n%d" % n, message_id="away%02d" % n).status() == 200
    b.got("n29")
    m = relay.mrfp.wait_metric(lambda m: m.sum("mrfp_control_events_dropped_total") == 10)
    assert m.sum("mrfp_control_events_queued") == 20
    relay.control.answers = True
    alarm = wait(lambda: [e for e in relay.control.events if e.get("event") == ALARM],
                 what="the alarm")
    assert "10" in alarm[0][0x603]
    names = [e["message_id"] for e in relay.events(ACCOUNTING)]
    assert sorted(set(names)) == ["away%02d" % n for n in range(10, 30)]


def room_legs(relay, policy):
    """Two members of a room, connected."""
    legs = []
    for n in (1, 2):
        leg = Session("msrp://127.0.0.1:9/%s;tcp" % new_id())
        reply = relay.control.ask("add", relay.context, termination=n, conference=ROOM,
                                  policy=policy, uris=["sip:u%d@example.com" % n], caps=7,
                                  remote_path=leg.local, setup=2)
        leg.remote = [reply["local_path"]]
        leg.attach(Connection.connect(relay.mrfp.address("msrp"))).bind()
        legs.append(leg)
    return legs


def test_accounting_of_a_room_tells_what_was_accepted(make):
    relay = make()
    one, two = room_legs(relay, ACCOUNT)
    good = cpim.build("sip:u1@example.com", ROOM, "hello", "text/plain")
    bad = cpim.build("sip:u2@example.com", ROOM, "not me", "text/plain")
    typing = "application/im-iscomposing+xml"
    seen = cpim.build("sip:u1@example.com", "sip:u2@example.com", "<imdn/>", "message/imdn+xml")
    # covers: COMP-003, IMS-013
    assert one.send(b"<isComposing/>", typing, message_id="typing01").status() == 200
    assert one.send(seen, message_id="seen01").status() == 200
    assert one.send(good, message_id="good01").status() == 200
    assert one.send(bad, message_id="bad01").status() == 403
    assert relay.account("good01")["outcome"] == DELIVERED
    done = relay.account("bad01")
    assert (done["outcome"], done["outcome_status"]) == (REFUSED, 403)
    assert len(relay.events(ACCOUNTING)) == 2
    assert two.wait_message(lambda m: m.data == good)


def test_messages_of_a_room_wait_for_their_verdict_too(make):
    relay = make()
    asked = []
    relay.control.verdict = lambda e: asked.append(e["message_id"]) or (
        413 if e["message_id"].startswith("bad") else 200)
    one, two = room_legs(relay, AUTHORISE | 1)
    for n, to in enumerate((ROOM, "sip:u2@example.com")):
        good = cpim.build("sip:u1@example.com", to, "hello", "text/plain")
        assert one.send(good, message_id="good0%d" % n).status() == 200
        two.wait_message(lambda m, n=n: len(two.messages) == n + 1)
        assert one.send(good, message_id="bad0%d" % n).status() == 413
        # A first chunk without all of the head is taken; what completes it is refused.
        assert one.send_chunks(good, 60, message_id="bad1%d" % n)[-1].status() == 413
    assert one.send(b"<isComposing/>", "application/im-iscomposing+xml").status() == 200
    wait(lambda: len(two.messages) == 3, what="the indication")
    assert asked == ["good00", "bad00", "bad10", "good01", "bad01", "bad11"]
    relay.settled()


def test_a_message_waits_for_the_verdict(make):
    relay = make(policy=ACCOUNT | AUTHORISE)
    asked = []

    def verdict(event):
        asked.append(event)
        return 403 if event["message_id"].startswith("bad") else 200
    relay.control.verdict = verdict
    a, b = relay.pair()
    big = os.urandom(300000)
    assert a.text("yes", message_id="good01").status() == 200
    b.got("yes")
    assert a.text("no", message_id="bad01").status() == 403
    assert a.session.send(big, "image/png", message_id="good02").status() == 200
    b.session.wait_message(lambda m: m.complete and m.data == big)
    assert a.session.send(big, "image/png", message_id="bad02").status() == 403
    chunks = a.session.send_chunks(big, 100000, "image/png", message_id="bad03")
    assert {t.status() for t in chunks} == {403}
    wrapped = cpim.build(a.aor, b.aor, "hello", "text/html")
    assert {t.status() for t in a.session.send_chunks(wrapped, 50, message_id="good03")} == {200}
    b.session.wait_message(lambda m: m.complete and m.data == wrapped)
    quiet = a.text("no answer", headers=[("Failure-Report", "no")], message_id="good04")
    b.got("no answer")
    assert not quiet.answered
    assert [e["message_id"] for e in asked] == ["good01", "bad01", "good02", "bad02", "bad03",
                                                "good03", "good04"]
    assert [e.get("size") for e in asked] == [3, 2, 300000, 300000, 300000, len(wrapped), 9]
    assert asked[5]["payload_type"] == "text/html" and asked[2]["payload_type"] == "image/png"
    assert len(b.session.messages) == 4
    assert relay.account("bad02")["outcome"] == REFUSED
    relay.settled()


def test_a_file_waits_for_its_verdict_too(make):
    relay = make(policy=AUTHORISE)
    verdicts = iter((403, 200))
    relay.control.verdict = lambda event: next(verdicts)
    data = os.urandom(200000)
    for status in (403, 200):
        relay.context = os.urandom(16)
        ends = [End(relay, n, kind=3, direction=n).connect() for n in (1, 2)]
        assert ends[0].session.send(data, "image/png").status() == status
        if status == 200:
            assert ends[1].session.wait_message().data == data
        else:
            usable(ends[1].session)
            assert ends[1].session.messages == []
    relay.settled()


def test_many_messages_wait_for_their_verdicts_in_order(make):
    relay = make(policy=AUTHORISE)
    a, b = relay.pair()
    frames = [a.session.chunk(b"n%d" % n, 1, len("n%d" % n), "$", "text/plain") for n in range(3000)]
    a.conn.send_raw(b"".join(f.build() for f in frames))
    wait(lambda: len(b.session.messages) == 3000, 60, "all", lambda: len(b.session.messages))
    assert [m.data for m in b.session.messages] == [b"n%d" % n for n in range(3000)]
    for f in frames:
        assert a.conn.wait_response(f.tid).status == 200
    relay.settled()


@pytest.mark.parametrize("away", [False, True])
def test_no_verdict_in_time_is_403(make, away):
    relay = make({"msrp.verdict_timeout": "300ms"}, AUTHORISE)
    relay.control.verdict = lambda event: None
    a, b = relay.pair()
    relay.mrfp.wait_metric(lambda m: m.sum("mrfp_control_events_queued") == 0)
    if away:
        relay.control.answers = False
        relay.control.sock.close()
    mid = new_id("m")
    whole = a.text("small")
    part = a.conn.send(a.session.chunk(b"x" * 3000, 1, 6000, "+", "text/plain", mid))
    assert not whole.answered and not part.answered
    assert [whole.status(), part.status()] == [403, 403]
    rest = a.session.chunk(b"x" * 3000, 3001, 6000, "$", "text/plain", mid)
    assert a.conn.send(rest).status() == 403
    m = relay.mrfp.metrics()
    assert m.sum("mrfp_verdicts_late_total") == 2
    assert not away or m.sum("mrfp_control_events_queued") == 0, "stale questions wait for the MRFC"
    assert b.session.messages == []
    relay.settled()


def test_a_sender_whose_message_waits_is_held_in_bounds(make):
    relay = make(policy=AUTHORISE)
    relay.control.verdict = lambda event: None
    a, b = relay.pair()
    big = a.session.send(os.urandom(20 << 20), "image/png", message_id="big01")
    relay.mrfp.wait_metric(lambda m: m.sum("mrfp_paused") == 1, what="the sender paused")
    before = relay.mrfp.metrics().sum("mrfp_octets_in_total")
    assert b.session.keepalive().status() == 200
    assert relay.mrfp.metrics().sum("mrfp_octets_in_total") - before < 1000 and before < 2 << 20
    assert big.status() == 403


def test_a_leg_that_goes_while_its_message_waits_leaves_nothing(make):
    relay = make({"msrp.verdict_timeout": "500ms"}, AUTHORISE)
    relay.control.verdict = lambda event: None
    a, b = relay.pair()
    for n in range(40):
        a.text("n%d" % n)
    a.conn.close()
    wait(lambda: relay.events(LOST), what="the end")
    a.again()
    a.connect()
    relay.control.verdict = lambda event: 200
    assert a.text("after").status() == 200
    b.got("after")
    poll(lambda: relay.mrfp.metrics().sum("mrfp_paused") == 0, what="nobody paused")
    relay.end()
    assert LOOP.errors == []
    relay.settled()
