# SPDX-License-Identifier: Apache-2.0
"""Files by RFC 5547: dialogs of their own, one m-line each file.

    photo = File(b"...", "plan.png", "image/png")
    push = Push(alice, [photo])              # INVITE to alice.room
    got = Take(bob); got.accept()            # the focus' INVITE to another member
    push.answered().send()
    got.wait(0) == photo.data
"""

import hashlib

from . import msrp, sdp
from .loop import DEADLINE, wait
from .msrpmsg import new_id

CHUNK = 65536


def sha1(data):
    """The value of a hash selector."""
    return "sha-1:" + ":".join("%02X" % b for b in hashlib.sha1(data).digest())


def parse_selector(value):
    """{name, type, size, hash} of a file-selector without blanks in its name."""
    return dict(word.split(":", 1) for word in (value or "").split(" ") if ":" in word)


class File:
    """One file to be sent and the lines that describe it. Attributes given as None are left out."""

    def __init__(self, data, name="plan.png", kind="image/png", **attributes):
        self.data, self.name, self.kind = data, name, kind
        self.id = new_id("f") + new_id("t")
        self.selector = 'name:"%s" type:%s size:%d hash:%s' % (name, kind, len(data), sha1(data))
        self.attributes = {"file-selector": self.selector, "file-transfer-id": self.id,
                           "file-disposition": "attachment", **attributes}

    def lines(self):
        return ["a=%s:%s" % (k, v) if v else "a=" + k
                for k, v in self.attributes.items() if v is not None]


def line(session, port, attributes, accept_types, direction, setup="actpass", **more):
    return sdp.message_media(session.local, port, setup, accept_types, None, chatroom=None,
                             direction=direction, extra=attributes, **more)


class Push:
    """Files of `ue` to its room, in one INVITE."""

    def __init__(self, ue, files, headers=(), icon=None, uri=None, **more):
        self.ue, self.files, self.more = ue, files, more
        self.sessions = [msrp.Session(ue.listener.uri()) for _ in files]
        for session in self.sessions:
            ue.sessions.append(session)
            ue.listener.add(session)
        self.version = 0
        body, kind = self.description(), "application/sdp"
        if icon:
            body, kind = related(body, *icon)
        self.call = ue.ua.invite(uri or ue.room, body, headers, content_type=kind)

    def description(self, closed=(), files=None):
        self.version += 1
        media = []
        for i, (session, file) in enumerate(zip(self.sessions, files or self.files)):
            port = 0 if i in closed else self.ue.listener.addr[1]
            media.append(line(session, port, file.lines(), file.kind, "sendonly", **self.more))
        return sdp.build(media, self.ue.host, self.ue.name, 880000, self.version)

    def answered(self, bind=True):
        """200, and the MSRP connections of the lines that were taken."""
        self.answer = sdp.Sdp(self.call.expect(200).text)
        for session, media in zip(self.sessions, self.answer.media):
            if media.port:
                session.remote = media.path
                if bind:
                    session.connect()
                    session.bind()
                    self.ue.conns.append(session.conn)
        return self

    def send(self, i=0, data=None, size=CHUNK, total=True, last_flag="$", kind=None):
        """Chunks of the file; returns their transactions."""
        data = self.files[i].data if data is None else data
        session, mid, out = self.sessions[i], new_id("m"), []
        for at in range(0, max(1, len(data)), size):
            piece = data[at:at + size]
            flag = "+" if at + size < len(data) else last_flag
            out.append(session.conn.send(session.chunk(
                piece, at + 1, len(data) if total else None, flag, kind or self.files[i].kind,
                mid)))
        return out

    def reoffer(self, closed=(), files=None):
        """re-INVITE with those lines at port 0; the answer as Sdp."""
        return sdp.Sdp(self.call.reinvite(self.description(closed, files)).expect(200).text)


class Take:
    """A push of the focus to `ue`."""

    def __init__(self, ue, timeout=DEADLINE):
        self.ue = ue
        self.call = ue.ua.wait_invite(timeout=timeout)
        self.offer = sdp.Sdp(self.call.offer)
        self.sessions = [msrp.Session(ue.listener.uri()) for _ in self.offer.media]

    def answer_text(self, refuse=(), setup="active", **more):
        media = []
        for i, (session, offered) in enumerate(zip(self.sessions, self.offer.media)):
            keep = [a for a in ("file-selector", "file-transfer-id") if offered.get(a)]
            port = 0 if i in refuse or not offered.port else self.ue.listener.addr[1]
            media.append(line(session, port, ["a=%s:%s" % (a, offered.get(a)) for a in keep],
                              "*", "recvonly", setup, **more))
        return sdp.build(media, self.ue.host, self.ue.name, 990000, 1)

    def accept(self, refuse=(), bind=True, **more):
        self.ue.sessions += self.sessions
        self.call.accept(self.answer_text(refuse, **more))
        self.call.wait_ack()
        self.open = [i for i, m in enumerate(self.offer.media) if m.port and i not in refuse]
        for i in self.open:
            self.sessions[i].remote = self.offer.media[i].path
        if bind:
            self.bind()
        return self

    def bind(self):
        for i in self.open:
            self.sessions[i].connect()
            self.sessions[i].bind()
            self.ue.conns.append(self.sessions[i].conn)
        return self

    def wait(self, i=0, timeout=DEADLINE):
        """The whole file."""
        return self.sessions[i].wait_message(timeout=timeout, what="the file").data

    def wait_aborted(self, i=0):
        return self.sessions[i].wait_message(lambda m: m.aborted, what="an aborted file")


def related(text, cid, kind, data):
    """multipart/related of a description and an icon: (body, type)."""
    boundary = "--the-boundary"
    body = ("--%s\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--%s\r\nContent-Type: %s\r\n"
            "Content-ID: <%s>\r\nContent-Transfer-Encoding: binary\r\n"
            "Content-Disposition: icon\r\n\r\n" % (boundary, text, boundary, kind, cid)).encode()
    return body + data + b"\r\n--" + boundary.encode() + b"--\r\n", \
        'multipart/related; type="application/sdp"; boundary="%s"' % boundary


__all__ = ["File", "Line", "Push", "Take", "parse_selector", "related", "sha1", "wait"]


class Line:
    """Files of `ue` in further lines of its chat dialog (re-INVITE)."""

    def __init__(self, ue, files):
        self.ue, self.files = ue, files
        self.sessions = [msrp.Session(ue.listener.uri()) for _ in files]
        for session in self.sessions:
            ue.sessions.append(session)
            ue.listener.add(session)

    def description(self, closed=(), files=None):
        ue, port = self.ue, self.ue.listener.addr[1]
        ue.sdp_version += 1
        media = [sdp.message_media(ue.session.local, port)]
        for i, (session, file) in enumerate(zip(self.sessions, files or self.files)):
            media.append(line(session, 0 if i in closed else port, file.lines(), file.kind,
                              "sendonly"))
        return sdp.build(media, ue.host, ue.name, ue.sdp_session, ue.sdp_version)

    def reoffer(self, closed=(), files=None):
        text = self.ue.call.reinvite(self.description(closed, files)).expect(200).text
        self.answer = sdp.Sdp(text)
        return self.answer

    def open(self):
        """The re-INVITE, and the MSRP connections of the lines that were taken."""
        for session, media in zip(self.sessions, self.reoffer().media[1:]):
            if media.port:
                session.remote = media.path
                session.connect()
                session.bind()
                self.ue.conns.append(session.conn)
        return self

    send = Push.send
