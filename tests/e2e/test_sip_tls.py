# SPDX-License-Identifier: Apache-2.0
"""SIP over TLS: terminals and next hops, certificates, who is trusted by the name in one."""

import os
import re
import socket
import threading

import pytest

from peer.loop import wait
from peer.recovery import heard, restart
from peer.servers import poll
from peer.sip import SipStream
from peer.tls import Authority, nobody
from peer.ue import fence

SERVER = "mrf.example.net"
OUTSIDE = "127.0.0.2"


@pytest.fixture(autouse=True)
def leaks(tmp_path, monkeypatch):
    """The SIP stack never frees OpenSSL's object of a connection (docs/operations.md)."""
    known = tmp_path / "leaks"
    known.write_text("leak:libssl.so\nleak:libcrypto.so\n")
    monkeypatch.setenv("LSAN_OPTIONS", "suppressions=%s:print_suppressions=0" % known)


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def tls_mrf(own_mrf, ca):
    """own_mrf() with SIP over TLS and a certificate of `ca`; trusts nobody by address."""
    server = ca.issue(SERVER)

    def make(mrfc=(), **settings):
        options = {"sip.tls_port": 0, "sip.tls_certificate": server.cert,
                   "sip.tls_key": server.key, "sip.tls_ca": ca.cert,
                   "sip.tls_verify": "required", "sip.trusted": "",
                   "sip.trusted_names": "pcscf.example.net", **dict(mrfc)}
        return own_mrf(mrfc=options, **settings)
    return make


def core(ue, net, identity):
    """ue(name), behind a proxy that shows `identity`."""
    return lambda name, **more: ue(name, net=net, transport="tls", identity=identity, **more)


def test_a_room_over_tls(ue, own_mrf, room):
    # covers: ID-003, FOC-003, FOC-015
    net = own_mrf(mrfc={"sip.tls_port": 0})  # with a certificate made at start
    alice = ue("alice", net=net, transport="tls").join(room)
    bob = ue("bob", net=net, transport="tls").join(room)
    carol = ue("carol", net=net).join(room)
    contact = alice.call.txn.final().contact
    assert contact.uri == "sip:%s@%s:%d;transport=tls" % ((room,) + net.sips)
    assert "transport" not in carol.call.txn.final().contact.uri
    fence(alice, bob, carol)
    alice.subscribe().wait(lambda r: bob.aor in r.users)
    # in-dialog requests, both ways, over the one connection each that the terminal made
    assert alice.call.update().expect(200).contact.uri == contact.uri
    assert bob.call.refer(carol.aor + ";method=BYE").expect((202, 403))
    assert net.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, bob.aor))[0] == 204
    assert bob.call.wait_bye().uri.startswith("sip:bob@")
    assert alice.call.bye().expect(200)
    for one in (alice, bob):
        assert {m.source[0] for d, m in one.ua.log if d == "in"} == {"tls"}
        assert [s.remote for s in one.ua.streams] == [net.sips]


def test_the_focus_is_known_by_its_contact_over_tls(ue, own_mrf, room):
    # covers: FOC-003
    net = own_mrf(mrfc={"sip.tls_port": 0})
    alice = ue("alice", net=net, transport="tls").join(room)
    ue("bob", net=net, transport="tls").join(alice.call.txn.final().contact.uri)
    assert len(net.participants(room)) == 2


def test_sips_uris_are_for_tls_alone(ue, own_mrf, room):
    # covers: FOC-003
    net = own_mrf(mrfc={"sip.tls_port": 0})
    alice = ue("alice", net=net, transport="tls").join("sips:%s@%s" % (room, net.domain))
    assert alice.call.txn.final().contact.uri == "sips:%s@%s:%d" % ((room,) + net.sips)
    assert list(net.participants(room)) == [alice.aor]
    for transport in ("udp", "tcp"):
        refusal = ue("bob", net=net, transport=transport).invite(
            "sips:%s@%s" % (room, net.domain)).expect(480)
        assert "380" in refusal.get("Warning")
    assert ue("carol", net=own_mrf()).invite("sips:%s@%s" % (room, net.domain)).expect(416)


