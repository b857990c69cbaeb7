# SPDX-License-Identifier: Apache-2.0
"""Files of members to the room, RFC 5547: dialogs of their own through the focus."""

import os

import pytest

from peer import sdp
from peer.files import File, Line, Push, Take, parse_selector, sha1
from peer.loop import wait
from peer.sipcall import bye_reason
from peer.ue import fence


def three(ue, room, net=None):
    return [ue(n, **({"net": net} if net else {})).join(room) for n in ("alice", "bob", "carol")]


def test_a_file_reaches_every_member_with_its_hash(ue, room):
    # covers: IMS-010, FT-001, FT-003, FT-004, FT-007, FT-009, FT-013
    alice, bob, carol = three(ue, room)
    photo = File(os.urandom(200000), "plan.png",
                 **{"file-date": 'creation:"Mon, 15 May 2006 15:01:31 +0300"'})
    push = Push(alice, [photo], headers=[("Contribution-ID", "abc-123-def")])
    takes = [Take(bob), Take(carol)]
    for take in takes:
        media = take.offer.msg
        assert media.get("file-selector") == photo.selector
        assert media.direction == "sendonly" and len(take.offer.media) == 1
        assert media.get("file-disposition") == "attachment"
        assert media.get("file-date") == photo.attributes["file-date"]
        assert media.get("file-transfer-id") not in (None, photo.id)
        assert take.call.invite.get("Contribution-ID") == "abc-123-def"
        assert alice.aor in take.call.invite.get("Referred-By")
    assert len({t.offer.msg.get("file-transfer-id") for t in takes}) == 2
    takes[0].accept()
    push.answered()
    answer = push.answer.msg
    assert answer.direction == "recvonly" and answer.get("file-transfer-id") == photo.id
    assert parse_selector(answer.get("file-selector"))["size"] == "200000"
    assert not answer.get("file-disposition") and not answer.get("file-date")
    takes[1].accept()
    sent = push.send()
    for take in takes:
        assert sha1(take.wait()) == sha1(photo.data)
        assert take.sessions[0].messages[0].content_type == "image/png"
        take.call.wait_bye()
    assert {t.status() for t in sent} == {200}
    push.call.bye().expect(200)
    fence(alice, bob, carol)  # the chat went on


def test_a_file_is_no_participant(mrf, ue, room):
    # covers: IMS-010
    alice, bob, _ = three(ue, room)
    before = mrf.participants(room)
    push = Push(alice, [File(b"x" * 5000)])
    take = Take(bob).accept()
    push.answered()
    fence(alice, bob)
    assert mrf.participants(room) == before
    assert not take.sessions[0].messages  # no chat there


def test_only_members_may_send_files(ue, room):
    # covers: IMS-010
    bob = ue("bob").join(room)
    eve = ue("eve")
    eve.room = bob.room
    Push(eve, [File(b"x")]).call.expect(403)
    Push(eve, [File(b"x")], uri=eve.uri_of(room + "-nowhere")).call.expect(404)
    Push(bob, [File(b"x")]).call.expect(480)  # nobody else is there


def test_a_member_that_refuses_does_not_stop_the_others(ue, room):
    # covers: FT-014, IMS-010
    alice, bob, carol = three(ue, room)
    data = os.urandom(30000)
    push = Push(alice, [File(data)])
    take = Take(bob)
    Take(carol).call.reject(486)
    take.accept()
    push.answered().send()
    assert take.wait() == data


@pytest.mark.parametrize("codes, expected", [((486, 480), 480), ((603, 486), 603)])
def test_when_all_refuse_the_sender_is_refused(ue, room, codes, expected):
    # covers: FT-005, IMS-010
    alice, bob, carol = three(ue, room)
    push = Push(alice, [File(b"x" * 100)])
    for who, code in zip((bob, carol), codes):
        Take(who).call.reject(code)
    push.call.expect(expected)


def test_a_late_member_still_gets_all_of_it(ue, room):
    # covers: FT-014
    alice, bob, carol = three(ue, room)
    data = os.urandom(300000)
    push = Push(alice, [File(data)])
    late, take = Take(carol), Take(bob).accept()
    push.answered().send()
    assert take.wait() == data
    late.accept()
    assert late.wait() == data


