# SPDX-License-Identifier: Apache-2.0
"""The books of a room: who sent what, who got what, and what the MRFP says about the rest.

    room = Room(mrfp, control)
    alice, bob = room.join(), room.join()
    alice.send(500); alice.send(100000, piece=9000); alice.send(200, to=bob)
    room.settle()                  # every answer is there, nothing is open any more
    room.audit()                   # nothing was lost in silence

`audit` demands, of every message that was answered 200:

- a leg that stayed has it exactly once, octet by octet, in its sender's order within its class;
- of a leg that was cut, left or broke off, what it did not get is counted against that leg, and
  without a gap: it has the first messages of each sender, not some of them;
- a private message that did not arrive was also told to its sender by a REPORT, unless it
  wanted none;
- nothing arrived that nobody sent;

and of the metrics, here and at every look(): copies = settled + open, held = the sum of its parts.
"""

import random

from . import cpim
from .loop import LOOP, wait
from .msrp import Connection, Session
from .msrpmsg import new_id
from .servers import poll

URI = "sip:room@conf.example.com"
CHAT_MAX = 65536
CLASSES = ("chat", "composing", "imdn", "file", "geoloc", "key")
KINDS = {  # what makes the class of a message: Content-Type, MIME headers
    "chat": ("text/plain", ()),
    "file": ("application/octet-stream", ("Content-Disposition: attachment",)),
    "geoloc": ("application/vnd.gsma.rcspushlocation+xml", ()),
    "composing": ("application/im-iscomposing+xml", ()),
    "imdn": ("message/imdn+xml", ("Content-Disposition: notification",)),
}
FILLER = random.Random(1).randbytes(1 << 20).hex().encode()


class Sent:
    """One message: its pieces are sent one by one, in any order."""

    def __init__(self, sender, number, size, piece, to, kind, failure):
        self.sender, self.to, self.kind, self.failure = sender, to, kind, failure
        self.mid = new_id("m")
        content_type, mime = KINDS[kind]
        text = b"%d/%d " % (sender.number, number)
        text += FILLER[number * 7:][:max(size - len(text), 0)]
        self.data = cpim.build(sender.aor, to.aor if to else URI, text, content_type, mime=mime)
        piece = piece or len(self.data)
        self.pieces = [(at, self.data[at:at + piece]) for at in range(0, len(self.data), piece)]
        self.txs, self.started, self.order = [], None, None

    @property
    def stream(self):
        if self.to:
            return "private to %d" % self.to.number
        return "chat" if len(self.data) <= CHAT_MAX else "bulk"

    def push(self, index):
        """Send one piece; the one that holds the last octet ends the message."""
        at, body = self.pieces[index]
        room = self.sender.room
        if self.started is None:
            self.started = room.tick()
        if at == 0:
            self.order = room.tick()  # the CPIM head is complete with it
        last = at + len(body) == len(self.data)
        headers = [("Failure-Report", self.failure)] if self.failure else []
        s = self.sender.session
        self.txs.append(s.conn.send(s.chunk(body, at + 1, len(self.data), "$" if last else "+",
                                            message_id=self.mid, headers=headers)))

    @property
    def status(self):
        """200 when all pieces were answered so, the first other status, or None."""
        if len(self.txs) < len(self.pieces):
            return None
        answers = [t.conn.responses(t.tid) for t in self.txs]
        codes = [a[0].status if a else None for a in answers]
        return next((c for c in codes if c not in (200, None)), None if None in codes else 200)

    @property
    def final(self):
        """Nothing more will be heard of it."""
        return self.status is not None or self.sender.conn.closed

    def __repr__(self):
        return "<%d octets of %d, %s, %s>" % (len(self.data), self.sender.number, self.stream,
                                              self.status)


