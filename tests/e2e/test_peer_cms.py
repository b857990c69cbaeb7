# SPDX-License-Identifier: Apache-2.0
"""The terminals' own CMS and RFC 8188 against the vectors, against `openssl cms` both ways, and against what an attacker
makes of them: only so do they tell anything about the product."""
import hashlib
import json
import os
import subprocess

import pytest
from peer import cms, ece, inner

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BITS = {128: "V6_cms_aes128_gcm", 256: "V7_cms_aes256_gcm"}
EPOCH = "c0ffee010203040500000007"


@pytest.fixture(scope="module")
def vectors():
    with open(os.path.join(ROOT, "tests/data/gke-vectors.json"), encoding="utf-8") as f:
        return json.load(f)


@pytest.fixture(scope="module")
def keys(vectors):
    return cms.derive(bytes.fromhex(vectors["V1_kdf"]["tek"]), bytes.fromhex(EPOCH))


@pytest.fixture(scope="module")
def epochs(keys):
    return {bytes.fromhex(EPOCH): keys}


def octets(vector, *names):
    return [bytes.fromhex(vector[n]) for n in names]


def openssl(*args, data=None):
    return subprocess.run(["openssl", "cms", "-binary", *args], input=data, check=True, capture_output=True).stdout


# --- vectors ---

def test_derived_keys_are_those_of_the_vector(vectors, keys):
    assert list(keys) == octets(vectors["V1_kdf"], "kek128", "kek256", "mikey_psk", "file_ikm")


@pytest.mark.parametrize("bits", BITS)
def test_a_sealed_body_is_that_of_the_vector(vectors, keys, epochs, bits):
    vector = vectors[BITS[bits]]
    der, plaintext, gkid, cek, nonce = octets(vector, "der", "plaintext", "key_identifier", "cek", "nonce")
    assert cms.seal(keys, gkid, plaintext, bits, vector["date"], cek, nonce) == der
    assert cms.unseal(der, epochs) == plaintext
    assert cms.decode(der).date == vector["date"]
    assert cms.encode(cms.decode(der)) == der


def test_a_file_is_that_of_the_vector(vectors, keys):
    vector = vectors["V8_file_aes128gcm"]
    plaintext = bytes((7 * i + 3) % 256 for i in range(9000))
    sealed = ece.seal(keys.file, bytes.fromhex(EPOCH), plaintext, vector["rs"], bytes.fromhex(vector["salt"]))
    assert len(sealed) == vector["ciphertext_len"]
    assert sealed[:49].hex() == vector["ciphertext_first_49"] and sealed[-32:].hex() == vector["ciphertext_last_32"]
    assert hashlib.sha256(sealed).hexdigest() == vector["sha256_of_ciphertext"]
    assert ece.unseal(sealed, {bytes.fromhex(EPOCH): keys.file}) == plaintext


def test_the_entity_inside_is_read_and_written(vectors):
    entity = bytes.fromhex(vectors["V6_cms_aes128_gcm"]["plaintext"])
    found = inner.Inner(entity)
    assert (found.sender, found.to) == ("sip:alice@example.com", "sip:room1@conf.example.com")
    assert (found.message_id, found.token, found.seq) == ("Zk3x9a", "5f3a9c01", 1795330800123000)
    assert (found.content_type, found.payload) == ("text/plain; charset=utf-8", b"hello group")
    assert inner.build(found.sender, found.to, found.payload, found.message_id, found.token, found.seq, found.date) == entity


def test_a_frame_holds_a_body_that_opens(vectors, epochs):
    frame = bytes.fromhex(vectors["V11_msrp_send_group_message"]["frame"])
    body = frame.split(b"\r\n\r\n", 1)[1][:vectors["V11_msrp_send_group_message"]["cpim_length"]]
    der = body.split(b"\r\n\r\n", 2)[2]
    assert inner.Inner(cms.unseal(der, epochs)).payload == b"hello group"


def test_a_signed_body_is_verified_by_openssl(vectors, epochs, tmp_path):
    vector = vectors["V9_signed_then_enveloped"]
    plaintext = cms.unseal(bytes.fromhex(vector["der"]), epochs)
    assert plaintext == bytes.fromhex(vector["enveloped_plaintext"])
    signed = inner.Inner(plaintext).signed
    assert signed == bytes.fromhex(vector["signed_data_der"]) and inner.signed(signed) == plaintext
    certificate = tmp_path / "alice.pem"
    certificate.write_text(vector["signer_cert_pem"])
    shown = openssl("-verify", "-inform", "DER", "-noverify", "-nointern", "-certfile", str(certificate), data=signed)
    assert shown == bytes.fromhex(vector["inner_entity"])


# --- openssl ---