def test_who_is_too_late_is_not_called_any_longer(own_mrf, ue, room):
    # covers: FT-014
    net = own_mrf(mrfc={"file.hold": "500ms"})
    alice, bob, carol = three(ue, room, net)
    data = os.urandom(3000)
    push = Push(alice, [File(data)])
    late, take = Take(carol), Take(bob).accept()
    push.answered().send()
    late.call.wait_cancel()
    assert take.wait() == data
    take.call.wait_bye()


def test_the_sender_takes_its_call_back(ue, room):
    # covers: FT-010
    alice, bob, carol = three(ue, room)
    push = Push(alice, [File(b"x" * 100)])
    takes = [Take(bob), Take(carol)]
    push.call.cancel()
    push.call.expect(487)
    for take in takes:
        take.call.wait_cancel()


def test_an_abort_of_the_sender_reaches_the_receivers(ue, room):
    # covers: FT-010
    alice, bob, carol = three(ue, room)
    push = Push(alice, [File(os.urandom(200000))])
    takes = [Take(bob).accept(), Take(carol).accept()]
    push.answered()
    push.send(data=push.files[0].data[:100000], size=20000, last_flag="#")
    for take in takes:
        take.wait_aborted()
    answer = push.reoffer(closed=[0])
    assert answer.msg.port == 0 and answer.msg.get("file-transfer-id") == push.files[0].id
    for take in takes:
        take.call.wait_bye()
    push.call.wait_bye()


def test_a_sender_that_hangs_up_in_the_middle(ue, room):
    # covers: FT-010
    alice, bob, carol = three(ue, room)
    push = Push(alice, [File(os.urandom(200000))])
    takes = [Take(bob).accept(), Take(carol).accept()]
    push.answered()
    push.send(data=push.files[0].data[:100000], size=20000, last_flag="+")
    for take in takes:
        wait(lambda take=take: take.sessions[0].messages, what="the beginning")
    push.call.bye().expect(200)
    for take in takes:
        take.wait_aborted()
        take.call.wait_bye()


def test_a_receiver_that_has_enough_leaves_the_others_alone(ue, room):
    # covers: FT-010
    alice, bob, carol = three(ue, room)
    data = os.urandom(3000000)
    push = Push(alice, [File(data)])
    takes = [Take(bob).accept(), Take(carol).accept()]
    takes[1].sessions[0].answer = lambda frame: 413
    push.answered().send(size=10000)
    assert takes[0].wait() == data
    assert not takes[1].sessions[0].messages[0].complete
    takes[1].call.wait_bye()


def test_more_octets_than_the_selector_says_are_413(ue, room):
    # covers: FT-015, FT-009
    alice, bob, _ = three(ue, room)
    push = Push(alice, [File(b"x" * 1000)])
    take = Take(bob).accept()
    push.answered()
    statuses = [t.status() for t in push.send(data=b"y" * 40000, size=500, total=False)[:3]]
    assert statuses == [200, 200, 413]
    take.wait_aborted()
    assert bye_reason(push.call.wait_bye())[1] == 480


def test_chat_and_files_have_limits_of_their_own(own_mrf, ue, room):
    # covers: FT-015
    net = own_mrf(mrfc={"conference.max_message": "2000", "conference.max_file": "50000"})
    alice, bob, _ = three(ue, room, net)
    assert alice.answer.msg.max_size == 50000
    assert alice.send("x" * 3000).status() == 413
    assert alice.send("y" * 3000, mime=['Content-Disposition: attachment; filename="a.txt"']).status() == 200
    assert alice.send("z" * 60000, mime=['Content-Disposition: attachment; filename="a.txt"']).status() == 413
    Push(alice, [File(b"x" * 50001)]).call.expect(488)
    push = Push(alice, [File(b"x" * 50000)])
    take = Take(bob).accept()
    push.answered().send()
    assert push.answer.msg.max_size == 50000
    assert len(take.wait()) == 50000


def test_two_pictures_in_one_invitation(ue, room):
    # covers: FT-002, IMS-010
    alice, bob, carol = three(ue, room)
    files = [File(os.urandom(30000), "a.png"), File(os.urandom(40000), "b.jpg", "image/jpeg")]
    push = Push(alice, files)
    takes = [Take(bob).accept(), Take(carol).accept(refuse=[0])]
    push.answered()
    push.send(0)
    push.send(1)
    assert [takes[0].wait(0), takes[0].wait(1)] == [f.data for f in files]
    assert takes[1].wait(1) == files[1].data
    assert not takes[1].sessions[0].messages
    for take in takes:
        take.call.wait_bye()


