# SPDX-License-Identifier: Apache-2.0
"""The control link to an MRFP of another machine: TLS 1.3, certificates pinned on both sides."""

import os
import socket
import ssl
import subprocess
import sys
import tempfile

import pytest

from peer.loop import wait
from peer.servers import Pair, Server, poll
from peer.tls import Identity
from peer.ue import fence


@pytest.fixture
def far(tmp_path):
    """A function: far(mrfp_pins=None, mrfc_pins=None, **mrfp options) -> a Pair joined over TLS."""
    pairs = []

    def start(server=None, client=None, mrfc_pins=None, mrfp_pins=None, up=True):
        server, client = server or Identity(tmp_path / "s"), client or Identity(tmp_path / "c")
        pair = Pair(tmp_path / ("run%d" % len(pairs)), start=False, mrfc={
            "mp.address": "127.0.0.1", "mp.port": 0, "mp.tls_certificate": server.cert,
            "mp.tls_key": server.key, "mp.pins": mrfc_pins or client.fingerprint()})
        pairs.append(pair)
        pair.start_mrfc()
        pair.server_identity, pair.client_identity = server, client
        pair.mrfp_options.update({
            "mp.connect": "%s:%d" % pair.mrfc.address("mp"), "mp.tls_certificate": client.cert,
            "mp.tls_key": client.key, "mp.pins": mrfp_pins or server.fingerprint()})
        pair.start_mrfp(up=up)
        return pair

    yield start
    for pair in pairs:
        pair.stop()


def hello(address, identity=None, version=ssl.TLSVersion.TLSv1_3):
    """A TLS client's connection to address, or the exception that ended it; reads until the end."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    ctx.minimum_version = ctx.maximum_version = version
    if identity:
        ctx.load_cert_chain(identity.cert, identity.key)
    with socket.create_connection(address, timeout=20) as sock:
        try:
            with ctx.wrap_socket(sock) as tls:
                tls.sendall(b"\0" * 32)
                return tls.recv(1)
        except OSError as e:
            return e


def test_a_conference_over_a_remote_link(far, ue, room):
    net = far()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
    fence(bob, alice)
    net.mrfp.kill()
    net.start_mrfp()
    poll(lambda: net.api("GET", "/v1/mrfps")[1]["mrfps"][0]["state"] == "up", what="it up again")


def test_pins_of_two_certificates_for_a_change(far, tmp_path, ue, room):
    old, new = Identity(tmp_path / "c"), Identity(tmp_path / "c")
    net = far(client=old, mrfc_pins="%s, %s" % (old.fingerprint(),
                                               new.fingerprint().split()[1]))
    assert net.mrfp.stop() == []
    net.start_mrfp(**{"mp.tls_certificate": new.cert, "mp.tls_key": new.key})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)


@pytest.mark.parametrize("who", ["the MRFP", "the MRFC"])
def test_who_is_not_pinned_registers_nothing(far, tmp_path, who):
    stranger = Identity(tmp_path / "x").fingerprint()
    net = far(up=False, **{"mrfc_pins" if who == "the MRFP" else "mrfp_pins": stranger})
    words = "closed by the MRFC" if who == "the MRFP" else "not the certificate"
    wait(lambda: words in net.mrfp.log() or "reset" in net.mrfp.log(), 20, "the refusal",
         net.mrfp.log)
    assert net.mrfp.ready["mp"] == "down"
    words = "not one of mp.pins" if who == "the MRFP" else "did not register over TLS"
    wait(lambda: words in net.mrfc.log(), 20, "the line of the MRFC", net.mrfc.log)
    assert net.api("GET", "/v1/mrfps")[1]["mrfps"] == []


def test_no_certificate_an_old_version_and_plain_octets_end_the_link(far, tmp_path):
    net = far()
    mp = net.mrfc.address("mp")
    for end in (hello(mp), hello(mp, Identity(tmp_path / "x")),
                hello(mp, net.client_identity, ssl.TLSVersion.TLSv1_2)):
        assert isinstance(end, OSError) or end == b"", end
    with socket.create_connection(mp, timeout=20) as sock:
        sock.sendall(b"\0\0\0\x20\x01\x01" + bytes(26))
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass
    assert [m["state"] for m in net.api("GET", "/v1/mrfps")[1]["mrfps"]] == ["up"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_process_of_another_user_is_turned_away():
    code = ("import os, socket, sys\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "s.connect(sys.argv[1])\n"
            "print(s.recv(1) == b'')\n")

    def come(net, users):
        assert os.stat(net.socket).st_mode & 0o777 == (0o666 if users else 0o600)
        os.chmod(net.socket, 0o666)  # root may give it away: who comes is asked all the same
        got = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", sys.executable,
                              "-c", code, net.socket], capture_output=True, text=True, timeout=20)
        assert got.stdout == "True\n", got.stderr
        return "user 65534 is turned away" in net.mrfc.log()

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for users, away in (("", True), ("1, 65534", False)):
            net = Pair(folder, mrfc={"mp.users": users})
            assert come(net, users) == away  # else it is let in, and its time to register runs out
            assert [m["state"] for m in net.api("GET", "/v1/mrfps")[1]["mrfps"]] == ["up"]
            net.stop()


@pytest.mark.parametrize("server,options,words", [
    ("mrfc", {"mp.address": "127.0.0.1"}, "mp.tls_certificate"),
    ("mrfc", {"mp.address": "conf.example.com"}, "no numeric address"),
    ("mrfc", {"mp.address": "127.0.0.1", "mp.tls_certificate": "none.crt",
              "mp.tls_key": "none.key", "mp.pins": ":".join(["AA"] * 32)}, "none.crt"),
    ("mrfc", {"mp.users": "nobody-of-that-name"}, "mp.users"),
    ("mrfp", {"mp.connect": "127.0.0.1:2"}, "mp.tls_certificate"),
    ("mrfp", {"mp.connect": "nowhere"}, "mp.connect"),
])
def test_half_a_configuration_is_refused(tmp_path, server, options, words):
    proc = Server(server, {**options, "mp.socket": str(tmp_path / "mp.sock")}, args=["-t"])
    assert proc.proc.wait(20) == 78
    wait(lambda: proc.gone, 10, "its end")
    assert words in proc.log()
    proc.killed = True
    proc.stop()
