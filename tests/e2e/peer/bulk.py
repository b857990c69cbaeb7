# SPDX-License-Identifier: Apache-2.0
"""Bulk transfer in processes of its own, for messages too large to keep in a test's memory.

    python3 -m peer.bulk < job.json         one JSON line of results on stdout

A job: {"address": [host, port], "size": octets, "head": CPIM head, "send": [local, remote] or
null, "receive": [[local, remote], ...]}. Receivers bind, print "bound", then hash the one
message of `size` octets after its head as it comes. The sender sends it as one SEND.
"""

import hashlib
import json
import queue
import random
import selectors
import socket
import sys
import threading

from .msrpmsg import Parser, response

BLOCK = 1 << 20


def content(size):
    """The octets of a test message, block by block: no two blocks are alike."""
    filler = random.Random(4975).randbytes(BLOCK - 8)
    for n in range(0, size, BLOCK):
        yield (n.to_bytes(8, "big") + filler)[:size - n]


def digest(size):
    h = hashlib.sha1()
    for block in content(size):
        h.update(block)
    return h.hexdigest()


def bind(address, local, remote):
    """A bound connection: the socket, and what came already behind the 200."""
    sock = socket.create_connection(address, 20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(("MSRP bind0001 SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: bindmsg1\r\n"
                  "Byte-Range: 1-0/0\r\n-------bind0001$\r\n" % (remote, local)).encode())
    answer = b""
    while b"-------bind0001$\r\n" not in answer:
        got = sock.recv(4096)
        assert got, "closed at bind"
        answer += got
    assert answer.startswith(b"MSRP bind0001 200"), answer
    return sock, answer.partition(b"-------bind0001$\r\n")[2]


def send(job):
    """One SEND with all of it; what comes meanwhile is read at once and answered after its end."""
    local, remote = job["send"]
    head = job["head"].encode()
    total = len(head) + job["size"]
    sock, early = bind(tuple(job["address"]), local, remote)
    frames, ended = queue.SimpleQueue(), threading.Event()

    def reader():
        parser, data = Parser(), early
        while True:
            for frame in parser.feed(data):
                frames.put(frame)
                if frame.tid == "bulk0001" and not ended.is_set():
                    frames.put(None)  # refused half-way
                    return
            data = sock.recv(65536)
            if not data:
                frames.put(None)
                return
    threading.Thread(target=reader, daemon=True).start()
    sock.sendall(("MSRP bulk0001 SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: bulkmsg1\r\n"
                  "Success-Report: yes\r\nByte-Range: 1-*/%d\r\nContent-Type: message/cpim\r\n\r\n"
                  % (remote, local, total)).encode() + head)
    for block in content(job["size"]):
        sock.sendall(block)
    ended.set()
    sock.sendall(b"\r\n-------bulk0001$\r\n")
    result = {"status": None, "report": False}
    while not (result["status"] and result["report"]):
        frame = frames.get(timeout=60)
        if frame is None:
            break
        if frame.tid == "bulk0001":
            result["status"] = frame.status
        elif frame.wants_response:
            sock.sendall(response(frame, 200).build())
        elif frame.method == "REPORT":
            result["report"] = frame.message_id == "bulkmsg1"
    # keep the session until the test has seen the result
    print(json.dumps(result), flush=True)
    sys.stdin.readline()
    sock.close()


class Receiver:
    """Parses just what a switch sends: SENDs with a body, answered 200; other frames are passed."""

    def __init__(self, sock, local, remote, skip, size):
        self.sock, self.local, self.remote = sock, local, remote
        self.skip, self.size = skip, size
        self.buf = bytearray()
        self.hash = hashlib.sha1()
        self.at, self.chunks, self.smallest, self.largest = 0, 0, 1 << 62, 0
        self.done, self.error = False, None

    def on_readable(self):
        data = self.sock.recv(1 << 19)
        if not data:
            self.error = "closed after %d octets" % self.at
            return
        self.take(data)

    def take(self, data):
        self.buf += data
        answers = []
        start = 0
        while True:
            end = self.frame(start, answers)
            if end is None:
                break
            start = end
        del self.buf[:start]
        if answers:
            self.sock.sendall(b"".join(answers))

    def frame(self, start, answers):
        """Take one frame at start; the offset behind it, or None when it is not all there."""
        line = self.buf.find(b"\r\n", start)
        if line < 0:
            return None
        _, tid, kind = bytes(self.buf[start:line]).split(b" ", 2)
        mark = b"\r\n-------" + tid
        end = self.buf.find(mark, line)
        if end < 0 or len(self.buf) < end + len(mark) + 3:
            return None
        flag = self.buf[end + len(mark):end + len(mark) + 1]
        after = end + len(mark) + 3
        if kind != b"SEND":
            return after
        blank = self.buf.find(b"\r\n\r\n", line, end)
        head = bytes(self.buf[line:blank if blank >= 0 else end]).decode()
        answers.append(("MSRP %s 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (
            tid.decode(), self.remote, self.local, tid.decode())).encode())
        if blank >= 0 and "/%d\r\n" % (self.skip + self.size) in head:
            self.body(head, blank + 4, end, flag == b"$")
        return after

    def body(self, head, start, end, last):
        first = int(head.partition("Byte-Range: ")[2].partition("-")[0])
        if first != self.at + 1:
            self.error = "octet %d after %d" % (first, self.at)
            return
        size = end - start
        drop = max(0, min(size, self.skip - self.at))
        with memoryview(self.buf) as view:
            self.hash.update(view[start + drop:end])
        self.at += size
        self.chunks += 1
        self.largest = max(self.largest, size)
        if last:
            self.done = self.at == self.skip + self.size
            self.error = None if self.done else "ended at %d" % self.at
        else:
            self.smallest = min(self.smallest, size)

    def result(self):
        return {"digest": self.hash.hexdigest(), "chunks": self.chunks, "error": self.error,
                "smallest": self.smallest, "largest": self.largest}


def receive(job):
    receivers = []
    selector = selectors.DefaultSelector()
    for local, remote in job["receive"]:
        sock, early = bind(tuple(job["address"]), local, remote)
        r = Receiver(sock, local, remote, len(job["head"].encode()), job["size"])
        r.take(early)
        receivers.append(r)
        selector.register(sock, selectors.EVENT_READ, r)
    print("bound", flush=True)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    told = False
    while True:  # goes on answering after the result, until the test closes our input
        for key, _ in selector.select():
            if key.data is None:
                return
            key.data.on_readable()
            if key.data.error:
                selector.unregister(key.fileobj)
        if not told and all(r.done or r.error for r in receivers):
            told = True
            print(json.dumps([r.result() for r in receivers]), flush=True)


def main():
    job = json.loads(sys.stdin.readline())
    if job.get("send"):
        send(job)
    else:
        receive(job)


if __name__ == "__main__":
    main()
