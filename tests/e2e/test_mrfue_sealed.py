# SPDX-License-Identifier: Apache-2.0
"""mrfue in sealed conferences: what it seals, opens and refuses, told by a peer that plays the focus."""

import hashlib
import os
import re
import subprocess
import types

import pytest

from peer import cms, ece, inner, mikey
from peer.director import BOB, Director
from peer.mrfue import Mrfue
from peer.servers import poll

KEY_ID, KEY = "mk:alice:1", bytes(range(0x80, 0xa0))
CAROL = "sip:carol@example.com"


@pytest.fixture
def chat(tmp_path):
    made = []

    def make(name, *command, proxy, **kwargs):
        made.append(Mrfue(None, name, *command, proxy=proxy, **kwargs))
        return made[-1]
    yield make
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "alice.key"
    path.write_text("%s %s\n" % (KEY_ID, KEY.hex()))
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def focus(mrf, ue):
    one = Director("focus", mrf)
    ue.made.append(one)
    yield one
    if one.call and not one.call.ended:
        one.call.bye()
        one.call = None


@pytest.fixture
def call(chat, focus, key_file, tmp_path):
    """call(...): alice's client that calls the focus, which has admitted it."""
    def make(args=(), text=False, epoch=7, **admit):
        alice = chat("alice", "join", focus.conference, proxy=focus.place, text=text,
                     args=["--no-subscribe", "--key-file", key_file, "--download", str(tmp_path / "got"), *args])
        focus.admit(KEY_ID, KEY, epoch, **admit)
        return alice
    return make


@pytest.fixture
def alice(call):
    one = call()
    one.wait("joined", sealed=True)
    return one


def dropped(alice, **fields):
    """The next message that is not shown; none was."""
    got = alice.wait("dropped", **fields)
    assert not alice.events("message") and not alice.events("file")
    return got["why"]


