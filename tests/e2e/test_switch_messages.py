# SPDX-License-Identifier: Apache-2.0
"""The room as a switch: who gets a copy, what a copy looks like, when forwarding starts and stops."""

import hashlib
import os

import pytest

from peer.loop import wait
from peer.msrpmsg import new_id
from peer.sipcall import bye_reason
from peer.ue import fence
from wire import exchange, gone, usable

OCTETS = "application/octet-stream"


def test_a_room_is_made_by_the_first_and_ends_with_the_last(ue, room, mrf):
    # covers: SW-001
    alice = ue("alice").join(room)
    bob = ue("bob").join(room)
    assert mrf.api("GET", "/v1/conferences/" + room)[0] == 200
    fence(alice, bob)
    alice.leave()
    bob.leave()
    mrf.wait_participants(room, lambda p: not p)
    assert mrf.api("GET", "/v1/conferences/" + room)[0] == 404


def test_the_name_of_an_ended_room_is_free_at_once(ue, room):
    # covers: SW-001, FOC-001
    for _ in range(10):
        alice, bob = ue("alice").join(room), ue("bob").join(room)
        fence(alice, bob)
        alice.leave()
        bob.leave()


def test_the_end_of_a_room_ends_its_sessions(trio, mrf, room):
    # covers: SW-012, FOC-019, FOC-020
    _, alice, bob, carol = trio
    assert mrf.api("DELETE", "/v1/conferences/" + room)[0] == 204
    for member in (alice, bob, carol):
        assert bye_reason(member.call.wait_bye())[:2] == ("SIP", 410)
        gone(member.session)


def test_everybody_else_gets_one_copy(trio):
    # covers: SW-023, SW-026, SW-027, SW-041
    _, alice, bob, carol = trio
    data = alice.cpim("hello all")
    assert alice.session.send(data, message_id="sent-by-alice").status() == 200
    fence(alice, bob, carol)
    fence(bob, alice, carol)
    fence(carol, alice, bob)
    for member in (bob, carol):
        copies = [m for m in member.session.messages if m.data == data]
        assert len(copies) == 1
        first = copies[0].first
        assert first.to_path == [member.session.local]
        assert first.from_path == [member.session.remote[0]]
        assert first.message_id != "sent-by-alice"
    assert "hello all" not in alice.texts and len(alice.texts) == 2


ODD_CPIM = {
    "order and case": b"To: <%(room)s>\r\nX-Other: 1\r\nFrom: <%(me)s>\r\n\r\n"
                      b"Content-ID: <a@b>\r\nContent-Type: text/plain\r\n\r\nodd",
    "cc and subject": b"From: \"A, B\" <%(me)s>\r\nTo: <%(room)s>\r\ncc: <sip:x@y>\r\n"
                      b"Subject: one\r\nSubject:;lang=fr deux\r\n\r\nContent-Type: text/plain\r\n\r\n",
    "namespace": b"NS: MyFeatures <mid:MessageFeatures@id.foo.com>\r\nFrom: <%(me)s>\r\n"
                 b"To: <%(room)s>\r\nMyFeatures.WackyMessageOption: Use-silly-font\r\n"
                 b"DateTime: 2000-12-13T13:40:00-08:00\r\n\r\n"
                 b"Content-type: text/html; charset=utf-8\r\nContent-ID: <1@foo.com>\r\n\r\n<a/>\r\n",
    "binary": b"From: <%(me)s>\r\nTo: <%(room)s>\r\n\r\n"
              b"Content-Type: application/octet-stream\r\n\r\n" + bytes(range(256)) * 40,
}


@pytest.mark.parametrize("case", ODD_CPIM)
def test_content_passes_unchanged(trio, case):
    # covers: SW-026, CPIM-002
    _, alice, bob, carol = trio
    data = ODD_CPIM[case].replace(b"%(room)s", alice.room.encode()).replace(
        b"%(me)s", alice.aor.encode())
    assert alice.session.send(data).status() == 200
    fence(alice, bob, carol)
    for member in (bob, carol):
        assert hashlib.sha256(member.session.messages[0].data).digest() == \
            hashlib.sha256(data).digest()


