# SPDX-License-Identifier: Apache-2.0
"""SIP that is nearly right, in and outside of dialogs: the focus lives, answers and keeps nothing.

MRF_MUTATIONS is the number of messages of each run, MRF_SEED where they begin.
"""

import os
import select
import socket
import time

import pytest

from peer.mutate import FOREIGN, Mutator
from peer.servers import poll
from peer.ue import fence

COUNT = int(os.environ.get("MRF_MUTATIONS", "1500"))
SEED = int(os.environ.get("MRF_SEED", "20240"))
PROBE = ("OPTIONS sip:nowhere@%s SIP/2.0\r\nVia: SIP/2.0/%s %s:%d;branch=z9hG4bKprobe%s\r\n"
         "Max-Forwards: 70\r\nFrom: <sip:probe@example.com>;tag=p\r\nTo: <sip:nowhere@%s>\r\n"
         "Call-ID: probe%s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


class Link:
    """UDP, for TCP with a stream beside it that is opened again whenever it is closed."""

    def __init__(self, net, kind):
        self.net, self.kind, self.stream, self.got, self.opened = net, kind, None, b"", 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.here = self.udp.getsockname()

    def send(self, data):
        if self.kind == "UDP":
            self.udp.sendto(data[:60000], self.net.sip)
            return
        for _ in range(3):
            if self.stream is None:
                self.stream = socket.create_connection(self.net.sip)
                self.stream.settimeout(20)
                self.opened, self.got = self.opened + 1, b""
            try:
                self.stream.sendall(data)
                return
            except (OSError, socket.timeout):
                self.drop()

    def drop(self):
        if self.stream is not None:
            self.stream.close()
        self.stream = None

    def receive(self, mutator, seconds, until=None):
        """Answer what comes; True when `until` was in it."""
        end = time.monotonic() + seconds
        while True:
            socks = [self.udp] + ([self.stream] if self.stream is not None else [])
            ready = select.select(socks, [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                return False
            for sock in ready:
                if self.take(sock, mutator, until):
                    return True

    def take(self, sock, mutator, until):
        if sock is self.udp:
            data = sock.recv(65536)
            back = mutator.answer(data)
            if back is not None and not FOREIGN.search(back):
                self.udp.sendto(back, self.net.sip)
            return until is not None and until in data
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.drop()
            return False
        self.got += data
        while b"\r\n\r\n" in self.got:  # bodies are skipped as what is no message
            one, _, self.got = self.got.partition(b"\r\n\r\n")
            if until is not None and until in one:
                return True
            back = mutator.answer(one + b"\r\n\r\n")
            if back is not None and not FOREIGN.search(back) and self.stream is not None:
                try:
                    self.stream.sendall(back)
                except OSError:
                    self.drop()
        return False

    def close(self):
        self.drop()
        self.udp.close()


def alive(link, mutator, net, n):
    """The focus has read all that came before, and answers."""
    for again in range(6):
        mark = "%s-%d" % (n, again)
        probe = PROBE % (net.domain, link.kind, *link.here, mark, net.domain, mark)
        link.send(probe.encode())
        patience = 0.2 if again == 0 and link.kind == "TCP" else 10
        if link.receive(mutator, patience, ("z9hG4bKprobe" + mark).encode()):
            return
        link.drop()  # a message that promised more than it has swallows what follows
        assert not net.mrfc.gone, net.mrfc.log()[-4000:]
    raise AssertionError("no answer to OPTIONS")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["UDP", "TCP"])
def test_mutated_requests(own_mrf, ue, room, kind):
    # covers: FOC-027, FOC-028
    net = own_mrf(mrfc={"event.min_interval": 0, "event.burst": 1000, "conference.max_redirects": 2,
                        "sip.max_lag": 0, "log.level": "error"})
    alice, bob = [ue(n, net=net).join(room + "-ours") for n in ("alice", "bob")]
    link = Link(net, kind)
    mutator = Mutator(SEED, link.here, "sip:%s@%s" % (room, net.domain))
    try:
        for n, data in enumerate(mutator.messages(COUNT, kind)):
            link.send(data)
            if n % 25 == 24:
                alive(link, mutator, net, n)
        assert not net.mrfc.gone
        assert len(mutator.dialogs) > COUNT / 1000, "hardly a call of so many was made"
        fence(alice, bob)
        for one in net.api("GET", "/v1/conferences")[1]["conferences"]:
            if one["name"] != room + "-ours":
                assert net.api("DELETE", "/v1/conferences/" + one["name"])[0] in (204, 404)

        def ended():
            link.receive(mutator, 0.05)
            metrics = net.mrfc.metrics()
            return metrics.get("mrfc_sessions") == 2 and metrics.get("mrfc_conferences") == 1

        poll(ended, 60, "the end of all sessions but ours")
        poll(lambda: link.receive(mutator, 0.05) or net.mrfc.metrics().get("mrfc_dialogs") == 2, 60,
             "the end of all dialogs but ours")
        fence(alice, bob)
    finally:
        link.close()
