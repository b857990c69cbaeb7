# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/security.md do what the page says: with the test vectors, and with what a live conference said."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from peer import ece, memory
from peer.mrfue import Mrfue
from peer.servers import ROOT, poll
from test_sealed_join import make, sealed  # noqa: F401

BLOCK = re.compile(r"<!-- tested: (\w+) -->\n\n((?:    .*\n|\n(?=    ))+)")
with open(os.path.join(ROOT, "docs/security.md"), encoding="utf-8") as page:
    BLOCKS = {name: re.sub(r"^    ", "", text, flags=re.M) for name, text in BLOCK.findall(page.read())}
with open(os.path.join(ROOT, "tests/data/gke-vectors.json"), encoding="utf-8") as vectors:
    VECTORS = json.load(vectors)

pytestmark = pytest.mark.skipif(not shutil.which("bash") or not shutil.which("od"), reason="no bash, or no od")


def run(folder, *names, **values):
    """What the blocks print, one after the other in one shell; values: variables, where a block sets them itself."""
    text = "\n".join(BLOCKS[name] for name in names)
    for name, value in values.items():
        text, n = re.subn(r"(?m)^%s=\S+" % name, lambda _, v=value, k=name: "%s=%s" % (k, v), text)
        assert n == 1, name
    done = subprocess.run(["bash", "-c", "set -o pipefail\n" + text], cwd=folder, capture_output=True, timeout=60, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode()


def octets(vector, name):
    return bytes.fromhex(VECTORS[vector][name])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "body.p7m").write_bytes(octets("V6_cms_aes128_gcm", "der"))
    (tmp_path / "signed.p7m").write_bytes(octets("V9_signed_then_enveloped", "der"))
    (tmp_path / "alice.pem").write_text(VECTORS["V9_signed_then_enveloped"]["signer_cert_pem"])
    (tmp_path / "key.mikey").write_bytes(octets("V3_mikey_unicast_suiteB", "message"))
    return tmp_path


def test_every_block_is_run_here():
    assert sorted(BLOCKS) == ["file", "fingerprint", "key", "look", "open", "owner", "serve", "servers", "signed"]


def test_a_body_shows_its_key_id_and_no_more(folder):
    # covers: CMS-002, CMS-004
    code, out, err = run(folder, "look")
    assert code == 0, err
    assert "id-smime-ct-authEnvelopedData" in out and "c0 ff ee 01 02 03 04 05-00 00 00 07" in out
    assert "id-aes128-wrap" in out and "aes-128-gcm" in out and out.count("d.kekri") == 1


def test_a_key_message_is_checked_and_opened(folder):
    # covers: MIKEY-007
    code, out, err = run(folder, "key")
    assert code == 0, err
    assert out.splitlines() == ["genuine, made 2026-11-22T10:16:32Z",
                                "epoch 7 of %s, key %s" % (VECTORS["V1_kdf"]["gkid"], VECTORS["V1_kdf"]["tek"])]
    changed = bytearray(octets("V3_mikey_unicast_suiteB", "message"))
    changed[60] ^= 1
    (folder / "key.mikey").write_bytes(changed)
    assert "genuine" not in run(folder, "key")[1]
    assert "genuine" not in run(folder, "key", mk="11" * 32)[1]


def test_a_body_opens_under_its_key_alone(folder):
    # covers: CMS-003
    code, out, err = run(folder, "open")
    assert code == 0 and out.endswith("\r\n\r\nhello group"), err
    code, out, _ = run(folder, "open", tek="11" * 32)
    assert code != 0 and out == ""
    changed = bytearray(octets("V6_cms_aes128_gcm", "der"))
    changed[-20] ^= 1
    (folder / "body.p7m").write_bytes(changed)
    assert run(folder, "open")[0] != 0


def test_a_signature_is_verified_by_the_certificate_of_the_roster(folder):
    # covers: CMS-007
    code, out, err = run(folder, "open", "signed")
    assert code == 0 and "Verification successful" in err and out.endswith("hello group"), err
    (folder / "alice.pem").write_text(VECTORS["V10_message_two_recipients_kari"]["bob_cert_pem"])
    assert run(folder, "open", "signed")[0] != 0


