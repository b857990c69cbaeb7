# SPDX-License-Identifier: Apache-2.0
"""The MRFC's side of an external key server's connection, by hand.

    ks = start(folder, **options)              # an mrfks, ready
    mk = add_key(ks, "sip:alice@example.com", "a1")
    link = Link(ks.options["listen.socket"]).hello()
    link.send(OPEN, room=ROOM); link.change(ROOM, joined=[("sip:alice@example.com", "", b"")])
    link.next().verb == EPOCH
"""

import collections
import os
import socket
import struct
import subprocess

from .servers import Server, program

HELLO, PING, PONG = 1, 2, 3
OPEN, CLOSE, CHANGE, REQUEST, SENT = range(16, 21)
EPOCH, MESSAGE, CONFIRMED, REFUSED = range(32, 36)
DENIED, STALE, NOT_FOUND = 9, 13, 3

Frame = collections.namedtuple("Frame", "verb number room uri key_id data")


def octets(text):
    return text.encode() if isinstance(text, str) else text


def field(text):
    return struct.pack(">I", len(octets(text))) + octets(text)


def frame(verb, number=0, room="", uri="", key_id="", data=b""):
    body = struct.pack(">BQ", verb, number) + b"".join(field(f) for f in (room, uri, key_id, data))
    return struct.pack(">I", len(body)) + body


def item(joined, uri, key_id, request=b""):
    """One of a CHANGE's list."""
    return bytes([joined]) + field(uri) + field(key_id) + field(request)


def fields_of(octets, n):
    """n fields, and what is behind them."""
    out = []
    for _ in range(n):
        size = struct.unpack(">I", octets[:4])[0]
        assert len(octets) >= 4 + size
        out.append(octets[4:4 + size])
        octets = octets[4 + size:]
    return out, octets


def parse(body):
    """A Frame of what follows its length."""
    verb, number = struct.unpack(">BQ", body[:9])
    fields, rest = fields_of(body[9:], 4)
    assert not rest
    return Frame(verb, number, *(f.decode() for f in fields[:3]), fields[3])


def frames(octets):
    """All the Frames of octets that hold nothing else."""
    out = []
    while octets:
        size = struct.unpack(">I", octets[:4])[0]
        assert len(octets) >= 4 + size, "a frame is not whole"
        out.append(parse(octets[4:4 + size]))
        octets = octets[4 + size:]
    return out


def items(data):
    """[(joined, uri, key id, request)] of a CHANGE."""
    out = []
    while data:
        (uri, key_id, request), rest = fields_of(data[1:], 3)
        out.append((data[0] == 1, uri.decode(), key_id.decode(), request))
        data = rest
    return out


def options(folder):
    return {"listen.socket": os.path.join(str(folder), "ks.sock"), "admin.port": 0,
            "store.path": os.path.join(str(folder), "ks.db")}


def start(folder, **more):
    return Server("mrfks", {**options(folder), **{k.replace("__", "."): v for k, v in more.items()}}).wait_ready()


def ctl(server, *args, code=0):
    """mrfctl against a server's admin port: (stdout, stderr)."""
    done = subprocess.run([program("mrfctl"), "--server", "%s:%d" % server.address("admin"), *args],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (args, done)
    return done.stdout, done.stderr


def add_key(server, uri, key_id):
    """A new key, 32 octets."""
    got, digits = ctl(server, "key", "add", uri, "--id", key_id)[0].split()
    assert got == key_id
    return bytes.fromhex(digits)


class Link:
    """place: path of a Unix socket, or (host, port) with tls, an SSL context."""

    def __init__(self, place, tls=None):
        if tls is None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(20)
            self.sock.connect(place)
        else:
            self.sock = tls.wrap_socket(socket.create_connection(place, timeout=20))
        self.held = b""

    def hello(self):
        self.send(HELLO, 1)
        assert self.next()[:2] == (HELLO, 1)
        return self

    def send(self, *args, **fields):
        self.sock.sendall(frame(*args, **fields))

    def change(self, room, joined=(), left=()):
        """joined: (uri, key id, request) each; left: (uri, key id)."""
        who = [item(False, u, k) for u, k in left] + [item(True, u, k, r) for u, k, r in joined]
        self.send(CHANGE, room=room, data=b"".join(who))

    def _take(self, n):
        while len(self.held) < n:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.held += more
        out, self.held = self.held[:n], self.held[n:]
        return out

    def next(self):
        """The next frame; EOFError at the end."""
        return parse(self._take(struct.unpack(">I", self._take(4))[0]))

    def quiet(self):
        """Nothing was on its way: a PING is answered next."""
        self.send(PING)
        assert self.next().verb == PONG

    def ended(self):
        try:
            while True:
                self.next()
        except (EOFError, OSError):
            return True

    def close(self):
        self.sock.close()
