# SPDX-License-Identifier: Apache-2.0
"""What a hostile MSRP peer tries and what it gets; two other members chat on in the same room."""

import time

import pytest

from peer import cpim
from peer.loop import Stream, wait
from peer.msrp import Connection
from peer.msrpmsg import new_id, response
from peer.servers import poll
from peer.ue import fence
from test_attack_chaos import ROOM, Leg, alone  # noqa: F401  (alone is a fixture)
from wire import exchange, octets, replaced, usable

CONTEXT = b"\x33" * 16


@pytest.fixture
def mallory(ue, room, bystanders):
    """A member in the room of the bystanders."""
    one = ue("mallory").join(room)
    yield one
    bystanders.undisturbed()


@pytest.fixture
def unbound(ue, room, bystanders):
    """A member whose media is not connected yet."""
    one = ue("mallory").join(room, connect=False)
    yield one
    bystanders.undisturbed()


def probe(net, source="127.0.0.1"):
    """Ask for a session that does not exist: the connection, after its 481."""
    conn = Connection.connect(net.msrp, source=(source, 0))
    tid = new_id()
    conn.send_raw(("MSRP %s SEND\r\nTo-Path: msrp://127.0.0.1:2855/%s;tcp\r\n"
                   "From-Path: msrp://127.0.0.1:9/x;tcp\r\nMessage-ID: %s\r\n"
                   "Byte-Range: 1-0/0\r\n-------%s$\r\n" % (tid, new_id(), tid, tid)).encode())
    assert conn.wait_response(tid).status == 481
    conn.wait_closed()
    return conn


def turned_away(net, source):
    """Is a new connection from there closed at once?"""
    conn = Connection.connect(net.msrp, source=(source, 0))
    banned = net.mrfp.metrics().sum("mrfp_connections_refused_total", limit="banned")
    try:
        wait(lambda: conn.closed, 0.5, "an end")
    except AssertionError:
        conn.close()
        return False
    return banned > 0


def test_who_guesses_session_ids_is_banned_and_its_legs_stay(own_mrf, ue, room):
    # covers: MSRP-043, MSRP-056
    net = own_mrf(mrfp={"msrp.trusted_media": "127.0.0.1", "msrp.probe_ban": "2s"})
    alice = ue("alice", net=net).join(room)
    bob = ue("bob", net=net).join(room, connect=False)
    bob.conns.append(bob.session.attach(Connection.connect(net.msrp, source=("127.0.0.2", 0))).conn)
    bob.session.bind()
    for _ in range(4):
        probe(net, "127.0.0.2")
    assert not turned_away(net, "127.0.0.2")
    begin = time.monotonic()
    probe(net, "127.0.0.2")
    assert turned_away(net, "127.0.0.2")
    assert not turned_away(net, "127.0.0.3")
    fence(alice, bob)
    fence(bob, alice)
    assert net.mrfp.metrics().sum("mrfp_probes_total") == 5
    poll(lambda: not turned_away(net, "127.0.0.2"), what="the end of the ban")
    assert time.monotonic() - begin >= 2


def test_a_trusted_gateway_is_not_banned_for_one_of_its_terminals(own_mrf):
    # covers: IMS-014
    net = own_mrf()
    for _ in range(12):
        probe(net)
    assert net.mrfp.metrics().sum("mrfp_connections_refused_total") == 0


def test_a_second_connection_for_a_session_is_506_and_closed(ue, trio, bystanders):
    # covers: MSRP-044, MSRP-047
    _, alice, bob, _ = trio
    second = Connection.connect(alice.net.msrp)
    tid, data = octets(alice.session, body=alice.cpim("stolen"))
    second.send_raw(data)
    assert second.wait_response(tid).status == 506
    second.wait_closed()
    fence(alice, bob)
    fence(bob, alice)
    assert "stolen" not in bob.texts
    bystanders.undisturbed()


def test_a_forged_from_path_is_481_and_closes_what_is_unbound(unbound):
    # covers: MSRP-051
    forged = replaced(unbound.session.local, session=new_id())
    conn = unbound.session.connect().conn
    assert exchange(unbound.session, from_=forged) == 481
    conn.wait_closed()
    unbound.session.connect()
    unbound.session.bind()
    assert exchange(unbound.session, from_=forged, body=unbound.cpim("x")) == 481
    usable(unbound.session)


