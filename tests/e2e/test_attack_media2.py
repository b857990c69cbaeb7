# SPDX-License-Identifier: Apache-2.0
"""Odd and hostile peers against relays, files, TLS legs, notifications and offers of the focus."""

import os
import random
import socket
import ssl

import pytest

from peer import cpim, imdn, sdp, tls
from peer.files import File, Line, Push, Take
from peer.loop import LOOP, wait
from peer.msrpmsg import new_id
from peer.servers import poll
from peer.ue import fence
from relaying import ACCOUNT, AUTHORISE, LOST, make, relay  # noqa: F401  (fixtures)
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


@pytest.mark.parametrize("seed", range(2))
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


@pytest.mark.slow
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


# -- TLS legs --------------------------------------------------------------------------------------


def tls_closed_in_a_frame(conn, how):
    """The end of a TLS leg in the middle of a frame."""
    with LOOP.cond:
        sock = conn.sock.ssl
        LOOP.watch(conn.sock, conn, False, False)
    if how == "notify":
        sock.setblocking(True)
        sock.settimeout(5)
        try:
            sock.unwrap()
        except OSError:
            pass
    elif how == "half":
        sock.shutdown(socket.SHUT_WR)
    elif how == "garbage":
        raw = socket.socket(fileno=os.dup(sock.fileno()))
        raw.setblocking(True)
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"g" * 32 + b"\x17\x03\x03\xff\xff")
        raw.close()
    if how == "reset":
        conn.reset()
    elif how != "half":
        conn.close()


@pytest.mark.parametrize("how", ["notify", "half", "garbage", "reset", "close"])
def test_a_tls_leg_that_ends_in_a_frame(own_mrf, ue, room, certs, how):  # noqa: F811
    # covers: SEC-001
    net = own_mrf(mrfp={"context.grace": "1s"})
    alice = ue("alice", net, tls=certs("alice")).join(room)
    bob = ue("bob", net).join(room)
    data = octets(alice.session, body=alice.cpim("never whole " + "x" * 30000))[1]
    alice.conn.send_raw(data[:20000])
    alice.conn.flush()
    wait(lambda: any("never" in bytes(m.buf).decode("latin-1") for m in bob.session.messages),
         what="its beginning")
    conn = alice.conn
    tls_closed_in_a_frame(conn, how)
    bob.session.wait_message(lambda m: m.aborted, what="the abort")
    fence(bob)
    if how == "half":
        conn.close()
    for one in (alice, bob):
        one.leave()
    all_over(net.mrfp)


def test_three_hundred_handshakes_at_once(own_mrf, ue, room, certs):  # noqa: F811
    # covers: SEC-001
    net = own_mrf()
    alice = ue("alice", net, tls=certs("alice")).join(room)
    ctx, socks = tls.nobody(), []
    for n in range(300):
        sock = socket.create_connection(net.msrps, 10)
        sock.setblocking(False)
        if n % 3 == 1:  # a hello, and nothing more
            out = ssl.MemoryBIO()
            obj = ctx.wrap_bio(ssl.MemoryBIO(), out)
            with pytest.raises(ssl.SSLWantReadError):
                obj.do_handshake()
            sock.send(out.read())
        elif n % 3 == 2:
            sock.send(b"\x16\x03\x01\x40")
        socks.append(sock)
    bob = ue("bob", net, tls=certs("bob")).join(room)
    fence(alice, bob)
    fence(bob, alice)
    for n, sock in enumerate(socks):
        if n % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    for one in (alice, bob):
        one.leave()
    all_over(net.mrfp)
    assert metric(net.mrfp, "mrfp_tls_handshakes_total") == 302
    assert metric(net.mrfp, "mrfp_tls_handshakes") == 0


# -- files -----------------------------------------------------------------------------------------


def crowd(ue, room, net, n):
    return [ue("user%d" % i, net).join(room) for i in range(n)]


def no_dialogs(net):
    """All dialogs of files and chats are over."""
    net.mrfc.wait_metric(lambda m: m.sum("mrfc_dialogs") == 0, 20, "an end of dialogs")


def hang_up(*members):
    """Their MSRP connections are closed, those of files too."""
    for one in members:
        for conn in one.conns + one.listener.connections:
            conn.close()


def leave_all(net, members):
    for one in members:
        if not one.session.conn.closed:
            one.leave()
    no_dialogs(net)
    hang_up(*members)
    all_over(net.mrfp)


