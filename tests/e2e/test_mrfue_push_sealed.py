# SPDX-License-Identifier: Apache-2.0
"""mrfue pushes and receives files of sealed conferences by RFC 5547: what passes, what is kept, what is thrown away."""

import hashlib
import os
import shutil
import types

import pytest

from peer import ece, memory
from peer.cms import Refused
from peer.files import File, Take, parse_selector
from peer.loop import wait
from peer.sealed import Sealed as Terminal
from peer.servers import WRAP
from test_capture import Capture
from test_files_sealed import TYPE, Sealed, SealedPush, opened
from test_mrfue_owner import table, together as one_key  # noqa: F401  (fixture)
from test_mrfue_rooms_sealed import chat, member, sealed_room, together  # noqa: F401  (fixtures)
from test_mrfue_sealed import call, focus, key_file  # noqa: F401  (fixtures)

WHY = "it was changed, cut off, or sealed with another key"


@pytest.fixture
def terminal(mrf, ue, sealed_room):  # noqa: F811
    """terminal(name, client): in the conference with a client, and of the same epoch."""
    def new(name, client):
        one = Terminal(name, mrf)
        ue.made.append(one)
        one.join(sealed_room.partition(":")[2].partition("@")[0])
        wait(lambda: client.events("epoch")[-1]["id"] == one.keys.hex, what="one epoch")
        return one
    return new


def listing(folder):
    return sorted(os.listdir(folder)) if os.path.exists(folder) else []


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 700000])
def test_a_pushed_file_arrives_sealed(member, tmp_path, size):  # noqa: F811
    # covers: GK-014, FT-003, FT-009, FT-013
    alice, bob = member("alice", "--tls"), member("bob")
    carol = member("carol")
    epoch = together(alice, bob, carol)
    data = os.urandom(size)
    path = tmp_path / "plan of attack.png"
    path.write_bytes(data)
    alice.do("/push %s" % path)
    sent = alice.wait("sent")
    assert (sent["file"], sent["size"]) == (str(path), size)
    for one in (bob, carol):
        got = one.wait("file", by="push")
        assert (got["name"], got["type"], got["size"]) == (path.name, "image/png", size)
        assert (got["from"], got["sealed"], got["epoch"]) == (alice.aor, True, epoch)
        assert got["path"] == str(tmp_path / one.name / path.name)
        assert (tmp_path / one.name / path.name).read_bytes() == data
        assert listing(tmp_path / one.name) == [path.name]
    alice.do("still here")
    bob.wait("message", text="still here")


def test_what_a_sealed_push_says(member, terminal, tmp_path):  # noqa: F811
    # covers: GK-014, FT-003
    alice = member("alice")
    bob = terminal("bob", alice)
    path = tmp_path / "secret plan.txt"

    def push(data):
        path.write_bytes(data)
        alice.do("/push %s" % path)
        take = Take(bob).accept()
        octets = take.wait()
        selector = take.offer.msg.get("file-selector")
        assert parse_selector(selector) == {"type": TYPE, "size": str(len(octets))}
        assert "secret" not in take.call.offer and "text/plain" not in take.call.offer
        message = take.sessions[0].messages[0]
        assert (message.content_type, message.first.get("Content-Encoding")) == (TYPE, "aes128gcm")
        one = opened(bob, octets)
        assert (one.payload, one.sender, one.to) == (data, alice.aor, bob.keys.room)
        assert 'filename="secret plan.txt"' in one.disposition and one.content_type == "text/plain"
        alice.wait("sent")
        return octets
    first = push(b"x" * 10000)
    front = len(first) - 33 - 17 - 10000
    whole = push(b"y" * (16384 - 17 - front))  # to the last octet of its one record
    assert len(whole) == 33 + 16384
    two = push(b"z" * (16384 - 17 - front + 1))
    assert len(two) == 33 + 16384 + 18
    assert first[:16] != whole[:16] != two[:16]


