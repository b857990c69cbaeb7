# SPDX-License-Identifier: Apache-2.0
"""MSRP frames (RFC 4975 section 9): a strict parser for what servers send, and a builder.

`Frame.build()` writes what a correct peer writes; tests that want broken input give octets to
Connection.send_raw() instead, often starting from build().
"""

import re
import secrets

IDENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}$")
START = re.compile(rb"^MSRP ([^ ]+) (?:([A-Z]+)|(\d{3})(?: ([^\r\n]*))?)$")
ORDERED = ("To-Path", "From-Path")


def new_id(prefix=""):
    """A transaction id or Message-ID with 64 random bits."""
    return prefix + secrets.token_hex(8)


class Uri:
    """An MSRP URI: scheme, host, port, session (id), transport."""

    def __init__(self, text):
        m = re.match(r"^(msrps?)://(?:[^@/]*@)?(\[[^\]]*\]|[^:/;]*)(?::(\d+))?(?:/([^;]*))?"
                     r";([a-z0-9]+)((?:;[^;]*)*)$", text, re.I)
        if not m:
            raise ValueError("no MSRP URI: %r" % text)
        self.text = text
        self.scheme, self.host = m.group(1).lower(), m.group(2).strip("[]").lower()
        self.port = int(m.group(3)) if m.group(3) else None
        self.session, self.transport = m.group(4), m.group(5).lower()

    @property
    def addr(self):
        return (self.host, self.port)