REFUSED = {
    # covers: SW-021
    "From is another member": (403, lambda a, b: dict(from_=b.aor)),
    "From is nobody": (403, lambda a, b: dict(from_="sip:ghost@example.com")),
    "From is the room": (403, lambda a, b: dict(from_=a.room)),
    "From only begins like mine": (403, lambda a, b: dict(from_=a.aor + ".org")),
    # covers: SW-022
    "two To": (403, lambda a, b: dict(to=[a.room, b.aor])),
    "the room twice": (403, lambda a, b: dict(to=[a.room, a.room])),
    # covers: SW-025
    "no To": (400, lambda a, b: dict(to=[])),
    "no From": (400, lambda a, b: dict(from_=None)),
    # covers: CPIM-001
    "from in lower case": (400, lambda a, b: dict(from_=None, extra=["from: <%s>" % a.aor])),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_message_with_a_wrong_sender_or_receiver_is_refused(trio, bystanders, case):
    _, alice, bob, carol = trio
    status, args = REFUSED[case]
    args = args(alice, bob)
    from peer import cpim
    body = cpim.build(args.get("from_", alice.aor), args.get("to", alice.room), "refused",
                      extra=args.get("extra", ()))
    assert alice.session.send(body).status() == status
    fence(alice, bob, carol)
    assert "refused" not in bob.texts + carol.texts
    bystanders.undisturbed()


@pytest.mark.parametrize("body", [
    b"", b"\r\n", b"no cpim at all", b"From\r\n\r\n", b"\0\1\2\3", b"From: <sip:alice@example.com>",
    b"From: <sip:alice@example.com>\r\n\r\nContent-Type: text/plain\r\n\r\nx",
    b"From: alice\r\nTo: room\r\n\r\nContent-Type: text/plain\r\n\r\nx",
], ids=range(8))
def test_what_is_no_cpim_is_400(trio, bystanders, body):
    # covers: SW-025
    _, alice, bob, carol = trio
    assert alice.session.send(body).status() == 400
    fence(alice, bob, carol)
    assert len(bob.session.messages) == len(carol.session.messages) == 1 + 6
    bystanders.undisturbed()


def test_a_cpim_head_without_end_is_refused(trio, bystanders):
    # covers: SW-025, MSRP-073
    _, alice, bob, _ = trio
    endless = b"From: <sip:alice@example.com>\r\n" + b"X-Filler: " + b"y" * 20000
    assert alice.session.send(endless).status() in (400, 413)
    mid = new_id("m")
    line = b"X-Line: " + b"z" * 2990 + b"\r\n"
    statuses = [alice.conn.send(alice.session.chunk(
        line, 1 + n * len(line), None, "+", message_id=mid)).status() for n in range(12)]
    assert statuses[-1] in (400, 413)
    fence(alice, bob)
    bystanders.undisturbed()


@pytest.mark.parametrize("change", [
    lambda u: u + ";transport=tcp", lambda u: u.replace("conf.example.com", "CONF.Example.COM"),
    lambda u: u.replace("sip:", "SIP:"), lambda u: u.replace("sip:r", "sip:%72")],
    ids=["transport", "host case", "scheme case", "escaped"])
def test_the_room_is_named_by_any_equal_uri(trio, change):
    # covers: SW-024
    _, alice, bob, _ = trio
    alice.send_text("equal", to=change(alice.room))
    bob.wait_text("equal")


def test_the_contact_uri_means_the_room_too(trio):
    # covers: SW-024
    _, alice, bob, carol = trio
    alice.send_text("by contact", to=alice.call.final().contact.uri)
    bob.wait_text("by contact")
    carol.wait_text("by contact")


def test_forwarding_starts_when_the_cpim_head_is_complete(trio):
    # covers: SW-031, MSRP-142
    _, alice, bob, carol = trio
    text = "z" * 6000
    data = alice.cpim(text)
    head = data.index(b"\r\n\r\n") + 4
    a, b = head // 3, 2 * head // 3
    cuts = [(0, a), (a, b)]
    for start, end in cuts:
        chunk = alice.session.chunk(data[start:end], start + 1, len(data), "+", message_id="split1")
        assert alice.conn.send(chunk).status() == 200
    fence(alice, bob, carol)
    assert len(bob.session.messages) == 1, "forwarded before the head was complete"
    rest = data[b:head + 3000]
    chunk = alice.session.chunk(rest, b + 1, len(data), "+", message_id="split1")
    assert alice.conn.send(chunk).status() == 200
    early = bob.session.wait_message(lambda m: bytes(m.buf).startswith(data[:2048]),
                                     what="the beginning of the message")
    assert not early.complete
    chunk = alice.session.chunk(data[b + len(rest):], b + len(rest) + 1, len(data), "$",
                                message_id="split1")
    assert alice.conn.send(chunk).status() == 200
    assert bob.wait_text(text).message.data == data
    carol.wait_text(text)


def test_who_joins_amid_a_message_gets_nothing_of_it(ue, trio):
    # covers: SW-032, SW-044
    room, alice, bob, carol = trio
    alice.send_text("before")
    data = alice.cpim(os.urandom(9000), content_type=OCTETS)
    send = lambda s, e, f: alice.conn.send(alice.session.chunk(  # noqa: E731
        data[s:e], s + 1, len(data), f, message_id="midway1")).status()
    assert send(0, 4000, "+") == 200
    bob.session.wait_message(lambda m: len(m.buf) >= 2048)
    late = ue("dave").join(room)
    carol.leave()
    assert send(4000, len(data), "$") == 200
    bob.session.wait_message(lambda m: m.complete and m.data == data)
    fence(alice, bob, late)
    assert [len(m.chunks) for m in late.session.messages] == [1] and len(late.texts) == 1
    assert late.session.messages[0].chunks[0].byte_range[0] == 1


def test_an_unfinished_message_times_out(own_mrf, ue, room):
    # covers: SW-033, MSRP-077
    net = own_mrf(mrfp={"msrp.message_timeout": "1s"})
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    data = alice.cpim(os.urandom(5000), content_type=OCTETS)
    first = alice.session.chunk(data[:3000], 1, len(data), "+", message_id="stalled1")
    assert alice.conn.send(first).status() == 200
    for member in (bob, carol):
        member.session.wait_message(lambda m: m.aborted, what="# for the stalled message")
    fence(alice, bob, carol)


def test_silence_of_one_receiver_is_not_the_senders_trouble(trio):
    # covers: SW-036, SW-083
    _, alice, bob, carol = trio
    bob.conn.pause_reading()
    for n in range(100):
        assert alice.send("n%d" % n).status() == 200
    carol.wait_text("n99")
    bob.conn.resume_reading()
    bob.wait_text("n99")
    assert bob.texts == carol.texts == ["n%d" % n for n in range(100)]


def test_every_device_of_a_user_gets_its_copy(ue, trio):
    # covers: SW-040, FOC-024
    room, alice, bob, carol = trio
    phone = ue("alice").join(room)
    alice.send_text("from the desk")
    assert phone.wait_text("from the desk") and bob.wait_text("from the desk")
    phone.send_text("from the phone")
    assert alice.wait_text("from the phone") and bob.wait_text("from the phone")
    fence(bob, alice, phone)
    assert "from the desk" not in alice.texts and "from the phone" not in phone.texts
    phone.leave()
    fence(bob, alice)
    assert not alice.call.ended


def test_many_senders_keep_their_own_order(ue, room, mrf):
    # covers: SW-042, SW-023
    members = [ue("user%d" % n).join(room) for n in range(12)]
    for n in range(20):
        for m in members:
            m.send("%s %d" % (m.name, n))
    for m in members:
        others = [o for o in members if o is not m]
        wait(lambda m=m: len(m.session.messages) >= 20 * len(others) and
             all(x.complete for x in m.session.messages), 30, "all lines at " + m.name,
             lambda m=m: len(m.session.messages))
        for o in others:
            mine = [c.text for c in m.chats if c.from_ == o.aor]
            assert mine == ["%s %d" % (o.name, n) for n in range(20)]
        assert len(m.chats) == 20 * len(others)


def test_concurrent_messages_of_all_do_not_mix(ue, room):
    # covers: SW-042, SW-028
    members = [ue("user%d" % n).join(room) for n in range(8)]
    bodies = {m: m.cpim(os.urandom(40000), content_type=OCTETS) for m in members}
    for at in range(0, 41000, 2500):
        for m, data in bodies.items():
            if at < len(data):
                flag = "+" if at + 2500 < len(data) else "$"
                m.conn.send(m.session.chunk(data[at:at + 2500], at + 1, len(data), flag,
                                            message_id="big-" + m.name))
    for m in members:
        expected = {d for o, d in bodies.items() if o is not m}
        wait(lambda m=m, e=expected: {x.data for x in m.session.messages if x.complete} == e, 30,
             "all messages at " + m.name, lambda m=m: m.session.messages)


def test_copies_ask_for_no_success_report(trio):
    # covers: SW-039
    _, alice, bob, _ = trio
    alice.send_text("asked by alice", headers=[("Success-Report", "yes")])
    first = bob.wait_text("asked by alice").message.first
    assert first.get("Success-Report") in (None, "no")
    assert first.get("Failure-Report") in (None, "yes", "partial")


def test_every_copy_is_accounted_for(own_mrf, ue, room):
    # covers: SW-035, SW-081
    net = own_mrf()
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    picky = ue("dave", net=net).join(room, wrapped="image/png", accept_types="message/cpim")
    bob.session.answer = lambda f: 400 if b"refuse" in f.body else 200
    for text in ("one", "refuse this", "three"):
        alice.send_text(text)
    fence(alice, bob, carol)
    settled = lambda m, o: m.sum("mrfp_copies_settled_total", outcome=o)  # noqa: E731
    m = net.mrfp.wait_metric(lambda m: m.sum("mrfp_copies_open") == 0)
    assert m.sum("mrfp_copies_total") == 12
    assert (settled(m, "delivered"), settled(m, "refused"), settled(m, "skipped")) == (7, 1, 4)
    assert m.sum("mrfp_messages_total", result="accepted") == 4
    assert exchange(alice.session, body=b"junk") == 400
    assert net.mrfp.metrics().sum("mrfp_messages_total", result="refused") == 1
    bob.conn.pause_reading()
    alice.send_text("to be lost")
    carol.wait_text("to be lost")
    bob.conn.reset()
    m = net.mrfp.wait_metric(lambda m: m.sum("mrfp_copies_open") == 0)
    assert settled(m, "lost") == 1
    total = sum(settled(m, o) for o in ("delivered", "refused", "skipped", "lost", "aborted"))
    assert m.sum("mrfp_copies_total") == total
    mine = net.participants(room).get("sip:bob@example.com")
    assert mine is None or mine["lost"] == 1
    usable(alice.session)
    assert not picky.chats
