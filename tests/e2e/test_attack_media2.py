# SPDX-License-Identifier: Apache-2.0
"""Odd and hostile peers against relays, files, TLS legs, notifications and offers of the focus."""

import hashlib
import os
import random
import socket
import ssl

import pytest

from peer import cpim, files, imdn, msrp, sdp, tls
from peer.files import File, Line, Push, Take
from peer.loop import LOOP, wait
from peer.msrpmsg import new_id
from peer.servers import poll
from peer.ue import fence
from relaying import ACCOUNT, AUTHORISE, LOST, End, make, relay  # noqa: F401  (fixtures)
from test_attack_media import balanced
from test_tls_legs import certs, metric  # noqa: F401  (a fixture)
from wire import octets, usable

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


# -- relays ----------------------------------------------------------------------------------------


def all_over(mrfp, timeout=20):
    """Nobody is left and nothing is owed."""
    names = ("mrfp_copies_open", "mrfp_terminations", "mrfp_contexts", "mrfp_connections",
             "mrfp_paused", "mrfp_control_events_queued")

    left = {}

    def nothing():
        m = balanced(mrfp.metrics())
        left.update({name: m.sum(name) for name in names})
        return not any(left.values())
    try:
        poll(nothing, timeout, "an end of everything")
    except AssertionError as err:
        raise AssertionError(left) from err
    odd = [line for _, line in mrfp.lines if "settled twice" in line or "is no step" in line]
    assert not odd, odd


def renew(leg):
    """A new negotiation and connection; the old one is closed."""
    leg.again().conn.close()
    leg.connect()


@pytest.mark.parametrize("kind", ["message/cpim", "text/plain"])
def test_a_size_that_is_not_announced_counts_all_the_same(relay, kind):  # noqa: F811
    # covers: MSRP-128
    a, b = relay.pair(max_size=5000)
    body = cpim.build(a.aor, b.aor, "x" * 6000, "text/plain") if kind == "message/cpim" else \
        b"x" * 6000
    tid, data = octets(a.session, body=body, content_type=kind, fields=[
        "Message-ID: sly00001", "Byte-Range: 1-*/*"])
    a.conn.send_raw(data)
    assert a.conn.wait_response(tid).status == 413
    assert a.text("small").status() == 200
    b.got("small")
    assert not [m for m in b.session.messages if m.complete and len(m.data) > 5000]
    relay.settled()


RANGES = ["0-0/0", "0-5/5", "5-2/10", "1-5/2", "7-9/3", "1-5/*", "*-5/5", "1-*/0", "2-1/1",
          "1-18446744073709551615/18446744073709551615", "18446744073709551615-*/*",
          "18446744073709551614-18446744073709551615/*", "9223372036854775808-*/*",
          "1-99999999999999999999999999/*", "-1-5/5", "1-5/5/5", "", "+1-5/5", "1 - 5 / 5"]


@pytest.mark.parametrize("seed", range(3))
def test_byte_ranges_of_all_kinds_harm_nothing(relay, seed):  # noqa: F811
    # covers: MSRP-061
    a, b = relay.pair()
    rng = random.Random(seed)
    for n in range(300):
        for mid in ("same%04d" % rng.randrange(4), new_id("m")):
            tid, data = octets(a.session, body=b"x" * rng.choice((0, 1, 5, 3000)),
                               flag=rng.choice("$$+#"), content_type=rng.choice(
                                   ("text/plain", "message/cpim", "image/png")),
                               fields=["Message-ID: " + mid, "Byte-Range: " + rng.choice(RANGES)])
            a.conn.send_raw(data)
        if a.conn.closed:
            renew(a)
    usable(a.session)
    with LOOP.cond:
        known = [m.message_id for m in b.session.messages][:50] or ["none0000"]
    for n in range(600):
        b.session.report(rng.choice(known), rng.choice(RANGES), rng.choice(
            ("000 200 OK", "000 413 x", "000 408 x", "001 200 y", "000 999 z", "")))
        if b.conn.closed:
            renew(b)
    poll(lambda: balanced(relay.mrfp.metrics()), what="books")
    for end in (a, b):
        if end.conn.closed or metric(relay.mrfp, "mrfp_connections") < 2:
            renew(end)
    assert a.text("sane").status() == 200
    b.got("sane")
    for end in (a, b):
        relay.control.ask("subtract", relay.context, termination=end.number)
        end.conn.close()
    all_over(relay.mrfp)


