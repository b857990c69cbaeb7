# SPDX-License-Identifier: Apache-2.0
"""Sealed pushes that broke off go on: a new sealed body of the rest, its place said inside alone."""

import hashlib
import os
import pathlib

import pytest

from peer import inner
from peer.files import Take, parse_selector
from peer.loop import wait
from peer.msrpmsg import new_id
from test_files_sealed import TYPE, Sealed, SealedPush, opened
from test_mrfue_push_sealed import flip, listing, terminal  # noqa: F401  (fixture)
from test_mrfue_rooms_sealed import chat, member, sealed_room, together  # noqa: F401  (fixtures)

TOTAL, CUT = 300000, 120000


class Part(Sealed):
    """Octets of `whole` from `first` on, sealed anew; what its sender says of it can be another thing."""

    def __init__(self, sender, whole, first=1, name="plan.bin", digest=None, total=None, payload=None, says=None):
        sender.keys.seq += 1
        said = 'attachment; filename="%s"; size=%d; sha-256=%s' % (
            name, len(whole) if total is None else total, digest or hashlib.sha256(whole).hexdigest())
        said += "; first=%d" % first if first > 1 else ""
        entity = inner.build(sender.aor, sender.keys.room, whole[first - 1:] if payload is None else payload, new_id("m"),
                             sender.keys.token, sender.keys.seq, content_type="application/x-data",
                             disposition=said if says is None else says)
        super().__init__(sender, b"", octets=sender.keys.seal_file(entity, record=4096))


def broken(client, sender, whole, cut=CUT, how="stopped", **says):
    """A push of `whole` that breaks off; what the client has of it."""
    folder = pathlib.Path(client.cmd[client.cmd.index("--download") + 1])
    old = listing(folder)
    push = SealedPush(sender, [Part(sender, whole, **says)]).answered()
    push.send(data=push.files[0].data[:cut], last_flag="+")[-1].status()
    wait(lambda: any(n not in old and os.path.getsize(folder / n) for n in listing(folder)), what="its part")
    if how == "stopped":
        session = push.sessions[0]
        session.conn.send(session.chunk(None, cut + 1, len(push.files[0].data), "#", message_id=push.message_id))
    elif how == "lost":
        push.sessions[0].conn.close()
    else:
        push.call.bye().expect(200)
    event = client.wait("aborted", kept=True)
    if how != "hung up":
        push.call.bye()
    return event


def sent(sender, part):
    push = SealedPush(sender, [part]).answered()
    assert {t.status() for t in push.send()} == {200}  # the switch learns nothing of it
    return push


def refused(client, sender, part, why):
    n = len(client.events("dropped"))
    push = sent(sender, part)
    wait(lambda: len(client.events("dropped")) > n, what="why it is not taken")
    push.call.bye().expect(200)
    event = client.events("dropped")[-1]
    assert (event["from"], why in event["why"]) == (sender.aor, True), event


@pytest.mark.parametrize("how", ["stopped", "lost", "hung up"])
def test_a_sealed_push_goes_on_where_it_broke_off(member, terminal, tmp_path, how):  # noqa: F811
    # covers: FT-001, FT-010, GK-014
    alice = member("alice")
    bob = terminal("bob", alice)
    whole = os.urandom(TOTAL)
    cut = broken(alice, bob, whole, how=how)
    assert (cut["name"], cut["kept"], cut["total"], cut["sealed"]) == ("plan.bin", True, TOTAL, True)
    assert 0 < cut["size"] < CUT
    (part,) = listing(tmp_path / "alice")
    path = tmp_path / "alice" / part
    assert part.startswith("plan.bin.") and part.endswith(".sealed.part")
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_bytes() == whole[:cut["size"]]
    sent(bob, Part(bob, whole, first=cut["size"] + 1 - 5000))  # some of it once more
    got = alice.wait("file")
    assert (got["name"], got["size"], got["from"]) == ("plan.bin", TOTAL, bob.aor)
    assert listing(tmp_path / "alice") == ["plan.bin"]
    assert (tmp_path / "alice" / "plan.bin").read_bytes() == whole


def held(alice, path, slow):
    """A push whose sender is held by a member that does not answer."""
    alice.do("/push %s" % path)
    take = Take(slow)
    take.sessions[0].answer = lambda frame: None
    take.accept()
    wait(lambda: take.sessions[0].messages, what="the beginning")
    return take


