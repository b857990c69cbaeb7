#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A new key for everybody: N members of a sealed conference, one is thrown out, what that costs until all hold the next epoch.

usage: tests/bench/storm.py [--build DIR] [--server local|external] N...

Starts an mrfc, an mrfp and, with external, an mrfks; provisions N members' keys, joins N users by SIP with a key request each,
binds N plain MSRP sessions and removes the last user by the admin API. Keys are taken off the sockets first and timed;
then each is checked, answered and confirmed, as terminals do. Prints one line of figures for each N.
"""
import argparse
import json
import os
import re
import selectors
import socket
import sys
import tempfile
import time
import urllib.request

import joins

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from peer import gke  # noqa: E402

ROOM = "sip:bench@conf.example.com"
DEADLINE = 240
BATCH = 250  # INVITEs under way
HEAD = re.compile(rb"MSRP (\S+) (\S+)")


def post(admin, path, doc=None, method="POST"):
    """(parsed answer or None) of the admin API."""
    request = urllib.request.Request(f"http://{admin}{path}", method=method, data=json.dumps(doc).encode() if doc else None,
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class Member:
    """One user's key and MSRP session."""

    def __init__(self, n, key):
        self.n, self.uri = n, f"sip:user{n}@example.com"
        self.own = f"msrp://127.0.0.1:9/u{n}x5TqBench;tcp"
        self.keys = gke.Member(key["id"], key["key"], self.uri, ROOM)
        self.sock, self.held, self.paths, self.serial, self.waiting = None, b"", "", 0, []
        self.last = self.confirmation = None

    def sdp(self):
        return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n"
                f"a=path:{self.own}\r\na=setup:active\r\na=accept-types:message/cpim application/mikey\r\n"
                "a=accept-wrapped-types:application/pkcs7-mime application/octet-stream\r\n"
                f"a=key-mgmt:{gke.Member.attribute(self.keys.request(sdp=True))}\r\n")

    def send(self, body=b"", kind=""):
        self.serial += 1
        tid = f"t{self.n:05d}n{self.serial}"
        size = len(body)
        head = (f"MSRP {tid} SEND\r\n{self.paths}Message-ID: {tid}\r\nByte-Range: 1-{size}/{size}\r\n"
                + (f"Content-Type: {kind}\r\n\r\n" if size else ""))
        self.sock.sendall(head.encode() + body + (b"\r\n" if size else b"") + f"-------{tid}$\r\n".encode())

    def begin(self, answer):
        """The answer came: its key is taken, the session bound, the key confirmed."""
        path = re.search(r"^a=path:(\S+)", answer, re.M).group(1)
        host, port = re.search(r"//([^:/]+):(\d+)/", path).groups()
        self.paths = f"To-Path: {path}\r\nFrom-Path: {self.own}\r\n"
        self.sock = socket.create_connection((host, int(port)))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send()
        value = re.search(r"^a=key-mgmt:(\S+ \S+)", answer, re.M).group(1)
        self.confirm(gke.Member.of_attribute(value))

    def confirm(self, octets):
        """A copy sent again, because we were slow, is confirmed again; an older key than the last is not taken."""
        if octets != self.last:
            try:
                self.last, self.confirmation = octets, self.keys.take(octets)
            except gke.Refused:
                return
        self.send(self.confirmation, "application/mikey")

    def frames(self, data):
        """(transaction id, body) of each whole SEND; responses are skipped."""
        self.held += data
        while True:
            head = HEAD.match(self.held)
            end = self.held.find(b"\r\n-------" + head.group(1)) if head else -1
            if end < 0 or len(self.held) < end + 12 + len(head.group(1)):
                return
            frame, self.held = self.held[:end], self.held[end + 12 + len(head.group(1)):]
            if head.group(2) == b"SEND":
                yield head.group(1).decode(), frame.partition(b"\r\n\r\n")[2]

    def answer(self, tid, octets):
        self.sock.sendall(f"MSRP {tid} 200 OK\r\n{self.paths}-------{tid}$\r\n".encode())
        if octets:
            self.confirm(octets)


class Room(joins.Users):
    """The users' SIP, as in joins.py, without subscriptions, and their sessions."""

    def __init__(self, to, members):
        super().__init__(to)
        self.members, self.media = members, selectors.DefaultSelector()
        self.arrived, self.octets_in, self.hold = {}, 0, False

    def invite(self, n):
        self.request("INVITE", n, 1, "Content-Type: application/sdp\r\n", self.members[n].sdp())

    def on_message(self, sock, head, body):
        text = head.decode("utf-8", "replace")
        if text.startswith("SIP/2.0 2") and re.search(r"^CSeq[ \t]*:.*INVITE", text, re.M):
            n = int(re.search(r"I(\d+)-bench", text).group(1))
            self.ack(n, re.search(r"^To[ \t]*:[ \t]*(.*?)\r?$", text, re.M).group(1))
            if n in self.joined:
                return
            self.joined.add(n)
            self.members[n].begin(body.decode())
            self.media.register(self.members[n].sock, selectors.EVENT_READ, self.members[n])
            return
        super().on_message(sock, head, body)

    def listen(self, timeout=0.0):
        for key, _ in self.media.select(timeout):
            member = key.data
            data = member.sock.recv(65536)
            if not data:
                self.media.unregister(member.sock)
                continue
            if self.hold:
                self.octets_in += len(data)
            for tid, octets in member.frames(data):
                if self.hold:
                    self.arrived[member.n] = time.monotonic()
                    member.waiting.append((tid, octets))
                else:
                    member.answer(tid, octets)

    def step(self):
        for key, _ in self.sel.select(0):
            if key.fileobj is self.listener:
                self.add(self.listener.accept()[0])
            else:
                self.on_readable(key.fileobj)
        self.listen(0.005)