def test_a_via_that_says_tls_proves_nothing(ue, own_mrf, room):
    # covers: ID-001
    net = own_mrf(mrfc={"sip.tls_port": 0})
    bob = ue("bob", net=net)
    via = bob.ua.via
    bob.ua.via = lambda: via().replace("/UDP", "/TLS")
    msg = bob.ua.new_request("OPTIONS", "sips:" + net.domain)
    bob.ua.send_raw(msg.build())
    bob.ua.via = via
    assert bob.ua.request("OPTIONS", "sip:" + net.domain).expect(200)
    assert net.mrfc.metrics().sum("mrfc_sip_answers_total", method="OPTIONS", status="200") == 1


def test_a_certificate_gives_trust_by_its_name(ue, tls_mrf, ca, room):
    # covers: ID-001, ID-003, FOC-029
    net = tls_mrf()
    trusted = core(ue, net, ca.issue("pcscf.example.net"))
    other = core(ue, net, ca.issue("other.example.net"))
    by_uri = core(ue, net, ca.issue("x.example.net", uris=["sip:pcscf.example.net"]))
    alice = trusted("alice").join(room)
    by_uri("dora").join(room)
    assert set(net.participants(room)) == {alice.aor, "sip:dora@example.com"}
    assert other("bob").invite(room).expect(403)
    assert ue("carol", net=net).invite(room).expect(403)  # UDP: no certificate, no address


def test_without_a_known_certificate_nobody_gets_in(ue, tls_mrf, ca, room, tmp_path):
    # covers: ID-001
    net = tls_mrf()
    stranger = Authority(tmp_path / "stranger").issue("pcscf.example.net")
    alice = core(ue, net, ca.issue("pcscf.example.net"))("alice").join(room)
    for ctx in (nobody(), stranger.client()):
        refused(net, ctx)
    assert alice.call.update().expect(200)  # the others' failures are not hers
    fence(alice, core(ue, net, ca.issue("pcscf.example.net"))("bob").join(room))


class Silent(SipStream):
    def on_data(self, data):
        self.buf += data


def refused(net, ctx):
    """The connection ends with the handshake, or with what comes after it (TLS 1.3)."""
    try:
        stream = Silent.connect(net.sips, None, tls=ctx)
    except OSError:
        return
    stream.send_raw(b"OPTIONS sip:conf.example.com SIP/2.0\r\n")
    stream.wait_closed()
    assert stream.buf == b""


def test_without_asking_certificates_prove_nothing(ue, tls_mrf, ca, room):
    # covers: ID-001
    net = tls_mrf(mrfc={"sip.tls_verify": "none"})
    assert core(ue, net, ca.issue("pcscf.example.net"))("alice").invite(room).expect(403)


def dial(net, alice, target):
    """alice has the focus call `target` through its proxy."""
    return alice.call.refer(target).expect(202)


def proxied(tls_mrf, ca, port, name="pcscf.example.net", **more):
    return tls_mrf(mrfc={"sip.outbound_proxy": "sip:%s:%d;maddr=127.0.0.1;transport=tls" %
                         (name, port), "sip.probe_interval": 0, **more})


def test_dial_out_through_a_hop_over_tls(ue, tls_mrf, ca, room, own_mrf):
    # covers: ID-001, ID-004, FOC-029
    shown = ca.issue("pcscf.example.net")
    carol = ue("carol", net=Nowhere(), transport="tls", identity=shown)
    net = proxied(tls_mrf, ca, carol.ua.tls_listener.addr[1], **{"charging.create": "true"})
    alice = core(ue, net, shown)("alice").join(room)
    carol.net, carol.ua.proxy = net, net.sips
    assert dial(net, alice, carol.aor)
    call = carol.wait_invite()
    assert call.invite.source[0] == "tls"
    assert "P-Charging-Vector" in call.invite.headers  # for our own network alone
    assert call.invite.contact.uri == "sip:%s@%s:%d;transport=tls" % ((room,) + net.sips)
    carol.accept()
    fence(alice, carol)
    net.wait_participants(room, lambda p: len(p) == 2)
    # in-dialog, both ways
    assert carol.call.update().expect(200)
    assert net.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, carol.aor))[0] == 204
    assert carol.call.wait_bye().source[0] == "tls"


class Nowhere:
    """A net for who is there before it."""
    domain, sip, sips = "conf.example.com", ("127.0.0.1", 9), ("127.0.0.1", 9)


