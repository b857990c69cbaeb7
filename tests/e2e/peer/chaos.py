# SPDX-License-Identifier: Apache-2.0
"""A conference that is kept, its users and what may happen to them: actions drawn by dice, and a model
that knows who must have got what.

    chaos = Chaos(net, store, seed)
    chaos.run(60); chaos.settle(); chaos.check(); chaos.finish()

Each action and what it did stands in `chaos.journal`. What is demanded: see Chaos.check().
"""

import os
import random
import sqlite3
import time

from .chaos_acts import Acts
from .loop import LOOP, Timeout, wait
from .msrpmsg import new_id
from .servers import poll
from .sipcall import IncomingCall, bye_reason
from .ue import UE


class Leg:
    """One session of a device, from its INVITE to its end, whatever MSRP sessions it has meanwhile."""

    def __init__(self, device, call, session):
        self.device, self.call = device, call
        self.sessions = [session]
        self.doomed = None  # why a BYE of the focus is nothing strange
        self.mute = self.busy = self.held = self.late_ack = False
        self.began = device.chaos.tick()
        call.handle = self.on_request
        self.given = None

    @property
    def session(self):
        return self.sessions[-1]

    @property
    def up(self):
        """Can send and be sent to."""
        s = self.session
        return not self.call.ended and self.device.leg is self and s.conn is not None and \
            not s.conn.closed and not self.mute and bool(s.remote)

    @property
    def confirmed(self):
        """Who has not sent his ACK yet is no member yet, whatever he can do."""
        return not self.late_ack or self.call.acked

    def on_request(self, txn):
        """In the dialog, in the loop's thread."""
        method = txn.request.method
        if self.mute:
            return
        if method != "INVITE":
            self.device.ue.ua.answer_by_itself(txn)
        elif self.busy:
            txn.respond(491)
        else:
            ue = self.device.ue
            text = ue.offer(setup="passive")
            ue.take_answer(txn.request.text)
            self.sessions.append(ue.session)
            self.doomed = None if self.doomed == "vanished" else self.doomed
            txn.respond(200, body=text, content_type="application/sdp")

    def texts(self):
        """Of each session, the texts of its whole messages."""
        mine = set(map(id, self.sessions))
        out = []
        for s in self.sessions:
            assert id(s) in mine
            found = []
            for msg in s.messages:
                if msg.complete:
                    body = msg.data.rpartition(b"\r\n\r\n")[2].decode("utf-8", "replace")
                    if body.startswith("#"):
                        found.append(body.split(" ")[0])
            out.append(found)
        return out


class Device:
    def __init__(self, chaos, user, number):
        self.chaos, self.user, self.number = chaos, user, number
        self.ue = UE(user.name, chaos.net, transport=chaos.dice.choice(("udp", "tcp")))
        self.leg, self.legs, self.late = None, [], []

    def __repr__(self):
        return "%s/%d" % (self.user.name, self.number)

    @property
    def free(self):
        return self.leg is None


class User:
    """since: the tick from which he is a member without a break; None: no member, or not surely."""

    def __init__(self, chaos, name):
        self.chaos, self.name = chaos, name
        self.since, self.banned = None, False
        self.devices = []
        first = Device(chaos, self, 1)
        ue = first.ue
        ue.aor = ue.ua.aor = ue.ua.contact_uri.partition(";")[0]
        ue.ua.asserted = "<%s>" % ue.aor
        self.aor = ue.aor
        second = Device(chaos, self, 2)
        second.ue.aor = second.ue.ua.aor = self.aor
        second.ue.ua.asserted = "<%s>" % self.aor
        self.devices = [first, second]
        self.away_since = None

    def __repr__(self):
        return self.name

    @property
    def legs(self):
        return [d.leg for d in self.devices if d.leg]

    def has(self):
        """{key of a message: times it came, over all his devices}."""
        got = {}
        for d in self.devices:
            for leg in d.legs:
                for texts in leg.texts():
                    for t in texts:
                        got[t] = got.get(t, 0) + 1
        return got