def test_a_sealed_push_is_given_up(member, terminal, tmp_path):  # noqa: F811
    # covers: FT-010, GK-014
    alice = member("alice")
    bob = terminal("bob", alice)
    path = tmp_path / "x.bin"
    path.write_bytes(bytes(30 << 20))
    alice.do("/push %s" % path)
    take = Take(bob)
    take.sessions[0].answer = lambda frame: None  # never answers: the sender is held
    take.accept()
    wait(lambda: take.sessions[0].messages, what="the beginning")
    take.sessions[0].answer = None
    alice.do("/stop")
    assert alice.wait("failed")["reason"] == "given up"
    take.wait_aborted()
    take.call.wait_bye()
    with pytest.raises(Refused):
        opened(bob, take.sessions[0].messages[0].data)


def test_names_that_cannot_be_sealed_are_refused(member, tmp_path):  # noqa: F811
    alice, bob = member("alice"), member("bob")
    together(alice, bob)
    path = tmp_path / 'a "plan".txt'
    path.write_bytes(b"0123456789")
    alice.do("/push %s" % path)
    assert "cannot be sent" in alice.wait("failed", command="/push")["reason"]


def test_who_keeps_no_files_refuses_sealed_ones(chat, member, terminal, tmp_path):  # noqa: F811
    alice = member("alice")
    key = alice.cmd[alice.cmd.index("--key-file") + 1]
    alice.end()
    silent = chat("alice", *alice.cmd[-2:], args=["--key-file", key])
    silent.wait("joined", sealed=True)
    bob = terminal("bob", silent)
    SealedPush(bob, [Sealed(bob, b"data")]).call.expect(603)


def flip(octets, at):
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1:]


def damaged(bob, how):
    """A file that is none, of records of 4096."""
    file = Sealed(bob, os.urandom(30000), "f.bin", record=4096)
    good, step = file.data, 4096
    records = [good[i:i + step] for i in range(33, len(good), step)]
    changed = {
        "cut at a border of records": good[:33 + 3 * step],
        "cut after the first record": good[:33 + step],
        "cut in a record": good[:33 + 3 * step + 100],
        "its head alone": good[:33],
        "swapped": good[:33] + b"".join([records[0], records[2], records[1], *records[3:]]),
        "repeated": good[:33] + b"".join([records[0], records[1], records[1], *records[2:]]),
        "more behind its end": good + records[-1],
        "an octet behind its end": good + b"x",
        "a bit of the first record": flip(good, 100),
        "a bit in the middle": flip(good, 15000),
        "the last bit": flip(good, len(good) - 1),
        "a bit of its salt": flip(good, 3),
        "another size of records": good[:16] + (8192).to_bytes(4, "big") + good[20:],
        "the key of another epoch": ece.seal(os.urandom(32), bob.keys.current, file.entity, 4096),
        "of another sender": bob.keys.seal_file(file.entity.replace(bob.aor.encode(), b"sip:eve@example.com"), record=4096),
        "for another room": bob.keys.seal_file(file.entity.replace(b"To: <sip:room", b"To: <sip:roof"), record=4096),
        "without a name of its sender": bob.keys.seal_file(b"just octets" * 1000, record=4096),
    }
    file.data = changed[how]
    file.attributes["file-selector"] = "type:%s size:%d" % (TYPE, len(file.data))
    return file


FOR_ITS_PLACE = {"of another sender": "it was sealed by another sender than it says",
                 "for another room": "it was sealed for another recipient than it says",
                 "without a name of its sender": "what was sealed is malformed"}


def test_nothing_is_left_of_what_is_not_genuine(member, terminal, tmp_path):  # noqa: F811
    # covers: GK-014, CMS-003, CMS-010
    alice = member("alice")
    bob = terminal("bob", alice)
    ways = ["cut at a border of records", "cut after the first record", "cut in a record", "its head alone", "swapped",
            "repeated", "more behind its end", "an octet behind its end", "a bit of the first record",
            "a bit in the middle", "the last bit", "a bit of its salt", "another size of records",
            "the key of another epoch", *FOR_ITS_PLACE]
    for n, how in enumerate(ways):
        push = SealedPush(bob, [damaged(bob, how)]).answered()
        assert {t.status() for t in push.send(size=5000)} == {200}, how  # the switch learns nothing of it

        def told():
            return [e for name in ("dropped", "aborted") for e in alice.events(name)]
        wait(lambda k=n: len(told()) > k, what="why it is not kept", state=lambda h=how: (h, told()))
        event = next(e for e in reversed(alice.lines) if e["event"] in ("dropped", "aborted"))
        assert (event["from"], event.get("reason") or event["why"]) == (bob.aor, FOR_ITS_PLACE.get(how, WHY)), how
        assert listing(tmp_path / "alice") == [] and not alice.events("file"), how
        push.call.bye().expect(200)
    good = SealedPush(bob, [Sealed(bob, b"good", "g.bin")])
    good.answered().send()
    assert alice.wait("file")["name"] == "g.bin"
    assert listing(tmp_path / "alice") == ["g.bin"]


