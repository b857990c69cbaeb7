# SPDX-License-Identifier: Apache-2.0
"""mrfue as the key server of a conference (--serve-keys): whom it gives keys, told by a peer that plays the focus."""

import os
import shutil
import subprocess

import pytest

from peer import memory, mikey
from peer.keyserver import CHANGE, CLOSE, DENIED, EPOCH, HELLO, MESSAGE, NOT_FOUND, OPEN, PING, PONG, REFUSED, STALE, frame, item
from peer.loop import wait
from peer.mrfue import Mrfue
from peer.owner import BODY_MAX, TYPE
from peer.patron import Patron
from peer.servers import ROOT, poll, program

OLGA = "sip:olga@example.com"
BOB, CAROL, EVE = ("sip:%s@example.com" % n for n in ("bob", "carol", "eve"))
KEYS = {BOB: ("b1", os.urandom(32)), CAROL: ("c1", os.urandom(32))}


def write(path, keys):
    with open(path, "w") as f:
        f.write("# URI ID KEY\n" + "".join("%s %s %s\n" % (uri, key_id, key.hex()) for uri, (key_id, key) in keys.items()))
    os.chmod(path, 0o600)
    return str(path)


@pytest.fixture
def keys(tmp_path):
    return write(tmp_path / "members.keys", KEYS)


@pytest.fixture
def chat():
    made = []

    def make(name, *command, proxy, **kwargs):
        made.append(Mrfue(None, name, *command, proxy=proxy, **kwargs))
        return made[-1]
    yield make
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def focus(mrf, ue):
    one = Patron("focus", mrf)
    ue.made.append(one)
    yield one
    if one.call and not one.call.ended:
        one.call.bye()
        one.call = None


@pytest.fixture
def call(chat, focus, keys):
    """call(...): olga's client that calls the focus, which has admitted it."""
    def make(*args, text=False, **admit):
        olga = chat("olga", "join", focus.conference, proxy=focus.place, text=text,
                    args=["--no-subscribe", "--serve-keys", keys, *args])
        focus.admit_owner(**admit)
        return olga
    return make


@pytest.fixture
def olga(call, focus):
    """She serves, and is alone."""
    one = call()
    one.wait("joined", sealed=True, serves=True)
    one.do("too early")
    assert one.wait("failed", command="say")["reason"] == "the conference has no key yet"
    one.alone = focus.open()
    one.wait("serving", conference=focus.conference, keys=2)
    return one


def member(focus, uri):
    key_id, key = KEYS[uri]
    return focus.member(uri, key_id, key)


def teks(*members):
    return [tek for m in members for tek in m.teks.values()]


def test_members_get_keys_and_read_what_the_owner_says(olga, focus):
    # covers: GK-001, GK-003, MIKEY-009, MIKEY-011
    assert focus.lists_frames() and "key-mgmt" not in focus.call.offer
    assert olga.wait("epoch") == {**olga.events("epoch")[0], "epoch": 1, "id": olga.alone.hex(), "members": 0}
    bob, carol = member(focus, BOB), member(focus, CAROL)
    focus.change(joined=[bob, carol])
    gkid = focus.next_epoch()
    assert gkid[:8] == olga.alone[:8] and focus.take(bob) == focus.take(carol) == gkid
    assert bob.ks == OLGA and bob.teks == carol.teks
    assert olga.wait("epoch", epoch=2)["members"] == 2
    for uri, key_id in ((BOB, "b1"), (CAROL, "c1")):
        for state in ("given", "confirmed"):
            assert olga.wait("key", uri=uri, state=state)["epoch"] == 2 and key_id
    olga.do("hello both")
    said = focus.read(bob, lambda s: s.payload == b"hello both")
    assert carol.open(said, sender=OLGA).payload == b"hello both"
    assert focus.session.send(focus.around(bob.seal("hello olga", message_id="m9"), BOB, message_id="m9")).status() == 200
    assert olga.wait("message", text="hello olga")["epoch"] == 2
    olga.do("/keys")
    held = {m["uri"]: m for m in olga.wait("keys")["members"]}
    assert set(held) == {BOB, CAROL} and held[BOB] == {"uri": BOB, "id": "b1", "given": 2, "confirmed": 2}
    assert len(olga.events("key")) == 4  # once each
    assert olga.end() == 0


