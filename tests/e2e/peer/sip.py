# SPDX-License-Identifier: Apache-2.0
"""A SIP user agent for tests: UDP, TCP and TLS, transactions, incoming requests.

    ua = SipUA("sip:alice@example.com", proxy=("127.0.0.1", 5060))
    txn = ua.request("OPTIONS", "sip:room@conf.example.com")
    assert txn.final().code == 200
    ua.send_raw(b"garbage")                       # malformed input
    call = ua.invite("sip:room@conf.example.com", sdp_text)   # see sipcall.Call
    call = ua.wait_invite()                       # see sipcall.IncomingCall

`ua.log` holds every message, ("in" | "out", Message), in order. Incoming requests in a dialog go
to it, others to `ua.incoming`. What is not the test's business is answered by itself: see
`SipUA.auto`, a table METHOD -> function(server transaction) that a test may change.
"""

import socket

from . import ports, sipmsg
from .loop import DEADLINE, LOOP, Listener, Stream, wait
from .schema import COLLECTED, CONFINFO
from .sipcall import Call, Dialog, IncomingCall, Referral, Subscription
from .sipmsg import ALLOW, Message, NameAddr, SipError, Uri, apply_headers, parse
from .tls import TlsSocket, nobody

T1 = 0.5


class SipStream(Stream):
    """One SIP over TCP or TLS connection."""

    def __init__(self, sock, ua):
        self.ua = ua
        self.kind = "tls" if isinstance(sock, TlsSocket) else "tcp"
        self.buf = b""
        super().__init__(sock)

    def on_data(self, data):
        self.buf = (self.buf + data).lstrip(b"\r\n")
        while self.buf:
            try:
                got = parse(self.buf)
            except SipError as err:
                self.ua.bad.append((str(err), self.buf))
                self.close()
                return
            if got is None:
                return
            msg, used = got
            self.buf = self.buf[used:].lstrip(b"\r\n")
            msg.source = (self.kind, self.remote, self)
            self.ua.on_message(msg)


class ClientTxn:
    """A request of ours and its responses. INVITE failures are ACKed by itself."""

    def __init__(self, ua, request, dest, transport):
        self.ua, self.request, self.dest, self.transport = ua, request, dest, transport
        self.responses = []
        self.on_response = None
        self.timer = None
        self.cseq = request.cseq

    def start(self):
        self.ua.txns[(self.request.via_branch, self.request.method)] = self
        self.send(self.request)
        if self.transport == "udp":
            self._arm(T1)

    def send(self, msg):
        self.ua.send(msg, self.dest, self.transport)

    def _arm(self, delay):
        def again():
            done = any(r.code >= 200 for r in self.responses)
            if done or (self.responses and self.request.method == "INVITE") or self.ua.closed:
                return
            if delay < 64 * T1:
                self.send(self.request)
                self._arm(delay * 2)
        self.timer = LOOP.call_later(delay, again)

    def handle(self, resp):
        repeated = any(r.code >= 200 for r in self.responses)
        if not repeated:
            self.responses.append(resp)
        if self.request.method == "INVITE" and resp.code >= 300:
            self.ack_failure(resp)
        if self.on_response:
            self.on_response(resp, repeated)
        LOOP.changed()

    def ack_failure(self, resp):
        req = self.request
        ack = Message("ACK", req.uri, headers=[
            ("Via", req.headers.list("Via")[0]), ("Max-Forwards", "70"),
            ("From", req.get("From")), ("To", resp.get("To")), ("Call-ID", req.call_id),
            ("CSeq", "%d ACK" % req.cseq[0])])
        for route in req.headers.all("Route"):
            ack.headers.add("Route", route)
        self.send(ack)

    def wait(self, predicate, timeout=DEADLINE, what="a response"):
        """The first response for which predicate(resp) holds."""
        return wait(lambda: next((r for r in self.responses if predicate(r)), None), timeout,
                    "%s to %r" % (what, self.request), lambda: self.responses)

    def provisional(self, code, timeout=DEADLINE):
        return self.wait(lambda r: r.code == code, timeout, "a %d" % code)

    def final(self, timeout=DEADLINE):
        return self.wait(lambda r: r.code >= 200, timeout, "a final response")

    def expect(self, code, timeout=DEADLINE):
        """The final response, which must have this code (or one of a tuple)."""
        resp = self.final(timeout)
        codes = code if isinstance(code, tuple) else (code,)
        assert resp.code in codes, "%r answered %d %s, expected %s\n%s" % (
            self.request, resp.code, resp.reason, codes, resp.raw.decode("utf-8", "replace"))
        return resp

    def cancel(self):
        """CANCEL an INVITE; returns the CANCEL's own transaction."""
        req = self.request
        msg = Message("CANCEL", req.uri, headers=[
            ("Via", req.headers.list("Via")[0]), ("Max-Forwards", "70"),
            ("From", req.get("From")), ("To", req.get("To")), ("Call-ID", req.call_id),
            ("CSeq", "%d CANCEL" % req.cseq[0])])
        for route in req.headers.all("Route"):
            msg.headers.add("Route", route)
        with LOOP.cond:
            txn = ClientTxn(self.ua, msg, self.dest, self.transport)
            txn.start()
        return txn