def test_an_icon_goes_along_and_is_left_out_where_it_is_refused(ue, room):
    # covers: FT-012
    alice, bob, carol = three(ue, room)
    icon = ("icon1@alice.example.com", "image/jpeg", bytes(range(256)) * 3)
    photo = File(b"x" * 3000, **{"file-icon": "cid:icon1@alice.example.com"})
    push = Push(alice, [photo], icon=icon)
    take, plain = Take(bob), Take(carol)
    assert take.offer.msg.get("file-icon") == "cid:icon1@alice.example.com"
    assert take.call.invite.part("image/jpeg") == icon[2]
    assert take.call.invite.get("Content-Type").startswith("multipart/related")
    plain.call.reject(415)
    plain = Take(carol)
    assert plain.call.invite.get("Content-Type") == "application/sdp"
    assert not plain.offer.msg.get("file-icon")
    for t in (take, plain):
        t.accept()
    push.answered().send()
    assert take.wait() == plain.wait() == photo.data
    assert not push.answer.msg.get("file-icon")


def test_a_refresh_starts_nothing_anew_and_another_file_is_refused(ue, room):
    # covers: FT-006
    alice, bob, _ = three(ue, room)
    push = Push(alice, [File(b"x" * 3000)])
    take = Take(bob).accept()
    push.answered()
    answer = push.reoffer()
    assert answer.msg.port and answer.msg.path == push.answer.msg.path
    push.send()
    assert len(take.wait()) == 3000
    other = File(b"y" * 4000, "other.png")
    other.attributes["file-transfer-id"] = push.files[0].id
    answer = push.reoffer(files=[other])
    assert answer.msg.port == 0 and answer.msg.get("file-transfer-id") == push.files[0].id


@pytest.mark.parametrize("attributes, status", [
    ({"file-selector": 'name:"x.png"'}, 488),        # neither type, size nor hash
    ({"file-transfer-id": None}, 488),
    ({"file-selector": "size:none"}, 488),
    ({"file-selector": "hash:sha-1:ab"}, 488),
])
def test_offers_that_break_the_rules_are_refused(ue, room, attributes, status):
    # covers: FT-002, FT-003, FT-007
    alice, _bob, _ = three(ue, room)
    Push(alice, [File(b"x" * 10, **attributes)]).call.expect(status)


def test_nothing_is_kept_to_be_fetched(ue, room):
    # covers: FT-003
    alice, _bob, _ = three(ue, room)
    lines = sdp.message_media(alice.listener.uri(), alice.listener.addr[1], "actpass", "*", None,
                              chatroom=None, direction="recvonly", extra=File(b"x").lines())
    alice.ua.invite(alice.room, sdp.build([lines])).expect(488)


def test_the_end_of_the_conference_ends_its_files(ue, room, mrf):
    # covers: IMS-010
    alice, bob, carol = three(ue, room)
    push = Push(alice, [File(os.urandom(5000))])
    takes = [Take(bob).accept(), Take(carol)]
    push.answered()
    mrf.api("DELETE", "/v1/conferences/" + room)
    assert bye_reason(push.call.wait_bye())[1] == 410
    takes[0].call.wait_bye()
    takes[1].call.wait_cancel()


# -- in a line of the member's own dialog ---------------------------------------------------


def test_a_file_in_a_line_of_the_chat_dialog(ue, room):
    # covers: FT-001, FT-004, FT-010, FT-011, FT-013
    alice, bob, carol = three(ue, room)
    photo = File(os.urandom(300000))
    lines = Line(alice, [photo])
    path = alice.answer.msg.path
    lines.open()
    chat, media = lines.answer.media
    assert chat.port and chat.path == path  # the chat is as it was
    assert media.direction == "recvonly" and media.get("file-transfer-id") == photo.id
    assert parse_selector(media.get("file-selector"))["size"] == "300000"
    assert not media.get("file-disposition")
    takes = [Take(bob), Take(carol)]
    for take in takes:
        assert len(take.offer.media) == 1 and take.offer.msg.get("file-selector") == photo.selector
        assert take.offer.msg.get("file-transfer-id") != photo.id
        take.accept()
    sent = lines.send()
    for take in takes:
        assert sha1(take.wait()) == sha1(photo.data)
        take.call.wait_bye()
    assert {t.status() for t in sent} == {200}
    answer = lines.reoffer(closed=[0])
    assert answer.media[1].port == 0 and answer.media[1].get("file-transfer-id") == photo.id
    fence(alice, bob, carol)


