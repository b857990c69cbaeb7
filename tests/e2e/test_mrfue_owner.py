# SPDX-License-Identifier: Apache-2.0
"""Conferences of the servers whose keys mrfue makes, as their owner (--serve-keys): comings and goings of mrfue clients and
of terminals in Python that keep every key they ever had."""

import hashlib
import os
import signal

import pytest

from peer import memory
from peer.keyserver import REQUEST
from peer.loop import wait
from peer.mrfue import Mrfue
from peer.owner import Owner
from peer.sealed import Sealed
from peer.servers import poll

MEMBER = {"conference.e2e": "required", "groupkey.server": "member"}


class Table:
    """One pair of servers, the owner's file of keys, and clients. olga: the owner's client."""

    def __init__(self, net, ue, room, folder):
        self.net, self.ue, self.folder, self.made = net, ue, folder, []
        self.room, self.uri = room, "sip:%s@%s" % (room, net.domain)
        self.keys = folder / "members.keys"
        self.keys.write_text("# URI ID KEY\n")
        self.keys.chmod(0o600)
        self.times = str(folder / "olga.times")

    def pair(self, name, uri=None):
        """A new key of this user and the owner: (id, hex)."""
        key = "mk:" + name, os.urandom(32).hex()
        with open(self.keys, "a") as f:
            f.write("%s %s %s\n" % (uri or "sip:%s@example.com" % name, *key))
        return key

    def chat(self, name, *args, text=False, room=None):
        self.made.append(Mrfue(self.net, name, "join", room or self.uri, args=args, text=text))
        return self.made[-1]

    def serve(self, *args, **more):
        """The owner comes."""
        olga = self.chat("olga", "--serve-keys", str(self.keys), "--serve-times", self.times, "--require-e2e", *args, **more)
        if not more.get("text"):
            olga.wait("joined", sealed=True, serves=True)
            olga.wait("serving", conference=self.uri)
            olga.wait("epoch")
        return olga

    def client(self, name, *args, key=None):
        """A member's client, told to join."""
        path = self.folder / (name + ".key")
        if not path.exists():
            path.write_text("%s %s\n" % (key or self.pair(name)))
            path.chmod(0o600)
        return self.chat(name, "--key-file", str(path), "--require-e2e", *args)

    def member(self, name):
        """A terminal in Python, not yet in."""
        one = Sealed(name, self.net, key=self.pair(name))
        self.ue.made.append(one)
        return one

    def api(self, method, path="", body=None):
        return self.net.api(method, "/v1/conferences/" + self.room + path, body)

    def close(self):
        wrong = [line for one in self.made for line in one.close()]
        assert not wrong, "\n".join(wrong)


@pytest.fixture
def table(own_mrf, ue, room, tmp_path):
    """table(settings of the MRFC) -> Table of an own pair."""
    made = []

    def make(**more):
        made.append(Table(own_mrf(mrfc={**MEMBER, **{k.replace("__", "."): v for k, v in more.items()}}), ue, room, tmp_path))
        return made[-1]
    yield make
    for one in made:
        one.close()


def newest(client):
    """GKID of a client's current key, in hex."""
    return client.events("epoch")[-1]["id"] if isinstance(client, Mrfue) else client.keys.hex


def together(*clients, but=()):
    """All of them have one key, none of those; its GKID."""
    def agree():
        have = {newest(c) for c in clients}
        return have.pop() if len(have) == 1 and not have & set(but) else None
    first = clients[0]
    return poll(lambda: (lambda h: h if h and h not in but else None)(agree()), what="one key at all, as at " + first.name)


def sealed_of(one, text):
    """The body in which this terminal got that text."""
    one.hear(text)
    return next(c.content for c in one.heard if text.encode() in one.keys.open_raw(c.content))


