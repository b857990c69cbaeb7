# SPDX-License-Identifier: Apache-2.0
"""mrfue over TLS: its messages and files, and peers that are not who they announced."""

import hashlib
import os

import pytest

from peer import msrp, tls
from peer.mrfue import Mrfue
from peer.msrpmsg import Uri

KINDS = {"active": "passive", "passive": "active"}


@pytest.fixture
def chat(request):
    """chat(name, "join", uri, net=pair, args=...): a client; closed, and checked for reports."""
    made = []

    def make(name, *command, net=None, **kwargs):
        net = net or (None if "proxy" in kwargs else request.getfixturevalue("mrf"))
        made.append(Mrfue(net, name, *command, **kwargs))
        return made[-1]
    yield make
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def certs(tmp_path):
    return lambda name: tls.Identity(tmp_path / name)


def test_tls_and_plain_clients_chat_and_send_files(chat, mrf, room, tmp_path):
    # covers: MSRP-030, SEC-001, SEC-005
    uri = "sip:%s@%s" % (room, mrf.domain)
    before = mrf.mrfp.metrics().sum("mrfp_tls_handshakes_total", end="done")
    data = os.urandom(300000)
    (tmp_path / "noise.bin").write_bytes(data)
    alice = chat("alice", "join", uri, args=("--tls", "--download", str(tmp_path / "alice")))
    assert alice.wait("joined")["tls"] is True
    bob = chat("bob", "join", uri, args=("--download", str(tmp_path / "bob")))
    assert bob.wait("joined")["tls"] is False
    alice.wait("arrived", uri=bob.aor)
    alice.do("over TLS")
    assert bob.wait("message")["text"] == "over TLS"
    bob.do("/file %s" % (tmp_path / "noise.bin"))
    assert alice.wait("file")["sha256"] == hashlib.sha256(data).hexdigest()
    alice.do("/push %s" % (tmp_path / "noise.bin"))
    got = bob.wait("file", by="push")
    with open(got["path"], "rb") as f:
        assert f.read() == data
    assert alice.end() == 0 and bob.end() == 0
    # Two legs of alice's: the chat, and the push.
    assert mrf.mrfp.metrics().sum("mrfp_tls_handshakes_total", end="done") == before + 2


@pytest.mark.parametrize("setup", KINDS)
def test_an_invitation_over_tls(chat, own_mrf, room, setup):
    # covers: MSRP-030, SEC-001
    net = own_mrf(mrfc={"msrp.transport": "tls"})
    carol = chat("carol", "wait", net=net, args=("--tls", "--setup", setup))
    target = "sip:carol@%s" % carol.wait("ready")["sip"]
    assert net.api("POST", "/v1/conferences", {"name": room})[0] in (200, 201)
    assert net.api("POST", "/v1/conferences/%s/participants" % room, {"uri": target})[0] == 202
    carol.wait("joined", tls=True)
    alice = chat("alice", "join", "sip:%s@%s" % (room, net.domain), net=net, args=("--tls",))
    alice.wait("joined", tls=True)
    alice.do("hello")
    assert carol.wait("message")["text"] == "hello"
    assert alice.end() == 0 and carol.end() == 0


def test_a_plain_invitation_is_refused_by_who_wants_tls(chat, mrf, room):
    carol = chat("carol", "wait", args=("--tls",))
    target = "sip:carol@%s" % carol.wait("ready")["sip"]
    assert mrf.api("POST", "/v1/conferences", {"name": room})[0] in (200, 201)
    assert mrf.api("POST", "/v1/conferences/%s/participants" % room, {"uri": target})[0] == 202
    assert carol.wait("error")["code"] == 488
    assert carol.exit_code() == 1


def dialled(chat, ue, certs):
    """A client that calls a peer; the peer has its offer."""
    focus = ue("focus", tls=certs("focus"))
    alice = chat("alice", "join", "sip:focus@example.com", args=("--tls",),
                 proxy="127.0.0.1:%d" % focus.ua.port)
    focus.wait_invite()
    return alice, focus


def test_a_server_of_another_certificate_is_not_talked_to(chat, ue, certs):
    # covers: SEC-006
    alice, focus = dialled(chat, ue, certs)
    focus.accept(setup="passive", connect=False,
                 extra=["a=fingerprint:" + certs("mallory").fingerprint()])
    assert "certificate" in alice.wait("error")["text"]
    assert alice.exit_code() == 1
    assert not focus.session.requests


def test_a_plain_answer_to_tls_is_refused(chat, ue, certs):
    # covers: SEC-005
    alice, focus = dialled(chat, ue, certs)
    focus.accept(setup="passive", connect=False, proto="TCP/MSRP", extra=[],
                 path="msrp://127.0.0.1:9/x;tcp")
    assert alice.wait("error")["text"]
    assert alice.exit_code() == 1


def test_a_client_has_another_certificate_each_time_and_none_names_the_user(chat, ue, certs):
    # covers: SEC-011
    seen = set()
    for _ in range(2):
        alice, focus = dialled(chat, ue, certs)
        focus.accept(setup="active", connect=False)
        place = Uri(focus.session.remote[0]).addr
        conn = msrp.Connection.connect(place, tls=certs("focus").client())
        der = conn.sock.peer_der
        assert b"alice" not in der and b"example" not in der and b"127.0.0.1" not in der
        seen.add(der)
        conn.close()
        focus.open_media()
        alice.wait("joined")
        focus.call.bye()
        alice.wait("ended")
        focus.close()
    assert len(seen) == 2


def test_who_connects_with_another_certificate_is_turned_away(chat, ue, certs):
    # covers: SEC-006, SEC-007
    alice, focus = dialled(chat, ue, certs)
    focus.accept(setup="active", connect=False)
    local, remote = focus.session.local, focus.session.remote
    other = msrp.Session(local, remote[0])
    other.attach(msrp.Connection.connect((Uri(remote[0]).addr), tls=certs("mallory").client()))
    other.conn.wait_closed()
    assert other.conn.frames == []
    focus.open_media()
    alice.wait("joined")
    alice.do("hello")
    focus.wait_text("hello")
    focus.call.bye()
    alice.wait("ended")
