# SPDX-License-Identifier: Apache-2.0
"""Who connects: both roles, in answers and in offers of the focus."""

import pytest

from peer.msrpmsg import Uri
from peer.sipcall import bye_reason
from peer.ue import fence
from wire import usable


@pytest.mark.parametrize("setup, answer", [("actpass", "passive"), ("active", "passive"),
                                           (None, "passive"), ("holdconn", "passive"),
                                           ("passive", "active")])
def test_the_answer_takes_the_role_that_is_left(ue, room, setup, answer):
    # covers: CMD-001, CMD-003, CMD-004, CMD-005, MSRP-040
    bob = ue("bob").join(room)
    alice = ue("alice").join(room, setup=setup)
    assert alice.answer.msg.setup == answer
    assert alice.role == ("passive" if answer == "active" else "active")
    fence(alice, bob)
    fence(bob, alice)


@pytest.mark.parametrize("setup, answer", [("actpass", "active"), ("active", "passive"), (None, "passive")])
def test_the_switch_connects_where_the_choice_is_ours_and_set_so(own_mrf, ue, room, setup, answer):
    # covers: CMD-011, CMD-004, CMD-008
    net = own_mrf(mrfc={"media.setup": "active"})
    bob = ue("bob", net).join(room)
    alice = ue("alice", net).join(room, setup=setup)
    assert alice.answer.msg.setup == answer
    assert alice.role == ("passive" if answer == "active" else "active")
    fence(alice, bob)
    fence(bob, alice)


def test_the_active_switch_binds_with_a_bodiless_send(ue, room):
    # covers: MSRP-041, CMD-008, MSRP-071
    alice = ue("alice").join(room, setup="passive")
    first = alice.conn.frames[0]
    assert first.method == "SEND" and first.body is None and first.flag == "$"
    assert first.get("Byte-Range") == "1-0/0" and first.message_id
    assert first.to_path == [alice.session.local]
    assert first.from_path == [alice.session.remote[0]]


def invite_by_focus(net, room, member):
    status, _ = net.api("POST", "/v1/conferences/%s/participants" % room, {
        "uri": "sip:%s@127.0.0.1:%d" % (member.name, member.ua.port)})
    assert status == 202
    return member.wait_invite()


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_the_focus_offers_both_roles(ue, room, mrf, setup):
    # covers: CMD-002, CMD-007, CMD-008
    alice = ue("alice").join(room)
    bob = ue("bob")
    invite_by_focus(mrf, room, bob)
    from peer import sdp
    offer = sdp.Sdp(bob.call.offer)
    assert offer.msg.setup == "actpass" and offer.msg.get("connection") is None
    assert Uri(offer.msg.path[0]).addr == offer.address(offer.msg) == mrf.msrp
    bob.accept(setup=setup)
    bob.room = alice.room
    fence(alice, bob)
    fence(bob, alice)
    if setup == "passive":
        assert bob.conn in bob.listener.connections
        assert bob.conn.frames[0].get("Byte-Range") == "1-0/0"


def test_where_the_switch_may_not_connect_the_call_is_refused(own_mrf, ue, room):
    # covers: CMD-004
    net = own_mrf(mrfp={"msrp.connect_allow": "192.0.2.0/24"})
    bob = ue("bob", net=net).join(room)
    alice = ue("alice", net=net)
    code = alice.invite(room, alice.offer(setup="passive")).final().code
    assert code in (403, 488)
    alice = ue("alice", net=net).join(room, setup="actpass")
    fence(alice, bob)
    assert not alice.call.ended


def test_a_passive_peer_that_cannot_be_reached_is_hung_up_on(own_mrf, ue, room):
    # covers: CMD-008, FOC-020
    net = own_mrf(mrfc={"media.grace": "300ms"}, mrfp={"msrp.connect_timeout": "1s"})
    bob = ue("bob", net=net).join(room)
    alice = ue("alice", net=net)
    alice.listener.close()
    call = alice.invite(room, alice.offer(setup="passive"))
    # The attempt starts with the offer: it may be over before the answer is out.
    if call.expect((200, 408, 488)).code == 200:
        assert bye_reason(call.wait_bye(30))[:2] == ("SIP", 408)
    net.wait_participants(room, lambda p: alice.aor not in p or
                          p[alice.aor]["state"] == "disconnected")
    usable(bob.session)


def test_the_switch_may_be_told_to_connect(own_mrf, ue, room):
    # covers: CMD-011, CMD-004, CMD-008
    net = own_mrf(mrfc={"media.setup": "active"})
    alice = ue("alice", net=net).join(room)
    assert (alice.answer.msg.setup, alice.role) == ("active", "passive")
    assert alice.conn.frames[0].get("Byte-Range") == "1-0/0"
    # who must be active is so all the same
    bob = ue("bob", net=net).join(room, setup="active")
    assert (bob.answer.msg.setup, bob.role) == ("passive", "active")
    fence(alice, bob)
    fence(bob, alice)
