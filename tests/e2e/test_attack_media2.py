# SPDX-License-Identifier: Apache-2.0
"""Odd and hostile peers against relays, files, TLS legs, notifications and offers of the focus."""

from peer import sdp
from peer.files import File, Line, Take
from peer.loop import wait
from peer.ue import fence

AUDIO = ["m=audio 49170 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"]


def with_audio(ue, **media):
    """An offer whose chat is the second line."""
    if ue.session is None:
        ue.new_session()
    ue.sdp_version += 1
    line = sdp.message_media(ue.session.local, ue.listener.addr[1], **media)
    return sdp.build([AUDIO, line], ue.host, ue.name, ue.sdp_session, ue.sdp_version)


def lines_of(text):
    return [(m.kind, m.port != 0) for m in sdp.Sdp(text).media]


def join_with_audio(alice, room):
    call = alice.invite(room, with_audio(alice))
    alice.room = alice.uri_of(room)
    alice.take_answer(call.expect(200).text)
    alice.open_media()


# -- offers of the focus ---------------------------------------------------------------------------


def test_an_offerless_reinvite_is_offered_all_lines(ue, room):
    # covers: MSRP-133, OA-001
    alice, bob = ue("alice"), ue("bob").join(room)
    join_with_audio(alice, room)
    resp = alice.call.reinvite(None, auto_ack=False).expect(200)
    assert lines_of(resp.text) == [("audio", False), ("message", True)]
    text = with_audio(alice, setup="active").replace("m=audio 49170", "m=audio 0")
    alice.call.ack_2xx(resp, text.encode(), "application/sdp")
    fence(alice, bob)
    fence(bob, alice)


def test_a_session_that_moves_keeps_its_lines(own_mrf, ue, room):
    # covers: OA-001
    net = own_mrf()
    alice = ue("alice", net)
    join_with_audio(alice, room)
    offers = []

    def answer(text):
        offers.append(text)
        return with_audio(alice, setup="active").replace("m=audio 49170", "m=audio 0")
    alice.call.on_offer = answer
    net.mrfp.kill()
    net.start_mrfp()
    wait(lambda: offers, what="the offer of another place")
    assert lines_of(offers[0]) == [("audio", False), ("message", True)]


def test_an_offer_made_again_is_not_older_than_the_last_answer(ue, room):
    # covers: FOC-022
    alice, bob, carol = (ue(name).join(room) for name in ("alice", "bob", "carol"))
    lines = Line(alice, [File(b"x" * 5000)]).open()
    calls = []
    for who in (bob, carol):
        Take(who).call.reject(603)
    first = alice.call.wait_request("INVITE")
    alice.call.on_offer = lambda text: calls.append(text) or lines.description(closed=[0])
    first.respond(491)
    # Our own change comes in while theirs waits for its turn.
    mine = alice.call.reinvite(lines.description(closed=[0]).replace(
        "a=chatroom", "a=recvonly\r\na=chatroom", 1)).expect(200)
    said = sdp.Sdp(mine.text).version
    wait(lambda: calls, what="the offer made again")
    again = sdp.Sdp(calls[0])
    assert again.version > said or calls[0] == mine.text
    assert again.msg.direction == "sendonly"
