# SPDX-License-Identifier: Apache-2.0
"""File contexts of the MRFP alone, the test in the MRFC's place: one sender, all others receive."""

import hashlib
import os

import pytest

from peer.loop import wait
from peer.msrp import Connection, Session
from peer.msrpmsg import new_id
from test_attack_chaos import alone  # noqa: F401  (a fixture)

CONTEXT = b"\x33" * 16
SENDS, RECEIVES = 1, 2  # direction as the peer sees it


class Leg:
    """A termination of a file context and its peer."""

    def __init__(self, alone, number, direction, known=True, **fields):  # noqa: F811
        self.mrfp, self.control = alone
        self.number = number
        self.session = Session("msrp://127.0.0.1:9/%s;tcp" % new_id())
        path = {"remote_path": self.session.local, "setup": 2} if known else {"setup": 3}
        reply = self.control.ask("add", CONTEXT, termination=number, kind=3, direction=direction,
                                 uris=["sip:u%d@example.com" % number],
                                 accept_types="application/octet-stream", **path, **fields)
        assert reply["code"] == 0, reply
        self.session.remote = [reply["local_path"]]

    def bind(self):
        self.session.attach(Connection.connect(self.mrfp.address("msrp")))
        assert self.session.keepalive().status() == 200
        return self

    def answer(self):
        """The peer's description is known now."""
        reply = self.control.ask("modify", CONTEXT, termination=self.number, setup=2,
                                 remote_path=self.session.local)
        assert reply["code"] == 0, reply
        return self

    def subtract(self):
        self.control.ask("subtract", CONTEXT, termination=self.number)

    def send(self, data, size=16384, **kwargs):
        return self.session.send_chunks(data, size, "application/octet-stream", **kwargs)

    def received(self):
        return self.session.wait_message()


def the_end(alone):  # noqa: F811
    return wait(lambda: next((e for e in alone[1].events if e["event"] == 5), None),
                what="the event that the file is over")


def test_a_file_waits_for_a_receiver_that_binds_late(alone):  # noqa: F811
    # covers: FT-009, FT-013, FT-014
    data = os.urandom(1 << 20)  # more than the high-water mark and the sender's socket buffer
    sender = Leg(alone, 1, SENDS).bind()
    bob = Leg(alone, 2, RECEIVES).bind()
    carol = Leg(alone, 3, RECEIVES, known=False)
    answers = sender.send(data)
    wait(lambda: bob.session.messages and len(bob.session.messages[0].buf) >= 128 << 10,
         what="the first part at the receiver that is there")
    assert not answers[-1].answered, "the sender was not held"
    carol.answer().bind()
    for leg in (bob, carol):
        assert hashlib.sha1(leg.received().data).digest() == hashlib.sha1(data).digest()
        assert leg.session.messages[0].content_type == "application/octet-stream"
    assert [t.status() for t in answers] == [200] * len(answers)
    end = the_end(alone)
    assert (end["outcome"], end["size"], end["termination"]) == (1, len(data), 1)
    assert not sender.session.messages


def test_a_receiver_that_never_comes_is_given_up(alone):  # noqa: F811
    # covers: FT-014
    data = os.urandom(1 << 20)
    sender = Leg(alone, 1, SENDS).bind()
    bob = Leg(alone, 2, RECEIVES).bind()
    Leg(alone, 3, RECEIVES)
    answers = sender.send(data)
    assert bob.received().data == data  # after the time to bind
    assert answers[-1].status() == 200
    lost = wait(lambda: next((e for e in alone[1].events if e["event"] == 2), None), what="lost")
    assert (lost["termination"], lost["cause"]) == (3, 4)
    assert the_end(alone)["outcome"] == 1


@pytest.mark.parametrize("total", [True, False])
def test_more_octets_than_allowed_are_413_whatever_was_said(alone, total):  # noqa: F811
    # covers: FT-009, FT-010, FT-015
    sender = Leg(alone, 1, SENDS, max_file=100000, max_message=10).bind()
    bob = Leg(alone, 2, RECEIVES).bind()
    data = os.urandom(200000)
    if total:  # announced: at once
        tx = sender.send(data)[0]
        assert tx.status() == 413 and not bob.session.messages
        return
    mid = new_id("m")
    for at in range(0, len(data), 20000):
        chunk = sender.session.chunk(data[at:at + 20000], at + 1, None, "+",
                                     "application/octet-stream", mid)
        tx = sender.session.conn.send(chunk)
    assert tx.status() == 413
    wait(lambda: bob.session.messages and bob.session.messages[0].aborted, what="the abort")
    assert len(bob.session.messages[0].buf) <= 100000
    assert the_end(alone)["outcome"] == 3


def test_an_abort_passes_and_a_second_file_is_refused(alone):  # noqa: F811
    # covers: FT-009, FT-010
    sender = Leg(alone, 1, SENDS).bind()
    bob = Leg(alone, 2, RECEIVES).bind()
    sender.send(b"x" * 50000, size=10000, last_flag="#")
    wait(lambda: bob.session.messages and bob.session.messages[0].aborted, what="the abort")
    assert the_end(alone)["outcome"] == 4
    assert sender.send(b"again")[0].status() == 413
    assert bob.send(b"back")[0].status() == 403


def test_a_receiver_that_refuses_does_not_stop_the_others(alone):  # noqa: F811
    # covers: FT-010, FT-014
    data = os.urandom(300000)
    sender = Leg(alone, 1, SENDS).bind()
    bob, carol = (Leg(alone, n, RECEIVES).bind() for n in (2, 3))
    carol.session.answer = lambda frame: 413
    sender.send(data)
    assert bob.received().data == data
    assert the_end(alone)["outcome"] == 1
    assert not carol.session.messages[0].complete


def test_when_all_refuse_the_sender_gets_413(alone):  # noqa: F811
    # covers: FT-010
    sender = Leg(alone, 1, SENDS).bind()
    bob = Leg(alone, 2, RECEIVES).bind()
    bob.session.answer = lambda frame: 413
    mid = new_id("m")
    statuses, at = set(), 1
    while 413 not in statuses and at < 2 << 20:
        chunk = sender.session.chunk(b"x" * 4000, at, 3 << 20, "+", "application/octet-stream", mid)
        statuses.add(sender.session.conn.send(chunk).status())
        at += 4000
    assert 413 in statuses
    assert the_end(alone)["outcome"] == 3


def test_a_sender_that_leaves_ends_it(alone):  # noqa: F811
    # covers: FT-010
    sender = Leg(alone, 1, SENDS).bind()
    bob = Leg(alone, 2, RECEIVES).bind()
    sender.send(b"x" * 50000, size=10000, last_flag="+")
    wait(lambda: bob.session.messages, what="the beginning")
    sender.subtract()
    wait(lambda: bob.session.messages[0].aborted, what="the abort")
    assert the_end(alone)["outcome"] == 4