class Chaos(Acts):
    def __init__(self, net, store, seed, users=5, leave="bye", log=None):
        self.net, self.store, self.seed, self.leave = net, store, seed, leave
        self.dice = random.Random(seed)
        self.clock, self.journal, self.said, self.leaving = 0, [], [], []
        self.log = log
        self.started = time.monotonic()
        self.watches, self.wrong, self.outage, self.refused = [], [], None, {}
        self.users = [User(self, "u%d" % n) for n in range(users)]
        self.anchors = self.users[:2]
        self.room = "chaos-" + new_id()
        self.key = 0
        status, doc = net.api("POST", "/v1/conferences", {
            "name": self.room, "members": [u.aor for u in self.anchors]})
        assert status == 201, (status, doc)
        self.uri = "sip:%s@%s" % (self.room, net.domain)
        for u in self.anchors:
            self.join(u.devices[0])
        assert all(u.since for u in self.anchors), self.journal
        self.fds = {s.name: self.open_files(s) for s in (net.mrfc, net.mrfp)}

    # -- bookkeeping -----------------------------------------------------------------------

    def tick(self):
        self.clock += 1
        return self.clock

    def note(self, *what):
        line = "%7.3f %s" % (time.monotonic() - self.started, " ".join(map(str, what)))
        self.journal.append(line)
        if self.log:
            print(line, file=self.log, flush=True)

    def fail(self, *what):
        self.note("WRONG", *what)
        self.wrong.append(self.journal[-1])

    @staticmethod
    def open_files(server):
        return len(os.listdir("/proc/%d/fd" % server.pid))

    def legs(self, up=True):
        return [d.leg for u in self.users for d in u.devices if d.leg and (d.leg.up or not up)]

    def pick(self, things):
        things = list(things)
        return self.dice.choice(things) if things else None

    def others(self):
        return [u for u in self.users if u not in self.anchors]

    # -- what goes on by itself ------------------------------------------------------------

    def tend(self):
        """Answer calls of the focus, see who was hung up on, what came late."""
        self.say_bye_again()
        for user in self.users:
            for d in user.devices:
                for txn in [t for t in d.ue.ua.incoming if t.request.method == "INVITE"]:
                    d.ue.ua.incoming.remove(txn)
                    self.called(d, txn)
                if d.leg and d.leg.call.ended:
                    self.hung_up(d)
                for call in list(d.late):
                    if any(r.code >= 200 for r in call.txn.responses):
                        d.late.remove(call)
                        if call.txn.responses[-1].code < 300:
                            self.note(d, "late 200: BYE")
                            self.bye(call)
            if not user.legs:
                user.away_since = user.away_since or self.tick()
            else:
                user.away_since = None

    def hung_up(self, d):
        leg = d.leg
        d.leg = None
        bye = next(t.request for t in leg.call.requests if t.request.method == "BYE")
        self.note(d, "has BYE", bye_reason(bye), "doomed:", leg.doomed)
        # Who has not confirmed his session when its MRFP goes cannot be moved to another.
        if not leg.doomed and not (leg.late_ack and bye_reason(bye)[1] == 503):
            self.fail(d, "a BYE that nobody ordered:", bye_reason(bye))
        if leg.late_ack and not leg.doomed:
            self.unsure(d.user)
        if leg.session.conn:
            leg.session.conn.close()

    def called(self, d, txn):
        call = IncomingCall(d.ue.ua, txn)
        how = self.dice.random()
        if d.leg or how < 0.2:
            self.note(d, "is called: 486")
            call.reject(486)
            return
        if how < 0.3:
            self.note(d, "is called: rings on")
            call.ringing()
            return
        self.note(d, "is called: accepts")
        text = d.ue.offer(setup=self.dice.choice(("active", "passive")))
        d.ue.call = call
        d.ue.take_answer(call.offer)
        leg = self.begin(d, call)
        if leg.session.remote and "setup:active" in text:
            d.ue.role = "active"
        else:
            d.ue.role = "passive"
        leg.doomed = "being called"
        call.accept(text)
        try:
            call.wait_ack(5)
        except Timeout:
            self.note(d, "no ACK: leaves")
            self.bye(call)
            d.leg = None
            self.unsure(d.user)
            return
        self.open(d, leg)

    def begin(self, d, call):
        leg = Leg(d, call, d.ue.session)
        d.leg = leg
        d.legs.append(leg)
        return leg

    def open(self, d, leg):
        """Media of a leg whose call is up."""
        try:
            d.ue.open_media(5)
        except (Timeout, AssertionError, OSError) as err:
            self.note(d, "no media:", repr(err)[:100])
            leg.doomed = leg.doomed or "no media"
            return
        if leg.doomed in ("being called", "joining"):
            leg.doomed = None
        if d.user.since is None:
            d.user.since = self.tick()
        self.note(d, "is in")

    def unsure(self, user):
        """Whether he is a member shall show when he is in the next time."""
        user.since = None

    # -- the run ---------------------------------------------------------------------------

    WEIGHTS = {"chat": 30, "private": 6, "nickname": 2, "join": 22, "leave": 5, "vanish": 6,
               "move": 3, "hold": 2, "cross": 1, "kick": 2, "unban": 2, "refer_bye": 1, "role": 1,
               "invite": 4, "watch": 3, "deaf": 1, "twins": 2, "kill_mrfc": 2, "kill_mrfp": 2,
               "kill_both": 1, "term_mrfc": 1, "stop": 2, "outage": 1}

    def run(self, steps):
        names, weights = list(self.WEIGHTS), list(self.WEIGHTS.values())
        for _ in range(steps):
            name = self.dice.choices(names, weights)[0]
            self.note("-", name)
            getattr(self, "do_" + name)()
            self.rest(self.dice.choice((0, 0, 0.01, 0.1)))
            self.tend()
            if self.outage:
                self.outage[1] -= 1
                if self.outage[1] <= 0:
                    self.heal()

    def settle(self):
        """Everything is well again, and every member who is away comes back."""
        self.heal()
        self.back()
        self.note("settle")
        wait(lambda: all(m.final for m in self.said), 40, "answers",
             lambda: [m for m in self.said if not m.final][:5])

        begun = time.monotonic()

        def calm():
            self.tend()
            waited = time.monotonic() - begun > 8  # what was ordered may have been refused
            return all(leg.up and leg.confirmed and (waited or not leg.doomed)
                       for leg in self.legs(False)) and \
                not self.leaving and not any(
                    d.late and d.ue.ua.transport == "udp" for u in self.users for d in u.devices)
        self.wait_calm(calm)
        for _ in range(3):
            self.bring_back()
            self.rest(0.3)
        self.wait_calm(calm)

    def bring_back(self):
        """Who is away joins again. It may take long until the focus finds that he is."""
        def members():
            people = self.net.participants(self.room)
            return {u: people.get(u.aor, {}).get("member") for u in self.users}

        try:  # the last ACK may still be on its way
            poll(lambda: all(m in ("in", "away") for u, m in members().items() if u.since), 2)
        except AssertionError:
            self.note("members:", members())
        for u, member in members().items():
            if u.since and member not in ("in", "away"):
                self.fail(u, "lost his membership:", member)
            if not u.legs and (u.since or member in ("away", "invited")):
                end = time.monotonic() + 15
                while not u.legs and time.monotonic() < end:
                    self.join(u.devices[0])
                    self.tend()

    def wait_calm(self, calm):
        try:
            poll(calm, 45, "calm")
        except AssertionError:
            self.fail("no calm", [(l.device, l.up, l.doomed) for l in self.legs(False)],
                      self.leaving, [(d, d.late) for u in self.users for d in u.devices if d.late])

    def check(self):
        """Each message that was answered 200 is with each who was a member when it was said and is still;
        each session has it once, and in the order of its sender; nobody was thrown out unordered."""
        missing = []

        def arrived():
            self.tend()
            have = {u: u.has() for u in self.users}
            missing[:] = [(u, m, u.since) for m in self.said if m.status == 200
                          for u in self.users
                          if u.since and u.since < m.tick and u is not m.leg.device.user and
                          m.to in (None, u) and u not in m.exempt and m.key not in have[u]]
            return not missing
        try:
            poll(arrived, 15, "what was said")
        except AssertionError:
            self.fail("missing:", len(missing), missing[:10])
        for u in self.users:
            for d in u.devices:
                for n, leg in enumerate(d.legs):
                    for texts in leg.texts():
                        self.check_session(d, n, texts)
        self.check_agreement()
        for u in self.users:
            for d in u.devices:
                for v in d.ue.violations():
                    self.fail(d, "grammar:", v)
        assert not self.wrong, "seed %d\n%s\n%s" % (self.seed, "\n".join(self.wrong),
                                                   "\n".join(self.journal[-400:]))

    def check_session(self, d, n, texts):
        if len(texts) != len(set(texts)):
            self.fail(d, "leg", n, "has twice:", sorted({t for t in texts if texts.count(t) > 1}))
        by = {m.key: m for m in self.said}
        last = {}
        for t in texts:
            m = by.get(t)
            if m is None:
                self.fail(d, "has what nobody said:", t)
                continue
            stream = (id(m.leg), m.to)
            if last.get(stream, 0) > m.tick:
                self.fail(d, "leg", n, "out of order:", m)
            last[stream] = max(last.get(stream, 0), m.tick)

    def agreement(self):
        """What differs between terminals, API, metrics and store, as sentences."""
        people = self.net.participants(self.room)
        bad = []
        mine = {u.aor: len(u.legs) for u in self.users if u.legs}
        theirs = {a: len([e for e in p["endpoints"] if e["state"] in ("connected", "on-hold")])
                  for a, p in people.items()}
        theirs = {a: n for a, n in theirs.items() if n}
        if mine != theirs:
            bad.append("terminals %s, API %s" % (mine, theirs))
        n = sum(mine.values())
        other = [(p["uri"], e["state"]) for p in people.values() for e in p["endpoints"]
                 if e["state"] not in ("connected", "on-hold", "disconnected")]
        if other:
            bad.append("half sessions %s" % other)
        for u in self.users:
            if u.since and people.get(u.aor, {}).get("member") != "in":
                bad.append("%s is no member: %s" % (u, people.get(u.aor, {}).get("member")))
        c, p = self.net.mrfc.metrics(), self.net.mrfp.metrics()
        for name, value in (("mrfc_sessions", c.sum("mrfc_sessions")),
                            ("mrfc_dialogs", c.sum("mrfc_dialogs")),
                            ("mrfc_mp_terminations", c.sum("mrfc_mp_terminations")),
                            ("mrfp_terminations", p.sum("mrfp_terminations"))):
            if value != n:
                bad.append("%s %d of %d" % (name, value, n))
        if c.sum("mrfc_owed") or p.sum("mrfp_copies_open"):
            bad.append("owed %d, open copies %d: %s, %s" % (
                c.sum("mrfc_owed"), p.sum("mrfp_copies_open"), self.owed_to(),
                {a: (q["member"], len(q["endpoints"])) for a, q in people.items()}))
        if c.sum("mrfc_conferences") != 1:
            bad.append("%d conferences" % c.sum("mrfc_conferences"))
        rows = self.rows()
        members = [a for a, q in people.items() if q["member"]]
        for table, count in (("conference", 1), ("session", n), ("dialog", n), ("owed", 0),
                             ("kept", 0), ("member", len(members)),
                             ("subscription", c.sum("mrfc_subscriptions"))):
            if rows.get(table, 0) != count:
                bad.append("store: %d rows of %s, not %d" % (rows.get(table, 0), table, count))
        return bad + self.rosters(people)

    def rosters(self, people):
        bad = []
        alive = [w for w in self.watches if not w.deaf and not any(
            (x.get("Subscription-State") or "").startswith("terminated") for x in w.sub.notifies)]
        for w in alive:
            seen = {a: len([e for e in u["endpoints"].values()
                            if e.get("status") in ("connected", "on-hold")])
                    if isinstance(u["endpoints"], dict) else 0
                    for a, u in w.update().users.items()}
            want = {a: len([e for e in p["endpoints"] if e["state"] in ("connected", "on-hold")])
                    for a, p in people.items() if p["endpoints"] or p["member"]}
            if {a: n for a, n in seen.items() if n} != {a: n for a, n in want.items() if n} or \
                    not set(a for a, p in people.items() if p["member"]) <= set(seen):
                bad.append("roster of %s: %s, API %s" % (w.user, seen, want))
        return bad

    def owed_to(self):
        """{key's member: messages} of the store."""
        db = sqlite3.connect(self.store, timeout=5)
        try:
            who = [bytes(r[0]).decode().partition("/")[2].partition("\t")[0]
                   for r in db.execute("SELECT key FROM owed")]
        except sqlite3.OperationalError:
            return {}  # nothing was ever owed
        finally:
            db.close()
        return {w: who.count(w) for w in set(who)}

    def rows(self):
        db = sqlite3.connect(self.store, timeout=5)
        try:
            names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            return {t: db.execute('SELECT count(*) FROM "%s"' % t).fetchone()[0] for t in names}
        finally:
            db.close()

    def check_agreement(self):
        seen = []

        def agreed():
            self.bring_back()
            self.tend()
            seen[:] = self.agreement()
            return not seen
        try:
            poll(agreed, 45, "agreement")
        except AssertionError:
            for line in seen:
                self.fail(line)

    def finish(self):
        """All go; then nothing is left."""
        self.net.api("DELETE", "/v1/conferences/" + self.room)
        for leg in self.legs(False):
            leg.doomed = "the end"
        left = []

        def gone():
            self.tend()
            c, p = self.net.mrfc.metrics(), self.net.mrfp.metrics()
            left[:] = ["%s %d" % (k, m.sum(k)) for m, names in (
                (c, ("mrfc_conferences", "mrfc_sessions", "mrfc_dialogs", "mrfc_subscriptions",
                     "mrfc_mp_contexts", "mrfc_mp_terminations", "mrfc_owed",
                     "mrfc_mp_requests_in_flight")),
                (p, ("mrfp_contexts", "mrfp_terminations", "mrfp_copies_open",
                     "mrfp_control_events_queued"))) for k in names if m.sum(k)]
            left.extend("store: %s" % ((t, n),) for t, n in self.rows().items()
                        if n and t not in ("meta", "user"))
            return not left
        try:
            poll(gone, 50, "an end")
        except AssertionError:
            raise AssertionError("seed %d leaves %s\n%s" % (
                self.seed, left, "\n".join(self.journal[-400:])))
        self.close()

    def close(self):
        for u in self.users:
            for d in u.devices:
                d.ue.close()
        for ue in getattr(self, "twins", []):
            ue.close()
