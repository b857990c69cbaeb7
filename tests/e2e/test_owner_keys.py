# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences whose keys are made by the terminal of their owner (groupkey.server = member)."""

import pytest

from peer import memory
from peer.keyserver import CHANGE, EPOCH, HELLO, MESSAGE, OPEN, PONG, frame, items
from peer.loop import wait
from peer.owner import TYPE, Owner
from peer.sealed import Sealed
from test_sealed_join import epoch_of, warning

MEMBER = {"conference.e2e": "required", "groupkey.server": "member"}


class Table:
    """Terminals of one pair of servers: an owner and members whom she gave keys."""

    def __init__(self, net, ue):
        self.net, self.ue = net, ue

    def owner(self, name="olga", **args):
        one = Owner(name, self.net, **args)
        self.ue.made.append(one)
        return one

    def member(self, name, *owners, aor=None, **args):
        """With a key that each of these owners' services knows, too."""
        uri = aor or "sip:%s@example.com" % name
        key = owners[0].pair(uri, "mk:" + name)
        for other in owners[1:]:
            other.service.keys[uri, key[0]] = bytes.fromhex(key[1])
        one = Sealed(name, self.net, key=key, aor=uri, **args)
        self.ue.made.append(one)
        return one


@pytest.fixture
def table(own_mrf, ue):
    """table(**settings of the MRFC) -> Table of an own pair."""
    return lambda mrfp=None, **more: Table(
        own_mrf(mrfc={**MEMBER, **{k.replace("__", "."): v for k, v in more.items()}}, mrfp=mrfp or {}), ue)


def agree(*members, but=None):
    """All of them have one key, that of the newest epoch; its name."""
    newest = members[0].wait_epoch(lambda have: have != but) if but else members[0].keys.hex
    for one in members[1:]:
        one.wait_epoch(newest)
    assert len({m.keys.teks[m.keys.current] for m in members}) == 1
    return newest


def test_the_owner_makes_the_keys(table, room):
    # covers: GK-002
    t = table()
    olga = t.owner()
    bob, carol = (t.member(n, olga) for n in ("bob", "carol"))
    olga.join(room)
    assert TYPE in olga.answer.msg.get("accept-types").split() and olga.answer.msg.get("key-mgmt") is None
    bob.join(room)
    first = bob.keys.hex
    assert olga.keys.hex == first == epoch_of(t.net, room)
    carol.join(room)
    second = carol.keys.hex
    assert second != first and agree(bob, olga, but=first) == second
    assert carol.say("good morning") == 200
    olga.hear("good morning"), bob.hear("good morning")
    assert olga.say("and to you") == 200
    bob.hear("and to you"), carol.hear("and to you")
    assert t.net.mrfc.metrics()["mrfc_groupkey_owners"] == 1
    carol.leave()
    third = agree(bob, olga, but=second)
    assert third not in (first, second) and carol.keys.hex == second
