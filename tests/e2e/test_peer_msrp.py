# SPDX-License-Identifier: Apache-2.0
"""The peer library against itself: MSRP framing, sessions, CPIM, SDP, conference-info."""

import os

import pytest

from peer import confinfo, cpim, msrp, msrpmsg, sdp


@pytest.fixture
def pair():
    """(active Session, passive Session) bound over one TCP connection."""
    listener = msrp.Listener()
    passive = msrp.Session(listener.uri())
    listener.add(passive)
    active = msrp.Session("msrp://127.0.0.1:9/a%s;tcp" % msrp.new_id(), passive.local)
    passive.remote = [active.local]
    active.connect()
    active.bind()
    yield active, passive
    active.conn.close()
    listener.close()


def frames_of(data, size):
    parser = msrpmsg.Parser()
    out = []
    for at in range(0, len(data), size):
        out += parser.feed(data[at:at + size])
    return out


PATHS = [("To-Path", "msrp://h:1/a;tcp"), ("From-Path", "msrp://h:2/b;tcp")]
SEND = PATHS + [("Message-ID", "m123"), ("Byte-Range", "1-4/4"), ("Content-Type", "text/plain")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10000])
def test_frames_parse_the_same_for_every_split(size):
    nested = msrpmsg.Frame("inner1", "SEND", headers=SEND, body=b"abcd").build()
    frames = [
        msrpmsg.Frame("tid1", "SEND", headers=SEND, body=b"abcd"),
        msrpmsg.Frame("tid2", status=200, comment="OK", headers=PATHS),
        msrpmsg.Frame("tid3", "SEND", headers=SEND, body=b"", flag="+"),
        msrpmsg.Frame("tid4", "SEND", headers=SEND, body=nested + b"\r\n-------tid4!\r\n\r\n"),
        msrpmsg.Frame("tid5", "REPORT", headers=PATHS + [("Message-ID", "m123")]),
    ]
    got = frames_of(b"".join(f.build() for f in frames), size)
    assert [(f.tid, f.method, f.status, f.headers, f.body, f.flag) for f in got] == \
        [(f.tid, f.method, f.status, f.headers, f.body, f.flag) for f in frames]
    assert got[2].body == b"" and got[4].body is None


def test_the_checker_names_what_a_sender_does_wrong():
    swapped = msrpmsg.Frame("tid1", "SEND", headers=PATHS[::-1] + SEND[2:], body=b"abcd")
    fixed = [h if h[0] != "Byte-Range" else (h[0], "1-3000/3000") for h in SEND]
    big = msrpmsg.Frame("tid2", "SEND", headers=fixed, body=bytes(3000))
    untyped = msrpmsg.Frame("tid3", "SEND", headers=SEND[:-1], body=b"abcd")
    got = frames_of(swapped.build() + big.build() + untyped.build(), 64)
    assert [len(f.violations) for f in got] == [1, 1, 1]


def test_a_message_in_chunks_of_any_order_is_reassembled(pair):
    active, passive = pair
    data = os.urandom(9000)
    cuts = [(4097, 9000, "$"), (1, 2048, "+"), (2049, 4096, "+")]
    txs = [active.conn.send(active.chunk(data[s - 1:e], s, 9000, f, "application/octet-stream",
                                         "msg1")) for s, e, f in cuts]
    assert [t.status() for t in txs] == [200, 200, 200]
    msg = passive.wait_message()
    assert msg.data == data and len(msg.chunks) == 3 and not msg.bodiless
    assert passive.conn.violations == []


def test_incomplete_and_aborted_messages_are_not_complete(pair):
    active, passive = pair
    active.conn.send(active.chunk(b"x" * 10, 1, 30, "+", "text/plain", "gap1")).status()
    active.conn.send(active.chunk(b"x" * 10, 21, 30, "$", "text/plain", "gap1")).status()
    active.conn.send(active.chunk(b"x" * 10, 1, 30, "#", "text/plain", "abo1")).status()
    assert [(m.complete, m.aborted) for m in passive.messages] == [(False, False), (False, True)]


def test_answers_follow_the_failure_report_header(pair):
    active, passive = pair
    passive.answer = lambda frame: 413
    silent = active.send(b"a", "text/plain", [("Failure-Report", "no")])
    loud = active.send(b"a", "text/plain")
    assert loud.status() == 413 and not silent.answered


def test_pausing_the_reader_stops_delivery_until_it_resumes(pair):
    active, passive = pair
    passive.conn.pause_reading()
    tx = active.send(b"later", "text/plain")
    mirror = passive.keepalive()
    assert mirror.conn is passive.conn and not tx.answered and not passive.messages
    passive.conn.resume_reading()
    assert tx.status() == 200 and passive.messages[0].data == b"later"


def test_cpim_is_read_as_built_and_in_one_block():
    raw = cpim.build('"A, B" <sip:a@x>', "sip:r@y", "hei \u00e5", extra=["Subject: s"])
    msg = cpim.Cpim(raw)
    assert (msg.uri("From"), msg.uri("To"), msg.text) == ("sip:a@x", "sip:r@y", "hei \u00e5")
    assert msg.content_type == "text/plain" and msg.get("Subject") == "s"
    one = cpim.Cpim(b"From: <sip:a@x>\r\nTo: <sip:r@y>\r\nContent-Type: text/html\r\n\r\nbody")
    assert one.content_type == "text/html" and one.content == b"body" and len(one.headers) == 2


def test_sdp_is_read_as_built():
    media = sdp.message_media("msrp://127.0.0.1:7/x;tcp", 7, max_size=100, direction="inactive")
    got = sdp.Sdp(sdp.build([["m=audio 9 RTP/AVP 0"], media]))
    assert got.msg.path == ["msrp://127.0.0.1:7/x;tcp"] and got.address(got.msg) == ("127.0.0.1", 7)
    assert got.msg.chatroom == ["nickname", "private-messages"] and got.msg.max_size == 100
    assert got.msg.direction == "inactive" and got.msg.setup == "actpass" and got.version == 1


def document(state, version, users):
    return ('<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:r@x" '
            'state="%s" version="%d"><conference-description/><users state="%s">%s</users>'
            "</conference-info>" % (state, version, state, users)).encode()


def test_a_roster_follows_full_and_partial_documents():
    user = ('<user entity="sip:%s@x" state="full"><endpoint entity="e" state="full">'
            "<status>%s</status></endpoint></user>")
    roster = confinfo.Roster()
    roster.feed(document("full", 1, user % ("a", "connected")))
    roster.feed(document("partial", 2, user % ("b", "alerting")))
    assert roster.connected() == {"sip:a@x"} and set(roster.users) == {"sip:a@x", "sip:b@x"}
    roster.feed(document("partial", 3, '<user entity="sip:a@x" state="deleted"/>'))
    assert set(roster.users) == {"sip:b@x"} and roster.problems == []
    roster.feed(document("partial", 5, ""))
    assert len(roster.problems) == 1


def test_the_document_checker_finds_breaches():
    text = document("full", 1, '<user entity="u" state="partial"><endpoint entity="e">'
                    "<joining-method>x</joining-method><status>connected</status></endpoint></user>")
    assert len(confinfo.Document(text).check()) == 3