def test_the_owner_and_members_talk(table, tmp_path):
    # covers: GK-002, GK-003, GK-007
    t = table()
    olga = t.serve("--tls", "--download", str(tmp_path / "got"))
    bob, carol = t.client("bob", "--tls"), t.member("carol")
    bob.wait("joined", sealed=True, serves=False)
    carol.join(t.uri)
    assert together(olga, bob, carol) == t.api("GET")[1]["epoch"]
    for speaker, others in ((olga, (bob,)), (bob, (olga,))):
        speaker.do("I am " + speaker.name)
        for other in others:
            got = other.wait("message", text="I am " + speaker.name)
            assert (got["from"], got["sealed"]) == (speaker.aor, True)
        carol.hear("I am " + speaker.name)
    assert carol.say("and I carol") == 200
    olga.wait("message", text="and I carol"), bob.wait("message", text="and I carol")
    olga.do("/msg %s psst" % bob.aor)
    assert bob.wait("message", private=True)["text"] == "psst"
    data = os.urandom(300000)
    (tmp_path / "plan.bin").write_bytes(data)
    bob.do("/file %s" % (tmp_path / "plan.bin"))
    assert olga.wait("file")["sha256"] == hashlib.sha256(data).hexdigest()
    poll(lambda: len(olga.events("key", state="confirmed")) == 2, what="confirmations")
    olga.do("/keys")
    held = {m["uri"]: m for m in olga.wait("keys")["members"]}
    assert set(held) == {bob.aor, carol.aor}
    assert olga.end() == 0 and bob.wait("departed", uri=olga.aor)
    assert bob.end() == 0 and not olga.events("dropped") and not bob.events("dropped") and not olga.events("trouble")


def test_who_is_removed_gets_no_key_and_who_comes_late_opens_nothing_earlier(table):
    # covers: GK-004, GK-005
    t = table()
    olga, bob, carol = t.serve(), t.member("bob"), t.member("carol")
    bob.join(t.uri), carol.join(t.uri)
    first = together(olga, bob, carol)
    olga.do("while bob is here")
    early = sealed_of(carol, "while bob is here")
    bob.hear("while bob is here")
    olga.do("/remove " + bob.aor)
    wait(lambda: bob.call.ended, 15, "the end of bob's call")
    second = together(olga, carol, but=[first])
    olga.do("not for bob")
    late = sealed_of(carol, "not for bob")
    assert newest(bob) == first and not bob.keys.can_read(late) and bob.keys.can_read(early)
    dave = t.member("dave")
    dave.join(t.uri)
    third = together(olga, carol, dave, but=[first, second])
    assert third[:16] == first[:16] and len(dave.keys.order) == 1
    assert not dave.keys.can_read(early) and not dave.keys.can_read(late)
    assert carol.say("welcome") == 200
    dave.hear("welcome"), olga.wait("message", text="welcome")


def test_who_shares_no_key_with_the_owner_is_refused(table):
    # covers: GK-002, KM-005
    t = table()
    olga = t.serve()
    eve = t.client("eve", key=("mk:eve", os.urandom(32).hex()))  # a key of her own making
    error = eve.wait("error")
    assert (error["code"], "no key" in error["text"].lower()) == (403, True), error
    assert eve.exit_code() == 1
    told = olga.wait("key", state="refused")
    assert (told["uri"], told["why"]) == (eve.aor, "there is no key of that name")
    bob = t.client("bob")  # olga's file has him since a moment
    bob.wait("joined", sealed=True)
    liar = t.chat("carol", "--key-file", str(t.folder / "bob.key"))
    assert liar.wait("error")["code"] in (403, 488)
    assert liar.exit_code() == 1
    assert {p["uri"] for p in t.api("GET")[1]["participants"] if p["state"] == "connected"} == {olga.aor, bob.aor}


def test_the_owner_needs_the_option_for_it(table):
    # covers: KM-005
    t = table()
    olga = t.client("olga")
    error = olga.wait("error")
    assert error["code"] == 488 and "--serve-keys FILE is needed" in error["text"]
    assert olga.exit_code() == 1