class Member:
    """A termination and its peer."""

    def __init__(self, room, number, rcvbuf=None, address=None):
        self.room, self.number = room, number
        self.aor = "sip:u%d@example.com" % number
        self.sent, self.gone_at, self.had_then, self.reply = [], None, (), None
        self.session = Session("msrp://127.0.0.1:9/%s;tcp" % new_id())
        reply = room.control.ask(
            "add", room.context, termination=number, conference=URI, policy=3, uris=[self.aor],
            remote_path=self.session.local, setup=2, match=1, caps=7,
            accept_types="message/cpim application/im-iscomposing+xml")
        assert reply["code"] == 0, reply
        self.session.remote = [reply["local_path"]]
        self.conn = Connection.connect(address or room.mrfp.address("msrp"), rcvbuf=rcvbuf)
        self.session.attach(self.conn)
        self.session.bind()
        self.joined = room.tick()

    # -- sending ---------------------------------------------------------------------------

    def message(self, size=100, piece=None, to=None, kind="chat", failure=None):
        """A message that was not sent yet; see Sent.push()."""
        one = Sent(self, len(self.sent), size, piece, to, kind, failure)
        self.sent.append(one)
        return one

    def send(self, *args, **kwargs):
        """All pieces in order."""
        one = self.message(*args, **kwargs)
        for i in range(len(one.pieces)):
            one.push(i)
        return one

    # -- going -----------------------------------------------------------------------------

    def _goes(self):
        with LOOP.cond:
            self.had_then = {id(m) for x in self.room.members for m in x.sent if m.status == 200}
            self.gone_at = self.room.tick()

    def leave(self):
        """As after a BYE: the MRFC takes the termination away."""
        self._goes()
        self.subtract()
        self.conn.close()

    def close(self):
        self._goes()
        self.conn.close()

    def reset(self):
        self._goes()
        self.conn.reset()

    def subtract(self):
        if self.reply is None:
            self.reply = self.room.control.ask("subtract", self.room.context,
                                               termination=self.number)

    # -- what the MRFP says ----------------------------------------------------------------

    @property
    def lost_event(self):
        """The event that ended the session, or None."""
        return next((e for e in self.room.control.events
                     if e.get("event") == 2 and e["termination"] == self.number), None)

    @property
    def got(self):
        """Complete messages, in the order of their first octets."""
        return [m for m in self.session.messages if m.complete]


