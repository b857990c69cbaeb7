# SPDX-License-Identifier: Apache-2.0
"""mrfue in sealed conferences: private messages to a certificate, which no other member can read; signed words; what it
remembers over a restart; and a clock that is wrong."""

import pytest

from peer import cms, cpim, inner, opensslcmd, ports
from peer.director import BOB, CMS
from peer.loop import wait
from peer.opensslcmd import Person, seal_to
from test_mrfue_rooms_sealed import chat, member, sealed_room, together  # noqa: F401
from test_mrfue_sealed import CAROL, KEY, KEY_ID, call, flip, focus, key_file  # noqa: F401
from test_sealed_join import sealed  # noqa: F401

DAVE = "sip:dave@example.com"
WORDS = 'application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"'


@pytest.fixture
def people(tmp_path_factory):
    """Their certificates and keys, by name."""
    folder = tmp_path_factory.mktemp("people")
    return {name: Person(folder, name) for name in ("alice", "bob", "carol", "quentin")}


def own(person):
    return ["--sign-cert", person.cert, "--sign-key", person.key]


@pytest.fixture
def alice(call, people):  # noqa: F811
    one = call([*own(people["alice"]), "--cert", "%s=%s" % (BOB, people["bob"].cert)])
    one.wait("joined", sealed=True)
    return one


def outer_of(focus, to):  # noqa: F811
    """The newest message of the client that is to this one."""
    def look():
        found = [cpim.Cpim(m.data) for m in focus.session.messages if m.complete and m.content_type.startswith("message/cpim")]
        return next((o for o in reversed(found) if o.uri("To") == to), None)
    return wait(look, what="a message to " + to)


# -- what it says --------------------------------------------------------------------------------


def test_what_is_private_is_sealed_to_the_certificate(alice, focus, people):  # noqa: F811
    # covers: GK-011, SMI-002, CMS-007, CMS-010
    alice.do("/msg %s psst" % BOB)
    sent = alice.wait("sent")
    assert (sent["private"], sent["alone"], sent["epoch"], sent["verified"]) == (True, True, None, True)
    outer = outer_of(focus, BOB)
    assert ("Content-Type", CMS) in outer.mime and ("Content-Transfer-Encoding", "binary") in outer.mime
    text = opensslcmd.cms(outer.content, "-cmsout", "-print", "-inform", "DER").decode()
    assert text.count("d.kari:") == 1 and "d.kekri:" not in text and text.count("subjectKeyIdentifier") == 1
    assert "dhSinglePass-stdDH-sha256kdf-scheme" in text and "id-aes128-wrap" in text and "id-smime-ct-authEnvelopedData" in text
    entity = people["bob"].open(outer.content)
    said = inner.Inner(people["alice"].verify(inner.Inner(entity).signed))
    assert (said.payload, said.sender, said.to) == (b"psst", alice.aor, BOB)
    assert ("imdn.Message-ID", said.message_id) in outer.headers and ("DateTime", said.date) in outer.headers
    # a member with the group's key, and a certificate of his own
    with pytest.raises(cms.Refused):
        cms.unseal(outer.content, {g: cms.derive(t, g) for g, (t, _) in focus.epochs.items()})
    with pytest.raises(opensslcmd.Refused):
        people["carol"].open(outer.content)


def test_what_is_for_all_or_for_an_unknown_has_the_groups_key(alice, focus, people):  # noqa: F811
    # covers: GK-011
    for line, to in (("hello all", focus.conference), ("/msg %s psst" % CAROL, CAROL)):
        alice.do(line)
        sent = alice.wait("sent")
        assert (sent["alone"], sent["epoch"]) == (False, 7)
        assert cms.decode(outer_of(focus, to).content).gkid == focus.gkid(7)


def test_a_certificate_for_signatures_only_is_not_sealed_to(call, focus, tmp_path):  # noqa: F811
    # covers: GK-011
    bob = Person(tmp_path, "bob", "keyUsage=digitalSignature")
    alice = call(["--cert", "%s=%s" % (BOB, bob.cert)])  # noqa: F811
    alice.wait("joined", sealed=True)
    alice.do("/msg %s psst" % BOB)
    assert alice.wait("sent")["alone"] is False
    assert cms.decode(outer_of(focus, BOB).content).gkid == focus.gkid(7)


def test_without_a_key_of_ones_own_it_is_sealed_and_not_signed(call, focus, people):  # noqa: F811
    alice = call(["--cert", "%s=%s" % (BOB, people["bob"].cert)])
    alice.wait("joined", sealed=True)
    alice.do("/msg %s psst" % BOB)
    sent = alice.wait("sent")
    assert sent["alone"] is True and sent["verified"] is False
    assert inner.Inner(people["bob"].open(outer_of(focus, BOB).content)).payload == b"psst"


