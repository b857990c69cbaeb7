# SPDX-License-Identifier: Apache-2.0
"""MSRP framing on the wire: what is accepted, what is answered 400, what ends the connection.

In each test two other members chat meanwhile and notice nothing.
"""

import pytest

from peer.loop import wait
from peer.msrpmsg import new_id
from peer.ue import fence
from wire import exchange, octets, silent, usable


@pytest.fixture
def mallory(ue, room, bystanders):
    """A member who sends oddities."""
    one = ue("mallory").join(room)
    yield one
    if not one.conn.closed:
        usable(one.session)
    bystanders.undisturbed()


def paths(session):
    return ["To-Path: " + session.remote[0], "From-Path: " + session.local]


def ids():
    return ["Message-ID: " + new_id("m"), "Byte-Range: 1-0/0"]


BAD_HEADS = {
    # covers: MSRP-004
    "From-Path first": lambda s: dict(paths=paths(s)[::-1]),
    "To-Path not first": lambda s: dict(paths=["X-Foo: 1"] + paths(s)),
    # covers: MSRP-005
    "no From-Path": lambda s: dict(paths=paths(s)[:1]),
    "two From-Path": lambda s: dict(paths=paths(s) + paths(s)[1:]),
    "two To-Path": lambda s: dict(paths=paths(s)[:1] + paths(s)),
    "empty To-Path": lambda s: dict(paths=["To-Path: ", paths(s)[1]]),
    # covers: MSRP-010
    "NUL in a header": lambda s: dict(fields=ids() + ["X-Foo: a\0b"]),
    "control character in a header": lambda s: dict(fields=ids() + ["X-Foo: a\x01b"]),
    "header not UTF-8": lambda s: dict(fields=ids() + ["X-Foo: \udcff\udcfe"]),
    "no colon": lambda s: dict(fields=ids() + ["X-Foo"]),
    # covers: MSRP-021
    "header of 3 KiB": lambda s: dict(fields=ids() + ["X-Foo: " + "x" * 3072]),
    "60 headers": lambda s: dict(fields=ids() + ["X-%d: 1" % n for n in range(60)]),
    "17 URIs": lambda s: dict(from_=" ".join([s.local] * 17)),
    # covers: MSRP-034
    "no transport": lambda s: dict(to=s.remote[0].rpartition(";")[0]),
}


@pytest.mark.parametrize("case", BAD_HEADS)
def test_a_malformed_head_is_answered_400_and_the_connection_lives(ue, mallory, case):
    # covers: MSRP-022
    ue.forgive(mallory)  # what cannot be read may come back as it was
    assert exchange(mallory.session, **BAD_HEADS[case](mallory.session)) == 400


GOOD_HEADS = {
    # covers: MSRP-002
    "id of 4": lambda: dict(tid="a1.-"),
    "id of 32": lambda: dict(tid=new_id() + "%=+-.abcdefghijk"),
    # covers: MSRP-007
    "unknown header": lambda: dict(fields=ids() + ["X-Foo: bar"]),
    # covers: MSRP-008
    "lower case names": lambda: dict(fields=["message-id: " + new_id(), "BYTE-RANGE: 1-0/0"]),
    # covers: MSRP-009
    "no space": lambda: dict(fields=["Message-ID:" + new_id(), "Byte-Range:1-0/0"]),
    "spaces and tab": lambda: dict(fields=["Message-ID:  \t" + new_id(), "Byte-Range:   1-0/0"]),
    "UTF-8 in a header": lambda: dict(fields=ids() + ["X-Foo: h\u00e9\u4e2d\tx"]),
    # covers: MSRP-021
    "header of 2000 octets": lambda: dict(fields=ids() + ["X-Foo: " + "x" * 2000]),
}


@pytest.mark.parametrize("case", GOOD_HEADS)
def test_unusual_but_legal_heads_are_accepted(mallory, case):
    assert exchange(mallory.session, **GOOD_HEADS[case]()) == 200


START_LINES = {
    # covers: MSRP-001
    "lower case msrp": "msrp {tid} SEND",
    "lower case method": "MSRP {tid} send",
    "two spaces": "MSRP  {tid} SEND",
    "no method": "MSRP {tid}",
    # covers: MSRP-002
    "short id": "MSRP abc SEND",
    "id of 33": "MSRP " + "a" * 33 + " SEND",
    "id starts with a hyphen": "MSRP -abcdef SEND",
    "id with a slash": "MSRP abc/def SEND",
    "rubbish": "GET / HTTP/1.1",
}