def test_two_clients_over_a_change_of_keys(member, terminal, tmp_path):  # noqa: F811
    # covers: FT-001, GK-004, GK-014
    bob, carol = member("bob"), member("carol", "--tls")
    alice = member("alice")
    first = together(alice, bob, carol)
    whole = os.urandom(24 << 20)
    path = tmp_path / "plan.bin"
    path.write_bytes(whole)
    slow = terminal("dave", alice)
    first = together_of(alice, bob, carol)
    take = held(alice, path, slow)
    wait(lambda: all(size_of(tmp_path / one.name) for one in (bob, carol)), what="a part of it")
    alice.do("/stop")
    assert alice.wait("failed")["reason"] == "given up"
    cuts = [one.wait("aborted") for one in (bob, carol)]
    assert all(c["kept"] and c["total"] == len(whole) and 0 < c["size"] < len(whole) for c in cuts)
    take.sessions[0].answer = None
    slow.leave()
    wait(lambda: together_of(alice, bob, carol) > first, what="another epoch")
    alice.do("/push %s %d" % (path, min(c["size"] for c in cuts) + 1))
    assert alice.wait("sent", timeout=60)["size"] == len(whole)
    for one in (bob, carol):
        got = one.wait("file", by="push", timeout=60)
        assert (got["size"], got["epoch"] > first) == (len(whole), True)
        assert (tmp_path / one.name / "plan.bin").read_bytes() == whole
        assert listing(tmp_path / one.name) == ["plan.bin"]


def size_of(folder):
    return sum(os.path.getsize(folder / n) for n in listing(folder))


def together_of(*clients):
    """The newest epoch that all these have."""
    return min(c.events("epoch")[-1]["epoch"] for c in clients)


def test_the_sender_may_have_come_anew(member, terminal, tmp_path):  # noqa: F811
    # covers: FT-001, GK-014
    bob, alice = member("bob"), member("alice")
    together(alice, bob)
    whole = os.urandom(40 << 20)
    path = tmp_path / "plan.bin"
    path.write_bytes(whole)
    slow = terminal("dave", alice)
    take = held(alice, path, slow)
    wait(lambda: size_of(tmp_path / "bob"), what="a part of it")
    alice.proc.kill()
    alice.proc.wait()
    take.sessions[0].answer = None
    cut = bob.wait("aborted", timeout=60)
    assert cut["kept"] and 0 < cut["size"] < len(whole)
    again = member("alice")
    wait(lambda: again.events("epoch")[-1]["id"] == bob.events("epoch")[-1]["id"], what="one epoch")
    again.do("/push %s %d" % (path, cut["size"] + 1))
    assert bob.wait("file", timeout=60)["size"] == len(whole)
    assert hashlib.sha256((tmp_path / "bob" / "plan.bin").read_bytes()).digest() == hashlib.sha256(whole).digest()


def test_what_a_resumed_push_says(member, terminal, tmp_path):  # noqa: F811
    # covers: FT-001, GK-014
    alice = member("alice")
    bob = terminal("bob", alice)
    whole = os.urandom(50000)
    path = tmp_path / "secret plan.txt"
    path.write_bytes(whole)
    heads = []
    for octet in (1, 20001, 20001, 50000):
        alice.do("/push %s %d" % (path, octet))
        take = Take(bob).accept()
        octets = take.wait()
        assert parse_selector(take.offer.msg.get("file-selector")) == {"type": TYPE, "size": str(len(octets))}
        assert take.offer.msg.get("file-range") is None and "secret" not in take.call.offer
        one = opened(bob, octets)
        assert one.payload == whole[octet - 1:]
        assert "size=50000; sha-256=" + hashlib.sha256(whole).hexdigest() in one.disposition
        assert ("first=%d" % octet in one.disposition) == (octet > 1)
        heads.append(octets[:16])
        alice.wait("sent")
    assert len(set(heads)) == len(heads)  # salts
    alice.do("/push %s 50001" % path)
    assert alice.wait("failed")["reason"] == "there is nothing to send"


def test_a_file_that_changed_leaves_nothing(member, terminal, tmp_path):  # noqa: F811
    # covers: FT-007, GK-014
    alice = member("alice")
    bob = terminal("bob", alice)
    whole, other = os.urandom(TOTAL), os.urandom(TOTAL)
    cut = broken(alice, bob, whole)
    refused(alice, bob, Part(bob, other, first=cut["size"] + 1), "the rest of another file")
    assert listing(tmp_path / "alice") == []
    cut = broken(alice, bob, whole)
    refused(alice, bob, Part(bob, whole + b"x", first=cut["size"] + 1, digest=hashlib.sha256(whole).hexdigest()),
            "the rest of another file")
    assert listing(tmp_path / "alice") == []
    for rest in (lambda at: other[at:], lambda at: whole[at:-1], lambda at: whole[at:] + b"x"):
        cut, n = broken(alice, bob, whole), len(alice.events("aborted"))
        push = sent(bob, Part(bob, whole, first=cut["size"] + 1, payload=rest(cut["size"])))
        wait(lambda k=n: len(alice.events("aborted")) > k, what="its end")
        push.call.bye().expect(200)
        assert alice.events("aborted")[-1]["why"] == "damaged" and alice.events("aborted")[-1]["kept"] is False
        assert listing(tmp_path / "alice") == []
    sent(bob, Part(bob, whole, digest=hashlib.sha256(other).hexdigest()))
    wait(lambda: alice.events("aborted")[-1].get("reason") == "the whole is not the file that its sender said it is",
         what="a whole one of another digest")
    assert listing(tmp_path / "alice") == [] and not alice.events("file")


