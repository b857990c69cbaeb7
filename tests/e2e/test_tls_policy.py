# SPDX-License-Identifier: Apache-2.0
"""What the switch's TLS refuses: weak suites, what was before, slowness; openssl(1) is the peer."""

import socket
import ssl
import time

import pytest

from peer import msrp, tls
from peer.msrpmsg import new_id
from peer.opensslcmd import SClient, SServer
from peer.servers import poll
from peer.ue import fence


@pytest.fixture(scope="module")
def rsa(tmp_path_factory):
    return tls.Identity(tmp_path_factory.mktemp("rsa"), key="rsa2048")


@pytest.fixture(scope="module")
def me(tmp_path_factory):
    return tls.Identity(tmp_path_factory.mktemp("me"))


def probe():
    """A SEND for a session that does not exist: its answer is 481."""
    tid = new_id()
    return tid, ("MSRP %s SEND\r\nTo-Path: msrps://127.0.0.1:2855/%s;tcp\r\n"
                 "From-Path: msrps://127.0.0.1:9/x;tcp\r\nMessage-ID: %s\r\n"
                 "Byte-Range: 1-0/0\r\n-------%s$\r\n" % (tid, new_id(), tid, tid)).encode()


# -- suites --------------------------------------------------------------------------------


@pytest.mark.parametrize("suites", ["aNULL", "eNULL", "PSK", "kRSA", "SHA1:SHA256:SHA384:!AEAD"],
                         ids=["anonymous", "no encryption", "key of nobody", "no forward secrecy",
                              "CBC"])
def test_suites_without_secrecy_or_authentication_are_refused(mrf, me, rsa, suites):
    # covers: SEC-003
    weak = ("-tls1_2", "-cipher", suites + ":@SECLEVEL=0",
            *(("-psk", "aa" * 16) if suites == "PSK" else ()))
    with SServer(rsa if suites == "kRSA" else me, *weak) as willing, SClient(willing.place, *weak) as client:
        client.said(b"Verify return code")  # the suites are there to be had
        assert b"Cipher is (NONE)" not in client.text
    with SClient(mrf.msrps, *weak) as client:
        assert b"handshake failure" in client.rest()
        assert b"Cipher is (NONE)" in client.text


# -- what was before -----------------------------------------------------------------------


def test_no_ticket_is_given_and_no_session_is_taken_up_again(mrf, me):
    # covers: SEC-015
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        ctx = me.client()
        ctx.minimum_version = ctx.maximum_version = version
        conn = msrp.Connection.connect(mrf.msrps, tls=ctx)
        tid, data = probe()
        conn.send_raw(data)
        assert conn.wait_response(tid).status == 481  # a ticket would have come before it
        session = conn.sock.session
        assert session is None or not session.has_ticket
        conn.close()
        again = ctx.wrap_socket(socket.create_connection(mrf.msrps, timeout=10), session=session)
        assert not again.session_reused
        again.close()


def test_early_data_and_tickets_of_others_are_passed_over(mrf, me, tmp_path):
    # covers: SEC-015
    session, early = tmp_path / "session.pem", tmp_path / "early"
    early.write_bytes(probe()[1])
    args = ("-tls1_3", "-sess_in", str(session), "-early_data", str(early), "-ign_eof")
    with SServer(me, "-tls1_3", "-early_data", "-max_early_data", "16384",
                 "-no_anti_replay") as other:
        with SClient(other.place, "-tls1_3", "-sess_out", str(session)):
            poll(lambda: session.exists() and b"END" in session.read_bytes(), what="a ticket")
        with SClient(other.place, *args) as client:  # where it is welcome
            client.said(b"Early data was accepted")
            assert b"Reused, TLSv1.3" in client.text
    with SClient(mrf.msrps, *args) as client:
        client.said(b"Early data was rejected")
        assert b"New, TLSv1.3" in client.text
        tid, data = probe()
        client.write(data)
        client.said(b"MSRP %s 481" % tid.encode())
        assert client.text.count(b"MSRP ") == 1  # nothing answered what came early


def test_no_connection_is_negotiated_again(mrf, me):
    # covers: SEC-015
    with SClient(mrf.msrps, "-tls1_2", "-cert", me.cert, "-key", me.key) as client:
        client.said(b"Verify return code")
        client.write(b"R\n")
        client.said(b"no renegotiation")


# -- limits --------------------------------------------------------------------------------


def test_connections_over_tls_are_counted_by_address(own_mrf, ue, room, me):
    # covers: SEC-016
    net = own_mrf(mrfp={"msrp.max_per_address": 3, "msrp.trusted_media": "127.0.0.1"})
    before = net.mrfp.metrics().sum("mrfp_connections_refused_total", limit="address")
    held = [socket.create_connection(net.msrps, source_address=("127.0.0.9", 0))
            for _ in range(3)]
    poll(lambda: net.mrfp.metrics().sum("mrfp_connections_unbound") == 3, what="three of them")
    one_more = socket.create_connection(net.msrps, source_address=("127.0.0.9", 0), timeout=10)
    try:
        assert one_more.recv(1) == b""
    except ConnectionResetError:
        pass
    assert net.mrfp.metrics().sum("mrfp_connections_refused_total",
                                  limit="address") == before + 1
    alice = ue("alice", net, tls=me).join(room)  # from elsewhere
    fence(alice, ue("bob", net).join(room))
    held.pop().close()
    poll(lambda: net.mrfp.metrics().sum("mrfp_connections_unbound") == 2, what="two of them")
    conn = msrp.Connection.connect(net.msrps, source=("127.0.0.9", 0), tls=me.client())
    assert conn.sock.version()
    for sock in held + [conn, one_more]:
        sock.close()


def test_a_handshake_that_stops_is_ended_by_its_time(mrf, me):
    # covers: SEC-016
    before = mrf.mrfp.metrics().sum("mrfp_tls_handshakes_total", end="gone")
    begin = time.monotonic()
    with socket.create_connection(mrf.msrps, timeout=30) as sock:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        half = me.client().wrap_bio(incoming, outgoing)
        with pytest.raises(ssl.SSLWantReadError):
            half.do_handshake()
        sock.sendall(outgoing.read())  # ClientHello, and then no more
        ended = b"x"
        try:
            while ended:
                ended = sock.recv(65536)
        except ConnectionResetError:
            pass
    assert 9.5 < time.monotonic() - begin < 20
    poll(lambda: mrf.mrfp.metrics().sum("mrfp_tls_handshakes_total", end="gone") == before + 1,
         what="an end by time")
