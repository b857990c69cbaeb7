# SPDX-License-Identifier: Apache-2.0
"""Dialogs and what runs in them: calls (INVITE both ways), subscriptions, referrals.

All of these are made by SipUA. Starting one never waits; the wait_*, expect() and final() calls do.
"""

from . import sipmsg
from .loop import DEADLINE, LOOP, wait
from .sipmsg import ALLOW, Message, NameAddr, Uri, apply_headers


class Dialog:
    """RFC 3261 section 12: tags, CSeq, route set, remote target; requests both ways.

    `requests` holds the other side's in-dialog requests (ServerTxn), `acks` its ACKs.
    """

    def __init__(self, ua, call_id, local_tag, local, remote):
        self.ua, self.call_id, self.local_tag = ua, call_id, local_tag
        self.local, self.remote = local, remote  # From/To values, ours with tag
        self.remote_tag = None
        self.target = None
        self.routes = []
        self.local_cseq = 0
        self.requests, self.acks, self.taken = [], [], []
        ua.dialogs[(call_id, local_tag)] = self

    def learn(self, msg, as_uac):
        """Take remote tag, target and (once) the route set from a message of the other side."""
        peer = msg.to if as_uac else msg.from_
        if self.remote_tag is None and peer.tag:
            self.remote_tag = peer.tag
            self.remote = msg.get("To" if as_uac else "From")
            routes = msg.headers.list("Record-Route")
            self.routes = routes[::-1] if as_uac else routes
        if msg.contact:
            self.target = msg.contact.uri

    def on_request(self, txn):
        self.requests.append(txn)
        if txn.request.method in ("INVITE", "UPDATE") and txn.request.contact:
            self.target = txn.request.contact.uri
        self.handle(txn)
        LOOP.changed()

    def handle(self, txn):
        self.ua.answer_by_itself(txn)

    def on_ack(self, msg):
        self.acks.append(msg)
        for txn in self.requests:
            if txn.request.method == "INVITE" and txn.request.cseq[0] == msg.cseq[0]:
                txn.ack = msg

    def destination(self):
        """Where in-dialog requests go: first route or target if numeric, else the proxy."""
        uri = Uri(NameAddr(self.routes[0]).uri if self.routes else self.target or self.ua.aor)
        if uri.port and uri.host.replace(".", "").isdigit():
            return (uri.host, uri.port)
        return self.ua.proxy

    def build(self, method, headers=(), body=b"", content_type=None, cseq=None):
        """An in-dialog request; cseq None takes the next number (ACK, CANCEL give theirs)."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        msg = Message(method, self.target or NameAddr(self.remote).uri, body=body, headers=[
            ("Via", self.ua.via()), ("Max-Forwards", "70"), ("From", self.local),
            ("To", self.remote), ("Call-ID", self.call_id), ("CSeq", "%d %s" % (cseq, method))])
        for route in self.routes:
            msg.headers.add("Route", route)
        if method in ("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"):
            msg.headers.add("Contact", self.ua.contact)
        if self.ua.asserted and method != "ACK":
            msg.headers.add("P-Asserted-Identity", self.ua.asserted)
        if content_type:
            msg.headers.add("Content-Type", content_type)
        apply_headers(msg, headers)
        return msg

    def request(self, method, headers=(), body=b"", content_type=None, on_response=None):
        """Send an in-dialog request; returns its ClientTxn."""
        with LOOP.cond:
            msg = self.build(method, headers, body, content_type)
            return self.ua.start(msg, self.destination(), on_response=on_response)

    def wait_request(self, method, predicate=lambda r: True, timeout=DEADLINE):
        """The next in-dialog request of that method not returned before: a ServerTxn."""
        def find():
            for t in self.requests:
                if t not in self.taken and t.request.method == method and predicate(t.request):
                    self.taken.append(t)
                    return t
            return None
        return wait(find, timeout, "a %s in the dialog of %s" % (method, self.ua.aor),
                    lambda: [t.request for t in self.requests])

    def refer(self, refer_to, headers=()):
        """REFER in this dialog; NOTIFYs come as in-dialog requests. Returns the ClientTxn."""
        to = refer_to if refer_to.startswith("<") else "<%s>" % refer_to
        return self.request("REFER", [("Refer-To", to), ("Referred-By", "<%s>" % self.ua.aor),
                                      *headers])


class InviteDialog(Dialog):
    """What calls of both directions share: BYE, re-INVITE, UPDATE, being hung up on.

    `on_offer(text or None)` gives the SDP to answer a re-INVITE (an offer, or None: offerless)
    or an UPDATE with; None or an unset on_offer: the test answers it (re-INVITE), 200 (UPDATE).
    """

    on_offer = None
    local_sdp = None

    def handle(self, txn):
        req = txn.request
        if req.method in ("INVITE", "UPDATE") and self.on_offer and (req.body or
                                                                    req.method == "INVITE"):
            answer = self.on_offer(req.text if req.body else None)
            if answer is not None:
                txn.respond(200, body=answer, content_type="application/sdp")
                return
        if req.method == "INVITE":
            return
        self.ua.answer_by_itself(txn)

    def answer_offers(self, on_offer):
        """From now on on_offer, for the re-INVITEs too that came earlier and have no answer yet."""
        with LOOP.cond:
            self.on_offer = on_offer
            for txn in self.requests:
                if txn is not self.txn and txn.request.method == "INVITE" and \
                        not txn.answered and not txn.cancelled:
                    self.handle(txn)

    def bye(self, headers=()):
        return self.request("BYE", headers)

    def wait_bye(self, timeout=DEADLINE):
        """The other side's BYE (answered already): its Message. See reason()."""
        def find():
            return next((t.request for t in self.requests if t.request.method == "BYE"), None)
        return wait(find, timeout, "a BYE for %s" % self.ua.aor,
                    lambda: [t.request for t in self.requests])

    @property
    def ended(self):
        return any(t.request.method == "BYE" for t in self.requests)

    def reinvite(self, sdp=None, headers=(), auto_ack=True):
        """re-INVITE; returns the ClientTxn. 2xx are ACKed by itself unless auto_ack is off."""
        def on_response(resp, _repeated):
            if 200 <= resp.code < 300:
                self.learn(resp, True)
                if auto_ack:
                    self.ack_2xx(resp)
        return self.request("INVITE", headers, (sdp or "").encode(),
                            "application/sdp" if sdp else None, on_response)

    def update(self, sdp=None, headers=()):
        return self.request("UPDATE", headers, (sdp or "").encode(),
                            "application/sdp" if sdp else None)

    def ack_2xx(self, resp, body=b"", content_type=None):
        msg = self.build("ACK", body=body, content_type=content_type, cseq=resp.cseq[0])
        self.ua.send(msg, self.destination(), self.ua.transport)
        return msg

    def prack(self, resp, sdp=None):
        """PRACK a reliable provisional response of ours."""
        self.learn(resp, True)
        rack = "%s %d %s" % (resp.get("RSeq"), resp.cseq[0], resp.cseq[1])
        return self.request("PRACK", [("RAck", rack)], (sdp or "").encode(),
                            "application/sdp" if sdp else None)