def test_a_file_is_taken_once(member, terminal, tmp_path):  # noqa: F811
    # covers: GK-014, CMS-010
    alice = member("alice")
    bob = terminal("bob", alice)
    file = Sealed(bob, b"once", "once.bin")
    SealedPush(bob, [file]).answered().send()
    alice.wait("file")
    again = SealedPush(bob, [file]).answered()
    assert {t.status() for t in again.send()} == {200}
    assert alice.wait("dropped")["replay"] is True
    assert listing(tmp_path / "alice") == ["once.bin"]


def test_a_sender_that_stops_or_vanishes_leaves_nothing(member, terminal, tmp_path):  # noqa: F811
    # covers: FT-010, GK-014
    alice = member("alice")
    bob = terminal("bob", alice)
    for how in ("stopped", "lost"):
        push = SealedPush(bob, [Sealed(bob, os.urandom(100000), how + ".bin")]).answered()
        assert push.send(data=push.files[0].data[:60000], last_flag="+")[-1].status() == 200
        wait(lambda: listing(tmp_path / "alice"), what="its part")
        if how == "stopped":
            session = push.sessions[0]
            session.conn.send(session.chunk(None, 60001, len(push.files[0].data), "#", message_id=push.message_id))
        else:
            push.sessions[0].conn.close()
        event = alice.wait("aborted")
        assert event["sealed"] is True and event["name"] == how + ".bin"
        assert listing(tmp_path / "alice") == []


@pytest.mark.parametrize("name, saved", [("../../evil", "evil"), ("/etc/passwd", "passwd"), ("..", "file"),
                                         (".bashrc", "bashrc"), ("a" + "\u00e9" * 150, "a" + "\u00e9" * 99)])
def test_a_sealed_name_never_leaves_the_folder(member, terminal, tmp_path, name, saved):  # noqa: F811
    # covers: FT-008, GK-014
    alice = member("alice")
    bob = terminal("bob", alice)
    SealedPush(bob, [Sealed(bob, b"data", name)]).answered().send()
    event = alice.wait("file")
    assert event["name"] == saved and event["path"].endswith("/" + saved)  # whole characters, so that it can be told
    assert listing(tmp_path / "alice") == [saved]


def test_files_of_and_to_the_owner_who_makes_the_keys(table, tmp_path):  # noqa: F811
    # covers: GK-014, GK-002
    t = table()
    olga = t.serve("--download", str(tmp_path / "olga"))
    bob = t.client("bob", "--download", str(tmp_path / "bob"))
    bob.wait("joined", sealed=True)
    one_key(olga, bob)
    data = os.urandom(100000)
    for one, other in ((olga, bob), (bob, olga)):
        path = tmp_path / ("of %s.bin" % one.name)
        path.write_bytes(data)
        one.do("/push %s" % path)
        got = other.wait("file")
        assert (got["from"], got["name"], got["sealed"]) == (one.aor, path.name, True)
        assert (tmp_path / other.name / path.name).read_bytes() == data
        one.wait("sent")


# -- keys that are late, by a peer that plays the focus ------------------------------------------


