# SPDX-License-Identifier: Apache-2.0
"""mrfks, the key server of its own, as an MRFC and the members' terminals see it."""

import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor

import pytest

from peer import memory
from peer.gke import Member
from peer.keyserver import (CHANGE, CLOSE, CONFIRMED, DENIED, EPOCH, MESSAGE, OPEN, PING, REFUSED, REQUEST,
                            STALE, Link, add_key, start)
from peer.loop import wait
from peer.sealed import Sealed
from peer.servers import ROOT, Pair, Server, poll, program
from peer.tls import Identity

ROOM = "sip:room1@conf.example.com"
ALICE, BOB, EVE = ("sip:%s@example.com" % n for n in ("alice", "bob", "eve"))
KS = "sip:keys@conf.example.com"


def newest(member):
    """GKID of a terminal's current key."""
    return getattr(member.keys, "hex", None) or member.keys.gkid


def teks(member):
    """{GKID: TEK} of all that it ever had."""
    if not hasattr(member.keys, "teks"):
        return member.keys.epochs
    return {gkid.hex(): tek for gkid, tek in member.keys.teks.items()}


class Net:
    """An mrfks in a folder, which can be started again, and its keys."""

    def __init__(self, folder):
        self.folder, self.all, self.keys = str(folder), [], {}

    def start(self, **more):
        self.server = start(self.folder, **more)
        self.all.append(self.server)
        return self.server

    def member(self, uri, key_id):
        if key_id not in self.keys:
            self.keys[key_id] = add_key(self.server, uri, key_id)
        return Member(key_id, self.keys[key_id], uri, ROOM)

    def link(self):
        return Link(self.server.options["listen.socket"]).hello()


@pytest.fixture
def net(tmp_path):
    it = Net(tmp_path)
    yield it
    wrong = sum((s.stop() for s in it.all), [])
    assert not wrong, wrong


def epoch(link):
    f = link.next()
    assert f.verb == EPOCH and f.room == ROOM, f
    return f.data


def take(link, member, fresh=1):
    """The next frame is this member's key: he takes it. His confirmation."""
    f = link.next()
    assert f[:5] == (MESSAGE, fresh, ROOM, member.uri, member.mk_id.decode()), f
    return member.take(f.data)


def test_members_get_keys_that_they_confirm(net):
    # covers: GK-001, GK-002, MIKEY-005, MIKEY-009, MIKEY-012
    net.start()
    alice, bob = net.member(ALICE, "a1"), net.member(BOB, "b1")
    link = net.link()
    link.send(OPEN, room=ROOM)
    link.change(ROOM, joined=[(ALICE, "", b""), (BOB, "", bob.request(sdp=True))])
    gkid = epoch(link)
    answers = [take(link, m) for m in (alice, bob)]
    assert alice.current == bob.current == gkid and alice.teks == bob.teks
    assert alice.ks == KS and 0 < alice.last_t < bob.last_t
    wrong = bytearray(answers[0])
    wrong[-1] ^= 1
    link.send(REQUEST, room=ROOM, uri=ALICE, key_id="a1", data=bytes(wrong))
    link.quiet()
    for member, answer in ((alice, answers[0]), (bob, answers[1])):
        link.send(REQUEST, room=ROOM, uri=member.uri, key_id=member.mk_id.decode(), data=answer)
        assert link.next()[:5] == (CONFIRMED, 0, ROOM, member.uri, member.mk_id.decode())
    link.change(ROOM, left=[(BOB, "")])
    assert struct.unpack(">I", epoch(link)[8:]) == (2,)
    take(link, alice)
    link.quiet()
    body = alice.seal("after bob")
    assert not bob.can_read(body)


def test_a_removed_member_is_refused_and_written_down(net):
    # covers: GK-005
    net.start()
    alice, bob = net.member(ALICE, "a1"), net.member(BOB, "b1")
    link = net.link()
    link.send(OPEN, room=ROOM)
    link.change(ROOM, joined=[(ALICE, "a1", b""), (BOB, "b1", b"")])
    epoch(link), take(link, alice), take(link, bob)
    link.change(ROOM, left=[(BOB, "")])
    epoch(link), take(link, alice)
    link.send(REQUEST, room=ROOM, uri=BOB, key_id="b1", data=bob.request())
    f = link.next()
    assert (f.verb, f.number, f.uri) == (REFUSED, DENIED, BOB)
    wait(lambda: "audit: no key of %s for %s" % (ROOM, BOB) in net.server.log(), 5, "the audit line")