def test_reports_that_are_forged_reach_nobody(relay):  # noqa: F811
    # covers: MSRP-105
    a, b = relay.pair()
    asked = [("Success-Report", "yes")]
    assert a.text("one", headers=asked, message_id="mine0001").status() == 200
    ours = b.got("one").message_id
    before = relay.mrfp.rss_bytes()
    head, tail = ours[:-6], ours[-6:]
    forged = ["mine0001", head + tail.swapcase(), ours + "0", ours[:-1], ours.upper(), "x" * 32]
    for n in range(3000):
        b.session.report(forged[n % len(forged)] if n % 7 else new_id("m"), "1-3/3")
    # The sender reports its own message, too.
    a.session.report(ours, "1-3/3", "000 413 x")
    usable(a.session)
    usable(b.session)
    assert a.session.reports == [] and b.session.reports == []
    assert relay.mrfp.rss_bytes() - before < 8 << 20
    b.session.report(ours, "1-3/3")
    assert a.session.wait_report("mine0001").byte_range == (1, 3, 3)


def test_many_open_messages_of_one_sender(relay):  # noqa: F811
    # covers: MSRP-074
    a, b = relay.pair()
    sent = [a.conn.send(a.session.chunk(b"x" * 3000, 1, 9000, "+", "image/png", "open%04d" % n))
            for n in range(60)]
    codes = [t.status() for t in sent]
    assert codes[:8] == [200] * 8 and set(codes) == {200, 413}
    taken = [n for n in range(60) if codes[n] == 200]
    a.conn.reset()
    wait(lambda: sum(m.aborted for m in b.session.messages) == len(taken), what="all aborts",
         state=lambda: (len(taken), b.session.messages))
    relay.settled()
    b.conn.reset()
    for end in (a, b):
        relay.control.ask("subtract", relay.context, termination=end.number)
    all_over(relay.mrfp)


@pytest.mark.parametrize("end", ["subtract sender", "subtract receiver", "reset sender",
                                 "reset receiver", "modify sender", "link", "context"])
def test_what_ends_while_a_verdict_is_awaited(make, end):  # noqa: F811
    # covers: SW-080
    relay = make({"msrp.message_timeout": "3s", "context.grace": "1s"}, ACCOUNT | AUTHORISE)
    asked = []
    relay.control.verdict = lambda event: asked.append(event)
    a, b = relay.pair()
    for n in range(20):
        a.text("line %d" % n, message_id="line%04d" % n)
    a.conn.send(a.session.chunk(b"x" * 3000, 1, 9000, "+", "image/png", "half0001"))
    wait(lambda: len(asked) >= 10, what="questions")
    act, _, who = end.partition(" ")
    leg = a if who == "sender" else b
    if act == "subtract":
        relay.control.ask("subtract", relay.context, termination=leg.number)
    elif act == "reset":
        leg.conn.reset()
    elif act == "modify":
        renew(leg)
    elif act == "context":
        relay.control.ask("subtract", relay.context)
    else:
        old = relay.control.sock
        relay.control.verdict = lambda event: 200
        old.shutdown(socket.SHUT_RDWR)
        wait(lambda: relay.control.sock is not old, what="the link again")
    relay.control.verdict = lambda event: 200
    if act in ("modify", "link"):
        poll(lambda: balanced(relay.mrfp.metrics()).sum("mrfp_copies_open") == 0, 20, "an end")
        fresh = a.session
        wait(lambda: fresh.conn.closed or a.text("after").status(10) in (200, 403, 413), 20)
    for one in (a, b):
        relay.control.ask("subtract", relay.context, termination=one.number)
        one.conn.close()
    all_over(relay.mrfp)
