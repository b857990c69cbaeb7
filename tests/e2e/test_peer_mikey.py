# SPDX-License-Identifier: Apache-2.0
"""The terminals' own MIKEY against the vectors, and a member of a sealed conference against what an attacker sends: only
so do they tell anything about the product."""
import json
import os
import time

import pytest
from peer import gke, mikey
from peer.cms import Refused

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
KS, ALICE, ROOM = "sip:ks@conf.example.com", "sip:alice@example.com", "sip:room1@conf.example.com"
MEMBER_KEYS = {"V2_mikey_unicast_suiteA": mikey.A, "V3_mikey_unicast_suiteB": mikey.B}


@pytest.fixture(scope="module")
def vectors():
    with open(os.path.join(ROOT, "tests/data/gke-vectors.json"), encoding="utf-8") as f:
        return json.load(f)


def octets(vector, *names):
    return [bytes.fromhex(vector[n]) for n in names]


def said(vector, sender, receiver):
    return {"t": int(vector["ts"], 16), "rand": bytes.fromhex(vector["rand"]), "idri": sender, "idrr": receiver,
            "idrpsk": bytes.fromhex(vector["psk_id"]), "idrapp": ROOM}


@pytest.mark.parametrize("name", MEMBER_KEYS)
def test_member_keys_of_the_vectors_hold_both_ways(vectors, name):
    vector, suite = vectors[name], MEMBER_KEYS[name]
    psk, rand, tek, gkid, message = octets(vector, "psk", "rand", "tek", "spi", "message")
    csb = mikey.csb_of(gkid)
    assert mikey.keys_of(suite, psk, csb, rand) == tuple(octets(vector, "encr_key", "salt_key", "auth_key"))
    assert mikey.build(suite, psk, csb=csb, v=True, tek=tek, gkid=gkid, **said(vector, KS, ALICE)) == message
    m = mikey.parse(message)
    assert (m.v, m.suite, m.idri, m.idrr, m.idrapp) == (True, suite, KS.encode(), ALICE.encode(), ROOM.encode())
    assert mikey.open_(m, psk) == mikey.Key(tek, gkid)
    assert mikey.verification(m, psk).hex() == vector["verification"]
    mikey.confirm(mikey.parse(bytes.fromhex(vector["verification"])), m, psk)


def test_a_group_key_message_opens_under_the_key_before(vectors):
    vector = vectors["V4_mikey_group_rekey_suiteB"]
    psk, tek, gkid, message = octets(vector, "psk", "tek", "spi", "message")
    m = mikey.parse(message)
    assert m.idrpsk == bytes.fromhex("c0ffee010203040500000007") and not m.v
    assert mikey.open_(m, psk) == mikey.Key(tek, gkid)
    assert mikey.build(mikey.B, psk, csb=m.csb, tek=tek, gkid=gkid, **said(vector, KS, ROOM)) == message


def test_a_key_request_of_the_vectors_holds_both_ways(vectors):
    vector = vectors["V5_mikey_key_request_suiteB"]
    psk, message = octets(vector, "psk", "message")
    m = mikey.parse(message)
    assert m.sdp_ids == b"mikey" and m.encrypted == b""
    assert mikey.open_(m, psk) is None
    assert mikey.build(mikey.B, psk, csb=m.csb, sdp_ids=b"mikey", **said(vector, ALICE, KS)) == message


def test_the_keys_of_a_plain_rfc_3830_message():
    """ID payloads and a TGK, which a conference refuses: for the derivation alone."""
    psk, rand, csb, t = bytes(range(32)), bytes(range(0xa0, 0xb0)), 0x1a2b3c4d, 0xe8a1b2c300000001
    encr, salt, auth = mikey.keys_of(mikey.A, psk, csb, rand)
    assert encr.hex() == "72bf549a41c82cd559262ac42adc0887"
    assert auth.hex() == "990dc1127e0b52d4cb813a580c29c68e57141665"
    assert salt.hex() == "b63fb9e1f0fee68e3d93a9af906d"
    iv = mikey.iv_of(salt, csb, t)
    assert iv.hex() == "b63fa3caccb30e2f8f50a9af906c0000"
    data = bytes.fromhex("00010010101112131415161718191a1b1c1d1e1f0400000001")
    encrypted = mikey.counter_mode(encr, iv, data)
    assert encrypted.hex() == "cf207b572c78e2bcd8385e919ff928483a3a883bd290618263"
    alice, room = b"sip:alice@example.com", b"sip:room42@chat.example.com"
    message = bytes.fromhex("010005801a2b3c4d00010b00e8a1b2c3000000010610") + rand
    message += b"\6\1\0\x15" + alice + b"\x15\1\0\x1b" + room + b"\1\1\0\5mikey" + b"\0\1\0\x19" + encrypted + b"\1"
    assert mikey.mac_of(mikey.A, auth, message).hex() == "d6db7544b883b76611a086f9da55383178910722"
    answer = bytes.fromhex("010105001a2b3c4d00010600e8a1b2c3000000010901001b") + room + b"\0\1"
    m = mikey.Message(message, 0, True, mikey.A, csb, t, rand, alice, room, b"", b"", b"mikey", encrypted, b"")
    assert mikey.verification_mac(answer, m, psk).hex() == "124a9e3a35cca5ab9b4e8a9ed2f6d74ae7cdc84e"
    tgk = bytes(range(0x10, 0x20))
    for constant, expected in ((mikey.TGK_TEK, "b656a12b0f71be0cd3b7530439bf49be"),
                               (mikey.TGK_AUTH, "22dbbe6cd162e0c8788b0b3c437ce6056ffd4a02"),
                               (mikey.TGK_ENCR, "f3380952c9a7299c605beb2b5969b81c"),
                               (mikey.TGK_SALT, "b7196f52b5678b3fbbcb42a3")):
        label = mikey.label_of(constant, 1, csb, rand)
        assert mikey.prf(mikey.A.hash, tgk, label, len(expected) // 2).hex() == expected
    with pytest.raises(Refused):
        mikey.parse(message + bytes.fromhex("d6db7544b883b76611a086f9da55383178910722"))


def test_the_negative_vectors_are_refused(vectors):
    psk = bytes.fromhex(vectors["V3_mikey_unicast_suiteB"]["psk"])
    cases = [n for n in vectors["negative"] if n["name"].startswith("mikey")]
    assert len(cases) == 9
    for case in cases:
        with pytest.raises(Refused):
            mikey.open_(mikey.parse(bytes.fromhex(case["message"])), psk)


@pytest.mark.parametrize("name", MEMBER_KEYS)
def test_cut_and_changed_messages_are_refused(vectors, name):
    psk, message, answer = octets(vectors[name], "psk", "message", "verification")
    m = mikey.parse(message)
    for n in range(len(message)):
        with pytest.raises(Refused):
            mikey.parse(message[:n])
    for bit in range(8 * len(message)):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Refused):
            mikey.open_(mikey.parse(changed), psk)
    for bit in range(8 * len(answer)):
        changed = bytearray(answer)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Refused):
            mikey.confirm(mikey.parse(changed), m, psk)