def test_who_is_removed_reads_nothing_later_and_who_comes_nothing_earlier(olga, focus):
    # covers: GK-004, GK-005
    bob, carol = member(focus, BOB), member(focus, CAROL)
    focus.change(joined=[bob])
    first = focus.next_epoch()
    focus.take(bob)
    olga.wait("epoch", epoch=2)
    olga.do("bob's time")
    early = focus.read(bob, lambda s: s.payload == b"bob's time")
    focus.change(left=[bob])
    assert focus.next_epoch() != first
    focus.request(bob, bob.request())
    assert focus.refused(bob) == (DENIED, "he is no member, or no more")
    focus.change(joined=[carol])
    focus.next_epoch()
    focus.take(carol)
    olga.wait("epoch", epoch=4)
    olga.do("carol's time")
    late = focus.read(carol, lambda s: s.payload == b"carol's time")
    assert not bob.can_read(late) and not carol.can_read(early)
    assert [f.uri for f in focus.said if f.verb == MESSAGE] == [BOB, CAROL]
    olga.do("/keys")
    assert [m["uri"] for m in olga.wait("keys")["members"]] == [CAROL]


def test_who_shares_no_key_is_refused_and_said_once(olga, focus):
    # covers: GK-002, KM-005
    eve = focus.member(EVE, "e1", os.urandom(32))
    liar = focus.member(BOB, "b1", os.urandom(32))
    for _ in range(3):
        focus.change(joined=[eve])
        assert focus.refused(eve) == (NOT_FOUND, "there is no key of that name")
    focus.change(joined=[eve], ask=False)
    assert focus.refused(eve) == (NOT_FOUND, "no key of his is known")
    focus.change(joined=[liar])
    assert focus.refused(liar)[0] == DENIED
    bob = member(focus, BOB)
    asked = bob.request(sdp=True, idrapp="sip:other@conf.example.com")
    focus.tell(frame(CHANGE, room=focus.conference, data=item(True, BOB, "b1", asked)))
    assert focus.refused(bob)[0] == DENIED
    told = [olga.wait("key", state="refused") for _ in range(4)]
    assert [(t["uri"], t["why"]) for t in told[:2]] == [(EVE, "there is no key of that name"), (EVE, "no key of his is known")]
    assert {t["uri"] for t in told[2:]} == {BOB} and len(olga.events("key")) == 4
    assert [f.data for f in focus.said if f.verb in (EPOCH, MESSAGE)] == [olga.alone]


def test_many_refusals_are_not_all_told(olga, focus):
    for i in range(30):
        focus.change(joined=[focus.member("sip:eve%d@example.com" % i, "e1", os.urandom(32))])
        focus.next(REFUSED)
    focus.change()
    focus.next_epoch()
    olga.wait("epoch", epoch=2)
    assert len(olga.events("key", state="refused")) == 10


def test_a_large_conference_is_told_in_pieces(call, focus, tmp_path):
    # covers: GK-006
    many = {"sip:user%d@example.com" % i: ("k%d" % i, os.urandom(32)) for i in range(400)}
    write(tmp_path / "members.keys", many)
    olga = call()
    olga.wait("joined")
    focus.open()
    members = [focus.member(uri, key_id, key) for uri, (key_id, key) in many.items()]
    focus.change(joined=members[:200])
    gkid = focus.next_epoch()
    for m in members[:200]:
        assert m.take(focus.next(MESSAGE, uri=m.uri).data) and m.current == gkid
    focus.change(joined=members[200:], ask=False)
    gkid = focus.next_epoch()
    for m in members:
        m.take(focus.next(MESSAGE, uri=m.uri).data)
        assert m.current == gkid
    assert olga.wait("epoch", epoch=3)["members"] == 400
    verbs = [f.verb for f in focus.said if f.verb not in (PING, HELLO)]
    assert verbs == [EPOCH] * 2 + [MESSAGE] * 200 + [EPOCH] + [MESSAGE] * 400
    assert len(focus.bodies) < 20 and max(map(len, focus.bodies)) > BODY_MAX - 1000