@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_hop_with_another_certificate_gets_nothing(ue, tls_mrf, ca, room, tmp_path, wrong):
    # covers: ID-004, CHG-006
    shown = ca.issue("other.example.net") if wrong == "name" else \
        Authority(tmp_path / "stranger").issue("pcscf.example.net")
    carol = ue("carol", net=Nowhere(), transport="tls", identity=shown)
    net = proxied(tls_mrf, ca, carol.ua.tls_listener.addr[1])
    alice = core(ue, net, ca.issue("pcscf.example.net"))("alice").join(room)
    assert dial(net, alice, carol.aor)
    net.mrfc.wait_metric(lambda m: m.sum("mrfc_hop_events_total", what="failed") >= 1)
    assert carol.ua.log == []


def test_bad_handshakes_and_split_records_are_nobody_elses_business(ue, tls_mrf, ca, room):
    # covers: ID-001
    net = tls_mrf()
    trusted = core(ue, net, ca.issue("pcscf.example.net"))
    alice = trusted("alice").join(room)
    front = Splitter(net.sips)
    bob = trusted("bob")
    bob.ua.proxy = front.addr
    bob.join(room)
    bob.call.destination = lambda: front.addr
    for n in range(30):
        sock = socket.create_connection(net.sips)
        sock.sendall([b"\x16\x03\x01\x00\x05garbage", b"INVITE sip:x SIP/2.0\r\n\r\n",
                      b"\x16\x03\x01\x40\x00" + bytes(200)][n % 3])
        if n % 5 == 0:
            sock.close()
        assert bob.call.update().expect(200) and alice.call.update().expect(200)
        sock.close()
    assert len(front.pieces) > 60
    fence(alice, bob)
    front.close()


class Splitter:
    """Passes TCP connections on in threads of its own; what goes to the server goes in pieces."""

    def __init__(self, to):
        self.to, self.pieces, self.sockets = to, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addr = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                a = self.listener.accept()[0]
            except OSError:
                return
            b = socket.create_connection(self.to)
            b.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += [a, b]
            for pair in ((a, b, True), (b, a, False)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, a, b, split):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                half = max(1, len(data) // 2)
                for piece in (data[:1], data[1:half], data[half:]) if split else (data,):
                    if piece:
                        self.pieces.append(len(piece))
                        b.sendall(piece)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for s in [self.listener] + self.sockets:
            s.close()


def test_a_terminal_over_tls_outlives_the_mrfc(ue, tls_mrf, ca, room, tmp_path):
    # covers: FOC-030
    net = tls_mrf(mrfc={"store.path": str(tmp_path / "mrf.db"), "store.sync": "normal"})
    alice, bob = [core(ue, net, ca.issue("pcscf.example.net"))(n).join(room)
                  for n in ("alice", "bob")]
    restart(net)
    wait(lambda: all(s.closed for s in alice.ua.streams), 10, "the lost connection")
    assert set(net.participants(room)) == {alice.aor, bob.aor} and heard([alice, bob]) == []
    assert alice.call.update().expect(200)  # over a new connection, which is hers from now on
    fence(alice, bob)
    assert net.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, alice.aor))[0] == 204
    alice.call.wait_bye()
    # Who was not heard of since is connected to, where the name fits; else it is not reached.
    assert bob.call.bye().expect(200)


def descriptors(net):
    return len(os.listdir("/proc/%d/fd" % net.mrfc.pid))


def test_connections_leave_no_descriptors(ue, tls_mrf, ca, room):
    # covers: ID-001
    net = tls_mrf()
    shown = ca.issue("pcscf.example.net")
    alice = core(ue, net, shown)("alice").join(room)
    before, memory = descriptors(net), net.mrfc.rss_bytes()
    for n in range(200):
        try:
            Silent.connect(net.sips, None, tls=shown.client() if n % 2 else nobody()).close()
        except OSError:
            assert n % 2 == 0
    poll(lambda: descriptors(net) <= before, 20, "the descriptors back")
    assert alice.call.update().expect(200)
    if "san" not in os.path.basename(os.environ.get("MRF_BUILD", "")):
        assert net.mrfc.rss_bytes() - memory < 200 * 64 * 1024


def test_its_key_is_on_no_disk(ue, tls_mrf, room):
    # covers: ID-001
    net = tls_mrf()
    for folder, _, files in os.walk(net.folder):
        assert not re.search("pem|sip-tls", folder + " ".join(files))
