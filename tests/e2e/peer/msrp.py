# SPDX-License-Identifier: Apache-2.0
"""MSRP endpoints: connections, a listener, and sessions that send and reassemble messages.

    sess = Session("msrp://127.0.0.1:7394/abc;tcp", remote_path)   # or via ue.UE
    sess.attach(Connection.connect(("127.0.0.1", 2855)))
    sess.bind()                                    # bodiless SEND, waits for its 200
    tx = sess.send(cpim.build(...), "message/cpim")
    assert tx.status() == 200
    msg = sess.wait_message(lambda m: m.complete)

A Connection keeps all frames it got (`frames`) and answers SENDs 200 by itself while
`auto_answer` is on; `answer` may be a function(frame) -> status (None: silence).
"""

from .loop import DEADLINE, LOOP, Listener as TcpListener, Stream, wait
from .msrpmsg import Frame, ParseError, Parser, Uri, new_id, response

CHUNK = 2048


class Connection(Stream):
    """One TCP connection carrying MSRP, for any number of Sessions."""

    def __init__(self, sock, on_bind=None):
        self.parser = Parser()
        self.frames, self.parse_error = [], None
        self.by_tid = {}
        self.sessions = {}
        self.auto_answer = True
        self.answer = lambda frame: 200
        self.keep = True
        self.on_bind = on_bind
        self.octets_in = 0
        super().__init__(sock)

    def on_data(self, data):
        self.octets_in += len(data)
        try:
            frames = self.parser.feed(data)
        except ParseError as err:
            self.parse_error = str(err)
            self._end("parse error: %s" % err)
            return
        for frame in frames:
            self.on_frame(frame)

    def on_frame(self, frame):
        if self.keep:
            self.frames.append(frame)
        if frame.is_response:
            self.by_tid.setdefault(frame.tid, []).append(frame)
            return
        session = self._session_of(frame)
        status = 200
        if session is None:
            status = 481
        else:
            session.on_request(frame, self)
        if self.auto_answer and frame.wants_response:
            if status == 200:
                status = (session.answer or self.answer)(frame)
            if status is not None:
                self.send_raw(response(frame, status).build())

    def _session_of(self, frame):
        try:
            key = Uri(frame.to_path[-1]).session
        except ValueError:
            return None
        session = self.sessions.get(key)
        if session is None and self.on_bind:
            session = self.on_bind(key)
            if session is not None:
                session.attach(self)
        return session

    def on_closed(self):
        for session in self.sessions.values():
            session.lost = True

    # -- for tests -------------------------------------------------------------------------

    def send(self, frame):
        self.send_raw(frame.build())
        return Transaction(self, frame)

    def send_split(self, data, sizes):
        """Send octets in pieces of the given sizes (the last size repeats), one write each."""
        at = i = 0
        while at < len(data):
            size = sizes[min(i, len(sizes) - 1)]
            self.send_raw(data[at:at + size])
            at, i = at + size, i + 1

    def responses(self, tid):
        return self.by_tid.get(tid, [])

    def wait_response(self, tid, timeout=DEADLINE):
        return wait(lambda: (self.by_tid.get(tid) or [None])[0], timeout,
                    "a response to %s (closed: %s)" % (tid, self.close_reason),
                    lambda: self.frames[-10:])

    def wait_frame(self, predicate, timeout=DEADLINE, what="a frame"):
        """The first frame for which predicate(frame) holds, from the beginning of time."""
        return wait(lambda: next((f for f in self.frames if predicate(f)), None), timeout, what,
                    lambda: self.frames[-10:])

    @property
    def violations(self):
        """What the other side did wrong in its frames, as sentences."""
        out = ["%r: %s" % (f, v) for f in self.frames for v in f.violations]
        return out + ([self.parse_error] if self.parse_error else [])


class Transaction:
    """A request sent; wait for its response."""

    def __init__(self, conn, frame):
        self.conn, self.frame, self.tid = conn, frame, frame.tid

    def response(self, timeout=DEADLINE):
        return self.conn.wait_response(self.tid, timeout)

    def status(self, timeout=DEADLINE):
        return self.response(timeout).status

    @property
    def answered(self):
        return bool(self.conn.responses(self.tid))