def test_requests_are_limited_and_replays_are_dropped(net):
    # covers: MIKEY-003, MIKEY-004
    net.start()
    alice = net.member(ALICE, "a1")
    link = net.link()
    link.send(OPEN, room=ROOM)
    link.change(ROOM, joined=[(ALICE, "a1", b"")])
    epoch(link), take(link, alice)
    asked = alice.request()
    for data in (asked[:-1] + bytes([asked[-1] ^ 1]), alice.request(idrapp="sip:other@conf.example.com"),
                 alice.request(idri=BOB), asked):
        link.send(REQUEST, room=ROOM, uri=ALICE, key_id="a1", data=data)
    take(link, alice, fresh=0)
    link.send(REQUEST, room=ROOM, uri=ALICE, key_id="a1", data=asked)
    link.quiet()
    for _ in range(2):
        link.send(REQUEST, room=ROOM, uri=ALICE, key_id="a1", data=alice.request())
        take(link, alice, fresh=0)
    for _ in range(20):
        link.send(REQUEST, room=ROOM, uri=ALICE, key_id="a1", data=alice.request())
    link.quiet()
    dropped = net.server.metrics()
    assert dropped.sum("mrfks_dropped_total", reason="rate") == 20
    assert dropped.sum("mrfks_dropped_total", reason="denied") == 3
    assert dropped.sum("mrfks_dropped_total", reason="stale") == 1


def test_a_replay_is_one_after_a_restart(net):
    # covers: MIKEY-006
    net.start()
    alice = net.member(ALICE, "a1")
    link = net.link()
    link.send(OPEN, room=ROOM)
    asked = alice.request(sdp=True)
    link.change(ROOM, joined=[(ALICE, "", asked)])
    first = epoch(link)
    take(link, alice)
    poll(lambda: os.path.getsize(net.server.options["store.path"] + "-wal") > 0, 10, "a write")
    assert net.server.stop() == []
    net.start()
    link = net.link()
    link.send(OPEN, room=ROOM)
    link.change(ROOM, joined=[(ALICE, "", asked)])
    f = link.next()
    assert (f.verb, f.number) == (REFUSED, STALE), f
    link.change(ROOM, joined=[(ALICE, "", alice.request(sdp=True))])
    assert epoch(link)[:8] != first[:8]  # a new domain
    take(link, alice)  # whose T is above all before it


def test_its_own_list_has_the_last_word(net, tmp_path):
    # covers: GK-002
    allow = tmp_path / "allow"
    allow.write_text("%s: %s\n*: *@example.com\n" % (ROOM, ALICE))
    net.start(allow=allow)
    alice, eve = net.member(ALICE, "a1"), net.member(EVE, "e1")
    link = net.link()
    link.send(OPEN, room=ROOM)
    link.change(ROOM, joined=[(EVE, "", b""), (ALICE, "", b"")])
    f = link.next()
    assert (f.verb, f.number, f.uri) == (REFUSED, DENIED, EVE) and b"list" in f.data
    epoch(link), take(link, alice)
    link.change(ROOM, joined=[("sip:nobody@example.com", "", b"")])
    assert link.next().number == DENIED
    allow.write_text("%s: %s %s" % (ROOM, ALICE, EVE))
    net.server.signal(1)
    wait(lambda: "configuration read" in net.server.log(), 10, "the new list")
    link.change(ROOM, joined=[(EVE, "", b"")])
    epoch(link), take(link, alice), take(link, eve)
    for n, bad in enumerate(("nonsense", "vault: %s" % ALICE, "%s: alice bob" % ROOM), 1):
        allow.write_text(bad)
        net.server.signal(1)
        wait(lambda: net.server.log().count("as before") == n, 10, "the refusal of the list")
    assert "URIs or patterns of URIs" in net.server.log()


def looked(net, link, octets):
    """Are they in its memory? Meanwhile the MRFC says something each second, or mrfks would let it go."""
    with ThreadPoolExecutor(1) as pool:
        look = pool.submit(memory.has, net.server.pid, octets)
        while not futures.wait([look], 1).done:
            link.quiet()
    return look.result()


