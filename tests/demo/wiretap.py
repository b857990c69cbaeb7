# SPDX-License-Identifier: Apache-2.0
"""What a wiretap and whoever has the switch's memory get to see. Both need rights that not everybody has: without them
open() and image() tell so by PermissionError."""
import re
import socket
import threading

SEALED = bytes.fromhex("060b2a864886f70d0109100117")    # how a CMS AuthEnvelopedData begins
ALL_PROTOCOLS = 3
CHUNK = 1 << 24


class Wiretap:
    """Every frame on loopback, from open() to close()."""

    def __init__(self):
        self.octets, self.frames = bytearray(), 0
        self.socket = self.thread = None

    def open(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self.socket.bind(("lo", 0))
        self.socket.settimeout(0.2)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        return self

    def _read(self):
        while self.socket:
            try:
                self.octets += self.socket.recv(1 << 17)
                self.frames += 1
            except TimeoutError:
                continue
            except OSError:
                return

    def close(self):
        sock, self.socket = self.socket, None
        self.thread.join()
        sock.close()


def image(pid):
    """All writable memory of a process, in pieces (the kernel's own pages and devices are not its memory)."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps:
        ranges = [re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line) for line in maps if "[v" not in line]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in ((int(r.group(1), 16), int(r.group(2), 16)) for r in ranges if r):
            tail = b""
            while start < end:
                memory.seek(start)
                try:
                    piece = memory.read(min(CHUNK, end - start))
                except OSError:
                    break   # not mapped any more
                if not piece:
                    break
                yield tail + piece  # what lies across two pieces is in the second one
                tail, start = piece[-64:], start + len(piece)