class Incoming:
    """A message being received: Byte-Range reassembly, last octet received wins (MSRP-067)."""

    def __init__(self, frame):
        self.message_id = frame.message_id
        self.content_type = frame.content_type
        self.first = frame
        self.chunks = []
        self.buf = bytearray()
        self.spans = []
        self.length = None
        self.aborted = False
        self.bodiless = True
        self.chat = None  # the parsed chat message, cached by ue.UE

    def add(self, frame):
        self.chunks.append(frame)
        body = frame.body
        rng = frame.byte_range or (1, None, None)
        start = rng[0] - 1
        if body is not None:
            self.bodiless = False
            if len(self.buf) < start + len(body):
                self.buf.extend(bytes(start + len(body) - len(self.buf)))
            self.buf[start:start + len(body)] = body
            self._cover(start, start + len(body))
        if frame.flag == "#":
            self.aborted = True
        elif frame.flag == "$":
            self.length = start + len(body or b"")

    def _cover(self, start, end):
        if self.spans and self.spans[-1][1] == start:  # in order, the usual case
            self.spans[-1] = (self.spans[-1][0], end)
            return
        spans = sorted(self.spans + [(start, end)])
        merged = spans[:1]
        for s, e in spans[1:]:
            if s <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(e, merged[-1][1]))
            else:
                merged.append((s, e))
        self.spans = merged

    @property
    def data(self):
        return bytes(self.buf[:self.length])

    @property
    def complete(self):
        if self.length is None or self.aborted:
            return False
        return self.length == 0 or bool(self.spans) and self.spans[0][0] == 0 and \
            self.spans[0][1] >= self.length

    def __repr__(self):
        return "<message %s %d octets in %d chunks%s%s>" % (
            self.message_id, len(self.buf), len(self.chunks),
            " complete" if self.complete else "", " aborted" if self.aborted else "")


