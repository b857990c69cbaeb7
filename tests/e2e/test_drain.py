# SPDX-License-Identifier: Apache-2.0
"""An MRFP drains: its conferences go to another one and nobody misses a line."""

import signal

import pytest

from peer.loop import wait
from peer.several import (Traffic, all_moved, another, drain, go_on, mover, mrfps, place, state,
                          undrain)
from peer.servers import poll
from peer.ue import fence


def settled(net, room, name):
    """The conference is on that MRFP and on no other."""
    def ask():
        metrics = net.mrfc.metrics()
        return place(net, room) == name and metrics.sum("mrfc_conferences_moving") == 0
    poll(ask, 20, "%s on %s" % (room, name))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_members_chat_on_while_their_conference_moves(own_mrf, ue, room, transport):
    # covers: FOC-022, OA-002
    net = own_mrf()
    members = [mover(ue("m%d" % n, net=net, transport=transport).join(room)) for n in range(8)]
    fence(members[0], *members[1:])
    another(net, "mrfp-2")
    traffic = Traffic(members)
    for n in range(5):
        traffic.round()
    drain(net, "mrfp")
    assert state(net, "mrfp") == "draining"
    for n in range(400):
        traffic.round()
        go_on(members)
        if n > 20 and all(m.followed for m in members) and place(net, room) == "mrfp-2":
            break
    all_moved(members)
    for n in range(5):
        traffic.round()
    traffic.check()
    settled(net, room, "mrfp-2")
    poll(lambda: mrfps(net)["mrfp"]["contexts"] == 0, what="an empty MRFP")
    assert mrfps(net)["mrfp"]["terminations"] == 0
    assert net.mrfc.metrics().sum("mrfc_conferences_moved_total") == 1
    fence(members[0], *members[1:])
    assert not any(m.call.ended for m in members)
    # And back.
    undrain(net, "mrfp")
    assert state(net, "mrfp") == "up"
    drain(net, "mrfp-2")
    for n in range(20):
        traffic.round()
        go_on(members)
    all_moved(members, 2)
    traffic.check()
    settled(net, room, "mrfp")
    fence(members[0], *members[1:])


def test_term_to_an_mrfp_moves_what_it_has(own_mrf, ue, room):
    # covers: FOC-022
    net = own_mrf(mrfp={"process.drain": "20s"})
    members = [mover(ue("m%d" % n, net=net).join(room)) for n in range(4)]
    fence(members[0], *members[1:])
    another(net, "mrfp-2")
    traffic = Traffic(members)
    traffic.round()
    net.mrfp.signal(signal.SIGTERM)
    for n in range(2000):
        traffic.round()
        go_on(members)
        if all(m.followed for m in members):
            break
    all_moved(members)
    for n in range(3):
        traffic.round()
    traffic.check()
    assert net.mrfp.proc.wait(15) == 0
    settled(net, room, "mrfp-2")
    fence(members[0], *members[1:])
    assert not any(m.call.ended for m in members)


def test_without_another_mrfp_the_conference_stays_until_there_is_one(own_mrf, ue, room):
    # covers: FOC-022
    net = own_mrf()
    members = [mover(ue(n, net=net).join(room)) for n in ("alice", "bob")]
    drain(net, "mrfp", 202)
    drain(net, "mrfp-none", 404)
    assert mrfps(net)["mrfp"]["state"] == "draining"
    fence(*members)
    late = ue("carol", net=net).invite(room + "-new").final()
    assert late.code == 503 and int(late.get("Retry-After")) > 0
    assert not any(m.offers for m in members)
    another(net, "mrfp-2")
    all_moved(members)
    settled(net, room, "mrfp-2")
    fence(*members)
    undrain(net, "mrfp")
    assert state(net, "mrfp") == "up"


@pytest.mark.parametrize("answers", [True, False], ids=["answers late", "never answers"])
def test_who_is_slow_when_his_conference_moves_is_waited_for(own_mrf, ue, room, answers):
    # covers: FOC-022
    net = own_mrf()
    alice, bob = [mover(ue(n, net=net).join(room)) for n in ("alice", "bob")]
    fence(alice, bob)
    another(net, "mrfp-2")
    former = bob.session.conn
    former.pause_reading()
    traffic = Traffic([alice, bob])
    for n in range(20):
        traffic.round()
    drain(net, "mrfp")
    all_moved([alice, bob])
    for n in range(5):
        traffic.round()
    net.mrfp.wait_log("goes when it has answered")
    if answers:
        former.resume_reading()
        traffic.check()  # and nothing of it comes a second time
    else:
        wait(lambda: set(t for m, t, _ in traffic.sent if m is alice) <= set(bob.texts), 20,
             "what he had not answered, again")
    settled(net, room, "mrfp-2")
    fence(alice, bob)
    fence(bob, alice)