@pytest.mark.parametrize("step", ["at once", "ringing", "taken", "bound", "half", "whole"])
@pytest.mark.parametrize("how", ["sender", "receiver", "room"])
def test_an_end_at_every_step_of_a_file(own_mrf, ue, room, step, how):
    # covers: FT-013
    net = own_mrf(mrfp={"context.grace": "1s"})
    members = crowd(ue, room, net, 4)
    alice = members[0]
    push = Push(alice, [File(os.urandom(200000))])
    takes = []
    if step != "at once":
        takes = [Take(one) for one in members[1:]]
    if step in ("taken", "bound", "half", "whole"):
        for take in takes[:2]:
            take.accept(bind=step != "taken")
        push.answered(bind=step != "taken")
    if step == "half":
        push.send(data=push.files[0].data[:100000], last_flag="+")
    elif step == "whole":
        push.send()
        takes[0].wait()
    if how == "sender":
        if any(r.code >= 200 for r in push.call.txn.responses):
            push.call.bye().final()
        else:
            push.call.cancel()
            assert push.call.final().code in (200, 487)
    elif how == "receiver":
        for one, take in zip(members[1:], takes or [None] * 3):
            one.leave()
            if take and not take.call.ended:
                if take in takes[:2] and step not in ("ringing",):
                    take.call.bye().final()
                elif not take.call.txn.cancelled:
                    take.call.reject(480)
        if step == "at once":
            for one in members[1:]:
                try:
                    Take(one, 2).call.reject(480)
                except AssertionError:
                    pass
    else:
        for one in members:
            one.leave()
    leave_all(net, members)


def test_members_come_and_go_while_files_are_out(own_mrf, ue, room):
    # covers: FT-013
    net = own_mrf(mrfp={"context.grace": "1s"})
    members = crowd(ue, room, net, 12)
    push = Push(members[0], [File(os.urandom(50000)), File(os.urandom(70000), "b.png")])
    takes = [Take(one) for one in members[1:]]
    late = [ue("late%d" % n, net).join(room) for n in range(3)]
    for one in members[1:4]:
        one.leave()
    for n, take in enumerate(takes):
        if not take.call.ended and not take.call.txn.cancelled:
            take.accept(refuse=[n % 2] if n % 3 == 0 else ()) if n % 4 else take.call.reject(603)
    push.answered()
    for i in (0, 1):
        push.send(i)
    for n, take in enumerate(takes[4:], 4):
        if n % 4:
            for i in take.open:
                assert take.wait(i) == push.files[i].data
    push.call.bye().final()
    leave_all(net, members[:1] + members[4:] + late)


@pytest.mark.parametrize("odd", ["same id twice", "same file twice", "too many lines", "big icon",
                                 "two selectors", "icon of nothing"])
def test_odd_descriptions_of_files(own_mrf, ue, room, odd):
    # covers: FT-013
    net = own_mrf()
    members = crowd(ue, room, net, 3)
    alice, more, many = members[0], {}, 2
    if odd == "too many lines":
        many = 40
    chosen = [File(b"x" * 100, "f%d.png" % n) for n in range(many)]
    if odd == "same id twice":
        chosen[1].attributes["file-transfer-id"] = chosen[0].id
    elif odd == "same file twice":
        chosen[1] = chosen[0]
    elif odd == "big icon":
        more["icon"] = ("icon@x", "image/png", b"i" * 40000)
        chosen[0].attributes["file-icon"] = "cid:icon@x"
    elif odd == "icon of nothing":
        chosen[0].attributes["file-icon"] = "cid:nothing@x"
    elif odd == "two selectors":
        chosen[0].attributes["file-selector"] += "\r\na=file-selector:name:\"z\" size:1"
    push = Push(alice, chosen, **more)
    try:
        takes = [Take(one, 5) for one in members[1:]]
    except AssertionError:
        takes = []
    for take in takes:
        take.accept()
    resp = push.call.final()
    if takes:
        push.answered()
        for i, media in enumerate(push.answer.media):
            if media.port:
                push.send(i)
        for take in takes:
            for i in take.open:
                assert take.wait(i) == b"x" * 100
        push.call.bye().final()
    else:
        assert resp.code >= 400
    fence(alice, *members[1:])
    leave_all(net, members)


# -- notifications ---------------------------------------------------------------------------------


