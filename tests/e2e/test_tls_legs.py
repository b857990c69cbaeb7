# SPDX-License-Identifier: Apache-2.0
"""MSRP over TLS: legs with certificates known by fingerprints, beside plain ones."""

import hashlib
import os
import resource
import socket
import ssl
import subprocess
import time

import pytest

from peer import msrp, sdp, tls
from peer.control import Control
from peer.msrpmsg import Uri, new_id
from peer.servers import Server, poll
from peer.ue import fence
from wire import octets, replaced, usable


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    """certs("name", key="p256") -> tls.Identity, made once."""
    folder, made = tmp_path_factory.mktemp("certs"), {}

    def get(name, **kwargs):
        if name not in made:
            made[name] = tls.Identity(folder / name, **kwargs)
        return made[name]
    return get


def invite_by_focus(net, room, member):
    status, _ = net.api("POST", "/v1/conferences/%s/participants" % room, {
        "uri": "sip:%s@127.0.0.1:%d" % (member.name, member.ua.port)})
    assert status == 202
    return member.wait_invite()


def metric(server, name, **labels):
    return server.metrics().sum(name, **labels)


def refused(net):
    return metric(net.mrfp, "mrfp_tls_peers_refused_total")


def ended(net, how):
    return metric(net.mrfp, "mrfp_tls_handshakes_total", end=how)


# -- chat ----------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_tls_and_plain_legs_chat_in_one_room(ue, room, certs, setup):
    # covers: MSRP-030, MSRP-129, SEC-001, SEC-005, SEC-009
    alice = ue("alice", tls=certs("alice")).join(room, setup=setup)
    bob = ue("bob").join(room)
    carol = ue("carol", tls=certs("carol")).join(room)
    media = alice.answer.msg
    assert media.proto == "TCP/TLS/MSRP"
    assert media.path[0].startswith("msrps://") and Uri(media.path[0]).addr[1] == media.port
    name, octets_ = media.get("fingerprint").split(" ")
    assert name == "sha-256" and octets_ == octets_.upper() and len(octets_) == 95
    assert bob.answer.msg.proto == "TCP/MSRP" and bob.answer.msg.get("fingerprint") is None
    for sender, others in ((alice, (bob, carol)), (bob, (alice, carol)), (carol, (alice, bob))):
        for other in others:
            fence(sender, other)
    assert alice.conn.sock.version() in ("TLSv1.2", "TLSv1.3")


def test_a_big_message_passes_between_tls_legs(ue, room, certs):
    # covers: MSRP-030
    alice = ue("alice", tls=certs("alice")).join(room)
    bob = ue("bob", tls=certs("bob")).join(room)
    data = os.urandom(1 << 16) * 48
    body = alice.cpim(data, content_type="application/octet-stream")
    alice.session.send_chunks(body, 100000)
    got = bob.session.wait_message(lambda m: m.complete and len(m.data) > len(data))
    assert hashlib.sha256(got.data[-len(data):]).digest() == hashlib.sha256(data).digest()
    fence(bob, alice)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_and_only_suites_with_forward_secrecy(mrf, certs, version):
    # covers: SEC-002
    ctx = certs("alice").client()
    ctx.minimum_version = ctx.maximum_version = version
    conn = msrp.Connection.connect(mrf.msrps, tls=ctx)
    suite = conn.sock.cipher()[0]
    assert suite.startswith("ECDHE-") or suite.startswith("TLS_")
    conn.close()


@pytest.mark.parametrize("change", [
    lambda ctx: (setattr(ctx, "minimum_version", ssl.TLSVersion.TLSv1),
                 setattr(ctx, "maximum_version", ssl.TLSVersion.TLSv1_1),
                 ctx.set_ciphers("ALL:@SECLEVEL=0")),
    lambda ctx: (setattr(ctx, "maximum_version", ssl.TLSVersion.TLSv1_2),
                 ctx.set_ciphers("AES128-SHA:AES128-GCM-SHA256:@SECLEVEL=0")),
    lambda ctx: (setattr(ctx, "maximum_version", ssl.TLSVersion.TLSv1_2),
                 ctx.set_ciphers("ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"))],
    ids=["TLS 1.1", "no forward secrecy", "no AEAD"])
