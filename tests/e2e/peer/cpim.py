# SPDX-License-Identifier: Apache-2.0
"""message/cpim (RFC 3862): build what a UE sends, read what it gets."""

import datetime
import re


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def build(from_, to, content, content_type="text/plain;charset=UTF-8", extra=(), date=True,
          mime=()):
    """A CPIM message as octets.

    from_, to: URI or `"Name" <uri>`; to may be a list. extra: lines after DateTime (message
    headers), mime: lines after Content-Type.
    """
    content = content.encode() if isinstance(content, str) else content
    tos = [to] if isinstance(to, str) else to
    lines = ["From: " + bracket(from_)] if from_ is not None else []
    lines += ["To: " + bracket(t) for t in tos or ()]
    if date:
        lines.append("DateTime: " + (now() if date is True else date))
    lines += list(extra)
    lines.append("")
    if content_type is not None:
        lines.append("Content-Type: " + content_type)
    lines += list(mime)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def bracket(uri):
    return uri if "<" in uri else "<%s>" % uri


class Cpim:
    """A parsed message: headers and mime (lists of (name, value)), content (bytes)."""

    def __init__(self, data):
        self.raw = bytes(data)
        block, found, rest = self.raw.partition(b"\r\n\r\n")
        if not found:
            raise ValueError("CPIM without a blank line: %r" % self.raw[:200])
        self.headers, self.mime = self._lines(block), []
        mixed = [i for i, (n, _) in enumerate(self.headers) if n.lower() == "content-type"]
        if mixed:  # one block, as RFC 7701 9.3 shows it: MIME headers start at Content-Type
            self.headers, self.mime = self.headers[:mixed[0]], self.headers[mixed[0]:]
            self.content = rest
            return
        block, found, self.content = rest.partition(b"\r\n\r\n")
        self.mime = self._lines(block)
        if not found:
            raise ValueError("CPIM without a MIME part: %r" % self.raw[:200])

    @staticmethod
    def _lines(block):
        out = []
        for line in block.decode("utf-8").split("\r\n") if block else []:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError("bad CPIM line %r" % line)
            out.append((name, value.removeprefix(" ")))  # "Subject:;lang=fr x" has none
        return out

    def get(self, name):
        return next((v for n, v in self.headers if n == name), None)

    def uri(self, name):
        """URI between the angle brackets of From or To."""
        value = self.get(name)
        m = re.search(r"<([^>]*)>", value or "")
        return m.group(1) if m else None

    @property
    def content_type(self):
        value = next((v for n, v in self.mime if n.lower() == "content-type"), "")
        return value.partition(";")[0].strip().lower()

    @property
    def text(self):
        return self.content.decode("utf-8")