@pytest.mark.parametrize("case", START_LINES)
def test_a_broken_start_line_is_400_or_the_end_of_the_connection(ue, mallory, case):
    ue.forgive(mallory)
    tid, data = octets(mallory.session, body=None)
    start = START_LINES[case].format(tid=tid)
    own = start.split(" ")[1] if start.startswith("MSRP ") and "  " not in start else tid
    data = data.replace(b"MSRP " + tid.encode() + b" SEND", start.encode())
    data = data.replace(b"-------" + tid.encode(), b"-------" + own.encode())
    conn = mallory.conn
    before = len(conn.frames)
    conn.send_raw(data)
    wait(lambda: conn.closed or len(conn.frames) > before, what="a 400 or the end")
    # An unknown method of lower case letters is no method at all: 400, or 501 where it is read as one.
    allowed = {400, 501} if case == "lower case method" else {400}
    assert {f.status for f in conn.frames[before:]} <= allowed


@pytest.mark.parametrize("data", [
    # covers: MSRP-021
    pytest.param(b"MSRP " + b"a" * 9216, id="endless start line"),
    pytest.param(b"MSRP abcdefgh SEND\r\nX-Foo: " + b"x" * 9216, id="endless header"),
    pytest.param(b"\r\n" * 600 + b"MSRP", id="blank lines"),
    pytest.param(bytes(range(256)) * 8, id="binary"),
])
def test_what_cannot_be_framed_ends_the_connection(ue, mallory, data):
    ue.forgive(mallory)
    mallory.conn.send_raw(data)
    mallory.conn.wait_closed()


def test_a_body_needs_a_type_and_a_type_a_body(mallory):
    # covers: MSRP-013, MSRP-014, MSRP-015
    session = mallory.session
    assert exchange(session, fields=ids() + ["Content-Type: message/cpim"]) == 400
    assert exchange(session, body=mallory.cpim("x"), content_type=None) == 400
    # An empty body is content (here: no CPIM), no body is not.
    assert exchange(session, body=b"") == 400
    assert exchange(session) == 200


def test_a_cpim_without_content_is_a_message_of_no_octets(trio):
    # covers: MSRP-015
    _, alice, bob, _ = trio
    alice.send_text("")
    assert bob.wait_text("").content == b""


@pytest.mark.parametrize("value", ["1-/5", "-5/5", "1-5", "1-5/", "1/5", "one-5/5", "0-5/5",
                                   "10-12/5", "1-5/5 x", "1 - 5/5"])
def test_a_bad_byte_range_is_400(mallory, value):
    # covers: MSRP-026, MSRP-072
    fields = ["Message-ID: " + new_id("m"), "Byte-Range: " + value]
    assert exchange(mallory.session, fields=fields, body=mallory.cpim("x")) == 400


def test_a_bad_escape_in_a_quoted_string_is_400(mallory):
    # covers: MSRP-027
    body = mallory.cpim("x")
    assert exchange(mallory.session, body=body, content_type='message/cpim;a="\\x"') == 400
    assert exchange(mallory.session, body=body, content_type='message/cpim;a="\\"\\\\"') == 200


