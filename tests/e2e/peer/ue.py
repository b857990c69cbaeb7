# SPDX-License-Identifier: Apache-2.0
"""A whole terminal: SIP and MSRP of one user.

    alice = UE("alice", net)                      # net: .sip (host, port), .domain
    room = alice.create()                         # INVITE to the factory; room URI
    bob.join("room1")                             # or a whole URI
    alice.send_text("hi"); bob.wait_text("hi")
    alice.private(bob, "psst"); alice.nickname("Queen"); roster = alice.subscribe()
    carol.wait_invite(); carol.accept()           # dial-out of the focus
    alice.leave()

The media session: `ue.session` (msrp.Session), `ue.conn` (msrp.Connection), `ue.call`. Offers say
actpass and the UE connects when told to; setup="passive"/"active" force a role. `offer()` makes
the SDP, and takes the arguments of sdp.message_media() for odd ones. With tls (a tls.Identity) the
media are TCP/TLS/MSRP. media_host: another address for them than for SIP.
"""

from . import confinfo, cpim, msrp, sdp
from .loop import DEADLINE, LOOP, wait
from .msrpmsg import Uri as MsrpUri
from .sip import SipUA
from .sipmsg import NameAddr
from .tls import fingerprint


class Chat:
    """A chat message as received: from_, to, text, content_type, cpim, message."""

    def __init__(self, message):
        self.message = message
        self.cpim = cpim.Cpim(message.data)
        self.from_, self.to = self.cpim.uri("From"), self.cpim.uri("To")
        self.content_type = self.cpim.content_type
        self.content = self.cpim.content

    @property
    def text(self):
        return self.content.decode("utf-8", "replace")

    def __repr__(self):
        return "<%s to %s: %s>" % (self.from_, self.to, self.text[:60])


