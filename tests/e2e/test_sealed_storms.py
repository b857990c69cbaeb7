# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences in bad times: the control link is cut in the middle of a new key, fifty leave at once, a thousand come."""

import os
import resource
import selectors
import socket
import threading
import time

import pytest

from peer.loop import wait
from peer.servers import BUILD, poll
from test_abuse_keys import chat
from test_sealed_crash import agree, crowd, gate_is, kick
from test_sealed_join import epoch_of, make, sealed  # noqa: F401  (sealed is a fixture)


class Link(threading.Thread):
    """A Unix socket that passes on to another, until it is cut: after so many octets, also in the middle of a frame."""

    def __init__(self, place, target):
        super().__init__(daemon=True)
        self.place, self.target, self.open, self.left, self.cuts = place, target, True, None, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(place)
        self.listener.listen(8)
        self.waker, wake = socket.socketpair()
        self.poll, self.other = selectors.DefaultSelector(), {}
        for one in (self.listener, wake):
            self.poll.register(one, selectors.EVENT_READ)
        self.wake = wake
        self.start()

    def cut(self, after=0, reopen=True):
        """After so many more octets to the MRFP. It may come again at once, or when open is set."""
        self.open, self.left = reopen, after
        self.waker.send(b"x")

    def run(self):
        while True:
            for key, _ in self.poll.select():
                if key.fileobj is self.wake:
                    if not self.wake.recv(64):
                        return
                    if self.left == 0:
                        self._drop()
                elif key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj in self.other:
                    self._pass(key.fileobj)

    def _accept(self):
        one, _ = self.listener.accept()
        if not self.open:
            one.close()
            return
        two = socket.socket(socket.AF_UNIX)
        two.connect(self.target)
        self.other[one], self.other[two] = two, one
        self.down = one
        for s in (one, two):
            self.poll.register(s, selectors.EVENT_READ)

    def _pass(self, source):
        try:
            data = source.recv(65536)
            if self.left is not None and self.other[source] is self.down:
                data, self.left = data[:self.left], max(0, self.left - len(data))
            if data:
                self.other[source].sendall(data)
        except OSError:
            data = b""
        if not data or self.left == 0:
            self._drop()

    def _drop(self):
        self.cuts += bool(self.other)
        self.left = None
        for s in list(self.other):
            self.poll.unregister(s)
            s.close()
        self.other.clear()

    def close(self):
        self.cut(reopen=False)
        self.waker.close()
        self.join(5)
        self.listener.close()


@pytest.fixture
def linked(own_mrf, tmp_path, request):
    """(net, its control link)"""
    real, place = str(tmp_path / "mrfc.sock"), str(tmp_path / "link.sock")
    link = Link(place, real)
    net = own_mrf(mrfc={"mp.socket": real}, mrfp={"mp.socket": place})
    request.addfinalizer(link.close)
    return net, link


@pytest.mark.parametrize("octets", [0, 700, 4001])
def test_the_control_link_is_cut_while_a_new_key_goes_out(linked, sealed, room, octets):  # noqa: F811
    # covers: GK-003, GK-005, GK-007
    net, link = linked
    members = crowd(net, sealed, room, 30)
    out = members.pop()
    pids, before, had = (net.mrfc.pid, net.mrfp.pid), members[0].keys.current, out.keys.hex
    link.cut(after=octets)
    kick(net, room, out)
    poll(lambda: link.cuts == 1, what="a cut link")
    agree(net, room, members)
    assert (net.mrfc.pid, net.mrfp.pid) == pids and out.keys.hex == had
    assert members[0].keys.current[:8] == before[:8]  # of the same life: nothing began anew
    assert not any(m.call.ended or m.offers for m in members)
    chat(members[0], *members[1:])
    assert not out.keys.can_read(members[1].heard[-1].content)
    gate_is(members[2], before)
    chat(members[3], members[4])


def test_members_go_while_the_link_is_away_in_the_middle_of_a_new_key(linked, sealed, room):  # noqa: F811
    # covers: GK-005, GK-006
    net, link = linked
    members = crowd(net, sealed, room, 12)
    first, second = members.pop(), members.pop()
    before = members[0].keys.current
    link.cut(after=900, reopen=False)
    kick(net, room, first)
    poll(lambda: link.cuts == 1, what="a cut link")
    kick(net, room, second)
    link.open = True
    wait(lambda: all(m.keys.current != before for m in members), 30, "new keys for all")
    agree(net, room, members)
    chat(members[0], *members[1:])
    for one in (first, second):
        assert not one.keys.can_read(members[1].heard[-1].content)
    gate_is(members[2], before)


def test_fifty_who_leave_within_a_second_cost_two_keys_at_most(own_mrf, sealed, room):  # noqa: F811
    # covers: GK-006
    net = own_mrf()
    members = crowd(net, sealed, room, 52)
    alice, bob, rest = members[0], members[1], members[2:]
    last, begun = alice.keys.epoch, time.monotonic()
    calls = [m.call.bye() for m in rest]
    for call in calls:
        call.expect(200)
    seconds = time.monotonic() - begun
    net.wait_participants(room, lambda p: len(p) == 2)
    alice.wait_epoch(lambda have: alice.keys.epoch > last)
    agree(net, room, [alice, bob])
    chat(alice, bob)
    assert not any(m.keys.can_read(bob.heard[-1].content) for m in rest)
    assert alice.keys.epoch - last <= 1 + seconds // 2 + (seconds % 2 > 0)


@pytest.mark.alone
@pytest.mark.skipif("asan" in BUILD or bool(os.environ.get("MRF_WRAP")), reason="a minute of joins there, and more memory than is allowed")
def test_a_thousand_come_and_all_have_the_last_key(own_mrf, sealed, room, monkeypatch):  # noqa: F811
    # covers: GK-003, GK-004, GK-006
    monkeypatch.setattr("peer.ports.take", lambda: 0)  # more than a shard's block has, and none is bound again
    n, limit = 1000, resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit[0] < 8 * n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 20000), limit[1]))
    net = own_mrf()
    uri = make(net, room)
    begun, members = time.monotonic(), []
    for at in range(0, n, 100):
        batch = [sealed("m%d" % i, net) for i in range(at, at + 100)]
        calls = [m.invite(uri) for m in batch]
        for m, call in zip(batch, calls):
            m.room = uri
            m.take_answer(call.expect(200, 60).text)
            m.open_media()
        members += batch
    wait(lambda: all(m.keys.hex == members[-1].keys.hex for m in members), 60, "the last key at all",
         lambda: [m.name for m in members if m.keys.hex != members[-1].keys.hex][:10])
    seconds = time.monotonic() - begun
    assert epoch_of(net, room) == members[0].keys.hex
    assert members[0].keys.epoch <= seconds / 0.2 + 1
    print("%d joins, %d keys, %.1f s" % (n, members[0].keys.epoch, seconds))
    assert members[0].say("all are here") == 200
    for m in members[1:]:
        m.hear("all are here", 60)
