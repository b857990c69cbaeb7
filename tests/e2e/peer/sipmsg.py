# SPDX-License-Identifier: Apache-2.0
"""SIP messages (RFC 3261): parsing, building and the small syntaxes inside header values."""

import re
import secrets

COMPACT = {
    "i": "Call-ID", "m": "Contact", "e": "Content-Encoding", "l": "Content-Length",
    "c": "Content-Type", "f": "From", "s": "Subject", "k": "Supported", "t": "To", "v": "Via",
    "o": "Event", "u": "Allow-Events", "r": "Refer-To", "b": "Referred-By",
    "x": "Session-Expires", "a": "Accept-Contact", "j": "Reject-Contact",
}

REASONS = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted",
    302: "Moved Temporarily", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 415: "Unsupported Media Type",
    420: "Bad Extension", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
    486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error",
    501: "Not Implemented", 503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline",
}

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, REFER, SUBSCRIBE, NOTIFY, MESSAGE, PRACK"


class SipError(ValueError):
    """The other side sent something that is no SIP message."""


def token(n=8):
    return secrets.token_hex(n)


def branch():
    return "z9hG4bK" + token(10)


def split_list(value):
    """Split a comma-separated header value outside quotes and angle brackets."""
    parts, depth, quoted, escaped, cur = [], 0, False, False, ""
    for c in value:
        if escaped:
            escaped = False
        elif quoted:
            escaped = c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c == "<":
            depth += 1
        elif c == ">":
            depth -= 1
        elif c == "," and not depth:
            parts.append(cur.strip())
            cur = ""
            continue
        cur += c
    if cur.strip():
        parts.append(cur.strip())
    return parts


def parse_params(text):
    """`;a=b;c` -> {"a": "b", "c": None}; names in lower case, quotes removed."""
    params, quoted, cur = {}, False, ""
    pieces = []
    for c in text:
        if c == '"':
            quoted = not quoted
        if c == ";" and not quoted:
            pieces.append(cur)
            cur = ""
        else:
            cur += c
    pieces.append(cur)
    for piece in pieces:
        name, eq, value = piece.strip().partition("=")
        if name.strip():
            params[name.strip().lower()] = value.strip().strip('"') if eq else None
    return params


class NameAddr:
    """`"Display" <uri>;params` or `uri;params`: display, uri, params."""

    def __init__(self, value):
        value = value.strip()
        m = re.match(r'^(?:"((?:[^"\\]|\\.)*)"|([^<"]*))\s*<([^>]*)>(.*)$', value, re.S)
        if m:
            self.display = m.group(1) if m.group(1) is not None else m.group(2).strip()
            self.uri = m.group(3).strip()
            self.params = parse_params(m.group(4))
        else:
            self.display = ""
            self.uri, _, rest = value.partition(";")
            self.uri = self.uri.strip()
            self.params = parse_params(rest)

    @property
    def tag(self):
        return self.params.get("tag")

    def __repr__(self):
        return "<NameAddr %s %s>" % (self.uri, self.params)


class Uri:
    """A sip:, sips: or tel: URI: scheme, user, host, port (int or None), params, headers."""

    def __init__(self, text):
        m = re.match(r"^([a-z][a-z0-9+.-]*):(.*)$", text, re.I)
        if not m:
            raise SipError("no URI: %r" % text)
        self.scheme = m.group(1).lower()
        rest, _, self.headers = m.group(2).partition("?")
        main, _, params = rest.partition(";")
        self.params = parse_params(params)
        self.user, at, hostport = main.rpartition("@")
        if not at:
            self.user = None
        m = re.match(r"^(\[[^\]]*\]|[^:]*)(?::(\d+))?$", hostport)
        if not m:
            raise SipError("no host in URI: %r" % text)
        self.host = m.group(1).strip("[]").lower()
        self.port = int(m.group(2)) if m.group(2) else None

    @property
    def key(self):
        """user@host, for comparisons that leave out ports and parameters."""
        return "%s@%s" % (self.user, self.host)


class Headers:
    """Ordered header fields with case-insensitive names."""

    def __init__(self, fields=()):
        self.fields = [(n, str(v)) for n, v in fields]

    def get(self, name, default=None):
        for n, v in self.fields:
            if n.lower() == name.lower():
                return v
        return default

    def all(self, name):
        """Every value of name; list headers are not split, see list()."""
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def list(self, name):
        """Every value of a comma-separated header, in order."""
        return [p for v in self.all(name) for p in split_list(v)]

    def tokens(self, name):
        """list() in lower case, for option-tags and methods."""
        return [p.lower() for p in self.list(name)]

    def add(self, name, value):
        self.fields.append((name, str(value)))

    def remove(self, name):
        self.fields = [(n, v) for n, v in self.fields if n.lower() != name.lower()]

    def set(self, name, value):
        """Replace all values of name by one (None: remove)."""
        if value is None:
            self.remove(name)
            return
        for i, (n, _) in enumerate(self.fields):
            if n.lower() == name.lower():
                self.fields[i] = (n, str(value))
                tail = [(a, b) for a, b in self.fields[i + 1:] if a.lower() != name.lower()]
                self.fields[i + 1:] = tail
                return
        self.add(name, value)

    def __contains__(self, name):
        return self.get(name) is not None