@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("date", [None, "20261122065500Z"])
@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 70000])
def test_openssl_opens_what_is_sealed_here(keys, bits, date, size):
    sealed = cms.seal(keys, bytes.fromhex(EPOCH), b"\x5a" * size, bits, date)
    assert openssl("-decrypt", "-inform", "DER", "-secretkey", cms.kek_of(keys, bits).hex(), "-secretkeyid", EPOCH,
                   data=sealed) == b"\x5a" * size


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("size", [1, 127, 128, 255, 256, 70000])
def test_what_openssl_seals_is_opened_here(keys, epochs, bits, size):
    sealed = openssl("-encrypt", f"-aes-{bits}-gcm", "-secretkey", cms.kek_of(keys, bits).hex(), "-secretkeyid", EPOCH,
                     "-outform", "DER", data=b"\xa5" * size)
    assert cms.unseal(sealed, epochs) == b"\xa5" * size


# --- attackers ---

CMS_NEGATIVE = ["cms_bad_tag", "cms_icvlen_12", "cms_indefinite_length", "cms_trailing", "cms_unknown_epoch", "cms_bad_wrap"]


@pytest.mark.parametrize("name", CMS_NEGATIVE)
def test_a_negative_case_is_refused(vectors, epochs, name):
    der = next(n["der"] for n in vectors["negative"] if n["name"] == name)
    with pytest.raises(cms.Refused):
        cms.unseal(bytes.fromhex(der), epochs)


def test_a_turned_bit_opens_nothing(vectors, epochs):
    vector = vectors["V6_cms_aes128_gcm"]
    der = bytes.fromhex(vector["der"])
    hints = range(der.index(vector["date"].encode()), der.index(vector["date"].encode()) + 15)
    for bit in range(8 * len(der)):
        turned = bytearray(der)
        turned[bit // 8] ^= 1 << bit % 8
        try:
            cms.unseal(bytes(turned), epochs)
        except cms.Refused:
            continue
        assert bit // 8 in hints  # the epoch's start is told for comfort, outside the tag


def test_every_beginning_is_refused(vectors, epochs):
    der = bytes.fromhex(vectors["V6_cms_aes128_gcm"]["der"])
    for end in range(len(der)):
        with pytest.raises(cms.Refused):
            cms.unseal(der[:end], epochs)


@pytest.fixture
def file_of_three(keys):
    """Salt and head; three records of 4096."""
    sealed = ece.seal(keys.file, bytes.fromhex(EPOCH), bytes(3 * 4079), 4096)
    return [sealed[:33]] + [sealed[33 + i * 4096:33 + (i + 1) * 4096] for i in range(3)]


@pytest.mark.parametrize("order", [(1,), (1, 2), (2, 1, 3), (1, 1, 3), (1, 2, 2, 3), (1, 2, 3, 3), (1, 2, 3, 1), (3,), ()])
def test_a_file_of_other_records_is_refused(keys, file_of_three, order):
    assert ece.unseal(b"".join(file_of_three), {bytes.fromhex(EPOCH): keys.file}) == bytes(3 * 4079)
    with pytest.raises(ece.Refused):
        ece.unseal(file_of_three[0] + b"".join(file_of_three[i] for i in order), {bytes.fromhex(EPOCH): keys.file})


@pytest.mark.parametrize("record", [0, 17, 4095, 65537, 2**32 - 1])
def test_a_record_size_out_of_range_is_refused(keys, record):
    sealed = ece.head(bytes(16), record, bytes.fromhex(EPOCH)) + bytes(64)
    with pytest.raises(ece.Refused, match="head"):
        ece.unseal(sealed, {bytes.fromhex(EPOCH): keys.file})


@pytest.mark.parametrize("size", [0, 1, 4078, 4079, 4080, 3 * 4079])
def test_files_of_all_sizes_come_back(keys, size):
    data = os.urandom(size)
    sealed = ece.seal(keys.file, bytes.fromhex(EPOCH), data, 4096)
    assert ece.unseal(sealed, {bytes.fromhex(EPOCH): keys.file}) == data


@pytest.mark.parametrize("old,new", [
    (b"From: ", b"From: <sip:bob@example.com>\r\nFrom: "), (b"To: ", b"To: <sip:room2@example.com>\r\nTo: "),
    (b"gke.Seq: ", b"gke.Seq: 5f3a9c01.1\r\ngke.Seq: "), (b"gke.Seq: 5f3a9c01", b"gke.Seq: 5f3a9c0"),
    (b"gke.Seq", b"gke.Sek"), (b"urn:x-gke:cpim:1", b"urn:x-gke:cpim:2"), (b"1795330800123000", b"18446744073709551616"),
    (b"message/cpim", b"text/plain"), (b"\r\n", b"\n")])
def test_an_entity_that_says_two_things_or_too_little_is_refused(vectors, old, new):
    entity = bytes.fromhex(vectors["V6_cms_aes128_gcm"]["plaintext"])
    assert old in entity
    with pytest.raises(inner.Refused):
        inner.Inner(entity.replace(old, new))


def test_a_number_is_fresh_once():
    window = inner.Window()
    assert [window.take(n) for n in (10, 11, 10, 9, 74, 11, 10, 2**64 - 1, 75)] == [
        True, True, False, True, True, False, False, True, False]
    assert window.take(2**64 - 2) and not window.take(2**64 - 1)
