# SPDX-License-Identifier: Apache-2.0
"""SDP (RFC 4566) as far as message media needs it: build an offer or answer, read the other's."""

CHAT_WRAPPED = ("text/plain text/html image/png image/jpeg application/octet-stream "
                "message/imdn+xml application/im-iscomposing+xml")


class Media:
    """One m= line. attrs: [(name, value or None)] in order."""

    def __init__(self, kind, port, proto, fmt):
        self.kind, self.port, self.proto, self.fmt = kind, port, proto, fmt
        self.connection = None  # address of a media-level c=
        self.attrs = []

    def get(self, name):
        """Value of the first attribute of that name ("" for a flag), or None."""
        for n, v in self.attrs:
            if n == name:
                return v or ""
        return None

    def all(self, name):
        return [v for n, v in self.attrs if n == name]

    @property
    def path(self):
        """MSRP URIs of a=path, leftmost (next hop) first."""
        return (self.get("path") or "").split()

    @property
    def accept_types(self):
        return (self.get("accept-types") or "").split()

    @property
    def accept_wrapped_types(self):
        return (self.get("accept-wrapped-types") or "").split()

    @property
    def setup(self):
        return self.get("setup")

    @property
    def chatroom(self):
        """Tokens of a=chatroom, or None when it is absent."""
        value = self.get("chatroom")
        return None if value is None else value.split()

    @property
    def max_size(self):
        value = self.get("max-size")
        return int(value) if value else None

    @property
    def direction(self):
        for d in ("sendrecv", "sendonly", "recvonly", "inactive"):
            if self.get(d) is not None:
                return d
        return "sendrecv"


class Sdp:
    """A session description. Raises ValueError on what is no SDP."""

    def __init__(self, text):
        self.text = text
        self.origin, self.connection, self.media, self.attrs = None, None, [], []
        assert text.endswith("\r\n"), "SDP does not end in CRLF"
        lines = text[:-2].split("\r\n")
        if lines[0] != "v=0":
            raise ValueError("SDP starts with %r" % lines[0])
        self.order = "".join(line[0] for line in lines)
        for line in lines:
            key, eq, value = line.partition("=")
            if len(key) != 1 or eq != "=":
                raise ValueError("bad SDP line %r" % line)
            media = self.media[-1] if self.media else None
            if key == "o":
                self.origin = value.split()
            elif key == "c":
                addr = value.split()[2]
                if media:
                    media.connection = addr
                else:
                    self.connection = addr
            elif key == "m":
                kind, port, proto, fmt = value.split(" ", 3)
                self.media.append(Media(kind, int(port), proto, fmt))
            elif key == "a":
                name, colon, val = value.partition(":")
                (media.attrs if media else self.attrs).append((name, val if colon else None))

    @property
    def session_id(self):
        return self.origin[1]

    @property
    def version(self):
        return int(self.origin[2])

    @property
    def msg(self):
        """The first m=message line."""
        return next((m for m in self.media if m.kind.lower() == "message"), None)

    def address(self, media):
        """(host, port) of the c= and m= lines."""
        return (media.connection or self.connection, media.port)


def message_media(path, port, setup="actpass", accept_types="message/cpim text/plain",
                  wrapped=CHAT_WRAPPED, max_size=None, chatroom="nickname private-messages",
                  direction=None, extra=(), kind="message", proto="TCP/MSRP", fmt="*"):
    """Lines of one MSRP m-line. None leaves an attribute out; chatroom="" is the bare flag."""
    lines = ["m=%s %d %s %s" % (kind, port, proto, fmt)]
    if path is not None:
        lines.append("a=path:%s" % path)
    if accept_types is not None:
        lines.append("a=accept-types:%s" % accept_types)
    if wrapped is not None:
        lines.append("a=accept-wrapped-types:%s" % wrapped)
    if max_size is not None:
        lines.append("a=max-size:%d" % max_size)
    if setup is not None:
        lines.append("a=setup:%s" % setup)
    if chatroom is not None:
        lines.append("a=chatroom" + (":" + chatroom if chatroom else ""))
    if direction is not None:
        lines.append("a=%s" % direction)
    return lines + list(extra)


def build(media_lines, address="127.0.0.1", user="ue", session=700100, version=1, timing=True,
          session_attrs=()):
    """A whole description; media_lines: one list of lines per m-line."""
    family = "IP6" if ":" in address else "IP4"
    lines = ["v=0", "o=%s %d %d IN %s %s" % (user, session, version, family, address), "s=-",
             "c=IN %s %s" % (family, address)]
    if timing:
        lines.append("t=0 0")
    lines += list(session_attrs)
    for media in media_lines:
        lines += media
    return "\r\n".join(lines) + "\r\n"