def test_keys_are_wiped_when_they_are_replaced_and_closed(net):
    # covers: GK-012
    net.start()
    alice = net.member(ALICE, "a1")
    link = net.link()
    link.send(OPEN, room=ROOM)
    link.change(ROOM, joined=[(ALICE, "", b"")])
    first = epoch(link)
    take(link, alice)
    assert looked(net, link, alice.teks[first])
    link.change(ROOM)
    second = epoch(link)
    take(link, alice)
    assert not looked(net, link, alice.teks[first])
    assert looked(net, link, alice.teks[second])
    link.send(CLOSE, room=ROOM)
    link.quiet()
    assert not looked(net, link, alice.teks[second])
    link.send(OPEN, room=ROOM)
    link.change(ROOM, joined=[(ALICE, "", b"")])
    third = epoch(link)
    take(link, alice)
    link.close()  # the MRFC is gone
    poll(lambda: net.server.metrics()["mrfks_conferences"] == 0, what="the end of its conferences")
    assert not memory.has(net.server.pid, alice.teks[third])
    with open(net.server.options["store.path"] + "-wal", "rb") as f:
        stored = f.read()
    assert not any(key in stored for key in [*alice.teks.values(), alice.mk])
    assert alice.mk.hex() not in net.server.log()


def test_a_conference_is_that_of_who_opened_it_last(net):
    net.start()
    alice = net.member(ALICE, "a1")
    old, new = net.link(), net.link()
    for link in (old, new):
        link.send(OPEN, room=ROOM)
        link.quiet()
    old.change(ROOM, joined=[(ALICE, "", b"")])
    old.quiet()
    new.change(ROOM, joined=[(ALICE, "", b"")])
    epoch(new), take(new, alice)
    old.close()
    poll(lambda: net.server.metrics()["mrfks_mrfcs"] == 1, what="the end of the first")
    new.change(ROOM)
    epoch(new), take(new, alice)


@pytest.mark.parametrize("data", [
    b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x19\x02" + b"\0" * 23 + b"\x01", b"GET / HTTP/1.1\r\n\r\n",
    b"\0\0\0\x19\x10" + bytes(24), b"\0\0\0\x19\x01" + bytes(24), b"\0\0\0\x19\xff" + bytes(24)])
def test_what_is_no_frame_ends_the_connection_alone(net, data):
    net.start()
    good, bad = net.link(), net.link()
    bad.sock.sendall(data)
    assert bad.ended()
    good.quiet()
    early = Link(net.server.options["listen.socket"])
    early.send(PING)  # before it said hello
    assert early.ended()
    good.send(CHANGE, room="sip:never-opened@x", data=b"")
    good.quiet()


def far(net, tmp_path, **more):
    mine, its = Identity(tmp_path / "m"), Identity(tmp_path / "k")
    net.start(listen__address="127.0.0.1", listen__port=0, listen__tls_certificate=its.cert,
              listen__tls_key=its.key, **{"listen__pins": mine.fingerprint(), **more})
    return mine, its


def context(identity=None, version=ssl.TLSVersion.TLSv1_3):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    ctx.minimum_version = ctx.maximum_version = version
    if identity:
        ctx.load_cert_chain(identity.cert, identity.key)
    return ctx


def test_over_tls_who_is_not_pinned_is_not_heard(net, tmp_path):
    # covers: GK-002
    mine, _ = far(net, tmp_path)
    place = net.server.address("tls")
    Link(place, context(mine)).hello().quiet()
    for ctx in (context(Identity(tmp_path / "x")), context(), context(mine, ssl.TLSVersion.TLSv1_2)):
        try:
            link = Link(place, ctx)
            link.send(1, 1)
            assert link.ended()
        except OSError:
            pass
    with socket.create_connection(place, timeout=20) as plain:
        plain.sendall(bytes(40))
        try:
            assert plain.recv(1) == b""
        except ConnectionResetError:
            pass
    Link(place, context(mine)).hello().quiet()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_process_of_another_user_is_turned_away():
    code = ("import socket, sys\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "s.connect(sys.argv[1])\n"
            "s.sendall(b'no frame at all, but read by who lets us in')\n"
            "print(s.recv(1) == b'')\n")

    def come(path):
        return subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", sys.executable, "-c", code, path],
                              capture_output=True, text=True, timeout=60)

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        net = Net(folder)
        net.start()
        path = net.server.options["listen.socket"]
        assert "PermissionError" in come(path).stderr
        os.chmod(path, 0o666)
        come(path)
        wait(lambda: "user 65534 is turned away" in net.server.log(), 5, "the log line")
        assert net.server.stop() == []
        net.start(listen__users="1, 65534")
        assert os.stat(path).st_mode & 0o777 == 0o666
        got = come(path)
        assert "PermissionError" not in got.stderr
        assert "turned away" not in net.server.log()
        assert net.server.stop() == []


