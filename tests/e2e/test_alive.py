# SPDX-License-Identifier: Apache-2.0
"""Dead peers and sessions without traffic are found; who answers stays."""

import pytest

from peer.loop import wait
from peer.sipcall import bye_reason
from peer.ue import fence


def asked(ue):
    """Empty SENDs of the switch."""
    return [f for f in ue.conn.frames if f.method == "SEND" and f.body is None]


def test_a_silent_peer_is_asked_and_one_that_answers_stays(own_mrf, ue, room):
    # covers: IMS-022, MSRP-055, MSRP-071
    net = own_mrf(mrfp={"msrp.keepalive": "1s", "msrp.response_timeout": "1s"})
    alice, bob = ue("alice", net).join(room), ue("bob", net).join(room)
    for one in (alice, bob):
        frames = wait(lambda one=one: asked(one)[1:] and asked(one), 20, "two empty SENDs to " + one.name)
        assert all(f.get("Byte-Range") == "1-0/0" and f.flag == "$" for f in frames)
        assert len({f.message_id for f in frames}) == len(frames)
    fence(alice, bob)
    fence(bob, alice)
    assert not alice.call.ended and not bob.call.ended
    assert alice.session.messages[0].complete and len(alice.session.messages) == 1
    assert net.mrfp.metrics()["mrfp_keepalives_sent_total"] >= 4


def test_a_peer_that_gives_no_sign_of_life_is_lost(own_mrf, ue, room):
    # covers: IMS-022, FOC-020
    net = own_mrf(mrfc={"media.grace": "200ms"},
                  mrfp={"msrp.keepalive": "1s", "msrp.response_timeout": "1s"})
    alice, bob = ue("alice", net).join(room), ue("bob", net).join(room)
    alice.conn.answer = lambda frame: None
    assert bye_reason(alice.call.wait_bye(30))[:2] == ("SIP", 408)
    assert alice.conn.closed and asked(alice)
    net.wait_participants(room, lambda p: p.get(alice.aor, {}).get("state") in (None, "disconnected"))
    assert net.mrfp.metrics()['mrfp_legs_cut_total{cause="idle"}'] == 1
    assert not bob.call.ended
    fence(bob)


def test_any_octet_is_a_sign_of_life(own_mrf, ue, room):
    # covers: IMS-022
    net = own_mrf(mrfp={"msrp.keepalive": "1s", "msrp.response_timeout": "1s"})
    alice, bob = ue("alice", net).join(room), ue("bob", net).join(room)

    def talk_instead(frame):
        """No response to the question, but a line of chat."""
        if frame.body is None:
            alice.send("line %d" % len(asked(alice)))
            return None
        return 200

    alice.conn.answer = talk_instead
    wait(lambda: len(asked(alice)) >= 3, 30, "a third question")
    bob.wait_text("line 3")
    assert not alice.call.ended and not alice.conn.closed


def test_a_session_without_messages_ends_when_it_is_set_so(own_mrf, ue, room):
    # covers: IMS-022, FOC-020
    net = own_mrf(mrfp={"msrp.session_idle": "3s", "msrp.keepalive": "1s"})
    alice, bob = ue("alice", net).join(room), ue("bob", net).join(room)
    fence(alice, bob)
    reasons = [bye_reason(one.call.wait_bye(30)) for one in (alice, bob)]
    assert reasons == [("SIP", 408, "Session idle")] * 2
    assert asked(alice) and asked(bob)  # which are no traffic
    assert net.mrfp.metrics()['mrfp_legs_cut_total{cause="quiet"}'] == 2


@pytest.mark.parametrize("place", ["own msrp", "own admin", "224.0.0.1:2855", "255.255.255.255:2855",
                                   "0.0.0.0:2855"])
def test_the_switch_is_not_sent_to_itself_or_to_groups(own_mrf, ue, room, place):
    # covers: CMD-004, MSRP-039
    net = own_mrf(mrfp={"msrp.connect_allow": "0.0.0.0/0,::/0"})
    bob = ue("bob", net).join(room)
    own = {"own msrp": net.msrp, "own admin": net.mrfp.address("admin")}
    if place in own:
        place = "%s:%d" % own[place]
    host, _, port = place.rpartition(":")
    alice = ue("alice", net)
    before = net.mrfp.metrics()["mrfp_connections_total"]
    path = "msrp://%s/aQ9x2Lk71zT;tcp" % place
    text = alice.offer(setup="passive", path=path, port=int(port), address=host)
    assert alice.invite(room, text).final().code == 488
    assert net.mrfp.metrics()["mrfp_connections_total"] == before
    fence(bob)
