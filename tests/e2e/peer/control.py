# SPDX-License-Identifier: Apache-2.0
"""An MRFC of our own for tests of the MRFP alone: a Unix socket, frames, requests and replies.

    focus = Control(path)                       # before the MRFP starts
    mrfp = Server("mrfp", {"mp.socket": path, ...}).wait_ready()
    reply = focus.add(context, 1, conference="sip:r@c", uris=["sip:a@b"], remote_path="msrp://...")
    reply["local_path"]
"""

import os
import socket
import struct
import threading

from .loop import LOOP, wait

COMMANDS = {"service_change": 1, "add": 2, "modify": 3, "subtract": 4, "inject": 5, "notify": 6,
            "audit": 7, "keepalive": 8}
FIELDS = {  # name: (tag, width or str)
    "code": (0x101, 2), "reason": (0x102, str), "incarnation": (0x103, 8), "version": (0x104, 1),
    "status": (0x105, 2), "epoch": (0x201, 8), "termination": (0x202, 8),
    "conference": (0x204, str), "aliases": (0x205, str), "policy": (0x206, 1),
    "uris": (0x207, str), "remote_path": (0x209, str), "setup": (0x20a, 1),
    "connect": (0x20b, str), "match": (0x20c, 1), "caps": (0x20d, 1), "accept_types": (0x20e, str),
    "accept_wrapped_types": (0x20f, str), "max_size": (0x210, 8), "direction": (0x211, 1),
    "new_local": (0x212, 1), "nickname": (0x216, str), "local_path": (0x301, str), "address": (0x302, str),
    "content_type": (0x501, str), "body": (0x502, str), "event": (0x601, 1), "cause": (0x602, 1),
    "copies_lost": (0x404, 8), "copies_delivered": (0x403, 8),
    "messages_in": (0x401, 8), "octets_in": (0x402, 8), "cursor": (0x701, 8), "kind": (0x203, 1), "transport": (0x208, 1),
    "local_session": (0x214, str), "family": (0x215, 1), "fingerprints": (0x217, str),
    "key_domain": (0x21e, str), "key_epoch": (0x21f, 4), "key_newest": (0x220, 4),
    "max_message": (0x218, 8), "max_file": (0x219, 8), "msrp": (0x005, str), "msrp_tls": (0x006, str),
    "msrp_wss": (0x00b, str), "fingerprint": (0x00c, str), "advertise": (0x00d, str),
    "method": (0x001, 1), "mrfp_id": (0x002, str), "mrfp_incarnation": (0x003, 8), "version_max": (0x004, 1),
    "load": (0x605, 4), "message_id": (0x606, str), "payload_type": (0x607, str), "size": (0x608, 8),
    "started": (0x609, 8), "ended": (0x60a, 8), "outcome": (0x60b, 1), "outcome_status": (0x60c, 2),
    "away": (0x21a, 1), "listener": (0x21b, 1), "hold": (0x21c, 1), "missed": (0x21d, 1), "grace": (0x224, 4), "key_server": (0x225, 1),
    "sender": (0x60d, 8),
    "by_name": (0x223, 1), "psk_identity": (0x221, str), "psk": (0x222, str), "number": (0x503, 8), "told": (0x60e, 8), "to": (0x60f, str)}
NAMES = {tag: (name, kind) for name, (tag, kind) in FIELDS.items()}


def frame(command, transaction, context=b"", flags=0, version=1, **fields):
    """One frame as octets; a list repeats its field."""
    out = b""
    for name, value in fields.items():
        tag, kind = FIELDS[name]
        for one in value if isinstance(value, (list, tuple)) else [value]:
            data = (one.encode() if isinstance(one, str) else one) if kind is str else \
                one.to_bytes(kind, "big")
            out += struct.pack(">HI", tag, len(data)) + data
    head = struct.pack(">BBBBI16s", version, command, flags, 0, transaction, context)
    return struct.pack(">I", len(head) + len(out)) + head + out


def fields_of(data):
    found = {}
    while data:
        tag, size = struct.unpack(">HI", data[:6])
        name, kind = NAMES.get(tag & 0x7fff, (tag, str))
        value = data[6:6 + size]
        found[name] = value.decode("utf-8", "replace") if kind is str else \
            int.from_bytes(value, "big")
        data = data[6 + size:]
    return found


def octets_of(data):
    """{tag: octets} of a frame's fields, the must-be-understood bit left off."""
    found = {}
    while data:
        tag, size = struct.unpack(">HI", data[:6])
        found[tag & 0x7fff] = data[6:6 + size]
        data = data[6 + size:]
    return found


class Control:
    """Answers registration, keepalives and events by itself; `answers` False: silence."""

    def __init__(self, path, incarnation=1):
        self.incarnation, self.transaction = incarnation, 0
        self.replies, self.events, self.answers = {}, [], True
        self.nickname_status, self.registered = 200, {}
        self.verdict = lambda event: 200  # status for an authorise event; None: no reply
        self.keeps = lambda event: 0  # code of the reply to an owed event; None: no reply
        self.sock, self.writing = None, threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):
            os.unlink(path)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with LOOP.cond:
                self.sock = sock
                LOOP.changed()
            self._read(sock)

    def _read(self, sock):
        held = b""
        while True:
            try:
                data = sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            held += data
            while len(held) >= 4 and len(held) >= 4 + int.from_bytes(held[:4], "big"):
                size = 4 + int.from_bytes(held[:4], "big")
                self._take(held[:size])
                held = held[size:]
        sock.close()

    def _take(self, data):
        _, command, flags, _, transaction, context = struct.unpack(">BBBBI16s", data[4:28])
        fields = fields_of(data[28:])
        with LOOP.cond:
            if flags & 1:
                self.replies[transaction] = fields
            elif command == COMMANDS["service_change"]:
                self.registered = fields
            elif command == COMMANDS["notify"]:
                self.events.append({"context": context, **fields, "raw": octets_of(data[28:])})
            LOOP.changed()
        if flags & 1 or not self.answers:
            return
        more = {}
        if command == COMMANDS["service_change"]:
            more = {"incarnation": self.incarnation, "version": 1}
            if fields.get("method") == 2:
                more = {"code": 9}  # drain: there is no other MRFP to move anything to
        elif fields.get("event") == 3:
            more = {"status": self.nickname_status}
        elif fields.get("event") == 9:
            status = self.verdict(fields)
            if status is None:
                return
            more = {"status": status}
        elif fields.get("event") == 10:
            more = {"code": self.keeps(fields)}
            if more["code"] is None:
                return
        self.raw(frame(command, transaction, context, 1, **{"code": 0, **more}))

    def raw(self, data):
        # A frame of tens of kilobytes is not one write: the reader's answers must not cut in.
        with self.writing:
            try:
                self.sock.sendall(data)
            except OSError:
                pass

    def send(self, command, context, **fields):
        """Only ask; returns the transaction."""
        self.transaction += 1
        if command in ("add", "modify", "subtract", "inject"):
            fields.setdefault("epoch", 1)
        self.raw(frame(COMMANDS[command], self.transaction, context, **fields))
        return self.transaction

    def ask(self, command, context, **fields):
        """Ask and return the reply's fields."""
        n = self.send(command, context, **fields)
        return wait(lambda: self.replies.pop(n, None), what="a reply to %s" % command)

    def close(self):
        self.listener.close()
        if self.sock:
            self.sock.close()