def test_notifications_about_thousands_of_messages_that_never_were(own_mrf, ue, room):
    # covers: IMS-013
    net = own_mrf(mrfp={"imdn.pass_limit": 1, "imdn.window": "300ms"})
    members = crowd(ue, room, net, 5)
    alice, mallory = members[:2]
    before = None
    for n in range(6000):
        if n == 1000:
            fence(mallory, alice)
            before = net.mrfp.rss_bytes()
        mid = "forged%06d" % n
        for _ in range(2):
            mallory.session.send(imdn.notification(mallory, alice, imdn.document(mid)))
    fence(mallory, alice)
    if "asan" not in os.environ.get("MRF_BUILD", ""):
        assert net.mrfp.rss_bytes() - before < 16 << 20
    bombs = [b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "' + b"a" * 1000 + b'">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (str(n - 1).encode() if n else b"") * 50)
        for n in range(8)) + b']><imdn xmlns="%s"><message-id>&a7;</message-id></imdn>'
        % imdn.NS.encode(),
        b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><imdn/>',
        b"<a>" * 9000, b"<imdn " + b"a='1' " * 4000 + b"/>", b"\xff\xfe<\0i\0m\0", b""]
    for bomb in bombs:
        assert mallory.session.send(imdn.notification(mallory, alice, bomb)).status() in (200, 400)
    alice.leave()
    again = ue("user0", net).join(room)
    data, mid = imdn.ask(again, "still here")
    assert again.session.send(data).status() == 200
    for one in members[1:]:
        for t in imdn.answer(one, one.wait_text("still here")):
            assert t.status() == 200
    wait(lambda: sum(d.count for d in imdn.documents(again) if d.message_id == mid) == 8,
         what="all notifications")
    m = net.mrfp.wait_metric(lambda m: m.sum("mrfp_imdn_held") == 0)
    assert m.sum("mrfp_imdn_absorbed_total") == m.sum("mrfp_imdn_summarised_total") + \
        m.sum("mrfp_imdn_dropped_total")
    leave_all(net, [again] + members[1:])


# -- connections -----------------------------------------------------------------------------------


@pytest.mark.parametrize("io", ["uring", "writev"])
def test_connections_that_reset_while_much_is_written_to_them(own_mrf, ue, room, io):
    # covers: SW-080
    if io == "uring" and own_mrf().mrfp.metrics().sum("mrfp_io_uring") != 1:
        pytest.skip("no io_uring on this machine")
    net = own_mrf(mrfp={"msrp.io": io, "context.grace": "2s", "msrp.send_buffer": "16KiB"})
    alice, bob = (ue(name, net).join(room) for name in ("alice", "bob"))
    rng = random.Random(io)
    calls = []
    for _ in range(2):
        crowd = []
        for n in range(8):
            one = ue("reset%d" % n, net)
            one.rcvbuf = 4096
            crowd.append(one.join(room))
        for n, one in enumerate(crowd):
            if n % 2:
                one.conn.pause_reading()
        for n in range(30):
            text = "%04d " % n + "x" * 9000
            alice.send(text)
            bob.private(alice, "psst %d" % n)
            if n % 4 == 3:
                rng.choice(crowd).conn.reset()
        for one in crowd:
            one.conn.reset()
        calls += crowd
        fence(alice, bob)
        fence(bob, alice)
    for one in calls:
        one.call.bye().final()
        hang_up(one)
    leave_all(net, [alice, bob])


def test_a_sender_that_is_not_read_from_is_not_taken_for_dead(make):  # noqa: F811
    # covers: MSRP-094
    relay = make({"msrp.keepalive": "1s", "msrp.response_timeout": "2s", "context.grace": "60s",
                  "context.high_water": "64KiB", "msrp.send_buffer": "16KiB"}, ACCOUNT)
    a, b = relay.pair()
    b.session.answer = lambda frame: 200
    b.conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    b.conn.pause_reading()
    data = os.urandom(8 << 20)
    sent = a.session.send(data, "image/png")
    relay.mrfp.wait_metric(lambda m: m.sum("mrfp_paused") == 1, 20, "the sender waits")
    # The receiver neither reads nor answers: it is the one that is given up.
    wait(lambda: relay.events(LOST), 20, "the end of the receiver")
    assert [e["termination"] for e in relay.events(LOST)] == [2]
    assert sent.status(20) in (413, 481)
    assert not a.conn.closed
    usable(a.session)
    b.conn.close()
    for one in (a, b):
        relay.control.ask("subtract", relay.context, termination=one.number)
    a.conn.close()
    all_over(relay.mrfp)