def test_a_new_key_is_used_when_the_switch_lets_it_pass(olga, focus):
    bob = member(focus, BOB)
    focus.change(joined=[bob])
    first = focus.next_epoch()
    focus.take(bob)
    olga.wait("epoch", epoch=2)
    focus.pongs = False
    focus.change()
    second = focus.next_epoch()
    focus.take(bob, confirm=False)
    olga.do("under the first")
    body = focus.read(bob, lambda s: s.payload == b"under the first")
    assert first in body and second not in body
    focus.tell(frame(PONG))
    olga.wait("epoch", epoch=3)
    olga.do("under the second")
    assert second in focus.read(bob, lambda s: s.payload == b"under the second")
    focus.change()  # and when nobody answers: by itself
    assert olga.wait("epoch", epoch=4)["id"] == focus.next_epoch().hex()


def test_keys_end_with_the_session_and_are_made_anew(call, focus):
    # covers: GK-012
    olga = call()
    focus.open()
    bob = member(focus, BOB)
    focus.change(joined=[bob])
    first = focus.next_epoch()
    focus.take(bob)
    tek = bob.teks[first]
    olga.wait("epoch", epoch=2)
    assert memory.has(olga.proc.pid, tek)
    alone = focus.open()  # the focus began anew
    poll(lambda: not memory.has(olga.proc.pid, tek), what="the end of the key")
    focus.change(joined=[bob])
    second = focus.next_epoch()
    assert second[:8] == alone[:8] != first[:8] and second[8:] == b"\0\0\0\2"
    focus.take(bob)  # its T is above the former ones
    olga.wait("epoch", id=second.hex())
    focus.conn.close()
    assert "closed" in olga.wait("not-serving")["why"]
    poll(lambda: not memory.has(olga.proc.pid, bob.teks[second]), what="the end of the key")


def test_the_focus_is_believed_in_nothing_that_matters(olga, focus):
    # covers: GK-002
    bob = member(focus, BOB)
    focus.change(joined=[bob])
    focus.next_epoch(), focus.take(bob)
    olga.wait("epoch", epoch=2)
    n = len(focus.said)
    focus.tell(frame(OPEN, room="sip:other@conf.example.com"))
    assert "another conference" in olga.wait("trouble")["text"]
    focus.change()  # it is not listened to any more
    focus.hello()
    assert [f.verb for f in focus.said[n:] if f.verb != PING] == [HELLO]
    for wrong in (b"\0\0\0\0", frame(OPEN, 7, focus.conference), frame(99, room=focus.conference), frame(HELLO, 1)[:-1],
                  frame(CHANGE, room=focus.conference, data=b"\2")):
        focus.open()
        focus.tell(wrong)
        assert "no key server understands" in olga.wait("trouble")["text"]
    focus.open()
    other = focus.member(BOB, "b1", KEYS[BOB][1], room="sip:other@conf.example.com")
    focus.change(joined=[other], room="sip:other@conf.example.com")
    focus.change(joined=[bob])
    assert focus.next_epoch()[8:] == b"\0\0\0\2" and focus.take(bob)
    assert [f.uri for f in focus.said if f.verb == REFUSED] == []
    focus.tell(frame(CLOSE, room=focus.conference))
    n = len(focus.said)
    focus.change()
    focus.open()
    assert [f.verb for f in focus.said[n:] if f.verb != PING] == [HELLO, EPOCH]