class Session:
    """One MSRP session: local URI, remote path (list of URIs), a connection once attached.

    messages: Incoming with a body, in order of their first chunk. reports: REPORT frames.
    keepalives: bodiless SENDs. requests: every request frame. answer: function(frame) -> status
    of this session alone, else the connection's.
    """

    def __init__(self, local, remote=None):
        self.local = local
        self.remote = [remote] if isinstance(remote, str) else list(remote or [])
        self.conn = None
        self.lost = False
        self.answer = None
        self.messages, self.reports, self.keepalives, self.requests = [], [], [], []
        self.by_id = {}
        self.on_message = None

    key = property(lambda self: Uri(self.local).session)

    def attach(self, conn):
        with LOOP.cond:
            self.conn = conn
            conn.sessions[self.key] = self
            LOOP.changed()
        return self

    def connect(self, addr=None, **kwargs):
        """Open a TCP (or, with tls=, TLS) connection to addr, else the next hop of the remote path, and attach."""
        return self.attach(Connection.connect(addr or Uri(self.remote[0]).addr, **kwargs))

    def on_request(self, frame, conn):
        if self.conn is not conn:
            self.conn = conn
        self.requests.append(frame)
        if frame.method == "REPORT":
            self.reports.append(frame)
        elif frame.method == "SEND":
            if frame.body is None and frame.message_id not in self.by_id:
                self.keepalives.append(frame)
                return
            msg = self.by_id.get(frame.message_id)
            if msg is None:
                msg = self.by_id[frame.message_id] = Incoming(frame)
                self.messages.append(msg)
            msg.add(frame)
            if self.on_message and (msg.complete or msg.aborted):
                self.on_message(msg)

    # -- sending ---------------------------------------------------------------------------

    def frame(self, method="SEND", headers=(), body=None, flag="$", tid=None):
        """A request of this session with To-Path and From-Path."""
        paths = [("To-Path", " ".join(self.remote)), ("From-Path", self.local)]
        return Frame(tid, method, headers=paths + list(headers), body=body, flag=flag)

    def chunk(self, body, start=1, total=None, flag="$", content_type="message/cpim",
              message_id=None, end=None, byte_range=True, headers=(), tid=None):
        """One SEND frame of a message. end None: computed, "*" above 2048 octets; total None: "*"."""
        fields = [("Message-ID", message_id or new_id("m"))]
        if byte_range is True:
            size = len(body or b"")
            last = end if end is not None else ("*" if size > CHUNK else start + size - 1)
            byte_range = "%d-%s/%s" % (start, last, "*" if total is None else total)
        if byte_range:
            fields.append(("Byte-Range", byte_range))
        fields += headers
        if body is not None and content_type is not None:
            fields.append(("Content-Type", content_type))
        return self.frame("SEND", fields, body, flag, tid)

    def send(self, body, content_type="message/cpim", headers=(), message_id=None, tid=None):
        """A whole message as one SEND; returns its Transaction."""
        return self.conn.send(self.chunk(body, 1, len(body), "$", content_type, message_id,
                                         headers=headers, tid=tid))

    def send_chunks(self, body, size, content_type="message/cpim", headers=(), message_id=None,
                    last_flag="$"):
        """A message in chunks of `size` octets; returns the list of Transactions."""
        mid = message_id or new_id("m")
        out = []
        for at in range(0, max(len(body), 1), size):
            piece = body[at:at + size]
            flag = "+" if at + size < len(body) else last_flag
            out.append(self.conn.send(self.chunk(piece, at + 1, len(body), flag, content_type,
                                                 mid, headers=headers)))
        return out

    def keepalive(self):
        """A bodiless SEND; returns its Transaction."""
        return self.conn.send(self.frame("SEND", [("Message-ID", new_id("k")),
                                                  ("Byte-Range", "1-0/0")]))

    def bind(self, timeout=DEADLINE):
        """Bodiless SEND and its 200."""
        status = self.keepalive().status(timeout)
        assert status == 200, "bind answered %d" % status
        return self

    def nickname(self, value, headers=(), body=None):
        """NICKNAME; value is put in as it is, quotes and all (None: no Use-Nickname)."""
        fields = [("Use-Nickname", value)] if value is not None else []
        return self.conn.send(self.frame("NICKNAME", fields + list(headers), body))

    def report(self, message_id, rng="1-1/1", status="000 200 OK"):
        """A REPORT about a message we got."""
        return self.conn.send(self.frame("REPORT", [
            ("Message-ID", message_id), ("Byte-Range", rng), ("Status", status)]))

    # -- waiting ---------------------------------------------------------------------------

    def wait_message(self, predicate=lambda m: m.complete, timeout=DEADLINE, what="a message"):
        return wait(lambda: next((m for m in self.messages if predicate(m)), None), timeout,
                    what, lambda: self.messages)

    def wait_report(self, message_id, timeout=DEADLINE):
        return wait(lambda: next((r for r in self.reports if r.message_id == message_id), None),
                    timeout, "a REPORT about %s" % message_id, lambda: self.reports)


class Listener(TcpListener):
    """Accepts connections and attaches them to the sessions it knows by session-id."""

    def __init__(self, host="127.0.0.1", port=None, tls=None):
        self.sessions, self.connections = {}, []
        super().__init__(self._accepted, host, port, tls)

    def _accepted(self, sock):
        self.connections.append(Connection(sock, on_bind=self.sessions.get))
        LOOP.changed()

    def uri(self, session_id=None):
        """A new session URI on this listener."""
        host = "[%s]" % self.addr[0] if ":" in self.addr[0] else self.addr[0]
        return "%s://%s:%d/%s;tcp" % ("msrps" if self.tls else "msrp", host, self.addr[1],
                                      session_id or new_id())

    def add(self, session):
        with LOOP.cond:
            self.sessions[session.key] = session

    def close(self):
        super().close()
        for c in self.connections:
            c.close()