def bye_reason(msg):
    """(protocol, cause, text) of the Reason header, or None."""
    value = msg.get("Reason")
    if value is None:
        return None
    proto, _, params = value.partition(";")
    params = sipmsg.parse_params(params)
    return proto.strip(), int(params.get("cause") or 0), params.get("text")


class Call(InviteDialog):
    """An INVITE of ours. Made by SipUA.invite()."""

    def __init__(self, ua, uri, sdp, headers, auto_ack, content_type):
        me = '"%s" <%s>' % (ua.display, ua.aor) if ua.display else "<%s>" % ua.aor
        tag = sipmsg.token(6)
        super().__init__(ua, sipmsg.token(10), tag, "%s;tag=%s" % (me, tag), "<%s>" % uri)
        self.uri, self.auto_ack = uri, auto_ack
        self.local_cseq = 1
        self.local_sdp = sdp
        self.acked = None
        body = sdp if isinstance(sdp, bytes) else (sdp or "").encode()
        msg = ua.new_request("INVITE", uri, headers, body, call_id=self.call_id, from_tag=tag,
                             content_type=content_type if sdp else None)
        if "Allow" not in msg.headers:
            msg.headers.add("Allow", ALLOW)
        with LOOP.cond:  # the answer may come before we know our own transaction
            self.txn = ua.start(msg, on_response=self._on_response)

    def _on_response(self, resp, repeated):
        if resp.code > 100 and resp.to.tag and resp.code < 300:
            self.learn(resp, True)
        if 200 <= resp.code < 300:
            if repeated and self.acked:
                self.ua.send(self.acked, self.destination(), self.ua.transport)
            elif self.auto_ack and not self.acked:
                self.ack()

    def final(self, timeout=DEADLINE):
        return self.txn.final(timeout)

    def expect(self, code, timeout=DEADLINE):
        return self.txn.expect(code, timeout)

    def ack(self, sdp=None):
        """ACK the 2xx (done by itself unless auto_ack is off); sdp is an answer in it."""
        with LOOP.cond:
            resp = next(r for r in self.txn.responses if 200 <= r.code < 300)
            self.acked = self.ack_2xx(resp, (sdp or "").encode(),
                                      "application/sdp" if sdp else None)
        return self.acked

    def cancel(self):
        """CANCEL; returns the CANCEL's ClientTxn. The 487 shows in final()."""
        return self.txn.cancel()