def test_only_its_sender_goes_on_with_it(member, terminal, tmp_path):  # noqa: F811
    # covers: FT-008, GK-014
    alice = member("alice")
    bob, mallory = terminal("bob", alice), terminal("mallory", alice)
    wait(lambda: bob.keys.hex == mallory.keys.hex, what="one epoch")
    whole = os.urandom(TOTAL)
    cut = broken(alice, bob, whole)
    refused(alice, mallory, Part(mallory, whole, first=cut["size"] + 1), "nothing of its sender's is here")
    broken(alice, mallory, whole)  # the same name and digest: a part of its own
    assert len(listing(tmp_path / "alice")) == 2
    forged = Part(mallory, whole, first=cut["size"] + 1)
    entity = inner.build(bob.aor, bob.keys.room, whole[cut["size"]:], new_id("m"), mallory.keys.token, 99,
                         disposition='attachment; filename="plan.bin"; size=%d; sha-256=%s; first=%d' % (
                             TOTAL, hashlib.sha256(whole).hexdigest(), cut["size"] + 1))
    forged.data = mallory.keys.seal_file(entity)
    forged.attributes["file-selector"] = "type:%s size:%d" % (TYPE, len(forged.data))
    refused(alice, mallory, forged, "another sender than it says")
    sent(bob, Part(bob, whole, first=cut["size"] + 1))
    assert alice.wait("file")["from"] == bob.aor
    assert (tmp_path / "alice" / "plan.bin").read_bytes() == whole


def test_a_range_that_does_not_fit_is_refused(member, terminal, tmp_path):  # noqa: F811
    # covers: FT-001, GK-014
    alice = member("alice")
    bob = terminal("bob", alice)
    whole = os.urandom(TOTAL)
    refused(alice, bob, Part(bob, whole, first=100), "nothing of its sender's is here")
    cut = broken(alice, bob, whole)
    kept = listing(tmp_path / "alice")
    refused(alice, bob, Part(bob, whole, first=cut["size"] + 2),
            "at octet %d, and the first %d of %d are here" % (cut["size"] + 2, cut["size"], TOTAL))
    digest = hashlib.sha256(whole).hexdigest()
    for says in ("size=%d; sha-256=%s; first=%d" % (TOTAL, digest, TOTAL + 1), "size=%d; first=%d" % (TOTAL, cut["size"] + 1),
                 "size=%d; sha-256=%s; first=0" % (TOTAL, digest), "sha-256=%s; first=2" % digest,
                 "size=%d; sha-256=%s; first=2" % (TOTAL, digest[1:]), "size=%d; sha-256=%s; first=-1" % (TOTAL, digest)):
        refused(alice, bob, Part(bob, whole, first=cut["size"] + 1, says='attachment; filename="plan.bin"; ' + says),
                "makes no sense")
    assert listing(tmp_path / "alice") == kept  # the genuine part is none the worse
    damaged = Part(bob, whole, first=cut["size"] + 1)
    damaged.data = flip(damaged.data, len(damaged.data) // 2)
    sent(bob, damaged)
    wait(lambda: alice.events("aborted")[-1]["why"] == "damaged", what="its end")
    assert listing(tmp_path / "alice") == []


def test_parts_go_with_their_keeper_and_when_begun_anew(member, terminal, tmp_path):  # noqa: F811
    # covers: GK-014
    alice = member("alice")
    bob = terminal("bob", alice)
    whole = os.urandom(TOTAL)
    broken(alice, bob, whole)
    broken(alice, bob, whole)
    assert len(listing(tmp_path / "alice")) == 1
    for n in range(8):
        broken(alice, bob, whole, name="other%d.bin" % n)
    assert sorted(n.split(".")[0] for n in listing(tmp_path / "alice")) == ["other%d" % n for n in range(8)]
    assert alice.end() == 0
    assert listing(tmp_path / "alice") == []


def test_people_are_told_how_it_goes_on(chat, member, terminal, sealed_room, tmp_path):  # noqa: F811
    # covers: FT-010, GK-014
    carol = member("carol")
    key = carol.cmd[carol.cmd.index("--key-file") + 1]
    carol.end()
    carol = chat("carol", "join", sealed_room, args=["--key-file", key, "--download", str(tmp_path / "carol")], text=True)
    carol.wait_line("joined")
    alice = member("alice")
    bob = terminal("bob", alice)
    whole = os.urandom(TOTAL)
    size = broken(alice, bob, whole)["size"]
    line = carol.wait_line("plan.bin from ")
    words = line.split(" bytes came; /push PATH ")
    assert words[0].split()[-3] == str(int(words[1].split()[0]) - 1) and words[0].endswith(" of %d" % TOTAL), (line, size)
