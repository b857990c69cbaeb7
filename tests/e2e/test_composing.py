# SPDX-License-Identifier: Apache-2.0
"""Typing indications through the switch: as content in small rooms, sampled in large ones."""

import pytest

from peer import imdn
from peer.msrpmsg import new_id
from peer.ue import fence


def states(ue, sender):
    """States of a sender that a terminal saw, in order."""
    return [b"<state>active</state>" in c.content for c in ue.chats
            if c.content_type == imdn.COMPOSING and c.from_ == sender.aor]


def say(ue, state="active", **kwargs):
    return ue.session.send(ue.cpim(imdn.composing(state), content_type=imdn.COMPOSING, **kwargs))


def test_a_small_room_passes_every_indication(trio):
    # covers: COMP-001, COMP-003, IMS-012
    _, alice, bob, carol = trio
    for state in ("active", "active", "idle", "thinking"):
        data = alice.cpim(imdn.composing(state, refresh=60), content_type=imdn.COMPOSING)
        assert alice.session.send(data).status() == 200
        fence(alice, bob, carol)
        assert data in [m.data for m in bob.session.messages]
    assert states(carol, alice) == [True, True, False, False]


def test_only_legs_that_take_the_type_get_a_bare_one(ue, trio):
    # covers: COMP-003
    room, alice, bob, _ = trio
    both = ue("dave").join(room, accept_types="message/cpim " + imdn.COMPOSING)
    assert alice.session.send(imdn.composing(), imdn.COMPOSING).status() == 200
    fence(alice, bob, both)
    assert imdn.composing() in [m.data for m in both.session.messages]
    assert imdn.composing() not in [m.data for m in bob.session.messages]


@pytest.fixture
def crowd(own_mrf, ue, room):
    def make(size, **options):
        net = own_mrf(mrfp={"composing.limit": 5, **options})
        return net, [ue("user%d" % i, net=net).join(room, accept_types="*") for i in range(size)]
    return make


def suppressed(net):
    return net.mrfp.metrics().sum("mrfp_composing_suppressed_total")


def test_a_large_room_passes_one_active_of_a_sender_an_interval(crowd):
    # covers: COMP-003
    net, members = crowd(30, **{"composing.interval": "600s", "composing.rate": 1000})
    alice, bob = members[0], members[1]
    for _ in range(3):
        assert say(alice).status() == 200
    assert say(alice, "idle").status() == 200
    assert say(alice, "idle").status() == 200
    assert say(alice).status() == 200
    fence(alice, *members[1:])
    for other in members[1:]:
        assert states(other, alice) == [True, False]
    assert suppressed(net) == 4
    assert say(bob, "idle").status() == 200  # nobody was told that he is active
    assert say(bob).status() == 200
    assert bob.session.send(imdn.composing(), imdn.COMPOSING).status() == 200
    fence(bob, alice)
    assert states(alice, bob) == [True]
    assert suppressed(net) == 6
    m = net.mrfp.wait_metric(lambda m: m.sum("mrfp_copies_open") == 0)
    assert m.sum("mrfp_copies_total", **{"class": "composing"}) == 3 * 29
    assert m.sum("mrfp_messages_total", **{"class": "composing", "result": "accepted"}) == 9
    # to one member it is no matter of the room
    for _ in range(2):
        assert say(alice, to=bob).status() == 200
    fence(alice, bob)
    assert states(bob, alice) == [True, False, True, True]


def test_a_sender_may_tell_again_after_the_interval(crowd):
    # covers: COMP-003
    net, members = crowd(7, **{"composing.interval": "100ms"})
    alice, bob = members[0], members[1]
    sent = 0
    while len(states(bob, alice)) < 2:
        sent += 1
        assert sent < 2000
        assert say(alice).status() == 200
    fence(alice, bob)
    assert suppressed(net) == sent - len(states(bob, alice))


def test_a_room_has_a_rate_of_active_states(crowd):
    # covers: COMP-003
    net, members = crowd(12, **{"composing.interval": "0", "composing.rate": 0})
    for one in members[1:]:
        assert say(one).status() == 200
        fence(one, members[0])
    assert not [c for c in members[0].chats if c.content_type == imdn.COMPOSING]
    assert suppressed(net) == 11


def test_indications_too_long_to_look_at_are_refused_in_a_large_room(crowd):
    # covers: COMP-003
    net, members = crowd(7, **{"composing.interval": "600s"})
    alice, bob = members[0], members[1]
    padded = imdn.composing(more=" " * 9000)
    assert alice.session.send(padded, imdn.COMPOSING).status() == 413
    wrapped = alice.cpim(padded, content_type=imdn.COMPOSING)
    assert alice.session.send(wrapped).status() == 413
    mid = new_id("m")
    tx = alice.conn.send(alice.session.chunk(wrapped, 1, None, "$", message_id=mid))
    assert tx.status() == 413
    fence(alice, bob)
    assert states(bob, alice) == [] and suppressed(net) == 0


def test_indications_are_no_messages_in_the_account(own_mrf, ue, room):
    # covers: COMP-003
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    assert say(alice).status() == 200
    tx = alice.session.send(alice.cpim(imdn.composing("idle"), content_type=imdn.COMPOSING))
    assert tx.status() == 200
    fence(alice, bob)
    m = net.mrfp.wait_metric(lambda m: m.sum("mrfp_copies_open") == 0)
    assert m.sum("mrfp_copies_settled_total", **{"class": "chat", "outcome": "delivered"}) == 1
    assert m.sum("mrfp_copies_settled_total", **{"class": "composing", "outcome": "delivered"}) == 2
    assert alice.session.reports == []