class IncomingCall(InviteDialog):
    """An INVITE of the other side. Made by SipUA.wait_invite()."""

    def __init__(self, ua, txn):
        req = txn.request
        local = "%s;tag=%s" % (req.get("To"), txn.to_tag)
        super().__init__(ua, req.call_id, txn.to_tag, local, req.get("From"))
        self.txn, self.request_msg = txn, req
        self.learn(req, False)
        self.requests.append(txn)
        self.taken.append(txn)

    @property
    def invite(self):
        """The INVITE itself, a Message."""
        return self.request_msg

    @property
    def offer(self):
        """Text of the SDP offer, or None."""
        part = self.request_msg.part("application/sdp")
        return part.decode() if part else None

    def ringing(self, code=180, headers=()):
        return self.txn.respond(code, headers=headers)

    def accept(self, sdp, headers=(), code=200):
        self.local_sdp = sdp
        return self.txn.respond(code, headers=headers, body=sdp, content_type="application/sdp")

    def reject(self, code=486, reason=None, headers=()):
        return self.txn.respond(code, reason, headers)

    def wait_ack(self, timeout=DEADLINE):
        return self.txn.wait_ack(timeout)

    def wait_cancel(self, timeout=DEADLINE):
        wait(lambda: self.txn.cancelled, timeout, "a CANCEL for %s" % self.ua.aor)


def instead(fields, headers):
    """Our fields, but those that headers names too; then headers."""
    given = {name.lower() for name, _ in headers}
    return [f for f in fields if f[0].lower() not in given] + list(headers)


class Subscription(Dialog):
    """A subscription of ours. `notifies` holds the NOTIFYs (Message), in order of arrival.

    `answer` is what NOTIFYs get: a status code, or a function(ServerTxn) that responds.
    """

    def __init__(self, ua, uri, event, expires, headers):
        tag = sipmsg.token(6)
        me = "<%s>;tag=%s" % (ua.aor, tag)
        super().__init__(ua, sipmsg.token(10), tag, me, "<%s>" % uri)
        self.event, self.answer = event, 200
        self.local_cseq = 1
        fields = [("Event", event), ("Expires", expires)]
        if event == "conference":
            fields.append(("Accept", "application/conference-info+xml"))
        self.txn = ua.start(ua.new_request("SUBSCRIBE", uri, instead(fields, headers),
                                           call_id=self.call_id, from_tag=tag),
                            on_response=self._on_response)

    def _on_response(self, resp, _repeated):
        if 200 <= resp.code < 300:
            self.learn(resp, True)

    def handle(self, txn):
        if txn.request.method != "NOTIFY":
            self.ua.answer_by_itself(txn)
            return
        self.learn(txn.request, False)
        if callable(self.answer):
            self.answer(txn)
        else:
            txn.respond(self.answer)

    @property
    def notifies(self):
        return [t.request for t in self.requests if t.request.method == "NOTIFY"]

    def final(self, timeout=DEADLINE):
        return self.txn.final(timeout)

    def expect(self, code, timeout=DEADLINE):
        return self.txn.expect(code, timeout)

    def wait_notify(self, predicate=lambda n: True, timeout=DEADLINE, after=0):
        """The first NOTIFY from index `after` on for which predicate(Message) holds."""
        return wait(lambda: next((n for n in self.notifies[after:] if predicate(n)), None),
                    timeout, "a NOTIFY (%s) for %s" % (self.event, self.ua.aor),
                    lambda: [n.text for n in self.notifies])

    def wait_terminated(self, timeout=DEADLINE):
        """The final NOTIFY."""
        return self.wait_notify(lambda n: substate(n)[0] == "terminated", timeout)

    def refresh(self, expires=3600, headers=()):
        """SUBSCRIBE in the dialog; expires=0 unsubscribes. Returns the ClientTxn."""
        return self.request("SUBSCRIBE", [("Event", self.event), ("Expires", expires), *headers])

    def unsubscribe(self):
        return self.refresh(0)


class Referral(Subscription):
    """An out-of-dialog REFER of ours with its implicit subscription."""

    def __init__(self, ua, uri, refer_to, headers):
        tag = sipmsg.token(6)
        Dialog.__init__(self, ua, sipmsg.token(10), tag, "<%s>;tag=%s" % (ua.aor, tag),
                        "<%s>" % uri)
        self.event, self.answer = "refer", 200
        self.local_cseq = 1
        fields = [("Referred-By", "<%s>" % ua.aor)]
        if refer_to is not None:
            to = refer_to if refer_to.startswith("<") else "<%s>" % refer_to
            fields.insert(0, ("Refer-To", to))
        self.txn = ua.start(ua.new_request("REFER", uri, instead(fields, headers),
                                           call_id=self.call_id, from_tag=tag),
                            on_response=self._on_response)

    def wait_frag(self, line_start, timeout=DEADLINE):
        """The NOTIFY whose sipfrag body starts with line_start, e.g. "SIP/2.0 200"."""
        return self.wait_notify(lambda n: n.text.startswith(line_start), timeout)


def substate(notify):
    """(state, params) of Subscription-State."""
    state, _, params = notify.get("Subscription-State", "").partition(";")
    return state.strip().lower(), sipmsg.parse_params(params)