def test_an_mrfc_finds_it_loses_it_and_finds_it_again(net, tmp_path):
    # covers: GK-002
    mine, its = far(net, tmp_path)
    port = net.server.address("tls")[1]
    mrfc = Server("mrfc", {"sip.port": 0, "admin.port": 0, "mp.socket": str(tmp_path / "mp.sock"),
                           "groupkey.server": "external", "groupkey.connect": "127.0.0.1:%d" % port,
                           "groupkey.tls_certificate": mine.cert, "groupkey.tls_key": mine.key,
                           "groupkey.pins": its.fingerprint()}).wait_ready()
    net.all.append(mrfc)
    up = "mrfc_groupkey_up"
    mrfc.wait_metric(lambda m: m[up] == 1)
    for method, path in (("GET", "/v1/keys"), ("POST", "/v1/keys"), ("DELETE", "/v1/keys/sip:a@b.c")):
        status, _, body = mrfc.http(method, path)  # it has none, and says who has
        assert status == 404 and b"key server of its own: --server" in body
    net.server.kill()
    mrfc.wait_metric(lambda m: m[up] == 0)
    status, _, body = mrfc.http("GET", "/readyz")  # no MRFP is there: that comes first
    assert status == 503 and b"no MRFP" in body
    net.start(listen__address="127.0.0.1", listen__port=port, listen__tls_certificate=its.cert,
              listen__tls_key=its.key, listen__pins=mine.fingerprint())
    mrfc.wait_metric(lambda m: m[up] == 1)
    assert net.server.metrics()["mrfks_mrfcs"] == 1


@pytest.mark.parametrize("e2e,status", [("off", 200), ("required", 503)])
def test_readiness_without_the_key_server(net, tmp_path, e2e, status):
    """Who can still take conferences stays in service and says what is amiss; who can take none does not."""
    pair = Pair(tmp_path / "pair", mrfc={
        "conference.e2e": e2e, "groupkey.server": "external",
        "groupkey.connect": net.start().options["listen.socket"]})
    try:
        pair.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 1)
        assert pair.mrfc.http("GET", "/readyz")[::2] == (200, b"ok\n")
        net.server.kill()
        pair.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 0)
        code, _, body = pair.mrfc.http("GET", "/readyz")
        assert code == status and b"no key server at " + net.server.options["listen.socket"].encode() in body
        assert pair.mrfc.http("GET", "/healthz")[0] == 200
        done = subprocess.run([program("mrfctl"), "--server", "127.0.0.1:%d" % pair.mrfc.address("admin")[1], "status"],
                              capture_output=True, text=True, timeout=20)
        assert "no key server at" in done.stdout and done.returncode == (0 if status == 200 else 1)
        net.start()
        pair.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 1)
        assert pair.mrfc.http("GET", "/readyz")[0] == 200
    finally:
        pair.stop()


def test_an_mrfc_believes_the_pinned_one_alone(net, tmp_path):
    mine, _ = far(net, tmp_path)
    mrfc = Server("mrfc", {"sip.port": 0, "admin.port": 0, "mp.socket": str(tmp_path / "mp.sock"),
                           "groupkey.server": "external", "groupkey.connect": "127.0.0.1:%d" % net.server.address("tls")[1],
                           "groupkey.tls_certificate": mine.cert, "groupkey.tls_key": mine.key,
                           "groupkey.pins": Identity(tmp_path / "x").fingerprint()}).wait_ready()
    net.all.append(mrfc)
    wait(lambda: "no key server at" in mrfc.log(), 20, "the refusal", mrfc.log)
    assert mrfc.metrics()["mrfc_groupkey_up"] == 0


