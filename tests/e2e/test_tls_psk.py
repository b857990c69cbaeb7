# SPDX-License-Identifier: Apache-2.0
"""Peers over TLS that show a pre-shared key instead of a certificate; openssl(1) is the peer."""

import pytest

from peer import msrp, tls
from peer.control import Control
from peer.msrpmsg import new_id
from peer.opensslcmd import SClient
from peer.servers import Server

CTX = b"p" * 16
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
VERSIONS = [("-tls1_3",), ("-tls1_2", "-cipher", "ECDHE-PSK-CHACHA20-POLY1305"),
            ("-tls1_2", "-cipher", "DHE-PSK-AES128-GCM-SHA256")]


@pytest.fixture(scope="module")
def me(tmp_path_factory):
    return tls.Identity(tmp_path_factory.mktemp("me"))


@pytest.fixture(scope="module")
def switch(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("mp") / "mp.sock")
    control = Control(path)
    server = Server("mrfp", {"msrp.port": 0, "msrp.tls_port": 0, "mp.socket": path,
                             "admin.address": "127.0.0.1", "admin.port": 0})
    server.wait_ready()
    yield server, control
    wrong = server.stop()
    control.close()
    assert not wrong, wrong
    assert KEY.hex() not in server.log()


class Leg:
    """A termination, with a key or a fingerprint."""

    numbers = iter(range(1, 1000))

    def __init__(self, control, **fields):
        self.control, self.number = control, next(self.numbers)
        self.local = "msrps://127.0.0.1:9/%s;tcp" % new_id()
        self.reply = control.ask(
            "add", CTX, termination=self.number, conference="sip:room@conf.example.com",
            uris=["sip:u%d@example.com" % self.number], accept_types="message/cpim", setup=2,
            remote_path=self.local, **{"transport": 2, **fields})

    def gone(self):
        assert self.control.ask("subtract", CTX, termination=self.number)["code"] == 0

    def bind(self):
        """(tid, a bodiless SEND)"""
        tid = new_id()
        return tid, ("MSRP %s SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: %s\r\n"
                     "Byte-Range: 1-0/0\r\n-------%s$\r\n" % (
                         tid, self.reply["local_path"], self.local, tid, tid)).encode()


def with_key(server, version, identity, key):
    return SClient(server.address("tls"), *version, "-psk_identity", identity, "-psk", key.hex(),
                   "-ign_eof")


@pytest.mark.parametrize("version", VERSIONS, ids=["1.3", "1.2 ECDHE", "1.2 DHE"])
def test_who_has_the_key_is_at_its_termination_and_at_no_other(switch, version):
    # covers: SEC-014
    server, control = switch
    mine, other = (Leg(control, psk_identity=i, psk=k) for i, k in (("0a1b2c3d:01", KEY),
                                                                   ("0a1b2c3e:01", OTHER)))
    assert mine.reply["code"] == other.reply["code"] == 0
    with with_key(server, version, "0a1b2c3d:01", KEY) as client:
        tid, data = mine.bind()
        client.write(data)
        client.said(b"MSRP %s 200" % tid.encode())
        assert b"no peer certificate available" in client.text
        tid, data = other.bind()  # what this key is not for
        client.write(data)
        client.said(b"MSRP %s 481" % tid.encode())
    with with_key(server, version, "0a1b2c3d:01", KEY) as client:
        client.write(other.bind()[1])
        assert b"MSRP " not in client.rest()  # nothing, and the end
    for leg in mine, other:
        leg.gone()


@pytest.mark.parametrize("version", VERSIONS, ids=["1.3", "1.2 ECDHE", "1.2 DHE"])
def test_a_wrong_key_gets_an_alert(switch, version):
    # covers: SEC-014
    server, control = switch
    before = server.metrics().sum("mrfp_tls_handshakes_total", end="refused")
    leg = Leg(control, psk_identity="wrong", psk=KEY)
    with with_key(server, version, "wrong", OTHER) as client:
        said = client.rest()
        assert b"alert" in said and b"MSRP" not in said
    assert server.metrics().sum("mrfp_tls_handshakes_total", end="refused") == before + 1
    leg.gone()