def test_frames_are_refused_by_who_serves_no_keys(chat, focus, tmp_path):
    (tmp_path / "olga.key").write_text("o1 %s\n" % ("ab" * 32))
    olga = chat("olga", "join", focus.conference, proxy=focus.place, args=["--key-file", str(tmp_path / "olga.key")])
    focus.admit("o1", bytes.fromhex("ab" * 32))
    olga.wait("joined", sealed=True, serves=False)
    assert TYPE not in focus.offered().msg.accept_types
    assert focus.session.send(frame(HELLO, 1), content_type=TYPE).status() == 415
    olga.do("/keys")
    assert olga.wait("failed", command="/keys")["reason"] == "you are not the key server here"


def test_in_another_conference_its_owner_is_a_member_like_others(chat, focus, keys, tmp_path):
    (tmp_path / "olga.key").write_text("o1 %s\n" % ("ab" * 32))
    olga = chat("olga", "join", focus.conference, proxy=focus.place, args=["--key-file", str(tmp_path / "olga.key"), "--serve-keys", keys])
    focus.admit("o1", bytes.fromhex("ab" * 32), epoch=7)
    assert focus.lists_frames() and focus.request_of_offer()
    olga.wait("joined", sealed=True, serves=False)
    assert olga.wait("epoch")["epoch"] == 7 and "members" not in olga.events("epoch")[0]


def test_an_unsealed_conference_is_none(call, focus):
    olga = call("--require-e2e", accept_types="message/cpim *", connect=False)
    assert olga.wait("error")["text"] == "the conference is not sealed"
    assert olga.exit_code() == 1


def test_times_rise_over_a_restart_and_replays_stay_replays(call, focus, tmp_path):
    # covers: MIKEY-006
    times = tmp_path / "olga.times"
    bob = member(focus, BOB)

    def begin():
        one = call("--serve-times", str(times))
        one.wait("joined")
        focus.open()
        one.wait("serving")
        return one

    olga = begin()
    asked = bob.request(sdp=True)
    first = item(True, BOB, "b1", asked)
    focus.tell(frame(CHANGE, room=focus.conference, data=first))
    focus.next_epoch(), focus.take(bob)
    stored = times.read_text()
    assert oct(times.stat().st_mode & 0o777) == "0o600" and "key server" in stored and "b1" in stored
    assert not any(k.hex() in stored for _, k in KEYS.values())
    assert int(stored.partition(" key server")[0].rpartition("\n")[2], 16) >= bob.last_t
    olga.do("/leave")
    assert olga.exit_code() == 0
    # Its clock goes back a minute, as far as its file tells.
    ahead = mikey.ntp() + (60 << 32)
    times.write_text("".join("%016x key server\n" % ahead if line.endswith("key server") else line + "\n" for line in stored.splitlines()))
    olga = begin()
    focus.tell(frame(CHANGE, room=focus.conference, data=first))
    assert focus.refused(bob)[0] == STALE
    assert "replay" in olga.wait("key", state="refused")["why"]
    focus.change(joined=[bob])
    focus.next_epoch(), focus.take(bob)
    assert bob.last_t > ahead


def test_without_a_file_what_is_older_than_the_process_is_a_replay(call, focus):
    # covers: MIKEY-006
    bob = member(focus, BOB)
    asked = bob.request(sdp=True)
    olga = call()
    olga.wait("joined")
    focus.open()
    focus.tell(frame(CHANGE, room=focus.conference, data=item(True, BOB, "b1", asked)))
    assert focus.refused(bob)[0] == STALE
    focus.change(joined=[bob])
    focus.next_epoch(), focus.take(bob)


def test_members_are_added_and_removed_while_it_serves(olga, focus, keys):
    dave = "sip:dave@example.com"
    key = os.urandom(32)
    one = focus.member(dave, "d1", key)
    focus.change(joined=[one])
    assert focus.refused(one)[0] == NOT_FOUND
    write(keys, {**KEYS, dave: ("d1", key)})
    focus.change(joined=[one])
    focus.next_epoch(), focus.take(one)
    olga.wait("key", uri=dave, state="confirmed")
    with open(keys, "a") as f:
        f.write("nonsense\n")
    focus.change()
    focus.next_epoch(), focus.take(one)
    assert "line 5" in olga.wait("trouble")["text"]
    write(keys, KEYS)
    focus.change()
    focus.next_epoch()
    assert focus.refused(one) == (NOT_FOUND, "his key was removed")
    olga.wait("key", uri=dave, state="refused", why="his key was removed")


