# SPDX-License-Identifier: Apache-2.0
"""MSRP inside a WebSocket (RFC 6455, RFC 7977), the browser's side, written without any library.

    conn = WsConnection.connect(("127.0.0.1", port)).opened()      # handshake done, subprotocol msrp
    sess = Session("msrps://df7jal23ls0d.invalid:2855/98cjs;ws", remote_path).attach(conn).bind()

Everything a Connection does works: each send is one masked binary message. `ws` keeps what came:
messages as (opcode, octets), pings, pongs, the close code. Odd octets go out by frame() and octets().
"""

import base64
import hashlib
import os
import struct

from .loop import DEADLINE, Stream, wait
from .msrp import Connection
from .msrpmsg import ParseError, new_id

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN = 0x80


def masked(data, key):
    """XOR with the key, repeated."""
    size = len(data)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def frame(first, data=b"", mask=True, length=None):
    """One frame as octets; first: FIN, RSV bits and opcode. length: another one than it has."""
    size = len(data) if length is None else length
    bit = 0x80 if mask else 0
    if size < 126:
        head = struct.pack(">BB", first, bit | size)
    elif size < 65536:
        head = struct.pack(">BBH", first, bit | 126, size)
    else:
        head = struct.pack(">BBQ", first, bit | 127, size)
    if not mask:
        return head + data
    key = os.urandom(4)
    return head + key + masked(data, key)


def hello(host, path="/", origin=None, protocol="msrp", version="13", key=None, lines=()):
    """The opening request; None leaves a header out."""
    out = ["GET %s HTTP/1.1" % path, "Host: %s" % host, "Upgrade: websocket",
           "Connection: keep-alive, Upgrade"]
    for name, value in (("Sec-WebSocket-Key", key), ("Origin", origin),
                        ("Sec-WebSocket-Protocol", protocol), ("Sec-WebSocket-Version", version)):
        if value is not None:
            out.append("%s: %s" % (name, value))
    return "\r\n".join(out + list(lines) + ["", ""]).encode()


def local_uri(session_id=None):
    """A URI of a client that does not know where it is (RFC 7977, appendix A)."""
    return "msrps://%s.invalid:2855/%s;ws" % (new_id(), session_id or new_id())


class WsConnection(Connection):
    """The client's end. status: of the handshake, None until its answer came."""

    def __init__(self, sock, request=None, **kwargs):
        self.key = base64.b64encode(os.urandom(16)).decode()
        self.held, self.partial = bytearray(), None
        self.status, self.headers = None, {}
        self.messages, self.pings, self.pongs = [], [], []
        self.close_code, self.breaches = None, []
        self.auto_pong = True
        super().__init__(sock)
        self.octets(request or hello("%s:%d" % self.remote, key=self.key, **kwargs))

    # -- in --------------------------------------------------------------------------------

    def on_data(self, data):
        self.octets_in += len(data)
        self.held += data
        if self.status is None and not self._take_answer():
            return
        while self._take_frame():
            pass

    def _take_answer(self):
        end = self.held.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(self.held[:end]).decode("ascii").split("\r\n")
        del self.held[:end + 4]
        self.headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines[1:])}
        self.status = int(lines[0].split(" ")[1])
        if self.status == 101:
            proof = base64.b64encode(hashlib.sha1((self.key + GUID).encode()).digest()).decode()
            expected = {"upgrade": "websocket", "connection": "Upgrade",
                        "sec-websocket-accept": proof, "sec-websocket-protocol": "msrp"}
            self.breaches += ["%s: %r" % (n, self.headers.get(n)) for n, v in expected.items()
                              if self.headers.get(n) != v]
        return self.status == 101

    def _take_frame(self):
        if len(self.held) < 2:
            return False
        first, size, at = self.held[0], self.held[1], 2
        if size & 0x80 or first & 0x70:
            self.breaches.append("frame %02x %02x" % (first, size))
        size &= 0x7f
        if size > 125:
            at = 4 if size == 126 else 10
            if len(self.held) < at:
                return False
            short, size = size, int.from_bytes(self.held[2:at], "big")
            if size < (126 if short == 126 else 65536):
                self.breaches.append("length %d in %d octets" % (size, at - 2))
        if len(self.held) < at + size:
            return False
        data = bytes(self.held[at:at + size])
        del self.held[:at + size]
        self._on_frame(first & 0x0f, bool(first & FIN), data)
        return True

    def _on_frame(self, opcode, fin, data):
        if self.close_code is not None:
            self.breaches.append("a frame behind the Close frame")
        if opcode >= CLOSE and (not fin or len(data) > 125):
            self.breaches.append("control frame %d of %d octets" % (opcode, len(data)))
        if opcode == CLOSE:
            self.close_code = int.from_bytes(data[:2], "big") if data else 1005
        elif opcode == PING:
            self.pings.append(data)
            if self.auto_pong:
                self.octets(frame(FIN | PONG, data))
        elif opcode == PONG:
            self.pongs.append(data)
        else:
            if (opcode == CONTINUATION) != (self.partial is not None):
                self.breaches.append("opcode %d out of place" % opcode)
            kind, before = self.partial or (opcode, b"")
            self.partial = None if fin else (kind, before + data)
            if fin:
                self.messages.append((kind, before + data))
                self._on_message(before + data)

    def _on_message(self, data):
        try:
            frames = self.parser.feed(data)
        except ParseError as err:
            self.parse_error = str(err)
            return
        if len(frames) != 1 or self.parser.buf:
            self.breaches.append("a message of %d chunks and %d octets" % (
                len(frames), len(self.parser.buf)))
            self.parser.buf.clear()
        for one in frames:
            self.on_frame(one)

    # -- out -------------------------------------------------------------------------------

    def send_raw(self, data):
        """Each call is one message."""
        self.octets(frame(FIN | BINARY, bytes(data)))

    def octets(self, data):
        """To the stream as they are."""
        Stream.send_raw(self, data)

    def send_fragments(self, data, sizes, opcode=BINARY, between=b""):
        """One message in fragments of the given sizes (the last repeats), octets between them."""
        at = i = 0
        while at < len(data) or i == 0:
            size = sizes[min(i, len(sizes) - 1)]
            last = at + size >= len(data)
            self.octets(frame((FIN if last else 0) | (CONTINUATION if i else opcode),
                              data[at:at + size]) + (b"" if last else between))
            at, i = at + size, i + 1

    # -- waiting ---------------------------------------------------------------------------

    def answered(self, timeout=DEADLINE):
        """Wait for the answer to the handshake; returns its status."""
        wait(lambda: self.status or self.closed, timeout, "an answer to the WebSocket handshake")
        return self.status

    def opened(self):
        assert self.answered() == 101, "handshake: %s" % self.status
        return self

    def wait_close(self, timeout=DEADLINE):
        """Wait for a Close frame; returns its code (1005: none given)."""
        wait(lambda: self.close_code is not None or self.closed, timeout, "a Close frame")
        return self.close_code

    @property
    def violations(self):
        return super().violations + self.breaches
