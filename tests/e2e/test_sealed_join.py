# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences: who gets in, and with which key."""

import pytest

from peer import member_keys as gke
from peer.sealed import Sealed


def make(net, room):
    status, doc = net.api("POST", "/v1/conferences", {"name": room, "e2e": True})
    assert status == 201 and doc["e2e"] is True and doc["epoch"] is None, doc
    return "sip:%s@%s" % (room, net.domain)


def epoch_of(net, room):
    return net.api("GET", "/v1/conferences/" + room)[1]["epoch"]


@pytest.fixture
def sealed(request, mrf, ue):
    def new(name, **args):
        one = Sealed(name, mrf, **args)
        ue.made.append(one)
        return one
    return new


def test_the_answer_has_the_key_of_the_epoch_and_the_api_names_it(mrf, sealed, room):
    # covers: KM-005, GK-003, GK-001
    make(mrf, room)
    alice = sealed("alice").join(room)
    assert alice.keys.gkid == epoch_of(mrf, room)
    assert alice.keys.gkid.endswith("00000001")
    assert alice.answer.msg.get("accept-types") == "message/cpim application/mikey"
    assert "application/pkcs7-mime" in alice.answer.msg.get("accept-wrapped-types").split()


def test_a_join_is_a_new_epoch_for_all(mrf, sealed, room):
    # covers: GK-004, GK-006
    make(mrf, room)
    alice, bob = sealed("alice").join(room), sealed("bob")
    first = alice.keys.gkid
    bob.join(room)
    assert bob.keys.gkid != first and bob.keys.taken == [bob.keys.gkid]
    alice.wait_epoch(bob.keys.gkid)
    assert alice.keys.epochs[bob.keys.gkid] == bob.keys.epochs[bob.keys.gkid]
    assert epoch_of(mrf, room) == bob.keys.gkid
    rand = {gke.Message(o).rand for o in alice.octets[-1:]} | {bob.keys.last.rand}
    assert len(rand) == 1  # one RAND for all members of an epoch
