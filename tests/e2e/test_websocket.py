# SPDX-License-Identifier: Apache-2.0
"""MSRP inside WebSockets (RFC 7977): the handshake, messages of one chunk each, pings, the end.

The switch alone, the test in the MRFC's place; its plain WebSocket listener, which is what a TLS
terminator on the same machine talks to. test_websocket_calls.py has whole calls over wss.
"""

import contextlib
import os
import tempfile

import pytest

from peer import cpim
from peer import websocket as ws
from peer.control import Control
from peer.loop import wait
from peer.msrp import Connection, Session
from peer.msrpmsg import Uri, new_id
from peer.servers import Server
from wire import octets, replaced

ROOM = "sip:room@conf.example.com"
CONTEXT = b"\x77" * 16
OPTIONS = {"msrp.address": "127.0.0.1", "msrp.port": 0, "msrp.ws_port": 0, "admin.port": 0}


class Switch:
    """An MRFP and legs in one room."""

    def __init__(self, folder, **options):
        path = os.path.join(folder, "mp.sock")
        self.control, self.legs = Control(path), []
        self.mrfp = Server("mrfp", {**OPTIONS, **options, "mp.socket": path})
        self.mrfp.wait_ready()
        self.ws, self.msrp = self.mrfp.address("ws"), self.mrfp.address("msrp")

    def add(self, local, transport, context=CONTEXT, **fields):
        """A termination; returns its Session, not connected yet."""
        session = Session(local)
        session.number = len(self.legs) + 1
        session.aor = "sip:u%d@example.com" % session.number
        reply = self.control.ask("add", context, **{
            "termination": session.number, "conference": ROOM, "policy": 3, "setup": 2,
            "uris": [session.aor], "remote_path": local, "match": 1, "caps": 7,
            "accept_types": "message/cpim", "transport": transport, **fields})
        session.reply = reply
        if reply["code"] == 0:
            session.remote = [reply["local_path"]]
            self.legs.append(session)
        return session

    def browser(self, conn=None, context=CONTEXT, **kwargs):
        """A leg over a WebSocket (of its own, unless given), bound."""
        session = self.add(ws.local_uri(), 3, context)
        session.attach(conn or ws.WsConnection.connect(self.ws, **kwargs).opened())
        return session.bind()

    def plain(self, rcvbuf=None):
        session = self.add("msrp://127.0.0.1:9/%s;tcp" % new_id(), 1)
        session.attach(Connection.connect(self.msrp, rcvbuf=rcvbuf))
        return session.bind()

    def lost(self, session):
        """Wait for the event that tells the MRFC; returns it."""
        return wait(lambda: next((e for e in self.control.events if e.get("event") == 2 and
                                  e.get("termination") == session.number), None),
                    what="the loss of a leg")


@pytest.fixture
def start():
    """start(option=value...) -> Switch, checked and stopped afterwards."""
    with contextlib.ExitStack() as stack:
        switches = []

        def make(**options):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mrf-e2e-"))
            switches.append(Switch(folder, **options))
            return switches[-1]
        yield make
        wrong = []
        for switch in switches:
            for leg in switch.legs:
                wrong += leg.conn.violations if leg.conn else []
            wrong += switch.mrfp.stop()
            switch.control.close()
            print("\n".join(line for _, line in switch.mrfp.lines[-60:]))
        assert not wrong, "\n".join(wrong)


def line(session, text):
    return cpim.build(session.aor, ROOM, text, "text/plain")


def say(session, text, *receivers):
    """A chat line, answered 200 and received by all."""
    body = line(session, text)
    assert session.send(body).status() == 200
    for one in receivers:
        one.wait_message(lambda m: m.complete and m.data == body)


def fresh(switch, **kwargs):
    """A connection without handshake."""
    return ws.WsConnection.connect(switch.ws, **kwargs)


# -- the opening handshake ---------------------------------------------------------------------

def test_the_handshake_takes_the_subprotocol_and_repeats_the_key(start):
    # covers: WS-001
    switch = start()
    conn = fresh(switch, protocol="sip, msrp", path="/chat?room=1").opened()
    assert conn.violations == [] and "access-control-allow-origin" not in conn.headers
    slow = fresh(switch, request=b"G")
    for octet in ws.hello("a", key=slow.key)[1:]:
        slow.octets(bytes([octet]))
    assert slow.opened().violations == []