def test_a_refresh_does_not_send_a_file_again(ue, room):
    # covers: FT-006
    alice, bob, _ = three(ue, room)
    lines = Line(alice, [File(b"x" * 5000)]).open()
    first = lines.answer.media[1].path
    take = Take(bob).accept()
    assert lines.reoffer().media[1].path == first  # another version of the same
    lines.send()
    assert len(take.wait()) == 5000
    other = File(b"y" * 6000)
    other.attributes["file-transfer-id"] = lines.files[0].id
    answer = lines.reoffer(files=[other])
    assert answer.media[1].port == 0
    assert answer.media[1].get("file-transfer-id") == lines.files[0].id
    assert lines.reoffer().media[1].port == 0  # its id is used up
    assert len([c for c in bob.ua.dialogs.values()]) == 2  # one chat, one file
    fence(alice, bob)


def test_the_focus_closes_a_line_that_nobody_takes(ue, room):
    # covers: FT-005, FT-010
    alice, bob, carol = three(ue, room)
    lines = Line(alice, [File(b"x" * 5000)]).open()
    offers = []
    alice.call.on_offer = lambda text: offers.append(text) or lines.description(closed=[0])
    for who in (bob, carol):
        Take(who).call.reject(603)
    wait(lambda: offers, what="the offer of the focus")
    media = sdp.Sdp(offers[0]).media
    assert media[0].port and media[1].port == 0
    assert media[1].get("file-transfer-id") == lines.files[0].id
    fence(alice, bob, carol)


def test_a_line_that_asks_for_a_file_is_refused(ue, room):
    # covers: FT-003, FT-005
    alice, bob, _ = three(ue, room)
    lines = Line(alice, [File(b"x" * 10)])
    text = lines.description().replace("a=sendonly", "a=recvonly")
    answer = sdp.Sdp(alice.call.reinvite(text).expect(200).text)
    assert answer.media[0].port and answer.media[1].port == 0
    assert answer.media[1].get("file-selector") == lines.files[0].selector
    assert answer.media[1].get("file-transfer-id") == lines.files[0].id
    fence(alice, bob)


def test_a_member_that_leaves_in_the_middle_of_its_line(ue, room):
    # covers: FT-010, FT-013
    alice, bob, carol = three(ue, room)
    lines = Line(alice, [File(os.urandom(200000))]).open()
    takes = [Take(bob).accept(), Take(carol).accept()]
    lines.send(data=lines.files[0].data[:100000], size=20000, last_flag="+")
    for take in takes:
        wait(lambda take=take: take.sessions[0].messages, what="the beginning")
    alice.leave()
    for take in takes:
        take.wait_aborted()
        take.call.wait_bye()
    fence(bob, carol)


# -- as a chat message ----------------------------------------------------------------------


def test_a_file_as_a_chat_message(ue, room):
    # covers: FT-013
    alice, bob, carol = three(ue, room)
    data = os.urandom(200000)
    mime = ('Content-Disposition: attachment; filename="plan.png"; size=200000',)
    alice.send_text(data, content_type="image/png", mime=mime)
    for who in (bob, carol):
        got = who.wait_chat(lambda c: c.content_type == "image/png")
        assert sha1(got.content) == sha1(data)
        assert dict(got.cpim.mime)["Content-Disposition"] == mime[0].partition(": ")[2]


def test_what_the_focus_can_do_is_told(ue, room):
    # covers: FT-002
    alice = ue("alice").join(room)
    answer = alice.ua.request("OPTIONS", alice.room).expect(200)
    media = sdp.Sdp(answer.text).msg
    assert media.port == 0 and media.get("file-selector") == ""
    assert not media.get("file-transfer-id")