# --- a member ---

@pytest.fixture
def pair():
    """A key server and two members of its room."""
    ks = gke.KeyServer(KS, ROOM)
    return ks, gke.Member("mk:alice:1", os.urandom(32), ALICE, ROOM), \
        gke.Member("mk:bob:1", os.urandom(32), "sip:bob@example.com", ROOM)


@pytest.mark.parametrize("suite", (mikey.A, mikey.B))
def test_members_talk_under_the_key_they_were_given(suite):
    ks = gke.KeyServer(KS, ROOM, suite)
    alice, bob = (gke.Member(f"mk:{n}:1", os.urandom(32), f"sip:{n}@example.com", ROOM, suite) for n in ("alice", "bob"))
    assert mikey.open_(mikey.parse(alice.request(sdp=True)), alice.mk) is None
    for member in (alice, bob):
        message = ks.message(member)
        value = member.attribute(message)
        mikey.confirm(mikey.parse(member.take(member.of_attribute(value))), mikey.parse(message), member.mk)
    assert alice.epoch == bob.epoch == 1 and alice.hex == ks.key.gkid.hex()
    body = alice.seal("hello")
    assert bob.open(body, sender=alice.uri).payload == b"hello"
    with pytest.raises(Refused, match="seen before"):
        bob.open(body, sender=alice.uri)
    with pytest.raises(Refused, match="another"):
        bob.open(alice.seal("x"), sender=bob.uri)
    assert bob.open_file(alice.seal_file(bytes(50000))) == bytes(50000)


def test_old_keys_are_kept_and_read_their_epochs_alone(pair):
    ks, alice, bob = pair
    alice.take(ks.message(alice))
    bob.take(ks.message(bob))
    before = alice.seal("before")
    ks.change()
    alice.take(ks.message(alice))
    after = alice.seal("after")
    assert bob.can_read(before) and not bob.can_read(after)
    assert alice.can_read(before) and alice.can_read(after)
    carol = gke.Member("mk:carol:1", os.urandom(32), "sip:carol@example.com", ROOM)
    carol.take(ks.message(carol))
    assert carol.can_read(after) and not carol.can_read(before)
    assert [g[8:] for g in alice.order] == [b"\0\0\0\1", b"\0\0\0\2"]
    assert bob.can_read(alice.seal("with the old key", gkid=alice.order[0]))


def test_a_member_takes_no_key_that_is_not_for_it(pair):
    ks, alice, bob = pair
    first = ks.message(alice)
    bad = [ks.message(bob), ks.message(alice, idrapp="sip:room2@conf.example.com"), ks.message(alice, idrr=bob.uri),
           ks.message(alice, idri=alice.uri), ks.message(alice, idrpsk=b"mk:alice:2"), alice.request(),
           ks.message(alice, t=mikey.ntp(time.time() - 600)), ks.message(alice, t=mikey.ntp(time.time() + 600)),
           ks.message(alice, csb=1), ks.message(alice, tek=bytes(16)), first[:-1] + bytes([first[-1] ^ 1])]
    for message in bad:
        with pytest.raises(Refused):
            alice.take(message)
    assert alice.current is None and alice.last_t == 0
    alice.take(first)
    with pytest.raises(Refused, match="older"):
        alice.take(first)
    with pytest.raises(Refused, match="another key server"):
        alice.take(ks.message(alice, idri="sip:ks2@conf.example.com"))
    with pytest.raises(Refused, match="another suite"):
        alice.take(gke.KeyServer(KS, ROOM, mikey.A).message(alice))
