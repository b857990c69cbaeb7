# SPDX-License-Identifier: Apache-2.0
"""Sessions that change: hold, several lines, glare, overlap, another media server."""

import signal
import time

import pytest

from peer import sdp
from peer.loop import wait
from peer.servers import poll
from peer.sdp import Sdp, message_media
from peer.sipcall import bye_reason
from peer.ue import fence
from wire import usable


ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly",
           "inactive": "inactive", None: "sendrecv"}


@pytest.mark.parametrize("offered", ANSWERS, ids=str)
def test_directions_are_answered_in_kind(ue, room, offered):
    # covers: OA-003
    alice = ue("alice")
    resp = alice.invite(room, direction=offered).expect(200)
    assert Sdp(resp.text).msg.direction == ANSWERS[offered]


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_who_holds_gets_nothing(trio, direction):
    # covers: FOC-021, OA-003, OA-002
    _, alice, bob, carol = trio
    before = Sdp(bob.call.final().text)
    resp = bob.call.reinvite(bob.offer(new=False, direction=direction)).expect(200)
    held = Sdp(resp.text)
    assert held.msg.direction == ANSWERS[direction]
    assert held.session_id == before.session_id and held.version == before.version + 1
    assert held.msg.path == before.msg.path
    alice.send_text("while held")
    fence(alice, carol)
    if direction == "sendonly":
        bob.send_text("from the holder")
        carol.wait_text("from the holder")
    resp = bob.call.reinvite(bob.offer(new=False, direction="sendrecv")).expect(200)
    assert Sdp(resp.text).msg.direction == "sendrecv"
    usable(bob.session)
    fence(alice, bob, carol)
    fence(bob, alice)
    # Dropped, or kept for later; never out of order.
    assert [t for t in bob.texts if not t.startswith("fence")] in ([], ["while held"])


def test_the_first_usable_line_is_taken_and_each_is_answered(ue, room, bystanders):
    # covers: OA-001, OA-007, MSRP-132
    alice = ue("alice")
    alice.new_session()
    port = alice.listener.addr[1]
    lines = [message_media(alice.session.local, port),
             message_media("msrp://127.0.0.1:%d/another;tcp" % port, port,
                           accept_types="image/png", extra=["a=sendonly"])]
    resp = alice.invite(room, sdp.build(lines)).expect(200)
    answer = Sdp(resp.text)
    assert [m.kind for m in answer.media] == ["message", "message"]
    assert answer.media[0].port and answer.media[1].port == 0
    alice.room = alice.uri_of(room)
    alice.take_answer(resp.text)
    alice.open_media()
    fence(alice, bystanders.one)


def test_a_line_added_later_is_refused_and_the_chat_goes_on(trio):
    # covers: OA-001, OA-002, FOC-022, MSRP-132
    _, alice, bob, carol = trio
    port = alice.listener.addr[1]
    alice.sdp_version += 1
    text = sdp.build([message_media(alice.session.local, port), ["m=audio 5000 RTP/AVP 0"]],
                     session=alice.sdp_session, version=alice.sdp_version)
    answer = Sdp(alice.call.reinvite(text).expect(200).text)
    assert [(m.kind, bool(m.port)) for m in answer.media] == [("message", True), ("audio", False)]
    assert answer.version == alice.answer.version + 1
    usable(alice.session)
    fence(alice, bob, carol)


def test_an_update_changes_like_a_reinvite(trio):
    # covers: FOC-022, OA-002, OA-003
    _, alice, bob, _ = trio
    resp = alice.call.update(alice.offer(new=False, direction="inactive")).expect(200)
    assert Sdp(resp.text).msg.direction == "inactive"
    alice.call.update(alice.offer(new=False)).expect(200)
    fence(bob, alice)


def test_an_offerless_reinvite_is_offered_what_holds(trio):
    # covers: FOC-022, MSRP-133
    _, alice, bob, carol = trio
    txn = alice.call.reinvite(None, auto_ack=False)
    resp = txn.expect(200)
    assert Sdp(resp.text).msg.path == alice.answer.msg.path
    assert Sdp(resp.text).msg.setup == "actpass"
    alice.call.ack_2xx(resp, alice.offer(new=False, setup="active").encode(), "application/sdp")
    usable(alice.session)
    fence(alice, bob, carol)
    fence(bob, alice)


def test_a_reinvite_may_be_cancelled_or_refused_and_nothing_changes(trio):
    # covers: FOC-023, FOC-025
    _, alice, bob, _ = trio
    for text in (alice.offer(new=False, accept_types="foo/bar"), "v=0\r\nrubbish\r\n"):
        assert alice.call.reinvite(text).final().code in (400, 488)
    assert alice.call.reinvite("x", [("Content-Type", "text/plain")]).final().code == 415
    assert alice.call.reinvite(alice.offer(new=False), [("Require", "x-what")]).final().code == 420
    usable(alice.session)
    fence(alice, bob)
    fence(bob, alice)


