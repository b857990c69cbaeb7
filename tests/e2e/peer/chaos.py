# SPDX-License-Identifier: Apache-2.0
"""A conference that is kept, its users and what may happen to them: actions drawn by dice, and a model
that knows who must have got what.

    chaos = Chaos(net, store, seed)
    chaos.run(60); chaos.settle(); chaos.check(); chaos.finish()

Each action and what it did stands in `chaos.journal`. What is demanded: see Chaos.check().
"""

import os
import random
import resource
import signal
import sqlite3
import time
from urllib.parse import quote

from .loop import LOOP, Timeout, wait
from .msrpmsg import new_id
from .servers import poll
from .sipcall import IncomingCall, bye_reason
from .ue import UE, RosterWatch

IN_DOUBT = object()


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


class Said:
    def __init__(self, chaos, leg, text, tx, to):
        self.leg, self.key, self.tx, self.to = leg, text.split(" ")[0], tx, to
        self.tick, self.began = chaos.tick(), time.monotonic()
        self.exempt = set()  # users who need not have it

    @property
    def status(self):
        return self.tx.status(0.01) if self.tx.answered else None

    @property
    def final(self):
        return self.tx.answered or self.tx.conn.closed

    def __repr__(self):
        return "%s of %r at %d" % (self.key, self.leg.device, self.tick)


