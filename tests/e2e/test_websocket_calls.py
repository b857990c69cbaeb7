# SPDX-License-Identifier: Apache-2.0
"""Whole calls of browsers: SIP as any terminal's, MSRP over secure WebSocket (RFC 7977 5.2, 8)."""

import os
import socket

import pytest

from peer import sdp, tls
from peer import websocket as ws
from peer.loop import wait
from peer.msrp import Session
from peer.msrpmsg import Uri
from peer.servers import hostport
from peer.ue import UE, fence
from wire import replaced


class Browser(UE):
    """A terminal that does not know its address and opens a WebSocket; proto: of its m= line."""

    def __init__(self, name, net, proto="TCP/TLS/MSRP", origin=None, **kwargs):
        super().__init__(name, net, **kwargs)
        self.origin = origin
        self.media_args = {"proto": proto, "port": 9, "wrapped": sdp.CHAT_WRAPPED}

    def new_session(self, session_id=None):
        self.session = Session(ws.local_uri(session_id))
        self.sessions.append(self.session)
        return self.session

    def open_media(self, timeout=15):
        assert self.role == "active"
        uri = Uri(self.session.remote[0])
        conn = ws.WsConnection.connect(uri.addr, tls=tls.nobody(), rcvbuf=self.rcvbuf,
                                       origin=self.origin)
        self.conns.append(conn.opened())
        self.session.attach(conn).bind(timeout)


class Relayed(Session):
    """Behind a relay: its URI, transport ws, stands last in the path."""

    relay = None

    def frame(self, *args, **kwargs):
        one = super().frame(*args, **kwargs)
        one.headers[1] = ("From-Path", "%s %s" % (self.relay, self.local))
        return one


class BehindRelay(UE):
    """A browser as its relay shows it to us: over TLS, the relay's URI first (RFC 7977 8.2)."""

    def new_session(self, session_id=None):
        self.session = Relayed(ws.local_uri(session_id))
        self.session.relay = self.listener.uri()
        self.sessions.append(self.session)
        return self.session

    def offer(self, new=True, **media):
        if new or self.session is None:
            self.new_session()
        path = "%s %s" % (self.session.relay, self.session.local)
        return super().offer(new=False, path=path, **media)


@pytest.fixture
def net(own_mrf):
    return own_mrf(mrfp={"msrp.wss_port": 0, "msrp.ws_origins": "https://chat.example.com"})


@pytest.fixture
def browser(ue, net):
    def make(name, **kwargs):
        one = Browser(name, net, **kwargs)
        ue.made.append(one)
        return one
    return make


def wss(net):
    return hostport(net.mrfp.ready["wss"])


@pytest.mark.parametrize("proto", ["TCP/TLS/MSRP", "TCP/WSS/MSRP"])
@pytest.mark.parametrize("setup", ["actpass", "active", None])
def test_a_browser_joins_and_chats_with_terminals(ue, net, browser, room, proto, setup):
    # covers: WS-001, WS-002, WS-007
    alice = browser("alice", proto=proto, origin="https://chat.example.com").join(room, setup=setup)
    bob = ue("bob", net=net).join(room)
    line = alice.answer.msg
    assert line.proto == proto and line.setup in (("passive",) if setup else ("passive", None))
    uri = Uri(line.path[0])
    assert (uri.scheme, uri.transport, uri.addr) == ("msrps", "ws", wss(net))
    assert line.port == wss(net)[1] and len(line.path) == 1
    assert line.get("fingerprint") is None
    fence(alice, bob)
    fence(bob, alice)
    alice.private(bob, "psst")
    bob.wait_text("psst")
    assert alice.nickname("Queen") == 200
    data = alice.cpim(os.urandom(1 << 20), content_type="application/octet-stream")
    assert alice.session.send(data).status(30) == 200
    bob.session.wait_message(lambda m: m.complete and m.data == data, 30)
    alice.leave()
    wait(lambda: alice.conn.closed, what="the end")