REFUSED = {
    "no subprotocol": (dict(protocol=None), 400),
    "another subprotocol": (dict(protocol="sip, MSRP"), 400),
    "an old version": (dict(version="8"), 426),
    "no version": (dict(version=None), 426),
    "a key of fifteen octets": (dict(key="MTIzNDU2Nzg5MDEyMzQ1"), 400),
    "two keys": (dict(lines=["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]), 400),
    "a body": (dict(lines=["Content-Length: 4"]), 400),
    "a folded line": (dict(lines=["X-A: b", " c"]), 400),
    "too much": (dict(lines=["X-A: " + "b" * 8192]), 400),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_handshake_that_is_wrong_is_refused_and_the_connection_closed(start, what):
    # covers: WS-001
    switch = start()
    args, status = REFUSED[what]
    key = args.pop("key", "dGhlIHNhbXBsZSBub25jZQ==")
    conn = fresh(switch, request=ws.hello("a", key=key, **args))
    assert conn.answered() == status
    conn.wait_closed()
    assert conn.headers["connection"].startswith("close")
    if status == 426:
        assert conn.headers["sec-websocket-version"] == "13"
    assert switch.mrfp.metrics()["mrfp_websockets_refused_total"] == 1


@pytest.mark.parametrize("first", [b"POST / HTTP/1.1\r\n\r\n", b"MSRP abcd SEND\r\n",
                                   b"\x16\x03\x01\x02\x00\x01", b"\x82\x80\x01\x02\x03\x04"])
def test_what_is_no_handshake_at_all_is_refused(start, first):
    # covers: WS-001
    conn = fresh(start(), request=first)
    assert conn.answered() == 400
    conn.wait_closed()


def test_origins_are_checked_and_told_back(start):
    # covers: WS-010
    switch = start(**{"msrp.ws_origins": "https://a.example.com, https://b.example.com"})
    conn = fresh(switch, origin="https://evil.example.com")
    assert conn.answered() == 403
    conn.wait_closed()
    for origin in ("https://b.example.com", None):
        conn = fresh(switch, origin=origin).opened()
        assert conn.headers.get("access-control-allow-origin") == origin
    anyone = start(**{"msrp.ws_origins": "*"})
    conn = fresh(anyone, origin="null").opened()
    assert conn.headers["access-control-allow-origin"] == "null"


def test_no_handshake_no_connection(start):
    # covers: WS-001, MSRP-042
    switch = start(**{"msrp.bind_timeout": "300ms"})
    silent = fresh(switch, request=b"GET / HTTP/1.1\r\n")
    silent.wait_closed()
    assert silent.octets_in == 0
    unbound = fresh(switch).opened()
    assert unbound.wait_close() == 1001
    unbound.wait_closed()


# -- chat --------------------------------------------------------------------------------------

def test_a_browser_and_a_terminal_chat(start):
    # covers: WS-004, WS-007
    switch = start()
    browser, plain, other = switch.browser(), switch.plain(), switch.browser()
    assert Uri(browser.remote[0]).transport == "ws" and browser.remote[0].startswith("msrps://")
    assert Uri(browser.remote[0]).addr == switch.ws
    assert Uri(plain.remote[0]).transport == "tcp"
    say(browser, "from the browser", plain, other)
    say(plain, "from the terminal", browser, other)
    for session in (browser, other):
        assert all(kind == ws.BINARY for kind, _ in session.conn.messages)
    m = switch.mrfp.metrics()
    assert m["mrfp_websockets"] == 2
    assert m["mrfp_copies_settled_total{class=\"chat\",outcome=\"delivered\"}"] == 4


def test_text_frames_and_fragments_are_as_good_as_binary_ones(start):
    # covers: WS-003, WS-005
    switch = start()
    browser, plain = switch.browser(), switch.plain()
    for n, sizes in enumerate(([1], [7, 1, 300], [100000], [0, 5, 0, 50])):
        body = line(browser, "é %d \xff" % n)
        frame = browser.chunk(body, 1, len(body))
        browser.conn.send_fragments(frame.build(), sizes, ws.TEXT if n % 2 else ws.BINARY,
                                    between=ws.frame(ws.FIN | ws.PING, b"p%d" % n)
                                    if sizes[0] == 7 else b"")
        assert browser.conn.wait_response(frame.tid).status == 200
        plain.wait_message(lambda m, body=body: m.complete and m.data == body)
    raw = cpim.build(browser.aor, ROOM, b"\xff\xfe\x00", "application/octet-stream")
    frame = browser.chunk(raw, 1, len(raw))  # octets that are no UTF-8, in a text frame
    browser.conn.octets(ws.frame(ws.FIN | ws.TEXT, frame.build()))
    assert browser.conn.wait_response(frame.tid).status == 200
    plain.wait_message(lambda m: m.complete and m.data == raw)


def test_a_large_message_comes_in_many_messages_of_one_chunk(start):
    # covers: WS-006, WS-004
    switch = start()
    browser, plain = switch.browser(), switch.plain()
    body = cpim.build(plain.aor, ROOM, os.urandom(1 << 20), "application/octet-stream")
    assert plain.send(body).status(30) == 200  # one SEND
    got = browser.wait_message(lambda m: m.complete and m.data == body, 30)
    assert len(got.chunks) > 60
    assert max(len(data) for _, data in browser.conn.messages) < 18 << 10
    # The other way: in one message, which passes as it comes.
    body = cpim.build(browser.aor, ROOM, os.urandom(1 << 20), "application/octet-stream")
    assert browser.send(body).status(30) == 200
    plain.wait_message(lambda m: m.complete and m.data == body, 30)


def test_a_browser_that_reads_late_gets_everything_and_chat_first(start):
    # covers: WS-006, MSRP-064
    switch = start(**{"msrp.send_buffer": "16KiB", "context.grace": "60s"})
    plain = switch.plain()
    browser = switch.browser(rcvbuf=8192)
    browser.conn.pause_reading()
    body = cpim.build(plain.aor, ROOM, os.urandom(600000), "application/octet-stream")
    assert plain.send(body).status(30) == 200
    chat = line(plain, "not behind the file")
    assert plain.send(chat).status() == 200
    browser.conn.octets(ws.frame(ws.FIN | ws.PING, b"there?"))
    browser.conn.resume_reading()
    browser.wait_message(lambda m: m.complete and m.data == body, 30)
    order = [m.data for m in sorted((m for m in browser.messages if m.complete),
                                    key=lambda m: browser.requests.index(m.chunks[-1]))]
    assert order == [chat, body]
    wait(lambda: browser.conn.pongs == [b"there?"], what="the pong")


def test_two_rooms_on_one_websocket(start):
    # covers: WS-004, MSRP-045
    switch = start()
    conn = fresh(switch).opened()
    one, two = switch.browser(conn), switch.browser(conn, b"\x78" * 16)
    plain = switch.plain()
    say(plain, "to the first room", one)
    say(one, "back", plain)
    assert two.messages == [] and conn.violations == []


# -- URIs --------------------------------------------------------------------------------------

def test_uris_of_ws_and_tcp_never_match(start):
    # covers: WS-007
    switch = start()
    browser = switch.add(ws.local_uri(), 3)
    plain = switch.add("msrp://127.0.0.1:9/%s;tcp" % new_id(), 1)
    for session, opened in ((browser, lambda: Connection.connect(switch.msrp)),
                            (plain, lambda: fresh(switch).opened())):
        for to in (session.remote[0], replaced(session.remote[0], transport="tcp"),
                   replaced(session.remote[0], transport="ws"),
                   replaced(session.remote[0], transport="ws", scheme="msrp")):
            over = opened()
            tid, data = octets(session, to=to)
            over.send_raw(data)
            assert over.wait_response(tid).status == 481, to
            over.wait_closed()
    for session, opened in ((browser, lambda: fresh(switch).opened()),
                            (plain, lambda: Connection.connect(switch.msrp))):
        over = opened()
        tid, data = octets(session, from_=replaced(session.local, transport=(
            "tcp" if session is browser else "ws")))
        over.send_raw(data)
        assert over.wait_response(tid).status == 481
        session.attach(opened()).bind()
    say(browser, "now they talk", plain)


def test_what_the_mrfc_asks_for_must_fit_a_websocket(start):
    # covers: WS-007
    switch = start()
    for local, transport, fields in (("msrp://127.0.0.1:9/abc;tcp", 3, {}),
                                     ("msrps://127.0.0.1:9/abc;tcp", 3, {}),
                                     ("msrp://abc.invalid:9/abc;ws", 3, {}),
                                     (ws.local_uri(), 1, {}), (ws.local_uri(), 2, {}),
                                     (ws.local_uri(), 3, {"setup": 1})):
        assert switch.add(local, transport, **fields).reply["code"] == 5, local


def test_auth_is_for_relays(start):
    # We are an endpoint: no AUTH, whoever authenticated the browser.
    switch = start()
    browser = switch.browser()
    tid, data = octets(browser, method="AUTH", fields=[])
    browser.conn.send_raw(data)
    assert browser.conn.wait_response(tid).status == 501
    say(switch.plain(), "still there", browser)


# -- what ends a connection --------------------------------------------------------------------

def unmasked(session):
    return ws.frame(ws.FIN | ws.BINARY, session.chunk(None).build(), mask=False)


def two_chunks(session):
    return ws.frame(ws.FIN | ws.BINARY, session.chunk(None).build() * 2)


def chunk_and_more(session):
    return ws.frame(ws.FIN | ws.BINARY, session.chunk(None).build() + b"\r\n")


def half_a_chunk(session):
    body = line(session, "the rest is missing")
    return ws.frame(ws.FIN | ws.BINARY, session.chunk(body, 1, len(body)).build()[:-9])


BREACHES = {
    "unmasked": (unmasked, 1002),
    "two chunks": (two_chunks, 1007),
    "a chunk and a line": (chunk_and_more, 1007),
    "half a chunk": (half_a_chunk, 1007),
    "an empty message": (lambda s: ws.frame(ws.FIN | ws.BINARY), 1007),
    "no MSRP": (lambda s: ws.frame(ws.FIN | ws.TEXT, b"hello"), 1007),
    "RSV bits": (lambda s: ws.frame(ws.FIN | 0x40 | ws.TEXT, b"hello"), 1002),
    "reserved opcode": (lambda s: ws.frame(ws.FIN | 3, b"hello"), 1002),
    "continuation of nothing": (lambda s: ws.frame(ws.FIN, b"hello"), 1002),
    "a message in a message": (lambda s: ws.frame(ws.BINARY, s.chunk(None).build()[:20]) +
                               ws.frame(ws.FIN | ws.BINARY, b"x"), 1002),
    "a fragmented ping": (lambda s: ws.frame(ws.PING, b"x"), 1002),
    "a long ping": (lambda s: ws.frame(ws.FIN | ws.PING, b"x" * 126), 1002),
    "a length that is not minimal": (lambda s: b"\x82\xfe\x00\x05....hello", 1002),
    "a length of 64 bits": (lambda s: b"\x82\xff\xff" + bytes(7) + b"....", 1002),
    "a message of 2 MiB": (lambda s: ws.frame(ws.FIN | ws.BINARY, b"", length=2 << 20), 1009),
    "fragments of 2 MiB": (lambda s: ws.frame(ws.BINARY, s.chunk(b"x" * 900000).build()[:900000]) +
                           ws.frame(0, b"", length=1 << 20), 1009),
    "a bad close code": (lambda s: ws.frame(ws.FIN | ws.CLOSE, b"\x03\xed"), 1002),
    "a close reason that is no UTF-8": (lambda s: ws.frame(ws.FIN | ws.CLOSE, b"\x03\xe8\xff"),
                                        1007),
}


@pytest.mark.parametrize("what", BREACHES)
def test_who_breaks_the_rules_is_closed_with_a_code(start, what):
    # covers: WS-004, WS-011
    switch = start(**{"msrp.max_size": "1MiB"})
    browser, plain, other = switch.browser(), switch.plain(), switch.browser()
    make, code = BREACHES[what]
    browser.conn.octets(make(browser))
    assert browser.conn.wait_close() == code
    browser.conn.octets(ws.frame(ws.FIN | ws.CLOSE, code.to_bytes(2, "big")))
    browser.conn.wait_closed()
    assert switch.lost(browser)["cause"] == 1
    say(plain, "undisturbed", other)
    assert [m for m in other.messages if m.complete] == other.messages[-1:]
    assert switch.mrfp.metrics()["mrfp_websockets"] == 1


def test_who_does_not_close_is_closed(start):
    # covers: WS-011
    switch = start()
    browser = switch.browser()
    browser.conn.octets(ws.frame(ws.FIN | ws.BINARY, b"hello"))
    assert browser.conn.wait_close() == 1007
    tid, data = octets(browser)
    browser.conn.send_raw(data)  # not read any more
    browser.conn.wait_closed()
    assert browser.conn.responses(tid) == []


@pytest.mark.parametrize("code", [1000, 1001, 3000, 1005])
def test_a_close_frame_is_answered(start, code):
    # covers: WS-011
    switch = start()
    browser, plain = switch.browser(), switch.plain()
    browser.conn.octets(ws.frame(ws.FIN | ws.CLOSE,
                                 b"" if code == 1005 else code.to_bytes(2, "big") + b"bye"))
    assert browser.conn.wait_close() == code
    browser.conn.wait_closed()
    assert switch.lost(browser)["cause"] == 1
    assert plain.keepalive().status() == 200


def test_a_switch_that_stops_says_so(start):
    # covers: WS-011
    switch = start()
    browser = switch.browser()
    switch.mrfp.proc.terminate()
    assert browser.conn.wait_close() == 1001
    wait(lambda: switch.mrfp.gone, what="its end")


# -- pings -------------------------------------------------------------------------------------

def test_pings_are_answered_and_sent(start):
    # covers: WS-005
    switch = start(**{"msrp.ws_ping": "100ms"})
    browser = switch.browser()
    browser.conn.octets(ws.frame(ws.FIN | ws.PING, b"x" * 125))
    wait(lambda: browser.conn.pongs == [b"x" * 125], what="a pong")
    browser.conn.octets(ws.frame(ws.FIN | ws.PONG, b"nobody asked"))
    wait(lambda: len(browser.conn.pings) >= 3, what="three pings")
    assert not browser.conn.closed


def test_who_answers_no_ping_is_closed(start):
    # covers: WS-005
    switch = start(**{"msrp.ws_ping": "200ms"})
    browser, plain = switch.browser(), switch.plain()
    browser.conn.auto_pong = False
    browser.conn.wait_closed()
    assert browser.conn.close_code == 1001 and len(browser.conn.pings) >= 1
    assert switch.lost(browser)["cause"] == 9
    assert plain.keepalive().status() == 200


def test_bodiless_sends_keep_it_open_too(start):
    # covers: WS-005
    switch = start(**{"msrp.ws_ping": "0"})
    browser = switch.browser()
    assert browser.keepalive().status() == 200
    assert browser.conn.pings == []


# -- configuration -----------------------------------------------------------------------------

@pytest.mark.parametrize("option", ["msrp.ws_address=192.0.2.1", "msrp.ws_address=0.0.0.0",
                                    "msrp.wss_advertise=chat.example.com",
                                    "msrp.wss_advertise=cha/t:443", "msrp.ws_origins=chat.example.com",
                                    "msrp.ws_origins=https://a.example,https://b.example/"])
def test_bad_settings_are_named(option):
    # covers: WS-002
    path, _, value = option.partition("=")
    server = Server("mrfp", {path: value}, ["-t"])
    assert server.proc.wait(20) == 78
    wait(lambda: server.gone, what="the end")
    assert path in server.log()
    server.stop()


def test_browsers_are_told_where_the_terminator_is(start):
    # covers: WS-007
    switch = start(**{"msrp.wss_advertise": "chat.example.com:443"})
    session = switch.browser()
    assert session.remote[0].startswith("msrps://chat.example.com:443/")
    assert session.reply["local_path"].endswith(";ws")