def test_old_versions_and_weak_suites_are_refused(mrf, certs, change):
    # covers: SEC-002
    ctx = certs("alice").client()
    change(ctx)
    before = ended(mrf, "refused")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        msrp.Connection.connect(mrf.msrps, tls=ctx)
    poll(lambda: ended(mrf, "refused") == before + 1, what="a refused handshake")


# -- who is it -----------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["mallory", None])
def test_another_certificate_than_the_offered_one_gets_nothing(mrf, ue, room, certs, who):
    # covers: SEC-006, SEC-007
    bob = ue("bob").join(room)
    alice = ue("alice", tls=certs("alice")).join(room, connect=False)
    before = refused(mrf)
    ctx = certs(who).client() if who else tls.nobody()
    session = alice.session.connect(tls=ctx)
    session.send(alice.cpim("from another"))
    session.conn.wait_closed()
    assert session.conn.frames == []
    assert refused(mrf) == before + 1
    alice.open_media()  # the right one is still welcome
    fence(alice, bob)
    assert "from another" not in [c.text for c in bob.chats]


@pytest.mark.parametrize("who", ["alice", "mallory"])
def test_the_switch_connects_only_to_the_answerers_certificate(mrf, ue, room, certs, who):
    # covers: SEC-006, SEC-009, CEMA-008
    bob = ue("bob").join(room)
    alice = ue("alice", tls=certs("alice"))
    alice.listener.close()
    alice.listener = msrp.Listener(tls=certs(who).server(server_der(mrf)))
    bogus = "msrps://a1b2c3.invalid:2855/%s;tcp" % new_id()
    alice.new_session()
    alice.session.local = bogus
    alice.listener.add(alice.session)
    path_of_alice = alice.offer(new=False, setup="passive", extra=[
        "a=fingerprint:" + certs("alice").fingerprint(), "a=msrp-cema"])
    alice.invite(room, path_of_alice)
    alice.room = bob.room
    alice.take_answer(alice.call.expect(200).text)
    assert alice.answer.msg.setup == "active"
    if who == "alice":
        alice.open_media()
        fence(alice, bob)
    else:
        alice.call.wait_bye(timeout=20)
        assert all(c.frames == [] for c in alice.listener.connections)


def server_der(net):
    conn = msrp.Connection.connect(net.msrps, tls=tls.nobody())
    der = conn.sock.peer_der
    conn.close()
    return der


@pytest.mark.parametrize("lines", [
    lambda me: ["sha-384", "sha-512", "sha-256"], lambda me: ["sha-512"], lambda me: ["sha-384"]])
def test_any_of_the_trusted_hashes_will_do(ue, room, certs, lines):
    # covers: SEC-006
    me = certs("alice")
    alice = ue("alice", tls=me).join(room, extra=[
        "a=fingerprint:" + me.fingerprint(h) for h in lines(me)])
    fence(alice, ue("bob").join(room))


def test_only_the_strongest_hash_offered_counts(mrf, ue, room, certs):
    # covers: SEC-006
    me, other = certs("alice"), certs("mallory")
    alice = ue("alice", tls=me).join(room, connect=False, extra=[
        "a=fingerprint:" + me.fingerprint("sha-256"),
        "a=fingerprint:" + other.fingerprint("sha-512")])
    before = refused(mrf)
    session = alice.session.connect(tls=me.client())
    session.keepalive()
    session.conn.wait_closed()
    assert refused(mrf) == before + 1


@pytest.mark.parametrize("key", ["p384", "ed25519", "rsa2048"])
def test_keys_of_other_kinds_are_fine(ue, room, certs, key):
    # covers: SEC-006
    alice = ue("alice", tls=certs(key, key=key)).join(room)
    fence(alice, ue("bob").join(room))


