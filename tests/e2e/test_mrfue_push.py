# SPDX-License-Identifier: Apache-2.0
"""mrfue pushes and receives files by RFC 5547."""

import os

import pytest

from peer.files import File, Push, Take, parse_selector, sha1
from peer.loop import wait
from peer.servers import WRAP, program
from test_mrfue import chat, uri  # noqa: F401  (fixtures)

PLAIN = not WRAP and "san" not in os.path.basename(os.path.dirname(program("mrfp")))


@pytest.fixture
def bob(chat, uri, tmp_path):  # noqa: F811
    made = chat("bob", "join", uri, args=["--download", str(tmp_path / "in")])
    made.wait("joined")
    made.folder = tmp_path / "in"
    return made


def parts(folder):
    return [n for n in os.listdir(folder) if n.endswith(".part")] if folder.exists() else []


def test_a_pushed_file_arrives_under_its_name(chat, uri, bob, tmp_path):  # noqa: F811
    # covers: FT-003, FT-007, FT-009, FT-011
    alice = chat("alice", "join", uri)
    alice.wait("joined")
    data = os.urandom(2_000_003)
    path = tmp_path / 'a "50 %" plan.png'
    path.write_bytes(data)
    for expected in (path.name, path.name + ".1"):
        alice.do("/push %s" % path)
        sent = alice.wait("sent")
        assert (sent["file"], sent["size"]) == (str(path), len(data))
        got = bob.wait("file")
        assert (got["name"], got["type"], got["size"]) == (path.name, "image/png", len(data))
        assert got["from"] == alice.aor
        assert got["path"] == str(bob.folder / expected)
        assert (bob.folder / expected).read_bytes() == data
    assert not parts(bob.folder)
    alice.do("still here")
    bob.wait("message", text="still here")


def test_what_a_push_says(chat, uri, ue, room, tmp_path):  # noqa: F811
    # covers: FT-001, FT-003, FT-007, FT-008
    carol = ue("carol").join(room)
    alice = chat("alice", "join", uri)
    alice.wait("joined")
    path = tmp_path / "plan.txt"
    path.write_bytes(b"hello")
    alice.do("/push %s" % path)
    take = Take(carol)
    selector = parse_selector(take.offer.msg.get("file-selector"))
    assert selector == {"name": '"plan.txt"', "type": "text/plain", "size": "5",
                        "hash": sha1(b"hello")}
    take.accept()
    assert take.wait() == b"hello"
    alice.wait("sent")
    alice.do("/push %s" % path)
    Take(carol).call.reject(486)
    failed = alice.wait("failed")
    assert (failed["command"], failed["code"]) == ("/push", 486)


@pytest.mark.parametrize("name, saved", [
    ("../../evil", "evil"), ("/etc/passwd", "passwd"), ("..", "file"), (".bashrc", "bashrc"),
    ("a\\..\\b", "b"), ("%2e%2e%2fx", "x"), ("con%0D%0Atrol", "control"),
    ("x" + "%E2%82%AC" * 70, "x" + "\u20ac" * 66)])
def test_a_pushed_name_never_leaves_the_folder(bob, ue, room, tmp_path, name, saved):
    # covers: FT-008
    mallory = ue("mallory").join(room)
    push = Push(mallory, [File(b"data", name, "application/x-data")])
    push.answered().send()
    got = bob.wait("file")
    assert got["name"] == saved and got["path"] == str(bob.folder / saved)
    assert os.listdir(bob.folder) == [saved] and os.listdir(tmp_path) == ["in"]


def test_a_file_of_another_hash_is_not_kept(bob, ue, room):
    # covers: FT-007
    mallory = ue("mallory").join(room)
    push = Push(mallory, [File(b"data")])
    push.answered().send(data=b"DATA")
    assert bob.wait("aborted")["why"] == "damaged"
    assert os.listdir(bob.folder) == []


def test_a_push_goes_on_where_one_broke_off(bob, ue, room):
    # covers: FT-001, FT-009
    alice = ue("alice").join(room)
    data = os.urandom(300000)
    first = Push(alice, [File(data, "big.bin", "application/x-data")])
    first.answered()
    assert [t.status() for t in first.send(data=data[:200000], size=20000, last_flag="+")]
    wait(lambda: parts(bob.folder) and
         os.path.getsize(bob.folder / parts(bob.folder)[0]) == 200000, what="the first part")
    first.sessions[0].conn.close()
    assert bob.wait("aborted")["size"] == 200000
    again = Push(alice, [File(data, "big.bin", "application/x-data",
                              **{"file-range": "200001-*"})])
    again.answered().send(data=data[200000:])
    got = bob.wait("file")
    assert got["size"] == len(data)
    assert (bob.folder / "big.bin").read_bytes() == data and not parts(bob.folder)