class Message:
    """A SIP request (method, uri) or response (code, reason) with headers and body (bytes)."""

    def __init__(self, method=None, uri=None, code=None, reason=None, headers=(), body=b""):
        self.method, self.uri = method, uri
        self.code, self.reason = code, reason
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body.encode() if isinstance(body, str) else bytes(body)
        self.raw = None
        self.source = None  # set by the UA: where it came from

    is_request = property(lambda self: self.method is not None)
    call_id = property(lambda self: self.headers.get("Call-ID"))
    from_ = property(lambda self: NameAddr(self.headers.get("From", "")))
    to = property(lambda self: NameAddr(self.headers.get("To", "")))
    text = property(lambda self: self.body.decode("utf-8"))

    @property
    def contact(self):
        values = self.headers.list("Contact")
        return NameAddr(values[0]) if values else None

    @property
    def cseq(self):
        """(number, method)"""
        num, _, method = self.headers.get("CSeq", "0 ?").partition(" ")
        return int(num), method.strip()

    @property
    def via_branch(self):
        vias = self.headers.list("Via")
        return parse_params(vias[0].partition(";")[2]).get("branch") if vias else None

    @property
    def content_type(self):
        """Media type in lower case without parameters, or None."""
        value = self.headers.get("Content-Type")
        return value.partition(";")[0].strip().lower() if value else None

    def part(self, media_type):
        """The body, or the part of a multipart body, of that type; None if there is none."""
        return find_part(self.headers.get("Content-Type", ""), self.body, media_type)

    def get(self, name, default=None):
        return self.headers.get(name, default)

    def build(self):
        start = ("%s %s SIP/2.0" % (self.method, self.uri) if self.is_request
                 else "SIP/2.0 %d %s" % (self.code, self.reason or ""))
        if "Content-Length" not in self.headers:
            self.headers.add("Content-Length", len(self.body))
        lines = [start] + ["%s: %s" % f for f in self.headers.fields]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body

    def __repr__(self):
        if self.is_request:
            return "<%s %s>" % (self.method, self.uri)
        return "<%d %s to %s>" % (self.code, self.reason, self.cseq[1])


def find_part(content_type, body, media_type):
    main, _, params = content_type.partition(";")
    if main.strip().lower() == media_type:
        return body
    if not main.strip().lower().startswith("multipart/"):
        return None
    mark = b"--" + (parse_params(params).get("boundary") or "").encode()
    for piece in (b"\r\n" + body).split(b"\r\n" + mark)[1:]:
        if piece.startswith(b"--"):
            break
        head, _, content = piece.partition(b"\r\n\r\n")
        m = re.search(rb"content-type:\s*([^\r\n]*)", head, re.I)
        found = find_part(m.group(1).decode() if m else "text/plain", content, media_type)
        if found is not None:
            return found
    return None


def multipart(parts, boundary="mrf-e2e-boundary"):
    """[(content_type, headers, bytes)] -> (Content-Type, body) of multipart/mixed."""
    out = b""
    for ctype, headers, content in parts:
        content = content.encode() if isinstance(content, str) else content
        lines = ["Content-Type: " + ctype] + ["%s: %s" % h for h in headers]
        out += ("--%s\r\n%s\r\n\r\n" % (boundary, "\r\n".join(lines))).encode() + content + b"\r\n"
    return 'multipart/mixed;boundary="%s"' % boundary, out + ("--%s--\r\n" % boundary).encode()


def parse(data):
    """Parse one message at the start of data.

    Returns (Message, octets used), or None when more octets are needed (a missing
    Content-Length means the body is the rest, as in a datagram). Raises SipError.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    try:
        lines = bytes(data[:end]).decode("utf-8").split("\r\n")
    except UnicodeDecodeError as err:
        raise SipError("not UTF-8: %s" % err) from err
    msg = Message()
    m = re.match(r"^SIP/2\.0 (\d{3}) ?(.*)$", lines[0])
    if m:
        msg.code, msg.reason = int(m.group(1)), m.group(2)
    else:
        m = re.match(r"^([A-Za-z0-9.!%*_+`'~-]+) (\S+) SIP/2\.0$", lines[0])
        if not m:
            raise SipError("bad start line %r" % lines[0])
        msg.method, msg.uri = m.group(1), m.group(2)
    for line in lines[1:]:
        if line[:1] in " \t" and msg.headers.fields:
            name, value = msg.headers.fields[-1]
            msg.headers.fields[-1] = (name, value + " " + line.strip())
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise SipError("bad header line %r" % line)
        name = name.strip()
        msg.headers.add(COMPACT.get(name.lower(), name), value.strip())
    start = end + 4
    length = msg.headers.get("Content-Length")
    size = int(length) if length is not None else len(data) - start
    if len(data) - start < size:
        return None
    msg.body = bytes(data[start:start + size])
    msg.raw = bytes(data[:start + size])
    return msg, start + size


def apply_headers(msg, headers):
    """Set each (name, value): replaces ours at first sight, repeats are added, None removes."""
    touched = set()
    for name, value in headers:
        if value is None:
            msg.headers.remove(name)
        elif name.lower() in touched:
            msg.headers.add(name, value)
        else:
            msg.headers.set(name, value)
        touched.add(name.lower())