def test_who_says_nothing_valid_is_closed_by_the_bind_timer(own_mrf, ue, room):
    # covers: MSRP-056
    net = own_mrf(mrfp={"msrp.bind_timeout": "400ms"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    silent = Connection.connect(net.msrp)
    odd = Connection.connect(net.msrp)
    odd.send_raw(b"MSRP abcdefgh SEND\r\nTo-Path: ")
    silent.wait_closed()
    odd.wait_closed()
    fence(alice, bob)


class Plain(Stream):
    """A connection whose octets nobody looks at."""

    def on_data(self, data):
        pass


HEADS = {
    # covers: MSRP-021
    "a line over 2 KiB": ["X-Long: " + "x" * 2100],
    "over 40 headers": ["X-%d: y" % n for n in range(45)],
    "over 8 KiB": ["X-%d: %s" % (n, "y" * 1800) for n in range(6)],
}


@pytest.mark.parametrize("case", HEADS)
def test_a_head_beyond_its_limits_is_400_or_the_end(ue, mallory, case):
    # covers: MSRP-021
    ue.forgive(mallory)
    fields = ["Message-ID: " + new_id(), "Byte-Range: 1-0/0"] + HEADS[case]
    tid, data = octets(mallory.session, fields=fields)
    conn = mallory.conn
    conn.send_raw(data)
    wait(lambda: conn.closed or conn.responses(tid), what="400 or the end")
    assert [r.status for r in conn.responses(tid)] in ([], [400])
    again = mallory.session.keepalive()
    wait(lambda: conn.closed or again.answered, what="an answer or the end")


@pytest.mark.parametrize("bound", [False, True])
def test_a_head_that_comes_octet_by_octet_ends_the_connection(own_mrf, ue, room, bound):
    # covers: MSRP-021, MSRP-056
    net = own_mrf(mrfp={"msrp.header_timeout": "1s"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    mallory = ue("mallory", net=net).join(room, connect=bound)
    if not bound:
        mallory.session.connect()
    mallory.conn.auto_answer = False
    data = octets(mallory.session)[1]
    begin, at = time.monotonic(), 0
    while not mallory.conn.closed and at < len(data) - 5:
        mallory.conn.send_raw(data[at:at + 1])
        at += 1
        fence(alice, bob)
        try:
            wait(lambda: mallory.conn.closed, 0.05, "the end")
        except AssertionError:
            pass
    mallory.conn.wait_closed()
    assert at < len(data) - 5 and 0.9 < time.monotonic() - begin < 8
    # Who is slow with a body is not in this case.
    body = alice.cpim("slow body")
    tid, data = octets(alice.session, body=body)
    head = data.index(b"\r\n\r\n") + 4
    alice.conn.send_raw(data[:head + 10])
    with pytest.raises(AssertionError):
        wait(lambda: alice.conn.closed, 1.4, "an end")
    alice.conn.send_raw(data[head + 10:])
    assert alice.conn.wait_response(tid).status == 200
    bob.wait_text("slow body")


RANGES = ["0-1/1", "0-0/0", "5-3/10", "7-8/2", "18446744073709551617-*/*", "1-99999999999999999999/*",
          "1-*/99999999999999999999999", "-1-2/2", "1-2", "a-b/c"]


@pytest.mark.parametrize("value", RANGES)
def test_an_impossible_byte_range_is_400(mallory, value):
    # covers: MSRP-061, MSRP-072
    fields = ["Message-ID: " + new_id(), "Byte-Range: " + value]
    assert exchange(mallory.session, body=mallory.cpim("x"), fields=fields) == 400
    usable(mallory.session)


def test_nothing_is_allocated_for_a_size_that_is_only_claimed(mallory, mrf):
    # covers: MSRP-073
    before = mrf.mrfp.rss_bytes()
    for value in ("1-9223372036854775807/*", "1-*/250000000", "9223372036854775000-*/*"):
        fields = ["Message-ID: " + new_id(), "Byte-Range: " + value]
        exchange(mallory.session, body=mallory.cpim("x"), fields=fields, flag="+")
    usable(mallory.session)
    assert mrf.mrfp.rss_bytes() - before < 8 << 20


def test_octets_that_repeat_themselves_count_towards_the_limit(own_mrf, ue, room):
    # covers: MSRP-067, MSRP-075
    net = own_mrf(mrfp={"msrp.max_size": "256KiB"})
    mallory, bob = [ue(n, net=net).join(room) for n in ("mallory", "bob")]
    data = mallory.cpim("r" * 100000)
    mid, seen = new_id("m"), []
    for _ in range(8):
        chunk = mallory.session.chunk(data[:90000], 1, len(data), "+", message_id=mid)
        seen.append(mallory.conn.send(chunk).status())
    assert seen[:2] == [200, 200] and seen[-1] == 413
    bob.session.wait_message(lambda m: m.aborted, what="the abort")
    fence(mallory, bob)


def test_endless_chunks_are_413_and_aborted_for_all(own_mrf, ue, room):
    # covers: MSRP-075, MSRP-076
    net = own_mrf(mrfp={"msrp.max_size": "256KiB"})
    mallory, bob = [ue(n, net=net).join(room) for n in ("mallory", "bob")]
    mid, at, status = new_id("m"), 1, 200
    piece = mallory.cpim("e" * 20000)
    while status == 200 and at < 4 << 20:
        status = mallory.conn.send(
            mallory.session.chunk(piece, at, "*", "+", message_id=mid)).status()
        at, piece = at + len(piece), b"e" * 20000
    assert status == 413 and at < 300000
    assert mallory.conn.send(mallory.session.chunk(piece, at, "*", "+", message_id=mid)).status() == 413
    got = bob.session.wait_message(lambda m: m.aborted, what="the abort")
    assert len(got.buf) <= 256 << 10
    fence(mallory, bob)


def test_ten_thousand_unfinished_messages_are_413(mallory, mrf):
    # covers: MSRP-078
    before = mrf.mrfp.rss_bytes()
    body = mallory.cpim("u" * 300)[:200]
    tids = []
    for _ in range(20):
        frames = [octets(mallory.session, body=body, flag="+",
                         fields=["Message-ID: " + new_id("m"), "Byte-Range: 1-*/1000"])
                  for _ in range(50)]
        mallory.conn.send_raw(b"".join(data for _, data in frames))
        tids += [tid for tid, _ in frames]
    statuses = [mallory.conn.wait_response(tid).status for tid in tids]
    assert set(statuses[:32]) == {200} and set(statuses[32:]) == {413}
    assert mrf.mrfp.rss_bytes() - before < 8 << 20


def test_flags_that_are_none_are_data_or_400(ue, mallory):
    # covers: MSRP-016
    ue.forgive(mallory)
    tid = new_id()
    for flag in ("", "?", "$$", "+#"):
        inner = b"a\r\n-------%s%s\r\nb" % (tid.encode(), flag.encode())
        body = mallory.cpim(inner.decode())
        assert exchange(mallory.session, tid=tid, body=body) == 200
    tid, data = octets(mallory.session, flag="?")
    conn = mallory.conn
    conn.send_raw(data + octets(mallory.session, tid=tid)[1])
    wait(lambda: conn.closed or conn.responses(tid), what="400 or the end")
    assert {r.status for r in conn.responses(tid)} <= {400}


def test_responses_to_nothing_are_ignored_and_counted(mallory, mrf):
    # covers: MSRP-098
    before = mrf.mrfp.metrics().sum("mrfp_unknown_answers_total")
    for n in range(50):
        mallory.conn.send_raw(("MSRP %s %d OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (
            ("none%04d" % n, (200, 481, 413)[n % 3], mallory.session.remote[0],
             mallory.session.local, "none%04d" % n))).encode())
    usable(mallory.session)
    assert mrf.mrfp.metrics().sum("mrfp_unknown_answers_total") - before == 50


def test_reports_about_foreign_messages_change_nothing(mallory, bystanders, mrf):
    # covers: MSRP-110, SW-037
    bystanders.chat()
    ids = [m.message_id for m in mallory.session.messages] + ["none", new_id()]
    theirs = [m.message_id for m in bystanders.one.session.messages]
    for mid in ids + theirs:
        mallory.session.report(mid, status="000 413 Stop")
        mallory.session.report(mid, status="000 200 OK")
    usable(mallory.session)
    bystanders.undisturbed()
    assert mallory.session.reports == []


@pytest.mark.parametrize("frm,to,status", [
    ("sip:dora@example.com", None, 403), ("sip:ghost@example.com", None, 403),
    (None, "sip:room-of-others@conf.example.com", 404),
    (None, ["sip:dora@example.com", "sip:emil@example.com"], 403),
    (None, ["sip:u%d@example.com" % n for n in range(150)], 403)])
def test_a_cpim_head_that_lies_is_refused(mallory, frm, to, status):
    # covers: SW-021, SW-022, SW-051
    body = cpim.build(frm or mallory.aor, to or mallory.room, "lie", "text/plain")
    assert exchange(mallory.session, body=body) == status


def test_ten_thousand_recipients_are_refused(mallory):
    # covers: SW-022
    body = cpim.build(mallory.aor, ["sip:u%d@example.com" % n for n in range(10000)], "x", "text/plain")
    assert exchange(mallory.session, body=body) in (400, 403, 413)
    usable(mallory.session)


def test_two_senders_in_one_head_are_400(mallory):
    # covers: SW-025
    body = mallory.cpim("x")
    line = body[body.index(b"From:"):].split(b"\r\n")[0] + b"\r\n"
    assert exchange(mallory.session, body=body.replace(line, line + line, 1)) == 400


@pytest.mark.parametrize("bad", [b"a\0b", b"a\rb", b"a\nb", b"\xff\xfe", b"\xc0\xaf"], ids=range(5))
def test_octets_no_head_may_have_are_400(ue, mallory, bad):
    # covers: MSRP-022, CPIM-001
    ue.forgive(mallory)
    body = mallory.cpim("x").replace(b"\r\nDateTime:", b"\r\nSubject: " + bad + b"\r\nDateTime:", 1)
    assert b"Subject" in body and exchange(mallory.session, body=body) == 400
    tid, data = octets(mallory.session)
    conn = mallory.conn
    conn.send_raw(data.replace(b"\r\nMessage-ID:", b"\r\nX-Odd: " + bad + b"\r\nMessage-ID:", 1))
    wait(lambda: conn.closed or conn.responses(tid), what="400 or the end")
    assert [r.status for r in conn.responses(tid)] in ([], [400])


# --- what is not for members ---

@pytest.fixture
def legs(alone):  # noqa: F811
    three = [Leg(alone, CONTEXT, n) for n in (1, 2, 3)]
    for leg in three:
        leg.add()
        leg.connect()
        assert leg.session.keepalive().status() == 200
    return three


def fence_legs(legs):
    """Everyone has got a line of everyone."""
    for leg in legs:
        line = leg.cpim("fence " + new_id())
        assert leg.session.send(line).status() == 200
        for other in legs:
            if other is not leg:
                wait(lambda o=other, t=line: any(f.body == t for f in o.session.requests), what="it")


KEY = bytes(range(256)) * 3


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("size", [0, 100])
def test_a_key_message_goes_up_and_to_no_member(alone, legs, wrapped, size):  # noqa: F811
    mrfp, control = alone
    body, kind = KEY, "application/mikey"
    if wrapped:
        body = cpim.build(legs[0].aor, ROOM, KEY, "application/mikey")
        kind = "message/cpim"
    if size:
        txs = legs[0].session.send_chunks(body, size, kind)
    else:
        txs = [legs[0].session.send(body, kind)]
    assert {t.status() for t in txs} == {200}
    event = wait(lambda: next((e for e in control.events if e["event"] == 4), None), what="the key")
    assert event["context"] == CONTEXT and event["termination"] == 1
    assert event["raw"][0x502] == KEY
    fence_legs(legs)
    assert not [f for leg in legs for f in leg.session.requests if f.body and KEY[:50] in f.body]
    metrics = mrfp.metrics()
    assert metrics.sum("mrfp_messages_total", **{"class": "key", "result": "accepted"}) == 1
    assert metrics.sum("mrfp_copies_total", **{"class": "key"}) == 0
    assert len([e for e in control.events if e["event"] == 4]) == 1


def test_a_key_message_that_lies_or_never_ends_is_refused(alone, legs):  # noqa: F811
    # covers: SW-021
    _, control = alone
    forged = cpim.build(legs[1].aor, ROOM, KEY, "application/mikey")
    assert legs[0].session.send(forged).status() == 403
    big = cpim.build(legs[0].aor, ROOM, bytes(20000), "application/mikey")
    assert legs[0].session.send(big).status() == 413
    statuses = []
    for at in range(0, 20000, 1000):
        chunk = legs[0].session.chunk(bytes(1000), at + 1, "*", "+", "application/mikey", "endless")
        statuses.append(legs[0].session.conn.send(chunk).status())
    assert statuses[0] == 200 and statuses[-1] == 413
    fence_legs(legs)
    assert not [e for e in control.events if e["event"] == 4]


SEALED = "application/pkcs7-mime; smime-type=auth-enveloped-data; name=smime.p7m"


def test_where_bodies_are_sealed_nothing_else_passes(alone, legs):  # noqa: F811
    # covers: CMS-006, CMS-008
    mrfp, control = alone
    assert control.ask("modify", CONTEXT, policy=3 | 8)["code"] == 0
    one, two = legs[0], legs[1]
    for to in (ROOM, two.aor):
        for kind in ("text/plain", "image/png", "application/pkcs7-mime",
                     "application/pkcs7-mime; smime-type=signed-data"):
            assert one.session.send(one.cpim("open", to, kind)).status() == 415
        for kind in (SEALED, SEALED.replace("auth-env", "authEnv")):
            data = one.cpim("sealed " + new_id(), to, kind)
            assert one.session.send(data).status() == 200
            wait(lambda d=data: any(f.body == d for f in two.session.requests), what="it")
    typing = one.cpim("<isComposing>open</isComposing>", ROOM, "application/im-iscomposing+xml")
    assert one.session.send(typing).status() == 415
    assert one.session.send(b"<open/>", "application/im-iscomposing+xml").status() == 415
    notice = one.cpim("<imdn>open</imdn>", two.aor, "message/imdn+xml")
    assert one.session.send(notice).status() == 415
    assert not [f for f in two.session.requests if f.body and b"open" in f.body]


def test_a_sender_hears_itself_only_where_policy_says_so(alone, legs):  # noqa: F811
    # covers: SW-041
    _, control = alone
    silent = legs[0].cpim("not to me")
    assert legs[0].session.send(silent).status() == 200
    fence_legs(legs)
    assert control.ask("modify", CONTEXT, policy=3 | 64)["code"] == 0
    echo = legs[0].cpim("to me too")
    assert legs[0].session.send(echo).status() == 200
    for leg in legs:
        wait(lambda o=leg: [f.body for f in o.session.requests].count(echo) == 1, what="the line")
    assert not [f for f in legs[0].session.requests if f.body == silent]
    typing = legs[0].cpim("<isComposing/>", ROOM, "application/im-iscomposing+xml")
    assert legs[0].session.send(typing).status() == 200
    private = legs[0].cpim("private", legs[1].aor)
    assert legs[0].session.send(private).status() == 200
    wait(lambda: any(f.body == private for f in legs[1].session.requests), what="it")
    assert legs[0].session.keepalive().status() == 200
    assert not [f for f in legs[0].session.requests if f.body in (typing, private)]


def test_the_focus_lets_senders_hear_themselves_where_configured(own_mrf, ue, room):
    # covers: SW-041
    net = own_mrf(mrfc={"conference.echo": "true"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    alice.send_text("hello")
    alice.wait_text("hello")
    bob.wait_text("hello")


def test_a_private_message_finds_an_anonymous_member_by_its_shown_uri(alone, legs):  # noqa: F811
    # covers: SW-057
    _, control = alone
    shown = "sip:anon-3f2a@anonymous.invalid"
    assert legs[1].modify(uris=[shown])["code"] == 0
    data = legs[0].cpim("psst", shown)
    assert legs[0].session.send(data).status() == 200
    wait(lambda: any(f.body == data for f in legs[1].session.requests), what="it")
    assert legs[0].session.send(legs[0].cpim("psst", legs[1].aor)).status() == 404
    assert legs[0].session.send(
        legs[0].cpim("psst", "sip:anon-4444@anonymous.invalid")).status() == 404
    reply = cpim.build(shown, legs[0].aor, "yes?", "text/plain")
    assert legs[1].session.send(reply).status() == 200
    wait(lambda: any(f.body == reply for f in legs[0].session.requests), what="the reply")
    assert not [f for f in legs[2].session.requests if f.body]


def test_a_required_header_nobody_knows_passes_to_who_must_judge_it(trio):
    # covers: CPIM-006
    _, alice, bob, _ = trio
    body = alice.cpim("judge").replace(b"\r\nDateTime:", b"\r\nRequire: MyHeaders.Vital\r\nDateTime:", 1)
    assert b"Require" in body and exchange(alice.session, body=body) == 200
    assert bob.wait_text("judge").message.data == body


# --- requests that are not for us ---

@pytest.mark.parametrize("method", ["AUTH", "FOO", "SENDX"])
def test_an_unknown_method_is_501_after_the_session_is_known(mallory, method):
    # covers: MSRP-099, MSRP-100, REL-010
    nowhere = replaced(mallory.session.remote[0], session=new_id())
    assert exchange(mallory.session, method=method) == 501
    assert exchange(mallory.session, method=method, to=nowhere) == 481


def test_a_path_that_leads_through_us_twice_is_481(mallory):
    # covers: MSRP-052
    ours = mallory.session.remote[0]
    assert exchange(mallory.session, to=ours + " " + ours, body=mallory.cpim("x")) == 481
    usable(mallory.session)


def test_answers_beyond_all_bounds_do_not_grow_the_switch(mallory, mrf):
    # covers: MSRP-098
    before = mrf.mrfp.rss_bytes()
    frame = response(mallory.session.frame(), 200).build()
    for _ in range(50):
        mallory.conn.send_raw(frame * 200)
        wait(lambda: len(mallory.conn.out) < 1 << 20, what="octets taken")
    usable(mallory.session)
    assert mrf.mrfp.rss_bytes() - before < 8 << 20
