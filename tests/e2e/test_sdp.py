# SPDX-License-Identifier: Apache-2.0
"""Offer and answer for the message line: what the focus refuses, answers and learns."""

import pytest

from peer import sdp
from peer.msrpmsg import Uri, new_id
from peer.sdp import message_media
from peer.ue import fence
from wire import usable


@pytest.fixture
def alice(ue):
    return ue("alice")


def answered(member, room, text):
    """INVITE with this offer; the parsed answer of its 200."""
    member.invite(room, text)
    member.room = member.uri_of(room)
    member.take_answer(member.call.expect(200).text)
    return member.answer


def test_the_answer_has_all_a_chat_room_says(alice, room, mrf):
    # covers: MSRP-120, MSRP-121, MSRP-036, SW-003, SW-004, SW-005, SW-006, CMD-001, CMD-007
    answer = answered(alice, room, alice.offer())
    media = answer.msg
    uri = Uri(media.path[0])
    assert (media.kind, media.proto, media.fmt) == ("message", "TCP/MSRP", "*")
    assert answer.address(media) == uri.addr == mrf.msrp
    assert media.accept_types == ["message/cpim"]
    wrapped = [t.lower() for t in media.accept_wrapped_types]
    assert "*" in wrapped or "text/plain" in wrapped
    assert sorted(media.chatroom) == ["nickname", "private-messages"]
    assert media.setup == "passive" and len(media.path) == 1 and media.max_size > 65536
    assert media.get("connection") is None
    assert answer.order.startswith("vosct") or answer.order.startswith("vost")


def test_an_offer_without_chatroom_still_gets_it_in_the_answer(alice, room):
    # covers: SW-005
    answer = answered(alice, room, alice.offer(chatroom=None))
    assert "private-messages" in answer.msg.chatroom