class ServerTxn:
    """A request of the other side and our answers to it."""

    def __init__(self, ua, request):
        self.ua, self.request = ua, request
        self.responses = []
        self.ack = None
        self.cancelled = False
        self.to_tag = request.to.tag or sipmsg.token(6)
        self.dialog = None

    @property
    def answered(self):
        return any(r.code >= 200 for r in self.responses)

    def respond(self, code, reason=None, headers=(), body=b"", content_type=None):
        """Answer; a To tag, Via, Record-Route and (INVITE, SUBSCRIBE, ...) Contact are ours to add."""
        req = self.request
        resp = Message(code=code, reason=reason or sipmsg.REASONS.get(code, "Status"), body=body)
        for via in req.headers.all("Via"):
            resp.headers.add("Via", via)
        if 100 < code < 300:
            for rr in req.headers.all("Record-Route"):
                resp.headers.add("Record-Route", rr)
        to = req.get("To")
        if code > 100 and not req.to.tag:
            to += ";tag=" + self.to_tag
        resp.headers.fields += [("From", req.get("From")), ("To", to), ("Call-ID", req.call_id),
                                ("CSeq", req.get("CSeq"))]
        given = {n.lower() for n, _ in headers}
        if code < 300 and req.method in ("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER") \
                and code > 100 and "contact" not in given:
            resp.headers.add("Contact", self.ua.contact)
        if req.method in ("INVITE", "OPTIONS") and code == 200:
            if "allow" not in given:
                resp.headers.add("Allow", ALLOW)
            if self.ua.asserted and "p-asserted-identity" not in given:
                resp.headers.add("P-Asserted-Identity", self.ua.asserted)
        for n, v in headers:
            resp.headers.add(n, v)
        if content_type:
            resp.headers.add("Content-Type", content_type)
        with LOOP.cond:
            self.responses.append(resp)
            self.send(resp)
            if req.method == "INVITE" and 200 <= code < 300:
                self._arm_2xx(resp, T1)
            LOOP.changed()
        return resp

    def send(self, resp):
        transport, addr, stream = self.request.source
        if stream and not stream.closed:
            self.ua.log.append(("out", resp))
            stream.send_raw(resp.build())
        else:
            self.ua.send(resp, addr, transport)

    def _arm_2xx(self, resp, delay):
        def again():
            if self.ack is None and not self.ua.closed and delay < 64 * T1:
                self.send(resp)
                self._arm_2xx(resp, min(delay * 2, 4.0))
        LOOP.call_later(delay, again)

    def wait_ack(self, timeout=DEADLINE):
        return wait(lambda: self.ack, timeout, "ACK to %r" % self.request)