class Frame:
    """A request (method) or response (status, comment).

    headers: [(name, value)]; body: octets, or None when there is no body at all (MSRP-015);
    flag: "$", "+" or "#".
    """

    def __init__(self, tid=None, method=None, status=None, comment=None, headers=(), body=None,
                 flag="$"):
        self.tid = tid or new_id()
        self.method, self.status, self.comment = method, status, comment
        self.headers, self.body, self.flag = list(headers), body, flag
        self.violations = []

    def get(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    is_response = property(lambda self: self.status is not None)
    to_path = property(lambda self: (self.get("To-Path") or "").split(" "))
    from_path = property(lambda self: (self.get("From-Path") or "").split(" "))
    message_id = property(lambda self: self.get("Message-ID"))
    content_type = property(lambda self: self.get("Content-Type"))
    text = property(lambda self: (self.body or b"").decode("utf-8"))

    @property
    def byte_range(self):
        """(start, end, total); "*" is None. None when the header is absent."""
        value = self.get("Byte-Range")
        if value is None:
            return None
        m = re.match(r"^(\d+)-(\d+|\*)/(\d+|\*)$", value)
        if not m:
            raise ValueError("Byte-Range %r" % value)
        return tuple(None if g == "*" else int(g) for g in m.groups())

    @property
    def wants_response(self):
        """Does a receiver that is content answer 200 (table of catalogue section 5)?"""
        if self.is_response or self.method == "REPORT":
            return False
        return self.method != "SEND" or (self.get("Failure-Report") or "yes") == "yes"

    def build(self):
        if self.is_response:
            comment = " " + self.comment if self.comment else ""
            lines = ["MSRP %s %03d%s" % (self.tid, self.status, comment)]
        else:
            lines = ["MSRP %s %s" % (self.tid, self.method)]
        lines += ["%s: %s" % h for h in self.headers]
        out = "\r\n".join(lines).encode() + b"\r\n"
        if self.body is not None:
            out += b"\r\n" + self.body + b"\r\n"
        return out + ("-------%s%s\r\n" % (self.tid, self.flag)).encode()

    def __repr__(self):
        what = str(self.status) if self.is_response else self.method
        size = "" if self.body is None else " %d octets" % len(self.body)
        return "<MSRP %s %s %s%s %s>" % (self.tid, what, self.get("Byte-Range") or "", size,
                                         self.flag)


def response(request, status, comment=None):
    """The response a peer sends to a received request."""
    to = request.from_path[:1] if request.method == "SEND" else request.from_path
    return Frame(request.tid, status=status, comment=comment, headers=[
        ("To-Path", " ".join(to)), ("From-Path", request.to_path[0])])


class ParseError(ValueError):
    """The stream is no MSRP any more."""


class Parser:
    """Incremental: feed(octets) -> list of complete Frames. Raises ParseError."""

    def __init__(self):
        self.buf = bytearray()
        self.frame = None
        self.body_at = 0
        self.mark = b""
        self.scan = 0

    def feed(self, data):
        self.buf += data
        out = []
        while self.buf:
            if self.frame is None and not self._head():
                break
            if not self._tail():
                break
            out.append(self.frame)
            self.frame = None
        return out

    def _head(self):
        """Parse up to the end of the head: a blank line or the end-line (left for _tail)."""
        end = self.buf.find(b"\r\n")
        if end < 0:
            if len(self.buf) > 4096:
                raise ParseError("no start line in %r" % bytes(self.buf[:80]))
            return False
        m = START.match(bytes(self.buf[:end]))
        if not m:
            raise ParseError("start line %r" % bytes(self.buf[:end]))
        tid = m.group(1).decode()
        self.mark = b"-------" + m.group(1)
        frame = Frame(tid, m.group(2) and m.group(2).decode(), m.group(3) and int(m.group(3)),
                      m.group(4) and m.group(4).decode())
        if not IDENT.match(tid):
            frame.violations.append("transaction id %r" % tid)
        at = end + 2
        while True:
            end = self.buf.find(b"\r\n", at)
            if end < 0:
                return False
            line = bytes(self.buf[at:end])
            if line == b"":
                frame.body = b""
                self.body_at = self.scan = end + 2
                break
            if line[:-1] == self.mark and line[-1:] in (b"$", b"+", b"#"):
                self.body_at = at
                break
            name, colon, value = line.partition(b": ")
            if not colon:
                raise ParseError("header line %r" % line)
            try:
                frame.headers.append((name.decode("ascii"), value.decode("utf-8")))
            except UnicodeDecodeError:
                frame.violations.append("header %r is no UTF-8" % line)
                frame.headers.append((name.decode("latin-1"), value.decode("latin-1")))
            at = end + 2
        self.frame = frame
        return True

    def _tail(self):
        """Find the end-line; complete self.frame."""
        frame = self.frame
        if frame.body is None:
            at = self.body_at
            stop = self.buf.find(b"\r\n", at)
        else:
            needle = b"\r\n" + self.mark
            start = max(self.body_at, self.scan - len(needle) - 4)
            while True:
                hit = self.buf.find(needle, start)
                if hit < 0 or len(self.buf) < hit + len(needle) + 3:
                    self.scan = len(self.buf) if hit < 0 else hit
                    return False
                tail = bytes(self.buf[hit + len(needle):hit + len(needle) + 3])
                if tail[:1] in (b"$", b"+", b"#") and tail[1:] == b"\r\n":
                    break
                start = hit + 1
            frame.body = bytes(self.buf[self.body_at:hit])
            at = hit + 2
            stop = hit + len(needle) + 1
        frame.flag = chr(self.buf[stop - 1])
        del self.buf[:stop + 2]
        check(frame)
        return True


def check(frame):
    """Note in frame.violations what a sender of RFC 4975 must not do."""
    bad = frame.violations
    names = [n for n, _ in frame.headers]
    if tuple(names[:2]) != ORDERED:
        bad.append("headers start with %s" % names[:2])
    for name in ORDERED:
        if names.count(name) != 1:
            bad.append("%d %s" % (names.count(name), name))
    for uri in frame.to_path + frame.from_path:
        try:
            Uri(uri)
        except ValueError as err:
            bad.append(str(err))
    if frame.is_response:
        if frame.body is not None or frame.flag != "$":
            bad.append("response with body or flag %s" % frame.flag)
        return
    has_type = "Content-Type" in names
    if (frame.body is not None) != has_type:
        bad.append("Content-Type and body do not agree")
    if has_type and names[-1] != "Content-Type":
        bad.append("Content-Type is not the last header")
    if "Content-Transfer-Encoding" in names:
        bad.append("Content-Transfer-Encoding")
    if frame.method == "SEND":
        if not IDENT.match(frame.message_id or ""):
            bad.append("Message-ID %r" % frame.message_id)
        try:
            rng = frame.byte_range
        except ValueError as err:
            bad.append(str(err))
            return
        if rng is None:
            bad.append("SEND without Byte-Range")
        elif frame.body is not None and len(frame.body) > 2048 and rng[1] is not None:
            bad.append("%d octets with a fixed end %r" % (len(frame.body), rng))
        elif rng[1] is not None and frame.flag != "#" and \
                rng[1] - rng[0] + 1 != len(frame.body or b""):
            bad.append("range %r with %d octets" % (rng, len(frame.body or b"")))
    elif frame.flag != "$":
        bad.append("%s with flag %s" % (frame.method, frame.flag))
    if frame.method == "REPORT" and ("Success-Report" in names or "Failure-Report" in names):
        bad.append("REPORT asks for reports")