# -- what it reads -------------------------------------------------------------------------------


class Writer:
    """Who writes to alice, with what openssl seals to her."""

    def __init__(self, focus, alice, people):  # noqa: F811
        self.focus, self.to, self.people, self.n = focus, alice.aor, people, 0

    def body(self, text, sender=BOB, by="bob", to=None, for_=("alice",), **args):
        self.n += 1
        entity = self.focus.entity(text, sender=sender, to=to or self.to, message_id="p%d" % self.n, **args)
        if by:
            entity = inner.signed(self.people[by].sign(entity))
        return seal_to(entity, *(self.people[p].cert for p in for_))

    def send(self, body, sender=BOB, to=None, message_id=None):
        assert self.focus.send(body, sender=sender, to=to or self.to, message_id=message_id or "p%d" % self.n) == 200


@pytest.fixture
def write(alice, focus, people):  # noqa: F811
    return Writer(focus, alice, people)


def test_what_openssl_seals_to_us_is_shown_once_with_who_wrote_it(alice, write):
    # covers: GK-011, SMI-002, CMS-007, GK-009
    body = write.body("for you alone")
    write.send(body)
    got = alice.wait("message")
    assert (got["text"], got["from"], got["private"]) == ("for you alone", BOB, True)
    assert (got["sealed"], got["alone"], got["verified"], got["epoch"]) == (True, True, True, None)
    write.send(body)
    assert alice.wait("dropped")["replay"] is True
    write.send(write.body("the same number", seq=write.focus.number))  # under another Message-ID
    assert alice.wait("dropped")["replay"] is True
    write.focus.say("from the group", to=alice.aor, message_id="g1")
    got = alice.wait("message", text="from the group")
    assert (got["alone"], got["epoch"], got["verified"]) == (False, 7, False)


@pytest.mark.parametrize("how, why", [
    ("changed", "it was changed"), ("to carol", "another certificate than ours"), ("to two", "to others, too"),
    ("another kdf", "not understood here"), ("not signed", "not signed, and anybody can have sealed it"),
    ("signed by another", "its signature is not its sender's"), ("pasted", "by another sender"), ("to all", "says to all"),
    ("old", "five minutes ago"), ("unknown signer", "certificate is not known")])
def test_what_cannot_be_opened_or_believed_is_told(alice, write, people, how, why):
    # covers: GK-011, CMS-003, CMS-007, CMS-010
    sender = to = None
    if how == "changed":
        body = write.body("x")
        body = flip(body, 8 * len(body) - 1)
    elif how in ("to carol", "to two"):
        body = write.body("x", for_=("carol",) if how == "to carol" else ("alice", "bob"))
    elif how == "another kdf":
        body = seal_to(write.focus.entity("x", to=alice.aor), people["alice"].cert, kdf=None)
    elif how == "not signed":
        body = write.body("x", by=None)
    elif how == "signed by another":
        body = write.body("x", by="carol")
    elif how == "pasted":
        body, sender = write.body("x", by="bob"), DAVE
        write.people = {}
    elif how == "to all":
        to = write.focus.conference
        body = write.body("x", to=to)
    elif how == "old":
        body = write.body("x", date="2026-01-01T00:00:00.000Z")
    else:
        body, sender = write.body("x", sender=DAVE, by="carol"), DAVE
    write.send(body, sender=sender or BOB, to=to)
    got = alice.wait("dropped")
    expected = "certificate is not known" if how == "pasted" else why
    assert expected in got["why"] and got["replay"] is False and got["epoch"] == 0
    assert not alice.events("message")
    write.n += 100  # and what is right is shown afterwards
    write.people = people
    write.send(write.body("right"))
    alice.wait("message", text="right")


def test_of_somebody_unknown_it_is_shown_as_not_signed(alice, write):
    # covers: CMS-007
    write.send(write.body("who am I?", sender=DAVE, by=None), sender=DAVE)
    got = alice.wait("message")
    assert (got["alone"], got["verified"], got["from"]) == (True, False, DAVE)


def test_without_the_key_it_is_told(call, focus, people):  # noqa: F811
    # covers: GK-011
    alice = call(["--cert", "%s=%s" % (BOB, people["bob"].cert)])
    alice.wait("joined", sealed=True)
    write = Writer(focus, alice, people)
    write.send(write.body("x"))
    assert "we have none with its key here" in alice.wait("dropped")["why"]


