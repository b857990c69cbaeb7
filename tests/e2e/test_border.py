# SPDX-License-Identifier: Apache-2.0
"""Sessions through a border controller: CEMA (RFC 6714), and controllers that rewrite the path."""

import pytest

from peer import sdp
from peer.border import Border
from peer.loop import wait
from peer.msrpmsg import Uri
from peer.ue import fence
from wire import exchange, gone, replaced

NOWHERE = "msrp://a1b2c3.invalid:2855/%s;tcp"


@pytest.fixture
def border(mrf):
    made = []

    def make(net=mrf, **options):
        made.append(Border(net, **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def anchored(border):
    """Octets that the border has passed on, in all."""
    return sum(place.octets for place in border.media)


@pytest.mark.parametrize("setup, ours", [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
def test_with_cema_the_media_pass_the_border(border, ue, room, setup, ours):
    # covers: CEMA-001, CEMA-002, CEMA-006
    bob = ue("bob").join(room)
    sbc = border()
    alice = ue("alice", sbc.net, cema=True)
    alice.new_session("s9Qx7Lk2mR4tV8wZ")
    alice.session.local = NOWHERE % "s9Qx7Lk2mR4tV8wZ"
    text = alice.offer(new=False, setup=setup)
    resp = alice.invite(room, text).expect(200)
    alice.take_answer(resp.text)
    assert alice.answer.msg.get("msrp-cema") is not None and alice.answer.msg.setup == ours
    assert Uri(alice.session.remote[0]).addr != alice.answer.address(alice.answer.msg)
    alice.room = alice.uri_of(room)
    alice.open_media()
    fence(alice, bob)
    fence(bob, alice)
    assert anchored(sbc) > 0
    assert all(f.to_path == [alice.session.local] for f in alice.conn.frames if not f.is_response)


def test_without_cema_a_border_in_the_way_is_refused_where_we_would_connect(border, ue, room):
    # covers: CEMA-003, IMS-009
    bob = ue("bob").join(room)
    sbc = border()
    alice = ue("alice", sbc.net)
    refused = alice.invite(room, alice.offer(setup="passive")).final()
    assert refused.code == 488 and "305" in refused.get("Warning")
    assert not sbc.media or anchored(sbc) == 0
    carol = ue("carol", sbc.net).join(room, setup="active", port=9)
    assert carol.answer.msg.get("msrp-cema") is None
    fence(carol, bob)
    fence(bob, carol)


def test_a_border_that_rewrites_the_path_is_seen_through(border, ue, room):
    # covers: IMS-008
    bob = ue("bob").join(room)
    sbc = border(rewrite_path=True, strip_cema=True)
    alice = ue("alice", sbc.net).join(room)
    assert Uri(alice.session.remote[0]).addr == sbc.places[bob.answer.address(bob.answer.msg)].addr
    fence(alice, bob)
    fence(bob, alice)
    assert anchored(sbc) > 0
    # by its session-id alone, and by nothing less
    wrong = replaced(alice.session.remote[0], session="noSuchSessionHere")
    assert exchange(alice.session, to=wrong) == 481
    fence(bob, alice)


def test_where_paths_are_compared_whole_the_rewritten_one_is_a_stranger(own_mrf, border, ue, room):
    # covers: IMS-008, MSRP-031
    net = own_mrf(mrfc={"media.anchor": "rfc4975", "media.cema": "off"})
    bob = ue("bob", net).join(room)
    sbc = border(net, rewrite_path=True)
    alice = ue("alice", sbc.net)
    alice.join(room, connect=False)
    alice.session.connect()
    assert exchange(alice.session) == 481
    gone(alice.session)
    assert anchored(sbc) > 0 and bob.session.reports == []


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_a_called_peer_without_cema_behind_a_border_gets_another_offer(mrf, border, ue, room, setup):
    # covers: CEMA-001, CEMA-005
    alice = ue("alice").join(room)
    sbc = border(strip_cema=True)
    bob = ue("bob", sbc.net)
    sbc.register(bob)
    status, _ = mrf.api("POST", "/v1/conferences/%s/participants" % room,
                        {"uri": "sip:bob@%s" % sbc.at})
    assert status == 202
    call = bob.wait_invite()
    # As the focus sent it: with CEMA, and the border in front of the MRFP.
    offers = [m for m in sbc.passed if m.method == "INVITE"]
    assert len(offers) == 1
    bob.accept(setup=setup, connect=setup == "passive")
    if setup == "active":
        again = wait(lambda: [r for r in bob.ua.seen("in", "INVITE")][1:], what="a second offer")[0]
        assert sdp.Sdp(again.text).msg.get("msrp-cema") is None
        assert not call.ended
        bob.open_media()
    fence(alice, bob)
    fence(bob, alice)


def test_cema_can_be_turned_off(own_mrf, border, ue, room):
    # covers: CEMA-001
    net = own_mrf(mrfc={"media.cema": "off"})
    alice = ue("alice", net, cema=True).join(room)
    assert alice.answer.msg.get("msrp-cema") is None
    bob = ue("bob", net)
    status, _ = net.api("POST", "/v1/conferences/%s/participants" % room,
                        {"uri": "sip:bob@127.0.0.1:%d" % bob.ua.port})
    assert status == 202
    bob.wait_invite()
    assert sdp.Sdp(bob.call.offer).msg.get("msrp-cema") is None
    bob.accept()
    fence(alice, bob)