@pytest.mark.parametrize("server", ["external", "local"])
def test_whose_memory_has_the_keys(net, tmp_path, server):
    # covers: GK-002, GK-013
    net.start()
    pair = Pair(tmp_path / "pair", mrfc={"conference.e2e": "required", **({
        "groupkey.server": "external", "groupkey.connect": net.server.options["listen.socket"]}
        if server == "external" else {})})
    keeper = net.server if server == "external" else pair.mrfc
    members = []
    try:
        if server == "external":
            pair.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 1)
        for name in ("alice", "bob", "carol"):
            uri = "sip:%s@example.com" % name
            members.append(Sealed(name, pair, key=(name, add_key(keeper, uri, name)), aor=uri))
        alice, bob, carol = (m.join("tea") for m in members)
        bob.wait_epoch(newest(carol))
        alice.wait_epoch(newest(carol))
        tek = teks(carol)[newest(carol)]
        assert memory.has(keeper.pid, tek)
        if server == "external":
            # What is in the members' own memories, all of it, is in none of what carries it.
            secrets = {*teks(alice).values(), *teks(bob).values(), *(m.key[1] for m in members)}
            assert len(secrets) == 3 + 3
            for process in (pair.mrfc, pair.mrfp):
                assert not any(memory.has(process.pid, octets) for octets in secrets), process.name
        assert not memory.has(pair.mrfp.pid, tek)
    finally:
        for member in members:
            member.close()
        pair.stop()


def test_a_removal_while_it_is_away(net, tmp_path):
    # covers: GK-013
    more = {"store__path": str(tmp_path / "ks.db")}
    net.start(**more)
    pair = Pair(tmp_path / "pair", mrfc={
        "conference.e2e": "required", "groupkey.server": "external",
        "groupkey.connect": net.server.options["listen.socket"]})
    members = []
    try:
        pair.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 1)
        for name in ("alice", "bob", "carol"):
            uri = "sip:%s@example.com" % name
            members.append(Sealed(name, pair, key=(name, add_key(net.server, uri, name)), aor=uri))
        alice, bob, carol = (m.join("tea") for m in members)
        old = newest(carol)
        for one in (alice, bob):
            one.wait_epoch(old)
        net.server.kill()
        pair.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 0)
        assert pair.api("DELETE", "/v1/conferences/tea/participants/" + carol.aor)[0] == 204
        carol.call.wait_bye()
        assert alice.say("still the old key") == 200 and newest(alice) == old
        bob.hear("still the old key")
        net.start(**more)
        new = bob.wait_epoch(lambda have: have != old)
        alice.wait_epoch(new)
        assert alice.say("a key that she has not") == 200
        bob.hear("a key that she has not")
        assert newest(carol) == old
    finally:
        for member in members:
            member.close()
        pair.stop()


@pytest.mark.parametrize("name,more,words", [
    ("mrfks", {"listen.address": "127.0.0.1"}, "listen.tls_certificate"),
    ("mrfks", {"listen.socket": ""}, "one of them is needed"),
    ("mrfks", {"listen.users": "nobody-of-that-name"}, "listen.users"),
    ("mrfks", {"allow": "/nowhere/allow"}, "/nowhere/allow"),
    ("mrfks", {"admin.address": "192.0.2.1"}, "admin.token_file"),
    ("mrfks", {"admin.token_file": "/nowhere/token"}, "/nowhere/token: No such file"),
    ("mrfks", {"store.path": "/"}, "store.path: /: Is a directory"),
    ("mrfks", {"listen.address": "127.0.0.1", "listen.pins": ":".join(["AA"] * 32),
               "listen.tls_certificate": "/nowhere/crt", "listen.tls_key": "/nowhere/key"}, "/nowhere/crt: No such file"),
    ("mrfc", {"groupkey.server": "external"}, "groupkey.connect"),
    ("mrfc", {"groupkey.server": "external", "groupkey.connect": "localhost:8064"}, "no numeric HOST:PORT"),
    ("mrfc", {"groupkey.server": "external", "groupkey.connect": "127.0.0.1:1", "groupkey.pins": ":".join(["AA"] * 32),
              "groupkey.tls_certificate": "/nowhere/crt", "groupkey.tls_key": "/nowhere/key"}, "/nowhere/crt: No such file"),
    ("mrfc", {"groupkey.server": "external", "groupkey.connect": "127.0.0.1:1"}, "groupkey.tls_certificate"),
])
def test_half_a_configuration_is_refused(name, more, words):
    proc = Server(name, more, args=["-t"])
    assert proc.proc.wait(20) == 78
    wait(lambda: proc.gone, 10, "its end")
    assert words in proc.log()
    proc.killed = True
    proc.stop()


def test_the_sample_is_fine():
    done = subprocess.run([program("mrfks"), "-t", "-c", os.path.join(ROOT, "conf/mrfks.conf")],
                          capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (0, "configuration is fine\n"), done