class SipUA:
    """One SIP address with its sockets. Close it (or use the `ue` fixture, which does)."""

    def __init__(self, aor, proxy, transport="udp", host="127.0.0.1", display=None,
                 assert_identity=True, contact_params="", identity=None, shown=True):
        """proxy: where requests go. assert_identity: True (P-Asserted-Identity = aor), False, or a value.

        Over TLS, identity (a tls.Identity) is for what connects to us and, if shown, for our own
        connections too.
        """
        self.identity, self.shown = identity, shown
        self.aor, self.proxy, self.transport, self.host = aor, proxy, transport, host
        self.display = display
        quoted = '"%s" ' % display if display else ""
        self.asserted = ("%s<%s>" % (quoted, aor) if assert_identity is True
                         else assert_identity or None)
        self.closed = False
        self.tls_listener = None
        self.log, self.incoming, self.bad = [], [], []
        self.txns, self.server_txns, self.dialogs = {}, {}, {}
        self.streams = []
        self._open_sockets()
        shown = "[%s]" % host if ":" in host else host
        self.sent_by = "%s:%d" % (shown, self.port)
        if transport == "tls":
            self.tls_listener = Listener(lambda s: self.streams.append(SipStream(s, self)),
                                         self.host, tls=identity.server() if identity else nobody())
            self.sent_by = "%s:%d" % (shown, self.tls_listener.addr[1])
        tcp = "" if transport == "udp" else ";transport=" + transport
        self.contact_uri = "sip:%s@%s%s" % (Uri(aor).user, self.sent_by, tcp)
        self.contact = "<%s>%s" % (self.contact_uri, contact_params)
        self.auto = {
            "OPTIONS": lambda t: t.respond(200), "NOTIFY": lambda t: t.respond(200),
            "BYE": lambda t: t.respond(200 if t.dialog else 481),
            "UPDATE": lambda t: t.respond(200 if t.dialog else 481),
            "INFO": lambda t: t.respond(200), "PRACK": lambda t: t.respond(200),
            "INVITE": lambda t: t.respond(100),
        }

    def _open_sockets(self):
        """UDP and TCP on one port, as RFC 3261 18.2.1 wants."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for _ in range(50):
            self.udp = socket.socket(family, socket.SOCK_DGRAM)
            self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.udp.bind((self.host, ports.take()))
            self.port = self.udp.getsockname()[1]
            try:
                self.listener = Listener(lambda s: self.streams.append(SipStream(s, self)),
                                         self.host, self.port)
                break
            except OSError:
                self.udp.close()
        else:
            raise OSError("no port free for both UDP and TCP")
        self.udp.setblocking(False)
        LOOP.watch(self.udp, self)

    # -- sending ---------------------------------------------------------------------------

    def tcp(self):
        """The stream to the proxy, opened on first use and when it was lost."""
        with LOOP.cond:
            for s in self.streams:
                if s.remote == tuple(self.proxy) and not s.closed:
                    return s
            s = self._connect(self.proxy, self.transport)
            self.streams.append(s)
            return s

    def _connect(self, dest, transport):
        tls = None
        if transport == "tls":
            tls = self.identity.client() if self.identity and self.shown else nobody()
        return SipStream.connect(tuple(dest), self, tls=tls)

    def send(self, msg, dest, transport):
        with LOOP.cond:
            if self.closed:
                return
            self.log.append(("out", msg))
            data = msg.build()
            if transport == "udp":
                self.udp.sendto(data, tuple(dest))
                return
            for s in self.streams:
                if s.remote == tuple(dest) and not s.closed:
                    break
            else:
                s = self._connect(dest, transport)
                self.streams.append(s)
            s.send_raw(data)

    def send_raw(self, data, transport=None):
        """Octets to the proxy as they are, by our transport or the given one."""
        data = data.encode() if isinstance(data, str) else data
        if (transport or self.transport) == "udp":
            self.udp.sendto(data, tuple(self.proxy))
        else:
            self.tcp().send_raw(data)

    def new_request(self, method, uri, headers=(), body=b"", to=None, call_id=None, cseq=1,
                    from_tag=None, content_type=None):
        """An out-of-dialog request with the usual headers; those given replace ours (None: drop)."""
        me = '"%s" <%s>' % (self.display, self.aor) if self.display else "<%s>" % self.aor
        msg = Message(method, uri, body=body, headers=[
            ("Via", self.via()), ("Max-Forwards", "70"),
            ("From", "%s;tag=%s" % (me, from_tag or sipmsg.token(6))),
            ("To", to or "<%s>" % uri), ("Call-ID", call_id or sipmsg.token(10)),
            ("CSeq", "%d %s" % (cseq, method))])
        if method not in ("CANCEL", "BYE", "ACK", "PRACK", "MESSAGE"):
            msg.headers.add("Contact", self.contact)
        if self.asserted and method != "ACK":
            msg.headers.add("P-Asserted-Identity", self.asserted)
        if content_type:
            msg.headers.add("Content-Type", content_type)
        apply_headers(msg, headers)
        return msg

    def via(self):
        return "SIP/2.0/%s %s;branch=%s;rport" % (self.transport.upper(), self.sent_by,
                                                  sipmsg.branch())

    def start(self, msg, dest=None, transport=None, on_response=None):
        """Send a request message and return its ClientTxn."""
        with LOOP.cond:
            txn = ClientTxn(self, msg, dest or self.proxy, transport or self.transport)
            txn.on_response = on_response
            txn.start()
        return txn

    def request(self, method, uri, headers=(), body=b"", **kwargs):
        """Send an out-of-dialog request; returns the ClientTxn. kwargs as new_request()."""
        return self.start(self.new_request(method, uri, headers, body, **kwargs))

    # -- uses of SIP -----------------------------------------------------------------------

    def invite(self, uri, sdp=None, headers=(), auto_ack=True, content_type="application/sdp"):
        """Start an INVITE; returns a Call at once. sdp=None: offerless."""
        return Call(self, uri, sdp, headers, auto_ack, content_type)

    def subscribe(self, uri, event="conference", expires=3600, headers=()):
        """Start a SUBSCRIBE; returns a Subscription at once."""
        return Subscription(self, uri, event, expires, headers)

    def refer(self, uri, refer_to, headers=()):
        """Start an out-of-dialog REFER; returns a Referral at once."""
        return Referral(self, uri, refer_to, headers)

    def wait_request(self, method, predicate=lambda r: True, timeout=DEADLINE):
        """The next out-of-dialog request of that method, taken from `incoming`: a ServerTxn."""
        def find():
            for t in self.incoming:
                if t.request.method == method and predicate(t.request):
                    self.incoming.remove(t)
                    return t
            return None
        return wait(find, timeout, "a %s for %s" % (method, self.aor), lambda: self.incoming)

    def wait_invite(self, predicate=lambda r: True, timeout=DEADLINE):
        """The next INVITE that starts a dialog: an IncomingCall, not answered yet (but 100)."""
        return IncomingCall(self, self.wait_request("INVITE", predicate, timeout))

    # -- receiving -------------------------------------------------------------------------

    def on_readable(self):
        for _ in range(100):
            try:
                data, addr = self.udp.recvfrom(65536)
            except OSError:
                return
            if not data.strip(b"\r\n\0"):
                continue
            try:
                got = parse(data)
            except SipError as err:
                self.bad.append((str(err), data))
                continue
            if got:
                got[0].source = ("udp", addr[:2], None)
                self.on_message(got[0])

    def on_writable(self):
        pass

    def on_message(self, msg):
        self.log.append(("in", msg))
        if msg.is_request and msg.method == "NOTIFY" and msg.content_type == CONFINFO:
            COLLECTED.add(msg.body)
        if not msg.is_request:
            txn = self.txns.get((msg.via_branch, msg.cseq[1]))
            if txn:
                txn.handle(msg)
            return
        key = (msg.via_branch, "INVITE" if msg.method == "ACK" else msg.method)
        if msg.method == "ACK":
            self._on_ack(msg, self.server_txns.get(key))
            return
        known = self.server_txns.get(key)
        if known:  # a retransmission
            if known.responses:
                known.send(known.responses[-1])
            return
        txn = self.server_txns[key] = ServerTxn(self, msg)
        txn.dialog = self.dialogs.get((msg.call_id, msg.to.tag)) if msg.to.tag else None
        if msg.method == "CANCEL":
            self._on_cancel(txn)
        elif txn.dialog:
            txn.dialog.on_request(txn)
        elif msg.to.tag and msg.method != "SUBSCRIBE":
            txn.respond(481)
        else:
            self.incoming.append(txn)
            self.answer_by_itself(txn)

    def answer_by_itself(self, txn):
        auto = self.auto.get(txn.request.method)
        if auto:
            auto(txn)

    def _on_ack(self, msg, txn):
        if txn is None or any(200 <= r.code < 300 for r in txn.responses):
            dialog = self.dialogs.get((msg.call_id, msg.to.tag))
            if dialog:
                dialog.on_ack(msg)
        if txn is not None:
            txn.ack = msg

    def _on_cancel(self, txn):
        invite = self.server_txns.get((txn.request.via_branch, "INVITE"))
        txn.respond(200 if invite else 481)
        if invite:
            invite.cancelled = True
            if not invite.answered:
                invite.respond(487)

    def seen(self, direction="in", method=None, code=None):
        """Messages of the log: requests of a method, or responses with a code."""
        return [m for d, m in self.log if d == direction and
                (method is None or (m.is_request and m.method == method)) and
                (code is None or m.code == code)]

    def close(self):
        with LOOP.cond:
            if self.closed:
                return
            self.closed = True
            LOOP.watch(self.udp, self, False, False)
            self.udp.close()
            self.listener.close()
            if self.tls_listener:
                self.tls_listener.close()
            for s in self.streams:
                s.close()


__all__ = ["SipUA", "ClientTxn", "ServerTxn", "Message", "NameAddr", "Uri", "Dialog", "Call",
           "IncomingCall", "Subscription", "Referral", "ALLOW"]