class UE:
    def __init__(self, name, net, transport="udp", host="127.0.0.1", aor=None, display=None,
                 tls=None, cema=False, media_host=None, **ua_args):
        self.name, self.net, self.host = name, net, media_host or host
        self.aor = aor or "sip:%s@example.com" % name
        self.ua = SipUA(self.aor, net.sips if transport == "tls" else net.sip, transport, host, display, **ua_args)
        self.tls = tls
        self.listener = msrp.Listener(self.host, tls=tls and tls.server())
        self.media_args = {"proto": "TCP/TLS/MSRP", "extra": ["a=fingerprint:" + tls.fingerprint()]} \
            if tls else {}
        self.cema = cema
        if cema:
            self.media_args.setdefault("extra", []).append("a=msrp-cema")
        self.sdp_session, self.sdp_version = 700000 + self.ua.port, 0
        self.room = self.call = self.session = self.role = self.answer = None
        self.sessions, self.conns, self.subscriptions = [], [], []
        self.rcvbuf = None

    # -- SDP -------------------------------------------------------------------------------

    def new_session(self, session_id=None):
        """A fresh MSRP session URI of ours."""
        self.session = msrp.Session(self.listener.uri(session_id))
        self.sessions.append(self.session)
        self.listener.add(self.session)
        return self.session

    def offer(self, new=True, timing=True, address=None, **media):
        """Text of an offer or answer for the current (new: a fresh) session."""
        if new or self.session is None:
            self.new_session()
        self.sdp_version += 1
        args = {"path": self.session.local, "port": self.listener.addr[1], **self.media_args,
                **media}
        return sdp.build([sdp.message_media(**args)], address or self.host, self.name,
                         self.sdp_session, self.sdp_version, timing)

    # -- ways in ---------------------------------------------------------------------------

    def uri_of(self, room):
        return room if ":" in room else "sip:%s@%s" % (room, self.net.domain)

    def create(self, connect=True, **media):
        """INVITE the factory and bind; returns the conference URI (also in self.room)."""
        self._dial("sip:conference-factory@%s" % self.net.domain, connect, media)
        return self.room

    def join(self, room, connect=True, headers=(), **media):
        """INVITE a room and bind; the call must succeed. See invite() for calls that may not."""
        self._dial(self.uri_of(room), connect, media, headers)
        return self

    def invite(self, room, text=None, headers=(), **media):
        """Only start the INVITE with our (or the given) offer; returns the Call."""
        self.call = self.ua.invite(self.uri_of(room), text or self.offer(**media), headers)
        return self.call

    def _dial(self, uri, connect, media, headers=()):
        self.invite(uri, headers=headers, **media)
        resp = self.call.expect(200)
        target = resp.contact.uri
        factory = "conference-factory@" in uri
        self.room = self._canonical(target) if factory else uri
        self.take_answer(resp.text)
        if connect:
            self.open_media()

    def _canonical(self, contact):
        user = contact.partition(":")[2].partition("@")[0]
        return "sip:%s@%s" % (user, self.net.domain)

    def take_answer(self, text):
        """Read the other side's SDP and decide who connects."""
        self.answer = sdp.Sdp(text)
        media = self.answer.msg
        self.session.remote = media.path
        self.role = "passive" if media.setup == "active" else "active"

    def open_media(self, timeout=DEADLINE):
        """Connect and bind, or wait to be connected to and bound."""
        if self.role == "active":
            line = self.answer.msg  # RFC 6714: with CEMA agreed, c= and m= say where
            agreed = self.cema and line.get("msrp-cema") is not None
            conn = self.session.connect(self.answer.address(line) if agreed else None, rcvbuf=self.rcvbuf, tls=self.tls and self.tls.client()).conn
            self.conns.append(conn)
            if self.tls:
                shown = fingerprint(conn.sock.peer_der)
                assert shown in self.answer.msg.all("fingerprint"), "not the server of the SDP"
            self.session.bind(timeout)
        else:
            session = self.session
            wait(lambda: session.requests, timeout, "the switch's first SEND to %s" % self.name)
            self.conns.append(session.conn)
            session.bind(timeout)  # answered, so it has read our 200 too: we are in

    def wait_invite(self, timeout=DEADLINE):
        """The next INVITE of the focus; returns the IncomingCall, kept as self.call."""
        self.call = self.ua.wait_invite(timeout=timeout)
        return self.call

    def accept(self, setup="active", connect=True, **media):
        """Answer the invitation of wait_invite() with 200 and set up the media."""
        call = self.call
        self.room = NameAddr(call.invite.get("From")).uri
        answer = self.offer(setup=setup, **media)
        self.take_answer(call.offer)
        self.role = setup if setup in ("active", "passive") else "active"
        call.accept(answer)
        call.wait_ack()
        if connect:
            self.open_media()
        return self

    # -- chat ------------------------------------------------------------------------------

    @property
    def conn(self):
        return self.session.conn

    def cpim(self, text, to=None, content_type="text/plain;charset=UTF-8", **kwargs):
        """A CPIM message of ours to the room or `to` (URI or UE)."""
        to = to.aor if isinstance(to, UE) else to or self.room
        from_ = '"%s" <%s>' % (self.ua.display, self.aor) if self.ua.display else self.aor
        return cpim.build(kwargs.pop("from_", from_), to, text, content_type, **kwargs)

    def send(self, text, to=None, headers=(), message_id=None, **kwargs):
        """Send; returns the MSRP Transaction (tx.status() waits for the answer)."""
        return self.session.send(self.cpim(text, to, **kwargs), headers=headers,
                                 message_id=message_id)

    def send_text(self, text, to=None, **kwargs):
        """Send and insist on 200."""
        status = self.send(text, to, **kwargs).status()
        assert status == 200, "%s: %r answered %d" % (self.name, text[:60], status)

    def private(self, to, text, **kwargs):
        """Private message to a UE or URI; insists on 200."""
        self.send_text(text, to=to, **kwargs)

    def nickname(self, name, **kwargs):
        """Ask for a nickname (quotes are added); returns the status."""
        quoted = '"%s"' % name.replace("\\", "\\\\").replace('"', '\\"')
        return self.session.nickname(quoted, **kwargs).status()

    @property
    def chats(self):
        """Complete, readable message/cpim messages of all our sessions, each session in order."""
        found = []
        for session in self.sessions:
            for msg in session.messages:
                if msg.chat is None and msg.complete and \
                        (msg.content_type or "").lower().startswith("message/cpim"):
                    try:
                        msg.chat = Chat(msg)
                    except ValueError:
                        continue  # passed on as it came; tests look at session.messages
                if msg.chat is not None:
                    found.append(msg.chat)
        return found

    @property
    def texts(self):
        return [c.text for c in self.chats]

    def wait_chat(self, predicate, timeout=DEADLINE, what="a chat message"):
        return wait(lambda: next((c for c in self.chats if predicate(c)), None), timeout,
                    "%s at %s" % (what, self.name), lambda: self.chats[-10:])

    def wait_text(self, text, timeout=DEADLINE):
        """Wait for a chat message with exactly this text; returns the Chat."""
        return self.wait_chat(lambda c: c.text == text, timeout, "%r" % text[:80])

    # -- roster ----------------------------------------------------------------------------

    def subscribe(self, room=None, expires=3600, headers=()):
        """SUBSCRIBE to the conference event; returns a RosterWatch after its first NOTIFY."""
        sub = self.ua.subscribe(self.uri_of(room) if room else self.room, "conference", expires,
                                headers)
        sub.expect(200)
        watch = RosterWatch(sub)
        self.subscriptions.append(watch)
        sub.wait_notify()
        return watch

    # -- the end ---------------------------------------------------------------------------

    def leave(self):
        """BYE and its 200; the MSRP connection is closed."""
        self.call.bye().expect(200)
        if self.session and self.session.conn:
            self.session.conn.close()

    def violations(self):
        """What the servers did wrong towards this UE, over all its connections."""
        conns = self.conns + self.listener.connections
        bad = [v for c in set(conns) for v in c.violations]
        bad += ["SIP: %s: %r" % b for b in self.ua.bad]
        for watch in self.subscriptions:
            bad += watch.update().problems
        return bad

    def close(self):
        with LOOP.cond:
            self.ua.close()
            self.listener.close()
            for s in self.sessions:
                if s.conn:
                    s.conn.close()
            for c in self.conns:
                c.close()

    def __repr__(self):
        return "<UE %s>" % self.name


class RosterWatch:
    """A conference subscription and the roster its NOTIFYs add up to."""

    def __init__(self, subscription):
        self.sub = subscription
        self.roster = confinfo.Roster()
        self.fed = 0

    def update(self):
        """Feed NOTIFYs that have come since; returns the Roster."""
        with LOOP.cond:
            notifies = self.sub.notifies
            while self.fed < len(notifies):
                body = notifies[self.fed].body
                self.fed += 1
                if body:
                    self.roster.feed(body)
        return self.roster

    def wait(self, predicate, timeout=DEADLINE, what="a roster change"):
        """Wait until predicate(Roster) holds; returns the Roster."""
        wait(lambda: predicate(self.update()), timeout, what, lambda: self.roster.users)
        return self.roster


def fence(sender, *receivers):
    """A unique chat line from sender that every receiver has then got: what must have come before
    has come, what has not come never will (order is kept per sender)."""
    text = "fence " + msrp.new_id()
    sender.send_text(text)
    for ue in receivers:
        ue.wait_text(text)
    return text


__all__ = ["UE", "Chat", "RosterWatch", "fence", "MsrpUri"]
