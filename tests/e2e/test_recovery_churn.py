# SPDX-License-Identifier: Apache-2.0
"""Fifty kills of the mrfc in a row while members come and go, and what the three sides then say."""

import random

import pytest

from peer.loop import LOOP, wait
from peer.recovery import states, up
from peer.servers import poll
from peer.ue import fence
from test_recovery import durable  # noqa: F401

KILLS = 50
MOST = 10


def final(txn):
    return next((r.code for r in txn.responses if r.code >= 200), None)


class Churn:
    """Members that join and leave by dice, whether a focus is there to hear them or not."""

    def __init__(self, net, ue, room):
        self.net, self.ue, self.room = net, ue, room
        self.dice = random.Random(4711)
        self.made = 0
        self.inside, self.entering, self.leaving = [], [], []
        self.ghosts = {}  # joins that the kill left without an answer: name to member

    def step(self):
        if self.inside and self.dice.random() < 0.45:
            member = self.inside.pop(self.dice.randrange(len(self.inside)))
            self.leaving.append((member, member.call.bye()))
        elif len(self.inside) + len(self.entering) < MOST:
            self.made += 1
            member = self.ue("c%d" % self.made, net=self.net,
                             transport=self.dice.choice(("udp", "tcp")))
            self.entering.append((member, member.invite(self.room)))

    def entered(self, member, call):
        """True when it has its 200. Over UDP it asks until somebody says anything."""
        if member.ua.transport == "udp":
            wait(lambda: call.txn.responses, 15, "any answer to " + member.name)
            if call.txn.request is not None and not self.killed_meanwhile(call):
                wait(lambda: final(call.txn), 15, "the answer to " + member.name)
        return final(call.txn) == 200

    def killed_meanwhile(self, call):
        return call in self.cut

    def left(self, member, txn):
        """Its BYE is answered, by this focus or the one before; else it says so again."""
        if member.ua.transport == "udp":
            assert txn.final().code in (200, 481)
        elif final(txn) is None:
            assert member.call.bye().final().code in (200, 481)
        if member.session.conn:
            member.session.conn.close()

    def settle(self):
        """What was under way at the kill is over, or known to have no answer."""
        for member, call in self.entering:
            if self.entered(member, call):
                member.room = member.uri_of(self.room)
                member.take_answer(call.final().text)
                member.open_media()
                self.inside.append(member)
            else:
                assert final(call.txn) is None, call.txn.responses
                self.ghosts[member.name] = member
        for member, txn in self.leaving:
            self.left(member, txn)
        self.entering, self.leaving = [], []

    def round(self):
        for _ in range(self.dice.randrange(1, 5)):
            self.step()
        if self.dice.random() < 0.5 and self.entering:  # somewhere between request and answer
            txn = self.entering[0][1].txn
            wait(lambda: txn.responses, 15, "the first answer")
        self.net.mrfc.kill()
        self.hear()
        # Who heard 100 and no more, or asked over a connection that is gone, will hear nothing.
        self.cut = [call for _, call in self.entering if call.txn.responses and
                    final(call.txn) is None]
        for _ in range(self.dice.randrange(0, 2)):
            self.step_udp()
        self.net.start_mrfc()
        up(self.net)
        self.settle()

    @staticmethod
    def hear():
        """What the dead one had sent is read: two turns of the loop, as one may have begun before."""
        turns = []
        for n in (1, 2):
            LOOP.call_later(0, lambda: (turns.append(1), LOOP.changed()))
            wait(lambda n=n: len(turns) == n, what="a turn of the loop")

    def step_udp(self):
        """A join while no focus is there: it asks on until the next one hears it."""
        if len(self.inside) + len(self.entering) < MOST:
            self.made += 1
            member = self.ue("c%d" % self.made, net=self.net)
            self.entering.append((member, member.invite(self.room)))

    def check(self, stayers):
        """MRFC, MRFP and terminals agree, but for joins that the kill cut off."""
        present = sorted(m.name for m in self.inside + stayers)
        seen = {}

        def agreed():
            seen["api"] = states(self.net, self.room)
            seen["mrfp"] = self.net.mrfp.metrics().sum("mrfp_terminations")
            half = [n for n, s in seen["api"].items() if s == "dialing-in"]
            return sorted(n for n, s in seen["api"].items() if s == "connected") == present and \
                set(half) <= set(self.ghosts) and seen["mrfp"] == len(present) + len(half)
        try:
            poll(agreed, 5, "agreement")
        except AssertionError:
            raise AssertionError("terminals %s\nmrfc %s\nmrfp %s\nghosts %s" % (
                present, seen["api"], seen["mrfp"], sorted(self.ghosts)))
        fence(stayers[0], *self.inside, *stayers[1:])
        for member in self.inside + stayers:
            assert not member.call.ended, member


@pytest.mark.slow
def test_fifty_kills_while_members_come_and_go(durable, ue, room):  # noqa: F811
    # covers: FOC-030
    net = durable()
    stayers = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    churn = Churn(net, ue, room)
    for _ in range(KILLS):
        churn.round()
        churn.check(stayers)
    assert churn.made > KILLS
    for n, stayer in enumerate(stayers):
        texts = [t for t in stayer.texts if t.startswith("fence ")]
        assert len(texts) == len(set(texts)) == (KILLS if n else 0)