def test_a_range_whose_beginning_is_missing_is_refused(bob, ue, room):
    # covers: FT-001
    alice = ue("alice").join(room)
    Push(alice, [File(b"x" * 1000, **{"file-range": "501-*"})]).call.expect(603)
    assert not parts(bob.folder)


def test_who_pushed_is_told_as_in_messages(chat, uri, bob, tmp_path):  # noqa: F811
    # covers: FT-009
    alice = chat("alice", "join", uri, args=["--name", "Alice A"])
    alice.wait("joined")
    bob.wait("arrived", uri=alice.aor)
    alice.do("/nick Captain")
    bob.wait("renamed", nickname="Captain")
    path = tmp_path / "x.txt"
    path.write_bytes(b"hello")
    alice.do("/push %s" % path)
    got = bob.wait("file", by="push")
    assert (got["display"], got["nickname"]) == ("Alice A", "Captain")


def test_nothing_to_stop_and_a_refusal_with_its_reason(chat, own_mrf, tmp_path):  # noqa: F811
    net = own_mrf(mrfc={"conference.max_file": "10k"})
    alice = chat("alice", "join", "sip:tea@" + net.domain, net=net)
    alice.wait("joined")
    alice.do("/stop")
    failed = alice.wait("failed")
    assert (failed["command"], failed["code"]) == ("/stop", 0)
    path = tmp_path / "x.bin"
    path.write_bytes(bytes(20000))
    alice.do("/push %s" % path)
    failed = alice.wait("failed", command="/push")
    assert failed["code"] == 488 and "larger than allowed" in failed["reason"]


def test_a_push_from_the_middle(chat, uri, bob, ue, room, tmp_path):  # noqa: F811
    # covers: FT-001, FT-007
    carol = ue("carol").join(room)
    alice = chat("alice", "join", uri)
    alice.wait("joined")
    path = tmp_path / "x.txt"
    path.write_bytes(b"0123456789")
    alice.do("/push %s 5" % path)
    take = Take(carol)
    assert take.offer.msg.get("file-range") == "5-*"
    assert parse_selector(take.offer.msg.get("file-selector"))["hash"] == sha1(b"0123456789")
    take.accept()
    assert take.wait() == b"456789"


def test_a_push_is_given_up(chat, uri, ue, room, tmp_path):  # noqa: F811
    # covers: FT-010
    carol = ue("carol").join(room)
    alice = chat("alice", "join", uri)
    alice.wait("joined")
    path = tmp_path / "x.bin"
    path.write_bytes(bytes(30 << 20))
    alice.do("/push %s" % path)
    take = Take(carol)
    take.sessions[0].answer = lambda frame: None  # never answers: the sender is held
    take.accept()
    wait(lambda: take.sessions[0].messages, what="the beginning")
    take.sessions[0].answer = None
    alice.do("/stop")
    assert alice.wait("failed")["reason"] == "given up"
    take.wait_aborted()
    take.call.wait_bye()


@pytest.mark.slow
def test_a_large_file_passes_in_little_memory(chat, uri, bob, mrf, tmp_path):  # noqa: F811
    # covers: FT-009, FT-013
    size = 100 << 20 if PLAIN else 10 << 20
    path = tmp_path / "large.bin"
    with open(path, "wb") as out:
        for n in range(size >> 20):
            out.write(n.to_bytes(8, "big") * (1 << 17))
    carol = chat("carol", "join", uri, args=["--download", str(tmp_path / "c")])
    carol.wait("joined")
    alice = chat("alice", "join", uri)
    alice.wait("joined")
    before = mrf.mrfp.rss_bytes()
    alice.do("/push %s" % path)
    for who, folder in ((bob, bob.folder), (carol, tmp_path / "c")):
        got = who.wait("file", timeout=120)
        assert got["size"] == size
        assert os.path.getsize(folder / "large.bin") == size
    alice.wait("sent", timeout=60)
    if PLAIN:
        assert mrf.mrfp.rss_bytes(peak=True) - before < 32 << 20