@pytest.mark.parametrize("key, extra", [
    ("rsa1024", ()), ("rsa4608", ()), ("p521", ()),
    ("p256", ["-addext", "nsComment=" + "x" * 40000])],
    ids=["rsa1024", "rsa4608", "p521", "40 kB"])
def test_keys_and_chains_out_of_bounds_end_the_handshake(mrf, certs, key, extra):
    # covers: SEC-006
    one = certs("big" if extra else key, key=key, extra=extra)
    before = ended(mrf, "refused")
    ctx = one.client(level=0)
    with pytest.raises((ssl.SSLError, ConnectionError)):  # TLS 1.3 tells with the first read
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        msrp.Connection.connect(mrf.msrps, tls=ctx)
    poll(lambda: ended(mrf, "refused") == before + 1, what="a refused handshake")


# -- offers --------------------------------------------------------------------------------

MD5 = "a=fingerprint:md5 " + ":".join(["AA"] * 16)
SHA1 = "a=fingerprint:sha-1 " + ":".join(["AA"] * 20)
GOOD = "a=fingerprint:sha-256 " + ":".join(["AA"] * 32)


@pytest.mark.parametrize("lines", [
    [], [MD5], [SHA1], [GOOD + ":BB"], [GOOD[:-3]], [GOOD[:-1] + "G"], [GOOD[:-1]],
    ["a=fingerprint:sha-256"], ["a=fingerprint:" + "A" * 5000], [GOOD] * 9, [GOOD] * 100,
    [GOOD, "a=fingerprint:sha-256 00"]],
    ids=["none", "md5", "sha-1", "long", "short", "no hex", "odd", "no value", "5000 letters", "9",
         "100", "one bad"])
def test_offers_over_tls_without_a_good_fingerprint_get_488(mrf, ue, room, certs, lines):
    # covers: SEC-005, SEC-006
    alice = ue("alice", tls=certs("alice"))
    assert alice.invite(room, extra=lines).expect(488)
    assert mrf.participants(room) == {}


def test_md5_beside_a_good_one_is_passed_over(ue, room, certs):
    # covers: SEC-006
    alice = ue("alice", tls=certs("alice")).join(room, extra=[
        MD5, "a=fingerprint:" + certs("alice").fingerprint()])
    fence(alice, ue("bob").join(room))


@pytest.mark.parametrize("proto, scheme", [("TCP/TLS/MSRP", "msrp"), ("TCP/MSRP", "msrps")])
def test_scheme_and_proto_must_agree(ue, room, certs, proto, scheme):
    # covers: MSRP-129, SEC-001
    alice = ue("alice", tls=certs("alice"))
    alice.new_session()
    path = replaced(alice.session.local, scheme=scheme)
    alice.invite(room, alice.offer(new=False, path=path, proto=proto)).expect(488)


def test_without_tls_at_the_mrfp_offers_for_it_get_488(own_mrf, ue, room, certs):
    net = own_mrf(mrfp={"msrp.tls_port": -1})
    assert net.mrfp.ready["tls"] == "off"
    ue("alice", net, tls=certs("alice")).invite(room).expect(488)
    ue("bob", net).join(room)


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_the_focus_offers_tls_where_told_so(own_mrf, ue, room, certs, setup):
    # covers: SEC-005, SEC-007, SEC-008, SEC-009
    net = own_mrf(mrfc={"msrp.transport": "tls"})
    alice = ue("alice", net).join(room)
    bob = ue("bob", net, tls=certs("bob"))
    invite_by_focus(net, room, bob)
    offer = sdp.Sdp(bob.call.offer).msg
    assert offer.proto == "TCP/TLS/MSRP" and offer.get("fingerprint") and offer.setup == "actpass"
    bob.accept(setup=setup)
    fence(alice, bob)
    fence(bob, alice)


def test_a_plain_answer_to_an_offer_for_tls_ends_the_call(own_mrf, ue, room):
    # covers: MSRP-129
    net = own_mrf(mrfc={"msrp.transport": "tls"})
    ue("alice", net).join(room)
    bob = ue("bob", net)
    invite_by_focus(net, room, bob)
    bob.accept(setup="active", connect=False)
    bob.call.wait_bye()