def confirmed(admin):
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=60) as answer:
        found = re.search(r'^mrfc_groupkey_events_total\{event="confirmed"\} (\d+)', answer.read().decode(), re.M)
    return int(found.group(1)) if found else 0


def until(room, done, end):
    while not done():
        room.step()
        if room.failed or time.monotonic() > end:
            return False
    return True


def run(build, n, server="local"):
    """Figures of one storm among n members, or None when it did not come about."""
    with tempfile.TemporaryDirectory(prefix="mrf-bench-") as folder:
        mp, procs, more = f"mp.socket={folder}/mp.sock", {}, []
        keys = None
        if server == "external":
            procs["mrfks"], where = joins.start(f"{build}/mrfks", f"listen.socket={folder}/ks.sock", "admin.port=0",
                                                f"store.path={folder}/ks.db")
            keys = where["admin"]
            more = ["groupkey.server=external", f"groupkey.connect={folder}/ks.sock"]
        procs["mrfc"], where = joins.start(f"{build}/mrfc", mp, "sip.port=0", "admin.port=0", "sip.trusted=127.0.0.1",
                                           "sip.max_lag=0", "sip.max_rate=0", "log.level=error", "domain=conf.example.com", *more)
        procs["mrfp"], _ = joins.start(f"{build}/mrfp", mp, "msrp.port=0", "admin.port=0", "log.level=error",
                                       "msrp.connect_allow=127.0.0.1", "msrp.trusted_media=127.0.0.1")
        try:
            return storm(procs, where, keys or where["admin"], n, server)
        finally:
            for proc in procs.values():
                proc.kill()
                proc.wait()


def storm(procs, where, keys, n, server):
    admin, end = where["admin"], time.monotonic() + DEADLINE
    post(admin, "/v1/conferences", {"name": "bench", "e2e": True})
    members = [Member(i, post(keys, "/v1/keys", {"uri": f"sip:user{i}@example.com"})) for i in range(n)]
    host, port = where["sip"].split(",")[0].rsplit(":", 1)
    room, asked = Room((host, int(port)), members), 0
    while len(room.joined) < n:
        while asked < n and asked - len(room.joined) < BATCH:
            room.invite(asked)
            asked += 1
        room.step()
        if room.failed or time.monotonic() > end:
            return None
    if not until(room, lambda: len({m.keys.hex for m in members}) == 1, end):
        return None
    quiet = time.monotonic() + 3  # what confirms the last of them is with the MRFC
    until(room, lambda: time.monotonic() > quiet, end)
    first, before, cpu = members[0].keys.hex, confirmed(admin) if server == "local" else 0, {k: joins.cpu_us(p.pid) for k, p in procs.items()}
    room.hold, begun = True, time.monotonic()
    post(admin, f"/v1/conferences/bench/participants/sip%3Auser{n - 1}%40example.com", method="DELETE")
    if not until(room, lambda: len(room.arrived) == n - 1, end):
        return None
    sent = {k: joins.cpu_us(p.pid) - cpu[k] for k, p in procs.items()}
    times, octets = sorted(room.arrived.values()), room.octets_in
    room.hold = False
    for member in members[:-1]:
        for one in member.waiting:
            member.answer(*one)
    if server == "local":
        if not until(room, lambda: confirmed(admin) - before >= n - 1, end):
            return None
    else:
        quiet = time.monotonic() + 2
        until(room, lambda: time.monotonic() > quiet, end)
    if {m.keys.hex for m in members[:-1]} == {first} or len({m.keys.hex for m in members[:-1]}) != 1:
        return None
    return {"n": n, "octets": octets, "ms_99": (times[int(0.99 * (n - 1)) - 1] - begun) * 1000, "ms_all": (times[-1] - begun) * 1000,
            "keys": sum(len(m.waiting) for m in members[:-1]), "sent_ms": {k: v / 1000 for k, v in sent.items()},
            "all_ms": {k: (joins.cpu_us(p.pid) - cpu[k]) / 1000 for k, p in procs.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--server", choices=("local", "external"), default="local")
    parser.add_argument("n", type=int, nargs="+")
    args = parser.parse_args()
    for n in args.n:
        figures = run(args.build, n, args.server)
        if figures is None:
            sys.exit(f"{n}: the storm did not come about")
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