def test_old_sequence_numbers_are_refused(trio):
    # covers: FOC-022
    _, alice, bob, _ = trio
    alice.call.update().expect(200)
    msg = alice.call.build("UPDATE", cseq=1)
    assert alice.ua.start(msg).final().code == 500
    fence(bob, alice)


def follow(member, txn):
    """Answer the focus' re-INVITE and bind where it says."""
    member.take_answer(txn.request.text)
    member.role = "active"
    txn.respond(200, body=member.offer(new=False, setup="active"), content_type="application/sdp")
    txn.wait_ack()
    member.open_media()


def test_members_move_to_another_mrfp(own_mrf, ue, room):
    # covers: FOC-012, FOC-022, OA-002, MSRP-131, FOC-010
    net = own_mrf()
    members = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    alice, bob = members
    watch = alice.subscribe()
    fence(*members)
    old = [m.answer for m in members]
    net.mrfp.kill()
    net.start_mrfp()
    moves = [m.call.wait_request("INVITE", timeout=30) for m in members]
    # Our own re-INVITE while theirs waits: glare.
    assert alice.call.reinvite(alice.offer(new=False)).final().code == 491
    for member, txn, before in zip(members, moves, old):
        offer = Sdp(txn.request.text)
        assert "isfocus" in txn.request.contact.params
        assert offer.session_id == before.session_id and offer.version > before.version
        assert offer.msg.path != before.msg.path and offer.msg.setup == "actpass"
        follow(member, txn)
    fence(alice, bob)
    fence(bob, alice)
    assert not any(m.call.ended for m in members)
    assert watch.update().connected() == {alice.aor, bob.aor}


def test_members_who_do_not_follow_are_let_go_with_a_reason(own_mrf, ue, room):
    # covers: FOC-020, FOC-010
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    net.mrfp.kill()
    net.start_mrfp()
    alice.call.wait_request("INVITE", timeout=30).respond(488)
    follow(bob, bob.call.wait_request("INVITE", timeout=30))
    assert bye_reason(alice.call.wait_bye(30))[:2] == ("SIP", 503)
    poll(lambda: [u for u, p in net.participants(room).items() if p["state"] == "connected"]
         == [bob.aor])
    usable(bob.session)


def test_without_another_mrfp_the_members_are_told(own_mrf, ue, room):
    # covers: FOC-020, FOC-010
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    watch = bob.subscribe()
    net.mrfp.kill()
    for member in (alice, bob):
        proto, cause, text = bye_reason(member.call.wait_bye(30))
        assert (proto, cause) == ("SIP", 503) and text
    watch.wait(lambda r: not r.connected())
    late = ue("carol", net=net).invite(room).final()
    assert late.code == 503 and int(late.get("Retry-After")) > 0


def test_a_mrfp_that_stands_still_is_noticed(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf()
    alice = ue("alice", net=net).join(room)
    net.mrfp.signal(signal.SIGSTOP)
    start = time.monotonic()
    try:
        poll(lambda: net.api("GET", "/v1/mrfps")[1]["mrfps"][0]["state"] == "down", 15)
        assert 1.9 < time.monotonic() - start < 8  # three keep-alives of a second
        assert ue("bob", net=net).invite(room).final().code == 503
        assert net.mrfc.http("GET", "/readyz")[0] == 503
        assert net.mrfc.http("GET", "/healthz")[0] == 200
    finally:
        net.mrfp.signal(signal.SIGCONT)
    poll(lambda: net.api("GET", "/v1/mrfps")[1]["mrfps"][0]["state"] == "up", 15)
    carol, dave = [ue(n, net=net).join(room + "-new") for n in ("carol", "dave")]
    fence(carol, dave)
    # Alice was kept, moved, or told why.
    wait(lambda: alice.call.requests or not alice.conn.closed, what="alice's fate")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_same_over_ipv6(own_mrf, ue, room, transport):
    # covers: OA-008
    net = own_mrf(mrfc={"sip.address": "::1"}, mrfp={"msrp.address": "::1"})
    alice, bob = [ue(n, net=net, host="::1", transport=transport).join(room)
                  for n in ("alice", "bob")]
    answer = alice.answer
    assert answer.origin[4] == "IP6" and answer.connection == "::1"
    assert answer.msg.path[0].startswith("msrp://[::1]:")
    assert alice.call.final().contact.uri.partition("@")[2].startswith("[::1]:")
    watch = bob.subscribe()
    fence(alice, bob)
    alice.leave()
    watch.wait(lambda r: alice.aor not in r.connected())
