# SPDX-License-Identifier: Apache-2.0
"""What of a sealed conference stays in the clear: exactly what docs/security.md lists, as mrfue sends it and the switch passes it on."""

import os
import re

import pytest

from peer.cpim import Cpim
from peer.loop import wait
from peer.mrfue import Mrfue
from peer.sealed import Sealed, provision
from peer.servers import ROOT
from test_sealed_join import make

SECRET = b"the canary of the clear"
PART = re.compile(r"### What stays in the clear\n(.*?)\n#", re.S)


def documented():
    """{"MSRP": {names}, "CPIM": ..., "MIME": ...} of the table in docs/security.md."""
    with open(os.path.join(ROOT, "docs/security.md"), encoding="utf-8") as f:
        part = PART.search(f.read()).group(1)
    rows = re.findall(r"^\| (MSRP|CPIM|MIME) headers? \| ([^|]*) \|", part, re.M)
    return {where: set(re.findall(r"`([^`]+)`", names)) for where, names in rows}


@pytest.fixture
def chat(tmp_path):
    made = []

    def new(net, name, uri):
        key_id, digits = provision(net, "sip:%s@example.com" % name)
        path = tmp_path / (name + ".key")
        path.write_text("%s %s\n" % (key_id, digits))
        path.chmod(0o600)
        made.append(Mrfue(net, name, "join", uri, args=["--key-file", str(path), "--require-e2e"]))
        return made[-1]
    yield new
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


def test_what_stays_in_the_clear_is_what_is_written_down(own_mrf, ue, chat):
    # covers: CMS-009
    net = own_mrf()
    uri = make(net, "clear")
    bob = Sealed("bob", net)
    ue.made.append(bob)
    bob.join("clear")
    alice = chat(net, "alice", uri)
    alice.wait("joined", sealed=True)
    epoch = alice.wait("epoch")["id"]
    bob.wait_epoch(epoch)
    seen = {"MSRP": set(), "CPIM": set(), "MIME": set()}
    for line in (SECRET.decode(), "/msg %s %s" % (bob.aor, SECRET.decode())):
        n = len(bob.heard)
        alice.do(line)
        wait(lambda k=n: len(bob.heard) > k, what="what alice said")
        chat_ = bob.heard[-1]
        frame = chat_.message.first
        seen["MSRP"] |= {name for name, _ in frame.headers}
        whole = Cpim(chat_.message.data)
        seen["CPIM"] |= {name for name, _ in whole.headers}
        seen["MIME"] |= {name for name, _ in whole.mime}
        assert SECRET not in chat_.message.data and b"gke.Seq" not in chat_.message.data
        inside = bob.keys.open(chat_.content)
        assert inside.payload == SECRET and inside.content_type.startswith("text/plain")
        assert whole.content_type.startswith("application/pkcs7-mime")
    assert seen == documented()
