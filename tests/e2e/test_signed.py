# SPDX-License-Identifier: Apache-2.0
"""Signed messages, as openssl(1) signs them, at the chat client: over the whole message and over what it carries (RFC 8591 9.1)."""

import json
import os
import subprocess

import pytest

from peer import cpim
from peer.mrfue import Mrfue

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TYPE = 'application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"'


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Folder with NAME.pem and NAME.key of alice and bob."""
    folder = tmp_path_factory.mktemp("people")
    with open(os.path.join(ROOT, "tests/data/gke-vectors.json"), encoding="utf-8") as f:
        vector = json.load(f)["V10_message_two_recipients_kari"]
    for name in ("alice", "bob"):
        (folder / (name + ".pem")).write_text(vector[name + "_cert_pem"])
        (folder / (name + ".key")).write_text(vector[name + "_key_pem"])
    return folder


def sign(people, name, kind, body):
    """SignedData of an entity, by the command openssl."""
    body = body.encode() if isinstance(body, str) else body
    return subprocess.run(["openssl", "cms", "-sign", "-binary", "-nodetach", "-nocerts", "-keyid", "-md", "sha256",
                           "-signer", people / (name + ".pem"), "-inkey", people / (name + ".key"), "-outform", "DER"],
                          input=b"Content-Type: %s\r\n\r\n" % kind.encode() + body, check=True, capture_output=True).stdout


@pytest.fixture
def pair(mrf, room, ue, people):
    """alice, who is a terminal of the tests, and bob's chat client, who believes her signatures."""
    alice = ue("alice")
    alice.join(room)
    bob = Mrfue(mrf, "bob", "join", "sip:%s@%s" % (room, mrf.domain), args=("--cert", "%s=%s" % (alice.aor, people / "alice.pem")))
    bob.wait("joined")
    yield alice, bob
    wrong = bob.close()
    assert not wrong, "\n".join(wrong)


def test_a_signature_over_the_payload_is_verified(pair, people):
    # covers: SMI-005, SMI-002
    alice, bob = pair
    alice.send_text(sign(people, "alice", "text/plain", "my words"), content_type=TYPE)
    event = bob.wait("message", text="my words")
    assert event["verified"] is True and event["from"] == alice.aor and event["type"] == "text/plain"
    alice.send_text("not signed")
    assert "verified" not in bob.wait("message", text="not signed")


def test_a_signature_over_the_whole_message_is_verified(pair, people):
    # covers: SMI-005, SMI-002
    alice, bob = pair
    whole = cpim.build(alice.aor, alice.room, "all my words")
    alice.send_text(sign(people, "alice", "message/cpim", whole), content_type=TYPE)
    event = bob.wait("message", text="all my words")
    assert event["verified"] is True and event["from"] == alice.aor


def test_signatures_of_others_are_not_believed(pair, people):
    # covers: CMS-007, SMI-005
    alice, bob = pair
    whole = cpim.build("sip:carol@example.com", alice.room, "words of carol")
    changed = bytearray(sign(people, "alice", "text/plain", "my words"))
    changed[changed.index(b"my words")] ^= 1
    for body in (sign(people, "bob", "text/plain", "forged"), sign(people, "alice", "message/cpim", whole), bytes(changed)):
        alice.send_text(body, content_type=TYPE)
        event = bob.wait("file")
        assert event["size"] == len(body) and "verified" not in event
    alice.send_text("end")
    bob.wait("message", text="end")
    assert [e["text"] for e in bob.events("message")] == ["end"]


@pytest.mark.parametrize("args, told", [
    (("--sign-cert", "alice.pem"), "go together"), (("--cert", "alice.pem"), "URI=FILE"),
    (("--cert", "sip:a@b=none.pem"), "cannot read"), (("--cert", "sip:a@b=alice.key"), "is no P-256 certificate"),
    (("--sign-cert", "alice.pem", "--sign-key", "bob.key"), "the key is not the certificate's"),
    (("--sign-cert", "alice.pem", "--sign-key", "alice.pem"), "its key without a password")])
def test_bad_files_are_told_at_the_start(mrf, people, args, told):
    client = Mrfue(mrf, "alice", "wait", args=args, cwd=people)
    assert client.proc.wait(20) in (1, 2)
    client.close()
    assert any(told in line for line in client.errors), client.errors