def test_people_read_it_too(call, focus, people):  # noqa: F811
    alice = call([*own(people["alice"]), "--cert", "%s=%s" % (BOB, people["bob"].cert)], text=True)
    alice.wait_line("* this conference is sealed")
    write = Writer(focus, alice, people)
    for line, shown in (("hello", "[e7 signed] <alice> hello"), ("/msg %s psst" % CAROL, "[e7 signed] [private to carol] <alice> psst"),
                        ("/msg %s psst" % BOB, "[for bob alone signed] [private to bob] <alice> psst")):
        alice.do(line)
        assert alice.wait_line("<alice>") == shown
    write.send(write.body("hi"))
    assert alice.wait_line("hi") == "[for you alone signed] [private] <bob> hi"
    write.send(write.body("guess", sender=DAVE, by=None), sender=DAVE)
    assert alice.wait_line("guess") == "[for you alone NOT signed] [private] <dave> guess"
    write.send(write.body("x", by=None))
    assert "* a message from bob cannot be shown: it is not signed" in alice.wait_line("cannot be shown")


def test_others_of_the_conference_cannot_read_the_octets(mrf, room, sealed_room, member, sealed, people):  # noqa: F811
    # covers: GK-011, CMS-008
    bob, carol = (sealed(name).join(room) for name in ("bob", "carol"))
    alice = member("alice", *own(people["alice"]), "--cert", "%s=%s" % (bob.aor, people["bob"].cert))
    for one in (bob, carol):
        one.wait_epoch(alice.wait("epoch")["id"] if one is bob else bob.keys.hex)
    alice.do("/msg %s the code is 4711" % bob.aor)
    alice.wait("sent", alone=True)
    wait(lambda: bob.chats, what="the message at bob")
    body = bob.chats[-1].content
    assert b"4711" in people["bob"].open(body)
    assert carol.keys.hex == bob.keys.hex and not carol.chats
    assert not carol.keys.can_read(body)  # though a copy leaks
    with pytest.raises(opensslcmd.Refused):
        people["carol"].open(body)
    assert carol.session.send(carol.cpim(body, content_type=CMS)).status() == 403  # nor can it be given to all
    answer = inner.signed(people["bob"].sign(inner.build(bob.aor, alice.aor, "thanks", "b1", "00000001", 1)))
    head = bob.cpim(seal_to(answer, people["alice"].cert), to=alice.aor, content_type=CMS)
    assert bob.session.send(head).status() == 200
    got = alice.wait("message")
    assert (got["text"], got["alone"], got["verified"], got["private"]) == ("thanks", True, True, True)


# -- what is signed ------------------------------------------------------------------------------


def test_signed_words_inside_a_seal_are_shown_as_that(alice, focus, people):  # noqa: F811
    # covers: SMI-005, CMS-007
    words = people["bob"].sign(b"Content-Type: text/plain\r\n\r\nmy words")

    def send(payload, message_id):
        body = focus.sealed(payload, message_id=message_id, content_type=WORDS)
        assert focus.send(body, message_id=message_id) == 200
    send(words, "m1")
    got = alice.wait("message")
    assert (got["text"], got["verified"], got["words"], got["from"]) == ("my words", False, True, BOB)
    send(people["carol"].sign(b"Content-Type: text/plain\r\n\r\nbob's words"), "m2")
    assert alice.wait("dropped")["why"] == "its signature is not its sender's"
    changed = bytearray(words)
    changed[changed.index(b"my words")] ^= 1
    send(bytes(changed), "m3")
    assert alice.wait("dropped")["why"] == "its signature is not its sender's"


def test_signed_words_without_their_head_are_refused(alice, focus, people):  # noqa: F811
    # covers: SMI-005, CMS-010
    entity = inner.signed(people["bob"].sign(b"Content-Type: text/plain\r\n\r\nmy words"))
    assert focus.send(cms.seal(focus.keys(7), focus.gkid(7), entity)) == 200
    assert "signed its words alone" in alice.wait("dropped")["why"]


# -- over a restart ------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [True, False])
def test_an_old_key_is_no_news_after_a_restart(call, chat, focus, key_file, tmp_path, kept):  # noqa: F811
    # covers: MIKEY-006, MIKEY-004
    path = tmp_path / "alice.state"
    args = ["--state", str(path)] if kept else []
    alice = call(args)
    alice.wait("joined")
    old = focus.answer_key
    focus.give(8)
    alice.wait("epoch", epoch=8)
    assert alice.end() == 0
    again = chat("alice", "join", focus.conference, proxy=focus.place, args=["--no-subscribe", "--key-file", key_file, *args])
    focus.admit(KEY_ID, KEY, 7, message=old, connect=not kept)
    if kept:
        assert path.stat().st_mode & 0o777 == 0o600 and KEY.hex() not in path.read_text()
        assert "a replay" in again.wait("error")["text"]
    else:
        assert again.wait("joined")["sealed"] is True