def test_the_owner_leaves_and_comes_back(table):
    # covers: GK-004, MIKEY-006
    t = table()
    olga, bob, carol = t.serve(), t.client("bob"), t.member("carol")
    bob.wait("joined")
    carol.join(t.uri)
    first = together(olga, bob, carol)
    assert olga.end() == 0
    bob.wait("departed", uri=olga.aor)
    bob.do("among ourselves")  # under the last key
    carol.hear("among ourselves")
    dave = t.client("dave")
    error = dave.wait("error")
    assert error["code"] in (480, 503), error
    assert dave.exit_code() == 1
    olga = t.serve()
    second = together(olga, bob, carol, but=[first])
    assert second[:16] != first[:16]  # another domain, which bob takes: it is of the owner he knows
    assert any(e["anew"] for e in bob.events("epoch"))
    olga.do("I am back")
    assert bob.wait("message", text="I am back")["sealed"] is True
    carol.hear("I am back")
    dave = t.client("dave")
    dave.wait("joined", sealed=True)
    together(olga, bob, carol, dave, but=[second])


def test_the_owner_is_killed_and_comes_back(table):
    # covers: GK-012, MIKEY-006
    t = table()
    olga, carol = t.serve(), t.member("carol")
    carol.join(t.uri)
    first = together(olga, carol)
    last_t = carol.keys.last_t
    olga.proc.send_signal(signal.SIGKILL)
    olga.proc.wait(10)
    poll(lambda: t.net.mrfc.metrics()["mrfc_groupkey_owners"] == 0, what="the loss of the owner")
    olga = t.serve()
    second = together(olga, carol, but=[first])
    assert second[:16] != first[:16] and carol.keys.last_t > last_t and not carol.failed
    assert carol.say("still here") == 200
    olga.wait("message", text="still here")
    # nothing is said of her session that is dead
    assert not [e for e in olga.events("key") if e["uri"] == olga.aor]


def test_keys_are_made_anew_for_an_mrfc_that_was_started_again(table, tmp_path):
    # covers: GK-004
    t = table(store__path=tmp_path / "mrfc.db")
    olga, bob, carol = t.serve(), t.client("bob"), t.member("carol")
    bob.wait("joined")
    carol.join(t.uri)
    first = together(olga, bob, carol)
    t.net.mrfc.kill()
    olga.do("the switch goes on")
    bob.wait("message", text="the switch goes on"), carol.hear("the switch goes on")
    t.net.start_mrfc()
    olga.wait("serving", conference=t.uri)
    second = together(olga, bob, carol, but=[first])
    assert second[:16] != first[:16]
    bob.do("under the new key")
    olga.wait("message", text="under the new key")
    dave = t.client("dave")
    dave.wait("joined", sealed=True)
    together(olga, bob, carol, dave, but=[second])
    assert not olga.events("trouble")


def test_neither_server_ever_has_a_key(table):
    # covers: GK-012, GK-013
    t = table()
    olga, carol, bob = t.serve(), t.member("carol"), t.client("bob")
    bob.wait("joined")
    carol.join(t.uri)
    together(olga, bob, carol)
    olga.do("the canary sings at noon")
    carol.hear("the canary sings at noon")
    bob.wait("message")
    tek = carol.keys.teks[carol.keys.current]
    assert memory.has(olga.proc.pid, tek)
    for server in (t.net.mrfc, t.net.mrfp):
        for secret in [*carol.keys.teks.values(), carol.keys.mk, carol.key[1].encode(), b"the canary sings at noon"]:
            assert not memory.has(server.pid, secret)
    bob.end()
    second = together(olga, carol, but=[newest(bob)])
    poll(lambda: not memory.has(olga.proc.pid, tek), 30, what="the end of the former key")
    assert second == t.api("GET")[1]["epoch"]