@pytest.fixture
def pushed(call, focus, ue):  # noqa: F811
    """pushed(epoch, octets of plaintext): alice's client, and a function that sends her a file under that epoch."""
    alice = call()
    alice.wait("joined", sealed=True)
    host, _, port = alice.events("ready")[0]["sip"].rpartition(":")
    net = types.SimpleNamespace(sip=(host, int(port)), sips=None, domain="example.com")

    def send(epoch, data, first=0):
        pusher = ue("pusher", net)
        pusher.room = alice.aor
        file = File(b"", "f.bin", TYPE)
        file.data = focus.records(data, epoch, sender=pusher.aor, token="0000f11e", content_type="image/png",
                                  disposition='attachment; filename="late.png"')
        file.attributes["file-selector"] = "type:%s size:%d" % (TYPE, len(file.data))
        push = SealedPush(pusher, [file], uri=alice.aor, setup="active")
        push.answered()
        return push, push.send(first=first, size=20000)
    return alice, send


def test_a_file_waits_unread_for_a_key_that_is_late(pushed, focus, tmp_path):  # noqa: F811
    # covers: GK-014, CMS-005
    alice, send = pushed
    data = os.urandom(3 << 20)
    _, sent = send(8, data)
    wait(lambda: sent[0].status() == 200, what="its beginning")
    assert listing(tmp_path / "got") == []
    focus.give(8)
    got = alice.wait("file")
    assert (got["epoch"], got["size"]) == (8, len(data))
    with open(got["path"], "rb") as f:
        assert hashlib.sha256(f.read()).digest() == hashlib.sha256(data).digest()
    assert sent[-1].status() == 200


@pytest.mark.patience
def test_a_key_that_never_comes_leaves_nothing(pushed, tmp_path):
    # covers: GK-014, CMS-005
    alice, send = pushed
    send(8, os.urandom(300000))
    event = alice.wait("dropped", timeout=30)
    assert event["epoch"] == 8 and event["why"] == "the key of its epoch did not come within 10 seconds"
    assert listing(tmp_path / "got") == []


def test_a_file_of_before_our_time_is_said_to_be_one(pushed, tmp_path):
    # covers: GK-004, GK-014
    alice, send = pushed
    send(6, os.urandom(300000))
    event = alice.wait("dropped")
    assert event["epoch"] == 6 and event["why"] == "it was sealed before we came, with a key that is not for us"
    assert listing(tmp_path / "got") == []


def test_octets_out_of_order_are_not_put_together(pushed, tmp_path):
    # covers: GK-014
    alice, send = pushed
    push, _ = send(7, b"")
    alice.wait("file")
    assert listing(tmp_path / "got") == ["late.png"]
    push, _ = send(7, os.urandom(50000), first=20000)
    assert alice.wait("dropped")["why"] == "its octets came out of order"
    assert listing(tmp_path / "got") == ["late.png"]


@pytest.mark.skipif(bool(WRAP) or not shutil.which("dumpcap"), reason="memory of a wrapped process; no dumpcap")
@pytest.mark.parametrize("how", ["push", "file"])
def test_the_canary_is_neither_on_the_wire_nor_in_the_servers(mrf, ue, member, terminal, tmp_path, how):  # noqa: F811
    # covers: GK-014
    alice = member("alice")
    bob, marker = terminal("bob", alice), ue("marker")
    canary, name = os.urandom(24).hex(), "canary%s.png" % os.urandom(12).hex()
    (tmp_path / name).write_bytes(canary.encode() * 4000)
    capture = Capture(tmp_path / "all.pcapng", [mrf.sip[1], mrf.msrp[1]])
    try:
        capture.wait_for(marker)
        alice.do("/%s %s" % (how, tmp_path / name))
        octets = Take(bob).accept().wait() if how == "push" else wait(
            lambda: next((c.content for c in bob.chats if c.content_type == TYPE), None), what="the file")
        assert opened(bob, octets).payload == canary.encode() * 4000 and name in opened(bob, octets).disposition
        alice.wait("sent")
        for server in (mrf.mrfp, mrf.mrfc):
            for secret in (canary, name):
                assert not memory.has(server.pid, secret.encode())
        assert memory.has(mrf.mrfc.pid, bob.aor.encode())
        capture.wait_for(marker)
    finally:
        capture.stop()
    data = (tmp_path / "all.pcapng").read_bytes()
    assert octets[:33] in data and octets[-100:] in data  # both ways of it are in the capture
    assert canary.encode() not in data and name.encode() not in data and b"image/png" not in data