@pytest.mark.parametrize("size", [40, 9000])
def test_the_first_record_of_a_file_is_read(folder, size):
    # covers: GK-014
    tek, gkid = (bytes.fromhex(VECTORS["V1_kdf"][k]) for k in ("tek", "gkid"))
    plain = bytes((7 * i + 3) % 256 for i in range(size))
    fkey = bytes.fromhex(VECTORS["V1_kdf"]["file_ikm"])
    (folder / "file.sealed").write_bytes(ece.seal(fkey, gkid, plain, 4096))
    code, out, err = run(folder, "key", "open", "file")
    assert code in (0, 141), err  # head ends the pipe
    assert "key id %s, records of 4096" % gkid.hex() in out and out.splitlines()[-1] == plain[:32].hex(), tek


def test_what_a_live_conference_said_is_opened_by_the_same_commands(mrf, sealed, room, folder):  # noqa: F811
    # covers: GK-001, GK-003, CMS-002
    make(mrf, room)
    alice, bob = sealed("alice").join(room), sealed("bob").join(room)
    alice.wait_epoch(bob.keys.hex)
    assert alice.say("of a live conference") == 200
    bob.hear("of a live conference")
    (folder / "body.p7m").write_bytes(bob.heard[-1].content)
    (folder / "key.mikey").write_bytes(bob.last)
    code, out, err = run(folder, "key", mk=bob.key[1])
    assert code == 0 and out.startswith("genuine"), err
    said = re.search(r"of ([0-9a-f]{24}), key ([0-9a-f]{64})", out)
    assert said.group(1) == bob.keys.hex
    code, out, err = run(folder, "open", tek=said.group(2), gkid=said.group(1))
    assert code == 0 and out.endswith("of a live conference"), err


def test_the_fingerprint_is_that_of_session_descriptions(mrf, ue, room, folder):
    # covers: SEC-005
    from peer.tls import Identity
    alice = ue("alice", tls=Identity(folder / "alice")).join(room)
    code, out, err = run(folder, "fingerprint", server="%s:%d" % mrf.msrps)
    assert code == 0, err
    assert "sha-256 " + out.strip().partition("=")[2] == alice.answer.msg.get("fingerprint")


@pytest.fixture
def clients():
    made = []

    def make(net, words):
        """A command of the page, at these servers."""
        assert words[:2] == ["mrfue", "--as"]
        name = words[2].partition(":")[2].partition("@")[0]
        made.append(Mrfue(net, name, *words[-2:], args=words[3:-2], cwd=make.folder))
        return made[-1]
    yield make
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


def test_a_conference_whose_keys_no_server_has_is_held_as_the_page_says(own_mrf, clients, tmp_path):
    # covers: GK-002, GK-013
    mrfc, mrfp = (shlex.split(line) for line in BLOCKS["servers"].splitlines())
    settings = dict(word.split("=", 1) for i, word in enumerate(mrfc) if mrfc[i - 1] == "-o")
    assert "-o" not in mrfp and len(settings) == 2
    net = own_mrf(mrfc=settings)
    code, out, err = run(tmp_path, "owner")
    assert (code, out, err) == (0, "", "")
    assert {p.name: oct(p.stat().st_mode & 0o777) for p in tmp_path.iterdir()} == \
        {n: "0o600" for n in ("members.keys", "bob.key", "carol.key")}
    clients.folder = str(tmp_path)
    people = []
    for line in BLOCKS["serve"].splitlines():
        people.append(clients(net, shlex.split(line)))
        people[-1].wait("joined", sealed=True, tls=True, serves=len(people) == 1)
    alice, bob, carol = people
    poll(lambda: len({p.events("epoch")[-1]["id"] for p in people}) == 1, what="one key at all")
    for uri in (bob.aor, carol.aor):
        alice.wait("key", uri=uri, state="confirmed")
    alice.do("the password is swordfish seventeen")
    for one in (bob, carol):
        assert one.wait("message")["text"] == "the password is swordfish seventeen"
    secrets = [line.split()[2] for line in (tmp_path / "members.keys").read_text().splitlines()]
    for server in (net.mrfc, net.mrfp):
        for secret in [b"swordfish seventeen", *(s.encode() for s in secrets), *(bytes.fromhex(s) for s in secrets)]:
            assert not memory.has(server.pid, secret)
    for one in (carol, bob, alice):
        assert one.end() == 0
    assert (tmp_path / "alice.times").stat().st_mode & 0o777 == 0o600