def flip(octets, bit):
    out = bytearray(octets)
    out[bit // 8] ^= 1 << (bit % 8)
    return bytes(out)


# -- in and out ----------------------------------------------------------------------------------


def test_the_offer_asks_for_a_key_and_lists_what_it_takes(alice, focus):
    # covers: SMI-004, KM-001
    line = focus.offered().msg
    assert "application/mikey" in line.accept_types
    assert "application/pkcs7-mime" in line.accept_wrapped_types
    m = mikey.parse(focus.request_of_offer())
    assert mikey.open_(m, KEY) is None  # a genuine request
    assert m.suite == mikey.B and not m.v
    assert m.idri == b"sip:alice@example.com" and m.idrpsk == KEY_ID.encode()
    assert m.idrapp == m.idrr == focus.conference.encode() and m.sdp_ids == b"mikey"


def test_the_key_of_the_answer_is_confirmed_by_the_first_send(alice, focus):
    # covers: MIKEY-012
    focus.wait_mikey(lambda m: focus.confirms(m, focus.answer_key))
    first = next(f for f in focus.session.requests if f.method == "SEND" and f.body)
    assert focus.confirms(first.body, focus.answer_key)
    assert alice.wait("epoch")["id"] == focus.gkid(7).hex()


@pytest.mark.parametrize("cipher", ["aes128", "aes256"])
def test_what_is_said_is_sealed(call, focus, cipher):
    # covers: SMI-002, SMI-003, CMS-001, CMS-006, CMS-010
    alice = call(["--cipher", cipher])
    alice.wait("joined")
    alice.do("hello group")
    outer, one = focus.wait_heard()
    assert (outer.uri("From"), outer.uri("To")) == (one.sender, one.to) == (alice.aor, focus.conference)
    assert ("Content-Type", 'application/pkcs7-mime; smime-type=auth-enveloped-data; name="smime.p7m"') in outer.mime
    assert ("Content-Transfer-Encoding", "binary") in outer.mime
    assert one.payload == b"hello group" and one.content_type == "text/plain;charset=UTF-8"
    assert ("imdn.Message-ID", one.message_id) in outer.headers
    alice.do("/msg %s psst" % BOB)
    outer, two = focus.wait_heard(lambda o, i: i.payload == b"psst")
    assert outer.uri("To") == two.to == BOB
    assert two.token == one.token and two.seq > one.seq
    bodies = [cms.decode(o.content) for o, _ in focus.heard()]
    assert {b.bits for b in bodies} == {int(cipher[3:])}
    assert len({b.nonce for b in bodies}) == len({b.wrapped for b in bodies}) == 2
    for f in focus.session.requests:
        if f.method == "SEND" and f.body and "message/cpim" in f.get("Content-Type"):
            assert re.fullmatch(r"1-\d+/\d+", f.get("Byte-Range"))
            assert b"hello group" not in f.body and b"psst" not in f.body


def test_sealed_messages_are_shown_with_their_epoch(alice, focus):
    # covers: GK-011
    assert focus.say("good morning") == 200
    got = alice.wait("message", text="good morning")
    assert (got["from"], got["sealed"], got["epoch"], got["verified"]) == (BOB, True, 7, False)
    assert got["private"] is False and got["type"].startswith("text/plain")
    assert focus.say("psst", to=alice.aor, message_id="m2", bits=256) == 200
    assert alice.wait("message", text="psst")["private"] is True
    assert focus.send(focus.sealed("old spelling", message_id="m3"), message_id="m3",
                      kind='application/pkcs7-mime; smime-type=authEnveloped-data') == 200
    alice.wait("message", text="old spelling")


def test_people_read_the_epoch_too(call, focus):
    alice = call(text=True)
    alice.wait_line("* this conference is sealed")
    focus.say("hello")
    assert alice.wait_line("hello") == "[e7] <bob> hello"
    body = focus.sealed("again", message_id="m2")
    for _ in range(2):
        focus.send(body, message_id="m2")
    alice.wait_line("[e7] <bob> again")
    alice.wait_line("* a message from bob was shown before: dropped")
    focus.send(flip(body, 8 * len(body) - 1), message_id="m2")
    assert "changed" in alice.wait_line("cannot be shown")


def test_typing_and_notifications_are_sealed(call, focus):
    alice = call(["--imdn"])
    alice.wait("joined")
    alice.do("/typing")
    _, one = focus.wait_heard()
    assert one.content_type == "application/im-iscomposing+xml"
    alice.do("read me")
    outer, said = focus.wait_heard(lambda o, i: i.payload == b"read me")
    assert ("imdn.Disposition-Notification", "positive-delivery, negative-delivery, display") in outer.headers
    focus.say("you too", extra=["imdn.Disposition-Notification: positive-delivery"])
    _, note = focus.wait_heard(lambda o, i: i.content_type == "message/imdn+xml")
    assert note.to == BOB and b"<message-id>m1</message-id>" in note.payload
    assert note.disposition == "notification"
    receipt = note.payload.replace(b"m1", said.message_id.encode())
    body = cms.seal(focus.keys(7), focus.gkid(7), focus.entity(
        receipt, to=alice.aor, message_id="n1", content_type="message/imdn+xml", disposition="notification"))
    focus.send(body, to=alice.aor, message_id="n1")
    assert alice.wait("receipt", line=2)["delivered"] == 1
    composing = one.payload
    body = cms.seal(focus.keys(7), focus.gkid(7), focus.entity(
        composing, message_id="c1", content_type="application/im-iscomposing+xml"))
    focus.send(body, message_id="c1")
    assert alice.wait("typing")["from"] == BOB


# -- keys ----------------------------------------------------------------------------------------


def test_a_later_key_is_confirmed_and_used(alice, focus):
    # covers: GK-007, MIKEY-012
    focus.give(8)
    alice.wait("epoch", epoch=8)
    alice.do("under eight")
    _, one = focus.wait_heard()
    sealed = cms.decode(focus.heard()[-1][0].content)
    assert one.payload == b"under eight" and sealed.gkid == focus.gkid(8)
    focus.say("late, under seven", epoch=7)
    assert alice.wait("message")["epoch"] == 7
    message = focus.answer_key  # an older one again: dropped, and not confirmed
    n = len(focus.mikeys())
    focus.session.send(message, content_type="application/mikey").status()
    focus.give(9)
    assert len(focus.mikeys()) == n + 1


def test_the_same_key_message_is_confirmed_again(alice, focus):
    # covers: GK-008
    message = focus.give(8)
    alice.wait("epoch", epoch=8)
    assert focus.session.send(message, content_type="application/mikey").status() == 200
    focus.wait_mikey(lambda m: sum(focus.confirms(x, message) for x in focus.mikeys()) == 2)
    assert len(alice.events("epoch")) == 2


@pytest.mark.parametrize("wrong", [
    dict(to=CAROL), dict(room="sip:other@conf.example.com"), dict(ks="sip:mallory@example.com"),
    dict(key=bytes(32)), dict(key_id="mk:alice:2"), dict(at=0), dict(at=2e9)],
    ids=["another member", "another room", "another key server", "wrong MAC", "another key", "old", "in the future"])
def test_key_messages_that_are_not_for_us_are_dropped(alice, focus, wrong):
    # covers: MIKEY-003, MIKEY-004, MIKEY-013
    bad = focus.member_key(8, **wrong)
    for _ in range(3):  # it is told of once
        assert focus.session.send(bad, content_type="application/mikey").status() == 200
    focus.last_t = 0
    focus.give(9)  # and the genuine one is taken
    alice.wait("epoch", epoch=9)
    assert [e["epoch"] for e in alice.events("epoch")] == [7, 9]
    assert [e["text"].split(":")[0] for e in alice.events("trouble")] == ["a key message was dropped"]
    assert not any(focus.confirms(m, bad) for m in focus.mikeys())


def test_our_own_request_that_comes_back_is_dropped(alice, focus):
    focus.session.send(focus.request_of_offer(), content_type="application/mikey").status()
    focus.give(8)
    alice.wait("epoch", epoch=8)
    assert [e["epoch"] for e in alice.events("epoch")] == [7, 8]


def test_a_message_waits_for_its_key(alice, focus):
    # covers: CMS-005
    assert focus.say("from tomorrow", epoch=8) == 200
    request = mikey.parse(focus.wait_mikey(lambda m: m[1] == 0))  # it is asked for
    assert request.idri == alice.aor.encode() and mikey.open_(request, KEY) is None
    assert not alice.events("message")
    focus.give(8)
    assert alice.wait("message")["text"] == "from tomorrow"


@pytest.mark.patience
def test_a_key_that_does_not_come_is_given_up_after_ten_seconds(alice, focus):
    # covers: CMS-005
    focus.say("nobody knows", epoch=9)
    assert "did not come" in dropped(alice, epoch=9)


def test_no_more_than_64_messages_wait(alice, focus):
    # covers: CMS-005
    for i in range(65):
        focus.say("one of many", epoch=9, message_id="q%d" % i)
    assert "too much waits" in dropped(alice, epoch=9)
    focus.give(9)
    for i in range(64):
        alice.wait("message", text="one of many")


def test_what_was_before_us_is_passed_over(alice, focus):
    # covers: GK-004
    focus.say("before your time", epoch=6)
    focus.say("now")
    assert alice.wait("message")["text"] == "now"
    assert not alice.events("dropped")


# -- what is not shown ---------------------------------------------------------------------------


def test_replays_are_dropped(alice, focus):
    # covers: GK-009
    body = focus.sealed("once")
    focus.send(body)
    alice.wait("message", text="once")
    focus.send(body)
    got = alice.wait("dropped")
    assert got["replay"] is True and got["why"] == "shown before"
    assert len(alice.events("message")) == 1


def test_pasted_and_forged_heads_are_refused(alice, focus):
    # covers: CMS-010, CMS-007
    body = focus.sealed("not yours")
    focus.send(body, sender=CAROL)
    assert "another sender" in dropped(alice)
    focus.send(body, to=alice.aor)
    assert "another recipient" in dropped(alice)
    focus.send(body, message_id="m2")
    assert "Message-ID" in dropped(alice)
    other = "sip:other@conf.example.com"
    focus.send(focus.sealed("elsewhere", to=other), to=other)
    assert "another conference" in dropped(alice)
    focus.send(focus.sealed("yesterday", date="2026-01-01T00:00:00Z"))
    assert "five minutes" in dropped(alice)
    focus.send(body)
    assert alice.wait("message")["text"] == "not yours"


def test_changed_bodies_release_nothing(alice, focus):
    # covers: CMS-003
    body = focus.sealed("secret words")
    bits = [8 * i + i % 8 for i in range(0, len(body), 17)]
    for bit in bits:
        assert focus.send(flip(body, bit)) == 200  # the sender is told nothing
    focus.send(body)
    alice.wait("message", text="secret words")
    assert len(alice.events("message")) == 1
    assert not any("secret" in line for line in alice.errors)


def test_other_shapes_are_refused(alice, focus):
    # covers: CMS-004
    body = focus.sealed("x")
    s = cms.decode(body)
    for bad in (cms.encode(s._replace(nonce=bytes(8))), cms.encode(s._replace(tag=s.tag[:12])), b"", b"\x30\x80",
                body + b"\0", body[:-1], b"\x30\x84\xff\xff\xff\xff" + body, b"0" * 100):
        focus.send(bad)
        dropped(alice)
    focus.send(body)
    alice.wait("message", text="x")


def test_open_messages_in_a_sealed_conference_are_not_shown(alice, focus):
    focus.send(b"open words", kind="text/plain")
    assert "not sealed" in dropped(alice)


def test_a_number_at_its_end_stops_that_device_alone(alice, focus):
    focus.say("the last number", seq=(1 << 64) - 1, token="00000001")
    alice.wait("message", text="the last number")
    focus.say("after it", seq=1, token="00000001", message_id="m2")
    assert alice.wait("dropped")["replay"] is True
    focus.say("another device", seq=1, token="00000002", message_id="m3")
    alice.wait("message", text="another device")


def test_html_inside_is_not_run_and_zip_not_opened(alice, focus):
    focus.say('<img src="http://127.0.0.1/', content_type="text/html")
    assert alice.wait("message")["type"] == "text/html"
    focus.say(b"\x1f\x8b" + bytes(100), content_type="application/gzip", message_id="m2",
              disposition='attachment; filename="a.gz"')
    assert alice.wait("file")["size"] == 102


# -- signatures ----------------------------------------------------------------------------------


def signer(folder, name):
    """(key, certificate) of a person."""
    key, cert = str(folder / (name + ".key.pem")), str(folder / (name + ".pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=" + name, "-addext", "subjectKeyIdentifier=hash",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


def signed(entity, key, cert):
    der = subprocess.run(["openssl", "cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-keyid", "-nocerts",
                          "-md", "sha256", "-signer", cert, "-inkey", key],
                         input=entity, check=True, capture_output=True).stdout
    return inner.signed(der)


def test_signatures_tell_members_apart(call, focus, tmp_path):
    # covers: CMS-007, SMI-002
    key, cert = signer(tmp_path, "bob")
    carol_key, carol_cert = signer(tmp_path, "carol")
    alice = call(["--cert", "%s=%s" % (BOB, cert)])
    alice.wait("joined", sealed=True)

    def send(entity, message_id):
        focus.send(cms.seal(focus.keys(7), focus.gkid(7), entity), message_id=message_id)
    send(signed(focus.entity("it is me"), key, cert), "m1")
    got = alice.wait("message")
    assert (got["text"], got["from"], got["verified"]) == ("it is me", BOB, True)
    send(focus.entity("anybody of the group", message_id="m2"), "m2")
    assert alice.wait("message")["verified"] is False
    send(signed(focus.entity("carol says she is bob", message_id="m3"), carol_key, carol_cert), "m3")
    assert alice.wait("dropped")["why"] == "its signature is not its sender's"
    dave = "sip:dave@example.com"
    body = signed(focus.entity("who is dave", sender=dave, message_id="m4"), key, cert)
    focus.send(cms.seal(focus.keys(7), focus.gkid(7), body), sender=dave, message_id="m4")
    assert "certificate is not known" in alice.wait("dropped")["why"]


def test_what_is_said_is_signed(call, focus, tmp_path):
    # covers: CMS-007, SMI-002
    key, cert = signer(tmp_path, "alice")
    alice = call(["--sign-cert", cert, "--sign-key", key])
    alice.wait("joined", sealed=True)
    alice.do("signed words")
    _, one = focus.wait_heard()
    assert one.signed
    done = subprocess.run(["openssl", "cms", "-verify", "-inform", "DER", "-noverify", "-certfile", cert, "-binary"],
                          input=one.signed, capture_output=True, check=True)
    said = inner.Inner(done.stdout)
    assert (said.payload, said.sender) == (b"signed words", alice.aor)


# -- files ---------------------------------------------------------------------------------------


def test_a_file_goes_as_records(alice, focus, tmp_path):
    # covers: GK-014
    data = os.urandom(300000)
    (tmp_path / "secret name.bin").write_bytes(data)
    alice.do("/file %s" % (tmp_path / "secret name.bin"))
    alice.wait("sent")
    outer, one = focus.wait_heard()
    assert outer.content_type == "application/octet-stream"
    assert one.payload == data and "secret name.bin" in one.disposition
    assert b"secret name" not in outer.raw
    assert ece.read_head(outer.content)[1] == 16384


@pytest.mark.parametrize("size", [0, 1000, 65536, 700000])
def test_a_file_is_opened(alice, focus, size):
    # covers: GK-014
    data = os.urandom(size)
    body = focus.records(data, content_type="image/png", disposition='attachment; filename="a picture.png"')
    assert set(focus.send_file(body, size=30000)) == {200}
    got = alice.wait("file")
    assert (got["name"], got["type"], got["size"], got["sealed"]) == ("a picture.png", "image/png", size, True)
    assert got["sha256"] == hashlib.sha256(data).hexdigest()
    with open(got["path"], "rb") as f:
        assert f.read() == data


def test_files_that_are_pushed_unsealed_are_refused(alice, ue):
    host, _, port = alice.events("ready")[0]["sip"].rpartition(":")
    pusher = ue("pusher", types.SimpleNamespace(sip=(host, int(port)), sips=None, domain="example.com"))
    offer = pusher.offer(accept_types="image/png", direction="sendonly", chatroom=None, wrapped=None, extra=[
        'a=file-selector:name:"f.png" type:image/png size:10', "a=file-transfer-id:abcdefgh",
        "a=file-disposition:attachment"])
    pusher.invite(alice.aor, offer).expect(603)
    pusher.call = None


def test_what_is_too_long_when_sealed_is_not_sent(call, focus):
    # covers: CMS-011
    alice = call(max_size=1000)
    alice.wait("joined")
    alice.do("x" * 500)  # with its head below the limit, but not sealed
    assert alice.wait("failed")["reason"].startswith("longer than the conference takes (1000")
    alice.do("short")
    focus.wait_heard(lambda o, i: i.payload == b"short")


def test_a_long_text_is_opened(alice, focus):
    text = "long " * 20000
    focus.send_file(focus.records(text))
    assert alice.wait("message")["text"] == text


@pytest.mark.parametrize("name,safe", [("../../x", "x"), ("a\\b", "b"), (".hidden", "hidden")])
def test_names_of_files_stay_in_their_folder(alice, focus, tmp_path, name, safe):
    # covers: GK-014
    focus.send_file(focus.records(b"data", disposition='attachment; filename="%s"' % name.replace("\\", "\\\\")))
    assert os.path.dirname(alice.wait("file")["path"]) == str(tmp_path / "got")
    assert os.listdir(tmp_path / "got") == [safe]


def test_damaged_files_are_thrown_away(alice, focus, tmp_path):
    # covers: GK-014, CMS-003
    data = os.urandom(100000)
    body = focus.records(data, disposition='attachment; filename="f"', record=4096)
    head, records = body[:33], [body[i:i + 4096] for i in range(33, len(body), 4096)]
    wrong = [head + b"".join(records[:-1]), head + b"".join(records[:3]), head, body[:20],
             head + b"".join([records[1], records[0], *records[2:]]),
             head + b"".join([records[0], records[0], *records[2:]]),
             body + records[-1], body + b"more", flip(body, 50000 * 8),
             body[:16] + (17).to_bytes(4, "big") + body[20:], body[:16] + b"\0\0\0\0" + body[20:],
             body[:16] + b"\xff\xff\xff\xff" + body[20:]]
    for bad in wrong:
        focus.send_file(bad, size=30000)
        dropped(alice)
    assert not os.path.exists(tmp_path / "got") or os.listdir(tmp_path / "got") == []
    focus.send_file(body, size=30000)
    assert alice.wait("file")["size"] == len(data)
    focus.send_file(body, size=30000)
    assert alice.wait("dropped")["replay"] is True


def halves(focus, epoch, message_id):
    """A file in two sends: functions that send the first half, and the second."""
    octets = focus.around(focus.records(os.urandom(200000), epoch, token="0000f11e",
                                        content_type="image/png"), kind="application/octet-stream",
                          encoding="aes128gcm")

    def send(at, end, flag):
        return focus.conn.send(focus.session.chunk(octets[at:end], at + 1, len(octets), flag,
                                                   message_id=message_id)).status()
    return lambda: send(0, 50000, "+"), lambda: send(50000, len(octets), "$")


@pytest.mark.patience
def test_a_file_outlives_its_epoch(alice, focus):
    # covers: GK-007, GK-014
    first, second = halves(focus, 7, "begun-under-seven")
    assert first() == 200
    focus.give(8)
    said = []

    def is_over():
        if len(said) == len(alice.events("message")):
            said.append("late%d" % len(said))
            focus.say("late", epoch=7, message_id=said[-1])
        return alice.events("dropped", epoch=7)
    poll(is_over, 15, "the end of epoch 7")
    assert alice.events("dropped")[0]["why"] == "its epoch is over, and its key is gone"
    assert second() == 200
    assert alice.wait("file")["size"] == 200000


def test_a_file_does_not_outlive_what_was_seen_in_its_epoch(alice, focus):
    # covers: GK-007, GK-014
    first, second = halves(focus, 7, "the-file")
    assert first() == 200
    for epoch in range(8, 8 + 64):  # seven's key is pushed out
        message = focus.member_key(epoch, v=False)
        focus.session.send(message, content_type="application/mikey")
    focus.give(100)
    assert second() == 200
    assert alice.wait("dropped")["why"] == "its epoch is long over"


# -- in, or not ----------------------------------------------------------------------------------


def test_a_conference_that_is_not_sealed_is_said_to_be(call, focus):
    alice = call(text=True, epoch=None)
    alice.wait_line("* this conference is NOT sealed: its servers can read what is said")
    focus.send(b"open words", kind="text/plain")
    assert alice.wait_line("open words") == "<bob> open words"


def test_who_insists_hangs_up_where_nothing_is_sealed(chat, focus, key_file):
    alice = chat("alice", "join", focus.conference, proxy=focus.place,
                 args=["--no-subscribe", "--key-file", key_file, "--require-e2e"])
    focus.admit(KEY_ID, KEY, None, connect=False)
    assert alice.wait("error")["text"] == "the conference is not sealed"
    focus.call.wait_bye()
    assert alice.exit_code() == 1


def test_an_answer_with_a_wrong_key_ends_the_call(chat, focus, key_file):
    # covers: KM-004
    alice = chat("alice", "join", focus.conference, proxy=focus.place, args=["--no-subscribe", "--key-file", key_file])
    focus.admit(KEY_ID, bytes(32), 7, connect=False)
    assert "not authentic" in alice.wait("error")["text"]
    focus.call.wait_bye()
    assert alice.exit_code() == 1


@pytest.mark.parametrize("text,says", [("", "64 hex"), ("mk:alice:1 00", "64 hex"), (None, "cannot read")])
def test_a_key_file_that_is_none(chat, focus, tmp_path, text, says):
    path = tmp_path / "bad.key"
    if text is not None:
        path.write_text(text)
    alice = chat("alice", "join", focus.conference, proxy=focus.place, args=["--key-file", str(path)])
    assert alice.exit_code() == 1
    assert says in alice.errors[0]


def test_insisting_needs_a_key(chat, focus):
    alice = chat("alice", "join", focus.conference, proxy=focus.place, args=["--require-e2e"])
    assert alice.exit_code() == 2
