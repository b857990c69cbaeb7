# SPDX-License-Identifier: Apache-2.0
"""What stands inside a sealed body: an entity with a CPIM message of its own, in which the sender says who it is, to
whom it speaks, when, and the how-manieth time (RFC 8591 9.1). Also the receiver's memory of numbers.

    entity = build("sip:alice@example.com", room, b"hello", message_id="Zk3x9a", token="5f3a9c01", seq=1795330800123000)
    Inner(entity).payload
"""

import datetime
import re

from .cms import Refused

NAMESPACE = "urn:x-gke:cpim:1"
IMDN = "urn:ietf:params:imdn"
SIGNED = b"Content-Type: application/pkcs7-mime; smime-type=signed-data;"


def now():
    at = datetime.datetime.now(datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def build(sender, to, payload, message_id, token, seq, date=None, content_type="text/plain; charset=utf-8", disposition=None):
    lines = ["Content-Type: message/cpim", "",
             f"From: <{sender}>", f"To: <{to}>", f"DateTime: {date or now()}",
             f"NS: imdn <{IMDN}>", f"imdn.Message-ID: {message_id}",
             f"NS: gke <{NAMESPACE}>", f"gke.Seq: {token}.{seq}", ""]
    lines += [f"Content-Disposition: {disposition}"] if disposition else []
    lines += [f"Content-Type: {content_type}", "", ""]
    return "\r\n".join(lines).encode() + (payload.encode() if isinstance(payload, str) else payload)


def signed(der):
    return SIGNED + b' name="smime.p7m"\r\nContent-Transfer-Encoding: binary\r\n\r\n' + der


def block(octets):
    """Lines of headers as (name, value), and what follows the blank line."""
    text, found, rest = octets.partition(b"\r\n\r\n")
    if not found or b"\n" in text.replace(b"\r\n", b"") or b"\r" in text.replace(b"\r\n", b"") or b"\0" in text:
        raise Refused("no headers")
    out = []
    for line in text.decode("utf-8", "surrogateescape").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[\x21-\x39\x3b-\x7e]+", name):
            raise Refused(f"no header: {line!r}")
        out.append((name, value.strip(" \t")))
    return out, rest


def only(headers, name):
    values = [v for n, v in headers if n == name]
    if len(values) != 1:
        raise Refused(f"{len(values)} of {name}")
    return values[0]


def uri_of(value):
    found = re.fullmatch(r'(?:"(?:[^"\\]|\\.)*"|[^<"]*)\s*<([^<>]+)>', value)
    if not found:
        raise Refused(f"no address: {value!r}")
    return found.group(1)


class Inner:
    """sender, to, date (text), message_id, token, seq, content_type, disposition, payload; or .signed (DER)."""

    def __init__(self, entity):
        mime, rest = block(entity)
        kind = dict((n.lower(), v) for n, v in mime).get("content-type", "")
        self.signed = None
        if kind.startswith("application/pkcs7-mime") and "smime-type=signed-data" in kind:
            self.signed = rest
            return
        if kind.partition(";")[0].strip().lower() != "message/cpim":
            raise Refused(f"an entity of {kind!r}")
        headers, rest = block(rest)
        self.sender, self.to = uri_of(only(headers, "From")), uri_of(only(headers, "To"))
        self.date = only(headers, "DateTime")
        prefixes = {}
        for name, value in headers:
            found = re.fullmatch(r"(\S+)\s*<([^>]*)>", value) if name == "NS" else None
            if found:
                prefixes[found.group(2)] = found.group(1)
        if IMDN not in prefixes or NAMESPACE not in prefixes:
            raise Refused("a namespace is missing")
        self.message_id = only(headers, prefixes[IMDN] + ".Message-ID")
        seq = re.fullmatch(r"([0-9a-fA-F]{8})\.([0-9]{1,20})", only(headers, prefixes[NAMESPACE] + ".Seq"))
        if not seq or int(seq.group(2)) >= 1 << 64:
            raise Refused("Seq")
        self.token, self.seq = seq.group(1).lower(), int(seq.group(2))
        self.mime, self.payload = block(rest)
        self.content_type = only(self.mime, "Content-Type")
        self.disposition = dict(self.mime).get("Content-Disposition")


class Window:
    """Numbers of one sender's device in one epoch: each is fresh once, and only among the newest 64."""

    def __init__(self):
        self.top, self.seen = -1, set()

    def take(self, seq):
        if seq in self.seen or (self.top >= 0 and seq <= self.top - 64):
            return False
        self.seen.add(seq)
        self.top = max(self.top, seq)
        self.seen = {s for s in self.seen if s > self.top - 64}
        return True
