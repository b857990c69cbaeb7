# SPDX-License-Identifier: Apache-2.0
"""A new certificate by HUP: no leg is dropped, no description that is on its way becomes wrong."""

import shutil
import signal

import pytest

from peer.loop import wait
from peer.servers import poll
from peer.tls import Identity, fingerprint
from peer.ue import fence


@pytest.fixture
def files(tmp_path):
    """The certificate's files; put(identity) replaces them."""
    class Files:
        cert, key = str(tmp_path / "tls.crt"), str(tmp_path / "tls.key")

        def put(self, identity):
            shutil.copy(identity.cert, self.cert)
            shutil.copy(identity.key, self.key)
            return identity
    return Files()


def announced(terminal):
    return terminal.answer.msg.all("fingerprint")


def shown(terminal):
    return fingerprint(terminal.conn.sock.getpeercert(binary_form=True))


def test_both_are_announced_until_the_new_one_is_shown(own_mrf, ue, room, tmp_path, files):
    # covers: SEC-005
    old, new = files.put(Identity(tmp_path / "ids")), Identity(tmp_path / "ids")
    net = own_mrf(mrfp={"tls.certificate": files.cert, "tls.key": files.key, "tls.overlap": "2s"})

    def enter(name, **how):
        return ue(name, net=net, tls=Identity(tmp_path / name)).join(room, **how)
    alice = enter("alice")
    assert announced(alice) == [old.fingerprint()] == [shown(alice)]
    late = enter("late", connect=False)       # has the old one's description
    files.put(new)
    net.mrfp.signal(signal.SIGHUP)
    wait(lambda: "announced from now on" in net.mrfp.log(), 10, "the reload", net.mrfp.log)
    bob = enter("bob")
    assert announced(bob) == [old.fingerprint(), new.fingerprint()]
    assert shown(bob) == old.fingerprint()
    late.open_media()
    assert shown(late) == announced(late)[0] == old.fingerprint()
    slow = enter("slow", connect=False)       # has both
    wait(lambda: "shown to peers from now on" in net.mrfp.log(), 20, "the change", net.mrfp.log)
    slow.open_media()
    assert shown(slow) == new.fingerprint() and shown(slow) in announced(slow)
    carol = enter("carol")
    assert announced(carol) == [new.fingerprint()] == [shown(carol)]
    five = (alice, late, bob, slow, carol)
    for sender in five:                       # nobody was dropped
        for other in five:
            if other is not sender:
                fence(sender, other)
    assert shown(alice) == old.fingerprint()


def test_a_broken_file_changes_nothing(own_mrf, ue, room, tmp_path, files):
    # covers: SEC-005
    old = files.put(Identity(tmp_path / "ids"))
    net = own_mrf(mrfp={"tls.certificate": files.cert, "tls.key": files.key, "tls.overlap": "0"})
    with open(files.key, "w") as f:
        f.write("no key\n")
    net.mrfp.signal(signal.SIGHUP)
    wait(lambda: "the configuration is as before" in net.mrfp.log(), 10, "the refusal",
         net.mrfp.log)
    alice = ue("alice", net=net, tls=Identity(tmp_path / "a")).join(room)
    assert announced(alice) == [old.fingerprint()] == [shown(alice)]
    new = files.put(Identity(tmp_path / "ids"))
    net.mrfp.signal(signal.SIGHUP)
    wait(lambda: "shown to peers" in net.mrfp.log(), 10, "the change", net.mrfp.log)
    bob = ue("bob", net=net, tls=Identity(tmp_path / "b")).join(room)
    assert announced(bob) == [new.fingerprint()] == [shown(bob)]
    fence(alice, bob)


def test_one_of_its_own_making_lasts_as_long_as_the_process(own_mrf, ue, room, tmp_path):
    net = own_mrf(mrfp={"tls.overlap": "0"})
    alice = ue("alice", net=net, tls=Identity(tmp_path / "a")).join(room)
    net.mrfp.signal(signal.SIGHUP)
    wait(lambda: "configuration read" in net.mrfp.log(), 10, "the reload", net.mrfp.log)
    bob = ue("bob", net=net, tls=Identity(tmp_path / "b")).join(room)
    assert announced(bob) == announced(alice) == [shown(bob)]


def test_many_reloads_in_a_row(own_mrf, ue, room, tmp_path, files):
    files.put(Identity(tmp_path / "ids"))
    net = own_mrf(mrfp={"tls.certificate": files.cert, "tls.key": files.key, "tls.overlap": "60s"})
    alice = ue("alice", net=net, tls=Identity(tmp_path / "a")).join(room)
    first = shown(alice)
    for n in range(5):
        last = files.put(Identity(tmp_path / "ids"))
        net.mrfp.signal(signal.SIGHUP)
        poll(lambda n=n: net.mrfp.log().count("configuration read") == n + 1, what="the reload")
    bob = ue("bob", net=net, tls=Identity(tmp_path / "b")).join(room)
    assert announced(bob) == [first, last.fingerprint()] and shown(bob) == first
    fence(alice, bob)