def test_a_leg_keeps_its_transport(ue, room, certs):
    alice = ue("alice", tls=certs("alice")).join(room)
    bob = ue("bob").join(room)
    plain = replaced(alice.session.local, scheme="msrp")
    alice.call.reinvite(alice.offer(new=False, path=plain, proto="TCP/MSRP", extra=())).expect(488)
    again = alice.call.reinvite(alice.offer(new=False)).expect(200)
    assert sdp.Sdp(again.text).msg.proto == "TCP/TLS/MSRP"
    fence(alice, bob)
    fence(bob, alice)


def test_a_new_certificate_is_announced_before_it_is_used(mrf, ue, room, certs):
    # covers: SEC-006
    alice = ue("alice", tls=certs("alice")).join(room)
    bob = ue("bob").join(room)
    old = alice.conn
    alice.tls = certs("alice2")
    alice.media_args["extra"] = ["a=fingerprint:" + certs("alice2").fingerprint()]
    alice.call.reinvite(alice.offer(new=False)).expect(200)
    old.wait_closed()
    alice.open_media()
    fence(alice, bob)


# -- wrong doors ---------------------------------------------------------------------------


def test_plain_octets_on_the_tls_port_get_no_answer(mrf, ue, room, certs):
    # covers: SEC-001, MSRP-030
    alice = ue("alice", tls=certs("alice")).join(room, connect=False)
    before = ended(mrf, "not_tls")
    session = alice.session.connect()
    session.conn.send_raw(octets(session)[1])
    session.conn.wait_closed()
    assert session.conn.octets_in == 0
    assert ended(mrf, "not_tls") == before + 1


def test_tls_on_the_plain_port_gets_no_answer(mrf):
    # covers: SEC-001, MSRP-030
    with socket.create_connection(mrf.msrp, timeout=10) as sock:
        sock.sendall(bytes.fromhex("160301020001000163") + bytes(100))
        try:
            assert sock.recv(100) == b""
        except ConnectionResetError:
            pass


def test_a_session_is_bound_over_its_own_transport_only(mrf, ue, room, certs):
    # covers: MSRP-030, MSRP-129
    alice = ue("alice", tls=certs("alice")).join(room, connect=False)
    bob = ue("bob").join(room, connect=False)
    wrong = [(alice, mrf.msrp, None), (bob, mrf.msrps, certs("alice").client())]
    for member, place, ctx in wrong:
        for uri in (member.session.remote[0],
                    replaced(member.session.remote[0], port=place[1],
                             scheme="msrps" if ctx else "msrp")):
            other = msrp.Session(member.session.local, uri)
            other.attach(msrp.Connection.connect(place, tls=ctx))
            assert other.keepalive().status() == 481
            other.conn.close()
    for member in (alice, bob):
        member.open_media()
    fence(alice, bob)


def test_early_data_tickets_and_renegotiation_are_not_there(mrf, certs):
    # covers: SEC-002
    ctx = certs("alice").client()
    conn = msrp.Connection.connect(mrf.msrps, tls=ctx)
    assert conn.sock.version() == "TLSv1.3" and conn.sock.compression() is None
    assert conn.sock.session is None or not conn.sock.session.has_ticket
    conn.close()
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    conn = msrp.Connection.connect(mrf.msrps, tls=ctx)
    session = conn.sock.session
    assert not session.has_ticket
    conn.close()
    sock = socket.create_connection(mrf.msrps, timeout=10)
    again = ctx.wrap_socket(sock, session=session)
    assert not again.session_reused
    again.close()