@pytest.mark.parametrize("kept", [True, False])
def test_a_message_for_us_alone_is_no_news_after_a_restart(call, focus, people, tmp_path, kept):  # noqa: F811
    # covers: GK-009, MIKEY-006
    args = [*own(people["alice"]), "--cert", "%s=%s" % (BOB, people["bob"].cert)]
    args += ["--state", str(tmp_path / "alice.state")] if kept else []
    alice = call(args)
    alice.wait("joined")
    write = Writer(focus, alice, people)
    body = write.body("once")
    write.send(body)
    alice.wait("message", text="once")
    assert alice.end() == 0
    alice = call(args, epoch=8)
    alice.wait("joined")
    write.send(body)
    if kept:
        assert alice.wait("dropped")["replay"] is True
    else:
        assert alice.wait("message")["text"] == "once"


def test_our_own_requests_rise_over_a_restart(call, focus, tmp_path):  # noqa: F811
    # covers: MIKEY-005
    args, times = ["--state", str(tmp_path / "alice.state")], []
    for offset in ("60", "0", "-60"):  # its clock is set back each time
        alice = call([*args, "--clock-offset", offset])
        alice.wait("joined")
        times.append(int.from_bytes(focus.request_of_offer()[12:20], "big"))
        assert alice.end() == 0
    assert times[0] < times[1] < times[2]


@pytest.mark.parametrize("text, told", [("dear diary\n", "was not written by mrfue"), (None, "cannot keep"), ("other", "another process keeps")])
def test_a_state_that_cannot_be_kept_is_told(call, chat, mrf, key_file, tmp_path, text, told):  # noqa: F811
    path = tmp_path / ("none/state" if text is None else "state")
    if text == "other":
        chat("bob", "wait", proxy="127.0.0.1:5060", args=["--key-file", key_file, "--state", str(path)]).wait("ready")
    elif text:
        path.write_text(text)
    one = chat("alice", "wait", proxy="127.0.0.1:5060", args=["--key-file", key_file, "--state", str(path)])
    assert one.exit_code() == 1 and any(told in line for line in one.errors), one.errors
    if text and text != "other":
        assert path.read_text() == text


# -- a clock that is wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("name, offset", [("alice", 3600), ("alice", -3600), ("quentin", 40)])  # quentin's next request would be a replay for 40 s
def test_who_has_a_wrong_clock_goes_by_the_servers(member, people, name, offset):  # noqa: F811
    # covers: MIKEY-006, MIKEY-003, CMS-010
    bob = member("bob", *own(people["bob"]), "--cert", "sip:%s@example.com=%s" % (name, people[name].cert))
    alice = member(name, "--clock-offset", str(offset), *own(people[name]), "--cert", "sip:bob@example.com=" + people["bob"].cert)
    told = alice.events("clock")
    if abs(offset) > 60:
        assert len(told) == 1 and abs(told[0]["behind"] + offset) <= 2
    else:
        assert not told
    together(alice, bob)
    for one, other in ((alice, bob), (bob, alice)):
        one.do("what time is it?")
        other.wait("message", text="what time is it?")
        one.do("/msg %s and now?" % other.aor)
        assert other.wait("message", text="and now?")["alone"] is True
    carol = member("carol", *(a for p in (name, "bob") for a in ("--cert", "sip:%s@example.com=%s" % (p, people[p].cert))))
    together(alice, bob, carol)
    alice.do("still here")
    carol.wait("message", text="still here")
    assert not any(one.events("dropped") for one in (alice, bob, carol))


def test_who_is_invited_with_a_wrong_clock(member, mrf, room):  # noqa: F811
    # covers: MIKEY-006
    port = ports.take()
    called = "sip:alice@127.0.0.1:%d" % port
    bob, alice = member("bob"), member("alice", "--clock-offset", "-3600", "--listen", "127.0.0.1:%d" % port, uri=called, join=False)
    alice.wait("ready")
    assert mrf.api("POST", "/v1/conferences/%s/participants" % room, {"uri": called})[0] == 202
    assert abs(alice.wait("clock")["behind"] - 3600) <= 2
    assert alice.wait("joined")["sealed"] is True
    alice.do("late for an hour")
    bob.wait("message", text="late for an hour")


def test_without_a_date_a_wrong_clock_is_told(chat, focus, key_file):  # noqa: F811
    # covers: MIKEY-006
    alice = chat("alice", "join", focus.conference, proxy=focus.place,
                 args=["--no-subscribe", "--key-file", key_file, "--clock-offset", "3600"])
    focus.admit(KEY_ID, KEY, 7, connect=False)
    assert "is the clock right?" in alice.wait("error")["text"] and not alice.events("clock")
