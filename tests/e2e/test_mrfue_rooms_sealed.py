# SPDX-License-Identifier: Apache-2.0
"""mrfue clients in sealed conferences of the servers: chat, files, comings and goings."""

import hashlib
import os

import pytest

from peer.mrfue import Mrfue
from peer.sealed import provision
from peer.servers import poll



@pytest.fixture
def chat(request, mrf):
    made = []

    def make(name, *command, net=mrf, **kwargs):
        made.append(Mrfue(net, name, *command, **kwargs))
        return made[-1]
    yield make
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def sealed_room(mrf, room):
    status, doc = mrf.api("POST", "/v1/conferences", {"name": room, "e2e": True})
    assert status == 201, doc
    return "sip:%s@%s" % (room, mrf.domain)


@pytest.fixture
def member(chat, mrf, sealed_room, tmp_path):
    """member(name, ...): a client with a key of its own; not joined with join=False."""
    def make(name, *args, uri=None, join=True, sealed=True, wait=True):
        aor = "sip:%s@example.com" % name
        path = tmp_path / (name + ".key")
        if not path.exists():
            path.write_text("%s %s\n" % provision(mrf, uri or aor))
            path.chmod(0o600)
        one = chat(name, *(["join", sealed_room] if join else ["wait"]),
                   args=["--key-file", str(path), "--download", str(tmp_path / name), *args])
        if join and wait:
            one.wait("joined", sealed=sealed)
        return one
    return make


def together(*members):
    """These and no others are in, as all of them know, and all have the same epoch; its number."""
    def agree():
        rosters = [m.events("roster") for m in members]
        return all(r and r[-1]["count"] == len(members) for r in rosters) and \
            len({m.events("epoch")[-1]["id"] for m in members}) == 1
    poll(agree, what="one conference and one epoch at all")
    return members[0].events("epoch")[-1]["epoch"]


def test_chat_in_a_sealed_conference_over_tls(member):
    # covers: GK-011, GK-007, SMI-002
    alice, bob = member("alice", "--tls", "--require-e2e"), member("bob", "--tls", "--require-e2e")
    carol = member("carol")
    epoch = together(alice, bob, carol)
    for speaker, others in ((alice, (bob, carol)), (bob, (alice, carol)), (carol, (alice, bob))):
        speaker.do("I am " + speaker.name)
        speaker.wait("sent")
        for other in others:
            got = other.wait("message", text="I am " + speaker.name)
            assert (got["from"], got["sealed"], got["epoch"]) == (speaker.aor, True, epoch)
    alice.do("/msg %s psst" % bob.aor)
    assert bob.wait("message", private=True)["text"] == "psst"
    alice.do("over")
    carol.wait("message", text="over")
    assert not carol.events("message", text="psst")
    for one in (alice, bob, carol):
        assert one.end() == 0 and not one.events("dropped")


def test_files_and_signals_pass_sealed(member, tmp_path):
    # covers: GK-014
    alice, bob = member("alice", "--imdn"), member("bob", "--tls")
    together(alice, bob)
    data = os.urandom(700000)
    (tmp_path / "plan of attack.bin").write_bytes(data)
    bob.do("/file %s" % (tmp_path / "plan of attack.bin"))
    got = alice.wait("file")
    assert got["name"] == "plan of attack.bin"
    assert got["sha256"] == hashlib.sha256(data).hexdigest() and got["sealed"] is True
    bob.do("/typing")
    assert alice.wait("typing", active=True)["from"] == bob.aor
    alice.do("read this")
    assert bob.wait("message")["text"] == "read this"
    receipt = alice.wait("receipt")
    assert receipt["line"] == 1 and receipt["delivered"] == 1


def test_who_left_and_who_comes_late_read_nothing_of_the_others_time(member, mrf, room):
    # covers: GK-004, GK-005
    alice, bob = member("alice"), member("bob")
    dave = member("dave")
    first = together(alice, bob, dave)
    alice.do("for dave's ears")
    dave.wait("message", epoch=first)
    status, _ = mrf.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, dave.aor.replace(":", "%3A").replace("@", "%40")))
    assert status in (200, 202, 204)
    assert dave.wait("ended")["by"] == "focus"
    poll(lambda: alice.events("epoch")[-1]["epoch"] > first, what="an epoch without dave")
    second = together(alice, bob)
    alice.do("not for dave")
    assert bob.wait("message", text="not for dave")["epoch"] == second
    assert dave.events("epoch")[-1]["epoch"] == first
    erin = member("erin")
    third = together(alice, bob, erin)
    assert third > second and [e["epoch"] for e in erin.events("epoch")] == [third]
    alice.do("hello erin")
    assert erin.wait("message")["epoch"] == third


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_an_invitation_to_a_sealed_conference(member, mrf, room, setup, chat):
    # covers: KM-004, GK-003
    alice = member("alice")
    carol = member("carol", "--setup", setup, join=False)
    called = "sip:carol@%s" % carol.wait("ready")["sip"]
    # The focus knows whom it calls by that URI: it has a key of its own.
    status, doc = mrf.api("POST", "/v1/keys", {"uri": called})
    assert status == 201
    carol.close()
    path = carol.cmd[carol.cmd.index("--key-file") + 1]
    with open(path, "w") as f:
        f.write("%s %s\n" % (doc["id"], doc["key"]))
    carol = member("carol", "--setup", setup, "--listen", called.partition("@")[2], join=False)
    carol.wait("ready")
    assert mrf.api("POST", "/v1/conferences/%s/participants" % room, {"uri": called})[0] == 202
    carol.wait("joined", sealed=True)
    epoch = together(alice, carol)
    alice.do("welcome")
    assert carol.wait("message")["epoch"] == epoch
    carol.do("thanks")
    assert alice.wait("message", text="thanks")["sealed"] is True


def test_without_a_key_nobody_comes_in(chat, sealed_room):
    # covers: KM-005
    mallory = chat("mallory", "join", sealed_room)
    error = mallory.wait("error")
    assert error["code"] == 488 and "--key-file FILE is needed" in error["text"]
    assert mallory.exit_code() == 1


def test_with_a_wrong_key_nobody_comes_in(member, chat, sealed_room, tmp_path):
    (tmp_path / "mallory.key").write_text("mk:nobody %s\n" % os.urandom(32).hex())
    mallory = member("mallory", wait=False)
    assert mallory.wait("error")["code"] in (403, 488)
    assert mallory.exit_code() == 1


def test_an_open_conference_is_said_to_be_open(chat, mrf, member, room):
    member("alice")
    path = "sip:open-%s@%s" % (room, mrf.domain)
    key = member("bob", wait=False).cmd
    bob = chat("bob", "join", path, text=True, args=key[key.index("--key-file"):key.index("--key-file") + 2])
    bob.wait_line("* this conference is NOT sealed")
    strict = chat("bob", "join", path, args=[*key[key.index("--key-file"):key.index("--key-file") + 2], "--require-e2e"])
    assert strict.wait("error")["text"] == "the conference is not sealed"
    assert strict.exit_code() == 1
