# SPDX-License-Identifier: Apache-2.0
"""A thousand terminations in one context, and what is said when the system allows fewer."""

import os
import re
import resource
import selectors
import shutil
import socket
import time

import pytest

from peer.control import Control
from peer.loop import wait
from peer.msrpmsg import new_id
from peer.servers import Server, poll

LEGS = 1000
ROOM = "sip:crowd@conf.example.com"
CONTEXT = b"crowd".ljust(16, b"\0")
FRAME = re.compile(rb"MSRP (\S+) (SEND|200)[^\r]*\r\n.*?\r\n?-------\1[$+#]\r\n", re.S)


class Leg:
    """One connection of one member: answers what comes, keeps what it got."""

    def __init__(self, n, local, path, address):
        self.n, self.local, self.path = n, local, path
        self.sock = socket.create_connection(address)
        self.sock.setblocking(False)
        self.held, self.got, self.answers = b"", [], 0

    def write(self, data):
        self.sock.sendall(data)  # never more than the socket holds

    def send(self, body=b"", kind=None):
        tid = new_id()
        lines = ["MSRP %s SEND" % tid, "To-Path: " + self.local, "From-Path: " + self.path,
                 "Message-ID: " + new_id("m"), "Byte-Range: 1-%d/%d" % (len(body), len(body))]
        data = "\r\n".join(lines + (["Content-Type: " + kind] if kind else [])).encode() + b"\r\n"
        self.write(data + (b"\r\n" + body + b"\r\n" if kind else b"") + b"-------%s$\r\n" % tid.encode())

    def on_readable(self):
        data = self.sock.recv(65536)
        assert data, "leg %d was closed" % self.n
        self.held += data
        replies = b""
        for found in iter(lambda: FRAME.match(self.held), None):
            self.held = self.held[found.end():]
            if found.group(2) == b"200":
                self.answers += 1
                continue
            self.got.append(found.group(0).split(b"\r\n\r\n")[-1].split(b"\r\n-------")[0])
            replies += b"MSRP %s 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (
                found.group(1), self.local.encode(), self.path.encode(), found.group(1))
        if replies:
            self.write(replies)


class Crowd:
    def __init__(self, legs):
        self.legs, self.select = legs, selectors.DefaultSelector()
        for leg in legs:
            self.select.register(leg.sock, selectors.EVENT_READ, leg)

    def until(self, done, what, timeout=60):
        end = time.monotonic() + timeout
        while not done():
            assert time.monotonic() < end, what
            for key, _ in self.select.select(1):
                key.data.on_readable()

    def close(self):
        self.select.close()
        for leg in self.legs:
            leg.sock.close()


@pytest.fixture
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < LEGS + 200:
        pytest.skip("only %d open files allowed" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def focus(tmp_path):
    control = Control(str(tmp_path / "mp.sock"))
    yield control
    control.close()


def start(tmp_path, wrap=(), **options):
    return Server("mrfp", {"mp.socket": str(tmp_path / "mp.sock"), "msrp.port": 0, "admin.port": 0, **options},
                  wrap=wrap).wait_ready()


def add(focus, n):
    return focus.send("add", CONTEXT, termination=n + 1, conference=ROOM, uris=["sip:user%d@example.com" % n],
                      remote_path="msrp://127.0.0.1:9/user%05dxx;tcp" % n, setup=2, match=1, caps=3,
                      accept_types="message/cpim text/plain")


def test_a_thousand_members_hear_each_other(tmp_path, focus, descriptors):
    # covers: SW-023, SW-041
    mrfp = start(tmp_path)
    try:
        wait(lambda: focus.sock, what="the control link")
        asked = [add(focus, n) for n in range(LEGS)]
        wait(lambda: all(t in focus.replies for t in asked), 60, "the replies to Add")
        local = [focus.replies[t]["local_path"] for t in asked]
        crowd = Crowd([Leg(n, local[n], "msrp://127.0.0.1:9/user%05dxx;tcp" % n, mrfp.address("msrp"))
                       for n in range(LEGS)])
        for leg in crowd.legs:
            leg.send()
        crowd.until(lambda: all(leg.answers for leg in crowd.legs), "1000 bound legs")
        assert mrfp.metrics().sum("mrfp_terminations_bound") == LEGS
        before = mrfp.rss_bytes()
        said = []
        for n in (0, 499, 999):
            text = b"this is %d" % n
            said.append(text)
            crowd.legs[n].send(
                b"From: <sip:user%d@example.com>\r\nTo: <%s>\r\nDateTime: 2026-01-01T00:00:00Z\r\n\r\n"
                b"Content-Type: text/plain\r\n\r\n%s" % (n, ROOM.encode(), text), "message/cpim")
            crowd.until(lambda: sum(len(leg.got) for leg in crowd.legs) >= len(said) * (LEGS - 1), "copies")
        for leg in crowd.legs:
            own = b"this is %d" % leg.n
            assert leg.got == [t for t in said if t != own]
        poll(lambda: mrfp.metrics().sum("mrfp_copies_settled_total", outcome="delivered") == 3 * (LEGS - 1),
             what="every copy settled")
        m = mrfp.metrics()
        assert m.sum("mrfp_copies_total") == 3 * (LEGS - 1) and m.sum("mrfp_copies_open") == 0
        assert mrfp.rss_bytes() - before < 16 << 20
        gone = [focus.send("subtract", CONTEXT, termination=n + 1) for n in range(LEGS)]
        wait(lambda: all(t in focus.replies for t in gone), 60, "the replies to Subtract")
        assert mrfp.metrics().sum("mrfp_terminations") == mrfp.metrics().sum("mrfp_contexts") == 0
        crowd.close()
    finally:
        wrong = mrfp.stop()
    assert not wrong, wrong


def without_rights(limit):
    """A command that starts another with that many open files and no right to more."""
    if not shutil.which("prlimit") or (os.geteuid() == 0 and not shutil.which("setpriv")):
        pytest.skip("no prlimit or setpriv here")
    drop = ["setpriv", "--bounding-set", "-sys_resource"] if os.geteuid() == 0 else []
    return ["prlimit", "--nofile=%d:%d" % (limit // 2, limit)] + drop


def test_too_few_open_files_are_told_in_numbers_and_lower_the_limit(tmp_path, focus):
    # covers: MSRP-056
    mrfp = start(tmp_path, wrap=without_rights(200), **{"msrp.max_connections": 500})
    try:
        mrfp.wait_log("needs 564 open files and the system allows 200: 136 connections")
        socks = [socket.create_connection(mrfp.address("msrp")) for _ in range(150)]
        poll(lambda: mrfp.metrics().sum("mrfp_connections_refused_total", limit="total") == 14,
             what="connections beyond the limit")
        assert mrfp.metrics().sum("mrfp_connections") == 136
        for s in socks:
            s.close()
    finally:
        wrong = mrfp.stop()
    assert not wrong, wrong


def test_enough_open_files_are_no_matter(tmp_path, focus):
    mrfp = start(tmp_path, wrap=without_rights(600), **{"msrp.max_connections": 500})
    assert "open files" not in mrfp.log()
    assert not mrfp.stop()