class Room:
    """A context with members, at an MRFP whose MRFC is `control`."""

    def __init__(self, mrfp, control, name=b"r"):
        self.mrfp, self.control, self.context = mrfp, control, (name * 16)[:16]
        self.members, self.clock = [], 0

    def tick(self):
        self.clock += 1
        return self.clock

    def join(self, **kwargs):
        member = Member(self, len(self.members) + 1, **kwargs)
        self.members.append(member)
        return member

    def look(self):
        """A scrape; the rules that hold at any time."""
        m = self.mrfp.metrics()
        for kind in CLASSES:
            by = {"class": kind}
            owed, done = m.sum("mrfp_copies_total", **by), m.sum("mrfp_copies_settled_total", **by)
            still = m.sum("mrfp_copies_open", **by)
            assert owed == done + still and still >= 0, (kind, owed, done, still)
        held = m.sum("mrfp_held_octets")
        assert held == m.sum("mrfp_budget_octets", scope="process")
        assert m.sum("mrfp_waiting_octets") == m.sum("mrfp_held_octets", part="logs") + \
            m.sum("mrfp_held_octets", part="queues")
        assert min(v for k, v in m.items() if k.startswith(("mrfp_held", "mrfp_waiting"))) >= 0
        return m

    @property
    def sent(self):
        return [m for x in self.members for m in x.sent]

    def settle(self, timeout=30):
        """Wait until all is answered and every copy's fate is known; the metrics then."""
        wait(lambda: all(m.final for m in self.sent), timeout, "an answer to every message",
             lambda: [m for m in self.sent if not m.final][:5])
        found = {}

        def quiet():
            found["m"] = self.look()
            return found["m"].sum("mrfp_copies_open") == 0
        poll(quiet, timeout, "an end of open copies")
        return found["m"]

    # -- the audit -------------------------------------------------------------------------

    def audit(self, gapless=True):
        """After settle(): no silent loss. Takes the terminations away. {member: its lost}."""
        before = self.look()
        for member in self.members:
            member.subtract()
        after = self.look()
        assert after.sum("mrfp_copies_settled_total") == before.sum("mrfp_copies_settled_total")
        by_data = {m.data: m for m in self.sent}
        assert len(by_data) == len(self.sent)
        lost = {}
        for member in self.members:
            assert not member.conn.violations, member.conn.violations[:5]
            arrived = self._arrived(member, by_data)
            self._order(member, arrived)
            lost[member] = self._missing(member, arrived, gapless)
        replies = [m.reply for m in self.members]
        assert sum(lost.values()) == \
            after.sum("mrfp_copies_settled_total", outcome="lost")
        assert sum(r.get("copies_delivered", 0) for r in replies) == \
            after.sum("mrfp_copies_settled_total", outcome="delivered") - \
            after.sum("mrfp_copies_settled_total", outcome="delivered", **{"class": "composing"})
        assert after.sum("mrfp_copies_open") == 0
        poll(lambda: self.look().sum("mrfp_waiting_octets") == 0, what="empty logs")
        return lost

    def _arrived(self, member, by_data):
        """What the member has, in order; once each, and sent by somebody."""
        arrived = []
        for message in member.got:
            sent = by_data.get(message.data)
            assert sent, "%d got what nobody sent: %r" % (member.number, message)
            assert sent.sender is not member and sent.to in (None, member), (member.number, sent)
            arrived.append(sent)
        assert len(arrived) == len(set(arrived)), "%d got a message twice" % member.number
        return arrived

    def _order(self, member, arrived):
        """Per sender and class, in the order of their heads."""
        last = {}
        for sent in arrived:
            key = sent.sender, sent.stream
            assert sent.order > last.get(key, 0), "%d: %r out of order" % (member.number, sent)
            last[key] = sent.order

    def _owed(self, member):
        """Messages answered 200 of which this leg must have a copy, had it stayed."""
        return [m for m in self.sent
                if m.status == 200 and m.sender is not member and m.to in (None, member)
                and m.started > member.joined
                and (member.gone_at is None or id(m) in member.had_then)]

    def _missing(self, member, arrived, gapless):
        """Check what did not arrive; returns the copies the MRFP counts as lost for the leg."""
        here = set(arrived)
        missing = [m for m in self._owed(member) if m not in here]
        private = [m for m in missing if m.to]
        lost = member.reply.get("copies_lost", 0)
        delivered = member.reply.get("copies_delivered", 0)
        name = "%d (event %s)" % (member.number, member.lost_event)
        # What arrived and was not answered in time may count as lost too; typing is not counted.
        count = len([m for m in arrived if m.kind != "composing"])
        assert delivered <= count <= delivered + lost, (name, delivered, lost, count)
        if member.gone_at is not None or member.lost_event is None:
            # It left with these on their way to it, or it stayed.
            assert len(missing) <= lost, "%s: %r vanished" % (name, missing[:5])
        else:
            # It was cut: what came later is not owed to it.
            assert len(private) <= lost, "%s: %r vanished" % (name, private[:5])
        if member.gone_at is None and member.lost_event is None:
            assert missing == private, "%s lacks %r" % (name, missing[:5])
        if gapless:
            self._no_gap(member, missing, arrived)
        for m in private:
            if m.failure != "no" and not m.sender.conn.closed:
                report = m.sender.session.wait_report(m.mid)
                assert report.get("Status").split()[1] != "200", report
        return lost

    @staticmethod
    def _no_gap(member, missing, arrived):
        last = {}
        for m in arrived:
            key = m.sender, m.stream
            last[key] = max(last.get(key, 0), m.order)
        for m in missing:
            assert m.order > last.get((m.sender, m.stream), 0), \
                "%d has a gap: %r" % (member.number, m)