class Chaos:
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

    # -- actions ---------------------------------------------------------------------------

    def say(self, leg, to=None, size=0):
        self.key += 1
        text = "#%d by %r" % (self.key, leg.device) + " x" * size
        extra = ["NS: imdn <urn:ietf:params:imdn>", "imdn.Message-ID: i%d" % self.key,
                 "imdn.Disposition-Notification: positive-delivery"]
        ue = leg.device.ue
        body = ue.cpim(text, to.aor if to else self.uri,
                       extra=extra if self.dice.random() < 0.3 else ())
        try:
            tx = leg.session.send(body)
        except (OSError, AttributeError):
            return
        self.said.append(Said(self, leg, text, tx, to))

    def do_chat(self):
        for _ in range(self.dice.randrange(1, 6)):
            leg = self.pick(l for l in self.legs() if not l.held)
            if leg:
                self.say(leg, size=self.dice.choice((0, 10, 2000)))

    def do_private(self):
        leg = self.pick(l for l in self.legs() if not l.held)
        to = self.pick(u for u in self.users if u.since and leg and u is not leg.device.user)
        if leg and to:
            self.say(leg, to)

    def do_nickname(self):
        leg = self.pick(self.legs())
        if leg:
            leg.session.nickname('"nick %d"' % self.dice.randrange(4))

    def do_join(self):
        d = self.pick(d for u in self.users for d in u.devices
                      if d.free and not d.late and (not u.banned or self.dice.random() < 0.3))
        if d:
            self.join(d, self.pick(("plain", "plain", "plain", "again", "ack late", "cancel",
                                    "replaces")))

    def join(self, d, how="plain"):
        other = next((x.leg for x in d.user.devices if x.leg and x.leg.up), None)
        headers = []
        if how == "replaces":
            if not other:
                return
            headers = [("Replaces", "%s;to-tag=%s;from-tag=%s" % (
                other.call.call_id, other.call.remote_tag, other.call.local_tag))]
            other.doomed = "replaced"
        ue = d.ue
        ue.room = self.uri
        text = ue.offer(setup=self.dice.choice(("actpass", "active", "passive")))
        self.note(d, "joins,", how)
        try:
            call = ue.ua.invite(self.uri, text, headers, auto_ack=how != "ack late")
        except OSError:
            return None  # over TCP, and no focus is there
        ue.call = call
        if how == "again":
            ue.ua.send(call.txn.request, self.net.sip, ue.ua.transport)
        if how == "cancel":
            call.cancel()
        if self.net.mrfc.killed or self.stopped:
            return self.later(d, call)
        try:
            resp = call.final(8)
        except Timeout:
            return self.later(d, call)
        if resp.code >= 300:
            self.note(d, "is answered", resp.code, resp.get("Warning"))
            self.refused[resp.code] = self.refused.get(resp.code, 0) + 1
            allowed = (487, 503, 480, 481, 408) if how in ("cancel", "replaces") else (503, 480)
            if resp.code not in allowed and not (resp.code == 403 and d.user.banned):
                self.fail(d, "refused", resp.code, resp.get("Warning"))
            return None
        leg = self.begin(d, call)
        leg.doomed = "joining"
        if how == "ack late":
            leg.late_ack = True
            LOOP.call_later(self.dice.choice((0.2, 1.0)), lambda: call.acked or call.ack())
        ue.take_answer(resp.text)
        self.open(d, leg)
        if how == "replaces":
            end = time.monotonic() + 5
            while other.device.leg is other and time.monotonic() < end and leg.doomed is None:
                self.tend()
                self.rest(0.02)
        return leg

    def later(self, d, call):
        """No answer yet: when it is a 200 after all, we hang up (tend())."""
        self.note(d, "has no answer yet")
        d.late.append(call)
        self.unsure(d.user)

    def rest(self, seconds):
        """Let time pass, as users do between two things."""
        done = []

        def over():
            done.append(1)
            LOOP.changed()
        LOOP.call_later(seconds, over)
        wait(lambda: done, seconds + 5, "time")

    def do_leave(self):
        leg = self.pick(l for l in self.legs() if l.device.user not in self.anchors)
        if leg:
            self.hang_up(leg, self.dice.random() < 0.5)

    def hang_up(self, leg, for_good):
        d = leg.device
        self.note(d, "leaves", "for good" if for_good else "")
        d.leg = None
        self.bye(leg.call, [("Reason", 'SIP;cause=200;text="left"')] if for_good else ())
        if for_good or self.leave == "bye":
            self.unsure(d.user)
        if self.dice.random() < 0.5:
            leg.session.conn.close()

    def bye(self, call, headers=()):
        """A BYE, said again until somebody answers it: over TCP the first may go with its server."""
        try:
            txn = call.bye(headers)
        except OSError:
            txn = None
        self.leaving.append((call, headers, txn, time.monotonic()))

    def say_bye_again(self):
        left, self.leaving = self.leaving, []
        for call, headers, txn, when in left:
            if txn and any(r.code >= 200 for r in txn.responses):
                continue
            if self.down() or (time.monotonic() - when < 2 and txn):
                self.leaving.append((call, headers, txn, when))
            elif call.ua.transport == "tcp" or txn is None:
                self.bye(call, headers)

    def do_vanish(self):
        leg = self.pick(self.legs())
        if leg:
            leg.mute = self.dice.random() < 0.15
            leg.doomed = "vanished"
            self.note(leg.device, "vanishes", "without a word" if leg.mute else "")
            if leg.mute:
                leg.device.leg = None
            leg.session.conn.reset()

    def do_move(self):
        """A re-INVITE with a new path."""
        leg = self.pick(l for l in self.legs() if not l.held)
        if not leg or self.down():
            return
        ue = leg.device.ue
        leg.busy = True
        self.note(leg.device, "moves")
        text = ue.offer(setup="passive")
        new = ue.session
        txn = leg.call.reinvite(text)
        try:
            resp = txn.final(8)
            if resp.code == 200:
                ue.take_answer(resp.text)
                leg.sessions.append(new)
                wait(lambda: new.conn or leg.call.ended, 5, "the switch")
            else:
                self.note(leg.device, "move answered", resp.code)
        except Timeout as err:
            self.note(leg.device, "move failed", repr(err)[:80])
            leg.doomed = "half moved"
        leg.busy = False

    def do_hold(self):
        leg = self.pick(l for l in self.legs() if not l.held and not l.doomed)
        if leg and not self.down():
            leg.busy = True
            self.note(leg.device, "holds and is back")
            for direction in ("sendonly", "sendrecv"):
                txn = leg.call.reinvite(leg.device.ue.offer(
                    new=False, direction=direction, setup="passive", path=leg.session.local))
                try:
                    txn.final(8)
                except Timeout:
                    leg.doomed = "half held"
                    break
                self.exempt_all(leg.device.user)
            leg.busy = False

    def exempt_all(self, user):
        for m in self.said:
            if not m.final or time.monotonic() - m.began < 1:
                m.exempt.add(user)

    def do_cross(self):
        """BYE crosses a re-INVITE of the same terminal."""
        leg = self.pick(l for l in self.legs() if l.device.user not in self.anchors)
        if leg and not self.down():
            leg.call.reinvite(leg.device.ue.offer())
            self.hang_up(leg, True)

    def do_kick(self):
        user = self.pick(u for u in self.others() if u.since)
        if not user or self.down():
            return
        for leg in user.legs:
            leg.doomed = "kicked"
        ban = self.dice.random() < 0.3
        self.unsure(user)
        status, _ = self.net.api("DELETE", "/v1/conferences/%s/participants/%s%s" % (
            self.room, quote(user.aor, safe=""), "?ban=1" if ban else ""))
        self.note(user, "is kicked", "and banned" if ban else "", status)
        if status == 204 and ban:
            user.banned = True

    def do_unban(self):
        user = self.pick(u for u in self.users if u.banned)
        if user and not self.down():
            status, _ = self.net.api("DELETE", "/v1/conferences/%s/bans/%s" % (
                self.room, quote(user.aor, safe="")))
            self.note(user, "is let in again", status)
            user.banned = status != 204

    def do_refer_bye(self):
        leg = self.pick(l for l in self.legs())
        user = self.pick(u for u in self.others() if u.since)
        if leg and user and leg.device.user is not user and not self.down():
            for l in user.legs:
                l.doomed = "kicked by REFER"
            self.unsure(user)
            self.note(leg.device, "REFERs BYE to", user)
            leg.call.refer("<%s;method=BYE>" % user.aor)

    def do_role(self):
        user = self.pick(u for u in self.others() if u.since)
        if user and not self.down():
            role = self.dice.choice(("speaker", "moderator", "owner"))
            status, _ = self.net.api("PATCH", "/v1/conferences/%s/participants/%s" % (
                self.room, quote(user.aor, safe="")), {"role": role})
            self.note(user, "is made", role, status)

    def do_invite(self):
        user = self.pick(u for u in self.users if not u.legs and not u.banned)
        leg = self.pick(self.legs())
        if not user or self.down():
            return
        if leg and self.dice.random() < 0.5:
            self.note(leg.device, "REFERs to", user)
            leg.call.refer("<%s>" % user.aor)
        else:
            status, _ = self.net.api("POST", "/v1/conferences/%s/participants" % self.room,
                                     {"uri": user.aor})
            self.note(user, "is invited by the API", status)

    def do_watch(self):
        leg = self.pick(self.legs())
        if leg and len(self.watches) < 4 and not self.down():
            sub = leg.device.ue.ua.subscribe(self.uri)
            try:
                code = sub.final(8).code
            except Timeout:
                return
            self.note(leg.device, "watches", code)
            if code == 200:
                watch = RosterWatch(sub)
                watch.user = leg.device.user
                self.watches.append(watch)

    def do_deaf(self):
        """A watcher leaves one NOTIFY without an answer."""
        watch = self.pick(self.watches)
        if watch:
            def once(txn):
                watch.sub.answer = 200
            watch.sub.answer = once

    def do_twins(self):
        """Two start the same conference again at once."""
        if self.down():
            return
        pair = [UE("twin%d" % n, self.net) for n in (1, 2)]
        key = ("Contribution-ID", "c-" + new_id())
        calls = [u.invite("sip:conference-factory@" + self.net.domain, headers=[key]) for u in pair]
        try:
            answers = [c.final(10) for c in calls]
        except Timeout:
            answers = []
        good = [a for a in answers if a.code == 200]
        self.note("twins", [a.code for a in answers])
        if len({a.contact.uri for a in good}) > 1:
            self.fail("twins made two conferences")
        for c in calls:
            if any(r.code == 200 for r in c.txn.responses):
                self.bye(c, [("Reason", "SIP;cause=200")])
        self.rest(0.05)
        self.twins = getattr(self, "twins", []) + pair

    # -- what happens to the servers -------------------------------------------------------

    stopped = False

    def down(self):
        return self.net.mrfc.killed or self.net.mrfp.killed or self.stopped

    def in_doubt(self):
        """The MRFP dies now: what it had not passed on to who is in goes with it."""
        have = {u: u.has() for u in self.users}
        for m in self.said:
            for u in self.users:
                if m.key not in have[u] and not (u.away_since and u.away_since < m.tick and
                                                 m.status == 200):
                    m.exempt.add(u)

    def do_kill_mrfc(self):
        self.heal()
        self.note("kill mrfc")
        self.net.mrfc.kill()
        for _ in range(self.dice.randrange(0, 4)):
            self.pick((self.do_chat, self.do_vanish, self.do_leave, self.do_join))()
        self.net.start_mrfc()
        self.back()

    def do_kill_mrfp(self):
        self.heal()
        if self.dice.random() < 0.6:
            self.rest(1)
        self.tend()
        self.note("kill mrfp")
        self.net.mrfp.kill()
        self.in_doubt()
        self.rest(self.dice.choice((0.0, 0.3)))
        self.net.start_mrfp(up=False)
        self.back()

    def do_kill_both(self):
        self.heal()
        self.tend()
        self.note("kill both")
        first, second = self.dice.sample([self.net.mrfp, self.net.mrfc], 2)
        first.kill()
        second.kill()
        self.in_doubt()
        self.net.start_mrfc()
        self.net.start_mrfp(up=False)
        self.back()

    def do_term_mrfc(self):
        self.heal()
        self.note("TERM and start mrfc")
        wrong = self.net.mrfc.stop()
        if wrong:
            self.fail("the mrfc ended so:", wrong)
        self.net.start_mrfc()
        self.back()

    def do_stop(self):
        server = self.pick((self.net.mrfc, self.net.mrfp))
        self.note("STOP", server.name)
        server.signal(signal.SIGSTOP)
        self.stopped = True
        for _ in range(self.dice.randrange(0, 3)):
            self.pick((self.do_chat, self.do_vanish, self.do_leave))()
        self.rest(self.dice.choice((0.1, 0.5, 1.5)))
        server.signal(signal.SIGCONT)
        self.stopped = False
        self.note("CONT", server.name)

    def do_outage(self):
        if self.outage or self.down():
            return
        how = self.dice.choice(("locked", "full"))
        self.note("store", how)
        if how == "locked":
            db = sqlite3.connect(self.store, timeout=5, isolation_level=None)
            db.execute("BEGIN IMMEDIATE")

            def end():
                db.execute("ROLLBACK")
                db.close()
        else:
            pid = self.net.mrfc.pid
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))

            def end():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        self.outage = [end, self.dice.randrange(2, 6)]

    def heal(self):
        """No kill while the store fails: what it could not write would be lost by right."""
        if self.outage:
            self.outage[0]()
            self.outage = None
            self.note("store heals")
            self.net.mrfc.wait_metric(lambda m: m["mrfc_store_up"] == 1 and
                                      m["mrfc_store_unsaved_rows"] == 0, 20, "the store again")

    def back(self):
        poll(lambda: "up" in [m["state"] for m in self.net.api("GET", "/v1/mrfps")[1]["mrfps"]],
             15, "the MRFP at the MRFC")
        self.note("up again")

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
            return all(leg.up and (waited or not leg.doomed) for leg in self.legs(False)) and \
                not self.leaving and not any(d.late for u in self.users for d in u.devices)
        self.wait_calm(calm)
        people = self.net.participants(self.room)
        for u in self.users:
            member = people.get(u.aor, {}).get("member")
            if u.since and member not in ("in", "away"):
                self.fail(u, "lost his membership:", member)
            if not u.legs and (u.since or member in ("away", "invited")):
                end = time.monotonic() + 15
                while not u.legs and time.monotonic() < end:
                    self.join(u.devices[0])
                    self.tend()
        self.wait_calm(calm)

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
            bad.append("owed %d, open copies %d" % (c.sum("mrfc_owed"), p.sum("mrfp_copies_open")))
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
        alive = [w for w in self.watches if not any(
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