def test_another_owner_makes_the_keys_when_the_first_has_left(table, tmp_path):
    # covers: GK-002, GK-004
    t = table(conference__owner_leaves="transfer")
    olga = t.serve()
    his = tmp_path / "ottos.keys"
    keys = {name: ("otto:" + name, os.urandom(32).hex()) for name in ("bob", "carol")}
    his.write_text("".join("sip:%s@example.com %s %s\n" % (name, *key) for name, key in keys.items()))
    his.chmod(0o600)
    otto = t.client("otto", "--serve-keys", str(his))
    otto.wait("joined", sealed=True, serves=False)  # a member like others, as yet
    bob = t.client("bob")
    bob.wait("joined")
    first = together(olga, otto, bob)
    otto.do("/keys")
    assert "not the key server" in otto.wait("failed", command="/keys")["reason"]
    assert olga.end() == 0
    assert otto.wait("serving", conference=t.uri)["keys"] == 2
    poll(lambda: newest(otto)[:16] != first[:16], what="a key of otto's")
    # bob shares no key with otto under that name: he is out, and comes again with the one he has.
    assert otto.wait("key", state="refused")["uri"] == bob.aor
    assert bob.wait("ended")["by"] == "focus"
    (tmp_path / "bob.key").write_text("%s %s\n" % keys["bob"])
    bob = t.client("bob")
    bob.wait("joined", sealed=True)
    second = together(otto, bob, but=[first])
    assert second[:16] != first[:16]
    otto.do("mine now")
    assert bob.wait("message", text="mine now")["sealed"] is True
    bob.do("yours")
    otto.wait("message", text="yours")


def test_a_switch_that_is_started_again_has_the_keys_made_anew(table):
    # covers: GK-015
    t = table()
    olga, carol = t.serve(), t.client("carol")
    carol.wait("joined")
    first = together(olga, carol)
    t.net.mrfp.kill()
    for one in (olga, carol):
        one.wait("lost")
    assert olga.wait("not-serving")["why"]
    t.net.start_mrfp()
    for one in (olga, carol):
        one.wait("rejoined")
    olga.wait("serving", conference=t.uri)
    second = together(olga, carol, but=[first])
    assert second[:16] != first[:16]
    carol.do("we are back")
    assert olga.wait("message", text="we are back")["sealed"] is True
    olga.do("so we are")
    carol.wait("message", text="so we are")


def test_an_owner_who_is_called_into_a_conference_of_the_operator(table):
    # covers: GK-002, KM-004
    t = table()
    olga = Mrfue(t.net, "olga", "wait", args=["--serve-keys", str(t.keys), "--require-e2e"])
    t.made.append(olga)
    called = "sip:olga@" + olga.wait("ready")["sip"]
    status, doc = t.net.api("POST", "/v1/conferences", {"name": t.room, "owner": called, "e2e": True})
    assert status == 201 and doc["e2e"] is True
    early = t.client("bob")
    assert early.wait("error")["code"] == 503  # nobody makes keys yet
    assert t.api("POST", "/participants", {"uri": called})[0] == 202
    olga.wait("joined", sealed=True, serves=True)
    olga.wait("serving", conference=t.uri)
    bob = t.client("bob")
    bob.wait("joined", sealed=True)
    together(olga, bob)
    bob.do("you were called")
    assert olga.wait("message", text="you were called")["sealed"] is True
    olga.do("so I was")
    bob.wait("message", text="so I was")


def test_a_member_of_an_owner_whose_terminal_is_of_another_make(table):
    # covers: GK-002, MIKEY-009
    t = table()
    olga = Owner("olga", t.net)
    t.ue.made.append(olga)
    (t.folder / "bob.key").write_text("%s %s\n" % olga.pair("sip:bob@example.com", "b1"))
    olga.join(t.uri)
    bob = t.client("bob")
    bob.wait("joined", sealed=True, serves=False)
    first = together(olga, bob)
    bob.do("hello")
    olga.hear("hello")
    olga.rekey(t.uri)
    second = together(olga, bob, but=[first])
    assert second[:16] == first[:16]
    assert olga.say("under the second") == 200
    bob.wait("message", text="under the second")
    olga.wait_got(REQUEST)
    eve = t.client("eve", key=("e1", os.urandom(32).hex()))
    assert eve.wait("error")["code"] == 403