REFUSED = {
    # covers: MSRP-122
    "no path": dict(path=None),
    "empty path": dict(path=""),
    "path is no URI": dict(path="somewhere"),
    # covers: MSRP-036
    "path without port": dict(path="msrp://127.0.0.1/abcdefgh;tcp"),
    # covers: MSRP-034
    "path without transport": dict(path="msrp://127.0.0.1:7000/abcdefgh"),
    # covers: MSRP-123
    "no accept-types": dict(accept_types=None),
    # covers: MSRP-127
    "no common type": dict(accept_types="foo/bar"),
    # covers: SW-002
    "no message/cpim": dict(accept_types="text/plain text/html"),
    # covers: MSRP-129
    "msrps over TCP": dict(path="msrps://127.0.0.1:7000/abcdefgh;tcp"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_offer_without_a_usable_message_line_is_488(alice, room, bystanders, case):
    call = alice.invite(room, alice.offer(**REFUSED[case]))
    assert call.expect(488)
    bystanders.undisturbed()


ACCEPTED = {
    # covers: MSRP-120
    "types in the format list": dict(fmt="text/plain"),
    # covers: MSRP-124
    "every type": dict(accept_types="*"),
    "every message type": dict(accept_types="message/*"),
    "other case": dict(accept_types="TEXT/Plain Message/CPIM"),
    # covers: MSRP-125
    "nothing about wrapped types": dict(wrapped=None),
    # covers: CMD-003
    "holdconn": dict(setup="holdconn"),
    # covers: CMD-005, MSRP-040
    "no setup": dict(setup=None),
    # covers: CMD-009
    "connection": dict(extra=["a=connection:new"]),
    # covers: SW-006
    "nicknames in plural": dict(chatroom="nicknames private-messages com.example.x"),
    "bare chatroom": dict(chatroom=""),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_unusual_offers_are_accepted(alice, room, bystanders, case):
    answer = answered(alice, room, alice.offer(**ACCEPTED[case]))
    assert answer.msg.setup == "passive" and answer.msg.get("connection") is None
    alice.open_media()
    alice.send_text("it works")
    assert bystanders.one.wait_text("it works")
    bystanders.one.send_text("both ways")
    alice.wait_text("both ways")


def key_management(n, value="mikey AQAF"):
    return {"extra": ["a=key-mgmt:" + value] * n}


def test_key_management_in_an_open_conference_is_not_answered(alice, room):
    answer = answered(alice, room, alice.offer(**key_management(8)))
    assert answer.msg.get("key-mgmt") is None
    alice.open_media()


@pytest.mark.parametrize("case", [key_management(9), key_management(1, "mikey " + "A" * 8192)])
def test_key_management_beyond_its_limits_is_488(alice, room, bystanders, case):
    # covers: KM-004
    assert alice.invite(room, alice.offer(**case)).expect(488)
    bystanders.undisturbed()


def test_other_lines_are_refused_in_their_place(alice, room):
    # covers: MSRP-132, OA-001
    alice.new_session()
    media = message_media(alice.session.local, alice.listener.addr[1])
    answer = answered(alice, room, sdp.build([
        ["m=audio 49170 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"], media, ["m=video 9 RTP/AVP 31"]]))
    assert [(m.kind, m.port == 0) for m in answer.media] == [
        ("audio", True), ("message", False), ("video", True)]
    alice.open_media()


def test_an_offer_with_nothing_for_a_chat_is_488(alice, room):
    # covers: MSRP-134
    call = alice.invite(room, sdp.build([["m=audio 49170 RTP/AVP 0"]]))
    resp = call.expect(488)
    assert (resp.get("Warning") or "")[:3] in ("304", "305")
    alice.new_session()
    dead = message_media(alice.session.local, 0)
    assert alice.invite(room, sdp.build([dead])).expect(488)


def test_an_invite_without_offer_is_offered_one(alice, room, bystanders):
    # covers: MSRP-133, CMD-002
    call = alice.ua.invite(alice.uri_of(room), None, auto_ack=False)
    alice.call, alice.room = call, alice.uri_of(room)
    offer = sdp.Sdp(call.expect(200).text)
    assert offer.msg.setup == "actpass" and offer.msg.accept_types == ["message/cpim"]
    answer = alice.offer(setup="active")
    alice.take_answer(offer.text)
    call.ack(answer)
    alice.open_media()
    alice.send_text("late answer")
    bystanders.one.wait_text("late answer")


@pytest.mark.parametrize("answer", [
    None, "v=0\r\nnonsense\r\n",
    sdp.build([message_media("msrp://127.0.0.1:9/x;tcp", 0, setup="active")]),
    sdp.build([message_media(None, 9, setup="active")])], ids=["none", "broken", "port 0", "no path"])
def test_a_bad_answer_in_the_ack_ends_the_call(alice, room, bystanders, answer):
    # covers: MSRP-133
    call = alice.ua.invite(alice.uri_of(room), None, auto_ack=False)
    alice.call = call
    call.expect(200)
    call.ack(answer)
    call.wait_bye()
    bystanders.undisturbed()


def test_a_receiver_gets_only_what_it_accepts(ue, trio):
    # covers: MSRP-126, MSRP-125, SW-029, SW-030
    room, alice, bob, carol = trio
    picky = ue("dave").join(room, wrapped="text/plain")
    stars = ue("erik").join(room, wrapped="image/* text/*")
    free = ue("fred").join(room, wrapped=None)
    png = alice.cpim(b"\x89PNG", content_type="image/png")
    assert alice.session.send(png).status() == 200
    alice.send_text("a pdf", content_type="application/pdf")
    fence(alice, bob, carol, picky, stars, free)
    assert [c.content_type for c in picky.chats] == ["text/plain"]
    assert [c.content_type for c in stars.chats] == ["image/png", "text/plain"]
    assert [c.content_type for c in free.chats] == ["image/png", "application/pdf", "text/plain"]
    assert alice.session.reports == []


def test_a_restriction_goes_with_the_offer_that_names_none(ue, trio):
    # covers: SW-030, MSRP-125
    _, alice, bob, carol = trio
    dave = ue("dave").join(trio[0], wrapped="text/plain")
    png = alice.cpim(b"\x89PNG", content_type="image/png")
    assert alice.session.send(png).status() == 200
    fence(alice, bob, carol, dave)
    dave.call.reinvite(dave.offer(new=False, wrapped=None)).expect(200)
    assert alice.session.send(png).status() == 200
    fence(alice, bob, carol, dave)
    assert [c.content_type for c in dave.chats] == ["text/plain", "image/png", "text/plain"]


def test_a_receiver_gets_nothing_larger_than_it_said(ue, trio, mrf):
    # covers: MSRP-128
    room, alice, bob, carol = trio
    small = ue("dave").join(room, max_size=1000)
    before = mrf.mrfp.metrics().sum("mrfp_copies_settled_total", outcome="skipped")
    alice.send_text("x" * 2000)
    alice.send_text("short")
    fence(alice, bob, carol, small)
    assert small.texts[0] == "short" and "x" * 2000 in bob.texts
    assert mrf.mrfp.metrics().sum("mrfp_copies_settled_total", outcome="skipped") == before + 1


def test_the_same_offer_again_changes_nothing(trio):
    # covers: MSRP-131, OA-002
    _, alice, bob, _ = trio
    alice.sdp_version -= 1
    txn = alice.call.reinvite(alice.offer(new=False))
    again = sdp.Sdp(txn.expect(200).text)
    assert again.origin == alice.answer.origin and again.msg.path == alice.answer.msg.path
    usable(alice.session)
    fence(bob, alice)
    fence(alice, bob)


def test_a_new_path_makes_a_new_session(trio):
    # covers: MSRP-131, OA-002
    _, alice, bob, carol = trio
    old, answer = alice.session, alice.answer
    txn = alice.call.reinvite(alice.offer())
    alice.take_answer(txn.expect(200).text)
    assert alice.answer.session_id == answer.session_id
    assert alice.answer.version == answer.version + 1 or alice.answer.text == answer.text
    alice.open_media()
    fence(bob, alice, carol)
    fence(alice, bob, carol)
    assert old.messages == []


def test_a_reinvite_that_fails_leaves_all_as_it_was(trio):
    # covers: FOC-023
    _, alice, bob, _ = trio
    session = alice.session
    assert alice.call.reinvite(alice.offer(accept_types="foo/bar")).final().code == 488
    alice.session = session
    usable(session)
    fence(bob, alice)


def test_chatroom_at_session_level_is_no_chatroom(ue, trio):
    # covers: SW-007, SW-008
    room, alice, bob, carol = trio
    odd = ue("dave")
    odd.new_session()
    media = message_media(odd.session.local, odd.listener.addr[1], chatroom=None)
    answered(odd, room, sdp.build([media], session_attrs=["a=chatroom:private-messages"]))
    odd.open_media()
    assert alice.send("psst", to=odd).status() == 428
    fence(alice, odd, bob, carol)


def test_a_later_offer_without_chatroom_switches_it_off(trio):
    # covers: SW-008, SW-009
    _, alice, bob, carol = trio
    alice.private(bob, "first")
    bob.wait_text("first")
    bob.call.reinvite(bob.offer(new=False, chatroom=None)).expect(200)
    assert alice.send("second", to=bob).status() == 428
    bob.call.reinvite(bob.offer(new=False)).expect(200)
    alice.private(bob, "third")
    bob.wait_text("third")
    fence(alice, bob, carol)
    assert "second" not in bob.texts


def test_the_participant_is_known_by_every_asserted_uri(ue, trio):
    # covers: SW-010
    room, alice, bob, carol = trio
    tel = ue("dave", assert_identity="<sip:dave@example.com>, <tel:+15551230004>").join(room)
    assert tel.send("by number", from_="tel:+15551230004").status() == 200
    bob.wait_text("by number")
    assert tel.send("by another", from_="tel:+15551230005").status() == 403
    alice.private("tel:+15551230004", "to the number")
    tel.wait_text("to the number")
    fence(alice, bob, carol)
    assert "to the number" not in bob.texts + carol.texts


def test_the_focus_says_what_it_is(alice, room):
    # covers: SW-011
    alice.join(room)
    resp = alice.call.final()
    assert "isfocus" in resp.contact.params
    assert resp.contact.uri.startswith("sip:%s@" % room)
    assert "text" not in resp.contact.params


@pytest.mark.parametrize("session_id", ["1", "x" * 100, "a.b-c_d~e", "a+b=c/d"])
def test_session_ids_of_the_peer_may_look_as_they_like(ue, trio, session_id):
    # covers: IMS-021
    room, alice, bob, carol = trio
    odd = ue("dave")
    odd.new_session(session_id)
    call = odd.invite(room, odd.offer(new=False))
    odd.room = odd.uri_of(room)
    odd.take_answer(call.expect(200).text)
    odd.open_media()
    fence(odd, alice, bob, carol)
    fence(alice, odd)


def test_the_authority_of_a_path_may_have_been_rewritten(ue, trio, mrf):
    # covers: IMS-008
    room, alice, bob, carol = trio
    moved = ue("dave").join(room, connect=False)
    real = Uri(moved.session.remote[0])
    moved.session.remote = ["msrp://203.0.113.7:4000/%s;tcp" % real.session]
    moved.session.local = "msrp://203.0.113.8:5000/%s;tcp" % Uri(moved.session.local).session
    from peer.msrp import Connection
    moved.session.attach(Connection.connect(mrf.msrp))
    moved.conns.append(moved.session.conn)
    moved.session.bind()
    fence(moved, alice, bob, carol)
    fence(alice, moved)
    wrong = ue("erik").join(room, connect=False)
    wrong.session.remote = ["msrp://203.0.113.7:4000/%s;tcp" % new_id()]
    wrong.session.attach(Connection.connect(mrf.msrp))
    assert wrong.session.keepalive().status() == 481


@pytest.mark.parametrize("port, path_host", [(9, "127.0.0.1"), (0x1234, "192.0.2.9")])
def test_an_active_offerer_may_name_what_it_likes(alice, room, bystanders, port, path_host):
    # covers: IMS-009, CMD-006
    alice.new_session()
    path = "msrp://%s:%d/%s;tcp" % (path_host, alice.listener.addr[1], Uri(alice.session.local).session)
    alice.session.local = path
    answered(alice, room, alice.offer(new=False, setup="active", port=port, path=path))
    alice.open_media()
    alice.send_text("here I am")
    bystanders.one.wait_text("here I am")


TOLERATED = {
    "m=MESSAGE": lambda t: t.replace("m=message", "m=MESSAGE"),
    "no t=": lambda t: t.replace("t=0 0\r\n", ""),
    "bare LF": lambda t: t.replace("\r\n", "\n"),
}


@pytest.mark.parametrize("case", ["m=MESSAGE", "no t="])
def test_sloppy_descriptions_pass_in_profile_ims(alice, room, bystanders, case):
    # covers: IMS-021
    answered(alice, room, TOLERATED[case](alice.offer()))
    alice.open_media()
    alice.send_text("sloppy")
    bystanders.one.wait_text("sloppy")
