# SPDX-License-Identifier: Apache-2.0
"""Frames of the key server that a member is, at the switch alone: whose go up, whole, and whose do not."""

import os

from peer.loop import wait
from test_abuse_msrp import legs  # noqa: F401
from test_attack_chaos import alone  # noqa: F401

TYPE = "application/vnd.mrf.keyserver"
MIKEY = "application/mikey"


def sent(leg, body, kind=TYPE):
    return leg.session.send(body, content_type=kind).status()


def test_they_go_up_from_who_may_alone(alone, legs):  # noqa: F811
    # covers: GK-002
    _, control = alone
    one, two, three = legs

    def ups():
        return [(e["termination"], e.get("payload_type"), e["raw"][0x502]) for e in control.events if e["event"] == 4]

    def may(leg, yes):
        assert leg.modify(key_server=yes)["code"] == 0
    assert sent(one, b"frames") == sent(two, b"frames") == 403
    may(one, 1)
    assert sent(one, b"\0frames\xff") == 200 and sent(two, b"frames") == 403
    wait(lambda: ups() == [(1, TYPE, b"\0frames\xff")], 5, "an event", ups)
    # In message/cpim they are nothing, whoever sends them; a key message is what it was.
    assert sent(one, one.cpim(b"frames", kind=TYPE), "message/cpim") == 415
    assert sent(one, b"mikey", MIKEY) == 200
    wait(lambda: ups()[1:] == [(1, None, b"mikey")], 5, "an event", ups)
    # Up to 64 KiB, in whatever chunks.
    most = os.urandom(65536)
    assert sent(one, most + b"x") == 413
    chunks = one.session.send_chunks(most, 5000, content_type=TYPE)
    assert {c.status() for c in chunks} == {200}
    wait(lambda: ups()[2:] == [(1, TYPE, most)], 5, "an event", lambda: [u[:2] for u in ups()])
    may(one, 0)
    assert sent(one, b"frames") == 403
    line = one.cpim("a line")
    assert sent(one, line, "message/cpim") == 200
    for other in (two, three):
        wait(lambda o=other: any(b"a line" in f.body for f in o.session.requests if f.body), 5, "the line")
        assert not any(b"frames" in f.body or most[:64] in f.body for f in other.session.requests if f.body)
    assert len(ups()) == 3