def test_who_does_not_follow_is_let_go_and_the_others_go_on(own_mrf, ue, room):
    # covers: FOC-020
    net = own_mrf()
    alice, bob = [mover(ue(n, net=net).join(room)) for n in ("alice", "bob")]
    carol = ue("carol", net=net).join(room)  # her re-INVITE is answered by the test
    another(net, "mrfp-2")
    drain(net, "mrfp")
    all_moved([alice, bob])
    waiting = carol.call.wait_request("INVITE", timeout=20)
    fence(alice, bob)  # the hold ends without her
    carol.send_text("still here")
    bob.wait_text("still here")
    alice.wait_text("still here")
    waiting.respond(488)
    carol.call.wait_bye(20)
    settled(net, room, "mrfp-2")
    fence(alice, bob)
    assert alice.texts.count("still here") == bob.texts.count("still here") == 1


def test_who_comes_and_goes_while_a_conference_moves(own_mrf, ue, room):
    # covers: FOC-022
    net = own_mrf(mrfc={"mp.move_rate": "4"})
    members = [mover(ue("m%d" % n, net=net).join(room)) for n in range(6)]
    fence(members[0], *members[1:])
    another(net, "mrfp-2")
    drain(net, "mrfp")
    poll(lambda: go_on(members) or any(m.followed for m in members), what="the first to move")
    gone, stay = members[0], members[1:]
    gone.leave()
    new = mover(ue("new", net=net).join(room))
    assert new.answer.msg.path != stay[0].answer.msg.path
    traffic = Traffic(stay + [new])
    for n in range(40):
        traffic.round()
        go_on(stay)
    all_moved(stay)
    traffic.check()
    settled(net, room, "mrfp-2")
    assert not new.offers
    fence(new, *stay)


@pytest.mark.parametrize("stopped", ["mrfc", "mrfp"])
def test_who_has_just_come_hears_who_is_still_at_the_other_mrfp(own_mrf, ue, room, stopped):
    # covers: FOC-022, IMS-007
    net = own_mrf()
    alice, bob = [mover(ue(n, net=net).join(room)) for n in ("alice", "bob")]
    carol = ue("carol", net=net).join(room)  # she moves when the test lets her
    fence(carol, alice, bob)
    another(net, "mrfp-2")
    drain(net, "mrfp")
    all_moved([alice, bob])
    waiting = carol.call.wait_request("INVITE")
    carol.send_text("before")
    new = mover(ue("new", net=net).join(room, connect=False))
    # His connection tells him that he is in; who serves carol cannot know of it yet.
    server = getattr(net, stopped)
    server.signal(signal.SIGSTOP)
    try:
        new.open_media()
        said = carol.send("welcome")
    finally:
        server.signal(signal.SIGCONT)
    assert said.status() == 200
    talk = carol.session
    waiting.respond(200, body=carol.offer(setup="active"), content_type="application/sdp")
    carol.take_answer(waiting.request.text)
    carol.role = "active"
    carol.open_media()
    settled(net, room, "mrfp-2")
    new.wait_text("welcome")
    fence(carol, alice, bob, new)
    fence(new, alice, bob, carol)
    for m in (alice, bob, new):
        assert m.texts.count("welcome") == 1 and m.texts.count("before") == (m is not new)
    assert talk is not carol.session


def test_private_messages_for_who_has_not_answered_yet_are_taken(own_mrf, ue, room):
    # covers: SW-050
    net = own_mrf()
    alice = mover(ue("alice", net=net).join(room))
    bob = ue("bob", net=net).join(room)
    fence(alice, bob)
    another(net, "mrfp-2")
    drain(net, "mrfp")
    all_moved([alice])
    waiting = bob.call.wait_request("INVITE", timeout=20)
    assert alice.talk.send(alice.cpim("psst", bob)).status() == 200
    waiting.respond(200, body=bob.offer(setup="active"), content_type="application/sdp")
    bob.take_answer(waiting.request.text)
    bob.role = "active"
    bob.open_media()
    settled(net, room, "mrfp-2")
    bob.wait_text("psst")
    fence(bob, alice)
    assert bob.texts.count("psst") == 1


def test_private_messages_reach_who_has_moved_and_who_has_not(own_mrf, ue, room):
    # covers: SW-050
    net = own_mrf()
    alice, bob = [mover(ue(n, net=net).join(room)) for n in ("alice", "bob")]
    fence(alice, bob)
    another(net, "mrfp-2")
    drain(net, "mrfp")
    wait(lambda: alice.offers and bob.offers, 10, "re-INVITEs")
    go_on([alice])
    for n in range(5):
        assert alice.talk.send(alice.cpim("psst %d" % n, bob)).status() == 200
        assert bob.talk.send(bob.cpim("pst %d" % n, alice)).status() == 200
    go_on([bob])
    settled(net, room, "mrfp-2")
    fence(alice, bob)
    fence(bob, alice)
    assert [t for t in bob.texts if t.startswith("psst")] == ["psst %d" % n for n in range(5)]
    assert [t for t in alice.texts if t.startswith("pst")] == ["pst %d" % n for n in range(5)]