@pytest.mark.parametrize("version", VERSIONS, ids=["1.3", "1.2 ECDHE", "1.2 DHE"])
def test_an_identity_nobody_has_gets_nowhere(switch, version):
    # covers: SEC-014
    server, control = switch
    leg = Leg(control, psk_identity="known", psk=KEY)
    with with_key(server, version, "unknown", KEY) as client:
        if version == ("-tls1_3",):  # falls back to certificates, and has none
            client.write(leg.bind()[1])
            assert b"MSRP " not in client.rest()
        else:
            assert b"alert" in client.rest()
    leg.gone()


def test_without_ephemeral_keys_there_is_no_handshake(switch):
    # covers: SEC-014
    server, control = switch
    leg = Leg(control, psk_identity="fs", psk=KEY)
    with SClient(server.address("tls"), "-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256", "-psk",
                 KEY.hex(), "-psk_identity", "fs") as client:
        assert b"handshake failure" in client.rest()
    leg.gone()


def test_certificates_do_not_open_what_a_key_locks(switch, me):
    # covers: SEC-014
    server, control = switch
    locked = Leg(control, psk_identity="locked", psk=KEY)
    both = Leg(control, psk_identity="both", psk=OTHER, fingerprints=[me.fingerprint()])
    for leg, fine in ((locked, False), (both, True)):
        session = msrp.Session(leg.local, leg.reply["local_path"])
        session.attach(msrp.Connection.connect(server.address("tls"), tls=me.client()))
        if fine:
            session.bind()
        else:
            session.keepalive()
            session.conn.wait_closed()
            assert session.conn.frames == []
    locked.gone()
    both.gone()


def test_a_key_does_not_open_what_is_free_for_all(switch):
    # covers: SEC-014
    server, control = switch
    leg, free = Leg(control, psk_identity="one", psk=KEY), Leg(control)
    with with_key(server, VERSIONS[0], "one", KEY) as client:
        client.write(free.bind()[1])
        assert b"MSRP " not in client.rest()
    for one in leg, free:
        one.gone()


def test_a_key_goes_with_its_termination(switch):
    # covers: SEC-014
    server, control = switch
    leg = Leg(control, psk_identity="brief", psk=KEY)
    leg.gone()
    with with_key(server, VERSIONS[1], "brief", KEY) as client:
        assert b"handshake failure" in client.rest()
    again = Leg(control, psk_identity="brief", psk=OTHER)
    assert control.ask("modify", CTX, termination=again.number, psk_identity="brief",
                       psk=KEY)["code"] == 0
    with with_key(server, VERSIONS[0], "brief", KEY) as client:
        tid, data = again.bind()
        client.write(data)
        client.said(b"MSRP %s 200" % tid.encode())
    again.gone()


@pytest.mark.parametrize("fields", [
    {"psk_identity": "x", "psk": bytes(15)}, {"psk_identity": "x", "psk": bytes(65)},
    {"psk_identity": "x" * 129, "psk": KEY}, {"psk_identity": "x"}, {"psk": KEY},
    {"psk_identity": "taken", "psk": KEY}, {"psk_identity": "x", "psk": KEY, "transport": 1,
                                            "remote_path": "msrp://127.0.0.1:9/x;tcp"}])
def test_keys_that_cannot_be_are_refused_by_name(switch, fields):
    _, control = switch
    leg = Leg(control, psk_identity="taken", psk=KEY)
    path = fields.pop("remote_path", None)
    reply = control.ask("add", CTX, termination=999, conference="sip:room@conf.example.com",
                        uris=["sip:x@example.com"], accept_types="message/cpim",
                        **{"transport": 2, **fields}, **({"remote_path": path} if path else {}))
    assert reply["code"] == 5 and reply["reason"].startswith("psk"), reply
    leg.gone()