def test_a_file_reaches_a_browser_in_chunks(ue, net, browser, room):
    # covers: WS-006
    alice = browser("alice").join(room)
    bob = ue("bob", net=net).join(room)
    data = bob.cpim(os.urandom(1 << 20), content_type="application/octet-stream")
    assert bob.session.send(data).status(30) == 200
    alice.session.wait_message(lambda m: m.complete and m.data == data, 30)
    assert max(len(octets) for _, octets in alice.conn.messages) < 18 << 10


def test_plain_websocket_is_refused_on_the_secure_port(net):
    # covers: WS-002
    for first in (ws.hello("a", key="dGhlIHNhbXBsZSBub25jZQ=="), b"MSRP abcd SEND\r\n"):
        conn = ws.WsConnection.connect(wss(net), request=first)
        conn.wait_closed()
        assert conn.octets_in == 0


def test_origins_hold_over_tls_too(net):
    # covers: WS-010
    conn = ws.WsConnection.connect(wss(net), tls=tls.nobody(), origin="https://evil.example.com")
    assert conn.answered() == 403
    conn.wait_closed()
    assert "strict-transport-security" not in conn.headers


def test_without_websocket_browsers_are_refused(ue, mrf, room):
    # covers: WS-007
    one = Browser("alice", mrf)
    ue.made.append(one)
    for proto in ("TCP/TLS/MSRP", "TCP/WSS/MSRP"):
        resp = one.invite(room, proto=proto).final()
        assert resp.code == 488 and "WebSocket" in resp.get("Warning")


REFUSED = {
    "we should connect": {"setup": "passive"},
    "plain TCP": {"proto": "TCP/MSRP"},
    "WSS with a TCP path": {"proto": "TCP/WSS/MSRP", "path": "msrps://127.0.0.1:9/abc;tcp"},
    "TLS without fingerprint": {"proto": "TCP/TLS/MSRP", "path": "msrps://127.0.0.1:9/abc;tcp"},
    "ws without TLS": {"proto": "TCP/WSS/MSRP", "path": "msrp://abc.invalid:9/abc;ws"},
}


@pytest.mark.parametrize("what", REFUSED)
def test_offers_that_fit_no_websocket_are_refused(net, browser, room, what):
    # covers: WS-007
    assert browser("alice").invite(room, **REFUSED[what]).final().code == 488


def test_a_browser_stays_a_browser(ue, net, browser, room):
    # covers: WS-007
    alice, bob = browser("alice").join(room), ue("bob", net=net).join(room)
    again = alice.call.reinvite(alice.offer(new=False)).final()
    assert again.code == 200 and sdp.Sdp(again.text).msg.path == alice.session.remote
    other = alice.call.reinvite(alice.offer(new=False, proto="TCP/MSRP",
                                            path="msrp://127.0.0.1:9/abc;tcp")).final()
    assert other.code == 488
    tid = alice.session.chunk(None)
    tid.headers[0] = ("To-Path", replaced(alice.session.remote[0], transport="tcp"))
    assert alice.conn.send(tid).status() == 481
    fence(bob, alice)


def test_a_browser_behind_a_relay_is_a_leg_over_tls(ue, own_mrf, room, tmp_path):
    # covers: WS-008
    net = own_mrf(mrfp={"msrp.wss_port": 0})
    alice = BehindRelay("alice", net, tls=tls.Identity(tmp_path))
    ue.made.append(alice)
    alice.join(room, setup="active")
    line = alice.answer.msg
    assert line.proto == "TCP/TLS/MSRP" and Uri(line.path[0]).transport == "tcp"
    assert Uri(line.path[0]).addr == net.msrps
    bob = ue("bob", net=net).join(room)
    fence(bob, alice)
    fence(alice, bob)
    sent = alice.session.messages[0].first.to_path
    assert sent == [alice.session.relay, alice.session.local]