def test_people_are_told_in_sentences(call, focus):
    olga = call(text=True)
    olga.wait_line("sealed with keys that you make: no server has them")
    focus.open()
    olga.wait_line("* you are the key server of %s: with keys of 2 members" % focus.conference)
    bob, eve = member(focus, BOB), focus.member(EVE, "e1", os.urandom(32))
    focus.change(joined=[bob, eve])
    focus.next_epoch(), focus.take(bob)
    olga.wait_line("* %s (b1) is given keys" % BOB)
    olga.wait_line("* %s (b1) has the key" % BOB)
    olga.wait_line("* no key for %s (e1): there is no key of that name" % EVE)
    olga.wait_line("* new group key: epoch 1, made for you alone")
    olga.wait_line("* new group key: epoch 2, made for you and 1 other")
    olga.do("/keys")
    olga.wait_line("* %s (b1): epoch 2 given and confirmed" % BOB)
    focus.conn.close()
    olga.wait_line("* you are the key server no more: closed by the peer")


@pytest.mark.parametrize("text, why", [
    ("", None), ("# none\n", None), ("sip:bob@example.com b1\n", "line 1 of"), ("bob b1 %s\n" % ("ab" * 32), "line 1 of"),
    ("# a\n\nsip:bob@example.com b1 %s\nsip:bob@example.com b1 %s\n" % ("ab" * 32, "cd" * 32), "line 4 of"),
    (None, "cannot read")])
def test_a_file_that_is_wrong_is_told_at_the_start(tmp_path, text, why):
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
        path.chmod(0o600)
    done = subprocess.run([program("mrfue"), "--as", OLGA, "--serve-keys", str(path), "--timeout", "1", "--proxy", "127.0.0.1:9",
                           "join", "sip:room@conf.example.com"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert (why in done.stderr and str(path) in done.stderr) if why else "line" not in done.stderr, done
    assert "ab" * 32 not in done.stderr


def test_options_that_do_not_go_together(tmp_path):
    for args in (["--serve-times", "t"], ["--require-e2e"]):
        done = subprocess.run([program("mrfue"), "--as", OLGA, *args, "wait"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "--serve-keys FILE" in done.stderr
    (tmp_path / "k").write_text("")
    (tmp_path / "t").write_text("not ours\n")
    done = subprocess.run([program("mrfue"), "--as", OLGA, "--serve-keys", str(tmp_path / "k"), "--serve-times", str(tmp_path / "t"),
                           "wait"], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 1 and "is not what mrfue wrote" in done.stderr
    assert (tmp_path / "t").read_text() == "not ours\n"


def test_others_who_may_read_the_keys_are_warned_of(call, focus, keys):
    os.chmod(keys, 0o640)
    olga = call()
    olga.wait("joined")
    wait(lambda: any("others than its owner may read it" in line for line in olga.errors), 10, "the warning")


def test_times_that_cannot_be_kept_are_told_of_once(call, focus, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    olga = call("--serve-times", str(folder / "olga.times"))
    focus.open()
    bob = member(focus, BOB)
    focus.change(joined=[bob])
    focus.next_epoch(), focus.take(bob)
    shutil.rmtree(folder)
    for _ in range(3):
        focus.tell(frame(CHANGE, room=focus.conference, data=item(True, BOB, "", bob.request(sdp=True))))
        focus.next_epoch(), focus.take(bob)
    assert "cannot be written" in olga.wait("trouble")["text"]
    olga.do("/keys")
    olga.wait("keys")
    assert len(olga.events("trouble")) == 1