def test_renegotiation_is_refused(mrf, certs):
    # covers: SEC-002
    me = certs("alice")
    with subprocess.Popen(["openssl", "s_client", "-connect", "%s:%d" % mrf.msrps, "-tls1_2",
                           "-cert", me.cert, "-key", me.key], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as proc:
        proc.stdin.write(b"R\n")
        proc.stdin.flush()
        said = b""
        while b"no renegotiation" not in said:
            piece = proc.stdout.read1(4096)
            assert piece, said.decode()
            said += piece
        proc.kill()


def test_idle_connects_cost_no_tls_memory(own_mrf, ue, room, certs):
    # covers: SEC-001
    net = own_mrf(mrfp={"msrp.max_unbound": 20000, "msrp.max_connections": 30000})
    alice, bob = (ue(n, net, tls=certs(n)).join(room) for n in ("alice", "bob"))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    n = min(10000, limit[1] - 500)
    try:
        before = net.mrfp.rss_bytes()
        socks = []
        for i in range(n):
            sock = socket.socket()
            sock.bind(("127.0.0.%d" % (2 + i % 50), 0))
            sock.connect(net.msrps)
            socks.append(sock)
        poll(lambda: metric(net.mrfp, "mrfp_connections_unbound") == n, what="%d connections" % n)
        assert metric(net.mrfp, "mrfp_tls_handshakes") == 0
        assert net.mrfp.rss_bytes() - before < n * 3000
        fence(alice, bob)
        for sock in socks:
            sock.close()
        poll(lambda: metric(net.mrfp, "mrfp_connections_unbound") == 0, what="none of them")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


@pytest.mark.patience
@pytest.mark.parametrize("which", [0, 1, 2], ids=["octet by octet", "one octet", "no octet"])
def test_a_handshake_has_ten_seconds(patience, which):
    # covers: SEC-001
    stream = patience.hello[which]
    stream.wait_closed(30)
    assert 9.5 < stream.ended_s < 13 and stream.octets_in == 0


def test_floods_of_new_keys_end_the_connection(mrf, certs, ue, room):
    alice = ue("alice", tls=certs("alice")).join(room)
    me = certs("mallory")
    with subprocess.Popen(["openssl", "s_client", "-connect", "%s:%d" % mrf.msrps, "-tls1_3",
                           "-cert", me.cert, "-key", me.key], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as proc:
        said = b""
        try:
            end = time.monotonic() + 15
            while time.monotonic() < end:  # each line is read by itself, so one at a time
                proc.stdin.write(b"K\n")
                proc.stdin.flush()
                while b"KEYUPDATE" not in said:
                    piece = proc.stdout.read1(4096)
                    said += piece
                    if not piece:
                        raise BrokenPipeError
                said = b""
            raise AssertionError("15 seconds of new keys were taken")
        except BrokenPipeError:
            pass
        proc.kill()
        try:
            proc.stdin.close()
        except BrokenPipeError:
            pass  # of the line that was not taken
    fence(alice, ue("bob").join(room))


# -- what the MRFC may ask of the switch -----------------------------------------------------


@pytest.fixture
def switch(tmp_path):
    """(mrfp, the MRFC's part played by the test)."""
    path = str(tmp_path / "mp.sock")
    control = Control(path)
    server = Server("mrfp", {"msrp.port": 0, "msrp.tls_port": 0, "mp.socket": path,
                             "admin.address": "127.0.0.1", "admin.port": 0})
    server.wait_ready()
    yield server, control
    wrong = server.stop()
    control.close()
    assert not wrong, wrong


CTX = b"c" * 16


def add(control, number, **fields):
    return control.ask("add", CTX, termination=number, conference="sip:room@conf.example.com",
                       uris=["sip:u%d@example.com" % number], accept_types="message/cpim",
                       **fields)


@pytest.mark.parametrize("fields", [
    {"transport": 4}, {"transport": 2, "remote_path": "msrp://127.0.0.1:9/x;tcp"},
    {"transport": 1, "remote_path": "msrps://127.0.0.1:9/x;tcp"},
    {"transport": 2, "fingerprints": ["sha-256 AA"]}, {"transport": 2, "fingerprints": [MD5[14:]]},
    {"transport": 2, "fingerprints": [GOOD[14:]] * 9}])
def test_bad_wishes_of_the_mrfc_are_refused_by_name(switch, fields):
    _, control = switch
    reply = add(control, 1, **fields)
    assert reply["code"] == 5 and reply["reason"].split(":")[0] in fields


def test_a_peer_that_comes_before_its_description_is_held(switch, certs):
    # covers: SEC-008
    server, control = switch
    place = server.address("tls")
    reply = add(control, 1, transport=2)
    assert reply["local_path"].startswith("msrps://%s:%d/" % place)
    good, bad = certs("alice"), certs("mallory")
    mine = "msrps://127.0.0.1:9/%s;tcp" % new_id()
    early = msrp.Session(mine, reply["local_path"])
    early.attach(msrp.Connection.connect(place, tls=good.client()))
    first = early.keepalive()
    wrong = msrp.Session(mine, reply["local_path"])
    wrong.attach(msrp.Connection.connect(place, tls=bad.client()))
    wrong.keepalive()
    poll(lambda: metric(server, "mrfp_paused") == 2, what="both are held")
    assert early.conn.frames == wrong.conn.frames == []
    assert control.ask("modify", CTX, termination=1, remote_path=mine, setup=2,
                       fingerprints=[good.fingerprint()])["code"] == 0
    assert first.status() == 200
    wrong.conn.wait_closed()
    assert wrong.conn.frames == []
    assert metric(server, "mrfp_paused") == 0
    usable(early)


def test_without_fingerprints_any_peer_may_come(switch, certs):
    server, control = switch
    mine = "msrps://127.0.0.1:9/%s;tcp" % new_id()
    reply = add(control, 1, transport=2, remote_path=mine, setup=2)
    session = msrp.Session(mine, reply["local_path"])
    session.attach(msrp.Connection.connect(server.address("tls"), tls=tls.nobody()))
    session.bind()
    assert add(control, 1, transport=1)["code"] == 5  # it stays as it is


def test_a_peer_without_identity_is_known_by_its_first_to_path(switch):
    # covers: SEC-012
    server, control = switch
    mine = ["msrps://127.0.0.1:9/%s;tcp" % new_id() for _ in range(2)]
    local = [add(control, i + 1, transport=2, remote_path=mine[i], setup=2)["local_path"]
             for i in range(2)]
    sessions = [msrp.Session(mine[i], local[i]) for i in range(2)]
    for i in (1, 0):  # not in the order of the descriptions
        sessions[i].attach(msrp.Connection.connect(server.address("tls"), tls=tls.nobody()))
        sessions[i].bind()
        poll(lambda: i + 1 in (e["termination"] for e in control.events if e["event"] == 1),
             what="the event of its own termination")
    for wrong in (msrp.Session(mine[0], replaced(local[0], session=new_id())),
                  msrp.Session(mine[1], local[0])):
        wrong.attach(msrp.Connection.connect(server.address("tls"), tls=tls.nobody()))
        assert wrong.keepalive().status() in (481, 506)
        wrong.conn.wait_closed()
    for session in sessions:
        usable(session)


def test_a_held_peer_is_told_when_the_session_is_gone(switch, certs):
    # covers: SEC-008
    server, control = switch
    add(control, 2)
    reply = add(control, 1, transport=2)
    session = msrp.Session("msrps://127.0.0.1:9/x;tcp", reply["local_path"])
    session.attach(msrp.Connection.connect(server.address("tls"), tls=tls.nobody()))
    first = session.keepalive()
    poll(lambda: metric(server, "mrfp_paused") == 1, what="it is held")
    control.ask("subtract", CTX, termination=1)
    assert first.status() == 481


# -- configuration --------------------------------------------------------------------------


def test_the_configured_certificate_is_shown(own_mrf, ue, room, certs):
    # covers: SEC-005
    one = certs("server")
    net = own_mrf(mrfp={"tls.certificate": one.cert, "tls.key": one.key})
    alice = ue("alice", net, tls=certs("alice")).join(room)
    assert alice.answer.msg.get("fingerprint") == one.fingerprint()