CONTENTS = {
    # covers: MSRP-011
    "end-line of another id": b"-------abcdefgh$\r\n",
    # covers: MSRP-012
    "ends in CRLF": b"abc\r\n",
    "only CRLF": b"\r\n\r\n",
    "hyphens": b"-------\r\n------\r\n--------$\r\n",
    # covers: MSRP-019
    "every octet": bytes(range(256)) * 3,
    "bare CR and LF": b"a\rb\nc\n\rd\r\r\ne\r",
    "NULs": bytes(100),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_content_is_delivered_octet_by_octet(trio, case):
    # covers: SW-026, CPIM-002
    _, alice, bob, carol = trio
    body = alice.cpim(CONTENTS[case], content_type="application/octet-stream")
    assert alice.session.send(body).status() == 200
    fence(alice, bob, carol)
    assert bob.session.messages[0].data == body and carol.session.messages[0].data == body


@pytest.mark.parametrize("inner", ["-------{tid}!\r\n", "-------{tid}\r\n", "-------{tid}$x\r\n",
                                   "x-------{tid}$\r\n", "------{tid}$\r\n", "-------{tid}",
                                   "\n-------{tid}$\n", "-------{tid}+-------{tid}#\r\n"])
def test_what_only_looks_like_the_end_line_is_data(trio, inner):
    # covers: MSRP-016, MSRP-018
    _, alice, bob, _ = trio
    tid = new_id()
    body = alice.cpim("look: " + inner.format(tid=tid) + "after")
    assert alice.session.send(body, tid=tid).status() == 200
    fence(alice, bob)
    assert bob.session.messages[0].data == body


def test_a_nested_msrp_message_is_data(trio):
    # covers: MSRP-018
    _, alice, bob, _ = trio
    nested = alice.session.chunk(alice.cpim("inner"), 1, 5).build()
    body = alice.cpim(nested, content_type="application/octet-stream")
    assert alice.session.send(body).status() == 200
    fence(alice, bob)
    assert bob.session.messages[0].data == body and len(bob.chats) == 2


@pytest.mark.parametrize("sizes", [[1], [7], [100, 1, 1, 1], [3000]])
def test_any_split_of_the_stream_gives_the_same_messages(trio, sizes):
    # covers: MSRP-020
    _, alice, bob, _ = trio
    texts = ["first", "zweite \u00e4", "third\r\n-------\r\n" + "y" * 3000]
    frames = [alice.session.chunk(alice.cpim(t), 1, None) for t in texts]
    alice.conn.send_split(b"".join(f.build() for f in frames), sizes)
    assert [alice.conn.wait_response(f.tid).status for f in frames] == [200] * 3
    fence(alice, bob)
    assert bob.texts[:3] == texts


def test_a_hundred_requests_in_one_write_get_a_hundred_answers(trio):
    # covers: MSRP-023, MSRP-095
    _, alice, bob, carol = trio
    frames = [alice.session.chunk(alice.cpim("n%d" % n), 1, None) for n in range(100)]
    alice.conn.send_raw(b"".join(f.build() for f in frames))
    assert [alice.conn.wait_response(f.tid).status for f in frames] == [200] * 100
    fence(alice, bob, carol)
    expected = ["n%d" % n for n in range(100)]
    assert bob.texts[:100] == expected and carol.texts[:100] == expected


def test_bodies_of_other_methods_are_small(mallory):
    # covers: MSRP-024, MSRP-106
    session = mallory.session
    tid, data = octets(session, method="REPORT", body=bytes(10241), content_type="text/plain",
                       fields=["Message-ID: " + new_id(), "Status: 000 200 OK"])
    session.conn.send_raw(data)
    silent(session, tid)
    assert exchange(session, method="NICKNAME", body=bytes(10241), content_type="text/plain",
                    fields=['Use-Nickname: "m"']) == 400


def test_our_own_transaction_ids_and_message_ids_never_repeat(trio):
    # covers: MSRP-003, SW-027
    _, alice, bob, carol = trio
    for n in range(300):
        alice.send("n%d" % n)
    fence(alice, bob, carol)
    sends = [f for f in bob.conn.frames if f.method == "SEND"]
    assert len({f.tid for f in sends}) == len(sends) >= 301
    assert len({f.message_id for f in sends}) == len(sends)
    assert all(len(f.tid) >= 11 for f in sends)
    theirs = {f.tid for f in alice.conn.frames if f.is_response} | {
        f.message_id for f in alice.conn.frames}
    assert not {f.message_id for f in sends} & theirs, "the sender's own ids went out"


def test_an_end_line_of_ours_foretold_in_a_body_does_not_cut_it(trio):
    # covers: MSRP-017
    _, alice, bob, _ = trio
    fence(alice, bob)
    fence(alice, bob)
    first, second = [f.tid for f in bob.conn.frames if f.method == "SEND"][:2]
    guesses = foretell(first, second, 40)
    for at_start in (True, False):
        ends = "".join("-------%s%s\r\n" % (g, flag) for g in guesses for flag in "$+#")
        body = alice.cpim("" if at_start else "x" * 3000 + "\r\n") + ends.encode()
        frames = [alice.session.chunk(body[:3000], 1, len(body), "+", message_id="guess%d" % at_start),
                  alice.session.chunk(body[3000:], 3001, len(body), "$",
                                      message_id="guess%d" % at_start)]
        for frame in frames:
            alice.conn.send(frame)
        fence(alice, bob)
        assert body in [m.data for m in bob.session.messages]


def foretell(first, second, count):
    """Transaction ids that may follow, were the differing tail a counter in hex or base 36."""
    same = 0
    while same < min(len(first), len(second)) and first[same] == second[same]:
        same += 1
    out = []
    for base, digits in ((16, "0123456789abcdef"), (10, "0123456789"),
                         (36, "0123456789abcdefghijklmnopqrstuvwxyz")):
        tail = second[same:]
        if not tail or any(c not in digits for c in tail):
            continue
        # The carry may move left of the differing digits: count over a longer tail when it can be.
        keep = same
        while keep > 8 and second[keep - 1] in digits:
            keep -= 1
        width = len(second) - keep
        number = int(second[keep:], base)
        for n in range(number + 1, number + 1 + count):
            text = ""
            for _ in range(width):
                text = digits[n % base] + text
                n //= base
            out.append(second[:keep] + text)
    assert out, "transaction ids %s, %s are no counter: nothing to foretell" % (first, second)
    return out


def test_responses_need_no_further_header_and_may_end_in_plus(trio):
    # covers: MSRP-006, MSRP-025, MSRP-098
    _, alice, bob, carol = trio
    bob.conn.auto_answer = False
    alice.send_text("to be answered")
    frame = bob.session.wait_message().first
    answer = "MSRP %s 200\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s+\r\n"
    bob.conn.send_raw((answer % (frame.tid, frame.from_path[0], frame.to_path[0],
                                 frame.tid)).encode())
    stray = new_id()
    bob.conn.send_raw((answer % (stray, frame.from_path[0], frame.to_path[0], stray)).encode())
    bob.conn.auto_answer = True
    usable(bob.session)
    fence(alice, bob, carol)
